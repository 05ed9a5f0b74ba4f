"""Deliveries: one drop on its way to one group, from requested to its end.

requested → sent | held | awaiting | failed | expired | withdrawn | unknown. The core decides what goes
out and when; the relay alone keeps the platform's windows and reports what became of it. A report
counts for the attempt it names: a late one of an older attempt is recorded and changes nothing, but for
`sent`, which is a fact.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from pydantic import Field

from coordinator.core import cue_kinds, failover, pacing, reaching, render, traffic, windows
from coordinator.core.contents import Content
from coordinator.core.kernel import (
    Command,
    Event,
    Id,
    Instant,
    Key,
    Length,
    Refusal,
    ShortText,
    Turn,
    command,
    decides,
    evolves,
    number,
    result_of,
)
from coordinator.core.links import AddressKey
from coordinator.core.plan import CuePlan

if TYPE_CHECKING:
    from coordinator.core.cues import Drop
    from coordinator.core.state import State

GAMES = ("chain.open", "draw.open", "poll.open", "quiz.open", "survey.open", "checkin.open")
PAGES = {"link.drop": "l", "coupon.drop": "c", **dict.fromkeys(GAMES, "g")}
"""What has an address of its own, one for each drop and group: how it begins."""
OPEN = frozenset({"requested", "held", "awaiting"})  # what may still be withdrawn
RETRY_EXPIRES_MS = 600_000  # what is asked for again after its time gets as long as an `ask` gets


class Further(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of a delivery that the record had as sent: once more sent (`sent_at`), or something more to show for it."""

    relay: str
    attempt: int
    at: int
    sent_at: int | None = None
    proof: str | None = None


class LeftOpen(msgspec.Struct, frozen=True, kw_only=True):
    """A person at a relay's platform may still confirm an attempt that was taken away; `why` it could not be taken back."""

    relay: str
    attempt: int
    why: str | None = None


class Delivery(msgspec.Struct, kw_only=True):
    id: str
    attempt: int = 1
    relay: str = ""
    group: str
    drop: str
    run: str
    cue: str
    kind: str
    content: Content
    priority: int
    fire_at: int
    expires_at: int
    requested_at: int
    platform: str = ""  # of its relay, where that has told
    status: str = "requested"
    until: int | None = None
    why: str | None = None
    rule: pacing.Rule | None = None  # by which the core holds it back; None: whoever holds it, its relay does
    same: str | None = None  # what it has in common with whatever says the same
    went_at: int | None = None  # when it left, in the sale's time
    sent_at: int | None = None
    sent_by: str = ""  # who said so first, and of which attempt; what is said later stands in `further`
    sent_attempt: int = 0
    platform_id: str | None = None  # of what was sent, or of what a person has to confirm there
    left_late: bool = False  # it left before it could be withdrawn
    hands: bool = False  # a person posts it, see posters.py
    nth: int | None = None  # of those that may go into the group within its cap's time; for who posts by hand
    cap: int | None = None
    reminded_at: int | None = None  # when it was said that nobody has posted it yet
    proof: str | None = None
    further: tuple[Further, ...] = ()
    left_open: LeftOpen | None = None
    had: tuple[str, ...] = ()  # every relay that was ever given it
    recalled_at: int | None = None  # when an attempt of this relay was last taken back
    recalled_due: int | None = None  # and when that attempt was to leave
    record: str = ""  # `unknown`: whose record of what was sent knows more
    unwanted: bool = False  # `unknown`, and nobody wants it there any more


FINAL = frozenset({"sent", "failed", "expired", "withdrawn"})


# ---------------------------------------------------------------- events
class DeliveryRequested(Event, tag="delivery.requested", kw_only=True):
    delivery: str
    attempt: int
    relay: str
    group: str
    content: Content
    priority: int
    fire_at: int
    expires_at: int
    cue: str
    run: str
    drop: str
    key: str | None = None
    same: str | None = None
    rule: pacing.Rule | None = None  # nobody is asked yet: the core holds it back
    lifted: pacing.Lifted | None = None  # what let it go though the group had the same just before
    hands: bool = False  # its relay is a poster: it awaits that person from here on


