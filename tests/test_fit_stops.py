"""`fit` repeated with the same seed, within a time limit, resumed after a stop, and with trainings side by side."""

from __future__ import annotations

import math
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors import SafetensorError

from tests.fitting import CPU, KILLED, QUICK, fingerprint, scratch, waves
from tests.panels import panel_of
from tidegate.errors import ConfigError, ModelError
from tidegate.network.patch_lstm import PatchLSTM
from tidegate.series.panel import Panel
from tidegate.training import checkpoint as checkpoint_module
from tidegate.training import fit as fit_module
from tidegate.training import plan as plan_module
from tidegate.training import side_by_side
from tidegate.training import training_run as run_module
from tidegate.training import trainings as trainings_module
from tidegate.training.checkpoint import load_checkpoint
from tidegate.training.fit import Epoch, fit
from tidegate.training.fit_data import FitData
from tidegate.training.plan import RETRAINING_MARGIN, FitPlan, affordable_steps
from tidegate.training.resume import FitCheckpoint
from tidegate.training.side_by_side import SIDE_BY_SIDE_SLOWDOWN, expected_makespan, makespan, run_all
from tidegate.training.starting_points import starting_points
from tidegate.training.training_run import Clock, TrainingRun
from tidegate.training.trainings import Trainings

# Repeated, within a time limit, and resumed


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    a, b, c = (fingerprint(scratch(waves(4, 50), seed=seed)) for seed in (3, 3, 4))
    assert a == b != c


