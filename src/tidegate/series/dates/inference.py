"""Which regular grid stamps lie on: from 1 second to years, with steps absent here and there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.series.dates.frequency import LAST_DAY, Frequency, on_day
from tidegate.series.dates.types import Instants, Integers
from tidegate.series.dates.zones import DAY, SECOND

# Widths that people use for bins, in seconds.
_NICE = (1, 5, 10, 15, 30, 60, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 604_800)


@dataclass(frozen=True)
class Spacing:
    """How far stamps are apart.

    Attributes:
        frequency: of the grid all stamps lie on; None if they lie on none worth the name.
        finest: of the coarsest grid that holds all stamps, however empty; None below a second or with a single stamp.
        typical: the most frequent distance in microseconds; 0 with a single stamp.
        uneven: index of the first stamp whose distance from the one before is no multiple of the typical one; else -1.
    """

    frequency: Frequency | None
    finest: Frequency | None
    typical: int
    uneven: int


def infer_spacing(times: Instants, series: Integers) -> Spacing:
    """The grid of sorted stamps without repeats, the same for all series (each with its own start).

    Month starts, ends or any day of the month come first, then days, weeks and business days, then hours, minutes and
    seconds. A grid counts if neighbours one step apart are its most frequent pair, or at least a fifth of the pairs.

    Args:
        times: (rows,) datetime64[us], increasing within each series.
        series: (rows,) number of the series, not decreasing.
    """
    same = series[1:] == series[:-1]
    instants = times.astype(np.int64)
    gaps = (instants[1:] - instants[:-1])[same]
    if not len(gaps):
        return Spacing(None, None, 0, -1)
    widths, counts = np.unique(gaps, return_counts=True)
    # The smallest of equally frequent ones: two stamps a day apart and two a week apart are daily data with a gap.
    typical = int(widths[np.argmax(counts)])
    uneven = int(np.flatnonzero(same)[np.argmax(gaps % typical > 0)]) + 1 if (gaps % typical > 0).any() else -1
    step = int(np.gcd.reduce(widths))
    if step % DAY == 0:
        dated = _months(times, series, same, gaps)
        if dated is not None:
            return Spacing(dated, dated, typical, -1)
        days = step // DAY
        if days == 1 and _only_business_days(times, series):
            return Spacing(Frequency("business_day"), Frequency("day"), typical, -1)
        frequency = _weeks(times, days // 7) if days % 7 == 0 else Frequency("day", days)
    elif step % SECOND:
        return Spacing(None, None, typical, uneven)
    else:
        frequency = clock_frequency(step // SECOND)
    usual = int(counts[widths == step].sum())
    regular = typical == step or usual >= 0.2 * len(gaps)
    return Spacing(frequency if regular else None, frequency, typical, uneven)


def slower_series(steps: Integers, series: Integers) -> tuple[Integers, Integers]:
    """The series that have a row only every few steps, as a rule, and how many steps that is.

    As a rule: of nine rows or more, nine in ten gaps are alike (months differ by a tenth). The gaps of a series that
    has rows now and then, as sales of rare goods, are not. None is slow unless another has a row at most steps.

    Args:
        steps: (rows,) the step of each row on the common grid, increasing within each series.
        series: (rows,) number of the series, not decreasing.
    """
    none = np.empty(0, dtype=np.int64)
    same = series[1:] == series[:-1]
    gaps, owner = np.diff(steps)[same], series[1:][same]
    if not len(gaps) or gaps.max() == 1:
        return none, none
    order = np.lexsort((gaps, owner))
    counts = np.bincount(owner, minlength=int(series.max()) + 1)
    middle = np.cumsum(counts) - counts + (counts - 1) // 2
    typical = np.where(counts > 0, gaps[order][np.clip(middle, 0, len(gaps) - 1)], 1)
    alike = np.abs(gaps - typical[owner]) <= 0.1 * typical[owner]
    share = np.bincount(owner, weights=alike, minlength=len(counts)) / np.maximum(counts, 1)
    slow = (typical > 1) & (counts >= 8) & (share >= 0.9)
    found = np.flatnonzero(slow)
    quick = (typical == 1) & (counts > 0)
    return (found, typical[found]) if quick.any() else (none, none)


def clock_frequency(seconds: int) -> Frequency:
    """The frequency of a step of that many seconds, in the largest unit that divides it: up to weeks."""
    for unit, length in (("week", 604_800), ("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds % length == 0:
            return Frequency(unit, seconds // length)
    return Frequency("second", seconds)


def suggest_width(typical: int) -> str:
    """The word of a bin width near the typical distance (microseconds): "10min", "1h", "1D", "MS"."""
    seconds = max(typical / SECOND, 1)
    if seconds > 20 * 86_400:
        return "MS" if seconds < 80 * 86_400 else "QS" if seconds < 200 * 86_400 else "YS"
    nice = min(_NICE, key=lambda width: abs(np.log(width / seconds)))
    return clock_frequency(nice).word


def _months(times: Instants, series: Integers, same: NDArray[np.bool_], gaps: Integers) -> Frequency | None:
    """Monthly, quarterly, yearly or every few months, if all stamps of each series are on the same day of the month."""
    if gaps.min() < 28 * DAY:
        return None
    dates = times.astype("M8[D]")
    months = dates.astype("M8[M]")
    number = (dates - months.astype("M8[D]")).astype(np.int64) + 1
    latest = int(number.max())
    if (on_day(months, LAST_DAY) == dates).all():
        day = LAST_DAY
    elif (on_day(months, latest) == dates).all():
        day = latest
    elif (np.diff(number)[same] == 0).all():
        day = 0
    else:
        return None
    step = int(np.gcd.reduce(np.diff(months.astype(np.int64))[same]))
    month = months.astype(np.int64) % 12 + 1
    if step % 12 == 0:
        return Frequency("year", step // 12, day, _only(month))
    if step == 3:
        return Frequency("quarter", 1, day, _only((month - 1) % 3 + 1))
    return Frequency("month", step, day)


def _only(values: Integers) -> int:
    """The value if all are the same, else 0."""
    return int(values[0]) if (values == values[0]).all() else 0


def _weeks(times: Instants, weeks: int) -> Frequency:
    weekday = (times.astype("M8[D]").astype(np.int64) + 3) % 7 + 1
    return Frequency("week", weeks, _only(weekday))


def _only_business_days(times: Instants, series: Integers) -> bool:
    """No weekend day at all although at least two weekends were passed, and two thirds of the weekdays present.

    Holidays are the usual absent weekdays; of 8 days or more picked without regard to weekends some would fall on one.
    """
    dates = times.astype("M8[D]")
    if len(dates) < 8 or not np.is_busday(dates).all():
        return False
    starts = np.flatnonzero(np.diff(series, prepend=series[0] - 1))
    ends = np.append(starts[1:], len(series)) - 1
    weekdays = np.busday_count(dates[starts], dates[ends]) + 1
    days = (dates[ends] - dates[starts]).astype(np.int64) + 1
    return bool(len(dates) >= weekdays.sum() * 2 / 3 and (days - weekdays).max() >= 4)


def regularity(times: Instants) -> float:
    """Share of the steps of the best grid at which there is a stamp, 0 without a grid: to choose between readings."""
    unique = np.unique(times)
    if len(unique) < 3:
        return 0.0
    spacing = infer_spacing(unique, np.zeros(len(unique), dtype=np.int64))
    if spacing.frequency is None:
        return 0.0
    steps, on_grid = spacing.frequency.index(unique[0], unique[-1:])
    return len(unique) / (int(steps[0]) + 1) if on_grid[0] else 0.0
