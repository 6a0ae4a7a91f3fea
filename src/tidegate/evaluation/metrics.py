"""Measures of forecast error, vectorised over series and windows; each says its source.

One convention for all of them: `actual` and `forecast` are (..., horizon) in the units of the series, `quantiles` are
(..., horizon, quantiles), and `axis` says what is averaged, counted in the axes of `actual`: -1, the horizon,
gives one number per series (and window); (0, 1) of (series, windows, horizon) gives one per step.

NaN in `actual` is a missing observation, NaN in a forecast says that there is none: such steps are left out of means
and sums. Where nothing is left, or a measure is not defined (a zero scale, only zeros to take percentages of), the
result is NaN and never infinite: whoever prints a table counts these and names them (`evaluation.scores` does).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tidegate.series.panel import Panel

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Axis = int | tuple[int, ...]

ROUNDING = 1e-12  # of the size of values: what differs by less differs by rounding errors alone


def mae(actual: Floats, forecast: Floats, *, axis: Axis = -1) -> Floats:
    """Mean absolute error, in the units of the series."""
    return _mean(np.abs(actual - forecast), axis)


def rmse(actual: Floats, forecast: Floats, *, axis: Axis = -1) -> Floats:
    """Root of the mean squared error, in the units of the series."""
    return np.sqrt(_mean(np.square(actual - forecast), axis))


def bias(actual: Floats, forecast: Floats, *, axis: Axis = -1) -> Floats:
    """Mean of forecast minus actual, in the units of the series: above 0 forecasts too much."""
    return _mean(forecast - actual, axis)


def mape(actual: Floats, forecast: Floats, *, axis: Axis = -1) -> Floats:
    """Mean absolute percentage error, in percent; steps whose actual is 0 are left out, as a percentage of 0 is none.

    Warning: forecasts that are too low cost at most 100, those that are too high cost without limit, and near 0 it
    means nothing. Source: Hyndman & Koehler (2006), "Another look at measures of forecast accuracy".
    """
    size = np.abs(actual)
    return 100 * _mean(_ratio(np.abs(actual - forecast), size), axis)


def smape(actual: Floats, forecast: Floats, *, axis: Axis = -1) -> Floats:
    """Symmetric mean absolute percentage error, 0 to 200 percent; 0 where both are 0.

    Source: Makridakis et al. (2020), "The M4 Competition": 200 |y - f| / (|y| + |f|).
    """
    error, size = np.abs(actual - forecast), np.abs(actual) + np.abs(forecast)
    return 200 * _mean(np.where(size == 0, 0.0, _ratio(error, size)), axis)


def mase(actual: Floats, forecast: Floats, scale: Floats, *, axis: Axis = -1) -> Floats:
    """Mean absolute scaled error; 1.0 is as good as seasonal naive one step ahead within the history.

    Args: scale: broadcast against actual's leading axes: (...,), from `absolute_scale`; NaN where it is not defined.
    Source: Hyndman & Koehler (2006), "Another look at measures of forecast accuracy".
    """
    return _mean(np.abs(actual - forecast) / np.asarray(scale)[..., None], axis)


def rmsse(actual: Floats, forecast: Floats, scale: Floats, *, axis: Axis = -1) -> Floats:
    """Root mean squared scaled error.

    Args: scale: (...,), from `squared_scale`: a mean square, in squared units; NaN where it is not defined.
    Source: Makridakis et al. (2022), "The M5 accuracy competition", whose scale has a season length of 1 and begins
        with the first sale; with that of the series it is to the RMSE what MASE is to the MAE.
    """
    return np.sqrt(_mean(np.square(actual - forecast) / np.asarray(scale)[..., None], axis))


def owa(smapes: Floats, mases: Floats, naive2_smapes: Floats, naive2_mases: Floats) -> float:
    """Overall weighted average of a set of series: 1.0 is as good as Naive2.

    Args: each (series,): sMAPE and MASE of a method and of Naive2; series undefined for any of the four are left out.
    Returns: the mean of the two ratios of means; NaN where Naive2 makes no error at all.
    Source: Makridakis et al. (2020), "The M4 Competition".
    """
    four = [np.asarray(part, np.float64) for part in (smapes, mases, naive2_smapes, naive2_mases)]
    known = np.isfinite(np.stack(four)).all(axis=0)
    if not known.any():
        return float("nan")
    own_smape, own_mase, naive_smape, naive_mase = (float(part[known].mean()) for part in four)
    if naive_smape == 0 or naive_mase == 0:
        return float("nan")
    return (own_smape / naive_smape + own_mase / naive_mase) / 2


def pinball(actual: Floats, quantiles: Floats, quantile_levels: Sequence[float], *, axis: Axis = -1) -> Floats:
    """Mean pinball (quantile) loss over steps and levels, in the units of the series; at 0.5 alone half the MAE.

    Source: Koenker & Bassett (1978), "Regression quantiles".
    """
    return _mean(_pinball_steps(actual, quantiles, quantile_levels), axis)


def wql(actual: Floats, quantiles: Floats, quantile_levels: Sequence[float], *, axis: Axis = -1) -> Floats:
    """Weighted quantile loss: twice the pinball loss, averaged over levels and summed, over the sum of |actual|.

    Over a whole set (`axis` all axes) large series weigh more, as published. NaN where the actuals are all 0.
    Source: Salinas et al. (2020), "DeepAR"; Ansari et al. (2024), "Chronos" (levels 0.1, 0.2 ... 0.9).
    """
    loss = 2 * _pinball_steps(actual, quantiles, quantile_levels)
    known = np.isfinite(loss)
    total = np.where(known, loss, 0.0).sum(axis=axis)
    return _ratio(total, np.where(known, np.abs(actual), 0.0).sum(axis=axis))


def scaled_crps(
    actual: Floats, quantiles: Floats, quantile_levels: Sequence[float], scale: Floats, *, axis: Axis = -1
) -> Floats:
    """Continuous ranked probability score by quantiles, in units of the history's seasonal changes, as MASE is.

    Twice the pinball loss, averaged over the levels, approaches the CRPS; without spread it equals MASE.
    Args: scale: (...,), from `absolute_scale`.
    Source: Gneiting & Ranjan (2011), equation 7; scaled as "SQL" of Shchur et al. (2025), "fev-bench".
    """
    loss = 2 * _pinball_steps(actual, quantiles, quantile_levels)
    return _mean(loss / np.asarray(scale)[..., None], axis)


def winkler(actual: Floats, low: Floats, high: Floats, level: float, *, axis: Axis = -1) -> Floats:
    """Interval score: the width, plus 2 / alpha times how far the actual lies outside; in the units of the series.

    Args: level: of the central interval, in percent; alpha is 1 - level / 100.
    Source: Winkler (1972); Gneiting & Raftery (2007), equation 43.
    """
    outside = np.maximum(low - actual, 0.0) + np.maximum(actual - high, 0.0)
    return _mean(high - low + 2 / (1 - level / 100) * outside, axis)


def coverage(actual: Floats, low: Floats, high: Floats, *, axis: Axis = -1) -> Floats:
    """Share of actuals within the interval, its ends included: 0 to 1."""
    known = np.isfinite(actual) & np.isfinite(low) & np.isfinite(high)
    return _mean(np.where(known, (low <= actual) & (actual <= high), np.nan), axis)


def width(low: Floats, high: Floats, *, axis: Axis = -1) -> Floats:
    """Mean distance of an interval's ends, in the units of the series."""
    return _mean(high - low, axis)


