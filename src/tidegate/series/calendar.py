"""The calendar: how far apart the steps of a series are, when they are, and how their stamps are written."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Frequency:
    """The distance between two steps: a calendar unit times a whole number.

    Attributes:
        unit: "second", "minute", "hour", "day", "business_day", "week", "month", "quarter" or "year".
        multiple: whole number of units per step; 30 with "minute" is every 30 minutes.
        day: for weeks the weekday of the stamps, 0 Monday to 6 Sunday; for months, quarters and years their day of
            the month, 31 for the last one; 0 where it has no meaning or differs between series.
        month: for quarters and years the (first) month of the stamps, 1 January to 12 December; else 0.
    """

    unit: str
    multiple: int = 1
    day: int = 0
    month: int = 0

    @classmethod
    def parse(cls, word: str) -> Frequency:
        """Frequency of a word such as "MS", "ME", "h", "30min", "W-FRI", "B", "QS", "YS", "daily", "every 2 hours"."""
        raise NotImplementedError

    @property
    def word(self) -> str:
        """The alias pandas knows: "MS", "ME", "h", "30min", "D", "B", "W-FRI", "QS-JAN", "YS-JAN"."""
        raise NotImplementedError

    @property
    def name(self) -> str:
        """The words a person reads: "monthly", "every 30 minutes", "weekly (Fridays)"."""
        raise NotImplementedError

    @property
    def season_candidates(self) -> tuple[int, ...]:
        """Steps per calendar season, shortest first: (24, 168) for hourly, (12,) for monthly, () for yearly."""
        raise NotImplementedError

    @property
    def default_horizon(self) -> int:
        """A sensible number of steps to forecast when none was asked for."""
        raise NotImplementedError

    def advance(self, start: np.datetime64 | NDArray[np.datetime64], steps: NDArray[np.int64]) -> NDArray[np.datetime64]:
        """datetime64[us] of the grid step `steps` after `start` (broadcast together); negative steps go back."""
        raise NotImplementedError


@dataclass(frozen=True)
class StampStyle:
    """How the input wrote its stamps, so that forecasts are stamped alike.

    Attributes:
        kind: "position", "year", "integer" (layout, written as a number: 20150131), "unix" (seconds), "unix_ms",
            "datetime", "text" or "parts" (several columns).
        layout: strftime layout of "text" and "integer"; "%-m" is without leading zero, "%3f" three digits of a fraction.
        dtype: NumPy type of the input column, "datetime64[ns]", "int64", "object" (text).
        zoned: the input said which instant it meant: an offset in the text, or a type with a time zone.
        parts: for "parts": the columns' names and what each holds ("year", "month", "day", "hour", "minute", "second",
            or the layout of a date text).
    """

    kind: str = "position"
    layout: str = ""
    dtype: str = "int64"
    zoned: bool = False
    parts: tuple[tuple[str, str], ...] = field(default=())


@dataclass(frozen=True)
class Timeline:
    """When the steps of every series of a panel are.

    Attributes:
        frequency: distance of the steps; None for plain positions.
        starts: (series,) first grid stamp of each series: datetime64[us], in UTC if `timezone` is set and `wall` is
            not, else in local time; int64 for positions.
        timezone: IANA name ("Europe/Berlin"), "UTC" or a fixed offset ("+02:00"); None: stamps know no zone.
        wall: with a timezone: the grid is regular on the wall clock (daily and longer), not in UTC.
        style: how stamps are written.
        column: name of the time column as the user named it; None if there was none.
    """

    frequency: Frequency | None
    starts: NDArray[np.generic]
    timezone: str | None = None
    wall: bool = False
    style: StampStyle = StampStyle()
    column: str | None = None

    @classmethod
    def positions(cls, series_count: int, column: str | None = None, start: int = 0) -> Timeline:
        """The timeline of series without dates: steps are numbered from `start`."""
        return cls(None, np.full(series_count, start, dtype=np.int64), column=column)

    def stamps(self, series: int, first: int, count: int) -> NDArray[np.generic]:
        """(count,) stamps of the grid steps first, first + 1, … of one series, in the input's own type and format.

        Steps beyond the end of the data are simply later. Type: the input's integers; datetime64 of the input's unit
        (in UTC if `style.zoned`: whoever builds a frame converts it to `timezone`); an object array of text;
        datetime64[us] for several columns (see `stamp_columns`).
        """
        raise NotImplementedError

    def stamp_columns(self, series: int, first: int, count: int) -> dict[str, NDArray[np.generic]]:
        """The same under the user's column names: one column, or year, month, day, … if the input had several."""
        raise NotImplementedError

    def text(self, series: int, first: int, count: int) -> NDArray[np.object_]:
        """(count,) the stamps as text: the input's own if it was text, else ISO 8601, with the local offset if zoned."""
        raise NotImplementedError

    def instants(self, series: int, first: int, count: int) -> NDArray[np.generic]:
        """(count,) for charts and arithmetic: datetime64[ms] as the wall clock showed it, int64 for positions."""
        raise NotImplementedError
