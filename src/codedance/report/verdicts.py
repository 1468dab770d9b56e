"""What the scores of a run say, where it was scored.

    verdicts = Verdicts.of(Path("runs/one"), Scoring.DEFAULT)
    verdicts.is_right(trace), verdicts.summaries["chartqa"].accuracy, verdicts.probes["blank"].difference

Without scores, an answer is right that equals the known one letter by letter. Not covered: several
rules side by side.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from codedance.evaluate.paired import Comparison, compare_scores
from codedance.evaluate.scoring import read_scores, scores_file
from codedance.evaluate.summary import Summary, summarise
from codedance.reward.rules import Scoring
from codedance.types import Score, Trace

_PROBE = "probe-"


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Of one run."""

    scores: dict[tuple[str, int], Score]
    summaries: dict[str, Summary]
    """By data set."""
    probes: dict[str, Comparison]
    """What changed when something was taken away, by what it was."""

    @classmethod
    def of(cls, folder: Path, scoring: Scoring) -> Verdicts:
        """Those of a run's folder; empty where it was not scored.

        Raises:
            DataError: a file of scores is damaged.
        """
        own = _scored(folder, scoring)
        probes = {}
        for probed in sorted(folder.glob(f"{_PROBE}*")):
            with suppress(ValueError):  # nothing in common, such as a probe that ended by outages throughout
                probes[probed.name.removeprefix(_PROBE)] = compare_scores(own, _scored(probed, scoring))
        return cls({(score.task_id, score.sample): score for score in own}, summarise(own), probes)

    def of_trace(self, trace: Trace) -> Score | None:
        """Its score, where it has one."""
        return self.scores.get((trace.task_id, trace.sample))

    def is_right(self, trace: Trace) -> bool | None:
        """None where no answer is known."""
        score = self.of_trace(trace)
        return trace.exact_match if score is None or trace.gold is None else score.acc == 1


def _scored(folder: Path, scoring: Scoring) -> list[Score]:
    return [score for score in read_scores(scores_file(folder, scoring)) if score.gold is not None]
