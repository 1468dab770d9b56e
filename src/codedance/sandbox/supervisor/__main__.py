"""Run a supervisor: python -m codedance.sandbox.supervisor ORDERS CALLER_PID SOCKET_FD."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import sys
from typing import Any

from codedance.sandbox import orphans, wire
from codedance.sandbox.supervisor.core import Supervisor
from codedance.sandbox.supervisor.orders import Orders

_ASK_S = 0.2


async def _serve(orders: Orders, caller_pid: int, socket_fd: int) -> None:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    if os.getppid() != caller_pid:
        return
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, fileno=socket_fd)
    sock.setblocking(False)
    caller = wire.Channel(sock, lambda data, fds: supervisor.handle(data, fds), over.set)
    supervisor = Supervisor(orders, caller)
    watch = asyncio.ensure_future(_orphaned(caller_pid))  # a forked child of the caller may hold its socket open for longer
    watch.add_done_callback(lambda _: over.set())
    loop.add_signal_handler(signal.SIGTERM, over.set)

    def stop(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        loop.default_exception_handler(context)
        over.set()  # better a fresh supervisor than one in an unknown state

    loop.set_exception_handler(stop)
    await over.wait()
    watch.cancel()
    supervisor.end()


async def _orphaned(caller_pid: int) -> None:
    """Wait for the caller's death: at once by a pidfd, or, where there are none, soon by asking who the parent is."""
    try:
        pidfd = os.pidfd_open(caller_pid)
    except OSError:
        while os.getppid() == caller_pid:
            await asyncio.sleep(_ASK_S)
        return
    dead = asyncio.Event()
    asyncio.get_running_loop().add_reader(pidfd, dead.set)
    if os.getppid() == caller_pid:
        await dead.wait()


def main() -> None:
    """Serve until the caller is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the caller's business
    orphans.adopt()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(_serve(Orders.from_json(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))


if __name__ == "__main__":
    main()
