"""One training of one network on the user's panel: epochs, validation, and what to do when the loss breaks."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tidegate.network.patch_lstm import PatchLSTM
from tidegate.training.checkpoint import pack, unpack
from tidegate.training.choices import UNSETTLED, FitPlan, as_good, origins
from tidegate.training.descent import average_into, descend, flushed_denormals, make_optimizers
from tidegate.training.losses import pinball
from tidegate.training.samples import HeldOut, Samples
from tidegate.training.windows import every_origin_loss

FIRST_STEPS = 4  # of a training take longer than the others
FOR_TRAINING = 0.93  # share of a time limit after which no step is begun: choosing and writing take the rest
MOST_OF_USUAL = 20.0  # times the error that nine in ten held-out windows stay below is the most that one counts
MOST_RETREATS = 5  # times a training goes back and halves its rate before it ends with what it has


@dataclass(frozen=True)
class Epoch:
    """One line of the history.

    Attributes:
        training: which one, "the shipped weights".
        step, seconds: of this training, and since the fit began.
        loss: mean training loss of the epoch.
        validation_loss, validation_mase: pinball loss and absolute error of the median on the held-out windows, in
            units of the mean seasonal change of each history; NaN when everything is trained on.
    """

    training: str
    step: int
    seconds: float
    loss: float
    validation_loss: float
    validation_mase: float


State = tuple[dict[str, Tensor], dict[str, Any]]  # tensors and plain facts


class Stopped(Exception):
    """Another training failed, or the user interrupted: this one ends without a result."""


class Course:
    """The state of one training. `run` goes on from wherever it is; `state` and `restore` carry it over a kill."""

    def __init__(
        self, name: str, network: PatchLSTM, plan: FitPlan, *, knows: bool, seed: int, peak: float, horizon: int
    ) -> None:
        """knows: the weights come from another training. peak: the learning rate after warm-up."""
        self.knows = knows
        self.name, self.network, self.plan, self.peak = name, network, plan, peak
        self.last_step = plan.max_steps  # a training that ends earlier keeps the rates of the whole
        self.origins = origins(network.config, horizon)
        self.optimizers = make_optimizers(network, learning_rate=peak, weight_decay=plan.weight_decay)
        self.generator = torch.Generator().manual_seed(seed)
        self.averaged = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
        self.kept = {name: tensor.clone() for name, tensor in self.averaged.items()}
        self.kept_step = 0
        self.best_rows = torch.empty(0)  # losses of the best epoch
        self.step, self.slowed, self.retreats = 0, 1.0, 0
        self.losses: list[float] = []  # of the epoch under way
        self.history: list[Epoch] = []
        self.good: State | None = None  # of the last good epoch, or of the start

    def begin(self, samples: Samples, seconds: float, clock: Clock) -> float:
        """Do some of the first steps, for at most so many seconds. Returns: how long one takes."""
        took: list[float] = []
        self.good = self.good or self.state()
        least, most = 2 * FIRST_STEPS, min(self.last_step, max(1, self.last_step - 1))
        with flushed_denormals():
            while self.step < most and self.is_sound and not clock.is_over:
                if self.step >= least and (sum(took) > seconds or self.step >= self.plan.level_steps):
                    break
                began = time.monotonic()
                self._advance(samples, self.step + 1, clock)
                took.append(time.monotonic() - began)
        return float(np.mean(took[FIRST_STEPS:] or took or [math.inf]))

    def is_begun_by(self, plan: FitPlan) -> bool:
        """Whether a training by this plan would now be where this one is."""
        return self.is_sound and self.step <= plan.level_steps and self.step < plan.epoch_steps

    def settle(self, plan: FitPlan) -> None:
        """Go on by this plan."""
        self.plan, self.last_step = plan, plan.max_steps

    def run(
        self, samples: Samples, held_out: HeldOut | None, clock: Clock, after_epoch: Callable[[Epoch], None]
    ) -> None:
        """Train until the validation part stops improving, the last step is done or the time is over.

        Kept is the running average of the last epoch that is as good as the best one (`as_good`), of weights that know
        something that of the best one; without a validation part that of the last epoch.
        """
        candidate = copy.deepcopy(self.network)
        self.good = self.good or self.state()
        with flushed_denormals():
            while not self.has_ended and not (clock.is_over and self.history):  # one step at least
                losses = self._epoch(samples, clock)
                candidate.load_state_dict(self.averaged)
                rows, mase = (torch.empty(0), math.nan) if held_out is None else validate(candidate, held_out)
                loss = float(rows.nanmean())
                if not np.isfinite(losses).all() or (held_out is not None and math.isnan(loss)):
                    if self.retreats >= MOST_RETREATS:
                        break
                    slowed, retreats = self.slowed, self.retreats
                    self.restore(*self.good)
                    self.slowed, self.retreats = slowed / 2, retreats + 1
                    continue
                if held_out is None or self._is_as_good(rows, held_out):
                    self.kept_step = self.step
                    self.kept = {name: tensor.clone() for name, tensor in self.averaged.items()}
                    if not len(self.best_rows) or loss < float(self.best_rows.nanmean()):
                        self.best_rows = rows
                self.history.append(Epoch(self.name, self.step, clock.seconds, float(np.mean(losses)), loss, mase))
                self.good = self.state()
                after_epoch(self.history[-1])

    def _is_as_good(self, rows: Tensor, part: HeldOut) -> bool:
        """Whether an epoch with these losses is as good as the best one so far."""
        if not len(self.best_rows):
            return True
        if self.knows:  # the earlier, the more of that is left
            return bool(rows.nanmean() < self.best_rows.nanmean())
        now, best = rows.cpu().numpy(), self.best_rows.cpu().numpy()
        return as_good(now, best, part.window.cpu().numpy(), part.series.cpu().numpy())

    def finish(self) -> None:
        """The network becomes the running average that is kept."""
        self.network.load_state_dict(self.kept)

    @property
    def is_sound(self) -> bool:
        """Whether every loss of the epoch under way is a number."""
        return bool(np.isfinite(self.losses).all())

    @property
    def has_ended(self) -> bool:
        return self.step >= self.last_step or self.has_stalled

    @property
    def is_broken(self) -> bool:
        """Whether it ended for want of a finite loss."""
        return self.retreats >= MOST_RETREATS and not self.has_ended

    @property
    def has_stalled(self) -> bool:
        if not self.knows and self.step < UNSETTLED * self.plan.max_steps:
            return False
        return self.step - self.kept_step >= self.plan.patience * self.plan.epoch_steps and self.kept_step > 0

    def _epoch(self, samples: Samples, clock: Clock) -> list[float]:
        self._advance(samples, (self.step // self.plan.epoch_steps + 1) * self.plan.epoch_steps, clock)
        losses, self.losses = self.losses, []
        return losses

    def _advance(self, samples: Samples, until: int, clock: Clock) -> None:
        """Train up to a step of this epoch, or to the first loss that is not a number."""
        until = min(self.last_step, until)
        while self.step < until and not (clock.is_over and self.losses):
            if clock.is_stopped:
                raise Stopped
            batch = samples.draw(self.plan.batch_values, self.generator)
            loss = every_origin_loss(self.network, *batch, pinball, self.generator, self.origins)
            rate = self.slowed * self.plan.rate(self.step, self.peak)
            self.losses.append(descend(self.network, self.optimizers, loss, rate, self.plan.gradient_norm))
            if not math.isfinite(self.losses[-1]):
                break
            average_into(self.averaged, self.network, min(self.plan.average, (1 + self.step) / (10 + self.step)))
            self.step += 1

    def state(self) -> State:
        """Tensors and plain facts that `restore` goes on from."""
        tensors = pack(self.network, self.averaged, self.optimizers)
        tensors |= {f"kept/{name}": tensor.clone() for name, tensor in self.kept.items()}
        tensors |= {"generator": self.generator.get_state(), "best rows": self.best_rows}
        facts = {name: getattr(self, name) for name in ("kept_step", "step", "slowed", "retreats")}
        return tensors, {**facts, "history": [asdict(epoch) for epoch in self.history]}

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Raises: KeyError, RuntimeError, TypeError or ValueError for a state that is none of such a training."""
        if facts["step"] and not any(name.startswith("optimizer/") for name in tensors):
            raise KeyError("the state of the optimizers")
        unpack(tensors, self.network, self.averaged, self.optimizers)
        for name, tensor in self.kept.items():
            tensor.copy_(tensors[f"kept/{name}"])
        self.generator.set_state(tensors["generator"])
        self.best_rows = tensors["best rows"]
        for name in ("kept_step", "step", "slowed", "retreats"):
            setattr(self, name, facts[name])
        self.history = [Epoch(**epoch) for epoch in facts["history"]]
        self.good = tensors, facts