def absolute_scale(panel: Panel, season_length: Integers | int) -> Floats:
    """(series,) mean |y[t] - y[t - m]| within each history: what MASE divides by, in the units of the series.

    Args: season_length: m, for all series or (series,); 1 where there is no season.
    Returns: NaN where the history has no two values m steps apart, or all such pairs are equal (a zero scale), but for
        rounding errors: a computed sine differs from season to season by those.
    """
    return _scale(panel, season_length, np.abs)


def squared_scale(panel: Panel, season_length: Integers | int) -> Floats:
    """(series,) mean (y[t] - y[t - m])² within each history: what RMSSE divides by; NaN as in `absolute_scale`."""
    return _scale(panel, season_length, np.square)


def _scale(panel: Panel, season_length: Integers | int, size: np.ufunc) -> Floats:
    m = np.repeat(np.broadcast_to(np.asarray(season_length, np.int64), (panel.size,)), panel.lengths)
    place = np.arange(len(panel.values))
    first = np.repeat(panel.offsets[:-1], panel.lengths)
    before = place - m
    changes = np.where(before >= first, panel.values - panel.values[np.maximum(before, 0)], np.nan)
    sizes = size(changes)
    known = np.isfinite(sizes)
    # A running sum over all series would lose the small ones beside the large.
    sums = _sums(np.where(known, sizes, 0.0), panel.offsets)
    scale = _ratio(sums, _sums(known.astype(np.float64), panel.offsets))
    largest = np.fmax.reduceat(np.append(np.abs(panel.values), np.nan), panel.offsets[:-1])
    with np.errstate(over="ignore"):  # the square of a value near 1e300
        least = size(ROUNDING * np.where(panel.lengths > 0, largest, np.nan))
    return np.where(scale > least, scale, np.nan)


def _sums(values: Floats, offsets: Integers) -> Floats:
    """(series,) sum of each stretch; 0 for an empty one, of which reduceat makes its first neighbour."""
    totals = np.add.reduceat(np.append(values, 0.0), offsets[:-1])
    return np.where(np.diff(offsets) > 0, totals, 0.0)


def _pinball_steps(actual: Floats, quantiles: Floats, quantile_levels: Sequence[float]) -> Floats:
    """(..., horizon) pinball loss averaged over the levels; level by level, as all at once would not fit the cache."""
    total = np.zeros(np.broadcast_shapes(actual.shape, quantiles.shape[:-1]))
    for index, level in enumerate(quantile_levels):
        error = actual - quantiles[..., index]
        total += np.maximum(level * error, (level - 1) * error)
    return total / len(quantile_levels)


def _mean(values: Floats, axis: Axis) -> Floats:
    """Mean of the finite values; NaN where there is none."""
    known = np.isfinite(values)
    return _ratio(np.where(known, values, 0.0).sum(axis=axis), known.sum(axis=axis))


def _ratio(above: Floats, below: Floats) -> Floats:
    """above / below, NaN where below is 0."""
    return np.divide(above, below, out=np.full(np.broadcast(above, below).shape, np.nan), where=np.asarray(below) != 0)
