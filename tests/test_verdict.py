"""The verdict and its warnings, on forecasts whose faults are known."""

import math

import numpy as np
import pytest

from tests.panels import panel_of
from tests.test_backtest import constant, model, ready, seasonal_panel
from tidegate.evaluation.backtest import Backtest, Contender, backtest
from tidegate.evaluation.baselines import Forecaster, around, baseline
from tidegate.evaluation.recommend import BLEND
from tidegate.evaluation.symptoms import echo_lags
from tidegate.evaluation.verdict import Comparison, percent
from tidegate.forecasting.result import Forecast
from tidegate.series.panel import Panel
from tidegate.series.synthetic import random_walk, trend_and_season

BASELINES = ("naive", "seasonal_naive", "drift")
NAN = float("nan")


def judged(panel: Panel, forecaster: Forecaster, horizon: int = 6, windows: int = 5, **options: int) -> Backtest:
    contenders = [model(forecaster), *(ready(name, 6) for name in BASELINES)]
    return backtest(panel, contenders, horizon, windows=windows, season_length=6, **options)


def shifted(by: float, factor: float = 1.0, name: str = "seasonal_naive") -> Forecaster:
    """A baseline whose median is moved and whose intervals are made wider or narrower."""
    inner = baseline(name, season_length=6)

    def forecaster(panel: Panel, horizon: int, levels: tuple[float, ...]) -> Forecast:
        found = inner(panel, horizon, levels)
        point = found.at(0.5)
        radii = np.stack([found.at(0.5 + level / 200) - point for level in levels], axis=-1)
        return around(panel, horizon, levels, point + by, factor * radii)

    return forecaster


@pytest.mark.parametrize(
    ("comparison", "words"),
    [
        (Comparison("m", "naive", 0.18, "MASE", 87, 24, 111, "series", 1e-9, ""),
         "naive by 18 % (better on 87 of 111 series, p < 0.001)"),
        (Comparison("m", "AutoETS", 0.04, "MASE", 60, 51, 111, "series", 0.3, ""),
         "AutoETS by 4 % (better on 60 of 111 series, not significant)"),
        (Comparison("m", "drift", -0.062, "MASE", 1, 4, 5, "windows", 0.021, ""),
         "drift by 6 % (worse in 4 of 5 windows, p = 0.021)"),
        (Comparison("m", "drift", 0.5, "MASE", 1, 0, 1, "windows", NAN, ""),
         "drift by 50 % (too few windows to test)"),
        (Comparison("m", "drift", 0.5, "MASE", 60, 49, 111, "series", 0.3, ""),
         "drift by 50 % (better on 60 of 111 series, equal on 2, not significant)"),
        (Comparison("m", "drift", 0.996, "MASE", 5, 0, 5, "windows", 0.021, ""),
         "drift by more than 99 % (better in 5 of 5 windows, p = 0.021)"),
        (Comparison("m", "drift", -9.0, "MASE", 0, 5, 5, "windows", 0.021, ""),
         "drift by 900 % (worse in 5 of 5 windows, p = 0.021)"),
        (Comparison("m", "drift", -24.0, "MASE", 0, 5, 5, "windows", 0.021, ""),
         "drift by a factor of 25 (worse in 5 of 5 windows, p = 0.021)"),
        (Comparison("m", "drift", -math.inf, "MASE", 0, 5, 5, "windows", 0.021, ""),
         "drift, which makes no error (worse in 5 of 5 windows, p = 0.021)"),
        (Comparison("m", "drift", 0.5, "MASE", 5, 0, 5, "windows", NAN, "", alike=True),
         "drift by 50 % (better in 5 of 5 windows, same difference in each: no test)"),
    ],
)  # fmt: skip
def test_a_comparison_in_words(comparison: Comparison, words: str) -> None:
    assert comparison.words == words


