"""Naive wall clock stamps and the two days a year when the clock jumps: told apart from ordinary gaps and repeats."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import DataError
from tidegate.series.dates.types import Instants, Integers
from tidegate.series.dates.zones import COMMON_ZONES, SECOND, ZoneTable, zone_table


def show(instant: np.datetime64 | np.int64 | int) -> str:
    """An instant as messages write it: "2014-03-30 02:00", without a time of day at midnight."""
    text = str(np.asarray(instant).astype("M8[us]").astype("M8[s]")).replace("T", " ").removesuffix(":00")
    return text.removesuffix(" 00:00")


def wall_to_utc(
    wall: Instants, series: Integers, timezone: str, column: str, whose: Callable[[int], str]
) -> tuple[Instants, tuple[str, ...]]:
    """Instants in UTC of naive local stamps, and notes.

    Of the stamps of an hour that the clock shows twice, the first in row order is before the change and the second
    after it; the other way round where rows run from new to old.

    Raises: DataError for a stamp the clock never showed.
    """
    local = wall.astype(np.int64)
    table = zone_table(timezone, int(local.min()), int(local.max()))
    first, second = table.to_utc(local)
    if (first > second).any():
        row = int(np.argmax(first > second))
        raise DataError(
            f'time column "{column}" shows {show(wall[row])}{whose(int(series[row]))} in row {row + 1}, a time that '
            f"{timezone} skipped when the clock went forward: expected times of that zone; name another with "
            "--timezone, or leave the option out"
        )
    twice = np.flatnonzero(first < second)
    if not len(twice):
        return first.astype("M8[us]"), ()
    newest_first = (np.diff(local)[np.diff(series) == 0] < 0).mean() > 0.5 if len(local) > 1 else False
    rows = twice[::-1] if newest_first else twice
    order = np.lexsort((np.arange(len(rows)), local[rows], series[rows]))
    rows = rows[order]
    again = (np.diff(local[rows], prepend=-1) == 0) & (np.diff(series[rows], prepend=-1) == 0)
    resolved = first.copy()
    resolved[rows[again]] = second[rows[again]]
    alone = len(rows) - 2 * int(again.sum())
    notes = []
    if again.any():
        notes.append(
            f"{int(again.sum())} timestamps occur twice in {timezone}; the order of their rows tells them apart"
        )
    if alone > 0:
        notes.append(
            f"{alone} timestamps occur twice in {timezone} but have one row; they are read as before the clock change"
        )
    return resolved.astype("M8[us]"), tuple(notes)


def zones_of_repeats(unique: Instants, repeated: Instants, step: int) -> list[str]:
    """Zones whose clock changes explain why stamps are repeated: up to two; [] if the repeats are ordinary ones.

    Explained are repeats if each lies in an hour the zone shows twice, and no stamp lies in an hour it skips.

    Args:
        unique: the stamps of one series, increasing; repeated: those that occur twice; step: microseconds of the grid.
    """
    found = []
    for zone in COMMON_ZONES:
        table = _around(zone, unique)
        first, second = table.to_utc(repeated.astype(np.int64))
        if not (first < second).all():
            continue
        first, second = table.to_utc(unique.astype(np.int64))
        if not (first > second).any() and step <= 3600 * SECOND:
            found.append(zone)
    return found[:2]


def changes_look(repeated: Instants, absent: Integers, step: int) -> bool:
    """Whether repeats look like clock changes of any zone: whole hours at night, once a year, others absent between.

    Args:
        repeated: stamps that occur twice, increasing; absent: the instants of the grid without a row (microseconds).
    """
    hour = 3600 * SECOND
    if step > hour or not len(repeated) or not len(absent):
        return False
    runs = _runs(repeated.astype(np.int64), step)
    holes = _runs(absent, step)
    yearly = len(runs) < 2 or np.diff([start for start, _ in runs]).min() > 300 * 24 * hour
    return bool(
        yearly
        and all(length == hour and start % (24 * hour) <= 4 * hour for start, length in runs)
        and any(length == hour and start % (24 * hour) <= 4 * hour for start, length in holes)
    )


def zone_of_gaps(unique: Instants, absent: Integers, step: int) -> str | None:
    """A zone whose skipped hours, two at least, are exactly the gaps of one hour between the stamps; else None."""
    hour = 3600 * SECOND
    if step > hour or len(unique) < 100:
        return None
    holes = sorted(start for start, length in _runs(absent, step) if length == hour)
    if (
        len(holes) < 2
        or any(start % (24 * hour) > 4 * hour for start in holes)
        or min(np.diff(holes)) < 100 * 24 * hour
    ):
        return None
    for zone in COMMON_ZONES:
        table = _around(zone, unique)
        first, second = table.to_utc(np.array(holes, dtype=np.int64))
        before, after = table.offsets[:-1], table.offsets[1:]
        low, high = unique[[0, -1]].astype(np.int64)
        inside = (after > before) & (table.changes + before > low) & (table.changes + before < high)
        if (first > second).all() and int(inside.sum()) == len(holes):
            return zone
    return None


def _around(zone: str, unique: Instants) -> ZoneTable:
    return zone_table(zone, int(unique[0].astype(np.int64)), int(unique[-1].astype(np.int64)))


def _runs(instants: Integers, step: int) -> list[tuple[int, int]]:
    """Start and length of each run of neighbouring steps."""
    if not len(instants):
        return []
    breaks = np.flatnonzero(np.diff(instants) != step)
    starts: NDArray[np.int64] = instants[np.append(0, breaks + 1)]
    ends: NDArray[np.int64] = instants[np.append(breaks, len(instants) - 1)]
    return [(int(start), int(end - start + step)) for start, end in zip(starts, ends, strict=True)]
