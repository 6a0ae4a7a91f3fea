"""Exponential smoothing beside a network: its equations, what it is given, and when a fit keeps it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.fitting import CPU, QUICK, TINY, forecasts, waves
from tests.panels import panel_of
from tidegate.errors import ConfigError, ModelError
from tidegate.forecasting.config import ModelConfig, Smoothing
from tidegate.forecasting.forecaster import forecast_panel
from tidegate.forecasting.model import ModelFile
from tidegate.forecasting.stream import Stream
from tidegate.network.model_file import to_onnx
from tidegate.network.patch_lstm import PatchLSTM
from tidegate.network.smoothing import forecast, smoothed_values, state_weights
from tidegate.series.panel import Panel
from tidegate.training.fit import Trained, fit
from tidegate.training.fit_data import FitData
from tidegate.training.selection import Candidate, scored
from tidegate.training.smoothing_choice import LEAST_SERIES, with_smoothing
from tidegate.training.starting_points import StartingPoint
from tidegate.training.training_run import predict

# Box & Jenkins, "Time Series Analysis" (1976), series G: airline passengers of 1949 to 1951.
AIRLINE = (
    *(112, 118, 132, 129, 121, 135, 148, 148, 136, 119, 104, 118),
    *(115, 126, 141, 135, 125, 149, 170, 170, 158, 133, 114, 140),
    *(145, 150, 178, 163, 172, 178, 199, 199, 184, 162, 146, 166),
)
YEARLY = Smoothing(1.0, level=0.35, trend=0.05, season=0.3, damping=0.9, season_length=12)
PLAIN = Smoothing(1.0, level=0.6, trend=0.15, season=0.3, damping=0.97)
WHOLE = ModelConfig(context_length=64, horizon=16, hidden_size=4, embedding_size=4, head_size=4)

shares = st.floats(0.01, 0.99)
smoothings = st.builds(Smoothing, st.just(1.0), shares, shares, shares, shares, st.sampled_from([1, 2, 7, 12]))


def after(values: np.ndarray | Tensor, smoothing: Smoothing, horizon: int, window: int | None = None) -> np.ndarray:
    """Forecasts after all of the values."""
    series = torch.as_tensor(np.asarray(values, float))[None]
    window = window or series.shape[1]
    read = smoothed_values(series, torch.tensor([[series.shape[1]]]), smoothing, window)
    return forecast(read, smoothing, horizon, torch.from_numpy(state_weights([smoothing], window)[0]))[0, 0].numpy()


def by_the_book(values: np.ndarray, smoothing: Smoothing, horizon: int) -> np.ndarray:
    """Step by step, in the form of Hyndman & Athanasopoulos, section 8.3."""
    m, alpha, beta, phi = smoothing.season_length, smoothing.level, smoothing.trend, smoothing.damping
    gamma = smoothing.season * (1 - alpha)
    profile = values[: 2 * m].reshape(2, m).mean(0)
    level, trend, season = profile.mean(), 0.0, list(profile - profile.mean())
    for step, value in enumerate(values):
        before, expected, same = level, level + phi * trend, season[step % m]
        level = alpha * (value - same) + (1 - alpha) * expected
        trend = beta * (level - before) + (1 - beta) * phi * trend
        season[step % m] = gamma * (value - expected) + (1 - gamma) * same if m > 1 else 0.0
    gone = np.cumsum(phi ** np.arange(1, horizon + 1))
    return np.array([level + gone[k] * trend + season[(len(values) + k) % m] for k in range(horizon)])


@pytest.mark.parametrize(
    ("smoothing", "expected"),
    [
        (YEARLY, [157.820096, 164.017238, 180.257948, 172.137943, 166.432418]),
        (PLAIN, [160.511498, 159.259471, 158.045004, 156.866972, 155.724281]),
    ],
)
def test_airline_passengers_are_forecast_as_by_statsmodels(smoothing: Smoothing, expected: list[float]) -> None:
    """statsmodels 0.15.0, ExponentialSmoothing with the same constants, first states known, nothing estimated."""
    np.testing.assert_allclose(after(np.array(AIRLINE), smoothing, 5), expected, atol=5e-6)


@settings(max_examples=50, deadline=None)
@given(smoothing=smoothings, seed=st.integers(0, 2**32 - 1), length=st.integers(24, 60))
def test_the_weights_give_what_the_recurrence_gives(smoothing: Smoothing, seed: int, length: int) -> None:
    values = np.random.default_rng(seed).normal(size=length)
    expected = by_the_book(values, smoothing, 30)
    low, high = values.min(), values.max()
    expected = expected.clip(2 * low - high, 2 * high - low)
    np.testing.assert_allclose(after(values, smoothing, 30), expected, rtol=0, atol=1e-9)


@settings(max_examples=50, deadline=None)
@given(smoothing=smoothings, seed=st.integers(0, 2**32 - 1), factor=st.floats(-1e3, 1e3), offset=st.floats(-1e6, 1e6))
def test_another_unit_of_the_values_is_another_unit_of_the_forecasts(
    smoothing: Smoothing, seed: int, factor: float, offset: float
) -> None:
    values = np.random.default_rng(seed).normal(size=40)
    expected = factor * after(values, smoothing, 20) + offset
    tolerance = 1e-9 * (1 + abs(factor) + abs(offset))
    np.testing.assert_allclose(after(factor * values + offset, smoothing, 20), expected, rtol=0, atol=tolerance)


def test_a_season_that_repeats_goes_on_and_a_shorter_history_repeats_it_in_front() -> None:
    season = np.random.default_rng(0).normal(size=12)
    for length in (12, 23, 24, 60):
        values = np.resize(season, length)
        expected = np.resize(np.roll(season, -length % -12), 18)
        np.testing.assert_allclose(after(values, YEARLY, 18, window=48), expected, atol=1e-9)


def test_less_than_one_season_is_not_smoothed() -> None:
    assert np.isnan(after(np.arange(11.0), YEARLY, 3, window=48)).all()
    assert np.isfinite(after(np.arange(12.0), YEARLY, 3, window=48)).all()


def test_a_steep_trend_does_not_leave_the_range_by_more_than_its_width() -> None:
    steep = Smoothing(1.0, level=0.9, trend=0.9, season=0.1, damping=0.99)
    assert after(2.0 ** np.arange(40.0), steep, 200).max() == 2 * 2.0**39 - 1


def moved_by(smoothing: Smoothing, values: np.ndarray, seasons: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """(horizon, quantiles) of a network, and how far a smoothing moves them."""
    torch.manual_seed(0)
    network = PatchLSTM(WHOLE).eval()
    given = torch.tensor(values)[None], torch.tensor([seasons]), 20
    with torch.no_grad():
        plain, moved = (one.forecast(*given)[0].numpy() for one in (network, network.smoothed(smoothing)))
    return plain, moved - plain


def test_all_quantiles_are_moved_by_a_share_of_the_way_from_the_median() -> None:
    values = np.array(AIRLINE, float)
    plain, moves = moved_by(replace(YEARLY, share=0.25), values, (12, 0, 0))
    expected = 0.25 * (after(values, YEARLY, 20, window=64) - plain[:, WHOLE.median])
    np.testing.assert_allclose(moves, np.repeat(expected[:, None], moves.shape[1], 1), atol=1e-9)


def test_logarithms_are_smoothed_as_logarithms() -> None:
    values = np.array(AIRLINE, float)
    plain, moves = moved_by(replace(YEARLY, logarithms=True), values, (0, 12, 0))
    expected = np.exp(after(np.log(values), YEARLY, 20, window=64))
    np.testing.assert_allclose(moves[:, 0] + plain[:, WHOLE.median], expected, rtol=1e-12)


def test_logarithms_far_apart_still_give_finite_forecasts() -> None:
    values = np.exp(np.linspace(-700, 700, 60))
    assert np.isfinite(moved_by(replace(PLAIN, logarithms=True), values, (0, 0, 0))[1]).all()


@pytest.mark.parametrize(
    ("values", "seasons"),
    [
        (np.array(AIRLINE, float), (7, 0, 0)),  # another season
        (np.array(AIRLINE, float), (0, 0, 0)),  # none
        (np.array(AIRLINE, float)[:11], (12, 0, 0)),  # not yet a whole one
        (np.array(AIRLINE, float) - 150, (12, 0, 0)),  # values without a logarithm
    ],
)
def test_other_series_are_left_to_the_network(values: np.ndarray, seasons: tuple[int, ...]) -> None:
    assert not moved_by(replace(YEARLY, logarithms=True), values, seasons)[1].any()


def test_a_stream_keeps_all_that_a_smoothing_reads() -> None:
    """Farther back than the look-ups of a short season reach, from past origins too, which calibration needs."""
    torch.manual_seed(1)
    config = replace(TINY, context_length=256, smoothing=Smoothing(0.5, 0.05, 0.01, 0.05, 0.97, season_length=4))
    model = ModelFile.open(to_onnx(PatchLSTM(config).eval(), {}), threads=1)
    rows = np.random.default_rng(0).normal(size=(3, 700)).cumsum(1)
    stream = Stream.start(model, panel_of(*rows[:, :300], named=True), 20, season_length=4)
    for begin, end in ((300, 511), (511, 512), (512, 700)):
        stream.update({f"s{number}": values[begin:end] for number, values in enumerate(rows)})
        whole = forecast_panel(model, panel_of(*rows[:, :end], named=True), 20, season_length=4)
        np.testing.assert_allclose(stream.forecast().quantiles, whole.quantiles, rtol=0, atol=1e-5 * rows.std())


def test_a_stream_of_other_constants_is_refused_as_one_of_other_weights(tmp_path: Path) -> None:
    plain, smoothed = (ModelFile.open(to_onnx(untrained().smoothed(one), {}), threads=1) for one in (None, YEARLY))
    Stream.start(plain, panel_of(np.arange(40.0)), 5).save(tmp_path / "stream.npz")
    with pytest.raises(ModelError, match="load it with the model it was made with"):
        Stream.load(tmp_path / "stream.npz", smoothed)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"share": 0.0}, "share up to 1"),
        ({"level": 1.0}, "constants below 1"),
        ({"season_length": 0}, "season_length"),
        ({"season_length": 2.5}, "season_length"),
    ],
)
def test_constants_that_smooth_nothing_are_refused(options: dict[str, float], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        replace(YEARLY, **options)


def test_a_network_refuses_a_season_that_it_cannot_smooth() -> None:
    with pytest.raises(ConfigError, match="two seasons within 64 steps"):
        replace(WHOLE, smoothing=replace(YEARLY, season_length=33))
    with pytest.raises(ConfigError, match="season_slots=0"):
        replace(WHOLE, season_slots=0, smoothing=YEARLY)


# What a fit keeps


def levels(count: int, length: int = 96) -> Panel:
    """Series whose level wanders and whose season repeats: what exponential smoothing was made for."""
    rng = np.random.default_rng(0)
    season = 5 * np.sin(2 * np.pi * np.arange(length) / 12)
    return panel_of(*(100 + season + rng.normal(0, 1, length).cumsum() for _ in range(count)))


def chosen_for(panel: Panel, network: PatchLSTM, season_length: int = 12) -> tuple[Candidate, Candidate]:
    """The candidate that a network is, and what a fit would make of it."""
    start = StartingPoint("a network", network.config, (network,))
    data = FitData.of(panel, 8, season_length, QUICK, [start], CPU)
    plain = scored({0: 0.0}, predict(network, data.selection_windows), network, data.selection_windows)
    return plain, with_smoothing(plain, [network], data)


def untrained(config: ModelConfig = TINY) -> PatchLSTM:
    """It forecasts about the last value."""
    torch.manual_seed(0)
    return PatchLSTM(config).eval()


def test_a_smoothing_that_forecasts_held_out_windows_better_is_kept() -> None:
    plain, chosen = chosen_for(levels(20), untrained())
    assert chosen.smoothing is not None
    assert (chosen.smoothing.season_length, chosen.smoothing.share, chosen.smoothing.logarithms) == (12, 0.5, True)
    assert chosen.mase < 0.9 * plain.mase and chosen.losses.mean() < plain.losses.mean()


def test_of_the_mean_of_two_starting_points_it_has_a_third() -> None:
    start = StartingPoint("a network", TINY, (untrained(),))
    data = FitData.of(levels(20), 8, 12, QUICK, [start], CPU)
    plain = scored({0: 0.5, 1: 1.0}, predict(untrained(), data.selection_windows), untrained(), data.selection_windows)
    chosen = with_smoothing(plain, [untrained()], data)
    assert chosen.smoothing is not None and chosen.smoothing.share == pytest.approx(1 / 3)
    assert chosen.blends == plain.blends


def test_no_smoothing_is_kept_where_it_is_not_reliably_better() -> None:
    rng = np.random.default_rng(0)
    noise = panel_of(*rng.normal(size=(20, 96)).cumsum(1))  # nothing is better than the last value
    plain, chosen = chosen_for(noise, untrained(), 1)
    assert chosen is plain


def test_beside_a_network_that_looks_up_no_seasons_none_is_smoothed() -> None:
    chosen = chosen_for(levels(20), untrained(replace(TINY, season_slots=0)))[1]
    assert chosen.smoothing is None or chosen.smoothing.season_length == 1


def test_few_series_cannot_tell_which_constants_suit_them() -> None:
    assert chosen_for(levels(LEAST_SERIES), untrained())[1].smoothing is not None
    plain, chosen = chosen_for(levels(LEAST_SERIES - 1), untrained())
    assert chosen is plain


def test_a_file_keeps_the_smoothing_that_it_brings(tmp_path: Path) -> None:
    brought = Smoothing(0.5, 0.2, 0.01, 0.3, 0.9, season_length=12)
    Trained((untrained(replace(TINY, smoothing=brought)),), (), (), {}).model.save(tmp_path / "m.onnx")
    again = fit(levels(LEAST_SERIES), 8, start=str(tmp_path / "m.onnx"), season_length=12, plan=QUICK)
    assert [network.config.smoothing for network in again.networks] == [brought]


def test_what_a_fit_keeps_forecasts_with_its_smoothing_and_says_so(tmp_path: Path) -> None:
    panel = levels(20)
    plan = replace(QUICK, max_steps=2, epochs=1)
    trained = fit(panel, 8, start="scratch", hidden_size=8, season_length=12, plan=plan)
    smoothing = trained.networks[0].config.smoothing
    assert smoothing is not None and smoothing.share == 0.5
    assert any(
        "moved 50 % of the way to an exponential smoothing with a season of 12 steps" in note for note in trained.notes
    )
    trained.model.save(tmp_path / "m.onnx")
    without = replace(trained, networks=tuple(one.smoothed(None) for one in trained.networks))
    opened = forecasts(ModelFile.load(tmp_path / "m.onnx"), panel)
    assert np.abs(opened - forecasts(without, panel)).max() > 0.1
    np.testing.assert_array_equal(opened, forecasts(trained, panel))
    off = fit(panel, 8, start="scratch", hidden_size=8, season_length=12, plan=replace(plan, smoothing=False))
    assert off.networks[0].config.smoothing is None


def test_short_constant_and_late_series_beside_others_are_no_obstacle() -> None:
    late = np.where(np.arange(96) < 80, np.nan, np.arange(96.0))
    panel = panel_of(*levels(LEAST_SERIES), np.arange(13.0) + 1, np.full(30, 5.0), late, *waves(2, 5))
    plain, chosen = chosen_for(replace(panel, values=panel.values + 50), untrained())
    assert chosen.smoothing is not None and chosen.mase < plain.mase
    assert torch.isfinite(chosen.quantiles).all()
