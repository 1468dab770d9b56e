"""What one endpoint does not take, learnt from its refusals and remembered.

    form = adaptation.current()                                         # how the next request is written
    for other in other_forms(form, complaint, request): ...             # what to try after a refusal, the best first
    adaptation.worked(other, request)                                   # a success proves the form

A field that a server refuses by name is left out; the limit of tokens has two names and a highest value; messages have other
orders (`arrangement`). Fields without which a request makes no sense (model, messages, tools) are never left out, nor are those
that the user gives with --extra-body: these refusals are told. A value out of range that the user chose is told as well.

Wordings: OpenAI, Azure, Anthropic, Gemini, Bedrock, xAI, Groq, Mistral, DeepSeek, Kimi, vLLM, SGLang, TGI, llama.cpp, LiteLLM and
`transformers serve`, from their public issues. Not covered: refusals that name no field and no role.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from codedance.model.arrangement import Arrangement, arrange
from codedance.model.chat import Message, Reply, Role
from codedance.model.context_limit import lower_limit
from codedance.model.retry import Complaint
from codedance.types import Sampling

LIMIT_FIELDS = ("max_tokens", "max_completion_tokens")
REASONING_FIELDS = ("reasoning_content", "reasoning")
_ALIASES = {
    "stop": r"stop|stop_sequences?|stopSequences|stop_strings",
    "top_p": r"top_p|topP",
    "seed": r"seed|random_seed",
    "logprobs": r"logprobs|top_logprobs|responseLogprobs",
    "max_tokens": r"max_tokens|maxTokens|max_output_tokens|maxOutputTokens|max_new_tokens",
}
_PLAIN_WORDS = ("stop", "seed", "detail", "reasoning")
"""Names that are also words of the language: they count where they stand as names."""
_STOP_TEXTS = re.compile(r"\bstop(?:_sequences?|Sequences|_strings|[ -](?:tokens?|sequences?|words?|strings?))\b", re.IGNORECASE)
_NEVER = frozenset({"model", "messages", "tools", "tool_choice", "role", "content", "tool_calls", "tool_call_id"}) | {
    *("id", "type", "function", "name", "arguments", "text", "url", "image_url", "data")
}
_CHOSEN = ("temperature", "top_p", "seed")
"""Fields with a value that matters for figures; one that is out of range is the user's to change."""
_STATUSES = {400, 403, 404, 405, 415, 422, 500, 501}
_REFUSES = re.compile(
    r"unsupported|not\b.{0,20}\bsupport|n't support|unknown|unrecogni[sz]ed|unexpected|\bextra\b|extraneous|not permitted"
    r"|not allowed|forbidden|invalid|can(?:not|'t)|deprecated|\bonly\b|\bremove|incompatible"
    r"|not (?:available|implemented|enabled|configurable|adjustable)|no longer|must not|should not|disabled|unavailable"
    r"|does not (?:accept|take|exist)|additional propert|intermediate result|too many|\bexpected\b"
    r"|\u975e\u6cd5|\u4e0d\u652f\u6301|\u65e0\u6548|\u6709\u8bef|\u4e0d\u5141\u8bb8|\u4e0d\u80fd",
    re.IGNORECASE,
)
_RANGE = re.compile(
    r"must be|should be|less than|greater than|between|range|[<>]=|at least|at most|non-negative|positive|maximum|minimum|exceed"
    r"|too (?:large|big|high|small|low)|\u53d6\u503c|\u8303\u56f4|\u5fc5\u987b|\u5927\u4e8e|\u5c0f\u4e8e",
    re.IGNORECASE,
)
_NOT_AT_ALL = re.compile(
    r"unsupported|not\b.{0,20}\bsupport|n't support|\bonly\b|default|not permitted|deprecated|unknown|unrecogni[sz]ed|unexpected"
    r"|extraneous|not configurable|must be (?:set to )?1(?:\.0)?\b",
    re.IGNORECASE,
)
_ABOVE_ZERO = re.compile(r"positive|greater than 0|> ?0|\(0|non-?zero", re.IGNORECASE)
_NOT_BOTH = re.compile(r"\bboth\b|at the same time|together|only one", re.IGNORECASE)
_MISSING = re.compile(
    r"missing|required|must (?!not\b).{0,40}\b(?:pass|provid|includ|contain|sent|be set)|expects?", re.IGNORECASE
)
_UNWANTED = re.compile(r"unsupported|not permitted|not allowed|must not|should not|\bextra\b|unknown|unrecogni", re.IGNORECASE)
_CERTAIN_CODES = re.compile(r"unsupported|unknown_param|unrecogni|unexpected|extra_forbidden", re.IGNORECASE)
_THOSE_ALLOWED = re.compile(
    r"expected (?:one )?of\b.*|(?:supported|allowed|valid|permitted|accepted|known|available) "
    r"(?:fields|param(?:eter)?s|arguments|keys|names|options|properties)\b.{0,20}?(?:\bare\b|:).*",
    re.IGNORECASE | re.DOTALL,
)
"""A list of the names that the server does take."""
_INSTEAD = re.compile(r"use\W+max_completion_tokens|max_completion_tokens\W+instead", re.IGNORECASE)
_ABOUT_ROLES = re.compile(
    r"\broles?\b|alternat|template|jinja|system (?:message|prompt|instruction)|developer instruction"
    r"|(?:first|last) (?:message|turn)|(?:call|response|user|model) turn|['\"`](?:system|developer|tool|assistant)['\"`]"
    r"|(?:starts?|begins?|ends?) with an? (?:user|human)|from the user|\u89d2\u8272",
    re.IGNORECASE,
)
_NO_TOOL_ROLE = re.compile(
    r"(?:unexpected|unsupported|unknown|invalid|not support\w*).{0,20}(?<!after )(?:role|variant|value)\W{1,4}tool"
    r"|role\W{1,4}tool\b.{0,40}\bnot\b"
    r"|only.{0,20}user.{0,10}assistant.{0,20}roles",
    re.IGNORECASE,
)
_WANTS_PARTS = re.compile(
    r"str(?:ing)? (?:object|indices)|'str' object|content\b.{0,60}(?:valid (?:list|array)|must be an? (?:list|array)|array)",
    re.IGNORECASE,
)
_WANTS_TEXT = re.compile(
    r"content\b.{0,80}(?:null|None|<nil>|valid string|non-?empty|required|missing|must be a string|invalid type)"
    r"|content\b.{0,20}\u4e0d\u80fd\u4e3a\u7a7a|missing field\W{1,3}content|type for\W{1,3}\S{0,40}content\b"
    r"|\bNoneType\b|input should be a valid string|type:? null\b",
    re.IGNORECASE,
)
_WANTS_IDS = re.compile(r"(?:tool|function)[_ ]call[_ ]?ids?\b|tool_calls.{0,10}\bid\b", re.IGNORECASE)
_THINKERS = re.compile(
    r"thinking|reason|\bqwq|\bqvq|deepseek-?r\d|[-_]r1\b|qwen-?3\.[5-9]|glm-?4\.[1-9]v|glm-?5|kimi-?k|kimi-vl.*think|magistral|gpt-?oss"
    r"|\bo[1-9]\b|gpt-?5|gemini-[23]\.\d|gemini-3|minimax-m|seed-?1\.[5-9]|step-?3|mimo|keye|intern-?s1",
    re.IGNORECASE,
)
"""Names of models that think by themselves before they reply, by their model cards."""
_SMALL_TEMPERATURE = 0.01
_CERTAINLY = 3  # times that only the request without stop texts went well
_LEAST_TOKENS = 256
_AROUND = "'\"`\u2018\u2019\u201c\u201d"


