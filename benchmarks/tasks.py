"""The public data sets: what is forecast, how it is scored, and how their files are read.

A set is a Parquet file with the columns unique_id, y (missing: null or NaN) and split (train or test), rows of a series
together and in time order. One window per series: what is marked test is forecast from what is marked train.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tidegate.series.dates.frequency import Frequency
from tidegate.series.dates.timeline import Timeline
from tidegate.series.panel import Panel

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Task:
    """One set, or one kind of synthetic series.

    Attributes:
        dataset: its name, and that of its file.
        horizon: steps to forecast.
        m: the m of MASE and of the seasonal naive forecast, as in published tables.
        frequency: tells Tidegate the season lengths, as dates would; None: it finds them in the values.
        season: season length told to AutoTheta and AutoETS; None: m.
        last: these two read only the last so many values of each series, since they need minutes for longer ones.
    """

    dataset: str
    horizon: int
    m: int
    frequency: str | None
    season: int | None = None
    last: int = 2000

    @property
    def season_length(self) -> int:
        """What AutoTheta and AutoETS are told."""
        return self.season or self.m


TASKS = (
    Task("m4_hourly", 48, 24, "h"),
    Task("m4_weekly", 13, 1, "W"),
    Task("tourism_monthly", 24, 12, "MS"),
    Task("tourism_quarterly", 8, 4, "QS"),
    Task("tourism_yearly", 4, 1, "YS"),
    Task("nn5_daily", 56, 1, "D", season=7),
    Task("exchange_rate_daily", 30, 5, "B"),
    Task("etth1", 24, 24, "h"),
    Task("aus_retail_monthly", 24, 12, "MS"),
)


@dataclass(frozen=True)
class Dataset:
    """histories: what is known of each series; actuals: the (horizon,) values after it. NaN where missing."""

    task: Task
    histories: list[Floats]
    actuals: list[Floats]

    @cached_property
    def panel(self) -> Panel:
        """The histories, with the frequency of the set; the dates themselves do not matter, and several have none."""
        lengths = [len(history) for history in self.histories]
        timeline = Timeline.positions(len(lengths))
        if self.task.frequency is not None:
            starts = np.full(len(lengths), np.datetime64("2000-01-03", "us"))
            timeline = replace(timeline, frequency=Frequency.parse(self.task.frequency), starts=starts)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return Panel(np.concatenate(self.histories), offsets, timeline)

    @cached_property
    def fingerprint(self) -> str:
        """12 hexadecimal digits of all values, known and to be forecast."""
        digest = hashlib.sha256()
        for history, actual in zip(self.histories, self.actuals, strict=True):
            digest.update(np.int64(len(history)).tobytes() + history.tobytes() + actual.tobytes())
        return digest.hexdigest()[:12]


def load(task: Task, folder: Path) -> Dataset:
    """The set's file, cut where its split says."""
    import duckdb

    query = "select unique_id, y::double as y, split = 'train' as train from read_parquet(?)"
    columns = duckdb.execute(query, [str(folder / f"{task.dataset}.parquet")]).fetchnumpy()
    values = np.ma.filled(columns["y"], np.nan)
    ids = columns["unique_id"]
    first = np.flatnonzero(np.append(True, ids[1:] != ids[:-1]))
    whole = zip(np.split(values, first[1:]), np.split(columns["train"].astype(bool), first[1:]), strict=True)
    pairs = [(y[train], y[~train]) for y, train in whole]
    return Dataset(task, [train for train, _ in pairs], [test for _, test in pairs])
