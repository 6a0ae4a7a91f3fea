"""Delimited text files -> Table: DuckDB reads the rows as text, whatever is odd about the file is put right before."""

from __future__ import annotations

import csv
import re
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.errors import DataError
from tidegate.series.tables.dialect import Dialect, decode, encoding_note, find_dialect
from tidegate.series.tables.duck import connect, count_rows, first_line, text_column
from tidegate.series.tables.filebytes import SAMPLE_BYTES, contents, packed, start_of
from tidegate.series.tables.numbertext import decimal_evidence, samples
from tidegate.series.tables.table import Table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def open_csv(path: Path, source: str, decimal: str | None) -> Table:
    """The table in a delimited text file.

    Args:
        source: what messages call it.
        decimal: "." or "," if the decimal mark was told.
    Raises: DataError naming the line that does not fit, or what kind of text this is not.
    """
    import duckdb

    start = start_of(path)
    dialect = find_dialect(start, whole=len(start) < SAMPLE_BYTES)
    connection = connect()
    loaded = False
    if dialect.plain and not set("*?[") & set(str(path)):
        try:
            _load_csv(connection, path, dialect, skip=dialect.first_line - 1, unpack=packed(path))
            loaded = True
        except duckdb.Error:
            loaded = (
                False  # line ends or bytes that change further down: read it as text below, which names what is wrong
            )
    if not loaded:
        text, encoding = decode(contents(path))
        if encoding != dialect.encoding:
            found = find_dialect(text[:SAMPLE_BYTES].encode(), whole=len(text) <= SAMPLE_BYTES)
            dialect = replace(found, encoding=encoding, notes=(*encoding_note(encoding), *found.notes))
        body = text.split("\n", dialect.first_line - 1)[dialect.first_line - 1 :]
        with tempfile.TemporaryDirectory() as folder:
            clean = Path(folder) / "rows.csv"
            clean.write_bytes("".join(body).encode())
            try:
                _load_csv(connection, clean, dialect, skip=0, unpack=False)
            except duckdb.Error as error:
                raise DataError(_csv_fault(text, dialect, error)) from error
    if len(dialect.names) == 1:  # blank lines between values are missing ones, blank lines at the end are nothing
        connection.execute("DELETE FROM data WHERE rowid > (SELECT max(rowid) FROM data WHERE c0 IS NOT NULL)")
    place = _line_finder(path, dialect)
    rows = count_rows(connection, "data")
    cells = samples(connection, "data", len(dialect.names), rows)
    columns = []
    usual = decimal_evidence(cells)
    strict = dialect.delimiter != ","
    for index, (name, sample) in enumerate(zip(dialect.names, cells, strict=True)):
        if not len(sample) and name == f"unnamed{index + 1}":
            continue  # what a delimiter at the end of every line leaves
        column = text_column(connection, "data", f"c{index}", name, sample, place, decimal, strict=strict, usual=usual)
        columns.append(column)
    return Table(tuple(columns), rows, source, place, dialect.notes)


def _load_csv(connection: DuckDBPyConnection, path: Path, dialect: Dialect, *, skip: int, unpack: bool) -> None:
    columns = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(len(dialect.names)))
    connection.execute("DROP TABLE IF EXISTS data")
    connection.execute(
        f"CREATE TEMP TABLE data AS SELECT * FROM read_csv(?, auto_detect=false, header=false, delim=?, quote='\"', "
        f"escape='\"', skip={skip}, compression='{'gzip' if unpack else 'none'}', "
        f"max_line_size=268435456, hive_partitioning=false, columns={{{columns}}})",
        [str(path), dialect.delimiter],
    )


def _csv_fault(text: str, dialect: Dialect, error: Exception) -> str:
    """What is wrong with a CSV text that DuckDB refused: the first line whose fields do not fit."""
    lines = text.split("\n")[dialect.first_line - 1 :]
    reader = csv.reader((line + "\n" for line in lines), delimiter=dialect.delimiter, skipinitialspace=True)
    width = len(dialect.names)
    try:
        for record in reader:
            if record and len(record) != width and (width == 1 or len(record) > 1 or record[0].strip()):
                line = reader.line_num + dialect.first_line - 1
                return (
                    f"line {line} has {len(record)} field{'s' * (len(record) != 1)}, expected {width}. "
                    'Correct it; text that contains the delimiter needs quotes: "like, this".'
                )
    except csv.Error as fault:
        return f"line {reader.line_num + dialect.first_line - 1}: {fault}. Correct that line."
    said = re.search(r"Error on Line: (\d+)", str(error))
    where = f"line {int(said[1]) + dialect.first_line - 1}" if said else "some line"
    if "unterminated quote" in str(error):
        return f"{where}: a quote opens and does not close. Correct that line; a quote within quotes is written twice."
    return f"{where} does not fit the others ({first_line(error)}). Correct it."


def _line_finder(path: Path, dialect: Dialect) -> Callable[[int], str]:
    """row -> "line 7", as an editor counts; the row alone if the file is gone (standard input)."""

    def place(row: int) -> str:  # reads the file again: only an error asks
        if not path.exists():
            return f"row {row + 1}"
        text, _ = decode(contents(path))
        lines = text.split("\n")[dialect.first_line - 1 :]
        reader = csv.reader((line + "\n" for line in lines), delimiter=dialect.delimiter, skipinitialspace=True)
        begin, index = 0, -1
        for record in reader:
            if record or len(dialect.names) == 1:
                index += 1
            if index == row:
                return f"line {begin + dialect.first_line}"
            begin = reader.line_num
        return f"row {row + 1}"

    return place
