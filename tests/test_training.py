"""Losses, origins, checkpoints and pretraining; test_fit.py has the training on a user's series."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tidegate.errors import ConfigError, ModelError
from tidegate.forecasting.config import ModelConfig
from tidegate.network.causal import History, Steps
from tidegate.network.patch_lstm import PatchLSTM
from tidegate.training.checkpoint import load_checkpoint, save_checkpoint
from tidegate.training.every_origin import OriginPlan, Truth, every_origin_loss, season_weight, truth_after
from tidegate.training.fusing import fused
from tidegate.training.losses import pinball, squared
from tidegate.training.pretrain import PretrainPlan, draw_batch, pretrain, step_batches
from tidegate.training.prior import Prior

TINY = ModelConfig(context_length=64, horizon=32, hidden_size=8, embedding_size=8, head_size=8)


def test_pinball_loss_worked_by_hand() -> None:
    predicted, levels = torch.tensor([[1.0, 2.0, 4.0]]), torch.tensor([0.1, 0.5, 0.9])
    # errors 2, 1, -1 -> 0.1 * 2, 0.5 * 1, 0.1 * 1
    torch.testing.assert_close(pinball(predicted, torch.tensor([3.0]), levels), torch.tensor([0.8 / 3]))
    torch.testing.assert_close(squared(predicted[:, :1], torch.tensor([3.0]), levels[:1]), torch.tensor([4.0]))


@given(st.lists(st.floats(-100, 100), min_size=3, max_size=30), st.floats(0.05, 0.95))
def test_the_quantile_of_a_sample_minimises_its_pinball_loss(sample: list[float], level: float) -> None:
    actual = torch.tensor(sample, dtype=torch.float64)
    best = torch.tensor(np.quantile(sample, level, method="inverted_cdf"))
    levels = torch.tensor([level], dtype=torch.float64)

    def total(guess: torch.Tensor) -> float:
        return float(pinball(guess.expand(len(actual))[:, None], actual, levels).sum())

    assert all(total(best) <= total(torch.tensor(other, dtype=torch.float64)) + 1e-9 for other in sample)


def test_the_loss_at_every_origin_reaches_every_weight_and_ignores_what_is_missing() -> None:
    torch.manual_seed(0)
    network = PatchLSTM(TINY)
    values = torch.randn(6, 200, dtype=torch.float64).cumsum(1)
    seasons = torch.tensor([[7, 24, 0]] * 6)

    def loss(series: torch.Tensor) -> torch.Tensor:
        return every_origin_loss(network, series, seasons, pinball, torch.Generator().manual_seed(1), OriginPlan())

    whole = loss(values)
    whole.backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in network.parameters())
    assert all((parameter.grad != 0).any() for name, parameter in network.named_parameters() if "weight" in name)
    padded = torch.cat([values, torch.full((6, 40), torch.nan, dtype=torch.float64)], dim=1)
    assert loss(padded).isfinite()
    every = OriginPlan(full=1000, phases=0, masked_share=0.0)  # the same origins, with padding and without
    whole, other = (
        every_origin_loss(network, one, seasons, pinball, torch.Generator(), every) for one in (values, padded)
    )
    torch.testing.assert_close(whole, other)
    assert loss(torch.full_like(values, 3.0)) == 0


def test_the_tutorials_network_trains_with_squared_error_at_every_step() -> None:
    network = PatchLSTM(ModelConfig.tutorial(hidden_size=4))
    wave = torch.sin(torch.arange(40, dtype=torch.float64) / 5)[None]
    plan = OriginPlan(full=1000)
    found = every_origin_loss(network, wave, torch.zeros(1, 0).long(), squared, torch.Generator(), plan)
    cell, head = network.recurrent.cell, network.head
    predicted = head(cell(wave[:, :-1, None].float())[0])[..., 0]
    torch.testing.assert_close(found, ((predicted - wave[:, 1:].float()) ** 2).mean())


def test_a_checkpoint_comes_back_and_a_broken_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run" / "c.safetensors"
    save_checkpoint(path, {"a": torch.arange(3)}, {"step": 7})
    tensors, facts = load_checkpoint(path)
    assert tensors["a"].tolist() == [0, 1, 2] and facts == {"step": 7}
    assert [entry.name for entry in path.parent.iterdir()] == ["c.safetensors"]
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(ModelError, match="not a training checkpoint"):
        load_checkpoint(path)


PLAN = PretrainPlan(steps=8, batch=8, checkpoint_every=2, warmup=2, seed=5, long_share=0.25)  # 8 steps and 2


def fingerprint(network: PatchLSTM) -> list[float]:
    return [float(value) for parameter in network.parameters() for value in parameter.detach().double().flatten()]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    network, facts = pretrain(TINY, PLAN, tmp_path_factory.mktemp("whole"), device="cpu")
    assert facts["step"] == 10 and facts["plan"]["seed"] == 5
    return fingerprint(network)


def test_pretraining_stopped_between_steps_goes_on_to_the_same_weights(
    tmp_path: Path, uninterrupted: list[float]
) -> None:
    class Stop(Exception):
        pass

    def stop(step: int, *_: float) -> None:
        if step == 5:
            raise Stop

    with pytest.raises(Stop):
        pretrain(TINY, PLAN, tmp_path, device="cpu", report=stop)
    _, facts = load_checkpoint(tmp_path / "checkpoint.safetensors")
    assert facts["step"] == 4
    assert fingerprint(pretrain(TINY, PLAN, tmp_path, device="cpu")[0]) == uninterrupted


def test_pretraining_killed_goes_on_to_the_same_weights(tmp_path: Path, uninterrupted: list[float]) -> None:
    script = (
        "import sys, time; from pathlib import Path\n"
        "from tests.test_training import TINY, PLAN\n"
        "from tidegate.training.pretrain import pretrain\n"
        "pretrain(TINY, PLAN, Path(sys.argv[1]), device='cpu', report=lambda *_: time.sleep(0.3))\n"
    )
    root = Path(__file__).parent.parent
    environment = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'src'}"}
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], env=environment)
    path, deadline = tmp_path / "checkpoint.safetensors", time.monotonic() + 60
    while not path.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 0 < load_checkpoint(path)[1]["step"] < 10
    assert fingerprint(pretrain(TINY, PLAN, tmp_path, device="cpu")[0]) == uninterrupted


def test_a_longer_schedule_goes_on_from_where_a_shorter_ones_rate_was_constant(
    tmp_path: Path, uninterrupted: list[float]
) -> None:
    shorter = replace(PLAN, steps=5)  # 3 flat steps of 5; of 8 they are 4
    pretrain(TINY, shorter, tmp_path, device="cpu")
    begun: list[int] = []
    longer, facts = pretrain(TINY, PLAN, tmp_path, device="cpu", report=lambda step, *_: begun.append(step))
    assert begun[0] == 4 and facts["step"] == 10
    assert fingerprint(longer) == uninterrupted


@pytest.mark.parametrize("other", [replace(PLAN, seed=6), replace(PLAN, batch=9), replace(PLAN, steps=2)])
def test_a_folder_with_another_plans_run_is_refused(tmp_path: Path, other: PretrainPlan) -> None:
    pretrain(TINY, PLAN, tmp_path, device="cpu")
    with pytest.raises(ConfigError, match="another plan"):
        pretrain(TINY, other, tmp_path, device="cpu")


def test_the_rate_warms_up_stays_and_falls_to_zero_and_does_so_again_for_longer_series() -> None:
    plan = PretrainPlan(steps=1000, warmup=10, flat_share=0.6, learning_rate=1.0, long_share=0.2, long_rate=0.5)
    assert [plan.rate(step) for step in (0, 4, 9, 599, 600, 800)] == pytest.approx([0.1, 0.5, 1, 1, 1, 0.5])
    assert plan.rate(999) == pytest.approx(0.0025) and plan.all_steps == 1200
    assert [plan.rate(step) for step in (1000, 1100, 1200)] == pytest.approx([0.05, 0.25, 0])


def test_the_last_steps_draw_series_longer_than_the_context_half_of_the_time() -> None:
    plan = replace(PLAN, steps=1, long_share=40.0, long_batch=2)
    lengths = [draw_batch(plan, TINY, step).values.shape[1] for step in range(1, 41)]
    longest = 2 * TINY.context_length + TINY.horizon
    assert (
        max(lengths) <= max(longest, 200)
        and sum(length > TINY.context_length + TINY.horizon for length in lengths) >= 10
    )


def test_a_weight_of_the_loss_depends_only_on_values_before_its_origin() -> None:
    torch.manual_seed(0)
    values = torch.randn(3, 200, dtype=torch.float64).cumsum(1)
    later = torch.cat([values[:, :100], torch.randn(3, 100, dtype=torch.float64)], dim=1)
    network, plan, seasons = PatchLSTM(TINY), OriginPlan(season_power=0.5), torch.tensor([7, 12, 0])
    steps = Steps.full_patches(3, 6, TINY.patch_length, values.device)
    before, after = (
        season_weight(history, network.scaling(history, steps.known), seasons, steps, plan)
        for history in (History.of(series) for series in (values, later))
    )
    torch.testing.assert_close(before, after)
    assert (before[2] == 1).all() and (before[:2] != 1).any()


def test_batches_drawn_ahead_by_other_processes_are_the_same_in_the_same_order() -> None:
    alone, ahead = (list(step_batches(PLAN, TINY, 1, workers)) for workers in (0, 2))
    assert len(alone) == PLAN.all_steps - 1
    for mine, theirs in zip(alone, ahead, strict=True):
        assert torch.equal(mine.seasons, theirs.seasons)
        torch.testing.assert_close(mine.values, theirs.values, rtol=1e-6, atol=0, equal_nan=True)


def test_fused_functions_give_the_same_loss_and_leave_the_network_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled with torch's own tracer; what a GPU's compiler makes of it is not tested here."""
    compile_ = torch.compile
    monkeypatch.setattr(torch, "compile", lambda work, **options: compile_(work, backend="eager", **options))
    torch.manual_seed(0)
    network, batch = PatchLSTM(TINY), Prior(1).sample(4, 100)

    def loss(truth: Truth) -> Tensor:
        generator, plan = torch.Generator().manual_seed(3), OriginPlan(near=16.0, season_power=0.5)
        return every_origin_loss(network, batch.values, batch.seasons, pinball, generator, plan, truth)

    plain = loss(truth_after)
    with fused(network) as truth:
        torch.testing.assert_close(loss(truth), plain)
        assert vars(network).keys() >= {"step_inputs", "look_up"}
    assert not vars(network).keys() & {"step_inputs", "look_up"}
