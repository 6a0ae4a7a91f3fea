"""Seeded random numbers for whole batches; a row of a batch is a series."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor


class Draws:
    """Random tensors from one seed on one device. Two with one seed on one kind of device draw the same numbers."""

    def __init__(self, seed: int, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.generator = torch.Generator(self.device).manual_seed(seed)

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        return low + (high - low) * torch.rand(*shape, generator=self.generator, device=self.device)

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self.generator, device=self.device)

    def poisson(self, rate: Tensor) -> Tensor:
        """Counts with the given means, which are cut at a million."""
        return torch.poisson(rate.clamp(0.0, 1e6), generator=self.generator)

    def log_uniform(self, rows: int, low: float, high: float) -> Tensor:
        """(rows, 1) between low and high, every factor as likely as any other."""
        return self.uniform(rows, 1, low=math.log(low), high=math.log(high)).exp()

    def whole(self, rows: int, below: int) -> Tensor:
        """(rows,) int64 of 0 .. below - 1."""
        return torch.randint(below, (rows,), generator=self.generator, device=self.device)

    def chance(self, probability: float, rows: int) -> Tensor:
        """(rows, 1) bool."""
        return self.uniform(rows, 1) < probability

    def choose(self, weights: Sequence[float], rows: int) -> Tensor:
        """(rows,) index drawn with the given weights."""
        table = torch.tensor(weights, device=self.device).expand(rows, -1)
        return torch.multinomial(table, 1, generator=self.generator)[:, 0]

    def mixed(self, rows: int, kinds: Sequence[tuple[float, Callable[[Tensor], Tensor]]]) -> Tensor:
        """(rows, time): each row made by one of the kinds, drawn by weight. A kind is given its rows' index (n,) and
        returns (n, time)."""
        kind = self.choose([weight for weight, _ in kinds], rows)
        chosen = [(kind == number).nonzero()[:, 0] for number in range(len(kinds))]
        parts = [make(index) for index, (_, make) in zip(chosen, kinds, strict=True)]
        result = torch.empty(rows, parts[0].shape[1], device=self.device)
        for index, part in zip(chosen, parts, strict=True):
            result[index] = part
        return result


def standard(values: Tensor) -> Tensor:
    """Each row (rows, time) with mean 0 and standard deviation 1; a constant row becomes 0."""
    values = values - values.mean(1, keepdim=True)
    size = torch.linalg.vector_norm(values, dim=1, keepdim=True) / math.sqrt(max(1, values.shape[1] - 1))
    return values / size.clamp(min=1e-6)


def deviation(values: Tensor) -> Tensor:
    """(rows, 1) standard deviation of each row; there may be no rows, of which torch would warn."""
    return values.std(1, keepdim=True) if len(values) else values[:, :1]
