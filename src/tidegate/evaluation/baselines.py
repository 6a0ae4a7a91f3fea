"""The forecasts every method has to beat: naive, seasonal naive, drift and Naive2, as forecasters of a Panel.

A forecaster is a function (Panel, horizon, levels) -> Forecast; `baseline(name)` makes one by name, those of the extra
"stats" too. Intervals of all four are what such forecasts missed by at earlier origins of the same series: the
⌈(n + 1) level⌉-th smallest of the last absolute errors that many steps ahead (split conformal, Vovk et al. 2005), and
the normal distribution's where there are too few errors for that rank.
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ConfigError
from tidegate.forecasting.forecaster import bounded, wanted_levels
from tidegate.forecasting.result import Forecast, interval_quantiles
from tidegate.series.panel import Panel, stack
from tidegate.series.seasons import season_lengths

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Seasons = int | tuple[int, ...] | None
Forecaster = Callable[[Panel, int, tuple[float, ...]], Forecast]
Progress = Callable[[int, int], None]  # series done, series in all

ERRORS_KEPT = 250  # past errors per series and lag that intervals are made of
SEASONS_KEPT = 8  # seasons searched for the last observed value of a phase

PLAIN = ("naive", "seasonal_naive", "drift", "naive2")
STATISTICAL = (
    "auto_theta",
    "auto_ets",
    "auto_arima",
    "croston",
    "croston_optimized",
    "croston_sba",
    "tsb",
    "adida",
    "imapa",
)
TITLES = {
    "naive": "naive",
    "seasonal_naive": "seasonal naive",
    "drift": "drift",
    "naive2": "Naive2",
    "auto_theta": "AutoTheta",
    "auto_ets": "AutoETS",
    "auto_arima": "AutoARIMA",
    "croston": "Croston",
    "croston_optimized": "Croston (optimised)",
    "croston_sba": "Croston SBA",
    "tsb": "TSB",
    "adida": "ADIDA",
    "imapa": "IMAPA",
}


def baseline(
    name: str,
    *,
    season_length: Seasons = None,
    bounds: bool = True,
    time_limit: float | None = None,
    progress: Progress | None = None,
) -> Forecaster:
    """A baseline by name: one of PLAIN, or of STATISTICAL (those need the extra "stats").

    Args:
        season_length: steps per season for every series, of several the shortest; left out, as `forecast` finds them.
        bounds: cut at 0 where a history never goes below it, as `forecast` does; False: as the method gives them.
        time_limit: seconds a statistical baseline may take per call; series it does not reach have no forecast (NaN).
        progress: called with the number of series done and in all by those that take their time.
    Raises: ConfigError for a name that is none of these.
    """
    if name in STATISTICAL:
        from tidegate.evaluation.statistical import statistical

        return statistical(name, season_length=season_length, bounds=bounds, time_limit=time_limit, progress=progress)
    makers = {"naive": naive, "seasonal_naive": seasonal_naive, "drift": drift, "naive2": naive2}
    if name not in makers:
        near = get_close_matches(name.lower().replace(" ", "_").replace("-", "_"), [*PLAIN, *STATISTICAL], n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ConfigError(f"baseline {name!r} is not known: use one of {', '.join([*PLAIN, *STATISTICAL])}{hint}")
    make = makers[name]

    def forecaster(panel: Panel, horizon: int, levels: tuple[float, ...]) -> Forecast:
        return make(panel, horizon, levels, season_length=season_length, bounds=bounds)

    return forecaster


def naive(
    panel: Panel,
    horizon: int,
    levels: tuple[float, ...] = (80, 95),
    *,
    season_length: Seasons = None,
    bounds: bool = True,
) -> Forecast:
    """The last observed value, on and on."""
    point = np.repeat(_last(panel)[0][:, None], horizon, axis=1)
    return around(panel, horizon, levels, point, _radii(panel, horizon, levels, 1), season_length, bounds)


def drift(
    panel: Panel,
    horizon: int,
    levels: tuple[float, ...] = (80, 95),
    *,
    season_length: Seasons = None,
    bounds: bool = True,
) -> Forecast:
    """The line through the first and the last observed value, drawn on.

    Its intervals are those of naive around the line, wider by sqrt(1 + h / (T - 1)) as the slope is uncertain too.
    Source: Hyndman & Athanasopoulos (2021), "Forecasting: Principles and Practice", 5.2 and 5.5.
    """
    last, position = _last(panel)
    first, start = _first(panel)
    span = np.maximum(position - start, 1)
    slope = (last - first) / span
    ahead = panel.offsets[1:, None] - 1 - position[:, None] + np.arange(1, horizon + 1)
    radii = _radii(panel, horizon, levels, 1, slope) * np.sqrt(1 + ahead / span[:, None])[..., None]
    return around(panel, horizon, levels, last[:, None] + slope[:, None] * ahead, radii, season_length, bounds)


def seasonal_naive(
    panel: Panel,
    horizon: int,
    levels: tuple[float, ...] = (80, 95),
    *,
    season_length: Seasons = None,
    bounds: bool = True,
) -> Forecast:
    """The last season again and again: each step repeats the last observed value of its phase.

    A phase without any value in the last SEASONS_KEPT seasons, and a series shorter than a season, repeat the last
    value, as `naive` does.
    """
    lengths = shortest_season(panel, season_length)
    point = np.empty((panel.size, horizon))
    radii = np.empty((panel.size, horizon, len(levels)))
    last = _last(panel)[0]
    for m in np.unique(lengths).tolist():
        group = np.flatnonzero(lengths == m)
        season = _last_season(panel, group, m, min(m, horizon))
        season = np.where(np.isnan(season), last[group, None], season)
        point[group] = season[:, np.arange(horizon) % m]
        radii[group] = _radii(panel.select(group), horizon, levels, m)
    return around(panel, horizon, levels, point, radii, season_length, bounds)


def naive2(
    panel: Panel,
    horizon: int,
    levels: tuple[float, ...] = (80, 95),
    *,
    season_length: Seasons = None,
    bounds: bool = True,
) -> Forecast:
    """Naive on seasonally adjusted values where the series is seasonal, else naive: the M4 competition's benchmark.

    Seasonal: at least three seasons long and its autocorrelation at the season beyond the 90 % limits; adjusted by
    classical multiplicative decomposition, so series with values of 0 or below are left as they are.
    Source: Makridakis et al. (2020), "The M4 Competition", and its public code (SeasonalityTest, Benchmarks).
    """
    lengths = shortest_season(panel, season_length)
    values = panel.values.copy()
    factors = np.ones((panel.size, horizon))
    for index, m in enumerate(lengths.tolist()):
        series = panel[index]
        known = ~np.isnan(series)
        if m < 2 or known.sum() < 3 * m or not (series[known] > 0).all():
            continue
        filled = np.interp(np.arange(len(series)), np.flatnonzero(known), series[known])
        if not is_seasonal(filled, m):
            continue
        figure = seasonal_figure(filled, m)
        begin, end = panel.offsets[index], panel.offsets[index + 1]
        values[begin:end] = series / figure[np.arange(len(series)) % m]
        factors[index] = figure[(len(series) + np.arange(horizon)) % m]
    adjusted = Panel(values, panel.offsets, panel.timeline)
    point = _last(adjusted)[0][:, None] * factors
    radii = _radii(adjusted, horizon, levels, 1) * factors[..., None]
    return around(panel, horizon, levels, point, radii, season_length, bounds)


def is_seasonal(values: Floats, m: int) -> bool:
    """The M4 competition's test: whether |autocorrelation at lag m| is beyond 1.645 standard errors (Bartlett's)."""
    centred = values - values.mean()
    total = float(centred @ centred)
    if total == 0:
        return False
    acf = np.array([float(centred[lag:] @ centred[: len(centred) - lag]) / total for lag in range(1, m + 1)])
    limit = 1.645 / np.sqrt(len(values)) * np.sqrt(1 + 2 * np.square(acf[:-1]).sum())
    return bool(abs(acf[-1]) > limit)


def seasonal_figure(values: Floats, m: int) -> Floats:
    """(m,) multiplicative seasonal factors of phases 0 .. m - 1 with mean 1: `decompose` of R's stats."""
    weights = np.ones(m) if m % 2 else np.concatenate([[0.5], np.ones(m - 1), [0.5]])
    trend = np.convolve(values, weights / m, mode="valid")
    side = (len(weights) - 1) // 2
    ratio = values[side : side + len(trend)] / trend
    phase = (side + np.arange(len(trend))) % m
    figure = np.bincount(phase, weights=ratio, minlength=m) / np.bincount(phase, minlength=m)
    return figure / figure.mean()


