"""What comes from others is read within bounds, and only from where it lies."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from codedance import untrusted
from codedance.errors import DataError
from codedance.untrusted import Folder, NotThere, from_json, open_named, parsed, read_named, writing


def pipe(path: Path) -> None:
    os.mkfifo(path)


def link(path: Path) -> None:
    (path.parent.parent / "outside").write_text("private")
    path.symlink_to("../outside")


def link_inside(path: Path) -> None:
    path.with_name("other").write_text("ours")
    path.symlink_to("other")


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def sock(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)
    os.chdir(here)


KINDS: dict[str, tuple[Callable[[Path], None], str]] = {
    "pipe": (pipe, "a pipe, no regular file"),
    "link": (link, "it is a link"),
    "link inside": (link_inside, "it is a link"),
    "link to nothing": (dangling, "it is a link"),
    "link to a device": (device, "it is a link"),
    "folder": (Path.mkdir, "a folder, no regular file"),
    "socket": (sock, "a socket, no regular file"),
}


@pytest.mark.parametrize(("make", "words"), KINDS.values(), ids=KINDS.keys())
def test_only_regular_files_of_the_folder_itself_are_read(tmp_path: Path, make: Callable[[Path], None], words: str) -> None:
    (tmp_path / "run").mkdir()
    make(tmp_path / "run/file")
    folder = Folder(tmp_path / "run")
    with pytest.raises(DataError, match=words):
        folder.read("file", 100)
    with pytest.raises(DataError, match=words):
        list(folder.lines("file"))
    assert folder.has("file"), "it is there, and is told when it is read"


def test_nothing_behind_a_link_is_read_but_the_folder_itself_may_be_one(tmp_path: Path) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "private/a").write_text("private")
    (tmp_path / "run").mkdir()
    (tmp_path / "run/images").symlink_to("../private")
    (tmp_path / "run/b").write_text("ours")
    (tmp_path / "named").symlink_to("run")
    with pytest.raises(DataError, match="run/images: it is a link"):
        Folder(tmp_path / "run").read("images/a", 100)
    assert Folder(tmp_path / "named").read("b", 100) == b"ours"
    assert Folder(tmp_path / "run").folders("") == []


@pytest.mark.parametrize(
    "name", ["../private", "/etc/hostname", "a/../../private", "", ".", "..", "a//b", "a\0b", "a\ud800", "a/"]
)
def test_names_lead_nowhere_else(tmp_path: Path, name: str) -> None:
    (tmp_path / "run/a").mkdir(parents=True)
    (tmp_path / "private").write_text("private")
    with pytest.raises(DataError, match="is no name of a file in this folder"):
        Folder(tmp_path / "run").read(name, 100)
    assert not Folder(tmp_path / "run").has(name)


def test_hard_links_and_long_names_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("ours")
    os.link(tmp_path / "a", tmp_path / "b")
    assert Folder(tmp_path).read("b", 4) == b"ours"
    with pytest.raises(DataError, match="File name too long"):
        Folder(tmp_path).read("x" * 300, 4)
    with pytest.raises(NotThere):
        Folder(tmp_path).read("c", 4)
    with pytest.raises(NotThere):
        Folder(tmp_path / "none").read("c", 4)
    with pytest.raises(DataError, match="Not a directory"):
        Folder(tmp_path / "a").read("c", 4)


def test_files_and_lines_have_a_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(tmp_path / "large", "wb") as file:
        file.truncate(1 << 40)  # takes no room
    with pytest.raises(DataError, match="at most 4 MB are read"):
        Folder(tmp_path).read("large", 1 << 22)
    with pytest.raises(DataError, match="line 1 has more than 1 MB"):
        list(Folder(tmp_path).lines("large", 1 << 20))
    (tmp_path / "many").write_bytes(b"a\n" * 11)
    assert [(line.number, line.offset, line.data) for line in Folder(tmp_path).lines("many")][-1] == (11, 20, b"a")
    monkeypatch.setattr(untrusted, "MOST_LINES", 10)
    with pytest.raises(DataError, match="more than 10 lines"):
        list(Folder(tmp_path).lines("many"))


def test_a_file_that_was_exchanged_after_it_was_looked_at_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("ours")
    (tmp_path / "private").write_text("private")
    usual = os.open

    def slow(name: str, flags: int, *rest: int, dir_fd: int | None = None) -> int:
        if name == "a":
            (tmp_path / "a").unlink()
            (tmp_path / "a").symlink_to("private")
        return usual(name, flags, *rest, dir_fd=dir_fd)

    monkeypatch.setattr(untrusted.os, "open", slow)
    with pytest.raises(DataError, match="symbolic links"):
        Folder(tmp_path).read("a", 100)


def test_a_file_that_the_user_names_may_be_a_link_but_no_pipe(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("ours")
    (tmp_path / "link").symlink_to("a")
    os.mkfifo(tmp_path / "pipe")
    assert read_named(tmp_path / "link", 10) == b"ours"
    for name, words in (("pipe", "a pipe"), ("", "a folder"), ("a\0", "embedded null"), ("b", "No such file")):
        with pytest.raises(DataError, match=words):
            open_named(f"{tmp_path}/{name}")
    with pytest.raises(DataError, match="a device"):
        open_named("/dev/zero")


@dataclass(frozen=True)
class Part:
    tokens: int = 0
    seed: int = 0
    seconds: float = 0.0
    ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    parts: tuple[Part, ...] = ()
    by_name: dict[str, float] | None = None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 100_000, "recursion|nested"),
        ('{"parts": ' * 50_000, "recursion|nested"),
        ('{"tokens": 1e400}', "valid integer|finite"),
        ('{"seconds": 1e400}', "seconds is inf"),
        ('{"seconds": NaN}', "seconds is nan"),
        ('{"seconds": -0.5}', "seconds is -0.5; it must be a number from 0 on"),
        ('{"tokens": -1}', "tokens: a number is out of its range"),
        ('{"tokens": 18446744073709551616}', "tokens: a number is out of its range"),
        ('{"tokens": ' + "9" * 5000 + "}", "integer|range"),
        ('{"parts": [{"parts": [{"seconds": Infinity}]}]}', "seconds is inf"),
        ('{"ids": [1, 99999999999999999999]}', "ids: a number is out of its range"),
        ('{"logprobs": [1.0, NaN]}', "logprobs: one of its numbers is none"),
        ('{"by_name": {"a": NaN}}', "by_name"),
        ('{"tokens": "many"}', "valid integer"),
        ("{", "EOF"),
        ("", "EOF"),
        ('{"seconds": "\\ud800"}', "hex escape|surrogate"),
        ("\x00", "expected value"),
    ],
)
def test_records_hold_only_numbers_that_are_some(text: str, words: str) -> None:
    with pytest.raises(DataError, match=f"(?i){words}"):
        parsed(text.encode(), TypeAdapter(Part))


def test_records_with_usual_numbers_are_read() -> None:
    text = '{"tokens": 5, "seed": -3, "seconds": 0.5, "ids": [1, -1], "logprobs": [-0.5], "parts": [{"tokens": 1}]}'
    assert parsed(text.encode(), TypeAdapter(Part)) == Part(5, -3, 0.5, (1, -1), (-0.5,), (Part(1),))


@pytest.mark.parametrize("text", ["[" * 100_000, "[1" * 3, "{'a': 1}", "9" * 5000, "\udcff".encode("utf-8", "surrogateescape")])
def test_json_that_is_none_is_told(text: str | bytes) -> None:
    with pytest.raises(DataError, match="no JSON|too deeply"):
        from_json(text if isinstance(text, bytes) else text.encode())


def test_json_of_too_many_parts_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(untrusted, "_MOST_CONTAINERS", 10)
    for read in (from_json, lambda data: parsed(data, TypeAdapter(list[list[int]]))):
        assert read(b"[" + b"[]," * 8 + b"[]]") == [[]] * 9
        with pytest.raises(DataError, match="too many parts"):
            read(b"[" + b"[]," * 10 + b"[]]")


def test_writing_replaces_a_link_and_leaves_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "private").write_text("private")
    (tmp_path / "out").symlink_to("private")
    with writing(tmp_path / "out") as file:
        file.write(json.dumps([1]).encode())
    assert (tmp_path / "private").read_text() == "private" and (tmp_path / "out").read_text() == "[1]"
    with pytest.raises(KeyError), writing(tmp_path / "out"):
        raise KeyError
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "private"]
    assert (tmp_path / "out").read_text() == "[1]"
