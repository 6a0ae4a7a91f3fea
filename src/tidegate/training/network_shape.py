"""The shape of an own network, which is trained from scratch: its patches, its width, and whether it reads logarithms.

docs/fit-experiments.md has the measurements behind the numbers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tidegate.forecasting.config import ModelConfig
from tidegate.series.panel import Panel

LONGEST_HORIZON = 512  # steps that an own network predicts at once; masked patches predict the steps beyond
LONGEST_CONTEXT = 512  # steps of the blocks that an own network reads
SERIES_INSPECTED = 500  # at most, to decide whether the network reads logarithms
MOST_GROWTH = 0.5  # mean share of the logarithms' variance that a straight line explains
LEAST_SWING = 0.1  # median range of the logarithms within a horizon


def own_config(panel: Panel, horizon: int, asked: dict[str, Any], context_length: int | None = None) -> ModelConfig:
    """The configuration of an own network.

    Patches have 16 values, or 4 for short horizons and short series: 16 steps would be most of a short history. The
    network is 128 wide, which trains in half a minute on a laptop.

    Args:
        asked: options of the network that the caller has set.
        context_length: of the network that will share a file with this one. None: blocks that hold the longest series,
            up to LONGEST_CONTEXT steps.
    """
    patch = 4 if horizon < 16 or int(np.median(panel.lengths)) < 128 else 16
    if context_length is None:
        longest = max(int(panel.lengths.max(initial=1)), 2 * patch)
        context_length = min(LONGEST_CONTEXT, 2 ** math.ceil(math.log2(longest)))
    predicted = min(LONGEST_HORIZON, -(-horizon // patch) * patch)
    shape: dict[str, Any] = {"hidden_size": 128, "embedding_size": 128, "head_size": 192, **asked}
    return ModelConfig(context_length=context_length, patch_length=patch, horizon=predicted, **shape)


def log_unit(panel: Panel, horizon: int) -> float:
    """Half the smallest value if an own network should read logarithms, 0 if it should read values.

    Logarithms need positive values only, and series that swing rather than grow: growth in logarithms would continue
    for ever. Where series hardly swing, logarithms are just values in other units.
    """
    smallest = float(np.nanmin(panel.values, initial=math.inf))
    if not 0 < smallest < math.inf:
        return 0.0
    growths, swings = [], []
    for index in np.unique(np.linspace(0, panel.size - 1, SERIES_INSPECTED).astype(np.int64)):
        series = panel[index]
        observed = np.flatnonzero(~np.isnan(series))
        logarithms = np.log(series[observed])
        if len(observed) < max(3, horizon) or not np.ptp(logarithms) > 0:
            continue
        growths.append(np.corrcoef(observed, logarithms)[0, 1] ** 2)
        swings.append(np.median(np.ptp(logarithms[len(observed) % horizon :].reshape(-1, horizon), axis=1)))
    if not swings or np.mean(growths) > MOST_GROWTH or np.median(swings) < LEAST_SWING:
        return 0.0
    return 0.5 * smallest
