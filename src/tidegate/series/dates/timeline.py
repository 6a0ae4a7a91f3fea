"""The timeline of a panel: when the steps of its series are, and how their timestamps are written."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import DataError
from tidegate.series.dates.counts import COUNTS
from tidegate.series.dates.datetext import format_stamps, split_stamps
from tidegate.series.dates.frequency import Frequency
from tidegate.series.dates.types import Integers, Stamps
from tidegate.series.dates.zones import DAY, ZoneTable, zone_table

LAST_IN_NANOSECONDS = np.datetime64(2**63 - 1, "ns").astype("M8[us]")


@dataclass(frozen=True)
class StampStyle:
    """How the input wrote its stamps, so that forecasts are stamped alike.

    Attributes:
        kind: "position", "year", "integer" (by `layout`, written as a number: 20150131), one of COUNTS ("unix", …),
            "datetime", "text" or "parts" (several columns).
        layout: strftime layout of "text" and "integer"; "%-m" is without leading zero (see datetext.py).
        dtype: NumPy type of the input column: "datetime64[ns]", "int64", "object" (text).
        zoned: the input said which instant it meant: an offset in the text, or a type with a time zone.
        parts: for "parts": the columns' names and what each holds: as a number ("year", "quarter", "month", "week",
            "week_year", "day", "hour", "minute", "second"), or as text (the layout).
    """

    kind: str = "position"
    layout: str = ""
    dtype: str = "int64"
    zoned: bool = False
    parts: tuple[tuple[str, str], ...] = ()


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
    starts: Stamps
    timezone: str | None = None
    wall: bool = False
    style: StampStyle = StampStyle()
    column: str | None = None

    @classmethod
    def positions(cls, series_count: int, column: str | None = None, start: int = 0) -> Timeline:
        """The timeline of series without dates: steps are numbered from `start`."""
        return cls(None, np.full(series_count, start, dtype=np.int64), column=column)

    def select(self, series: Integers) -> Timeline:
        """The timeline of some of the series, in the order given."""
        return replace(self, starts=self.starts[series])

    def stamps(self, series: int, first: int, count: int) -> Stamps:
        """(count,) stamps of the grid steps first, first + 1, … of one series, in the input's own type and format.

        Steps beyond the end of the data are simply later. Type: the input's integers; datetime64 of the input's unit
        (in UTC if `style.zoned`: whoever builds a frame converts it to `timezone`); an object array of text;
        datetime64[us] for several columns (see `stamp_columns`).
        """
        style = self.style
        if self.frequency is None:
            return (int(self.starts[series]) + np.arange(first, first + count)).astype(style.dtype)
        wall, offsets = self._wall(series, first, count)
        if style.kind == "text":
            return format_stamps(style.layout, wall, offsets)
        if style.kind == "year":
            return (wall.astype("M8[us]").astype("M8[Y]").astype(np.int64) + 1970).astype(style.dtype)
        if style.kind == "integer":
            return format_stamps(style.layout, wall, offsets).astype(np.int64).astype(style.dtype)
        if style.kind in COUNTS:
            counted = COUNTS[style.kind]
            return counted.numbers(wall if counted.zone is None else wall - offsets, style.dtype)
        stamps = (wall - offsets if style.zoned else wall).astype("M8[us]")
        if style.kind != "datetime":
            return stamps
        if count and np.datetime_data(np.dtype(style.dtype))[0] == "ns" and stamps[-1] > LAST_IN_NANOSECONDS:
            raise DataError(
                f"the forecast reaches {stamps[-1].astype('M8[D]')}, and timestamps in nanoseconds end on "
                f"{LAST_IN_NANOSECONDS.astype('M8[D]')}. Shorten the horizon, or pass {self.column or 'them'} in "
                "microseconds: .astype('datetime64[us]')."
            )
        return stamps.astype(style.dtype)

    def stamp_columns(self, series: int, first: int, count: int) -> dict[str, Stamps]:
        """The same under the user's column names: one column ("step" if it had none), or year, month, day, …"""
        if self.style.kind != "parts":
            return {self.column or "step": self.stamps(series, first, count)}
        wall, offsets = self._wall(series, first, count)
        fields = split_stamps(wall)
        return {
            name: fields[what] if what in fields else format_stamps(what, wall, offsets)
            for name, what in self.style.parts
        }

    def text(self, series: int, first: int, count: int) -> NDArray[np.object_]:
        """(count,) the stamps as text: the input's own if it was text, else ISO 8601, with the offset if zoned."""
        if self.frequency is not None and self.style.kind == "text":
            return self.stamps(series, first, count)
        if self.frequency is None or self.style.kind not in ("datetime", "parts", *COUNTS):
            return self.stamps(series, first, count).astype(str).astype(object)
        wall, offsets = self._wall(series, first, count)
        layout = "%Y-%m-%d"
        if self.frequency.is_subdaily or (wall % DAY).any() or self.style.zoned:
            layout += " %H:%M:%S"
        return format_stamps(layout + "%:z" * self.style.zoned, wall, offsets)

    def instants(self, series: int, first: int, count: int) -> Stamps:
        """(count,) for charts and arithmetic: datetime64[ms] as the wall clock showed it, int64 for positions."""
        if self.frequency is None:
            return int(self.starts[series]) + np.arange(first, first + count)
        return self._wall(series, first, count)[0].astype("M8[us]").astype("M8[ms]")

    def latest(self, lengths: Integers) -> np.datetime64 | None:
        """The last stamp of series with these (series,) lengths, on the grid's own clock; None if there is none."""
        some = lengths > 0
        if self.frequency is None or not some.any():
            return None
        latest: np.datetime64 = self.frequency.advance(self.starts[some], lengths[some] - 1).max()
        return latest

    def describe(self, series: int, step: int) -> str:
        """One stamp as text for messages and notes."""
        return str(self.text(series, step, 1)[0])

    def _wall(self, series: int, first: int, count: int) -> tuple[Integers, Integers]:
        """Wall clock and its offset from UTC (microseconds) of some steps; offset 0 where no zone is known."""
        assert self.frequency is not None
        steps = np.arange(first, first + count, dtype=np.int64)
        times = self.frequency.advance(self.starts[series], steps).astype(np.int64)
        if self.timezone is None or not count:
            return times, np.zeros_like(times)
        table = self._table(times)
        if self.wall:
            return times, times - table.to_utc(times)[0]
        offsets = table.offset(times)
        return times + offsets, offsets

    def _table(self, times: Integers) -> ZoneTable:
        assert self.timezone is not None
        # Whole years, so that many series and windows share one cached table.
        low, high = times[[0, -1]].astype("M8[us]").astype("M8[Y]")
        edges = np.array([low, high + 1]).astype("M8[us]").astype(np.int64)
        return zone_table(self.timezone, int(edges[0]), int(edges[1]))
