"""A Forecast as charts: one interactive page for one series or thousands, a picture, the chart in a notebook."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tidegate.charts.chart import Browser, LineChart, Section
from tidegate.charts.fan import fan_chart
from tidegate.charts.page import render_page
from tidegate.charts.picture import PICTURE_LIMIT, save_picture
from tidegate.series.dates.timeline import Timeline
from tidegate.series.dates.zones import zone_name

if TYPE_CHECKING:
    from tidegate.forecasting.result import Forecast

SERIES_LIMIT = 2_000  # series on one page
VALUES_LIMIT = 1_200_000  # values on one page, about 7 MB
NOTEBOOK_SERIES_LIMIT = 50  # a notebook keeps every output it shows


def forecast_page(forecast: Forecast, series_limit: int = SERIES_LIMIT) -> str:
    """A self-contained HTML page. Beyond `series_limit` series or VALUES_LIMIT values it holds a part and says so."""
    panel, size = forecast.panel, forecast.panel.size
    ahead = forecast.horizon * (1 + 2 * len(forecast.levels))
    shown = min(size, series_limit, max(1, VALUES_LIMIT // (ahead + 50)))
    history = max(50, VALUES_LIMIT // max(shown, 1) - ahead)
    notes = list(dict.fromkeys((*panel.notes, *forecast.notes)))
    if shown < size:
        notes.append(f"This page holds the first {shown:,} of {size:,} series.")
    longest = int(panel.lengths[:shown].max(initial=0))
    if longest > history:
        notes.append(f"This page holds the last {history:,} values of each history; the longest has {longest:,}.")
    charts = forecast_charts(forecast, range(shown), history)
    if size == 1:
        chart = replace(charts[0], title="History and forecast")  # the page's title names the series
        return render_page(
            panel.name(0), [Section(content=[chart])], subtitle=_summary(forecast, target=bool(panel.ids)), notes=notes
        )
    return render_page(
        f"Forecast of {panel.target}", [Section(content=[Browser(charts)])], subtitle=_summary(forecast), notes=notes
    )


def forecast_charts(forecast: Forecast, series: Iterable[int], history: int | None = None) -> list[LineChart]:
    """A fan chart of each of these series with the last `history` values before the origin; None: all of them."""
    bands = _bands(forecast)
    median = forecast.at(0.5)
    charts = []
    for index in series:
        values = forecast.panel[index]
        kept = len(values) if history is None else min(len(values), history)
        x, zone = chart_x(forecast.panel.timeline, index, len(values) - kept, kept + forecast.horizon)
        seasons = forecast.season_lengths[index] if index < len(forecast.season_lengths) else np.zeros(1, np.int64)
        chart = fan_chart(
            forecast.panel.name(index),
            x[:kept],
            values[len(values) - kept :],
            x[kept:],
            median[index],
            [(name, low[index], high[index]) for name, low, high in bands],
            season_length=int(seasons[0]),
            y_label=forecast.panel.target if forecast.panel.ids else "",
            timezone=zone,
        )
        charts.append(chart)
    return charts


def draw_picture(forecast: Forecast, path: Path) -> None:
    """An .svg or .png: one series wide, of many at most PICTURE_LIMIT spread evenly over the panel."""
    size = forecast.panel.size
    if size == 1:
        return save_picture(path, forecast_charts(forecast, [0]))
    chosen = np.unique(np.linspace(0, size - 1, min(size, PICTURE_LIMIT)).round().astype(int))
    title = f"Forecast of {forecast.panel.target}: " + (f"{len(chosen)} of " if len(chosen) < size else "")
    return save_picture(path, forecast_charts(forecast, chosen.tolist()), title=f"{title}{size:,} series")


def notebook_html(forecast: Forecast) -> str:
    """The page in a frame of its own, so that its style and a notebook's do not meet."""
    page = forecast_page(forecast, NOTEBOOK_SERIES_LIMIT)
    height = 620 if forecast.panel.size == 1 else 680
    return (
        f'<iframe title="Forecast of {escape(forecast.panel.name(0))}" sandbox="allow-scripts" srcdoc="{escape(page)}" '
        f'style="width: 100%; height: {height}px; border: 0" loading="lazy"></iframe>'
    )


def _bands(forecast: Forecast) -> list[tuple[str, NDArray[np.float64], NDArray[np.float64]]]:
    from tidegate.forecasting.result import interval_quantiles

    sides = [(level, *interval_quantiles(level)) for level in forecast.levels]
    return [(f"{level:g} % interval", forecast.at(low), forecast.at(high)) for level, low, high in sides]


def chart_x(timeline: Timeline, series: int, first: int, count: int) -> tuple[NDArray[Any], str | None]:
    """Places of grid steps on the x axis, and the time zone to show them in.

    An axis must never run backwards, so zoned series shorter than daily are placed by UTC and shown in their zone.
    """
    if timeline.frequency is None or timeline.timezone is None or timeline.wall:
        return timeline.instants(series, first, count), None
    start = timeline.starts[series].astype("datetime64[us]")
    instants = timeline.frequency.advance(start, np.arange(first, first + count)).astype("datetime64[ms]")
    zone = zone_name(timeline.timezone)
    if zone[0] in "+-":
        hours, minutes = zone[1:].split(":")
        shift = (int(hours) * 60 + int(minutes)) * (-1 if zone[0] == "-" else 1)
        return instants + np.timedelta64(shift, "m"), None
    return instants, zone


def _summary(forecast: Forecast, target: bool = False) -> str:
    panel, frequency = forecast.panel, forecast.panel.timeline.frequency
    words = [f"{panel.target}"] if target else []
    if frequency is not None:
        words.append(frequency.name)
    if panel.size == 1:
        length = int(panel.lengths[0])
        last = panel.timeline.text(0, length - 1, 1)[0]
        words.append(f"{length:,} values" + (f" to {last}" if frequency is not None else ""))
    else:
        words.append(f"{panel.size:,} series")
    words.append(f"{forecast.horizon:,} step{'s' * (forecast.horizon != 1)} ahead")
    if forecast.levels:
        words.append(f"intervals of {' and '.join(f'{level:g} %' for level in forecast.levels)}")
    return " · ".join(words)
