"""The README's accuracy figures are those of the committed results, and these are of the weights in the package."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from tidegate.forecasting.model import ModelFile

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def accuracy(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import accuracy

    return accuracy


def test_the_readme_shows_the_recorded_figures(accuracy: ModuleType) -> None:
    readme = accuracy.README.read_text(encoding="utf-8")
    assert accuracy.updated(readme) == readme, "run: python benchmarks/zero_shot.py --data DIR --readme"


def test_the_recorded_figures_are_those_of_the_shipped_weights(accuracy: ModuleType) -> None:
    weights = ModelFile.load().metadata["weights"][:12]
    for part in (accuracy.PUBLIC, accuracy.UNSEEN):
        recorded = accuracy.latest("default", part)
        assert recorded
        assert {row["weights"] for row in recorded.values()} == {weights}, (
            "run: python benchmarks/zero_shot.py --data DIR"
        )


@pytest.mark.parametrize("command", ["fit", "intervals"])
def test_pages_show_what_commands_have_recorded(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    module = importlib.import_module(command)
    path = module.README if command == "fit" else module.DOCS
    page = path.read_text(encoding="utf-8")
    assert module.updated(page) == page, f"run: python benchmarks/{command}.py --data DIR, with --readme or --docs"


def test_a_readme_without_the_marks_is_refused(accuracy: ModuleType) -> None:
    with pytest.raises(SystemExit, match="accuracy table"):
        accuracy.marked("no marks here", "accuracy table", "")
