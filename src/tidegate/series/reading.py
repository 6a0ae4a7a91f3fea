"""Files, frames and arrays -> Panel: the one place that checks what comes from outside."""

from __future__ import annotations

import glob
import os
import sys
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ConfigError, DataError
from tidegate.series.dates.grid import Common, build_grid, position_grid
from tidegate.series.dates.parts import parse_parts
from tidegate.series.dates.stamps import ParsedStamps, parse_stamps
from tidegate.series.panel import Panel
from tidegate.series.tables.ids import factorize, first_rows, numbered
from tidegate.series.tables.numbertext import is_missing
from tidegate.series.tables.roles import (
    UNNAMED,
    Names,
    Roles,
    find_clock,
    find_roles,
    find_times,
    holds_clock,
    named_columns,
)
from tidegate.series.tables.table import Array, Column, Table, plain_name, sums_up

_MANY_ROWS = 20_000


@dataclass(frozen=True)
class Reading:
    """How to read the data: the options of `read_panel`, where they travel together."""

    id: Names | None = None
    time: Names | None = None
    target: Names | None = None
    timezone: str | None = None
    date_format: str | None = None
    every: str | None = None
    aggregate: str | None = None
    duplicates: str | None = None
    drop_last: bool = False
    frequency: str | None = None
    decimal: str | None = None

    @property
    def given(self) -> tuple[str, ...]:
        """The names of those that say something."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name) is not field.default)

    @property
    def keeps_order(self) -> bool:
        """Whether the order of rows with the same stamp may matter."""
        return self.every is not None or self.duplicates is not None


def input_kind(data: object) -> str:
    """ "pandas", "polars", "pyarrow" or "numpy": the library a forecast of `data` comes back in."""
    from tidegate.series.tables.frames import library_of

    return "numpy" if isinstance(data, str | os.PathLike) else library_of(data)


def read_panel(
    data: object,
    *,
    id: Names | None = None,
    time: Names | None = None,
    target: Names | None = None,
    timezone: str | None = None,
    date_format: str | None = None,
    every: str | None = None,
    aggregate: str | None = None,
    duplicates: str | None = None,
    drop_last: bool = False,
    frequency: str | None = None,
    decimal: str | None = None,
) -> Panel:
    """Read any supported input as a Panel; docs/reading.md lists the rules.

    Args:
        data: path or glob (CSV, Parquet, JSON, each also .gz), "-" for standard input, the bytes of such a file, a
            pandas, Polars or Arrow frame or series (anything narwhals takes), a dict of columns, a list of dicts (one
            per row), a one-dimensional array or list, or a Table that `open_table` made of one of these.
        id: column that names the series, or several (a sequence, or joined by commas).
        time: column of the stamps, or several that make one: "year,month,day,hour", "date,hour".
        target: column of the values; several make one series each.
        timezone, every, aggregate, duplicates, drop_last, frequency: see `tidegate.series.dates.grid.build_grid`.
        date_format: see `tidegate.series.dates.stamps.parse_stamps`.
        decimal: "." or ",": the decimal mark of numbers written as text, where that cannot be seen.
    Raises: DataError if the data cannot be used as they are; ConfigError if an option, path or column name makes no
        sense; OSError if a file cannot be opened.
    """
    if decimal not in (None, ".", ","):
        raise ConfigError(f'decimal is {decimal!r}, expected "." or ",".')
    table = open_table(data, decimal=decimal)
    try:
        if table.rows == 0:
            raise DataError("found no rows, expected some (below the header, if it is a file).")
        roles, stamps = recognise(table, id=id, time=time, target=target, date_format=date_format)
        values, notes = _values(table, roles)
        codes, ids = _series(table, roles)
        if stamps is None:
            refuse_without_time(timezone=timezone, date_format=date_format, every=every, frequency=frequency)
        panel = panel_of_rows(
            values,
            stamps,
            codes,
            ids,
            target=roles.targets[0] if len(roles.targets) == 1 else "value",
            timezone=timezone,
            frequency=frequency,
            every=every,
            aggregate=aggregate,
            duplicates=duplicates,
            drop_last=drop_last,
        )
    except DataError as error:
        raise DataError(f"{table.source}: {error}", *error.ways) from error
    notes += _left_out(table, roles)
    return replace(panel, notes=(_headline(panel, table, roles), *table.notes, *notes, *panel.notes))


def recognise(
    table: Table,
    *,
    id: Names | None = None,
    time: Names | None = None,
    target: Names | None = None,
    date_format: str | None = None,
) -> tuple[Roles, ParsedStamps | None]:
    """Which columns are what, and the stamps that were read on the way; None without a time column."""
    taken = {*named_columns(table, "id", id), *named_columns(table, "target", target)}
    times = find_times(table, time, taken)
    stamps = parse_columns(table, times, date_format)
    clock = find_clock(table, times, stamps.instants) if stamps is not None and time is None else None
    if clock:
        times = (*times, clock)
        stamps = parse_columns(table, times, date_format)
    return find_roles(table, times, None if stamps is None else stamps.instants, id=id, target=target), stamps


def refuse_without_time(**options: str | None) -> None:
    """Raises ConfigError for options that only mean something where there are stamps."""
    given = [word for word, value in options.items() if value is not None]
    if given:
        raise ConfigError(
            f"--{given[0].replace('_', '-')} needs a time column, and there is none. Name one with --time."
        )


def panel_of_rows(
    values: NDArray[np.float64],
    stamps: ParsedStamps | None,
    codes: NDArray[np.int64] | None,
    ids: dict[str, Array],
    *,
    target: str,
    timezone: str | None = None,
    frequency: str | None = None,
    every: str | None = None,
    aggregate: str | None = None,
    duplicates: str | None = None,
    drop_last: bool = False,
    common: Common | None = None,
) -> Panel:
    """Rows whose columns have been read -> Panel, with notes on what was left out and on the grid.

    Args:
        values: (rows,) finite or NaN. stamps: of the same rows, or of each target's; None: steps are counted.
        codes: (rows,) the series of each row; None: one. ids: (series,) by column name.
        common: what other series of the same input decided already, where they are read in parts.
    """
    values, stamps, codes, ids, notes = _without_empty_series(values, stamps, codes, ids)
    if stamps is None:
        grid = position_grid(values, codes)
    else:
        grid = build_grid(
            values,
            stamps,
            codes,
            names=None if codes is None else _namer(ids),
            timezone=timezone,
            frequency=frequency,
            every=every,
            aggregate=aggregate,
            duplicates=duplicates,
            drop_last=drop_last,
            common=common,
        )
    return Panel(grid.values, grid.offsets, grid.timeline, ids=ids, target=target, notes=(*notes, *grid.notes))


def open_table(data: object, *, decimal: str | None = None) -> Table:
    """The columns of any supported input; a Table stays what it is.

    Raises: ConfigError if a path does not exist, or is a folder or an address; DataError if it holds no table.
    """
    if isinstance(data, Table):
        return data
    from tidegate.series.tables.files import open_bytes, open_files

    if isinstance(data, bytes):
        return open_bytes(data, "the table", decimal=decimal)
    if not isinstance(data, str | os.PathLike):
        from tidegate.series.tables.frames import open_frame

        return open_frame(data)

    name = os.fspath(data)
    if name == "-":
        return open_bytes(sys.stdin.buffer.read(), "standard input", decimal=decimal)
    return open_files(find_files(name), decimal=decimal)


def find_files(name: str) -> list[Path]:
    """The files a path or pattern means, in order. Raises: ConfigError if there are none."""
    path = Path(name).expanduser()
    if "://" in name:
        raise ConfigError(f"{name} is an address, expected a file on this machine. Download it first.")
    if path.is_dir():
        raise ConfigError(f"{name} is a folder, expected a file. Name one, or several by a pattern: {path / '*.csv'}")
    if path.exists():
        return [path]
    if glob.has_magic(name):
        found = sorted(Path(match) for match in glob.glob(str(path), recursive=True))
        files = [match for match in found if match.is_file()]
        if not files:
            raise ConfigError(
                f"no file matches {name}. Check the pattern and the folder it starts from ({Path.cwd()})."
            )
        return files
    near: list[str] = []
    if path.parent.is_dir():
        near = get_close_matches(path.name, [entry.name for entry in path.parent.iterdir()], n=2, cutoff=0.7)
        hint = f"did you mean {' or '.join(str(path.parent / match) for match in near)}?" if near else "check its name."
    else:
        hint = f"there is no folder {path.parent} either."
    raise ConfigError(f"there is no file {name}; {hint}")


def parse_columns(table: Table, times: tuple[str, ...], date_format: str | None) -> ParsedStamps | None:
    """The stamps in the time columns, each different text read once; None without such columns.

    Raises: DataError if they cannot be read, naming the last row if that one sums up the others.
    """
    if not times:
        return None
    columns = [table[name] for name in times]
    for column in columns:
        if column.kind == "empty":
            raise DataError(f'time column "{column.name}" is empty, expected timestamps. Name another with --time.')
    if len(columns) == 1:
        raw = columns[0].raw()
        try:
            return _parse_column(columns[0], raw, date_format)
        except DataError:
            _refuse_totals(table, columns[0], raw, date_format)
            raise
    if len(columns) == 2 and holds_clock(columns[1]):
        dates, clocks = columns[0].raw(), columns[1].raw()
        if dates.dtype.kind == "M":
            dates = dates.astype("datetime64[D]").astype(str).astype(object)  # missing ones as "NaT"
        joined = np.array(
            [None if d in (None, "NaT") or c is None else f"{d} {c}" for d, c in zip(dates, clocks, strict=True)]
        )
        return parse_stamps(joined.astype(object), name=",".join(times), date_format=date_format)
    return parse_parts([column.raw() for column in columns], times, date_format)


def _parse_column(column: Column, raw: Array, date_format: str | None) -> ParsedStamps:
    if raw.dtype.kind == "O" and len(raw) >= _MANY_ROWS:  # many series share their stamps: read each text once
        codes, count = factorize(raw)
        if count <= len(raw) / 2 and codes.min() >= 0:
            first = np.unique(codes, return_index=True)[1]
            stamps = parse_stamps(raw[first], name=column.name, date_format=date_format, zone=column.zone)
            return replace(stamps, instants=stamps.instants[codes])
    return parse_stamps(raw, name=column.name, date_format=date_format, zone=column.zone)


def _refuse_totals(table: Table, column: Column, raw: Array, date_format: str | None) -> None:
    """Raises DataError if the stamps could be read but for a last row such as "Total"."""
    last = next((row for row in reversed(range(len(raw))) if not is_missing(str(raw[row] or ""))), 0)
    if not sums_up(str(raw[last])):
        return
    try:
        _parse_column(column, raw[:last], date_format)
    except DataError:
        return  # other rows are wrong as well
    raise DataError(
        f'time column "{column.name}", {table.place(last)}: found "{raw[last]}", expected a timestamp. '
        "This last row seems to sum up the others: delete it."
    )


def _values(table: Table, roles: Roles) -> tuple[NDArray[np.float64], list[str]]:
    """(rows · targets,) the targets' values one column after the other, finite or NaN, and notes."""
    arrays, notes = [], []
    for name in roles.targets:
        values, note = table[name].numbers()
        if note:
            notes.append(note)
        infinite = np.isinf(values)
        if infinite.any():
            where = table.place(int(np.argmax(infinite)))
            raise DataError(
                f'column "{name}", {where}: found an infinite value ({np.count_nonzero(infinite)} in all), expected '
                "finite numbers. Correct it, or leave the cell empty if the value is missing."
            )
        arrays.append(values)
    values = np.concatenate(arrays)
    observed = np.count_nonzero(~np.isnan(values))
    label = f'"{roles.targets[0]}"' if len(roles.targets) == 1 else "the columns"
    if observed == 0:
        raise DataError(f"all {len(values)} values of {label} are missing, expected numbers. Is this the right column?")
    if observed == 1:
        raise DataError(f"found a single value in {label}, expected at least 2. Add more history.")
    if observed < len(values):
        missing = _counted(len(values) - int(observed), "value")
        notes.append(f"{missing} of {label} {'is' if observed == len(values) - 1 else 'are'} missing")
    return values, notes


