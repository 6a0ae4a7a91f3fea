"""The ways to begin: from weights that know something, or from nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from tidegate.errors import ConfigError
from tidegate.forecasting.config import ModelConfig
from tidegate.forecasting.model import shipped_path
from tidegate.network.model_file import load_networks
from tidegate.network.patch_lstm import PatchLSTM
from tidegate.series.panel import Panel
from tidegate.training.choices import log_unit, own_config


@dataclass(frozen=True)
class Kind:
    """A way to begin: from weights that know something, or from nothing.

    Attributes:
        name: as notes call it, "the shipped weights".
        config: of its networks; of the first of them where a file holds several.
        starts: none: networks of `config`, drawn anew for each seed.
        shares: of each start in the mean of the file they come from.
        calibration: of that file, see `Trained`.
        comes_of_a_fit: the file was made by `fit`.
    """

    name: str
    config: ModelConfig
    starts: tuple[PatchLSTM, ...] = ()
    shares: tuple[float, ...] = (1.0,)
    calibration: tuple[float, ...] | None = None
    comes_of_a_fit: bool = False

    @classmethod
    def of_file(cls, path: Path, name: str) -> Kind:
        """To begin from what a model file holds."""
        networks, facts = load_networks(path)
        shares = tuple(facts.get("shares", [1 / len(networks)] * len(networks)))
        found = facts.get("calibration")
        factors = None if found is None else tuple(found)
        fitted = facts.get("provenance", {}).get("made_by") == "tidegate fit"
        return cls(name, networks[0].config, networks, shares, factors, fitted)

    def on(self, device: torch.device) -> Kind:
        """The same with its weights there."""
        return replace(self, starts=tuple(network.to(device) for network in self.starts))


def ways_to_begin(panel: Panel, horizon: int, start: str, asked: dict[str, Any]) -> list[Kind]:
    """What is trained.

    Args:
        start: as of `fit`. asked: what is to be otherwise than `own_config` has it.
    Raises: ConfigError if a file and options ask for two different networks, or no network forecasts so far ahead;
        FileNotFoundError.
    """
    own = own_config(panel, horizon, asked)
    kinds = [Kind(_own_name(own), own)]
    if start != "scratch":
        given = shipped_kind() if start == "auto" else kind_of_file(Path(start))
        is_as_asked = all(getattr(one.config, name) == value for one in given.starts for name, value in asked.items())
        if start == "auto" and is_as_asked:
            kinds = [given, _own_beside(given, panel, horizon, asked)]
        elif is_as_asked:
            kinds = [given]
        elif start != "auto":
            raise ConfigError(
                f"{start} holds a network other than {asked}: leave these options out, or pass start='scratch'"
            )
    for kind in kinds:
        if horizon > kind.config.horizon_limit:
            raise ConfigError(
                f"horizon {horizon}: {kind.name} can forecast at most {kind.config.horizon_limit:,} steps"
            )
    return kinds


def shipped_kind() -> Kind:
    """To begin from the shipped weights."""
    return Kind.of_file(shipped_path(), "the shipped weights")


def kind_of_file(path: Path) -> Kind:
    """To begin from a file of the user's."""
    if not path.is_file():
        raise FileNotFoundError(f"no model file at {path} to start from")
    return Kind.of_file(path, f"the weights of {path.name}")


def _own_beside(given: Kind, panel: Panel, horizon: int, asked: dict[str, Any]) -> Kind:
    """A network of its own that one file may come to hold with the given one, and that differs from it.

    Both then read the same blocks of a history; and the mean of the two gains by every difference: the shipped weights
    read values, so it reads logarithms where these suit the panel.
    """
    unit = log_unit(panel, horizon)
    own = replace(own_config(panel, horizon, asked, given.config.context_length), log_unit=unit)
    return Kind(_own_name(own), own)


def _own_name(config: ModelConfig) -> str:
    return f"a network trained from scratch ({config.stack})" + (" on logarithms" if config.log_unit else "")
