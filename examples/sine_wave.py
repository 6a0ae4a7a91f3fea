"""The tutorial: an LSTM learns a sine wave one point at a time, then continues it by itself. Takes seconds."""

import numpy as np
import torch

from tidegate.charts.chart import Line, LineChart, Mark, Section
from tidegate.charts.page import render_page
from tidegate.forecasting.config import ModelConfig
from tidegate.network.patch_lstm import PatchLSTM
from tidegate.series.synthetic import sine_wave, windows
from tidegate.training.tutorial import many_steps_ahead, one_step_ahead, read_points, rmse

torch.manual_seed(0)
torch.set_num_threads(1)  # several are much slower with a network this small
series = sine_wave(1000, period=25, noise=0.05)
learn, test = series[:700], series[700:]

inputs, targets = (torch.tensor(part, dtype=torch.float32) for part in windows(learn, 50))  # points 1..k -> 2..k+1
network = PatchLSTM(ModelConfig.tutorial(hidden_size=32))  # exactly nn.LSTM(1, 32) and nn.Linear(32, 1)
optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
for epoch in range(1, 121):
    predicted, _ = read_points(network, inputs)  # LSTM, then Linear: a prediction after every point
    loss = (predicted - targets).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 20 == 0:
        print(f"epoch {epoch:3}: error on the training part {loss.item() ** 0.5:.3f}")

one_step = one_step_ahead(network, series)[700:]  # reads every true value before it
far = many_steps_ahead(network, learn[None], len(test))[0]  # reads its own predictions only
print(f"test: one step ahead {rmse(one_step, test):.3f}; repeating the last value {rmse(series[699:-1], test):.3f}")
print(f"1 to {len(test)} steps ahead {rmse(far, test):.3f}; repeating the last value {rmse(learn[-1:], test):.3f}")

lines = [Line("truth", test, style="points"), Line("one step ahead", one_step), Line("from step 700 on, unaided", far)]
chart = LineChart("Prediction against truth", np.arange(700, 1000), lines, x_label="step", marks=[Mark(700, "test")])
with open("sine_wave.html", "w", encoding="utf-8") as page:
    page.write(render_page("An LSTM learns a sine wave", [Section(content=[chart])]))
