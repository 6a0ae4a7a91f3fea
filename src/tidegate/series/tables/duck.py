"""DuckDB as the reader of files: a private connection, quoting, and text columns that become numbers when asked."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tidegate.series.tables.amounts import find_sign, point_may_part_thousands, usual_mark
from tidegate.series.tables.numbertext import classify, plain, text_numbers, without_sign_sql
from tidegate.series.tables.table import Array, Column

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def connect() -> DuckDBPyConnection:
    """A place for temporary tables in an in-memory DuckDB that never downloads or loads an extension."""
    return _database(os.getpid()).cursor()


@cache
def _database(process: int) -> DuckDBPyConnection:
    """One database for all reads (starting one takes longer than a small file), and a new one in a forked process."""
    import duckdb

    settings: dict[str, Any] = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    return duckdb.connect(":memory:", config=settings)


def text_column(
    connection: DuckDBPyConnection,
    table: str,
    field: str,
    name: str,
    sample: Array,
    place: Callable[[int], str],
    decimal: str | None,
    *,
    strict: bool,
    usual: str | None = None,
    typed: bool = False,
) -> Column:
    """A column of text cells that may be numbers; see `text_numbers` for `place`, `decimal`, `strict` and `usual`.

    Args:
        table, field: SQL of the rows and of the cell in them.
        sample: some non-missing cells.
        typed: the file has types and this one is text: "1" stays text as an id.
    """
    kind, whole = classify(sample.tolist())
    sign = find_sign(sample.tolist()) if kind == "text" else ""
    if sign:
        kind, usual = "number", usual or usual_mark(sign, sample.tolist())
        strict = strict or point_may_part_thousands(sign)
    cell = f"nullif(trim({field}), '')"
    may_be_numbers = whole and not typed

    def raw() -> Array:
        if may_be_numbers:
            count, same = connection.execute(
                f"SELECT count(*), count_if(CAST(TRY_CAST({field} AS BIGINT) AS VARCHAR) = {field}) FROM {table}"
            ).fetchall()[0]
            if count == same:  # "007" and "1e3" are not, and stay text
                return plain(connection.execute(f"SELECT CAST({field} AS BIGINT) AS x FROM {table}").fetchnumpy()["x"])
        return plain(connection.execute(f"SELECT {cell} AS x FROM {table}").fetchnumpy()["x"])

    def runs() -> tuple[NDArray[np.int64], Array] | None:
        most = count_rows(connection, table) // 4
        found = connection.execute(
            f"SELECT i, x FROM (SELECT x, row_number() OVER () - 1 AS i, lag(x) OVER () AS before FROM "
            f"(SELECT {cell} AS x FROM {table})) WHERE i = 0 OR x IS DISTINCT FROM before LIMIT {most + 1}"
        ).fetchnumpy()
        return (plain(found["i"]).astype(np.int64), plain(found["x"])) if len(found["i"]) <= most else None

    def numbers() -> tuple[NDArray[np.float64], str]:
        bare, told = without_sign_sql(connection, table, field, name, place, sign) if sign else (field, "")
        values, note = text_numbers(connection, table, bare, name, place, decimal, strict=strict, usual=usual)
        return values, "; ".join(filter(None, (told, note)))

    return Column(name, kind, raw, numbers, sample, whole, runs=None if may_be_numbers else runs)


def count_rows(connection: DuckDBPyConnection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])


def quoted(text: str) -> str:
    """A text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def quoted_name(text: str) -> str:
    """A column's name as SQL."""
    return '"' + text.replace('"', '""') + '"'


def first_line(error: Exception) -> str:
    """The first line of DuckDB's message, which says what; the others suggest options of DuckDB."""
    return str(error).split("\n")[0].removeprefix("Invalid Input Error: ").strip(" .")


def refusal(error: Exception, place: str | os.PathLike[str]) -> OSError:
    """DuckDB's complaint about the system (disk full, no permission, no memory) as an OSError about `place`."""
    said = re.search(r'"errno":"(\d+)"', str(error))
    if said:
        number = int(said[1])
    elif "Out of Memory" in str(error):
        number = errno.ENOSPC if "temp_directory" in str(error) else errno.ENOMEM
    else:
        number = errno.ENOSPC if "No space left" in str(error) or "Could not write" in str(error) else errno.EIO
    return OSError(number, os.strerror(number), os.fspath(place))
