"""`fit`: train on the user's own series, from the shipped weights and from nothing, and keep what forecasts best."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from tidegate.errors import ConfigError, DataError
from tidegate.forecasting.model import Model, shipped_path
from tidegate.network.model_file import save_network, to_onnx
from tidegate.network.patch_lstm import PatchLSTM
from tidegate.series.panel import Panel
from tidegate.training.choices import FEW_STEPS, WORTHWHILE, FitPlan, least_gain, log_unit, own_config
from tidegate.training.course import Clock, Epoch
from tidegate.training.material import Kind, Material
from tidegate.training.memory import check_memory
from tidegate.training.resume import FitCheckpoint
from tidegate.training.season_choice import sets_for_all, suited_seasons
from tidegate.training.selection import Candidate, Group, calibration, candidates, choose, mixture
from tidegate.training.trainings import Progress, Trainings

__all__ = ["Epoch", "FitPlan", "Trained", "fit", "torch_device"]


SHIPPED_WEIGHTS = "the shipped weights"


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
    def model(self) -> Model:
        """Ready to forecast, with ONNX Runtime, exactly as a saved file would."""
        return Model.open(to_onnx(self.networks, self.provenance, calibration=self.calibration, shares=self.shares))

    def save(self, path: str | Path) -> None:
        """Write the model file; it holds no data."""
        if Path(path).suffix != ".onnx":
            raise ConfigError(f"{path}: a model file ends in .onnx")
        save_network(self.networks, Path(path), self.provenance, calibration=self.calibration, shares=self.shares)


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
    Raises: DataError if no series has four steps more than the horizon; ConfigError for options that contradict each
        other.
    """
    if horizon < 1:
        raise ConfigError(f"horizon {horizon}: expected a whole number from 1")
    given: dict[str, Any] = {
        "time_limit": time_limit,
        "max_steps": max_steps,
        "members": members,
        "intervals": intervals,
        "seed": seed,
    }
    given = {name: value for name, value in given.items() if value is not None}
    plan = replace(plan or FitPlan(), **given)
    on, began = torch_device(device), time.monotonic()
    if dilations and layers is None:
        layers = len(dilations)
    shape = {"cell": cell, "num_layers": layers, "hidden_size": hidden_size, "residual": residual}
    asked = {name: one for name, one in {**shape, "dilations": dilations}.items() if one is not None}
    kinds = ways_to_begin(panel, horizon, start, asked)
    for kind in kinds:
        if horizon > kind.config.horizon_limit:
            raise ConfigError(
                f"horizon {horizon}: with {kind.name} at most {kind.config.horizon_limit:,} steps can be forecast"
            )
    check_memory(panel, plan, kinds, on)
    if progress is not None:
        progress(None, 0.0)
    kinds = [kind.on(on) for kind in kinds]
    if season_length is None and start not in ("auto", "scratch"):
        season_length = Model.load(start).fitted_seasons(panel.timeline.frequency)
    material = Material.of(panel, horizon, season_length, plan, kinds, on)
    if not material.selection.tells_apart:
        note = "the held-out windows are all missing or constant: nothing to tell a good forecast from a bad one by"
        if not kinds[0].starts:
            raise DataError(f"{note}; forecast without fit")
        return untrained(kinds[0], [f"{note}; {kinds[0].name} are kept as they were"], material, plan, start)
    notes: list[str] = []
    if season_length is None and (sets := sets_for_all(material, 2 * kinds[0].config.context_length)):
        judge = kinds[0] if kinds[0].starts else Kind.of_file(shipped_path(), SHIPPED_WEIGHTS).on(on)
        if suited := suited_seasons(material.windows_to_judge(plan.time_limit), judge, sets):
            material = Material.of(panel, horizon, suited[0], plan, kinds, on)
            notes.append(seasons_note(*suited, judge))
    saved = FitCheckpoint.open(checkpoint, material.fingerprint(plan, kinds), resume=resume)
    clock = Clock(plan.time_limit, saved.seconds + time.monotonic() - began)
    trainings = Trainings(material, plan, kinds, clock, saved, progress)
    if saved.max_steps is not None:
        trainings = trainings.with_steps(saved.max_steps)
    elif plan.time_limit is not None and max_steps is None:
        within = trainings.within(plan.time_limit)
        if within is None and kinds[0].starts:
            notes.append(
                f"{plan.time_limit:g} s are too short to train anything: {kinds[0].name} are kept as they were"
            )
            return untrained(kinds[0], notes, material, plan, start)
        trainings = within or trainings.with_steps(FEW_STEPS)

    courses = dict(zip(kinds, trainings.run(), strict=True))
    # What began with nothing and never came to a finite loss is nothing still.
    courses = {kind: each for kind, each in courses.items() if kind.starts or all(one.kept_step for one in each)}
    if not courses:
        raise DataError("training never gave a finite loss: nothing is saved; forecast without fit")
    kinds = list(courses)
    groups = [Group(kind, [course.network for course in courses[kind]]) for kind in kinds]
    found = candidates(groups, material.selection, plan)
    best = choose(found, material.selection, least_gain(material.known_values))
    told = trainings.notes
    notes += [*told, chosen_note(best, found, kinds, material)]
    table = calibration(best, groups[0].trained[0], material.selection, plan.intervals)
    if plan.members != 0 and (moved := [kinds[place] for place, blend in best.blends.items() if blend]):
        courses |= trainings.run_again({kind: courses[kind] for kind in moved})
        groups = [Group(kind, [course.network for course in courses[kind]]) for kind in kinds]
        notes += [note for note in trainings.notes if note not in told]
        notes.append(again_note(trainings.plan.members or 0, plan))
    if not keep_checkpoint:
        saved.remove()
    networks, shares = zip(*mixture(groups, best.blends), strict=True)
    return Trained(
        tuple(network.cpu().eval() for network in networks),
        tuple(epoch for course in trainings.courses for epoch in course.history),
        tuple(notes),
        origin_of(trainings, start, {kinds[place].name: blend for place, blend in best.blends.items()}),
        table,
        shares,
    )


