"""The way out: proxies of the environment, and networks that nobody outside may have called."""

from __future__ import annotations

import pytest
from aiohttp import BasicAuth
from yarl import URL

from roles.relay.adapters.ways import Proxy, is_public, proxy_for


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://me:p%40ss@proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "inside.example")


def test_a_platform_is_reached_through_the_environments_proxy_and_its_password_stays_out_of_the_address() -> None:
    assert proxy_for("https://qyapi.weixin.qq.com") == Proxy(URL("http://proxy.example:3128"), BasicAuth("me", "p@ss"))


@pytest.mark.parametrize(
    "address", ["https://127.0.0.1:8700", "https://[::1]/x", "https://localhost", "https://a.inside.example"]
)
def test_this_machine_and_what_needs_no_proxy_are_reached_directly(address: str) -> None:
    assert proxy_for(address) == Proxy()


@pytest.mark.parametrize(("where", "public"), [
    ("8.8.8.8", True), ("2606:4700::1111", True), ("127.0.0.1", False), ("10.0.0.1", False), ("192.168.1.1", False),
    ("169.254.169.254", False), ("100.64.0.1", False), ("0.0.0.0", False), ("::1", False), ("fe80::1%eth0", False),
    ("fd00::1", False), ("::ffff:127.0.0.1", False), ("224.0.0.1", False), ("::", False),
])  # fmt: skip
def test_what_is_of_the_public_internet(where: str, public: bool) -> None:
    assert is_public((where, 443)) is public
