"""What a run is about: a short sheet, what the team and the audience do, and what goes wrong. All of it by the seed."""

from __future__ import annotations

import random
from typing import Any, NamedTuple

Json = dict[str, Any]

START = 1_792_998_000_000  # 2026-10-26T07:00:00Z, when the sheet begins
BEGINS_AT = 4.0  # of the run's seconds: the planned start
FAULTS_FROM, FAULTS_TO = 2.0, 22.0
HEALED_AT = 24.0
ENDS_AT = 40.0
QUANTITY = 5  # of the coupon: a few more members than that want it
SHOW_SECONDS = 20


class Step(NamedTuple):
    """Somebody gives a command, or something goes wrong, at a moment of the run (s)."""

    at: float
    who: str  # a console's name; "" for a fault
    what: Json


def sheet(chance: random.Random) -> Json:
    """Three groups, two relays, two segments of some seconds with timed drops."""
    late = lambda: chance.choice(["fire within 5m", "skip after 2s", "ask after 2s", "skip after 30s"])  # noqa: E731
    into: list[Json] = [
        {"do": "link.drop", "product": "pan", "groups": "all", "text": "看 {link}"},
        {"do": "link.drop", "link": "room", "groups": "tier:vip", "text": "进来 {link}"},
        {"do": "coupon.drop", "coupon": "c", "groups": "all"},
        {"do": "message.send", "groups": "all"},
        {"do": "checkin.open", "groups": "all"},
    ]
    at_once: list[Json] = [{"prompt": "host", "text": "准备"}, {"do": "product.show", "product": "pan"}]

    def cues(segment: str, seconds: int, drops: int, others: int) -> list[Json]:
        made: list[Json] = []
        for n in range(drops + others):
            cue = dict(chance.choice(into if n < drops else at_once))
            cue |= {"id": f"{segment}{n}", "at": f"+{chance.randrange(seconds * 10) * 100}ms", "late": late()}
            if cue.get("do") == "message.send":
                cue["text"] = f"大家好 {cue['id']}"  # a message is known again by its words
            if cue.get("do") == "checkin.open":
                cue["text"] = f"签到 {cue['id']}"
            if chance.random() < 0.1 and n < drops:
                cue["confirm"] = "controller"
            made.append(cue)
        return made

    groups = [
        {
            "id": "g1",
            "name": "VIP 1 群",
            "tier": "vip",
            "relay": chance.choice([["r1", "r2"], ["r1", "r2"], ["r1"]]),
            "members": 10,
        },
        {
            "id": "g2",
            "name": "新 2 群",
            "tier": "new",
            "relay": chance.choice([["r2", "r1"], ["r2", "r1"], ["r2"]]),
            "members": 10,
        },
        {"id": "g3", "name": "新 3 群", "tier": "new", "relay": "r1", "members": 10},
    ]
    first = chance.choice([6, 8])
    return {
        "title": "快闪", "kind": "flash", "timezone": "Asia/Shanghai", "start": "2026-10-26T07:00:00Z", "currency": "CNY",
        "lead": chance.choice(["2s", "1s", "500ms", "6s", "6s"]), "unknown": chance.choice(["ask", "ask", "resend", "leave"]),
        "auto_start": chance.random() < 0.3,
        "team": [{"person": "lin", "role": "host"}, {"person": "li", "role": "controller"}, {"person": "wang", "role": "controller"},
                 {"person": "chen", "role": "support"}, {"person": "boss", "role": "owner"}],
        "groups": groups,
        # What is dropped twice leaves twice in most runs; in the others the second is held back.
        "pacing": {"same_content": "10m" if first == 6 and len(groups[0]["relay"]) == 1 else "0s"},
        "products": [{"id": "pan", "name": "不粘锅", "line": "hit", "price": "129.00", "stock": 30, "url": "https://shop.example/pan"}],
        "coupons": [{"id": "c", "kind": "amount", "title": "减5元", "off": "5.00", "quantity": QUANTITY, "per_member": chance.choice([1, 1, 2])}],
        "links": [{"id": "room", "kind": "room", "url": "https://live.example/room"}],
        "segments": [
            {"id": "a", "kind": "warmup", "at": "0s", "lasts": f"{first}s", "cues": cues("a", first, 3, 1)},
            {"id": "b", "kind": "product", "product": "pan", "lasts": f"{SHOW_SECONDS - first}s", "cues": cues("b", SHOW_SECONDS - first, 5, 2)},
        ],
    }  # fmt: skip


TEAM = (("controller", "li", True), ("controller", "wang", False), ("host", "lin", False), ("support", "chen", True),
        ("owner", "boss", False), ("relay", "hands", True))  # fmt: skip
"""Role, name, and whether they are told ahead. `hands` is a relay without groups, that claims for members."""


