"""Columns to a file or text: CSV, JSON records, Parquet; written beside the target, then renamed: never half a file."""

from __future__ import annotations

import gzip
import json
import math
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ConfigError

Columns = Mapping[str, NDArray[Any]]

TABLE_SUFFIXES = (".csv", ".json", ".parquet", ".csv.gz", ".json.gz")
_NO_ZONES: Mapping[str, str] = {}
_ROWS_PER_WRITE = 50_000
_NEEDS_QUOTES = re.compile(r'[",\r\n]|^\s|\s$')


def check_destination(path: str | os.PathLike[str], suffixes: Sequence[str]) -> str:
    """The suffix of a file that is about to be written, after making sure that it can be.

    Raises: ConfigError if the suffix is none of `suffixes` (lower case, with dot), the directory is missing or the
        path is a directory; PermissionError if the directory may not be written to.
    """
    target = Path(path)
    matches = [suffix for suffix in suffixes if target.name.lower().endswith(suffix)]
    if not matches:
        found = target.suffix or "no extension"
        raise ConfigError(f"cannot write {str(target)!r}: found {found}, expected one of {', '.join(suffixes)}")
    if target.is_dir():
        raise ConfigError(f"cannot write {str(target)!r}: it is a directory; give a file name")
    if not target.parent.is_dir():
        raise ConfigError(
            f"cannot write {str(target)!r}: there is no directory {str(target.parent)!r}; create it first"
        )
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(13, "no permission to write in this directory", str(target.parent))
    return max(matches, key=len)


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path in the same directory that becomes `path` at the end, or vanishes if anything fails.

    Raises: OSError as it came, naming `path` and not the temporary file.
    """
    target = Path(os.path.realpath(path))
    # The suffix stays: writers such as matplotlib's choose the format by it. The stem may fill a name by itself.
    temporary = target.with_name(f".tmp-{secrets.token_hex(6)}{target.suffix}")
    try:
        yield temporary
        os.replace(temporary, target)
    except OSError as error:
        # A full disk shows when a file is written to, and says no name.
        unnamed = error.filename is None and error.errno is not None
        if unnamed or (error.filename is not None and Path(os.fsdecode(error.filename)) == temporary):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def save_columns(columns: Columns, path: str | os.PathLike[str], *, zones: Mapping[str, str] = _NO_ZONES) -> None:
    """Write columns of equal length to `path`, in the format its extension names.

    CSV and JSON hold every float so that it reads back to the same bits; a missing value is empty or null.

    Args:
        zones: columns of datetime64 in UTC -> their time zone. Parquet keeps both; text has to hold the offset already.
    Raises: ConfigError as check_destination; OSError if the disk refuses. Nothing is left behind then.
    """
    suffix = check_destination(path, TABLE_SUFFIXES)
    with replacing(path) as temporary:
        if suffix == ".parquet":
            _write_parquet(columns, zones, temporary)
        elif suffix.endswith(".gz"):
            # Level 6 and no time stamp: the same forecast gives the same bytes.
            with open(temporary, "wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
                for piece in _pieces(columns, suffix.removesuffix(".gz")):
                    packed.write(piece.encode())
        else:
            with open(temporary, "w", encoding="utf-8", newline="") as file:
                write_text(columns, suffix.removeprefix("."), file)


def write_text(columns: Columns, form: str, file: IO[str]) -> None:
    """Write columns as "csv" or "json" (a list of records) to an open text file.

    Raises: ConfigError if `form` is neither.
    """
    for piece in _pieces(columns, "." + form):
        file.write(piece)


def _pieces(columns: Columns, suffix: str) -> Iterator[str]:
    if suffix == ".csv":
        return _csv_pieces(columns)
    if suffix == ".json":
        return _json_pieces(columns)
    raise ConfigError(f"text cannot be in format {suffix.removeprefix('.')!r}: expected csv or json")


def _csv_pieces(columns: Columns) -> Iterator[str]:
    yield ",".join(map(_quoted, columns)) + "\n"
    for block in _blocks(columns):
        yield "".join(",".join(row) + "\n" for row in zip(*(_csv_cells(values) for values in block), strict=True))


def _csv_cells(values: NDArray[Any]) -> list[str]:
    if values.dtype.kind == "f":
        return [repr(value) if value == value else "" for value in values.tolist()]
    return _cells(values, _quoted, "")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _NEEDS_QUOTES.search(text) else text


def _json_pieces(columns: Columns) -> Iterator[str]:
    names = [json.dumps(str(name), ensure_ascii=False).replace("%", "%%") for name in columns]
    record = "{" + ", ".join(f"{name}: %s" for name in names) + "}"
    before = "[\n"
    for block in _blocks(columns):
        rows = zip(*(_json_cells(values) for values in block), strict=True)
        yield before + ",\n".join(record % row for row in rows)
        before = ",\n"
    yield "\n]\n" if before != "[\n" else "[]\n"


def _json_cells(values: NDArray[Any]) -> list[str]:
    if values.dtype.kind == "f":
        return [repr(value) if math.isfinite(value) else "null" for value in values.tolist()]
    return _cells(values, _json_text, "null")


def _json_text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _cells(values: NDArray[Any], written: Callable[[str], str], missing: str) -> list[str]:
    """Cells that are not a column of floats: numbers bare, all else as text; equal cells are written once."""
    if values.dtype.kind == "M":
        values = np.datetime_as_string(values)
    cache: dict[Any, str] = {}
    cells = []
    for value in values.tolist():
        key = (value.__class__, value)  # 1, 1.0 and True are equal but written differently
        cell = cache.get(key)
        if cell is None:
            if value is None or value != value:
                cell = missing
            elif isinstance(value, bool):
                cell = str(value).lower()
            elif isinstance(value, int | float):
                cell = repr(value)
            else:
                cell = written(str(value))
            cache[key] = cell
        cells.append(cell)
    return cells


def _blocks(columns: Columns) -> Iterator[list[NDArray[Any]]]:
    arrays = [np.asarray(values) for values in columns.values()]
    for start in range(0, len(arrays[0]) if arrays else 0, _ROWS_PER_WRITE):
        yield [values[start : start + _ROWS_PER_WRITE] for values in arrays]


def _write_parquet(columns: Columns, zones: Mapping[str, str], path: Path) -> None:
    """Text, numbers and stamps through DuckDB, which is in the base install; days become datetime64[us]."""
    import duckdb

    from tidegate.series.tables.duck import connect, quoted, quoted_name, refusal

    _check_capitals(columns)
    zones = {name: zone for name, zone in zones.items() if name in columns and columns[name].dtype.kind == "M"}
    fields = []
    for place, name in enumerate(columns):
        field = f"CAST(c{place} AS TIMESTAMP) AT TIME ZONE 'UTC'" if name in zones else f"c{place}"
        fields.append(f"{field} AS {quoted_name(name)}")
    note = f", KV_METADATA {{pandas: {quoted(_pandas_note(zones))}}}" if zones else ""
    with connect() as connection:
        stored = {f"c{place}": _storable(values) for place, values in enumerate(columns.values())}
        connection.register("forecast", stored)
        try:
            connection.execute(
                f"COPY (SELECT {', '.join(fields)} FROM forecast) TO {quoted(str(path))} (FORMAT parquet{note})"
            )
        except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
            raise refusal(error, path) from error


def _check_capitals(names: Iterable[str]) -> None:
    """Raises ConfigError for names that are one to DuckDB, which overlooks the case of ASCII letters."""
    spelt: dict[bytes, str] = {}
    for name in names:
        other = spelt.setdefault(name.encode("utf-8", "surrogatepass").lower(), name)  # of bytes, ASCII alone
        if other != name:
            raise ConfigError(
                f"a Parquet file cannot hold the columns {other!r} and {name!r}, which differ in capital letters only: "
                "rename one of them in the data, or write .csv or .json"
            )


def _pandas_note(zones: Mapping[str, str]) -> str:
    """Parquet itself keeps instants only: the zones, where pandas writes and looks for them."""
    columns = [
        {
            "name": name,
            "field_name": name,
            "pandas_type": "datetimetz",
            "numpy_type": "datetime64[us]",
            "metadata": {"timezone": zone},
        }
        for name, zone in zones.items()
    ]
    return json.dumps({"index_columns": [], "column_indexes": [], "columns": columns})


def _storable(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind == "U":
        return values.astype(object)  # DuckDB would make an ENUM of it
    if values.dtype.kind == "M" and np.datetime_data(values.dtype)[0] not in ("s", "ms", "us", "ns"):
        return values.astype("datetime64[us]")
    return np.ascontiguousarray(values)
