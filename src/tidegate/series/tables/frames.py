"""Frames, series and arrays in memory -> Table: what narwhals takes, dicts of columns, lists of rows, arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import DataError
from tidegate.series.tables.arrays import array_of, column_of, objects, row_words
from tidegate.series.tables.pandas_index import note_on_index, with_index
from tidegate.series.tables.table import Column, Table


def open_frame(data: object) -> Table:
    """The table of a frame, a series, a dict of columns, a list of dicts, which are rows, an array or a list.

    Raises: DataError if it is none of these, or has more than one dimension.
    """
    if isinstance(data, list | tuple) and data and all(isinstance(row, Mapping) for row in data):
        data = _columns(data)
    if isinstance(data, Mapping):
        return _from_arrays({str(name): array_of(each, str(name)) for name, each in data.items()}, "dict of columns")
    if isinstance(data, np.ndarray | list | tuple | range):
        return _from_arrays({"y": array_of(data, "the array")}, "array")
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
        return _from_arrays({name: plain(values) for name, values in found.items()}, "DuckDB relation")
    if module == "pandas":
        index = getattr(data, "index", None)
        data = with_index(data)
        if isinstance(data, Mapping):
            return _from_arrays({name: array_of(values, name) for name, values in data.items()}, "pandas index")
        return note_on_index(index, _from_narwhals(data))
    return _from_narwhals(data)


def _columns(rows: Sequence[Mapping[Any, Any]]) -> dict[Any, list[Any]]:
    """Of rows; None where a row lacks what another has."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def library_of(data: object) -> str:
    """ "pandas", "polars", "pyarrow" or "numpy": the library a result must come back in."""
    module = type(data).__module__.split(".")[0]
    return module if module in ("pandas", "polars", "pyarrow") else "numpy"


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
    return Table(columns, len(frame), source, row_words)


def _narwhals_column(series: Any, name: str) -> Column:
    import narwhals as nw

    kind = series.dtype
    if isinstance(kind, nw.Datetime):
        moments = series
        if kind.time_zone is not None:
            moments = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return column_of(name, moments.to_numpy().astype(f"datetime64[{kind.time_unit}]"), kind.time_zone)
    if isinstance(kind, nw.Date):
        return column_of(name, np.array(series.to_list(), dtype="datetime64[D]"))
    if isinstance(kind, nw.Decimal):
        return column_of(name, series.cast(nw.Float64).to_numpy())
    if kind.is_numeric():
        if series.null_count():
            return column_of(name, series.cast(nw.Float64).to_numpy())
        return column_of(name, np.asarray(series.to_numpy()))
    if isinstance(kind, nw.Boolean) and not series.null_count():
        return column_of(name, series.to_numpy().astype(bool))
    return column_of(name, objects(series.to_list()))


def _from_arrays(arrays: Mapping[str, NDArray[Any]], source: str) -> Table:
    lengths = {name: len(values) for name, values in arrays.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f'"{name}" {length}' for name, length in lengths.items())
        raise DataError(f"the columns have different lengths ({told}), expected equal ones.")
    columns = tuple(column_of(name, values) for name, values in arrays.items())
    return Table(columns, next(iter(lengths.values()), 0), source, row_words)