class _Report(Event, kw_only=True):
    delivery: str
    attempt: int
    relay: str = ""
    why: str | None = None


class DeliverySent(_Report, tag="delivery.sent", kw_only=True):
    """`again`: the record had it as sent; the group may have it twice."""

    platform_id: str | None = None
    sent_at: int | None = None
    proof: str | None = None
    again: bool = False


class DeliveryHeld(_Report, tag="delivery.held", kw_only=True):
    """Its relay waits for a window of the platform; with a `rule`, the core waits and no relay has it yet."""

    until: int | None = None
    rule: pacing.Rule | None = None


class DeliveryAwaiting(_Report, tag="delivery.awaiting", kw_only=True):
    platform_id: str | None = None


class DeliveryRetried(_Report, tag="delivery.retried", kw_only=True):
    after_ms: int | None = None


class DeliveryFailed(_Report, tag="delivery.failed", kw_only=True):
    disabled: bool = False


class DeliveryExpired(_Report, tag="delivery.expired", kw_only=True):
    pass


class DeliveryUnknown(_Report, tag="delivery.unknown", kw_only=True):
    record: str = ""  # of what was sent, kept by the process that had it


class DeliveryWithdrawn(_Report, tag="delivery.withdrawn", kw_only=True):
    pass


class DeliveryResolved(_Report, tag="delivery.resolved", kw_only=True):
    choice: str


# ---------------------------------------------------------------- commands
Outcome = Literal["sent", "waiting", "awaiting", "retry", "rejected", "disabled", "expired", "unknown"]
_REPORTED = (
    "delivery.sent", "delivery.held", "delivery.awaiting", "delivery.retried", "delivery.failed",
    "delivery.expired", "delivery.unknown", "delivery.requested", "delivery.withdrawn", "delivery.proved", "correction.proposed",
    "correction.closed",
)  # fmt: skip


@command("delivery.report", after_close=True, events=_REPORTED)
class DeliveryReport(Command):
    """What became of a delivery, from the relay that has it. `proof` is what a person shows for what they posted."""

    delivery: Id
    attempt: Annotated[int, Field(ge=1)]
    outcome: Outcome
    platform_id: ShortText | None = None
    sent_at: Instant | None = None
    until: Instant | None = None
    after_ms: Length | None = None
    why: ShortText | None = None
    proof: ShortText | None = None
    back: bool = False  # with `waiting`: its relay will not send it, whoever else is there may


# ---------------------------------------------------------------- asking and taking back
def request_all(turn: Turn, drop: Drop, plan: CuePlan) -> None:
    """Asks for a drop in all its groups. One that has it from an earlier attempt, or may have it, is left alone."""
    state = turn.state
    known = dict(state.by_drop.get(drop.id, {}))
    same = pacing.content_of(state, drop)
    for group in drop.groups:
        old = state.deliveries.get(known.get(group, ""))
        if old is not None and (old.status == "sent" or (old.status == "unknown" and state.p.unknown != "resend")):
            continue
        request_paced(turn, drop, plan.do, group, known.get(group), same)


def request_paced(turn: Turn, drop: Drop, do: str, group: str, delivery: str | None, same: str) -> None:
    """Asks for a drop in a group, or holds it back there where the sheet's pace does not let it go yet."""
    state, rules = turn.state, pacing.overruled(turn)
    itself = () if delivery is None else (delivery,)
    found = pacing.verdict(state, group, drop, same, drop.fire_at, itself, rules)
    lighter = None
    if found.rule == "CAP":
        lighter = pacing.gives_way(state, group, drop, same, drop.fire_at, cue_kinds.priority_of(do))
        if lighter is not None:
            withdraw(turn, lighter, "something of more weight goes first")
            found = pacing.Verdict()
    request(turn, drop, do, group, delivery, same=same, rule=found.rule, lifted=found.lifted)
    if found.rule is not None:
        hold_back(turn, state.deliveries[state.by_drop[drop.id][group]], found)
    if lighter is not None:
        old = state.drops[lighter.drop]
        request_paced(turn, old, state.index.cues[old.cue][1].do, group, lighter.id, lighter.same or "")


