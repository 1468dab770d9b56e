"""Write questions as the parquet that reinforcement-learning trainers read.

    write_parquet(make_items(["count"], list(Level), 1000, seed=1), Path("train.parquet"))

One row a question, in the layout of the released CodeDance RL data: data_source, prompt (messages; `<image>` stands for a
picture), images (bytes, path), ability, reward_model (style, ground_truth) and extra_info. Rows go out in groups, so memory
stays flat. Not covered: reading.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from codedance.errors import StoreError
from codedance.tasks.synthetic import Item

_GROUP = 256
_MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string())])
_SCHEMA = pa.schema(
    [
        ("data_source", pa.string()),
        ("prompt", pa.list_(_MESSAGE)),
        ("images", pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())]))),
        ("ability", pa.string()),
        ("reward_model", pa.struct([("style", pa.string()), ("ground_truth", pa.string())])),
        (
            "extra_info",
            pa.struct(
                [
                    ("split", pa.string()),
                    ("index", pa.int64()),
                    ("question", pa.string()),
                    ("answer", pa.string()),
                    ("family", pa.string()),
                    ("level", pa.string()),
                ]
            ),
        ),
    ]
)


def write_parquet(
    items: Iterable[Item], path: Path, *, split: str = "train", on_row: Callable[[int], None] = lambda n: None
) -> int:
    """The number of rows written; the file appears whole or not at all.

    Raises:
        StoreError: it cannot be written.
    """
    part = path.with_name(f".part-{path.name}")
    count = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(part, _SCHEMA, compression="zstd") as writer:
            rows = []
            for count, item in enumerate(items, start=1):
                rows.append(_row(item, count - 1, split))
                if len(rows) == _GROUP:
                    writer.write_table(pa.Table.from_pylist(rows, _SCHEMA))
                    rows = []
                on_row(count)
            if rows:
                writer.write_table(pa.Table.from_pylist(rows, _SCHEMA))
        os.replace(part, path)
    except OSError as error:
        raise StoreError(f"{path}: it cannot be written: {error.strerror or error}; make room or name another file") from None
    finally:
        with suppress(OSError):
            part.unlink()
    return count


def _row(item: Item, index: int, split: str) -> dict[str, object]:
    file = io.BytesIO()
    item.image.save(file, "PNG")
    return {
        "data_source": f"synthetic/{item.family}",
        "prompt": [{"role": "user", "content": f"<image>\n{item.question}"}],
        "images": [{"bytes": file.getvalue(), "path": ""}],
        "ability": str(item.ability),
        "reward_model": {"style": "rule", "ground_truth": item.answer},
        "extra_info": {
            "split": split,
            "index": index,
            "question": item.question,
            "answer": item.answer,
            "family": item.family,
            "level": str(item.level),
        },
    }
