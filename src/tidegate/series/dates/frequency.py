"""Frequencies: how far apart the steps of a series are, their words and seasons, and the arithmetic of steps."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ConfigError
from tidegate.series.dates.types import Instants, Integers
from tidegate.series.dates.zones import SECOND

LAST_DAY = 31
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_WEEKDAY_NAMES = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
_MONTH_WORDS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WORDS = {
    "second": "s sec secs second seconds",
    "minute": "min mins minute minutes t",
    "hour": "h hour hours hourly",
    "day": "d day days daily",
    "business_day": "b",
    "week": "w week weeks weekly",
    "month": "m month months monthly ms me",
    "quarter": "q quarter quarters quarterly qs qe",
    "year": "y year years yearly annual a ys ye as",
}
_UNIT_OF_WORD = {word: unit for unit, words in _WORDS.items() for word in words.split()}
_ALIAS = {"second": "s", "minute": "min", "hour": "h", "day": "D", "business_day": "B", "week": "W"}
_HORIZON = {"day": 14, "business_day": 10, "week": 13, "month": 12, "quarter": 8, "year": 4}


@dataclass(frozen=True)
class Frequency:
    """The distance between two steps: a calendar unit times a whole number.

    Attributes:
        unit: "second", "minute", "hour", "day", "business_day", "week", "month", "quarter" or "year".
        multiple: whole number of units per step; 30 with "minute" is every 30 minutes.
        day: for weeks the weekday of the stamps, 1 Monday to 7 Sunday; for months, quarters and years their day of the
            month, 31 for the last one; 0: has no meaning for the unit, or is that of each series' first stamp.
        month: for quarters and years the (first) month of the stamps, 1 January to 12 December, for quarters up to 3;
            0 as above.
    """

    unit: str
    multiple: int = 1
    day: int = 0
    month: int = 0

    @classmethod
    def parse(cls, word: str) -> Frequency:
        """Frequency of a word such as "MS", "ME", "h", "30min", "W-FRI", "B", "QS", "YS", "daily", "2 hours".

        Raises: ConfigError if the word is none of these.
        """
        found = re.fullmatch(r"\s*(?:every\s+)?(\d{1,6})?\s*([A-Za-z]+)((?:-\w+)*)\s*", word)
        unit = _UNIT_OF_WORD.get(found[2].lower()) if found else None
        if found is None or unit is None or (found[1] and int(found[1]) == 0) or found[2] == "m":
            raise ConfigError(
                f'"{word}" is not a frequency: expected a word such as 10min, h, D, B, W-FRI, MS (month starts), ME '
                "(month ends), QS or YS, with a whole number in front if needed"
            )
        day = month = 0
        if unit in _MONTHS and len(found[2]) == 2:
            day = LAST_DAY if found[2][1].upper() == "E" else 1
        for anchor in filter(None, found[3].upper().split("-")):
            if unit == "week" and anchor in _WEEKDAYS:
                day = _WEEKDAYS.index(anchor) + 1
            elif unit in ("quarter", "year") and anchor in _MONTH_WORDS:
                month = _MONTH_WORDS.index(anchor) + 1
            elif unit in _MONTHS and anchor.isdigit() and 1 <= int(anchor) <= 31:
                day = int(anchor)
            else:
                raise ConfigError(f'"{word}" is not a frequency: a {unit} cannot be anchored at "{anchor}"')
        if unit == "quarter" and month:
            month = (month - 1) % 3 + 1
        return cls(unit, int(found[1] or 1), day, month)

    @property
    def word(self) -> str:
        """The alias pandas knows: "MS", "ME", "h", "30min", "D", "B", "W-FRI", "QS-JAN", "YS-JAN"; else "M-15"."""
        if self.unit in _ALIAS:
            text = _ALIAS[self.unit] + (f"-{_WEEKDAYS[self.day - 1]}" if self.unit == "week" and self.day else "")
        else:
            place = {1: "S", LAST_DAY: "E", 0: ""}.get(self.day, f"-{self.day}")
            # pandas names quarter ends by the last month of the year they belong to.
            shift = 9 if self.unit == "quarter" and self.day == LAST_DAY else 0
            month = f"-{_MONTH_WORDS[self.month - 1 + shift]}" if self.month else ""
            text = self.unit[0].upper() + place + month
        return text if self.multiple == 1 else f"{self.multiple}{text}"

    @property
    def name(self) -> str:
        """The words a person reads: "monthly", "every 30 minutes", "weekly (Fridays)"."""
        unit = self.unit.replace("_", " ")
        if self.multiple > 1:
            text = f"every {self.multiple} {unit}s"
        else:
            text = {"hour": "hourly", "day": "daily", "week": "weekly", "month": "monthly", "quarter": "quarterly",
                    "year": "yearly"}.get(self.unit, f"every {unit}")  # fmt: skip
        if self.unit == "week" and self.day:
            text += f" ({_WEEKDAY_NAMES[self.day - 1]})"
        elif self.unit in _MONTHS and self.day > 1:
            text += f" ({self.unit} ends)" if self.day == LAST_DAY else f" (day {self.day})"
        return text

    @property
    def step_seconds(self) -> int | None:
        """Length of a step where it is always the same (on the wall clock for days and weeks); else None."""
        seconds = _SECONDS.get(self.unit)
        return None if seconds is None else seconds * self.multiple

    @property
    def is_subdaily(self) -> bool:
        """Whether steps are counted in hours, minutes or seconds."""
        return self.unit in ("second", "minute", "hour")

    @property
    def season_candidates(self) -> tuple[int, ...]:
        """Steps per calendar season, shortest first: (24, 168) for hourly, (12,) for monthly, () for yearly.

        A year of days is 364, whole weeks, so that Saturdays meet Saturdays.
        Below a minute: minute, hour and day; below five minutes: hour and day; below a day: day and week.
        """
        if self.unit == "business_day":
            return (5, 260) if self.multiple == 1 else ()
        if self.unit == "day" and self.multiple == 1:
            return (7, 364)
        if self.unit in _MONTHS:
            return _whole([12], _MONTHS[self.unit] * self.multiple)
        if self.unit == "week":
            return _whole([52], self.multiple)
        seconds = self.step_seconds or 0
        if seconds < 60:
            return _whole([60, 3600, 86_400], seconds)
        if seconds < 300:
            return _whole([3600, 86_400], seconds)
        return _whole([86_400, 604_800], seconds)

    @property
    def default_horizon(self) -> int:
        """Steps to forecast when no number was asked for.

        One day's worth below a day (at most 288 steps), 14 days, 10 business days, 13 weeks, 12 months, 8 quarters,
        4 years; fewer for multiples, never below 1.
        """
        if self.unit in _HORIZON:
            return max(1, _HORIZON[self.unit] // self.multiple)
        return min(max(86_400 // (self.step_seconds or 1), 1), 288)

    def advance(self, start: np.datetime64 | Instants, steps: int | Integers) -> Instants:
        """datetime64[us] of the grid step `steps` after `start` (broadcast together); negative steps go back."""
        start, count = np.asarray(start, dtype="M8[us]"), np.asarray(steps, dtype=np.int64)
        times: Instants
        if self.step_seconds is not None:
            times = start + (count * (self.step_seconds * SECOND)).astype("m8[us]")
            return times
        start, count = np.broadcast_arrays(start, count)
        days = start.astype("M8[D]")
        clock = start - days
        if self.unit == "business_day":
            times = np.busday_offset(days, count * self.multiple, roll="forward").astype("M8[us]") + clock
            return times
        months = days.astype("M8[M]")
        day = (days - months).astype(np.int64) + 1 if self.day == 0 else np.int64(self.day)
        target = months + (count * (_MONTHS[self.unit] * self.multiple)).astype("m8[M]")
        times = on_day(target, day).astype("M8[us]") + clock
        return times

    def index(self, start: np.datetime64 | Instants, instants: Instants) -> tuple[Integers, NDArray[np.bool_]]:
        """The grid step of each instant counted from `start` (rounded down), and whether it lies exactly on it."""
        start = np.asarray(start, dtype="M8[us]")
        if self.step_seconds is not None:
            steps, rest = np.divmod((instants - start).astype(np.int64), self.step_seconds * SECOND)
            return steps, rest == 0
        if self.unit == "business_day":
            counted = np.busday_count(start.astype("M8[D]"), instants.astype("M8[D]"))
            steps = counted // self.multiple
        else:
            months = (instants.astype("M8[M]") - start.astype("M8[M]")).astype(np.int64)
            steps = months // (_MONTHS[self.unit] * self.multiple)
        return steps, self.advance(start, steps) == instants


def on_day(months: NDArray[np.datetime64], day: int | np.int64 | Integers) -> NDArray[np.datetime64]:
    """datetime64[D] of that day in each month (datetime64[M]), or of the month's last day if it is shorter."""
    first = months.astype("M8[D]")
    length = ((months + np.timedelta64(1, "M")).astype("M8[D]") - first).astype(np.int64)
    dates: NDArray[np.datetime64] = first + (np.minimum(day, length) - 1).astype("m8[D]")
    return dates


def _whole(spans: list[int], step: int) -> tuple[int, ...]:
    return tuple(span // step for span in spans if span % step == 0 and span > step)
