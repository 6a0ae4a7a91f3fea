"""Timestamps in several columns: read from the parts, and written in parts again."""

from __future__ import annotations

import numpy as np
import pytest

from tidegate.errors import ConfigError, DataError
from tidegate.series.dates.frequency import Frequency
from tidegate.series.dates.parts import parse_parts, part_of, shows_part
from tidegate.series.dates.stamps import ParsedStamps
from tidegate.series.dates.timeline import Timeline


def column(*values: object) -> np.ndarray:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found if isinstance(values[0], str) else found.astype(np.int64)


def days(parsed: ParsedStamps) -> list[str]:
    return parsed.instants.astype("M8[D]").astype(str).tolist()


def written(parsed: ParsedStamps, frequency: str, count: int) -> list[list[object]]:
    """Columns of the first stamp and what follows it."""
    line = Timeline(Frequency.parse(frequency), parsed.instants[:1], style=parsed.style, column=parsed.column)
    return [values.tolist() for values in line.stamp_columns(0, 0, count).values()]


@pytest.mark.parametrize(
    ("name", "part"),
    [("Year", "year"), ("QTR", "quarter"), ("month_name", "month"), ("Month No.", "month"), ("ISO-week", "week")],
)
def test_columns_are_named_for_parts(name, part):
    assert part_of(name) == part


@pytest.mark.parametrize(("name", "part"), [("mm", "month"), ("min", "minute"), ("Q", "quarter")])
def test_short_names_count_only_where_the_user_names_the_column(name, part):
    assert part_of(name) is None
    assert part_of(name, short=True) == part


@pytest.mark.parametrize(
    ("part", "text", "shown"),
    [("month", "Jan", True), ("month", "M01", True), ("quarter", "Q1", True), ("week", "W 5", True),
     ("month", "Enero", False), ("quarter", "1", False), ("hour", "h1", False)],
)  # fmt: skip
def test_text_shows_which_part_it_is(part, text, shown):
    assert shows_part(part, column(text, text)) == shown


def test_year_month_day_and_hour_in_several_columns():
    parts = [np.array([2014, 2014]), np.array([12, 12]), np.array([31, 31]), np.array([22, 23])]
    parsed = parse_parts(parts, ["year", "month", "day", "hour"])
    assert parsed.instants.astype("M8[h]").astype(str).tolist() == ["2014-12-31T22", "2014-12-31T23"]
    assert parsed.column == "year,month,day,hour"


def test_a_date_and_the_hour_in_two_columns():
    parsed = parse_parts([column("1/31/11", "1/31/11"), column("0", "1")], ["dteday", "hr"])
    assert parsed.instants.astype("M8[h]").astype(str).tolist() == ["2011-01-31T00", "2011-01-31T01"]
    assert parsed.style.parts == (("dteday", "%-m/%-d/%y"), ("hr", "hour"))


@pytest.mark.parametrize(
    ("quarters", "continued"),
    [((3, 4), [3, 4, 1]), (("Q3", "Q4"), ["Q3", "Q4", "Q1"]), (("3Q", "4Q"), ["3Q", "4Q", "1Q"]),
     (("03", "04"), ["03", "04", "01"]), (("Qtr. 3", "Qtr. 4"), ["Qtr. 3", "Qtr. 4", "Qtr. 1"])],
)  # fmt: skip
def test_a_quarter_begins_with_its_first_month_and_is_written_as_it_was(quarters, continued):
    parsed = parse_parts([column(2023, 2023), column(*quarters)], ["year", "quarter"])
    assert days(parsed) == ["2023-07-01", "2023-10-01"]
    assert written(parsed, "QS-JAN", 3) == [[2023, 2023, 2024], continued]


@pytest.mark.parametrize(
    ("months", "continued"),
    [(("Nov", "Dec"), "Jan"), (("NOV", "DEC"), "JAN"), (("november", "december"), "january"), (("M11", "M12"), "M1"),
     (("08", "09"), "10"), (("Sept", "Oct"), "Nov")],
)  # fmt: skip
def test_a_month_may_be_a_name(months, continued):
    parsed = parse_parts([column(2023, 2023), column(*months)], ["year", "month"])
    assert days(parsed)[1][5:7] == {"Oct": "10", "09": "09"}.get(months[1], "12")
    assert written(parsed, "MS", 3)[1][2] == continued


def test_weeks_are_those_of_iso_8601_and_so_are_their_years():
    # By the ISO 8601 calendar 2020 has 53 weeks, and the last one ends on Sunday, 3 January 2021.
    parsed = parse_parts([column(2020, 2020, 2021), column(52, 53, 1)], ["year", "week"])
    assert days(parsed) == ["2020-12-21", "2020-12-28", "2021-01-04"]
    assert written(parsed, "W-MON", 3) == [[2020, 2020, 2021], [52, 53, 1]]
    assert "ISO 8601" in parsed.notes[0]
    parsed = parse_parts([column("2020", "2021"), column("W53", "W01")], ["year", "week"])
    assert written(parsed, "W-MON", 2) == [[2020, 2021], ["W53", "W01"]]


def test_a_missing_part_makes_a_missing_timestamp():
    parsed = parse_parts([column(2020, 2020), np.array([1.0, np.nan])], ["year", "week"])
    assert np.isnat(parsed.instants).tolist() == [False, True]


def test_impossible_parts_are_named():
    with pytest.raises(DataError, match='"month" has the value 13 in row 2'):
        parse_parts([column(2014, 2014), column(12, 13)], ["year", "month"])
    with pytest.raises(DataError, match="day 31 of 2014-02 in row 1"):
        parse_parts([column(2014), column(2), column(31)], ["year", "month", "day"])
    with pytest.raises(DataError, match='"month" has the value "enero": expected a whole number or a name such as Jan'):
        parse_parts([column(2014, 2014), column("enero", "mayo")], ["year", "month"])
    with pytest.raises(DataError, match='"quarter" has the value "H1"'):
        parse_parts([column(2014, 2014), column("H1", "Q2")], ["year", "quarter"])
    with pytest.raises(DataError, match="week 53 of 2021 in row 2, which has only 52"):
        parse_parts([column(2021, 2021), column(52, 53)], ["year", "week"])
    with pytest.raises(ConfigError, match="have no year"):
        parse_parts([column(1), column(31)], ["month", "day"])
    with pytest.raises(ConfigError, match="--time year,week"):
        parse_parts([column(2014), column(1), column(1)], ["year", "month", "week"])
