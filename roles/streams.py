"""Which streams an event or entity goes to, and which streams a role listens to.

An event names its streams when it is made; a connection listens to a few. `ahead:` streams carry what is
announced and not yet due, for those who asked to be told ahead (relays always). Events that come by the
thousand go to controller and owner only; the others see the changed figures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coordinator.core import EVENTS, Actor, Event, State
from coordinator.core.reaching import serves

TEAM = ("team",)
DESK = ("role:controller", "role:owner")
"""Those who see everything."""
AHEAD = ("ahead:team",)
AHEAD_DESK = ("ahead:desk",)
NOBODY: tuple[str, ...] = ()
SUPPORT = (*DESK, "role:support")
ON_AIR = (*SUPPORT, "role:host", "role:cohost")
"""Those whom a question that was picked for the air concerns."""

TEAM_ROLES = frozenset({"owner", "controller", "host", "cohost", "cheer", "support", "poster"})
"""Roles that a prompt, a task or a card can be meant for."""


def listens_to(actor: Actor, state: State, *, ahead: bool, lease: bool = True) -> frozenset[str]:
    """The streams of one connection. A relay's connection without the lease gets no deliveries."""
    role, name = actor.role, actor.name
    streams = {f"role:{role}", f"person:{name}"}
    if role in {"relay", "poster"}:
        streams.add("relays")
        if lease:
            streams.add(f"relay:{name}")
        # A relay's deliveries and settings are those of its own groups.
        streams |= {f"settings:{g}" for g in groups_of(actor, state)}
        if role == "poster":
            streams |= {f"posters:{g}" for g in groups_of(actor, state)} | {f"hands:{name}"}
        return frozenset(streams)
    if role in {"audience", "shop"}:
        return frozenset({"public"})
    streams |= {"team", "public"}
    if ahead:
        streams.add("ahead:team")
        if role in {"controller", "owner"}:
            streams.add("ahead:desk")
    if role == "cheer":
        streams |= {f"group:{g}" for g in groups_of(actor, state)}
    return frozenset(streams)


def groups_of(actor: Actor, state: State) -> tuple[str, ...]:
    """The groups an actor serves: the token's, else the sheet's, else (for a cheer) all."""
    from coordinator.core import dealing

    groups = list(state.groups.values())
    if actor.groups is not None:
        return tuple(g.id for g in groups if g.id in actor.groups)
    if actor.role in {"relay", "poster"}:
        return tuple(g.id for g in groups if actor.name in g.relay)
    return dealing.sheet_groups(state, actor.role, actor.name)


# ---------------------------------------------------------------- events
def _receiver(state: State, to: str) -> tuple[str, ...]:
    return (f"role:{to}", *DESK) if to in TEAM_ROLES else (f"person:{to}", *DESK)


def _delivery(state: State, e: Any) -> tuple[str, ...]:
    d = state.deliveries.get(e.delivery)
    relay = getattr(e, "relay", "") or (d.relay if d else "")
    fired = d is None or d.drop not in state.drops or state.drops[d.drop].fired_at is not None
    desk = DESK if fired else AHEAD_DESK
    if getattr(e, "rule", None) is not None:
        return desk  # the core holds it back: no relay is asked
    # A relay whose token names fewer groups than the sheet is told of those alone.
    theirs = (f"relay:{relay}", *desk) if d is None or serves(state, relay, d.group) else desk
    return (f"posters:{d.group}", *theirs) if d is not None and d.hands else theirs


def _announced(state: State, e: Any) -> tuple[str, ...]:
    """A quiz that a hand has opened holds its right answers: the team sees the cue itself, without them."""
    return AHEAD_DESK if e.do == "quiz.open" and e.hand is not None else AHEAD


