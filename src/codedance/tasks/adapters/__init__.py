"""How the layouts of public data sets become tasks: `ADAPTERS`, by name.

    adapter = recognise(row)                                     # by its columns; the most particular layout that fits
    tasks = list(adapter.read(row, seed))

Each module documents a real row of every layout that it reads.
"""

from __future__ import annotations

from codedance.errors import DataError
from codedance.tasks.adapters import charts, counting, maths, plain, rl, search, vlmevalkit
from codedance.tasks.adapters.adapter import Adapter
from codedance.tasks.table import Row

__all__ = ["ADAPTERS", "Adapter", "recognise"]

ADAPTERS: dict[str, Adapter] = {
    adapter.name: adapter for module in (plain, rl, counting, search, charts, maths, vlmevalkit) for adapter in module.ADAPTERS
}


def recognise(row: Row) -> Adapter:
    """The adapter for rows like this one.

    Raises:
        DataError: no layout has these columns.
    """
    fitting = [adapter for adapter in ADAPTERS.values() if adapter.columns and adapter.columns <= set(row.values)]
    if not fitting:
        raise DataError(
            f"{row.where}: no known layout has the columns {', '.join(sorted(row.values))}; "
            f"name one of {', '.join(ADAPTERS)} in front of the file, such as chartqa:FILE"
        )
    return max(fitting, key=lambda adapter: len(adapter.columns))
