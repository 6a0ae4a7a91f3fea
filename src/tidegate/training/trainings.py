"""All trainings of one fit: from which weights each begins, on what, in which order, and how far they are."""

from __future__ import annotations

import copy
import hashlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from tidegate.forecasting.config import ModelConfig
from tidegate.network.patch_lstm import PatchLSTM
from tidegate.series.panel import Panel
from tidegate.series.seasons import season_lengths
from tidegate.training.choices import BUDGET, FEW_STEPS, LONGEST, MOST_MEMBERS, FitPlan
from tidegate.training.course import Clock, Course, Epoch, validate
from tidegate.training.resume import FitCheckpoint
from tidegate.training.samples import HeldOut, Samples, held_windows, hold_out

Progress = Callable[[Epoch, float], None]  # the epoch, and the share of all the work that is done


@dataclass(frozen=True)
class Kind:
    """A way to begin: from weights that know something, or from nothing.

    Attributes:
        name: as notes call it, "the shipped weights".
        config: of its networks; of the first of them where a file holds several.
        starts: none: networks of `config`, drawn anew for each seed.
    """

    name: str
    config: ModelConfig
    starts: tuple[PatchLSTM, ...] = ()


@dataclass(frozen=True)
class Material:
    """The panel, ready to train on and to validate with."""

    panel: Panel
    horizon: int
    seasons: NDArray[np.int64]  # (series, 3), of the training part
    windows: NDArray[np.int64]  # (series,) how many are held out
    epochs: HeldOut  # what each epoch is validated on
    selection: HeldOut  # what the choice at the end is made on
    device: torch.device

    @classmethod
    def of(
        cls,
        panel: Panel,
        horizon: int,
        season_length: int | tuple[int, ...] | None,
        plan: FitPlan,
        kinds: Sequence[Kind],
        device: torch.device,
    ) -> Material:
        """Raises: DataError if no series is long enough."""
        windows = held_windows(panel, horizon, plan.windows)
        seasons = season_lengths(panel.head(panel.lengths - windows * horizon), season_length)
        context = max(kind.config.context_length for kind in kinds)
        epochs, selection = (
            hold_out(panel, windows, horizon, seasons, context, values, device)
            for values in (plan.validation_values, plan.selection_values)
        )
        return cls(panel, horizon, seasons, windows, epochs, selection, device)

    def samples(self, config: ModelConfig, *, everything: bool) -> Samples:
        """Windows for a network to train on; everything: the held-out ones too."""
        held = 0 * self.windows if everything else self.windows * self.horizon
        return Samples.of(self.panel, held, self.seasons, config, self.device)

    def fingerprint(self, plan: FitPlan, kinds: Sequence[Kind]) -> str:
        """16 hexadecimal digits of all that the trained weights depend on."""
        digest = hashlib.sha256(repr((asdict(plan), self.horizon, str(self.device))).encode())
        for kind in kinds:
            digest.update(repr(kind.config).encode())
            for network in kind.starts:
                for parameter in network.parameters():
                    digest.update(parameter.detach().numpy().tobytes())
        for array in (self.panel.values, self.panel.offsets, self.seasons):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]


