"""Seconds per pretraining step of the default network: drawing the series, and training on them.

python benchmarks/training_step.py [--repetitions 7] [--threads 2] [--device auto] [--batch 128]
"""

from __future__ import annotations

import argparse
import time

import torch
from record import record, spread

from tidegate.forecasting.config import ModelConfig
from tidegate.network.patch_lstm import PatchLSTM
from tidegate.training.descent import make_optimizers
from tidegate.training.device import torch_device
from tidegate.training.pretrain import PretrainPlan, train_step
from tidegate.training.prior import Batch, Prior


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="auto")
    parser.add_argument("--batch", type=int, default=128, help="series per step")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    place, config, plan = torch_device(arguments.device), ModelConfig(), PretrainPlan(batch=arguments.batch)
    length = plan.usual_context + config.horizon
    network = PatchLSTM(config).to(place)
    optimizers = make_optimizers(network, learning_rate=plan.learning_rate, weight_decay=plan.weight_decay)

    def draw(seed: int) -> Batch:
        return Prior(seed).sample(plan.batch, length).to(place)

    def timed(number: int) -> tuple[float, float]:
        began = time.perf_counter()
        batch = draw(number)
        drawn = time.perf_counter()
        train_step(network, optimizers, batch, plan, number)
        return drawn - began, time.perf_counter() - drawn

    timed(0)  # warm-up
    draws, steps = zip(*(timed(number + 1) for number in range(arguments.repetitions)), strict=True)
    about = {"device": str(place), "threads": arguments.threads, "batch": plan.batch}
    rows = [{"what": what, **about, **spread(times)} for what, times in (("draw", draws), ("train", steps))]
    for row in rows:
        print(
            f"{row['what']:>6}: {row['median_s']} s (from {row['min_s']} to {row['max_s']}), "
            f"{plan.batch} series of {length}"
        )
    print(record("training_step", rows))


if __name__ == "__main__":
    main()