def shortest_season(panel: Panel, season_length: Seasons = None) -> Integers:
    """(series,) m, the shortest season that `forecast` would use, 1 for none: what seasonal naive and MASE go by."""
    return np.maximum(season_lengths(panel, season_length)[:, 0], 1)


def around(
    panel: Panel,
    horizon: int,
    levels: tuple[float, ...],
    point: Floats,
    radii: Floats,
    season_length: Seasons = None,
    bounds: bool = True,
) -> Forecast:
    """A Forecast from points (series, horizon) and radii (series, horizon, levels): symmetric and nested.

    bounds: cut at 0 where a history never goes below it.
    """
    quantile_levels = wanted_levels(levels, ())
    quantiles = np.empty((*point.shape, len(quantile_levels)))
    quantiles[..., quantile_levels.index(0.5)] = point
    rising = np.argsort(levels, kind="stable")
    nested = np.maximum.accumulate(radii[..., rising], axis=-1)
    for place, level in enumerate(np.asarray(levels)[rising]):
        low, high = interval_quantiles(float(level))
        quantiles[..., quantile_levels.index(low)] = point - nested[..., place]
        quantiles[..., quantile_levels.index(high)] = point + nested[..., place]
    quantiles, notes = bounded(panel, quantiles, None, None, bounds)
    return Forecast(
        panel=panel,
        horizon=horizon,
        quantile_levels=quantile_levels,
        quantiles=quantiles,
        levels=tuple(levels),
        season_lengths=season_lengths(panel, season_length),
        notes=(*panel.notes, *notes),
    )


