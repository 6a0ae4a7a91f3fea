"""What firms count: shop sales, spare parts, visitors, page views, calls, waiting lines, servers, new products."""

from __future__ import annotations

import numpy as np

from .clock import Clock, wave
from .draws import Floats, Random, autoregressive, chance, decaying, log_uniform, negative_binomial, uniform


def retail_chain(random: Random, series: int, steps: int) -> Floats:
    """Monthly turnover of a trade: December, trading days, growth that breaks, inflation; some peak elsewhere."""
    month = (np.arange(steps) + random.integers(0, 12, (series, 1))) % 12
    december = uniform(random, 0.0, 0.8, series) * np.array([0.0] * 10 + [0.25, 1.0])[month]
    other = (np.exp(random.normal(0, 1, (series, 12)) * 0.06) - 1)[np.arange(series)[:, None], month]
    february = -0.08 * (month == 1)
    trading_days = uniform(random, 0, 0.03, series) * random.integers(-1, 2, (series, steps))
    breaks = (random.random((series, steps)) < 0.008) * random.normal(0, 1, (series, steps))
    growth = np.cumsum(
        np.clip(random.normal(0.003, 0.003, (series, 1)) + 0.004 * np.cumsum(breaks, axis=1), -0.02, 0.02), 1
    )
    shifts = np.cumsum((random.random((series, steps)) < 0.006) * random.normal(0, 0.12, (series, steps)), axis=1)
    cycle = 0.04 * autoregressive(random, series, steps, 0.97)
    noise = log_uniform(random, 0.008, 0.06, series) * random.normal(size=(series, steps))
    logs = np.log1p(december + other) + february + trading_days + growth + shifts + cycle + noise
    return np.round(np.exp(np.clip(logs, -5, 8)) * log_uniform(random, 5, 3e3, series), 1)


