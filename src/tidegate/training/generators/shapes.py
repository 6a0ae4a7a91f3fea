"""What real data look like: positive, counted, intermittent, clipped, rounded, hit by accidents, with gaps."""

from __future__ import annotations

import torch
from torch import Tensor

from tidegate.training.generators.draws import Draws, standard


def row_quantile(values: Tensor, share: Tensor) -> Tensor:
    """(rows, 1): the value below which `share` (rows, 1) of each row of values (rows, time) lies."""
    place = (share * (values.shape[1] - 1)).round().long()
    return values.sort(1).values.gather(1, place)


def bend(draw: Draws, values: Tensor) -> Tensor:
    """values (rows, time) of about unit size -> the same bent into one of the shapes that data have."""
    length = values.shape[1]
    unit = standard(values)

    def positive(index: Tensor) -> Tensor:
        """Its logarithm has a standard deviation of 0.05 to 1: all within a few percent, or over two decades."""
        return (unit[index] * draw.log_uniform(len(index), 0.05, 1.0)).clamp(-6, 6).exp()

    def counts(index: Tensor) -> Tensor:
        return draw.poisson(positive(index) * draw.log_uniform(len(index), 0.1, 300))

    def demand(index: Tensor) -> Tensor:
        """Zero most of the time; when something is sold, one or a few."""
        rows = len(index)
        busy = (unit[index] * draw.log_uniform(rows, 0.05, 0.8)).clamp(-3, 3).exp()
        sold = draw.uniform(rows, length) < draw.log_uniform(rows, 0.03, 0.8) * busy
        return sold * (1 + draw.poisson(draw.log_uniform(rows, 0.05, 10) * busy))

    def clipped(index: Tensor) -> Tensor:
        floor = row_quantile(values[index], draw.uniform(len(index), 1, low=0.05, high=0.65))
        return (values[index] - floor).clamp(min=0)

    def saturated(index: Tensor) -> Tensor:
        ceiling = row_quantile(values[index], draw.uniform(len(index), 1, low=0.6, high=0.95))
        return torch.minimum(values[index], ceiling)

    def share(index: Tensor) -> Tensor:
        return torch.sigmoid(values[index] * draw.log_uniform(len(index), 0.3, 3) + draw.normal(len(index), 1))

    def rounded(index: Tensor) -> Tensor:
        return (values[index] * draw.log_uniform(len(index), 0.5, 30)).round()

    def held(index: Tensor) -> Tensor:
        """A sensor that reports anew only now and then."""
        time = torch.arange(length, device=draw.device)[None]
        fresh = draw.uniform(len(index), length) < draw.uniform(len(index), 1, low=0.2, high=0.95)
        last = torch.where(fresh | (time == 0), time, 0).cummax(1).values
        return values[index].gather(1, last)

    def level(index: Tensor) -> Tensor:
        return values[index] + draw.log_uniform(len(index), 0.1, 30)

    return draw.mixed(
        len(values),
        [
            (5.0, lambda index: values[index]),
            (4.5, positive),
            (1.6, counts),
            (0.8, demand),
            (0.8, clipped),
            (0.3, saturated),
            (0.3, share),
            (0.5, rounded),
            (0.2, held),
            (1.0, level),
        ],
    )


def accidents(draw: Draws, values: Tensor) -> Tensor:
    """Outliers, bursts, level shifts and standstills, in a minority of the rows of values (rows, time)."""
    rows, length = values.shape
    size = values.std(1, keepdim=True)
    rate = draw.log_uniform(rows, 0.5 / length, 0.02) * draw.chance(0.15, rows)
    spikes = (draw.uniform(rows, length) < rate) * draw.normal(rows, length) * 4 * size
    times = draw.uniform(rows, 2).sort(1).values * length
    step = torch.arange(length, device=draw.device)[None]
    burst = ((step >= times[:, :1]) & (step < times[:, :1] + 0.15 * (times[:, 1:] - times[:, :1]))).float()
    shift = (step >= times[:, 1:]).float()
    jump = draw.normal(rows, 1) * 1.5 * size
    values = values + spikes + burst * jump * draw.chance(0.05, rows)
    values = values + shift * jump * draw.chance(0.06, rows)
    standstill = draw.chance(0.02, rows) & (burst > 0)
    return torch.where(standstill, values.amin(1, keepdim=True), values)


def gaps(draw: Draws, values: Tensor) -> Tensor:
    """NaN at single points and in runs, in a minority of the rows; the first value of each stays."""
    rows, length = values.shape
    rate = draw.log_uniform(rows, 0.002, 0.3) * draw.chance(0.1, rows)
    gone = draw.uniform(rows, length) < rate
    start = draw.uniform(rows, 3) * length
    span = draw.log_uniform(rows, 2, max(3.0, length / 6))
    step = torch.arange(length, device=draw.device)[None]
    for run in range(3):
        inside = (step >= start[:, run : run + 1]) & (step < start[:, run : run + 1] + span)
        gone |= inside & draw.chance(0.05, rows)
    gone[:, 0] = False
    return values.masked_fill(gone, torch.nan)
