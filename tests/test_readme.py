"""Every example of the README runs in order, in a folder that holds what a clone holds.

They run as they are printed, but for one number: training stops after a second instead of the seconds they name.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tidegate.forecasting.model import shipped_path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
HASTY = re.sub(r"(time[-_]limit[= ])\d+", r"\g<1>1", README)
BLOCKS = re.findall(r"^```(sh|python)\n(.*?)^```$", HASTY, re.MULTILINE | re.DOTALL)
PYTHON = [code for language, code in BLOCKS if language == "python"]
COMMANDS = [
    line for language, code in BLOCKS if language == "sh" for line in code.splitlines() if line.startswith("tidegate")
]
# Files that belong to the reader, not to the clone: the examples name them, these stand in.
READERS_OWN = {
    "sales.csv": "store,day,revenue\n"
    + "".join(f"{store},2026-01-{day:02d},{day % 7 + 10}\n" for store in "AB" for day in range(1, 29)),
}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    for name, text in READERS_OWN.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "sales").mkdir()
    with duckdb.connect() as connection:
        connection.execute(f"COPY (FROM '{tmp_path}/sales.csv') TO '{tmp_path}/sales/january.parquet'")
    return tmp_path


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True)


def test_there_are_examples_to_run() -> None:
    assert len(PYTHON) >= 3
    assert len(COMMANDS) >= 3


def test_the_python_examples_run_one_after_the_other(clone: Path) -> None:
    done = run([sys.executable, "-W", "error", "-c", "\n".join(PYTHON)], clone)
    assert done.returncode == 0, done.stderr
    for name in re.findall(r'\.(?:save|plot)\("(.+?)"\)', "\n".join(PYTHON)):
        assert (clone / name).stat().st_size > 0


def test_the_commands_run_one_after_the_other(clone: Path) -> None:
    for command in COMMANDS:
        done = run(["bash", "-euc", command], clone)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        for name in re.findall(r"(?:-o|--plot) (\S+\.\w+)", command):
            assert (clone / name).stat().st_size > 0, command


def test_the_network_pages_example_forecasts_with_plain_onnx_runtime(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "network.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert "tidegate" not in code
    shutil.copy(shipped_path(), tmp_path / "model.onnx")
    check = "assert quantiles.shape == (1, 48, 13) and np.isfinite(quantiles).all()"
    done = run([sys.executable, "-W", "error", "-c", code + check], tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_streaming_pages_example_runs(clone: Path) -> None:
    page = (ROOT / "docs" / "streaming.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    done = run([sys.executable, "-W", "error", "-c", code], clone)
    assert done.returncode == 0, done.stderr


def test_what_the_page_for_users_of_other_libraries_has_them_write_runs(clone: Path) -> None:
    page = (ROOT / "docs" / "coming-from.md").read_text(encoding="utf-8")
    cells = [line.split(" | ")[1] for line in page.splitlines() if line.startswith("| ") and " | " in line]
    calls = [code for cell in cells for code in re.findall(r"`([^`]*tidegate\.[^`]*|model\.[^`]*)`", cell)]
    assert len(calls) >= 7
    start = """
import pandas as pd, tidegate
from tidegate.training.fit import FitPlan
days = pd.date_range("2015-01-01", periods=100, freq="MS")
df = pd.concat([pd.DataFrame({"unique_id": name, "ds": days, "y": range(100)}) for name in "ab"])
train = tidegate.fit
tidegate.fit = lambda *given: train(*given, plan=FitPlan(max_steps=2, epochs=1, members=0))
"""
    done = run([sys.executable, "-W", "error", "-c", start + "\n".join(calls)], clone)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("page", "target"),
    [
        (page, target)
        for page in sorted({*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")})
        for target in re.findall(r"\]\(([^)#:]+)[)#]", page.read_text(encoding="utf-8"))
    ],
    ids=lambda part: part.name if isinstance(part, Path) else part,
)
def test_what_a_page_links_to_is_there(page: Path, target: str) -> None:
    assert (page.parent / target).exists()
