"""Sums of tokens and dollars, and when they are enough."""

from __future__ import annotations

from pathlib import Path

import pytest

from codedance.errors import ConfigError, ModelError
from codedance.model.cache import CachedModel
from codedance.model.chat import Message, Reply, Role
from codedance.model.cost import Budget, CostMeter, Price
from codedance.model.script import ScriptedModel
from codedance.types import Sampling, Usage

QUESTION = [Message(Role.USER, ("7?",))]
PRICE = Price(prompt_per_million=2.0, completion_per_million=10.0)


def model(usage: Usage) -> ScriptedModel:
    return ScriptedModel(lambda messages, sampling: Reply(text="7", usage=usage))


@pytest.mark.parametrize(
    ("price", "usage", "dollars"),
    [
        (PRICE, Usage(1_000_000, 0), 2.0),
        (PRICE, Usage(0, 1_000_000), 10.0),
        (PRICE, Usage(1_000_000, 100_000, 500_000), 3.0),
        (Price(prompt_per_million=2.0, completion_per_million=0.0, cached_per_million=0.5), Usage(1_000_000, 0, 600_000), 1.1),
        (Price(prompt_per_million=2.0, completion_per_million=0.0, cached_per_million=0.0), Usage(1_000_000, 9, 2_000_000), 0.0),
    ],
)
def test_a_price_counts_each_kind_of_token(price: Price, usage: Usage, dollars: float) -> None:
    assert price.dollars(usage) == pytest.approx(dollars)


async def test_a_meter_adds_up_all_replies() -> None:
    meter = CostMeter(model(Usage(10, 5, 2)), PRICE)
    for _ in range(3):
        assert (await meter.generate(QUESTION, Sampling())).text == "7"
    assert (meter.name, meter.usage, meter.num_requests) == ("script", Usage(30, 15, 6), 3)
    assert meter.dollars == pytest.approx((30 * 2 + 15 * 10) / 1e6)


async def test_failures_are_not_counted() -> None:
    meter = CostMeter(ScriptedModel([]))
    with pytest.raises(ModelError):
        await meter.generate(QUESTION, Sampling())
    assert (meter.usage, meter.num_requests, meter.dollars) == (Usage(), 0, None)


async def test_cached_replies_cost_nothing(tmp_path: Path) -> None:
    meter = CostMeter(model(Usage(10, 5)), PRICE)
    async with CachedModel(meter, tmp_path) as cached:
        for _ in range(3):
            assert (await cached.generate(QUESTION, Sampling())).usage == Usage(10, 5)
    assert (meter.num_requests, meter.usage) == (1, Usage(10, 5))


@pytest.mark.parametrize(
    ("budget", "requests"),
    [
        (Budget(tokens=45), 3),
        (Budget(tokens=46), 4),
        (Budget(dollars=0.0002), 3),
        (Budget(tokens=999, dollars=0.00014), 2),
        (None, 10),
    ],
)
async def test_a_budget_is_spent_when_it_is_reached(budget: Budget | None, requests: int) -> None:
    meter = CostMeter(model(Usage(10, 5)), PRICE, budget)
    while not meter.is_spent and meter.num_requests < 10:
        await meter.generate(QUESTION, Sampling())
    assert meter.num_requests == requests


def test_a_budget_of_nothing_is_spent_from_the_start() -> None:
    assert CostMeter(model(Usage()), budget=Budget(tokens=0)).is_spent


def test_a_budget_in_dollars_needs_a_price() -> None:
    with pytest.raises(ConfigError, match="budget of 5 dollars needs the price of 'script'"):
        CostMeter(model(Usage()), budget=Budget(dollars=5.0))
