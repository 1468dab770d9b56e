"""Honest data made dishonest: JSON values, texts, bytes, pictures and folders, each by what their readers look at.

    draw = random.Random(7)
    mutated_json({"sample": 0}, draw)         # b'{"sample": -1e999}'
    mutate_folder(Path("run"), draw, traps)   # traces.jsonl is a link now

Everything is drawn from `draw` alone, so that a seed names a case. Pictures are damaged in their headers and cut; nothing here is
made to break the libraries that decode them. Not covered: what is done with the result (`targets`).
"""

from __future__ import annotations

import json
import os
import random
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MOST_MUTATED = 1 << 22
_RAW = "@@raw{}@@"
_RAWS = (
    *("9" * 5000, "1e999999", "-1e400", "NaN", "-Infinity", "-", "0x10", "01", "tru", '"open', '"\\ud800"', '"\\u0000"', "[1,]"),
    *(
        "[" * 5_000,
        "[" * 3_000 + "]" * 3_000,
        "[" * 90 + "]" * 90,
        '{"a":' * 3_000 + "1" + "}" * 3_000,
        '{"a":' * 60 + "1" + "}" * 60,
    ),
    *('{"a":1,"a":[2]}', "{}", "[[]]", '""', "1.0", "1E2", '"' + "A" * 70_000 + '"', "[" + "0," * 20_000 + "0]"),
)
"""Values that no writer of JSON makes of a Python value."""
_NUMBERS = (0, 1, -1, 2, 255, 1000, 2**31 - 1, 2**31, 2**63, -(2**63), 10**40, 10**400, 0.5, -0.0, 1e-300, 1e300, 1e308, 12.0)
_TEXTS = (
    *(
        "",
        " ",
        "\n",
        "\x00",
        "\x1b[2J",
        "\ud800",
        "a\udfff",
        "\u2028",
        "\u202egnp",
        "\ufeff",
        "0",
        "-1",
        "12.0",
        "1e999",
        "nan",
        "true",
    ),
    *("None", "null", "yes", "A", "(B)", "<image>", "</script><script>", "{{ 7*7 }}", "__class__", "%s%n", "a" * 300, "é" * 130),
    *(
        "\\frac{1}{",
        "$\\sqrt{-1}$",
        "9" * 400,
        "1/0",
        "1e400",
        "²",
        "٣",
        "x" * 5000,
        "(" * 400,
        "[" * 400,
        '"""' * 50,
        "2024-13-45",
    ),
    *(
        "code_tags",
        "chartqa",
        "maths",
        "exact",
        "choice",
        "ok",
        "answered",
        "model_error",
        "image/jpeg",
        "openai_tools",
        "swapped",
    ),
)
_PIECES = (
    b"\x00",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b"\t",
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
)
_PIECES += (
    b"\xe2\x80\xa8",
    b"\xef\xbb\xbf",
    b"-",
    b"9" * 30,
    b"data: ",
    b"null",
    b"NaN",
    b"\\ud800",
    b"\x1f\x8b",
    b'":',
    b"\xf4\x90",
)


@dataclass(frozen=True, slots=True)
class Traps:
    """What mutated data may point at outside of its own folder."""

    folder: Path
    """With `secret.json`, `secret.jsonl`, `secret.png`, and a whole run in `run`."""

    def path(self, draw: random.Random) -> str:
        """A way there, or to another place that is none of the data's business."""
        name = draw.choice(("secret.json", "secret.jsonl", "secret.png", "run", "run/traces.jsonl", "run/images"))
        ways = (
            str(self.folder / name),
            f"../{self.folder.name}/{name}",
            f"../../{self.folder.name}/{name}",
            f"file://{self.folder}/{name}",
        )
        others = (
            "/etc/passwd",
            "../../../../etc/passwd",
            "/proc/self/environ",
            "/dev/zero",
            "/dev/stdin",
            ".",
            "..",
            "/",
            "~/.ssh/id",
            "a/b",
        )
        return draw.choice(ways) if draw.random() < 0.7 else draw.choice(others)


def mutated(value: Any, draw: random.Random, traps: Traps, raws: list[str], times: int = 1) -> Any:
    """A JSON value with some places changed; `raws` takes what only text can say, see `dumped`."""
    whole = [json.loads(json.dumps(value))]
    for _ in range(times):
        holder, key = draw.choice(_places(whole))
        draw.choice(_CHANGES)(holder, key, draw, traps, raws)
        if not whole:
            whole.append(None)
    return whole[0]


def dumped(value: Any, draw: random.Random, raws: list[str]) -> bytes:
    """As text, now and then with doubled keys."""
    text = json.dumps(value, ensure_ascii=draw.random() < 0.5)
    for number, raw in enumerate(raws):
        text = text.replace(json.dumps(_RAW.format(number)), raw)
    if draw.random() < 0.05 and (keys := re.findall(r'"(\w+)": ', text[:20_000])):
        key = draw.choice(keys)
        text = text.replace(f'"{key}": ', f'"{key}": {draw.choice(_RAWS)}, "{key}": ', 1)
    return text.encode("utf-8", "surrogatepass")


