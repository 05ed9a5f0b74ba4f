"""Groups: who joined, left and spoke. Members are pseudonyms; their words can be erased."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import msgspec
from pydantic import Field

from coordinator.core.kernel import (
    Command,
    Event,
    Id,
    Key,
    Member,
    Refusal,
    ShortText,
    Turn,
    Words,
    command,
    decides,
    evolves,
)
from coordinator.core.readings import count, happens, since, things, truth

if TYPE_CHECKING:
    from coordinator.core.state import State

LAST_KEPT = 5  # messages of a group that its cheer members see


class Said(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    at: int
    member: str | None = None
    name: str | None = None
    text: str | None = None
    staff: str | None = None


class Group(msgspec.Struct, kw_only=True):
    id: str
    name: str = ""
    tier: str = ""
    stage: str = ""
    org: str = ""
    tags: tuple[str, ...] = ()
    relay: tuple[str, ...] = ()
    members: int = 0
    joins: int = 0
    leaves: int = 0
    removed: int = 0
    messages: int = 0
    owner: str = ""
    tasks: int = 0  # that were dealt for it
    frozen: bool = False
    frozen_why: str = ""  # its relay cannot write there any more
    dissolved: bool = False
    last: list[Said] = []


things(
    "group", "groups", id_needed=True,
    members=count("members, as far as they are known"), messages=count("messages of its members"), joins=count("members who joined"),
    leaves=count("members who left"), removed=count("members who were removed"), frozen=truth("nothing is sent into it"),
    quiet=since("since its last message", get=lambda group: group.last[-1].at if group.last else None),
)  # fmt: skip


class _Observed(Event, kw_only=True):
    group: str
    member: str | None = None
    channel: str | None = None
    count: int = 1


class GroupJoined(_Observed, tag="group.joined"):
    pass


happens("member", "joined", GroupJoined, "somebody has just joined a group")


class GroupLeft(_Observed, tag="group.left"):
    pass


class GroupRemoved(_Observed, tag="group.removed"):
    pass


class GroupDissolved(Event, tag="group.dissolved", kw_only=True):
    """The group is no more. Its `count` members have not left: they are told apart."""

    group: str
    count: int


class GroupLiked(_Observed, tag="group.liked"):
    """A member liked something that was said there."""


class GroupMessage(Event, tag="group.message", kw_only=True):
    PRIVATE: ClassVar[tuple[str, ...]] = ("text", "name")
    group: str
    member: str | None = None
    text: str | None = None
    name: str | None = None
    staff: str | None = None  # the person of the team who said it


class GroupFrozen(Event, tag="group.frozen", kw_only=True):
    group: str
    why: str | None = None  # as its relay tells it; None where a person froze it


class GroupThawed(Event, tag="group.thawed", kw_only=True):
    group: str


@command(
    "group.observe",
    events=(
        "group.joined", "group.left", "group.removed", "group.liked", "group.message", "task.done", "post.repeated", "keyword.asked",
        "cue.announced", "delivery.requested", "group.asked", "group.frozen", "group.thawed", "delivery.withdrawn",
        "floor.disturbed", "group.welcomed", "group.dissolved", "cue.fired", "message.sent",
    ),
)  # fmt: skip
class GroupObserve(Command):
    """What happened in a group, as its relay or poster saw it. `count`: so many members whom nobody can name.
    `staff`: the person of the team who said it, where the relay knows.

    `asked`: a member wants to have again what the group was sent, the thing `about` or whatever it was; it lifts the
    repeat rule for the group once.

    `dissolved`: the group is no more. Nothing is sent there again, and who goes with it has not left.

    `unreachable`: its only relay cannot write there any more, `why` says it; the group is frozen until it is `reachable`.
    """

    group: Id
    what: Literal["joined", "left", "removed", "liked", "message", "asked", "unreachable", "reachable", "dissolved"]
    member: Member | None = None
    text: Words | None = None
    name: ShortText | None = None
    staff: Id | None = None
    channel: ShortText | None = None
    about: Id | None = None
    why: ShortText | None = None
    count: Annotated[int, Field(ge=1, le=100_000)] = 1
    platform_id: ShortText | None = None


@command("group.freeze", events=("group.frozen", "delivery.withdrawn"))
class GroupFreeze(Command):
    """No drop goes into this group until it is thawed; what is on its way there is withdrawn."""

    group: Id


@command("group.thaw", events=("group.thawed",))
class GroupThaw(Command):
    """Drops go into this group again."""

    group: Id


def own_member(turn: Turn, member: str | None) -> str | None:
    """Who does it. An audience's token speaks for its own member alone."""
    if turn.actor.role != "audience":
        return member
    if member is not None and member != turn.actor.name:
        raise Refusal("forbidden", "a member acts for themselves", {"field": "member"})
    return turn.actor.name


