"""What stands out in the data themselves: gaps, outliers, constant and intermittent series, in sentences."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tidegate.evaluation.origins import named
from tidegate.series.panel import Panel

Floats = NDArray[np.float64]

FAR = 10  # robust standard deviations from both neighbours that make a value an outlier
INTERMITTENT = 0.4  # share of zeros
ENOUGH = 12  # values a series needs for its spread to mean something


def data_findings(panel: Panel, season_length: NDArray[np.int64]) -> tuple[str, ...]:
    """One sentence for each thing worth knowing; () for a panel without any.

    Args: season_length: (series,) m, 1 for none: a value is compared with those one season before and after it.
    """
    found = []
    missing = np.isnan(panel.values)
    per_series = np.add.reduceat(np.append(missing, False).astype(np.int64), panel.offsets[:-1])
    if gaps := np.flatnonzero(per_series).tolist():
        order = np.array(sorted(gaps, key=lambda index: -per_series[index]))
        found.append(
            f"gaps: {int(missing.sum()):,} of {len(missing):,} values are missing, in {len(gaps):,} of {panel.size:,} "
            f"series; the longest gap has {longest_gap(panel):,} steps; most are in {named(panel, order)}"
        )
    far, constant, rare = [], [], []
    total = 0
    for index, values in enumerate(panel):
        known = values[~np.isnan(values)]
        if len(known) and (known == known[0]).all():
            constant.append(index)
        elif len(known) >= ENOUGH and (known == 0).mean() >= INTERMITTENT:
            rare.append(index)
        elif count := len(outliers(values, int(season_length[index]))):
            far.append(index)
            total += count
    if far:
        found.append(
            f"outliers: {total:,} values in {len(far):,} of {panel.size:,} series lie {FAR} robust standard deviations "
            f"or more from the values one season before and after: {named(panel, np.array(far))}"
        )
    if constant:
        found.append(
            f"constant: {len(constant):,} of {panel.size:,} series never change: {named(panel, np.array(constant))}"
        )
    if rare:
        found.append(
            f"intermittent: {len(rare):,} of {panel.size:,} series are zero in {INTERMITTENT:.0%} or more of their "
            f"steps: {named(panel, np.array(rare))}".replace("0%", "0 %")
        )
    return tuple(found)


def outliers(values: Floats, m: int) -> NDArray[np.int64]:
    """Positions of values far from both of their neighbours one season away, on the same side of both."""
    if len(values) < max(ENOUGH, 2 * m + 1):
        return np.zeros(0, np.int64)
    before, after = values[m:-m] - values[: -2 * m], values[m:-m] - values[2 * m :]
    nearest = np.where(np.sign(before) == np.sign(after), np.minimum(np.abs(before), np.abs(after)), 0.0)
    known = nearest[~np.isnan(nearest)]
    changes = np.abs(before[~np.isnan(before)])
    if len(known) < ENOUGH - 2:
        return np.zeros(0, np.int64)
    spread = 1.4826 * float(np.median(changes))
    return np.flatnonzero(nearest > FAR * spread) + m if spread > 0 else np.zeros(0, np.int64)


def longest_gap(panel: Panel) -> int:
    """Steps of the longest run of missing values within one series."""
    longest = 0
    for values in panel:
        edges = np.flatnonzero(np.diff(np.concatenate([[0], np.isnan(values).astype(np.int8), [0]])))
        if len(edges):
            longest = max(longest, int((edges[1::2] - edges[::2]).max()))
    return longest
