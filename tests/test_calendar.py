"""Frequencies, their words and seasons, the arithmetic of steps, and stamps written as the input wrote them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import ConfigError
from tidegate.series.calendar import LAST_DAY, Frequency, StampStyle, Timeline

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


def timeline(frequency: str, start: str, style: StampStyle, **more) -> Timeline:
    return Timeline(Frequency.parse(frequency), np.array([start], dtype="M8[us]"), style=style, **more)


@pytest.mark.parametrize(
    ("frequency", "start", "style", "expected"),
    [
        ("MS", "1982-11-01", StampStyle("text", "%Y %b", "object"), ["1982 Nov", "1982 Dec", "1983 Jan"]),
        ("MS", "0001-11-01", StampStyle("text", "%-Y-%m", "object"), ["1-11", "1-12", "2-01"]),
        (
            "h",
            "2015-01-01T09:00",
            StampStyle("text", "%-m/%-d/%y %-H:%M", "object"),
            ["1/1/15 9:00", "1/1/15 10:00", "1/1/15 11:00"],
        ),
        (
            "6h",
            "2015-01-01T06:00",
            StampStyle("text", "%d.%m.%Y %I:%M %#p", "object"),
            ["01.01.2015 06:00 am", "01.01.2015 12:00 pm", "01.01.2015 06:00 pm"],
        ),
        ("QS-JAN", "1949-07-01", StampStyle("text", "%Y-Q%q", "object"), ["1949-Q3", "1949-Q4", "1950-Q1"]),
        ("W-MON", "2020-12-21", StampStyle("text", "%G-W%V", "object"), ["2020-W52", "2020-W53", "2021-W01"]),
        ("YS-JAN", "1999-01-01", StampStyle("year"), [1999, 2000, 2001]),
        ("D", "2015-12-31", StampStyle("integer", "%Y%m%d"), [20151231, 20160101, 20160102]),
        ("h", "1970-01-01T01:00", StampStyle("unix"), [3600, 7200, 10800]),
        ("s", "1970-01-01T00:00:01", StampStyle("unix_ms"), [1000, 2000, 3000]),
    ],
)
def test_stamps_are_written_as_the_input_wrote_them(frequency, start, style, expected):
    line = timeline(frequency, start, style)
    assert line.stamps(0, 0, 3).tolist() == expected
    assert line.stamps(0, 2, 1).tolist() == expected[2:]
    assert line.text(0, 0, 3).shape == (3,)


def test_datetimes_keep_their_unit():
    line = timeline("D", "2015-01-01", StampStyle("datetime", dtype="datetime64[ns]"), column="ds")
    assert line.stamps(0, 0, 2).dtype == "datetime64[ns]"
    assert line.text(0, 0, 2).tolist() == ["2015-01-01", "2015-01-02"]
    assert list(line.stamp_columns(0, 0, 2)) == ["ds"]


def test_several_columns_come_back_as_several_columns():
    style = StampStyle("parts", parts=(("year", "year"), ("mnth", "month"), ("day", "day"), ("hr", "hour")))
    columns = timeline("h", "2014-12-31T23:00", style).stamp_columns(0, 0, 2)
    assert {name: column.tolist() for name, column in columns.items()} == {
        "year": [2014, 2015],
        "mnth": [12, 1],
        "day": [31, 1],
        "hr": [23, 0],
    }


def test_positions_count_on():
    line = Timeline.positions(2, start=1)
    assert line.stamps(1, 10, 3).tolist() == [11, 12, 13]
    assert line.instants(1, 10, 3).tolist() == [11, 12, 13]
    assert line.frequency is None


def test_hourly_stamps_in_a_zone_show_the_hour_twice_when_clocks_go_back():
    style = StampStyle("text", "%Y-%m-%d %H:%M%:z", "object", zoned=True)
    line = timeline("h", "2014-10-26T00:00", style, timezone="Europe/Berlin")
    assert line.stamps(0, 0, 3).tolist() == [
        "2014-10-26 02:00+02:00",
        "2014-10-26 02:00+01:00",
        "2014-10-26 03:00+01:00",
    ]


def test_daily_stamps_in_a_zone_are_local_midnights():
    style = StampStyle("datetime", dtype="datetime64[us]", zoned=True)
    line = timeline("D", "2014-03-29", style, timezone="Europe/Berlin", wall=True)
    assert line.stamps(0, 0, 3).astype("M8[h]").astype(str).tolist() == [
        "2014-03-28T23",
        "2014-03-29T23",
        "2014-03-30T22",
    ]
    assert line.text(0, 2, 1).tolist() == ["2014-03-31 00:00:00+02:00"]
    assert line.instants(0, 2, 1).astype(str).tolist() == ["2014-03-31T00:00:00.000"]


def test_an_unknown_zone_is_answered_with_near_ones():
    line = timeline("h", "2014-03-29", StampStyle("datetime", dtype="datetime64[us]"), timezone="Europe/Berln")
    with pytest.raises(ConfigError, match="Europe/Berlin"):
        line.stamps(0, 0, 1)
