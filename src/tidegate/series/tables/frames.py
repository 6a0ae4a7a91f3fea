"""Frames, series and arrays in memory -> Table: what narwhals takes, dicts of columns, lists of rows, arrays."""

from __future__ import annotations

import datetime
import decimal
import math
import numbers as number_types
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import DataError
from tidegate.series.dates.iso import read_iso
from tidegate.series.dates.stamps import looks_like_dates
from tidegate.series.tables.numbertext import classify, is_missing, not_a_number, not_missing
from tidegate.series.tables.roles import TIME_NAMES, plain_name
from tidegate.series.tables.table import EIGHT_DIGITS, Array, Column, Table


def open_frame(data: object) -> Table:
    """The table of a frame, a series, a dict of columns, a list of dicts, which are rows, an array or a list.

    Raises: DataError if it is none of these, or has more than one dimension.
    """
    if isinstance(data, list | tuple) and data and all(isinstance(row, Mapping) for row in data):
        data = _columns(data)
    if isinstance(data, Mapping):
        return _from_arrays(
            {str(name): (_array(values, str(name)), None) for name, values in data.items()}, "dict of columns"
        )
    if isinstance(data, np.ndarray | list | tuple | range):
        values = _array(data, "the array")
        return _from_arrays({"y": (values, None)}, "array")
    module = type(data).__module__.split(".")[0]
    if module == "pyarrow":
        pa: Any = import_module("pyarrow")
        if isinstance(data, pa.RecordBatch):
            data = pa.Table.from_batches([data])
        elif isinstance(data, pa.Array):
            data = pa.chunked_array([data])
    if module == "duckdb" or type(data).__name__ == "DuckDBPyRelation":
        from tidegate.series.tables.numbertext import plain

        found = data.fetchnumpy()  # type: ignore[attr-defined]
        return _from_arrays({name: (plain(values), None) for name, values in found.items()}, "DuckDB relation")
    if module == "pandas":
        index = getattr(data, "index", None)
        data = _with_index(data)
        if isinstance(data, Mapping):
            return _from_arrays({name: (_array(values, name), None) for name, values in data.items()}, "pandas index")
        return _note_on_index(index, _from_narwhals(data))
    return _from_narwhals(data)


