"""What must hold of the network whatever its weights are: properties of forecasts by small random networks."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from tidegate.forecasting.config import ModelConfig
from tidegate.network.causal import History, Scaling, Steps, from_logarithms, logarithms
from tidegate.network.patch_lstm import PatchLSTM
from tidegate.series.synthetic import random_walk, sine_wave, trend_and_season

CONFIG = ModelConfig(hidden_size=16, embedding_size=16, head_size=16, context_length=64, horizon=32)
PATCH, LIMIT = CONFIG.patch_length, CONFIG.context_length
NO_SEASONS = (0, 0, 0)
FEW = settings(max_examples=20, deadline=None)


def random_network(config: ModelConfig = CONFIG, seed: int = 0) -> PatchLSTM:
    torch.manual_seed(seed)
    network = PatchLSTM(config).eval()
    with torch.no_grad():  # the last layer starts near zero: larger weights make every mistake visible
        for parameter in network.head.parameters():
            parameter.mul_(3.0)
    return network.requires_grad_(False)


NETWORK = random_network()


def forecast(
    *series: np.ndarray, seasons: tuple[int, int, int] = (12, 5, 0), horizon: int = 32, network: PatchLSTM = NETWORK
) -> np.ndarray:
    """Forecasts of one batch, shorter series padded in front: (series, horizon, quantiles)."""
    time = max(map(len, series))
    rows = [np.concatenate([np.full(time - len(values), np.nan), values]) for values in series]
    seasons_of_all = torch.tensor([seasons] * len(series))
    return network.forecast(torch.tensor(np.stack(rows), dtype=torch.float64), seasons_of_all, horizon).numpy()


def spread(series: np.ndarray) -> float:
    """A series' scale: its standard deviation, from which tolerances are taken."""
    return float(np.nanstd(series))


def example(length: int, seed: int = 0) -> np.ndarray:
    return trend_and_season(length, slope=0.02, seed=seed) + random_walk(length, step=0.1, seed=seed)


def with_gaps(series: np.ndarray, seed: int = 0) -> np.ndarray:
    """A third of the values missing, the first one observed."""
    missing = np.random.default_rng(seed).random(len(series)) < 1 / 3
    missing[0] = False
    return np.where(missing, np.nan, series)


# The tutorial's network is a setting


@pytest.mark.parametrize("hidden", [1, 32])
def test_the_tutorials_network_holds_an_lstm_and_a_linear_layer_and_nothing_else(hidden: int) -> None:
    network = PatchLSTM(ModelConfig.tutorial(hidden))
    with_weights = [module for module in network.modules() if list(module.parameters(recurse=False))]
    assert [type(module) for module in with_weights] == [nn.LSTM, nn.Linear]
    assert (network.recurrent.cell.input_size, network.recurrent.cell.hidden_size) == (1, hidden)
    assert (network.head.in_features, network.head.out_features) == (hidden, 1)
    textbook = [*nn.LSTM(1, hidden).parameters(), *nn.Linear(hidden, 1).parameters()]
    assert [part.shape for part in network.parameters()] == [part.shape for part in textbook]


def test_the_tutorials_network_predicts_what_lstm_and_linear_predict() -> None:
    torch.manual_seed(0)
    network = PatchLSTM(ModelConfig.tutorial(32))
    lstm, linear = nn.LSTM(1, 32, batch_first=True), nn.Linear(32, 1)
    lstm.load_state_dict(network.recurrent.cell.state_dict())
    linear.load_state_dict(network.head.state_dict())
    series = torch.tensor(np.stack([sine_wave(60, noise=0.1), 3 + sine_wave(60, period=7)]))
    with torch.no_grad():
        expected = linear(lstm(series.to(torch.float32)[..., None])[0])[..., 0]  # after each value, the next one
        for end in (1, 2, 59, 60):
            found = network.forecast(series[:, :end], torch.zeros(2, 3, dtype=torch.int64), 1)
            torch.testing.assert_close(found[:, 0, 0].float(), expected[:, end - 1], atol=1e-6, rtol=1e-5)


def test_unknown_cells_and_lengths_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="cell 'gru' is not known: use one of lstm, peephole, rnn"):
        ModelConfig(cell="gru")
    with pytest.raises(ValueError, match="must be multiples of patch_length 16"):
        ModelConfig(horizon=24)
    for wrong in (-1, 3):
        with pytest.raises(ValueError, match=f"half_life {wrong}: expected 0 or at least a 256th of context_length"):
            ModelConfig(half_life=wrong)


