"""Opening files, frames and arrays: the same table gives the same series, however it is written."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from tidegate.errors import DataError
from tidegate.series.panel import Panel
from tidegate.series.reading import read_panel
from tidegate.series.tables.dialect import decode, find_dialect, find_encoding
from tidegate.series.tables.files import open_bytes, open_files
from tidegate.series.tables.frames import open_frame
from tidegate.series.tables.numbertext import classify
from tidegate.series.tables.typedfiles import MANY_COLUMNS

DATA = Path(__file__).parent / "data"
QUICK = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

# What any spelling of a number can hold exactly, with and without a fraction.
numbers = st.lists(st.none() | st.integers(-(10**6), 10**6).map(lambda n: n / 8), min_size=3, max_size=12).filter(
    lambda values: sum(value is not None for value in values) >= 2
)
names = st.text(st.characters(codec="cp1252", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8).map(str.strip)
names = names.filter(
    lambda name: name and name[0].isalpha() and name.lower() not in ("nan", "na", "nil", "none", "null")
)


def stamps(count: int) -> list[str]:
    return [str(day) for day in np.datetime64("2023-12-28") + np.arange(count)]


def written(rows: Sequence[Sequence[str]], delimiter: str, end: str, quote: bool) -> str:
    out = io.StringIO()
    style = csv.QUOTE_ALL if quote else csv.QUOTE_MINIMAL
    csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=style).writerows(rows)
    return out.getvalue()


def holds(panel: Panel, values: Sequence[float | None]) -> bool:
    expected = np.array([np.nan if value is None else value for value in values])
    return np.array_equal(panel.values, expected, equal_nan=True)


@given(
    values=numbers,
    name=names,
    delimiter=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]),
    quote=st.booleans(),
    missing=st.sampled_from(["", "NA", "NaN", "null", "-"]),
    final=st.booleans(),
)
@example([1.5, 2.5, None], "Umsätze €", ";", "\r", "cp1252", False, "", True)
@QUICK
def test_a_table_written_in_any_dialect_is_the_same_series(
    tmp_path, values, name, delimiter, end, encoding, quote, missing, final
):
    rows = [["ds", name]]
    rows += [[day, missing if v is None else f"{v:.3f}0"] for day, v in zip(stamps(len(values)), values, strict=True)]
    text = written(rows, delimiter, end, quote)
    path = tmp_path / "table.csv"
    content = (text if final else text.removesuffix(end)).encode(encoding)
    # Windows-1252 bytes that happen to be other, valid UTF-8 text are UTF-8 to any reader.
    assume(encoding != "cp1252" or text.isascii() or find_encoding(content, whole=True) != "utf-8")
    path.write_bytes(content)
    panel = read_panel(path, target=[name], time="ds")
    assert holds(panel, values)
    assert panel.target == name
    assert panel.timeline.stamps(0, 0, len(values)).tolist() == stamps(len(values))


@given(values=numbers, decimal=st.booleans(), thousands=st.sampled_from(["", "'", " ", "\u00a0", "."]))
@QUICK
def test_numbers_with_decimal_commas_are_the_same_numbers(tmp_path, values, decimal, thousands):
    def cell(value: float | None) -> str:
        return "" if value is None else f"{value:,.4f}".replace(",", "_").replace(".", ",").replace("_", thousands)

    rows = [["ds", "v"]] + [[day, cell(v)] for day, v in zip(stamps(len(values)), values, strict=True)]
    path = tmp_path / "table.csv"
    path.write_text(written(rows, ";", "\n", False), encoding="utf-8")
    assert holds(read_panel(path, decimal="," if decimal else None), values)


@given(values=numbers, ids=st.sampled_from([("a", "b"), ("7", "007"), ("x y", 'say "so", he'), (1, 12)]))
@QUICK
def test_pandas_polars_arrow_dict_csv_json_and_parquet_give_the_same_panel(tmp_path, values, ids):
    import pandas as pd
    import polars as pl

    days = np.array(stamps(len(values)), dtype="datetime64[D]")
    columns = {
        "unique_id": [id for id in ids for _ in values],
        "ds": np.tile(days, 2),
        "y": [v if k == 0 or v is None else v + 1 for k in (0, 1) for v in values],
    }
    polars = pl.DataFrame(columns, schema_overrides={"y": pl.Float64})
    text = polars.with_columns(pl.col("ds").cast(pl.String))
    polars.write_parquet(tmp_path / "t.parquet")
    text.write_csv(tmp_path / "t.csv", quote_style="non_numeric")
    text.write_ndjson(tmp_path / "t.jsonl")
    text.write_json(tmp_path / "t.json")
    inputs = [polars, polars.lazy(), pd.DataFrame(columns), polars.to_arrow(), polars.to_dict(as_series=False)]
    panels = [read_panel(data) for data in (*inputs, *sorted(tmp_path.glob("t.*")))]
    expected = [*values, *(None if v is None else v + 1 for v in values)]
    for panel in panels:
        assert holds(panel, expected)
        assert panel.timeline.frequency == panels[0].timeline.frequency
        assert np.array_equal(panel.timeline.starts, panels[0].timeline.starts)
        assert [str(value) for value in panel.ids["unique_id"]] == [str(id) for id in ids]


@pytest.mark.parametrize("columns", [MANY_COLUMNS - 10, MANY_COLUMNS + 10])
def test_a_parquet_file_of_many_columns_gives_the_same_series_as_the_frame(tmp_path, columns):
    import polars as pl

    days = np.array(stamps(8), dtype="datetime64[D]")
    frame = pl.DataFrame({"ds": days, **{f"c{i}": [float(i + k) for k in range(8)] for i in range(columns)}})
    path = tmp_path / "wide.parquet"
    frame.write_parquet(path)
    panel, again = read_panel(path), read_panel(frame)
    assert panel.size == columns and holds(panel, again.values)


def test_large_unsigned_ids_in_a_parquet_file_stay_apart(tmp_path):
    import polars as pl

    ids = np.repeat(np.array([2**64 - 1, 2**64 - 2], dtype=np.uint64), 3)  # the same as floats
    frame = pl.DataFrame({"id": ids, "t": [0, 1, 2] * 2, "y": range(6)})
    frame.write_parquet(tmp_path / "hashed.parquet")
    panel = read_panel(tmp_path / "hashed.parquet", id="id", time="t", target="y")
    assert panel.ids["id"].tolist() == [2**64 - 1, 2**64 - 2]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no named pipes")
def test_a_pipe_is_read_once(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("date,y\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n",))
    writer.start()
    assert read_panel(pipe).values.tolist() == [1.0, 2.0, 3.0]
    writer.join()


def test_columns_of_a_wide_parquet_file_do_not_open_it_again_and_again(tmp_path):
    import polars as pl

    path = tmp_path / "wide.parquet"
    pl.DataFrame({f"c{i}": [float(i), 0.5] for i in range(MANY_COLUMNS + 1)}).write_parquet(path)
    table = open_files([path])
    path.unlink()
    assert table.columns[-1].numbers()[0].tolist() == [MANY_COLUMNS, 0.5]


@pytest.mark.parametrize(
    ("name", "series", "steps", "options"),
    [
        ("months_crlf_no_final_newline.csv", 1, 48, {}),
        ("months_cr_line_ends.csv", 1, 48, {}),
        ("months_missing_blank_last_line.csv", 1, 48, {}),
        ("months_of_no_decade.csv", 1, 36, {}),
        ("months_quoted_names.csv", 3, 108, {}),
        ("days_quoted.csv", 1, 800, {}),
        ("days_out_of_order.csv", 1, 120, {}),
        ("weeks_newest_first_us_dates.csv", 1, 110, {}),
        ("hours_sorted_as_text.csv", 1, 480, {}),
        ("half_hours_nan.csv", 1, 480, {}),
        ("no_dates.csv", 1, 500, {}),
        ("hours_in_four_columns.csv", 1, 480, {"target": "pm"}),
        ("hours_beside_dates.csv", 1, 479, {"target": "cnt"}),
        ("sensors.csv", 2, 955, {"target": "Count", "id": "Sensor"}),
        ("hours_one_repeated.csv", 1, 200, {"duplicates": "mean"}),
        ("minutes_clock_back.csv", 1, 588, {"duplicates": "mean"}),
        ("hours_twice_by_weather.csv", 1, 480, {"target": "volume", "duplicates": "mean"}),
        ("minutes_irregular.csv", 1, 301, {"every": "10min", "aggregate": "mean"}),
        ("half_hours_clocks_go_back.csv", 1, 578, {"target": "Demand", "timezone": "Australia/Sydney"}),
        ("umlauts_cp1252.csv", 1, 24, {"time": "Monat", "date_format": "%m.%Y"}),
        (
            "car_parks.csv",
            4,
            1804,
            {"target": "Occupancy", "id": "Code", "every": "30min", "aggregate": "mean"},
        ),
    ],
)
def test_a_file_with_the_quirks_of_a_real_one_has_the_expected_steps(name, series, steps, options):
    panel = read_panel(DATA / name, **options)
    assert (panel.size, len(panel.values)) == (series, steps)
    assert np.isfinite(panel.values).any()


def test_every_file_of_the_folder_is_read_by_some_test():
    text = Path(__file__).read_text(encoding="utf-8")
    assert [path.name for path in DATA.glob("*.csv") if f'"{path.name}"' not in text] == []


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "2.5", "-3e4"], ("number", False)),
        (["1", "20150131", "0"], ("number", True)),
        (["007", "12"], ("number", False)),
        (["1,5", "1.234,5"], ("number", False)),
        (["1 234", "2'345.5"], ("number", False)),
        (["1.5", "oops", "2"], ("number", False)),  # a slip among numbers is named later, not overlooked
        (["A1", "B2", "3"], ("text", False)),
        (["1949-01", "1949-02"], ("text", False)),
        (["01.2024", "02.2024"], ("text", False)),
        (["1.2.2024", "2.2.2024"], ("text", False)),
        (["10:30", "11:30"], ("text", False)),
        (["TRUE", "false"], ("flag", False)),
        ([], ("empty", False)),
    ],
)
def test_a_column_of_text_is_classified_by_its_cells(cells, kind):
    assert classify(cells) == kind


@pytest.mark.parametrize(
    ("text", "delimiter", "names", "first_line"),
    [
        ("a,b\n1,2\n", ",", ("a", "b"), 2),
        ("a;b\n1,5;2,5\n", ";", ("a", "b"), 2),
        ("a\tb c\n1\tx, y\n", "\t", ("a", "b c"), 2),
        ('"a,b";c\n"x;y";2\n', ";", ("a,b", "c"), 2),
        ("# x\n# y\n\na|b\n1|2\n", "|", ("a", "b"), 5),
        ("y\n1,5\n2,5\n", "\x1f", ("y",), 2),
        ("Load [kW](Hourly)\n7.5\n8.5\n", "\x1f", ("Load [kW](Hourly)",), 2),
        ("2024-01-01,5\n2024-01-02,6\n", ",", ("column1", "column2"), 1),
        ("country,2019,2020\nA,1,2\n", ",", ("country", "2019", "2020"), 2),
        (",v\n0,5\n1,6\n", ",", ("unnamed1", "v"), 2),
        ("month,2024\n2024-01,5\n2024-02,6\n", ",", ("month", "2024"), 2),
        ("date;101;102\n1.2.2024;5;6\n2.2.2024;6;7\n", ";", ("date", "101", "102"), 2),
        (",0\n0,5\n1,6\n", ",", ("unnamed1", "0"), 2),
        ("A7,2024,5\n12,2025,6\n", ",", ("column1", "column2", "column3"), 1),
        ("2024-01,oops\n2024-02,6\n", ",", ("column1", "column2"), 1),
        ('"Month", "Sales"\n"2024-01", "5"\n', ",", ("Month", "Sales"), 2),
        ("Report\nof May, all shops\n\nds;y\n2024-05-01;1,5\n2024-05-02;2\n", ";", ("ds", "y"), 5),
    ],
)
def test_the_dialect_of_a_text(text, delimiter, names, first_line):
    dialect = find_dialect(text.encode(), whole=True)
    assert (dialect.delimiter, dialect.names, dialect.first_line) == (delimiter, names, first_line)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_text_comes_back_from_its_bytes_in_utf_8(text):
    assert decode(b"\xef\xbb\xbf" + text.encode())[0] == text.removeprefix("\ufeff")
    assert find_encoding(text.encode(), whole=True) in ("utf-8", "utf-8-sig")


def test_a_character_cut_at_the_end_of_the_first_bytes_is_still_utf_8():
    assert find_encoding("Umsätze €".encode()[:-1], whole=False) == "utf-8"
    assert find_encoding("Umsätze €".encode()[:-1], whole=True) == "cp1252"


@given(st.binary(max_size=400))
@example(b"a,b\n1,2\n\xff\xfe")
@example(b"\xff\xfe\x00")
@example(b'"')
@example(b"{")
@QUICK
def test_any_bytes_are_read_or_refused_in_one_line(data):
    try:
        open_bytes(data, "input")
    except DataError as error:
        assert str(error).startswith("input: ")
        assert "\n" not in str(error)


def test_columns_are_read_only_when_used():
    table = open_files([DATA / "hours_in_four_columns.csv"])
    assert table["wind"].kind == "text"
    with pytest.raises(DataError, match='column "wind", line 2: found "NW", expected a number'):
        table["wind"].numbers()
    assert table["pm"].numbers()[0].shape == (480,)


def test_what_an_object_column_holds_decides_its_type():
    import datetime
    import decimal

    def kind(values: list[object]) -> tuple[str, str]:
        column = open_frame({"v": values})["v"]
        return column.kind, column.raw().dtype.str.lstrip("<|")

    assert kind([1, 2]) == ("number", "i8")
    assert kind([1, None]) == ("number", "f8")
    assert kind([decimal.Decimal("1.5"), 2]) == ("number", "f8")
    assert kind([datetime.date(2024, 1, 1), None]) == ("stamp", "M8[D]")
    assert kind([datetime.datetime(2024, 1, 1, 5), None]) == ("stamp", "M8[us]")
    assert kind(["a", None]) == ("text", "O")
    assert kind([None, None]) == ("empty", "O")
    assert kind([10**30, 1]) == ("number", "f8")
    with pytest.raises(DataError, match="some timestamps have a time zone and some have none"):
        kind([datetime.datetime(2024, 1, 1), datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)])


def test_duckdb_never_installs_or_loads_an_extension():
    from tidegate.series.tables.duck import connect

    wanted = "('autoinstall_known_extensions', 'autoload_known_extensions')"
    query = f"SELECT value FROM duckdb_settings() WHERE name IN {wanted}"
    assert connect().execute(query).fetchall() == [("false",), ("false",)]


def test_reading_a_file_imports_no_frame_library():
    program = (
        "import sys; from tidegate.series.reading import read_panel; "
        f"read_panel({str(DATA / 'months_cr_line_ends.csv')!r}); "
        "print([m for m in ('pandas', 'pyarrow', 'polars', 'narwhals', 'torch', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
