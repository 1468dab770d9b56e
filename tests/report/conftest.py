"""Reports that several tests look at, and one browser for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from codedance import Sandbox
from codedance.report import write_report
from once import made_once
from report.browser import Browser, missing
from report.made import made_run
from report.nasty import nasty_run
from report.scripted import scripted_run


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 traces, each with a photograph of its own."""
    return made_once(tmp_path_factory, "large", lambda folder: write_report(made_run(folder, 200, size=(1008, 756))))


@pytest.fixture(scope="session")
def nasty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "nasty", lambda folder: write_report(nasty_run(folder)))


@pytest_asyncio.fixture(scope="session")
async def scripted(tmp_path_factory: pytest.TempPathFactory, box: Sandbox) -> Path:
    return write_report(await scripted_run(tmp_path_factory.mktemp("scripted"), box))


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if reason := missing():
        pytest.skip(reason)
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()
