"""A column of timestamps read into instants: text in any usual layout, day or month first, or numbers."""

from __future__ import annotations

import datetime
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.errors import ConfigError, DataError
from tidegate.series.dates.datetext import format_stamps
from tidegate.series.dates.frequency import Frequency
from tidegate.series.dates.stamps import looks_like_dates, parse_stamps
from tidegate.series.dates.timeline import StampStyle, Timeline


def column(*texts: str | None) -> np.ndarray:
    return np.array(texts, dtype=object)


def seconds(parsed) -> list[str]:
    return parsed.instants.astype("M8[s]").astype(str).tolist()


@pytest.mark.parametrize(
    ("texts", "first", "layout"),
    [
        (("2015-01-31", "2015-02-28"), "2015-01-31T00:00:00", "%Y-%m-%d"),
        (("2015-01-31 10:05", "2015-01-31 10:10"), "2015-01-31T10:05:00", "%Y-%m-%d %H:%M"),
        (("2015-01-31T10:05:07", "2015-01-31T10:05:08"), "2015-01-31T10:05:07", "%Y-%m-%dT%H:%M:%S"),
        (("2015-01-31 10:05:07.250", "2015-01-31 10:05:08.250"), "2015-01-31T10:05:07", "%Y-%m-%d %H:%M:%S.%3f"),
        (("2015/1/31", "2015/2/1"), "2015-01-31T00:00:00", "%Y/%-m/%-d"),
        (("1/1/15 10:00", "1/13/15 9:00"), "2015-01-01T10:00:00", "%-m/%-d/%y %-H:%M"),
        (("1/31/2015", "2/1/2015"), "2015-01-31T00:00:00", "%-m/%-d/%Y"),
        (("02/8/1991", "02/15/1991"), "1991-02-08T00:00:00", "%m/%-d/%Y"),
        (("31.12.2015", "01.01.2016"), "2015-12-31T00:00:00", "%d.%m.%Y"),
        (("31/12/15", "01/01/16"), "2015-12-31T00:00:00", "%d/%m/%y"),
        (("1/13/2015 1:00 PM", "1/13/2015 2:00 PM"), "2015-01-13T13:00:00", "%-m/%-d/%Y %-I:%M %p"),
        (("13/1/2015 12:30am", "13/1/2015 1:30am"), "2015-01-13T00:30:00", "%-d/%-m/%Y %-I:%M%#p"),
        (("1982 Apr", "1982 May"), "1982-04-01T00:00:00", "%Y %b"),
        (("Apr 1982", "May 1982"), "1982-04-01T00:00:00", "%b %Y"),
        (("JAN-82", "FEB-82"), "1982-01-01T00:00:00", "%^b-%y"),
        (("5 April 1982", "12 April 1982"), "1982-04-05T00:00:00", "%-d %B %Y"),
        (("Apr 5, 1982", "Apr 12, 1982"), "1982-04-05T00:00:00", "%b %-d, %Y"),
        (("05-Apr-82", "12-Apr-82"), "1982-04-05T00:00:00", "%d-%b-%y"),
        (("Thu, 05 Apr 2012", "Fri, 06 Apr 2012"), "2012-04-05T00:00:00", "%a, %d %b %Y"),
        (("1949-01", "1949-02"), "1949-01-01T00:00:00", "%Y-%m"),
        (("01/1949", "02/1949"), "1949-01-01T00:00:00", "%m/%Y"),
        (("1949Q1", "1949Q2"), "1949-01-01T00:00:00", "%YQ%q"),
        (("1949-Q3", "1949-Q4"), "1949-07-01T00:00:00", "%Y-Q%q"),
        (("Q3 1949", "Q4 1949"), "1949-07-01T00:00:00", "Q%q %Y"),
        (("2015-W05", "2015-W06"), "2015-01-26T00:00:00", "%G-W%V"),
        (("20150131T101500", "20150131T111500"), "2015-01-31T10:15:00", "%Y%m%dT%H%M%S"),
    ],
)
def test_usual_layouts_are_recognised_and_kept_for_the_answer(texts, first, layout):
    parsed = parse_stamps(column(*texts), name="ds")
    assert seconds(parsed)[0] == first
    assert parsed.style.layout == layout
    assert looks_like_dates(column(*texts))
    wall = parsed.instants.astype(np.int64)
    assert format_stamps(parsed.style.layout, wall, np.zeros_like(wall)).tolist() == list(texts)


