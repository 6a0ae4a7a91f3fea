"""One .onnx file: the graph equals the network, and comes back to the same bits."""

from __future__ import annotations

import contextlib
import functools
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.panels import panel_of
from tidegate.errors import ModelError, TidegateError
from tidegate.forecasting.config import CELLS, METADATA_KEY, ModelConfig, Smoothing
from tidegate.forecasting.forecaster import forecast_panel
from tidegate.forecasting.model import ModelFile, shipped_path
from tidegate.forecasting.stream import Stream
from tidegate.network.model_file import load_network, load_networks, save_network, to_onnx
from tidegate.network.patch_lstm import PatchLSTM

SMALL = {"context_length": 64, "horizon": 32, "hidden_size": 13, "embedding_size": 12, "head_size": 16}
CONFIGS = {
    "lstm": ModelConfig(**SMALL),
    "peephole": ModelConfig(**SMALL, cell="peephole"),
    "rnn": ModelConfig(**SMALL, cell="rnn"),
    "three layers": ModelConfig(**SMALL, num_layers=3),
    "logarithms": ModelConfig(**SMALL, log_unit=0.3),
    "smoothed": ModelConfig(**SMALL, smoothing=Smoothing(0.5, 0.35, 0.05, 0.3, 0.9, season_length=7)),
    "smoothed without a season": ModelConfig(**SMALL, log_unit=0.3, smoothing=Smoothing(1.0, 0.6, 0.15, 0.3, 0.97)),
    "smoothed logarithms": ModelConfig(**SMALL, smoothing=Smoothing(0.3, 0.1, 0.01, 0.05, 0.9, 24, logarithms=True)),
    "no look-ups": ModelConfig(**{**SMALL, "embedding_size": 0, "head_size": 0}, season_slots=0),
    "residual": ModelConfig(**SMALL, num_layers=3, residual=True),
    "dilated": ModelConfig(**SMALL, dilations=(2, 3)),
    "dilated peephole": ModelConfig(**SMALL, cell="peephole", num_layers=3, dilations=(1, 2, 4)),
    "dilated residual": ModelConfig(**SMALL, num_layers=4, dilations=(1, 2, 4, 8), residual=True),
    "dilated residual peephole": ModelConfig(**SMALL, cell="peephole", dilations=(3, 2), residual=True),
    "dilated residual rnn": ModelConfig(**SMALL, cell="rnn", dilations=(5, 40), residual=True),
    "residual peephole": ModelConfig(**SMALL, cell="peephole", residual=True),
    "residual rnn": ModelConfig(**SMALL, cell="rnn", residual=True),
    "dilated rnn": ModelConfig(**SMALL, cell="rnn", num_layers=1, dilations=(4,)),
    "tutorial": ModelConfig.tutorial(hidden_size=5),
    "tutorial rnn": ModelConfig.tutorial(hidden_size=5, cell="rnn"),
}


def make(config: ModelConfig) -> PatchLSTM:
    torch.manual_seed(1)
    return PatchLSTM(config).eval()


def awkward_histories() -> np.ndarray:
    """Of one batch: full, short, one value, holes, trailing missing, constant, nothing observed, huge offset."""
    rows = np.random.default_rng(0).normal(size=(8, 300)).cumsum(1)
    rows[1, :280] = np.nan
    rows[2, :299] = np.nan
    rows[3, 100:130] = np.nan
    rows[4, -20:] = np.nan
    rows[5] = 7.0
    rows[6] = np.nan
    rows[7] += 1e6
    return rows


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("horizon", [1, 32, 75])
def test_the_graph_forecasts_what_the_network_forecasts(name: str, horizon: int) -> None:
    network = make(CONFIGS[name])
    context = awkward_histories()
    seasons = np.array([[7, 24, 0]] * len(context))
    with torch.no_grad():
        slots = network.config.season_slots
        expected = network.forecast(torch.tensor(context), torch.tensor(seasons[:, :slots]), horizon).numpy()
    feeds = {"context": context, "horizon": np.array(horizon)}
    if network.config.season_slots:
        feeds["season_lengths"] = seasons
    found = ModelFile.open(to_onnx(network, {})).session.run(None, feeds)[0]
    assert found.shape == (8, horizon, len(network.config.quantile_levels))
    assert (np.isnan(found).all((1, 2)) == (np.arange(8) == 6)).all()
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5 * np.nanstd(context[:6]))


