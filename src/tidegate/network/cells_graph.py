"""`cells.py` as parts of an ONNX graph: the recurrent layers by the runtime's own operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tidegate.forecasting.config import ModelConfig
from tidegate.network.cells import Recurrent
from tidegate.network.graph import Value


@dataclass(frozen=True)
class RecurrentGraph:
    """cells.Recurrent.

    Attributes:
        config, recurrent: of the network; the module knows how its parameters are called.
        weights: of the network in the graph, by their names in torch.
        state: (1, state_parts, batch, hidden): what the layers go on from.
    """

    config: ModelConfig
    recurrent: Recurrent
    weights: Mapping[str, Value]
    state: Value

    def read(self, embedded: Value) -> tuple[Value, Value]:
        """(B K E) -> (B K hidden), and the state after the last step"""
        sequence = embedded.transpose(1, 0, 2)
        ends: list[Value] = []
        row = 0
        for layer, dilation in enumerate(self.config.layer_dilations):
            rows = range(row, row + self.config.cell_parts * dilation, dilation)
            rings = [self.state.slice(at, at + dilation, 1).squeeze(0) for at in rows]
            output, end = self.run_dilated(layer, dilation, sequence, rings)
            sequence = sequence + output if self.config.residual and layer else output
            ends += end
            row += self.config.cell_parts * dilation
        return sequence.transpose(1, 0, 2), embedded.graph.concat(ends, 0).unsqueeze(0)

    def run_dilated(
        self, layer: int, dilation: int, sequence: Value, rings: list[Value]
    ) -> tuple[Value, Sequence[Value]]:
        """cells.run_dilated, time first: (K B E) -> (K B hidden); rings: (dilation B hidden) of h and c"""
        g, count, batch = sequence.graph, sequence.size(0), sequence.size(1)
        hidden = self.config.hidden_size
        room = g.vector([dilation, batch, hidden])
        starts = [g.op("Expand", ring, room) for ring in rings]
        if dilation == 1:
            output, *ends = self.run_layer(layer, sequence, None, starts)
            return output.squeeze(1), ends
        # A last round that is not full is padded behind; `lengths` keep the padding out of the states.
        rounds = (count + (dilation - 1)) // dilation
        padded = g.op("Pad", sequence, g.vector([0, 0, 0, rounds * dilation - count, 0, 0]))
        apart = padded.reshape(rounds, batch * dilation, sequence.size(2))
        lengths = (count + g.constant(np.arange(dilation - 1, -1, -1), "int64")) // dilation  # of each phase
        of_rows = g.op("Expand", lengths.unsqueeze(1), g.vector([dilation, batch])).reshape(-1).cast("int32")
        flat = [start.reshape(1, batch * dilation, hidden) for start in starts]
        output, *ends = self.run_layer(layer, apart, of_rows, flat)
        output = output.reshape(rounds * dilation, batch, hidden).slice(0, count, 0)
        has_run = lengths.unsqueeze(1, 2) > 0
        rings = [g.where(has_run, end.reshape_like(start), start) for end, start in zip(ends, starts, strict=True)]
        oldest = count - count // dilation * dilation
        return output, [g.concat([ring, ring], 0).slice(oldest, oldest + dilation, 0) for ring in rings]

    def run_layer(self, layer: int, sequence: Value, lengths: Value | None, starts: list[Value]) -> tuple[Value, ...]:
        """The operator of one layer: (K 1 B hidden), and its last states, each (1 B hidden)"""
        g, name = sequence.graph, self.recurrent.parameter_name
        w_ih, w_hh, b_ih, b_hh = (
            self.weights[f"recurrent.{name(weight, layer)}"]
            for weight in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        bias = g.concat([b_ih, b_hh], 0).unsqueeze(0)
        inputs: list[Value | None] = [sequence, w_ih.unsqueeze(0), w_hh.unsqueeze(0), bias, lengths, *starts]
        if self.config.cell == "peephole":
            inputs.append(self.weights[f"recurrent.{name('weight_peep', layer)}"].reshape(1, -1))
        kind = {"rnn": "RNN", "lstm": "LSTM", "peephole": "LSTM"}[self.config.cell]
        return g.ops(kind, *inputs, outputs=1 + self.config.cell_parts, hidden_size=self.config.hidden_size)
