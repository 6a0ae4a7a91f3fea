"""A device for tests where there is no GPU: its tensors lie in ordinary memory and refuse to meet those of the CPU.

Importing this registers "elsewhere" with torch, as the module of an accelerator would. An operation whose tensors lie
on both devices raises, as on a GPU, unless it is one that moves values or takes indices; so code that computes on it
leaves nothing behind on the CPU by mistake. It is not quick, and says nothing about the numbers of real accelerators.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import return_and_correct_aliasing
from torch.utils.backend_registration import _DummyBackendModule, _setup_privateuseone_for_python_backend

NAME = "elsewhere"
aten = torch.ops.aten
# What may see both devices, as on a GPU: copies, and numbers and indices that a kernel is given.
MOVES = {
    aten.copy_.default,
    aten._to_copy.default,
    aten.index.Tensor,
    aten.index_put.default,
    aten.index_put_.default,
    aten._index_put_impl_.default,
}


class Backend(_DummyBackendModule):
    """torch.elsewhere"""

    free = 8 << 30  # bytes that it says are free

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]

    def mem_get_info(self, device: object = None) -> tuple[int, int]:
        return self.free, 16 << 30


class Elsewhere(Tensor):
    """held: its values, on the CPU."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> Elsewhere:
        facts = {"strides": held.stride(), "storage_offset": held.storage_offset(), "dtype": held.dtype}
        made = torch.Tensor._make_wrapper_subclass(cls, held.size(), device=torch.device(NAME, 0), **facts)
        made.held = held
        return made

    def __repr__(self, **_: Any) -> str:
        return f"Elsewhere({self.held})"

    @classmethod
    def __torch_dispatch__(cls, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        asked = kwargs.get("device")
        options = kwargs if asked is None else {**kwargs, "device": torch.device("cpu")}
        bring = held if operation in MOVES else held_alone
        given, options = replaced(bring, args), {name: replaced(bring, one) for name, one in options.items()}
        found = KERNELS.get(operation, operation)(*given, **options)
        if operation is aten.copy_.default:
            return args[0]
        if asked is not None and torch.device(asked).type == "cpu":
            return found.clone() if any(found is one for one in given) else found
        return return_and_correct_aliasing(operation, args, kwargs, replaced(sent, found))


def replaced(change: Callable[[Any], Any], value: Any) -> Any:
    """A value, or those in lists and tuples, changed."""
    if isinstance(value, (list, tuple)):
        return type(value)(replaced(change, one) for one in value)
    return change(value)


def held(value: Any) -> Any:
    """On the CPU, where it is a tensor from elsewhere."""
    return value.held if isinstance(value, Elsewhere) else value


def held_alone(value: Any) -> Any:
    """The same. Raises RuntimeError for a tensor of the CPU, unless it is a single number."""
    if isinstance(value, Tensor) and not isinstance(value, Elsewhere) and value.dim():
        raise RuntimeError(f"expected all tensors on the same device, found {NAME} and cpu")
    return held(value)


def sent(value: Any) -> Any:
    """Elsewhere, where it is a tensor."""
    return Elsewhere(value) if isinstance(value, Tensor) else value


def lstm_cell(by_input: Tensor, by_state: Tensor, cell: Tensor, *biases: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """One step of an LSTM from what its gates are given; accelerators have one kernel for that, the CPU has none."""
    into, keep, new, out = sum(biases, by_input + by_state).chunk(4, 1)
    into, keep, new, out = into.sigmoid(), keep.sigmoid(), new.tanh(), out.sigmoid()
    after = keep * cell + into * new
    return out * after.tanh(), after, torch.cat([into, keep, new, out], 1)


def lstm_cell_gradient(
    of_hidden: Tensor | None, of_cell: Tensor | None, cell: Tensor, after: Tensor, gates: Tensor, has_bias: bool
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Gradients of what the gates are given, of the cell before, and of the biases."""
    into, keep, new, out = gates.chunk(4, 1)
    shown = after.tanh()
    hidden = torch.zeros_like(after) if of_hidden is None else of_hidden
    inner = hidden * out * (1 - shown**2) + (0 if of_cell is None else of_cell)
    slopes = (into * (1 - into) * new, keep * (1 - keep) * cell, (1 - new**2) * into)
    inputs = torch.cat([*(inner * slope for slope in slopes), hidden * shown * out * (1 - out)], 1)
    return inputs, inner * keep, inputs.sum(0) if has_bias else None


KERNELS: dict[Any, Callable[..., Any]] = {
    aten._thnn_fused_lstm_cell.default: lstm_cell,
    aten._thnn_fused_lstm_cell_backward_impl.default: lstm_cell_gradient,
}


def empty(size: Sequence[int], dtype: torch.dtype | None = None, *_: Any, **__: Any) -> Tensor:
    return Elsewhere(torch.empty(size, dtype=dtype, device="cpu"))


def empty_strided(size: Sequence[int], stride: Sequence[int], dtype: torch.dtype, *_: Any, **__: Any) -> Tensor:
    return Elsewhere(torch.empty_strided(size, stride, dtype=dtype, device="cpu"))


def copy_from(source: Tensor, target: Tensor, *_: Any, **__: Any) -> Tensor:
    held(target).copy_(held(source))
    return target


backend = Backend()
_setup_privateuseone_for_python_backend(NAME, backend_module=backend)
library = torch.library.Library("aten", "IMPL")
library.impl("empty.memory_format", empty, "PrivateUse1")
library.impl("empty_strided", empty_strided, "PrivateUse1")
library.impl("_copy_from", copy_from, "PrivateUse1")
