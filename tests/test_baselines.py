"""Baselines: worked by hand, nested intervals, and what short, gappy and constant series get."""

import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.panels import panel_of
from tidegate.errors import ConfigError, MissingExtra
from tidegate.evaluation import baselines
from tidegate.evaluation.baselines import baseline, is_seasonal, seasonal_figure
from tidegate.forecasting.result import Forecast
from tidegate.series.panel import Panel
from tidegate.series.synthetic import random_walk

NAN = float("nan")


def medians(forecast: Forecast) -> list[list[float]]:
    return forecast.at(0.5).tolist()


def test_naive_repeats_the_last_observed_value() -> None:
    assert medians(baselines.naive(panel_of([1, 2, 5], [7, 8, NAN]), 2)) == [[5, 5], [8, 8]]


def test_seasonal_naive_repeats_the_last_season() -> None:
    forecast = baselines.seasonal_naive(panel_of([9, 9, 9, 1, 2, 3]), 5, season_length=3)
    assert medians(forecast) == [[1, 2, 3, 1, 2]]


def test_seasonal_naive_takes_the_last_observed_value_of_a_phase() -> None:
    panel = panel_of([1, 20, 3, 1, NAN, 4])
    assert medians(baselines.seasonal_naive(panel, 3, season_length=3)) == [[1, 20, 4]]


def test_seasonal_naive_of_a_series_shorter_than_a_season_fills_with_the_last_value() -> None:
    assert medians(baselines.seasonal_naive(panel_of([1, 2]), 4, season_length=3)) == [[2, 1, 2, 2]]


@pytest.mark.parametrize("name", baselines.PLAIN)
def test_a_season_far_longer_than_the_history_costs_no_memory(name: str) -> None:
    panel = panel_of(list(range(60)))
    tracemalloc.start()
    found = baseline(name, season_length=1_000_000)(panel, 3, (80,))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1e6  # bytes
    assert (found.quantiles == baseline(name, season_length=63)(panel, 3, (80,)).quantiles).all()


def test_drift_goes_on_along_the_line_from_first_to_last() -> None:
    # the slope is (7 - 1) / 3; the second series ends on a missing step, which the line crosses too
    assert medians(baselines.drift(panel_of([1, 9, 2, 7], [1, 2, 3, NAN]), 2)) == [[9, 11], [5, 6]]


def test_naive2_adjusts_a_clear_season_and_leaves_the_rest_alone() -> None:
    season = np.array([0.5, 1.0, 1.5, 1.0])
    seasonal, noise = np.tile(season, 10) * 8, random_walk(40, seed=3) + 50
    forecast = baselines.naive2(panel_of(seasonal.tolist(), noise.tolist()), 4, season_length=4)
    assert forecast.at(0.5)[0] == pytest.approx(season * 8)
    assert medians(forecast)[1] == [noise[-1]] * 4


def test_the_seasonal_figure_is_that_of_r() -> None:
    # decompose(ts(c(2,4,6,8, 3,5,9,9, 4,6,10,13), frequency = 4), "multiplicative")$figure, by hand:
    # centred means of 4 of steps 3 to 10: 5.125, 5.375, 5.875, 6.375, 6.625, 6.875, 7.125, 7.75
    values = np.array([2, 4, 6, 8, 3, 5, 9, 9, 4, 6, 10, 13], float)
    trend = np.array([5.125, 5.375, 5.875, 6.375, 6.625, 6.875, 7.125, 7.75])
    ratio = (values[2:10] / trend).reshape(2, 4).mean(axis=0)[[2, 3, 0, 1]]
    assert seasonal_figure(values, 4) == pytest.approx(ratio / ratio.mean())
    assert is_seasonal(np.tile([1.0, 2.0, 3.0], 8), 3) and not is_seasonal(np.ones(24), 3)


def test_naive_intervals_cover_random_walks_as_often_as_they_say() -> None:
    walks = [random_walk(300, seed=seed) for seed in range(200)]
    forecast = baselines.naive(panel_of(*(walk[:280].tolist() for walk in walks)), 20)
    actual = np.stack([walk[280:] for walk in walks])
    low, high = forecast.at(0.1), forecast.at(0.9)
    assert 0.74 < ((low <= actual) & (actual <= high)).mean() < 0.86