# Units, quantiles


@FEW
@given(
    a=st.floats(-30, 30).map(lambda power: 10.0**power),
    offset=st.floats(-1e6, 1e6),
    length=st.integers(2, 150),
    gaps=st.booleans(),
)
@pytest.mark.filterwarnings("error")
def test_forecast_of_a_times_y_plus_b_is_a_times_forecast_plus_b(
    a: float, offset: float, length: int, gaps: bool
) -> None:
    series = example(length)
    series = with_gaps(series) if gaps and length > 20 else series
    scale = spread(series)
    b = offset * a * scale  # |b| / scale of a y up to a million
    plain, moved = forecast(series), forecast(a * series + b)
    error = np.abs((moved - b) / a - plain).max() / max(scale, np.abs(plain).max() * 1e-1)
    assert error < 1e-4


@FEW
@given(st.integers(1, 200), st.integers(0, 99), st.integers(0, 9), st.sampled_from([1, 32, 100]))
def test_quantiles_never_cross(length: int, seed: int, weights: int, horizon: int) -> None:
    network = random_network(seed=weights)
    found = forecast(example(length, seed), horizon=horizon, network=network)
    assert found.shape == (1, horizon, len(CONFIG.quantile_levels))
    assert np.isfinite(found).all()
    assert (np.diff(found, axis=-1) >= 0).all()


# Neighbours, padding, missing values


@FEW
@given(lengths=st.lists(st.integers(1, 200), min_size=2, max_size=6), order=st.randoms())
def test_batch_size_order_and_neighbours_change_nothing(lengths: list[int], order: object) -> None:
    series = [with_gaps(example(length, seed), seed) * 10.0**seed for seed, length in enumerate(lengths)]
    together = forecast(*series, horizon=70)
    backwards = forecast(*series[::-1], horizon=70)[::-1]
    for one, batch, turned in zip(series, together, backwards, strict=True):
        alone = forecast(one, horizon=70)[0]
        tolerance = 1e-5 * max(spread(one), np.abs(alone - alone.mean()).max())
        np.testing.assert_allclose(batch, alone, atol=tolerance, rtol=0)
        np.testing.assert_allclose(turned, alone, atol=tolerance, rtol=0)


@FEW
@given(length=st.integers(1, 200), padding=st.integers(1, 150))
def test_missing_values_in_front_change_nothing(length: int, padding: int) -> None:
    series = example(length)
    padded = np.concatenate([np.full(padding, np.nan), series])
    alone = forecast(series)
    tolerance = 1e-5 * max(spread(series), np.abs(alone - alone.mean()).max())
    np.testing.assert_allclose(forecast(padded), alone, atol=tolerance, rtol=0)


def test_a_missing_value_is_not_the_value_zero_nor_the_last_one() -> None:
    gaps = with_gaps(5 + example(100))
    filled_with_zero = np.nan_to_num(gaps)
    last = np.maximum.accumulate(np.where(np.isnan(gaps), 0, np.arange(100)))
    for other in (filled_with_zero, gaps[last]):
        assert np.abs(forecast(gaps) - forecast(other)).max() > 1e-3


# The scale


@FEW
@given(st.floats(-1e12, 1e12), st.floats(1e-6, 1e6))
def test_logarithms_lead_back_to_the_value_below_zero_too(value: float, unit: float) -> None:
    values = torch.tensor([value, -value], dtype=torch.float64)
    read = logarithms(values, unit)
    assert read[0] == -read[1]
    torch.testing.assert_close(from_logarithms(read, unit), values, rtol=1e-12, atol=1e-14 * unit)
    if value > 100 * unit:
        assert float(read[0]) == pytest.approx(math.log(2 * value / unit), abs=1e-4)


def test_a_network_that_reads_logarithms_forecasts_multiples_alike() -> None:
    torch.manual_seed(0)
    network = PatchLSTM(replace(CONFIG, log_unit=0.01)).eval()
    history = 100 * torch.rand(3, 80, dtype=torch.float64).exp()
    seasons = torch.tensor([[7, 0, 0]] * 3)
    with torch.no_grad():
        once, thousandfold = (network.forecast(factor * history, seasons, 20) for factor in (1, 1000))
    torch.testing.assert_close(thousandfold, 1000 * once, rtol=1e-5, atol=0)


