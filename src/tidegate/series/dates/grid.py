"""Rows with stamps -> one regular grid per series: sorted, absent steps missing; repeats and odd stamps by option."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ConfigError, DataError
from tidegate.series.dates.binning import WAYS, bin_frequency, bin_starts, check_way, merge
from tidegate.series.dates.clockchanges import changes_look, show, wall_to_utc, zone_of_gaps, zones_of_repeats
from tidegate.series.dates.ends import counted, look_at_ends
from tidegate.series.dates.frequency import Frequency
from tidegate.series.dates.inference import Spacing, infer_spacing, slower_series, suggest_width
from tidegate.series.dates.stamps import ParsedStamps
from tidegate.series.dates.timeline import StampStyle, Timeline
from tidegate.series.dates.types import Instants, Integers, Stamps
from tidegate.series.dates.zones import DAY, SECOND, fixed_offset, zone_name, zone_table

Floats = NDArray[np.float64]
# A grid this many times longer than the rows is more likely a misread frequency than data.
MOST_STEPS_PER_ROW = 20


@dataclass(frozen=True)
class Grid:
    """What a Panel needs of time: its values on regular grids.

    Attributes:
        values: (total,) float64, NaN where missing, series after series.
        offsets: (series + 1,) where each series starts in `values`.
        timeline: when the steps are.
        notes: what was found, assumed and repaired (those of the stamps included), one sentence each.
    """

    values: Floats
    offsets: Integers
    timeline: Timeline
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Common:
    """What holds for all series of an input that is read in parts, each of some series.

    Attributes:
        timeline: of one part: its frequency, zone and style are those of all.
        latest: when the series of all parts end at the latest (see `ends.series_ends`); needed for `drop_last` only.
    """

    timeline: Timeline
    latest: int | None = None


@dataclass
class _Rows:
    """Rows sorted by series and time, on their way to a grid."""

    values: Floats
    times: Stamps
    series: Integers
    column: str
    notes: list[str]
    names: Callable[[int], str] | None
    counts: Integers | None = None

    @property
    def again(self) -> NDArray[np.bool_]:
        """(rows - 1,) of sorted rows: whether the next one has the same stamp and series."""
        return (self.times[1:] == self.times[:-1]) & self.same_series

    @property
    def same_series(self) -> NDArray[np.bool_]:
        """(rows - 1,) whether the next row is of the same series."""
        return self.series[1:] == self.series[:-1]

    def of(self, series: int) -> str:
        return f' of series "{self.names(series)}"' if self.names else ""


def build_grid(
    values: Floats,
    stamps: ParsedStamps,
    series: Integers | None = None,
    *,
    names: Callable[[int], str] | None = None,
    timezone: str | None = None,
    frequency: str | None = None,
    every: str | None = None,
    aggregate: str | None = None,
    duplicates: str | None = None,
    drop_last: bool = False,
    common: Common | None = None,
) -> Grid:
    """Put the rows of all series on regular grids of one frequency.

    Args:
        values: (rows,) float64, NaN where missing.
        stamps: of the same rows.
        series: (rows,) the number of each row's series, 0 .. series - 1, each occurring; None: one series.
        names: how messages call a series; None for a single unnamed one.
        timezone: the zone whose wall clock naive stamps show ("Europe/Berlin"); for zoned ones the zone to continue in.
        frequency: the grid to use instead of the one found: "MS", "h", "30min", "W-FRI", "B", ...
        every, aggregate: for irregular stamps: the width of the bins, and "mean", "sum" or "last".
        duplicates: what to do with repeated stamps of a series: "mean", "sum" or "last".
        drop_last: leave out the last period of the data (of every series that reaches it).
        common: the frequency and the rest is not to be found but given by other series of the same input.
    Raises: DataError with the option that helps; ConfigError if an option has a value that makes no sense.
    """
    check_way("--aggregate", aggregate)
    check_way("--duplicates", duplicates)
    if (every is None) != (aggregate is None):
        missing = "--aggregate mean, sum or last" if aggregate is None else '--every, a width such as "10min"'
        raise ConfigError(f"--every and --aggregate belong together: add {missing}")
    codes = np.zeros(len(values), dtype=np.int64) if series is None else np.asarray(series, dtype=np.int64)
    rows = _Rows(
        np.asarray(values, dtype=np.float64), stamps.instants, codes, stamps.column or "time", list(stamps.notes), names
    )
    _leave_out_blank(rows)
    if stamps.style.kind == "position":
        if every or frequency:
            raise ConfigError(
                f'time column "{rows.column}" holds positions, not dates: --every and --frequency need dates'
            )
        _sort(rows)
        timeline = Timeline(None, np.empty(0), style=stamps.style, column=stamps.column)
    else:
        known = None if common is None else common.timeline
        timeline = _to_calendar(rows, stamps, timezone, frequency, every, aggregate, known)
    _merge_repeats(rows, timeline, duplicates, stamps.timezone is None and timezone is None)
    return _place(rows, timeline, every is not None, drop_last, None if common is None else common.latest)


def position_grid(values: Floats, series: Integers | None = None) -> Grid:
    """The grid of rows without stamps: each series is its rows in their order, numbered from 0."""
    values = np.asarray(values, dtype=np.float64)
    codes = np.zeros(len(values), dtype=np.int64) if series is None else np.asarray(series, dtype=np.int64)
    order = np.argsort(codes, kind="stable")
    lengths = np.bincount(codes, minlength=1)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Grid(values[order], offsets, Timeline.positions(len(lengths)), ())


def _leave_out_blank(rows: _Rows) -> None:
    """Rows with neither stamp nor value are blank lines; a value without a stamp is an error."""
    if rows.times.dtype.kind != "M":
        return
    blank = np.isnat(rows.times)
    if not blank.any():
        return
    lost = blank & ~np.isnan(rows.values)
    if lost.any():
        raise DataError(
            f'time column "{rows.column}" has no timestamp in row {int(np.argmax(lost)) + 1}, which has the value '
            f"{rows.values[np.argmax(lost)]:g}: expected a date in each row; fill it in or remove the row"
        )
    present = np.bincount(rows.series[~blank], minlength=int(rows.series.max()) + 1)
    if len(present) > 1 and (present == 0).any():
        raise DataError(
            f'time column "{rows.column}"{rows.of(int(np.argmin(present)))} has no timestamp at all: expected a date '
            "in each row; remove the series or fill it in"
        )
    rows.values, rows.times, rows.series = rows.values[~blank], rows.times[~blank], rows.series[~blank]


def _sort(rows: _Rows) -> None:
    """Order by series, then time; rows with the same stamp keep their order."""
    times = rows.times.astype(np.int64)
    same = rows.same_series
    back = int(((times[1:] < times[:-1]) & same).sum())
    if back == 0 and (rows.series[1:] >= rows.series[:-1]).all():
        return
    order = np.lexsort((times, rows.series))
    if (np.diff(order[np.diff(rows.series[order], prepend=-1) == 0]) < 0).any() and back:
        rows.notes.append(
            "rows ran from new to old and were reversed" if back == same.sum() else "rows were sorted by time"
        )
    rows.values, rows.times, rows.series = rows.values[order], rows.times[order], rows.series[order]


def _to_calendar(
    rows: _Rows,
    stamps: ParsedStamps,
    timezone: str | None,
    frequency: str | None,
    every: str | None,
    aggregate: str | None,
    known: Timeline | None,
) -> Timeline:
    """Sort dated rows, in UTC or on the wall clock, bin them if asked, and find their frequency."""
    if not len(rows.times):
        raise DataError(f'time column "{rows.column}" is empty: expected a date in each row')
    zone = timezone or stamps.timezone
    zone = None if zone is None else zone_name(zone)
    chosen = Frequency.parse(frequency) if frequency else bin_frequency(every) if every else None
    times = rows.times.astype(np.int64)
    if stamps.timezone is not None:
        assert zone is not None
        wall = zone_table(zone, int(times.min()), int(times.max())).to_wall(times)
    else:
        wall = times
    utc = rows.times
    rows.times = wall.astype("M8[us]")
    if known is not None:
        on_wall = zone is None or known.wall
    else:
        on_wall = zone is None or (not chosen.is_subdaily if chosen else _same_clock(rows))
    if not on_wall:
        if stamps.timezone is None:
            assert zone is not None
            rows.times, told = wall_to_utc(rows.times, rows.series, zone, rows.column, rows.of)
            rows.notes.extend(told)
        else:
            rows.times = utc
    _sort(rows)
    if every and chosen is not None:
        # In zones half an hour off UTC, hours still start on the wall clock's full hour.
        shift = 0 if on_wall or zone is None else -_first_offset(zone, rows.times)
        _bin(rows, chosen, shift, aggregate or "mean")
    if known is not None:
        return known
    spacing = _spacing(rows) if every is None else Spacing(chosen, None, 0, -1)
    if chosen is not None and every is None:
        found = spacing.frequency
        # "monthly" says nothing of the day, the stamps do.
        same = found is not None and (found.unit, found.multiple) == (chosen.unit, chosen.multiple) and not chosen.day
        spacing = spacing if same else Spacing(chosen, None, 0, -1)
    if spacing.frequency is None and not on_wall and zone is not None:
        on_wall = _back_to_wall(rows, zone)
        spacing = _spacing(rows) if on_wall else spacing
    if spacing.frequency is None:
        _refuse(rows, spacing)
    assert spacing.frequency is not None
    style = _style_for(_in_zone(stamps.style, zone), spacing.frequency)
    return Timeline(spacing.frequency, np.empty(0), zone, on_wall and zone is not None, style, stamps.column)


def _first_offset(zone: str, times: Stamps) -> int:
    instants = times.astype(np.int64)
    return int(zone_table(zone, int(instants[0]), int(instants[-1])).offset(instants[:1])[0])


def _same_clock(rows: _Rows) -> bool:
    """Whether all stamps of each series show the same time of day, on more than one day."""
    times = rows.times.astype(np.int64)
    first = np.zeros(int(rows.series.max()) + 1, dtype=np.int64)
    first[rows.series] = times
    return bool(((times - first[rows.series]) % DAY == 0).all())


def _back_to_wall(rows: _Rows, zone: str) -> bool:
    """Steps of some hours can be regular on the wall clock alone; then put the rows there."""
    times = rows.times.astype(np.int64)
    wall = zone_table(zone, int(times.min()), int(times.max())).to_wall(times)
    forward = np.diff(wall)[rows.same_series]
    trial = replace(rows, times=wall.astype("M8[us]"))
    if (forward < 0).any() or _spacing(trial).frequency is None:
        return False
    rows.times = trial.times
    return True


def _spacing(rows: _Rows) -> Spacing:
    kept = np.append(True, ~rows.again)
    return infer_spacing(rows.times[kept].astype("M8[us]"), rows.series[kept])


def _refuse(rows: _Rows, spacing: Spacing) -> None:
    """Raises DataError: the stamps are on no grid."""
    if spacing.typical == 0:
        raise DataError(
            f'time column "{rows.column}" has only one timestamp per series, {show(rows.times[0])}: expected two or '
            "more to see how far apart they are; name it with --frequency, such as MS, D or h",
            *[{"frequency": word} for word in ("MS", "D", "h")],
        )
    kept = np.append(True, ~rows.again)
    times, series = rows.times[kept], rows.series[kept]
    width = suggest_width(spacing.typical)
    at = max(spacing.uneven, 1)
    finest = ""
    ways = [{"every": width, "aggregate": way} for way in WAYS]
    if spacing.finest and spacing.finest.index(times[0], times[-1:])[0][0] < MOST_STEPS_PER_ROW * len(times):
        finest = f", or keep each one with --frequency {spacing.finest.word}"
        ways.append({"frequency": spacing.finest.word})
    raise DataError(
        f'the timestamps of "{rows.column}"{rows.of(int(series[at]))} are on no regular grid: most often '
        f"{_span(spacing.typical)} apart, but {show(times[at - 1])} is followed by {show(times[at])}; gather them into "
        f"steps with --every {width} --aggregate mean (or sum, last){finest}",
        *ways,
    )


def _span(microseconds: int) -> str:
    seconds = microseconds / SECOND
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            return f"{seconds / length:g} {unit}{'s' * (seconds != length)}"
    return f"{seconds:g} second{'s' * (seconds != 1)}"


def _in_zone(style: StampStyle, zone: str | None) -> StampStyle:
    """The style, with the offset where the input wrote a word for UTC and another zone is continued in."""
    if not style.zoned or style.kind != "text" or zone is None or fixed_offset(zone) == 0:
        return style
    return replace(style, layout=re.sub(r"(?<![%:])(z|utc|gmt)$", "%:z", style.layout, flags=re.IGNORECASE))


def _style_for(style: StampStyle, frequency: Frequency) -> StampStyle:
    """The input's style, or ISO text where steps (of a given frequency, of bins) are finer than it can write."""
    layout = "%Y" if style.kind == "year" else style.layout
    if style.kind == "excel" and frequency.is_subdaily:
        return replace(style, dtype="float64")  # the time of day is a fraction of a day
    if style.kind not in ("text", "integer", "year"):
        return style
    shown = {directive[:1] for directive in layout.replace("%-", "%").split("%")}
    if frequency.is_subdaily:
        fits = bool(shown & {"H", "I"})
    elif frequency.unit in ("day", "business_day", "week"):
        fits = bool(shown & {"d", "j", "V"})
    else:
        fits = frequency.unit == "year" or style.kind != "year"
    if fits:
        return style
    return replace(style, kind="text", dtype="object", layout="%Y-%m-%d %H:%M" if frequency.is_subdaily else "%Y-%m-%d")


