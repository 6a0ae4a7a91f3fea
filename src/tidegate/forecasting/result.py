"""Forecast: quantiles of every series with their stamps, as columns, a frame, a file or a picture."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ConfigError
from tidegate.forecasting.frames import in_library, stamp_zones, to_pandas, to_polars
from tidegate.series.panel import Panel

PICTURE_SUFFIXES = (".html", ".svg", ".png")


def interval_quantiles(level: float) -> tuple[float, float]:
    """The two quantile levels of a central interval: 80 -> (0.1, 0.9)."""
    return round(0.5 - level / 200, 12), round(0.5 + level / 200, 12)


def interval_names(level: float) -> tuple[str, str]:
    """What the columns of an interval are called: 80 -> "lo-80", "hi-80"."""
    return f"lo-{level:g}", f"hi-{level:g}"


def quantile_name(level: float) -> str:
    """What the column of a quantile is called: 0.1 -> "q10"."""
    return f"q{round(100 * level, 8):g}"


def with_stamps(ids: dict[str, NDArray[Any]], stamps: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Id columns, then time columns. Raises: ConfigError for an id column with the name of one that says when."""
    if taken := sorted(ids.keys() & stamps.keys()):
        raise ConfigError(
            f"the data have an id column {taken[0]!r}, which is also the column that says when: rename it in the data"
        )
    return ids | stamps


