"""`fit`: what it trains, what it keeps, what a stop, a broken loss or a hopeless panel does to it."""

from __future__ import annotations

import itertools
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError

from tidegate.errors import ConfigError, DataError, ModelError
from tidegate.forecasting.config import ModelConfig
from tidegate.forecasting.model import Model, shipped_path
from tidegate.network.causal import logarithms
from tidegate.network.patch_lstm import PatchLSTM
from tidegate.series.calendar import Timeline
from tidegate.series.panel import Panel
from tidegate.training import checkpoint as checkpoint_module
from tidegate.training import choices, memory, side_by_side
from tidegate.training import course as course_module
from tidegate.training import trainings as trainings_module
from tidegate.training import windows as windows_module
from tidegate.training.checkpoint import load_checkpoint
from tidegate.training.choices import BUDGET, WORTHWHILE, FitPlan, as_good, careful_gain, least_gain, own_config
from tidegate.training.course import Clock, Course, bounded
from tidegate.training.descent import make_optimizers
from tidegate.training.fit import Epoch, Trained, fit
from tidegate.training.kinds import Kind, ways_to_begin
from tidegate.training.material import Material
from tidegate.training.resume import FitCheckpoint
from tidegate.training.samples import (
    BUCKET_GROWTH,
    LATE,
    SHORTEST,
    HeldOut,
    Samples,
    held_windows,
    hold_out,
    seasonal_changes,
)
from tidegate.training.selection import Candidate, Group, choose, mixture
from tidegate.training.side_by_side import makespan, run_all
from tidegate.training.trainings import Trainings

CPU = torch.device("cpu")
TINY = ModelConfig(context_length=64, horizon=32, hidden_size=8, embedding_size=8, head_size=8)
QUICK = FitPlan(max_steps=6, epochs=2, batch_values=1000, warmup=2, members=0)
LEVELS = (0.1, 0.5, 0.9)


def panel_of(*series: object) -> Panel:
    arrays = [np.asarray(one, dtype=np.float64) for one in series]
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in arrays])]).astype(np.int64)
    return Panel(np.concatenate(arrays), offsets, Timeline.positions(len(arrays)))


def waves(count: int, length: int, seed: int = 0) -> Panel:
    rng = np.random.default_rng(seed)
    steps = np.arange(length)
    return panel_of(
        *(np.sin(2 * np.pi * (steps + rng.integers(12)) / 12) + 0.1 * rng.normal(size=length) for _ in range(count))
    )


def scratch(panel: Panel, horizon: int = 8, **options: object) -> Trained:
    """A fit from nothing that takes a moment."""
    plan = options.pop("plan", QUICK)
    return fit(panel, horizon, start="scratch", hidden_size=8, season_length=12, plan=plan, **options)  # type: ignore[arg-type]


def fingerprint(trained: Trained) -> list[float]:
    return [float(x) for network in trained.networks for p in network.parameters() for x in p.detach().flatten()]


def forecasts(trained_or_model: Trained | Model, panel: Panel, horizon: int = 8) -> np.ndarray:
    model = trained_or_model.model if isinstance(trained_or_model, Trained) else trained_or_model
    return model.predict(panel, horizon, LEVELS, np.tile([12, 0, 0], (panel.size, 1)))


# What is trained and kept


@pytest.mark.parametrize("cell", ["lstm", "peephole", "rnn"])
def test_every_cell_is_trained_and_its_file_forecasts_the_same(cell: str, tmp_path: Path) -> None:
    panel = waves(6, 60)
    trained = scratch(panel, cell=cell)
    assert [network.config.cell for network in trained.networks] == [cell]
    assert [epoch.step for epoch in trained.history] == [3, 6]
    assert all(np.isfinite([epoch.loss, epoch.validation_loss]).all() for epoch in trained.history)
    trained.save(tmp_path / "m.onnx")
    np.testing.assert_array_equal(forecasts(trained, panel), forecasts(Model.load(tmp_path / "m.onnx"), panel))


def test_a_wave_it_has_seen_is_learnt() -> None:
    plan = FitPlan(max_steps=40, epochs=4, batch_values=2000, members=0)
    trained = fit(waves(20, 120), 12, start="scratch", hidden_size=16, season_length=12, plan=plan)
    assert trained.history[-1].loss < trained.history[0].loss
    # In units of the change from one season to the next, which is all noise: 0.113 on average; 1 is seasonal naive, and
    # the wave itself would be 0.71.
    assert trained.history[3].validation_mase < 1.0


def test_auto_trains_the_shipped_weights_and_a_network_of_its_own_and_says_what_it_kept() -> None:
    trained = fit(waves(8, 150), 8, season_length=12, plan=QUICK)
    names = {epoch.training for epoch in trained.history}
    assert names == {"the shipped weights", "a network of its own (lstm, 2 x 128)"}
    assert any(note.startswith(("kept ", "no training beat")) for note in trained.notes)
    assert set(trained.provenance["kept"]) <= names and trained.provenance["max_steps"] == 6


def test_of_epochs_that_cannot_be_told_apart_the_last_is_kept() -> None:
    rng = np.random.default_rng(0)
    series, window = np.repeat(np.arange(20), 3), np.tile(np.arange(3), 20)
    best = 1 + 0.1 * rng.normal(size=60)

    def kept(losses: np.ndarray) -> bool:
        return as_good(losses, best, window, series)

    assert kept(best) and kept(best - 0.1)
    noisy = best + 0.3 * rng.normal(size=60)
    assert kept(noisy - noisy.mean() + best.mean() + 0.01)  # 1 % worse, and some windows much better
    assert not kept(best + 0.01)  # 1 % worse in every window
    assert not kept(noisy - noisy.mean() + best.mean() + 0.1)  # within doubt or not, 10 % are too much
    assert as_good(best + 0.01, best, 0 * window, series)  # a single window may be wrong by 2 %
    assert kept(np.where(series == 0, np.nan, best))


