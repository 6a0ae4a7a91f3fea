"""The scores of a backtest: every metric over the whole of it, per series, per window and per step of the horizon.

Over the whole, a metric is the mean over series of its value per series, so that no series counts for more because it
is long or large; only WQL is pooled, as published. Where a metric is not defined it is NaN, left out of the mean, and
`undefined` counts and names it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ConfigError
from tidegate.evaluation import metrics
from tidegate.evaluation.backtest import WQL_INTERVALS, Backtest
from tidegate.evaluation.baselines import TITLES
from tidegate.evaluation.origins import named
from tidegate.forecasting.forecaster import wanted_levels

Floats = NDArray[np.float64]
AXES: dict[str, int | tuple[int, ...]] = {"series": (1, 2), "window": (0, 2), "step": (0, 1), "cell": 2}
WQL_LEVELS = wanted_levels(WQL_INTERVALS, ())
REFERENCE = TITLES["naive2"]  # of OWA
SCALE = "the history is constant, repeats its season exactly or is too short, so its scale is zero"


@dataclass(frozen=True)
class Metric:
    """One column of a score table.

    title: as tables head it. unit: "" for none. better: "low", "high", or "near" some number (a promise, zero).
    measure: (backtest, contender, axis of (series, windows, horizon)) -> the metric with these axes gone.
    """

    title: str
    measure: Callable[[Backtest, str, int | tuple[int, ...]], Floats]
    unit: str = ""
    better: str = "low"
    needs: str = ""  # why it may be undefined although there are values


def metric_table(levels: tuple[float, ...]) -> dict[str, Metric]:
    """All metrics by name; those of intervals once for each level."""
    table = {
        "mase": Metric("MASE", _scaled_error, needs=SCALE),
        "rmsse": Metric("RMSSE", _scaled_square, needs=SCALE),
        "scaled_crps": Metric("scaled CRPS", _scaled_crps, needs=SCALE),
        "wql": Metric("WQL", _wql, needs="all actual values are 0"),
        "mae": Metric("MAE", lambda b, c, axis: metrics.mae(b.actual, b.at(c, 0.5), axis=axis), "units"),
        "rmse": Metric("RMSE", lambda b, c, axis: metrics.rmse(b.actual, b.at(c, 0.5), axis=axis), "units"),
        "smape": Metric("sMAPE", lambda b, c, axis: metrics.smape(b.actual, b.at(c, 0.5), axis=axis), "%"),
        "mape": Metric(
            "MAPE",
            lambda b, c, axis: metrics.mape(b.actual, b.at(c, 0.5), axis=axis),
            "%",
            needs="all actual values are 0",
        ),
        "bias": Metric("bias", _scaled_bias, better="near", needs=SCALE),
        "pinball": Metric("pinball", _pinball, "units"),
    }
    for level in levels:
        name = f"{level:g}"
        table |= {
            f"coverage_{name}": Metric(f"covers {name} %", _coverage(level), better="near"),
            f"width_{name}": Metric(f"width {name} %", _width(level), needs=SCALE),
            f"winkler_{name}": Metric(f"Winkler {name} %", _winkler(level), needs=SCALE),
        }
    return table


def parts(backtest: Backtest, metric: str, by: str = "series") -> dict[str, Floats]:
    """contender -> a metric per series, window, step or cell; see `Backtest.score`."""
    if by not in AXES:
        raise ConfigError(f"scores by {by!r}: expected one of {', '.join(AXES)}")
    known = metric_table(backtest.levels)
    if metric not in known:
        raise ConfigError(f"metric {metric!r} is not known: expected one of {', '.join(known)}")
    return {name: known[metric].measure(backtest, name, AXES[by]) for name in backtest.contenders}


def overall(backtest: Backtest) -> dict[str, dict[str, float]]:
    """contender -> metric -> score over the whole backtest, and "owa" where Naive2 takes part."""
    result: dict[str, dict[str, float]] = {}
    by_series: dict[str, dict[str, Floats]] = {}
    for name in backtest.contenders:
        by_series[name] = {}
        result[name] = {}
        for key, metric in metric_table(backtest.levels).items():
            values = by_series[name][key] = metric.measure(backtest, name, AXES["series"])
            if key == "wql":
                result[name][key] = float(metric.measure(backtest, name, (0, 1, 2)))
                continue
            known = values[np.isfinite(values)]
            result[name][key] = float(known.mean()) if len(known) else float("nan")
    if REFERENCE in by_series:
        naive2 = by_series[REFERENCE]
        for name, found in by_series.items():
            result[name]["owa"] = metrics.owa(found["smape"], found["mase"], naive2["smape"], naive2["mase"])
    return result


def undefined(backtest: Backtest) -> tuple[str, ...]:
    """A sentence for each metric that some series which take part have no value of: how many, which, and why. And one
    for the series that have a value in some windows only."""
    cells = np.isfinite(backtest.actual).sum(axis=2) > 0
    scored = cells.any(axis=1)
    groups: dict[tuple[str, tuple[int, ...]], list[str]] = {}
    for metric in metric_table(backtest.levels).values():
        if not metric.needs:
            continue
        # A contender without a forecast has a note of its own.
        missing = [
            scored & np.isfinite(backtest.at(name, 0.5)).any(axis=(1, 2)) & ~np.isfinite(values)
            for name in backtest.contenders
            for values in (metric.measure(backtest, name, AXES["series"]),)
        ]
        series = tuple(np.flatnonzero(np.any(missing, axis=0)).tolist())
        if series:
            groups.setdefault((metric.needs, series), []).append(metric.title)
    found = [
        f"{', '.join(titles)}: not defined for {len(series)} of {int(scored.sum())} series, because {why}; left out "
        f"of the means: {named(backtest.panel, np.array(series))}"
        for (why, series), titles in groups.items()
    ]
    scaled = np.isfinite(backtest.scale)
    if (partly := cells & ~scaled & (cells & scaled).any(axis=1, keepdims=True)).any():
        titles = ", ".join(metric.title for metric in metric_table(backtest.levels).values() if metric.needs == SCALE)
        found.append(
            f"{titles}: not defined in {int(partly.sum())} of {int(cells.sum())} windows of series, because up to "
            f"their origin {SCALE}; left out of the means: {named(backtest.panel, np.flatnonzero(partly.any(axis=1)))}"
        )
    made = [name for name in backtest.contenders if np.isfinite(backtest.at(name, 0.5)).any()]
    if not np.isfinite([backtest.scores[name].get("owa", 0.0) for name in made]).all():
        found.append(f"OWA: not defined, because {REFERENCE} makes no error at all or no series has a scale")
    return tuple(found)


def _scaled_error(backtest: Backtest, contender: str, axis: int | tuple[int, ...]) -> Floats:
    return metrics.mase(backtest.actual, backtest.at(contender, 0.5), backtest.scale, axis=axis)


def _scaled_square(backtest: Backtest, contender: str, axis: int | tuple[int, ...]) -> Floats:
    return metrics.rmsse(backtest.actual, backtest.at(contender, 0.5), backtest.squared_scale, axis=axis)


def _scaled_bias(backtest: Backtest, contender: str, axis: int | tuple[int, ...]) -> Floats:
    """In units of MASE's scale, so that a mean over series has a meaning."""
    scale = backtest.scale[..., None]
    return metrics.bias(backtest.actual / scale, backtest.at(contender, 0.5) / scale, axis=axis)


