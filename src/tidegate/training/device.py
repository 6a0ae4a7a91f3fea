"""The torch device to train on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from tidegate.errors import ConfigError


def torch_device(device: str) -> torch.device:
    """The device of that name. "auto": CUDA if available, otherwise the CPU.

    Raises: ConfigError if the device is not available or lacks double precision, in which values are scaled.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
        float(torch.zeros(1, device=found, dtype=torch.float64))
    except (RuntimeError, AssertionError, TypeError, ImportError) as error:
        raise ConfigError(f"device {device!r} cannot be used here ({error}); try device='auto'") from error
    return found


@contextmanager
def repeatable(device: torch.device) -> Iterator[None]:
    """On CUDA, choose operations that give the same bits each time; PyTorch warns of one that has no such variant.

    On a CPU all do. Source: PyTorch's notes on reproducibility, and on `nn.LSTM`.
    """
    if device.type != "cuda":
        yield
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it when it is first used
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
