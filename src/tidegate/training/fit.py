"""`fit`: train on the user's series, from the shipped weights and from scratch, and keep what forecasts best."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from tidegate.errors import ConfigError, DataError
from tidegate.forecasting.model import ModelFile
from tidegate.network.model_file import to_onnx
from tidegate.network.patch_lstm import PatchLSTM
from tidegate.series.panel import Panel
from tidegate.series.seasons import unseen_seasons
from tidegate.training.account import chosen_note, origin_of, origin_untrained, retraining_note, seasons_note
from tidegate.training.device import repeatable, torch_device
from tidegate.training.evidence import least_gain
from tidegate.training.fit_data import FitData
from tidegate.training.memory import check_memory
from tidegate.training.plan import FitPlan
from tidegate.training.resume import FitCheckpoint
from tidegate.training.season_choice import sets_for_all, suited_seasons
from tidegate.training.selection import Group, calibration, candidates, choose, ensemble
from tidegate.training.smoothing_choice import with_smoothing
from tidegate.training.starting_points import StartingPoint, shipped_start, starting_points
from tidegate.training.training_run import Clock, Epoch, TrainingRun
from tidegate.training.trainings import LEAST_STEPS, Progress, Trainings

__all__ = ["Epoch", "FitPlan", "Trained", "fit"]


@dataclass(frozen=True)
class Trained:
    """The result of a fit.

    Attributes:
        networks: one or several. The quantiles of several are averaged.
        history: all epochs of all trainings.
        notes: the decisions, a sentence for each.
        provenance: stored in the model file. Passing its max_steps and members again repeats the fit exactly.
        calibration: factors of the central intervals, the outermost first, from the errors on the held-out windows.
            None: nothing was held out or trained.
        shares: share of each network in the mean; None: equal shares.
    """

    networks: tuple[PatchLSTM, ...]
    history: tuple[Epoch, ...]
    notes: tuple[str, ...]
    provenance: dict[str, Any]
    calibration: tuple[float, ...] | None = None
    shares: tuple[float, ...] | None = None

    @property
    def model(self) -> ModelFile:
        """The model in ONNX Runtime, which forecasts exactly as the saved file would."""
        return ModelFile.open(to_onnx(self.networks, self.provenance, calibration=self.calibration, shares=self.shares))


def fit(
    panel: Panel,
    horizon: int,
    *,
    start: str = "auto",
    cell: str | None = None,
    layers: int | None = None,
    hidden_size: int | None = None,
    residual: bool | None = None,
    dilations: tuple[int, ...] | None = None,
    season_length: int | tuple[int, ...] | None = None,
    time_limit: float | None = None,
    max_steps: int | None = None,
    members: int | None = None,
    intervals: str | None = None,
    seed: int | None = None,
    device: str = "auto",
    plan: FitPlan | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
    keep_checkpoint: bool = False,
    progress: Progress | None = None,
    began: float | None = None,
) -> Trained:
    """Train on every origin of the panel. The last windows of each series are held out and decide what is kept.

    Args:
        start: "auto" trains the shipped weights and an own network, and keeps the better of them or their mean. If the
            shape options ask for another network, only that one is trained. "scratch" trains only an own network.
            "default" trains only the shipped weights, and a path only the networks of that file.
        season_length: one or several, for all series. None: those that the start file was fitted with; otherwise the
            calendar lengths that each series shows, or one set for all series if that forecasts the held-out windows
            better.
        cell, layers, hidden_size, residual, dilations: the shape of the own network. `dilations` also set the
            number of layers.
        time_limit: seconds in all, which decide how many steps each training has.
        max_steps: of each training. With the steps and `members` of a fit under a time limit, that fit is repeated
            exactly.
        members: retrainings of each network that is kept, on all data, which are averaged. None: one, if a time limit
            leaves time for it. 0: the validated networks are kept.
        intervals: "model" or "conformal", see FitPlan.
        seed: None: that of the plan.
        checkpoint: a file for the state after each epoch. It is removed at the end unless `keep_checkpoint`.
        resume: continue from `checkpoint` if it exists.
        progress: called with an epoch after each epoch, and with None at the start and twice a second between epochs;
            in both cases with the share of all work that is done.
        began: start of the time limit, as time.monotonic() counts; None: now.
    Raises: DataError if no series has four steps more than the horizon; ConfigError for options that contradict each
        other.
    """
    if horizon < 1:
        raise ConfigError(f"horizon {horizon}: expected a whole number from 1")
    began = time.monotonic() if began is None else began
    plan = asked_for(
        plan or FitPlan(), time_limit=time_limit, max_steps=max_steps, members=members, intervals=intervals, seed=seed
    )
    place = torch_device(device)
    if dilations and layers is None:
        layers = len(dilations)
    shape = {"cell": cell, "num_layers": layers, "hidden_size": hidden_size, "residual": residual}
    asked = {name: value for name, value in {**shape, "dilations": dilations}.items() if value is not None}
    with repeatable(place):
        starts = starting_points(panel, horizon, start, asked)
        check_memory(panel, horizon, plan, starts, place)
        if progress is not None:
            progress(None, 0.0)
        starts = [point.on(place) for point in starts]
        if season_length is None and start not in ("auto", "scratch"):
            season_length = ModelFile.load(start).fitted_seasons(panel.timeline.frequency)
        data, notes = prepared(panel, horizon, season_length, plan, starts, place)
        if starts[0].made_by_fit:
            seen = "come from a fit: if it trained on these series, they have seen the validation windows"
            notes = [f"{starts[0].name} {seen}", *notes]
        saved = FitCheckpoint.open(checkpoint, data.fingerprint(plan, starts), resume=resume)
        # The seconds before a stop include the preparations that were repeated just now.
        clock = Clock(plan.time_limit, saved.seconds or time.monotonic() - began)
        trainings = Trainings(data, plan, starts, clock, saved, progress)
        ended = trained(trainings, notes, start, steps_given=max_steps is not None)
        if not keep_checkpoint:
            saved.remove()
        return ended


def asked_for(plan: FitPlan, **options: Any) -> FitPlan:
    """The plan with the options that are not None."""
    return replace(plan, **{name: value for name, value in options.items() if value is not None})


def prepared(
    panel: Panel,
    horizon: int,
    season_length: int | tuple[int, ...] | None,
    plan: FitPlan,
    starts: Sequence[StartingPoint],
    device: torch.device,
) -> tuple[FitData, list[str]]:
    """The data of the fit, and notes: on season lengths chosen for all series, and on those given that none shows."""
    data = FitData.of(panel, horizon, season_length, plan, starts, device)
    if data.season_length is not None:
        read = 2 * max(point.config.context_length for point in starts) - 1
        return data, unseen_seasons(data.season_length, int(panel.lengths.max()), read)
    if not data.selection_windows.tells_apart:
        return data, []
    sets = sets_for_all(data, 2 * starts[0].config.context_length)
    judge = starts[0] if starts[0].networks else shipped_start().on(device)
    suited = suited_seasons(data.windows_to_judge(plan.time_limit), judge, sets) if sets else None
    if suited is None:
        return data, []
    return FitData.of(panel, horizon, suited[0], plan, starts, device), [seasons_note(*suited, judge)]


def trained(trainings: Trainings, notes: Sequence[str], option: str, *, steps_given: bool) -> Trained:
    """Train, choose by the held-out windows, and retrain the choice on all data.

    Args:
        option: the `start` of `fit`.
        steps_given: the caller has set max_steps, so a time limit does not change it.
    """
    data, plan, first = trainings.data, trainings.plan, trainings.starts[0]
    if not data.selection_windows.tells_apart:
        note = (
            "the validation windows, or the values before them, are all missing or constant, so good and bad forecasts "
            "cannot be told apart"
        )
        if not first.networks:
            raise DataError(f"{note}; forecast without fit")
        return untrained(first, [f"{note}; {first.name} are kept unchanged"], data, plan, option)
    if trainings.saved.max_steps is not None:
        trainings = trainings.with_steps(trainings.saved.max_steps)
    elif plan.time_limit is not None and not steps_given:
        within = trainings.within(plan.time_limit)
        if within is None and first.networks:
            note = f"{plan.time_limit:g} s are too short to train anything: {first.name} are kept unchanged"
            return untrained(first, [*notes, note], data, plan, option)
        trainings = within or trainings.with_steps(LEAST_STEPS)
    runs = with_a_loss(trainings.run())
    starts, groups = list(runs), groups_of(runs)
    found = candidates(groups, data.selection_windows, plan)
    best = choose(found, data.selection_windows, least_gain(data.known_values))
    if plan.smoothing:
        best = with_smoothing(best, [network for group in groups for network in group.trained], data)
    earlier = trainings.notes
    notes = [*notes, *earlier, chosen_note(best, found, starts, data)]
    table = calibration(best, groups[0].trained[0], data.selection_windows, plan.intervals)
    moved = [starts[place] for place, blend in best.blends.items() if blend]
    if moved and plan.members != 0:
        runs |= trainings.retrain({start: runs[start] for start in moved})
        groups = groups_of(runs)
        notes += [note for note in trainings.notes if note not in earlier]
        notes.append(retraining_note(trainings.retrained_members, plan, trainings.lacked))
    networks, shares = zip(*ensemble(groups, best.blends), strict=True)
    if best.smoothing is not None:
        networks = tuple(network.smoothed(best.smoothing) for network in networks)
    return Trained(
        tuple(network.cpu().eval() for network in networks),
        tuple(epoch for run in trainings.runs for epoch in run.history),
        tuple(notes),
        origin_of(trainings, option, {starts[place].name: blend for place, blend in best.blends.items()}),
        table,
        shares,
    )


def with_a_loss(runs: Mapping[StartingPoint, Sequence[TrainingRun]]) -> dict[StartingPoint, Sequence[TrainingRun]]:
    """All runs except those from scratch whose loss was never finite. Raises: DataError if none is left."""
    sound = {
        start: its_runs for start, its_runs in runs.items() if start.networks or all(run.kept_step for run in its_runs)
    }
    if not sound:
        raise DataError("training never gave a finite loss, so no model is saved; forecast without fit")
    return sound


def groups_of(runs: Mapping[StartingPoint, Sequence[TrainingRun]]) -> list[Group]:
    return [Group(start, [run.network for run in its_runs]) for start, its_runs in runs.items()]


def untrained(start: StartingPoint, notes: Sequence[str], data: FitData, plan: FitPlan, option: str) -> Trained:
    """The start weights, untrained, with notes that say why."""
    networks = start.on(torch.device("cpu")).networks
    origin = origin_untrained(start, data, plan, option)
    return Trained(networks, (), tuple(notes), origin, start.calibration, start.shares)
