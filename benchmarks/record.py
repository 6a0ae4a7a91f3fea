"""One result row: what was measured, where and when, appended to benchmarks/results/NAME.csv."""

from __future__ import annotations

import csv
import os
import platform
import statistics
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def machine() -> str:
    """Processor and number of cores."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    return f"{model}, {os.cpu_count()} cores"


def commit() -> str:
    """Short hash of the commit measured, with + if the tree has changes of its own."""
    hash_of = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    return subprocess.run(hash_of, cwd=RESULTS.parent, capture_output=True, text=True, check=True).stdout.strip()


def spread(seconds: Sequence[float]) -> dict[str, object]:
    """Median and range of repetitions, in seconds."""
    return {
        "repetitions": len(seconds),
        "median_s": round(statistics.median(seconds), 5),
        "min_s": round(min(seconds), 5),
        "max_s": round(max(seconds), 5),
    }


def record(name: str, rows: Sequence[dict[str, object]]) -> Path:
    """Append rows that share one set of columns; returns the file. The file is begun anew if its columns differ."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.csv"
    about: dict[str, object] = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": commit(),
        "machine": machine(),
        "python": platform.python_version(),
    }
    header = [*about, *rows[0]]
    begin = not path.exists() or path.read_text().split("\n", 1)[0] != ",".join(header)
    with path.open("w" if begin else "a", newline="") as file:
        writer = csv.DictWriter(file, header, lineterminator="\n")
        if begin:
            writer.writeheader()
        writer.writerows({**about, **row} for row in rows)
    return path
