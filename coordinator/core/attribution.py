"""What is taken to have led to an order: one rule, stated here, with the sheet's window.

1. `link`: the link that the shop names. 2. `coupon`: the coupon or code that it names, or redeemed for the order.
3. The member's last touch before the order, not longer before it than the window: `click`, or `claim`, under whichever
of their pseudonyms.
4. `group`: the newest drop of what was ordered into the order's group, within the window. 5. Nothing: it counts as
unattributed, and the review shows how many.

The sheet's `attribution` says which of these hold: `last_touch` all, `last_click` none of the claims, `explicit` only
what the shop says.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from coordinator.core import claims, members
from coordinator.core.clicks import LinkClicked
from coordinator.core.kernel import Key, evolves

if TYPE_CHECKING:
    from coordinator.core.order_life import Facts
    from coordinator.core.state import State

RULES = ("link", "coupon", "click", "claim", "group")
"""What can have led to an order, the strongest first."""
CLICKS_KEPT = 4  # of a member: what an order that is reported late can still have come from


class Touch(msgspec.Struct, frozen=True, omit_defaults=True):
    """A member clicked a link, or claimed a coupon."""

    at: int
    what: str
    drop: str | None = None
    cue: str | None = None
    group: str | None = None


class Through(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """What an order came through. `what` is the product, link or coupon of the sheet; `at` the touch that counted."""

    rule: str
    what: str | None = None
    drop: str | None = None
    cue: str | None = None
    group: str | None = None
    at: int | None = None


def attribute(state: State, order: str, facts: Facts) -> Through | None:
    """What the rule gives for this order as the sale stands."""
    found = _by_link(state, facts) or _by_coupon(state, order, facts)
    plan = state.p.attribution
    if found is not None or plan.rule == "explicit":
        return found
    since = facts.moment - plan.window
    touched = _by_touch(state, facts, since, clicks_only=plan.rule == "last_click")
    return touched or _by_group(state, facts, since) or _as_before(state, order, facts, since)


def _as_before(state: State, order: str, facts: Facts, since: int) -> Through | None:
    """What was found when the order was first told, where it is forgotten by now and would be found again."""
    known = state.orders.get(order)
    if known is None or known.through is None or known.through.rule not in {"click", "claim", "group"}:
        return None
    same = members.same(state, known.member, facts.member) and (
        known.through.rule != "group" or known.group == facts.group
    )
    return known.through if same and since <= (known.through.at or 0) <= facts.moment else None


def _by_link(state: State, facts: Facts) -> Through | None:
    link = facts.link
    if link is None:
        return None
    key = state.keys.get(link)
    if key is not None:
        rule = "coupon" if key.kind == "coupon" else "link"
        return Through(rule=rule, what=key.what, drop=key.drop, cue=key.cue, group=key.group)
    if link in state.links or link in state.products:
        return Through(rule="link", what=link, group=facts.group)
    return None


def _by_coupon(state: State, order: str, facts: Facts) -> Through | None:
    for named in (*((facts.coupon,) if facts.coupon else ()), *state.redeemed.get(order, ())):
        code = state.codes.get(named)
        if code is not None:
            drop = state.drops.get(code.drop or "")
            group = code.group or facts.group
            cue = drop.cue if drop else None
            return Through(rule="coupon", what=code.coupon, drop=code.drop, cue=cue, group=group, at=code.claimed_at)
        if named in state.coupons:
            return Through(rule="coupon", what=named, group=facts.group)
    return None


def _by_touch(state: State, facts: Facts, since: int, *, clicks_only: bool) -> Through | None:
    if facts.member is None:
        return None
    touches = [("click", t) for name in members.pseudonyms(state, facts.member) for t in state.touches.get(name, ())]
    if not clicks_only:
        touches += [("claim", t) for t in _claims(state, facts.member)]
    within = [(t.at, n) for n, (_, t) in enumerate(touches) if since <= t.at <= facts.moment]
    if not within:
        return None
    rule, last = touches[max(within)[1]]
    return Through(rule=rule, what=last.what, drop=last.drop, cue=last.cue, group=last.group, at=last.at)


def _claims(state: State, member: str) -> Iterable[Touch]:
    """The claims of a member's person. They stand in the sale's codes: nothing is kept of them here."""
    for coupon in state.claims:
        for name in claims.given_to(state, coupon, member):
            code = state.codes[name]
            drop = state.drops.get(code.drop or "")
            yield Touch(code.claimed_at, coupon, code.drop, drop.cue if drop else None, code.group)


def _by_group(state: State, facts: Facts, since: int) -> Through | None:
    """The newest drop into the order's group that was about something in it; where the lines are not told, any."""
    if facts.group is None:
        return None
    ordered = {line.product for line in facts.lines}
    for drop in reversed(state.drops.values()):
        if drop.fired_at is None or not since <= drop.fired_at <= facts.moment or facts.group not in drop.groups:
            continue
        if drop.kind == "link":
            about: Iterable[str] = (drop.what,) if drop.what in state.products else ()
        elif drop.kind == "coupon":
            about = state.coupons[drop.what or ""].products
        else:
            continue
        if not ordered or not about or not ordered.isdisjoint(about):
            return Through(
                rule="group", what=drop.what, drop=drop.id, cue=drop.cue, group=facts.group, at=drop.fired_at
            )
    return None


@evolves(LinkClicked)
def clicked(state: State, e: LinkClicked) -> Iterable[Key]:
    what = e.product or e.link
    # A look at a coupon's page is no click on a link: its way goes on with the claim.
    if e.member is not None and what is not None:
        # Of one thing through one drop only the last.
        had = [t for t in state.touches.get(e.member, ()) if (t.what, t.drop) != (what, e.drop)]
        state.touches[e.member] = (*had[1 - CLICKS_KEPT :], Touch(e.at, what, e.drop, e.cue, e.group))
    return ()
