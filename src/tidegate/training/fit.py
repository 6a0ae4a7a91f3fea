"""`fit`: train on the user's own series, from the shipped weights and from nothing, and keep what forecasts best."""

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
from tidegate.training.account import again_note, chosen_note, origin_of, origin_untrained, seasons_note
from tidegate.training.choices import FEW_STEPS, FitPlan, least_gain
from tidegate.training.course import Clock, Course, Epoch
from tidegate.training.kinds import Kind, shipped_kind, ways_to_begin
from tidegate.training.material import Material
from tidegate.training.memory import check_memory
from tidegate.training.resume import FitCheckpoint
from tidegate.training.season_choice import sets_for_all, suited_seasons
from tidegate.training.selection import Group, calibration, candidates, choose, mixture
from tidegate.training.trainings import Progress, Trainings

__all__ = ["Epoch", "FitPlan", "Trained", "fit", "torch_device"]


@dataclass(frozen=True)
class Trained:
    """Trained networks, whose quantiles are averaged where there are several, and how they came about.

    Attributes:
        networks: one, or several for one file.
        history: one line per epoch of every training.
        notes: what was decided, one sentence each.
        provenance: what the file tells of its origin; its max_steps and members, given again, repeat this fit exactly.
        calibration: factors of the central intervals from the errors on the held-out windows, the outermost first;
            None: nothing was held out, or nothing trained.
        shares: of each network in the mean; None: all the same.
    """

    networks: tuple[PatchLSTM, ...]
    history: tuple[Epoch, ...]
    notes: tuple[str, ...]
    provenance: dict[str, Any]
    calibration: tuple[float, ...] | None = None
    shares: tuple[float, ...] | None = None

    @property
    def model(self) -> ModelFile:
        """Ready to forecast, with ONNX Runtime, exactly as a saved file would."""
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
    """Train on every origin of the panel but the last windows of each series, which decide what is kept.

    Args:
        start: "auto" (the shipped weights and a network of its own; the better of them, or their mean, is kept; where
            another network is asked for, that one from nothing), "scratch" (a network of its own), or a file.
        season_length: one or several for every series; left out, what the file to start from was fitted with, else
            those of the calendar that each series shows, or one set for all where that forecasts the held-out windows
            better.
        cell, layers, hidden_size, residual, dilations: the shape of the network of its own; dilations say how many
            layers there are.
        time_limit: seconds in all; it decides how many steps each training has.
        max_steps: of each training. What a fit under a time limit came to, with the same `members`, repeats it exactly.
        members: trainings of each kept kind, on everything, that are averaged; left out, one where a time limit
            leaves time for it; 0: what was validated is kept.
        intervals: "model" or "conformal", see FitPlan, which also has the seed where none is given.
        checkpoint: a file to write the state to after every epoch, removed at the end unless `keep_checkpoint`.
        resume: go on from `checkpoint` if it is there.
        progress: called after every epoch with its figures, and without, None, when work begins and twice a second
            between two; each time with the share of all work that is done.
        began: when the seconds of the time limit began, as time.monotonic() tells; left out, now.
    Raises: DataError if no series has four steps more than the horizon; ConfigError for options that contradict each
        other.
    """
    if horizon < 1:
        raise ConfigError(f"horizon {horizon}: expected a whole number from 1")
    began = time.monotonic() if began is None else began
    plan = asked_for(
        plan or FitPlan(), time_limit=time_limit, max_steps=max_steps, members=members, intervals=intervals, seed=seed
    )
    on = torch_device(device)
    if dilations and layers is None:
        layers = len(dilations)
    shape = {"cell": cell, "num_layers": layers, "hidden_size": hidden_size, "residual": residual}
    asked = {name: one for name, one in {**shape, "dilations": dilations}.items() if one is not None}
    kinds = ways_to_begin(panel, horizon, start, asked)
    check_memory(panel, horizon, plan, kinds, on)
    if progress is not None:
        progress(None, 0.0)
    kinds = [kind.on(on) for kind in kinds]
    if season_length is None and start not in ("auto", "scratch"):
        season_length = ModelFile.load(start).fitted_seasons(panel.timeline.frequency)
    material, notes = prepared(panel, horizon, season_length, plan, kinds, on)
    if kinds[0].comes_of_a_fit:
        notes = [f"{kinds[0].name} come from a fit: if it used these series, they know the validation windows", *notes]
    saved = FitCheckpoint.open(checkpoint, material.fingerprint(plan, kinds), resume=resume)
    # An earlier sitting has counted its own preparations, which this one repeated.
    clock = Clock(plan.time_limit, saved.seconds or time.monotonic() - began)
    trainings = Trainings(material, plan, kinds, clock, saved, progress)
    ended = trained(trainings, notes, start, steps_given=max_steps is not None)
    if not keep_checkpoint:
        saved.remove()
    return ended