def _bin(rows: _Rows, frequency: Frequency, shift: int, aggregate: str) -> None:
    """Gather rows into bins, in place."""
    before = len(rows.values)
    rows.times = bin_starts(rows.times.astype("M8[us]"), frequency, shift)
    _merge(rows, aggregate)
    rows.notes.append(
        f"{before} rows were gathered into {len(rows.values)} steps ({frequency.name}), the {aggregate} of each"
    )


def _merge(rows: _Rows, way: str) -> None:
    new = np.append(True, ~rows.again)
    rows.values, rows.counts = merge(rows.values, np.cumsum(new), way)
    rows.times, rows.series = rows.times[new], rows.series[new]


def _merge_repeats(rows: _Rows, timeline: Timeline, duplicates: str | None, naive: bool) -> None:
    """Merge repeated stamps as asked; without being asked they are an error."""
    again = rows.again
    if not again.any():
        return
    if duplicates is not None:
        merged = counted(int(again.sum()), "repeated timestamp was", "repeated timestamps were")
        rows.notes.append(f"{merged} merged ({duplicates})")
        return _merge(rows, duplicates)
    row = int(np.argmax(again))
    where = rows.of(int(rows.series[row]))
    stamp = show(rows.times[row]) if timeline.frequency else str(rows.times[row])
    zones = _changes(rows, timeline.frequency, again) if naive and timeline.frequency else []
    if zones:
        also = f" (or {zones[1]}, whichever it is)" if len(zones) > 1 else " (or the zone it is)"
        raise DataError(
            f'time column "{rows.column}" shows {stamp}{where} twice, as clocks do when they go back to winter '
            f"time: expected timestamps that occur once, or the name of their zone; pass --timezone {zones[0]}{also}, "
            "or merge them with --duplicates mean",
            *[{"timezone": zone} for zone in zones],
            {"duplicates": "mean"},
        )
    repeats = counted(int(again.sum()), "repeat", "repeats")
    raise DataError(
        f'time column "{rows.column}" has {stamp}{where} more than once ({repeats} in all): '
        "expected one row per timestamp; merge them with --duplicates mean (or sum, last), or name the column that "
        "tells series apart with --id",
        *[{"duplicates": way} for way in WAYS],
    )


