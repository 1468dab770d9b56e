"""The nouns that cross module borders: frozen, typed, without behaviour.

    result = await session.run("print(1)")
    if result.status is ExecStatus.OK: ...      # never look for words in result.stdout

Not covered: how they are stored or rendered.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

    ImageSource = str | os.PathLike[str] | bytes | Image.Image
else:
    ImageSource = Any

SCHEMA = 1
"""Of a stored `Trace`."""


class ExecStatus(StrEnum):
    """How the run of one cell ended, decided outside the sandboxed process."""

    OK = "ok"
    """It ended by itself and printed or showed something."""
    NO_OUTPUT = "no_output"
    """It ended by itself, but nothing was printed to stdout and nothing was shown."""
    ERROR = "error"
    """It raised an exception; the variables are kept."""
    TIMEOUT = "timeout"
    """It ran past the time limit, whatever it did about it."""
    OUT_OF_MEMORY = "out_of_memory"
    """It asked for more memory than the limit."""
    CRASHED = "crashed"
    """Its process died (segfault, os._exit, ...) or was lost."""
    PROTOCOL = "protocol"
    """It wrote on the channel that only the session's own machinery may use."""


@dataclass(frozen=True, slots=True)
class ExecError:
    """The exception that ended a cell."""

    type: str
    message: str
    line: int | None
    """1-based line in the cell, where known."""


class WallName(StrEnum):
    """What code in the sandbox is kept from."""

    FILES = "files"
    """Reading and changing files of the host."""
    NETWORK = "network"
    PROCESSES = "processes"
    """Starting processes, and seeing or touching others."""
    THREADS = "threads"
    """More of them than the limit."""
    MEMORY = "memory"
    DESCRIPTORS = "descriptors"
    DISK = "disk"


@dataclass(frozen=True, slots=True)
class Wall:
    """One wall as a session found it when the sandbox started."""

    name: WallName
    enforced: bool
    by: str
    """The mechanisms that make it, the first one first."""
    measured: str
    """What a session tried, and how far it came."""


@dataclass(frozen=True, slots=True)
class Isolation:
    """How well the code was locked in: the rung of the ladder in docs/sandbox.md and what is missing for the next ones."""

    level: int
    missing: tuple[str, ...] = ()
    walls: tuple[Wall, ...] = ()
    """Each wall as it was measured; empty in the single executions of a stored trace, which has them once."""


@dataclass(frozen=True, slots=True)
class ExecResult:
    """What one cell did. Time, status and truncation are measured outside the sandboxed process."""

    status: ExecStatus
    stdout: str
    stderr: str
    images: tuple[Image.Image, ...]
    """RGB pictures in the order in which they were shown."""
    error: ExecError | None
    seconds: float
    truncated: bool
    """Printed text went past `Limits.output_kb` and was cut."""
    isolation: Isolation
    state_kept: bool
    """The variables are still there for the next cell."""
    replayed: int = 0
    """Cells run again before this one, to rebuild a session that had been lost."""
    replay_failed: bool = False
    """The rebuild stopped early: this cell ran on a part of the state."""
    notes: tuple[str, ...] = field(default=())
    """What the user should know: dropped or resized images, a rebuild, an exit() that was ignored."""

    @property
    def ok(self) -> bool:
        """The cell ran to its end, with or without output."""
        return self.status in (ExecStatus.OK, ExecStatus.NO_OUTPUT)


class Rule(StrEnum):
    """How an answer is held against the known one; see `codedance.reward.rules`."""

    EXACT = "exact"
    CHARTQA = "chartqa"
    COUNTBENCH = "countbench"
    COUNTBENCHQA = "countbenchqa"
    PIXMO = "pixmo"
    CHOICE = "choice"
    VSTAR = "vstar"
    WEMATH = "wemath"
    MATHS = "maths"
    MATHVISTA = "mathvista"
    MATHVISION = "mathvision"
    JUDGED = "judged"
    """Words that only a judge can compare."""


class Coordinates(StrEnum):
    """Which numbers a model writes for places in a picture."""

    PIXELS = "pixels"
    """[x_min, y_min, x_max, y_max] in pixels of the picture that it sees."""
    PER_THOUSAND = "per_thousand"
    """The same order, from 0 to 1000 across the width and down the height."""
    PER_THOUSAND_Y_FIRST = "per_thousand_y_first"
    """[y_min, x_min, y_max, x_max] from 0 to 1000; points are [y, x]."""
    UNIT = "unit"
    """[x_min, y_min, x_max, y_max] from 0 to 1."""


