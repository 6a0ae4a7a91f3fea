"""Which columns are id, time and target: names, the search for an id, numbering ids. The rules: test_reading."""

from __future__ import annotations

import shlex
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.errors import ConfigError, DataError, TidegateError
from tidegate.forecasting.saving import save_columns
from tidegate.series.reading import read_panel
from tidegate.series.tables.files import open_files
from tidegate.series.tables.frames import open_frame
from tidegate.series.tables.ids import factorize, numbered, suggest_ids
from tidegate.series.tables.roles import (
    Roles,
    find_roles,
    find_times,
    looks_like_id_or_part,
    named_columns,
    option,
    plain_name,
)

DAYS = np.datetime64("2024-01-01") + np.arange(30)


@pytest.mark.parametrize(
    "name",
    ["day_of_week", "dayofyear", "week of year", "holiday", "workingday", "is_weekend", "season", "store", "item"],
)
def test_more_names_of_calendar_parts_and_splits(name):
    assert looks_like_id_or_part(name)


@pytest.mark.parametrize(
    "name",
    [
        "id",
        "Store ID",
        "unique_id",
        "index",
        "No",
        "instant",
        "Unnamed: 0",
        "year",
        "Month",
        "hour",
        "hr",
        "weekday",
        "yr",
    ],
)
def test_names_of_ids_counters_and_calendar_parts(name):
    assert looks_like_id_or_part(name)


@pytest.mark.parametrize(
    "name",
    ["sales", "price", "north", "Temperature", "daytime_load", "hourly", "y", "paid", "humidity", "solid", "yearly"],
)
def test_names_that_are_series(name):
    assert not looks_like_id_or_part(name)


def test_names_are_compared_without_case_blanks_and_dashes():
    assert plain_name(" Series-ID ") == plain_name("series_id") == "series_id"


def test_columns_are_named_singly_joined_by_commas_or_as_a_sequence():
    table = open_frame({"a": [1], "b": [1], "c,d": [1]})
    assert named_columns(table, "id", "a") == ("a",)
    assert named_columns(table, "id", "a,b") == ("a", "b")
    assert named_columns(table, "id", "a, B") == ("a", "b")
    assert named_columns(table, "id", ("b", "c,d")) == ("b", "c,d")
    assert named_columns(table, "id", "c,d") == ("c,d",)
    assert named_columns(table, "id", None) == ()
    with pytest.raises(ConfigError, match='no column "e" for --id'):
        named_columns(table, "id", "a,e")


def test_two_columns_that_differ_only_in_case_are_told_apart_by_case():
    table = open_frame({"Y": [1], "y": [1]})
    assert named_columns(table, "target", "Y") == ("Y",)


@pytest.mark.parametrize(
    "word", ["Sales", "pm2.5", "year,month", "a b", 'say "so"', "Umsätze €", "-5", "$HOME", "x*", "it's"]
)
def test_an_option_of_an_error_can_be_pasted_into_a_shell(word):
    assert shlex.split(option(word)) == [word]


def test_a_named_target_needs_no_rules():
    table = open_frame({"ds": DAYS, "id": np.arange(30), "a": np.arange(30.0), "b": np.arange(30.0)})
    times = find_times(table, None)
    assert find_roles(table, times, table["ds"].raw(), target="a") == Roles((), ("ds",), ("a",))
    with pytest.raises(DataError, match='2 columns could be the target: "a", "b"'):
        find_roles(table, times, table["ds"].raw())


