"""The measures that every table here shows of one forecaster on one set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

import numpy as np
from tasks import Dataset

from tidegate.evaluation import metrics
from tidegate.evaluation.baselines import naive2, seasonal_naive
from tidegate.forecasting.result import Forecast

LEVELS = (
    20,
    40,
    60,
    80,
    95,
)  # intervals in percent: their ends and the median are 0.1, 0.2 ... 0.9, and 95 % for coverage
WQL_LEVELS = tuple(round(0.1 * k, 1) for k in range(1, 10))


@dataclass(frozen=True)
class Scores:
    """MASE and sMAPE (percent): means over series; WQL: over the whole set; coverage: mean shares, 0 to 1."""

    mase: float
    wql: float
    smape: float
    coverage_80: float
    coverage_95: float

    def row(self) -> dict[str, object]:
        """As written to a results file."""
        return {name: round(value, 4) for name, value in asdict(self).items()}

    @classmethod
    def from_row(cls, row: Mapping[str, str]) -> Scores:
        return cls(*(float(row[name]) for name in cls.__dataclass_fields__))


def score(dataset: Dataset, forecast: Forecast) -> Scores:
    """Scores of a forecast of every series of the set.

    Series without a value to compare, and for MASE those whose history repeats exactly (a zero scale), are left out.
    """
    actual = np.stack(dataset.actuals)
    at = {level: forecast.quantiles[..., index] for index, level in enumerate(forecast.quantile_levels)}
    scale = metrics.absolute_scale(dataset.panel, dataset.task.m)
    deciles = np.stack([at[level] for level in WQL_LEVELS], axis=-1)
    return Scores(
        mase=mean(metrics.mase(actual, at[0.5], scale)),
        wql=float(metrics.wql(actual, deciles, WQL_LEVELS, axis=(0, 1))),
        smape=mean(metrics.smape(actual, at[0.5])),
        coverage_80=mean(metrics.coverage(actual, at[0.1], at[0.9])),
        coverage_95=mean(metrics.coverage(actual, at[0.025], at[0.975])),
    )


def reference(dataset: Dataset) -> Scores:
    """Seasonal naive's scores. As in published tables it has no spread: its WQL is that of the point forecast."""
    task = dataset.task
    forecast = seasonal_naive(dataset.panel, task.horizon, LEVELS, season_length=task.m)
    with_spread = score(dataset, forecast)
    point = forecast.quantiles[..., forecast.quantile_levels.index(0.5)]
    total = float(np.nansum(np.abs(np.stack(dataset.actuals) - point)))
    return Scores(**asdict(with_spread) | {"wql": total / float(np.nansum(np.abs(np.stack(dataset.actuals))))})


def owa(dataset: Dataset, forecast: Forecast) -> float:
    """Overall weighted average against Naive2 with the m of the set, as in the M4 competition."""
    task, actual = dataset.task, np.stack(dataset.actuals)
    scale = metrics.absolute_scale(dataset.panel, task.m)
    points = [forecast.at(0.5), naive2(dataset.panel, task.horizon, LEVELS, season_length=task.m).at(0.5)]
    own, naive = ((metrics.smape(actual, point), metrics.mase(actual, point, scale)) for point in points)
    return metrics.owa(*own, *naive)


def mean(values: np.ndarray) -> float:
    """Mean of the numbers that are defined."""
    return float(np.nanmean(values))


def geometric_mean(ratios: Iterable[float]) -> float:
    return float(np.exp(np.mean(np.log(list(ratios)))))
