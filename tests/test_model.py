"""Forecasts of panels by a model file: batching, limits, levels, bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.panels import panel_of
from tidegate.errors import ConfigError, DataError
from tidegate.forecasting.config import ModelConfig
from tidegate.forecasting.forecaster import forecast_panel, wanted_levels
from tidegate.forecasting.model import ModelFile, level_weights
from tidegate.forecasting.stream import Stream
from tidegate.network.model_file import to_onnx
from tidegate.network.patch_lstm import PatchLSTM

torch.manual_seed(3)
MODEL = ModelFile.open(
    to_onnx(PatchLSTM(ModelConfig(context_length=64, horizon=32, hidden_size=8, embedding_size=8, head_size=8)), {})
)


def ragged(seed: int, count: int = 12) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=int(length)).cumsum() for length in rng.integers(2, 400, count)]


def test_order_and_company_change_nothing() -> None:
    series = ragged(0)
    seasons = np.tile([7, 0, 0], (len(series), 1))
    together = MODEL.predict(panel_of(*series), 40, (0.1, 0.5, 0.9), seasons)
    backwards = MODEL.predict(panel_of(*series[::-1]), 40, (0.1, 0.5, 0.9), seasons)[::-1]
    alone = np.concatenate([MODEL.predict(panel_of(one), 40, (0.1, 0.5, 0.9), seasons[:1]) for one in series])
    scale = np.array([max(np.std(one), 1e-9) for one in series])[:, None, None]
    np.testing.assert_allclose(backwards / scale, together / scale, rtol=0, atol=1e-4)
    np.testing.assert_allclose(alone / scale, together / scale, rtol=0, atol=1e-4)


def test_only_the_latest_blocks_are_read_and_the_rule_is_that_of_the_graph() -> None:
    long = np.random.default_rng(1).normal(size=64 * 5 + 30).cumsum()
    seasons = np.zeros((1, 3), np.int64)
    whole = MODEL.session.run(None, {"context": long[None], "season_lengths": seasons, "horizon": np.array(32)})[0]
    cut = MODEL.predict(panel_of(long), 32, MODEL.config.quantile_levels, seasons)
    np.testing.assert_array_equal(cut, whole)
    changed = long.copy()
    changed[: 64 * 4] += 100.0
    np.testing.assert_array_equal(MODEL.predict(panel_of(changed), 32, MODEL.config.quantile_levels, seasons), cut)


@pytest.mark.parametrize("horizon", [0, -1, 10**9])
def test_a_horizon_outside_its_limits_is_refused(horizon: int) -> None:
    with pytest.raises(ConfigError, match=f"horizon {horizon}: expected a whole number from 1 to 4096"):
        forecast_panel(MODEL, panel_of(np.arange(20.0)), horizon)


def test_a_series_without_any_recent_value_is_named() -> None:
    dead = np.concatenate([np.arange(10.0), np.full(300, np.nan)])
    with pytest.raises(DataError, match=r"series 's1' .*no value among its last 128 steps"):
        forecast_panel(MODEL, panel_of(np.arange(50.0), dead, named=True), 5)


def test_a_constant_series_is_forecast_as_that_constant() -> None:
    fc = forecast_panel(MODEL, panel_of(np.full(50, 4.25)), 10)
    np.testing.assert_array_equal(fc.quantiles, np.full_like(fc.quantiles, 4.25))


def test_a_history_that_never_goes_below_zero_is_cut_there_and_the_note_says_so() -> None:
    values = np.append(np.abs(np.random.default_rng(2).normal(size=60)), 0.0)
    free = forecast_panel(MODEL, panel_of(values), 20, bounds=False)
    cut = forecast_panel(MODEL, panel_of(values), 20)
    assert free.quantiles.min() < 0
    np.testing.assert_array_equal(cut.quantiles, np.maximum(free.quantiles, 0))
    assert any("cut at 0" in note for note in cut.notes) and not any("cut at 0" in note for note in free.notes)
    assert forecast_panel(MODEL, panel_of(values - 1), 20).quantiles.min() < -1


def test_asked_for_bounds_are_kept() -> None:
    fc = forecast_panel(MODEL, panel_of(np.random.default_rng(2).normal(size=60)), 20, lower=-0.5, upper=0.25)
    assert fc.quantiles.min() >= -0.5 and fc.quantiles.max() <= 0.25
    with pytest.raises(ConfigError, match="must be below"):
        forecast_panel(MODEL, panel_of(np.arange(9.0)), 5, lower=1, upper=0)


def test_bounds_that_leave_nothing_are_refused_and_an_upper_one_below_zero_holds_for_positive_series() -> None:
    panel = panel_of(np.arange(50.0) % 7 + 1)
    for bounds in ({"lower": math.inf}, {"upper": -math.inf}):
        with pytest.raises(ConfigError, match="no number lies between them"):
            forecast_panel(MODEL, panel, 3, **bounds)
    fc = forecast_panel(MODEL, panel, 3, upper=-5)
    assert (fc.quantiles == -5).all() and fc.notes[-1] == "cut at upper -5, as requested"
    free = forecast_panel(MODEL, panel, 3)
    for upper in (math.inf, 1e9):
        np.testing.assert_array_equal(forecast_panel(MODEL, panel, 3, upper=upper).quantiles, free.quantiles)


@pytest.mark.parametrize("slots", [(1, 3), (0, 3), (3, 1)], ids=str)
def test_networks_of_one_file_may_look_up_different_numbers_of_seasons(slots: tuple[int, int]) -> None:
    small = {"context_length": 64, "patch_length": 4, "horizon": 16, "hidden_size": 5, "embedding_size": 6}
    networks = [PatchLSTM(ModelConfig(**small, head_size=7, season_slots=count)) for count in slots]
    model, panel = ModelFile.open(to_onnx(networks, {})), panel_of(np.sin(np.arange(100.0)))
    fc = forecast_panel(model, panel, 4, season_length=(6, 12))
    np.testing.assert_allclose(Stream.start(model, panel, 4, season_length=(6, 12)).forecast().quantiles, fc.quantiles)


def test_intervals_and_quantiles_share_their_levels() -> None:
    assert wanted_levels((80, 95), (0.1,)) == (0.025, 0.1, 0.5, 0.9, 0.975)


OUT_OF_RANGE: list[tuple[tuple[float, ...], tuple[float, ...]]] = [
    ((0,), ()),
    ((100,), ()),
    ((99.9999999999,), ()),
    ((1e-11,), ()),
    ((math.nan,), ()),
    ((), (0.0,)),
    ((), (1.5,)),
    ((), (1e-13,)),
    ((), (1 - 1e-13,)),
    ((), (math.nan,)),
]


@pytest.mark.parametrize(("levels", "quantiles"), OUT_OF_RANGE)
def test_levels_out_of_range_are_refused(levels: tuple[float, ...], quantiles: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match=r"level .*between 0 and 1"):
        wanted_levels(levels, quantiles)


@pytest.mark.parametrize("share", [0.8, 0.95, 0.5, 0.999])
def test_an_interval_given_as_a_share_is_refused_with_the_percentage(share: float) -> None:
    with pytest.raises(ConfigError, match=rf"level {share}: .* in percent; did you mean {100 * share:g}\?"):
        wanted_levels((95, share), ())


@pytest.mark.parametrize(("level", "quantile"), [(99.99999999, 0.9999999999), (1, 1e-11), (50, 0.5)])
def test_any_level_that_is_taken_is_forecast(level: float, quantile: float) -> None:
    fc = forecast_panel(MODEL, panel_of(np.arange(50.0) % 7), 3, levels=(level,), quantile_levels=(quantile,))
    assert np.isfinite(fc.quantiles).all() and (np.diff(fc.quantiles, axis=2) >= 0).all()


def test_levels_that_would_share_the_name_of_a_column_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"levels 95 and 95\.00001 would share one column, 'lo-95': leave one"):
        wanted_levels((95, 95.00001), ())
    with pytest.raises(ConfigError, match=r"quantile levels 0\.9999999 and 0\.99999999 would share one column, 'q100'"):
        wanted_levels((), (0.5, 0.9999999, 0.99999999))
    assert wanted_levels((95, 95.0, 95.001), (0.1, 0.1)) == wanted_levels((95, 95.001), (0.1,))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.001, 0.999), min_size=1, max_size=6, unique=True).map(sorted))
def test_levels_the_network_does_not_have_follow_the_normal_distribution_between_and_beyond(want: list[float]) -> None:
    """Exact for a normal distribution, from the standard library's inverse."""
    from statistics import NormalDist

    have = ModelConfig().quantile_levels
    known = np.array([NormalDist(3, 2).inv_cdf(level) for level in have])
    matrix = level_weights(have, tuple(want))
    found = known if matrix is None else known @ matrix
    np.testing.assert_allclose(found, [NormalDist(3, 2).inv_cdf(level) for level in want], rtol=0, atol=1e-9)


@pytest.mark.parametrize("length", [100, 300, 700])
def test_the_shipped_models_bands_on_random_walks_keep_widening_as_theory_says(length: int) -> None:
    """The 80 % band of a walk with unit steps is 2 * 1.2816 * sqrt(h) wide, so it doubles from h to 4 h."""
    rng = np.random.default_rng(0)
    walks = panel_of(*(rng.normal(size=length).cumsum() for _ in range(100)))
    quantiles = ModelFile.load().predict(walks, 1024, (0.1, 0.9), np.zeros((100, 3), np.int64))
    width = quantiles[..., 1] - quantiles[..., 0]
    assert np.median(width[:, 255] / width[:, 63]) >= 1.8
    assert np.median(width[:, 1023] / width[:, 255]) >= 1.8
    for steps in (1, 16, 64, 256):
        assert np.median(width[:, steps - 1]) == pytest.approx(2 * 1.2816 * np.sqrt(steps), rel=0.4)
