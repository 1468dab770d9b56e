"""What several test files need: a picture whose every pixel is known, and sandboxes that are started once."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from PIL import Image

from codedance import Limits, Sandbox
from codedance.sandbox.selfcheck import test_picture as known_picture

QUICK = Limits(time_s=1.0, grace_s=0.4, memory_mb=256, disk_mb=32)


@pytest.fixture
def picture() -> Image.Image:
    """64x48 pixels, each of another colour."""
    return known_picture()


@pytest_asyncio.fixture(scope="session")
async def box() -> AsyncIterator[Sandbox]:
    """The best sandbox that this machine has, with limits that are reached quickly."""
    async with Sandbox(QUICK, require=0) as box:
        yield box
