"""The choice of what to keep: candidates are compared by their forecasts of the held-out windows."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.forecasting.calibration import LIMIT, SHRINKAGE_WINDOWS
from tidegate.forecasting.config import Smoothing
from tidegate.forecasting.conformal import conformal_factors
from tidegate.network.patch_lstm import PatchLSTM
from tidegate.training.evidence import careful_gain
from tidegate.training.plan import FitPlan
from tidegate.training.samples import HeldOut
from tidegate.training.side_by_side import pool_for
from tidegate.training.starting_points import StartingPoint
from tidegate.training.training_run import predict, row_errors

ENSEMBLE_MARGIN = 0.01  # log gain that a mean of two networks may lack: it varies less than a single network
MEDIAN_MARGIN = 0.01  # share by which the MASE of the choice may be larger than that of the start weights
BATCH_ROWS = 128  # held-out windows per forecast, each batch on one core
Ensemble = list[tuple[PatchLSTM, float]]  # networks with their shares in the mean forecast


@dataclass(frozen=True)
class Group:
    """The trained networks of a starting point: for each member, one per network of the starting point, or one."""

    start: StartingPoint
    trained: Sequence[PatchLSTM]

    def at(self, blend: float) -> Ensemble:
        """The networks at a share of the way from the start weights to the trained ones; from scratch, 1."""
        if not blend:
            return list(zip(self.start.networks, self.start.shares, strict=True))
        networks = self.trained
        if blend < 1:
            firsts = cycle(self.start.networks)
            networks = [interpolated(first, last, blend) for last, first in zip(networks, firsts, strict=False)]
        members = len(networks) / len(self.start.shares)
        return [(network, share / members) for network, share in zip(networks, cycle(self.start.shares), strict=False)]


@dataclass(frozen=True)
class Candidate:
    """A forecast of the held-out windows by one group, or by the mean of several.

    Attributes:
        blends: for each group, the share of the way from the start weights to the trained ones; 0: the start weights.
        quantiles: (rows, horizon, levels), the mean over all networks.
        losses: (rows,) of the held-out windows.
        mase: mean over all rows.
        smoothing: what the quantiles are moved towards.
    """

    blends: Mapping[int, float]
    quantiles: Tensor
    losses: NDArray[np.float64]
    mase: float
    smoothing: Smoothing | None = None


def interpolated(start: PatchLSTM, trained: PatchLSTM, share: float) -> PatchLSTM:
    """A network whose weights lie at a share of the straight line between two networks of the same shape."""
    network = copy.deepcopy(trained)
    with torch.no_grad():
        for weights, first in zip(network.parameters(), start.parameters(), strict=True):
            weights.copy_(torch.lerp(first, weights, share))
    return network


def ensemble(groups: Sequence[Group], blends: Mapping[int, float]) -> Ensemble:
    """The networks of a candidate, the longest patches first. Each group has the same share."""
    parts = [
        (network, share / len(blends)) for place, blend in blends.items() for network, share in groups[place].at(blend)
    ]
    return sorted(parts, key=lambda part: -part[0].config.patch_length)


def ensemble_forecast(parts: Ensemble, held_out: HeldOut) -> Tensor:
    """(rows, horizon, quantiles): the weighted mean forecast of the networks. Batches of rows run side by side."""
    some = held_out.parts(BATCH_ROWS)
    with pool_for(len(some), held_out.actual.device) as pool:
        forecasts = [share * torch.cat(list(pool.map(partial(predict, network), some))) for network, share in parts]
    return torch.stack(forecasts).sum(0)


def candidates(groups: Sequence[Group], part: HeldOut, plan: FitPlan) -> list[Candidate]:
    """Each group at each blend, the start weights first; and for two groups, each mean of the two."""
    singles: list[Candidate] = []
    for place, group in enumerate(groups):
        for blend in (0.0, *plan.blends) if group.start.networks else (1.0,):
            quantiles = ensemble_forecast(group.at(blend), part)
            singles.append(scored({place: blend}, quantiles, group.trained[0], part))
    if len(groups) == 1 or len({group.trained[0].config.quantile_levels for group in groups}) > 1:
        return singles
    pairs = [
        scored({**a.blends, **b.blends}, 0.5 * (a.quantiles + b.quantiles), groups[0].trained[0], part)
        for a in singles
        for b in singles
        if 0 in a.blends and 1 in b.blends
    ]
    return singles + pairs


def scored(blends: Mapping[int, float], quantiles: Tensor, network: PatchLSTM, part: HeldOut) -> Candidate:
    """The candidate of these forecasts of the held-out windows."""
    loss, error = row_errors(quantiles, network, part)
    return Candidate(blends, quantiles, loss.cpu().numpy(), float(error.nanmean()))


def choose(found: Sequence[Candidate], part: HeldOut, least: float) -> Candidate:
    """The candidate to keep.

    A candidate replaces the first one, the start weights, if it `is_reliably_better`. The largest gain wins. A mean of
    two groups wins over a single group that gains more by less than ENSEMBLE_MARGIN. From scratch, the smallest mean
    loss wins.
    """
    first = found[0]

    def gained(candidate: Candidate) -> float:
        return gain(candidate, first, part)

    if 0.0 not in first.blends.values():  # there are no start weights to keep
        return min(found, key=lambda candidate: float(np.nanmean(candidate.losses)))
    better = [one for one in found[1:] if is_reliably_better(one, first, part, least)]
    most = max(map(gained, better), default=0.0)
    means = [one for one in better if len(one.blends) > 1 and gained(one) > most - ENSEMBLE_MARGIN]
    return max(means or better, key=gained, default=first)


def gain(candidate: Candidate, first: Candidate, part: HeldOut) -> float:
    """Log gain of a candidate over another one, beyond doubt (`careful_gain`)."""
    return careful_gain(candidate.losses, first.losses, part.window.cpu().numpy(), part.series.cpu().numpy())


def is_reliably_better(candidate: Candidate, first: Candidate, part: HeldOut, least: float) -> bool:
    """Whether it gains more than `least` over another candidate, and its MASE is larger by at most MEDIAN_MARGIN."""
    return candidate.mase <= (1 + MEDIAN_MARGIN) * first.mase and gain(candidate, first, part) > least


def calibration(candidate: Candidate, network: PatchLSTM, part: HeldOut, intervals: str) -> tuple[float, ...]:
    """Factors of the central intervals, the outermost first, from the errors on the held-out windows of all series.

    "conformal" gives the factors of split conformal prediction. "model" shrinks their logarithms by
    n / (n + SHRINKAGE_WINDOWS), n windows, because the candidate was chosen on the same windows. The factor is 1 for an
    interval for which n windows are too few.
    """
    actual, quantiles = part.actual.cpu().numpy(), candidate.quantiles.cpu().numpy()
    factors, count = conformal_factors(actual, quantiles, network.config.quantile_levels)
    factors = np.where(np.isfinite(factors), np.clip(factors, 1 / LIMIT, LIMIT), 1.0)
    if intervals != "conformal":
        factors = factors ** (count / (count + SHRINKAGE_WINDOWS))
    return tuple(float(factor) for factor in factors)
