"""Streams: the state is carried, and a forecast equals that of the whole history; what is late, unknown or absent."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import tidegate
from tests.panels import panel_of
from tidegate import DataError, ModelError, Stream
from tidegate.forecasting import model as model_module
from tidegate.forecasting.compact import from_decimals, to_decimals, unpack
from tidegate.forecasting.config import ModelConfig, Smoothing
from tidegate.forecasting.forecaster import forecast_panel
from tidegate.forecasting.model import ModelFile
from tidegate.interfaces.api import Model as Opened
from tidegate.network.model_file import load_network, rewrite, to_onnx
from tidegate.network.patch_lstm import PatchLSTM
from tidegate.series.arriving import Layout
from tidegate.series.dates.timeline import Timeline
from tidegate.series.panel import Panel

LIMIT = 64
SMALL = {"context_length": LIMIT, "horizon": 32, "hidden_size": 13, "embedding_size": 12, "head_size": 16}
SMOOTHING = Smoothing(0.5, 0.35, 0.05, 0.3, 0.9, season_length=7)
CONFIGS: dict[str, ModelConfig | tuple[ModelConfig, ...]] = {
    "lstm": ModelConfig(**SMALL),
    "two networks": (
        ModelConfig(**SMALL),
        ModelConfig(**{**SMALL, "patch_length": 4, "horizon": 16, "hidden_size": 7}),
    ),
    "values and logarithms": (ModelConfig(**SMALL), ModelConfig(**SMALL, log_unit=0.3)),
    "smoothed": (
        ModelConfig(**SMALL, smoothing=SMOOTHING),
        ModelConfig(**SMALL, log_unit=0.3, smoothing=SMOOTHING),
    ),
    "smoothed from afar": ModelConfig(**{**SMALL, "patch_length": 4, "horizon": 16}, smoothing=SMOOTHING),
    "peephole": ModelConfig(**SMALL, cell="peephole"),
    "rnn": ModelConfig(**SMALL, cell="rnn", num_layers=3),
    "dilated residual": ModelConfig(**SMALL, num_layers=3, dilations=(1, 2, 4), residual=True),
    "dilated peephole": ModelConfig(**SMALL, cell="peephole", dilations=(3, 5)),
    "tutorial": replace(ModelConfig.tutorial(hidden_size=5), context_length=LIMIT),
}
SEASONS = (7, 9)
Floats = np.ndarray[Any, np.dtype[np.float64]]


@cache
def model_of(name: str) -> ModelFile:
    torch.manual_seed(1)
    found = CONFIGS[name]
    several = found if isinstance(found, tuple) else (found,)
    shares = [1.0 + place for place in range(len(several))]  # no network counts as much as another
    return ModelFile.open(to_onnx([PatchLSTM(config).eval() for config in several], {}, shares=shares), threads=1)


def awkward(length: int) -> Floats:
    """Of one panel: whole, with holes, a block of the context without a value, a late start, constant, far from 0."""
    rows = np.random.default_rng(0).normal(size=(7, length)).cumsum(1) + 5
    rows[1, 30:33] = rows[1, 10:18] = np.nan
    rows[2, LIMIT - 3 : 2 * LIMIT + 9] = np.nan
    rows[3, LIMIT : LIMIT + 6] = rows[3, 1::3] = np.nan
    rows[4, :11] = np.nan
    rows[5] = 7.0
    rows[6] = rows[6] * 1e-3 + 1e6
    return rows


def started(model: ModelFile, rows: Floats, **options: Any) -> Stream:
    return Stream.start(model, panel_of(*rows, named=True), 40, season_length=SEASONS, **options)


def next_rows(rows: Floats) -> dict[str, Floats]:
    return {f"s{number}": values for number, values in enumerate(rows)}


def assert_equals_the_batch(stream: Stream, rows: Floats, **options: Any) -> None:
    """Within 1e-5 of each series' scale, and in all columns."""
    read = rows[:, LIMIT * max(0, rows.shape[1] // LIMIT - 1) :]
    kept = np.flatnonzero(~np.isnan(read).all(axis=1))  # the others have nothing to start from, see the test of gaps
    found = stream.forecast(ids=[f"s{number}" for number in kept], **options)
    panel = panel_of(*rows, named=True).select(kept)
    expected = forecast_panel(stream.file, panel, 40, season_length=SEASONS, **options)
    scale = np.maximum(np.nanstd(rows[kept], axis=1), 1e-9)[:, None, None]
    np.testing.assert_allclose(found.quantiles / scale, expected.quantiles / scale, rtol=0, atol=1e-5)
    assert found.quantile_levels == expected.quantile_levels
    for name, column in expected.columns().items():
        if column.dtype.kind != "f":
            np.testing.assert_array_equal(found.columns()[name], column)


@pytest.mark.parametrize("name", CONFIGS)
def test_row_by_row_it_equals_the_batch_at_every_phase_and_across_the_context_limit(name: str) -> None:
    rows = awkward(4 * LIMIT + 21)
    stream = started(model_of(name), rows[:, :13])
    every = 1 if name == "lstm" else 5
    for end in range(14, rows.shape[1] + 1):
        stream.update(next_rows(rows[:, end - 1]))
        if end % every == 0:
            assert_equals_the_batch(stream, rows[:, :end], calibrate=False, bounds=False)


@pytest.mark.parametrize("name", ["lstm", "two networks", "smoothed"])
@pytest.mark.parametrize("length", [80, 200, 383, 390])
def test_calibration_bounds_and_levels_are_those_of_the_batch(length: int, name: str) -> None:
    rows = np.abs(awkward(400))
    stream = started(model_of(name), rows[:, :70])
    stream.update(next_rows(rows[:, 70:length]))
    assert_equals_the_batch(stream, rows[:, :length], levels=(90,), quantile_levels=(0.33,))
    assert_equals_the_batch(stream, rows[:, :length], lower=1.0, upper=6.0)


def test_calibration_of_histories_that_have_past_origins_is_carried_too() -> None:
    noise = np.random.default_rng(0).normal(size=(3, 1400))
    noise[:, 1000:] *= 0.02  # calm at last: intervals of the whole are too wide
    whole = ModelConfig(**{**SMALL, "context_length": 512})
    torch.manual_seed(1)
    model = ModelFile.open(to_onnx(PatchLSTM(whole).eval(), {}), threads=1)
    stream = started(model, noise[:, :700])
    for end in (1100, 1101, 1400):
        stream.update(next_rows(noise[:, stream.carried.length[0] : end]))
        assert_equals_the_batch(stream, noise[:, :end])
    assert any("scaled" in note for note in stream.forecast().notes)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    begin=st.integers(1, 150),
    steps=st.lists(st.integers(1, 90), max_size=6),
    missing=st.floats(0, 0.9),
)
def test_however_the_rows_are_parted_the_forecast_is_the_same(
    seed: int, begin: int, steps: list[int], missing: float
) -> None:
    random = np.random.default_rng(seed)
    rows = random.normal(size=(3, begin + sum(steps))).cumsum(1)
    rows[random.random(rows.shape) < missing] = np.nan
    rows[:, 0] = 1.0
    stream = started(model_of("lstm"), rows[:, :begin])
    for step in steps:
        stream.update(next_rows(rows[:, begin : begin + step]))
        begin += step
    assert_equals_the_batch(stream, rows)


def test_thousands_of_series_of_their_own_lengths_with_the_model_in_the_package() -> None:
    random = np.random.default_rng(0)
    lengths = random.integers(20, 260, 2_000)
    lengths[0] = 2_500
    waves = [np.sin(np.arange(n) / 24 * 2 * np.pi) * 20 + 100 + random.normal(size=n) for n in lengths + 2]
    ids = {"id": np.arange(2_000)}

    def panel(lacking: int) -> Panel:
        kept = [values[: len(values) - lacking] for values in waves]
        offsets = np.concatenate([[0], np.cumsum([len(values) for values in kept])])
        return Panel(np.concatenate(kept), offsets, Timeline.positions(2_000), ids)

    stream = Stream.start(ModelFile.load(threads=1), panel(2), 12, season_length=24)
    for lacking in (2, 1):
        stream.update({number: values[-lacking] for number, values in enumerate(waves)})
    found = stream.forecast(calibrate=False).quantiles
    expected = forecast_panel(stream.file, panel(0), 12, season_length=24, calibrate=False).quantiles
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * 14)