def _changes(rows: _Rows, frequency: Frequency, again: NDArray[np.bool_]) -> list[str]:
    """Zones whose clock changes would explain the repeats of the first series that has some."""
    first = int(rows.series[int(np.argmax(again))])
    times = rows.times[rows.series == first].astype("M8[us]")
    unique, counts = np.unique(times, return_counts=True)
    repeated = unique[counts > 1]
    step = (frequency.step_seconds or 0) * SECOND
    if counts.max() > 2 or not frequency.is_subdaily:
        return []
    zones = zones_of_repeats(unique, repeated, step)
    return zones or (["Europe/Berlin"] if changes_look(repeated, _absent(unique, step), step) else [])


def _absent(unique: Instants, step: int) -> Integers:
    """Instants (microseconds) of the grid steps without a stamp."""
    times = unique.astype(np.int64)
    before = np.flatnonzero(np.diff(times) > step)
    missing = (times[before + 1] - times[before]) // step - 1
    inside = np.arange(int(missing.sum())) - np.repeat(np.cumsum(missing) - missing, missing) + 1
    absent: Integers = np.repeat(times[before], missing) + inside * step
    return absent


def _place(rows: _Rows, timeline: Timeline, binned: bool, drop_last: bool, latest: int | None) -> Grid:
    """Put sorted rows without repeats on their grids."""
    begin = np.flatnonzero(np.append(True, ~rows.same_series))
    count = np.diff(np.append(begin, len(rows.series)))
    starts = rows.times[begin]
    of_row = np.repeat(starts, count)
    frequency = timeline.frequency
    if frequency is None:
        steps = rows.times.astype(np.int64) - of_row.astype(np.int64)
    else:
        steps, on_grid = frequency.index(of_row.astype("M8[us]"), rows.times.astype("M8[us]"))
        if frequency.unit == "business_day":
            on_grid &= np.is_busday(rows.times.astype("M8[D]"))
        if frequency.unit == "week" and frequency.day:
            on_grid &= (rows.times.astype("M8[D]").astype(np.int64) + 3) % 7 + 1 == frequency.day
        if not on_grid.all():
            row = int(np.argmin(on_grid))
            raise DataError(
                f'time column "{rows.column}" has {show(rows.times[row])}{rows.of(int(rows.series[row]))}, which is '
                f"not on the grid {frequency.word} that starts at {show(of_row[row])}; choose another --frequency, or "
                f"gather the timestamps with --every {frequency.word} --aggregate mean",
                {"every": frequency.word, "aggregate": "mean"},
            )
    lengths = steps[begin + count - 1] + 1
    if lengths.sum() > MOST_STEPS_PER_ROW * len(rows.values):
        worst = int(np.argmax(lengths / count))
        grid = f"steps ({frequency.name})" if frequency else "steps"
        width = suggest_width(_usual(rows))
        raise DataError(
            f'time column "{rows.column}" spans {int(lengths[worst])} {grid}{rows.of(worst)} with only '
            f"{int(count[worst])} rows, too few: expected a row for most steps; gather them with "
            f"wider bins, such as --every {width} --aggregate mean, or name another --time column",
            *([{"every": width, "aggregate": "mean"}] if frequency else []),
        )
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    values = np.full(int(offsets[-1]), np.nan)
    values[np.repeat(offsets[:-1], count) + steps] = rows.values
    counts = None
    if rows.counts is not None and binned:
        counts = np.zeros(int(offsets[-1]), dtype=np.int64)
        counts[np.repeat(offsets[:-1], count) + steps] = rows.counts
    timeline = replace(timeline, starts=starts)
    notes = [*rows.notes, *_notes(rows, timeline, offsets, lengths)]
    if frequency is not None and not binned:
        notes += _slower(rows, frequency, steps)
    values, offsets, found = look_at_ends(values, offsets, timeline, counts, rows.names, drop_last, latest)
    return Grid(values, offsets, timeline, (*notes, *found))


