"""The short way for ISO 8601 stamps reads and writes what the general way does, or leaves the column to it."""

from datetime import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.series.dates import datetext, stamps
from tidegate.series.dates.iso import read_iso, write_iso

LAYOUTS = ["%Y-%m", "%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"]
MOMENTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 30))


def objects(texts):
    column = np.empty(len(texts), dtype=object)
    column[:] = texts
    return column


def written(layout, moments):
    """By Python's own strftime, which writes years before 1000 without zeros."""
    return [moment.strftime(layout).zfill(len(moment.strftime(layout.replace("%Y", "2000")))) for moment in moments]


@given(st.sampled_from(LAYOUTS), st.lists(MOMENTS, min_size=1, max_size=20))
def test_text_is_read_as_python_reads_it(layout, moments):
    texts = written(layout, moments)
    found = read_iso(objects(texts))
    assert found is not None
    expected = [np.datetime64(datetime.strptime(text, layout), "us") for text in texts]
    assert found[0] == layout
    assert found[1].astype("M8[us]").tolist() == np.array(expected).tolist()


@given(st.sampled_from(LAYOUTS), st.lists(MOMENTS, min_size=1, max_size=20))
def test_the_general_way_reads_the_same(layout, moments):
    texts = written(layout, moments)
    wall, offset, found, notes = stamps._read_any(np.array(texts), "ds")
    quick = read_iso(objects(texts))
    assert quick is not None
    assert (quick[0], quick[1].tolist()) == (found, wall.tolist())
    assert (offset, notes) == (None, [])


@given(st.sampled_from(LAYOUTS), st.lists(MOMENTS, min_size=1, max_size=20))
def test_the_general_way_writes_the_same(layout, moments):
    wall = np.array(moments, dtype="M8[us]").astype(np.int64)
    quick = write_iso(layout, wall)
    assert quick is not None
    slow = layout.replace("%Y", "%Y%%")  # a form that only the general way knows
    assert quick.tolist() == [text.replace("%", "") for text in datetext.format_stamps(slow, wall, 0 * wall)]


@pytest.mark.parametrize(
    "texts",
    [
        [],
        [None, "2024-01-01"],
        ["2024-01-01", None],
        ["2024-01-01", float("nan")],
        ["2024-01-01", ""],
        ["2024-01-01 ", "2024-01-02 "],
        ["2024-01-01", "2024-01-02 10:00"],
        ["2024-01-01 10:00", "2024-01-01T11:00"],
        ["2024-1-01", "2024-1-02"],
        ["2024/01/01", "2024/01/02"],
        ["01-01-2024", "02-01-2024"],
        ["2024-02-30", "2024-03-01"],
        ["0000-01-01", "0000-01-02"],
        ["2024-01-01 24:00", "2024-01-02 00:00"],
        ["2024-01-01t10:00", "2024-01-01t11:00"],
        ["2024-01-01T10:00Z", "2024-01-01T11:00Z"],
        ["\uff12\uff10\uff12\uff14-01-01", "\uff12\uff10\uff12\uff14-01-02"],
        ["2024-01-01\0", "2024-01-02\0"],
    ],
)
def test_what_is_unusual_is_left_to_the_general_way(texts):
    assert read_iso(objects(texts)) is None


def test_midnight_at_the_end_of_a_day_is_still_read():
    parsed = stamps.parse_stamps(objects(["2024-01-01 23:00", "2024-01-01 24:00"]), name="ds")
    assert parsed.instants.astype("M8[m]").astype(str).tolist() == ["2024-01-01T23:00", "2024-01-02T00:00"]


def test_a_given_format_is_followed_though_the_text_looks_like_iso():
    parsed = stamps.parse_stamps(objects(["2024-01-02", "2024-02-02"]), name="ds", date_format="%Y-%d-%m")
    assert parsed.instants.astype("M8[D]").astype(str).tolist() == ["2024-02-01", "2024-02-02"]


def test_years_that_have_not_four_digits_are_written_by_the_general_way():
    late = np.array(["10000-01-01"], dtype="M8[us]").astype(np.int64)
    assert write_iso("%Y-%m-%d", late) is None
    assert datetext.format_stamps("%Y-%m-%d", late, 0 * late).tolist() == ["10000-01-01"]


def test_only_iso_layouts_are_written():
    assert write_iso("%d.%m.%Y", np.zeros(1, np.int64)) is None
    assert write_iso("%Y-%m-%d", np.zeros(0, np.int64)) is None
