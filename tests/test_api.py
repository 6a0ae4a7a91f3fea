"""The Python functions: what goes in comes back in kind, and a model gives the same numbers wherever it is."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import tidegate
from tidegate.interfaces import arguments
from tidegate.series.reading import Reading, read_panel
from tidegate.training.fit import FitPlan

AIRLINE = Path(__file__).parent.parent / "examples" / "airline_passengers.csv"
QUICK = FitPlan(max_steps=4, epochs=2, batch_values=500, members=0)
INTERVALS = ["forecast", "lo-80", "hi-80", "lo-95", "hi-95"]


def table() -> dict[str, np.ndarray]:
    """Two shops, 30 days each."""
    days = np.arange("2024-01-01", "2024-01-31", dtype="M8[D]").astype("M8[us]")
    steps = np.arange(30)
    return {
        "unique_id": np.repeat(np.array(["a", "b"], dtype=object), 30),
        "ds": np.tile(days, 2),
        "y": np.concatenate([20 + steps % 7, 50 - steps % 7]).astype(float),
    }


@pytest.fixture(scope="module")
def fitted() -> tidegate.Model:
    return tidegate.fit(table(), 5, cell="rnn", layers=1, hidden_size=8, season_length=7, plan=QUICK)


def test_pandas_in_pandas_out() -> None:
    frame = tidegate.forecast(pd.DataFrame(table()), 3).frame
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == ["unique_id", "ds", *INTERVALS]
    assert list(frame["unique_id"]) == ["a"] * 3 + ["b"] * 3
    assert list(frame["ds"][:3]) == [pd.Timestamp("2024-01-31") + pd.Timedelta(days=k) for k in range(3)]


def test_every_kind_of_input_gives_the_same_numbers_in_its_own_kind(tmp_path: Path) -> None:
    expected = tidegate.forecast(pd.DataFrame(table()), 3).frame["forecast"].to_numpy()
    path = tmp_path / "table.csv"
    pl.DataFrame(table()).write_csv(path)
    columns = {name: values.tolist() for name, values in table().items()}
    for data, kind in (
        (pl.DataFrame(columns), pl.DataFrame),
        (pa.table(columns), pa.Table),
        (table(), dict),
        (path, dict),
        (str(path), dict),
    ):
        frame = tidegate.forecast(data, 3).frame
        assert isinstance(frame, kind)
        np.testing.assert_array_equal(np.asarray(frame["forecast"]), expected)


def test_an_array_gives_columns_that_count_on() -> None:
    values = np.sin(np.arange(100) / 3)
    fc = tidegate.forecast(values, 4)
    assert list(fc.frame) == ["step", *INTERVALS]
    assert fc.frame["step"].tolist() == [100, 101, 102, 103]
    np.testing.assert_array_equal(fc.frame["forecast"], tidegate.forecast(list(values), 4).frame["forecast"])


def test_a_horizon_nobody_gave_is_that_of_the_frequency_and_the_notes_say_so() -> None:
    fc = tidegate.forecast(AIRLINE)
    assert fc.horizon == 12
    assert any("12 steps, the default for monthly values" in note for note in fc.notes)
    fc = tidegate.forecast(np.arange(50.0))
    assert any(f"{fc.horizon} steps, the default without a time column" in note for note in fc.notes)
    assert not any("default" in note for note in tidegate.forecast(AIRLINE, 12).notes)


def test_options_reach_the_forecast() -> None:
    fc = tidegate.forecast(AIRLINE, np.int64(3), levels=50, quantile_levels=[0.9], upper=430.0, season_length=(12,))
    assert list(fc.frame)[1:] == ["forecast", "lo-50", "hi-50", "q90"]
    assert fc.frame["q90"].max() == 430.0
    assert fc.season_lengths.tolist() == [[12, 0, 0]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"horizon": 0}, "horizon 0: expected"),
        ({"horizon": "24"}, "horizon '24': expected a whole number"),
        ({"horizon": 2.5}, "horizon 2.5: expected a whole number"),
        ({"threads": 0}, "threads 0: expected"),
        ({"levels": "eighty"}, "levels 'eighty': expected a number or several"),
        ({"season_length": 0}, "season_length 0"),
    ],
)
def test_an_option_that_makes_no_sense_is_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(tidegate.ConfigError, match=message):
        tidegate.forecast(AIRLINE, **options)  # type: ignore[arg-type]


def test_a_misspelt_option_fails_where_it_is_written() -> None:
    with pytest.raises(TypeError, match="horizn"):
        tidegate.forecast(AIRLINE, horizn=3)  # type: ignore[call-arg]


def test_the_shipped_model_can_be_had_by_name_by_load_and_by_path() -> None:
    expected = tidegate.forecast(AIRLINE, 6).quantiles
    model = tidegate.load(threads=1)
    assert model.horizon is None and model.history == () and "lstm" in repr(model)
    for other in ("default", model, model.file.source):
        np.testing.assert_allclose(tidegate.forecast(AIRLINE, 6, model=other).quantiles, expected, rtol=1e-5)
    np.testing.assert_array_equal(model.forecast(AIRLINE, 6).quantiles, tidegate.load().forecast(AIRLINE, 6).quantiles)


def test_progress_counts_the_series() -> None:
    calls: list[tuple[int, int]] = []
    tidegate.forecast(table(), 3, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (2, 2)


def test_a_model_of_another_library_is_refused_with_what_is_expected() -> None:
    expected = r"model <object .*>: expected the path of a model file, 'default', or a tidegate\.Model"
    with pytest.raises(tidegate.ConfigError, match=expected):
        tidegate.forecast(table(), 3, model=object())  # type: ignore[arg-type]
    with pytest.raises(tidegate.ConfigError, match=expected):
        tidegate.backtest(table(), 3, models=[object()])  # type: ignore[list-item]


def test_a_fitted_model_forecasts_what_it_was_fitted_on_as_far_as_it_was_fitted_for(fitted: tidegate.Model) -> None:
    fc = fitted.forecast()
    assert fc.horizon == 5 == fitted.horizon
    assert any("5 steps, which the model was fitted for" in note for note in fc.notes)
    assert fc.season_lengths.tolist() == [[7, 0, 0], [7, 0, 0]]
    assert list(fc.frame["unique_id"]) == ["a"] * 5 + ["b"] * 5
    np.testing.assert_array_equal(fc.quantiles, fitted.forecast(table()).quantiles)
    assert fitted.forecast(horizon=9).horizon == 9


def test_a_model_that_was_saved_and_loaded_gives_the_same_numbers_and_holds_no_data(
    fitted: tidegate.Model, tmp_path: Path
) -> None:
    path = tmp_path / "sold.onnx"
    fitted.save(path)
    loaded = tidegate.load(path)
    assert loaded.horizon == 5 and "fitted for 5 steps" in repr(loaded)
    assert repr(fitted) == repr(loaded).replace(f" {loaded.file.name}", "")  # before it is saved it has no name
    np.testing.assert_array_equal(loaded.forecast(table()).quantiles, fitted.forecast().quantiles)
    with pytest.raises(tidegate.ConfigError, match="holds no data"):
        loaded.forecast()


def test_a_fit_tells_how_it_went(fitted: tidegate.Model) -> None:
    assert [epoch.step for epoch in fitted.history] == [2, 4]
    assert any("rnn, 1 x 8" in note for note in fitted.notes)
    assert fitted.provenance["made_by"] == "tidegate fit"


def test_counts_may_be_numbers_of_numpy_and_have_to_be_whole(tmp_path: Path) -> None:
    one = np.int64(1)
    counts = {"layers": one, "hidden_size": np.int64(8), "max_steps": np.int64(2), "members": one, "seed": np.int64(3)}
    model = tidegate.fit(table(), 5, start="scratch", plan=QUICK, **counts)
    model.save(tmp_path / "m.onnx")
    for name in counts:
        with pytest.raises(tidegate.ConfigError, match=f"{name} 1.5: expected a whole number"):
            tidegate.fit(table(), 5, start="scratch", plan=QUICK, **{name: 1.5})
    with pytest.raises(tidegate.ConfigError, match="seed -1: expected a whole number from 0"):
        tidegate.fit(table(), 5, seed=-1)


def test_a_panel_is_taken_by_every_verb_as_the_data_it_was_read_from() -> None:
    panel = read_panel(table())
    np.testing.assert_array_equal(tidegate.forecast(panel, 3).quantiles, tidegate.forecast(table(), 3).quantiles)
    model = tidegate.fit(panel, 5, cell="rnn", layers=1, hidden_size=8, season_length=7, plan=QUICK)
    again = tidegate.fit(table(), 5, cell="rnn", layers=1, hidden_size=8, season_length=7, plan=QUICK)
    np.testing.assert_array_equal(model.forecast().quantiles, again.forecast().quantiles)
    assert isinstance(model.forecast().frame, dict)
    stream = model.stream(panel)
    np.testing.assert_array_equal(stream.forecast().quantiles, again.stream(table()).forecast().quantiles)


def test_every_verb_says_so_if_no_series_shows_a_whole_season_of_the_given_length() -> None:
    note = "season length 31 is longer than every series (30 values at most): none shows a whole season"
    model = tidegate.fit(table(), 5, start="scratch", cell="rnn", hidden_size=8, season_length=(7, 31), plan=QUICK)
    assert model.notes.count(note) == 1
    assert tidegate.forecast(table(), 5, season_length=31).notes.count(note) == 1
    assert model.stream(table()).forecast().notes.count(note) == 1
    assert tidegate.backtest(table(), 5, windows=2, season_length=31, baselines=()).notes.count(note) == 1


@pytest.mark.parametrize(
    "options", [{"target": "nonsense"}, {"time": ["year", "month"]}, {"id": np.array(["a", "b"])}, {"drop_last": True}]
)
def test_options_that_say_how_to_read_are_refused_beside_a_panel(options: dict[str, object]) -> None:
    panel = read_panel(table())
    model = tidegate.load()
    for verb in (tidegate.forecast, tidegate.backtest, tidegate.fit, model.forecast, model.stream):
        with pytest.raises(
            tidegate.ConfigError, match=f"{next(iter(options))} .*: this option says how to read data, but a Panel"
        ):
            verb(panel, 2, **options)  # type: ignore[operator]


def test_every_option_of_reading_reaches_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {field.name: f"the {field.name}" for field in fields(Reading)}
    arrived: list[dict[str, object]] = []

    def reader(data: object, **options: object) -> None:
        arrived.append(options)
        raise tidegate.DataError("seen")

    monkeypatch.setattr(arguments, "read_panel", reader)
    model = tidegate.load()
    verbs = (tidegate.forecast, tidegate.backtest, tidegate.fit, model.forecast, model.stream)
    for verb in verbs:
        with pytest.raises(tidegate.DataError, match="seen"):
            verb(table(), 2, **given)  # type: ignore[operator]
    assert arrived == [given] * len(verbs)


def test_a_fitted_model_gives_back_the_library_of_its_data() -> None:
    model = tidegate.fit(pd.DataFrame(table()), 2, layers=1, hidden_size=8, plan=QUICK)
    assert isinstance(model.forecast().frame, pd.DataFrame)


@pytest.mark.parametrize("name", ["model.txt", "missing/model.onnx"])
def test_a_place_where_no_model_can_be_written_is_refused(fitted: tidegate.Model, tmp_path: Path, name: str) -> None:
    with pytest.raises(tidegate.ConfigError, match="cannot write"):
        fitted.save(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("missing", ["torch", "onnx", "safetensors"])
def test_without_the_extra_fit_says_which_one_to_install(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    for name in [name for name in sys.modules if name.startswith(("tidegate.training", "tidegate.network"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(tidegate.MissingExtra, match=r'pip install "tidegate\[train\]"'):
        tidegate.fit(AIRLINE, 12)


def test_an_import_that_fails_for_another_reason_is_not_taken_for_a_missing_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "tidegate.training.fit", None)
    with pytest.raises(ModuleNotFoundError, match=r"tidegate\.training\.fit") as raised:
        tidegate.fit(AIRLINE, 12)
    assert not isinstance(raised.value, tidegate.MissingExtra)
