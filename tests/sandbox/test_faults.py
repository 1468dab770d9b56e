"""Dead zygotes, supervisors and callers: noticed, restarted, told; and nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import os
import select
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from codedance import ExecStatus, Limits, Sandbox, SandboxError, SyncSandbox
from codedance.sandbox.guest import linux

LIMITS = Limits(time_s=5.0, grace_s=0.4)


def descendants(pid: int) -> list[psutil.Process]:
    """The process and all that it started."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def traces(supervisor: int) -> list[str]:
    """Directories and control groups that belong to a supervisor."""
    groups = [str(p) for p in Path("/sys/fs/cgroup").glob(f"**/codedance-{supervisor}")]
    return groups + [str(p) for p in Path(tempfile.gettempdir()).glob(f"codedance-{supervisor}-*")]


async def all_gone(processes: list[psutil.Process], within_s: float = 5.0) -> bool:
    """Whether every process ends in time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes):
            return True
        await asyncio.sleep(0.02)
    return False


@pytest.mark.parametrize("without", [(), ("namespaces", "cgroup")], ids=["best", "level2"])
@pytest.mark.parametrize("victim", ["supervisor", "outer zygote", "inner zygote"])
async def test_whoever_is_killed_the_running_cell_returns_and_the_next_finds_its_state(victim: str, without: tuple) -> None:
    async with Sandbox(LIMITS, require=0, without=without) as box, box.session() as busy, box.session() as idle:
        for session in (busy, idle):
            await session.run("x = 42")
        load = await box.load()
        zygote = psutil.Process(load.zygote_pid)
        inner = zygote.children()[0] if not without else zygote
        pid = {"supervisor": load.supervisor_pid, "outer zygote": zygote.pid, "inner zygote": inner.pid}[victim]
        old = descendants(load.supervisor_pid if victim == "supervisor" else load.zygote_pid)
        running = asyncio.ensure_future(busy.run("import time; time.sleep(30)"))
        await asyncio.sleep(0.2)
        os.kill(pid, signal.SIGKILL)
        lost = await asyncio.wait_for(running, 4)
        assert (lost.status, lost.state_kept) == (ExecStatus.CRASHED, False)
        for session in (busy, idle):
            after = await asyncio.wait_for(session.run("print(x)"), 10)
            assert (after.stdout, after.replayed) == ("42\n", 1)
            assert "lost" in after.notes[0]
        assert await all_gone(old)
        assert ((await box.load()).supervisor_pid == load.supervisor_pid) is (victim != "supervisor")


async def test_a_supervisor_that_stops_answering_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codedance.sandbox.link._PING_S", 0.5)
    monkeypatch.setattr("codedance.sandbox.process._LATE_S", 0.3)
    async with Sandbox(Limits(time_s=0.5, grace_s=0.2), require=0) as box, box.session() as session:
        await session.run("x = 42")
        old = descendants((await box.load()).supervisor_pid)
        os.kill(old[0].pid, signal.SIGSTOP)
        lost = await asyncio.wait_for(session.run("print(x)"), 5)
        assert lost.status is ExecStatus.CRASHED and "did not answer" in lost.error.message
        assert (await asyncio.wait_for(session.run("print(x)"), 10)).stdout == "42\n"
        assert await all_gone(old)


@pytest.mark.parametrize("without", [(), ("namespaces", "cgroup")], ids=["best", "level2"])
async def test_closing_leaves_no_process_no_directory_no_group_and_no_descriptor(without: tuple) -> None:
    async def use() -> int:
        async with Sandbox(LIMITS, require=0, without=without) as box:
            sessions = [box.session() for _ in range(5)]
            for session in sessions:
                await session.__aenter__()
                await session.run("open('f', 'w').write('x')")
            load = await box.load()
            processes.extend(descendants(load.supervisor_pid))
            for session in sessions:
                await session.close()
            return load.supervisor_pid

    processes: list[psutil.Process] = []
    await use()
    before = len(os.listdir("/proc/self/fd"))
    supervisor = await use()
    assert not [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    assert traces(supervisor) == []
    assert len(os.listdir("/proc/self/fd")) == before


async def test_an_exception_in_the_block_leaves_nothing_either() -> None:
    with pytest.raises(RuntimeError, match="mine"):
        async with Sandbox(LIMITS, require=0) as box, box.session() as session:
            processes = descendants((await box.load()).supervisor_pid)
            await session.run("x = 1")
            raise RuntimeError("mine")
    assert not [p for p in processes if p.is_running()]


async def test_descriptors_do_not_pile_up_anywhere() -> None:
    async with Sandbox(LIMITS, require=0) as box:
        load = await box.load()
        pids = (os.getpid(), load.supervisor_pid, load.zygote_pid, psutil.Process(load.zygote_pid).children()[0].pid)

        async def use(num: int) -> list[int]:
            for _ in range(num):
                async with box.session([__import__("PIL.Image").Image.new("RGB", (20, 20))]) as session:
                    await session.run("1")
            await asyncio.sleep(0.2)
            return [len(os.listdir(f"/proc/{pid}/fd")) for pid in pids]

        await use(10)
        first = await use(10)
        assert await use(60) == first


async def test_each_session_has_a_share_of_the_processors_of_its_own(box: Sandbox) -> None:
    """The kernel shares them out by sessions in its sense (setsid), so a crowd of threads in one takes nothing from others."""
    async with box.session() as session:
        await session.run("x = 1")
        processes = psutil.Process((await box.load()).zygote_pid).children(recursive=True)
        sessions = [process.pid for process in processes if process.name().startswith("cell-")]
        assert sessions and all(os.getsid(pid) == pid for pid in sessions)


CALLER = """
    import os, signal, sys, time
    from codedance import Limits, SyncSandbox
    with SyncSandbox(Limits(time_s=60), require=0, without={without!r}) as box, box.session() as session:
        session.run("x = 1")
        print(box.load().supervisor_pid, flush=True)
        if {fork!r}:
            if os.fork() == 0:
                time.sleep(30)  # holds copies of every descriptor
                os._exit(0)
        session.run("import time; time.sleep(60)")