@dataclass(frozen=True, repr=False, eq=False)
class Forecast:
    """What is expected of every series of a panel after its last step.

    Attributes:
        panel: the histories that were forecast.
        horizon: steps forecast.
        quantile_levels: (levels,) rising, between 0 and 1; 0.5 and all that `levels` and `extra_quantiles` need.
        quantiles: (series, horizon, quantiles) in the series' own units, never falling along the last axis.
        levels: intervals shown, in percent.
        extra_quantiles: quantile levels shown as columns of their own.
        season_lengths: (series, 3) steps per season that were used, 0 for none.
        notes: what was found, assumed and cut, one sentence each.
        library: "pandas", "polars", "pyarrow" or "numpy": what `frame` comes back in.
    """

    panel: Panel
    horizon: int
    quantile_levels: tuple[float, ...]
    quantiles: NDArray[np.float64]
    levels: tuple[float, ...] = (80, 95)
    extra_quantiles: tuple[float, ...] = ()
    season_lengths: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 3), np.int64))
    notes: tuple[str, ...] = ()
    library: str = "numpy"

    def __post_init__(self) -> None:
        expected = (self.panel.size, self.horizon, len(self.quantile_levels))
        if self.quantiles.shape != expected:
            raise ConfigError(f"quantiles have shape {self.quantiles.shape}, expected {expected}")
        sides = [side for level in self.levels for side in interval_quantiles(level)]
        for needed in (0.5, *sides, *self.extra_quantiles):
            self.at(needed)

    def at(self, level: float) -> NDArray[np.float64]:
        """(series, horizon) the quantile of this level, 0 to 1. Raises: ConfigError if it was not forecast."""
        place = next((place for place, known in enumerate(self.quantile_levels) if abs(known - level) <= 1e-9), None)
        if place is None:
            known = ", ".join(f"{q:g}" for q in self.quantile_levels)
            raise ConfigError(f"the quantile {level:g} was not forecast, only {known}: ask for it in quantile_levels")
        return self.quantiles[:, :, place]

    def columns(self, *, text: bool = False) -> dict[str, NDArray[Any]]:
        """The forecast as columns of series times horizon rows, series by series.

        Order: the user's id columns; the time column as the user wrote it ("step", counting on, if there was none);
        forecast (the median); lo-80, hi-80, … for `levels`; q10, … for `extra_quantiles`.
        Stamps that know their time zone are datetime64 in UTC (`zones` names the zone, `frame` and files carry it).

        text: write datetime64 as text, with its offset if it has one; all else stays as it is.
        Raises: ConfigError if an id or time column has the name of a forecast column, or an id column that of the time.
        """
        keys = {str(name): np.repeat(values, self.horizon) for name, values in self.panel.ids.items()}
        keys = with_stamps(keys, self._stamps(text))
        values = {"forecast": self.at(0.5)}
        for level in self.levels:
            low, high = interval_quantiles(level)
            values |= dict(zip(interval_names(level), (self.at(low), self.at(high)), strict=True))
        values |= {quantile_name(level): self.at(level) for level in self.extra_quantiles}
        if taken := sorted(keys.keys() & values.keys()):
            raise ConfigError(
                f"the data have a column {taken[0]!r}, which is also a column of every forecast: "
                f"rename it in the data; a forecast has {', '.join(values)}"
            )
        return keys | {name: block.ravel() for name, block in values.items()}

    def _stamps(self, text: bool) -> dict[str, NDArray[Any]]:
        """The time columns: stamps of the horizon after each series' last step, series by series.

        text: write datetime64 as text, with its offset if it has one; all else stays as it is.
        """
        timeline, lengths, horizon = self.panel.timeline, self.panel.lengths, self.horizon
        if not self.panel.size:  # the columns of one series, without rows
            timeline = replace(timeline, starts=np.zeros(1, timeline.starts.dtype))
            lengths, horizon = np.zeros(1, np.int64), 0
        # Most panels hold few different stretches of time.
        stretches = np.stack([timeline.starts.astype(np.int64), lengths], axis=1)
        if (stretches == stretches[:1]).all():
            firsts, which = np.zeros(1, np.int64), np.zeros(len(stretches), np.int64)
        else:
            _, firsts, which = np.unique(stretches, axis=0, return_index=True, return_inverse=True)
        blocks: list[dict[str, NDArray[Any]]] = []
        for series in firsts.tolist():
            columns = timeline.stamp_columns(series, int(lengths[series]), horizon)
            if text and any(stamps.dtype.kind == "M" for stamps in columns.values()):
                columns = {name: timeline.text(series, int(lengths[series]), horizon) for name in columns}
            blocks.append(columns)
        return {name: np.stack([block[name] for block in blocks])[which].ravel() for name in blocks[0]}

    @cached_property
    def frame(self) -> Any:
        """The columns in the library the data came in; a dict of NumPy arrays for a file or an array."""
        return in_library(self.library, self.columns(), self.zones())

    def to_pandas(self) -> Any:
        """A pandas.DataFrame. Raises: ConfigError if pandas is not installed."""
        return to_pandas(self.columns(), self.zones())

    def to_polars(self) -> Any:
        """A polars.DataFrame. Raises: ConfigError if Polars is not installed."""
        return to_polars(self.columns(), self.zones())

    def zones(self) -> dict[str, str]:
        """Time columns whose datetime64 is in UTC -> the zone to show it in: "UTC", "+02:00" or an IANA name."""
        return stamp_zones(self.panel.timeline)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the columns to a .csv, .json (records) or .parquet file, the first two also with .gz.

        Stamps that know their time zone have their offset in text; in Parquet they are instants, with the zone's name
        where pandas looks for it.

        Raises: ConfigError for another extension or a missing directory; OSError if the disk refuses. A file that was
            there before is replaced only once the new one is complete.
        """
        from tidegate.forecasting.saving import TABLE_SUFFIXES, check_destination, save_columns

        suffix = check_destination(path, TABLE_SUFFIXES)
        save_columns(self.columns(text=suffix != ".parquet"), path, zones=self.zones())

    def to_text(self, form: str = "csv") -> str:
        """The columns as one text, "csv" or "json" (records): what `save` would write."""
        from io import StringIO

        from tidegate.forecasting.saving import write_text

        text = StringIO()
        write_text(self.columns(text=True), form, text)
        return text.getvalue()

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Draw history, median and intervals: .html is an interactive page, .svg and .png need the extra "plot".

        Raises: ConfigError for another extension, a missing directory or a forecast of no series; MissingExtra without
            matplotlib.
        """
        from tidegate.forecasting.drawing import draw_picture, forecast_page
        from tidegate.forecasting.saving import check_destination, replacing

        page = check_destination(path, PICTURE_SUFFIXES) == ".html"
        if not self.panel.size:
            raise ConfigError(f"cannot draw {os.fspath(path)!r}: the forecast is of no series")
        with replacing(path) as temporary:
            if page:
                # The name of a file, in its notes, may hold bytes that are no UTF-8.
                temporary.write_text(forecast_page(self), encoding="utf-8", errors="backslashreplace")
            else:
                draw_picture(self, temporary)

    def _repr_html_(self) -> str | None:
        from tidegate.forecasting.drawing import notebook_html

        return notebook_html(self) if self.panel.size else None  # a notebook then shows the line below

    def __repr__(self) -> str:
        panel = self.panel
        series = repr(panel.name(0)) if panel.size == 1 else f"{panel.size:,} series"
        frequency = panel.timeline.frequency
        steps = f"{self.horizon} step{'s' * (self.horizon != 1)} ahead" + (f", {frequency.name}" if frequency else "")
        span = ""
        if panel.size == 1:
            stamps = panel.timeline.text(0, int(panel.lengths[0]), self.horizon)
            span = f", {stamps[0]} to {stamps[-1]}" if self.horizon > 1 else f", {stamps[0]}"
        intervals = " and ".join(f"{level:g} %" for level in self.levels)
        return f"<Forecast of {series}, {steps}{span}" + (f", with {intervals} intervals>" if intervals else ">")
