"""Rows -> buckets of whole series: ranges of the input where it is grouped by series already, else hashed on disk."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tidegate.bulk.database import Rows, faults_named, few_files, scan
from tidegate.bulk.source import Source
from tidegate.errors import DataError
from tidegate.series.dates.grid import Common
from tidegate.series.panel import Panel
from tidegate.series.reading import Reading, panel_of_rows
from tidegate.series.tables.duck import quoted
from tidegate.series.tables.numbertext import plain

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BUCKET_ROWS = 3_000_000  # of a bucket, about: what is in memory at once
CHUNK_ROWS = 16_000_000  # of the input that go to their buckets together; a killed command repeats one chunk
CHUNK_FILES = 200
MOST_BUCKETS = 800  # all their files are open at once, and most systems allow 1,024
LOOK_ROWS = 1_000_000  # in three places, by which input that is not grouped is mostly told at once
_BUFFERED_ROWS = 4_000_000  # of all spilled files together: they wait in memory until a row group is full

Report = Callable[[int, int], None]  # rows done, rows in all


@dataclass(frozen=True)
class Bucket:
    """Rows of whole series.

    Attributes:
        selects: SQL of them, in pieces: k0, ..., t, y and, where the order of rows is known, row.
        ranges: the input's rows to look at when it cannot be read; none for rows that were spilled.
        ordered: whether there is `row`.
        state: another one if any of the rows may be (see `Source.state`).
    """

    selects: tuple[str, ...]
    ranges: tuple[Rows, ...]
    ordered: bool
    state: str


def grouped_buckets(connection: DuckDBPyConnection, source: Source, work: Path) -> list[Bucket] | None:
    """The input itself, cut between series, if the rows of every series follow each other; else None."""
    with faults_named(connection, source.files, source.everything, work):
        places = _starts(connection, source)
    if places is None:
        return None
    return [
        Bucket(tuple(map(source.select, few_files(part))), tuple(part), True, source.state(part))
        for part in _cut(source, places)
    ]


def _starts(connection: DuckDBPyConnection, source: Source) -> NDArray[np.int64] | None:
    """Where each series begins (file << 40 + row), if it is in one place; else None."""
    try:
        looks = _looks(source)
        if looks and _places(connection, source, looks) is None:
            return None
        return _places(connection, source, source.everything)
    finally:
        connection.execute("DROP TABLE IF EXISTS runs")


def _looks(source: Source) -> list[Rows]:
    """The first, middle and last rows: of days that each hold all series, one look alone may show each series once."""
    if source.rows <= 3 * LOOK_ROWS:
        return []
    firsts = (0, (source.rows - LOOK_ROWS) // 2, source.rows - LOOK_ROWS)
    return [rows for first in firsts for rows in _between(source, first, first + LOOK_ROWS)]


def _places(connection: DuckDBPyConnection, source: Source, ranges: Sequence[Rows]) -> NDArray[np.int64] | None:
    """Where series begin among these rows, sorted; None if one has more than one run of rows, or most are single rows.

    Series are told apart by hashes of their ids: of two with the same one the rows are sorted, which is never wrong.
    """
    connection.execute("CREATE OR REPLACE TEMP TABLE runs (series UBIGINT, row BIGINT)")
    looked_at = 0
    for rows in ranges:
        found = scan(source.files, [rows], source.key_fields)
        connection.execute(
            "INSERT INTO runs SELECT series, row FROM (SELECT *, lag(series) OVER () AS before FROM "
            f"(SELECT hash({source.keys}) AS series, row FROM ({found}))) WHERE series IS DISTINCT FROM before"
        )
        looked_at += rows.count
        if connection.execute("SELECT count(*) FROM runs").fetchall()[0][0] > looked_at / 2:
            return None  # before the runs of hundreds of millions of rows are gathered
    # A series may go on in the next range.
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE runs AS SELECT series, row FROM (SELECT *, lag(series) OVER (ORDER BY row) AS "
        "before FROM runs) WHERE series IS DISTINCT FROM before"
    )
    count, series = connection.execute("SELECT count(*), count(DISTINCT series) FROM runs").fetchall()[0]
    if count > series:
        return None
    return np.sort(connection.execute("SELECT row FROM runs").fetchnumpy()["row"].astype(np.int64))


def _cut(source: Source, starts: NDArray[np.int64]) -> Iterator[list[Rows]]:
    """Ranges of about BUCKET_ROWS rows, each beginning where a series does (`starts`: file << 40 + row)."""
    before = np.concatenate([[0], np.cumsum([file.rows for file in source.files])])
    places = before[starts >> 40] + (starts & ((1 << 40) - 1))  # counted through all files
    cuts = [0]
    while cuts[-1] + BUCKET_ROWS < before[-1]:
        after = int(np.searchsorted(places, cuts[-1] + BUCKET_ROWS))
        if after == len(places):
            break
        cuts.append(int(places[after]))
    for low, high in zip(cuts, [*cuts[1:], int(before[-1])], strict=True):
        yield _between(source, low, high)


def _between(source: Source, low: int, high: int) -> list[Rows]:
    """The rows low, low + 1, ..., high - 1 of the input, counted through all files."""
    ranges, begin = [], 0
    for index, file in enumerate(source.files):
        first, stop = max(low - begin, 0), min(high - begin, file.rows)
        if first < stop:
            ranges.append(Rows(index, first, stop))
        begin += file.rows
    return ranges


def hashed_buckets(
    connection: DuckDBPyConnection, source: Source, reading: Reading, work: Path, report: Report
) -> list[Bucket]:
    """Write every row into the bucket of its series, chunk by chunk; chunks that an earlier command wrote are kept."""
    count = min(MOST_BUCKETS, -(-source.rows // BUCKET_ROWS))
    ordered = reading.keeps_order or source.stamps is None
    row_group = min(122_880, max(2_048, _BUFFERED_ROWS // count))
    stamp = ", t" if source.stamps is not None else ""
    fields = f"{source.keys}{stamp}, y{', row' if ordered else ''}"
    chunks = list(_chunks(source))
    done, places = 0, []
    for number, ranges in enumerate(chunks):
        place = work / f"chunk-{number:05}-{count}-{source.state(ranges)}"
        places.append(place)
        if not place.is_dir():
            aside = place.with_suffix(".tmp")
            shutil.rmtree(aside, ignore_errors=True)
            with faults_named(connection, source.files, ranges, work.parent):
                connection.execute(
                    f"COPY (SELECT {fields}, hash({source.keys}) % {count} AS bucket FROM ({source.select(ranges)})) "
                    f"TO {quoted(str(aside))} (FORMAT parquet, PARTITION_BY (bucket), ROW_GROUP_SIZE {row_group})"
                )
            aside.rename(place)
        done += sum(rows.count for rows in ranges)
        report(done, source.rows)
    buckets = []
    for bucket in range(count):
        files = [file for place in places for file in sorted(place.glob(f"bucket={bucket}/*.parquet"))]
        if files:
            names = ", ".join(quoted(str(file)) for file in files)
            select = f"SELECT {fields} FROM read_parquet([{names}], hive_partitioning=false)"
            buckets.append(Bucket((select,), (), ordered, f"{count} {source.state(source.everything)}"))
    return buckets


def _chunks(source: Source) -> Iterator[list[Rows]]:
    """All rows in pieces of at most CHUNK_ROWS and CHUNK_FILES."""
    chunk: list[Rows] = []
    for rows in source.everything:
        for first in range(rows.first, rows.stop, CHUNK_ROWS):
            piece = Rows(rows.file, first, min(first + CHUNK_ROWS, rows.stop))
            if chunk and (sum(part.count for part in chunk) + piece.count > CHUNK_ROWS or len(chunk) == CHUNK_FILES):
                yield chunk
                chunk = []
            chunk.append(piece)
    if chunk:
        yield chunk


def read_bucket(
    connection: DuckDBPyConnection, source: Source, bucket: Bucket, reading: Reading, common: Common | None, out: Path
) -> Panel | None:
    """The panel of a bucket, read by the same rules as a small input; None if no series in it has any value.

    Series are in the order of the input where it was grouped, else in that of their ids.
    """
    with faults_named(connection, source.files, bucket.ranges, out):
        connection.execute(f"CREATE OR REPLACE TEMP TABLE bucket AS {bucket.selects[0]}")
        for select in bucket.selects[1:]:
            connection.execute(f"INSERT INTO bucket {select}")
        order = "min(row)" if bucket.ranges else source.keys
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE series AS SELECT {source.keys}, row_number() OVER (ORDER BY {order}) - 1 AS "
            f"code FROM bucket GROUP BY {source.keys}"
        )
        found = connection.execute(f"SELECT {source.keys} FROM series ORDER BY code").fetchnumpy()
        ids = {name: plain(found[f"k{index}"]) for index, name in enumerate(source.ids)}
        for index, name in enumerate(source.ids):
            row = "min(row)" if bucket.ordered else "NULL"
            query = f"SELECT count(*), {row} FROM bucket WHERE k{index} IS NULL"
            empty, first = connection.execute(query).fetchall()[0]
            if empty:
                where = f", first row {(first & ((1 << 40) - 1)) + 1}" if bucket.ordered else ""
                raise DataError(
                    f'id column "{name}" is empty in {empty:,} row{"s" * (empty > 1)}{where}: which series do they '
                    "belong to? Fill it in, or remove these rows."
                )
        stamp = "t, " if source.stamps is not None else ""
        sort = f"code{', t' if stamp else ''}{', row' if bucket.ordered else ''}"
        same = " AND ".join(f"bucket.k{index} = series.k{index}" for index in range(len(source.ids)))
        rows = connection.execute(
            f"SELECT code, {stamp}y FROM bucket JOIN series ON {same} ORDER BY {sort}"
        ).fetchnumpy()
        connection.execute("DROP TABLE bucket")
    values, codes = plain(rows["y"]).astype(np.float64), plain(rows["code"]).astype(np.int64)
    if (infinite := np.isinf(values)).any():
        series = int(codes[np.argmax(infinite)])
        name = " · ".join(str(column[series]) for column in ids.values())
        raise DataError(
            f'column "{source.target}" of series "{name}": found an infinite value, expected finite numbers. Correct '
            "it, or leave the cell empty if the value is missing."
        )
    if np.isnan(values).all():
        return None
    stamps = None
    if source.stamps is not None:
        instants = np.ma.filled(rows["t"], np.iinfo(np.int64).min) if np.ma.isMaskedArray(rows["t"]) else rows["t"]
        kind = np.int64 if source.stamps.style.kind == "position" else "M8[us]"
        stamps = replace(source.stamps, instants=instants.astype(np.int64).view(kind))
    return panel_of_rows(
        values,
        stamps,
        codes,
        ids,
        target=source.target,
        timezone=reading.timezone,
        frequency=reading.frequency,
        every=reading.every,
        aggregate=reading.aggregate,
        duplicates=reading.duplicates,
        drop_last=reading.drop_last,
        common=common,
    )
