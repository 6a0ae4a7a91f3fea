"""What a model file tells of itself, checked before anything is done with it: damaged and foreign files are refused.

A file tells it twice: in words, its metadata, and by the inputs and outputs of its graph. Both have to agree.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tidegate.errors import ConfigError, ModelError
from tidegate.forecasting.config import READABLE_VERSIONS, STREAMING_VERSIONS, SUMS, ModelConfig
from tidegate.series.dates.frequency import Frequency
from tidegate.series.seasons import asked_lengths

Interface = Mapping[str, Sequence[int | str | None]]  # input or output of a graph -> shape; no number: may be any size
IN_EVERY_FORMAT = ("season_lengths", "quantiles")  # earlier formats have fewer other inputs and outputs than today's


def read_facts(text: str | None, interface: Interface, name: str) -> dict[str, Any]:
    """The facts of a model file: `format_version`, `config`, and what else there is.

    Args:
        text: the JSON in its metadata, None where there is none.
        interface: what its graph declares.
        name: how messages call the file.
    Raises: ModelError for a file that tidegate did not save, for one of another format, for facts that are none, and
        for facts that are not those of the graph.
    """
    try:
        facts = json.loads(text or "")
    except ValueError:
        facts = None
    if not isinstance(facts, dict):
        raise ModelError(f"{name} is an ONNX file but not one that tidegate saved")
    if (version := facts.get("format_version")) not in READABLE_VERSIONS:
        readable = f"{READABLE_VERSIONS[0]} to {READABLE_VERSIONS[-1]}"
        raise ModelError(
            f"{name} has format version {version!r}, this tidegate reads {readable}: "
            "update tidegate, or save the model again"
        )
    try:
        _check_interface(interface, _networks(facts), facts["format_version"])
    except (ModelError, ConfigError) as error:
        raise ModelError(f"{name} cannot be used: {error}") from error
    return facts


def suffix(network: int) -> str:
    """Of the names of the inputs and outputs by which a network of a file goes on."""
    return f"_{network}" if network else ""


def interface_of(networks: Sequence[ModelConfig]) -> dict[str, tuple[int | str, ...]]:
    """The inputs and outputs of a graph that holds these networks; `network.model_file.to_onnx` says what they are."""
    levels, horizon = len(networks[0].quantile_levels), min(config.horizon for config in networks)
    shapes: dict[str, tuple[int | str, ...]] = {
        "context": ("batch", "time"),
        "horizon": (),
        "past_origins": (),
        "quantiles": ("batch", "steps", levels),
        "past_quantiles": ("batch", "past", horizon, levels),
    }
    if slots := max(config.season_slots for config in networks):
        shapes["season_lengths"] = ("batch", slots)
    for place, config in enumerate(networks):
        end, carried = suffix(place), f"carried{suffix(place)}"
        shapes[f"state{end}"] = (1, config.state_parts, carried, config.hidden_size)
        shapes[f"sums{end}"] = (carried, len(SUMS))
        shapes[f"pending{end}"] = (carried,)
        shapes[f"state_after{end}"] = (1, config.state_parts, "batch", config.hidden_size)
        shapes[f"sums_after{end}"] = ("batch", len(SUMS))
    if len(networks) > 1:
        for name in ("quantiles", "past_quantiles"):
            shapes[f"{name}_of_each"] = (len(networks), *shapes[name])
    return shapes


def _check_interface(found: Interface, networks: Sequence[ModelConfig], version: int) -> None:
    """Raises ModelError unless the graph declares what networks of these shapes have."""
    expected: Interface = interface_of(networks)
    for name in {**expected, **found}:
        same = _sizes(found.get(name)) == _sizes(expected.get(name))
        if not same and (version in STREAMING_VERSIONS or name in IN_EVERY_FORMAT):
            raise ModelError(
                f"found {_declared(name, found)} in its graph, expected {_declared(name, expected)} by its metadata. "
                "One of the two was changed: use the file as it was saved, or fit again"
            )


def _sizes(shape: Sequence[int | str | None] | None) -> list[int | None] | None:
    return None if shape is None else [size if isinstance(size, int) else None for size in shape]


def _declared(name: str, interface: Interface) -> str:
    return f"{name} ({', '.join(map(str, interface[name]))})" if name in interface else f"no {name}"


def _networks(facts: Mapping[str, Any]) -> tuple[ModelConfig, ...]:
    """All networks of the file. Raises ModelError or ConfigError unless all that is read later is what it has to be."""
    members = _of_kind(facts, "members", list, [facts.get("config")])
    first, *networks = (ModelConfig.from_dict(config) for config in (facts.get("config"), *members))
    if networks[:1] != [first]:
        raise ModelError(f"found members {members!r:.200}, expected the networks of the file, `config` the first")
    _of_kind(facts, "weights", str, "")
    shares = _of_kind(facts, "shares", list, [1.0] * len(members))
    if len(shares) != len(members) or not all(isinstance(share, int | float) and share > 0 for share in shares):
        raise ModelError(f"found shares {shares!r}, expected one above 0 for each of {len(members)} networks")
    origin = _of_kind(facts, "provenance", dict, {})
    if origin.get("horizon") is not None:
        _of_kind(origin, "horizon", int, 1)
    if origin.get("season_length") is not None:
        asked_lengths(_of_kind(origin, "season_length", list, []))
        if origin.get("frequency") is not None:
            Frequency.parse(_of_kind(origin, "frequency", str, ""))
    return tuple(networks)


def _of_kind(facts: Mapping[str, Any], name: str, kind: type, absent: Any) -> Any:
    """A fact, or `absent` where there is none of that name. Raises: ModelError if it is of another kind."""
    if not isinstance(found := facts.get(name, absent), kind):
        raise ModelError(f"found {name} {found!r}, expected a JSON {_WORDS[kind]}")
    return found


_WORDS = {list: "array", dict: "object", str: "string", int: "number"}
