"""What people write to name tasks: FILE, LAYOUT:FILE, FOLDER:SPLIT, LAYOUT:FOLDER:SPLIT.

    source = Source.parse("chartqa:ChartQA:test", layouts=("chartqa", ...))
    source.layout, source.path, source.part            # "chartqa", Path("ChartQA"), "test"
    source.files()                                     # ChartQA/data/test-00000-of-00001.parquet

A colon inside a file's name is a part of it. Not covered: names such as `synthetic`, which stand for no file (`named`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from codedance.errors import DataError
from codedance.tasks.folders import data_files


@dataclass(frozen=True, slots=True)
class Source:
    """A file or folder, how it is laid out, and which part of it is meant."""

    layout: str
    """Empty where its columns tell."""
    path: Path
    part: str
    """A split of a folder, or the list of that name in a JSON file; empty for all there is."""

    @classmethod
    def parse(cls, text: str | PathLike[str], layouts: Collection[str]) -> Source:
        """The parts of a text.

        Raises:
            DataError: there is no such layout, and no file of the whole name.
        """
        layout, colon, rest = str(text).partition(":")
        if colon and layout in layouts:
            return cls(layout, *_path_and_part(rest))
        path, part = _path_and_part(str(text))
        if colon and "/" not in layout and not path.exists():
            raise DataError(f"{text}: there is no layout {layout!r}; the layouts are {', '.join(layouts)}")
        return cls("", path, part)

    @property
    def name(self) -> str:
        """What its tasks are called after: the file without its ending, or the folder, and the part."""
        path = self.path if self.path.name else self.path.resolve()
        stem = path.name if path.is_dir() else Path(path.name.removesuffix(".gz")).stem
        return f"{stem}-{self.part}" if self.part else stem

    def files(self) -> list[Path]:
        """The files with its rows.

        Raises:
            DataError: a folder holds none, or several kinds or splits of which none is named.
        """
        return data_files(self.path, self.part) if self.path.is_dir() else [self.path]


def _path_and_part(text: str) -> tuple[Path, str]:
    path, colon, part = text.rpartition(":")
    return (Path(path), part) if colon and not Path(text).exists() and Path(path).exists() else (Path(text), "")
