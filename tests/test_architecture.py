"""Who may import whom, what the public surface is, and what importing costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import codedance

SRC = Path(codedance.__file__).parent
GUEST_LIBRARIES = {"numpy", "PIL", "cv2", "matplotlib", "scipy", "skimage", "pandas", "sympy"}
LEAVES = {"types", "errors", "image_marks", "reply_marks", "untrusted", "plain"}
BELOW = {  # package -> our packages and modules that it may import
    "types": set(),
    "errors": set(),
    "image_marks": set(),
    "reply_marks": set(),
    "untrusted": {"errors"},
    "plain": set(),
    "sandbox": LEAVES,
    "images": LEAVES | {"sandbox"},  # only how a picture becomes upright RGB, see below
    "model": LEAVES | {"images"},
    "config": LEAVES,
    "tasks": LEAVES,
    "rollout": LEAVES | {"sandbox", "images", "model", "tasks"},
    "reward": LEAVES | {"images", "model"},  # the judge only, see below
    "evaluate": LEAVES | {"images", "model", "tasks", "rollout", "reward"},
    "report": LEAVES | {"images", "rollout", "reward", "evaluate"},
    "train": LEAVES | {"config", "evaluate", "images", "model", "sandbox", "tasks", "rollout", "reward"},
    "cli": LEAVES | {"config", "evaluate", "train", "sandbox", "images", "model", "tasks", "rollout", "reward", "report"},
    "__init__": LEAVES | {"sandbox", "images", "model", "rollout"},
}


def modules() -> list[Path]:
    return sorted(SRC.rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Every module that a file imports, relative ones resolved."""
    found = set()
    package = ["codedance", *path.relative_to(SRC).parent.parts]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            found.add(".".join([*base, *([node.module] if node.module else [])]))
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SRC)))
def test_data_flows_one_way(path: Path) -> None:
    room = path.relative_to(SRC).parts[0].removesuffix(".py")
    ours = {name.split(".")[1] for name in imports(path) if name.startswith("codedance.")}
    assert ours <= BELOW[room] | {room}


def test_pictures_take_only_their_decoding_from_the_sandbox() -> None:
    ours = {name for path in (SRC / "images").glob("*.py") for name in imports(path)}
    assert {name for name in ours if "sandbox" in name} == {"codedance.sandbox.guest.pictures"}


def test_of_rewards_only_the_judge_knows_models() -> None:
    knowing = {
        path.name for path in (SRC / "reward").rglob("*.py") if any(".model" in n or ".images" in n for n in imports(path))
    }
    assert knowing == {"judge.py"}


@pytest.mark.parametrize("path", sorted((SRC / "sandbox/guest").rglob("*.py")), ids=lambda path: path.name)
def test_code_inside_the_sandbox_imports_nothing_of_the_project(path: Path) -> None:
    outside = {
        name for name in imports(path) if name.split(".")[0] == "codedance" and not name.startswith("codedance.sandbox.guest")
    }
    foreign = {name.split(".")[0] for name in imports(path)} - set(sys.stdlib_module_names) - GUEST_LIBRARIES - {"codedance"}
    assert (outside, foreign) == (set(), set())
    assert "import codedance" not in path.read_text()


@pytest.mark.parametrize("path", sorted((SRC / "sandbox/supervisor").glob("*.py")), ids=lambda path: path.name)
def test_the_supervisor_loads_no_library_that_decodes_pictures(path: Path) -> None:
    assert not {name.split(".")[0] for name in imports(path)} & GUEST_LIBRARIES


def test_only_training_and_local_models_may_import_torch() -> None:
    local = {SRC / "model" / f"{name}.py" for name in ("local", "loading", "decoding", "columns", "drawing", "vision")}
    allowed = {*local, *(SRC / "train").rglob("*.py")}
    assert not [path for path in modules() if path not in allowed and "torch" in {n.split(".")[0] for n in imports(path)}]


READERS = {"untrusted.py", "images/reading.py"}
OWN_FILES = {"tasks/spool.py"}  # which has no name and holds what this process wrote
VERBS = ("eval", "evaluation", "score", "compare", "replay", "report", "tasks", "exam")


def opening(path: Path) -> set[str]:
    """Calls that open a file, or ask Pillow, beside the readers of what comes from others. Our own resources are no files."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Name) and called.id == "open":
            found.add("open")
        if isinstance(called, ast.Attribute):
            of = ast.unparse(called.value)
            is_ours = "resources.files" in of or of.startswith("_HERE")
            is_loading = called.attr in ("load", "open") and of in ("json", "Image", "np", "torch", "pickle", "io", "os", "gzip")
            if is_loading or (called.attr in ("read_text", "read_bytes", "write_text", "write_bytes") and not is_ours):
                found.add(f"{of}.{called.attr}")
    return found


def test_files_of_others_are_opened_by_their_reader_alone() -> None:
    rooms = ("images", "report", "evaluate", "rollout", "tasks")
    paths = [*(path for room in rooms for path in (SRC / room).rglob("*.py")), *(SRC / f"cli/{verb}.py" for verb in VERBS)]
    found = {str(path.relative_to(SRC)): opening(path) for path in paths}
    allowed = {"rollout/store.py": {"os.open"}}  # of traces.jsonl, for appending, and not through a link
    assert {
        name: calls for name, calls in found.items() if calls - allowed.get(name, set()) and name not in READERS | OWN_FILES
    } == {}


def test_the_public_names_are_sorted_and_complete() -> None:
    eager = {
        n for n, v in vars(codedance).items() if not n.startswith("_") and getattr(v, "__module__", "").startswith("codedance")
    }
    assert sorted(eager | set(codedance._ON_USE)) == codedance.__all__


def test_names_that_are_loaded_on_use_are_where_they_are_said_to_be() -> None:
    for name, module in codedance._ON_USE.items():
        assert getattr(codedance, name).__module__ == f"codedance.{module}"
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = codedance.nonsense


def test_every_public_name_has_a_docstring() -> None:
    assert [name for name in codedance.__all__ if not getattr(codedance, name).__doc__] == []


def test_importing_is_light_and_does_nothing() -> None:
    code = (
        "import sys, time, threading; start = time.process_time(); import codedance; spent = time.process_time() - start\n"
        "heavy = {'asyncio', 'numpy', 'PIL', 'torch', 'cv2', 'matplotlib', 'rich', 'cyclopts', 'openai', 'pydantic'}\n"
        "print(spent, heavy & set(sys.modules), threading.active_count())"
    )
    tries = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split(maxsplit=1) for _ in range(3)
    ]
    assert {seen for _, seen in tries} == {"set() 1\n"}
    assert min(float(spent) for spent, _ in tries) < 0.15  # 0.04 of the processor's time on an idle machine


def calls(path: Path) -> set[str]:
    """What a file calls, as far as its names tell."""
    return {ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)}


def test_only_the_command_line_prints_and_it_does_so_by_what_hides_control_characters() -> None:
    ours = [path for path in modules() if "sandbox" not in path.relative_to(SRC).parts and path != SRC / "cli" / "terminal.py"]
    own_ways = {"Console", "rich.console.Console", "rich.print", "sys.stdout.buffer.write", "sys.__stdout__.write"}
    assert [path.name for path in ours if calls(path) & own_ways] == []
    elsewhere = [path for path in ours if path.parent != SRC / "cli"]
    assert [path.name for path in elsewhere if calls(path) & {"sys.stderr.write", "sys.stdout.write"}] == ["ranks.py"]
