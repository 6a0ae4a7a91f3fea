"""Metrics by hand, by another program, and by properties; what is not defined is NaN and never infinite."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.panels import panel_of
from tidegate.evaluation import metrics

ACTUAL = np.array([8.0, 10.0])
FORECAST = np.array([9.0, 7.0])
LEVELS = (0.1, 0.5, 0.9)


def test_errors_worked_by_hand() -> None:
    # errors +1 and -3
    assert metrics.mae(ACTUAL, FORECAST) == 2.0
    assert metrics.rmse(ACTUAL, FORECAST) == pytest.approx(5**0.5)
    assert metrics.bias(ACTUAL, FORECAST) == -1.0
    assert metrics.mape(ACTUAL, FORECAST) == pytest.approx(100 * (1 / 8 + 3 / 10) / 2)
    assert metrics.smape(ACTUAL, FORECAST) == pytest.approx(200 * (1 / 17 + 3 / 17) / 2)


def test_scaled_errors_worked_by_hand() -> None:
    # |2-1|, |4-2|, |7-4| average 2, their squares average 14/3; |9-8| and |7-10| average 2, their squares 5
    history = panel_of([1.0, 2.0, 4.0, 7.0])
    assert metrics.mase(ACTUAL[None], FORECAST[None], metrics.absolute_scale(history, 1)) == [1.0]
    rmsse = metrics.rmsse(ACTUAL[None], FORECAST[None], metrics.squared_scale(history, 1))
    assert rmsse == pytest.approx([(5 / (14 / 3)) ** 0.5])


def test_the_scale_takes_steps_one_season_apart_within_each_series() -> None:
    history = panel_of([1.0, 5.0, 2.0, 9.0], [100.0, 100.0, 107.0])
    assert metrics.absolute_scale(history, np.array([2, 1])) == pytest.approx([(1 + 4) / 2, 3.5])
    assert metrics.squared_scale(history, 2) == pytest.approx([(1 + 16) / 2, 49.0])


def test_a_scale_that_is_zero_or_has_no_pair_is_not_a_number() -> None:
    history = panel_of([3.0, 3.0, 3.0], [1.0, 2.0], [np.nan, 1.0, np.nan, 5.0], [])
    assert np.isnan(metrics.absolute_scale(history, 1)).tolist() == [True, False, True, True]
    assert np.isnan(metrics.absolute_scale(history, 2)).tolist() == [True, True, False, True]


def test_changes_that_are_rounding_errors_are_no_scale() -> None:
    # Over a period of 10 steps a computed sine changes by 1e-16 and the like, from step to step by 0.4.
    sine = panel_of(np.sin(np.arange(60) * 2 * np.pi / 10).tolist())
    assert np.isnan(metrics.absolute_scale(sine, 10)) and np.isnan(metrics.squared_scale(sine, 10))
    assert metrics.absolute_scale(sine, 1) == pytest.approx(0.38, abs=0.01)
    # Small beside the level is not nothing.
    assert metrics.absolute_scale(panel_of([1e6, 1e6 + 1e-3]), 1) == pytest.approx(1e-3, rel=1e-6)


def test_quantile_losses_worked_by_hand() -> None:
    # at 0.1: 0.1 * (10 - 6) = 0.4; at 0.5: 0.5 * 1; at 0.9: (1 - 0.9) * (13 - 10) = 0.3
    actual, quantiles = np.array([10.0]), np.array([[6.0, 9.0, 13.0]])
    assert metrics.pinball(actual, quantiles, LEVELS) == pytest.approx(1.2 / 3)
    assert metrics.wql(actual, quantiles, LEVELS) == pytest.approx(2 * 1.2 / 3 / 10)
    assert metrics.scaled_crps(actual, quantiles, LEVELS, np.array(4.0)) == pytest.approx(2 * 1.2 / 3 / 4)


def test_intervals_worked_by_hand() -> None:
    # width 4; the second actual lies 1 above the 80 % interval: 4 + 2 / 0.2 * 1
    actual, low, high = np.array([5.0, 7.0]), np.array([2.0, 2.0]), np.array([6.0, 6.0])
    assert metrics.coverage(actual, low, high) == 0.5
    assert metrics.width(low, high) == 4.0
    assert metrics.winkler(actual, low, high, 80) == pytest.approx((4 + 14) / 2)


def test_overall_weighted_average_is_the_mean_of_two_ratios_of_means() -> None:
    naive = np.array([10.0, 20.0]), np.array([1.0, 3.0])
    assert metrics.owa(naive[0] / 2, naive[1], *naive) == pytest.approx((0.5 + 1) / 2)
    assert metrics.owa(np.array([np.nan, 20.0]), naive[1], *naive) == 1.0
    assert np.isnan(metrics.owa(np.zeros(1), np.zeros(1), np.zeros(1), np.zeros(1)))


def test_missing_actuals_are_left_out_and_nothing_left_is_not_a_number() -> None:
    actual = np.array([[1.0, np.nan], [np.nan, np.nan]])
    assert np.isnan(metrics.mae(actual, np.zeros((2, 2)))).tolist() == [False, True]
    quantiles = np.zeros((2, 2, 3))
    for result in (
        metrics.wql(actual, quantiles, LEVELS),
        metrics.coverage(actual, np.full((2, 2), 0.0), np.full((2, 2), 2.0)),
        metrics.mape(actual, np.zeros((2, 2))),
    ):
        assert np.isnan(result).tolist() == [False, True]


def test_percentages_of_zero_are_left_out_and_two_zeros_are_no_symmetric_error() -> None:
    actual, forecast = np.array([0.0, 4.0]), np.array([1.0, 5.0])
    assert metrics.mape(actual, forecast) == 25.0
    assert np.isnan(metrics.mape(np.zeros(2), forecast))
    assert metrics.smape(np.zeros(2), np.zeros(2)) == 0.0


@given(
    unit=st.floats(1e-3, 1e3),
    offset=st.floats(-1e3, 1e3),
    values=st.lists(st.floats(-100, 100), min_size=8, max_size=30),
)
def test_scaled_errors_do_not_depend_on_the_unit_or_the_zero_of_the_series(
    unit: float, offset: float, values: list[float]
) -> None:
    def errors(series: np.ndarray) -> np.ndarray:
        scale = metrics.absolute_scale(panel_of(series[:-4].tolist()), 1)
        return metrics.mase(series[None, -2:], series[None, -4:-2], scale)

    series = np.round(np.array(values), 3)
    assert errors(unit * series + offset) == pytest.approx(errors(series), rel=1e-6, abs=1e-6, nan_ok=True)


@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), point=st.floats(-1e6, 1e6))
def test_a_forecast_without_spread_has_its_absolute_error_as_crps(values: list[float], point: float) -> None:
    actual = np.array(values)
    quantiles = np.full((len(values), 9), point)
    levels = tuple(round(0.1 * k, 1) for k in range(1, 10))
    twice = 2 * metrics.pinball(actual, quantiles, levels)
    assert twice == pytest.approx(metrics.mae(actual, np.full(len(values), point)))


def test_agreement_with_utilsforecast() -> None:
    losses = pytest.importorskip("utilsforecast.losses", reason="utilsforecast is not installed")
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(5)
    series, horizon, n, m = 4, 6, 30, 3
    history, actual = rng.gamma(3, 2, (series, n)), rng.gamma(3, 2, (series, horizon))
    quantiles = np.sort(rng.gamma(3, 2, (series, horizon, 3)), axis=-1)
    low, median, high = (quantiles[..., k] for k in range(3))
    ids = [f"s{k}" for k in range(series)]
    frame = pandas.DataFrame(
        {
            "unique_id": np.repeat(ids, horizon),
            "ds": np.tile(np.arange(n, n + horizon), series),
            "y": actual.ravel(),
            "q": median.ravel(),
            "q-lo-80": low.ravel(),
            "q-hi-80": high.ravel(),
        }
    )
    for place, level in enumerate(LEVELS):
        frame[f"at{level}"] = quantiles[..., place].ravel()
    train = pandas.DataFrame(
        {"unique_id": np.repeat(ids, n), "ds": np.tile(np.arange(n), series), "y": history.ravel()}
    )
    panel = panel_of(*history.tolist())
    columns = {level: f"at{level}" for level in LEVELS}
    expected = {
        "mae": losses.mae(frame, ["q"]),
        "rmse": losses.rmse(frame, ["q"]),
        "bias": losses.bias(frame, ["q"]),
        "mape": losses.mape(frame, ["q"]),
        "smape": losses.smape(frame, ["q"]),
        "mase": losses.mase(frame, ["q"], seasonality=m, train_df=train),
        "rmsse": losses.rmsse(frame, ["q"], seasonality=m, train_df=train),
        "coverage": losses.coverage(frame, ["q"], level=80),
        "mqloss": losses.mqloss(frame, models={"q": list(columns.values())}, quantiles=np.array(LEVELS)),
        "scaled_crps": losses.scaled_crps(frame, models={"q": list(columns.values())}, quantiles=np.array(LEVELS)),
    }
    ours = {
        "mae": metrics.mae(actual, median),
        "rmse": metrics.rmse(actual, median),
        "bias": metrics.bias(actual, median),
        "mape": metrics.mape(actual, median) / 100,  # theirs are shares, ours percent
        "smape": metrics.smape(actual, median) / 200,  # and theirs reach 1
        "mase": metrics.mase(actual, median, metrics.absolute_scale(panel, m)),
        "rmsse": metrics.rmsse(actual, median, metrics.squared_scale(panel, m)),
        "coverage": metrics.coverage(actual, low, high),
        "mqloss": metrics.pinball(actual, quantiles, LEVELS),
        "scaled_crps": metrics.wql(actual, quantiles, LEVELS),  # their scaled CRPS is the WQL of one series
    }
    for name, theirs in expected.items():
        assert ours[name] == pytest.approx(theirs["q"].to_numpy(), rel=1e-9), name


def test_thirty_thousand_series_are_measured_at_once() -> None:
    import time

    rng = np.random.default_rng(0)
    actual, forecast = rng.random((30_000, 28)), rng.random((30_000, 28))
    began = time.perf_counter()
    scale = np.ones(30_000)
    results = [metrics.mase(actual, forecast, scale), metrics.smape(actual, forecast), metrics.mae(actual, forecast)]
    assert time.perf_counter() - began < 2  # 0.1 s on an idle core; a loop over series takes minutes
    assert all(result.shape == (30_000,) for result in results)
