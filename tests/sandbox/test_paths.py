"""What a session may know of the host's files: by what is really there, whatever the text of the path says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from codedance.sandbox.supervisor.paths import Place, View


@pytest.fixture
def view(tmp_path: Path) -> View:
    """root/lib and work may be used; secret and elsewhere may not."""
    for name in ("root/lib", "work/inner", "secret"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "root/lib/a.py").touch()
    (tmp_path / "secret/key").touch()
    (tmp_path / "alias").symlink_to(tmp_path / "root")
    (tmp_path / "root/out").symlink_to(tmp_path / "secret")
    (tmp_path / "root/back").symlink_to(tmp_path / "work")
    (tmp_path / "secret/in").symlink_to(tmp_path / "root")
    return View([str(tmp_path / "root")], str(tmp_path / "work"))


def test_places(view: View, tmp_path: Path) -> None:
    wanted = {"root": "READABLE", "root/lib/a.py": "READABLE", "work": "WRITABLE", "work/new": "WRITABLE", "": "ABOVE"}
    wanted |= {"roots": "OUTSIDE", "secret": "OUTSIDE", "workshop/x": "OUTSIDE"}
    assert {name: view.place(str(tmp_path / name)).name for name in wanted} == wanted
    assert (view.place("/dev/null"), view.place("/dev/mem"), view.place("/")) == (Place.DEVICE, Place.OUTSIDE, Place.ABOVE)


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("root/lib/a.py", "root/lib/a.py"),
        ("root//./lib/a.py", "root/lib/a.py"),
        ("root/lib/../lib/a.py", "root/lib/a.py"),
        ("root/back/inner", "work/inner"),
        ("root/back/inner/../..", ""),
        ("root/../root/lib", "root/lib"),
    ],
)
def test_what_may_be_used_is_found(view: View, tmp_path: Path, path: str, leads_to: str) -> None:
    with view.find(f"{tmp_path}/{path}", follow=True) as found:
        assert found.real == str(tmp_path / leads_to)


@pytest.mark.parametrize(
    "path",
    [
        "secret",
        "secret/key",
        "secret/none",
        "root/out",
        "root/out/key",
        "root/../secret/key",
        "secret/../root/lib",  # else it would tell that `secret` exists
        "nothing/../root/lib",
        "root/out/../root/lib",
        "secret/in/lib",
        "alias/lib",
        "work/../../etc/passwd",
    ],
)
def test_what_is_outside_does_not_exist(view: View, tmp_path: Path, path: str) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError):
        view.find(f"{tmp_path}/{path}", follow=True)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_path_with_very_many_steps_up_is_given_up(view: View, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="steps up"):
        view.find(str(tmp_path / "root") + "/lib/.." * 100, follow=True)


def test_the_loader_finds_its_libraries_by_the_usual_links() -> None:
    view = View(["/usr"], "/nonexistent")
    for link in ("/lib", "/bin"):
        if os.path.islink(link):
            with view.find(link, follow=False) as found:
                assert found.real == link
