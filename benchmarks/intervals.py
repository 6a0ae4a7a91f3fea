"""Whether the intervals of zero-shot forecasts hold, and how wide they are beside seasonal naive's conformal ones.

python benchmarks/intervals.py --data DIR [--model large|FILE] [--docs]

Sets and split as in zero_shot.py: one window per series, calibrated as `forecast` does it. Coverage is the share of
actual values inside: per set the mean over series; "together" once as the mean over sets and once over all series and
steps of all sets, each actual value counting the same. Aims together: 78 to 82 % of the 80 % interval, 93 to 97 % of
the 95 % one, and narrower than seasonal naive's.

Seasonal naive's intervals are split-conformal: the ⌈(n + 1) level⌉-th smallest of each series' own last seasonal
errors at the same distance (`evaluation.baselines`); m is the season that `tidegate backtest` uses, that of the
calendar. Relative width: per series the mean width over steps divided by seasonal naive's, of which the geometric mean
over series, and then over sets, is taken; series where either has no width are left out and counted. Narrower is only
better where the coverage beside it holds. "conformal" is `intervals="conformal"` of a backtest, from the errors of all
series in two windows before.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import numpy as np
from accuracy import marked, read
from contender import Contender
from record import RESULTS, record
from scoring import geometric_mean
from tasks import TASKS, Task, load

from tidegate.evaluation import metrics
from tidegate.evaluation.backtest import Backtest, backtest
from tidegate.evaluation.backtest import Contender as Method
from tidegate.evaluation.baselines import seasonal_naive
from tidegate.evaluation.conformal import with_conformal_intervals
from tidegate.forecasting.forecaster import forecast_panel
from tidegate.forecasting.model import SHIPPED
from tidegate.forecasting.result import Forecast
from tidegate.series.panel import Panel

DOCS = Path(__file__).parent.parent / "docs" / "intervals.md"
MARK = "coverage tables"
SETS = (
    "m4_hourly",
    "m4_weekly",
    "tourism_monthly",
    "tourism_quarterly",
    "tourism_yearly",
    "nn5_daily",
    "aus_retail_monthly",
)
LEVELS = (80, 95)
WINDOWS = 3  # the last is the test part; conformal intervals rest on the two before
OWN, CONFORMAL, NAIVE = "Tidegate", "conformal", "seasonal naive"
SET_MEAN, ALL_VALUES = "together, mean of sets", "together, all values"
AIMS = {80: (0.78, 0.82), 95: (0.93, 0.97)}


@dataclass(frozen=True)
class Held:
    """One interval of one method on one set.

    covered: mean over series of the share of actual values inside. inside, values: actual values, those inside and all.
    relative_width: to seasonal naive's, geometric mean over series. left_out: series that it leaves out.
    """

    covered: float
    inside: int
    values: int
    relative_width: float
    left_out: int


Found = dict[tuple[str, int], Held]  # (method, level in percent)


def held(result: Backtest, method: str, level: float) -> Held:
    """In the last window, which is the test part of the set."""
    actual = result.actual[:, -1]
    low, high = (end[:, -1] for end in result.interval(method, level))
    naive_low, naive_high = (end[:, -1] for end in result.interval(NAIVE, level))
    width, naive_width = metrics.width(low, high), metrics.width(naive_low, naive_high)
    both = (width > 0) & (naive_width > 0)
    return Held(
        covered=float(np.nanmean(metrics.coverage(actual, low, high))),
        inside=int(((low <= actual) & (actual <= high)).sum()),
        values=int(np.isfinite(actual).sum()),
        relative_width=geometric_mean(width[both] / naive_width[both]),
        left_out=int((~both).sum()),
    )


def measured(contender: Contender, task: Task, folder: Path) -> Found:
    """How its interval fares on the set."""
    found = load(task, folder)
    pairs = zip(found.histories, found.actuals, strict=True)
    whole = replace(found, histories=[np.concatenate(pair) for pair in pairs]).panel

    def forecaster(panel: Panel, horizon: int, levels: tuple[float, ...]) -> Forecast:
        return forecast_panel(contender.model, panel, horizon, levels=levels)

    methods = [
        Method(OWN, lambda history: forecaster, is_model=True),
        Method(NAIVE, lambda history: seasonal_naive),
    ]
    result = backtest(whole, methods, task.horizon, windows=WINDOWS, levels=LEVELS, align="ends")
    scaled = with_conformal_intervals(result)
    held_by = {(name, level): held(result, name, level) for level in LEVELS for name in (OWN, NAIVE)}
    return held_by | {(CONFORMAL, level): held(scaled, OWN, level) for level in LEVELS}


def together(sets: Sequence[Found]) -> dict[str, Found]:
    """All sets as one: coverage as the mean over sets, and over all actual values of all sets."""
    means: Found = {}
    pooled: Found = {}
    for key in sets[0]:
        parts = [found[key] for found in sets]
        inside, values = sum(one.inside for one in parts), sum(one.values for one in parts)
        width = geometric_mean(one.relative_width for one in parts)
        rest = (inside, values, width, sum(one.left_out for one in parts))
        means[key] = Held(fmean(one.covered for one in parts), *rest)
        pooled[key] = Held(inside / values, *rest)
    return {SET_MEAN: means, ALL_VALUES: pooled}


def tables() -> str:
    """Markdown from the newest rows of results/intervals.csv: a table for each level."""
    rows = [row for row in read(RESULTS / "intervals.csv") if row["model"] == SHIPPED]
    newest = {(row["dataset"], row["level"]): row for row in rows if row["weights"] == rows[-1]["weights"]}
    texts = []
    for level in LEVELS:
        titles = [f"{level} % interval", "covers", "width", "conformal covers", "width", "seasonal naive covers"]
        lines = [titles, ["---"] * len(titles)]
        for (name, which), row in newest.items():
            if which == str(level):
                covered = [
                    f"{float(row[f'{one}covered']):.1%}".replace("%", " %") for one in ("", "conformal_", "naive_")
                ]
                widths = [f"{float(row[f'{one}relative_width']):.3f}" for one in ("", "conformal_")]
                lines.append([name, covered[0], widths[0], covered[1], widths[1], covered[2]])
        texts.append("\n".join("| " + " | ".join(cells) + " |" for cells in lines))
    return "\n\n" + "\n\n".join(texts) + "\n\n"


def updated(page: str) -> str:
    """docs/intervals.md with its tables as the results have them."""
    return marked(page, MARK, tables())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the Parquet files")
    parser.add_argument("--model", help="a size that comes with the package, or a file; left out, the default size")
    parser.add_argument("--docs", action="store_true", help="write the recorded figures into docs/intervals.md")
    arguments = parser.parse_args()
    contender = Contender.open(arguments.model)
    sets = {task.dataset: measured(contender, task, arguments.data) for task in TASKS if task.dataset in SETS}
    found = sets | together(list(sets.values()))
    print(f"{'set':<24}{'level':>6}{'covers':>9}{'width':>8}{'conformal covers':>18}{'width':>8}{'naive covers':>14}")
    rows: list[dict[str, object]] = []
    for name, by_key in found.items():
        for level in LEVELS:
            own, pooled, naive = (by_key[method, level] for method in (OWN, CONFORMAL, NAIVE))
            low, high = AIMS[level]
            aim = ""
            if name in (SET_MEAN, ALL_VALUES):
                met = low <= own.covered <= high and own.relative_width < 1
                aim = f"  aim {low:.0%} to {high:.0%}, width below 1: {'met' if met else 'NOT met'}"
            print(f"{name:<24}{level:>4} %{own.covered:>9.1%}{own.relative_width:>8.3f}{pooled.covered:>18.1%}"
                  f"{pooled.relative_width:>8.3f}{naive.covered:>14.1%}{aim}")  # fmt: skip
            rows.append({"dataset": name, "model": contender.name, "weights": contender.weights, "level": level}
                        | {"covered": round(own.covered, 4), "relative_width": round(own.relative_width, 4)}
                        | {"conformal_covered": round(pooled.covered, 4)}
                        | {"conformal_relative_width": round(pooled.relative_width, 4)}
                        | {"naive_covered": round(naive.covered, 4)}
                        | {"series_left_out": own.left_out, "values": own.values})  # fmt: skip
    if contender.is_shipped:
        print(record("intervals", rows))
    if arguments.docs:
        DOCS.write_text(updated(DOCS.read_text(encoding="utf-8")), encoding="utf-8")
        print(DOCS)


if __name__ == "__main__":
    main()
