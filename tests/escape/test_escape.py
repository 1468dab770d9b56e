"""Every promise and every attack, at every isolation level, as root and as an ordinary user, beside a canary session."""

from __future__ import annotations

import asyncio

import pytest
from attacks import ATTACKS, STALLS
from fortress import Fortress

from codedance.sandbox.promises import CHECKS
from codedance.sandbox.selfcheck import Check, Verdict, run_check


@pytest.mark.parametrize("check", [*CHECKS, *ATTACKS], ids=lambda check: check.name.replace(" ", "-"))
async def test_the_promise_is_kept(fortress: Fortress, check: Check) -> None:
    outcome = await run_check(fortress.box, check, fortress.canary, fortress.picture)
    assert outcome.verdict is not Verdict.BROKEN, outcome.detail


async def test_what_never_ends_is_stopped_also_where_others_never_end(fortress: Fortress) -> None:
    tried = (run_check(fortress.box, check, fortress.canary, fortress.picture) for check in STALLS)
    outcomes = await asyncio.gather(*tried)
    assert [(outcome.name, outcome.detail) for outcome in outcomes if outcome.verdict is Verdict.BROKEN] == []
