"""Mounts of the private root, each with a second way for container profiles and kernels that refuse the first.

    make_read_only("/session/lib", listing, devices=False, recursive=True)  # mount_setattr, or a remount of each mount
    change_root("/tmp")                                                      # pivot_root, or a moved mount and chroot

Moving a mount over the root and entering it by chroot holds as well as pivot_root: the old root lies below the new one, nobody
has a descriptor there, and who runs inside has neither CAP_SYS_CHROOT nor CAP_SYS_ADMIN nor the system calls.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator

from . import linux

_PRESERVED = {
    os.ST_NOSUID: 2,
    os.ST_NODEV: 4,
    os.ST_NOEXEC: 8,
    os.ST_NOATIME: 1024,
    os.ST_NODIRATIME: 2048,
    os.ST_RELATIME: 1 << 21,
}
"""Flags that a mount has and a remount has to repeat: as statvfs(3) tells them, and as mount(2) takes them."""
_MOUNT_POINT = 4
"""Its place in a line of mountinfo."""


def make_read_only(target: str, mountinfo: Callable[[], str], *, devices: bool, recursive: bool) -> None:
    """Forbid writing and set-uid below `target`, and device files unless `devices`; `mountinfo` reads /proc/self/mountinfo.

    Raises OSError where a mount stays writable.
    """
    attributes = linux.MOUNT_ATTR_RDONLY | linux.MOUNT_ATTR_NOSUID | (0 if devices else linux.MOUNT_ATTR_NODEV)
    try:
        linux.set_mount_attributes(target, attributes, recursive=recursive)
    except OSError:  # before Linux 5.12, or refused by a profile
        for path in (target, *(_mounts_below(target, mountinfo()) if recursive else ())):
            _remount_read_only(path, devices)


def change_root(root: str) -> None:
    """Make the mount at `root` the root directory, and the old one unreachable.

    Raises OSError with the reasons of both ways.
    """
    os.chdir(root)
    try:
        _check_unmount()  # without it the old root would stay on top of the new one
        linux.pivot_root(".", ".")
    except OSError as refused:
        try:
            linux.mount(".", "/", None, linux.MS_MOVE)
            os.chroot(".")
        except OSError as error:
            raise OSError(error.errno, f"{refused.strerror}; moving the mount instead: {error.strerror}") from None
    else:
        linux.unmount(".", linux.MNT_DETACH)
    os.chdir("/")


def _check_unmount() -> None:
    try:
        linux.unmount("", 0)
    except FileNotFoundError:
        return


def _remount_read_only(path: str, devices: bool) -> None:
    has = os.statvfs(path).f_flag
    kept = sum(flag for told, flag in _PRESERVED.items() if has & told)
    flags = linux.MS_BIND | linux.MS_REMOUNT | linux.MS_RDONLY | linux.MS_NOSUID | (0 if devices else linux.MS_NODEV)
    linux.mount("none", path, None, flags | kept)
    if not os.statvfs(path).f_flag & os.ST_RDONLY:
        raise OSError(1, f"remount of {path}: it stayed writable")


def _mounts_below(target: str, mountinfo: str) -> Iterator[str]:
    """The mount points below `target`, those within others last."""
    for line in mountinfo.splitlines():
        path = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), line.split(" ")[_MOUNT_POINT])
        if path.startswith(target.rstrip("/") + "/"):
            yield path
