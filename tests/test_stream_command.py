"""`tidegate stream` as a real process: an answer to each line at once, exit codes, signals, and the state it keeps."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tidegate

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(tidegate.__file__).parent.parent)}
OLD = Path(__file__).parent / "data" / "format_2.onnx"


def stream(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tidegate", "stream", *map(str, arguments), "--threads", "1"]
    pipes = {name: subprocess.PIPE for name in ("stdin", "stdout", "stderr")}
    return subprocess.Popen(command, text=True, env=ENVIRONMENT, **pipes)  # type: ignore[call-overload]


def row(day: int, value: float | None, name: str = "a") -> dict[str, Any]:
    return {"id": name, "day": f"2024-05-{day:02d}", "sold": value}


def said(process: subprocess.Popen[str], *lines: object) -> tuple[list[dict[str, Any]], str, int]:
    """All it answers to these lines, what it tells a person, and its exit code."""
    out, errors = process.communicate("".join(json.dumps(line) + "\n" for line in lines), timeout=120)
    return [json.loads(line) for line in out.splitlines()], errors, process.returncode


def test_each_line_is_answered_at_once_and_sigterm_keeps_what_was_taken_in(tmp_path: Path) -> None:
    state = tmp_path / "s.npz"
    options = ("--frequency", "D", "--time", "day", "--target", "sold", "--horizon", 3, "--state", state)
    process = stream(*options)
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    for day, value in enumerate([3.0, 4.0, 2.0, 5.0], 1):
        process.stdin.write(json.dumps(row(day, value)) + "\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())  # before the next line is sent
        assert answer["id"] == "a" and answer["day"] == [f"2024-05-{day + ahead:02d}" for ahead in (1, 2, 3)]
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=120) == 143
    for pipe in (process.stdin, process.stdout, process.stderr):
        pipe.close()

    answers, errors, code = said(stream(*options), row(5, 3.0))
    assert (code, len(answers)) == (0, 1) and "continuing from" in errors
    days = {"ds": [f"2024-05-{day:02d}" for day in range(1, 6)], "y": [3.0, 4.0, 2.0, 5.0, 3.0]}
    expected = tidegate.forecast(days, 3, season_length=7)
    np.testing.assert_allclose(answers[0]["forecast"], expected.at(0.5)[0], rtol=1e-6)
    np.testing.assert_allclose(answers[0]["lo-95"], expected.at(0.025)[0], rtol=1e-6)


def test_a_history_is_gone_on_from_and_rows_in_a_list_are_taken_in_together(tmp_path: Path) -> None:
    history = tmp_path / "h.csv"
    lines = [f"{name},2024-05-{day:02d},{day % 7}" for name in "ab" for day in range(1, 29)]
    history.write_text("\n".join(["id,day,sold", *lines]) + "\n")
    together = [row(29, 1.0), row(29, 1.0, "b"), row(30, None, "b")]
    answers, errors, code = said(stream(history, "--id", "id", "--horizon", 2, "--levels", "80"), together)
    assert code == 0, errors
    assert [(answer["id"], answer["day"]) for answer in answers] == [
        ("a", ["2024-05-30", "2024-05-31"]),
        ("b", ["2024-05-31", "2024-06-01"]),
    ]
    assert list(answers[0]) == ["id", "day", "forecast", "lo-80", "hi-80"]


BEGIN = ("--frequency", "D", "--time", "day", "--target", "sold", "--horizon", 2)


def test_a_line_that_cannot_be_used_ends_it_with_its_number_or_is_answered_with_its_error() -> None:
    lines = (row(1, 3.0), row(3, 4.0), row(2, 5.0), "no row", row(4, None), row(5, 1.0, "b"))
    answers, errors, code = said(stream(*BEGIN), *lines)
    assert (len(answers), code) == (2, 5)
    assert "line 3: series 'a': a row is 2 steps late" in errors
    answers, errors, code = said(stream(*BEGIN, "--keep-going", "--unknown", "start"), *lines)
    assert code == 0, errors
    assert [answer.get("line") for answer in answers] == [None, None, 3, 4, None, None]
    assert "expected a row such as" in answers[3]["error"]
    answers, _, _ = said(stream(*BEGIN, "--late", "skip"), *lines[:3])
    assert len(answers) == 2


def test_a_first_line_that_is_refused_does_not_decide_how_the_others_are_read() -> None:
    lines = ({"day": "2024-05-01", "sold": "many"}, row(1, 3.0), row(1, 4.0, "b"))
    answers, errors, code = said(stream(*BEGIN, "--keep-going"), *lines)
    assert code == 0, errors
    assert [answer.get("id") for answer in answers] == [None, "a", "b"]  # and not one series of both


def test_a_byte_order_mark_and_line_ends_of_windows_are_read() -> None:
    process = stream(*BEGIN)
    out, errors = process.communicate("\ufeff" + "\r\n".join(map(json.dumps, (row(1, 3.0), row(2, 4.0)))), timeout=120)
    assert process.returncode == 0, errors
    assert [json.loads(line)["day"][0] for line in out.splitlines()] == ["2024-05-02", "2024-05-03"]


NO_ROWS = {
    "nested too deeply": b"[" * 100_000,
    "not UTF-8": b'{"id": "\xff", "day": "2024-05-02", "sold": 1}',
    "of no series": b'{"id": {"x": 1}, "day": "2024-05-02", "sold": 1}',
    "of an infinite id": b'{"id": Infinity, "day": "2024-05-02", "sold": 1}',
    "larger than any float": b'{"id": "a", "day": "2024-05-02", "sold": 1' + b"0" * 400 + b"}",
}


@pytest.mark.parametrize("line", NO_ROWS.values(), ids=NO_ROWS)
def test_bytes_that_are_no_row_are_answered_and_what_came_before_is_kept(line: bytes, tmp_path: Path) -> None:
    state = tmp_path / "s.npz"
    command = [sys.executable, "-m", "tidegate", "stream", *map(str, BEGIN), "--state", str(state), "--threads", "1"]
    lines = b"\n".join([json.dumps(row(1, 3.0)).encode(), line, json.dumps(row(2, 4.0)).encode()])
    strict = ENVIRONMENT | {"PYTHONIOENCODING": "utf-8:strict"}
    ended = subprocess.run(command, input=lines, env=strict, capture_output=True, timeout=120, check=False)
    assert (ended.returncode, len(ended.stdout.splitlines())) == (5, 1) and b"Error: line 2: " in ended.stderr
    assert tidegate.Stream.load(state).size == 1
    state.unlink()
    gone_on = subprocess.run(
        [*command, "--keep-going"], input=lines, env=strict, capture_output=True, timeout=120, check=False
    )
    answers = [json.loads(answer) for answer in gone_on.stdout.splitlines()]
    assert gone_on.returncode == 0 and [answer.get("line") for answer in answers] == [None, 2, None]


def test_dates_are_found_under_any_name() -> None:
    lines = ({"id": "a", "t": "2024-05-01", "sold": 3}, {"id": "a", "t": "2024-05-02", "sold": 4})
    answers, errors, code = said(stream("--frequency", "D", "--horizon", 1), *lines)
    assert code == 0, errors
    assert [answer["t"] for answer in answers] == [["2024-05-02"], ["2024-05-03"]]


@pytest.mark.parametrize(
    ("arguments", "line", "code", "message"),
    [
        ((*BEGIN, "--model", OLD), row(1, 1.0), 4, "format version 2 and cannot carry its state"),
        (("--time", "day", "--target", "sold"), row(1, 1.0), 2, "pass --frequency"),
        ((*BEGIN, "--horizon", 0), row(1, 1.0), 2, "horizon 0"),
        (("none.csv",), row(1, 1.0), 2, "there is no file none.csv"),
        ((*BEGIN, "--every", "10min", "--drop-last"), row(1, 1.0), 2, "--every, --drop-last: only used to read a"),
    ],
)
def test_exit_codes(arguments: tuple[object, ...], line: object, code: int, message: str) -> None:
    answers, errors, found = said(stream(*arguments), line)
    assert (answers, found) == ([], code) and message in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("option", "message"), [(("--levels", "100"), "level 100"), (("--horizon", 9000), "horizon 9000")]
)
def test_what_no_forecast_can_be_made_with_is_refused_before_a_row_is_taken_in(
    option: tuple[object, ...], message: str, tmp_path: Path
) -> None:
    state = tmp_path / "s.npz"
    assert said(stream(*BEGIN, "--state", state), row(1, 1.0))[2] == 0
    answers, errors, code = said(stream(*BEGIN, "--state", state, "--keep-going", *option), row(2, 1.0))
    assert (answers, code) == ([], 2) and f"Error: {message}" in errors
    answers, errors, code = said(stream(*BEGIN, "--state", state), row(2, 1.0))  # not late
    assert (len(answers), code) == (1, 0), errors


def test_the_state_of_another_model_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "s.npz"
    assert said(stream(*BEGIN, "--state", state), row(1, 1.0))[2] == 0
    with np.load(state) as stored:
        arrays = dict(stored)
    header = json.loads(str(arrays["header"]))
    arrays["header"] = np.array(json.dumps({**header, "weights": "0" * 16}))
    np.savez(state, **arrays)
    _, errors, code = said(stream(*BEGIN, "--state", state), row(2, 1.0))
    assert code == 4 and "was carried by the weights 0000000000000000" in errors
