"""`fit` on a real GPU: the same bits each time, after a stop too, and the forecasts of the CPU. Skipped without one."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.fitting import fingerprint, waves
from tidegate.forecasting.forecaster import forecast_panel
from tidegate.training.device import repeatable
from tidegate.training.fit import Trained, fit
from tidegate.training.plan import FitPlan

QUICK = FitPlan(max_steps=20, epochs=2, batch_values=2000, warmup=2)
on_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA")
KINDS = pytest.mark.parametrize(
    "options", [{}, {"start": "scratch", "cell": "peephole"}, {"start": "scratch", "cell": "rnn", "dilations": (1, 2)}]
)


def fitted(device: str, **options: Any) -> Trained:
    return fit(waves(6, 200), 12, device=device, season_length=12, plan=QUICK, **options)


@on_a_gpu
@KINDS
def test_two_fits_with_one_seed_have_the_same_bits(options: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of operations that have no repeatable variant
        assert fingerprint(fitted("cuda", **options)) == fingerprint(fitted("cuda", **options))


@on_a_gpu
@KINDS
def test_a_stopped_fit_resumes_to_the_same_bits(options: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "fit.checkpoint"

    def stop(epoch: object, _: float) -> None:
        if epoch:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fitted("cuda", **options, checkpoint=path, progress=stop)
    resumed = fitted("cuda", **options, checkpoint=path, resume=True)
    assert fingerprint(resumed) == fingerprint(fitted("cuda", **options))


@on_a_gpu
@KINDS
def test_it_forecasts_what_a_fit_on_the_cpu_does(options: dict[str, Any]) -> None:
    there, here = (forecast_panel(fitted(device, **options).model, waves(6, 200), 12) for device in ("cuda", "cpu"))
    np.testing.assert_allclose(there.quantiles, here.quantiles, atol=0.05)


def test_what_makes_cuda_repeatable_ends_with_the_fit() -> None:
    assert not torch.are_deterministic_algorithms_enabled()
    with pytest.raises(KeyboardInterrupt), repeatable(torch.device("cuda")):
        assert torch.are_deterministic_algorithms_enabled()
        raise KeyboardInterrupt
    assert not torch.are_deterministic_algorithms_enabled()
    with repeatable(torch.device("cpu")):
        assert not torch.are_deterministic_algorithms_enabled()
