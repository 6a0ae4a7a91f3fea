"""The experiments behind `tidegate demo`: three cells on one wave, vanishing gradients, memory, and a head start.

Nothing here draws or explains; interfaces/demo_page.py does, from the numbers these functions return.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from torch import nn

from tidegate.network.patch_lstm import PatchLSTM
from tidegate.series.synthetic import sine_wave, windows
from tidegate.training.tutorial import (
    Floats,
    TutorialPlan,
    many_steps_ahead,
    new_network,
    one_step_ahead,
    read_points,
    rmse,
    train_epochs,
)

CELLS = ("rnn", "lstm", "peephole")
OPEN = "lstm, forget gate open"  # how the LSTM that starts with an open forget gate is called in the results
Progress = Callable[[str, float], None]  # the current step in words, and the share of all work that is done


@dataclass(frozen=True)
class LessonPlan:
    """All settings of the demo; the defaults take well under a minute on two cores."""

    length: int = 1000
    split: int = 700  # values before it are learnt from, values from it on are the test
    period: int = 25
    noise: float = 0.05
    horizon: int = 100  # steps ahead, predictions fed back
    origin_step: int = 10  # forecast origins in the test part lie so far apart
    training: TutorialPlan = field(default_factory=TutorialPlan)
    lags: int = 100  # window over which gradients are followed
    forget_bias: float = 3.0  # sigmoid(3) = 0.95: the cell forgets a twentieth per step
    recall_length: int = 40  # the value to remember lies so many steps back
    recall_updates: int = 400
    other_period: int = 40  # the second wave of the head start ...
    other_length: int = 250  # ... is short ...
    other_runs: int = 3  # ... and learnt so often, from different seeds
    other: TutorialPlan = field(
        default_factory=lambda: TutorialPlan(epochs=20, batch_size=32, learning_rate=1e-3, constant_rate=True)
    )


@dataclass(frozen=True)
class CellResult:
    """One cell on the wave. Errors are root mean squared errors in the units of the series."""

    cell: str
    parameters: int
    seconds: float  # of training
    losses: Floats  # (epochs,) mean squared error over the training windows
    next_step: Floats  # (length - split,) one step ahead over the test part
    far: Floats  # (horizon,) from the origin `split`, predictions fed back
    next_step_error: float
    far_error: float  # over all origins and all steps ahead
    error_by_lead: Floats  # (horizon,)
    gradient_at_start: Floats  # (lags,) mean |d loss / d input|, element 0 the last input
    gradient_trained: Floats  # (lags,)


@dataclass(frozen=True)
class NaiveResult:
    """A forecast that learns nothing; fields as in CellResult."""

    name: str
    next_step_error: float
    far: Floats
    far_error: float
    error_by_lead: Floats


@dataclass(frozen=True)
class Recall:
    """Remembering the first of many values: error against updates, by network."""

    updates: Floats  # (points,)
    errors: dict[str, Floats]  # (points,) each
    guess: float  # the error of always answering 0


@dataclass(frozen=True)
class HeadStart:
    """A second wave learnt from scratch and from the network of the first wave."""

    series: Floats
    split: int
    target: float  # error to reach
    scratch: Floats  # (runs, epochs + 1) test error one step ahead before training and after each epoch
    pretrained: Floats  # the same, from the network trained on the first wave

    def epochs_needed(self, errors: Floats) -> list[int | None]:
        """Of each run: epochs until the error is at most the target; None if it never is."""
        return [int(np.argmax(run <= self.target)) if (run <= self.target).any() else None for run in errors]


@dataclass(frozen=True)
class Lessons:
    """All results of the demo."""

    plan: LessonPlan
    seed: int
    series: Floats
    cells: dict[str, CellResult]
    persistence: NaiveResult
    told_the_period: NaiveResult
    gradient_open: Floats  # (lags,) of the untrained LSTM with its forget gate open
    recall: Recall
    head_start: HeadStart
    seconds: float


@contextmanager
def one_thread() -> Iterator[None]:
    """Tensors this small are slower on several threads, and one thread adds in one order on every machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def run_lessons(plan: LessonPlan, seed: int = 0, progress: Progress | None = None) -> Lessons:
    """Run every experiment; the same seed gives the same numbers (but for the seconds)."""
    began = time.perf_counter()
    tell = progress or (lambda _words, _share: None)
    series = sine_wave(plan.length, period=plan.period, noise=plan.noise, seed=seed)

    def part(words: str, start: float, share: float, done: float) -> None:
        tell(words, start + share * done)

    cells: dict[str, CellResult] = {}
    networks: dict[str, PatchLSTM] = {}
    # About how long each part takes, for the progress line.
    shares = {"rnn": (0.0, 0.1), "lstm": (0.1, 0.15), "peephole": (0.25, 0.4)}
    with one_thread():
        for cell in CELLS:
            start, share = shares[cell]
            words = f"training the {cell} on the wave"
            networks[cell], cells[cell] = learn_wave(
                cell,
                series,
                plan,
                seed,
                partial(part, words, start, share),
            )
        recall = remember(plan, seed, lambda words, done: tell(words, 0.65 + 0.2 * done))
        head = second_wave(networks["lstm"], plan, seed, lambda words, done: tell(words, 0.85 + 0.15 * done))
        opened = open_forget_gate(new_network(plan.training, "lstm", seed), plan.forget_bias)
        gradient_open = wave_gradient(opened, series, plan)
    return Lessons(
        plan=plan,
        seed=seed,
        series=series,
        cells=cells,
        persistence=naive("persistence", series, plan, 1),
        told_the_period=naive("told the period", series, plan, plan.period),
        gradient_open=gradient_open,
        recall=recall,
        head_start=head,
        seconds=time.perf_counter() - began,
    )


