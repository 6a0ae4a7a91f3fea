"""Seconds from the start of a process to its end: a forecast of a small file, and `import tidegate` alone.

python benchmarks/startup.py [--repetitions 10] [--threads 2]

The time of an interpreter that does nothing is measured too, and is part of both others.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from record import record, spread

ROOT = Path(__file__).parent.parent
AIRLINE = ROOT / "examples" / "airline_passengers.csv"
HORIZON = 24


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=10)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
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
            seconds = [timed(command) for _ in range(arguments.repetitions)]
            rows.append({"what": what, "threads": arguments.threads, **spread(seconds)})
            print(f"{what:>9}: {rows[-1]['median_s']} s (from {rows[-1]['min_s']} to {rows[-1]['max_s']})")
        lines = len(out.read_text().splitlines())
        if lines != HORIZON + 1:
            raise SystemExit(f"the forecast has {lines} lines, expected {HORIZON + 1}: its time means nothing")
    print(record("startup", rows))


def timed(arguments: list[str]) -> float:
    """Wall-clock seconds of one process, from outside."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=environment)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
