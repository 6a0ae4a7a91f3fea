"""Time of a stream's update and forecast against running the batch again, and the size of what is carried.

python benchmarks/streaming.py [--series 1,100,10000] [--steps 1200] [--updates 32] [--threads 2]

Hourly series with the season lengths 24 and 168, 64 steps ahead, the shipped weights, calibrate=False and True. An
update is one row for every series, as a dict of id -> value; 32 of them cross two ends of a patch, where whole patches
are read, and the mean counts. No row is recorded unless the stream forecasts what the batch does.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from contender import fingerprint
from record import record

from tidegate.forecasting.forecaster import forecast_panel
from tidegate.forecasting.model import ModelFile
from tidegate.forecasting.stream import Stream
from tidegate.series.dates.timeline import Timeline
from tidegate.series.panel import Panel

HORIZON, SEASONS = 64, (24, 168)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", default="1,100,10000")
    parser.add_argument("--steps", type=int, default=1200, help="length of the histories")
    parser.add_argument("--updates", type=int, default=32)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--dry-run", action="store_true", help="print, and add no rows to the results")
    arguments = parser.parse_args()
    model = ModelFile.load(threads=arguments.threads)
    counts = [int(count) for count in arguments.series.split(",")]
    rows = [measured(model, count, arguments.steps, arguments.updates, arguments.threads) for count in counts]
    if not arguments.dry_run:
        print(record("streaming", rows))


def waves(count: int, steps: int) -> np.ndarray:
    """(series, steps) days and weeks of hours with noise; seeded."""
    random = np.random.default_rng(0)
    hours = np.arange(steps)
    values = 100 + 20 * np.sin(2 * np.pi * (hours / 24 + random.random((count, 1))))
    values += 10 * np.sin(2 * np.pi * (hours / 168 + random.random((count, 1)))) + random.normal(size=values.shape)
    return values


def panel(values: np.ndarray) -> Panel:
    """One series for each row, named "series 0", ..."""
    count, steps = values.shape
    ids = {"id": np.array([f"series {number}" for number in range(count)], dtype=object)}
    return Panel(values.ravel(), np.arange(count + 1) * steps, Timeline.positions(count), ids)


def measured(model: ModelFile, count: int, steps: int, updates: int, threads: int) -> dict[str, object]:
    """One row: microseconds for each series, and bytes for each series."""
    values = waves(count, steps + updates)
    names = [f"series {number}" for number in range(count)]
    began = time.perf_counter()
    stream = Stream.start(model, panel(values[:, :steps]), HORIZON, season_length=SEASONS)
    start = time.perf_counter() - began
    seconds = []
    for step in range(steps, steps + updates):
        row = dict(zip(names, values[:, step].tolist(), strict=True))
        began = time.perf_counter()
        stream.update(row)
        seconds.append(time.perf_counter() - began)
    whole = panel(values)
    per_series = {"start": start, "update": statistics.mean(seconds), "update_slowest": max(seconds)}
    repetitions = 1 if count > 1000 else 10
    for name, calibrate in (("", False), ("_calibrated", True)):
        found, forecast = timed(lambda calibrate=calibrate: stream.forecast(calibrate=calibrate), repetitions)
        options = {"season_length": SEASONS, "calibrate": calibrate}
        expected, batch = timed(lambda options=options: forecast_panel(model, whole, HORIZON, **options), repetitions)
        if not np.allclose(found.quantiles, expected.quantiles, rtol=0, atol=1e-5 * values.std()):
            raise SystemExit("the stream does not forecast what the batch does: its speed would mean nothing")
        per_series |= {f"forecast{name}": forecast, f"batch{name}": batch}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.npz"
        stream.save(path)
        size = path.stat().st_size
    microseconds = {f"{name}_us": round(1e6 * spent / count, 2) for name, spent in per_series.items()}
    times = per_series["batch"] / per_series["update"]
    print(
        f"{count:6,} series: {microseconds}; the batch again costs {times:.0f} updates; {size / count:,.0f} bytes saved"
    )
    about = {"weights": fingerprint(model), "threads": threads, "series": count, "steps": steps, "horizon": HORIZON}
    return about | microseconds | {"batch_over_update": round(times, 1), "state_bytes": round(size / count)}


def timed(call, repetitions: int):
    """What the call gives, and the median of its seconds, once unmeasured."""
    found, seconds = call(), []
    for _ in range(repetitions):
        began = time.perf_counter()
        found = call()
        seconds.append(time.perf_counter() - began)
    return found, statistics.median(seconds)


if __name__ == "__main__":
    main()
