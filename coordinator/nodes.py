"""What the nodes of one installation tell each other over the bus. All of it may be lost, and is asked for again."""

from __future__ import annotations

from typing import Any

import msgspec

from coordinator.answers import Answer
from coordinator.attendance import Here
from coordinator.core import Actor

ALL = "nodes"


def of_node(node: str) -> str:
    """The channel that one node listens to."""
    return f"node:{node}"


def of_sale(sale: str) -> str:
    """The channel of those who follow a sale."""
    return f"sale:{sale}"


class Alive(msgspec.Struct, tag="alive", frozen=True):
    """A node is there, and conducts so many sales."""

    node: str
    sales: int


class Released(msgspec.Struct, tag="released", frozen=True):
    """A node has given a sale's lease back: whoever is there may take it at once."""

    sale: str


class Durable(msgspec.Struct, tag="durable", frozen=True):
    """Up to this number the sale stands. Told after each flush, and again and again."""

    sale: str
    token: str  # of the lease of who conducts it
    seq: int
    now: int  # the sale's time
    speed: float
    unavailable: str | None = None
    leads: dict[str, str] = {}  # relay → the node whose connection of it leads
    heard: dict[str, float] = {}  # node → the last `sent` of its that was heard; nothing where the lease may be over


class Attending(msgspec.Struct, tag="attending", frozen=True):
    """Whom a node has of a sale, and for which relays its connection leads as far as it knows."""

    sale: str
    node: str
    here: list[Here]
    leads: list[str]
    sent: float = 0.0  # by the node's own clock: only it can compare it


class Do(msgspec.Struct, tag="do", frozen=True):
    """Commands that came to a node that does not conduct their sale."""

    sale: str
    node: str  # who waits for the answers
    n: int
    actor: Actor
    commands: list[Any]


class Done(msgspec.Struct, tag="done", frozen=True):
    sale: str
    n: int
    answers: list[Answer]


Message = Alive | Released | Durable | Attending | Do | Done

encode = msgspec.msgpack.Encoder().encode
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def decode(data: bytes) -> Message:
    """Raises msgspec.MsgspecError for what another version, or somebody else, has sent."""
    return _decoder.decode(data)
