"""The user's panel as flat tensors: training windows are drawn from it, and its last windows are held out."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.errors import DataError
from tidegate.forecasting.config import ModelConfig
from tidegate.network.causal import logarithms
from tidegate.network.patch_lstm import align
from tidegate.series.panel import Panel

SHORTEST = 4  # steps that a series must have before what is to be forecast
COPIES = 4  # a batch holds at most so many windows for each that the series of a bucket hold
BUCKET_GROWTH = 1.3  # windows of one batch differ in length by at most so much
MOST_ROWS = 10_000  # held-out windows: forecasts of all of them by every candidate are held in memory
LATE = 0.2  # share of a series in which its windows begin, where they could not begin at more places


@dataclass(frozen=True)
class Samples:
    """Series to draw training windows from, on the device.

    Attributes:
        values: (total,) float64 as the network reads them, NaN where missing.
        starts, stops: (series,) first observed position, and where the training part ends.
        seasons: (series, slots) season lengths, 0 for none.
        buckets: series of similar length, so that a batch holds little padding.
    """

    values: Tensor
    starts: Tensor
    stops: Tensor
    seasons: Tensor
    buckets: tuple[Bucket, ...]

    @classmethod
    def of(
        cls,
        panel: Panel,
        held: NDArray[np.int64],
        seasons: NDArray[np.int64],
        config: ModelConfig,
        horizon: int,
        device: torch.device,
    ) -> Samples:
        """All series but their last `held` steps; those with too little left are not drawn.

        Windows hold a context and what the network predicts at once; where the horizon is longer, also the masked
        patches up to it.
        """
        starts, stops = panel.first_observed, panel.offsets[1:] - held
        long_enough = np.flatnonzero(stops - starts >= SHORTEST)
        longest_window = config.context_length + config.horizon
        if horizon > config.horizon:
            longest_window = max(longest_window, (math.ceil(horizon / config.horizon) + 2) * config.horizon)
        values = torch.as_tensor(panel.values, device=device)  # on the CPU the panel's own memory
        return cls(
            logarithms(values, config.log_unit),
            torch.tensor(starts[long_enough], device=device),
            torch.tensor(stops[long_enough], device=device),
            torch.tensor(seasons[long_enough][:, : config.season_slots], device=device),
            tuple(make_buckets((stops - starts)[long_enough], longest_window)),
        )

    def draw(self, batch_values: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """A batch of windows of series of similar length, at random places: (count, window) values, and their seasons.

        A series is drawn as often as it holds windows, and once if it is shorter than one. A window may begin late even
        where it then is shorter: of series that begin together and are read from their first values each time, a
        network learns to count steps, and knows by heart what came for all of them at which.
        """
        chances = torch.tensor([bucket.weight for bucket in self.buckets], dtype=torch.float64)
        bucket = self.buckets[int(torch.multinomial(chances, 1, generator=generator))]
        # A batch shares its origins, so more of a few series than these few times would be the same again.
        count = max(4, min(256, batch_values // bucket.window, int(COPIES * bucket.weight)))
        series = bucket.series[torch.multinomial(bucket.weights, count, replacement=True, generator=generator)]
        series = series.to(self.values.device)
        length = self.stops[series] - self.starts[series]
        room = torch.maximum(length - bucket.window, (LATE * length).long())
        share = torch.rand(count, generator=generator, dtype=torch.float64).to(self.values.device)
        begin = self.starts[series] + (share * (room + 1)).long()
        index = begin[:, None] + torch.arange(bucket.window, device=self.values.device)
        inside = index < self.stops[series, None]
        windows = torch.where(inside, self.values[index.clamp(max=len(self.values) - 1)], torch.nan)
        windows, _ = align(windows, bucket.window)  # a window may not begin with missing values
        return windows, self.seasons[series]


@dataclass(frozen=True)
class Bucket:
    """Series whose windows have about the same length. weights: how many windows each of them holds, on the CPU."""

    series: Tensor
    weights: Tensor
    window: int

    @property
    def weight(self) -> float:
        return float(self.weights.sum())


def make_buckets(lengths: NDArray[np.int64], longest_window: int) -> list[Bucket]:
    """Series by the length of their windows, which grow by BUCKET_GROWTH from one bucket to the next."""
    windows = np.minimum(lengths, longest_window)
    group = np.ceil(np.log(np.maximum(windows, 1) / longest_window) / np.log(BUCKET_GROWTH) - 1e-9).astype(np.int64)
    buckets = []
    for one in np.unique(group):
        members = np.flatnonzero(group == one)
        window = int(windows[members].max())
        weights = np.maximum(1.0, lengths[members] / window)
        buckets.append(Bucket(torch.tensor(members), torch.tensor(weights), window))
    return buckets


@dataclass(frozen=True)
class HeldOut:
    """The validation part, one row per origin: what was known, and what followed.

    Attributes:
        history: (rows, time) right-aligned, NaN in front. actual: (rows, horizon). seasons: (rows, slots).
        naive: (rows,) mean absolute change of the history, over one season where there is one.
        series: (rows,) of the panel.
        window: (rows,) which window of its series, 0 the last one.
    """

    history: Tensor
    actual: Tensor
    seasons: Tensor
    naive: Tensor
    series: Tensor
    window: Tensor

    def some(self, count: int) -> HeldOut:
        """So many of the rows, evenly spread; all where there are no more."""
        return self._of(torch.linspace(0, len(self.actual) - 1, min(count, len(self.actual))))

    def parts(self, rows: int) -> list[HeldOut]:
        """All rows, so many at a time."""
        return [self._of(part) for part in torch.split(torch.arange(len(self.actual)), rows)]

    def _of(self, rows: Tensor) -> HeldOut:
        chosen = rows.long().to(self.actual.device)
        return HeldOut(*(getattr(self, each.name)[chosen] for each in fields(self)))

    @property
    def tells_apart(self) -> bool:
        """Whether any row has something to compare, in units that exist."""
        return bool(((self.naive > 0) & (~self.actual.isnan()).any(1)).any())


def held_windows(panel: Panel, horizon: int, most: int, rows: int) -> NDArray[np.int64]:
    """(series,) how many windows of `horizon` steps at the end of each series are held out.

    At most half of a series, but one window of every series that has SHORTEST steps before it; and more than `most`,
    up to a tenth of a series, where all together would be less than `rows`.
    Raises: DataError if no series has.
    """
    lengths = panel.offsets[1:] - panel.first_observed
    if not (lengths >= horizon + SHORTEST).any():
        raise DataError(
            f"no series is long enough to train on: the longest has {int(lengths.max(initial=0))} steps from its first "
            f"value, but needs the horizon ({horizon}) plus at least {SHORTEST} more; shorten the horizon, or forecast "
            f"without fit"
        )
    each = np.clip(np.minimum(lengths // (2 * horizon), (lengths - SHORTEST) // horizon), 1, most)
    more = np.minimum(-(-rows // len(lengths)), lengths // (10 * horizon))
    return np.where(lengths >= horizon + SHORTEST, np.maximum(each, more), 0)


def hold_out(
    panel: Panel,
    windows: NDArray[np.int64],
    horizon: int,
    seasons: NDArray[np.int64],
    context_length: int,
    most_values: int,
    device: torch.device,
) -> HeldOut:
    """The validation part: windows of all series, spread evenly where all would be more than `most_values` to read or
    to forecast; one of each, the last one, the one before, ... in turn, where not even all series can be."""
    series = np.repeat(np.arange(panel.size), windows)
    back = np.arange(len(series)) - np.repeat(np.cumsum(windows) - windows, windows)
    ends = panel.offsets[series + 1] - back * horizon - horizon
    starts = panel.first_observed[series]
    blocks = np.maximum((ends - starts) // context_length - 1, 0)
    starts = starts + context_length * blocks  # what the network would not read is not copied
    longest = int((ends - starts).max())
    count = int(np.clip(most_values // max(longest, horizon), 1, min(len(series), MOST_ROWS)))
    chosen = np.linspace(0, len(series) - 1, count).astype(np.int64)
    firsts = np.flatnonzero(back == 0)
    if count <= len(firsts):  # every third row of three windows each would be the same window again and again
        some = firsts[np.linspace(0, len(firsts) - 1, count).astype(np.int64)]
        chosen = some + np.arange(count) % windows[series[some]]
    index = ends[chosen, None] + np.arange(-longest, horizon)
    part = np.where(index >= starts[chosen, None], panel.values[np.maximum(index, 0)], np.nan)
    history, actual = part[:, :longest], part[:, longest:]
    slots = seasons[series[chosen]]
    naive = seasonal_changes(history, slots)
    parts = (history, actual, slots, naive, series[chosen], back[chosen])
    return HeldOut(*(torch.tensor(each, device=device) for each in parts))


def seasonal_changes(history: NDArray[np.float64], seasons: NDArray[np.int64]) -> NDArray[np.float64]:
    """(rows,) mean absolute change over the first season length, or from step to step where that is none or 0.

    NaN where there is no change to see.
    """
    first = np.where(seasons[:, 0] < history.shape[1], seasons[:, 0], 0)
    result = np.full(len(history), np.nan)
    for lag in (*np.unique(first[first > 1]), 1):
        rows = np.flatnonzero((first == lag) | ((lag == 1) & ~(result > 0)))
        changes = np.abs(history[rows, lag:] - history[rows, :-lag])
        count = (~np.isnan(changes)).sum(1)
        result[rows] = np.where(count > 0, np.nansum(changes, 1) / np.maximum(count, 1), np.nan)
    return result
