"""What may be seen at a forecast origin: location, scale, the last patch, the same steps in earlier seasons.

Everything here is causal: what is computed for a step depends on values before `known` only, so that training at every
origin leaks nothing and a stream can carry the sums along. Numbers are centred and divided by a power of two in
float64 before they become float32, so that an offset of a million scales or a unit of 1e-30 costs no accuracy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import torch
from torch import Tensor

from tidegate.forecasting.config import LOOKUP_SEASONS

LINEAR = 3.0  # scales from the location within which squashing changes little
# The second and third look-up average LOOKUP_SEASONS, each with so much of the weight of the one after it.
LOOKUP_FADE = 0.85
LOOKUP_CHANNELS = 3  # one season back; the average season at the last one's level; the same with the drift
TINY = 1e-300  # for divisors that are zero only where what they divide is zero too
LOOKUP_DRIFT = 3.0  # seasons ahead over which the drift goes on
LOG_LIMIT = 300.0  # of logarithms that are turned back into values
# Forecasts of logarithms stay so many scales from the last value, or within a factor of ten: a band that is a little
# too wide in them is ridiculous in values.
LOG_SCALES, LOG_ROOM = 6.0, 2.3


def logarithms(values: Tensor, unit: float) -> Tensor:
    """What a network of this `log_unit` reads of values: arsinh(value / unit), or with 0 the values themselves.

    Well above the unit that is ln(2 value / unit); towards zero and below there is no edge to fall over.
    """
    return (values / unit).asinh() if unit else values


def from_logarithms(read: Tensor, unit: float) -> Tensor:
    """`logarithms` back again."""
    return unit * read.clamp(-LOG_LIMIT, LOG_LIMIT).sinh() if unit else read


@dataclass(frozen=True)
class Steps:
    """The steps of the recurrent network, each (batch, steps) int64, counted from the first observed value.

    A step reads the patch that ends at `origin`, knows values before `known` only (origin > known: a masked patch
    beyond the end of the history), and advances from the step before it, which ended at `previous`.
    """

    origin: Tensor
    known: Tensor
    previous: Tensor

    @classmethod
    def full_patches(cls, batch: int, count: int, patch_length: int, device: torch.device) -> Steps:
        """Origins P, 2P, ... on the patch grid."""
        origin = (torch.arange(1, count + 1, device=device) * patch_length).expand(batch, count)
        return cls(origin, origin, origin - patch_length)

    @classmethod
    def to_the_end(cls, lengths: Tensor, count: int, patch_length: int) -> Steps:
        """Full patches, then the patch that ends at each series' end, then masked patches; `count` steps in all."""
        grid = torch.arange(1, count + 1, device=lengths.device)[None] * patch_length
        final = last_step(lengths, patch_length)[:, None] + 1
        end = lengths[:, None]
        origin = torch.where(grid < end, grid, end + grid - final * patch_length)
        before = torch.cat([torch.zeros_like(end), origin[:, :-1]], dim=1)
        return cls(origin, torch.minimum(origin, end), before)

    def apart(self) -> Steps:
        """The same numbers, each in memory of its own."""
        parts = (self.origin, self.known, self.previous)
        return Steps(*(part.clone(memory_format=torch.contiguous_format) for part in parts))

    def at(self, index: Tensor) -> Steps:
        """Some of the steps."""
        return Steps(self.origin[:, index], self.known[:, index], self.previous[:, index])


def last_step(lengths: Tensor, patch_length: int) -> Tensor:
    """(batch,) index of the step whose patch ends at the end of the history."""
    return torch.div((lengths - 1).clamp(min=0), patch_length, rounding_mode="floor")