def _quantiles(backtest: Backtest, contender: str) -> Floats:
    places = [backtest.quantile_levels.index(level) for level in WQL_LEVELS]
    return backtest.quantiles[contender][..., places]


def _wql(backtest: Backtest, contender: str, axis: int | tuple[int, ...]) -> Floats:
    return metrics.wql(backtest.actual, _quantiles(backtest, contender), WQL_LEVELS, axis=axis)


def _pinball(backtest: Backtest, contender: str, axis: int | tuple[int, ...]) -> Floats:
    return metrics.pinball(backtest.actual, _quantiles(backtest, contender), WQL_LEVELS, axis=axis)


def _scaled_crps(backtest: Backtest, contender: str, axis: int | tuple[int, ...]) -> Floats:
    return metrics.scaled_crps(backtest.actual, _quantiles(backtest, contender), WQL_LEVELS, backtest.scale, axis=axis)


def _coverage(level: float) -> Callable[[Backtest, str, int | tuple[int, ...]], Floats]:
    return lambda b, c, axis: metrics.coverage(b.actual, *b.interval(c, level), axis=axis)


def _width(level: float) -> Callable[[Backtest, str, int | tuple[int, ...]], Floats]:
    """In units of MASE's scale."""

    def measure(backtest: Backtest, contender: str, axis: int | tuple[int, ...]) -> Floats:
        low, high = backtest.interval(contender, level)
        scale = backtest.scale[..., None]
        return metrics.width(low / scale, high / scale, axis=axis)

    return measure


def _winkler(level: float) -> Callable[[Backtest, str, int | tuple[int, ...]], Floats]:
    """In units of MASE's scale."""

    def measure(backtest: Backtest, contender: str, axis: int | tuple[int, ...]) -> Floats:
        low, high = backtest.interval(contender, level)
        scale = backtest.scale[..., None]
        return metrics.winkler(backtest.actual / scale, low / scale, high / scale, level, axis=axis)

    return measure
