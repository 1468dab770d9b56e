"""A real browser at one's fingertips: Debian's chromium, driven by selenium, with what it complained about and asked for.

    browser.open(report, "#/traces?stop=answered", width=390, dark=True)
    browser.run("return document.title")
    complaints, requests = browser.said()

Not covered: other browsers.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
PATIENCE_S = 10.0


def missing() -> str:
    """Why there is no browser here; empty where there is one."""
    absent = [str(path) for path in (CHROMIUM, DRIVER) if not path.exists()]
    return f"no browser: {' and '.join(absent)} missing; on Debian: apt-get install chromium chromium-driver" if absent else ""


class Browser:
    """One window."""

    def __init__(self, profile: Path) -> None:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        options = webdriver.ChromeOptions()
        options.binary_location = str(CHROMIUM)
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self._driver = webdriver.Chrome(options=options, service=Service(executable_path=str(DRIVER)))
        self._home = ""

    def open(self, report: Path, place: str = "", width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Load the file anew, and wait until its script has shown something."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self._driver.get("about:blank")
        self._driver.get_log("performance"), self._driver.get_log("browser")
        self._home = report.as_uri()
        self._driver.get(self._home + place)
        self.wait("return Boolean(document.querySelector('#rows li'))")

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script returns."""
        return self._driver.execute_script(script, *arguments)

    def wait(self, script: str, *arguments: Any) -> Any:
        """Until the script returns something true."""
        end = time.monotonic() + PATIENCE_S
        while not (found := self.run(script, *arguments)):
            assert time.monotonic() < end, f"still not after {PATIENCE_S:g} s: {script}"
            time.sleep(0.02)
        return found

    def press(self, *keys: str) -> None:
        """Type into whatever has the focus."""
        from selenium.webdriver import ActionChains

        ActionChains(self._driver).send_keys(*keys).perform()

    def click(self, selector: str) -> None:
        """As a person does: the element must be in sight and uncovered."""
        element = self._driver.find_element("css selector", selector)
        self.run("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def said(self) -> tuple[list[str], list[str]]:
        """Complaints on the console, and requests that left the file, since it was opened."""
        complaints = [entry["message"] for entry in self._driver.get_log("browser")]
        events = [json.loads(entry["message"])["message"] for entry in self._driver.get_log("performance")]
        asked = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
        return complaints, [url for url in asked if url != self._home and not url.startswith(("data:", "blob:"))]

    def close(self) -> None:
        """End the browser."""
        self._driver.quit()
