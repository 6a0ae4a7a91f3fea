"""Rows with stamps put on regular grids: frequency, absent steps, order, repeats, irregular stamps, zones, the ends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tidegate.errors import ConfigError, DataError
from tidegate.series.dates.frequency import Frequency
from tidegate.series.dates.grid import build_grid, position_grid
from tidegate.series.dates.stamps import parse_stamps
from tidegate.series.dates.zones import zone_table

HOUR = np.timedelta64(1, "h")


def times(start: str, count: int, step: str) -> np.ndarray:
    """`count` stamps from `start`, each a step such as "5m", "1h", "1D" after the one before."""
    return np.datetime64(start, "s") + np.arange(count) * np.timedelta64(int(step[:-1]), step[-1])


def grid_of(stamps, values=None, series=None, zone=None, **options):
    stamps = np.asarray(stamps)
    values = np.arange(len(stamps), dtype=float) + 100 if values is None else np.asarray(values, dtype=float)
    return build_grid(values, parse_stamps(stamps, name="ds", zone=zone), series, **options)


def word(stamps, **options) -> str:
    return grid_of(stamps, **options).timeline.frequency.word


def texts(*stamps: str) -> np.ndarray:
    return np.array(stamps, dtype=object)


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        (times("2015-01-01", 30, "1s"), "s"),
        (times("2015-02-26T21:42:53", 30, "5m"), "5min"),
        (times("2015-01-01T00:07", 30, "30m"), "30min"),
        (times("2011-07-01T00:00:01", 30, "1h"), "h"),
        (times("2015-01-01", 30, "1D"), "D"),
        (times("2015-01-01T09:30", 30, "1D"), "D"),
        (times("2021-04-02", 10, "7D"), "W-FRI"),
        (times("2021-04-02", 10, "14D"), "2W-FRI"),
        (np.arange("2015-01", "2016-06", dtype="M8[M]"), "MS"),
        (np.arange("2015-01", "2016-06", dtype="M8[M]").astype("M8[D]") + 14, "M-15"),
        (np.arange("2015-02", "2016-06", dtype="M8[M]").astype("M8[D]") - 1, "ME"),
        (np.arange("2015-01", "2019-01", 3, dtype="M8[M]"), "QS-JAN"),
        (np.arange("2015-02", "2019-01", 3, dtype="M8[M]"), "QS-FEB"),
        (np.arange("2015-01", "2019-01", 3, dtype="M8[M]").astype("M8[D]") - 1, "QE-DEC"),
        (np.arange("1990", "2019", dtype="M8[Y]"), "YS-JAN"),
        (np.arange("1990", "2019", dtype="M8[Y]").astype("M8[D]") - 1, "YE-DEC"),
        (np.arange("1950", "2019", 10, dtype="M8[Y]"), "10YS-JAN"),
        (
            np.array([f"2015-{month:02d}-{day}" for month, day in ((1, 30), (2, 28), (3, 30), (4, 30))], dtype="M8[D]"),
            "M-30",
        ),
        (np.array([day for day in times("2015-01-01", 60, "1D") if np.is_busday(day.astype("M8[D]"))]), "B"),
    ],
)
def test_the_frequency_is_found_from_the_stamps(stamps, expected):
    grid = grid_of(stamps)
    assert grid.timeline.frequency.word == expected
    assert len(grid.values) == len(stamps) and not np.isnan(grid.values).any()


def test_five_weekdays_alone_may_be_daily_and_are():
    assert word(times("2021-04-19", 5, "1D")) == "D"


def test_business_days_may_lack_holidays():
    days = times("2015-01-01", 365, "1D")
    days = np.delete(days[np.is_busday(days.astype("M8[D]"))], [0, 40, 100, 101, 200])
    grid = grid_of(days)
    assert grid.timeline.frequency.word == "B"
    assert int(np.isnan(grid.values).sum()) == 4  # the first one is before the start


GRIDS = [
    "s",
    "10s",
    "min",
    "5min",
    "7min",
    "h",
    "6h",
    "D",
    "B",
    "W-WED",
    "2W-MON",
    "MS",
    "ME",
    "M-15",
    "2MS",
    "QS-JAN",
    "QE-DEC",
    "YS-JAN",
    "YE-JUN",
]


@settings(deadline=None, max_examples=80)
@given(
    name=st.sampled_from(GRIDS), offset=st.integers(0, 400), seed=st.integers(0, 2**32 - 1), dropped=st.floats(0, 0.25)
)
def test_a_grid_of_any_frequency_is_found_again_with_rows_dropped_and_shuffled(name, offset, seed, dropped):
    frequency = Frequency.parse(name)
    origin = {
        "W-WED": "2014-12-31",
        "2W-MON": "2014-12-29",
        "M-15": "2014-12-15",
        "ME": "2014-12-31",
        "QE-DEC": "2014-12-31",
        "YE-JUN": "2014-06-30",
    }.get(name, "2015-01-01")
    steps = np.arange(offset, offset + 60)
    stamps = frequency.advance(np.datetime64(origin, "us"), steps)
    generator = np.random.default_rng(seed)
    kept = generator.random(60) >= dropped
    kept[[0, 1, 2, -1]] = True
    rows = generator.permutation(np.flatnonzero(kept))
    grid = grid_of(stamps[rows], values=rows.astype(float))
    assert grid.timeline.frequency == frequency
    assert np.array_equal(grid.values, np.where(kept, np.arange(60.0), np.nan), equal_nan=True)
    assert grid.timeline.stamps(0, 0, 60).astype("M8[us]").tolist() == stamps.tolist()


def test_series_share_the_frequency_and_keep_their_own_starts_and_ends():
    stamps = np.concatenate([times("2015-01-05", 4, "7D"), times("2015-02-04", 3, "7D")])
    grid = grid_of(stamps, series=np.array([0] * 4 + [1] * 3))
    assert grid.timeline.frequency.word == "W"  # Mondays and Wednesdays
    assert np.diff(grid.offsets).tolist() == [4, 3]
    assert grid.timeline.stamps(1, 3, 1).astype("M8[D]").astype(str).tolist() == ["2015-02-25"]
    assert sum("series end at different dates" in note for note in grid.notes) == 1


def test_absent_steps_are_missing_values_and_said():
    stamps = np.delete(times("2015-01-01", 10, "1D"), [3, 4])
    grid = grid_of(stamps)
    assert np.isnan(grid.values).tolist() == [False] * 3 + [True] * 2 + [False] * 5
    assert "2 of 10 steps have no row; the values are missing" in grid.notes


def told_apart(*stamps: np.ndarray, **options) -> str:
    """The note on slower ones of series "0", "1", …, "" if there is none."""
    series = np.repeat(np.arange(len(stamps)), [len(own) for own in stamps])
    grid = grid_of(np.concatenate([own.astype("M8[s]") for own in stamps]), series=series, names=str, **options)
    return next((note for note in grid.notes if " separately" in note), "")


def test_series_of_a_slower_frequency_are_named_with_what_to_do():
    days, months = times("2024-01-01", 200, "1D"), np.arange("2024-01", "2025-01", dtype="M8[M]")
    note = told_apart(times("2024-01-01", 200, "1h"), days[:60])
    assert note.startswith('series "1" has a row only every 24 steps, but is forecast hourly') and "--every D " in note
    assert "forecast them separately" in told_apart(days, months, days[::7])
    assert '2 series, "1", "2" have a row only every 7 to 31 steps' in told_apart(days, months, days[::7])
    assert "every 3 steps" in told_apart(
        np.arange("2000-01", "2020-01", dtype="M8[M]"), np.arange("2000-01", "2019-01", 3, dtype="M8[M]")
    )
    assert told_apart(days, months, every="MS", aggregate="mean") == ""
    assert told_apart(days, days[::7][:8]) == ""  # seven gaps are too few
    assert told_apart(days[::7], months[:1], frequency="D") == ""  # none is quicker
    assert told_apart(days, np.delete(days, [3, 4, 90])) == ""


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0.03, 0.9))
def test_sales_now_and_then_are_no_slower_frequency(seed, share):
    days = times("2024-01-01", 300, "1D")
    random = np.random.default_rng(seed)
    some = [days[random.random(300) < share] for _ in range(5)]
    assert told_apart(days, *(own for own in some if len(own))) == ""


def test_newest_first_is_turned_round():
    grid = grid_of(times("2015-01-01", 10, "1D")[::-1])
    assert grid.values.tolist() == list(np.arange(100.0, 110)[::-1])
    assert any("new to old" in note for note in grid.notes)


def test_a_grid_mostly_empty_is_an_error():
    stamps = np.concatenate([times("2015-01-01", 5, "1s"), times("2016-01-01", 5, "1s")])
    with pytest.raises(DataError, match="spans 31536005 steps \\(every second\\) with only 10 rows"):
        grid_of(stamps)


def test_irregular_stamps_are_refused_with_a_sensible_width():
    stamps = times("2015-07-10T14:20", 40, "10m") + np.tile([0, 4, 0, 0, 0], 8) * np.timedelta64(60, "s")
    with pytest.raises(DataError, match=r"14:20 is followed by 2015-07-10 14:34.*--every 10min --aggregate mean"):
        grid_of(stamps)
    grid = grid_of(stamps, every="10min", aggregate="last")
    assert grid.timeline.frequency.word == "10min" and len(grid.values) == 40


def test_a_single_off_grid_stamp_is_an_error_not_a_finer_grid():
    stamps = times("2015-01-01", 100, "5m")
    stamps[50] += np.timedelta64(60, "s")
    with pytest.raises(DataError, match=r"5 minutes apart, but 2015-01-01 04:05 is followed by 2015-01-01 04:11"):
        grid_of(stamps)


def test_bins_hold_the_mean_the_sum_or_the_last_of_their_rows():
    stamps = np.array(["2015-01-01T10:01", "2015-01-01T10:09", "2015-01-01T10:25", "2015-01-01T10:20"], dtype="M8[m]")
    values = [1.0, 3.0, 5.0, np.nan]
    for way, expected in (("mean", [2, np.nan, 5]), ("sum", [4, np.nan, 5]), ("last", [3, np.nan, 5])):
        grid = grid_of(stamps, values, every="10min", aggregate=way)
        assert np.array_equal(grid.values, expected, equal_nan=True)
        assert grid.timeline.stamps(0, 0, 1).astype(str).tolist() == ["2015-01-01T10:00"]


@pytest.mark.parametrize(
    ("every", "first", "second"),
    [
        ("1D", "2015-05-14", "2015-05-15"),
        ("W", "2015-05-11", "2015-05-18"),
        ("W-SUN", "2015-05-10", "2015-05-17"),
        ("MS", "2015-05-01", "2015-06-01"),
        ("ME", "2015-05-31", "2015-06-30"),
        ("M", "2015-05-01", "2015-06-01"),
        ("QS", "2015-04-01", "2015-07-01"),
        ("QE", "2015-06-30", "2015-09-30"),
        ("YS", "2015-01-01", "2016-01-01"),
        ("YE", "2015-12-31", "2016-12-31"),
        ("12h", "2015-05-14T00", "2015-05-14T12"),
        ("QS-FEB", "2015-05-01", "2015-08-01"),
    ],
)
def test_bins_start_on_the_calendar(every, first, second):
    stamps = np.datetime64("2015-05-14T07:31", "s") + np.arange(500) * np.timedelta64(5000, "m")
    grid = grid_of(stamps, every=every, aggregate="sum")
    shown = grid.timeline.stamps(0, 0, 2).astype("M8[us]")
    assert shown.tolist() == np.array([first, second], dtype="M8[us]").tolist()
    assert np.nansum(grid.values) == pytest.approx(np.sum(np.arange(500.0) + 100))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every": "10min"}, "add --aggregate"),
        ({"aggregate": "mean"}, "add --every"),
        ({"duplicates": "first"}, "mean, sum or last"),
        ({"every": "10 parsecs", "aggregate": "mean"}, "is not a frequency"),
        ({"every": "B", "aggregate": "mean"}, "such as 1D"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        grid_of(times("2015-01-01", 10, "1D"), **options)


def test_repeated_stamps_are_an_error_naming_series_and_first_one():
    stamps = np.concatenate([times("2015-01-01", 5, "1D"), times("2015-01-01", 5, "1D")])
    with pytest.raises(DataError, match=r"has 2015-01-01 more than once \(5 repeats in all\).*--duplicates mean"):
        grid_of(stamps)
    with pytest.raises(DataError, match='has 2015-01-02 of series "b" more than once'):
        grid_of(np.append(stamps, stamps[6]), series=np.repeat([0, 1], [5, 6]), names="ab".__getitem__)
    assert grid_of(stamps, duplicates="mean").values.tolist() == [102.5, 103.5, 104.5, 105.5, 106.5]
    assert grid_of(stamps, duplicates="last").values.tolist() == [105, 106, 107, 108, 109]


def test_a_given_frequency_is_used_and_checked():
    stamps = texts("2015-01-05", "2015-01-12", "2015-01-19")
    assert word(stamps, frequency="D") == "D"
    assert word(texts("2015-01-31"), frequency="ME") == "ME"
    with pytest.raises(DataError, match="2015-01-05, which is not on the grid MS"):
        grid_of(stamps, frequency="MS")
    with pytest.raises(DataError, match="which is not on the grid W-FRI"):
        grid_of(stamps, frequency="W-FRI")
    with pytest.raises(DataError, match=r"only one timestamp per series, 2015-01-31.*--frequency"):
        grid_of(texts("2015-01-31"))


def test_steps_finer_than_the_input_could_write_are_written_as_iso_dates():
    assert grid_of(texts("2015 Jan", "2015 Feb"), frequency="D").timeline.text(0, 1, 1).tolist() == ["2015-01-02"]
    assert grid_of(np.array([2014, 2015]), frequency="MS").timeline.stamps(0, 1, 1).tolist() == ["2014-02-01"]
    hourly = grid_of(texts("2015-01-01", "2015-01-02"), every="12h", aggregate="sum")
    assert hourly.timeline.stamps(0, 1, 1).tolist() == ["2015-01-01 12:00"]


def test_blank_lines_are_left_out_but_values_without_stamp_are_not():
    stamps = texts("2015-01-01", "2015-01-02", "")
    assert len(grid_of(stamps, [1, 2, np.nan]).values) == 2
    with pytest.raises(DataError, match="no timestamp in row 3, which has the value 3"):
        grid_of(stamps, [1, 2, 3])


def test_a_series_without_any_stamp_is_named():
    with pytest.raises(DataError, match='of series "b" has no timestamp at all'):
        grid_of(texts("2015-01-01", "2015-01-02", ""), [1, 2, np.nan], np.array([0, 0, 1]), names="ab".__getitem__)


def test_positions_may_have_gaps():
    grid = grid_of(np.array([3, 1, 4]), [30, 10, 40])
    assert np.array_equal(grid.values, [10, np.nan, 30, 40], equal_nan=True)
    assert grid.timeline.stamps(0, 4, 2).tolist() == [5, 6] and grid.timeline.frequency is None
    with pytest.raises(DataError, match="has 2 more than once"):
        grid_of(np.array([1, 2, 2, 3]))


def test_rows_without_stamps_are_numbered():
    grid = position_grid(np.array([1.0, 2.0, 3.0]), np.array([1, 0, 1]))
    assert grid.values.tolist() == [2, 1, 3] and grid.offsets.tolist() == [0, 1, 3]
    assert grid.timeline.stamps(1, 2, 1).tolist() == [2]


def local_stamps(zone: str, start: str, count: int, minutes: int) -> np.ndarray:
    """What clocks of a zone show every few minutes from an instant on, without offset."""
    utc = (np.datetime64(start, "us") + np.arange(count) * np.timedelta64(minutes, "m")).astype(np.int64)
    return zone_table(zone, int(utc[0]), int(utc[-1])).to_wall(utc).astype("M8[us]")


ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Melbourne",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "Africa/Casablanca",
    "Asia/Kolkata",
    "UTC",
]


@settings(deadline=None, max_examples=40)
@given(
    zone=st.sampled_from(ZONES),
    day=st.integers(0, 700),
    minutes=st.sampled_from([15, 30, 60]),
    newest_first=st.booleans(),
)
def test_no_hour_is_lost_or_invented_over_clock_changes(zone, day, minutes, newest_first):
    if zone == "Australia/Lord_Howe":
        minutes = min(minutes, 30)  # its clocks change by half an hour
    start = np.datetime64("2014-01-01") + day
    count = 220 * 24 * 60 // minutes
    stamps = local_stamps(zone, str(start), count, minutes)
    values = np.arange(float(count))
    order = slice(None, None, -1) if newest_first else slice(None)
    grid = grid_of(stamps[order], values[order], timezone=zone)
    assert grid.values.tolist() == values.tolist()
    assert grid.timeline.stamps(0, 0, count).astype("M8[us]").tolist() == stamps.tolist()


def test_repeated_local_hours_ask_for_the_zone():
    stamps = local_stamps("Europe/Berlin", "2014-01-01", 365 * 24, 60)
    with pytest.raises(DataError, match=r"shows 2014-10-26 02:00 twice.*--timezone Europe/Berlin"):
        grid_of(stamps)
    melbourne = local_stamps("Australia/Melbourne", "2012-01-01", 3 * 365 * 48, 30)
    with pytest.raises(DataError, match=r"shows 2012-04-01 02:00 twice.*Australia/Melbourne"):
        grid_of(melbourne)


def test_a_clock_set_back_on_no_common_day_is_an_ordinary_repeat():
    stamps = np.concatenate([times("2014-01-06", 27, "1h"), times("2014-01-07T02:00", 50, "1h")])
    with pytest.raises(DataError, match="2014-01-07 02:00 more than once"):
        grid_of(stamps)


def test_hours_skipped_in_spring_without_repeats_are_missing_and_said():
    stamps = np.unique(local_stamps("America/Chicago", "2015-01-01T06:00", 2 * 365 * 24, 60))
    grid = grid_of(stamps)
    assert int(np.isnan(grid.values).sum()) == 2
    assert any("clocks skip in spring" in note and "--timezone America/" in note for note in grid.notes)


def test_a_stamp_its_zone_skipped_is_named():
    with pytest.raises(DataError, match="2014-03-30 02:00 in row 3, a time that Europe/Berlin skipped"):
        grid_of(times("2014-03-30", 6, "1h"), timezone="Europe/Berlin")


def test_text_with_offsets_continues_with_the_right_offset():
    utc = np.datetime64("2014-10-24T00:00", "us") + np.arange(48) * HOUR
    wall = local_stamps("Europe/Berlin", "2014-10-24T00:00", 48, 60)
    offset = ((wall - utc) / HOUR).astype(int)
    stamps = texts(*(f"{str(w)[:16]}+{o:02d}:00" for w, o in zip(wall, offset, strict=True)))
    grid = grid_of(stamps, timezone="Europe/Berlin")
    assert grid.timeline.stamps(0, 0, 48).tolist() == stamps.tolist()
    assert grid.timeline.stamps(0, 48, 2).tolist() == ["2014-10-26T02:00+02:00", "2014-10-26T02:00+01:00"]


@pytest.mark.parametrize("written", ["utc", "GMT", "Z"])
def test_a_zone_has_one_spelling(written):
    stamps = times("2024-01-05", 24, "1h")
    for zone, expected in (
        (written, "UTC"),
        ("+0200", "+02:00"),
        ("UTC+02:00", "+02:00"),
        ("Asia/Tokyo", "Asia/Tokyo"),
    ):
        for grid in (grid_of(stamps, timezone=zone), grid_of(stamps, zone=zone)):
            assert grid.timeline.timezone == expected
            assert grid.notes[0].endswith(f"({expected})")


@pytest.mark.parametrize(
    ("form", "zone", "after"),
    [
        ("{}Z", None, "2024-03-31T16:00:00Z"),
        ("{}Z", "utc", "2024-03-31T16:00:00Z"),
        ("{}Z", "Europe/Berlin", "2024-03-31T18:00:00+02:00"),
        ("{}.000z", "+0200", "2024-03-31T18:00:00.000+02:00"),
        ("{} UTC", "Asia/Tokyo", "2024-04-01T01:00:00 +09:00"),
        ("{}Z", "Europe/London", "2024-03-31T17:00:00+01:00"),
        ("{}+0000", "+0200", "2024-03-31T18:00:00+0200"),
        ("{}+00:00", "Europe/Berlin", "2024-03-31T18:00:00+02:00"),
    ],
)
def test_stamps_that_say_utc_are_the_same_instant_in_the_zone_asked_for(form, zone, after):
    stamps = texts(*(form.format(stamp) for stamp in times("2024-03-30T10:00:00", 30, "1h")))
    timeline = grid_of(stamps, timezone=zone).timeline
    assert timeline.stamps(0, 30, 1)[0] == timeline.text(0, 30, 1)[0] == after  # 16:00 in UTC
    assert parse_stamps(timeline.stamps(0, 30, 1), name="ds").instants[0] == np.datetime64("2024-03-31T16:00")


def test_daily_zoned_stamps_are_local_midnights_over_clock_changes():
    days = np.arange("2014-03-01", "2014-05-01", dtype="M8[D]").astype("M8[us]").astype(np.int64)
    utc = zone_table("Europe/Berlin", int(days[0]), int(days[-1])).to_utc(days)[0].astype("M8[us]")
    grid = grid_of(utc, zone="Europe/Berlin")
    assert grid.timeline.frequency.word == "D" and grid.timeline.wall
    assert grid.timeline.text(0, 61, 1).tolist() == ["2014-05-01 00:00:00+02:00"]
    assert grid.timeline.stamps(0, 0, 61).astype("M8[us]").tolist() == utc.tolist()


def test_every_six_hours_on_the_local_clock_is_regular_there():
    stamps = times("2014-03-01", 240, "6h").astype("M8[us]")
    utc = zone_table("Europe/Berlin", int(stamps[0].astype(np.int64)), int(stamps[-1].astype(np.int64))).to_utc(
        stamps.astype(np.int64)
    )[0]
    grid = grid_of(utc.astype("M8[us]"), zone="Europe/Berlin")
    assert grid.timeline.frequency.word == "6h" and len(grid.values) == 240


def test_missing_values_at_the_end_are_counted_and_the_last_stamp_is_the_origin():
    grid = grid_of(times("2015-01-01", 10, "1D"), [*range(8), np.nan, np.nan])
    assert len(grid.values) == 10
    assert any(note.startswith("2 values are missing at the end") and "2015-01-10" in note for note in grid.notes)


def test_a_last_month_far_below_all_before_is_warned_about_and_can_be_dropped():
    months = np.arange("2015-01", "2017-01", dtype="M8[M]")
    values = 100 + 20 * np.sin(np.arange(24))
    values[-1] = 30
    warned = grid_of(months, values)
    assert any("looks incomplete" in note and "--drop-last" in note for note in warned.notes)
    dropped = grid_of(months, values, drop_last=True)
    assert len(dropped.values) == 23 and not any("incomplete" in note for note in dropped.notes)
    values[-1] = 60
    assert not any("incomplete" in note for note in grid_of(months, values).notes)


def test_a_last_bin_with_few_rows_is_warned_about():
    stamps = times("2015-01-01T00:00", 24 * 10 + 5, "1h")
    grid = grid_of(stamps, every="1D", aggregate="mean")
    assert any("2015-01-11" in note and "5 rows after 24 or more" in note for note in grid.notes)


def test_one_low_end_among_many_series_is_no_unfinished_month():
    months = np.tile(np.arange("2015-01", "2017-01", dtype="M8[M]"), 10)
    values = np.full((10, 24), 100.0)
    values[3, -1] = 10
    codes = np.repeat(np.arange(10), 24)
    assert not any("incomplete" in note for note in grid_of(months, values.ravel(), codes).notes)
    values[:, -1] = 10
    notes = grid_of(months, values.ravel(), codes, names="abcdefghij".__getitem__).notes
    assert any("the last month, 2016-12-01, looks incomplete in 10 series, first a" in note for note in notes)


def test_dropping_the_last_period_leaves_series_that_ended_before_alone():
    stamps = np.concatenate([times("2015-01-01", 10, "1D"), times("2015-01-01", 5, "1D")])
    grid = grid_of(stamps, series=np.repeat([0, 1], [10, 5]), drop_last=True)
    assert np.diff(grid.offsets).tolist() == [9, 5]


@given(st.lists(st.integers(0, 200), min_size=6, max_size=60, unique=True))
def test_every_value_stands_at_its_stamp(days):
    assume(max(days) - min(days) < 20 * len(days))
    stamps = np.datetime64("2015-01-01") + np.array(days)
    grid = grid_of(stamps, values=np.array(days, dtype=float), frequency="D")
    shown = grid.timeline.instants(0, 0, len(grid.values)).astype("M8[D]")
    known = ~np.isnan(grid.values)
    assert ((shown - np.datetime64("2015-01-01")).astype(float)[known] == grid.values[known]).all()
    assert int(known.sum()) == len(days)
