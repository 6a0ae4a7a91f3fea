"""One training of one network on the user's panel: epochs, validation, early stopping, and recovery from a NaN loss."""

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

from tidegate.forecasting.config import ModelConfig
from tidegate.network.patch_lstm import PatchLSTM
from tidegate.training.checkpoint import pack, unpack
from tidegate.training.descent import average_into, descend, flushed_denormals, make_optimizers
from tidegate.training.every_origin import OriginPlan, every_origin_loss
from tidegate.training.evidence import as_good
from tidegate.training.losses import pinball
from tidegate.training.plan import FitPlan
from tidegate.training.samples import HeldOut, Samples

SLOW_FIRST_STEPS = 4  # the first steps of a training take longer than the others and are not timed
TRAINING_SHARE = 0.93  # of a time limit: no step begins later, the rest is for choosing and writing
WINSOR_FACTOR = 20.0  # times the 90 % quantile of the errors: the most that an error counts
NO_EARLY_STOP_SHARE = 0.5  # of the steps of a training from scratch, in which its learning rate is still high
MOST_RETREATS = 5  # times a training goes back and halves its learning rate before it gives up


@dataclass(frozen=True)
class Epoch:
    """One epoch of a training.

    Attributes:
        training: its name, such as "the shipped weights".
        step: of this training.
        seconds: since the fit began.
        loss: mean training loss of the epoch.
        validation_loss, validation_mase: pinball loss and absolute error of the median on the held-out windows, in
            units of the mean seasonal change of each history; NaN when nothing is held out.
    """

    training: str
    step: int
    seconds: float
    loss: float
    validation_loss: float
    validation_mase: float


State = tuple[dict[str, Tensor], dict[str, Any]]  # tensors and plain facts


class Stopped(Exception):
    """Ends this training without a result, because another one failed or the user interrupted."""


class TrainingRun:
    """One training. `train` continues from the current step; `state` and `restore` save and load what it needs."""

    def __init__(
        self, name: str, network: PatchLSTM, plan: FitPlan, *, pretrained: bool, seed: int, peak: float, horizon: int
    ) -> None:
        """pretrained: the network continues from trained weights. peak: the learning rate after warm-up."""
        self.pretrained = pretrained
        self.name, self.network, self.plan, self.peak = name, network, plan, peak
        self.last_step = plan.max_steps  # a lower last step keeps the learning rates of the whole plan
        self.origins = fit_origins(network.config, horizon)
        self.optimizers = make_optimizers(network, learning_rate=peak, weight_decay=plan.weight_decay)
        self.generator = torch.Generator().manual_seed(seed)
        self.averaged = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
        self.kept = {name: tensor.clone() for name, tensor in self.averaged.items()}
        self.kept_step = 0
        self.best_rows = torch.empty(0)  # losses of the best epoch, by held-out window
        self.step, self.slowed, self.retreats = 0, 1.0, 0
        self.losses: list[float] = []  # of the current epoch
        self.history: list[Epoch] = []
        self.good: State | None = None  # after the last good epoch, or at the start

    def begin(self, samples: Samples, seconds: float, clock: Clock) -> float:
        """Train the first steps, for about so many seconds. Returns: seconds per step."""
        took: list[float] = []
        self.good = self.good or self.state()
        least, most = 2 * SLOW_FIRST_STEPS, min(self.last_step, max(1, self.last_step - 1))
        with flushed_denormals():
            while self.step < most and self.is_sound and not clock.is_over:
                if self.step >= least and (sum(took) > seconds or self.step >= self.plan.constant_rate_steps):
                    break
                began = time.monotonic()
                self._advance(samples, self.step + 1, clock)
                took.append(time.monotonic() - began)
        return float(np.mean(took[SLOW_FIRST_STEPS:] or took or [math.inf]))

    def is_begun_by(self, plan: FitPlan) -> bool:
        """Whether a training with this plan would have done the same steps."""
        return self.is_sound and self.step <= plan.constant_rate_steps and self.step < plan.epoch_steps

    def settle(self, plan: FitPlan) -> None:
        """Continue with this plan."""
        self.plan, self.last_step = plan, plan.max_steps

    def train(
        self, samples: Samples, held_out: HeldOut | None, clock: Clock, after_epoch: Callable[[Epoch], None]
    ) -> None:
        """Train until early stopping, the last step, or the end of the time.

        The running average of the weights is kept: from scratch, that of the last epoch that is as good as the best one
        (`as_good`); of pretrained weights, that of the best epoch; without held-out windows, that of the last epoch.
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
        if self.pretrained:  # an earlier epoch has kept more of what the weights knew
            return bool(rows.nanmean() < self.best_rows.nanmean())
        now, best = rows.cpu().numpy(), self.best_rows.cpu().numpy()
        return as_good(now, best, part.window.cpu().numpy(), part.series.cpu().numpy())

    def finish(self) -> None:
        """The network becomes the running average that is kept."""
        self.network.load_state_dict(self.kept)

    @property
    def is_sound(self) -> bool:
        """Whether every loss of the current epoch is finite."""
        return bool(np.isfinite(self.losses).all())

    @property
    def has_ended(self) -> bool:
        return self.step >= self.last_step or self.has_stalled

    @property
    def is_broken(self) -> bool:
        """Whether the training gave up because its loss stayed NaN or infinite."""
        return self.retreats >= MOST_RETREATS and not self.has_ended

    @property
    def has_stalled(self) -> bool:
        """Whether early stopping ends the training."""
        if not self.pretrained and self.step < NO_EARLY_STOP_SHARE * self.plan.max_steps:
            return False
        return self.step - self.kept_step >= self.plan.patience * self.plan.epoch_steps and self.kept_step > 0

    def _epoch(self, samples: Samples, clock: Clock) -> list[float]:
        self._advance(samples, (self.step // self.plan.epoch_steps + 1) * self.plan.epoch_steps, clock)
        losses, self.losses = self.losses, []
        return losses

    def _advance(self, samples: Samples, until: int, clock: Clock) -> None:
        """Train up to a step of this epoch, or to the first loss that is not finite."""
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
        """Tensors and plain facts for `restore`."""
        tensors = pack(self.network, self.averaged, self.optimizers)
        tensors |= {f"kept/{name}": tensor.clone() for name, tensor in self.kept.items()}
        tensors |= {"generator": self.generator.get_state(), "best rows": self.best_rows}
        facts = {name: getattr(self, name) for name in ("kept_step", "step", "slowed", "retreats")}
        return tensors, {**facts, "history": [asdict(epoch) for epoch in self.history]}

    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Raises: KeyError, RuntimeError, TypeError or ValueError for a state that does not fit this training."""
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
    """Seconds since the fit began, including those before a stop, and whether the time for training is used up."""

    def __init__(self, limit: float | None, before: float = 0.0) -> None:
        self.limit, self.before, self.began = limit, before, time.monotonic()
        self.is_stopped = False

    def set_to(self, seconds: float) -> None:
        """Set the seconds that have passed."""
        self.before, self.began = seconds, time.monotonic()

    def stop(self) -> None:
        """Make all trainings end soon."""
        self.is_stopped = True

    @property
    def seconds(self) -> float:
        return self.before + time.monotonic() - self.began

    @property
    def left(self) -> float:
        """Seconds that are left for training."""
        return math.inf if self.limit is None else TRAINING_SHARE * self.limit - self.seconds

    @property
    def is_over(self) -> bool:
        return self.left <= 0


