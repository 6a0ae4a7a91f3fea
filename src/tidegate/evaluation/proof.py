"""Proof of no leakage: whatever comes after an origin is replaced, and every forecast must stay the same to the bit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tidegate.evaluation.backtest import Backtest, Contender
from tidegate.evaluation.origins import Origins, enough_history, fold
from tidegate.series.panel import Panel

Floats = NDArray[np.float64]
Rerun = Callable[[Panel], Backtest]
Intervals = Callable[[Panel], Mapping[str, Floats]]


@dataclass(frozen=True)
class Proof:
    """holds: whether every forecast stayed the same. lines: what each window saw and what was found, for a person."""

    holds: bool
    lines: tuple[str, ...]


def prove(
    panel: Panel,
    origins: Origins,
    contenders: Sequence[Contender],
    horizon: int,
    levels: tuple[float, ...],
    recommend: Rerun,
    *,
    intervals: Intervals | None = None,
    seed: int = 0,
) -> Proof:
    """Forecast from every origin of three panels: the data, and the data with noise or nothing after that origin.

    The whole panel is replaced before it is cut, so that the cut, the season lengths, the scales of the data that
    training sees and everything else that happens to it are inside the proof.

    Args:
        contenders: those flagged costly are proved at the last origin only, by their `rehearse`.
        recommend: a whole backtest of a panel, whose recommendation must not change either.
        intervals: a panel -> contender -> (series, windows, ...) conformal intervals, which rest on windows before.
    """
    holds, lines = True, []
    last = origins.windows - 1
    scaled = intervals(panel) if intervals is not None else {}
    for window in range(origins.windows):
        part = fold(panel, origins, window)
        present = [one for one in contenders if not one.costly or (one.rehearse is not None and window == last)]
        expected = _forecasts(panel, origins, window, present, horizon, levels)
        spoilt = []
        for kind in ("noise", "nothing"):
            other = replace_future(panel, origins, window, kind, seed + window)
            same_series = bool((enough_history(other, origins.known)[window] == origins.seen[window]).all())
            forecasts = _forecasts(other, origins, window, present, horizon, levels)
            spoilt += [f"{one.name} ({kind})" for one in present if not _same(expected[one.name], forecasts[one.name])]
            spoilt += [] if same_series else [f"the choice of series ({kind})"]
            if intervals is not None:
                changed = intervals(other)
                spoilt += [
                    f"conformal intervals of {name} ({kind})"
                    for name, found in scaled.items()
                    if not _same(found[:, window], changed[name][:, window])
                ]
        latest = int(part.series[np.argmax(part.history.lengths)])
        told = [*(one.name for one in present), *(f"conformal intervals of {name}" for name in scaled)]
        stamp = panel.timeline.describe(latest, int(origins.known[window, latest]) - 1)
        lines.append(
            f"window {window + 1}: saw {len(part.history.values):,} values of {len(part.series):,} series, none after "
            f"{stamp if origins.by_calendar or panel.size == 1 else 'its origin in each series'}; "
            + (f"CHANGED with the future: {', '.join(spoilt)}" if spoilt else "forecasts are bit-identical when ")
            + ("" if spoilt else f"later values are noise or missing ({', '.join(told)})")
        )
        holds &= not spoilt
    same = True
    if last > 0:
        first = recommend(panel).recommendation.chosen
        spoilt_panels = [replace_future(panel, origins, last, kind, seed) for kind in ("noise", "nothing")]
        same = all(recommend(other).recommendation.chosen == first for other in spoilt_panels)
        found = "the same for every series" if same else "CHANGED"
        lines.append(f"recommendation: {found} when values after the last origin are noise or missing")
    if skipped := [one.name for one in contenders if one.costly and one.rehearse is None]:
        lines.append(f"not repeated, because they take long, but given the same cut data: {', '.join(skipped)}")
    return Proof(holds and same, tuple(lines))


def replace_future(panel: Panel, origins: Origins, window: int, kind: str, seed: int) -> Panel:
    """The panel with every value after an origin replaced by "noise" of a wild size, or by "nothing" (NaN)."""
    step = np.arange(len(panel.values)) - np.repeat(panel.offsets[:-1], panel.lengths)
    after = step >= np.repeat(origins.known[window], panel.lengths)
    values = panel.values.copy()
    size = 1e3 * float(np.nanmax(np.abs(values), initial=1.0))
    noise = np.random.default_rng(seed).standard_normal(int(after.sum()))
    values[after] = np.clip(size * noise, -1e300, 1e300) if kind == "noise" else np.nan
    return replace(panel, values=values)


def _forecasts(
    panel: Panel,
    origins: Origins,
    window: int,
    contenders: Sequence[Contender],
    horizon: int,
    levels: tuple[float, ...],
) -> dict[str, Floats]:
    """contender -> (series, horizon, quantiles), made anew from what the window shows of the panel."""
    history = fold(panel, origins, window).history
    return {one.name: (one.rehearse or one.make)(history)(history, horizon, levels).quantiles for one in contenders}


def _same(one: Floats, other: Floats) -> bool:
    return one.shape == other.shape and one.tobytes() == other.tobytes()
