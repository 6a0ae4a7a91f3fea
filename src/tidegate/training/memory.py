"""Whether a panel can be trained on here, asked before anything large is made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from tidegate.errors import ConfigError, DataError
from tidegate.forecasting.config import ModelConfig
from tidegate.series.panel import Panel
from tidegate.training.choices import FitPlan
from tidegate.training.kinds import Kind
from tidegate.training.side_by_side import workers_for

COPIES = 4  # of all values, 8 bytes each: the panel, logarithms for two trainings, what is read while seasons are found
FIXED = 500e6  # torch itself, and what it keeps
# Of the weights of every training, 4 bytes each: gradients, averages, optimizers, and all of it as last written.
# Measured with two layers of 1,000: 16 in two trainings, 18 in three.
WEIGHT_COPIES = 18
# Bytes that a training keeps for the gradient, measured with the default network; validation needs less.
PER_BATCH_VALUE = 25_000.0
CANDIDATES = 14  # forecasts of the held-out windows that are held at once: five of one kind, one of the other, means


def check_memory(panel: Panel, horizon: int, plan: FitPlan, kinds: Sequence[Kind], device: torch.device) -> None:
    """Raises: DataError, with what is needed and what is free, if there is not enough, here or on the device;
    ConfigError if that is because of the networks that were asked for."""
    members = 1 if plan.members is None else plan.members
    trained = [config for kind in kinds for config in ([one.config for one in kind.starts] or [kind.config])]
    at_once = workers_for(len(trained) * max(1, members), device)
    weights = sum(map(recurrent_weights, trained))
    of_networks = 4.0 * WEIGHT_COPIES * (1 + members) * weights
    forecast = min(plan.selection_values, plan.windows * panel.size * horizon)  # steps of the held-out windows
    candidates = 8.0 * forecast * len(kinds[0].config.quantile_levels) * CANDIDATES
    of_batches = at_once * PER_BATCH_VALUE * plan.batch_values
    needed = 8.0 * COPIES * len(panel.values) + FIXED + max(of_batches, candidates) + of_networks
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
    """How many the layers have that grow with their width and number; the others are few."""
    gates, width = (1 if config.cell == "rnn" else 4), config.hidden_size
    return gates * width * (config.embedding_size + (2 * config.num_layers - 1) * width)


def free_memory() -> float | None:
    """Bytes that can still be had, of the machine and of the limits of a container; None where the system does not
    tell."""
    facts = Path("/proc/meminfo")
    if not facts.exists():
        return None
    found = [line.split() for line in facts.read_text().splitlines() if line.startswith("MemAvailable:")]
    free = [1024.0 * int(one[1]) for one in found]
    groups = Path("/proc/self/cgroup")
    mine = [line[3:] for line in groups.read_text().splitlines() if line.startswith("0::")] if groups.exists() else []
    return min([*free, *(left for name in mine for left in left_by_groups(Path("/sys/fs/cgroup"), name))], default=None)


def left_by_groups(root: Path, name: str) -> list[float]:
    """Bytes that the limits of a control group (version 2) and those around it leave; what is kept of files that were
    read gives way.

    Args: name: as /proc/self/cgroup tells it, "/" in most containers.
    """
    group, left = root / name.lstrip("/"), []
    for place in (group, *group.parents):
        if not place.is_relative_to(root):
            break
        limit, used, kinds = (place / f"memory.{file}" for file in ("max", "current", "stat"))
        if limit.exists() and used.exists() and limit.read_text().strip() != "max":
            stat = dict(line.split() for line in kinds.read_text().splitlines()) if kinds.exists() else {}
            left.append(float(limit.read_text()) - float(used.read_text()) + float(stat.get("inactive_file", 0)))
    return left


def free_on(device: torch.device) -> float | None:
    """The same of an accelerator; None for the CPU."""
    ask = getattr(torch.get_device_module(device), "mem_get_info", None)
    return None if ask is None else float(ask(device)[0])
