"""Leases and the bus in Redis. A lease is the key that every append to the sale is compared with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress

import structlog
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from coordinator import clock
from coordinator.errors import JournalUnavailable
from coordinator.journal.redis import Script, key
from coordinator.journal.redis_link import RedisLink
from coordinator.leases import Bus, Facts, Leases

log = structlog.get_logger(__name__)

_LEASE = Script("lease")
CHANNEL = "dropcue:bus:"
FACTS = "dropcue:fact:"
LISTEN_SECONDS = 0.5  # after which a line that says nothing is asked; after as much again it is broken
SPEAK_SECONDS = 0.5  # how long a server has to take a message, before another one is given it
REST_SECONDS = 0.1  # before a line that broke is made again


class RedisLeases(Leases):
    def __init__(self, link: RedisLink) -> None:
        self._link = link

    async def acquire(self, sale: str, token: str, seconds: float, *, instead_of: str = "") -> bool:
        return await self._call(sale, "take", token, instead_of, seconds)

    async def renew(self, tokens: Mapping[str, str], seconds: float) -> set[str]:
        asked = list(tokens.items())
        held = await asyncio.gather(*(self._call(sale, "renew", token, "", seconds) for sale, token in asked))
        return {sale for (sale, _), is_held in zip(asked, held, strict=True) if is_held}

    async def release(self, sale: str, token: str) -> None:
        await self._call(sale, "release", token, "", 0)

    async def owners(self, sales: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for group in self.together(sales).values():
            tokens = await self._link.ask_all(key(group[0], "owner"), [("GET", key(sale, "owner")) for sale in group])
            found |= {sale: token.decode() for sale, token in zip(group, tokens, strict=True) if token}
        return found

    def together(self, sales: Sequence[str]) -> dict[str, list[str]]:
        groups: dict[str, list[str]] = {}
        for sale in sales:
            try:
                host, port = self._link.place_of(key(sale, "owner"))
            except JournalUnavailable:
                groups[sale] = [sale]  # nobody has it just now: asked by itself, it is looked for
                continue
            groups.setdefault(f"{host}:{port}", []).append(sale)
        return groups

    async def _call(self, sale: str, what: str, token: str, other: str, seconds: float) -> bool:
        name = key(sale, "owner")
        # EVAL and not EVALSHA: it is short, and a server that has just taken over does not know it.
        return bool(
            await self._link.ask(name, *_LEASE.call([name], [what, token, other, round(seconds * 1000)], known=False))
        )


class RedisFacts(Facts):
    def __init__(self, link: RedisLink) -> None:
        self._link = link

    async def once(self, name: str, value: str) -> str:
        key_ = FACTS + name
        await self._link.ask(key_, "SETNX", key_, value)
        kept: bytes = await self._link.ask(key_, "GET", key_)
        return kept.decode()

    async def add(self, name: str, member: str) -> None:
        await self._link.ask(FACTS + name, "SADD", FACTS + name, member)

    async def members(self, name: str) -> set[str]:
        return {member.decode() for member in await self._link.ask(FACTS + name, "SMEMBERS", FACTS + name)}


class RedisBus(Bus):
    """Over PUBLISH, which any server of a cluster passes on to all. A line that broke is made again by itself."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._channels: set[str] = set()
        self._line: PubSub | None = None
        self._heard_by, self._listens_to = link.masters()[0], link.masters()[0]
        self._connecting = asyncio.Lock()
        self._closed = False

    def _places(self, last: tuple[str, int], *, first: bool) -> list[tuple[str, int]]:
        """All servers, the last one that was used before the others, or after them."""
        return sorted(self._link.masters(), key=lambda place: (place == last) != first)

    async def publish(self, channel: str, message: bytes) -> None:
        await self.publish_all([(channel, message)])

    async def publish_all(self, messages: Sequence[tuple[str, bytes]]) -> None:
        for place in self._places(self._heard_by, first=True):
            with suppress(RedisError, OSError):
                async with asyncio.timeout(SPEAK_SECONDS):
                    together = self._link.at(place).pipeline(transaction=False)
                    for channel, message in messages:
                        together.publish(CHANNEL + channel, message)
                    await together.execute()
                self._heard_by = place
                return
        with suppress(JournalUnavailable):
            await self._link.refresh()

    async def subscribe(self, channel: str) -> None:
        self._channels.add(channel)
        try:
            line = await self._connect()
            # Also to a line that was made in this moment: it may have been begun with the channels before this one.
            await line.subscribe(CHANNEL + channel)
        except (RedisError, OSError, JournalUnavailable):
            await self._drop()  # whoever reads the messages makes the line again, with all channels

    async def unsubscribe(self, channel: str) -> None:
        self._channels.discard(channel)
        if self._line is not None:
            with suppress(RedisError, OSError):
                await self._line.unsubscribe(CHANNEL + channel)

    async def messages(self) -> AsyncIterator[tuple[str, bytes]]:
        heard, asked = clock.monotonic(), False
        while not self._closed:
            line = self._line
            try:
                if line is None:
                    await self._connect()
                    heard, asked = clock.monotonic(), False
                    continue
                message = await line.get_message(ignore_subscribe_messages=True, timeout=LISTEN_SECONDS)
                if message is not None:
                    heard, asked = clock.monotonic(), False
                    if message["type"] == "message":
                        yield message["channel"].decode().removeprefix(CHANNEL), message["data"]
                elif clock.monotonic() - heard >= LISTEN_SECONDS:
                    if asked:  # a server that hangs, or a network that swallows, closes nothing
                        raise RedisTimeoutError("it says nothing any more")
                    heard, asked = clock.monotonic(), True
                    await line.ping()
            except (RedisError, OSError, RuntimeError, JournalUnavailable) as e:
                if not self._closed:
                    log.warning("the line to the other nodes is broken; it is made again", reason=str(e)[:200])
                    await self._drop()
                    await asyncio.sleep(REST_SECONDS)

    async def close(self) -> None:
        self._closed = True
        await self._drop()

    async def _connect(self) -> PubSub:
        """The line, made where there is none. Raises JournalUnavailable where no server answers."""
        async with self._connecting:
            if self._line is not None:
                return self._line
            why: Exception | None = None
            for place in self._places(self._listens_to, first=False):
                line = self._link.at(place).pubsub()
                try:
                    # At least one channel, so that there is a line to wait on; its answer, so that it is known to be one.
                    async with asyncio.timeout(SPEAK_SECONDS):
                        await line.subscribe(CHANNEL, *(CHANNEL + channel for channel in sorted(self._channels)))
                        await line.get_message(timeout=None)
                except (RedisError, OSError) as e:
                    why = e
                    await _end(line)
                    continue
                self._line, self._listens_to = line, place
                return line
            await self._link.refresh()
            raise self._link.unavailable(why or OSError("no server"))

    async def _drop(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            await _end(line)


async def _end(line: PubSub) -> None:
    with suppress(RedisError, OSError, RuntimeError):
        await line.aclose()  # type: ignore[no-untyped-call]  # redis-py