LAYOUTS = [
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%-d %b %Y %-H:%M",
    "%a %d %B %Y %H:%M:%S",
    "%b %d, %Y %I:%M %p",
    "%Y%m%dT%H%M",
    "%m/%d/%Y %H:%M",
    "%-d.%-m.%y %H:%M",
    "%Y/%-m/%-d %-I:%M:%S%#p",
]


@settings(deadline=None)
@given(
    layout=st.sampled_from(LAYOUTS),
    start=st.datetimes(datetime.datetime(1970, 1, 1), datetime.datetime(2060, 1, 1)),
    hours=st.integers(1, 24),
)
def test_dates_written_in_a_layout_are_read_back_and_written_alike(layout, start, hours):
    # 900 steps reach past day 12 of some month, so that day and month cannot be mixed up.
    instants = (np.datetime64(start, "m") + np.arange(900) * np.timedelta64(hours, "h")).astype("M8[us]")
    texts = format_stamps(layout, instants.astype(np.int64), np.zeros(900, dtype=np.int64))
    parsed = parse_stamps(texts, name="ds")
    assert (parsed.instants == instants).all()
    written = Timeline(Frequency("hour", hours), instants[:1], style=parsed.style).stamps(0, 0, 900)
    assert written.tolist() == texts.tolist()


def test_python_and_this_module_agree_on_what_layouts_mean():
    wall = np.array(["2016-02-29T13:05:09", "1999-12-31T00:59:59"], dtype="M8[us]")
    layout = "%Y %y %m %d %H %I %M %S %b %B %a %A %p %G %V %u"
    expected = [moment.strftime(layout) for moment in wall.astype("M8[s]").astype(object)]
    assert format_stamps(layout, wall.astype(np.int64), np.zeros(2, dtype=np.int64)).tolist() == expected


def test_one_day_above_12_decides_for_the_whole_column():
    assert seconds(parse_stamps(column("01/02/2015", "01/03/2015", "13/03/2015"), name="ds"))[0].startswith(
        "2015-02-01"
    )
    assert seconds(parse_stamps(column("01/02/2015", "01/03/2015", "03/13/2015"), name="ds"))[0].startswith(
        "2015-01-02"
    )


def test_the_only_order_on_a_regular_grid_decides():
    months = [f"01/{month:02d}/{year}" for year in (2014, 2015) for month in range(1, 13)]
    parsed = parse_stamps(column(*months), name="ds")
    assert seconds(parsed)[1].startswith("2014-02-01")
    assert any("day/month/year" in note for note in parsed.notes)


def test_dates_that_can_be_read_in_two_ways_are_refused_with_both_readings():
    with pytest.raises(DataError, match=r'2015-02-03.*"%m/%d/%Y".*2015-03-02.*"%d/%m/%Y"'):
        parse_stamps(column("02/03/2015", "03/03/2015", "04/03/2015"), name="ds")
    parsed = parse_stamps(column("02/03/2015", "03/03/2015"), name="ds", date_format="%d/%m/%Y")
    assert seconds(parsed) == ["2015-03-02T00:00:00", "2015-03-03T00:00:00"]


def test_a_given_format_keeps_missing_leading_zeros():
    parsed = parse_stamps(column("2/3/15 9:00", "2/3/15 10:00"), name="ds", date_format="%d/%m/%y %H:%M")
    assert parsed.style.layout == "%-d/%-m/%y %-H:%M"


