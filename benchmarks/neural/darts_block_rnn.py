"""darts' BlockRNNModel as an LSTM: series scaled to 0 .. 1 by its Scaler, as its guide says; 2 layers of 64."""

import time

import numpy as np
from darts import TimeSeries
from darts.dataprocessing.transformers import Scaler
from darts.models import BlockRNNModel
from exchange import UNBOUNDED, Job, run
from torch.nn import L1Loss


def forecast(job: Job) -> tuple[np.ndarray, float, int]:
    series = [TimeSeries.from_values(values.astype(np.float32)) for values in job.series]
    scaler = Scaler()
    model = BlockRNNModel(
        input_chunk_length=job.context,
        output_chunk_length=job.horizon,
        model="LSTM",
        hidden_dim=64,
        n_rnn_layers=2,
        dropout=0.0,
        loss_fn=L1Loss(),
        batch_size=128,
        n_epochs=UNBOUNDED,
        optimizer_kwargs={"lr": 1e-3},
        random_state=job.seed,
        pl_trainer_kwargs={
            "max_time": {"seconds": job.seconds},
            "accelerator": "cpu",
            "logger": False,
            "enable_progress_bar": False,
            "enable_checkpointing": False,
        },
    )
    began = time.perf_counter()
    scaled = scaler.fit_transform(series)
    model.fit(scaled)
    seconds = time.perf_counter() - began
    steps = model.trainer.global_step  # predict makes another trainer
    found = scaler.inverse_transform(model.predict(job.horizon, series=scaled))
    return np.stack([one.values()[:, 0] for one in found]), seconds, steps


if __name__ == "__main__":
    run(forecast)
