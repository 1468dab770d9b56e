"""The watcher below level 3: it counts what is there, is not blinded, keeps to its budget and never holds up the loop."""

from __future__ import annotations

import asyncio
import mmap
import os
import subprocess
import threading
from pathlib import Path

import pytest

from codedance.sandbox import Sandbox
from codedance.sandbox.guest.settings import Caps
from codedance.sandbox.limits import Limits
from codedance.sandbox.supervisor import watch
from codedance.sandbox.supervisor.held import held, pid_of

LIMITS = Limits(disk_mb=1, files=20)
CAPS = Caps(**{name: getattr(LIMITS, name) for name in Caps.__dataclass_fields__})
_NEVER_S = 30.0


def test_size_and_number_of_files_are_counted_at_every_depth(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert watch.excess(watch.Subject(str(tmp_path)), CAPS) is None
    (deep / "big").write_bytes(b"x" * (2 << 20))
    assert watch.excess(watch.Subject(str(tmp_path)), CAPS) == "it wrote more than 1 MB"
    for index in range(25):
        (deep / f"f{index}").touch()
    assert watch.excess(watch.Subject(str(tmp_path)), CAPS) == "it made more than 20 files"


def test_files_that_vanish_under_way_do_not_hide_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "big").write_bytes(b"x" * (2 << 20))
    (tmp_path / "gone").touch()
    (tmp_path / "dir").mkdir()
    real_scandir, real_open = os.scandir, os.open

    def scandir(fd: int) -> os._ScandirIterator[str]:
        entries = real_scandir(fd)
        (tmp_path / "gone").unlink(missing_ok=True)
        return entries

    def open_(path: str, flags: int, **options: int | None) -> int:
        if path == "dir":
            (tmp_path / "dir").rmdir()
        return real_open(path, flags, **options)

    monkeypatch.setattr(watch.os, "scandir", scandir)
    monkeypatch.setattr(watch.os, "open", open_)
    assert watch.excess(watch.Subject(str(tmp_path)), CAPS) == "it wrote more than 1 MB"


def test_links_are_not_followed_and_no_descriptor_is_left(tmp_path: Path) -> None:
    (tmp_path / "work" / "inner").mkdir(parents=True)
    (tmp_path / "work" / "link").symlink_to("/usr")
    before = len(os.listdir("/proc/self/fd"))
    assert watch.excess(watch.Subject(str(tmp_path / "work")), CAPS) is None
    for index in range(25):
        (tmp_path / "work" / "inner" / f"d{index}").mkdir()
    with pytest.raises(watch.TooMany):
        watch.excess(watch.Subject(str(tmp_path / "work")), CAPS, most_entries=5)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_tree_too_deep_to_be_walked_is_over_the_caps(tmp_path: Path) -> None:
    (tmp_path / Path(*["d"] * (watch._MOST_DEPTH + 2))).mkdir(parents=True)
    caps = Caps(**{name: getattr(Limits(), name) for name in Caps.__dataclass_fields__})
    assert watch.excess(watch.Subject(str(tmp_path)), caps) == "its directory cannot be read (OSError)"


