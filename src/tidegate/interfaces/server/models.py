"""The models a server offers, by name; each request sees one through its ticket."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tidegate.errors import ConfigError
from tidegate.forecasting.model import SHIPPED
from tidegate.interfaces.api import Model, load
from tidegate.interfaces.server.batching import JointSession, TicketSession
from tidegate.interfaces.server.lanes import Ticket

Given = str | os.PathLike[str] | Model


@dataclass(frozen=True)
class Served:
    """One model of a server.

    Attributes:
        model: as it was opened.
        joint: what runs its network for all requests.
    """

    name: str
    model: Model
    joint: JointSession

    def seen_by(self, ticket: Ticket) -> Model:
        """The model of one request."""
        return replace(self.model, file=replace(self.model.file, session=TicketSession(self.joint, ticket)))


def open_models(
    given: Given | Sequence[Given] | None, threads: int | None, others: Callable[[], int]
) -> dict[str, Served]:
    """name -> model: "default", or a file's name without its ending.

    Args:
        others: see `JointSession`.
    Raises: ConfigError for two of one name; what `tidegate.load` raises.
    """
    several = [given] if given is None or isinstance(given, str | os.PathLike | Model) else list(given)
    served: dict[str, Served] = {}
    for one in several or [None]:
        model = one if isinstance(one, Model) else load(one, threads=threads)
        source = model.file.source
        name = SHIPPED if one in (None, SHIPPED) else "model" if isinstance(source, bytes) else Path(source).stem
        if name in served:
            raise ConfigError(f"two models are called {name!r}: rename a file")
        served[name] = Served(name, model, JointSession(model.file.session, others))
    return served


def chosen(served: Mapping[str, Served], name: str | None) -> Served:
    """The model of that name; None: the first. Raises: ConfigError if there is none."""
    if name is None:
        return next(iter(served.values()))
    if name not in served:
        raise ConfigError(f"there is no model {name!r} here: expected {' or '.join(served)}; GET /v1/models lists them")
    return served[name]
