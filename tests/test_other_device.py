"""`fit` away from the CPU: everything it computes with lies there, and what comes out is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.elsewhere import NAME, backend
from tests.fitting import waves
from tidegate.errors import ConfigError, DataError
from tidegate.forecasting.forecaster import forecast_panel
from tidegate.training import fit as fit_module
from tidegate.training.device import torch_device
from tidegate.training.fit import Trained, fit
from tidegate.training.plan import FitPlan
from tidegate.training.selection import Candidate
from tidegate.training.trainings import MOST_STEPS_FACTOR

QUICK = FitPlan(max_steps=4, epochs=2, batch_values=300, warmup=2, blends=(0.5,))
SMALL: dict[str, Any] = {"start": "scratch", "hidden_size": 8, "plan": QUICK}


def forecasts(trained: Trained) -> np.ndarray:
    return forecast_panel(trained.model, waves(2, 50), 6).quantiles


def fitted(device: str, **options: Any) -> Trained:
    return fit(waves(2, 50), 6, device=device, **{"plan": QUICK, **options})


@pytest.mark.parametrize(
    "options",
    [
        SMALL,
        SMALL | {"cell": "peephole", "members": 2, "intervals": "conformal"},
        SMALL | {"cell": "rnn", "residual": True, "dilations": (1, 2)},
    ],
    ids=["lstm", "two peephole", "dilated residual rnn"],
)
def test_a_network_trained_elsewhere_forecasts_what_one_trained_here_does(options: dict[str, Any]) -> None:
    there, here = fitted(NAME, **options), fitted("cpu", **options)
    assert {tensor.device for network in there.networks for tensor in network.parameters()} == {torch.device("cpu")}
    np.testing.assert_allclose(forecasts(there), forecasts(here), atol=1e-3)


def test_the_mean_of_shipped_weights_and_own_network_is_the_same_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def the_mean(found: list[Candidate], *_: object) -> Candidate:
        return found[-1]

    monkeypatch.setattr(fit_module, "choose", the_mean)
    there, here = fitted(NAME), fitted("cpu")
    assert len(there.provenance["kept"]) == 2
    np.testing.assert_allclose(forecasts(there), forecasts(here), atol=1e-3)
    assert there.calibration == pytest.approx(here.calibration, rel=1e-3)


def test_first_steps_are_timed_on_another_device_too() -> None:
    assert 1 <= fitted(NAME, **SMALL, time_limit=60.0).provenance["max_steps"] <= MOST_STEPS_FACTOR * QUICK.max_steps


def test_a_fit_stopped_on_another_device_resumes_to_the_same_weights(tmp_path: Path) -> None:
    whole, path = fitted(NAME, **SMALL), tmp_path / "fit.checkpoint"

    def stop(epoch: object, _: float) -> None:
        if epoch:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fitted(NAME, **SMALL, checkpoint=path, progress=stop)
    assert path.exists()
    resumed = fitted(NAME, **SMALL, checkpoint=path, resume=True)
    for one, other in zip(whole.networks, resumed.networks, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_too_little_memory_on_the_device_is_reported_before_anything_is_allocated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backend, "free", 1000, raising=False)
    with pytest.raises(DataError, match=f"needs about .* GB of memory on {NAME}"):
        fitted(NAME, **SMALL)


def test_a_device_without_double_precision_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def zeros(*_: object, dtype: torch.dtype, **__: object) -> Tensor:
        raise TypeError(f"{NAME} has no {dtype}")

    monkeypatch.setattr(torch, "zeros", zeros)
    with pytest.raises(ConfigError, match=r"float64.*device='auto'"):
        torch_device(NAME)


def test_the_device_of_these_tests_tells_a_tensor_that_was_left_behind() -> None:
    there = torch.arange(3.0, device=NAME)
    assert float((there + 1).sum()) == 6
    with pytest.raises(RuntimeError, match="same device"):
        there + torch.ones(3)
    with pytest.raises((RuntimeError, TypeError)):
        there.numpy()
