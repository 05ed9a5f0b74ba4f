"""The page's content: what the template shows, already in words and figures of one language."""

from __future__ import annotations

import json
import os
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from coordinator.core import kernel
from coordinator.core.attribution import RULES
from coordinator.core.surveys import SCALE
from coordinator.errors import CannotStart
from replay.findings import Book, lasting, money, percent
from replay.metrics.definitions import DEFINITIONS
from replay.metrics.figure import Figure
from replay.metrics.messages import zone_of
from replay.metrics.plan_against_run import segments
from replay.report.labels import LABELS, ROLES, SOURCES
from replay.report.timeline import message_bars, numbered, saying, timeline
from replay.review import Review
from replay.words import Lang

ROWS_SHOWN = 60  # of a table: a page is read, the rest stands in review.json
LATEST_SHOWN = 8
SPELT = frozenset({"arpu", "gpm", "roas", "roi", "aarrr"})

_environment = Environment(
    loader=PackageLoader("replay.report", "."), autoescape=select_autoescape(["j2", "html"], default=True),
    undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
)  # fmt: skip


def write_review(review: Review, folder: Path, lang: Lang) -> tuple[Path, Path]:
    """Writes review.json and review.html; each appears whole. Raises `CannotStart` where that cannot be."""
    data = json.dumps(review.as_object(), ensure_ascii=False, indent=1).encode("utf-8", "replace")
    page = page_of(review, lang).encode("utf-8", "replace")
    out = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in (("review.json", data), ("review.html", page)):
            path, part = folder / name, folder / f".{name}.{os.getpid()}.part"
            part.write_bytes(content)
            part.replace(path)
            out.append(path)
    except OSError as e:
        raise CannotStart(f"{folder} cannot be written: {e.strerror}; choose another folder with -o") from None
    return out[0], out[1]


def page_of(review: Review, lang: Lang) -> str:
    """The page as HTML."""
    return _environment.get_template("page.html.j2").render(page=Page(review, lang), lang=lang)


