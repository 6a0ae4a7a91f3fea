"""The timeline: when steps are, in any zone, and timestamps written as the input wrote them."""

from __future__ import annotations

import numpy as np
import pytest

from tidegate.errors import ConfigError, DataError
from tidegate.series.dates.frequency import Frequency
from tidegate.series.dates.timeline import StampStyle, Timeline


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
        ("ME", "2020-12-31", StampStyle("excel"), [44196, 44227, 44255]),  # as LibreOffice shows the dates as numbers
        ("6h", "2021-01-01T12:00", StampStyle("excel", dtype="float64"), [44197.5, 44197.75, 44198.0]),
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


def test_nanoseconds_end_in_2262_and_microseconds_go_on():
    def stamps(unit: str) -> np.ndarray:
        style = StampStyle("datetime", dtype=f"datetime64[{unit}]")
        return Timeline(Frequency.parse("MS"), np.array(["2000-01-01"], "M8[us]"), style=style).stamps(0, 3147, 2)

    assert stamps("us")[-1] == np.datetime64("2262-05-01")
    with pytest.raises(DataError, match="reaches 2262-05-01, and timestamps in nanoseconds end on 2262-04-11"):
        stamps("ns")


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
