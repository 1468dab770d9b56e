"""What the scores of a run say: accuracies with intervals, by data set, category and part, and the released figures.

    summary = summarise(scores)["chartqa"]
    summary.accuracy, summary.accuracy_completed, summary.by_category["human_test"]

Accuracy over all counts what broke as not right; over completed rollouts it leaves it out. Repeats of a question, and questions
of one group, are one cluster of the interval. The released keys mean what they mean in eval.py: the turns and the try count are
the replies of the model, the success rate of code is the mean over the rollouts that ran any. Not covered: writing files.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from codedance.evaluate.intervals import Interval, accuracy
from codedance.evaluate.repeats import majority, pass_at
from codedance.evaluate.wemath import FourDimensions, Problem, four_dimensions
from codedance.types import UNFINISHED, DecidedBy, Score, StopReason, Usage

_WHOLE = "multi"
_STEP = re.compile(r"\dsteps_")
_FEW = 0.5


@dataclass(frozen=True, slots=True)
class Repeats:
    """Of questions that were asked several times."""

    samples: int
    pass_at: dict[int, float]
    """For k of 1, 2, 4, ... to all."""
    majority: float
    """Accuracy of what most answers say."""


@dataclass(frozen=True, slots=True)
class Circular:
    """HR-Bench: one question in several orders of its options, told by number, over the questions that were asked in all."""

    by_order: dict[str, float]
    all_right: Interval
    """The share of complete questions that were right in every order; not the benchmark's own figure."""
    asked: int
    """Questions that were asked in any order; `all_right.n` are complete."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Of one data set."""

    total: int
    """Rollouts of questions whose answer is known, which accuracy is over."""
    unknown: int
    """Rollouts of other questions; what is no accuracy counts these as well."""
    completed: int
    """Neither broken nor without a verdict."""
    accuracy: Interval
    """Over all; what has no verdict counts as not right."""
    accuracy_completed: Interval
    by_category: dict[str, Interval]
    by_part: dict[str, Interval]
    decided_by: dict[str, int]
    undecided: int
    """Answers that the rule left to a judge, and there was none."""
    judged: Interval | None
    """Accuracy of what the judge decided."""
    stops: dict[str, int]
    errors: dict[str, int]
    """Cells that failed, by the exception's type or how they ended."""
    code_success: float | None
    """Mean over rollouts with code of the share that ran."""
    with_code: int
    mean_turns: float
    mean_calls: float
    usage: Usage
    seconds: float
    repeats: Repeats | None
    circular: Circular | None
    four_dimensions: FourDimensions | None

    def alarms(self) -> list[str]:
        """What should make one look closer before believing the figures."""
        found = []
        answered = self.stops.get(StopReason.ANSWERED, 0)
        if answered < _FEW * (asked := self.total + self.unknown):
            found.append(f"only {answered} of {asked} rollouts ended with an answer; look at some traces first")
        if undecided := self.undecided:
            found.append(f"{undecided} of {self.total} answers are undecided and count as wrong; name a judge with --judge-url")
        if broken := self.total - self.completed:
            found.append(f"{broken} of {self.total} have no verdict (outages, broken pictures, failed judgements)")
        return found

    def released(self) -> dict[str, float | int]:
        """By the names of the released script's statistics."""
        broken = sum(self.stops.get(stop, 0) for stop in UNFINISHED)
        asked = self.total + self.unknown
        return {
            "total_samples": asked,
            "success_samples": asked - broken,
            "success_rate": (asked - broken) / max(1, asked),
            "avg_acc": self.accuracy.value,
            "avg_judge_score": self.accuracy.value,
            "avg_try_count": self.mean_turns,
            "avg_reasoning_turns": self.mean_turns,
            "tool_call_sample_count": self.with_code,
            "avg_code_exec_success_rate": self.code_success or 0.0,
        }


def summarise(scores: Iterable[Score]) -> dict[str, Summary]:
    """A summary for each data set, in the order in which they come."""
    by_source: dict[str, list[Score]] = defaultdict(list)
    for score in scores:
        by_source[score.source or "tasks"].append(score)
    return {source: _summary(own) for source, own in by_source.items()}


