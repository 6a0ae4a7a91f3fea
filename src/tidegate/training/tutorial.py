"""The tutorial's experiments: a wave learnt one point at a time, vanishing gradients, and a head start.

The network is `PatchLSTM(ModelConfig.tutorial())`, which holds `nn.LSTM(1, h)` and `nn.Linear(h, 1)` and nothing else,
trained by the loss that trains every other network here: with a patch of one point and a horizon of one point,
"predict at every origin" is "windows 1..k -> 2..k+1".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tidegate.forecasting.config import ModelConfig
from tidegate.network.cells import State
from tidegate.network.patch_lstm import PatchLSTM
from tidegate.series.synthetic import windows
from tidegate.training.every_origin import OriginPlan, every_origin_loss
from tidegate.training.losses import squared

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TutorialPlan:
    """How a network of the tutorial is trained: Adam on batches of windows, the learning rate falling to zero."""

    hidden_size: int = 32
    window: int = 50  # k: points 1..k are read, points 2..k+1 predicted
    epochs: int = 30  # passes over the training windows
    batch_size: int = 64
    learning_rate: float = 1e-2
    constant_rate: bool = False  # keep the learning rate


def new_network(plan: TutorialPlan, cell: str = "lstm", seed: int = 0) -> PatchLSTM:
    """The tutorial's network as torch initialises it; the global random state is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return PatchLSTM(ModelConfig.tutorial(plan.hidden_size, cell))


def train_epochs(network: PatchLSTM, series: Floats, plan: TutorialPlan, seed: int = 0) -> Iterator[float]:
    """Train in place on series (n,), n > plan.window: yields each epoch's mean squared error over its windows."""
    inputs, targets = windows(series, plan.window)
    whole = torch.from_numpy(np.concatenate([inputs, targets[:, -1:]], axis=1))  # points 1..k+1
    generator = torch.Generator().manual_seed(seed)
    every_origin = OriginPlan(full=plan.window, cuts=0)
    optimizer = torch.optim.Adam(network.parameters(), lr=plan.learning_rate)
    batches = -(-len(whole) // plan.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, plan.epochs * batches)
    for _ in range(plan.epochs):
        total = 0.0
        for batch in torch.split(torch.randperm(len(whole), generator=generator), plan.batch_size):
            no_seasons = torch.zeros(len(batch), 3, dtype=torch.int64)
            loss = every_origin_loss(network, whole[batch], no_seasons, squared, generator, every_origin)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            if not plan.constant_rate:
                schedule.step()
            total += float(loss.detach()) * len(batch)
        yield total / len(whole)


def read_points(network: PatchLSTM, points: Tensor, state: State | None = None) -> tuple[Tensor, State]:
    """Cell, then linear layer: points (batch, time) -> the prediction of the next point after each, and the state."""
    output, state = network.read(points[..., None], state)
    return network.head(output)[..., 0], state


@torch.no_grad()
def one_step_ahead(network: PatchLSTM, series: Floats) -> Floats:
    """series (n,) -> (n,) predictions: element t is predicted from the values before t; element 0 is NaN."""
    predicted, _ = read_points(network, torch.tensor(series[None, :-1], dtype=torch.float32))
    return np.concatenate([[np.nan], predicted[0].numpy().astype(np.float64)])


@torch.no_grad()
def many_steps_ahead(network: PatchLSTM, histories: Floats, horizon: int) -> Floats:
    """Read each history (origins, n), then feed every prediction back as the next input: (origins, horizon)."""
    predicted, state = read_points(network, torch.tensor(histories, dtype=torch.float32))
    steps = [predicted[:, -1:]]
    for _ in range(horizon - 1):
        predicted, state = read_points(network, steps[-1], state)
        steps.append(predicted)
    return torch.cat(steps, dim=1).numpy().astype(np.float64)


def rmse(predicted: Floats, actual: Floats) -> float:
    """Root mean squared error over all elements, in the units of the series."""
    return float(np.sqrt(np.mean((predicted - actual) ** 2)))
