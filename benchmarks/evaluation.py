"""Speed of a backtest, of the metrics and of the report.

python benchmarks/evaluation.py [--data DIR] [--repetitions 3] [--threads 2]

Aims on 2 cores: a zero-shot backtest of M4 hourly (414 series, 5 windows of 48 steps, baselines aside) under 5 s; all
metrics of one method on 30,000 series of 28 steps under 0.5 s; the report of 1,000 series under 3 s and 15 MB. Without
--data the backtest runs on made series of M4 hourly's number, length and frequency.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from contender import fingerprint
from record import record, spread
from tasks import TASKS, Dataset, load

from tidegate.evaluation import metrics
from tidegate.evaluation.backtest import Backtest, Contender, backtest
from tidegate.evaluation.baselines import TITLES, around, baseline
from tidegate.evaluation.report import report_page
from tidegate.forecasting.forecaster import forecast_panel, wanted_levels
from tidegate.forecasting.model import ModelFile
from tidegate.forecasting.result import Forecast
from tidegate.series.panel import Panel
from tidegate.series.synthetic import trend_and_season

HOURLY = next(task for task in TASKS if task.dataset == "m4_hourly")
SERIES, LENGTH, WINDOWS = 414, 960, 5
METRIC_SERIES, METRIC_STEPS = 30_000, 28
REPORT_SERIES, REPORT_LENGTH, REPORT_HORIZON = 1_000, 200, 12
LEVELS = (80.0, 95.0)


def made(series: int, length: int, frequency: str = "h") -> Panel:
    """Daily waves with noise, positive; seeded."""
    values = [20 + trend_and_season(length, season_length=24, noise=0.3, seed=seed) for seed in range(series)]
    return Dataset(replace(HOURLY, frequency=frequency), values, []).panel


def hourly(folder: Path | None) -> Panel:
    """M4 hourly, its test part included: what its last windows are compared with."""
    if folder is None:
        return made(SERIES, LENGTH)
    found = load(HOURLY, folder)
    pairs = zip(found.histories, found.actuals, strict=True)
    return replace(found, histories=[np.concatenate(pair) for pair in pairs]).panel


def zero_shot(panel: Panel, model: ModelFile, horizon: int) -> Backtest:
    """Of the shipped model alone, calibrated, as `tidegate backtest` runs it."""

    def forecaster(history: Panel, steps: int, levels: tuple[float, ...]) -> Forecast:
        return forecast_panel(model, history, steps, levels=levels)

    contender = Contender("Tidegate", lambda history: forecaster, is_model=True)
    return backtest(panel, [contender], horizon, windows=WINDOWS)


def all_metrics(actual: np.ndarray, quantiles: np.ndarray, levels: tuple[float, ...], scale: np.ndarray) -> None:
    """Every metric of one method, a number per series. quantiles: (series, steps, levels)."""
    point = quantiles[..., levels.index(0.5)]
    metrics.mase(actual, point, scale)
    metrics.rmsse(actual, point, scale)
    metrics.mae(actual, point)
    metrics.rmse(actual, point)
    smape = metrics.smape(actual, point)
    metrics.mape(actual, point)
    metrics.bias(actual, point)
    metrics.owa(smape, smape, smape, smape)
    metrics.pinball(actual, quantiles, levels)
    metrics.wql(actual, quantiles, levels, axis=(0, 1))
    metrics.scaled_crps(actual, quantiles, levels, scale)
    for level in (0, 1):
        low, high = quantiles[..., level], quantiles[..., -1 - level]
        metrics.winkler(actual, low, high, LEVELS[1 - level])
        metrics.coverage(actual, low, high)
        metrics.width(low, high)


def reported() -> Backtest:
    """A backtest of 1,000 series whose forecasts cost nothing, beside the plain baselines."""

    def forecaster(panel: Panel, horizon: int, levels: tuple[float, ...]) -> Forecast:
        point = np.full((panel.size, horizon), 20.0)
        return around(panel, horizon, levels, point, np.ones((*point.shape, len(levels))))

    contenders = [Contender("Tidegate", lambda history: forecaster, is_model=True)]
    for name in ("naive", "seasonal_naive", "drift", "naive2"):
        found = baseline(name)
        contenders.append(Contender(TITLES[name], lambda history, found=found: found))
    panel = made(REPORT_SERIES, REPORT_LENGTH)
    panel = replace(panel, ids={"id": np.array([f"series {index}" for index in range(REPORT_SERIES)], object)})
    return backtest(panel, contenders, REPORT_HORIZON, windows=WINDOWS)


def timed(call: Callable[[], object], repetitions: int) -> list[float]:
    seconds = []
    for _ in range(repetitions):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the Parquet files")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    model = ModelFile.load(threads=arguments.threads)
    panel = hourly(arguments.data)
    random = np.random.default_rng(0)
    levels = wanted_levels((20, 40, 60, 80, 95), ())
    quantiles = np.sort(random.standard_normal((METRIC_SERIES, METRIC_STEPS, len(levels))), axis=-1)
    actual, scale = random.standard_normal((METRIC_SERIES, METRIC_STEPS)), 1 + random.random(METRIC_SERIES)
    result = reported()
    pages: list[str] = []

    def page() -> None:
        # A copy, since a backtest keeps its scores and verdict once they are computed.
        pages.append(report_page(replace(result)))

    what = "M4 hourly" if arguments.data else "made series"
    calls: list[tuple[str, str, float, Callable[[], object]]] = [
        ("backtest", f"{what}: {panel.size} series, {WINDOWS} windows of {HOURLY.horizon}", 5.0,
         lambda: zero_shot(panel, model, HOURLY.horizon)),
        ("metrics", f"{METRIC_SERIES} series of {METRIC_STEPS} steps, {len(levels)} quantiles", 0.5,
         lambda: all_metrics(actual, quantiles, levels, scale)),
        ("report", f"{REPORT_SERIES} series, {WINDOWS} windows of {REPORT_HORIZON}, 5 methods", 3.0, page),
    ]  # fmt: skip
    rows: list[dict[str, object]] = []
    for name, size, aim, call in calls:
        seconds = spread(timed(call, arguments.repetitions))
        rows.append({"what": name, "size": size, "threads": arguments.threads, "aim_s": aim, **seconds})
        print(f"{name:<9}{size}: {seconds['median_s']:.3f} s ({seconds['min_s']} to {seconds['max_s']}; aim {aim} s)")
    megabytes = len(pages[-1].encode()) / 1e6
    print(f"report: {megabytes:.2f} MB (aim 15 MB); weights {fingerprint(model)}")
    about = {"weights": fingerprint(model), "report_megabytes": round(megabytes, 2)}
    print(record("evaluation", [row | about for row in rows]))


if __name__ == "__main__":
    main()
