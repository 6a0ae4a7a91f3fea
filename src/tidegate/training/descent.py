"""Gradient descent: the optimizers, one step of them, and the running average of the weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.optim import Optimizer

from tidegate.network.patch_lstm import PatchLSTM


def make_optimizers(network: PatchLSTM, *, learning_rate: float, weight_decay: float) -> list[Optimizer]:
    """Muon for the matrices between hidden layers; AdamW for input and output layers, biases and peepholes.

    The peephole weights are three vectors, not a matrix. Muon makes the singular values of each update equal (Jordan et
    al., 2024). Its updates are scaled to the size of AdamW's (Liu et al., 2025, "Muon is scalable for LLM training").
    So both use the same learning rate.
    """
    outer = ("embedding.0.", "head.2.")
    hidden: list[torch.nn.Parameter] = []
    others: list[torch.nn.Parameter] = []
    for name, parameter in network.named_parameters():
        matrix = parameter.ndim == 2 and not name.startswith(outer) and "weight_peep" not in name
        (hidden if matrix else others).append(parameter)
    return [
        torch.optim.Muon(hidden, lr=learning_rate, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=learning_rate, betas=(0.9, 0.98), weight_decay=weight_decay),
    ]


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Flush denormal numbers to zero inside. Gradients from far back become denormal, which is slow on CPUs."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def descend(
    network: PatchLSTM, optimizers: Sequence[Optimizer], loss: Tensor, rate: float, gradient_norm: float
) -> float:
    """One step of the optimizers. A gradient that is not finite is skipped. Returns: the loss."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate
    network.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    norm = torch.nn.utils.clip_grad_norm_(network.parameters(), gradient_norm)
    if bool(torch.isfinite(norm)):
        for optimizer in optimizers:
            optimizer.step()
    return float(loss.detach())


def average_into(averaged: dict[str, Tensor], network: PatchLSTM, decay: float) -> None:
    """Update the exponential moving average of the weights, which is steadier than the last weights."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            averaged[name].lerp_(parameter, 1 - decay)
