"""The process that every session is forked from: guest libraries loaded once, walls tried out, one thread, no secrets.

    python -s -P -B -c "... from guest.zygote import main; main()" DIRECTORY SETTINGS SOCKET_FD

The supervisor sends one byte when the zygote is where it shall be (in its cgroup), then `messages.Fork` with four descriptors.
The zygote answers `Ready` or `Failed`, then `Born` with a pidfd and `Died` for each session.

It starts with an empty environment and never holds images or anything of the caller. All sessions share its memory
layout: not a place for secrets.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import random
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from . import confine, landlock, linux, memory, namespaces, seccomp
from .identities import Way
from .messages import Failed, Ready, encode
from .nursery import Nursery, Serve
from .proc import HostProc
from .settings import Settings

_STANDARD = ("PIL.Image", "PIL.ImageDraw", "PIL.ImageFont", "PIL.ImageFilter", "PIL.ImageEnhance", "PIL.ImageOps", "numpy", "cv2")
_LARGE = ("matplotlib.pyplot", "matplotlib.patches", "scipy.ndimage", "sympy")
_DISTRIBUTIONS = (
    "numpy",
    "pillow",
    "opencv-python-headless",
    "matplotlib",
    "scipy",
    "scikit-image",
    "scikit-learn",
    "pandas",
    "seaborn",
    "shapely",
    "sympy",
    "noto-cjk-sans-otc",
)


def main() -> None:
    """Build the jail, load the libraries, fork sessions until the supervisor goes away."""
    sys.path.remove(sys.argv[1])
    settings = Settings.from_json(sys.argv[2])
    control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, fileno=int(sys.argv[3]))
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    if not control.recv(1 << 16):
        return
    try:
        absent, spared, walls, serve = _build(settings, control)
    except Exception as error:  # boundary: the supervisor shows the reason to the caller
        jailed = os.getpid() == 1 and not isinstance(error, MemoryError)
        control.send(encode(Failed(f"{type(error).__name__}: {error}", jailed)))
        raise
    abi = landlock.abi() if absent[confine.LANDLOCK] is None else 0
    control.send(encode(Ready(absent, abi, _versions(), _unreadable(walls), list(spared))))
    Nursery(control, walls, serve).run()
    os._exit(0)  # as pid 1 of its namespace: everything in it ends here


def _build(settings: Settings, control: socket.socket) -> tuple[dict[str, str | None], tuple[str, ...], confine.Walls, Serve]:
    _list_fonts_once(settings.font_cache)
    found = confine.probe(settings)
    host = HostProc()
    in_force = frozenset(name for name, reason in found.absent.items() if reason is None)
    world = namespaces.World((), ())
    first_uid = settings.first_uid if found.way is not Way.OWN else None
    if found.way is not None:
        found_lists = Path(settings.font_cache).glob("fontlist*")
        lists = {path.name: path.read_bytes() for path in found_lists}  # now: later this may be another user
        world = namespaces.enter(host, found.way, first_uid, settings.roots)
        _become_first_process(control)
        _copy_font_list(lists)
    else:
        with suppress(OSError):  # old gVisor has none; what sessions without walls leave behind then goes to pid 1
            linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
    sys.path.extend(path for path in settings.import_paths if path not in sys.path)
    with memory.one_block():
        serve = _load_libraries()
        memory.fill_gaps()
    if found.way is not None:
        namespaces.seal(host)
    seccomp.program(own_pid=1, private_root=True)  # built once for all sessions
    sys.argv[:], sys.orig_argv[:] = [""], []
    memory.use_huge_pages(host.read("self/maps"))
    if host.num_threads() != 1:
        raise RuntimeError(f"a guest library started threads ({host.num_threads()}); sessions cannot be forked safely")
    walls = confine.Walls(settings, in_force, host, first_uid, found.counts_threads, host.address_space(), world.overlaps)
    return found.absent, world.spared, walls, serve


def _become_first_process(control: socket.socket) -> None:
    """Go on as pid 1 of the new pid namespace; the old process waits and dies with its child."""
    child = os.fork()
    if child == 0:
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
        return
    control.close()
    _, status = os.waitpid(child, 0)
    os._exit(min(255, os.waitstatus_to_exitcode(status) % 256))


def _list_fonts_once(font_cache: str) -> None:
    """Let matplotlib write its font list while the host's files can still be written; it takes seconds with many fonts."""
    os.environ["MPLCONFIGDIR"] = font_cache
    if any(name.startswith("fontlist") for name in os.listdir(font_cache)):
        return
    child = os.fork()
    if child == 0:
        try:
            importlib.import_module("matplotlib.font_manager")
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def _copy_font_list(lists: dict[str, bytes]) -> None:
    """matplotlib insists on a directory that it may write to; the jail's root still is one."""
    os.environ["MPLCONFIGDIR"] = "/etc/matplotlib"
    os.makedirs("/etc/matplotlib")
    for name, text in lists.items():
        Path("/etc/matplotlib", name).write_bytes(text)


def _load_libraries() -> Serve:
    """Import what models write code for, and do once what is slow the first time. Returns what sessions run."""
    for name in (*_STANDARD, *_LARGE):
        importlib.import_module(name)
    import cv2
    import matplotlib
    import matplotlib.pyplot as plt
    import numpy as np
    from PIL import Image

    cv2.setNumThreads(1)
    Image.init()
    matplotlib.use("agg")
    matplotlib.rcParams["figure.dpi"] = 150
    matplotlib.rcParams["figure.max_open_warning"] = 0
    figure, axes = plt.subplots()
    axes.plot([1, 2], label="$x^2$")
    axes.legend()
    axes.set_title("warm")
    figure.canvas.draw()
    plt.close("all")
    font_manager: Any = matplotlib.font_manager
    font_manager._get_font.cache_clear()  # every fork would do it, at the price of copying the pages
    worker = importlib.import_module(".worker", __package__)
    worker.prepare_libraries()
    random._urandom = random.Random(0).randbytes  # type: ignore[attr-defined]  # default_rng() gets its seed here
    np.random.seed(0)
    serve: Serve = worker.serve
    return serve


def _unreadable(walls: confine.Walls) -> str:
    """Below level 3 sessions see the host's own directories, and as users of their own not those that are root's alone."""
    if confine.NAMESPACES in walls.in_force or walls.first_uid is None:
        return ""
    parents = [parent for path in sys.path if path for parent in (Path(path), *Path(path).parents) if parent.exists()]
    return next((str(parent) for parent in parents if not parent.stat().st_mode & 0o001), "")


def _versions() -> dict[str, str]:
    versions = {"python": sys.version.split()[0]}
    for name in _DISTRIBUTIONS:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "unknown"
    return versions
