"""The recipe of the shipped weights: `tidegate pretrain --seed S` makes them from the prior alone.

The random numbers of step n depend only on the seed and n. A run that was killed and resumed therefore ends with the
same weights as one that was not (same commit, device kind and number of threads).
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.utils.data import DataLoader, Dataset

from tidegate import __version__
from tidegate.errors import ConfigError
from tidegate.forecasting.config import ModelConfig
from tidegate.network.patch_lstm import PatchLSTM
from tidegate.training.checkpoint import load_checkpoint, pack, save_checkpoint, unpack
from tidegate.training.descent import average_into, descend, flushed_denormals, make_optimizers
from tidegate.training.device import torch_device
from tidegate.training.every_origin import OriginPlan, Truth, every_origin_loss, truth_after
from tidegate.training.fusing import fused
from tidegate.training.losses import pinball
from tidegate.training.prior import Batch, Prior


@dataclass(frozen=True)
class PretrainPlan:
    """All settings of the recipe except the network's shape. docs/pretraining.md logs the experiments."""

    steps: int = 19_200  # of the main part
    seed: int = 0
    batch: int = 512  # series of the usual length; long ones come in smaller batches, short ones in larger
    usual_context: int = 512  # steps before the last origin of a usual batch; long ones reach 2 * context_length
    learning_rate: float = 3e-3  # of Muon, whose updates are made as large as AdamW's, and of AdamW
    flat_share: float = 0.6  # of these steps before the rate falls to zero along a line
    long_share: float = 0.15  # so many more steps follow, half of them on series longer than the context, ...
    long_batch: int = 128  # ... with fewer series each ...
    long_rate: float = 1e-3  # ... and a rate that falls to zero from here
    warmup: int = 100
    weight_decay: float = 0.01
    gradient_norm: float = 1.0
    average: float = 0.998  # decay of the running average of the weights that is kept
    kinds: tuple[float, float, float] = (0.45, 0.15, 0.40)  # shares of usual, long and short batches
    near: float | None = 16.0  # see OriginPlan
    season_power: float = 0.5  # see OriginPlan
    checkpoint_every: int = 200

    @property
    def flat_steps(self) -> int:
        """Steps before the learning rate falls. Until then, a longer run is the same run."""
        return int(self.flat_share * self.steps)

    @property
    def all_steps(self) -> int:
        """Steps of the main part and of the part on longer series that follows."""
        return self.steps + int(self.long_share * self.steps)

    def rate(self, step: int) -> float:
        """Learning rate at a step: warm-up, constant, linear decay to zero; in the second part, warm-up and decay."""
        if (late := step - self.steps) >= 0:
            left = (self.all_steps - step) / max(1, self.all_steps - self.steps)
            return self.long_rate * min(1.0, (late + 1) / self.warmup) * left
        left = min(1.0, (self.steps - step) / (self.steps - self.flat_steps))
        return self.learning_rate * min(1.0, (step + 1) / self.warmup) * left

    def goes_on_from(self, other: Mapping[str, Any], step: int) -> bool:
        """Whether a run with the plan `other`, as in a checkpoint, is the same up to `step` as one with this plan."""
        if {**other, "steps": self.steps} != json.loads(json.dumps(asdict(self))):
            return False
        longest = min(self.flat_steps, replace(self, steps=other["steps"]).flat_steps)
        return other["steps"] == self.steps or step <= longest


LATEST = "checkpoint.safetensors"  # the last state
FLAT = "flat.safetensors"  # the state before the learning rate falls
DATA = "synthetic series of training/prior.py alone"
Report = Callable[[int, float, float], None]  # step, running loss, seconds since this run was started or resumed


def seed_of(plan: PretrainPlan, step: int, use: int) -> int:
    """The seed of a step for each use of random numbers: 0 the shape of the batch, 1 its series, 2 the origins."""
    return 3 * (plan.seed * 1_000_003 + step) + use


