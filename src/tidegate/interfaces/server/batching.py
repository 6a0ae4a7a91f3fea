"""One run of the network for what several requests ask at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.forecasting.model import ROWS_AT_ONCE, Session
from tidegate.interfaces.server.lanes import Ticket

Feeds = dict[str, NDArray[Any]]

WAIT_SECONDS = 0.002  # for company, times the other requests under way
LONGEST_WAIT = 0.02
ENOUGH = 8  # rows that are worth no further waiting: from here on a row costs the same in any run
JOINED_ROWS = 64  # series of one run at most: no one waits longer than for such a run, a few dozen milliseconds


class _Asked:
    """What one thread asks of the network."""

    def __init__(self, outputs: Sequence[str], feeds: Feeds) -> None:
        self.outputs, self.feeds = tuple(outputs), feeds
        self.rows = len(feeds["context"])
        self.turn = threading.Event()  # set when its wait is over: another has run for it, or it leads the next run
        self.leads = False
        self.answer: list[NDArray[Any]] | None = None

    @property
    def key(self) -> tuple[Any, ...]:
        """Runs with the same key can be one."""
        return self.outputs, int(self.feeds["horizon"]), frozenset(self.feeds)


class JointSession:
    """Runs the session of one model file for many threads at once.

    Whoever finds it idle leads: waits a little for others that are under way, if there are any, and runs for all that
    ask for the same horizon, JOINED_ROWS series at most. Whoever comes during a run waits for its end; then the first
    of these leads. So the busier it is, the more share a run, which costs less: of 8 rows a run takes 3 times as long
    as of one. Each gets its own rows back; rows do not depend on each other (tests/test_server_batching.py).

    Args:
        others: how many requests besides the one that asks are under way, those included that wait here.
    """

    def __init__(self, session: Session, others: Callable[[], int] = lambda: 0) -> None:
        self.session, self.others = session, others
        self.outputs = tuple(session.get_outputs())
        self.runs = self.rows = 0  # so far, for /metrics
        self._lock = threading.Condition()
        self._busy = False
        self._awaited = 0  # how many the one that leads would like to wait for
        self._waiting: list[_Asked] = []

    def run(self, outputs: Sequence[str], feeds: Feeds) -> list[NDArray[Any]]:
        """The named outputs for these feeds, as `session.run` gives them."""
        asked = _Asked(outputs, feeds)
        if asked.rows > JOINED_ROWS:
            return whole_run(self.session, outputs, feeds)
        with self._lock:
            if self._busy:
                self._waiting.append(asked)
                if len(self._waiting) == self._awaited:
                    self._lock.notify()  # the one that leads need not wait longer
            else:
                self._busy = asked.leads = True
                asked.turn.set()
        asked.turn.wait()
        if asked.leads:
            self._lead(asked)
        # Without an answer a joint run has failed; whose fault it was shows when each runs alone.
        return whole_run(self.session, outputs, feeds) if asked.answer is None else asked.answer

    def _lead(self, first: _Asked) -> None:
        """Run for `first` and those that can join it, then hand over to the next that waits."""
        with self._lock:
            self._awaited = min(self.others(), ENOUGH - 1)
            if len(self._waiting) < self._awaited:
                self._lock.wait(min(self._awaited * WAIT_SECONDS, LONGEST_WAIT))
            self._awaited = 0
            together, rows = [first], first.rows
            for other in list(self._waiting):
                if other.key == first.key and rows + other.rows <= JOINED_ROWS:
                    self._waiting.remove(other)
                    together.append(other)
                    rows += other.rows
            self.runs += 1
            self.rows += rows
        try:
            for asked, answer in zip(together, self._answers(together), strict=True):
                asked.answer = answer
        except Exception:  # nothing is lost: each caller then runs alone, and the one at fault gets its own error
            if len(together) == 1:
                raise
        finally:
            with self._lock:
                following = self._waiting.pop(0) if self._waiting else None
                self._busy = following is not None
            if following is not None:
                following.leads = True
                following.turn.set()
            for asked in together[1:]:
                asked.turn.set()

    def _answers(self, together: list[_Asked]) -> list[list[NDArray[Any]]]:
        if len(together) == 1:
            return [whole_run(self.session, together[0].outputs, together[0].feeds)]
        outputs = together[0].outputs
        found = whole_run(self.session, outputs, joined([asked.feeds for asked in together]))
        return parted(outputs, found, [asked.feeds for asked in together])


def whole_run(session: Session, outputs: Sequence[str], feeds: Feeds) -> list[NDArray[Any]]:
    """A run filled up to whole vectors (see ROWS_AT_ONCE), once for all that share it."""
    rows = len(feeds["context"])
    if rows % ROWS_AT_ONCE == 0:
        return session.run(outputs, feeds)
    places = np.resize(np.arange(rows), rows + -rows % ROWS_AT_ONCE)
    filled = {name: array[places] if array.ndim else array for name, array in feeds.items()}
    return [output[:rows] for output in session.run(outputs, filled)]


def joined(feeds: Sequence[Feeds]) -> Feeds:
    """The feeds of one run for all: contexts right-aligned, missing values in front, the largest `past_origins`."""
    rows, longest = sum(len(one["context"]) for one in feeds), max(one["context"].shape[1] for one in feeds)
    context, begin = np.full((rows, longest), np.nan), 0
    for one in feeds:
        count, length = one["context"].shape
        context[begin : begin + count, longest - length :] = one["context"]
        begin += count
    result: Feeds = {"horizon": feeds[0]["horizon"], "context": context}
    if "season_lengths" in feeds[0]:
        result["season_lengths"] = np.concatenate([one["season_lengths"] for one in feeds])
    if "past_origins" in feeds[0]:
        result["past_origins"] = np.array(max(int(one["past_origins"]) for one in feeds), np.int64)
    return result


def parted(outputs: Sequence[str], found: Sequence[NDArray[Any]], feeds: Sequence[Feeds]) -> list[list[NDArray[Any]]]:
    """The outputs of a joint run for each of those in it: its own rows, as many past origins as it asked for."""
    answers, begin = [], 0
    for one in feeds:
        end = begin + len(one["context"])
        answer = [output[begin:end] for output in found]
        if "past_quantiles" in outputs:
            place = list(outputs).index("past_quantiles")
            answer[place] = answer[place][:, : int(one["past_origins"])]
        answers.append(answer)
        begin = end
    return answers


class TicketSession:
    """The session as one request sees it: joint for a small one, its own for a large one; none once it is abandoned."""

    rows_at_once = 1  # runs are filled up here, not for every request

    def __init__(self, joint: JointSession, ticket: Ticket) -> None:
        self.joint, self.ticket = joint, ticket

    def run(self, outputs: Sequence[str], feeds: Feeds) -> list[NDArray[Any]]:
        self.ticket.check()
        if self.ticket.heavy:
            return whole_run(self.joint.session, outputs, feeds)
        with self.ticket.aside():
            return self.joint.run(outputs, feeds)

    def get_outputs(self) -> Sequence[Any]:
        return self.joint.outputs