class Clock:
    """Seconds since the fit began, those of earlier sittings included, and whether those for training are used up."""

    def __init__(self, limit: float | None, before: float = 0.0) -> None:
        self.limit, self.before, self.began = limit, before, time.monotonic()
        self.is_stopped = False

    def set_to(self, seconds: float) -> None:
        """Go on from there."""
        self.before, self.began = seconds, time.monotonic()

    def stop(self) -> None:
        """Let no training go on."""
        self.is_stopped = True

    @property
    def seconds(self) -> float:
        return self.before + time.monotonic() - self.began

    @property
    def left(self) -> float:
        """Seconds for training that are left."""
        return math.inf if self.limit is None else FOR_TRAINING * self.limit - self.seconds

    @property
    def is_over(self) -> bool:
        return self.left <= 0


def validate(network: PatchLSTM, part: HeldOut) -> tuple[Tensor, float]:
    """Of the held-out windows: (rows,) losses (pinball over the naive error, in units of MASE), MASE of the medians."""
    loss, error = row_errors(predict(network, part), network, part)
    return loss, float(error.nanmean())


def predict(network: PatchLSTM, part: HeldOut) -> Tensor:
    """(rows, horizon, quantiles) forecasts of the held-out windows."""
    seasons = part.seasons[:, : network.config.season_slots]
    batches = zip(torch.split(part.history, 256), torch.split(seasons, 256), strict=True)
    with torch.no_grad():
        return torch.cat([network.forecast(*batch, part.actual.shape[1]) for batch in batches])


