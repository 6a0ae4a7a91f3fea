"""GluonTS' DeepAR: its defaults (2 layers of 40, Student's t, scaling by the mean); the median of 100 paths."""

import time

import numpy as np
import pandas as pd
from exchange import UNBOUNDED, Job, run
from gluonts.dataset.common import ListDataset
from gluonts.torch import DeepAREstimator
from lightning.pytorch import Callback, Trainer, seed_everything


class Steps(Callback):
    """The trainer itself is out of reach: what it counted is kept."""

    count = 0

    def on_train_end(self, trainer: Trainer, pl_module: object) -> None:
        self.count = trainer.global_step


def forecast(job: Job) -> tuple[np.ndarray, float, int]:
    seed_everything(job.seed)
    frequency = job.frequency.removesuffix("S")  # of a period, "M", not of a stamp, "MS"
    start = pd.Period("2000-01-03", freq=frequency)
    data = ListDataset([{"start": start, "target": values} for values in job.series], freq=frequency)
    counted = Steps()
    estimator = DeepAREstimator(
        freq=frequency,
        prediction_length=job.horizon,
        context_length=job.context,
        trainer_kwargs={
            "max_epochs": UNBOUNDED,
            "max_time": {"seconds": job.seconds},
            "accelerator": "cpu",
            "logger": False,
            "enable_progress_bar": False,
            "callbacks": [counted],
        },
    )
    began = time.perf_counter()
    predictor = estimator.train(data)
    seconds = time.perf_counter() - began
    found = [one.quantile(0.5) for one in predictor.predict(data)]
    return np.stack(found), seconds, counted.count


if __name__ == "__main__":
    run(forecast)