@pytest.mark.parametrize("value", [1e-3, -1e-3, 1e-300, 0.0, 999.9, 1e6, 1e9])
def test_values_far_below_the_unit_of_logarithms_keep_their_digits(value: float) -> None:
    session = ModelFile.open(to_onnx(make(ModelConfig(**SMALL, log_unit=1e6)), {})).session
    feeds = {"season_lengths": np.zeros((1, 3), np.int64), "horizon": np.array(3)}
    found = session.run(["quantiles"], {"context": np.full((1, 40), value), **feeds})[0]
    np.testing.assert_allclose(found, np.full_like(found, value), rtol=1e-13, atol=0)


def test_forecasts_of_values_far_below_the_unit_of_logarithms_are_those_of_the_network() -> None:
    network = make(ModelConfig(**SMALL, log_unit=1e6))
    context = awkward_histories()[:5] * 1e-8
    seasons = np.array([[7, 24, 0]] * len(context))
    with torch.no_grad():
        expected = network.forecast(torch.tensor(context), torch.tensor(seasons), 40).numpy()
    feeds = {"context": context, "season_lengths": seasons, "horizon": np.array(40)}
    found = ModelFile.open(to_onnx(network, {})).session.run(["quantiles"], feeds)[0]
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5 * np.nanstd(context))


def test_a_network_that_embeds_values_as_they_are_is_written_too() -> None:
    network, context = make(ModelConfig(**SMALL, season_slots=0, scaling=False)), awkward_histories()[:6]
    with torch.no_grad():
        expected = network.forecast(torch.tensor(context), torch.zeros(6, 0, dtype=torch.int64), 40).numpy()
    found = ModelFile.open(to_onnx(network, {})).session.run(None, {"context": context, "horizon": np.array(40)})[0]
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5 * np.nanstd(context))


@pytest.mark.parametrize("name", [name for name, config in CONFIGS.items() if config.scaling])
@pytest.mark.parametrize("patches", [1, 3, 6])
def test_the_state_after_some_patches_goes_on_to_the_forecast_and_the_state_of_the_whole(
    name: str, patches: int
) -> None:
    config = CONFIGS[name]
    session = ModelFile.open(to_onnx(make(config), {})).session
    series, read = np.random.default_rng(2).normal(size=(3, 127)).cumsum(1), patches * config.patch_length
    given: dict[str, np.ndarray] = {"horizon": np.array(40)}
    if config.season_slots:
        given["season_lengths"] = np.array([[7, 24, 0]] * len(series))
    names = ["quantiles", "state_after", "sums_after"]
    _, state, sums = session.run(names, {"context": series[:, :read], **given, "horizon": np.array(1)})
    assert state.shape == (1, config.state_parts, len(series), config.hidden_size)
    for end in (112, 127):  # seven full patches; fifteen values of the next one
        whole = session.run(names, {"context": series[:, :end], **given})
        carried = {"state": state, "sums": sums, "pending": np.full(len(series), end - read)}
        went_on = session.run(names, {"context": series[:, :end], **given, **carried})
        np.testing.assert_allclose(went_on[0], whole[0], rtol=0, atol=2e-5 * series.std())
        if end == 112:  # where the last patch is full there is a state to go on from
            np.testing.assert_allclose(went_on[1], whole[1], rtol=0, atol=5e-6)


def test_plain_use_needs_three_inputs_and_none_of_them_has_a_default() -> None:
    """What has a default in the file cannot be set in onnxruntime-web; see docs/everywhere.md."""
    session = ModelFile.open(to_onnx(make(CONFIGS["lstm"]), {})).session
    assert [one.name for one in session.get_inputs()] == ["context", "season_lengths", "horizon"]
    further = {one.name for one in session.get_overridable_initializers()}
    assert further >= {"past_origins", "state", "sums", "pending"}


@pytest.mark.parametrize("name", CONFIGS)
def test_saving_and_loading_returns_the_same_bits(name: str, tmp_path: Path) -> None:
    network = make(CONFIGS[name])
    save_network(network, tmp_path / "m.onnx", {"made_by": "a test"})
    again, facts = load_network(tmp_path / "m.onnx")
    assert again.config == network.config
    assert facts["provenance"] == {"made_by": "a test"}
    assert all(
        torch.equal(a, b) for a, b in zip(network.state_dict().values(), again.state_dict().values(), strict=True)
    )
    assert to_onnx(again, facts["provenance"]) == to_onnx(network, {"made_by": "a test"})


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    offset=st.floats(-1e6, 1e6),
    exponent=st.integers(-30, 30),
    length=st.integers(2, 200),
)
def test_the_file_forecasts_a_scaled_and_shifted_series_as_the_same_forecast_scaled_and_shifted(
    seed: int, offset: float, exponent: int, length: int
) -> None:
    y = np.random.default_rng(seed).normal(size=(1, length)).cumsum(1)
    scale = np.abs(np.diff(y)).mean()
    unit = 10.0**exponent
    session = OPENED.session
    seasons = np.array([[7, 12, 0]])
    others = {"season_lengths": seasons, "horizon": np.array(32)}
    plain = session.run(["quantiles"], {"context": y, **others})[0]
    moved = session.run(["quantiles"], {"context": (y + offset * scale) * unit, **others})[0]
    np.testing.assert_allclose(moved / unit - offset * scale, plain, rtol=0, atol=1e-4 * max(scale, np.std(y)))
    assert (np.diff(plain, axis=-1) >= 0).all()


