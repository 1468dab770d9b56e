"""A local vision-language model as a chat model: transformers, on this machine, many conversations in one batch.

    model = LocalModel("Qwen2.5-VL-3B-Instruct")       # a folder; nothing is fetched
    reply = await model.generate([Message(Role.USER, ("What is this?", picture))], Sampling(max_tokens=512, seed=1))
    await model.aclose()
    model = LocalModel.of(policy, processor, dtype="bfloat16")      # one in memory, whose weights change between batches

Calls join the batch under way at its next step, in one thread of its own, so that the event loop stays free; each has its own
temperature, seed and limits, and its reply as soon as that ends. No temperature means 0, as does 0: always the likeliest token.
A text of `Sampling.stop` is part of the reply that it ends. Importing this module loads torch, so it is only imported where it
is used. Not covered: native tool calls, several accelerators, quantised weights.
"""

from __future__ import annotations

import asyncio
import math
import queue
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from codedance.errors import CodeDanceError, ConfigError, ContextFull, ModelError
from codedance.model.chat import Message, Reply
from codedance.types import FinishReason, Sampling, Usage

try:
    from codedance.model.decoding import Batch, Row
    from codedance.model.loading import fingerprint, load, one_line, told, twin, vocabulary
    from codedance.model.processors import encode, model_info
    from codedance.model.vision import read_together
except ImportError as error:
    raise ConfigError(
        f"a local model needs torch and transformers ({error}): pip install torch==2.13.0, then pip install 'codedance[local]'"
    ) from None

_WINDOW_S = 0.005
"""How long the first call of a batch waits for others."""


@dataclass(frozen=True, slots=True)
class _Call:
    messages: Sequence[Message]
    sampling: Sampling
    future: Future[Reply] = field(default_factory=Future)
    """Cancelled when the caller no longer waits; it stays pending until the reply is there, so that it can be."""