@pytest.mark.parametrize("seeds", [(23,), (27,), (10, 14, 15, 23, 27)], ids=str)
def test_few_series_that_are_mostly_zero_carry_the_bits_of_a_batch(seeds: tuple[int, ...]) -> None:
    """Where far quantiles show most what a last bit of a logarithm does: here it was 7e-5 of the scale."""
    random = [np.random.default_rng(seed) for seed in seeds]
    rows = np.array([np.where(one.random(400) < 0.2, one.random(400) * 5, 0.0) for one in random])
    scale = (rows.std(axis=1) + np.abs(np.diff(rows)).mean(axis=1)) / 2
    model = ModelFile.load(threads=1)
    stream = Stream.start(model, panel_of(*rows[:, :250], named=True), 30, season_length=7)
    stream.update(next_rows(rows[:, 250:]))
    expected = forecast_panel(model, panel_of(*rows, named=True), 30, season_length=7).quantiles
    np.testing.assert_array_less(abs(stream.forecast().quantiles - expected).max(axis=(1, 2)), 1e-9 * scale)


class Counting:
    """A session that counts the values it is shown."""

    def __init__(self, session: Any) -> None:
        self.session, self.shown = session, 0

    def run(self, names: list[str], feeds: dict[str, Any]) -> Any:
        self.shown += feeds["context"].size
        return self.session.run(names, feeds)


