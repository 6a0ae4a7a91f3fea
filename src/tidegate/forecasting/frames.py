"""Columns of NumPy arrays -> a frame of pandas, Polars or Arrow, stamps with their zone and dates as dates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ConfigError
from tidegate.series.dates.timeline import Timeline
from tidegate.series.dates.zones import zone_name

Columns = Mapping[str, NDArray[Any]]
Zones = Mapping[str, str]


def stamp_zones(timeline: Timeline) -> dict[str, str]:
    """Time columns whose datetime64 is in UTC -> the zone to show it in, spelt as `dates.zones.zone_name` does."""
    if not (timeline.style.zoned and timeline.timezone and timeline.column):
        return {}
    return {timeline.column: zone_name(timeline.timezone)}


def in_library(library: str, columns: Columns, zones: Zones) -> Any:
    """Columns as a frame of "pandas", "polars" or "pyarrow"; as they are for "numpy".

    Args: zones: columns of datetime64 in UTC -> their time zone.
    Raises: ConfigError if the library is not installed.
    """
    makers = {"pandas": to_pandas, "polars": to_polars, "pyarrow": to_arrow}
    return makers[library](columns, zones) if library in makers else columns


def to_pandas(columns: Columns, zones: Zones) -> Any:
    """A pandas.DataFrame. Raises: ConfigError if pandas is not installed."""
    pandas = _library("pandas")
    found: dict[str, Any] = {}
    for name, values in columns.items():
        if values.dtype.kind == "M" and name in zones:
            zone = _python_zone(zones[name])
            found[name] = pandas.DatetimeIndex(values).tz_localize("UTC").tz_convert(zone)
        else:
            found[name] = values
    return pandas.DataFrame(found)


def to_polars(columns: Columns, zones: Zones) -> Any:
    """A polars.DataFrame. Raises: ConfigError if Polars is not installed."""
    polars = _library("polars")
    series = []
    for name, values in columns.items():
        if values.dtype.kind == "M":
            column = polars.Series(name, values if is_days(values) else with_usual_unit(values))
            if name in zones:  # Polars knows named zones only
                zone = "UTC" if zones[name][0] in "+-" else zones[name]
                column = column.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
        else:
            column = polars.Series(name, values.tolist() if values.dtype.kind in "OU" else values)
        series.append(column)
    return polars.DataFrame(series)


def to_arrow(columns: Columns, zones: Zones) -> Any:
    """A pyarrow.Table. Raises: ConfigError if pyarrow is not installed."""
    arrow = _library("pyarrow")
    arrays = {}
    for name, values in columns.items():
        if values.dtype.kind == "M" and not is_days(values):
            values = with_usual_unit(values)
            kind = arrow.timestamp(np.datetime_data(values.dtype)[0], tz=zones.get(name))
            arrays[name] = arrow.array(values.view("int64")).cast(kind)
        else:
            arrays[name] = arrow.array(values)
    return arrow.table(arrays)


def is_days(stamps: NDArray[Any]) -> bool:
    """Whether stamps are dates without a time of day, which Polars and Arrow have a type of its own for."""
    return np.datetime_data(stamps.dtype)[0] == "D"


def with_usual_unit(stamps: NDArray[Any]) -> NDArray[Any]:
    """datetime64 in a unit that every library knows: its own, or microseconds."""
    unit = np.datetime_data(stamps.dtype)[0]
    return stamps if unit in ("ms", "us", "ns") else stamps.astype("datetime64[us]")


def _python_zone(zone: str) -> Any:
    """tzinfo of a zone as `zone_name` spells it."""
    from datetime import datetime
    from zoneinfo import ZoneInfo

    return datetime.strptime(zone, "%z").tzinfo if zone[0] in "+-" else ZoneInfo(zone)


def _library(name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ConfigError(f"a frame of {name} needs {name}, which is not installed: pip install {name}") from error