@given(
    values=st.lists(st.floats(-1e6, 1e6) | st.just(NAN), min_size=1, max_size=30),
    horizon=st.integers(1, 9),
    season=st.integers(1, 7),
    name=st.sampled_from(baselines.PLAIN),
)
def test_every_baseline_gives_finite_nested_quantiles_whatever_the_history(
    values: list[float], horizon: int, season: int, name: str
) -> None:
    history = [*values, 1.0]
    forecast = baseline(name, season_length=season)(panel_of(history, [0.0, 0.0]), horizon, (80, 95))
    assert np.isfinite(forecast.quantiles).all()
    assert (np.diff(forecast.quantiles, axis=-1) >= 0).all()
    assert (forecast.quantiles[1] == 0).all()


@given(shift=st.integers(0, 3))
def test_neighbours_change_nothing(shift: int) -> None:
    series = [random_walk(20 + 7 * k, seed=k).tolist() for k in range(4)]
    for name in baselines.PLAIN:
        forecaster = baseline(name, season_length=4)
        alone = forecaster(panel_of(series[shift]), 6, (80,)).quantiles[0]
        assert (forecaster(panel_of(*series), 6, (80,)).quantiles[shift] == alone).all()


def test_a_history_that_never_goes_below_zero_is_cut_there_as_ours_is() -> None:
    forecast = baselines.naive(panel_of([0, 5, 0, 5, 0]), 3)
    assert (forecast.quantiles >= 0).all() and any("cut at 0" in note for note in forecast.notes)


@pytest.mark.parametrize("name", baselines.PLAIN)
def test_without_bounds_a_baseline_is_not_cut(name: str) -> None:
    panel = panel_of([0, 5, 0, 5, 0, 5, 0])
    free = baseline(name, season_length=1, bounds=False)(panel, 3, (80,))
    cut = baseline(name, season_length=1)(panel, 3, (80,))
    assert free.quantiles.min() < 0 and not free.notes
    assert (np.maximum(free.quantiles, 0) == cut.quantiles).all()


def test_a_misspelt_baseline_gets_the_near_match() -> None:
    with pytest.raises(ConfigError, match="did you mean auto_ets"):
        baseline("AutoETS")


def test_without_statsforecast_its_baselines_name_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.evaluation.statistical.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"AutoETS.*tidegate\[stats\]"):
        baseline("auto_ets")


def airline_like() -> Panel:
    steps = np.arange(72)
    values = 100 + steps + 20 * np.sin(2 * np.pi * steps / 12) + random_walk(72, step=0.5, seed=1)
    demand = np.where(steps % 4 == 0, 3.0, 0.0)
    return panel_of(values.tolist(), demand.tolist())


def test_statistical_baselines_answer_by_name() -> None:
    pytest.importorskip("statsforecast", reason="statsforecast is not installed")
    panel = airline_like()
    for name in ("auto_theta", "croston"):
        forecast = baseline(name, season_length=12)(panel, 6, (80, 95))
        assert np.isfinite(forecast.quantiles).all() and (np.diff(forecast.quantiles, axis=-1) >= 0).all()
    assert forecast.at(0.5)[1] == pytest.approx(3 / 4, rel=0.5)


def test_statistical_baselines_are_cut_at_zero_with_bounds_only() -> None:
    pytest.importorskip("statsforecast", reason="statsforecast is not installed")
    demand = panel_of([3.0, 0, 0, 0] * 10)
    lows = [baseline("croston", bounds=bounds)(demand, 3, (80,)).quantiles.min() for bounds in (True, False)]
    assert lows[0] == 0 > lows[1]


def test_series_a_baseline_has_no_time_for_have_no_forecast_and_are_named() -> None:
    pytest.importorskip("statsforecast", reason="statsforecast is not installed")
    long = panel_of(*(random_walk(900, step=1.0, seed=seed).tolist() for seed in (1, 2)))  # seconds of work each
    forecast = baseline("auto_arima", season_length=12, time_limit=1e-9)(long, 6, (80,))
    assert np.isnan(forecast.quantiles).all()
    assert any("no forecast for 2 of 2 series, 2 of them because time ran out" in note for note in forecast.notes)


def test_a_worker_tells_what_it_cannot_forecast() -> None:
    pytest.importorskip("statsforecast", reason="statsforecast is not installed")
    import subprocess

    task = '{"name": "auto_arima", "m": 12, "horizon": 2, "levels": [80], "values": []}\n'
    done = subprocess.run(
        [sys.executable, "-m", "tidegate.evaluation.statsworker"],
        input=task,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "ready\nnull\n" and "auto_arima" in done.stderr
