"""Who works when: requests work in threads, small ones never behind large ones, none longer than it may."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from tidegate.interfaces.server.limits import Limits
from tidegate.interfaces.server.refusals import Refusal

Result = TypeVar("Result")

LIGHT_SERIES = 64
LIGHT_POINTS = 50_000
LIGHT_BYTES = 2 << 20
# Three runs of the network's best size (batching.ENOUGH): while one runs, others are read and answered. With more,
# requests overtake each other, and the slowest waits longer.
LIGHT_THREADS = 24


class Abandoned(Exception):
    """The work has no one to answer: its time is up, or the client has gone."""


class Ticket:
    """One request's right to work, held by its thread. A context manager: within it one slot of its lane is taken.

    Args:
        turned: called when it turns out to be large.
    """

    def __init__(self, lanes: Lanes, heavy: bool, deadline: float, turned: Callable[[], object] = lambda: None) -> None:
        self.lanes, self.heavy, self.deadline, self.turned = lanes, heavy, deadline, turned
        self.abandoned = False

    def check(self, *progress: object) -> None:
        """Called between steps of the work, as progress functions are. Raises: Abandoned."""
        if self.abandoned or time.monotonic() > self.deadline:
            raise Abandoned

    def become_heavy(self) -> None:
        """It turned out to be large: go on in the other lane. Raises: Refusal if too many are there; Abandoned."""
        if self.heavy:
            return
        self.lanes.join_heavy()
        self.lanes.light.release()
        self.heavy = True
        try:
            self.turned()
            self._take()
        except BaseException:
            self.lanes.leave_heavy()
            self.heavy = False
            self.lanes.light.acquire()  # __exit__ gives it back
            raise

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Without a slot: others may work meanwhile."""
        self._slots.release()
        try:
            yield
        finally:
            self._slots.acquire()

    @property
    def _slots(self) -> threading.Semaphore:
        return self.lanes.large if self.heavy else self.lanes.light

    def _take(self) -> None:
        if not self._slots.acquire(timeout=max(0.0, self.deadline - time.monotonic())):
            raise Abandoned
        try:
            self.check()
        except Abandoned:
            self._slots.release()
            raise

    def __enter__(self) -> Ticket:
        if self.heavy:
            self.lanes.join_heavy()
        try:
            self._take()
        except BaseException:
            if self.heavy:
                self.lanes.leave_heavy()
            raise
        return self

    def __exit__(self, *raised: object) -> None:
        self._slots.release()
        if self.heavy:
            self.lanes.leave_heavy()


class Lanes:
    """The threads of a server, and how many may do what at one time.

    Large requests work one after the other; of the small ones, one has its turn at Python while the network works for
    others. Python runs one thread at a time anyway, and threads that fight for it answer a quarter less
    (benchmarks/serve.py with 64 connections: 261 a second, with turns 320 to 347).
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        # Large requests that wait have a thread each, so that they leave those of the small ones alone.
        self.pool = ThreadPoolExecutor(LIGHT_THREADS + limits.heavy_requests, thread_name_prefix="tidegate")
        self.large = threading.Semaphore(1)
        self.light = threading.Semaphore(1)
        self.admitted = 0
        self.heavy = 0
        self._lock = threading.Lock()

    @contextmanager
    def admission(self) -> Iterator[None]:
        """Around all that is done for one request, its arrival included. Raises: Refusal if there are too many."""
        if self.admitted >= self.limits.requests:
            raise Refusal(
                503,
                "requests",
                f"{self.admitted:,} requests are being answered, as many as this server takes at once: try again",
                retry_after=1,
                close=True,
            )
        self.admitted += 1
        try:
            yield
        finally:
            self.admitted -= 1

    async def run(
        self,
        work: Callable[[Ticket], Result],
        *,
        heavy: bool,
        gone: Callable[[], Coroutine[Any, Any, None]],
    ) -> Result:
        """Do the work in a thread.

        Args:
            gone: ends when the client has left; large work is then abandoned, small work is done as soon.
        Raises: what the work raises; Refusal when its time is up.
        """
        loop, large = asyncio.get_running_loop(), asyncio.Event()
        if heavy:
            large.set()
        deadline = time.monotonic() + self.limits.seconds
        ticket = Ticket(self, heavy, deadline, turned=lambda: loop.call_soon_threadsafe(large.set))

        async def left() -> None:
            await large.wait()
            await gone()

        def at_work() -> Result:
            with ticket:
                return work(ticket)

        future = loop.run_in_executor(self.pool, at_work)
        watcher = asyncio.ensure_future(left())
        both: set[asyncio.Future[Any]] = {future, watcher}
        try:
            await asyncio.wait(both, timeout=self.limits.seconds, return_when=asyncio.FIRST_COMPLETED)
            if future.done():
                return future.result()
            raise Abandoned
        except Abandoned:
            raise Refusal(
                503,
                "seconds",
                f"not done within {self.limits.seconds:g} seconds: ask for less, or start the server with a larger "
                "--most-seconds",
            ) from None
        finally:
            ticket.abandoned = True
            future.add_done_callback(_looked_at)
            watcher.cancel()

    def join_heavy(self) -> None:
        """Raises: Refusal if too many large requests wait or run."""
        with self._lock:
            if self.heavy >= self.limits.heavy_requests:
                raise Refusal(
                    429,
                    "heavy-requests",
                    f"{self.heavy} large requests or backtests are already waiting, as many as this server takes: try "
                    "again later, or send fewer series at once",
                    retry_after=5,
                )
            self.heavy += 1

    def leave_heavy(self) -> None:
        with self._lock:
            self.heavy -= 1

    def close(self) -> None:
        """Wait for what still works."""
        self.pool.shutdown()


def _looked_at(future: asyncio.Future[Result]) -> None:
    """What an abandoned work raised is of no interest, and asyncio need not complain about it."""
    if not future.cancelled():
        future.exception()
