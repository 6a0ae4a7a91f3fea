"""What callers of the verbs pass, checked alike for all of them, and what is taken where they pass nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from importlib.util import find_spec

from tidegate.errors import ConfigError, MissingExtra
from tidegate.forecasting.forecaster import whole
from tidegate.series.dates.frequency import Frequency
from tidegate.series.panel import Panel
from tidegate.series.reading import Reading, input_kind, read_panel

Names = str | Sequence[str]
Seasons = int | tuple[int, ...]
EXTRA_MODULES = {
    "train": ("torch", "onnx", "safetensors"),
    "plot": ("matplotlib",),
    "stats": ("statsforecast",),
    "serve": ("fastapi", "starlette", "pydantic", "uvicorn", "nanoarrow"),
}
SEEDS = 2**63
POSITIONS_HORIZON = 12  # steps that are forecast of what has no calendar


@contextmanager
def needs_extra(extra: str, feature: str) -> Iterator[None]:
    """Turn the lack of an extra's own packages into MissingExtra; any other failed import stays what it is."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRA_MODULES[extra]:
            raise
        raise MissingExtra(extra, feature) from error


def installed_extras() -> dict[str, bool]:
    """Which extras are there, by name; nothing of them is imported."""
    return {extra: all(map(find_spec, modules)) for extra, modules in EXTRA_MODULES.items()}


def check_threads(threads: int | None) -> None:
    """Raises ConfigError unless threads is None or at least 1."""
    if threads is not None and whole(threads, "threads") < 1:
        raise ConfigError(f"threads {threads}: expected a whole number from 1")


def check_seed(seed: int | None, below: int = SEEDS) -> None:
    """Raises ConfigError unless seed is None or a number that torch and NumPy both begin from."""
    if seed is not None and not 0 <= whole(seed, "seed") < below:
        raise ConfigError(f"seed {seed}: expected a whole number from 0 to {below - 1}")


def read(data: object, reading: Reading, library: str = "numpy") -> tuple[Panel, str]:
    """The series of any input, and the library that answers come back in.

    Args:
        data: as in `tidegate.forecast`, or a Panel, which is taken as it is.
        library: what answers about a Panel come back in.
    Raises: ConfigError for reading options beside a Panel; else as `read_panel`.
    """
    if not isinstance(data, Panel):
        return read_panel(data, **asdict(reading)), input_kind(data)
    if reading.given:
        name = reading.given[0]
        raise ConfigError(
            f"{name} {getattr(reading, name)!r}: this option says how to read data, but a Panel is already read: leave "
            "it out, or pass the data that the panel was read from"
        )
    return data, library


def with_horizon(panel: Panel, horizon: int | None) -> tuple[Panel, int]:
    """The steps to forecast, and the panel with a note if nobody said how many."""
    if horizon is not None:
        return panel, int(horizon)
    frequency = panel.timeline.frequency
    horizon = usual_horizon(frequency)
    reason = "without a time column"
    if frequency is not None:
        every = frequency.name.startswith("every ")
        reason = f"for values {frequency.name}" if every else f"for {frequency.name} values"
    note = f"horizon: {horizon} steps, the default {reason}; change it with horizon= or --horizon"
    return replace(panel, notes=(*panel.notes, note)), horizon


def usual_horizon(frequency: Frequency | None) -> int:
    """Steps that are forecast when neither the caller nor the model says how many."""
    return POSITIONS_HORIZON if frequency is None else frequency.default_horizon
