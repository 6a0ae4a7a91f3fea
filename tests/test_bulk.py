"""Files to a folder of forecasts: row for row what memory gives, in parts; stopped anywhere, it goes on."""

from __future__ import annotations

import gzip
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

import tidegate
from tidegate.bulk import buckets, database, job, source
from tidegate.errors import ConfigError, DataError
from tidegate.interfaces.bulk import bulk_forecast
from tidegate.interfaces.cli import run_command

SERIES, HORIZON = 200, 5
SOURCE = Path(tidegate.__file__).parent.parent


@pytest.fixture(autouse=True)
def small_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "BUCKET_ROWS", 2_500)
    monkeypatch.setattr(buckets, "CHUNK_ROWS", 4_000)


def rows(seed: int = 0) -> dict[str, np.ndarray]:
    """Days of 200 shops: different starts and ends, absent days, missing values, counts and walks; shop after shop."""
    rng = np.random.default_rng(seed)
    names, days, values = [], [], []
    for number, name in enumerate(rng.permutation([f"shop {index}" for index in range(SERIES)])):
        first, length = int(rng.integers(0, 5)), int(rng.integers(12, 70))
        there = np.flatnonzero(rng.random(length) > 0.05)
        value = rng.poisson(4, length) + number if number % 2 else rng.normal(size=length).cumsum()
        value = np.where(rng.random(length) < 0.03, np.nan, value)
        names += [name] * len(there)
        days.append(np.datetime64("2024-02-20") + first + there)
        values.append(value[there])
    return {
        "unique_id": np.array(names, dtype=object),
        "ds": np.concatenate(days).astype("datetime64[us]"),
        "y": np.concatenate(values),
    }


