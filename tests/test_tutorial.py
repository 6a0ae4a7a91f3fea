"""The tutorial: waves, windows, and training one point at a time."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import ConfigError, DataError
from tidegate.series.synthetic import random_walk, sine_wave, trend_and_season, windows
from tidegate.training.every_origin import OriginPlan, every_origin_loss
from tidegate.training.lessons import LessonPlan, fading, gradient_by_lag, naive, open_forget_gate, origins
from tidegate.training.losses import squared
from tidegate.training.tutorial import (
    TutorialPlan,
    many_steps_ahead,
    new_network,
    one_step_ahead,
    read_points,
    rmse,
    train_epochs,
)

ROOT = Path(__file__).parent.parent


def test_sine_wave_worked_by_hand() -> None:
    np.testing.assert_allclose(sine_wave(5, period=4, amplitude=2), [0, 2, 0, -2, 0], atol=1e-12)
    np.testing.assert_allclose(sine_wave(2, period=4, phase=0.25), [1, 0], atol=1e-12)


def test_noise_has_the_size_asked_for_and_belongs_to_the_seed() -> None:
    noisy = sine_wave(10_000, noise=0.5, seed=3)
    assert np.std(noisy - sine_wave(10_000)) == pytest.approx(0.5, rel=0.03)
    np.testing.assert_array_equal(noisy, sine_wave(10_000, noise=0.5, seed=3))
    assert (noisy != sine_wave(10_000, noise=0.5, seed=4)).all()


def test_trend_and_season_repeats_its_season_and_a_random_walk_starts_at_zero() -> None:
    series = trend_and_season(50, season_length=7, slope=2.0, noise=0.0)
    np.testing.assert_allclose(series[7:] - series[:-7], 14.0)
    walk = random_walk(2000, step=3.0, seed=1)
    assert walk[0] == 0
    assert np.diff(walk).std() == pytest.approx(3.0, rel=0.1)


def test_windows_read_points_1_to_k_and_predict_points_2_to_k_plus_1() -> None:
    inputs, targets = windows(np.arange(1.0, 6.0), 3)
    np.testing.assert_array_equal(inputs, [[1, 2, 3], [2, 3, 4]])
    np.testing.assert_array_equal(targets, [[2, 3, 4], [3, 4, 5]])


@given(length=st.integers(2, 60), window=st.integers(1, 20), stride=st.integers(1, 7))
def test_every_window_is_a_piece_of_the_series_and_its_targets_lie_one_step_later(
    length: int, window: int, stride: int
) -> None:
    series = np.arange(float(length))
    if length <= window:
        with pytest.raises(DataError, match=f"a series of {length} values has no window of {window} inputs"):
            windows(series, window, stride)
        return
    inputs, targets = windows(series, window, stride)
    assert inputs.shape == targets.shape == (1 + (length - window - 1) // stride, window)
    np.testing.assert_array_equal(inputs[:, 0], stride * np.arange(len(inputs)))
    np.testing.assert_array_equal(inputs, inputs[:, :1] + np.arange(window))
    np.testing.assert_array_equal(targets, inputs + 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sine_wave(0), "length 0: expected a whole number from 1"),
        (lambda: sine_wave(5, period=0), "period 0: expected a number of steps above 0"),
        (lambda: windows(np.zeros(9), 3, stride=0), "windows of length 3 with stride 0: both must be at least 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(call: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        call()  # type: ignore[operator]


PLAN = TutorialPlan(hidden_size=8, window=20, epochs=3)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "peephole"])
def test_predicting_at_every_origin_is_the_loss_over_windows(cell: str) -> None:
    network = new_network(PLAN, cell)
    inputs, targets = windows(sine_wave(60, noise=0.1), 20, stride=5)
    whole = torch.from_numpy(np.concatenate([inputs, targets[:, -1:]], axis=1))
    every = OriginPlan(full=20, cuts=0)
    no_seasons = torch.zeros(len(whole), 3, dtype=torch.int64)
    ours = every_origin_loss(network, whole, no_seasons, squared, torch.Generator(), every)
    predicted, _ = read_points(network, torch.tensor(inputs, dtype=torch.float32))
    textbook = (predicted - torch.tensor(targets, dtype=torch.float32)).square().mean()
    torch.testing.assert_close(ours, textbook)


def test_training_lowers_the_error_and_repeats_with_the_seed() -> None:
    series = sine_wave(300, noise=0.05)
    losses = [list(train_epochs(new_network(PLAN, seed=1), series, PLAN, seed=1)) for _ in range(2)]
    assert losses[0] == losses[1]
    assert len(losses[0]) == PLAN.epochs
    assert losses[0] == sorted(losses[0], reverse=True)
    assert losses[0] != list(train_epochs(new_network(PLAN, seed=2), series, PLAN, seed=2))


def test_making_a_network_leaves_the_global_random_state_alone() -> None:
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    new_network(PLAN)
    assert torch.equal(torch.rand(1), expected)


def test_one_step_ahead_reads_only_values_before() -> None:
    network = new_network(PLAN)
    series = sine_wave(40)
    changed = np.concatenate([series[:20], [9.0], series[21:]])
    plain, other = one_step_ahead(network, series), one_step_ahead(network, changed)
    assert np.isnan(plain[0])
    np.testing.assert_array_equal(plain[1:21], other[1:21])
    assert (plain[21:] != other[21:]).any()


@pytest.mark.parametrize("cell", ["rnn", "lstm", "peephole"])
def test_many_steps_ahead_is_one_step_ahead_with_each_prediction_appended(cell: str) -> None:
    network = new_network(PLAN, cell)
    series = sine_wave(30)
    longer = series
    for _ in range(4):
        longer = np.append(longer, one_step_ahead(network, np.append(longer, 0.0))[-1])
    np.testing.assert_allclose(many_steps_ahead(network, series[None], 4)[0], longer[30:], atol=1e-6)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "peephole"])
def test_gradient_by_lag_equals_a_finite_difference(cell: str) -> None:
    network = new_network(PLAN, cell).double()
    inputs, targets = windows(sine_wave(12, noise=0.1), 10)
    gradient = gradient_by_lag(network, inputs[:1], targets[:1, -1])
    step = 1e-5
    for lag in (0, 1, 5):
        losses = []
        for sign in (1, -1):
            moved = torch.tensor(inputs[:1])
            moved[0, 9 - lag] += sign * step
            losses.append(float(((read_points(network, moved)[0][:, -1] - targets[0, -1]) ** 2).detach()))
        assert gradient[lag] == pytest.approx(abs(losses[0] - losses[1]) / (2 * step), rel=1e-4, abs=1e-9)


def test_an_open_forget_gate_keeps_the_gradient_that_torchs_own_start_loses() -> None:
    plan = TutorialPlan()
    inputs, targets = windows(sine_wave(200, noise=0.05), 60)

    def left(network: object) -> float:
        return fading(gradient_by_lag(network, inputs, targets[:, -1]))  # type: ignore[arg-type]

    for seed in range(2):
        assert left(new_network(plan, "rnn", seed)) < 0.8
        assert left(new_network(plan, "lstm", seed)) < 0.8
        assert left(open_forget_gate(new_network(plan, "lstm", seed), 3.0)) > 0.93


def test_fading_is_the_factor_per_step() -> None:
    assert fading(7 * 0.8 ** np.arange(50.0)) == pytest.approx(0.8)


def test_naive_forecasts_worked_by_hand() -> None:
    plan = LessonPlan(length=12, split=6, horizon=4, origin_step=2)
    series = np.array([1.0, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 6])
    assert list(origins(plan)) == [6, 8]
    period = naive("period", series, plan, 3)
    np.testing.assert_array_equal(period.far, [1, 2, 3, 1])
    np.testing.assert_allclose(period.error_by_lead, [0, 0, 0, np.sqrt(9 / 2)])  # 6 instead of 3 from origin 8
    assert period.next_step_error == pytest.approx(np.sqrt(9 / 6))
    last = naive("last", series, plan, 1)
    np.testing.assert_array_equal(last.far, [3, 3, 3, 3])
    # one step: 3 1 2 3 1 2 said, 1 2 3 1 2 6 came
    assert last.next_step_error == pytest.approx(np.sqrt((4 + 1 + 1 + 4 + 1 + 16) / 6))


def test_a_trained_lstm_beats_persistence_and_comes_near_the_noise() -> None:
    series = sine_wave(500, noise=0.05)
    plan = TutorialPlan(hidden_size=16, epochs=10)
    network = new_network(plan)
    list(train_epochs(network, series[:350], plan))
    assert 0.04 < rmse(one_step_ahead(network, series)[350:], series[350:]) < 0.1
    assert rmse(series[349:-1], series[350:]) > 0.17


def test_the_tutorial_pages_code_runs() -> None:
    page = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    quick = code.replace("epochs=5", "epochs=1").replace("series[:700]", "series[:120]")
    done = subprocess.run([sys.executable, "-W", "error", "-c", quick], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert 0 < float(done.stdout) < 1


def test_the_example_has_under_40_lines_and_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = (ROOT / "examples" / "sine_wave.py").read_text(encoding="utf-8")
    assert len(source.splitlines()) < 40
    quick = source.replace("range(1, 121)", "range(1, 21)")
    assert quick != source
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    try:
        exec(compile(quick, "sine_wave.py", "exec"), {})
        assert torch.get_num_threads() == 1  # on several it takes eight times as much of the processor
    finally:
        torch.set_num_threads(threads)
    printed = capsys.readouterr().out
    assert printed.startswith("epoch  20: error on the training part 0.")
    assert "test: one step ahead 0." in printed
    assert (tmp_path / "sine_wave.html").read_text(encoding="utf-8").startswith("<!doctype html>")
