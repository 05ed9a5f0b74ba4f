"""Red packets 红包: money on the platform, sent by a person. Dropcue announces them, gives the task, keeps proof and cost.

An announcement goes into groups like any drop; with it one person, or whoever of a role is quicker, has the task to send
it. It counts as sent, and as a cost, once that is done, with proof.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from pydantic import Field

from coordinator.core import bilingual, render
from coordinator.core.cue_kinds import LATE_DROP, cue_kind
from coordinator.core.kernel import Command, Event, Id, Key, Refusal, ShortText, Text, Turn, command, decides, evolves
from coordinator.core.money import Minor
from coordinator.core.rules import Words
from coordinator.core.tasks import Task, TaskAssigned, TaskDone

if TYPE_CHECKING:
    from coordinator.core.cues import Drop
    from coordinator.core.state import State

MOST_PACKETS = 100_000
GROUPS_NAMED = 5
SENDERS = ("poster", "cheer", "controller")  # who sends one where nobody is named: the first of these in the team


class RedPacket(msgspec.Struct, kw_only=True):
    id: str
    amount: int  # in all, in minor units
    count: int
    groups: list[str]
    who: str
    task: str
    drop: str
    at: int
    sent_by: str | None = None
    sent_at: int | None = None
    proof: str | None = None


class RedPacketAnnounced(Event, tag="redpacket.announced", kw_only=True):
    redpacket: str
    amount: int
    count: int
    groups: list[str]
    who: str
    task: str
    drop: str


@command(
    "redpacket.announce",
    events=("cue.announced", "delivery.requested", "cue.fired", "redpacket.announced", "task.assigned"),
)
class RedPacketAnnounce(Command):
    """Announces `count` red packets worth `amount` in all; `who`, a person or a role, has the task to send them."""

    amount: Annotated[Minor, Field(ge=1)]
    count: Annotated[int, Field(ge=1, le=MOST_PACKETS)]
    groups: str | list[Id]
    who: Id | None = None
    text: Text | None = None


@command("redpacket.done", after_close=True, events=("task.done",))
class RedPacketDone(Command):
    """It has been sent, with proof: from whoever has the task, after the sale's close too."""

    redpacket: Id
    proof: ShortText


# ---------------------------------------------------------------- what a cue can do
def _fits(state: State, fields: dict[str, Any]) -> None:
    if fields["count"] > fields["amount"]:
        message = f"{fields['amount']} minor units cannot be split into {fields['count']} red packets"
        raise Refusal("invalid", message, {"field": "count"})


def _words(state: State, fields: dict[str, Any], _: Drop) -> dict[str, str]:
    return {"amount": render.money(fields["amount"], state.the.currency), "count": str(fields["count"])}


def _went_out(turn: Turn, drop: Drop) -> None:
    state = turn.state
    fields = state.index.cues[drop.cue][1].fields
    name, task = state.next_id("redpacket"), state.next_id("t")
    who = fields.get("who") or _sender(state)
    turn.emit(
        RedPacketAnnounced(
            redpacket=name, amount=fields["amount"], count=fields["count"], groups=drop.groups, who=who, task=task, drop=drop.id
        )
    )  # fmt: skip
    words = _task(state, fields, drop)
    group = drop.groups[0] if len(drop.groups) == 1 else None
    text = bilingual.in_both(words)
    turn.emit(TaskAssigned(task=task, who=who, group=group, text=text, what="do", zh=words.zh, en=words.en))


def _task(state: State, fields: dict[str, Any], drop: Drop) -> Words:
    groups = ", ".join(state.groups[g].name or g for g in drop.groups[:GROUPS_NAMED])
    rest = len(drop.groups) - GROUPS_NAMED
    said = _words(state, fields, drop)
    return Words(
        zh=f"发红包: {said['count']} 个共 {said['amount']}, 发到 {groups}{f' 等 {len(drop.groups)} 个群' if rest > 0 else ''}; 发完交截图",
        en=f"Send {said['count']} red packets, {said['amount']} in all, to {groups}{f' and {rest} more' if rest > 0 else ''}; "
        "then give proof of it",
    )


def _sender(state: State) -> str:
    roles = {m.role for m in state.p.team}
    return next((role for role in SENDERS if role in roles), SENDERS[-1])


cue_kind(
    "redpacket.announce",
    dropped=_went_out,
    late=LATE_DROP,
    ready_text="红包来了! {count} 个, 马上在群里发, 手快有",
    priority=1,
    check=_fits,
    names=("amount", "count"),
    words=_words,
)


# ---------------------------------------------------------------- deciding
@decides(RedPacketAnnounce)
def announce(turn: Turn, c: RedPacketAnnounce) -> None:
    from coordinator.core import checks, firing, prompts, reaching

    if c.who is not None and not prompts.known_receiver(turn.state, c.who):
        raise Refusal("unknown", f"{c.who} is neither a role nor a person of the team", {"field": "who"})
    fields = c.model_dump(exclude={"groups", "text"}, exclude_none=True)
    _fits(turn.state, fields)
    groups = reaching.check_groups(turn.state, c.groups)
    checks.need_clean(turn, c.text)
    firing.drop_by_hand(turn, "redpacket.announce", fields, groups, c.text)


@decides(RedPacketDone)
def done(turn: Turn, c: RedPacketDone) -> dict[str, bool] | None:
    found = turn.state.redpackets.get(c.redpacket)
    if found is None:
        raise Refusal("unknown", f"there is no red packet {c.redpacket}", {"field": "redpacket"})
    if found.who not in {turn.actor.name, turn.actor.role}:
        raise Refusal("forbidden", f"{c.redpacket} is sent by {found.who}", {"field": "redpacket"})
    if found.sent_at is not None:
        if turn.actor.name == found.sent_by:
            return {"again": True}
        raise Refusal("stale", f"{found.sent_by} has sent it already", {"current": found.sent_by})
    turn.emit(TaskDone(task=found.task, person=turn.actor.name, proof=c.proof))
    return None


def needs_proof(state: State, task: Task) -> bool:
    """Whether a task is that of a red packet: money needs proof."""
    return any(p.task == task.id for p in state.redpackets.values())


def cost(state: State) -> int:
    """What was sent, in minor units."""
    return sum(p.amount for p in state.redpackets.values() if p.sent_at is not None)


# ---------------------------------------------------------------- evolving
@evolves(RedPacketAnnounced)
def announced(state: State, e: RedPacketAnnounced) -> Iterable[Key]:
    state.count("redpacket")
    state.redpackets[e.redpacket] = RedPacket(
        id=e.redpacket, amount=e.amount, count=e.count, groups=e.groups, who=e.who, task=e.task, drop=e.drop, at=e.at
    )
    return [("redpackets", e.redpacket)]


@evolves(TaskDone)
def sent(state: State, e: TaskDone) -> Iterable[Key]:
    for packet in state.redpackets.values():
        if packet.task == e.task and packet.sent_at is None:
            packet.sent_by, packet.sent_at, packet.proof = e.person, e.at, e.proof
            return [("redpackets", packet.id)]
    return ()