def test_months_of_unnamed_years_are_read_as_such_and_said():
    # As in the shampoo sales: three years of months, "1-01" to "3-12".
    texts = [f"{year}-{month:02d}" for year in (1, 2, 3) for month in range(1, 13)]
    parsed = parse_stamps(column(*texts), name="Month")
    assert (np.diff(parsed.instants.astype("M8[M]").astype(np.int64)) == 1).all()
    assert parsed.style.layout == "%-Y-%m"
    assert any("century" in note for note in parsed.notes)


def test_midnights_may_lack_their_time_and_whole_seconds_their_fraction():
    assert seconds(parse_stamps(column("2015-01-01", "2015-01-01 12:00:00", "2015-01-02"), name="ds"))[1].endswith(
        "12:00:00"
    )
    assert seconds(parse_stamps(column("2015-01-01T00:00:00.5", "2015-01-01T00:00:01"), name="ds"))[1].endswith(
        "00:00:01"
    )


def test_24_o_clock_is_the_end_of_the_day():
    assert seconds(parse_stamps(column("2015-01-01 23:00", "2015-01-01 24:00"), name="ds"))[1] == "2015-01-02T00:00:00"


def test_blank_stamps_are_missing():
    parsed = parse_stamps(column("2015-01-01", None, "", "NaT"), name="ds")
    assert np.isnat(parsed.instants).tolist() == [False, True, True, True]


@pytest.mark.parametrize(
    ("texts", "zone", "utc"),
    [
        (("2015-01-01T00:00:00Z", "2015-01-01T01:00:00Z"), "UTC", "2015-01-01T00:00:00"),
        (("2015-01-01 00:00-05:00", "2015-01-01 01:00-05:00"), "-05:00", "2015-01-01T05:00:00"),
        (("2015-01-01 00:00:00+0530", "2015-01-01 01:00:00+0530"), "+05:30", "2014-12-31T18:30:00"),
        (("2015-03-29T01:00+01:00", "2015-03-29T03:00+02:00"), "Europe/Berlin", "2015-03-29T00:00:00"),
        (("2015-03-08T01:00-05:00", "2015-03-08T03:00-04:00"), "America/New_York", "2015-03-08T06:00:00"),
    ],
)
def test_offsets_give_instants_and_a_zone_to_continue_in(texts, zone, utc):
    parsed = parse_stamps(column(*texts), name="ds")
    assert (parsed.timezone, seconds(parsed)[0], parsed.style.zoned) == (zone, utc, True)


def test_a_type_with_a_zone_stays_in_its_zone():
    instants = np.array(["2015-01-01T00"], dtype="M8[ns]")
    assert parse_stamps(instants, name="ds", zone="Asia/Tokyo").timezone == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("numbers", "kind", "first"),
    [
        ([1, 2, 3], "position", "1"),
        ([0, 1, 3], "position", "0"),
        ([501, 502, 503], "position", "501"),
        ([1949, 1950, 1952], "year", "1949-01-01T00:00:00"),
        ([20150131, 20150201], "integer", "2015-01-31T00:00:00"),
    ],
)
def test_whole_numbers_are_positions_years_or_dates(numbers, kind, first):
    for given_as in (np.array(numbers), np.array(numbers, dtype=float), column(*map(str, numbers))):
        parsed = parse_stamps(given_as, name="t")
        assert parsed.style.kind == kind
        assert (seconds(parsed)[0] if kind != "position" else str(parsed.instants[0])) == first


