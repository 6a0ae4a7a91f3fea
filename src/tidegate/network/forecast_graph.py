"""`PatchLSTM.forecast` as an ONNX graph, by hand and function by function; the tests hold the two equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ConfigError
from tidegate.forecasting.config import MIX_PARTS
from tidegate.forecasting.facts import interface_of, suffix
from tidegate.network.causal import LINEAR, LOG_ROOM, LOG_SCALES, LOOKUP_CHANNELS
from tidegate.network.causal_graph import HistoryGraph, ScalingGraph, from_logarithms, logarithms
from tidegate.network.cells_graph import RecurrentGraph
from tidegate.network.graph import Graph, Value, total_of
from tidegate.network.patch_lstm import SQUASHED_LIMIT, PatchLSTM
from tidegate.network.smoothing import state_weights
from tidegate.network.smoothing_graph import SmoothingGraph

Array = NDArray[np.float32]
Shapes = Mapping[str, Sequence[str | int]]
# torch stacks the gates i, f, g, o; ONNX i, o, f, g. Peepholes: here i, f, o; ONNX i, o, f.
GATES = (0, 3, 1, 2)
PEEPHOLES = (0, 2, 1)


def pack(name: str, array: Array, *, cell: str) -> Array:
    """A torch parameter as ONNX wants it; `unpack` is the inverse."""
    if "weight_peep" in name:
        return np.ascontiguousarray(array[list(PEEPHOLES)])
    if name.startswith("recurrent"):
        return array if cell == "rnn" else _reorder(array, GATES)
    return np.array(array.T, order="C")


def unpack(name: str, array: Array, *, cell: str) -> Array:
    if "weight_peep" in name:
        return np.ascontiguousarray(array[np.argsort(PEEPHOLES)])
    if name.startswith("recurrent"):
        return array.copy() if cell == "rnn" else _reorder(array, tuple(np.argsort(GATES)))
    return np.array(array.T, order="C")


def _reorder(array: Array, order: tuple[int, ...]) -> Array:
    blocks = np.split(array, len(order))
    return np.concatenate([blocks[index] for index in order])


@dataclass(frozen=True)
class _Inputs:
    """What every network of a file reads."""

    context: Value
    seasons: Value | None
    horizon: Value
    past: Value
    slots: int

    @classmethod
    def of(cls, graph: Graph, slots: int, shapes: Shapes) -> _Inputs:
        context = graph.input("context", "float64", shapes["context"])
        seasons = graph.input("season_lengths", "int64", shapes["season_lengths"]) if slots else None
        horizon = graph.input("horizon", "int64", shapes["horizon"])  # no default: onnxruntime-web could not set it
        past = graph.input("past_origins", "int64", shapes["past_origins"], default=0)
        return cls(context, seasons, horizon, past, slots)


Outputs = dict[str, tuple[Value, Sequence[str | int]]]


def prefix(place: int) -> str:
    """Of the names of the weights of a network; the first one's have none, as in a file of one."""
    return f"member_{place}." if place else ""


def write_forecast(graph: Graph, networks: Sequence[PatchLSTM], shares: Sequence[float]) -> Outputs:
    """Put networks into a graph. Returns: the mean of what they forecast, and what each may be carried on from.

    Past origins are ends of the first network's patches.
    Args: shares: of each network in the mean.
    Raises: ConfigError for networks that cannot share a file.
    """
    writers = [_Writer(network, graph, prefix(place)) for place, network in enumerate(networks)]
    first = writers[0].config
    horizon = min(writer.config.horizon for writer in writers)
    for writer in writers:
        config = writer.config
        alike = config.quantile_levels == first.quantile_levels and config.context_length == first.context_length
        if not alike or first.patch_length % config.patch_length:
            raise ConfigError(f"networks of one file need one context, one set of levels, nested patches: {config}")
    shapes = interface_of([writer.config for writer in writers])
    inputs = _Inputs.of(graph, max(writer.config.season_slots for writer in writers), shapes)
    quantiles, past = [], []
    carried: dict[str, Value] = {}
    for place, writer in enumerate(writers):
        end = suffix(place)
        writer.carry_in(end, shapes)
        found, earlier, state, sums = writer.write(inputs, first.patch_length)
        quantiles.append(found)
        past.append(earlier if writer.config.horizon == horizon else earlier.slice(0, horizon, 2))
        carried |= {f"state_after{end}": state, f"sums_after{end}": sums}
    each: dict[str, Value] = {}
    if len(writers) > 1:  # a stream, which carries each network by itself, needs them apart
        for name, parts in (("quantiles", quantiles), ("past_quantiles", past)):
            each[f"{name}_of_each"] = graph.concat([part.unsqueeze(0) for part in parts], 0)
    outputs = {"quantiles": _mean(quantiles, shares), "past_quantiles": _mean(past, shares), **carried, **each}
    return {name: (output, shapes[name]) for name, output in outputs.items()}


