"""Which column tells rows with the same stamp apart, and the number of each row's value in a column."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations, repeat

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import DataError
from tidegate.series.tables.table import Array, Column


def suggest_ids(columns: Iterable[Column], rows: int, instants: Array) -> tuple[str, ...]:
    """The column, or two columns, that plausibly name the series of rows whose stamps repeat; () if none does.

    Plausible is what leaves at most 2 % of the rows repeated and gives series that are there at half the stamps between
    their first and last at least, weighted by rows: a sensor's name does, the weather of the moment does not.
    """
    usable: list[tuple[str, NDArray[np.int64], int]] = []
    order = {"text": 0, "number": 1}
    for column in sorted(
        (column for column in columns if column.kind in order), key=lambda column: (column.made, order[column.kind])
    ):
        if column.kind == "number" and not column.whole:
            continue
        codes, count = factorize(column.raw())
        if 2 <= count <= rows / 2:
            usable.append((column.name, codes, count))
    known = np.unique(instants, return_inverse=True)[1].astype(np.int64)
    for name, codes, _ in usable:
        if _parts_rows(codes, known):
            return (name,)
    for (name, codes, _), (other, more, size) in combinations(usable[:6], 2):
        if _parts_rows(np.unique(codes * size + more, return_inverse=True)[1].astype(np.int64), known):
            return (name, other)
    return ()


def _parts_rows(codes: NDArray[np.int64], steps: NDArray[np.int64]) -> bool:
    pairs = np.unique(codes * (int(steps.max()) + 1) + steps)
    if len(codes) - len(pairs) > 0.02 * len(codes):
        return False
    series, step = np.divmod(pairs, int(steps.max()) + 1)
    starts = np.flatnonzero(np.r_[True, np.diff(series) > 0])
    counts = np.diff(np.r_[starts, len(series)])
    spans = step[starts + counts - 1] - step[starts] + 1
    return bool(np.sum(counts * (counts / spans)) >= 0.5 * len(pairs) and len(pairs) >= 2 * len(starts))


def numbered(column: Column, rows: int) -> tuple[NDArray[np.int64], Array]:
    """(rows,) number of each row's value in order of first appearance, -1 where missing; and the values by number.

    Raises: DataError naming the column if its values are no ids.
    """
    runs = column.runs() if column.runs is not None and rows else None
    values = column.raw() if runs is None else runs[1]
    try:
        codes, _ = factorize(values)
    except TypeError as error:  # a value that cannot be looked up
        kinds = (type(value).__name__ for value in values if isinstance(value, list | dict | set | np.ndarray))
        raise DataError(
            f'id column "{column.name}" holds a value of type {next(kinds, "unknown")}, expected text or numbers. '
            "Name another column with --id, or write the ids as text."
        ) from error
    labels = values[first_rows(codes)]
    return (codes if runs is None else np.repeat(codes, np.diff(runs[0], append=rows))), labels


def first_rows(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """(numbers,) the row where each number first appears, of numbers given in order of first appearance."""
    return np.flatnonzero(np.diff(np.maximum.accumulate(codes), prepend=-1) > 0)


def factorize(values: Array) -> tuple[NDArray[np.int64], int]:
    """(rows,) number of each row's value in order of first appearance, -1 where missing; and how many there are."""
    if values.dtype.kind == "O":
        known = [value for value in dict.fromkeys(values) if value is not None and value == value]
        places = {value: index for index, value in enumerate(known)}
        codes = np.fromiter(map(places.get, values, repeat(-1)), np.int64, len(values))
        return codes, len(known)
    missing = np.isnat(values) if values.dtype.kind in "mM" else np.isnan(values) if values.dtype.kind == "f" else None
    unique, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    if missing is not None and missing.any():
        order = np.argsort(first[: np.count_nonzero(~(unique != unique))], kind="stable")
    else:
        order = np.argsort(first, kind="stable")
    rank = np.full(len(unique), -1, dtype=np.int64)
    rank[order] = np.arange(len(order))
    codes = rank[inverse]
    if missing is not None:
        codes[missing] = -1
    return codes, len(order)
