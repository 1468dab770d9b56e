"""Lay out the zygote's memory so that forking it is cheap: one block of huge pages instead of thousands of small ones.

    with one_block():
        import numpy, pandas, ...
    use_huge_pages(maps=text_of_proc_self_maps)

A fork copies the page table entry of every small page; a huge page has one entry for 512 of them. Python's object arenas and
malloc's large blocks are normally scattered between the mapped libraries, where no huge page fits, so they are steered into
the heap while the libraries load. Only speed depends on this: where the C library or the kernel (before 6.1) cannot do it,
nothing happens. `docs/lab-notes.md` has the figures.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager

from . import linux

_PAGE = 4096
_BLOCK_SIZES = range(48, 513, 16)
_BYTES_OVERHEAD = 33
_BALLAST_EACH = 1000
_ballast: list[bytes] = []
_HUGE_PAGE = 2 << 20
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_EVERYTHING = 32 << 20
_SESSION_MMAP_THRESHOLD = 4 << 20
_SESSION_TRIM_THRESHOLD = 8 << 20


class _ArenaAllocator(ctypes.Structure):
    """PyObjectArenaAllocator of CPython: a context and two functions that get it as first argument."""

    _fields_ = [("context", ctypes.c_void_p), ("alloc", ctypes.c_void_p), ("free", ctypes.c_void_p)]


@contextmanager
def one_block() -> Iterator[None]:
    """Inside the block, arenas and large blocks come from the heap."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallopt") or not hasattr(libc, "aligned_alloc"):
        yield
        return
    usual = _ArenaAllocator()
    ctypes.pythonapi.PyObject_GetArenaAllocator(ctypes.byref(usual))
    # aligned_alloc(alignment, size) has the form of alloc(context, size). free(3) has not that of free(context, arena, size), so
    # an arena that empties while libraries load is kept: sched_yield() ignores its arguments. One that empties later is
    # unmapped as usual, which malloc, to whom it stays a block in use, never notices.
    aligned, keep = (ctypes.cast(f, ctypes.c_void_p).value for f in (libc.aligned_alloc, libc.sched_yield))
    libc.mallopt(_MMAP_THRESHOLD, _EVERYTHING)
    ctypes.pythonapi.PyObject_SetArenaAllocator(ctypes.byref(_ArenaAllocator(_PAGE, aligned, keep)))
    try:
        yield
    finally:
        ctypes.pythonapi.PyObject_SetArenaAllocator(ctypes.byref(usual))
        libc.mallopt(_MMAP_THRESHOLD, _SESSION_MMAP_THRESHOLD)
        libc.mallopt(_TRIM_THRESHOLD, _SESSION_TRIM_THRESHOLD)


def fill_gaps() -> None:
    """Fill the free blocks between objects, so that what comes next lies together, on few pages."""
    _ballast.extend(bytes(size - _BYTES_OVERHEAD) for size in _BLOCK_SIZES for _ in range(_BALLAST_EACH))


def use_huge_pages(maps: str) -> None:
    """Back all private writable memory with huge pages, and keep the garbage collector from writing to it."""
    for line in maps.splitlines():
        span, permissions, _, _, inode = line.split()[:5]
        if permissions != "rw-p" or inode != "0":
            continue
        start, end = (int(address, 16) for address in span.split("-"))
        start, end = -(-start // _HUGE_PAGE) * _HUGE_PAGE, end // _HUGE_PAGE * _HUGE_PAGE
        if end > start:
            linux.collapse_huge_pages(start, end - start)
    gc.collect()
    gc.freeze()
