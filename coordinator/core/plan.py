"""The plan of a sale: what the run sheet says, with every local time already an instant.

`coordinator.runsheet` reads sheets and makes plans; the core only ever sees a plan. It stands whole
in the events `sale.created` and `sheet.replaced`, so a replay needs neither the sheet's file nor the
time-zone tables it was read with. Times are ms since 1970 UTC, lengths ms, money whole minor units.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

CouponKind = Literal[
    "threshold", "amount", "percent", "deposit", "paid", "pool", "share_reward", "pay_reward", "group_price", "flash"
]


class Plain(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value of the plan: never changed after it was read."""


class TeamMember(Plain, kw_only=True, frozen=True):
    person: str
    role: str
    groups: str | None = None  # a selector; None means all
    mark: str = ""  # how they are told to be staff in groups
    member: str | None = None  # their own pseudonym, where they buy too


class GroupPlan(Plain, kw_only=True, frozen=True):
    id: str
    name: str = ""
    tier: str = ""
    stage: str = ""
    org: str = ""
    tags: tuple[str, ...] = ()
    relay: tuple[str, ...] = ()  # the first is preferred
    members: int = 0
    welcome: str = ""
    owner: str = ""
    rules: str = ""
    announcement: str = ""


class PastPrice(Plain, kw_only=True, frozen=True):
    """A price that was really asked before the sale, and until when; None: until now."""

    price: int
    until: int | None = None


class ProductPlan(Plain, kw_only=True, frozen=True):
    id: str
    name: str
    line: str = ""
    price: int
    list_price: int | None = None
    stock: int | None = None  # None: not counted
    url: str | None = None
    points: tuple[str, ...] = ()
    script: str = ""
    image: str | None = None
    history: tuple[PastPrice, ...] = ()


class LinkPlan(Plain, kw_only=True, frozen=True):
    id: str
    kind: str
    url: str
    title: str = ""
    closes: At | None = None


class PhrasePlan(Plain, kw_only=True, frozen=True):
    """An approved answer. Its live fields are filled in when it is used."""

    id: str
    title: str = ""
    text: str
    product: str | None = None  # whose price and stock it names; None: of what is on air
    coupon: str | None = None


class ServicePlan(Plain, kw_only=True, frozen=True):
    """How soon support answers, all in ms from the asking, and how long it may hold what it took."""

    acknowledge: int = 30_000
    warn: int = 100_000
    breach: int = 180_000
    lease: int = 60_000


class FollowupPlan(Plain, kw_only=True, frozen=True):
    """When a member may be written to on their own; lengths in ms."""

    after: int = 600_000  # from the sign of interest: who does it alone needs no message
    every: int = 86_400_000
    lease: int = 600_000
    quiet: tuple[tuple[int, int], ...] = ()  # instants, in order: see quiet.py


class KeywordPlan(Plain, kw_only=True, frozen=True):
    """A word that brings something into the group in which a member says it."""

    id: str
    words: tuple[str, ...]
    do: str  # coupon.drop, link.drop or message.send
    fields: dict[str, str] = {}
    text: str | None = None
    groups: str | None = None  # a selector; None means all


class At(Plain, kw_only=True, frozen=True):
    """When a timed cue or a segment is due.

    `show`: offset from the show's start. `start`, `end`: offset from its segment's start or end.
    `clock`: `instant` is the moment itself (a clock time such as 20:00 or D-1 08:00, already resolved).
    """

    base: Literal["show", "start", "end", "clock"]
    offset: int = 0
    instant: int | None = None


class GoldenPlan(Plain, kw_only=True, frozen=True):
    """A golden hour: so many of its minutes are to be lively by the cheer squad's doing."""

    at: At
    lasts: int
    minutes: int = 20


class CheerPlan(Plain, kw_only=True, frozen=True):
    within: int = 600_000  # ms in which a task is to be done
    minutes: int = 20  # of the show itself, where the sheet names no golden hours


class CouponPlan(Plain, kw_only=True, frozen=True):
    """What a coupon is worth, who may have it, and when. The sheet's reader sees to it that its kind's fields are there."""

    id: str
    kind: CouponKind
    title: str
    over: int = 0  # the basket from which it holds
    off: int = 0  # money it takes off; of a deposit, what it is worth
    basis_points: int = 0  # of a percent coupon: 2000 takes 20% off
    at_most: int | None = None  # the most that a percent coupon takes off
    pay: int = 0  # what the member pays for it
    pay_within_ms: int | None = None  # after the claim; then the place is free again
    price: int | None = None  # of one piece, with a group or flash price
    units: int = 1  # pieces that one code gives that price for
    pool: int = 0  # the sum that `quantity` members share
    shares: int = 0  # members who have to come for a share reward
    spend: int = 0  # the paid order that a pay reward is given for is at least this
    exclusive: bool = True  # at most one such coupon holds for a basket
    opens: At | None = None  # claimed from then on
    closes: At | None = None  # claimed until then; without `valid_ms` a code is good until then, too
    quantity: int
    per_member: int = 1
    valid_ms: int | None = None  # a code is good this long after its claim; None: until it closes, or the sale does
    products: tuple[str, ...] = ()  # empty: all
    groups: str | None = None  # a selector: who may claim at all


