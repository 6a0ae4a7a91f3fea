"""Forecast: its columns in the user's own terms, frames, files that are whole or absent, pictures."""

import csv
import gzip
import importlib.util
import io
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tidegate
from tidegate.errors import ConfigError
from tidegate.forecasting.drawing import SERIES_LIMIT, VALUES_LIMIT, forecast_charts, forecast_page
from tidegate.forecasting.result import Forecast, interval_quantiles
from tidegate.forecasting.saving import replacing, save_columns
from tidegate.series.dates.frequency import Frequency
from tidegate.series.dates.timeline import StampStyle, Timeline
from tidegate.series.dates.zones import zone_name, zone_table
from tidegate.series.panel import Panel
from tidegate.series.reading import read_panel

LEVELS = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
MONTHLY = Frequency("month", 1, 1)


def forecast(lengths=(3,), horizon=2, timeline=None, ids=None, **options) -> Forecast:
    """Series i has the values 0, 1, 2, …; its quantile at step s and level q is 100 i + 10 s + q."""
    size = len(lengths)
    panel = Panel(
        values=np.concatenate([np.arange(n, dtype=float) for n in lengths]),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        timeline=timeline or Timeline.positions(size),
        ids=ids or {},
        target="sales",
        notes=("read 3 rows",),
    )
    series, steps, levels = np.meshgrid(np.arange(size), np.arange(horizon), LEVELS, indexing="ij")
    return Forecast(panel, horizon, LEVELS, 100.0 * series + 10.0 * steps + levels, **options)


def monthly(style: StampStyle, start="2020-11-01", size=1, **options) -> Timeline:
    return Timeline(MONTHLY, np.full(size, np.datetime64(start, "us")), style=style, column="Month", **options)


TEXT = StampStyle("text", "%Y-%m", "object")
STAMPS = StampStyle("datetime", "", "datetime64[ns]")


def test_columns_of_one_unnamed_series_are_step_forecast_and_intervals():
    columns = forecast().columns()
    assert list(columns) == ["step", "forecast", "lo-80", "hi-80", "lo-95", "hi-95"]
    assert columns["step"].tolist() == [3, 4]
    assert columns["forecast"].tolist() == [0.5, 10.5]
    assert columns["hi-95"].tolist() == [0.975, 10.975]


def test_columns_begin_with_the_users_ids_and_time_as_they_were_written():
    ids = {"store": np.array([7, 8]), "item": np.array(["a", "b"], object)}
    columns = forecast((3, 5), timeline=monthly(TEXT, size=2), ids=ids).columns()
    assert list(columns)[:4] == ["store", "item", "Month", "forecast"]
    assert columns["store"].tolist() == [7, 7, 8, 8] and columns["store"].dtype == np.int64
    assert columns["item"].tolist() == ["a", "a", "b", "b"]
    assert columns["Month"].tolist() == ["2021-02", "2021-03", "2021-04", "2021-05"]
    assert columns["forecast"].tolist() == [0.5, 10.5, 100.5, 110.5]


def test_time_in_several_columns_comes_back_in_several_columns():
    style = StampStyle("parts", "", "int64", parts=(("y", "year"), ("m", "month")))
    columns = forecast(timeline=monthly(style)).columns()
    assert columns["y"].tolist() == [2021, 2021] and columns["m"].tolist() == [2, 3]


def test_lo_80_equals_q10():
    columns = forecast(extra_quantiles=(0.1, 0.025)).columns()
    assert list(columns)[-2:] == ["q10", "q2.5"]
    np.testing.assert_array_equal(columns["lo-80"], columns["q10"])
    np.testing.assert_array_equal(columns["lo-95"], columns["q2.5"])


def test_levels_name_their_columns_without_needless_digits():
    levels = (50.0, 80, 95)
    assert list(forecast(levels=levels).columns())[2:4] == ["lo-50", "hi-50"]
    low, high = interval_quantiles(99.5)
    assert (low, high) == (0.0025, 0.9975)


def test_a_level_that_was_not_forecast_is_refused():
    with pytest.raises(ConfigError, match=r"quantile 0\.05 was not forecast, only 0\.025, 0\.1"):
        forecast(levels=(90,))


