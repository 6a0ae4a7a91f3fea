"""Panels for tests, from values alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.series.dates.frequency import Frequency
from tidegate.series.dates.timeline import Timeline
from tidegate.series.panel import Panel


def panel_of(*series: Sequence[float] | NDArray[Any], named: bool = False, frequency: str | None = None) -> Panel:
    """One series for each argument, NaN for missing.

    Args:
        named: with an id column, "s0", "s1" ...; else without ids.
        frequency: all from the beginning of 2024, such as "h"; left out, steps are counted.
    """
    arrays = [np.asarray(one, np.float64) for one in series]
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in arrays])]).astype(np.int64)
    timeline = Timeline.positions(len(arrays))
    if frequency is not None:
        starts = np.full(len(arrays), np.datetime64("2024-01-01", "us"))
        timeline = replace(timeline, frequency=Frequency.parse(frequency), starts=starts)
    ids = {"id": np.array([f"s{index}" for index in range(len(arrays))], dtype=object)} if named else {}
    return Panel(np.concatenate(arrays), offsets, timeline, ids)
