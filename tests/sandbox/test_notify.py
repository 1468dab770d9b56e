"""The broker as a part of the machinery: found where it can be, gone with the supervisor, noticed when it dies, and no leak."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path

import pytest

from codedance import Limits, Sandbox
from codedance.sandbox.guest import confine, linux, notify, seccomp
from codedance.sandbox.guest.measure import Measured
from codedance.sandbox.isolation import Mechanism, Report
from codedance.sandbox.supervisor import broker

LEVEL_2 = (Mechanism.CGROUP, Mechanism.NAMESPACES)
LEVEL_1 = (*LEVEL_2, Mechanism.LANDLOCK)


def broker_of(box: Sandbox) -> int:
    """The child of the supervisor that was forked, not executed."""
    assert box._link is not None
    supervisor = box._link.pid
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    same = [
        int(pid)
        for pid in children
        if Path(f"/proc/{pid}/cmdline").read_bytes() == Path(f"/proc/{supervisor}/cmdline").read_bytes()
    ]
    assert len(same) == 1
    return same[0]


async def test_a_broker_keeps_nothing_of_ended_sessions_and_ends_with_its_sandbox() -> None:
    async with Sandbox(Limits(), require=1, without=LEVEL_2, pool=1) as box:
        async with box.session() as session:
            assert (await session.run("import os\nprint(os.path.exists('/etc/passwd'))")).stdout == "False\n"
        pid = broker_of(box)
        before = len(os.listdir(f"/proc/{pid}/fd"))
        for _ in range(4):
            async with box.session() as session:
                await session.run("open('x', 'w').close()")
        assert len(os.listdir(f"/proc/{pid}/fd")) <= before + 2, "the pool may be one session further"
    assert not os.path.exists(f"/proc/{pid}")


async def test_the_death_of_the_broker_is_noticed_and_mended() -> None:
    async with Sandbox(Limits(), require=1, without=LEVEL_2, pool=1) as box, box.session() as session:
        assert (await session.run("x = 3\nprint(x)")).ok
        os.kill(broker_of(box), signal.SIGKILL)
        for _ in range(3):
            result = await session.run("import os\nprint(x, os.path.exists('.'))")
            if result.ok:
                break
        assert result.stdout == "3 True\n" and result.replayed == 1


async def test_without_a_broker_and_landlock_nothing_can_be_written_and_that_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "mine").chmod(0o666)
    async with Sandbox(Limits(), require=0, without=(*LEVEL_1, Mechanism.NOTIFICATION), pool=1) as box, box.session() as session:
        assert box.isolation.level <= 1
        assert "files: nothing can be written, not even in the session's own directory" in box.isolation.missing
        for code in (
            f"open('{tmp_path}/mine', 'w')",
            f"os.unlink('{tmp_path}/mine')",
            f"os.rename('{tmp_path}/mine', 'x')",
            "open('x', 'w')",
        ):
            result = await session.run(f"import os\n{code}")
            assert result.error is not None and "Read-only" in result.error.message, code
    assert (tmp_path / "mine").read_text() == "mine"


@pytest.mark.parametrize("without", [LEVEL_2, LEVEL_1], ids=["landlock", "broker-only"])
async def test_the_users_files_are_out_of_reach_though_all_may_write_them(without: tuple[Mechanism, ...], tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    for name in ("a", "b"):
        (tmp_path / name).write_text("mine")
        (tmp_path / name).chmod(0o666)
    async with Sandbox(Limits(), require=1, without=without, pool=1) as box, box.session() as session:
        result = await session.run(
            f"import os\nfor call in (lambda p: open(p, 'w'), lambda p: open(p, 'r+'), os.unlink, lambda p: os.truncate(p, 0),\n"
            f"             lambda p: os.rename(p, p + '2'), lambda p: os.link(p, 'l'), lambda p: os.rename('here', p), open,\n"
            f"             lambda p: os.open(p, os.O_PATH), lambda p: os.symlink(p, 'way') or open('way', 'w')):\n"
            f"    open('here', 'w').close()\n    try: call('{tmp_path}/a'); print('ESCAPED')\n    except OSError: pass"
        )
        assert (result.status.value, result.stdout) == ("no_output", "")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "mine", "b": "mine"}


def test_a_second_listener_is_refused_with_a_reason_that_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(code: bytes, flags: int = 0) -> int:
        raise OSError(errno.EBUSY, "seccomp: Device or resource busy")

    monkeypatch.setattr(seccomp, "install", busy)
    with pytest.raises(OSError, match="busy"):
        notify.install()
    sound = Measured("", "", "", "", 0, 1, 1, 1, -1, -1)
    refused = {**dict.fromkeys(Mechanism), Mechanism.NOTIFICATION: "seccomp: busy"}
    below = Report({**refused, Mechanism.NAMESPACES: "no"}, sound, Limits(), 6)
    assert {"notification: seccomp: busy", "the existence of host files: visible"} <= set(below.missing)
    assert "notification: seccomp: busy" not in Report(refused, sound, Limits(), 6).missing, "not needed there"


def test_an_old_kernel_gets_the_filter_without_the_newer_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def old(code: bytes, flags: int = 0) -> int:
        tried.append(flags)
        if flags & notify._WAIT_KILLABLE:
            raise OSError(errno.EINVAL, "seccomp: Invalid argument")
        return 7

    monkeypatch.setattr(seccomp, "install", old)
    assert notify.install() == 7
    assert tried == [notify._NEW_LISTENER | notify._WAIT_KILLABLE, notify._NEW_LISTENER]


def test_a_broker_is_there_only_where_there_are_no_namespaces() -> None:
    assert confine.needs_broker({"seccomp", "notification"})
    assert not confine.needs_broker({"seccomp", "notification", "namespaces"})
    assert not confine.needs_broker({"notification"})
    assert set(broker._NAMES.values()) == set(seccomp.numbers(notify.ASKED, linux.MACHINE))
