"""Conversations of stored runs, word by word as the model had them, to learn from.

    told = Conversations([Path("runs/teacher")], only_right=True)
    len(told), told[17]                                                        # pictures are read when they are asked for
    for messages in conversations(Path("runs/teacher"), only_right=True): ...

The codec that made them writes them again, so that training and asking agree to the letter. Rollouts that broke, or that used
native tool calls, are left out. Right is what `codedance score` has called right; in a run that was not scored, what the rules
call right. Not covered: choosing among them by more than the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from codedance.errors import DataError
from codedance.evaluate.scoring import read_scores, scores_file, verdict_on
from codedance.images import ImageStore, InputImage, Picture, Size
from codedance.model.chat import Message, Reply, Role
from codedance.reward.rules import Scoring
from codedance.reward.scorer import Scorer
from codedance.rollout.codec import Codec
from codedance.rollout.loop import own_codec
from codedance.rollout.store import IMAGES, read_manifest, read_traces
from codedance.tasks.spool import Spool
from codedance.types import SeenImage, TaskImage, Trace


class Conversations:
    """Every whole rollout of some runs, to be drawn by number; what they say lies on disk, and pictures are read when needed.

    Args:
        runs: their folders.
        only_right: leave out those whose answer is wrong, or was left undecided.

    Raises:
        DataError: there is no run, or one has no usable rollout.
    """

    def __init__(self, runs: Sequence[Path], *, only_right: bool) -> None:
        self._runs = [_Run.of(run) for run in runs]
        self._traces = Spool((place, trace) for place, run in enumerate(self._runs) for trace in run.traces(only_right))

    def __len__(self) -> int:
        return len(self._traces)

    def __getitem__(self, number: int) -> list[Message]:
        """Conversation `number`, counted from 0.

        Raises:
            DataError: a picture is missing.
            IndexError: there is none.
        """
        place, trace = self._traces[number]
        return self._runs[place].conversation(trace)


def conversations(run: Path, *, only_right: bool) -> Iterator[list[Message]]:
    """Every whole rollout of a run, one after another.

    Raises:
        DataError: as `Conversations`.
    """
    found = _Run.of(run)
    yield from map(found.conversation, found.traces(only_right))


@dataclass(frozen=True, slots=True)
class _Run:
    """A run's folder, and how its conversations are written."""

    folder: Path
    codec: Codec
    images: ImageStore
    turns: int
    time_s: float

    @classmethod
    def of(cls, folder: Path) -> _Run:
        made = read_manifest(folder)
        codec, images = own_codec(made.settings), ImageStore(folder / IMAGES)
        return cls(folder, codec, images, made.settings.turns, made.limits.time_s)

    def traces(self, only_right: bool) -> Iterator[Trace]:
        """Those that can be learnt from."""
        count = 0
        for trace in _right(self.folder) if only_right else read_traces(self.folder):
            is_native = any(turn.tool_calls for turn in trace.turns)
            if trace.is_unfinished or is_native or not trace.turns:
                continue
            if trace.prompt != self.codec.digest:
                raise DataError(
                    f"{self.folder}: {trace.task_id} was asked with other prompt texts than today's; ask again to learn from it"
                )
            count += 1
            yield trace
        if not count:
            why = "none has the right answer" if only_right else "it is empty"
            raise DataError(f"{self.folder}: no rollout to learn from; {why}")

    def conversation(self, trace: Trace) -> list[Message]:
        """What was said, word by word."""
        given = [_given(image, self.images) for image in trace.images]
        messages = self.codec.opening(trace.question, given, self.turns, self.time_s, has_pictures=bool(given))
        for turn in trace.turns:
            reply = Reply(text=turn.text, reasoning=turn.reasoning, finish_reason=turn.finish_reason, token_ids=turn.token_ids)
            action = self.codec.parse(reply)
            seen = [_shown(part, self.images) if isinstance(part, SeenImage) else part for part in turn.observation]
            messages += self.codec.response(reply, action, seen, turn.note)
        if messages[-1].role is Role.USER and not trace.turns[-1].observation:
            messages.pop()  # nothing answered the last reply
        return messages


def _right(run: Path) -> Iterator[Trace]:
    scores = {(score.task_id, score.sample): score for score in read_scores(scores_file(run, Scoring.DEFAULT))}
    with Scorer() as scorer:
        for trace in read_traces(run):
            if verdict_on(trace, scores.get((trace.task_id, trace.sample)), scorer).is_right:
                yield trace


def _given(image: TaskImage, images: ImageStore) -> InputImage:
    media = "image/jpeg" if image.view_file.endswith(".jpg") else "image/png"
    view = Picture(Size(image.view_width, image.view_height), None, images.read(image.view_file), media)
    return InputImage(b"", Size(image.width, image.height), "png", view, image.tokens)  # the bytes are for a sandbox


def _shown(image: SeenImage, images: ImageStore) -> Picture:
    return Picture(Size(image.width, image.height), None, images.read(image.file), image.media_type)