class Trainings:
    """Runs trainings one after the other; one that the checkpoint knows goes on where it was."""

    def __init__(
        self,
        material: Material,
        plan: FitPlan,
        kinds: Sequence[Kind],
        clock: Clock,
        saved: FitCheckpoint,
        progress: Progress | None,
    ) -> None:
        self.material, self.plan, self.kinds = material, plan, kinds
        self.clock, self.saved, self.progress = clock, saved, progress
        self.courses: list[Course] = []

    def run(self) -> list[list[Course]]:
        """Train until the validation part says enough. Returns: for each kind its members, each from every start.

        Members are trained round by round: as many as the plan says, or else one, and further ones, MOST_MEMBERS at
        most, while a time limit leaves room for them.
        """
        found: list[list[Course]] = [[] for _ in self.kinds]
        members, took, ended = 0, 0.0, 0.0
        while members < (self.plan.members or 1) or self.has_time_for_another(members, took, ended):
            for courses, kind in zip(found, self.kinds, strict=True):
                courses += [self._run(course, kind, everything=False) for course in self.member(kind, members)]
            before = ended  # by the recorded epochs, so that a fit that was stopped decides as it did
            recorded = (epoch.seconds for course in self.courses for epoch in course.history)
            ended = max(recorded, default=self.clock.seconds)
            members, took = members + 1, ended - before
        self.plan = replace(self.plan, members=members)
        return found

    def has_time_for_another(self, members: int, took: float, ended: float) -> bool:
        """Whether a round of trainings like the last, which took so many seconds and ended then, has time as well."""
        if self.plan.members is not None or self.plan.time_limit is None or members >= MOST_MEMBERS:
            return False
        still = took + (took * (members + 1) if self.plan.refit else 0.0)
        return ended + still < BUDGET * self.plan.time_limit

    def run_again(self, kind: Kind, before: Sequence[Course]) -> list[Course] | None:
        """The same trainings on everything, the held-out windows too, each to the step that was kept before.

        Returns: None if they did not come so far: the time was over, or the loss broke.
        """
        courses = [course for member in range(self.plan.members or 1) for course in self.member(kind, member)]
        for course, earlier in zip(courses, before, strict=True):
            course.last_step = earlier.best_step
            self._run(course, kind, everything=True)
            if course.step < course.last_step:
                return None
        return courses

    def member(self, kind: Kind, number: int) -> list[Course]:
        """Trainings that have not begun: one from every start of a kind, or from nothing."""
        seed = self.plan.seed + number
        torch.manual_seed(seed)
        networks = [copy.deepcopy(start) for start in kind.starts] or [PatchLSTM(kind.config)]
        peak = self.plan.transfer_rate if kind.starts else self.plan.scratch_rate
        plan = replace(self.plan, max_steps=math.ceil(self.share_of(kind) * self.plan.max_steps))
        return [
            Course(
                kind.name,
                network.to(self.material.device),
                plan,
                seed=seed,
                peak=peak,
                horizon=self.material.horizon,
            )
            for network in networks
        ]

    def share_of(self, kind: Kind) -> float:
        """Of the steps of the plan, those that trainings of a kind have."""
        return self.plan.transfer_share if kind.starts and len(self.kinds) > 1 else 1.0

    def _run(self, course: Course, kind: Kind, *, everything: bool) -> Course:
        key = f"{'again ' if everything else ''}{len(self.courses)}"
        self.courses.append(course)

        def after_epoch(epoch: Epoch) -> None:
            self.saved.keep(key, course, self.clock, self.plan.max_steps, finished=False)
            if self.progress is not None:
                self.progress(epoch, self.share_done)

        if not self.saved.restore(key, course):
            samples = self.material.samples(kind.config, everything=everything)
            course.run(samples, None if everything else self.material.epochs, self.clock, after_epoch)
            self.saved.keep(key, course, self.clock, self.plan.max_steps, finished=True)
        course.keep_best()
        return course

    @property
    def notes(self) -> list[str]:
        """What went otherwise than planned."""
        cut = [course for course in self.courses if self.clock.is_over and not course.has_ended]
        notes = [f"the time limit of {self.plan.time_limit:g} s ended {len(cut)} trainings early"] if cut else []
        for course in self.courses:
            if course.retreats:
                notes.append(
                    f"training from {course.name}: the loss was not a number; went back to the last good epoch "
                    f"{course.retreats} times, each time with half the learning rate"
                )
        return notes

    @property
    def share_done(self) -> float:
        """Of all the work, how much is done: by steps, or by the clock where that is further."""
        count = sum(max(1, len(kind.starts)) for kind in self.kinds) * (self.plan.members or 1)
        count *= 2 if self.plan.refit else 1
        begun = self.courses[-1].step / max(1, self.courses[-1].last_step)
        steps = (len(self.courses) - 1 + begun) / max(count, len(self.courses))
        if self.plan.time_limit is None:
            return steps
        return max(steps, min(1.0, self.clock.seconds / self.plan.time_limit))

    def within(self, time_limit: float) -> Trainings | None:
        """The same with as many steps as fit into what is left of a time limit; None: too few to begin."""
        steps = min(self._affordable_steps(time_limit), LONGEST * self.plan.max_steps)
        return self.with_steps(steps) if steps >= FEW_STEPS else None

    def _affordable_steps(self, time_limit: float) -> int:
        """Steps of each training so that all of them end in time.

        Every kind is tried for a few steps on copies, which change nothing.
        """
        step_seconds = validation_seconds = 0.0
        for kind in self.kinds:
            courses = self.member(kind, 0)
            samples = self.material.samples(kind.config, everything=False)
            seconds = courses[0].rehearse(samples)
            began = time.monotonic()
            validate(courses[0].network, self.material.epochs)
            count = len(courses) * (self.plan.members or 1)
            step_seconds += seconds * count * self.share_of(kind)
            validation_seconds += (time.monotonic() - began) * count
        if self.plan.refit:
            step_seconds *= 2
        choices = (len(self.plan.blends) + 1) * len(self.material.selection.actual) / len(self.material.epochs.actual)
        left = BUDGET * (time_limit - self.clock.seconds) - validation_seconds * (self.plan.epochs + choices)
        return int(left / step_seconds)

    def with_steps(self, max_steps: int) -> Trainings:
        """The same, each training of so many steps."""
        plan = replace(self.plan, max_steps=max_steps)
        return Trainings(self.material, plan, self.kinds, self.clock, self.saved, self.progress)
