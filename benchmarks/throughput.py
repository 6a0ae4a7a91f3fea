"""Speed of the shipped network: series and operations a second, from file to file, memory, beside other methods.

python benchmarks/throughput.py [--model large|FILE] [--repetitions 10] [--threads 2] [--data DIR] [--dry-run]

Series of hourly values, 512 of them and 64 steps ahead where nothing else is said, with season lengths as a user with
dates gets them. Operations are those of the matrix products alone (two for each weight and use), beside what the
machine reaches just before and just after on the product of two float32 matrices of 2,048 x 2,048 (their mean, as
neighbours on the machine change it by half within a minute). The eight corner cases run in processes of their own, for
their memory. torch computes the same network from the same file, its equality is checked first; AutoTheta (with --data)
forecasts M4 hourly in as many processes as there are threads.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from contender import fingerprint
from record import record, spread
from tasks import TASKS, Dataset, Task, load

from tidegate.forecasting.forecaster import forecast_panel
from tidegate.forecasting.model import SHIPPED, ModelFile
from tidegate.series.panel import Panel
from tidegate.series.seasons import season_lengths

CONTEXT, HORIZON, MANY = 512, 64, 2048
LEVELS = (80, 95)
CORNERS = list(product((64, 2048), (8, 512), (1, 1024)))  # context, horizon, series

PRODUCT = """
import time
import numpy as np
a = np.random.default_rng(0).random((2048, 2048), np.float32)
times = []
for _ in range(12):
    began = time.perf_counter()
    a @ a
    times.append(time.perf_counter() - began)
