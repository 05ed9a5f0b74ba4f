"""What a game's page is made of: what it says of the game and its reader, and what a press of its button asks for.

Each kind of game has a file of its own that registers itself here, and a template of its own in `pages/games`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from coordinator.core import State
from coordinator.core.links import AddressKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Gift:
    """A coupon that whoever takes part, or wins, is given: the reader's code, or why they were not given one."""

    coupon: str
    name: str
    code: str | None = None
    not_given: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Playing:
    """What the page says. `facts` are those of its kind: the template reads them, and machines are told them."""

    id: str | None = None
    """None as long as it has not opened."""
    name: str = ""
    standing: str
    """early, withdrawn, open, and how it ended, as a word of words.py."""
    count: int = 0
    until: int | None = None
    taking_part: bool = False
    facts: dict[str, Any] = field(default_factory=dict)
    gift: Gift | None = None
    live: dict[str, int] = field(default_factory=dict)
    """What of it is brought up to date while the page is looked at, beside the count."""


Given = Mapping[str, Any]
"""What a form or a JSON body holds."""


@dataclass(frozen=True, slots=True)
class Game:
    """A kind of game: how its page is made, and the command that a member takes part by."""

    kind: str
    seen: Callable[[State, AddressKey, str | None], Playing]
    command: str
    given: Callable[[Playing, Given], dict[str, Any]] = lambda _playing, _given: {}
    """The command's fields that the member gives."""


GAMES: dict[str, Game] = {}


def game(kind: str, seen: Callable[[State, AddressKey, str | None], Playing], command: str, **given: Any) -> None:
    GAMES[kind] = Game(kind, seen, command, **given)


class _Opened(Protocol):
    @property
    def drop(self) -> str: ...
    @property
    def at(self) -> int: ...


G = TypeVar("G", bound=_Opened)


def opened_by(games: Iterable[G], key: AddressKey) -> G | None:
    """The game that the address's drop has opened, once it has."""
    return next((each for each in games if each.drop == key.drop), None)


def gone_on(state: State, games: Iterable[G], key: AddressKey) -> G | None:
    """The game that the address's drop has opened, or the one that was open already when it came and goes on in its place."""
    games, drop = list(games), state.drops[key.drop]
    before = [each for each in games if drop.status == "fired" and each.at <= drop.fire_at]
    return opened_by(games, key) or next(reversed(before), None)


def not_open(state: State, key: AddressKey, name: str = "") -> Playing:
    return Playing(name=name, standing="withdrawn" if state.drops[key.drop].status == "withdrawn" else "early")
