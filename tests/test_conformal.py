"""Conformal intervals: the rank by hand, coverage where errors are exchangeable, and nothing from the window itself."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tidegate
from tests.panels import panel_of
from tests.test_backtest import constant, model, ready
from tests.test_layers import AIRLINE
from tests.test_no_leakage import LEVELS as PERCENTS
from tidegate.__main__ import main
from tidegate.errors import ConfigError
from tidegate.evaluation.backtest import Backtest, backtest
from tidegate.evaluation.conformal import conformal, with_conformal_intervals
from tidegate.evaluation.origins import actuals
from tidegate.evaluation.proof import prove, replace_future
from tidegate.evaluation.report import report_page
from tidegate.evaluation.report_charts import calibration
from tidegate.evaluation.tables import score_columns
from tidegate.forecasting.calibration import read_table
from tidegate.forecasting.conformal import conformal_factors, forecasts_needed
from tidegate.series.panel import Panel

NAN = float("nan")
LEVELS = (0.1, 0.5, 0.9)


def around_zero(forecasts: int, horizon: int = 1) -> np.ndarray:
    """Quantiles -1, 0 and 2 of every step."""
    return np.tile([-1.0, 0.0, 2.0], (forecasts, horizon, 1))


def factor(actual: list[list[float]]) -> float:
    return float(conformal_factors(np.array(actual), around_zero(len(actual), len(actual[0])), LEVELS)[0][0])


def test_the_rank_by_hand() -> None:
    # In distances on their side: 0.5, 3, 1, 2; four forecasts, 80 %: the error of rank ceil(5 * 0.8) = 4 is 3.
    assert factor([[1.0], [-3.0], [2.0], [4.0]]) == 3.0
    # Nine forecasts: rank 8 of the distances 1 to 9.
    assert factor([[-float(size)] for size in range(1, 10)]) == 8.0


def test_too_few_past_forecasts_give_no_factor() -> None:
    assert factor([[1.0], [2.0], [3.0]]) == np.inf
    assert conformal_factors(np.empty((0, 2)), around_zero(0, 2), LEVELS)[0].tolist() == [np.inf]
    assert [forecasts_needed(level) for level in (50, 80, 90, 95, 99)] == [1, 4, 9, 19, 99]


def test_a_forecast_counts_once_however_many_of_its_steps_are_known() -> None:
    once = [[1.0], [2.0], [4.0], [6.0], [8.0]]
    assert factor(once) == factor([[value, value, NAN] for (value,) in once]) == 4.0
    # A forecast without a known step is none.
    assert conformal_factors(np.array([*once, [NAN]]), around_zero(6), LEVELS)[1] == 5


def test_no_factor_covers_an_error_beside_an_interval_without_width() -> None:
    flat = np.zeros((4, 1, 3))
    assert conformal_factors(np.zeros((4, 1)), flat, LEVELS)[0].tolist() == [0.0]
    assert conformal_factors(np.ones((4, 1)), flat, LEVELS)[0].tolist() == [np.inf]


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    forecasts=st.integers(4, 60),
    horizon=st.integers(1, 5),
    sameness=st.floats(0, 1),
    heavy=st.booleans(),
)
def test_exchangeable_errors_are_covered_as_often_as_promised(
    seed: int, forecasts: int, horizon: int, sameness: float, heavy: bool
) -> None:
    """Whatever their distribution, and however alike the steps of one forecast are."""
    random, repetitions = np.random.default_rng(seed), 400
    draw = random.standard_cauchy if heavy else random.standard_normal
    shape = (repetitions, forecasts + 1, horizon)
    errors = sameness * draw((*shape[:2], 1)) + (1 - sameness) * draw(shape)
    covered = np.empty(repetitions)
    for index, one in enumerate(errors):
        factors, _ = conformal_factors(one[:-1], around_zero(forecasts, horizon), LEVELS)
        covered[index] = np.mean((one[-1] >= -factors[0]) & (one[-1] <= 2 * factors[0]))
    deviation = np.sqrt(0.8 * 0.2 / repetitions)  # at most: steps of one forecast may all be alike
    assert covered.mean() > 0.8 - 5 * deviation
    assert covered.mean() < 0.8 + 1 / (forecasts + 1) + 5 * deviation


def noise(series: int, windows: int = 4, horizon: int = 3, scale: float = 1.0) -> np.ndarray:
    return scale * np.random.default_rng(series).standard_normal((series, 20 + windows * horizon))


def narrow(series: int = 40, windows: int = 4, horizon: int = 3, step: int | None = None) -> Backtest:
    """Normal noise, forecast as 0 with every interval 0.3 to either side."""
    panel = panel_of(*noise(series, windows, horizon).tolist())
    return backtest(panel, [model(constant(0.0, 0.3)), ready("naive")], horizon, windows=windows, step=step)


def test_intervals_that_were_too_narrow_hold_after_the_first_window_and_their_own_are_kept_beside() -> None:
    before = narrow(series=200)
    after = with_conformal_intervals(before)
    covered = after.score("coverage_80", "window")["model"]
    assert covered[0] == before.score("coverage_80", "window")["model"][0] < 0.4
    assert covered[1:].mean() == pytest.approx(0.8, abs=0.04)
    assert after.score("coverage_95", "window")["model"][1:].mean() == pytest.approx(0.95, abs=0.02)
    assert after.given["model"] is before.quantiles["model"]
    assert (after.quantiles["naive"] == before.quantiles["naive"]).all()
    assert (after.at("model", 0.5) == before.at("model", 0.5)).all()
    assert after.as_given is not None and before.as_given is None
    assert after.as_given.scores["model, own intervals"] == before.scores["model"]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), windows=st.integers(2, 4), step=st.integers(1, 4), size=st.integers(1, 25))
def test_quantiles_stay_in_order_and_ends_of_intervals_are_quantiles(
    seed: int, windows: int, step: int, size: int
) -> None:
    random = np.random.default_rng(seed)
    before = narrow(size, windows, 3, step)
    wild = np.sort(random.standard_normal(before.quantiles["model"].shape) ** 3, axis=-1)
    after = with_conformal_intervals(replace(before, quantiles={**before.quantiles, "model": wild}))
    assert (np.diff(after.quantiles["model"], axis=-1) >= 0).all()
    columns = after.columns()
    mine = columns["model"] == "model"
    assert (columns["lo-80"][mine] == after.at("model", 0.1)[after.origins.scored.T].ravel()).all()


def test_nothing_that_came_after_an_origin_changes_the_intervals_there() -> None:
    before = narrow(step=2)  # windows overlap: the one just before is not over yet
    found = conformal(before, before.quantiles["model"], bounds=True)
    assert found.counts == (0, 0, 40, 80)
    for window in range(before.windows):
        other = replace_future(before.panel, before.origins, window, "noise", 1)
        spoilt = replace(before, panel=other, actual=actuals(other, before.origins, 3))
        again = conformal(spoilt, before.quantiles["model"], bounds=True)
        assert again.quantiles[:, : window + 1].tobytes() == found.quantiles[:, : window + 1].tobytes()


def test_the_proof_finds_intervals_that_saw_their_own_window() -> None:
    result = narrow()

    def cheating(panel: Panel) -> dict[str, np.ndarray]:
        return {"model": actuals(panel, result.origins, 3)}

    def rerun(panel: Panel) -> Backtest:
        return backtest(panel, [model(constant(0.0)), ready("naive")], 3, windows=4)

    found = prove(result.panel, result.origins, [model(constant(0.0))], 3, PERCENTS, rerun, intervals=cheating)
    assert not found.holds and "CHANGED with the future: conformal intervals of model (noise)" in found.lines[0]


def test_where_past_forecasts_are_too_few_intervals_are_the_models_own_counted_and_named() -> None:
    after = with_conformal_intervals(narrow(series=5))
    note = after.notes[-1]
    assert "80 % in window 1, 5 of 20 forecasts (it needs 4 past forecasts and has 0)" in note
    assert (
        "95 % in windows 1, 2, 3 and 4, 20 of 20 forecasts (it needs 19 past forecasts and has 0, 5, 10 and 15)" in note
    )
    # The 95 % interval is never inside a scaled 80 % interval.
    low, high = after.interval("model", 95)
    inner_low, inner_high = after.interval("model", 80)
    assert (low <= inner_low).all() and (high >= inner_high).all()
    alone = with_conformal_intervals(narrow(series=1, windows=2))
    assert alone.notes[-1].startswith(
        "no interval of model is conformal; the model's own are kept for 80 % in windows 1 "
    )
    assert (alone.quantiles["model"] == alone.given["model"]).all()


def test_intervals_of_a_history_above_zero_are_cut_there_again() -> None:
    panel = panel_of(*(noise(10) ** 2).tolist())
    before = backtest(panel, [model(constant(0.1, 0.05)), ready("naive")], 3, windows=3)
    assert with_conformal_intervals(before).quantiles["model"].min() == 0
    assert with_conformal_intervals(before, bounds=False).quantiles["model"].min() < 0


def test_the_report_shows_both() -> None:
    after = with_conformal_intervals(narrow())
    page = report_page(after)
    assert "Intervals of models are conformal" in page and "model, own intervals" in page
    lines = {line.name: np.asarray(line.y) for line in calibration(after, ["model"]).lines}
    assert lines["model, own intervals"][0] > lines["model"][0]
    assert list(score_columns(after)["method"]) == ["model", "naive", "model, own intervals"]
    assert json.loads(after.json)["scores_as_given"]["model, own intervals"]["coverage_80"] < 0.4


def test_the_option_of_the_verb_and_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--horizon", "6", "--windows", "6", "--baseline", "naive", "--intervals", "conformal", "--prove"]
    assert main(["backtest", str(AIRLINE), *options, "--json", "--threads", "1"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert document["settings"]["intervals"] == "conformal" and "conformal intervals of Tidegate" in err
    assert "Tidegate, own intervals" in document["scores_as_given"]
    with pytest.raises(ConfigError, match="intervals 'wide': expected model or conformal"):
        tidegate.backtest(AIRLINE, horizon=6, intervals="wide")


def test_a_models_calibration_table_may_be_made_of_them() -> None:
    errors = noise(40).reshape(-1, 1)
    levels = (0.025, 0.1, 0.5, 0.9, 0.975)
    quantiles = np.tile([-0.4, -0.3, 0.0, 0.3, 0.4], (len(errors), 1, 1))
    factors, _ = conformal_factors(errors, quantiles, levels)
    assert read_table({"calibration": factors.tolist()}, 2).tolist() == factors.tolist()
    assert factors == pytest.approx([1.96 / 0.4, 1.28 / 0.3], rel=0.15)
