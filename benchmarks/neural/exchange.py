"""What benchmarks/peers.py and the programs beside this file hand each other; they share no packages but NumPy."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

UNBOUNDED = 10**7  # steps or epochs: time is what ends training


@dataclass(frozen=True)
class Job:
    """Train on all series and forecast each from its end.

    values, offsets: the series one after another, nothing missing; series k is values[offsets[k]:offsets[k + 1]].
    context: steps the network reads. season: steps per season. frequency: a calendar word, "h".
    seconds: of training at most.
    """

    values: np.ndarray
    offsets: np.ndarray
    horizon: int
    context: int
    season: int
    frequency: str
    seconds: float
    seed: int

    @property
    def series(self) -> list[np.ndarray]:
        return np.split(self.values, self.offsets[1:-1])

    def save(self, path: Path) -> None:
        np.savez(path, **asdict(self))

    @classmethod
    def load(cls, path: Path) -> Job:
        with np.load(path) as found:
            return cls(**{name: found[name] if found[name].ndim else found[name].item() for name in found.files})


def run(forecast: Callable[[Job], tuple[np.ndarray, float, int]]) -> None:
    """The whole of a program: read the job, write (series, horizon) forecasts, seconds of fitting and steps taken."""
    parser = argparse.ArgumentParser()
    parser.add_argument("job", type=Path)
    parser.add_argument("result", type=Path)
    arguments = parser.parse_args()
    job = Job.load(arguments.job)
    forecasts, seconds, steps = forecast(job)
    expected = (len(job.offsets) - 1, job.horizon)
    if forecasts.shape != expected or not np.isfinite(forecasts).all():
        raise SystemExit(
            f"forecasts {forecasts.shape} with {np.isfinite(forecasts).sum()} numbers, expected {expected}"
        )
    np.savez(arguments.result, forecasts=forecasts, seconds=seconds, steps=steps)
