"""Where in the day, the week and the year each step lies; every series begins at a time of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Clock:
    """days (series, steps): days since some Monday midnight, which was 1 January."""

    days: Floats

    @classmethod
    def start(cls, random: np.random.Generator, series: int, steps: int, per_day: float) -> Clock:
        """Steps `1 / per_day` days apart from a random step of a random day of a random year on."""
        begin = random.integers(0, 4 * 365, (series, 1)) + random.integers(0, max(1, int(per_day)), (series, 1)) / max(
            per_day, 1
        )
        return cls(begin + np.arange(steps) / per_day)

    @property
    def hour(self) -> Floats:
        """0 to 24."""
        return 24 * (self.days % 1)

    @property
    def day(self) -> Integers:
        """Whole days since the first Monday."""
        return np.floor(self.days + 1e-9).astype(np.int64)

    @property
    def weekday(self) -> Integers:
        """0 Monday to 6 Sunday."""
        return self.day % 7

    @property
    def year(self) -> Floats:
        """0 to 1 through the year."""
        return (self.days / 365.25) % 1

    def holidays(self, random: np.random.Generator, count: int = 9) -> NDArray[np.bool_]:
        """Whether the step lies on one of `count` fixed dates; each series has a country of its own."""
        day_of_year = self.day % 365
        dates = random.integers(0, 365, (len(self.days), count))
        return (day_of_year[:, :, None] == dates[:, None, :]).any(2) | (day_of_year == 358) | (day_of_year == 0)


def wave(position: Floats, peak: float | Floats, sharpness: float | Floats = 1.0, period: float = 1.0) -> Floats:
    """A bump of height 1 once per period around `peak`: von Mises shaped, narrower with more sharpness."""
    return np.exp(sharpness * (np.cos(2 * np.pi * (position - peak) / period) - 1))
