"""The way out: proxies of the environment, and networks that nobody outside may have called."""

from __future__ import annotations

import asyncio

import pytest
from yarl import URL

from coordinator.errors import CannotStart
from roles.relay.adapters.base import Content, GroupSettings
from roles.relay.adapters.ways import is_public, proxy_for
from roles.relay.adapters.wecom import WecomAdapter, WecomCredential


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://me:p%40ss@proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "inside.example")


def test_a_platform_is_reached_through_the_environments_proxy() -> None:
    assert proxy_for("https://qyapi.weixin.qq.com") == URL("http://me:p%40ss@proxy.example:3128")


def test_a_proxy_that_is_no_address_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@proxy.example:port")
    with pytest.raises(CannotStart, match="HTTPS_PROXY is no address") as wrong:
        proxy_for("https://qyapi.weixin.qq.com")
    assert "secret" not in str(wrong.value)


@pytest.mark.parametrize(
    "address", ["https://127.0.0.1:8700", "https://[::1]/x", "https://localhost", "https://a.inside.example"]
)
def test_this_machine_and_what_needs_no_proxy_are_reached_directly(address: str) -> None:
    assert proxy_for(address) is None


async def test_a_proxy_that_wants_another_password_is_said_to_and_the_message_comes_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:PASSWORD@127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
        settings = WecomCredential.model_validate({"platform": "wecom", "key": "KEY"})
        adapter = WecomAdapter("bot", settings, None)
        await adapter.open()
        outcome = await adapter.send(GroupSettings(id="g1", credential="bot"), Content(text="上链接"))
        await adapter.close()
    assert (outcome.word, outcome.reached) == ("retry", False)
    assert "the proxy to WeCom answered HTTP 407" in (outcome.why or "")
    assert asked
    assert all(b"KEY" not in line and b"Proxy-Authorization: Basic" in line for line in asked)


@pytest.mark.parametrize(("where", "public"), [
    ("8.8.8.8", True), ("2606:4700::1111", True), ("127.0.0.1", False), ("10.0.0.1", False), ("192.168.1.1", False),
    ("169.254.169.254", False), ("100.64.0.1", False), ("0.0.0.0", False), ("::1", False), ("fe80::1%eth0", False),
    ("fd00::1", False), ("::ffff:127.0.0.1", False), ("224.0.0.1", False), ("::", False),
])  # fmt: skip
def test_what_is_of_the_public_internet(where: str, public: bool) -> None:
    assert is_public((where, 443)) is public