TWICE = np.repeat(DAYS, 2)
QUARTERS = {"Year": [2024] * 4, "Quarter": [1, 2, 3, 4], "y": np.ones(4)}
SUGGESTING = {  # a table, the time column that was named, what is suggested
    "two date columns": ({"sent": DAYS, "paid": DAYS, "a": np.arange(30.0)}, None, {"time": "sent"}),
    "several numbers": (
        {"ds": DAYS, "id": np.arange(30), "a": np.ones(30), "b c": np.ones(30)},
        None,
        {"target": "b c"},
    ),
    "several numbers, and rows of two shops": (
        {"ds": TWICE, "the shop": ["n", "s"] * 30, "a": np.ones(60), "b$": np.ones(60)},
        None,
        {"target": "b$", "id": "the shop"},
    ),
    "rows of two shops": (
        {"ds": TWICE, "shop": ["n", "s"] * 30, "y": np.ones(60)},
        None,
        {"target": "y", "id": "shop"},
    ),
    "an hour of its own": (
        {"ds": TWICE, "hour": [0, 12] * 30, "y": np.ones(60)},
        "ds",
        {"target": "y", "time": "ds,hour"},
    ),
    "a quarter of its own": (QUARTERS, "Year", {"target": "y", "time": "Year,Quarter"}),
    "minutes without an hour": (
        {"Year": [2024] * 3, "Month": [1, 2, 3], "Day": [1, 2, 3], "Minute": [7] * 3, "y": np.ones(3)},
        None,
        {"time": "Year,Month,Day"},
    ),
    "a week within a month": (
        {"Year": [2024] * 3, "Month": [1, 1, 1], "Week": [1, 2, 3], "y": np.ones(3)},
        "Year,Month,Week",
        {"time": "Year,Week"},
    ),
}


@pytest.mark.parametrize("name", SUGGESTING)
def test_what_a_message_suggests_is_in_its_error_by_option_and_may_be_pasted(name):
    columns, time, suggested = SUGGESTING[name]
    with pytest.raises(TidegateError) as error:
        read_panel(columns, time=time)
    assert error.value.suggested == suggested
    pasted = shlex.split(str(error.value).rpartition(": ")[2])
    assert "".join(pasted).lower() == "".join(f"--{option}{value}" for option, value in suggested.items()).lower()


def ways_of(columns: dict[str, object], **options: str) -> tuple[dict[str, str], ...]:
    with pytest.raises(TidegateError) as error:
        read_panel(columns, **options)
    for way in error.value.ways:
        read_panel(columns, **options | way)
    return error.value.ways


def test_every_column_that_could_be_meant_is_offered_up_to_six():
    many = {"ds": DAYS, "text": ["x"] * 30} | {f"c{number}": np.ones(30) for number in range(9)}
    assert [way["target"] for way in ways_of(many)] == ["c8", "c0", "c1", "c2", "c3", "c4"]
    assert ways_of({"sent": DAYS, "paid": DAYS, "a": np.arange(30.0)}) == ({"time": "sent"}, {"time": "paid"})
    two_shops = {"ds": TWICE, "shop": ["n", "s"] * 30, "a": np.ones(60), "b": np.ones(60)}
    assert ways_of(two_shops) == ({"target": "b", "id": "shop"}, {"target": "a", "id": "shop"})


HOURS = np.datetime64("2024-10-26T00:00", "h") + np.arange(60)
IN_MINUTES = np.datetime64("2015-07-10T14:20", "m") + np.array([4, 18, 28, 38, 52, 62, 72, 82])


@pytest.mark.parametrize(
    ("stamps", "ways"),
    [
        (np.insert(DAYS, 5, DAYS[5]), [{"duplicates": way} for way in ("mean", "sum", "last")]),
        (
            np.insert(HOURS, 26, HOURS[26]),
            [{"timezone": "Europe/Berlin"}, {"duplicates": "mean"}],
        ),
        (
            IN_MINUTES,
            [{"every": "10min", "aggregate": way} for way in ("mean", "sum", "last")] + [{"frequency": "2min"}],
        ),
        (
            np.array(["01/02/2024", "03/04/2024"]),
            [{"date_format": "%m/%d/%Y"}, {"date_format": "%d/%m/%Y"}],
        ),
        (1_700_000_000 + 3600 * np.arange(5), [{"date_format": "unix"}]),
        (np.array([202401, 202402, 202403]), [{"date_format": "%Y%m"}]),
    ],
)
def test_what_messages_of_dates_suggest_reads_the_table(stamps, ways):
    stamps = stamps.astype(object) if stamps.dtype.kind == "U" else stamps
    assert list(ways_of({"date": stamps, "y": np.arange(float(len(stamps)))})) == ways


