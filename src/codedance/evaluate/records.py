"""The files that an evaluation leaves besides its traces: every sample for people's own tools, and the figures.

    OUT/result_MODEL_DATASET.jsonl      one line a rollout: question, known answer, answer, history, pictures, runs of code, score
    OUT/stats_MODEL.json                a section a data set: the released script's keys, and ours
    OUT/predictions_MODEL_DATASET.json  {question's id: answer}, where answers are kept by those who score them

    write_results(folder, scores)
    write_stats(folder, summarise(scores))
    write_predictions(folder, scores)

All samples are there, also the broken ones, with a status. Names of pictures are those of files in OUT/images. Not covered:
reading the released script's own files.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Literal

from codedance.errors import DataError
from codedance.evaluate.intervals import Interval
from codedance.evaluate.summary import Summary
from codedance.images import digest_bytes
from codedance.model.cost import Price
from codedance.reward.rules import Scoring
from codedance.rollout.store import IMAGES, read_manifest, read_traces
from codedance.types import Score, SeenImage, Trace, Turn
from codedance.untrusted import writing

PREDICTIONS = "predictions"
"""What the names of files with answers to send in begin with."""
_NO_NAME = re.compile(r"[^\w.-]+")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One message of a conversation."""

    role: Literal["user", "assistant"]
    content: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ToolRun:
    """One run of code."""

    code: str
    status: str
    stdout: str
    error: str | None
    images: tuple[str, ...]
    seconds: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One line of a results file; the first keys are those of the released script."""

    index: str
    question: str
    ground_truth: str | None
    pred_ans: str | None
    status: Literal["success", "error"]
    acc: float | None
    judge_score: float | None
    judge_result: str
    """Why."""
    try_count: int
    """Replies of the model."""
    tool_call_count: int
    tool_success_count: int
    tool_success_rate: float | None
    input: str
    """The question, with `<image>` for every picture."""
    output: tuple[HistoryEntry, ...]
    multi_modal_data: tuple[str, ...]
    """Files of the question's pictures."""
    sample: int
    category: str
    decided_by: str
    stop: str
    error: str | None
    tool_runs: tuple[ToolRun, ...]
    tokens: int
    seconds: float


def result_of(trace: Trace, score: Score) -> Result:
    """A rollout as a line of a results file."""
    ran = [turn for turn in trace.turns if turn.execution is not None]
    return Result(
        index=trace.task_id,
        question=trace.question,
        ground_truth=trace.gold,
        pred_ans=trace.answer,
        status="error" if trace.is_unfinished else "success",
        acc=score.acc,
        judge_score=score.acc,
        judge_result=score.why,
        try_count=score.num_turns,
        tool_call_count=score.num_calls,
        tool_success_count=score.num_ok,
        tool_success_rate=score.num_ok / score.num_calls if score.num_calls else None,
        input="<image>" * len(trace.images) + trace.question,
        output=tuple(entry for turn in trace.turns for entry in _history(turn)),
        multi_modal_data=tuple(f"{IMAGES}/{image.view_file}" for image in trace.images),
        sample=trace.sample,
        category=trace.category,
        decided_by=score.decided_by,
        stop=trace.stop,
        error=trace.error,
        tool_runs=tuple(_tool_run(turn) for turn in ran),
        tokens=trace.usage.prompt_tokens + trace.usage.completion_tokens,
        seconds=trace.seconds,
    )


def _history(turn: Turn) -> list[HistoryEntry]:
    """What was said in one turn; pictures by their files."""
    said = [HistoryEntry(role="assistant", content=turn.text)]
    came_back = "".join(part if isinstance(part, str) else f"<image:{_file(part)}>" for part in turn.observation) + turn.note
    return [*said, HistoryEntry(role="user", content=came_back)] if came_back else said


def _tool_run(turn: Turn) -> ToolRun:
    ran = turn.execution
    assert ran is not None
    return ToolRun(
        code=turn.code or "",
        status=ran.status,
        stdout=ran.stdout,
        error=f"{ran.error.type}: {ran.error.message}" if ran.error else None,
        images=tuple(_file(part) for part in turn.observation if isinstance(part, SeenImage)),
        seconds=ran.seconds,
    )


def _file(image: SeenImage) -> str:
    return f"{IMAGES}/{image.file}"


