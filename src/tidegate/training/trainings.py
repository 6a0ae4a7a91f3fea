"""All trainings of one fit: from which weights each begins, on what, and how far they are."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch

from tidegate.network.patch_lstm import PatchLSTM
from tidegate.training.choices import BESIDE, BUDGET, FEW_STEPS, LONGEST, TIMED, FitPlan, affordable_steps
from tidegate.training.course import Clock, Course, Epoch, validate
from tidegate.training.kinds import Kind
from tidegate.training.material import Material
from tidegate.training.resume import FitCheckpoint
from tidegate.training.side_by_side import Report, makespan, pool_for, run_all, workers_for

# An epoch that has ended, None between two; and the share of all the work that is done.
Progress = Callable[[Epoch | None, float], None]


@dataclass(frozen=True)
class Training:
    """A course, and what it is of.

    Attributes:
        key: as the checkpoint calls it.
        member, start: the how-manieth member of its kind, and from which start weights.
        everything: it trains on the held-out windows too.
    """

    key: str
    kind: Kind
    member: int
    start: int
    course: Course
    everything: bool


class Trainings:
    """Runs trainings side by side; one that the checkpoint knows goes on where it was."""

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
        self.begun: dict[str, Training] = {}  # whose first steps are done
        self.courses: list[Course] = []
        self.expected = 0  # courses in all
        self.lacked: tuple[float, float] | None = None  # seconds that one more training takes, and that were left
        self.ended_again = 0  # members of which all last trainings came to their end

    def run(self) -> dict[Kind, list[Course]]:
        """Train until the validation part says enough. Returns: the courses of each kind."""
        trainings = self._of(self.kinds, 1, everything=False)
        self.expected = len(trainings) * (1 + self._members)
        self._run_all(trainings)
        return {kind: [one.course for one in trainings if one.kind is kind] for kind in self.kinds}

    def run_again(self, before: Mapping[Kind, Sequence[Course]]) -> dict[Kind, list[Course]]:
        """Trainings on everything, the held-out windows too, each to the step that was kept before.

        Returns: for each kind those of all members that came so far in time; nothing if no member did.
        """
        members = self._members_in_time(before)
        trainings = self._again(before, members)
        self.expected = len(self.courses) + len(trainings)
        self._run_all(trainings)
        broken = {one.member for one in trainings if one.course.is_broken}
        late = [one.member for one in trainings if not one.course.has_ended and one.member not in broken]
        complete = set(range(min(late, default=members))) - broken
        self.ended_again = len(complete)
        self.plan = replace(self.plan, members=min(late, default=members) if complete else 0)
        kept = [one for one in trainings if one.member in complete]
        return {kind: [one.course for one in kept if one.kind is kind] for kind in before if complete}

    @property
    def _members(self) -> int:
        """As many as were asked for; one if nothing was said."""
        return 1 if self.plan.members is None else self.plan.members

    def _again(self, before: Mapping[Kind, Sequence[Course]], members: int) -> list[Training]:
        trainings = self._of(list(before), members, everything=True)
        for one in trainings:
            one.course.last_step = before[one.kind][one.start].kept_step
        return trainings

    def _members_in_time(self, before: Mapping[Kind, Sequence[Course]]) -> int:
        """As many as were asked for, where the clock leaves time; all where an earlier sitting has begun with them."""
        if self.saved.members is not None:
            self.clock.set_to(self.saved.seconds)  # which the choice before it is a part of
            return self.saved.members
        members = self._members
        if self.clock.limit is not None:
            tried = self._again(before, 1)
            took = self._begin(tried, TIMED * self.clock.left)
            whole = [one.course.last_step * step for one, step in zip(tried, took, strict=True)]
            rest = [(one.course.last_step - one.course.step) * step for one, step in zip(tried, took, strict=True)]
            while members and self._makespan([*rest, *whole * (members - 1)], len(tried)) > self.clock.left:
                members -= 1
            if not members and not self.clock.is_over:
                self.lacked = self._makespan(rest, len(tried)), self.clock.left
            # With other threads than they go on with they would not be repeated to the last bit.
            if self._workers(len(tried)) == self._workers(len(tried) * members):
                self.begun = {one.key: one for one in tried if one.course.is_sound and not one.course.has_ended}
        self.saved.settle(members, self.clock, self.plan.max_steps)
        return members

    def _makespan(self, seconds: Sequence[float], timed: int) -> float:
        """Seconds until trainings are done that take so many each.

        Args: timed: how many of them ran side by side when their time was taken; where more will, each takes longer.
        """
        workers = self._workers(len(seconds))
        slower = BESIDE if workers > self._workers(timed) else 1.0
        return slower * makespan(seconds, workers)

    def _workers(self, count: int) -> int:
        return workers_for(count, self.material.device)

    def _of(self, kinds: Sequence[Kind], members: int, *, everything: bool) -> list[Training]:
        """Trainings: for every member of a kind one from each start, or from nothing."""
        phase = "again " if everything else ""
        trainings = [
            Training(f"{phase}{self.kinds.index(kind)}.{member}.{start}", kind, member, start, course, everything)
            for member in range(members)
            for kind in kinds
            for start, course in enumerate(self._member(kind, member))
        ]
        return [self.begun.get(one.key, one) for one in trainings]

    def _member(self, kind: Kind, number: int) -> list[Course]:
        seed = self.plan.seed + number
        with torch.random.fork_rng(devices=[]):  # the caller's own random numbers go on as if nothing had been drawn
            torch.default_generator.manual_seed(seed)  # those of other devices are left alone too
            networks = [copy.deepcopy(start) for start in kind.starts] or [PatchLSTM(kind.config)]
        peak = self.plan.transfer_rate if kind.starts else self.plan.scratch_rate
        return [
            Course(
                kind.name,
                network.to(self.material.device),
                self._plan_of(kind),
                knows=bool(kind.starts),
                seed=seed,
                peak=peak,
                horizon=self.material.horizon,
            )
            for network in networks
        ]

    def _share_of(self, kind: Kind) -> float:
        """Of the steps of the plan, those that trainings of a kind have."""
        return self.plan.transfer_share if kind.starts and len(self.kinds) > 1 else 1.0

    def _plan_of(self, kind: Kind) -> FitPlan:
        """The plan with the steps that trainings of a kind have."""
        return replace(self.plan, max_steps=math.ceil(self._share_of(kind) * self.plan.max_steps))

    def _run_all(self, trainings: Sequence[Training]) -> None:
        self.courses += [one.course for one in trainings]

        def tell(epoch: Epoch | None = None) -> None:
            if self.progress is not None:
                self.progress(epoch, self.share_done)

        run_all([partial(self._run, one) for one in trainings], self.material.device, tell, tell, self.clock.stop)

    def _run(self, one: Training, report: Report) -> None:
        course = one.course

        def after_epoch(epoch: Epoch) -> None:
            self.saved.keep(one.key, course, self.clock, self.plan.max_steps, finished=False)
            report(epoch)

        if not self.saved.restore(one.key, course):
            samples = self.material.samples(one.course.network.config, everything=one.everything)
            course.run(samples, None if one.everything else self.material.epochs, self.clock, after_epoch)
            self.saved.keep(one.key, course, self.clock, self.plan.max_steps, finished=True)
        course.finish()

    @property
    def notes(self) -> list[str]:
        """What went otherwise than planned."""
        cut = [course for course in self.courses if self.clock.is_over and not course.has_ended]
        early = f"ended {len(cut)} training{'s' * (len(cut) != 1)} early"
        notes = [f"the time limit of {self.plan.time_limit:g} s {early}"] if cut else []
        for course in self.courses:
            if course.retreats:
                notes.append(
                    f"training of {course.name}: the loss was not a number; training went back to the last good epoch "
                    f"{course.retreats} time{'s' * (course.retreats != 1)}, each time with half the learning rate"
                )
        return notes

    @property
    def share_done(self) -> float:
        """Of all the work, how much is done: by steps, or by the clock where that is further."""
        done = sum(1.0 if course.has_ended else course.step / course.last_step for course in self.courses)
        if self.plan.time_limit is None:
            return done / self.expected
        return max(done / self.expected, min(1.0, self.clock.seconds / self.plan.time_limit))

    def within(self, time_limit: float) -> Trainings | None:
        """The same with as many steps as fit into what is left of a time limit; None: too few to begin."""
        left = BUDGET * time_limit - self.clock.seconds
        begun = self._of(self.kinds, 1, everything=False)
        took = self._begin(begun, TIMED * time_limit)
        steps = [self._share_of(one.kind) * seconds for one, seconds in zip(begun, took, strict=True)]
        once, again = (self._makespan(steps * count, len(begun)) for count in (1, self._members))
        left -= self._seconds_of_validations(begun)
        affordable = affordable_steps(self.plan, left, once, again, self.material.held_share)
        if affordable < FEW_STEPS:
            return None
        return self.with_steps(min(affordable, int(LONGEST * self.plan.max_steps)), begun)

    def _seconds_of_validations(self, trainings: Sequence[Training]) -> float:
        """What all epochs and the choice at the end take, from one validation each."""
        took = self._together(self._validate, trainings)
        # What began with nothing has no start weights to be blended with.
        choices = [len(self.plan.blends) + 1 if one.kind.starts else 1 for one in trainings]
        chosen = sum(count * seconds for count, seconds in zip(choices, took, strict=True))
        chosen *= len(self.material.selection.actual) / len(self.material.epochs.actual)
        return self.plan.epochs * self._makespan(took, len(trainings)) + chosen

    def _begin(self, trainings: Sequence[Training], seconds: float) -> list[float]:
        """Seconds that a step of each takes, from the first ones, side by side as all others will be."""

        def begin(one: Training) -> float:
            samples = self.material.samples(one.course.network.config, everything=one.everything)
            return one.course.begin(samples, seconds, self.clock)

        return self._together(begin, trainings)

    def _together(self, task: Callable[[Training], float], trainings: Sequence[Training]) -> list[float]:
        with pool_for(len(trainings), self.material.device) as pool:
            try:
                return list(pool.map(task, trainings))
            except BaseException:  # an error in one, or an interrupt: the others end soon
                self.clock.stop()
                raise

    def _validate(self, one: Training) -> float:
        """Seconds that a validation takes."""
        began = time.monotonic()
        validate(one.course.network, self.material.epochs)
        return time.monotonic() - began

    def with_steps(self, max_steps: int, begun: Sequence[Training] = ()) -> Trainings:
        """The same, each training of so many steps.

        Args: begun: trainings that go on where they are, if a training of so many steps would be there too.
        """
        plan = replace(self.plan, max_steps=max_steps)
        settled = Trainings(self.material, plan, self.kinds, self.clock, self.saved, self.progress)
        plans = [settled._plan_of(one.kind) for one in begun]
        if all(one.course.is_begun_by(its) for one, its in zip(begun, plans, strict=True)):
            for one, its in zip(begun, plans, strict=True):
                one.course.settle(its)
            settled.begun = {one.key: one for one in begun}
        return settled
