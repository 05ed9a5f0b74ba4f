"""What conditions can read: each topic declares it where it keeps its state.

    things("chain", "chains", joined=count("members in it"), done=truth("it is complete"))
                                           → chain c1 joined >= 5, chain c1 done, joined of c1 >= 5; and `chain done`
    phrase("questions", "waiting", …)      → questions waiting > 10
    happens("member", "joined", GroupJoined, …)   → member joined

A value is read from the state and from nothing else; the keys say whose change can change it. What is not known is
None, and makes its comparison false.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal

from coordinator.core.kernel import ANY, Event, Key

if TYPE_CHECKING:
    from coordinator.core.state import State

Kind = Literal["count", "money", "length", "truth"]
Value = Callable[["State", str], int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One thing that can be read. Of a length, `value` is an instant: it is the time since it, or until it."""

    kind: Kind
    about: str
    value: Value
    whole: Value | None = None
    """What a percentage of it is of."""
    clock: Literal[-1, 0, 1] = 0
    """1: the time since `value`; -1: the time until it."""
    keys: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """What can be read of one entity; `get` gives it, and None where it is not known."""

    kind: Kind
    about: str
    get: Callable[[Any], int | None] | None = None  # Any: the topic's entity; None: the attribute of the field's name
    of: str | None = None
    clock: Literal[-1, 0, 1] = 0


def count(about: str, *, of: str | None = None, get: Callable[[Any], int | None] | None = None) -> Field:
    """A whole number; `of` names the attribute that a percentage of it is of."""
    return Field(kind="count", about=about, get=get, of=of)


def money(about: str, *, get: Callable[[Any], int | None] | None = None) -> Field:
    """An amount in minor units."""
    return Field(kind="money", about=about, get=get)


def truth(about: str, *, get: Callable[[Any], bool | None] | None = None) -> Field:
    """What is or is not so; it stands in a condition by itself."""
    return Field(kind="truth", about=about, get=get)


def since(about: str, *, get: Callable[[Any], int | None] | None = None) -> Field:
    """How long ago an instant is. It grows by itself: what compares it comes true on time without an event."""
    return Field(kind="length", about=about, get=get, clock=1)


def until(about: str, *, get: Callable[[Any], int | None] | None = None) -> Field:
    """How long it is until an instant."""
    return Field(kind="length", about=about, get=get, clock=-1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Things:
    """A word for the entities of a topic, and what can be read of each."""

    word: str
    topic: str
    current: Callable[[State], str] | None
    """Which of them is meant where no id stands; None: any of them, in all."""
    id_needed: bool
    fields: dict[str, Field] = field(default_factory=dict)


THINGS: dict[str, Things] = {}
PHRASES: dict[tuple[str, ...], Reading] = {}
HAPPENINGS: dict[tuple[str, str], tuple[str, str]] = {}
"""Two words → (kind of event, what it says)."""


def things(
    word: str,
    topic: str,
    *,
    current: Callable[[State], str] | None = None,
    id_needed: bool = False,
    **fields: Field,
) -> None:
    """Declares what can be read of each entity of a topic: `WORD ID FIELD`, `FIELD of ID`.

    Without an id it is `current`'s; else, of truths, whether any of them is so, and of counts and money, all together.
    `id_needed` allows no other way: the id may then be any word at all.
    """
    entry = THINGS.setdefault(word, Things(word=word, topic=topic, current=current, id_needed=id_needed))
    entry.fields.update(fields)


def phrase(*words: str, reading: Reading) -> None:
    """Declares words that say one thing of the whole sale: `messages`, `questions waiting`."""
    PHRASES[words] = reading


def happens(what: str, verb: str, kind: type[Event], about: str) -> None:
    """Declares words that are true at an event, and not before or after it: `member joined`."""
    HAPPENINGS[what, verb] = (str(kind.__struct_config__.tag), about)


# ---------------------------------------------------------------- from a field to what is read of one entity, or of all
def of_one(things: Things, name: str, id_: str) -> Reading:
    """What `WORD ID FIELD` reads."""
    f = things.fields[name]
    whole = _of_entity(things.topic, attrgetter(f.of)) if f.of is not None else None
    value = _of_entity(things.topic, f.get or attrgetter(name))
    return Reading(
        kind=f.kind, about=f.about, value=value, whole=whole, clock=f.clock, keys=((things.topic, id_),)
    )  # fmt: skip


def of_all(things: Things, name: str) -> Reading | None:
    """What `WORD FIELD` reads; None where it needs an id."""
    f = things.fields[name]
    if things.id_needed:
        return None
    if things.current is not None:
        one, current = of_one(things, name, ""), things.current
        whole = one.whole
        return replace(
            one,
            value=lambda state, _: one.value(state, current(state)),
            whole=None if whole is None else (lambda state, _: whole(state, current(state))),
            keys=((things.topic, ANY), ("show", ANY)),
        )
    if f.clock:
        return None
    topic, get = things.topic, f.get or attrgetter(name)
    if f.kind == "truth":
        return Reading(
            kind="truth", about=f.about, keys=((topic, ANY),),
            value=lambda state, _: any(get(x) for x in getattr(state, topic).values()),
        )  # fmt: skip
    return Reading(
        kind=f.kind, about=f.about, keys=((topic, ANY),),
        value=lambda state, _: sum(get(x) or 0 for x in getattr(state, topic).values()),
    )  # fmt: skip


def _of_entity(topic: str, get: Callable[[Any], int | None]) -> Value:
    entities = attrgetter(topic)

    def value(state: State, id_: str) -> int | None:
        entity = entities(state).get(id_)
        return None if entity is None else get(entity)

    return value
