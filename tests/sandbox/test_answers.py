"""The broker's answers, asked in this process about its own memory: what goes on, what is refused, what is done instead."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from codedance.sandbox.guest import linux
from codedance.sandbox.supervisor import answers
from codedance.sandbox.supervisor.answers import GO_ON, Answers, Later, Reply
from codedance.sandbox.supervisor.paths import View

FDCWD = (1 << 64) - 100
SECRET = "/etc/hostname"
pytestmark = pytest.mark.skipif(linux.MACHINE not in linux.MACHINES, reason="no table of system calls for this machine")


class Asker:
    """A stand-in for a session: the calls are made with strings and buffers of this process."""

    def __init__(self, answers_: Answers) -> None:
        self._answers = answers_
        self._kept: list[object] = []
        self.buffer = ctypes.create_string_buffer(4096)

    def __call__(self, name: str, *arguments: int | str | None) -> Reply:
        """None stands for the buffer."""
        given = []
        for argument in arguments:
            if isinstance(argument, int):
                given.append(argument)
                continue
            text = self.buffer if argument is None else ctypes.create_string_buffer(argument.encode())
            self._kept.append(text)
            given.append(ctypes.addressof(text))
        return self._answers.to(name, threading.get_native_id(), (*given, *[0] * (6 - len(given))))


@pytest.fixture
def memory() -> Iterator[int]:
    fd = os.open("/proc/self/mem", os.O_RDWR | os.O_CLOEXEC)
    yield fd
    os.close(fd)


@pytest.fixture(params=[False, True], ids=["beside-landlock", "only-wall"])
def only_wall(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def ask(memory: int, only_wall: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asker:
    work = tmp_path / "work"
    work.mkdir()
    (work / "mine").write_text("mine")
    (tmp_path / "theirs").write_text("theirs")
    monkeypatch.chdir(work)
    return Asker(Answers(View(["/usr"], str(work)), memory, most_threads=8, most_bytes=1 << 20, is_only_wall=only_wall))


def error(reply: Reply) -> str:
    return errno.errorcode.get(reply.error, "none")


ABOUT_ONE = {
    "stat": lambda path: (path, None),
    "lstat": lambda path: (path, None),
    "newfstatat": lambda path: (FDCWD, path, None, 0),
    "statx": lambda path: (FDCWD, path, 0, 0xFFF, None),
    "statfs": lambda path: (path, None),
    "access": lambda path: (path, 0),
    "faccessat": lambda path: (FDCWD, path, 0),
    "readlink": lambda path: (path, None, 99),
    "readlinkat": lambda path: (FDCWD, path, None, 99),
    "chdir": lambda path: (path,),
    "open": lambda path: (path, os.O_PATH, 0),
    "openat": lambda path: (FDCWD, path, 0, 0),
    "truncate": lambda path: (path, 0),
}
CHANGING = {
    "mkdir": lambda path: (path, 0o700),
    "unlink": lambda path: (path,),
    "unlinkat": lambda path: (FDCWD, path, 0),
    "rename": lambda path: (path, "x"),
    "renameat2": lambda path: (FDCWD, "mine", FDCWD, path, 0),
    "link": lambda path: (path, "x"),
    "linkat": lambda path: (FDCWD, "mine", FDCWD, path, 0),
    "symlink": lambda path: ("mine", path),
    "open": lambda path: (path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600),
}


def test_questions_about_files_outside_are_answered_as_if_there_were_none(ask: Asker, tmp_path: Path) -> None:
    for path in (SECRET, str(tmp_path / "theirs"), "../theirs", "/no/such/file", "/proc/self/status", "/root/.ssh"):
        for name, arguments in ABOUT_ONE.items():
            assert error(ask(name, *arguments(path))) == "ENOENT", (name, path)
        for name, arguments in CHANGING.items():
            refusal = error(ask(name, *arguments(path)))
            assert refusal == error(ask(name, *arguments(path + "-not-there"))), (name, path)
            assert refusal in ("ENOENT", "EACCES"), (name, path)


def test_what_is_inside_is_told_as_the_kernel_tells_it(ask: Asker, tmp_path: Path) -> None:
    os.symlink("mine", "link")
    for path in ("mine", str(tmp_path / "work/mine"), "../work/mine", "link"):
        assert ask("newfstatat", FDCWD, path, None, 0) == Reply()
        inode = struct.unpack_from("=QQ", ask.buffer)[1]
        assert inode == os.stat("mine").st_ino
    assert ask("lstat", "link", None) == Reply()
    assert struct.unpack_from("=QQ", ask.buffer)[1] == os.lstat("link").st_ino
    assert ask("readlink", "link", None, 99).value == 4
    assert ask.buffer.raw[:4] == b"mine"
    assert error(ask("readlink", "mine", None, 99)) == "EINVAL"
    assert ask("statx", FDCWD, "mine", 0, 0xFFF, None) == Reply()
    assert struct.unpack_from("=Q", ask.buffer, 40)[0] == 4, "its size"
    assert ask("access", "mine", os.R_OK | os.W_OK) == Reply()
    assert error(ask("access", "/usr/lib", os.W_OK)) == "EACCES"
    assert error(ask("stat", "none", None)) == "ENOENT"


def test_open_descriptors_are_told_whatever_they_are(ask: Asker) -> None:
    reader, writer = os.pipe()
    for fd in (reader, os.open("mine", os.O_RDONLY)):
        assert ask("newfstatat", fd, "", None, 0x1000) == Reply()
        assert struct.unpack_from("=QQ", ask.buffer)[1] == os.fstat(fd).st_ino
        os.close(fd)
    os.close(writer)
    assert error(ask("newfstatat", 999, "", None, 0x1000)) == "EBADF"
    assert error(ask("newfstatat", FDCWD, "", None, 0)) == "ENOENT"


def test_a_current_directory_outside_is_of_no_use(ask: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask("newfstatat", FDCWD, "", None, 0x1000) == Reply()
    monkeypatch.chdir("/var/tmp")  # as threads that race may bring about
    for name, arguments in {"newfstatat": ("", None, 0x1000), "statx": ("", 0x1000, 0xFFF, None), "openat": (".", 0, 0)}.items():
        assert error(ask(name, FDCWD, *arguments)) == "ENOENT", name
    assert error(ask("stat", ".", None)) == error(ask("stat", "..", None)) == error(ask("stat", "none", None)) == "ENOENT"


def test_addresses_that_are_none_are_refused(ask: Asker) -> None:
    for address in (0, 8, (1 << 64) - 8, 1 << 63):
        assert error(ask("stat", address, None)) == "EFAULT"
        assert error(ask("stat", "mine", address)) == "EFAULT"
    assert error(ask("stat", "x" * 5000, None)) == "ENAMETOOLONG"


def test_links_are_made_only_to_what_may_be_used(ask: Asker, tmp_path: Path) -> None:
    assert ask("symlink", "mine", "good") == Reply()
    assert ask("symlinkat", "/usr/lib", FDCWD, "better") == Reply()
    for target in (SECRET, "../theirs", "/usr/../etc/hostname", "a/../../theirs"):
        assert error(ask("symlink", target, "bad")) == "EPERM"
    assert sorted(os.listdir()) == ["better", "good", "mine"]


def test_beside_landlock_opening_and_changing_goes_on(ask: Asker, only_wall: bool) -> None:
    if only_wall:
        pytest.skip("see the next tests")
    assert ask("openat", FDCWD, "mine", os.O_RDWR, 0) == GO_ON
    assert ask("openat", FDCWD, "/usr/lib/x", os.O_RDONLY, 0) == GO_ON
    for name, arguments in {"mkdir": ("d", 0o700), "unlink": ("mine",), "rename": ("mine", "other")}.items():
        assert ask(name, *arguments) == GO_ON
    assert os.listdir() == ["mine"]


def test_as_the_only_wall_it_opens_on_behalf_of_the_session(ask: Asker, only_wall: bool) -> None:
    if not only_wall:
        pytest.skip("Landlock decides")
    created = ask("openat", FDCWD, "new", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    assert created.fd is not None and created.cloexec
    os.write(created.fd, b"new")
    os.close(created.fd)
    again = ask("open", "new", os.O_RDWR | os.O_APPEND, 0)
    assert again.fd is not None and not again.cloexec and os.read(again.fd, 9) == b"new"
    os.close(again.fd)
    assert error(ask("open", "new", os.O_CREAT | os.O_EXCL, 0o600)) == "EEXIST"
    assert error(ask("open", "none", os.O_RDONLY, 0)) == "ENOENT"
    assert error(ask("open", ".", os.O_WRONLY, 0)) == "EISDIR"
    assert error(ask("open", ".", os.O_CREAT | os.O_RDONLY, 0)) == "EISDIR"
    assert error(ask("open", "mine/", os.O_RDONLY, 0)) == "ENOTDIR"
    assert error(ask("open", "/", os.O_RDONLY, 0)) == "EACCES", "what is above cannot be listed"
    null = ask("open", "/dev/null", os.O_RDWR, 0)
    assert null.fd is not None
    os.close(null.fd)


def test_as_the_only_wall_it_lets_nothing_be_written_outside(ask: Asker, only_wall: bool, tmp_path: Path) -> None:
    if not only_wall:
        pytest.skip("Landlock decides")
    os.symlink(tmp_path / "theirs", "out")  # made by somebody else
    os.mkdir("d")
    os.mkfifo("fifo")
    target = "/usr/lib/os-release" if os.path.exists("/usr/lib/os-release") else "/usr/bin/env"
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_RDONLY | os.O_TRUNC, os.O_WRONLY | os.O_CREAT, os.O_WRONLY | os.O_APPEND):
        assert error(ask("open", target, flags, 0o600)) == "EACCES"
        assert error(ask("open", "out", flags, 0o600)) in ("ENOENT", "ELOOP", "EEXIST")
        assert error(ask("open", "fifo", flags, 0o600)) == "EACCES"
    assert error(ask("open", "d", os.O_TMPFILE | os.O_RDWR, 0o600)) == "ENOTSUP"
    for name, arguments in {
        "truncate": (target, 0), "unlink": (target,), "rename": ("mine", "/usr/lib/mine"), "link": (target, "mine2"),
        "mkdir": ("/usr/lib/d", 0o700), "rmdir": ("/usr/lib",), "symlink": ("mine", "/usr/lib/mine"),
    }.items():  # fmt: skip
        assert error(ask(name, *arguments)) == "EACCES", name
    assert (tmp_path / "theirs").read_text() == "theirs"


def test_as_the_only_wall_it_changes_what_is_in_the_work_directory(ask: Asker, only_wall: bool) -> None:
    if not only_wall:
        pytest.skip("Landlock decides")
    calls: list[tuple[str, tuple[int | str, ...]]] = [
        ("mkdir", ("d", 0o700)),
        ("mkdirat", (FDCWD, "d/e", 0o700)),
        ("rename", ("mine", "d/mine")),
        ("link", ("d/mine", "again")),
        ("truncate", ("again", 2)),
        ("unlink", ("again",)),
        ("rmdir", ("d/e",)),
        ("renameat2", (FDCWD, "d/mine", FDCWD, "x", 0)),
        ("unlinkat", (FDCWD, "d", 0x200)),
    ]
    for name, arguments in calls:
        assert ask(name, *arguments) == Reply(), name
    assert os.listdir() == ["x"] and Path("x").read_text() == "mi"
    assert error(ask("truncate", "x", 2 << 20)) == "EFBIG"


def test_threads_are_counted_with_those_on_their_way(ask: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = 7
    clock = [100.0]
    monkeypatch.setattr(answers, "_num_threads", lambda _: threads)
    monkeypatch.setattr(answers.time, "monotonic", lambda: clock[0])
    asked = ask._answers
    assert asked.to("clone", 1, (0,) * 6) == GO_ON
    with pytest.raises(Later):
        asked.to("clone", 2, (0,) * 6)  # the first may not have happened yet
    assert asked.to("clone", 1, (0,) * 6) == GO_ON, "the same thread asks again: it has happened, or failed"
    clock[0] += 1
    assert asked.to("clone", 2, (0,) * 6) == GO_ON, "that it has not happened by now can be seen"
    threads = 8
    assert error(asked.to("clone", 3, (0,) * 6)) == "EAGAIN"