def test_quantiles_of_the_wrong_shape_are_refused():
    with pytest.raises(ConfigError, match=r"shape \(1, 2, 7\), expected \(1, 3, 7\)"):
        replace(forecast(), horizon=3)


def test_an_id_column_named_like_a_forecast_column_is_refused():
    with pytest.raises(ConfigError, match="'forecast', which is also a column of every forecast: rename"):
        forecast(ids={"forecast": np.array([1])}).columns()


@pytest.mark.parametrize("name", ["step", "Month"])
def test_an_id_column_named_like_the_time_column_is_refused(name):
    timeline = Timeline.positions(1) if name == "step" else monthly(TEXT)
    with pytest.raises(ConfigError, match=f"id column '{name}', which is also the column that says when: rename"):
        forecast(timeline=timeline, ids={name: np.array(["a"], object)}).columns()


def test_a_forecast_of_no_series_has_columns_without_rows_and_no_picture(tmp_path):
    for timeline in (monthly(TEXT), monthly(STAMPS), Timeline.positions(1)):
        whole = forecast(timeline=timeline, ids={"id": np.array(["a"], object)})
        empty = replace(whole, panel=whole.panel.select(np.zeros(0, np.int64)), quantiles=whole.quantiles[:0])
        expected = {name: column.dtype for name, column in whole.columns().items()}
        assert {name: column.dtype for name, column in empty.columns().items()} == expected
        assert all(len(column) == 0 for column in empty.columns().values())
        assert empty.to_text() == whole.to_text().split("\n")[0] + "\n" and json.loads(empty.to_text("json")) == []
        empty.save(tmp_path / "none.parquet")
        assert repr(empty).startswith("<Forecast of 0 series") and empty._repr_html_() is None
        with pytest.raises(ConfigError, match="the forecast is of no series"):
            empty.plot(tmp_path / "none.html")


def test_frame_comes_in_the_library_the_data_came_in():
    assert isinstance(forecast(library="numpy").frame, dict)
    for library, name in (("pandas", "DataFrame"), ("polars", "DataFrame"), ("pyarrow", "Table")):
        pytest.importorskip(library)
        frame = forecast(timeline=monthly(STAMPS), library=library, ids={"id": np.array(["é"], object)}).frame
        assert type(frame).__name__ == name and type(frame).__module__.startswith(library.removesuffix("arrow"))


def test_pandas_frame_has_typed_columns():
    pandas = pytest.importorskip("pandas")
    frame = forecast(timeline=monthly(STAMPS)).to_pandas()
    assert frame["Month"].tolist() == [pandas.Timestamp("2021-02-01"), pandas.Timestamp("2021-03-01")]
    assert str(frame["Month"].dtype) == "datetime64[ns]" and str(frame["forecast"].dtype) == "float64"


@pytest.mark.parametrize("zone", ["Europe/Berlin", "+02:00"])
def test_zoned_stamps_keep_their_instants_in_every_library(zone):
    start = np.array(["2024-03-31T00:00"], "datetime64[us]")  # an hour before the clocks of Berlin change
    style = StampStyle("datetime", "", "datetime64[us]", zoned=True)
    timeline = Timeline(Frequency("hour"), start, zone, style=style, column="at")
    result = forecast((1,), timeline=timeline)
    expected = [datetime(2024, 3, 31, 1, tzinfo=UTC), datetime(2024, 3, 31, 2, tzinfo=UTC)]
    pytest.importorskip("pandas"), pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    pandas_column = result.to_pandas()["at"]
    assert [stamp.to_pydatetime().astimezone(UTC) for stamp in pandas_column] == expected
    assert pandas_column.iloc[0].hour == 3
    assert [stamp.astimezone(UTC) for stamp in result.to_polars()["at"].to_list()] == expected
    arrow = replace(result, library="pyarrow").frame
    assert [stamp.astimezone(UTC) for stamp in arrow["at"].to_pylist()] == expected
    assert arrow.schema.field("at").type.tz == zone
    (first, second) = [row["at"] for row in csv.DictReader(io.StringIO(result.to_text()))]
    assert [datetime.fromisoformat(first), datetime.fromisoformat(second)] == expected and first.endswith("+02:00")


