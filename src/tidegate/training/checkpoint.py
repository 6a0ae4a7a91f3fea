"""Checkpoints: the whole state of a training run as one safetensors file with JSON beside the tensors; no pickle."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from tidegate.errors import ModelError


def save_checkpoint(path: Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Write to a temporary file, then rename it: a kill or a full disk leaves the previous checkpoint intact."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(path.name + ".tmp")
    try:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, aside, {"facts": json.dumps(facts)})
        with aside.open("rb+") as file:
            os.fsync(file.fileno())
        aside.replace(path)
    except SafetensorError as error:  # safetensors raises it if the disk refuses
        raise OSError(errno.EIO, f"the checkpoint cannot be written: {error}", os.fspath(path)) from error
    finally:
        aside.unlink(missing_ok=True)


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Raises ModelError if the file is not a checkpoint."""
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
            return tensors, dict(json.loads(file.metadata()["facts"]))
    except (SafetensorError, KeyError, TypeError, ValueError, IsADirectoryError) as error:
        raise ModelError(f"{path} is not a training checkpoint ({error}); delete it to start anew") from error


def pack(network: nn.Module, averaged: dict[str, Tensor], optimizers: Sequence[Optimizer]) -> dict[str, Tensor]:
    """All tensors of a training run: weights, their running average, and the optimizers' state by parameter name."""
    names: dict[Tensor, str] = {parameter: name for name, parameter in network.named_parameters()}
    packed = {f"network/{name}": parameter.detach().clone() for parameter, name in names.items()}
    packed |= {f"averaged/{name}": tensor.clone() for name, tensor in averaged.items()}
    for optimizer in optimizers:
        for parameter, state in optimizer.state.items():
            packed |= {f"optimizer/{names[parameter]}/{key}": value.clone() for key, value in state.items()}
    return packed


def unpack(
    tensors: dict[str, Tensor], network: nn.Module, averaged: dict[str, Tensor], optimizers: Sequence[Optimizer]
) -> None:
    """The inverse of `pack`, in place."""
    names: dict[Tensor, str] = {parameter: name for name, parameter in network.named_parameters()}
    with torch.no_grad():
        for parameter, name in names.items():
            parameter.copy_(tensors[f"network/{name}"])
            averaged[name].copy_(tensors[f"averaged/{name}"])
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                prefix = f"optimizer/{names[parameter]}/"
                optimizer.state[parameter] = {
                    key.removeprefix(prefix): value.to("cpu" if key.endswith("/step") else parameter.device, copy=True)
                    for key, value in tensors.items()
                    if key.startswith(prefix)
                }