def test_a_row_costs_the_same_after_a_hundred_and_after_ten_thousand() -> None:
    rows = np.random.default_rng(0).normal(size=(2, 10_000)).cumsum(1)
    shown = []
    for begin in (130, 9_900):
        stream = started(model_of("lstm"), rows[:, :begin])
        size = stream.carried.values.nbytes
        counting = Counting(stream.file.session)
        stream.file = replace(stream.file, session=counting)
        for step in range(100):
            stream.update(next_rows(rows[:, begin + step]))
        assert stream.carried.values.nbytes == size
        shown.append(counting.shown)
    assert shown[1] <= 2.1 * shown[0]  # two windows once the first block is complete
    assert shown[1] < 100 * LIMIT


def hours(count: int, name: str = "a") -> pd.DataFrame:
    times = pd.date_range("2024-03-01", periods=count, freq="h")
    return pd.DataFrame({"unique_id": name, "ds": times, "y": np.sin(np.arange(count) / 4) + 3})


def opened(name: str = "lstm") -> Opened:
    return Opened(model_of(name))


def test_an_update_looks_at_its_own_series_and_not_at_all_that_the_stream_holds() -> None:
    class Known(dict[Any, Any]):
        def items(self) -> Any:
            raise AssertionError("every series was looked at")

    stream = started(model_of("lstm"), awkward(20))
    stream.index = Known(stream.index)
    updated = stream.update({"s5": 7.0, "s1": [1.0, 2.0]})
    assert (updated.rows, updated.ids) == (3, [("s1",), ("s5",)])  # in the stream's order


def test_other_threads_open_no_file_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model, frame = opened(), hours(60)
    monkeypatch.setattr(model_module, "open_session", lambda _: pytest.fail("opened again"))
    stream = model.stream(frame, horizon=5, threads=3)
    assert (stream.file.threads, stream.file.session) == (3, model.file.session)
    assert model.file.threads == 1
    stream.save(tmp_path / "state.npz")
    assert Stream.load(tmp_path / "state.npz", model).file.threads == 1
    assert Stream.load(tmp_path / "state.npz", model, threads=2).file.threads == 2
    tidegate.forecast(frame, 5, model=model, threads=2)


def of_frame(frame: pd.DataFrame, begin: int, **options: Any) -> Stream:
    return opened().stream(frame.iloc[:begin], horizon=5, **options)


FORMS: dict[str, Callable[[pd.DataFrame], object]] = {
    "pandas": lambda rows: rows,
    "polars": lambda rows: pytest.importorskip("polars").from_pandas(rows),
    "dict of columns": lambda rows: rows.to_dict("list"),
    "list of dicts": lambda rows: rows.to_dict("records"),
    "text": lambda rows: rows.assign(ds=rows.ds.astype(str)).to_dict("list"),
    "newest first": lambda rows: rows.iloc[::-1],
    "dict of ids": lambda rows: {"a": rows.y.tolist()},
}


