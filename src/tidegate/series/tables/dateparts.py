"""Which columns are parts of a date: year and month, quarter or week, day, hour, …"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from tidegate.series.dates.parts import LIMITS, part_of, shows_part
from tidegate.series.tables.ids import factorize
from tidegate.series.tables.table import Array, Column, plain_name

_WHOLE = re.compile(r"[-+]?\d+(\.0*)?")
_DAYS = ("month", "day", "hour", "minute", "second")
# Periods of a year that `parse_parts` cannot place, by the plain names of their columns.
OTHER_PERIODS = ("period", "season", "half", "half_year", "semester", "trimester")


def date_parts(columns: Sequence[Column]) -> dict[str, str]:
    """Part of a date -> the column that holds it; {} without a year. Numbers go before text such as "Jan" or "Q1"."""
    found: dict[str, str] = {}
    for column in columns:
        part = part_of(column.name)
        if part is None or column.kind != "number" or not is_whole(column):
            continue
        if part not in ("quarter", "week") or within(column, *LIMITS[part]):
            found.setdefault(part, column.name)
    for column in columns:
        part = part_of(column.name, short=True)
        if part is not None and column.kind == "text" and shows_part(part, column.sample):
            found.setdefault(part, column.name)
    return found if "year" in found else {}


def joined_parts(parts: Mapping[str, str]) -> tuple[str, ...] | None:
    """The columns that make a date, nothing missing between them; None if there is no telling which.

    The month goes before a week and a quarter, and a week before a quarter.
    """
    below = [part for part in _DAYS if part in parts]
    if below:
        return tuple(parts[part] for part in ("year", *below)) if below == list(_DAYS[: len(below)]) else None
    return parts["year"], parts["week" if "week" in parts else "quarter"]


def finer_part(columns: Sequence[Column], times: tuple[str, ...], instants: Array) -> tuple[str, str | None] | None:
    """The column, not among the times, that tells parts of a year apart where the times are parts of a date and repeat.

    Returns: its name, and which part it is: None for one that cannot be joined with a year. None: there is none.
    """
    known = [part_of(name, short=True) for name in times]
    if "year" not in known or None in known:
        return None
    stamps = np.unique(instants, return_inverse=True)[1]
    for column in columns:
        part = part_of(column.name, short=True)
        period = part in ("quarter", "month", "week", "day") or plain_name(column.name) in OTHER_PERIODS
        if column.name in times or not period or column.kind not in ("number", "text"):
            continue
        codes, count = factorize(column.raw())
        if len(np.unique(stamps * (count + 1) + codes)) > stamps.max() + 1:
            return column.name, part if part != "day" or "month" in known else None
    return None


def is_whole(column: Column) -> bool:
    """Whether numbers are whole, also where they are written as 07 or 7.0."""
    known = [str(cell) for cell in column.sample if cell == cell]
    return column.whole or all(_WHOLE.fullmatch(cell) for cell in known)


def within(column: Column, least: int, most: int) -> bool:
    """Whether all numbers of the sample are in this range."""
    return all(least <= float(cell) <= most for cell in column.sample if cell == cell)
