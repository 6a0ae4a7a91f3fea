"""Season lengths that a fit chooses for all series: the candidates, the choice, and the data that it applies to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import tidegate
from tests.panels import panel_of
from tidegate.forecasting.forecaster import forecast_panel
from tidegate.forecasting.model import ModelFile, shipped_path
from tidegate.series.dates.frequency import Frequency
from tidegate.series.panel import Panel
from tidegate.training.fit import Trained, fit
from tidegate.training.fit_data import SEASON_VALUES, FitData
from tidegate.training.plan import FitPlan
from tidegate.training.season_choice import sets_for_all, suited_seasons
from tidegate.training.starting_points import StartingPoint

REACH = 1024
QUICK = FitPlan(max_steps=2, epochs=1, batch_values=1000, members=0)


def shifts(count: int = 20, hours: int = 330) -> Panel:
    """Loads of hours with a level for each weekday, two weeks less a few hours: no series holds a week twice."""
    rng = np.random.default_rng(0)
    step = np.arange(hours)
    levels = rng.normal(0, 5, (count, 7))[:, step // 24 % 7]
    return panel_of(*(50 + levels + np.sin(step * np.pi / 12) + 0.1 * rng.normal(size=(count, hours))), frequency="h")


def noise(word: str | None = "h", steps: int = 400) -> Panel:
    return panel_of(*np.random.default_rng(0).normal(size=(4000 // steps or 1, steps)), frequency=word)


def fit_data(panel: Panel, horizon: int = 12) -> tuple[FitData, StartingPoint]:
    judge = StartingPoint.of_file(shipped_path(), "the shipped weights")
    return FitData.of(panel, horizon, None, QUICK, [judge], torch.device("cpu")), judge


@pytest.fixture(scope="module")
def fitted() -> Trained:
    return fit(shifts(), 12, plan=QUICK)


@pytest.mark.parametrize(
    ("word", "steps", "reach", "sets"),
    [
        ("D", 500, 2048, [(7, 364), (7, 364, 371)]),
        ("D", 500, 365, [(7, 364)]),
        ("D", 500, 364, []),
        ("D", 400, 2048, [(7, 364)]),  # of which 36 are held out
        ("D", 399, 2048, []),
        ("D", 10, 2048, []),
        ("h", 400, 2048, [(24, 168), (24, 168, 192)]),
        ("5min", 2500, 2048, [(288, 2016)]),
        ("s", 90_000, 100_000, [(60, 3600, 86_400)]),
        ("MS", 400, 2048, []),
        (None, 400, 2048, []),
    ],
)
def test_the_sets_hold_calendar_lengths_within_the_history_and_the_neighbour_of_the_longest(
    word: str | None, steps: int, reach: int, sets: list[tuple[int, ...]]
) -> None:
    assert sets_for_all(fit_data(noise(word, steps), horizon=12 if steps > 10 else 4)[0], reach) == sets


def test_a_short_time_limit_judges_season_lengths_on_fewer_windows() -> None:
    found, _ = fit_data(noise())
    rows, values = found.selection_windows.history.shape
    assert found.windows_to_judge(None) is found.selection_windows
    fewer = found.windows_to_judge(rows * values / 3 / SEASON_VALUES)
    assert len(fewer.actual) == rows // 3 and len(set(fewer.series.tolist())) > 1
    assert len(found.windows_to_judge(60.0).actual) == rows


def test_a_season_that_no_series_shows_is_chosen_if_the_held_out_windows_do() -> None:
    found, judge = fit_data(shifts())
    assert (found.seasons == [24, 0, 0]).all()
    suited = suited_seasons(found.selection_windows, judge, sets_for_all(found, REACH))
    assert suited is not None and suited[0][:2] == (24, 168) and suited[1] > 0.1


def test_noise_has_no_common_season_lengths() -> None:
    found, judge = fit_data(noise())
    assert suited_seasons(found.selection_windows, judge, sets_for_all(found, REACH)) is None


def test_a_fit_records_the_chosen_lengths_and_the_model_uses_them(fitted: Trained) -> None:
    chosen = fitted.provenance["season_length"]
    assert chosen[:2] == [24, 168] and fitted.provenance["frequency"] == "h"
    assert "168" in fitted.notes[0] and "for every series" in fitted.notes[0]
    forecast = forecast_panel(fitted.model, shifts(), 12)
    assert (forecast.season_lengths[:, : len(chosen)] == chosen).all()
    assert any(note.startswith("seasons (from the fit)") for note in forecast.notes)
    told = forecast_panel(fitted.model, shifts(), 12, season_length=24)
    assert (told.season_lengths == [24, 0, 0]).all()


def test_data_of_another_frequency_do_not_use_the_chosen_lengths(fitted: Trained) -> None:
    def seasons(word: str | None) -> tuple[int, ...] | None:
        return fitted.model.fitted_seasons(None if word is None else Frequency.parse(word))

    assert seasons("h") == tuple(fitted.provenance["season_length"])
    assert seasons("D") is seasons("2h") is seasons(None) is None
    assert ModelFile.load().fitted_seasons(Frequency.parse("h")) is None


def test_weeks_are_weeks_whatever_day_they_end_on() -> None:
    trained = fit(replace(noise("W-SUN")), 4, season_length=52, plan=QUICK)
    assert trained.model.fitted_seasons(Frequency.parse("W-FRI")) == (52,)


def test_from_scratch_the_shipped_weights_choose_the_season_lengths() -> None:
    trained = fit(shifts(), 12, start="scratch", hidden_size=8, plan=QUICK)
    assert trained.provenance["season_length"][:2] == [24, 168]
    assert "the shipped weights forecast the validation windows" in trained.notes[0]


def test_given_season_lengths_are_not_replaced() -> None:
    trained = fit(shifts(), 12, season_length=24, plan=QUICK)
    assert trained.provenance["season_length"] == [24] and "for every series" not in trained.notes[0]


def test_fine_tuning_a_file_keeps_its_season_lengths(fitted: Trained, tmp_path: Path) -> None:
    fitted.model.save(tmp_path / "m.onnx")
    further = fit(shifts(), 12, start=str(tmp_path / "m.onnx"), plan=QUICK)
    assert further.provenance["season_length"] == fitted.provenance["season_length"]
    days = panel_of(*shifts().values.reshape(20, -1), frequency="D")
    elsewhere = fit(days, 12, start=str(tmp_path / "m.onnx"), plan=QUICK)
    assert 168 not in elsewhere.provenance.get("season_length", [])


def test_a_stream_looks_up_what_the_fit_chose(fitted: Trained) -> None:
    model = tidegate.Model(fitted.model)
    panel = shifts()
    stream = model.stream(panel, horizon=12)
    forecast = stream.forecast()
    np.testing.assert_allclose(forecast.quantiles, model.forecast(panel, 12).quantiles, rtol=1e-5)
    assert forecast.notes[0].startswith("seasons (from the fit)")
