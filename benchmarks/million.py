"""A million series on one small machine: makes the data, forecasts them in a process of its own, tells time and memory.

python benchmarks/million.py --folder DIR [--series 1000000] [--points 200] [--horizon 28] [--grouped] [--threads 2]

DIR needs room for the data (about 2 GB for a million series of 200), their buckets and the forecasts (about as much
again each). The data are days of sales: trends, weeks, years and counts, in files that each hold all series of some
days, as shops write them (with --grouped: whole series after each other). Repeated, it goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from record import record

ROOT = Path(__file__).parent.parent
FILES = 8


def make(folder: Path, series: int, points: int, *, grouped: bool, files: int = FILES) -> list[Path]:
    """Parquet files of unique_id, ds, y; the same for the same numbers. Those that are there are kept."""
    import duckdb

    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for file in range(files):
        path = folder / f"sales-{file:02}.parquet"
        paths.append(path)
        if path.exists():
            continue
        low, high = (edge * (series if grouped else points) // files for edge in (file, file + 1))
        item = f"{low} + i // {points}" if grouped else f"i % {series}"
        day = f"i % {points}" if grouped else f"{low} + i // {series}"
        rows = (high - low) * (points if grouped else series)
        # Reproducible without a generator's state: noise is a hash of the cell.
        query = f"""
            SELECT 'item-' || item AS unique_id, DATE '2024-01-01' + day::INTEGER AS ds,
                greatest(0, round(level * (1 + 0.3 * sin(0.897598 * (day + item)) + 0.2 * sin(0.0172 * day)
                    + trend * day / {points} + 0.4 * (noise - 0.5)), 1)) AS y
            FROM (SELECT item, day, 10 + hash(item) % 1000 / 10 AS level, hash(item + 1) % 100 / 100 - 0.4 AS trend,
                hash(item * 7919 + day) % 65536 / 65536 AS noise
                FROM (SELECT ({item})::BIGINT AS item, ({day})::BIGINT AS day FROM range({rows}) made(i)))"""
        aside = path.with_suffix(".tmp")
        settings = {"memory_limit": "600MB", "temp_directory": str(folder), "threads": 1}
        with duckdb.connect(config=settings) as connection:
            connection.execute(f"COPY ({query}) TO '{aside}' (FORMAT parquet)")
        aside.rename(path)
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--series", type=int, default=1_000_000)
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--horizon", type=int, default=28)
    parser.add_argument("--grouped", action="store_true", help="rows of a series follow each other")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--compare", action="store_true", help="also forecast in memory and compare row for row")
    parser.add_argument("--dry-run", action="store_true", help="print, and add no row to the results")
    arguments = parser.parse_args()
    name = f"{arguments.series}-{arguments.points}{'-grouped' if arguments.grouped else ''}"
    began = time.monotonic()
    make(arguments.folder / name, arguments.series, arguments.points, grouped=arguments.grouped)
    print(f"data: {arguments.folder / name}, {time.monotonic() - began:.0f} s")
    out = arguments.folder / f"forecasts-{name}-{arguments.horizon}"
    pattern = str(arguments.folder / name / "*.parquet")
    options = [pattern, "--horizon", str(arguments.horizon), "--threads", str(arguments.threads)]
    command = [sys.executable, "-m", "tidegate", "forecast", *options, "-o", f"{out}/"]
    began, load = time.monotonic(), os.getloadavg()[0]
    subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": str(ROOT / "src")})
    seconds = time.monotonic() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    row = {
        "series": arguments.series,
        "points": arguments.points,
        "horizon": arguments.horizon,
        "grouped": arguments.grouped,
        "threads": arguments.threads,
        "nice": os.nice(0),
        "load_before": round(load, 1),
        "seconds": round(seconds),
        "processor_seconds": round(used.ru_utime + used.ru_stime),
        "series_a_second": round(arguments.series / seconds),
        "memory_mb": round(used.ru_maxrss / 1024),
    }
    print(", ".join(f"{key} {value}" for key, value in row.items()))
    if arguments.compare:
        compare(out, pattern, arguments.horizon, arguments.threads)
    if not arguments.dry_run:
        print(record("million", [row]))


def compare(out: Path, pattern: str, horizon: int, threads: int) -> None:
    """Stop with an error unless the parts hold row for row what a forecast in memory gives."""
    import duckdb

    sys.path.insert(0, str(ROOT / "src"))
    import tidegate

    memory = out.with_name(f"{out.name}-in-memory.parquet")
    tidegate.forecast(pattern, horizon, threads=threads).save(memory)
    parts, whole = f"read_parquet('{out}/part-*.parquet')", f"read_parquet('{memory}')"
    with duckdb.connect() as connection:
        first, second = f"(FROM {parts} EXCEPT ALL FROM {whole})", f"(FROM {whole} EXCEPT ALL FROM {parts})"
        query = (
            f"SELECT (SELECT count(*) FROM {first}), (SELECT count(*) FROM {second}), (SELECT count(*) FROM {whole})"
        )
        extra, lost, rows = connection.execute(query).fetchall()[0]
    if extra or lost:
        raise SystemExit(f"{extra} rows of the parts and {lost} of the forecast in memory have no equal")
    print(f"all {rows:,} rows are those of the forecast in memory, to the bit")


if __name__ == "__main__":
    main()
