"""The plan of a fit: its options, its learning rates, and how its steps follow from a time limit.

docs/fit-experiments.md has the measurements behind the numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import SupportsFloat

from tidegate.errors import ConfigError
from tidegate.forecasting.config import INTERVALS

CONSTANT_RATE_SHARE = 0.1  # of a training's steps, before its learning rate falls
MUCH_HELD_OUT_SHARE = 0.2  # of all values: retraining on more than that is worth more than longer first trainings
RETRAINING_MARGIN = 0.92  # share of the time that is planned: a machine that slows down must not lose the retraining
ENOUGH_STEPS_SHARE = 2 / 3  # of the usual steps: beyond, time is better spent on retraining


@dataclass(frozen=True)
class FitPlan:
    """How to train. A training has at most `max_steps` steps and is validated `epochs` times, at equal distances.

    Attributes:
        seed: of the first training. Each further training takes the next number.
        max_steps: of each training. A time limit lowers it, or raises it up to trainings.MOST_STEPS_FACTOR times.
        transfer_share: share of max_steps for pretrained weights that are trained beside an own network. They reach
            their best sooner, and their steps take longer.
        members: retrainings on all data of each network that is kept, to the same steps. The held-out values are the
            newest and tell most about the future. Several members are averaged, which makes forecasts slower and hardly
            better. None: one, if there is time for it. 0: the validated networks are kept.
        intervals: "model": interval widths from the errors on the held-out windows, shrunk towards the network's own.
            "conformal": the ranks of split conformal prediction, unshrunk.
        time_limit: seconds in all. None: no limit.
        epochs: validations of a training.
        patience: a training stops after this many epochs in a row that are not as good as its best one (`as_good`; for
            pretrained weights: not better). A training from scratch does not stop in its first half.
        warmup: steps in which the learning rate rises.
        transfer_rate: learning rate of pretrained weights. A higher one makes them forget.
        scratch_rate: learning rate from scratch. Both rates are for Muon and AdamW (see `rate`).
        average: decay of the running average of the weights, which is what is validated and kept.
        batch_values: values per batch: 12 windows of 1,000 steps, or 100 of 120.
        windows: held-out windows at the end of each series. A single one says more about its own days than about the
            network.
        held_rows: held-out windows in all. A few long series reach it by holding out up to a tenth of each: three
            windows of eight random walks tell nothing.
        blends: shares of the way from the start weights to the trained ones. The held-out windows decide which is kept.
            Half way is often better than either end (Wortsman et al., 2022, "Robust fine-tuning of zero-shot models").
        smoothing: try to move the forecasts of the choice towards an exponential smoothing (`smoothing_choice`).
        validation_values, selection_values: values read per validation, and per candidate of the choice at the end.
    """

    seed: int = 0
    max_steps: int = 600
    transfer_share: float = 0.5
    members: int | None = None
    intervals: str = "model"
    time_limit: float | None = None
    epochs: int = 8
    patience: int = 2
    warmup: int = 25
    transfer_rate: float = 1e-3
    scratch_rate: float = 4e-3
    weight_decay: float = 0.01
    gradient_norm: float = 1.0
    average: float = 0.98
    batch_values: int = 12_000
    windows: int = 3
    held_rows: int = 200
    blends: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0)
    smoothing: bool = True
    validation_values: int = 300_000
    selection_values: int = 600_000

    def __post_init__(self) -> None:
        if self.max_steps < 1:
            raise ConfigError(f"max_steps {self.max_steps}: expected a whole number from 1")
        for name in ("epochs", "windows", "batch_values", "validation_values", "selection_values"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} {getattr(self, name)}: expected a whole number from 1")
        if self.members is not None and self.members < 0:
            raise ConfigError(f"members {self.members}: expected a whole number from 0")
        if self.intervals not in INTERVALS:
            raise ConfigError(f"intervals {self.intervals!r}: expected {' or '.join(INTERVALS)}")
        if self.time_limit is not None:
            limit: object = self.time_limit  # a caller may pass anything
            seconds = float(limit) if isinstance(limit, SupportsFloat) else math.nan
            if not 0 < seconds < math.inf:
                raise ConfigError(f"time_limit {limit!r}: expected seconds, more than 0; without it there is no limit")
            object.__setattr__(self, "time_limit", seconds)  # a plain number, even if NumPy's was passed

    @property
    def epoch_steps(self) -> int:
        """Steps between two validations."""
        return max(1, math.ceil(self.max_steps / self.epochs))

    @property
    def constant_rate_steps(self) -> int:
        """The first steps. Their learning rates do not depend on how many steps follow, so they can be timed."""
        return int(CONSTANT_RATE_SHARE * self.max_steps)

    def rate(self, step: int, peak: float) -> float:
        """Learning rate at a step: a linear warm-up, then constant, then a linear decay to zero."""
        falling = (self.max_steps - step) / (self.max_steps - self.constant_rate_steps)
        return peak * min(1.0, (step + 1) / max(1, self.warmup)) * min(1.0, falling)


def affordable_steps(plan: FitPlan, seconds: float, once: float, again: float, held_share: float) -> int:
    """Steps of each training so that all trainings end in time.

    Time is kept for retraining if `members` was given, if much is held out, or if the first trainings have enough steps
    all the same. Otherwise the first trainings get all the time, up to the usual number of steps.

    Args:
        seconds: for all trainings.
        once, again: seconds for one step of all first trainings, and for one step of all retrainings.
        held_share: share of all values that is held out.
    """
    with_retraining = RETRAINING_MARGIN * seconds / (once + again)
    is_enough = with_retraining >= ENOUGH_STEPS_SHARE * plan.max_steps
    if plan.members is not None or held_share > MUCH_HELD_OUT_SHARE or is_enough:
        return int(with_retraining)
    return int(min(seconds / once, plan.max_steps))
