"""The Python functions: from a frame, file or array to a Forecast or a Model. The command line calls these too."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from tidegate.errors import ConfigError
from tidegate.forecasting.config import SIZES
from tidegate.forecasting.forecaster import forecast_panel, several, whole
from tidegate.forecasting.model import ModelFile
from tidegate.forecasting.result import Forecast
from tidegate.forecasting.saving import check_destination
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

if TYPE_CHECKING:
    from tidegate.forecasting.stream import Stream
    from tidegate.training.fit import Epoch, FitPlan

MODEL_SUFFIXES = (".onnx",)
PRETRAIN_SEEDS = 2**42  # each step has a seed of its own, 3 million times as large, and torch's end at 2 ** 64


@dataclass(frozen=True, repr=False, eq=False)
class Model:
    """A network that is ready to forecast: from `tidegate.load`, or trained by `tidegate.fit`.

    Attributes:
        file: the opened model file.
        history: one entry per epoch of the training that made it: step, seconds, loss, validation_loss,
            validation_mase (NaN while it trains once more on everything). Empty for a model that was loaded.
        notes: what was found and decided while reading and training, one sentence each. Empty for a loaded model.
    """

    file: ModelFile
    history: tuple[Epoch, ...] = ()
    notes: tuple[str, ...] = ()
    fitted_on: Panel | None = field(default=None)  # in the process that fitted; a file holds no data
    library: str = "numpy"  # what a forecast of `fitted_on` comes back in

    @property
    def provenance(self) -> dict[str, Any]:
        """How the network came about: by which command, from which start, with which plan."""
        return dict(self.file.metadata.get("provenance", {}))

    @property
    def horizon(self) -> int | None:
        """Steps it was fitted for, the default of `forecast`; None for a network fitted for none in particular."""
        found = self.provenance.get("horizon")
        return None if found is None else int(found)

    def forecast(
        self,
        data: object = None,
        horizon: int | None = None,
        *,
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
        quantile_levels: float | Sequence[float] = (),
        season_length: Seasons | None = None,
        lower: float | None = None,
        upper: float | None = None,
        bounds: bool = True,
        calibrate: bool = True,
        threads: int | None = None,
    ) -> Forecast:
        """`tidegate.forecast` with this model; its options are described there.

        Args:
            data: as in `tidegate.forecast`; left out, the series it was fitted on, in the process that fitted.
            horizon: left out, the one it was fitted for, else that of the data's frequency.
            season_length: left out, what it was fitted with, where that is the same for all series and for data of this
                frequency.
        Raises: ConfigError if there are no data; else as `tidegate.forecast`.
        """
        if data is None:
            if self.fitted_on is None:
                raise ConfigError("forecast of what? A model file holds no data: pass the history, forecast(data)")
            data = self.fitted_on
        return forecast(
            data,
            horizon,
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
            model=self,
            levels=levels,
            quantile_levels=quantile_levels,
            season_length=season_length,
            lower=lower,
            upper=upper,
            bounds=bounds,
            calibrate=calibrate,
            threads=threads,
        )

    def stream(
        self,
        data: object = None,
        horizon: int | None = None,
        *,
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
        season_length: Seasons | None = None,
        late: str = "error",
        unknown: str = "error",
        threads: int | None = None,
    ) -> Stream:
        """Begin a stream: series that go on as rows arrive, each in constant time; see docs/streaming.md.

        Args:
            data: the histories so far, as in `tidegate.forecast`, or a Panel; left out, the series it was fitted on.
            horizon: steps that `Stream.forecast` forecasts; left out, as in `forecast`.
            id ... decimal: how to read the histories; the rows that follow are read alike.
            season_length: left out, found in the histories now, as in `forecast`, and kept.
            late: "error" or "skip": what happens to a row at or before the last step of its series.
            unknown: "error", "skip", or "start" a new series: what happens to a row of a series that is not there.
            threads: threads of ONNX Runtime; left out, as the model was opened.
        Raises: ModelError for a file of an earlier format; else as `forecast`.
        """
        from tidegate.forecasting.stream import Stream

        check_threads(threads)
        if data is None:
            if self.fitted_on is None:
                raise ConfigError("a stream of what? A model file holds no data: pass the histories, stream(data)")
            data = self.fitted_on
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
        panel, library = read(data, reading, self.library)
        _, steps = with_horizon(panel, self.horizon if horizon is None else whole(horizon, "horizon"))
        return Stream.start(
            self.file if threads is None else replace(self.file, threads=threads),
            panel,
            steps,
            season_length=season_length,
            late=late,
            unknown=unknown,
            library=library,
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model file, which ends in .onnx and holds no data; an old one is replaced once it is complete.

        Raises: ConfigError for another extension or a missing directory; OSError if the disk refuses.
        """
        check_destination(path, MODEL_SUFFIXES)
        self.file.save(os.fspath(path))

    def __repr__(self) -> str:
        place = "" if isinstance(self.file.source, bytes) else f" {self.file.name}"
        networks = " and ".join(dict.fromkeys(config.stack for config in self.file.networks))
        fitted = f", fitted for {self.horizon} steps" if self.horizon else ""
        return f"<Model{place}: {networks}{fitted}>"


