"""How a coupon stands for who opens its page: what is left, until when, and which codes they hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from coordinator.core import State
from coordinator.core.claims import codes_of, given_to
from coordinator.core.coupons import Coupon
from coordinator.core.cues import Drop
from coordinator.core.links import AddressKey
from coordinator.gateway.landing.offers import Offer, offer
from coordinator.gateway.landing.words import Lang


def left_of(coupon: Coupon, drop: Drop) -> int:
    """How many this page can still give out: of the coupon, and of the drop's part of it."""
    left = coupon.left if drop.quantity is None else min(coupon.left, drop.quantity - drop.claimed)
    return max(0, left)


def standing(state: State, key: AddressKey) -> str:
    """`open`, or why there is nothing to claim here, as a word of words.py."""
    coupon, drop = state.coupons[key.what], state.drops[key.drop]
    if state.the.status == "closed":
        return "closed"
    if drop.status == "withdrawn":
        return "withdrawn"
    if coupon.stopped:
        return "stopped"
    if drop.status != "fired":
        return "early"
    return "open" if left_of(coupon, drop) else "out"


@dataclass(frozen=True, slots=True)
class Shown:
    """Everything a page says of a coupon and of its reader. Instants are the sale's; texts of them its zone's."""

    key: str
    name: str
    title: str
    status: str
    now: int
    speed: float
    standing: str
    left: int
    of: int
    offer: Offer
    codes: tuple[str, ...]
    given: int
    opens: int | None
    closes: int | None
    until: int | None
    used: bool
    lapsed: bool
    zone: str
    per_member: int

    @property
    def code(self) -> str | None:
        return self.codes[-1] if self.codes else None

    @property
    def may_claim(self) -> bool:
        return self.standing == "open" and len(self.codes) < self.per_member

    @property
    def claim_id(self) -> str:
        """The same until the claim is answered, however often the page is loaded: so it counts once."""
        return f"{self.key}.{self.given + 1}"

    def clock(self, instant: int) -> str:
        """14:30, with the day where it is another one."""
        zone = ZoneInfo(self.zone)
        there, here = (datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone) for ms in (instant, self.now))
        return there.strftime("%H:%M" if there.date() == here.date() else "%m-%d %H:%M")

    def span(self, instant: int) -> str:
        """What is left until then, as the page counts it down."""
        seconds = max(0, -(-(instant - self.now) // round(1000 * self.speed)))
        hours, rest = divmod(seconds, 3600)
        return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def shown(
    state: State, key_name: str, key: AddressKey, member: str | None, now: int, speed: float, lang: Lang
) -> Shown:
    coupon, drop = state.coupons[key.what], state.drops[key.drop]
    codes = codes_of(state, coupon.id, member)
    last = state.codes.get(codes[-1]) if codes else None
    until = last.claimed_at + coupon.valid_ms if last and coupon.valid_ms is not None else None
    how = standing(state, key)
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
        offer=offer(state, coupon, lang),
        codes=codes,
        given=len(given_to(state, coupon.id, member)),
        opens=drop.fire_at if how == "early" else None,
        closes=None,
        until=until,
        used=last is not None and last.order is not None,
        lapsed=until is not None and now > until,
        zone=state.p.timezone,
        per_member=coupon.per_member,
    )