BERLIN = StampStyle("datetime", "", "datetime64[ns]", zoned=True)


@pytest.mark.parametrize(("zone", "offset"), [("Europe/Berlin", 2), ("+05:30", 5.5), ("UTC", 0), ("utc+05:30", 5.5)])
def test_zoned_stamps_are_the_same_instants_in_a_parquet_file_and_keep_their_zone(tmp_path, zone, offset):
    import duckdb

    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    start = np.array(["2024-04-08"], "datetime64[us]")
    timeline = Timeline(Frequency("day"), start, zone, wall=True, style=BERLIN, column='the "day"')
    path = tmp_path / "out.parquet"
    forecast((1,), timeline=timeline).save(path)
    clock = timezone(timedelta(hours=offset))
    expected = [datetime(2024, 4, 9, tzinfo=clock), datetime(2024, 4, 10, tzinfo=clock)]
    frame = pandas.read_parquet(path)
    assert [stamp.to_pydatetime() for stamp in frame[timeline.column]] == expected
    assert [stamp.hour for stamp in frame[timeline.column]] == [0, 0]
    assert polars.read_parquet(path)[timeline.column].to_list() == expected
    relation = duckdb.read_parquet(str(path))
    assert str(relation.types[0]) == "TIMESTAMP WITH TIME ZONE"
    assert relation.fetchnumpy()[timeline.column].astype("datetime64[us]").tolist() == [
        stamp.astimezone(UTC).replace(tzinfo=None) for stamp in expected
    ]
    assert read_panel(path, target="forecast").timeline.timezone == zone_name(zone)


@pytest.mark.parametrize("unit", ["D", "ms", "us", "ns"])
def test_stamps_come_back_in_the_unit_they_came_in(unit):
    polars, pyarrow = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    days = np.arange("2024-01-01", "2024-01-09", dtype="datetime64[D]").astype(f"datetime64[{unit}]")
    frame = polars.DataFrame({"ds": days, "y": np.arange(8.0)})
    (stamps,) = tidegate.forecast(frame, 2).frame.select("ds")
    whole = polars.concat([frame.select("ds"), stamps.to_frame()])  # refuses another type
    assert whole["ds"].cast(polars.Date).to_list() == [date(2024, 1, day) for day in range(1, 11)]
    table = frame.to_arrow()
    assert tidegate.forecast(table, 2).frame.schema.field("ds").type == table.schema.field("ds").type
    assert pyarrow.types.is_date32(table.schema.field("ds").type) == (unit == "D")


SPELLINGS = {
    "utc": "UTC",
    "Z": "UTC",
    "Gmt": "UTC",
    "+0200": "+02:00",
    "UTC+02:00": "+02:00",
    "utc-0330": "-03:30",
    "Europe/Berlin": "Europe/Berlin",
}


@pytest.mark.parametrize(("zone", "name"), SPELLINGS.items())
def test_every_spelling_of_a_zone_is_one_zone_wherever_it_is_shown(tmp_path, zone, name):
    pytest.importorskip("pandas"), pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    timeline = Timeline(Frequency("hour"), np.array(["2024-07-01"], "datetime64[us]"), zone, style=BERLIN, column="at")
    result = forecast((4,), timeline=timeline)
    assert zone_name(zone) == zone_name(name) == name
    same = forecast((4,), timeline=replace(timeline, timezone=name))
    assert result.to_pandas().equals(same.to_pandas())
    assert result.to_polars().equals(same.to_polars())
    assert replace(result, library="pyarrow").frame.schema == replace(same, library="pyarrow").frame.schema
    assert forecast_page(result) == forecast_page(same)
    assert result.to_text() == same.to_text()
    (chart,) = forecast_charts(result, [0])
    assert chart.timezone is None or ZoneInfo(chart.timezone).key == name
    if importlib.util.find_spec("matplotlib"):
        result.plot(tmp_path / "a.svg")


