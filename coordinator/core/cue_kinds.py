"""What a cue can do: one row for each kind of command that a sheet, or `cue.add`, can name.

Each topic registers its own kinds where it keeps their rules. A row's fields are those of the command that a hand
would give; `groups` and `text` stand on the cue itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import pydantic

from coordinator.core.kernel import COMMANDS, Command, Refusal, Turn
from coordinator.core.plan import CuePlan, Late

if TYPE_CHECKING:
    from coordinator.core.cues import Cue, Drop
    from coordinator.core.rules import Fault, Judge
    from coordinator.core.state import State

LATE_ELSE = Late(rule="fire", within=300_000)
"""What becomes of a late cue whose kind says nothing of it."""
LATE_DROP = Late(rule="ask", within=30_000)
"""What becomes of a late drop: up to this late it goes by itself, beyond it a person is asked."""
ON_THE_CUE = frozenset({"groups", "text"})

Perform = Callable[[Turn, CuePlan, "Cue"], None]
Dropped = Callable[[Turn, "Drop"], None]
Check = Callable[["State", dict[str, Any]], None]
Judged = Callable[["State", "Judge", dict[str, Any]], list["Fault"]]
Words = Callable[["State", dict[str, Any], "Drop"], dict[str, str]]
Says = Callable[[dict[str, Any]], dict[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CueKind:
    do: str
    """The kind of command."""
    dropped: Dropped | None = None
    """It goes into groups: has a lead, deliveries and a drop. Says what went out, in the append of the firing."""
    perform: Perform | None = None
    """It does not go into groups: carries it out. Exactly one of the two is set."""
    late: Late = LATE_ELSE
    ready_text: str | Callable[[dict[str, Any]], str] = ""
    """Of a drop without a text of its own; or what makes it of the fields."""
    needs_text: bool = False
    """Has to have a text, where there is none ready for its fields."""
    priority: int = 2
    """Of its deliveries where a platform's window is short: links and coupons are 0, they go before talk."""
    takes: tuple[str, ...] | None = None
    """The command's fields that stand in a plan's `fields`; None: all but `groups` and `text`."""
    leaves_out: frozenset[str] = frozenset()
    """Fields that the command needs and the cue does not: it means what is current when it fires."""
    about: tuple[str, ...] = ()
    """The fields that name what it is about; the first that is there counts."""
    names: tuple[str, ...] = ()
    """What its texts may name beside the usual fields, such as {target}."""
    words: Words | None = None
    """What those names stand for: of the state, its fields and its drop."""
    says: Says | None = None
    """What of its fields members read, beside its text: field → words. On a page, though the text leaves them out."""
    judged: Judged | None = None
    """What the checks have to say of its fields, beside what they say of its text."""
    check: Check | None = None
    """Refuses fields that each are well-formed and do not fit each other, or the sale."""

    @property
    def into_groups(self) -> bool:
        return self.dropped is not None

    @property
    def model(self) -> type[Command]:
        """The fields that stand in a plan's `fields`, as the command has them."""
        return _model(self.do)


_KINDS: dict[str, CueKind] = {}


@cache
def _model(do: str) -> type[Command]:
    row, command = _KINDS[do], COMMANDS[do]
    fields: dict[str, Any] = {}  # Any: what pydantic makes models of
    for name, info in command.model_fields.items():
        if name in row.takes if row.takes is not None else name not in ON_THE_CUE:
            open_ = name in row.leaves_out
            fields[name] = (info.annotation | None, None) if open_ and info.annotation else (info.annotation, info)
    return pydantic.create_model(f"Cue_{do}", __base__=Command, **fields)


def cue_kind(do: str, **row: Any) -> None:  # Any: the fields of CueKind
    """Registers what a cue can do."""
    kind = CueKind(do=do, **row)
    if (kind.dropped is None) == (kind.perform is None):
        raise ValueError(f"{do} either goes into groups or is carried out")
    _KINDS[do] = kind


def known() -> Iterator[str]:
    """All kinds, in the order of the alphabet."""
    yield from sorted(_KINDS)


def kind_of(do: str) -> CueKind | None:
    return _KINDS.get(do)


def into_groups(do: str) -> bool:
    """Whether it goes into groups, and so has a lead, deliveries and a drop."""
    kind = _KINDS.get(do)
    return kind is not None and kind.into_groups


