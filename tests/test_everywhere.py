"""One model file, the same numbers everywhere: the equations, torch, ONNX Runtime, and onnxruntime-web in a browser."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.conftest import unavailable
from tidegate.forecasting.config import ModelConfig, Smoothing
from tidegate.forecasting.model import ModelFile, shipped_path
from tidegate.network.cells import State, lstm_step, peephole_step, run_layer
from tidegate.network.model_file import to_onnx
from tidegate.network.patch_lstm import PatchLSTM

FOLDER = Path(__file__).parent / "browser"
RUNTIME = FOLDER / "node_modules" / "onnxruntime-web" / "dist"
SMALL = {"context_length": 64, "horizon": 32, "hidden_size": 13, "embedding_size": 12, "head_size": 16}
NETWORKS: dict[str, dict[str, Any]] = {
    "lstm": {},
    "peephole": {"cell": "peephole"},
    "logarithms": {"log_unit": 2e4},
    "smoothed": {"smoothing": Smoothing(0.5, 0.35, 0.05, 0.3, 0.9, season_length=7, logarithms=True)},
}
SEASONS = np.array([[7, 24, 0]])
HORIZON = 40

Floats = np.ndarray[Any, np.dtype[np.float64]]
Forecaster = Callable[[PatchLSTM, Floats], Floats]


def history(length: int = 150) -> Floats:
    """A week in it, a gap, and values that float32 alone would not hold."""
    steps = np.arange(length)
    values = 1e6 + 30 * np.sin(2 * np.pi * steps / 7) + np.random.default_rng(0).normal(size=length)
    values[[3, 40, 41, 42]] = np.nan
    return values


@functools.cache
def network(name: str) -> PatchLSTM:
    torch.manual_seed(5)
    made = PatchLSTM(ModelConfig(**SMALL, **NETWORKS[name])).eval()
    for part, parameter in made.named_parameters():
        if "weight_peep" in part:
            torch.nn.init.normal_(parameter, std=0.5)  # peepholes that matter
    return made


def by_equations(made: PatchLSTM, values: Floats) -> Floats:
    """PatchLSTM with its recurrent layers run step by step by the equations of cells.py."""
    cell = made.recurrent.cell
    step = peephole_step if made.config.cell == "peephole" else lstm_step

    def read(embedded: torch.Tensor, state: State | None = None) -> tuple[torch.Tensor, State]:
        assert state is None
        ends = []
        for layer in range(made.config.num_layers):
            names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            w_ih, w_hh, b_ih, b_hh = (cell.get_parameter(f"{name}_l{layer}") for name in names)
            peep = [cell.get_parameter(f"weight_peep_l{layer}")] if made.config.cell == "peephole" else []
            start = tuple(torch.zeros(len(embedded), made.config.hidden_size) for _ in range(2))
            embedded, end = run_layer(step, embedded, start, (w_ih, w_hh, b_ih + b_hh, *peep))
            ends.append(end)
        return embedded, tuple(torch.stack(parts) for parts in zip(*ends, strict=True))

    made.read = read  # type: ignore[method-assign]
    try:
        return by_torch(made, values)
    finally:
        del made.read


def by_torch(made: PatchLSTM, values: Floats) -> Floats:
    with torch.no_grad():
        return made.forecast(torch.tensor(values[None]), torch.tensor(SEASONS), HORIZON).numpy()


def by_onnx_runtime(made: PatchLSTM, values: Floats) -> Floats:
    return by_session(ModelFile.open(to_onnx(made, {})), values)


def by_session(model: ModelFile, values: Floats) -> Floats:
    """The graph's own output, which is what calibrate=False gives."""
    feeds = {"context": values[None], "season_lengths": SEASONS, "horizon": np.array(HORIZON)}
    feeds["season_lengths"] = np.pad(SEASONS, ((0, 0), (0, model.config.season_slots - SEASONS.shape[1])))
    return np.asarray(model.session.run(["quantiles"], feeds)[0])


NATIVE: dict[str, Forecaster] = {"equations": by_equations, "torch": by_torch}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("other", NATIVE)
def test_the_file_forecasts_what_the_network_does(name: str, other: str) -> None:
    expected = NATIVE[other](network(name), history())
    np.testing.assert_allclose(by_onnx_runtime(network(name), history()), expected, rtol=0, atol=2e-5 * 30)


def test_peepholes_and_cells_are_not_all_alike() -> None:
    assert np.abs(by_torch(network("lstm"), history()) - by_torch(network("peephole"), history())).max() > 1.0


class Quiet(http.server.SimpleHTTPRequestHandler):
    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}  # noqa: RUF012

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def page(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The test page in a real browser, served with the runtime and the models from this machine; nothing else."""
    if not RUNTIME.is_dir():
        unavailable(f"onnxruntime-web is not in {FOLDER}: run npm ci there")
    folder = tmp_path_factory.mktemp("site")
    (folder / "page.html").write_text((FOLDER / "page.html").read_text())
    (folder / "runtime").symlink_to(RUNTIME)
    (folder / "shipped.onnx").symlink_to(shipped_path())
    for name in NETWORKS:
        (folder / f"{name}.onnx").write_bytes(to_onnx(network(name), {}))
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        context = browser.new_context()
        opened = context.new_page()
        complaints: list[str] = []
        requests: list[str] = []
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        opened.on("request", lambda request: requests.append(request.url))
        address = f"http://127.0.0.1:{server.server_port}/"
        opened.goto(address + "page.html")
        opened.wait_for_function("window.forecast !== undefined")
        yield opened
        context.close()
        server.shutdown()
        assert complaints == []
        assert [url for url in requests if not url.startswith((address, "data:", "blob:"))] == []


def test_the_page_holds_the_lines_that_the_documentation_shows() -> None:
    page = (FOLDER / "page.html").read_text()
    told = (FOLDER.parent.parent / "docs" / "everywhere.md").read_text()
    lines = told.partition("```js")[2].partition("const session")[0].split("\n")
    assert len(lines) > 10
    assert all(line.strip() in page for line in lines)


def by_browser(page: Any, file: str, values: Floats) -> Floats:
    data, shape = page.evaluate(
        """async ([file, history, seasons, horizon]) => {
          const session = await ort.InferenceSession.create(file);
          const values = Float64Array.from(history, value => value ?? NaN);
          const quantiles = await forecast(session, values, seasons, horizon);
          return [[...quantiles.data], quantiles.dims];
        }""",
        [file, [None if np.isnan(value) else float(value) for value in values], SEASONS[0].tolist(), HORIZON],
    )
    return np.array(data).reshape(shape)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_browser_forecasts_what_the_equations_do(page: Any, name: str) -> None:
    found = by_browser(page, f"{name}.onnx", history())
    np.testing.assert_allclose(found, by_equations(network(name), history()), rtol=0, atol=1e-4 * 30)
    np.testing.assert_allclose(found, by_onnx_runtime(network(name), history()), rtol=0, atol=1e-4 * 30)


def test_a_browser_forecasts_with_the_model_in_the_package(page: Any) -> None:
    values = history(500)
    found = by_browser(page, "shipped.onnx", values)
    np.testing.assert_allclose(found, by_session(ModelFile.load(), values), rtol=0, atol=1e-4 * 30)