OPENED = ModelFile.open(to_onnx(make(CONFIGS["lstm"]), {}))


@pytest.mark.parametrize("name", CONFIGS)
def test_a_pass_goes_on_from_the_state_that_another_one_gave(name: str) -> None:
    network = make(CONFIGS[name])
    session, patch = ModelFile.open(to_onnx(network, {})).session, network.config.patch_length
    histories = awkward_histories()[[0, 3], 170:270]  # no longer than two contexts, so that one window is read
    histories[:, 0] = 1.0
    others = {"season_lengths": np.array([[7, 24, 0]] * 2)} if network.config.season_slots else {}
    feeds = {"context": histories, "horizon": np.array(40), **others}
    expected = session.run(["quantiles"], feeds)[0]
    carried: dict[str, np.ndarray] = {}
    for end in (3, 5):
        part = {**feeds, **carried, "context": histories[:, : end * patch], "horizon": np.array(0)}
        quantiles, state, sums = session.run(["quantiles", "state_after", "sums_after"], part)
        assert quantiles.shape[1] == 0 and state.shape[0] == 1 and not np.isnan(sums).any()
        carried = {"state": state, "sums": sums, "pending": np.full(2, 2 * patch)}
    carried["pending"] = np.full(2, histories.shape[1] - 5 * patch)
    found = session.run(["quantiles"], {**feeds, **carried})[0]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * np.nanstd(histories))


def test_the_state_after_a_part_of_a_patch_is_marked_as_none_to_go_on_from() -> None:
    feeds = {"context": awkward_histories()[:2, :100], "season_lengths": np.zeros((2, 3), np.int64)}
    feeds["context"][1, :30] = np.nan
    session = ModelFile.open(to_onnx(make(CONFIGS["lstm"]), {})).session
    for width, whole in ((100, [False, False]), (96, [True, False]), (94, [False, False])):
        part = {**feeds, "context": feeds["context"][:, :width], "horizon": np.array(0)}
        assert (~np.isnan(session.run(["sums_after"], part)[0]).any(axis=1)).tolist() == whole


def damaged(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("keep", [0, 10, 5_000])
def test_a_file_cut_off_is_refused_by_both_readers(keep: int, tmp_path: Path) -> None:
    path = damaged(tmp_path, to_onnx(make(CONFIGS["lstm"]), {})[:keep])
    with pytest.raises(ModelError, match=r"bad\.onnx"):
        ModelFile.load(path)
    with pytest.raises(ModelError, match=r"bad\.onnx"):
        load_network(path)


def test_text_and_foreign_onnx_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="damaged, cut off, or not an ONNX"):
        ModelFile.load(damaged(tmp_path, b"a;b\n1;2\n"))
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy"]
    foreign = onnx.helper.make_model(
        onnx.helper.make_graph([node], "g", ends[:1], ends[1:]),
        opset_imports=[onnx.helper.make_opsetid("", 18)],
        ir_version=9,
    )
    with pytest.raises(ModelError, match="not one that tidegate saved"):
        ModelFile.load(damaged(tmp_path, foreign.SerializeToString()))


def telling(content: bytes, facts: object) -> bytes:
    """A model file that tells something else of itself."""
    model = onnx.load_from_string(content)
    onnx.helper.set_model_props(model, {METADATA_KEY: json.dumps(facts)})
    return model.SerializeToString()


def told(tmp_path: Path, facts: object) -> Path:
    """A model file that is whole but for what it tells of itself."""
    return damaged(tmp_path, telling(to_onnx(make(CONFIGS["lstm"]), {}), facts))


