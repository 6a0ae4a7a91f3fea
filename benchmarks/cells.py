"""Cells and ways to stack them: the same network trained from scratch with each, on the same series for the same steps.

python benchmarks/cells.py --data DIR [--steps 200] [--seeds 1] [--sets m4_hourly ...] [--stacks "lstm, 2 layers" ...]

DIR holds the Parquet files that tasks.py describes. Every training is `tidegate fit --start scratch --max-steps STEPS`
without a smoothing beside it, and differs in the recurrent layers alone; scored as in zero_shot.py. Rows are appended
to results/cells.csv, and the table of docs/cells.md is written anew from the newest row of each training of as many
steps.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from accuracy import Row, marked, read
from record import RESULTS, record
from scoring import LEVELS, geometric_mean, reference, score
from tasks import TASKS, Dataset, load

from tidegate.forecasting.forecaster import forecast_panel
from tidegate.training.fit import FitPlan, fit

PAGE = Path(__file__).parent.parent / "docs" / "cells.md"
SETS = ("m4_hourly", "m4_weekly", "tourism_monthly", "tourism_quarterly", "tourism_yearly")
STACKS: Mapping[str, Mapping[str, Any]] = {
    "plain RNN, 2 layers": {"cell": "rnn", "layers": 2},
    "LSTM, 1 layer": {"layers": 1},
    "LSTM, 2 layers": {"layers": 2},
    "LSTM, 3 layers": {"layers": 3},
    "peephole LSTM, 2 layers": {"cell": "peephole", "layers": 2},
    "residual LSTM, 3 layers": {"layers": 3, "residual": True},
    "residual LSTM, 4 layers": {"layers": 4, "residual": True},
    "dilated LSTM, 1 2": {"dilations": (1, 2)},
    "dilated LSTM, 1 2 4 8": {"dilations": (1, 2, 4, 8)},
    "dilated residual LSTM, 1 2": {"dilations": (1, 2), "residual": True},
    "dilated residual LSTM, 1 2 4 8": {"dilations": (1, 2, 4, 8), "residual": True},
}


def train(dataset: Dataset, stack: str, steps: int, seed: int) -> dict[str, object]:
    """One training and its scores, a row of results/cells.csv."""
    task = dataset.task
    began = time.perf_counter()
    plan, shape = FitPlan(smoothing=False), STACKS[stack]
    trained = fit(dataset.panel, task.horizon, start="scratch", max_steps=steps, seed=seed, plan=plan, **shape)
    seconds = time.perf_counter() - began
    (network,) = trained.networks
    found = score(dataset, forecast_panel(trained.model, dataset.panel, task.horizon, levels=LEVELS))
    return {
        "dataset": task.dataset,
        "stack": stack,
        "steps": steps,
        "seed": seed,
        "threads": torch.get_num_threads(),
        "seconds": round(seconds, 1),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "recurrent_parameters": sum(parameter.numel() for parameter in network.recurrent.parameters()),
        "naive_mase": round(reference(dataset).mase, 4),
        "mase": round(found.mase, 4),
        "smape": round(found.smape, 4),
    }


def newest(rows: Sequence[Row]) -> list[Row]:
    """Of each set, stack and seed the newest row with as many steps as the last row."""
    steps = rows[-1]["steps"]
    kept = {(row["dataset"], row["stack"], row["seed"]): row for row in rows if row["steps"] == steps}
    return list(kept.values())


def table(rows: Sequence[Row]) -> str:
    """Markdown: one line per stack, means over the seeds; seconds are those of all sets together."""
    sets = [task.dataset for task in TASKS if any(row["dataset"] == task.dataset for row in rows)]
    head = ["recurrent layers", "parameters", "seconds", "MASE to naive", *(f"{name} MASE, sMAPE" for name in sets)]
    lines = [head, ["---", *["---:"] * (len(head) - 1)]]
    for stack in STACKS:
        by_set = {
            name: found for name in sets if (found := [r for r in rows if (r["dataset"], r["stack"]) == (name, stack)])
        }
        if not by_set:
            continue
        whole = len(by_set) == len(sets)
        ratios = (mean(found, "mase") / mean(found, "naive_mase") for found in by_set.values())
        cells = [stack, f"{mean(next(iter(by_set.values())), 'recurrent_parameters'):,.0f}"]
        cells.append(f"{sum(mean(found, 'seconds') for found in by_set.values()):.0f}" if whole else "-")
        cells.append(f"{geometric_mean(ratios):.3f}" if whole else "-")
        for name in sets:
            found = by_set.get(name, [])
            cells.append(f"{mean(found, 'mase'):.3f}, {mean(found, 'smape'):.2f}" if found else "-")
        lines.append(cells)
    seeds, steps = len({row["seed"] for row in rows}), rows[0]["steps"]
    about = f"{steps} steps each; mean of {seeds} seeds. " if seeds > 1 else f"{steps} steps each; one seed. "
    about += f"Measured on {', '.join(sorted({row['machine'] for row in rows}))}, threads "
    about += f"{', '.join(sorted({row['threads'] for row in rows}))}."
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + f"\n\n{about}"


def mean(rows: Sequence[Row], column: str) -> float:
    return fmean(float(row[column]) for row in rows)


def updated(page: str) -> str:
    """The page's text with its table as the results have it."""
    return marked(page, "cells table", f"\n\n{table(newest(read(RESULTS / 'cells.csv')))}\n\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the Parquet files")
    parser.add_argument("--steps", type=int, default=200, help="of each training")
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each kind")
    parser.add_argument("--sets", nargs="+", choices=[task.dataset for task in TASKS], default=SETS)
    parser.add_argument("--stacks", nargs="+", choices=list(STACKS), default=list(STACKS))
    arguments = parser.parse_args()
    tasks = [task for task in TASKS if task.dataset in arguments.sets]
    for dataset in (load(task, arguments.data) for task in tasks):
        rows = []
        for stack in arguments.stacks:
            for seed in range(arguments.seeds):
                rows.append(row := train(dataset, stack, arguments.steps, seed))
                print(
                    f"{row['dataset']:<20}{stack:<32}seed {seed}: MASE {row['mase']:<7} (naive {row['naive_mase']}) "
                    f"sMAPE {row['smape']:<8} {row['seconds']} s, {row['parameters']:,} parameters",
                    flush=True,
                )
        record("cells", rows)
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    main()
