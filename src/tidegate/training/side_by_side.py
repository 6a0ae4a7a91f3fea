"""Several trainings at once, each in a thread with its share of the cores.

A recurrent network's steps are many and small: a second core makes a training a little faster (52 instead of 69 ms per
step, a network of its own on M4 hourly), but also trains another one beside it (71 ms).
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
BEAT = 0.5  # seconds without a report after which the caller is told that the trainings go on


def workers_for(count: int, device: torch.device) -> int:
    """How many of `count` trainings run at once: as many as there are cores; on a GPU one, which it keeps busy."""
    return max(1, min(count, torch.get_num_threads())) if device.type == "cpu" else 1


@contextmanager
def pool_for(count: int, device: torch.device) -> Iterator[ThreadPoolExecutor]:
    """Threads for so many trainings, which share the cores."""
    cores, workers = torch.get_num_threads(), workers_for(count, device)
    try:
        with ThreadPoolExecutor(workers, "training", torch.set_num_threads, (cores // workers,)) as pool:
            yield pool
    finally:
        torch.set_num_threads(cores)  # also what threads that begin later are given


def run_all(
    trainings: Sequence[Callable[[Report], None]],
    device: torch.device,
    listen: Callable[[Any], None],
    beat: Callable[[], None],
    stop: Callable[[], None],
) -> None:
    """Run trainings, as many at once as there are cores.

    Args:
        trainings: each is given a function to report with.
        listen: hears what they report, in the caller's own thread, one after the other.
        beat: called there every BEAT seconds in which none of them reports.
        stop: makes those that run end soon. Called when one of them, `listen` or `beat` raises, or the caller is
            interrupted; that error then goes on to the caller.
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


def makespan(seconds: Iterable[float], workers: int) -> float:
    """Seconds until all of some tasks are done, where each worker takes the next one when it is free."""
    free = [0.0] * workers
    for each in seconds:
        heapq.heapreplace(free, free[0] + each)
    return max(free)
