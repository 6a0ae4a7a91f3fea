"""The data of one fit: the panel, its seasons, and the windows held out of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from tidegate.forecasting.config import ModelConfig
from tidegate.series.panel import Panel
from tidegate.series.seasons import season_lengths
from tidegate.training.plan import FitPlan
from tidegate.training.samples import HeldOut, Samples, held_windows, hold_out
from tidegate.training.starting_points import StartingPoint

SEASON_VALUES = 20_000  # values read to choose season lengths, for each second of a time limit
FINGERPRINT_VERSION = 3  # raise it when training or the checkpoint changes, so that old checkpoints are refused


@dataclass(frozen=True)
class FitData:
    """The panel of a fit with its season lengths and held-out windows."""

    panel: Panel
    horizon: int
    season_length: tuple[int, ...] | None  # of all series; None: each series has its own
    seasons: NDArray[np.int64]  # (series, 3), found before the held-out windows
    windows: NDArray[np.int64]  # (series,) number of held-out windows
    validation: HeldOut  # validates each epoch
    selection_windows: HeldOut  # decide the choice at the end
    device: torch.device

    @classmethod
    def of(
        cls,
        panel: Panel,
        horizon: int,
        season_length: int | tuple[int, ...] | None,
        plan: FitPlan,
        starts: Sequence[StartingPoint],
        device: torch.device,
    ) -> FitData:
        """Raises: DataError if no series is long enough."""
        windows = held_windows(panel, horizon, plan.windows, plan.held_rows)
        seasons = season_lengths(panel.head(panel.lengths - windows * horizon), season_length)
        context = max(start.config.context_length for start in starts)
        validation, selection_windows = (
            hold_out(panel, windows, horizon, seasons, context, values, device)
            for values in (plan.validation_values, plan.selection_values)
        )
        if not validation.tells_apart:  # most series of a large panel may be constant
            validation = selection_windows
        if season_length is not None:
            season_length = tuple(int(length) for length in np.atleast_1d(season_length))
        return cls(panel, horizon, season_length, seasons, windows, validation, selection_windows, device)

    def windows_to_judge(self, time_limit: float | None) -> HeldOut:
        """Held-out windows to choose season lengths by: as many as can be forecast in a third of a time limit.

        Their number depends on the limit, not on the clock, so that a second fit chooses the same.
        """
        part = self.selection_windows
        if time_limit is None:
            return part
        return part.some(max(1, int(SEASON_VALUES * time_limit / part.history.shape[1])))

    @property
    def longest_history(self) -> int:
        """Steps of the longest series before its held-out windows."""
        return int((self.panel.offsets[1:] - self.panel.first_observed - self.windows * self.horizon).max())

    @property
    def known_values(self) -> int:
        """Number of values that are not missing."""
        return int((~np.isnan(self.panel.values)).sum())

    @property
    def held_share(self) -> float:
        """Share of all values that is held out."""
        lengths = self.panel.offsets[1:] - self.panel.first_observed
        return float((self.windows * self.horizon).sum() / lengths.sum())

    def samples(self, config: ModelConfig, *, everything: bool) -> Samples:
        """Series to draw a network's training windows from. everything: includes the held-out windows."""
        held = 0 * self.windows if everything else self.windows * self.horizon
        return Samples.of(self.panel, held, self.seasons, config, self.horizon, self.device)

    def fingerprint(self, plan: FitPlan, starts: Sequence[StartingPoint]) -> str:
        """16 hexadecimal digits that depend on everything the trained weights depend on."""
        digest = hashlib.sha256(repr((FINGERPRINT_VERSION, asdict(plan), self.horizon, str(self.device))).encode())
        for start in starts:
            digest.update(repr(start.config).encode())
            for network in start.networks:
                for parameter in network.parameters():
                    digest.update(parameter.detach().cpu().numpy().tobytes())
        for array in (self.panel.values, self.panel.offsets, self.seasons):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]
