"""The same series, the same bits: whatever the batch, the order, the neighbours or the number of threads.

Of the shipped model, on the machine the tests run on. Other processors may round otherwise, within 1e-6 of the scale.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.forecasting import model as model_module
from tidegate.forecasting.config import Smoothing
from tidegate.forecasting.forecaster import forecast_panel
from tidegate.forecasting.model import ModelFile, shipped_path
from tidegate.network.model_file import load_network, to_onnx
from tidegate.series.dates.frequency import Frequency
from tidegate.series.dates.timeline import Timeline
from tidegate.series.panel import Panel

Seasons = tuple[int, ...] | None
ONE_THREAD = ModelFile.load(threads=1)
SERIES = 48


def awkward_panel() -> Panel:
    """Hours of every kind: 2 to 2,100 steps, gaps, missing fronts, walks, waves, counts, constants, huge and tiny."""
    rng = np.random.default_rng(5)
    series = []
    for index, length in enumerate(rng.permutation(np.geomspace(2, 2100, SERIES).astype(int))):
        hours = np.arange(length)
        kinds = [
            100 + 20 * np.sin(2 * np.pi * hours / 24) + rng.normal(size=length),
            rng.normal(size=length).cumsum() * 10.0 ** rng.integers(-12, 12),
            rng.poisson(0.6, length).astype(float),
            np.full(length, 7.25),
        ]
        values = kinds[index % 4]
        if index % 3 == 0:
            values[rng.random(length) < 0.2] = np.nan
            values[-1] = 1.0
        if index % 5 == 0:
            values[: length // 3] = np.nan
        series.append(values)
    offsets = np.concatenate([[0], np.cumsum([len(values) for values in series])]).astype(np.int64)
    starts = np.full(SERIES, np.datetime64("2024-01-01", "us"))
    ids = {"id": np.array([f"s{index}" for index in range(SERIES)], dtype=object)}
    return Panel(np.concatenate(series), offsets, Timeline(Frequency("hour"), starts), ids)


PANEL = awkward_panel()


def bits(
    panel: Panel, horizon: int, calibrate: bool, seasons: Seasons = None, model: ModelFile = ONE_THREAD
) -> np.ndarray:
    found = forecast_panel(
        model, panel, horizon, quantile_levels=(0.05,), season_length=seasons, calibrate=calibrate
    ).quantiles
    return found.view(np.int64)


@cache
def whole(horizon: int, calibrate: bool, seasons: Seasons = None) -> np.ndarray:
    """Of all series at once."""
    return bits(PANEL, horizon, calibrate, seasons)


@pytest.mark.parametrize("calibrate", [True, False])
@settings(max_examples=15, deadline=None)
@given(
    order=st.permutations(range(SERIES)),
    count=st.integers(1, SERIES),
    horizon=st.sampled_from([1, 24, 100]),
    seasons=st.sampled_from([None, (7,), (5, 12, 52)]),
)
def test_neither_order_nor_neighbours_change_a_bit(
    calibrate: bool, order: list[int], count: int, horizon: int, seasons: Seasons
) -> None:
    chosen = np.array(order[:count])
    found = bits(PANEL.select(chosen), horizon, calibrate, seasons)
    np.testing.assert_array_equal(found, whole(horizon, calibrate, seasons)[chosen])


@pytest.mark.parametrize("calibrate", [True, False])
@pytest.mark.parametrize("steps", [1, 1_000, 4_000, 9_000, 200_000])
def test_the_size_of_batches_changes_no_bit(steps: int, calibrate: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_module, "BATCH_STEPS", steps)
    for seasons in (None, (7,), (3, 6, 11)):
        expected = whole(24, calibrate, seasons)
        np.testing.assert_array_equal(bits(PANEL, 24, calibrate, seasons), expected)


@pytest.mark.parametrize("count", range(1, 10))
def test_a_batch_of_any_size_gives_the_bits_of_a_series_alone(count: int) -> None:
    few = PANEL.select(np.arange(count))
    np.testing.assert_array_equal(bits(few, 24, True, (7,)), whole(24, True, (7,))[:count])


@pytest.mark.parametrize("season_length", [1, 24])
def test_nor_does_company_where_forecasts_are_moved_towards_a_smoothing(season_length: int) -> None:
    smoothing = Smoothing(0.5, 0.35, 0.05, 0.3, 0.9, season_length, logarithms=season_length > 1)
    network, _ = load_network(shipped_path())
    model = ModelFile.open(to_onnx(network.smoothed(smoothing), {}), threads=1)
    together = bits(PANEL, 24, True, (24,), model)
    assert (together != whole(24, True, (24,))).any(axis=(1, 2)).sum() > SERIES / 4
    for series in range(SERIES):
        alone = bits(PANEL.select(np.array([series])), 24, True, (24,), model)[0]
        np.testing.assert_array_equal(alone, together[series])


@pytest.mark.parametrize("calibrate", [True, False])
@pytest.mark.parametrize("threads", [2, 3, 8])
def test_the_number_of_threads_changes_no_bit(threads: int, calibrate: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_module, "BATCH_STEPS", 4_000)  # so that there is something to share out
    found = bits(PANEL, 24, calibrate, model=replace(ONE_THREAD, threads=threads))
    np.testing.assert_array_equal(found, whole(24, calibrate))
