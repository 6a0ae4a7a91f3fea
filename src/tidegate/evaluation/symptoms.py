"""What to beware of in a model's forecasts: echoes, flat lines, bias, and intervals that do not hold their promise."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from tidegate.evaluation.backtest import Backtest
from tidegate.evaluation.baselines import TITLES
from tidegate.evaluation.origins import named
from tidegate.evaluation.significance import diebold_mariano, sign_test

Floats = NDArray[np.float64]

PAIRS = 12  # of forecast and actual that a correlation of one series needs
NO_BETTER = 0.98  # of persistence's error: what counts as no better than it
CLOSER = 0.01  # by how much the correlation at a lag has to exceed that at lag 0
LAGS = 200
FLAT = 0.1  # of the actuals' spread within a window
WIDESPREAD, SOME = 0.5, 0.1  # share of series that a warning about most, or about a part, needs
BIASED = 0.4  # of the mean absolute error
SURE = 0.01
OFF_PROMISE = 0.05  # share of actuals that an interval may cover more or less than it says


def symptoms(backtest: Backtest, model: str) -> tuple[str, ...]:
    """One sentence for each thing to beware of in a contender's forecasts; () where nothing was found."""
    found = (_echo(backtest, model), _flat(backtest, model), _bias(backtest, model), *_intervals(backtest, model))
    return tuple(warning for warning in found if warning is not None)


def _echo(backtest: Backtest, model: str) -> str | None:
    """The forecast follows the actuals late: its cross-correlation with them peaks at a lag above 0, and its error is
    no smaller than that of repeating the last value (or season, where the lag is one)."""
    lags = echo_lags(backtest, model)
    testable = lags >= 0
    if not testable.any():
        return None
    errors = backtest.score("mae")
    naive, seasonal = errors.get(TITLES["naive"]), errors.get(TITLES["seasonal_naive"])
    if naive is None:
        return None
    m = backtest.season_lengths[:, -1]
    persistence = np.where((lags >= m) & (m > 1), naive if seasonal is None else np.fmin(naive, seasonal), naive)
    echoing = np.flatnonzero((lags > 0) & (errors[model] >= NO_BETTER * persistence))
    if len(echoing) < WIDESPREAD * testable.sum():
        return None
    kinds, counts = np.unique(lags[echoing], return_counts=True)
    usual = int(kinds[np.argmax(counts)])
    return (
        f"{model} echoes the past: on {len(echoing):,} of {int(testable.sum()):,} series it follows the actual values "
        f"late (the cross-correlation peaks at a lag of {usual} step{'s' * (usual != 1)}, not at 0) and is no better "
        "than repeating the last values"
    )


def echo_lags(backtest: Backtest, model: str) -> NDArray[np.int64]:
    """(series,) lag at which forecasts correlate best with actuals, pooled over windows; -1 where it cannot be told."""
    forecast = backtest.at(model, 0.5)
    most = min(LAGS, 2 * backtest.horizon)
    reached = _values_around(backtest, most)
    correlation = np.full((most + 1, backtest.panel.size), np.nan)
    # Pairs that every lag has: else a lag could win by being asked less.
    usable = np.isfinite(forecast) & np.isfinite(backtest.actual)
    for lag in range(most + 1):
        shifted = reached[..., most - lag : most - lag + backtest.horizon]
        correlation[lag] = _correlation(forecast, np.where(usable, shifted, np.nan))
    known = np.isfinite(correlation).all(axis=0)
    best = np.argmax(np.where(known, correlation, 0.0), axis=0)
    peak = correlation[best, np.arange(backtest.panel.size)]
    # Of many lags one is the highest also where forecast and actuals have nothing in common.
    by_chance = NormalDist().inv_cdf(1 - SURE / 2 / (most + 1)) / np.sqrt(np.maximum(usable.sum(axis=(1, 2)), 1))
    late = (peak - correlation[0] >= CLOSER) & (peak > by_chance)
    return np.where(known, np.where(late, best, 0), -1)


def _values_around(backtest: Backtest, before: int) -> Floats:
    """(series, windows, before + horizon) values from `before` steps before the first step forecast on."""
    panel = backtest.panel
    steps = backtest.origins.known.T[:, :, None] + np.arange(-before, backtest.horizon)
    inside = (steps >= 0) & (steps < panel.lengths[:, None, None])
    return np.where(inside, panel.values[np.where(inside, panel.offsets[:-1, None, None] + steps, 0)], np.nan)


