"""What several test files need, each made when first asked for: a known picture, a sandbox, tiny models."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import settings
from PIL import Image

from codedance import Limits, Sandbox
from codedance.sandbox.selfcheck import test_picture as known_picture
from once import made_once

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it, and so would our children
os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch's threads stall where several test processes share the cores

settings.register_profile("patient", deadline=None)  # how long one example takes says more about the machine than about it
settings.load_profile("patient")

QUICK = Limits(time_s=3.0, grace_s=0.4, memory_mb=256, disk_mb=32)


@pytest.fixture
def picture() -> Image.Image:
    """64x48 pixels, each of another colour."""
    return known_picture()


@pytest_asyncio.fixture(scope="session")
async def box() -> AsyncIterator[Sandbox]:
    """The best sandbox that this machine has, with limits that are reached soon, but not by an import on a busy machine."""
    async with Sandbox(QUICK, require=0) as box:
        yield box


@pytest.fixture(scope="session")
def tiny_llava(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a Llava-type model."""
    pytest.importorskip("transformers", reason="the extra 'local' is not installed")
    from model.tiny_models import make_llava

    return made_once(tmp_path_factory, "tiny-llava", make_llava)


@pytest.fixture(scope="session")
def tiny_qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a Qwen2.5-VL."""
    pytest.importorskip("transformers", reason="the extra 'local' is not installed")
    from model.tiny_models import make_qwen

    return made_once(tmp_path_factory, "tiny-qwen", make_qwen)