@pytest.mark.parametrize("form", FORMS)
def test_rows_come_in_any_form_that_the_door_reads(form: str) -> None:
    frame = hours(100)
    stream = of_frame(frame, 90)
    updated = stream.update(FORMS[form](frame.iloc[90:]))
    assert (updated.rows, updated.late, updated.unknown, updated.ids) == (10, 0, 0, [("a",)])
    expected = opened().forecast(frame, horizon=5)
    pd.testing.assert_frame_equal(stream.forecast().frame, expected.frame, rtol=1e-6)


def test_a_file_is_read_too_and_a_single_series_needs_neither_stamps_nor_a_name(tmp_path: Path) -> None:
    frame = hours(100)
    frame.iloc[90:].to_csv(tmp_path / "new.csv", index=False)
    stream = of_frame(frame, 90)
    assert stream.update(tmp_path / "new.csv").rows == 10
    alone = opened().stream(frame.y.to_numpy()[:90], horizon=5)
    for value in frame.y.to_numpy()[90:95]:
        alone.update(value)
    one = frame.iloc[95].to_dict()
    named = of_frame(frame, 95)
    assert named.update(one).rows == 1 and named.panel()[0][-1] == one["y"]
    alone.update(frame.y.to_numpy()[95:])
    expected = opened().forecast(frame.y.to_numpy(), horizon=5)
    np.testing.assert_allclose(alone.forecast().quantiles, expected.quantiles, rtol=1e-6)


def test_a_wide_table_goes_on_in_wide_rows() -> None:
    wide = pd.DataFrame({"ds": hours(100).ds, "north": hours(100).y, "south": hours(100).y * 2})
    stream = opened().stream(wide.iloc[:90], horizon=5)
    assert stream.update(wide.iloc[90:]).rows == 20
    pd.testing.assert_frame_equal(stream.forecast().frame, opened().forecast(wide, horizon=5).frame, rtol=1e-6)


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_hours_that_a_clock_shows_twice_are_told_apart_by_their_order(zone: str | None) -> None:
    times = pd.date_range("2024-10-25", periods=100, freq="h", tz="Europe/Berlin")
    frame = pd.DataFrame({"unique_id": "a", "ds": times, "y": np.sin(np.arange(100) / 4)})
    if zone is not None:  # as plain clock time, its zone said
        frame["ds"] = frame.ds.dt.tz_localize(None)
    stream = opened().stream(frame.iloc[:40], horizon=5, timezone=zone, season_length=24)
    for row in range(40, 100):
        stream.update(frame.iloc[row : row + 1])
    expected = opened().forecast(frame, horizon=5, timezone=zone, season_length=24)
    pd.testing.assert_frame_equal(stream.forecast().frame, expected.frame, rtol=1e-6)


def test_day_and_month_are_read_as_the_history_wrote_them() -> None:
    days = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=100, freq="D"), "y": np.arange(100.0) % 7})
    days["ds"] = days.ds.dt.strftime("%d/%m/%Y")
    stream = of_frame(days, 97)
    stream.update({"ds": ["07/04/2024", "08/04/2024"], "y": [6.0, 0.0]})
    assert stream.forecast(2).columns()["ds"].tolist() == ["09/04/2024", "10/04/2024"]


def test_steps_without_a_row_and_rows_without_a_value_are_missing_values() -> None:
    frame = hours(100)
    frame.loc[93, "y"] = np.nan
    stream = of_frame(frame, 90)
    for row in (90, 92, 93, 96, 99):
        stream.update(frame.iloc[row : row + 1])
    holes = frame.copy()
    holes.loc[[91, 94, 95, 97, 98], "y"] = np.nan
    pd.testing.assert_frame_equal(stream.forecast().frame, opened().forecast(holes, horizon=5).frame, rtol=1e-6)


def test_a_gap_so_long_that_nothing_is_left_to_read_is_told_by_name_and_ends_with_the_next_value() -> None:
    rows = np.random.default_rng(0).normal(size=(2, 4 * LIMIT))
    rows[1, 70:] = np.nan
    stream = started(model_of("lstm"), rows)
    with pytest.raises(DataError, match="'s1' has no value among its last 128 steps"):
        stream.forecast()
    assert stream.forecast(ids=["s0"]).quantiles.shape[0] == 1
    more = np.concatenate([rows, [[1.0, 2.0], [3.0, np.nan]]], axis=1)
    stream.update(next_rows(more[:, -2:]))
    assert_equals_the_batch(stream, more)


