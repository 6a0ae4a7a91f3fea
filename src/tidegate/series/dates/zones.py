"""Time zones for whole columns: a table of clock changes per zone instead of one Python call per stamp.

Times are int64 microseconds since 1970: "utc" for instants, "wall" for what the clock on the wall showed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tidegate.errors import ConfigError
from tidegate.series.dates.types import Integers

SECOND = 1_000_000
DAY = 86_400 * SECOND

# One zone for each clock-change rule common in data: for suggestions, and to continue stamps that carry two offsets.
COMMON_ZONES = (
    "Europe/Berlin", "Europe/London", "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles",
    "Australia/Sydney", "Australia/Melbourne", "Europe/Helsinki", "Europe/Lisbon", "Europe/Dublin", "America/Halifax",
    "America/Anchorage", "America/St_Johns", "Australia/Adelaide", "Pacific/Auckland", "America/Sao_Paulo",
    "America/Santiago", "America/Asuncion", "America/Mexico_City", "America/Havana", "Asia/Jerusalem", "Asia/Beirut",
    "Africa/Cairo", "Europe/Moscow", "Asia/Tehran", "Australia/Lord_Howe",
)  # fmt: skip


@dataclass(frozen=True)
class ZoneTable:
    """The clock changes of a zone within some range of time.

    Attributes:
        changes: (n,) utc of each change.
        offsets: (n + 1,) wall minus utc before the first change, between changes, and after the last.
    """

    changes: Integers
    offsets: Integers

    def offset(self, utc: Integers) -> Integers:
        """Wall clock minus UTC at each instant."""
        return self.offsets[np.searchsorted(self.changes, utc, side="right")]

    def to_wall(self, utc: Integers) -> Integers:
        """What the clock on the wall shows at each instant."""
        return utc + self.offset(utc)

    def to_utc(self, wall: Integers) -> tuple[Integers, Integers]:
        """The first and the second instant at which the clock shows `wall`; equal except for hours shown twice.

        For hours that are skipped the first is later than the second.
        """
        before, after = self.offsets[:-1], self.offsets[1:]
        early = np.searchsorted(self.changes + np.maximum(before, after), wall, side="right")
        late = np.searchsorted(self.changes + np.minimum(before, after), wall, side="right")
        return wall - self.offsets[early], wall - self.offsets[late]


def zone_table(zone: str, low: int, high: int) -> ZoneTable:
    """The clock changes of `zone` from `low` to `high` (microseconds since 1970, UTC or wall) and a little beyond.

    Raises: ConfigError if there is no such zone.
    """
    fixed = fixed_offset(zone)
    if fixed is not None:
        return ZoneTable(np.empty(0, np.int64), np.array([fixed], dtype=np.int64))
    # Years 2 to 9997: what Python's datetime can convert.
    first = max(low // DAY - 2, -718_000)
    last = min(max(high // DAY + 2, first + 1), 2_932_000)
    return _table(zone, first, last)


def zone_name(zone: str) -> str:
    """The one spelling of a zone that all others may rely on: "UTC", an offset such as "+02:00", or an IANA name.

    UTC, Z and GMT in any case are "UTC"; "+0200" and "UTC+02:00", as Python's own fixed zones are called, are "+02:00".
    What is none of these comes back as it is, known or not.
    """
    if zone.upper() in ("UTC", "Z", "GMT"):
        return "UTC"
    if zone.upper() == "ETC/UTC":
        return "Etc/UTC"
    offset = fixed_offset(zone)
    return zone if offset is None else offset_text(offset)


def fixed_offset(zone: str) -> int | None:
    """Offset in microseconds of "UTC", "Z", "+02:00", "+0200" or "UTC+02:00"; None for the name of a zone."""
    if zone.upper() in ("UTC", "Z", "GMT", "ETC/UTC"):
        return 0
    found = re.fullmatch(r"(?:UTC)?([+-])([01]\d|2[0-3]):?([0-5]\d)", zone, re.IGNORECASE)
    if found is None:
        return None
    sign = -1 if found[1] == "-" else 1
    return sign * (int(found[2]) * 3600 + int(found[3]) * 60) * SECOND


def offset_text(offset: int, colon: bool = True) -> str:
    """An offset in microseconds as "+02:00" or "+0200"."""
    minutes = abs(offset) // (60 * SECOND)
    return f"{'-' if offset < 0 else '+'}{minutes // 60:02d}{':' if colon else ''}{minutes % 60:02d}"


@lru_cache(maxsize=64)
def _table(zone: str, first_day: int, last_day: int) -> ZoneTable:
    from datetime import UTC, datetime, timedelta

    rules = _zone_info(zone)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)

    def offset(seconds: int) -> int:
        there = (epoch + timedelta(seconds=seconds)).astimezone(rules).utcoffset()
        return 0 if there is None else (there.days * 86_400 + there.seconds) * SECOND

    days = range(first_day, last_day + 1)
    noted = [offset(day * 86_400) for day in days]
    changes, offsets = [], [noted[0]]
    for day, before, after in zip(days, noted, noted[1:], strict=False):
        if before != after:
            low, high = day * 86_400, (day + 1) * 86_400
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == before else (low, middle)
            changes.append(high * SECOND)
            offsets.append(after)
    return ZoneTable(np.array(changes, dtype=np.int64), np.array(offsets, dtype=np.int64))


def _zone_info(zone: str):  # type: ignore[no-untyped-def]
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        import difflib

        known = sorted(zoneinfo.available_timezones())
        if not known:
            raise ConfigError(
                f'time zone "{zone}" cannot be looked up, this system has no time zone database: pip install tzdata'
            ) from error
        near = difflib.get_close_matches(zone, known, 3) or [name for name in known if zone.lower() in name.lower()][:3]
        raise ConfigError(
            f'unknown time zone "{zone}": expected an IANA name such as {" or ".join(near or ["Europe/Berlin"])}, '
            'or an offset such as "+02:00"'
        ) from error