class Page:
    """What the template asks for."""

    def __init__(self, review: Review, lang: Lang) -> None:
        self.review, self.t, self.lang = review, review.tables, lang
        self.book = Book(review.figures)
        self._side = 0 if lang == "zh" else 1
        self._zone = zone_of(self.t)
        self.empty = self.t.state.plan is None

    # ---------------------------------------------------------------- words
    def say(self, name: str, *values: object) -> str:
        return LABELS[name][self._side].format(*values)

    def role(self, name: str) -> str:
        return ROLES[name][self._side] if name in ROLES else name

    def term(self, name: str) -> str:
        if self.lang == "zh":
            return DEFINITIONS[name].term
        words = name.removesuffix("_ms").split("_")
        return " ".join(word.upper() if word in SPELT else word for word in words)

    def clock(self, at: int | None, *, date: bool = False) -> str:
        if at is None:
            return "-"
        return datetime.fromtimestamp(at / 1000, self._zone).strftime("%Y-%m-%d %H:%M" if date else "%H:%M:%S")

    def moment(self, at: int | None) -> str:
        """The time of day, with its day where that is another than the show's."""
        the = self.t.state.the
        if at is None or self.clock(at, date=True)[:10] == self.clock(the.started_at or the.start, date=True)[:10]:
            return self.clock(at)
        return f"{self.clock(at, date=True)[5:10]} {self.clock(at)}"

    def known(self, kind: str, name: str) -> str:
        """A tier or platform of the service's own by its word; others by the name that they were given."""
        label = f"{kind}_{name}"
        return self.say(label) if label in LABELS else name

    def money(self, minor: float | int | None) -> str:
        return self.say("not_available") if minor is None else money(minor, self.t.state.p.currency)

    def late(self, ms: float | int | None) -> str:
        """A lateness: `12 ms`, `3.4 s`, `2:05`."""
        if ms is None:
            return self.say("not_available")
        size = abs(ms)
        return f"{ms:.0f} ms" if size < 1000 else f"{ms / 1000:.1f} s" if size < 60_000 else lasting(ms)

    def off(self, ms: int | None) -> str:
        """A deviation with its sign, in words of time."""
        return "" if ms is None else "0" if abs(ms) < 500 else ("+" if ms > 0 else "") + lasting(ms)

    def length(self, ms: int | None) -> str:
        return "" if ms is None else lasting(ms)

    def number(self, value: float | int | None) -> str:
        if value is None:
            return self.say("not_available")
        return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"

    def share(self, value: float | int | None) -> str:
        return self.say("not_available") if value is None else percent(value)

    def shown(self, f: Figure) -> str:
        """A figure's value with its unit."""
        unit = DEFINITIONS[f.name].unit
        if f.value is None:
            return self.say("not_available")
        match unit:
            case "money":
                return self.money(f.value)
            case "ratio":
                return self.share(f.value)
            case "ms":
                return self.late(f.value)
            case "count":
                return self.number(f.value)
            case "points":
                return f"{f.value:.2f} / {SCALE}"
        return self.clock(int(f.value))

    # ---------------------------------------------------------------- head
    @property
    def title(self) -> str:
        return self.t.sale if self.empty else self.t.state.the.title

    @property
    def standing(self) -> str:
        return f"{self.say('settled' if self.t.settled else 'provisional')} {self.clock(self.t.last_at, date=True)}"

    @property
    def findings(self) -> list[tuple[str, str]]:
        """(text, role), the headline first."""
        return [(f.zh if self.lang == "zh" else f.en, self.role(f.role)) for f in self.review.findings]

    @property
    def three(self) -> list[tuple[str, str, str]]:
        """The three figures: (label, value, what it is compared with)."""
        b, value = self.book, self.book.value
        targets = self.t.state.the.targets
        sales_beside = self.say("no_target")
        if (share := value("target_sales")) is not None:
            sales_beside = self.say("of_target", self.money(targets["sales"]), percent(share))
        buyers_beside = self.say("orders", self.number(value("orders_paid")))
        if (conversion := value("conversion_buyers")) is not None:
            buyers_beside = self.say("of_members", self.number(value("members")), percent(conversion))
        rate = b.get("interaction_rate")
        spoke = self.say("not_available")
        if value("messages") is not None:
            spoke = self.say("spoke", self.number(value("messages")), self.number(value("people")))
        return [
            (self.say("sales"), self.money(value("sales_paid")), sales_beside),
            (self.say("buyers"), self.number(value("buyers")), buyers_beside),
            (self.say("interaction"), self.share(rate.value if rate else None), spoke),
        ]

    # ---------------------------------------------------------------- pictures
    @property
    def timeline(self) -> str:
        return timeline(self.t, self.say)

    @property
    def bars(self) -> str | None:
        return message_bars(self.t, self.say)

    @property
    def peak(self) -> str:
        at = self.book.value("peak_minute")
        return (
            self.say("peak", self.clock(int(at))[:5], self.number(self.book.value("peak_minute_messages")))
            if at is not None
            else ""
        )

    # ---------------------------------------------------------------- funnels
    def funnel(self, which: str) -> list[dict[str, Any]]:
        """Steps: label, members, events, and the bar's width in percent."""
        names = {
            "link": (
                ("reach", "link_reach", None), ("clicked", "link_clicked_members", "clicks"),
                ("ordered", "link_ordered_members", "link_orders"), ("paid", "link_paid_members", "link_orders_paid"),
            ),
            "coupon": (
                ("reach", "coupon_reach", None), ("claimed", "coupon_claimed_members", "claims"),
                ("redeemed", "coupon_redeemed_members", "redemptions"),
            ),
        }[which]  # fmt: skip
        base = self.book.value(names[0][1])
        out: list[dict[str, Any]] = []
        for label, members, events in names:
            n = self.book.value(members)
            out.append({
                "label": self.say(label), "members": self.number(n),
                "events": self.number(self.book.value(events)) if events else "",
                "share": percent(n / base) if base and n is not None and label != "reach" else "",
                "width": f"{100 * n / base:.1f}" if base and n else "0",
            })  # fmt: skip
        return out

    def has(self, which: str) -> bool:
        return self.book.value(f"{which}_reach") is not None

    @property
    def drops(self) -> list[dict[str, Any]]:
        """The drops that fired, numbered as in the picture."""
        out = []
        for number, name in numbered(self.t):
            d = self.t.state.drops[name]
            link = d.kind == "link"

            def at(figure: str, name: str = name) -> float | int | None:
                return self.book.value(figure, "drop", name)

            funnel = d.kind in {"link", "coupon"}
            out.append({
                "number": number, "time": self.clock(d.fired_at), "kind": self.say(f"kind_{d.kind}"), "css": d.kind,
                "what": self.t.name_of(d.what) if funnel else saying(d), "groups": f"{d.sent}/{len(d.groups)}",
                "reach": self.number(at(f"{d.kind}_reach")) if funnel else "",
                "acted": self.number(at("link_clicked_members" if link else "coupon_claimed_members")) if funnel else "",
                "rate": self.share(at("click_rate" if link else "claim_rate")) if funnel else "",
                "then": self.number(at("link_orders_paid" if link else "redemptions")) if funnel else "",
            })  # fmt: skip
        return out

    @property
    def led(self) -> list[tuple[str, str, str, str]]:
        """What led to the paid orders, by rule: (rule, orders, amount, share of the amount). Their sum is what was paid."""
        value = self.book.value
        paid, orders = value("sales_paid") or 0, value("orders_paid") or 0
        if not orders:
            return []
        rows: list[tuple[str, float, float]] = []
        for rule in RULES:
            found = value("attributed_orders", "rule", rule)
            if found:
                rows.append((rule, found, value("attributed_sales", "rule", rule) or 0))
        rows.append(("none", orders - sum(n for _, n, _ in rows), paid - sum(amount for _, _, amount in rows)))
        return [
            (self.say(f"led_{rule}"), self.number(n), self.money(amount), percent(amount / paid) if paid else "")
            for rule, n, amount in rows
        ]

    # ---------------------------------------------------------------- tables
    @property
    def segments(self) -> list[dict[str, Any]]:
        out = []
        for s in segments(self.t):
            planned = s.planned_end - s.planned_start
            real = s.real_end - s.real_start if s.real_start is not None and s.real_end is not None else None
            over = real is not None and real > planned * 1.1
            gone = "" if s.real_end is not None else self.say("running" if s.real_start is not None else "not_run")
            out.append({
                "name": s.name or s.id, "planned": self.moment(s.planned_start), "revised": self.moment(s.revised_start),
                "real": self.moment(s.real_start) if s.real_start is not None else gone,
                "late": self.off(s.real_start - s.planned_start) if s.real_start is not None else "",
                "length": self.length(planned), "length_revised": self.length(s.revised_end - s.revised_start),
                "length_real": self.length(real) if real is not None else gone if s.real_start is not None else "",
                "over": self.off(real - planned) if real is not None else "", "css": "over" if over else "",
            })  # fmt: skip
        return out

    @property
    def punctuality(self) -> list[tuple[str, str, str, str]]:
        """(what, how many, p50, p99)."""
        t, value = self.t, self.book.value
        rows = [
            (
                self.say(label),
                self.number(n),
                self.late(value(f"late_{label}_p50_ms")),
                self.late(value(f"late_{label}_p99_ms")),
            )
            for label, n in (("fired", len(t.fires)), ("sent", len(t.sents)), ("acked", len(t.acks)))
        ]
        for relay in sorted({s.relay for s in t.sents}):
            n = sum(1 for s in t.sents if s.relay == relay)
            by_hand = any(s.hands for s in t.sents if s.relay == relay)
            name, scope = ("late_posted", "poster") if by_hand else ("late_sent", "relay")
            p50, p99 = value(f"{name}_p50_ms", scope, relay), value(f"{name}_p99_ms", scope, relay)
            rows.append((f"{self.say('by_relay')} {relay}", self.number(n), self.late(p50), self.late(p99)))
        of = Counter(s.platform for s in t.sents if not s.hands)
        for platform in sorted(of.keys() - {""}):
            p50, p99 = (value(f"late_sent_{part}_ms", "platform", platform) for part in ("p50", "p99"))
            name = f"{self.say('by_platform')} {self.known('platform', platform)}"
            rows.append((name, self.number(of[platform]), self.late(p50), self.late(p99)))
        return rows

    @property
    def latest(self) -> list[tuple[str, str, str]]:
        """(cue, when it was planned, how late it fired), the latest first."""
        worst = sorted((f for f in self.t.fires if f.late_ms > 0), key=lambda f: -f.late_ms)[:LATEST_SHOWN]
        return [(f.cue, self.clock(f.planned_at), self.late(f.late_ms)) for f in worst]

    @property
    def by_hand(self) -> tuple[list[dict[str, str]], int]:
        """What people posted by hand: where, what, who, how late, and what they showed for it; the rows, and how many are not shown."""
        posted = [d for d in self.t.state.deliveries.values() if d.hands and d.status == "sent"]
        posted.sort(key=lambda d: (d.sent_at or 0, kernel.number(d.id)))
        rows = []
        for d in posted[:ROWS_SHOWN]:
            drop = self.t.state.drops[d.drop]
            twice = [f"{each.relay} {self.clock(each.sent_at)}" for each in d.further if each.sent_at is not None]
            rows.append({
                "at": self.clock(d.sent_at), "group": self.t.name_of(d.group), "what": self.t.name_of(drop.what) or saying(drop),
                "who": d.sent_by or d.relay, "late": self.late((d.sent_at or drop.fire_at) - drop.fire_at),
                "proof": "; ".join(x for x in (d.proof, *(each.proof for each in d.further)) if x),
                "twice": self.say("posted_too", ", ".join(twice)) if twice else "",
            })  # fmt: skip
        return rows, len(posted) - len(rows)

    @property
    def groups(self) -> tuple[list[dict[str, str]], int]:
        """The rows that are shown, by sales, and how many are not."""
        value = self.book.value
        names = sorted(self.t.state.groups, key=lambda g: -(value("sales_paid", "group", g) or 0))
        rows = [
            {
                "name": self.t.name_of(g), "tier": self.known("tier", self.t.state.groups[g].tier or ""),
                "members": self.number(value("members", "group", g)), "joins": self.number(value("joins", "group", g)),
                "leaves": self.number(value("leaves", "group", g)), "messages": self.number(value("messages", "group", g)),
                "interaction": self.share(value("interaction_rate", "group", g)),
                "orders": self.number(value("orders_paid", "group", g)), "sales": self.money(value("sales_paid", "group", g)),
            }
            for g in names[:ROWS_SHOWN]
        ]  # fmt: skip
        return rows, len(names) - len(rows)

    @property
    def whole(self) -> list[tuple[str, str]]:
        """Every available figure of the whole sale, but the instants: (term, value)."""
        return [(self.term(f.name), self.shown(f)) for f in self.review.figures if not f.scope and f.value is not None]

    @property
    def notes(self) -> list[tuple[str, str]]:
        return [(self.clock(m.at), m.text) for m in self.t.marks if m.what == "note"]

    @property
    def checked(self) -> list[dict[str, str]]:
        """Sends of which a check had something to say: what it found, and who overruled it and why."""
        return [
            {
                "at": self.clock(each.at), "by": each.by, "terms": ", ".join(f"{rule} {term}" for rule, term in each.terms),
                "rules": ", ".join(each.rules), "reason": each.reason, "set": each.checked_by,
            }
            for each in self.t.checked
        ]  # fmt: skip

    @property
    def missing(self) -> list[tuple[str, str]]:
        return [(self.term(f.name), f.why[1 - self._side] if f.why else "") for f in self.review.missing]

    @property
    def definitions(self) -> list[tuple[str, str, str, str]]:
        """(term, name in review.json, definition, source) of every figure that is on the page or in the file."""
        names = dict.fromkeys(f.name for f in self.review.figures)
        if self.lang == "zh":
            return [(self.term(n), n, DEFINITIONS[n].zh, SOURCES[DEFINITIONS[n].source]) for n in names]
        return [(self.term(n), n, DEFINITIONS[n].en, DEFINITIONS[n].source) for n in names]
