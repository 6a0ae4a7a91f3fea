"""The learn page: the network in the browser is the one that torch knows, and the player does what its buttons say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import tidegate
from tidegate.network.cells import lstm_step
from tidegate.series.synthetic import sine_wave

WEB = Path(tidegate.__file__).parent / "interfaces" / "web"
ALONE = 110  # the step from which the page lets the network read its own guesses


@pytest.fixture(scope="module")
def weights():
    return json.loads((WEB / "learn.json").read_text())


def by_the_equations(weights, alone: int) -> dict[str, np.ndarray]:
    """The same walk by network/cells.py, in float64: guesses (steps,), cell and output (steps, units)."""
    of = {name: torch.tensor(value, dtype=torch.float64) for name, value in weights.items() if name != "about"}
    h = c = torch.zeros(1, len(weights["head_weight"]), dtype=torch.float64)
    walk: dict[str, list] = {"guess": [], "c": [], "h": []}
    for step, value in enumerate(weights["wave"]):
        x = value if step < alone else walk["guess"][-1]
        h, c = lstm_step(
            torch.tensor([[x]], dtype=torch.float64), h, c, of["weight_ih"][:, None], of["weight_hh"], of["bias"]
        )
        walk["guess"].append(float(h[0] @ of["head_weight"] + of["head_bias"]))
        walk["c"].append(c[0].numpy())
        walk["h"].append(h[0].numpy())
    return {name: np.array(values) for name, values in walk.items()}


@pytest.mark.parametrize("alone", [ALONE, 160])
def test_the_browser_computes_what_the_equations_say(visit, weights, alone):
    page = visit("/learn")
    steps = page.evaluate(
        """async alone => {
          const {readWave} = await import("/static/lstm.js");
          const weights = await (await fetch("/static/learn.json")).json();
          return readWave(weights.wave, weights, alone);
        }""",
        alone,
    )
    expected = by_the_equations(weights, alone)
    for name, values in expected.items():
        np.testing.assert_allclose([one[name] for one in steps], values, atol=1e-5, rtol=0, err_msg=name)


def test_the_network_has_learnt_the_wave(weights):
    wave = np.array(weights["wave"])
    guesses = by_the_equations(weights, len(wave))["guess"]
    error = np.sqrt(np.mean((guesses[25:-1] - wave[26:]) ** 2))
    assert error < 0.08 < np.sqrt(np.mean((wave[25:-1] - wave[26:]) ** 2))  # the noise alone is 0.05
    alone = by_the_equations(weights, ALONE)["guess"]
    assert np.sqrt(np.mean((alone[ALONE:-1] - wave[ALONE + 1 :]) ** 2)) < 0.2


def test_the_wave_is_one_that_training_did_not_see(weights):
    """Written by interfaces/web/make.py: training had seed 0 and began elsewhere in the wave."""
    again = sine_wave(160, period=25, noise=0.05, phase=0.1, seed=1)
    np.testing.assert_allclose(weights["wave"], again, atol=5e-5)


def said(number: float) -> str:
    return f"{number:.2f}".replace("-", "\N{MINUS SIGN}")


def test_stepping_scrubbing_and_choosing_a_unit_tell_what_happens(visit, weights):
    page = visit("/learn")
    told, slider = page.locator("#told"), page.get_by_role("slider", name="Step")
    assert page.locator("#place").inner_text() == "31 of 160"
    page.get_by_role("button", name="One step forward").click()
    assert page.locator("#place").inner_text() == "32 of 160"
    assert f"The wave says {said(weights['wave'][31])}." in told.inner_text()
    expected = by_the_equations(weights, ALONE)
    page.get_by_label("Unit 5").check()
    assert page.get_by_role("heading", name="Inside unit 5").is_visible()
    assert f"makes {said(expected['c'][31, 4])}, the memory now" in told.inner_text()
    slider.focus()
    page.keyboard.press("End")
    assert page.locator("#place").inner_text() == "160 of 160"
    assert "it reads its own guess" in told.inner_text()
    page.keyboard.press("Home")
    assert page.get_by_role("button", name="One step back").is_disabled()


def test_play_goes_on_by_itself_and_pauses(visit):
    page = visit("/learn")
    page.get_by_label("Speed").select_option("fast")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("() => parseInt(document.getElementById('place').textContent) > 33")
    page.get_by_role("button", name="Pause").click()
    stopped = page.locator("#place").inner_text()
    page.wait_for_timeout(200)
    assert page.locator("#place").inner_text() == stopped


def test_who_asks_for_less_motion_gets_a_step_a_second(visit):
    page = visit("/learn", reduced_motion="reduce")
    page.clock.install()
    page.get_by_label("Speed").select_option("fast")
    page.get_by_role("button", name="Play").click()
    page.clock.run_for(3_000)
    assert page.locator("#place").inner_text() == "34 of 160"
    assert page.evaluate("getComputedStyle(document.querySelector('.door')).transitionDuration") == "0s"


def test_the_learn_page_is_reached_from_the_first_and_fits(visit):
    page = visit("/", width=375)
    page.get_by_role("link", name="Watch an LSTM read a wave").click()
    page.wait_for_url("**/learn")
    page.wait_for_function("() => document.documentElement.dataset.ready")
    for width in (375, 320, 768, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
