"""`fit`: what it trains, what it keeps, and how it handles a NaN loss or a hopeless panel."""

from __future__ import annotations

import copy
import itertools
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.fitting import CPU, QUICK, TINY, fingerprint, forecasts, scratch, waves
from tests.panels import panel_of
from tidegate.errors import ConfigError, DataError
from tidegate.forecasting.model import ModelFile, shipped_path
from tidegate.network.causal import logarithms
from tidegate.network.patch_lstm import PatchLSTM
from tidegate.series.panel import Panel
from tidegate.training import every_origin as origin_module
from tidegate.training import network_shape
from tidegate.training import training_run as run_module
from tidegate.training.evidence import WORTHWHILE_GAIN, as_good, careful_gain, least_gain
from tidegate.training.fit import Trained, fit
from tidegate.training.fit_data import FitData
from tidegate.training.plan import FitPlan
from tidegate.training.samples import HeldOut, hold_out
from tidegate.training.selection import Candidate, Group, choose, ensemble
from tidegate.training.starting_points import StartingPoint, starting_points
from tidegate.training.training_run import Clock, TrainingRun, naive_mase, winsorised
from tidegate.training.trainings import Trainings

# What is trained and kept


@pytest.mark.parametrize("cell", ["lstm", "peephole", "rnn"])
def test_every_cell_is_trained_and_its_file_forecasts_the_same(cell: str, tmp_path: Path) -> None:
    panel = waves(6, 60)
    trained = scratch(panel, cell=cell)
    assert [network.config.cell for network in trained.networks] == [cell]
    assert [epoch.step for epoch in trained.history] == [3, 6]
    assert all(np.isfinite([epoch.loss, epoch.validation_loss]).all() for epoch in trained.history)
    trained.model.save(tmp_path / "m.onnx")
    np.testing.assert_array_equal(forecasts(trained, panel), forecasts(ModelFile.load(tmp_path / "m.onnx"), panel))


def test_training_on_waves_learns_them() -> None:
    plan = FitPlan(max_steps=40, epochs=4, batch_values=2000, members=0)
    trained = fit(waves(20, 120), 12, start="scratch", hidden_size=16, season_length=12, plan=plan)
    assert trained.history[-1].loss < trained.history[0].loss
    # In units of the change from one season to the next, which is all noise: 0.113 on average; 1 is seasonal naive, and
    # the wave itself would be 0.71.
    assert trained.history[3].validation_mase < 1.0


def test_auto_trains_the_shipped_weights_and_an_own_network_and_notes_what_it_kept() -> None:
    trained = fit(waves(8, 150), 8, season_length=12, plan=QUICK)
    names = {epoch.training for epoch in trained.history}
    assert names == {"the shipped weights", "a network trained from scratch (lstm, 2 x 128)"}
    assert any(note.startswith("kept ") for note in trained.notes)
    assert set(trained.provenance["kept"]) <= names and trained.provenance["max_steps"] == 6


def test_the_note_on_the_choice_compares_it_with_seasonal_naive() -> None:
    note = scratch(panel := waves(8, 60)).notes[0]
    histories, actuals = [one[:-8] for one in panel], [one[-8:] for one in panel]
    errors = [np.abs(actual - history[-12:-4]).mean() for history, actual in zip(histories, actuals, strict=True)]
    scales = [np.abs(history[12:] - history[:-12]).mean() for history in histories]
    last = hold_out(panel, np.ones(8, np.int64), 8, np.tile([12, 0, 0], (8, 1)), 64, 10_000, CPU)
    assert naive_mase(last) == pytest.approx(np.mean(np.divide(errors, scales)))
    assert re.search(
        r"MASE \d\.\d+ on 24 validation windows, up to 3 per series, compared with \d\.\d+ for seasonal naive$", note
    )
    no_season = hold_out(panel, np.ones(8, np.int64), 8, np.zeros((8, 3), np.int64), 64, 10_000, CPU)
    errors = [np.abs(actual - history[-1]).mean() for history, actual in zip(histories, actuals, strict=True)]
    scales = [np.abs(np.diff(history)).mean() for history in histories]
    assert naive_mase(no_season) == pytest.approx(np.mean(np.divide(errors, scales)))


