"""The host's /proc, for the zygote and for sessions that are yet to lock themselves in.

host = HostProc()
host.read("self/maps")
"""

from __future__ import annotations

import os


class HostProc:
    """A handle on the host's /proc that outlives the change of root; closed before any untrusted code runs."""

    def __init__(self) -> None:
        self.fd = os.open("/proc", os.O_PATH | os.O_CLOEXEC)

    def read(self, path: str) -> str:
        """The text of /proc/PATH."""
        with open(path, encoding="utf-8", errors="surrogateescape", opener=self._open) as file:
            return file.read()

    def write(self, path: str, text: str) -> None:
        """Write to /proc/PATH in one call, as the kernel's map files want it."""
        try:
            fd = self._open(path, os.O_WRONLY)
            try:
                os.write(fd, text.encode())
            finally:
                os.close(fd)
        except OSError as error:
            raise OSError(error.errno, f"writing /proc/{path}: {error.strerror}") from None

    def num_threads(self) -> int:
        """Threads of this process."""
        fd = self._open("self/task", os.O_RDONLY)
        try:
            return len(os.listdir(fd))
        finally:
            os.close(fd)

    def address_space(self) -> int:
        """Bytes of virtual memory of this process."""
        return int(self.read("self/statm").split()[0]) * os.sysconf("SC_PAGESIZE")

    def mountinfo(self) -> str:
        """The mounts of this process, as it sees them."""
        return self.read("self/mountinfo")

    def own_pid_namespace(self) -> int:
        """An open descriptor of the pid namespace of this process."""
        return self._open("self/ns/pid", os.O_RDONLY)

    def _open(self, path: str, flags: int) -> int:
        return os.open(path, flags | os.O_CLOEXEC, dir_fd=self.fd)