def hold_back(turn: Turn, d: Delivery, found: pacing.Verdict) -> None:
    turn.emit(DeliveryHeld(delivery=d.id, attempt=d.attempt, until=found.until, rule=found.rule, why=found.why))


def let_go(turn: Turn, d: Delivery, lifted: pacing.Lifted | None = None) -> None:
    """What was held back goes now."""
    drop = turn.state.drops[d.drop]
    request(turn, drop, turn.state.index.cues[d.cue][1].do, d.group, d.id, same=d.same, lifted=lifted)


def request(
    turn: Turn,
    drop: Drop,
    do: str,
    group: str,
    delivery: str | None = None,
    relay: str | None = None,
    *,
    same: str | None = None,
    rule: pacing.Rule | None = None,
    lifted: pacing.Lifted | None = None,
) -> None:
    """Asks a relay to bring a drop into a group: a new delivery, or the next attempt of one. With a `rule`, nobody yet."""
    state = turn.state
    old = state.deliveries.get(delivery or "")
    key = next((k for k in (_key_in(old.content),) if k), None) if old else None
    if relay is None:
        relay = failover.next_relay(state, group, old)
    if key is None and do in PAGES:
        key = turn.secret(10)
    turn.emit(
        DeliveryRequested(
            delivery=old.id if old else state.next_id("d"),
            attempt=old.attempt + 1 if old else 1,
            relay="" if rule else relay,
            group=group,
            content=content_for(turn, drop, do, key, group),
            priority=cue_kinds.priority_of(do),
            fire_at=max(drop.fire_at, turn.at) if old and drop.status == "fired" else drop.fire_at,
            expires_at=drop.expires_at if drop.expires_at > turn.at else turn.at + RETRY_EXPIRES_MS,
            cue=drop.cue,
            run=drop.run,
            drop=drop.id,
            key=key,
            same=same or (old.same if old else None),
            rule=rule,
            lifted=lifted,
            hands=rule is None and reaching.has_hands(state, relay),
        )
    )


def _key_in(content: Content) -> str | None:
    address = content.link or content.coupon
    return address.rpartition("/")[2] if address else None


def content_for(turn: Turn, drop: Drop, do: str, key: str | None, group: str) -> Content:
    state, public = turn.state, turn.moment.public
    address = f"{public}/{PAGES[do]}/{key}" if do in PAGES else None
    coupon = address if do == "coupon.drop" else None
    link = address if coupon is None else None
    plan = state.index.cues[drop.cue][1]
    beside = plan.fields.get("content") or {}
    words = {**render.of_group(state, group), **cue_kinds.words_of(state, plan, drop)} if "{" in drop.text else None
    text = render.fill(state, drop.text, drop.what, link, coupon, words)
    if not beside:
        return Content(text=text, link=link, coupon=coupon)
    return msgspec.convert({**beside, "text": text, "link": link, "coupon": coupon}, Content)


def attempts(state: State, drop: str) -> int:
    """How often a drop was asked for."""
    return max((state.deliveries[d].attempt for d in state.by_drop.get(drop, {}).values()), default=0)


def withdraw_drop(turn: Turn, drop: Drop, why: str) -> None:
    for delivery in list(turn.state.by_drop.get(drop.id, {}).values()):
        withdraw(turn, turn.state.deliveries[delivery], why)
    for group in drop.groups:
        pacing.look_again(turn, group)


def withdraw_all(turn: Turn, why: str) -> None:
    """Whatever has not left stays here."""
    for delivery in sorted(turn.state.opened, key=number):
        withdraw(turn, turn.state.deliveries[delivery], why)


def withdraw_from(turn: Turn, group: str, why: str) -> None:
    """Takes back all that is on its way to a group."""
    for name in sorted(turn.state.opened, key=number):
        if (d := turn.state.deliveries[name]).group == group:
            withdraw(turn, d, why)


