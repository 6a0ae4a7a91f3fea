"""Parquet and JSON files -> Table: DuckDB knows the types; dates in JSON stay the text they are."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import DataError
from tidegate.series.tables.dialect import decode
from tidegate.series.tables.duck import count_rows, first_line, quoted, quoted_name, text_column
from tidegate.series.tables.filebytes import contents, packed
from tidegate.series.tables.numbertext import plain, samples
from tidegate.series.tables.table import Array, Column, Table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NUMBER_TYPE = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL.*")
STAMP_TYPES = ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE")
MANY_COLUMNS = 50  # more than these are read at once, from a Parquet file of at most
MOST_BYTES = 500e6
_NO_ZONES: Mapping[str, str] = {}


def open_parquet(connection: DuckDBPyConnection, path: Path, source: str, decimal: str | None) -> Table:
    """The table in a Parquet file; columns are read from the file when they are used."""
    if packed(path) or source != path.name or set("*?[") & set(str(path)):  # not where it is, or not under a plain name
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "input.parquet"
            copy.write_bytes(contents(path))
            return _parquet_table(connection, copy, source, decimal, stays=False)
    return _parquet_table(connection, path, source, decimal, stays=True)


def _parquet_table(
    connection: DuckDBPyConnection, path: Path, source: str, decimal: str | None, *, stays: bool
) -> Table:
    """stays: the file will still be there when columns are used."""
    import duckdb

    try:
        kind = "VIEW" if stays and not _is_read_at_once(connection, path) else "TABLE"
        query = f"CREATE TEMP {kind} data AS SELECT * FROM read_parquet({quoted(str(path))}, hive_partitioning=false)"
        return _typed_table(connection, query, source, decimal, _zones(connection, path))
    except duckdb.Error as error:
        fault = first_line(error).replace(f" '{path}'", "")
        raise DataError(f"damaged Parquet file ({fault}). Write or download it again.") from error


def _is_read_at_once(connection: DuckDBPyConnection, path: Path) -> bool:
    """Every look at a file opens all of its columns: with 1,000 of them 13 ms, thousands of times."""
    query = f"SELECT count(*) FROM parquet_schema({quoted(str(path))})"
    columns = connection.execute(query).fetchall()[0][0]
    return bool(columns > MANY_COLUMNS and path.stat().st_size < MOST_BYTES)


def _zones(connection: DuckDBPyConnection, path: Path) -> dict[str, str]:
    """Time zones by column: Parquet itself keeps instants only, pandas notes their zone beside them."""
    query = f"SELECT value FROM parquet_kv_metadata({quoted(str(path))}) WHERE key = 'pandas'"
    zones = {}
    for (value,) in connection.execute(query).fetchall():
        for column in json.loads(bytes(value)).get("columns", []):
            zone = (column.get("metadata") or {}).get("timezone")
            if zone and column.get("pandas_type") == "datetimetz":
                zones[str(column.get("field_name") or column.get("name"))] = str(zone)
    return zones


def open_json(connection: DuckDBPyConnection, path: Path, source: str, decimal: str | None) -> Table:
    """The table in a JSON file: a list of records, a record per line, an object of arrays, or a list of numbers."""
    import duckdb

    text, _ = decode(contents(path))
    with tempfile.TemporaryDirectory() as folder:
        clean = Path(folder) / "input.json"
        clean.write_bytes(text.encode())
        scan = (
            f"read_json({quoted(str(clean))}, maximum_object_size=268435456, sample_size=-1, map_inference_threshold=-1"
        )
        try:
            described = connection.execute(f"DESCRIBE SELECT * FROM {scan})").fetchall()
            # Dates stay text, so that the reader of stamps sees what was written.
            types = {
                str(row[0]): re.sub(r"\b(DATE|TIME|TIMESTAMP\w*)( WITH TIME ZONE)?\b", "VARCHAR", row[1])
                for row in described
            }
            if list(types) in ([], ["json"]) and not NUMBER_TYPE.fullmatch(types.get("json", "")):
                raise DataError(_JSON_SHAPE)
            spec = ", ".join(f"{quoted(name)}: {quoted(kind)}" for name, kind in types.items())
            scan = f"{scan}, columns={{{spec}}})"
            if types and all(kind.endswith("[]") for kind in types.values()):  # one object of arrays
                _refuse_unequal(connection, scan, list(types))
                fields = ", ".join(f"unnest({quoted_name(name)}) AS {quoted_name(name)}" for name in types)
                return _typed_table(
                    connection, f"CREATE TEMP TABLE data AS SELECT {fields} FROM {scan}", source, decimal
                )
            if any(kind.startswith(("STRUCT", "MAP")) for kind in types.values()):
                raise DataError(_JSON_SHAPE)
            fields = "json AS y" if list(types) == ["json"] else "*"  # DuckDB's own name for a plain list [1, 2, 3]
            return _typed_table(connection, f"CREATE TEMP TABLE data AS SELECT {fields} FROM {scan}", source, decimal)
        except duckdb.Error as error:
            fault = re.sub(r"in file \"[^\"]*\",? ?", "", first_line(error)).split(". Try")[0]
            raise DataError(f"not a JSON table ({fault}). {_JSON_EXPECTED}") from error


def _refuse_unequal(connection: DuckDBPyConnection, scan: str, names: list[str]) -> None:
    """Raises DataError if the arrays of an object have different lengths: SQL would fill the shorter ones up."""
    lengths = ", ".join(f"coalesce(len({quoted_name(name)}), 0)" for name in names)
    for counts in connection.execute(f"SELECT {lengths} FROM {scan}").fetchall():
        if len(set(counts)) > 1:
            told = ", ".join(f'"{name}" {count}' for name, count in zip(names, counts, strict=True))
            raise DataError(
                f"the columns have different lengths ({told}), expected equal ones. Write null for a missing value."
            )


_JSON_EXPECTED = 'Expected a list of records, [{"ds": "2024-01-01", "y": 1.5}, ...], or one record per line.'
_JSON_SHAPE = f"found JSON that is not a table. {_JSON_EXPECTED}"


def _typed_table(
    connection: DuckDBPyConnection, query: str, source: str, decimal: str | None, zones: Mapping[str, str] = _NO_ZONES
) -> Table:
    connection.execute(query)
    described = [(str(row[0]), str(row[1])) for row in connection.execute("DESCRIBE data").fetchall()]
    rows = count_rows(connection, "data")
    columns = [_typed_column(connection, name, kind, rows, decimal) for name, kind in described]
    columns = [replace(column, zone=zones[column.name]) if column.name in zones else column for column in columns]
    return Table(tuple(columns), rows, source, lambda row: f"row {row + 1}")


def raw_field(name: str, kind: str) -> str:
    """SQL of a column as `Column.raw` gives it."""
    field = quoted_name(name)
    if _is_text(kind):
        return f"nullif(trim({_text_field(name, kind)}), '')"
    if kind == "UBIGINT":  # half of them are too large for BIGINT, and ids among them too long for DOUBLE
        return field
    if NUMBER_TYPE.fullmatch(kind):
        return f"CAST({field} AS {'BIGINT' if 'INT' in kind and 'HUGE' not in kind else 'DOUBLE'})"
    return field if kind in STAMP_TYPES else f"CAST({field} AS VARCHAR)"


def _is_text(kind: str) -> bool:
    return kind in ("VARCHAR", "JSON", "UUID") or kind.startswith("ENUM")


def _text_field(name: str, kind: str) -> str:
    field = quoted_name(name)
    return f"({field} ->> '$')" if kind == "JSON" else f"CAST({field} AS VARCHAR)"


def _typed_column(connection: DuckDBPyConnection, name: str, kind: str, rows: int, decimal: str | None) -> Column:
    field = quoted_name(name)
    place: Callable[[int], str] = lambda row: f"row {row + 1}"  # noqa: E731

    def fetch(expression: str) -> NDArray[Any]:
        return plain(connection.execute(f"SELECT {expression} AS x FROM data").fetchnumpy()["x"])

    def no_numbers() -> tuple[NDArray[np.float64], str]:
        raise DataError(
            f'column "{name}" holds {kind.lower()} values, expected numbers. Name another column with --target.'
        )

    if _is_text(kind):
        field = _text_field(name, kind)
        table = f"(SELECT row_number() OVER () - 1 AS rowid, {field} AS c0 FROM data)"
        sample = samples(connection, table, 1, rows)[0]
        return text_column(connection, table, "c0", name, sample, place, decimal, strict=False, typed=True)
    if NUMBER_TYPE.fullmatch(kind):
        whole = "INT" in kind
        known = connection.execute(f"SELECT {field} FROM data WHERE {field} IS NOT NULL LIMIT 500").fetchnumpy()
        sample = plain(next(iter(known.values())))
        return Column(
            name,
            "number" if len(sample) else "empty",
            lambda: fetch(raw_field(name, kind)),
            lambda: (fetch(f"CAST({field} AS DOUBLE)").astype(np.float64), ""),
            sample,
            whole,
        )
    if kind in STAMP_TYPES:
        zoned = kind.endswith("ZONE")

        def stamps() -> Array:
            if zoned:  # microseconds since 1970 in UTC, whatever zone this session has
                found = connection.execute(f"SELECT epoch_us({field}) AS x FROM data").fetchnumpy()["x"]
                moments = np.ma.getdata(found).astype("datetime64[us]")
                moments[np.ma.getmaskarray(found)] = np.datetime64("NaT")
                return moments
            return fetch(field).astype("datetime64[D]") if kind == "DATE" else fetch(field)

        count = connection.execute(f"SELECT count({field}) FROM data").fetchall()[0][0]
        return Column(
            name, "stamp" if count else "empty", stamps, no_numbers, np.empty(0), zone="UTC" if zoned else None
        )
    other = "flag" if kind == "BOOLEAN" else "other"
    return Column(name, other, lambda: fetch(f"CAST({field} AS VARCHAR)"), no_numbers, np.empty(0))
