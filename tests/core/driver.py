"""Drives the pure core on virtual time: commands and due moments in, events out.

After every step it re-folds all events from scratch, as they come back from the journal's bytes, and asks for
the same state byte for byte; a refused command must have left nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from coordinator import rules
from coordinator.core import (
    CLOCK,
    COMMANDS,
    Actor,
    Decided,
    Event,
    Moment,
    Refusal,
    State,
    answer,
    decide,
    decide_due,
    due,
    evolve,
)
from coordinator.core.kernel import PRODUCES, Override, check_from
from coordinator.core.sheets import JournalOpened
from coordinator.core.state import encode
from coordinator.journal import codec
from coordinator.journal.base import Entry
from coordinator.runsheet import load_plan
from roles.permissions import may

START = 1_792_998_000_000  # 2026-10-26T07:00:00Z, when the sheets here start
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
PUBLIC = "https://d.example"

SHEET: dict[str, Any] = {
    "title": "厨房专场", "kind": "flash", "timezone": "Asia/Shanghai", "start": "2026-10-26T07:00:00Z", "currency": "CNY",
    "team": [
        {"person": "lin", "role": "host"}, {"person": "wu", "role": "cohost"}, {"person": "li", "role": "controller"},
        {"person": "mei", "role": "cheer"}, {"person": "an", "role": "cheer"}, {"person": "chen", "role": "support"},
    ],
    "groups": [
        {"id": "g1", "name": "VIP 1 群", "tier": "vip", "tags": ["kitchen"], "relay": ["r1", "r2"], "members": 10},
        {"id": "g2", "name": "会员 2 群", "tier": "member", "relay": "r1", "members": 20},
        {"id": "g3", "name": "粉丝 3 群", "tier": "fan", "relay": "r2", "members": 30},
    ],
    "products": [
        {"id": "pan", "name": "不粘锅", "line": "hit", "price": "129.00", "stock": 300, "url": "https://shop.example/pan"},
        {"id": "knife", "name": "刀具", "line": "volume", "price": "59.00", "url": "https://shop.example/knife"},
    ],
    "coupons": [
        {"id": "c20", "kind": "threshold", "title": "满100减20", "over": "100.00", "off": "20.00", "quantity": 10, "valid": "2h"},
        {"id": "vip5", "kind": "amount", "title": "VIP 5 元", "off": "5.00", "quantity": 3, "per_member": 2, "groups": "tier:vip"},
    ],
    "links": [{"id": "room", "kind": "room", "url": "https://live.example/room"}],
}  # fmt: skip

ACTORS = {
    a.role: a
    for a in (
        Actor("owner", "boss"), Actor("controller", "li"), Actor("host", "lin"), Actor("cohost", "wu"),
        Actor("cheer", "mei"), Actor("support", "chen"), Actor("relay", "r1", ("g1", "g2")), Actor("shop", "shop"),
        Actor("audience", "m1"), CLOCK,
    )
} | {"r1": Actor("relay", "r1", ("g1", "g2")), "r2": Actor("relay", "r2", ("g1", "g3")), "an": Actor("cheer", "an")}  # fmt: skip

ANY: Any = object()


def sheet(*segments: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The small sheet with these segments; other keys replace its own."""
    return {**copy.deepcopy(SHEET), **more, "segments": copy.deepcopy(list(segments))}


def segment(*cues: dict[str, Any], id: str = "intro", lasts: str = "5m", **more: Any) -> dict[str, Any]:  # noqa: A002
    return {"id": id, "kind": "interaction", "lasts": lasts, "cues": list(cues), **more}


def refolded(events: list[Event], *, private: bool = True) -> State:
    """The state that the journal's bytes give."""
    state = State(sale="kitchen")
    for event in events:
        body, part = codec.encode(event)
        evolve(state, codec.decode(Entry(event.seq, body, part if private else None)))
    return state


