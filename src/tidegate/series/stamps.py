"""Raw stamp columns -> instants: date text of any usual layout, day or month first, integers, several columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.series.calendar import StampStyle


@dataclass(frozen=True)
class ParsedStamps:
    """The stamps of all rows of a table, in row order.

    Attributes:
        instants: (rows,) datetime64[us], NaT where the stamp is missing; int64 for positions.
        style: how they were written.
        timezone: None: naive, what the wall clock showed; else `instants` are in UTC and this is their zone.
        column: the name of the column; several are joined by ",".
        notes: what was found and assumed, one sentence each.
    """

    instants: NDArray[np.generic]
    style: StampStyle
    timezone: str | None = None
    column: str | None = None
    notes: tuple[str, ...] = ()


def looks_like_dates(column: NDArray[np.generic] | Sequence[object]) -> bool:
    """Whether a text column is date text: its first non-blank values (up to 100 are read) all are. Never raises."""
    raise NotImplementedError


def parse_stamps(
    column: NDArray[np.generic] | Sequence[NDArray[np.generic]],
    *,
    name: str | Sequence[str],
    date_format: str | None = None,
    zone: str | None = None,
) -> ParsedStamps:
    """Turn one stamp column, or several that together make a stamp, into instants.

    Args:
        column: (rows,) datetime64 of any unit, integers, floats holding whole numbers, or text (object array of str and
            None, or a NumPy text array); or a list of such columns: year, month, day, hour, … by their names, or a date
            column and the hour.
        name: the column's name, or the names of the several columns, for messages and for the forecast's columns.
        date_format: what `--date-format` said: a strptime layout, "unix" or "unix_ms".
        zone: set if `column` is datetime64 in UTC that came from a type with a time zone: that zone's name.
    Raises: DataError if the stamps cannot be read, or can be read in two ways.
    """
    raise NotImplementedError
