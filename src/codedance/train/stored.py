"""Conversations of stored runs, word by word as the model had them, to learn from.

    for messages in conversations(Path("runs/teacher"), only_right=True): ...

The codec that made them writes them again, so that training and asking agree to the letter. Rollouts that broke, or that used
native tool calls, are left out. Right is what `codedance score` has called right; in a run that was not scored, what the rules
call right. Not covered: choosing among them by more than the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from codedance.errors import DataError
from codedance.evaluate.scoring import read_scores, scores_file, verdict_on
from codedance.images import ImageStore, InputImage, Picture, Size
from codedance.model.chat import Message, Reply, Role
from codedance.reward.rules import Scoring
from codedance.reward.scorer import Scorer
from codedance.rollout.codec import Codec
from codedance.rollout.store import IMAGES, read_manifest, read_traces
from codedance.types import SeenImage, TaskImage, Trace


def conversations(run: Path, *, only_right: bool) -> Iterator[list[Message]]:
    """Every whole rollout of a run.

    Args:
        run: its folder.
        only_right: leave out those whose answer is wrong, or was left undecided.

    Raises:
        DataError: there is no run, it has no usable rollout, or a picture is missing.
    """
    manifest = read_manifest(run)
    codec, images = Codec(manifest.settings.format), ImageStore(run / IMAGES)
    count = 0
    for trace in _right(run) if only_right else read_traces(run):
        is_native = any(turn.tool_calls for turn in trace.turns)
        if trace.is_unfinished or is_native or not trace.turns:
            continue
        if trace.prompt != codec.digest:
            raise DataError(f"{run}: {trace.task_id} was asked with other prompt texts than today's; ask again to learn from it")
        count += 1
        yield _conversation(trace, codec, images, manifest.settings.turns, manifest.limits.time_s)
    if not count:
        raise DataError(f"{run}: no rollout to learn from; {'none has the right answer' if only_right else 'it is empty'}")


def _right(run: Path) -> Iterator[Trace]:
    scores = {(score.task_id, score.sample): score for score in read_scores(scores_file(run, Scoring.DEFAULT))}
    with Scorer() as scorer:
        for trace in read_traces(run):
            if verdict_on(trace, scores.get((trace.task_id, trace.sample)), scorer).is_right:
                yield trace


def _conversation(trace: Trace, codec: Codec, images: ImageStore, turns: int, time_s: float) -> list[Message]:
    messages = codec.opening(trace.question, [_given(image, images) for image in trace.images], turns, time_s)
    for turn in trace.turns:
        reply = Reply(text=turn.text, finish_reason=turn.finish_reason, token_ids=turn.token_ids)
        action = codec.parse(reply)
        seen = [_shown(part, images) if isinstance(part, SeenImage) else part for part in turn.observation]
        messages += codec.response(reply, action, seen, turn.note)
    if messages[-1].role is Role.USER and not trace.turns[-1].observation:
        messages.pop()  # nothing answered the last reply
    return messages


def _given(image: TaskImage, images: ImageStore) -> InputImage:
    media = "image/jpeg" if image.view_file.endswith(".jpg") else "image/png"
    view = Picture(Size(image.view_width, image.view_height), None, images.read(image.view_file), media)
    return InputImage(b"", Size(image.width, image.height), "png", view, image.tokens)  # the bytes are for a sandbox


def _shown(image: SeenImage, images: ImageStore) -> Picture:
    return Picture(Size(image.width, image.height), None, images.read(image.file), image.media_type)
