"""Water, air, animals, the sun, and the sensors that watch them."""

from __future__ import annotations

import numpy as np

from .clock import Clock, wave
from .draws import Floats, Random, autoregressive, chance, decaying, log_uniform, uniform


def tide_gauge(random: Random, series: int, steps: int) -> Floats:
    """Sea level in metres every hour: constituents M2, S2, N2, K1, O1 and M4 with their true periods, and surge."""
    hours = np.arange(steps) + uniform(random, 0, 1e5, series)
    level = np.zeros((series, steps))
    for period, size in ((12.4206, 1.0), (12.0, 0.35), (12.6583, 0.2), (23.9345, 0.25), (25.8193, 0.2), (6.2103, 0.06)):
        amplitude = size * log_uniform(random, 0.3, 2.5, series)
        level += amplitude * np.cos(2 * np.pi * hours / period + uniform(random, 0, 2 * np.pi, series))
    surge = uniform(random, 0.03, 0.3, series) * autoregressive(random, series, steps, 0.98)
    return np.round(uniform(random, 0.5, 3, series) * level + uniform(random, 0, 6, series) + surge, 3)


def river(random: Random, series: int, steps: int) -> Floats:
    """Daily flow: storms into a fast and a slow store, snow that melts in spring; sharp rises, long recessions."""
    clock = Clock.start(random, series, steps, 1)
    wet = 0.25 + 0.15 * np.cos(2 * np.pi * (clock.year - uniform(random, 0, 1, series)))
    rain = (random.random((series, steps)) < wet) * random.gamma(0.7, 8, (series, steps))
    snowy = uniform(random, 0, 1, series) * chance(random, 0.6, series)
    frozen = np.cos(2 * np.pi * (clock.year - 0.04)) > 0.6
    fallen = rain * frozen * snowy
    melt = wave(clock.year, uniform(random, 0.25, 0.4, series), 25) * uniform(random, 5, 15, series) * snowy
    water = rain - fallen + melt * (0.6 + 0.4 * random.random((series, steps)))
    fast = decaying(water, uniform(random, 0.4, 0.8, series))
    slow = decaying(0.02 * water, uniform(random, 0.97, 0.995, series))
    flow = (0.5 * fast + 2 * slow + 0.3) * log_uniform(random, 0.1, 100, series)
    return np.round(flow * np.exp(0.02 * random.normal(size=flow.shape)), 2)


def daily_minimum(random: Random, series: int, steps: int) -> Floats:
    """Lowest temperature of the day: the year, weather that persists for days and is more variable in winter."""
    clock = Clock.start(random, series, steps, 1)
    yearly = -uniform(random, 3, 14, series) * np.cos(2 * np.pi * (clock.year - uniform(random, 0.03, 0.09, series)))
    spread = uniform(random, 1.5, 4, series) * (1 + 0.35 * np.cos(2 * np.pi * clock.year))
    weather = autoregressive(random, series, steps, uniform(random, 0.5, 0.8, series))
    skewed = weather - 0.25 * (weather**2 - 1)
    return np.round(uniform(random, -2, 20, series) + yearly + spread * skewed, 1)


def fine_dust(random: Random, series: int, steps: int) -> Floats:
    """Hourly particles in a city: calm spells build up, wind clears within hours; rush hours; sensors drop out."""
    clock = Clock.start(random, series, steps, 24)
    calm = autoregressive(random, series, steps, 0.985)
    emission = 0.6 + wave(clock.hour, 8, 3, 24) + 0.8 * wave(clock.hour, 20, 2, 24)
    mixing = 1 + 0.8 * wave(clock.hour, 14, 1.5, 24)
    clearing = np.clip(0.06 * np.exp(-1.1 * calm) * mixing, 0.01, 0.9)
    stuff, now = np.empty((series, steps)), np.full(series, 8.0)
    for step in range(steps):
        now = now * (1 - clearing[:, step]) + emission[:, step] * 0.8
        stuff[:, step] = now
    stuff = stuff * np.exp(0.12 * random.normal(size=stuff.shape)) * log_uniform(random, 0.5, 6, series)
    lost = decaying((random.random((series, steps)) < 0.003) * random.uniform(1, 6, (series, steps)), 0.85) > 0.5
    return np.where(lost, np.nan, np.round(stuff))


