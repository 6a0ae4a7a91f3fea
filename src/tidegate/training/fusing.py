"""Fewer, larger kernels on a GPU, where a step launches a thousand small operations on data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from tidegate.network.causal import Steps
from tidegate.network.patch_lstm import PatchLSTM
from tidegate.training.every_origin import Truth, truth_after

PARTS = ("step_inputs", "look_up")  # methods of the network that prepare data


@contextmanager
def fused(network: PatchLSTM) -> Iterator[Truth]:
    """Compile the functions with which a network prepares its inputs and look-ups. Yields: `truth_after`, compiled.

    Compiling takes about a minute, so it pays only for long trainings.
    """
    for part in PARTS:
        setattr(network, part, compiled(getattr(network, part)))
    try:
        yield compiled(truth_after)
    finally:
        for part in PARTS:
            delattr(network, part)


def compiled(work: Callable[..., Any]) -> Callable[..., Any]:
    """`work` compiled for tensors of any size."""
    quick = torch.compile(work, dynamic=True)

    def call(*arguments: Any) -> Any:
        # Each kind of tensor that shares memory or is expanded would need another compilation.
        return quick(*(part.apart() if isinstance(part, Steps) else part for part in arguments))

    return call
