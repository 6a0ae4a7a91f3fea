"""A small writer of ONNX graphs: values with operators, so that a graph reads like the NumPy it computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 18
TYPES = {
    "float64": TensorProto.DOUBLE,
    "float32": TensorProto.FLOAT,
    "int64": TensorProto.INT64,
    "int32": TensorProto.INT32,
    "bool": TensorProto.BOOL,
}


class Value:
    """One tensor of a graph under construction; Python numbers beside it become constants of its type."""

    def __init__(self, graph: Graph, name: str, dtype: str) -> None:
        self.graph, self.name, self.dtype = graph, name, dtype

    def _two(self, kind: str, other: Any, dtype: str | None = None, *, swap: bool = False) -> Value:
        mate = other if isinstance(other, Value) else self.graph.constant(other, self.dtype)
        return self.graph.op(kind, *((mate, self) if swap else (self, mate)), dtype=dtype or self.dtype)

    def __add__(self, other: Any) -> Value:
        return self._two("Add", other)

    def __radd__(self, other: Any) -> Value:
        return self._two("Add", other, swap=True)

    def __sub__(self, other: Any) -> Value:
        return self._two("Sub", other)

    def __rsub__(self, other: Any) -> Value:
        return self._two("Sub", other, swap=True)

    def __mul__(self, other: Any) -> Value:
        return self._two("Mul", other)

    def __rmul__(self, other: Any) -> Value:
        return self._two("Mul", other, swap=True)

    def __truediv__(self, other: Any) -> Value:
        return self._two("Div", other)

    def __rtruediv__(self, other: Any) -> Value:
        return self._two("Div", other, swap=True)

    def __floordiv__(self, other: Any) -> Value:
        """Whole-number division of numbers that are not negative."""
        return self._two("Div", other)

    def __neg__(self) -> Value:
        return self.graph.op("Neg", self)

    def __lt__(self, other: Any) -> Value:
        return self._two("Less", other, "bool")

    def __gt__(self, other: Any) -> Value:
        return self._two("Greater", other, "bool")

    def __ge__(self, other: Any) -> Value:
        return self._two("GreaterOrEqual", other, "bool")

    def __and__(self, other: Value) -> Value:
        return self.graph.op("And", self, other, dtype="bool")

    def __invert__(self) -> Value:
        return self.graph.op("Not", self, dtype="bool")

    def __matmul__(self, other: Value) -> Value:
        return self.graph.op("MatMul", self, other)

    def minimum(self, other: Any) -> Value:
        return self._two("Min", other)

    def maximum(self, other: Any) -> Value:
        return self._two("Max", other)

    def clip(self, low: Any, high: Any) -> Value:
        return self.maximum(low).minimum(high)

    def apply(self, kind: str, **attributes: Any) -> Value:
        """A one-input operator that keeps the type: Abs, Exp, Sigmoid ..."""
        return self.graph.op(kind, self, **attributes)

    def cast(self, dtype: str) -> Value:
        if dtype == self.dtype:
            return self
        return self.graph.op("Cast", self, dtype=dtype, to=TYPES[dtype])

    def unsqueeze(self, *axes: int) -> Value:
        return self.graph.op("Unsqueeze", self, self.graph.constant(list(axes), "int64"))

    def squeeze(self, *axes: int) -> Value:
        return self.graph.op("Squeeze", self, self.graph.constant(list(axes), "int64"))

    def reshape(self, *shape: int | Value) -> Value:
        """Sizes may be numbers (0: keep, -1: the rest) or scalar values."""
        return self.graph.op("Reshape", self, self.graph.vector(shape))

    def expand_like(self, other: Value) -> Value:
        return self.graph.op("Expand", self, other.shape())

    def shape(self) -> Value:
        return self.graph.op("Shape", self, dtype="int64")

    def size(self, axis: int) -> Value:
        """Scalar int64."""
        return self.graph.op("Gather", self.shape(), self.graph.constant(axis, "int64"))

    def slice(self, start: int | Value, stop: int | Value, axis: int) -> Value:
        bounds = (self.graph.vector([start]), self.graph.vector([stop]), self.graph.constant([axis], "int64"))
        return self.graph.op("Slice", self, *bounds)

    def transpose(self, *axes: int) -> Value:
        return self.graph.op("Transpose", self, perm=list(axes))

    def cumsum(self, axis: int, *, reverse: bool = False) -> Value:
        return self.graph.op("CumSum", self, self.graph.constant(axis, "int64"), reverse=int(reverse))

    def reduce(self, kind: str, *axes: int, keep: bool = False) -> Value:
        """kind: Sum, Mean, Max, Min."""
        return self.graph.op(f"Reduce{kind}", self, self.graph.constant(list(axes), "int64"), keepdims=int(keep))

    def take(self, index: Value) -> Value:
        """self (batch, time) at index (batch, ...), clamped into the series."""
        inside = index.clip(0, self.size(1) - 1).reshape(0, -1)
        return self.graph.op("GatherElements", self, inside, axis=1).reshape_like(index)

    def at(self, index: Value) -> Value:
        """`take` where index is (batch, n), which needs no change of shape."""
        return self.graph.op("GatherElements", self, index.clip(0, self.size(1) - 1), axis=1)

    def reshape_like(self, other: Value) -> Value:
        return self.graph.op("Reshape", self, other.shape())


class Graph:
    """Collects nodes and initialisers; `model` closes it."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initialisers: dict[str, onnx.TensorProto] = {}
        self.inputs: list[onnx.ValueInfoProto] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], Value] = {}

    def input(self, name: str, dtype: str, shape: Sequence[str | int], default: Any = None) -> Value:
        """A graph input; with a default it may be left out by the caller."""
        self.inputs.append(helper.make_tensor_value_info(name, TYPES[dtype], list(shape)))
        if default is not None:
            self.initialisers[name] = numpy_helper.from_array(np.array(default, dtype), name)
        return Value(self, name, dtype)

    def weight(self, name: str, array: np.ndarray) -> Value:
        """A named initialiser: a trained number, found again by this name."""
        self.initialisers[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return Value(self, name, str(array.dtype))

    def constant(self, value: Any, dtype: str) -> Value:
        """Equal constants are stored once."""
        array = np.array(value, dtype)
        key = (dtype, array.shape, array.tobytes())
        if key not in self._constants:
            self._constants[key] = self.weight(f"constant_{len(self._constants)}", array)
        return self._constants[key]

    def vector(self, entries: Sequence[int | Value]) -> Value:
        """(n,) int64 from numbers and scalar values."""
        if all(isinstance(entry, int) for entry in entries):
            return self.constant(list(entries), "int64")
        parts = [entry.reshape(1) if isinstance(entry, Value) else self.constant([entry], "int64") for entry in entries]
        return parts[0] if len(parts) == 1 else self.concat(parts, 0)

    def op(self, kind: str, *inputs: Value | None, dtype: str | None = None, **attributes: Any) -> Value:
        return self.ops(kind, *inputs, outputs=1, dtype=dtype, **attributes)[0]

    def ops(
        self, kind: str, *inputs: Value | None, outputs: int, dtype: str | None = None, **attributes: Any
    ) -> tuple[Value, ...]:
        """Add a node; a missing optional input is None. The type is that of the first input unless said."""
        name = f"{kind.lower()}_{len(self.nodes)}"
        names = [name if index == 0 else f"{name}_{index}" for index in range(outputs)]
        given = [value.name if value is not None else "" for value in inputs]
        self.nodes.append(helper.make_node(kind, given, names, name=name, **attributes))
        first = next(value for value in inputs if value is not None)
        return tuple(Value(self, name, dtype or first.dtype) for name in names)

    def where(self, condition: Value, yes: Value | float, no: Value | float) -> Value:
        typed = yes if isinstance(yes, Value) else no
        assert isinstance(typed, Value), "one of the two must be a tensor"
        both = [part if isinstance(part, Value) else self.constant(part, typed.dtype) for part in (yes, no)]
        return self.op("Where", condition, *both, dtype=typed.dtype)

    def concat(self, parts: Sequence[Value], axis: int) -> Value:
        return self.op("Concat", *parts, axis=axis)

    def arange(self, stop: Value | int, start: int = 0) -> Value:
        """(n,) int64: start .. stop - 1."""
        end = stop if isinstance(stop, Value) else self.constant(stop, "int64")
        return self.op("Range", self.constant(start, "int64"), end, self.constant(1, "int64"))

    def model(
        self, outputs: Mapping[str, tuple[Value, Sequence[str | int]]], metadata: dict[str, str]
    ) -> onnx.ModelProto:
        """The finished model, checked. outputs: name -> value and shape."""
        results = []
        for name, (output, shape) in outputs.items():
            self.nodes.append(helper.make_node("Identity", [output.name], [name], name=name))
            results.append(helper.make_tensor_value_info(name, TYPES[output.dtype], list(shape)))
        graph = helper.make_graph(self.nodes, "tidegate", self.inputs, results, list(self.initialisers.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
        helper.set_model_props(model, metadata)
        onnx.checker.check_model(model)
        return model


def total_of(parts: Sequence[Value]) -> Value:
    """The sum of some values of one shape."""
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
