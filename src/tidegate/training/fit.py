"""`fit`: train the network on the user's own series, from the shipped weights or from nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tidegate.errors import ConfigError, DataError
from tidegate.forecasting.config import ModelConfig
from tidegate.forecasting.model import Model, shipped_path
from tidegate.network.model_file import load_network, save_network, to_onnx
from tidegate.network.patch_lstm import PatchLSTM, align
from tidegate.series.panel import Panel
from tidegate.series.seasons import season_lengths
from tidegate.training.losses import pinball
from tidegate.training.pretrain import average_into, descend
from tidegate.training.windows import OriginPlan, every_origin_loss

LONGEST_HORIZON = 512  # a network of its own predicts at most so many steps at once; beyond, masked patches


@dataclass(frozen=True)
class FitPlan:
    """How to train. The learning rates are for AdamW; an epoch is a fixed number of steps, validated once."""

    seed: int = 0
    max_epochs: int = 40
    epoch_steps: int = 25
    patience: int = 6  # epochs without a better validation before training stops
    batch_values: int = 12_000  # values per batch: 20 windows of 576, 100 of 120
    scratch_rate: float = 2e-3
    transfer_rate: float = 3e-4  # a pretrained network forgets at higher rates
    warmup: int = 25
    average: float = 0.98
    weight_decay: float = 0.01
    validation_series: int = 1000
    time_limit: float | None = None  # seconds


@dataclass(frozen=True)
class Epoch:
    """One line of the history: training loss, and the validation part's loss and MASE (scaled by the naive error)."""

    step: int
    seconds: float
    loss: float
    validation_loss: float
    validation_mase: float


@dataclass(frozen=True)
class Trained:
    """A trained network and how it came about."""

    network: PatchLSTM
    history: tuple[Epoch, ...]
    notes: tuple[str, ...]
    provenance: dict[str, Any]

    @property
    def model(self) -> Model:
        """Ready to forecast, with ONNX Runtime, exactly as a saved file would."""
        return Model.open(to_onnx(self.network, self.provenance))

    def save(self, path: str | Path) -> None:
        """Write the model file; it holds no data."""
        if Path(path).suffix != ".onnx":
            raise ConfigError(f"{path}: a model file ends in .onnx")
        save_network(self.network, Path(path), self.provenance)


Progress = Callable[[Epoch, FitPlan], None]