class AnswerType(StrEnum):
    """What kind of answer MathVista wants."""

    TEXT = "text"
    INTEGER = "integer"
    FLOAT = "float"
    LIST = "list"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerKey:
    """What has to be known, besides the answer, to score one."""

    rule: Rule = Rule.EXACT
    choices: tuple[str, ...] = ()
    """The options in the order in which they were shown, A first."""
    answer_type: AnswerType = AnswerType.TEXT
    precision: int | None = None
    """Decimals of a float."""
    group: str = ""
    """Rows that belong together: an HR-Bench question in four orders, the steps of a We-Math one, the questions of an image."""
    part: str = ""
    """Which one of the group."""
    group_size: int = 0
    """How many parts a complete group has, where each of them asks the same question; 0 for groups of other kinds."""
    alternatives: tuple[str, ...] = ()
    """Further reference answers; an answer that equals any of them is right."""
    judge_context: str = ""
    """What only the question's picture says (its text, its options), for a judge, who sees no picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A question about pictures."""

    id: str
    """Unique among the tasks of a run."""
    question: str
    images: tuple[ImageSource, ...] = ()
    """Paths, encoded bytes or PIL images, in the order in which the question speaks of them."""
    answer: str | None = None
    """The known answer, never shown to the model."""
    source: str = ""
    """The data set it comes from."""
    category: str = ""
    """A part of the data set."""
    key: AnswerKey = field(default_factory=AnswerKey)
    """How an answer is scored."""
    system: str = ""
    """The system prompt that the data set brings along."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that a model may call, as OpenAI-compatible servers take it."""

    name: str
    description: str
    parameters: str
    """JSON schema, as text."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A native call of a `Tool`; the arguments are the model's own JSON text, not yet read."""

    id: str
    name: str
    arguments: str
    extra: str = ""
    """Further fields of the call that the server wants back unchanged (such as a thought signature), as a JSON object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How to draw one reply, and what the model may call. None leaves a choice to the server."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    """Of the reply."""
    seed: int | None = None
    stop: tuple[str, ...] = ()
    """Texts that end a reply; the reply may or may not include them."""
    tools: tuple[Tool, ...] = ()


class FinishReason(StrEnum):
    """Why a reply ended."""

    STOP = "stop"
    LENGTH = "length"
    """It was cut at the token limit."""
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the server counted them; 0 where it does not say."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    """The part of the prompt that the server had seen before."""

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
        )


class StopReason(StrEnum):
    """How a rollout ended."""

    ANSWERED = "answered"
    TURN_LIMIT = "turn_limit"
    """The last turn allowed had no answer."""
    TOKEN_LIMIT = "token_limit"
    """A reply was cut before it held anything usable, or the conversation no longer fits into the model's context."""
    NO_ACTION = "no_action"
    """Neither code nor an answer, twice in a row."""
    MODEL_ERROR = "model_error"
    """The model could not be asked: an outage, not a wrong answer."""
    SANDBOX_ERROR = "sandbox_error"
    """The sandbox itself broke: an outage, not failing code."""
    DATA_ERROR = "data_error"
    """A picture of the task cannot be used."""
    REFUSED = "refused"
    """The model or its provider declined: a refusal, or a content filter. Not an outage: asking again brings the same."""


OUTAGES = frozenset({StopReason.MODEL_ERROR, StopReason.SANDBOX_ERROR})
"""Something outside the model's reasoning broke."""
UNFINISHED = OUTAGES | {StopReason.DATA_ERROR}
"""To be done again when a run goes on: an outage is over, a picture may have been mended."""


class Repair(StrEnum):
    """What a reply got wrong and was read all the same."""

    UNCLOSED_THINK = "unclosed_think"
    UNCLOSED_CODE = "unclosed_code"
    UNCLOSED_ANSWER = "unclosed_answer"
    MISSING_FENCE = "missing_fence"
    BARE_FENCE = "bare_fence"
    """A python fence outside any tag."""
    SEVERAL_BLOCKS = "several_blocks"
    """Several code blocks, run as one cell."""
    MISREAD_JSON = "misread_json"
    """A call in broken JSON."""
    OTHER_FORMAT = "other_format"
    """An action in the form of another format."""
    UNTAGGED_ANSWER = "untagged_answer"
    """An answer in a box, outside any tag."""
    IN_REASONING = "in_reasoning"
    """The text held no action; it stood in the reasoning that the server returned apart from it."""
    FORGED_OBSERVATION = "forged_observation"
    """The model wrote an observation itself; it was cut off or escaped."""
    TEXT_AFTER_ACTION = "text_after_action"
    """Text behind the first action, which could not know its outcome; it was cut off."""


@dataclass(frozen=True, slots=True)
class SeenImage:
    """A picture that went to the model, by the digest of its pixels (PNG) or of its bytes (JPEG)."""

    digest: str
    width: int
    height: int
    tokens: int
    """By the pixel rule of the model."""
    media_type: str = "image/png"

    @property
    def file(self) -> str:
        """Its name in the store."""
        return f"{self.digest}.{'jpg' if self.media_type == 'image/jpeg' else 'png'}"


