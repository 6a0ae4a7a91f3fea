"""Which of the trained networks are kept, by their forecasts of the held-out windows."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.forecasting.calibration import LIMIT, PRIOR
from tidegate.forecasting.conformal import conformal_factors
from tidegate.network.patch_lstm import PatchLSTM
from tidegate.training.choices import FitPlan, careful_gain
from tidegate.training.course import predict, row_errors
from tidegate.training.samples import HeldOut

Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class Group:
    """The trainings of one kind: what each came to, and the network it began with (no starts: from nothing)."""

    trained: Sequence[PatchLSTM]
    starts: Sequence[PatchLSTM] = ()


@dataclass(frozen=True)
class Candidate:
    """A forecast of the held-out windows: of some groups, each blended so far from its start weights.

    Attributes:
        blends: group -> share of the way from its start weights to the trained ones; 0: the start weights.
        quantiles: (rows, horizon, levels), the mean over all networks.
        losses: (windows,) mean over the series of each window.
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


def networks_of(groups: Sequence[Group], blends: Mapping[int, float]) -> tuple[PatchLSTM, ...]:
    """The networks of a candidate, those with the longest patches first."""
    chosen: list[PatchLSTM] = []
    for place, share in blends.items():
        group = groups[place]
        if share == 1:
            chosen += group.trained
        elif share == 0:
            chosen += dict.fromkeys(group.starts)  # members of one start are the same network
        else:
            pairs = zip(group.starts, group.trained, strict=True)
            chosen += [blended(start, trained, share) for start, trained in pairs]
    return tuple(sorted(chosen, key=lambda network: -network.config.patch_length))


def candidates(groups: Sequence[Group], part: HeldOut, plan: FitPlan) -> list[Candidate]:
    """Every group at every blend, its start weights first, and of two groups every mean of the two."""
    singles: list[Candidate] = []
    for place, group in enumerate(groups):
        for share in (0.0, *plan.blends) if group.starts else (1.0,):
            networks = networks_of(groups, {place: share})
            quantiles = torch.stack([predict(network, part) for network in networks]).mean(0)
            singles.append(_scored({place: share}, quantiles, networks[0], part))
    if len(groups) == 1 or len({group.trained[0].config.quantile_levels for group in groups}) > 1:
        return singles
    pairs = [
        _scored({**a.blends, **b.blends}, 0.5 * (a.quantiles + b.quantiles), groups[0].trained[0], part)
        for a in singles
        for b in singles
        if 0 in a.blends
        and 1 in b.blends
        # a mean over all networks of a file is a mean of the two groups only where both have as many
        and len(networks_of(groups, a.blends)) == len(networks_of(groups, b.blends))
    ]
    return singles + pairs


def _scored(blends: Mapping[int, float], quantiles: Tensor, network: PatchLSTM, part: HeldOut) -> Candidate:
    loss, error = row_errors(quantiles, network, part)
    windows = [loss[part.window == window].nanmean() for window in range(int(part.window.max()) + 1)]
    return Candidate(blends, quantiles, np.array([float(one) for one in windows]), float(error.nanmean()))


def choose(found: Sequence[Candidate]) -> Candidate:
    """The best candidate; the first one, the start weights, unless another is better beyond doubt (`careful_gain`)."""
    first = found[0]
    if 0.0 not in first.blends.values():  # nothing to fall back on: the smallest loss
        return min(found, key=lambda one: float(np.nanmean(one.losses)))
    best = max(found[1:], key=lambda one: careful_gain(one.losses, first.losses))
    return best if careful_gain(best.losses, first.losses) > 0 else first


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
