"""The prior: seeded, batched synthetic series, the only thing the shipped weights have ever seen.

Each series is a weighted sum (or product) of a trend, seasons, a cycle and noise, then bent into shapes met in
business, sensor and count data. Everything is vectorised over the batch with FFTs, cumulative sums and gathers: no
loop over time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

# Season lengths with their weights: the calendar's own, then any length.
SEASONS = ((4, 1.5), (5, 0.5), (7, 3.0), (12, 3.0), (24, 3.0), (48, 1.0), (52, 1.0), (96, 0.6), (144, 0.3), (168, 0.5))
LONGER = ((4, 52), (7, 28), (7, 30), (7, 365), (24, 168), (48, 336), (96, 672), (12, 60), (5, 21), (5, 260), (24, 96))


@dataclass(frozen=True)
class Batch:
    """values (batch, time) float64, NaN where missing; seasons (batch, 3) int64 as a user tells them, 0 for none."""

    values: Tensor
    seasons: Tensor


class Prior:
    """Draws batches of synthetic series. Two priors with one seed on one kind of device draw the same batches."""

    def __init__(self, seed: int, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.generator = torch.Generator(self.device).manual_seed(seed)

    def sample(self, batch: int, length: int, *, short: bool = False) -> Batch:
        """Draw `batch` series of `length` steps. `short`: business series with trends on the scale of `length`."""
        seasons = self._season_lengths(batch, length, short)
        values = self._mixture(batch, length, seasons, short)
        values = self._shape(values, seasons)
        values = self._accidents(values)
        told = self._told(seasons, length)
        return Batch(self._missing(values).to(torch.float64), told)

    # -- random numbers -------------------------------------------------------------------------------------------

    def _uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        return low + (high - low) * torch.rand(*shape, generator=self.generator, device=self.device)

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self.generator, device=self.device)

    def _chance(self, probability: float, batch: int) -> Tensor:
        """(batch, 1) bool."""
        return self._uniform(batch, 1) < probability

    def _log_uniform(self, batch: int, low: float, high: float) -> Tensor:
        return self._uniform(batch, 1, low=math.log(low), high=math.log(high)).exp()

    def _choose(self, weights: tuple[float, ...], batch: int) -> Tensor:
        """(batch,) index drawn with the given weights."""
        table = torch.tensor(weights, device=self.device).expand(batch, -1)
        return torch.multinomial(table, 1, generator=self.generator)[:, 0]

    # -- seasons --------------------------------------------------------------------------------------------------

    def _season_lengths(self, batch: int, length: int, short: bool) -> Tensor:
        """(batch, 2) true season lengths, 0 for none."""
        table = torch.tensor([season for season, _ in SEASONS], device=self.device)
        usual = table[self._choose(tuple(weight for _, weight in SEASONS), batch)]
        any_length = self._log_uniform(batch, 2, max(8, min(length / 3, 120)))[:, 0].long()
        first = torch.where(self._chance(0.75, batch)[:, 0], usual, any_length)
        if short:
            few = torch.tensor([4, 12, 7, 12, 4, 52], device=self.device)
            first = few[torch.randint(6, (batch,), generator=self.generator, device=self.device)]
        pairs = torch.tensor(LONGER, device=self.device)
        pair = pairs[torch.randint(len(LONGER), (batch,), generator=self.generator, device=self.device)]
        paired = self._chance(0.3, batch)[:, 0] & (pair[:, 1] * 1.5 < length)
        first = torch.where(paired, pair[:, 0], first)
        second = torch.where(paired, pair[:, 1], 0)
        none = self._chance(0.5 if short else 0.25, batch)[:, 0] | (first * 1.5 > length)
        return torch.stack([first.masked_fill(none, 0), second.masked_fill(none, 0)], dim=1)

    def _seasonal(self, seasons: Tensor, time: Tensor) -> Tensor:
        """(batch, time) one season of unit size: smooth harmonics, a random table, or a sharp one; drifting slowly."""
        batch, length = len(seasons), len(time)
        period = seasons.clamp(min=2)[:, None].float()
        phase = self._uniform(batch, 1) * period
        order = torch.arange(1, 9, device=self.device)
        decay = self._uniform(batch, 1, low=0.3, high=2.5)
        keep = order[None] <= (self._uniform(batch, 1) ** 1.5 * 8 + 1)
        keep &= 2 * order[None] <= period
        size = self._normal(batch, 2, 8) * (order**-decay)[:, None] * keep[:, None]
        angle = 2 * math.pi * ((time[None] + phase) / period)[..., None] * order
        smooth = (angle.sin() * size[:, :1] + angle.cos() * size[:, 1:]).sum(-1)
        table = self._normal(batch, 1024)
        sharp = self._chance(0.35, batch)
        table = torch.where(sharp, table.abs() ** 3, table)
        weekend = (torch.arange(1024, device=self.device)[None] >= (period * 5 / 7).floor()).float()
        table = torch.where(self._chance(0.25, batch), -2.0 * weekend * self._uniform(batch, 1) + 0.3 * table, table)
        position = (time[None] + phase.floor()) % period
        at = position.long().clamp(max=1023)
        tabled = table.gather(1, at)
        shape = torch.where(self._chance(0.6, batch), standard(smooth), standard(tabled))
        drift = (0.4 * self._smooth(batch, length, length / 2)).exp()
        return shape * torch.where(self._chance(0.35, batch), drift, 1.0)

    # -- paths ----------------------------------------------------------------------------------------------------

    def _filtered(self, batch: int, length: int, power: Tensor) -> Tensor:
        """White noise with the given amplitude (batch, frequencies) per frequency, made unit size."""
        spectrum = torch.fft.rfft(self._normal(batch, 2 * length)) * power
        return standard(torch.fft.irfft(spectrum, n=2 * length)[:, :length])

    def _frequencies(self, length: int) -> Tensor:
        return torch.fft.rfftfreq(2 * length, device=self.device)[None]

    def _smooth(self, batch: int, length: int, scale: float | Tensor) -> Tensor:
        """Gaussian-process path with a squared exponential kernel of the given length scale."""
        return self._filtered(batch, length, torch.exp(-0.5 * (2 * math.pi * self._frequencies(length) * scale) ** 2))

    def _coloured(self, batch: int, length: int) -> Tensor:
        """Noise whose power falls as frequency to a random exponent: white, pink, brown, smoother."""
        exponent = self._uniform(batch, 1, low=0.0, high=1.6)
        return self._filtered(batch, length, (self._frequencies(length) + 0.5 / length) ** -exponent)

    def _autoregressive(self, batch: int, length: int) -> Tensor:
        """ARMA(2, 1) noise by its transfer function: roots inside the unit circle, real or an oscillating pair."""
        radius = 1 - self._log_uniform(batch, 0.01, 1.0)
        angle = torch.where(self._chance(0.5, batch), 0.0, self._uniform(batch, 1, high=math.pi))
        other = torch.where(angle > 0, radius, self._uniform(batch, 1, low=-0.5, high=0.5))
        root = torch.polar(radius, angle)
        twin = torch.where(angle > 0, root.conj(), other.to(root.dtype))
        delay = torch.polar(torch.ones_like(radius), -2 * math.pi * self._frequencies(length))
        average = 1 + self._uniform(batch, 1, low=-0.8, high=0.8) * delay
        return self._filtered(batch, length, average / ((1 - root * delay) * (1 - twin * delay)))

    def _white(self, batch: int, length: int) -> Tensor:
        """White noise: normal, heavy-tailed (Student t), or skewed; its size sometimes wandering."""
        noise = self._normal(batch, length)
        freedom = self._log_uniform(batch, 2.5, 30)
        tails = noise / (1 + self._normal(batch, length).abs() ** 2 * 2 / freedom).rsqrt().clamp(min=0.15)
        skewed = (0.7 * noise).exp() - 1.28
        kind = self._uniform(batch, 1)
        noise = torch.where(kind < 0.55, noise, torch.where(kind < 0.85, tails, skewed))
        wander = (0.6 * self._smooth(batch, length, length / 6)).exp()
        return noise * torch.where(self._chance(0.25, batch), wander, 1.0)

    def _trend(self, batch: int, length: int, short: bool) -> Tensor:
        """One of: none, linear, piecewise linear, damped, exponential, logistic, walks, cycles, level shifts."""
        t = torch.linspace(0, 1, length, device=self.device)[None].expand(batch, -1)
        rare = self._log_uniform(batch, 1 / length, 8 / length)
        knots = (self._uniform(batch, length) < rare) * self._normal(batch, length)
        steps = self._normal(batch, length)
        walk = steps.cumsum(1)
        drift = self._normal(batch, 1) * self._log_uniform(batch, 0.02, 1.0)
        start = self._uniform(batch, 1, low=-0.5, high=1.0)
        speed = self._log_uniform(batch, 2, 30)
        kinds = torch.stack(
            [
                torch.zeros_like(t),
                t,
                (knots.cumsum(1) + 0.3 * self._normal(batch, 1)).cumsum(1) / length,
                1 - (-t * self._log_uniform(batch, 0.5, 10)).exp(),
                (t * self._uniform(batch, 1, low=0.5, high=4)).exp(),
                torch.sigmoid((t - start) * speed),
                walk,
                walk + drift * torch.arange(length, device=self.device),
                self._autoregressive_walk(steps, length),
                self._smooth(batch, length, length * self._log_uniform(batch, 0.03, 0.4)),
                knots.cumsum(1),
                self._coloured(batch, length).cumsum(1),
                torch.sigmoid((t - start) * speed) * torch.sigmoid((start + 0.3 - t) * speed),
            ],
            dim=1,
        )
        weights = (0.7, 1.5, 1.5, 0.7, 0.8, 0.5, 2.0, 1.5, 1.5, 1.0, 0.7, 0.7, 0.2)
        if short:
            weights = (0.5, 1.5, 1.5, 0.8, 1.2, 0.6, 2.5, 3.0, 2.5, 1.0, 0.5, 0.7, 0.2)
        kind = self._choose(weights, batch)
        chosen = standard(kinds[torch.arange(batch, device=self.device), kind])
        return chosen * torch.where(self._chance(0.5, batch), 1.0, -1.0)

    def _autoregressive_walk(self, steps: Tensor, length: int) -> Tensor:
        """A walk whose steps persist: an integrated AR(1), the local trends of exponential smoothing."""
        persistence = 1 - self._log_uniform(len(steps), 1 / length, 0.7)
        frequency = self._frequencies(length)
        delay = torch.polar(torch.ones_like(frequency), -2 * math.pi * frequency)
        spectrum = torch.fft.rfft(steps, n=2 * length) / (1 - persistence * delay)
        return torch.fft.irfft(spectrum, n=2 * length)[:, :length].cumsum(1)

    # -- whole series ---------------------------------------------------------------------------------------------

    def _mixture(self, batch: int, length: int, seasons: Tensor, short: bool) -> Tensor:
        """(batch, length) trend + seasons + noise, each with a random share, of about unit size."""
        time = torch.arange(length, device=self.device).float()
        trend = self._trend(batch, length, short) * self._log_uniform(batch, 0.1, 4.0)
        second_trend = self._trend(batch, length, short) * self._log_uniform(batch, 0.05, 1.0)
        trend = trend + second_trend * self._chance(0.35, batch)
        has = (seasons > 0).float()
        season = self._seasonal(seasons[:, 0], time) * has[:, :1] * self._log_uniform(batch, 0.15, 3.0)
        longer = self._seasonal(seasons[:, 1], time) * has[:, 1:] * self._log_uniform(batch, 0.1, 2.0)
        busy = torch.where(self._chance(0.3, batch), (0.7 * longer).exp(), 1.0)
        kind = self._uniform(batch, 1)
        noise = torch.where(
            kind < 0.5,
            self._white(batch, length),
            torch.where(kind < 0.8, self._autoregressive(batch, length), self._coloured(batch, length)),
        )
        size = self._log_uniform(batch, 0.01, 1.5)
        size = torch.where(self._chance(0.08, batch), 0.0, size)
        rhythm = torch.where(self._chance(0.2, batch) & (seasons[:, :1] > 0), (0.5 * season).clamp(-2, 2).exp(), 1.0)
        growth = torch.where(self._chance(0.2, batch), (0.5 * trend).clamp(-2, 2).exp(), 1.0)
        return trend + (season * busy + longer) * growth + size * noise * rhythm

    def _shape(self, values: Tensor, seasons: Tensor) -> Tensor:
        """Bend into what real data look like: positive, counts, intermittent, clipped, saturated, rounded."""
        batch, length = values.shape
        level = self._log_uniform(batch, 0.1, 30)
        positive = (values * self._log_uniform(batch, 0.1, 0.8)).clamp(-8, 8).exp()
        rate = positive * self._log_uniform(batch, 0.1, 300)
        counts = torch.poisson(rate.clamp(max=1e6), generator=self.generator)
        sales = (self._uniform(batch, length) < self._uniform(batch, 1, low=0.03, high=0.7)).float()
        demand = sales * (
            1 + torch.poisson(self._log_uniform(batch, 0.1, 10) * positive.clamp(max=20), generator=self.generator)
        )
        floor = torch.quantile(values, float(self._uniform(1, low=0.1, high=0.6)), dim=1, keepdim=True)
        clipped = (values - floor).clamp(min=0)
        ceiling = torch.quantile(values, float(self._uniform(1, low=0.6, high=0.95)), dim=1, keepdim=True)
        saturated = torch.minimum(values, ceiling)
        rounded = (values * level).round()
        kinds = torch.stack([values, positive, counts, demand, clipped, saturated, rounded, values + level], dim=1)
        kind = self._choose((5.0, 4.5, 1.6, 0.5, 0.6, 0.3, 0.5, 1.0), batch)
        return kinds[torch.arange(batch, device=self.device), kind]

    def _accidents(self, values: Tensor) -> Tensor:
        """Outliers, bursts and level shifts, in a minority of the series."""
        batch, length = values.shape
        size = values.std(1, keepdim=True)
        rate = self._log_uniform(batch, 0.5 / length, 0.02) * self._chance(0.15, batch)
        spikes = (self._uniform(batch, length) < rate) * self._normal(batch, length) * 4 * size
        times = torch.rand(batch, 2, generator=self.generator, device=self.device).sort(1).values * length
        step = torch.arange(length, device=self.device)[None]
        burst = ((step >= times[:, :1]) & (step < times[:, :1] + 0.1 * (times[:, 1:] - times[:, :1]))).float()
        shift = (step >= times[:, 1:]).float()
        jump = self._normal(batch, 1) * 1.5 * size
        values = values + spikes + burst * jump * self._chance(0.05, batch)
        return values + shift * jump * self._chance(0.06, batch)

    def _missing(self, values: Tensor) -> Tensor:
        """Single missing points and missing runs, in a minority of the series."""
        batch, length = values.shape
        rate = self._log_uniform(batch, 0.002, 0.3) * self._chance(0.1, batch)
        gone = self._uniform(batch, length) < rate
        start = self._uniform(batch, 3) * length
        span = self._log_uniform(batch, 2, max(3.0, length / 6))
        step = torch.arange(length, device=self.device)[None]
        for run in range(3):
            inside = (step >= start[:, run : run + 1]) & (step < start[:, run : run + 1] + span)
            gone |= inside & self._chance(0.05, batch)
        gone[:, 0] = False
        return values.masked_fill(gone, torch.nan)

    def _told(self, seasons: Tensor, length: int) -> Tensor:
        """(batch, 3): the true lengths most of the time, sometimes none, often a calendar's guess that is not there."""
        batch = len(seasons)
        table = torch.tensor([season for season, _ in SEASONS], device=self.device)
        guess = table[torch.randint(len(table), (batch,), generator=self.generator, device=self.device)]
        guess = guess.masked_fill(guess * 1.5 > length, 0)
        first = torch.where(seasons[:, 0] > 0, seasons[:, 0], torch.where(self._chance(0.5, batch)[:, 0], guess, 0))
        weekly = torch.where(first == 24, 168, torch.where(first == 48, 336, torch.where(first == 7, 30, first * 4)))
        weekly = weekly.masked_fill((first == 0) | (weekly * 1.5 > length), 0)
        second = torch.where(seasons[:, 1] > 0, seasons[:, 1], torch.where(self._chance(0.3, batch)[:, 0], weekly, 0))
        third = torch.where(self._chance(0.1, batch)[:, 0], guess, 0)
        third = third.masked_fill((third == first) | (third == second), 0)
        told = torch.stack([first, second, third], dim=1)
        return told.masked_fill(self._chance(0.06, batch), 0)


def standard(values: Tensor) -> Tensor:
    """Each row with mean 0 and standard deviation 1; a constant row becomes 0."""
    values = values - values.mean(1, keepdim=True)
    return values / values.std(1, keepdim=True).clamp(min=1e-6)