def _series(table: Table, roles: Roles) -> tuple[NDArray[np.int64] | None, dict[str, Array]]:
    """(rows · targets,) the series of each value, and (series,) ids by column name, in order of first appearance."""
    if len(roles.targets) > 1:
        name = "series" if "series" not in table.names else "series_id"
        codes = np.repeat(np.arange(len(roles.targets)), table.rows)
        labels = np.empty(len(roles.targets), dtype=object)
        labels[:] = roles.targets
        return codes, {name: labels}
    if not roles.ids:
        return None, {}
    parts: list[NDArray[np.int64]] = []
    known: dict[str, Array] = {}
    for name in roles.ids:
        codes, known[name] = numbered(table[name], table.rows)
        if (codes < 0).any():
            where = table.place(int(np.argmax(codes < 0)))
            raise DataError(
                f'id column "{name}" is empty in {_counted(int((codes < 0).sum()), "row")}, first {where}: which '
                "series do they belong to? Fill it in, or remove these rows."
            )
        parts.append(codes)
    if len(parts) == 1:
        return parts[0], known
    joined = np.zeros(table.rows, dtype=np.int64)
    for codes, values in zip(parts, known.values(), strict=True):
        joined = joined * len(values) + codes
    together, _ = factorize(joined)
    first = first_rows(together)
    return together, {name: known[name][codes[first]] for name, codes in zip(known, parts, strict=True)}


