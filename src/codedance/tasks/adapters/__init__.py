"""How the layouts of public data sets become tasks: `ADAPTERS`, by name.

    adapter = recognise(row)                                     # by what is there and what is not; several are an error
    tasks = list(adapter.read(row, Reading()))

Each module documents a real row of every layout that it reads.
"""

from __future__ import annotations

from codedance.errors import DataError
from codedance.tasks.adapters import charts, counting, maths, plain, rl, search, vlmevalkit
from codedance.tasks.adapters.adapter import Adapter, Reading
from codedance.tasks.table import Row

__all__ = ["ADAPTERS", "Adapter", "Reading", "recognise"]

ADAPTERS: dict[str, Adapter] = {
    adapter.name: adapter for module in (plain, rl, counting, search, charts, maths, vlmevalkit) for adapter in module.ADAPTERS
}


def recognise(row: Row) -> Adapter:
    """The adapter for rows like this one: of a particular data set where its signs are there, else a general one.

    Raises:
        DataError: no layout looks like that, or several do.
    """
    for is_general in (False, True):
        found = [(one, own) for one in ADAPTERS.values() if one.is_general is is_general for own in one.signs if own.fits(row)]
        best = {one.name: one for one, own in found if not any(own.columns < other.columns for _, other in found)}
        if len(best) == 1:
            return next(iter(best.values()))
        if best:
            raise DataError(
                f"{row.where}: its columns are those of several layouts, {' and '.join(best)}; name the one that is meant in "
                f"front of the file, such as {next(iter(best))}:FILE (or plain:FILE if it is none of them)"
            )
    raise DataError(f"{row.where}: {_unknown(row)}")


def _unknown(row: Row) -> str:
    columns = ", ".join(sorted(map(str, row.values)))
    if talk := row.first("conversations", "messages"):
        return (
            f"its {talk!r} are a conversation to train on, not a question with a reference answer; "
            "write a file with the columns question, image and answer instead"
        )
    return (
        f"no known layout has the columns {columns}; rename them to question, image and answer, or "
        f"name one of {', '.join(ADAPTERS)} in front of the file, such as chartqa:FILE"
    )