def test_fine_tuning_a_fitted_model_notes_that_it_may_have_seen_the_held_out_windows(tmp_path: Path) -> None:
    scratch(waves(4, 50)).model.save(tmp_path / "first.onnx")
    again = fit(waves(4, 50), 8, start=str(tmp_path / "first.onnx"), season_length=12, plan=QUICK)
    assert again.notes[0].startswith("the weights of first.onnx come from a fit")
    assert not any("come from a fit" in note for note in fit(waves(4, 50), 8, season_length=12, plan=QUICK).notes)


def test_the_last_of_several_indistinguishable_epochs_is_kept() -> None:
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


def test_the_shipped_model_may_be_named_as_for_a_forecast() -> None:
    panel, plan = waves(4, 50), replace(QUICK, max_steps=2, epochs=1)
    named, by_path = (
        fit(panel, 8, start=start, season_length=12, plan=plan) for start in ("default", str(shipped_path()))
    )
    assert [one["of"] for one in named.provenance["trainings"]] == ["the shipped weights"]
    np.testing.assert_array_equal(forecasts(named, panel), forecasts(by_path, panel))


@pytest.mark.parametrize(("start", "kept"), [("scratch", 6), (str(shipped_path()), 3)])
def test_pretrained_weights_keep_their_best_epoch(start: str, kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    epochs = itertools.count()

    def no_worse_as_far_as_one_can_tell(_: PatchLSTM, part: HeldOut) -> tuple[torch.Tensor, float]:
        epoch = next(epochs)
        noise = 0.3 * min(epoch, 1) * np.resize([1.0, -1.0], len(part.actual))
        return torch.tensor(1 + 0.005 * epoch + noise), 1.0

    monkeypatch.setattr(run_module, "validate", no_worse_as_far_as_one_can_tell)
    (training,) = fit(waves(4, 50), 8, start=start, season_length=12, plan=QUICK).provenance["trainings"]
    assert training["kept_step"] == kept


@pytest.mark.parametrize(("start", "steps"), [("scratch", 16), (str(shipped_path()), 6)])
def test_early_stopping_spares_the_first_half_of_a_training_from_scratch(
    start: str, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([1.0, 2.0, 2.0, 0.9, 0.8, 0.7, 0.6, 0.5])
    monkeypatch.setattr(run_module, "validate", lambda _, part: (torch.full((len(part.actual),), next(losses)), 1.0))
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


def test_the_own_network_reads_logarithms_of_positive_series_that_swing() -> None:
    panel = swelling(20, 100)
    shipped, own = starting_points(panel, 8, "auto", {})
    assert (shipped.config.log_unit, own.config.log_unit) == (0, pytest.approx(0.5 * panel.values.min()))
    assert own.name.endswith("on logarithms")
    with_a_zero = replace(panel, values=np.append(panel.values[:-1], 0.0))
    hardly_moving = replace(panel, values=1e4 + panel.values)
    for other in (with_a_zero, hardly_moving, growth_that_ends(20), panel_of(np.full(20, 3.0)), panel_of([1.0, 2.0])):
        own = starting_points(other, 8, "auto", {})[1]
        assert own.config.log_unit == 0 and not own.name.endswith("on logarithms")
    assert starting_points(panel, 8, "scratch", {})[0].config.log_unit == 0
    for constant in (1.0, 3.0, 0.3):  # series that say nothing do not count, whatever their logarithm rounds to
        with_constants = panel_of(*panel, *(np.full(100, constant) for _ in range(30)))
        assert starting_points(with_constants, 8, "auto", {})[1].config.log_unit > 0


def test_a_network_of_logarithms_forecasts_series_that_fall_to_zero_or_below() -> None:
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


def test_a_cell_that_the_shipped_weights_lack_is_trained_from_scratch() -> None:
    trained = fit(waves(4, 60), 8, cell="rnn", hidden_size=8, plan=QUICK)
    assert {epoch.training for epoch in trained.history} == {"a network trained from scratch (rnn, 2 x 8)"}


def test_members_are_averaged_level_by_level_in_one_file(tmp_path: Path) -> None:
    panel = waves(4, 60)
    trained = scratch(panel, members=2)
    assert len(trained.networks) == 2
    alone = [forecasts(replace(trained, networks=(network,)), panel) for network in trained.networks]
    assert not np.allclose(alone[0], alone[1])
    np.testing.assert_allclose(forecasts(trained, panel), np.mean(alone, axis=0), rtol=1e-6, atol=1e-9)
    trained.model.save(tmp_path / "m.onnx")
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


def test_each_starting_point_has_the_same_share_however_many_members_it_has(tmp_path: Path) -> None:
    torch.manual_seed(0)
    panel = waves(3, 200)
    start, *members = (PatchLSTM(TINY).eval() for _ in range(4))
    groups = [Group(StartingPoint("shipped", TINY, (start,)), [start]), Group(StartingPoint("own", TINY), members)]
    networks, shares = zip(*ensemble(groups, {0: 0.0, 1: 1.0}), strict=True)
    assert networks == (start, *members) and shares == pytest.approx((1 / 2, 1 / 6, 1 / 6, 1 / 6))
    trained = Trained(networks, (), (), {}, shares=shares)
    alone = [forecasts(Trained((network,), (), (), {}), panel) for network in networks]
    expected = 0.5 * alone[0] + 0.5 * np.mean(alone[1:], axis=0)
    np.testing.assert_allclose(forecasts(trained, panel), expected, rtol=1e-6, atol=1e-9)
    trained.model.save(tmp_path / "m.onnx")
    further = replace(QUICK, max_steps=1, epochs=1, transfer_rate=0.0, blends=(1.0,))
    again = fit(panel, 8, start=str(tmp_path / "m.onnx"), season_length=12, plan=further)  # keeps the shares
    np.testing.assert_allclose(forecasts(again, panel), expected, rtol=1e-6, atol=1e-9)


def test_fine_tuning_a_file_gives_each_network_the_values_or_logarithms_that_it_reads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    panel = panel_of(*(100 + 50 * np.sin(np.arange(200) / 2 + shift) for shift in range(3)))
    networks = tuple(PatchLSTM(config).eval() for config in (TINY, replace(TINY, log_unit=10.0)))
    Trained(networks, (), (), {}).model.save(tmp_path / "both.onnx")
    largest: dict[float, float] = {}
    whole = run_module.every_origin_loss

    def seen(network: PatchLSTM, values: torch.Tensor, *rest: object) -> torch.Tensor:
        largest[network.config.log_unit] = max(
            largest.get(network.config.log_unit, -math.inf), float(values.nan_to_num().max())
        )
        return whole(network, values, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(run_module, "every_origin_loss", seen)
    fit(panel, 8, start=str(tmp_path / "both.onnx"), season_length=12, plan=QUICK)
    assert largest[0.0] == pytest.approx(150, rel=0.01)
    assert largest[10.0] == pytest.approx(float(logarithms(torch.tensor(150.0), 10.0)), rel=0.01)


def test_long_horizons_are_trained_with_masked_patches_up_to_the_horizon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blocks: list[int] = []
    whole = origin_module.masked_steps

    def seen(network: PatchLSTM, *rest: object) -> object:
        read = whole(network, *rest)  # type: ignore[arg-type]
        blocks.append(0 if read is None else read.output.shape[1])
        return read

    monkeypatch.setattr(origin_module, "masked_steps", seen)
    monkeypatch.setattr(network_shape, "LONGEST_HORIZON", 32)
    monkeypatch.setattr(network_shape, "LONGEST_CONTEXT", 32)
    scratch(waves(3, 400), 80, plan=replace(QUICK, max_steps=30, epochs=1))
    assert max(blocks) >= 2  # 32 steps at once, and two blocks of masked patches to the 80th
    assert np.mean(np.array(blocks) > 0) > 0.3  # where the origin leaves room


def test_winsorising_caps_an_extreme_error_and_leaves_usual_ones_alone() -> None:
    rows = torch.arange(1.0, 101.0)
    assert torch.equal(winsorised(rows), rows)
    launch = torch.cat([rows, torch.tensor([1e5, math.nan])])
    usual = float(torch.cat([rows, torch.tensor([1e5])]).quantile(0.9))
    assert winsorised(launch)[100] == pytest.approx(20 * usual) and torch.equal(winsorised(launch)[:100], rows)
    assert winsorised(launch)[101].isnan()
    mostly_exact = torch.tensor([0.0] * 19 + [7.0])
    assert torch.equal(winsorised(mostly_exact), mostly_exact)  # no usual error to measure by


def test_options_replace_those_of_the_plan_only_if_given(tmp_path: Path) -> None:
    plan = replace(QUICK, seed=7, intervals="conformal")
    told = scratch(waves(4, 60), plan=plan).provenance["plan"]
    assert (told["seed"], told["intervals"]) == (7, "conformal")
    told = scratch(waves(4, 60), plan=plan, seed=0, intervals="model").provenance["plan"]
    assert (told["seed"], told["intervals"]) == (0, "model")


def test_weights_that_are_kept_unchanged_keep_their_calibration(tmp_path: Path) -> None:
    factors = (1.2, 1.1, 1.0, 1.0, 1.0, 1.0)
    Trained((PatchLSTM(TINY).eval(),), (), (), {}, factors).model.save(tmp_path / "m.onnx")
    constant = panel_of(np.full(50, 3.0), np.full(50, 4.0))
    assert fit(constant, 8, start=str(tmp_path / "m.onnx"), plan=QUICK).calibration == factors


def test_a_fit_leaves_the_callers_random_state_alone() -> None:
    before = torch.get_rng_state()
    scratch(waves(4, 60))
    assert torch.equal(torch.get_rng_state(), before)


def test_where_the_shipped_weights_are_kept_the_note_says_how_to_keep_an_own_network() -> None:
    trained = fit(waves(5, 40), 8, plan=replace(QUICK, max_steps=2, epochs=1))
    (note,) = (note for note in trained.notes if note.startswith("kept the shipped weights unchanged"))
    assert note.endswith("; start='scratch' (--start scratch) keeps a network of your own all the same")


def test_fine_tuning_that_ruins_the_weights_is_discarded() -> None:
    panel = waves(5, 40)
    plan = replace(QUICK, max_steps=2, epochs=1, transfer_rate=5.0, warmup=1)  # a rate that ruins any network
    trained = fit(panel, 8, start=str(shipped_path()), season_length=12, plan=plan)
    assert any(note.startswith("kept the weights of ") and "unchanged" in note for note in trained.notes)
    told = "no trained network was reliably better, which with only 200 values means by 13.9 % or more"
    assert any(note.endswith(told) for note in trained.notes)
    np.testing.assert_array_equal(forecasts(trained, panel), forecasts(ModelFile.load(), panel))


def test_the_choice_is_retrained_on_all_data() -> None:
    trained = scratch(waves(4, 60), plan=replace(QUICK, members=1))
    assert trained.notes[-1] == "retrained on all data, to the same number of steps"
    first, second = trained.provenance["trainings"]
    assert second["steps"] == first["kept_step"]
    assert fingerprint(trained) != fingerprint(scratch(waves(4, 60)))


def test_every_member_of_the_choice_is_retrained() -> None:
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


def test_a_candidate_needs_a_smaller_loss_and_a_median_that_is_hardly_worse() -> None:
    panel = waves(4, 100)
    part = hold_out(panel, np.full(4, 3), 8, np.zeros((4, 3), np.int64), 64, 100_000, CPU)

    def candidate(blend: float, loss: float, mase: float) -> Candidate:
        return Candidate({0: blend}, torch.zeros(12, 8, 3), np.full(12, loss), mase)

    start, slightly, much = candidate(0.0, 1.0, 1.0), candidate(0.5, 0.998, 0.9), candidate(1.0, 0.9, 0.99)
    assert choose([start, slightly], part, WORTHWHILE_GAIN) is start  # 0.2 % are not worth it
    assert choose([start, slightly, much], part, WORTHWHILE_GAIN) is much
    as_accurate, worse = replace(much, mase=1.009), replace(much, mase=1.011)
    assert choose([start, as_accurate], part, WORTHWHILE_GAIN) is as_accurate
    assert choose([start, worse], part, WORTHWHILE_GAIN) is start
    assert choose([start, worse, candidate(0.25, 0.95, 0.98)], part, WORTHWHILE_GAIN).blends == {0: 0.25}
    mean = replace(candidate(0.5, 0.905, 0.99), blends={0: 0.5, 1: 1.0})
    assert (
        choose([start, much, mean], part, WORTHWHILE_GAIN) is mean
    )  # as good but for half a percent, and it varies less
    assert choose([start, much, replace(mean, losses=np.full(12, 0.92))], part, WORTHWHILE_GAIN) is much


def test_a_small_panel_needs_a_larger_gain() -> None:
    assert least_gain(100) == pytest.approx(0.3) and least_gain(1000) == pytest.approx(0.03)
    assert least_gain(10**9) == least_gain(6000) == WORTHWHILE_GAIN
    panel = panel_of(np.where(np.arange(100) < 60, np.nan, 1.0), np.arange(30.0))
    starts = starting_points(panel, 5, "scratch", {})
    assert FitData.of(panel, 5, None, QUICK, starts, CPU).known_values == 70


def test_the_doubt_of_independent_rows_is_the_standard_error() -> None:
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


# A loss that breaks


@pytest.mark.parametrize("broken", [{4}, {4, 6}], ids=["once", "twice"])
def test_a_nan_loss_goes_back_to_the_last_good_epoch_with_half_the_learning_rate(
    broken: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = iter(range(1000))
    whole = run_module.every_origin_loss

    def breaks(*arguments: object) -> torch.Tensor:
        loss = whole(*arguments)  # type: ignore[arg-type]
        return loss * math.nan if next(calls) in broken else loss

    monkeypatch.setattr(run_module, "every_origin_loss", breaks)
    trained = scratch(waves(4, 50))
    told = f"went back to the last good epoch {len(broken)} time{'s' * (len(broken) > 1)}, each time with half"
    assert any(told in note for note in trained.notes)
    assert np.isfinite(fingerprint(trained)).all()
    assert [epoch.step for epoch in trained.history] == [3, 6]


def test_a_training_whose_first_steps_were_timed_goes_back_to_its_start_like_any_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole, calls = run_module.every_origin_loss, itertools.count()

    def breaks(*arguments: object) -> torch.Tensor:
        loss = whole(*arguments)  # type: ignore[arg-type]
        return loss * math.nan if next(calls) == 9 else loss

    def run() -> TrainingRun:
        return TrainingRun(start.name, copy.deepcopy(network), plan, pretrained=False, seed=0, peak=1e-3, horizon=8)

    panel, plan = waves(4, 50), replace(QUICK, max_steps=100)
    (start,) = starting_points(panel, 8, "scratch", {"hidden_size": 8})
    network = PatchLSTM(start.config)
    samples = FitData.of(panel, 8, 12, plan, [start], CPU).samples(start.config, everything=False)
    losses = []
    for timed in (True, False):
        monkeypatch.setattr(run_module, "every_origin_loss", breaks)
        calls, one = itertools.count(), run()
        if timed:
            one.begin(samples, 0.0, Clock(None))
            assert one.step == 8
        one.train(samples, None, Clock(None), lambda _: None)
        assert one.retreats == 1
        losses.append([epoch.loss for epoch in one.history])
    assert losses[0] == losses[1]


def test_members_that_finish_are_kept_if_another_one_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Trainings._member

    def first_breaks(trainings: Trainings, start: StartingPoint, number: int) -> list[TrainingRun]:
        runs = whole(trainings, start, number)
        if number == 0 and trainings.runs:  # once more
            for tensor in runs[0].network.parameters():
                torch.nn.init.constant_(tensor, math.nan)
        return runs

    monkeypatch.setattr(Trainings, "_member", first_breaks)
    trained = scratch(waves(4, 50), plan=replace(QUICK, members=3))
    assert len(trained.networks) == 2 and np.isfinite(fingerprint(trained)).all()
    assert trained.notes[-1].endswith("2 of 3 retrainings finished")


def test_a_loss_that_stays_broken_saves_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run_module.every_origin_loss
    monkeypatch.setattr(run_module, "every_origin_loss", lambda *a: whole(*a) * math.inf)
    with pytest.raises(DataError, match="never gave a finite loss"):
        scratch(waves(4, 50))
    kept = fit(waves(4, 50), 8, start=str(shipped_path()), season_length=12, plan=QUICK)
    assert any("unchanged" in note for note in kept.notes)


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


def test_a_panel_of_constants_keeps_the_shipped_weights_and_is_refused_from_scratch() -> None:
    constant = panel_of(np.full(50, 3.0), np.full(50, 4.0))
    kept = fit(constant, 8, plan=QUICK)
    assert any("good and bad forecasts cannot be told apart" in note for note in kept.notes)
    with pytest.raises(DataError, match="good and bad forecasts cannot be told apart"):
        scratch(constant)


@pytest.mark.parametrize(
    ("panel", "horizon", "options", "error", "message"),
    [
        (waves(3, 10), 10, {}, DataError, "no series is long enough to train on: the longest has 10 steps"),
        (waves(3, 30), 0, {}, ConfigError, "horizon 0: expected a whole number from 1"),
        (waves(3, 30), 4, {"time_limit": -1}, ConfigError, "time_limit -1"),
        (waves(3, 30), 4, {"time_limit": math.inf}, ConfigError, "time_limit inf: expected seconds"),
        (waves(3, 9000), 8200, {}, ConfigError, "horizon 8200: the shipped weights can forecast at most 8,192"),
        (waves(3, 30), 4, {"max_steps": 0}, ConfigError, "max_steps 0: expected a whole number from 1"),
        (waves(3, 30), 4, {"plan": {"epochs": 0}}, ConfigError, "epochs 0: expected a whole number from 1"),
        (waves(3, 30), 4, {"plan": {"windows": 0}}, ConfigError, "windows 0: expected a whole number from 1"),
        (waves(3, 30), 4, {"intervals": "wide"}, ConfigError, "intervals 'wide': expected model or conformal"),
        (waves(3, 30), 4, {"members": -1}, ConfigError, "members -1: expected a whole number from 0"),
        (waves(3, 30), 4, {"device": "abacus"}, ConfigError, "device 'abacus' cannot be used"),
        (waves(3, 30), 4, {"device": "meta"}, ConfigError, "device 'meta' cannot be used"),
        (waves(3, 30), 4, {"device": None}, ConfigError, "device None cannot be used"),
        (waves(3, 30), 4, {"time_limit": "3"}, ConfigError, "time_limit '3': expected seconds"),
        (waves(3, 30), 4, {"start": "scratch", "cell": "gru"}, ConfigError, "cell 'gru' is not known"),
        (
            waves(3, 30),
            4,
            {"start": "nowhere.onnx"},
            FileNotFoundError,
            "at nowhere.onnx; .* shipped model is called default",
        ),
        (waves(3, 30), 4, {"start": "scrach"}, FileNotFoundError, "at scrach; .*; start may also be auto or scratch"),
    ],
)
def test_what_cannot_be_fitted_is_refused(
    panel: Panel, horizon: int, options: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        fit(panel, horizon, **{**options, "plan": replace(QUICK, **options.get("plan", {}))})  # type: ignore[arg-type]


def test_shape_options_that_contradict_the_start_file_are_refused() -> None:
    with pytest.raises(ConfigError, match="holds a network other than"):
        fit(waves(3, 60), 4, start=str(shipped_path()), cell="rnn", plan=QUICK)
