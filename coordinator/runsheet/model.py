"""A run sheet as people write it: every field, what it may hold, and how to write it when it is wrong.

The model says whether each field is well formed. Whether the fields fit each other (ids that exist, cues that
are complete) is `faults.py`; whether the plan is a good one is `checks.py`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf, StringConstraints, model_validator

from coordinator.core import selectors
from coordinator.core.plan import CouponKind
from coordinator.core.surveys import SurveyQuestion
from coordinator.runsheet import times

SheetKind = Literal["flash", "groupbuy", "live", "course"]
SegmentKind = Literal[
    "preheat", "rules", "warmup", "opening", "guest", "product",
    "interaction", "qa", "peak", "limited", "wrapup", "aftercare",
]  # fmt: skip
ProductLine = Literal["lead", "volume", "hit", "star", "profit", "bundle"]
LinkKind = Literal["room", "reserve", "join", "card", "replay", "survey"]
TeamRole = Literal["host", "cohost", "controller", "cheer", "support", "poster", "owner"]
ROLES: tuple[str, ...] = get_args(TeamRole)

_ID = re.compile(r"\w[\w.\-]{0,63}")
RESERVED_ID = re.compile(r"(?:hand|added)-[0-9]+")  # cues made in the show: by a press of a button, by cue.add


# ---- fields


def _id(value: Any) -> Any:  # Any: whatever the sheet holds
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(f'an id is text; write it in quotes: "{value}"')
    if isinstance(value, str) and not _ID.fullmatch(value):
        raise ValueError(
            f"{value[:40]!r} is no id; use 1 to 64 letters, digits, - _ or . and begin with a letter or digit"
        )
    return value


def _length(value: Any) -> Any:
    if isinstance(value, str):
        return times.length(value)
    raise ValueError("a length of time is written with its unit, for example 90s or 10m")


def _positive_length(value: Any) -> Any:
    ms = _length(value)
    if ms <= 0:
        raise ValueError("must be longer than nothing, for example 10m")
    return ms


def _moment(value: Any) -> Any:
    if isinstance(value, str):
        return times.moment(value)
    raise ValueError("a time is text, for example +90s, start, end +20s, 20:00 or D-1 08:00")


def _start(value: Any) -> Any:
    if isinstance(value, str):
        return times.start(value)
    raise ValueError("the start is a date and time, for example 2026-11-11 20:00")


def _day(value: Any) -> Any:
    if isinstance(value, str):
        return times.day(value)
    raise ValueError("a day is text, for example 2026-10-31")


def _zone(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("a time zone is text, for example Asia/Shanghai")
    try:
        return ZoneInfo(value)
    except (LookupError, ValueError, OSError):  # LookupError: no such zone; the others: odd names
        raise ValueError(f"{value[:40]!r} is no time zone; write its IANA name, for example Asia/Shanghai") from None


def _money_text(value: Any) -> Any:
    """Money as exact text; the currency, which the field does not know, decides later how many digits it may have."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError('money is written like "129.00"')
    if isinstance(value, float):
        # What the reader made of 129.9 is written back as it stood; beyond 15 digits it would not be.
        exact = Decimal(repr(value))
        if len(exact.as_tuple().digits) > 15:
            raise ValueError('this number is not exact; write it in quotes, like "129.00"')
        return f"{exact:f}".removesuffix(".0")
    return str(value)


