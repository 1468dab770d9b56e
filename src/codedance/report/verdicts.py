"""What the scores of a run say, where it was scored.

    with Verdicts.of(Path("runs/one"), Scoring.DEFAULT) as verdicts:
        verdicts.is_right(trace), verdicts.summaries["chartqa"].accuracy, verdicts.probes["blank"].difference

A rollout without a score is held against the rule of its task; no judge is asked. Not covered: several rules side by side.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from codedance.evaluate.paired import Comparison, compare_scores
from codedance.evaluate.scoring import read_scores, scores_file, verdict_on
from codedance.evaluate.summary import Summary, summarise
from codedance.reward.rules import Scoring
from codedance.reward.scorer import Scorer, Verdict
from codedance.types import Score, Trace
from codedance.untrusted import Folder

_PROBE = "probe-"


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Of one run."""

    scores: dict[tuple[str, int], Score]
    summaries: dict[str, Summary]
    """By data set."""
    probes: dict[str, Comparison]
    """What changed when something was taken away, by what it was."""
    _scorer: Scorer
    _verdicts: dict[tuple[str, int], Verdict] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path, scoring: Scoring) -> Verdicts:
        """Those of a run's folder; empty where it was not scored.

        Raises:
            DataError: a file of scores is damaged.
        """
        own = _scored(folder, scoring)
        probes = {}
        for name in Folder(folder).folders(_PROBE):
            with suppress(ValueError):  # nothing in common, such as a probe that ended by outages throughout
                probes[name.removeprefix(_PROBE)] = compare_scores(own, _scored(folder / name, scoring))
        return cls({(score.task_id, score.sample): score for score in own}, summarise(own), probes, Scorer(scoring))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._scorer.close()

    def of_trace(self, trace: Trace) -> Verdict | None:
        """By its score, else by the rule of its task; None where no answer is known."""
        if trace.gold is None:
            return None
        key = (trace.task_id, trace.sample)
        if key not in self._verdicts:  # it is asked for twice, and mathematics takes a while
            self._verdicts[key] = verdict_on(trace, self.scores.get(key), self._scorer)
        return self._verdicts[key]

    def is_right(self, trace: Trace) -> bool | None:
        """None where no answer is known; what nobody decided is not right."""
        verdict = self.of_trace(trace)
        return None if verdict is None else verdict.is_right is True


def _scored(folder: Path, scoring: Scoring) -> list[Score]:
    """One of each rollout, the last one, as the file may name it twice."""
    found = {(score.task_id, score.sample): score for score in read_scores(scores_file(folder, scoring))}
    return [score for score in found.values() if score.gold is not None]
