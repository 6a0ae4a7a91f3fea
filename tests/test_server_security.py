"""Who may ask a server, and what a browser may do with its answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.serving import JSON, Running, running
from tidegate.__main__ import main
from tidegate.interfaces.server.app import create_app
from tidegate.interfaces.server.limits import Limits
from tidegate.interfaces.server.security import POLICY, host_name, is_loopback

TOKEN = "a-token-of-some-length"
BODY = b'{"data": [1, 2, 3, 4, 5, 6], "horizon": 2}'
LIMITS = Limits()


@pytest.fixture(scope="module")
def guarded() -> Iterator[Running]:
    with running(create_app(LIMITS, TOKEN), LIMITS) as started:
        yield started


@pytest.fixture(scope="module")
def local() -> Iterator[Running]:
    with running(create_app(LIMITS), LIMITS) as started:
        yield started


WRONG = [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer é"]


@pytest.mark.parametrize("given", WRONG)
@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/forecast"), ("GET", "/v1/models"), ("GET", "/metrics")])
def test_without_the_token_nothing_is_answered(guarded: Running, method: str, path: str, given: str | None) -> None:
    headers = JSON if given is None else JSON | {"authorization": given}
    answer = guarded.ask(method, path, BODY if method == "POST" else None, headers)
    assert answer.error[:2] == (401, "token") and answer.headers["www-authenticate"] == "Bearer"
    assert TOKEN not in answer.body.decode()


def test_with_it_all_is_answered_under_any_host_name(guarded: Running) -> None:
    headers = JSON | {"authorization": f"bearer {TOKEN}", "host": "forecasts.example.org"}
    assert guarded.ask("POST", "/v1/forecast", BODY, headers).status == 200
    assert guarded.ask("GET", "/v1/models", headers=headers).status == 200


@pytest.mark.parametrize("path", ["/", "/health", "/ready", "/openapi.json"])
def test_what_holds_no_data_needs_no_token(guarded: Running, path: str) -> None:
    assert guarded.ask("GET", path).status == 200


def test_the_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch, guarded: Running) -> None:
    import tidegate.interfaces.server.security as security

    compared = []
    real = security.hmac.compare_digest
    monkeypatch.setattr(security.hmac, "compare_digest", lambda a, b: compared.append((a, b)) or real(a, b))
    guarded.ask("GET", "/v1/models", headers={"authorization": "Bearer guess"})
    assert compared == [(b"guess", TOKEN.encode())]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_a_page_whose_name_leads_to_this_machine_is_refused(local: Running, host: str) -> None:
    answer = local.ask("POST", "/v1/forecast", BODY, JSON | {"host": host})
    assert answer.error[:2] == (421, "host")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8321", "[::1]:8321", "127.0.0.2:1", "LOCALHOST:8321"])
def test_this_machine_under_its_own_names_is_not(local: Running, host: str) -> None:
    assert local.ask("GET", "/v1/models", headers={"host": host}).status == 200


def test_a_page_of_another_site_may_neither_ask_nor_read(local: Running) -> None:
    answer = local.ask("POST", "/v1/forecast", BODY, JSON | {"sec-fetch-site": "cross-site"})
    assert answer.error[:2] == (403, "site")
    asked = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    for found in (local.ask("OPTIONS", "/v1/forecast", headers=asked), answer, local.ask("GET", "/", headers=asked)):
        assert not [name for name in found.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", ["/", "/v1/models", "/nowhere", "/health"])
def test_every_answer_tells_browsers_to_be_careful(local: Running, path: str) -> None:
    headers = local.ask("GET", path).headers
    assert headers["content-security-policy"] == POLICY and "'unsafe" not in POLICY
    assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers
    assert (headers.get("cache-control") == "no-store") == path.startswith("/v1/")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "0.0.0.0"], "host 0.0.0.0 lets other machines in, and without a token all of them could use"),
        (["--host", "::"], "add --token or set TIDEGATE_TOKEN"),
        (["--host", "0.0.0.0", "--token", "short"], "the token has 5 characters, expected at least 16"),
        (["--most-points", "0"], "points 0: expected a number above 0"),
        (["--model", "gone.onnx"], "gone.onnx"),
    ],
)
def test_a_server_that_should_not_start_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    monkeypatch.delenv("TIDEGATE_TOKEN", raising=False)
    assert main(["serve", "--port", "0", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_addresses_of_this_machine_and_others() -> None:
    assert all(map(is_loopback, ["127.0.0.1", "::1", "localhost", "LocalHost", "127.9.9.9"]))
    assert not any(map(is_loopback, ["0.0.0.0", "::", "192.168.0.7", "example.org", ""]))
    assert [host_name(text) for text in ("a:1", "a", "[::1]:5", "[::1]")] == ["a", "a", "::1", "::1"]