def asked_for(plan: FitPlan, **options: Any) -> FitPlan:
    """The plan with the options that were given."""
    return replace(plan, **{name: value for name, value in options.items() if value is not None})


def prepared(
    panel: Panel,
    horizon: int,
    season_length: int | tuple[int, ...] | None,
    plan: FitPlan,
    kinds: Sequence[Kind],
    device: torch.device,
) -> tuple[Material, list[str]]:
    """The panel, ready to train on and to validate with; and a note where season lengths were chosen for all series."""
    material = Material.of(panel, horizon, season_length, plan, kinds, device)
    if season_length is not None or not material.selection.tells_apart:
        return material, []
    sets = sets_for_all(material, 2 * kinds[0].config.context_length)
    judge = kinds[0] if kinds[0].starts else shipped_kind().on(device)
    suited = suited_seasons(material.windows_to_judge(plan.time_limit), judge, sets) if sets else None
    if suited is None:
        return material, []
    return Material.of(panel, horizon, suited[0], plan, kinds, device), [seasons_note(*suited, judge)]


def trained(trainings: Trainings, notes: Sequence[str], start: str, *, steps_given: bool) -> Trained:
    """Train, choose by the held-out windows, and train what was chosen once more on everything.

    Args: steps_given: a time limit does not decide how many they are.
    """
    material, plan, first = trainings.material, trainings.plan, trainings.kinds[0]
    if not material.selection.tells_apart:
        note = (
            "the validation windows, or the values before them, are all missing or constant, so good and bad forecasts "
            "cannot be told apart"
        )
        if not first.starts:
            raise DataError(f"{note}; forecast without fit")
        return untrained(first, [f"{note}; {first.name} are kept unchanged"], material, plan, start)
    if trainings.saved.max_steps is not None:
        trainings = trainings.with_steps(trainings.saved.max_steps)
    elif plan.time_limit is not None and not steps_given:
        within = trainings.within(plan.time_limit)
        if within is None and first.starts:
            note = f"{plan.time_limit:g} s are too short to train anything: {first.name} are kept unchanged"
            return untrained(first, [*notes, note], material, plan, start)
        trainings = within or trainings.with_steps(FEW_STEPS)
    courses = with_a_loss(trainings.run())
    kinds, groups = list(courses), groups_of(courses)
    found = candidates(groups, material.selection, plan)
    best = choose(found, material.selection, least_gain(material.known_values))
    told = trainings.notes
    notes = [*notes, *told, chosen_note(best, found, kinds, material)]
    table = calibration(best, groups[0].trained[0], material.selection, plan.intervals)
    moved = [kinds[place] for place, blend in best.blends.items() if blend]
    if moved and plan.members != 0:
        courses |= trainings.run_again({kind: courses[kind] for kind in moved})
        groups = groups_of(courses)
        notes += [note for note in trainings.notes if note not in told]
        notes.append(again_note(trainings.ended_again, plan, trainings.lacked))
    networks, shares = zip(*mixture(groups, best.blends), strict=True)
    return Trained(
        tuple(network.cpu().eval() for network in networks),
        tuple(epoch for course in trainings.courses for epoch in course.history),
        tuple(notes),
        origin_of(trainings, start, {kinds[place].name: blend for place, blend in best.blends.items()}),
        table,
        shares,
    )


def with_a_loss(courses: Mapping[Kind, Sequence[Course]]) -> dict[Kind, Sequence[Course]]:
    """Without what began with nothing and never came to a finite loss, which is nothing still."""
    sound = {kind: each for kind, each in courses.items() if kind.starts or all(one.kept_step for one in each)}
    if not sound:
        raise DataError("training never gave a finite loss, so no model is saved; forecast without fit")
    return sound


def groups_of(courses: Mapping[Kind, Sequence[Course]]) -> list[Group]:
    return [Group(kind, [course.network for course in each]) for kind, each in courses.items()]


def untrained(kind: Kind, notes: Sequence[str], material: Material, plan: FitPlan, start: str) -> Trained:
    """The start weights, with the reason."""
    starts = kind.on(torch.device("cpu")).starts
    return Trained(
        starts, (), tuple(notes), origin_untrained(kind, material, plan, start), kind.calibration, kind.shares
    )


def torch_device(device: str) -> torch.device:
    """ "auto": CUDA if there is one. Raises ConfigError for a device that is not there, or lacks double precision."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        on = torch.device(device)
        float(torch.zeros(1, device=on, dtype=torch.float64))  # what values are scaled in, and read back
    except (RuntimeError, AssertionError, TypeError, ImportError) as error:
        raise ConfigError(f"device {device!r} cannot be used here ({error}); try device='auto'") from error
    return on
