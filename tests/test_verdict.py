"""The verdict and its warnings, on forecasts whose faults are known."""

import numpy as np
import pytest

from tests.test_backtest import constant, model, ready, seasonal_panel
from tests.test_metrics import panel_of
from tidegate.evaluation.backtest import Backtest, backtest
from tidegate.evaluation.baselines import Forecaster, around, baseline
from tidegate.evaluation.recommend import BLEND
from tidegate.evaluation.symptoms import echo_lags
from tidegate.evaluation.verdict import Comparison, percent
from tidegate.forecasting.result import Forecast
from tidegate.series.panel import Panel
from tidegate.series.synthetic import random_walk

BASELINES = ("naive", "seasonal_naive", "drift")


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
        (Comparison("m", "naive", 0.18, "MASE", 87, 111, "series", 1e-9, ""),
         "naive by 18 % (better on 87 of 111 series, p < 0.001)"),
        (Comparison("m", "AutoETS", 0.04, "MASE", 60, 111, "series", 0.3, ""),
         "AutoETS by 4 % (better on 60 of 111 series, not significant)"),
        (Comparison("m", "drift", -0.062, "MASE", 1, 5, "windows", 0.021, ""),
         "drift by 6 % (worse in 4 of 5 windows, p = 0.021)"),
        (Comparison("m", "drift", 0.5, "MASE", 1, 1, "windows", float("nan"), ""),
         "drift by 50 % (too few windows to test)"),
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


def test_few_series_are_tested_over_windows() -> None:
    result = judged(seasonal_panel(2), shifted(0.5))
    assert result.verdict.comparisons[1].unit == "windows" and "Diebold" in result.verdict.comparisons[1].test


def test_an_equal_forecast_is_called_equal() -> None:
    result = judged(seasonal_panel(), baseline("seasonal_naive", season_length=6))
    assert result.verdict.sentence.startswith("model equals seasonal naive")


def test_the_last_value_drawn_one_step_late_is_an_echo() -> None:
    walks = panel_of(*(random_walk(120, seed=seed).tolist() for seed in range(9)))
    result = judged(walks, baseline("naive"), horizon=1, windows=60)
    assert (echo_lags(result, "model") == 1).mean() > 0.8
    assert any(
        warning.startswith("an echo: on ") and "lag of 1 step," in warning for warning in result.verdict.warnings
    )


def mean_season(panel: Panel, horizon: int, levels: tuple[float, ...]) -> Forecast:
    """The mean of all whole seasons of 6: for a season in noise the best there is."""
    point = np.stack([values[len(values) % 6 :].reshape(-1, 6).mean(axis=0) for values in panel])
    return around(panel, horizon, levels, np.resize(point, (panel.size, horizon)), np.ones((*point.shape, len(levels))))


def test_a_forecast_that_knows_the_season_is_no_echo() -> None:
    result = judged(seasonal_panel(), mean_season, windows=8)
    assert not any("echo" in warning for warning in result.verdict.warnings)


def test_the_last_season_drawn_again_is_an_echo_too() -> None:
    result = judged(seasonal_panel(), baseline("seasonal_naive", season_length=6), windows=8)
    assert any("peaks at a lag of 6 steps" in warning for warning in result.verdict.warnings)


def test_a_flat_line_through_a_season_is_warned_of() -> None:
    result = judged(seasonal_panel(), baseline("naive"))
    assert any(warning.startswith("flat: on ") and "of 12 series" in warning for warning in result.verdict.warnings)
    walks = panel_of(*(random_walk(120, seed=seed).tolist() for seed in range(9)))
    assert not any(warning.startswith("flat") for warning in judged(walks, baseline("naive")).verdict.warnings)


def test_bias_is_warned_of_with_its_side() -> None:
    for by, side in ((9.0, "high"), (-9.0, "low")):
        warnings = judged(seasonal_panel(), shifted(by)).verdict.warnings
        assert any(warning.startswith(f"biased: model is too {side} in every window") for warning in warnings)
    assert not any("biased" in warning for warning in judged(seasonal_panel(), shifted(0.0)).verdict.warnings)


def test_intervals_that_miss_their_promise_are_warned_of() -> None:
    narrow = judged(seasonal_panel(40), shifted(0.0, factor=0.3)).verdict.warnings
    assert any(warning.startswith("intervals too narrow: model's 80 % interval covers ") for warning in narrow)
    wide = judged(seasonal_panel(40), shifted(0.0, factor=5.0)).verdict.warnings
    assert any("too wide: model's 80 % interval covers 100 %" in warning for warning in wide)


def test_few_windows_are_no_evidence_against_an_interval() -> None:
    assert not any("intervals" in warning for warning in judged(seasonal_panel(1), shifted(0.0, 3.0)).verdict.warnings)


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
    assert result.recommendation.sentence.startswith("no recommendation: one window")
    assert set(result.recommendation.chosen) == {"model"}


def test_a_blend_is_offered_where_two_errors_cancel() -> None:
    panel = seasonal_panel(10, 90)

    def high(history: Panel, horizon: int, levels: tuple[float, ...]) -> Forecast:
        return shifted(1.0)(history, horizon, levels)

    contenders = [model(high), ready("naive", 6)]
    low = backtest(panel, [*contenders, model(shifted(-1.0), "low")], 6, windows=5, season_length=6)
    assert set(low.recommendation.chosen) & {BLEND, "low", "model"}


def test_a_constant_forecast_of_a_constant_series_needs_no_warning() -> None:
    result = judged(panel_of([5.0] * 60), constant(5.0, 0.0))
    assert result.verdict.warnings == ()
