"""Shared by the tests of `fit`: small panels and quick fits."""

from __future__ import annotations

import numpy as np
import torch

from tests.panels import panel_of
from tidegate.forecasting.config import ModelConfig
from tidegate.forecasting.model import ModelFile
from tidegate.series.panel import Panel
from tidegate.training.fit import Trained, fit
from tidegate.training.plan import FitPlan

CPU = torch.device("cpu")
TINY = ModelConfig(context_length=64, horizon=32, hidden_size=8, embedding_size=8, head_size=8)
QUICK = FitPlan(max_steps=6, epochs=2, batch_values=1000, warmup=2, members=0)
LEVELS = (0.1, 0.5, 0.9)


def waves(count: int, length: int, seed: int = 0) -> Panel:
    rng = np.random.default_rng(seed)
    steps = np.arange(length)
    return panel_of(
        *(np.sin(2 * np.pi * (steps + rng.integers(12)) / 12) + 0.1 * rng.normal(size=length) for _ in range(count))
    )


def scratch(panel: Panel, horizon: int = 8, **options: object) -> Trained:
    """A quick fit from scratch."""
    plan = options.pop("plan", QUICK)
    return fit(panel, horizon, start="scratch", hidden_size=8, season_length=12, plan=plan, **options)  # type: ignore[arg-type]


def fingerprint(trained: Trained) -> list[float]:
    return [float(x) for network in trained.networks for p in network.parameters() for x in p.detach().flatten()]


def forecasts(trained_or_model: Trained | ModelFile, panel: Panel, horizon: int = 8) -> np.ndarray:
    model = trained_or_model.model if isinstance(trained_or_model, Trained) else trained_or_model
    return model.predict(panel, horizon, LEVELS, np.tile([12, 0, 0], (panel.size, 1)))


KILLED = FitPlan(max_steps=60, epochs=6, patience=100, batch_values=1000, warmup=2)
