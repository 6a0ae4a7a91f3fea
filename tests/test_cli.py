"""The command line: what is written where, and how bad input ends: one line, the right code, nothing left behind."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest

import tidegate
from tidegate.__main__ import main
from tidegate.forecasting.model import shipped_path
from tidegate.interfaces import arguments
from tidegate.interfaces.cli import command_line
from tidegate.interfaces.exits import exit_code
from tidegate.interfaces.terminal import Bar, table

ROOT = Path(__file__).parent.parent
AIRLINE = ROOT / "examples" / "airline_passengers.csv"
HEADER = "Month,forecast,lo-80,hi-80,lo-95,hi-95"
Captured = pytest.CaptureFixture[str]


def start(*arguments: object, **options: object) -> subprocess.Popen[bytes]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "tidegate", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    return subprocess.Popen(command, env=environment, **options)  # type: ignore[call-overload, no-any-return]


def days(values: list[object]) -> str:
    return "ds,y\n" + "".join(f"2024-01-{day:02},{value}\n" for day, value in enumerate(values, 1))


# --- what comes out ---------------------------------------------------------------------------------------------------


def test_data_go_to_standard_output_and_words_to_standard_error(capsys: Captured) -> None:
    assert main(["forecast", str(AIRLINE), "--horizon", "3"]) == 0
    out, err = capsys.readouterr()
    rows = out.splitlines()
    assert rows[0] == HEADER and [row.split(",")[0] for row in rows[1:]] == ["1961-01", "1961-02", "1961-03"]
    assert 'target "Passengers"' in err and "Passengers" not in out


def test_a_horizon_nobody_gave_is_said_aloud(capsys: Captured) -> None:
    assert main(["forecast", str(AIRLINE), "-o", "-"]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 13
    assert "horizon: 12 steps, the default for monthly values" in err


@pytest.mark.parametrize("name", ["out.csv", "out.json", "out.parquet", "out.csv.gz"])
def test_a_file_holds_what_the_python_function_gives(tmp_path: Path, capsys: Captured, name: str) -> None:
    path = tmp_path / name
    arguments = ["--horizon", "4", "--levels", "50", "--quantile-levels", "0.9,0.99", "--season-length", "12,6"]
    assert main(["forecast", str(AIRLINE), *arguments, "-o", str(path), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    expected = tidegate.forecast(AIRLINE, 4, levels=50, quantile_levels=(0.9, 0.99), season_length=(12, 6))
    again = tmp_path / f"python.{name.split('.', 1)[1]}"
    expected.save(again)
    assert path.read_bytes() == again.read_bytes()


@pytest.mark.parametrize("command", ["forecast", "backtest"])
@pytest.mark.parametrize("data", ["sales.csv", "*.csv", "link.csv"])
def test_the_data_are_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured, command: str, data: str
) -> None:
    monkeypatch.chdir(tmp_path)
    history = AIRLINE.read_bytes()
    Path("sales.csv").write_bytes(history)
    if data == "link.csv":
        Path("link.csv").symlink_to("sales.csv")
    assert main([command, data, "--horizon", "3", "-o", "sales.csv"]) == 2
    _one_line(capsys, r"cannot write 'sales\.csv': it is a file of the data, and would be lost; name another one")
    assert Path("sales.csv").read_bytes() == history


def test_a_picture_is_drawn_beside_the_forecast(tmp_path: Path) -> None:
    out, page = tmp_path / "out.csv", tmp_path / "out.html"
    assert main(["forecast", str(AIRLINE), "--horizon", "3", "-o", str(out), "--plot", str(page)]) == 0
    assert out.read_text().startswith(HEADER) and "<html" in page.read_text()
    assert sorted(tmp_path.iterdir()) == [out, page]


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text elsewhere")
@pytest.mark.parametrize(("option", "told"), [("--plot page.html", "page.html"), ("-o out/", "out/manifest.json")])
def test_a_name_of_bytes_that_are_no_utf_8_is_told_escaped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured, option: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"{name},2024-01-{day:02},{day}" for name in "ab" for day in range(1, 21)]
    Path(os.fsdecode(b"caf\xe9.csv")).write_text("\n".join(["id,ds,y", *rows]))
    for _ in range(2):  # the second time over the first
        command = ["forecast", os.fsdecode(b"caf\xe9.csv"), "--id", "id", "--target", "y", "--quiet"]
        assert main([*command, *option.split()]) == 0
    assert r"caf\udce9.csv" in Path(told).read_text(encoding="utf-8")


def test_json_is_exactly_one_document_with_forecast_notes_and_model(capsys: Captured) -> None:
    assert main(["forecast", str(AIRLINE), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert sorted(document) == ["forecast", "horizon", "model", "notes"]
    assert document["horizon"] == len(document["forecast"]) == 12
    assert list(document["forecast"][0]) == HEADER.split(",")
    assert document["notes"] == list(tidegate.forecast(AIRLINE).notes)
    assert document["model"]["version"] == tidegate.__version__


def test_help_begins_with_the_command_to_begin_with_and_ends_with_examples(capsys: Captured) -> None:
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    listed = re.findall(r"^  (\w+)  ", told.partition("Commands:")[2].partition("Begin with:")[0], re.MULTILINE)
    assert listed[:3] == ["forecast", "backtest", "fit"] and sorted(listed) == sorted(command_line.commands)
    for line in re.findall(r"^  tidegate (.*?) *#", told, re.MULTILINE):
        command, *words = line.split()
        parameters = command_line.commands[command].params
        assert set(words[1::2]) <= {option for parameter in parameters for option in parameter.opts}


def test_info_tells_what_the_built_in_model_is(capsys: Captured) -> None:
    assert main(["info"]) == 0
    text = capsys.readouterr().out
    assert main(["info", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["config"]["cell"] == "lstm" and 0.5 in document["quantile_levels"]
    assert document["bytes"] == shipped_path().stat().st_size
    assert "cell: lstm" in text and "made_by: tidegate pretrain" in text and tidegate.__version__ in text


def test_info_tells_which_extras_are_installed(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    find = arguments.find_spec
    monkeypatch.setattr(arguments, "find_spec", lambda name: None if name == "matplotlib" else find(name))
    assert main(["info"]) == 0
    assert "extras: train installed, plot not installed, stats installed, serve installed\n" in capsys.readouterr().out
    assert main(["info", "--json"]) == 0
    extras = json.loads(capsys.readouterr().out)["extras"]
    assert extras == {"train": True, "plot": False, "stats": True, "serve": True}


def test_info_tells_of_every_network_of_a_file(tmp_path: Path, capsys: Captured) -> None:
    import torch

    from tidegate.forecasting.config import ModelConfig
    from tidegate.network.model_file import save_network
    from tidegate.network.patch_lstm import PatchLSTM

    torch.manual_seed(0)
    tiny = ModelConfig(context_length=64, horizon=32, hidden_size=8, embedding_size=8, head_size=8)
    networks = [PatchLSTM(config).eval() for config in (tiny, replace(tiny, log_unit=10.0))]
    save_network(networks, tmp_path / "two.onnx", {"made_by": "a test"})
    assert main(["info", str(tmp_path / "two.onnx"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [one["log_unit"] for one in document["networks"]] == [0.0, 10.0]
    assert main(["info", str(tmp_path / "two.onnx")]) == 0
    text = capsys.readouterr().out
    assert "network 1 of 2:" in text and "network 2 of 2:" in text and "log_unit: 10.0" in text


def test_the_version_is_that_of_the_package(capsys: Captured) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"tidegate {tidegate.__version__}\n"


def test_fit_writes_a_model_that_forecast_takes(tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "own.onnx"
    shape = ["--cell", "rnn", "--layers", "1", "--hidden-size", "8", "--max-steps", "3"]
    assert main(["fit", str(AIRLINE), "--horizon", "5", *shape, "-o", str(path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["model"] == str(path) and document["horizon"] == 5
    epochs = [(line["step"], line["validation_mase"] is not None) for line in document["history"]]
    once_more = [(step, False) for step, _ in epochs[3:]]  # on everything: nothing is held out to validate on
    assert epochs == [(1, True), (2, True), (3, True), *once_more] and once_more
    assert main(["forecast", str(AIRLINE), "--model", str(path)]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 6 and "5 steps, which the model was fitted for" in err


def test_a_model_that_could_not_be_written_is_not_trained_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Captured
) -> None:
    shape = ["--cell", "rnn", "--layers", "1", "--hidden-size", "8", "--max-steps", "3"]
    command = ["fit", str(AIRLINE), "--horizon", "5", *shape, "-o", str(tmp_path / "own.onnx")]

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tidegate.Model, "save", full)
    assert main(command) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["own.onnx.checkpoint"]
    monkeypatch.undo()

    def train(*_: object) -> None:
        raise AssertionError("trained again")

    from tidegate.training.training_run import TrainingRun

    monkeypatch.setattr(TrainingRun, "train", train)
    assert main([*command, "--resume"]) == 0
    assert [entry.name for entry in tmp_path.iterdir()] == ["own.onnx"]


def test_a_fit_says_what_it_read_before_it_trains_and_how_a_stopped_one_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Captured
) -> None:
    shape = ["--cell", "rnn", "--layers", "1", "--hidden-size", "8", "--max-steps", "8", "--start", "scratch"]
    command = ["fit", str(AIRLINE), "--horizon", "5", *shape, "-o", str(tmp_path / "own.ONNX")]
    told: list[str] = []

    def stop(bar: Bar, *_: object) -> None:
        told.append(capsys.readouterr().err)
        if len(told) > 3:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Bar, "draw", stop)
    assert main(command) == 128 + signal.SIGINT
    assert 'time "Month", target "Passengers"' in told[0]
    assert (
        f"to continue from {tmp_path / 'own.ONNX.checkpoint'}, repeat the command with --resume"
        in capsys.readouterr().err
    )
    monkeypatch.undo()
    assert main([*command, "--resume"]) == 0
    told_once = capsys.readouterr().err
    assert told_once.count('time "Month"') == 1 and [entry.name for entry in tmp_path.iterdir()] == ["own.ONNX"]
    assert main([*command, "--resume"]) == 0
    assert "does not exist, so this fit starts from the beginning" in capsys.readouterr().err
    (tmp_path / "own.ONNX.checkpoint").write_bytes(b"of another fit")
    assert main(command) == 0
    assert "will be replaced; use --resume to continue that fit instead" in capsys.readouterr().err


def test_pretrain_hands_its_options_on_and_says_where_the_model_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Captured
) -> None:
    import tidegate.training.pretrain as module
    from tidegate.forecasting.config import SIZES, ModelConfig

    tiny = ModelConfig(context_length=64, horizon=32, hidden_size=8, embedding_size=8, head_size=8)
    monkeypatch.setitem(SIZES, "default", tiny)
    monkeypatch.setattr(module.PretrainPlan, "__init__", _with_batch_of_two(module.PretrainPlan.__init__))
    folder = tmp_path / "new" / "run"
    assert main(["pretrain", "--steps", "2", "--seed", "3", "--out", str(folder)]) == 0
    out, err = capsys.readouterr()
    assert out == "" and f"model: {folder / 'tidegate.onnx'}" in err
    provenance = tidegate.load(folder / "tidegate.onnx").provenance
    assert provenance["plan"]["seed"] == 3 and provenance["step"] == 2
    # Once more: the run is complete, so the same file comes out at once.
    before = (folder / "tidegate.onnx").read_bytes()
    assert main(["pretrain", "--steps", "2", "--seed", "3", "--out", str(folder), "--quiet"]) == 0
    assert (folder / "tidegate.onnx").read_bytes() == before
    assert main(["pretrain", "--steps", "2", "--seed", "4", "--out", str(folder)]) == 2
    assert "belongs to a run with another plan" in capsys.readouterr().err


@pytest.mark.parametrize("seed", [-1, 2**42])
def test_pretrain_refuses_a_seed_whose_steps_torch_cannot_count(seed: int, tmp_path: Path, capsys: Captured) -> None:
    assert main(["pretrain", f"--seed={seed}", "--out", str(tmp_path / "run")]) == 2
    assert f"seed {seed}: expected a whole number from 0 to {2**42 - 1}" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_largest_seed_of_pretrain_begins(tmp_path: Path) -> None:
    import torch

    from tidegate.training.pretrain import PretrainPlan, seed_of

    plan = PretrainPlan(seed=2**42 - 1)
    assert torch.Generator().manual_seed(seed_of(plan, plan.all_steps, 2)) is not None


def _with_batch_of_two(original: object) -> object:
    def init(self: object, **options: object) -> None:
        original(self, **{**options, "batch": 2})  # type: ignore[operator]

    return init


def test_on_a_narrow_terminal_a_table_leaves_out_columns_instead_of_wrapping(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = {name: np.array([1.0, 2.0]) for name in ("method", "MASE", "RMSSE", "seconds")}
    order = ["seconds", "not there", "RMSSE"]
    whole = table(scores, order)
    assert "seconds" in whole and "left out" not in whole  # a file or a pipe gets all of them
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    for width, kept in ((29, "method   MASE  RMSSE  seconds"), (28, "method   MASE  RMSSE"), (19, "method   MASE")):
        monkeypatch.setenv("COLUMNS", str(width))
        assert table(scores, order).splitlines()[0] == kept
    assert table(scores, order).splitlines()[-1] == "(left out for want of room: RMSSE, seconds)"


def test_on_a_terminal_the_forecast_is_a_table_with_few_digits() -> None:
    fc = tidegate.forecast(AIRLINE, 2)
    lines = table(fc.columns(text=True)).splitlines()
    assert lines[0].split() == HEADER.split(",")
    assert [line.split()[0] for line in lines[1:]] == ["1961-01", "1961-02"]
    assert len({len(line) for line in lines}) == 1
    assert abs(float(lines[1].split()[1]) - fc.frame["forecast"][0]) <= 0.005
    few = table({"y": np.array([1e6, 0.003])}).splitlines()
    assert [float(line) for line in few[1:]] == [1e6, 0.003]  # small beside large is not 0
    assert "and 940 more rows" in table(tidegate.forecast(AIRLINE, 1000).columns(text=True))


def _drawn(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured, text: str, seconds: list[float], shares: list[float]
) -> tuple[Bar, list[str]]:
    """A bar on a terminal that begins at the first of these seconds, and what each drawing at the others writes."""
    clock = iter(seconds)
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    bar, shown = Bar(quiet=False), []
    for share in shares:
        bar.draw(share, text)
        shown.append(capsys.readouterr().err)
    return bar, shown


def test_a_progress_bar_comes_after_a_second_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    bar, shown = _drawn(monkeypatch, capsys, "rows", [0.0, 0.5, 1.5, 1.51, 3.0], [0.2, 0.5, 0.51, 0.75])
    assert ["%" in text for text in shown] == [False, True, False, True]
    assert "75%, 1 s left  rows" in shown[-1]  # 0.55 of all in 2.5 s
    monkeypatch.undo()
    monkeypatch.setenv("COLUMNS", "60")
    _, shown = _drawn(monkeypatch, capsys, "a long text " * 9, [0.0, 1.5], [0.5])
    assert len(shown[0].removeprefix("\r\x1b[K")) == 59  # nor does it wrap, which could not be drawn over
    bar.clear()
    assert capsys.readouterr().err == "\r\x1b[K"
    monkeypatch.undo()
    for quiet, terminal in ((True, True), (False, False)):
        monkeypatch.setattr(sys.stderr, "isatty", lambda terminal=terminal: terminal)
        silent = Bar(quiet=quiet)
        silent.began -= 10
        silent.draw(0.5)
        silent.clear()
    assert capsys.readouterr().err == ""


def test_without_a_terminal_a_long_job_says_a_line_a_minute(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    clock = iter([0.0, 30.0, 61.0, 90.0, 122.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    bar = Bar(quiet=False, lines=True)
    for share in (0.0, 0.25, 0.4, 0.5):
        bar.draw(share, "training")
    assert capsys.readouterr().err == "25%, 93 s left  training\n50%, 92 s left  training\n"


def test_what_passes_before_any_work_is_done_is_not_reckoned_into_the_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    _, shown = _drawn(monkeypatch, capsys, "", [0.0, 50.0, 100.0, 100.2, 101.0], [0.0, 0.0, 0.01, 0.1])
    assert ["left" in text for text in shown] == [False, False, False, True]
    assert "10%, 9 s left" in shown[-1]


# --- bad input --------------------------------------------------------------------------------------------------------

BAD_DATA = {  # what the file holds -> what the error says
    "empty file": ("", "the file is empty"),
    "header only": ("ds,y\n", "found no rows"),
    "no numeric column": ("ds,colour\n2024-01-01,red\n2024-01-02,blue\n2024-01-03,red\n", "number"),
    "text among numbers": (days([1, 2, "three", 4, 5, 6, 7]), "three"),
    "all missing": (days(["", "", "", "", ""]), "missing|empty|number"),
    "one point": (days([5]), "single value"),
    "infinite values": (days([1, 2, "inf", 4, 5, 6, 7]), "infinite"),
}


@pytest.mark.parametrize("name", BAD_DATA)
def test_bad_data_end_with_code_5_and_one_line(tmp_path: Path, capsys: Captured, name: str) -> None:
    text, message = BAD_DATA[name]
    path = tmp_path / "input.csv"
    path.write_text(text)
    assert main(["forecast", str(path), "--horizon", "3", "-o", str(tmp_path / "out.csv")]) == 5
    _one_line(capsys, f"input.csv.*({message})")
    assert list(tmp_path.iterdir()) == [path]


BAD_USAGE = {
    "--horizon 0": "horizon 0: expected a whole number from 1 to 8192",
    "--horizon -1": "horizon -1: expected",
    "--horizon 1000000000": "horizon 1000000000: expected",
    "--horizon soon": "'soon' is not a valid integer",
    "--season-length 0": "season_length",
    "--season-length weekly": "'weekly' is not a list of whole numbers such as 7,365",
    "--season-length 7.9": "'7.9' is not a list of whole numbers",
    "--season-length 9000000000000000000": "expected at most 1,000,000 steps",
    "--lower nan": "lower nan: expected a number",
    "--levels 100": "level 100: intervals are given in percent",
    "--quantile-levels 95": "quantile level 95: expected a number between 0 and 1",
    "--threads 0": "threads 0: expected",
    "--lower 5 --upper 5": "lower 5.0 must be below upper 5.0",
    "--target Passenger": "Passengers",
    "--horizn 3": "No such option '--horizn'. Did you mean '--horizon'",
    "--json -o -": "both write to standard output",
    "--plot chart.pdf": "found .pdf, expected one of .html",
    "--plot nowhere/chart.html": "no directory 'nowhere'",
    "--model missing.onnx": "no model file at missing.onnx",
}


@pytest.mark.parametrize("options", BAD_USAGE)
def test_wrong_usage_ends_with_code_2_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured, options: str
) -> None:
    monkeypatch.chdir(tmp_path)
    output = [] if "-o" in options else ["-o", "out.csv"]
    assert main(["forecast", str(AIRLINE), *output, *options.split()]) == 2
    _one_line(capsys, BAD_USAGE[options].replace("(", r"\("))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["forcast", "x.csv"], "No such command 'forcast'. Did you mean 'forecast'"),
        (["forecast"], "Missing argument 'DATA'"),
        (["forecast", "there_is_none.csv"], "there is no file there_is_none.csv"),
        (["forecast", str(AIRLINE), "-o", "out.xlsx"], "found .xlsx, expected one of .csv"),
        (["forecast", str(AIRLINE), "-o", ""], "cannot write '.': found no extension, expected one of .csv"),
        (["forecast", str(AIRLINE), "-o", "nowhere/out.csv"], "there is no directory 'nowhere'; create it first"),
        (["fit", str(AIRLINE)], "Missing option '-o'"),
        (["fit", str(AIRLINE), "-o", "model.pt"], "found .pt, expected one of .onnx"),
        (["fit", str(AIRLINE), "-o", "model.onnx", "--horizon", "0"], "horizon 0: expected"),
        (["fit", str(AIRLINE), "-o", "model.onnx", "--cell", "gru"], "'gru' is not one of 'lstm', 'peephole', 'rnn'"),
        (["fit", str(AIRLINE), "-o", "model.onnx", "--device", "abacus"], "device 'abacus' cannot be used here"),
        (["fit", str(AIRLINE), "-o", "model.onnx", "--start", "none.onnx"], "no model file at none.onnx"),
        (["info", "none.onnx"], "no model file at none.onnx; tidegate fit makes one"),
        (["pretrain", "--out", "run", "--steps", "0"], "0 is not in the range x>=1"),
    ],
)
def test_what_cannot_be_done_is_said_before_it_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    _one_line(capsys, message)
    assert not list(tmp_path.iterdir())


def test_a_constant_series_is_fine(tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "constant.csv"
    path.write_text(days([4.5] * 20))
    assert main(["forecast", str(path), "--horizon", "2"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [float(row["forecast"]) for row in rows] == [4.5, 4.5]


@pytest.mark.parametrize("damage", ["cut in half", "not a model", "empty"])
@pytest.mark.parametrize("command", ["forecast", "info", "fit"])
def test_a_damaged_model_ends_with_code_4(tmp_path: Path, capsys: Captured, damage: str, command: str) -> None:
    whole = shipped_path().read_bytes()
    path = tmp_path / "bad.onnx"
    path.write_bytes({"cut in half": whole[: len(whole) // 2], "not a model": b"a,b\n1,2\n", "empty": b""}[damage])
    out = str(tmp_path / "out.onnx")
    arguments = {
        "forecast": ["forecast", str(AIRLINE), "--model", str(path), "-o", str(tmp_path / "out.csv")],
        "info": ["info", str(path)],
        "fit": ["fit", str(AIRLINE), "--start", str(path), "-o", out],
    }
    assert main(arguments[command]) == 4
    _one_line(capsys, "bad.onnx")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("verb", [["fit", str(AIRLINE), "-o", "model.onnx"], ["pretrain", "--out", "run"], ["demo"]])
def test_a_missing_extra_ends_with_code_3_and_the_line_that_adds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured, verb: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rooms = ("tidegate.training", "tidegate.network", "tidegate.interfaces.demo")
    for name in [name for name in sys.modules if name.startswith(rooms)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(verb) == 3
    _one_line(capsys, r'pip install "tidegate\[train\]"')
    assert not list(tmp_path.iterdir())


def test_an_svg_without_matplotlib_ends_with_code_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    for name in [name for name in sys.modules if name.startswith(("matplotlib", "tidegate.charts.picture"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["forecast", str(AIRLINE), "--horizon", "3", "--plot", str(tmp_path / "a.svg"), "--quiet"]) == 3
    _one_line(capsys, r'pip install "tidegate\[plot\]"')
    assert not list(tmp_path.iterdir())


def test_a_picture_that_cannot_be_drawn_is_told_before_the_work(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr("tidegate.interfaces.api.forecast", None)  # would be called in vain
    assert main(["forecast", str(AIRLINE), "--horizon", "3", "--plot", str(tmp_path / "a.svg"), "--quiet"]) == 3
    _one_line(capsys, r'pip install "tidegate\[plot\]"')


def test_the_table_is_there_even_if_drawing_fails(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "a.html")

    monkeypatch.setattr("tidegate.forecasting.result.Forecast.plot", full)
    out = tmp_path / "out.csv"
    command = ["forecast", str(AIRLINE), "--horizon", "3", "-o", str(out), "--plot", str(tmp_path / "a.html")]
    assert main([*command, "--quiet"]) == 1
    _one_line(capsys, "No space left")
    assert len(out.read_text().splitlines()) == 4


@pytest.fixture
def locked_folder() -> Iterator[Path]:
    """A folder nobody may write to; for root, who may write anywhere, as another user."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        root = os.geteuid() == 0
        if root:
            os.setresuid(65534, 65534, 0)
        try:
            yield folder
        finally:
            if root:
                os.setresuid(0, 0, 0)
            folder.chmod(0o755)