@pytest.mark.parametrize(
    "columns",
    [
        {"tag": ["01.2024", "02.2024", "04.2024"], "y": np.ones(3)},  # the format is missing, too
        {"Year": [2024] * 3, "Day": [1, 2, 3], "y": np.ones(3)},  # the options are an example for other columns
        {"name": ["a", "b", "c"]},
    ],
)
def test_a_message_that_ends_with_no_options_of_this_table_suggests_none(columns):
    with pytest.raises(DataError) as error:
        read_panel(columns)
    assert error.value.suggested == {}


def test_y_is_the_target_beside_ds_even_if_there_is_a_value_column():
    table = open_frame({"ds": DAYS, "value": np.arange(30.0), "y": np.arange(30.0)})
    assert find_roles(table, ("ds",), DAYS).targets == ("y",)


def panel_rows(series: int, days: int) -> tuple[np.ndarray, np.ndarray]:
    return np.tile(DAYS[:days], series), np.repeat(np.arange(series), days)


@given(series=st.integers(2, 8), days=st.integers(4, 30), noise=st.integers(0, 5))
def test_a_column_that_names_the_series_is_suggested(series, days, noise):
    stamps, codes = panel_rows(series, days)
    kinds = np.array([f"kind {(code + step) * (noise + 1) % 3}" for step, code in enumerate(codes)], dtype=object)
    names = np.array([f"shop {code}" for code in codes], dtype=object)
    table = open_frame({"kind": kinds, "shop": names})
    assert suggest_ids(table.columns[1:], len(codes), stamps) == ("shop",)


@given(seed=st.integers(0, 2**32 - 1))
def test_a_column_that_changes_from_moment_to_moment_is_not(seed):
    random = np.random.default_rng(seed)
    stamps = np.sort(np.concatenate([np.arange(500), random.choice(500, 60, replace=False)]))
    weather = random.integers(0, 8, len(stamps))
    weather[1:][stamps[1:] == stamps[:-1]] += 8  # rows of one stamp always differ in it
    table = open_frame({"weather": np.array([f"w{value}" for value in weather], dtype=object)})
    assert suggest_ids(table.columns, len(stamps), stamps) == ()


def test_a_few_doubled_rows_do_not_hide_the_id():
    stamps, codes = panel_rows(5, 30)
    stamps, codes = np.append(stamps, stamps[:2]), np.append(codes, codes[:2])
    assert suggest_ids(open_frame({"park": codes}).columns, len(codes), stamps) == ("park",)


@given(st.lists(st.none() | st.sampled_from(["b", "a", "", "c"])))
def test_ids_are_numbered_in_order_of_first_appearance(values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    codes, count = factorize(array)
    known = list(dict.fromkeys(value for value in values if value is not None))
    assert count == len(known)
    assert codes.tolist() == [-1 if value is None else known.index(value) for value in values]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=st.lists(st.tuples(st.sampled_from(["b", "a", " c ", "", None, "2"]), st.integers(1, 60)), min_size=1))
def test_ids_in_a_file_are_numbered_alike_by_their_runs_and_one_by_one(tmp_path, runs):
    values = [value for value, count in runs for _ in range(count)]
    save_columns({"id": np.array([*values, None], dtype=object)}, tmp_path / "ids.parquet")
    table = open_files([tmp_path / "ids.parquet"])
    column = table["id"]
    if column.kind == "empty":
        return
    codes, known = numbered(column, table.rows)
    expected = [None if value is None or not value.strip() else value.strip() for value in [*values, None]]
    assert [None if code < 0 else known[code] for code in codes] == expected
    assert known.tolist() == list(dict.fromkeys(value for value in expected if value is not None))
    slow, same = numbered(replace(column, runs=None), table.rows)
    assert slow.tolist() == codes.tolist() and same.tolist() == known.tolist()


@given(st.lists(st.sampled_from([3.0, 1.0, float("nan"), 2.5]), max_size=12))
def test_numbers_are_numbered_alike(values):
    codes, count = factorize(np.array(values, dtype=float))
    known = list(dict.fromkeys(value for value in values if value == value))
    assert (count, codes.tolist()) == (len(known), [-1 if v != v else known.index(v) for v in values])
    whole = np.array([value for value in values if value == value and value != 2.5], dtype=np.int64)
    unique = list(dict.fromkeys(whole.tolist()))
    assert factorize(whole)[0].tolist() == [unique.index(value) for value in whole.tolist()]
