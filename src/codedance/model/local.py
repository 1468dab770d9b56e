"""A local vision-language model as a chat model: transformers, on this machine, many conversations in one batch.

    model = LocalModel("Qwen2.5-VL-3B-Instruct")       # a folder; nothing is fetched
    reply = await model.generate([Message(Role.USER, ("What is this?", picture))], Sampling(max_tokens=512, seed=1))
    await model.aclose()

Calls that wait at the same time become one batch in one thread of its own, so that the event loop stays free; each keeps its own
temperature, seed and limits. No temperature means 0, as does 0: always the likeliest token. A text of `Sampling.stop` is part of
the reply that it ends. Importing this module loads torch, so it is only imported where it is used.
Not covered: native tool calls, calls that join a batch under way, several accelerators, quantised weights.
"""

from __future__ import annotations

import asyncio
import math
import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from codedance.errors import CodeDanceError, ConfigError, ContextFull, ModelError
from codedance.images import digest_bytes
from codedance.model.chat import Message, Reply
from codedance.types import Sampling, Usage

try:
    import torch
    from transformers import AutoConfig, AutoModelForImageTextToText
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

    from codedance.model.decoding import Row, Vocabulary, decode
    from codedance.model.processors import encode, load_processor
except ImportError as error:
    raise ConfigError(
        f"a local model needs torch and transformers ({error}): pip install torch==2.13.0, then pip install 'codedance[local]'"
    ) from None

_WINDOW_S = 0.005
"""How long the first call of a batch waits for others."""
_LOCAL: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}


@dataclass(frozen=True, slots=True)
class _Call:
    messages: Sequence[Message]
    sampling: Sampling
    future: Future[Reply] = field(default_factory=Future)
    """Cancelled when the caller no longer waits; it stays pending until the reply is there, so that it can be."""


class LocalModel:
    """A ChatModel of a folder with a transformers vision-language model."""

    def __init__(
        self,
        path: str | Path,
        *,
        device: str | None = None,
        dtype: str | None = None,
        batch: int = 16,
        max_tokens: int = 1024,
    ) -> None:
        """Load it, which takes as long as reading its files.

        Args:
            device: as torch names it; cuda where there is one, else cpu.
            dtype: bfloat16 on cuda and float32 on cpu where it is not given.
            batch: the most conversations that are continued at once.
            max_tokens: of a reply, where the sampling has no limit.

        Raises:
            ConfigError: it is no vision-language model, or cannot be loaded; one line with the reason.
        """
        if batch < 1 or max_tokens < 1:
            raise ConfigError(f"batch {batch}, max_tokens {max_tokens}: each must be above zero")
        folder = Path(path)
        self.name = folder.resolve().name
        """Of the folder."""
        self.variant = _fingerprint(folder, dtype, max_tokens)
        """What shapes replies beside the name and the sampling; a cache keeps variants apart."""
        self._batch = batch
        self._max_tokens = max_tokens
        self._processor, self._model = _load(folder, device, dtype)
        self._vocabulary = _vocabulary(self._processor, self._model)
        text = self._model.config.get_text_config()
        self._context: int | None = getattr(text, "max_position_embeddings", None)
        self._inbox: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._is_closed = False
        self._thread = threading.Thread(target=self._work, name=f"model {self.name}", daemon=True)
        self._thread.start()

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
        if self._is_closed:
            raise ModelError(f"{self.name}: the model is closed")
        call = _Call(tuple(messages), sampling)
        self._inbox.put(call)
        return await asyncio.wrap_future(call.future)

    async def aclose(self) -> None:
        """End the thread; calls that wait get a ModelError. Closing twice is fine."""
        self._is_closed = True
        self._inbox.put(None)
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        while (first := self._inbox.get()) is not None:
            self._answer(self._gather(first))
        while not self._inbox.empty():
            if (call := self._inbox.get()) is not None:
                self._fail(call, ModelError("the model was closed"))

    def _gather(self, first: _Call) -> list[_Call]:
        """The first call and what comes within the window or has been waiting already."""
        calls, deadline = [first], time.monotonic() + _WINDOW_S
        while len(calls) < self._batch:
            try:
                call = self._inbox.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                break
            if call is None:
                self._inbox.put(None)  # to be seen when these are answered
                break
            calls.append(call)
        return calls

    def _answer(self, calls: Sequence[_Call]) -> None:
        rows = []
        for call in calls:
            try:
                if not call.future.cancelled():
                    rows.append((call, self._row(call)))
            except Exception as error:  # boundary: chat templates and image processors of any model run here
                self._fail(call, error)
        rows.sort(key=lambda pair: pair[1].shape)
        for _, group in groupby(rows, key=lambda pair: pair[1].shape):
            self._decode(list(group))

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

    def _decode(self, pairs: Sequence[tuple[_Call, Row]]) -> None:
        try:
            decode(self._model, [row for _, row in pairs], self._vocabulary)
            replies = [self._reply(row) for _, row in pairs]
        except Exception as error:  # boundary: the code of any model runs here, and memory can run out
            for call, _ in pairs:
                self._fail(call, error)
            return
        for (call, _), reply in zip(pairs, replies, strict=True):
            if reply is None:
                self._fail(call, ModelError("the model was closed"))
            elif call.future.set_running_or_notify_cancel():
                call.future.set_result(reply)

    def _reply(self, row: Row) -> Reply | None:
        """None for one that was left unfinished."""
        if row.finish_reason is None:
            return None
        is_ended = row.token_ids[-1] in self._vocabulary.ends
        prompt_ids = tuple(row.prompt_ids)
        return Reply(
            text=self._vocabulary.to_text(row.token_ids[:-1] if is_ended else row.token_ids),
            usage=Usage(prompt_tokens=len(prompt_ids), completion_tokens=len(row.token_ids)),
            token_ids=tuple(row.token_ids),
            logprobs=tuple(row.logprobs),
            finish_reason=row.finish_reason,
            prompt_ids=prompt_ids,
        )

    def _fail(self, call: _Call, error: Exception) -> None:
        """Let the caller have the error, as one of ours and with the model's name."""
        kind = type(error) if isinstance(error, ModelError) else ModelError
        words = str(error) if isinstance(error, CodeDanceError) else f"{type(error).__name__}: {_line(error)}"
        if call.future.set_running_or_notify_cancel():
            call.future.set_exception(kind(f"{self.name}: {words}"))