@dataclass(frozen=True)
class History:
    """Series from their first observed value on, ready to be looked at from any origin. All (batch, time) unless said.

    `filled` is (value - first) / unit in float64, each missing value replaced by the last observed one.
    """

    observed: Tensor  # bool
    filled: Tensor
    count: Tensor  # running number of observed values
    area: Tensor  # running sum of filled over all steps
    weight: Tensor  # running sum of 1 over observed values; this and the next three fade, see `of`
    total: Tensor  # of filled
    squares: Tensor
    moves: Tensor  # of |change| between observed values
    first: Tensor  # (batch, 1) float64, the first observed value
    unit: Tensor  # (batch, 1) float64, a power of two

    @classmethod
    def of(cls, values: Tensor, half_life: int = 0) -> History:
        """values (batch, time) float64, NaN where missing; time 0 should be observed.

        `half_life`: steps after which a value counts half as much in the scale; 0: all count the same.
        """
        observed = ~values.isnan()
        first = values[:, :1].nan_to_num(nan=0.0)
        centred = torch.where(observed, values - first, 0.0)
        largest = centred.abs().amax(dim=1, keepdim=True)
        unit = torch.where(largest > 0, largest.clamp(min=1e-300).log2().floor().exp2(), 1.0)
        centred = centred / unit
        count = observed.to(torch.float64).cumsum(1)
        filled = fill_forward(centred, observed, count)
        moves = torch.diff(filled, dim=1, prepend=filled[:, :1]).abs()
        parts = (observed.to(torch.float64), centred, centred * centred, moves)
        weight, total, squares, moved = (running(part, half_life) for part in parts)
        return cls(observed, filled, count, filled.cumsum(1), weight, total, squares, moved, first, unit)

    @property
    def length(self) -> int:
        return self.filled.shape[1]

    def rows(self, some: slice) -> History:
        """Some of the series."""
        tensors = {name: value[some] for name, value in vars(self).items() if isinstance(value, Tensor)}
        return replace(self, **tensors)


def running(parts: Tensor, half_life: int) -> Tensor:
    """(batch, time): sums along time of what has come so far, each part counting half after `half_life` steps."""
    if not half_life:
        return parts.cumsum(1)
    grown = growth(torch.arange(parts.shape[1], device=parts.device), half_life)
    return (parts * grown).cumsum(1) / grown


def growth(steps: Tensor, half_life: int) -> Tensor:
    """2 ** (steps / half_life) float64 of int64; the same to the bit whatever stands beside a number."""
    table = (torch.arange(half_life, device=steps.device, dtype=torch.float64) / half_life).exp2()
    return torch.ldexp(table[steps % half_life], torch.div(steps, half_life, rounding_mode="floor"))


def fill_forward(values: Tensor, observed: Tensor, count: Tensor) -> Tensor:
    """(batch, time): each missing value replaced by the last observed one; zero before the first."""
    rank = count.to(torch.int64)  # how many values have been observed up to each step
    slots = values.new_zeros(values.shape[0], values.shape[1] + 2)
    dump = torch.full_like(rank, values.shape[1] + 1)  # missing values are written where nothing reads
    slots = slots.scatter(1, torch.where(observed, rank, dump), values)
    return slots.gather(1, rank)


def take(series: Tensor, index: Tensor) -> Tensor:
    """series (batch, time) at index (batch, ...), clamped into the series."""
    flat = index.clamp(0, series.shape[1] - 1).flatten(1)
    return series.gather(1, flat).view(index.shape)


@dataclass(frozen=True)
class Scaling:
    """Location and scale of each step, (batch, steps) float64 in units of History; scale is 0 for a constant."""

    location: Tensor
    scale: Tensor
    spread: Tensor  # log of (mean absolute change / standard deviation): rough against smooth
    count: Tensor

    @classmethod
    def at(cls, history: History, known: Tensor) -> Scaling:
        """Location: the last observed value. Scale: mean of standard deviation and mean absolute change so far, old
        values counting less where the history fades."""
        last = known - 1
        count = take(history.count, last).clamp(min=1.0)
        weight = take(history.weight, last).clamp(min=TINY)
        mean = take(history.total, last) / weight
        deviation = (take(history.squares, last) / weight - mean * mean).clamp(min=0.0).sqrt()
        pairs = weight * (1.0 - 1.0 / count)  # the first value has no change before it
        change = take(history.moves, last) / pairs.clamp(min=TINY)
        both = (deviation > 0) & (change > 0)
        spread = torch.where(both, change / torch.where(both, deviation, 1.0), 1.0).log()
        started = known > 0
        return cls(
            torch.where(started, take(history.filled, last), 0.0),
            torch.where(started, 0.5 * (deviation + change), 0.0),
            spread,
            count,
        )

    def at_steps(self, index: Tensor) -> Scaling:
        """Of some of the steps."""
        return Scaling(*(part[:, index] for part in (self.location, self.scale, self.spread, self.count)))

    @property
    def divisor(self) -> Tensor:
        """The scale, or 1 for a constant."""
        return torch.where(self.scale > 0, self.scale, 1.0)

    def scaled(self, values: Tensor) -> Tensor:
        """values (batch, steps, ...) in units of History -> distance from the location in scales, float32."""
        shape = (*self.location.shape, *(1,) * (values.dim() - self.location.dim()))
        scaled = (values - self.location.view(shape)) / self.divisor.view(shape)
        return scaled.clamp(-1e9, 1e9).to(torch.float32)

    def squash(self, values: Tensor) -> Tensor:
        """Scaled values as the network sees them: as they are within a few LINEAR scales, logarithmic far off."""
        return LINEAR * (self.scaled(values) / LINEAR).asinh()


