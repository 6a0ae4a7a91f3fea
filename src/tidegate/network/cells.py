"""Recurrent cells as equations: the readable reference, and the module that runs the chosen cell.

Shapes are batch first: inputs x (batch, inputs), state h and c (batch, hidden), weights stacked by gate as in
torch.nn (i, f, g, o). The tests hold these equations equal to torch.nn.RNN, torch.nn.LSTM and ONNX Runtime.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

State = tuple[Tensor, ...]  # (h,) or (h, c), each (layers, batch, hidden)


def rnn_step(x: Tensor, h: Tensor, w_ih: Tensor, w_hh: Tensor, bias: Tensor) -> Tensor:
    """The plain recurrent cell (Elman, 1990): h' = tanh(W x + U h + b)."""
    return (x @ w_ih.T + h @ w_hh.T + bias).tanh()


def lstm_step(x: Tensor, h: Tensor, c: Tensor, w_ih: Tensor, w_hh: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """The LSTM with a forget gate (Hochreiter & Schmidhuber, 1997; Gers et al., 2000)."""
    i, f, g, o = (x @ w_ih.T + h @ w_hh.T + bias).chunk(4, dim=-1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def peephole_step(
    x: Tensor, h: Tensor, c: Tensor, w_ih: Tensor, w_hh: Tensor, bias: Tensor, peep: Tensor
) -> tuple[Tensor, Tensor]:
    """The LSTM whose gates also see the cell (Gers & Schmidhuber, 2000); peep (3, hidden) weighs it for i, f and o."""
    i, f, g, o = (x @ w_ih.T + h @ w_hh.T + bias).chunk(4, dim=-1)
    i, f = (i + peep[0] * c).sigmoid(), (f + peep[1] * c).sigmoid()
    c = f * c + i * g.tanh()
    return (o + peep[2] * c).sigmoid() * c.tanh(), c  # the output gate sees the new cell


def run_layer(
    step: Callable[..., Tensor | tuple[Tensor, ...]], x: Tensor, state: State, weights: tuple[Tensor, ...]
) -> tuple[Tensor, State]:
    """Run a cell along time: x (batch, time, inputs), state (batch, hidden) -> (batch, time, hidden), last state."""
    outputs = []
    for x_t in x.unbind(1):
        stepped = step(x_t, *state, *weights)
        state = stepped if isinstance(stepped, tuple) else (stepped,)
        outputs.append(state[0])
    return torch.stack(outputs, dim=1), state


class PeepholeLSTM(nn.Module):
    """Stacked peephole LSTM: the call and the parameter names of torch.nn.LSTM(batch_first=True), and `weight_peep`."""

    def __init__(self, input_size: int, hidden_size: int, num_layers: int) -> None:
        super().__init__()
        self.hidden_size, self.num_layers = hidden_size, num_layers
        bound = 1 / math.sqrt(hidden_size)
        for layer in range(num_layers):
            shapes = {
                "weight_ih": (4 * hidden_size, hidden_size if layer else input_size),
                "weight_hh": (4 * hidden_size, hidden_size),
                "bias_ih": (4 * hidden_size,),
                "bias_hh": (4 * hidden_size,),
                "weight_peep": (3, hidden_size),
            }
            for name, shape in shapes.items():
                self.register_parameter(f"{name}_l{layer}", nn.Parameter(torch.empty(shape).uniform_(-bound, bound)))

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """x (batch, time, inputs) -> outputs (batch, time, hidden), (h, c) each (layers, batch, hidden)."""
        if state is None:
            zeros = x.new_zeros(self.num_layers, x.shape[0], self.hidden_size)
            state = (zeros, zeros)
        last = []
        for layer in range(self.num_layers):
            w_ih, w_hh, b_ih, b_hh, peep = (
                self.get_parameter(f"{name}_l{layer}")
                for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_peep")
            )
            x, end = run_layer(peephole_step, x, (state[0][layer], state[1][layer]), (w_ih, w_hh, b_ih + b_hh, peep))
            last.append(end)
        return x, tuple(torch.stack(parts) for parts in zip(*last, strict=True))


class Recurrent(nn.Module):
    """The chosen cell, stacked; every cell answers the same call and carries its state as a tuple."""

    def __init__(self, cell: str, input_size: int, hidden_size: int, num_layers: int) -> None:
        super().__init__()
        if cell == "rnn":
            self.cell: nn.Module = nn.RNN(input_size, hidden_size, num_layers, batch_first=True)
        elif cell == "lstm":
            self.cell = nn.LSTM(input_size, hidden_size, num_layers, batch_first=True)
        else:
            self.cell = PeepholeLSTM(input_size, hidden_size, num_layers)
        self.has_cell_state = cell != "rnn"
        self.num_layers, self.hidden_size = num_layers, hidden_size

    def start(self, x: Tensor) -> State:
        """The state before anything was read: zeros."""
        zeros = x.new_zeros(self.num_layers, x.shape[0], self.hidden_size)
        return (zeros, zeros) if self.has_cell_state else (zeros,)

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """x (batch, time, inputs) -> (batch, time, hidden), state."""
        state = self.start(x) if state is None else state
        output, end = self.cell(x, state if self.has_cell_state else state[0])
        return output, tuple(end) if self.has_cell_state else (end,)
