"""Honest data to begin with, made by the project itself: a scored run, a second one, one with real cells, task files, replies.

    seeds = asyncio.run(make_seeds(Path("work")))
    seeds.run, seeds.replayed, seeds.tasks, seeds.traps

Small throughout, since each case begins with a copy. Not covered: changing it (`mutations`).
"""

from __future__ import annotations

import base64
import gzip
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from codedance import Limits, Sandbox
from codedance.cli.evaluation import Evaluation, Request, write_evaluation
from codedance.cli.score import score_folder
from codedance.model.cache import CachedModel
from codedance.model.chat import Message, Reply
from codedance.model.script import ScriptedModel
from codedance.reward.judge import Judge
from codedance.rollout.runner import Runner
from codedance.rollout.settings import Settings
from codedance.types import AnswerKey, ExecError, ExecStatus, Repair, Rule, Sampling, StopReason, Task, ToolCall, Turn
from fuzz.mutations import Traps
from report.runs import Writer, answer, result, trace
from tasks.test_adapters import ROWS, png

CANARY = "canary-4711-of-the-outside"
QUICK = Limits(time_s=2.0, grace_s=0.4, memory_mb=256, disk_mb=16)


@dataclass(frozen=True, slots=True)
class Seeds:
    """Where the honest data lies."""

    run: Path
    """Scored, with figures and a probe."""
    judgements: Path
    """A judge's replies about it."""
    other: Path
    """The same questions, answered otherwise."""
    replayed: Path
    """Its cells ran in a real sandbox."""
    tasks: Path
    """One file of every layout, and some of every kind of file."""
    traps: Traps

    @classmethod
    def of(cls, work: Path) -> Seeds:
        """Those that were made there."""
        return cls(work / "run", work / "judgements", work / "other", work / "replayed", work / "tasks", Traps(work / "outside"))


async def make_seeds(work: Path, *, with_cells: bool = True) -> Seeds:
    """Everything, in folders of `work`; the one with real cells only on demand, since it needs a sandbox."""
    made = Seeds.of(work)
    await _write_run(made.run, made.judgements, right="12")
    await _write_run(made.other, work / "judgements-of-other", right="13")
    shutil.copytree(made.other, made.run / "probe-blank", ignore=shutil.ignore_patterns("images", "prompts"))
    write_evaluation(made.run, Evaluation(request=Request(tasks=("tasks/plain.jsonl",)), digests={}, total=6, left_out=()))
    if with_cells:
        await _write_replayed(made.replayed)
    write_tasks(made.tasks)
    _write_traps(made.traps.folder)
    return made