"""


@pytest.mark.parametrize("fork", [False, True], ids=["alone", "with a forked child"])
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("without", [(), ("namespaces", "cgroup")], ids=["best", "level2"])
async def test_when_the_caller_ends_everything_ends(end: signal.Signals, without: tuple, fork: bool) -> None:
    code = textwrap.dedent(CALLER).format(without=without, fork=fork)
    caller = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        supervisor = int(caller.stdout.readline())
        await asyncio.sleep(0.3)
        processes = descendants(supervisor)
        children = psutil.Process(caller.pid).children()
        assert len(processes) >= 4
        caller.send_signal(end)
        caller.wait(10)
        assert await all_gone(processes)
        await asyncio.sleep(0.1)
        assert traces(supervisor) == []
        for child in children:
            if child.is_running() and child.pid != supervisor:
                child.kill()
    finally:
        caller.kill()
        caller.wait()
        caller.stdout.close()


def in_forked_child(action: Callable[[], object]) -> str:
    """What `action` raises or returns in a forked child, which has some seconds for it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, repr(action()).encode())
        except BaseException as error:  # boundary: a forked child reports and ends
            os.write(writer, f"{type(error).__name__}: {error}".encode())
        os._exit(0)
    os.close(writer)
    try:
        return os.read(reader, 1000).decode() if select.select([reader], [], [], 10)[0] else "it hangs"
    finally:
        os.close(reader)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_forked_child_is_told_at_once_that_the_sandbox_is_its_parents() -> None:
    unopened = SyncSandbox(LIMITS, require=0)
    with SyncSandbox(LIMITS, require=0) as box, box.session() as session:
        session.run("x = 42")
        calls = {
            "run": lambda: session.run("1"),
            "fork": session.fork,
            "enter session": session.__enter__,
            "session": box.session,
            "load": box.load,
            "enter": box.__enter__,
            "async run": lambda: asyncio.run(session._session.run("1")),
            "async enter": lambda: asyncio.run(session._session.__aenter__()),
            "async session": box._box.session,
            "async load": lambda: asyncio.run(box._box.load()),
            "async open": lambda: asyncio.run(box._box.__aenter__()),
        }
        for name, call in calls.items():
            assert in_forked_child(call).startswith("SandboxError: this sandbox was opened in another process"), name
        harmless = {
            "close": session.close,
            "leave session": lambda: session.__exit__(None, None, None),
            "leave": lambda: box.__exit__(None, None, None),
            "async close": lambda: asyncio.run(session._session.close()),
            "async leave": lambda: asyncio.run(box._box.__aexit__(None, None, None)),
            "channel": lambda: box._box._link._channel.close(),
            "garbage": lambda: gc.collect() and None,
        }
        assert {name: in_forked_child(call) for name, call in harmless.items()} == dict.fromkeys(harmless, "None")
        assert "opened in another process" in in_thread(lambda: in_forked_child(lambda: session.run("1")))
        assert in_forked_child(lambda: unopened.__exit__(None, None, None)) == "None"
        assert session.run("print(x)").stdout == "42\n"


