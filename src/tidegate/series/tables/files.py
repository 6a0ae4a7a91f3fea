"""Files -> Table: CSV in any usual dialect, Parquet and JSON; several files are put under each other."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import DataError
from tidegate.series.tables.csvfiles import open_csv
from tidegate.series.tables.duck import connect
from tidegate.series.tables.filebytes import kind_of, start_of
from tidegate.series.tables.table import Array, Column, Table
from tidegate.series.tables.typedfiles import open_json, open_parquet


def open_files(paths: list[Path], *, decimal: str | None = None) -> Table:
    """One table of the rows of all files, in their order; the files must have the same columns.

    Args:
        paths: existing files; several get one more column, "file", with each row's file name.
        decimal: "." or ",": the decimal mark of text columns, where the file alone does not tell.
    Raises: DataError naming the file if it cannot be read as a table.
    """
    tables = []
    for path in paths:
        if path.is_fifo():  # such as bash's <(command): it can be read only once
            tables.append(open_bytes(path.read_bytes(), path.name, decimal=decimal))
            continue
        with _named(path.name):
            tables.append(_open_one(path, kind_of(path.name, start_of(path)), path.name, decimal))
    return tables[0] if len(tables) == 1 else _stack(tables)


def open_bytes(data: bytes, source: str, *, decimal: str | None = None) -> Table:
    """The table in the bytes of a whole file: CSV, JSON or Parquet, also compressed with gzip."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "input"
        path.write_bytes(data)
        with _named(source):
            return _open_one(path, kind_of("", start_of(path)), source, decimal)


@contextmanager
def _named(source: str) -> Iterator[None]:
    try:
        yield
    except DataError as error:
        raise DataError(f"{source}: {error}") from error


def _open_one(path: Path, kind: str, source: str, decimal: str | None) -> Table:
    if kind == "csv":
        return open_csv(path, source, decimal)
    connection = connect()
    if kind == "parquet":
        return open_parquet(connection, path, source, decimal)
    return open_json(connection, path, source, decimal)


def _same_numbers(arrays: list[Array]) -> list[Array]:
    """Numbers of one column, whole ones here and floats there: all int64 where every float is whole, else float64."""
    floats = [array for array in arrays if array.dtype.kind == "f"]
    if all(((array % 1 == 0) & (np.abs(array) < 2**53)).all() for array in floats):  # so none is missing
        return [array.astype(np.int64) for array in arrays]
    return [array.astype(np.float64) for array in arrays]


def _as_texts(array: Array) -> Array:
    """Values beside text in other files, as text: 1.0 as "1", as it is written where there are whole numbers."""
    whole = array.dtype.kind == "f" and bool((array[~np.isnan(array)] % 1 == 0).all())
    texts = np.empty(len(array), dtype=object)
    texts[:] = [None if x is None or x != x else str(int(x) if whole else x) for x in array]
    return texts


def _stack(tables: list[Table]) -> Table:
    """The rows of several tables with the same columns under each other, and which file each came from."""
    first = tables[0]
    for table in tables[1:]:
        if set(table.names) != set(first.names):
            odd = sorted(set(table.names) ^ set(first.names))
            raise DataError(
                f"{first.source} and {table.source} differ in the columns {', '.join(odd)}, expected the same in all "
                "files. Read them one by one, or give them one header."
            )
    counts = [table.rows for table in tables]
    ends = np.cumsum(counts)

    def joined(name: str) -> Column:
        parts = [table[name] for table in tables]
        kinds = {part.kind for part in parts} - {"empty"}
        kind = kinds.pop() if len(kinds) == 1 else ("text" if kinds else "empty")

        def raw() -> Array:
            arrays = [part.raw() for part in parts]
            types = {array.dtype.kind for array in arrays}
            if len(types) > 1 and types <= set("iuf"):
                arrays = _same_numbers(arrays)
            elif len(types) > 1:
                arrays = [_as_texts(array) for array in arrays]
            return np.concatenate(arrays)

        def numbers() -> tuple[NDArray[np.float64], str]:
            read = [part.numbers() for part in parts]
            return np.concatenate([values for values, _ in read]), next((note for _, note in read if note), "")

        sample = np.concatenate([part.sample for part in parts])
        return Column(name, kind, raw, numbers, sample, all(part.whole for part in parts), parts[0].zone)

    def place(row: int) -> str:
        index = int(np.searchsorted(ends, row, side="right"))
        return f"{tables[index].source}, {tables[index].place(row - int(ends[index]) + counts[index])}"

    def no_numbers() -> tuple[NDArray[np.float64], str]:
        raise DataError('"file" names the file of each row, expected numbers. Name another column with --target.')

    def origin() -> Array:
        return np.repeat(np.array([table.source for table in tables], dtype=object), counts)

    source = f"{len(tables)} files ({first.source} to {tables[-1].source})"
    columns = [joined(name) for name in first.names]
    if "file" not in first.names:
        columns.append(Column("file", "text", origin, no_numbers, np.empty(0, dtype=object), made=True))
    notes = tuple(dict.fromkeys(f"{table.source}: {note}" for table in tables for note in table.notes))
    return Table(tuple(columns), int(ends[-1]), source, place, notes)
