"""Several values for one step -> one: repeated stamps merged, irregular stamps gathered into bins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ConfigError
from tidegate.series.dates.frequency import LAST_DAY, Frequency, on_day
from tidegate.series.dates.types import Instants, Integers
from tidegate.series.dates.zones import DAY, SECOND

WAYS = ("mean", "sum", "last")


def check_way(option: str, way: str | None) -> None:
    """Raises ConfigError if `way` is none of mean, sum and last."""
    if way is not None and way not in WAYS:
        raise ConfigError(f"{option} {way}: expected mean, sum or last")


def merge(values: NDArray[np.float64], groups: Integers, way: str) -> tuple[NDArray[np.float64], Integers]:
    """One value per run of equal `groups`, and how many rows each run had.

    Missing values are left out; the mean, sum or last of missing values alone is missing.
    """
    starts = np.flatnonzero(np.diff(groups, prepend=groups[0] - 1)) if len(groups) else np.empty(0, np.int64)
    counts = np.diff(np.append(starts, len(groups)))
    known = ~np.isnan(values)
    observed = np.add.reduceat(known.astype(np.int64), starts)
    if way == "last":
        at = np.maximum.reduceat(np.where(known, np.arange(len(values)), -1), starts)
        merged = values[at]
    else:
        merged = np.add.reduceat(np.where(known, values, 0.0), starts)
        if way == "mean":
            merged = merged / np.maximum(observed, 1)
    return np.where(observed > 0, merged, np.nan), counts


def bin_frequency(word: str) -> Frequency:
    """The frequency of the bins asked for; if unsaid, months, quarters and years start on day 1, weeks on Monday."""
    frequency = Frequency.parse(word)
    if frequency.unit == "business_day":
        raise ConfigError(f"--every {word}: expected a width that covers all days, such as 1D")
    if frequency.unit == "week" and not frequency.day:
        return Frequency("week", frequency.multiple, 1)
    if frequency.unit in ("month", "quarter", "year"):
        default = {"month": 0, "quarter": 1, "year": 1}[frequency.unit]
        ends = frequency.day == LAST_DAY
        month = frequency.month or (default + (2 if frequency.unit == "quarter" else 11) * ends if default else 0)
        return Frequency(frequency.unit, frequency.multiple, frequency.day or 1, month)
    return frequency


def bin_starts(times: Instants, frequency: Frequency, shift: int = 0) -> Instants:
    """The stamp of the bin each instant falls into.

    Bins below a day are counted from midnight of 1970-01-01 plus `shift` microseconds, so that "10min" gives 10:00 and
    10:10; days, weeks and longer ones start at midnight, weeks on the frequency's weekday; the stamp of month, quarter
    and year ends is their last day.
    """
    if frequency.step_seconds is not None:
        origin = shift
        if frequency.unit == "week":
            origin += (frequency.day - 4) * DAY  # 1970-01-01 was a Thursday, weekday 4
        step = frequency.step_seconds * SECOND
        return ((times.astype(np.int64) - origin) // step * step + origin).astype("M8[us]")
    size = {"month": 1, "quarter": 3, "year": 12}[frequency.unit] * frequency.multiple
    if frequency.day == LAST_DAY:
        phase = frequency.month % 12
        first = (times.astype("M8[M]").astype(np.int64) - phase) // size * size + phase
        return on_day((first + size - 1).astype("M8[M]"), LAST_DAY).astype("M8[us]")
    phase = max(frequency.month - 1, 0)
    moved = times - np.timedelta64((frequency.day - 1) * DAY, "us")
    first = (moved.astype("M8[M]").astype(np.int64) - phase) // size * size + phase
    return on_day(first.astype("M8[M]"), frequency.day).astype("M8[us]")
