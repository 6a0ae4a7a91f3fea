"""The forecast picture: history, where the forecast starts, median and intervals as a fan, as one LineChart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tidegate.charts.chart import Band, Line, LineChart, Mark


def focus_length(horizon: int, season_length: int) -> int:
    """How many steps of history a reader sees first: enough to judge the forecast, not so many that it vanishes."""
    return max(8 * horizon, 3 * season_length, 24)


def fan_chart(
    title: str,
    history_x: NDArray[Any],
    history: ArrayLike,
    forecast_x: NDArray[Any],
    median: ArrayLike,
    intervals: Sequence[tuple[str, ArrayLike, ArrayLike]],
    *,
    actual: ArrayLike | None = None,
    season_length: int = 0,
    history_name: str = "observed",
    y_label: str = "",
    timezone: str | None = None,
    caption: str = "",
) -> LineChart:
    """A chart of one forecast.

    Args:
        history_x, history: (n,) steps and values up to the forecast origin, NaN where missing.
        forecast_x, median: (horizon,) steps and values after it; x of the same kind as history_x.
        intervals: (name, lo, hi) each (horizon,), such as ("80 % interval", lo, hi), in any order.
        actual: (horizon,) what really came, where known.
        season_length: steps per season; three of them at least are in view at first.
    Returns: a chart whose fan is tied to the last observation, if there is one (see LineChart.joined).
    """
    y = np.asarray(history, dtype=np.float64)
    n, horizon = len(y), len(np.asarray(median))
    tied = n > 0 and bool(np.isfinite(y[-1]))

    def after(values: ArrayLike) -> NDArray[np.float64]:
        whole = np.full(n + horizon, np.nan)
        whole[n:] = np.asarray(values, dtype=np.float64)
        if tied:
            whole[n - 1] = y[-1]
        return whole

    x = np.concatenate([history_x, forecast_x])
    widest_first = sorted(intervals, key=lambda part: -float(np.nansum(np.subtract(part[2], part[1]))))
    bands = [
        Band(name, after(lo), after(hi), opacity=0.16 if place == 0 and len(widest_first) > 1 else 0.26)
        for place, (name, lo, hi) in enumerate(widest_first)
    ]
    lines = [
        Line(history_name, np.concatenate([y, np.full(horizon, np.nan)]), color="ink", width=1.5),
        Line("forecast", after(median), color="blue", width=2.25),
    ]
    if actual is not None:
        actual_y = np.concatenate([np.full(n, np.nan), np.asarray(actual, dtype=np.float64)])
        lines.append(Line("actual", actual_y, color="orange", width=1.5))
    shown = focus_length(horizon, season_length)
    return LineChart(
        title=title,
        x=x,
        lines=lines,
        bands=bands,
        y_label=y_label,
        timezone=timezone,
        marks=[Mark(x[n - 1] if n else x[0], "forecast starts")],
        focus=(x[n - shown], x[-1]) if n > 1.25 * shown else None,
        joined=n - 1 if tied else None,
        caption=caption,
    )
