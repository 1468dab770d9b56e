"""How rollouts are made: everything that changes what a model is told or may do, in one frozen record.

    Settings(format=Format.TOOL_CALL, turns=6, sampling=Sampling(temperature=1.0, max_tokens=2048, seed=1))

Not covered: which model is asked and the limits of the sandbox; those are objects of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from codedance.errors import ConfigError
from codedance.images import QWEN25_VL, ImageLimits, PixelRule
from codedance.model.chat import ModelInfo
from codedance.types import Coordinates, Sampling

_MOST_TURNS = 1000
_LEAST_IMAGE_BYTES = 10_000


class Format(StrEnum):
    """How a model writes its actions."""

    CODE_TAGS = "code_tags"
    """`<code>` with a python fence."""
    TOOL_CALL = "tool_call"
    """JSON in `<tool_call>`, Hermes style."""
    OPENAI_TOOLS = "openai_tools"
    """Native tool calls of the server."""


class SystemPrompt(StrEnum):
    """Whose words open the conversation."""

    OURS = "ours"
    ROW = "row"
    """Those that the data set brings along, as they stand."""


class Returned(StrEnum):
    """Which pictures come back for those that code shows; others than its own ask whether the model looks at them."""

    OWN = "own"
    BLANK = "blank"
    """Grey ones of the same size."""
    SWAPPED = "swapped"
    """The picture of another task, at the same size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How much of one execution goes back to the model; text and pictures are cut together.

    Raises:
        ConfigError: a value is not positive.
    """

    text_chars: int = 8000
    images: int = 8
    image_tokens: int = 16384
    """Of all pictures together, by the pixel rule."""

    def __post_init__(self) -> None:
        for name, least in (("text_chars", 200), ("images", 0), ("image_tokens", 16)):
            _check(f"Room.{name}", getattr(self, name), least, 1 << 30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One rollout's rules.

    Raises:
        ConfigError: a value is not allowed.
    """

    format: Format = Format.CODE_TAGS
    turns: int = 10
    """Replies of the model, at most."""
    sampling: Sampling = field(default_factory=lambda: Sampling(temperature=0.0, max_tokens=4096))
    """With a seed, sample N of a task is asked with seed + N."""
    rule: PixelRule | None = None
    """Sizes of pictures; None: the model's own."""
    max_image_bytes: int | None = None
    """Of a picture in base64; None: the model's own limit."""
    coordinates: Coordinates | None = None
    """How the model writes places in pictures; None: as its family does."""
    room: Room = field(default_factory=Room)
    system: SystemPrompt = SystemPrompt.OURS
    tool: bool = True
    """Whether code can be run, and the prompt speaks of it."""
    returned: Returned = Returned.OWN
    reply_s: float = 3600.0
    """The longest wait for one reply, retries included."""

    def __post_init__(self) -> None:
        _check("turns", self.turns, 1, _MOST_TURNS)
        if not self.reply_s > 0:
            raise ConfigError(f"reply_s is {self.reply_s!r}; it must be a number of seconds above 0")
        for name, kind in (("format", Format), ("system", SystemPrompt), ("returned", Returned)):
            value = getattr(self, name)
            if value not in tuple(kind):
                raise ConfigError(f"{name} is {value!r}; it is one of {', '.join(kind)}")
            object.__setattr__(self, name, kind(value))  # plain text does as well
        if self.coordinates is not None:
            if self.coordinates not in tuple(Coordinates):
                raise ConfigError(f"coordinates is {self.coordinates!r}; it is one of {', '.join(Coordinates)}")
            object.__setattr__(self, "coordinates", Coordinates(self.coordinates))
        if self.max_image_bytes is not None:
            _check("max_image_bytes", self.max_image_bytes, _LEAST_IMAGE_BYTES, 1 << 40)
        sampling = self.sampling
        for name, value, least, most in (
            ("temperature", sampling.temperature, 0, 100),
            ("top_p", sampling.top_p, 0, 1),
            ("max_tokens", sampling.max_tokens, 1, 1 << 30),
        ):
            if value is not None and not least <= value <= most:
                raise ConfigError(f"{name} is {value!r}; it must be from {least} to {most}")

    def for_model(self, info: ModelInfo) -> Settings:
        """The same with what the model itself knows in the place of every None."""
        return replace(
            self,
            rule=self.rule or info.image_limits.rule,
            max_image_bytes=self.max_image_bytes or info.image_limits.max_bytes,
            coordinates=self.coordinates or info.coordinates,
        )

    @property
    def image_limits(self) -> ImageLimits:
        """Of the pictures that are sent; Qwen2.5-VL's sizes where nothing was said."""
        return ImageLimits(self.rule or QWEN25_VL, self.max_image_bytes)


def _check(name: str, value: int, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ConfigError(f"{name} is {value!r}; it must be a whole number from {least} to {most}")
