"""Speed of the shipped network in a warm process: series a second in batches, and one series alone.

python benchmarks/throughput.py [--model large|FILE] [--repetitions 20] [--threads 2]

Series of 512 hourly values, 64 steps ahead, with season lengths as a user with dates gets them. Batches of 256 are what
Model.predict makes of many series; both are timed, the network alone and the whole call `forecast_panel` with its
seasons, levels and bounds. Aims on 2 cores with the default size: 1,500 series a second, one series under 8 ms. Before
anything is timed, a series in the batch must be forecast as it is alone.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from contender import fingerprint
from record import record, spread
from tasks import Dataset, Task

from tidegate.forecasting.forecaster import forecast_panel
from tidegate.forecasting.model import SHIPPED, Model
from tidegate.series.panel import Panel
from tidegate.series.seasons import season_lengths

CONTEXT, HORIZON, BATCH = 512, 64, 256
TASK = Task("made", HORIZON, 24, "h")
LEVELS = (80, 95)


def series(count: int) -> Panel:
    """Daily and weekly waves with noise, positive; seeded."""
    random = np.random.default_rng(0)
    hours = np.arange(CONTEXT)
    daily = np.sin(2 * np.pi * (hours / 24 + random.random((count, 1))))
    weekly = np.sin(2 * np.pi * (hours / 168 + random.random((count, 1))))
    values = 100 + 20 * daily + 10 * weekly + 5 * random.normal(size=(count, CONTEXT))
    return Dataset(TASK, list(values), []).panel


def timed(call: Callable[[], object], repetitions: int) -> list[float]:
    """Seconds of each repetition, after two that are not measured."""
    seconds = []
    for _ in range(repetitions + 2):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return seconds[2:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model")
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--dry-run", action="store_true", help="print, and add no rows to the results")
    arguments = parser.parse_args()
    model = Model.load(arguments.model, threads=arguments.threads)
    many = series(BATCH)
    one = replace(many, values=many[0], offsets=many.offsets[:2], timeline=many.timeline.select(np.array([0])))
    together, alone = (forecast_panel(model, panel, HORIZON, levels=LEVELS).quantiles[0] for panel in (many, one))
    if not np.allclose(together, alone, rtol=1e-4):
        raise SystemExit("a series is not forecast alike alone and in a batch: speeds would mean nothing")
    levels, seasons = model.config.quantile_levels, season_lengths(many)
    calls: dict[str, tuple[int, Callable[[], object]]] = {
        "network, batch": (BATCH, lambda: model.predict(many, HORIZON, levels, seasons)),
        "forecast, batch": (BATCH, lambda: forecast_panel(model, many, HORIZON, levels=LEVELS)),
        "network, one series": (1, lambda: model.predict(one, HORIZON, levels, seasons[:1])),
        "forecast, one series": (1, lambda: forecast_panel(model, one, HORIZON, levels=LEVELS)),
    }
    about = {"model": arguments.model or SHIPPED, "weights": fingerprint(model), "threads": arguments.threads}
    rows = []
    for what, (count, call) in calls.items():
        times = spread(timed(call, arguments.repetitions))
        rate = round(count / float(str(times["median_s"])))
        rows.append({"what": what, **about, "series": count, "context": CONTEXT, "horizon": HORIZON} | times)
        milliseconds = [1000 * float(str(times[name])) for name in ("median_s", "min_s", "max_s")]
        print(f"{what:<21}{{:8.1f}} ms (from {{:.1f}} to {{:.1f}}), {rate:6,} series/s".format(*milliseconds))
    if not arguments.dry_run:
        print(record("throughput", rows))


if __name__ == "__main__":
    main()
