"""Stream: forecasts that go on as rows arrive, in constant time for each; equal to a forecast of the whole history."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ConfigError, DataError, ModelError
from tidegate.forecasting.calibration import Calibration
from tidegate.forecasting.carried import CHUNK, Carried, batches
from tidegate.forecasting.forecaster import check_bounds, check_finite, cut, season_notes, several, wanted_levels, whole
from tidegate.forecasting.model import ModelFile, level_weights
from tidegate.forecasting.placing import LATE, UNKNOWN, Placed, place
from tidegate.forecasting.result import Forecast
from tidegate.series.arriving import Arrivals, Key, Layout, key_of, read_arrivals
from tidegate.series.dates.types import Stamps
from tidegate.series.panel import Panel
from tidegate.series.seasons import SLOTS, asked_lengths, season_lengths

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Seasons = int | tuple[int, ...]


class Updated(NamedTuple):
    """What became of the rows of one update: steps taken in, rows left out because they came late or are unknown."""

    rows: int
    late: int
    unknown: int
    ids: list[Key]  # of the series that the rows taken in belong to, in the stream's order


@dataclass(eq=False, repr=False)
class Stream:
    """Series that go on: `update` takes in new rows, `forecast` forecasts from where each series now ends.

    Made by `Model.stream` or `Stream.load`. Not for use by several threads at once.

    Attributes:
        horizon: steps that `forecast` forecasts unless told otherwise.
        late: "error" or "skip": what happens to a row at or before the last step of its series.
        unknown: "error", "skip" or "start": what happens to a row of a series that the stream does not hold.
    """

    file: ModelFile
    horizon: int
    layout: Layout
    carried: Carried
    ids: dict[str, NDArray[Any]]
    starts: Stamps  # (series,) as `Timeline.starts`
    lead: Integers  # (series,) steps before the first observed value
    season_length: Seasons | None = None
    late: str = "error"
    unknown: str = "error"
    library: str = "numpy"
    index: dict[Key, int] = field(init=False)

    def __post_init__(self) -> None:
        for name, value, choices in (("late", self.late, LATE), ("unknown", self.unknown, UNKNOWN)):
            if value not in choices:
                raise ConfigError(f"{name} {value!r}: expected one of {', '.join(choices)}")
        if not self.file.carries_state:
            raise ModelError(
                f"{self.file.name} has format version {self.file.metadata.get('format_version')} and cannot carry its "
                "state from row to row: python -m tidegate.network.model_file FILE writes one of version 2 or 3 anew, "
                "with the same weights; an older one has to be fitted anew"
            )
        self.file.check_horizon(self.horizon)
        if self.season_length is not None:  # plain numbers, which series that begin later and a file can hold
            lengths = asked_lengths(self.season_length)
            self.season_length = lengths[0] if np.ndim(self.season_length) == 0 else lengths
        columns = [column.tolist() for column in self.ids.values()]
        rows = zip(*columns, strict=True) if self.layout.ids else [()] * self.size
        self.index = {key_of(*parts): place for place, parts in enumerate(rows)}

    @classmethod
    def start(
        cls,
        model: ModelFile,
        panel: Panel,
        horizon: int,
        *,
        season_length: Seasons | None = None,
        late: str = "error",
        unknown: str = "error",
        library: str = "numpy",
    ) -> Stream:
        """Begin with the histories of a panel. Season lengths are found now, and stay."""
        if season_length is None:
            season_length = model.fitted_seasons(panel.timeline.frequency)
        layout = Layout(tuple(panel.ids), panel.target, replace(panel.timeline, starts=panel.timeline.starts[:0]))
        begins = panel.offsets[:-1]
        firsts = panel.first_observed
        carried = Carried.empty(model.networks, season_lengths(panel, season_length))
        # The blocks before the last but one are read by no forecast.
        length, context = panel.offsets[1:] - firsts, model.config.context_length
        carried.length[:] = context * np.maximum(length // context - 1, 0)
        carried.smallest[:] = np.fmin.reduceat(panel.values, begins)
        stream = cls(
            model,
            horizon,
            layout,
            carried,
            dict(panel.ids),
            panel.timeline.starts,
            firsts - begins,
            season_length,
            late,
            unknown,
            library,
        )
        begins, counts = firsts + carried.length, length - carried.length
        for step in range(0, int(counts.max(initial=0)), CHUNK):
            series = np.flatnonzero(counts > step)
            given = np.minimum(counts[series] - step, CHUNK)
            places = (begins[series] + step)[:, None] + np.minimum(np.arange(given.max()), given[:, None] - 1)
            stream._take_in(series, panel.values[places], given)
        return stream

    @property
    def size(self) -> int:
        """Number of series."""
        return self.carried.size

    @classmethod
    def empty(cls, model: ModelFile, layout: Layout, horizon: int, **options: Any) -> Stream:
        """A stream without any series yet; `options` are those of `start`. Rows of unknown series begin them."""
        seasons, starts = np.zeros((0, SLOTS), np.int64), layout.timeline.starts
        ids = {name: np.empty(0, object) for name in layout.ids}
        none = np.zeros(0, np.int64)
        return cls(model, horizon, layout, Carried.empty(model.networks, seasons), ids, starts, none, **options)

    def update(self, rows: object) -> Updated:
        """Take in new rows; each costs the same however long its series is. Nothing is taken in if one is refused.

        Args:
            rows: whatever `tidegate.forecast` reads, with the columns that the stream began with; or a dict of id ->
                the next value, or several; or the next value or values of a single series without a time column. Rows
                may come in any order. Steps between that have no row are missing values, and so are rows without a
                value.
        Raises: DataError for a row that is late or unknown where that is an error, for two rows of one step, for
            timestamps off the grid or more than two contexts ahead, for infinite values or what is no number, for an
            id that is none, and for one of a series that begins where it is of another type than those there are.
        """
        found = read_arrivals(rows, self.layout, self.index)
        placed = place(
            found,
            self.layout,
            self.index,
            self.starts,
            self.lead + self.carried.length,
            late=self.late,
            unknown=self.unknown,
            most=2 * self.file.config.context_length,
        )
        if len(placed.fresh):
            self._begin(found, placed, self._ids_with(found, placed.fresh))
        self._place(placed.series, placed.ahead, placed.values)
        keys = {self.index[key]: key for key in found.keys if key in self.index}
        ids = [keys[number] for number in np.unique(placed.series).tolist()]
        return Updated(len(placed.series), placed.late, placed.unknown, ids)

    def _ids_with(self, found: Arrivals, fresh: Integers) -> dict[str, NDArray[Any]]:
        """The id columns of all series, those that begin included. Raises: DataError if these do not fit in."""
        keys = [found.keys[number] for number in fresh]
        if len(set(keys)) < len(keys):
            twice = next(key for key in keys if keys.count(key) > 1)
            raise DataError(
                f'series {" · ".join(twice)!r} is new and named in two ways, such as 7 and "7": expected one. '
                "Write its id alike in all rows."
            )
        parts = zip(*keys, strict=True)
        return {
            name: _joined_ids(name, column, found.ids[name][fresh], part)
            for (name, column), part in zip(self.ids.items(), parts, strict=True)
        }

    def _begin(self, found: Arrivals, placed: Placed, ids: dict[str, NDArray[Any]]) -> None:
        """Series of which nothing was known; their season lengths are those asked for, else the calendar's shortest."""
        fresh = placed.fresh
        seasons = np.zeros((len(fresh), SLOTS), np.int64)
        frequency = self.layout.timeline.frequency
        if self.season_length is not None:
            given = self.season_length if isinstance(self.season_length, tuple) else (self.season_length,)
            lengths = sorted({length for length in given if length > 1})
            seasons[:, : len(lengths)] = lengths
        elif frequency is not None:
            seasons[:, : len(frequency.season_candidates[:1])] = frequency.season_candidates[:1]
        for number, key in enumerate(fresh, self.size):
            self.index[found.keys[key]] = number
        self.ids = ids
        further = Carried.empty(self.file.networks, seasons)
        self.carried = self.carried.joined(further) if self.size else further
        self.starts = placed.starts
        self.lead = np.concatenate([self.lead, np.zeros(len(fresh), np.int64)])

    def _place(self, series: Integers, ahead: Integers, values: Floats) -> None:
        """Rows into the series, `ahead` steps after their ends; steps without a row are missing."""
        which, row = np.unique(series, return_inverse=True)
        counts = np.zeros(len(which), np.int64)
        np.maximum.at(counts, row, ahead + 1)
        most = int(counts.max(initial=0))
        for step in range(0, most, CHUNK):
            busy = np.flatnonzero(counts > step)
            part = (ahead >= step) & (ahead < step + CHUNK)
            block = np.full((len(which), min(CHUNK, most - step)), np.nan)
            block[row[part], ahead[part] - step] = values[part]
            self._take_in(which[busy], block[busy], np.minimum(counts[busy] - step, CHUNK))

    def _take_in(self, series: Integers, values: Floats, counts: Integers) -> None:
        """Steps without a value before a series' first one are counted, and else left out."""
        waiting = self.carried.length[series] == 0
        if waiting.any():
            given = ~np.isnan(values) & (np.arange(values.shape[1]) < counts[:, None])
            empty = np.where(waiting, np.where(given.any(axis=1), given.argmax(axis=1), counts), 0)
            self.lead[series] += empty
            shifted = np.minimum(np.arange(values.shape[1]) + empty[:, None], values.shape[1] - 1)
            values, counts = np.take_along_axis(values, shifted, axis=1), counts - empty
        self.carried.take_in(self.file, series, values[:, : int(counts.max(initial=0))], counts)

    def forecast(
        self,
        horizon: int | None = None,
        *,
        ids: object = None,
        levels: float | Sequence[float] = (80, 95),
        quantile_levels: float | Sequence[float] = (),
        lower: float | None = None,
        upper: float | None = None,
        bounds: bool = True,
        calibrate: bool = True,
    ) -> Forecast:
        """What `Model.forecast` says of the whole histories, within rounding.

        Args:
            ids: the series to forecast, one or several, all if left out; several id columns: a list of tuples.
            horizon, levels, quantile_levels, lower, upper, bounds, calibrate: as in `tidegate.forecast`.
        Returns: a Forecast whose panel holds the latest values of each series only.
        Raises: ConfigError for an option; DataError for an id that the stream does not hold, or a series that has no
            value among the steps that a forecast reads.
        """
        horizon = self.horizon if horizon is None else whole(horizon, "horizon")
        self.file.check_horizon(horizon)
        intervals, quantile_levels = several(levels, "levels"), several(quantile_levels, "quantile_levels")
        wanted = wanted_levels(intervals, quantile_levels)
        check_bounds(lower, upper)
        series = self._asked(ids)
        calibration = Calibration.of(self.file) if calibrate else None
        quantiles = self._quantiles(series, horizon, calibration)
        transfer = level_weights(self.file.config.quantile_levels, wanted)
        if transfer is not None:
            quantiles = np.maximum.accumulate(quantiles @ transfer, axis=-1)
        panel, seasons = self.panel(series), self.carried.seasons[series]
        check_finite(panel, quantiles)
        notes = season_notes(panel, seasons, self._seasons_from, self.file.longest_read)
        notes += calibration.notes(len(series)) if calibration is not None else []
        quantiles, told = cut(self.carried.smallest[series], quantiles, lower, upper, bounds)
        return Forecast(
            panel=panel,
            horizon=horizon,
            quantile_levels=wanted,
            quantiles=quantiles,
            levels=intervals,
            extra_quantiles=quantile_levels,
            season_lengths=seasons,
            notes=(*notes, *told),
            library=self.library,
        )

    def can_forecast(self, key: Key) -> bool:
        """Whether a series has a value among the steps that a forecast reads."""
        return bool(self.carried.windows[0][0].start[self.index[key]] >= 0)

    @cached_property
    def _seasons_from(self) -> str | None:
        """Where the season lengths come from, as a note says it; None: of each series its own."""
        if self.season_length is None:
            return None
        fitted = self.file.fitted_seasons(self.layout.timeline.frequency)
        return "from the fit" if self.season_length == fitted else "as given"

    def _asked(self, ids: object) -> Integers:
        if ids is None:
            return np.arange(self.size)
        places = []
        for name in [ids] if isinstance(ids, str) or not isinstance(ids, Iterable) else ids:
            key = key_of(*(name if isinstance(name, tuple) else (name,)))
            if key not in self.index:
                raise DataError(f"the stream holds no series {' · '.join(key)!r}")
            places.append(self.index[key])
        return np.array(places, np.int64)

    def _quantiles(self, series: Integers, horizon: int, calibration: Calibration | None) -> Floats:
        """(series, horizon, quantiles) at the network's own levels."""
        window, carried = self.carried.windows[0][0], self.carried
        if len(lost := series[window.start[series] < 0]):
            more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
            name = self.panel(lost[:1]).name(0)
            raise DataError(
                f"series {name!r}{more} has no value among its last {2 * self.file.config.context_length} steps: "
                "nothing to forecast from"
            )
        result = np.empty((len(series), horizon, len(self.file.config.quantile_levels)))
        order = np.argsort(-carried.length[series], kind="stable")
        for rows in batches(order, carried.reach + 1):
            part = series[rows]
            length = carried.length[part] - window.start[part]
            origins = 0 if calibration is None else calibration.past_origins(int(length.max()))
            quantiles, past, context = self._read(part, horizon, origins)
            result[rows] = quantiles if calibration is None else calibration(context, quantiles, past, length)
        return result

    def _read(self, series: Integers, horizon: int, origins: int | Integers) -> tuple[Floats, Floats, Floats]:
        """Quantiles, those of past origins, and the values they were read from: means over the networks of the file,
        each of which goes on from its own state."""
        carried, several = self.carried, len(self.carried.networks) > 1
        filled, size = self.file.filled_up(series), len(series)
        found = []
        for network, (window, _) in enumerate(carried.windows):
            feeds = carried.feeds(network, window, filled, carried.length[filled], carried.reach + 1)
            feeds |= {"horizon": np.array(horizon, np.int64), "past_origins": np.array(origins, np.int64)}
            names = ["quantiles", "past_quantiles"]
            outputs = self.file.session.run([name + "_of_each" if several else name for name in names], feeds)
            found.append([(output[network] if several else output)[:size] for output in outputs])
            if network == 0:
                context = feeds["context"][:size].astype(np.float64)
        if not several:
            return found[0][0], found[0][1], context
        quantiles, past = (mean_of_known(list(parts), self.file.shares) for parts in zip(*found, strict=True))
        return quantiles, past, context

    def panel(self, series: Integers | None = None) -> Panel:
        """The latest values of some series, all if left out, as many as the stream holds."""
        series = np.arange(self.size) if series is None else series
        values, counts = self.carried.latest(series, self.carried.reach)
        frequency, timeline = self.layout.timeline.frequency, self.layout.timeline
        passed = self.lead[series] + self.carried.length[series] - counts
        starts = self.starts[series]
        starts = starts + passed if frequency is None else frequency.advance(starts, passed)
        return Panel(
            values,
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            replace(timeline, starts=starts),
            {name: column[series] for name, column in self.ids.items()},
            self.layout.target,
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all that is carried to a .npz file; written aside, then renamed.

        Raises: ConfigError for another extension or a missing directory; OSError if the disk refuses.
        """
        from tidegate.forecasting.stream_file import save_stream

        save_stream(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], model: Any = None, *, threads: int | None = None) -> Stream:
        """Go on with a saved stream.

        Args:
            model: the model it was made with: a Model or a model file; left out, the one that comes with the package.
            threads: as in `tidegate.forecast`; left out, those the model was opened with.
        Raises: FileNotFoundError; ModelError if the file is none, is damaged, or belongs to other weights.
        """
        from tidegate.forecasting.stream_file import load_stream

        opened = getattr(model, "file", model)
        if not isinstance(opened, ModelFile):
            opened = ModelFile.load(opened, threads=threads)
        elif threads is not None:
            opened = replace(opened, threads=threads)
        return load_stream(path, opened)

    def __repr__(self) -> str:
        longest = int(self.carried.length.max(initial=0))
        return f"<Stream of {self.size:,} series, up to {longest:,} steps long, {self.horizon} steps ahead>"


_KINDS = {"i": "whole numbers", "u": "whole numbers", "f": "numbers", "b": "true and false"}


def _joined_ids(name: str, column: NDArray[Any], more: NDArray[Any], keys: Sequence[str]) -> NDArray[Any]:
    """An id column and the ids of series that begin, in the type of those there are.

    Args: keys: `more` as `key_of` writes it.
    Raises: DataError if one is of another type: it would be written as an id that is not its own.
    """
    column = _numbers_as_such(column) if len(column) else _numbers_as_such(more)[:0]
    if column.dtype.kind in "OU":  # beside text a number is text too
        written = np.empty(len(keys), dtype=object)
        written[:] = keys
        return np.concatenate([column.astype(object), written])
    for value, key in zip(more.tolist(), keys, strict=True):
        try:
            with np.errstate(invalid="ignore"):
                fits = key_of(*np.array([value]).astype(column.dtype).tolist()) == (key,)
        except (ValueError, TypeError, OverflowError):
            fits = False
        if not fits:
            kind = _KINDS.get(column.dtype.kind, str(column.dtype))
            raise DataError(
                f'series {key!r} cannot begin: expected an id that the column "{name}" of {kind} '
                "holds as it is. Correct it, leave its rows out, or begin the stream with ids that are text."
            )
    return np.concatenate([column, more.astype(column.dtype)])


def _numbers_as_such(ids: NDArray[Any]) -> NDArray[Any]:
    """Ids that are objects as the numbers that they are; all else as it is."""
    if ids.dtype.kind == "O" and len(ids) and set(map(type, ids)) <= {int, float, np.int64, np.float64}:
        return np.array(ids.tolist())
    return ids


def mean_of_known(parts: list[Floats], shares: Sequence[float]) -> Floats:
    """The mean of several arrays, where one is NaN of the others: a network whose block has no value says nothing."""
    known = [~np.isnan(part) for part in parts]
    weight = np.sum([one * share for one, share in zip(known, shares, strict=True)], axis=0)
    weighted = zip(known, parts, shares, strict=True)
    total = np.sum([np.where(one, part * share, 0.0) for one, part, share in weighted], axis=0)
    return np.where(weight > 0, total / np.where(weight > 0, weight, 1.0), np.nan)
