"""`tidegate backtest` and `tidegate.backtest`: from a file to verdict, document, table of forecasts and page."""

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tidegate
from tests.test_layers import AIRLINE
from tidegate.__main__ import main
from tidegate.errors import ConfigError, DataError
from tidegate.forecasting import forecaster
from tidegate.forecasting.model import ModelFile
from tidegate.forecasting.result import Forecast
from tidegate.interfaces import backtesting
from tidegate.training.plan import FitPlan

QUICK = ["backtest", str(AIRLINE), "--horizon", "12", "--windows", "3", "--baseline", "naive", "--threads", "1"]


def test_the_verdict_and_a_table_are_printed_and_the_notes_go_to_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(QUICK) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Tidegate beats seasonal naive by ")
    assert "covers 80 %" in out and "Naive2" in out
    assert "144 monthly values" in err and "chosen on the windows before the last" in err


def test_forecasts_page_and_document_come_from_one_call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    forecasts, page = tmp_path / "all.csv", tmp_path / "report.html"
    assert main([*QUICK, "-o", str(forecasts), "--report", str(page), "--json", "--quiet", "--prove"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert err == ""
    assert document["proof"]["holds"] is True and document["origins"] == ["1957-12", "1958-12", "1959-12"]
    assert document["settings"]["horizon"] == 12 and document["settings"]["prove"] is True
    assert document["scores"]["Tidegate"]["mase"] < 1.5
    assert len(forecasts.read_text().splitlines()) == 1 + 5 * 3 * 12
    assert document["verdict"] in page.read_text(encoding="utf-8")


ASKED: dict[str, Any] = {
    "data": "my sales.csv",
    "horizon": 6,
    "windows": 3,
    "step": None,
    "refit": False,
    "models": ["default"],
    "baselines": ["naive", "seasonal_naive", "drift", "naive2"],
    "levels": [80.0, 95.0],
}
LEAST = "tidegate backtest 'my sales.csv' --horizon 6 --windows 3 --step 6 --model default --baseline naive"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, ""),
        ({"baseline_time": 60, "bounds": True, "seed": 0, "drop_last": False, "time_limit": None}, ""),
        ({"baseline_time": None}, " --baseline-time inf"),
        ({"id": "shop", "prove": True, "calibrate": False}, " --prove --id shop --no-calibrate"),
        ({"id": ["shop", "item"], "season_length": np.array([7, 365])}, " --id shop,item --season-length 7,365"),
        ({"intervals": "conformal", "seed": np.int64(3)}, " --intervals conformal --seed 3"),
    ],
)
def test_the_command_to_do_it_again_names_what_is_not_so_anyway(asked: dict[str, Any], words: str) -> None:
    assert backtesting.command_line(ASKED | asked) == f"{LEAST} --levels 80,95 --report report.html{words}"


def test_the_command_to_do_it_again_says_which_baselines_and_when_it_was_trained() -> None:
    asked = ASKED | {"step": 2, "refit": 2, "models": ["fit"], "baselines": ["naive", "auto_ets"]}
    assert "--step 2 --refit 2 --model fit --baseline auto_ets --levels" in backtesting.command_line(asked)
    assert "--refit true" in backtesting.command_line(ASKED | {"refit": True})


def test_the_command_of_a_backtest_asks_for_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    options = {"horizon": 6, "windows": 2, "step": 3, "levels": (50, 90), "target": "Passengers", "frequency": "MS"}
    options |= {"season_length": (12,), "calibrate": False, "bounds": False, "baselines": (), "seed": 7}
    result = tidegate.backtest(AIRLINE, threads=1, **options)  # type: ignore[arg-type]
    program, *words = shlex.split(result.settings["command"].replace("--report report.html", "--json --quiet"))
    assert program == "tidegate" and main(words) == 0
    assert json.loads(capsys.readouterr().out)["settings"] == json.loads(result.json)["settings"]


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--windows", "40"], 5, "fits 11 windows: pass windows=11"),
        (["--windows", "0"], 2, "windows 0: expected a whole number from 1"),
        (["--refit", "often"], 2, "refit 'often'"),
        (["--baseline", "arima"], 2, "did you mean auto_arima"),
        (["--model", "gone.onnx"], 2, "gone.onnx"),
        (["--report", "report.pdf"], 2, "expected one of .html"),
        (["--json", "-o", "-"], 2, "both write to standard output"),
        (["--align", "left"], 2, "align 'left'"),
        (["--baseline-time", "-1"], 2, "baseline time -1.0: expected seconds, more than 0"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_exit_code(
    options: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*QUICK, *options]) == code
    assert message in capsys.readouterr().err


