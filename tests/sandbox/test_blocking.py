"""The sync twins: the same behaviour without await, also where a loop runs already, and Ctrl-C ends a cell."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
from PIL import Image

from codedance import ExecStatus, Limits, SandboxError, SyncSandbox


def test_five_lines_are_enough(picture: Image.Image) -> None:
    with SyncSandbox(require=0) as box, box.session(images=[picture]) as session:
        result = session.run("input_image.crop((0, 0, 56, 48)).resize((60, 60)).show()\nprint(input_image.size)")
        assert (result.status, result.stdout, result.images[0].size) == (ExecStatus.OK, "(64, 48)\n", (60, 60))
        with session.fork() as branch:
            assert branch.run("print(input_image.mode)").stdout == "RGB\n"
        assert session.history and box.versions["numpy"] and box.load().live == 1
        assert session.image_sizes == ((64, 48),)


async def test_it_works_inside_a_running_loop() -> None:
    with SyncSandbox(require=0) as box, box.session() as session:
        assert session.run("print(1)").stdout == "1\n"


def test_ctrl_c_ends_the_cell_and_the_session_goes_on() -> None:
    with SyncSandbox(Limits(time_s=30), require=0) as box, box.session() as session:
        session.run("x = 42")
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            session.run("import time; time.sleep(20)")
        assert time.monotonic() - started < 5
        assert session.run("print(x)").stdout == "42\n"


def test_used_outside_its_block_it_says_how() -> None:
    box = SyncSandbox(require=0)
    with pytest.raises(SandboxError, match="with SyncSandbox"):
        box.session()
    with box:
        session = box.session()
        with pytest.raises(SandboxError, match="with box.session"):
            session.run("1")
        with pytest.raises(SandboxError, match="open already"):
            box.__enter__()
    with pytest.raises(SandboxError, match="with SyncSandbox"):
        box.load()
