"""DuckDB with bounds on memory and a place for temporary files; rows of files by range; whose fault an error is."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidegate.errors import DataError
from tidegate.series.tables.duck import first_line, quoted, refusal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMORY_LIMIT = "700MB"
OPEN_FILES = 900  # of a partitioned write: all buckets at once
FILES_AT_ONCE = 20  # in one query: DuckDB takes a time to plan it that grows with their square


@dataclass(frozen=True)
class File:
    """One Parquet file.

    Attributes:
        path: where it is; name: what messages call it: the user's file, if this is a copy.
        state: size and time of the user's file: another state, another file.
    """

    path: Path
    name: str
    rows: int
    state: str


@dataclass(frozen=True)
class Rows:
    """Some rows of a file: first, first + 1, ..., stop - 1, counted from 0. `file` is its place among the files."""

    file: int
    first: int
    stop: int

    @property
    def count(self) -> int:
        return self.stop - self.first


def connect(temporary: Path, threads: int | None) -> DuckDBPyConnection:
    """A DuckDB of its own that keeps to MEMORY_LIMIT, puts what is more into `temporary` and never loads extensions."""
    import duckdb

    settings: dict[str, Any] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "memory_limit": MEMORY_LIMIT,
        "temp_directory": str(temporary),
        "partitioned_write_max_open_files": OPEN_FILES,
    }
    if threads is not None:
        settings["threads"] = min(threads, os.cpu_count() or 1)  # DuckDB starts them all at once, and cannot be stopped
    return duckdb.connect(":memory:", config=settings)


def scan(files: Sequence[File], ranges: Sequence[Rows], fields: str) -> str:
    """SQL of these fields of these rows, and of `row`, their place in the whole input.

    Folders called key=value are no columns: in memory they are none, and they would hide a column of that name.
    """
    return " UNION ALL ".join(
        f"SELECT {fields}, {rows.file << 40} + file_row_number AS row "
        f"FROM read_parquet({quoted(str(files[rows.file].path))}, file_row_number=true, hive_partitioning=false) "
        f"WHERE file_row_number >= {rows.first} AND file_row_number < {rows.stop}"
        for rows in ranges
    )


def few_files(ranges: Sequence[Rows]) -> Iterator[Sequence[Rows]]:
    """The ranges, as many at once as one query should read."""
    for begin in range(0, len(ranges), FILES_AT_ONCE):
        yield ranges[begin : begin + FILES_AT_ONCE]


@contextmanager
def faults_named(
    connection: DuckDBPyConnection, files: Sequence[File], ranges: Sequence[Rows], folder: Path
) -> Iterator[None]:
    """Tell damaged input (DataError with file and row group) from a system that refuses (OSError naming `folder`)."""
    import duckdb

    try:
        yield
    except duckdb.InterruptException:  # a signal: no time to look for anything
        raise
    except duckdb.Error as error:
        if not isinstance(error, duckdb.OutOfMemoryException) and (damage := find_damage(connection, files, ranges)):
            raise damage from error
        if isinstance(error, duckdb.IOException | duckdb.OutOfMemoryException):
            raise refusal(error, folder) from error
        raise


def find_damage(connection: DuckDBPyConnection, files: Sequence[File], ranges: Sequence[Rows]) -> DataError | None:
    """The first row group among these rows that cannot be read; None if all can."""
    import duckdb

    for place in dict.fromkeys(rows.file for rows in ranges):
        file = files[place]
        path = quoted(str(file.path))
        try:
            query = f"SELECT DISTINCT row_group_id, row_group_num_rows FROM parquet_metadata({path}) ORDER BY 1"
            groups = connection.execute(query).fetchall()
        except duckdb.Error as error:
            return DataError(f"{file.name}: damaged Parquet file ({first_line(error)}). {_REMEDY}")
        first = 0
        for number, count in groups:
            if any(rows.file == place and rows.first < first + count and rows.stop > first for rows in ranges):
                try:
                    connection.execute(
                        "SELECT bit_xor(hash(data)) FROM "
                        f"read_parquet({path}, file_row_number=true, hive_partitioning=false) data "
                        f"WHERE file_row_number >= {first} AND file_row_number < {first + count}"
                    ).fetchall()
                except duckdb.Error as error:
                    fault = first_line(error).replace(f' "{file.path}"', "").replace(f"'{file.path}'", "the file")
                    return DataError(
                        f"{file.name}: row group {number + 1} of {len(groups)} (rows {first + 1:,} to "
                        f"{first + count:,}) cannot be read ({fault}). {_REMEDY}"
                    )
            first += count
    return None


_REMEDY = "Write or download it again, then repeat the command: what is finished is kept."
