"""The model that is measured: the shipped one, another size by its name, or a file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from scoring import LEVELS
from tasks import Dataset

from tidegate.forecasting.forecaster import forecast_panel
from tidegate.forecasting.model import SHIPPED, ModelFile
from tidegate.forecasting.result import Forecast


@dataclass(frozen=True)
class Contender:
    """name: as given; weights: 12 hexadecimal digits that stand for them, so that a result belongs to its weights."""

    model: ModelFile
    name: str
    weights: str

    @classmethod
    def open(cls, name: str | None) -> Contender:
        model = ModelFile.load(name)
        return cls(model, name or SHIPPED, fingerprint(model))

    @property
    def is_shipped(self) -> bool:
        """Whether it comes with the package, so that its results are kept."""
        return not Path(self.name).is_file()

    def forecast(self, dataset: Dataset) -> Forecast:
        """As a user whose table has dates gets it: season lengths by the calendar and the values."""
        return forecast_panel(self.model, dataset.panel, dataset.task.horizon, levels=LEVELS)


def fingerprint(model: ModelFile) -> str:
    """Of the trained numbers; of the whole file where it is of an earlier format."""
    if (weights := model.metadata.get("weights")) is not None:
        return str(weights)[:12]
    content = model.source if isinstance(model.source, bytes) else model.source.read_bytes()
    return hashlib.sha256(content).hexdigest()[:12]
