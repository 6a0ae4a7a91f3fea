"""The charts of a backtest's report: error by step, calibration, and every window's forecast against the truth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from tidegate.charts.chart import Band, Line, LineChart, Mark
from tidegate.evaluation.backtest import Backtest
from tidegate.evaluation.scores import WQL_LEVELS
from tidegate.forecasting.drawing import chart_x

Floats = NDArray[np.float64]
STEPS_SHOWN = 1_500  # of one series: what a chart can show and a page can hold


def error_by_step(backtest: Backtest, contenders: Sequence[str]) -> LineChart:
    """MASE (MAE where there is no scale) at each step of the horizon."""
    metric = backtest.main_metric
    errors = backtest.score(metric.lower(), "step")
    ahead = np.arange(1, backtest.horizon + 1)
    style = "line+points" if backtest.horizon <= 24 else "line"
    return LineChart(
        "Error by step of the horizon",
        ahead,
        [Line(name, errors[name], style=style, width=2.5 if name in backtest.models else 1.5) for name in contenders],
        x_label="steps ahead",
        y_label=metric,
        height=300,
        caption="Averaged over series and windows; lower is better.",
    )


def error_by_window(backtest: Backtest, contenders: Sequence[str]) -> LineChart:
    """MASE (MAE where there is no scale) of each window, the earliest first."""
    metric = backtest.main_metric
    errors = backtest.score(metric.lower(), "window")
    return LineChart(
        "Error by window",
        np.arange(1, backtest.windows + 1),
        [
            Line(name, errors[name], style="line+points", width=2.5 if name in backtest.models else 1.5)
            for name in contenders
        ],
        x_label="window (earliest first)",
        y_label=metric,
        height=300,
        caption="A method that wins in only one window has not proved much.",
    )


def calibration(backtest: Backtest, contenders: Sequence[str]) -> LineChart:
    """Promised against found: how many actuals lie below each quantile."""
    levels = np.array(sorted({*backtest.quantile_levels, *WQL_LEVELS}))
    lines = [Line("ideal", 100 * levels, style="dashed", color="grey")]
    lines += [
        Line(name, _shares_below(backtest, name, levels), "line+points", width=2.5 if name in backtest.models else 1.5)
        for name in contenders
    ]
    if (given := backtest.as_given) is not None:
        lines += [Line(name, _shares_below(given, name, levels), style="dotted") for name in given.models]
    return LineChart(
        "Calibration",
        100 * levels,
        lines,
        x_label="quantile level (%)",
        y_label="actual values below it (%)",
        height=300,
        caption="The closer to the dashed line, the better. Measured on these windows; no guarantee for the future.",
    )


def _shares_below(backtest: Backtest, name: str, levels: Floats) -> Floats:
    """(levels,) percent of the actual values below each quantile of a contender."""
    known = np.isfinite(backtest.actual) & np.isfinite(backtest.at(name, 0.5))
    if not known.any():
        return np.full(len(levels), np.nan)
    return np.array([100 * _below(backtest, name, level, known) / int(known.sum()) for level in levels])


def _below(backtest: Backtest, name: str, level: float, known: NDArray[np.bool_]) -> float:
    quantile = backtest.at(name, level)[known]
    actual = backtest.actual[known]
    # An actual that meets its quantile (zeros do) counts half to each side.
    return float((actual < quantile).sum() + 0.5 * (actual == quantile).sum())


def window_charts(backtest: Backtest, model: str, beside: str | None, series: Iterable[int]) -> list[LineChart]:
    """A chart per series: the truth, and the model's forecast with its fan from every origin (from those that do not
    overlap, where windows do), with the median of one other contender beside it."""
    windows = backtest.windows_apart
    charts = []
    errors = backtest.score(backtest.main_metric.lower())[model]
    for index in series:
        used = [window for window in windows if backtest.origins.scored[window, index]]
        if not used:
            continue
        known = backtest.origins.known[used, index]
        season = int(backtest.season_lengths[index, used[-1]])
        end = min(int(known[-1]) + backtest.horizon, int(backtest.panel.lengths[index]))
        begin = max(0, int(known[0]) - max(2 * backtest.horizon, 3 * season, 12), end - STEPS_SHOWN)
        x, zone = chart_x(backtest.panel.timeline, index, begin, end - begin)
        place = np.full((len(used), backtest.horizon), -1)
        steps = known[:, None] + np.arange(backtest.horizon) - begin
        place = np.where((steps >= 0) & (steps < end - begin), steps, -1)

        def along(values: Floats, used: list[int] = used, place: NDArray[np.int64] = place, n: int = len(x)) -> Floats:
            whole = np.full(n, np.nan)
            inside = place >= 0
            whole[place[inside]] = values[used][inside]
            return whole

        bands = []
        widest_first = sorted(backtest.levels, reverse=True)
        for level in widest_first:
            low, high = backtest.interval(model, level)
            opacity = 0.16 if level == widest_first[0] and len(widest_first) > 1 else 0.26
            bands.append(Band(f"{level:g} % interval", along(low[index]), along(high[index]), opacity=opacity))
        lines = [
            Line("actual", backtest.panel[index][begin:end], color="ink", width=1.5),
            Line(model, along(backtest.at(model, 0.5)[index]), color="blue", width=2.25),
        ]
        if beside is not None:
            lines.append(
                Line(beside, along(backtest.at(beside, 0.5)[index]), color="orange", width=1.25, style="dashed")
            )
        marks = [Mark(x[step - begin - 1], str(window + 1)) for window, step in zip(used, known, strict=True)
                 if begin < step]  # fmt: skip
        charts.append(
            LineChart(
                backtest.panel.name(index),
                x,
                lines,
                bands,
                y_label=backtest.panel.target if backtest.panel.ids else "",
                timezone=zone,
                marks=marks,
                caption=f"{backtest.main_metric} of {model}: {errors[index]:.3g}. Vertical lines mark the last step "
                "that each window's forecast saw.",
            )
        )
    return charts