def in_thread(action: Callable[[], str]) -> str:
    """The same from another thread of this process."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(action).result()


def test_a_child_that_leaves_the_block_by_itself_ends_and_does_no_harm() -> None:
    code = """
        import os, sys
        from codedance import Limits, SyncSandbox
        box = SyncSandbox(Limits(time_s=5), require=0)
        with box, box.session() as session:
            session.run("x = 42")
            child = os.fork()
            if child:
                assert os.waitpid(child, 0)[1] == 0
                print(session.run("print(x)").stdout, end="")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=30)
    assert (done.stdout, done.stderr, done.returncode) == ("42\n", "", 0)


def test_a_sandbox_made_before_a_fork_is_opened_and_closed_in_the_child() -> None:
    box = SyncSandbox(LIMITS, require=0, pool=1)

    def use() -> list[int]:
        with box:
            supervisor = box.load().supervisor_pid
        return [pid for pid in (supervisor,) if psutil.pid_exists(pid)]

    assert in_forked_child(use) == "[]"


@pytest.fixture
def zombies() -> Iterator[Callable[[], list[psutil.Process]]]:
    """Orphans become children of this process, as in a container where Python is process 1; those that are left."""
    linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
    before = set(psutil.Process().children())
    yield lambda: [child for child in psutil.Process().children() if child not in before]
    linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 0)


@pytest.mark.parametrize("without", [("namespaces", "cgroup"), ("namespaces", "cgroup", "landlock", "seccomp")])
async def test_a_close_while_the_pool_is_born_leaves_no_zombie(without: tuple, zombies: Callable[[], list]) -> None:
    with pytest.raises(SandboxError, match="level 3 is required"):
        async with Sandbox(LIMITS, without=without):
            pass
    assert zombies() == []


async def test_a_start_that_is_cancelled_leaves_no_zombie(zombies: Callable[[], list]) -> None:
    starting = asyncio.ensure_future(Sandbox(LIMITS, require=0).__aenter__())
    await asyncio.sleep(0.5)
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    assert zombies() == []


async def test_a_killed_supervisor_leaves_no_zombie(zombies: Callable[[], list]) -> None:
    async with Sandbox(LIMITS, require=0, without=("namespaces", "cgroup")) as box, box.session() as session:
        await session.run("x = 42")
        os.kill((await box.load()).supervisor_pid, signal.SIGKILL)
        assert [(await session.run("print(x)")).ok for _ in range(2)][-1]
    assert zombies() == []


async def test_what_a_killed_supervisor_leaves_is_swept_by_the_next() -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    left = Path(tempfile.gettempdir()) / f"codedance-{dead.pid}-left"
    (left / "session-1" / "closed").mkdir(parents=True)
    (left / "session-1" / "closed").chmod(0)
    async with Sandbox(LIMITS, require=0, without=("namespaces",)):
        assert not left.exists()


async def test_a_guest_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codedance.sandbox.host.GUEST_LIBRARIES", ("numpy", "no_such_library"))
    with pytest.raises(Exception, match="no_such_library is not installed"):
        async with Sandbox():
            pass


async def test_an_interpreter_that_cannot_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codedance.sandbox.host.GUEST_PARENT", "/nowhere")
    with pytest.raises(Exception, match="the sandbox cannot start"):
        async with Sandbox():
            pass