def test_small_shares_keep_a_digit() -> None:
    assert [percent(share) for share in (0.18, 0.01, 0.004)] == ["18 %", "1 %", "0.4 %"]


def test_the_sentence_names_seasonal_naive_first_and_then_the_strongest_other() -> None:
    result = judged(seasonal_panel(), shifted(1.0))
    sentence = result.verdict.sentence
    assert sentence.startswith("model loses to seasonal naive by ") and " but beats " in sentence
    assert "of 12 series" in sentence


def last_value_and(*more: float) -> Forecaster:
    """The last value of each series and something more."""
    return lambda panel, horizon, levels: around(
        panel,
        horizon,
        levels,
        np.repeat(panel.values[panel.offsets[1:] - 1, None] + np.array(more)[:, None], horizon, axis=1),
        np.ones((panel.size, horizon, len(levels))),
    )


def test_ties_are_no_losses() -> None:
    # The series rise by 1 a step, so that naive misses by 1; the model misses by 1 on seven, 0 on two and 2 on three:
    # 13 in all and 1 / 12 more than naive's 12.
    model_of_twelve = last_value_and(*[0.0] * 7, *[1.0] * 2, *[-1.0] * 3)
    result = backtest(panel_of(*[list(range(9))] * 12), [model(model_of_twelve), ready("naive")], 1, windows=2)
    comparison = result.verdict.comparisons[0]
    assert (comparison.better, comparison.worse, comparison.ties, comparison.of) == (2, 3, 7, 12)
    assert (
        result.verdict.sentence == "model loses to naive by 8 % (worse on 3 of 12 series, equal on 7, not significant)"
    )


def test_a_test_that_points_the_other_way_is_no_evidence_for_the_mean() -> None:
    # The series rise by 1 a step. The model misses by 1 on all twelve; the other by 0 on eleven and by 99 on one, which
    # decides the mean: 12 of 99 is 88 % less. Signed ranks say that the model is worse: 66 against 12, p = 0.023.
    contenders = [model(last_value_and(*[0.0] * 12)), model(last_value_and(*[1.0] * 11, 100.0), "other")]
    result = backtest(panel_of(*[list(range(9))] * 12), contenders, 1, windows=2)
    assert result.verdict.sentence == "model beats other by 88 % (better on 1 of 12 series, not significant)"


def test_a_rounding_error_is_no_error() -> None:
    # 5, 7 … 27 again and again: seasonal naive makes no error, Naive2 one of 1e-15, the model one of 0.5. Naive misses
    # by 2, 4 … 12 from July on and by 22, 20 … 12 from January on: 7 and 17, in the mean 12.
    panel = panel_of([5.0 + 2 * (month % 12) for month in range(60)])
    contenders = [ready(name, 12) for name in ("naive", "seasonal_naive", "naive2")]
    halfway = baseline("seasonal_naive", season_length=12)

    def high(history: Panel, horizon: int, levels: tuple[float, ...]) -> Forecast:
        point = halfway(history, horizon, levels).at(0.5) + 0.5
        return around(history, horizon, levels, point, np.ones((*point.shape, len(levels))))

    result = backtest(panel, [model(high), *contenders], 6, windows=4, season_length=12)
    assert 0 < result.scores["Naive2"]["mae"] < 1e-14
    assert [comparison.gain for comparison in result.verdict.comparisons] == [1 - 0.5 / 12, -math.inf, -math.inf]
    assert result.verdict.sentence == (
        "model loses to seasonal naive, which makes no error (worse in 4 of 4 windows, same difference in each: no "
        "test) but beats naive by 96 % (better in 4 of 4 windows, p = 0.028)"
    )


def test_an_error_that_is_nothing_beside_the_scale_is_none() -> None:
    # The series rise by 1 a step, which is their scale.
    panel = panel_of(list(range(30)))
    result = backtest(panel, [model(last_value_and(1 + 1e-10)), model(last_value_and(1.0), "exact")], 1, windows=4)
    assert result.verdict.sentence == "model equals exact"


