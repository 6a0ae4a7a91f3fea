"""Checkpoints: the whole state of a training run as one safetensors file with JSON beside the tensors; no pickle."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from tidegate.errors import ModelError


def save_checkpoint(path: Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Write aside, then rename: a kill or a full disk leaves the previous checkpoint as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(path.name + ".tmp")
    try:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, aside, {"facts": json.dumps(facts)})
        with aside.open("rb+") as file:
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Raises ModelError if the file is not a checkpoint."""
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
            return tensors, json.loads(file.metadata()["facts"])
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path} is not a training checkpoint ({error}); delete it to start anew") from error


def pack(network: nn.Module, averaged: dict[str, Tensor], optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """All tensors of a run: weights, their running average, and the optimizer's state by parameter name."""
    names: dict[Tensor, str] = {parameter: name for name, parameter in network.named_parameters()}
    packed = {f"network/{name}": parameter.detach().clone() for parameter, name in names.items()}
    packed |= {f"averaged/{name}": tensor.clone() for name, tensor in averaged.items()}
    for parameter, state in optimizer.state.items():
        packed |= {f"optimizer/{names[parameter]}/{key}": value.clone() for key, value in state.items()}
    return packed


def unpack(
    tensors: dict[str, Tensor], network: nn.Module, averaged: dict[str, Tensor], optimizer: torch.optim.Optimizer
) -> None:
    """The inverse of `pack`, in place."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(tensors[f"network/{name}"])
            averaged[name].copy_(tensors[f"averaged/{name}"])
            prefix = f"optimizer/{name}/"
            optimizer.state[parameter] = {
                key.removeprefix(prefix): value.to(parameter.device if key.endswith(("avg", "avg_sq")) else "cpu")
                for key, value in tensors.items()
                if key.startswith(prefix)
            }
