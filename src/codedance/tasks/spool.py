"""Records on disk, such as tasks, to be drawn by their number in any order, in memory that does not grow with them.

    tasks = Spool(read_tasks("train.parquet"), Path("runs/one"))
    len(tasks), tasks[62_999].question

Rows come one after another, and most files cannot be entered in the middle: a parquet's group of rows, which may be all of them,
is decoded from its start. So each record is written down once, a task with the pictures that its row holds; pictures in files of
their own stay where they are. The file has no name and is gone with the process that made it. A spool may be sent to other
processes of the same machine, which read it as long as the first one holds it. Not covered: keeping it for the next run.
"""

from __future__ import annotations

import os
import pickle
import tempfile
import weakref
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Generic, TypeVar

from codedance.errors import StoreError

Record = TypeVar("Record")


class Spool(Generic[Record]):
    """Some records.

    Args:
        records: are read once, now; frozen dataclasses, or whatever else can be pickled.
        folder: in which there is room for them; that of temporary files if None.

    Raises:
        DataError: as `records` does.
        StoreError: there is no room.
    """

    def __init__(self, records: Iterable[Record], folder: Path | None = None) -> None:
        self._ends = array("Q", [0])
        try:
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder) as file:
                for record in records:
                    self._ends.append(self._ends[-1] + file.write(pickle.dumps(record)))
                file.flush()
                self._hold(os.dup(file.fileno()))
        except OSError as error:
            raise StoreError(
                f"{folder or tempfile.gettempdir()}: there is no room to keep what is drawn from: {error.strerror or error}"
            ) from None

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, number: int) -> Record:
        """Record `number`, counted from 0.

        Raises:
            IndexError: there is none.
        """
        if not 0 <= number < len(self):
            raise IndexError(f"record {number} of {len(self)}")
        start, end = self._ends[number], self._ends[number + 1]
        record: Record = pickle.loads(os.pread(self._fd, end - start, start))
        return record

    def __getstate__(self) -> dict[str, Any]:
        return {"ends": self._ends, "file": f"/proc/{os.getpid()}/fd/{self._fd}"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._ends = state["ends"]
        self._hold(os.open(state["file"], os.O_RDONLY | os.O_CLOEXEC))

    def _hold(self, fd: int) -> None:
        """Keep the file open as long as this object lives."""
        self._fd = fd
        weakref.finalize(self, os.close, fd)
