"""Electricity and gas: demand from weather and habits, wind and sun through their converters, spot prices."""

from __future__ import annotations

import numpy as np

from .clock import Clock, wave
from .draws import Floats, Random, autoregressive, chance, log_uniform, uniform


def temperature(random: Random, clock: Clock, per_day: float) -> Floats:
    """(series, steps) air temperature in degrees Celsius: year, day, and weather that lasts for days."""
    series, steps = clock.days.shape
    weather = autoregressive(random, series, steps, np.exp(-1 / (uniform(random, 2, 5, series) * per_day)))
    yearly = -uniform(random, 5, 13, series) * np.cos(2 * np.pi * (clock.year - 0.05))
    daily = uniform(random, 1.5, 6, series) * np.cos(2 * np.pi * (clock.hour - 15) / 24) if per_day > 1 else 0.0
    return uniform(random, 4, 20, series) + yearly + daily + uniform(random, 2, 5, series) * weather


def grid_load(random: Random, series: int, steps: int, *, per_day: int) -> Floats:
    """Load of a region: two peaks on working days, flatter weekends and holidays, heating and cooling."""
    clock = Clock.start(random, series, steps, per_day)
    degrees = temperature(random, clock, per_day)
    hour, free = clock.hour, (clock.weekday >= 5) | clock.holidays(random)
    morning = wave(hour, uniform(random, 7.5, 10.5, series), uniform(random, 1, 4, series), 24)
    evening = wave(hour, uniform(random, 17.5, 20.5, series), uniform(random, 1, 4, series), 24)
    working = uniform(random, 0.1, 0.4, series) * morning + uniform(random, 0.1, 0.4, series) * evening
    late = wave(hour, uniform(random, 10, 12.5, series), 1.5, 24)
    resting = uniform(random, 0.05, 0.25, series) * late + uniform(random, 0.05, 0.3, series) * evening
    profile = np.where(free, resting - uniform(random, 0.0, 0.15, series), working)
    heating = log_uniform(random, 0.002, 0.03, series) * np.maximum(14 - degrees, 0)
    cooling = log_uniform(random, 0.002, 0.04, series) * np.maximum(degrees - 20, 0)
    growth = random.normal(0, 0.05, (series, 1)) * clock.days / 365
    noise = log_uniform(random, 0.003, 0.04, series) * autoregressive(random, series, steps, 0.85)
    load = 0.8 + profile + heating + cooling + growth + noise
    return np.maximum(load, 0.02) * log_uniform(random, 50, 5e4, series)


