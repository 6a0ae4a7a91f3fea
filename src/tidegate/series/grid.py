"""Rows with stamps -> one regular grid per series: sorted, absent steps missing, repeats and irregular stamps by option."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.series.calendar import Timeline
from tidegate.series.stamps import ParsedStamps


@dataclass(frozen=True)
class Grid:
    """What a Panel needs of time: its values on regular grids.

    Attributes:
        values: (total,) float64, NaN where missing, series after series.
        offsets: (series + 1,) where each series starts in `values`.
        timeline: when the steps are.
        notes: what was found, assumed and repaired (those of the stamps included), one sentence each.
    """

    values: NDArray[np.float64]
    offsets: NDArray[np.int64]
    timeline: Timeline
    notes: tuple[str, ...]


def build_grid(
    values: NDArray[np.float64],
    stamps: ParsedStamps,
    series: NDArray[np.int64] | None = None,
    *,
    names: Callable[[int], str] | None = None,
    timezone: str | None = None,
    frequency: str | None = None,
    every: str | None = None,
    aggregate: str | None = None,
    duplicates: str | None = None,
    drop_last: bool = False,
) -> Grid:
    """Put the rows of all series on regular grids of one frequency.

    Args:
        values: (rows,) float64, NaN where missing.
        stamps: of the same rows.
        series: (rows,) the number of each row's series, 0 .. series - 1, each occurring; None: one series.
        names: how messages call a series; None for a single unnamed one.
        timezone: the zone whose wall clock naive stamps show ("Europe/Berlin").
        frequency: the grid to use instead of the one found: "MS", "h", "30min", "W-FRI", "B", ...
        every, aggregate: for irregular stamps: the width of the bins, and "mean", "sum" or "last".
        duplicates: what to do with repeated stamps of a series: "mean", "sum" or "last".
        drop_last: leave out the last period of the data (of every series that reaches it).
    Raises: DataError with the option that helps; ConfigError if an option has a value that makes no sense.
    """
    raise NotImplementedError


def position_grid(values: NDArray[np.float64], series: NDArray[np.int64] | None = None) -> Grid:
    """The grid of rows without stamps: each series is its rows in their order, numbered from 0."""
    raise NotImplementedError