def mutated_json(value: Any, draw: random.Random, traps: Traps) -> bytes:
    """A JSON value, changed, as text; now and then the text is changed as well."""
    raws: list[str] = []
    data = dumped(mutated(value, draw, traps, raws, draw.choice((1, 1, 1, 2, 4))), draw, raws)
    return mutated_bytes(data, draw) if draw.random() < 0.08 else data


def mutated_lines(data: bytes, draw: random.Random, traps: Traps) -> bytes:
    """JSON lines: one is changed, or their order, number or ends."""
    lines = data.splitlines(keepends=True)
    if not lines:
        return mutated_bytes(data, draw)
    place, way = draw.randrange(len(lines)), draw.random()
    if way < 0.7:
        try:
            lines[place] = mutated_json(json.loads(lines[place]), draw, traps) + b"\n"
        except (ValueError, RecursionError):
            lines[place] = mutated_bytes(lines[place], draw)
    elif way < 0.75:
        lines.insert(draw.randrange(len(lines)), lines[place])
    elif way < 0.8:
        draw.shuffle(lines)
    elif way < 0.85:
        lines[-1] = lines[-1][: draw.randrange(len(lines[-1]) + 1)]
    elif way < 0.9:
        lines[place] = draw.choice(
            (b"\n", b" \n", b"\r\n", b"null\n", b"[]\n", b"{}\n", b'"a"\n', b"7\n", b"\x00\n", b"\xff\xfe\n")
        )
    else:
        return mutated_bytes(data, draw)
    return b"".join(lines)


def mutated_bytes(data: bytes, draw: random.Random, times: int = 0) -> bytes:
    """Flipped, cut, doubled and pieced together."""
    made = bytearray(data)
    for _ in range(times or draw.choice((1, 1, 2, 3, 8))):
        place = draw.randrange(len(made) + 1)
        end = min(len(made), place + draw.choice((1, 2, 4, 16, 64, 1024)))
        way = draw.randrange(6)
        if way == 0 and place < len(made):
            made[place] ^= 1 << draw.randrange(8)
        elif way == 1:
            del made[place:end]
        elif way == 2:
            made[place:place] = made[place:end]
        elif way == 3:
            made[place:place] = draw.choice(_PIECES)
        elif way == 4 and place < len(made):
            made[place] = draw.randrange(256)
        elif way == 5 and draw.random() < 0.3:
            del made[place:]
    return bytes(made)


def mutated_picture(data: bytes, draw: random.Random) -> bytes:
    """Another kind than its name says, cut, or with sizes in its header that are not its own."""
    way = draw.random()
    if way < 0.45 and data[:4] == b"\x89PNG":
        sides = [draw.choice((0, 1, 2, 7, 3000, 9000, 14_000, 70_000, 2**31 - 1, 2**32 - 1)) for _ in range(2)]
        depth = bytes(draw.choice(((8, 2), (8, 6), (16, 2), (1, 0), (8, 3), (5, 9)))) + data[26:29]
        head = b"IHDR" + struct.pack(">II", *sides) + depth
        return data[:12] + head + struct.pack(">I", zlib.crc32(head)) + data[33:]
    if way < 0.6:
        return data[: draw.randrange(len(data))]
    if way < 0.75:
        heads = (
            b"GIF89a\xff\xff\xff\xff\x80\x00\x00",
            b"BM" + bytes(12),
            b"II*\x00\x08\x00\x00\x00",
            b"RIFF\x10\x00\x00\x00WEBPVP8 ",
        )
        heads += (
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
            b"P6\n99999 99999\n255\n",
            b"\x00\x00\x01\x00\x01\x00",
        )
        return draw.choice(
            (*heads, b"", b"<svg/>", b"{}", b"8BPS\x00\x01", b"#define x_width 9\n", b"SIMPLE  =                    T")
        )
    return mutated_bytes(data, draw)


def mutate_folder(folder: Path, draw: random.Random, traps: Traps, *, links: bool = True) -> None:
    """One or a few of its files changed, each by what it is; also by `links` to other places, where those are not followed."""
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
        files = [path for path in files if path.stat().st_size < _MOST_MUTATED]  # a hole that was made before stays as it is
        if not files:
            return
        few = [path for path in files if path.parent.name != "images"]
        path = draw.choice(few if few and draw.random() < 0.75 else files)
        way = draw.random()
        if way < 0.78:
            path.write_bytes(_mutated_file(path, draw, traps))
        elif way < 0.83:
            other = draw.choice(files)
            one, two = path.read_bytes(), other.read_bytes()
            path.write_bytes(two)
            other.write_bytes(one)
        else:
            _replace(path if draw.random() < 0.8 or path.parent == folder else path.parent, draw, traps, links)