def _slower(rows: _Rows, frequency: Frequency, steps: Integers) -> list[str]:
    """A note that names the series of a slower frequency than the common one."""
    slow, gaps = slower_series(steps, rows.series)
    if not len(slow) or rows.names is None:
        return []
    shown = ", ".join(f'"{rows.names(int(number))}"' for number in slow[:3]) + (" …" if len(slow) > 3 else "")
    which, they = ("series ", "is") if len(slow) == 1 else (f"{len(slow)} series, ", "are")
    many = f"{gaps.min()}" if gaps.min() == gaps.max() else f"{gaps.min()} to {gaps.max()}"
    width = suggest_width(max(_usual_of(rows, int(number)) for number in slow[:100]))
    return [
        f"{which}{shown} {'has' if they == 'is' else 'have'} a row only every {many} steps, but {they} forecast "
        f"{frequency.name} like the others: forecast {'it' if they == 'is' else 'them'} separately, or gather all with "
        f"--every {width} --aggregate mean (or sum, last)"
    ]


def _usual_of(rows: _Rows, series: int) -> int:
    """Median distance of the rows of one series, in microseconds."""
    first, end = np.searchsorted(rows.series, [series, series + 1])
    return int(np.median(np.diff(rows.times[first:end].astype(np.int64))))