_BY_KIND: dict[str, tuple[str, ...] | Callable[[State, Any], tuple[str, ...]]] = {
    "sale.created": DESK,
    "sheet.replaced": DESK,
    "cue.announced": _announced,
    "cue.withdrawn": AHEAD,
    "cue.added": DESK,
    "cue.alerted": DESK,
    "cue.triggered": DESK,
    "prompt.sent": lambda s, e: _receiver(s, e.to),
    "prompt.acked": lambda s, e: (f"person:{e.person}", *DESK),
    "audience.reported": DESK,
    "channel.exposed": DESK,
    "cost.reported": DESK,
    "correction.proposed": DESK,
    "correction.sent": DESK,
    "correction.closed": DESK,
    "coupon.claimed": DESK,
    "coupon.redeemed": DESK,
    "coupon.paid": DESK,
    "coupon.lapsed": DESK,
    "link.clicked": DESK,
    "link.previewed": DESK,
    "checkin.joined": DESK,
    "poll.voted": DESK,
    "quiz.opened": (*DESK, "role:host", "role:cohost"),
    "quiz.answered": DESK,
    "quiz.closed": DESK,  # the team sees the quiz itself, its winners masked
    "survey.answered": DESK,
    "keyword.asked": DESK,
    "showcase.added": DESK,  # cheer and support see the showcase itself, its member masked
    "chain.joined": DESK,
    "draw.sealed": NOBODY,
    "draw.entered": DESK,
    "redpacket.announced": lambda s, e: _receiver(s, e.who),
    "draw.not_given": DESK,
    "draw.drawn": DESK,  # the team sees the draw itself, its winners masked
    "question.raised": SUPPORT,
    "question.taken": SUPPORT,
    "question.escalated": SUPPORT,
    "question.picked": ON_AIR,
    "question.answered": ON_AIR,
    "question.closed": SUPPORT,
    "question.released": SUPPORT,
    "question.chatted": SUPPORT,
    "question.unacknowledged": SUPPORT,
    "question.warned": SUPPORT,
    "question.breached": SUPPORT,
    "shift.handed": SUPPORT,
    "followup.taken": SUPPORT,
    "followup.released": SUPPORT,
    "followup.messaged": SUPPORT,
    "followup.closed": SUPPORT,
    "member.opted_out": DESK,
    "member.opted_in": DESK,
    "member.revealed": lambda s, e: (f"person:{e.person}", *DESK),
    "member.linked": DESK,
    "group.liked": DESK,
    "task.assigned": lambda s, e: _receiver(s, e.who),
    "task.done": lambda s, e: (f"person:{e.person}", *DESK),
    "task.overdue": lambda s, e: _receiver(s, s.tasks[e.task].who),
    "task.short": DESK,
    "post.repeated": lambda s, e: (f"person:{e.person}", *DESK),
    "group.message": lambda s, e: (*DESK, f"group:{e.group}"),
    "floor.disturbed": DESK,
    "floor.reminded": DESK,
    "floor.dismissed": DESK,
    "group.welcomed": DESK,
    "group.dissolved": lambda s, e: (*DESK, f"group:{e.group}", f"settings:{e.group}"),
    "group.joined": DESK,
    "group.left": DESK,
    "group.removed": DESK,
    "group.asked": lambda s, e: (*DESK, f"group:{e.group}"),
    "group.frozen": lambda s, e: (*DESK, f"group:{e.group}", f"settings:{e.group}"),
    "group.thawed": lambda s, e: (*DESK, f"group:{e.group}", f"settings:{e.group}"),
    "note.added": TEAM,
    "clock.stepped": DESK,
    "relay.told": DESK,
    "journal.opened": DESK,
}


Rule = tuple[str, ...] | Callable[[State, Any], tuple[str, ...]]


def _rule(kind: str) -> Rule:
    if kind.startswith("delivery."):
        return _BY_KIND.get(kind, _delivery)
    if kind.startswith("order."):
        return DESK  # support sees the order itself, its member masked
    return _BY_KIND.get(kind, TEAM)


_RULES: dict[type[Event], Rule] = {event: _rule(kind) for kind, event in EVENTS.items()}


def of_event(state: State, e: Event) -> tuple[str, ...]:
    """The streams an event goes to, on the state right after its batch."""
    rule = _RULES[type(e)]
    return rule if isinstance(rule, tuple) else rule(state, e)
