"""The network as one .onnx file: raw values in, quantiles in the same units out; and back, to the same bits.

`forecast_graph.py` writes what is computed. Any ONNX runtime in any language forecasts with the file.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import numpy_helper

from tidegate.errors import ModelError
from tidegate.forecasting.config import FORMAT_VERSION, METADATA_KEY, TRAINABLE_VERSIONS, ModelConfig
from tidegate.forecasting.facts import Interface, read_facts
from tidegate.forecasting.saving import replacing
from tidegate.network.forecast_graph import prefix, unpack, write_forecast
from tidegate.network.graph import Graph
from tidegate.network.patch_lstm import PatchLSTM

Networks = PatchLSTM | Sequence[PatchLSTM]


def to_onnx(
    networks: Networks,
    provenance: Mapping[str, Any],
    *,
    calibration: Sequence[float] | None = None,
    shares: Sequence[float] | None = None,
) -> bytes:
    """The model file's bytes: of one network, or of several whose quantiles are averaged level by level.

    Inputs of the graph: `context` (batch, time) float64 with NaN for missing; `season_lengths` (batch, slots) int64, 0
    for none (absent without season look-ups); `horizon`, scalar int64. Outputs: `quantiles` (batch, horizon, quantiles)
    float64; `past_quantiles` (batch, past_origins, config.horizon, quantiles): what the same pass forecasts at the last
    `past_origins` ends of a patch that have steps after them, the latest first, NaN where there are no more. Left out,
    `past_origins` is 0 and costs nothing.

    Inputs that may be left out too, to go on from where an earlier pass was: `state` (1, parts, batch, hidden) float32,
    the hidden and cell state of each layer; `sums` (batch, SUMS) float64; `pending` (batch,) int64, how many of the
    context's last steps come after that state, 0 for a row that carries nothing. The context still shows what the
    look-ups reach, and begins with an observed value. Outputs `state_after` and `sums_after`: what to go on from after
    a context that ends with a whole patch, counted from the first observed value; NaN in `sums_after` where it does
    not, or where another row of the batch has more steps. With horizon 0 nothing but these is computed. Of a
    file that holds several networks these names are the first one's; the next ones' end in `_1`, `_2` ..., and
    `quantiles_of_each` and `past_quantiles_of_each` (networks, batch, ...) are what is averaged.

    Args:
        networks: of several, the one with the longest patches first, which those of the others divide; all with the
            same context length and quantile levels.
        calibration: factors of the central intervals (`forecasting.calibration`), the outermost first.
        shares: of each network in the mean, more than 0; None: all the same, which the file does not mention.
    """
    facts: dict[str, Any] = {"provenance": dict(provenance)}
    if calibration is not None:
        facts["calibration"] = list(calibration)
    if shares is not None and len(set(shares)) > 1:
        facts["shares"] = list(shares)
    return _written(networks, facts)


def _written(networks: Networks, facts: Mapping[str, Any]) -> bytes:
    """facts: what the metadata hold besides what describes the networks themselves."""
    several = (networks,) if isinstance(networks, PatchLSTM) else tuple(networks)
    graph = Graph()
    outputs = write_forecast(graph, several, facts.get("shares", [1.0] * len(several)))
    about = {
        "format_version": FORMAT_VERSION,
        "config": several[0].config.to_dict(),
        "weights": weights_fingerprint(list(graph.initialisers.values())),
    }
    if len(several) > 1:
        about["members"] = [network.config.to_dict() for network in several]
    return graph.model(outputs, {METADATA_KEY: json.dumps({**facts, **about})}).SerializeToString()


def weights_fingerprint(initialisers: Sequence[onnx.TensorProto]) -> str:
    """16 hexadecimal digits of the SHA-256 of all trained numbers in a graph, by name: the same in every format."""
    digest = hashlib.sha256()
    for tensor in sorted(initialisers, key=lambda tensor: tensor.name):
        if re.search(r"\.(weight|bias)", tensor.name):
            digest.update(f"{tensor.name} {tuple(tensor.dims)}\n".encode())
            digest.update(numpy_helper.to_array(tensor).astype("<f4").tobytes())
    return digest.hexdigest()[:16]


def rewrite(path: Path) -> None:
    """Write a file of an earlier format anew in that of today: the same weights, to the bit, and the same facts.

    Raises: ModelError for a format whose weights belong to another network.
    """
    networks, facts = load_networks(path)
    with replacing(path) as aside:
        aside.write_bytes(_written(networks, facts))


def save_network(
    networks: Networks,
    path: Path,
    provenance: Mapping[str, Any],
) -> None:
    """`to_onnx` to a file, written aside, then renamed."""
    with replacing(path) as aside:
        aside.write_bytes(to_onnx(networks, provenance))


def load_network(path: Path) -> tuple[PatchLSTM, dict[str, Any]]:
    """The network in a model file that holds one, and the file's facts. Raises ModelError if it is none."""
    networks, facts = load_networks(path)
    if len(networks) > 1:
        raise ModelError(f"{path} holds {len(networks)} networks where one was expected")
    return networks[0], facts


def load_networks(path: Path) -> tuple[tuple[PatchLSTM, ...], dict[str, Any]]:
    """The networks in a model file, and the file's facts. Raises ModelError if it is not one."""
    try:
        model = onnx.load(path)
        told = {entry.key: entry.value for entry in model.metadata_props}.get(METADATA_KEY)
        facts = read_facts(told, declared(model.graph), str(path))
        if (version := facts["format_version"]) not in TRAINABLE_VERSIONS:
            known = f"{TRAINABLE_VERSIONS[0]} to {TRAINABLE_VERSIONS[-1]}"
            raise ModelError(
                f"{path} has format version {version}: it forecasts, but only versions {known} can be trained "
                "further; fit it again"
            )
        stored = {entry.name: numpy_helper.to_array(entry) for entry in model.graph.initializer}
        configs = [ModelConfig.from_dict(one) for one in facts.get("members", [facts["config"]])]
        networks = tuple(PatchLSTM(config) for config in configs)
        for place, network in enumerate(networks):
            weights = {
                name: torch.from_numpy(unpack(name, stored[prefix(place) + name], cell=network.config.cell))
                for name in network.state_dict()
            }
            network.load_state_dict(weights)
    except (KeyError, ValueError, TypeError, RuntimeError, onnx.checker.ValidationError) as error:
        raise ModelError(
            f"{path} is not a tidegate model file, or is damaged ({type(error).__name__}: {error})"
        ) from error
    except Exception as error:
        if type(error).__name__ != "DecodeError":  # protobuf's own error, without a public name to import
            raise
        raise ModelError(f"{path} is not an ONNX file, or is cut off") from error
    return networks, facts


def declared(graph: onnx.GraphProto) -> Interface:
    """The inputs and outputs of a graph, with their shapes."""
    ends = [(end.name, end.type.tensor_type.shape.dim) for end in (*graph.input, *graph.output)]
    return {name: [size.dim_value or size.dim_param for size in shape] for name, shape in ends}


if __name__ == "__main__":
    for name in sys.argv[1:]:
        rewrite(Path(name))
