"""Whether one network is better than another on the held-out windows, beyond a clustered standard error.

All functions take losses by row. A row is one held-out window of one series. docs/fit-experiments.md has the
measurements behind the numbers.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

WORTHWHILE_GAIN = 0.005  # least log gain, beyond doubt, that justifies a change: the future differs from the past
FEW_VALUES_GAIN = 30.0  # divided by the number of values: the least log gain for a small panel
SINGLE_WINDOW_DOUBT = 0.02  # least doubt of a log gain on a single window, which tells nothing about other times
AS_GOOD_MARGIN = 0.02  # an epoch this much worse (log) than the best one, and within doubt, is as good


def careful_gain(
    losses: NDArray[np.float64], start: NDArray[np.float64], window: NDArray[np.int64], series: NDArray[np.int64]
) -> float:
    """Log of the mean loss of the start weights over that of a candidate, minus the doubt.

    The doubt is one standard error. Series of a panel share good and bad times, and windows of a series behave alike.
    So the standard error is clustered by window and by series (Cameron, Gelbach & Miller, 2011, "Robust inference with
    multiway clustering").

    Args: all (rows,).
        losses, start: of the candidate and of the start weights, NaN for none.
        window, series: number of the window and of the series.
    """
    known = np.isfinite(losses) & np.isfinite(start)
    if not known.any() or not start[known].mean() > 0:
        return -math.inf
    before, now = start[known].mean(), losses[known].mean()
    if now == 0:
        return math.inf
    parts = (start[known] / before - losses[known] / now) / known.sum()  # contribution of each row, to first order
    by_window, by_series = _variance(parts, window[known]), _variance(parts, series[known])
    doubt = math.sqrt(max(by_window, by_series, by_window + by_series - float(parts @ parts)))
    if len(np.unique(window[known])) == 1:
        doubt = max(doubt, SINGLE_WINDOW_DOUBT)
    return math.log(before / now) - doubt


def as_good(
    losses: NDArray[np.float64], best: NDArray[np.float64], window: NDArray[np.int64], series: NDArray[np.int64]
) -> bool:
    """Whether a later epoch is as good as the best one so far: at most AS_GOOD_MARGIN worse, and not beyond doubt.

    Which of several noisy losses is smallest is a matter of luck. The latest of those that cannot be told apart is the
    steadiest: its learning rate has fallen furthest.

    Args: all (rows,), as in `careful_gain`.
    """
    known = np.isfinite(losses) & np.isfinite(best)
    if losses[known].sum() > math.exp(AS_GOOD_MARGIN) * best[known].sum():
        return False
    return careful_gain(best, losses, window, series) <= 0


def least_gain(values: int) -> float:
    """The least log gain, beyond doubt, for which the start weights are given up, for a panel of so many known values.

    With fewer values, a network of half a million weights memorises them sooner, and the windows of a short series are
    more often forecast better by luck. From some thousand values on it is WORTHWHILE_GAIN.
    """
    return max(WORTHWHILE_GAIN, FEW_VALUES_GAIN / max(1, values))


def _variance(parts: NDArray[np.float64], group: NDArray[np.int64]) -> float:
    """Variance of the sum of `parts`, clustered by group. 0 for a single group, from which it cannot be estimated."""
    sums = np.bincount(np.unique(group, return_inverse=True)[1], parts)
    return float(sums @ sums) * len(sums) / (len(sums) - 1) if len(sums) > 1 else 0.0
