"""Where windows begin, which series take part, and what is said about those that do not."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.panels import panel_of
from tidegate.errors import ConfigError, DataError
from tidegate.evaluation.origins import actuals, fold, plan_origins
from tidegate.series.dates.frequency import Frequency
from tidegate.series.dates.timeline import StampStyle, Timeline
from tidegate.series.panel import Panel

NAN = float("nan")


def dated(panel: Panel, starts: list[str], word: str = "D") -> Panel:
    stamps = np.array(starts, "datetime64[us]")
    style = StampStyle("datetime", dtype="datetime64[us]")
    return replace(panel, timeline=Timeline(Frequency.parse(word), stamps, style=style))


def test_without_stamps_origins_count_back_from_each_end() -> None:
    origins = plan_origins(panel_of(list(range(10)), list(range(8))), horizon=2, windows=3, step=2)
    assert origins.known.tolist() == [[4, 2], [6, 4], [8, 6]]
    assert not origins.by_calendar


def test_with_stamps_origins_are_the_same_instants_for_all_series() -> None:
    # the second series begins two days later and ends three days earlier
    panel = dated(panel_of(list(range(10)), list(range(5))), ["2026-01-01", "2026-01-03"])
    origins = plan_origins(panel, horizon=2, windows=3, step=2)
    assert origins.known.tolist() == [[4, 2], [6, 4], [8, 5]]
    # in the last window it has ended: it is still learnt from, but there is nothing to compare with
    assert origins.seen[2].tolist() == [True, True] and origins.scored[2].tolist() == [True, False]
    assert any("1 of 2 series are scored only in some windows" in note for note in origins.notes)
    assert plan_origins(panel, 2, 3, 2, align="ends").known[:, 1].tolist() == [0, 1, 3]


def test_a_series_between_two_steps_of_another_counts_as_the_later_one() -> None:
    panel = dated(panel_of(list(range(10)), list(range(10))), ["2026-01-01 00:00", "2026-01-01 06:00"])
    origins = plan_origins(panel, horizon=2, windows=1, step=2)
    # the second ends at 10 January 06:00, counted as the 11th; the origin is the 9th, and it was at 06:00 on the 8th
    assert origins.known.tolist() == [[9, 8]]


def test_what_came_is_missing_where_the_series_has_ended() -> None:
    panel = dated(panel_of([1, 2, 3, 4], [5, 6, 7]), ["2026-01-01", "2026-01-01"])
    origins = plan_origins(panel, horizon=2, windows=1, step=2)
    assert actuals(panel, origins, 2).tolist() == [[[3, 4]], [[7, pytest.approx(NAN, nan_ok=True)]]]


def test_a_fold_holds_nothing_after_its_origin_and_no_note_on_the_whole() -> None:
    panel = replace(panel_of([1, 2, 3, 4, 5], [6, 7, 8, 9]), notes=("ends at 5",))
    part = fold(panel, plan_origins(panel, 1, 2, 1), 0)
    assert [values.tolist() for values in part.history] == [[1, 2, 3], [6, 7]]
    assert part.history.notes == ()


@pytest.mark.parametrize(
    ("windows", "message"),
    [(5, "5 windows of 3 steps, 3 apart, need a series of 17 steps or more, but the longest has 12, which fits 3 win"),
     (4, "pass windows=3")],
)  # fmt: skip
def test_too_many_windows_are_refused_with_how_many_fit(windows: int, message: str) -> None:
    with pytest.raises(DataError, match=message):
        plan_origins(panel_of(list(range(12)), [1, 2]), horizon=3, windows=windows, step=3)
    assert plan_origins(panel_of(list(range(12))), horizon=3, windows=3, step=3).windows == 3


def test_a_horizon_that_fits_no_window_is_to_be_shortened() -> None:
    with pytest.raises(DataError, match="too few for any window: shorten the horizon"):
        plan_origins(panel_of([1, 2, 3]), horizon=2, windows=1, step=1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            [*range(6), NAN, NAN, NAN, *range(6)],
            "one within 3 steps after the origin .* of 3 windows: pass windows=2, which",
        ),
        ([*range(6), *[NAN] * 9], "the earliest of 3 windows: leave out steps without values at the end"),
    ],
)
def test_an_earliest_window_without_values_is_refused_with_what_to_do(values: list[float], message: str) -> None:
    with pytest.raises(DataError, match=message):
        plan_origins(panel_of(values), horizon=3, windows=3, step=3)
    if "windows=2" in message:
        assert plan_origins(panel_of(values), horizon=3, windows=2, step=3).scored.all()


def test_windows_without_any_value_are_named() -> None:
    notes = plan_origins(panel_of([*range(9), *[NAN] * 6]), horizon=3, windows=4, step=3).notes
    assert notes[0] == "2 of 4 windows have no values to compare forecasts with: 3, 4"


def test_series_too_short_for_every_window_are_counted_and_named() -> None:
    origins = plan_origins(panel_of(list(range(12)), [1, 2, 3]), horizon=2, windows=2, step=2)
    assert any("1 of 2 series are not scored in any window" in note for note in origins.notes)


def test_a_gap_of_the_future_does_not_take_a_series_out_of_what_is_learnt_from() -> None:
    origins = plan_origins(panel_of([1, 2, 3, NAN, NAN], [1, 2, 3, 4, 5]), horizon=2, windows=1, step=2)
    assert origins.seen.tolist() == [[True, True]] and origins.scored.tolist() == [[False, True]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"windows": 0}, "windows 0: expected a whole number from 1"),
        ({"step": 0}, "step 0"),
        ({"horizon": 0}, "horizon 0"),
        ({"align": "left"}, "align 'left': expected one of auto, calendar, ends"),
        ({"align": "calendar"}, "needs dates"),
    ],
)
def test_options_that_make_no_sense_are_told(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        plan_origins(panel_of(list(range(9))), **{"horizon": 2, "windows": 1, "step": 1, **options})  # type: ignore[arg-type]


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    shifts=st.lists(st.integers(0, 20), min_size=5, max_size=5),
    horizon=st.integers(1, 5),
    step=st.integers(1, 5),
)
def test_no_series_is_known_beyond_the_common_origin(
    lengths: list[int], shifts: list[int], horizon: int, step: int
) -> None:
    starts = [str(np.datetime64("2026-01-01") + shift) for shift in shifts[: len(lengths)]]
    panel = dated(panel_of(*([1.0] * length for length in lengths)), starts)
    try:
        origins = plan_origins(panel, horizon, 2, step)
    except DataError:
        return  # too short, which has a test of its own
    ends = np.array(shifts[: len(lengths)]) + panel.lengths - 1  # days after the first of January
    for window in range(2):
        origin = ends.max() - horizon - step * (1 - window)
        last_known = np.array(shifts[: len(lengths)]) + origins.known[window] - 1
        assert (last_known[origins.known[window] > 0] <= origin).all()
