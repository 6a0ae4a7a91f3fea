"""Backtest: forecasts from rolling origins of several contenders, beside what really came."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ConfigError
from tidegate.evaluation.baselines import Forecaster, Seasons, shortest_season
from tidegate.evaluation.metrics import absolute_scale, squared_scale
from tidegate.evaluation.origins import Origins, actuals, fold, named, plan_origins
from tidegate.forecasting.forecaster import wanted_levels
from tidegate.forecasting.frames import in_library, stamp_zones
from tidegate.forecasting.result import interval_quantiles
from tidegate.series.dates.ends import OWN_END
from tidegate.series.panel import Panel
from tidegate.series.seasons import asked_lengths, unseen_seasons

if TYPE_CHECKING:
    import os

    from tidegate.evaluation.proof import Proof
    from tidegate.evaluation.recommend import Recommendation
    from tidegate.evaluation.verdict import Verdict

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Maker = Callable[[Panel], Forecaster]  # what is known at an origin -> a forecaster; a fit, or one that is there already
Progress = Callable[[float, str], None]  # share done, 0 to 1, and what comes next

# WQL is published at the quantiles 0.1, 0.2 ... 0.9: the ends of these intervals and the median.
WQL_INTERVALS = (20.0, 40.0, 60.0, 80.0)


@dataclass(frozen=True)
class Contender:
    """One method in a backtest.

    Attributes:
        name: as tables show it.
        make: called with what is known at an origin, as often as `refit` says.
        is_model: a network, not a baseline; the first of these is what the verdict is about.
        rehearse: a quick, repeatable `make` for the proof of no leakage; None: `make` itself.
        costly: too slow to be repeated for every window of a proof: the last one alone.
    """

    name: str
    make: Maker
    is_model: bool = False
    rehearse: Maker | None = None
    costly: bool = False


@dataclass(frozen=True, repr=False, eq=False)
class Backtest:
    """What every contender forecast from every origin, and what came.

    Attributes:
        panel: the whole of the data.
        horizon, step: steps per window, and from one origin to the next.
        origins: where the windows begin.
        contenders: names in the order given; `models` are those that are no baseline.
        levels: intervals reported, in percent.
        quantile_levels: (levels,) rising; those of `levels`, those of WQL and the median.
        quantiles: contender -> (series, windows, horizon, quantiles), NaN where it made no forecast.
        actual: (series, windows, horizon), NaN where missing.
        season_lengths: (series, windows) the m of MASE: the shortest season known at the origin, 1 for none.
        scale, squared_scale: (series, windows) of MASE and RMSSE, from the values up to each origin; NaN: undefined.
        seconds: contender -> seconds it took in all.
        notes: what was found, assumed and left out, one sentence each.
        settings: what to write down so that it can be done again; "command" is what does it from the command line.
        proof: of no leakage, where it was asked for.
        given: contender -> quantiles as the model gives them, where those in `quantiles` are conformal.
        doubts: why windows may be no test of a model, one sentence each.
        library: "pandas", "polars", "pyarrow" or "numpy": what `frame` comes back in.
    """

    panel: Panel
    horizon: int
    step: int
    origins: Origins
    contenders: tuple[str, ...]
    models: tuple[str, ...]
    levels: tuple[float, ...]
    quantile_levels: tuple[float, ...]
    quantiles: Mapping[str, Floats]
    actual: Floats
    season_lengths: Integers
    scale: Floats
    squared_scale: Floats
    seconds: Mapping[str, float]
    notes: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    proof: Proof | None = None
    given: Mapping[str, Floats] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()
    library: str = "numpy"

    @property
    def windows(self) -> int:
        """Number of origins."""
        return self.origins.windows

    @property
    def windows_apart(self) -> list[int]:
        """Windows that do not overlap, counted back from the last; the errors of those between are nearly theirs."""
        every = -(-self.horizon // self.step)
        return list(range(self.windows - 1, -1, -every))[::-1]

    @property
    def main_metric(self) -> str:
        """What verdict and report go by: "MASE", or "MAE" where no series has a scale."""
        return "MASE" if np.isfinite(self.scale).any() else "MAE"

    def at(self, contender: str, level: float) -> Floats:
        """(series, windows, horizon) a quantile of a contender; 0.5 is its forecast."""
        near = np.flatnonzero(np.isclose(self.quantile_levels, level, rtol=0, atol=1e-9))
        return self.quantiles[contender][..., int(near[0])]

    def interval(self, contender: str, level: float) -> tuple[Floats, Floats]:
        """Both ends of a central interval, each (series, windows, horizon)."""
        low, high = interval_quantiles(level)
        return self.at(contender, low), self.at(contender, high)

    @cached_property
    def as_given(self) -> Backtest | None:
        """The same with models called "…, own intervals", which have their own; None where the backtest's are."""
        if not self.given:
            return None
        names = {name: f"{name}, own intervals" if name in self.given else name for name in self.contenders}
        return replace(
            self,
            contenders=tuple(names.values()),
            models=tuple(names[name] for name in self.models),
            quantiles={names[name]: self.given.get(name, found) for name, found in self.quantiles.items()},
            seconds={names[name]: seconds for name, seconds in self.seconds.items()},
            given={},
            proof=None,
        )

    def origin_text(self, window: int) -> str:
        """When a window begins: the timestamp of the last step that any forecast of it saw."""
        scored = np.flatnonzero(self.origins.scored[window])
        if not self.origins.by_calendar and self.panel.timeline.frequency is not None and len(scored) > 1:
            back = self.horizon + self.step * (self.windows - 1 - window)
            return f"{back} steps before the end of each series"
        if not len(scored):
            return "none"
        latest = scored[0]
        return self.panel.timeline.describe(int(latest), int(self.origins.known[window, latest]) - 1)

    @cached_property
    def scores(self) -> dict[str, dict[str, float]]:
        """contender -> metric -> its score over the whole backtest; see `evaluation.scores`."""
        from tidegate.evaluation.scores import overall

        return overall(self)

    def score(self, metric: str, by: str = "series") -> dict[str, Floats]:
        """contender -> a metric per "series" (series,), "window" (windows,), "step" (horizon,) or "cell" of the first
        two. NaN where it is not defined; `undefined` counts and names these.

        Raises: ConfigError for a metric or part that is not known.
        """
        from tidegate.evaluation.scores import parts

        return parts(self, metric, by)

    @cached_property
    def undefined(self) -> tuple[str, ...]:
        """Which metrics are not defined for which series and why, one sentence each."""
        from tidegate.evaluation.scores import undefined

        return undefined(self)

    @cached_property
    def verdict(self) -> Verdict:
        """Whether the first model is worth having, in a sentence; and what to beware of."""
        from tidegate.evaluation.verdict import judge

        return judge(self)

    @cached_property
    def recommendation(self) -> Recommendation:
        """Which contender to use for each series: chosen on all windows but the last, scored on that."""
        from tidegate.evaluation.recommend import recommend

        return recommend(self)

    @cached_property
    def json(self) -> str:
        """Verdict, warnings and scores as one JSON document; a number that is not defined is null."""
        from tidegate.evaluation.tables import json_document

        return json_document(self)

    def columns(self, *, text: bool = False) -> dict[str, NDArray[Any]]:
        """All forecasts as columns: a row per contender, series, window and step, beside the actual value."""
        from tidegate.evaluation.tables import forecast_columns

        return forecast_columns(self, text=text)

    @cached_property
    def frame(self) -> Any:
        """The columns in the library the data came in, as `Forecast.frame`; a dict of arrays for a file or an array."""
        return in_library(self.library, self.columns(), stamp_zones(self.panel.timeline))

    def score_columns(self) -> dict[str, NDArray[Any]]:
        """The table a person reads first: a row per contender, a column for each of the main metrics."""
        from tidegate.evaluation.tables import score_columns

        return score_columns(self)

    def to_text(self, form: str = "csv") -> str:
        """All forecasts as one text, "csv" or "json" (records): what `save` would write."""
        from io import StringIO

        from tidegate.forecasting.saving import write_text

        text = StringIO()
        write_text(self.columns(text=True), form, text)
        return text.getvalue()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all forecasts to a .parquet, .csv or .json file (records), the latter two also with .gz.

        Raises: ConfigError for another extension or a missing directory; OSError if the disk refuses.
        """
        from tidegate.forecasting.saving import TABLE_SUFFIXES, check_destination, save_columns

        suffix = check_destination(path, TABLE_SUFFIXES)
        columns = self.columns(text=suffix != ".parquet")
        save_columns(columns, path, zones=stamp_zones(self.panel.timeline))

    def report(self, path: str | os.PathLike[str]) -> None:
        """Write the report, one .html page that opens without network. Raises: as `save`."""
        from tidegate.evaluation.report import REPORT_SUFFIXES, report_page
        from tidegate.forecasting.saving import check_destination, replacing

        check_destination(path, REPORT_SUFFIXES)
        page = report_page(self)
        with replacing(path) as temporary:
            temporary.write_text(page, encoding="utf-8")

    def __repr__(self) -> str:
        size = self.panel.size
        return f"<Backtest of {size:,} series, {self.windows} windows of {self.horizon} steps: {self.verdict.sentence}>"


def backtest(
    panel: Panel,
    contenders: Sequence[Contender],
    horizon: int,
    *,
    windows: int = 5,
    step: int | None = None,
    refit: bool | int = False,
    levels: tuple[float, ...] = (80, 95),
    season_length: Seasons = None,
    align: str = "auto",
    settings: Mapping[str, Any] | None = None,
    library: str = "numpy",
    progress: Progress | None = None,
) -> Backtest:
    """Forecast with every contender from rolling origins; each sees the panel cut at the origin and nothing else.

    Args:
        step: steps from one origin to the next; left out, `horizon`, so that windows do not overlap.
        refit: how often a contender is made anew: False: once, at the first origin; True: at every origin; k: at every
            k-th. What costs nothing to make (a baseline, a shipped model) is the same either way.
        levels: intervals reported, in percent.
        season_length: for MASE's scale; left out, as `forecast` finds it in each history.
        align: see `origins.plan_origins`.
    Raises: ConfigError, DataError as `plan_origins`; what a contender raises.
    """
    step = horizon if step is None else step
    every = _windows_per_fit(refit, windows)
    names = [contender.name for contender in contenders]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"two contenders are called {repeated[0]!r}: leave one out, or rename one")
    origins = plan_origins(panel, horizon, windows, step, align)
    asked = tuple(dict.fromkeys((*(float(level) for level in levels), *WQL_INTERVALS)))
    quantile_levels = wanted_levels(asked, ())
    shape = (panel.size, windows, horizon, len(quantile_levels))
    quantiles = {name: np.full(shape, np.nan) for name in names}
    scales = np.full((2, panel.size, windows), np.nan)
    seasons = np.ones((panel.size, windows), np.int64)
    seconds = dict.fromkeys(names, 0.0)
    makes: dict[str, Forecaster] = {}
    said: list[str] = []
    for window in range(windows):
        part = fold(panel, origins, window)
        seasons[part.series, window] = m = shortest_season(part.history, season_length)
        scales[:, part.series, window] = absolute_scale(part.history, m), squared_scale(part.history, m)
        for place, contender in enumerate(contenders):
            if progress is not None:
                progress((window * len(contenders) + place) / (windows * len(contenders)), contender.name)
            began = time.perf_counter()
            if window % every == 0:
                makes[contender.name] = contender.make(part.history)
            forecast = makes[contender.name](part.history, horizon, asked)
            for index, level in enumerate(quantile_levels):
                quantiles[contender.name][part.series, window, :, index] = forecast.at(level)
            seconds[contender.name] += time.perf_counter() - began
    # Origins by calendar are no series' own ends, which the reading of the data promised to a forecast.
    read_notes = [note.removesuffix(OWN_END) if origins.by_calendar else note for note in panel.notes]
    if season_length is not None:
        said += unseen_seasons(asked_lengths(season_length), int(panel.lengths.max()))
    for name in names:
        if note := _unforecast(panel, origins, name, quantiles[name]):
            said.append(note)
    return Backtest(
        panel=panel,
        horizon=horizon,
        step=step,
        origins=origins,
        contenders=tuple(names),
        models=tuple(contender.name for contender in contenders if contender.is_model),
        levels=tuple(float(level) for level in levels),
        quantile_levels=quantile_levels,
        quantiles=quantiles,
        actual=actuals(panel, origins, horizon),
        season_lengths=seasons,
        scale=scales[0],
        squared_scale=scales[1],
        seconds=seconds,
        notes=(*read_notes, *origins.notes, *said),
        settings=dict(settings or {}),
        library=library,
    )


def _windows_per_fit(refit: bool | int, windows: int) -> int:
    """After how many windows a contender is made anew. Raises: ConfigError."""
    if isinstance(refit, bool | np.bool_):
        return 1 if refit else windows
    if not isinstance(refit, int | np.integer) or refit < 1:
        raise ConfigError(
            f"refit {refit!r}: expected False, True, or a whole number k from 1 to train at every k-th window"
        )
    return int(refit)


def _unforecast(panel: Panel, origins: Origins, name: str, quantiles: Floats) -> str | None:
    """A note on the forecasts that a contender did not make (a baseline that was out of time)."""
    absent = np.isnan(quantiles).any(axis=(2, 3)) & origins.scored.T
    if not absent.any():
        return None
    series = np.flatnonzero(absent.any(axis=1))
    return (
        f"{name} has no forecast for {int(absent.sum())} of {int(origins.scored.sum())} series and windows (it ran "
        f"out of time or failed) and is scored and compared on the others alone: {named(panel, series)}"
    )
