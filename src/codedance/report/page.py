"""The whole report: one HTML file that opens anywhere, asks no network for anything, and runs no script but its own.

    write_report(Path("runs/one"))                    # runs/one/report.html
    write_report(Path("runs/one"), most=100, megabytes=5)

The traces are read twice, to count and to make pages; in memory stay the compressed pages and a few numbers of each trace.
A run that was scored is shown with its scores, and with what its probes lose. Not covered: scoring; comparing other runs.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from markupsafe import Markup

from codedance.errors import DataError
from codedance.evaluate.failures import error_kind
from codedance.report.figures import Figures, Tally, group_label
from codedance.report.operations import find_operations
from codedance.report.pictures import Album, make_album
from codedance.report.trace import Names, environment, make_page
from codedance.report.verdicts import Verdicts
from codedance.reward.rules import Scoring
from codedance.rollout.store import IMAGES, PROMPTS, TRACES, Manifest, read_manifest, read_traces
from codedance.types import Trace
from codedance.untrusted import MANIFEST_BYTES, Folder, from_json, writing

_HERE = resources.files("codedance.report")
_SCRIPTS = ("list.js", "trace.js", "page.js")
_SHARE_OF_PAGES = 0.35  # of the bytes; what pages leave goes to the pictures
_FRAME_BYTES = 250_000  # overview, style, script
_MOST_QUESTION = 400
_MOST_SHORT = 120


@dataclass(frozen=True, slots=True)
class _Pages:
    """What the traces became."""

    rows: list[dict[str, Any]]
    packed: list[str]
    names: Names
    first_pictures: set[str]


def write_report(
    folder: Path, out: Path | None = None, *, most: int = 500, megabytes: float = 20.0, scoring: Scoring = Scoring.DEFAULT
) -> Path:
    """Write the report of the run in `folder` to one file, and say which.

    Figures are over all traces; of more than `most`, evenly spread ones get a page. `megabytes` bounds the file. Scores are
    those by `scoring`.

    Raises:
        DataError: there is no run or no trace, a line is damaged, or the file cannot be written.
    """
    out = out if out is not None else folder / "report.html"
    run = read_manifest(folder)
    with Verdicts.of(folder, scoring) as verdicts:
        tally = Tally()
        for trace in read_traces(folder):
            tally.add(trace, verdicts.is_right(trace))
        total = tally.num_traces
        if not total:
            raise DataError(f"{folder / TRACES}: there is no finished trace yet; start the run again to go on with it")
        room = int(megabytes * 1e6)
        number = min(total, max(1, most))
        pages = _make_pages(
            folder, run, verdicts, {place * total // number for place in range(number)}, int(room * _SHARE_OF_PAGES) // number
        )
        left = room - _FRAME_BYTES - sum(map(len, pages.packed)) - 600 * number - 60 * len(pages.names.files)
        album = make_album(folder / IMAGES, pages.names.files, pages.first_pictures, left)
        _write(out, _render(folder, run, tally.figures(), verdicts, pages, album))
    return out


def _make_pages(folder: Path, run: Manifest, verdicts: Verdicts, chosen: set[int], room: int) -> _Pages:
    pages = _Pages([], [], Names(), set())
    for place, trace in enumerate(read_traces(folder)):
        if place in chosen:
            pages.packed.append(make_page(trace, verdicts.of_trace(trace), run.isolation, pages.names, room))
            pages.rows.append(_row(trace, verdicts.is_right(trace), pages.names))
            pages.first_pictures.update(image.view_file for image in trace.images[:1])
    return pages


def _row(trace: Trace, is_right: bool | None, names: Names) -> dict[str, Any]:
    """What the list knows of a trace."""
    executions = [turn.execution for turn in trace.turns if turn.execution is not None]
    return {
        "id": trace.task_id,
        "sample": trace.sample,
        "question": _short(trace.question, _MOST_QUESTION),
        "answer": None if trace.answer is None else _short(trace.answer),
        "gold": None if trace.gold is None else _short(trace.gold),
        "match": {None: "unknown", True: "yes", False: "no"}[is_right],
        "stop": trace.stop.value,
        "group": group_label(trace),
        "operations": sorted({str(found) for turn in trace.turns if turn.code for found in find_operations(turn.code)}),
        "errors": list(dict.fromkeys(kind for execution in executions if (kind := error_kind(execution)))),
        "error": _short(trace.error or ""),
        "turns": len(trace.turns),
        "cells": len(executions),
        "failed": sum(not execution.ok for execution in executions),
        "seconds": round(trace.seconds, 3),
        "tokens": trace.usage.prompt_tokens + trace.usage.completion_tokens,
        "picture": names.key(trace.images[0].view_file) if trace.images else None,
        "pictures": len(trace.images),
    }


def _short(text: str, most: int = _MOST_SHORT) -> str:
    return text if len(text) <= most else text[:most] + "..."


def _render(folder: Path, run: Manifest, figures: Figures, verdicts: Verdicts, pages: _Pages, album: Album) -> str:
    keys = pages.names.files
    style = (_HERE / "page.css").read_text()
    script = "(() => {\n'use strict';\n" + "".join((_HERE / name).read_text() for name in _SCRIPTS) + "})();\n"
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            name=folder.resolve().name,
            run=run,
            settings=list(_flat(asdict(run.settings))),
            limits=list(_flat(asdict(run.limits))),
            prompts=_prompts(folder, run.prompt),
            figures=figures,
            verdicts=verdicts,
            rows=_json(pages.rows),
            num_pages=len(pages.packed),
            pages=pages.packed,
            pictures={keys[file]: made.base64 for file, made in album.pictures.items()},
            thumbnails=_json({keys[file]: made.base64 for file, made in album.thumbnails.items()}),
            missing=_json({keys[file]: f"{IMAGES}/{file}: {reason}" for file, reason in album.left_out.items()}),
            sizes=_json({keys[file]: [made.width, made.height] for file, made in album.pictures.items()}),
            style=Markup(style),
            script=Markup(script),
            policy=_policy(style, script),
        )
    )


def _policy(style: str, script: str) -> str:
    """Nothing from outside, and of scripts and styles only ours: even markup that slipped in could not run."""
    digests = {
        name: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for name, text in (("style", style), ("script", script))
    }
    allowed = "; ".join(f"{name}-src 'sha256-{digest}'" for name, digest in digests.items())
    return f"default-src 'none'; img-src data: blob:; {allowed}; base-uri 'none'; form-action 'none'"


def _json(value: object) -> Markup:
    """Safe inside of a script element, whatever the texts hold."""
    text = json.dumps(value, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _flat(settings: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Dotted names and values; what is not set is left out."""
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{path}{name}.")
        elif value not in (None, (), []):
            yield f"{path}{name}", str(value)


def _prompts(folder: Path, digest: str) -> dict[str, str]:
    """The prompt texts by name; none where the file is gone."""
    try:
        texts = from_json(Folder(folder).read(f"{PROMPTS}/{digest}.json", MANIFEST_BYTES))
    except DataError:
        return {}
    return {str(name): str(text) for name, text in texts.items()} if isinstance(texts, dict) else {}


def _write(out: Path, html: str) -> None:
    """Whole or not at all."""
    try:
        with writing(out) as file:
            file.write(html.encode(errors="replace"))
    except OSError as error:
        raise DataError(f"{out}: the report cannot be written: {error.strerror}; name another file") from None