@pytest.fixture
def a_tenth_of_a_second_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time that passes only in training steps, so that a time limit leads to the same fit however busy the machine."""
    steps, descend = [0], run_module.descend

    def step(*args: object) -> float:
        steps[0] += 1
        return descend(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(run_module, "descend", step)
    clock = SimpleNamespace(monotonic=lambda: 0.1 * steps[0])
    for module in (fit_module, trainings_module, run_module):
        monkeypatch.setattr(module, "time", clock)


@pytest.mark.usefixtures("a_tenth_of_a_second_a_step")
def test_the_steps_that_a_time_limit_led_to_repeat_the_fit() -> None:
    panel, plan = waves(4, 50), replace(QUICK, max_steps=600, members=None)
    limited = scratch(panel, plan=plan, time_limit=6.0)
    assert 3.0 < limited.provenance["seconds"] <= 6.0
    found = limited.provenance
    again = scratch(panel, plan=plan, max_steps=found["max_steps"], members=found["members"])
    assert fingerprint(again) == fingerprint(limited)


@pytest.mark.usefixtures("a_tenth_of_a_second_a_step")
def test_the_timed_steps_are_the_first_steps_of_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, settle = [], TrainingRun.settle

    def spy(run: TrainingRun, plan: FitPlan) -> None:
        begun.append(run.step)
        settle(run, plan)

    monkeypatch.setattr(TrainingRun, "settle", spy)
    monkeypatch.setattr(plan_module, "CONSTANT_RATE_SHARE", 0.3)
    plan = replace(QUICK, max_steps=300, patience=100, members=None)
    limited = scratch(waves(4, 50), plan=plan, time_limit=20.0)
    found = limited.provenance
    assert begun and 8 <= begun[0] <= 0.3 * found["max_steps"]
    again = scratch(waves(4, 50), plan=replace(plan, max_steps=found["max_steps"], members=found["members"]))
    assert len(begun) == 1 and fingerprint(again) == fingerprint(limited)


def test_a_time_limit_counts_from_began_and_may_be_a_numpy_number() -> None:
    trained = fit(waves(4, 60), 8, season_length=12, time_limit=np.int64(30), began=time.monotonic() - 29.9)  # type: ignore[arg-type]
    assert trained.history == () and trained.provenance["plan"]["time_limit"] == 30.0


def test_a_time_limit_too_short_for_anything_keeps_the_shipped_weights() -> None:
    trained = fit(waves(4, 60), 8, season_length=12, time_limit=0.01)
    assert trained.history == () and "too short to train anything" in trained.notes[0]


@pytest.mark.parametrize("moment", ["epoch.step == 20", "math.isnan(epoch.validation_loss)"])  # NaN: the last trainings
def test_a_killed_and_resumed_fit_ends_with_the_same_weights(moment: str, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx.checkpoint"
    script = (
        "import math, os, signal, sys; from pathlib import Path\n"
        "from tests.fitting import KILLED, scratch, waves\n"
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


def test_a_fit_stopped_while_retraining_resumes_to_the_same_weights(tmp_path: Path) -> None:
    path, plan = tmp_path / "c", replace(QUICK, members=1)

    def stop(epoch: Epoch | None, _: float) -> None:
        if epoch and math.isnan(epoch.validation_loss):  # nothing is held out any more
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scratch(waves(4, 50), plan=plan, members=2, checkpoint=path, progress=stop)
    resumed = scratch(waves(4, 50), plan=plan, members=2, checkpoint=path, resume=True)
    assert fingerprint(resumed) == fingerprint(scratch(waves(4, 50), plan=plan, members=2))


def test_a_resumed_fit_retrains_the_members_that_there_was_time_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path, options = tmp_path / "c", {"plan": replace(QUICK, members=3), "max_steps": 6, "time_limit": 600.0}
    panel = waves(4, 50)

    def stop(epoch: Epoch | None, _: float) -> None:
        if epoch and math.isnan(epoch.validation_loss):  # trains once more
            raise KeyboardInterrupt

    # Time for one.
    monkeypatch.setattr(trainings_module, "expected_makespan", lambda seconds, *_: 1e9 if len(seconds) > 1 else 0.0)
    whole = scratch(panel, **options)
    with pytest.raises(KeyboardInterrupt):
        scratch(panel, checkpoint=path, progress=stop, **options)
    monkeypatch.undo()  # time for all
    resumed = scratch(panel, checkpoint=path, resume=True, **options)
    assert resumed.provenance["members"] == whole.provenance["members"] == 1
    assert fingerprint(resumed) == fingerprint(whole)


def test_an_interrupt_while_steps_are_timed_ends_all_trainings() -> None:
    clock, panel, plan = Clock(None), waves(4, 60), replace(QUICK, max_steps=10**9)
    starts = starting_points(panel, 8, "scratch", {"hidden_size": 8})
    data = FitData.of(panel, 8, 12, plan, starts, CPU)
    trainings = Trainings(data, plan, starts, clock, FitCheckpoint.open(None, "", resume=False), None)
    others = trainings._planned_runs(starts, 1, everything=False)

    def task(one: object) -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trainings._together(task, others)
    assert clock.is_stopped


def test_the_checkpointed_state_of_a_training_does_not_change_while_it_continues(tmp_path: Path) -> None:
    panel, plan, clock = waves(4, 50), FitPlan(max_steps=200, batch_values=1000), Clock(None)
    (start,) = starting_points(panel, 8, "scratch", {"hidden_size": 8})
    samples = FitData.of(panel, 8, 12, plan, [start], CPU).samples(start.config, everything=False)

    def run() -> TrainingRun:
        return TrainingRun(start.name, PatchLSTM(start.config), plan, pretrained=False, seed=0, peak=1e-3, horizon=8)

    path, killed = tmp_path / "c", run()
    killed.begin(samples, 0.0, clock)
    FitCheckpoint(path, "").keep("mine", killed, clock, 200, finished=False)
    written, _ = load_checkpoint(path)
    saved, resumed = FitCheckpoint.open(path, "", resume=True), run()
    saved.restore("mine", resumed)
    resumed.begin(samples, 0.0, clock)
    assert resumed.step > killed.step
    saved.keep("another's", run(), clock, 200, finished=False)  # which is at the end of an epoch before
    tensors, facts = load_checkpoint(path)
    assert facts["trainings"]["mine"]["step"] == killed.step
    assert all(torch.equal(tensor, tensors[name]) for name, tensor in written.items())


def test_without_time_to_retrain_the_validated_networks_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def end_the_time(epoch: Epoch | None, _: float) -> None:
        if epoch and epoch.step == 6:
            monkeypatch.setattr(run_module, "TRAINING_SHARE", 0.0)

    trained = scratch(waves(4, 60), plan=replace(QUICK, members=1), max_steps=6, time_limit=600, progress=end_the_time)
    assert trained.notes[-1] == "no time to retrain on all data: the validated networks are kept"
    monkeypatch.undo()
    assert fingerprint(trained) == fingerprint(scratch(waves(4, 60)))
    assert trained.provenance["members"] == 0


def test_time_is_kept_for_retraining_if_much_is_held_out_or_enough_steps_remain() -> None:
    def steps(held_share: float = 0.1, **options: int) -> int:
        plan = FitPlan(**options)  # type: ignore[arg-type]
        return affordable_steps(plan, seconds=18.0, once=0.1, again=0.1, held_share=held_share)

    both = int(90 * RETRAINING_MARGIN)
    assert steps() == 180
    assert steps(held_share=0.3) == both
    assert steps(members=1) == both  # was asked for
    assert steps(max_steps=124) == both  # is two thirds of them
    assert steps(max_steps=125) == 125


@pytest.mark.usefixtures("two_cores")
def test_a_training_that_was_timed_alone_takes_longer_beside_another() -> None:
    assert expected_makespan([1.0], 1, CPU) == 1.0
    assert expected_makespan([1.0, 1.0], 2, CPU) == 1.0
    assert expected_makespan([1.0, 1.0], 1, CPU) == SIDE_BY_SIDE_SLOWDOWN
    assert expected_makespan([1.0, 1.0, 1.0], 2, CPU) == 2.0


def test_no_retraining_starts_that_would_not_end_in_time() -> None:
    def a_slow_machine(epoch: Epoch | None, _: float) -> None:
        if epoch:
            time.sleep(1.0)  # in the thread that listens, beside the training itself

    plan = replace(QUICK, members=None, max_steps=2, epochs=2)
    trained = scratch(waves(4, 60), plan=plan, time_limit=600)
    assert trained.provenance["members"] == 1
    trained = scratch(waves(4, 60), plan=plan, max_steps=2, time_limit=2.0, progress=a_slow_machine)
    assert trained.provenance["members"] == 0 and len(trained.provenance["trainings"]) == 1


def test_a_resumed_fit_remembers_that_there_was_no_time_for_retraining(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path, options = tmp_path / "c", {"plan": replace(QUICK, members=2), "max_steps": 6, "time_limit": 600.0}
    monkeypatch.setattr(trainings_module, "expected_makespan", lambda *_: 1e9)
    first = scratch(waves(4, 50), checkpoint=path, keep_checkpoint=True, **options)
    monkeypatch.undo()
    again = scratch(waves(4, 50), checkpoint=path, resume=True, **options)
    assert again.provenance["members"] == first.provenance["members"] == 0
    assert re.match(r"no time to retrain on all data \(it takes about .* s, and .* s were left\)", first.notes[-1])
    assert fingerprint(again) == fingerprint(first)


def test_a_resumed_fit_does_not_count_repeated_preparations_twice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path, plan, begun, set_to = tmp_path / "c", replace(QUICK, members=1), [], []

    def stop(epoch: Epoch | None, _: float) -> None:
        if epoch and math.isnan(epoch.validation_loss):  # trains once more
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scratch(waves(4, 50), plan=plan, time_limit=600.0, checkpoint=path, progress=stop)
    seconds = load_checkpoint(path)[1]["seconds"]

    class Spied(Clock):
        def __init__(self, limit: float | None, before: float = 0.0) -> None:
            begun.append(before)
            super().__init__(limit, before)

        def set_to(self, seconds: float) -> None:
            set_to.append(seconds)
            super().set_to(seconds)

    monkeypatch.setattr(fit_module, "Clock", Spied)
    scratch(waves(4, 50), plan=plan, time_limit=600.0, checkpoint=path, resume=True)
    assert begun == [seconds]  # without the preparations of this sitting
    assert set_to == [seconds]  # nor, after it, the choice of what is trained once more


@pytest.mark.parametrize("panel", [panel_of(np.ones(40)), waves(4, 60)], ids=["constant", "no time"])
def test_a_fit_that_trains_nothing_removes_the_checkpoint(panel: Panel, tmp_path: Path) -> None:
    path = tmp_path / "c"
    path.write_bytes(b"of an earlier fit")
    trained = fit(panel, 8, season_length=12, time_limit=0.01, checkpoint=path)
    assert trained.history == () and not path.exists()
    assert {"max_steps", "members"} <= trained.provenance.keys()


def test_a_checkpoint_of_other_data_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c"

    def stop(epoch: Epoch | None, _: float) -> None:
        if epoch:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scratch(waves(4, 50), checkpoint=path, progress=stop)
    with pytest.raises(ConfigError, match="belongs to a fit with other data or options"):
        scratch(waves(4, 50, seed=1), checkpoint=path, resume=True)
    with pytest.raises(ConfigError, match="pass checkpoint=PATH"):
        scratch(waves(4, 50), resume=True)


def test_a_full_disk_leaves_the_previous_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
        with pytest.raises(ModelError, match=f"lacks data to continue a training from.*{told}"):
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
def test_a_training_gives_the_same_weights_alone_and_beside_another() -> None:
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


def test_beat_is_called_while_no_epoch_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_by_side, "BEAT", 0.01)
    told = threading.Event()

    def goes_on(report: Callable[[object], None]) -> None:
        assert told.wait(60)
        report("done")

    heard: list[object] = []
    run_all([goes_on], CPU, heard.append, told.set, lambda: None)
    assert told.is_set() and heard == ["done"]


def test_progress_is_called_after_every_epoch_and_between_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_the_makespan_is_when_the_last_worker_finishes() -> None:
    assert makespan([3.0, 1.0, 1.0, 1.0], 2) == 3.0
    assert makespan([1.0, 1.0, 3.0], 2) == 4.0
    assert makespan([], 2) == 0.0
