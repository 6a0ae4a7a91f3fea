"""A model file and its forecasts of a Panel: NumPy and ONNX Runtime, no torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ConfigError, DataError, ModelError
from tidegate.forecasting.config import METADATA_KEY, SIZES, STREAMING_VERSIONS, ModelConfig
from tidegate.forecasting.facts import read_facts
from tidegate.forecasting.saving import replacing
from tidegate.series.dates.frequency import Frequency
from tidegate.series.panel import Panel, first_true, stack

if TYPE_CHECKING:
    import onnxruntime

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Progress = Callable[[int, int], None]  # series done, series in all

SHIPPED = "default"  # the name of the weights inside the package
# Steps, known and forecast, in one batch: about 70 series of 512 steps. A core keeps such a batch near it; one four
# times as large is forecast 10 % slower, one of a few series by a third.
BATCH_STEPS = 40_000
# ONNX Runtime takes the logarithms of four numbers at once, those left over at the end of a tensor one by one, and the
# two ways differ in the last bit. Batches are filled up to a multiple of this, so that no series is ever left over.
ROWS_AT_ONCE = 4


class Session(Protocol):
    """What runs the graph of a model file: ONNX Runtime's session, or one that stands in for it.

    One that fills up its runs itself (see ROWS_AT_ONCE) has an attribute `rows_at_once` of 1.
    """

    def run(self, outputs: Sequence[str], feeds: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """The named outputs."""

    def get_outputs(self) -> Sequence[Any]:
        """Their descriptions."""


class Adjustment(Protocol):
    """Changes quantiles by what the same pass would have forecast earlier."""

    def past_origins(self, steps: int) -> Integers:
        """From how many past origins to forecast where the longest history of a batch has so many steps."""

    def __call__(self, context: Floats, quantiles: Floats, past: Floats) -> Floats:
        """(batch, horizon, quantiles) new quantiles at the network's own levels; a row depends on its own row alone.

        Args:
            context: (batch, time) right-aligned, NaN in front.
            quantiles: (batch, horizon, quantiles) of the network.
            past: (batch, past_origins, config.horizon, quantiles), the latest origin first, NaN where there is none.
        """


@dataclass(frozen=True)
class ModelFile:
    """One model file, opened. `ModelFile.load()` opens the weights that come with the package.

    `dataclasses.replace` gives the same file with other threads, or run by another session, and opens nothing.

    Attributes:
        source: the file, or its bytes for a network that was just trained.
        metadata: format_version, config, provenance, as the file has them.
        session: runs the graph, one batch on one core, whatever `threads` says.
        threads: batches that are forecast at the same time, one core each; None: as many as there are cores.
    """

    source: Path | bytes
    metadata: Mapping[str, Any]
    session: Session = field(repr=False, compare=False)
    threads: int | None = None

    @classmethod
    def load(cls, path: str | Path | None = None, *, threads: int | None = None) -> ModelFile:
        """Open a model file; None or "default" is the shipped one, "large" a larger one if it is there.

        Raises: FileNotFoundError, ModelError if the file is damaged, not a tidegate model, or of a newer format.
        """
        return cls.open(model_path(SHIPPED if path is None else str(path)), threads=threads)

    @classmethod
    def open(cls, source: Path | bytes, *, threads: int | None = None) -> ModelFile:
        """Open a model file or its bytes, and check that it is one. Raises ModelError."""
        session = open_session(source)
        ends = (*session.get_inputs(), *session.get_overridable_initializers(), *session.get_outputs())
        told = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        facts = read_facts(told, {end.name: end.shape for end in ends}, name_of(source))
        return cls(source, facts, session, threads)

    def fitted_seasons(self, frequency: Frequency | None) -> tuple[int, ...] | None:
        """The season lengths that the network was fitted with for all series; None for data of another frequency."""
        origin = self.metadata.get("provenance", {})
        if (found := origin.get("season_length")) is None:
            return None
        if "frequency" in origin:  # older files do not tell
            word = origin["frequency"]
            fitted = None if word is None else Frequency.parse(word)
            if (fitted and (fitted.unit, fitted.multiple)) != (frequency and (frequency.unit, frequency.multiple)):
                return None
        return tuple(found)

    @property
    def name(self) -> str:
        """How messages call it."""
        return name_of(self.source)

    @cached_property
    def config(self) -> ModelConfig:
        return ModelConfig.from_dict(self.metadata["config"])

    @cached_property
    def networks(self) -> tuple[ModelConfig, ...]:
        """Of every network in the file, whose quantiles are averaged; `config` is the first one's."""
        return tuple(map(ModelConfig.from_dict, self.metadata.get("members", [self.metadata["config"]])))

    @property
    def shares(self) -> tuple[float, ...]:
        """Of each network in that average."""
        return tuple(self.metadata.get("shares", [1.0] * len(self.networks)))

    @property
    def horizon_limit(self) -> int:
        """The farthest step that can be forecast."""
        return self.config.horizon_limit

    @property
    def longest_read(self) -> int:
        """Steps that the network reads of a series at most, see `_starts`."""
        return 2 * self.config.context_length - 1

    def save(self, path: str | Path) -> None:
        """Write the model file; aside first, then renamed."""
        if Path(path).suffix.lower() != ".onnx":
            raise ConfigError(f"{path}: a model file ends in .onnx")
        with replacing(path) as aside:
            aside.write_bytes(self.source if isinstance(self.source, bytes) else self.source.read_bytes())

    def predict(
        self,
        panel: Panel,
        horizon: int,
        quantile_levels: tuple[float, ...],
        season_lengths: Integers,
        *,
        adjust: Adjustment | None = None,
        progress: Progress | None = None,
    ) -> Floats:
        """Quantiles of the next steps of every series, exactly as the graph gives them unless `adjust` changes them.

        Args:
            horizon: 1 to `horizon_limit`.
            quantile_levels: increasing, between 0 and 1; levels the network does not have are interpolated.
            season_lengths: (series, 3), 0 for none.
            adjust: what changes the quantiles of each batch; the model file must look back.
        Returns: (series, horizon, quantiles) float64 in the units of the series.
        Raises: ConfigError for the horizon, DataError for a series without any value to start from.
        """
        self.check_horizon(horizon)
        starts = self._starts(panel)
        transfer = level_weights(self.config.quantile_levels, quantile_levels)
        result = np.empty((panel.size, horizon, len(quantile_levels)))
        session, slots = self.session, max(config.season_slots for config in self.networks)

        def forecast(batch: Integers) -> int:
            size = len(batch)
            filled = self.filled_up(batch)
            context = stack(panel.values, starts[filled], panel.offsets[filled + 1])
            feeds: dict[str, Any] = {"context": context, "horizon": np.array(horizon, np.int64)}
            if slots:
                feeds["season_lengths"] = season_lengths[filled, :slots]
            if adjust is None:
                quantiles = session.run(["quantiles"], feeds)[0][:size]
            else:
                feeds["past_origins"] = np.array(adjust.past_origins(context.shape[1]), np.int64)
                quantiles, past = session.run(["quantiles", "past_quantiles"], feeds)
                quantiles = adjust(context[:size], quantiles[:size], past[:size])
            result[batch] = np.maximum.accumulate(quantiles @ transfer, axis=-1) if transfer is not None else quantiles
            return size

        done = 0
        for count in self._side_by_side(forecast, list(batches(panel.offsets[1:] - starts, horizon))):
            done += count
            if progress is not None:
                progress(done, panel.size)
        return result

    def filled_up(self, rows: Integers) -> Integers:
        """The rows of a run, from the first one on again until the session computes all alike (see ROWS_AT_ONCE)."""
        size = len(rows)
        return np.resize(rows, size + -size % getattr(self.session, "rows_at_once", ROWS_AT_ONCE))

    def _side_by_side(self, work: Callable[[Integers], int], parts: list[Integers]) -> Iterable[int]:
        """The result of each part, in their order; `threads` of them at a time."""
        workers = min(self.threads or os.cpu_count() or 1, len(parts))
        if workers == 1:
            yield from map(work, parts)
            return
        from concurrent.futures import ThreadPoolExecutor

        pool = ThreadPoolExecutor(workers)
        try:
            yield from pool.map(work, parts)
        finally:  # after an error or a signal: what has begun ends, what has not never does
            pool.shutdown(cancel_futures=True)

    @property
    def looks_back(self) -> bool:
        """Whether the file can forecast past origins in the same pass; those of an earlier tidegate cannot."""
        return any(output.name == "past_quantiles" for output in self.session.get_outputs())

    @property
    def carries_state(self) -> bool:
        """Whether the graph can go on from where it was; that of an earlier tidegate cannot."""
        return self.metadata["format_version"] in STREAMING_VERSIONS

    def check_horizon(self, horizon: int) -> None:
        """Raises ConfigError unless 1 <= horizon <= horizon_limit."""
        if not 1 <= horizon <= self.horizon_limit:
            raise ConfigError(f"horizon {horizon}: expected a whole number from 1 to {self.horizon_limit}")

    def _starts(self, panel: Panel) -> Integers:
        """(series,) where the network starts to read: the graph's own rule, applied before values are copied."""
        observed = ~np.isnan(panel.values)
        firsts = first_true(observed, panel.offsets)
        lengths = panel.offsets[1:] - firsts
        context = self.config.context_length
        starts = firsts + context * np.maximum(lengths // context - 1, 0)
        readable = np.add.reduceat(np.append(observed, False), np.stack([starts, panel.offsets[1:]], 1).ravel())[::2]
        if len(bad := np.flatnonzero((readable == 0) | (lengths == 0))):
            name = panel.name(int(bad[0]))
            more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
            raise DataError(
                f"series {name!r}{more} has no value among its last {2 * context} steps: nothing to forecast from. "
                "Leave such series out, or cut off their missing end"
            )
        return starts


def name_of(source: Path | bytes) -> str:
    """How messages call a model file."""
    return "the model" if isinstance(source, bytes) else str(source)


def open_session(source: Path | bytes) -> onnxruntime.InferenceSession:
    """ONNX Runtime's session of a model file. Raises ModelError if there is none in it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # One core for each batch and several batches at once: a third faster than all cores on one batch, whose many
    # small steps leave them waiting for each other, and no number can depend on how work was shared out.
    options.intra_op_num_threads = 1
    options.enable_mem_pattern = False  # every batch has its own shape
    # Further optimisation costs as long as a small forecast takes, and large ones are no quicker for it.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    try:
        place = source if isinstance(source, bytes) else str(source)
        return onnxruntime.InferenceSession(place, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        if type(error).__module__ != "onnxruntime.capi.onnxruntime_pybind11_state":  # its errors share no base
            raise
        raise ModelError(f"{name_of(source)} is damaged, cut off, or not an ONNX model file") from error


def batches(lengths: Integers, horizon: int) -> Iterator[Integers]:
    """Series of like length together, about BATCH_STEPS steps each, the longest first."""
    order = np.argsort(-lengths, kind="stable")
    begin = 0
    while begin < len(order):
        size = BATCH_STEPS // (max(64, int(lengths[order[begin]])) + horizon)
        size = max(ROWS_AT_ONCE, size - size % ROWS_AT_ONCE)
        yield order[begin : begin + size]
        begin += size


def model_path(given: str) -> Path:
    """Where a model file lies, by its path or the name of one that comes with the package. Raises FileNotFoundError."""
    path = shipped_path(given) if given in SIZES else Path(given)
    if not path.is_file():
        one = f"tidegate fit makes one, and the shipped model is called {SHIPPED}"
        hint = f"tidegate pretrain --size {given} makes it" if given in SIZES else one
        raise FileNotFoundError(f"no model file at {path}; {hint}")
    return path


def shipped_path(size: str = SHIPPED) -> Path:
    """Where the weights that come with the package lie."""
    name = "tidegate" if size == SHIPPED else f"tidegate-{size}"
    return Path(str(files("tidegate") / "weights" / f"{name}.onnx"))


def level_weights(have: tuple[float, ...], want: tuple[float, ...]) -> Floats | None:
    """(have, want) matrix that turns quantiles at the network's levels into those at other levels; None: the same.

    Between levels, and beyond the outermost, a quantile is linear in the normal score of its level, as for a normal
    distribution; so tails beyond 2.5 and 97.5 % go on with the slope of the outermost two levels.
    """
    if have == want:
        return None
    if len(have) == 1:
        return np.ones((1, len(want)))
    score = NormalDist().inv_cdf
    known = np.array([score(level) for level in have])
    matrix = np.zeros((len(have), len(want)))
    for column, level in enumerate(want):
        if level in have:
            matrix[have.index(level), column] = 1.0
            continue
        right = int(np.clip(np.searchsorted(known, score(level)), 1, len(have) - 1))
        share = (score(level) - known[right - 1]) / (known[right] - known[right - 1])
        matrix[right - 1, column], matrix[right, column] = 1.0 - share, share
    return matrix