@pytest.mark.parametrize(("start", "kept"), [("scratch", 6), (str(shipped_path()), 3)])
def test_weights_that_know_something_keep_their_best_epoch(
    start: str, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    epochs = itertools.count()

    def no_worse_as_far_as_one_can_tell(_: PatchLSTM, part: HeldOut) -> tuple[torch.Tensor, float]:
        epoch = next(epochs)
        noise = 0.3 * min(epoch, 1) * np.resize([1.0, -1.0], len(part.actual))
        return torch.tensor(1 + 0.005 * epoch + noise), 1.0

    monkeypatch.setattr(course_module, "validate", no_worse_as_far_as_one_can_tell)
    (training,) = fit(waves(4, 50), 8, start=start, season_length=12, plan=QUICK).provenance["trainings"]
    assert training["kept_step"] == kept


@pytest.mark.parametrize(("start", "steps"), [("scratch", 16), (str(shipped_path()), 6)])
def test_from_nothing_a_loss_may_rise_while_the_rate_is_high(
    start: str, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([1.0, 2.0, 2.0, 0.9, 0.8, 0.7, 0.6, 0.5])
    monkeypatch.setattr(course_module, "validate", lambda _, part: (torch.full((len(part.actual),), next(losses)), 1.0))
    plan = replace(QUICK, max_steps=16, epochs=8)
    (training,) = fit(waves(4, 50), 8, start=start, season_length=12, plan=plan).provenance["trainings"]
    assert training["steps"] == steps


def swelling(count: int, length: int) -> Panel:
    """Positive waves whose ups are many times their downs."""
    rng = np.random.default_rng(0)
    steps = np.arange(length)
    level = [np.sin(2 * np.pi * (steps + rng.integers(12)) / 12) + 0.1 * rng.normal(size=length) for _ in range(count)]
    return panel_of(*(100 * np.exp(one) for one in level))


def growth_that_ends(count: int) -> Panel:
    """Series that grow by a third at each step, and then no more."""
    rng = np.random.default_rng(0)
    grown = [np.exp(np.cumsum(0.3 + 0.05 * rng.normal(size=rng.integers(10, 30)))) for _ in range(count)]
    return panel_of(*(np.append(one, one[-1] * (1 + 0.02 * rng.normal(size=12))) for one in grown))


def test_the_network_of_its_own_reads_logarithms_of_what_is_positive_and_swings() -> None:
    panel = swelling(20, 100)
    shipped, own = ways_to_begin(panel, 8, "auto", {})
    assert (shipped.config.log_unit, own.config.log_unit) == (0, pytest.approx(0.5 * panel.values.min()))
    assert own.name.endswith("of logarithms")
    with_a_zero = replace(panel, values=np.append(panel.values[:-1], 0.0))
    hardly_moving = replace(panel, values=1e4 + panel.values)
    for other in (with_a_zero, hardly_moving, growth_that_ends(20), panel_of(np.full(20, 3.0)), panel_of([1.0, 2.0])):
        own = ways_to_begin(other, 8, "auto", {})[1]
        assert own.config.log_unit == 0 and not own.name.endswith("of logarithms")
    assert ways_to_begin(panel, 8, "scratch", {})[0].config.log_unit == 0


def test_what_is_trained_on_logarithms_forecasts_what_falls_to_zero_or_below() -> None:
    torch.manual_seed(0)
    panel = swelling(4, 60)
    trained = Trained((PatchLSTM(replace(TINY, log_unit=float(panel.values.min()))).eval(),), (), (), {})
    head = trained.networks[0].head
    assert isinstance(head, torch.nn.Sequential)
    with torch.no_grad():
        head[-1].bias += 20.0  # a network that forecasts much more and much wider than it ever should
    ends = np.arange(len(panel.values)) % 60 >= 50
    for now in (0.0, -100.0):
        found = forecasts(trained, replace(panel, values=np.where(ends, now, panel.values)))
        assert np.isfinite(found).all() and found.max() < 1000 * panel.values.max()


def test_another_cell_than_the_files_means_from_nothing() -> None:
    trained = fit(waves(4, 60), 8, cell="rnn", hidden_size=8, plan=QUICK)
    assert {epoch.training for epoch in trained.history} == {"a network of its own (rnn, 2 x 8)"}


def test_members_are_averaged_level_by_level_in_one_file(tmp_path: Path) -> None:
    panel = waves(4, 60)
    trained = scratch(panel, members=2)
    assert len(trained.networks) == 2
    alone = [forecasts(replace(trained, networks=(network,)), panel) for network in trained.networks]
    assert not np.allclose(alone[0], alone[1])
    np.testing.assert_allclose(forecasts(trained, panel), np.mean(alone, axis=0), rtol=1e-6, atol=1e-9)
    trained.save(tmp_path / "m.onnx")
    again = fit(panel, 8, start=str(tmp_path / "m.onnx"), season_length=12, plan=QUICK)
    assert {epoch.training for epoch in again.history} == {"the weights of m.onnx"} and len(again.networks) == 2


def test_networks_of_different_patches_and_horizons_share_one_file() -> None:
    torch.manual_seed(0)
    panel = waves(3, 200)
    small = replace(TINY, patch_length=4, horizon=8)
    both = tuple(PatchLSTM(config).eval() for config in (TINY, small))
    trained = Trained(both, (), (), {})
    alone = [forecasts(replace(trained, networks=(network,)), panel, 40) for network in both]
    np.testing.assert_allclose(forecasts(trained, panel, 40), np.mean(alone, axis=0), rtol=1e-6, atol=1e-9)
    with pytest.raises(ConfigError, match="nested patches"):
        Trained((both[1], both[0]), (), (), {}).model  # noqa: B018 - opened when asked for


def test_each_kind_has_the_same_share_however_many_members_it_has(tmp_path: Path) -> None:
    torch.manual_seed(0)
    panel = waves(3, 200)
    start, *members = (PatchLSTM(TINY).eval() for _ in range(4))
    groups = [Group(Kind("shipped", TINY, (start,)), [start]), Group(Kind("own", TINY), members)]
    networks, shares = zip(*mixture(groups, {0: 0.0, 1: 1.0}), strict=True)
    assert networks == (start, *members) and shares == pytest.approx((1 / 2, 1 / 6, 1 / 6, 1 / 6))
    trained = Trained(networks, (), (), {}, shares=shares)
    alone = [forecasts(Trained((network,), (), (), {}), panel) for network in networks]
    expected = 0.5 * alone[0] + 0.5 * np.mean(alone[1:], axis=0)
    np.testing.assert_allclose(forecasts(trained, panel), expected, rtol=1e-6, atol=1e-9)
    trained.save(tmp_path / "m.onnx")
    further = replace(QUICK, max_steps=1, epochs=1, transfer_rate=0.0, blends=(1.0,))
    again = fit(panel, 8, start=str(tmp_path / "m.onnx"), season_length=12, plan=further)  # keeps the shares
    np.testing.assert_allclose(forecasts(again, panel), expected, rtol=1e-6, atol=1e-9)


def test_each_network_of_a_file_goes_on_with_what_it_reads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    panel = panel_of(*(100 + 50 * np.sin(np.arange(200) / 2 + shift) for shift in range(3)))
    networks = tuple(PatchLSTM(config).eval() for config in (TINY, replace(TINY, log_unit=10.0)))
    Trained(networks, (), (), {}).save(tmp_path / "both.onnx")
    largest: dict[float, float] = {}
    whole = course_module.every_origin_loss

    def seen(network: PatchLSTM, values: torch.Tensor, *rest: object) -> torch.Tensor:
        largest[network.config.log_unit] = max(
            largest.get(network.config.log_unit, -math.inf), float(values.nan_to_num().max())
        )
        return whole(network, values, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(course_module, "every_origin_loss", seen)
    fit(panel, 8, start=str(tmp_path / "both.onnx"), season_length=12, plan=QUICK)
    assert largest[0.0] == pytest.approx(150, rel=0.01)
    assert largest[10.0] == pytest.approx(float(logarithms(torch.tensor(150.0), 10.0)), rel=0.01)


def test_beyond_what_a_network_predicts_at_once_masked_patches_are_trained_as_far_as_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blocks: list[int] = []
    whole = windows_module.masked_steps

    def seen(network: PatchLSTM, *rest: object) -> object:
        read = whole(network, *rest)  # type: ignore[arg-type]
        blocks.append(0 if read is None else read.output.shape[1])
        return read

    monkeypatch.setattr(windows_module, "masked_steps", seen)
    monkeypatch.setattr(choices, "LONGEST_HORIZON", 32)
    monkeypatch.setattr(choices, "LONGEST_CONTEXT", 32)
    scratch(waves(3, 400), 80, plan=replace(QUICK, max_steps=30, epochs=1))
    assert max(blocks) >= 2  # 32 steps at once, and two blocks of masked patches to the 80th
    assert np.mean(np.array(blocks) > 0) > 0.3  # where the origin leaves room


def test_an_error_beyond_all_others_is_bounded_and_usual_ones_are_as_they_are() -> None:
    rows = torch.arange(1.0, 101.0)
    assert torch.equal(bounded(rows), rows)
    launch = torch.cat([rows, torch.tensor([1e5, math.nan])])
    usual = float(torch.cat([rows, torch.tensor([1e5])]).quantile(0.9))
    assert bounded(launch)[100] == pytest.approx(20 * usual) and torch.equal(bounded(launch)[:100], rows)
    assert bounded(launch)[101].isnan()
    mostly_exact = torch.tensor([0.0] * 19 + [7.0])
    assert torch.equal(bounded(mostly_exact), mostly_exact)  # no usual error to measure by


def test_the_plan_holds_where_nothing_else_is_said(tmp_path: Path) -> None:
    plan = replace(QUICK, seed=7, intervals="conformal")
    told = scratch(waves(4, 60), plan=plan).provenance["plan"]
    assert (told["seed"], told["intervals"]) == (7, "conformal")
    told = scratch(waves(4, 60), plan=plan, seed=0, intervals="model").provenance["plan"]
    assert (told["seed"], told["intervals"]) == (0, "model")


def test_weights_that_are_kept_as_they_were_keep_their_intervals(tmp_path: Path) -> None:
    factors = (1.2, 1.1, 1.0, 1.0, 1.0, 1.0)
    Trained((PatchLSTM(TINY).eval(),), (), (), {}, factors).save(tmp_path / "m.onnx")
    constant = panel_of(np.full(50, 3.0), np.full(50, 4.0))
    assert fit(constant, 8, start=str(tmp_path / "m.onnx"), plan=QUICK).calibration == factors


def test_the_callers_random_numbers_go_on_as_if_nothing_had_been_drawn() -> None:
    before = torch.get_rng_state()
    scratch(waves(4, 60))
    assert torch.equal(torch.get_rng_state(), before)


def test_fine_tuning_that_ruins_the_weights_keeps_them_as_they_were() -> None:
    panel = waves(5, 40)
    plan = replace(QUICK, max_steps=2, epochs=1, transfer_rate=5.0, warmup=1)  # a rate that ruins any network
    trained = fit(panel, 8, start=str(shipped_path()), season_length=12, plan=plan)
    assert any("they are kept as they were" in note for note in trained.notes)
    assert any("beyond doubt, and by 13.9%, as 200 values are few, on" in note for note in trained.notes)
    np.testing.assert_array_equal(forecasts(trained, panel), forecasts(Model.load(), panel))


def test_what_is_kept_is_trained_once_more_on_everything() -> None:
    trained = scratch(waves(4, 60), plan=replace(QUICK, members=1))
    assert trained.notes[-1] == "trained once more, to the same steps, on everything"
    first, second = trained.provenance["trainings"]
    assert second["steps"] == first["kept_step"]
    assert fingerprint(trained) != fingerprint(scratch(waves(4, 60)))


def test_every_member_of_what_is_kept_is_trained_once_more() -> None:
    trained = scratch(waves(4, 60), plan=replace(QUICK, members=1), members=3)
    assert len(trained.networks) == 3 == trained.provenance["members"]
    first, *again = trained.provenance["trainings"]  # one is enough to choose by
    assert [one["steps"] for one in again] == [first["kept_step"]] * 3


def gain(losses: list[list[float]]) -> float:
    """Of losses (series, windows) over start weights that have 1.0 everywhere."""
    rows = np.array(losses)
    series, window = np.indices(rows.shape)
    return careful_gain(rows.ravel(), np.ones(rows.size), window.ravel(), series.ravel())


def test_a_gain_has_to_show_in_most_windows_and_most_series() -> None:
    assert gain([[0.9, 0.91, 0.89]]) > 0
    assert gain([[0.7, 1.1, 1.05]]) < 0 and gain([[0.7, 1.1, 1.05]] * 50) < 0  # one good window is not enough
    assert gain([[0.1] * 3, [1.1] * 3, [1.1] * 3, [1.1] * 3]) < 0  # nor is one good series
    assert gain([[0.99]]) < 0 < gain([[0.97]])
    assert gain([[math.nan]]) == -math.inf and gain([[0.0, 0.0]]) == math.inf
    assert gain([[math.nan, 0.9, 0.91]]) == pytest.approx(gain([[0.9, 0.91]]))


def test_start_weights_are_given_up_for_a_smaller_loss_with_a_median_that_is_hardly_worse() -> None:
    panel = waves(4, 100)
    part = hold_out(panel, np.full(4, 3), 8, np.zeros((4, 3), np.int64), 64, 100_000, CPU)

    def candidate(blend: float, loss: float, mase: float) -> Candidate:
        return Candidate({0: blend}, torch.zeros(12, 8, 3), np.full(12, loss), mase)

    start, slightly, much = candidate(0.0, 1.0, 1.0), candidate(0.5, 0.998, 0.9), candidate(1.0, 0.9, 0.99)
    assert choose([start, slightly], part, WORTHWHILE) is start  # 0.2 % are not worth it
    assert choose([start, slightly, much], part, WORTHWHILE) is much
    as_accurate, worse = replace(much, mase=1.009), replace(much, mase=1.011)
    assert choose([start, as_accurate], part, WORTHWHILE) is as_accurate
    assert choose([start, worse], part, WORTHWHILE) is start
    assert choose([start, worse, candidate(0.25, 0.95, 0.98)], part, WORTHWHILE).blends == {0: 0.25}
    mean = replace(candidate(0.5, 0.905, 0.99), blends={0: 0.5, 1: 1.0})
    assert choose([start, much, mean], part, WORTHWHILE) is mean  # as good but for half a percent, and it varies less
    assert choose([start, much, replace(mean, losses=np.full(12, 0.92))], part, WORTHWHILE) is much


def test_few_values_have_to_gain_more() -> None:
    assert least_gain(100) == pytest.approx(0.3) and least_gain(1000) == pytest.approx(0.03)
    assert least_gain(10**9) == least_gain(6000) == WORTHWHILE
    panel = panel_of(np.where(np.arange(100) < 60, np.nan, 1.0), np.arange(30.0))
    kinds = ways_to_begin(panel, 5, "scratch", {})
    assert Material.of(panel, 5, None, QUICK, kinds, CPU).known_values == 70


def test_the_doubt_of_rows_that_share_nothing_is_the_standard_error() -> None:
    losses = np.random.default_rng(0).uniform(0.8, 1.0, (2000, 3))
    parts = 1 - losses / losses.mean()
    error = parts.std() / math.sqrt(losses.size)
    doubt = -math.log(losses.mean()) - gain(losses.tolist())
    assert doubt == pytest.approx(error, rel=0.35)


def test_intervals_get_factors_from_the_held_out_windows(tmp_path: Path) -> None:
    trained = scratch(waves(30, 60))
    assert trained.calibration is not None and len(trained.calibration) == 6
    assert trained.model.metadata["calibration"] == list(trained.calibration)
    conformal = scratch(waves(30, 60), intervals="conformal").calibration
    assert conformal is not None
    for plain, full in zip(trained.calibration, conformal, strict=True):  # of 90 windows: shrunk by 90 / 110
        assert plain == pytest.approx(full ** (90 / 110))


# The same again, and after a stop


def test_two_runs_with_one_seed_give_the_same_weights_and_another_seed_others() -> None:
    a, b, c = (fingerprint(scratch(waves(4, 50), seed=seed)) for seed in (3, 3, 4))
    assert a == b != c


def test_a_time_limit_comes_to_a_number_of_steps_that_repeats_the_fit() -> None:
    panel = waves(4, 50)
    limited = scratch(panel, time_limit=3.0)
    assert limited.provenance["seconds"] < 4.0
    found = limited.provenance
    again = scratch(panel, max_steps=found["max_steps"], members=found["members"])
    assert fingerprint(again) == fingerprint(limited)


def test_the_steps_that_are_timed_are_the_first_of_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, settle = [], Course.settle

    def spy(course: Course, plan: FitPlan) -> None:
        begun.append(course.step)
        settle(course, plan)

    monkeypatch.setattr(Course, "settle", spy)
    monkeypatch.setattr(choices, "LEVEL", 0.3)
    plan = replace(QUICK, max_steps=300, patience=100, members=None)
    limited = scratch(waves(4, 50), plan=plan, time_limit=5.0)
    found = limited.provenance
    assert begun and 8 <= begun[0] <= 0.3 * found["max_steps"]
    again = scratch(waves(4, 50), plan=replace(plan, max_steps=found["max_steps"], members=found["members"]))
    assert len(begun) == 1 and fingerprint(again) == fingerprint(limited)


def test_a_time_limit_too_short_for_anything_keeps_the_shipped_weights() -> None:
    trained = fit(waves(4, 60), 8, season_length=12, time_limit=0.01)
    assert trained.history == () and "too short to train anything" in trained.notes[0]


KILLED = FitPlan(max_steps=60, epochs=6, patience=100, batch_values=1000, warmup=2)


@pytest.mark.parametrize("moment", ["epoch.step == 20", "math.isnan(epoch.validation_loss)"])  # NaN: the last trainings
def test_killed_and_resumed_it_ends_with_the_same_weights(moment: str, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx.checkpoint"
    script = (
        "import math, os, signal, sys; from pathlib import Path\n"
        "from tests.test_fit import KILLED, scratch, waves\n"
        "def kill(epoch, _):\n"
        f"    if epoch and {moment}:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "scratch(waves(4, 50), plan=KILLED, members=2, checkpoint=Path(sys.argv[1]), progress=kill)\n"
    )
    root = Path(__file__).parent.parent
    environment = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'src'}"}
    killed = subprocess.run([sys.executable, "-c", script, str(path)], env=environment, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL and path.exists()
    resumed = scratch(waves(4, 50), plan=KILLED, members=2, checkpoint=path, resume=True)
    assert not path.exists()
    assert fingerprint(resumed) == fingerprint(scratch(waves(4, 50), plan=KILLED, members=2))


def test_stopped_while_it_trains_once_more_it_ends_with_the_same_weights(tmp_path: Path) -> None:
    path, plan = tmp_path / "c", replace(QUICK, members=1)

    def stop(epoch: Epoch | None, _: float) -> None:
        if epoch and math.isnan(epoch.validation_loss):  # nothing is held out any more
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scratch(waves(4, 50), plan=plan, members=2, checkpoint=path, progress=stop)
    resumed = scratch(waves(4, 50), plan=plan, members=2, checkpoint=path, resume=True)
    assert fingerprint(resumed) == fingerprint(scratch(waves(4, 50), plan=plan, members=2))


def test_as_many_members_as_there_was_time_for_go_on_after_a_stop(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path, options = tmp_path / "c", {"plan": replace(QUICK, members=3), "max_steps": 6, "time_limit": 600.0}
    panel = waves(4, 50)

    def stop(epoch: Epoch | None, _: float) -> None:
        if epoch and math.isnan(epoch.validation_loss):  # trains once more
            raise KeyboardInterrupt

    # Time for one.
    monkeypatch.setattr(trainings_module, "makespan", lambda seconds, _: 1e9 if len(seconds) > 1 else 0.0)
    whole = scratch(panel, **options)
    with pytest.raises(KeyboardInterrupt):
        scratch(panel, checkpoint=path, progress=stop, **options)
    monkeypatch.undo()  # time for all
    resumed = scratch(panel, checkpoint=path, resume=True, **options)
    assert resumed.provenance["members"] == whole.provenance["members"] == 1
    assert fingerprint(resumed) == fingerprint(whole)


def test_an_interrupt_while_steps_are_timed_ends_all_trainings() -> None:
    clock, panel, plan = Clock(None), waves(4, 60), replace(QUICK, max_steps=10**9)
    kinds = ways_to_begin(panel, 8, "scratch", {"hidden_size": 8})
    material = Material.of(panel, 8, 12, plan, kinds, CPU)
    trainings = Trainings(material, plan, kinds, clock, FitCheckpoint.open(None, "", resume=False), None)
    others = trainings._of(kinds, 1, everything=False)

    def task(one: object) -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trainings._together(task, others)
    assert clock.is_stopped


def test_what_is_kept_of_a_training_stays_as_it_was_while_that_goes_on(tmp_path: Path) -> None:
    panel, plan, clock = waves(4, 50), FitPlan(max_steps=200, batch_values=1000), Clock(None)
    (kind,) = ways_to_begin(panel, 8, "scratch", {"hidden_size": 8})
    samples = Material.of(panel, 8, 12, plan, [kind], CPU).samples(kind.config, everything=False)

    def course() -> Course:
        return Course(kind.name, PatchLSTM(kind.config), plan, knows=False, seed=0, peak=1e-3, horizon=8)

    path, killed = tmp_path / "c", course()
    killed.begin(samples, 0.0, clock)
    FitCheckpoint(path, "").keep("mine", killed, clock, 200, finished=False)
    written, _ = load_checkpoint(path)
    saved, resumed = FitCheckpoint.open(path, "", resume=True), course()
    saved.restore("mine", resumed)
    resumed.begin(samples, 0.0, clock)
    assert resumed.step > killed.step
    saved.keep("another's", course(), clock, 200, finished=False)  # which is at the end of an epoch before
    tensors, facts = load_checkpoint(path)
    assert facts["trainings"]["mine"]["step"] == killed.step
    assert all(torch.equal(tensor, tensors[name]) for name, tensor in written.items())


def test_without_time_to_train_once_more_what_was_validated_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def end_the_time(epoch: Epoch | None, _: float) -> None:
        if epoch and epoch.step == 6:
            monkeypatch.setattr(course_module, "FOR_TRAINING", 0.0)

    trained = scratch(waves(4, 60), plan=replace(QUICK, members=1), max_steps=6, time_limit=600, progress=end_the_time)
    assert trained.notes[-1] == "no time to train once more on everything: what was validated is kept"
    monkeypatch.undo()
    assert fingerprint(trained) == fingerprint(scratch(waves(4, 60)))
    assert trained.provenance["members"] == 0


def test_time_is_kept_for_the_last_trainings_only_where_much_is_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Trainings, "_begin", lambda _, trainings, __: [0.1] * len(trainings))
    monkeypatch.setattr(Trainings, "_validate", lambda *_: 0.0)
    monkeypatch.setattr(Clock, "seconds", 0.0)

    def steps(panel: Panel, **options: int) -> int:
        plan = replace(FitPlan(), **options)  # type: ignore[arg-type]
        kinds = ways_to_begin(panel, 8, "scratch", {"hidden_size": 8})
        material = Material.of(panel, 8, 12, plan, kinds, CPU)
        nothing_saved = FitCheckpoint.open(None, "", resume=False)
        planned = Trainings(material, plan, kinds, Clock(None), nothing_saved, None).within(20.0)
        assert planned is not None
        return planned.plan.max_steps

    in_all = BUDGET * 20.0 / 0.1
    assert steps(waves(4, 400)) == pytest.approx(in_all, abs=2)
    assert steps(waves(4, 40)) == pytest.approx(in_all / 2, abs=2)  # a fifth of it, and more, is held out
    assert steps(waves(4, 400), members=1) == pytest.approx(in_all / 2, abs=2)  # asked for
    # From two thirds of the steps on both have the same.
    assert steps(waves(4, 400), max_steps=100) == pytest.approx(in_all / 2, abs=2)
    assert steps(waves(4, 400), max_steps=150) == 150


def test_no_training_is_begun_that_would_not_end_in_time() -> None:
    def a_slow_machine(epoch: Epoch | None, _: float) -> None:
        if epoch:
            time.sleep(1.0)  # in the thread that listens, beside the training itself

    plan = replace(QUICK, members=None, max_steps=2, epochs=2)
    trained = scratch(waves(4, 60), plan=plan, time_limit=600)
    assert trained.provenance["members"] == 1
    trained = scratch(waves(4, 60), plan=plan, max_steps=2, time_limit=2.0, progress=a_slow_machine)
    assert trained.provenance["members"] == 0 and len(trained.provenance["trainings"]) == 1


def test_a_checkpoint_of_other_data_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c"

    def stop(epoch: Epoch | None, _: float) -> None:
        if epoch:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scratch(waves(4, 50), checkpoint=path, progress=stop)
    with pytest.raises(ConfigError, match="belongs to a fit with other data or options"):
        scratch(waves(4, 50, seed=1), checkpoint=path, resume=True)
    with pytest.raises(ConfigError, match="give checkpoint=PATH"):
        scratch(waves(4, 50), resume=True)


def test_a_full_disk_leaves_the_checkpoint_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, whole = tmp_path / "c", checkpoint_module.save_file

    def room_for_one(*arguments: object) -> None:
        if path.exists():
            raise SafetensorError("I/O error: No space left on device (os error 28)")  # what it raises itself
        whole(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(checkpoint_module, "save_file", room_for_one)
    with pytest.raises(OSError, match="No space left"):
        scratch(waves(4, 50), checkpoint=path)
    tensors, facts = load_checkpoint(path)
    assert facts["trainings"]["0.0.0"]["step"] == 3
    monkeypatch.undo()
    for broken, told in (
        ({name: one for name, one in tensors.items() if "averaged" not in name}, "averaged"),
        ({name: one for name, one in tensors.items() if "optimizer" not in name}, "the state of the optimizers"),
    ):
        checkpoint_module.save_checkpoint(tmp_path / "broken", broken, facts)
        with pytest.raises(ModelError, match=f"lacks what a training goes on from.*{told}"):
            scratch(waves(4, 50), checkpoint=tmp_path / "broken", resume=True)
    (tmp_path / "broken").unlink()
    assert [entry.name for entry in tmp_path.iterdir()] == ["c"]


# Side by side


@pytest.fixture
def two_cores() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("two_cores")
def test_beside_another_a_training_comes_to_the_weights_it_comes_to_alone() -> None:
    both = fingerprint(scratch(waves(4, 50), members=2))
    torch.set_num_threads(1)
    assert fingerprint(scratch(waves(4, 50), members=2)) == both


@pytest.mark.usefixtures("two_cores")
def test_an_error_in_one_training_ends_the_others_and_reaches_the_caller() -> None:
    begun, stopped = threading.Event(), threading.Event()

    def goes_on(report: Callable[[object], None]) -> None:
        report("begun")
        begun.set()
        assert stopped.wait(60)

    def fails(_: Callable[[object], None]) -> None:
        assert begun.wait(60)
        raise MemoryError("no more")

    heard: list[object] = []
    with pytest.raises(MemoryError, match="no more"):
        run_all([goes_on, fails], CPU, heard.append, lambda: None, stopped.set)
    assert stopped.is_set() and heard == ["begun"] and torch.get_num_threads() == 2


def test_while_no_epoch_ends_the_caller_is_told_that_trainings_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "BEAT", 0.01)
    told = threading.Event()

    def goes_on(report: Callable[[object], None]) -> None:
        assert told.wait(60)
        report("done")

    heard: list[object] = []
    run_all([goes_on], CPU, heard.append, told.set, lambda: None)
    assert told.is_set() and heard == ["done"]


def test_progress_tells_of_every_epoch_and_of_the_time_between_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "BEAT", 1e-4)
    told: list[tuple[Epoch | None, float]] = []
    trained = scratch(waves(4, 60), plan=replace(QUICK, members=1), progress=lambda *one: told.append(one))
    epochs, shares = zip(*told, strict=True)
    assert told[0] == (None, 0.0) and None in epochs[1:]
    assert [epoch for epoch in epochs if epoch] == list(trained.history)
    assert list(shares) == sorted(shares) and shares[-1] == 1.0


@pytest.mark.usefixtures("two_cores")
def test_an_interrupt_ends_a_fit_between_two_steps(tmp_path: Path) -> None:
    plan = replace(KILLED, max_steps=100_000)
    path = tmp_path / "c"

    def interrupt(epoch: Epoch | None, _: float) -> None:
        if epoch:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scratch(waves(4, 50), plan=replace(plan, epochs=10_000), members=2, checkpoint=path, progress=interrupt)
    assert not any(facts["finished"] for facts in load_checkpoint(path)[1]["trainings"].values())


def test_tasks_are_done_when_the_last_worker_is() -> None:
    assert makespan([3.0, 1.0, 1.0, 1.0], 2) == 3.0
    assert makespan([1.0, 1.0, 3.0], 2) == 4.0
    assert makespan([], 2) == 0.0


# A loss that breaks


@pytest.mark.parametrize("broken", [{4}, {4, 6}], ids=["once", "twice"])
def test_a_loss_that_is_not_a_number_is_met_by_going_back_with_half_the_rate(
    broken: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = iter(range(1000))
    whole = course_module.every_origin_loss

    def breaks(*arguments: object) -> torch.Tensor:
        loss = whole(*arguments)  # type: ignore[arg-type]
        return loss * math.nan if next(calls) in broken else loss

    monkeypatch.setattr(course_module, "every_origin_loss", breaks)
    trained = scratch(waves(4, 50))
    told = f"went back to the last good epoch {len(broken)} times, each time with half"
    assert any(told in note for note in trained.notes)
    assert np.isfinite(fingerprint(trained)).all()
    assert [epoch.step for epoch in trained.history] == [3, 6]


def test_a_loss_that_stays_broken_saves_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = course_module.every_origin_loss
    monkeypatch.setattr(course_module, "every_origin_loss", lambda *a: whole(*a) * math.inf)
    with pytest.raises(DataError, match="never gave a finite loss"):
        scratch(waves(4, 50))
    kept = fit(waves(4, 50), 8, start=str(shipped_path()), season_length=12, plan=QUICK)
    assert any("kept as they were" in note for note in kept.notes)


# What is drawn, and what is held out


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


def test_the_unit_of_validation_is_the_seasonal_change_or_that_from_step_to_step() -> None:
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


def test_where_not_all_series_can_be_looked_at_each_window_of_them_is_as_often() -> None:
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


def test_where_the_few_series_of_an_epoch_tell_nothing_all_are_looked_at() -> None:
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


def test_of_few_long_series_more_is_held_out() -> None:
    assert held_windows(waves(8, 7500), 30, 3, 200).tolist() == [25] * 8
    assert held_windows(waves(8, 3000), 30, 3, 200).tolist() == [10] * 8  # a tenth
    assert held_windows(waves(100, 3000), 30, 3, 200).tolist() == [3] * 100


@settings(max_examples=30)
@given(st.lists(st.integers(SHORTEST, 500), min_size=1, max_size=40), st.integers(0, 9))
def test_a_batch_holds_series_of_like_length_and_hardly_any_padding(lengths: list[int], seed: int) -> None:
    panel = panel_of(*(np.arange(length) + 1.0 for length in lengths))
    nothing = np.zeros(len(lengths), np.int64)
    samples = Samples.of(panel, nothing, np.zeros((len(lengths), 3), np.int64), TINY, 8, CPU)
    drawn, seasons = samples.draw(3000, torch.Generator().manual_seed(seed))
    observed = (~drawn.isnan()).sum(1)
    assert drawn.shape[1] <= TINY.context_length + TINY.horizon and len(drawn) == len(seasons) >= 4
    assert (observed * BUCKET_GROWTH >= (1 - LATE) * drawn.shape[1] - 1).all() and (observed >= SHORTEST).all()
    assert not drawn[:, 0].isnan().any()


def test_a_series_that_one_window_holds_is_read_from_different_values_on() -> None:
    panel = panel_of(*(np.arange(90.0) for _ in range(40)))
    samples = Samples.of(panel, np.zeros(40, np.int64), np.zeros((40, 3), np.int64), TINY, 8, CPU)
    drawn, _ = samples.draw(90 * 40, torch.Generator().manual_seed(0))
    firsts = drawn[:, 0]
    assert firsts.min() < 5 and 14 < firsts.max() <= 18 and len(firsts.unique()) > 10
    assert (drawn.nan_to_num(-1).amax(1) == 89).all()  # the newest values are in every window


def test_a_network_of_its_own_suits_the_panel() -> None:
    assert own_config(waves(3, 900), 48, {}).patch_length == 16
    short = own_config(waves(3, 30), 4, {"cell": "rnn"})
    assert (short.patch_length, short.horizon, short.context_length, short.cell) == (4, 4, 32, "rnn")


# Panels that are hard or hopeless


def sparse(share: float) -> Panel:
    panel = waves(6, 200)
    missing = np.random.default_rng(0).random(len(panel.values)) < share
    return replace(panel, values=np.where(missing, np.nan, panel.values))


@pytest.mark.parametrize(
    "panel",
    [
        sparse(0.9),
        waves(1, 60),
        panel_of(np.full(50, 3.0), np.sin(np.arange(50.0))),
        panel_of(*(np.full(40, np.nan) if index % 2 else np.sin(np.arange(40.0)) for index in range(200))),
        panel_of(np.arange(13.0), np.arange(3.0), np.sin(np.arange(100.0))),
        panel_of(np.sin(np.arange(60.0)) * 1e-30, np.sin(np.arange(60.0)) * 1e30 + 1e33),
    ],
    ids=["90 % missing", "one series", "one constant", "half empty", "mostly too short", "extreme units"],
)
def test_hard_panels_give_a_model_with_finite_forecasts(panel: Panel) -> None:
    trained = scratch(panel)
    longest = panel.select(np.array([int(np.argmax([np.isfinite(one).sum() for one in panel]))]))
    assert np.isfinite(forecasts(trained, longest)).all()


def test_a_panel_of_constants_keeps_the_shipped_weights_and_from_nothing_is_refused() -> None:
    constant = panel_of(np.full(50, 3.0), np.full(50, 4.0))
    kept = fit(constant, 8, plan=QUICK)
    assert any("nothing to tell a good forecast from a bad one" in note for note in kept.notes)
    with pytest.raises(DataError, match="nothing to tell a good forecast from a bad one"):
        scratch(constant)


def test_too_little_memory_is_said_before_anything_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 5e8)
    with pytest.raises(DataError, match=r"3 series with 90 steps needs about 0\.6 GB of memory, and 0\.5 GB are free"):
        fit(waves(3, 30), 4, plan=QUICK)
    monkeypatch.setattr(memory, "free_memory", lambda: 5e9)
    with pytest.raises(ConfigError, match=r"training 120,051,200,000 weights needs about .* and 5\.0 GB are free"):
        fit(waves(3, 30), 4, hidden_size=100_000, plan=QUICK)


def test_limits_of_a_container_and_of_those_around_it_count(tmp_path: Path) -> None:
    inner = tmp_path / "job" / "step"
    inner.mkdir(parents=True)
    for place, limit, used, stat in ((inner, "max", 1, ""), (inner.parent, 3000, 2000, "anon 1\ninactive_file 500\n")):
        (place / "memory.max").write_text(f"{limit}\n")
        (place / "memory.current").write_text(f"{used}\n")
        (place / "memory.stat").write_text(stat)
    assert memory.left_by_groups(tmp_path, "/job/step") == [1500.0]
    assert memory.left_by_groups(tmp_path, "/") == []


def test_memory_is_asked_for_every_network_of_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 0.9e9)
    network = PatchLSTM(replace(TINY, hidden_size=512))
    one = Kind("one network", network.config, (network,))
    memory.check_memory(waves(3, 30), QUICK, [one], CPU)
    with pytest.raises(ConfigError, match=r"training 6,324,224 weights needs about 1\.0 GB"):
        memory.check_memory(waves(3, 30), QUICK, [replace(one, starts=(network, network))], CPU)


@pytest.mark.parametrize(
    ("panel", "horizon", "options", "error", "message"),
    [
        (waves(3, 10), 10, {}, DataError, "no series is long enough to train on: the longest has 10 steps"),
        (waves(3, 30), 0, {}, ConfigError, "horizon 0: expected a whole number from 1"),
        (waves(3, 30), 4, {"time_limit": -1}, ConfigError, "time_limit -1"),
        (waves(3, 30), 4, {"time_limit": math.inf}, ConfigError, "time_limit inf: expected seconds"),
        (waves(3, 9000), 8200, {}, ConfigError, "horizon 8200: with the shipped weights at most 8,192 steps"),
        (waves(3, 30), 4, {"max_steps": 0}, ConfigError, "max_steps 0: expected a whole number from 1"),
        (waves(3, 30), 4, {"intervals": "wide"}, ConfigError, "intervals 'wide': expected model or conformal"),
        (waves(3, 30), 4, {"members": -1}, ConfigError, "members -1: expected a whole number from 0"),
        (waves(3, 30), 4, {"device": "abacus"}, ConfigError, "device 'abacus' cannot be used"),
        (waves(3, 30), 4, {"device": "meta"}, ConfigError, "device 'meta' cannot be used"),
        (waves(3, 30), 4, {"device": None}, ConfigError, "device None cannot be used"),
        (waves(3, 30), 4, {"time_limit": "3"}, ConfigError, "time_limit '3': expected seconds"),
        (waves(3, 30), 4, {"start": "scratch", "cell": "gru"}, ConfigError, "cell 'gru' is not known"),
        (waves(3, 30), 4, {"start": "nowhere.onnx"}, FileNotFoundError, "no model file at nowhere.onnx"),
    ],
)
def test_what_cannot_be_fitted_is_refused(
    panel: Panel, horizon: int, options: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        fit(panel, horizon, plan=QUICK, **options)  # type: ignore[arg-type]


def test_a_file_that_holds_another_network_than_is_asked_for_is_refused() -> None:
    with pytest.raises(ConfigError, match="holds another network than"):
        fit(waves(3, 60), 4, start=str(shipped_path()), cell="rnn", plan=QUICK)
