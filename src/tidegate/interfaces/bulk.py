"""`tidegate.bulk_forecast`: from files of any size to a folder of forecasts. The command line calls it too."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tidegate import __version__
from tidegate.bulk.job import BulkForecast, run
from tidegate.bulk.ledger import taken
from tidegate.errors import ConfigError
from tidegate.forecasting.forecaster import check_bounds, several, wanted_levels, whole
from tidegate.interfaces.api import Model, load
from tidegate.interfaces.arguments import Names, Seasons, check_threads, with_horizon
from tidegate.series.panel import Panel
from tidegate.series.reading import Reading
from tidegate.series.seasons import asked_lengths


def bulk_forecast(
    data: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    horizon: int | None = None,
    *,
    id: Names | None = None,
    time: Names | None = None,
    target: Names | None = None,
    timezone: str | None = None,
    date_format: str | None = None,
    every: str | None = None,
    aggregate: str | None = None,
    duplicates: str | None = None,
    drop_last: bool = False,
    frequency: str | None = None,
    decimal: str | None = None,
    model: str | os.PathLike[str] | Model | None = None,
    levels: float | Sequence[float] = (80, 95),
    quantile_levels: float | Sequence[float] = (),
    season_length: Seasons | None = None,
    lower: float | None = None,
    upper: float | None = None,
    bounds: bool = True,
    calibrate: bool = True,
    threads: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> BulkForecast:
    """Forecast every series of files of any size, in bounded memory, into Parquet files in a folder.

    Row for row what `forecast(data, ...).save("x.parquet")` writes, in parts. Called again after it was stopped, it
    goes on: finished parts are kept, those that are damaged are made again. docs/bulk.md tells how and what it needs.

    Args:
        data: a path or pattern. Parquet files are read in ranges, others one at a time, each in memory.
        folder: a new or an empty one, or that of the same job (same data, options and model). Where files have changed
            since, what was made of them is made again.
        horizon, id, ..., calibrate: as in `forecast`.
        threads: cores to use; left out, all.
        progress: called with what is counted ("rows sorted", "series forecast"), how many, and of about how many.
    Raises: as `forecast`; ConfigError if the folder is another job's, or another is writing to it; OSError if there is
        not enough room on the disk.
    """
    check_threads(threads)
    if not isinstance(data, str | os.PathLike) or os.fspath(data) == "-":
        raise ConfigError(
            "a folder of forecasts needs files as data: pass a path or a pattern, or use forecast() for other data"
        )
    opened = model if isinstance(model, Model) else load(model, threads=threads)
    file = opened.file if threads is None else replace(opened.file, threads=threads)
    if horizon is not None:
        file.check_horizon(whole(horizon, "horizon"))
    reading = Reading(
        id=id,
        time=time,
        target=target,
        timezone=timezone,
        date_format=date_format,
        every=every,
        aggregate=aggregate,
        duplicates=duplicates,
        drop_last=drop_last,
        frequency=frequency,
        decimal=decimal,
    )
    options: dict[str, Any] = {
        "levels": several(levels, "levels"),
        "quantile_levels": several(quantile_levels, "quantile_levels"),
        "season_length": season_length,
        "lower": lower,
        "upper": upper,
        "bounds": bounds,
        "calibrate": calibrate,
    }
    wanted_levels(options["levels"], options["quantile_levels"])  # before anything is read
    check_bounds(lower, upper)
    if season_length is not None:
        asked_lengths(season_length)

    def steps(panel: Panel) -> tuple[Panel, int]:
        return with_horizon(panel, opened.horizon if horizon is None else horizon)

    with taken(Path(folder)):
        return run(
            file,
            os.fspath(data),
            Path(folder),
            horizon=steps,
            reading=reading,
            options=options,
            job=_job(os.fspath(data), file.source, horizon, {**asdict(reading), **options}),
            report=progress or (lambda what, done, total: None),
        )


def _job(data: str, source: Path | bytes, horizon: int | None, options: dict[str, Any]) -> dict[str, Any]:
    """What makes a job this one and no other, as JSON holds it."""
    import duckdb

    weights = source if isinstance(source, bytes) else source.read_bytes()
    job = {
        "data": data,
        "horizon": horizon,
        **options,
        "model": hashlib.sha256(weights).hexdigest(),
        "tidegate": __version__,
        "duckdb": duckdb.__version__,  # its hash decides which series go together
    }
    told: dict[str, Any] = json.loads(json.dumps(job, default=lambda number: number.tolist()))  # of NumPy
    return told