def commands(chance: random.Random) -> list[Step]:
    """What people do, and when. Each has an id of its own; some are given again with it."""
    steps: list[Step] = [
        Step(0.8, "boss", {"kind": "show.arm"}),
        Step(BEGINS_AT + chance.random() * 0.2, "li", {"kind": "show.start"}),
    ]
    cue = lambda: chance.choice(["a0", "a1", "a2", "b0", "b1", "b2", "b3", "b4", "hand-1", "hand-2"])  # noqa: E731
    for n in range(chance.randrange(12, 22)):
        person = chance.choice(["li", "wang"])
        what: Json = chance.choice([
            {"kind": "cue.hold", "cue": cue()}, {"kind": "cue.hold", "cue": cue()}, {"kind": "cue.release", "cue": cue()},
            {"kind": "cue.release", "cue": cue()}, {"kind": "cue.skip", "cue": cue()}, {"kind": "cue.fire", "cue": cue()},
            {"kind": "cue.confirm", "cue": cue()},
            {"kind": "link.drop", "product": "pan", "groups": "all", "text": f"看 {n} {{link}}"},
            {"kind": "coupon.drop", "coupon": "c", "groups": "tier:new"},
            {"kind": "message.send", "content": f"来了 {n}", "groups": chance.choice(["all", "tier:new"])},
            {"kind": "segment.extend", "by_ms": 1000}, {"kind": "segment.next"}, {"kind": "show.shift", "by_ms": 500},
            {"kind": "product.reprice", "product": "pan", "price": 9900 + n}, {"kind": "note.add", "text": f"记 {n}"},
            {"kind": "show.pause"}, {"kind": "show.resume"}, {"kind": "show.halt", "reason": "停"}, {"kind": "show.unhalt"},
        ])  # fmt: skip
        at = 4.5 + chance.random() * 20
        steps.append(Step(at, person, what))
        undone = {"cue.hold": "cue.release", "show.pause": "show.resume", "show.halt": "show.unhalt"}.get(what["kind"])
        if undone is not None and chance.random() < 0.7:
            again = {"cue": what["cue"]} if "cue" in what else {}
            steps.append(Step(at + 0.1 + chance.random() * 3, person, {"kind": undone, **again}))
    for _ in range(chance.randrange(8, 16)):
        member = f"m{chance.randrange(8)}"
        steps.append(Step(6 + chance.random() * 20, "hands", {"kind": "coupon.claim", "coupon": "c", "member": member}))
    for n in range(4):
        group = chance.choice(["g1", "g2"])
        steps.append(
            Step(
                5 + chance.random() * 15,
                "hands",
                {"kind": "question.raise", "group": group, "member": f"m{n}", "text": f"{n} 包邮吗"},
            )
        )
        steps.append(Step(6 + chance.random() * 18, "chen", {"kind": "question.take", "question": f"q{n + 1}"}))
        steps.append(Step(4 + chance.random() * 20, "lin", {"kind": "prompt.send", "to": "controller", "text": f"提 {n}", "urgency": "normal"}))  # fmt: skip
    # What stands still at the end is set going again, so that everything comes to its end.
    steps.append(Step(HEALED_AT + 2, "boss", {"kind": "show.unhalt"}))
    steps.append(Step(HEALED_AT + 2.5, "boss", {"kind": "show.resume"}))
    return sorted(steps, key=lambda s: s.at)


def beside(chance: random.Random) -> list[str]:
    """In half of the runs a second process has the first relay's token, and a folder of its own."""
    return chance.choice([[], ["r1 beside"]])


def faults(chance: random.Random, nodes: list[str], consoles: list[str], relays: list[str]) -> list[Step]:
    """What goes wrong, and for how long."""
    steps = []
    owner = "the owner"
    for _ in range(chance.randrange(3, 9)):
        node = chance.choice([owner, owner, *nodes])
        kind = chance.choice([
            "crash", "crash", "stop", "pause", "pause", "cut off", "cut off", "stall", "flaky", "bus", "bus", "wall", "break", "break", "half open",
            "slow reader", "relay crash", "relay pause", "relay break", "unreachable", "snapshot", "platform",
        ])  # fmt: skip
        what: Json = {
            "fault": kind,
            "node": node,
            "seconds": round(chance.choice([0.05, 0.5, 1.0, 2.0, 4.0, 8.0]) * (0.5 + chance.random()), 3),
        }
        match kind:
            case "crash" | "relay crash":
                what["silently"] = chance.random() < 0.3
            case "flaky":
                what |= {name: chance.choice([0.0, 0.1, 0.4]) for name in ("lost", "unanswered", "late")}
            case "bus":
                what |= {
                    "unheard": chance.choice([0.0, 0.3, 1.0, 1.0]),
                    "twice": chance.choice([0.0, 0.3]),
                    "disorder": chance.choice([0.0, 0.3]),
                }
            case "wall":
                what["by_ms"] = chance.choice([-5000, -400, -100, 100, 400, 5000])
            case "break" | "half open" | "slow reader":
                what["client"] = chance.choice(consoles)
        if kind.startswith("relay"):
            what["relay"] = chance.choice(relays)
        steps.append(Step(FAULTS_FROM + chance.random() * (FAULTS_TO - FAULTS_FROM), "", what))
    return sorted(steps, key=lambda s: s.at)