def late_of(do: str) -> Late:
    kind = _KINDS.get(do)
    return kind.late if kind else LATE_ELSE


def ready_text(do: str, fields: dict[str, Any]) -> str:
    """What a drop says that has no text of its own."""
    kind = _KINDS.get(do)
    text = kind.ready_text if kind else ""
    return text if isinstance(text, str) else text(fields)


def names_of(do: str) -> tuple[str, ...]:
    """What the texts of a kind may name that no other's may."""
    kind = _KINDS.get(do)
    return kind.names if kind else ()


def words_of(state: State, plan: CuePlan, drop: Drop) -> dict[str, str]:
    """What the drop's text may name that only its kind knows."""
    kind = _KINDS.get(plan.do)
    return kind.words(state, plan.fields, drop) if kind is not None and kind.words is not None else {}


def priority_of(do: str) -> int:
    kind = _KINDS.get(do)
    return kind.priority if kind else 2


def subject(plan: CuePlan) -> str | None:
    """What a cue is about: the coupon, link, product or game it names."""
    kind = _KINDS.get(plan.do)
    for name in kind.about if kind else ():
        found = plan.fields.get(name)
        if isinstance(found, str):
            return found
    return None


def check_fields(state: State, do: str, fields: dict[str, Any], text: str | None) -> None:
    """Refuses a cue whose fields are none of its kind's, have another type, or name what is not there."""
    from coordinator.core import prompts

    kind = _KINDS[do]
    model = kind.model
    for name in fields:
        if name not in model.model_fields:
            raise Refusal("invalid", f"{do} has no fields.{name[:64]}", {"field": f"fields.{name[:64]}"})
    if kind.needs_text and not text and not ready_text(do, fields):
        raise Refusal("invalid", f"{do} needs a text", {"field": "text"})
    try:
        model.model_validate(fields)
    except pydantic.ValidationError as e:
        where, message = first_fault(e)
        raise Refusal("invalid", f"fields.{where}: {message}", {"field": f"fields.{where}"}) from None
    for name in ("to", "who"):
        if name in fields and not prompts.known_receiver(state, fields[name]):
            message = f"{fields[name][:64]} is neither a role nor a person of the team"
            raise Refusal("unknown", message, {"field": f"fields.{name}"})
    for name, things in (("coupon", state.coupons), ("product", state.products), ("link", state.links)):
        if fields.get(name) is not None and fields[name] not in things:
            raise Refusal("unknown", f"there is no {name} {fields[name][:64]}", {"field": f"fields.{name}"})
    if kind.check is not None:
        kind.check(state, fields)


def said_by(do: str, fields: dict[str, Any]) -> dict[str, str]:
    """Field → the words of it that members read beside the text; several stand in a line each."""
    kind = _KINDS.get(do)
    found = kind.says(fields) if kind is not None and kind.says is not None else {}
    return {field: words for field, words in found.items() if words}


def faults(state: State, judge: Judge, do: str, fields: dict[str, Any]) -> list[Fault]:
    """What the checks say of a kind's fields."""
    kind = _KINDS[do]
    return kind.judged(state, judge, fields) if kind.judged is not None else []


def first_fault(error: pydantic.ValidationError) -> tuple[str, str]:
    """Where the first thing is that a model found wrong, and what."""
    first = error.errors(include_url=False, include_input=False)[0]
    return ".".join(str(part) for part in first["loc"]) or "fields", first["msg"]


def missing(do: str, fields: dict[str, Any]) -> Iterator[str]:
    """The fields that a kind cannot do without and that are not there."""
    for name, info in _KINDS[do].model.model_fields.items():
        if info.is_required() and fields.get(name) is None:
            yield name


def perform(turn: Turn, plan: CuePlan, cue: Cue) -> None:
    """Carries out a cue that does not go into groups."""
    kind = _KINDS[plan.do]
    if kind.perform is not None:
        kind.perform(turn, plan, cue)


def dropped(turn: Turn, drop: Drop, do: str) -> None:
    """Says what went out, in the append of the cue's firing."""
    kind = _KINDS[do]
    if kind.dropped is not None:
        kind.dropped(turn, drop)
