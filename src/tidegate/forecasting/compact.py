"""Arrays in fewer bytes, to the same bits: what zlib is given is put so that it finds what repeats.

Nothing is rounded. A last bit of a carried state or of one value is enough to move far quantiles by 1e-5 of a series'
scale, which is all that a stream may differ from the batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Layout = dict[str, list[tuple[str, tuple[int, ...]]]]  # packed array -> the names and shapes it holds, for JSON

MOST_DECIMALS = 6
MOST = 2.0**52  # up to here a float64 holds every whole number


def pack(arrays: Mapping[str, Array]) -> tuple[dict[str, Array], Layout]:
    """The same in fewer and smaller arrays, and what `unpack` has to know.

    Arrays of whole numbers become one, as do those of float64; float32 is parted into planes of bytes; the float64
    matrix "values" is written in decimals, row by row, where that loses nothing. All else stays as it is.

    Args: arrays: each with the same first axis.
    """
    result: dict[str, Array] = {}
    layout: Layout = {}
    for kind in (np.int64, np.float64):
        alike = {name: array for name, array in arrays.items() if array.dtype == kind and name != "values"}
        if alike:
            joined = np.dtype(kind).name
            result[joined] = np.concatenate([_flat(array).T for array in alike.values()])
            layout[joined] = [(name, array.shape[1:]) for name, array in alike.items()]
    for name, array in arrays.items():
        if name == "values":
            steps, result["decimals"], result["least"] = to_decimals(array)
            result[name] = to_planes(steps)
        elif array.dtype == np.float32:
            result[name] = to_planes(np.moveaxis(array, 0, -1))  # one unit of all series: alike again
        elif array.dtype not in (np.int64, np.float64):
            result[name] = array
    layout["float32"] = [(name, ()) for name, array in arrays.items() if array.dtype == np.float32]
    return result, layout


def unpack(packed: Mapping[str, Array], layout: Layout) -> dict[str, Array]:
    """What was given to `pack`. Raises: KeyError, ValueError, IndexError for what it did not make."""
    result = dict(packed)
    for joined in ("int64", "float64"):
        rows, place = result.pop(joined).T if joined in layout else np.empty((0, 0)), 0
        for name, shape in layout.get(joined, []):
            width = int(np.prod(shape))
            result[name] = np.ascontiguousarray(rows[:, place : place + width]).reshape(len(rows), *shape)
            place += width
    for name, _ in layout["float32"]:
        result[name] = np.ascontiguousarray(np.moveaxis(from_planes(result[name], np.float32), -1, 0))
    if "values" in result:
        steps = from_planes(result["values"], np.int64)
        result["values"] = from_decimals(steps, result.pop("decimals"), result.pop("least"))
    return result


def _flat(array: Array) -> Array:
    return array.reshape(len(array), int(np.prod(array.shape[1:])))


def to_planes(array: Array) -> Array:
    """(itemsize, ...) uint8: first bytes, then second bytes, ...: those that hold sign and exponent are much alike."""
    return np.moveaxis(np.ascontiguousarray(array)[..., None].view(np.uint8), -1, 0)


def from_planes(planes: Array, dtype: type) -> Array:
    """Back again."""
    return np.ascontiguousarray(np.moveaxis(planes, 0, -1)).view(dtype)[..., 0]


def to_decimals(values: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int8], NDArray[np.int64]]:
    """Each row as (least + steps) / 10 ** decimals, if that is the same to the bit; else decimals -1, and its bits.

    Args: values: (rows, n) finite.
    Returns: (rows, n) steps, (rows,) decimals, (rows,) least.
    """
    decimals = np.full(len(values), -1, np.int8)
    steps, least = values.view(np.int64).copy(), np.zeros(len(values), np.int64)
    for places in range(MOST_DECIMALS + 1):
        rows = np.flatnonzero(decimals < 0)
        rows = rows[_whole(values[rows, -8:], places)[1]]  # most of those that have more decimals show it at once
        whole, fits = _whole(values[rows], places)
        rows, whole = rows[fits], whole[fits]
        decimals[rows] = places
        least[rows] = whole.min(axis=1)
        steps[rows] = whole - least[rows, None]
    return steps, decimals, least


def _whole(values: NDArray[np.float64], places: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Each value times 10 ** places as a whole number, and which rows come back from these to the same bits."""
    with np.errstate(over="ignore"):
        scaled = np.rint(values * 10.0**places)
    whole = np.where(np.abs(scaled) < MOST, scaled, 0.0).astype(np.int64)
    return whole, ((whole / 10.0**places).view(np.int64) == values.view(np.int64)).all(axis=1)


def from_decimals(
    steps: NDArray[np.int64], decimals: NDArray[np.int8], least: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Back again."""
    written = (least[:, None] + steps) / 10.0 ** np.maximum(decimals, 0)[:, None]
    return np.where(decimals[:, None] >= 0, written, steps.view(np.float64))