def fit_origins(config: ModelConfig, horizon: int) -> OriginPlan:
    """Which forecasts a fit trains on: the steps up to the horizon, from more origins per window than in pretraining.

    Windows are drawn many times, so more origins of each cost little. Steps beyond the horizon would use up capacity.
    Masked patches matter only where the horizon is longer than what the network predicts at once. Series with a regular
    season weigh more, as in MASE.
    """
    beyond = horizon > config.horizon
    return OriginPlan(full=16, masked_share=0.5 if beyond else 0.0, reach=horizon, season_power=0.5)


def validate(network: PatchLSTM, part: HeldOut) -> tuple[Tensor, float]:
    """Forecast the held-out windows. Returns: (rows,) pinball losses in units of MASE, and the MASE of the medians."""
    loss, error = row_errors(predict(network, part), network, part)
    return loss, float(error.nanmean())


def predict(network: PatchLSTM, part: HeldOut) -> Tensor:
    """(rows, horizon, quantiles) forecasts of the held-out windows."""
    seasons = part.seasons[:, : network.config.season_slots]
    batches = zip(torch.split(part.history, 256), torch.split(seasons, 256), strict=True)
    with torch.no_grad():
        return torch.cat([network.forecast(*batch, part.actual.shape[1]) for batch in batches])


def row_errors(quantiles: Tensor, network: PatchLSTM, part: HeldOut) -> tuple[Tensor, Tensor]:
    """Errors of each held-out window, in units of part.naive, winsorised. NaN where there is nothing to compare.

    Returns: (rows,) mean pinball loss, doubled; (rows,) mean absolute error of the median.
    """
    levels = torch.tensor(network.config.quantile_levels, device=quantiles.device, dtype=quantiles.dtype)
    loss = 2 * pinball(quantiles, part.actual, levels) / part.unit
    error = (quantiles[..., network.config.median] - part.actual).abs() / part.unit
    return winsorised(loss.nanmean(1)), winsorised(error.nanmean(1))


def naive_mase(part: HeldOut) -> float:
    """MASE of seasonal naive on the held-out windows; the last value is repeated where a series has no season."""
    length, steps = part.history.shape[1], torch.arange(part.actual.shape[1], device=part.actual.device)
    season = part.seasons[:, :1]
    season = torch.where((season > 1) & (season < length), season, 1)
    error = (part.history.gather(1, length - season + steps % season) - part.actual).abs()
    return float(winsorised((error / part.unit).nanmean(1)).nanmean())


def winsorised(rows: Tensor) -> Tensor:
    """(rows,) errors, capped at WINSOR_FACTOR times their 90 % quantile.

    A series may hardly move before its held-out window: a product of which one piece was sold, and then a hundred a
    day. Its error is thousands of its own changes, and alone it would decide the choice for all series.
    """
    quantile = rows.nanquantile(0.9)
    return rows.clamp(max=WINSOR_FACTOR * quantile) if quantile > 0 else rows