@dataclass(frozen=True, slots=True)
class RequestForm:
    """How requests to one endpoint are written."""

    left_out: frozenset[str] = frozenset()
    """Fields of the request, of messages or of pictures."""
    limit_field: str = LIMIT_FIELDS[0]
    """The name of the token limit."""
    most_tokens: int | None = None
    """Of a reply."""
    room: int | None = None
    """The same, behind this prompt alone; not remembered."""
    least_temperature: float = 0.0
    arrangements: frozenset[Arrangement] = frozenset()
    reasoning_field: str = ""
    """A field that every message of the assistant must carry."""

    def without(self, *fields: str) -> RequestForm:
        """The same, with further fields left out."""
        return replace(self, left_out=self.left_out | set(fields))

    def notes(self, sampling: Sampling, *, record_tokens: bool) -> tuple[str, ...]:
        """How a request with this sampling differs from what was asked for, where that may matter for figures."""
        asked = {name: getattr(sampling, name) for name in ("temperature", "top_p", "seed", "max_tokens")}
        asked |= dict.fromkeys(("logprobs", "return_token_ids"), record_tokens or None)
        left_out = self.left_out - ({LIMIT_FIELDS[0]} if self.limit_field != LIMIT_FIELDS[0] else set())
        missing = [name for name, value in asked.items() if value is not None and name in left_out]
        found = [f"the server refuses the field {name}; it is left to the server" for name in missing]
        if sampling.temperature is not None and sampling.temperature < self.least_temperature and "temperature" not in left_out:
            found.append(f"the server refuses temperature {sampling.temperature:g}; {self.least_temperature:g} is sent")
        if self.most_tokens is not None and (sampling.max_tokens or 0) > self.most_tokens:
            found.append(f"the server takes at most {self.most_tokens} as {self.limit_field}; so many are asked for")
        return (*found, *(f"the server refuses the messages as they are: {one}" for one in sorted(self.arrangements)))


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked, as far as a refusal can be about it."""

    messages: Sequence[Message]
    fields: frozenset[str]
    """All that were sent: of the request, of its messages and of its pictures."""
    chosen: frozenset[str]
    """Of those, the user's own."""
    most_tokens: int | None
    temperature: float | None


