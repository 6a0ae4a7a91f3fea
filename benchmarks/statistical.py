"""AutoTheta and AutoETS of statsforecast (extra "stats") on the public sets; computed once, then read from a table.

A row of results/statistical.csv belongs to the values of the set (their fingerprint), the version of statsforecast, the
season length and the number of values read of each series: where one of these is another, there is no row yet, and
`python benchmarks/zero_shot.py --data DIR --baselines` adds it.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from record import RESULTS
from scoring import LEVELS, Scores, score
from tasks import Dataset

from tidegate.evaluation.baselines import seasonal_naive
from tidegate.evaluation.statistical import statistical
from tidegate.forecasting.result import Forecast

METHODS = {"auto_theta": "AutoTheta", "auto_ets": "AutoETS"}
TABLE = RESULTS / "statistical.csv"
KEY = ("dataset", "method", "fingerprint", "statsforecast", "season", "last")


def forecast(name: str, dataset: Dataset) -> Forecast:
    """From the last `task.last` values of each series; a series the method fails on gets seasonal naive's forecast."""
    task = dataset.task
    recent = replace(dataset, histories=[history[-task.last :] for history in dataset.histories]).panel
    found = statistical(name, season_length=task.season_length, jobs=1)(recent, task.horizon, LEVELS)
    instead = seasonal_naive(recent, task.horizon, LEVELS, season_length=task.season_length)
    failed = np.isnan(found.quantiles).any(axis=(1, 2), keepdims=True)
    if failed.any():
        print(f"{METHODS[name]} fails on {failed.sum()} series of {task.dataset}: seasonal naive instead")
    return replace(found, quantiles=np.where(failed, instead.quantiles, found.quantiles))


def scores(dataset: Dataset) -> dict[str, Scores]:
    """What is known of each method on the set; a method without a row for these very values is absent."""
    table = read()
    keys = {title: key_of(dataset, title) for title in METHODS.values()}
    return {title: table[key] for title, key in keys.items() if key in table}


def compute(dataset: Dataset) -> None:
    """Add the rows that are absent to the table; minutes for a set of some hundred series of a thousand values."""
    for name, title in METHODS.items():
        if key_of(dataset, title) not in read():
            print(f"{title} on {dataset.task.dataset} ...", flush=True)
            write(read() | {key_of(dataset, title): score(dataset, forecast(name, dataset))})


def key_of(dataset: Dataset, title: str) -> tuple[str, ...]:
    """What a row belongs to, in the order of KEY."""
    task = dataset.task
    longest = max(len(history) for history in dataset.histories)
    last = str(task.last) if longest > task.last else "all"
    return task.dataset, title, dataset.fingerprint, installed(), str(task.season_length), last


def installed() -> str:
    """Version of statsforecast; without it, the newest one in the table, so that what is known can be shown."""
    try:
        return version("statsforecast")
    except PackageNotFoundError:
        return max((key[KEY.index("statsforecast")] for key in read()), default="")


def read() -> dict[tuple[str, ...], Scores]:
    """All rows by their key."""
    if not TABLE.exists():
        return {}
    with TABLE.open(newline="") as file:
        return {tuple(row[part] for part in KEY): Scores.from_row(row) for row in csv.DictReader(file)}


def write(table: dict[tuple[str, ...], Scores]) -> None:
    """The whole table, in the order of its keys, so that a change is a small diff."""
    rows = [dict(zip(KEY, key, strict=True)) | table[key].row() for key in sorted(table)]
    with TABLE.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
