"""Conformal intervals of a backtest: scaled by the errors of all series in windows that were over at the origin."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tidegate.evaluation.backtest import Backtest
from tidegate.evaluation.origins import fold
from tidegate.forecasting.calibration import pairs, scaled
from tidegate.forecasting.conformal import conformal_factors, forecasts_needed
from tidegate.forecasting.forecaster import bounded

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Conformal:
    """A contender's intervals, scaled.

    Attributes:
        quantiles: (series, windows, horizon, quantiles).
        counts: (windows,) how many past forecasts those of each window rest on.
        kept: (windows, pairs) whether an interval is as the model gives it, since past forecasts give no factor.
    """

    quantiles: Floats
    counts: tuple[int, ...]
    kept: NDArray[np.bool_]


def with_conformal_intervals(backtest: Backtest, *, bounds: bool = True) -> Backtest:
    """The backtest with conformal intervals of its models; what they gave themselves is then in `given`.

    Args: bounds: cut at 0 where the history up to an origin never goes below it.
    """
    found = {name: conformal(backtest, backtest.quantiles[name], bounds=bounds) for name in backtest.models}
    notes = [_note(backtest, name, scaled_ones) for name, scaled_ones in found.items()]
    return replace(
        backtest,
        quantiles={**backtest.quantiles, **{name: scaled_ones.quantiles for name, scaled_ones in found.items()}},
        given={name: backtest.quantiles[name] for name in backtest.models},
        notes=(*backtest.notes, *notes),
    )


def conformal(backtest: Backtest, quantiles: Floats, *, bounds: bool) -> Conformal:
    """Scale the intervals of each window by the errors of those windows that were over at its origin.

    Args: quantiles: (series, windows, horizon, quantiles) as a contender gives them.
    """
    levels, windows, horizon = backtest.quantile_levels, backtest.windows, backtest.horizon
    reported = [_place(level, levels) for level in backtest.levels]
    result, counts = quantiles.copy(), []
    kept = np.ones((windows, len(pairs(levels))), np.bool_)
    for window in range(windows):
        over = max(0, window - -(-horizon // backtest.step) + 1)  # windows none of whose steps lies past the origin
        factors, count = conformal_factors(
            backtest.actual[:, :over].reshape(-1, horizon),
            quantiles[:, :over].reshape(-1, horizon, len(levels)),
            levels,
        )
        counts.append(count)
        if not np.isfinite(factors[reported]).any():
            continue  # what is too little for an interval that is shown is too little for those behind WQL
        kept[window] = ~np.isfinite(factors)
        part = fold(backtest.panel, backtest.origins, window)
        each = np.tile(np.where(kept[window], 1.0, factors), (len(part.series), 1))
        found = scaled(quantiles[part.series, window], each, levels)
        result[part.series, window] = bounded(part.history, found, None, None, bounds)[0]
    return Conformal(result, tuple(counts), kept)


def _note(backtest: Backtest, name: str, found: Conformal) -> str:
    """One sentence: what a contender's intervals rest on, and which are as the model gives them."""
    kept = found.kept[:, [_place(level, backtest.quantile_levels) for level in backtest.levels]]
    first = f"intervals of {name} are conformal: scaled by the errors of all series in earlier windows"
    if kept.all():
        first = f"no interval of {name} is conformal"
    told = [
        _kept_words(level, np.flatnonzero(kept[:, column]), found.counts, backtest.origins.scored)
        for column, level in enumerate(backtest.levels)
        if kept[:, column].any()
    ]
    return f"{first}; the model's own are kept for {'; '.join(told)}" if told else first


def _kept_words(level: float, windows: NDArray[np.int64], counts: Sequence[int], scored: NDArray[np.bool_]) -> str:
    """ "95 % in windows 1 and 2, 828 of 2,070 forecasts (it needs 19 past forecasts and has 0 and 4)"."""
    needed = forecasts_needed(level)
    had = [counts[window] for window in windows]
    why = f"it needs {needed} past forecasts and has {_listed(f'{count:,}' for count in had)}"
    if min(had) >= needed:
        why = "past errors at intervals of zero width, which no factor can cover"
    which = f"window{'s' * (len(windows) > 1)} {_listed(str(window + 1) for window in windows)}"
    return f"{level:g} % in {which}, {int(scored[windows].sum()):,} of {int(scored.sum()):,} forecasts ({why})"


def _listed(words: Iterable[str]) -> str:
    """ "1, 2 and 3"."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _place(level: float, quantile_levels: tuple[float, ...]) -> int:
    """Where an interval stands among the pairs."""
    low = round(0.5 - level / 200, 9)
    return next(
        place for place, (end, _) in enumerate(pairs(quantile_levels)) if abs(quantile_levels[end] - low) < 1e-8
    )
