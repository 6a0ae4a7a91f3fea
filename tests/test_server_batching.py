"""Requests that come together share runs of the network, and each gets its own numbers, the same as alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tidegate
from tests.serving import running
from tidegate.forecasting.calibration import Calibration
from tidegate.forecasting.model import ModelFile
from tidegate.interfaces.server.app import create_app
from tidegate.interfaces.server.batching import JOINED_ROWS, Feeds, JointSession, joined, parted
from tidegate.interfaces.server.limits import Limits

MODEL = ModelFile.load(threads=1)
OUTPUTS = ["quantiles", "past_quantiles"]


def feeds(seed: int, rows: int, length: int, horizon: int = 12, past: int | None = None) -> Feeds:
    random = np.random.default_rng(seed)
    context = (
        50 + 10 * np.sin(np.arange(length) / 3 + random.random((rows, 1)) * 6) + random.normal(size=(rows, length))
    )
    context[:, : length // 10][random.random((rows, length // 10)) < 0.5] = np.nan
    origins = Calibration.of(MODEL).past_origins(length) if past is None else past
    return {
        "context": context,
        "horizon": np.array(horizon, np.int64),
        "season_lengths": np.tile(np.array([12, 0, 0]), (rows, 1)),
        "past_origins": np.array(origins, np.int64),
    }


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 999), st.integers(1, 3), st.integers(20, 700)), min_size=2, max_size=5))
def test_a_joint_run_gives_each_what_it_gets_alone(asked: list[tuple[int, int, int]]) -> None:
    each = [feeds(*one) for one in asked]
    together = parted(OUTPUTS, MODEL.session.run(OUTPUTS, joined(each)), each)
    for one, answer in zip(each, together, strict=True):
        alone = MODEL.session.run(OUTPUTS, one)
        for found, expected in zip(answer, alone, strict=True):
            assert found.shape == expected.shape
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * 20)  # the series' scale is about 20


class Recorded:
    """Answers with the first value of each context, so that each caller knows its own; slow enough to be waited for."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.entered = threading.Event()
        self.go_on = threading.Event()

    def run(self, outputs: Sequence[str], given: Feeds) -> list[Any]:
        self.sizes.append(len(given["context"]))
        self.entered.set()
        assert self.go_on.wait(30)
        if (given["context"] == -1).any():
            raise RuntimeError("a row that cannot be run")
        return [given["context"][:, -1] * int(given["horizon"])]

    def get_outputs(self) -> Sequence[Any]:
        return ()


def ask_together(rows: Sequence[int], horizons: Sequence[int], values: Sequence[float]) -> tuple[Recorded, list[Any]]:
    """One caller finds the session idle; while it runs all others arrive."""
    recorded = Recorded()
    session = JointSession(recorded)

    def ask(count: int, horizon: int, value: float) -> Any:
        given = {"context": np.full((count, 3), value), "horizon": np.array(horizon)}
        try:
            return session.run(["quantiles"], given)[0].tolist()
        except RuntimeError as error:
            return error

    with ThreadPoolExecutor(len(rows)) as pool:
        futures = [pool.submit(ask, rows[0], horizons[0], values[0])]
        assert recorded.entered.wait(30)
        for one in list(zip(rows, horizons, values, strict=True))[1:]:
            futures.append(pool.submit(ask, *one))
            while len(session._waiting) < len(futures) - 1:
                time.sleep(0.001)
        recorded.go_on.set()
        return recorded, [future.result(30) for future in futures]


def test_who_finds_it_idle_runs_at_once_and_those_who_wait_run_together() -> None:
    recorded, answers = ask_together([1, 1, 2, 1], [4, 4, 4, 4], [1.0, 2.0, 3.0, 4.0])
    assert recorded.sizes == [4, 4]  # two runs; a single row is filled up to a whole vector
    assert answers == [[4.0], [8.0], [12.0, 12.0], [16.0]]


def test_only_those_with_the_same_horizon_share_a_run() -> None:
    recorded, answers = ask_together([1, 1, 1, 1], [2, 5, 7, 5], [1.0, 2.0, 3.0, 4.0])
    assert recorded.sizes == [4, 4, 4]  # three runs for four callers
    assert answers == [[2.0], [10.0], [21.0], [20.0]]


def test_a_run_holds_no_more_series_than_anyone_should_wait_for() -> None:
    half = JOINED_ROWS // 2
    recorded, answers = ask_together([1, half, half, half], [1] * 4, [1.0, 2.0, 3.0, 4.0])
    assert recorded.sizes == [4, JOINED_ROWS, half]
    assert [answer[0] for answer in answers] == [1.0, 2.0, 3.0, 4.0]


def test_what_one_cannot_run_harms_nobody_else() -> None:
    _, answers = ask_together([1, 1, 1, 1], [1] * 4, [1.0, 2.0, -1.0, 4.0])
    assert [answers[0], answers[1], answers[3]] == [[1.0], [2.0], [4.0]]
    assert isinstance(answers[2], RuntimeError)


def test_contexts_of_different_lengths_are_aligned_at_their_ends() -> None:
    result = joined([feeds(0, 1, 30, past=1), feeds(1, 2, 50, past=4)])
    assert result["context"].shape == (3, 50) and np.isnan(result["context"][0, :20]).all()
    assert int(result["past_origins"]) == 4 and len(result["season_lengths"]) == 3


def test_under_load_every_client_gets_the_forecast_of_its_own_series() -> None:
    random = np.random.default_rng(0)
    series = [np.round(100 * k + 10 * np.sin(np.arange(200) / 4) + random.random(200), 3) for k in range(1, 25)]
    expected = [tidegate.forecast(values, 1 + k % 3, threads=1).at(0.5)[0] for k, values in enumerate(series)]
    limits = Limits()
    app = create_app(limits)
    with running(app, limits) as server, ThreadPoolExecutor(24) as pool:
        asked = [(k, values) for _ in range(8) for k, values in enumerate(series)]
        answers = pool.map(lambda one: server.post("/v1/forecast", data=one[1].tolist(), horizon=1 + one[0] % 3), asked)
        for (k, _), answer in zip(asked, answers, strict=True):
            assert answer.status == 200, answer.body
            assert answer.json["forecast"]["forecast"] == pytest.approx(expected[k].tolist(), abs=1e-5)
        lines = dict(
            line.split() for line in server.ask("GET", "/metrics").body.decode().splitlines() if line[0] != "#"
        )
    assert float(lines["tidegate_network_series_total"]) == len(asked)
    assert float(lines["tidegate_network_runs_total"]) < len(asked)
