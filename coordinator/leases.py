"""Leases and the bus: how the nodes of one installation agree who conducts a sale, and tell each other things.

A lease is a random token of its owner, kept beside the sale's journal, that runs out by itself. Every append carries
it, and the journal compares it for equality in the same step: a node whose lease has gone can write nothing, whatever
its clock or its pauses. The bus is fast and may lose messages; nothing is true because it was heard there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence

from coordinator import clock as clocks

REVOKED = "revoked"  # the fact: tokens that open nothing any more


class Leases(ABC):
    """Who may write which sale. Errors: `JournalUnavailable` where the store cannot be reached or does not answer."""

    @abstractmethod
    async def acquire(self, sale: str, token: str, seconds: float, *, instead_of: str = "") -> bool:
        """Take the lease of a sale that nobody holds, or that is held by the token `instead_of`; whether it was taken."""

    @abstractmethod
    async def renew(self, tokens: Mapping[str, str], seconds: float) -> set[str]:
        """Hold on to leases (sale → token) for so long from now; those that are still held."""

    @abstractmethod
    async def release(self, sale: str, token: str) -> None:
        """Give a lease back, if it is held by this token."""

    @abstractmethod
    async def owners(self, sales: Sequence[str]) -> dict[str, str]:
        """Sale → token that holds its lease; sales that nobody holds are left out."""

    def together(self, sales: Sequence[str]) -> dict[str, list[str]]:
        """Sales by the part of the store that has their leases: one part may be away while the others answer."""
        return {"": list(sales)} if sales else {}


class Facts(ABC):
    """Small things that all nodes must know alike. Errors: `JournalUnavailable`."""

    @abstractmethod
    async def once(self, name: str, value: str) -> str:
        """Keeps a value where none is kept yet; what is kept."""

    @abstractmethod
    async def add(self, name: str, member: str) -> None:
        """Adds to a set, durably."""

    @abstractmethod
    async def members(self, name: str) -> set[str]: ...


class Bus(ABC):
    """Messages between nodes: in order from one sender to one channel while the line stands; what is sent may be lost.

    Where a server hangs, what it was given is given to another one too, and may be heard again later.
    """

    @abstractmethod
    async def publish(self, channel: str, message: bytes) -> None:
        """Send to whoever listens now. A failure is silent: the sender hears nothing back, and asks again in time."""

    async def publish_all(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Send several (channel, message), in this order."""
        for channel, message in messages:
            await self.publish(channel, message)

    @abstractmethod
    async def subscribe(self, channel: str) -> None:
        """From its return on, messages to the channel are heard, as long as the line stands.

        Where there is no line just now, it is listened to as soon as there is one again; what was sent meanwhile is lost.
        """

    @abstractmethod
    async def unsubscribe(self, channel: str) -> None: ...

    @abstractmethod
    def messages(self) -> AsyncIterator[tuple[str, bytes]]:
        """(channel, message) of all channels that are listened to, until `close`. For one reader."""

    @abstractmethod
    async def close(self) -> None: ...


class Held:
    """One sale's lease as who conducts it holds it. Another token after each doubt: what was sent with the last cannot land."""

    def __init__(self, leases: Leases, sale: str, node: str, seconds: float) -> None:
        self._leases, self._seconds = leases, seconds
        self.sale, self.node = sale, node
        self.token = ""
        self.until = 0.0
        """By this node's clock: before that nobody else can have it."""

    async def take(self) -> bool:
        """Takes the lease where nobody holds it, or takes it again under another token. Raises `JournalUnavailable`."""
        token, asked = f"{self.node}.{clocks.bits()[:8].hex()}", clocks.monotonic()
        if not await self._leases.acquire(self.sale, token, self._seconds, instead_of=self.token):
            return False
        self.token, self.until = token, asked + self._seconds
        return True

    async def renew(self) -> bool:
        """Holds on to it; whether it was still held. Raises `JournalUnavailable`."""
        token, asked = self.token, clocks.monotonic()
        kept = self.sale in await self._leases.renew({self.sale: token}, self._seconds)
        if kept and token == self.token:
            self.until = asked + self._seconds
        return kept

    async def give_back(self) -> None:
        await self._leases.release(self.sale, self.token)


def node_of(token: str) -> str:
    """The node whose token this is."""
    return token.partition(".")[0]
