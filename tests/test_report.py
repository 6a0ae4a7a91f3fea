"""The report: verdict first, the right series, everything escaped, quick and small for many series."""

import re
import time
from dataclasses import replace

import numpy as np
import pytest

from tests.panels import panel_of
from tests.test_backtest import constant, full, model, ready
from tidegate.errors import ConfigError
from tidegate.evaluation.backtest import Backtest, Contender, backtest
from tidegate.evaluation.baselines import baseline
from tidegate.evaluation.findings import data_findings, longest_gap, outliers
from tidegate.evaluation.report import (
    EMBEDDED,
    _comparison_table,
    _drawn,
    embedded_series,
    report_page,
)
from tidegate.evaluation.report_charts import calibration, error_by_step, window_charts
from tidegate.evaluation.verdict import Comparison
from tidegate.forecasting.result import Forecast
from tidegate.series.panel import Panel
from tidegate.series.synthetic import random_walk

NAN = float("nan")


def many(series: int, length: int = 60) -> Backtest:
    panel = panel_of(*(random_walk(length, seed=seed).tolist() for seed in range(series)))
    panel = replace(panel, ids={"id": np.array([f"s{index:05d}" for index in range(series)], object)})
    return backtest(panel, [model(constant(0.0)), ready("naive"), ready("seasonal_naive")], 6, windows=3)


def test_the_verdict_comes_before_any_table_or_chart() -> None:
    result = full()
    page = report_page(result)
    assert page.index(result.verdict.sentence) < page.index("<table") < page.index("data-chart")
    for heading in (
        "Compared with each baseline",
        "Interval coverage",
        "Forecasts and actual values",
        "Best and worst",
    ):
        assert f"<h2>{heading}" in page
    assert "http" not in re.sub(r"<script>.*?</script>", "", page, flags=re.S).replace("http-equiv", "")


def test_no_warning_is_no_promise_where_little_was_tested() -> None:
    series = panel_of([1, 3] * 6)
    for windows, told in ((2, "No warnings, but fewer than 3 windows"), (4, "No warnings: no sign of an echo")):
        assert told in report_page(backtest(series, [model(constant(2.0)), ready("naive")], 2, windows=windows))


def test_what_users_wrote_is_escaped() -> None:
    result = full()
    nasty = replace(result.panel, target="<img src=x>", ids={"shop": np.array(["<b>a", "b&", "c"], object)})
    page = report_page(replace(result, panel=nasty, notes=("<script>alert(1)</script>",)))
    assert "<img src" not in page and "<b>a" not in page and "<script>alert" not in page
    assert "&lt;img src=x&gt;" in page


def test_few_series_are_all_drawn_and_of_many_the_worst_the_best_and_a_sample() -> None:
    assert sorted(embedded_series(np.array([1.0, NAN, 3.0]), 200)) == [0, 1, 2]
    errors = np.arange(10_000.0)
    chosen = embedded_series(errors, EMBEDDED)
    assert len(chosen) == len(set(chosen)) == EMBEDDED
    assert chosen[0] == 9_999 and chosen[-1] == 0


def test_series_that_are_not_scored_are_not_called_left_out_of_a_sample() -> None:
    result = backtest(panel_of(list(range(20)), [1, 2]), [model(constant(5.0)), ready("naive")], 3, windows=2)
    assert "This page has charts of 1 of 2 series: those that are scored." in report_page(result)


def test_a_page_of_a_thousand_series_is_quick_and_small() -> None:
    result = many(1000)
    began = time.process_time()
    page = report_page(result)
    assert time.process_time() - began < 6  # 1 s on an idle core
    assert len(page) < 15e6
    assert page.count("s00999") >= 1 and "has charts of 200 of 1,000 series" in page


def test_a_single_series_and_a_single_window_and_a_horizon_of_one_have_a_page() -> None:
    result = backtest(panel_of([1, 2, 3, 4, 5, 6]), [model(constant(5.0)), ready("naive")], 1, windows=1)
    page = report_page(result)
    assert "Best and worst" not in page and "No recommendation" in page


def test_the_truth_and_every_window_stand_at_their_steps() -> None:
    result = full()
    chart = window_charts(result, "model", "naive", [1])[0]
    values = {line.name: np.asarray(line.y) for line in chart.lines}
    end = len(chart.x)
    assert values["actual"].tolist() == result.panel[1][-end:].tolist()
    assert values["model"][-18:].tolist() == result.at("model", 0.5)[1].ravel().tolist()
    assert np.isnan(values["model"][:-18]).all()
    assert [mark.label for mark in chart.marks] == ["1", "2", "3"]


def test_overlapping_windows_are_drawn_where_they_do_not() -> None:
    result = backtest(panel_of(list(range(40))), [model(constant(5.0))], 4, windows=5, step=2)
    assert [mark.label for mark in window_charts(result, "model", None, [0])[0].marks] == ["1", "3", "5"]


def test_calibration_of_a_known_forecast() -> None:
    # a constant 0 with intervals of one width: half of symmetric noise lies below the median
    noise = np.random.default_rng(0).standard_normal((40, 30))
    result = backtest(panel_of(*noise.tolist()), [model(constant(0.0, 1.2816))], 5, windows=3)
    chart = calibration(result, ["model"])
    found = dict(zip(np.round(np.asarray(chart.x), 6), np.asarray(chart.lines[1].y), strict=True))
    assert found[50.0] == pytest.approx(50, abs=6) and found[10.0] == pytest.approx(10, abs=4)
    assert len(error_by_step(result, ["model"]).lines) == 1