def test_seconds_since_1970_are_offered_not_guessed():
    stamps = np.array([1420070400, 1420074000])
    with pytest.raises(DataError, match=r"2015-01-01 00:00:00 UTC.*--date-format unix$"):
        parse_stamps(stamps, name="t")
    with pytest.raises(DataError, match=r"--date-format unix_ms"):
        parse_stamps(stamps * 1000, name="t")
    assert seconds(parse_stamps(stamps, name="t", date_format="unix"))[1] == "2015-01-01T01:00:00"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([3, 17, 5000]), "whole numbers from 3 to 5000"),
        (np.array([201501, 201502]), r'--date-format "%Y%m"'),
        (np.array([1.5, 2.0]), "value 1.5"),
        (column("2015-01-01", "soon"), '"soon", no date'),
        (column("2015-01-31", "2015-02-30"), '"2015-02-30", no date'),
        (column("", None), "is empty"),
        (column("31/01/2015", "01/31/2015"), "mixes forms|no date"),
        (column("2015-01-01", "2015-01-02Z"), "no date|mixes"),
    ],
)
def test_what_is_no_stamp_is_refused_with_its_value_and_an_option(values, message):
    with pytest.raises(DataError, match=message):
        parse_stamps(values, name="t")


def test_a_value_that_does_not_fit_the_given_format_is_named():
    with pytest.raises(DataError, match=r'"31.12.2015", which does not fit --date-format "%Y-%m-%d"'):
        parse_stamps(column("2015-12-30", "31.12.2015"), name="ds", date_format="%Y-%m-%d")


@pytest.mark.parametrize(
    "texts",
    [("1.05", "2.10"), ("12", "13"), ("A-1", "A-2"), ("NW", "SE"), ("192.168.0.1",), ("10:30",), ("",), ("-1-2",)],
)
def test_numbers_and_names_do_not_look_like_dates(texts):
    assert not looks_like_dates(column(*texts))


def test_day_numbers_of_excel_are_read_where_the_user_says_so():
    # The serial numbers of Microsoft's own examples: 1 January 2008 is 39448, and noon is half a day.
    parsed = parse_stamps(np.array([39448, 39449]), name="date", date_format="excel")
    assert seconds(parsed) == ["2008-01-01T00:00:00", "2008-01-02T00:00:00"] and parsed.timezone is None
    assert parsed.style == StampStyle("excel", dtype="int64")
    parsed = parse_stamps(column("39448.5", "39448.54167", ""), name="date", date_format="excel")
    assert seconds(parsed)[:2] == ["2008-01-01T12:00:00", "2008-01-01T13:00:00"]  # rounded to seconds
    assert np.isnat(parsed.instants[2])
    with pytest.raises(DataError, match="20240101, too large for --date-format excel: expected Excel's day numbers"):
        parse_stamps(np.array([20240101]), name="date", date_format="excel")


def test_whole_numbers_that_may_be_day_numbers_of_excel_are_told():
    hint = r"if these are Excel's day numbers \(44197 is 2021-01-01\): --date-format excel"
    with pytest.raises(DataError, match=hint):
        parse_stamps(np.array([44197, 44204, 44211]), name="t")
    with pytest.raises(DataError, match="if these are Excel's day numbers: --date-format excel; else name another"):
        parse_stamps(np.array([44197.0, 44197.5]), name="t")
    assert re.search(hint, parse_stamps(np.array([44197, 44198]), name="Order date").notes[0])
    assert parse_stamps(np.array([44197, 44198]), name="step").notes == ()
    assert parse_stamps(np.array([1, 2]), name="date").notes == ()


def test_a_format_with_the_day_of_the_year_is_read():
    parsed = parse_stamps(np.array([2016060, 2016061]), name="ds", date_format="%Y%j")
    assert seconds(parsed) == ["2016-02-29T00:00:00", "2016-03-01T00:00:00"]
    assert Timeline(Frequency("day"), parsed.instants[:1], style=parsed.style).stamps(0, 0, 2).tolist() == [
        2016060,
        2016061,
    ]


@pytest.mark.parametrize(
    ("layout", "message"), [("%U/%Y", "%U is not known"), ("%d/%m", "has no year"), ("dd/mm/yyyy", "has no year")]
)
def test_a_format_that_cannot_be_used_is_refused_with_an_example(layout, message):
    with pytest.raises(ConfigError, match=message):
        parse_stamps(column("01/02/2015", "02/02/2015"), name="ds", date_format=layout)
