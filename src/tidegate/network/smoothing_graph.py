"""`smoothing.py` as part of an ONNX graph. Shapes in comments: B batch, K origins, W window, H steps, Q quantiles."""

from __future__ import annotations

import numpy as np

from tidegate.forecasting.config import ModelConfig, Smoothing
from tidegate.network.causal import LOG_LIMIT
from tidegate.network.causal_graph import HistoryGraph, from_logarithms
from tidegate.network.graph import Value


class SmoothingGraph:
    """The smoothing of a batch, from any origin."""

    def __init__(
        self, smoothing: Smoothing, config: ModelConfig, history: HistoryGraph, seasons: Value | None, weights: Value
    ) -> None:
        """
        Args:
            seasons: (B slots); None where the network looks up none.
            weights: (W 2+S) of smoothing.state_weights.
        """
        self.smoothing, self.config, self.weights, self.graph = smoothing, config, weights, weights.graph
        g, length = self.graph, smoothing.season_length
        self.values = from_logarithms(history.filled * history.unit + history.first, config.log_unit)  # B T
        if smoothing.logarithms:
            self.values = g.where(self.values > 0, self.values, float("nan")).apply("Log")
        self.shows: Value | None = None  # B, smoothing.has_season; None: every series does
        if length > 1:
            assert seasons is not None, "ModelConfig refuses a season without look-ups"
            same = g.op("Equal", seasons, g.constant(length, "int64"), dtype="bool")
            self.shows = same.cast("int64").reduce("Max", 1) > 0

    def moved(self, quantiles: Value, known: Value) -> Value:
        """smoothing.moved; quantiles (B K H Q), known (B K)"""
        g, median = self.graph, self.config.median
        points = self.forecast(self.read(known), quantiles.size(2))
        is_smoothed = ~g.op("IsNaN", points, dtype="bool")
        if self.shows is not None:
            is_smoothed = is_smoothed & self.shows.unsqueeze(1, 2)
        away = points.unsqueeze(3) - quantiles.slice(median, median + 1, 3)
        return quantiles + g.where(is_smoothed.unsqueeze(3), away, 0.0) * self.smoothing.share

    def read(self, known: Value) -> Value:
        """smoothing.smoothed_values: (B K W)"""
        g, length = self.graph, self.smoothing.season_length
        index = known.unsqueeze(2) + g.constant(np.arange(-self.config.smoothing_window, 0), "int64")
        phase = g.op("Mod", index, g.constant(length, "int64"))
        first, second, enough = self.values.take(phase), self.values.take(phase + length), known.unsqueeze(2)
        front = g.where(enough >= 2 * length, (first + second) * 0.5, first)
        front = g.where(enough >= length, front, float("nan"))
        return g.where(index >= 0, self.values.take(index), front)

    def forecast(self, read: Value, horizon: Value) -> Value:
        """smoothing.forecast, and logarithms back again: (B K H), NaN where nothing is smoothed"""
        g, damping = self.graph, self.smoothing.damping
        state, steps = read @ self.weights, g.arange(horizon)
        power = g.op("Pow", g.constant(damping, "float64"), steps.cast("float64") + 1.0)
        passed = (1.0 - power) * (damping / (1.0 - damping))
        of_season = g.op("Mod", steps, g.constant(self.smoothing.season_length, "int64")) + 2
        points = state.slice(0, 1, 2) + state.slice(1, 2, 2) * passed + g.op("Gather", state, of_season, axis=2)
        low, high = read.reduce("Min", 2, keep=True), read.reduce("Max", 2, keep=True)
        bounded = points.maximum(low * 2.0 - high).minimum(high * 2.0 - low)
        bounded = bounded.minimum(LOG_LIMIT).apply("Exp") if self.smoothing.logarithms else bounded
        return g.where(
            g.op("IsNaN", points, dtype="bool"), float("nan"), bounded
        )  # whatever a runtime's Max makes of NaN
