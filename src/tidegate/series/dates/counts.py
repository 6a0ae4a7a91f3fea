"""Numbers that count time from some day: seconds or milliseconds since 1970, and the day numbers of Excel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.series.dates.types import Integers, Stamps
from tidegate.series.dates.zones import DAY, SECOND


@dataclass(frozen=True)
class Count:
    """A way to count time.

    Attributes:
        name: what the numbers are, for messages.
        unit: microseconds of 1; origin: when 0 was, microseconds since 1970.
        zone: of the instants; None: they are what the wall clock showed.
        resolution: microseconds to which numbers with decimals are rounded.
        usual: numbers in this range are likely to be such ones.
    """

    name: str
    unit: int
    origin: int
    zone: str | None
    resolution: int
    usual: tuple[int, int]

    def instants(self, numbers: NDArray[Any]) -> Integers:
        """Microseconds since 1970."""
        if numbers.dtype.kind == "f":
            numbers = np.round(numbers * (self.unit / self.resolution)).astype(np.int64) * self.resolution
            return numbers + self.origin
        return numbers * self.unit + self.origin

    def numbers(self, instants: Integers, dtype: str) -> Stamps:
        """The reverse, as numbers of this type."""
        passed = instants - self.origin
        return (passed / self.unit if dtype == "float64" else passed // self.unit).astype(dtype)

    def may_be(self, low: float, high: float) -> bool:
        """Whether numbers from `low` to `high` are likely to count like this."""
        return self.usual[0] <= low and high <= self.usual[1]


# By the words of --date-format. Excel's numbers are those of 1 March 1900 and later: for it, 1900 was a leap year.
COUNTS = {
    "unix": Count("seconds since 1970", SECOND, 0, "UTC", 1, (300_000_000, 5_000_000_000)),
    "unix_ms": Count("milliseconds since 1970", SECOND // 1000, 0, "UTC", 1, (300_000_000_000, 5_000_000_000_000)),
    "excel": Count("Excel's day numbers", DAY, -25_569 * DAY, None, SECOND, (30_000, 60_000)),
}