def withdraw(turn: Turn, d: Delivery, why: str) -> None:
    if d.status in OPEN:
        turn.emit(DeliveryWithdrawn(delivery=d.id, attempt=d.attempt, relay=d.relay, why=why))


def render_announced(turn: Turn, product: str) -> None:
    """A product was sold: what is announced and names its stock is asked for again."""
    state = turn.state
    for drop in [state.drops[state.deliveries[d].drop] for d in state.opened]:
        if drop.status == "announced" and drop.what == product and render.is_live(drop.text):
            render_again(turn, product)
            return


def render_again(turn: Turn, product: str) -> None:
    """A price or stock changed: what has not left is asked for again."""
    state = turn.state
    for drop in list(state.drops.values()):
        # A text about no product speaks of the one on air.
        about = drop.what if drop.what in state.products else state.the.product
        if about != product or not render.is_live(drop.text) or drop.status == "withdrawn":
            continue
        do = state.index.cues[drop.cue][1].do
        for group, delivery in list(state.by_drop.get(drop.id, {}).items()):
            d = state.deliveries[delivery]
            if d.status not in OPEN or content_for(turn, drop, do, _key_in(d.content), d.group) == d.content:
                continue
            if d.rule is not None:
                request_paced(turn, drop, do, group, d.id, pacing.content_of(state, drop))
            else:
                request(turn, drop, do, group, d.id, d.relay, same=pacing.content_of(state, drop))


# ---------------------------------------------------------------- reports
def need(state: State, delivery: str) -> Delivery:
    found = state.deliveries.get(delivery)
    if found is None:
        raise Refusal("unknown", f"there is no delivery {delivery}", {"field": "delivery"})
    return found


@decides(DeliveryReport)
def report(turn: Turn, c: DeliveryReport) -> dict[str, Any] | None:
    from coordinator.core import corrections, further

    d = need(turn.state, c.delivery)
    if turn.actor.name not in d.had and not further.may_prove(turn, d, c):
        raise Refusal("forbidden", f"{c.delivery} is not a delivery of {turn.actor.by}", {"field": "delivery"})
    if c.attempt > d.attempt:
        raise Refusal(
            "invalid", f"{c.delivery} has no attempt {c.attempt} yet", {"field": "attempt", "attempt": d.attempt}
        )
    if d.status == c.outcome == "sent":
        return further.say(turn, d, c)
    if c.attempt == d.attempt and (_stands(d, c) or not _can_know(turn, d, c)):
        return {"again": True}
    base: dict[str, Any] = {"delivery": d.id, "attempt": c.attempt, "relay": turn.actor.name, "why": c.why}
    unwanted = c.attempt == d.attempt and d.unwanted
    match c.outcome:
        case "sent":
            newer = c.attempt < d.attempt and d.status in OPEN
            turn.emit(DeliverySent(**base, platform_id=c.platform_id, sent_at=c.sent_at or turn.at, proof=c.proof))
            if newer:  # the group has it: whoever was asked next is told so
                turn.emit(DeliveryWithdrawn(delivery=d.id, attempt=d.attempt, relay=d.relay, why="sent"))
            if c.attempt < d.attempt:
                corrections.left_before(turn, d.id)
        case "waiting":
            turn.emit(DeliveryHeld(**base, until=None if c.back else c.until))
            if c.back and c.attempt == d.attempt and not unwanted:
                failover.handed_back(turn, d.id)
        case "awaiting":
            turn.emit(DeliveryAwaiting(**base, platform_id=c.platform_id))
        case "retry":
            turn.emit(DeliveryRetried(**base, after_ms=c.after_ms))
        case "rejected":
            turn.emit(DeliveryFailed(**base))
        case "disabled":
            turn.emit(DeliveryFailed(**base, disabled=True))
        case "expired":
            turn.emit(DeliveryExpired(**base))
        case "unknown":
            unknown(turn, d, c.attempt, c.why or "the relay does not know whether it left", turn.actor.name)
    _stop_what_woke(turn, turn.state.deliveries[d.id], unwanted=unwanted)
    if c.outcome in {"rejected", "disabled", "expired"}:
        pacing.look_again(turn, d.group)  # it has not had it: what waits behind it may go
    return None


