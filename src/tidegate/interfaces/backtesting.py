"""`tidegate.backtest`: from a frame, file or array to forecasts from rolling origins, always beside baselines."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.errors import ConfigError
from tidegate.evaluation.backtest import Backtest, Contender, Maker, Progress
from tidegate.evaluation.backtest import backtest as run
from tidegate.evaluation.baselines import PLAIN, STATISTICAL, TITLES, Forecaster, baseline
from tidegate.evaluation.conformal import conformal, with_conformal_intervals
from tidegate.evaluation.origins import actuals
from tidegate.evaluation.proof import Proof
from tidegate.evaluation.proof import prove as prove_no_leakage
from tidegate.evaluation.statistical import not_all_read, without_season
from tidegate.forecasting.config import INTERVALS, MADE_BY_FIT
from tidegate.forecasting.forecaster import forecast_panel, whole
from tidegate.forecasting.forecaster import several as numbers
from tidegate.forecasting.model import SHIPPED
from tidegate.forecasting.result import Forecast
from tidegate.interfaces.api import Model, load
from tidegate.interfaces.arguments import (
    Names,
    Seasons,
    check_seed,
    check_threads,
    needs_extra,
    read,
    with_horizon,
)
from tidegate.series.panel import Panel
from tidegate.series.reading import Reading

FIT = "fit"  # the model that is trained at the origins
WITH_STATS = ("auto_theta", "auto_ets")
BASELINE_SECONDS = 60.0
REHEARSAL_STEPS = 3  # of training within a proof
# What a command always says; other options are in it where they are not what they are anyway.
WORDED = {"data", "horizon", "windows", "step", "refit", "models", "baselines", "levels"}


def backtest(
    data: object,
    horizon: int | None = None,
    *,
    windows: int = 5,
    step: int | None = None,
    refit: bool | int = False,
    models: str | os.PathLike[str] | Model | Sequence[str | os.PathLike[str] | Model] = SHIPPED,
    baselines: str | Sequence[str] | None = None,
    baseline_time: float | None = BASELINE_SECONDS,
    prove: bool = False,
    align: str = "auto",
    id: Names | None = None,
    time: Names | None = None,
    target: Names | None = None,
    timezone: str | None = None,
    date_format: str | None = None,
    every: str | None = None,
    aggregate: str | None = None,
    duplicates: str | None = None,
    drop_last: bool = False,
    frequency: str | None = None,
    decimal: str | None = None,
    levels: float | Sequence[float] = (80, 95),
    season_length: Seasons | None = None,
    bounds: bool = True,
    calibrate: bool = True,
    intervals: str = "model",
    start: str | os.PathLike[str] = "auto",
    time_limit: float | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Backtest:
    """Forecast from rolling origins and compare with what came, beside baselines, each seeing only what was known.

    Args:
        data, id, time, target, and how to read timestamps and values: as in `forecast`.
        horizon: steps ahead; left out, a number usual for the frequency.
        windows: number of origins; the last lies `horizon` steps before the end of the data.
        step: steps from one origin to the next; left out, `horizon`.
        refit: for the model "fit": False trains once, at the first origin; True at every one; k at every k-th. Each
            training begins from the start weights again.
        models: "default" (the one that comes with the package), model files, Models, "fit" (trained at the origins;
            needs the extra "train"), or several of these. The verdict is about the first.
        baselines: further ones by name, such as "auto_arima" or "croston" (extra "stats"), beside naive, seasonal
            naive, drift and Naive2, which always take part. Left out: AutoTheta and AutoETS where statsforecast is
            installed; (): none.
        baseline_time: seconds that each statistical baseline may take over all windows; None: as long as they take.
        prove: replace all values after each origin by noise and by nothing, and require the same forecasts to the bit.
        align: origins at the same instants for all series ("calendar"), or counted from each one's end ("ends");
            "auto": by calendar where there are timestamps.
        levels: central intervals in percent that are scored.
        intervals: of the models: "model" as they give them (calibrated or not); "conformal" scaled by the pooled errors
            of all series in the windows that were over at the origin, beside which the report shows the models' own.
        season_length, bounds, calibrate, threads: as in `forecast`; the shortest season is also the m of MASE.
        start, time_limit, seed: of "fit", for each training.
        progress: called with the share done (0 to 1) and what comes next.
    Returns: scores, verdict, warnings, all forecasts, the report.
    Raises: DataError (too short for the windows: it says how many fit), ConfigError, ModelError, MissingExtra;
        FileNotFoundError for a model file that does not exist.
    """
    check_threads(threads)
    for option, number in (("horizon", horizon), ("windows", windows), ("step", step)):
        if number is not None and whole(number, option) < 1:
            raise ConfigError(f"{option} {number}: expected a whole number from 1")
    check_seed(seed)
    if baseline_time is not None and baseline_time <= 0:
        raise ConfigError(f"baseline time {baseline_time}: expected seconds, more than 0")
    if intervals not in INTERVALS:
        raise ConfigError(f"intervals {intervals!r}: expected {' or '.join(INTERVALS)}")
    percents = tuple(float(level) for level in numbers(levels, "levels"))
    if not percents:
        raise ConfigError("levels (): a backtest needs at least one interval, such as 80")
    names = _baseline_names(baselines)
    several = [models] if isinstance(models, str | os.PathLike | Model) else list(models)
    reading = Reading(
        id=id,
        time=time,
        target=target,
        timezone=timezone,
        date_format=date_format,
        every=every,
        aggregate=aggregate,
        duplicates=duplicates,
        drop_last=drop_last,
        frequency=frequency,
        decimal=decimal,
    )
    panel, library = read(data, reading)
    opened = [one if one == FIT else _opened(one, threads) for one in several]
    panel, horizon = with_horizon(panel, _fitted_horizon(opened) if horizon is None else horizon)
    asked: dict[str, Any] = {
        "horizon": horizon,
        "windows": windows,
        "step": step,
        "refit": refit,
        "models": [one.file.name if isinstance(one, Model) else os.fspath(one) for one in several],
        "baselines": list(names),
        "baseline_time": baseline_time,
        "align": align,
        "levels": list(percents),
        "season_length": season_length,
        "bounds": bounds,
        "calibrate": calibrate,
        "intervals": intervals,
        "start": os.fspath(start),
        "time_limit": time_limit,
        "seed": seed,
        "prove": prove,
        **asdict(reading),
        "data": os.fspath(data) if isinstance(data, str | os.PathLike) else f"<{type(data).__name__}>",
    }
    steps = None if progress is None else _Steps(progress, 1 / (windows * (len(opened) + len(names))))
    contenders = [
        *_models(opened, asked, threads, steps),
        *(_baseline(name, asked, None if steps is None else steps.series) for name in names),
    ]
    result = _run(panel, contenders, asked, steps)
    longest = result.season_lengths.max(axis=1)
    limits = [limit(name, panel, longest) for limit in (not_all_read, without_season) for name in names]
    notes = (*result.notes, *(note for note in limits if note is not None))
    result = replace(result, doubts=tuple(_known_windows(opened, result)), notes=notes)
    if prove:
        result = replace(result, proof=_proof(result, contenders, asked))
    return replace(result, settings={**asked, "command": command_line(asked)}, library=library)


def command_line(asked: Mapping[str, Any]) -> str:
    """The command that does a backtest again (of a file; of a frame, the same options in Python).

    Args: asked: option of `backtest` -> what was asked for, as in `Backtest.settings`.
    """
    usual = {name: option.default for name, option in signature(backtest).parameters.items()}
    words = ["tidegate", "backtest", str(asked["data"]), "--horizon", str(asked["horizon"])]
    words += ["--windows", str(asked["windows"]), "--step", str(asked["step"] or asked["horizon"])]
    if asked["refit"]:
        words += ["--refit", str(asked["refit"]).lower()]
    for name in asked["models"]:
        words += ["--model", str(name)]
    # Those that always take part are not named, but one has to be where there are no further ones.
    for name in [name for name in asked["baselines"] if name not in PLAIN] or PLAIN[:1]:
        words += ["--baseline", str(name)]
    words += ["--levels", ",".join(f"{level:g}" for level in asked["levels"]), "--report", "report.html"]
    for option, default in usual.items():
        if option not in WORDED and asked.get(option) is not None:
            words += _worded(option.replace("_", "-"), asked[option], default)
    if asked.get("baseline_time", 0) is None:
        words += ["--baseline-time", "inf"]  # without a limit, which only Python can say as None
    return shlex.join(words)


def _worded(option: str, given: Any, usual: object) -> list[str]:
    """An option as words of a command; none where it is what it is anyway."""
    if isinstance(given, Iterable) and not isinstance(given, str):
        return [f"--{option}", ",".join(map(str, given))]
    if given == usual:
        return []
    if isinstance(given, bool):
        return [f"--{option}" if given else f"--no-{option}"]
    return [f"--{option}", str(given)]


def _run(panel: Panel, contenders: Sequence[Contender], asked: Mapping[str, Any], steps: Progress | None) -> Backtest:
    """The windows of a panel, and the intervals that were asked for."""
    given = {name: asked[name] for name in ("windows", "step", "refit", "season_length", "align")}
    found = run(panel, contenders, asked["horizon"], levels=tuple(asked["levels"]), progress=steps, **given)
    return with_conformal_intervals(found, bounds=asked["bounds"]) if asked["intervals"] == "conformal" else found


def _known_windows(opened: Iterable[str | Model], result: Backtest) -> Iterator[str]:
    """Which models a fit made of values that these windows are scored on, or may have: they know what came."""
    first = result.panel.timeline.latest(result.origins.known[0])
    for model in opened:
        origin = {} if isinstance(model, str) else model.provenance
        as_shipped = origin.get("start") in ("auto", SHIPPED) and not any(origin.get("kept", {}).values())
        if isinstance(model, str) or origin.get("made_by") != MADE_BY_FIT or as_shipped:
            continue
        until = origin.get("data_until")
        remedy = "use --model fit to train at the origins instead"
        if until is None or first is None:
            yield f"{_model_name(model)} was fitted: unless that was on other values, this is not a fair test; {remedy}"
        elif np.datetime64(until) > first:
            yield (
                f"{_model_name(model)} was fitted on values up to {_plain(until)}, but the first window begins after "
                f"{_plain(str(first.astype('M8[s]')))}: unless it was fitted on other series, this is not a fair "
                f"test; {remedy}"
            )


def _plain(stamp: str) -> str:
    return stamp.replace("T", " ").removesuffix(" 00:00:00")


def _proof(result: Backtest, contenders: Sequence[Contender], asked: Mapping[str, Any]) -> Proof:
    """Of no leakage: all that was done to the panel is done to others that differ from it after an origin only."""
    horizon, bounds = asked["horizon"], asked["bounds"]
    cheap = [one for one in contenders if not one.costly]

    def scaled(other: Panel) -> dict[str, Any]:
        """Intervals of the models, where what they rest on is another panel's."""
        spoilt = replace(result, panel=other, actual=actuals(other, result.origins, horizon))
        return {name: conformal(spoilt, given, bounds=bounds).quantiles for name, given in result.given.items()}

    return prove_no_leakage(
        result.panel,
        result.origins,
        contenders,
        horizon,
        tuple(asked["levels"]),
        lambda other: _run(other, cheap, asked, None),
        intervals=scaled if result.given else None,
        seed=asked["seed"],
    )


