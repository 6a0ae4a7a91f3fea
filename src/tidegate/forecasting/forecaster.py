"""From a Panel and a model file to a Forecast: seasons, levels, bounds, and notes about what was assumed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ConfigError, DataError
from tidegate.forecasting.calibration import Calibration
from tidegate.forecasting.model import ModelFile, Progress
from tidegate.forecasting.result import Forecast, interval_names, interval_quantiles, quantile_name
from tidegate.series.panel import Panel
from tidegate.series.seasons import season_lengths, unseen_seasons

Floats = NDArray[np.float64]


def forecast_panel(
    model: ModelFile,
    panel: Panel,
    horizon: int,
    *,
    levels: tuple[float, ...] = (80, 95),
    quantile_levels: tuple[float, ...] = (),
    season_length: int | tuple[int, ...] | None = None,
    lower: float | None = None,
    upper: float | None = None,
    bounds: bool = True,
    calibrate: bool = True,
    library: str = "numpy",
    progress: Progress | None = None,
) -> Forecast:
    """Forecast every series of a panel from its own end.

    Args:
        levels: central intervals in percent; 80 lies between the quantiles 0.1 and 0.9.
        quantile_levels: further quantiles, between 0 and 1.
        season_length: for every series; left out, what the model was fitted with, else the calendar's or what the
            values show.
        lower, upper: quantiles are cut at these. Left out, a history that never goes below 0 is cut at 0, unless
            `upper` is below it.
        bounds: False: cut nothing that was not asked for.
        calibrate: scale intervals that a series' own past shows to be far off (`forecasting.calibration`); False, or a
            model file that cannot look back: exactly as the network gives them.
    """
    wanted = wanted_levels(levels, quantile_levels)
    check_bounds(lower, upper)
    model.check_horizon(horizon)
    fitted = model.fitted_seasons(panel.timeline.frequency) if season_length is None else None
    seasons = season_lengths(panel, fitted or season_length)
    told = "as given" if season_length is not None else "from the fit" if fitted else None
    notes = season_notes(panel, seasons, told, model.longest_read)
    if calibrate and model.looks_back:
        calibration = Calibration.of(model)
        quantiles = model.predict(panel, horizon, wanted, seasons, adjust=calibration, progress=progress)
        notes += calibration.notes(panel.size)
    else:
        quantiles = model.predict(panel, horizon, wanted, seasons, progress=progress)
    check_finite(panel, quantiles)
    quantiles, cuts = bounded(panel, quantiles, lower, upper, bounds)
    notes += cuts
    if horizon > model.config.context_length:
        notes.append(
            f"{horizon} steps are more than the network's context of {model.config.context_length}: the forecast is "
            "rough"
        )
    return Forecast(
        panel=panel,
        horizon=horizon,
        quantile_levels=wanted,
        quantiles=quantiles,
        levels=tuple(levels),
        extra_quantiles=tuple(quantile_levels),
        season_lengths=seasons,
        notes=(*panel.notes, *notes),
        library=library,
    )


def whole(number: object, name: str) -> int:
    """Raises ConfigError if it is not a whole number, of Python or NumPy."""
    try:
        return number.__index__()  # type: ignore[attr-defined]
    except AttributeError as error:
        raise ConfigError(f"{name} {number!r}: expected a whole number") from error


def several(numbers: Any, name: str) -> tuple[float, ...]:
    """One number or several, as a tuple."""
    given = numbers if isinstance(numbers, Iterable) and not isinstance(numbers, str) else (numbers,)
    try:
        return tuple(number + 0 for number in given)
    except TypeError as error:
        raise ConfigError(f"{name} {numbers!r}: expected a number or several, such as (80, 95)") from error


def wanted_levels(levels: tuple[float, ...], quantile_levels: tuple[float, ...]) -> tuple[float, ...]:
    """The quantile levels that intervals in percent, further quantiles and the median need, in order.

    Raises: ConfigError for a level that is, rounded to 12 digits as all are, none between 0 and 100 % or the median's
        own; for a share such as 0.8, whose interval would be a hair wide; and for two that share the name of a column.
    """
    for level in levels:
        if not 0 < interval_quantiles(level)[0] < 0.5:
            raise ConfigError(f"level {level}: intervals are given in percent, between 0 and 100, for example 80")
        if level < 1:
            raise ConfigError(f"level {level}: intervals are given in percent; did you mean {100 * level:g}?")
    rounded = {level: round(float(level), 12) for level in quantile_levels}
    for level, kept in rounded.items():
        if not 0 < kept < 1:
            raise ConfigError(f"quantile level {level}: expected a number between 0 and 1, for example 0.9")
    _check_names("level", {level: interval_names(level)[0] for level in levels})
    _check_names("quantile level", {level: quantile_name(level) for level in rounded})
    return tuple(sorted({end for level in levels for end in interval_quantiles(level)} | {*rounded.values(), 0.5}))


def _check_names(kind: str, names: Mapping[float, str]) -> None:
    """Raises ConfigError if two levels have one column."""
    levels: dict[str, float] = {}
    for level, name in names.items():
        if (other := levels.setdefault(name, level)) != level:
            raise ConfigError(f"{kind}s {other} and {level} would share one column, {name!r}: leave one of them out")


def check_bounds(lower: float | None, upper: float | None) -> None:
    """Raises ConfigError unless each is None or a number that leaves something, and lower below upper."""
    given: dict[str, object] = {"lower": lower, "upper": upper}  # what a caller gave may be anything
    for name, bound in given.items():
        if bound is not None and (not isinstance(bound, Real) or math.isnan(bound)):
            raise ConfigError(f"{name} {bound!r}: expected a number at which the forecast is cut")
    if lower == math.inf or upper == -math.inf:
        raise ConfigError(f"lower {lower}, upper {upper}: no number lies between them; leave out what is no bound")
    if lower is not None and upper is not None and not lower < upper:
        raise ConfigError(f"lower {lower} must be below upper {upper}")


def check_finite(panel: Panel, quantiles: Floats) -> None:
    """Raises DataError for a series whose values are so large that its forecast is beyond what a number can be."""
    if np.isfinite(quantiles).all():
        return
    lost = np.flatnonzero(~np.isfinite(quantiles).all(axis=(1, 2)))
    name, largest = panel.name(int(lost[0])), np.nanmax(np.abs(panel[int(lost[0])]), initial=0.0)
    more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
    raise DataError(
        f'series "{name}"{more} has values as large as {largest:.3g}: nothing can be forecast from these, expected '
        "numbers below 1e300. Leave the cell empty if that stands for a missing value, or use a larger unit"
    )


def bounded(
    panel: Panel, quantiles: Floats, lower: float | None, upper: float | None, bounds: bool
) -> tuple[Floats, list[str]]:
    """Cut quantiles at what was asked for, or at 0 where a history never goes below it; and say so."""
    return cut(np.fmin.reduceat(panel.values, panel.offsets[:-1]), quantiles, lower, upper, bounds)


def cut(
    smallest: Floats, quantiles: Floats, lower: float | None, upper: float | None, bounds: bool
) -> tuple[Floats, list[str]]:
    """The same, knowing the smallest value of each history, (series,)."""
    notes = []
    if lower is not None or upper is not None:
        quantiles = np.clip(quantiles, lower, upper)
        limits = [f"{name} {bound}" for name, bound in (("lower", lower), ("upper", upper)) if bound is not None]
        notes.append(f"cut at {' and '.join(limits)}, as requested")
    if bounds and lower is None and (upper is None or upper >= 0):
        negative = (smallest >= 0)[:, None] & (quantiles < 0).any(axis=2)
        if count := int(negative.any(axis=1).sum()):
            quantiles = np.where((smallest >= 0)[:, None, None], np.maximum(quantiles, 0.0), quantiles)
            who = "the history never goes" if len(smallest) == 1 else f"the histories of {count} series never go"
            notes.append(f"cut at 0, because {who} below 0 (bounds=False or --no-bounds allows negative values)")
    return quantiles, notes


def season_notes(panel: Panel, seasons: NDArray[np.int64], told: str | None, longest_read: int) -> list[str]:
    """Which season lengths are used and where they come from, and which of them no forecast sees.

    Args: told: from where, if not from the panel. longest_read: steps that the network reads of a series at most.
    """
    used = np.unique(seasons[seasons > 0]).tolist()
    longest = int(panel.lengths.max(initial=0))
    return [_season_note(panel, seasons, told), *unseen_seasons(used, longest, longest_read)]


def _season_note(panel: Panel, seasons: NDArray[np.int64], told: str | None) -> str:
    if not len(seasons):
        return "no season used: there is no series"
    source = told or ("from the calendar" if panel.timeline.frequency is not None else "found in the values")
    if (seasons == seasons[:1]).all():
        kinds = seasons[:1]  # of one series, and of most panels
    else:
        kinds, counts = np.unique(seasons, axis=0, return_counts=True)
        kinds = kinds[np.argsort(-counts)]
    lists = [[str(length) for length in kind if length] for kind in kinds]
    if lists == [[]]:
        return "no season used: " + (told or "none is known for this frequency and length of series")
    texts = [" and ".join(one) + " steps" if one else "none" for one in lists]
    rest = f", and {len(texts) - 3} more combinations" if len(texts) > 3 else ""
    return f"seasons ({source}): {'; '.join(texts[:3])}{rest}"
