"""Forecasts and backtests -> the bytes of an answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic_core import to_json

from tidegate import __version__
from tidegate.forecasting.drawing import chart_x
from tidegate.forecasting.frames import is_days, with_usual_unit
from tidegate.forecasting.result import Forecast
from tidegate.interfaces.api import Model
from tidegate.interfaces.server.limits import Limits
from tidegate.interfaces.server.refusals import Refusal
from tidegate.series.panel import Panel

JSON, CSV, ARROW = "application/json", "text/csv", "application/vnd.apache.arrow.stream"
FORMS = (JSON, CSV, ARROW)
VALUES_LIMIT = 200_000  # of all histories of one answer


def wanted(accept: str, forms: tuple[str, ...] = FORMS) -> str:
    """The form that an Accept header likes best, the first of equals; JSON if there is none. Raises: Refusal."""
    best, liked = "", 0.0
    for one in (accept or "*/*").lower().split(","):
        kind, *parameters = (part.strip() for part in one.split(";"))
        share = next((text[2:] for text in parameters if text.startswith("q=")), "1")
        try:
            weight = float(share)
        except ValueError:
            weight = 0.0
        group = kind.partition("/")[0]
        form = next(
            (
                form
                for form in forms
                if kind in (form, "*/*") or (kind == f"{group}/*" and form.startswith(f"{group}/"))
            ),
            "",
        )
        if form and weight > liked:
            best, liked = form, weight
    if not best:
        raise Refusal(
            406, "accept", f"found Accept: {accept}, expected {', '.join(forms[:-1])} or {forms[-1]}", close=True
        )
    return best


def forecast_bytes(
    form: str,
    forecast: Forecast,
    model: Mapping[str, Any],
    history_length: int | None,
    columns: tuple[str, ...],
) -> bytes:
    """A forecast in one of FORMS."""
    if form == CSV:
        return forecast.to_text("csv").encode()
    if form == ARROW:
        return arrow_stream(forecast)
    return forecast_json(forecast, model, history_length, columns)


def forecast_json(
    forecast: Forecast, model: Mapping[str, Any], history_length: int | None, columns: tuple[str, ...] = ()
) -> bytes:
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
        "model": {"name": model["name"], "version": __version__, "horizon_limit": model["horizon_limit"]},
    }
    if history_length is not None:
        answer["recognised"] = recognised(forecast.panel, columns)
        answer["history"] = histories(forecast, history_length)
    return to_json(answer)


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


def arrow_stream(forecast: Forecast) -> bytes:
    """The columns of `Forecast.frame` as an Arrow IPC stream of one batch: stamps with their zone, dates as dates."""
    import nanoarrow
    from nanoarrow.ipc import StreamWriter

    arrays, zones = {}, forecast.zones()
    for name, values in forecast.columns().items():
        if values.dtype.kind == "M" and is_days(values):
            days = values.astype(np.int64).astype(np.int32)
            arrays[name] = nanoarrow.c_array_from_buffers(nanoarrow.date32(), len(days), [None, days])
        elif values.dtype.kind == "M":
            stamps = with_usual_unit(values)
            kind = nanoarrow.timestamp(np.datetime_data(stamps.dtype)[0], zones.get(name))
            arrays[name] = nanoarrow.c_array_from_buffers(kind, len(stamps), [None, stamps.astype(np.int64)])
        elif values.dtype.kind in "iuf":
            arrays[name] = nanoarrow.c_array(np.ascontiguousarray(values))
        else:
            texts = [None if value is None else str(value) for value in values.tolist()]
            arrays[name] = nanoarrow.c_array(texts, nanoarrow.string())
    schema = nanoarrow.struct({name: nanoarrow.c_schema(array.schema) for name, array in arrays.items()})
    length = len(next(iter(arrays.values())))
    batch = nanoarrow.c_array_from_buffers(schema, length, [None], children=list(arrays.values()))
    out = BytesIO()
    with StreamWriter.from_writable(out) as writer:
        writer.write_array(batch)
    return out.getvalue()


def listed(values: NDArray[Any]) -> list[Any]:
    """Values that JSON knows: None where missing, text for what is neither number nor text."""
    plain = values.tolist()
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        return [value if np.isfinite(value) else None for value in plain]
    if values.dtype.kind in "OMm":
        known = (str, int, float, bool, type(None))
        return [value if isinstance(value, known) else str(value) for value in plain]
    return plain


def model_facts(name: str, model: Model, limits: Limits) -> dict[str, Any]:
    """What can be asked of a model here. horizon_limit: steps at most, of the network or of this server."""
    return {
        "name": name,
        "horizon": model.horizon,
        "horizon_limit": min(model.file.horizon_limit, limits.horizon),
        "quantile_levels": list(model.file.config.quantile_levels),
        "provenance": model.provenance,
    }


def models_json(models: Iterable[Mapping[str, Any]]) -> bytes:
    """What /v1/models lists."""
    return json.dumps({"models": list(models)}, ensure_ascii=False).encode()