def _mutated_file(path: Path, draw: random.Random, traps: Traps) -> bytes:
    data = path.read_bytes()
    if path.suffix == ".jsonl":
        return mutated_lines(data, draw, traps)
    if path.suffix == ".json":
        try:
            return mutated_json(json.loads(data), draw, traps)
        except (ValueError, RecursionError):
            return mutated_bytes(data, draw)
    return mutated_picture(data, draw) if path.suffix in (".png", ".jpg") and data else mutated_bytes(data, draw)


def _replace(path: Path, draw: random.Random, traps: Traps, links: bool) -> None:
    """Something else in its place: a link, a pipe, a folder, a huge hole, nothing."""
    if path.is_dir():
        away = path.with_name(f".away-{draw.randrange(1 << 30)}")
        path.rename(away)
    else:
        path.unlink()
    way = draw.randrange(9)
    if way == 0:
        os.mkfifo(path)
    elif way == 1:
        path.mkdir()
    elif way == 2:
        os.truncate(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC), draw.choice((0, 1 << 20, 3 << 30)))
    elif way < 6 and links:
        fits = {".json": "secret.json", ".jsonl": "run/traces.jsonl", ".png": "secret.png"}.get(path.suffix, "run/images")
        path.symlink_to(traps.folder / fits if draw.random() < 0.7 else traps.path(draw))
    elif way == 6:
        path.symlink_to(draw.choice(("/dev/zero", "/dev/null", path.name, "nowhere", "/dev/urandom", "/proc/self/mem")))


Change = Callable[[Any, Any, random.Random, Traps, "list[str]"], None]


def _places(whole: list[Any]) -> list[tuple[Any, Any]]:
    """Every place of a value, the outermost included; deep ones as likely as others."""
    found: list[tuple[Any, Any]] = []
    todo: list[Any] = [whole]
    while todo and len(found) < 5000:
        holder = todo.pop()
        for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
            found.append((holder, key))
            if isinstance(holder[key], (dict, list)):
                todo.append(holder[key])
    return found


def _wild(draw: random.Random, traps: Traps, raws: list[str]) -> Any:
    way = draw.random()
    if way < 0.3:
        return draw.choice(_NUMBERS)
    if way < 0.6:
        return draw.choice(_TEXTS)
    if way < 0.75:
        return draw.choice((None, True, False, [], {}, [[]], [None], {"a": None}, ["a", 1], [{}], {"": ""}))
    if way < 0.85:
        return traps.path(draw)
    raws.append(draw.choice(_RAWS))
    return _RAW.format(len(raws) - 1)


def _set(holder: Any, key: Any, draw: random.Random, traps: Traps, raws: list[str]) -> None:
    holder[key] = _wild(draw, traps, raws)


def _alter(holder: Any, key: Any, draw: random.Random, traps: Traps, raws: list[str]) -> None:
    """A bit of the value itself, of the same type."""
    value = holder[key]
    if isinstance(value, str):
        place, piece = draw.randrange(len(value) + 1), str(draw.choice((*_TEXTS, traps.path(draw))))
        holder[key] = draw.choice(
            (value[:place] + piece + value[place:], value[:place], value[place:], value * 3, piece + value, value + piece)
        )
    elif isinstance(value, bool) or value is None:
        holder[key] = draw.choice((True, False, None, 0, "true"))
    elif isinstance(value, (int, float)):
        near = (-value, value + 1, value - 1, value * 1000, [value], draw.choice(_NUMBERS))
        holder[key] = draw.choice((*near, str(value), value / 3, float(value)) if abs(value) < 1e300 else near)
    elif isinstance(value, list):
        holder[key] = draw.choice(
            (value[:1], value * 3, value[::-1], [value], {str(n): one for n, one in enumerate(value)}, value * 60)
        )
    else:
        holder[key] = draw.choice(
            (list(value), list(value.values()), {**value, draw.choice(_TEXTS): 1}, {"a": value}, [value, value])
        )


def _drop(holder: Any, key: Any, draw: random.Random, traps: Traps, raws: list[str]) -> None:
    del holder[key]


def _double(holder: Any, key: Any, draw: random.Random, traps: Traps, raws: list[str]) -> None:
    if isinstance(holder, list):
        holder.insert(draw.randrange(len(holder) + 1), json.loads(json.dumps(holder[key])))
    else:
        holder[draw.choice((f"{key}s", f"{key}".upper(), "id", "question", "answer", "images", "index", *_TEXTS))] = holder[key]


def _swap(holder: Any, key: Any, draw: random.Random, traps: Traps, raws: list[str]) -> None:
    """With another place of the same holder."""
    other = draw.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    holder[key], holder[other] = holder[other], holder[key]


_CHANGES: tuple[Change, ...] = (_set, _set, _set, _alter, _alter, _alter, _drop, _double, _swap)
