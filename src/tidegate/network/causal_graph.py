"""`causal.py` as parts of an ONNX graph, function by function: what may be seen at a forecast origin.

Shapes in comments: B batch, T time, K steps, M horizons, S season lengths.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tidegate.forecasting.config import LOOKUP_SEASONS, SUMS, ModelConfig
from tidegate.network.causal import LINEAR, LOG_LIMIT, LOOKUP_DRIFT, LOOKUP_FADE, TINY
from tidegate.network.graph import Value, total_of

# Nearer to zero than this many units arsinh and sinh are their odd series to the fifth power, to the last bit: the
# logarithm of what is almost 1, and the difference of two exponentials that almost are, have lost the value's digits.
NEAR_ZERO = 1e-3


def logarithms(values: Value, unit: float) -> Value:
    """causal.logarithms"""
    if not unit:
        return values
    read = values / unit
    square = read * read
    near = read * (square * (square * (3 / 40) - 1 / 6) + 1.0)
    # The runtime has no arsinh of float64. Divided by the larger of 1 and itself, no square overflows.
    away = read.apply("Abs")
    large = away.maximum(1.0)
    size, one = away / large, values.graph.constant(1.0, "float64") / large
    logarithm = large.apply("Log") + (size + (size * size + one * one).apply("Sqrt")).apply("Log")
    return values.graph.where(away < NEAR_ZERO, near, values.graph.where(values < 0, -logarithm, logarithm))


def from_logarithms(read: Value, unit: float) -> Value:
    """causal.from_logarithms"""
    if not unit:
        return read
    read = read.clip(-LOG_LIMIT, LOG_LIMIT)
    square = read * read
    near = read * (square * (square * (1 / 120) + 1 / 6) + 1.0) * unit
    far = (read.apply("Exp") - (-read).apply("Exp")) * (0.5 * unit)
    return read.graph.where(read.apply("Abs") < NEAR_ZERO, near, far)


@dataclass(frozen=True)
class ScalingGraph:
    """causal.Scaling: (B K) each."""

    location: Value
    scale: Value
    spread: Value
    count: Value

    @property
    def divisor(self) -> Value:
        """The scale, or 1 for a constant."""
        return self.scale.graph.where(self.scale > 0, self.scale, 1.0)


class HistoryGraph:
    """causal.History of the values of a batch, or what of it goes on from carried sums: `base` is what lies before."""

    def __init__(self, config: ModelConfig, values: Value, sums: Value, carried: Value, is_carried: Value) -> None:
        """
        Args:
            values: (B T) float64 as the network reads them, NaN where missing.
            sums: (B SUMS) what a stream carries; read where is_carried (B 1).
            carried: (B 1) int64, the step that they have read up to.
        """
        self.config, self.graph, self.carried = config, values.graph, carried
        g = self.graph
        carried_first, carried_unit, *before_sums = (sums.slice(place, place + 1, 1) for place in range(len(SUMS)))
        self.observed = ~g.op("IsNaN", values, dtype="bool")
        first = g.where(self.observed, values, 0.0).slice(0, 1, 1)
        self.first = g.where(is_carried, carried_first, first)
        centred = g.where(self.observed, values - self.first, 0.0)
        largest = centred.apply("Abs").reduce("Max", 1, keep=True)
        exponent = (largest.maximum(1e-300).apply("Log") / float(np.log(2))).apply("Floor")
        power = g.where(largest > 0, g.op("Pow", g.constant(2.0, "float64"), exponent), 0.0).maximum(carried_unit)
        self.unit = g.where(power > 0, power, 1.0)
        centred = centred / self.unit
        self.count = self.observed.cast("float64").cumsum(1)
        rank = self.count.cast("int64")
        room = values.size(1) + 2
        slots = g.op("Expand", g.constant(0.0, "float64"), g.vector([values.size(0), room]))
        into = g.where(self.observed, rank, values.size(1) + 1)
        slots = g.op("ScatterElements", slots, into, centred, axis=1)
        self.filled = g.op("GatherElements", slots, rank, axis=1)
        before = g.concat([self.filled.slice(0, 1, 1), self.filled.slice(0, -1, 1)], 1)
        self.area = self.filled.cumsum(1)
        parts = [self.observed.cast("float64"), centred, centred * centred, (self.filled - before).apply("Abs")]
        self.running = [self.count, *map(self.running_sum, parts)]
        # A power of two, so nothing is lost; the sums of the tail itself are taken away again.
        change, last = carried_unit / self.unit, carried - 1
        powers = [None, None, change, change * change, change]
        self.base = [
            g.where(is_carried, (total * power if power else total) - running.at(last), 0.0)
            for total, power, running in zip(before_sums, powers, self.running, strict=True)
        ]

    def growth(self, steps: Value) -> Value:
        """causal.growth"""
        g, half_life = self.graph, self.config.half_life
        table = g.constant(np.exp2(np.arange(half_life) / half_life), "float64")
        doublings = steps // half_life
        part = g.op("Gather", table, steps - doublings * half_life)
        return part * g.op("Pow", g.constant(2.0, "float64"), doublings.cast("float64"))

    def running_sum(self, parts: Value) -> Value:
        """causal.running"""
        if not self.config.half_life:
            return parts.cumsum(1)
        grown = self.growth(self.graph.arange(parts.size(1))).unsqueeze(0)
        return (parts * grown).cumsum(1) / grown

    def sums_before(self, known: Value) -> list[Value]:
        """(B K) each: count, weight, total, squares and moves of all values before `known`, carried ones included."""
        bases = self.base
        if self.config.half_life:
            grown = self.growth(known - self.carried)
            bases = [bases[0], *(base / grown for base in bases[1:])]
        return [running.at(known - 1) + base for running, base in zip(self.running, bases, strict=True)]

    def sums_at(self, end: Value) -> Value:
        """(B SUMS) what a stream carries from here."""
        return self.graph.concat([self.first, self.unit, *self.sums_before(end)], 1)

    def scaling(self, known: Value) -> ScalingGraph:
        """causal.Scaling.at; the values themselves where the network is told not to scale"""
        g = self.graph
        if not self.config.scaling:
            zeros = (known * 0).cast("float64")
            ones = zeros + 1.0
            return ScalingGraph(ones * (-self.first / self.unit), ones / self.unit, zeros, ones)
        count, weight, total, squares, moves = self.sums_before(known)
        count, weight = count.maximum(1.0), weight.maximum(TINY)
        mean = total / weight
        deviation = (squares / weight - mean * mean).maximum(0.0).apply("Sqrt")
        change = moves / (weight * (1.0 - 1.0 / count)).maximum(TINY)
        both = (deviation > 0) & (change > 0)
        started = known > 0
        return ScalingGraph(
            location=g.where(started, self.filled.at(known - 1), 0.0),
            scale=g.where(started, (deviation + change) * 0.5, 0.0),
            spread=g.where(both, change / g.where(both, deviation, 1.0), 1.0).apply("Log"),
            count=count,
        )

    def squash(self, scaling: ScalingGraph, values: Value, extra_axes: int) -> Value:
        """Scaling.scaled and, with scaling, arcsinh: (B K ...) float64 -> float32"""
        axes = tuple(range(2, 2 + extra_axes))
        divisor = scaling.divisor.unsqueeze(*axes)
        scaled = ((values - scaling.location.unsqueeze(*axes)) / divisor).clip(-1e9, 1e9).cast("float32")
        return (scaled / LINEAR).apply("Asinh") * LINEAR if self.config.scaling else scaled

    def visible(self, index: Value, known: Value, extra_axes: int) -> Value:
        """causal.visible"""
        limit = known.unsqueeze(*range(2, 2 + extra_axes))
        return (index >= 0) & (index < limit) & self.observed.take(index)

    def look_up(self, scaling: ScalingGraph, origin: Value, known: Value, seasons: Value) -> tuple[Value, Value]:
        """causal.look_up; origin, known (B M), seasons (B S)"""
        g = self.graph
        ahead = g.constant(np.arange(1, self.config.horizon + 1), "int64")
        lead = (origin - known).unsqueeze(2, 3) + ahead  # B M 1 H
        until = known.unsqueeze(2, 3)  # B M 1 1
        season = seasons.unsqueeze(1, 3)  # B 1 S 1
        length = season.maximum(1)
        seasons_ahead = (lead + length - 1) // length
        base = until - 1 + lead - length * seasons_ahead  # B M S H
        starts = until - length * g.constant(np.arange(1, LOOKUP_SEASONS + 1), "int64")  # B M S seasons
        whole = (starts >= 0) & (season > 0)
        means = (self.area_before(starts + length) - self.area_before(starts)) / length.cast("float64")

        latest = self.filled.take(base)
        is_latest = self.visible(base, known, 2) & (season > 0)
        around, weights = [], []
        for back in range(LOOKUP_SEASONS):
            index = base - length * back
            seen = self.visible(index, known, 2) & whole.slice(back, back + 1, 3)
            weights.append(seen.cast("float64") * LOOKUP_FADE**back)
            around.append(weights[-1] * (self.filled.take(index) - means.slice(back, back + 1, 3)))
        weight, level = total_of(weights), means.slice(0, 1, 3)
        is_average = weight > 0
        average = g.where(is_average, total_of(around) / weight.maximum(1e-9) + level, latest)
        has_drift = whole.slice(1, 2, 3)
        drift = g.where(has_drift, level - means.slice(1, 2, 3), 0.0)
        drifted = average + drift * seasons_ahead.cast("float64").minimum(LOOKUP_DRIFT)

        known_at = g.op("Or", is_latest, is_average)
        channels = [(latest, is_latest), (average, known_at), (drifted, known_at)]
        values = [g.where(seen, self.squash(scaling, value, 2), 0.0) for value, seen in channels]
        all_of_it = float(sum(LOOKUP_FADE**back for back in range(LOOKUP_SEASONS)))
        shares = [is_latest, weight / all_of_it, is_average & has_drift]
        stack = g.concat([value.unsqueeze(3) for value in values], 3)  # B M S C H
        share = g.concat([part.cast("float32").reduce("Mean", 3, keep=True) for part in shares], 3)  # B M S C
        return stack, share

    def area_before(self, index: Value) -> Value:
        """causal.area_before"""
        return self.graph.where(index > 0, self.area.take(index - 1), 0.0)
