"""Accuracy on synthetic series of kinds that the prior does not make: the set by which weights are chosen.

python benchmarks/unseen.py [--model FILE]

Choosing weights by the public sets of zero_shot.py would fit those few sets, and this would show on all others. So
choices are made here. Each kind is a small simulation of where such series come from (benchmarks/mechanisms), which
shares no code and no random numbers with `training/prior.py`. The kinds follow what firms, hospitals, utilities and
observatories keep: frequencies from 5 minutes to years, 12 to 2,000 steps of history; smooth, seasonal, counted,
intermittent, capped, bursting, stuck; with missing readings; and some that nobody can forecast well (exchange rates),
where the best is not to pretend. Horizons and the m of MASE are those in use for such data. SERIES series per kind, one
window each, always the same: every kind has a random stream of its own, so adding one changes no other.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from comparison import measure, show
from contender import Contender
from mechanisms import business, energy, health, nature, processes
from numpy.typing import NDArray
from tasks import Dataset, Task

SERIES = 40
SEED = 20251125

Mechanism = Callable[[np.random.Generator, int, int], NDArray[np.float64]]  # (random, series, steps) -> (series, steps)


@dataclass(frozen=True)
class Kind:
    """One mechanism with the shortest and longest history of its series, and how it is scored."""

    task: Task
    shortest: int
    longest: int
    make: Mechanism


def kind(name: str, frequency: str, m: int, horizon: int, lengths: tuple[int, int], make: Mechanism) -> Kind:
    return Kind(Task(name, horizon, m, frequency), *lengths, make)


KINDS = (
    kind("macro_yearly", "YS", 1, 6, (12, 40), processes.macro),
    kind("animals_yearly", "YS", 1, 6, (30, 100), nature.animals),
    kind("ets_quarterly", "QS", 4, 8, (16, 100), partial(processes.ets_multiplicative, season=4)),
    kind("unemployment_quarterly", "QS", 4, 8, (24, 160), processes.unemployment),
    kind("tourism_quarterly_like", "QS", 4, 8, (24, 100), partial(business.tourism, per_year=4)),
    kind("ets_monthly", "MS", 12, 18, (36, 240), partial(processes.ets_additive, season=12)),
    kind("sarima_monthly", "MS", 12, 18, (60, 300), partial(processes.sarima, season=12)),
    kind("retail_monthly", "MS", 12, 18, (48, 360), business.retail_chain),
    kind("tourism_monthly_like", "MS", 12, 24, (60, 300), partial(business.tourism, per_year=12)),
    kind("hospital_monthly", "MS", 12, 12, (48, 120), health.hospital_counts),
    kind("spare_parts_monthly", "MS", 12, 12, (36, 84), business.spare_parts),
    kind("policy_rate_monthly", "MS", 12, 12, (60, 360), processes.policy_rate),
    kind("sunspots_monthly", "MS", 12, 24, (200, 900), nature.sunspots),
    kind("ocean_monthly", "MS", 12, 12, (120, 600), nature.ocean_index),
    kind("influenza_weekly", "W", 1, 13, (104, 520), health.influenza),
    kind("new_product_weekly", "W", 1, 13, (30, 130), business.new_product),
    kind("exchange_rate_daily_like", "B", 5, 30, (300, 1500), processes.exchange_rate),
    kind("ets_daily", "D", 7, 28, (60, 500), partial(processes.ets_additive, season=7)),
    kind("epidemic_daily", "D", 7, 21, (90, 500), health.epidemic),
    kind("emergency_daily", "D", 7, 28, (200, 1000), health.emergency_ward),
    kind("shop_daily", "D", 7, 28, (150, 900), business.shop),
    kind("slow_item_daily", "D", 7, 28, (150, 900), business.slow_item),
    kind("page_views_daily", "D", 7, 42, (150, 900), business.page_views),
    kind("gas_daily", "D", 7, 14, (300, 1200), energy.gas_demand),
    kind("river_daily", "D", 7, 14, (400, 1600), nature.river),
    kind("temperature_daily", "D", 7, 28, (400, 1600), nature.daily_minimum),
    kind("grid_load_hourly", "h", 24, 48, (336, 1500), partial(energy.grid_load, per_day=24)),
    kind("spot_price_hourly", "h", 24, 24, (336, 1500), energy.spot_price),
    kind("wind_hourly", "h", 24, 24, (336, 1500), partial(energy.wind_farm, per_day=24)),
    kind("solar_hourly", "h", 24, 48, (200, 1500), partial(energy.solar_plant, per_day=24)),
    kind("tide_hourly", "h", 24, 48, (336, 1500), nature.tide_gauge),
    kind("dust_hourly", "h", 24, 24, (336, 1500), nature.fine_dust),
    kind("waiting_hourly", "h", 24, 48, (200, 1200), business.waiting_line),
    kind("grid_load_half_hourly", "30min", 48, 48, (336, 1700), partial(energy.grid_load, per_day=48)),
    kind("calls_half_hourly", "30min", 48, 48, (336, 1700), business.call_centre),
    kind("household_15min", "15min", 96, 96, (400, 2000), energy.household_meter),
    kind("solar_15min", "15min", 96, 48, (400, 2000), partial(energy.solar_plant, per_day=96)),
    kind("wind_10min", "10min", 144, 48, (600, 2000), partial(energy.wind_farm, per_day=144)),
    kind("machine_10min", "10min", 144, 48, (600, 2000), nature.machine_sensor),
    kind("server_5min", "5min", 288, 48, (700, 2000), business.server_load),
)


def draw(kind: Kind) -> Dataset:
    """The histories, of lengths spread evenly over orders of magnitude, and the next `horizon` values of each."""
    random = np.random.default_rng([SEED, zlib.crc32(kind.task.dataset.encode())])
    lengths = np.exp(random.uniform(np.log(kind.shortest), np.log(kind.longest), SERIES)).astype(int)
    values = kind.make(random, SERIES, kind.longest + kind.task.horizon)
    if np.isinf(values).any():
        raise ValueError(f"{kind.task.dataset} made an infinite value")
    horizon = kind.task.horizon
    histories = [row[-horizon - length : -horizon] for row, length in zip(values, lengths, strict=True)]
    return Dataset(kind.task, histories, [row[-horizon:] for row in values])


def kinds() -> Iterator[Dataset]:
    """All kinds, one after the other."""
    return map(draw, KINDS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a size that comes with the package, or a file; left out, the default size")
    contender = Contender.open(parser.parse_args().model)
    show(measure(contender, dataset) for dataset in kinds())


if __name__ == "__main__":
    main()
