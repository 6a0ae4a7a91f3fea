"""What a stream carries of each series: the last values, and the recurrent state of the two windows that are read.

A batch forecast reads a history from step L * max(0, n // L - 1) on, in blocks that do not move as it grows. A stream
therefore carries two windows: the one that a forecast reads now, and the one that it will read once another L steps
have come. Of each it keeps the recurrent state and the running sums after some whole patches (see docs/streaming.md),
five patches behind the end, from where a forecast reads on: so it can also say what it would have forecast at the
latest five patch ends, which calibration needs.

A file may hold several networks, whose forecasts are averaged; each has two windows of its own, all share the values.

Positions count the steps of a series from its first observed value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ModelError
from tidegate.forecasting.calibration import PAST_ORIGINS
from tidegate.forecasting.config import LOOKUP_SEASONS, SUMS, ModelConfig
from tidegate.forecasting.facts import suffix
from tidegate.forecasting.model import BATCH_STEPS, ModelFile

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CHUNK = 64  # values taken in at once: what the ring holds beyond what is read again


@dataclass
class Window:
    """One of the two windows of every series.

    Attributes:
        start: (series,) position of the first observed value in it, -1 until there is one.
        read: (series,) steps from there that the state has read: whole patches.
        state: (series, parts, hidden) float32, the layers' hidden and cell states.
        sums: (series, SUMS) float64, see the input `sums` of the graph.
    """

    start: Integers
    read: Integers
    state: NDArray[np.float32]
    sums: Floats

    @classmethod
    def empty(cls, size: int, parts: int, hidden_size: int) -> Window:
        """Nothing carried of `size` series."""
        return cls(
            np.full(size, -1, np.int64),
            np.zeros(size, np.int64),
            np.zeros((size, parts, hidden_size), np.float32),
            np.zeros((size, len(SUMS))),
        )

    def replace(self, series: Integers, other: Window) -> None:
        """Take over some series of another window, of which that many are given in their order."""
        for name in ("start", "read", "state", "sums"):
            getattr(self, name)[series] = getattr(other, name)

    def of(self, series: Integers) -> Window:
        """Some of the series, copied."""
        return Window(self.start[series], self.read[series], self.state[series], self.sums[series])


@dataclass
class Carried:
    """All that a stream carries of its series.

    Attributes:
        seasons: (series, 3) season lengths, fixed when a series begins.
        length: (series,) steps from the first observed value on.
        last: (series,) the last observed value.
        smallest: (series,) the smallest value so far, NaN before there is one.
        values: (series, room) a ring: the value at position p is in column p % room, the last one before it if missing.
        observed: (series, room) whether it was observed.
        windows: of each network, what a forecast reads now, and what it will read next.
    """

    networks: tuple[ModelConfig, ...]
    seasons: Integers
    length: Integers
    last: Floats
    smallest: Floats
    values: Floats
    observed: NDArray[np.bool_]
    windows: tuple[tuple[Window, Window], ...]
    reach: int = field(init=False)  # values behind the end that a forecast reads

    def __post_init__(self) -> None:
        self.reach = reach(self.config, self.seasons)

    @property
    def config(self) -> ModelConfig:
        """Of the first network, which reads farthest back; on ends of its patches state and past forecasts are kept."""
        return self.networks[0]

    @classmethod
    def empty(cls, networks: tuple[ModelConfig, ...], seasons: Integers) -> Carried:
        """Series of which nothing is known but their season lengths."""
        size = len(seasons)
        room = reach(networks[0], seasons) + min(CHUNK, *(config.context_length for config in networks))
        return cls(
            networks,
            seasons,
            np.zeros(size, np.int64),
            np.zeros(size),
            np.full(size, np.nan),
            np.zeros((size, room)),
            np.zeros((size, room), bool),
            tuple(
                (Window.empty(size, *state_shape(config)), Window.empty(size, *state_shape(config)))
                for config in networks
            ),
        )

    @property
    def size(self) -> int:
        """Number of series."""
        return len(self.length)

    def joined(self, other: Carried) -> Carried:
        """These series and then others, which may look back farther or less far."""
        seasons = np.concatenate([self.seasons, other.seasons])
        result = Carried.empty(self.networks, seasons)
        begin = 0
        for part in (self, other):
            rows = np.arange(begin, begin + part.size)
            begin += part.size
            for name in ("length", "last", "smallest"):
                getattr(result, name)[rows] = getattr(part, name)
            for my_pair, their_pair in zip(result.windows, part.windows, strict=True):
                for mine, theirs in zip(my_pair, their_pair, strict=True):
                    mine.replace(rows, theirs)
            room, new_room = part.values.shape[1], result.values.shape[1]
            places = part.length[:, None] + np.arange(-part.reach - 1, 0)
            # Where the new ring goes back farther than that, the oldest value is repeated: `feeds` shows the first slot
            # it looks at as if it were observed, and a zero there would take the digits of values far from zero.
            oldest = np.arange(part.size), np.maximum(places[:, 0], 0) % room
            result.values[rows] = part.values[oldest][:, None]
            which, column = np.nonzero(places >= 0)
            position = places[which, column]
            for name in ("values", "observed"):
                getattr(result, name)[rows[which], position % new_room] = getattr(part, name)[which, position % room]
        return result

    def take_in(self, model: ModelFile, series: Integers, values: Floats, counts: Integers) -> None:
        """The next values of some series, NaN where missing; constant work for each.

        Args:
            series: (rows,) each once.
            values: (rows, most) the first counts[i] of row i count. Nothing before the first observed value of a series
                is taken in: the caller leaves it out.
        """
        most = min(CHUNK, *(config.context_length for config in self.networks))
        for begin in range(0, values.shape[1], most):
            part = np.clip(counts - begin, 0, most)
            busy = part > 0
            self._append(series[busy], values[busy, begin : begin + most], part[busy])
            for network, pair in enumerate(self.windows):
                for window in pair:
                    self._read_on(model, network, window, series[busy])

    def _append(self, series: Integers, values: Floats, counts: Integers) -> None:
        """Into the ring; and the windows move on where a block of the context is complete."""
        rows, steps = np.arange(len(series))[:, None], np.arange(values.shape[1])
        given = steps < counts[:, None]
        observed = given & ~np.isnan(values)
        latest = np.maximum.accumulate(np.where(observed, steps, -1), axis=1)
        filled = np.where(latest >= 0, values[rows, np.maximum(latest, 0)], self.last[series, None])
        before = self.length[series]
        places = before[:, None] + steps
        which, at = series[:, None], places % self.values.shape[1]
        target = (np.broadcast_to(which, at.shape)[given], at[given])
        self.values[target], self.observed[target] = filled[given], observed[given]
        self.last[series] = filled[np.arange(len(series)), counts - 1]
        lowest = np.where(observed, values, np.inf).min(axis=1)
        self.smallest[series] = np.fmin(self.smallest[series], np.where(observed.any(axis=1), lowest, np.nan))
        self.length[series] = length = before + counts

        for config, (now, following) in zip(self.networks, self.windows, strict=True):
            context = config.context_length
            moved = series[np.maximum(length // context - 1, 0) > np.maximum(before // context - 1, 0)]
            now.replace(moved, following.of(moved))
            following.replace(moved, Window.empty(len(moved), *following.state.shape[1:]))
            block = context * np.maximum(length // context - 1, 0)
            for window, begin in ((now, block), (following, block + context)):
                inside = observed & (places >= begin[:, None])
                found = inside.any(axis=1) & (window.start[series] < 0)
                window.start[series[found]] = places[found, inside[found].argmax(axis=1)]

    def _read_on(self, model: ModelFile, network: int, window: Window, series: Integers) -> None:
        """The whole patches that have come, but for the last PAST_ORIGINS: into the state and the sums."""
        patch = self.config.patch_length
        started = series[window.start[series] >= 0]
        length = self.length[started] - window.start[started]
        patches = np.maximum((length - 1) // patch - PAST_ORIGINS, 0) - window.read[started] // patch
        for count in np.unique(patches[patches > 0]):
            ready = started[patches == count]
            for rows in batches(ready, int(count) * patch + self._longest(ready) + 1):
                filled = model.filled_up(rows)  # as a batch is: what is carried has to have the same bits
                stop = window.start[filled] + window.read[filled] + count * patch
                feeds = self.feeds(network, window, filled, stop, int(count) * patch + self._longest(rows) + 1)
                feeds["horizon"] = np.array(0, np.int64)
                names = [name + suffix(network) for name in ("state_after", "sums_after")]
                state, sums = model.session.run(names, feeds)
                if np.isnan(sums[:, SUMS.index("count")]).any():
                    raise ModelError(
                        f"{model.name} cannot be used: by its metadata its graph reads {patch} values per step "
                        "(patch_length), and it reads another number. Use the file as it was saved, or fit again"
                    )
                window.state[rows], window.sums[rows] = state[0].swapaxes(0, 1)[: len(rows)], sums[: len(rows)]
                window.read[rows] += count * patch

    def _longest(self, series: Integers) -> int:
        """The longest season among some series, 1 without any: how far back a step looks."""
        return max(1, int(self.seasons[series].max(initial=0)))

    def feeds(
        self, network: int, window: Window, series: Integers, stop: Integers, width: int
    ) -> dict[str, NDArray[np.generic]]:
        """Inputs of the graph by which one of its networks reads on from a window's state up to the position `stop`.

        Args: width: how many values behind `stop` to show, besides the one that missing values after it repeat.
        """
        length = stop - window.start[series]
        width = min(width, int(length.max()))
        places = stop[:, None] + np.arange(-width, 0)
        at = places % self.values.shape[1]
        shown = self.observed[series[:, None], at]
        shown[:, 0] = True  # the last value before those that are looked at, so that gaps after it are filled
        shown &= places >= window.start[series][:, None]
        read = window.read[series]
        found: dict[str, NDArray[np.generic]] = {
            "context": np.where(shown, self.values[series[:, None], at], np.nan),
            "state" + suffix(network): window.state[series].swapaxes(0, 1)[None],
            "sums" + suffix(network): window.sums[series],
            "pending" + suffix(network): np.where(read > 0, length - read, 0),
        }
        if slots := max(config.season_slots for config in self.networks):
            found["season_lengths"] = self.seasons[series, :slots]
        return found

    def latest(self, series: Integers, width: int) -> tuple[Floats, Integers]:
        """The last values of some series, one after the other, at most `width` of each; and how many of each."""
        counts = np.minimum(self.length[series], width)
        offsets = np.concatenate([[0], np.cumsum(counts)])
        which = np.repeat(series, counts)
        places = np.arange(offsets[-1]) + np.repeat(self.length[series] - offsets[1:], counts)
        at = places % self.values.shape[1]
        return np.where(self.observed[which, at], self.values[which, at], np.nan), counts


def state_shape(config: ModelConfig) -> tuple[int, int]:
    """Rows of a network's state, and their width."""
    return config.state_parts, config.hidden_size


def reach(config: ModelConfig, seasons: Integers) -> int:
    """Values behind the end of a series that a forecast reads: what look-ups and smoothing reach, and what has come
    since the state; never more than two blocks of the context, of which a window has less."""
    longest = LOOKUP_SEASONS * max(1, int(seasons.max(initial=0)))
    if config.smoothing is not None:
        longest = max(longest, config.smoothing_window)
    patches = config.patch_length * (PAST_ORIGINS + 1)
    return min(patches + longest + 1, 2 * config.context_length)


def batches(series: Integers, width: int) -> Iterator[Integers]:
    """So many series at once that a batch holds about BATCH_STEPS values."""
    size = max(1, BATCH_STEPS // max(64, width))
    for begin in range(0, len(series), size):
        yield series[begin : begin + size]
