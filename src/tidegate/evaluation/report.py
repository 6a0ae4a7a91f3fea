"""The report of a backtest: one HTML page, verdict first, that opens without network."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from tidegate import __version__
from tidegate.charts.chart import Browser, Index, Section, SideBySide, Table
from tidegate.charts.page import render_page
from tidegate.evaluation.backtest import Backtest
from tidegate.evaluation.baselines import TITLES
from tidegate.evaluation.findings import data_findings
from tidegate.evaluation.report_charts import calibration, error_by_step, error_by_window, window_charts
from tidegate.evaluation.scores import metric_table
from tidegate.evaluation.significance import FEWEST
from tidegate.evaluation.verdict import OVER_SERIES, TIMES, Comparison

Floats = NDArray[np.float64]
REPORT_SUFFIXES = (".html",)
EMBEDDED = 200  # series whose charts the page holds: the worst, the best, and a sample of the rest
EXTREMES = 50  # of each end
TOP = 10  # rows of the tables of best and worst
LINES = 5  # contenders in one chart


def report_page(backtest: Backtest) -> str:
    """The page, for one series or thousands."""
    model = (backtest.models or backtest.contenders)[0]
    beside = TITLES["seasonal_naive"] if TITLES["seasonal_naive"] in backtest.contenders else None
    beside = beside if beside != model else None
    errors = _errors(backtest, model)
    shown = _drawn(backtest, model)
    embedded = embedded_series(errors, EMBEDDED)
    charts = window_charts(backtest, model, beside, embedded)
    size = backtest.panel.size
    chosen = "the worst, the best and a sample" if size > EMBEDDED else "those that are scored"
    told = (
        f"<p>This page has charts of {len(charts):,} of {size:,} series: {chosen}. The table below has the scores of "
        "all.</p>"
        if size > len(charts)
        else ""
    )
    sections = [
        Section(text_html=_verdict_html(backtest), content=[_score_table(backtest, model)]),
        Section("Compared with each baseline", content=[_comparison_table(backtest)]),
        Section("Where the error comes from", content=[
            SideBySide([error_by_step(backtest, shown), error_by_window(backtest, shown)])]),
        Section("Interval coverage", content=[_interval_table(backtest, model), calibration(backtest, shown)]),
        Section("Forecasts and actual values", told,
                [Browser(charts) if len(charts) > 1 else charts[0]] if charts else []),
    ]  # fmt: skip
    if size > 1:
        sections.append(Section("Best and worst series", content=[SideBySide(_extremes(backtest, model, errors))]))
        sections.append(Section("All series", content=[_index(backtest, model, errors)]))
    sections.append(Section("The data", _list_html(_data_lines(backtest))))
    if backtest.proof is not None:
        words = "passed" if backtest.proof.holds else "FAILED"
        sections.append(Section(f"Proof of no leakage: {words}", _list_html(backtest.proof.lines)))
    sections.append(Section("How to reproduce this report", _reproduce_html(backtest), [_seconds_table(backtest)]))
    return render_page(f"Backtest of {_title(backtest)}", sections, subtitle=_summary(backtest))


def embedded_series(errors: Floats, most: int) -> list[int]:
    """Which series get a chart: all if there are few, else the worst, the best and an even sample of those scored."""
    known = np.flatnonzero(np.isfinite(errors))
    order = known[np.argsort(-errors[known], kind="stable")]
    rest = np.flatnonzero(~np.isfinite(errors))
    if len(errors) <= most:
        return np.concatenate([order, rest]).tolist()
    if len(order) <= most:
        return np.concatenate([order, rest[: most - len(order)]]).tolist()
    ends = min(EXTREMES, most // 3)
    middle = order[ends : len(order) - ends]
    sample = middle[np.linspace(0, len(middle) - 1, most - 2 * ends).round().astype(np.int64)]
    return np.concatenate([order[:ends], sample, order[len(order) - ends :]]).tolist()


def _errors(backtest: Backtest, contender: str) -> Floats:
    return backtest.score(backtest.main_metric.lower())[contender]


def _drawn(backtest: Backtest, model: str) -> list[str]:
    """The model, seasonal naive, and the others from the best on: more lines than LINES are a tangle."""
    scores = {name: backtest.scores[name][backtest.main_metric.lower()] for name in backtest.contenders}
    ranked = sorted(backtest.contenders, key=lambda name: (not np.isfinite(scores[name]), scores[name]))
    first = [name for name in (model, TITLES["seasonal_naive"]) if name in backtest.contenders]
    return list(dict.fromkeys((*first, *ranked)))[:LINES]


def _verdict_html(backtest: Backtest) -> str:
    verdict = backtest.verdict
    boxes = [
        f'<p class="warning">Warning: {escape(warning)}{"" if warning.endswith("…") else "."}</p>'
        for warning in verdict.warnings
    ]
    if not boxes:
        boxes = [f'<p class="warning fine">{_no_warnings(len(backtest.windows_apart))}</p>']
    boxes.append(f"<p>{escape(_capitalised(backtest.recommendation.sentence))}.</p>")
    return f'<p class="verdict">{escape(verdict.sentence)}.</p>{"".join(boxes)}'


def _no_warnings(windows: int) -> str:
    """What was looked for and not found, and where that says little. windows: those that do not overlap."""
    if windows >= FEWEST:
        return "No warnings: no sign of an echo, a flat line or bias, nor of intervals that miss their promise."
    return (
        f"No warnings, but fewer than {FEWEST} windows that do not overlap show little: an echo, a bias or intervals "
        "that miss their promise may stay unseen."
    )


def _capitalised(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _score_table(backtest: Backtest, model: str) -> Table:
    keys = ["mase", "rmsse", "smape", "owa", "wql", "scaled_crps", "bias"]
    return Table(
        ["", *_titles(backtest, keys)],
        _score_rows(backtest, backtest.contenders, keys),
        caption="Lower is better (bias: nearer to 0). Means over series, WQL over the whole set; bias in units of "
        f"MASE's scale.{_incomplete(backtest)}",
        digits=3,
        highlight=backtest.contenders.index(model),
    )


def _incomplete(backtest: Backtest) -> str:
    """A sentence on the rows of methods that did not forecast all that the others did."""
    scored = backtest.origins.scored.T[..., None]
    names = [name for name in backtest.contenders if (np.isnan(backtest.at(name, 0.5)) & scored).any()]
    if not names:
        return ""
    return f" Not comparable, as some series or windows have no forecast: {', '.join(names)}; see the next table."


def _interval_table(backtest: Backtest, model: str) -> Table:
    keys = [f"{what}_{level:g}" for level in backtest.levels for what in ("coverage", "width", "winkler")]
    rows = _score_rows(backtest, backtest.contenders, keys)
    if (given := backtest.as_given) is not None:
        rows += _score_rows(given, given.models, keys)
    return Table(
        ["", *_titles(backtest, keys)],
        rows,
        caption="Coverage in percent, ideally equal to the level; width and Winkler score (lower is better) in units "
        "of MASE's scale."
        + (
            " Intervals of models are conformal: they are scaled by the errors of all series in earlier windows."
            if backtest.given
            else ""
        ),
        digits=3,
        highlight=backtest.contenders.index(model),
    )


def _titles(backtest: Backtest, keys: Sequence[str]) -> list[str]:
    table = metric_table(backtest.levels)
    return [_unbroken(table[key].title) if key in table else key.upper() for key in keys]


def _unbroken(title: str) -> str:
    """A sign of percent stays with its number where a title is folded."""
    return title.replace(" %", "\u00a0%")


def _score_rows(backtest: Backtest, names: Sequence[str], keys: Sequence[str]) -> list[list[object]]:
    return [
        [name, *((100 if key.startswith("coverage") else 1) * backtest.scores[name].get(key, np.nan) for key in keys)]
        for name in names
    ]


def _comparison_table(backtest: Backtest) -> Table:
    rows = [
        [
            one.against,
            _gain_cell(one),
            f"{one.better:,} of {one.of:,} {one.unit}" + (f", equal on {one.ties:,}" if one.ties else ""),
            _p_cell(one),
        ]
        for one in backtest.verdict.comparisons
    ]
    tests = dict.fromkeys(one.test for one in backtest.verdict.comparisons if np.isfinite(one.p))
    caption = f"p: {'; '.join(tests)}" if tests else ""
    if OVER_SERIES in tests and len(backtest.windows_apart) < FEWEST:
        caption += f"; too small where series move together, as fewer than {FEWEST} windows cannot show that"
    return Table(["baseline", "error", "better on", "p"], rows, caption=caption)


def _gain_cell(comparison: Comparison) -> str:
    """ "less by 18.2 %", "25 times as much"."""
    gain = comparison.gain
    if math.isnan(gain):
        return "not comparable"
    if comparison.equal:
        return "equal"
    if math.isinf(gain):
        return "more: the baseline has none"
    if gain < -TIMES:
        return f"{1 - gain:,.0f} times as much"
    return f"{'less' if gain > 0 else 'more'} by {100 * abs(gain):.1f} %"


def _p_cell(comparison: Comparison) -> str:
    if math.isnan(comparison.p):
        return "no variance" if comparison.alike else "too few"
    return "<\u00a00.001" if comparison.p < 0.001 else f"{comparison.p:.3f}"


def _extremes(backtest: Backtest, model: str, errors: Floats) -> list[Table]:
    known = np.flatnonzero(np.isfinite(errors))
    order = known[np.argsort(-errors[known], kind="stable")]
    others = {name: _errors(backtest, name) for name in (TITLES["seasonal_naive"],) if name in backtest.contenders}

    def table(series: NDArray[np.int64], caption: str) -> Table:
        rows = [
            [backtest.panel.name(int(index)), float(errors[index]), *(float(one[index]) for one in others.values())]
            for index in series
        ]
        return Table(["series", model, *others], rows, caption=caption, digits=3)

    count = min(TOP, max(1, len(order) // 2))
    metric = backtest.main_metric
    return [table(order[:count], f"Worst series by {metric}"), table(order[::-1][:count], f"Best series by {metric}")]


def _index(backtest: Backtest, model: str, errors: Floats) -> Index:
    columns: dict[str, NDArray[np.generic]] = {f"{backtest.main_metric} {model}": errors}
    for name in (TITLES["seasonal_naive"], TITLES["auto_ets"]):
        if name in backtest.contenders:
            columns[f"{backtest.main_metric} {name}"] = _errors(backtest, name)
    for level in backtest.levels:
        columns[_unbroken(f"covers {level:g} %")] = 100 * backtest.score(f"coverage_{level:g}")[model]
    columns["windows"] = backtest.origins.scored.sum(axis=0).astype(np.float64)
    columns["recommended"] = np.array(backtest.recommendation.chosen, object)
    return Index([backtest.panel.name(index) for index in range(backtest.panel.size)], columns)


def _data_lines(backtest: Backtest) -> list[str]:
    findings = data_findings(backtest.panel, backtest.season_lengths[:, -1])
    return [*backtest.notes, *findings, *backtest.undefined]


def _list_html(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>" if lines else "<p>Nothing to note.</p>"


def _seconds_table(backtest: Backtest) -> Table:
    rows = [[name, backtest.seconds[name]] for name in backtest.contenders]
    return Table(["method", "total seconds"], rows, digits=3)


def _reproduce_html(backtest: Backtest) -> str:
    origins = ", ".join(backtest.origin_text(window) for window in range(backtest.windows))
    command, data = backtest.settings.get("command"), str(backtest.settings.get("data", ""))
    given = f"<p>The data came from Python: a file that holds them takes the place of {escape(data)}.</p>"
    return (
        (f"<pre>{escape(_folded(command))}</pre>" if command else "")
        + (given if command and data.startswith("<") else "")
        + f"<p>Tidegate {escape(__version__)}. Origins: {escape(origins)}. "
        f"Windows of {_counted(backtest.horizon, 'step')}, {backtest.step} apart. Each forecast saw the values up to "
        "its origin and nothing after it.</p>"
    )


def _folded(command: str) -> str:
    """The same command with an option to a line, to be pasted as it is."""
    lines: list[list[str]] = [[]]
    for word in shlex.split(command):
        if word.startswith("--"):
            lines.append([])
        lines[-1].append(word)
    return " \\\n  ".join(shlex.join(line) for line in lines)


def _title(backtest: Backtest) -> str:
    return backtest.panel.target if backtest.panel.ids else backtest.panel.name(0)


def _summary(backtest: Backtest) -> str:
    frequency = backtest.panel.timeline.frequency
    words = [] if frequency is None else [frequency.name]
    words += [
        f"{backtest.panel.size:,} series",
        f"{_counted(backtest.windows, 'window')} of {_counted(backtest.horizon, 'step')}",
    ]
    return " · ".join(words)


def _counted(count: int, noun: str) -> str:
    """ "1 window", "5 windows"."""
    return f"{count} {noun}{'s' * (count != 1)}"
