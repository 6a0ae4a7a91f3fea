"""The ends of the series of a panel: different dates, a last period still running, values missing at the end."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tidegate.series.calendar import Integers, Timeline

Floats = NDArray[np.float64]
# A last value below this share of the smallest of the values before it looks like a period still running.
INCOMPLETE_SHARE = 0.5


def look_at_ends(
    values: Floats,
    offsets: Integers,
    timeline: Timeline,
    counts: Integers | None,
    names: Callable[[int], str] | None,
    drop_last: bool,
) -> tuple[Floats, Integers, list[str]]:
    """Values and offsets of the grids, without the last period if asked, and what is to be said about their ends.

    Args:
        values, offsets, timeline: the grids. counts: (total,) rows in each step if rows were gathered, else None.
        names: how messages call a series. drop_last: leave out the latest period, in every series that reaches it.
    """
    notes: list[str] = []
    lengths = np.diff(offsets)
    ends = _ends(timeline, lengths)
    newest = ends == ends.max()
    if not newest.all():
        shown = f"{int(newest.sum())} of {len(ends)} at the latest"
        notes.append(f"series end at different dates ({shown}): each is forecast from its own end")
    if drop_last:
        dropped = newest & (lengths > 1)
        keep = np.ones(len(values), dtype=bool)
        keep[offsets[1:][dropped] - 1] = False
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
        missing = int(trailing.sum())
        notes.append(
            f"{missing} values are missing at the end{whose}: the forecast starts after the last stamp, {origin}"
        )
    return values, offsets, notes


def _ends(timeline: Timeline, lengths: Integers) -> Integers:
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
    values: Floats, offsets: Integers, timeline: Timeline, newest: NDArray[np.bool_], counts: Integers | None,
    names: Callable[[int], str] | None,
) -> list[str]:  # fmt: skip
    """A note if the last period looks as if it were still running.

    Either the last bin of aggregated rows holds less than half of the usual number of rows, or the last value is below
    half of the smallest of the 24 before it (12 observed at least, all above 0), for steps of an hour or longer.
    """
    found = []
    for series in np.flatnonzero(newest).tolist():
        start, end = int(offsets[series]), int(offsets[series + 1])
        if counts is not None:
            if end - start > 2 and counts[end - 1] < INCOMPLETE_SHARE * np.median(counts[start : end - 1]):
                found.append((series, f"{counts[end - 1]} rows where {np.median(counts[start : end - 1]):g} are usual"))
            continue
        before = values[max(start, end - 25) : end - 1]
        before = before[~np.isnan(before)]
        if len(before) >= 12 and before.min() > 0 and values[end - 1] < INCOMPLETE_SHARE * before.min():
            found.append((series, f"{values[end - 1]:g} after {before.min():g} or more in the {len(before)} before"))
    assert timeline.frequency is not None
    if not found or (counts is None and (timeline.frequency.step_seconds or 3600) < 3600):
        return []
    series, why = found[0]
    stamp = timeline.describe(series, int(offsets[series + 1] - offsets[series]) - 1)
    whose = f" in {len(found)} series, first {names(series)}" if names else ""
    return [f"the last {timeline.frequency.unit.replace('_', ' ')}, {stamp}, looks incomplete{whose} ({why}): "
            "--drop-last leaves it out"]  # fmt: skip
