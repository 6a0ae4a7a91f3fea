"""neuralforecast's LSTM: its defaults (2 layers of 128, robust scaling, Adam at 1e-3), absolute error as loss."""

import time

import numpy as np
import pandas as pd
from exchange import UNBOUNDED, Job, run
from neuralforecast import NeuralForecast
from neuralforecast.losses.pytorch import MAE
from neuralforecast.models import LSTM


def forecast(job: Job) -> tuple[np.ndarray, float, int]:
    lengths = np.diff(job.offsets)
    frame = pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(len(lengths)), lengths),
            "ds": np.concatenate([np.arange(length) for length in lengths]),
            "y": job.values,
        }
    )
    model = LSTM(
        h=job.horizon,
        input_size=job.context,
        loss=MAE(),
        scaler_type="robust",
        max_steps=UNBOUNDED,
        random_seed=job.seed,
        max_time={"seconds": job.seconds},
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
    )
    library = NeuralForecast(models=[model], freq=1)
    began = time.perf_counter()
    library.fit(frame)
    seconds = time.perf_counter() - began
    steps = len(library.models[0].train_trajectories)
    found = library.predict().sort_values(["unique_id", "ds"])
    return found["LSTM"].to_numpy().reshape(len(lengths), job.horizon), seconds, steps


if __name__ == "__main__":
    run(forecast)
