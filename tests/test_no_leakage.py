"""Nothing after an origin reaches a forecast: for the shipped model, a fit, baselines and the recommendation."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tidegate
from tests.panels import panel_of
from tests.test_backtest import constant, ready
from tests.test_origins import dated
from tidegate.errors import DataError
from tidegate.evaluation import proof
from tidegate.evaluation.backtest import Contender, backtest
from tidegate.evaluation.origins import Fold, Origins, fold, plan_origins
from tidegate.evaluation.proof import prove, replace_future
from tidegate.forecasting.config import ModelConfig
from tidegate.forecasting.forecaster import forecast_panel
from tidegate.forecasting.model import ModelFile
from tidegate.forecasting.result import Forecast
from tidegate.series.panel import Panel
from tidegate.series.synthetic import trend_and_season

NAN = float("nan")
LEVELS = (80.0, 95.0)


def shipped() -> Contender:
    model = ModelFile.load(threads=1)

    def forecaster(panel: Panel, horizon: int, levels: tuple[float, ...]) -> Forecast:
        return forecast_panel(model, panel, horizon, levels=levels)

    return Contender("Tidegate", lambda history: forecaster, is_model=True)


SHIPPED = shipped()


def proved(panel: Panel, contenders: list[Contender], horizon: int = 3, windows: int = 2, step: int = 2) -> proof.Proof:
    origins = plan_origins(panel, horizon, windows, step)

    def again(other: Panel) -> object:
        return backtest(other, contenders, horizon, windows=windows, step=step)

    return prove(panel, origins, contenders, horizon, LEVELS, again)  # type: ignore[arg-type]


@settings(max_examples=25, deadline=None)
@given(
    data=st.data(),
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=4),
    horizon=st.integers(1, 6),
    step=st.integers(1, 7),
    calendar=st.booleans(),
)
def test_no_forecast_of_any_panel_sees_the_future(
    data: st.DataObject, lengths: list[int], horizon: int, step: int, calendar: bool
) -> None:
    value = st.floats(-1e6, 1e6) | st.just(NAN)
    panel = panel_of(*(data.draw(st.lists(value, min_size=length, max_size=length)) for length in lengths))
    if calendar:
        panel = dated(panel, [f"2026-01-0{1 + k}" for k in range(len(lengths))])
    try:
        found = proved(panel, [SHIPPED, ready("naive"), ready("seasonal_naive")], horizon, 2, step)
    except DataError:
        return  # no series is long enough, which has tests of its own
    assert found.holds, found.lines


def seasonal(series: int = 3) -> Panel:
    return dated(
        panel_of(*((9 + trend_and_season(80, season_length=7, seed=k)).tolist() for k in range(series))),
        ["2026-01-01"] * series,
    )


def test_the_proof_tells_what_each_window_saw() -> None:
    found = proved(seasonal(), [SHIPPED, ready("naive")])
    assert found.holds
    assert found.lines[0].startswith("window 1: saw 225 values of 3 series, none after 2026-03-16; forecasts are bit-")
    assert found.lines[-1].startswith("recommendation: the same for every series")


def test_a_cut_one_step_too_late_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(panel: Panel, origins: Origins, window: int) -> Fold:
        return fold(panel, replace(origins, known=origins.known + 1), window)

    monkeypatch.setattr(proof, "fold", late)
    found = proved(seasonal(), [SHIPPED])
    assert not found.holds
    assert "CHANGED with the future: Tidegate (noise), Tidegate (nothing)" in found.lines[0]


def test_the_future_is_replaced_and_the_past_is_not() -> None:
    panel = panel_of([1, 2, 3, 4], [5, 6, 7])
    origins = plan_origins(panel, 1, 1, 1)
    nothing = replace_future(panel, origins, 0, "nothing", 0)
    assert nothing.values.tolist() == pytest.approx([1, 2, 3, NAN, 5, 6, NAN], nan_ok=True)
    noise = replace_future(panel, origins, 0, "noise", 0)
    assert (noise.values != panel.values).tolist() == [False, False, False, True, False, False, True]


def test_season_detection_is_inside_the_proof() -> None:
    # without stamps the season is found in the values, here of a series that shows another one after the origin
    steps = np.arange(120)
    values = np.where(steps < 90, np.sin(2 * np.pi * steps / 6), 9 * np.sin(2 * np.pi * steps / 10))
    assert proved(panel_of(values.tolist()), [SHIPPED, ready("seasonal_naive")], horizon=10, step=10).holds


def test_calibration_is_inside_the_proof() -> None:
    torch = pytest.importorskip("torch", reason="torch comes with the extra train")
    from tidegate.network.model_file import to_onnx
    from tidegate.network.patch_lstm import PatchLSTM

    torch.manual_seed(0)
    config = ModelConfig(context_length=1024, horizon=32, hidden_size=8, embedding_size=8, head_size=8, half_life=0)
    file = ModelFile.open(to_onnx(PatchLSTM(config).eval(), {}), threads=1)
    calibrated: list[str] = []

    def forecaster(panel: Panel, horizon: int, levels: tuple[float, ...]) -> Forecast:
        found = forecast_panel(file, panel, horizon, levels=levels)
        calibrated.extend(note for note in found.notes if note.startswith("intervals"))
        return found

    values = np.random.default_rng(0).standard_t(1, 1500).tolist()
    assert proved(panel_of(values), [Contender("own", lambda history: forecaster, is_model=True), ready("naive")]).holds
    assert calibrated


def test_fit_is_proved_from_the_start_weights(tmp_path) -> None:
    pytest.importorskip("torch", reason="torch comes with the extra train")
    values = np.asarray(trend_and_season(60, season_length=7))
    small = tidegate.fit(values, horizon=4, start="scratch", layers=1, hidden_size=8, time_limit=0.2)
    small.save(tmp_path / "small.onnx")
    told: list[tuple[float, str]] = []
    result = tidegate.backtest(
        seasonal(),
        horizon=4,
        windows=1,
        models="fit",
        start=tmp_path / "small.onnx",
        baselines=(),
        time_limit=0.2,
        prove=True,
        threads=1,
        progress=lambda share, what: told.append((share, what)),
    )
    assert (0.0, "Tidegate fit, training") in told and told == sorted(told, key=lambda one: one[0])
    assert result.proof is not None and result.proof.holds
    assert "Tidegate fit" in result.proof.lines[0]
    assert np.isfinite(result.scores["Tidegate fit"]["mase"])


def test_costly_baselines_are_named_as_not_run_again() -> None:
    slow = Contender("slow", lambda history: constant(1.0), costly=True)
    assert proved(seasonal(), [SHIPPED, slow]).lines[-1].endswith("but given the same cut data: slow")
