"""What is left out when the first session does not come to life, and that its figures are read like those of any session."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from codedance.sandbox.guest.measure import Measured
from codedance.sandbox.guest.settings import Caps, Settings
from codedance.sandbox.limits import Limits
from codedance.sandbox.supervisor import reply
from codedance.sandbox.supervisor.trial import Trial

CAPS = Caps(**{name: getattr(Limits(), name) for name in Caps.__dataclass_fields__})
SETTINGS = Settings(CAPS, roots=(), import_paths=(), without=(), font_cache="/nowhere")
MEASURED = Measured("", "", "", "", 0, 64, 256, 1152, 64, 4096)


def test_the_mechanism_that_is_named_is_left_out_with_its_reason() -> None:
    trial = Trial(SETTINGS)
    assert trial.blame("landlock: landlock_restrict_self: Operation not permitted")
    assert trial.settings.without == ("landlock",)
    assert trial.refused == {"landlock": "no session could start behind it (landlock_restrict_self: Operation not permitted)"}


def test_without_a_name_the_most_ambitious_is_left_out_until_nothing_is_left() -> None:
    trial = Trial(SETTINGS)
    assert [trial.blame("its process was killed by SIGKILL") for _ in range(5)] == [True, True, True, True, False]
    assert trial.settings.without[0] == "namespaces"
    assert set(trial.settings.without) == {"namespaces", "notification", "landlock", "seccomp"}


def test_what_the_caller_has_switched_off_is_not_to_blame_and_too_little_memory_is_no_mechanism() -> None:
    trial = Trial(replace(SETTINGS, without=("namespaces",)))
    assert not trial.blame("rlimits: the address space may not grow past 488 MB here")
    assert trial.blame("namespaces: setns") and "namespaces" not in trial.settings.without[1:]


def test_figures_come_back_field_by_field() -> None:
    assert reply.parse_measured(json.dumps({"token": "", **asdict(MEASURED)}).encode()) == MEASURED


@pytest.mark.parametrize(
    "change", [{"threads": "64"}, {"threads": True}, {"read": 1}, {"memory_mb": -2}, {"more": 1}, {"token": "x"}]
)
def test_figures_of_another_form_are_refused(change: dict) -> None:
    with pytest.raises(reply.Forged):
        reply.parse_measured(json.dumps({"token": "", **asdict(MEASURED), **change}).encode())


def test_a_figure_that_is_missing_is_refused() -> None:
    figures = asdict(MEASURED)
    del figures["threads"]
    with pytest.raises(reply.Forged, match="missing"):
        reply.parse_measured(json.dumps({"token": "", **figures}).encode())
