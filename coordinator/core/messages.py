"""Messages of the team into groups: from the controller into any, from support into one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from coordinator.core.contents import GivenContent, fields_of, text_of
from coordinator.core.cue_kinds import cue_kind
from coordinator.core.kernel import Command, Event, Id, Key, Refusal, Turn, command, decides, evolves

if TYPE_CHECKING:
    from coordinator.core.cues import Drop
    from coordinator.core.state import State


class MessageSent(Event, tag="message.sent", kw_only=True):
    drop: str
    cue: str
    run: str
    groups: list[str]


@command("message.send", events=("cue.announced", "delivery.requested", "cue.fired", "message.sent"))
class MessageSend(Command):
    """A text, with up to three pictures, into groups, at now + lead."""

    content: GivenContent
    groups: str | list[Id]


def _went_out(turn: Turn, drop: Drop) -> None:
    turn.emit(MessageSent(drop=drop.id, cue=drop.cue, run=drop.run, groups=drop.groups))


# A correction names its product: its figures are filled in.
cue_kind("message.send", dropped=_went_out, takes=(), about=("product",), needs_text=True)


@decides(MessageSend)
def send(turn: Turn, c: MessageSend) -> None:
    from coordinator.core import checks, firing, reaching

    groups = reaching.check_groups(turn.state, c.groups)
    if turn.actor.role == "support" and len(groups) > 1:
        raise Refusal("forbidden", "support writes into one group at a time", {"field": "groups"})
    if turn.state.the.status == "closed":
        raise Refusal("too_late", "the sale is closed", {"status": "closed"})
    text = text_of(c.content)
    checks.need_clean(turn, text, "content")
    firing.drop_by_hand(turn, "message.send", fields_of(c.content), groups, text)


@evolves(MessageSent)
def sent(_: State, e: MessageSent) -> Iterable[Key]:
    return [("drops", e.drop)]
