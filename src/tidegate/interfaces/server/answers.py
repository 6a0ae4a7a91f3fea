"""Forecasts and backtests -> the bytes of an answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate import __version__
from tidegate.forecasting.drawing import chart_x
from tidegate.forecasting.result import Forecast
from tidegate.series.panel import Panel

VALUES_LIMIT = 200_000  # of all histories of one answer


def forecast_json(forecast: Forecast, model: str, history_length: int | None, columns: tuple[str, ...] = ()) -> bytes:
    """The columns of `Forecast.frame` (stamps as text), notes and model; with `history_length` also, for a chart:

    recognised: {"columns": all columns of the table, "id": [names], "time": [names], "target": name, "frequency":
        {"word": "MS", "name": "monthly"} or null, "timezone": name or null, "series": n, "points": n, "missing": n}
    history: a list with, for each series, {"id": name, "length": of the whole history, "missing": values missing in
        it, "season_length": [12], "stamps": [text], "values": [numbers, null for missing], "x", "x_forecast": places
        on a chart's axis, milliseconds since 1970 as a clock on the wall shows them (if "zone" names one: in UTC, to
        be shown there) or positions, "zone": name or null}: its end.
    """
    answer: dict[str, Any] = {
        "forecast": {name: listed(values) for name, values in forecast.columns(text=True).items()},
        "horizon": forecast.horizon,
        "series": forecast.panel.size,
        "levels": list(forecast.levels),
        "notes": list(forecast.notes),
        "model": {"name": model, "version": __version__},
    }
    if history_length is not None:
        answer["recognised"] = recognised(forecast.panel, columns)
        answer["history"] = histories(forecast, history_length)
    return json.dumps(answer, ensure_ascii=False, allow_nan=False).encode()


def recognised(panel: Panel, columns: tuple[str, ...]) -> dict[str, Any]:
    """What reading made of the table: see `forecast_json`."""
    timeline = panel.timeline
    frequency = timeline.frequency
    time = [name for name, _ in timeline.style.parts] or ([timeline.column] if timeline.column else [])
    return {
        "columns": list(columns),
        "id": list(panel.ids),
        "time": time,
        "target": panel.target,
        "frequency": None if frequency is None else {"word": frequency.word, "name": frequency.name},
        "timezone": timeline.timezone,
        "series": panel.size,
        "points": len(panel.values),
        "missing": int(np.isnan(panel.values).sum()),
    }


def histories(forecast: Forecast, most: int) -> list[dict[str, Any]]:
    """The end of each history: see `forecast_json`; fewer values of each where there are many series."""
    panel = forecast.panel
    most = min(most, max(50, VALUES_LIMIT // panel.size))
    result = []
    for index in range(panel.size):
        values = panel[index]
        kept = min(most, len(values))
        first = len(values) - kept
        x, zone = chart_x(panel.timeline, index, first, kept + forecast.horizon)
        places = x.astype(np.int64).tolist()
        result.append(
            {
                "id": panel.name(index),
                "length": len(values),
                "missing": int(np.isnan(values).sum()),
                "season_length": [int(season) for season in forecast.season_lengths[index] if season],
                "stamps": listed(panel.timeline.text(index, first, kept)),
                "values": listed(values[first:]),
                "x": places[:kept],
                "x_forecast": places[kept:],
                "zone": zone,
            }
        )
    return result


def listed(values: NDArray[Any]) -> list[Any]:
    """Values that JSON knows: None where missing, text for what is neither number nor text."""
    plain = values.tolist()
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        return [value if np.isfinite(value) else None for value in plain]
    if values.dtype.kind in "OMm":
        known = (str, int, float, bool, type(None))
        return [value if isinstance(value, known) else str(value) for value in plain]
    return plain


def error_json(kind: str, message: str, **further: Any) -> bytes:
    """The one form of every error."""
    return json.dumps({"error": {"kind": kind, "message": message, **further}}, ensure_ascii=False).encode()


def models_json(models: Mapping[str, Any]) -> bytes:
    """What /v1/models lists."""
    found = [
        {
            "name": name,
            "horizon": model.horizon,
            "horizon_limit": model.file.horizon_limit,
            "quantile_levels": list(model.file.config.quantile_levels),
            "provenance": model.provenance,
        }
        for name, model in models.items()
    ]
    return json.dumps({"models": found}, ensure_ascii=False).encode()