def row_errors(quantiles: Tensor, network: PatchLSTM, part: HeldOut) -> tuple[Tensor, Tensor]:
    """(rows,) mean pinball loss, doubled, and absolute error of the median, in units of part.naive; NaN for none.

    Both are `bounded`.
    """
    levels = torch.tensor(network.config.quantile_levels, device=quantiles.device, dtype=quantiles.dtype)
    divisor = torch.where(part.naive > 0, part.naive, torch.nan)[:, None]
    loss = 2 * pinball(quantiles, part.actual, levels) / divisor
    error = (quantiles[..., network.config.median] - part.actual).abs() / divisor
    return bounded(loss.nanmean(1)), bounded(error.nanmean(1))


def naive_mase(part: HeldOut) -> float:
    """MASE of seasonal naive on the held-out windows; of the last value where a series shows no season."""
    length, steps = part.history.shape[1], torch.arange(part.actual.shape[1], device=part.actual.device)
    season = part.seasons[:, :1]
    season = torch.where((season > 1) & (season < length), season, 1)
    error = (part.history.gather(1, length - season + steps % season) - part.actual).abs()
    return float(bounded((error / torch.where(part.naive > 0, part.naive, torch.nan)[:, None]).nanmean(1)).nanmean())


def bounded(rows: Tensor) -> Tensor:
    """(rows,) no error beyond MOST_OF_USUAL times the one that nine in ten stay below.

    One series that hardly moved before its held-out window, a product of which one piece was sold and then a hundred a
    day, has an error of thousands of its changes, and would decide by itself what all others are forecast with.
    """
    usual = rows.nanquantile(0.9)
    return rows.clamp(max=MOST_OF_USUAL * usual) if usual > 0 else rows
