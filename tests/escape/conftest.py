"""One sandbox for each user and each isolation level that this machine offers, with a canary session in each."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from attacks import STALLS
from demote import GROUPS
from fortress import USERS, WITHOUT, Fortress, launcher

from codedance import Sandbox
from codedance.sandbox.selfcheck import LIMITS
from codedance.sandbox.selfcheck import test_picture as known_picture

_GONE_S = 5.0


@pytest_asyncio.fixture(
    scope="package", params=[(user, level) for user in USERS for level in WITHOUT], ids=lambda p: f"{p[0]}-level{p[1]}"
)
async def fortress(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fortress]:
    user, level = request.param
    environment = pytest.MonkeyPatch()
    if user == "nobody":
        home = tmp_path_factory.mktemp("nobody")
        for directory in (home, *list(home.parents)[:3]):
            directory.chmod(directory.stat().st_mode | 0o055)  # one of them may be /tmp itself, whose other bits must stay
        cache = home / "codedance" / "matplotlib"
        cache.mkdir(parents=True)
        os.chown(cache, 65534, 65534)
        environment.setattr("codedance.sandbox.host.font_cache", lambda: str(cache))
    environment.setenv("CANARY_SECRET", "must never be seen inside")
    try:
        box = Sandbox(LIMITS, require=0, without=WITHOUT[level], pool=2, parallel=len(STALLS) + 1)
        box._launcher = launcher(user, level)
        async with box:
            if box.isolation.level != level:
                pytest.skip(f"level {level} is not to be had here as {user}: {'; '.join(box.isolation.missing)}")
            picture = known_picture()
            async with box.session([picture]) as canary:
                await canary.run("canary = 42")
                yield Fortress(box, canary, picture, user, level)
    finally:
        environment.undo()
        for group in Path("/sys/fs/cgroup").glob(f"**/{GROUPS}{os.getpid()}-*"):
            _remove(group)


def _remove(group: Path) -> None:
    """A group stays busy for a moment after its last process has ended."""
    deadline = time.monotonic() + _GONE_S
    while True:
        try:
            return group.rmdir()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
