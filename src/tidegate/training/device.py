"""The torch device to train on."""

from __future__ import annotations

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