def test_a_baseline_that_forecasts_the_same_is_not_named_again() -> None:
    # Without a season seasonal naive is naive: both miss by 1, 2 and 3, the model by 2, 3 and 4. Nine ranks that tie:
    # z = (45 - 22.5 - 0.5) / 7.5, so p = 0.0034.
    panel = panel_of(*[list(range(30))] * 9)
    same = [ready("seasonal_naive", 1), ready("naive")]
    result = backtest(panel, [model(last_value_and(*[-1.0] * 9)), *same], 3, windows=4, season_length=1)
    assert len(result.verdict.comparisons) == 2
    assert result.verdict.sentence == "model loses to seasonal naive by 50 % (worse on 9 of 9 series, p = 0.0034)"


def test_few_series_are_tested_over_windows() -> None:
    result = judged(seasonal_panel(2), shifted(0.5))
    assert result.verdict.comparisons[1].unit == "windows" and "Diebold" in result.verdict.comparisons[1].test


def test_many_series_that_move_together_prove_no_more_than_their_windows() -> None:
    # Twenty copies of a series are one series: the signed-rank test alone would find p = 0.00001.
    one = (20 + 3 * trend_and_season(72, season_length=6, noise=0.3, seed=2)).tolist()
    alone, copies = (judged(panel_of(*[one] * count), shifted(0.5)).verdict.comparisons[1] for count in (1, 20))
    assert copies.words.startswith("seasonal naive by ") and "of 20 series" in copies.words
    assert copies.p == pytest.approx(alone.p) and alone.p > 0.05
    assert copies.test.startswith("the larger of Wilcoxon signed-rank over series and Diebold-Mariano over windows")


def test_with_few_windows_only_series_can_be_tested() -> None:
    comparison = judged(seasonal_panel(), shifted(1.0), windows=2).verdict.comparisons[1]
    assert comparison.test == "Wilcoxon signed-rank over series" and comparison.p < 0.05


def test_windows_between_those_that_do_not_overlap_are_no_further_evidence() -> None:
    # 5 windows of 6 steps, and as many again halfway between them
    apart, overlapping = (
        judged(seasonal_panel(1, 120), shifted(0.5), windows=windows, step=step).verdict.comparisons[0]
        for windows, step in ((5, 6), (9, 3))
    )
    assert (apart.of, overlapping.of) == (5, 9)
    assert overlapping.p == apart.p < 1


def test_overlapping_windows_may_be_too_few_to_test() -> None:
    # 7 windows of 6 steps, one step apart, cover 12 steps: two windows that do not overlap
    words = judged(seasonal_panel(1, 120), shifted(0.5), windows=7, step=1).verdict.comparisons[0].words
    assert words.endswith("of 7 windows, too few windows that do not overlap to test)")


def test_an_equal_forecast_is_called_equal() -> None:
    result = judged(seasonal_panel(), baseline("seasonal_naive", season_length=6))
    assert result.verdict.sentence.startswith("model equals seasonal naive")


def test_the_last_value_drawn_one_step_late_is_an_echo() -> None:
    walks = panel_of(*(random_walk(120, seed=seed).tolist() for seed in range(9)))
    result = judged(walks, baseline("naive"), horizon=1, windows=60)
    assert (echo_lags(result, "model") == 1).mean() > 0.8
    assert any(
        warning.startswith("model echoes the past: on ") and "lag of 1 step," in warning
        for warning in result.verdict.warnings
    )


def test_a_forecast_that_has_nothing_to_do_with_the_values_is_no_echo() -> None:
    # Of 13 lags one correlates best, also with noise that is no better than the last value, which is noise as well.
    def noise(panel: Panel, horizon: int, levels: tuple[float, ...]) -> Forecast:
        point = np.random.default_rng(len(panel.values)).standard_normal((panel.size, horizon))
        return around(panel, horizon, levels, point, np.ones((*point.shape, len(levels))), bounds=False)

    series = [np.random.default_rng(seed).standard_normal(150) for seed in range(12)]
    found = [judged(panel_of(values), noise).verdict.warnings for values in series]
    assert sum("echoes" in " ".join(warnings) for warnings in found) <= 1


