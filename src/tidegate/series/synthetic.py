"""Small seeded series for the tutorial, demos and tests: the sine wave, its windows, and a few other shapes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ConfigError, DataError

Floats = NDArray[np.float64]


def sine_wave(
    length: int,
    *,
    period: float = 25.0,
    amplitude: float = 1.0,
    phase: float = 0.0,
    noise: float = 0.0,
    seed: int = 0,
) -> Floats:
    """The tutorial's series: amplitude * sin(2 pi (t / period + phase)) at t = 0 .. length - 1, plus white noise.

    Args:
        period: steps per wave. phase: in waves, so 0.25 starts at the crest.
        noise: standard deviation of the noise, in the units of the series.
    Returns: (length,) float64, the same for the same seed.
    """
    check_length(length)
    if not period > 0:
        raise ConfigError(f"period {period}: expected a number of steps above 0")
    wave = amplitude * np.sin(2 * np.pi * (np.arange(length) / period + phase))
    return wave + noise * np.random.default_rng(seed).standard_normal(length)


def windows(series: Floats, length: int, stride: int = 1) -> tuple[Floats, Floats]:
    """Cut a series into windows: points 1..k are the inputs, points 2..k+1 the targets.

    Args:
        series: (n,) with n > length.
        length: k, the points in each window. stride: steps from the start of one window to the next.
    Returns: inputs and targets, each (windows, length).
    Raises: DataError if the series is too short for one window; ConfigError for a length or stride below 1.
    """
    if length < 1 or stride < 1:
        raise ConfigError(f"windows of length {length} with stride {stride}: both must be at least 1")
    if len(series) <= length:
        raise DataError(
            f"a series of {len(series)} values has no window of {length} inputs and their targets: "
            f"give at least {length + 1} values or a shorter window"
        )
    both = np.lib.stride_tricks.sliding_window_view(series, length + 1)[::stride]
    return both[:, :-1].copy(), both[:, 1:].copy()


def trend_and_season(
    length: int, *, season_length: int = 12, slope: float = 0.0, noise: float = 0.1, seed: int = 0
) -> Floats:
    """A straight line plus a random seasonal shape of size about 1 plus white noise: (length,) float64."""
    check_length(length)
    rng = np.random.default_rng(seed)
    steps = np.arange(length)
    shape = rng.standard_normal(season_length)
    return slope * steps + shape[steps % season_length] + noise * rng.standard_normal(length)


def random_walk(length: int, *, step: float = 1.0, seed: int = 0) -> Floats:
    """The running sum of independent normal steps, starting at 0: (length,) float64. Nothing beats its last value."""
    check_length(length)
    steps = step * np.random.default_rng(seed).standard_normal(length)
    return np.cumsum(steps) - steps[0]


def check_length(length: int) -> None:
    """Raise ConfigError unless `length` is at least 1."""
    if length < 1:
        raise ConfigError(f"length {length}: expected a whole number from 1")