@pytest.mark.parametrize("zone", ["+24:00", "+02:60", "UTC+2", "+2:00", "Mars/Olympus"])
def test_what_is_no_zone_is_refused_by_name(zone):
    with pytest.raises(ConfigError, match=re.escape(f'unknown time zone "{zone}"')):
        zone_table(zone_name(zone), 0, 1)


def test_stamps_of_a_fixed_zone_in_memory_need_no_option():
    pandas = pytest.importorskip("pandas")
    clock = timezone(timedelta(hours=1))
    stamps = [datetime(2024, 1, 1, hour, tzinfo=clock) for hour in range(8)]
    expected = [datetime(2024, 1, 1, hour, tzinfo=clock) for hour in (8, 9)]
    frame = pandas.DataFrame({"ds": stamps, "y": np.arange(8.0)})
    assert str(frame["ds"].dtype).endswith("UTC+01:00]")
    found = tidegate.forecast(frame, 2).frame
    assert found["ds"].tolist() == expected and found["ds"].dtype == frame["ds"].dtype
    rows = [{"ds": stamp, "y": float(value)} for value, stamp in enumerate(stamps)]
    assert tidegate.forecast(rows, 2).to_text().splitlines()[1].startswith("2024-01-01 08:00:00+01:00,")


def test_csv_of_a_forecast():
    text = forecast(timeline=monthly(TEXT), levels=(80,)).to_text("csv")
    assert text == "Month,forecast,lo-80,hi-80\n2021-02,0.5,0.1,0.9\n2021-03,10.5,10.1,10.9\n"


def test_json_of_a_forecast_is_a_list_of_records():
    records = json.loads(forecast(timeline=monthly(TEXT), levels=(80,)).to_text("json"))
    assert records[1] == {"Month": "2021-03", "forecast": 10.5, "lo-80": 10.1, "hi-80": 10.9}
    with pytest.raises(ConfigError, match="'xml': expected csv or json"):
        forecast().to_text("xml")


text_cells = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)


@given(
    st.lists(st.tuples(text_cells, st.floats(), st.integers(-(2**62), 2**62)), min_size=1, max_size=20),
    text_cells.filter(bool),
)
def test_csv_and_json_return_every_text_and_the_very_bits_of_every_number(rows, name):
    texts, floats, integers = zip(*rows, strict=True)
    columns = {
        name + "%s": np.array(texts, object),
        "value": np.array(floats),
        "whole": np.array(integers, np.int64),
    }
    from tidegate.forecasting.saving import write_text

    written = {form: io.StringIO() for form in ("csv", "json")}
    for form, file in written.items():
        write_text(columns, form, file)
    head, *body = csv.reader(io.StringIO(written["csv"].getvalue(), newline=""))
    assert head == list(columns)
    assert [row[0] for row in body] == list(texts)
    back = np.array([float(row[1]) if row[1] else np.nan for row in body])
    np.testing.assert_array_equal(back, np.array(floats))
    assert [int(row[2]) for row in body] == list(integers)
    finite = [value if np.isfinite(value) else None for value in floats]
    records = json.loads(written["json"].getvalue())
    assert [list(record.values()) for record in records] == [
        list(row) for row in zip(texts, finite, integers, strict=True)
    ]


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".json", ".json.gz"])
def test_saved_text_files_hold_what_to_text_says(tmp_path, suffix):
    result, path = (
        forecast((3, 4), timeline=monthly(TEXT, size=2), ids={"id": np.array(["a", "b,c"], object)}),
        tmp_path,
    )
    path = tmp_path / f"out{suffix.upper()}"
    result.save(path)
    raw = gzip.decompress(path.read_bytes()) if suffix.endswith(".gz") else path.read_bytes()
    assert raw.decode() == result.to_text(suffix.split(".")[1])


