"""The filter's numbers are those of the kernel headers, and the filter does what its table says, on both machines."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from codedance.sandbox import promises
from codedance.sandbox.guest import linux, notify, seccomp

ALLOW, PRETEND, EPERM, ENOSYS, KILL = 0x7FFF0000, 0x00050000, 0x00050001, 0x00050026, 0x80000000
ASK, EROFS, ENOTSUP, ESRCH = 0x7FC00000, 0x0005001E, 0x0005005F, 0x00050003
ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
HEADERS = {
    "x86_64": (Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), r"#define __NR_(\w+)\s+(\d+)"),
    "aarch64": (Path("/usr/include/asm-generic/unistd.h"), r"#define __NR(?:3264)?_(\w+)\s+(\d+)"),
}
TABLES = (
    seccomp.ALLOWED, seccomp.CONDITIONAL, seccomp.CHANGES_OF_FILES, notify.ASKED,
    promises._NAMESPACES_AND_TRACES, promises._KERNEL_SURFACE
)  # fmt: skip


def evaluate(program: bytes, machine: str, number: int, *args: int) -> int:
    """Run a BPF program on one system call, as the kernel would."""
    data = struct.pack("=iIQ6Q", number, ARCH[machine], 0, *args, *[0] * (6 - len(args)))
    steps = list(struct.iter_unpack("=HBBI", program))
    position, accumulator = 0, 0
    while True:
        code, if_true, if_false, value = steps[position]
        position += 1
        if code == 0x06:
            return value
        if code == 0x20:
            accumulator = struct.unpack_from("=I", data, value)[0]
            continue
        test = {0x15: accumulator == value, 0x25: accumulator > value, 0x35: accumulator >= value, 0x45: accumulator & value}
        position += if_true if test[code] else if_false


@pytest.mark.parametrize("machine", linux.MACHINES)
def test_the_numbers_are_those_of_the_kernel_headers(machine: str) -> None:
    path, pattern = HEADERS[machine]
    if not path.exists():
        pytest.skip(f"no kernel headers for {machine} here")
    real = {name: int(number) for name, number in re.findall(pattern, path.read_text())}
    real.setdefault("newfstatat", real.get("fstatat", -1))
    for table in TABLES:
        ours = seccomp.numbers(table, machine)
        assert {name: number for name, number in ours.items() if name in real and real[name] != number} == {}
        newer_than_headers = {"fchmodat2"}
        assert set(ours) - set(real) <= newer_than_headers


@pytest.mark.parametrize("machine", linux.MACHINES)
def test_every_call_is_allowed_or_refused_as_the_table_says(machine: str) -> None:
    program = seccomp.program(1, private_root=True, machine=machine)
    allowed = set(seccomp.numbers(seccomp.ALLOWED + seccomp.CHANGES_OF_FILES, machine).values())
    conditional = set(seccomp.numbers(seccomp.CONDITIONAL, machine).values())
    for number in set(range(seccomp.LAST_KNOWN + 1)) - conditional:
        assert evaluate(program, machine, number) == (ALLOW if number in allowed else EPERM), number
    for number in (seccomp.LAST_KNOWN + 1, 1000, 2**30, 2**30 + 57, 2**31, 2**32 - 1):
        assert evaluate(program, machine, struct.unpack("=i", struct.pack("=I", number))[0]) == ENOSYS


@pytest.mark.parametrize("machine", linux.MACHINES)
@pytest.mark.parametrize(
    ("name", "args", "verdict"),
    [
        ("clone", (0x3D0F00,), ALLOW),
        ("clone", (17,), EPERM),
        ("clone", (0x3D0F00 | 0x40000000,), EPERM),
        ("clone3", (), ENOSYS),
        ("kill", (1, 9), ALLOW),
        ("kill", (2**32 - 1, 9), EPERM),
        ("kill", (2, 0), EPERM),
        ("tgkill", (1, 5, 9), ALLOW),
        ("tgkill", (7, 7, 9), EPERM),
        ("prctl", (15,), ALLOW),
        ("prctl", (1,), EPERM),
        ("prctl", (4,), EPERM),
        ("ioctl", (1, 0x5401), ALLOW),
        ("ioctl", (1, 0x5412), EPERM),
        ("ioctl", (3, 0x5421), ALLOW),
        ("socketpair", (1, 1, 0), ALLOW),
        ("socketpair", (1, 1 | 0x80800, 0), ALLOW),
        ("socketpair", (1, 2, 0), EPERM),
        ("socketpair", (1, 5, 0), EPERM),
        ("socketpair", (2, 1, 0), EPERM),
        ("sendto", (5, 0, 1, 0, 0, 0), ALLOW),
        ("sendto", (5, 0, 1, 0, 7, 9), EPERM),
        ("sendto", (5, 0, 1, 0, 7 << 32, 9), EPERM),
        ("recvfrom", (5, 0, 1, 0, 0, 0), ALLOW),
        ("prlimit64", (0,), ALLOW),
        ("prlimit64", (2,), EPERM),
        ("recvmsg", (3,), ALLOW),
        ("recvmsg", (5,), EPERM),
        ("fcntl", (1, 3), ALLOW),
        ("fcntl", (1, 4), EPERM),
        ("fcntl", (1, 8), EPERM),
        ("fcntl", (1, 1031), EPERM),
        ("fcntl", (1, 1032), ALLOW),
        ("fcntl", (1, 6), PRETEND),
        ("flock", (5, 2), PRETEND),
    ],
)
def test_conditions_on_arguments(machine: str, name: str, args: tuple[int, ...], verdict: int) -> None:
    number = seccomp.numbers(seccomp.CONDITIONAL, machine)[name]
    assert evaluate(seccomp.program(1, private_root=True, machine=machine), machine, number, *args) == verdict


@pytest.mark.parametrize("machine", linux.MACHINES)
def test_without_a_private_root_changes_of_files_are_only_pretended(machine: str) -> None:
    program = seccomp.program(1, private_root=False, machine=machine)
    for number in seccomp.numbers(seccomp.CHANGES_OF_FILES, machine).values():
        assert evaluate(program, machine, number) == PRETEND


@pytest.mark.parametrize("machine", linux.MACHINES)
def test_where_nothing_guards_the_files_every_change_by_name_is_refused(machine: str) -> None:
    program = seccomp.program(1, private_root=False, machine=machine, read_only=True)
    usual = seccomp.program(1, private_root=False, machine=machine)
    known = seccomp.numbers(seccomp.ALLOWED + seccomp.CHANGES_OF_FILES, machine)
    for name, number in known.items():
        if name == "openat2":
            assert evaluate(program, machine, number) == ENOSYS
        elif name in ("open", "openat"):
            at = ("open", "openat").index(name) + 1
            for flags in (0o0, 0o2000000, 0o200000, 0o10000000):  # reading, close on exec, a directory, O_PATH
                assert evaluate(program, machine, number, *[0] * at, flags) == ALLOW
            for flags in (0o1, 0o2, 0o100, 0o1000, 0o20000000, 0o2002, 1 << 32 | 0o1):
                assert evaluate(program, machine, number, *[0] * at, flags) == EROFS, oct(flags)
        elif name in seccomp._CHANGING_BY_NAME:
            assert evaluate(program, machine, number) == EROFS, name
        else:
            assert evaluate(program, machine, number) == evaluate(usual, machine, number), name


@pytest.mark.parametrize("machine", linux.MACHINES)
def test_every_call_that_takes_a_path_is_asked_about_refused_or_never_reaches_a_file(machine: str) -> None:
    program = notify.program(machine)
    asked = seccomp.numbers(notify.ASKED, machine)
    without_path = {"getcwd", "memfd_create"}
    takes_a_path = {
        name for name in seccomp.numbers(seccomp.ALLOWED, machine)
        if name.endswith(("at", "at2", "xattr")) or name in ("open", "access", "chdir", "mkdir", "truncate", "statfs", "statx")
        or name.startswith(("link", "symlink", "rename", "unlink", "rmdir", "readlink"))
    } - {"fstat", "fgetxattr", "flistxattr"} - without_path  # fmt: skip
    refused = {"openat2": ENOSYS, **dict.fromkeys(("getxattr", "lgetxattr", "listxattr", "llistxattr"), ENOTSUP)}
    assert takes_a_path <= asked.keys() | refused.keys()
    for name, number in seccomp.numbers(seccomp.ALLOWED + seccomp.CONDITIONAL, machine).items():
        assert evaluate(program, machine, number) == (ASK if name in asked else refused.get(name, ALLOW)), name


@pytest.mark.parametrize("machine", linux.MACHINES)
def test_where_other_processes_can_be_named_they_do_not_exist(machine: str) -> None:
    beside_others, alone = (seccomp.program(77, private_root=private, machine=machine) for private in (False, True))
    known = seccomp.numbers(seccomp.ALLOWED, machine)
    for name, at in seccomp._ABOUT_PROCESSES.items():
        for pid, verdict in ((0, ALLOW), (77, ALLOW), (1, ESRCH), (2**32 - 1, ESRCH)):
            assert evaluate(beside_others, machine, known[name], *[0] * at, pid) == verdict, name
            assert evaluate(alone, machine, known[name], *[0] * at, pid) == ALLOW


def test_code_for_another_machine_is_killed() -> None:
    program = seccomp.program(1, private_root=True, machine="x86_64")
    assert evaluate(program, "aarch64", 0) == KILL
