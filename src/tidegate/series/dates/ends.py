"""The ends of the series of a panel: different dates, a last period still running, values missing at the end."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tidegate.series.dates.timeline import Timeline
from tidegate.series.dates.types import Integers

Floats = NDArray[np.float64]
# A last value below this share of the smallest of the values before it looks like a period still running.
INCOMPLETE_SHARE = 0.5
_BEFORE = 24
_LEAST_KNOWN = 12

OWN_END = ": each is forecast from its own end"  # of a note; a backtest by calendar takes it off


def counted(number: int, one: str, many: str) -> str:
    """A number with its noun: "1 value is", "2 values are"."""
    return f"{number} {one if number == 1 else many}"


def look_at_ends(
    values: Floats,
    offsets: Integers,
    timeline: Timeline,
    counts: Integers | None,
    names: Callable[[int], str] | None,
    drop_last: bool,
    latest: int | None = None,
) -> tuple[Floats, Integers, list[str]]:
    """Values and offsets of the grids, without the last period if asked, and what is to be said about their ends.

    Args:
        values, offsets, timeline: the grids. counts: (total,) rows in each step if rows were gathered, else None.
        names: how messages call a series. drop_last: leave out the latest period, in every series that reaches it.
        latest: when that is, where these are not all series of the input.
    """
    notes: list[str] = []
    lengths = np.diff(offsets)
    ends = series_ends(timeline, lengths)
    newest = ends == (ends.max() if latest is None else latest)
    if not newest.all():
        shown = f"{int(newest.sum())} of {len(ends)} at the latest"
        notes.append(f"series end at different dates ({shown}){OWN_END}")
    if drop_last:
        dropped = newest & (lengths > 1)
        keep = np.ones(len(values), dtype=bool)
        keep[offsets[1:][dropped] - 1] = False
        if newest.any():
            label = timeline.describe(int(np.argmax(newest)), int(lengths[np.argmax(newest)]) - 1)
            notes.append(f"the last period, {label}, was left out")
        values = values[keep]
        lengths = lengths - dropped
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    elif timeline.frequency is not None:
        notes.extend(_incomplete(values, offsets, timeline, newest, counts, names))
    trailing = _trailing_missing(values, offsets)
    if trailing.any():
        worst = int(np.argmax(trailing))
        whose = f" of {int((trailing > 0).sum())} of {len(trailing)} series (up to {int(trailing.max())})" * (
            len(trailing) > 1
        )
        origin = timeline.describe(worst, int(lengths[worst]) - 1)
        missing = counted(int(trailing.sum()), "value is", "values are")
        notes.append(f"{missing} missing at the end{whose}: the forecast starts after the last timestamp, {origin}")
    return values, offsets, notes


def series_ends(timeline: Timeline, lengths: Integers) -> Integers:
    """When each series ends, comparable between series."""
    if timeline.frequency is None:
        return timeline.starts.astype(np.int64) + lengths
    return timeline.frequency.advance(timeline.starts, lengths - 1).astype(np.int64)


def _trailing_missing(values: Floats, offsets: Integers) -> Integers:
    """(series,) missing values after the last observed one."""
    known = np.where(np.isnan(values), -1, np.arange(len(values)))
    last = np.maximum.reduceat(known, offsets[:-1]) if len(values) else offsets[:0]
    return offsets[1:] - 1 - np.maximum(last, offsets[:-1] - 1)


def _incomplete(
    values: Floats,
    offsets: Integers,
    timeline: Timeline,
    newest: NDArray[np.bool_],
    counts: Integers | None,
    names: Callable[[int], str] | None,
) -> list[str]:
    """A note if the last period looks as if it were still running.

    A series looks so if its last step has less than half of what the smallest of the 24 before it has (12 observed at
    least, all above 0): of rows where rows were gathered, else of its value, for steps of an hour or longer. Said if
    that holds for a fifth of the series that reach the end: one low value among many is no unfinished period.
    """
    frequency = timeline.frequency
    assert frequency is not None
    if counts is None and (frequency.step_seconds or 3600) < 3600:
        return []
    measured = values if counts is None else np.where(counts > 0, counts, np.nan)
    series = np.flatnonzero(newest)
    steps = offsets[series + 1][:, None] - 1 - np.arange(_BEFORE + 1)
    window = np.where(steps >= offsets[series][:, None], measured[np.maximum(steps, 0)], np.nan)
    last, before = window[:, 0], window[:, 1:]
    known = (~np.isnan(before)).sum(axis=1)
    least = np.where(np.isnan(before), np.inf, before).min(axis=1)
    low = (known >= (_LEAST_KNOWN if counts is None else 2)) & (least > 0) & (last < INCOMPLETE_SHARE * least)
    if not low.any() or low.mean() < 0.2:
        return []
    first = int(np.argmax(low))
    number = int(series[first])
    what = "" if counts is None else " rows"
    why = f"{last[first]:g}{what} after {least[first]:g} or more in the {known[first]} before"
    stamp = timeline.describe(number, int(offsets[number + 1] - offsets[number]) - 1)
    whose = f" in {int(low.sum())} series, first {names(number)}" if names else ""
    unit = frequency.unit.replace("_", " ") if frequency.multiple == 1 else "period"
    return [f"the last {unit}, {stamp}, looks incomplete{whose} ({why}): leave it out with --drop-last"]