@pytest.mark.parametrize("style", [TEXT, STAMPS, StampStyle("year", "", "int64"), StampStyle("position")])
def test_saved_parquet_keeps_types_and_values(tmp_path, style):
    import duckdb

    timeline = Timeline.positions(2, "t") if style.kind == "position" else monthly(style, size=2)
    result = forecast((3, 4), timeline=timeline, ids={"id": np.array(["a", "ü'"], object), "n": np.array([1, 2])})
    result.save(tmp_path / "it's.parquet")
    relation = duckdb.read_parquet(str(tmp_path / "it's.parquet"))
    stamp_type = {"text": "VARCHAR", "datetime": "TIMESTAMP_NS", "year": "BIGINT", "position": "BIGINT"}[style.kind]
    assert [str(kind) for kind in relation.types[:4]] == ["VARCHAR", "BIGINT", stamp_type, "DOUBLE"]
    stored = relation.fetchnumpy()
    assert list(stored) == list(result.columns())
    for name, values in result.columns().items():
        assert stored[name].tolist() == values.tolist(), name


@pytest.mark.parametrize(
    "ids", [{"Forecast": ["a"]}, {"id": ["a"], "ID": [1]}, {"LO-80": [1]}], ids=["forecast", "ids", "interval"]
)
def test_columns_that_differ_in_capitals_only_are_written_as_text_and_refused_as_parquet(tmp_path, ids):
    result = forecast(ids={name: np.array(values, object) for name, values in ids.items()})
    with pytest.raises(ConfigError, match="differ in capital letters only: rename one of them"):
        result.save(tmp_path / "out.parquet")
    result.save(tmp_path / "out.csv")
    assert os.listdir(tmp_path) == ["out.csv"]
    assert (tmp_path / "out.csv").read_text().split("\n")[0] == ",".join(result.columns())


def test_columns_whose_names_look_like_those_of_others_inside_are_written_as_they_are(tmp_path):
    import duckdb

    columns = {"c1": np.array([1, 2]), "c0": np.array([3, 4]), "É": np.array([5, 6]), "é": np.array([7, 8])}
    save_columns(columns, tmp_path / "out.parquet")
    stored = duckdb.read_parquet(str(tmp_path / "out.parquet")).fetchnumpy()
    assert {name: values.tolist() for name, values in stored.items()} == {
        name: values.tolist() for name, values in columns.items()
    }


def test_unknown_extension_missing_directory_and_directory_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"found \.xlsx, expected one of \.csv, \.json, \.parquet"):
        forecast().save(tmp_path / "out.xlsx")
    with pytest.raises(ConfigError, match=r"found no extension, expected one of \.html, \.svg, \.png"):
        forecast().plot(tmp_path / "out")
    with pytest.raises(ConfigError, match=r"there is no directory .*missing.*create it"):
        forecast().save(tmp_path / "missing" / "out.csv")
    (tmp_path / "dir.csv").mkdir()
    with pytest.raises(ConfigError, match="it is a directory"):
        forecast().save(tmp_path / "dir.csv")
    assert os.listdir(tmp_path) == ["dir.csv"]


@pytest.mark.parametrize("name", ["out.csv", "out.json.gz", "out.parquet"])
def test_a_failure_halfway_leaves_the_old_file_and_nothing_else(tmp_path, name):
    class Unwritable:
        def __str__(self) -> str:
            raise OSError(28, "No space left on device")

    path = tmp_path / name
    path.write_text("old")
    bad = np.array(["fine"] * 60_000 + [Unwritable()], object)
    with pytest.raises(Exception, match=r"No space left|Unwritable|convert|cast"):
        save_columns({"a": bad}, path)
    assert os.listdir(tmp_path) == [name] and path.read_text() == "old"


def test_an_interrupt_leaves_no_temporary_file(tmp_path):
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "a.csv") as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


def test_errors_of_the_system_name_the_users_file_and_not_the_temporary_one(tmp_path):
    with pytest.raises(FileNotFoundError) as caught, replacing(tmp_path / "gone" / "a.csv") as temporary:
        temporary.write_text("x")
    assert caught.value.filename == str(tmp_path / "gone" / "a.csv")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full, which only Linux has")
def test_a_disk_that_is_full_is_told_with_the_name_of_the_file(tmp_path):
    with pytest.raises(OSError, match="No space left") as caught, replacing(tmp_path / "a.csv") as temporary:
        temporary.symlink_to("/dev/full")
        temporary.write_text("x")
    assert caught.value.filename == str(tmp_path / "a.csv")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("stem", ["x" * 251, "ü" * 125])
