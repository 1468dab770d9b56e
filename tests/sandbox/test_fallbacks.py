"""What container profiles refuse and level 3 can do without; user ids that nobody else has; directories that are not there."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from codedance import Limits, Mechanism, Sandbox, SandboxError
from codedance.sandbox import host, temporary
from codedance.sandbox.supervisor.uids import UidRange

LIMITS = Limits(time_s=5.0, threads=16, disk_mb=16)
REFUSE = (sys.executable, str(Path(__file__).with_name("refuse.py")))
ONLY_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may hand out user ids")

LOOK = """
import os
print(sorted(os.listdir("/")) == sorted(os.listdir("/..")), os.getpid(), os.getppid())
os.chdir("/")
for _ in range(40):
    os.chdir("..")
seen = {entry for place in (".", "..", "../..", "/usr/../..", "/dev/..") for entry in os.listdir(place)}
print(sorted(seen & {"proc", "sys", "home", "var", "boot", "run", "srv", "opt"}))
written = []
for place in ("/", "/etc", "/usr", "/usr/lib", "/dev", os.path.dirname(os.__file__)):
    try:
        open(place + "/written", "w").close()
        written.append(place)
    except OSError:
        pass
print(written, os.statvfs("/usr").f_flag & 3, os.statvfs(os.__file__).f_flag & 3, os.statvfs("/").f_flag & 1)
"""
COUNT = """
import threading, time
threading.stack_size(1 << 16)
count = 0
for _ in range(100):
    try:
        threading.Thread(target=time.sleep, args=(2,), daemon=True).start()
        count += 1
    except RuntimeError:
        break
print(count + 1)
"""


@pytest.mark.parametrize(
    "refused",
    ["sethostname,mount_setattr,setns", "pivot_root,pidfd_open", "umount2,pidfd_send_signal"],
)
async def test_a_profile_that_refuses_what_the_walls_do_not_need_costs_no_level(refused: str) -> None:
    box = Sandbox(LIMITS, require=0, pool=1)
    box._launcher = (*REFUSE, refused, "--")
    async with box, box.session() as session:
        if Mechanism.NAMESPACES.value in " ".join(box.isolation.missing):
            pytest.skip("no namespaces here")
        assert box.isolation.level >= 3
        seen = await session.run(LOOK)
        assert seen.stdout.splitlines() == ["True 1 0", "[]", "[] 3 3 1"], seen
        assert (await session.run(COUNT)).stdout == "16\n"
        assert (await session.run("import time; time.sleep(30)")).status == "timeout"
        assert (await session.run("import os; os._exit(3)")).status == "crashed"
        assert (await session.run("print(1)")).stdout == "1\n"


async def test_without_landlock_a_private_root_is_level_3_and_the_second_wall_is_listed_as_missing() -> None:
    async with Sandbox(LIMITS, require=0, pool=0) as whole, Sandbox(LIMITS, require=0, pool=0, without=["landlock"]) as box:
        assert box.isolation.level == whole.isolation.level
        assert any("landlock" in line for line in box.isolation.missing)


@pytest.mark.parametrize("limit", ["--as=600000000", "--data=200000000"])
async def test_where_memory_is_too_little_for_a_session_no_level_is_claimed(limit: str) -> None:
    box = Sandbox(LIMITS, require=0, pool=0)
    box._launcher = ("/usr/bin/prlimit", limit)
    try:
        async with box, box.session() as session:
            assert (await session.run("print(1)")).stdout == "1\n"
    except SandboxError as error:
        assert "the sandbox cannot start" in str(error) and "memory" in str(error)


@ONLY_ROOT
async def test_root_without_privileges_caps_threads_by_user_ids_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Path(shutil.copytree(host.font_cache(), tmp_path / "closed"))
    cache.chmod(0o700)  # as a umask of 077 leaves it
    monkeypatch.setattr(host, "font_cache", lambda: str(cache))
    box = Sandbox(LIMITS, require=0, pool=0)
    box._launcher = ("/usr/bin/setpriv", "--bounding-set", "-sys_admin,-setfcap", "--inh-caps", "-all")
    async with box, box.session() as session:
        assert box.isolation.level >= 3
        assert (await session.run(COUNT)).stdout == "16\n"
        assert int((await session.run("import os; print(os.getuid())")).stdout) > 0


@ONLY_ROOT
def test_supervisors_take_user_ids_that_no_other_one_has() -> None:
    ranges = [UidRange.take() for _ in range(8)]
    firsts = sorted(taken.first for taken in ranges if taken is not None)
    for taken in ranges:
        if taken is not None:
            taken.close()
    assert len(firsts) == 8
    assert all(later - earlier >= 1024 for earlier, later in zip(firsts, firsts[1:], strict=False))


@ONLY_ROOT
async def test_threads_of_one_sandbox_do_not_count_in_another() -> None:
    boxes = (Sandbox(LIMITS, require=0, pool=0), Sandbox(LIMITS, require=0, pool=0))
    async with boxes[0] as first, boxes[1] as second, first.session() as hog, second.session() as other:
        assert (await asyncio.gather(hog.run(COUNT), other.run(COUNT)))[1].stdout == "16\n"


def test_without_a_temporary_directory_memory_or_the_cache_serves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def none() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert host.font_cache() == str(tmp_path / "codedance/matplotlib")
    assert temporary.directory() in ("/dev/shm", f"/run/user/{os.geteuid()}", str(tmp_path))
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(SandboxError, match="--tmpfs /tmp"):
        temporary.directory()
