"""Pictures in every form in which tables hold them; what is none is told in one short line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from codedance.errors import DataError
from codedance.tasks import read_tasks
from tasks.made import png, text_of

PNG = png()
TEXT = text_of(PNG)


def seen(tmp_path: Path, value: Any, column: str = "image") -> tuple[bytes, ...]:
    """The pictures of a row with this value, as bytes."""
    (tmp_path / "a.png").write_bytes(PNG)
    (tmp_path / "rows.jsonl").write_text(json.dumps({"question": "?", column: value}))
    (task,) = read_tasks(tmp_path / "rows.jsonl")
    return tuple(one if isinstance(one, bytes) else Path(str(one)).read_bytes() for one in task.images)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM"])
def test_base64_is_known_by_what_comes_out_however_short_it_is(kind: str, tmp_path: Path) -> None:
    data = png(kind=kind)
    assert seen(tmp_path, text_of(data)) == (data,)


@pytest.mark.parametrize(
    "value",
    [
        "a.png",
        [TEXT],
        {"bytes": None, "path": "a.png"},
        {"bytes": TEXT, "path": "gone.png"},
        [{"bytes": "", "path": "a.png"}],
        {"url": f"data:image/png;base64,{TEXT}"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{TEXT}"}},
        f"data:image/png;base64,{TEXT}",
        f"data:image/png,{quote(PNG)}",
        "\n".join(TEXT[place : place + 76] for place in range(0, len(TEXT), 76)),
        TEXT.rstrip("="),
        TEXT.replace("+", "-").replace("/", "_"),
        "['a.png']",
        f'["{TEXT}"]',
        "{'bytes': None, 'path': 'a.png'}",
    ],
)
def test_a_picture_may_be_written_in_many_ways(value: Any, tmp_path: Path) -> None:
    assert seen(tmp_path, value) == (PNG,)


def test_file_addresses_and_lists_and_folders_of_pictures(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images/with blank.png").write_bytes(PNG)
    for value in ((tmp_path / "images/with blank.png").as_uri(), f"file://{tmp_path}/images/with blank.png", "with blank.png"):
        assert seen(tmp_path, value) == (PNG,)
    assert seen(tmp_path, ["a.png", TEXT], "images") == seen(tmp_path, f"['a.png', '{TEXT}']") == (PNG, PNG)


@pytest.mark.parametrize("column", ["image_path", "images", "img", "file_name", "image_1"])
def test_the_column_may_have_another_usual_name(column: str, tmp_path: Path) -> None:
    assert seen(tmp_path, "a.png", column) == (PNG,)


@pytest.mark.parametrize("value", [PNG, {"bytes": PNG, "path": None}, text_of(png(kind="BMP"))])
def test_a_picture_in_a_column_of_any_name_is_shown(value: Any, tmp_path: Path) -> None:
    rows = [{"question": "?", "answer": "red", "photo_data": value}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    (task,) = read_tasks(tmp_path / "rows.parquet")
    assert len(task.images) == 1 and isinstance(task.images[0], bytes)
    pq.write_table(pa.Table.from_pylist([{**rows[0], "mask": value}]), tmp_path / "rows.parquet")
    with pytest.raises(DataError, match="several columns hold pictures \\(photo_data, mask\\); rename the right one to image"):
        list(read_tasks(tmp_path / "rows.parquet"))


def test_an_empty_cell_beside_a_path_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    row = {"question": "?", "image": None, "image_path": "a.png"}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "rows.parquet")
    (task,) = read_tasks(tmp_path / "rows.parquet")
    assert task.images == (tmp_path / "a.png",)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("https://example.org/a.png", "addresses are not fetched: download it and write its path here"),
        ("data:image/png;base64,", "a data: URL with a picture"),
        (text_of(b"no picture at all, but long enough to be sure " * 40), "does not begin as any known kind of picture"),
        ("/" + text_of(bytes(900)), "does not begin as any known kind of picture"),
        ({"bytes": None, "path": None}, "a picture: a path, encoded bytes, base64"),
        ([""], "a picture: a path"),
        ("['a.png'", None),
        ("[a.png]", "a list of pictures"),
        ("[" * 900 + "]", "a list of pictures"),
    ],
)
def test_what_is_no_picture_is_told_without_all_of_it(value: Any, words: str | None, tmp_path: Path) -> None:
    if words is None:  # a path, which is looked for when it is needed
        with pytest.raises(FileNotFoundError):
            seen(tmp_path, value)
        return
    with pytest.raises(DataError) as caught:
        seen(tmp_path, value)
    assert words in str(caught.value) and len(str(caught.value)) < 350 + len(str(tmp_path))
    assert "row 1: column 'image' is" in str(caught.value)


def test_a_path_with_no_file_is_told_in_short(tmp_path: Path) -> None:
    (tmp_path / "v.jsonl").write_text(json.dumps({"text": "?", "label": "A", "question_id": 1, "image": "x" * 120}))
    with pytest.raises(DataError, match="column 'image'( is|: there is no picture)"):
        list(read_tasks(tmp_path / "v.jsonl"))


@pytest.mark.parametrize("names", [("0", "1"), (0, 1), (0.0, 1.0)])
@pytest.mark.parametrize("kind", ["jsonl", "json", "parquet"])
def test_rows_may_share_a_picture_by_index_in_every_layout_and_kind_of_file(
    names: tuple[Any, Any], kind: str, tmp_path: Path
) -> None:
    row = {"question": "?", "answer": "A", **dict(zip("ABCD", "wxyz", strict=True)), "category": "single", "cycle_category": "0"}
    rows = [{**row, "index": names[1], "image": str(int(names[0]))}, {**row, "index": names[0], "image": TEXT}]
    file = tmp_path / f"rows.{kind}"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), file, row_group_size=1)
    else:
        file.write_text(json.dumps(rows) if kind == "json" else "".join(json.dumps(one) + "\n" for one in rows))
    for source in (file, f"vlmevalkit:{file}", f"plain:{file}"):
        assert [task.images for task in read_tasks(source)] == [(PNG,), (PNG,)], source


def test_pictures_of_other_rows_are_found_in_any_order(tmp_path: Path) -> None:
    lines = [
        f"{n}\t{text_of(png(n))}\tWhat\nis {n}?\t{n}\n".replace("What\nis", '"What\nis').replace("?\t", '?"\t') for n in range(40)
    ]
    asked = [n * 17 % 40 for n in range(40)]
    lines += [f"{100 + place}\t{n}\tAgain?\t{n}\n" for place, n in enumerate(asked)]
    (tmp_path / "t.tsv").write_text("index\timage\tquestion\tanswer\n" + "".join(lines))
    tasks = list(read_tasks(tmp_path / "t.tsv"))
    assert tasks[3].question == "What\nis 3?"
    assert [task.images for task in tasks[40:]] == [(png(n),) for n in asked]


PRIVATE = "private/secret.png"


@pytest.mark.parametrize("how", ["absolute", "upwards", "file URL", "link", "link of a folder", "upwards, not there yet"])
def test_a_picture_outside_of_the_folder_of_its_task_file_can_be_refused_unless_its_folder_is_named(
    tmp_path: Path, how: str
) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / PRIVATE).write_bytes(PNG)
    (tmp_path / "set").mkdir()
    (tmp_path / "set/link.png").symlink_to(tmp_path / PRIVATE)
    (tmp_path / "set/way").symlink_to(tmp_path / "private")
    value = {
        "absolute": str(tmp_path / PRIVATE),
        "upwards": f"../{PRIVATE}",
        "file URL": (tmp_path / PRIVATE).as_uri(),
        "link": "link.png",
        "link of a folder": "way/secret.png",
        "upwards, not there yet": "../private/later.png",
    }[how]
    (tmp_path / "set/rows.jsonl").write_text(json.dumps({"question": "?", "image": value}))
    with pytest.raises(DataError, match=rf"lies outside of .*/set; .*--images-from {tmp_path}/private"):
        list(read_tasks(tmp_path / "set/rows.jsonl", images_from=[]))
    assert list(read_tasks(tmp_path / "set/rows.jsonl")), "one's own files name pictures anywhere"
    (task,) = read_tasks(tmp_path / "set/rows.jsonl", images_from=[tmp_path / "private"])
    assert isinstance(task.images[0], Path)
    for wider in (tmp_path, Path("/")):
        assert list(read_tasks(tmp_path / "set/rows.jsonl", images_from=[wider]))
    with pytest.raises(DataError, match="lies outside"):
        list(read_tasks(tmp_path / "set/rows.jsonl", images_from=[tmp_path / "priv"]))


def test_links_into_the_store_of_a_hugging_face_cache_are_followed(tmp_path: Path) -> None:
    snapshot, store = tmp_path / "datasets--a--b/snapshots/0f", tmp_path / "datasets--a--b/blobs"
    snapshot.mkdir(parents=True)
    store.mkdir()
    (store / "d1").write_bytes(PNG)
    (snapshot / "a.png").symlink_to("../../blobs/d1")
    (store / "d2").write_text(json.dumps({"question": "?", "image": "a.png"}))
    (snapshot / "rows.jsonl").symlink_to("../../blobs/d2")
    (task,) = read_tasks(snapshot / "rows.jsonl", images_from=[])
    assert task.images == (snapshot / "a.png",)


def test_a_link_that_stays_in_the_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    (tmp_path / "b.png").symlink_to("a.png")
    (tmp_path / "rows.jsonl").write_text(json.dumps({"question": "?", "image": "b.png"}))
    assert [task.images for task in read_tasks(tmp_path / "rows.jsonl")] == [(tmp_path / "b.png",)]
