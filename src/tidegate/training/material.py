"""The panel of one fit, ready to train on and to validate with."""

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
from tidegate.training.choices import SEASON_VALUES, FitPlan
from tidegate.training.kinds import Kind
from tidegate.training.samples import HeldOut, Samples, held_windows, hold_out

STATE = 3  # raised when the trained weights, or what a checkpoint holds, come about in another way


@dataclass(frozen=True)
class Material:
    """The panel, ready to train on and to validate with."""

    panel: Panel
    horizon: int
    season_length: tuple[int, ...] | None  # the same for every series; None: of each its own
    seasons: NDArray[np.int64]  # (series, 3), of the training part
    windows: NDArray[np.int64]  # (series,) how many are held out
    epochs: HeldOut  # what each epoch is validated on
    selection: HeldOut  # what the choice at the end is made on
    device: torch.device

    @classmethod
    def of(
        cls,
        panel: Panel,
        horizon: int,
        season_length: int | tuple[int, ...] | None,
        plan: FitPlan,
        kinds: Sequence[Kind],
        device: torch.device,
    ) -> Material:
        """Raises: DataError if no series is long enough."""
        windows = held_windows(panel, horizon, plan.windows, plan.held_rows)
        seasons = season_lengths(panel.head(panel.lengths - windows * horizon), season_length)
        context = max(kind.config.context_length for kind in kinds)
        epochs, selection = (
            hold_out(panel, windows, horizon, seasons, context, values, device)
            for values in (plan.validation_values, plan.selection_values)
        )
        if not epochs.tells_apart:  # of many series most may be constant
            epochs = selection
        if season_length is not None:
            season_length = tuple(int(one) for one in np.atleast_1d(season_length))
        return cls(panel, horizon, season_length, seasons, windows, epochs, selection, device)

    def windows_to_judge(self, time_limit: float | None) -> HeldOut:
        """Held-out windows that season lengths are chosen by: as many as can be forecast in a third of a time limit.

        By the limit, not by the clock, so that a second fit chooses the same.
        """
        part = self.selection
        if time_limit is None:
            return part
        return part.some(max(1, int(SEASON_VALUES * time_limit / part.history.shape[1])))

    @property
    def longest_history(self) -> int:
        """Steps of the longest series before what is held out."""
        return int((self.panel.offsets[1:] - self.panel.first_observed - self.windows * self.horizon).max())

    @property
    def known_values(self) -> int:
        """How many there are to learn from and to validate with."""
        return int((~np.isnan(self.panel.values)).sum())

    @property
    def held_share(self) -> float:
        """Of all values, how many are held out."""
        lengths = self.panel.offsets[1:] - self.panel.first_observed
        return float((self.windows * self.horizon).sum() / lengths.sum())

    def samples(self, config: ModelConfig, *, everything: bool) -> Samples:
        """Windows for a network to train on; everything: the held-out ones too."""
        held = 0 * self.windows if everything else self.windows * self.horizon
        return Samples.of(self.panel, held, self.seasons, config, self.horizon, self.device)

    def fingerprint(self, plan: FitPlan, kinds: Sequence[Kind]) -> str:
        """16 hexadecimal digits of all that the trained weights depend on."""
        digest = hashlib.sha256(repr((STATE, asdict(plan), self.horizon, str(self.device))).encode())
        for kind in kinds:
            digest.update(repr(kind.config).encode())
            for network in kind.starts:
                for parameter in network.parameters():
                    digest.update(parameter.detach().cpu().numpy().tobytes())
        for array in (self.panel.values, self.panel.offsets, self.seasons):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]
