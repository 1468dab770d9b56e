"""Scores and probes in the report: by the rules that are asked for, and nothing where a run was not scored."""

from __future__ import annotations

from pathlib import Path

from codedance.evaluate.scoring import score_run
from codedance.report import write_report
from codedance.report.verdicts import Verdicts
from codedance.reward.rules import Scoring
from codedance.rollout.store import read_traces
from codedance.types import AnswerKey, Rule
from report.pages import Report
from report.runs import Writer, answer, trace

ANSWERS = {"year": ("2009", "2008"), "number": ("41", "41"), "far": ("50", "41")}
"""Said and known; the published rule of ChartQA allows years to be 5 % off."""


def charts(folder: Path, **said: str) -> Path:
    with Writer(folder) as writer:
        for name, (text, gold) in ANSWERS.items():
            made = trace(name, turns=[answer(said.get(name, text))], gold=gold, source="charts", key=AnswerKey(rule=Rule.CHARTQA))
            writer.store.append(made)
    return folder


async def test_the_figures_are_those_of_the_rules_that_are_asked_for(tmp_path: Path) -> None:
    run = charts(tmp_path)
    for scoring in (Scoring.DEFAULT, Scoring.PAPER):
        await score_run(run, scoring, None)
    words = {scoring: Report(write_report(run, scoring=scoring)).said() for scoring in (Scoring.DEFAULT, Scoring.PAPER)}
    assert "charts 3 33.3% 6.1% to 79.2% 33.3% of 3 rule 3" in words[Scoring.DEFAULT]
    assert "charts 3 66.7% 20.8% to 93.9% 66.7% of 3 rule 3" in words[Scoring.PAPER]


async def test_a_probe_tells_what_accuracy_loses(tmp_path: Path) -> None:
    run = charts(tmp_path)
    probed = charts(tmp_path / "probe-blank", number="7")
    for folder in (run, probed):
        await score_run(folder, Scoring.DEFAULT, None)
    assert len(Verdicts.of(run, Scoring.DEFAULT).probes["blank"].lost) == 1
    assert "blank 3 -33.3%" in Report(write_report(run)).said().replace("\N{MINUS SIGN}", "-")


def test_a_run_that_was_not_scored_is_told_by_the_rules_of_its_tasks_and_the_report_says_so(tmp_path: Path) -> None:
    run = charts(tmp_path, number="42%")
    with Verdicts.of(run, Scoring.DEFAULT) as verdicts:
        assert {one.task_id: verdicts.is_right(one) for one in read_traces(run)} == {"year": False, "number": True, "far": False}
    said = Report(write_report(run)).said()
    assert "Not scored: by the rule of each task" in said and "Scores" not in said
