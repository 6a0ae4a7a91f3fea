"""Textbook stochastic processes of official and financial statistics: ETS, SARIMA, GARCH, growth, rates."""

from __future__ import annotations

import numpy as np

from .draws import Floats, Random, autoregressive, chance, log_uniform, uniform


def ets_additive(random: Random, series: int, steps: int, *, season: int) -> Floats:
    """ETS(A, Ad, A): additive errors, damped trend, additive season. Hyndman et al. (2008), chapter 2."""
    smooth = uniform(random, 0.05, 0.9, series)[:, 0]
    trend_rate = smooth * random.uniform(0, 0.25, series)
    season_rate = (1 - smooth) * random.uniform(0, 0.35, series)
    damping = random.uniform(0.85, 0.995, series)
    level, growth = random.uniform(-1, 8, series), random.normal(0, 0.08, series)
    pattern = random.normal(0, 1, (series, season)) * log_uniform(random, 0.2, 2.0, series)
    pattern -= pattern.mean(1, keepdims=True)
    errors = random.normal(size=(series, steps)) * log_uniform(random, 0.05, 0.8, series)
    result = np.empty((series, steps))
    for step in range(steps):
        place, error = step % season, errors[:, step]
        growth = damping * growth
        result[:, step] = level + growth + pattern[:, place] + error
        level = level + growth + smooth * error
        growth = growth + trend_rate * error
        pattern[:, place] += season_rate * error
    return result * log_uniform(random, 1, 1e3, series)


def ets_multiplicative(random: Random, series: int, steps: int, *, season: int) -> Floats:
    """ETS(M, Ad, M): errors and seasons in proportion to the level."""
    smooth = random.uniform(0.05, 0.8, series)
    trend_rate = smooth * random.uniform(0, 0.2, series)
    season_rate = (1 - smooth) * random.uniform(0, 0.3, series)
    damping = random.uniform(0.88, 1.0, series)
    level, growth = np.ones(series), random.normal(0.004, 0.012, series)
    pattern = np.exp(random.normal(0, 1, (series, season)) * log_uniform(random, 0.03, 0.5, series))
    pattern /= pattern.mean(1, keepdims=True)
    errors = random.normal(size=(series, steps)) * log_uniform(random, 0.01, 0.12, series)
    result = np.empty((series, steps))
    for step in range(steps):
        place, error = step % season, np.maximum(errors[:, step], -0.6)
        growth = damping * growth
        base = np.maximum(level + growth, 0.03)
        result[:, step] = base * pattern[:, place] * (1 + error)
        level = base * (1 + smooth * error)
        growth = growth + trend_rate * base * error
        pattern[:, place] *= 1 + season_rate * error
    return result * log_uniform(random, 10, 1e5, series)


def sarima(random: Random, series: int, steps: int, *, season: int) -> Floats:
    """The airline model of Box and Jenkins, (0 or 1, 1, 1)(0, 1, 1), half of the series in logarithms."""
    burn = 2 * season + 2
    near, far = uniform(random, 0.1, 0.85, series), uniform(random, 0.4, 0.92, series)
    shocks = random.normal(size=(series, steps + burn)) * log_uniform(random, 0.01, 0.05, series)
    moving = shocks.copy()
    moving[:, 1:] -= near * shocks[:, :-1]
    moving[:, season:] -= far * shocks[:, :-season]
    moving[:, season + 1 :] += near * far * shocks[:, : -season - 1]
    momentum = uniform(random, -0.3, 0.5, series) * chance(random, 0.5, series)
    for step in range(1, steps + burn):
        moving[:, step] += momentum[:, 0] * moving[:, step - 1]
    changes = moving[:, burn:]
    profile = random.normal(0, 1, (series, season)) * log_uniform(random, 0.03, 0.3, series)
    changes[:, :season] += profile - profile.mean(1, keepdims=True) + random.normal(0.003, 0.006, (series, 1))
    for step in range(season, steps):
        changes[:, step] += changes[:, step - season]
    logs = np.cumsum(changes, axis=1)
    # Some paths would grow a millionfold; the process is linear, so a smaller copy is as good a sample of it.
    logs *= np.minimum(1, uniform(random, 0.5, 2.5, series) / np.ptp(logs, axis=1, keepdims=True))
    return np.where(chance(random, 0.5, series), np.exp(logs), 5 + logs) * log_uniform(random, 10, 1e4, series)


