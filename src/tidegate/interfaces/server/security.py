"""Who may ask, and what a browser may do with an answer."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Mapping

from tidegate.errors import ConfigError
from tidegate.interfaces.server.refusals import Refusal

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = tuple(
    (name.encode(), value.encode())
    for name, value in {
        "content-security-policy": POLICY,
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }.items()
)
NO_STORE = (b"cache-control", b"no-store")


def check_address(host: str, token: str | None) -> None:
    """Raises: ConfigError if others than this machine could ask without a token."""
    if token is not None and len(token) < 16:
        raise ConfigError(
            f"the token has {len(token)} characters, expected at least 16; this makes one: "
            'python -c "import secrets; print(secrets.token_urlsafe())"'
        )
    if token is None and not is_loopback(host):
        raise ConfigError(
            f"host {host} lets other machines in, and without a token all of them could use this server: add --token "
            "or set TIDEGATE_TOKEN, or leave --host out to serve only this machine"
        )


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine can reach the address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_request(path: str, headers: Mapping[bytes, bytes], token: str | None) -> None:
    """Raises: Refusal for a request without the token, or one that a page of another site made."""
    if token is None:
        # Without a token this machine's own programs may ask. A page of another site must not: its requests name its
        # own host, even where that name leads here.
        if not is_loopback(host_name(headers.get(b"host", b"").decode("latin-1"))):
            raise Refusal(
                421,
                "host",
                "this server only serves its own machine, but the request names another: use 127.0.0.1 or localhost",
                close=True,
            )
    elif path.startswith(("/v1/", "/metrics")):
        given = headers.get(b"authorization", b"")
        scheme, _, value = given.partition(b" ")
        if scheme.lower() != b"bearer" or not hmac.compare_digest(value.strip(), token.encode()):
            found = "a wrong one" if given else "none"
            raise Refusal(
                401,
                "token",
                f"expected a token, found {found}: send the header Authorization: Bearer TOKEN",
                close=True,
            )
    if headers.get(b"sec-fetch-site") == b"cross-site" and path.startswith("/v1/"):
        raise Refusal(403, "site", "pages of other sites may not use this server: open its own page at /", close=True)


def host_name(host: str) -> str:
    """The name in a Host header, without port: "127.0.0.1:8000", "[::1]:8000"."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if ":" in host else host
