"""`tidegate demo`: the tutorial from a sine wave to a tested forecast, as a short table and one page with charts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.forecasting.saving import check_destination, replacing
from tidegate.interfaces.arguments import check_seed
from tidegate.interfaces.terminal import Bar

if TYPE_CHECKING:
    from tidegate.training.lessons import LessonPlan, Lessons

CELL_NAMES = {"rnn": "plain RNN", "lstm": "LSTM", "peephole": "peephole LSTM"}


def run(out: Path, *, seed: int = 0, quiet: bool = False, plan: LessonPlan | None = None) -> Lessons:
    """Train, test, write the page to `out` (.html) and print a table; on a terminal, progress goes to stderr.

    Args:
        seed: the same seed gives the same numbers, apart from the seconds.
        quiet: print nothing.
        plan: settings of the experiments; None: those of the tutorial.
    Raises: ConfigError for the seed, ConfigError or OSError if `out` cannot be written, ModuleNotFoundError without
        torch; all before any work.
    """
    check_seed(seed)
    check_destination(out, (".html",))
    from tidegate.interfaces.demo_page import demo_page
    from tidegate.training.lessons import LessonPlan, run_lessons

    bar = Bar(quiet=quiet)
    try:
        lessons = run_lessons(plan or LessonPlan(), seed, lambda words, share: bar.draw(share, words))
    finally:
        bar.clear()
    with replacing(out) as temporary:
        temporary.write_text(demo_page(lessons), encoding="utf-8")
    if not quiet:
        print(summary(lessons))
        print(f"took {lessons.seconds:.0f} s; charts and explanations: {out}", file=sys.stderr)
    return lessons


def summary(lessons: Lessons) -> str:
    """The results as a short table of text."""
    plan = lessons.plan
    rows = [(name, f"{one:.3f}", f"{far:.3f}") for name, one, far in errors(lessons)]
    head = ("root mean squared error", "one step ahead", f"up to {plan.horizon} steps ahead")
    lines = [f"{name:<26}{one:>16}{far:>24}" for name, one, far in (head, *rows)]
    start = lessons.head_start
    return "\n".join(
        [
            f"A sine wave with noise of {plan.noise:g}: {plan.split} values for training, "
            f"{plan.length - plan.split} for testing",
            "",
            lines[0],
            *lines[1:],
            "",
            f"Epochs until the error on a second wave falls to {start.target:g} ({plan.other_runs} runs each):",
            f"  from scratch: {said(start.epochs_needed(start.scratch))}; "
            f"from the LSTM trained on the first wave: {said(start.epochs_needed(start.pretrained))}",
        ]
    )


def errors(lessons: Lessons) -> list[tuple[str, float, float]]:
    """Name, error one step ahead, error many steps ahead of every forecast of the wave, in units of the series."""
    rows = [(CELL_NAMES[name], cell.next_step_error, cell.far_error) for name, cell in lessons.cells.items()]
    last, period = lessons.persistence, lessons.told_the_period
    return [
        *rows,
        ("persistence (last value)", last.next_step_error, last.far_error),
        ("value one period before", period.next_step_error, period.far_error),
    ]


def said(epochs: Sequence[int | str | None]) -> str:
    """Numbers of epochs, or names, in words: "12, 13 and never"."""
    words = ["never" if count is None else str(count) for count in epochs]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
