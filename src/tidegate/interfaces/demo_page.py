"""The page of `tidegate demo`: what the experiments found, explained; every number and ranking comes from them."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from tidegate.charts.chart import Line, LineChart, Mark, Section, SideBySide, Table
from tidegate.charts.page import render_page
from tidegate.interfaces.demo import CELL_NAMES, errors, said
from tidegate.training.lessons import OPEN, CellResult, Lessons, fading

Floats = NDArray[np.float64]

CELL_COLORS = {"rnn": "orange", "lstm": "blue", "peephole": "green"}
SHOWN_BEFORE = 50  # values of the history shown before a forecast
RECALL_NAMES = {"rnn": "plain RNN", "lstm": "LSTM, torch's initialisation", OPEN: "LSTM, forget gate open"}


def demo_page(lessons: Lessons) -> str:
    """The whole page as one HTML document."""
    return render_page(
        "An LSTM learns a sine wave",
        [
            wave_section(lessons),
            equations_section(),
            results_section(lessons),
            far_section(lessons),
            gradient_section(lessons),
            recall_section(lessons),
            head_start_section(lessons),
            next_section(),
        ],
        subtitle="The tutorial behind Tidegate, end to end: tidegate demo trained every network on this page",
        notes=notes(lessons),
    )


def equation(text: str) -> str:
    """Plain text with `_` before an index -> HTML: "h_t-1 = o_t" has the indices t-1 and t; "S" is the sigmoid."""
    indexed = re.sub(r"_([a-z]+(?:-1)?)", lambda m: f"<sub>{m[1].replace('-', '&minus;')}</sub>", text)
    upright = indexed.replace("S(", "&sigma;(").replace("tanh", "</i>tanh<i>")
    return f"<i>{upright}</i>"


def bullets(items: Iterable[tuple[str, str]]) -> str:
    """Equations, each with what it says."""
    return "<ul>" + "".join(f"<li>{equation(formula)}: {words}</li>" for formula, words in items) + "</ul>"


def wave_section(lessons: Lessons) -> Section:
    """The series, its two parts, and one window."""
    plan, series = lessons.plan, lessons.series
    k = plan.training.window
    steps = np.arange(len(series))
    learnt, tested = series.copy(), series.copy()
    learnt[plan.split :], tested[: plan.split] = np.nan, np.nan
    part = series[: k + 1]
    inputs, targets = np.append(part[:-1], np.nan), np.append(part[1:], np.nan)
    text = (
        f"<p>The series is a sine wave of {plan.period} steps per period with a little noise (standard deviation "
        f"{plan.noise:g}), so in the long run no one-step forecast can have an error below {plan.noise:g}. The first "
        f"{plan.split} values are for training, the last {len(series) - plan.split} for testing. Training never sees "
        "the test values.</p>"
        f"<p>The training part is cut into windows of {k + 1} points. <b>The network reads points 1 to {k} and should "
        f"predict points 2 to {k + 1}</b>: after every point it predicts the next one. So each window holds {k} "
        f"lessons, not just one.</p>"
    )
    whole = LineChart(
        title="The series",
        x=steps,
        lines=[Line("training", learnt, color="grey"), Line("test", tested, color="ink")],
        x_label="step",
        y_label="value",
        marks=[Mark(plan.split, "test")],
        focus=(max(0, plan.split - 6 * plan.period), min(len(series) - 1, plan.split + 4 * plan.period)),
        height=260,
    )
    window = LineChart(
        title="One window: the input, and the target at the same step",
        x=1 + np.arange(k + 1),
        lines=[
            Line(f"input: points 1 to {k}", inputs, style="line+points", color="grey"),
            Line(f"target: points 2 to {k + 1}", targets, style="line+points", color="blue"),
        ],
        x_label="step of the window",
        y_label="value",
        height=260,
    )
    return Section("A wave, cut into windows", text, [SideBySide([whole, window])])


def equations_section() -> Section:
    """The three cells as equations."""
    plain = bullets([("h_t = tanh(W x_t + U h_t-1 + b)", "the new state mixes the input with the previous state")])
    lstm = bullets(
        [
            ("i_t = S(W_i x_t + U_i h_t-1 + b_i)", "the input gate: how much new content is written"),
            ("f_t = S(W_f x_t + U_f h_t-1 + b_f)", "the forget gate: how much of the old cell is kept"),
            ("g_t = tanh(W_g x_t + U_g h_t-1 + b_g)", "the new content"),
            ("o_t = S(W_o x_t + U_o h_t-1 + b_o)", "the output gate: how much of the cell is shown"),
            ("c_t = f_t ⊙ c_t-1 + i_t ⊙ g_t", "the cell keeps part of its old content and adds part of the new"),
            ("h_t = o_t ⊙ tanh(c_t)", "the output, which is also the state that the gates see next"),
        ]
    )
    peephole = bullets(
        [
            ("i_t = S(… + p_i ⊙ c_t-1)", "the input gate sees the old cell,"),
            ("f_t = S(… + p_f ⊙ c_t-1)", "so does the forget gate,"),
            ("o_t = S(… + p_o ⊙ c_t)", "and the output gate sees the new one."),
        ]
    )
    text = (
        "<p>A recurrent network reads one value <i>x<sub>t</sub></i> per step and carries a state along. The <b>plain "
        f"RNN</b> (Elman, 1990) has one equation:</p>{plain}"
        "<p>The <b>LSTM</b> (Hochreiter and Schmidhuber, 1997; forget gate: Gers and others, 2000) has six. &sigma; "
        f"is the logistic function, between 0 and 1; ⊙ multiplies element by element:</p>{lstm}"
        "<p>In the <b>peephole</b> variant (Gers and Schmidhuber, 2000) the gates also look at the cell itself, each "
        f"with a weight <i>p</i> per unit:</p>{peephole}"
        "<p>A linear layer without activation turns <i>h<sub>t</sub></i> into the prediction of "
        "<i>x<sub>t+1</sub></i>. In torch that is <code>nn.LSTM(1, hidden)</code> and <code>nn.Linear(hidden, "
        "1)</code>; in Tidegate it is <code>PatchLSTM(ModelConfig.tutorial())</code>, which holds exactly these two. "
        "The shipped model is the same network with other settings: it reads 16 values per step and predicts "
        "quantiles of the next 64, again at every step.</p>"
    )
    return Section("The network: six equations and a linear layer", text)


def cell_lines(lessons: Lessons, values: dict[str, Floats]) -> list[Line]:
    """One line per cell in its own colour."""
    return [Line(CELL_NAMES[cell], values[cell], color=CELL_COLORS[cell]) for cell in lessons.cells]


def best(rows: list[tuple[str, float]]) -> str:
    """Names with their numbers, smallest first: "LSTM 0.062, plain RNN 0.063"."""
    return ", ".join(f"{name} {number:.3f}" for name, number in sorted(rows, key=lambda row: row[1]))


def results_section(lessons: Lessons) -> Section:
    """Training, and one step ahead over the test part."""
    plan, cells = lessons.plan, lessons.cells
    steps = np.arange(plan.split, plan.length)
    losses = LineChart(
        title="During training: error on the training windows",
        x=1 + np.arange(plan.training.epochs),
        lines=cell_lines(lessons, {name: np.sqrt(cell.losses) for name, cell in cells.items()}),
        x_label="epoch",
        y_label="root mean squared error",
        log_y=True,
        height=300,
        caption="The first points of each window are predicted from almost no history, so this error stays above the "
        "test error, where the network has read everything before.",
    )
    ahead = LineChart(
        title="Test, one step ahead: predicted and actual values",
        x=steps,
        lines=[
            Line("actual", lessons.series[plan.split :], style="points", color="ink"),
            *cell_lines(lessons, {name: cell.next_step for name, cell in cells.items()}),
        ],
        x_label="step",
        y_label="value",
        focus=(plan.split, min(plan.length - 1, plan.split + 4 * plan.period)),
        height=300,
        caption="Each prediction is made after reading all actual values before it.",
    )
    kinds = {CELL_NAMES[name]: cell for name, cell in cells.items()}
    rows = [
        (name, one, far, *((kinds[name].parameters, kinds[name].seconds) if name in kinds else (np.nan, np.nan)))
        for name, one, far in errors(lessons)
    ]
    table = Table(
        ["method", "one step", f"1 to {plan.horizon} steps", "weights", "seconds"],
        rows,
        caption="Root mean squared error on the test part (the wave's amplitude is 1), weights, training time",
        digits=3,
    )
    ranking = best([(CELL_NAMES[name], cell.next_step_error) for name, cell in cells.items()])
    text = (
        f"<p>Each cell has {plan.training.hidden_size} units and sees the training windows {plan.training.epochs} "
        f"times. Errors one step ahead, best first: {ranking}. Repeating the last value gives "
        f"{lessons.persistence.next_step_error:.3f}; the noise alone is {plan.noise:g}. On such an easy task, the "
        "cells differ little, and their order changes with the seed. The peephole cell takes longest, because it "
        "runs as a loop over the equations above instead of one fused operation.</p>"
    )
    return Section("Training and test", text, [SideBySide([losses, ahead]), table])


def far_section(lessons: Lessons) -> Section:
    """Many steps ahead from one origin, predictions fed back."""
    plan, cells = lessons.plan, lessons.cells
    before, after = np.full(SHOWN_BEFORE, np.nan), np.full(plan.horizon, np.nan)
    span = slice(plan.split - SHOWN_BEFORE, plan.split + plan.horizon)
    one_origin = LineChart(
        title=f"From one origin, {plan.horizon} steps ahead",
        x=np.arange(len(lessons.series))[span],
        lines=[
            Line("history", np.concatenate([lessons.series[span][:SHOWN_BEFORE], after]), color="grey"),
            Line("actual", np.concatenate([before, lessons.series[span][SHOWN_BEFORE:]]), style="points", color="ink"),
            *cell_lines(lessons, {name: np.concatenate([before, cell.far]) for name, cell in cells.items()}),
            Line("persistence", np.concatenate([before, lessons.persistence.far]), style="dashed", color="purple"),
        ],
        x_label="step",
        y_label="value",
        marks=[Mark(plan.split, "origin")],
        caption="After the origin, the networks see only their own predictions.",
        height=320,
    )
    by_lead = LineChart(
        title="Error by steps ahead, over all origins",
        x=1 + np.arange(plan.horizon),
        lines=[
            *cell_lines(lessons, {name: cell.error_by_lead for name, cell in cells.items()}),
            Line("persistence", lessons.persistence.error_by_lead, style="dashed", color="purple"),
            Line("value one period before", lessons.told_the_period.error_by_lead, style="dashed", color="gold"),
        ],
        x_label="steps ahead",
        y_label="root mean squared error",
        log_y=True,
        height=320,
    )
    ranking = best([(CELL_NAMES[name], cell.far_error) for name, cell in cells.items()])
    told = lessons.told_the_period.far_error
    winners = [CELL_NAMES[name] for name, cell in cells.items() if cell.far_error < told]
    verdict = (
        f"Only the {said(winners)} {'is' if len(winners) == 1 else 'are'} better than that here."
        if winners
        else "No network is better than that here."
    )
    text = (
        "<p>A chart of one-step predictions is flattering: even repeating the last value looks right there. The honest "
        "test is to forecast many steps from one origin. Each prediction is fed back as if it had been observed, so "
        f"errors add up. Errors, best first: {ranking}; persistence {lessons.persistence.far_error:.3f}.</p>"
        f"<p>If you know that the period is {plan.period}, you can repeat the last period and get {told:.3f}. "
        f"{verdict} This is why Tidegate's shipped network looks up earlier seasons, and why it predicts a whole "
        "horizon at once instead of feeding values back.</p>"
    )
    return Section("Many steps ahead, honestly", text, [SideBySide([one_origin, by_lead])])


def positive(values: Floats) -> Floats:
    """Zeros (where a gradient is lost entirely) as gaps, for a logarithmic axis."""
    return np.where(values > 0, values, np.nan)


def gradient_section(lessons: Lessons) -> Section:
    """|d loss / d input| by lag, before and after training."""
    plan, cells = lessons.plan, lessons.cells

    def chart(title: str, lines: list[Line], caption: str) -> LineChart:
        return LineChart(
            title=title,
            x=np.arange(plan.lags),
            lines=lines,
            x_label="lag: steps before the last input",
            y_label="mean |∂loss/∂input|",
            log_y=True,
            caption=caption,
            height=340,
        )

    def lines(of: str) -> list[Line]:
        return cell_lines(lessons, {name: positive(getattr(cell, of)) for name, cell in cells.items()})

    opened = Line(RECALL_NAMES[OPEN], positive(lessons.gradient_open), style="dashed", color="sky")
    before = chart("Before training", [*lines("gradient_at_start"), opened], "A straight line is exponential decay.")
    after = chart("After training on the wave", lines("gradient_trained"), "")

    def left(cell: CellResult, of: str) -> str:
        return f"{fading(getattr(cell, of)):.2f}"

    rnn, lstm = cells["rnn"], cells["lstm"]
    text = (
        "<p>Training asks how the loss would change if a weight had been different at an earlier step. Each step "
        "back multiplies this gradient by one more factor; for the plain RNN it is <i>U</i><sup>T</sup> diag(1 "
        "&minus; <i>h<sub>t</sub></i>²). A factor that shrinks a vector a little shrinks it exponentially over many "
        "steps, and the network can no longer learn from what lies far back: <b>the gradient vanishes</b> "
        "(Hochreiter, 1991; Bengio and others, 1994).</p><p>In the LSTM the cell passes from step to step by "
        "<i>c<sub>t</sub> = f<sub>t</sub> ⊙ c<sub>t&minus;1</sub> + …</i>, so along the cell the factor is the "
        "forget gate itself. It is near 1 <b>only if the gate is open</b>. The charts show how strongly each input "
        f"moves the loss at the last of {plan.lags} steps, averaged over all windows of the test part.</p><p>These "
        f"factors were measured per step back. Before training: plain RNN {left(rnn, 'gradient_at_start')}, LSTM "
        f"{left(lstm, 'gradient_at_start')}, because torch starts the forget gates half open (&sigma;(0) = 0.5), so "
        f"<b>as it starts, the LSTM forgets about as fast as the RNN</b>. With {plan.forget_bias:g} added to the "
        f"forget gate's bias (&sigma;({plan.forget_bias:g}) = {1 / (1 + np.exp(-plan.forget_bias)):.2f}) it is "
        f"{fading(lessons.gradient_open):.2f}: the gradient arrives. After training on the wave: plain RNN "
        f"{left(rnn, 'gradient_trained')}, LSTM {left(lstm, 'gradient_trained')}, peephole "
        f"{left(cells['peephole'], 'gradient_trained')}. The wave needs no long memory (two values determine a sine "
        "wave; a dozen average the noise away), so training need not lengthen it.</p>"
    )
    return Section("Why gradients vanish", text, [SideBySide([before, after])])


def recall_section(lessons: Lessons) -> Section:
    """Remembering the first value of a window."""
    plan, recall = lessons.plan, lessons.recall
    colors = {"rnn": "orange", "lstm": "blue", OPEN: "sky"}
    chart = LineChart(
        title=f"Recalling a value read {plan.recall_length} steps before",
        x=recall.updates,
        lines=[
            *(Line(RECALL_NAMES[name], errors, color=colors[name]) for name, errors in recall.errors.items()),
            Line("always answering 0", np.full(len(recall.updates), recall.guess), style="dashed", color="grey"),
        ],
        x_label="weight updates (64 windows each)",
        y_label="root mean squared error",
        height=320,
    )
    ends = best([(RECALL_NAMES[name], float(errors[-1])) for name, errors in recall.errors.items()])
    text = (
        f"<p>This task does need memory: the first of {plan.recall_length} values is a number between &minus;1 and 1, "
        "the others are small noise, and after the last one the network must repeat the first. Every network sees the "
        f"same windows. Final errors, best first: {ends}; always answering 0 gives {recall.guess:.3f}.</p>"
        "<p>A network can only learn what its gradient reaches. This is why Tidegate starts the forget gates of the "
        "networks it trains from a positive bias (Jozefowicz and others, 2015).</p>"
    )
    return Section("What an open forget gate is good for", text, [chart])


def head_start_section(lessons: Lessons) -> Section:
    """A second wave from nothing and from the first wave's network."""
    plan, start = lessons.plan, lessons.head_start
    epochs = np.arange(plan.other.epochs + 1)
    chart = LineChart(
        title="Error on the second wave, one step ahead (test part)",
        x=epochs,
        lines=[
            *(
                Line(f"{name}, run {run + 1}", errors, color=color, width=1.4)
                for name, runs, color in (
                    ("from scratch", start.scratch, "orange"),
                    ("from the first wave", start.pretrained, "blue"),
                )
                for run, errors in enumerate(runs)
            ),
            Line(f"goal: {start.target:g}", np.full(len(epochs), start.target), style="dashed", color="grey"),
        ],
        x_label="epochs of training",
        y_label="root mean squared error",
        log_y=True,
        height=320,
    )
    table = Table(
        ["start", f"epochs to {start.target:g}", "initial error", "final error"],
        [
            (name, said(start.epochs_needed(runs)), float(runs[:, 0].mean()), float(runs[:, -1].mean()))
            for name, runs in (("from scratch", start.scratch), ("from the first wave", start.pretrained))
        ],
        digits=3,
    )
    text = (
        f"<p>The second wave is slower ({plan.other_period} steps per period), smaller, and short: {plan.other_length} "
        "values for training. The LSTM starts once from scratch and once from the weights it learnt on the first wave; "
        "everything else is the same. The shipped model does the same on a larger scale: it was trained on many "
        "synthetic series and forecasts yours without training, and <code>tidegate fit</code> starts from it. The "
        "table shows how many epochs the head start saves. Its last column shows whether the final error is lower "
        "too.</p>"
    )
    return Section("A head start: learning from another wave", text, [chart, table])


