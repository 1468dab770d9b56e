"""Records put together by hand and written by the real store, for runs to report on.

    with Writer(folder) as writer:
        turn = writer.turn("I look.", "display(input_image)", result(images=[picture]))
        writer.store.append(trace("one", turns=[turn, answer("7")], images=writer.inputs([path])))

`made` and `nasty` make whole runs of these. Not covered: runs by the real loop; see `scripted`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image

from codedance import Limits
from codedance.images import QWEN25_VL, digest_pixels, fit_shown, load_input
from codedance.rollout.settings import Settings
from codedance.rollout.store import Manifest, TraceStore
from codedance.types import (
    ExecResult,
    ExecStatus,
    Execution,
    FinishReason,
    Isolation,
    Sampling,
    SeenImage,
    StopReason,
    TaskImage,
    Trace,
    Turn,
    Usage,
)

EVIL = "</script><img src=x onerror=\"document.title='owned'\"><!-- <script>document.title='owned'</script> {{ 7*7 }} ${7*7}"
FULL = Isolation(3, ("cgroup: no memory cap over all sessions",))


def manifest(**changes: object) -> Manifest:
    made = Manifest(
        model="Qwen2.5-VL-7B-Instruct",
        settings=Settings(sampling=Sampling(temperature=1.0, max_tokens=2048, seed=7)),
        prompt="9f86d081884c7d659a2feaa0c55ad015",
        limits=Limits(),
        isolation=FULL,
        versions={"codedance": "0.1.0", "python": "3.11.7", "numpy": "2.4.6"},
        started="2026-03-14T09:26:53.589793+00:00",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


class Writer:
    """Puts traces and their pictures into a run's folder."""

    def __init__(self, folder: Path, run: Manifest | None = None) -> None:
        self.run = run or manifest()
        self.store = TraceStore(folder, self.run)

    def __enter__(self) -> Writer:
        self.store.__enter__()
        self.store.put_prompt(
            self.run.prompt, {"code_tags.system.md": "You answer questions about pictures.\n\n<code>...</code>"}
        )
        return self

    def __exit__(self, *exception: object) -> None:
        self.store.close()

    def inputs(self, sources: Iterable[object]) -> tuple[TaskImage, ...]:
        made = []
        for source in sources:
            image = load_input(source, QWEN25_VL)
            view_file = image.view.file if image.is_resized else image.file
            self.store.images.put(image.file, image.original)
            self.store.images.put(view_file, image.view.encoded)
            made.append(TaskImage(image.file, *image.original_size, view_file, *image.view.size, image.tokens))
        return tuple(made)

    def ran(self, result: ExecResult, most_seen: int = 8) -> tuple[Execution, tuple[str | SeenImage, ...]]:
        observation: list[str | SeenImage] = [result.stdout + result.stderr]
        digests = []
        for number, pixels in enumerate(result.images):
            digests.append(digest_pixels(pixels))
            seen = fit_shown(pixels, QWEN25_VL)
            self.store.images.put(seen.file, seen.encoded)
            if number < most_seen:
                observation += [SeenImage(seen.digest, *seen.size, QWEN25_VL.tokens(seen.size)), "\n"]
        execution = Execution(
            status=result.status,
            stdout=result.stdout,
            stderr=result.stderr,
            images=tuple(digests),
            error=result.error,
            seconds=result.seconds,
            truncated=result.truncated,
            isolation=result.isolation,
            state_kept=result.state_kept,
            replayed=result.replayed,
            replay_failed=result.replay_failed,
            notes=result.notes,
        )
        return execution, tuple(observation)

    def turn(self, thought: str, code: str, result: ExecResult, model_s: float = 2.4, **more: object) -> Turn:
        execution, observation = self.ran(result)
        text = f"<think>{thought}</think>\n<code>\n```python\n{code}\n```\n</code>"
        made = Turn(
            text=text,
            thought=thought,
            code=code,
            execution=execution,
            observation=observation,
            finish_reason=FinishReason.STOP,
            usage=Usage(1830, len(text) // 4, 1024),
            model_s=model_s,
        )
        return replace(made, **more)  # type: ignore[arg-type]


def result(
    status: ExecStatus = ExecStatus.OK, stdout: str = "", images: Sequence[Image.Image] = (), **more: object
) -> ExecResult:
    made = ExecResult(
        status=status,
        stdout=stdout,
        stderr="",
        images=tuple(images),
        error=None,
        seconds=0.21,
        truncated=False,
        isolation=FULL,
        state_kept=True,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def answer(text: str, thought: str = "") -> Turn:
    return Turn(
        text=f"<think>{thought}</think>\n<answer>{text}</answer>",
        thought=thought,
        answer=text,
        finish_reason=FinishReason.STOP,
        usage=Usage(2410, 48, 1830),
        model_s=0.9,
    )


def trace(task_id: str, question: str = "How many?", turns: Sequence[Turn] = (), **more: object) -> Trace:
    last = turns[-1].answer if turns else None
    made = Trace(
        task_id=task_id,
        question=question,
        model="Qwen2.5-VL-7B-Instruct",
        sampling=Sampling(),
        format="code_tags",
        prompt="9f86d081884c7d659a2feaa0c55ad015",
        turns=tuple(turns),
        stop=StopReason.ANSWERED if last is not None else StopReason.TURN_LIMIT,
        answer=last,
        usage=sum((turn.usage for turn in turns), Usage()),
        started="2026-03-14T09:27:11.120000+00:00",
        seconds=sum(turn.model_s + (turn.execution.seconds if turn.execution else 0) for turn in turns),
        isolation=FULL,
    )
    return replace(made, **more)  # type: ignore[arg-type]
