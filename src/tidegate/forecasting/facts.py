"""What a model file tells of itself, checked before anything is done with it: damaged and foreign files are refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tidegate.errors import ConfigError, ModelError
from tidegate.forecasting.config import READABLE_VERSIONS, ModelConfig
from tidegate.series.dates.frequency import Frequency
from tidegate.series.seasons import asked_lengths


def read_facts(text: str | None, name: str) -> dict[str, Any]:
    """The facts of a model file: `format_version`, `config`, and what else there is.

    Args:
        text: the JSON in its metadata, None where there is none.
        name: how messages call the file.
    Raises: ModelError for a file that tidegate did not save, for one of another format, and for facts that are none.
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
        _check(facts)
    except (ModelError, ConfigError) as error:
        raise ModelError(f"{name} cannot be used: {error}") from error
    return facts


def _check(facts: Mapping[str, Any]) -> None:
    """Raises ModelError or ConfigError unless all that is read later is what it has to be."""
    members = _of_kind(facts, "members", list, [facts.get("config")])
    for config in (facts.get("config"), *members):
        ModelConfig.from_dict(config)
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


def _of_kind(facts: Mapping[str, Any], name: str, kind: type, absent: Any) -> Any:
    """A fact, or `absent` where there is none of that name. Raises: ModelError if it is of another kind."""
    if not isinstance(found := facts.get(name, absent), kind):
        raise ModelError(f"found {name} {found!r}, expected a JSON {_WORDS[kind]}")
    return found


_WORDS = {list: "array", dict: "object", str: "string", int: "number"}