def _usual(rows: _Rows) -> int:
    """Mean distance of neighbouring rows, in microseconds."""
    gaps = np.diff(rows.times.astype(np.int64))[rows.same_series]
    return int(gaps.mean()) if len(gaps) else 0


def _notes(rows: _Rows, timeline: Timeline, offsets: Integers, lengths: Integers) -> list[str]:
    """What the grid is, and how much of it has no row."""
    frequency = timeline.frequency
    notes = []
    if frequency is not None:
        zone = f" ({timeline.timezone})" if timeline.timezone else ""
        last = timeline.describe(0, int(lengths[0]) - 1)
        span = f", {timeline.describe(0, 0)} to {last}" if len(lengths) == 1 else ""
        notes.append(f"frequency: {frequency.name}, {frequency.word}{span}{zone}")
    absent = int(offsets[-1]) - len(rows.values)
    if absent:
        notes.append(
            f"{absent} of {int(offsets[-1])} steps {'has' if absent == 1 else 'have'} no row; the values are missing"
        )
    if frequency is not None and frequency.is_subdaily and timeline.timezone is None and absent:
        first = rows.times[rows.series == rows.series[0]].astype("M8[us]")
        step = (frequency.step_seconds or 0) * SECOND
        holes = _absent(first, step) if absent < len(rows.values) else np.empty(0, np.int64)
        zone_found = zone_of_gaps(first, holes, step)
        if zone_found:
            notes.append(
                "hours that clocks skip in spring have no row; the timestamps were read as plain clock time, pass "
                f"--timezone {zone_found} (or the zone it is) to follow the clock changes"
            )
    return notes
