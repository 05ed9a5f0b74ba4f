"""The connections to one Redis, standalone or Cluster: which master has a key, and what an error means in plain words.

Reads and what may be done twice are tried again over a failover, for a bounded time. What must not be done twice is
sent once: where its answer is lost, nobody knows, and that is what the caller is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import (
    AskError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    MovedError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from coordinator import clock
from coordinator.errors import CannotStart, JournalUnavailable, UsageError

log = structlog.get_logger(__name__)

OLDEST = (7, 0)
CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 3.0  # longer than WAIT may take
RETRY_SECONDS = 2.0  # how long a read is tried again: a failover takes about as long
REST_SECONDS = 0.05
LOOK_SECONDS = 0.5  # how long the servers of a cluster have to tell who has what
SUSPECT_SECONDS = 0.3  # without an answer for so long, a cluster is asked whether it has made another one master
MAX_CONNECTIONS = 10_000  # of redis-py's own 100, reads of many repeats left none for an append or a lease
DEFAULT_PORT = 6379

Command = Sequence[Any]

_WORDS = {
    "NOREPLICAS": "Redis has too few replicas that follow it (min-replicas-to-write)",
    "OOM": "Redis has no memory left (maxmemory)",
    "READONLY": "this Redis is a replica now: another one is the master",
    "LOADING": "Redis is reading its data from the disk",
    "MISCONF": "Redis cannot write to its disk",
    "CLUSTERDOWN": "the cluster has no master for this key just now",
    "MASTERDOWN": "the replica has lost its master",
    "TRYAGAIN": "the cluster is moving this key",
    "NOAUTH": "Redis asks for a password: give it in the address",
    "WRONGPASS": "Redis does not take this password",
    "NOPERM": "this user of Redis may not do that",
}
_KINDS: dict[type[Exception], str] = {  # redis-py takes these words off the message
    BusyLoadingError: "LOADING", MasterDownError: "MASTERDOWN", ClusterDownError: "CLUSTERDOWN", ReadOnlyError: "READONLY",
    OutOfMemoryError: "OOM", TryAgainError: "TRYAGAIN",
}  # fmt: skip
_PASSING = frozenset({"LOADING", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "READONLY"})


class Address(NamedTuple):
    """Where a Redis is, and how to speak to it."""

    hosts: tuple[tuple[str, int], ...]
    tls: bool
    user: str | None
    password: str | None
    db: int

    def __str__(self) -> str:
        return ",".join(f"{host}:{port}" for host, port in self.hosts)

    @classmethod
    def of(cls, url: str) -> Address:
        """`redis://[user:password@]host[:port][,host:port …][/db]`; `rediss://` is TLS. Raises UsageError."""
        parts = urlsplit(url)
        credentials, _, places = parts.netloc.rpartition("@")
        user, _, password = credentials.partition(":")
        try:
            hosts = tuple(_place(place) for place in places.split(",") if place)
            db = int(parts.path.strip("/") or 0)
        except ValueError:
            hosts, db = (), 0
        if parts.scheme not in {"redis", "rediss"} or not hosts:
            raise UsageError(
                "--redis: give an address such as redis://host:6379, or redis://host1:6379,host2:6379 for a cluster"
            )
        return cls(hosts, parts.scheme == "rediss", unquote(user) or None, unquote(password) or None, db)


def _place(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    return (host.strip("[]"), int(port)) if colon and not text.endswith("]") else (text.strip("[]"), DEFAULT_PORT)


class RedisLink:
    """See the module. Made with `open`."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.cluster = False
        self.version: tuple[int, ...] = ()
        self._clients: dict[tuple[str, int], Redis] = {}
        self._slots: list[tuple[int, int, tuple[str, int]]] = []
        self._master = address.hosts[0]
        self._looking: asyncio.Task[str | None] | None = None

    @classmethod
    async def open(cls, url: str) -> RedisLink:
        """Raises CannotStart where no Redis answers there, or one that is too old."""
        link = cls(Address.of(url))
        why: Exception | None = None
        for host in link.address.hosts:
            try:
                info = await link.at(host).info("server")
                link._master = host
                break
            except (RedisError, OSError) as e:
                why = e
        else:
            await link.close()
            raise CannotStart(
                f"cannot reach Redis at {link.address} ({_in_words(why)}): start it, or name another one with --redis"
            )
        link.version = tuple(int(n) for n in str(info["redis_version"]).split(".")[:2])
        if link.version < OLDEST:
            await link.close()
            raise CannotStart(f"Redis {info['redis_version']} at {link.address} is too old: Dropcue needs 7.0 or later")
        link.cluster = info.get("redis_mode") == "cluster"
        until = clock.monotonic() + RETRY_SECONDS
        while link.cluster and not link.masters():
            try:
                await link.refresh()
            except JournalUnavailable as e:
                if clock.monotonic() >= until:
                    await link.close()
                    raise CannotStart(f"the Redis cluster at {link.address} is not ready: {e.reason}") from None
        return link

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
        clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            await client.aclose()

    # ------------------------------------------------------------ who has what
    def at(self, place: tuple[str, int]) -> Redis:
        """The client of one server."""
        found = self._clients.get(place)
        if found is None:
            address = self.address
            found = self._clients[place] = Redis(
                host=place[0], port=place[1], db=0 if self.cluster else address.db, username=address.user,
                password=address.password, ssl=address.tls, socket_connect_timeout=CONNECT_SECONDS,
                socket_timeout=ANSWER_SECONDS, health_check_interval=0,
                max_connections=MAX_CONNECTIONS,
                retry=Retry(NoBackoff(), 0),  # what was sent twice would count twice
            )  # fmt: skip
        return found

    def place_of(self, key: str) -> tuple[str, int]:
        """The master that has this key, as far as is known."""
        if not self.cluster:
            return self._master
        slot = key_slot(key.encode())
        for first, last, place in self._slots:
            if first <= slot <= last:
                return place
        raise JournalUnavailable(f"{_WORDS['CLUSTERDOWN']} ({self.address})")

    def masters(self) -> list[tuple[str, int]]:
        """All masters that have keys."""
        return list(dict.fromkeys(place for _, _, place in self._slots)) if self.cluster else [self._master]

    async def find(self, key: str) -> tuple[str, int]:
        """The master that has this key; the cluster is asked again where none is known. Raises JournalUnavailable."""
        try:
            return self.place_of(key)
        except JournalUnavailable:
            await self.refresh()
            return self.place_of(key)

    async def refresh(self) -> None:
        """Asks the cluster which master has what. Raises JournalUnavailable where nobody of it answers."""
        if not self.cluster:
            return
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        why = await asyncio.shield(self._looking)
        if why is not None:
            raise JournalUnavailable(f"no node of the Redis cluster at {self.address} answers ({why})")

    async def _look(self) -> str | None:
        """All at once, since one may hang; who knows of the latest change is believed. Why nobody answers, else None."""
        places = dict.fromkeys([*self.masters(), *self.address.hosts, *self._clients])
        asked = [asyncio.create_task(self._shards(place)) for place in places]
        for task in asked:
            task.add_done_callback(_forget)
        done, late = await asyncio.wait(asked, timeout=LOOK_SECONDS)
        for task in late:
            task.cancel()
        why: Exception | None = None if not late else TimeoutError()
        best = (-1, 0)
        for task in done:
            try:
                epoch, slots = task.result()
            except (RedisError, OSError, KeyError, ValueError) as e:
                why = e
                continue
            known = (epoch, sum(last - first + 1 for first, last, _ in slots))
            if slots and known > best:
                best, self._slots = known, slots
        if best[0] >= 0:
            return None
        log.info("no server of the cluster answers", reason=_in_words(why))
        return _in_words(why)

    async def _shards(self, place: tuple[str, int]) -> tuple[int, list[tuple[int, int, tuple[str, int]]]]:
        shards, info = await self._exchange(place, [("CLUSTER SHARDS",), ("CLUSTER INFO",)])
        return int(_mapping(info)["cluster_current_epoch"]), _slots(shards, place[0])

    # ------------------------------------------------------------ asking
    async def ask(self, key: str, *command: Any) -> Any:
        """A read, or what may be done twice: tried again for a while where a server is gone. Raises JournalUnavailable."""
        return (await self.ask_all(key, [command]))[0]

    async def ask_all(self, key: str, commands: Sequence[Command]) -> list[Any]:
        """Several of these at once, of keys that are with this one."""
        until = clock.monotonic() + RETRY_SECONDS
        while True:
            try:
                place = await self.find(key)
                return await self._send(place, commands)
            except JournalUnavailable:
                if clock.monotonic() >= until:
                    raise
            except (RedisError, OSError) as e:
                if not _is_passing(e) or clock.monotonic() >= until:
                    raise self.unavailable(e, place) from None
            await self._look_again()

    async def once(self, key: str, commands: Sequence[Command]) -> list[Any]:
        """Sends commands once, over one connection; their answers, of which some may be errors.

        Raises JournalUnavailable where it is not known what became of them.
        """
        return await self._of(await self.find(key), commands, raising=False)

    async def of(self, place: tuple[str, int], *command: Any) -> Any:
        """What one server says of itself. Raises JournalUnavailable."""
        return (await self._of(place, [command]))[0]

    async def _of(self, place: tuple[str, int], commands: Sequence[Command], *, raising: bool = True) -> list[Any]:
        try:
            return await self._send(place, commands, raising=raising)
        except (RedisError, OSError) as e:
            await self._look_again()
            raise self.unavailable(e, place) from None

    async def _send(self, place: tuple[str, int], commands: Sequence[Command], *, raising: bool = True) -> list[Any]:
        """As `_exchange`; a master that hangs is waited for until the cluster has made another one master."""
        if not self.cluster:
            return await self._exchange(place, commands, raising=raising)
        sending = asyncio.create_task(self._exchange(place, commands, raising=raising))
        sending.add_done_callback(_forget)
        try:
            while not (await asyncio.wait([sending], timeout=SUSPECT_SECONDS))[0]:
                with suppress(JournalUnavailable):
                    await self.refresh()
                if not sending.done() and place not in self.masters():
                    raise RedisConnectionError("it does not answer, and is master no more")
            return sending.result()
        finally:
            sending.cancel()

    async def _exchange(
        self, place: tuple[str, int], commands: Sequence[Command], *, raising: bool = True
    ) -> list[Any]:
        client = self.at(place)
        if len(commands) == 1 and raising:
            return [await client.execute_command(*commands[0])]  # type: ignore[no-untyped-call]  # redis-py
        pipeline = client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        answers: list[Any] = await pipeline.execute(raise_on_error=raising)
        return answers

    async def _look_again(self) -> None:
        await asyncio.sleep(REST_SECONDS)
        with suppress(JournalUnavailable):
            await self.refresh()

    def unavailable(self, error: Exception, place: tuple[str, int] | None = None) -> JournalUnavailable:
        """The error in plain words, without a password."""
        where = f"{place[0]}:{place[1]}" if place else str(self.address)
        if isinstance(error, ResponseError):
            return JournalUnavailable(f"{_in_words(error)} ({where})")
        return JournalUnavailable(f"cannot reach Redis at {where} ({_in_words(error)})")