def write_results(folder: Path, scores: Iterable[Score], scoring: Scoring = Scoring.DEFAULT) -> list[Path]:
    """The results files of a run that is scored, one for each data set.

    Raises:
        DataError: there is no run, or a file cannot be written.
    """
    model = read_manifest(folder).model
    by_rollout = {(score.task_id, score.sample): score for score in scores}
    names = _file_names({score.source or "tasks" for score in by_rollout.values()})
    files: dict[Path, IO[bytes]] = {}
    try:
        with ExitStack() as stack:
            for trace in read_traces(folder):
                score = by_rollout.get((trace.task_id, trace.sample))
                if score is None:  # it was finished meanwhile
                    continue
                path = folder / f"result_{file_name(model)}_{names[trace.source or 'tasks']}{_suffix(scoring)}.jsonl"
                if path not in files:
                    files[path] = stack.enter_context(writing(path))
                line = dataclasses.asdict(result_of(trace, score))
                files[path].write(_text(line) + b"\n")
    except OSError as error:
        raise DataError(f"{error.filename or folder}: it cannot be written: {error.strerror or error}") from None
    return list(files)


def write_predictions(folder: Path, scores: Sequence[Score]) -> list[Path]:
    """The answers to send in, of every data set with questions whose answer is not known: one object of answers by id.

    A question without an answer has an empty one, so that none is missing; of several samples the first counts.

    Raises:
        DataError: there is no run, or a file cannot be written.
    """
    model = read_manifest(folder).model
    names = _file_names({score.source or "tasks" for score in scores})
    several = len({score.source.partition("/")[0] for score in scores}) > 1
    files = []
    for source in dict.fromkeys(score.source for score in scores if score.gold is None):
        of_file = f"{source.partition('/')[0]}/" if several else ""  # what tells tasks of several files apart
        own = sorted((score for score in scores if score.source == source), key=lambda score: score.sample, reverse=True)
        answers = {score.task_id.removeprefix(of_file): (score.answer or "").strip() for score in own}
        in_order = {score.task_id.removeprefix(of_file): "" for score in scores if score.source == source}
        path = folder / f"{PREDICTIONS}_{file_name(model)}_{names[source or 'tasks']}.json"
        try:
            with writing(path) as file:
                file.write(_text(in_order | answers, indent=1) + b"\n")
        except OSError as error:
            raise DataError(f"{path}: it cannot be written: {error.strerror or error}") from None
        files.append(path)
    return files


def write_stats(
    folder: Path, summaries: Mapping[str, Summary], scoring: Scoring = Scoring.DEFAULT, price: Price | None = None
) -> Path:
    """The figures of a run, a section for each data set.

    Raises:
        DataError: there is no run, or the file cannot be written.
    """
    model = read_manifest(folder).model
    path = folder / f"stats_{file_name(model)}{_suffix(scoring)}.json"
    sections = {
        name: {
            "model_name": model,
            "data_source": name,
            **summary.released(),
            **as_plain(summary),
            "dollars": price.dollars(summary.usage) if price else None,
        }
        for name, summary in summaries.items()
    }
    try:
        with writing(path) as file:
            file.write(_text(sections, indent=1) + b"\n")
    except OSError as error:
        raise DataError(f"{path}: it cannot be written: {error.strerror or error}") from None
    return path


def as_plain(value: Any) -> Any:
    """A value as JSON has it: records as objects, and no number that is none."""
    if dataclasses.is_dataclass(value):
        return {field.name: as_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Interval):
        return as_plain(value._asdict())
    if isinstance(value, dict):
        return {str(key): as_plain(own) for key, own in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _suffix(scoring: Scoring) -> str:
    return "" if scoring is Scoring.DEFAULT else f".{scoring}"


def _file_names(sources: Iterable[str]) -> dict[str, str]:
    """Of every data set; those that would share one carry a digest."""
    names = {source: file_name(source) for source in sources}
    often = Counter(names.values())
    return {source: name if often[name] == 1 else f"{name}-{digest_bytes(source.encode())[:8]}" for source, name in names.items()}


def file_name(text: str) -> str:
    """A model's or data set's name as a part of a file's name."""
    return _NO_NAME.sub("_", text.removeprefix("openai:").rstrip("/")).strip("_.")[-100:] or "model"


def _text(value: object, indent: int | None = None) -> bytes:
    return json.dumps(value, indent=indent, ensure_ascii=False).encode()
