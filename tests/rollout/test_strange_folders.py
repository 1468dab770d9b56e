"""A run's folder from somebody else: whatever lies in it, verbs end in a sentence and show nothing from outside."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import re
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from codedance import Limits
from codedance.cli.compare import compared_runs
from codedance.cli.evaluation import read_evaluation
from codedance.errors import CodeDanceError, DataError
from codedance.evaluate.records import write_predictions, write_results, write_stats
from codedance.evaluate.scoring import read_scores, score_run, scores_file
from codedance.evaluate.summary import summarise
from codedance.images import ImageStore, Picture
from codedance.report import write_report
from codedance.report.verdicts import Verdicts
from codedance.reward.rules import Scoring
from codedance.rollout.replay import within
from codedance.rollout.settings import Settings
from codedance.rollout.store import Manifest, TraceStore, read_manifest, read_traces
from codedance.types import AnswerKey, Isolation, Sampling, SeenImage, StopReason, TaskImage, Trace, Turn

CANARY = "CANARY-OF-A-PRIVATE-FILE"
MANIFEST = Manifest(
    model="m",
    settings=Settings(),
    prompt="ab",
    limits=Limits(),
    isolation=Isolation(0),
    versions={},
    started="2026-01-01T00:00:00Z",
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    picture = Picture.of(Image.new("RGB", (60, 40), (200, 30, 30)))
    with TraceStore(folder, MANIFEST) as store:
        store.put_prompt("ab", {"system": "Look."})
        store.images.put(picture.file, picture.encoded)
        seen = SeenImage(picture.digest, 60, 40, 4)
        image = TaskImage(picture.file, 60, 40, picture.file, 60, 40, 4)
        turn = Turn(text="<answer>red</answer>", observation=("seen", seen))
        store.append(
            Trace(
                task_id="t", question="colour?", gold="red", key=AnswerKey(), images=(image,), model="m", sampling=Sampling(),
                format="code_tags", prompt="ab", turns=(turn,), stop=StopReason.ANSWERED, answer="red",
                started="2026-01-01T00:00:00Z", seconds=1.0,
            )
        )  # fmt: skip
    (tmp_path / "private.json").write_text(json.dumps({"key": CANARY}))
    Image.new("RGB", (333, 77)).save(tmp_path / "private.png")
    return folder


def verbs(folder: Path) -> dict[str, Callable[[], object]]:
    def score() -> None:
        scores = asyncio.run(score_run(folder, Scoring.DEFAULT, None))
        write_results(folder, scores)
        write_stats(folder, summarise(scores))
        write_predictions(folder, scores)

    return {
        "report": lambda: write_report(folder),
        "score": score,
        "compare": lambda: compared_runs(folder, folder, "default"),
        "evaluation": lambda: read_evaluation(folder),
        "resume": lambda: TraceStore(folder, MANIFEST).__enter__().close(),
        "pictures": lambda: [ImageStore(folder / "images").read(path.name) for path in (folder / "images").glob("*")],
    }


def shown(folder: Path) -> str:
    """All that the report and the files of scores say, unpacked."""
    files = [path for path in folder.iterdir() if path.is_file() and not path.is_symlink() and path.stat().st_size < 1 << 20]
    made = [path.read_text() for path in files]
    pages = [gzip.decompress(b64decode(page)).decode() for text in made for page in re.findall(r"H4sI[\w+/=]+", text)]
    return "\n".join(made + pages)


FILES = (
    "run.json",
    "traces.jsonl",
    "scores.jsonl",
    "eval.json",
    "prompts/ab.json",
    "images",
    "prompts",
    "images/*",
    "report.html",
)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", ["pipe", "link", "device", "folder", "sparse", "deep", "text", "empty"])
def test_no_file_of_a_folder_leads_out_of_it_hangs_or_breaks_a_verb(run: Path, name: str, kind: str) -> None:
    path = next((run / "images").iterdir()) if name == "images/*" else run / name
    if path.is_dir():
        path.rename(run.parent / "moved")
    else:
        path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "sparse":
        with open(path, "wb") as file:
            file.truncate(1 << 40)
    elif kind in ("link", "device"):
        outside = run.parent / (
            "private.png" if name == "images/*" else "moved" if name in ("images", "prompts") else "private.json"
        )
        path.symlink_to("/dev/zero" if kind == "device" else outside)
    else:
        path.write_text({"deep": "[" * 100_000 + "\n", "text": "{}\n\xff", "empty": ""}[kind])
    for verb in verbs(run).values():
        try:
            verb()
        except CodeDanceError as error:
            assert len(str(error)) < 2000
    assert CANARY not in shown(run) and "[333,77]" not in shown(run)
    assert json.loads((run.parent / "private.json").read_text()) == {"key": CANARY}, "it was written through a link"


@pytest.mark.parametrize(
    "digest", ["../private", "../../private", "/etc/hostname", "a/b", "", ".", "..", "a\0b", "x" * 5000, "%2e%2e/private"]
)
def test_digests_are_names_in_their_folder(run: Path, digest: str) -> None:
    (trace,) = read_traces(run)
    turn = replace(trace.turns[0], observation=(SeenImage(digest, 60, 40, 4),))
    image = replace(trace.images[0], file=digest, view_file=f"{digest}.json")
    with TraceStore(run, MANIFEST) as store:
        store.append(replace(trace, prompt=digest, turns=(turn,), images=(image,)))
    (run / "run.json").write_text((run / "run.json").read_text().replace('"ab"', json.dumps(digest)))
    write_report(run)
    assert CANARY not in shown(run)
    for name in (digest, f"{digest}.png", f"{digest}.json"):
        with pytest.raises(DataError):
            ImageStore(run / "images").read(name)


ODD = ("1e400", "-1e400", "NaN", "-1", "9" * 5000, '"\\ud800"', "null", "[]", "{}", "true", '"x"', "[" * 5000, "1e-400", "-0.0")


@pytest.mark.parametrize("value", ODD, ids=lambda value: value[:12])
def test_odd_values_in_any_field_of_a_trace_are_told_or_do_no_harm(run: Path, value: str) -> None:
    line = (run / "traces.jsonl").read_text()
    places = list(re.finditer(r'"\w+":(?=[^\[{])("(?:[^"\\]|\\.)*"|[^,}\]]+)', line))
    for place in places:
        (run / "traces.jsonl").write_text(line[: place.start(1)] + value + line[place.end(1) :])
        for name in ("report", "score", "resume"):
            try:
                verbs(run)[name]()
            except CodeDanceError as error:
                assert len(str(error)) < 2000
        (run / "scores.jsonl").unlink(missing_ok=True)


@pytest.mark.parametrize("value", ["1e400", "-1", "NaN", "9" * 5000, "[]", '"x"', "1e9"], ids=lambda value: value[:12])
def test_odd_values_in_any_field_of_a_manifest_are_told_or_do_no_harm(run: Path, value: str) -> None:
    text = (run / "run.json").read_text()
    for place in re.finditer(r'"\w+": ([^\[{"\n,]+)', text):
        (run / "run.json").write_text(text[: place.start(1)] + value + text[place.end(1) :])
        try:
            limits, _ = within(read_manifest(run).limits, Limits())
            assert limits.memory_mb <= Limits().memory_mb
            write_report(run)
        except CodeDanceError as error:
            assert len(str(error)) < 2000


def test_limits_of_a_folder_are_lowered_to_our_own_and_told() -> None:
    asked = Limits(time_s=86_400.0, memory_mb=64, disk_mb=1 << 16, threads=1024)
    limits, lowered = within(asked, Limits())
    assert limits == Limits(memory_mb=64)
    assert lowered == ("time_s 86400 (here 20)", "disk_mb 65536 (here 64)", "threads 1024 (here 64)")
    assert within(Limits(), Limits()) == (Limits(), ())


def test_a_rollout_that_is_scored_twice_counts_once(run: Path) -> None:
    asyncio.run(score_run(run, Scoring.DEFAULT, None))
    file = scores_file(run, Scoring.DEFAULT)
    file.write_text(file.read_text() * 3)
    assert len(list(read_scores(file))) == 3
    with Verdicts.of(run, Scoring.DEFAULT) as verdicts:
        assert [own.total for own in verdicts.summaries.values()] == [1]
