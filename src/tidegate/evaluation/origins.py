"""Rolling origins: where each window's history ends, and what a forecaster is allowed to see of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ConfigError, DataError
from tidegate.series.panel import Panel

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SHORTEST_HISTORY = 2  # observed values a series needs before an origin
RECENT = 512  # steps before an origin that have to hold them: what comes after a longer gap is another series
ALIGNMENTS = ("auto", "calendar", "ends")
NAMED = 5  # series named in a note; the rest are counted


@dataclass(frozen=True)
class Origins:
    """Where the windows of a backtest begin.

    Attributes:
        known: (windows, series) steps of each series up to and including the origin; the earliest window first.
        seen: (windows, series) whether a series has enough history at the origin to be forecast, and learnt from. What
            comes after the origin has no say in this: series that end there are seen too.
        scored: (windows, series) those of the seen that have a value within the horizon to be compared with.
        by_calendar: whether origins are the same instant for all series (else counted from each one's end).
        notes: which series are left out of which windows, one sentence each.
    """

    known: Integers
    seen: NDArray[np.bool_]
    scored: NDArray[np.bool_]
    by_calendar: bool
    notes: tuple[str, ...] = ()

    @property
    def windows(self) -> int:
        return len(self.known)


@dataclass(frozen=True)
class Fold:
    """All that a forecaster may see at one origin.

    Attributes:
        window: its number, 0 for the earliest.
        series: (n,) which series of the whole panel are seen.
        history: their values up to the origin, and nothing after it.
    """

    window: int
    series: Integers
    history: Panel


def plan_origins(panel: Panel, horizon: int, windows: int, step: int, align: str = "auto") -> Origins:
    """Origins `step` apart, the last one `horizon` steps before the end of the data.

    Args:
        align: "calendar": the same instants for all series, counted back from the latest stamp of the panel, so that no
            forecast rests on another series' future; "ends": counted back from each series' own end; "auto": by
            calendar where there are stamps.
    Raises: ConfigError for numbers below 1; DataError if no series fits into the earliest window, saying how many
        windows would fit.
    """
    for name, number in (("horizon", horizon), ("windows", windows), ("step", step)):
        if number < 1:
            raise ConfigError(f"{name} {number}: expected a whole number from 1")
    if align not in ALIGNMENTS:
        raise ConfigError(f"align {align!r}: expected one of {', '.join(ALIGNMENTS)}")
    if align == "calendar" and panel.timeline.frequency is None:
        raise ConfigError("align='calendar' needs dates, but the data have none: leave it out, or pass align='ends'")
    by_calendar = align != "ends" and panel.timeline.frequency is not None
    back = horizon + step * np.arange(windows - 1, -1, -1)[:, None]
    late = steps_before_the_latest(panel) if by_calendar else np.zeros(panel.size, np.int64)
    known = np.clip(panel.lengths + late - back, 0, panel.lengths)
    seen = enough_history(panel, known)
    scored = seen & (_observed(panel, np.minimum(known + horizon, panel.lengths)) > _observed(panel, known))
    if not scored[0].any():
        _refuse(panel, horizon, step, by_calendar, scored)
    return Origins(known, seen, scored, by_calendar, tuple(_notes(panel, scored, by_calendar)))


def enough_history(panel: Panel, known: Integers) -> NDArray[np.bool_]:
    """(windows, series) whether SHORTEST_HISTORY values are observed among the last RECENT steps up to the origin."""
    return _observed(panel, known) - _observed(panel, np.maximum(known - RECENT, 0)) >= SHORTEST_HISTORY


def steps_before_the_latest(panel: Panel) -> Integers:
    """(series,) how many steps before the panel's latest stamp each series ends."""
    frequency = panel.timeline.frequency
    assert frequency is not None
    steps, exact = frequency.index(panel.timeline.starts.min(), panel.timeline.starts)
    # A start between two steps of the earliest series counts as the later one: never as known too early.
    ends = steps + ~exact + panel.lengths
    late: Integers = ends.max() - ends
    return late


def fold(panel: Panel, origins: Origins, window: int) -> Fold:
    """The series that are seen in a window, cut at its origin."""
    series = np.flatnonzero(origins.seen[window])
    history = panel.select(series).head(origins.known[window, series])
    # Notes were written about the whole of the data.
    return Fold(window, series, replace(history, notes=()))


def actuals(panel: Panel, origins: Origins, horizon: int) -> Floats:
    """(series, windows, horizon) what came after each origin; NaN where missing, or not scored."""
    steps = origins.known.T[:, :, None] + np.arange(horizon)
    inside = (steps < panel.lengths[:, None, None]) & origins.scored.T[:, :, None]
    place = panel.offsets[:-1, None, None] + steps
    return np.where(inside, panel.values[np.where(inside, place, 0)], np.nan)


def named(panel: Panel, series: Integers) -> str:
    """The first few of these series by name, for a note."""
    names = ", ".join(panel.name(int(index)) for index in series[:NAMED])
    return names + (" …" if len(series) > NAMED else "")


def _observed(panel: Panel, stops: Integers) -> Integers:
    """(windows, series) how many values are observed in the first `stops` steps of each series."""
    running = np.concatenate([[0], np.cumsum(~np.isnan(panel.values))])
    observed: Integers = running[panel.offsets[:-1] + stops] - running[panel.offsets[:-1]]
    return observed


def _refuse(panel: Panel, horizon: int, step: int, by_calendar: bool, scored: NDArray[np.bool_]) -> None:
    """scored: (windows, series), none in the first window."""
    longest, windows = int(panel.lengths.max()), len(scored)
    needed = horizon + step * (windows - 1) + SHORTEST_HISTORY
    fitting = (longest - horizon - SHORTEST_HISTORY) // step + 1
    said = (
        f"{windows} windows of {horizon} steps, {step} apart, need a series of {needed} steps or more, but the longest "
        f"has {longest}"
    )
    if fitting < 1:
        raise DataError(f"{said}, too few for any window: shorten the horizon")
    if fitting < windows:
        raise DataError(
            f"{said}, which fits {fitting} window{'s' * (fitting > 1)}: pass windows={fitting}, a smaller "
            "step, or a shorter horizon"
        )
    remedy = "leave out steps without values at the end, or shorten the horizon"
    if len(later := np.flatnonzero(scored.any(axis=1))):
        remedy = f"pass windows={windows - later[0]}, which begins later, or another step"
    raise DataError(
        f"no series has {SHORTEST_HISTORY} values before and one within {horizon} steps after the origin of the "
        f"earliest of {windows} windows: {remedy}"
        + ("; origins are the same dates for all series: align='ends' changes that" if by_calendar else "")
    )


def _notes(panel: Panel, scored: NDArray[np.bool_], by_calendar: bool) -> list[str]:
    windows, count = len(scored), scored.sum(axis=0)
    notes = []
    if len(never := np.flatnonzero(count == 0)):
        remedy = "; align='ends' counts back from each series' own end" if by_calendar else ""
        notes.append(
            f"{len(never)} of {panel.size} series are not scored in any window (too short, or no value after any "
            f"origin){remedy}: {named(panel, never)}"
        )
    if len(empty := np.flatnonzero(~scored.any(axis=1))):
        which = ", ".join(str(window + 1) for window in empty)
        notes.append(f"{len(empty)} of {windows} windows have no values to compare forecasts with: {which}")
    if len(some := np.flatnonzero((count > 0) & (count < windows))):
        notes.append(f"{len(some)} of {panel.size} series are scored only in some windows: {named(panel, some)}")
    return notes