OfSteps = TypeVar("OfSteps", Steps, Scaling)


def joined(several: Sequence[OfSteps]) -> OfSteps:
    """Several steps of the same series, one after the other."""
    kind = type(several[0])
    return kind(*(torch.cat([getattr(one, part.name) for one in several], dim=1) for part in fields(kind)))


def patch_index(steps: Steps, patch_length: int) -> Tensor:
    """(batch, steps, patch): positions of the patch that ends at each origin."""
    return steps.origin[..., None] + torch.arange(-patch_length, 0, device=steps.origin.device)


def visible(history: History, index: Tensor, known: Tensor) -> Tensor:
    """(batch, steps, ...) bool: inside the series, before `known`, and observed."""
    limit = known.view(*known.shape, *(1,) * (index.dim() - 2))
    return (index >= 0) & (index < limit) & take(history.observed, index)


def look_up(history: History, scaling: Scaling, steps: Steps, seasons: Tensor, horizon: int) -> tuple[Tensor, Tensor]:
    """What seasonal forecasts by hand would say, aligned with the horizon.

    Three of them for each season length: the values one season back; the average season, each of the last
    LOOKUP_SEASONS around its own mean, at the mean of the last one; and the same with the change from the season before
    it to the last one added for every season ahead.

    Args:
        seasons: (batch, slots) season lengths, 0 for none.
    Returns:
        values (batch, steps, slots, LOOKUP_CHANNELS, horizon) squashed, 0 where nothing is known, and the known share
        (batch, steps, slots, LOOKUP_CHANNELS).
    """
    ahead = torch.arange(1, horizon + 1, device=seasons.device)
    lead = (steps.origin - steps.known)[:, :, None, None] + ahead  # (batch, steps, 1, horizon) past the last known
    known = steps.known[:, :, None, None]
    season = seasons[:, None, :, None]
    length = season.clamp(min=1)
    seasons_ahead = torch.div(lead + length - 1, length, rounding_mode="floor")
    base = known - 1 + lead - length * seasons_ahead  # (batch, steps, slots, horizon) within the last season
    starts = known - length * torch.arange(1, LOOKUP_SEASONS + 1, device=seasons.device)  # (..., LOOKUP_SEASONS)
    whole = (starts >= 0) & (season > 0)
    means = (area_before(history, starts + length) - area_before(history, starts)) / length

    latest = take(history.filled, base)
    is_latest = visible(history, base, steps.known) & (season > 0)
    around, weights = torch.zeros_like(latest), torch.zeros_like(latest)
    for back in range(LOOKUP_SEASONS):
        index = base - length * back  # always before `known`, and inside the series where the season is whole
        weight = (LOOKUP_FADE**back * whole[..., back, None]) * take(history.observed, index)
        around = torch.addcmul(around, weight, take(history.filled, index) - means[..., back, None])
        weights = weights + weight
    is_average = weights > 0
    average = torch.where(is_average, around / weights.clamp(min=1e-9) + means[..., :1], latest)
    drift = torch.where(whole[..., 1:2], means[..., :1] - means[..., 1:2], 0.0)
    drifted = average + drift * seasons_ahead.clamp(max=LOOKUP_DRIFT)

    known_at = is_latest | is_average
    channels = [(latest, is_latest), (average, known_at), (drifted, known_at)]
    values = [torch.where(seen, scaling.squash(value), 0.0) for value, seen in channels]
    has_drift = whole[..., 1:2].expand_as(is_latest)
    share = [is_latest, weights / sum(LOOKUP_FADE**back for back in range(LOOKUP_SEASONS)), is_average & has_drift]
    return torch.stack(values, dim=3), torch.stack([part.to(torch.float32).mean(-1) for part in share], dim=3)


def area_before(history: History, index: Tensor) -> Tensor:
    """Sum of the filled values before each index (batch, ...); zero at and before the start."""
    return torch.where(index > 0, take(history.area, index - 1), 0.0)