def origins(plan: LessonPlan) -> range:
    """Forecast origins in the test part that have `horizon` values after them."""
    return range(plan.split, plan.length - plan.horizon + 1, plan.origin_step)


def far_errors(forecasts: Floats, series: Floats, plan: LessonPlan) -> tuple[float, Floats]:
    """forecasts (origins, horizon) -> error over all of them, and by steps ahead (horizon,)."""
    actual = np.stack([series[origin : origin + plan.horizon] for origin in origins(plan)])
    by_lead = np.sqrt(((forecasts - actual) ** 2).mean(axis=0))
    return rmse(forecasts, actual), by_lead


def learn_wave(
    cell: str, series: Floats, plan: LessonPlan, seed: int, progress: Callable[[float], None]
) -> tuple[PatchLSTM, CellResult]:
    """Train one cell on the first part of the series and test it on the rest."""
    network = new_network(plan.training, cell, seed)
    at_start = wave_gradient(network, series, plan)
    began = time.perf_counter()
    losses = []
    for loss in train_epochs(network, series[: plan.split], plan.training, seed):
        losses.append(loss)
        progress(len(losses) / plan.training.epochs)
    seconds = time.perf_counter() - began
    next_step = one_step_ahead(network, series)[plan.split :]
    histories = np.stack([series[origin - plan.split : origin] for origin in origins(plan)])
    far = many_steps_ahead(network, histories, plan.horizon)
    far_error, by_lead = far_errors(far, series, plan)
    return network, CellResult(
        cell=cell,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        seconds=seconds,
        losses=np.array(losses),
        next_step=next_step,
        far=far[0],
        next_step_error=rmse(next_step, series[plan.split :]),
        far_error=far_error,
        error_by_lead=by_lead,
        gradient_at_start=at_start,
        gradient_trained=wave_gradient(network, series, plan),
    )


