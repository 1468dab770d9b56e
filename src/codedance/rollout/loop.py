"""Think, write code, run it, look at what came out, again, until there is an answer: one task, one trace.

    async with Sandbox() as box:
        trace = await solve(Task(id="1", question="How many coins?", images=("coins.png",)), model, box)
    trace.answer, trace.stop, trace.turns[0].code

A person at the terminal, evaluation, data making and training all come through here. Whatever the model or its code does is data:
the trace says how it ended. `solve_now` is the same without await. Not covered: many tasks at once (`runner`), scores.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version

from PIL import Image

from codedance.errors import CodeDanceError, ContextFull, DataError, ModelError, SandboxError
from codedance.images import InputImage, Picture, PictureSink, digest_pixels, load_input
from codedance.model.chat import ChatModel, Message, Reply, info_of
from codedance.model.notices import tell
from codedance.rollout.codec import Action, Codec, observe, seen
from codedance.rollout.codec.escape import storable
from codedance.rollout.settings import Format, Returned, Settings, SystemPrompt
from codedance.sandbox import Sandbox, Session
from codedance.types import (
    Coordinates,
    ExecResult,
    Execution,
    ImageSource,
    Sampling,
    SeenImage,
    StopReason,
    Task,
    TaskImage,
    Trace,
    Turn,
    Usage,
)

_GREY = (128, 128, 128)
_LEAST_LOGPROB = -1e9  # JSON has no -inf

OnTurn = Callable[[Turn], None]
OnFailure = Callable[[CodeDanceError], None]


async def solve(
    task: Task,
    model: ChatModel,
    sandbox: Sandbox,
    settings: Settings | None = None,
    *,
    sample: int = 0,
    images: PictureSink | None = None,
    stranger: ImageSource | None = None,
    on_turn: OnTurn | None = None,
    on_failure: OnFailure | None = None,
) -> Trace:
    """Ask `model` about `task` until it answers or may not go on.

    Args:
        task: question and pictures.
        model: whom to ask.
        sandbox: where its code runs; a session is opened when the first code comes.
        settings: format, turns, sampling; what the model sees is its own affair unless they say; the defaults if None.
        sample: which of several rollouts of the task this is; it moves the seed.
        images: where every picture that the model sees is kept, before the trace names it; nowhere if None.
        stranger: a picture of another task, for settings that swap; grey if None.
        on_turn: called with each turn when it is over.
        on_failure: called with what ended the rollout, where something broke; the trace keeps its words alone.
    """
    settled = (settings or Settings()).for_model(info_of(model))
    rollout = _Rollout(task, model, sandbox, settled, sample, images, stranger, on_turn)
    async with AsyncExitStack() as stack:
        try:
            await rollout.run(stack)
        except (DataError, ModelError, SandboxError) as error:
            rollout.stop(_reason(error), error)
            if on_failure is not None:
                on_failure(error)
    return rollout.trace()


def solve_now(
    task: Task, model: ChatModel, sandbox: Sandbox | None = None, settings: Settings | None = None, *, sample: int = 0
) -> Trace:
    """`solve` without await, for scripts; starts and ends `sandbox`, which must not be open yet (default: one of its own)."""

    async def run() -> Trace:
        async with sandbox or Sandbox() as box:
            return await solve(task, model, box, settings, sample=sample)

    return asyncio.run(run())


@dataclass(slots=True)
class _Rollout:
    """One conversation under way."""

    task: Task
    model: ChatModel
    sandbox: Sandbox
    settings: Settings
    sample: int
    store: PictureSink | None
    stranger: ImageSource | None
    on_turn: OnTurn | None
    codec: Codec = field(init=False)
    request: Sampling = field(init=False)
    inputs: list[InputImage] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    session: Session | None = None
    reason: StopReason | None = None
    answer: str | None = None
    error: str | None = None
    notes: dict[str, None] = field(default_factory=dict)
    """In the order in which they came up."""
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    clock: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        self.codec = codec_of(self.settings, self.task)
        sampling = self.settings.sampling
        if sampling.seed is not None:
            sampling = replace(sampling, seed=sampling.seed + self.sample)
        self.request = self.codec.request(sampling)

    async def run(self, stack: AsyncExitStack) -> None:
        """Open the conversation and take turns."""
        self.inputs = await asyncio.to_thread(self._load_inputs)
        time_s = self.sandbox.limits.time_s
        self.messages = self.codec.opening(
            self.task.question, self.inputs, self.settings.turns, time_s, has_pictures=bool(self.inputs)
        )
        while self.reason is None:
            await self._take_turn(stack)

    def stop(self, reason: StopReason, why: object) -> None:
        """End by something that broke, or by a refusal."""
        self.reason, self.error = reason, storable(str(why))

    async def _take_turn(self, stack: AsyncExitStack) -> None:
        start = time.perf_counter()
        reply = await self._ask()
        model_s = time.perf_counter() - start
        self._compare_tokens(reply)
        action = self.codec.parse(reply)
        self._miss_calls(reply, action)
        context = self.codec.context(reply, action)
        turn = Turn(
            text=reply.text,
            context=None if context == reply.text else context,
            reasoning=reply.reasoning,
            tool_calls=reply.tool_calls,
            thought=action.thought,
            code=action.code,
            answer=action.answer,
            repairs=action.repairs,
            finish_reason=reply.finish_reason,
            usage=reply.usage,
            model_s=model_s,
            prompt_ids=reply.prompt_ids,
            token_ids=reply.token_ids,
            logprobs=reply.logprobs,
        )
        left = self.settings.turns - len(self.turns) - 1
        if reply.refusal:
            self._end_turn(replace(turn, code=None, answer=None))
            self.stop(StopReason.REFUSED, reply.refusal)
        elif action.answer is not None:
            self._end_turn(turn, StopReason.ANSWERED)
            self.answer = action.answer
        elif action.code is not None and left:
            await self._run_code(stack, reply, action, turn, left)
        elif action.code is not None:
            self._end_turn(turn, StopReason.TURN_LIMIT)  # nobody could look at what the code does
        else:
            self._nudge(reply, action, turn, left)

    def _compare_tokens(self, reply: Reply) -> None:
        """Note what the request had to be, and whether the server can have read the pictures as they were sent."""
        self.notes |= dict.fromkeys(storable(note) for note in reply.notes)
        predicted = sum(image.tokens for image in self.inputs)
        if not self.turns and self.settings.image_limits.rule.is_exact and 0 < reply.usage.prompt_tokens < predicted:
            note = (
                f"{self.model.name}: the whole prompt was {reply.usage.prompt_tokens} tokens, fewer than its pictures alone "
                f"should have been ({predicted}): the server reads pictures at other sizes, so that coordinates may not agree; "
                "name its --family, or set --min-pixels, --max-pixels and --pixel-step as its image processor has them"
            )
            tell(note, about=f"picture tokens of {self.model.name}")
            self.notes[storable(note)] = None

    def _miss_calls(self, reply: Reply, action: Action) -> None:
        """Note where code comes as text though native calls are asked for: some servers drop `tools` without a word."""
        if self.settings.format is Format.OPENAI_TOOLS and action.code is not None and not reply.tool_calls and not self.turns:
            note = (
                f"{self.model.name}: code came as text, not as a native tool call: the server may leave out tools; use --format "
                "tool_call or code_tags, or start it with a parser of tool calls (vLLM: --enable-auto-tool-choice "
                "--tool-call-parser NAME; llama.cpp: --jinja)"
            )
            tell(note)
            self.notes[storable(note)] = None

    async def _ask(self) -> Reply:
        deadline = asyncio.timeout(self.settings.reply_s)
        try:
            async with deadline:
                return _kept(await self.model.generate(list(self.messages), self.request))
        except ModelError:
            raise
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise ModelError(f"{self.model.name} failed: it cancelled the request itself") from None
        except Exception as error:  # boundary: a model is anybody's code, and one that fails is an outage
            if deadline.expired():
                raise ModelError(
                    f"{self.model.name} has not replied within {self.settings.reply_s:g} s (reply_s); look at the endpoint"
                ) from None
            raise ModelError(f"{self.model.name} failed: {type(error).__name__}: {error}") from error

    async def _run_code(self, stack: AsyncExitStack, reply: Reply, action: Action, turn: Turn, left: int) -> None:
        assert action.code is not None
        try:
            if self.session is None:
                self.session = await self._open_session(stack)
            result = await self.session.run(action.code)
        except (SandboxError, DataError):
            self._end_turn(turn)
            raise
        execution, observation, stored = await asyncio.to_thread(self._look, result)
        note = self.codec.last_turn() if left == 1 else ""
        self.messages += self.codec.response(reply, action, observation, note)
        self._end_turn(replace(turn, execution=execution, observation=stored, note=note))

    def _nudge(self, reply: Reply, action: Action, turn: Turn, left: int) -> None:
        """Say once what is missing; after that there is no point."""
        was_nudged = bool(self.turns) and self.turns[-1].code is None
        if action.is_cut:
            self._end_turn(turn, StopReason.TOKEN_LIMIT)
        elif was_nudged:
            self._end_turn(turn, StopReason.NO_ACTION)
        elif not left:
            self._end_turn(turn, StopReason.TURN_LIMIT)
        else:
            note = self.codec.nudge(action.problem, has_pictures=bool(self.inputs))
            if left == 1:
                note = f"{note}\n{self.codec.last_turn()}"
            self.messages += self.codec.response(reply, action, (), note)
            self._end_turn(replace(turn, note=note))

    def _end_turn(self, turn: Turn, reason: StopReason | None = None) -> None:
        self.turns.append(turn)
        self.reason = reason
        if self.on_turn is not None:
            self.on_turn(turn)

    async def _open_session(self, stack: AsyncExitStack) -> Session:
        views = [image.view.encoded for image in self.inputs]
        originals = [image.original for image in self.inputs] if any(image.is_resized for image in self.inputs) else []
        coordinates = self.settings.coordinates or Coordinates.PIXELS
        session = await asyncio.to_thread(self.sandbox.session, views, originals, coordinates)  # packing megabytes takes a while
        return await stack.enter_async_context(session)

    def _load_inputs(self) -> list[InputImage]:
        inputs = []
        for index, source in enumerate(self.task.images):
            image = self._load(source, f"{self.task.id}: image {index + 1}")
            inputs.append(image)
            if self.store is not None:
                self.store.put(image.file, image.original)
                self.store.put(image.view.file, image.view.encoded)
        return inputs

    def _load(self, source: ImageSource, name: str) -> InputImage:
        limits = self.settings.image_limits
        return load_input(source, limits.rule, name, max_bytes=limits.max_bytes)

    def _look(self, result: ExecResult) -> tuple[Execution, tuple[str | Picture, ...], tuple[str | SeenImage, ...]]:
        """The execution as it is stored, what the model sees of it, and that as it is stored."""
        shown = replace(result, images=self._returned(result.images))
        limits = self.settings.image_limits
        observation = observe(shown, self.settings.room, limits.rule, limits.max_bytes)
        if self.store is not None:
            for part in observation:
                if not isinstance(part, str):
                    self.store.put(part.file, part.encoded)
        kept = {spec.name: getattr(result, spec.name) for spec in fields(Execution) if spec.name != "images"}
        kept |= {"stdout": storable(result.stdout), "stderr": storable(result.stderr)}
        kept["isolation"] = replace(result.isolation, walls=())  # the run has them
        execution = Execution(**kept, images=tuple(digest_pixels(pixels) for pixels in result.images))
        return execution, observation, seen(observation, limits.rule)

    def _returned(self, images: tuple[Image.Image, ...]) -> tuple[Image.Image, ...]:
        """The pictures that the model gets to see for those that its code showed."""
        if self.settings.returned is Returned.OWN:
            return images
        if self.settings.returned is Returned.BLANK or self.stranger is None:
            return tuple(Image.new("RGB", image.size, _GREY) for image in images)
        other = self._load(self.stranger, "the picture of another task").view.pixels
        return tuple(other.resize(image.size) for image in images)

    def trace(self) -> Trace:
        """What has happened, as one record."""
        assert self.reason is not None
        return Trace(
            task_id=storable(self.task.id),
            sample=self.sample,
            source=storable(self.task.source),
            category=storable(self.task.category),
            question=storable(self.task.question),
            gold=None if self.task.answer is None else storable(self.task.answer),
            key=self.task.key,
            images=tuple(_stored(image) for image in self.inputs),
            model=storable(self.model.name),
            sampling=replace(self.settings.sampling, seed=self.request.seed),
            format=self.settings.format,
            prompt=self.codec.digest,
            turns=tuple(self.turns),
            stop=self.reason,
            answer=self.answer,
            error=self.error,
            notes=tuple(self.notes),
            usage=sum((turn.usage for turn in self.turns), Usage()),
            started=self.started.isoformat(timespec="milliseconds"),
            seconds=time.perf_counter() - self.clock,
            isolation=replace(self.sandbox.isolation, walls=()),
            versions=versions(self.sandbox),
        )


def codec_of(settings: Settings, task: Task) -> Codec:
    """How the conversation about a task is written.

    Raises:
        DataError: the task's own system prompt is wanted, and it has none.
    """
    if settings.system is SystemPrompt.OURS:
        return own_codec(settings)
    if not task.system:
        raise DataError(f"{task.id}: it brings no system prompt along; use ours (system = ours)")
    return Codec(settings.format, tool=settings.tool, system=task.system)


def own_codec(settings: Settings) -> Codec:
    """How a conversation with our own system prompt is written."""
    coordinates = settings.coordinates or Coordinates.PIXELS
    is_exact = settings.image_limits.rule.is_exact
    return Codec(settings.format, tool=settings.tool, coordinates=coordinates, is_exact=is_exact)


def versions(sandbox: Sandbox) -> dict[str, str]:
    """Of codedance and of what runs inside the sandbox."""
    return {"codedance": _own_version(), **sandbox.versions}


@cache
def _own_version() -> str:
    return version("codedance")


def _reason(error: CodeDanceError) -> StopReason:
    """How a rollout ends that this ends."""
    if isinstance(error, ContextFull):
        return StopReason.TOKEN_LIMIT
    if isinstance(error, ModelError):
        return StopReason.MODEL_ERROR
    return StopReason.DATA_ERROR if isinstance(error, DataError) else StopReason.SANDBOX_ERROR


def _kept(reply: Reply) -> Reply:
    """The reply without what no file can hold."""
    calls = tuple(
        replace(call, **{name: storable(getattr(call, name)) for name in ("id", "name", "arguments", "extra")})
        for call in reply.tool_calls
    )
    logprobs = reply.logprobs and tuple(p if math.isfinite(p) else _LEAST_LOGPROB for p in reply.logprobs)
    return replace(
        reply,
        text=storable(reply.text),
        reasoning=storable(reply.reasoning),
        extra=storable(reply.extra),
        refusal=storable(reply.refusal),
        tool_calls=calls,
        logprobs=logprobs,
    )


def _stored(image: InputImage) -> TaskImage:
    return TaskImage(image.file, *image.original_size, image.view.file, *image.view.size, image.tokens)