def household_meter(random: Random, series: int, steps: int) -> Floats:
    """One home's meter every 15 minutes in kW: standby, a fridge, and appliances switched on when somebody is in."""
    clock = Clock.start(random, series, steps, 96)
    weekend = clock.weekday >= 5
    awake = 0.1 + wave(clock.hour, uniform(random, 6.5, 8.5, series), 6, 24) * ~weekend
    awake = (
        awake
        + wave(clock.hour, uniform(random, 17.5, 21, series), 3, 24)
        + 0.5 * weekend * wave(clock.hour, 12, 1.5, 24)
    )
    away = np.repeat(random.random((series, steps // 96 + 1)) < 0.04, 96, axis=1)[:, :steps]
    load = uniform(random, 0.05, 0.3, series) + 0.06 * (np.arange(steps) % random.integers(3, 7, (series, 1)) == 0)
    for power, length, rate in ((2.0, 1, 0.10), (1.2, 3, 0.06), (0.6, 8, 0.06), (2.4, 6, 0.02)):
        starts = random.random((series, steps)) < np.minimum(rate * uniform(random, 0.5, 2, series) * awake * ~away, 1)
        running = np.cumsum(starts, axis=1, dtype=float)
        running[:, length:] -= running[:, :-length].copy()
        load = load + power * uniform(random, 0.7, 1.3, series) * np.minimum(running, 2)
    return np.round(load * np.exp(0.05 * random.normal(size=load.shape)), 3)


def wind_farm(random: Random, series: int, steps: int, *, per_day: int) -> Floats:
    """Power in percent of capacity: wind speed through a turbine's curve, capped at 100, cut off in storms."""
    clock = Clock.start(random, series, steps, per_day)
    slow = autoregressive(random, series, steps, np.exp(-24 / (uniform(random, 15, 60, series) * per_day)))
    gusts = autoregressive(random, series, steps, np.exp(-24 / (3.0 * per_day)))
    breeze = uniform(random, 0, 0.25, series) * np.cos(2 * np.pi * (clock.hour - uniform(random, 0, 24, series)) / 24)
    season = 0.15 * np.cos(2 * np.pi * clock.year)
    speed = uniform(random, 5.5, 9.5, series) * np.exp(0.42 * slow + 0.12 * gusts + breeze + season - 0.1)
    power = np.clip((np.maximum(speed, 3.0) ** 3 - 27) / (12.0**3 - 27), 0, 1)
    power = np.where(speed > 25, 0.0, power)
    down = np.repeat(random.random((series, steps // per_day + 1)) < 0.02, per_day, axis=1)[:, :steps]
    return np.round(100 * power * np.where(down, uniform(random, 0, 0.7, series), 1.0), 1)


def solar_plant(random: Random, series: int, steps: int, *, per_day: int) -> Floats:
    """Power in kW: the sun's height at the latitude and date, clouds that come in fronts, an inverter's ceiling."""
    clock = Clock.start(random, series, steps, per_day)
    latitude = np.radians(uniform(random, 5, 55, series))
    declination = np.radians(-23.4) * np.cos(2 * np.pi * (clock.year + 10 / 365))
    angle = 2 * np.pi * (clock.hour - 12 - uniform(random, -1, 1, series)) / 24
    height = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(angle)
    fronts = autoregressive(random, series, steps, np.exp(-1 / (uniform(random, 0.3, 2, series) * per_day)))
    passing = autoregressive(random, series, steps, np.exp(-24 / (1.0 * per_day)))
    cloud = 1 / (1 + np.exp(-(1.8 * fronts + 0.8 * passing + uniform(random, -2, 1, series))))
    power = np.maximum(height, 0) ** 1.15 * (1 - 0.8 * cloud)
    ceiling = np.where(chance(random, 0.3, series), uniform(random, 0.5, 0.8, series), 2.0)
    return np.round(np.minimum(power, ceiling) * log_uniform(random, 3, 3e3, series), 2)


def spot_price(random: Random, series: int, steps: int) -> Floats:
    """Hourly power price: a steep supply curve over residual demand, so spikes, and negative prices in a glut."""
    clock = Clock.start(random, series, steps, 24)
    free = (clock.weekday >= 5) | clock.holidays(random)
    peaks = wave(clock.hour, 8.5, 3, 24) + 1.2 * wave(clock.hour, 19, 3, 24) - 0.5 * (clock.hour < 5)
    sun = uniform(random, 0, 1.4, series) * wave(clock.hour, 13, 3, 24)
    wind = autoregressive(random, series, steps, 0.97) * uniform(random, 0.2, 0.9, series)
    outage = autoregressive(random, series, steps, 0.995) * 0.4
    tightness = 0.6 * peaks * np.where(free, 0.6, 1) - 0.6 * free - sun - wind + outage
    fuel = np.exp(0.3 * np.cumsum(random.normal(0, 0.012, (series, steps)), axis=1))
    price = fuel * (10 * tightness + 4 * np.sinh(0.9 * tightness) + 40) + random.normal(0, 1.5, (series, steps))
    spike = (random.random((series, steps)) < 0.004) * random.pareto(1.8, (series, steps)) * 30
    return np.round(np.clip(price + spike, -150, 3000), 2)


def gas_demand(random: Random, series: int, steps: int) -> Floats:
    """Daily gas sendout: sigmoid in the temperature of the last days, less at weekends, a base of hot water."""
    clock = Clock.start(random, series, steps, 1)
    degrees = temperature(random, clock, 1)
    felt = degrees.copy()
    felt[:, 1:] = 0.6 * degrees[:, 1:] + 0.4 * degrees[:, :-1]
    heating = 1 / (1 + np.exp((felt - uniform(random, 7, 13, series)) / uniform(random, 2, 4, series)))
    free = (clock.weekday >= 5) | clock.holidays(random)
    demand = (uniform(random, 0.08, 0.4, series) + heating) * np.where(free, uniform(random, 0.75, 0.98, series), 1.0)
    return demand * np.exp(0.03 * random.normal(size=demand.shape)) * log_uniform(random, 20, 5e3, series)