def test_an_array_and_its_defaults() -> None:
    values = np.sin(np.arange(200) * 2 * np.pi / 10)
    result = tidegate.backtest(values, windows=2, baselines=(), threads=1)
    assert result.horizon == 12 and result.contenders == ("Tidegate", "naive", "seasonal naive", "drift", "Naive2")
    assert any("the default without a time column" in note for note in result.notes)
    assert repr(result).startswith("<Backtest of 1 series, 2 windows of 12 steps: Tidegate ")


def test_the_command_of_data_from_python_has_a_place_for_a_file(tmp_path: Path) -> None:
    result = tidegate.backtest(np.arange(20.0), horizon=1, windows=1, baselines=(), threads=1)
    assert result.settings["command"].startswith("tidegate backtest '<ndarray>' --horizon 1")
    result.report(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "The data came from Python: a file that holds them takes the place of &lt;ndarray&gt;." in page
    assert "1 window of 1 step<" in page


def test_a_baseline_that_does_not_know_the_season_is_told() -> None:
    pytest.importorskip("statsforecast", reason="statsforecast is not installed")
    values = 9 + np.tile(np.arange(30.0), 5)
    options: dict[str, Any] = {"horizon": 2, "windows": 1, "threads": 1, "baselines": "auto_ets"}
    notes = tidegate.backtest(values, season_length=30, **options).notes
    assert notes[-1] == (
        "AutoETS knows no season of more than 24 steps (statsforecast's limit) and forecasts 1 of 1 series without "
        "theirs: y"
    )
    assert not any("knows no season" in note for note in tidegate.backtest(values, season_length=15, **options).notes)


def test_a_statistical_baseline_reads_the_newest_values_of_a_long_series() -> None:
    pytest.importorskip("statsforecast", reason="statsforecast is not installed")
    values = np.random.default_rng(0).poisson(0.3, 2500).astype(float)
    other = np.concatenate([np.full(400, 50.0), values[400:]])
    options: dict[str, Any] = {"horizon": 2, "windows": 1, "threads": 1, "baselines": "croston", "season_length": 7}
    first, second = (tidegate.backtest(one, **options) for one in (values, other))
    assert np.array_equal(first.at("Croston", 0.5), second.at("Croston", 0.5))
    assert first.notes[-1] == (
        "Croston reads at most the last 2,000 values of each series, as it would take minutes for more: y"
    )
    assert not any("reads at most" in note for note in tidegate.backtest(values[:2000], **options).notes)


def test_several_models_are_told_apart_and_the_first_is_judged(tmp_path: Path) -> None:
    tidegate.load().save(tmp_path / "mine.onnx")
    path = tmp_path / "mine.onnx"
    result = tidegate.backtest(AIRLINE, horizon=6, windows=2, models=[path, "default", path], baselines=(), threads=1)
    assert result.models == ("mine", "Tidegate", "mine (2)")
    assert result.verdict.sentence.startswith("mine ")
    assert (result.quantiles["mine"] == result.quantiles["Tidegate"]).all()


def test_a_model_whose_fit_kept_the_shipped_weights_unchanged_knows_nothing_of_the_windows() -> None:
    ruinous = FitPlan(max_steps=2, epochs=1, transfer_rate=5.0, warmup=1)
    model = tidegate.fit(AIRLINE, 12, start="default", plan=ruinous)
    assert any("unchanged" in note for note in model.notes)
    result = tidegate.backtest(AIRLINE, 12, models=model, windows=3, baselines=())
    assert not any("not a fair test" in one for one in result.verdict.warnings)


def test_of_a_model_that_a_fit_made_of_the_windows_it_is_said_that_they_are_no_test(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = AIRLINE.read_text().splitlines(keepends=True)
    (tmp_path / "before.csv").write_text("".join(lines[:-36]))
    shape = {"start": "scratch", "hidden_size": 8, "max_steps": 3}

    def warnings(data: object, model: tidegate.Model, **options: object) -> tuple[str, ...]:
        options = {"horizon": 12, "windows": 3, "baselines": ()} | options
        return tidegate.backtest(data, models=model, **options).verdict.warnings  # type: ignore[arg-type]

    knows = tidegate.fit(AIRLINE, 12, **shape)  # type: ignore[arg-type]
    (told,) = [one for one in warnings(AIRLINE, knows) if "not a fair test" in one]
    assert "fitted on values up to 1960-12-01, but the first window begins after 1957-12-01" in told
    before = tidegate.fit(tmp_path / "before.csv", 12, **shape)  # type: ignore[arg-type]
    assert not any("not a fair test" in one for one in warnings(AIRLINE, before))
    assert not any("not a fair test" in one for one in warnings(AIRLINE, tidegate.load()))
    without_dates = np.arange(90.0) + np.resize([1.0, 3.0, 2.0], 90)
    assert any(
        "unless that was on other values, this is not a fair test" in one for one in warnings(without_dates, knows)
    )
    knows.save(tmp_path / "own.onnx")
    assert main(["backtest", str(AIRLINE), "--horizon", "12", "--model", str(tmp_path / "own.onnx")]) == 0
    assert "warning: own was fitted on values up to" in capsys.readouterr().err


def test_a_window_is_what_forecast_says_of_the_same_history() -> None:
    result = tidegate.backtest(AIRLINE, horizon=6, windows=2, baselines=(), threads=1)
    values = result.panel[0][: int(result.origins.known[0, 0])]
    starts = np.datetime64("1949-01", "M") + np.arange(len(values))
    import pandas

    frame = pandas.DataFrame({"month": starts.astype("datetime64[ns]"), "y": values})
    alone = tidegate.forecast(frame, horizon=6, threads=1)
    assert alone.at(0.5)[0].tolist() == result.at("Tidegate", 0.5)[0, 0].tolist()


def test_a_model_that_is_there_already_runs_on_as_many_threads_as_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    used: list[int | None] = []

    def forecast_panel(file: ModelFile, *given: Any, **options: Any) -> Forecast:
        used.append(file.threads)
        return forecaster.forecast_panel(file, *given, **options)

    monkeypatch.setattr(backtesting, "forecast_panel", forecast_panel)
    model = tidegate.load(threads=2)
    for threads in (1, None):
        tidegate.backtest(AIRLINE, horizon=6, windows=1, models=model, baselines=(), threads=threads)
    assert used == [1, 2]


def test_without_bounds_no_method_is_cut_at_zero() -> None:
    values = [0.0, 5.0] * 20
    for bounds in (True, False):
        result = tidegate.backtest(
            values, horizon=3, windows=2, season_length=1, bounds=bounds, baselines=(), threads=1
        )
        lowest = {name: quantiles.min() for name, quantiles in result.quantiles.items()}
        assert all((low < 0) != bounds for low in lowest.values()), lowest


def test_what_makes_no_sense_is_refused_in_a_line() -> None:
    with pytest.raises(ConfigError, match="seed -1: expected a whole number from 0"):
        tidegate.backtest(AIRLINE, horizon=6, seed=-1, prove=True)
    with pytest.raises(ConfigError, match="refit 'yes': expected False, True, or a whole number k from 1"):
        tidegate.backtest(AIRLINE, horizon=6, refit="yes", baselines=())  # type: ignore[arg-type]


def test_forecasts_of_a_frame_come_back_as_one() -> None:
    pandas = pytest.importorskip("pandas")
    month = pandas.date_range("2020-01-01", periods=40, freq="MS")
    frame = pandas.DataFrame({"month": month, "y": np.arange(40.0)})
    found = tidegate.backtest(frame, horizon=3, windows=2, baselines=(), threads=1).frame
    assert isinstance(found, pandas.DataFrame) and found["month"].iloc[0] == pandas.Timestamp("2022-11-01")


def test_levels_have_to_be_there_and_make_sense() -> None:
    with pytest.raises(ConfigError, match="at least one interval"):
        tidegate.backtest(AIRLINE, horizon=6, levels=())
    with pytest.raises(ConfigError, match="level 120"):
        tidegate.backtest(AIRLINE, horizon=6, levels=(120,), baselines=())


def test_too_short_a_series_says_how_many_windows_fit() -> None:
    with pytest.raises(DataError, match="fits 2 windows: pass windows=2"):
        tidegate.backtest([1.0, 2, 3, 4, 5, 6, 7, 8], horizon=3, baselines=())
