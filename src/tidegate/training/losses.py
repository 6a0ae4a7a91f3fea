"""Losses of quantile forecasts, as functions of tensors."""

from __future__ import annotations

import torch
from torch import Tensor


def pinball(predicted: Tensor, target: Tensor, quantile_levels: Tensor) -> Tensor:
    """Pinball loss averaged over the levels; at level 0.5 it is half the absolute error.

    Args:
        predicted: (..., quantiles).
        target: (...), same units.
        quantile_levels: (quantiles,) between 0 and 1.
    Returns: (...), zero or larger. Source: Koenker & Bassett (1978), "Regression quantiles".
    """
    error = target[..., None] - predicted
    return torch.maximum(quantile_levels * error, (quantile_levels - 1.0) * error).mean(-1)


def squared(predicted: Tensor, target: Tensor, quantile_levels: Tensor) -> Tensor:
    """Squared error of the only level: the tutorial's loss. Same shapes as `pinball`, one level."""
    return (target[..., None] - predicted).square().mean(-1)