class _Slow:
    """A disk on which counting waits until it is let go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go_on = threading.Event()
        self.counted: list[str] = []
        monkeypatch.setattr(watch, "excess", self._excess)

    def _excess(self, of: watch.Subject, caps: Caps, most_entries: int | None = None, with_mapped: bool = False) -> str | None:
        if most_entries is not None:
            raise watch.TooMany
        self.counted.append(of.work)
        self.go_on.wait(_NEVER_S)
        return "it wrote too much"


async def test_a_slow_disk_does_not_hold_up_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = _Slow(monkeypatch)
    said: asyncio.Queue[object] = asyncio.Queue()
    watching = watch.Watch(str(tmp_path), CAPS, lambda session, what: said.put_nowait((session, what)))
    try:
        watching.add(7, watch.Subject("seven"))
        watching.ask(watch.Subject("asked"), said.put_nowait)
        await asyncio.sleep(0.001)  # the loop goes on; the answers come once the disk does
        assert said.empty()
        slow.go_on.set()
        assert await asyncio.wait_for(said.get(), _NEVER_S) == "it wrote too much"
        assert await asyncio.wait_for(said.get(), _NEVER_S) == (7, "it wrote too much")
    finally:
        slow.go_on.set()
        watching.close()


async def test_what_is_dear_to_count_is_counted_less_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(watch.time, "thread_time", lambda: clock.__setitem__(0, clock[0] + 0.04) or clock[0])
    monkeypatch.setattr(watch.threading.Thread, "start", lambda _: None)
    monkeypatch.setattr(watch, "_free", lambda _: (1 << 40, 1 << 20))
    watching = watch.Watch(str(tmp_path), CAPS, lambda *_: None)
    watching.add(1, watch.Subject(str(tmp_path)))
    watching._watched[1].due = 1.0
    assert watching._look() == pytest.approx(0.04 * watch._REST)
    assert 0.5 < watching._watched[1].due - watch.time.monotonic() <= watch._MOST_WAIT_S
    monkeypatch.setattr(watch, "_free", lambda _: (1 << 39, 1 << 20))
    assert watching._look() == pytest.approx(0.04 * watch._ALARMED_REST), "a disk that fills up is looked at at once"


async def test_a_cell_with_many_files_is_counted_before_it_is_answered() -> None:
    many = "for i in range({}): open(f'f{{i}}', 'w').close()\nprint('made')"
    async with Sandbox(Limits(files=400), require=0, without=["namespaces"], pool=1) as box, box.session() as session:
        assert (await session.run(many.format(390))).stdout == "made\n"
        over = await session.run(many.format(500))
        assert (over.status.value, over.error and over.error.message) == ("crashed", "it made more than 400 files")


def test_deleted_files_count_as_long_as_they_are_open_or_mapped(tmp_path: Path) -> None:
    work, pid = str(tmp_path), os.getpid()
    with (tmp_path / "f").open("w+b") as file:
        file.write(b"x" * (2 << 20))
        file.flush()
        assert held(pid, None, work, with_mapped=True) == 0, "the directory shows it"
        (tmp_path / "f").unlink()
        assert held(pid, None, work, with_mapped=False) >= 2 << 20
        assert held(pid, None, work + "/other", with_mapped=True) == 0
        assert watch.excess(watch.Subject(work, pid), CAPS) == "it wrote more than 1 MB"
        mapping = mmap.mmap(file.fileno(), 2 << 20)
        assert held(pid, None, work, with_mapped=True) < 4 << 20, "once"
    os.close(os.open("/dev/null", os.O_RDONLY))
    inner = held(pid, None, work, with_mapped=True)
    mapping.close()
    assert inner == 2 << 20 and held(pid, None, work, with_mapped=True) == 0


def test_a_process_that_has_ended_holds_nothing(tmp_path: Path) -> None:
    child = subprocess.Popen(["true"])
    pidfd = os.pidfd_open(child.pid)
    assert pid_of(pidfd) == child.pid
    child.wait()
    assert pid_of(pidfd) == -1 and held(child.pid, None, str(tmp_path), with_mapped=True) == 0
    os.close(pidfd)


async def test_files_that_are_deleted_while_open_count(tmp_path: Path) -> None:
    fill = (
        "import os\nkept = []\nfor i in range(12):\n    f = open('f', 'wb'); f.write(b'x' * 2**20); f.flush()\n"
        "    os.unlink('f'); kept.append(f)\nprint('filled')"
    )
    async with Sandbox(Limits(disk_mb=8), require=0, without=["namespaces"], pool=1) as box, box.session() as session:
        over = await session.run(fill)
        assert (over.status.value, over.error and over.error.message) == ("crashed", "it wrote more than 8 MB")
        assert (await session.run(fill.replace("range(12)", "range(4)"))).stdout == "filled\n"
