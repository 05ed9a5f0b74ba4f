"""A sale made by driving the core itself: commands and due moments in, events out, at times of the test's choosing."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from coordinator import rules
from coordinator.core import COMMANDS, Actor, Event, Moment, State, decide, decide_due, due
from coordinator.journal import codec
from coordinator.journal.base import Flush, Journal
from coordinator.journal.sqlite import SqliteJournal
from coordinator.runsheet import load_plan

START = 1_792_998_000_000  # an instant on a full minute; the sheet below starts then
MINUTE = 60_000

SHEET: dict[str, Any] = {
    "title": "厨房专场", "kind": "flash", "timezone": "Asia/Shanghai", "start": "2026-10-26T07:00:00Z", "currency": "CNY",
    "team": [
        {"person": "lin", "role": "host"}, {"person": "li", "role": "controller"}, {"person": "mei", "role": "cheer"},
        {"person": "chen", "role": "support"},
    ],
    "groups": [
        {"id": "g1", "name": "VIP 1 群", "tier": "vip", "relay": "r1", "members": 10},
        {"id": "g2", "name": "会员 2 群", "tier": "member", "relay": "r1", "members": 20},
    ],
    "products": [
        {"id": "pan", "name": "不粘锅", "line": "hit", "price": "129.00", "stock": 300, "url": "https://shop.example/pan"},
        {"id": "knife", "name": "刀具", "line": "volume", "price": "59.00", "url": "https://shop.example/knife"},
    ],
    "coupons": [
        {"id": "c20", "kind": "threshold", "title": "满100减20", "over": "100.00", "off": "20.00", "quantity": 50, "products": ["pan"]},
    ],
    "links": [{"id": "room", "kind": "room", "url": "https://live.example/room"}],
    "targets": {"sales": "500.00", "buyers": 4},
    "segments": [
        {"id": "pan-intro", "kind": "product", "product": "pan", "name": "不粘锅", "at": "0s", "lasts": "3m", "cues": [
            {"id": "show-pan", "at": "start", "do": "product.show"},
            {"id": "pan-link", "at": "+1m", "do": "link.drop", "groups": "all", "text": "上链接 {link}"},
            {"id": "pan-coupon", "at": "+2m", "do": "coupon.drop", "coupon": "c20", "groups": "tier:vip"},
        ]},
        {"id": "qa", "kind": "qa", "name": "答疑", "lasts": "5m", "advance": "manual"},
    ],
}  # fmt: skip

ROLES = {
    "relay": Actor("relay", "r1", ("g1", "g2")), "owner": Actor("owner", "owner"), "controller": Actor("controller", "li"),
    "support": Actor("support", "chen"), "host": Actor("host", "lin"), "shop": Actor("shop", "shop"),
    "clock": Actor("clock", "clock"), "cheer": Actor("cheer", "mei"),
}  # fmt: skip


class Stage:
    """A sale and its events. `now` is the sale's time; nothing here waits."""

    def __init__(
        self,
        sheet: dict[str, Any] | None = None,
        *,
        sale: str = "kitchen",
        relay: bool = True,
        rehearsal: float | None = None,
    ) -> None:
        self.now = START - 30 * MINUTE
        self.state = State(sale=sale)
        self.events: list[Event] = []
        self.commands: list[tuple[str, str, int]] = []
        plan, as_read, findings = load_plan(copy.deepcopy(sheet or SHEET), "sheet", None, self.now)
        assert plan is not None, findings
        self.do("owner", "sale.create", sale=sale, plan=plan, sheet=as_read, rehearsal=rehearsal)
        if relay:
            groups = [g.id for g in plan.groups]
            self.do("clock", "presence.relay", relay="r1", groups=groups, here=True)

    def do(self, role: str, kind: str, **fields: Any) -> dict[str, Any]:
        bits = len(self.events).to_bytes(32, "big")
        moment = Moment(at=self.now, bits=bits, public="https://d.example", rules=rules.judge())
        cmd = f"c{len(self.commands)}"
        decided = decide(self.state, ROLES[role], COMMANDS[kind].model_validate(fields), moment, cmd, 1)
        if decided.events:
            self.commands.append((ROLES[role].sender, cmd, decided.events[0].seq))
        self.events += decided.events
        return decided.result or {}

    def until(self, at: int) -> Stage:
        """Lets everything that is due happen, each at its moment, up to `at` (ms from the show's planned start)."""
        target = START + at
        declined: set[str] = set()
        while True:
            coming = next((d for d in due(self.state) if d[2] not in declined), None)
            if coming is None or coming[0] > target:
                break
            self.now = max(self.now, coming[0])
            decided = decide_due(self.state, coming[2], Moment(at=self.now, bits=bytes(32), public="https://d.example"))
            self.events += decided.events
            if decided.events:
                declined.clear()
            else:
                declined.add(coming[2])
        self.now = max(self.now, target)
        return self

    def live(self) -> Stage:
        self.do("controller", "show.arm")
        self.until(0)
        self.do("controller", "show.start")
        return self.until(0)

    def sent(self, late_ms: int = 100) -> None:
        """The relay has sent whatever has fired, each so long after its moment."""
        for d in list(self.state.deliveries.values()):
            if d.status == "requested" and d.fire_at <= self.now:
                self.do(
                    "relay",
                    "delivery.report",
                    delivery=d.id,
                    attempt=d.attempt,
                    outcome="sent",
                    sent_at=d.fire_at + late_ms,
                )

    def key(self, drop: str, group: str) -> str:
        return next(k for k, a in self.state.keys.items() if a.drop == drop and a.group == group)

    def order(self, order: str, status: str, amount: int, member: str | None = None, **fields: Any) -> None:
        self.do("shop", "order.report", order=order, status=status, amount=amount, member=member, **fields)

    async def write(self, journal: Journal, flush: int = 7) -> None:
        await journal.create(self.state.sale)
        waiting = list(reversed(self.commands))
        for at in range(0, len(self.events), flush):
            part = self.events[at : at + flush]
            bodies, private = [], []
            for event in part:
                body, said = codec.encode(event)
                bodies.append(body)
                if said is not None:
                    private.append((event.seq, said))
            commands = []
            while waiting and waiting[-1][2] <= part[-1].seq:
                commands.append(waiting.pop())
            await journal.append(self.state.sale, Flush(part[0].seq, bodies, private, commands))

    async def save(self, data: Path) -> Path:
        """Into a data folder of its own, closed again."""
        journal = SqliteJournal.open(data)
        try:
            await self.write(journal)
        finally:
            await journal.close()
        return data