def naive(name: str, series: Floats, plan: LessonPlan, season_length: int) -> NaiveResult:
    """Repeat the last `season_length` values: 1 is persistence; the wave's period is seasonal naive."""
    rounds = -(-plan.horizon // season_length)
    far = np.stack(
        [np.tile(series[origin - season_length : origin], rounds)[: plan.horizon] for origin in origins(plan)]
    )
    far_error, by_lead = far_errors(far, series, plan)
    next_step = series[plan.split - season_length : -season_length]
    return NaiveResult(name, rmse(next_step, series[plan.split :]), far[0], far_error, by_lead)


def gradient_by_lag(network: PatchLSTM, inputs: Floats, targets: Floats) -> Floats:
    """How strongly each input moves the loss at the last step: mean over windows of |d loss / d input|.

    Args: inputs (windows, k), targets (windows,) the value after each window; loss: its squared error, in float64.
    Returns: (k,) by lag: element 0 is the last input, element k - 1 the first.
    """
    exact = copy.deepcopy(network).double()
    points = torch.tensor(inputs, dtype=torch.float64, requires_grad=True)
    predicted, _ = read_points(exact, points)
    loss = (predicted[:, -1] - torch.tensor(targets, dtype=torch.float64)).square().sum()
    (gradient,) = torch.autograd.grad(loss, points)
    return gradient.abs().mean(0).flip(0).numpy()


def wave_gradient(network: PatchLSTM, series: Floats, plan: LessonPlan) -> Floats:
    """gradient_by_lag over all windows of the test part."""
    inputs, targets = windows(series[plan.split :], plan.lags)
    return gradient_by_lag(network, inputs, targets[:, -1])


def fading(gradient: Floats) -> float:
    """What is left of a gradient per step back: 1 keeps all. A line through its logarithm from lag 5 on."""
    lags = np.arange(len(gradient))[5:]
    return float(np.exp(np.polyfit(lags, np.log(gradient[5:]), 1)[0]))


def open_forget_gate(network: PatchLSTM, bias: float) -> PatchLSTM:
    """Add `bias` to what the forget gates of an LSTM start from (Gers et al., 2000), in place."""
    hidden = network.config.hidden_size
    with torch.no_grad():
        network.get_parameter("recurrent.cell.bias_ih_l0")[hidden : 2 * hidden] += bias
    return network


def remember(plan: LessonPlan, seed: int, progress: Progress) -> Recall:
    """Recall the first value of a window after its last: a number in [-1, 1], then noise of size 0.1."""
    networks = {
        "rnn": new_network(plan.training, "rnn", seed),
        "lstm": new_network(plan.training, "lstm", seed),
        OPEN: open_forget_gate(new_network(plan.training, "lstm", seed), plan.forget_bias),
    }
    block = 10  # errors are averaged over so many updates
    errors = {}
    for place, (name, network) in enumerate(networks.items()):
        generator = torch.Generator().manual_seed(seed)  # the same windows for every network
        optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
        squared = []
        for update in range(plan.recall_updates):
            points = 0.1 * torch.randn(64, plan.recall_length, generator=generator)
            points[:, 0] = 2 * torch.rand(64, generator=generator) - 1
            predicted, _ = read_points(network, points)
            loss = (predicted[:, -1] - points[:, 0]).square().mean()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            squared.append(float(loss.detach()))
            if update % block == 0:
                progress(f"memory task with the {name}", (place + update / plan.recall_updates) / len(networks))
        errors[name] = np.sqrt(np.array(squared).reshape(-1, block).mean(axis=1))
    updates = block * np.arange(1, 1 + plan.recall_updates // block, dtype=np.float64)
    return Recall(updates=updates, errors=errors, guess=float(np.sqrt(1 / 3)))


def second_wave(trained: PatchLSTM, plan: LessonPlan, seed: int, progress: Progress) -> HeadStart:
    """Learn a short, slower and smaller wave from scratch and from `trained`, several times."""
    test = plan.length - plan.split
    wave = sine_wave(
        plan.other_length + test, period=plan.other_period, amplitude=0.7, phase=0.3, noise=plan.noise, seed=seed + 1
    )
    split = plan.other_length

    def error(network: PatchLSTM) -> float:
        return rmse(one_step_ahead(network, wave)[split:], wave[split:])

    results: dict[str, list[list[float]]] = {"scratch": [], "the first wave": []}
    for run in range(plan.other_runs):
        for place, (start, runs) in enumerate(results.items()):
            fresh = new_network(plan.training, "lstm", seed + 1 + run)
            network = fresh if start == "scratch" else copy.deepcopy(trained)
            errors = [error(network)]
            for _ in train_epochs(network, wave[:split], plan.other, seed + run):
                errors.append(error(network))
                done = (2 * run + place + len(errors) / (plan.other.epochs + 1)) / (2 * plan.other_runs)
                progress(f"a second wave, from {start}", done)
            runs.append(errors)
    return HeadStart(
        series=wave,
        split=split,
        target=1.5 * plan.noise,
        scratch=np.array(results["scratch"]),
        pretrained=np.array(results["the first wave"]),
    )