def _columns(rows: Sequence[Mapping[Any, Any]]) -> dict[Any, list[Any]]:
    """Of rows; None where a row lacks what another has."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def library_of(data: object) -> str:
    """ "pandas", "polars", "pyarrow" or "numpy": the library a result must come back in."""
    module = type(data).__module__.split(".")[0]
    return module if module in ("pandas", "polars", "pyarrow") else "numpy"


def _with_index(data: Any) -> Any:
    """A pandas frame whose index became columns where it says something: dates, several levels, or a name."""
    pd: Any = import_module("pandas")

    if isinstance(data, pd.Index):
        if isinstance(data, pd.DatetimeIndex | pd.PeriodIndex):
            raise DataError(
                f"found a pandas {type(data).__name__}: stamps without values. Pass a Series or a frame that has both."
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
    column = _column("index", lambda: _array(index, "index"))
    if column.kind == "stamp" or (column.kind == "text" and looks_like_dates(column.sample)):
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


def _note_on_index(index: Any, table: Table) -> Table:
    """The table, with a note if an index without a name was left out though it may say when."""
    names = [plain_name(name) for name in table.names]
    dated = any(column.kind == "stamp" or looks_like_dates(column.sample) for column in table.columns)
    if index.nlevels > 1 or index.name is not None or not len(index) or dated or set(names) & set(TIME_NAMES):
        return table
    shown = f"the index, {index[0]} to {index[-1]}, was"
    if index.dtype.kind == "m":
        note = f'{shown} left out; if it says when, add the day it began: pd.Timestamp("2024-01-01") + data.index'
    elif index.dtype.kind in "iu" and _maybe_years(index.min(), index.max()):
        note = f'{shown} taken for row numbers; if these are years, name it: data.index.name = "year"'
    elif index.dtype.kind in "iuf" and index.is_unique and not _counts(index.to_numpy(np.float64, na_value=np.nan)):
        note = f'{shown} not taken for times; if it says when, name it: data.index.name = "time"'
    else:
        return table
    return replace(table, notes=(*table.notes, note))


def _from_narwhals(data: Any) -> Table:
    import narwhals as nw

    try:
        frame = nw.from_native(data, allow_series=True)
    except TypeError as error:
        kind = f"{type(data).__module__}.{type(data).__qualname__}".removeprefix("builtins.")
        raise DataError(
            f"found a value of type {kind}, expected a path, a pandas, Polars or Arrow frame, a dict of columns, a "
            "list of dicts or a one-dimensional array."
        ) from error
    source = f"{library_of(data)} frame" if library_of(data) != "numpy" else "frame"
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, nw.Series):
        frame = frame.alias(frame.name or "y").to_frame()
    columns = tuple(_narwhals_column(frame[name], name) for name in frame.columns)
    return Table(columns, len(frame), source, _row)


def _narwhals_column(series: Any, name: str) -> Column:
    import narwhals as nw

    kind = series.dtype
    if isinstance(kind, nw.Datetime):
        moments = series
        if kind.time_zone is not None:
            moments = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return _column(name, cache(lambda: moments.to_numpy().astype(f"datetime64[{kind.time_unit}]")), kind.time_zone)
    if isinstance(kind, nw.Date):
        return _column(name, cache(lambda: np.array(series.to_list(), dtype="datetime64[D]")))
    if isinstance(kind, nw.Decimal):
        return _column(name, cache(lambda: series.cast(nw.Float64).to_numpy()))
    if kind.is_numeric():
        if series.null_count():
            return _column(name, cache(lambda: series.cast(nw.Float64).to_numpy()))
        return _column(name, cache(lambda: np.asarray(series.to_numpy())))
    if isinstance(kind, nw.Boolean) and not series.null_count():
        return _column(name, cache(lambda: series.to_numpy().astype(bool)))
    return _column(name, cache(lambda: _objects(series.to_list())))


def _from_arrays(arrays: Mapping[str, tuple[NDArray[Any], str | None]], source: str) -> Table:
    lengths = {name: len(values) for name, (values, _) in arrays.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f'"{name}" {length}' for name, length in lengths.items())
        raise DataError(f"the columns have different lengths ({told}), expected equal ones.")
    columns = tuple(_column(name, cache(lambda v=values: v), zone) for name, (values, zone) in arrays.items())
    return Table(columns, next(iter(lengths.values()), 0), source, _row)


def _row(row: int) -> str:
    return f"row {row} (the first is 0)"


def _array(values: Any, name: str) -> NDArray[Any]:
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
        values = np.asarray(flat) if flat and kinds <= {int, float, bool} else _objects(flat)
    array: NDArray[Any] = values
    if array.ndim != 1:
        raise DataError(
            f"{name} has {array.ndim} dimensions, shape {array.shape}, expected one. "
            "Pass several series as a frame or dict."
        )
    return array


def _objects(values: Sequence[Any]) -> NDArray[Any]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _column(name: str, load: Callable[[], NDArray[Any]], zone: str | None = None) -> Column:
    values = load()
    if values.dtype.kind in "US":
        values = _objects([str(value) for value in values])
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
            sample = _objects(known)
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
                    raise not_a_number(name, _row(row), str(value)) from None
            raise

    return Column(name, kind, lambda: values, numbers, sample, whole, zone)


def _plain_number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True


def _from_objects(values: NDArray[Any], zone: str | None) -> tuple[NDArray[Any], str, str | None]:
    """An object array as the plainest type that holds it, its kind, and its time zone."""
    if set(map(type, values)) == {str}:
        return values, "text", zone
    missing = np.array([_is_null(value) for value in values], dtype=bool)
    known = values[~missing]
    if not len(known):
        return np.full(len(values), None, dtype=object), "empty", zone
    if all(isinstance(value, str) for value in known):
        return _objects([None if gap else value for gap, value in zip(missing, values, strict=True)]), "text", zone
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
                raise DataError("some stamps have a time zone and some have none, expected all alike.")
            zone = str(getattr(aware[0], "key", None) or aware[0])
            known = [value.astimezone(datetime.UTC).replace(tzinfo=None) for value in known]
        stamps[~missing] = [np.datetime64(value).astype("datetime64[us]") for value in known]
        if all(type(value) is datetime.date for value in known):
            stamps = stamps.astype("datetime64[D]")
        return stamps, "stamp", zone
    if any(isinstance(value, str) for value in known):
        return _objects([None if gap else str(value) for gap, value in zip(missing, values, strict=True)]), "text", zone
    return values, "other", zone


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
