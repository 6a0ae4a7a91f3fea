"""Seasons and the calendar: which season lengths a series has, what repeats with them, and what the dates bring."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch
from torch import Tensor

from tidegate.training.generators.draws import Draws, standard
from tidegate.training.generators.paths import smooth

# Season lengths with their weights: the calendar's own; any other length besides.
SEASONS = {4: 0.8, 5: 0.5, 6: 0.2, 7: 3.0, 12: 2.5, 13: 0.2, 24: 3.5, 48: 1.2, 52: 1.0, 60: 0.2, 96: 0.9, 144: 0.5,
           168: 0.4, 288: 0.4, 365: 0.3}  # fmt: skip
# A short season and a longer one that contains it: hours and weeks, days and years, working days and months.
PAIRS = ((7, 30), (7, 365), (7, 365), (24, 168), (24, 168), (24, 168), (48, 336), (48, 336), (96, 672), (144, 1008),
         (12, 60), (5, 21), (5, 260), (24, 96), (4, 52))  # fmt: skip
BUSINESS = (4, 12, 7, 12, 4, 52, 12, 5)


def season_lengths(draw: Draws, rows: int, length: int, *, short: bool = False) -> Tensor:
    """(rows, 2) season lengths of which the series holds at least one and a half, 0 for none."""
    table = torch.tensor(list(SEASONS), device=draw.device)
    usual = table[draw.choose(list(SEASONS.values()), rows)]
    any_length = draw.log_uniform(rows, 2, max(8, min(length / 3, 200)))[:, 0].long()
    first = torch.where(draw.chance(0.8, rows)[:, 0], usual, any_length)
    if short:
        first = torch.tensor(BUSINESS, device=draw.device)[draw.whole(rows, len(BUSINESS))]
    pair = torch.tensor(PAIRS, device=draw.device)[draw.whole(rows, len(PAIRS))]
    paired = draw.chance(0.35, rows)[:, 0] & (pair[:, 1] * 1.5 < length)
    first = torch.where(paired, pair[:, 0], first)
    none = draw.chance(0.45 if short else 0.22, rows)[:, 0] | (first * 1.5 > length)
    return torch.stack([first, torch.where(paired, pair[:, 1], 0)], dim=1).masked_fill(none[:, None], 0)


def seasonal(draw: Draws, seasons: Tensor, length: int) -> Tensor:
    """A season of unit size for each length in seasons (rows,), its size and phase sometimes drifting: (rows, length).

    Rows without a season are zero.
    """
    result = torch.zeros(len(seasons), length, device=draw.device)
    having = (seasons > 0).nonzero()[:, 0]
    if not len(having):
        return result
    period = seasons[having, None].float()
    rows = len(period)
    phase = (draw.uniform(rows, 1) * period).floor()
    time = torch.arange(length, device=draw.device)[None] + phase
    slip = 0.04 * period * standard(smooth(draw, length, rows))
    moved = time + torch.where(draw.chance(0.08, rows) & (period > 8), slip, 0.0)

    def shape(index: Tensor) -> Tensor:
        return season_shape(draw, moved[index] % period[index], period[index])

    shapes = standard(shape(torch.arange(rows, device=draw.device)))
    if length >= 48:  # some change their shape half way, slowly
        index = draw.chance(0.12, rows).nonzero()[:, 0]
        share = torch.sigmoid(2.5 * standard(smooth(draw, length, len(index))))
        shapes[index] = shapes[index] * (1 - share) + standard(shape(index)) * share
    drift = (draw.uniform(rows, 1, low=0.1, high=0.6) * standard(smooth(draw, length, rows))).exp()
    result[having] = shapes * torch.where(draw.chance(0.35, rows), drift, 1.0)
    return result


def season_shape(draw: Draws, position: Tensor, period: Tensor) -> Tensor:
    """Values at position (rows, time) in a season of length period (rows, 1), of one shape a row."""
    rows = len(period)
    whole = position.floor().long().clamp(min=0)

    def harmonics(index: Tensor) -> Tensor:
        """Up to eight sines, the higher the smaller."""
        order = torch.arange(1, 9, device=draw.device)
        decay, most = draw.uniform(len(index), 1, low=0.3, high=2.5), draw.uniform(len(index), 1) ** 1.5 * 8 + 1
        keep = (order <= most) & (2 * order <= period[index])
        keep[:, 0] = True
        size = draw.normal(len(index), 8) * order**-decay * keep
        angle = 2 * math.pi * (position[index] / period[index])[..., None] * order
        return ((angle + 2 * math.pi * draw.uniform(len(index), 1, 8)).sin() * size[:, None]).sum(-1)

    def table(index: Tensor) -> Tensor:
        """A number for each step of the season, some of them large."""
        numbers = draw.normal(len(index), 2048)
        sharp = torch.where(draw.chance(0.4, len(index)), numbers.abs() ** 3, numbers)
        return sharp.gather(1, whole[index] % 2048)

    def bumps(index: Tensor) -> Tensor:
        """Rush hours, lunch, daylight: one to three peaks, sometimes cut off below."""
        total = torch.zeros_like(position[index])
        share = position[index] / period[index]
        for bump in range(3):
            centre, width = draw.uniform(len(index), 1), draw.log_uniform(len(index), 0.02, 0.25)
            away = ((share - centre + 0.5) % 1.0 - 0.5) / width
            size = draw.log_uniform(len(index), 0.3, 1.0) * (draw.chance(0.5, len(index)) | (bump == 0))
            total = total + size * (-0.5 * away**2).exp()
        return (total - draw.uniform(len(index), 1, low=-0.5, high=0.4)).clamp(min=0)

    def off_days(index: Tensor) -> Tensor:
        """The last part of the season differs, as weekends do; every step a little."""
        begins = (period[index] * draw.uniform(len(index), 1, low=0.6, high=0.9)).floor()
        off = (whole[index] >= begins).float() * draw.uniform(len(index), 1, low=-1.0, high=1.0) * 2
        return off + 0.3 * draw.normal(len(index), 2048).gather(1, whole[index] % 2048)

    def spike(index: Tensor) -> Tensor:
        """One step of the season stands out, as December does, with its neighbours on one side."""
        after = (whole[index] - (draw.uniform(len(index), 1) * period[index]).long()) % period[index].long()
        fade = draw.uniform(len(index), 1, low=0.0, high=0.7).clamp(min=1e-3)
        return fade ** after.float() + 0.15 * draw.normal(len(index), 2048).gather(1, whole[index] % 2048)

    return draw.mixed(rows, [(5.0, harmonics), (1.8, table), (1.8, bumps), (0.8, off_days), (0.8, spike)])


def weekdays(draw: Draws, seasons: Tensor, length: int) -> Tensor:
    """(rows, length) a number for each short season within the long one: each day of a week, the weekend apart.

    Args: seasons (rows, 2); rows whose second length is not a multiple of the first up to 31 times are zero.
    """
    first, second = seasons[:, :1].clamp(min=1), seasons[:, 1:]
    count = second // first
    time = torch.arange(length, device=draw.device)[None] + (draw.uniform(len(seasons), 1) * second).long()
    day = (time // first) % count.clamp(min=1)
    numbers = 0.4 * draw.normal(len(seasons), 32)
    weekend = torch.arange(32, device=draw.device)[None] >= (count * 5 / 7).floor()
    numbers = torch.where(weekend, numbers + 2 * draw.normal(len(seasons), 1), numbers)
    fits = (second > 0) & (second % first == 0) & (count <= 31)
    return standard(numbers.gather(1, day.clamp(max=31))) * fits


@cache
def _four_years() -> tuple[Tensor, Tensor]:
    """Day of the month and day of the year, from 0, of the 1461 days that repeat every four years."""
    days = np.arange(np.datetime64("2001-01-01"), np.datetime64("2005-01-01"))
    in_month = (days - days.astype("M8[M]")).astype(np.int64)
    in_year = (days - days.astype("M8[Y]")).astype(np.int64)
    return torch.from_numpy(in_month), torch.from_numpy(in_year)


def calendar(draw: Draws, seasons: Tensor, length: int) -> Tensor:
    """(rows, length) what the dates bring to daily series: paydays, month ends, holidays; zero for other series.

    Args: seasons (rows, 2); a series is daily if its first season is 7.
    """
    result = torch.zeros(len(seasons), length, device=draw.device)
    index = ((seasons[:, 0] == 7) & draw.chance(0.45, len(seasons))[:, 0]).nonzero()[:, 0]
    rows = len(index)
    in_month, in_year = (table.to(draw.device) for table in _four_years())
    day = (torch.arange(length, device=draw.device) + draw.whole(rows, len(in_month))[:, None]) % len(in_month)
    payday = draw.uniform(rows, 1) * 31
    fade = (-((in_month[day] - payday) % 31) * draw.log_uniform(rows, 0.1, 2)).exp()
    result[index] += fade * draw.normal(rows, 1) * draw.chance(0.5, rows)
    for _ in range(3):
        holiday, width = draw.whole(rows, 365)[:, None], draw.log_uniform(rows, 0.6, 8)
        before = (in_year[day] - holiday).float()
        ramp = (before.clamp(max=0) / width).exp() * (before <= 0)  # it builds up, then stops
        around = (-0.5 * (before / width.clamp(max=2)) ** 2).exp()
        effect = torch.where(draw.chance(0.3, rows), ramp, around)
        result[index] += effect * 2 * draw.normal(rows, 1) * draw.chance(0.5, rows)
    return result
