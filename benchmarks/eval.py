"""What evaluating costs: scoring of stored answers by rules, and the overhead of a rollout beside a bare loop, in one run.

    python benchmarks/eval.py --answers 100000 --tasks 300

Scoring: stored traces of one turn, of counting, charts, choices and MathVista in turn, then of mathematics, each in a process of
its own whose peak memory is measured. Overhead: rollouts and scores of `codedance eval` with a model that replies at once, beside
an asyncio loop that sends the same requests, prepared beforehand, to the same model.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from codedance.evaluate.scoring import score_run
from codedance.images import QWEN25_VL, load_input
from codedance.model.chat import Message, Reply
from codedance.model.script import ScriptedModel
from codedance.reward.rules import Scoring
from codedance.rollout.codec import Codec
from codedance.rollout.runner import Runner
from codedance.rollout.settings import Format, Settings
from codedance.rollout.store import TRACES, read_traces, to_json
from codedance.sandbox import Sandbox
from codedance.types import AnswerKey, Rule, Sampling, StopReason, Task, Trace, Turn

ASKED = (
    (Rule.PIXMO, "7", ("seven", "There are 7 cups.", "8"), ()),
    (Rule.CHARTQA, "12.5", ("12.4", "12.5%", "20"), ()),
    (Rule.CHOICE, "B", ("(B)", "The answer is A.", "green"), ("red", "green")),
    (Rule.MATHVISTA, "5", ("5 cm", "5.9"), ()),
)
MATHS = (Rule.MATHS, r"\frac{1}{2}", ("0.5", r"\frac{2}{4}", "0.51"), ())
CONCURRENCY = 16
SCRIPT = ("<code>\n```python\nprint(1)\n```\n</code>", "<answer>1</answer>")


def stored(number: int, folder: Path, kinds: Sequence[tuple[Rule, str, tuple[str, ...], tuple[str, ...]]]) -> None:
    """A run of so many answers."""
    folder.mkdir()
    with open(folder / TRACES, "w", encoding="utf-8") as lines:
        for place in range(number):
            rule, gold, answers, choices = kinds[place % len(kinds)]
            answer = answers[place // len(kinds) % len(answers)]
            trace = Trace(
                task_id=f"t{place}",
                question="How many?",
                gold=gold,
                key=AnswerKey(rule=rule, choices=choices),
                model="stub",
                sampling=Sampling(),
                format="code_tags",
                prompt="p",
                turns=(Turn(text=f"<answer>{answer}</answer>", answer=answer),),
                stop=StopReason.ANSWERED,
                answer=answer,
                started="2026-01-01T00:00:00.000+00:00",
                seconds=0.1,
            )
            lines.write(to_json(trace) + "\n")


def score_here(folder: Path) -> None:
    """In a process of its own: seconds of reading alone, of all, and peak memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    number = sum(1 for _ in read_traces(folder))
    reading = time.perf_counter() - start
    start = time.perf_counter()
    asyncio.run(score_run(folder, Scoring.DEFAULT, None))
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told = {"answers": number, "reading_s": reading, "scoring_s": seconds, "before_mb": before / 1024, "peak_mb": peak / 1024}
    print(json.dumps(told))


def measure_scoring(number: int, scratch: Path) -> None:
    """Each in a process of its own."""
    print("| answers | by | read alone | read, scored, written | answers a second | memory before | peak |")
    print("|---|---|---|---|---|---|---|")
    for name, share, kinds in (
        ("rules", number // 10, ASKED),
        ("rules", number, ASKED),
        ("math-verify", number // 100, (MATHS,)),
    ):
        folder = scratch / f"{name}-{share}"
        stored(share, folder, kinds)
        done = subprocess.run([sys.executable, __file__, "--score", str(folder)], capture_output=True, text=True, check=True)
        told = json.loads(done.stdout)
        rate = told["answers"] / told["scoring_s"]
        print(
            f"| {told['answers']:,} | {name} | {told['reading_s']:.2f} s | {told['scoring_s']:.2f} s | {rate:,.0f} | "
            f"{told['before_mb']:.0f} MB | {told['peak_mb']:.0f} MB |"
        )


def _requests(task: Task, codec: Codec, script: Sequence[str]) -> list[list[Message]]:
    """What a rollout of the task asks the model, prepared beforehand."""
    messages = codec.opening(task.question, [load_input(task.images[0], QWEN25_VL)], 10, 20)
    asked = []
    for text in script:
        asked.append(list(messages))
        reply = Reply(text=text)
        messages += codec.response(reply, codec.parse(reply), ("1\n",))
    return asked


async def _send(model: ScriptedModel, requests: Sequence[list[Message]], gate: asyncio.Semaphore) -> None:
    async with gate:
        for messages in requests:
            await model.generate(messages, Sampling())


async def measure_overhead(number: int, scratch: Path) -> None:
    """A rollout beside the bare requests."""
    picture = Image.effect_noise((640, 480), 60).convert("RGB")
    picture.save(scratch / "picture.jpg")
    tasks = [
        Task(id=str(place), question=f"question {place}?", images=(scratch / "picture.jpg",), answer="1")
        for place in range(number)
    ]
    codec, settings = Codec(Format.CODE_TAGS), Settings()
    print("\n| a task has | bare loop | eval | overhead a task |")
    print("|---|---|---|---|")
    async with Sandbox(require=0) as box:
        for name, script in (("an answer", SCRIPT[1:]), ("code and an answer", SCRIPT)):
            model = ScriptedModel(script)
            await Runner(model, box, scratch / f"warm-{name}", settings).run(tasks[:8])

            requests = [_requests(task, codec, script) for task in tasks]
            gate = asyncio.Semaphore(CONCURRENCY)
            start = time.perf_counter()
            await asyncio.gather(*(_send(model, own, gate) for own in requests))
            alone = time.perf_counter() - start
            start = time.perf_counter()
            folder = scratch / f"run-{name}"
            await Runner(model, box, folder, settings).run(tasks)
            await score_run(folder, Scoring.DEFAULT, None)
            whole = time.perf_counter() - start
            print(
                f"| {name} | {1000 * alone / number:.1f} ms | {1000 * whole / number:.1f} ms | "
                f"{1000 * (whole - alone) / number:.1f} ms |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=int, default=100_000)
    parser.add_argument("--tasks", type=int, default=300)
    parser.add_argument("--score", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.score:
        score_here(args.score)
        return
    with tempfile.TemporaryDirectory() as scratch:
        measure_scoring(args.answers, Path(scratch))
        asyncio.run(measure_overhead(args.tasks, Path(scratch)))


if __name__ == "__main__":
    main()
