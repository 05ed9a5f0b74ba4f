"""How a command is read: known kind, role, shape, in the order in which design.md has them checked."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import msgspec
from pydantic import ValidationError

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


class Read(msgspec.Struct):
    """A command as it came: its own fields, and what came around them."""

    kind: str
    fields: dict[str, Any]
    sum: int | None  # of kind and fields: the same id with another one is another command
    saw: bool = False  # whether `from` was given
    seen: str | None = None
    override: Override | None = None


def id_of(fields: Any) -> str | None:
    """The id, where there is one that can be told back."""
    id_ = fields.get("id") if isinstance(fields, dict) else None
    return id_ if isinstance(id_, str) else None


def read(actor: Actor, fields: Any, may: Permissions) -> Read:
    """Kind, role, and the envelope. Raises Refusal."""
    if not isinstance(fields, dict):
        raise Refusal("invalid", "a command is a JSON object", {"field": ""})
    kind = fields.get("kind")
    if not isinstance(kind, str):
        raise Refusal("invalid", "a command needs its kind, such as coupon.claim", {"field": "kind"})
    internal = actor is CLOCK
    if kind not in COMMANDS or (kind in INTERNAL and not internal):
        raise Refusal("unknown", f"there is no command {kind[:80]!r}; see GET /api/permissions", {"field": "kind"})
    if internal:
        return Read(kind, {k: v for k, v in fields.items() if k not in _ENVELOPE}, None)
    if not may(actor.role, kind):
        raise Refusal("forbidden", f"{actor.role} may not {kind}", {"kind": kind, "role": actor.role})
    if "id" in fields and not (isinstance(fields["id"], str) and 1 <= len(fields["id"]) <= MAX_ID):
        raise Refusal("invalid", f"an id is a text of 1 to {MAX_ID} characters", {"field": "id"})
    own = {k: v for k, v in fields.items() if k not in _ENVELOPE}
    out = Read(kind, own, zlib.crc32(msgspec.json.encode([kind, own], order="sorted")))
    if "from" in fields:
        out.saw, out.seen = True, fields["from"]
        if kind == "delivery.retry" and isinstance(out.seen, int) and not isinstance(out.seen, bool):
            out.seen = str(out.seen)  # an attempt is a number, and is what this button's sender saw
        if not COMMANDS[kind].button:
            raise Refusal("invalid", f"{kind} takes no from", {"field": "from"})
        if out.seen is not None and not isinstance(out.seen, str):
            raise Refusal("invalid", "from is an id, or null for none", {"field": "from"})
    if "override" in fields:
        out.override = _override(fields["override"])
    return out


def validated(kind: str, fields: dict[str, Any]) -> Command:
    """The command, its fields checked. Raises Refusal naming the first that is wrong."""
    try:
        return _VALIDATE[kind](fields)
    except ValidationError as e:
        raise _invalid("", e) from None


def _override(value: Any) -> Override:
    try:
        given = OverrideIn.model_validate(value)
    except ValidationError as e:
        raise _invalid("override", e) from None
    return Override(tuple(given.rules), given.reason)


def _invalid(inside: str, e: ValidationError) -> Refusal:
    first = e.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join([*([inside] if inside else []), *(str(part) for part in first["loc"])])
    return Refusal("invalid", f"{where}: {first['msg']}", {"field": where, "errors": e.error_count()})
