"""Accuracy on real files with their real quirks: gaps, bursts, drift, stuck values, 36 to 50,000 rows.

python benchmarks/real_files.py --data DIR [--model large|FILE | --fit SECONDS [--seed 0]]

The files are those of real_series.py, in DIR/csv. Each is forecast from its last WINDOWS origins, one horizon apart, as
far as two horizons of history are left; the horizon is the one that `tidegate forecast` takes when none is given. MASE
beside seasonal naive, with the shortest season that Tidegate finds. A second opinion on the choice of weights, and a
check that none of these goes wrong badly. Results of the weights that come with the package are added to
results/real_files.csv.

--fit: each file is fitted once, within so many seconds, on what comes before the first of its origins, and the
network that comes of it forecasts from all of them, beside zero-shot; results/fit_real_files.csv. Half an hour. Of long
series there are more origins, a tenth of their length and MOST_WINDOWS at most: whether a fit did good on three days is
luck.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

from comparison import Result, measure, show
from contender import Contender
from real_series import FILES, RealFile
from record import record
from scoring import LEVELS, reference, score
from tasks import Dataset, Task

from tidegate.evaluation.baselines import shortest_season
from tidegate.forecasting.forecaster import forecast_panel

WINDOWS = 3
MOST_WINDOWS = 20
POSITIONS_HORIZON = 24  # for a file without dates
ZERO_SHOT = "zero-shot"


def windows(file: RealFile, folder: Path, most: int = WINDOWS) -> Dataset:
    """Every series of the file once per origin, as if each were a series of its own."""
    panel = file.read(folder)
    frequency = panel.timeline.frequency
    horizon = frequency.default_horizon if frequency is not None else POSITIONS_HORIZON
    season = int(shortest_season(panel).max())
    task = Task(file.name, horizon, season, frequency.word if frequency is not None else None)
    histories, actuals = [], []
    for values in panel:
        for origin in origins(len(values), horizon, most):
            histories.append(values[:origin])
            actuals.append(values[origin : origin + horizon])
    return Dataset(task, histories, actuals)


def origins(length: int, horizon: int, most: int) -> list[int]:
    """Of a series, the earliest first: WINDOWS, or as many as a tenth of it holds, up to `most`."""
    count = max(WINDOWS, min(most, length // (10 * horizon)))
    back = (length - horizon * window for window in range(count, 0, -1))
    return [origin for origin in back if origin >= 2 * horizon]


def known(file: RealFile, folder: Path, task: Task) -> Dataset:
    """The same series before the first origin of each."""
    series = ((values, origins(len(values), task.horizon, MOST_WINDOWS)) for values in file.read(folder))
    return Dataset(task, [values[: found[0]] for values, found in series if found], [])


def fitted(contender: Contender, folder: Path, seconds: float, seed: int) -> Iterator[Result]:
    """Of each file what a fit of it forecasts, beside the contender as it is."""
    from tidegate.training.fit import fit

    for file in FILES:
        dataset = windows(file, folder, MOST_WINDOWS)
        task = dataset.task
        panel = known(file, folder, task).panel
        began = time.perf_counter()
        model = fit(panel, task.horizon, time_limit=seconds, seed=seed).model
        took = time.perf_counter() - began
        own = score(dataset, forecast_panel(model, dataset.panel, task.horizon, levels=LEVELS))
        others = {ZERO_SHOT: score(dataset, contender.forecast(dataset))}
        yield Result(dataset, own, reference(dataset), others, took)


def row(result: Result, weights: str, seconds: float, seed: int) -> dict[str, object]:
    """As written to results/fit_real_files.csv."""
    about = {"dataset": result.dataset.task.dataset, "weights": weights, "limit_s": seconds, "seed": seed}
    parts = {"naive": result.naive, "zero_shot": result.others[ZERO_SHOT], "fit": result.own}
    figures = {f"{part}_{name}": value for part, scores in parts.items() for name, value in scores.row().items()}
    return {**about, "windows": len(result.dataset.histories), "fit_s": round(result.seconds, 1), **figures}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", help="a size that comes with the package, or a file; left out, the default size")
    parser.add_argument("--fit", type=float, metavar="SECONDS", help="fit each file first, so long at most")
    parser.add_argument("--seed", type=int, default=0, help="of the fits")
    arguments = parser.parse_args()
    if arguments.fit and arguments.model:
        parser.error("--fit begins with the weights that come with the package: leave out --model")
    contender, folder = Contender.open(arguments.model), arguments.data / "csv"
    if arguments.fit:
        found = show(fitted(contender, folder, arguments.fit, arguments.seed), [ZERO_SHOT])
        rows = [row(result, contender.weights, arguments.fit, arguments.seed) for result in found]
        print(record("fit_real_files", rows))
        return
    found = show(measure(contender, windows(file, folder)) for file in FILES)
    if contender.is_shipped:
        print(record("real_files", [result.row(contender, "files") for result in found]))


if __name__ == "__main__":
    main()
