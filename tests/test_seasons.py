"""Season lengths: what the user says, else the calendar, else the values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tidegate.errors import ConfigError
from tidegate.forecasting.forecaster import season_notes
from tidegate.series.dates.frequency import Frequency
from tidegate.series.dates.timeline import Timeline
from tidegate.series.panel import Panel
from tidegate.series.seasons import detect, repeats, season_lengths


def panel(lengths: list[int], frequency: str | None = None) -> Panel:
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    timeline = Timeline.positions(len(lengths))
    if frequency is not None:
        starts = np.full(len(lengths), np.datetime64("2020-01-01", "us"))
        timeline = Timeline(Frequency.parse(frequency), starts, None, timeline.style, "ds")
    return Panel(np.random.default_rng(0).normal(size=offsets[-1]), offsets, timeline)


def test_the_calendars_shortest_season_is_used_where_two_of_it_fit() -> None:
    found = season_lengths(panel([40, 100, 400], "h"))
    assert found.tolist() == [[0, 0, 0], [24, 0, 0], [24, 0, 0]]
    assert season_lengths(panel([24, 23], "MS")).tolist() == [[12, 0, 0], [0, 0, 0]]
    assert season_lengths(panel([50], "YS")).tolist() == [[0, 0, 0]]


def test_a_longer_season_is_used_where_the_values_show_it() -> None:
    hours = np.arange(24 * 7 * 4)
    daily = np.sin(2 * np.pi * hours / 24)
    workdays = (hours // 24 % 7 < 5) * 1.0
    noise = 0.1 * np.random.default_rng(1).normal(size=len(hours))
    assert repeats((daily * (0.5 + workdays) + noise)[None], 168, 24)
    assert not repeats((daily + noise)[None], 168, 24)
    walks = repeats(np.random.default_rng(0).normal(size=(40, 800)).cumsum(axis=1), 260, 5)
    assert sum(walks) < 10  # as often as chance allows
    assert not repeats(np.full((1, 400), np.nan), 168, 24)


def test_what_the_user_says_holds_for_every_series() -> None:
    assert season_lengths(panel([40, 9], "h"), (168, 24)).tolist() == [[24, 168, 0]] * 2
    assert season_lengths(panel([400], "h"), 1).tolist() == [[0, 0, 0]]


@pytest.mark.parametrize("given", [0, -3, (24, 0), (2, 3, 4, 5), 7.0, (7.5,), "7", 10**7, (7, 10**30)])
def test_impossible_season_lengths_are_refused(given: object) -> None:
    with pytest.raises(ConfigError, match="season_length"):
        season_lengths(panel([40]), given)  # type: ignore[arg-type]


def test_a_season_that_no_series_shows_is_told() -> None:
    given = np.array([[12, 40, 0]] * 2)
    assert season_notes(panel([40, 30]), given, "as given", 1023) == ["seasons (as given): 12 and 40 steps"]
    assert season_notes(panel([39, 30]), given, "as given", 1023)[1:] == [
        "season length 40 is longer than every series (39 values at most): none shows a whole season"
    ]
    assert season_notes(panel([40, 30]), given, "as given", 31)[1:] == [
        "season length 40 is longer than what is read of a series (31 values at most): the forecast does not see a "
        "whole season"
    ]


@settings(max_examples=40, deadline=None)
@given(
    season=st.integers(4, 60),
    seasons=st.integers(6, 20),
    seed=st.integers(0, 2**32 - 1),
    unit=st.floats(1e-6, 1e6),
    trend=st.floats(-0.05, 0.05),
)
def test_a_repeating_shape_is_found_whatever_its_unit_and_trend(
    season: int, seasons: int, seed: int, unit: float, trend: float
) -> None:
    shape, values = repeated(season, seasons, seed, trend)
    changes = np.sort(np.diff(np.append(shape, shape[0])))
    assume(season > 5 or np.diff(changes).min() > 0.05)  # which of two alike is larger is up to the noise
    assert detect(values * unit)[:1] == (season,)


def repeated(season: int, seasons: int, seed: int, trend: float) -> tuple[np.ndarray, np.ndarray]:
    """A random shape of so many steps, and a series that repeats it, with a trend and little noise."""
    rng = np.random.default_rng(seed)
    shape = np.sin(2 * np.pi * np.arange(season) / season) + 0.3 * rng.normal(size=season)
    values = np.tile(shape, seasons) + trend * np.arange(season * seasons) + 0.02 * rng.normal(size=season * seasons)
    return shape, values


def test_twice_a_season_that_correlates_better_by_chance_is_not_taken_for_it() -> None:
    assert detect(repeated(4, 8, seed=297828, trend=0.0)[1]) == (4,)


def test_noise_walks_constants_and_short_series_have_no_season() -> None:
    rng = np.random.default_rng(5)
    found = [detect(rng.normal(size=200).cumsum()) for _ in range(50)] + [
        detect(rng.normal(size=200)) for _ in range(50)
    ]
    assert sum(map(bool, found)) <= 5  # as often as chance allows
    assert detect(np.full(100, 3.0)) == () == detect(np.arange(8.0)) == detect(np.full(30, np.nan))


def test_missing_values_do_not_hide_a_season() -> None:
    values = np.tile([0.0, 1.0, 5.0, 2.0, 0.0, -3.0, -1.0], 30)
    values[[3, 17, 18, 60, 100, 151]] = np.nan
    assert detect(values) == (7,)