class Sale:
    """One sale; `now` is its time, in ms, and nothing here waits."""

    def __init__(
        self, of: dict[str, Any] | None = None, *, relays: bool = True, approved: bool = True, check: bool = True
    ) -> None:
        self.now = START - HOUR
        self.state = State(sale="kitchen")
        self.events: list[Event] = []
        self.after: list[Callable[[Decided], None]] = []
        """Called with what came of each step."""
        self._check, self._commands = check, 0
        self.plan, as_read, findings = load_plan(of or sheet(segment()), "sheet", None, self.now)
        assert self.plan is not None, findings
        self.do("clock", "sale.create", sale="kitchen", plan=self.plan, sheet=as_read)
        self.state.the.approved = approved
        if not approved:
            self._check = False
        if relays:
            self.relay("r1")
            self.relay("r2")

    # ------------------------------------------------------------ what happens
    def do(
        self, actor: str | Actor, kind: str, *, from_: Any = ANY, override: Override | None = None, **fields: Any
    ) -> dict[str, Any]:
        """Gives a command at `now`; its result, or Refusal."""
        who = ACTORS[actor] if isinstance(actor, str) else actor
        self._commands += 1
        before = encode(self.state)
        try:
            if who is not CLOCK and not may(who.role, kind):
                raise Refusal("forbidden", f"{who.role} may not {kind}")
            command = COMMANDS[kind].model_validate(fields)
            if from_ is not ANY:
                check_from(self.state, command, from_)
            decided = decide(self.state, who, command, self.moment(), f"c{self._commands}", 1, override)
        except Refusal:
            assert encode(self.state) == before, f"{kind} was refused and left a trace"
            raise
        if decided.events:
            assert answer(self.state, decided.events[0]) == decided.result, (
                f"a repeat of {kind} would be told something else"
            )
            strange = {str(e.__struct_config__.tag) for e in decided.events} - set(PRODUCES[kind])
            assert not strange or self._triggered(decided.events), (
                f"{kind} leads to {strange}, which its documentation does not say"
            )
        self._take(decided)
        return decided.result or {}

    def _triggered(self, events: list[Event]) -> bool:
        """Whether a condition came true: then its cue is set off in the same append."""
        if any(str(e.__struct_config__.tag) == "cue.again" for e in events):
            return True
        return any(
            self.state.cues[c].when is not None
            for c in (getattr(e, "cue", None) for e in events)
            if c in self.state.cues
        )

    def advance(self, to: int) -> None:
        """Lets the time pass: what is due happens at its moment."""
        self._due(to, each_at_its_moment=True)

    def away(self, to: int) -> None:
        """The service was down until then: what came due meanwhile is noticed only now."""
        self._due(to, each_at_its_moment=False)

    def _due(self, to: int, *, each_at_its_moment: bool) -> None:
        declined: set[str] = set()
        while True:
            coming = next((d for d in due(self.state) if d[2] not in declined), None)
            if coming is None or coming[0] > to:
                break
            self.now = max(self.now, coming[0]) if each_at_its_moment else to
            decided = decide_due(self.state, coming[2], self.moment())
            if decided.events:
                declined.clear()
                self._take(decided)
            else:
                declined.add(coming[2])
        self.now = max(self.now, to)

    def moment(self) -> Moment:
        bits = (self._commands * 1_000_003 + len(self.events)).to_bytes(32, "big")
        return Moment(
            at=self.now,
            bits=bits,
            public=PUBLIC,
            rules=rules.judge(self.state.p.checks.rules if self.state.plan else "cn"),
        )

    def _take(self, decided: Decided) -> None:
        self.events += decided.events
        for each in self.after:
            each(decided)
        if self._check:
            self.check()

    def check(self) -> None:
        assert encode(refolded(self.events)) == encode(self.state), "another state comes from the same events"

    # ------------------------------------------------------------ short ways
    def reopen(self, at: int) -> None:
        """The service was away until then, and takes the sale up again."""
        opened = JournalOpened(seq=self.state.seq + 1, at=at, by=CLOCK.by, owner="n2", incarnation="f" * 16)
        evolve(self.state, opened)
        self.events.append(opened)
        self.now = at

    def relay(self, name: str, *, here: bool = True, record: str = "") -> None:
        groups = list(ACTORS[name].groups or ())
        self.do("clock", "presence.relay", relay=name, groups=groups, here=here, record=record)

    def live(self) -> Sale:
        """Armed, and started at its planned start."""
        self.do("owner", "show.arm")
        self.advance(START)
        self.do("controller", "show.start")
        self.advance(START)
        return self

    def replace(self, of: dict[str, Any], *, by: str = "owner", version: int | None = None) -> dict[str, Any]:
        plan, _, findings = load_plan(of, "sheet", None, self.now)
        assert plan is not None, findings
        return self.do(by, "sheet.replace", version=version or self.state.the.version, sheet={}, plan=plan)

    def refused(self, actor: str | Actor, kind: str, **fields: Any) -> str:
        """The code with which it is refused."""
        try:
            self.do(actor, kind, **fields)
        except Refusal as refusal:
            return refusal.code
        raise AssertionError(f"{kind} was not refused")

    # ------------------------------------------------------------ what came of it
    def of(self, *kinds: str) -> list[Any]:
        return [e for e in self.events if e.__struct_config__.tag in kinds]

    def since(self, mark: int) -> list[str]:
        return [str(e.__struct_config__.tag) for e in self.events[mark:]]

    def cue(self, name: str) -> Any:
        return self.state.cues[name]

    def deliveries(self, drop: str = "drop1") -> dict[str, Any]:
        """Group → delivery of a drop."""
        return {g: self.state.deliveries[d] for g, d in self.state.by_drop.get(drop, {}).items()}

    def fired(self, cue: str) -> list[tuple[int, int]]:
        """(when, planned for), in seconds from the start."""
        return [((e.at - START) // 1000, (e.planned_at - START) // 1000) for e in self.of("cue.fired") if e.cue == cue]
