"""Seconds from the start of a process to its end: a forecast of a small file, and `import tidegate` alone.

python benchmarks/startup.py [--repetitions 10] [--threads 2] [--dry-run]

The time of an interpreter that does nothing is measured too, and is part of both others. The budget by stage below them
is taken inside such processes: each stage as the command line goes through it, and "rest" for what is left of the whole
(the interpreter before and after). `python -X importtime -m tidegate forecast ...` tells the modules.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from record import record, spread

ROOT = Path(__file__).parent.parent
AIRLINE = ROOT / "examples" / "airline_passengers.csv"
HORIZON = 24
STAGES = f"""
import time
from time import perf_counter as clock
marks = [("", clock())]
def mark(name): marks.append((name, clock()))
import numpy; mark("import numpy")
import click; mark("import click")
import tidegate.interfaces.cli, tidegate.interfaces.api as api; mark("import tidegate's own modules")
import onnxruntime; mark("import onnxruntime")
import tidegate.forecasting.model as model
opened = api.load(threads=THREADS); mark("open the model")
import duckdb, tidegate.series.tables.files; mark("import duckdb")
from tidegate.series.reading import read_panel
panel = read_panel({str(AIRLINE)!r}); mark("read the file")
result = api.forecast(panel, {HORIZON}, model=opened); mark("forecast")
result.save(OUT); mark("save")
for (_, before), (name, after) in zip(marks, marks[1:]): print(name, after - before, sep=chr(9))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=10)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--dry-run", action="store_true", help="print, and add no rows to the results")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.csv"
        forecast = ["forecast", str(AIRLINE), "--horizon", str(HORIZON), "--threads", str(arguments.threads)]
        commands = {
            "python": ["-c", "pass"],
            "import": ["-c", "import tidegate"],
            "forecast": ["-m", "tidegate", *forecast, "-o", str(out)],
        }
        for what, command in commands.items():
            timed(command)  # once unmeasured: byte code is written, files come into the disk cache
            seconds = [timed(command)[0] for _ in range(arguments.repetitions)]
            rows.append({"what": what, "threads": arguments.threads, **spread(seconds)})
            print(f"{what:>9}: {rows[-1]['median_s']} s (from {rows[-1]['min_s']} to {rows[-1]['max_s']})")
        lines = len(out.read_text().splitlines())
        if lines != HORIZON + 1:
            raise SystemExit(f"the forecast has {lines} lines, expected {HORIZON + 1}: its time means nothing")
        print("of which:")
        script = STAGES.replace("THREADS", str(arguments.threads)).replace("OUT", repr(str(out)))
        for stage, seconds in stages(script, arguments.repetitions).items():
            rows.append({"what": f"stage: {stage}", "threads": arguments.threads, **spread(seconds)})
            print(f"{1000 * statistics.median(seconds):6.0f} ms  {stage}")
    if not arguments.dry_run:
        print(record("startup", rows))


def timed(arguments: list[str]) -> tuple[float, str]:
    """Wall-clock seconds of one process, from outside, and what it printed."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    began = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=environment, text=True)
    return time.perf_counter() - began, done.stdout


def stages(script: str, repetitions: int) -> dict[str, list[float]]:
    """Seconds of each stage in several processes."""
    found: dict[str, list[float]] = {}
    for _ in range(repetitions):
        whole, told = timed(["-c", script])
        inside = {name: float(seconds) for name, seconds in (line.split("\t") for line in told.splitlines())}
        for name, seconds in {**inside, "rest": whole - sum(inside.values())}.items():
            found.setdefault(name, []).append(seconds)
    return found


if __name__ == "__main__":
    main()