def need_group(turn: Turn, group: str) -> Group:
    """The group; refuses one that is not there, or not the sender's."""
    state = turn.state
    found = state.groups.get(group)
    if found is None:
        raise Refusal("unknown", f"there is no group {group}", {"field": "group"})
    actor = turn.actor
    if actor.role in {"relay", "poster"}:
        theirs = actor.name in found.relay if actor.groups is None else group in actor.groups
        relay = state.relays.get(actor.name)
        if not theirs and not (relay is not None and group in relay.groups):
            raise Refusal("forbidden", f"{group} is not a group of {actor.by}", {"field": "group"})
    if actor.role == "audience" and actor.groups is not None and group not in actor.groups:
        raise Refusal("forbidden", f"this member is not in {group}", {"field": "group"})
    return found


@decides(GroupObserve)
def observe(turn: Turn, c: GroupObserve) -> None:
    from coordinator.core import floor, keywords, tasks, welcomes
    from coordinator.core.deliveries import withdraw_from

    group = need_group(turn, c.group)
    if turn.state.the.status == "closed":
        raise Refusal("too_late", "the sale is closed", {"status": "closed"})
    if group.dissolved and c.what in {"left", "removed", "reachable", "dissolved"}:
        return  # its members go with it
    match c.what:
        case "dissolved":
            turn.emit(GroupDissolved(group=c.group, count=group.members))
            withdraw_from(turn, c.group, "dissolved")
        case "message":
            if c.text is None:
                raise Refusal("invalid", "a message needs its text", {"field": "text"})
            said = GroupMessage(group=c.group, member=c.member, text=c.text, name=c.name, staff=c.staff)
            turn.emit(said)
            if c.staff is not None:
                tasks.seen(turn, c.group, c.staff, c.text)
            else:
                keywords.look(turn, group, c.member, c.text)
                floor.look(turn, said)
        case "asked":
            from coordinator.core import pacing

            turn.emit(pacing.GroupAsked(group=c.group, member=c.member, about=c.about))
            pacing.look_again(turn, c.group)
        case "joined":
            turn.emit(GroupJoined(group=c.group, member=c.member, channel=c.channel, count=c.count))
            welcomes.look(turn, c.group)
        case "left":
            turn.emit(GroupLeft(group=c.group, member=c.member, channel=c.channel, count=c.count))
        case "removed":
            turn.emit(GroupRemoved(group=c.group, member=c.member, channel=c.channel, count=c.count))
        case "unreachable":
            _cannot_be_reached(turn, group, c.why or "unreachable")
        case "reachable":
            if group.frozen and group.frozen_why:
                turn.emit(GroupThawed(group=c.group))
        case "liked":
            turn.emit(GroupLiked(group=c.group, member=c.member, count=c.count))


def _cannot_be_reached(turn: Turn, group: Group, why: str) -> None:
    """Nothing is sent into a void. Where another relay serves the group too, its drops go by that one instead."""
    from coordinator.core.deliveries import withdraw_from

    if not group.frozen and len(group.relay) <= 1:
        turn.emit(GroupFrozen(group=group.id, why=why))
        withdraw_from(turn, group.id, "unreachable")


@decides(GroupFreeze)
def freeze(turn: Turn, c: GroupFreeze) -> None:
    from coordinator.core.deliveries import withdraw_from

    if need_group(turn, c.group).frozen:
        raise Refusal("stale", f"{c.group} is frozen already", {"current": "frozen"})
    turn.emit(GroupFrozen(group=c.group))
    withdraw_from(turn, c.group, "frozen")


@decides(GroupThaw)
def thaw(turn: Turn, c: GroupThaw) -> None:
    group = need_group(turn, c.group)
    if group.dissolved:
        raise Refusal("too_late", f"{c.group} is dissolved", {"field": "group"})
    if not group.frozen:
        raise Refusal("stale", f"{c.group} is not frozen", {"current": "open"})
    turn.emit(GroupThawed(group=c.group))


@evolves(GroupMessage)
def said(state: State, e: GroupMessage) -> Iterable[Key]:
    group = state.groups[e.group]
    group.messages += 1
    group.last.append(Said(at=e.at, member=e.member, name=e.name, text=e.text, staff=e.staff))
    if len(group.last) > LAST_KEPT:
        del group.last[0]
    return (("groups", e.group),)


@evolves(GroupLiked)
def liked(_: State, __: GroupLiked) -> Iterable[Key]:
    return ()


@evolves(GroupJoined, GroupLeft, GroupRemoved)
def came_or_went(state: State, e: Any) -> Iterable[Key]:
    group = state.groups[e.group]
    if isinstance(e, GroupJoined):
        group.joins += e.count
        group.members += e.count
        return (("groups", e.group),)
    if isinstance(e, GroupLeft):
        group.leaves += e.count
    else:
        group.removed += e.count
    group.members = max(0, group.members - e.count)
    return (("groups", e.group),)


@evolves(GroupDissolved)
def dissolved(state: State, e: GroupDissolved) -> Iterable[Key]:
    group = state.groups[e.group]
    group.dissolved = group.frozen = True
    group.frozen_why, group.members = "dissolved", 0
    return (("groups", e.group),)


@evolves(GroupFrozen, GroupThawed)
def frozen(state: State, e: Any) -> Iterable[Key]:
    group = state.groups[e.group]
    group.frozen = isinstance(e, GroupFrozen)
    group.frozen_why = (e.why or "") if isinstance(e, GroupFrozen) else ""
    return (("groups", e.group),)
