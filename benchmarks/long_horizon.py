"""ETTh1 by the protocol of the long-horizon papers (LTSF): MSE and MAE over all test windows, zero-shot and after fit.

python benchmarks/long_horizon.py --data DIR [--horizons 96,720] [--seconds 300] [--seed 0] [--members 3]
    [--lookback 96] [--no-fit]

The file's column ltsf_split gives 12, 4 and 4 months for training, validation and test. A window begins at every step
of the test part that leaves room for the horizon, in each of the 7 channels: 2,785 x 7 for 96 steps, 2,161 x 7 for
720, the last, smaller batch included (some published code drops it). Values are standardised by mean and deviation of
the training part; errors are averaged over windows, steps and channels. `fit` sees training and validation parts,
nothing of the test part, and at most --seconds.

The median is forecast, one channel at a time. Tidegate reads what its context holds before each origin, unless
--lookback says how much; the published figures are those of a lookback of 96 steps, and tuned on this very set.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from contender import Contender
from record import record
from tasks import Dataset, Task

from tidegate.evaluation.baselines import seasonal_naive
from tidegate.forecasting.forecaster import forecast_panel
from tidegate.forecasting.model import ModelFile
from tidegate.series.panel import Panel

Floats = np.ndarray
SEASON, CHUNK = 24, 1024  # steps; windows at once
# MSE at 96 and 720 steps, lookback 96. Source: the papers of the methods, as SegRNN (Lin et al., 2023) and iTransformer
# (Liu et al., 2024) report them.
PUBLISHED = {
    "SegRNN": {96: 0.368, 720: 0.446},
    "iTransformer": {96: 0.386, 720: 0.503},
    "DLinear": {96: 0.386, 720: 0.519},
}


@dataclass(frozen=True)
class Channels:
    """values: (channels, steps) of all parts but the unused. known: steps of training and validation. mean, deviation:
    (channels,) of the training part."""

    values: Floats
    known: int
    mean: Floats
    deviation: Floats


def load(folder: Path) -> Channels:
    import duckdb

    query = "select unique_id, y, ltsf_split from read_parquet(?) where ltsf_split <> 'unused' order by unique_id, ds"
    columns = duckdb.execute(query, [str(folder / "etth1.parquet")]).fetchnumpy()
    channels = len(np.unique(columns["unique_id"]))
    values = np.ma.filled(columns["y"], np.nan).reshape(channels, -1)
    part = np.asarray(columns["ltsf_split"]).reshape(channels, -1)[0]
    train = values[:, part == "train"]
    return Channels(values, int((part != "test").sum()), train.mean(axis=1), train.std(axis=1))


def panel_of(histories: list[Floats], horizon: int) -> Panel:
    return Dataset(Task("etth1", horizon, SEASON, "h"), histories, []).panel


def windows(data: Channels, horizon: int) -> Iterator[list[tuple[int, int]]]:
    """(channel, origin) of all windows, some at a time; the origin is the position of the first step forecast."""
    channels, steps = data.values.shape
    every = [(channel, origin) for channel in range(channels) for origin in range(data.known, steps - horizon + 1)]
    for begin in range(0, len(every), CHUNK):
        yield every[begin : begin + CHUNK]


Forecaster = Callable[[Panel, int], Floats]  # (series, horizon) points


def errors(data: Channels, horizon: int, forecaster: Forecaster, start: Callable[[int], int]) -> dict[str, float]:
    """MSE and MAE of standardised values over all windows. start: origin -> where the history given begins."""
    squared = absolute = 0.0
    count = 0
    for batch in windows(data, horizon):
        histories = [data.values[channel, start(origin) : origin] for channel, origin in batch]
        points = forecaster(panel_of(histories, horizon), horizon)
        actual = np.stack([data.values[channel, origin : origin + horizon] for channel, origin in batch])
        scaled = (points - actual) / data.deviation[[channel for channel, _ in batch], None]
        squared, absolute = squared + float(np.square(scaled).sum()), absolute + float(np.abs(scaled).sum())
        count += len(batch)
    return {"windows": count, "mse": squared / (count * horizon), "mae": absolute / (count * horizon)}


def of_model(model: ModelFile) -> Forecaster:
    def points(panel: Panel, horizon: int) -> Floats:
        return forecast_panel(model, panel, horizon, levels=(), bounds=False, calibrate=False).at(0.5)

    return points


def naive(panel: Panel, horizon: int) -> Floats:
    return seasonal_naive(panel, horizon, (), season_length=SEASON).at(0.5)


def reading(context: int, lookback: int | None) -> Callable[[int], int]:
    """Where the history of an origin begins: as the network itself would cut it, or `lookback` steps before."""
    return lambda origin: origin - lookback if lookback else context * max(origin // context - 1, 0)


def fitted(
    data: Channels, horizon: int, seconds: float, seed: int, members: int | None = None
) -> tuple[ModelFile, float]:
    """A network trained on the training and validation parts, and the seconds that took."""
    from tidegate.training.fit import fit

    panel = panel_of(list(data.values[:, : data.known]), horizon)
    began = time.perf_counter()
    trained = fit(panel, horizon, time_limit=seconds, seed=seed, members=members)
    return trained.model, time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the Parquet files")
    parser.add_argument("--horizons", default="96,720", help="steps, with commas; left out, 96,720")
    parser.add_argument("--seconds", type=float, default=300, help="time limit of fit; left out, 300")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--members", type=int, help="last trainings that are averaged; left out, as fit decides")
    parser.add_argument("--lookback", type=int, help="steps before each origin that are shown; left out, all")
    parser.add_argument("--no-fit", action="store_true", help="zero-shot only")
    arguments = parser.parse_args()
    data, shipped = load(arguments.data), Contender.open(None)
    for horizon in map(int, arguments.horizons.split(",")):
        methods: list[tuple[str, Forecaster, int, float]] = [
            ("seasonal naive", naive, SEASON, 0.0),
            ("zero-shot", of_model(shipped.model), shipped.model.config.context_length, 0.0),
        ]
        if not arguments.no_fit:
            model, seconds = fitted(data, horizon, arguments.seconds, arguments.seed, arguments.members)
            name = f"fit, {arguments.members} members" if arguments.members else "fit"
            methods.append((name, of_model(model), model.config.context_length, seconds))
        for name, forecaster, context, seconds in methods:
            found = errors(data, horizon, forecaster, reading(context, arguments.lookback))
            scores = f"MSE {found['mse']:.3f}  MAE {found['mae']:.3f}  over {found['windows']:,} windows"
            after = f", fitted in {seconds:.0f} s" if seconds else ""
            print(f"horizon {horizon:>4}  {name:<15} {scores}{after}", flush=True)
            about = {"horizon": horizon, "method": name, "weights": shipped.weights, "seed": arguments.seed}
            about |= {"lookback": arguments.lookback or "all", "fit_s": round(seconds, 1)}
            path = record("long_horizon", [about | {key: round(value, 4) for key, value in found.items()}])
        for name, figures in PUBLISHED.items():
            if horizon in figures:
                print(f"horizon {horizon:>4}  {name:<15} MSE {figures[horizon]:.3f}  published, lookback 96")
    print(path)


if __name__ == "__main__":
    main()
