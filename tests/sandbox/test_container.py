"""What the container allows is read from its control groups, of both versions, up to the topmost one; it sizes sessions."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from codedance import ExecStatus, Limits, Sandbox
from codedance.sandbox import container
from codedance.sandbox.container import Memory, Tasks
from codedance.sandbox.sizes import fit
from codedance.sandbox.supervisor import cgroup

MB = 1 << 20
UNLIMITED_V1 = "9223372036854771712"
PLENTY = Memory(24_000, 20_000)

Tree = dict[str, dict[str, str]]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, Tree], None]:
    """Pretend to be in these control groups: lines of mountinfo and of /proc/self/cgroup, and files by directory."""

    def pretend(mountinfo: str, groups: str, tree: Tree) -> None:
        proc = tmp_path / "proc"
        (proc / "self").mkdir(parents=True)
        (proc / "self/mountinfo").write_text(mountinfo.replace("/SYS", f"{tmp_path}/sys"))
        (proc / "self/cgroup").write_text(groups)
        (proc / "meminfo").write_text("MemTotal: 24000000 kB\nMemAvailable: 20480000 kB\n")
        (proc / "vmstat").write_text("nr_free_pages 5\noom_kill 7\n")
        for directory, files in tree.items():
            (tmp_path / "sys" / directory).mkdir(parents=True, exist_ok=True)
            for name, text in files.items():
                (tmp_path / "sys" / directory / name).write_text(text)
        monkeypatch.setattr(container, "_PROC", proc)
        monkeypatch.setattr(os, "getuid", lambda: 0)

    return pretend


V2 = "35 24 0:30 / /SYS rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = (
    "32 31 0:29 {root} /SYS/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 {root} /SYS/memory rw - cgroup cgroup rw,memory\n"
    "39 31 0:36 {root} /SYS/pids rw - cgroup cgroup rw,pids\n"
    "41 31 0:38 / /SYS/unified rw - cgroup2 cgroup2 rw\n"
)


def test_version_2_in_a_namespace_of_its_own(machine: Callable[[str, str, Tree], None]) -> None:
    files = {"pids.max": "300\n", "pids.current": "38\n", "memory.max": f"{512 * MB}\n", "memory.current": f"{200 * MB}\n"}
    stat = {"memory.stat": f"anon 5\ninactive_file {50 * MB}\n", "memory.events": "low 0\noom 2\noom_kill 3\n"}
    machine(V2, "0::/\n", {".": {**files, **stat, "cpu.max": "150000 100000\n"}})
    assert container.tasks() == Tasks(300, 262, "pids.max")
    assert container.memory() == Memory(512, 362)
    assert container.cpus() == min(2, len(os.sched_getaffinity(0)))
    assert container.num_oom_kills() == 3


def test_the_nearest_limit_counts_wherever_it_stands(machine: Callable[[str, str, Tree], None]) -> None:
    no_limit = {
        "pids.max": "max\n",
        "pids.current": "5\n",
        "memory.max": "max\n",
        "memory.current": "1\n",
        "cpu.max": "max 100000\n",
    }
    tight = {"pids.max": "100\n", "pids.current": "90\n", "memory.max": f"{64 * MB}\n", "memory.current": f"{8 * MB}\n"}
    wide = {"pids.max": "4000\n", "pids.current": "200\n", "memory.max": f"{900 * MB}\n", "cpu.max": "50000 100000\n"}
    machine(V2, "0::/job/step/task\n", {"job": wide, "job/step": tight, "job/step/task": no_limit, ".": {}})
    assert container.tasks() == Tasks(100, 10, "pids.max")
    assert container.memory() == Memory(64, 56)
    assert container.cpus() == 1


@pytest.mark.parametrize(
    ("root", "group"),
    [("/", "/docker/abc"), ("/docker/abc", "/docker/abc"), ("/docker/abc", "/"), ("/docker/abc", "/../../elsewhere")],
    ids=["host", "container", "own namespace", "outside"],
)
def test_version_1_from_the_host_and_from_within(machine: Callable[[str, str, Tree], None], root: str, group: str) -> None:
    inside = "docker/abc" if root == "/" else "."
    files: Tree = {
        f"pids/{inside}": {"pids.max": "max\n" if root == "/" else "300\n", "pids.current": "20\n"},
        f"memory/{inside}": {
            "memory.limit_in_bytes": f"{256 * MB}\n",
            "memory.usage_in_bytes": f"{250 * MB}\n",
            "memory.stat": f"inactive_file 1\ntotal_inactive_file {100 * MB}\n",
            "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n",
        },
        f"cpu,cpuacct/{inside}": {"cpu.cfs_quota_us": "-1\n", "cpu.cfs_period_us": "100000\n"},
    }
    if root == "/":
        files["pids/docker"] = {"pids.max": "300\n", "pids.current": "20\n"}
        files["memory"] = {"memory.limit_in_bytes": UNLIMITED_V1, "memory.usage_in_bytes": "77"}
    machine(V1.format(root=root), f"4:memory:{group}\n8:pids:{group}\n1:cpu,cpuacct:{group}\n0::{group}\n", files)
    assert container.tasks() == Tasks(300, 280, "pids.max")
    assert container.memory() == Memory(256, 106)
    assert container.cpus() == len(os.sched_getaffinity(0))
    assert container.num_oom_kills() == 4


def test_without_control_groups_the_machine_and_the_user_count(
    machine: Callable[[str, str, Tree], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine("", "", {})
    assert container.tasks() is None and container.memory().free_mb == 20_000 and container.num_oom_kills() == 7
    monkeypatch.setattr("resource.getrlimit", lambda which: (500, 600))
    monkeypatch.setattr(os, "getuid", lambda: 4242)
    monkeypatch.setattr("codedance.sandbox.guest.linux.may_exceed_limits", lambda: False)
    monkeypatch.setattr(container, "_num_tasks_of_user", lambda: 120)
    assert container.tasks() == Tasks(500, 380, "ulimit -u")


@pytest.mark.parametrize(
    ("asked", "tasks", "sizes"),
    [
        ((64, 256, 4), None, (256, 64, 4)),
        ((64, 256, 4), Tasks(32_768, 32_000, ""), (256, 64, 4)),
        ((64, 256, 4), Tasks(4096, 4000, ""), (256, 14, 4)),
        ((64, 256, 4), Tasks(300, 290, ""), (19, 12, 4)),
        ((64, 8, 4), Tasks(300, 290, ""), (8, 29, 4)),
        ((64, 256, 4), Tasks(40, 35, ""), (1, 12, 0)),
        ((64, 256, 4), Tasks(12, 8, ""), (1, 4, 0)),
        ((2, 256, 4), Tasks(300, 290, ""), (118, 2, 4)),
    ],
)
def test_slots_and_threads_fit_the_limit_and_leave_the_caller_a_reserve(
    asked: tuple[int, int, int], tasks: Tasks | None, sizes: tuple[int, int, int]
) -> None:
    threads, slots, pool = asked
    found = fit(Limits(threads=threads), slots, pool, tasks, PLENTY)
    assert (found.slots, found.threads, found.pool) == sizes
    assert bool(found.shortages) is (sizes[:2] != (slots, threads))
    if tasks is not None and tasks.free > 100:
        for_sessions = tasks.free - min(256, tasks.most // 8)
        assert found.slots * found.threads + found.pool <= for_sessions and found.total_tasks <= for_sessions
    if found.shortages:
        assert f"{found.threads} threads a session instead of {threads}" in found.shortages[0] or found.threads == threads


@pytest.mark.parametrize(
    ("total_mb", "one", "together"), [(256, 256, 230), (512, 256, 448), (1024, 576, 768), (24_000, 1024, 18_000)]
)
def test_a_session_may_not_use_more_memory_than_there_is(total_mb: int, one: int, together: int) -> None:
    found = fit(Limits(memory_mb=1024), 256, 4, None, Memory(total_mb, total_mb))
    assert (found.memory_mb, found.total_memory_mb) == (one, together)
    assert any(f"{one} MB a session instead of 1024" in line for line in found.shortages) is (one < 1024)


async def test_where_the_container_is_small_sessions_get_less_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "tasks", lambda: Tasks(60, 50, "pids.max"))
    many = "import threading, time\nfor n in range(99):\n    threading.Thread(target=time.sleep, args=(9,), daemon=True).start()"
    async with Sandbox(Limits(time_s=5), require=0, slots=9, pool=1, wait_s=0.2, without=("cgroup",)) as box:
        assert any("instead of 64 and 2 sessions at a time instead of 9" in line for line in box.isolation.missing)
        async with box.session() as one, box.session() as other:
            if box.isolation.level >= 3:
                stopped = await one.run(many)
                assert stopped.error is not None and "can't start new thread" in stopped.error.message
            assert (await other.run("print(1)")).stdout == "1\n"
            with pytest.raises(Exception, match=r"all 2 slots were taken .*raise wait_s \(processes: 60 are allowed here"):
                await box.session().__aenter__()
            assert await asyncio.to_thread(lambda: 1) == 1


@pytest.fixture
def memory_group() -> Iterator[Path]:
    """A control group of version 1 with 300 MB, in which this process is for as long as the test takes."""
    parent = next(container.groups("memory"), None)
    if parent is None or not os.access(parent / "memory.limit_in_bytes", os.W_OK):
        pytest.skip("control groups of version 1 cannot be made here")
    group = parent / f"small-{os.getpid()}"
    group.mkdir()
    (group / "memory.limit_in_bytes").write_text(str(300 * MB))
    yield group
    group.rmdir()


async def test_what_the_kernel_kills_for_the_containers_memory_is_told_as_out_of_memory(memory_group: Path) -> None:
    def launcher() -> tuple[str, ...]:
        return ("/bin/sh", "-c", f'echo $$ > {memory_group}/cgroup.procs; exec "$@"', "sh")

    box = Sandbox(Limits(time_s=10), require=0, pool=1, without=("cgroup",))
    box._launcher = launcher()
    async with box, box.session() as session:
        result = await session.run("a = [bytearray(1 << 22) for _ in range(200)]")
        assert (result.status, result.state_kept) == (ExecStatus.OUT_OF_MEMORY, False)
        assert "or the container" in result.error.message


def test_each_kill_of_the_kernel_answers_for_one_death(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = iter([5, 5, 7, 7, 7, 8])
    monkeypatch.setattr(container, "num_oom_kills", lambda: next(counts))
    kills = cgroup.OomKills(None)
    assert [kills.was_one() for _ in range(5)] == [False, True, True, False, True]


def test_left_groups_are_swept_wherever_they_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody, somebody = "codedance-4194399", f"codedance-{os.getpid()}"
    for name in (f"job/step-1/{nobody}", f"job/step-2/deep/{somebody}", "job/codedance-x", nobody, f"job/step-3/{nobody}/child"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setattr(container, "mounts", lambda: {"memory": (tmp_path, Path("/")), "freezer": (Path("/nowhere"), Path("/"))})
    cgroup.sweep_everywhere()
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("codedance-*"))
    assert left == ["job/codedance-x", f"job/step-2/deep/{somebody}", f"job/step-3/{nobody}"]


def test_a_group_that_was_swept_too_early_is_made_again(tmp_path: Path) -> None:
    group = cgroup.Cgroup(tmp_path / "codedance-1", tmp_path / "codedance-1", ())
    group.add(77)
    assert (tmp_path / "codedance-1/cgroup.procs").read_text() == "77"
