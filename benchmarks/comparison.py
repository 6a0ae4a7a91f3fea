"""A model beside seasonal naive and other methods, set by set: what the accuracy benchmarks print and keep."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

import statistical
from contender import Contender
from scoring import Scores, geometric_mean, reference, score
from tasks import Dataset


@dataclass(frozen=True)
class Result:
    """One set: scores of the model, of seasonal naive and of the methods known by title; seconds of the model."""

    dataset: Dataset
    own: Scores
    naive: Scores
    others: dict[str, Scores]
    seconds: float

    def row(self, contender: Contender, part: str) -> dict[str, object]:
        """As written to results/zero_shot.csv."""
        about = {
            "part": part,
            "dataset": self.dataset.task.dataset,
            "model": contender.name,
            "weights": contender.weights,
        }
        naive = {f"naive_{name}": self.naive.row()[name] for name in ("mase", "wql")}
        return about | naive | self.own.row()


def measure(contender: Contender, dataset: Dataset) -> Result:
    began = time.perf_counter()
    forecast = contender.forecast(dataset)
    seconds = time.perf_counter() - began
    return Result(dataset, score(dataset, forecast), reference(dataset), statistical.scores(dataset), seconds)


def show(results: Iterable[Result], titles: Sequence[str] = ()) -> list[Result]:
    """Print a line per set as it is measured, and geometric means; returns all. `titles`: methods to show too."""
    names = ["naive", *titles, "MASE", "relative", "WQL", "relative", "sMAPE", "80 %", "95 %", "seconds"]
    print(f"{'set':<32}" + "".join(f"{name:>10}" for name in names))
    done = []
    for result in results:
        done.append(result)
        own, naive = result.own, result.naive
        others = [f"{result.others[title].mase:10.3f}" if title in result.others else f"{'-':>10}" for title in titles]
        print(
            f"{result.dataset.task.dataset:<32}{naive.mase:10.3f}{''.join(others)}{own.mase:10.3f}"
            f"{own.mase / naive.mase:10.3f}{own.wql:10.4f}{own.wql / naive.wql:10.3f}{own.smape:10.2f}"
            f"{100 * own.coverage_80:10.1f}{100 * own.coverage_95:10.1f}{result.seconds:10.2f}",
            flush=True,
        )
    print(f"geometric means of {len(done)} relative to seasonal naive (MASE, WQL): {means(done, None)}")
    covered = [
        100 * fmean(share) for share in zip(*((r.own.coverage_80, r.own.coverage_95) for r in done), strict=True)
    ]
    print(f"mean coverage of the 80 and 95 % bands: {covered[0]:.1f} %, {covered[1]:.1f} %")
    for title in titles:
        if all(title in result.others for result in done):
            print(f"geometric means of {title}: {means(done, title)}")
    return done


def means(results: list[Result], title: str | None) -> str:
    """Of the model, or of another method."""
    pairs = [(result.others[title] if title else result.own, result.naive) for result in results]
    mase = geometric_mean(scores.mase / naive.mase for scores, naive in pairs)
    wql = geometric_mean(scores.wql / naive.wql for scores, naive in pairs)
    return f"{mase:.4f}, {wql:.4f}"
