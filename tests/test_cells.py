"""The cells as equations against torch.nn and ONNX Runtime: three programs that share no code."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper
from torch import Tensor, nn

from tidegate.network.cells import (
    PeepholeLSTM,
    Recurrent,
    State,
    lstm_step,
    new_cell,
    peephole_step,
    rnn_step,
    run_layer,
)

# batch, time, inputs, hidden: a vector tail (13), one step, one series, one unit
SIZES = [(3, 7, 2, 13), (2, 1, 3, 13), (1, 9, 1, 13), (1, 1, 1, 1), (4, 5, 6, 16)]


def layer_weights(module: nn.Module, layer: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Weights of one layer of nn.RNN or nn.LSTM as the equations take them: both biases added up."""
    w_ih, w_hh, b_ih, b_hh = (
        module.get_parameter(f"{name}_l{layer}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    return w_ih, w_hh, b_ih + b_hh


def gradients(output: Tensor, state: State, leaves: list[Tensor], weights: list[Tensor]) -> list[Tensor]:
    """Of a loss in which every output and every element of the last state counts differently."""
    loss = sum((part * weight).sum() for part, weight in zip([output, *state], weights, strict=True))
    assert isinstance(loss, Tensor)
    return list(torch.autograd.grad(loss, leaves))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("name", "step"), [("rnn", rnn_step), ("lstm", lstm_step)])
def test_equations_equal_torch_in_output_and_every_gradient(
    name: str, step: Callable[..., Tensor], size: tuple[int, int, int, int]
) -> None:
    batch, time, inputs, hidden = size
    torch.manual_seed(0)
    kind = nn.RNN if name == "rnn" else nn.LSTM
    module = kind(inputs, hidden, batch_first=True)
    x = torch.randn(batch, time, inputs, requires_grad=True)
    start = tuple(torch.randn(batch, hidden, requires_grad=True) for _ in range(1 if name == "rnn" else 2))
    leaves = [x, *start, *module.parameters()]
    weights = [torch.randn(batch, time, hidden), *(torch.randn(batch, hidden) for _ in start)]

    output, state = run_layer(step, x, start, layer_weights(module))
    theirs, end = module(x, start[0][None] if name == "rnn" else tuple(part[None] for part in start))
    end = (end,) if name == "rnn" else end

    torch.testing.assert_close(output, theirs, atol=1e-6, rtol=1e-5)
    for ours, other in zip(state, end, strict=True):
        torch.testing.assert_close(ours, other[0], atol=1e-6, rtol=1e-5)
    expected = gradients(theirs, tuple(part[0] for part in end), leaves, weights)
    assert len(expected) == 1 + len(start) + 4
    for leaf, ours, other in zip(leaves, gradients(output, state, leaves, weights), expected, strict=True):
        torch.testing.assert_close(ours, other, atol=2e-5, rtol=1e-4, msg=lambda m, at=leaf: f"{tuple(at.shape)}: {m}")


@pytest.mark.parametrize("cell", ["rnn", "lstm", "peephole"])
def test_state_carried_over_in_two_halves_equals_one_pass(cell: str) -> None:
    torch.manual_seed(1)
    module = Recurrent(cell, 2, 13, 2)
    x = torch.randn(3, 9, 2)
    whole, end = module(x)
    first, state = module(x[:, :4])
    second, last = module(x[:, 4:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole, atol=1e-6, rtol=1e-5)
    for ours, other in zip(last, end, strict=True):
        torch.testing.assert_close(ours, other, atol=1e-6, rtol=1e-5)


def peephole_from(lstm: nn.LSTM, peep: float) -> PeepholeLSTM:
    """The same weights, and peephole weights of standard deviation `peep`."""
    module = PeepholeLSTM(lstm.input_size, lstm.hidden_size, lstm.num_layers)
    peeps = {f"weight_peep_l{layer}": peep * torch.randn(3, lstm.hidden_size) for layer in range(lstm.num_layers)}
    module.load_state_dict({**lstm.state_dict(), **peeps})
    return module


@pytest.mark.parametrize("layers", [1, 2])
def test_peephole_lstm_that_sees_nothing_through_its_peepholes_is_an_lstm(layers: int) -> None:
    torch.manual_seed(2)
    lstm = nn.LSTM(3, 13, layers, batch_first=True)
    module = peephole_from(lstm, peep=0.0)
    x = torch.randn(2, 6, 3, requires_grad=True)
    state = (torch.randn(layers, 2, 13), torch.randn(layers, 2, 13))
    ours, end = module(x, state)
    theirs, their_end = lstm(x, state)
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-5)
    for one, other in zip(end, their_end, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)
    weight = torch.randn_like(ours)
    expected = torch.autograd.grad((theirs * weight).sum(), [x, *lstm.parameters()])
    names = [name for name, _ in lstm.named_parameters()]
    found = torch.autograd.grad((ours * weight).sum(), [x, *(module.get_parameter(name) for name in names)])
    for name, one, other in zip(["x", *names], found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-4, msg=lambda m, at=name: f"{at}: {m}")


def test_a_cell_without_a_module_is_never_taken_for_an_lstm() -> None:
    with pytest.raises(KeyError, match="gru"):  # as soon as it is among CELLS, before it has equations
        new_cell("gru", 1, 2, 1)


def test_peepholes_change_the_output() -> None:
    torch.manual_seed(3)
    lstm = nn.LSTM(1, 4, batch_first=True)
    x = torch.randn(2, 5, 1)
    assert (peephole_from(lstm, peep=5.0)(x)[0] - lstm(x)[0]).abs().max() > 1e-2


def onnx_lstm(module: PeepholeLSTM, batch: int) -> onnxruntime.InferenceSession:
    """ONNX's LSTM operator with the weights of a one-layer peephole LSTM: gates i, o, f, c and peepholes P i, o, f."""
    hidden = module.hidden_size

    def reordered(name: str) -> np.ndarray:
        i, f, g, o = module.get_parameter(f"{name}_l0").detach().numpy().reshape(4, hidden, -1)
        return np.concatenate([i, o, f, g])

    peep_i, peep_f, peep_o = module.get_parameter("weight_peep_l0").detach().numpy()
    constants = {
        "W": reordered("weight_ih")[None],
        "R": reordered("weight_hh")[None],
        "B": np.concatenate([reordered("bias_ih")[:, 0], reordered("bias_hh")[:, 0]])[None],
        "P": np.concatenate([peep_i, peep_o, peep_f])[None],
    }
    inputs = ["X", "W", "R", "B", "", "h", "c", "P"]
    graph = helper.make_graph(
        [helper.make_node("LSTM", inputs, ["Y", "Y_h", "Y_c"], hidden_size=hidden)],
        "peephole",
        [
            helper.make_tensor_value_info("X", TensorProto.FLOAT, ["time", batch, constants["W"].shape[2]]),
            *(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, batch, hidden]) for name in "hc"),
        ],
        [
            helper.make_tensor_value_info("Y", TensorProto.FLOAT, ["time", 1, batch, hidden]),
            *(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, batch, hidden]) for name in ("Y_h", "Y_c")),
        ],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("peep", [0.0, 1.0])
