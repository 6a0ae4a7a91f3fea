"""Dependencies point one way, and what is heavy is loaded only where it is used."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import tidegate

PACKAGE = Path(tidegate.__file__).parent
LAYERS = ["errors", "series", "charts", "forecasting", "bulk", "evaluation", "network", "training", "interfaces"]
FRONT = {"__init__.py", "__main__.py"}  # they only pass on to interfaces
DATA_FOLDERS = {"weights"}  # no code in them
TORCH_LAYERS = {"network", "training"}
AIRLINE = PACKAGE.parent.parent / "examples" / "airline_passengers.csv"


@cache
def modules() -> list[tuple[Path, ast.Module]]:
    paths = [path for path in sorted(PACKAGE.rglob("*.py")) if path.relative_to(PACKAGE).as_posix() not in FRONT]
    return [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in paths]


def imported(tree: ast.Module) -> Iterator[str]:
    """Full names of all modules a file imports, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute"
            module = str(node.module)
            yield from (f"{module}.{alias.name}" for alias in node.names) if module == "tidegate" else (module,)


def layer(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_every_folder_and_file_of_the_package_belongs_to_a_layer() -> None:
    found = {
        entry.name.removesuffix(".py")
        for entry in PACKAGE.iterdir()
        if (entry.is_dir() and entry.name != "__pycache__") or (entry.suffix == ".py" and entry.name not in FRONT)
    }
    assert found - DATA_FOLDERS <= set(LAYERS)
    assert not [path for folder in DATA_FOLDERS for path in (PACKAGE / folder).rglob("*.py")]


def test_no_layer_imports_one_above_it() -> None:
    for path, tree in modules():
        for name in imported(tree):
            parts = name.split(".")
            if parts[0] != "tidegate" or parts[1] == "__version__":
                continue
            assert parts[1] in LAYERS, f"{path}: {name} is in no layer"
            assert LAYERS.index(parts[1]) <= LAYERS.index(layer(path)), f"{path} imports {name}, which is above it"


def imported_at_once(tree: ast.AST) -> Iterator[str]:
    """Full names of what a file imports when it is itself imported: neither in functions nor for type checks alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not (
            isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        ):
            yield from imported_at_once(node)


def test_neither_modules_nor_folders_import_each_other_in_a_circle() -> None:
    paths = {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path, _ in modules()}
    among_modules: dict[str, set[str]] = {}
    among_folders: dict[str, set[str]] = {}
    for path, tree in modules():
        for name in imported_at_once(tree):
            # "from a.b import c": c is a module or something in a.b.
            there = paths.get(name) or paths.get(name.rpartition(".")[0])
            if there is None:
                continue
            among_modules.setdefault(str(path), set()).add(str(there))
            if there.parent not in (path.parent, PACKAGE):  # files beside the layers are layers themselves
                among_folders.setdefault(str(path.parent), set()).add(str(there.parent))
    for graph in (among_modules, among_folders):
        TopologicalSorter(graph).prepare()  # raises CycleError, which names them


@pytest.mark.parametrize("heavy", ["torch", "onnx", "safetensors"])
def test_only_network_and_training_import(heavy: str) -> None:
    users = {layer(path) for path, tree in modules() if any(name.split(".")[0] == heavy for name in imported(tree))}
    assert users and users <= TORCH_LAYERS


def loaded_after(code: str) -> set[str]:
    """Top-level modules of a fresh process at the end of `code`."""
    script = f"import json, sys\n{code}\nprint('\\n' + json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_tidegate_loads_nothing_heavy() -> None:
    loaded = loaded_after("import tidegate; tidegate.__version__; dir(tidegate)")
    assert "tidegate" in loaded
    assert not loaded & {"numpy", "torch", "onnxruntime", "duckdb", "pandas", "polars", "narwhals", "click"}


def test_a_forecast_on_the_command_line_loads_no_torch_and_no_frame_library(tmp_path: Path) -> None:
    arguments = ["forecast", str(AIRLINE), "--horizon", "24", "-o", str(tmp_path / "out.csv"), "--quiet"]
    loaded = loaded_after(f"from tidegate.__main__ import main; assert main({arguments!r}) == 0")
    assert {"numpy", "onnxruntime"} <= loaded
    assert not loaded & {"torch", "onnx", "pandas", "polars", "pyarrow", "narwhals", "matplotlib", "rich"}
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 25


def test_what_is_asked_of_a_command_before_it_works_loads_nothing_heavy() -> None:
    """The version, help and a slip in an option come at once."""
    loaded = loaded_after("from tidegate.__main__ import main; assert main(['forecast', '--help']) == 0")
    assert not loaded & {"numpy", "torch", "onnxruntime", "duckdb", "narwhals"}


def test_every_public_name_can_be_had_and_no_other() -> None:
    assert set(tidegate.__all__) <= set(dir(tidegate))
    assert all(getattr(tidegate, name) is not None for name in tidegate.__all__)
    with pytest.raises(AttributeError, match="forcast"):
        _ = tidegate.forcast  # type: ignore[attr-defined]
