"""The data of a fit: training windows, held-out windows, and the memory that they need."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fitting import CPU, QUICK, TINY, scratch, waves
from tests.panels import panel_of
from tidegate.errors import ConfigError, DataError
from tidegate.network.patch_lstm import PatchLSTM
from tidegate.training import memory
from tidegate.training.descent import make_optimizers
from tidegate.training.fit import fit
from tidegate.training.network_shape import own_config
from tidegate.training.plan import FitPlan
from tidegate.training.samples import (
    BUCKET_GROWTH,
    LATE_START_SHARE,
    SHORTEST,
    Samples,
    held_windows,
    hold_out,
    seasonal_changes,
)
from tidegate.training.starting_points import StartingPoint, starting_points

# Training windows and held-out windows


def test_training_windows_never_see_the_held_out_part() -> None:
    panel = waves(5, 60)
    windows = held_windows(panel, 8, 3, 0)
    assert (windows == 3).all()
    marked = replace(panel, values=panel.values.copy())
    for stop in marked.offsets[1:]:
        marked.values[stop - 24 : stop] = 1e9
    none = np.zeros((5, 3), np.int64)
    samples = Samples.of(marked, windows * 8, none, TINY, 8, CPU)
    drawn, _ = samples.draw(4000, torch.Generator().manual_seed(0))
    assert drawn.nan_to_num().abs().max() < 100
    part = hold_out(marked, windows, 8, none, TINY.context_length, 10_000, CPU)
    assert (part.actual == 1e9).all() and part.window.unique().tolist() == [0, 1, 2]
    assert part.history[part.window == 2].nan_to_num().abs().max() < 100


def test_validation_errors_are_in_units_of_the_seasonal_or_the_one_step_change() -> None:
    history = np.array([[1.0, 5.0, 2.0, 7.0], [1.0, 5.0, 1.0, 5.0], [np.nan, np.nan, 3.0, 4.0], [2.0, 2.0, 2.0, 2.0]])
    found = seasonal_changes(history, np.array([[2, 0, 0], [2, 0, 0], [0, 0, 0], [9, 0, 0]]))
    np.testing.assert_allclose(found, [1.5, 4.0, 1.0, 0.0])  # the second repeats exactly


@settings(max_examples=30)
@given(
    st.lists(st.integers(1, 400), min_size=1, max_size=30), st.integers(1, 40), st.integers(1, 5), st.integers(0, 300)
)
def test_held_out_is_at_most_half_of_a_series_or_one_window(
    lengths: list[int], horizon: int, most: int, rows: int
) -> None:
    panel = panel_of(*(np.arange(length) + 1.0 for length in lengths))
    if max(lengths) < horizon + SHORTEST:
        with pytest.raises(DataError, match=f"the longest has {max(lengths)} steps"):
            held_windows(panel, horizon, most, rows)
        return
    for length, count in zip(lengths, held_windows(panel, horizon, most, rows), strict=True):
        assert count * horizon <= length / 2 or (count == 1 and length >= horizon + SHORTEST)
        assert count <= most or (count * horizon <= length / 10 and count <= math.ceil(rows / len(lengths)))
        assert count >= 1 or length < horizon + SHORTEST
        assert count == 0 or length - count * horizon >= SHORTEST


def test_a_series_of_a_few_values_is_trained_on() -> None:
    assert scratch(panel_of([1.0, 3.0, 2.0, 4.0, 3.0, 5.0]), 1).history


def test_a_sample_of_the_series_uses_each_window_number_equally_often() -> None:
    panel = waves(300, 60)
    windows = np.full(300, 3)
    found = hold_out(panel, windows, 8, np.zeros((300, 3), np.int64), 64, 200 * 52, CPU)
    assert len(found.actual) == 200 and len(set(found.series.tolist())) == 200
    assert np.bincount(found.window.numpy()).tolist() == [67, 67, 66]
    late = found.series.numpy() >= 150
    assert np.bincount(found.window.numpy()[late]).min() >= 33
    for row in (0, 101, 199):
        series, end = panel[int(found.series[row])], 60 - 8 * int(found.window[row])
        np.testing.assert_array_equal(found.actual[row], series[end - 8 : end])


def test_the_limit_of_held_out_values_counts_forecasts_as_well_as_histories() -> None:
    panel = waves(300, 60)
    windows = held_windows(panel, 40, 3, 0)
    found = hold_out(panel, windows, 40, np.zeros((300, 3), np.int64), 64, 2000, CPU)
    assert found.actual.numel() <= 2000


def test_epochs_are_validated_on_all_series_if_a_sample_is_all_constant() -> None:
    panel = panel_of(*(np.full(60, 5.0) if number != 1 else np.sin(np.arange(60.0)) for number in range(20)))
    trained = scratch(panel, plan=replace(QUICK, validation_values=10 * 52))
    assert np.isfinite([epoch.validation_loss for epoch in trained.history]).all()
    assert not any("not a number" in note for note in trained.notes)


@pytest.mark.parametrize("cell", ["lstm", "peephole", "rnn"])
def test_only_matrices_between_hidden_layers_are_trained_by_muon(cell: str) -> None:
    network = PatchLSTM(replace(TINY, cell=cell))
    muon, adam = make_optimizers(network, learning_rate=1e-3, weight_decay=0.0)
    names = {parameter: name for name, parameter in network.named_parameters()}
    by_muon = {names[one] for group in muon.param_groups for one in group["params"]}
    assert {"recurrent.cell.weight_ih_l0", "recurrent.cell.weight_hh_l1"} <= by_muon
    assert not any("peep" in name or "bias" in name for name in by_muon)
    assert len(by_muon) + sum(len(group["params"]) for group in adam.param_groups) == len(names)


def test_a_few_long_series_hold_out_more_windows() -> None:
    assert held_windows(waves(8, 7500), 30, 3, 200).tolist() == [25] * 8
    assert held_windows(waves(8, 3000), 30, 3, 200).tolist() == [10] * 8  # a tenth
    assert held_windows(waves(100, 3000), 30, 3, 200).tolist() == [3] * 100


@settings(max_examples=30)
@given(st.lists(st.integers(SHORTEST, 500), min_size=1, max_size=40), st.integers(0, 9))
def test_a_batch_holds_series_of_similar_length_with_little_padding(lengths: list[int], seed: int) -> None:
    panel = panel_of(*(np.arange(length) + 1.0 for length in lengths))
    nothing = np.zeros(len(lengths), np.int64)
    samples = Samples.of(panel, nothing, np.zeros((len(lengths), 3), np.int64), TINY, 8, CPU)
    drawn, seasons = samples.draw(3000, torch.Generator().manual_seed(seed))
    observed = (~drawn.isnan()).sum(1)
    assert drawn.shape[1] <= TINY.context_length + TINY.horizon and len(drawn) == len(seasons) >= 4
    assert (observed * BUCKET_GROWTH >= (1 - LATE_START_SHARE) * drawn.shape[1] - 1).all() and (
        observed >= SHORTEST
    ).all()
    assert not drawn[:, 0].isnan().any()


def test_windows_of_a_short_series_begin_at_different_values() -> None:
    panel = panel_of(*(np.arange(90.0) for _ in range(40)))
    samples = Samples.of(panel, np.zeros(40, np.int64), np.zeros((40, 3), np.int64), TINY, 8, CPU)
    drawn, _ = samples.draw(90 * 40, torch.Generator().manual_seed(0))
    firsts = drawn[:, 0]
    assert firsts.min() < 5 and 14 < firsts.max() <= 18 and len(firsts.unique()) > 10
    assert (drawn.nan_to_num(-1).amax(1) == 89).all()  # the newest values are in every window


def test_the_shape_of_an_own_network_depends_on_the_panel() -> None:
    assert own_config(waves(3, 900), 48, {}).patch_length == 16
    short = own_config(waves(3, 30), 4, {"cell": "rnn"})
    assert (short.patch_length, short.horizon, short.context_length, short.cell) == (4, 4, 32, "rnn")


# Memory


def test_too_little_memory_is_reported_before_anything_is_allocated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 5e8)
    with pytest.raises(
        DataError, match=r"3 series with 90 steps needs about 0\.6 GB of memory, but only 0\.5 GB are free"
    ):
        fit(waves(3, 30), 4, plan=QUICK)
    monkeypatch.setattr(memory, "free_memory", lambda: 5e9)
    with pytest.raises(ConfigError, match=r"training 120,051,200,000 weights needs about .* but only 5\.0 GB are free"):
        fit(waves(3, 30), 4, hidden_size=100_000, plan=QUICK)


def test_the_memory_check_counts_forecasts_of_long_horizons(monkeypatch: pytest.MonkeyPatch) -> None:
    panel, starts = waves(2500, 560), starting_points(waves(3, 560), 480, "auto", {})
    monkeypatch.setattr(memory, "free_memory", lambda: 1.2e9)
    memory.check_memory(panel, 12, FitPlan(), starts, CPU)
    with pytest.raises(DataError, match=r"needs about 1\.\d GB"):
        memory.check_memory(panel, 480, FitPlan(), starts, CPU)


def test_free_memory_is_within_the_limits_of_all_enclosing_containers(tmp_path: Path) -> None:
    inner = tmp_path / "job" / "step"
    inner.mkdir(parents=True)
    for place, limit, used, stat in ((inner, "max", 1, ""), (inner.parent, 3000, 2000, "anon 1\ninactive_file 500\n")):
        (place / "memory.max").write_text(f"{limit}\n")
        (place / "memory.current").write_text(f"{used}\n")
        (place / "memory.stat").write_text(stat)
    assert memory.left_by_groups(tmp_path, "/job/step") == [1500.0]
    assert memory.left_by_groups(tmp_path, "/") == []


def test_the_memory_check_counts_every_network_of_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 0.9e9)
    network = PatchLSTM(replace(TINY, hidden_size=512))
    one = StartingPoint("one network", network.config, (network,))
    memory.check_memory(waves(3, 30), 4, QUICK, [one], CPU)
    with pytest.raises(ConfigError, match=r"training 6,324,224 weights needs about 1\.0 GB"):
        memory.check_memory(waves(3, 30), 4, QUICK, [replace(one, networks=(network, network))], CPU)
