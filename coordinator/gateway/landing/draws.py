"""A draw's page: its terms and its commitment; once it is drawn, all by which anybody can check it."""

from __future__ import annotations

from typing import Any

import msgspec

from coordinator.core import State, drawing, members
from coordinator.core.claims import code_for
from coordinator.core.draws import Draw, Winner
from coordinator.core.links import AddressKey
from coordinator.gateway.landing.playing import Gift, Playing, game, gone_on, not_open


def seen(state: State, key: AddressKey, member: str | None) -> Playing:
    draw = gone_on(state, state.draws.values(), key)
    if draw is None:
        return not_open(state, key)
    won = _won(state, draw, member)
    facts: dict[str, Any] = {
        "prizes": [{"name": p.name, "quantity": p.quantity} for p in draw.prizes], "by": draw.eligible.by,
        "collect": draw.collect, "organiser": draw.organiser, "commit": draw.commit, "won": None,
    }  # fmt: skip
    if draw.status == "drawn":
        facts["seed"] = draw.seed
        facts["winners"] = [{"member": w.member, "prize": w.prize} for w in draw.winners]
        facts["won"] = won.prize if won else None
    if draw.status != "open":
        facts["entries"] = drawing.entries_of(state, draw.id)
    return Playing(
        id=draw.id,
        name=", ".join(f"{p.name} ×{p.quantity}" if p.quantity > 1 else p.name for p in draw.prizes),
        standing=draw.status,
        count=draw.count,
        until=draw.until,
        taking_part=member is not None and drawing.is_in(state, draw.id, member),
        facts=facts,
        gift=_gift(state, draw, member),
    )


def _won(state: State, draw: Draw, member: str | None) -> Winner | None:
    mine = members.pseudonyms(state, member) if member else ()
    return next((w for w in draw.winners if w.member in mine), None)


def _gift(state: State, draw: Draw, member: str | None) -> Gift | None:
    """The code that its reader has won, or why it was not given."""
    won = _won(state, draw, member)
    coupon = state.coupons.get(won.coupon or "") if won else None
    if won is None or coupon is None:
        return None
    code = code_for(state, coupon.id, won.member, draw.id)
    not_given = state.not_given.get(draw.id, {}).get(won.member)
    return Gift(coupon=coupon.id, name=coupon.title, code=code, not_given=not_given)


def listed(entries: list[str]) -> str:
    """The entries as they are hashed and checked: one JSON list."""
    return msgspec.json.encode(entries).decode()


game("draw", seen, "draw.enter")
