"""Sessions see what code needs of an environment, and nothing else of the folder in which it lies."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from codedance import Limits, Sandbox
from codedance.sandbox import host, visible


def shown(roots: tuple[str, ...], path: Path) -> bool:
    """Whether `path` is one of the roots or lies in one."""
    return any(path.is_relative_to(root) for root in roots)


def make_project(folder: Path) -> list[Path]:
    """An environment in a project's own folder; returns the files that are nobody's business."""
    for name in ("lib/python3.11/site-packages/x.py", "bin/tool", "share/fonts/a.ttf", "etc/fonts/fonts.conf", "pyvenv.cfg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("seen")
    private = [
        folder / name for name in (".env", "pip.conf", "data/private.txt", "etc/secret", "src/app.py", "notes", ".git/config")
    ]
    for path in private:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("CANARY")
    return private


@pytest.mark.parametrize("names", [("prefix", "exec_prefix"), ("base_prefix", "base_exec_prefix")], ids=["venv", "installation"])
def test_of_an_environment_in_a_project_only_what_installers_write_is_visible(
    names: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = make_project(tmp_path)
    for name in names:
        monkeypatch.setattr(sys, name, str(tmp_path))
    roots = host.readable_roots()
    assert [path.name for path in private if shown(roots, path)] == []
    for name in ("lib/python3.11/site-packages/x.py", "bin/tool", "share/fonts/a.ttf", "etc/fonts/fonts.conf", "pyvenv.cfg"):
        assert shown(roots, tmp_path / name), name


def test_of_a_folder_that_libraries_were_installed_into_only_they_are_visible(tmp_path: Path) -> None:
    private = make_project(tmp_path)
    record = "numpy/__init__.py,sha256=x,5\nnumpy.libs/a.so,,\nsix.py,,\n../../bin/f2py,,\n__pycache__/six.pyc,,\n/etc/x,,\n,,\n"
    contents = {
        "numpy-2.1.dist-info/RECORD": record,
        "numpy/__init__.py": "",
        "numpy.libs/a.so": "",
        "six.py": "",
        "cv2/__init__.py": "",
        "__pycache__/app.pyc": "",
        "odd-1.dist-info/METADATA": "",
    }
    for name, text in contents.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    roots = visible.roots([str(tmp_path)], ["numpy", "cv2", "PIL"])
    found = {str(Path(root).relative_to(tmp_path)) for root in roots if Path(root).is_relative_to(tmp_path)}
    assert found == {"numpy", "numpy.libs", "numpy-2.1.dist-info", "six.py", "cv2", "odd-1.dist-info"}
    assert [path.name for path in private if shown(roots, path)] == []


def test_a_folder_of_libraries_is_visible_as_a_whole(tmp_path: Path) -> None:
    for name in ("site-packages", "dist-packages"):
        (tmp_path / name).mkdir()
        assert str(tmp_path / name) in visible.roots([str(tmp_path / name)], ["numpy"])


def test_of_the_system_and_of_this_project_no_more_than_that_is_visible() -> None:
    roots = host.readable_roots()
    everywhere = (Path("/"), Path("/usr"), Path("/usr/src"), Path("/usr/local/etc"), Path.home(), Path("/etc/passwd"))
    assert [str(path) for path in everywhere if shown(roots, path)] == []
    project = Path(host.__file__).parents[3]
    assert not shown(roots, project / "codedance" / "cli") or project.name == "site-packages"
    assert len(set(roots)) == len(roots)


async def test_sessions_do_not_read_what_lies_beside_their_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private = make_project(tmp_path)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    code = f"""
import os
for path in {[str(path) for path in private]}:
    try: print(open(path).read())
    except OSError: pass
print(open({str(tmp_path / "lib/python3.11/site-packages/x.py")!r}).read())
import skimage.measure, pandas
"""
    async with Sandbox(Limits(time_s=20), require=0, pool=1) as box, box.session() as session:
        if box.isolation.level < 2:
            pytest.skip("below level 2 files can be read")
        result = await session.run(code)
        assert (result.stdout, result.error) == ("seen\n", None)