def _baseline_names(baselines: str | Sequence[str] | None) -> tuple[str, ...]:
    """Those that always take part, and further ones by name. Raises: ConfigError for a name that is not known."""
    if baselines is None:
        further: tuple[str, ...] = WITH_STATS if find_spec("statsforecast") is not None else ()
    else:
        further = (baselines,) if isinstance(baselines, str) else tuple(baselines)
    for name in further:
        baseline(name)
    return tuple(dict.fromkeys((*PLAIN, *further)))


class _Steps:
    """Progress of a whole backtest, and within it that of a contender which takes its time over series or training."""

    def __init__(self, progress: Progress, width: float) -> None:
        self.progress, self.width = progress, width
        self.share, self.name = 0.0, ""

    def __call__(self, share: float, name: str) -> None:
        self.share, self.name = share, name
        self.progress(share, name)

    def series(self, done: int, total: int) -> None:
        self.progress(self.share + self.width * done / total, f"{self.name}, {done:,} of {total:,} series")

    def training(self, _: object, done: float) -> None:
        self.progress(self.share + self.width * done, f"{self.name}, training")


def _fitted_horizon(models: Iterable[str | Model]) -> int | None:
    """The steps that the first model which was fitted for some was fitted for."""
    fitted = (one.horizon for one in models if isinstance(one, Model) and one.horizon is not None)
    return next(fitted, None)


