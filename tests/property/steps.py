"""Random sheets, and random steps on a sale: whatever a team, relays, members and the time may do to it."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import strategies as st

from coordinator.core import CLOCK, Actor, Refusal
from tests.core.driver import ACTORS, MINUTE, SECOND, START, Sale, segment, sheet

# ---------------------------------------------------------------- sheets
_DO: list[dict[str, Any]] = [
    {"prompt": "host", "text": "还剩 {coupon.left} 张"},
    {"do": "chain.open", "product": "pan", "target": 2, "until": "20s", "unlocks": {"coupon": "vip5"}},
    {"do": "chain.open", "product": "knife", "target": 1, "until": "1m", "unlocks": {"price": "1.00"}},
    {"do": "chain.close"},
    {"do": "draw.open", "prizes": "红包", "quantity": 2, "until": "20s", "eligible": "comment"},
    {"do": "draw.run"},
    {"do": "redpacket.announce", "amount": "8.80", "count": 5},
    {"task": "cheer", "text": ["{这个|这口}锅好吗", "包邮吗"]},
    {"do": "product.show", "product": "pan"},
    {"do": "product.hide", "product": "pan"},
    {"do": "link.drop", "link": "room", "groups": "all", "text": "看 {link}"},
    {"do": "link.drop", "product": "pan", "groups": "tier:vip | tier:fan", "text": "{price} {link}"},
    {"do": "coupon.drop", "coupon": "c20", "groups": "all"},
    {"do": "coupon.drop", "coupon": "vip5", "groups": "tier:vip", "quantity": 2},
    {"do": "checkin.open", "groups": "all"},
    {"do": "checkin.close"},
    {"do": "coupon.stop", "coupon": "vip5"},
    {"do": "link.stop", "link": "room"},
    {"do": "message.send", "groups": "tag:kitchen", "text": "只要 {price}"},
]
_AT = ["start", "-20s", "+0s", "+1s", "+20s", "+1m", "end", "end +5s", "end -10s", "15:01", "15:04"]
_WHEN = [
    "messages >= 2",
    "coupon c20 left <= 80%",
    "product pan stock < 20",
    "claims >= 1 and messages >= 1",
    "clicks >= 1",
]


@st.composite
def cue(draw: st.DrawFn, id_: str) -> dict[str, Any]:
    made = {"id": id_, **draw(st.sampled_from(_DO))}
    if draw(st.integers(0, 3)):
        made["at"] = draw(st.sampled_from(_AT))
    else:
        made["when"] = draw(st.sampled_from(_WHEN))
        if draw(st.booleans()):
            made["again after"] = draw(st.sampled_from(["1s", "30s"]))
    if not draw(st.integers(0, 4)):
        made["confirm"] = draw(st.sampled_from(["controller", {"role": "controller", "within": "20s"}]))
    if not draw(st.integers(0, 2)):
        made["late"] = draw(st.sampled_from(["skip after 5s", "ask after 5s", "fire within 1m"]))
    return made


@st.composite
def sheets(draw: st.DrawFn) -> dict[str, Any]:
    """Two or three segments with a few cues each. Ids are the same from sheet to sheet, so that edits meet."""
    kinds = draw(
        st.sampled_from([("intro", "next"), ("warm", "intro", "next"), ("intro", "after"), ("warm", "intro", "after")])
    )
    segments = []
    for name in kinds:
        cues = [draw(cue(f"{name}{i}")) for i in range(draw(st.integers(0, 3)))]
        more: dict[str, Any] = {"lasts": draw(st.sampled_from(["30s", "2m", "5m"]))}
        if name == "warm":
            more["at"] = "-2m"
        elif draw(st.booleans()):
            more["advance"] = "manual"
        segments.append(segment(*cues, id=name, **more) | ({"kind": "aftercare"} if name == "after" else {}))
    return sheet(
        *segments,
        lead=draw(st.sampled_from(["2s", "0s", "5s"])),
        unknown=draw(st.sampled_from(["ask", "resend", "leave"])),
        auto_start=draw(st.booleans()),
    )


# ---------------------------------------------------------------- steps
MEMBERS = ("m1", "m2", "m3")
_WAITS = (0, 1, 500, SECOND, 2 * SECOND, 5 * SECOND, 16 * SECOND, MINUTE, 4 * MINUTE)
_OUTCOMES = ("sent", "waiting", "awaiting", "retry", "rejected", "disabled", "expired", "unknown")
_SHOW = (
    "show.start", "show.pause", "show.resume", "show.shift", "show.halt", "show.unhalt", "show.unhalt", "segment.next",
    "segment.next", "segment.extend", "show.end", "show.close",
)  # fmt: skip
_DROPS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("link.drop", {"link": "room", "groups": "all"}),
    ("chain.open", {"product": "pan", "target": 2, "until": 20 * SECOND, "groups": ["g1", "g2"]}),
    ("chain.open", {"product": "knife", "target": 3, "until": MINUTE, "unlocks": {"price": 100}}),
    ("chain.close", {}),
    ("draw.open", {"prizes": ["锅", "铲"], "until": 20 * SECOND}),
    ("draw.open", {"prizes": "锅", "until": MINUTE, "eligible": {"by": "claim", "groups": "group:g1"}}),
    ("draw.run", {}),
    ("link.drop", {"product": "pan", "groups": "tier:vip", "text": "{price} {stock} {link}"}),
    ("coupon.drop", {"coupon": "c20", "groups": "all"}),
    ("coupon.drop", {"coupon": "c20", "groups": "tier:member", "quantity": 2}),
    ("coupon.drop", {"coupon": "vip5", "groups": ["g1"]}),
    ("message.send", {"content": "大家好", "groups": "tier:fan"}),
    ("message.send", {"content": "没有人", "groups": "tier:none"}),
    ("checkin.open", {"groups": "all"}),
    ("checkin.close", {}),
    ("coupon.stop", {"coupon": "vip5"}),
    ("link.stop", {"product": "pan"}),
)

NAMES = (
    "wait", "wait", "wait", "wait", "away", "show", "cue", "cue", "drop", "drop", "claim", "claim", "redeem", "click",
    "report", "report", "report", "delivery", "relay", "person", "group", "observe", "observe", "question", "work", "follow",
    "task", "order", "product", "outside", "say", "edit", "join", "step", "add",
)  # fmt: skip
STEPS = st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 59), st.integers(0, 59)), min_size=12, max_size=40)


def _of(things: Any, n: int, default: str = "none") -> str:
    names = list(things)
    return names[n % len(names)] if names else default


def commands(
    sale: Sale, name: str, a: int, b: int, sheets_: list[dict[str, Any]]
) -> tuple[str | Actor, str, dict[str, Any]]:
    """The command that a step stands for on the sale as it is: (who, kind, fields)."""
    state = sale.state
    member = MEMBERS[a % 3]
    match name:
        case "show":
            kind = _SHOW[a % (len(_SHOW) if b % 6 == 0 else len(_SHOW) - 2)]  # the end comes seldom
            fields = {"by_ms": (b - 20) * SECOND} if kind in {"show.shift", "segment.extend"} else {}
            return "controller", kind, fields
        case "cue":
            kind = (
                "cue.fire",
                "cue.confirm",
                "cue.hold",
                "cue.release",
                "cue.skip",
                "cue.confirm",
                "cue.release",
                "cue.hold",
            )[a % 8]
            wanted = [c.id for c in state.cues.values() if c.status not in {"fired", "skipped"}] or list(state.cues)
            if b % 2:  # what is on its way has the most to lose
                wanted = [c.id for c in state.cues.values() if c.status in {"announced", "held", "waiting"}] or wanted
            return "controller", kind, {"cue": _of(wanted, b)}
        case "drop":
            kind, fields = _DROPS[a % len(_DROPS)]
            return "controller", kind, fields
        case "claim":
            coupon = ("c20", "vip5", "c20", "nothing")[b % 4]
            group = (None, "g1", "g2", "g3")[b // 4 % 4]
            return "r1", "coupon.claim", {"coupon": coupon, "member": None if a % 7 == 0 else member, "group": group}
        case "redeem":
            return "shop", "coupon.redeem", {"code": _of(state.codes, a), "order": f"o{b % 3}"}
        case "click":
            return Actor("audience", member), "link.click", {"link": _of([*state.keys, "room", "pan"], b)}
        case "report":
            d = state.deliveries.get(_of((state.opened and sorted(state.opened)) or state.deliveries, a))
            if d is None:
                return "r1", "delivery.report", {"delivery": "d0", "attempt": 1, "outcome": "sent"}
            attempt = max(1, d.attempt - (b // 8 % 3 == 0))
            who = d.relay if d.relay in ACTORS else "r1"
            return who, "delivery.report", {"delivery": d.id, "attempt": attempt, "outcome": _OUTCOMES[b % 8]}
        case "delivery":
            kind = ("delivery.retry", "delivery.withdraw", "delivery.move", "delivery.resolve")[a % 4]
            more = {
                "delivery.move": {"relay": ("r1", "r2")[b % 2]},
                "delivery.resolve": {"choice": ("resend", "leave")[b % 2]},
            }
            return "controller", kind, {"delivery": _of(state.deliveries, b), **more.get(kind, {})}
        case "relay":
            groups = {"r1": ["g1", "g2"], "r2": ["g1", "g3"]}
            relay = ("r1", "r2")[a % 2]
            return CLOCK, "presence.relay", {"relay": relay, "groups": groups[relay], "here": b % 2 == 0}
        case "person":
            if b % 3 == 0:
                return ("host", "cheer", "support")[a % 3], "person.ready", {}
            person, role = (("lin", "host"), ("mei", "cheer"), ("new", "support"))[a % 3]
            return CLOCK, "presence.person", {"person": person, "role": role, "here": b % 2 == 0}
        case "group":
            return "controller", ("group.freeze", "group.thaw")[a % 2], {"group": f"g{b % 3 + 1}"}
        case "observe":
            what = ("message", "message", "joined", "left", "removed", "liked")[a % 6]
            fields = {"text": f"话 {b}", "name": "小王"} if what == "message" else {"count": b % 3 + 1}
            if what == "message" and b % 7 == 0:
                fields |= {"staff": ("mei", "an")[a % 2], "text": ("好用", "真好用")[a // 2 % 2]}
            return "r1", "group.observe", {"group": ("g1", "g2", "g3")[b % 3], "what": what, "member": member, **fields}
        case "question":
            return (
                ("r1", "support")[a % 2],
                "question.raise",
                {"group": ("g1", "g2")[b % 2], "text": f"问 {b % 3}", "name": "小李", "member": member},
            )
        case "work":
            if a % 8 == 7:
                return ("support", Actor("support", "new"))[b % 2], "shift.hand", {"to": ("new", "support")[b // 2 % 2]}
            kind = (
                "question.take",
                "question.pick",
                "question.answer",
                "question.close",
                "question.escalate",
                "question.take",
                "question.chat",
            )[a % 7]
            more = {"question.answer": {"content": "好"}, "question.escalate": {"to": ("host", "wu")[b % 2]}}
            return "support", kind, {"question": _of(state.questions, b), **more.get(kind, {})}
        case "follow":
            who = ("support", Actor("support", "new"))[b % 2]
            f = _of(state.followups, b // 2, "f1")
            kind, fields = (
                ("followup.take", {"followup": f}), ("followup.message", {"followup": f}), ("followup.take", {"followup": f}),
                ("followup.close", {"followup": f, "outcome": "no_answer", "reason": "忙"}),
                ("member.reveal", {"followup": f, "why": "催付"}), ("member.optout", {"followup": f}),
                ("member.optin", {"followup": f, "reason": "又要了"}),
            )[a % 7]  # fmt: skip
            if a % 11 == 10:
                return "r1", "member.link", {"a": member, "b": MEMBERS[b % 3]}
            return who, kind, fields
        case "task":
            if a % 2:
                return ("cheer", "an")[b % 2], "task.done", {"task": _of(state.tasks, b)}
            more = ({}, {"groups": "all"}, {"group": "g1"}, {"what": "thank", "groups": "tier:vip"}, {"within": 5_000})[
                b % 5
            ]
            text = f"{{好|真好}}用{'' if b % 4 else b // 4}"
            return "controller", "task.assign", {"who": ("cheer", "mei", "an")[b % 3], "text": text, **more}
        case "order":
            status = ("placed", "paid", "shipped", "cancelled", "refunded")[b % 5]
            lines = [{"product": "pan", "quantity": a % 2 + 1, "price": 100}]
            amount = 100 * (b % 7)
            more = {"happened_at": START + b * SECOND} if a % 3 == 0 else {}
            return (
                "shop",
                "order.report",
                {"order": f"o{a % 4}", "status": status, "member": member, "amount": amount, "lines": lines, **more},
            )
        case "outside":
            kind, fields = (
                ("audience.report", {"viewers": b}),
                ("channel.expose", {"channel": "海报", "count": b - 20}),
                ("cost.report", {"what": "红包", "amount": b % 4}),
                ("correction.send", {"correction": _of(state.corrections, b)}),
                ("correction.dismiss", {"correction": _of(state.corrections, b)}),
            )[a % 5]
            return (
                "owner" if kind == "cost.report" else "shop" if kind == "channel.expose" else "controller",
                kind,
                fields,
            )
        case "product":
            kind = ("product.show", "product.hide", "product.reprice", "product.restock")[a % 4]
            more = {"product.reprice": {"price": 100 * b}, "product.restock": {"stock": b}}
            return "controller", kind, {"product": ("pan", "knife")[b % 2], **more.get(kind, {})}
        case "say":
            if a % 3 == 0:
                return "host", "note.add", {"text": "记"}
            if a % 3 == 1:
                return "host", "prompt.ack", {"prompt": _of(state.prompts, b)}
            return "controller", "prompt.send", {"to": ("host", "cheer", "wu")[b % 3], "text": "慢一点"}
        case "join":
            if a % 3 == 2:
                return "r1", "draw.enter", {"member": member, "group": f"g{b % 3 + 1}"}
            if a % 2:
                return (
                    ("r1", "audience")[b % 2],
                    "chain.join",
                    {"member": None if b % 2 else member, "group": f"g{b % 3 + 1}"},
                )
            return "r1", "checkin.join", {"member": None if b % 9 == 0 else member, "group": "g1"}
        case "step":
            return CLOCK, "clock.step", {"by_ms": (b - 30) * SECOND}
        case "add":
            when = {"when": _WHEN[b % len(_WHEN)]} if a % 2 else {"at": max(0, sale.now + (b - 10) * SECOND)}
            do, fields = (("prompt.send", {"to": "host"}), ("link.drop", {"product": "pan"}), ("message.send", {}))[
                b % 3
            ]
            return "controller", "cue.add", {"do": do, "fields": fields, "text": "好", **when}
        case _:
            raise AssertionError(name)


def take(sale: Sale, step: tuple[str, int, int], sheets_: list[dict[str, Any]]) -> None:
    """Takes one step; what is refused is refused."""
    name, a, b = step
    if name == "wait":
        sale.advance(sale.now + _WAITS[a % len(_WAITS)])
        return
    if name == "away":
        sale.away(sale.now + _WAITS[a % len(_WAITS)])
        return
    try:
        if name == "edit":
            version = sale.state.the.version - (b % 5 == 0)
            sale.replace(sheets_[a % len(sheets_)], by=("owner", "controller")[b % 2], version=max(1, version))
        else:
            who, kind, fields = commands(sale, name, a, b, sheets_)
            sale.do(who, kind, **{k: v for k, v in fields.items() if v is not None})
    except Refusal:
        pass


def begun(of: dict[str, Any], phase: int) -> Sale:
    """A sale before its arming (0), armed (1), live (2), or live with much of everything under way (3)."""
    sale = Sale(of, check=False)
    sale.advance(START - 3 * MINUTE)
    if phase:
        sale.do("owner", "show.arm")
    if phase > 1:
        sale.advance(START)
        if sale.state.the.status == "armed":
            sale.do("controller", "show.start")
    if phase > 2:
        for who, kind, fields in _BUSY:
            with contextlib.suppress(Refusal):  # a cue of the sheet may have stopped the coupon
                sale.do(who, kind, **fields)
        sale.advance(sale.now + 6 * SECOND)
    return sale


_BUSY: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("controller", "coupon.drop", {"coupon": "c20", "groups": "all"}),
    ("controller", "coupon.drop", {"coupon": "vip5", "groups": "all", "quantity": 2}),
    ("controller", "link.drop", {"product": "pan", "groups": "all", "text": "{price} {link}"}),
    ("controller", "task.assign", {"who": "cheer", "text": "{好|真好}用"}),
    ("controller", "prompt.send", {"to": "host", "text": "慢一点"}),
    ("r1", "question.raise", {"group": "g1", "text": "问 0"}),
    ("r1", "question.raise", {"group": "g2", "text": "问 1"}),
    ("shop", "order.report", {"order": "o0", "status": "placed", "amount": 100, "member": "m1"}),
)
