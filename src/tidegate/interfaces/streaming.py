"""`tidegate stream`: JSON lines in, forecasts out as JSON lines, each as soon as its line has come."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tidegate.errors import ConfigError, DataError, TidegateError
from tidegate.forecasting.forecaster import wanted_levels
from tidegate.forecasting.result import Forecast
from tidegate.forecasting.saving import check_destination
from tidegate.forecasting.stream import Stream
from tidegate.forecasting.stream_file import STREAM_SUFFIXES
from tidegate.interfaces import api
from tidegate.interfaces.arguments import usual_horizon
from tidegate.interfaces.exits import say, undisturbed
from tidegate.interfaces.terminal import emit, json_text
from tidegate.series.arriving import first_layout

# How a stream that begins with its first rows is laid out; the other reading options need a history.
LAYOUT_OPTIONS = ("id", "time", "target", "timezone", "date_format", "frequency")


def run(
    history: str | None,
    lines: Iterable[bytes],
    *,
    model: str | None,
    state: str | None,
    horizon: int | None,
    levels: tuple[float, ...],
    season_length: Any,
    late: str,
    unknown: str | None,
    keep_going: bool,
    calibrate: bool,
    threads: int | None,
    quiet: bool,
    **reading: Any,
) -> None:
    """Take in one line after the other until there are no more. What is carried is written at the end, whatever ends
    it: a signal, a line that cannot be used, a fault of ours.

    Raises: ConfigError for an option that only a history has a use for, or that no forecast can be made with.
    """
    wanted_levels(levels, ())  # before a row is taken in that could not be answered
    if state is not None:
        check_destination(state, STREAM_SUFFIXES)
    if history is None and (idle := [name for name in reading if reading[name] and name not in LAYOUT_OPTIONS]):
        names = ", ".join("--" + name.replace("_", "-") for name in idle)
        raise ConfigError(f"{names}: only used to read a history; name a history file, or leave this out")
    opened = api.load(model, threads=threads)
    if horizon is not None:
        opened.file.check_horizon(horizon)
    stream: Stream | None = None
    if state is not None and Path(state).exists():
        stream = Stream.load(state, opened)
        stream.horizon = stream.horizon if horizon is None else horizon
        stream.late, stream.unknown = late, unknown or stream.unknown
        say(f"continuing from {state}: {stream.size:,} series", quiet=quiet)
    elif history is not None:
        options = {"season_length": season_length, "late": late, "unknown": unknown or "error"}
        stream = opened.stream(history, horizon, **options, **reading)
        say(f"started {stream.size:,} series from {history}", quiet=quiet)
    layout = {name: reading[name] for name in LAYOUT_OPTIONS}
    try:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            with undisturbed():
                try:
                    columns = _columns(line)
                    begun = stream
                    if begun is None:
                        options = {"season_length": season_length, "late": late, "unknown": unknown or "start"}
                        begun = _begin(opened, columns, horizon, options, layout)
                    answer = "".join(_answer(begun, columns, levels, calibrate))
                    stream = begun  # a line that is refused does not decide how the lines after it are read
                except TidegateError as error:
                    if not keep_going:
                        raise type(error)(f"line {number}: {error}") from error
                    answer = json_text({"line": number, "error": str(error)}) + "\n"
                emit(answer)
    finally:
        _keep(stream, state)


def _keep(stream: Stream | None, state: str | None) -> None:
    if stream is not None and state is not None:
        with undisturbed():
            stream.save(state)


def _begin(
    opened: api.Model,
    columns: dict[str, list[Any]],
    horizon: int | None,
    options: dict[str, Any],
    layout: dict[str, Any],
) -> Stream:
    found = first_layout(columns, **layout)
    steps = opened.horizon if horizon is None else horizon
    if steps is None:
        steps = usual_horizon(found.timeline.frequency)
    return Stream.empty(opened.file, found, steps, **options)


def _columns(line: bytes) -> dict[str, list[Any]]:
    """A row, or a list of rows, as columns; what a row lacks is missing."""
    shown = repr(line.decode("utf-8", "replace").strip()[:60])
    try:
        found = json.loads(line.decode("utf-8-sig"))  # some programs on Windows begin with a byte order mark
    except (ValueError, RecursionError) as error:
        raise DataError(f"found {shown}, expected one JSON object or a list of them ({error})") from error
    rows = found if isinstance(found, list) else [found]
    if not rows or not all(isinstance(row, dict) and row for row in rows):
        raise DataError(f'found {shown}, expected a row such as {{"id": "a", "y": 3}}, or a list of rows')
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _answer(stream: Stream, columns: dict[str, list[Any]], levels: tuple[float, ...], calibrate: bool) -> Iterator[str]:
    """One line of JSON for each series that the rows belong to: its id, and the columns of its forecast."""
    updated = stream.update(columns)
    known = [key for key in updated.ids if stream.can_forecast(key)]
    if known:
        yield from _lines(stream.forecast(ids=known, levels=levels, calibrate=calibrate))


def _lines(forecast: Forecast) -> Iterator[str]:
    columns = forecast.columns(text=True)
    for place in range(forecast.panel.size):
        rows = slice(place * forecast.horizon, (place + 1) * forecast.horizon)
        ids = {name: columns[name][rows].tolist()[0] for name in forecast.panel.ids}
        rest = {name: values[rows].tolist() for name, values in columns.items() if name not in ids}
        yield json_text(ids | rest) + "\n"