class Late(Plain, kw_only=True, frozen=True):
    """What becomes of a cue whose time passed while nobody could fire it."""

    rule: Literal["fire", "skip", "ask"]
    within: int  # ms: up to this late it fires by itself; beyond it `skip`/`fire` skip and `ask` waits


class Confirm(Plain, kw_only=True, frozen=True):
    role: str
    within: int | None = None  # ms it waits; None: until the segment's end


class CuePlan(Plain, kw_only=True, frozen=True):
    """One cue. Exactly one of `at` and `when` is set.

    `do` is the kind of command it carries out, such as `link.drop`, `prompt.send`, `task.assign`;
    `fields` are that command's fields apart from groups and text (product, coupon, link, to …).
    """

    id: str
    do: str
    at: At | None = None
    when: str | None = None  # see conditions.py
    again_after: int | None = None  # ms, only with `when`
    fields: dict[str, Any] = {}  # JSON: the fields of whatever command `do` names
    groups: str | tuple[str, ...] | None = None  # a selector, or the ids that a press by hand meant
    text: str | None = None
    texts: tuple[str, ...] = ()  # a task's several wordings
    confirm: Confirm | None = None
    late: Late
    asked: bool = False  # a member asked for it: no pace holds it back
    lead: int | None = None  # None: the plan's lead where `do` goes into groups, else 0


class SegmentPlan(Plain, kw_only=True, frozen=True):
    id: str
    kind: str
    name: str = ""
    product: str | None = None
    at: At | None = None  # `show` or `clock`; None: follows the one before
    lasts: int
    advance: Literal["auto", "manual"] = "auto"
    cues: tuple[CuePlan, ...] = ()


class GuestPlan(Plain, kw_only=True, frozen=True):
    """Who comes to the show, and whether they have said yes."""

    id: str
    name: str
    theme: str = ""
    poster: str | None = None  # an address
    state: Literal["asked", "confirmed"] = "asked"
    segment: str | None = None


class Targets(Plain, kw_only=True, frozen=True):
    sales: int | None = None
    buyers: int | None = None


class Checking(Plain, kw_only=True, frozen=True):
    """By what the texts of this sale are judged."""

    rules: str = "cn"
    version: str = ""  # of the rule set that judged the sheet
    exceptions: tuple[str, ...] = ()  # a brand's own words, in which a term is meant otherwise
    platforms: dict[str, str] = {}  # relay -> the chat platform that it speaks to


class Attribution(Plain, kw_only=True, frozen=True):
    """How it is told what led to an order: see attribution.py."""

    window: int = 86_400_000  # ms before an order in which a click or claim counts
    rule: Literal["last_touch", "last_click", "explicit"] = "last_touch"


class Cap(Plain, kw_only=True, frozen=True):
    """At most so many messages into a group within so long."""

    per: int  # ms
    most: int


class Pacing(Plain, kw_only=True, frozen=True):
    same_content: int = 600_000  # ms between the same content and itself in one group; 0: it is never held back
    caps: dict[str, Cap] = {}  # by tier, or by `group:ID`, which goes before its tier's


class FloorPlan(Plain, kw_only=True, frozen=True):
    """What every group has that has none of its own, and when the controller is told of how members behave."""

    rules: str = ""
    announcement: str = ""
    welcome: str = ""
    messages: int = 8  # of one member within `per` fill a group; 0: never
    per: int = 60_000
    newcomers: int = 3  # messages of who came while the host speaks; 0: never
    reminders: dict[str, str] = {}  # what happened → what one press says


class PostersPlan(Plain, kw_only=True, frozen=True):
    remind: int = 60_000  # ms after its time in which a poster has posted, else the controller is told


class Plan(Plain, kw_only=True, frozen=True):
    title: str
    kind: str
    timezone: str
    start: int
    currency: str
    lead: int = 2000
    unknown: Literal["ask", "resend", "leave"] = "ask"
    auto_start: bool = False
    team: tuple[TeamMember, ...] = ()
    groups: tuple[GroupPlan, ...] = ()
    products: tuple[ProductPlan, ...] = ()
    coupons: tuple[CouponPlan, ...] = ()
    links: tuple[LinkPlan, ...] = ()
    phrases: tuple[PhrasePlan, ...] = ()
    service: ServicePlan = ServicePlan()
    keywords: tuple[KeywordPlan, ...] = ()
    followup: FollowupPlan = FollowupPlan()
    cheer: CheerPlan = CheerPlan()
    golden: tuple[GoldenPlan, ...] = ()
    guests: tuple[GuestPlan, ...] = ()
    targets: Targets = Targets()
    checks: Checking = Checking()
    attribution: Attribution = Attribution()
    segments: tuple[SegmentPlan, ...] = ()
    pacing: Pacing = Pacing()
    posters: PostersPlan = PostersPlan()
    floor: FloorPlan = FloorPlan()