def shop(random: Random, series: int, steps: int) -> Floats:
    """Daily sales of one shop: its own week, often shut on Sundays and holidays, campaigns, pay day, Advent."""
    clock = Clock.start(random, series, steps, 1)
    week = np.exp(random.normal(0, 0.2, (series, 7)) + np.array([0, -0.05, -0.05, 0, 0.2, 0.35, 0.0]))
    traffic = np.take_along_axis(week, clock.weekday, axis=1)
    day_of_month = clock.day % 30.4
    payday = uniform(random, 0, 0.25, series) * (day_of_month < 4) * chance(random, 0.5, series)
    advent = uniform(random, 0, 0.7, series) * wave(clock.year, 350 / 365, 40)
    summer = uniform(random, -0.25, 0.25, series) * np.cos(2 * np.pi * (clock.year - 0.55))
    every = random.integers(10, 40, (series, 1))
    campaign = uniform(random, 0, 0.7, series) * ((clock.day + every // 2) % every < random.integers(3, 9, (series, 1)))
    level = (
        0.25 * np.cumsum(random.normal(0, 0.03, (series, steps)), axis=1)
        + random.normal(0, 0.15, (series, 1)) * clock.days / 365
    )
    noise = uniform(random, 0.05, 0.25, series) * random.normal(size=(series, steps))
    sales = traffic * np.exp(payday + advent + summer + campaign * chance(random, 0.6, series) + level + noise)
    shut = (clock.weekday == 6) & chance(random, 0.5, series) | clock.holidays(random)
    return np.round(np.where(shut, 0.0, sales) * log_uniform(random, 50, 2e4, series))


def spare_parts(random: Random, series: int, steps: int) -> Floats:
    """Monthly orders of a part: rare customers, batches, and demand that fades as the machines go out of use."""
    life = np.exp(
        -np.maximum(np.arange(steps) - uniform(random, 0, steps, series), 0) / uniform(random, 10, 80, series)
    )
    rate = log_uniform(random, 0.08, 2.0, series) * np.where(chance(random, 0.4, series), life, 1.0)
    orders = random.poisson(rate * np.exp(0.3 * autoregressive(random, series, steps, 0.8)))
    batch = log_uniform(random, 0.2, 6, series)
    return orders + random.poisson(batch * orders).astype(float)


def slow_item(random: Random, series: int, steps: int) -> Floats:
    """Daily units of one item in one shop: negative binomial, weekend, promotions, out-of-stock spells of zeros."""
    clock = Clock.start(random, series, steps, 1)
    weekend = uniform(random, 0.9, 1.8, series) ** (clock.weekday >= 5)
    promotion = np.where(
        decaying((random.random((series, steps)) < 0.008) * 1.0, 0.9) > 0.5, uniform(random, 1, 4, series), 1
    )
    popularity = np.exp(0.5 * autoregressive(random, series, steps, 0.99))
    mean = log_uniform(random, 0.15, 6, series) * weekend * promotion * popularity
    empty = decaying((random.random((series, steps)) < 0.004) * random.uniform(1, 8, (series, steps)), 0.85) > 0.5
    launched = np.arange(steps) >= np.where(chance(random, 0.3, series), uniform(random, 0, 0.5, series) * steps, 0)
    return negative_binomial(random, mean, uniform(random, 0.6, 5, series)) * ~empty * launched


def page_views(random: Random, series: int, steps: int) -> Floats:
    """Daily visits: office or leisure week, school year, news that breaks and is forgotten, slow growth or decay."""
    clock = Clock.start(random, series, steps, 1)
    office = uniform(random, -0.9, 0.35, series) * (clock.weekday >= 5) - 0.15 * (clock.weekday == 4)
    holiday = uniform(random, -0.7, 0.2, series) * clock.holidays(random)
    school = uniform(random, -0.4, 0.2, series) * (wave(clock.year, 0.6, 6) + wave(clock.year, 0.99, 25))
    news = (random.random((series, steps)) < log_uniform(random, 0.001, 0.02, series)) * random.pareto(
        1.6, (series, steps)
    )
    buzz = np.log1p(decaying(np.minimum(news, 40), uniform(random, 0.5, 0.92, series)))
    interest = np.cumsum(log_uniform(random, 0.003, 0.02, series) * random.normal(size=(series, steps)), axis=1)
    growth = random.normal(0, 0.25, (series, 1)) * clock.days / 365
    noise = uniform(random, 0.03, 0.15, series) * autoregressive(random, series, steps, 0.4)
    mean = np.exp(np.clip(office + holiday + school + buzz + interest + growth + noise, -4, 9))
    return random.poisson(np.minimum(mean * log_uniform(random, 10, 5e4, series), 1e9)).astype(float)


def tourism(random: Random, series: int, steps: int, *, per_year: int) -> Floats:
    """Arrivals at a resort: a high season that widens, Easter that moves, exchange-rate swings, shocks and recovery."""
    position = (np.arange(steps) + random.integers(0, per_year, (series, 1))) / per_year
    widening = 1 + 0.5 * np.cumsum(random.normal(0, 0.06, (series, steps)), axis=1) / np.sqrt(per_year)
    summer = wave(position, uniform(random, 0.45, 0.7, series), uniform(random, 0.4, 4, series))
    winter = wave(position, uniform(random, 0.0, 0.2, series), uniform(random, 2, 8, series)) * chance(
        random, 0.3, series
    )
    peak = (
        uniform(random, 0.2, 2.2, series)
        * (summer + uniform(random, 0.2, 1, series) * winter)
        * np.clip(widening, 0.3, 2)
    )
    year = np.floor(position).astype(int)
    late = random.random((series, year.max() + 1)) < 0.5
    place = np.floor(per_year * (position % 1) + 1e-6) == np.where(
        np.take_along_axis(late, year, 1), per_year // 4, per_year // 4 - 1
    )
    easter = uniform(random, 0, 0.2, series) * place
    growth = random.normal(0.04, 0.05, (series, 1)) * np.arange(steps) / per_year
    demand = np.cumsum(random.normal(0, 0.07, (series, steps)), axis=1) / np.sqrt(per_year)
    shock = (random.random((series, steps)) < 0.04 / per_year) * random.uniform(0.2, 1.2, (series, steps))
    recovery = decaying(shock, np.exp(-1 / (uniform(random, 0.3, 1.5, series) * per_year)))
    noise = log_uniform(random, 0.015, 0.12, series) * random.normal(size=(series, steps))
    logs = peak + easter + growth + demand - recovery + noise
    return np.round(np.exp(np.clip(logs, -5, 9)) * log_uniform(random, 50, 5e4, series))


def call_centre(random: Random, series: int, steps: int) -> Floats:
    """Calls per half hour: shut at night, two peaks, Mondays, and days that are busy or quiet as a whole."""
    clock = Clock.start(random, series, steps, 48)
    shape = wave(clock.hour, uniform(random, 9.5, 11.5, series), 3, 24) + uniform(random, 0.3, 0.9, series) * wave(
        clock.hour, 15, 4, 24
    )
    opened = uniform(random, 6, 9, series)
    staffed = (clock.hour >= opened) & (clock.hour < opened + uniform(random, 9, 13, series))
    busy = np.exp(random.normal(0, 0.15, (series, 7)) + np.array([0.25, 0.05, 0, 0, -0.05, -0.9, -1.4]))
    first = clock.day - clock.day.min(1, keepdims=True)
    whole_day = np.exp(0.14 * autoregressive(random, series, int(first.max()) + 1, 0.5))
    shut = np.where(clock.weekday == 6, chance(random, 0.5, series), False) | clock.holidays(random)
    mean = shape * np.take_along_axis(busy, clock.weekday, 1) * np.take_along_axis(whole_day, first, 1)
    mean = np.where(staffed & ~shut, mean, uniform(random, 0, 0.02, series))
    return random.poisson(mean * log_uniform(random, 5, 400, series)).astype(float)


def waiting_line(random: Random, series: int, steps: int) -> Floats:
    """People waiting, read every hour: arrivals with a daily curve, few servers, so quiet hours and long jams."""
    clock = Clock.start(random, series, steps, 24)
    curve = 0.25 + wave(clock.hour, uniform(random, 8, 19, series), uniform(random, 0.8, 3, series), 24)
    curve = curve * np.where(clock.weekday >= 5, uniform(random, 0.4, 1.3, series), 1.0)
    servers = log_uniform(random, 8, 150, series)[:, 0]
    arrivals = random.poisson(
        curve
        * servers[:, None]
        * uniform(random, 0.85, 1.3, series)
        * np.exp(0.15 * autoregressive(random, series, steps, 0.9))
    )
    waiting, now = np.empty((series, steps)), np.zeros(series)
    for step in range(steps):
        left = random.poisson(0.1 * now)  # some give up
        now = np.maximum(now + arrivals[:, step] - left - random.poisson(servers), 0)
        waiting[:, step] = now
    return waiting


def server_load(random: Random, series: int, steps: int) -> Floats:
    """Processor load in percent every 5 minutes: users by day, jobs on the hour, deployments, leaks until a restart."""
    clock = Clock.start(random, series, steps, 288)
    users = wave(clock.hour, uniform(random, 11, 20, series), uniform(random, 0.5, 2, series), 24) * np.where(
        clock.weekday >= 5, 0.6, 1.0
    )
    job = np.where(
        (np.arange(steps) % random.choice([12, 24, 72, 288], (series, 1))) < random.integers(1, 4, (series, 1)),
        1.0,
        0.0,
    )
    deployed = np.cumsum((random.random((series, steps)) < 0.0012) * random.normal(0, 9, (series, steps)), axis=1)
    age = (np.arange(steps) + random.integers(0, 700, (series, 1))) % random.integers(500, 2000, (series, 1))
    leak = uniform(random, 0, 0.02, series) * age * chance(random, 0.3, series)
    noise = log_uniform(random, 0.4, 5, series) * autoregressive(random, series, steps, uniform(random, 0, 0.9, series))
    load = (
        uniform(random, 3, 40, series) + uniform(random, 0, 40, series) * users + uniform(random, 0, 35, series) * job
    )
    load = np.clip(load + deployed + leak + noise, 0.2, 100)
    return np.round(load, 2)


def new_product(random: Random, series: int, steps: int) -> Floats:
    """Weekly sales after a launch: imitation and saturation (Bass, 1969), a gift season, a successor at the end."""
    innovate, imitate = log_uniform(random, 0.001, 0.02, series)[:, 0], random.uniform(0.02, 0.16, series)
    owned, sales = np.zeros(series), np.empty((series, steps))
    for step in range(steps):
        buyers = (innovate + imitate * owned) * (1 - owned)
        owned = owned + buyers
        sales[:, step] = buyers
    repeat = uniform(random, 0, 0.01, series) * np.cumsum(sales, axis=1)
    week = (np.arange(steps) + random.integers(0, 52, (series, 1))) / 52
    gifts = 1 + uniform(random, 0, 1.5, series) * wave(week, 50 / 52, 60)
    noise = np.exp(uniform(random, 0.05, 0.25, series) * autoregressive(random, series, steps, 0.5))
    return random.poisson((sales + repeat) * gifts * noise * log_uniform(random, 2e3, 2e6, series)).astype(float)
