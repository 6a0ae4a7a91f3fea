"""The simulated kinds by which weights are chosen: the same for everybody, whole, and no part of the prior."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def unseen(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import unseen

    return unseen


def test_every_kind_has_its_series_with_a_history_and_a_full_horizon(unseen: ModuleType) -> None:
    for kind, dataset in zip(unseen.KINDS, unseen.kinds(), strict=True):
        assert len(dataset.histories) == len(dataset.actuals) == unseen.SERIES
        for history, actual in zip(dataset.histories, dataset.actuals, strict=True):
            assert kind.shortest <= len(history) <= kind.longest
            assert len(actual) == kind.task.horizon
            assert np.isfinite(history).mean() > 0.5, kind.task.dataset
            assert np.isfinite(actual).any(), kind.task.dataset


def test_a_kind_does_not_depend_on_the_others(unseen: ModuleType) -> None:
    first, again = (unseen.draw(unseen.KINDS[3]) for _ in range(2))
    assert first.fingerprint == again.fingerprint
    assert len({kind.task.dataset for kind in unseen.KINDS}) == len(unseen.KINDS)


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module)


def test_the_mechanisms_import_nothing_but_numpy() -> None:
    paths = sorted((BENCHMARKS / "mechanisms").glob("*.py"))
    assert len(paths) > 5
    for path in paths:
        assert {name.split(".")[0] for name in imports(path)} <= {*sys.stdlib_module_names, "numpy"}, path
