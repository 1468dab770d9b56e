"""The loop of one session: take a cell, run it, answer. Everything here runs next to untrusted code.

It trusts nothing that guest code can reach: functions are bound before the first cell, builtins and the standard streams
are put back after each one. Whatever still goes wrong here ends the process with `BROKEN`, and the supervisor says so.

Requests are `messages.Load` (once, with a memory file) and `messages.Cell`, one datagram each on descriptor 3. Replies:
    {"token": "..."}                                    after start, with an empty token
    {"token": "...", "sizes": [[w, h], ...]}            after Load; or "bad": [name, reason], and the process ends
    {"token": "settled"}                                once the input file is written
    {"token": "...", "error": null | {...}, "images": [[offset, w, h], ...], "notes": [...]}      after a cell
"""

from __future__ import annotations

import builtins
import errno
import io
import json
import mmap
import os
import random
import resource
import select
import signal
import socket
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from . import compat, names, notebook
from .cell import Failure, Interruptible, TimeIsUp, describe, run_cell
from .compat import take_notes
from .files import Files, prepare_files
from .handover import tell_of_swaps
from .inputs import FILE, BadImage, Inputs
from .messages import CHANNEL_FD, OUTBOX_FD, SOFT_INTERRUPT, Load, decode
from .namespaces import DATA, TEMPORARY
from .processes import prepare_processes
from .screen import patch_libraries
from .settings import Caps
from .show import Shown

MOST_REQUEST = 1 << 20

_GUEST_PACKAGE = __name__.rpartition(".")[0]


_write, _seek = os.write, os.lseek  # bound before guest code can replace them
_current: Shown
_files = Files()
_builtins: dict[str, Any] = {}
"""What is put back after every cell."""
_usual_names: dict[str, Any] = {}
"""What every cell finds without an import."""


def prepare_libraries() -> None:
    """What is the same for every session, done once in the zygote."""
    patch_libraries(lambda: _current)
    compat.install()
    prepare_files(lambda: _files, _note)
    tell_of_swaps(lambda array: _current.order_of(array), _note)
    prepare_processes(_note)
    _usual_names.update(names.usual_names(), get_ipython=notebook.get_ipython)
    builtins.input = _no_input
    builtins.exit = builtins.quit = sys.exit  # type: ignore[assignment]
    _builtins.update(builtins.__dict__)
    for name in [n for n in sys.modules if n.split(".")[0] == _GUEST_PACKAGE]:
        del sys.modules[name]


def _note(text: str) -> None:
    _current.note(text)


def serve(caps: Caps, instead: Callable[[], None] | None = None) -> None:
    """Be a session until the supervisor goes away; descriptors 1 to 4 are its world. Or get ready for it, and do `instead`."""
    random.seed(0)  # Python itself reseeds in every forked child
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, fileno=CHANNEL_FD)
    worker = Worker(channel, caps)
    worker.prepare()
    if instead is None:
        worker.serve()
    else:
        instead()
        os._exit(0)


def _receiver() -> Callable[[], bytes]:
    """Reads the next request, also if a cell has made the channel non-blocking."""
    read, poll, readable = os.read, select.poll, select.POLLIN

    def receive() -> bytes:
        while True:
            try:
                return read(CHANNEL_FD, MOST_REQUEST)
            except BlockingIOError:
                ready = poll()
                ready.register(CHANNEL_FD, readable)
                ready.poll()

    return receive


def _sender() -> Callable[[bytes], None]:
    write, poll, writable = os.write, select.poll, select.POLLOUT

    def send(data: bytes) -> None:
        while True:
            try:
                write(CHANNEL_FD, data)
                return
            except BlockingIOError:
                ready = poll()
                ready.register(CHANNEL_FD, writable)
                ready.poll()

    return send


class _BoundedFile(io.RawIOBase):
    """A descriptor that takes `most` bytes a cell; what comes after is dropped without complaint.

    One byte more than the limit, so that the supervisor sees that there was more.
    """

    def __init__(self, fd: int, most: int) -> None:
        self._fd = fd
        self._most = most

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fd

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        room = self._most - _seek(self._fd, 0, 1)
        if room > 0:
            _write(self._fd, view[:room])
        return len(view)


class _Room:
    """The session's own machinery may use a little more memory than cells, so that it can report that they ran out."""

    def __init__(self) -> None:
        self._soft, self._hard = resource.getrlimit(resource.RLIMIT_AS)
        self._set = resource.setrlimit

    def restrict(self) -> None:
        """While a cell runs."""
        self._set(resource.RLIMIT_AS, (self._soft, self._hard))

    def widen(self) -> None:
        """While the machinery runs."""
        self._set(resource.RLIMIT_AS, (self._hard, self._hard))