def _opened(model: str | os.PathLike[str] | Model, threads: int | None) -> Model:
    """A model that is there already too, with so many threads; None: as many as it has."""
    if not isinstance(model, Model):
        return load(model, threads=threads)
    return model if threads is None else replace(model, file=replace(model.file, threads=threads))


def _models(
    opened: Iterable[str | Model], asked: Mapping[str, Any], threads: int | None, steps: _Steps | None
) -> list[Contender]:
    """Those that the verdict may be about: "fit", which is trained at the origins, and models that are there."""
    options = {name: asked[name] for name in ("season_length", "bounds", "calibrate")}
    training = {name: asked[name] for name in ("start", "season_length", "time_limit", "seed")}
    return _told_apart(
        _trained(asked["horizon"], training, options, threads, steps)
        if isinstance(one, str)
        else Contender(_model_name(one), _ready(_forecaster(one, options)), is_model=True)
        for one in opened
    )


def _baseline(name: str, asked: Mapping[str, Any], progress: Callable[[int, int], None] | None) -> Contender:
    limit = None if asked["baseline_time"] is None else asked["baseline_time"] / asked["windows"]
    options = {"season_length": asked["season_length"], "bounds": asked["bounds"]}
    forecaster = baseline(name, time_limit=limit, progress=progress, **options)
    return Contender(TITLES[name], _ready(forecaster), costly=name in STATISTICAL)