def _address(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("an address is text, for example https://shop.example/pan")
    problem = f"{value[:60]!r} is no web address; write it whole, for example https://shop.example/pan"
    if len(value) > 2000 or re.search(r"[\s\\<>\"\x00-\x20\x7f]", value):
        raise ValueError(problem)
    try:
        parts = urlsplit(value)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ValueError(problem)
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address must not carry a name or password before @; take them out")
    return value


def _selector(value: Any) -> Any:
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        value = " | ".join(f"group:{_id(each)}" for each in value)
    if not isinstance(value, str):
        raise ValueError("groups are a selector such as all or tier:vip, or a list of group ids")
    selectors.parse(value)
    return value


def _one_or_more(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _said(value: Any) -> Any:
    """What people choose, answer or say may be a number: a whole one is the text that stood there. `1.50` would not be."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _late(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("late is written like: skip after 30s, fire within 5m, or ask after 30s")
    found = re.fullmatch(r"\s*(?:(skip|ask)\s+after|(fire)\s+within)\s+(.+)", value, re.DOTALL)
    if found is None:
        raise ValueError(f"{value[:40]!r} is no rule; write: skip after 30s, fire within 5m, or ask after 30s")
    return {"rule": found[1] or found[2], "within": found[3].strip()}


def _confirm(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    role, within, length = value.partition(" within ")
    return {"role": role.strip(), "within": length.strip()} if within else {"role": value}


def _eligible(value: Any) -> Any:
    return {"by": value} if isinstance(value, str) else value


def _basis_points(value: Any) -> Any:
    """`20`, `"12.5%"` and `八折` as what is taken off, in hundredths of a percent."""
    example = (
        'a percentage taken off, more than 0 and at most 100, such as 20 or "12.5%", or what is paid, such as "8折"'
    )
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"percent is {example}")
    text = unicodedata.normalize("NFKC", str(value)).strip()
    found = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,2})?)\s*(%|折)?", text)
    if found is None:
        raise ValueError(f"{text[:40]!r} is no percentage; write {example}")
    number = Decimal(found[1])
    if found[2] == "折":  # 8折 and 85折: so many tenths, or hundredths, are paid
        paid = number * (10 if number < 10 else 1)
        number = 100 - paid
    if not 0 < number <= 100:
        raise ValueError(f"{text[:40]!r} takes off nothing, or more than all; write {example}")
    return int(number * 100)


Id = Annotated[str, BeforeValidator(_id)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"\S")]
Said = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"\S"), BeforeValidator(_said)]
Label = Annotated[str, StringConstraints(max_length=200)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=4000, pattern=r"\S")]
Remark = Annotated[str, StringConstraints(max_length=4000)]
Length = Annotated[int, BeforeValidator(_length)]
PositiveLength = Annotated[int, BeforeValidator(_positive_length)]
Day = Annotated[InstanceOf[date], BeforeValidator(_day)]
Moment = Annotated[InstanceOf[times.Moment], BeforeValidator(_moment)]
MoneyText = Annotated[str, BeforeValidator(_money_text)]
BasisPoints = Annotated[int, BeforeValidator(_basis_points)]
Address = Annotated[str, BeforeValidator(_address)]
SelectorText = Annotated[str, BeforeValidator(_selector)]
Count = Annotated[int, Field(ge=0, le=100_000_000)]
AtLeastOne = Annotated[int, Field(ge=1, le=100_000_000)]


class Part(BaseModel):
    """A mapping of the sheet: no field that is not named, no value of another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Member(Part):
    person: Id
    role: TeamRole
    groups: SelectorText | None = None
    mark: Label = ""  # by what they are known as staff in groups, such as 官方小美
    member: Id | None = None  # their pseudonym as a buyer: whoever says "I bought it" has a paid order


class Group(Part):
    id: Id
    name: Label = ""
    tier: Label = ""
    stage: Label = ""
    org: Label = ""
    tags: list[Line] = []
    relay: Annotated[list[Id], BeforeValidator(_one_or_more)] = []
    members: Count = 0
    rules: Remark = ""
    announcement: Remark = ""
    welcome: Remark = ""
    owner: Label = ""


class PastPrice(Part):
    """A price that was really asked, and the last day of it; without one it is asked until now."""

    price: MoneyText
    until: Day | None = None


class Product(Part):
    id: Id
    name: Line
    line: ProductLine | None = None
    price: MoneyText
    list_price: MoneyText | None = None
    stock: Count | None = None
    url: Address | None = None
    points: list[Line] = []
    script: Remark = ""
    image: Address | None = None
    history: Annotated[list[PastPrice], Field(max_length=100)] = []


class Coupon(Part):
    """What each kind needs of `over`, `off` and the fields after `groups` is in `coupons.py`."""

    id: Id
    kind: CouponKind
    title: Line
    over: MoneyText | None = None
    off: MoneyText | None = None
    quantity: AtLeastOne
    per_member: AtLeastOne = 1
    valid: PositiveLength | None = None
    products: list[Id] = []
    groups: SelectorText | None = None
    percent: BasisPoints | None = None
    at_most: MoneyText | None = None
    pay: MoneyText | None = None
    worth: MoneyText | None = None
    pay_within: PositiveLength | None = None
    price: MoneyText | None = None
    units: AtLeastOne | None = None
    pool: MoneyText | None = None
    shares: AtLeastOne | None = None
    spend: MoneyText | None = None
    exclusive: bool | None = None
    opens: Annotated[Moment | None, Field(alias="from")] = None
    closes: Annotated[Moment | None, Field(alias="until")] = None


class Link(Part):
    id: Id
    kind: LinkKind
    url: Address
    title: Label = ""
    closes: Annotated[Moment | None, Field(alias="until")] = None


class Guest(Part):
    """Who comes to the show 嘉宾; `state` is whether they were only asked, or have said yes."""

    id: Id
    name: Line
    theme: Label = ""
    poster: Address | None = None
    state: Literal["asked", "confirmed"] = "asked"
    segment: Id | None = None


class Phrase(Part):
    """An approved answer 话术 of support's; `{price}`, `{stock}`, `{coupon.left}` are filled in when it is used."""

    id: Id
    title: Label = ""
    text: Text
    product: Id | None = None
    coupon: Id | None = None


class Service(Part):
    """How soon support answers, counted from the asking, and how long it may hold what it took."""

    acknowledge: PositiveLength = 30_000
    warn: PositiveLength = 100_000
    breach: PositiveLength = 180_000
    lease: PositiveLength = 60_000


class Keyword(Part):
    """What a member gets into the group who says one of these words: a coupon, a link, a product's link, or a text."""

    id: Id | None = None
    words: Annotated[list[Said], BeforeValidator(_one_or_more), Field(min_length=1, max_length=20)]
    coupon: Id | None = None
    link: Id | None = None
    product: Id | None = None
    text: Text | None = None
    groups: SelectorText | None = None

    @property
    def name(self) -> str:
        return self.id or self.words[0]


def _quiet(value: Any) -> Any:
    if value == "none":
        return None
    found = re.fullmatch(r"\s*(\d{1,2}:\d{2})\s*[-–~]\s*(\d{1,2}:\d{2})\s*", value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("quiet hours are written 22:00-08:00, or none")
    begin, end = times.moment(found[1]).clock, times.moment(found[2]).clock
    if begin == end:
        raise ValueError("quiet hours begin and end at the same time; write none, or two times")
    return (begin, end)


class Followup(Part):
    """When a member may be written to on their own 追单."""

    after: Length = 600_000
    every: PositiveLength = 86_400_000
    lease: PositiveLength = 600_000
    quiet: Annotated[tuple[time, time] | None, BeforeValidator(_quiet)] = (time(22), time(8))


class Cheer(Part):
    """How long a task may take, and how many minutes of the show are to be lively where no golden hours are named."""

    within: PositiveLength = 600_000
    minutes: Count = 20


class Golden(Part):
    """A golden hour, and how many of its minutes the cheer squad is to make lively."""

    at: Moment
    lasts: PositiveLength
    minutes: Count = 20


class Cap(Part):
    per: PositiveLength
    most: Annotated[int, Field(ge=1, le=1000)]


class Pacing(Part):
    same_content: Length = 600_000
    caps: dict[Line, Cap] = {}


class Floor(Part):
    """Control of the floor 控场: what holds in each group that has no words of its own, and what the controller is told of."""

    rules: Remark = ""
    announcement: Remark = ""
    welcome: Remark = ""
    messages: Count = 8  # of one member within `per`; 0: nobody is told
    per: PositiveLength = 60_000
    newcomers: Count = 3  # messages of who came in the running segment; 0: nobody is told
    reminders: dict[Literal["politics", "advertising", "negative", "flooding", "interrupting"], Text] = {}


class Posters(Part):
    """People who post by hand: how long after its time the controller is told of what nobody has posted."""

    remind: PositiveLength = 60_000


class Targets(Part):
    sales: MoneyText | None = None
    buyers: Count | None = None


class Overruled(Part):
    """A rule that was overruled for this sheet, by whom and why. `term` narrows it to what was found there."""

    rule: Line
    by: Line
    reason: Line
    term: Label = ""


class Checks(Part):
    """By what the sheet's texts are judged."""

    rules: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")] = "cn"
    exceptions: Annotated[list[Line], Field(max_length=200)] = []  # a brand's own words: 老第一家
    platforms: dict[Id, Line] = {}  # relay -> platform, where its name does not say it
    overruled: Annotated[list[Overruled], Field(max_length=50)] = []


class Prize(Part):
    """What a draw gives: so many, each worth so much. A coupon's name is its title, where none is given."""

    name: Said | None = None
    quantity: AtLeastOne = 1
    worth: MoneyText | None = None
    coupon: Id | None = None


class Question(SurveyQuestion):
    options: Annotated[list[Said], Field(max_length=20)] = []


class Eligible(Part):
    """Who is in a draw: who enters, or who writes, pays or claims while it is open."""

    by: Literal["entry", "comment", "order", "claim"] = "entry"
    groups: SelectorText | None = None
    product: Id | None = None
    coupon: Id | None = None


class Attribution(Part):
    window: PositiveLength = 86_400_000
    rule: Literal["last_touch", "last_click", "explicit"] = "last_touch"


class Unlocks(Part):
    """What a full chain unlocks: a coupon, or the product's price."""

    coupon: Id | None = None
    price: MoneyText | None = None


class Late(Part):
    rule: Literal["fire", "skip", "ask"]
    within: Length


class Confirm(Part):
    role: TeamRole
    within: PositiveLength | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """What a cue does: the kind of command, and the field of the sheet that said so."""

    kind: str
    field: Literal["do", "prompt", "task"]


class Cue(Part):
    id: Id | None = None
    at: Moment | None = None
    when: Annotated[str, StringConstraints(min_length=1, max_length=600)] | None = None
    again_after: PositiveLength | None = None
    do: str | None = None
    prompt: Id | None = None  # short for do: prompt.send, to: …
    task: Id | None = None  # short for do: task.assign, who: …
    to: Id | None = None
    who: Id | None = None
    text: Annotated[list[Text], BeforeValidator(_one_or_more), Field(min_length=1, max_length=50)] | None = None
    groups: SelectorText | None = None
    images: Annotated[list[Address], BeforeValidator(_one_or_more), Field(max_length=3)] | None = None
    announcement: bool | None = None
    product: Id | None = None
    coupon: Id | None = None
    link: Id | None = None
    quantity: AtLeastOne | None = None
    question: Line | None = None
    questions: list[Question] | None = None
    title: Line | None = None
    options: Annotated[list[Said], Field(min_length=2, max_length=20)] | None = None
    answer: Annotated[list[Said], BeforeValidator(_one_or_more), Field(min_length=1, max_length=20)] | None = None
    winners: AtLeastOne | None = None
    prize: Said | None = None
    until: PositiveLength | None = None
    series: Id | None = None
    streak: AtLeastOne | None = None  # of a sign-in: whose streak is as long gets its coupon
    poll: Id | None = None
    quiz: Id | None = None
    survey: Id | None = None
    chain: Id | None = None
    target: AtLeastOne | None = None  # of a chain: how many must join
    unlocks: Unlocks | None = None
    prizes: Annotated[list[Said | Prize], BeforeValidator(_one_or_more), Field(min_length=1, max_length=20)] | None = (
        None
    )
    eligible: Annotated[Eligible, BeforeValidator(_eligible)] | None = None
    collect: Line | None = None  # of a draw: how a prize is collected
    organiser: Line | None = None
    draw: Id | None = None
    amount: MoneyText | None = None  # of red packets, in all
    count: AtLeastOne | None = None  # how many of them
    urgency: Literal["normal", "high"] | None = None
    what: Literal["post", "thank", "do"] | None = None
    within: PositiveLength | None = None
    confirm: Annotated[Confirm, BeforeValidator(_confirm)] | None = None
    late: Annotated[Late, BeforeValidator(_late)] | None = None
    lead: Length | None = None
    note: Remark = ""  # for those who read the sheet; it is not part of the plan

    @model_validator(mode="before")
    @classmethod
    def _spelled_out(cls, value: Any) -> Any:
        """`again after: 10m`, and `when: … again after 10m`, are `again_after`."""
        if not isinstance(value, dict):
            return value
        value = dict(value)
        if "again after" in value and "again_after" not in value:
            value["again_after"] = value.pop("again after")
        when = value.get("when")
        if isinstance(when, str) and "again_after" not in value:
            before, found, after = when[:600].rpartition("again after")
            if found and before.strip():
                value["when"], value["again_after"] = before.rstrip().rstrip(",，;").rstrip(), after.strip()
        return value

    @property
    def action(self) -> Action | None:
        """What it does; None where it says nothing or contradicts itself."""
        said: list[Action] = []
        if self.do is not None:
            said.append(Action(self.do, "do"))
        if self.prompt is not None:
            said.append(Action("prompt.send", "prompt"))
        if self.task is not None:
            said.append(Action("task.assign", "task"))
        return said[0] if len(said) == 1 else None


class Segment(Part):
    id: Id
    kind: SegmentKind
    name: Label = ""
    product: Id | None = None
    at: Moment | None = None
    lasts: PositiveLength
    advance: Literal["auto", "manual"] = "auto"
    cues: list[Cue] = []
    note: Remark = ""


class Sheet(Part):
    """A whole run sheet."""

    title: Line
    kind: SheetKind
    timezone: Annotated[InstanceOf[ZoneInfo], BeforeValidator(_zone)]
    start: Annotated[InstanceOf[times.Start], BeforeValidator(_start)]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "CNY"
    lead: Length = 2000
    unknown: Literal["ask", "resend", "leave"] = "ask"
    auto_start: bool = False
    team: list[Member] = []
    groups: list[Group] = []
    products: list[Product] = []
    coupons: list[Coupon] = []
    links: list[Link] = []
    guests: list[Guest] = []
    phrases: list[Phrase] = []
    service: Service = Service()
    keywords: list[Keyword] = []
    followup: Followup = Followup()
    cheer: Cheer = Cheer()
    golden: list[Golden] = []
    targets: Targets = Targets()
    pacing: Pacing = Pacing()
    posters: Posters = Posters()
    floor: Floor = Floor()
    checks: Checks = Checks()
    attribution: Attribution = Attribution()
    segments: list[Segment] = []


def cue_id(segment: Segment, index: int) -> str:
    """The id of the segment's cue at that index (from 0): its own, else SEGMENT.n with n from 1."""
    return segment.cues[index].id or f"{segment.id}.{index + 1}"