def fit(
    panel: Panel,
    horizon: int,
    *,
    start: str = "auto",
    cell: str | None = None,
    layers: int | None = None,
    hidden_size: int | None = None,
    season_length: int | tuple[int, ...] | None = None,
    time_limit: float | None = None,
    seed: int = 0,
    device: str = "auto",
    plan: FitPlan | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Train on every origin of the panel; the last `horizon` steps of each series are the validation part.

    Args:
        start: "auto" (the shipped weights, or from nothing where another network is asked for), "scratch", or a file.
        cell, layers, hidden_size: the network's shape; asking for another than the file's means from nothing.
        time_limit: seconds of training.
    Raises: DataError if no series is longer than the horizon; ConfigError for options that contradict each other.
    """
    if horizon < 1:
        raise ConfigError(f"horizon {horizon}: expected a whole number from 1")
    if time_limit is not None and time_limit <= 0:
        raise ConfigError(f"time_limit {time_limit}: expected seconds, more than 0")
    plan = replace(plan or FitPlan(), seed=seed, time_limit=time_limit)
    place = torch_device(device)
    torch.manual_seed(seed)
    network, origin, notes = start_network(panel, horizon, start, cell, layers, hidden_size)
    data = TrainingData.of(panel, horizon, season_lengths(panel, season_length), network.config, place)
    return train(
        network.to(place), data, plan, pretrained=origin != "scratch", notes=notes, start=origin, progress=progress
    )


def torch_device(device: str) -> torch.device:
    """ "auto": CUDA if there is one. Raises ConfigError for a device that is not there."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"device {device!r} cannot be used here ({error}); try device='auto'") from error
    return torch.device(device)


def start_network(
    panel: Panel, horizon: int, start: str, cell: str | None, layers: int | None, hidden_size: int | None
) -> tuple[PatchLSTM, str, list[str]]:
    """The network to train, where it comes from ("scratch", "shipped" or a path), and what there is to say about it."""
    asked = {"cell": cell, "num_layers": layers, "hidden_size": hidden_size}
    asked = {name: value for name, value in asked.items() if value is not None}
    if start != "scratch":
        path = shipped_path() if start == "auto" else Path(start)
        if not path.is_file():
            raise FileNotFoundError(f"no model file at {path} to start from")
        network, _ = load_network(path)
        if all(getattr(network.config, name) == value for name, value in asked.items()):
            return network, "shipped" if start == "auto" else str(path), []
        if start != "auto":
            raise ConfigError(
                f"{path} holds another network than {asked} asks for: leave these out, or start='scratch'"
            )
    config = choose_config(panel, horizon, asked)
    words = f"a network of its own: {config.cell}, {config.num_layers} layers of {config.hidden_size}, from nothing"
    return PatchLSTM(config), "scratch", [words]


def choose_config(panel: Panel, horizon: int, asked: dict[str, Any]) -> ModelConfig:
    """The shape of a network of its own.

    Patches of 16 values, of 4 for short horizons or short series, where 16 steps would be most of what is known; the
    context holds the longest series up to 512 steps; 128 wide, which trains in a minute on a laptop.
    """
    short = horizon < 16 or int(np.median(panel.lengths)) < 128
    patch = 4 if short else 16
    longest = int(panel.lengths.max(initial=1))
    context = min(512, max(2 * patch, -(-longest // patch) * patch))
    predicted = min(LONGEST_HORIZON, -(-horizon // patch) * patch)
    shape: dict[str, Any] = {"hidden_size": 128, "embedding_size": 128, "head_size": 192, **asked}
    return ModelConfig(context_length=context, patch_length=patch, horizon=predicted, **shape)


@dataclass(frozen=True)
class HeldOut:
    """The validation part: what was known, and what followed."""

    history: Tensor  # (series, time) right-aligned, NaN in front
    actual: Tensor  # (series, horizon)
    seasons: Tensor  # (series, slots)
    naive: Tensor  # (series,) mean absolute change of the history


@dataclass(frozen=True)
class TrainingData:
    """The panel as flat tensors on the device, and its validation part."""

    values: Tensor  # (total,) float64
    starts: Tensor  # (series,) first observed position of each series that is long enough
    stops: Tensor  # (series,) where its training part ends
    seasons: Tensor  # (series, 3)
    horizon: int
    window: int  # steps per training window

    @classmethod
    def of(
        cls, panel: Panel, horizon: int, seasons: np.ndarray, config: ModelConfig, device: torch.device
    ) -> TrainingData:
        observed = np.append(np.flatnonzero(~np.isnan(panel.values)), len(panel.values))
        starts = np.minimum(observed[np.searchsorted(observed, panel.offsets[:-1])], panel.offsets[1:])
        stops = panel.offsets[1:] - horizon
        usable = stops - starts >= 4
        if not usable.any():
            longest = int((panel.offsets[1:] - starts).max(initial=0))
            raise DataError(
                f"no series is long enough to train on: the longest has {longest} steps from its first value, and the "
                f"horizon {horizon} and at least 4 more are needed; shorten the horizon, or forecast without fit"
            )
        longest = int((stops - starts)[usable].max())
        return cls(
            torch.tensor(panel.values, device=device),
            torch.tensor(starts[usable], device=device),
            torch.tensor(stops[usable], device=device),
            torch.tensor(seasons[usable][:, : config.season_slots], device=device),
            horizon,
            min(longest, config.context_length + config.horizon),
        )

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Windows at random phases of random series, longer series more often: (count, window) and their seasons."""
        lengths = (self.stops - self.starts).cpu()
        weight = (lengths.double() / self.window).clamp(min=1.0)
        series = torch.multinomial(weight, count, replacement=True, generator=generator)
        room = (lengths[series] - self.window).clamp(min=0)
        shift = (torch.rand(count, generator=generator, dtype=torch.float64) * (room + 1)).long()
        series, shift = series.to(self.values.device), shift.to(self.values.device)
        index = (self.starts[series] + shift)[:, None] + torch.arange(self.window, device=self.values.device)
        inside = index < self.stops[series, None]
        windows = torch.where(inside, self.values[index.clamp(max=len(self.values) - 1)], torch.nan)
        windows, _ = align(windows, self.window)  # a window may not begin with missing values
        return windows, self.seasons[series]

    def held_out(self, most: int, context_length: int) -> HeldOut:
        """The validation part of at most so many series, spread over the panel."""
        chosen = torch.linspace(0, len(self.starts) - 1, min(most, len(self.starts)), device=self.values.device).long()
        starts, stops = self.starts[chosen, None], self.stops[chosen, None]
        blocks = torch.div(stops - starts, context_length, rounding_mode="floor") - 1
        starts = starts + context_length * blocks.clamp(min=0)  # what the network would not read is not copied
        back = torch.arange(-int((stops - starts).max()), 0, device=self.values.device)
        index = stops + back
        history = torch.where(index >= starts, self.values[index.clamp(min=0)], torch.nan)
        actual = self.values[stops + torch.arange(self.horizon, device=self.values.device)]
        changes = history.diff(dim=1).abs()
        return HeldOut(history, actual, self.seasons[chosen], changes.nanmean(dim=1))


def validate(network: PatchLSTM, part: HeldOut) -> tuple[float, float]:
    """Loss (pinball over the naive error, in units of MASE) and MASE of the medians on the validation part."""
    actual, naive = part.actual, part.naive
    batches = zip(torch.split(part.history, 256), torch.split(part.seasons, 256), strict=True)
    with torch.no_grad():
        quantiles = torch.cat([network.forecast(*batch, actual.shape[1]) for batch in batches])
    levels = torch.tensor(network.config.quantile_levels, device=quantiles.device, dtype=quantiles.dtype)
    scored = ~actual.isnan() & quantiles.isfinite().all(-1) & (naive > 0)[:, None]
    if not bool(scored.any()):
        return math.nan, math.nan
    divisor = torch.where(naive > 0, naive, 1.0)[:, None]
    loss = 2 * pinball(quantiles, actual.nan_to_num(), levels) / divisor
    error = (quantiles[..., network.config.median] - actual.nan_to_num()).abs() / divisor
    return float(_mean_by_series(loss, scored)), float(_mean_by_series(error, scored))


def _mean_by_series(values: Tensor, scored: Tensor) -> Tensor:
    count = scored.sum(1)
    means = torch.where(scored, values, 0.0).sum(1)[count > 0] / count[count > 0]
    return means.mean()


def train(
    network: PatchLSTM,
    data: TrainingData,
    plan: FitPlan,
    *,
    pretrained: bool,
    notes: list[str],
    start: str,
    progress: Progress | None,
) -> Trained:
    """AdamW on random windows until the validation part stops improving; the best running average is kept."""
    rate = plan.transfer_rate if pretrained else plan.scratch_rate
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=plan.weight_decay)
    generator = torch.Generator().manual_seed(plan.seed)
    count = max(8, min(256, plan.batch_values // data.window))
    averaged = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    began = time.monotonic()
    held_out = data.held_out(plan.validation_series, network.config.context_length)
    best_loss, best_step = (validate(network, held_out)[0], 0) if pretrained else (math.inf, 0)
    best = {name: tensor.clone() for name, tensor in averaged.items()}
    history: list[Epoch] = []
    candidate = PatchLSTM(network.config).to(data.values.device)
    step, over = 0, False
    for _ in range(plan.max_epochs):
        losses = []
        for _ in range(plan.epoch_steps):
            loss = every_origin_loss(network, *data.draw(count, generator), pinball, generator, OriginPlan())
            losses.append(descend(network, [optimizer], loss, rate * min(1.0, (step + 1) / plan.warmup), 1.0))
            average_into(averaged, network, min(plan.average, (1 + step) / (10 + step)))
            step += 1
            over = plan.time_limit is not None and time.monotonic() - began > plan.time_limit
            if over:
                break
        candidate.load_state_dict(averaged)
        loss_now, mase = validate(candidate, held_out)
        history.append(Epoch(step, time.monotonic() - began, float(np.mean(losses)), loss_now, mase))
        if progress is not None:
            progress(history[-1], plan)
        if loss_now < best_loss:
            best_loss, best_step = loss_now, step
            best = {name: tensor.clone() for name, tensor in averaged.items()}
        if over or step - best_step >= plan.patience * plan.epoch_steps:
            break
    if best_step == 0 and pretrained:
        notes = [*notes, "no epoch beat the start weights on the validation part: they are kept as they were"]
    elif best_step == 0:
        raise DataError(
            "training never gave a finite validation loss: the validation part may be all missing or constant"
        )
    else:
        notes = [*notes, f"kept step {best_step} of {step}: validation loss {best_loss:.4f}"]
    network.load_state_dict(best)
    provenance = {
        "made_by": "tidegate fit",
        "start": start,
        "plan": asdict(plan),
        "steps": step,
        "kept_step": best_step,
        "seconds": round(time.monotonic() - began, 1),
    }
    return Trained(network.cpu().eval(), tuple(history), tuple(notes), provenance)
