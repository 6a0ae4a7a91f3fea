"""Season lengths of each series: what the user says, else what the calendar says, else what the values show."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ConfigError
from tidegate.series.panel import Panel, stack

SLOTS = 3  # season lengths a network can look up at once
LONGEST = 1_000_000  # steps of a season; a stream keeps the values of several
RECENT = 1023  # of a series' last values show a longer season or do not
CLOSER = 0.9  # times the distance of values half as far apart, and a longer season shows
LONGEST_DETECTED = 1000  # steps of a season that is found without a calendar
CLEAR = 0.35  # rank autocorrelation from which on a season is one
_AT_ONCE = 256  # series looked at together
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def asked_lengths(given: object) -> tuple[int, ...]:
    """Season lengths that were asked for, one or several in a list, tuple or array, as plain numbers in their order.

    Raises: ConfigError for a length that is no whole number, below 1 or above LONGEST, or more than three of them.
    """
    plain: Any = given.tolist() if isinstance(given, np.ndarray) else given
    lengths: list[Any] = list(plain) if isinstance(plain, tuple | list) else [plain]
    if not all(isinstance(length, int | np.integer) for length in lengths):
        raise ConfigError(f"season_length {given!r}: expected a whole number of steps, or several such as (24, 168)")
    if any(length < 1 for length in lengths):
        raise ConfigError(f"season_length {given}: a season has at least 2 steps; pass 1 for no season")
    if any(length > LONGEST for length in lengths):
        raise ConfigError(f"season_length {given}: expected at most {LONGEST:,} steps, a year of minutes twice over")
    if len({length for length in lengths if length > 1}) > SLOTS:
        raise ConfigError(f"season_length {given}: at most {SLOTS} season lengths can be used at once")
    return tuple(map(int, lengths))


def season_lengths(panel: Panel, given: int | tuple[int, ...] | None = None) -> Integers:
    """(series, 3) int64 season lengths in steps, shortest first, 0 for none.

    Args:
        given: one length or several for every series, 1 for none; left out, the calendar's: the shortest where a
            series holds two of it, a longer one where its values also show it (`repeats`). For series without a
            calendar those that `detect` finds.
    Raises: ConfigError as `asked_lengths`.
    """
    result = np.zeros((panel.size, SLOTS), np.int64)
    if given is not None:
        asked = sorted({length for length in asked_lengths(given) if length > 1})
        result[:, : len(asked)] = asked
        return result
    if panel.timeline.frequency is not None:
        candidates = panel.timeline.frequency.season_candidates[:SLOTS]
        for length in candidates:
            chosen = panel.lengths >= 2 * length
            if length != candidates[0]:
                enough = np.flatnonzero(chosen)
                for begin in range(0, len(enough), _AT_ONCE):
                    some = enough[begin : begin + _AT_ONCE]
                    # As wide as the longest may be, so that no sum depends on the company a series is in.
                    recent = stack(panel.values, panel.offsets[some], panel.offsets[some + 1], RECENT)
                    chosen[some] = repeats(recent, length, candidates[0])
            slot = np.count_nonzero(result[chosen], axis=1)  # the first that is free
            result[np.flatnonzero(chosen), slot] = length
        return result
    for index, values in enumerate(panel):
        shown = detect(values)
        result[index, : len(shown)] = shown
    return result


def unseen_seasons(lengths: Iterable[int], longest: int, read: int | None = None) -> list[str]:
    """A note for each season length of which no series shows a whole season; most likely it was meant for other data.

    Args: longest: steps of the longest series. read: steps that whoever uses the seasons reads of one at most.
    """
    if read is not None and longest > read:
        what = f"what is read of a series ({read} values at most): the forecast does not see a whole season"
    else:
        what = f"every series ({longest} values at most): none shows a whole season"
    shown = longest if read is None else min(longest, read)
    return [f"season length {length} is longer than {what}" for length in lengths if length > shown]


def repeats(values: Floats, length: int, shortest: int) -> NDArray[np.bool_]:
    """(series,) whether values `length` steps apart are a tenth closer than values about half as far apart.

    Half as far is a whole number of the shortest season, so that a week of hours is compared with half a week and not
    with noon against midnight. On a random walk, which has no season, the farther ones are less close on average. On
    the nine public sets of benchmarks/zero_shot.py this rule takes the mean relative MASE from 0.916 (all calendar
    lengths) to 0.875.

    Args: values: (series, n) with NaN for missing, of which the last RECENT count.
    """
    half = max(1, round(length / 2 / shortest)) * shortest
    apart, half_apart = (_mean_distance(values[:, -RECENT:], steps) for steps in (length, half))
    return apart < CLOSER * half_apart  # never where there is no such pair


def _mean_distance(values: Floats, steps: int) -> Floats:
    """(series,) mean distance of values so many steps apart, NaN without such a pair."""
    distance = np.abs(values[:, steps:] - values[:, :-steps])
    known = ~np.isnan(distance)
    count = known.sum(axis=1)
    return np.where(known, distance, 0.0).sum(axis=1) / np.where(count > 0, count, np.nan)


def detect(values: Floats) -> tuple[int, ...]:
    """Season lengths that a series without a calendar shows, at most two, shortest first.

    The rule, on the changes from step to step of the last 4 * LONGEST_DETECTED values (missing ones filled with the
    last value seen): the rank autocorrelation at every lag up to a third of the length; a season is the shortest lag
    that is a local peak above CLEAR and three standard errors, stands 0.3 above the lowest lag before it, is within 0.1
    of the highest such peak, and which its double confirms. A second one must be a multiple of the first and correlate
    better by 0.1.

    Args: values (n,) with NaN for missing.
    Returns: () where nothing is clear, or the series is shorter than 12 steps.
    """
    known = ~np.isnan(values)
    if known.sum() < 12:
        return ()
    series = values[np.argmax(known) :][-4 * LONGEST_DETECTED :]
    last_seen = np.maximum.accumulate(np.where(np.isnan(series), 0, np.arange(len(series))))
    series = series[last_seen]
    changes = np.diff(series[~np.isnan(series)])
    largest = np.abs(changes).max(initial=0.0)
    if largest == 0:
        return ()
    # Ranks, not sizes: one outlier must not hide a season. Equal changes share a rank.
    _, inverse, counts = np.unique(changes, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - 0.5 * counts)[inverse]
    centred = ranks - ranks.mean()
    n = len(centred)
    spectrum = np.fft.rfft(centred, 2 * n)
    products = np.fft.irfft(spectrum * spectrum.conj(), 2 * n)[:n]
    if products[0] <= 0:
        return ()
    correlation = products / products[0] * (n / np.arange(n, 0, -1))
    limit = min(LONGEST_DETECTED, n // 3)
    lags = np.arange(2, limit + 1)
    if len(lags) == 0:
        return ()
    here = correlation[lags]
    peak = (here > correlation[lags - 1]) & (here >= correlation[lags + 1]) & (here > max(CLEAR, 3 / np.sqrt(n)))
    peak &= here > np.minimum.accumulate(correlation[1 : limit + 1])[:-1] + 0.3  # smooth series peak next to lag 0
    doubled = np.minimum(2 * lags, n - 1)
    near = np.maximum.reduce([correlation[np.clip(doubled + shift, 0, n - 1)] for shift in (-1, 0, 1)])
    peak &= near > 0.6 * here
    if not peak.any():
        return ()
    better = max(0.1, 1 / np.sqrt(n))  # in 30 changes, twice a season of 4 may correlate better by chance
    first = int(lags[peak & (here >= here[peak].max() - better)][0])
    longer = lags[peak & (lags % first == 0) & (here > correlation[first] + better)]
    return (first, int(longer[np.argmax(correlation[longer])])) if len(longer) else (first,)
