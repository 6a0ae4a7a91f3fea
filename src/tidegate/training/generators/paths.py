"""Paths without a season: trends, walks, waves and noise, each (rows, time) of mean 0 and size 1.

Linear filters are applied through FFTs of twice the length, whose first half is kept, so that nothing wraps round.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from tidegate.training.generators.draws import Draws, standard

Path = Callable[[Draws, int, int], Tensor]  # (draw, length, rows) -> (rows, length)


def frequencies(draw: Draws, length: int) -> Tensor:
    """(1, length + 1) in cycles per step, of the FFT of twice the length."""
    return torch.fft.rfftfreq(2 * length, device=draw.device)[None]


def delay(draw: Draws, length: int) -> Tensor:
    """(1, length + 1) complex: what a delay of one step does to each frequency."""
    angle = -2 * math.pi * frequencies(draw, length)
    return torch.polar(torch.ones_like(angle), angle)


def filtered(noise: Tensor, response: Tensor) -> Tensor:
    """noise (rows, 2 * length) through a filter (rows, length + 1): (rows, length)."""
    length = noise.shape[1] // 2
    if not len(noise):  # FFTs refuse an empty batch
        return noise[:, :length]
    return torch.fft.irfft(torch.fft.rfft(noise) * response, n=2 * length)[:, :length]


def fading(steps: Tensor, keep: Tensor) -> Tensor:
    """y[t] = keep * y[t - 1] + steps[t] from y[-1] = 0: steps (rows, length), keep (rows, 1) below 1."""
    length = steps.shape[1]
    if not len(steps):  # FFTs refuse an empty batch
        return steps
    response = keep ** torch.arange(length, device=steps.device)
    spectrum = torch.fft.rfft(steps, n=2 * length) * torch.fft.rfft(response, n=2 * length)
    return torch.fft.irfft(spectrum, n=2 * length)[:, :length]


def one_of(draw: Draws, rows: int, length: int, weights: dict[Path, float]) -> Tensor:
    """(rows, length): each row a path of one kind, drawn by weight."""

    def kind(make: Path) -> Callable[[Tensor], Tensor]:
        return lambda index: make(draw, length, len(index))

    return draw.mixed(rows, [(weight, kind(make)) for make, weight in weights.items()])


# -- trends -----------------------------------------------------------------------------------------------------------


def time_share(draw: Draws, rows: int, length: int) -> Tensor:
    """(rows, length) from 0 to 1."""
    return torch.linspace(0, 1, length, device=draw.device).expand(rows, length)


def knots(draw: Draws, rows: int, length: int) -> Tensor:
    """(rows, length) zero but for 0 to about 8 steps with a normal number each."""
    rare = draw.log_uniform(rows, 0.5 / length, 8 / length)
    return (draw.uniform(rows, length) < rare) * draw.normal(rows, length)


def flat(draw: Draws, length: int, rows: int) -> Tensor:
    return torch.zeros(rows, length, device=draw.device)


def linear(draw: Draws, length: int, rows: int) -> Tensor:
    return time_share(draw, rows, length).clone()


def piecewise_linear(draw: Draws, length: int, rows: int) -> Tensor:
    return (knots(draw, rows, length).cumsum(1) + 0.3 * draw.normal(rows, 1)).cumsum(1)


def damped(draw: Draws, length: int, rows: int) -> Tensor:
    return 1 - (-time_share(draw, rows, length) * draw.log_uniform(rows, 0.5, 10)).exp()


def exponential(draw: Draws, length: int, rows: int) -> Tensor:
    return (time_share(draw, rows, length) * draw.uniform(rows, 1, low=0.5, high=4)).exp()


def logistic(draw: Draws, length: int, rows: int) -> Tensor:
    start, speed = draw.uniform(rows, 1, low=-0.3, high=1.1), draw.log_uniform(rows, 2, 40)
    return torch.sigmoid((time_share(draw, rows, length) - start) * speed)


def epidemic(draw: Draws, length: int, rows: int) -> Tensor:
    """One to four waves that rise and fall exponentially, or the running total of such waves."""
    time = torch.arange(length, device=draw.device)[None]
    total = torch.zeros(rows, length, device=draw.device)
    for wave in range(4):
        peak = draw.uniform(rows, 1, low=-0.1, high=1.2) * length
        rise, fall = draw.log_uniform(rows, 1.5, length / 3), draw.log_uniform(rows, 1.5, length / 2)
        shape = 1 / (((peak - time) / rise).clamp(max=40).exp() + ((time - peak) / fall).clamp(max=40).exp())
        total = total + shape * draw.log_uniform(rows, 0.1, 1.0) * (draw.chance(0.4, rows) | (wave == 0))
    return torch.where(draw.chance(0.3, rows), standard(total.cumsum(1)), standard(total))


def walk(draw: Draws, length: int, rows: int) -> Tensor:
    """A random walk: normal or heavy-tailed steps, sometimes with a drift."""
    steps = noise_of_one_size(draw, length, rows)
    drift = draw.normal(rows, 1) * draw.log_uniform(rows, 0.02, 1.0) * draw.chance(0.5, rows)
    return (steps + drift).cumsum(1)


def persistent_walk(draw: Draws, length: int, rows: int) -> Tensor:
    """A walk whose steps persist: an integrated AR(1), the local trends of exponential smoothing."""
    persistence = 1 - draw.log_uniform(rows, 1 / length, 0.7)
    return fading(draw.normal(rows, length), persistence).cumsum(1)


def smoothing(draw: Draws, length: int, rows: int) -> Tensor:
    """Exponential smoothing with a damped trend run forwards: one shock a step moves noise, level and trend.

    Source: Hyndman et al. (2008), "Forecasting with exponential smoothing", the model ETS(A, Ad, N).
    """
    alpha = draw.uniform(rows, 1) ** 1.5
    beta = alpha * draw.log_uniform(rows, 0.003, 0.5) * draw.chance(0.7, rows)
    damping = 1 - draw.log_uniform(rows, 0.5 / length, 0.3)
    shocks = draw.normal(rows, length)
    drift = draw.normal(rows, 1) * draw.log_uniform(rows, 0.01, 0.5) * draw.chance(0.6, rows)
    trend = beta * fading(shocks, damping) + drift
    moves = alpha * shocks
    moves[:, 1:] += damping * trend[:, :-1]
    level = moves.cumsum(1)
    return torch.cat([torch.zeros_like(level[:, :1]), level[:, :-1]], dim=1) + shocks


def smooth(draw: Draws, length: int, rows: int) -> Tensor:
    """Gaussian-process path with a squared exponential kernel; its length scale is a share of the length."""
    scale = length * draw.log_uniform(rows, 0.03, 0.5)
    response = torch.exp(-0.5 * (2 * math.pi * frequencies(draw, length) * scale) ** 2)
    return filtered(draw.normal(rows, 2 * length), response)


def levels(draw: Draws, length: int, rows: int) -> Tensor:
    """Constant but for a few jumps."""
    return knots(draw, rows, length).cumsum(1)


def rough_walk(draw: Draws, length: int, rows: int) -> Tensor:
    return coloured(draw, length, rows).cumsum(1)


def cumulative(draw: Draws, length: int, rows: int) -> Tensor:
    """A running total: never falls, grows faster at times."""
    return (draw.uniform(rows, 1, low=0.2, high=1.5) * standard(smooth(draw, length, rows))).exp().cumsum(1)


def tones(draw: Draws, length: int, rows: int) -> Tensor:
    """One to four sines of any length, as no calendar knows them: tides, cycles of the sun, machines."""
    time = torch.arange(length, device=draw.device)
    total = torch.zeros(rows, length, device=draw.device)
    for tone in range(4):
        period = draw.log_uniform(rows, 4, max(8.0, length / 2))
        size = draw.log_uniform(rows, 0.1, 1.0) * (draw.chance(0.45, rows) | (tone == 0))
        total = total + size * (2 * math.pi * (time / period + draw.uniform(rows, 1))).sin()
    return total


def product_of_paths(draw: Draws, length: int, rows: int) -> Tensor:
    """A product of kernels: a path whose size another one moves."""
    return standard(smooth(draw, length, rows)) * standard(coloured(draw, length, rows))


def trend(draw: Draws, rows: int, length: int, *, short: bool = False) -> Tensor:
    """(rows, length) of one of the kinds above, up or down. `short`: more of the walks that business series are."""
    weights: dict[Path, float] = {
        flat: 0.7,
        linear: 1.2,
        piecewise_linear: 1.4,
        damped: 0.6,
        exponential: 0.8,
        logistic: 0.5,
        epidemic: 0.4,
        walk: 2.4 if not short else 3.5,
        persistent_walk: 1.4 if not short else 2.5,
        smoothing: 1.2 if not short else 4.0,
        smooth: 1.0,
        levels: 0.7,
        rough_walk: 0.6,
        cumulative: 0.3,
        tones: 0.6,
        product_of_paths: 0.4,
    }
    chosen = standard(one_of(draw, rows, length, weights))
    return chosen * torch.where(draw.chance(0.5, rows), 1.0, -1.0)


# -- noise ------------------------------------------------------------------------------------------------------------


def noise_of_one_size(draw: Draws, length: int, rows: int) -> Tensor:
    """Independent steps: normal, heavy-tailed (Student t), or skewed."""
    noise = draw.normal(rows, length)
    freedom = draw.log_uniform(rows, 2.5, 30)
    tails = noise / (1 + draw.normal(rows, length).abs() ** 2 * 2 / freedom).rsqrt().clamp(min=0.15)
    skewed = (0.7 * noise).exp() - 1.28
    kind = draw.uniform(rows, 1)
    return torch.where(kind < 0.6, noise, torch.where(kind < 0.87, tails, skewed))


def white(draw: Draws, length: int, rows: int) -> Tensor:
    """Independent noise; its size sometimes wanders, or switches between two regimes."""
    noise = noise_of_one_size(draw, length, rows)
    wander = (draw.uniform(rows, 1, low=0.2, high=0.9) * standard(smooth(draw, length, rows))).exp()
    switch = torch.where(switches(draw, length, rows), draw.log_uniform(rows, 1.5, 6), 1.0)
    kind = draw.uniform(rows, 1)
    return noise * torch.where(kind < 0.25, wander, torch.where(kind < 0.32, switch, 1.0))


def switches(draw: Draws, length: int, rows: int) -> Tensor:
    """(rows, length) bool: in the second of two regimes, which take turns at random."""
    turns = (draw.uniform(rows, length) < draw.log_uniform(rows, 1 / length, 20 / length)).cumsum(1)
    return (turns + draw.whole(rows, 2)[:, None]) % 2 == 1


def coloured(draw: Draws, length: int, rows: int) -> Tensor:
    """Noise whose power falls as frequency to a random exponent: white, pink, brown, smoother."""
    exponent = draw.uniform(rows, 1, low=0.0, high=1.6)
    return filtered(draw.normal(rows, 2 * length), (frequencies(draw, length) + 0.5 / length) ** -exponent)


def autoregressive(draw: Draws, length: int, rows: int) -> Tensor:
    """ARMA(2, 1) noise by its transfer function: roots inside the unit circle, real or an oscillating pair."""
    radius = 1 - draw.log_uniform(rows, 0.01, 1.0)
    angle = torch.where(draw.chance(0.5, rows), 0.0, draw.uniform(rows, 1, high=math.pi))
    other = torch.where(angle > 0, radius, draw.uniform(rows, 1, low=-0.5, high=0.5))
    root = torch.polar(radius, angle)
    twin = torch.where(angle > 0, root.conj(), other.to(root.dtype))
    back = delay(draw, length)
    average = 1 + draw.uniform(rows, 1, low=-0.8, high=0.8) * back
    return filtered(draw.normal(rows, 2 * length), average / ((1 - root * back) * (1 - twin * back)))


def shots(draw: Draws, length: int, rows: int) -> Tensor:
    """Sudden rises that die away, as rivers after rain, queues and prices do."""
    rate = draw.log_uniform(rows, 0.005, 0.2)
    hits = (draw.uniform(rows, length) < rate) * draw.uniform(rows, length).clamp(min=1e-4).log().neg()
    return fading(hits, 1 - draw.log_uniform(rows, 0.02, 0.9))


def noise(draw: Draws, rows: int, length: int) -> Tensor:
    """(rows, length) of one of the kinds above, of unit size."""
    weights: dict[Path, float] = {white: 5.0, autoregressive: 2.6, coloured: 1.6, shots: 0.5}
    return standard(one_of(draw, rows, length, weights))
