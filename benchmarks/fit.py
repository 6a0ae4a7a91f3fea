"""Accuracy, time and memory of `fit` on public data sets, beside zero-shot and seasonal naive.

python benchmarks/fit.py --data DIR [--sets m4_hourly,nn5_daily] [--seconds 60] [--seeds 3] [--readme]

Split and scores as in zero_shot.py; OWA against Naive2, as in the M4 competition. Each fit has a process of its own, so
that its peak memory is its own, and sees nothing but the panel: no setting is chosen per set except the time limit
(AIMS, or --seconds for all). Medians over seeds are added to results/fit.csv; --readme writes the README's table from
there.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from accuracy import README, Row, marked, read
from contender import Contender
from record import RESULTS, record
from scoring import LEVELS, geometric_mean, owa, reference, score
from tasks import TASKS, Dataset, load

if TYPE_CHECKING:
    from tidegate.training.fit import Trained

MARKS = ("fit sentence", "fit table")
LEGEND = (
    "Each fit ran in its own process. *Kept*: what the validation windows chose, and for how many of the seeds. "
    "*shipped*: the shipped weights, unchanged; *50 % fine-tuned*: half way from the shipped to the fine-tuned "
    "weights; *own*: the network trained from scratch; *smoothing*: an exponential smoothing; *+*: the mean of the "
    "forecasts."
)


@dataclass(frozen=True)
class Aim:
    """What a fit of a set is given and asked for: seconds, and the MASE and sMAPE it should reach."""

    seconds: float
    mase: float
    smape: float | None = None


AIMS = {
    "m4_hourly": Aim(120, 0.80, 9.2),
    "m4_weekly": Aim(120, 2.05, 6.2),
    "tourism_monthly": Aim(120, 1.40),
    "tourism_quarterly": Aim(60, 1.47),
    "tourism_yearly": Aim(60, 2.80),
    "nn5_daily": Aim(120, 0.53),
    "exchange_rate_daily": Aim(60, 1.70),
    "etth1": Aim(120, 0.72),
    "aus_retail_monthly": Aim(120, 1.20),
}
FIGURES = ("fit_s", "mase", "smape", "owa", "wql", "coverage_80", "coverage_95", "peak_mb")


def fit_once(dataset: Dataset, seconds: float, seed: int) -> dict[str, object]:
    """One fit in this process; figures by name, and where the network that was kept came from."""
    from tidegate.forecasting.forecaster import forecast_panel
    from tidegate.training.fit import fit

    began = time.perf_counter()
    trained = fit(dataset.panel, dataset.task.horizon, time_limit=seconds, seed=seed)
    took = time.perf_counter() - began
    # In KiB on Linux; taken before the forecast, which is no part of the fit.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    forecast = forecast_panel(trained.model, dataset.panel, dataset.task.horizon, levels=LEVELS)
    figures = {"fit_s": took, "peak_mb": peak, "owa": owa(dataset, forecast), **score(dataset, forecast).row()}
    return {**figures, "kept": kept_words(trained), "notes": trained.notes}


def kept_words(trained: Trained) -> str:
    """Start and share of the way from it, as the table shows them, behind the smoothing that they are moved to."""
    words = ["smoothing"] if any(network.config.smoothing for network in trained.networks) else []
    for name, share in trained.provenance["kept"].items():
        words.append(f"shipped {share:.0%}" if name == "the shipped weights" else "own")
    return " + ".join(words)


def fit_apart(name: str, folder: Path, seconds: float, seed: int) -> dict[str, object]:
    """`fit_once` in a fresh process."""
    command = [sys.executable, __file__, "--data", str(folder), "--once", name]
    command += ["--seconds", str(seconds), "--seed", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"fit of {name}, seed {seed}, failed:\n{done.stderr}")
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(name: str, folder: Path, seconds: float, seeds: int) -> dict[str, object]:
    """The row of a set: medians over seeds, beside zero-shot and seasonal naive."""
    dataset = load(next(task for task in TASKS if task.dataset == name), folder)
    zero_shot = Contender.open(None)
    found = [fit_apart(name, folder, seconds, seed) for seed in range(seeds)]
    kept = Counter(str(one["kept"]) for one in found)
    return {
        "dataset": name,
        "weights": zero_shot.weights,
        "limit_s": seconds,
        "seeds": seeds,
        **{figure: round(median(float(str(one[figure])) for one in found), 4) for figure in FIGURES},
        "worst_mase": round(max(float(str(one["mase"])) for one in found), 4),
        "zero_shot_mase": round(score(dataset, zero_shot.forecast(dataset)).mase, 4),
        "naive_mase": round(reference(dataset).mase, 4),
        "kept": ", ".join(f"{start} {count}" for start, count in kept.most_common()),
    }


def show(row: Mapping[str, object]) -> None:
    aim = AIMS[str(row["dataset"])]
    mase, smape = float(str(row["mase"])), float(str(row["smape"]))
    met = [f"MASE at most {aim.mase} {'met' if mase <= aim.mase else 'NOT met'}"]
    if aim.smape is not None:
        met.append(f"sMAPE at most {aim.smape} {'met' if smape <= aim.smape else 'NOT met'}")
    if mase > float(str(row["zero_shot_mase"])):
        met.append("WORSE than zero-shot")
    print(
        f"{row['dataset']:<20} {row['fit_s']:>7.1f} s of {row['limit_s']:g}  MASE {mase:.3f} (zero-shot "
        f"{row['zero_shot_mase']:.3f}, seasonal naive {row['naive_mase']:.3f})  sMAPE {smape:.2f}  "
        f"OWA {row['owa']:.3f}  WQL {row['wql']:.4f}  {row['peak_mb']:,.0f} MB  kept: {row['kept']}  "
        f"[{'; '.join(met)}]",
        flush=True,
    )


def relative(rows: Iterable[Mapping[str, object]], error: str) -> float:
    """Geometric mean over sets of an error ("mase", "zero_shot_mase"), relative to seasonal naive's."""
    return geometric_mean(float(str(row[error])) / float(str(row["naive_mase"])) for row in rows)


