"""Intervals scaled by a series' own past errors: by hand, in order, by nobody else's errors, and off when asked."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import tidegate
from tests.panels import panel_of
from tidegate.errors import ModelError
from tidegate.forecasting.calibration import (
    FAR,
    LIMIT,
    PAST_ORIGINS,
    Calibration,
    interval_factors,
    pairs,
    past_actuals,
    read_table,
    scaled,
)
from tidegate.forecasting.config import ModelConfig
from tidegate.forecasting.forecaster import forecast_panel
from tidegate.forecasting.model import ModelFile
from tidegate.network.model_file import to_onnx
from tidegate.network.patch_lstm import PatchLSTM

NAN = float("nan")
LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
ONES = np.ones(2)


@pytest.fixture(scope="module")
def model() -> ModelFile:
    """A small untrained network whose file looks back."""
    torch.manual_seed(2)
    config = ModelConfig(context_length=1024, horizon=32, hidden_size=8, embedding_size=8, head_size=8)
    return ModelFile.open(to_onnx(PatchLSTM(config).eval(), {}), threads=1)


def walks(*lengths: int) -> list[list[float]]:
    return [np.random.default_rng(n).standard_normal(n).cumsum().tolist() for n in lengths]


def test_levels_are_paired_from_the_outside_in() -> None:
    assert pairs(LEVELS) == [(0, 4), (1, 3)]
    assert pairs((0.1, 0.5, 0.8)) == []


def test_what_came_after_the_last_ends_of_patches() -> None:
    # patches of 4 counted from the first observed value: 1 2 3 4 | 5 6 7 8 | 9; the last full ends are after 8 and 4
    context = np.array([[NAN, 1.0, 2, 3, 4, 5, 6, 7, 8, 9]])
    found = past_actuals(context, 3, 2, 4)[0]
    np.testing.assert_array_equal(found, [[9, NAN], [5, 6], [NAN, NAN]])


def past_of(radius: float, origins: int, horizon: int) -> np.ndarray:
    """Quantiles around 0 with 10 and 90 % at -+ radius, 25 and 75 % at half of it."""
    return np.tile(radius * np.array([-1, -0.5, 0, 0.5, 1.0]), (1, origins, horizon, 1))


def test_intervals_that_were_ten_times_too_narrow_get_wider_and_those_too_wide_narrower() -> None:
    errors = np.random.default_rng(0).standard_normal((1, 40, 10))
    factors = interval_factors(errors, past_of(0.128, 40, 10), LEVELS, ONES)
    # 40 horizons: weight 40 / 60; the needed factor, 10, is cut at LIMIT, less the dead zone
    assert factors[0, 0] == pytest.approx((LIMIT / FAR) ** (40 / 60))
    assert interval_factors(errors, past_of(12.8, 40, 10), LEVELS, ONES)[0, 0] == pytest.approx(
        (FAR / LIMIT) ** (40 / 60)
    )


def test_intervals_about_right_are_left_alone() -> None:
    errors = np.random.default_rng(0).standard_normal((1, 40, 10))
    assert interval_factors(errors, past_of(1.2816, 40, 10), LEVELS, ONES).tolist() == [[1.0, 1.0]]


def test_few_errors_say_little_and_none_nothing() -> None:
    errors = np.full((1, 1, 10), 9.0)
    few = interval_factors(errors, past_of(1.0, 1, 10), LEVELS, ONES)
    assert few[0, 0] == pytest.approx((LIMIT / FAR) ** (1 / 21))
    none = interval_factors(np.full((1, 3, 10), NAN), past_of(1.0, 3, 10), LEVELS, np.array([1.2, 0.9]))
    assert none.tolist() == [[1.2, 0.9]]


def test_the_table_is_what_a_series_is_shrunk_to() -> None:
    errors = np.random.default_rng(0).standard_normal((1, 5, 10))
    factors = interval_factors(errors, past_of(1.0, 5, 10), LEVELS, np.array([1.3, 1.3]))
    assert factors[0, 0] == pytest.approx(1.3)


def test_a_table_that_is_none_is_a_damaged_model_file() -> None:
    assert read_table({}, 2).tolist() == [1.0, 1.0]
    assert read_table({"calibration": [1.1, 0.9]}, 2).tolist() == [1.1, 0.9]
    for bad in ([1.0], [1.0, -1.0], "wide", [1.0, NAN]):
        with pytest.raises(ModelError, match="calibration table"):
            read_table({"calibration": bad}, 2)


@given(
    quantiles=st.lists(st.floats(-1e6, 1e6), min_size=5, max_size=5).map(sorted),
    factors=st.lists(st.floats(1 / LIMIT, LIMIT), min_size=2, max_size=2),
)
def test_scaled_quantiles_stay_in_order_and_the_median_where_it_was(
    quantiles: list[float], factors: list[float]
) -> None:
    found = scaled(np.array([[quantiles]]), np.array([factors]), LEVELS)[0, 0]
    assert (np.diff(found) >= 0).all() and found[2] == quantiles[2]


def test_factors_of_one_change_next_to_nothing() -> None:
    quantiles = np.sort(np.random.default_rng(0).standard_normal((3, 4, 5)), axis=-1)
    np.testing.assert_allclose(scaled(quantiles, np.ones((3, 2)), LEVELS), quantiles, rtol=0, atol=1e-15)


HORIZON = {"horizon": np.array(32)}


def test_past_origins_are_what_the_file_forecasts_of_the_history_cut_there(model: ModelFile) -> None:
    values = np.array(walks(137)[0])
    seasons = np.array([[7, 0, 0]])
    feeds = {"context": values[None], "season_lengths": seasons, "past_origins": np.array(9)} | HORIZON
    past = model.session.run(["past_quantiles"], feeds)[0]
    assert past.shape == (1, 9, 32, 13)
    for place in range(8):  # 137 values: ends of patches at 128, 112 ... 16, and there is no ninth
        cut = {"context": values[None, : 128 - 16 * place], "season_lengths": seasons} | HORIZON
        alone = model.session.run(["quantiles"], cut)[0]
        np.testing.assert_allclose(past[:, place], alone, rtol=0, atol=1e-4 * values.std())
    assert np.isnan(past[:, 8]).all()


def test_the_past_is_not_computed_unless_it_is_asked_for(model: ModelFile) -> None:
    feeds = {"context": np.array(walks(100)), "season_lengths": np.zeros((1, 3), np.int64)} | HORIZON
    quantiles, past = model.session.run(["quantiles", "past_quantiles"], feeds)
    assert past.shape == (1, 0, 32, 13) and quantiles.shape == (1, 32, 13)


def test_without_calibration_the_graph_speaks_for_itself(model: ModelFile) -> None:
    noise = np.random.default_rng(0).standard_normal(1500)
    calm_at_last = noise * np.where(np.arange(1500) < 1300, 1.0, 0.02)  # intervals of the whole are too wide for it
    panel = panel_of(calm_at_last.tolist(), *walks(90))
    plain = forecast_panel(model, panel, 20, levels=(80, 95), bounds=False, calibrate=False)
    graph = model.predict(panel, 20, plain.quantile_levels, plain.season_lengths)
    assert plain.quantiles.tobytes() == graph.tobytes()
    calibrated = forecast_panel(model, panel, 20, levels=(80, 95), bounds=False)
    np.testing.assert_array_equal(calibrated.at(0.5), plain.at(0.5))
    assert (calibrated.quantiles != plain.quantiles).any()
    assert any(note.startswith("intervals of 1 of 2 series were rescaled") for note in calibrated.notes)


def test_what_the_file_asks_of_all_series_is_not_told_as_errors_of_theirs(model: ModelFile) -> None:
    wider = dataclasses.replace(model, metadata={**model.metadata, "calibration": [1.3] * 6})
    panel = panel_of(*walks(90, 300))
    plain, scaled_up = (forecast_panel(one, panel, 20, bounds=False) for one in (model, wider))
    width, wider_width = (found.at(0.9) - found.at(0.1) for found in (plain, scaled_up))
    np.testing.assert_allclose(wider_width, 1.3 * width, rtol=1e-9)
    assert not any("rescaled" in note for note in scaled_up.notes)


def test_neighbours_change_nothing(model: ModelFile) -> None:
    series = walks(500, 300, 260, 40)
    together = forecast_panel(model, panel_of(*series), 20)
    for index, values in enumerate(series):
        alone = forecast_panel(model, panel_of(values), 20)
        np.testing.assert_allclose(
            together.quantiles[index], alone.quantiles[0], rtol=0, atol=1e-4 * float(np.std(values))
        )


def test_lo_80_stays_equal_to_q10_and_all_quantiles_in_order(model: ModelFile) -> None:
    forecast = forecast_panel(model, panel_of(*walks(512)), 40, quantile_levels=(0.1, 0.3, 0.99))
    columns = forecast.columns()
    assert columns["lo-80"].tolist() == columns["q10"].tolist()
    assert (np.diff(forecast.quantiles, axis=-1) >= 0).all()


def test_unit_and_zero_of_a_series_do_not_matter(model: ModelFile) -> None:
    values = np.array(walks(512)[0])
    plain = forecast_panel(model, panel_of(values.tolist()), 20, bounds=False).quantiles
    for unit, zero in ((1e-9, 0.0), (1e12, 0.0), (1.0, 1e5)):
        moved = forecast_panel(model, panel_of((unit * values + zero).tolist()), 20, bounds=False).quantiles
        np.testing.assert_allclose((moved - zero) / unit, plain, rtol=0, atol=2e-3 * values.std())


def test_short_series_cost_nothing_and_long_ones_a_few_origins(model: ModelFile) -> None:
    calibration = Calibration.of(model)
    assert [calibration.past_origins(steps) for steps in (10, 191, 192, 400, 960, 2000)] == [0, 0, 1, 2, 5, 5]
    assert PAST_ORIGINS == 5


def test_a_file_that_cannot_look_back_forecasts_as_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = tidegate.load(threads=1)
    old = dataclasses.replace(shipped.file)
    monkeypatch.setattr(ModelFile, "looks_back", property(lambda self: False))
    panel = panel_of(*walks(300))
    one = forecast_panel(old, panel, 12)
    other = forecast_panel(old, panel, 12, calibrate=False)
    assert one.quantiles.tobytes() == other.quantiles.tobytes()