def _fingerprint(folder: Path, *settings: object) -> str:
    """Changes when a file does, so that replies of a model that was trained on are not taken for those of the new one."""
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    stats = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return digest_bytes(repr((settings, stats)).encode())


def _load(folder: Path, device: str | None, dtype: str | None) -> tuple[Any, Any]:
    """Processor and model, ready to be asked."""
    if not (folder / "config.json").is_file():
        what = "has no config.json" if folder.is_dir() else "is no folder"
        raise ConfigError(f"{folder}: it {what}; give the folder of a transformers vision-language model")
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    kind = getattr(torch, dtype or ("bfloat16" if device.startswith("cuda") else "float32"), None)
    if not isinstance(kind, torch.dtype):
        raise ConfigError(f"dtype {dtype!r}: there is no such; take float32, bfloat16 or float16")
    try:
        config = AutoConfig.from_pretrained(folder, **_LOCAL)
        if config.model_type not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES or config.is_encoder_decoder:
            raise ConfigError(f"{folder}: {config.model_type} is no vision-language chat model; one such is Qwen2.5-VL")
        processor = load_processor(folder, config.model_type)
        loaded: Any = AutoModelForImageTextToText.from_pretrained(folder, dtype=kind, output_loading_info=True, **_LOCAL)
        model, report = loaded
        if report["missing_keys"]:
            raise ConfigError(
                f"{folder}: {len(report['missing_keys'])} weights are missing, such as {min(report['missing_keys'])}"
            )
        return processor, model.to(device).eval()
    except ConfigError:
        raise
    except Exception as error:  # boundary: loading runs the code of many libraries over files of any content
        raise ConfigError(f"{folder}: it cannot be loaded: {type(error).__name__}: {_line(error)}") from None


def _vocabulary(processor: Any, model: Any) -> Vocabulary:
    """Special tokens cannot be said, except those that end a reply, and neither can the rows behind the last token.

    A model that says the mark of a picture would be read as having seen one. Added tokens that are not special are text: <think>.
    """
    tokenizer = processor.tokenizer
    ends = model.generation_config.eos_token_id
    ends = {*(ends if isinstance(ends, list) else [ends]), tokenizer.eos_token_id} - {None}
    banned = torch.zeros(model.config.get_text_config().vocab_size, dtype=torch.bool)
    banned[len(tokenizer) :] = True
    marks = {index for index, token in tokenizer.added_tokens_decoder.items() if token.special}
    marks |= set(tokenizer.convert_tokens_to_ids(tokenizer.chat_control_tokens)) | set(tokenizer.all_special_ids)
    banned[sorted(marks - ends)] = True

    def to_text(ids: Sequence[int]) -> str:
        text: str = tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text

    pad = tokenizer.pad_token_id
    return Vocabulary(frozenset(ends), banned.to(model.device), pad if pad is not None else 0, to_text)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
