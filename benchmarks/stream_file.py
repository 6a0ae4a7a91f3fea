"""Size of a saved stream, and the time to save and load it, by seasons, digits and number of series.

python benchmarks/stream_file.py [--series 1,10000] [--steps 1200] [--threads 2]

The series of streaming.py, rounded to two decimals, as meters and tills write them, and with all their digits. No row
is recorded unless the loaded stream carries what was saved, to the bit.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np
from contender import fingerprint
from record import record
from streaming import HORIZON, panel, timed, waves

from tidegate.forecasting.carried import Carried
from tidegate.forecasting.model import ModelFile
from tidegate.forecasting.stream import Stream

SEASONS: tuple[tuple[int, ...], ...] = ((24, 168), (7,), (12,), (1,))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", default="1,10000")
    parser.add_argument("--steps", type=int, default=1200, help="length of the histories")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--dry-run", action="store_true", help="print, and add no rows to the results")
    arguments = parser.parse_args()
    model = ModelFile.load(threads=arguments.threads)
    rows = [
        measured(model, int(count), arguments.steps, seasons, digits)
        for count in arguments.series.split(",")
        for digits in (2, 15)
        for seasons in SEASONS
    ]
    if not arguments.dry_run:
        print(record("stream_file", rows))


def measured(model: ModelFile, count: int, steps: int, seasons: tuple[int, ...], digits: int) -> dict[str, object]:
    """One row: bytes for each series, and seconds."""
    stream = Stream.start(model, panel(waves(count, steps).round(digits)), HORIZON, season_length=seasons)
    repetitions = 1 if count > 1000 else 10
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.npz"
        _, save = timed(lambda: stream.save(path), repetitions)
        loaded, load = timed(lambda: Stream.load(path, model), repetitions)
        size = path.stat().st_size / count
    if not carry_the_same(stream.carried, loaded.carried):
        raise SystemExit("the loaded stream is not the one that was saved: its size would mean nothing")
    named = " ".join(map(str, seasons)) if seasons != (1,) else "none"
    print(
        f"{count:6,} series, seasons {named:>6}, {digits:2} digits: {size:8,.0f} bytes each, {save:.3f} s, {load:.3f} s"
    )
    return {
        "weights": fingerprint(model),
        "series": count,
        "steps": steps,
        "seasons": named,
        "digits": digits,
        "bytes_a_series": round(size),
        "save_s": round(save, 4),
        "load_s": round(load, 4),
    }


def carry_the_same(one: Carried, other: Carried) -> bool:
    """Whether values, states and sums are the same to the bit."""
    everything = np.arange(one.size)
    pairs = [tuple(carried.latest(everything, carried.reach)[0] for carried in (one, other))]
    for ours, theirs in zip(one.windows, other.windows, strict=True):
        for mine, its in zip(ours, theirs, strict=True):
            pairs += [(mine.state, its.state), (mine.sums, its.sums)]
    return all(np.array_equal(first, second, equal_nan=True) for first, second in pairs)


if __name__ == "__main__":
    main()
