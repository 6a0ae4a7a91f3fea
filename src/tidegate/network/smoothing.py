"""Exponential smoothing beside the network: Holt and Winters' method with a damped trend and an additive season.

With fixed constants, level, trend and season are sums of the values read, each with a fixed weight. So the recurrence
runs once, over weights instead of values, and a forecast is a matrix product from any origin: no loop over time.

Source: Hyndman & Athanasopoulos, "Forecasting: Principles and Practice", 3rd edition, section 8.3.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.forecasting.config import ModelConfig, Smoothing
from tidegate.network.causal import LOG_LIMIT, History, from_logarithms, take

Array = NDArray[np.float64]


def state_weights(several: Sequence[Smoothing], window: int) -> Array:
    """(smoothings, 2 + season_length, window): weights of the last values, the oldest first, in the state after them.

    The state is the level, the trend, and the season of the next step, of the one after it, and so on. At first the
    level and the season are those of the first two seasons in the window, and there is no trend.

    Args: several: with the same season length, of which the window holds two at least.
    """
    length = several[0].season_length
    constants = [(one.level, one.trend, one.season, one.damping) for one in several]
    for_level, for_trend, for_season, damping = np.array(constants).T[:, :, None]
    profile = np.zeros((length, window))
    for step in range(2 * length):
        profile[step % length, step] = 0.5
    average = profile.mean(0)
    level = np.repeat(average[None], len(several), 0)
    trend = np.zeros_like(level)
    season = np.repeat((profile - average)[:, None], len(several), 1)  # (season_length, smoothings, window)
    for step in range(window):
        expected = level + damping * trend
        error = -expected - season[step % length]
        error[:, step] += 1.0
        level = expected + for_level * error
        trend = damping * trend + for_level * for_trend * error
        if length > 1:
            season[step % length] += for_season * (1.0 - for_level) * error
    season = np.roll(season, -(window % length), axis=0)
    return np.concatenate([level[None], trend[None], season]).swapaxes(0, 1)


def smoothed_values(values: Tensor, known: Tensor, smoothing: Smoothing, window: int) -> Tensor:
    """(batch, origins, window): what is read at each origin; NaN where less than one season is known, and for values
    without a logarithm where logarithms are smoothed.

    In front of a shorter history stands its first season, again and again; or the mean of its first two.

    Args:
        values: (batch, time) from the first observed value on, without gaps.
        known: (batch, origins) how many of them are known.
    """
    length = smoothing.season_length
    if smoothing.logarithms:
        values = torch.where(values > 0, values, torch.nan).log()
    index = known[..., None] + torch.arange(-window, 0, device=values.device)
    phase = index.remainder(length)
    first, second = take(values, phase), take(values, phase + length)
    enough = known[..., None]
    front = torch.where(enough >= 2 * length, 0.5 * (first + second), first)
    front = torch.where(enough >= length, front, torch.nan)
    return torch.where(index >= 0, take(values, index), front)


def forecast(read: Tensor, smoothing: Smoothing, horizon: int, weights: Tensor) -> Tensor:
    """(..., horizon) forecasts, no farther out of the range of what was read than that range is wide.

    Args: read (..., window), weights (2 + season_length, window) of `state_weights`.
    """
    state, steps = read @ weights.T, torch.arange(horizon, device=read.device)
    damping = smoothing.damping
    passed = damping * (1.0 - damping ** (steps + 1).to(read)) / (1.0 - damping)  # steps that the trend has gone
    season = state[..., 2:][..., steps % smoothing.season_length]
    points = state[..., :1] + state[..., 1:2] * passed + season
    low, high = read.amin(-1, keepdim=True), read.amax(-1, keepdim=True)
    return points.clamp(2.0 * low - high, 2.0 * high - low)


def shift(medians: Tensor, read: Tensor, seasons: Tensor, smoothing: Smoothing, weights: Tensor) -> Tensor:
    """(batch, horizon) how far to move forecasts whose medians these are; 0 for series that are not smoothed.

    Args: read (batch, window), seasons (batch, slots), weights (2 + season_length, window) of `state_weights`.
    """
    points = forecast(read, smoothing, medians.shape[1], weights)
    points = points.clamp(max=LOG_LIMIT).exp() if smoothing.logarithms else points
    is_smoothed = has_season(seasons, smoothing.season_length) & ~points.isnan()
    return smoothing.share * torch.where(is_smoothed, points - medians, 0.0)


def moved(quantiles: Tensor, history: History, known: Tensor, seasons: Tensor, config: ModelConfig) -> Tensor:
    """Quantiles (batch, horizon, quantiles) moved towards the smoothing's forecast from the end of each history.

    Args: known (batch,) steps of each history, seasons (batch, slots).
    """
    smoothing = config.smoothing
    if smoothing is None:
        return quantiles
    values = from_logarithms(history.filled * history.unit + history.first, config.log_unit)
    read = smoothed_values(values, known[:, None], smoothing, config.smoothing_window)[:, 0]
    weights = torch.from_numpy(state_weights([smoothing], config.smoothing_window)[0]).to(read)
    return quantiles + shift(quantiles[..., config.median], read, seasons, smoothing, weights)[..., None]


def has_season(seasons: Tensor, length: int) -> Tensor:
    """(batch, 1) whether a series shows the season that is smoothed; without a season every series does."""
    return (seasons == length).any(1, keepdim=True) | (length == 1)