def _ready(forecaster: Forecaster) -> Maker:
    """What needs no making."""
    return lambda history: forecaster


def _forecaster(model: Model, options: dict[str, Any]) -> Forecaster:
    def forecaster(panel: Panel, horizon: int, levels: tuple[float, ...]) -> Forecast:
        return forecast_panel(model.file, panel, horizon, levels=levels, **options)

    return forecaster


def _trained(
    horizon: int, training: dict[str, Any], options: dict[str, Any], threads: int | None, steps: _Steps | None
) -> Contender:
    """ "fit": a network trained on what is known at an origin, from the start weights each time."""
    with needs_extra("train", "backtest of fit"):
        from tidegate.training.fit import FitPlan, fit

    def maker(**further: Any) -> Maker:
        def make(history: Panel) -> Forecaster:
            model = fit(history, horizon, **{**training, **further}).model
            model = model if threads is None else replace(model, threads=threads)

            def forecaster(panel: Panel, horizon: int, levels: tuple[float, ...]) -> Forecast:
                return forecast_panel(model, panel, horizon, levels=levels, **options)

            return forecaster

        return make

    # By the clock no training ends at the same step twice, so a rehearsal counts steps.
    plan = FitPlan(max_steps=REHEARSAL_STEPS, epochs=1)
    rehearse = maker(plan=plan, time_limit=None)
    make = maker(progress=None if steps is None else steps.training)
    return Contender("Tidegate fit", make, is_model=True, rehearse=rehearse, costly=True)


def _model_name(model: Model) -> str:
    if isinstance(model.file.source, bytes):
        return "Tidegate model"
    shipped = load().file.source
    return "Tidegate" if model.file.source == shipped else Path(model.file.source).stem


def _told_apart(contenders: Iterable[Contender]) -> list[Contender]:
    """Two files of the same name get a number."""
    result: list[Contender] = []
    for one in contenders:
        same = sum(other.name == one.name or other.name.startswith(f"{one.name} (") for other in result)
        result.append(replace(one, name=f"{one.name} ({same + 1})") if same else one)
    return result