def _forget(task: asyncio.Task[Any]) -> None:
    """Whoever has given up waiting does not want to know why it failed."""
    if not task.cancelled():
        task.exception()


def _slots(rows: Any, asked: str) -> list[tuple[int, int, tuple[str, int]]]:
    """(first, last, master) of each range, from CLUSTER SHARDS."""
    out: list[tuple[int, int, tuple[str, int]]] = []
    for row in rows:
        shard = _mapping(row)
        ranges = [int(n) for n in shard["slots"]] if not isinstance(_first(shard["slots"]), list | tuple) else [
            int(n) for pair in shard["slots"] for n in pair
        ]  # fmt: skip
        for node in map(_mapping, shard["nodes"]):
            if _text(node["role"]) == "master" and _text(node.get("health", "online")) == "online":
                # Where it names no endpoint, it wants to be asked where it was asked now.
                host = _text(node["ip"] if "endpoint" not in node else node["endpoint"] or "?")
                place = (asked if host == "?" else host, int(node["port"]))
                out += [(a, b, place) for a, b in zip(ranges[::2], ranges[1::2], strict=True)]
    return out


def _first(values: Any) -> Any:
    return values[0] if values else None


def _mapping(row: Any) -> dict[str, Any]:
    if isinstance(row, bytes | str):  # lines, as INFO gives them
        return dict(line.split(":", 1) for line in _text(row).split())
    pairs = row.items() if isinstance(row, dict) else zip(row[::2], row[1::2], strict=True)
    return {_text(name): value for name, value in pairs}


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _word(error: Exception | None) -> str:
    """Redis's own word for what is wrong."""
    for kind, word in _KINDS.items():
        if isinstance(error, kind):
            return word
    word = str(error or "").partition(" ")[0]
    return word if word in _WORDS else ""


def _is_passing(error: Exception) -> bool:
    """Whether another try, or another server, may do."""
    if isinstance(error, RedisConnectionError | RedisTimeoutError | OSError | MovedError | AskError):
        return True
    return _word(error) in _PASSING


def _in_words(error: Exception | None) -> str:
    word = _word(error)
    if word:
        return _WORDS[word]
    if isinstance(error, RedisTimeoutError | TimeoutError):
        return "no answer in time"
    if isinstance(error, MovedError):
        return "the key has moved to another master"
    return str(error or "").partition("\n")[0][:200] or type(error).__name__
