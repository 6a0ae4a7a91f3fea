"""Values in memory, of NumPy or of Python -> Column."""

from __future__ import annotations

import datetime
import decimal
import math
import numbers as number_types
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import DataError
from tidegate.series.dates.iso import read_iso
from tidegate.series.tables.numbertext import classify, is_missing, not_a_number, not_missing
from tidegate.series.tables.table import Array, Column


def column_of(name: str, values: NDArray[Any], zone: str | None = None) -> Column:
    """A column of (rows,) values, as the plainest type that holds them. zone: of stamps that are told in UTC."""
    if values.dtype.kind in "US":
        values = objects([str(value) for value in values])
    kind, whole = "other", False
    if values.dtype.kind == "O":
        values, kind, zone = _from_objects(values, zone)
    if values.dtype.kind in "iuf":
        kind, whole = "number", values.dtype.kind in "iu"
        if values.dtype.kind == "f" and np.isnan(values).all():
            kind = "empty"
    elif values.dtype.kind == "b":
        kind = "flag"
    elif values.dtype.kind == "M":
        kind = "empty" if np.isnat(values).all() else "stamp"
    if kind == "text":
        sample: Array = values[: 5000 : max(1, min(len(values), 5000) // 300)]
        if read_iso(sample) is None:  # else it is text, as dates are, and nothing is missing
            known = not_missing(sample) or not_missing(values)[:100]
            sample = objects(known)
            kind, whole = classify(known)
    else:
        sample = values[:500] if kind == "number" else np.empty(0)

    def numbers() -> tuple[NDArray[np.float64], str]:
        if values.dtype.kind in "iuf":
            return values.astype(np.float64), ""
        if values.dtype.kind != "O":
            raise DataError(
                f'column "{name}" holds {values.dtype} values, expected numbers. Name another with --target.'
            )
        bare = np.array(["nan" if value is None or is_missing(str(value)) else value for value in values], dtype=object)
        try:
            return bare.astype(np.float64), ""
        except (ValueError, TypeError):
            for row, value in enumerate(bare):
                if classify([str(value)])[0] != "number" or not _plain_number(value):
                    raise not_a_number(name, row_words(row), str(value)) from None
            raise

    return Column(name, kind, lambda: values, numbers, sample, whole, zone)


def array_of(values: Any, name: str) -> NDArray[Any]:
    """One-dimensional, of a plain NumPy type; None and other mixtures as objects."""
    if hasattr(values, "to_numpy") and not isinstance(values, np.ndarray):
        values = values.to_numpy()
    if isinstance(values, np.ma.MaskedArray):
        from tidegate.series.tables.numbertext import plain

        values = plain(values)
    if not isinstance(values, np.ndarray):
        if not isinstance(values, Iterable) or isinstance(values, str | bytes | Mapping):
            shown = repr(values) if len(repr(values)) <= 40 else repr(values)[:37] + "..."
            raise DataError(f'"{name}" is {shown}, expected a column: a list of values, or an array.')
        flat = list(values)
        kinds = set(map(type, flat))
        if any(issubclass(kind, list | tuple | np.ndarray) for kind in kinds):
            raise DataError(
                f"{name} is a list of lists, expected one dimension. Pass several series as a frame or dict."
            )
        values = np.asarray(flat) if flat and kinds <= {int, float, bool} else objects(flat)
    array: NDArray[Any] = values
    if array.ndim != 1:
        raise DataError(
            f"{name} has {array.ndim} dimensions, shape {array.shape}, expected one. "
            "Pass several series as a frame or dict."
        )
    return array


def objects(values: Sequence[Any]) -> NDArray[Any]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def row_words(row: int) -> str:
    return f"row {row} (the first is 0)"


def _from_objects(values: NDArray[Any], zone: str | None) -> tuple[NDArray[Any], str, str | None]:
    """An object array as the plainest type that holds it, its kind, and its time zone."""
    if set(map(type, values)) == {str}:
        return values, "text", zone
    missing = np.array([_is_null(value) for value in values], dtype=bool)
    known = values[~missing]
    if not len(known):
        return np.full(len(values), None, dtype=object), "empty", zone
    if all(isinstance(value, str) for value in known):
        return objects([None if gap else value for gap, value in zip(missing, values, strict=True)]), "text", zone
    if all(isinstance(value, bool | np.bool_) for value in known):
        return values, "flag", zone
    if all(isinstance(value, number_types.Real | decimal.Decimal) for value in known):
        whole = not missing.any() and all(isinstance(value, int | np.integer) for value in known)
        if whole and max(map(abs, known)) < 2**63:
            return values.astype(np.int64), "number", zone
        filled = np.full(len(values), np.nan)
        filled[~missing] = [_float(value) for value in known]
        return filled, "number", zone
    if all(isinstance(value, datetime.date | np.datetime64) for value in known):
        stamps = np.full(len(values), np.datetime64("NaT"), dtype="datetime64[us]")
        aware = [getattr(value, "tzinfo", None) for value in known]
        if any(aware):
            if not all(aware):
                raise DataError("some timestamps have a time zone and some have none, expected all alike.")
            zone = str(getattr(aware[0], "key", None) or aware[0])
            known = [value.astimezone(datetime.UTC).replace(tzinfo=None) for value in known]
        stamps[~missing] = [np.datetime64(value).astype("datetime64[us]") for value in known]
        if all(type(value) is datetime.date for value in known):
            stamps = stamps.astype("datetime64[D]")
        return stamps, "stamp", zone
    if any(isinstance(value, str) for value in known):
        return objects([None if gap else str(value) for gap, value in zip(missing, values, strict=True)]), "text", zone
    return values, "other", zone


def _plain_number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True


def _float(value: Any) -> float:
    """Infinite where it is larger than a float can be, as in a text."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _is_null(value: object) -> bool:
    return (
        value is None
        or type(value).__name__ in ("NAType", "NaTType")
        or (isinstance(value, float) and value != value)
        or (isinstance(value, np.datetime64) and bool(np.isnat(value)))
    )
