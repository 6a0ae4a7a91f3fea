"""Disease and hospitals: epidemics by compartments, reporting habits, arrivals and admissions as counts."""

from __future__ import annotations

import numpy as np

from .clock import Clock, wave
from .draws import Floats, Random, autoregressive, decaying, log_uniform, negative_binomial, uniform


def epidemic(random: Random, series: int, steps: int) -> Floats:
    """Daily reported cases: SEIR with contacts that people and rules change, and fewer reports at weekends."""
    people = log_uniform(random, 1e5, 3e7, series)[:, 0]
    exposed, infected = people * 2e-5, people * 1e-5
    immune = people * random.uniform(0, 0.3, series)
    incubation, recovery = random.uniform(3, 5, series), random.uniform(5, 9, series)
    clock = Clock.start(random, series, steps, 1)
    contact = np.exp(0.28 * autoregressive(random, series, steps, 0.985) + 0.12 * np.cos(2 * np.pi * clock.year))
    fear = np.zeros(series)
    cases = np.empty((series, steps))
    rate = random.uniform(1.8, 3.2, series) / recovery
    for step in range(steps):
        susceptible = np.maximum(people - exposed - infected - immune, 0)
        infections = rate * contact[:, step] * np.exp(-fear) * infected * susceptible / people + people * 2e-7
        ill = exposed / incubation
        exposed, infected = exposed + infections - ill, infected + ill - infected / recovery
        immune = immune * (1 - 1 / 250) + infected / recovery
        fear = 0.96 * fear + 25 * ill / people * 4
        cases[:, step] = ill
    week = np.exp(uniform(random, 0.2, 1, series) * np.array([0.1, 0.25, 0.1, 0.1, 0.05, -0.5, -0.9]))
    reported = cases * np.take_along_axis(week, clock.weekday, 1) * uniform(random, 0.1, 0.7, series)
    return negative_binomial(random, np.maximum(reported, 1e-3), log_uniform(random, 8, 200, series))


def influenza(random: Random, series: int, steps: int) -> Floats:
    """Weekly share of visits with flu: SIRS forced by winter, so a peak a year whose week and height vary."""
    immunity = random.uniform(0.35, 0.65, series)
    infected = np.full(series, 1e-4)
    week = (np.arange(steps) + random.integers(0, 52, (series, 1))) / 52
    strain = 1 + 0.09 * np.repeat(random.normal(size=(series, steps // 52 + 1)), 52, axis=1)[:, :steps]
    weather = 1 + 0.05 * autoregressive(random, series, steps, 0.7)
    rate = (
        uniform(random, 1.5, 1.9, series)
        * (1 + uniform(random, 0.12, 0.3, series) * np.cos(2 * np.pi * (week - 0.04)))
        * strain
        * weather
    )
    share = np.empty((series, steps))
    for step in range(steps):
        new = np.minimum(rate[:, step] * infected * np.maximum(1 - immunity - infected, 0), 0.2)
        infected = 0.3 * infected + new + 2e-5
        immunity = np.clip(immunity * (1 - 1 / 90) + 0.7 * new, 0, 0.95)
        share[:, step] = new
    visits = 100 * share * uniform(random, 0.5, 2, series) + uniform(random, 0.3, 1.5, series)
    return visits * np.exp(0.07 * random.normal(size=visits.shape)) * log_uniform(random, 1, 1e3, series)


def emergency_ward(random: Random, series: int, steps: int) -> Floats:
    """Patients a day: negative binomial, Mondays busiest, winter, a slow drift, feast days."""
    clock = Clock.start(random, series, steps, 1)
    week = np.exp(uniform(random, 0.3, 1.5, series) * np.array([0.1, 0.02, 0, -0.02, -0.03, -0.08, 0.0]))
    winter = uniform(random, 0, 0.15, series) * np.cos(2 * np.pi * (clock.year - 0.04))
    wave_of_colds = decaying((random.random((series, steps)) < 0.01) * 0.04, 0.95)
    drift = (
        np.cumsum(random.normal(0, 0.002, (series, steps)), axis=1)
        + uniform(random, -0.03, 0.08, series) * clock.days / 365
    )
    mean = np.exp(winter + wave_of_colds + drift - 0.15 * clock.holidays(random)) * np.take_along_axis(
        week, clock.weekday, 1
    )
    return negative_binomial(random, mean * log_uniform(random, 3, 300, series), log_uniform(random, 15, 400, series))


def hospital_counts(random: Random, series: int, steps: int) -> Floats:
    """Patients a month with one diagnosis: small counts, weak season, sometimes a slow trend or a change of coding."""
    month = (np.arange(steps) + random.integers(0, 12, (series, 1))) / 12
    season = uniform(random, 0, 0.25, series) * wave(month, uniform(random, 0, 1, series), 1.5)
    trend = random.normal(0, 0.05, (series, 1)) * np.arange(steps) / 12
    recoded = (np.arange(steps) >= uniform(random, 0, 4, series) * steps) * random.normal(0, 0.4, (series, 1))
    drift = 0.1 * autoregressive(random, series, steps, 0.95)
    mean = np.exp(np.clip(season + trend + recoded + drift, -3, 3)) * log_uniform(random, 2, 800, series)
    return negative_binomial(random, mean, log_uniform(random, 10, 300, series))