def untrained(kind: Kind, notes: Sequence[str], material: Material, plan: FitPlan, start: str) -> Trained:
    """The start weights, with the reason."""
    provenance = {
        "made_by": "tidegate fit",
        "start": start,
        "plan": asdict(plan),
        "kept": {kind.name: 0.0},
        **seasons_of(material),
    }
    starts = kind.on(torch.device("cpu")).starts
    return Trained(starts, (), tuple(notes), provenance, kind.calibration, kind.shares)


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


def ways_to_begin(panel: Panel, horizon: int, start: str, asked: dict[str, Any]) -> list[Kind]:
    """What is trained. Raises: ConfigError if a file and options ask for two different networks; FileNotFoundError."""
    own = own_config(panel, horizon, asked)
    own_kind = Kind(f"a network of its own ({own.stack})", own)
    if start == "scratch":
        return [own_kind]
    path = shipped_path() if start == "auto" else Path(start)
    if not path.is_file():
        raise FileNotFoundError(f"no model file at {path} to start from")
    given = Kind.of_file(path, SHIPPED_WEIGHTS if start == "auto" else f"the weights of {path.name}")
    fits = all(getattr(network.config, name) == getattr(own, name) for network in given.starts for name in asked)
    if start == "auto" and fits:
        # One file may come to hold both, which then read the same blocks of a history.
        own = own_config(panel, horizon, asked, given.config.context_length)
        # The shipped weights read values, and the mean of the two gains by every difference between them.
        if unit := log_unit(panel, horizon):
            own_kind = replace(own_kind, name=f"{own_kind.name} of logarithms")
        own_kind = replace(own_kind, config=replace(own, log_unit=unit))
        return [given, own_kind]
    if start == "auto":
        return [own_kind]
    if not fits:
        raise ConfigError(f"{path} holds another network than {asked} asks for: leave these out, or start='scratch'")
    return [given]


def chosen_note(best: Candidate, found: Sequence[Candidate], kinds: Sequence[Kind], material: Material) -> str:
    """One sentence: what is kept, and how much better it was."""
    rows, windows = len(material.selection.actual), int(material.windows.max())
    where = f"on {rows:,} held-out windows, up to {windows} per series"
    if not any(best.blends.values()):
        values = material.known_values
        least = least_gain(values)
        few = f", and by {-math.expm1(-least):.1%}, as {values:,} values are few," if least > WORTHWHILE else ""
        return f"no training beat {kinds[0].name} beyond doubt{few} {where}: they are kept as they were"
    parts = []
    for place, share in best.blends.items():
        if not kinds[place].starts:
            way = ""
        elif not share:
            way = " as they were"
        else:
            way = " trained further" if share == 1 else f", {share:.0%} of the way to where training led"
        parts.append(f"{kinds[place].name}{way}")
    kept = f"the mean of {' and '.join(parts)}" if len(parts) > 1 else parts[0]
    beside = f", against {found[0].mase:.3f} of {kinds[0].name} as they were" if kinds[0].starts else ""
    return f"kept {kept}: MASE {best.mase:.3f} {where}{beside}"


def again_note(members: int, plan: FitPlan) -> str:
    """One sentence: what came of training once more."""
    if not members and plan.time_limit is None:
        return "training once more on everything came to no end: what was validated is kept"
    if not members:
        return "no time to train once more on everything: what was validated is kept"
    note, asked = "trained once more, to the same steps, on everything", plan.members or 1
    return note if members == asked else f"{note}; {members} of {asked} members had time"


def seasons_note(seasons: Sequence[int], gain: float, judge: Kind) -> str:
    """One sentence: which season lengths all series have."""
    *others, last = map(str, seasons)
    return (
        f"seasons of {', '.join(others)} and {last} steps for every series: with them {judge.name} forecast the "
        f"held-out windows {-math.expm1(-gain):.1%} better, doubt subtracted, than with those that each series shows"
    )


def seasons_of(material: Material) -> dict[str, Any]:
    """What a file tells of season lengths that are the same for all series: which, and of which frequency."""
    if material.season_length is None:
        return {}
    frequency = material.panel.timeline.frequency
    return {
        "season_length": list(material.season_length),
        "frequency": None if frequency is None else frequency.word,
    }


def origin_of(trainings: Trainings, start: str, kept: dict[str, float]) -> dict[str, Any]:
    """What the model file tells of how it came about."""
    return {
        "made_by": "tidegate fit",
        "start": start,
        "plan": asdict(trainings.plan),
        "max_steps": trainings.plan.max_steps,
        "members": trainings.plan.members,
        "kept": kept,
        "trainings": [{"of": one.name, "steps": one.step, "kept_step": one.kept_step} for one in trainings.courses],
        "seconds": round(trainings.clock.seconds, 1),
        **seasons_of(trainings.material),
    }
