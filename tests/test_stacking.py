"""Residual and dilated stacks: the equations, the state they carry, training, and the options that ask for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import tidegate
from tidegate.__main__ import main
from tidegate.errors import ConfigError
from tidegate.forecasting.config import ModelConfig
from tidegate.network.cells import Recurrent, State, lstm_step, peephole_step, rnn_step
from tidegate.network.patch_lstm import PatchLSTM
from tidegate.series.synthetic import sine_wave
from tidegate.training.every_origin import OriginPlan, every_origin_loss, read_with_states
from tidegate.training.losses import pinball
from tidegate.training.plan import FitPlan

STEPS: dict[str, Callable[..., Tensor | tuple[Tensor, ...]]] = {
    "rnn": rnn_step,
    "lstm": lstm_step,
    "peephole": peephole_step,
}
CELLS = sorted(STEPS)
STACKS: list[tuple[bool, tuple[int, ...]]] = [
    (True, (1, 1, 1)),
    (False, (1, 2)),
    (False, (3,)),
    (True, (2, 1, 4)),
]
TINY = ModelConfig(context_length=64, horizon=32, hidden_size=8, embedding_size=8, head_size=8)
QUICK = FitPlan(max_steps=4, epochs=2, batch_values=1000, warmup=2, members=0)


def stack(cell: str, residual: bool, dilations: tuple[int, ...], inputs: int = 2, hidden: int = 5) -> Recurrent:
    torch.manual_seed(0)
    return Recurrent(cell, inputs, hidden, len(dilations), residual=residual, dilations=dilations)


def by_the_equations(module: Recurrent, cell: str, x: Tensor) -> Tensor:
    """One step of one layer at a time: h_t and c_t from those of t - d, zeros before the start."""
    kinds = ["weight_ih", "weight_hh", "bias_ih", "bias_hh", *(["weight_peep"] if cell == "peephole" else [])]
    for layer, dilation in enumerate(module.dilations):
        w_ih, w_hh, b_ih, b_hh, *peep = (module.get_parameter(module.parameter_name(kind, layer)) for kind in kinds)
        zeros = x.new_zeros(len(x), module.hidden_size)
        states: list[State] = [(zeros,) if cell == "rnn" else (zeros, zeros)] * dilation  # of steps -d .. -1
        for step in x.unbind(1):
            after = STEPS[cell](step, *states[-dilation], w_ih, w_hh, b_ih + b_hh, *peep)
            states.append(after if isinstance(after, tuple) else (after,))
        output = torch.stack([state[0] for state in states[dilation:]], dim=1)
        x = x + output if module.residual and layer > 0 else output
    return x


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("residual", "dilations"), [*STACKS, (False, (1, 1))])
@pytest.mark.parametrize("time", [1, 3, 11])
def test_a_stack_equals_its_equations_in_output_and_every_gradient(
    cell: str, residual: bool, dilations: tuple[int, ...], time: int
) -> None:
    module = stack(cell, residual, dilations)
    x = torch.randn(3, time, 2, requires_grad=True)
    found, expected = module(x)[0], by_the_equations(module, cell, x)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
    leaves, weight = [x, *module.parameters()], torch.randn_like(found)
    ours, theirs = (torch.autograd.grad((output * weight).sum(), leaves) for output in (found, expected))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-4)


@settings(max_examples=60, deadline=None)
@given(
    cell=st.sampled_from(CELLS),
    residual=st.booleans(),
    dilations=st.lists(st.integers(1, 5), min_size=2, max_size=3).map(tuple),
    time=st.integers(1, 14),
    cuts=st.sets(st.integers(1, 13), max_size=3),
)
def test_a_sequence_cut_anywhere_goes_on_from_the_state(
    cell: str, residual: bool, dilations: tuple[int, ...], time: int, cuts: set[int]
) -> None:
    module = stack(cell, residual, dilations)
    x = torch.randn(2, time, 2)
    whole, end = module(x)
    outputs, state = [], None
    places = [0, *sorted(cut for cut in cuts if cut < time), time]
    for start, stop in pairwise(places):
        output, state = module(x[:, start:stop], state)
        outputs.append(output)
    torch.testing.assert_close(torch.cat(outputs, dim=1), whole, atol=1e-6, rtol=1e-5)
    assert state is not None and len(state) == len(end) == (1 if cell == "rnn" else 2)
    for one, other in zip(state, end, strict=True):
        assert one.shape == (sum(dilations), 2, 5)
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


def test_a_dilated_layer_on_its_own_is_d_sequences_that_do_not_see_each_other() -> None:
    module = stack("lstm", False, (3,))
    x = torch.randn(2, 12, 2)
    other = x.clone()
    other[:, 1::3] = torch.randn(2, 4, 2)
    before, after = module(x)[0], module(other)[0]
    assert torch.equal(before[:, 0::3], after[:, 0::3]) and torch.equal(before[:, 2::3], after[:, 2::3])
    assert not torch.isclose(before[:, 1::3], after[:, 1::3]).any()


@pytest.mark.parametrize(("cell", "kind"), [("lstm", nn.LSTM), ("rnn", nn.RNN)])
def test_a_plain_stack_is_torchs_own_module_with_its_parameter_names(cell: str, kind: type[nn.Module]) -> None:
    for dilations in ((), (1, 1)):
        module = Recurrent(cell, 2, 5, 2, dilations=dilations)
        assert type(module.cell) is kind
        assert [name for name, _ in module.named_parameters()] == [
            f"cell.{name}_l{layer}" for layer in (0, 1) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        ]


# Configuration


def test_a_configuration_comes_back_and_one_without_these_fields_is_a_plain_stack() -> None:
    config = ModelConfig(num_layers=3, residual=True, dilations=(1, 2, 4))
    assert ModelConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    old = {key: value for key, value in ModelConfig().to_dict().items() if key not in ("residual", "dilations")}
    assert ModelConfig.from_dict(old) == ModelConfig()
    assert ModelConfig(dilations=(1, 1)) == ModelConfig()
    assert ModelConfig().stack == "lstm, 2 x 224"
    assert config.stack == "lstm, 3 x 224, dilations 1 2 4, residual"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dilations": (1, 2, 4)}, r"dilations \(1, 2, 4\) are for 3 layers, and there are 2: give one for each"),
        ({"dilations": (1, 0)}, "dilation 0: expected a whole number of steps, 1 to 256"),
        ({"dilations": (1, 257)}, "dilation 257: expected a whole number of steps, 1 to 256"),
        ({"dilations": (1, 1.5)}, r"dilation 1\.5: expected a whole number of steps"),
        ({"residual": True, "num_layers": 1}, "from the second layer on: use 2 layers"),
    ],
)
def test_stacks_that_cannot_be_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ModelConfig(**options)  # type: ignore[arg-type]


# Training


def network_of(cell: str, residual: bool, dilations: tuple[int, ...]) -> PatchLSTM:
    torch.manual_seed(0)
    shape = {**TINY.to_dict(), "cell": cell, "num_layers": len(dilations), "residual": residual, "dilations": dilations}
    return PatchLSTM(ModelConfig.from_dict(shape))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("residual", "dilations"), STACKS)
def test_the_loss_at_every_origin_reaches_every_weight(cell: str, residual: bool, dilations: tuple[int, ...]) -> None:
    network = network_of(cell, residual, dilations)
    values = torch.randn(6, 200, dtype=torch.float64).cumsum(1)
    seasons = torch.tensor([[7, 24, 0]] * 6)
    every_origin_loss(network, values, seasons, pinball, torch.Generator().manual_seed(1), OriginPlan()).backward()  # type: ignore[no-untyped-call]
    assert all((p.grad != 0).any() for name, p in network.named_parameters() if "weight" in name)


@pytest.mark.parametrize(("residual", "dilations"), STACKS)
def test_states_kept_while_training_are_those_after_the_steps_before(
    residual: bool, dilations: tuple[int, ...]
) -> None:
    network = network_of("lstm", residual, dilations)
    embedded, cuts = torch.randn(3, 12, 8), [0, 1, 5, 12]
    output, states = read_with_states(network, embedded, cuts)
    torch.testing.assert_close(output, network.read(embedded)[0], atol=1e-6, rtol=1e-5)
    for cut, state in zip(cuts, states, strict=True):
        expected = network.read(embedded[:, :cut])[1] if cut else network.recurrent.start(embedded)
        for one, other in zip(state, expected, strict=True):
            torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


# The options of fit


def test_fit_trains_the_stack_that_was_asked_for_and_its_file_tells(tmp_path: Path) -> None:
    wave = sine_wave(300, noise=0.1)
    model = tidegate.fit(wave, horizon=8, hidden_size=8, residual=True, dilations=(1, 2, 4), plan=QUICK)
    assert "a network trained from scratch (lstm, 3 x 8, dilations 1 2 4, residual)" in model.notes[-1]
    model.save(tmp_path / "stack.onnx")
    again = tidegate.load(tmp_path / "stack.onnx")
    assert "lstm, 3 x 8, dilations 1 2 4, residual, fitted for 8 steps" in repr(again)
    assert again.file.config.residual and again.file.config.dilations == (1, 2, 4)
    ours, theirs = (one.forecast(wave, horizon=8).frame["forecast"] for one in (model, again))
    assert np.isfinite(ours).all() and np.array_equal(ours, theirs)

    further = tidegate.fit(wave, horizon=8, start=tmp_path / "stack.onnx", dilations=(1, 2, 4), plan=QUICK)
    assert further.file.config == again.file.config
    with pytest.raises(ConfigError, match=r"holds a network other than \{'num_layers': 2, 'dilations': \(1, 2\)\}"):
        tidegate.fit(wave, horizon=8, start=tmp_path / "stack.onnx", dilations=(1, 2), plan=QUICK)


def test_dilations_that_are_no_whole_numbers_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"dilations 1\.5: expected a whole number"):
        tidegate.fit(np.arange(99.0), horizon=8, dilations=(1, 1.5))  # type: ignore[arg-type]


def test_the_command_line_passes_the_stack_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, path = tmp_path / "wave.csv", tmp_path / "m.onnx"
    table.write_text("y\n" + "\n".join(f"{value:.4f}" for value in sine_wave(200, noise=0.1)))
    shape = ["--residual", "--dilations", "1,2", "--hidden-size", "8", "--max-steps", "4", "--start", "scratch"]
    assert main(["fit", str(table), "--horizon", "8", *shape, "-o", str(path)]) == 0
    assert main(["info", str(path), "--json"]) == 0
    config = json.loads(capsys.readouterr().out)["config"]
    assert config["residual"] is True and config["dilations"] == [1, 2] and config["num_layers"] == 2
    shape = ["--layers", "3", "--dilations", "1,2"]
    assert main(["fit", str(table), "--horizon", "8", *shape, "-o", str(path)]) == 2
    assert "dilations (1, 2) are for 2 layers, and there are 3" in capsys.readouterr().err


# The comparison in docs/cells.md


def test_the_table_of_cells_shows_the_newest_row_of_each_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent / "benchmarks"))
    import cells

    about = {
        "machine": "a machine",
        "threads": "2",
        "steps": "200",
        "naive_mase": "2.0",
        "recurrent_parameters": "1234",
    }

    def row(dataset: str, stack: str, seed: int, mase: float, **other: str) -> dict[str, str]:
        found = {"dataset": dataset, "stack": stack, "seed": str(seed), "mase": str(mase)}
        return {**about, **found, "smape": "10", "seconds": "3", **other}

    rows = [
        row("m4_weekly", "LSTM, 2 layers", 0, 9.0),  # measured again below
        row("m4_weekly", "LSTM, 1 layer", 0, 9.0, steps="20"),
        row("m4_weekly", "LSTM, 2 layers", 0, 1.0),
        row("m4_weekly", "LSTM, 2 layers", 1, 3.0),
        row("m4_hourly", "LSTM, 2 layers", 0, 0.5),
        row("m4_weekly", "plain RNN, 2 layers", 0, 2.5),
    ]
    assert cells.table(cells.newest(rows)).splitlines() == [
        "| recurrent layers | parameters | seconds | MASE to naive | m4_hourly MASE, sMAPE | m4_weekly MASE, sMAPE |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        "| plain RNN, 2 layers | 1,234 | - | - | - | 2.500, 10.00 |",
        # ratios 0.25 and 1, whose geometric mean is 0.5
        "| LSTM, 2 layers | 1,234 | 6 | 0.500 | 0.500, 10.00 | 2.000, 10.00 |",
        "",
        "200 steps each; mean of 2 seeds. Measured on a machine, threads 2.",
    ]