def test_gaps_outliers_constants_and_rare_demand_are_found() -> None:
    walk = np.sin(np.arange(60.0)) + 0.1 * np.arange(60)
    walk[30] += 500
    rare = [0.0, 0, 3] * 10
    panel = panel_of(walk.tolist(), [4.0] * 20, rare, [1, 2, NAN, NAN, 3, NAN, 4])
    found = " ".join(data_findings(panel, np.ones(4, np.int64)))
    assert "gaps: 3 of 117 values are missing, in 1 of 4 series; the longest gap has 2 steps" in found
    assert "outliers: 1 values in 1 of 4 series" in found
    assert (
        "constant: 1 of 4 series never change" in found
        and "intermittent: 1 of 4 series are zero in 40 % or more" in found
    )
    assert longest_gap(panel) == 2 and outliers(walk, 1).tolist() == [30]


def test_where_no_series_has_a_scale_the_report_goes_by_the_absolute_error() -> None:
    result = backtest(panel_of([5] * 9, [7] * 9), [model(constant(5.0)), ready("naive")], 3, windows=2)
    page = report_page(result)
    assert "Worst series by MAE" in page and "Best series by MAE" in page and "MAE model" in page
    assert "by MASE" not in page and "MASE model" not in page
    assert "by MASE" in report_page(full())


def test_methods_are_ranked_by_the_metric_that_is_shown() -> None:
    made = [model(constant(value), f"of {value:g}") for value in (9.0, 8.0, 7.0, 6.0, 5.0, 4.0)]
    result = backtest(panel_of([5] * 9), [*made, ready("seasonal_naive")], 3, windows=2)
    assert _drawn(result, "of 9") == ["of 9", "seasonal naive", "of 5", "of 6", "of 4"]


def test_the_table_of_baselines_says_what_the_verdict_says() -> None:
    result = backtest(panel_of([5] * 12), [model(constant(4.0)), ready("naive"), ready("drift")], 3, windows=3)
    other = Comparison("model", "x", -24.0, "MAE", 0, 2, 3, "windows", 0.04, "")
    equal = Comparison("model", "x", 0.0, "MAE", 0, 0, 3, "windows", 1.0, "")
    less = replace(other, gain=0.182, better=2, worse=0, p=NAN)
    verdict = replace(result.verdict, comparisons=(result.verdict.comparisons[0], other, equal, less))
    vars(result)["verdict"] = verdict  # where cached_property looks
    assert [row[1:] for row in _comparison_table(result).rows] == [
        ["more: the baseline has none", "0 of 3 windows", "no variance"],
        ["25 times as much", "0 of 3 windows, equal on 1", "0.040"],
        ["equal", "0 of 3 windows, equal on 3", "1.000"],
        ["less by 18.2 %", "2 of 3 windows, equal on 1", "too few"],
    ]


def test_a_test_over_series_alone_says_when_its_p_is_too_small() -> None:
    for windows, caveat in ((2, True), (3, False)):
        walks = panel_of(*(random_walk(60, seed=seed).tolist() for seed in range(9)))
        result = backtest(walks, [model(constant(0.0)), ready("naive")], 6, windows=windows)
        assert ("too small where series move together" in _comparison_table(result).caption) == caveat


def test_windows_that_are_all_alike_are_not_called_fewer_than_three() -> None:
    # On lines naive misses by the same in each of four windows, so that there is only the test over series.
    lines = panel_of(*[list(range(20, 60))] * 9)
    result = backtest(lines, [model(baseline("drift")), ready("naive")], 3, windows=4)
    assert _comparison_table(result).caption == "p: Wilcoxon signed-rank over series"


def test_the_command_to_do_it_again_is_there_to_be_pasted_an_option_to_a_line() -> None:
    assert "<pre>" not in report_page(full())
    told = replace(full(), settings={"command": "tidegate backtest 'my <sales>.csv' --horizon 6 --prove"})
    expected = "<pre>tidegate backtest &#x27;my &lt;sales&gt;.csv&#x27; \\\n  --horizon 6 \\\n  --prove</pre>"
    assert expected in report_page(told)


def test_a_method_that_lacks_forecasts_is_marked_beside_its_scores() -> None:
    # It forecasts the easy series alone, without error, and looks better than naive, which forecasts both.
    def easy(panel: Panel, horizon: int, levels: tuple[float, ...]) -> Forecast:
        found = baseline("naive")(panel, horizon, levels)
        return replace(found, quantiles=np.where(np.arange(panel.size)[:, None, None] == 0, found.quantiles, NAN))

    panel = panel_of([*range(19), 18, 18, 18], list(range(22)))
    result = backtest(
        panel, [model(constant(5.0)), ready("naive"), Contender("easy", lambda history: easy)], 3, windows=1
    )
    assert result.scores["easy"]["mase"] < result.scores["naive"]["mase"]
    told = "Not comparable, as some series or windows have no forecast: easy; see the next table."
    assert told in report_page(result) and "Not comparable" not in report_page(full())
    assert any("and is scored and compared on the others alone" in note for note in result.notes)


def test_a_report_that_cannot_be_written_says_so(tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"expected one of \.html"):
        full().report(tmp_path / "report.pdf")
    full().report(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
