"""Accuracy of the shipped weights, or of --model FILE, on public series they have never seen.

python benchmarks/zero_shot.py --data DIR

DIR holds Parquet files with the columns unique_id, y and split (train or test), as benchmarks/README.md describes. One
window per series: the network reads the train part and forecasts the test part. MASE is scaled by the in-sample
m-step difference and averaged over series; WQL is the pinball loss at 0.1 .. 0.9, doubled, over the sum of |actual|.
Season lengths are those of each set's frequency, as for a user whose table has dates.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from record import record

from tidegate.forecasting.forecaster import forecast_panel
from tidegate.forecasting.model import Model
from tidegate.series.calendar import Frequency, Timeline
from tidegate.series.panel import Panel

WQL_LEVELS = tuple(round(0.1 * k, 1) for k in range(1, 10))


@dataclass(frozen=True)
class Task:
    """One set: steps to forecast, the published m of its MASE, and its frequency, which tells the season lengths."""

    dataset: str
    horizon: int
    m: int
    frequency: str


TASKS = (
    Task("m4_hourly", 48, 24, "h"),
    Task("m4_weekly", 13, 1, "W"),
    Task("tourism_monthly", 24, 12, "MS"),
    Task("tourism_quarterly", 8, 4, "QS"),
    Task("tourism_yearly", 4, 1, "YS"),
    Task("nn5_daily", 56, 1, "D"),
    Task("exchange_rate_daily", 30, 5, "B"),
    Task("etth1", 24, 24, "h"),
    Task("aus_retail_monthly", 24, 12, "MS"),
)


def load(path: Path) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The train and test part of every series."""
    import duckdb

    query = "select unique_id, y::double as y, split = 'train' as train from read_parquet(?)"
    columns = duckdb.execute(query, [str(path)]).fetchnumpy()
    values = np.ma.filled(columns["y"], np.nan)
    first = np.flatnonzero(np.append(True, columns["unique_id"][1:] != columns["unique_id"][:-1]))
    whole = zip(np.split(values, first[1:]), np.split(columns["train"], first[1:]), strict=True)
    pairs = [(y[train.astype(bool)], y[~train.astype(bool)]) for y, train in whole]
    return [train for train, _ in pairs], [test for _, test in pairs]


def scores(
    train: list[np.ndarray], test: list[np.ndarray], quantiles: np.ndarray, levels: list[float], m: int
) -> dict[str, float]:
    """Means over series; series without a test value or with a zero scale are left out of MASE."""
    at = {level: index for index, level in enumerate(levels)}
    mase, smape, cover80, cover95 = [], [], [], []
    loss = total = 0.0
    for history, actual, forecast in zip(train, test, quantiles, strict=True):
        seen = ~np.isnan(actual)
        if not seen.any():
            continue
        actual, forecast = actual[seen], forecast[seen]
        median = forecast[:, at[0.5]]
        changes = np.abs(history[m:] - history[:-m])
        scale = np.nanmean(changes) if np.isfinite(changes).any() else 0.0
        if scale > 0:
            mase.append(np.abs(actual - median).mean() / scale)
        size = np.abs(actual) + np.abs(median)
        smape.append(np.mean(200 * np.abs(actual - median) / np.where(size > 0, size, 1)))
        cover80.append(np.mean((forecast[:, at[0.1]] <= actual) & (actual <= forecast[:, at[0.9]])))
        cover95.append(np.mean((forecast[:, at[0.025]] <= actual) & (actual <= forecast[:, at[0.975]])))
        for level in WQL_LEVELS:
            error = actual - forecast[:, at[level]]
            loss += 2 * np.maximum(level * error, (level - 1) * error).sum() / len(WQL_LEVELS)
        total += np.abs(actual).sum()
    means = {"mase": mase, "smape": smape, "coverage_80": cover80, "coverage_95": cover95}
    return {"wql": loss / total} | {name: float(np.mean(values)) for name, values in means.items()}


def seasonal_naive(train: list[np.ndarray], horizon: int, m: int) -> np.ndarray:
    """(series, horizon) the last m values over and over, missing ones filled with the last value before them."""
    rows = []
    for history in train:
        known = history[np.maximum.accumulate(np.where(np.isnan(history), 0, np.arange(len(history))))]
        rows.append(np.resize(known[-m:], horizon))
    return np.stack(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    arguments = parser.parse_args()
    model = Model.load(arguments.model)
    rows: list[dict[str, object]] = []
    print(
        f"{'set':<22}{'naive':>8}{'MASE':>8}{'relative':>10}{'WQL':>9}{'sMAPE':>8}{'80 %':>7}{'95 %':>7}{'seconds':>9}"
    )
    for task in TASKS:
        train, test = load(arguments.data / f"{task.dataset}.parquet")
        offsets = np.concatenate([[0], np.cumsum([len(series) for series in train])]).astype(np.int64)
        panel = Panel(np.concatenate(train), offsets, timeline(task, len(train)))
        began = time.perf_counter()
        forecast = forecast_panel(model, panel, task.horizon, quantile_levels=WQL_LEVELS)
        seconds = time.perf_counter() - began
        found = scores(train, test, forecast.quantiles, list(forecast.quantile_levels), task.m)
        naive = seasonal_naive(train, task.horizon, task.m)
        reference = scores(train, test, np.repeat(naive[..., None], 11, -1), list(forecast.quantile_levels), task.m)
        relative = found["mase"] / reference["mase"]
        rows.append({"dataset": task.dataset, "naive_mase": reference["mase"], "relative_mase": relative, **found})
        print(
            f"{task.dataset:<22}{reference['mase']:8.3f}{found['mase']:8.3f}{relative:10.3f}{found['wql']:9.4f}"
            f"{found['smape']:8.2f}{100 * found['coverage_80']:7.1f}{100 * found['coverage_95']:7.1f}{seconds:9.2f}"
        )
    mean = float(np.exp(np.mean([np.log(float(str(row["relative_mase"]))) for row in rows])))
    print(f"geometric mean of MASE relative to seasonal naive: {mean:.3f}")
    print(
        record(
            "zero_shot", [{key: round(v, 4) if isinstance(v, float) else v for key, v in row.items()} for row in rows]
        )
    )


def timeline(task: Task, series: int) -> Timeline:
    """The set's frequency; the dates themselves do not matter, and several sets have none."""
    starts = np.full(series, np.datetime64("2000-01-03", "us"))
    return replace(Timeline.positions(series), frequency=Frequency.parse(task.frequency), starts=starts)


if __name__ == "__main__":
    main()