def exchange_rate(random: Random, series: int, steps: int) -> Floats:
    """Log prices as a walk with GARCH(1, 1) variance and Student errors. Bollerslev (1986)."""
    recent, lasting = random.uniform(0.03, 0.12, series), random.uniform(0.8, 0.87, series)
    usual = log_uniform(random, 0.002, 0.015, series)[:, 0] ** 2
    shocks = random.standard_t(5, (series, steps)) / np.sqrt(5 / 3)
    variance, logs, now = usual.copy(), np.empty((series, steps)), np.zeros(series)
    for step in range(steps):
        move = np.sqrt(variance) * shocks[:, step]
        now = now + move
        variance = (1 - recent - lasting) * usual + recent * move**2 + lasting * variance
        logs[:, step] = now
    return np.exp(logs) * log_uniform(random, 0.1, 200, series)


def policy_rate(random: Random, series: int, steps: int) -> Floats:
    """A central bank's rate in percent: long standstill, then campaigns of moves in quarter points."""
    rate = random.integers(4, 40, series) / 4
    campaign = np.zeros(series)
    result = np.empty((series, steps))
    for step in range(steps):
        ends = random.random(series) < 0.12
        begins = (campaign == 0) & (random.random(series) < 0.06)
        pull = np.where(random.random(series) < 1 / (1 + np.exp((rate - 4) / 1.5)), 1.0, -1.0)
        campaign = np.where(begins, pull, np.where(ends, 0.0, campaign))
        moves = (random.random(series) < 0.45) * random.choice([1, 1, 1, 2], series)
        rate = np.clip(rate + 0.25 * moves * campaign, 0.0, 16.0)
        result[:, step] = rate
    return result + 0.02 * np.abs(random.normal(size=(series, steps))) * chance(random, 0.5, series)


def macro(random: Random, series: int, steps: int) -> Floats:
    """Yearly output, population, trade: persistent growth, recessions after which the level stays lower."""
    persistence = uniform(random, 0.2, 0.85, series)
    usual = random.normal(0.03, 0.03, (series, 1))
    volatility = log_uniform(random, 0.005, 0.08, series)
    growth = usual + volatility * autoregressive(random, series, steps, persistence)
    recession = (random.random((series, steps)) < 0.08) * random.gamma(2, 0.5, (series, steps))
    measured = 0.4 * volatility * random.normal(size=(series, steps)) * chance(random, 0.6, series)
    logs = np.cumsum(growth - volatility * recession, axis=1) + measured
    return np.exp(np.clip(logs, -6, 6)) * log_uniform(random, 10, 1e6, series)


def unemployment(random: Random, series: int, steps: int) -> Floats:
    """A rate between 0 and 100 percent: quick rises, slow falls (asymmetric), a small season of its own."""
    slack = np.zeros(series)
    path = np.empty((series, steps))
    shock = np.zeros(series)
    for step in range(steps):
        hit = (random.random(series) < 0.035) * random.uniform(0.1, 0.6, series)
        shock = 0.65 * shock + hit
        slack = 0.965 * slack + shock - 0.03 + 0.02 * random.normal(size=series)
        path[:, step] = slack
    season = random.normal(0, 1, (series, 4)) * log_uniform(random, 0.005, 0.08, series)
    logit = uniform(random, -3.5, -1.6, series) + path + season[:, np.arange(steps) % 4]
    return 100 / (1 + np.exp(-logit)) + 0.05 * random.normal(size=(series, steps))
