"""The user's panel as tensors: training windows to draw, and held-out windows to validate on."""

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

SHORTEST = 4  # steps that a series must have before its forecast horizon
OVERSAMPLING = 4  # windows in a batch, at most, for each window that the series of a bucket hold
BUCKET_GROWTH = 1.3  # ratio of the longest to the shortest window of a batch, at most
MOST_ROWS = 10_000  # held-out windows: the forecasts of all candidates are in memory at once
LATE_START_SHARE = 0.2  # windows begin anywhere in this first share of a series, or in a larger one if there is room


@dataclass(frozen=True)
class Samples:
    """Series to draw training windows from, on the training device.

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
        """All series without their last `held` steps. Series that are then shorter than SHORTEST are not drawn.

        A window holds a context and the steps that the network predicts at once. If the horizon is longer, the window
        also holds the masked patches up to the horizon.
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
        """A batch of windows at random places, from series of similar length.

        The chance of a series is proportional to the windows that it holds, at least one. A window may begin late even
        if it is then shorter. Otherwise, if all series begin together, a network learns to count steps and memorises
        what came at each step for all of them.

        Returns: (count, window) values and (count, slots) seasons.
        """
        chances = torch.tensor([bucket.weight for bucket in self.buckets], dtype=torch.float64)
        bucket = self.buckets[int(torch.multinomial(chances, 1, generator=generator))]
        # The windows of a batch share their origins, so drawing a few series more often would repeat them.
        count = max(4, min(256, batch_values // bucket.window, int(OVERSAMPLING * bucket.weight)))
        series = bucket.series[torch.multinomial(bucket.weights, count, replacement=True, generator=generator)]
        series = series.to(self.values.device)
        length = self.stops[series] - self.starts[series]
        room = torch.maximum(length - bucket.window, (LATE_START_SHARE * length).long())
        share = torch.rand(count, generator=generator, dtype=torch.float64).to(self.values.device)
        begin = self.starts[series] + (share * (room + 1)).long()
        index = begin[:, None] + torch.arange(bucket.window, device=self.values.device)
        inside = index < self.stops[series, None]
        windows = torch.where(inside, self.values[index.clamp(max=len(self.values) - 1)], torch.nan)
        windows, _ = align(windows, bucket.window)  # each window begins with an observed value
        return windows, self.seasons[series]


@dataclass(frozen=True)
class Bucket:
    """Series whose windows have about the same length. weights: windows that each series holds, on the CPU."""

    series: Tensor
    weights: Tensor
    window: int

    @property
    def weight(self) -> float:
        return float(self.weights.sum())


def make_buckets(lengths: NDArray[np.int64], longest_window: int) -> list[Bucket]:
    """Series by the length of their windows, which grows by BUCKET_GROWTH from bucket to bucket."""
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
    """Held-out windows, one row each: the history before the forecast origin, and the actual values after it.

    Attributes:
        history: (rows, time) right-aligned, NaN in front. actual: (rows, horizon). seasons: (rows, slots).
        naive: (rows,) mean absolute seasonal change of the history, see `seasonal_changes`.
        series: (rows,) number of the series in the panel.
        window: (rows,) number of the window in its series, counted from the end.
    """

    history: Tensor
    actual: Tensor
    seasons: Tensor
    naive: Tensor
    series: Tensor
    window: Tensor

    def some(self, count: int) -> HeldOut:
        """`count` rows, evenly spread, or all if there are fewer."""
        return self._of(torch.linspace(0, len(self.actual) - 1, min(count, len(self.actual))))

    def parts(self, rows: int) -> list[HeldOut]:
        """All rows in parts of `rows`."""
        return [self._of(part) for part in torch.split(torch.arange(len(self.actual)), rows)]

    def _of(self, rows: Tensor) -> HeldOut:
        chosen = rows.long().to(self.actual.device)
        return HeldOut(*(getattr(self, each.name)[chosen] for each in fields(self)))

    @property
    def unit(self) -> Tensor:
        """(rows, 1) `naive`, in which errors are told; NaN where it is 0."""
        return torch.where(self.naive > 0, self.naive, torch.nan)[:, None]

    @property
    def tells_apart(self) -> bool:
        """Whether a good forecast can be told from a bad one: some row has actual values and a history that changes."""
        return bool(((self.naive > 0) & (~self.actual.isnan()).any(1)).any())


def held_windows(panel: Panel, horizon: int, most: int, rows: int) -> NDArray[np.int64]:
    """(series,) number of windows of `horizon` steps to hold out at the end of each series.

    Up to `most` windows and half of a series, but at least one window if SHORTEST steps come before it. If fewer than
    `rows` windows come together, up to a tenth of each series.

    Raises: DataError if no series has SHORTEST steps more than the horizon.
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
    """The held-out windows of a panel, at most `most_values` to read or to forecast.

    If there are more, the rows are spread evenly. If not even one per series fits, they come from evenly spread series,
    which take turns with their last window, the one before, and so on.
    """
    series = np.repeat(np.arange(panel.size), windows)
    back = np.arange(len(series)) - np.repeat(np.cumsum(windows) - windows, windows)
    ends = panel.offsets[series + 1] - back * horizon - horizon
    starts = panel.first_observed[series]
    blocks = np.maximum((ends - starts) // context_length - 1, 0)
    starts = starts + context_length * blocks  # the network would not read earlier values
    longest = int((ends - starts).max())
    count = int(np.clip(most_values // max(longest, horizon), 1, min(len(series), MOST_ROWS)))
    chosen = np.linspace(0, len(series) - 1, count).astype(np.int64)
    firsts = np.flatnonzero(back == 0)
    if count <= len(firsts):  # an even spread could always hit the same window
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
    """(rows,) mean absolute change over the first season length; over one step if there is no season or no change.

    NaN if no two values can be compared.
    """
    first = np.where(seasons[:, 0] < history.shape[1], seasons[:, 0], 0)
    result = np.full(len(history), np.nan)
    for lag in (*np.unique(first[first > 1]), 1):
        rows = np.flatnonzero((first == lag) | ((lag == 1) & ~(result > 0)))
        changes = np.abs(history[rows, lag:] - history[rows, :-lag])
        count = (~np.isnan(changes)).sum(1)
        result[rows] = np.where(count > 0, np.nansum(changes, 1) / np.maximum(count, 1), np.nan)
    return result