REFUSED = {
    "a row is 2 steps late": {"ds": ["2024-03-04 16:00"], "y": [1.0]},
    "two rows have the same step": {"ds": ["2024-03-04 18:00", "2024-03-04 18:00"], "y": [1.0, 2.0]},
    "not on the grid h": {"ds": ["2024-03-04 18:30"], "y": [1.0]},
    "steps after the previous one, more than": {"ds": ["2034-03-04 18:00"], "y": [1.0]},
    "infinite value": {"ds": ["2024-03-04 18:00"], "y": [np.inf]},
    'found "eight", expected a number': {"ds": ["2024-03-04 18:00"], "y": ["eight"]},
    "no date in any usual form": {"ds": ["soon"], "y": [1.0]},
    "no value column": {"ds": ["2024-03-04 18:00"], "z": [1.0]},
    "no time column": {"unique_id": ["a"], "y": [1.0]},
    "has no series 'b'": {"ds": ["2024-03-04 18:00"], "y": [1.0], "unique_id": ["b"]},
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_be_taken_in_is_refused_whole_and_changes_nothing(message: str) -> None:
    stream = of_frame(hours(90), 90)
    before = stream.forecast().quantiles
    bad = {"unique_id": ["a"] * len(next(iter(REFUSED[message].values()))), **REFUSED[message]}
    good = {"unique_id": "a", "ds": "2024-03-04 20:00", "y": 5.0, "z": 1.0}
    for rows in (bad, {name: [good[name], *column] for name, column in bad.items()}):
        with pytest.raises(DataError, match=message):
            stream.update(rows)
    np.testing.assert_array_equal(stream.forecast().quantiles, before)
    assert stream.size == 1 and stream.carried.length[0] == 90


def test_late_and_unknown_rows_can_be_left_out_and_are_counted() -> None:
    stream = of_frame(hours(90), 90, late="skip", unknown="skip")
    rows = {
        "unique_id": ["a", "a", "b", "a"],
        "ds": ["2024-03-04 16:00", "2024-03-04 18:00", "2024-03-04 18:00", "2024-03-04 18:00"],
        "y": [1.0, 2.0, 3.0, 4.0],
    }
    assert stream.update(rows)[:3] == (1, 2, 1)
    assert stream.panel()[0][-1] == 2.0  # the first of two rows of one step


def test_unknown_series_can_begin_with_their_first_rows() -> None:
    stream = of_frame(hours(90), 90, unknown="start", season_length=24)
    late = hours(100, "c").iloc[95:]
    late.loc[95, "y"] = np.nan
    others = [hours(100, "b").iloc[20:], late]
    assert stream.update(pd.concat([hours(100).iloc[90:], *others])).rows == 95
    whole = pd.concat([hours(100), *others])
    expected = opened().forecast(whole, horizon=5, season_length=24)
    pd.testing.assert_frame_equal(stream.forecast().frame, expected.frame, rtol=1e-6)


@pytest.mark.parametrize("loaded", [False, True])
def test_series_far_from_zero_stay_as_they_are_where_one_begins_that_looks_farther_back(
    loaded: bool, tmp_path: Path
) -> None:
    frame = hours(400)
    frame["y"] += 1e9
    torch.manual_seed(1)
    whole = ModelConfig(**{**SMALL, "context_length": 512})
    model = Opened(ModelFile.open(to_onnx(PatchLSTM(whole).eval(), {}), threads=1))
    # Too few for any season to begin with; that of a series which begins later is 24.
    stream = model.stream(frame.iloc[:9], horizon=5, unknown="start")
    stream.update(frame.iloc[9:])
    if loaded:
        stream.save(tmp_path / "s.npz")
        stream = Stream.load(tmp_path / "s.npz", stream.file)
    expected, reach = stream.forecast().quantiles, stream.carried.reach
    stream.update(hours(400, "b").iloc[-1:])
    assert stream.carried.reach > reach
    np.testing.assert_allclose(stream.forecast(ids="a").quantiles, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("given", [[7, 9], np.array([7, 9]), np.int64(7)], ids=["list", "array", "NumPy's int"])
def test_season_lengths_of_any_kind_are_kept_in_a_file_and_used_for_series_that_begin(
    given: Any, tmp_path: Path
) -> None:
    expected = [7, 9, 0] if np.ndim(given) else [7, 0, 0]
    begun = Stream.empty(model_of("lstm"), of_frame(hours(90), 90).layout, 5, unknown="start", season_length=given)
    for stream in (of_frame(hours(90), 90, unknown="start", season_length=given), begun):
        stream.update(hours(90, "b"))
        stream.save(tmp_path / "s.npz")
        again = Stream.load(tmp_path / "s.npz", model_of("lstm"))
        assert again.season_length == stream.season_length
        again.update(hours(90, "c"))
        assert again.forecast().season_lengths.tolist() == [expected] * again.size
        assert again.forecast().notes == [] or "as given" in again.forecast().notes[0]


@pytest.mark.parametrize("given", [(2, 3, 4, 5), "7", 7.5, 0, (7, None)], ids=str)
def test_season_lengths_that_are_none_are_refused_before_any_row(given: Any) -> None:
    with pytest.raises(tidegate.ConfigError, match="season"):
        Stream.empty(model_of("lstm"), of_frame(hours(90), 90).layout, 5, unknown="start", season_length=given)


def test_series_are_asked_for_one_or_several_or_none() -> None:
    stream = numbered_series()
    assert stream.forecast(ids=2).columns()["unique_id"].tolist() == [2] * 5
    assert stream.forecast(ids=["2", 1.0]).columns()["unique_id"].tolist() == [2] * 5 + [1] * 5
    none, whole = stream.forecast(ids=[]), stream.forecast()
    assert list(none.frame) == list(whole.frame) and len(none.frame) == 0
    with pytest.raises(DataError, match="holds no series '3'"):
        stream.forecast(ids=3)


def numbered_series() -> Stream:
    return of_frame(pd.concat([hours(90, name).assign(unique_id=name) for name in (1, 2)]), 180, unknown="start")


# 07 would be written as 7 and 3.5 as 3: another series may have that id.
@pytest.mark.parametrize("name", ["A7", 3.5, "07", 2**64 - 1, np.inf, {"x": 1}], ids=str)
def test_an_id_that_numbers_cannot_hold_is_refused_and_changes_nothing(name: object) -> None:
    stream = numbered_series()
    before = stream.forecast()
    with pytest.raises(
        DataError,
        match=r"an id that the column \"unique_id\" of whole numbers|holds a value of type dict|found the id inf",
    ):
        stream.update([{"unique_id": each, "ds": "2024-03-04 18:00", "y": 5.0} for each in (1, 4, name)])
    pd.testing.assert_frame_equal(stream.forecast().frame, before.frame)
    stream.update({"unique_id": 1, "ds": "2024-03-04 18:00", "y": 5.0})
    stream.update({"unique_id": ["7", "8"], "ds": ["2024-03-04 18:00"] * 2, "y": [5.0, 5.0]})
    assert stream.ids["unique_id"].tolist() == [1, 2, 7, 8] and stream.ids["unique_id"].dtype == np.int64


def test_beside_ids_that_are_text_a_number_is_text(tmp_path: Path) -> None:
    stream = of_frame(hours(90), 90, unknown="start")
    stream.update({"unique_id": [7], "ds": ["2024-03-04 18:00"], "y": [5.0]})
    assert stream.ids["unique_id"].tolist() == ["a", "7"]
    stream.save(tmp_path / "s.npz")  # refuses a mixture


def test_a_series_that_begins_under_two_names_is_refused() -> None:
    stream = Stream.empty(model_of("lstm"), Layout(("id",), "y", Timeline.positions(0)), 5, unknown="start")
    with pytest.raises(DataError, match="series '7' is new and named in two ways"):
        stream.update({7: 1.0, "7": 2.0})
    stream.update({7: 1.0, "a": 2.0})
    assert stream.index == {("7",): 0, ("a",): 1} and stream.ids["id"].tolist() == ["7", "a"]


def test_levels_and_horizons_are_given_as_to_a_forecast() -> None:
    stream = of_frame(hours(60), 60)
    given = stream.forecast(np.int64(2), levels=80, quantile_levels=0.9)
    pd.testing.assert_frame_equal(given.frame, stream.forecast(2, levels=(80,), quantile_levels=(0.9,)).frame)
    assert "2 steps ahead" in repr(given)
    for wrong in ({"horizon": 2.0}, {"horizon": "2"}, {"levels": "80"}):
        with pytest.raises(tidegate.ConfigError, match="expected a"):
            stream.forecast(**wrong)


def test_options_that_are_none_are_refused() -> None:
    with pytest.raises(tidegate.ConfigError, match="late 'maybe': expected one of error, skip"):
        of_frame(hours(90), 90, late="maybe")
    with pytest.raises(DataError, match="holds no series 'b'"):
        of_frame(hours(90), 90).forecast(ids=["b"])


def test_saving_and_loading_goes_on_to_the_same_bits_in_a_few_kilobytes(tmp_path: Path) -> None:
    rows = awkward(250)
    stream = started(model_of("lstm"), rows[:, :150])
    stream.save(tmp_path / "s.npz")
    again = Stream.load(tmp_path / "s.npz", model_of("lstm"))
    for one in (stream, again):
        one.update(next_rows(rows[:, 150:]))
    np.testing.assert_array_equal(again.forecast().quantiles, stream.forecast().quantiles)
    assert again.forecast().notes == stream.forecast().notes
    with np.load(tmp_path / "s.npz", allow_pickle=False) as stored:
        assert all(stored[name].dtype.kind != "O" for name in stored.files)
    assert (tmp_path / "s.npz").stat().st_size < 4_000 * len(rows)
    assert [path.name for path in tmp_path.iterdir()] == ["s.npz"]


def test_values_with_few_decimals_take_a_fraction_of_the_room(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(50, 2 * LIMIT)) * 20 + 100
    sizes = []
    for decimals in (15, 2, 0):
        started(model_of("lstm"), rows.round(decimals)).save(tmp_path / "s.npz")
        with zipfile.ZipFile(tmp_path / "s.npz") as file:
            sizes.append(file.getinfo("values.npy").compress_size)
    assert sizes[1] < sizes[0] / 3 and sizes[2] < sizes[0] / 6


def test_a_file_of_version_1_whose_arrays_are_not_packed_is_still_read(tmp_path: Path) -> None:
    rows = awkward(250)
    stream = started(model_of("two networks"), rows)
    stream.save(tmp_path / "s.npz")
    with np.load(tmp_path / "s.npz") as stored:
        packed = {name: stored[name] for name in stored.files}
    header = json.loads(str(packed.pop("header")))
    arrays = unpack(packed, header.pop("layout"))
    arrays["is_object_0"] = np.array(header.pop("objects")[0])
    header["stream_version"] = 1
    np.savez_compressed(tmp_path / "old.npz", header=np.array(json.dumps(header)), **arrays)
    again = Stream.load(tmp_path / "old.npz", model_of("two networks"))
    np.testing.assert_array_equal(again.forecast(ids=["s0"]).quantiles, stream.forecast(ids=["s0"]).quantiles)
    assert again.index == stream.index


def test_a_stream_without_any_series_yet_is_saved_too(tmp_path: Path) -> None:
    layout = of_frame(hours(90), 90).layout
    Stream.empty(model_of("lstm"), layout, 5, unknown="start").save(tmp_path / "s.npz")
    again = Stream.load(tmp_path / "s.npz", model_of("lstm"))
    assert again.size == 0 and again.update(hours(90)).rows == 90


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(
        st.one_of(
            st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=4, max_size=4),
            st.tuples(st.integers(0, 7), st.lists(st.integers(-(10**12), 10**12), min_size=4, max_size=4)).map(
                lambda drawn: [whole / 10.0 ** drawn[0] for whole in drawn[1]]
            ),
        ),
        max_size=5,
    )
)
def test_values_come_back_from_decimals_to_the_same_bits(rows: list[list[float]]) -> None:
    values = np.array(rows).reshape(-1, 4)
    found = from_decimals(*to_decimals(values))
    np.testing.assert_array_equal(found.view(np.int64), values.view(np.int64))


