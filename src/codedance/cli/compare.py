"""`codedance compare`: two scored runs over the same questions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from codedance.errors import DataError
from codedance.plain import in_one_line

if TYPE_CHECKING:
    from codedance.evaluate.paired import Comparison

_MOST_WORDS = 60


def compare(
    first: Path,
    second: Path,
    *,
    mode: Annotated[Literal["default", "paper", "judge"], Parameter(help="By whose rules.")] = "default",
    changed: Annotated[bool, Parameter(help="List the questions whose answers changed.")] = True,
) -> int:
    """How much better the second run is, whether that is more than luck, and which answers changed.

    Parameters
    ----------
    first
        A run's folder, scored by `codedance score` or `codedance eval`.
    second
        Another one over the same questions.
    """
    from codedance.evaluate.tables import changes, table

    compared = compared_runs(first, second, mode)
    print(changes({second.name: compared}))
    if compared.unmatched:
        print(f"\n{len(compared.unmatched)} questions have a verdict in one of the runs only, such as {compared.unmatched[0]}")
    if changed and (compared.gained or compared.lost):
        answers = [_answers(folder, mode) for folder in (first, second)]
        rows = [
            (how, name, *(in_one_line(said.get(name) or "-")[:_MOST_WORDS] for said in answers))
            for how, names in (("gained", compared.gained), ("lost", compared.lost))
            for name in names
        ]
        print("\n" + table(("", "question", first.name, second.name), rows))
    return 0


def compared_runs(first: Path, second: Path, mode: str, *, is_probe: bool = False) -> Comparison:
    """Two scored runs, question by question, where both have a verdict.

    Raises:
        DataError: one is not scored, they share no question, or asked others under the same ids, as only probes may.
    """
    from codedance.evaluate.paired import compare_scores
    from codedance.evaluate.scoring import read_scores, scores_file
    from codedance.reward.rules import Scoring

    runs = []
    asked: dict[str, str] = {}
    for folder in (first, second):
        file = scores_file(folder, Scoring(mode))
        by_rollout = {(score.task_id, score.sample): score for score in read_scores(file)}  # a file may name one twice
        scores = [score for score in by_rollout.values() if score.gold is not None]
        if not scores:
            how = "" if mode == Scoring.DEFAULT else f" --mode {mode}"
            raise DataError(f"{file}: there are no scores here; run first: codedance score {folder}{how}")
        for score in scores:
            if asked.setdefault(score.task_id, score.question) != score.question and not is_probe:
                raise DataError(
                    f"{first} and {second}: task {score.task_id} was another question; compare runs over the same tasks"
                )
        runs.append(scores)
    try:
        return compare_scores(*runs)
    except ValueError as error:
        raise DataError(f"{first} and {second}: {error}") from None


def _answers(folder: Path, mode: str) -> dict[str, str | None]:
    """What was said to each question, the first time."""
    from codedance.evaluate.scoring import read_scores, scores_file
    from codedance.reward.rules import Scoring

    return {score.task_id: score.answer for score in read_scores(scores_file(folder, Scoring(mode))) if score.sample == 0}
