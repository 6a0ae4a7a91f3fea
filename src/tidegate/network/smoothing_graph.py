"""`smoothing.py` as parts of an ONNX graph. Shapes in comments: B batch, K origins, W window, H steps, Q quantiles."""

from __future__ import annotations

import numpy as np

from tidegate.forecasting.config import ModelConfig
from tidegate.network.causal import LOG_LIMIT
from tidegate.network.causal_graph import HistoryGraph, from_logarithms
from tidegate.network.graph import Graph, Value
from tidegate.network.smoothing import state_weights


def smoothing_weights(graph: Graph, prefix: str, config: ModelConfig) -> Value | None:
    """(W 2+S) as a named part of the graph, so that the fingerprint of its weights depends on the smoothing."""
    if config.smoothing is None:
        return None
    return graph.weight(f"{prefix}smoothing.weight", state_weights([config.smoothing], config.smoothing_window)[0].T)


def moved(
    quantiles: Value,
    history: HistoryGraph,
    known: Value,
    seasons: Value | None,
    config: ModelConfig,
    weights: Value | None,
) -> Value:
    """smoothing.moved; quantiles (B K H Q), known (B K), seasons (B S), weights of `smoothing_weights`"""
    smoothing, g = config.smoothing, quantiles.graph
    if smoothing is None or weights is None:
        return quantiles
    length, window = smoothing.season_length, config.smoothing_window
    values = history.filled * history.unit + history.first
    values = from_logarithms(values, config.log_unit)
    if smoothing.logarithms:
        values = g.where(values > 0, values, float("nan")).apply("Log")
    index = known.unsqueeze(2) + g.constant(np.arange(-window, 0), "int64")  # B K W
    phase = g.op("Mod", index, g.constant(length, "int64"))
    first, second, enough = values.take(phase), values.take(phase + length), known.unsqueeze(2)
    front = g.where(enough >= 2 * length, (first + second) * 0.5, first)
    front = g.where(enough >= length, front, float("nan"))
    read = g.where(index >= 0, values.take(index), front)
    state = read @ weights  # B K 2+S

    steps = g.arange(quantiles.size(2))
    damping = smoothing.damping
    power = g.op("Pow", g.constant(damping, "float64"), steps.cast("float64") + 1.0)
    passed = (1.0 - power) * (damping / (1.0 - damping))
    of_season = g.op("Mod", steps, g.constant(length, "int64")) + 2
    points = state.slice(0, 1, 2) + state.slice(1, 2, 2) * passed + g.op("Gather", state, of_season, axis=2)
    is_known = ~g.op("IsNaN", points, dtype="bool")
    low, high = read.reduce("Min", 2, keep=True), read.reduce("Max", 2, keep=True)
    points = points.maximum(low * 2.0 - high).minimum(high * 2.0 - low)
    points = points.minimum(LOG_LIMIT).apply("Exp") if smoothing.logarithms else points
    if length > 1:
        assert seasons is not None, "a season is smoothed where a network looks up seasons"
        shows = g.op("Equal", seasons, g.constant(length, "int64"), dtype="bool").cast("int64").reduce("Max", 1)
        is_known = is_known & (shows > 0).unsqueeze(1, 2)
    median = quantiles.slice(config.median, config.median + 1, 3)
    away = g.where(is_known.unsqueeze(3), points.unsqueeze(3) - median, 0.0)
    return quantiles + away * smoothing.share
