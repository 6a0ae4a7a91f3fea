"""Where new rows of a stream go: their series and steps, and which are refused or left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import DataError
from tidegate.series.arriving import Arrivals, Key, Layout
from tidegate.series.dates.clockchanges import show
from tidegate.series.dates.types import Stamps

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LATE = ("error", "skip")
UNKNOWN = ("error", "skip", "start")


@dataclass(frozen=True)
class Placed:
    """Rows that are taken in.

    Attributes:
        series: (rows,) their series; those that begin are numbered after those there are.
        ahead: (rows,) steps after the end of the series, 0 for the next one.
        values: (rows,)
        fresh: the groups of the arrivals that begin a series.
        starts: (series,) the first stamps of all series, those that begin included.
        late, unknown: how many rows are left out.
    """

    series: Integers
    ahead: Integers
    values: Floats
    fresh: Integers
    starts: Stamps
    late: int
    unknown: int


def place(
    found: Arrivals,
    layout: Layout,
    index: Mapping[Key, int],
    starts: Stamps,
    done: Integers,
    *,
    late: str,
    unknown: str,
    most: int,
) -> Placed:
    """Give each row its series and step.

    Args:
        index: the series there are.
        starts, done: (series,) their first stamps, and the steps that they have had.
        late, unknown: what happens to rows of steps that have been, and of other series: one of LATE, of UNKNOWN.
        most: steps from one row to the next.
    Raises: DataError for a row that is late or unknown where that is an error, off the grid or too far ahead.
    """
    group = np.array([index.get(key, -1) for key in found.keys], np.int64)
    strange = np.flatnonzero(group < 0)
    left_out = int(np.isin(found.group, strange).sum())
    if left_out and unknown == "error":
        names = [" · ".join(found.keys[number]) for number in strange[:3]]
        more = f" and {len(strange) - 3} more" if len(strange) > 3 else ""
        raise DataError(
            f"the stream has no series {', '.join(map(repr, names))}{more}: start it with them, or pass "
            'unknown="start" (--unknown start) to let new series begin, or unknown="skip" to ignore them'
        )
    fresh = strange if unknown == "start" else strange[:0]
    group[fresh] = len(done) + np.arange(len(fresh))
    kept = group[found.group] >= 0
    series, values = group[found.group[kept]], found.values[kept]
    starts, done = _beginnings(found, layout, fresh, starts, done)
    steps, is_late = _steps(found, layout, kept, series, starts, done)
    if is_late.any():
        if late == "error":
            row = int(np.argmax(is_late))
            back = int(done[series[row]] - steps[row])
            what = f"a row is {back} steps late" if back > 0 else "two rows have the same step"
            raise DataError(
                f"series {_name(found, group, series[row], layout)!r}: {what} ({int(is_late.sum())} of {len(is_late)} "
                "rows are late); a stream takes each step once, in order: leave such rows out, or pass "
                'late="skip" (--late skip)'
            )
        series, steps, values = series[~is_late], steps[~is_late], values[~is_late]
    ahead = steps - done[series]
    gaps = _gaps(series, ahead)
    if (far := gaps > most).any():
        row = int(np.argmax(far))
        name, gap = _name(found, group, series[row], layout), int(gaps[row])
        raise DataError(
            f"series {name!r}: a row is {gap} steps after the previous one, more than a forecast reads: leave it out, "
            "or start the series again"
        )
    return Placed(series, ahead, values, fresh, starts, int(is_late.sum()), 0 if unknown == "start" else left_out)


def _name(found: Arrivals, group: Integers, series: int, layout: Layout) -> str:
    return " · ".join(found.keys[int(np.argmax(group == series))]) or layout.target


def _beginnings(
    found: Arrivals, layout: Layout, fresh: Integers, starts: Stamps, done: Integers
) -> tuple[Stamps, Integers]:
    """Of the series there are and those that begin: their first stamps, and the steps that they have had."""
    done = np.concatenate([done, np.zeros(len(fresh), np.int64)])
    if found.times is None:
        if len(fresh) and layout.timeline.frequency is not None:
            raise DataError(f"series {' · '.join(found.keys[fresh[0]])!r} is new: its first row needs a timestamp")
        return np.concatenate([starts, np.zeros(len(fresh), starts.dtype)]), done
    first = [found.times[found.group == number].min() for number in fresh]
    return np.concatenate([starts, np.array(first, found.times.dtype)]), done


def _steps(
    found: Arrivals, layout: Layout, kept: NDArray[np.bool_], series: Integers, starts: Stamps, done: Integers
) -> tuple[Integers, NDArray[np.bool_]]:
    """(rows,) the steps of the rows, counted from their series' first stamp, and which of them are late: at a step that
    their series has had, in an earlier update or an earlier row of this one."""
    if found.times is None:
        order = np.argsort(series, kind="stable")
        rank = np.empty(len(series), np.int64)
        rank[order] = np.arange(len(series)) - np.searchsorted(series[order], series[order])
        return done[series] + rank, np.zeros(len(series), bool)
    steps = _on_grid(layout, found.times[kept], starts[series])
    late = (steps < done[series]) | _again(series, steps)
    if found.later is not None and late.any():  # the second time that a clock shows an hour
        steps = np.where(late, _on_grid(layout, found.later[kept], starts[series]), steps)
        late = (steps < done[series]) | _again(series, steps)
    return steps, late


def _on_grid(layout: Layout, times: Stamps, begins: Stamps) -> Integers:
    """(rows,) steps of the stamps from the beginnings of their series."""
    frequency = layout.timeline.frequency
    if frequency is None:
        return times.astype(np.int64) - begins.astype(np.int64)
    steps, exact = frequency.index(begins, times)
    if frequency.unit == "business_day":
        exact &= np.is_busday(times.astype("M8[D]"))
    if not exact.all():
        row = int(np.argmin(exact))
        raise DataError(
            f'time column "{",".join(layout.times)}" has {show(times[row])}, which is not on the grid '
            f"{frequency.word} that starts at {show(begins[row])}"
        )
    return steps


def _gaps(series: Integers, ahead: Integers) -> Integers:
    """(rows,) steps from the row before of the same series, or from its end, to each row."""
    order = np.lexsort((ahead, series))
    first = np.diff(series[order], prepend=-1) != 0
    gaps = np.empty_like(ahead)
    gaps[order] = np.where(first, ahead[order] + 1, np.diff(ahead[order], prepend=0))
    return gaps


def _again(series: Integers, steps: Integers) -> NDArray[np.bool_]:
    """(rows,) whether an earlier row is of the same step of the same series."""
    if not len(steps):
        return np.zeros(0, bool)
    low = int(steps.min())
    first = np.unique(series * (int(steps.max()) - low + 1) + (steps - low), return_index=True)[1]
    again = np.ones(len(series), bool)
    again[first] = False
    return again
