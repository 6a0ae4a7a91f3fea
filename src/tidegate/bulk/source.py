"""What the input of a bulk forecast is: plain Parquet files, which columns are what, and how stamps become instants."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tidegate.bulk.database import File, Rows, faults_named, few_files, scan
from tidegate.errors import ConfigError, DataError
from tidegate.forecasting.saving import save_columns
from tidegate.series.dates.stamps import ParsedStamps
from tidegate.series.reading import Reading, find_files, parse_columns, recognise, refuse_without_time
from tidegate.series.tables.duck import first_line, quoted, quoted_name
from tidegate.series.tables.files import open_files
from tidegate.series.tables.roles import Roles
from tidegate.series.tables.table import Table
from tidegate.series.tables.typedfiles import NUMBER_TYPE, STAMP_TYPES, raw_field

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

HEAD_ROWS = 100_000  # at the start and at the end of the input, by which the columns are recognised
MOST_STAMPS = 20_000_000  # different ones that are not of a date type: they are read in memory


def digest(*texts: str) -> str:
    """A short text that is the same for the same texts only."""
    return hashlib.sha256("\n".join(texts).encode(errors="surrogateescape")).hexdigest()[:16]  # names of any bytes


@dataclass(frozen=True)
class Source:
    """The rows of all files, with internal names: k0, k1, ... the ids, t the stamp (an integer), y the value.

    Attributes:
        files: in reading order, all with the same columns.
        ids, target: the user's names.
        key_fields: SQL that makes k0, ... of a file's columns.
        fields: the same, and t and y; w0, ... in t's place where stamps are looked up.
        stamps: how the stamps are written, without any; None if there is no time column.
        looked_up: the file with the instant (t) of each different stamp (w0, ...); None where they need none.
    """

    files: tuple[File, ...]
    ids: tuple[str, ...]
    target: str
    key_fields: str
    fields: str
    stamps: ParsedStamps | None
    looked_up: Path | None = None

    @property
    def keys(self) -> str:
        """SQL of the id columns."""
        return ", ".join(f"k{index}" for index in range(len(self.ids)))

    @property
    def everything(self) -> list[Rows]:
        return [Rows(index, 0, file.rows) for index, file in enumerate(self.files) if file.rows]

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    def select(self, ranges: Sequence[Rows]) -> str:
        """SQL of k0, ..., t (if there are stamps), y and row."""
        found = scan(self.files, ranges, self.fields)
        if self.looked_up is None:
            return found
        parts = range(len(self._written))
        same = " AND ".join(f"data.w{index} IS NOT DISTINCT FROM known.w{index}" for index in parts)
        return (
            f"SELECT {self.keys}, known.t, y, row FROM ({found}) data "
            f"JOIN read_parquet({quoted(str(self.looked_up))}, hive_partitioning=false) known ON {same}"
        )

    def state(self, ranges: Sequence[Rows]) -> str:
        """A short text that is another one if these rows are, or the files they are in."""
        return digest(*(f"{self.files[rows.file].state} {rows.first} {rows.stop}" for rows in ranges))

    @property
    def _written(self) -> list[str]:
        assert self.stamps is not None
        return self.stamps.column.split(",") if self.stamps.column else []


def open_source(connection: DuckDBPyConnection, data: str, reading: Reading, work: Path) -> Source | None:
    """Look at the files, not at all of their rows. None: one series, or one per column: nothing to take in parts.

    Files that are no plain Parquet, or whose values are text, are read one by one and written again in `work`.
    Raises: DataError naming the file whose columns differ, or cannot be read; else as `read_panel`.
    """
    # What an earlier command wrote, where the pattern takes in the folder of the forecasts, is no data.
    paths = [path for path in find_files(data) if work.parent.resolve() not in path.resolve().parents]
    plain = [_is_plain(path) for path in paths]
    files = [
        _counted(connection, path, path) if is_plain else None for path, is_plain in zip(paths, plain, strict=True)
    ]
    head = _head(connection, paths, files, work, reading)
    try:
        roles, stamps = recognise(
            head, id=reading.id, time=reading.time, target=reading.target, date_format=reading.date_format
        )
    except DataError as error:
        raise DataError(f"{head.source}: {error}", *error.ways) from error
    if not roles.ids or len(roles.targets) > 1:
        return None
    if stamps is None:
        refuse_without_time(
            timezone=reading.timezone, date_format=reading.date_format, every=reading.every, frequency=reading.frequency
        )
    used = (*roles.ids, *roles.times, roles.targets[0])
    checked: list[File] = []
    types: list[dict[str, str]] = []
    names: set[str] = set()
    for index, (path, file) in enumerate(zip(paths, files, strict=True)):
        described = None if file is None else _types(connection, file)
        if file is None or described is None or not NUMBER_TYPE.fullmatch(described.get(roles.targets[0], "DOUBLE")):
            file, described = _rewritten(connection, path, index, roles, work, reading)
        else:
            names = names or set(described)
            if odd := sorted(set(described) ^ names):
                raise DataError(
                    f"{file.name} and {checked[0].name} differ in the columns {', '.join(odd)}, expected the same in "
                    "all files. Forecast them one by one, or give them the same columns."
                )
        checked.append(file)
        types.append({name: described[name] for name in used})
    # A file without rows holds no values of any type, and is left out.
    kept = [place for place, file in enumerate(checked) if file.rows]
    checked, types = [checked[place] for place in kept], [types[place] for place in kept]
    _check_types(checked, types, roles)
    source = _with_fields(tuple(checked), roles, types[0], stamps)
    return (
        source
        if stamps is None or source.looked_up is None
        else _look_up(connection, source, roles, types[0], work, reading)
    )


def _is_plain(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1" and not set("*?[") & set(str(path))


def _counted(connection: DuckDBPyConnection, path: Path, original: Path) -> File:
    import duckdb

    try:
        found = connection.execute(f"SELECT num_rows FROM parquet_file_metadata({quoted(str(path))})").fetchall()
    except duckdb.Error as error:
        fault = first_line(error).replace(f" '{path}'", "")
        raise DataError(f"{original.name}: damaged Parquet file ({fault}). Write or download it again.") from error
    return File(path, original.name, int(found[0][0]), _state(original))


def _state(path: Path) -> str:
    facts = path.stat()
    return f"{path} {facts.st_size} {facts.st_mtime_ns}"


def _types(connection: DuckDBPyConnection, file: File) -> dict[str, str]:
    rows = f"read_parquet({quoted(str(file.path))}, hive_partitioning=false)"
    described = connection.execute(f"DESCRIBE SELECT * FROM {rows}").fetchall()
    return {str(row[0]): str(row[1]) for row in described}


def _head(
    connection: DuckDBPyConnection, paths: list[Path], files: list[File | None], work: Path, reading: Reading
) -> Table:
    """Rows from the start and the end of the input, as a table. Raises: DataError if there are none."""
    filled = [(path, file) for path, file in zip(paths, files, strict=True) if file is None or file.rows]
    first, last = (filled[0][1], filled[-1][1]) if filled else (None, None)
    if first is None or last is None:
        tables = (open_files([path], decimal=reading.decimal) for path, _ in filled)
        if (table := next((table for table in tables if table.rows), None)) is None:
            raise DataError(f"{_together(paths)}: found no rows, expected some (below the header, if it is a file).")
        return table
    ranges = [Rows(0, 0, min(HEAD_ROWS, first.rows))]
    ends = [first, last] if len(filled) > 1 else [first]
    start = max(0 if len(ends) > 1 else ranges[0].stop, last.rows - HEAD_ROWS)
    if start < last.rows and set(_types(connection, first)) == set(_types(connection, last)):
        ranges.append(Rows(len(ends) - 1, start, last.rows))
    place = work / "head.parquet"
    rows = scan(ends, ranges, "*").replace("SELECT *, ", "SELECT * EXCLUDE (file_row_number), ")
    with faults_named(connection, ends, ranges, work):
        connection.execute(
            f"COPY (SELECT * EXCLUDE (row) FROM ({rows})) TO {quoted(str(place))} "
            f"(FORMAT parquet{_note_of_pandas(connection, first)})"
        )
    table = open_files([place], decimal=reading.decimal)
    return replace(table, source=_together(paths))


def _together(paths: list[Path]) -> str:
    """How messages call the files."""
    return paths[0].name if len(paths) == 1 else f"{len(paths)} files"


def _note_of_pandas(connection: DuckDBPyConnection, file: File) -> str:
    """An option of COPY that keeps what pandas noted in a file, time zones for instance; "" without such a note."""
    query = f"SELECT value FROM parquet_kv_metadata({quoted(str(file.path))}) WHERE key = 'pandas' LIMIT 1"
    found = connection.execute(query).fetchall()
    return f", KV_METADATA {{pandas: {quoted(bytes(found[0][0]).decode())}}}" if found else ""


def _rewritten(
    connection: DuckDBPyConnection, path: Path, index: int, roles: Roles, work: Path, reading: Reading
) -> tuple[File, dict[str, str]]:
    """A file of any kind as plain Parquet with the columns that are used; read in memory, whole."""
    place = work / f"rewritten-{index:05}-{digest(_state(path))}.parquet"
    if not place.exists():
        table = open_files([path], decimal=reading.decimal)
        needed = (*roles.ids, *roles.times, roles.targets[0])
        if missing := sorted(set(needed) - set(table.names)):
            raise DataError(f"{path.name} has no column {', '.join(missing)}, expected the same columns in all files.")
        columns = {name: table[name].raw() for name in (*roles.ids, *roles.times)}
        try:
            columns[roles.targets[0]] = table[roles.targets[0]].numbers()[0]
        except DataError as error:
            raise DataError(f"{path.name}: {error}", *error.ways) from error
        zones = {name: table[name].zone for name in columns}
        save_columns(columns, place, zones={name: zone for name, zone in zones.items() if zone is not None})
    file = _counted(connection, place, path)
    return file, _types(connection, file)


def _check_types(files: list[File], types: list[dict[str, str]], roles: Roles) -> None:
    for file, found in zip(files, types, strict=True):
        for name in (*roles.ids, *roles.times):
            here, there = _kind(found[name]), _kind(types[0][name])
            if here != there and found[name] != types[0][name]:
                raise DataError(
                    f'{file.name}: column "{name}" holds {found[name].lower()} values, in {files[0].name} '
                    f"{types[0][name].lower()}; expected the same in all files."
                )


def _kind(type_name: str) -> str:
    return "number" if NUMBER_TYPE.fullmatch(type_name) and "INT" in type_name else type_name


def _with_fields(files: tuple[File, ...], roles: Roles, types: dict[str, str], stamps: ParsedStamps | None) -> Source:
    """The source with its SQL; `looked_up` is a placeholder where stamps have to be looked up."""
    keys = ", ".join(f"{raw_field(name, types[name])} AS k{index}" for index, name in enumerate(roles.ids))
    fields = [keys]
    direct = len(roles.times) == 1 and types[roles.times[0]] in STAMP_TYPES
    if stamps is not None:
        stamps = replace(stamps, instants=stamps.instants[:0])
        if direct:
            fields.append(f"epoch_us(CAST({quoted_name(roles.times[0])} AS {_exact(types[roles.times[0]])})) AS t")
        else:
            fields += [f"{raw_field(name, types[name])} AS w{index}" for index, name in enumerate(roles.times)]
    fields.append(f"CAST({quoted_name(roles.targets[0])} AS DOUBLE) AS y")
    looked_up = Path() if stamps is not None and not direct else None
    return Source(files, roles.ids, roles.targets[0], keys, ", ".join(fields), stamps, looked_up)


def _exact(type_name: str) -> str:
    return type_name if type_name.endswith("ZONE") else "TIMESTAMP"


def _look_up(
    connection: DuckDBPyConnection, source: Source, roles: Roles, types: dict[str, str], work: Path, reading: Reading
) -> Source:
    """Read each different stamp of the whole input once, exactly as a small input is read."""
    place, written = work / "stamps.parquet", work / "stamps-written.parquet"
    raw = [f"{raw_field(name, types[name])} AS {quoted_name(name)}" for name in roles.times]
    names = ", ".join(map(quoted_name, roles.times))
    with faults_named(connection, source.files, source.everything, work):
        for number, ranges in enumerate(few_files(source.everything)):
            found = f"SELECT DISTINCT {names} FROM ({scan(source.files, ranges, ', '.join(raw))})"
            connection.execute(
                f"INSERT INTO different {found}" if number else f"CREATE TEMP TABLE different AS {found}"
            )
        connection.execute(
            f"COPY (SELECT DISTINCT {names} FROM different ORDER BY ALL LIMIT {MOST_STAMPS + 1}) "
            f"TO {quoted(str(written))} (FORMAT parquet)"
        )
        connection.execute("DROP TABLE different")
    table = open_files([written])
    if table.rows > MOST_STAMPS:
        raise ConfigError(
            f'time column "{",".join(roles.times)}" has more than {MOST_STAMPS:,} different timestamps written as text '
            "or numbers: write it with a date type (timestamp) to forecast so much"
        )
    stamps = parse_columns(table, roles.times, reading.date_format)
    assert stamps is not None
    instants = stamps.instants.astype(np.int64)
    columns = {f"w{index}": table[name].raw() for index, name in enumerate(roles.times)}
    save_columns({**columns, "t": instants}, place)
    written.unlink()
    return replace(source, stamps=replace(stamps, instants=stamps.instants[:0]), looked_up=place)