def _radii(panel: Panel, horizon: int, levels: tuple[float, ...], m: int, slope: Floats | None = None) -> Floats:
    """(series, horizon, levels) how far from the point an interval reaches: past errors whole seasons of m apart.

    Taken at 1, 2, 4, 8 ... seasons ahead and in between linear in the root of the distance. Where a series is too
    short for a distance, the radius before it grows with the root; a series of one value has radius 0.
    """
    seasons = -(-np.arange(1, horizon + 1) // m)
    farthest = int(seasons[-1])
    apart = sorted({1 << bit for bit in range(farthest.bit_length())} | {farthest})
    # Most of the panel at once, long series in a few pieces: the tails of a batch are one matrix.
    needed = ERRORS_KEPT + m * farthest
    result = np.empty((panel.size, horizon, len(levels)))
    share = max(1, 4_000_000 // needed)
    for begin in range(0, panel.size, share):
        group = np.arange(begin, min(begin + share, panel.size))
        tails = _tails(panel, group, min(needed, int(panel.lengths[group].max(initial=1))))
        steady = np.zeros(len(group)) if slope is None else slope[group]
        knots: list[Floats] = []
        for distance in apart:
            found = _error_quantiles(tails, m * distance, levels, steady)
            if knots:
                grown = knots[-1] * np.sqrt(distance / apart[len(knots) - 1])
                found = np.where(np.isnan(found), grown, found)
            knots.append(np.nan_to_num(found))
        roots = np.sqrt(apart)
        table = np.stack(knots, axis=1)
        right = np.clip(np.searchsorted(apart, seasons), 1, len(apart) - 1) if len(apart) > 1 else None
        if right is None:
            result[group] = table
            continue
        weight = ((np.sqrt(seasons) - roots[right - 1]) / (roots[right] - roots[right - 1]))[None, :, None]
        result[group] = (1 - weight) * table[:, right - 1] + weight * table[:, right]
    return result


def _error_quantiles(tails: Floats, lag: int, levels: tuple[float, ...], slope: Floats) -> Floats:
    """(series, levels) quantiles of |change over `lag` steps less slope * lag|; NaN without any such pair."""
    result = np.full((len(tails), len(levels)), np.nan)
    if tails.shape[1] <= lag:
        return result
    errors = np.abs(tails[:, lag:] - tails[:, :-lag] - lag * slope[:, None])[:, -ERRORS_KEPT:]
    ordered = np.sort(errors, axis=1)  # NaN last
    count = (~np.isnan(errors)).sum(axis=1)
    spread = np.sqrt(np.nansum(np.square(errors), axis=1) / np.maximum(count, 1))
    for place, level in enumerate(levels):
        rank = np.ceil((count + 1) * level / 100).astype(np.int64)
        empirical = ordered[np.arange(len(tails)), np.clip(rank - 1, 0, ordered.shape[1] - 1)]
        normal = NormalDist().inv_cdf(0.5 + level / 200) * spread
        result[:, place] = np.where(count == 0, np.nan, np.where(rank <= count, empirical, normal))
    return result


def _tails(panel: Panel, group: Integers, length: int) -> Floats:
    """(group, length) the last values of these series, right-aligned, NaN in front."""
    starts = np.maximum(panel.offsets[group], panel.offsets[group + 1] - length)
    found = stack(panel.values, starts, panel.offsets[group + 1])
    return np.pad(found, ((0, 0), (length - found.shape[1], 0)), constant_values=np.nan)


def _last_season(panel: Panel, group: Integers, m: int, phases: int) -> Floats:
    """(group, phases) the last observed value of each of the first phases; NaN where SEASONS_KEPT seasons have none.

    Only phases that are forecast: a season may be far longer than the series, and than memory.
    """
    season = np.full((len(group), phases), np.nan)
    for back in range(1, SEASONS_KEPT + 1):
        steps = panel.lengths[group, None] - back * m + np.arange(phases)
        wanted = np.isnan(season) & (steps >= 0)
        season[wanted] = panel.values[(panel.offsets[group, None] + steps)[wanted]]
    return season


def _last(panel: Panel) -> tuple[Floats, Integers]:
    """The last observed value of every series and its position in panel.values; NaN and the start if there is none."""
    place = np.where(np.isnan(panel.values), -1, np.arange(len(panel.values)))
    found = np.maximum.reduceat(np.append(place, -1), panel.offsets[:-1])
    known = (found >= panel.offsets[:-1]) & (panel.lengths > 0)
    found = np.where(known, found, panel.offsets[:-1])
    return np.where(known, panel.values[np.minimum(found, len(panel.values) - 1)], np.nan), found


def _first(panel: Panel) -> tuple[Floats, Integers]:
    """The first observed value of every series and its position; as `_last`."""
    end = len(panel.values)
    place = np.where(np.isnan(panel.values), end, np.arange(end))
    found = np.minimum.reduceat(np.append(place, end), panel.offsets[:-1])
    known = found < panel.offsets[1:]
    found = np.where(known, found, panel.offsets[:-1])
    return np.where(known, panel.values[np.minimum(found, end - 1)], np.nan), found