class Adaptation:
    """How one endpoint is asked: what it refused before, and what it may break on."""

    def __init__(self, name: str) -> None:
        self.form = RequestForm()
        self._takes_stop = False
        self._is_suspected = False
        self._num_without = 0
        self._thinks = _THINKERS.search(name) is not None

    def current(self) -> RequestForm:
        """How the next request is written.

        A model with thoughts of its own gets no stop texts: one might end it in the middle of them; the codec does without.
        """
        if self._is_suspected or self._num_without >= _CERTAINLY or self._thinks:
            return self.form.without("stop")
        return self.form

    def broke(self, request: Request) -> None:
        """An internal error without a reason: `transformers serve` breaks so on stop texts for models that see pictures.

        The next try goes without them, unless the endpoint has replied to a request that had some.
        """
        self._is_suspected = "stop" in request.fields and not self._takes_stop

    def worked(self, form: RequestForm, request: Request, reply: Reply) -> None:
        """A reply came: what was left out to get it stays left out."""
        if "stop" in request.fields:
            self._takes_stop = True
        elif self._is_suspected:
            self._num_without += 1
        if self._is_suspected or self._thinks or self._num_without:  # not refused by name
            form = replace(form, left_out=form.left_out - ({"stop"} - self.form.left_out))
        self._is_suspected = False
        self._thinks = self._thinks or bool(reply.reasoning)
        before = self.form
        self.form = RequestForm(
            left_out=before.left_out | form.left_out,
            limit_field=form.limit_field,
            most_tokens=min((n for n in (before.most_tokens, form.most_tokens) if n is not None), default=None),
            least_temperature=max(before.least_temperature, form.least_temperature),
            arrangements=before.arrangements | form.arrangements,
            reasoning_field=form.reasoning_field or before.reasoning_field,
        )


def other_forms(form: RequestForm, complaint: Complaint, request: Request) -> Iterator[RequestForm]:
    """Forms that a refusal may be answered with, the most fitting first; none where it is about something else."""
    if complaint.status not in _STATUSES or complaint.is_declined or complaint.is_full(request.most_tokens):
        return
    yield from _other_limits(form, complaint, request)
    words = complaint.words
    name = next((field for field in REASONING_FIELDS if re.search(rf"\b{field}\b", words)), "")
    if name and _MISSING.search(words) and not _UNWANTED.search(words) and form.reasoning_field != name:
        yield replace(form, reasoning_field=name, left_out=form.left_out - {name})
        return
    named = named_fields(complaint, request.fields - request.chosen)
    yield from _without(form, complaint, request, named)
    if not named:
        guesses = [guess for guess in _guesses(complaint, request) if guess not in form.arrangements]
        yield from (replace(form, arrangements=form.arrangements | {guess}) for guess in guesses)
        if len(guesses) > 1:
            yield replace(form, arrangements=form.arrangements | set(guesses))


def named_fields(complaint: Complaint, fields: frozenset[str]) -> frozenset[str]:
    """Which of these a refusal names as the ones that it is about."""
    if not (_REFUSES.search(complaint.words) or _RANGE.search(complaint.words) or _CERTAIN_CODES.search(complaint.code)):
        return frozenset()
    fields -= _NEVER
    paths = [place.split(".") for place in complaint.places] + [re.split(r"[.\[\]]+", complaint.param)]
    if pointed := {part for path in paths for part in path if part in fields}:
        return frozenset(pointed)
    words = _THOSE_ALLOWED.sub("", complaint.words)
    return frozenset(field for field in fields if _is_named(field, words))


