"""Which files a folder stands for: those in it, or below it in `data` or the only subfolder that has any; of one split.

    data_files(Path("shards"))                    # shards/0.parquet, shards/1.parquet: all of one kind
    data_files(Path("ChartQA"), "test")           # ChartQA/data/test-00000-of-00001.parquet

A split is told by the names that `datasets` gives: test-00000-of-00002.parquet, test.jsonl, test/data-00000-of-00001.arrow. Where
there are several, one has to be named. Not covered: the settings in a data set's README.
"""

from __future__ import annotations

import re
from pathlib import Path

from codedance.errors import DataError
from codedance.tasks.formats import KINDS, kind_of

_SHARD = re.compile(r"[-_.]\d{5}-of-\d{5}(?:-[0-9a-f]+)?$")
_TRAIN, _VALIDATION, _TEST = {"train", "training"}, {"validation", "valid", "val", "dev"}, {"test", "testing", "eval", "testmini"}
_SPLITS = _TRAIN | _VALIDATION | _TEST
_DATA = "data"
_ABOUT = {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "config.json", "info.json"}


def data_files(folder: Path, split: str = "") -> list[Path]:
    """The files with rows, in the order of their names.

    Raises:
        DataError: there are none, or files of several kinds, splits or subfolders, of which one has to be named.
    """
    if split and (folder / split).is_dir():
        return data_files(folder / split)
    files = _files_in(folder)
    if not files and _files_in(folder / _DATA):
        folder = folder / _DATA
        files = _files_in(folder)
    if not files:
        return _of_subfolder(folder, split)
    splits = _by_split(files)
    if split:
        if split not in splits:
            raise DataError(f"{folder}: there is no split {split!r}; there {_are(list(splits))}")
        return splits[split]
    if len(splits) > 1:
        raise DataError(f"{folder}: it holds several splits ({', '.join(splits)}); name one: {folder}:{next(iter(splits))}")
    return files


def _files_in(folder: Path) -> list[Path]:
    """Those of the one kind that there is; JSON beside another kind describes the data."""
    if not folder.is_dir():
        return []
    by_kind: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.name.startswith(".") and path.name not in _ABOUT and (kind := kind_of(path)):
            by_kind.setdefault(kind, []).append(path)
    if len(by_kind) > 1:
        by_kind.pop(".json", None)
    if len(by_kind) > 1:
        some = ", ".join(files[0].name for files in by_kind.values())
        raise DataError(f"{folder}: it holds files of several kinds ({', '.join(by_kind)}); name one, such as one of {some}")
    return next(iter(by_kind.values()), [])


def _of_subfolder(folder: Path, split: str) -> list[Path]:
    inside = [path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    names = [path.name for path in inside if any(map(kind_of, path.rglob("*")))]
    if split and split not in names and len(names) != 1:
        raise DataError(f"{folder}: there is no split {split!r}; there {_are(names)}")
    if len(names) > 1:
        some = ", ".join(str(folder / name) for name in names)
        raise DataError(f"{folder}: it holds several folders with data; name one of {some}")
    if not names:
        raise DataError(f"{folder}: there is no file with rows in this folder or below it ({', '.join(KINDS)})")
    return data_files(folder / names[0], split)


def _by_split(files: list[Path]) -> dict[str, list[Path]]:
    """The files by split; all by one name where their names speak of no splits."""
    stems = {file: Path(file.name.removesuffix(".gz")).stem for file in files}
    names = {file: _SHARD.sub("", stem) for file, stem in stems.items()}
    splits: dict[str, list[Path]] = {}
    for file, name in names.items():
        words = [word for word in re.split(r"[^A-Za-z]+", name) if word.lower() in _SPLITS]
        splits.setdefault(words[0] if words else name, []).append(file)
    speak = any(name.lower() in _SPLITS for name in splits) or any(names[file] != stems[file] for file in files)
    return splits if speak else {"": files}


def _are(names: list[str]) -> str:
    return f"are {', '.join(names)}" if names and names != [""] else "are none: name the folder alone"
