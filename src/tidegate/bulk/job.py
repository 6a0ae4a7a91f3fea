"""One bulk job, from files to a folder of forecasts: what is there is kept, what is missing is made by buckets."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidegate.bulk.buckets import Bucket, grouped_buckets, hashed_buckets, read_bucket
from tidegate.bulk.database import connect
from tidegate.bulk.ledger import Ledger
from tidegate.bulk.source import Source, open_source
from tidegate.errors import DataError
from tidegate.forecasting.forecaster import forecast_panel
from tidegate.forecasting.model import ModelFile
from tidegate.series.dates.ends import series_ends
from tidegate.series.dates.grid import Common
from tidegate.series.panel import Panel
from tidegate.series.reading import Reading, read_panel

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SPILLED_BYTES = 24  # of a row on disk, at most about: id, stamp and value, compressed little
FORECAST_BYTES = 16  # of a number or stamp of a forecast on disk, with some room
SPARE_BYTES = 200_000_000  # never to be filled

Report = Callable[[str, int, int], None]  # what is done, how much of it, of how much
Horizon = Callable[[Panel], tuple[Panel, int]]  # the panel, perhaps with a note on where the number is from


@dataclass(frozen=True)
class BulkForecast:
    """What a bulk forecast wrote.

    Attributes:
        folder: where it is. parts: its Parquet files, in order.
        series, rows: in all of them. kept: how many parts an earlier command had finished.
        notes: what was found and assumed; on single series, of the first part only (each has its own in manifest.json).
    """

    folder: Path
    parts: tuple[Path, ...]
    series: int
    rows: int
    kept: int
    notes: tuple[str, ...]


def run(
    model: ModelFile,
    data: str,
    folder: Path,
    *,
    horizon: Horizon,
    reading: Reading,
    options: Mapping[str, Any],
    job: Mapping[str, Any],
    report: Report,
) -> BulkForecast:
    """Forecast every series of the files into parts in a folder; go on where an earlier command was stopped.

    Args:
        folder: that the caller has `taken`.
        horizon: the steps for the first panel that is read; all others get as many.
        options: of `forecast_panel`. job: what makes this job this one (see `Ledger`).
    Raises: DataError, ConfigError as reading and forecasting do; OSError if the disk is full or refuses.
    """
    ledger = Ledger(folder, job)
    temporary = ledger.work / "temporary"
    temporary.mkdir(exist_ok=True)
    with closing(connect(temporary, model.threads)) as connection:
        source = open_source(connection, data, reading, ledger.work)
        if source is None:
            ledger.keep({})
            panel, steps = horizon(read_panel(data, **asdict(reading)))
            ledger.add(_name(0), "", forecast_panel(model, panel, steps, **options))
            ledger.finish([_name(0)])
            return _result(ledger, 0, "one series, or one per column: read in memory")
        buckets = grouped_buckets(connection, source, ledger.work)
        how = "the rows of each series follow each other: read in place"
        if buckets is None:
            how = "the rows of each series are scattered: sorted into buckets on disk first"
            _check_room(folder, source.rows * SPILLED_BYTES - _size_of(ledger.work), "the buckets of its rows")
            buckets = hashed_buckets(
                connection, source, reading, ledger.work, lambda done, total: report("rows sorted", done, total)
            )
        names = [_name(index) for index in range(len(buckets))]
        kept = ledger.keep({name: bucket.state for name, bucket in zip(names, buckets, strict=True)})
        common, first, steps = _decide(connection, source, buckets, reading, folder, horizon)
        columns = len(source.ids) + 2 + 2 * len(options["levels"]) + len(options["quantile_levels"])
        missing = len(buckets) - kept
        _check_room(folder, first.size * missing * steps * columns * FORECAST_BYTES, "the forecasts")
        notes = first.notes
        done = sum(part.series for part in ledger.parts.values())
        empty = set()
        for index, (name, bucket) in enumerate(zip(names, buckets, strict=True)):
            if name in ledger.parts:
                continue
            read = read_bucket(connection, source, bucket, reading, common, folder)
            if read is None:
                empty.add(name)
                continue
            progress = _progress(report, done, done + read.size * (len(buckets) - index))
            forecast = forecast_panel(model, read, steps, progress=progress, **options)
            done += ledger.add(name, bucket.state, forecast).series
    ledger.finish([name for name in names if name not in empty])
    known = f'id "{",".join(source.ids)}", target "{source.target}"; {done:,} series, {source.rows:,} rows'
    return _result(ledger, kept, f"{known}; {how}", *notes)


def _decide(
    connection: DuckDBPyConnection,
    source: Source,
    buckets: list[Bucket],
    reading: Reading,
    folder: Path,
    horizon: Horizon,
) -> tuple[Common, Panel, int]:
    """What all series have in common, by those of the first bucket; that panel, and the steps to forecast.

    Series that do not fit are refused when they are read, never read in another way than those of a small input.
    """
    whole = replace(reading, drop_last=False)
    first: Panel | None = None
    common: Common | None = None
    latest: int | None = None
    for bucket in buckets:
        panel = read_bucket(connection, source, bucket, whole, common, folder)
        if panel is None:
            continue
        if first is None:
            first, common = panel, Common(panel.timeline)
        if not reading.drop_last:
            break
        ends = int(series_ends(panel.timeline, panel.lengths).max())
        latest = ends if latest is None else max(latest, ends)
    if first is None or common is None:
        raise DataError(f'all {source.rows:,} values of "{source.target}" are missing, expected numbers.')
    panel, steps = horizon(first)
    return Common(common.timeline, latest), panel, steps


def _progress(report: Report, before: int, total: int) -> Callable[[int, int], None]:
    return lambda done, _: report("series forecast", before + done, total)


def _name(index: int) -> str:
    return f"part-{index:05}.parquet"


def _size_of(folder: Path) -> int:
    return sum(place.stat().st_size for place in folder.rglob("*") if place.is_file())


def _check_room(folder: Path, needed: int, what: str) -> None:
    """Raises OSError if the disk has not so many bytes free, and some to spare."""
    free = shutil.disk_usage(folder).free
    if needed + SPARE_BYTES > free:
        raise OSError(
            errno.ENOSPC,
            f"{free / 1e9:,.2f} GB are free, but {what} may need {(needed + SPARE_BYTES) / 1e9:,.2f} GB: make room, or "
            "name a folder on another disk",
            str(folder),
        )


def _result(ledger: Ledger, kept: int, *notes: str) -> BulkForecast:
    parts = list(ledger.parts.values())
    return BulkForecast(
        ledger.folder,
        tuple(ledger.folder / part.name for part in parts),
        sum(part.series for part in parts),
        sum(part.rows for part in parts),
        kept,
        notes,
    )