FACTS = {"format_version": 4, "config": CONFIGS["lstm"].to_dict(), "provenance": {}, "weights": "0"}
NO_FACTS = {
    "a list": ([1], "not one that tidegate saved"),
    "text": ("x", "not one that tidegate saved"),
    "null": (None, "not one that tidegate saved"),
    "no configuration": ({"format_version": 4}, "the model's configuration is None, expected its fields by name"),
    "a list as configuration": ({**FACTS, "config": [1]}, r"the model's configuration is \[1\]"),
    "text for a number": ({**FACTS, "config": {**FACTS["config"], "horizon": "64"}}, "has horizon '64', expected int"),
    "text for levels": ({**FACTS, "config": {"quantile_levels": ["a", 0.5]}}, "makes no network"),
    "an unknown cell": ({**FACTS, "config": {**FACTS["config"], "cell": "gru"}}, "cell 'gru' is not known"),
    "an unknown field": ({**FACTS, "config": {"depth": 2}}, r"unknown fields \['depth'\]: it needs a newer version"),
    "one bad network of two": ({**FACTS, "members": [FACTS["config"], {"cell": 7}]}, "has cell 7, expected str"),
    "no provenance": ({**FACTS, "provenance": None}, "found provenance None, expected a JSON object"),
    "seasons as text": ({**FACTS, "provenance": {"season_length": "12"}}, "found season_length '12'"),
    "no season": ({**FACTS, "provenance": {"season_length": [0]}}, "a season has at least 2 steps"),
    "no frequency": ({**FACTS, "provenance": {"season_length": [7], "frequency": "zz"}}, '"zz" is not a frequency'),
    "a horizon as text": ({**FACTS, "provenance": {"horizon": "x"}}, "found horizon 'x', expected a JSON number"),
    "no network": ({**FACTS, "members": []}, r"found members \[\], expected the networks of the file"),
    "a first network of two kinds": ({**FACTS, "members": [{**FACTS["config"], "horizon": 64}]}, "`config` the first"),
    "too many shares": ({**FACTS, "shares": [1, 2]}, "expected one above 0 for each of 1 networks"),
}


@pytest.mark.parametrize("name", NO_FACTS)
def test_facts_that_are_none_are_refused_by_both_readers_before_anything_is_forecast(name: str, tmp_path: Path) -> None:
    facts, message = NO_FACTS[name]
    path = told(tmp_path, facts)
    for read in (ModelFile.load, load_network):
        with pytest.raises(ModelError, match=r"bad\.onnx .*" + message):
            read(path)