def _stop_what_woke(turn: Turn, d: Delivery, *, unwanted: bool) -> None:
    """A relay still has what counted as unknown or failed when it was taken back, or its group frozen: it is withdrawn now."""
    the = turn.state.the
    if the.halted or the.status == "closed":
        withdraw(turn, d, "halted" if the.halted else "closed")
    elif unwanted or turn.state.drops[d.drop].status == "withdrawn":
        withdraw(turn, d, "withdrawn")
    elif not reaching.reachable(turn.state, [d.group]):
        withdraw(turn, d, "frozen")


_STANDS_AS = {"sent": "sent", "rejected": "failed", "disabled": "failed", "expired": "expired", "unknown": "unknown"}


def _stands(d: Delivery, c: DeliveryReport) -> bool:
    """Whether the record says already what this report says."""
    return d.status == _STANDS_AS.get(c.outcome) or (d.status == "sent" and c.outcome != "sent")


_NOT_THERE = frozenset({"waiting", "retry", "rejected", "disabled", "expired"})


def _can_know(turn: Turn, d: Delivery, c: DeliveryReport) -> bool:
    """Only who has the record of what was sent can say of what is unknown that it is not there; anybody, that it is."""
    if d.status != "unknown" or c.outcome not in _NOT_THERE:
        return True
    relay = turn.state.relays.get(turn.actor.name)
    return relay is None or relay.record == d.record


def unknown(turn: Turn, d: Delivery, attempt: int, why: str, relay: str, record: str | None = None) -> None:
    """It may be there or not. What follows is the sale's policy, never the relay's.

    `record` names what was known to who had it; left out, it is the relay's as it is here or was last.
    """
    known = turn.state.relays.get(relay)
    record = record if record is not None else known.record if known is not None else ""
    turn.emit(DeliveryUnknown(delivery=d.id, attempt=attempt, relay=relay, why=why, record=record))
    the = turn.state.the
    stopped = the.halted or the.status == "closed" or d.unwanted or not reaching.reachable(turn.state, [d.group])
    if turn.state.p.unknown == "resend" and d.status == "unknown" and turn.at < d.expires_at and not stopped:
        again(turn, d)


def again(turn: Turn, d: Delivery, relay: str | None = None) -> None:
    state = turn.state
    drop = state.drops[d.drop]
    request(turn, drop, state.index.cues[d.cue][1].do, d.group, d.id, relay)


# ---------------------------------------------------------------- evolving
@evolves(DeliveryRequested)
def requested(state: State, e: DeliveryRequested) -> Iterable[Key]:
    old = state.deliveries.get(e.delivery)
    had = old.had if old else ()
    # Of what is held back nobody is asked: who had it last is still who may have sent an earlier attempt.
    relay = old.relay if e.rule is not None and old is not None else e.relay
    same = old if old is not None and old.relay == relay else None
    state.deliveries[e.delivery] = Delivery(
        id=e.delivery, attempt=e.attempt, relay=relay, group=e.group, drop=e.drop, run=e.run, cue=e.cue,
        kind=state.drops[e.drop].kind, content=e.content, priority=e.priority, fire_at=e.fire_at,
        expires_at=e.expires_at, requested_at=e.at, had=had if e.relay in had or e.rule is not None else (*had, e.relay), same=e.same, rule=e.rule,
        hands=e.hands, status="awaiting" if e.hands else "requested",
        recalled_at=same.recalled_at if same else None, recalled_due=same.recalled_due if same else None,
        platform="manual" if e.hands else windows.platform_of(state, relay, e.group),
        left_open=_left_open(old),
    )  # fmt: skip
    state.opened.add(e.delivery)
    if e.hands:
        d = state.deliveries[e.delivery]
        d.nth, d.cap = pacing.place_in_cap(state, d)
    pacing.holds_back(state, state.deliveries[e.delivery], now=False)
    if e.lifted == "asked":
        pacing.answered(state, e.group, state.drops[e.drop].what)
    keys: list[Key] = [("deliveries", e.delivery), *traffic.count(state, state.deliveries[e.delivery], 1)]
    if old is None:
        state.count("d")
        state.by_drop.setdefault(e.drop, {})[e.group] = e.delivery
        pacing.remember(state, e.group, e.delivery, e.at)
    else:
        keys += traffic.count(state, old, -1)
    if e.key is not None and e.key not in state.keys:
        drop = state.drops[e.drop]
        state.keys[e.key] = AddressKey(drop=e.drop, group=e.group, what=drop.what or "", kind=drop.kind, cue=e.cue)
    return keys


