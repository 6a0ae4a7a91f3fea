"""All trainings of a fit: which there are, how many steps fit into the time limit, and how far they are."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch

from tidegate.network.patch_lstm import PatchLSTM
from tidegate.training.fit_data import FitData
from tidegate.training.plan import FitPlan, affordable_steps
from tidegate.training.resume import FitCheckpoint
from tidegate.training.selection import BATCH_ROWS
from tidegate.training.side_by_side import Report, expected_makespan, pool_for, run_all, workers_for
from tidegate.training.starting_points import StartingPoint
from tidegate.training.training_run import Clock, Epoch, TrainingRun, validate

LEAST_STEPS = 10  # fewer steps are not worth a training
MOST_STEPS_FACTOR = 1.5  # times the usual steps, at most, however long the time limit
TIMING_SHARE = 0.05  # of a time limit: the first steps are timed for this long
PLANNED_SHARE = 0.9  # of a time limit: the rest is kept in case the machine slows down
RunsByStart = Mapping[StartingPoint, Sequence[TrainingRun]]
# An epoch that has ended, or None between two epochs; and the share of all work that is done.
Progress = Callable[[Epoch | None, float], None]


@dataclass(frozen=True)
class PlannedRun:
    """A training run and its place among the others.

    Attributes:
        key: its name in the checkpoint.
        member: number of the member; its seed is the plan's plus this number.
        network: number of the network within the starting point.
        everything: it trains on the held-out windows too.
    """

    key: str
    start: StartingPoint
    member: int
    network: int
    run: TrainingRun
    everything: bool


class Trainings:
    """Runs the trainings of a fit side by side. A training that is in the checkpoint continues where it was."""

    def __init__(
        self,
        data: FitData,
        plan: FitPlan,
        starts: Sequence[StartingPoint],
        clock: Clock,
        saved: FitCheckpoint,
        progress: Progress | None,
    ) -> None:
        self.data, self.plan, self.starts = data, plan, starts
        self.clock, self.saved, self.progress = clock, saved, progress
        self.begun: dict[str, PlannedRun] = {}  # runs whose first steps are done, by key
        self.runs: list[TrainingRun] = []
        self.expected = 0  # number of runs in all
        self.lacked: tuple[float, float] | None = None  # seconds that retraining needed, and seconds that were left
        self.retrained_members = 0  # members of which all retrainings finished

    def run(self) -> dict[StartingPoint, list[TrainingRun]]:
        """Train without the held-out windows, which decide when to stop. Returns: the runs of each starting point."""
        planned = self._planned_runs(self.starts, 1, everything=False)
        self.expected = len(planned) * (1 + self._members)
        self._run_all(planned)
        return {start: [item.run for item in planned if item.start is start] for start in self.starts}

    def retrain(self, before: RunsByStart) -> dict[StartingPoint, list[TrainingRun]]:
        """Retrain on all data, the held-out windows included, each to the step that was kept in `before`.

        Returns: by starting point, the runs of all members that finished in time. Empty if no member did.
        """
        members = self._members_in_time(before)
        planned = self._planned_retrainings(before, members)
        self.expected = len(self.runs) + len(planned)
        self._run_all(planned)
        broken = {item.member for item in planned if item.run.is_broken}
        late = [item.member for item in planned if not item.run.has_ended and item.member not in broken]
        in_time = min(late, default=members)
        complete = set(range(in_time)) - broken
        self.retrained_members = len(complete)
        self.plan = replace(self.plan, members=in_time if complete else 0)
        kept = [item for item in planned if item.member in complete]
        return {start: [item.run for item in kept if item.start is start] for start in before if complete}

    @property
    def _members(self) -> int:
        """Members to retrain if there is time: as many as the caller asked for, otherwise one."""
        return 1 if self.plan.members is None else self.plan.members

    def _planned_retrainings(self, before: RunsByStart, members: int) -> list[PlannedRun]:
        planned = self._planned_runs(list(before), members, everything=True)
        for item in planned:
            item.run.last_step = before[item.start][item.network].kept_step
        return planned

    def _members_in_time(self, before: RunsByStart) -> int:
        """Members that the clock leaves time for. A resumed fit keeps the number that was decided before the stop."""
        if self.saved.members is not None:
            self.clock.set_to(self.saved.seconds)  # the saved seconds include the choice that was repeated just now
            return self.saved.members
        members = self._members
        if self.clock.limit is not None:
            first = self._planned_retrainings(before, 1)
            step_seconds = self._time_first_steps(first, TIMING_SHARE * self.clock.left)
            pairs = list(zip(first, step_seconds, strict=True))
            whole = [item.run.last_step * seconds for item, seconds in pairs]
            rest = [(item.run.last_step - item.run.step) * seconds for item, seconds in pairs]
            while members and self._makespan([*rest, *whole * (members - 1)], len(first)) > self.clock.left:
                members -= 1
            if not members and not self.clock.is_over:
                self.lacked = self._makespan(rest, len(first)), self.clock.left
            # With another number of threads, the timed steps would not be repeated to the last bit.
            if self._workers(len(first)) == self._workers(len(first) * members):
                self.begun = {item.key: item for item in first if item.run.is_sound and not item.run.has_ended}
        self.saved.settle(members, self.clock, self.plan.max_steps)
        return members

    def _makespan(self, seconds: Sequence[float], timed: int) -> float:
        return expected_makespan(seconds, timed, self.data.device)

    def _workers(self, count: int) -> int:
        return workers_for(count, self.data.device)

    def _planned_runs(self, starts: Sequence[StartingPoint], members: int, *, everything: bool) -> list[PlannedRun]:
        """A run for each member, starting point and network of the starting point."""
        phase = "again " if everything else ""
        planned = [
            PlannedRun(f"{phase}{self.starts.index(start)}.{member}.{place}", start, member, place, run, everything)
            for member in range(members)
            for start in starts
            for place, run in enumerate(self._member(start, member))
        ]
        return [self.begun.get(item.key, item) for item in planned]

    def _member(self, start: StartingPoint, number: int) -> list[TrainingRun]:
        """Fresh runs of a member, one per network of the starting point. The caller's random state is untouched."""
        seed = self.plan.seed + number
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)  # of the CPU only; other devices keep their state
            networks = [copy.deepcopy(network) for network in start.networks] or [PatchLSTM(start.config)]
        peak = self.plan.transfer_rate if start.networks else self.plan.scratch_rate
        return [
            TrainingRun(
                start.name,
                network.to(self.data.device),
                self._plan_of(start),
                pretrained=bool(start.networks),
                seed=seed,
                peak=peak,
                horizon=self.data.horizon,
            )
            for network in networks
        ]

    def _share_of(self, start: StartingPoint) -> float:
        """Share of the plan's steps that trainings from a starting point have."""
        return self.plan.transfer_share if start.networks and len(self.starts) > 1 else 1.0

    def _plan_of(self, start: StartingPoint) -> FitPlan:
        """The plan with the steps that trainings from a starting point have."""
        return replace(self.plan, max_steps=math.ceil(self._share_of(start) * self.plan.max_steps))

    def _run_all(self, planned: Sequence[PlannedRun]) -> None:
        self.runs += [item.run for item in planned]

        def tell(epoch: Epoch | None = None) -> None:
            if self.progress is not None:
                self.progress(epoch, self.share_done)

        run_all([partial(self._run, item) for item in planned], self.data.device, tell, tell, self.clock.stop)

    def _run(self, planned: PlannedRun, report: Report) -> None:
        run = planned.run

        def after_epoch(epoch: Epoch) -> None:
            self.saved.keep(planned.key, run, self.clock, self.plan.max_steps, finished=False)
            report(epoch)

        if not self.saved.restore(planned.key, run):
            samples = self.data.samples(run.network.config, everything=planned.everything)
            held_out = None if planned.everything else self.data.validation
            run.train(samples, held_out, self.clock, after_epoch)
            self.saved.keep(planned.key, run, self.clock, self.plan.max_steps, finished=True)
        run.finish()

    @property
    def notes(self) -> list[str]:
        """Notes on what did not go as planned."""
        cut = [run for run in self.runs if self.clock.is_over and not run.has_ended]
        early = f"ended {len(cut)} training{'s' * (len(cut) != 1)} early"
        notes = [f"the time limit of {self.plan.time_limit:g} s {early}"] if cut else []
        for run in self.runs:
            if run.retreats:
                notes.append(
                    f"training of {run.name}: the loss was not a number; training went back to the last good epoch "
                    f"{run.retreats} time{'s' * (run.retreats != 1)}, each time with half the learning rate"
                )
        return notes

    @property
    def share_done(self) -> float:
        """Share of all work that is done: by steps, or by the clock if that is further."""
        done = sum(1.0 if run.has_ended else run.step / run.last_step for run in self.runs)
        if self.plan.time_limit is None:
            return done / self.expected
        return max(done / self.expected, min(1.0, self.clock.seconds / self.plan.time_limit))

    def within(self, time_limit: float) -> Trainings | None:
        """These trainings with as many steps as fit into the rest of a time limit. None: fewer than LEAST_STEPS."""
        left = PLANNED_SHARE * time_limit - self.clock.seconds
        begun = self._planned_runs(self.starts, 1, everything=False)
        step_seconds = self._time_first_steps(begun, TIMING_SHARE * time_limit)
        steps = [self._share_of(item.start) * seconds for item, seconds in zip(begun, step_seconds, strict=True)]
        once, again = (self._makespan(steps * count, len(begun)) for count in (1, self._members))
        left -= self._seconds_of_validations(begun)
        affordable = affordable_steps(self.plan, left, once, again, self.data.held_share)
        if affordable < LEAST_STEPS:
            return None
        return self.with_steps(min(affordable, int(MOST_STEPS_FACTOR * self.plan.max_steps)), begun)

    def _seconds_of_validations(self, planned: Sequence[PlannedRun]) -> float:
        """Seconds for the validations of all epochs and for the choice at the end, from one validation of each run."""
        seconds = self._together(self._time_validation, planned)
        # A training from scratch is one candidate; pretrained weights are one per blend, and one unchanged.
        counts = [len(self.plan.blends) + 1 if item.start.networks else 1 for item in planned]
        choice = sum(count * validation for count, validation in zip(counts, seconds, strict=True))
        rows = len(self.data.selection_windows.actual)
        choice *= rows / len(self.data.validation.actual)
        # A validation has the core of its run; candidates are forecast on all cores, one batch of rows on each.
        choice /= min(self._workers(len(planned)), math.ceil(rows / BATCH_ROWS))
        return self.plan.epochs * self._makespan(seconds, len(planned)) + choice

    def _time_first_steps(self, planned: Sequence[PlannedRun], seconds: float) -> list[float]:
        """Seconds per step of each run, from its first steps, which run side by side as all later ones will."""

        def begin(item: PlannedRun) -> float:
            samples = self.data.samples(item.run.network.config, everything=item.everything)
            return item.run.begin(samples, seconds, self.clock)

        return self._together(begin, planned)

    def _together(self, task: Callable[[PlannedRun], float], planned: Sequence[PlannedRun]) -> list[float]:
        """The results of a task for all runs, side by side. An error or an interrupt ends all of them soon."""
        with pool_for(len(planned), self.data.device) as pool:
            try:
                return list(pool.map(task, planned))
            except BaseException:
                self.clock.stop()
                raise

    def _time_validation(self, planned: PlannedRun) -> float:
        """Seconds that a validation takes."""
        began = time.monotonic()
        validate(planned.run.network, self.data.validation)
        return time.monotonic() - began

    def with_steps(self, max_steps: int, begun: Sequence[PlannedRun] = ()) -> Trainings:
        """These trainings with another number of steps.

        Args:
            begun: runs that have begun. They continue if a run with that number of steps would have done the same.
        """
        plan = replace(self.plan, max_steps=max_steps)
        settled = Trainings(self.data, plan, self.starts, self.clock, self.saved, self.progress)
        plans = [settled._plan_of(item.start) for item in begun]
        if all(item.run.is_begun_by(its_plan) for item, its_plan in zip(begun, plans, strict=True)):
            for item, its_plan in zip(begun, plans, strict=True):
                item.run.settle(its_plan)
            settled.begun = {item.key: item for item in begun}
        return settled