def test_decimals_are_the_fewest_that_say_a_value() -> None:
    values = np.array([[5.0, 7.0, 1e6], [0.25, 0.5, 1.0], [0.1, -0.3, 2.0], [np.pi, 1.0, 2.0], [-0.0, 1.0, 2.0]])
    steps, decimals, least = to_decimals(values)
    assert decimals.tolist() == [0, 2, 1, -1, -1]  # a zero below 0 has a bit that no whole number has
    assert steps[:3].tolist() == [[0, 2, 999_995], [0, 25, 75], [4, 0, 23]] and least[:3].tolist() == [5, 25, -3]


@pytest.mark.parametrize("kind", ["pandas", "text", "parts"])
def test_a_saved_stream_reads_and_writes_stamps_as_before(kind: str, tmp_path: Path) -> None:
    frame = hours(100)
    if kind == "text":
        frame["ds"] = frame.ds.dt.strftime("%d.%m.%Y %H:%M")
    if kind == "parts":
        parts = {name: getattr(frame.ds.dt, name) for name in ("year", "month", "day", "hour")}
        frame = pd.DataFrame({**parts, "y": frame.y})
    stream = of_frame(frame, 90)
    stream.save(tmp_path / "s.npz")
    again = Stream.load(tmp_path / "s.npz", opened())
    for one in (stream, again):
        one.update(frame.iloc[90:])
    pd.testing.assert_frame_equal(again.forecast().frame, stream.forecast().frame)