print(2 * 2048**3 / sorted(times)[4])
"""


def series(count: int, context: int = CONTEXT) -> Panel:
    """Daily and weekly waves with noise, positive; seeded."""
    random = np.random.default_rng(0)
    hours = np.arange(context)
    daily = np.sin(2 * np.pi * (hours / 24 + random.random((count, 1))))
    weekly = np.sin(2 * np.pi * (hours / 168 + random.random((count, 1))))
    values = 100 + 20 * daily + 10 * weekly + 5 * random.normal(size=(count, context))
    return Dataset(Task("made", HORIZON, 24, "h"), list(values), []).panel


def timed(call: Callable[[], object], repetitions: int, *, warm: int = 1) -> list[float]:
    """Seconds of each repetition, after some that are not measured."""
    seconds = []
    for _ in range(repetitions + warm):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return seconds[warm:]


def operations(model: ModelFile, context: int, horizon: int) -> float:
    """Of the matrix products for one series, without past origins."""
    from tidegate.network.patch_lstm import PatchLSTM

    config = model.config
    shapes = {name: tuple(part.shape) for name, part in PatchLSTM(config).state_dict().items() if part.ndim == 2}
    each_patch = sum(int(np.prod(shape)) for name, shape in shapes.items() if not name.startswith("head"))
    each_block = sum(int(np.prod(shape)) for name, shape in shapes.items() if name.startswith("head"))
    blocks = -(-horizon // config.horizon)
    read = min(context, 2 * config.context_length)
    patches = -(-read // config.patch_length) + (blocks - 1) * config.horizon // config.patch_length
    return 2.0 * (patches * each_patch + blocks * each_block)


def product_rate(threads: int) -> float:
    """Operations a second of a float32 matrix product, as NumPy's library reaches them with so many threads."""
    environment = os.environ | {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    return float(
        subprocess.run([sys.executable, "-c", PRODUCT], env=environment, capture_output=True, check=True).stdout
    )


def peak_memory() -> float:
    """MB this process has used at most. Not getrusage's, which begins with what the parent had."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1024


def corner(model: ModelFile, context: int, horizon: int, count: int) -> dict[str, float]:
    """Median seconds of one forecast in this process, and its memory in MB: at most, and more than before."""
    panel = series(count, context)
    before = peak_memory()
    seconds = timed(lambda: forecast_panel(model, panel, horizon, levels=LEVELS), 3)
    most = peak_memory()
    return {"seconds": float(np.median(seconds)), "memory_mb": most, "more_mb": most - before}


def from_file_to_file(model: ModelFile, repetitions: int) -> list[float]:
    """Seconds of reading MANY series from a Parquet file, forecasting and writing them, in a warm process."""
    import tidegate

    panel = series(MANY)
    with tempfile.TemporaryDirectory() as folder:
        import duckdb

        names = np.repeat([f"meter {index}" for index in range(MANY)], CONTEXT).astype(object)
        hours = np.tile(np.datetime64("2024-01-01", "us") + np.arange(CONTEXT) * np.timedelta64(1, "h"), MANY)
        with duckdb.connect() as connection:
            connection.register("data", {"unique_id": names, "ds": hours, "y": panel.values})
            connection.execute(f"COPY (SELECT * FROM data) TO '{folder}/in.parquet' (FORMAT parquet)")
        opened = replace(tidegate.load(), file=model)
        source, out = f"{folder}/in.parquet", f"{folder}/out.parquet"
        return timed(lambda: tidegate.forecast(source, HORIZON, model=opened).save(out), repetitions)


def torch_seconds(model: ModelFile, panel: Panel, threads: int, repetitions: int) -> list[float]:
    """The same network by torch, on the same series in batches of the same size."""
    import torch

    from tidegate.network.model_file import load_network

    torch.set_num_threads(threads)
    network, _ = load_network(Path(str(model.source)))
    values = torch.from_numpy(panel.values.reshape(panel.size, -1))
    seasons = season_lengths(panel)
    keys = torch.from_numpy(seasons[:, : model.config.season_slots])

    def run() -> list[Any]:
        with torch.inference_mode():
            batches = zip(values.split(256), keys.split(256), strict=True)
            return [network.forecast(some, which, HORIZON).numpy() for some, which in batches]

    ours = model.predict(panel, HORIZON, model.config.quantile_levels, seasons)
    if not np.allclose(np.concatenate(run()), ours, rtol=1e-4, atol=1e-3):
        raise SystemExit("torch and the model file differ: speeds would mean nothing")
    return timed(run, repetitions)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model")
    parser.add_argument("--repetitions", type=int, default=10)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--data", type=Path, help="the folder of the public data sets, for AutoTheta on M4 hourly")
    parser.add_argument("--dry-run", action="store_true", help="print, and add no rows to the results")
    parser.add_argument("--corner", type=int, nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    model = ModelFile.load(arguments.model, threads=arguments.threads)
    if arguments.corner:
        print(json.dumps(corner(model, *arguments.corner)))
        return
    many, levels = series(MANY), model.config.quantile_levels
    one = many.select(np.array([0]))
    together, alone = (forecast_panel(model, panel, HORIZON, levels=LEVELS).quantiles[0] for panel in (many, one))
    if not np.array_equal(together, alone):
        raise SystemExit("a series is not forecast alike alone and in a batch: speeds would mean nothing")
    about = {"model": arguments.model or SHIPPED, "weights": fingerprint(model), "threads": arguments.threads}
    rows: list[dict[str, object]] = []

    def add(what: str, count: int, context: int, horizon: int, seconds: list[float], **more: float) -> None:
        rate = count / float(np.median(seconds))
        gigaflops = operations(model, context, horizon) * rate / 1e9 if context else 0.0  # another method: unknown
        shape = {"series": count, "context": context, "horizon": horizon}
        found = {"series_a_second": round(rate), "gflops": round(gigaflops), "matrix_gflops": round(limit / 1e9)}
        memory = {"memory_mb": round(more.get("memory_mb", 0)), "more_mb": round(more.get("more_mb", 0))}
        rows.append({"what": what, **about, **shape, **found, **memory, **spread(seconds)})
        share = f", {gigaflops:5.0f} GFLOP/s, {100 * gigaflops * 1e9 / limit:3.0f} % of a matrix product's"
        share = share if context else ""
        used = f"; {more['memory_mb']:5.0f} MB, {more['more_mb']:.0f} more than before" if more else ""
        print(f"{what:<28} {count:5} x {context:4} -> {horizon:3}: {rate:8,.0f} series/s{share}{used}", flush=True)

    repetitions = arguments.repetitions
    seasons = season_lengths(many)
    before = product_rate(arguments.threads)
    network = timed(lambda: model.predict(many, HORIZON, levels, seasons), repetitions)
    limit = (before + product_rate(arguments.threads)) / 2
    add("network", MANY, CONTEXT, HORIZON, network)
    add(
        "forecast",
        MANY,
        CONTEXT,
        HORIZON,
        timed(lambda: forecast_panel(model, many, HORIZON, levels=LEVELS), repetitions),
    )
    add("file to file", MANY, CONTEXT, HORIZON, from_file_to_file(model, max(2, repetitions // 2)))
    add("torch", MANY, CONTEXT, HORIZON, torch_seconds(model, many, arguments.threads, max(2, repetitions // 3)))
    add(
        "forecast, one series",
        1,
        CONTEXT,
        HORIZON,
        timed(lambda: forecast_panel(model, one, HORIZON), 10 * repetitions),
    )
    limit = product_rate(arguments.threads)
    for context, horizon, count in CORNERS:
        shape = [str(context), str(horizon), str(count)]
        command = [sys.executable, __file__, "--threads", str(arguments.threads), "--corner", *shape]
        command += ["--model", arguments.model] if arguments.model else []
        found = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
        add("corner", count, context, horizon, [found.pop("seconds")], **found)
    if arguments.data:
        from tidegate.evaluation.statistical import statistical

        hourly = load(TASKS[0], arguments.data).panel
        steps = TASKS[0].horizon
        longest = int(hourly.lengths.max())
        add("forecast, M4 hourly", hourly.size, longest, steps, timed(lambda: forecast_panel(model, hourly, steps), 3))
        theta = statistical("auto_theta", jobs=arguments.threads)
        add("AutoTheta, M4 hourly", hourly.size, 0, 0, timed(lambda: theta(hourly, steps, LEVELS), 1, warm=0))
    if not arguments.dry_run:
        print(record("throughput", rows))


if __name__ == "__main__":
    main()