def _mean(parts: list[Value], shares: Sequence[float]) -> Value:
    """The mean of what is not NaN: a network whose block of the context has no value says nothing."""
    if len(parts) == 1:
        return parts[0]
    graph = parts[0].graph
    known = [~graph.op("IsNaN", part, dtype="bool") for part in parts]
    weighted = zip(known, parts, shares, strict=True)
    total = total_of([graph.where(one, part * share, 0.0) for one, part, share in weighted])
    return total / total_of([one.cast("float64") * share for one, share in zip(known, shares, strict=True)])


class _Writer:
    """Writes `PatchLSTM.forecast` as a graph. Shapes in comments: B batch, T time, K steps, M horizons, P patch."""

    def __init__(self, network: PatchLSTM, graph: Graph, prefix: str) -> None:
        self.network, self.config, self.graph = network, network.config, graph
        self.weights = {
            name: graph.weight(prefix + name, pack(name, tensor.detach().cpu().numpy(), cell=self.config.cell))
            for name, tensor in network.state_dict().items()
        }
        if (smoothing := self.config.smoothing) is not None:  # named, so that the fingerprint depends on it
            weights = state_weights([smoothing], self.config.smoothing_window)[0].T
            self.weights["smoothing.weight"] = graph.weight(f"{prefix}smoothing.weight", weights)

    def write(self, inputs: _Inputs, grid: int) -> tuple[Value, Value, Value, Value]:
        """Quantiles, those of past origins (ends of patches of `grid` steps), state and sums after the last step."""
        config, g = self.config, self.graph
        context, horizon, past = logarithms(inputs.context, config.log_unit), inputs.horizon, inputs.past
        if config.season_slots:
            assert inputs.seasons is not None
            self.seasons = (
                inputs.seasons
                if config.season_slots == inputs.slots
                else inputs.seasons.slice(0, config.season_slots, 1)
            )
        values, lengths = self.align(context)
        end = lengths.unsqueeze(1)
        carried = g.where(self.is_carried, end - self.pending, 0)  # B 1, the step that the state has read up to
        self.history = HistoryGraph(config, values, self.sums, carried, self.is_carried)
        patch, per_block = config.patch_length, config.horizon // config.patch_length
        blocks = (horizon + (config.horizon - 1)) // config.horizon
        final = (end - carried - 1).maximum(0) // patch  # B 1, among the steps of this pass
        count = final.reduce("Max", 0, 1) + (blocks - 1).maximum(0) * per_block + 1
        ahead = ((g.arange(count) + 1) * patch).unsqueeze(0)  # 1 K
        ends = ahead + carried
        origin = g.where(ends < end, ends, ahead + (end - (final + 1) * patch))  # B K
        known = origin.minimum(end)
        previous = g.concat([carried, origin.slice(0, -1, 1)], 1)
        embedded = self.embed(origin, known, previous)
        output, state = RecurrentGraph(config, self.network.recurrent, self.weights, self.state).read(embedded)
        asked = final + g.arange(blocks).unsqueeze(0) * per_block  # B M
        last = (end - carried - 1).maximum(0) // grid  # B 1, of the patches on whose ends the past is told
        earlier = (last - g.arange(past).unsqueeze(0)) * (grid // patch) - 1  # B past
        asked = g.concat([asked, earlier], 1).maximum(0)  # the past comes behind, and is cut off again
        rows = asked.unsqueeze(2)
        chosen_origin, chosen_known = origin.at(asked), known.at(asked)
        scaling = self.history.scaling(chosen_known)
        predicted = self.predict(
            self.pick(output, rows), self.pick(embedded, rows), chosen_origin, chosen_known, scaling
        )
        result = from_logarithms(self.unsquash(predicted, scaling), config.log_unit)  # B M H Q
        levels = len(config.quantile_levels)
        flat = result.slice(0, blocks, 1).reshape(context.size(0), -1, levels).slice(0, horizon, 1)
        empty = (lengths > 0).unsqueeze(1, 2)
        past_result = result.slice(blocks, blocks + past, 1)
        if config.smoothing is not None:
            seasons, weights = self.seasons if config.season_slots else None, self.weights["smoothing.weight"]
            smoothing = SmoothingGraph(config.smoothing, config, self.history, seasons, weights)
            flat = smoothing.moved(flat.unsqueeze(1), end).squeeze(1)
            past_result = smoothing.moved(past_result, chosen_known.slice(blocks, blocks + past, 1))
        final_result = g.where(empty, flat, float("nan"))
        past_result = g.where(earlier.unsqueeze(2, 3) >= 0, past_result, float("nan"))
        # Only where a row's last step is the last of the pass, and a full patch, is there something to carry on from.
        at_end = g.op("Equal", (final + 1) * patch + carried, end, dtype="bool")
        at_end = at_end & g.op("Equal", final + 1, count, dtype="bool")
        sums = g.where(at_end, self.history.sums_at(end), float("nan"))
        return final_result, past_result, state, sums

    def carry_in(self, end: str, shapes: Shapes) -> None:
        """The inputs by which a stream goes on; left out, they say that nothing is carried, of one row."""

        def carried(name: str, dtype: str) -> Value:
            shape = shapes[name + end]
            return self.graph.input(name + end, dtype, shape, np.zeros([1 if isinstance(n, str) else n for n in shape]))

        self.state, self.sums = carried("state", "float32"), carried("sums", "float64")
        self.pending = carried("pending", "int64").unsqueeze(1)
        self.is_carried = self.pending > 0  # B 1

    def align(self, context: Value) -> tuple[Value, Value]:
        """patch_lstm.align; what a carried state has to be followed by is left as it is."""
        g = self.graph
        time = context.size(1)
        position = g.arange(time).unsqueeze(0).expand_like(context)
        observed = ~g.op("IsNaN", context, dtype="bool")
        start = g.where(observed, position, time).reduce("Min", 1)
        block = ((time - start) // self.config.context_length - 1).maximum(0)
        start = start + g.where(self.is_carried.squeeze(1), 0, block) * self.config.context_length
        late = observed & (position >= start.unsqueeze(1))
        start = g.where(late, position, time).reduce("Min", 1)
        index = position + start.unsqueeze(1)
        return g.where(index < time, context.at(index), float("nan")), time - start

    def unsquash(self, predicted: Value, scaling: ScalingGraph) -> Value:
        """PatchLSTM.unsquash"""
        spread = predicted.cast("float64")
        if self.config.scaling:
            spread = (spread / LINEAR).clip(-SQUASHED_LIMIT, SQUASHED_LIMIT)
            spread = (spread.apply("Exp") - (-spread).apply("Exp")) * (0.5 * LINEAR)
        away = scaling.scale.unsqueeze(2, 3) * spread
        if self.config.log_unit:
            room = (scaling.scale * LOG_SCALES).maximum(LOG_ROOM / self.history.unit).unsqueeze(2, 3)
            away = away.clip(-room, room)
        centred = scaling.location.unsqueeze(2, 3) + away
        return centred * self.history.unit.unsqueeze(2, 3) + self.history.first.unsqueeze(2, 3)

    def embed(self, origin: Value, known: Value, previous: Value) -> Value:
        """PatchLSTM.embed"""
        config, g = self.config, self.graph
        scaling = self.history.scaling(known)
        window = g.constant(np.arange(-config.patch_length, 0), "int64")
        index = origin.unsqueeze(2) + window  # B K P
        seen = self.history.visible(index, known, 1)
        values = g.where(seen, self.history.squash(scaling, self.history.filled.take(index), 1), 0.0)
        if not config.embedding_size:
            return values
        parts = [values, seen.cast("float32"), self.step_features(origin, known, previous, scaling)]
        for slot in range(config.season_slots):
            season = self.seasons.slice(slot, slot + 1, 1).unsqueeze(1)  # B 1 1
            earlier = index - season.maximum(1)
            lag_seen = self.history.visible(earlier, known, 1) & (season > 0)
            parts.append(g.where(lag_seen, self.history.squash(scaling, self.history.filled.take(earlier), 1), 0.0))
            parts.append(lag_seen.cast("float32").reduce("Mean", 2, keep=True))
            length = season.maximum(1).cast("float32").apply("Log") * 0.2
            parts.append(g.op("Expand", length, g.concat([origin.shape(), g.constant([1], "int64")], 0)))
        return self.perceptron(g.concat(parts, 2), "embedding")

    def step_features(self, origin: Value, known: Value, previous: Value, scaling: ScalingGraph) -> Value:
        """PatchLSTM._step_features"""
        g, patch = self.graph, self.config.patch_length
        before = self.history.scaling(previous.minimum(known))
        shift = g.where(previous > 0, before.location - scaling.location, 0.0)
        scale = scaling.scale
        both = (before.scale > 0) & (scale > 0)
        growth = g.where(both, scale / g.where(both, before.scale, 1.0), 1.0).apply("Log")
        features = [
            (origin - previous).cast("float64") / float(patch),
            ((origin - known).cast("float64") / float(patch) + 1.0).apply("Log") * 0.3,
            (shift / scaling.divisor).cast("float32").apply("Asinh"),
            growth.clip(-3.0, 3.0),
            scaling.spread.clip(-4.0, 4.0),
            scaling.count.apply("Log") * 0.2,
        ]
        return g.concat([feature.cast("float32").unsqueeze(2) for feature in features], 2)

    def perceptron(self, inputs: Value, name: str) -> Value:
        """Linear, SiLU, Linear; or one Linear where the network has just that."""
        if f"{name}.weight" in self.weights:
            return inputs @ self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]
        hidden = inputs @ self.weights[f"{name}.0.weight"] + self.weights[f"{name}.0.bias"]
        hidden = hidden * hidden.apply("Sigmoid")
        return hidden @ self.weights[f"{name}.2.weight"] + self.weights[f"{name}.2.bias"]

    def pick(self, sequence: Value, rows: Value) -> Value:
        """patch_lstm.pick; rows (B M 1)"""
        index = self.graph.op("Expand", rows, self.graph.vector([1, 1, sequence.size(2)]))
        return self.graph.op("GatherElements", sequence, index, axis=1)

    def predict(self, output: Value, embedded: Value, origin: Value, known: Value, scaling: ScalingGraph) -> Value:
        """PatchLSTM.predict: (B M H Q) squashed"""
        config, g = self.config, self.graph
        levels = len(config.quantile_levels)
        size, choosing, parts = self.network.output_sizes
        inputs = [output, embedded] if config.embedding_size else [output]
        choices = config.season_slots * LOOKUP_CHANNELS
        if choices:
            values, share = self.history.look_up(scaling, origin, known, self.seasons)
            shares = share.reshape(0, 0, choices)
            inputs += [values.reshape(0, 0, choices * config.horizon), shares]
        joined = self.perceptron(g.concat(inputs, 2), "head")
        raw = joined.slice(0, size, 2).reshape(0, 0, config.horizon, levels)
        centre = raw.slice(config.median, config.median + 1, 3)
        if choices:
            centre = centre + self.mixed(joined.slice(size, size + choosing, 2), values, shares)
        if not config.scaling:
            return self.ordered(raw, centre, None)
        bounded = (centre / LINEAR).clip(-SQUASHED_LIMIT, SQUASHED_LIMIT)
        constant = 2.0 / (bounded.apply("Exp") + (-bounded).apply("Exp"))
        grows = joined.slice(size + choosing, size + choosing + parts, 2).apply("Sigmoid").unsqueeze(3)
        part = g.constant(np.zeros(config.horizon // parts, np.float32), "float32")
        grows = (grows + part).reshape(0, 0, config.horizon, 1)
        return self.ordered(raw, centre, grows + (1.0 - grows) * constant)

    def mixed(self, mix: Value, values: Value, shares: Value) -> Value:
        """PatchLSTM._mixed: (B M H 1)"""
        config, g = self.config, self.graph
        choices = config.season_slots * LOOKUP_CHANNELS
        mix = mix.reshape(0, 0, MIX_PARTS, choices + 1)
        always = shares.slice(0, 1, 2) * 0.0 + 1.0
        possible = g.concat([shares, always], 2).unsqueeze(2) > 0.0  # B M 1 C+1
        weight = g.where(possible, mix, -1e9).apply("Softmax", axis=-1).slice(0, choices, 3)
        parts = values.reshape(0, 0, choices, MIX_PARTS, config.horizon // MIX_PARTS).transpose(0, 1, 3, 2, 4)
        return (weight.unsqueeze(3) @ parts).squeeze(3).reshape(0, 0, config.horizon, 1)

    def ordered(self, raw: Value, centre: Value, size: Value | None) -> Value:
        """patch_lstm.ordered"""
        median, levels = self.config.median, len(self.config.quantile_levels)
        distance = (raw - 2.0).apply("Softplus")
        if size is not None:
            distance = distance * size
        parts = [centre]
        if median > 0:
            parts.insert(0, centre - distance.slice(0, median, 3).cumsum(3, reverse=True))
        if median < levels - 1:
            parts.append(centre + distance.slice(median + 1, levels, 3).cumsum(3))
        return parts[0] if len(parts) == 1 else self.graph.concat(parts, 3)