SHIPPED = dict(ModelFile.load().metadata)
OTHERS = {
    "units": ({"hidden_size": 100}, "in its graph, expected state (1, 4, carried, 100) by its metadata"),
    "layers": ({"num_layers": 1}, "found state (1, 4, carried, 224) in its graph, expected state (1, 2, carried, 224)"),
    "a cell": ({"cell": "rnn"}, "found state (1, 4, carried, 224) in its graph, expected state (1, 2, carried, 224)"),
    "dilations": ({"dilations": [2, 4]}, "expected state (1, 12, carried, 224)"),
    "levels": ({"quantile_levels": [0.1, 0.5, 0.9]}, "found quantiles (batch, steps, 13) in its graph, expected "),
    "a horizon": ({"horizon": 32}, "expected past_quantiles (batch, past, 32, 13)"),
    "seasons": ({"season_slots": 2}, "in its graph, expected season_lengths (batch, 2) by its metadata"),
    "no seasons": ({"season_slots": 0}, "found season_lengths (batch, 3) in its graph, expected no season_lengths"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_metadata_of_another_network_than_that_of_the_graph_are_refused_by_both_readers(
    name: str, tmp_path: Path
) -> None:
    change, message = OTHERS[name]
    facts = {**SHIPPED, "config": {**SHIPPED["config"], **change}}
    path = damaged(tmp_path, telling(shipped_path().read_bytes(), facts))
    for read in (ModelFile.load, load_network):
        with pytest.raises(ModelError, match=f"bad\\.onnx cannot be used: .*{re.escape(message)}.*or fit again"):
            read(path)


@pytest.mark.parametrize(
    ("held", "claimed", "message"), [(1, 2, "found no state_1 in its graph"), (2, 1, "expected no state_1 by its")]
)
def test_metadata_of_more_or_fewer_networks_than_the_graph_holds_are_refused_by_both_readers(
    held: int, claimed: int, message: str, tmp_path: Path
) -> None:
    path = damaged(tmp_path, telling(file_of(held), {**FACTS, "members": [FACTS["config"]] * claimed}))
    for read in (ModelFile.load, load_networks):
        with pytest.raises(ModelError, match=message):
            read(path)


def test_a_stream_refuses_a_file_whose_patches_are_not_those_of_its_metadata() -> None:
    """No input or output shows them: the state after something else than whole patches does."""
    facts = {**FACTS, "config": {**FACTS["config"], "patch_length": 8}}
    model = ModelFile.open(telling(to_onnx(make(CONFIGS["lstm"]), {}), facts))
    with pytest.raises(ModelError, match="the model cannot be used: by its metadata its graph reads 8 values per step"):
        Stream.start(model, panel_of(np.arange(72.0)), 5)


VALUES: dict[str, Sequence[object]] = {
    "context_length": (32, 96, 1024),
    "patch_length": (1, 2, 8, 32),
    "horizon": (16, 64),
    "quantile_levels": ([0.5], [0.1, 0.5, 0.9]),
    "cell": CELLS,
    "hidden_size": (12, 14),
    "num_layers": (1, 3),
    "embedding_size": (0, 20),
    "head_size": (0, 20),
    "season_slots": (0, 1, 4),
    "scaling": (False,),
    "half_life": (0, 1, 200),
    "residual": (True,),
    "dilations": ([1, 1], [2, 1], [1, 3]),
    "log_unit": (0.5,),
    "smoothing": (
        {},
        {"share": 0.5, "level": 0.1, "trend": 0.1, "season": 0.1, "damping": 0.9},
        {"share": 0.5, "level": 0.1, "trend": "0.1", "season": 0.1, "damping": 0.9, "season_length": 33},
    ),
}
CHANGES = st.sampled_from([{name: value} for name, values in VALUES.items() for value in values])


@functools.cache
def file_of(networks: int) -> bytes:
    return to_onnx([make(CONFIGS["lstm"])] * networks, {})


@settings(max_examples=30, deadline=None)
@given(
    changes=st.lists(st.just({}) | CHANGES | st.tuples(CHANGES, CHANGES).map(lambda two: two[0] | two[1]), max_size=2),
    networks=st.integers(1, 2),
    version=st.integers(1, 4),
)
def test_whatever_the_metadata_say_only_tidegates_own_errors_arise(
    changes: list[dict[str, Any]], networks: int, version: int
) -> None:
    members = [{**FACTS["config"], **change} for change in changes]
    facts = {**FACTS, "format_version": version, "config": (members or [FACTS["config"]])[0], "members": members}
    with contextlib.suppress(TidegateError):
        model, panel = ModelFile.open(telling(file_of(networks), facts), threads=1), panel_of(np.sin(np.arange(300.0)))
        forecast_panel(model, panel, 5)
        Stream.start(model, panel, 5).forecast()


def test_a_newer_format_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="update tidegate"):
        ModelFile.load(told(tmp_path, {**FACTS, "format_version": 99}))


def test_a_file_of_format_1_forecasts_what_it_did_and_is_not_trained_further() -> None:
    """tests/data/format_1.onnx and these numbers were written by the last version that saved this format."""
    path = Path(__file__).parent / "data" / "format_1.onnx"
    context = np.sin(np.arange(50) / 4)[None]
    feeds = {"context": context, "season_lengths": np.array([[25, 0, 0]]), "horizon": np.array(20)}
    found = ModelFile.load(path).session.run(None, feeds)[0]
    expected = [-0.2021321333540528, 0.2979612707436363, 0.16729073293363034, -0.4706177454814437]
    np.testing.assert_allclose(found[0, ::6, 6], expected, rtol=0, atol=1e-5)
    with pytest.raises(
        ModelError, match="format version 1: it forecasts, but only versions 2 to 4 can be trained further"
    ):
        load_network(path)


@pytest.mark.parametrize(
    "save", [lambda path: OPENED.save(path), lambda path: save_network(make(CONFIGS["lstm"]), path, {})]
)
def test_saving_touches_no_file_but_its_own_and_leaves_a_link_a_link(
    save: Callable[[Path], None], tmp_path: Path
) -> None:
    place, beside = tmp_path / "m.onnx", tmp_path / "m.onnx.tmp"
    beside.write_text("of the user's")
    (tmp_path / "real").mkdir()
    place.symlink_to(tmp_path / "real" / "m.onnx")
    save(place)
    assert place.is_symlink() and ModelFile.load(place).config.cell == "lstm"
    assert beside.read_text() == "of the user's"
    assert {file.name for file in tmp_path.iterdir()} == {"m.onnx", "m.onnx.tmp", "real"}


def test_the_shipped_file_is_within_its_promised_size() -> None:
    model = ModelFile.load()
    assert isinstance(model.source, Path)
    assert model.source.stat().st_size < 6_000_000
    assert model.metadata["provenance"]["made_by"] == "tidegate pretrain"
    weights = onnx.load(model.source).graph.initializer
    count = sum(int(np.prod(weight.dims)) for weight in weights if not weight.name.startswith("constant"))
    assert count <= 1_400_000