class LocalModel:
    """A ChatModel of a transformers vision-language model."""

    def __init__(
        self,
        path: str | Path,
        *,
        device: str | None = None,
        dtype: str | None = None,
        batch: int = 16,
        max_tokens: int = 1024,
    ) -> None:
        """Load it from a folder, which takes as long as reading its files.

        Args:
            device: as torch names it; cuda where there is one, else cpu.
            dtype: bfloat16 on cuda and float32 on cpu where it is not given.
            batch: the most conversations that are continued at once, unless more come together.
            max_tokens: of a reply, where the sampling has no limit.

        Raises:
            ConfigError: it is no vision-language model, or cannot be loaded; one line with the reason.
        """
        folder = Path(path)
        self._set(folder.resolve().name, fingerprint(folder, dtype, max_tokens), batch, max_tokens)
        processor_and_model = load(folder, device, dtype)
        with told(folder):
            self._use(*processor_and_model, dtype=None)

    @classmethod
    def of(
        cls,
        model: Any,
        processor: Any,
        *,
        name: str = "policy",
        dtype: str | None = None,
        batch: int = 64,
        max_tokens: int = 1024,
    ) -> Self:
        """One that is in memory already. Its weights may change while no call is under way: the next call sees them.

        Args:
            model: it is left in evaluation mode, with a faster vision tower (see `vision`).
            dtype: decode with a copy whose weights have this one; None: with the model itself.

        Raises:
            ConfigError: there is no such dtype, or a number is not above zero.
        """
        made = cls.__new__(cls)
        made._set(name, secrets.token_hex(8), batch, max_tokens)
        made._use(processor, model, dtype=dtype)
        return made

    def _set(self, name: str, variant: str, batch: int, max_tokens: int) -> None:
        if batch < 1 or max_tokens < 1:
            raise ConfigError(f"batch {batch}, max_tokens {max_tokens}: each must be above zero")
        self.name = name
        """Of the folder, or as given."""
        self.variant = variant
        """What shapes replies beside the name and the sampling; a cache keeps variants apart."""
        self._batch = batch
        self._max_tokens = max_tokens
        self._inbox: queue.SimpleQueue[list[_Call] | None] = queue.SimpleQueue()
        self._is_closed = False
        self._thread = threading.Thread(target=self._work, name=f"model {name}", daemon=True)

    def _use(self, processor: Any, model: Any, *, dtype: str | None) -> None:
        read_together(model)
        self._processor, self._model = processor, model
        self._weights: Callable[[], Any] = twin(model, dtype) if dtype else lambda: model
        self._vocabulary = vocabulary(processor, model)
        self._context: int | None = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        self.info = model_info(processor, model.config.model_type, name=self.name, context=self._context)
        """Above all the sizes of pictures that it reads without resizing them again."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()

    async def generate(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        """The next message of the assistant.

        Raises:
            ContextFull: the conversation does not fit into the model's context.
            ModelError: the model is closed or failed, or a tool is asked for.
        """
        (reply,) = self._put([(messages, sampling)])
        return await reply

    async def generate_all(self, calls: Sequence[tuple[Sequence[Message], Sampling]]) -> list[Reply | BaseException]:
        """The next message of several conversations, which are read as one batch, in this order.

        An error stands in the place of its reply. Where nobody else asks, and none is more than the batch holds, the replies do
        not depend on time.

        Raises:
            ModelError: the model is closed.
        """
        return await asyncio.gather(*self._put(calls), return_exceptions=True)

    def _put(self, calls: Sequence[tuple[Sequence[Message], Sampling]]) -> list[asyncio.Future[Reply]]:
        if self._is_closed:
            raise ModelError(f"{self.name}: the model is closed")
        put = [_Call(tuple(messages), sampling) for messages, sampling in calls]
        self._inbox.put(put)
        if self._thread.ident is None:
            self._thread.start()
        return [asyncio.wrap_future(call.future) for call in put]

    async def aclose(self) -> None:
        """End the thread; calls that wait get a ModelError. Closing twice is fine."""
        self._is_closed = True
        self._inbox.put(None)
        if self._thread.ident is not None:
            await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        while (first := self._inbox.get()) is not None:
            self._serve(self._gather(first))
        while not self._inbox.empty():
            for call in self._inbox.get() or ():
                self._fail(call, ModelError("the model was closed"))

    def _gather(self, first: list[_Call]) -> list[_Call]:
        """The first calls and what comes within the window or has been waiting already."""
        deadline = time.monotonic() + _WINDOW_S
        return [*first, *self._arrived(self._batch - len(first), lambda: max(0.0, deadline - time.monotonic()))]

    def _arrived(self, most: int, wait_s: Callable[[], float]) -> list[_Call]:
        calls: list[_Call] = []
        while len(calls) < most:
            try:
                together = self._inbox.get(timeout=wait_s())
            except queue.Empty:
                break
            if together is None:
                self._inbox.put(None)  # to be seen when these are answered
                break
            calls += together
        return calls

    def _serve(self, new: list[_Call]) -> None:
        """Answer these calls and all that come before the last of them has its reply."""
        under_way = self._rows(new)
        try:
            batch = Batch(self._weights().eval(), self._vocabulary)
            self._deliver(batch.join(list(under_way)), under_way)
            while batch.rows:
                self._deliver(batch.step(), under_way)
                rows = self._rows(self._arrived(self._batch - len(batch.rows), lambda: 0.0))
                if rows and all(row.is_over for row in batch.rows):
                    self._weights().eval()  # nobody waits for what is under way, so that they may have changed
                under_way |= rows
                if rows:
                    self._deliver(batch.join(list(rows)), under_way)
        except Exception as error:  # boundary: the code of any model runs here, and memory can run out
            for call in under_way.values():
                self._fail(call, error)

    def _rows(self, calls: Sequence[_Call]) -> dict[Row, _Call]:
        rows = {}
        for call in calls:
            try:
                if not call.future.cancelled():
                    rows[self._row(call)] = call
            except Exception as error:  # boundary: chat templates and image processors of any model run here
                self._fail(call, error)
        return rows

    def _row(self, call: _Call) -> Row:
        sampling = call.sampling
        temperature = sampling.temperature or 0.0
        top_p = 1.0 if sampling.top_p is None else sampling.top_p
        most = self._max_tokens if sampling.max_tokens is None else sampling.max_tokens
        if sampling.tools:
            raise ModelError("a local model takes no native tools; use the format code_tags or tool_call")
        if not (0 <= temperature < math.inf and 0 < top_p <= 1 and most >= 1):
            raise ModelError(f"temperature {temperature}, top_p {top_p}, max_tokens {most}: they need >= 0, above 0 to 1, >= 1")
        inputs = encode(self._processor, call.messages)
        length = inputs["input_ids"].shape[1]
        if self._context is not None:
            if length >= self._context:
                raise ContextFull(f"the conversation has {length} tokens; the model reads {self._context}, its reply included")
            most = min(most, self._context - length)
        return Row(
            inputs,
            max_tokens=most,
            temperature=temperature,
            top_p=top_p,
            seed=sampling.seed,
            stop=sampling.stop,
            is_wanted=lambda: not call.future.cancelled() and not self._is_closed,
        )

    def _deliver(self, rows: Sequence[Row], under_way: dict[Row, _Call]) -> None:
        """Let the callers of rows that have left the batch have their replies."""
        for row in rows:
            call = under_way.pop(row)
            if row.finish_reason is None:
                self._fail(call, ModelError("the model was closed"))
            elif call.future.set_running_or_notify_cancel():
                call.future.set_result(self._reply(row, row.finish_reason))

    def _reply(self, row: Row, reason: FinishReason) -> Reply:
        is_ended = row.token_ids[-1] in self._vocabulary.ends
        prompt_ids = tuple(row.prompt_ids)
        return Reply(
            text=self._vocabulary.to_text(row.token_ids[:-1] if is_ended else row.token_ids),
            usage=Usage(prompt_tokens=len(prompt_ids), completion_tokens=len(row.token_ids)),
            token_ids=tuple(row.token_ids),
            logprobs=tuple(row.logprobs),
            finish_reason=reason,
            prompt_ids=prompt_ids,
        )

    def _fail(self, call: _Call, error: Exception) -> None:
        """Let the caller have the error, as one of ours and with the model's name."""
        kind = type(error) if isinstance(error, ModelError) else ModelError
        words = str(error) if isinstance(error, CodeDanceError) else f"{type(error).__name__}: {one_line(error)}"
        if call.future.set_running_or_notify_cancel():
            call.future.set_exception(kind(f"{self.name}: {words}"))
