"""Whether a panel can be trained on here, asked before anything large is made."""

from __future__ import annotations

from pathlib import Path

import torch

from tidegate.errors import DataError
from tidegate.series.panel import Panel
from tidegate.training.choices import FitPlan
from tidegate.training.side_by_side import workers_for

COPIES = 4  # of all values, 8 bytes each: the panel, logarithms for two trainings, what is read while seasons are found
FIXED = 700e6  # torch itself, the networks, their gradients and averages
# Bytes that a training keeps for the gradient, measured with the default network; validation needs less.
PER_BATCH_VALUE = 25_000.0


def check_memory(panel: Panel, plan: FitPlan, device: torch.device) -> None:
    """Raises: DataError, with what is needed and what is free, if there is not enough, here or on the device."""
    at_once = workers_for(2 * (plan.members or 1), device)
    needed = 8.0 * COPIES * len(panel.values) + FIXED + at_once * PER_BATCH_VALUE * plan.batch_values
    for where, free in (("memory", free_memory()), (f"memory on {device}", free_on(device))):
        if free is not None and needed > free:
            raise DataError(
                f"training on {panel.size:,} series with {len(panel.values):,} steps needs about {needed / 1e9:.1f} GB "
                f"of {where}, and {free / 1e9:.1f} GB are free: train on a part of the series (any part of them "
                "teaches a network that forecasts all), or on a machine with more"
            )


def free_memory() -> float | None:
    """Bytes that can still be had; None where the system does not tell."""
    facts = Path("/proc/meminfo")
    if not facts.exists():
        return None
    found = [line.split() for line in facts.read_text().splitlines() if line.startswith("MemAvailable:")]
    return 1024.0 * int(found[0][1]) if found else None


def free_on(device: torch.device) -> float | None:
    """The same of an accelerator; None for the CPU."""
    ask = getattr(torch.get_device_module(device), "mem_get_info", None)
    return None if ask is None else float(ask(device)[0])
