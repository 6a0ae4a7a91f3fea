"""The prior: seeded synthetic series of many kinds, ready to train on."""

from __future__ import annotations

import pytest
import torch

from tidegate.training.prior import Prior, standard


@pytest.mark.parametrize(("length", "short"), [(576, False), (1088, False), (12, True), (120, True)])
def test_every_batch_is_finite_begins_observed_and_names_fitting_seasons(length: int, short: bool) -> None:
    batch = Prior(seed=4).sample(64, length, short=short)
    assert batch.values.shape == (64, length) and batch.values.dtype == torch.float64
    assert batch.seasons.shape == (64, 3) and batch.seasons.dtype == torch.int64
    observed = batch.values[~batch.values.isnan()]
    assert observed.isfinite().all()
    assert not batch.values[:, 0].isnan().any()
    assert (batch.seasons >= 0).all() and (batch.seasons * 1.5 <= max(length, 18)).all()


def test_a_seed_draws_the_same_series_and_another_seed_others() -> None:
    first, again, other = (Prior(seed).sample(16, 200) for seed in (7, 7, 8))
    assert torch.equal(first.values.nan_to_num(), again.values.nan_to_num())
    assert torch.equal(first.seasons, again.seasons)
    assert not torch.equal(first.values.nan_to_num(), other.values.nan_to_num())


def test_the_kinds_that_business_and_sensor_data_have_all_occur() -> None:
    batch = Prior(seed=1).sample(600, 300)
    values = batch.values
    whole = torch.where(values.isnan(), 0.0, values)
    shares = {
        "missing": values.isnan().any(1),
        "positive": (whole >= 0).all(1),
        "mixed sign": (whole < 0).any(1) & (whole > 0).any(1),
        "counts": (whole == whole.round()).all(1),
        "mostly zero": (whole == 0).double().mean(1) > 0.4,
        "with a season": batch.seasons[:, 0] > 0,
        "with two seasons": batch.seasons[:, 1] > 0,
        "no season": batch.seasons.sum(1) == 0,
    }
    assert {name: bool(kind.any()) for name, kind in shares.items()} == dict.fromkeys(shares, True)
    assert shares["missing"].double().mean() < 0.4


def test_told_seasons_are_really_there_more_often_than_chance() -> None:
    """Series told 12 correlate with themselves 12 steps earlier more than 9 steps earlier."""
    batch = Prior(seed=2).sample(1500, 240)
    told = batch.values[(batch.seasons[:, 0] == 12)].nan_to_num()
    changes = standard(told.diff(dim=1).float())
    at = [(changes[:, lag:] * changes[:, :-lag]).mean() for lag in (12, 9)]
    assert len(told) > 30
    assert at[0] > at[1] + 0.2


def test_standard_rows_have_unit_size_and_constants_become_zero() -> None:
    rows = standard(torch.tensor([[1.0, 2.0, 3.0, 6.0], [5.0, 5.0, 5.0, 5.0]]))
    torch.testing.assert_close(rows.mean(1), torch.zeros(2), atol=1e-6, rtol=0)
    torch.testing.assert_close(rows.std(1), torch.tensor([1.0, 0.0]))