def _is_named(field: str, words: str) -> bool:
    name = rf"(?:{_ALIASES.get(field, re.escape(field))})"
    if field not in _PLAIN_WORDS:
        return re.search(rf"(?<![\w-]){name}(?![\w-])", words, re.IGNORECASE | re.ASCII) is not None
    quoted = rf"[{_AROUND}\[{{(.]{name}[{_AROUND}\])}}:]"
    behind = (
        rf"\b(?:param(?:eter)?|argument|field|property|key|keyword|name|input|option|supplied|model|value|per-request)s?\W{{1,4}}{name}\b"
        rf"|(?:permitted|supported|allowed)\W{{1,4}}{name}\b|\u53c2\u6570\W{{0,4}}{name}"
    )
    before = rf"\b{name}\b\W{{0,2}} ?(?:field|param|option|argument|is|are|was|not|does|cannot|must|should)\b"
    before += rf"|\b{name} ?\u53c2\u6570|(?:^|[.:;] )(?i:{name}) (?:is|are) "
    pattern = rf"{quoted}|{behind}|{before}|\.{name}\b|(?:^|[:,.;\n] ?){name}:"
    return re.search(pattern, words, re.ASCII) is not None or (field == "stop" and _STOP_TEXTS.search(words) is not None)


def _other_limits(form: RequestForm, complaint: Complaint, request: Request) -> Iterator[RequestForm]:
    """The token limit under its other name, lower, or not at all."""
    if request.most_tokens is None:
        return
    limit = lower_limit(complaint.words, request.most_tokens)
    named = named_fields(complaint, frozenset(LIMIT_FIELDS) & request.fields)
    if limit is not None:
        yield replace(form, most_tokens=limit.tokens) if limit.is_lasting else replace(form, room=limit.tokens)
    elif _INSTEAD.search(complaint.words) or (
        named and (_CERTAIN_CODES.search(complaint.code) or _NOT_AT_ALL.search(complaint.words))
    ):
        first, second = LIMIT_FIELDS
        yield replace(form, limit_field=second) if form.limit_field == first else form.without(*LIMIT_FIELDS)
    elif named and _RANGE.search(complaint.words) and request.most_tokens > _LEAST_TOKENS:
        yield replace(form, most_tokens=max(_LEAST_TOKENS, request.most_tokens // 2))


def _without(form: RequestForm, complaint: Complaint, request: Request, named: frozenset[str]) -> Iterator[RequestForm]:
    """With the named fields left out, where that is not the user's to decide."""
    named -= set(LIMIT_FIELDS)
    out_of_range = _RANGE.search(complaint.words) and not _NOT_AT_ALL.search(complaint.words)
    if named & set(_CHOSEN) and out_of_range and not _CERTAIN_CODES.search(complaint.code):
        is_zero = request.temperature is not None and request.temperature < _SMALL_TEMPERATURE
        if "temperature" in named and is_zero and _ABOVE_ZERO.search(complaint.words):
            yield replace(form, least_temperature=_SMALL_TEMPERATURE)
        return
    if {"temperature", "top_p"} <= named and _NOT_BOTH.search(complaint.words):
        named -= {"temperature"}
    if named:
        yield form.without(*named)


def _guesses(complaint: Complaint, request: Request) -> list[Arrangement]:
    """What a template may have stumbled over, the likeliest first; only what changes this conversation."""
    words = f"{complaint.words} {complaint.param} {' '.join(complaint.places)}"
    if _WANTS_IDS.search(words) and any(message.tool_calls for message in request.messages):
        return [Arrangement.SHORT_IDS]
    found: list[Arrangement] = []
    if _WANTS_TEXT.search(words) and any(message.tool_calls and not message.text for message in request.messages):
        found.append(Arrangement.EMPTY_TEXT)
    if _WANTS_PARTS.search(words) and not any(message.pictures for message in request.messages if message.role is not Role.USER):
        found.append(Arrangement.TEXT_AS_PARTS)
    if not _ABOUT_ROLES.search(words):
        return found
    after_tool = [Arrangement.BRIDGE_AFTER_TOOL, Arrangement.PICTURES_IN_TOOL, Arrangement.TOOL_AS_USER]
    if _NO_TOOL_ROLE.search(words):
        after_tool.reverse()
    mentions_tool = re.search(r"\btool\b", words, re.IGNORECASE) is not None
    ordered = [Arrangement.SYSTEM_INTO_USER, *after_tool, Arrangement.MERGED]
    if mentions_tool and not re.search(r"\bsystem\b", words, re.IGNORECASE):
        ordered = [*after_tool, Arrangement.MERGED, Arrangement.SYSTEM_INTO_USER]
    messages = list(request.messages)
    return found + [one for one in ordered if arrange(messages, {one}) != messages]
