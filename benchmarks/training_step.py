"""Seconds per pretraining step of the default network: drawing the series, and training on them.

python benchmarks/training_step.py [--repetitions 7] [--threads 2] [--device auto]
"""

from __future__ import annotations

import argparse
import time

import torch
from record import record, spread

from tidegate.forecasting.config import ModelConfig
from tidegate.network.patch_lstm import PatchLSTM
from tidegate.training.fit import torch_device
from tidegate.training.pretrain import PretrainPlan, train_step
from tidegate.training.prior import Batch, Prior


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    place, config, plan = torch_device(arguments.device), ModelConfig(), PretrainPlan()
    network = PatchLSTM(config).to(place)
    optimizer = torch.optim.AdamW(network.parameters())

    def draw(seed: int) -> Batch:
        return Prior(seed, place).sample(plan.batch, config.context_length + config.horizon)

    def timed(number: int) -> tuple[float, float]:
        began = time.perf_counter()
        batch = draw(number)
        drawn = time.perf_counter()
        train_step(network, optimizer, batch, torch.Generator().manual_seed(number), plan, number)
        return drawn - began, time.perf_counter() - drawn

    timed(0)  # warm-up
    draws, steps = zip(*(timed(number + 1) for number in range(arguments.repetitions)), strict=True)
    about = {"device": str(place), "threads": arguments.threads, "batch": plan.batch}
    rows = [{"what": what, **about, **spread(times)} for what, times in (("draw", draws), ("train", steps))]
    for row in rows:
        print(
            f"{row['what']:>6}: {row['median_s']} s (from {row['min_s']} to {row['max_s']}), {plan.batch} series of 576"
        )
    print(record("training_step", rows))


if __name__ == "__main__":
    main()
