"""Datagrams with descriptors between two trusted processes of ours, without ever blocking the event loop.

    channel = Channel(sock, on_datagram=handle, on_close=stop)
    channel.send(encode(Ping(1)), fds=[memory_fd])

One message is one SOCK_SEQPACKET datagram: there is no framing to get wrong. Not covered: untrusted peers (sessions).
"""

from __future__ import annotations

import array
import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

MOST_BYTES = 1 << 18
_MOST_FDS = 8
_BUFFER_WANTED = 1 << 20


def pair() -> tuple[socket.socket, socket.socket]:
    """Two connected ends; ours does not block."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_WANTED)
    return ours, theirs


def send_once(sock: socket.socket, data: bytes, fds: Sequence[int] = ()) -> bool:
    """Send to a peer that must have room: false if it has none or is gone."""
    try:
        _send(sock, data, fds)
    except OSError:
        return False
    return True


def _send(sock: socket.socket, data: bytes, fds: Sequence[int]) -> None:
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    sock.sendmsg([data], rights)


class Channel:
    """Our end of a pair, served by the running event loop."""

    def __init__(
        self, sock: socket.socket, on_datagram: Callable[[memoryview, list[int]], None], on_close: Callable[[], None]
    ) -> None:
        self._socket = sock
        self._on_datagram = on_datagram
        self._on_close = on_close
        self._buffer = bytearray(MOST_BYTES)
        self._unsent: deque[tuple[bytes, list[int]]] = deque()
        self._owner = os.getpid()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock, self._receive)

    def send(self, data: bytes, fds: Sequence[int] = ()) -> None:
        """Send now or as soon as there is room. The descriptors are duplicated where they have to wait."""
        if self._socket.fileno() < 0:
            return
        if len(data) > MOST_BYTES:
            raise ValueError(f"a message of {len(data)} bytes; at most {MOST_BYTES} fit one datagram")
        if self._unsent or not self._send_now(data, fds):
            if not self._unsent:
                self._loop.add_writer(self._socket, self._send_unsent)
            self._unsent.append((data, [os.dup(fd) for fd in fds]))

    def close(self) -> None:
        """Stop listening and close our end; nothing more is called back.

        A forked child only lets go of its copy: the connection and the loop's selector are shared with its parent.
        """
        if self._owner != os.getpid():
            self._socket.close()
        if self._socket.fileno() < 0:
            return
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # a forked child may hold a copy
        self._socket.close()
        for _, fds in self._unsent:
            _close(fds)
        self._unsent.clear()

    def _send_now(self, data: bytes, fds: Sequence[int]) -> bool:
        try:
            _send(self._socket, data, fds)
        except BlockingIOError:
            return False
        except (BrokenPipeError, ConnectionResetError):  # the peer is gone; the reader will notice
            return True
        return True

    def _send_unsent(self) -> None:
        while self._unsent and self._send_now(*self._unsent[0]):
            _close(self._unsent.popleft()[1])
        if not self._unsent and self._socket.fileno() >= 0:
            self._loop.remove_writer(self._socket)

    def _receive(self) -> None:
        if self._owner != os.getpid():  # a forked child that goes on with its parent's loop must not take its messages
            return
        while self._socket.fileno() >= 0:
            try:
                size, ancillary, flags, _ = self._socket.recvmsg_into(
                    [self._buffer], socket.CMSG_LEN(_MOST_FDS * 4), socket.MSG_CMSG_CLOEXEC
                )
            except BlockingIOError:
                return
            except OSError:
                size, ancillary, flags = 0, [], 0
            fds = array.array("i")
            for _, _, data in ancillary:
                fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
            if size == 0:
                _close(fds)  # an empty message is an end as well, and may bring some
                self.close()
                self._on_close()
                return
            try:
                if flags & socket.MSG_TRUNC:
                    _close(fds)
                    raise ValueError(f"a message of more than {MOST_BYTES} bytes was received")
                self._on_datagram(memoryview(self._buffer)[:size], list(fds))
            except Exception:  # boundary: nobody else would see it, and whoever waits must not wait for ever
                self.close()
                self._on_close()
                raise


def _close(fds: Sequence[int]) -> None:
    for fd in fds:
        with suppress(OSError):
            os.close(fd)
