"""Split-conformal intervals: factors that would have made intervals hold over many past forecasts, pooled.

A past error is measured in distances: how many times as far from the median as the end of the interval it lies, on the
side where it lies. So forecasts of different series and steps can be pooled, and what comes out is one factor for each
central interval, as a model file's calibration table holds them. `backtest` takes it from earlier windows; for `fit`
the errors are those at its validation origins.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tidegate.forecasting.calibration import pairs

Floats = NDArray[np.float64]


def conformal_factors(actual: Floats, quantiles: Floats, quantile_levels: tuple[float, ...]) -> tuple[Floats, int]:
    """What to scale each central interval's distances from the median by, and from how many past forecasts that is.

    Every past forecast counts once, however many of its steps are known: these share its weight. The factor is the
    smallest for which intervals would have covered a weight of (n + 1)(1 - alpha) of n. Where each forecast has one
    step that is the error of rank ⌈(n + 1)(1 - alpha)⌉. If past and coming forecasts are exchangeable, a step of the
    next one is covered with probability 1 - alpha or more, on average over its steps.

    Args:
        actual: (forecasts, horizon) what came, NaN where missing.
        quantiles: (forecasts, horizon, quantiles) what had been forecast; steps that are NaN are left out.
        quantile_levels: (levels,) rising, with 0.5 among them.
    Returns: (pairs,) for the outermost interval first, infinite where the rank is beyond n (`forecasts_needed`); and n.
    Source: Vovk et al. (2005), "Algorithmic Learning in a Random World"; errors by their scale: Lei et al. (2018);
        forecasts of several steps as groups: Lee, Barber & Willett (2023), "Distribution-free inference with
        hierarchical data".
    """
    both = pairs(quantile_levels)
    centre = quantiles[..., quantile_levels.index(0.5)]
    error = actual - centre
    known = np.isfinite(error)
    forecasts = int(known.any(axis=1).sum())
    weight = np.broadcast_to(1 / np.maximum(known.sum(axis=1, keepdims=True), 1), known.shape)[known]
    factors = np.full(len(both), np.inf)
    for column, (low, high) in enumerate(both):
        distance = np.where(error < 0, centre - quantiles[..., low], quantiles[..., high] - centre)[known]
        size = np.abs(error[known])
        # No factor reaches an error beside an interval without width.
        ratio = np.where(size == 0, 0.0, np.divide(size, distance, out=np.full_like(size, np.inf), where=distance > 0))
        order = np.argsort(ratio, kind="stable")
        needed = (forecasts + 1) * (quantile_levels[high] - quantile_levels[low]) - 1e-9  # sums of thirds are inexact
        place = int(np.searchsorted(np.cumsum(weight[order]), needed))
        if place < len(order):
            factors[column] = ratio[order[place]]
    return factors, forecasts


def forecasts_needed(level: float) -> int:
    """How many past forecasts an interval of so many percent needs: 4 for 80 %, 19 for 95 %."""
    return int(np.ceil(level / (100 - level) - 1e-9))