def draw_batch(plan: PretrainPlan, config: ModelConfig, step: int) -> Batch:
    """The batch of a step, a function of the seed and the step alone. It is drawn on the CPU."""
    generator = torch.Generator().manual_seed(seed_of(plan, step, 0))
    prior = Prior(seed_of(plan, step, 1))
    usual, long, _ = plan.kinds
    kind = float(torch.rand((), generator=generator))
    horizon, context = config.horizon, min(plan.usual_context, config.context_length)
    is_late = step >= plan.steps
    is_longest = is_late and float(torch.rand((), generator=generator)) < 0.5
    batch = plan.long_batch if is_late else plan.batch
    if is_longest or usual <= kind < usual + long:
        if is_longest:
            longest = 2 * config.context_length + horizon
            length = int(torch.randint(config.context_length, longest + 1, (), generator=generator))
        else:
            span = torch.empty(()).uniform_(math.log(context), math.log(2 * config.context_length), generator=generator)
            length = int(span.exp()) + horizon
        return prior.sample(max(1, batch * context // length), length)
    if kind < usual:
        return prior.sample(batch, context + horizon)
    length = int(torch.empty(()).uniform_(math.log(10), math.log(200), generator=generator).exp())
    return prior.sample(batch * min(4, max(2, context // length)), length, short=True)


@dataclass(frozen=True)
class StepBatches(Dataset[Batch]):
    """Batches by training step."""

    plan: PretrainPlan
    config: ModelConfig

    def __getitem__(self, step: int) -> Batch:
        return draw_batch(self.plan, self.config, step)


def step_batches(plan: PretrainPlan, config: ModelConfig, first: int, workers: int) -> Iterable[Batch]:
    """The batches from step `first` on, drawn ahead by so many worker processes, or by none."""
    # A small step on a GPU takes no longer than drawing its series, so other processes draw them meanwhile.
    ahead = 4 if workers else None
    steps = range(first, plan.all_steps)
    return DataLoader(
        StepBatches(plan, config), sampler=steps, batch_size=None, num_workers=workers, prefetch_factor=ahead
    )


def pretrain(
    config: ModelConfig, plan: PretrainPlan, folder: Path, *, device: str = "auto", report: Report | None = None
) -> tuple[PatchLSTM, dict[str, Any]]:
    """Train from scratch, or from the checkpoint in `folder`, to the plan's last step.

    If the folder holds a shorter run of the same plan, training continues from the last step with a constant learning
    rate. So a schedule can be made longer later.

    Returns: the network with its averaged weights, and the provenance to store with it.
    Raises: ConfigError if the folder holds a run with another plan.
    """
    place = torch_device(device)
    torch.manual_seed(plan.seed)
    network = PatchLSTM(config).to(place)
    averaged = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    optimizers = make_optimizers(network, learning_rate=plan.learning_rate, weight_decay=plan.weight_decay)
    facts: dict[str, Any] = {"plan": asdict(plan), "config": config.to_dict(), "step": 0, "seconds": 0.0, "series": 0}
    if (checkpoint := last_checkpoint(folder, config, plan)) is not None:
        tensors, known = checkpoint
        unpack(tensors, network, averaged, optimizers)
        facts = {**facts, **{key: known[key] for key in ("step", "seconds", "series")}}
    workers = max(1, (os.cpu_count() or 1) - 1) if place.type == "cuda" else 0
    began, before, running = time.monotonic(), facts["seconds"], math.nan
    with flushed_denormals(), fused(network) if place.type == "cuda" else nullcontext(truth_after) as truth:
        for step, batch in enumerate(step_batches(plan, config, facts["step"], workers), facts["step"]):
            loss = train_step(network, optimizers, batch.to(place), plan, step, truth)
            average_into(averaged, network, min(plan.average, (1 + step) / (10 + step)))
            running = loss if math.isnan(running) else 0.98 * running + 0.02 * loss
            facts["step"], facts["series"] = step + 1, facts["series"] + len(batch.values)
            facts["seconds"] = before + time.monotonic() - began
            if facts["step"] % plan.checkpoint_every == 0 or facts["step"] == plan.all_steps:
                save_checkpoint(folder / LATEST, pack(network, averaged, optimizers), facts)
            if facts["step"] == plan.flat_steps:
                save_checkpoint(folder / FLAT, pack(network, averaged, optimizers), facts)
            if report is not None:
                report(facts["step"], running, time.monotonic() - began)
    network.load_state_dict(averaged)
    return network.eval(), {"made_by": "tidegate pretrain", "version": __version__, "data": DATA, **facts}


def last_checkpoint(
    folder: Path, config: ModelConfig, plan: PretrainPlan
) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The tensors and facts to continue from. None: the folder holds no run. Raises: ConfigError for another plan."""
    paths = [path for name in (LATEST, FLAT) if (path := folder / name).exists()]
    for path in paths:
        tensors, facts = load_checkpoint(path)
        if ModelConfig.from_dict(facts["config"]) == config and plan.goes_on_from(facts["plan"], facts["step"]):
            return tensors, facts
    if paths:
        raise ConfigError(f"{paths[0]} belongs to a run with another plan: choose another folder, or delete it")
    return None


def train_step(
    network: PatchLSTM,
    optimizers: Sequence[Optimizer],
    batch: Batch,
    plan: PretrainPlan,
    step: int,
    truth: Truth = truth_after,
) -> float:
    """One step on the pinball loss of a batch; returns the loss."""
    generator = torch.Generator().manual_seed(seed_of(plan, step, 2))
    origins = OriginPlan(near=plan.near, season_power=plan.season_power)
    # Matrix products of bfloat16 on CUDA; scaling, look-ups and losses stay float64 and float32 everywhere.
    with torch.autocast("cuda", torch.bfloat16, enabled=batch.values.is_cuda):
        loss = every_origin_loss(network, batch.values, batch.seasons, pinball, generator, origins, truth)
    return descend(network, optimizers, loss, plan.rate(step), plan.gradient_norm)
