"""The prior: seeded batches of synthetic series, the only data that the shipped weights were trained on.

A series is trend, seasons, calendar and noise, added or multiplied, then bent into what business, sensor and count
data look like. The ingredients are in `generators/`: FFTs, cumulative sums and gathers over whole batches, with no
loop over time. docs/prior.md shows samples beside real series.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tidegate.training.generators.draws import Draws, deviation, standard
from tidegate.training.generators.paths import autoregressive, knots, noise, noise_of_one_size, smoothing, trend
from tidegate.training.generators.rhythms import SEASONS, calendar, closed, season_lengths, seasonal, weekdays
from tidegate.training.generators.shapes import accidents, bend, gaps


@dataclass(frozen=True)
class Batch:
    """values (batch, time) float64, NaN where missing; seasons (batch, 3) int64 as a user would give them, 0: none."""

    values: Tensor
    seasons: Tensor

    def to(self, device: torch.device) -> Batch:
        return Batch(self.values.to(device), self.seasons.to(device))


class Prior:
    """Draws batches of synthetic series. Two priors with one seed on one kind of device draw the same batches."""

    def __init__(self, seed: int, device: torch.device | str = "cpu") -> None:
        self.draw = Draws(seed, device)

    def sample(self, batch: int, length: int, *, short: bool = False) -> Batch:
        """Draw `batch` series of `length` steps. `short`: mostly business series, with trends on that scale."""
        draw = self.draw
        seasons = season_lengths(draw, batch, length, short=short)
        third = torch.zeros(batch, dtype=torch.int64, device=draw.device)
        is_business = draw.chance(0.6 if short else 0.15, batch)[:, 0]
        values = torch.empty(batch, length, device=draw.device)
        index = is_business.nonzero()[:, 0]
        values[index] = business(draw, seasons[index], length)
        index = (~is_business).nonzero()[:, 0]
        composed, third[index] = mixed_rows(
            draw, composition(draw, seasons[index], length, short=short), seasons[index]
        )
        values[index] = bend(draw, composed)
        values = torch.where(closed(draw, seasons[:, 0], length), values.amin(1, keepdim=True).clamp(max=0), values)
        values = gaps(draw, accidents(draw, values))
        return Batch(values.to(torch.float64), given_seasons(draw, torch.cat([seasons, third[:, None]], dim=1), length))


def composition(draw: Draws, seasons: Tensor, length: int, *, short: bool) -> Tensor:
    """Trend + seasons + noise, each with a random share, of about unit size: seasons (rows, 2) -> (rows, length)."""
    rows = len(seasons)
    slow = trend(draw, rows, length, short=short) * draw.log_uniform(rows, 0.1, 4.0)
    second = trend(draw, rows, length, short=short) * draw.log_uniform(rows, 0.05, 1.0)
    slow = slow + second * draw.chance(0.35, rows)
    season = seasonal(draw, seasons[:, 0], length) * draw.log_uniform(rows, 0.15, 3.0)
    days = weekdays(draw, seasons, length)
    longer = torch.where(draw.chance(0.5, rows), days, seasonal(draw, seasons[:, 1], length))
    longer = longer * draw.log_uniform(rows, 0.1, 2.0)
    busy = torch.where(draw.chance(0.4, rows), (0.7 * longer).clamp(-3, 3).exp(), 1.0)
    only_busy = draw.chance(0.3, rows)
    size = draw.log_uniform(rows, 0.01, 1.5).masked_fill(draw.chance(0.08, rows), 0.0)
    has_season = seasons[:, :1] > 0
    rhythm = torch.where(draw.chance(0.2, rows) & has_season, (0.5 * season).clamp(-2, 2).exp(), 1.0)
    growth = torch.where(draw.chance(0.2, rows), (0.5 * slow).clamp(-2, 2).exp(), 1.0)
    dates = calendar(draw, seasons, length) * draw.log_uniform(rows, 0.1, 1.5)
    repeating = season * busy + torch.where(only_busy, 0.0, longer) + dates
    return slow + repeating * growth + size * noise(draw, rows, length) * rhythm


def mixed_rows(draw: Draws, values: Tensor, seasons: Tensor) -> tuple[Tensor, Tensor]:
    """A tenth of the rows become mixtures with other rows. Returns: values, and (rows,) the partner's season."""
    rows = len(values)
    other = torch.randperm(rows, generator=draw.generator, device=draw.device)
    mixed = draw.chance(0.1, rows)
    share = draw.uniform(rows, 1, low=0.1, high=0.6)
    partner = torch.where(mixed[:, 0], seasons[other, 0], 0)
    return torch.where(mixed, (1 - share) * values + share * values[other], values), partner


