"""What a run costs, and when it has cost enough.

    meter = CostMeter(model, Price(prompt_per_million=0.4, completion_per_million=1.6), Budget(dollars=5.0))
    reply = await meter.generate(messages, sampling)
    meter.usage, meter.dollars, meter.is_spent                  # a runner looks between tasks; nothing stops within one

A cache goes around the meter, `CachedModel(CostMeter(model), folder)`: then replies that are found in it cost nothing.

Not covered: prices by length of the context, tries that failed (servers hardly charge for them).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from codedance.errors import ConfigError
from codedance.model.chat import ChatModel, Message, ModelInfo, Reply, info_of, origin_of
from codedance.types import Sampling, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """In dollars for a million tokens."""

    prompt_per_million: float
    completion_per_million: float
    cached_per_million: float | None = None
    """Of the part of a prompt that the server had seen before; None: as the rest of the prompt."""

    def dollars(self, usage: Usage) -> float:
        """For these tokens."""
        cached_price = self.prompt_per_million if self.cached_per_million is None else self.cached_per_million
        cached = min(usage.cached_tokens, usage.prompt_tokens)
        prompt = (usage.prompt_tokens - cached) * self.prompt_per_million + cached * cached_price
        return (prompt + usage.completion_tokens * self.completion_per_million) / 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much a run may use; None: as much as it likes."""

    tokens: int | None = None
    """Of prompts and replies together."""
    dollars: float | None = None

    def is_spent(self, usage: Usage, dollars: float | None) -> bool:
        """Whether so much is all of it, or more."""
        if self.tokens is not None and usage.prompt_tokens + usage.completion_tokens >= self.tokens:
            return True
        return self.dollars is not None and dollars is not None and dollars >= self.dollars


class CostMeter:
    """A ChatModel that adds up what another one uses. The other one stays the caller's to close.

    Raises:
        ConfigError: a budget in dollars without a price.
    """

    def __init__(self, model: ChatModel, price: Price | None = None, budget: Budget | None = None) -> None:
        if budget is not None and budget.dollars is not None and price is None:
            raise ConfigError(
                f"a budget of {budget.dollars:g} dollars needs the price of {model.name!r}; give one, or a budget in tokens"
            )
        self._model = model
        self._price = price
        self._budget = budget or Budget()
        self.usage = Usage()
        """Of all replies so far."""
        self.num_requests = 0

    @property
    def name(self) -> str:
        """The other model's."""
        return self._model.name

    @property
    def info(self) -> ModelInfo:
        """The other model's."""
        return info_of(self._model)

    @property
    def variant(self) -> str:
        """The other model's, where it has one: see `OpenAIModel.variant`."""
        return str(getattr(self._model, "variant", ""))

    @property
    def origin(self) -> str:
        """The other model's: see `origin_of`."""
        return origin_of(self._model)

    @property
    def dollars(self) -> float | None:
        """So far; None where no price is known."""
        return None if self._price is None else self._price.dollars(self.usage)

    @property
    def is_spent(self) -> bool:
        """The budget is used up."""
        return self._budget.is_spent(self.usage, self.dollars)

    async def generate(self, messages: Sequence[Message], sampling: Sampling) -> Reply:
        """As the other model's."""
        reply = await self._model.generate(messages, sampling)
        self.usage += reply.usage
        self.num_requests += 1
        return reply