def mean_season(panel: Panel, horizon: int, levels: tuple[float, ...]) -> Forecast:
    """The mean of all whole seasons of 6: for a season in noise the best there is."""
    point = np.stack([values[len(values) % 6 :].reshape(-1, 6).mean(axis=0) for values in panel])
    return around(panel, horizon, levels, np.resize(point, (panel.size, horizon)), np.ones((*point.shape, len(levels))))


def test_a_forecast_that_knows_the_season_is_no_echo() -> None:
    result = judged(seasonal_panel(), mean_season, windows=8)
    assert not any("echoes" in warning for warning in result.verdict.warnings)


def test_the_last_season_drawn_again_is_an_echo_too() -> None:
    result = judged(seasonal_panel(), baseline("seasonal_naive", season_length=6), windows=8)
    assert any("peaks at a lag of 6 steps" in warning for warning in result.verdict.warnings)


def test_a_flat_line_through_a_season_is_warned_of() -> None:
    result = judged(seasonal_panel(), baseline("naive"))
    assert any(
        warning.startswith("model is too flat: on ") and "of 12 series" in warning
        for warning in result.verdict.warnings
    )
    walks = panel_of(*(random_walk(120, seed=seed).tolist() for seed in range(9)))
    assert not any("flat" in warning for warning in judged(walks, baseline("naive")).verdict.warnings)


def test_a_flat_line_is_not_warned_of_where_seasonal_naive_is_one_too() -> None:
    # Without a season it is naive, which is closer here; a line 1 below it is no flatter.
    panel = panel_of(*[list(range(30))] * 9)
    below = [model(last_value_and(*[-1.0] * 9)), ready("naive"), ready("seasonal_naive", 1)]
    result = backtest(panel, below, 3, windows=4, season_length=1)
    assert (result.score("mae")["seasonal naive"] < result.score("mae")["model"]).all()
    assert not any("flat" in warning for warning in result.verdict.warnings)


def test_bias_is_warned_of_with_its_side() -> None:
    for by, side in ((9.0, "high"), (-9.0, "low")):
        warnings = judged(seasonal_panel(), shifted(by)).verdict.warnings
        assert any(warning.startswith(f"model is biased: too {side} in every window") for warning in warnings)
    assert not any("biased" in warning for warning in judged(seasonal_panel(), shifted(0.0)).verdict.warnings)


def test_intervals_that_miss_their_promise_are_warned_of() -> None:
    narrow = judged(seasonal_panel(40), shifted(0.0, factor=0.3)).verdict.warnings
    assert any(warning.startswith("model's 80 % interval is too narrow: it covers ") for warning in narrow)
    wide = judged(seasonal_panel(40), shifted(0.0, factor=5.0)).verdict.warnings
    assert any("model's 80 % interval is too wide: it covers 100 %" in warning for warning in wide)


@pytest.mark.parametrize(("windows", "step"), [(3, 12), (5, 1)])
def test_a_walk_that_went_one_way_is_no_bias(windows: int, step: int) -> None:
    # The last value is without bias. Three windows lie on one side of it in a quarter of all walks, and five that
    # overlap in most of them.
    walks = [panel_of(random_walk(120, seed=seed).tolist()) for seed in range(40)]
    found = [judged(walk, baseline("naive"), 12, windows, step=step).verdict.warnings for walk in walks]
    assert sum("biased" in " ".join(warnings) for warnings in found) <= 1


