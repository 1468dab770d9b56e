"""Pictures within a budget: everything there, small ones sharp, none twice."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageChops

from codedance.report.pictures import Embedded, make_album
from report.made import photograph, plot


def decode(made: Embedded) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(made.base64)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six photographs, four plots, two crops."""
    folder = tmp_path_factory.mktemp("images")
    for seed in range(6):
        photograph(seed, (1200, 900)).save(folder / f"photo{seed}.jpg", quality=90)
    for seed in range(4):
        plot(seed).save(folder / f"plot{seed}.png")
    for seed in range(2):
        photograph(seed, (160, 120)).save(folder / f"crop{seed}.png")
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("room", [1_000_000, 300_000, 90_000])
def test_pictures_stay_within_the_room(folder: Path, room: int) -> None:
    album = make_album(folder, names(folder), {"photo1.jpg", "plot1.png"}, room)
    assert album.size <= room
    assert sorted(album.pictures) == names(folder)
    assert sorted(album.thumbnails) == ["photo1.jpg", "plot1.png"]


def test_most_of_the_room_is_used_where_it_is_short(folder: Path) -> None:
    assert make_album(folder, names(folder), set(), 300_000).size > 150_000


def test_a_plot_keeps_every_pixel(folder: Path) -> None:
    album = make_album(folder, names(folder), set(), 1_000_000)
    assert ImageChops.difference(decode(album.pictures["plot0.png"]).convert("RGB"), plot(0)).getbbox() is None


def test_a_small_crop_keeps_its_size_and_its_looks(folder: Path) -> None:
    made = decode(make_album(folder, names(folder), set(), 400_000).pictures["crop0.png"]).convert("RGB")
    assert made.size == photograph(0, (160, 120)).size
    assert np.abs(np.asarray(made, int) - np.asarray(photograph(0, (160, 120)), int)).mean() < 6


def test_photographs_shrink_with_the_room_but_keep_their_shape(folder: Path) -> None:
    wide, narrow = (make_album(folder, names(folder), set(), room).pictures["photo1.jpg"] for room in (1_500_000, 90_000))
    assert wide.width > 2 * narrow.width
    assert wide.width / wide.height == pytest.approx(narrow.width / narrow.height, rel=0.02)


def test_a_large_picture_is_shown_no_larger_than_a_window(tmp_path: Path) -> None:
    photograph(1, (4000, 3000)).save(tmp_path / "a.jpg")
    made = make_album(tmp_path, ["a.jpg"], set(), 10_000_000).pictures["a.jpg"]
    assert (made.width, made.height) == (1600, 1200)


def test_a_picture_named_twice_is_there_once(folder: Path) -> None:
    album = make_album(folder, ["plot1.png"] * 3, set(), 1_000_000)
    assert album.size == len(album.pictures["plot1.png"].base64)


def test_extreme_shapes_are_shown(tmp_path: Path) -> None:
    plot(1, (3000, 40)).save(tmp_path / "flat.png")
    Image.new("RGB", (1, 1), "red").save(tmp_path / "dot.png")
    Image.new("L", (40, 9000), 77).save(tmp_path / "tall.png")
    assert len(make_album(tmp_path, names(tmp_path), set(names(tmp_path)), 500_000).pictures) == 3


def test_what_cannot_be_shown_is_left_out_with_a_reason(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    plot(1).save(secret)
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
    (folder / "cut.png").write_bytes((folder / "plot0.png").read_bytes()[:900])
    try:
        album = make_album(
            folder, ["gone.png", "broken.png", "cut.png", f"../{tmp_path.name}/secret.png", str(secret)], set(), 1_000_000
        )
    finally:
        for name in ("broken.png", "cut.png"):
            (folder / name).unlink()
    assert album.pictures == {}
    assert album.left_out["gone.png"] == "the file is missing"
    assert "not in an image format that Pillow knows" in album.left_out["broken.png"]
    assert "leads out" in album.left_out[str(secret)]
    assert len(album.left_out) == 5


def test_without_room_everything_is_left_out_openly(folder: Path) -> None:
    album = make_album(folder, names(folder), set(names(folder)), 3000)
    assert album.size <= 3000
    assert set(album.left_out) | set(album.pictures) == set(names(folder))
    assert "no room" in next(iter(album.left_out.values()))