@given(length=st.integers(1, 300), half_life=st.sampled_from([0, 7, 128]), seed=st.integers(0, 9))
def test_the_scale_is_that_of_the_past_with_old_values_counting_less(length: int, half_life: int, seed: int) -> None:
    series = with_gaps(example(300, seed), seed) + 50
    known = torch.tensor([[length]])
    history = History.of(torch.tensor(series[None]), half_life)
    found = float((Scaling.at(history, known).scale * history.unit)[0, 0])
    past = series[:length]
    there = ~np.isnan(past)
    values, weights = past[there], np.ones(there.sum())
    if half_life:
        weights = 0.5 ** ((length - 1 - np.flatnonzero(there)) / half_life)
    if len(values) == 1:
        assert found == 0
        return
    deviation = np.sqrt(np.average((values - np.average(values, weights=weights)) ** 2, weights=weights))
    change = (weights[1:] * np.abs(np.diff(values))).sum() / (weights.sum() * (1 - 1 / len(values)))
    np.testing.assert_allclose(found, 0.5 * (deviation + change), rtol=1e-9)


def test_after_a_change_of_size_the_scale_comes_to_what_it_would_have_been_without_the_past() -> None:
    calm = np.random.default_rng(0).normal(size=1200)
    after_a_storm = np.concatenate([100 * calm[:400], calm[400:]])
    known = torch.tensor([[1200]])

    def scale(values: np.ndarray, half_life: int) -> float:
        history = History.of(torch.tensor(values[None]), half_life)
        return float((Scaling.at(history, known).scale * history.unit)[0, 0])

    assert scale(after_a_storm, 0) > 40 * scale(calm, 0)
    assert scale(after_a_storm, 128) < 10 * scale(calm, 128)


# Nothing flows back in time