@dataclass(frozen=True, slots=True)
class TaskImage:
    """An input picture: the file as given, and the view of it that the model and the code see."""

    file: str
    """Its name in images/: digest of the bytes, and what they are."""
    width: int
    height: int
    view_file: str
    """The view as it was sent; the same file where the original needs no resizing."""
    view_width: int
    view_height: int
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """An `ExecResult` as it is stored: digests instead of pixels."""

    status: ExecStatus
    stdout: str
    stderr: str
    images: tuple[str, ...]
    """Digests of the pixels exactly as the code showed them, before any resizing for the model."""
    error: ExecError | None
    seconds: float
    truncated: bool
    isolation: Isolation
    state_kept: bool
    replayed: int = 0
    replay_failed: bool = False
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """The cell ran to its end, with or without output."""
        return self.status in (ExecStatus.OK, ExecStatus.NO_OUTPUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One reply of the model and what came back."""

    text: str
    """The reply, letter by letter."""
    context: str | None = None
    """The reply as it stands in the conversation, where that is not `text`: cut after the first action, forgeries escaped."""
    reasoning: str = ""
    """Thoughts that the server returned apart from the reply."""
    tool_calls: tuple[ToolCall, ...] = ()
    thought: str = ""
    """What the reply says outside of its action."""
    code: str | None = None
    answer: str | None = None
    repairs: tuple[Repair, ...] = ()
    execution: Execution | None = None
    """None where no code was run."""
    observation: tuple[str | SeenImage, ...] = ()
    """What the model saw of the execution, in order."""
    note: str = ""
    """Words to the model that are no observation: a nudge, or how many turns are left."""
    finish_reason: FinishReason = FinishReason.UNKNOWN
    usage: Usage = field(default_factory=Usage)
    model_s: float = 0.0
    prompt_ids: tuple[int, ...] | None = None
    """The whole prompt of this turn as tokens, where the server gives them."""
    token_ids: tuple[int, ...] | None = None
    """The reply as tokens: the ones to train on; everything else is context."""
    logprobs: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One rollout, whole: one line of traces.jsonl. A failed one is a trace with a reason, never a missing row."""

    schema: int = SCHEMA
    task_id: str
    sample: int = 0
    """0, 1, ... where a task is asked several times."""
    source: str = ""
    category: str = ""
    question: str
    gold: str | None = None
    """The known answer."""
    key: AnswerKey = field(default_factory=AnswerKey)
    """What else scoring needs, so that the run's folder is enough."""
    images: tuple[TaskImage, ...] = ()
    model: str
    sampling: Sampling
    format: str
    prompt: str
    """Digest of the prompt texts; they lie in prompts/DIGEST.json."""
    turns: tuple[Turn, ...] = ()
    stop: StopReason
    answer: str | None = None
    error: str | None = None
    """What broke, with `model_error`, `sandbox_error` and `data_error`; the words of a refusal, with `refused`."""
    notes: tuple[str, ...] = ()
    """In what the model was asked otherwise than `sampling` and the settings say, and what seems wrong with the server."""
    usage: Usage = field(default_factory=Usage)
    started: str
    """ISO 8601, UTC."""
    seconds: float
    isolation: Isolation | None = None
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def is_outage(self) -> bool:
        """Something outside the model's reasoning broke; asking again may help."""
        return self.stop in OUTAGES

    @property
    def is_unfinished(self) -> bool:
        """An outage, or a picture that may be mended: to be done again when the run goes on."""
        return self.stop in UNFINISHED


class DecidedBy(StrEnum):
    """Who said whether an answer is right."""

    RULE = "rule"
    JUDGE = "judge"
    NONE = "none"
    """Nobody could: no answer is known, the rollout ended by an outage, or the rule was undecided and there was no judge."""
    FAILED = "failed"
    """The judge could not be asked or understood: to be done again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What one rollout was worth: one line of scores.jsonl."""

    task_id: str
    sample: int = 0
    source: str = ""
    category: str = ""
    group: str = ""
    part: str = ""
    group_size: int = 0
    question: str = ""
    """Digest of its words, which tells whether two runs asked the same."""
    started: str = ""
    """When the rollout began: a score is of this one."""
    gold: str | None = None
    answer: str | None = None
    acc: float | None = None
    """1 or 0; None where nothing was decided, which is neither right nor wrong."""
    decided_by: DecidedBy
    why: str
    """The rule's or the judge's reason."""
    judge: str = ""
    """The judge who decided, and the digest of the words that it was asked with."""
    judged: str = ""
    """Digest of the question, answer and references that it was told."""
    stop: StopReason
    format_ok: bool
    num_turns: int
    num_calls: int
    """Pieces of code that were run."""
    num_ok: int
    """Of those, the ones that ran to their end."""
    errors: tuple[str, ...] = ()
    """Why the others did not: the exception's type, or how the run ended."""
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