class Worker:
    """One session's state: the namespace that its cells share."""

    def __init__(self, channel: socket.socket, caps: Caps) -> None:
        self._channel = channel
        self._caps = caps
        try:
            outbox = mmap.mmap(OUTBOX_FD, 0)  # has a descriptor of its own
        except OSError as error:
            raise MemoryError(f"the file for {caps.shown_mb} MB of pictures: {error.strerror}") from None
        os.close(OUTBOX_FD)
        self._shown = Shown(outbox, 2 * caps.output_kb * 1024, caps)
        self._interruptible = Interruptible()
        main = ModuleType("__main__")
        self._namespace = main.__dict__
        self._namespace.update(_usual_names, display=self._shown.display, __builtins__=builtins)
        sys.modules["__main__"] = main
        self._inputs: Inputs | None = None
        self._input_note: str | None = None
        self._num_cells = 0
        self._streams: tuple[io.TextIOWrapper, ...] = ()

    def prepare(self) -> None:
        """Everything that must happen before guest code can interfere."""
        global _current
        _current = self._shown
        work = os.getcwd()
        self._namespace["__file__"] = os.path.join(work, "cell.py")
        sys.path.append(work)  # for modules that a cell writes and a later one imports
        places = {work: "", TEMPORARY: "/tmp", DATA: "/mnt/data"}
        self._places = {path: name for path, name in places.items() if os.path.isdir(path)}
        self._renew_streams()
        signal.signal(SOFT_INTERRUPT, self._interruptible.handle)
        self._room = _Room()

    def serve(self) -> None:
        """Answer requests until the supervisor goes away."""
        global _files
        receive, send, loads, dumps, exit_now = _receiver(), _sender(), json.loads, json.dumps, os._exit
        send(dumps({"token": ""}).encode())
        send(dumps(self._load()).encode())
        if self._inputs is None:
            exit_now(0)
        has_pictures = bool(self._inputs.sizes)
        if has_pictures:  # the caller has its session already; this happens while it thinks
            self._write_input_file(self._inputs)
        _files = Files([os.path.abspath(name) for name in self._inputs.file_names], self._places)
        if has_pictures:
            send(dumps({"token": "settled"}).encode())
        while request := receive():
            head, _, code = request.partition(b"\n")
            message = loads(head)
            reply = self._run(code.decode())
            send(dumps({"token": message["token"], **reply}).encode())
        exit_now(0)

    def _load(self) -> dict[str, Any]:
        data, fds, _, _ = socket.recv_fds(self._channel, MOST_REQUEST, 1)
        if not data:
            os._exit(0)
        message = decode(data, (Load,))
        try:
            self._inputs = Inputs(fds[0] if fds else None, message.images, message.originals, message.coordinates)
        except BadImage as bad:
            return {"token": message.token, "bad": [bad.name, bad.reason]}
        except (MemoryError, OSError) as error:  # an inbox that does not even fit the address space
            reason = "together they take more memory than a session has (Limits.memory_mb)"
            if isinstance(error, OSError) and error.errno != errno.ENOMEM:
                reason = f"they cannot be read in the session: {error.strerror}"
            return {"token": message.token, "bad": ["the input images", reason]}
        self._namespace.update(names.input_names(self._inputs.images, os.path.abspath(FILE)))
        self._namespace.update(self._inputs.variables())
        self._shown.set_inputs(self._inputs.images)
        return {"token": message.token, "sizes": self._inputs.sizes}

    def _write_input_file(self, inputs: Inputs) -> None:
        try:
            inputs.write_file()
        except (OSError, MemoryError) as error:
            self._input_note = f"not every input file could be written: {error or 'out of memory'}"

    def _run(self, source: str) -> dict[str, Any]:
        self._num_cells += 1
        self._shown.start_cell(source)
        _files.start()
        failure: Failure | None = None
        self._namespace["__builtins__"] = builtins
        self._room.restrict()
        try:
            failure = self._run_cell(source)
        except TimeIsUp as late:  # the interrupt came while another exception was being handled
            failure = describe(late, "")
        self._room.widen()
        _files.end()
        builtins.__dict__.update(_builtins)
        if failure is not None:
            self._print_trace(failure)
        self._flush()
        self._renew_streams()
        notes = [text for text in (self._input_note, *self._shown.notes, *take_notes()) if text]
        self._input_note = None
        return {"error": _as_message(failure), "images": self._shown.images, "notes": notes}

    def _run_cell(self, source: str) -> Failure | None:
        restore_builtins, usual = builtins.__dict__.update, _builtins

        def restore() -> None:
            restore_builtins(usual)

        def finish(value: Any) -> None:
            self._shown.display(value)
            self._shown.add_open_figures()
            self._shown.add_saved(_files.saved(source))

        assert self._inputs is not None
        try:
            self._inputs.add_originals(source, self._namespace)
        except BadImage as bad:
            return Failure("BadImage", f"{bad.name}: {bad.reason}", None, f"BadImage: {bad.name}: {bad.reason}\n", False)
        failure = run_cell(source, self._namespace, self._num_cells, restore, finish, self._shown.note, self._interruptible)
        if failure is not None and failure.type != "TimeIsUp":
            try:
                self._shown.add_open_figures()
            except BaseException:  # boundary: a half-built figure of a failed cell may not be drawable
                self._shown.note("a figure of the failed cell could not be drawn")
        return failure

    def _print_trace(self, failure: Failure) -> None:
        try:
            self._streams[1].write(failure.trace)
        except (OSError, ValueError):  # the cell closed or detached it
            pass

    def _flush(self) -> None:
        for stream in self._streams:
            try:
                stream.flush()
            except (OSError, ValueError):  # the cell closed it
                continue

    def _renew_streams(self) -> None:
        """Fresh sys.stdout and sys.stderr, whatever a cell did to the last ones."""
        self._streams = tuple(
            io.TextIOWrapper(
                io.BufferedWriter(_BoundedFile(fd, self._caps.output_kb * 1024 + 1), 8192),
                encoding="utf-8",
                errors="backslashreplace",
                line_buffering=fd == 2,
            )
            for fd in (1, 2)
        )
        sys.stdout, sys.stderr = self._streams
        sys.__stdout__, sys.__stderr__ = self._streams  # type: ignore[misc]


def _as_message(failure: Failure | None) -> dict[str, Any] | None:
    if failure is None:
        return None
    fields = {"type": failure.type, "message": failure.message, "line": failure.line}
    return {**fields, "out_of_memory": failure.out_of_memory}


def _no_input(prompt: object = "") -> str:
    raise EOFError("input() is not available: nobody is there to answer; write the value into the code")
