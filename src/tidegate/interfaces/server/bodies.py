"""The body of a request -> a table and options. Nothing in a request is ever taken for a path or an address."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import Request
from numpy.typing import NDArray
from pydantic_core import from_json

from tidegate.errors import ConfigError
from tidegate.interfaces.server.limits import Limits
from tidegate.interfaces.server.refusals import Refusal
from tidegate.interfaces.server.schema import Options
from tidegate.series.tables.duck import connect, quoted
from tidegate.series.tables.table import Column, Table

JSON, CSV, PARQUET = "application/json", "text/csv", "application/vnd.apache.parquet"
KINDS = (JSON, CSV, PARQUET)
_ZIPPED = b"\x1f\x8b"
_DELIMITERS = b",;\t|"
NARROW = 50  # columns of a Parquet file; of 400, reading one after the other takes 5 seconds, all at once half a second


def media_type(request: Request) -> str:
    """One of KINDS. Raises: Refusal for any other, and for a compressed body."""
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise Refusal(
            415, "content-encoding", f"found Content-Encoding: {encoding}: send the body as it is", close=True
        )
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in KINDS:
        found = f"Content-Type: {kind}" if kind else "no Content-Type"
        raise Refusal(
            415, "content-type", f"found {found}, expected {', '.join(KINDS[:-1])} or {KINDS[-1]}", close=True
        )
    return kind


async def receive(request: Request, limits: Limits) -> bytes:
    """The whole body. Raises: Refusal if it is too large or takes too long; ClientDisconnect if the client leaves."""
    said = request.headers.get("content-length", "0")
    limits.check_body(int(said) if said.isdecimal() else 0)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(limits.receive_seconds):
            async for part in request.stream():
                size += len(part)
                limits.check_body(size)
                parts.append(part)
    except TimeoutError:
        raise Refusal(
            408,
            "receive-seconds",
            f"{size:,} bytes of the body came within {limits.receive_seconds:g} seconds, but not its end: send faster, "
            "or start the server with a larger --most-receive-seconds",
            close=True,
        ) from None
    return b"".join(parts)


async def gone(request: Request) -> None:
    """Ends when the client has left. For a request whose body has been received."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


@contextmanager
def opened(
    kind: str, body: bytes, query: Mapping[str, str], options: Options, limits: Limits
) -> Iterator[tuple[Any, tuple[int, int], dict[str, Any]]]:
    """Data that `series.reading` takes; how many rows (0: not known) and columns they have; and all options.

    Args:
        kind: one of KINDS. In JSON an option stands beside "data" or, as for the other kinds, in the query.
    Raises: Refusal if the body is not what `kind` says or too wide; ConfigError for an option.
    """
    given = options.from_text(query)
    if kind == JSON:
        data, beside = _json(body, limits)
        if twice := sorted(given.keys() & beside.keys()):
            raise ConfigError(f'{twice[0]} is both in the address and beside "data": give it once')
        yield data, json_size(data), options.check(given | beside)
        return
    checked = options.check(given)
    if body.startswith(_ZIPPED):
        raise Refusal(415, "content-encoding", "the body is compressed with gzip: send the table as it is")
    if kind == CSV:
        head = body[:65536].splitlines()[:20]
        wide = 1 + max((max(line.count(mark) for mark in _DELIMITERS) for line in head), default=0)
        limits.check_table(0, wide)
        yield body, (0, wide), checked
        return
    if not body.startswith(b"PAR1"):
        raise Refusal(400, "body", 'the body is not a Parquet file: it does not begin with "PAR1"; write it again')
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "body.parquet"
        path.write_bytes(body)
        rows, wide = parquet_size(path)
        limits.check_table(rows, wide)
        limits.check_cells(rows * wide)
        # From a path DuckDB reads only the columns that are used, but finds its way to each of them anew.
        yield path if wide <= NARROW else body, (rows, wide), checked


def parquet_size(path: Path) -> tuple[int, int]:
    """Rows and columns as the file's end tells them, without its data; (0, 0) if it cannot be read.

    Equal values take next to no room, so that the bytes of the file say little about the table.
    """
    import duckdb

    connection, file = connect(), quoted(str(path))
    try:
        ((rows,),) = connection.execute(f"SELECT num_rows FROM parquet_file_metadata({file})").fetchall()
        columns = connection.execute(f"DESCRIBE SELECT * FROM read_parquet({file})").fetchall()
    except duckdb.Error:
        return 0, 0  # reading says what is wrong with it
    return rows, len(columns)


def counted(table: Table, limits: Limits) -> Table:
    """The same table, of which no more values can be read than the limit on points. Its columns raise Refusal."""
    found = 0

    def once(column: Column) -> Column:
        def numbers() -> tuple[NDArray[np.float64], str]:
            nonlocal found
            found += table.rows
            limits.check_count("points", "{} values or more", found)
            return column.numbers()

        return replace(column, numbers=numbers)

    return replace(table, columns=tuple(map(once, table.columns)))


def _json(body: bytes, limits: Limits) -> tuple[Any, dict[str, Any]]:
    try:
        encoding = json.detect_encoding(body)
        # pydantic's reader: four times as fast as Python's for the same numbers, and it refuses half characters, which
        # no answer could hold.
        found = from_json(body if encoding == "utf-8" else body.decode(encoding).encode(), cache_strings="keys")
    except ValueError as error:
        why = "nested too deeply" if "recursion" in str(error) else str(error)
        raise Refusal(400, "body", f"the body is not JSON ({why}): {EXPECTED}") from error
    if not isinstance(found, dict) or "data" not in found:
        raise Refusal(422, "body", f'the body has no "data": {EXPECTED}')
    return columns(found.pop("data"), limits), found


def json_size(data: Any) -> tuple[int, int]:
    """Rows and columns of what `columns` gives."""
    if isinstance(data, list):
        return len(data), 1
    return max(map(len, data.values()), default=0), len(data)


EXPECTED = 'expected such as {"data": [{"ds": "2024-01-01", "y": 1.5}, {"ds": "2024-01-02", "y": 2}], "horizon": 12}'
_CELLS = (str, int, float, bool, type(None))


def columns(data: Any, limits: Limits) -> Any:
    """A list of records as columns; columns and a list of numbers as they are. Raises: Refusal for anything else."""
    if isinstance(data, list):
        kinds = set(map(type, data))
        if kinds == {dict}:
            names = dict.fromkeys(name for record in data for name in record)
            limits.check_table(len(data), len(names))
            # Records that share no names are few bytes, and under each other a table that is empty nearly everywhere.
            gaps = len(data) * len(names) - sum(map(len, data))
            limits.check_count("points", "{} cells that the records leave empty", gaps)
            data = {name: [record.get(name) for record in data] for name in names}
        elif not kinds <= set(_CELLS):
            raise _no_table("a list of lists or other values")
        else:
            limits.check_table(len(data), 1)
            return data
    if not isinstance(data, dict):
        raise _no_table("text" if isinstance(data, str) else "a single value")
    limits.check_table(0, len(data))
    for name, values in data.items():
        if not isinstance(values, list) or not set(map(type, values)) <= set(_CELLS):
            raise _no_table(f"a column {name!r} that is not a list of numbers or text")
        limits.check_table(len(values), 1)
    return data


def _no_table(found: str) -> Refusal:
    return Refusal(
        422,
        "body",
        f'"data" is {found}: expected a list of records, an object of columns, {{"ds": […], "y": […]}}, or a list of '
        "numbers",
    )
