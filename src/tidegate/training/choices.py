"""What `fit` chooses by itself, every rule with its reason; what was measured is in docs/fit-experiments.md."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, SupportsFloat

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ConfigError
from tidegate.forecasting.config import INTERVALS, ModelConfig
from tidegate.series.panel import Panel
from tidegate.training.windows import OriginPlan

LONGEST_HORIZON = 512  # a network of its own predicts at most so many steps at once; beyond, masked patches
LONGEST_CONTEXT = 512  # and reads blocks of at most so many
LONGEST = 1.5  # times the usual number of steps that a generous time limit leads to
SEASON_VALUES = 20_000  # values of held-out windows that season lengths are chosen by, for each second of a time limit
MUCH_HELD_OUT = 0.2  # share of all values that is worth more to the last trainings than longer first ones are
ENOUGH = 2 / 3  # share of the usual number of steps from which on time is better kept for training once more
FEW_STEPS = 10  # fewer are not worth a training
WORTHWHILE = 0.005  # log of the least gain beyond doubt that anything is changed for: the future differs
FEW_VALUES = 30.0  # over the number of values that are known: what is asked for where that is more
UNSETTLED = 0.5  # share of the steps of a training from nothing before which it is not stopped: its rate is still high
AS_GOOD = 0.02  # so much worse than its best epoch, within doubt, may the epoch be that a training keeps
IN_DOUBT = 0.01  # so much less of that gain may the mean of two networks have than one alone: it varies less
AS_ACCURATE = 0.01  # share by which the median of what is chosen may err more, where its loss is smaller beyond doubt
LOOKED_AT = 500  # series at most from which to tell whether logarithms suit a panel
MOSTLY_GROWTH = 0.5  # mean share of the variance of the logarithms that is a straight line
HARDLY_A_SWING = 0.1  # median range of the logarithms within a horizon
LEVEL = 0.1  # share of a training's steps before its rate falls: those whose time is taken, however many follow
TIMED = 0.05  # share of a time limit in which the first steps are timed
BESIDE = 1.4  # times as long as on all cores a step takes beside another training, with a core for each
BUDGET = 0.9  # share of a time limit that is planned for: a machine may slow down


@dataclass(frozen=True)
class FitPlan:
    """How to train. One training is at most `max_steps` steps, validated `epochs` times at equal distances.

    Attributes:
        seed: of the first training; every further one takes the next number.
        max_steps: of each training. A time limit lowers it, or raises it up to LONGEST times. Where little is held out,
            no time is kept for training once more on everything before they have ENOUGH of them.
        transfer_share: of max_steps, for weights that know something where a network of its own is trained beside them:
            they are at their best sooner, and their steps take longer.
        members: trainings, once more and to the same steps, of each kind that is kept, on everything: the newest
            values, which were held out, are those that tell most about what comes. Several are averaged, which is
            slower to forecast with and hardly better: docs/fit-experiments.md. None: one, where there is time for it;
            0: what was validated is kept.
        intervals: "model": widths from the errors on the held-out windows, shrunk towards the network's own;
            "conformal": the ranks of split conformal prediction, as they are.
        time_limit: seconds in all; None: as long as it takes.
        transfer_rate: learning rate from weights that know something, which a higher one makes them forget.
        scratch_rate: from nothing. Both are for Muon and AdamW, warmed up, level at first, then falling to zero along a
            line.
        batch_values: values per batch: 12 windows of 1,000 steps, 100 of 120.
        average: decay of the running average of the weights; it is what is validated and kept.
        patience: epochs in a row that are not as good as the best one (`as_good`; of weights that know something: not
            better) before a training stops; from nothing not in its first half (UNSETTLED).
        windows: held-out windows at the end of each series; one alone says more about its own days than about the
            network.
        held_rows: windows in all, which few long series come to by holding out up to a tenth of each: three windows of
            eight random walks tell nothing.
        blends: how far to go from the start weights to the trained ones; the validation part decides. Half way is
            often better than either end (Wortsman et al., 2022, "Robust fine-tuning of zero-shot models").
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
            limit: object = self.time_limit  # what a caller gave may be anything
            seconds = float(limit) if isinstance(limit, SupportsFloat) else math.nan
            if not 0 < seconds < math.inf:
                raise ConfigError(f"time_limit {limit!r}: expected seconds, more than 0; without it there is no limit")
            object.__setattr__(self, "time_limit", seconds)  # a plain number also where NumPy's was given

    @property
    def epoch_steps(self) -> int:
        return max(1, math.ceil(self.max_steps / self.epochs))

    @property
    def level_steps(self) -> int:
        """The first steps, whose rates are the same however many follow."""
        return int(LEVEL * self.max_steps)

    def rate(self, step: int, peak: float) -> float:
        """Learning rate at a step: warm-up, level for a while, then down to zero along a line."""
        falling = (self.max_steps - step) / (self.max_steps - self.level_steps)
        return peak * min(1.0, (step + 1) / max(1, self.warmup)) * min(1.0, falling)


def origins(config: ModelConfig, horizon: int) -> OriginPlan:
    """Which forecasts are trained: those asked for, at more origins of a window than when pretraining.

    Windows are drawn again and again, so more origins of each are cheap news; steps beyond the horizon asked for
    would use up what the network can learn; masked patches are needed only where the horizon is longer than the
    network's own. Series that repeat closely weigh more, as they do in MASE.
    """
    beyond = horizon > config.horizon
    return OriginPlan(full=16, masked_share=0.5 if beyond else 0.0, reach=horizon, season_power=0.5)