def _without_empty_series(
    values: NDArray[np.float64], stamps: ParsedStamps | None, codes: NDArray[np.int64] | None, ids: dict[str, Array]
) -> tuple[NDArray[np.float64], ParsedStamps | None, NDArray[np.int64] | None, dict[str, Array], list[str]]:
    """Leave out series without any value, and say so; stamps come back repeated for every target of a wide table."""
    if codes is None:
        return values, stamps, None, ids, []
    if stamps is not None and len(stamps.instants) < len(values):
        stamps = replace(stamps, instants=np.tile(stamps.instants, len(values) // len(stamps.instants)))
    count = len(next(iter(ids.values())))
    observed = np.bincount(codes, weights=~np.isnan(values), minlength=count) > 0
    if observed.all():
        return values, stamps, codes, ids, []
    kept = observed[codes]
    label = _namer(ids)
    dropped = np.flatnonzero(~observed)
    told = ", ".join(label(int(index)) for index in dropped[:5]) + (" …" if len(dropped) > 5 else "")
    note = f"{_counted(len(dropped), 'series')} without any values left out: {told}"
    renumbered = (np.cumsum(observed) - 1)[codes[kept]]
    if stamps is not None:
        stamps = replace(stamps, instants=stamps.instants[kept])
    return values[kept], stamps, renumbered, {name: column[observed] for name, column in ids.items()}, [note]


def _namer(ids: dict[str, Array]) -> Any:
    return lambda index: " · ".join(str(column[index]) for column in ids.values())


def _headline(panel: Panel, table: Table, roles: Roles) -> str:
    """What was recognised: `sales.csv: time "Month", target "Sales"; 144 monthly values, 1949-01 to 1960-12`."""
    said = [f'id "{",".join(roles.ids)}"'] if roles.ids else []
    said += [f'time "{",".join(roles.times)}"'] if roles.times else ["no time column"]
    said += (
        [f'target "{roles.targets[0]}"']
        if len(roles.targets) == 1
        else [f"{len(roles.targets)} columns, one series each"]
    )
    frequency = panel.timeline.frequency
    steps = panel.lengths
    if frequency is None:
        ends = panel.timeline.starts.astype(np.int64) + steps - 1
    else:
        ends = np.asarray(frequency.advance(panel.timeline.starts.astype("datetime64[us]"), steps - 1))
    early, late = int(np.argmin(panel.timeline.starts)), int(np.argmax(ends))
    first = panel.timeline.text(early, 0, 1)[0]
    last = panel.timeline.text(late, int(steps[late]) - 1, 1)[0]
    many = f"{panel.size} series, " if panel.ids else ""
    step = "" if frequency is None else frequency.name
    kind = f"values {step}" if step.startswith("every ") else f"{step} values".lstrip()
    where = f"{first} to {last}" if frequency is not None else f"positions {first} to {last}"
    return f"{table.source}: {', '.join(said)}; {many}{len(panel.values)} {kind}, {where}"


def _left_out(table: Table, roles: Roles) -> list[str]:
    """A note on columns of numbers that are not forecast, and that might have been meant; none if there are none."""
    used = (*roles.ids, *roles.times, *roles.targets)
    names = [column.name for column in table.columns if column.kind == "number" and column.name not in used]
    names = [name for name in names if plain_name(name) not in UNNAMED]
    if not names:
        return []
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return [f"column{'s' * (len(names) > 1)} of numbers left out: {', '.join(names[:5])}{more}"]


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 or noun == 'series' else 's'}"
