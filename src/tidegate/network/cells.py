"""Recurrent cells as equations: the readable reference, and the module that runs the chosen cell.

Shapes are batch first: inputs x (batch, inputs), state h and c (batch, hidden), weights stacked by gate as in
torch.nn (i, f, g, o). The tests hold these equations equal to torch.nn.RNN, torch.nn.LSTM and ONNX Runtime.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

# (h,) or (h, c), each (rows, batch, hidden): a row per layer, of a dilated layer as many as its dilation.
State = tuple[Tensor, ...]


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


def new_cell(cell: str, input_size: int, hidden_size: int, num_layers: int) -> nn.Module:
    """A stack of plain layers in one module, which is what trains fastest. Raises: KeyError for a cell without one."""
    if cell == "peephole":
        return PeepholeLSTM(input_size, hidden_size, num_layers)
    kinds: dict[str, Callable[..., nn.Module]] = {"rnn": nn.RNN, "lstm": nn.LSTM}
    return kinds[cell](input_size, hidden_size, num_layers, batch_first=True)


def run_cell(cell: nn.Module, x: Tensor, state: State) -> tuple[Tensor, State]:
    """Call a module of `new_cell` with a state that is a tuple for every kind of cell."""
    if len(state) == 1:
        output, end = cell(x, state[0])
        return output, (end,)
    output, end = cell(x, state)
    return output, tuple(end)


def run_phases(cell: nn.Module, x: Tensor, states: State) -> tuple[Tensor, State]:
    """Run one layer over interleaved sequences, of which none sees another, as one batch.

    Args: x (batch, steps * phases, inputs); states (phases, batch, hidden), in the order of the phases.
    Returns: (batch, steps * phases, hidden), and the states after each phase's last step.
    """
    phases, batch, hidden = states[0].shape
    steps = x.shape[1] // phases
    apart = x.reshape(batch, steps, phases, x.shape[2]).permute(2, 0, 1, 3).flatten(0, 1)
    output, end = run_cell(cell, apart, tuple(part.flatten(0, 1)[None] for part in states))
    together = output.view(phases, batch, steps, hidden).permute(1, 2, 0, 3).flatten(1, 2)
    return together, tuple(part.view(phases, batch, hidden) for part in end)


def run_dilated(cell: nn.Module, x: Tensor, ring: State) -> tuple[Tensor, State]:
    """Run one layer whose state comes from d steps ago; d = 1 is the plain one.

    Args: x (batch, time, inputs); ring: the states of the last d steps, (d, batch, hidden), the oldest, which the next
        step goes on from, first.
    Returns: (batch, time, hidden), and the ring after the last step.
    Source: Chang et al. (2017), "Dilated recurrent neural networks".
    """
    dilation = len(ring[0])
    if dilation == 1:
        return run_cell(cell, x, ring)
    rest = x.shape[1] % dilation
    whole = x.shape[1] - rest
    outputs = []
    if whole:
        output, ring = run_phases(cell, x[:, :whole], ring)
        outputs.append(output)
    if rest:  # one more step of the first phases, whose states are then the newest
        output, newest = run_phases(cell, x[:, whole:], tuple(part[:rest] for part in ring))
        outputs.append(output)
        ring = tuple(torch.cat([part[rest:], new]) for part, new in zip(ring, newest, strict=True))
    return torch.cat(outputs, dim=1), ring


class Recurrent(nn.Module):
    """The chosen cell, stacked; every stack answers the same call and carries its state as a tuple.

    A plain stack is one module. With residual connections or dilations each layer is a module, run after the one below.

    Args:
        residual: each layer but the first adds its input to its output (Prakash et al., 2016, "Neural paraphrase
            generation with stacked residual LSTM networks").
        dilations: of each layer (`run_dilated`); empty: 1. The M4 competition's winner has growing ones with residual
            connections (Smyl, 2020, "A hybrid method of exponential smoothing and recurrent neural networks").
    """

    def __init__(
        self,
        cell: str,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        *,
        residual: bool = False,
        dilations: tuple[int, ...] = (),
    ) -> None:
        super().__init__()
        self.has_cell_state = cell != "rnn"
        self.hidden_size, self.residual = hidden_size, residual
        self.dilations = dilations or (1,) * num_layers
        self.is_plain = not residual and set(self.dilations) == {1}
        if self.is_plain:
            self.cell = new_cell(cell, input_size, hidden_size, num_layers)
        else:
            sizes = [input_size, *[hidden_size] * (num_layers - 1)]
            self.cell = nn.ModuleList(new_cell(cell, size, hidden_size, 1) for size in sizes)

    def parameter_name(self, weight: str, layer: int) -> str:
        """Where "weight_ih", "bias_hh" ... of a layer is among the parameters of this module."""
        return f"cell.{weight}_l{layer}" if self.is_plain else f"cell.{layer}.{weight}_l0"

    def start(self, x: Tensor) -> State:
        """The state before anything was read: zeros."""
        zeros = x.new_zeros(sum(self.dilations), x.shape[0], self.hidden_size)
        return (zeros, zeros) if self.has_cell_state else (zeros,)

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """x (batch, time, inputs) -> (batch, time, hidden), state."""
        state = self.start(x) if state is None else state
        if not isinstance(self.cell, nn.ModuleList):
            return run_cell(self.cell, x, state)
        rings = zip(*(torch.split(part, list(self.dilations)) for part in state), strict=True)
        ends = []
        for layer, (cell, ring) in enumerate(zip(self.cell, rings, strict=True)):
            output, end = run_dilated(cell, x, ring)
            x = x + output if self.residual and layer else output
            ends.append(end)
        return x, tuple(torch.cat(parts) for parts in zip(*ends, strict=True))