def business(draw: Draws, seasons: Tensor, length: int) -> Tensor:
    """Sales, visitors, production: growth, seasons and shocks of so many percent a step; seasons (rows, 2).

    Level, growth and noise are either those of exponential smoothing, where one shock moves them all, or a walk with
    noise of its own; growth changes now and then. Most are multiplicative, some are counts.
    """
    rows = len(seasons)
    per_season = seasons[:, :1].clamp(min=1).float().sqrt()
    size = draw.log_uniform(rows, 0.003, 0.3)
    steps = noise_of_one_size(draw, length, rows)
    apart = (draw.log_uniform(rows, 0.02, 2.0) * steps).cumsum(1) + draw.normal(rows, length)
    shocks = size * torch.where(draw.chance(0.6, rows), smoothing(draw, length, rows), apart)
    rate = draw.normal(rows, 1) * draw.log_uniform(rows, 0.002, 0.1) / per_season
    changes = knots(draw, rows, length) * draw.log_uniform(rows, 0.002, 0.1) / per_season
    growth = (rate + changes.cumsum(1) * draw.chance(0.6, rows)).cumsum(1)
    cycle = standard(autoregressive(draw, length, rows)) * draw.log_uniform(rows, 0.01, 0.4) * draw.chance(0.25, rows)
    season = seasonal(draw, seasons[:, 0], length) * draw.log_uniform(rows, 0.02, 0.7)
    longer = seasonal(draw, seasons[:, 1], length) * draw.log_uniform(rows, 0.02, 0.5)
    dates = calendar(draw, seasons, length) * draw.log_uniform(rows, 0.03, 0.4)
    relative = shocks + growth + cycle + season + longer + dates
    relative = relative / deviation(relative).clamp(min=1.0)  # no firm moves through more than a few decades

    def counts(index: Tensor) -> Tensor:
        return draw.poisson(relative[index].exp() * draw.log_uniform(len(index), 0.5, 300))

    return draw.mixed(
        rows,
        [(5.5, lambda index: relative[index].exp()), (2.5, lambda index: 1 + relative[index]), (1.5, counts)],
    )


def given_seasons(draw: Draws, seasons: Tensor, length: int) -> Tensor:
    """(rows, 3) season lengths as given to the network: mostly the true ones, sometimes none, often a wrong guess.

    Args:
        seasons: (rows, 3), two of the series itself and one of the series that it was mixed with.
    """
    rows = len(seasons)
    table = torch.tensor(list(SEASONS), device=draw.device)
    guess = table[draw.whole(rows, len(table))]
    guess = guess.masked_fill(guess * 1.5 > length, 0)
    first = torch.where(seasons[:, 0] > 0, seasons[:, 0], torch.where(draw.chance(0.5, rows)[:, 0], guess, 0))
    longer = torch.where((first >= 24) & (first <= 288), first * 7, torch.where(first == 7, 30, first * 4))
    longer = longer.masked_fill((first == 0) | (longer * 1.5 > length), 0)
    second = torch.where(seasons[:, 1] > 0, seasons[:, 1], torch.where(draw.chance(0.25, rows)[:, 0], longer, 0))
    third = torch.where(draw.chance(0.08, rows)[:, 0], guess, seasons[:, 2])
    third = third.masked_fill((third == first) | (third == second) | (third * 1.5 > length), 0)
    lengths = torch.stack([first, second, third], dim=1)
    return lengths.masked_fill(draw.chance(0.06, rows), 0)
