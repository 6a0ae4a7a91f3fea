"""The choice of an exponential smoothing beside the networks: its constants, and whether it does good at all.

docs/fit-experiments.md has the measurements behind the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import torch
from torch import Tensor

from tidegate.forecasting.config import ModelConfig, Smoothing
from tidegate.network.causal import History
from tidegate.network.patch_lstm import PatchLSTM, align
from tidegate.network.smoothing import shift, smoothed_values, state_weights
from tidegate.training.evidence import least_gain
from tidegate.training.fit_data import FitData
from tidegate.training.samples import HeldOut
from tidegate.training.selection import Candidate, is_reliably_better, scored
from tidegate.training.training_run import winsorised

# Constants to try: what the newest error counts for level, trend and season, and how the trend is damped.
LEVELS, TRENDS, SEASONS, DAMPINGS = (0.1, 0.2, 0.35, 0.6), (0.01, 0.05, 0.15), (0.05, 0.15, 0.3), (0.9, 0.97)
LEAST_SERIES = 20  # with held-out windows: those of few series, which share good and bad times, choose by luck


def with_smoothing(best: Candidate, networks: Sequence[PatchLSTM], data: FitData) -> Candidate:
    """The choice of a fit, moved towards the exponential smoothing that suits the held-out windows best.

    The smoothing has the same share as each of the networks' starting points. It is kept by the rules for trained
    networks (`is_reliably_better`), measured from `best`.

    Args: networks: all that were trained; any of them may be among those that forecast.
    Returns: `best` itself if no smoothing is reliably better, or if a network brings one of its own.
    """
    part, config = data.selection_windows, networks[0].config
    if any(network.config.smoothing for network in networks) or len(np.unique(part.series.cpu())) < LEAST_SERIES:
        return best
    positive = bool(np.nanmin(data.panel.values) > 0)
    season = usual_season(part, config) if all(network.config.season_slots for network in networks) else 1
    tried = constants(1 / (1 + len(best.blends)), season, logarithms=positive)
    values, lengths = align(part.history, config.context_length)
    history = History.of(values)
    values = history.filled * history.unit + history.first
    read = smoothed_values(values, lengths[:, None], tried[0], config.smoothing_window)[:, 0]
    weights = torch.from_numpy(state_weights(tried, config.smoothing_window)).to(read)
    medians = best.quantiles[..., config.median]

    def away(place: int) -> Tensor:
        return shift(medians, read, part.seasons, tried[place], weights[place])

    def error(place: int) -> float:
        return float(winsorised(((medians + away(place) - part.actual).abs() / part.unit).nanmean(1)).nanmean())

    chosen = min(range(len(tried)), key=error)
    moved = scored(best.blends, best.quantiles + away(chosen)[..., None], networks[0], part)
    is_better = is_reliably_better(moved, best, part, least_gain(data.known_values))
    return replace(moved, smoothing=tried[chosen]) if is_better else best


def usual_season(part: HeldOut, config: ModelConfig) -> int:
    """The first season length that most held-out windows show; 1 if most show none, or one too long to be smoothed."""
    lengths, counts = np.unique(part.seasons[:, 0].cpu(), return_counts=True)
    usual = int(lengths[counts.argmax()])
    return usual if 1 < usual <= config.smoothing_window // 2 else 1


def constants(share: float, season_length: int, *, logarithms: bool) -> Sequence[Smoothing]:
    """All smoothings to try."""
    seasons = SEASONS if season_length > 1 else SEASONS[:1]
    return [Smoothing(share, *each, season_length, logarithms) for each in product(LEVELS, TRENDS, seasons, DAMPINGS)]
