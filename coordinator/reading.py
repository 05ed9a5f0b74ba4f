"""How a command is read: known kind, role, shape, in the order in which design.md has them checked."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Container
from typing import Any, TypeVar

import msgspec
from pydantic import BaseModel, ValidationError

from coordinator.core import CLOCK, COMMANDS, Actor, Command, Refusal
from coordinator.core.checks import OverrideIn
from coordinator.core.kernel import Override
from coordinator.core.people import INTERNAL

MAX_ID = 128

Permissions = Callable[[str, str], bool]
"""(role, kind) → whether it may."""

_ENVELOPE = frozenset({"op", "id", "kind", "from", "override", "sale"})
_VALIDATE: dict[str, Callable[[Any], Command]] = {
    kind: cls.__pydantic_validator__.validate_python for kind, cls in COMMANDS.items()
}


_sorted = msgspec.json.Encoder(order="sorted").encode


class Read(msgspec.Struct):
    """A command as it came. What it asks for is `command`, once its fields were checked."""

    id: str | None  # where there is one that can be told back
    kind: str = "a command"
    sum: int | None = None  # of kind and fields: the same id with another one is another command
    saw: bool = False  # whether `from` was given
    seen: str | None = None
    override: Override | None = None
    command: Command | None = None
    fields: dict[str, Any] | None = None  # of a kind that is checked later
    refusal: Refusal | None = None
    early: bool = False  # whether the refusal comes before the question if its id is a repeat


def id_of(given: Any) -> str | None:
    """The id, where there is one that can be told back."""
    id_ = given.get("id") if isinstance(given, dict) else None
    return id_ if isinstance(id_, str) else None


def read(actor: Actor, given: Any, may: Permissions, later: Container[str] = ()) -> Read:
    """Everything about a command that can be told without the state; of kinds in `later`, all but their fields."""
    out = Read(id_of(given))
    try:
        own = _envelope(out, actor, given, may)
    except Refusal as refusal:
        out.refusal, out.early = refusal, True
        return out
    if out.kind in later:
        out.fields = own
        return out
    try:
        out.command = validated(out.kind, own)
    except Refusal as refusal:
        out.refusal = refusal
    return out


def _envelope(out: Read, actor: Actor, given: Any, may: Permissions) -> dict[str, Any]:
    """Kind, role, and what stands around the command's own fields, which are returned. Raises Refusal."""
    if not isinstance(given, dict):
        raise Refusal("invalid", "a command is a JSON object", {"field": ""})
    kind = given.get("kind")
    if not isinstance(kind, str):
        raise Refusal("invalid", "a command needs its kind, such as coupon.claim", {"field": "kind"})
    internal = actor is CLOCK
    if kind not in COMMANDS or (kind in INTERNAL and not internal):
        raise Refusal("unknown", f"there is no command {kind[:80]!r}; see GET /api/permissions", {"field": "kind"})
    out.kind = kind
    own = {k: v for k, v in given.items() if k not in _ENVELOPE}
    if internal:
        return own
    if not may(actor.role, kind):
        raise Refusal("forbidden", f"{actor.role} may not {kind}", {"kind": kind, "role": actor.role})
    if "id" in given and not (out.id is not None and 1 <= len(out.id) <= MAX_ID):
        raise Refusal("invalid", f"an id is a text of 1 to {MAX_ID} characters", {"field": "id"})
    out.sum = zlib.crc32(_sorted([kind, own]))
    if "from" in given:
        out.saw, seen = True, given["from"]
        if kind == "delivery.retry" and isinstance(seen, int) and not isinstance(seen, bool):
            seen = str(seen)  # an attempt is a number, and is what this button's sender saw
        if not COMMANDS[kind].button:
            raise Refusal("invalid", f"{kind} takes no from", {"field": "from"})
        if seen is not None and not isinstance(seen, str):
            raise Refusal("invalid", "from is an id, or null for none", {"field": "from"})
        out.seen = seen
    if "override" in given:
        out.override = override_of(given["override"])
    return own


def validated(kind: str, fields: dict[str, Any]) -> Command:
    """The command, its fields checked. Raises Refusal naming the first that is wrong."""
    try:
        return _VALIDATE[kind](fields)
    except ValidationError as e:
        raise _invalid("", fields, e) from None


S = TypeVar("S", bound=BaseModel)


def shaped(cls: type[S], given: Any) -> S:
    """What was given, as this model has it. Raises Refusal naming the first field that is wrong."""
    try:
        return cls.model_validate(given)
    except ValidationError as e:
        raise _invalid("", given, e) from None


def override_of(value: Any) -> Override:
    """`override` as a command carries it. Raises Refusal naming the field that is wrong."""
    try:
        given = OverrideIn.model_validate(value)
    except ValidationError as e:
        raise _invalid("override", value, e) from None
    return Override(tuple(given.rules), given.reason)


def _invalid(inside: str, given: Any, e: ValidationError) -> Refusal:
    errors = e.errors(include_url=False, include_input=False, include_context=False)
    found = [(_path(given, each["loc"], missing=each["type"] == "missing"), each) for each in errors]
    # Where a field may have one of several shapes, the error that goes deepest is about the one that was meant.
    path, first = max(found, key=lambda each: len(each[0]))
    where = ".".join([*([inside] if inside else []), *path])
    return Refusal("invalid", f"{where}: {first['msg']}", {"field": where, "errors": e.error_count()})


def _path(given: Any, loc: tuple[int | str, ...], *, missing: bool) -> list[str]:
    """An error's place in what was given: pydantic puts names of shapes, such as `str`, among those of fields."""
    out: list[str] = []
    for n, part in enumerate(loc):
        if isinstance(given, dict) and (part in given or (missing and n == len(loc) - 1)):
            given = given.get(part)
        elif isinstance(given, list) and isinstance(part, int) and part < len(given):
            given = given[part]
        else:
            continue
        out.append(str(part))
    return out