def test_no_permission_to_write_ends_with_code_1(locked_folder: Path, capsys: Captured) -> None:
    for option, name in (("-o", "out.csv"), ("--plot", "out.html")):
        assert main(["forecast", str(AIRLINE), "--horizon", "3", option, str(locked_folder / name)]) == 1
        _one_line(capsys, f"{locked_folder}: no permission to write")
    assert not list(locked_folder.iterdir())


def _one_line(capsys: Captured, pattern: str) -> None:
    """Nothing on standard output, and one line of error that matches."""
    import re

    out, err = capsys.readouterr()
    assert out == "" and "Traceback" not in err
    lines = err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("Error: "), err
    assert re.search(pattern, lines[0]), err


# --- processes, signals, pipes ----------------------------------------------------------------------------------------


def test_standard_input_is_read(tmp_path: Path) -> None:
    with AIRLINE.open("rb") as file:
        process = start("forecast", "-", "--horizon", "3", "--quiet", stdin=file, stdout=subprocess.PIPE)
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert out.decode().splitlines()[0] == HEADER and out.count(b"\n") == 4


def test_data_on_standard_output_are_in_utf_8_wherever_it_goes(tmp_path: Path) -> None:
    """Windows sends text elsewhere than to a terminal in an encoding that lacks most letters."""
    names, path = ("Zürich", "東京"), tmp_path / "cities.csv"
    rows = [f"{name},2024-01-{day:02},{day}\n" for name in names for day in range(1, 21)]
    path.write_text("city,ds,y\n" + "".join(rows), encoding="utf-8")
    arguments = ["forecast", str(path), "--id", "city", "--target", "y", "--horizon", "1", "--quiet"]
    found = subprocess.run(
        [sys.executable, "-m", "tidegate", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "PYTHONIOENCODING": "cp1252"},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert (found.returncode, found.stderr) == (0, b"")
    assert [line.split(",")[0] for line in found.stdout.decode("utf-8").splitlines()[1:]] == list(names)


def test_a_reader_that_has_had_enough_ends_it_quietly() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = start("forecast", AIRLINE, "--horizon", "3", "--quiet", stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    _, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, b"")


@pytest.mark.parametrize(("data", "code"), [(AIRLINE, 0), ("missing.csv", 2)])
def test_words_that_nobody_reads_any_more_do_not_end_the_work(tmp_path: Path, data: object, code: int) -> None:
    """As in `tidegate forecast ... 2>&1 | head -1`."""
    reader, writer = os.pipe()
    os.close(reader)
    out = tmp_path / "out.csv"
    process = start("forecast", data, "--horizon", "3", "-o", out, stdout=writer, stderr=writer)
    os.close(writer)
    assert process.wait(timeout=120) == code
    assert out.exists() == (code == 0)


@pytest.mark.parametrize("closed", ["1>&-", "2>&-"])
def test_a_stream_that_the_caller_has_closed_is_no_failure(tmp_path: Path, closed: str) -> None:
    """As some schedulers and services start their commands."""
    out = tmp_path / "out.csv"
    command = f'exec "$@" {closed}'
    arguments = ["forecast", str(AIRLINE), "--horizon", "3", "-o", str(out)]
    process = subprocess.run(
        ["sh", "-c", command, "sh", sys.executable, "-m", "tidegate", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert (process.returncode, process.stdout) == (0, b"")
    assert b"Traceback" not in process.stderr
    assert out.read_text().startswith(HEADER)


def test_a_standard_input_that_is_closed_is_an_empty_one(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert main(["forecast", "-", "--horizon", "3"]) == 5
    _one_line(capsys, "standard input: the file is empty")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which only Linux has")
def test_a_full_disk_ends_with_code_1_and_one_line() -> None:
    with open("/dev/full", "wb") as full:
        process = start("forecast", AIRLINE, "--horizon", "3", "--quiet", stdout=full, stderr=subprocess.PIPE)
        _, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (1, b"Error: No space left on device\n")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_training_quietly_with_nothing_left_behind(tmp_path: Path, number: int, code: int) -> None:
    process = start("pretrain", "--out", tmp_path / "run", "--steps", "10000", stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while not (tmp_path / "run").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.2)  # now it trains
    process.send_signal(number)
    _, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (code, b"")
    assert not list((tmp_path / "run").iterdir())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_a_file_is_written_leaves_no_part_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured, number: int, code: int
) -> None:
    from tidegate.forecasting import saving

    def interrupted(columns: object, form: str, file: object) -> None:
        file.write("Month,fore")  # type: ignore[attr-defined]
        os.kill(os.getpid(), number)
        time.sleep(5)

    before = signal.getsignal(number)
    monkeypatch.setattr(saving, "write_text", interrupted)
    arguments = ["forecast", str(AIRLINE), "--horizon", "3", "-o", str(tmp_path / "out.csv"), "--quiet"]
    assert main(arguments) == code
    assert capsys.readouterr() == ("", "")
    assert not list(tmp_path.iterdir())
    assert signal.getsignal(number) is before


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 90 GiB"),
        duckdb.OutOfMemoryException("Out of Memory Error: Failed to allocate block\n\nPossible solutions:\n* Reducing"),
    ],
)
def test_a_lack_of_memory_is_told_in_one_line(error: Exception, capsys: Captured) -> None:
    def run() -> int:
        raise error

    assert exit_code(run) == 1
    _one_line(capsys, r"not enough memory \(.*(allocate 90 GiB|allocate block)\): forecast fewer series")


def test_a_fault_of_the_program_keeps_its_traceback(capsys: Captured) -> None:
    def run() -> int:
        raise RuntimeError("a bug")

    assert exit_code(run) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err and "RuntimeError: a bug" in err
