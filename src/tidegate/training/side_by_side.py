"""Trainings side by side, each in a thread with its share of the cores.

The steps of a recurrent network are many and small. A second core makes one training a little faster (52 instead of
69 ms per step, an own network on M4 hourly), or runs a second training beside it (71 ms).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any

import torch

Report = Callable[[Any], None]
SIDE_BY_SIDE_SLOWDOWN = 1.4  # time of a step beside another training, relative to a step on all cores
BEAT = 0.5  # seconds without a report before `beat` is called


def workers_for(count: int, device: torch.device) -> int:
    """Trainings that run at once, of `count`: one per core; on a GPU one, which keeps it busy."""
    return max(1, min(count, torch.get_num_threads())) if device.type == "cpu" else 1


@contextmanager
def pool_for(count: int, device: torch.device) -> Iterator[ThreadPoolExecutor]:
    """A pool of threads for `count` trainings. The threads share the cores."""
    cores, workers = torch.get_num_threads(), workers_for(count, device)
    try:
        with ThreadPoolExecutor(workers, "training", torch.set_num_threads, (cores // workers,)) as pool:
            yield pool
    finally:
        torch.set_num_threads(cores)  # threads that start later get this number, too


def run_all(
    trainings: Sequence[Callable[[Report], None]],
    device: torch.device,
    listen: Callable[[Any], None],
    beat: Callable[[], None],
    stop: Callable[[], None],
) -> None:
    """Run trainings, as many at once as there are cores.

    Args:
        trainings: functions that get a function to report with.
        listen: gets each report, in the caller's thread.
        beat: called in the caller's thread after each BEAT seconds without a report.
        stop: makes running trainings end soon. Called if a training, `listen` or `beat` raises, or on an interrupt; the
            error then reaches the caller.
    """
    events: SimpleQueue[Any] = SimpleQueue()
    with pool_for(len(trainings), device) as pool:
        try:
            for training in trainings:
                pool.submit(training, events.put).add_done_callback(events.put)
            running = len(trainings)
            while running:
                try:
                    event = events.get(timeout=BEAT)
                except Empty:
                    beat()
                    continue
                if isinstance(event, Future):
                    event.result()
                    running -= 1
                else:
                    listen(event)
        except BaseException:
            stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def expected_makespan(seconds: Sequence[float], timed: int, device: torch.device) -> float:
    """Seconds until all trainings are done.

    Args:
        seconds: that each training takes, as timed.
        timed: trainings that ran side by side when they were timed. If more run at once now, each takes longer.
    """
    workers = workers_for(len(seconds), device)
    slowdown = SIDE_BY_SIDE_SLOWDOWN if workers > workers_for(timed, device) else 1.0
    return slowdown * makespan(seconds, workers)


def makespan(seconds: Iterable[float], workers: int) -> float:
    """Seconds until all tasks are done, if each worker takes the next task when it is free."""
    free = [0.0] * workers
    for task in seconds:
        heapq.heapreplace(free, free[0] + task)
    return max(free)
