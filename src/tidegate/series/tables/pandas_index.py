"""What the index of a pandas frame says: when, which series, or only how the rows are numbered."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import DataError
from tidegate.series.dates.stamps import looks_like_dates
from tidegate.series.tables.arrays import array_of, column_of
from tidegate.series.tables.roles import TIME_NAMES, holds_dates
from tidegate.series.tables.table import EIGHT_DIGITS, Column, Table, plain_name


def with_index(data: Any) -> Any:
    """A pandas frame whose index became columns where it says something: dates, several levels, or a name."""
    pd: Any = import_module("pandas")

    if isinstance(data, pd.Index):
        if isinstance(data, pd.DatetimeIndex | pd.PeriodIndex):
            raise DataError(
                f"found a pandas {type(data).__name__}: timestamps without values. Pass a Series or a frame that has "
                "both."
            )
        return {str(data.name or "y"): data.to_numpy()}
    frame = data.to_frame(name="y" if data.name is None else data.name) if isinstance(data, pd.Series) else data
    taken = list(frame.columns)
    clashes = [level for level, name in enumerate(frame.index.names) if name is not None and name in taken]
    if len(clashes) == frame.index.nlevels:
        frame = frame.reset_index(drop=True)
    elif clashes:
        frame = frame.droplevel(clashes)
    index = frame.index
    if isinstance(index, pd.MultiIndex) or index.name is not None:
        frame = frame.reset_index()
    elif (name := _index_name(frame, pd)) is not None:
        free = next(word for word in (name, "index", "index_1", "index_2") if word not in taken)
        frame = frame.rename_axis(free).reset_index()
    columns: dict[str, Any] = {}
    for position, name in enumerate(frame.columns):
        label = " ".join(map(str, name)).strip() if isinstance(name, tuple) else str(name)
        if label in columns:
            raise DataError(f'found the column name "{label}" twice, expected unique names. Rename one of them.')
        column = frame.iloc[:, position]
        if isinstance(column.dtype, pd.PeriodDtype):
            column = column.dt.to_timestamp()
        columns[label] = column.reset_index(drop=True)
    return pd.DataFrame(columns)


def _index_name(frame: Any, pd: Any) -> str | None:
    """What a pandas index without a name is called as a column; None for one that only counts or labels the rows."""
    index = frame.index
    if isinstance(index, pd.DatetimeIndex | pd.PeriodIndex):
        return "ds"
    if isinstance(index, pd.RangeIndex):
        return None
    column = column_of("index", array_of(index, "index"))
    if holds_dates(column):
        return "ds"
    dated = any(
        kind.kind == "M" or (kind.kind == "O" and looks_like_dates(frame.iloc[:100, position].tolist()))
        for position, kind in enumerate(frame.dtypes)
    )
    if column.kind == "number":
        return _name_of_numbers(column, dated)
    # Text that tells each row apart may be dates in an unusual form: as for any column, the rules of times ask.
    cells = [str(cell) for cell in column.sample]
    odd = column.kind == "text" and len(set(cells)) == len(cells) and all(re.search(r"\d", cell) for cell in cells)
    return "index" if odd and not dated else None


def _name_of_numbers(column: Column, dated: bool) -> str | None:
    """What an index of numbers is called: "year" or "ds" where they are no row numbers, else None.

    Rows are numbered neither in text nor with decimals, nor backwards, nor by months (202401) or seconds since 1970.
    """
    values = _numbers_of(column)
    if not len(values) or not np.isfinite(values).all():
        return None
    low, high = values.min(), values.max()
    whole = bool((values % 1 == 0).all())
    if whole and all(EIGHT_DIGITS.fullmatch(f"{value:.0f}") for value in values[:500]):
        return "ds"
    if dated:
        return None
    if whole and _maybe_years(low, high):
        turned = len(values) > 1 and bool((np.diff(values) == -1).all())
        return "year" if turned or column.raw().dtype.kind not in "iu" else None
    months = (
        whole and _maybe_years(low // 100, high // 100) and bool(((values % 100 >= 1) & (values % 100 <= 12)).all())
    )
    seconds = any(low > 3e8 * scale and high < 5e9 * scale for scale in (1, 1000))
    return "ds" if len(values) > 1 and (months or seconds) else None


def _numbers_of(column: Column) -> NDArray[np.float64]:
    """(rows,) the values of a column of numbers; none if some of its text is no number, as of labels."""
    try:
        return column.numbers()[0]
    except DataError:
        return np.empty(0)


def _counts(values: NDArray[np.float64]) -> bool:
    return bool((np.diff(values) == 1).all())


def _maybe_years(low: float, high: float) -> bool:
    return bool(low >= 1800 and high <= 2100)


def note_on_index(index: Any, table: Table) -> Table:
    """The table, with a note if an index without a name was left out though it may say when."""
    names = [plain_name(name) for name in table.names]
    dated = any(column.kind == "stamp" or looks_like_dates(column.sample) for column in table.columns)
    if index.nlevels > 1 or index.name is not None or not len(index) or dated or set(names) & set(TIME_NAMES):
        return table
    shown = f"the index, {index[0]} to {index[-1]}, was"
    if index.dtype.kind == "m":
        note = f'{shown} left out; if it says when, add the day it began: pd.Timestamp("2024-01-01") + data.index'
    elif index.dtype.kind in "iu" and _maybe_years(index.min(), index.max()):
        note = f'{shown} read as row numbers; if these are years, name it: data.index.name = "year"'
    elif index.dtype.kind in "iuf" and index.is_unique and not _counts(index.to_numpy(np.float64, na_value=np.nan)):
        note = f'{shown} not read as times; if it says when, name it: data.index.name = "time"'
    else:
        return table
    return replace(table, notes=(*table.notes, note))
