"""Which of the trained networks are kept, by their forecasts of the held-out windows."""

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

from tidegate.forecasting.calibration import LIMIT, PRIOR
from tidegate.forecasting.conformal import conformal_factors
from tidegate.network.patch_lstm import PatchLSTM
from tidegate.training.choices import AS_ACCURATE, IN_DOUBT, FitPlan, careful_gain
from tidegate.training.course import predict, row_errors
from tidegate.training.kinds import Kind
from tidegate.training.samples import HeldOut
from tidegate.training.side_by_side import pool_for

ROWS_OF_A_CORE = 128  # held-out windows that are forecast at once
Mixture = list[tuple[PatchLSTM, float]]  # networks, and the share of each in their mean


@dataclass(frozen=True)
class Group:
    """A kind, and what its trainings came to: for every member a network from each of the kind's starts."""

    kind: Kind
    trained: Sequence[PatchLSTM]

    def at(self, blend: float) -> Mixture:
        """So far from the start weights to the trained ones; 1 where there are no start weights."""
        if not blend:
            return list(zip(self.kind.starts, self.kind.shares, strict=True))
        networks = self.trained
        if blend < 1:
            networks = [
                blended(start, one, blend) for one, start in zip(networks, cycle(self.kind.starts), strict=False)
            ]
        members = len(networks) / len(self.kind.shares)
        return [(one, share / members) for one, share in zip(networks, cycle(self.kind.shares), strict=False)]


@dataclass(frozen=True)
class Candidate:
    """A forecast of the held-out windows: of some groups, each blended so far from its start weights.

    Attributes:
        blends: group -> share of the way from its start weights to the trained ones; 0: the start weights.
        quantiles: (rows, horizon, levels), the mean over all networks.
        losses: (rows,) of each held-out window.
        mase: mean over all rows.
    """

    blends: Mapping[int, float]
    quantiles: Tensor
    losses: NDArray[np.float64]
    mase: float


def blended(start: PatchLSTM, trained: PatchLSTM, share: float) -> PatchLSTM:
    """Weights on the straight line between two networks of one shape."""
    network = copy.deepcopy(trained)
    with torch.no_grad():
        for mine, first in zip(network.parameters(), start.parameters(), strict=True):
            mine.copy_(torch.lerp(first, mine, share))
    return network


def mixture(groups: Sequence[Group], blends: Mapping[int, float]) -> Mixture:
    """The networks of a candidate, those with the longest patches first; each group has the same share."""
    parts = [
        (network, share / len(blends)) for place, blend in blends.items() for network, share in groups[place].at(blend)
    ]
    return sorted(parts, key=lambda part: -part[0].config.patch_length)


def mixed(parts: Mixture, held_out: HeldOut) -> Tensor:
    """(rows, horizon, quantiles): what networks forecast together, a core for each part of the rows."""
    some = held_out.parts(ROWS_OF_A_CORE)
    with pool_for(len(some), held_out.actual.device) as pool:
        forecasts = [share * torch.cat(list(pool.map(partial(predict, network), some))) for network, share in parts]
    return torch.stack(forecasts).sum(0)


def candidates(groups: Sequence[Group], part: HeldOut, plan: FitPlan) -> list[Candidate]:
    """Every group at every blend, its start weights first, and of two groups every mean of the two."""
    singles: list[Candidate] = []
    for place, group in enumerate(groups):
        for blend in (0.0, *plan.blends) if group.kind.starts else (1.0,):
            quantiles = mixed(group.at(blend), part)
            singles.append(_scored({place: blend}, quantiles, group.trained[0], part))
    if len(groups) == 1 or len({group.trained[0].config.quantile_levels for group in groups}) > 1:
        return singles
    pairs = [
        _scored({**a.blends, **b.blends}, 0.5 * (a.quantiles + b.quantiles), groups[0].trained[0], part)
        for a in singles
        for b in singles
        if 0 in a.blends and 1 in b.blends
    ]
    return singles + pairs


def _scored(blends: Mapping[int, float], quantiles: Tensor, network: PatchLSTM, part: HeldOut) -> Candidate:
    loss, error = row_errors(quantiles, network, part)
    return Candidate(blends, quantiles, loss.cpu().numpy(), float(error.nanmean()))


def choose(found: Sequence[Candidate], part: HeldOut, least: float) -> Candidate:
    """The best candidate; the first one, the start weights, unless the loss of another is smaller by more than `least`
    beyond doubt (`careful_gain`, `least_gain`), and the error of its median no larger by more than AS_ACCURATE. Of
    those, a mean of two groups where there is one that is as good within IN_DOUBT."""
    first, window, series = found[0], part.window.cpu().numpy(), part.series.cpu().numpy()

    def gain(one: Candidate) -> float:
        return careful_gain(one.losses, first.losses, window, series)

    if 0.0 not in first.blends.values():  # nothing to fall back on: the smallest loss
        return min(found, key=lambda one: float(np.nanmean(one.losses)))
    better = [one for one in found[1:] if one.mase <= (1 + AS_ACCURATE) * first.mase and gain(one) > least]
    most = max(map(gain, better), default=0.0)
    means = [one for one in better if len(one.blends) > 1 and gain(one) > most - IN_DOUBT]
    return max(means or better, key=gain, default=first)


def calibration(candidate: Candidate, network: PatchLSTM, part: HeldOut, intervals: str) -> tuple[float, ...]:
    """Factors of the central intervals, from the errors on the held-out windows of all series.

    Split conformal where that is asked for; else shrunk towards 1 by n / (n + PRIOR) windows, since what is kept was
    chosen on the same windows. An interval that n windows are too few for is left as it is.
    """
    actual, quantiles = part.actual.cpu().numpy(), candidate.quantiles.cpu().numpy()
    factors, count = conformal_factors(actual, quantiles, network.config.quantile_levels)
    factors = np.where(np.isfinite(factors), np.clip(factors, 1 / LIMIT, LIMIT), 1.0)
    if intervals != "conformal":
        factors = factors ** (count / (count + PRIOR))
    return tuple(float(factor) for factor in factors)
