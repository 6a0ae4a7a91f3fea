"""What benchmark commands promise about their protocol, on small made data: no window dropped, no value lost."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def module(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module(name)


def test_the_long_horizon_protocol_drops_no_window_and_shows_no_future(monkeypatch: pytest.MonkeyPatch) -> None:
    long_horizon = module("long_horizon", monkeypatch)
    monkeypatch.setattr(long_horizon, "CHUNK", 7)  # a last chunk that is not full
    values = np.arange(2 * 60, dtype=np.float64).reshape(2, 60)
    data = long_horizon.Channels(values, known=40, mean=np.zeros(2), deviation=np.array([1.0, 2.0]))
    seen: list[np.ndarray] = []

    def line(panel, horizon: int) -> np.ndarray:
        """Goes on by one a step, and is off by 2."""
        seen.extend(panel)
        return np.stack([history[-1] + 3 + np.arange(horizon) for history in panel])

    found = long_horizon.errors(data, 6, line, long_horizon.reading(1024, 10))
    assert found["windows"] == 2 * (20 - 6 + 1)
    # standardised, the error of 2 is 2 in the first channel and 1 in the second
    assert found["mse"] == pytest.approx((4 + 1) / 2) and found["mae"] == pytest.approx((2 + 1) / 2)
    assert {len(history) for history in seen} == {10}
    assert [history[-1] for history in seen[:15]] == list(range(39, 54))


def test_the_history_of_a_window_begins_where_the_network_would_begin_to_read(monkeypatch: pytest.MonkeyPatch) -> None:
    start = module("long_horizon", monkeypatch).reading(100, None)
    assert [start(origin) for origin in (50, 199, 200, 399)] == [0, 0, 100, 200]


def test_what_other_libraries_are_given_is_what_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exchange = module("neural.exchange", monkeypatch)
    job = exchange.Job(np.arange(5.0), np.array([0, 2, 5]), 3, 36, 12, "MS", 60.0, 1)
    job.save(tmp_path / "job.npz")
    again = exchange.Job.load(tmp_path / "job.npz")
    assert [series.tolist() for series in again.series] == [[0.0, 1.0], [2.0, 3.0, 4.0]]
    assert (again.horizon, again.context, again.season, again.frequency, again.seconds) == (3, 36, 12, "MS", 60.0)


def test_every_set_has_an_aim_and_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    fit, tasks = module("fit", monkeypatch), module("tasks", monkeypatch)
    assert list(fit.AIMS) == [task.dataset for task in tasks.TASKS]


def test_torch_is_pinned_for_other_libraries_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert module("peers", monkeypatch).torch_pin().startswith("torch==")
