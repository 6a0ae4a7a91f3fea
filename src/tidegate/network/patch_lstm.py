"""The one network: an LSTM that reads a patch of values per step and predicts quantiles of a whole horizon.

With patch 1, horizon 1 and everything else off it is the tutorial's `nn.LSTM` and `nn.Linear`. The shipped weights add
causal scaling, an embedding of the patch, and look-ups of earlier seasons; see docs/network.md.
"""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
from torch import Tensor, nn

from tidegate.forecasting.config import MIX_PARTS, ModelConfig, Smoothing
from tidegate.network.causal import (
    LINEAR,
    LOG_ROOM,
    LOG_SCALES,
    LOOKUP_CHANNELS,
    History,
    Scaling,
    Steps,
    from_logarithms,
    last_step,
    logarithms,
    look_up,
    patch_index,
    take,
    visible,
)
from tidegate.network.cells import Recurrent, State
from tidegate.network.smoothing import moved

STEP_FEATURES = 6  # advance, lead, shift, growth of scale, roughness, count
LONGEST_MEMORY = 32.0  # steps; the forget gates' start
SQUASHED_LIMIT = 15.0  # in units of LINEAR: 5 million scales; clamped before sinh


class PatchLSTM(nn.Module):
    """Values up to an origin in, quantiles of the next `horizon` values out, at every origin of the series."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        embedding, head = config.embedding_size, config.head_size
        inputs = self.input_size
        if embedding:
            self.embedding: nn.Module = nn.Sequential(
                nn.Linear(inputs, embedding), nn.SiLU(), nn.Linear(embedding, embedding)
            )
        else:
            self.embedding = nn.Identity()
        self.recurrent = Recurrent(
            config.cell,
            embedding or inputs,
            config.hidden_size,
            config.num_layers,
            residual=config.residual,
            dilations=config.dilations,
        )
        head_inputs = config.hidden_size + embedding + self.lookup_size
        outputs = sum(self.output_sizes)
        if head:
            self.head: nn.Module = nn.Sequential(nn.Linear(head_inputs, head), nn.SiLU(), nn.Linear(head, outputs))
        else:
            self.head = nn.Linear(head_inputs, outputs)
        if embedding or head:  # the tutorial's network keeps torch's own start
            self._initialise()

    @property
    def input_size(self) -> int:
        """Numbers the embedding (or, without one, the cell) reads per step."""
        patch, slots = self.config.patch_length, self.config.season_slots
        if not self.config.embedding_size:
            return patch
        return patch * (2 + slots) + 2 * slots + STEP_FEATURES

    @property
    def lookup_size(self) -> int:
        """Numbers the head reads from the look-ups: their values and how much of each is known."""
        return self.config.season_slots * LOOKUP_CHANNELS * (self.config.horizon + 1)

    @property
    def mix_choices(self) -> int:
        """What the mix can choose from: each look-up, or none of them. Without look-ups there is no mix."""
        slots = self.config.season_slots
        return slots * LOOKUP_CHANNELS + 1 if slots else 0

    @property
    def output_sizes(self) -> tuple[int, int, int]:
        """Numbers the head gives: quantiles, the weights of the mix, and how bands grow with the distance."""
        parts = MIX_PARTS if self.config.scaling else 0
        return self.config.horizon * len(self.config.quantile_levels), MIX_PARTS * self.mix_choices, parts

    def _initialise(self) -> None:
        for name, parameter in self.recurrent.named_parameters():
            if "weight_hh" in name:
                for block in parameter.data.chunk(parameter.shape[0] // parameter.shape[1]):
                    nn.init.orthogonal_(block)
            elif "bias" in name:
                nn.init.zeros_(parameter)
                if "bias_ih" in name and self.config.cell != "rnn":
                    # Forget gates start open for 1 to LONGEST_MEMORY steps (Tallec & Ollivier, 2018, "Can recurrent
                    # neural networks warp time?"), so that gradients from far back survive.
                    gate = parameter.data[self.config.hidden_size : 2 * self.config.hidden_size]
                    gate.uniform_(1.0, LONGEST_MEMORY).log_()
        last = self.head[-1] if isinstance(self.head, nn.Sequential) else self.head
        if isinstance(last, nn.Linear):
            last.weight.data.mul_(0.1)

    def scaling(self, history: History, known: Tensor) -> Scaling:
        """Location and scale at each step; zero and one when the network is told not to scale."""
        if self.config.scaling:
            return Scaling.at(history, known)
        start = (-history.first / history.unit).expand(known.shape).contiguous()
        one = (1.0 / history.unit).expand(known.shape).contiguous()
        return Scaling(start, one, torch.zeros_like(one), torch.ones_like(one))

    def squash(self, scaling: Scaling, values: Tensor) -> Tensor:
        """Values in units of History as the network sees and predicts them, float32."""
        return scaling.squash(values) if self.config.scaling else scaling.scaled(values)

    def unsquash(self, history: History, scaling: Scaling, predicted: Tensor) -> Tensor:
        """predicted (batch, steps, horizon, quantiles) float32 -> units of what is read, float64."""
        spread = predicted.to(torch.float64)
        if self.config.scaling:
            spread = LINEAR * (spread / LINEAR).clamp(-SQUASHED_LIMIT, SQUASHED_LIMIT).sinh()
        away = scaling.scale[..., None, None] * spread
        if self.config.log_unit:
            room = (LOG_SCALES * scaling.scale).maximum(LOG_ROOM / history.unit)[..., None, None]
            away = away.clamp(-room, room)
        centred = scaling.location[..., None, None] + away
        return centred * history.unit[..., None, None] + history.first[..., None, None]

    def embed(self, history: History, seasons: Tensor, steps: Steps) -> tuple[Tensor, Scaling]:
        """What each step reads. seasons (batch, slots) -> (batch, steps, embedding), and the scaling at each step."""
        inputs, scaling = self.step_inputs(history, seasons, steps)
        return self.embedding(inputs), scaling

    def step_inputs(self, history: History, seasons: Tensor, steps: Steps) -> tuple[Tensor, Scaling]:
        """What is embedded of each step, (batch, steps, input_size): data, that no weight has touched."""
        config = self.config
        scaling = self.scaling(history, steps.known)
        index = patch_index(steps, config.patch_length)
        seen = visible(history, index, steps.known)
        values = torch.where(seen, self.squash(scaling, take(history.filled, index)), 0.0)
        if not config.embedding_size:
            return values, scaling
        parts = [values, seen.to(values.dtype), self._step_features(history, steps, scaling)]
        for slot in range(config.season_slots):
            season = seasons[:, None, slot : slot + 1]
            earlier = index - season.clamp(min=1)
            lag_seen = visible(history, earlier, steps.known) & (season > 0)
            parts.append(torch.where(lag_seen, self.squash(scaling, take(history.filled, earlier)), 0.0))
            parts.append(lag_seen.to(values.dtype).mean(-1, keepdim=True))
            parts.append((0.2 * season.clamp(min=1).to(values.dtype).log()).expand(*index.shape[:2], 1))
        return torch.cat(parts, dim=-1), scaling

    def _step_features(self, history: History, steps: Steps, scaling: Scaling) -> Tensor:
        """(batch, steps, STEP_FEATURES): how far and how the world moved since the step before."""
        before = self.scaling(history, torch.minimum(steps.previous, steps.known))
        shift = torch.where(before.count.ge(1) & (steps.previous > 0), before.location - scaling.location, 0.0)
        both = (before.scale > 0) & (scaling.scale > 0)
        growth = torch.where(both, scaling.scale / torch.where(both, before.scale, 1.0), 1.0).log()
        lead = (steps.origin - steps.known).to(torch.float64)
        features = [
            (steps.origin - steps.previous) / self.config.patch_length,
            0.3 * (lead / self.config.patch_length).log1p(),
            (shift / scaling.divisor).asinh(),
            growth.clamp(-3, 3),
            scaling.spread.clamp(-4, 4),
            0.2 * scaling.count.log(),
        ]
        return torch.stack([feature.to(torch.float32) for feature in features], dim=-1)

    def read(self, embedded: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Run the recurrent network over steps: (batch, steps, embedding) -> (batch, steps, hidden), last state."""
        return self.recurrent(embedded, state)

    def predict(
        self, output: Tensor, embedded: Tensor, history: History, scaling: Scaling, seasons: Tensor, steps: Steps
    ) -> Tensor:
        """Quantiles after each step, squashed: (batch, steps, horizon, quantiles), increasing along the last axis."""
        config = self.config
        shape = (*output.shape[:2], config.horizon, len(config.quantile_levels))
        inputs = [output]
        if config.embedding_size:
            inputs.append(embedded)
        if config.season_slots:
            values, share = self.look_up(history, scaling, steps, seasons)
            inputs += [values.flatten(2), share.flatten(2)]
        raw, mix, growth = self.head(torch.cat(inputs, dim=-1)).float().split(self.output_sizes, dim=-1)
        raw = raw.view(shape)
        base = self._mixed(mix, values, share) if config.season_slots else torch.zeros_like(raw[..., 0])
        centre = base + raw[..., config.median]
        if not config.scaling:
            return ordered(raw, centre, torch.ones_like(centre), config.median)
        # Squashed distances shrink as 1 / cosh where the error has the same size everywhere, and stay where it grows
        # with the distance from the location: the network says which, for each part of the horizon.
        constant = 1.0 / (centre / LINEAR).clamp(-SQUASHED_LIMIT, SQUASHED_LIMIT).cosh()
        grows = growth.sigmoid().repeat_interleave(config.horizon // MIX_PARTS, dim=-1)
        return ordered(raw, centre, grows + (1.0 - grows) * constant, config.median)

    def look_up(self, history: History, scaling: Scaling, steps: Steps, seasons: Tensor) -> tuple[Tensor, Tensor]:
        """`causal.look_up` over the horizon: data, that no weight has touched."""
        return look_up(history, scaling, steps, seasons, self.config.horizon)

    def _mixed(self, mix: Tensor, values: Tensor, share: Tensor) -> Tensor:
        """The mix of look-ups the head chose, (batch, steps, horizon)."""
        # A look-up of which nothing is known cannot be chosen; staying at the last value always can.
        chance = mix.view(*mix.shape[:2], MIX_PARTS, self.mix_choices)
        known = torch.cat([share.flatten(2), torch.ones_like(share[..., :1, 0])], dim=-1)
        weight = chance.masked_fill(known[:, :, None] == 0, -1e9).softmax(-1)[..., :-1]
        choices = values.flatten(2, 3)
        parts = choices.view(*choices.shape[:3], MIX_PARTS, -1)
        with torch.autocast(values.device.type, enabled=False):  # look-ups are data: they keep all their digits
            return torch.einsum("bkpc,bkcph->bkph", weight, parts).flatten(2)

    def smoothed(self, smoothing: Smoothing | None) -> PatchLSTM:
        """The same network, whose forecasts are moved towards this smoothing; None: to none."""
        network = copy.copy(self)
        network.config = replace(self.config, smoothing=smoothing)
        return network

    def forecast(self, context: Tensor, seasons: Tensor, horizon: int) -> Tensor:
        """Forecast from the end of each history; the model file computes exactly this.

        Args:
            context: (batch, time) float64, NaN where missing; missing values in front change nothing.
            seasons: (batch, slots) int64 season lengths, 0 for none.
            horizon: steps to forecast, any number: beyond the trained horizon masked patches are read.
        Returns: (batch, horizon, quantiles) float64 in the units of the context; NaN where nothing was observed.
        """
        config = self.config
        values, lengths = align(logarithms(context, config.log_unit), config.context_length)
        history = History.of(values, config.half_life)
        blocks = -(-horizon // config.horizon)
        per_block = config.horizon // config.patch_length
        final = last_step(lengths, config.patch_length)
        steps = Steps.to_the_end(lengths, int(final.max()) + 1 + per_block * (blocks - 1), config.patch_length)
        embedded, _ = self.embed(history, seasons, steps)
        output, _ = self.read(embedded)
        asked = final[:, None] + per_block * torch.arange(blocks, device=final.device)
        chosen = Steps(*(part.gather(1, asked) for part in (steps.origin, steps.known, steps.previous)))
        chosen_scaling = self.scaling(history, chosen.known)
        predicted = self.predict(pick(output, asked), pick(embedded, asked), history, chosen_scaling, seasons, chosen)
        result = self.unsquash(history, chosen_scaling, predicted).flatten(1, 2)[:, :horizon]
        result = moved(from_logarithms(result, config.log_unit), history, lengths, seasons, config)
        return torch.where((lengths > 0)[:, None, None], result, torch.nan)


def pick(sequence: Tensor, index: Tensor) -> Tensor:
    """sequence (batch, steps, features) at (batch, chosen) steps."""
    return sequence.gather(1, index[..., None].expand(-1, -1, sequence.shape[-1]))


def ordered(raw: Tensor, centre: Tensor, size: Tensor, median: int) -> Tensor:
    """The medians `centre` (...) and, from free numbers raw (..., quantiles), positive distances from them in units of
    `size` (...), so that quantiles never cross."""
    centre = centre[..., None]
    distance = nn.functional.softplus(raw - 2.0) * size[..., None]
    below = centre - distance[..., :median].flip(-1).cumsum(-1).flip(-1)
    above = centre + distance[..., median + 1 :].cumsum(-1)
    return torch.cat([below, centre, above], dim=-1)


def align(context: Tensor, context_length: int) -> tuple[Tensor, Tensor]:
    """Move each history to the front, so that its first observed value is at position 0.

    A history of n steps from its first observed value is read from step L * max(0, n // L - 1) on: between L and 2 L
    of the latest steps, in blocks that do not move as the series grows, so that a stream can carry its state.

    Args: context (batch, time), NaN where missing.
    Returns: values (batch, time) with NaN behind the end, lengths (batch,) int64, 0 where nothing was observed.
    """
    time = context.shape[1]
    position = torch.arange(time, device=context.device).expand(context.shape)
    observed = ~context.isnan()
    start = torch.where(observed, position, time).amin(1)
    length = time - start
    block = torch.div(length, context_length, rounding_mode="floor") - 1
    start = start + context_length * block.clamp(min=0)
    start = torch.where(observed & (position >= start[:, None]), position, time).amin(1)
    index = position + start[:, None]
    values = context.gather(1, index.clamp(max=time - 1))
    return torch.where(index < time, values, torch.nan), time - start