def test_a_name_as_long_as_names_may_be_is_written(tmp_path, stem):
    path = tmp_path / f"{stem}.csv"
    for _ in range(2):
        forecast().save(path)
        assert path.read_text() == forecast().to_text() and list(tmp_path.iterdir()) == [path]


def test_a_link_is_followed_and_stays_a_link(tmp_path):
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    forecast().save(tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text().startswith("step,")


def test_saved_files_have_the_permissions_of_any_new_file(tmp_path):
    (tmp_path / "plain").write_text("")
    for name in ("a.csv", "a.csv.gz", "a.parquet", "a.html"):
        (forecast().plot if name.endswith("html") else forecast().save)(tmp_path / name)
        assert (tmp_path / name).stat().st_mode == (tmp_path / "plain").stat().st_mode, name


def test_page_says_what_was_found_and_draws_every_series(tmp_path):
    result = forecast((3, 5), ids={"id": np.array(["first", "second"], object)}, notes=("season 12", "read 3 rows"))
    result.plot(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "2 series · 2 steps ahead" in page and page.count("read 3 rows") == 1 and "season 12" in page
    assert '"first"' in page and '"second"' in page and 'data-count="2"' in page


def test_page_of_too_many_series_holds_the_first_and_says_so():
    size = SERIES_LIMIT + 5
    ids = {"id": np.array([f"s{i}" for i in range(size)], object)}
    page = forecast_page(forecast((2,) * size, ids=ids))
    assert "This page holds the first 2,000 of 2,005 series." in page
    assert '"s1999"' in page and '"s2000"' not in page


def test_page_of_long_histories_stays_small_and_says_what_it_left_out():
    length = VALUES_LIMIT // 2
    page = forecast_page(forecast((length,) * 3))
    assert "This page holds the last 399," in page and "of each history; the longest has 600,000." in page
    assert len(page) < 8e6


def test_charts_place_zoned_hours_by_instant_so_that_time_never_runs_back():
    start = np.array(["2024-10-26T12:00"], "datetime64[us]")
    style = StampStyle("datetime", "", "datetime64[us]", zoned=True)
    timeline = Timeline(Frequency("hour"), start, "Europe/Berlin", style=style, column="at")
    (drawn,) = forecast_charts(forecast((24,), timeline=timeline), [0])
    assert (np.diff(np.asarray(drawn.x)) == np.timedelta64(1, "h")).all()
    assert drawn.timezone == "Europe/Berlin"
    (fixed,) = forecast_charts(forecast((24,), timeline=replace(timeline, timezone="-03:30")), [0])
    assert np.asarray(fixed.x)[0] == np.datetime64("2024-10-26T08:30") and fixed.timezone is None


def test_pictures_of_one_and_many_series(tmp_path):
    pytest.importorskip("matplotlib")
    forecast((30,)).plot(tmp_path / "one.svg")
    many = forecast((30,) * 40, ids={"id": np.arange(40)})
    many.plot(tmp_path / "many.png")
    assert (tmp_path / "one.svg").read_text().startswith("<?xml")
    assert (tmp_path / "many.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(os.listdir(tmp_path)) == ["many.png", "one.svg"]


def test_notebook_shows_the_page_in_a_frame_of_its_own():
    html = forecast(ids={"id": np.array(['"><script>'], object)})._repr_html_()
    assert html.startswith("<iframe") and html.count("<") == 2  # the page is escaped inside srcdoc
    assert 'sandbox="allow-scripts"' in html


def test_repr_is_one_line_with_what_and_when():
    text = repr(forecast(timeline=monthly(TEXT)))
    assert text == ("<Forecast of 'sales', 2 steps ahead, monthly, 2021-02 to 2021-03, with 80 % and 95 % intervals>")
    assert repr(forecast((3, 4), horizon=1, levels=())) == "<Forecast of 2 series, 1 step ahead>"


def test_importing_the_result_loads_nothing_heavy():
    code = (
        "import sys, tidegate.forecasting.result as r\n"
        "heavy = {'duckdb', 'pandas', 'polars', 'pyarrow', 'matplotlib', 'onnxruntime', 'torch', 'narwhals', 'rich',"
        " 'tidegate.charts', 'tidegate.charts.page'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
