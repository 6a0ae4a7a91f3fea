"""Intervals that hold: the network's distances from the median, scaled where a series' own past errors demand it.

The same pass that forecasts also says what the network would have forecast at earlier origins of the series. Of each
central interval, the errors there give the factor that would have made it cover what it promised (side by side: an
error above the median is measured in distances above it). One factor per level for all steps of the horizon, so that it
is as smooth over the steps as the network's own distances.

It is meant for series that are far off, and is careful with all others: a few origins of one series say little, they
overlap, and the network's intervals are right on average. Factors up to FAR either way are left alone, what goes
beyond is shrunk by n / (n + SHRINKAGE_WINDOWS), n being whole horizons of past errors, towards the model file's own
table (1 where it has none). What that gains, and what bolder rules lose, is in docs/intervals.md. It is no guarantee:
what was covered is measured by a backtest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ModelError

if TYPE_CHECKING:
    from tidegate.forecasting.model import ModelFile

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

PAST_ORIGINS = 5
# Forecasting from one origin more costs as much as reading about 8 patches. One for every 12 patches read keeps the
# whole below 1.6 times the time; short series, whose few origins would tell next to nothing, are left as they are.
PATCHES_PER_ORIGIN = 12
SHRINKAGE_WINDOWS = 20.0  # whole horizons of past errors that count as much as the model file's table
FAR = float(np.exp(0.3))  # 1.35: factors up to this, either way, are within what chance does to a right interval
LIMIT = 5.0  # no interval is made more than so many times as wide or narrow
TOLD = 0.05  # a change of an interval's width that is worth a note


@dataclass(frozen=True)
class Calibration:
    """What scales the quantiles of one model file, batch by batch; a row depends on that series alone.

    Attributes:
        quantile_levels: of the network, rising, with 0.5 among them.
        patch_length: steps between two past origins.
        table: (pairs,) factors that the model file brings, for the outermost interval first; 1: none.
        changed: how many series of each batch so far had an interval changed by more than TOLD, the table apart.
    """

    quantile_levels: tuple[float, ...]
    patch_length: int
    table: Floats
    changed: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, model: ModelFile) -> Calibration:
        """Raises: ModelError if the file's table is none."""
        levels = model.config.quantile_levels
        return cls(levels, model.config.patch_length, read_table(model.metadata, len(pairs(levels))))

    def past_origins(self, steps: int | Integers) -> Integers:
        """See `ModelFile.predict`: as many as histories of so many steps may cost."""
        return np.minimum(PAST_ORIGINS, steps // (self.patch_length * PATCHES_PER_ORIGIN))

    def __call__(self, context: Floats, quantiles: Floats, past: Floats, lengths: Integers | None = None) -> Floats:
        """(batch, horizon, quantiles) the quantiles of a batch, scaled; see `ModelFile.predict`.

        lengths: (batch,) steps of the histories, where the context shows only their ends.
        """
        horizon = min(quantiles.shape[1], past.shape[2])
        lengths = history_lengths(context) if lengths is None else lengths
        actual = past_actuals(context, past.shape[1], horizon, self.patch_length, lengths)
        # Whatever a longer neighbour in the batch may cost, a series has its own number of origins.
        own = self.past_origins(lengths)
        actual[np.arange(past.shape[1]) >= own[:, None]] = np.nan
        factors = interval_factors(actual, past[:, :, :horizon], self.quantile_levels, self.table)
        beyond = np.abs(np.log(factors / self.table)).max(axis=1, initial=0.0)  # what the file asks of all is no news
        self.changed.append(int((beyond > np.log1p(TOLD)).sum()))
        return scaled(quantiles, factors, self.quantile_levels)

    def notes(self, size: int) -> list[str]:
        """One sentence if intervals were changed."""
        if not (count := sum(self.changed)):
            return []
        whose, their = ("", "") if size == 1 else (f" of {count:,} of {size:,} series", "their ")
        return [
            f"intervals{whose} were rescaled, because {their}past errors showed them to be far off (calibrate=False or "
            "--no-calibrate keeps the model's own)"
        ]


def read_table(metadata: Mapping[str, object], count: int) -> Floats:
    """(pairs,) the factors in a model file's metadata, "calibration"; 1 where it has none."""
    found = metadata.get("calibration")
    if found is None:
        return np.ones(count)
    try:
        table = np.asarray(found, np.float64)
    except (TypeError, ValueError) as error:
        raise ModelError(f"the model file's calibration table {found!r} is not a list of numbers") from error
    if table.shape != (count,) or not (np.isfinite(table) & (table > 0)).all():
        raise ModelError(f"the model file's calibration table {found!r} is not {count} numbers above 0")
    return table


def pairs(quantile_levels: tuple[float, ...]) -> list[tuple[int, int]]:
    """Places of the two ends of each central interval, the outermost first."""
    places = {round(level, 9): place for place, level in enumerate(quantile_levels)}
    return [
        (place, places[round(1 - level, 9)])
        for level, place in places.items()
        if level < 0.5 and round(1 - level, 9) in places
    ]


def past_actuals(
    context: Floats, count: int, horizon: int, patch_length: int, lengths: Integers | None = None
) -> Floats:
    """(batch, count, horizon) what came after the last `count` patch ends, the latest first; NaN where nothing did.

    Patches are counted from the first observed value, as the network counts them.
    """
    time = context.shape[1]
    first = time - (history_lengths(context) if lengths is None else lengths)  # negative where only the end is shown
    final = (time - first - 1) // patch_length
    origins = (final[:, None] - np.arange(count)) * patch_length
    steps = first[:, None, None] + origins[..., None] + np.arange(horizon)
    inside = (steps >= 0) & (steps < time) & (origins > 0)[..., None]
    found = np.take_along_axis(context, np.where(inside, steps, 0).reshape(len(context), -1), axis=1)
    return np.where(inside, found.reshape(steps.shape), np.nan)


def history_lengths(context: Floats) -> Integers:
    """(batch,) steps from the first observed one on."""
    return context.shape[1] - np.argmax(~np.isnan(context), axis=1)


def interval_factors(actual: Floats, past: Floats, quantile_levels: tuple[float, ...], table: Floats) -> Floats:
    """(batch, pairs) by how much to scale each central interval, from errors at past origins.

    Args:
        actual: (batch, origins, horizon), NaN where missing. past: (batch, origins, horizon, quantiles).
        table: (pairs,) what to shrink towards.
    """
    both = pairs(quantile_levels)
    batch = len(actual)
    if not actual.size or not both:
        return np.tile(table, (batch, 1))
    lows, highs = (list(ends) for ends in zip(*both, strict=True))
    promised = np.subtract(np.take(quantile_levels, highs), np.take(quantile_levels, lows))
    by_level = past.reshape(batch, -1, len(quantile_levels)).swapaxes(1, 2)
    centre = by_level[:, [quantile_levels.index(0.5)]]
    error = actual.reshape(batch, 1, -1) - centre
    distance = np.where(error < 0, centre - by_level[:, lows], by_level[:, highs] - centre)  # (batch, pairs, steps)
    usable = np.isfinite(error) & (distance > 0)
    ratios = np.where(usable, np.abs(error) / np.where(usable, distance, 1.0), np.inf)
    count = usable.sum(axis=2)
    needed = _quantile(np.sort(ratios, axis=2), count, promised)
    beyond = np.log(np.clip(needed, 1 / LIMIT, LIMIT)) - np.log(table)
    beyond = np.sign(beyond) * np.maximum(np.abs(beyond) - np.log(FAR), 0.0)
    horizons = count / actual.shape[2]
    factors: Floats = table * np.exp(horizons / (horizons + SHRINKAGE_WINDOWS) * np.where(count > 0, beyond, 0.0))
    return factors


def scaled(quantiles: Floats, factors: Floats, quantile_levels: tuple[float, ...]) -> Floats:
    """(batch, horizon, quantiles) distances from the median times the factors of their interval, still in order."""
    median = quantile_levels.index(0.5)
    centre = quantiles[..., median : median + 1]
    each = np.ones((len(quantiles), len(quantile_levels)))
    for column, (low, high) in enumerate(pairs(quantile_levels)):
        each[:, low] = each[:, high] = factors[:, column]
    distance = np.abs(quantiles - centre) * each[:, None]
    below = np.maximum.accumulate(distance[..., median::-1], axis=-1)[..., ::-1]
    above = np.maximum.accumulate(distance[..., median:], axis=-1)
    return np.concatenate([centre - below[..., :-1], centre, centre + above[..., 1:]], axis=-1)


def _quantile(ordered: Floats, count: Integers, level: Floats) -> Floats:
    """(batch, pairs) quantiles of the first `count` along the last axis, straight lines between them; 1 for none.

    Args:
        ordered: (batch, pairs, steps), rising. count: (batch, pairs). level: (pairs,).
    Source: Hyndman & Fan (1996), definition 5.
    """
    last = np.maximum(count - 1, 0)
    place = np.clip(np.maximum(count, 1) * level - 0.5, 0, last)
    left = place.astype(np.int64)
    row, pair = np.ogrid[: count.shape[0], : count.shape[1]]
    low, high = (np.where(count > 0, ordered[row, pair, side], 1.0) for side in (left, np.minimum(left + 1, last)))
    return low + (place - left) * (high - low)
