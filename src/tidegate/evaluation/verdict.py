"""The verdict of a backtest: one plain sentence on the first model against the baselines, and what to beware of."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.evaluation.backtest import Backtest
from tidegate.evaluation.baselines import TITLES
from tidegate.evaluation.significance import diebold_mariano, wilcoxon

Floats = NDArray[np.float64]

SERIES_FOR_WILCOXON = 8  # below, two-sided p of the signed-rank test cannot fall under 0.01
SIGNIFICANT = 0.05
EQUAL = 0.0005


@dataclass(frozen=True)
class Comparison:
    """A model against one other contender, on the series that both forecast.

    Attributes:
        gain: 1 - own mean error / the other's; 0.18 is 18 % less error, below 0 it is worse.
        metric: "MASE", or "MAE" where no series has a scale.
        better, of: on how many units (series, or windows where there are few series) its error is smaller.
        unit: "series" or "windows".
        p: two-sided; NaN where there are too few units to tell.
        test: the test behind p.
    """

    model: str
    against: str
    gain: float
    metric: str
    better: int
    of: int
    unit: str
    p: float
    test: str

    @property
    def significant(self) -> bool:
        return self.p < SIGNIFICANT

    @property
    def words(self) -> str:
        """ "seasonal naive by 18 % (better on 87 of 111 series, p < 0.001)"."""
        if abs(self.gain) < EQUAL:
            return self.against
        side, count = ("better", self.better) if self.gain >= 0 else ("worse", self.of - self.better)
        where = "on" if self.unit == "series" else "in"
        if math.isnan(self.p):
            chance = f"too few {self.unit} to test"
        elif not self.significant:
            chance = "not significant"
        else:
            chance = "p < 0.001" if self.p < 0.001 else f"p = {self.p:.2g}"
        size = f" by {percent(abs(self.gain))}" if math.isfinite(self.gain) else ""
        counted = f"{side} {where} {count:,} of {self.of:,} {self.unit}, " if self.of > 1 else ""
        return f"{self.against}{size} ({counted}{chance})"


@dataclass(frozen=True)
class Verdict:
    """sentence: what to tell a reader first. comparisons: with every other contender. warnings: what to beware of."""

    sentence: str
    comparisons: tuple[Comparison, ...]
    warnings: tuple[str, ...]


def judge(backtest: Backtest) -> Verdict:
    """The verdict on the first model, or on the first contender where there is no model."""
    from tidegate.evaluation.symptoms import symptoms

    model = (backtest.models or backtest.contenders)[0]
    comparisons = tuple(compare(backtest, model, other) for other in backtest.contenders if other != model)
    known = tuple(one for one in comparisons if not math.isnan(one.gain))
    return Verdict(_sentence(model, known), comparisons, symptoms(backtest, model))


def compare(backtest: Backtest, model: str, other: str) -> Comparison:
    """Errors of two contenders, paired: a Wilcoxon test over series, or Diebold-Mariano over windows of few series.

    Series count once each, whatever their length. Where they move together, as they do at common origins, p is on the
    low side; the count of series says more then.
    """
    metric = "MASE" if np.isfinite(backtest.scale).any() else "MAE"
    cells = backtest.score(metric.lower(), "cell")
    own, theirs = cells[model], cells[other]
    both = np.isfinite(own) & np.isfinite(theirs)
    own, theirs = np.where(both, own, np.nan), np.where(both, theirs, np.nan)
    series = both.any(axis=1)
    own_series, other_series = _nanmean(own[series], 1), _nanmean(theirs[series], 1)
    if not series.any():
        return Comparison(model, other, math.nan, metric, 0, 0, "series", math.nan, "none")
    own_mean, other_mean = float(own_series.mean()), float(other_series.mean())
    gain = 1 - own_mean / other_mean if other_mean > 0 else (0.0 if own_mean == 0 else -math.inf)
    if len(own_series) >= SERIES_FOR_WILCOXON:
        differences, unit, test = own_series - other_series, "series", "Wilcoxon signed-rank over series"
        p = wilcoxon(differences)
    else:
        windows = both.any(axis=0)
        differences = _nanmean((own - theirs)[:, windows], 0)
        unit, test = "windows", "Diebold-Mariano over windows, small-sample correction"
        p = diebold_mariano(differences, -(-backtest.horizon // backtest.step))
    if (differences == 0).all():
        p = 1.0
    return Comparison(model, other, gain, metric, int((differences < 0).sum()), len(differences), unit, p, test)


def percent(share: float) -> str:
    """ "18 %", "0.4 %" below one."""
    return f"{100 * share:.0f} %" if share >= 0.0095 else f"{100 * share:.1f} %"


def _sentence(model: str, known: tuple[Comparison, ...]) -> str:
    """Seasonal naive and the strongest of the other baselines, in one sentence."""
    if not known:
        return f"{model}: nothing to compare it with"
    first = next((one for one in known if one.against == TITLES["seasonal_naive"]), known[0])
    rest = [one for one in known if one is not first]
    told = [first, *([min(rest, key=lambda one: one.gain)] if rest else [])]
    parts = [f"{_verb(one)} {one.words}" for one in told]
    if len(parts) == 2:
        if _verb(told[0]) == _verb(told[1]):
            return f"{model} {parts[0]} and {told[1].words}"
        return f"{model} {parts[0]} but {parts[1]}"
    return f"{model} {parts[0]}"


def _verb(comparison: Comparison) -> str:
    if abs(comparison.gain) < EQUAL:
        return "equals"
    return "beats" if comparison.gain > 0 else "loses to"


def _nanmean(values: Floats, axis: int) -> Floats:
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    return np.where(known, values, 0.0).sum(axis=axis) / np.maximum(count, 1)