def test_intervals_of_series_that_miss_together_are_judged_by_windows() -> None:
    # Twenty copies of a walk: windows that hold 83, 33, 33, 83 and 100 % are no evidence against 80 %.
    walks = panel_of(*[random_walk(120, seed=2).tolist()] * 20)
    result = judged(walks, baseline("naive"))
    assert result.scores["model"]["coverage_80"] == pytest.approx(0.67, abs=0.01)
    assert not any("interval" in warning for warning in result.verdict.warnings)


def test_few_windows_are_no_evidence_against_an_interval() -> None:
    assert not any("interval" in warning for warning in judged(seasonal_panel(1), shifted(0.0, 3.0)).verdict.warnings)


def test_each_series_gets_what_served_it_best_before_the_last_window() -> None:
    seasonal = seasonal_panel(4, 120)
    walks = [(10 * random_walk(120, seed=seed)).tolist() for seed in range(4)]
    panel = panel_of(*(values.tolist() for values in seasonal), *walks)
    result = judged(panel, baseline("naive"), windows=12)
    chosen = result.recommendation.chosen
    assert set(chosen[:4]) == {"seasonal naive"}
    assert "seasonal naive" not in chosen[4:]
    assert result.recommendation.error < result.recommendation.model_error
    assert "on the last window" in result.recommendation.sentence


def test_the_last_window_has_no_say_in_the_choice_also_where_windows_overlap() -> None:
    panel = seasonal_panel(6, 90)
    before = judged(panel, shifted(0.1), windows=6, step=2).recommendation.chosen
    values = panel.values.copy()
    values[panel.offsets[1:, None] - np.arange(1, 7)] = 1e6
    after = judged(Panel(values, panel.offsets, panel.timeline), shifted(0.1), windows=6, step=2)
    assert after.recommendation.chosen == before


def test_one_window_leaves_nothing_to_choose_on() -> None:
    result = judged(seasonal_panel(), shifted(0.1), windows=1)
    assert result.recommendation.sentence.startswith("no recommendation: with a single window")
    assert set(result.recommendation.chosen) == {"model"}


def test_a_last_window_without_values_is_said_to_have_none() -> None:
    panel = panel_of([*range(20), NAN, NAN, NAN], [*range(20), NAN, NAN, NAN])
    result = backtest(panel, [model(constant(5.0)), ready("naive")], 3, windows=4)
    assert result.recommendation.sentence == (
        "recommended: naive for 2 series, chosen on the windows before the last; the recommendation cannot be scored: "
        "the last window has no values"
    )


def test_a_last_window_that_a_method_did_not_forecast_is_told_too() -> None:
    def late(history: Panel, horizon: int, levels: tuple[float, ...]) -> Forecast:
        return last_value_and(NAN if len(history.values) == 17 else 1.0)(history, horizon, levels)

    contenders = [model(constant(5.0)), Contender("late", lambda history: late)]
    sentence = backtest(panel_of(list(range(20))), contenders, 3, windows=4).recommendation.sentence
    assert sentence == (
        "recommended: late, chosen on the windows before the last; the recommendation cannot be scored: the last "
        "window lacks forecasts"
    )


def test_a_blend_is_offered_where_two_errors_cancel() -> None:
    # 10, 30, 10 and so on, whose scale is 20: the model says 3 too much and the best baseline 3 too little; naive
    # misses by 20 at every second step.
    panel = panel_of(*[[10.0, 30.0] * 20] * 3)
    low = Contender("low", lambda history: shifted(-3.0))
    result = backtest(panel, [model(shifted(3.0)), low, ready("naive")], 2, windows=5, season_length=1)
    found = result.recommendation
    assert found.chosen == (BLEND,) * 3 and found.blended == ("model", "low")
    assert (found.error, found.model_error, found.baseline_error) == (0.0, 3 / 20, 3 / 20)


def test_a_constant_forecast_of_a_constant_series_needs_no_warning() -> None:
    result = judged(panel_of([5.0] * 60), constant(5.0, 0.0))
    assert result.verdict.warnings == ()
