"""Frequencies: their words and seasons, and the arithmetic of steps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import ConfigError
from tidegate.series.dates.frequency import LAST_DAY, Frequency

WORDS = [
    "s",
    "5s",
    "min",
    "5min",
    "30min",
    "h",
    "6h",
    "D",
    "2D",
    "B",
    "W",
    "W-FRI",
    "2W-MON",
    "MS",
    "ME",
    "2MS",
    "M-15",
    "QS-JAN",
    "QS-FEB",
    "QE-DEC",
    "QE-NOV",
    "YS-JAN",
    "YE-DEC",
    "YE-JUN",
]


def steps(frequency: Frequency, start: str, count: int) -> list[str]:
    return frequency.advance(np.datetime64(start, "us"), np.arange(count)).astype("M8[s]").astype(str).tolist()


def days(frequency: Frequency, start: str, count: int) -> list[str]:
    return [text[:10] for text in steps(frequency, start, count)]


@pytest.mark.parametrize("word", WORDS)
def test_a_frequency_is_its_word(word):
    assert Frequency.parse(word).word == word


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("daily", "D"),
        ("hourly", "h"),
        ("every 10 minutes", "10min"),
        ("1H", "h"),
        ("10T", "10min"),
        ("QE-MAR", "QE-DEC"),
        ("monthly", "M"),
        ("yearly", "Y"),
        ("A", "Y"),
        ("2 hours", "2h"),
        ("w-sun", "W-SUN"),
    ],
)
def test_frequencies_can_be_said_in_other_words(said, word):
    assert Frequency.parse(said).word == word


@pytest.mark.parametrize("word", ["", "0D", "m", "fortnight", "W-XYZ", "-1h", "1.5h", "D-MON", "MS-40"])
def test_what_is_no_frequency_is_refused_with_examples(word):
    with pytest.raises(ConfigError, match="is not a frequency"):
        Frequency.parse(word)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("MS", "monthly"),
        ("ME", "monthly (month ends)"),
        ("30min", "every 30 minutes"),
        ("W-FRI", "weekly (Fridays)"),
        ("B", "every business day"),
        ("h", "hourly"),
        ("2MS", "every 2 months"),
        ("M-15", "monthly (day 15)"),
    ],
)
def test_a_frequency_has_a_name_for_people(word, name):
    assert Frequency.parse(word).name == name


@pytest.mark.parametrize(
    ("word", "seasons", "horizon"),
    [
        ("s", (60, 3600, 86_400), 288),
        ("min", (60, 1440), 288),
        ("5min", (288, 2016), 288),
        ("10min", (144, 1008), 144),
        ("15min", (96, 672), 96),
        ("30min", (48, 336), 48),
        ("h", (24, 168), 24),
        ("6h", (4, 28), 4),
        ("7min", (1440,), 205),
        ("D", (7, 364), 14),
        ("B", (5, 260), 10),
        ("W-SUN", (52,), 13),
        ("MS", (12,), 12),
        ("2MS", (6,), 6),
        ("QE-DEC", (4,), 8),
        ("YS-JAN", (), 4),
        ("10YS-JAN", (), 1),
    ],
)
def test_seasons_and_default_horizon(word, seasons, horizon):
    frequency = Frequency.parse(word)
    assert frequency.season_candidates == seasons
    assert frequency.default_horizon == horizon


def test_month_ends_stay_month_ends():
    month_ends = Frequency("month", day=LAST_DAY)
    assert days(month_ends, "2015-01-31", 4) == ["2015-01-31", "2015-02-28", "2015-03-31", "2015-04-30"]
    assert days(month_ends, "2016-01-31", 2) == ["2016-01-31", "2016-02-29"]


def test_day_30_of_each_month_is_the_last_of_february_and_30_again():
    assert days(Frequency("month", day=30), "2015-01-30", 3) == ["2015-01-30", "2015-02-28", "2015-03-30"]


def test_steps_of_quarters_years_weeks_and_business_days():
    assert days(Frequency.parse("QE-DEC"), "2015-12-31", 3) == ["2015-12-31", "2016-03-31", "2016-06-30"]
    assert days(Frequency.parse("YE-DEC"), "2015-12-31", 2) == ["2015-12-31", "2016-12-31"]
    assert days(Frequency.parse("Y"), "2016-02-29", 5)[1:] == ["2017-02-28", "2018-02-28", "2019-02-28", "2020-02-29"]
    assert days(Frequency.parse("W-FRI"), "2021-04-23", 3) == ["2021-04-23", "2021-04-30", "2021-05-07"]
    assert days(Frequency.parse("B"), "2021-04-29", 3) == ["2021-04-29", "2021-04-30", "2021-05-03"]


def test_the_time_of_day_is_kept():
    assert steps(Frequency.parse("MS"), "2015-01-01T09:30", 2) == ["2015-01-01T09:30:00", "2015-02-01T09:30:00"]


@given(word=st.sampled_from(WORDS), start=st.datetimes(), first=st.integers(-500, 500), count=st.integers(1, 50))
def test_the_step_number_of_a_step_is_found_again(word, start, first, count):
    frequency = Frequency.parse(word)
    # A start on the grid: the step nearest to any instant.
    origin = np.datetime64("2001-01-05T00:00", "us")  # a Friday
    if frequency.unit in ("month", "quarter", "year"):
        origin = frequency.advance(np.datetime64("2000-12-01", "us"), np.array([1]))[0]
    times = frequency.advance(origin, np.arange(first, first + count))
    assert (np.diff(times.astype(np.int64)) > 0).all()
    numbers, on_grid = frequency.index(origin, times)
    assert numbers.tolist() == list(range(first, first + count)) and on_grid.all()
