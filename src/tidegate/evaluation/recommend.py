"""Which contender to use for each series: chosen on the windows before the last, scored on the last."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.evaluation import metrics
from tidegate.evaluation.backtest import Backtest

Floats = NDArray[np.float64]

PRIOR_WINDOWS = 4  # how many windows of its own a series needs to weigh as much as the panel's mean
BLEND = "blend"


@dataclass(frozen=True)
class Recommendation:
    """What to use.

    Attributes:
        chosen: (series,) the name of a contender, or "blend": the mean of the model's and the best baseline's forecast.
        blended: the two that a blend is made of.
        counts: name -> for how many series it was chosen.
        error, model_error, baseline_error: MASE (MAE where no series has a scale) on the last window of the choice, of
            the model for all series, and of the baseline that was best before; NaN where there is no earlier window to
            choose on, or nothing to score on in the last.
        sentence: the same in words.
    """

    chosen: tuple[str, ...]
    blended: tuple[str, str]
    counts: dict[str, int]
    error: float
    model_error: float
    baseline_error: float
    sentence: str


def recommend(backtest: Backtest) -> Recommendation:
    """For each series the contender with the least error in the windows before the last, or a blend.

    A few windows of one series say little: its own relative errors are averaged with the panel's, weighted as
    n / (n + PRIOR_WINDOWS). Values after the last origin have no say, also where windows overlap.
    """
    model = (backtest.models or backtest.contenders)[0]
    baselines = [name for name in backtest.contenders if name not in backtest.models and name != model]
    last = backtest.windows - 1
    if last == 0 or not baselines:
        reason = (
            "with a single window, there is none before it to choose on"
            if last == 0
            else "there is no baseline to choose from"
        )
        chosen = (model,) * backtest.panel.size
        nan = float("nan")
        return Recommendation(
            chosen, (model, model), {model: len(chosen)}, nan, nan, nan, f"no recommendation: {reason}"
        )
    steps = backtest.origins.known.T[:, :last, None] + np.arange(backtest.horizon)
    before = np.where(steps < backtest.origins.known[last][:, None, None], backtest.actual[:, :last], np.nan)
    scale, _ = _scale(backtest)
    past = {name: _errors(before, backtest.at(name, 0.5)[:, :last], scale[:, :last]) for name in backtest.contenders}
    best = min(baselines, key=lambda name: _mean(past[name]))
    past[BLEND] = _errors(before, _blend(backtest, model, best)[:, :last], scale[:, :last])
    names = list(past)
    chosen = tuple(names[place] for place in _least(np.stack(list(past.values())), names.index(model)))
    return _scored(backtest, model, best, chosen)


def _least(errors: Floats, fallback: int) -> NDArray[np.int64]:
    """(series,) which of the first axis of (contenders, series, windows) to use."""
    known = np.isfinite(errors)
    own = np.where(known, errors, 0.0).sum(axis=2) / np.maximum(known.sum(axis=2), 1)
    forecast = known.any(axis=2)
    own = np.where(forecast, own, np.nan)
    count = np.where(forecast, known.sum(axis=2), 0).max(axis=0)
    typical = np.where(forecast, own, 0.0).sum(axis=0) / np.maximum(forecast.sum(axis=0), 1)
    usable = typical > 0
    relative = np.where(usable, own / np.where(usable, typical, 1.0), np.nan)
    panel = np.array([np.nanmean(row) if np.isfinite(row).any() else np.inf for row in relative])
    weight = count / (count + PRIOR_WINDOWS)
    forecast &= usable
    merged = np.where(forecast, weight * np.where(forecast, relative, 0.0) + (1 - weight) * panel[:, None], np.inf)
    # A series without a past of its own gets what is best for the panel.
    usual = int(np.argmin(panel)) if np.isfinite(panel).any() else fallback
    return np.where(forecast.any(axis=0), np.argmin(merged, axis=0), usual)


def _scored(backtest: Backtest, model: str, best: str, chosen: tuple[str, ...]) -> Recommendation:
    last = backtest.windows - 1
    scales, metric = _scale(backtest)
    actual, scale = backtest.actual[:, last], scales[:, last]
    forecasts = {name: backtest.at(name, 0.5)[:, last] for name in backtest.contenders}
    forecasts[BLEND] = _blend(backtest, model, best)[:, last]
    picked = np.stack([forecasts[name][index] for index, name in enumerate(chosen)])
    errors = [_errors(actual, one, scale) for one in (picked, forecasts[model], forecasts[best])]
    both = np.isfinite(np.stack(errors)).all(axis=0)
    nan = float("nan")
    error, model_error, baseline_error = (float(one[both].mean()) if both.any() else nan for one in errors)
    counts = {name: chosen.count(name) for name in dict.fromkeys(chosen)}
    counts = dict(sorted(counts.items(), key=lambda item: -item[1]))
    words = ", ".join(f"{name} for {count:,} series" for name, count in counts.items())
    alone = len(chosen) == 1
    if both.any():
        only = "" if alone else " alone"
        told = (
            f"on the last window, {metric} is {error:.3f} for the recommendation, {model_error:.3f} for {model}{only} "
            f"and {baseline_error:.3f} for {best}{only}"
        )
    elif not np.isfinite(actual).any():
        told = "the recommendation cannot be scored: the last window has no values"
    else:
        told = "the recommendation cannot be scored: the last window lacks forecasts"
    picks = chosen[0] if alone else words
    blend = f" (a blend is the mean of {model} and {best})" if BLEND in counts else ""
    sentence = f"recommended: {picks}, chosen on the windows before the last{blend}; {told}"
    return Recommendation(chosen, (model, best), counts, error, model_error, baseline_error, sentence)


def _scale(backtest: Backtest) -> tuple[Floats, str]:
    """What errors are divided by, and the metric that makes: MAE where no series has a scale."""
    last = backtest.windows - 1
    if np.isfinite(backtest.scale[:, :last]).any():  # the last window has no say in the choice, nor in its measure
        return backtest.scale, "MASE"
    return np.ones_like(backtest.scale), "MAE"


def _blend(backtest: Backtest, model: str, best: str) -> Floats:
    return (backtest.at(model, 0.5) + backtest.at(best, 0.5)) / 2


def _errors(actual: Floats, forecast: Floats, scale: Floats) -> Floats:
    return metrics.mase(actual, forecast, scale)


def _mean(errors: Floats) -> float:
    """Of the finite ones; infinite where there is none."""
    known = np.isfinite(errors)
    return float(errors[known].mean()) if known.any() else float("inf")
