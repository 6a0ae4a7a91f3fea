"""Table: named columns of raw input, each read only when it is used; what files, frames and arrays have in common."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]

# How people and programs write "no value"; compared in lower case, without blanks around.
MISSING_WORDS = ("", "-", "--", ".", "?", "#n/a", "<na>", "n/a", "na", "nan", "nat", "nil", "none", "null")
EIGHT_DIGITS = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")  # dates such as 20240131

# How rows begin that people and spreadsheets write below a table to sum it up.
_SUMMARY = re.compile(
    r"((grand|sub)[ -]?)?totals?\b|sum\b|summe\b|(ins)?gesamt|average\b|avg\b|mean\b|durchschnitt|mittelwert|somme\b|"
    r"moyenne\b|totale?\b|suma\b|promedio\b|media\b",
    re.IGNORECASE,
)


def sums_up(text: str) -> bool:
    """Whether a cell in place of a timestamp begins a row of totals or averages."""
    return bool(_SUMMARY.match(text.strip()))


def plain_name(name: str) -> str:
    """A column name for comparing: lower case, blanks and dashes as underscores."""
    return re.sub(r"[\s\-]+", "_", name.strip().lower())


@dataclass(frozen=True)
class Column:
    """One column of the input.

    Attributes:
        name: as the input has it.
        kind: "number", "text", "stamp" (a date type), "flag" (true and false), "empty" (no value at all) or "other".
        raw: () -> (rows,) in the input's own type: int64, float64, datetime64, or objects (str and None).
        numbers: () -> (rows,) float64 with NaN where missing, and a note ("" if there is nothing to say);
            raises DataError naming the first cell that is no number.
        sample: some hundred of the values, missing ones left out.
        whole: every value of the sample is a whole number.
        zone: time zone of a date type that has one; `raw` is in UTC then.
        made: not from the input: the file name of each row, when several files were read.
        runs: () -> the rows (from 0) whose value is another one than that of the row before, and the values there; None
            where they are so many that `raw` is better. Left out where it would be no quicker.
    """

    name: str
    kind: str
    raw: Callable[[], Array]
    numbers: Callable[[], tuple[NDArray[np.float64], str]]
    sample: Array
    whole: bool = False
    zone: str | None = None
    made: bool = False
    runs: Callable[[], tuple[NDArray[np.int64], Array] | None] | None = None


@dataclass(frozen=True)
class Table:
    """The columns of one input.

    Attributes:
        columns: in the input's order.
        rows: number of rows.
        source: what messages call the input: a file name, "standard input", "pandas frame".
        place: row number from 0 -> where a person finds it: "line 7", "row 6".
        notes: what opening it found, one sentence each.
    """

    columns: tuple[Column, ...]
    rows: int
    source: str
    place: Callable[[int], str]
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def __getitem__(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)
