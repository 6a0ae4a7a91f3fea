"""Where a training starts: from pretrained weights, or from scratch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from tidegate.errors import ConfigError
from tidegate.forecasting.config import MADE_BY_FIT, ModelConfig
from tidegate.forecasting.model import SHIPPED, model_path, shipped_path
from tidegate.network.model_file import load_networks
from tidegate.network.patch_lstm import PatchLSTM
from tidegate.series.panel import Panel
from tidegate.training.network_shape import log_unit, own_config


@dataclass(frozen=True)
class StartingPoint:
    """Where trainings start: from the networks of a model file, or from scratch.

    Attributes:
        name: for notes, such as "the shipped weights".
        config: of the first network.
        networks: pretrained networks. Empty: from scratch, with weights initialised by the seed.
        shares: share of each network in the mean of the model file.
        calibration: of the model file, see `Trained`.
        made_by_fit: `fit` made the model file.
    """

    name: str
    config: ModelConfig
    networks: tuple[PatchLSTM, ...] = ()
    shares: tuple[float, ...] = (1.0,)
    calibration: tuple[float, ...] | None = None
    made_by_fit: bool = False

    @classmethod
    def of_file(cls, path: Path, name: str) -> StartingPoint:
        """The starting point that a model file holds."""
        networks, facts = load_networks(path)
        shares = tuple(facts.get("shares", [1 / len(networks)] * len(networks)))
        found = facts.get("calibration")
        factors = None if found is None else tuple(found)
        fitted = facts.get("provenance", {}).get("made_by") == MADE_BY_FIT
        return cls(name, networks[0].config, networks, shares, factors, fitted)

    def on(self, device: torch.device) -> StartingPoint:
        """This starting point with its networks on a device."""
        return replace(self, networks=tuple(network.to(device) for network in self.networks))


def starting_points(panel: Panel, horizon: int, start: str, asked: dict[str, Any]) -> list[StartingPoint]:
    """The starting points of a fit.

    Args:
        start: as in `fit`.
        asked: options of the network that the caller has set.
    Raises: ConfigError if a file and options ask for two different networks, or no network forecasts so far ahead;
        FileNotFoundError.
    """
    own = own_config(panel, horizon, asked)
    starts = [StartingPoint(_own_name(own), own)]
    if start != "scratch":
        given = shipped_start() if start in ("auto", SHIPPED) else start_from_file(start)
        is_as_asked = all(getattr(one.config, name) == value for one in given.networks for name, value in asked.items())
        if start == "auto" and is_as_asked:
            starts = [given, _own_beside(given, panel, horizon, asked)]
        elif is_as_asked:
            starts = [given]
        elif start != "auto":
            raise ConfigError(
                f"{start} holds a network other than {asked}: leave these options out, or pass start='scratch'"
            )
    for one in starts:
        if horizon > one.config.horizon_limit:
            raise ConfigError(f"horizon {horizon}: {one.name} can forecast at most {one.config.horizon_limit:,} steps")
    return starts


def shipped_start() -> StartingPoint:
    """The shipped weights."""
    return StartingPoint.of_file(shipped_path(), "the shipped weights")


def start_from_file(given: str) -> StartingPoint:
    """A model file of the user's."""
    try:
        path = model_path(given)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{error}; start may also be auto or scratch") from error
    return StartingPoint.of_file(path, f"the weights of {path.name}")


def _own_beside(given: StartingPoint, panel: Panel, horizon: int, asked: dict[str, Any]) -> StartingPoint:
    """An own network that can share a file with the given network.

    Both read the same blocks of a history. Their mean gains by every other difference: the shipped weights read values,
    so the own network reads logarithms where `log_unit` allows.
    """
    unit = log_unit(panel, horizon)
    own = replace(own_config(panel, horizon, asked, given.config.context_length), log_unit=unit)
    return StartingPoint(_own_name(own), own)


def _own_name(config: ModelConfig) -> str:
    return f"a network trained from scratch ({config.stack})" + (" on logarithms" if config.log_unit else "")
