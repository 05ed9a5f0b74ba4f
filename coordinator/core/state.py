"""The whole state of one sale: a fold over its events, and nothing else.

Every attribute named in TOPICS is a map id → entity, and is what consoles see (through their role's
view). The others are the books that deciding needs. What is derived from the plan alone is not kept
here but computed once by `index` and set aside.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, cached_property
from hashlib import sha256
from typing import Any

import msgspec

from coordinator.core import conditions, pieces
from coordinator.core.attribution import Touch
from coordinator.core.audience import Audience, Channel
from coordinator.core.chains import Chain
from coordinator.core.checkins import Checkin
from coordinator.core.claims import Code
from coordinator.core.clicks import Seen
from coordinator.core.comparisons import Condition
from coordinator.core.corrections import Correction, Shown
from coordinator.core.costs import Cost
from coordinator.core.coupons import Coupon
from coordinator.core.cues import Cue, Drop
from coordinator.core.dealing import Worded
from coordinator.core.deliveries import Delivery
from coordinator.core.draws import Draw
from coordinator.core.figures import Figures
from coordinator.core.floor import Disturbance, Talk
from coordinator.core.golden import Golden
from coordinator.core.groups import Group
from coordinator.core.guests import Guest
from coordinator.core.interest import Followup
from coordinator.core.kernel import EVENTS, Event
from coordinator.core.keywords import Keyword, keywords_of
from coordinator.core.links import AddressKey, Link
from coordinator.core.notes import Note
from coordinator.core.order_life import Report
from coordinator.core.orders import Order
from coordinator.core.people import Person, Relay
from coordinator.core.plan import CuePlan, GroupPlan, KeywordPlan, Plan, ProductPlan
from coordinator.core.polls import Poll
from coordinator.core.products import Product
from coordinator.core.prompts import Prompt
from coordinator.core.questions import Question
from coordinator.core.quizzes import Quiz
from coordinator.core.redpackets import RedPacket
from coordinator.core.service import Service
from coordinator.core.show import Run, Segment, Show
from coordinator.core.showcases import Showcase
from coordinator.core.surveys import Survey
from coordinator.core.tasks import Task
from coordinator.core.traffic import Traffic
from coordinator.core.windows import Told

TOPICS = (
    "show", "segments", "cues", "runs", "products", "coupons", "links", "drops", "deliveries", "prompts",
    "questions", "tasks", "golden", "followups", "service", "orders", "groups", "people", "checkins", "polls", "quizzes",
    "surveys", "keywords", "showcases", "notes", "figures",
    "corrections", "audience", "channels", "costs", "guests",
    "chains", "draws", "redpackets", "traffic", "disturbances",
)  # fmt: skip


class State(msgspec.Struct, kw_only=True, dict=True):
    sale: str
    seq: int = 0
    at: int = 0
    before: int = 0  # `at` of the event before the last
    stepped: int = 0  # ms by which the wall clock was put on since: clock times come that much earlier
    rehearsal: float | None = None  # the speed of a rehearsal, 0 for `jump`; None for the real thing
    plan: Plan | None = None
    sheet: Any = None  # JSON: the sheet as it was given
    incarnations: list[tuple[int, str]] = []  # the first number of each owner's, where nodes share the journal
    opened_at: int = 0  # when the writer took the sale up
    quiet_since: int = 0  # the last event before that

    show: dict[str, Show] = {}
    segments: dict[str, Segment] = {}
    cues: dict[str, Cue] = {}
    runs: dict[str, Run] = {}
    products: dict[str, Product] = {}
    coupons: dict[str, Coupon] = {}
    links: dict[str, Link] = {}
    drops: dict[str, Drop] = {}
    deliveries: dict[str, Delivery] = {}
    prompts: dict[str, Prompt] = {}
    questions: dict[str, Question] = {}
    tasks: dict[str, Task] = {}
    golden: dict[str, Golden] = {}
    followups: dict[str, Followup] = {}
    service: dict[str, Service] = {}
    orders: dict[str, Order] = {}
    groups: dict[str, Group] = {}
    people: dict[str, Person] = {}
    checkins: dict[str, Checkin] = {}
    polls: dict[str, Poll] = {}
    quizzes: dict[str, Quiz] = {}
    surveys: dict[str, Survey] = {}
    keywords: dict[str, Keyword] = {}
    showcases: dict[str, Showcase] = {}
    chains: dict[str, Chain] = {}
    draws: dict[str, Draw] = {}
    redpackets: dict[str, RedPacket] = {}
    notes: dict[str, Note] = {}
    figures: dict[str, Figures] = {}
    corrections: dict[str, Correction] = {}
    audience: dict[str, Audience] = {}
    channels: dict[str, Channel] = {}
    costs: dict[str, Cost] = {}
    guests: dict[str, Guest] = {}
    traffic: dict[str, Traffic] = {}
    disturbances: dict[str, Disturbance] = {}

    added: dict[str, tuple[str, CuePlan]] = {}  # cues that the sheet does not hold: by hand or added live
    keys: dict[str, AddressKey] = {}  # the addresses that went out: one for each drop and group
    openings: Seen = msgspec.field(default_factory=Seen)  # which addresses members opened lately
    codes: dict[str, Code] = {}
    claims: dict[str, dict[str, tuple[str, ...]]] = {}  # coupon → person → codes
    not_given: dict[str, dict[str, str]] = {}  # round or draw → who earned a coupon there and was not given it → why
    unpaid: dict[str, list[str]] = {}  # coupon → codes from the first that waits for its payment on
    bought: dict[str, tuple[str, ...]] = {}  # person → orders that were paid
    brought: dict[str, tuple[str, ...]] = {}  # person → members who came by their share
    came: set[str] = set()  # those members
    relays: dict[str, Relay] = {}
    windows: dict[str, Told] = {}  # relay → its credentials, as it has told them
    recent: dict[str, list[str]] = {}  # group → its deliveries that the rules of pace still look at
    held_back: dict[str, list[str]] = {}  # group → its deliveries that a rule of pace holds back
    asked_again: dict[
        str, dict[str, int]
    ] = {}  # group → what a member wants to have again ("": whatever it was) → when
    opened: set[str] = set()  # deliveries that are not at their end
    by_drop: dict[str, dict[str, str]] = {}  # drop → group → delivery
    entries: dict[str, dict[str, str]] = {}  # draw → the members who are in it → their group, "" where nobody knows it
    seeds: dict[str, str] = {}  # draw → its seed until it is run: no view shows it
    speakers: set[str] = set()  # persons who said something
    present: dict[str, tuple[str, ...]] = {}  # member → the groups that they were seen to join and are still in
    buyers: dict[str, int] = {}  # person → paid orders
    reports: dict[str, dict[str, tuple[Report, ...]]] = {}  # order → status → what was said, the one that counts last
    newest_orders: list[str] = []  # the last that were told of for the first time
    touches: dict[str, tuple[Touch, ...]] = {}  # member → their last clicks
    rendered: dict[str, dict[str, Shown]] = {}  # delivery → attempt → what its text says of a price or stock
    told: dict[str, dict[str, Shown]] = {}  # group → product → what it was told last
    redeemed: dict[str, tuple[str, ...]] = {}  # order → codes that were redeemed for it
    unanswered: set[str] = set()  # questions that are open
    taken: set[str] = set()  # those of them that somebody has taken
    # Of each of a question's clocks: up to which number it has nothing more to do.
    clocks: list[int] = msgspec.field(default_factory=lambda: [0, 0, 0])
    refunds: dict[str, int] = {}  # order → what of it counts as refunded
    refunded_in_all: int = 0
    asked: dict[str, str] = {}  # normalised question → open card
    followup_of: dict[str, str] = {}  # person → their follow-up
    ordered_by: dict[str, str] = {}  # order → the follow-up of who placed it
    open_followups: set[str] = set()
    listed: set[str] = set()  # of those the first by rank, which screens are sent
    working: set[str] = set()  # follow-ups that somebody has
    askers: dict[str, dict[str, str]] = {}  # open question → who asked it, in which group
    optouts: set[str] = set()  # persons who asked not to be written to
    linked: dict[str, str] = {}  # member → the pseudonym that stands for their person, where it is another
    same: dict[str, tuple[str, ...]] = {}  # that pseudonym → all of the person
    pending: set[str] = set()  # tasks that are not done
    dealt: dict[str, int] = {}  # person → how many tasks they have had, or as if they had
    worded: dict[str, Worded] = {}  # normalised words of a task → whose they are
    posted: dict[str, str] = {}  # normalised words that one of the team was seen to post → who
    talk: dict[str, Talk] = {}  # group → who said how much there of late
    welcomed: dict[str, int] = {}  # group → when who came was last welcomed
    truths: dict[str, bool] = {}  # triggered cue → whether its condition holds while it is looked at
    falls: dict[str, int] = {}  # triggered cue → when time alone makes its condition false
    counts: dict[str, int] = {}  # the last number used, by kind of id

    @property
    def the(self) -> Show:
        """The show; there is always exactly one once the sale is created."""
        return self.show["show"]

    @property
    def p(self) -> Plan:
        if self.plan is None:
            raise ValueError("the sale has no plan yet")
        return self.plan

    # -------- what follows from the plan alone, made anew whenever the plan changes
    @cached_property
    def index(self) -> Index:
        return Index(self)

    def reindex(self) -> None:
        self.__dict__.pop("index", None)

    def add_cue(self, segment: str, plan: CuePlan) -> None:
        """A cue that the sheet does not hold. The look-ups take it up as they are: there can be thousands in a show."""
        self.index.add(segment, plan)
        self.added[plan.id] = (segment, plan)

    def next_id(self, kind: str) -> str:
        """The id that the next thing of this kind gets; the event that makes it moves the count on."""
        return f"{kind}{self.counts.get(kind, 0) + 1}"

    def count(self, kind: str) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + 1


class Index:
    """Look-ups into the plan."""

    __slots__ = (
        "_keywords",
        "addresses",
        "conditions",
        "cues",
        "groups",
        "happenings",
        "prizes_of_chains",
        "products",
        "risen",
        "state",
        "timed",
        "timed_topics",
        "watched",
    )

    def __init__(self, state: State) -> None:
        plan = state.p
        self.state = state
        # Triggered cues whose condition the last event made true: for who decides, no part of the state.
        self.risen: tuple[str, ...] = ()
        self.cues: dict[str, tuple[str, CuePlan]] = {}
        self.groups: dict[str, GroupPlan] = {g.id: g for g in plan.groups}
        self._keywords: dict[tuple[str, str], KeywordPlan] | None = None
        self.products: dict[str, ProductPlan] = {p.id: p for p in plan.products}
        self.addresses = (*(x.url for x in plan.links), *(p.url for p in plan.products if p.url))
        self.conditions: dict[str, Condition] = {}
        # Topic → entity, or ANY of them → cues whose condition reads it.
        self.watched: dict[str, dict[str, list[str]]] = {}
        self.happenings: dict[type[Event], list[str]] = {}  # kind of event → cues whose condition is looked at for it
        self.timed: list[str] = []  # cues whose condition time alone can make true
        self.timed_topics: frozenset[str] = frozenset()
        """What the moments of conditions hang on, beside what all moments hang on."""
        # Coupons that a chain of the sheet unlocks.
        self.prizes_of_chains = frozenset(
            str(unlocks["coupon"])
            for segment in plan.segments
            for c in segment.cues
            if isinstance(unlocks := c.fields.get("unlocks"), dict) and unlocks.get("coupon")
        )
        planned = {c.id: (s.id, c) for s in plan.segments for c in s.cues}
        for in_segment, cue in (planned | state.added).values():
            self.add(in_segment, cue)

    def add(self, segment: str, cue: CuePlan) -> None:
        """Takes up a cue, the last of all."""
        self.cues[cue.id] = (segment, cue)
        if cue.when is None:
            return
        condition = self.conditions[cue.id] = conditions.parse(cue.when, self.state.p.currency)
        # When it is looked at hangs on the show and the segment: they are read too.
        for topic, id_ in {*condition.reads, ("show", "show"), ("segments", segment)}:
            self.watched.setdefault(topic, {}).setdefault(id_, []).append(cue.id)
        kinds = set(condition.happenings)
        if condition.timed:
            self.timed.append(cue.id)
            self.timed_topics |= {topic for topic, _ in condition.reads}
            kinds.add("cue.triggered")
        for kind in kinds:
            self.happenings.setdefault(EVENTS[kind], []).append(cue.id)

    @property
    def keywords(self) -> dict[tuple[str, str], KeywordPlan]:
        """(normalised word, group) → keyword. Made when it is first asked for."""
        if self._keywords is None:
            self._keywords = keywords_of(self.state)
        return self._keywords


FOLD = 4  # raised where the same events give another state than before: a state that was saved is then made anew

FORM_BYTES = 8
LENGTH_BYTES = 4
_pack = msgspec.msgpack.Encoder(order="deterministic").encode
_unpack = msgspec.msgpack.Decoder(State).decode


@cache
def form() -> bytes:
    """What a saved state hangs on besides its events: the fields of the state, the kinds of events and their versions.

    Two versions of Dropcue that differ here do not read each other's saved states: what the other one did not know
    would be missing from it without a trace.
    """
    kinds = sorted((kind, event.VERSION) for kind, event in EVENTS.items())
    described = [FOLD, kinds, _without_words(msgspec.json.schema(State))]
    return sha256(msgspec.json.encode(described, order="sorted")).digest()[:FORM_BYTES]


def _without_words(schema: Any) -> Any:  # Any: a JSON schema
    if isinstance(schema, dict):
        return {name: _without_words(part) for name, part in schema.items() if name != "description"}
    return [_without_words(part) for part in schema] if isinstance(schema, list) else schema


def encode(state: State) -> bytes:
    """The state as bytes: equal states give equal bytes. Each part stands behind its length; large maps are in pieces."""
    large = {name: value for name in State.__struct_fields__ if pieces.is_large(value := getattr(state, name))}
    head = msgspec.structs.replace(state, **{name: type(value)() for name, value in large.items()}) if large else state
    parts: list[Any] = [head]
    parts += [{"sale": state.sale, name: piece} for name, value in large.items() for piece in pieces.of(value)]
    return form() + b"".join([len(data).to_bytes(LENGTH_BYTES) + data for data in map(_pack, parts)])


def decode(data: bytes) -> State:
    """The state that `encode` had. Raises msgspec.MsgspecError where another version of Dropcue has saved it."""
    *_, state = reading(data)
    return state


def reading(data: bytes) -> Iterator[State]:
    """The state that `encode` had, as it comes together: it is whole when nothing more comes.

    Its maps are in their order again: as the sheet has it, then as things were made. Raises msgspec.MsgspecError where
    another version of Dropcue has saved it.
    """
    if data[:FORM_BYTES] != form():
        raise msgspec.ValidationError("another version of Dropcue has saved this state")
    parts = _unpacked(memoryview(data)[FORM_BYTES:])
    state = next(parts, None)
    if state is None:
        raise msgspec.DecodeError("nothing stands in this state")
    yield state
    for part in parts:
        for name in State.__struct_fields__:
            piece = getattr(part, name)
            if isinstance(piece, dict | set) and piece:
                pieces.join(getattr(state, name), piece)
        yield state
    for topic in TOPICS:
        entities = getattr(state, topic)
        setattr(state, topic, {name: entities[name] for name in sorted(entities, key=len)})  # they come by name
        if len(entities) > pieces.PIECE_ENTRIES:
            yield state
    if state.plan is not None:
        plan = state.plan
        planned: dict[str, list[str]] = {
            "groups": [x.id for x in plan.groups], "products": [x.id for x in plan.products],
            "coupons": [x.id for x in plan.coupons], "links": [x.id for x in plan.links],
            "segments": [x.id for x in plan.segments], "cues": [c.id for x in plan.segments for c in x.cues],
            "keywords": [x.id for x in plan.keywords], "guests": [x.id for x in plan.guests],
            "people": [f"{x.role}:{x.person}" for x in plan.team],
        }  # fmt: skip
        for topic, ids in planned.items():
            entities = getattr(state, topic)
            setattr(state, topic, {i: entities[i] for i in ids if i in entities} | entities)
    yield state


def _unpacked(data: memoryview) -> Iterator[State]:
    at = 0
    while at < len(data):
        begins = at + LENGTH_BYTES
        at = begins + int.from_bytes(data[at:begins])
        yield _unpack(data[begins:at])