def _summary(rollouts: Sequence[Score]) -> Summary:
    scores = [score for score in rollouts if score.gold is not None]
    done = [score for score in scores if score.acc is not None]
    coded = [score for score in rollouts if score.num_calls]
    judged = [score for score in scores if score.decided_by is DecidedBy.JUDGE]
    total = len(rollouts)
    return Summary(
        total=len(scores),
        unknown=total - len(scores),
        completed=len(done),
        accuracy=_accuracy(scores),
        accuracy_completed=_accuracy(done),
        by_category={name: _accuracy(own) for name, own in _split(scores, "category").items() if name},
        by_part={name: _accuracy(own) for name, own in _split(scores, "part").items() if name},
        decided_by=dict(Counter(str(score.decided_by) for score in scores)),
        undecided=sum(score.decided_by is DecidedBy.NONE for score in done),
        judged=_accuracy(judged) if judged else None,
        stops=dict(Counter(str(score.stop) for score in rollouts)),
        errors=dict(Counter(kind for score in rollouts for kind in score.errors).most_common()),
        code_success=sum(score.num_ok / score.num_calls for score in coded) / len(coded) if coded else None,
        with_code=len(coded),
        mean_turns=sum(score.num_turns for score in rollouts) / total,
        mean_calls=sum(score.num_calls for score in rollouts) / total,
        usage=sum((score.usage for score in rollouts), Usage()),
        seconds=sum(score.seconds for score in rollouts),
        repeats=_repeats(scores),
        circular=_circular(scores),
        four_dimensions=_four_dimensions(scores),
    )


def _accuracy(scores: Sequence[Score]) -> Interval:
    return accuracy([score.acc or 0.0 for score in scores], [score.group or score.task_id for score in scores])


def _split(scores: Sequence[Score], name: str) -> dict[str, list[Score]]:
    parts: dict[str, list[Score]] = defaultdict(list)
    for score in scores:
        parts[getattr(score, name)].append(score)
    return dict(sorted(parts.items()))


def _repeats(scores: Sequence[Score]) -> Repeats | None:
    """Over the questions that were asked as often as any."""
    tasks = _split(scores, "task_id").values()
    most = max(map(len, tasks), default=0)
    if most < 2:
        return None
    full = [own for own in tasks if len(own) == most]
    right = [sum(score.acc == 1 for score in own) for own in full]
    ks = sorted({1, most, *(2**n for n in range(1, most.bit_length()) if 2**n <= most)})
    said = [(own, majority([score.answer for score in own])) for own in full]
    return Repeats(
        samples=most,
        pass_at={k: sum(pass_at(k, hits, most) for hits in right) / len(full) for k in ks},
        majority=sum(place is not None and own[place].acc == 1 for own, place in said) / len(full),
    )


def _circular(scores: Sequence[Score]) -> Circular | None:
    """Over the groups that have as many orders as their data set says."""
    groups = _split([score for score in scores if score.group_size], "group")
    if not groups:
        return None
    complete = {name: own for name, own in groups.items() if len({score.part for score in own}) == own[0].group_size}
    parts = _split([score for own in complete.values() for score in own], "part")
    whole = [float(all(score.acc == 1 for score in own)) for own in complete.values()]
    return Circular({order: _accuracy(own).value for order, own in parts.items()}, accuracy(whole, list(complete)), len(groups))


def _four_dimensions(scores: Sequence[Score]) -> FourDimensions | None:
    """We-Math, over the problems that are complete."""
    problems = []
    rollouts: dict[tuple[str, int], list[Score]] = defaultdict(list)
    for score in scores:
        if _STEP.match(score.part):
            rollouts[score.group, score.sample].append(score)
    for own in rollouts.values():
        right = {score.part: score.acc == 1 for score in own}
        whole = next((name for name in right if name.endswith(_WHOLE)), None)
        steps = [right[name] for name in sorted(right) if name != whole]
        if whole is not None and len(steps) == int(whole[0]):
            problems.append(Problem(tuple(steps), right[whole]))
    return four_dimensions(problems, len(rollouts)) if rollouts else None
