"""New rows of series that are known already: the door of a stream. Columns, stamps and ids as the history has them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ConfigError, DataError
from tidegate.series.dates.clockchanges import show
from tidegate.series.dates.counts import COUNTS
from tidegate.series.dates.frequency import Frequency
from tidegate.series.dates.stamps import ParsedStamps, parse_stamps
from tidegate.series.dates.timeline import StampStyle, Timeline
from tidegate.series.dates.types import Integers, Stamps
from tidegate.series.dates.zones import zone_table
from tidegate.series.reading import open_table, parse_columns
from tidegate.series.tables.ids import factorize, numbered
from tidegate.series.tables.roles import (
    ID_NAMES,
    TARGET_NAMES,
    TIME_NAMES,
    Names,
    date_column,
    named_columns,
)
from tidegate.series.tables.table import Array, Table, plain_name

Key = tuple[str, ...]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Layout:
    """How the rows of a stream are laid out: what the history's columns were.

    Attributes:
        ids: names of the id columns; () for one unnamed series.
        target: the column of the values; for a wide table, where each column is a series, the name it goes by.
        timeline: its frequency, time column, time zone and the way stamps are written count, not its starts.
    """

    ids: tuple[str, ...]
    target: str
    timeline: Timeline

    @property
    def times(self) -> tuple[str, ...]:
        """Names of the time columns; () if the history had none."""
        style = self.timeline.style
        if style.kind == "parts":
            return tuple(name for name, _ in style.parts)
        return () if self.timeline.column is None else (self.timeline.column,)


@dataclass(frozen=True)
class Arrivals:
    """Rows as they came.

    Attributes:
        keys: (groups,) the series the rows belong to, see `key_of`.
        ids: column -> (groups,) the same in the input's type.
        group: (rows,) which of them each row belongs to.
        values: (rows,) NaN where missing.
        times: (rows,) when they are, as in `Timeline.starts`; None: each row is its series' next step.
        later: (rows,) where a clock shows a time twice, the second one; elsewhere as `times`.
    """

    keys: list[Key]
    ids: Mapping[str, Array]
    group: Integers
    values: Floats
    times: Stamps | None = None
    later: Stamps | None = None


def first_layout(
    rows: object,
    *,
    id: Names | None = None,
    time: Names | None = None,
    target: Names | None = None,
    timezone: str | None = None,
    date_format: str | None = None,
    frequency: str | None = None,
) -> Layout:
    """The layout of a stream that begins with these rows and no history: columns by their options or usual names, the
    time also by the dates in it.

    Raises: ConfigError if stamps come without a frequency, which one row does not show; DataError if no column of
        values is found.
    """
    table = open_table(rows)
    times = named_columns(table, "time", time) or _usual(table, TIME_NAMES)
    ids = named_columns(table, "id", id) or _usual(table, (*ID_NAMES, "id"))
    targets = named_columns(table, "target", target) or _usual(table, TARGET_NAMES)
    times = times or date_column([column for column in table.columns if column.name not in (*ids, *targets)])
    rest = [name for name in table.names if name not in (*times, *ids)]
    if not targets and len(rest) == 1:
        targets = (rest[0],)
    if len(targets) != 1:
        raise DataError(
            f"found the columns {', '.join(map(repr, table.names))}: which holds the values? Name it with --target"
        )
    if not times:
        return Layout(ids, targets[0], Timeline.positions(0))
    stamps = parse_columns(table, times, date_format)
    assert stamps is not None
    if frequency is None and stamps.style.kind != "position":
        raise ConfigError(
            f'one row does not show how far apart the timestamps of "{times[0]}" are: pass --frequency, such as h, D '
            "or MS, or begin with a history"
        )
    if frequency is None:
        return Layout(ids, targets[0], Timeline(None, np.empty(0, np.int64), style=stamps.style, column=times[0]))
    step, zone = Frequency.parse(frequency), timezone or stamps.timezone
    wall = zone is not None and not step.is_subdaily
    starts = np.empty(0, "datetime64[us]")
    return Layout(ids, targets[0], Timeline(step, starts, zone, wall, stamps.style, stamps.column))


def _usual(table: Table, names: Sequence[str]) -> tuple[str, ...]:
    """The first column with one of these names."""
    return tuple([name for usual in names for name in table.names if plain_name(name) == usual][:1])


def key_of(*parts: object) -> Key:
    """How a series is found again, whether its id comes as a number or as text: 7, 7.0 and "7" are the same.

    Raises: DataError for an infinite number, and for none.
    """
    for part in parts:
        if isinstance(part, float | np.floating) and not math.isfinite(part):
            raise DataError(f"found the id {part}, expected text or a finite number")
    return tuple(
        str(int(part)) if isinstance(part, float | np.floating) and part == int(part) else str(part) for part in parts
    )


def read_arrivals(rows: object, layout: Layout, known: Mapping[Key, int]) -> Arrivals:
    """Rows in any form the reading door takes, or a dict of id -> value or values.

    Args: known: the series there are, which tells a dict of ids from one of columns.
    Raises: DataError if a column is absent, a stamp cannot be read, or a value is infinite or no number.
    """
    if isinstance(rows, int | float | np.integer | np.floating):
        rows = [rows]
    columns = {layout.target, *layout.ids, *layout.times}
    if isinstance(rows, Mapping) and layout.ids and not columns & set(rows):
        return _by_id(rows, layout)
    if isinstance(rows, Mapping) and all(np.ndim(value) == 0 for value in rows.values()):
        rows = {name: [value] for name, value in rows.items()}  # a single row
    table = open_table(rows)
    if table.rows == 0:
        none = [()] if not layout.ids else []
        return Arrivals(
            list(none), {name: np.empty(0, object) for name in layout.ids}, np.empty(0, np.int64), np.empty(0)
        )
    wide = len(layout.ids) == 1 and layout.ids[0] not in table.names
    names = [name for name in table.names if (name,) in known or key_of(name) in known] if wide else []
    times = later = None
    if layout.times:
        _require(table, layout.times, "time")
        times, later = _when(table, layout)
    if names:
        values = np.concatenate([_numbers(table, name) for name in names])
        group = np.repeat(np.arange(len(names)), table.rows)
        keys, ids = [key_of(name) for name in names], {layout.ids[0]: np.array(names, dtype=object)}
        times, later = (None if when is None else np.tile(when, len(names)) for when in (times, later))
        return Arrivals(keys, ids, group, values, times, later)
    _require(table, layout.ids, "id")
    target = layout.target if layout.target in table.names or layout.ids or times is not None else table.names[0]
    _require(table, (target,), "value")
    keys, ids, group = _groups(table, layout.ids)
    return Arrivals(keys, ids, group, _numbers(table, target), times, later)


def _by_id(rows: Mapping[Any, Any], layout: Layout) -> Arrivals:
    """A value, or several in order, for each series."""
    try:
        parts = [np.atleast_1d(np.asarray(values, np.float64)) for values in rows.values()]
    except (ValueError, TypeError) as error:
        raise DataError(f"expected numbers for each id, found others ({error})") from error
    names = [name if isinstance(name, tuple) else (name,) for name in rows]
    for name, part in zip(names, parts, strict=True):
        if len(name) != len(layout.ids) or part.ndim != 1:
            raise DataError(
                f"found {name!r}: expected an id of {', '.join(layout.ids)} with one value, or several in a list"
            )
        if np.isinf(part).any():
            raise DataError(f"series {' · '.join(map(str, name))!r}: found an infinite value, expected finite numbers")
    ids = {column: _objects([name[place] for name in names]) for place, column in enumerate(layout.ids)}
    group = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return Arrivals([key_of(*name) for name in names], ids, group, np.concatenate([np.empty(0), *parts]))


def _objects(values: Sequence[object]) -> Array:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def _require(table: Table, names: Sequence[str], role: str) -> None:
    for name in names:
        if name not in table.names:
            listed = ", ".join(f'"{column}"' for column in table.names)
            raise DataError(
                f'{table.source}: there is no {role} column "{name}", which the stream began with; found {listed}'
            )


def _numbers(table: Table, name: str) -> Floats:
    column = table[name]
    values = np.full(table.rows, np.nan) if column.kind == "empty" else column.numbers()[0]
    if (infinite := np.isinf(values)).any():
        raise DataError(
            f'{table.source}: column "{name}", {table.place(int(np.argmax(infinite)))}: found an infinite value, '
            "expected finite numbers. Leave the cell empty if the value is missing."
        )
    return values


def _groups(table: Table, names: tuple[str, ...]) -> tuple[list[Key], dict[str, Array], Integers]:
    """The series of the rows: their keys, their ids, and (rows,) which of them."""
    if not names:
        return [()], {}, np.zeros(table.rows, np.int64)
    columns = {name: table[name].raw() for name in names}
    joined = np.zeros(table.rows, np.int64)
    for name in columns:
        codes, labels = numbered(table[name], table.rows)
        if (codes < 0).any():
            raise DataError(
                f'{table.source}: id column "{name}" is empty {table.place(int(np.argmax(codes < 0)))}: which series '
                "does the row belong to?"
            )
        joined = joined * len(labels) + codes
    group, count = factorize(joined)
    first = np.full(count, table.rows, np.int64)
    np.minimum.at(first, group, np.arange(table.rows))
    ids = {name: column[first] for name, column in columns.items()}
    return [key_of(*parts) for parts in zip(*(column.tolist() for column in ids.values()), strict=True)], ids, group


def _when(table: Table, layout: Layout) -> tuple[Stamps, Stamps | None]:
    """(rows,) the times of the rows as in `Timeline.starts`, and the later ones of those a clock shows twice."""
    timeline = layout.timeline
    style, column = timeline.style, ",".join(layout.times)
    if timeline.frequency is None:
        return _positions(table, layout.times[0]), None
    stamps = _parsed(table, layout.times, style)
    instants = stamps.instants
    if instants.dtype.kind != "M" or (missing := np.isnat(instants)).any():
        where = table.place(0 if instants.dtype.kind != "M" else int(np.argmax(missing)))
        raise DataError(f'{table.source}: time column "{column}" has no date in {where}: expected one in each row')
    if timeline.timezone is None:
        return instants, None
    micros = instants.astype(np.int64)
    zone = zone_table(timeline.timezone, int(micros.min()), int(micros.max()))
    if timeline.wall:
        return (zone.to_wall(micros).astype("M8[us]") if stamps.timezone is not None else instants), None
    if stamps.timezone is not None:
        return instants, None
    first, second = zone.to_utc(micros)
    if (skipped := first > second).any():
        raise DataError(
            f'{table.source}: time column "{column}" shows {show(instants[int(np.argmax(skipped))])}, a time that '
            f"{timeline.timezone} skipped when the clock went forward"
        )
    return first.astype("M8[us]"), second.astype("M8[us]") if (first < second).any() else None


def _positions(table: Table, name: str) -> Integers:
    raw = table[name].raw()
    if raw.dtype.kind not in "iu":
        raise DataError(f'{table.source}: time column "{name}": expected whole numbers, as the stream began with')
    return raw.astype(np.int64)


def _parsed(table: Table, names: tuple[str, ...], style: StampStyle) -> ParsedStamps:
    """The stamps, in the history's way of writing them; if that does not fit, in any that leaves no doubt."""
    layout = style.layout if style.kind in ("text", "integer") else style.kind if style.kind in COUNTS else None
    raw = table[names[0]].raw()
    if style.kind == "year" and raw.dtype.kind in "iu":
        return ParsedStamps((raw.astype(np.int64) - 1970).astype("M8[Y]").astype("M8[us]"), style, None, names[0])
    if layout is not None and len(names) == 1 and raw.dtype.kind != "M":
        try:
            return parse_stamps(raw, name=names[0], date_format=layout)
        except DataError:
            if style.kind != "text":
                raise
    found = parse_columns(table, names, None)
    assert found is not None
    return found