def predictions_at(values: np.ndarray, origin: int, seasons: tuple[int, int, int]) -> list[Tensor]:
    """Training's way: what is read and predicted at the full patches up to an origin, and at the origin itself."""
    history = History.of(torch.tensor(values[None]), NETWORK.config.half_life)
    slots = torch.tensor([seasons])
    grid = Steps.full_patches(1, origin // PATCH, PATCH, slots.device)
    end = torch.tensor([[origin]])
    found = []
    state = None
    for steps in (grid, Steps(end, end, torch.tensor([[origin - origin % PATCH]]))):
        embedded, scaling = NETWORK.embed(history, slots, steps)
        output, state = NETWORK.read(embedded, state)
        predicted = NETWORK.predict(output, embedded, history, scaling, slots, steps)
        found += [embedded, NETWORK.unsquash(history, scaling, predicted)]
        if origin % PATCH == 0:
            break
    return found


@FEW
@given(origin=st.integers(33, 100), kind=st.sampled_from(["noise", "missing", "constant"]), seed=st.integers(0, 9))
def test_values_after_an_origin_cannot_reach_its_forecast(origin: int, kind: str, seed: int) -> None:
    series = with_gaps(example(128, seed), seed)
    largest = np.nanmax(np.abs(series[:origin] - series[0]))
    later = {
        # Not larger than the past: else the power of two everything is divided by moves, and rounding with it.
        "noise": series[0] + largest * np.random.default_rng(seed).uniform(-0.9, 0.9, 128 - origin),
        "missing": np.full(128 - origin, np.nan),
        "constant": np.full(128 - origin, series[0]),
    }[kind]
    other = np.concatenate([series[:origin], later])
    for seasons in (NO_SEASONS, (7, 12, 30)):
        first, second = (predictions_at(values, origin, seasons) for values in (series, other))
        assert all(torch.equal(before, after) for before, after in zip(first, second, strict=True))


def test_much_larger_values_after_an_origin_cannot_reach_its_forecast_beyond_rounding() -> None:
    series = example(128)
    other = series.copy()
    other[80:] = 1e6
    before, after = (predictions_at(values, 80, (12, 0, 0))[1] for values in (series, other))
    assert (before - after).abs().max() < 1e-5 * spread(series)


def test_values_before_an_origin_do_reach_its_forecast() -> None:
    series = example(128)
    other = series.copy()
    other[79] += 1.0
    before, after = (predictions_at(values, 80, (12, 0, 0))[1] for values in (series, other))
    assert torch.equal(before[:, :4], after[:, :4])
    assert not torch.equal(before[:, 4:], after[:, 4:])


# Long histories


@FEW
@given(length=st.integers(1, 6 * LIMIT))
def test_a_long_history_is_read_from_the_start_of_the_block_before_the_last(length: int) -> None:
    series = example(length)
    start = LIMIT * max(0, length // LIMIT - 1)
    assert length - start < 2 * LIMIT
    np.testing.assert_array_equal(forecast(series), forecast(series[start:]))
    if start:
        changed = np.concatenate([1e3 * example(start, seed=1), series[start:]])
        np.testing.assert_array_equal(forecast(changed), forecast(series))
        changed = series.copy()
        changed[start] += 5 * spread(series)
        assert np.abs(forecast(changed) - forecast(series)).max() > 0


def test_missing_values_at_the_start_of_the_block_do_not_move_the_block() -> None:
    series = example(3 * LIMIT)
    series[2 * LIMIT : 2 * LIMIT + 5] = np.nan
    np.testing.assert_array_equal(forecast(series), forecast(series[2 * LIMIT + 5 :]))


# Horizons, constants, almost nothing


@FEW
@given(length=st.integers(1, 150), short=st.integers(1, 32), long=st.integers(33, 300))
def test_the_first_steps_do_not_depend_on_how_many_are_asked_for(length: int, short: int, long: int) -> None:
    series = example(length)
    far = forecast(series, horizon=long)
    assert far.shape == (1, long, len(CONFIG.quantile_levels))
    tolerance = 1e-5 * max(spread(series), 1e-9)
    np.testing.assert_allclose(far[:, :short], forecast(series, horizon=short), atol=tolerance, rtol=1e-6)


@FEW
@given(
    value=st.one_of(st.just(0.0), st.floats(1e-30, 1e30), st.floats(-1e30, -1e-30)),
    length=st.integers(1, 200),
    horizon=st.sampled_from([1, 32, 90]),
)
def test_a_constant_series_or_a_single_value_is_forecast_to_stay(value: float, length: int, horizon: int) -> None:
    found = forecast(np.full(length, value), horizon=horizon)
    assert (found == value).all()


def test_a_single_observed_value_among_missing_ones_is_forecast_to_stay() -> None:
    series = np.full(40, np.nan)
    series[17] = 3.25
    assert (forecast(series, horizon=50) == 3.25).all()


def test_nothing_observed_gives_nothing_and_harms_no_neighbour() -> None:
    found = forecast(np.full(50, np.nan), example(50), np.array([np.nan]))
    assert np.isnan(found[[0, 2]]).all()
    np.testing.assert_allclose(found[1:2], forecast(example(50)), atol=1e-5)


# What a stream relies on


@FEW
@given(
    length=st.integers(1, 2 * LIMIT - 1),
    cell=st.sampled_from(["lstm", "peephole", "rnn"]),
    stack=st.sampled_from([{}, {"residual": True}, {"dilations": (1, 3)}, {"residual": True, "dilations": (2, 4)}]),
    gaps=st.booleans(),
)
def test_the_patch_grid_and_one_partial_step_from_its_state_equal_the_forecast(
    length: int, cell: str, stack: dict[str, Any], gaps: bool
) -> None:
    shape = {"hidden_size": 16, "embedding_size": 16, "head_size": 16, "context_length": 64, "horizon": 32}
    network = random_network(ModelConfig(**shape, cell=cell, **stack))
    series = with_gaps(example(length)) if gaps else example(length)
    slots = torch.tensor([[12, 5, 0]])
    history = History.of(torch.tensor(series[None]), network.config.half_life)
    full = (length - 1) // PATCH  # patches before the one that ends at the origin, which may be whole or not
    state = None
    for patch in range(1, full + 1):  # as they come in, one by one
        end = torch.tensor([[patch * PATCH]])
        embedded, _ = network.embed(history, slots, Steps(end, end, end - PATCH))
        _, state = network.read(embedded, state)
    end = torch.tensor([[length]])
    step = Steps(end, end, torch.tensor([[full * PATCH]]))
    embedded, scaling = network.embed(history, slots, step)
    output, _ = network.read(embedded, state)
    predicted = network.predict(output, embedded, history, scaling, slots, step)
    found = network.unsquash(history, scaling, predicted)[:, 0].numpy()
    expected = forecast(series, network=network)
    tolerance = 1e-5 * max(spread(series), np.abs(expected - expected.mean()).max(), 1e-9)
    np.testing.assert_allclose(found, expected, atol=tolerance, rtol=0)
