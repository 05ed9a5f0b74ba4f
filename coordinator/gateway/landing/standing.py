"""How a coupon stands for who opens its page: what is left, until when, and which codes they hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from coordinator.core import State, rewards
from coordinator.core.claims import codes_of, given_to
from coordinator.core.coupon_orders import held
from coordinator.core.coupons import Coupon
from coordinator.core.cues import Drop
from coordinator.core.links import AddressKey
from coordinator.core.members import person
from coordinator.core.render import money
from coordinator.gateway.landing.instants import Instants
from coordinator.gateway.landing.offers import Offer, offer
from coordinator.gateway.landing.words import Lang, say

CodeIs = Literal["good", "unpaid", "redeemed", "lapsed", "none"]


def left_of(coupon: Coupon, drop: Drop) -> int:
    """How many this page can still give out: of the coupon, and of the drop's part of it."""
    left = coupon.left if drop.quantity is None else min(coupon.left, drop.quantity - drop.claimed)
    return max(0, left)


def standing(state: State, key: AddressKey, now: int) -> str:
    """`open`, or why there is nothing to claim here, as a word of words.py."""
    coupon, drop = state.coupons[key.what], state.drops[key.drop]
    if state.the.status == "closed":
        return "closed"
    if drop.status == "withdrawn":
        return "withdrawn"
    if coupon.stopped:
        return "stopped"
    if coupon.expired or (coupon.closes_at is not None and now >= coupon.closes_at):
        return "expired"
    if drop.status != "fired" or (coupon.opens_at is not None and now < coupon.opens_at):
        return "early"
    return "open" if left_of(coupon, drop) else "out"


@dataclass(frozen=True, slots=True)
class Held:
    """A code that somebody holds: of what, how it stands, until when it is good or to be paid."""

    code: str
    name: str
    offer: Offer
    code_is: CodeIs
    until: int | None


def holds(state: State, code: str, now: int, lang: Lang) -> Held:
    coupon = state.coupons[state.codes[code].coupon]
    code_is, until = _code(state, code, now)
    return Held(code, coupon.title, offer(state, coupon, lang, state.codes[code].off), code_is, until)


@dataclass(frozen=True, slots=True)
class Shown(Instants):
    """Everything a page says of a coupon and of its reader. Instants are the sale's; texts of them its zone's."""

    key: str
    name: str
    title: str
    status: str
    standing: str
    left: int
    of: int
    offer: Offer
    codes: tuple[str, ...]
    given: int
    most: int
    """Codes that this reader may have by now; of what is earned, none before it is."""
    opens: int | None
    closes: int | None
    until: int | None
    """The last code is good until then, or has to be paid until then."""
    code_is: CodeIs
    to_earn: str | None
    pay: str | None

    @property
    def code(self) -> str | None:
        return self.codes[-1] if self.codes else None

    @property
    def why(self) -> str:
        """What there is to say to this reader in place of a button; `open` where there is one."""
        return "earn" if self.standing == "open" and not self.codes and not self.most else self.standing

    @property
    def may_claim(self) -> bool:
        return self.standing == "open" and len(self.codes) < self.most

    @property
    def claim_id(self) -> str:
        """The same until the claim is answered, however often the page is loaded: so it counts once."""
        return f"{self.key}.{self.given + 1}"


def shown(
    state: State, key_name: str, key: AddressKey, member: str | None, now: int, speed: float, lang: Lang
) -> Shown:
    coupon, drop = state.coupons[key.what], state.drops[key.drop]
    codes = codes_of(state, coupon.id, member)
    how = standing(state, key, now)
    code_is, until = _code(state, codes[-1] if codes else None, now)
    opens = [x for x in (drop.fire_at if drop.status != "fired" else None, coupon.opens_at) if x is not None]
    return Shown(
        key=key_name,
        name=coupon.title,
        title=state.the.title,
        status=state.the.status,
        now=now,
        speed=speed,
        standing=how,
        left=left_of(coupon, drop),
        of=coupon.quantity if drop.quantity is None else drop.quantity,
        offer=offer(state, coupon, lang, state.codes[codes[-1]].off if codes else 0),
        codes=codes,
        given=len(given_to(state, coupon.id, member)),
        most=rewards.most(state, coupon, member or "nobody yet"),
        opens=max(opens) if how == "early" and opens else None,
        closes=coupon.closes_at,
        until=until,
        code_is=code_is,
        to_earn=_to_earn(state, coupon, member, lang),
        pay=money(coupon.pay, state.the.currency) if coupon.pay else None,
        zone=state.p.timezone,
    )


def _code(state: State, name: str | None, now: int) -> tuple[CodeIs, int | None]:
    """How a code stands, and until when."""
    if name is None:
        return "none", None
    found, code = held(state, name), state.codes[name]
    if found.standing == "unpaid":
        within = state.coupons[code.coupon].pay_within_ms
        return "unpaid", None if within is None else code.claimed_at + within
    over = found.until is not None and now > found.until
    return "lapsed" if over and found.standing == "good" else found.standing, found.until


def _to_earn(state: State, coupon: Coupon, member: str | None, lang: Lang) -> str | None:
    """What is still to be done for a coupon that is earned."""
    if coupon.kind == "share_reward":
        came = rewards.came(state, person(state, member)) if member else 0
        return say(lang, "earn.shares", n=coupon.shares, came=came)
    return say(lang, "earn.orders") if coupon.kind in rewards.EARNED else None
