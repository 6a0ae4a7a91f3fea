"""The verdict of a backtest: one plain sentence on the first model against the baselines, and what to beware of."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.evaluation.backtest import Backtest
from tidegate.evaluation.baselines import TITLES
from tidegate.evaluation.metrics import ROUNDING
from tidegate.evaluation.significance import FEWEST, diebold_mariano, signed_ranks, wilcoxon

Floats = NDArray[np.float64]

SERIES_FOR_WILCOXON = 8  # below, two-sided p of the signed-rank test cannot fall under 0.01
SIGNIFICANT = 0.05
EQUAL = 0.0005
OVER_SERIES = "Wilcoxon signed-rank over series"
OVER_WINDOWS = "Diebold-Mariano over windows that do not overlap"
OVER_BOTH = f"the larger of {OVER_SERIES} and {OVER_WINDOWS}"
TIMES = 10.0  # a loss by more than 1,000 % is told as a factor
NO_ERROR = 1e-9  # of the scale: a smaller error is rounding


@dataclass(frozen=True)
class Comparison:
    """A model against one other contender, on the series that both forecast.

    Attributes:
        gain: 1 - own mean error / the other's; 0.18 is 18 % less error, below 0 it is worse, -inf where the other makes
            no error.
        metric: "MASE", or "MAE" where no series has a scale.
        better, worse, of: on how many units (series, or windows where there are few series) its error is smaller, and
            larger, and how many there are; on the rest it is the same.
        unit: "series" or "windows".
        p: two-sided; NaN where there are too few units to tell, or no variance; 1 where the test points the other way
            than the gain.
        test: the test behind p.
        alike: whether the difference is the same in all units, so that there is no variance to test against.
    """

    model: str
    against: str
    gain: float
    metric: str
    better: int
    worse: int
    of: int
    unit: str
    p: float
    test: str
    alike: bool = False

    @property
    def ties(self) -> int:
        """On how many units the errors are the same; the test over series leaves these out."""
        return self.of - self.better - self.worse

    @property
    def equal(self) -> bool:
        """Whether the errors are the same as far as anyone would print them."""
        return abs(self.gain) < EQUAL

    @property
    def significant(self) -> bool:
        return self.p < SIGNIFICANT

    @property
    def words(self) -> str:
        """ "seasonal naive by 18 % (better on 87 of 111 series, p < 0.001)"."""
        if self.equal:
            return self.against
        side, count = ("better", self.better) if self.gain >= 0 else ("worse", self.worse)
        where = "on" if self.unit == "series" else "in"
        if self.alike:
            chance = "same difference in each: no test"
        elif math.isnan(self.p):
            chance = f"too few {self.unit} {'that do not overlap ' if self.of >= FEWEST else ''}to test"
        elif not self.significant:
            chance = "not significant"
        else:
            chance = "p < 0.001" if self.p < 0.001 else f"p = {self.p:.2g}"
        if math.isinf(self.gain):
            size = ", which makes no error"
        elif self.gain < -TIMES:
            size = f" by a factor of {1 - self.gain:,.0f}"
        else:
            size = f" by {percent(abs(self.gain))}"
        counted = f"{side} {where} {count:,} of {self.of:,} {self.unit}, " if self.of > 1 else ""
        ties = f"equal {where} {self.ties:,}, " if self.of > 1 and self.ties else ""
        return f"{self.against}{size} ({counted}{ties}{chance})"


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
    return Verdict(_sentence(backtest, model, known), comparisons, (*backtest.doubts, *symptoms(backtest, model)))


def compare(backtest: Backtest, model: str, other: str) -> Comparison:
    """Errors of two contenders, paired: tested over windows that do not overlap, and over series where there are many.

    Series count once each, whatever their length. They move together, as they do at common origins, so that many series
    at few origins are less evidence than they seem: p is the larger of both tests.
    """
    metric = backtest.main_metric
    cells = backtest.score(metric.lower(), "cell")
    own, theirs = (_without_rounding(backtest, cells[name]) for name in (model, other))
    both = np.isfinite(own) & np.isfinite(theirs)
    own, theirs = np.where(both, own, np.nan), np.where(both, theirs, np.nan)
    series, windows = both.any(axis=1), both.any(axis=0)
    own_series, other_series = _nanmean(own[series], 1), _nanmean(theirs[series], 1)
    if not series.any():
        return Comparison(model, other, math.nan, metric, 0, 0, 0, "series", math.nan, "none")
    own_mean, other_mean = float(own_series.mean()), float(other_series.mean())
    gain = 1 - own_mean / other_mean if other_mean > 0 else (0.0 if own_mean == 0 else -math.inf)
    by_series, by_window = own_series - other_series, _nanmean((own - theirs)[:, windows], 0)
    apart = by_window[np.isin(np.flatnonzero(windows), backtest.windows_apart)]
    differences, unit, test = by_window, "windows", OVER_WINDOWS
    p = _supporting(gain, diebold_mariano(apart), apart)
    if len(by_series) >= SERIES_FOR_WILCOXON:
        differences, unit, test = by_series, "series", OVER_SERIES if math.isnan(p) else OVER_BOTH
        p = np.fmax(p, _supporting(gain, wilcoxon(by_series), signed_ranks(by_series)))
    if (differences == 0).all():
        p = 1.0
    better, worse, of = int((differences < 0).sum()), int((differences > 0).sum()), len(differences)
    alike = math.isnan(p) and len(apart) >= FEWEST
    return Comparison(model, other, gain, metric, better, worse, of, unit, float(p), test, alike)


def _supporting(gain: float, p: float, evidence: Floats) -> float:
    """p, but 1 where the evidence (own errors less the other's) points the other way than the mean errors, which a few
    series may decide: it does not support them."""
    return 1.0 if p < 1 and evidence.sum() * gain > 0 else p


def _without_rounding(backtest: Backtest, errors: Floats) -> Floats:
    """(series, windows) errors in the main metric, 0 where they are rounding errors.

    A pattern that repeats exactly is forecast without error by some methods and with 1e-15 by others, of which no
    percentage means anything. Where there is no scale, the size of the actual values says what is small.
    """
    if backtest.main_metric == "MASE":
        return np.where(errors <= NO_ERROR, 0.0, errors)
    size = np.fmax.reduce(np.abs(backtest.actual), axis=(1, 2), initial=0.0)
    return np.where(errors <= ROUNDING * size[:, None], 0.0, errors)


def percent(share: float) -> str:
    """ "18 %", "0.4 %" below one, "more than 99 %" where little is left."""
    if 0.995 <= share < 1:
        return "more than 99 %"  # all of it would be no error at all
    return f"{100 * share:.0f} %" if share >= 0.0095 else f"{100 * share:.1f} %"


def _sentence(backtest: Backtest, model: str, known: tuple[Comparison, ...]) -> str:
    """Seasonal naive and the strongest of the other baselines, in one sentence; none that forecasts the same."""
    if not known:
        return f"{model}: there is nothing to compare it with"
    first = next((one for one in known if one.against == TITLES["seasonal_naive"]), known[0])
    rest = [one for one in known if one is not first and not _same(backtest, one.against, first.against)]
    told = [first, *([min(rest, key=lambda one: one.gain)] if rest else [])]
    parts = [f"{_verb(one)} {one.words}" for one in told]
    if len(parts) == 2:
        if _verb(told[0]) == _verb(told[1]):
            return f"{model} {parts[0]} and {told[1].words}"
        return f"{model} {parts[0]} but {parts[1]}"
    return f"{model} {parts[0]}"


def _verb(comparison: Comparison) -> str:
    if comparison.equal:
        return "equals"
    return "beats" if comparison.gain > 0 else "loses to"


def _same(backtest: Backtest, one: str, other: str) -> bool:
    """Whether two contenders forecast the same but for rounding errors: seasonal naive and naive without a season."""
    return np.allclose(backtest.at(one, 0.5), backtest.at(other, 0.5), rtol=ROUNDING, atol=0.0, equal_nan=True)


def _nanmean(values: Floats, axis: int) -> Floats:
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    return np.where(known, values, 0.0).sum(axis=axis) / np.maximum(count, 1)