@pytest.mark.parametrize(("batch", "time", "inputs", "hidden"), [(3, 8, 2, 13), (1, 1, 1, 13), (2, 30, 5, 16)])
def test_peephole_lstm_equals_the_operator_of_onnx_runtime(
    batch: int, time: int, inputs: int, hidden: int, peep: float
) -> None:
    torch.manual_seed(4)
    module = peephole_from(nn.LSTM(inputs, hidden, batch_first=True), peep)
    x = torch.randn(batch, time, inputs)
    state = (torch.randn(1, batch, hidden), torch.randn(1, batch, hidden))
    with torch.no_grad():
        output, (h, c) = module(x, state)
    feeds = {"X": x.transpose(0, 1).numpy(), "h": state[0].numpy(), "c": state[1].numpy()}
    y, y_h, y_c = onnx_lstm(module, batch).run(None, feeds)
    np.testing.assert_allclose(output.numpy(), np.asarray(y)[:, 0].swapaxes(0, 1), atol=2e-6)
    np.testing.assert_allclose(h.numpy(), y_h, atol=2e-6)
    np.testing.assert_allclose(c.numpy(), y_c, atol=2e-6)


def test_gradients_of_the_peephole_step_equal_finite_differences() -> None:
    torch.manual_seed(5)
    batch, time, inputs, hidden = 2, 3, 2, 3
    shapes = [(4 * hidden, inputs), (4 * hidden, hidden), (4 * hidden,), (3, hidden)]
    given = [(batch, time, inputs), (batch, hidden), (batch, hidden), *shapes]
    leaves = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in given]

    def run(x: Tensor, h: Tensor, c: Tensor, *weights: Tensor) -> tuple[Tensor, ...]:
        output, state = run_layer(peephole_step, x, (h, c), weights)
        return output, *state

    assert torch.autograd.gradcheck(run, leaves)


def test_one_lstm_step_worked_by_hand() -> None:
    # All weights 0: the gates are the biases alone. i = f = o = sigmoid(0) = 1/2, g = tanh(ln 2 / 2) = 1/3.
    bias = torch.tensor([0.0, 0.0, float(np.log(2) / 2), 0.0])
    one, none = torch.ones(1, 1), torch.zeros(4, 1)
    h, c = lstm_step(one, one, torch.tensor([[0.5]]), none, none, bias)
    cell = 0.5 * 0.5 + 0.5 / 3  # f c + i g
    torch.testing.assert_close(c, torch.tensor([[cell]]))
    torch.testing.assert_close(h, torch.tensor([[0.5 * float(np.tanh(cell))]]))
