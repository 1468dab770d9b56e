"""Summaries as Markdown tables, for terminals and notes.

print(overview(summaries))
print(changes({"blank": compare(first, second, clusters)}))
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from codedance.evaluate.intervals import Interval
from codedance.evaluate.paired import Comparison
from codedance.evaluate.summary import Summary
from codedance.plain import in_one_line

_MOST_PARTS = 40


def overview(summaries: Mapping[str, Summary]) -> str:
    """One line a data set, then what each has of its own: categories, repeats, HR-Bench's orders, We-Math's dimensions."""
    head = ("data set", "n", "right", "of completed", "decided by", "code runs", "turns", "tokens")
    rows = [
        (
            name,
            str(own.total),
            _right(own),
            f"{own.accuracy_completed.value:.3f} of {own.completed}" if own.completed < own.total else "",
            ", ".join(f"{who} {number}" for who, number in own.decided_by.items()),
            "-" if own.code_success is None else f"{own.code_success:.3f}",
            f"{own.mean_turns:.2f}",
            str(own.usage.prompt_tokens + own.usage.completion_tokens),
        )
        for name, own in summaries.items()
    ]
    return "\n\n".join([table(head, rows), *(part for name, own in summaries.items() for part in _details(name, own))])


def _right(own: Summary) -> str:
    """Accuracy, and how many rollouts it is not over because no answer is known."""
    unknown = [f"no answers known: {own.unknown}"] if own.unknown else []
    return "; ".join([str(own.accuracy)] * bool(own.total) + unknown)


def changes(compared: Mapping[str, Comparison]) -> str:
    """How much better or worse other runs are than the first."""
    head = ("run", "n", "change", "p (McNemar)", "gained", "lost")
    rows = [
        (name, str(own.difference.n), _signed(own.difference), f"{own.p_value:.3g}", str(len(own.gained)), str(len(own.lost)))
        for name, own in compared.items()
    ]
    return table(head, rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(in_one_line(cell).replace('|', '/') for cell in line)} |" for line in lines)


def _details(name: str, own: Summary) -> Iterator[str]:
    for kind, parts in (("category", own.by_category), ("part", own.by_part if own.four_dimensions is None else {})):
        if 1 < len(parts) <= _MOST_PARTS:
            yield table((f"{name}, {kind}", "n", "right"), [(part, str(one.n), str(one)) for part, one in parts.items()])
    if own.repeats is not None:
        named = [(f"pass@{k}", f"{share:.3f}") for k, share in own.repeats.pass_at.items()]
        yield table((f"{name}, {own.repeats.samples} repeats", "right"), [*named, ("majority", f"{own.repeats.majority:.3f}")])
    if own.circular is not None:
        orders = [(f"order {order}", f"{share:.3f}") for order, share in own.circular.by_order.items()]
        over = f"over {own.circular.all_right.n} of {own.circular.asked} complete groups"
        yield table(
            (f"{name}, order of options, {over}", "right"), [*orders, ("right in every order", str(own.circular.all_right))]
        )
    if (found := own.four_dimensions) is not None:
        rows = [
            (
                how,
                f"{counts.score:.3f}",
                *(
                    f"{number / max(1, found.problems):.3f}"
                    for number in (counts.knowledge, counts.generalisation, counts.mastery)
                ),
                "n/a" if counts.memorisation_rate is None else f"{counts.memorisation_rate:.3f}",
                f"{found.problems} of {found.asked}",
            )
            for how, counts in (("strict", found.strict), ("loose", found.loose))
        ]
        yield table((f"{name}, We-Math", "score", "IK", "IG", "CM", "RM", "whole problems"), rows)
        steps = (found.single_steps, found.two_steps, found.three_steps)
        yield table((f"{name}, We-Math", "right"), [(f"S{n}", f"{share:.3f}") for n, share in enumerate(steps, start=1)])


def _signed(change: Interval) -> str:
    return f"{change.value:+.3f} [{change.low:+.3f}, {change.high:+.3f}]"