def small(shade: int, size: tuple[int, int] = (56, 28)) -> Image.Image:
    """A picture of two colours."""
    picture = Image.new("RGB", size, (shade, 90, 10))
    picture.paste((5, 5, shade), (0, 0, size[0] // 2, size[1] // 2))
    return picture


async def _write_run(folder: Path, judgements: Path, right: str) -> None:
    """Rollouts of every kind of end, scored by rules and a judge."""
    with Writer(folder) as writer:
        images = writer.inputs([small(40)])
        failed = result(ExecStatus.ERROR, stderr="NameError: name 'x'", error=ExecError("NameError", "name 'x'", 2))
        look = writer.turn(
            "I look.",
            "crop = input_image.crop((0, 0, 28, 28))\ndisplay(crop)\nprint(7)",
            result(stdout="7\n", images=[small(90)]),
        )
        slip = writer.turn("Again.", "print(x)", failed, repairs=(Repair.UNCLOSED_CODE,), context="<code>print(x)</code>")
        native = Turn(
            text="",
            reasoning="hm",
            tool_calls=(ToolCall("c1", "python", '{"code": "print(1)"}'),),
            prompt_ids=(1, 2),
            token_ids=(3, 4),
            logprobs=(-0.1, -2.0),
        )
        keys = (
            AnswerKey(rule=Rule.CHARTQA, alternatives=("twelve",)),
            AnswerKey(rule=Rule.CHOICE, choices=("12", "13"), group="g", part="1", group_size=2),
            AnswerKey(rule=Rule.EXACT, group="2steps_1", part="2steps_multi"),
            AnswerKey(rule=Rule.JUDGED, judge_context="a sign"),
            AnswerKey(rule=Rule.COUNTBENCH),
        )
        golds = ("12", "A", "12", "twelve things", "12")
        for number, (key, gold) in enumerate(zip(keys, golds, strict=True)):
            turns = [look, *([slip] if number % 2 else []), answer(right, "So.")]
            more = {"key": key, "gold": gold, "images": images, "source": f"set{number % 2}", "category": "c"}
            writer.store.append(trace(f"t{number}", f"How many, {number}?", turns, **more))
        writer.store.append(trace("t5", "Where?", [look, native], sample=1, stop=StopReason.NO_ACTION, images=images))
        writer.store.append(trace("t6", "What?", [], stop=StopReason.MODEL_ERROR, error="no server", gold="1"))

    def judged(messages: Sequence[Message], sampling: Sampling) -> str:
        return json.dumps({"why": "the same number", "same": "yes" if right == "12" else "no"})

    async with CachedModel(ScriptedModel(judged, "judge"), judgements) as model:
        await score_folder(folder, "default", Judge(model), None)


async def _write_replayed(folder: Path) -> None:
    cells = ("print(input_image.size)\ndisplay(input_image.crop((0, 0, 28, 28)))", "x = 3\nprint(x * 4)", "print(undefined)")

    def reply(messages: Sequence[Message], sampling: Sampling) -> Reply:
        said = len(messages) // 2
        text = f"<code>\n```python\n{cells[said - 1]}\n```\n</code>" if said <= len(cells) else "<answer>12</answer>"
        return Reply(text=text)

    tasks = [Task(id=f"t{n}", question=f"How many, {n}?", images=(small(40 + n),), answer="12") for n in range(2)]
    async with Sandbox(QUICK, require=0) as box:
        await Runner(ScriptedModel(reply, "script"), box, folder, Settings(turns=6), concurrency=1).run(tasks)


def write_tasks(folder: Path) -> None:
    """A file of two rows for every layout, in the kinds of files that can hold it."""
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "hats.png").write_bytes(png())
    (folder / "hats.jpg").write_bytes(png())
    for place, (name, row) in enumerate(ROWS.items()):
        rows = [row, {**row, "id": "second"} if place % 2 else row]
        name = f"{place:02}-{name.partition(' ')[0]}"
        try:
            pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            continue
        plain = [_without_bytes(own) for own in rows]
        lines = "".join(json.dumps(own) + "\n" for own in plain).encode()
        (folder / f"{name}.jsonl").write_bytes(lines)
        whole = (
            plain,
            {"version": 1, "data": plain},
            {"a": plain[0], "b": plain[1]},
            {key: [own[key] for own in plain] for key in plain[0]},
        )
        (folder / f"{name}.json").write_text(json.dumps(whole[place % 4] if place % 4 != 3 or "id" not in plain[1] else plain))
        head, texts = list(plain[0]), [[str(own[key]).replace("\t", " ") for key in plain[0]] for own in plain]
        (folder / f"{name}.tsv").write_text("\n".join("\t".join(cells).replace("\n", " ") for cells in (head, *texts)) + "\n")
        if place % 4 == 0:
            (folder / f"{name}.csv").write_text(
                "\n".join(",".join(json.dumps(cell) for cell in cells) for cells in (head, *texts)) + "\n"
            )
            (folder / f"{name}.jsonl.gz").write_bytes(gzip.compress(lines, mtime=0))
            with (
                pa.OSFile(str(folder / f"{name}.arrow"), "wb") as sink,
                pa.ipc.new_stream(sink, pa.Table.from_pylist(rows).schema) as stream,
            ):
                stream.write_table(pa.Table.from_pylist(rows))


def _without_bytes(value: Any) -> Any:
    """Pictures as a data set in JSON has them."""
    if isinstance(value, dict):
        return {key: _without_bytes(own) for key, own in value.items()}
    if isinstance(value, list):
        return [_without_bytes(own) for own in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _write_traps(folder: Path) -> None:
    """Files of somebody else, which no case may open; what could be read of them carries a canary."""
    with Writer(folder / "run") as writer:
        made = trace("t0", f"How many? {CANARY}", [answer("12", CANARY)], gold="12", images=writer.inputs([small(200)]))
        writer.store.append(replace(made, source=CANARY))
    (folder / "secret.json").write_text(json.dumps({"model": CANARY, "system": CANARY}))
    (folder / "secret.jsonl").write_text(json.dumps({"question": CANARY, "answer": "1"}) + "\n")
    small(201).save(folder / "secret.png")


REPLY: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "tiny",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {
                "role": "assistant",
                "content": [{"type": "text", "text": "<answer>7</answer>"}, {"type": "thinking", "thinking": "hm"}],
                "reasoning_content": "I look.",
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "python", "arguments": '{"code": "print(1)"}'}}
                ],
                "refusal": None,
                "provider_specific_fields": {"token_ids": [1, 2], "thought_signature": "abc"},
            },
            "logprobs": {"content": [{"token": "a", "id": 5, "logprob": -0.5}, {"token": "b", "id": 6, "logprob": -0.25}]},
            "token_ids": [5, 6],
            "native_finish_reason": "stop",
        }
    ],
    "prompt_token_ids": [1, 2, 3],
    "usage": {"prompt_tokens": 12, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}},
}
ERROR: dict[str, Any] = {
    "error": {
        "message": "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4900 in "
        "the messages, 100 in the completion). Please try again in 20s.",
        "type": "invalid_request_error",
        "param": "max_tokens",
        "code": 400,
        "metadata": {"raw": '{"error": {"message": "temperature is not supported"}}', "provider_name": "x"},
    }
}
MODELS: dict[str, Any] = {
    "object": "list",
    "data": [{"id": "tiny", "root": "Qwen/Qwen2.5-VL-7B", "max_model_len": 4096, "meta": {"n_ctx_train": 8192}}],
}
WRAPPED: dict[str, Any] = {
    "success": True,
    "result": {"choices": [{"text": "seven", "finish_reason": "FinishReason.MAX_TOKENS"}]},
    "errors": [],
}
BLOCKED: dict[str, Any] = {
    "choices": [],
    "promptFeedback": {"blockReason": "SAFETY"},
    "base_resp": {"status_code": 0, "status_msg": ""},
}
BODIES = (REPLY, REPLY, ERROR, MODELS, WRAPPED, BLOCKED)
STREAM = (
    b"".join(
        b"data: " + json.dumps({"choices": [{"delta": {"content": piece}, "index": 0}], "usage": None}).encode() + b"\n\n"
        for piece in ("se", "ven")
    )
    + b"data: [DONE]\n\n"
)