def latest() -> dict[str, Row]:
    """The newest row of each set with its own time limit and the weights measured last."""
    rows = [row for row in read(RESULTS / "fit.csv") if float(row["limit_s"]) == AIMS[row["dataset"]].seconds]
    return {row["dataset"]: row for row in rows if row["weights"] == rows[-1]["weights"]}


def table() -> str:
    """Markdown: a line per set that has been measured with its own time limit."""
    rows = latest()
    if not rows:
        return "No set has been measured with these weights and its own time limit yet."
    titles = [
        "set",
        "seasonal naive",
        "zero-shot",
        "**fit**",
        "worst seed",
        "sMAPE",
        "OWA",
        "WQL",
        "seconds",
        "memory",
        "kept",
    ]
    lines = [titles, ["---"] * len(titles)]
    for name, row in rows.items():
        mases = [f"{float(row[key]):.3f}" for key in ("naive_mase", "zero_shot_mase", "mase", "worst_mase")]
        figures = [f"{float(row['smape']):.2f}", f"{float(row['owa']):.3f}", f"{float(row['wql']):.4f}"]
        figures += [f"{float(row['fit_s']):.0f}", f"{float(row['peak_mb']):,.0f} MB"]
        figures.append(readable(row["kept"], row["seeds"]))
        lines.append([name, *mases[:2], f"**{mases[2]}**", mases[3], *figures])
    means = [relative(rows.values(), error) for error in ("zero_shot_mase", "mase", "worst_mase")]
    zero_shot, fitted, worst = (f"{mean:.3f}" for mean in means)
    lines.append(["relative to seasonal naive, geometric mean", "1", zero_shot, f"**{fitted}**", worst, *[""] * 6])
    seeds = sorted({row["seeds"] for row in rows.values()})
    counted = "one seed" if seeds == ["1"] else f"medians of {' or '.join(seeds)} seeds"
    note = textwrap.fill(f"MASE unless a column says otherwise, {counted}. {LEGEND}", 120, break_on_hyphens=False)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + f"\n\n{note}"


def readable(kept: str, seeds: str) -> str:
    """The `kept` of a row of fit.csv, "shipped 25% + own 2, shipped 0% + own 1", in the words of LEGEND."""
    words = []
    for one in kept.split(", "):
        networks, count = one.rsplit(" ", 1)
        parts = networks.split(" + ")
        for place, part in enumerate(parts):
            if part.startswith("shipped"):
                share = part.removeprefix("shipped ").removesuffix("%")
                parts[place] = "shipped" if share == "0" else f"{share} % fine-tuned"
        words.append(f"{' + '.join(reversed(parts))} ({count} of {seeds})")
    return ", ".join(words)


def sentence() -> str:
    """What the README's first screen says of `fit`."""
    rows = latest().values()
    if not rows:
        return ""
    error = relative(rows, "mase")
    return f"After a minute or two of training on each set (`tidegate fit`), it is {error:.2f}"


def updated(readme: str) -> str:
    """The README's text with sentence and table as the results have them."""
    return marked(marked(readme, MARKS[0], sentence()), MARKS[1], f"\n\n{table()}\n\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the Parquet files")
    parser.add_argument("--sets", default=",".join(AIMS), help="names with commas; left out, all")
    parser.add_argument("--seconds", type=float, help="time limit of each fit; left out, that of the set in AIMS")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--readme", action="store_true", help="write the recorded figures into README.md")
    parser.add_argument("--once", metavar="SET", help="one fit in this process, as JSON: what the others are made of")
    parser.add_argument("--seed", type=int, default=0, help="of --once")
    arguments = parser.parse_args()
    if arguments.once:
        dataset = load(next(task for task in TASKS if task.dataset == arguments.once), arguments.data)
        print(json.dumps(fit_once(dataset, arguments.seconds, arguments.seed)))
        return
    names = arguments.sets.split(",")
    if unknown := [name for name in names if name not in AIMS]:
        parser.error(f"set {unknown[0]!r}: expected one of {', '.join(AIMS)}")
    rows = []
    for name in names:
        rows.append(measure(name, arguments.data, arguments.seconds or AIMS[name].seconds, arguments.seeds))
        show(rows[-1])
        record("fit", rows[-1:])  # set by set, as all of them take a while
    print(f"geometric mean of MASE relative to seasonal naive over {len(rows)} sets: {relative(rows, 'mase'):.3f}")
    print(RESULTS / "fit.csv")
    if arguments.readme:
        README.write_text(updated(README.read_text(encoding="utf-8")), encoding="utf-8")
        print(README)


if __name__ == "__main__":
    main()
