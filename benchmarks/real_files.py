"""Accuracy on real files with their real quirks: gaps, bursts, drift, stuck values, 36 to 50,000 rows.

python benchmarks/real_files.py --data DIR [--model large|FILE]

The files are those of real_series.py, in DIR/csv. Each is forecast from its last WINDOWS origins, one horizon apart, as
far as two horizons of history are left; the horizon is the one that `tidegate forecast` takes when none is given. MASE
beside seasonal naive, with the shortest season that Tidegate finds. A second opinion on the choice of weights, and a
check that none of these goes wrong badly. Results of the weights that come with the package are added to
results/real_files.csv.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from comparison import measure, show
from contender import Contender
from real_series import FILES, RealFile
from record import record
from tasks import Dataset, Task

from tidegate.evaluation.baselines import shortest_season

WINDOWS = 3
POSITIONS_HORIZON = 24  # for a file without dates


def windows(file: RealFile, folder: Path) -> Dataset:
    """Every series of the file once per origin, as if each were a series of its own."""
    panel = file.read(folder)
    frequency = panel.timeline.frequency
    horizon = frequency.default_horizon if frequency is not None else POSITIONS_HORIZON
    season = int(shortest_season(panel).max())
    task = Task(file.name, horizon, season, frequency.word if frequency is not None else None)
    histories, actuals = [], []
    for values in panel:
        for origin in (len(values) - horizon * window for window in range(WINDOWS, 0, -1)):
            if origin >= 2 * horizon:
                histories.append(values[:origin])
                actuals.append(values[origin : origin + horizon])
    return Dataset(task, histories, actuals)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", help="a size that comes with the package, or a file; left out, the default size")
    arguments = parser.parse_args()
    contender = Contender.open(arguments.model)
    found = show(measure(contender, windows(file, arguments.data / "csv")) for file in FILES)
    if contender.is_shipped:
        print(record("real_files", [result.row(contender, "files") for result in found]))


if __name__ == "__main__":
    main()