def write(
    folder: Path, columns: dict[str, np.ndarray], *, files: int = 3, order: str = "", form: str = "parquet"
) -> str:
    """The rows in several files; `order`: SQL, left out as they are. Returns: the pattern of the files."""
    folder.mkdir(exist_ok=True)
    with duckdb.connect() as connection:
        connection.register("given", columns)
        connection.execute("CREATE TABLE data AS SELECT * FROM given")
        ordered = f"SELECT * FROM data ORDER BY {order}" if order else "SELECT * FROM data"
        connection.execute(f"CREATE TABLE sorted AS {ordered}")
        size = -(-len(next(iter(columns.values()))) // files)
        for index in range(files):
            part = f"SELECT * FROM sorted WHERE rowid >= {index * size} AND rowid < {(index + 1) * size}"
            connection.execute(
                f"COPY ({part}) TO '{folder}/{index}.{form}'" + " (ROW_GROUP_SIZE 2048)" * (form != "csv")
            )
    return str(folder / f"*.{form}")


def content(*paths: Path) -> list[tuple[Any, ...]]:
    names = ", ".join(f"'{path}'" for path in paths)
    with duckdb.connect() as connection:
        return connection.execute(
            f"SELECT * FROM read_parquet([{names}], hive_partitioning=false) ORDER BY ALL"
        ).fetchall()


def in_memory(pattern: str, place: Path, **options: Any) -> list[tuple[Any, ...]]:
    tidegate.forecast(pattern, HORIZON, **options).save(place)
    return content(place)


SCATTERED = "hash(unique_id || ds), unique_id"
RECORDS = rows()
TEXT_STAMPS = RECORDS | {"ds": np.array([f"{d.day}.{d.month}.{d.year}" for d in RECORDS["ds"].tolist()], dtype=object)}
WHOLE_IDS = RECORDS | {"unique_id": np.array([int(name.split()[1]) for name in RECORDS["unique_id"]])}
YEAR_MONTH_DAY = {"unique_id": RECORDS["unique_id"], "y": RECORDS["y"]} | {
    part: np.array([getattr(day, part) for day in RECORDS["ds"].tolist()]) for part in ("year", "month", "day")
}
COUNTED = {name: RECORDS[name] for name in ("unique_id", "y")}
TWO_IDS = {
    "shop": RECORDS["unique_id"],
    "half": np.arange(len(RECORDS["y"])) % 2,
    "ds": RECORDS["ds"],
    "y": RECORDS["y"],
}
REPEATED = {name: np.concatenate([column, column[:500]]) for name, column in RECORDS.items()}

CASES: dict[str, tuple[dict[str, np.ndarray], dict[str, Any], dict[str, Any]]] = {
    "scattered": (RECORDS, {"order": SCATTERED}, {}),
    "by day": (RECORDS, {"order": "ds, unique_id"}, {"calibrate": False}),
    "grouped": (RECORDS, {}, {"levels": (50,), "quantile_levels": (0.9,)}),
    "grouped in one file": (RECORDS, {"files": 1}, {}),
    "timestamps as text": (TEXT_STAMPS, {"order": SCATTERED}, {}),
    "whole numbers as ids": (WHOLE_IDS, {"order": "hash(unique_id), ds"}, {"bounds": False}),
    "year, month and day": (YEAR_MONTH_DAY, {"order": "year, month, day, unique_id"}, {"target": "y"}),
    "no timestamps": (COUNTED, {}, {"season_length": 7}),
    "two ids": (TWO_IDS, {"order": "ds, shop"}, {"id": ("shop", "half"), "target": "y", "frequency": "D"}),
    "repeats": (REPEATED, {"order": "ds, y"}, {"duplicates": "last"}),
    "gathered": (RECORDS, {"order": SCATTERED}, {"every": "2D", "aggregate": "mean"}),
    "last day left out": (RECORDS, {"order": SCATTERED}, {"drop_last": True}),
    "CSV": (RECORDS, {"form": "csv", "order": "ds, unique_id"}, {}),
}


@pytest.mark.parametrize("case", CASES)
def test_parts_hold_row_for_row_what_memory_gives(case: str, tmp_path: Path) -> None:
    columns, way, options = CASES[case]
    pattern = write(tmp_path / "in", columns, **way)
    result = bulk_forecast(pattern, tmp_path / "out", HORIZON, **options)
    assert len(result.parts) > 1
    assert content(*result.parts) == in_memory(pattern, tmp_path / "whole.parquet", **options)
    assert {place.name for place in result.folder.iterdir()} == {"manifest.json", *(part.name for part in result.parts)}
    manifest = json.loads((result.folder / "manifest.json").read_text())
    assert (manifest["complete"], manifest["series"], manifest["rows"]) == (True, result.series, result.rows)


def zoned(folder: Path, *, compressed: bool = False) -> str:
    """Days of Berlin in files of pandas, whose zone is in its own note alone; across the clock change of March."""
    pd: Any = pytest.importorskip("pandas")
    folder.mkdir()
    frame = pd.DataFrame(RECORDS)
    frame["ds"] = frame["ds"].dt.tz_localize("Europe/Berlin")
    for index, part in enumerate(np.array_split(np.arange(len(frame)), 3)):
        place = folder / f"{index}.parquet"
        frame.iloc[part].to_parquet(place)
        if compressed and index != 1:  # these are written again
            packed = gzip.compress(place.read_bytes())
            place.unlink()
            place.with_suffix(".parquet.gz").write_bytes(packed)
    return str(folder / "*.parquet*")


@pytest.mark.parametrize("compressed", [False, True])
def test_days_of_a_zone_that_pandas_noted_are_the_days_of_that_zone(compressed: bool, tmp_path: Path) -> None:
    pattern = zoned(tmp_path / "in", compressed=compressed)
    options = {"id": "unique_id", "target": "y"}
    result = bulk_forecast(pattern, tmp_path / "out", HORIZON, **options)
    tidegate.forecast(pattern, HORIZON, **options).save(tmp_path / "whole.parquet")
    pd: Any = pytest.importorskip("pandas")
    parts = pd.concat([pd.read_parquet(part) for part in result.parts], ignore_index=True)
    pd.testing.assert_frame_equal(parts, pd.read_parquet(tmp_path / "whole.parquet"), check_exact=True)
    assert str(parts["ds"].dt.tz) == "Europe/Berlin" and set(parts["ds"].dt.hour) == {0}


def test_folders_called_like_a_column_are_none(tmp_path: Path) -> None:
    pattern = write(tmp_path / "unique_id=all", TEXT_STAMPS, order=SCATTERED)
    plain = Path(shutil.copytree(tmp_path / "unique_id=all", tmp_path / "in"))
    result = bulk_forecast(pattern, tmp_path / "y=0", HORIZON)
    assert result.series == SERIES
    assert content(*result.parts) == in_memory(str(plain / "*.parquet"), tmp_path / "whole.parquet")


@pytest.mark.parametrize("look", [100, 1_000_000])
def test_input_that_is_grouped_is_read_where_it_is(look: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pattern = write(tmp_path / "in", RECORDS)
    monkeypatch.setattr(buckets, "LOOK_ROWS", look)
    monkeypatch.setattr(job, "hashed_buckets", None)  # would be called in vain
    assert bulk_forecast(pattern, tmp_path / "out", HORIZON).series == SERIES


@pytest.mark.parametrize("columns", [RECORDS, TEXT_STAMPS], ids=["dates", "stamps as text"])
def test_one_query_reads_a_few_files_however_many_there_are(
    columns: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB plans a query over 1,000 files for half a minute."""
    pattern = write(tmp_path / "in", columns, files=70)
    for place in (tmp_path / "in").iterdir():
        place.rename(place.with_stem(f"{int(place.stem):02}"))  # series after series in the order of names
    ranges_of_a_query: list[int] = []

    def scan(files: Any, ranges: Any, fields: str) -> str:
        ranges_of_a_query.append(len(ranges))
        return database.scan(files, ranges, fields)

    monkeypatch.setattr(source, "scan", scan)
    result = bulk_forecast(pattern, tmp_path / "out", HORIZON)
    assert 0 < max(ranges_of_a_query) <= 20
    assert content(*result.parts) == in_memory(pattern, tmp_path / "whole.parquet")


def test_days_that_hold_every_series_once_are_told_by_a_look_at_three_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pattern = write(tmp_path / "in", RECORDS, order="ds, unique_id")
    looked_at: list[database.Rows] = []

    def scan(files: Any, ranges: Any, fields: str) -> str:
        looked_at.extend(ranges)
        return database.scan(files, ranges, fields)

    monkeypatch.setattr(buckets, "LOOK_ROWS", SERIES // 2)  # at the start no series shows twice
    monkeypatch.setattr(buckets, "scan", scan)
    assert bulk_forecast(pattern, tmp_path / "out", HORIZON).series == SERIES
    assert 0 < sum(rows.count for rows in looked_at) <= 3 * SERIES // 2


def test_one_series_and_a_series_per_column_are_a_single_part(tmp_path: Path) -> None:
    airline = Path(__file__).parent.parent / "examples" / "airline_passengers.csv"
    result = bulk_forecast(airline, tmp_path / "out", HORIZON)
    assert content(*result.parts) == in_memory(str(airline), tmp_path / "whole.parquet")


def test_what_is_finished_is_kept_and_what_is_damaged_is_made_again(tmp_path: Path) -> None:
    pattern = write(tmp_path / "in", RECORDS, order=SCATTERED)
    first = bulk_forecast(pattern, tmp_path / "out", HORIZON)
    before = content(*first.parts)
    times = {part: part.stat().st_mtime_ns for part in first.parts}
    damaged, lost = first.parts[1], first.parts[2]
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    lost.unlink()
    again = bulk_forecast(pattern, tmp_path / "out", HORIZON)
    assert again.kept == len(first.parts) - 2 and content(*again.parts) == before
    assert all(part.stat().st_mtime_ns == times[part] for part in again.parts if part not in (damaged, lost))
    assert bulk_forecast(pattern, tmp_path / "out", HORIZON).kept == len(first.parts)


def test_a_pattern_that_takes_in_its_own_forecasts_goes_on_too(tmp_path: Path) -> None:
    pattern = write(tmp_path / "in", RECORDS).replace("*", "**/*")
    expected = in_memory(pattern, tmp_path / "whole.parquet")
    first = bulk_forecast(pattern, tmp_path / "in" / "out", HORIZON)
    first.parts[0].unlink()
    again = bulk_forecast(pattern, tmp_path / "in" / "out", HORIZON)
    assert again.kept == len(first.parts) - 1 and content(*again.parts) == expected


def test_a_folder_of_another_job_or_of_other_things_is_refused(tmp_path: Path) -> None:
    pattern = write(tmp_path / "in", RECORDS)
    bulk_forecast(pattern, tmp_path / "out", HORIZON)
    with pytest.raises(ConfigError, match=r"holds forecasts of another job \(horizon: 5, now 6\)"):
        bulk_forecast(pattern, tmp_path / "out", 6)
    with pytest.raises(ConfigError, match=r"in holds 0\.parquet and is not a folder of forecasts"):
        bulk_forecast(pattern, tmp_path / "in", HORIZON)
    with pytest.raises(ConfigError, match=r"there is no directory .*; create it first"):
        bulk_forecast(pattern, tmp_path / "a" / "b", HORIZON)
    with pytest.raises(ConfigError, match="needs files as data"):
        bulk_forecast("-", tmp_path / "b", HORIZON)


def test_other_options_after_a_refusal_are_no_other_job(tmp_path: Path) -> None:
    pattern = write(tmp_path / "in", {"item": RECORDS["unique_id"], "ds": RECORDS["ds"], "y": RECORDS["y"]})
    with pytest.raises(DataError, match="--id item"):
        bulk_forecast(pattern, tmp_path / "out", HORIZON)
    assert bulk_forecast(pattern, tmp_path / "out", HORIZON, id="item").series == SERIES


def test_a_folder_of_a_job_that_was_killed_in_its_first_moment_is_gone_on_with(tmp_path: Path) -> None:
    pattern, out = write(tmp_path / "in", RECORDS), tmp_path / "out"
    (out / ".work").mkdir(parents=True)
    (out / ".tmp-0123456789ab.json").write_text('{"format": 1, "comp')  # the manifest, before it was renamed
    assert bulk_forecast(pattern, out, HORIZON).series == SERIES
    assert not list(out.glob(".*"))


def test_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    pattern = write(tmp_path / "in", RECORDS)
    of_numpy = {"levels": np.array([50]), "season_length": np.int64(7), "lower": np.float32(0), "threads": np.int64(1)}
    first = bulk_forecast(pattern, tmp_path / "out", np.int64(HORIZON), **of_numpy)
    again = bulk_forecast(pattern, tmp_path / "out", HORIZON, levels=50, season_length=7, lower=0)  # the same job
    assert again.kept == len(first.parts) and again.series == SERIES


@pytest.mark.parametrize("option", [{"lower": "0"}, {"season_length": "weekly"}, {"levels": 100}])
def test_an_option_that_cannot_be_is_refused_before_anything_is_read(option: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=next(iter(option)).removesuffix("s")):
        bulk_forecast(tmp_path / "none.csv", tmp_path / "out", HORIZON, **option)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("filled", [1, 3])
def test_files_without_rows_beside_others_are_left_out(form: str, filled: int, tmp_path: Path) -> None:
    pattern = write(tmp_path / "in", RECORDS, form=form, order="ds, unique_id", files=filled)
    empty = write(tmp_path / "empty", {name: column[:0] for name, column in RECORDS.items()}, form=form, files=1)
    for name in ("", "0b", "9"):  # of a shop that was closed
        shutil.copy(empty.replace("*", "0"), tmp_path / "in" / f"{name}.{form}")
    result = bulk_forecast(pattern, tmp_path / "out", HORIZON)
    assert content(*result.parts) == in_memory(pattern, tmp_path / "whole.parquet")
    with pytest.raises(DataError, match="found no rows"):
        bulk_forecast(empty, tmp_path / "none", HORIZON)


def test_a_file_whose_columns_differ_is_named_before_anything_is_done(tmp_path: Path) -> None:
    pattern = write(tmp_path / "in", RECORDS)
    write(tmp_path / "odd", RECORDS | {"price": RECORDS["y"]}, files=1)
    shutil.move(tmp_path / "odd" / "0.parquet", tmp_path / "in" / "7.parquet")
    with pytest.raises(DataError, match=r"7\.parquet and 0\.parquet differ in the columns price"):
        bulk_forecast(pattern, tmp_path / "out", HORIZON)
    write(tmp_path / "odd", WHOLE_IDS, files=1)
    shutil.move(tmp_path / "odd" / "0.parquet", tmp_path / "in" / "7.parquet")
    with pytest.raises(DataError, match=r'7\.parquet: column "unique_id" holds bigint values, in 0\.parquet varchar'):
        bulk_forecast(pattern, tmp_path / "out", HORIZON)


@pytest.mark.parametrize("order", ["", SCATTERED])
def test_a_damaged_row_group_is_named_and_what_is_finished_is_kept(order: str, tmp_path: Path) -> None:
    pattern = write(tmp_path / "in", RECORDS, order=order)
    bad = tmp_path / "in" / "1.parquet"
    with duckdb.connect() as connection:
        query = "SELECT data_page_offset, total_compressed_size FROM parquet_metadata(?) WHERE row_group_id = 1"
        offset, size = connection.execute(f"{query} AND path_in_schema = 'y'", [str(bad)]).fetchall()[0]
    whole = bad.read_bytes()
    bad.write_bytes(whole[:offset] + b"\xff" * size + whole[offset + size :])
    with pytest.raises(DataError, match=r"1\.parquet: row group 2 of 2 \(rows 2,049 to [\d,]+\) cannot be read"):
        bulk_forecast(pattern, tmp_path / "out", HORIZON)
    kept = sorted((tmp_path / "out").glob("part-*")) + sorted((tmp_path / "out" / ".work").glob("chunk-*"))
    assert kept and not [place for place in kept if place.suffix == ".tmp" and place.is_file()]
    bad.write_bytes(whole)
    again = bulk_forecast(pattern, tmp_path / "out", HORIZON)
    assert again.kept == len([place for place in kept if place.name.startswith("part")])
    assert content(*again.parts) == in_memory(pattern, tmp_path / "whole.parquet")


def test_a_value_that_cannot_be_is_refused_by_its_series(tmp_path: Path) -> None:
    values = RECORDS["y"].copy()
    values[3000] = np.inf
    pattern = write(tmp_path / "in", RECORDS | {"y": values})
    with pytest.raises(DataError, match=rf'of series "{RECORDS["unique_id"][3000]}": found an infinite value'):
        bulk_forecast(pattern, tmp_path / "out", HORIZON)
    names = RECORDS["unique_id"].copy()
    names[3000] = None
    pattern = write(tmp_path / "nameless", RECORDS | {"unique_id": names})
    with pytest.raises(DataError, match=r'id column "unique_id" is empty in 1 row'):
        bulk_forecast(pattern, tmp_path / "other", HORIZON)


def test_a_series_off_the_grid_of_the_others_is_refused_with_the_option_that_helps(tmp_path: Path) -> None:
    days = RECORDS["ds"].copy()
    days[-1] += np.timedelta64(7, "h")
    pattern = write(tmp_path / "in", RECORDS | {"ds": days})
    with pytest.raises(DataError, match=r"not on the grid D .*choose another --frequency"):
        bulk_forecast(pattern, tmp_path / "out", HORIZON)


def test_a_disk_without_room_is_found_out_before_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pattern = write(tmp_path / "in", RECORDS, order=SCATTERED)
    usage = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OSError, match=r"0\.00 GB are free, but the buckets of its rows may need 0\.20 GB: make room"):
        bulk_forecast(pattern, tmp_path / "out", HORIZON)


def test_a_folder_that_another_job_writes_to_is_refused_until_that_ends(tmp_path: Path) -> None:
    pattern, out = write(tmp_path / "in", RECORDS, order=SCATTERED), tmp_path / "out"
    process = started(pattern, out)
    wait_for_parts(process, out, 2)  # the manifest knows of the first one
    process.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(ConfigError, match="out is being written to by another forecast: wait until it ends"):
            bulk_forecast(pattern, out, HORIZON + 2)
    finally:
        process.kill()
        process.communicate(timeout=120)
    with pytest.raises(ConfigError, match="holds forecasts of another job"):  # a killed one leaves it free
        bulk_forecast(pattern, out, HORIZON + 2)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir(mode=0o555)
    with pytest.raises(PermissionError, match="no permission"):
        bulk_forecast(write(tmp_path / "in", RECORDS), tmp_path / "out", HORIZON)


SCRIPT = """
import sys, tidegate.bulk.buckets as buckets
buckets.BUCKET_ROWS = int(sys.argv.pop(1))
buckets.CHUNK_ROWS = 8 * buckets.BUCKET_ROWS
from tidegate.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def started(
    pattern: str, out: Path, *, bucket_rows: int = 500, threads: int = 1, **popen: Any
) -> subprocess.Popen[str]:
    arguments = ["forecast", pattern, "--horizon", str(HORIZON), "-o", f"{out}/", "--threads", str(threads)]
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    command = [sys.executable, "-c", SCRIPT, str(bucket_rows), *arguments]
    return subprocess.Popen(
        command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, **popen
    )


def wait_for_parts(process: subprocess.Popen[str], out: Path, count: int) -> None:
    until = time.monotonic() + 120
    while len(list(out.glob("part-*.parquet"))) < count:
        assert process.poll() is None and time.monotonic() < until, process.communicate()
        time.sleep(0.005)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_process_that_is_stopped_goes_on_where_it_was(number: signal.Signals, tmp_path: Path) -> None:
    pattern = write(tmp_path / "in", RECORDS, order=SCATTERED)
    out = tmp_path / "out"
    process = started(pattern, out)
    wait_for_parts(process, out, 3)
    process.send_signal(number)
    _, words = process.communicate(timeout=120)
    assert process.returncode == (-9 if number == signal.SIGKILL else 128 + number)
    assert "Traceback" not in words
    manifest = json.loads((out / "manifest.json").read_text())
    assert not manifest["complete"] and len(manifest["parts"]) >= 2
    whole = in_memory(pattern, tmp_path / "whole.parquet")
    known = {part["name"]: (out / part["name"]).stat().st_mtime_ns for part in manifest["parts"]}
    again = started(pattern, out)
    _, words = again.communicate(timeout=120)
    assert again.returncode == 0, words
    assert f"({len(known)} already existed)" in words
    assert all((out / name).stat().st_mtime_ns == time_then for name, time_then in known.items())
    assert content(*sorted(out.glob("part-*.parquet"))) == whole
    assert not (out / ".work").exists() and not list(out.glob(".tmp*"))


def test_twenty_thousand_series_are_forecast_by_a_process_that_is_killed_on_the_way(tmp_path: Path) -> None:
    """Days that each hold all series, as shops write them; benchmarks/million.py takes a million."""
    source, out, count = tmp_path / "in", tmp_path / "out", 20_000
    source.mkdir()
    days_of_a_file = 25
    with duckdb.connect() as connection:
        for file in range(4):
            query = f"""SELECT 'item ' || item AS unique_id, DATE '2024-01-01' + day::INTEGER AS ds,
                item % 50 + 10 + 5 * sin(0.897598 * (day + item)) + hash(item * 977 + day) % 1000 / 250 AS y
                FROM range({file * days_of_a_file}, {(file + 1) * days_of_a_file}) days(day), range({count}) items(item)
                WHERE day >= item % 41 ORDER BY day, item"""
            connection.execute(f"COPY ({query}) TO '{source}/{file}.parquet' (FORMAT parquet)")
        sample = f"SELECT * FROM '{source}/*.parquet' WHERE hash(unique_id) % 100 = 7 ORDER BY unique_id, ds"
        connection.execute(f"COPY ({sample}) TO '{tmp_path}/sample.parquet' (FORMAT parquet)")
    options = {"bucket_rows": 200_000, "threads": 2}
    process = started(f"{source}/*.parquet", out, **options)
    wait_for_parts(process, out, 2)
    process.kill()
    process.communicate(timeout=120)
    kept = len(json.loads((out / "manifest.json").read_text())["parts"])
    again = started(f"{source}/*.parquet", out, **options)
    _, words = again.communicate(timeout=120)
    assert again.returncode == 0 and f"{count:,} series, {count * HORIZON:,} rows" in words, words
    assert kept >= 1 and f"({kept} already existed)" in words
    whole = in_memory(f"{tmp_path}/sample.parquet", tmp_path / "whole.parquet")
    with duckdb.connect() as connection:
        parts = f"SELECT * FROM '{out}/part-*.parquet'"
        names = connection.execute(f"SELECT count(DISTINCT unique_id) FROM ({parts})").fetchall()
        found = connection.execute(f"{parts} WHERE hash(unique_id) % 100 = 7 ORDER BY ALL").fetchall()
    assert names == [(count,)] and len(whole) > 100 * HORIZON
    assert found == whole


def test_a_disk_that_refuses_ends_with_one_line_and_the_command_goes_on_later(tmp_path: Path) -> None:
    pattern = write(tmp_path / "in", RECORDS, order=SCATTERED)
    out = tmp_path / "out"

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, 5_000))

    process = started(pattern, out, preexec_fn=limited)
    _, words = process.communicate(timeout=120)
    assert process.returncode == 1, words
    assert "Traceback" not in words and words.count("Error: ") == 1
    again = started(pattern, out)
    _, words = again.communicate(timeout=120)
    assert again.returncode == 0, words
    assert content(*sorted(out.glob("part-*.parquet"))) == in_memory(pattern, tmp_path / "whole.parquet")


def test_the_database_keeps_within_its_bounds(tmp_path: Path) -> None:
    with database.connect(tmp_path, 1) as connection:
        names = (
            "memory_limit",
            "temp_directory",
            "autoinstall_known_extensions",
            "autoload_known_extensions",
            "threads",
        )
        found = [connection.execute(f"SELECT current_setting('{name}')").fetchall()[0][0] for name in names]
    assert found == ["667.5 MiB", str(tmp_path), False, False, 1]


@pytest.mark.parametrize("threads", [1_000, 10**30])
def test_the_database_has_no_more_threads_than_there_are_cores(threads: int, tmp_path: Path) -> None:
    with database.connect(tmp_path, threads) as connection:
        found = connection.execute("SELECT current_setting('threads')").fetchall()
    assert found == [(os.cpu_count(),)]


def test_a_picture_of_what_is_not_in_memory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--plot cannot draw a folder of forecasts"):
        run_command(["forecast", "sales.csv", "-o", f"{tmp_path}/out/", "--plot", "page.html"])


def test_the_command_tells_what_it_wrote_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pattern = write(tmp_path / "in", RECORDS)
    assert run_command(["forecast", pattern, "--horizon", "5", "-o", f"{tmp_path}/out/", "--json", "--quiet"]) == 0
    told, words = capsys.readouterr()
    document = json.loads(told)
    assert (document["series"], document["rows"]) == (SERIES, SERIES * HORIZON) and words == ""
    assert [Path(part).name for part in document["parts"]] == [f"part-{index:05}.parquet" for index in range(4)]