def machine_sensor(random: Random, series: int, steps: int) -> Floats:
    """A reading every 10 minutes: warm-up and cool-down by shift, coarse steps, drop-outs, values that stick."""
    clock = Clock.start(random, series, steps, 144)
    shift = (clock.hour >= uniform(random, 5, 8, series)) & (clock.hour < uniform(random, 16, 23, series))
    runs = shift & ((clock.weekday < 5) | chance(random, 0.4, series)) | chance(random, 0.15, series)
    stops = decaying((random.random((series, steps)) < 0.002) * 1.0, 0.9) > 0.3
    target = np.where(runs & ~stops, uniform(random, 40, 90, series), uniform(random, 15, 25, series))
    lag = uniform(random, 0.03, 0.4, series)[:, 0]
    heat, now = np.empty((series, steps)), target[:, 0]
    for step in range(steps):
        now = now + lag * (target[:, step] - now)
        heat[:, step] = now
    room = 3 * np.cos(2 * np.pi * (clock.hour - 15) / 24) + 2 * autoregressive(random, series, steps, 0.995)
    reading = heat + room + log_uniform(random, 0.05, 1.5, series) * random.normal(size=(series, steps))
    unit = random.choice([0.01, 0.1, 0.5, 1.0], (series, 1))
    reading = np.round(reading / unit) * unit
    for row in np.flatnonzero(random.random(series) < 0.4):  # stuck at the last value
        for begin in random.integers(1, steps, 2):
            reading[row, begin : begin + random.integers(5, 60)] = reading[row, begin - 1]
    lost = (random.random((series, steps)) < 0.03) & chance(random, 0.4, series)
    return np.where(lost, np.nan, reading)


def animals(random: Random, series: int, steps: int) -> Floats:
    """A population counted once a year: predator and prey with noise, so cycles of 5 to 12 years that never repeat."""
    births = random.uniform(0.5, 1.2, series)
    prey, hunters = random.uniform(0.5, 2, series), random.uniform(0.5, 2, series)
    counted = np.empty((series, steps))
    for step in range(steps):
        for _ in range(20):  # twentieths of a year
            grow = births * prey * (1 - prey / 8) - prey * hunters / (1 + 0.1 * prey)
            feed = 0.6 * (prey * hunters / (1 + 0.1 * prey) - hunters)
            prey = np.maximum(prey + 0.05 * grow + 0.05 * prey * random.normal(size=series), 0.02)
            hunters = np.maximum(hunters + 0.05 * feed + 0.03 * hunters * random.normal(size=series), 0.02)
        counted[:, step] = np.where(np.arange(series) % 2, prey, hunters)
    return random.poisson(counted * log_uniform(random, 30, 3e4, series)).astype(float)


def sunspots(random: Random, series: int, steps: int) -> Floats:
    """Monthly spots: cycles of 9 to 13 years that rise faster than they fall, each of its own height."""
    result = np.zeros((series, steps))
    month = np.arange(steps)[None]
    begin = -random.uniform(0, 140, (series, 1))
    while (begin < steps).any():
        age = np.maximum(month - begin, 0) / random.uniform(38, 55, (series, 1))
        result += random.gamma(6, 25, (series, 1)) * age**3 * np.exp(-(age**2) * 0.9) * (month >= begin) * 0.9
        begin = begin + random.normal(132, 11, (series, 1))
    return np.round(random.gamma(8, np.maximum(result, 0.3) / 8), 1)


def ocean_index(random: Random, series: int, steps: int) -> Floats:
    """Monthly temperature anomaly of an ocean basin: a delayed oscillator (Suarez and Schopf, 1988) under noise."""
    delay = random.integers(5, 10, series)
    strength, gain = random.uniform(0.55, 0.85, series), random.uniform(0.12, 0.3, series)
    path = np.zeros((series, steps + 60))
    path[:, :10] = random.normal(0, 0.5, (series, 10))
    kicks = 0.17 * autoregressive(random, series, steps + 60, 0.4)
    rows = np.arange(series)
    for step in range(10, steps + 60):
        now, before = path[:, step - 1], path[rows, step - delay]
        path[:, step] = np.clip(now + gain * (now - now**3 - strength * before * 1.4) + kicks[:, step], -4, 4)
    warming = 0.02 * np.arange(steps) / 12 * chance(random, 0.5, series)
    return np.round(path[:, 60:] + warming + uniform(random, 15, 29, series) * chance(random, 0.3, series), 2)
