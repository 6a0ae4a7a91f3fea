"""Statistical baselines of statsforecast (the extra "stats") as forecasters, in processes of their own.

Each worker is a fresh Python (`statsworker.py`) that reads one series per line and writes one forecast per line, so it
can be ended at any moment: that is how `time_limit` holds although a single fit may take minutes.
"""

from __future__ import annotations

import atexit
import json
import os
import queue
import subprocess
import sys
import threading
import time
import weakref
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ConfigError, MissingExtra
from tidegate.evaluation.baselines import STATISTICAL, TITLES, Forecaster, Progress, Seasons, around, shortest_season
from tidegate.evaluation.origins import named
from tidegate.evaluation.statsworker import ETS_SEASON
from tidegate.forecasting.forecaster import bounded, wanted_levels
from tidegate.forecasting.result import Forecast, interval_quantiles
from tidegate.series.panel import Panel

Floats = NDArray[np.float64]
Answer = dict[str, list[float]]
MOST_VALUES = 2000  # of a series: AutoTheta takes seconds for so many, and minutes for 10,000
START_LIMIT = 120.0  # seconds; usually 5, but a busy machine must not leave a table without these baselines


def statistical(
    name: str,
    *,
    season_length: Seasons = None,
    bounds: bool = True,
    time_limit: float | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Forecaster:
    """A forecaster of statsforecast; its median is the model's mean, its intervals are the model's own.

    The Croston family has no intervals of its own: they are what its flat forecast missed by within the history.
    Missing values are filled on a straight line, as these models need all of them. Only the last MOST_VALUES values of
    a series are read, or its last four seasons if these are longer. Series not reached within the limit,
    and series that a model fails on, have NaN for a forecast: they are counted and named in the notes.

    Args:
        season_length, bounds: as in `baselines.baseline`; AutoETS takes no season above 24 (statsforecast's rule).
        time_limit: seconds per call from when a worker has started (up to START_LIMIT, else there is no forecast).
        jobs: processes; left out, one per core.
    Raises: MissingExtra without statsforecast; ConfigError for a limit that is not above 0.
    """
    if time_limit is not None and time_limit <= 0:
        raise ConfigError(f"baseline time {time_limit}: expected seconds, more than 0")
    if find_spec("statsforecast") is None:
        raise MissingExtra("stats", f"the baseline {TITLES[name]}")

    def forecaster(panel: Panel, horizon: int, levels: tuple[float, ...]) -> Forecast:
        seasons = shortest_season(panel, season_length)
        tasks = [
            {
                "name": name,
                "m": m,
                "horizon": horizon,
                "levels": list(levels),
                "values": _filled(values[-count:]).tolist(),
            }
            for values, m, count in zip(panel, seasons.tolist(), _values_read(panel, seasons).tolist(), strict=True)
        ]
        answers, late = _answers(tasks, jobs or os.cpu_count() or 1, time_limit, progress)
        return _forecast(name, panel, horizon, levels, answers, late, season_length, bounds)

    return forecaster


def not_all_read(name: str, panel: Panel, season_lengths: NDArray[np.int64]) -> str | None:
    """A note on the series of which a baseline does not read all values.

    Args: season_lengths: (series,) m of each, 1 for none.
    """
    read = _values_read(panel, season_lengths)
    series = np.flatnonzero(read < panel.lengths)
    if name not in STATISTICAL or not len(series):
        return None
    return (
        f"{TITLES[name]} reads at most the last {read[series].max():,} values of each series, as it would take minutes "
        f"for more: {named(panel, series)}"
    )


def without_season(name: str, panel: Panel, season_lengths: NDArray[np.int64]) -> str | None:
    """A note on the series whose season a baseline does not know: it is no match for one that does.

    Args: season_lengths: (series,) m of each, 1 for none.
    """
    series = np.flatnonzero(season_lengths > ETS_SEASON)
    if name != "auto_ets" or not len(series):
        return None
    return (
        f"{TITLES[name]} knows no season of more than {ETS_SEASON} steps (statsforecast's limit) and forecasts "
        f"{len(series):,} of {panel.size:,} series without theirs: {named(panel, series)}"
    )


def _values_read(panel: Panel, season_lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """(series,) how many values of each are read, the newest ones."""
    return np.minimum(panel.lengths, np.maximum(MOST_VALUES, 4 * season_lengths))


def _filled(values: Floats) -> Floats:
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return values[:0]
    inner = np.arange(known[0], len(values))
    return np.interp(inner, known, values[known])


def _forecast(
    name: str,
    panel: Panel,
    horizon: int,
    levels: tuple[float, ...],
    answers: list[Answer | None],
    late: int,
    season_length: Seasons,
    bounds: bool,
) -> Forecast:
    nothing = np.full((panel.size, horizon), np.nan)
    empty = around(panel, horizon, levels, nothing, np.full((*nothing.shape, len(levels)), np.nan), season_length)
    quantile_levels, quantiles = wanted_levels(levels, ()), empty.quantiles.copy()
    for index, answer in enumerate(answers):
        if answer is None or not np.isfinite(answer["mean"]).all():
            continue
        quantiles[index, :, quantile_levels.index(0.5)] = answer["mean"]
        for level in levels:
            low, high = interval_quantiles(level)
            quantiles[index, :, quantile_levels.index(low)] = answer[f"lo-{level:g}"]
            quantiles[index, :, quantile_levels.index(high)] = answer[f"hi-{level:g}"]
    quantiles, cut = bounded(panel, np.sort(quantiles, axis=-1), None, None, bounds)
    absent = np.flatnonzero(np.isnan(quantiles).any(axis=(1, 2)))
    notes = list(cut)
    if len(absent):
        why = f", {late} of them because time ran out" if late else ""
        notes.append(
            f"{TITLES[name]} has no forecast for {len(absent)} of {panel.size} series{why}: {named(panel, absent)}"
        )
    return replace(empty, quantiles=quantiles, notes=(*panel.notes, *notes))


def _answers(
    tasks: list[dict[str, Any]], jobs: int, time_limit: float | None, progress: Progress | None
) -> tuple[list[Answer | None], int]:
    """The answer to every task, None where there is none; and how many were not reached in time."""
    answers: list[Answer | None] = [None] * len(tasks)
    done = [False] * len(tasks)
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for index in range(len(tasks)):
        waiting.put(index)
    workers = [_worker() for _ in range(min(jobs, len(tasks)))]
    started = threading.Event()
    feeders = [
        threading.Thread(target=_feed, args=(worker, tasks, waiting, answers, done, started), daemon=True)
        for worker in workers
    ]
    deadline: float | None = time.monotonic() + START_LIMIT
    running = False
    try:
        for feeder in feeders:
            feeder.start()
        while any(feeder.is_alive() for feeder in feeders):
            if not running and started.is_set():
                running = True
                deadline = None if time_limit is None else time.monotonic() + time_limit
            if deadline is not None and time.monotonic() > deadline:
                break
            if progress is not None:
                progress(sum(done), len(tasks))
            feeders[0].join(0.05)
            for feeder in feeders[1:]:
                feeder.join(0.01)
    finally:
        finished = [worker for worker, feeder in zip(workers, feeders, strict=True) if not feeder.is_alive()]
        _end([worker for worker in workers if worker not in finished])
        for feeder in feeders:
            if feeder.ident is not None:
                feeder.join()
        _idle.extend(worker for worker in finished if worker.poll() is None)
    return answers, done.count(False)


_started: weakref.WeakSet[subprocess.Popen[str]] = weakref.WeakSet()  # those that said they are ready
_idle: list[subprocess.Popen[str]] = []  # it takes seconds to start one, and the next window needs some again


def _worker() -> subprocess.Popen[str]:
    """An idle worker that is alive, else a new one."""
    while _idle:
        if (worker := _idle.pop()).poll() is None:
            return worker
    # One thread each: the processes are the parallelism.
    environment = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    command = [sys.executable, "-W", "ignore", "-m", "tidegate.evaluation.statsworker"]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, env=environment)


def _end(workers: list[subprocess.Popen[str]]) -> None:
    for worker in workers:
        worker.kill()
    for worker in workers:
        worker.communicate()


@atexit.register
def _end_idle() -> None:
    _end(_idle)
    _idle.clear()


def _feed(
    worker: subprocess.Popen[str],
    tasks: list[dict[str, Any]],
    waiting: queue.SimpleQueue[int],
    answers: list[Answer | None],
    done: list[bool],
    started: threading.Event,
) -> None:
    """Give a worker one task after the other until there is none, or it was ended."""
    assert worker.stdin is not None and worker.stdout is not None
    if worker not in _started:
        if not worker.stdout.readline():
            return
        _started.add(worker)
    started.set()
    while True:
        try:
            index = waiting.get_nowait()
        except queue.Empty:
            return
        try:
            worker.stdin.write(json.dumps(tasks[index]) + "\n")
            worker.stdin.flush()
            line = worker.stdout.readline()
        except (OSError, ValueError):  # its pipe is closed: it was ended
            return
        if not line:
            return
        answers[index] = json.loads(line)
        done[index] = True