def _correlation(one: Floats, other: Floats) -> Floats:
    """(series,) correlation over windows and steps; NaN with fewer than PAIRS pairs or a constant side."""
    known = np.isfinite(one) & np.isfinite(other)
    count = known.sum(axis=(1, 2))

    def centred(values: Floats) -> Floats:
        mean = np.where(known, values, 0.0).sum(axis=(1, 2)) / np.maximum(count, 1)
        return np.where(known, values - mean[:, None, None], 0.0)

    a, b = centred(one), centred(other)
    size = np.sqrt(np.square(a).sum(axis=(1, 2)) * np.square(b).sum(axis=(1, 2)))
    usable = (count >= PAIRS) & (size > 0)
    return np.where(usable, (a * b).sum(axis=(1, 2)) / np.where(usable, size, 1.0), np.nan)


def _flat(backtest: Backtest, model: str) -> str | None:
    """The forecast hardly moves within windows, the series does, and seasonal naive, which moves, is closer to it."""
    seasonal = backtest.score("mae").get(TITLES["seasonal_naive"])
    if seasonal is None or backtest.horizon < 3:
        return None
    known = np.isfinite(backtest.actual) & np.isfinite(backtest.at(model, 0.5))
    repeated = backtest.at(TITLES["seasonal_naive"], 0.5)  # a straight line itself where there is no season
    spread, other, moved = (_spread(one, known) for one in (backtest.at(model, 0.5), repeated, backtest.actual))
    testable = np.isfinite(moved) & (moved > 0)
    straight = (spread < FLAT * moved) & (other >= FLAT * moved)
    flat = np.flatnonzero(testable & straight & (seasonal < backtest.score("mae")[model]))
    if not len(flat) or len(flat) < SOME * testable.sum():
        return None
    return (
        f"{model} is too flat: on {len(flat):,} of {int(testable.sum()):,} series it is nearly a straight line, "
        f"although the values move and seasonal naive does better: {named(backtest.panel, flat)}"
    )


def _spread(values: Floats, known: NDArray[np.bool_]) -> Floats:
    """(series,) standard deviation within windows, averaged over windows."""
    count = known.sum(axis=2)
    mean = np.where(known, values, 0.0).sum(axis=2) / np.maximum(count, 1)
    square = np.where(known, np.square(values - mean[..., None]), 0.0).sum(axis=2) / np.maximum(count, 1)
    usable = count >= 3
    total = np.where(usable, np.sqrt(square), 0.0).sum(axis=1)
    return np.where(usable.any(axis=1), total / np.maximum(usable.sum(axis=1), 1), np.nan)


def _bias(backtest: Backtest, model: str) -> str | None:
    """Forecasts lie on one side of the actuals, by a large part of their error, in too many windows for chance."""
    errors, sizes = backtest.score("bias", "cell")[model], backtest.score("mase", "cell")[model]
    known = np.isfinite(errors) & np.isfinite(sizes)
    if not known.any() or sizes[known].sum() == 0:
        return None
    share = float(errors[known].sum() / sizes[known].sum())
    # Windows of many series at one time err together: a window is one piece of evidence, a series another.
    by_window, by_series = (_means(np.where(known, errors, np.nan), axis) for axis in (0, 1))
    apart = by_window[backtest.windows_apart]
    agreed = (np.sign(by_window[np.isfinite(by_window)]) == np.sign(share)).all() and np.isfinite(apart).sum() >= 3
    chance = diebold_mariano(apart) > SURE or (np.isfinite(by_series).sum() >= 8 and sign_test(by_series) > SURE)
    if abs(share) < BIASED or not agreed or chance:
        return None
    side = "high" if share > 0 else "low"
    return f"{model} is biased: too {side} in every window, by {abs(share):.0%} of its mean absolute error".replace(
        "%", " %"
    )


def _intervals(backtest: Backtest, model: str) -> list[str]:
    """Intervals that cover more than OFF_PROMISE less or more than they say, beyond what chance explains."""
    found = []
    for level in backtest.levels:
        cells = backtest.score(f"coverage_{level:g}", "cell")[model]
        count = int(np.isfinite(cells[:, backtest.windows_apart]).sum())
        if count < 3:
            continue
        covered, promised = float(np.nanmean(cells)), level / 100
        # Steps of a window miss together: at worst a window of a series is one throw of a coin.
        margin = NormalDist().inv_cdf(1 - SURE / 2) * np.sqrt(promised * (1 - promised) / count)
        # So may all series of a window: what is off in the mean has to be so in window after window.
        chance = diebold_mariano(_means(cells, 0)[backtest.windows_apart] - promised) > SURE
        if abs(covered - promised) > max(OFF_PROMISE, margin) and not chance:
            kind = "too narrow" if covered < promised else "too wide"
            found.append(
                f"{model}'s {level:g} % interval is {kind}: it covers {100 * covered:.0f} % of the actual values"
            )
    return found


def _means(values: Floats, axis: int) -> Floats:
    """Means of the finite values; NaN where there is none."""
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    return np.where(count > 0, np.where(known, values, 0.0).sum(axis=axis) / np.maximum(count, 1), np.nan)
