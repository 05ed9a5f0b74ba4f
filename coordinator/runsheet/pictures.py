"""Whether the pictures of a sheet are pictures, and small enough: asked of the net, for `dropcue sheet check --images` alone.

A picture is an address. What can be told from it without the net is told by every check; its size and type are asked
here with a HEAD request, over https and to public addresses only. Nothing here is ever asked when something is sent.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from coordinator import rules
from coordinator.core.rules import Judge
from coordinator.runsheet.checks.found import pictures
from coordinator.runsheet.findings import Finding, Severity
from coordinator.runsheet.reading import Reading

WITHIN_S = 5.0  # for one answer, with all its redirects
AT_ONCE = 8
MAX_REDIRECTS = 3
MAX_PICTURES = 200  # different addresses; a sheet has a few dozen


class Head(NamedTuple):
    """What was answered: `bytes` and `type` as far as they were told; `why` where nothing can be told."""

    bytes: int | None = None
    type: str | None = None
    why: str | None = None


Look = Callable[[str], Awaitable[Head]]


async def check(reading: Reading, look: Look | None = None) -> list[Finding]:
    """LENGTH of the pictures, as their servers tell it. Never raises for what a server does."""
    if reading.sheet is None:
        return []
    wanted = list(pictures(reading.sheet))
    judge = rules.judge(reading.sheet.checks.rules)
    several = list(dict.fromkeys(address for _, address in wanted))[:MAX_PICTURES]
    if look is not None:
        heads = await _asked(several, look)
    else:
        async with looking() as session:
            heads = await _asked(several, lambda address: head(session, address))
    return [
        reading.finding(severity, "LENGTH", path, message, zh)
        for path, address in wanted
        if address in heads
        for severity, message, zh in _judged(heads[address], judge)
    ]


async def _asked(several: Iterable[str], look: Look) -> dict[str, Head]:
    places = asyncio.Semaphore(AT_ONCE)

    async def one(address: str) -> tuple[str, Head]:
        async with places:
            return address, await look(address)

    return dict(await asyncio.gather(*(one(address) for address in several)))


def _judged(found: Head, judge: Judge) -> Iterator[tuple[Severity, str, str]]:
    """(severity, what is wrong and what to do, the same in Chinese)."""
    most = judge.limit("LENGTH", "image_bytes")
    if judge.of("LENGTH") is None:
        return
    if found.why is not None:
        yield (
            "warn",
            f"the picture cannot be looked at: {found.why}; open the address, or give another",
            f"看不到图片: {found.why}; 打开地址核对, 或换一个",
        )
        return
    if found.type is not None and not found.type.startswith("image/"):
        message = f"the address is no picture but {found.type[:60]}; give the picture's own address"
        yield "warn", message, f"这个地址不是图片, 是 {found.type[:60]}; 写图片本身的地址"
    if found.bytes is None:
        yield "inform", "the server does not tell the picture's size; look yourself", "服务器没有说图片多大; 请自行核对"
    elif most is not None and found.bytes > most:
        has, limit = f"{found.bytes / 1e6:.1f} MB", f"{most / 1e6:g} MB"
        yield (
            "warn",
            f"the picture has {has}, a group takes {limit}; make it smaller",
            f"图片有 {has}, 群里最多 {limit}; 请压缩",
        )


# ---------------------------------------------------------------- asking
def public(host: str) -> bool:
    """Whether an IP address is one of the open net: nothing of this machine, this house, or a cloud's own."""
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return False
    inner = getattr(found, "ipv4_mapped", None)
    return (inner or found).is_global and not found.is_multicast


class _OnlyPublic(AbstractResolver):
    """Names lead to public addresses only, whatever they say: each connection asks here."""

    def __init__(self) -> None:
        self._names = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = [each for each in await self._names.resolve(host, port, family) if public(each["host"])]
        if not found:
            raise OSError(f"{host} is no public address")
        return found

    async def close(self) -> None:
        await self._names.close()


def looking() -> aiohttp.ClientSession:
    """A session that reaches public addresses only."""
    connector = aiohttp.TCPConnector(limit=AT_ONCE, resolver=_OnlyPublic(), use_dns_cache=False)
    return aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=WITHIN_S)
    )


def _refused(address: str) -> str | None:
    parts = urlsplit(address)
    if parts.scheme != "https":
        return "it is not https"
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return None  # a name: where it leads is asked when it is looked up
    return None if public(host) else "it is no public address"


async def head(session: aiohttp.ClientSession, address: str, refused: Callable[[str], str | None] = _refused) -> Head:
    """What the server tells of a picture, within the time."""
    try:
        async with asyncio.timeout(WITHIN_S):
            for _ in range(MAX_REDIRECTS + 1):
                why = refused(address)
                if why is not None:
                    return Head(why=why)
                async with session.head(address, allow_redirects=False) as answer:
                    if answer.status in {301, 302, 303, 307, 308} and "Location" in answer.headers:
                        address = urljoin(address, answer.headers["Location"])
                        continue
                    if answer.status in {405, 501}:
                        return Head()  # it does not answer such questions
                    if answer.status != 200:
                        return Head(why=f"HTTP {answer.status}")
                    return Head(
                        bytes=answer.content_length,
                        type=answer.headers.get("Content-Type", "").partition(";")[0] or None,
                    )
            return Head(why="it leads from one address to the next without end")
    except TimeoutError:
        return Head(why=f"no answer within {WITHIN_S:g} s")
    except aiohttp.ClientConnectorDNSError:
        return Head(why=f"{urlsplit(address).hostname} leads to no public address")
    except aiohttp.ClientSSLError:
        return Head(why="its certificate is not good")
    except aiohttp.ClientConnectorError:
        return Head(why=f"{urlsplit(address).hostname} cannot be reached")
    except (aiohttp.ClientError, OSError, ValueError) as e:
        return Head(why=f"{type(e).__name__}: {e}"[:160])
