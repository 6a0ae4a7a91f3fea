"""A stream in a file: one .npz of plain arrays and a JSON header, without pickle; bound to its weights.

Version 1 holds the arrays as they are; version 2 as `compact.pack` makes them.
"""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ConfigError, ModelError
from tidegate.forecasting.carried import Carried, Window
from tidegate.forecasting.compact import pack, unpack
from tidegate.forecasting.model import ModelFile
from tidegate.forecasting.saving import check_destination, replacing
from tidegate.forecasting.stream import Stream
from tidegate.series.arriving import Layout
from tidegate.series.dates.frequency import Frequency
from tidegate.series.dates.timeline import StampStyle, Timeline

STREAM_SUFFIXES = (".npz",)
STREAM_VERSION = 2
READABLE_VERSIONS = (1, 2)
PER_SERIES = ("seasons", "length", "last", "smallest")
# Of files that are no .npz, and of headers that are none; an array by itself is no context manager.
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
OF_A_WINDOW = ("start", "read", "state", "sums")


def save_stream(stream: Stream, path: str | os.PathLike[str]) -> None:
    """See `Stream.save`. Of the ring, what a forecast can read is written, oldest first."""
    check_destination(path, STREAM_SUFFIXES)
    carried, timeline = stream.carried, stream.layout.timeline
    places = carried.length[:, None] + np.arange(-carried.reach - 1, 0)
    columns = np.arange(carried.size)[:, None], places % carried.values.shape[1]
    header = {
        "stream_version": STREAM_VERSION,
        "weights": stream.file.metadata["weights"],
        "model": stream.file.name,
        "horizon": stream.horizon,
        "season_length": stream.season_length,
        "late": stream.late,
        "unknown": stream.unknown,
        "library": stream.library,
        "target": stream.layout.target,
        "ids": list(stream.ids),
        "objects": [column.dtype.kind == "O" for column in stream.ids.values()],
        "frequency": None if timeline.frequency is None else asdict(timeline.frequency),
        "timezone": timeline.timezone,
        "wall": timeline.wall,
        "style": asdict(timeline.style),
        "column": timeline.column,
    }
    arrays: dict[str, NDArray[Any]] = {name: getattr(carried, name) for name in PER_SERIES}
    arrays |= {"starts": stream.starts, "lead": stream.lead}
    arrays |= {"values": carried.values[columns], "observed": np.packbits(carried.observed[columns], axis=1)}
    for number, window in enumerate(window for pair in carried.windows for window in pair):
        arrays |= {f"{name}_{number}": getattr(window, name) for name in OF_A_WINDOW}
    arrays |= {f"id_{number}": _plain(name, column) for number, (name, column) in enumerate(stream.ids.items())}
    packed, header["layout"] = pack(arrays)
    # As small as with more effort, in half the time: most bytes are either all alike or have no pattern.
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for name, array in {"header": np.array(json.dumps(header)), **packed}.items():
            with file.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _plain(name: str, column: NDArray[Any]) -> NDArray[Any]:
    """Ids as an array that needs no pickle."""
    if column.dtype.kind != "O":
        return column
    values = column.tolist()
    kinds = {type(value) for value in values}
    if len(kinds) > 1 or (kinds and kinds not in ({str}, {int}, {bool})):
        raise ConfigError(
            f'the ids in "{name}" are {" and ".join(sorted(kind.__name__ for kind in kinds))}: a stream can be saved '
            "where they are all text or all whole numbers"
        )
    return np.array(values)


def load_stream(path: str | os.PathLike[str], model: ModelFile) -> Stream:
    """See `Stream.load`."""
    place = Path(path)
    try:
        with open(place, "rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        header = json.loads(str(arrays["header"]))
        version, weights, made_with = (header[name] for name in ("stream_version", "weights", "model"))
    except UNREADABLE as error:
        raise ModelError(f"{place} is not a saved stream, or is damaged ({type(error).__name__}: {error})") from error
    if version not in READABLE_VERSIONS:
        readable = " and ".join(map(str, READABLE_VERSIONS))
        raise ModelError(f"{place} has stream version {version}, this tidegate reads {readable}: update tidegate")
    if weights != model.metadata.get("weights"):
        raise ModelError(
            f"{place} was carried by the weights {weights} ({made_with}), but {model.name} has the "
            f"weights {model.metadata.get('weights')}: load it with the model it was made with"
        )
    try:
        if version == 1:
            header["objects"] = [bool(arrays[f"is_object_{number}"]) for number in range(len(header["ids"]))]
        else:
            arrays = unpack(arrays, header["layout"])
        return _stream(header, arrays, model)
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, OverflowError) as error:
        raise ModelError(f"{place} is a damaged saved stream ({type(error).__name__}: {error})") from error


def _stream(header: dict[str, Any], arrays: dict[str, NDArray[Any]], model: ModelFile) -> Stream:
    carried = Carried.empty(model.networks, arrays["seasons"])
    width = carried.reach + 1
    for name in PER_SERIES:
        setattr(carried, name, _like(getattr(carried, name), arrays[name]))
    places = carried.length[:, None] + np.arange(-width, 0)
    columns = np.arange(carried.size)[:, None], places % carried.values.shape[1]
    carried.values[columns] = arrays["values"]
    carried.observed[columns] = np.unpackbits(arrays["observed"], axis=1, count=width).astype(bool) & (places >= 0)
    restored = [
        Window(**{name: _like(getattr(window, name), arrays[f"{name}_{number}"]) for name in OF_A_WINDOW})
        for number, window in enumerate(window for pair in carried.windows for window in pair)
    ]
    carried.windows = tuple(zip(restored[::2], restored[1::2], strict=True))
    ids: dict[str, NDArray[Any]] = {}
    for number, (name, is_object) in enumerate(zip(header["ids"], header["objects"], strict=True)):
        ids[name] = arrays[f"id_{number}"].astype(object) if is_object else arrays[f"id_{number}"]
    style = header["style"] | {"parts": tuple(tuple(part) for part in header["style"]["parts"])}
    frequency = None if header["frequency"] is None else Frequency(**header["frequency"])
    starts = arrays["starts"]
    timeline = Timeline(
        frequency, starts[:0], header["timezone"], header["wall"], StampStyle(**style), header["column"]
    )
    season_length = header["season_length"]
    return Stream(
        model,
        header["horizon"],
        Layout(tuple(ids), header["target"], timeline),
        carried,
        ids,
        _like(np.empty(carried.size, starts.dtype), starts),
        _like(carried.length, arrays["lead"]),
        tuple(season_length) if isinstance(season_length, list) else season_length,
        header["late"],
        header["unknown"],
        header["library"],
    )


def _like(expected: NDArray[Any], found: NDArray[Any]) -> NDArray[Any]:
    """Raises ValueError unless an array has the shape and type that it must have."""
    if found.shape != expected.shape or found.dtype != expected.dtype:
        raise ValueError(f"found {found.dtype} {found.shape}, expected {expected.dtype} {expected.shape}")
    return found
