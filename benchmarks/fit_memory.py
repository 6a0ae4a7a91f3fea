"""Peak memory and seconds of `fit` on a large panel of simulated series, in a process of its own.

python benchmarks/fit_memory.py [--series 100000] [--steps 500] [--training-steps 20]

Each series is a season of 7, a random walk and noise. The two trainings take --training-steps each; the panel, whose
values alone are 8 bytes each, is held, split, sampled, validated and chosen from as in any fit.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np
from record import record

HORIZON = 28


def fit_once(series: int, steps: int, training_steps: int) -> dict[str, object]:
    """Figures of one fit, in this process."""
    from tidegate.series.dates.timeline import Timeline
    from tidegate.series.panel import Panel
    from tidegate.training.fit import fit

    rng = np.random.default_rng(0)
    values = rng.normal(size=(series, steps))
    values += 0.2 * rng.normal(size=(series, steps)).cumsum(axis=1)
    values += np.sin(2 * np.pi * np.arange(steps) / 7)
    panel = Panel(values.ravel(), steps * np.arange(series + 1), Timeline.positions(series))
    before = peak()
    began = time.perf_counter()
    trained = fit(panel, HORIZON, max_steps=training_steps, season_length=7)
    seconds = time.perf_counter() - began
    return {"fit_s": round(seconds, 1), "data_mb": round(before), "peak_mb": round(peak()), "kept": trained.notes[-1]}


def peak() -> float:
    """MB so far; ru_maxrss is in KiB on Linux."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=100_000)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--training-steps", type=int, default=20)
    parser.add_argument("--once", action="store_true", help="in this process, as JSON: what the command itself starts")
    arguments = parser.parse_args()
    size = (arguments.series, arguments.steps, arguments.training_steps)
    if arguments.once:
        print(json.dumps(fit_once(*size)))
        return
    command = [sys.executable, __file__, "--once"]
    command += ["--series", str(size[0]), "--steps", str(size[1]), "--training-steps", str(size[2])]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    found = json.loads(done.stdout.splitlines()[-1])
    print(
        f"{size[0]:,} series of {size[1]} steps, {size[2]} steps of each training: {found['fit_s']} s, peak "
        f"{found['peak_mb']:,} MB ({found['data_mb']:,} MB when the panel had been made); {found['kept']}"
    )
    row = {"series": size[0], "steps": size[1], "training_steps": size[2], **found}
    del row["kept"]
    print(record("fit_memory", [row]))


if __name__ == "__main__":
    main()
