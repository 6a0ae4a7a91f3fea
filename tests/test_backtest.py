"""Backtests of forecasters that are easy to follow: what they see, how they are scored, what is said."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tidegate
from tests.panels import panel_of
from tests.test_origins import dated
from tidegate.errors import ConfigError
from tidegate.evaluation.backtest import Backtest, Contender, backtest
from tidegate.evaluation.baselines import TITLES, Forecaster, around, baseline
from tidegate.evaluation.scores import metric_table
from tidegate.forecasting.result import Forecast
from tidegate.series.dates.ends import OWN_END
from tidegate.series.panel import Panel
from tidegate.series.synthetic import random_walk, trend_and_season

NAN = float("nan")


def ready(name: str, season_length: int | None = None) -> Contender:
    forecaster = baseline(name, season_length=season_length)
    return Contender(TITLES[name], lambda history: forecaster)


def constant(value: float, radius: float = 1.0) -> Forecaster:
    def forecaster(panel: Panel, horizon: int, levels: tuple[float, ...]) -> Forecast:
        point = np.full((panel.size, horizon), value)
        return around(panel, horizon, levels, point, np.full((*point.shape, len(levels)), radius))

    return forecaster


def model(forecaster: Forecaster, name: str = "model") -> Contender:
    return Contender(name, lambda history: forecaster, is_model=True)


def seasonal_panel(series: int = 12, length: int = 72) -> Panel:
    return panel_of(
        *((trend_and_season(length, season_length=6, noise=0.3, seed=k) * 3 + 20 + k).tolist() for k in range(series))
    )


def test_scores_worked_by_hand() -> None:
    # the history 0, 2, 4 changes by 2; the model says 5, and 6 and 8 come: errors 1 and 3
    result = backtest(panel_of([0, 2, 4, 6, 8]), [model(constant(5.0))], 2, windows=1)
    scores = result.scores["model"]
    assert scores["mae"] == 2.0 and scores["mase"] == 1.0 and scores["bias"] == -1.0
    assert scores["coverage_80"] == 0.5  # 5 +- 1 holds the 6
    assert result.score("mae", "step")["model"].tolist() == [1.0, 3.0]
    assert result.score("mae", "window")["model"].tolist() == [2.0]
    assert result.score("mae", "cell")["model"].tolist() == [[2.0]]


def test_every_contender_sees_the_same_history_and_refit_says_how_often_it_is_made() -> None:
    made: list[int] = []

    def maker(history: Panel) -> Forecaster:
        made.append(len(history.values))
        return constant(1.0)

    for refit, expected in ((False, [6]), (True, [6, 8, 10, 12]), (2, [6, 10])):
        made.clear()
        backtest(panel_of(list(range(14))), [Contender("x", maker, is_model=True)], 2, windows=4, refit=refit)
        assert made == expected
    for refit in (0, "yes", 2.5):
        with pytest.raises(ConfigError, match=f"refit {refit!r}: expected False, True, or a whole number k"):
            backtest(panel_of(list(range(14))), [Contender("x", maker)], 2, windows=4, refit=refit)  # type: ignore[arg-type]


def test_windows_may_overlap_and_a_horizon_may_be_one() -> None:
    result = backtest(panel_of(list(range(20))), [ready("naive")], 1, windows=6, step=1)
    assert result.score("mae", "window")["naive"].tolist() == [1.0] * 6
    assert result.origins.known[:, 0].tolist() == [14, 15, 16, 17, 18, 19]


def test_a_constant_history_has_no_scale_and_is_counted_and_named() -> None:
    panel = replace(panel_of([5] * 8, list(range(8))), ids={"shop": np.array(["closed", "open"])})
    result = backtest(panel, [model(constant(5.0)), ready("naive")], 2, windows=2)
    assert np.isnan(result.score("mase")["model"]).tolist() == [True, False]
    assert np.isfinite(result.scores["model"]["mase"])
    told = [sentence for sentence in result.undefined if "MASE" in sentence]
    assert len(told) == 1 and "1 of 2 series" in told[0] and told[0].endswith("closed")
    assert "constant" in told[0]


def test_windows_that_have_no_scale_yet_are_counted_and_named() -> None:
    # The first shop opens after 8 steps: the histories of its first two windows, of 6 and 8 steps, are constant.
    panel = panel_of([0] * 8 + [1, 2, 3, 4], list(range(12)), named=True)
    result = backtest(panel, [model(constant(5.0)), ready("naive")], 2, windows=3)
    assert np.isnan(result.scale).tolist() == [[True, True, False], [False] * 3]
    told = [sentence for sentence in result.undefined if sentence.startswith("MASE, RMSSE, scaled CRPS, bias, ")]
    assert len(told) == 1
    assert "not defined in 2 of 6 windows of series, because up to their origin the history is constant" in told[0]
    assert told[0].endswith("s0")


def test_where_no_series_has_a_scale_the_verdict_goes_by_the_absolute_error() -> None:
    result = backtest(panel_of([5] * 9), [model(constant(5.0)), ready("naive")], 3, windows=2)
    assert result.verdict.comparisons[0].metric == "MAE"
    assert result.verdict.sentence.startswith("model equals naive")
    assert "on the last window, MAE is 0.000 for the recommendation" in result.recommendation.sentence
    json.loads(result.json)


def test_an_owa_that_is_not_defined_is_told() -> None:
    result = backtest(panel_of([5] * 9), [model(constant(4.0)), ready("naive2")], 3, windows=2)
    assert np.isnan(result.scores["model"]["owa"])
    assert result.undefined[-1] == "OWA: not defined, because Naive2 makes no error at all or no series has a scale"


def test_series_that_end_apart_are_said_to_be_forecast_from_their_own_ends_only_where_they_are() -> None:
    panel = dated(panel_of(list(range(12)), list(range(10))), ["2026-01-01"] * 2)
    panel = replace(panel, notes=("series end at different dates (1 of 2 at the latest)" + OWN_END,))
    by_calendar, by_ends = (backtest(panel, [ready("naive")], 2, windows=2, align=how) for how in ("calendar", "ends"))
    assert by_calendar.notes[0] == "series end at different dates (1 of 2 at the latest)"
    assert by_ends.notes[0].endswith("each is forecast from its own end")


def test_missing_actuals_are_left_out_of_scores() -> None:
    result = backtest(panel_of([1, 2, 3, NAN, 9]), [model(constant(5.0))], 2, windows=1)
    assert result.scores["model"]["mae"] == 4.0
    assert np.isfinite(result.scores["model"]["mase"])


def test_two_contenders_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="two contenders are called 'naive'"):
        backtest(panel_of(list(range(9))), [ready("naive"), ready("naive")], 1, windows=1)


def test_an_unknown_metric_or_part_lists_what_there_is() -> None:
    result = backtest(panel_of(list(range(9))), [ready("naive")], 1, windows=1)
    with pytest.raises(ConfigError, match="metric 'mse' is not known: expected one of mase"):
        result.score("mse")
    with pytest.raises(ConfigError, match="scores by 'hour'"):
        result.score("mase", "hour")


def full() -> Backtest:
    panel = replace(
        dated(seasonal_panel(3), ["2026-01-01"] * 3), ids={"shop": np.array(["a", "b", "c"])}, target="sold"
    )
    contenders = [model(baseline("seasonal_naive", season_length=6)), *map(ready, ("naive", "drift", "naive2"))]
    return backtest(panel, contenders, 6, windows=3, season_length=6)


def test_all_forecasts_come_as_columns_beside_the_actual_value(tmp_path) -> None:
    result = full()
    columns = result.columns()
    assert list(columns) == [
        "shop", "step", "window", "origin", "ahead", "model", "actual", "forecast", "lo-80", "hi-80", "lo-95", "hi-95"
    ]  # fmt: skip
    assert all(len(column) == 4 * 3 * 3 * 6 for column in columns.values())
    second = (columns["model"] == "naive") & (columns["shop"] == "b") & (columns["window"] == 2)
    assert columns["forecast"][second].tolist() == [result.panel[1][59]] * 6
    assert columns["actual"][second].tolist() == result.panel[1][60:66].tolist()
    assert columns["origin"][second][0] == "2026-03-01" and str(columns["step"][second][0])[:10] == "2026-03-02"
    import duckdb

    result.save(tmp_path / "all.parquet")
    rows = duckdb.execute(f"select count(*), count(distinct model) from '{tmp_path / 'all.parquet'}'").fetchall()[0]
    assert rows == (4 * 3 * 3 * 6, 4)
    assert result.to_text("csv").count("\n") == 1 + 4 * 3 * 3 * 6


@pytest.mark.parametrize(("library", "kind"), [("pandas", "DataFrame"), ("polars", "DataFrame"), ("pyarrow", "Table")])
def test_a_frame_has_the_columns_in_the_library_of_the_data(library: str, kind: str) -> None:
    pytest.importorskip(library)
    result = full()
    frame, columns = replace(result, library=library).frame, result.columns()
    assert type(frame).__name__ == kind and type(frame).__module__.startswith(library.removesuffix("arrow"))
    assert list(getattr(frame, "column_names", frame.columns)) == list(columns)
    assert np.asarray(frame["hi-80"]).tolist() == columns["hi-80"].tolist()
    assert str(np.asarray(frame["step"])[0])[:10] == "2026-02-24"
    assert isinstance(result.frame, dict)


def test_a_zone_goes_into_frame_and_file(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"ds": pandas.date_range("2026-01-01", periods=40, tz="Europe/Berlin"), "y": range(40)})
    result = tidegate.backtest(frame, horizon=3, windows=2, baselines=(), threads=1)
    result.save(tmp_path / "all.parquet")
    for found in (result.frame, pandas.read_parquet(tmp_path / "all.parquet")):
        assert str(found["ds"].dt.tz) == "Europe/Berlin"
        assert str(found["ds"].iloc[0]) == "2026-02-04 00:00:00+01:00"


def test_a_column_of_the_data_called_like_one_of_ours_is_told() -> None:
    result = backtest(replace(panel_of([1, 2, 3, 4]), ids={"window": np.array(["x"])}), [ready("naive")], 1, windows=1)
    with pytest.raises(ConfigError, match="a column 'window'"):
        result.columns()


def test_the_document_holds_all_scores_and_no_nan() -> None:
    result = full()
    document = json.loads(result.json)
    assert document["verdict"] == result.verdict.sentence
    assert document["scores"]["naive"]["mase"] == pytest.approx(result.scores["naive"]["mase"])
    assert set(document["scores"]["model"]) == {*metric_table((80, 95)), "owa"}
    assert len(document["by_step"]["mase"]["naive"]) == 6 and len(document["by_window"]["mase"]["naive"]) == 3
    assert document["by_series"]["b"]["mase"]["naive"] == pytest.approx(result.score("mase")["naive"][1])
    assert document["origins"] == ["2026-02-23", "2026-03-01", "2026-03-07"]


def test_a_series_with_nothing_to_compare_is_null_in_the_document() -> None:
    result = backtest(panel_of([5] * 8, list(range(8))), [ready("naive")], 2, windows=1)
    assert json.loads(result.json)["by_series"]["y"]["mase"] is not None
    assert "NaN" not in result.json


def test_random_walks_have_intervals_that_hold() -> None:
    walks = panel_of(*(random_walk(300, seed=seed).tolist() for seed in range(30)))
    result = backtest(walks, [ready("naive")], 10, windows=5)
    assert result.scores["naive"]["coverage_80"] == pytest.approx(0.8, abs=0.06)
    assert result.scores["naive"]["coverage_95"] == pytest.approx(0.95, abs=0.04)


def test_an_id_column_named_like_the_time_column_is_refused_by_the_table_of_all_forecasts() -> None:
    panel = replace(panel_of([0, 2, 4, 6, 8]), ids={"step": np.array(["a"], object)})
    with pytest.raises(ConfigError, match="id column 'step', which is also the column that says when"):
        backtest(panel, [model(constant(5.0))], 2, windows=1).columns()
