"""Training at every origin: one pass over a batch of series gives the loss of forecasts from many origins.

The network forecasts after full patches; after partial patches (an origin at any phase, one extra step from the state
after a patch); and after masked patches far beyond the last known value (long horizons).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from tidegate.forecasting.config import ModelConfig
from tidegate.network.causal import History, Scaling, Steps, joined, take
from tidegate.network.cells import State
from tidegate.network.patch_lstm import PatchLSTM

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
Truth = Callable[..., tuple[Tensor, Tensor]]  # see `truth_after`
MASKED_SHARE = 0.7  # weight of the loss of long horizons; origins after full and partial patches weigh 1


@dataclass(frozen=True)
class OriginPlan:
    """The origins that a batch is trained on, and the weight of each target."""

    full: int = 6  # origins after full patches, drawn at random (all if there are fewer)
    cuts: int = 3  # patches after which the state is kept for ...
    phases: int = 2  # ... so many origins inside the next patch
    masked_share: float = 0.5  # share of the series on which long horizons are trained; 0: none
    reach: int | None = None  # steps ahead that count; None: all predicted steps
    target_limit: float = 75.0  # targets are clamped to so many scales from the location
    near: float | None = None  # the step h ahead weighs 1 / sqrt(1 + h / near); None: equal weights
    season_power: float = 0.0  # exponent of the weight of regular seasons, see `season_weight`; 0: equal weights
    season_limit: float = 4.0  # that weight is between 1 / season_limit and season_limit


def draw(count: int, size: int, generator: torch.Generator) -> list[int]:
    """`count` different numbers of 0 .. size - 1 in order (all if there are fewer)."""
    return sorted(torch.randperm(size, generator=generator)[:count].tolist())


def every_origin_loss(
    network: PatchLSTM,
    values: Tensor,
    seasons: Tensor,
    loss: Loss,
    generator: torch.Generator,
    plan: OriginPlan,
    truth: Truth | None = None,
) -> Tensor:
    """Mean loss over the origins of a batch.

    Args:
        values: (batch, time) float64 as the network reads them (`causal.logarithms`), NaN where missing; the first
            value of each series is observed.
        seasons: (batch, slots) int64.
        generator: on the CPU; draws the origins.
        truth: `truth_after`, or a compiled version of it.
    Returns: a scalar.
    """
    config = network.config
    patch, batch = config.patch_length, len(values)
    history = History.of(values, config.half_life)
    count = (history.length - 1) // patch  # full patches after which at least one target follows
    cuts = draw(plan.cuts, count + 1, generator)
    full = draw(plan.full, count, generator) if count else []
    phases = [phase + 1 for phase in draw(plan.phases, patch, generator)] if patch > 1 else []

    # Full and partial patches at once: many small operations cost more than a few larger ones.
    steps = Steps.full_patches(batch, count, patch, values.device)
    if phases:
        steps = joined([steps, steps_inside(cuts, phases, steps, patch)])
    embedded, scaling = network.embed(history, seasons, steps)
    output, states = read_with_states(network, embedded[:, :count], cuts)
    if phases:
        output = torch.cat([output, read_inside(network, embedded[:, count:], states, len(phases))], dim=1)
    read = Read(output, embedded, history, scaling, seasons, steps)
    chosen = torch.tensor([*full, *range(count, output.shape[1])], device=values.device)
    parts = [part for part in (len(full), len(cuts) * len(phases)) if part]
    scored = [(mean, 1.0) for mean in origin_losses(network, read.at(chosen), parts, loss, plan, truth or truth_after)]
    if phases and plan.masked_share:
        masked = masked_steps(network, history, seasons, cuts, states, plan, generator)
        if masked is not None:
            blocks = masked.output.shape[1]
            (mean,) = origin_losses(network, masked, [blocks], loss, plan, truth or truth_after)
            scored.append((mean, MASKED_SHARE))
    total = sum((weight * mean for mean, weight in scored), values.new_zeros((), dtype=torch.float32))
    return total / max(sum(weight for _, weight in scored), 1e-9)


@dataclass(frozen=True)
class Read:
    """Steps of some series that the network has read and forecasts from.

    Attributes: output (batch, steps, hidden), embedded (batch, steps, embedding), seasons (batch, slots).
    """

    output: Tensor
    embedded: Tensor
    history: History
    scaling: Scaling
    seasons: Tensor
    steps: Steps

    def at(self, index: Tensor) -> Read:
        """The steps at an index."""
        return Read(
            self.output[:, index],
            self.embedded[:, index],
            self.history,
            self.scaling.at_steps(index),
            self.seasons,
            self.steps.at(index),
        )


def read_with_states(network: PatchLSTM, embedded: Tensor, cuts: list[int]) -> tuple[Tensor, list[State]]:
    """Run the cell over all steps. Returns: its outputs, and the states before the steps `cuts` (0: the start)."""
    outputs: list[Tensor] = []
    states: list[State] = []
    state: State | None = None
    position = 0
    for cut in [*cuts, embedded.shape[1]]:
        if cut > position:
            output, state = network.read(embedded[:, position:cut], state)
            outputs.append(output)
        if len(states) < len(cuts):
            states.append(network.recurrent.start(embedded) if state is None else state)
        position = cut
    empty = embedded.new_zeros(len(embedded), 0, network.config.hidden_size)
    return torch.cat(outputs, dim=1) if outputs else empty, states


def steps_inside(cuts: list[int], phases: list[int], full: Steps, patch: int) -> Steps:
    """(batch, cuts * phases) steps from each cut to origins inside the next patch."""
    batch, device = len(full.origin), full.origin.device
    before = torch.tensor(cuts, device=device).repeat_interleave(len(phases)) * patch
    origin = (before + torch.tensor(phases, device=device).repeat(len(cuts))).expand(batch, -1)
    return Steps(origin, origin, before.expand(batch, -1))


def read_inside(network: PatchLSTM, embedded: Tensor, states: list[State], phases: int) -> Tensor:
    """One step from the state at each cut for each phase: (batch, cuts * phases, embedding) -> (..., hidden)."""
    state = tuple(
        torch.stack(parts, dim=2).repeat_interleave(phases, dim=2).flatten(1, 2) for parts in zip(*states, strict=True)
    )  # (rows, batch * cuts * phases, hidden)
    output, _ = network.read(embedded.flatten(0, 1)[:, None], state)
    return output.view(*embedded.shape[:2], -1)


def masked_steps(
    network: PatchLSTM,
    history: History,
    seasons: Tensor,
    cuts: list[int],
    states: list[State],
    plan: OriginPlan,
    generator: torch.Generator,
) -> Read | None:
    """Long horizons: a step from one cut to the origin, then masked patches. None: the series leave no room."""
    config = network.config
    patch, per_block = config.patch_length, config.horizon // config.patch_length
    chosen = int(torch.randint(len(cuts), (), generator=generator))
    phase = int(torch.randint(1, patch + 1, (), generator=generator))
    end = cuts[chosen] * patch + phase
    blocks = (history.length - end) // config.horizon - 1
    if blocks < 1 or end < patch:
        return None
    blocks = int(torch.randint(1, blocks + 1, (), generator=generator))
    rows = slice(0, max(1, int(plan.masked_share * len(history.filled))))
    some = history.rows(rows)
    origin = end + patch * torch.arange(per_block * blocks + 1, device=history.filled.device)
    previous = torch.cat([origin.new_tensor([cuts[chosen] * patch]), origin[:-1]])
    shape = (len(some.filled), -1)
    steps = Steps(origin.expand(shape), torch.full_like(origin, end).expand(shape), previous.expand(shape))
    embedded, scaling = network.embed(some, seasons[rows], steps)
    output, _ = network.read(embedded, tuple(part[:, rows].contiguous() for part in states[chosen]))
    asked = per_block * torch.arange(1, blocks + 1, device=origin.device)
    return Read(output, embedded, some, scaling, seasons[rows], steps).at(asked)


def origin_losses(
    network: PatchLSTM, read: Read, parts: list[int], loss: Loss, plan: OriginPlan, truth: Truth
) -> list[Tensor]:
    """Mean loss of the forecasts from the first parts[0] steps, from the next parts[1] steps, and so on.

    Origins whose history is still constant do not count.
    """
    if not parts:
        return []
    predicted = network.predict(read.output, read.embedded, read.history, read.scaling, read.seasons, read.steps)
    target, weight = truth(network.config, plan, read.history, read.scaling, read.seasons, read.steps)
    levels = torch.tensor(network.config.quantile_levels, device=target.device)
    errors = torch.split(loss(predicted, target, levels) * weight, parts, dim=1)
    weights = torch.split(weight, parts, dim=1)
    return [
        (error.sum() / counted.sum().clamp(min=1e-6)).to(torch.float32)
        for error, counted in zip(errors, weights, strict=True)
    ]


def truth_after(
    config: ModelConfig, plan: OriginPlan, history: History, scaling: Scaling, seasons: Tensor, steps: Steps
) -> tuple[Tensor, Tensor]:
    """The squashed targets after each step and their weights, both (batch, steps, horizon)."""
    ahead = torch.arange(1, config.horizon + 1, device=seasons.device)
    index = steps.origin[..., None] + ahead - 1
    there = (index < history.length) & take(history.observed, index)
    share = scaling.count / (scaling.count + 4.0) * (scaling.scale > 0)
    if plan.season_power:
        share = share * season_weight(history, scaling, seasons[:, 0], steps, plan)
    weight = there * share[..., None]
    lead = (steps.origin - steps.known)[..., None] + ahead
    if plan.reach is not None:
        weight = weight * (lead <= plan.reach)
    if plan.near is not None:
        weight = weight / (1.0 + lead / plan.near).sqrt()
    target = take(history.filled, index)
    if config.scaling:
        reach = plan.target_limit * scaling.divisor[..., None]
        target = (target - scaling.location[..., None]).clamp(-reach, reach) + scaling.location[..., None]
    return scaling.squash(target) if config.scaling else scaling.scaled(target), weight


def season_weight(history: History, scaling: Scaling, season: Tensor, steps: Steps, plan: OriginPlan) -> Tensor:
    """(batch, steps): (scale / mean change from one season to the next) ** season_power, 1 without a season.

    Errors are in units of the scale. Where a season repeats closely, an error that is small in these units is large
    relative to the seasonal naive forecast. Only values before each origin count: a weight that depends on later values
    would bias the quantiles.
    """
    length = season[:, None].clamp(min=1)
    position = torch.arange(history.length, device=season.device).expand(history.filled.shape)
    change = (history.filled - take(history.filled, position - length)).abs() * (position >= length)
    pairs = (steps.known - length).clamp(min=0)
    mean = take(change.cumsum(1), steps.known - 1) / pairs.clamp(min=1)
    ratio = scaling.scale / torch.where(mean > 0, mean, 1.0)
    weight = torch.where(mean > 0, ratio, plan.season_limit) ** plan.season_power
    counts = (season[:, None] > 0) & (pairs >= length)
    return torch.where(counts, weight.clamp(1.0 / plan.season_limit, plan.season_limit), 1.0)