def test_a_saved_stream_of_other_weights_is_refused_and_so_is_what_is_none(tmp_path: Path) -> None:
    path = tmp_path / "s.npz"
    started(model_of("lstm"), awkward(100)).save(path)
    with pytest.raises(ModelError, match=r"was carried by the weights .* load it with the model it was made with"):
        Stream.load(path, model_of("peephole"))
    content = path.read_bytes()
    with zipfile.ZipFile(path) as file:
        inside = file.getinfo("state_0.npy").header_offset + 100
    flipped = [content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :] for at in range(inside, inside + 900, 50)]
    for damaged in (b"", b"not a stream", content[: len(content) // 2], *flipped):
        path.write_bytes(damaged)
        with pytest.raises(ModelError, match="not a saved stream, or is damaged"):
            Stream.load(path, model_of("lstm"))
    with pytest.raises(FileNotFoundError):
        Stream.load(tmp_path / "none.npz", model_of("lstm"))


@pytest.mark.parametrize("header", [None, "[1]", '"x"', '{"stream_version": 2}', "an array by itself"])
def test_an_npz_file_of_another_kind_is_refused(header: str | None, tmp_path: Path) -> None:
    path = tmp_path / "other.npz"
    if header == "an array by itself":
        np.save(tmp_path / "other.npy", np.arange(3))
        (tmp_path / "other.npy").rename(path)
    else:
        np.savez(path, x=np.arange(3), **({} if header is None else {"header": np.array(header)}))
    with pytest.raises(ModelError, match=r"other\.npz is not a saved stream, or is damaged"):
        Stream.load(path, model_of("lstm"))


def test_a_file_of_format_2_forecasts_as_it_did_and_streams_once_it_is_written_anew(tmp_path: Path) -> None:
    """tests/data/format_2.onnx and these numbers were written by the last version that saved this format."""
    path = shutil.copy(Path(__file__).parent / "data" / "format_2.onnx", tmp_path / "old.onnx")
    feeds = {"context": np.sin(np.arange(50) / 4)[None], "season_lengths": np.array([[25, 0, 0]])}
    feeds["horizon"] = np.array(20)
    expected = [-0.2153746862693061, 0.6163058749738437, 0.0035415944374540542, -0.6542850102251625]
    for _ in range(2):
        found = ModelFile.load(path, threads=1).session.run(["quantiles"], feeds)[0]
        np.testing.assert_allclose(found[0, ::6, 1], expected, rtol=0, atol=1e-5)
        network = load_network(Path(path))[0]
        if ModelFile.load(path).metadata["format_version"] == 2:
            with pytest.raises(ModelError, match="format version 2 and cannot carry its state"):
                started(ModelFile.load(path), awkward(50))
            before = network.state_dict()
            rewrite(Path(path))
    assert all(torch.equal(before[name], weight) for name, weight in network.state_dict().items())
    stream = started(ModelFile.load(path, threads=1), awkward(50))
    stream.update(next_rows(awkward(70)[:, 50:]))
    assert_equals_the_batch(stream, np.concatenate([awkward(50), awkward(70)[:, 50:]], axis=1))
