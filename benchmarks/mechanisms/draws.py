"""Parameters drawn once per series, and the noise that several mechanisms are driven by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Random = np.random.Generator


def uniform(random: Random, low: float, high: float, series: int) -> Floats:
    """(series, 1)."""
    return random.uniform(low, high, (series, 1))


def log_uniform(random: Random, low: float, high: float, series: int) -> Floats:
    """(series, 1), evenly spread over orders of magnitude."""
    return np.exp(random.uniform(np.log(low), np.log(high), (series, 1)))


def chance(random: Random, probability: float, series: int) -> NDArray[np.bool_]:
    """(series, 1)."""
    return random.random((series, 1)) < probability


def autoregressive(random: Random, series: int, steps: int, persistence: float | Floats) -> Floats:
    """(series, steps) AR(1) of unit standard deviation, begun in its stationary distribution."""
    share = np.broadcast_to(np.asarray(persistence, float).reshape(-1), (series,))
    shocks = random.normal(size=(series, steps)) * np.sqrt(1 - share**2)[:, None]
    path = np.empty((series, steps))
    now = random.normal(size=series)
    for step in range(steps):
        now = share * now + shocks[:, step]
        path[:, step] = now
    return path


def decaying(impulses: Floats, keep: float | Floats) -> Floats:
    """(series, steps) sum of past impulses, each fading by the factor `keep` per step."""
    share = np.broadcast_to(np.asarray(keep, float).reshape(-1), (len(impulses),))
    path = np.empty_like(impulses)
    now = np.zeros(len(impulses))
    for step in range(impulses.shape[1]):
        now = share * now + impulses[:, step]
        path[:, step] = now
    return path


def negative_binomial(random: Random, mean: Floats, dispersion: Floats) -> Floats:
    """Counts of the given mean whose variance is mean + mean**2 / dispersion: a Poisson with a gamma rate."""
    shape = np.broadcast_to(dispersion, mean.shape)
    return random.poisson(random.gamma(shape, mean / shape)).astype(float)