def own_config(panel: Panel, horizon: int, asked: dict[str, Any], context_length: int | None = None) -> ModelConfig:
    """The shape of a network of its own.

    Patches of 16 values, of 4 for short horizons or short series, where 16 steps would be most of what is known. 128
    wide, which trains in half a minute on a laptop.

    Args:
        context_length: of the network beside which it will stand in one file; else blocks that hold the longest series,
            up to LONGEST_CONTEXT.
    """
    patch = 4 if horizon < 16 or int(np.median(panel.lengths)) < 128 else 16
    if context_length is None:
        longest = max(int(panel.lengths.max(initial=1)), 2 * patch)
        context_length = min(LONGEST_CONTEXT, 2 ** math.ceil(math.log2(longest)))
    predicted = min(LONGEST_HORIZON, -(-horizon // patch) * patch)
    shape: dict[str, Any] = {"hidden_size": 128, "embedding_size": 128, "head_size": 192, **asked}
    return ModelConfig(context_length=context_length, patch_length=patch, horizon=predicted, **shape)


def log_unit(panel: Panel, horizon: int) -> float:
    """Half the smallest value where a network of its own is to read logarithms, 0 where it is to read values.

    All values have to be positive, and the series to swing rather than to grow: growth in logarithms goes on for ever.
    Where they hardly swing, logarithms are values in other units.
    """
    smallest = float(np.nanmin(panel.values, initial=math.inf))
    if not 0 < smallest < math.inf:
        return 0.0
    growths, swings = [], []
    for place in np.unique(np.linspace(0, panel.size - 1, LOOKED_AT).astype(np.int64)):
        series = panel[place]
        known = np.flatnonzero(~np.isnan(series))
        logarithms = np.log(series[known])
        if len(known) < max(3, horizon) or not np.ptp(logarithms) > 0:
            continue
        growths.append(np.corrcoef(known, logarithms)[0, 1] ** 2)
        swings.append(np.median(np.ptp(logarithms[len(known) % horizon :].reshape(-1, horizon), axis=1)))
    if not swings or np.mean(growths) > MOSTLY_GROWTH or np.median(swings) < HARDLY_A_SWING:
        return 0.0
    return 0.5 * smallest


def least_gain(values: int) -> float:
    """Log of the least gain beyond doubt that start weights are given up for, where so many values are known.

    The fewer they are, the sooner a network of half a million numbers knows them by heart, and the more often the
    windows of one short series are forecast better by luck. From some thousand values on it is WORTHWHILE.
    """
    return max(WORTHWHILE, FEW_VALUES / max(1, values))


def affordable_steps(plan: FitPlan, seconds: float, once: float, again: float, held_share: float) -> int:
    """Steps of each training so that all of them end in time.

    Args:
        seconds: for all of them.
        once, again: seconds that a step of all first trainings takes, and one of all those on everything.
        held_share: of all values, how many are held out. Unless that is much, or members were asked for, none are
            given up for training once more where those that are left would not be enough.
    """
    together = seconds / (once + again)
    if plan.members is not None or held_share > MUCH_HELD_OUT or together >= ENOUGH * plan.max_steps:
        return int(together)
    return int(min(seconds / once, plan.max_steps))


def careful_gain(
    losses: NDArray[np.float64], start: NDArray[np.float64], window: NDArray[np.int64], series: NDArray[np.int64]
) -> float:
    """Log of how much better than the start weights a candidate is on the held-out windows, with doubt subtracted.

    The doubt is one standard error. Series of one panel share their good and bad times, and the windows of a series
    their ways, so rows count as alike within a window and within a series (Cameron, Gelbach & Miller, 2011, "Robust
    inference with multiway clustering"). A single window tells nothing of other times: 2 % at least is asked of it.

    Args: (rows,): losses of the candidate and of the start weights, NaN for none, and of which window and series.
    """
    known = np.isfinite(losses) & np.isfinite(start)
    if not known.any() or not start[known].mean() > 0:
        return -math.inf
    before, now = start[known].mean(), losses[known].mean()
    if now == 0:
        return math.inf
    parts = (start[known] / before - losses[known] / now) / known.sum()  # of each row in the gain, to first order
    by_window, by_series = _variance(parts, window[known]), _variance(parts, series[known])
    doubt = math.sqrt(max(by_window, by_series, by_window + by_series - float(parts @ parts)))
    if len(np.unique(window[known])) == 1:
        doubt = max(doubt, 0.02)
    return math.log(before / now) - doubt


def as_good(
    losses: NDArray[np.float64], best: NDArray[np.float64], window: NDArray[np.int64], series: NDArray[np.int64]
) -> bool:
    """Whether a later epoch of a training is as good as the best one so far: not worse beyond doubt, nor by much.

    The best of a few noisy figures is a matter of luck; of those that cannot be told apart the latest is the steadiest,
    as its learning rate has fallen furthest.
    Args: (rows,) each, as for `careful_gain`.
    """
    known = np.isfinite(losses) & np.isfinite(best)
    if losses[known].sum() > math.exp(AS_GOOD) * best[known].sum():
        return False
    return careful_gain(best, losses, window, series) <= 0


def _variance(parts: NDArray[np.float64], group: NDArray[np.int64]) -> float:
    """Of the sum of some parts, where those of one group move together; 0 for a single group, which cannot tell."""
    sums = np.bincount(np.unique(group, return_inverse=True)[1], parts)
    return float(sums @ sums) * len(sums) / (len(sums) - 1) if len(sums) > 1 else 0.0
