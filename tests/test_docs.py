"""What the docs and examples show works as shown."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in ("sandbox", "rollout", "train", "evaluate"))]


def blocks() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for number, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)):
            found.append((f"{page.name}-{number}", code))
    return found


@pytest.mark.parametrize(("name", "code"), blocks(), ids=lambda value: value if "-" in value and "\n" not in value else "")
def test_every_python_block_runs(name: str, code: str, tmp_path: Path) -> None:
    code = code.replace('"photo.jpg"', '"examples/coins.png"').replace("SyncSandbox()", "SyncSandbox(require=0)")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "ok" in done.stdout


def test_the_example_counts_the_coins_and_draws_its_trace(tmp_path: Path) -> None:
    trace = tmp_path / "trace.png"
    done = subprocess.run([sys.executable, ROOT / "examples/sandbox.py", trace], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "12 coins" in done.stdout and trace.stat().st_size > 10_000


def test_the_example_asks_and_answers() -> None:
    done = subprocess.run([sys.executable, ROOT / "examples/ask.py"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "12 coins" in done.stdout and "answer: 6 (answered)" in done.stdout


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.name
)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_defaults_in_the_docs_are_those_of_the_code() -> None:
    from codedance import Limits

    text = (ROOT / "docs/sandbox.md").read_text()
    documented = {}
    for names, values in re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| ([\d, .]+) \|", text, re.MULTILINE):
        parts = [values.replace(",", "")] if "`, `" not in names else values.split(", ")
        documented |= dict(zip(re.findall(r"`(\w+)`", names), map(float, parts), strict=True))
    assert documented == {name: float(getattr(Limits(), name)) for name in Limits.__dataclass_fields__}
