"""`tidegate demo` with fewer epochs: what it prints, what its page holds, what it leaves behind."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from tidegate.errors import ConfigError, MissingExtra
from tidegate.interfaces.cli import run_command
from tidegate.interfaces.demo import run, said, summary
from tidegate.interfaces.demo_page import demo_page, equation
from tidegate.training.lessons import HeadStart, LessonPlan, Lessons, run_lessons
from tidegate.training.tutorial import TutorialPlan

SHORT = LessonPlan(
    length=260,
    split=160,
    horizon=30,
    lags=30,
    recall_length=8,
    recall_updates=20,
    other_length=80,
    other_runs=2,
    training=TutorialPlan(hidden_size=8, window=20, epochs=2),
    other=TutorialPlan(hidden_size=8, window=20, epochs=2, constant_rate=True),
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lessons, Path]:
    out = tmp_path_factory.mktemp("demo") / "page.html"
    return run(out, seed=3, quiet=True, plan=SHORT), out


def test_the_same_seed_gives_the_same_numbers(finished: tuple[Lessons, Path]) -> None:
    shares: list[float] = []
    again = run_lessons(SHORT, 3, lambda _words, share: shares.append(share))
    first = finished[0]
    assert shares == sorted(shares)
    assert shares[0] >= 0
    assert shares[-1] <= 1
    for name, cell in again.cells.items():
        np.testing.assert_array_equal(cell.far, first.cells[name].far)
        np.testing.assert_array_equal(cell.gradient_trained, first.cells[name].gradient_trained)
    for name, errors in again.recall.errors.items():
        np.testing.assert_array_equal(errors, first.recall.errors[name])
    np.testing.assert_array_equal(again.head_start.pretrained, first.head_start.pretrained)
    assert summary(again) == summary(first)


def test_the_table_names_every_forecast_beside_persistence(finished: tuple[Lessons, Path]) -> None:
    lessons = finished[0]
    table = summary(lessons)
    for name in ("plain RNN", "LSTM", "peephole LSTM", "persistence (last value)", "value one period before"):
        (row,) = [line for line in table.splitlines() if line.startswith(name + " ")]
        assert len(re.findall(r"\d\.\d{3}", row)) == 2
    persistence = np.sqrt(np.mean(np.diff(lessons.series)[SHORT.split - 1 :] ** 2))
    assert f"persistence (last value)             {persistence:.3f}" in table


class Page(HTMLParser):
    """What the page would load, and the elements it opens and closes."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[str] = []
        self.open: list[str] = []
        self.headings = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.requests += [f"{tag} {name}={value}" for name, value in attrs if name in ("src", "href") and value]
        self.headings += tag == "h2"
        if tag not in ("meta", "br", "link", "img", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_one_whole_document_that_requests_nothing(finished: tuple[Lessons, Path]) -> None:
    lessons, out = finished
    html = out.read_text(encoding="utf-8")
    page = Page()
    page.feed(html)
    assert page.requests == []
    assert page.open == []
    assert page.headings >= 7
    assert html == demo_page(lessons)
    for cell in lessons.cells.values():
        assert f"{cell.far_error:.3f}" in html
    assert list(out.parent.iterdir()) == [out]


def test_all_six_equations_of_the_lstm_are_on_the_page(finished: tuple[Lessons, Path]) -> None:
    html = finished[1].read_text(encoding="utf-8")
    for gate in "ifo":
        assert f"<i>{gate}<sub>t</sub> = &sigma;(W<sub>{gate}</sub> x<sub>t</sub>" in html
    assert "<i>g<sub>t</sub> = </i>tanh<i>(W<sub>g</sub>" in html
    assert equation("c_t = f_t ⊙ c_t-1 + i_t ⊙ g_t") in html
    assert equation("h_t-1") == "<i>h<sub>t&minus;1</sub></i>"


def test_the_table_goes_to_stdout_and_the_path_to_stderr(
    finished: tuple[Lessons, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys.modules["tidegate.training.lessons"], "run_lessons", lambda *_: finished[0])
    run(tmp_path / "page.html", plan=SHORT)
    printed = capsys.readouterr()
    assert printed.out == summary(finished[0]) + "\n"
    assert printed.err.endswith(f"charts and explanations: {tmp_path / 'page.html'}\n")
    assert "\r" not in printed.err  # no progress where there is no terminal
    run(tmp_path / "page.html", quiet=True, plan=SHORT)
    assert capsys.readouterr() == ("", "")


def test_a_path_that_cannot_be_written_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["tidegate.training.lessons"], "run_lessons", lambda *_: pytest.fail("worked first"))
    with pytest.raises(ConfigError, match=r"expected one of \.html"):
        run(tmp_path / "page.pdf")
    with pytest.raises(ConfigError, match="there is no directory"):
        run(tmp_path / "absent" / "page.html")


@pytest.mark.parametrize("seed", [-1, 2**63, 0.5])
def test_a_seed_that_nothing_begins_from_is_refused_before_any_work(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["tidegate.training.lessons"], "run_lessons", lambda *_: pytest.fail("worked first"))
    with pytest.raises(ConfigError, match=f"seed {seed}: expected a whole number"):
        run(tmp_path / "page.html", seed=seed)


def test_without_torch_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("tidegate.training", "tidegate.network"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r'tidegate demo needs the extra "train".*pip install "tidegate\[train\]"'):
        run_command(["demo", "-o", str(tmp_path / "page.html")])
    assert not list(tmp_path.iterdir())


def test_epochs_needed_is_the_first_epoch_at_or_below_the_target() -> None:
    runs = np.array([[0.5, 0.2, 0.1, 0.3], [0.1, 0.5, 0.5, 0.5], [0.5, 0.4, 0.3, 0.2]])
    start = HeadStart(np.zeros(4), 2, 0.1, runs, runs)
    assert start.epochs_needed(runs) == [2, 0, None]
    assert said([2, 0, None]) == "2, 0 and never"
    assert said([4]) == "4"


def test_the_page_says_so_when_no_network_beats_the_period(finished: tuple[Lessons, Path]) -> None:
    lessons = finished[0]
    perfect = replace(lessons, told_the_period=replace(lessons.told_the_period, far_error=0.0))
    assert "No network is better than that here." in demo_page(perfect)
    hopeless = replace(lessons, told_the_period=replace(lessons.told_the_period, far_error=99.0))
    assert "Only the plain RNN, LSTM and peephole LSTM are better" in demo_page(hopeless)


def test_importing_the_demo_loads_no_torch() -> None:
    import subprocess

    code = "import sys, tidegate.interfaces.demo; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
