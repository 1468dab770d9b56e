"""Start, watch and end the zygote process.

    zygote = Zygote(orders, settings, cgroup, on_message=handle, on_end=restart)
    zygote.fork(ward)

The zygote gets an environment of its own making: nothing of the caller's leaks in.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress

from codedance.sandbox import wire
from codedance.sandbox.guest import namespaces
from codedance.sandbox.guest.messages import Born, Died, Failed, Fork, Ready, Signal, Unborn, decode, encode
from codedance.sandbox.guest.settings import Settings
from codedance.sandbox.supervisor.cgroup import Cgroup
from codedance.sandbox.supervisor.orders import Orders
from codedance.sandbox.supervisor.ward import Ward

Message = Ready | Failed | Born | Unborn | Died
_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from guest.zygote import main; main()"
_END_S = 2.0
_MOST_SAID = 200


class Zygote:
    """A running zygote process."""

    def __init__(
        self,
        orders: Orders,
        settings: Settings,
        cgroup: Cgroup | None,
        on_message: Callable[[Message, list[int]], None],
        on_end: Callable[[str], None],
    ) -> None:
        self._on_message = on_message
        self._on_end = on_end
        self._errors = open(os.memfd_create("zygote-errors"), "w+b")  # noqa: SIM115  closed with the zygote
        ours, theirs = wire.pair()
        command = [orders.python, "-s", "-P", "-B", "-c", _BOOT]
        self._process = subprocess.Popen(
            [*command, orders.guest_parent, settings.to_json(), str(theirs.fileno())],
            env=_environment(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=self._errors,
            stderr=self._errors,
            pass_fds=(theirs.fileno(),),
        )
        theirs.close()
        self.pid = self._process.pid
        self._channel = wire.Channel(ours, self._receive, self._ended)
        try:
            if cgroup is not None:
                cgroup.add(self.pid)
        except OSError:
            self.end(at_once=True)
            raise
        with suppress(OSError), open(f"/proc/{self.pid}/oom_score_adj", "w") as file:
            file.write("500")  # rather this one than the caller; sessions come first
        self._channel.send(b"begin")

    def fork(self, ward: Ward) -> None:
        """Order the process of `ward`."""
        outbox = os.open(f"/proc/self/fd/{ward.outbox}", os.O_RDWR | os.O_CLOEXEC)  # a description that only the session has
        fds = [ward.theirs.fileno(), ward.stdout, ward.stderr, outbox]
        self._channel.send(encode(Fork(ward.session, ward.work or "", ward.is_trial)), fds)
        os.close(outbox)
        ward.theirs.close()

    def signal(self, session: int, number: signal.Signals) -> None:
        """Have a signal sent to a session for which there is no pidfd."""
        self._channel.send(encode(Signal(session, number)))

    def end(self, at_once: bool) -> None:
        """Hang up: it ends itself and every session, and is killed if it does not, or `at_once`."""
        if at_once:
            self._process.kill()
        self._channel.close()
        self._reap()
        self._errors.close()

    def _receive(self, data: memoryview, fds: list[int]) -> None:
        self._on_message(decode(data, (Ready, Failed, Born, Unborn, Died)), fds)

    def _ended(self) -> None:
        self._reap()
        self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, self._errors.tell() - 2000))
        said = self._errors.read().decode(errors="replace").strip().rpartition("\n")[2][:_MOST_SAID]
        self._errors.close()
        self._on_end(f"status {self._process.returncode}" + (f"; it said: {said}" if said else ""))

    def _reap(self) -> None:
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _environment() -> dict[str, str]:
    one_thread = dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"), "1"
    )
    return {
        **one_thread,
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "HOME": namespaces.WORK,
        "TMPDIR": namespaces.TEMPORARY,
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "MPLBACKEND": "agg",
        "HF_HUB_OFFLINE": "1",  # where transformers is installed: weights are refused at once, not after minutes of asking
        "MALLOC_ARENA_MAX": "1",
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    }