def next_section() -> Section:
    """Where to go from here."""
    text = (
        "<p><code>examples/sine_wave.py</code> is the whole tutorial in under 40 lines of Python. The equations are in "
        "<code>src/tidegate/network/cells.py</code>, the experiments of this page in "
        "<code>src/tidegate/training/lessons.py</code>. To watch the gates at work, step by step: <code>tidegate "
        "serve</code>, then <code>http://127.0.0.1:8321/learn</code>. To forecast your own table of numbers:</p>"
        "<pre># the shipped model, no training\ntidegate forecast sales.csv --horizon 24 --plot sales.html\n\n"
        "# train on your series\ntidegate fit sales.csv --horizon 24 -o sales.onnx</pre>"
    )
    return Section("Where to go from here", text)


def notes(lessons: Lessons) -> list[str]:
    """How this page was made."""
    plan = lessons.plan
    training = plan.training
    return [
        f"Seed {lessons.seed}: the same seed gives the same numbers, except for the times. Other seeds rank the cells "
        f"differently; try tidegate demo --seed {lessons.seed + 1}.",
        f"Training: Adam, learning rate {training.learning_rate:g} falling to 0 along a cosine, batches of "
        f"{training.batch_size} windows, gradient norm at most 1. Second wave: constant rate "
        f"{plan.other.learning_rate:g}, batches of {plan.other.batch_size}.",
        f"Errors many steps ahead are averaged over origins {plan.origin_step} steps apart, {plan.horizon} steps "
        f"each. All experiments took {lessons.seconds:.0f} s on one thread.",
    ]