def _left_open(d: Delivery | None) -> LeftOpen | None:
    """What stays with a person at a platform when this is taken away."""
    if d is None or d.status != "awaiting" or not d.platform_id:
        return None if d is None else d.left_open
    return LeftOpen(relay=d.relay, attempt=d.attempt)


@evolves(
    DeliverySent, DeliveryHeld, DeliveryAwaiting, DeliveryRetried, DeliveryFailed, DeliveryExpired, DeliveryUnknown,
    DeliveryWithdrawn, DeliveryResolved,
)  # fmt: skip
def reported(state: State, e: Any) -> Iterable[Key]:
    d = state.deliveries[e.delivery]
    if isinstance(e, DeliverySent) and e.again:
        return []  # what happened first stands; `further` keeps this
    if e.attempt < d.attempt and not isinstance(e, DeliverySent):
        return []
    if d.status == "sent" and not isinstance(e, DeliverySent):
        return []
    if d.status == "withdrawn" and not isinstance(e, DeliverySent | DeliveryUnknown):
        return []  # the report crossed the withdrawal on its way: it is recorded, and brings nothing back
    keys: list[Key] = [("deliveries", d.id), *traffic.count(state, d, -1)]
    d.why, d.until, d.rule = e.why, None, None
    match e:
        case DeliverySent():
            d.left_late = d.status == "withdrawn"
            d.status, d.sent_at, d.platform_id, d.proof = "sent", e.sent_at, e.platform_id, e.proof
            d.sent_by, d.sent_attempt = e.relay, e.attempt
            d.went_at = max(d.fire_at, min(e.at, e.sent_at or e.at))  # as far as its relay's clock can be right
            traffic.sent_late(state, d, e.sent_at or e.at)
            windows.used(state, e.relay or d.relay, d, d.went_at)
        case DeliveryHeld():
            d.status, d.until, d.rule, d.unwanted = "held", e.until, e.rule, False
        case DeliveryAwaiting():
            d.status, d.platform_id = "awaiting", e.platform_id
        case DeliveryRetried():
            d.status, d.attempt = "awaiting" if d.hands else "requested", d.attempt + 1
        case DeliveryFailed():
            d.status = "failed"
        case DeliveryExpired():
            d.status = "expired"
        case DeliveryUnknown():
            d.unwanted, d.record = d.status == "withdrawn", e.record
            d.status = "unknown"
            windows.used(state, e.relay or d.relay, d, e.at)  # it may be there, so it counts
        case DeliveryWithdrawn():
            d.left_open = _left_open(d)
            d.status, d.recalled_at, d.recalled_due = "withdrawn", e.at, d.fire_at
        case DeliveryResolved():
            d.why, d.unwanted = e.choice, e.choice == "leave"
    keys += traffic.count(state, d, 1)
    pacing.holds_back(state, d, now=d.rule is not None)
    if d.status in OPEN:
        state.opened.add(d.id)
    else:
        state.opened.discard(d.id)
    return keys


@result_of(DeliveryRequested)
def requested_result(_: State, e: DeliveryRequested) -> dict[str, Any]:
    return {"delivery": e.delivery, "attempt": e.attempt}