def load(path: str | os.PathLike[str] | None = None, *, threads: int | None = None) -> Model:
    """Open a model file; left out, or "default": the model that comes with the package.

    Args:
        threads: threads of ONNX Runtime; left out, all cores.
    Raises: FileNotFoundError; ModelError if the file is damaged, not a Tidegate model or of a newer format; ConfigError
        for what is no path.
    """
    check_threads(threads)
    if not isinstance(path, str | os.PathLike | None):
        raise ConfigError(f"model {path!r}: expected the path of a model file, 'default', or a tidegate.Model")
    return Model(ModelFile.load(None if path is None else os.fspath(path), threads=threads))


def forecast(
    data: object,
    horizon: int | None = None,
    *,
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
    model: str | os.PathLike[str] | Model | None = None,
    levels: float | Sequence[float] = (80, 95),
    quantile_levels: float | Sequence[float] = (),
    season_length: Seasons | None = None,
    lower: float | None = None,
    upper: float | None = None,
    bounds: bool = True,
    calibrate: bool = True,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Forecast:
    """Forecast every series in `data` from its own end.

    Args:
        data: a pandas, Polars or Arrow frame (anything narwhals takes), a path or glob (CSV, Parquet, JSON, each also
            .gz), a dict of columns, a list of dicts, a one-dimensional array, or a Panel, which has been read: beside
            it, options that say how to read are refused.
        horizon: steps ahead; left out, the one the model was fitted for, else a number usual for the frequency,
            which the notes tell.
        id, time, target: names of the columns, where they cannot be told apart; see `docs/reading.md`.
        timezone, date_format, every, aggregate, duplicates, drop_last, frequency, decimal: how to read the timestamps
            and values; see `docs/reading.md`.
        model: a model file, a Model, or "default", the one that comes with the package.
        levels: central intervals in percent; 80 gives the columns lo-80 and hi-80.
        quantile_levels: further quantiles, between 0 and 1; 0.1 gives the column q10.
        season_length: steps per season, one or several, for every series; left out, from the calendar and the data.
        lower, upper: cut the forecast at these values; left out, at 0 where a history never goes below it.
        bounds: False: cut only at `lower` and `upper`.
        calibrate: scale intervals that a series' own past shows to be far off; False: as the network gives them.
        threads: threads of ONNX Runtime; left out, all cores.
        progress: called with the number of series done and in all.
    Raises: DataError, ConfigError, ModelError; FileNotFoundError for a model file that does not exist.
    """
    check_threads(threads)
    intervals, quantiles = several(levels, "levels"), several(quantile_levels, "quantile_levels")
    opened = model if isinstance(model, Model) else load(model, threads=threads)
    file = opened.file if threads is None else replace(opened.file, threads=threads)
    if horizon is not None:  # before anything is read
        file.check_horizon(whole(horizon, "horizon"))
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
    panel, library = read(data, reading, opened.library)
    if horizon is None and opened.horizon is not None:
        horizon = opened.horizon
        note = f"horizon: {horizon} steps, which the model was fitted for; change it with horizon= or --horizon"
        panel = replace(panel, notes=(*panel.notes, note))
    panel, horizon = with_horizon(panel, horizon)
    return forecast_panel(
        file,
        panel,
        horizon,
        levels=intervals,
        quantile_levels=quantiles,
        season_length=season_length,
        lower=lower,
        upper=upper,
        bounds=bounds,
        calibrate=calibrate,
        library=library,
        progress=progress,
    )


def fit(
    data: object,
    horizon: int | None = None,
    *,
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
    start: str | os.PathLike[str] = "auto",
    cell: str | None = None,
    layers: int | None = None,
    hidden_size: int | None = None,
    residual: bool | None = None,
    dilations: int | Sequence[int] | None = None,
    season_length: Seasons | None = None,
    time_limit: float | None = None,
    max_steps: int | None = None,
    members: int | None = None,
    intervals: str | None = None,
    seed: int | None = None,
    device: str = "auto",
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    keep_checkpoint: bool = False,
    plan: FitPlan | None = None,
    progress: Callable[[Epoch | None, float], None] | None = None,
) -> Model:
    """Train on every series in `data`; needs the extra "train".

    The last windows of each series are held out, three where there is room. They decide when a training stops, and
    which of the trained networks is kept, if one is better than the start weights beyond doubt; see docs/fit.md.

    Args:
        data, id, time, target, and how to read timestamps and values: as in `forecast`.
        horizon: steps ahead the network is trained for; left out, a number usual for the frequency.
        start: "auto" (the shipped weights and a network of its own: the better of them, or their mean, is kept),
            "scratch" (a network of its own), "default" (the shipped weights alone), or a model file to go on from.
        cell: "lstm", "peephole" or "rnn"; another than that of the start weights means training from scratch.
        layers, hidden_size: the shape of the network of its own; the same is true of them.
        residual: each layer but the first adds its input to its output; the same is true of it.
        dilations: one number per layer, (1, 2, 4): how many steps back the layer's state comes from; the same is true
            of them. They also say how many layers there are.
        season_length: steps per season, one or several; kept with the model.
        time_limit: seconds in all, which decide how many steps each training has.
        max_steps: steps of each training. What a fit under a time limit came to, with the `members` that its
            `provenance` tells, repeats it exactly.
        members: retrainings of each network that is kept, on all data, with the next seeds, whose quantiles are
            averaged; left out, one if a time limit leaves time for it; 0: the validated networks are kept.
        intervals: "model": widths from the errors on the held-out windows, shrunk towards the network's own;
            "conformal": the ranks of split conformal prediction over all series, as they are. Left out, the plan's,
            which is "model" if not told otherwise.
        seed: the same seed, data and machine give the same network; left out, the plan's, 0 if not told otherwise.
        device: "auto" (CUDA if there is one), "cpu", "cuda".
        checkpoint: a file to which the state is written after every epoch, removed at the end.
        resume: go on from `checkpoint`, if it is there, to the same weights as without a stop.
        keep_checkpoint: leave it there, to be removed once the model is saved: with `resume` the same fit comes to the
            same network at once.
        plan: learning rates, batch size and patience (`tidegate.training.fit.FitPlan`).
        progress: called after each epoch with its figures, and without, None, when work begins and twice a second
            between two; each time with the share of all work that is done.
    Returns: a Model; its `forecast()` without data forecasts the series it was fitted on.
    Raises: MissingExtra without torch; DataError, ConfigError, ModelError; FileNotFoundError for `start`.
    """
    began = monotonic()
    if horizon is not None and whole(horizon, "horizon") < 1:
        raise ConfigError(f"horizon {horizon}: expected a whole number from 1")
    given = {
        "layers": layers,
        "hidden_size": hidden_size,
        "max_steps": max_steps,
        "members": members,
        "seed": seed,
    }
    counts = {name: None if value is None else whole(value, name) for name, value in given.items()}
    check_seed(seed)
    if not isinstance(start, str | os.PathLike):
        raise ConfigError(f"start {start!r}: expected 'auto', 'scratch', 'default' or the path of a model file")
    if not isinstance(residual, bool | None):
        raise ConfigError(f"residual {residual!r}: expected True or False")
    if checkpoint is not None and Path(checkpoint).is_dir():
        raise ConfigError(f"checkpoint {os.fspath(checkpoint)}: a folder, expected a file to write to")
    with needs_extra("train", "fit"):
        from tidegate.training.fit import fit as train
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
    told, horizon = with_horizon(panel, horizon)
    trained = train(
        panel,
        horizon,
        start=os.fspath(start),
        cell=cell,
        residual=residual,
        dilations=None
        if dilations is None
        else tuple(whole(one, "dilations") for one in several(dilations, "dilations")),
        season_length=season_length,
        time_limit=time_limit,
        intervals=intervals,
        **counts,
        device=device,
        plan=plan,
        checkpoint=None if checkpoint is None else Path(checkpoint),
        resume=resume,
        keep_checkpoint=keep_checkpoint,
        progress=progress,
        began=began,
    )
    return Model(
        replace(trained, provenance={**trained.provenance, "horizon": horizon}).model,
        history=trained.history,
        notes=(*told.notes, *trained.notes),
        fitted_on=panel,
        library=library,
    )


def pretrain(
    folder: str | os.PathLike[str],
    *,
    size: str = "default",
    steps: int | None = None,
    batch: int | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: Callable[[int, int, float, float], None] | None = None,
) -> Path:
    """Make the shipped weights anew from synthetic series, or go on where an earlier run in `folder` was stopped.

    Args:
        folder: for checkpoints and, at the end, the model file; made if it does not exist.
        size: "default" or "large".
        steps: of the main part of the training; left out, as many as the shipped weights had, which is for a GPU. More
            than before: a run goes on from where its learning rate was still constant.
        batch: series per step of the main part; left out, as many as the shipped weights had.
        seed: the same seed and machine give the same weights; a whole number below 2 ** 42.
        progress: called with the step, the number of steps, the running loss and the seconds of this sitting.
    Returns: the path of the model file, FOLDER/tidegate.onnx.
    Raises: MissingExtra without torch; ConfigError for the size or the seed, or if the folder holds a run with another
        plan; OSError.
    """
    check_seed(seed, below=PRETRAIN_SEEDS)
    with needs_extra("train", "pretrain"):
        from tidegate.network.model_file import save_network
        from tidegate.training.device import torch_device
        from tidegate.training.pretrain import PretrainPlan
        from tidegate.training.pretrain import pretrain as train
    torch_device(device)
    if size not in SIZES:
        raise ConfigError(f"size {size!r} is not known: use one of {', '.join(SIZES)}")
    usual = PretrainPlan()
    plan = PretrainPlan(
        seed=seed, steps=usual.steps if steps is None else steps, batch=usual.batch if batch is None else batch
    )
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)

    def report(step: int, loss: float, seconds: float) -> None:
        if progress is not None:
            progress(step, plan.all_steps, loss, seconds)

    network, facts = train(SIZES[size], plan, place, device=device, report=report)
    save_network(network, place / "tidegate.onnx", facts)
    return place / "tidegate.onnx"
