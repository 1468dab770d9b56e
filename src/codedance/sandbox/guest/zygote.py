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
import select
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from . import confine, landlock, linux, memory, namespaces, seccomp
from .messages import BROKEN, CHANNEL_FD, OUTBOX_FD, Born, Died, Failed, Fork, Ready, Unborn, decode, encode
from .namespaces import new_pid_namespace
from .settings import Caps, Settings

_HOST_PROC_FD = 5
Serve = Callable[[Caps], None]
"""`worker.serve`, which is imported late: it needs the guest libraries."""
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
        absent, walls, serve = _build(settings, control)
    except Exception as error:  # boundary: the supervisor shows the reason to the caller
        control.send(encode(Failed(f"{type(error).__name__}: {error}")))
        raise
    abi = landlock.abi() if absent[confine.LANDLOCK] is None else 0
    control.send(encode(Ready(absent, abi, _versions(), _unreadable(walls))))
    _Nursery(control, walls, serve).run()
    os._exit(0)  # as pid 1 of its namespace: everything in it ends here


def _build(settings: Settings, control: socket.socket) -> tuple[dict[str, str | None], confine.Walls, Serve]:
    _list_fonts_once(settings.font_cache)
    absent = confine.probe(settings)
    host = namespaces.HostProc()
    in_force = frozenset(name for name, reason in absent.items() if reason is None)
    jailed = confine.NAMESPACES in in_force
    overlaps: tuple[namespaces.Overlap, ...] = ()
    if jailed:
        overlaps = namespaces.enter(host, settings.roots)
        _become_first_process(control)
        _copy_font_list(settings.font_cache)
    else:
        linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
    sys.path.extend(path for path in settings.import_paths if path not in sys.path)
    with memory.one_block():
        serve = _load_libraries()
        memory.fill_gaps()
    if jailed:
        namespaces.seal()
    seccomp.program(own_pid=1, private_root=True)  # built once for all sessions
    first_uid = namespaces.first_session_uid(host)
    sys.argv[:], sys.orig_argv[:] = [""], []
    memory.use_huge_pages(host.read("self/maps"))
    if host.num_threads() != 1:
        raise RuntimeError(f"a guest library started threads ({host.num_threads()}); sessions cannot be forked safely")
    return absent, confine.Walls(settings, in_force, host, first_uid, host.address_space(), overlaps), serve


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


def _copy_font_list(font_cache: str) -> None:
    """matplotlib insists on a directory that it may write to; the jail's root still is one."""
    os.environ["MPLCONFIGDIR"] = "/etc/matplotlib"
    shutil.copytree(font_cache, "/etc/matplotlib", symlinks=True)


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


@dataclass
class _Nursery:
    """Fork sessions on demand and report their deaths."""

    control: socket.socket
    walls: confine.Walls
    serve: Serve
    sessions: dict[int, int] = field(default_factory=dict)  # pid -> session

    def run(self) -> None:
        """Serve until the supervisor hangs up."""
        jailed = confine.NAMESPACES in self.walls.in_force
        own_namespace = self.walls.host.own_pid_namespace() if jailed else None
        awake, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        poll.register(awake, select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                if fd == awake:
                    os.read(awake, 4096)
                    self._reap()
                    continue
                data, fds, _, _ = socket.recv_fds(self.control, 1 << 16, 8)
                if not data:
                    self._kill_all()
                    return
                self._fork(decode(data, (Fork,)), fds, own_namespace)

    def _fork(self, order: Fork, fds: list[int], own_namespace: int | None) -> None:
        try:
            self._fork_into(order, fds, own_namespace)
        except OSError as error:
            self.control.send(encode(Unborn(order.session, str(error))))
        for fd in fds:
            os.close(fd)

    def _fork_into(self, order: Fork, fds: list[int], own_namespace: int | None) -> None:
        scope = new_pid_namespace(own_namespace) if own_namespace is not None else nullcontext()
        with scope:
            child = os.fork()
            if child == 0:
                self.sessions.clear()
                _be_session(self.walls, self.serve, order, fds)
        self.sessions[child] = order.session
        pidfd = os.pidfd_open(child)
        socket.send_fds(self.control, [encode(Born(order.session))], [pidfd])
        os.close(pidfd)

    def _reap(self) -> None:
        while self.sessions:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            session = self.sessions.pop(pid, None)
            if session is None:
                continue  # a stray that a session without walls had left behind
            self.control.send(encode(Died(session, status)))
            self._kill_strays(pid)

    def _kill_strays(self, leader: int) -> None:
        """Below level 1 a session can have forked: end its process group and whatever it orphaned."""
        if confine.SECCOMP in self.walls.in_force:
            return
        try:
            os.killpg(leader, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        children = self.walls.host.read(f"self/task/{os.getpid()}/children").split()
        for pid in {int(child) for child in children} - set(self.sessions):
            os.kill(pid, signal.SIGKILL)

    def _kill_all(self) -> None:
        for pid in self.sessions:
            os.kill(pid, signal.SIGKILL)
        for pid in self.sessions:
            os.waitpid(pid, 0)
            self._kill_strays(pid)


def _be_session(walls: confine.Walls, serve: Serve, order: Fork, fds: list[int]) -> NoReturn:
    """What a forked child does for the rest of its life."""
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        channel, out, err, outbox = fds
        _move(
            {
                0: os.open("/dev/null", os.O_RDONLY),
                1: out,
                2: err,
                CHANNEL_FD: channel,
                OUTBOX_FD: outbox,
                _HOST_PROC_FD: walls.host.fd,
            }
        )
        walls.host.fd = _HOST_PROC_FD
        confine.confine(walls, order.session, order.work)
        serve(walls.settings.caps)
    except BaseException as error:  # boundary: a forked child must never return into the zygote's code
        os.write(2, f"the session's own machinery failed: {error!r}\n".encode()[:4000])
    finally:
        os._exit(BROKEN)


def _move(targets: dict[int, int]) -> None:
    """Put descriptors where `targets` wants them and close every other one. Stdin too: its description would be shared."""
    high = max(*targets, *targets.values()) + 1
    for offset, fd in enumerate(targets.values()):
        os.dup2(fd, high + offset)
    for offset, target in enumerate(targets):
        os.dup2(high + offset, target)
    os.closerange(max(targets) + 1, 1 << 16)
