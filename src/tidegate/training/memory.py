"""Whether there is enough memory for a fit. Checked before anything large is allocated."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from tidegate.errors import ConfigError, DataError
from tidegate.forecasting.config import ModelConfig
from tidegate.series.panel import Panel
from tidegate.training.plan import FitPlan
from tidegate.training.side_by_side import workers_for
from tidegate.training.starting_points import StartingPoint

VALUE_COPIES = 4  # of all values, 8 bytes each: the panel, logarithms for two trainings, one while seasons are found
FIXED = 500e6  # bytes for torch itself and its caches
# Copies of the weights of each training, 4 bytes each: gradients, averages, optimizers, and their last checkpoint.
# Measured with two layers of 1,000: 16 in two trainings, 18 in three.
WEIGHT_COPIES = 18
# Bytes per value of a batch that backpropagation keeps, measured with the default network. Validation needs less.
BYTES_PER_BATCH_VALUE = 25_000.0
CANDIDATES = 14  # forecasts of the held-out windows in memory: five of pretrained weights, one own, their means


def check_memory(
    panel: Panel, horizon: int, plan: FitPlan, starts: Sequence[StartingPoint], device: torch.device
) -> None:
    """Compare the memory that a fit needs with what is free, on this machine and on the device.

    Raises: DataError if it is too little; ConfigError if it would do for smaller networks.
    """
    members = 1 if plan.members is None else plan.members
    trained = [config for start in starts for config in ([one.config for one in start.networks] or [start.config])]
    at_once = workers_for(len(trained) * max(1, members), device)
    weights = sum(map(recurrent_weights, trained))
    of_networks = 4.0 * WEIGHT_COPIES * (1 + members) * weights
    forecast = min(plan.selection_values, plan.windows * panel.size * horizon)  # steps of the held-out windows
    candidates = 8.0 * forecast * len(starts[0].config.quantile_levels) * CANDIDATES
    of_batches = at_once * BYTES_PER_BATCH_VALUE * plan.batch_values
    needed = 8.0 * VALUE_COPIES * len(panel.values) + FIXED + max(of_batches, candidates) + of_networks
    for where, free in (("memory", free_memory()), (f"memory on {device}", free_on(device))):
        if free is None or needed <= free:
            continue
        what = f"needs about {needed / 1e9:,.1f} GB of {where}, but only {free / 1e9:.1f} GB are free"
        if needed - of_networks <= free:
            raise ConfigError(
                f"training {weights:,} weights {what}: ask for fewer layers or members, or a smaller hidden size"
            )
        raise DataError(
            f"training on {panel.size:,} series with {len(panel.values):,} steps {what}: train on a part of the series "
            "(the network can still forecast all of them), or on a machine with more memory"
        )


def recurrent_weights(config: ModelConfig) -> int:
    """Weights of the recurrent layers. All others are few."""
    gates, width = (1 if config.cell == "rnn" else 4), config.hidden_size
    return gates * width * (config.embedding_size + (2 * config.num_layers - 1) * width)


def free_memory() -> float | None:
    """Bytes that are free on the machine and within the limits of its container. None: the system does not say."""
    facts = Path("/proc/meminfo")
    if not facts.exists():
        return None
    found = [line.split() for line in facts.read_text().splitlines() if line.startswith("MemAvailable:")]
    free = [1024.0 * int(words[1]) for words in found]
    groups = Path("/proc/self/cgroup")
    mine = [line[3:] for line in groups.read_text().splitlines() if line.startswith("0::")] if groups.exists() else []
    return min([*free, *(left for name in mine for left in left_by_groups(Path("/sys/fs/cgroup"), name))], default=None)


def left_by_groups(root: Path, name: str) -> list[float]:
    """Bytes that are free within the limits of a control group (version 2) and of the groups around it.

    Inactive file cache counts as free.

    Args:
        name: as in /proc/self/cgroup, "/" in most containers.
    """
    group, left = root / name.lstrip("/"), []
    for place in (group, *group.parents):
        if not place.is_relative_to(root):
            break
        limit, used, usage = (place / f"memory.{file}" for file in ("max", "current", "stat"))
        if limit.exists() and used.exists() and limit.read_text().strip() != "max":
            stat = dict(line.split() for line in usage.read_text().splitlines()) if usage.exists() else {}
            left.append(float(limit.read_text()) - float(used.read_text()) + float(stat.get("inactive_file", 0)))
    return left


def free_on(device: torch.device) -> float | None:
    """Bytes that are free on an accelerator. None: the CPU."""
    ask = getattr(torch.get_device_module(device), "mem_get_info", None)
    return None if ask is None else float(ask(device)[0])
