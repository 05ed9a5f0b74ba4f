"""What the figures say, in words, the most important first, with the role that answers for it."""

from __future__ import annotations

from typing import Any

import msgspec

from coordinator.core.money import to_major
from replay.metrics.figure import Figure
from replay.metrics.plan_against_run import segments
from replay.overruled import overruled, warned
from replay.tables import Tables

WITHIN_180S_GOAL = 0.9  # of ten who ask, nine are answered within the trade's limit
LATE_FIRED_MS = 1_000  # beyond a second a drop is visibly not on its moment
LATE_SENT_MS = 5_000  # a group that gets its link five seconds after the others sees the hit sell out
OVER_SHARE = 0.1  # a segment that runs over by a tenth pushes the rest


class Finding(msgspec.Struct, kw_only=True):
    weight: float
    topic: str
    role: str
    en: str
    zh: str
    figures: list[str]

    def as_object(self, rank: int) -> dict[str, Any]:
        """As `review.json` has it."""
        return {
            "rank": rank, "topic": self.topic, "role": self.role, "text": {"en": self.en, "zh": self.zh}, "figures": self.figures,
        }  # fmt: skip


class Book:
    """Figures by name and scope."""

    def __init__(self, figures: list[Figure]) -> None:
        self._found = {(f.name, *(next(iter(f.scope.items())) if f.scope else ("", ""))): f for f in figures}

    def get(self, name: str, topic: str = "", what: str = "") -> Figure | None:
        return self._found.get((name, topic, what))

    def value(self, name: str, topic: str = "", what: str = "") -> float | int | None:
        found = self.get(name, topic, what)
        return found.value if found is not None else None


def percent(share: float) -> str:
    return f"{share * 100:.1f}%"


def lasting(ms: float) -> str:
    """A length as `4:05`, or in ms below a second."""
    sign, ms = ("-", -ms) if ms < 0 else ("", ms)
    if 0 < ms < 1000:
        return f"{sign}{ms:.0f} ms"
    seconds = int(ms // 1000)
    hours, minutes = divmod(seconds // 60, 60)
    return f"{sign}{hours}:{minutes:02d}:{seconds % 60:02d}" if hours else f"{sign}{minutes}:{seconds % 60:02d}"


def money(minor: float, currency: str) -> str:
    whole, _, part = to_major(round(minor), currency).partition(".")
    shown = f"{int(whole):,}" if whole not in {"", "-", "-0"} else whole
    sign = {"CNY": "¥", "USD": "$", "EUR": "€"}.get(currency, f"{currency} ")
    return f"{sign}{shown}{'.' + part if part else ''}"


def findings_of(t: Tables, figures: list[Figure]) -> list[Finding]:
    if t.state.plan is None:
        return []
    book = Book(figures)
    out = [
        *_sales(t, book),
        *_arrivals(t, book),
        *_support(book),
        *_punctual(book),
        *_segments(t),
        *_drops(t, book),
        *_groups(t, book),
        *_overruled(t),
    ]
    return sorted(out, key=lambda f: -f.weight)


def _sales(t: Tables, book: Book) -> list[Finding]:
    currency = t.state.p.currency
    paid, orders, buyers = book.value("sales_paid"), book.value("orders_paid"), book.value("buyers")
    out: list[Finding] = []
    if not t.orders:
        out.append(
            Finding(
                weight=100,
                topic="sales",
                role="owner",
                figures=["orders_created"],
                en="No order was reported: either none was placed, or the shop is not connected",
                zh="没有订单上报: 可能没有成交, 也可能商城未接入",
            )
        )
        return out
    share = book.value("target_sales")
    who_en = f" from {buyers} buyers" if buyers else ""
    who_zh = f", {buyers} 人购买" if buyers else ""
    en = f"{money(paid or 0, currency)} paid in {orders} orders{who_en}"
    zh = f"支付 {money(paid or 0, currency)}, 共 {orders} 单{who_zh}"
    if share is not None:
        en += f": {percent(share)} of the target"
        zh += f", 完成目标的 {percent(share)}"
    out.append(
        Finding(
            weight=100,
            topic="sales",
            role="owner",
            en=en,
            zh=zh,
            figures=["sales_paid", "orders_paid", "buyers", "target_sales"],
        )
    )
    back = book.value("refund_rate_amount")
    if back:
        out.append(
            Finding(
                weight=40 + 40 * back,
                topic="refunds",
                role="owner",
                figures=["refund_rate_amount", "refund_rate"],
                en=f"{percent(back)} of what was paid was refunded so far",
                zh=f"截至目前退款占支付金额的 {percent(back)}",
            )
        )
    created = book.value("orders_created")
    if created and orders is not None and created > orders:
        open_ = int(created - orders)
        out.append(
            Finding(
                weight=45,
                topic="unpaid",
                role="support",
                figures=["orders_created", "orders_paid"],
                en=f"{open_} of {created} orders were not paid: follow up",
                zh=f"{created} 单中有 {open_} 单未支付, 待追单",
            )
        )
    return out


def _arrivals(t: Tables, book: Book) -> list[Finding]:
    lost, sent = book.value("deliveries_lost"), book.value("deliveries_sent")
    if not lost:
        return []
    where = sorted(
        {t.name_of(d.group) for d in t.state.deliveries.values() if d.status in {"failed", "expired", "unknown"}}
    )
    shown = ", ".join(where[:5]) + (" …" if len(where) > 5 else "")
    return [
        Finding(
            weight=90,
            topic="deliveries",
            role="controller",
            figures=["deliveries_lost", "deliveries_sent"],
            en=f"{lost} of {lost + (sent or 0)} deliveries did not verifiably arrive: {shown}",
            zh=f"{lost + (sent or 0)} 次投递中有 {lost} 次未确认送达: {shown}",
        )
    ]


def _support(book: Book) -> list[Finding]:
    share, asked, answered = book.value("response_within_180s"), book.value("questions"), book.value("answered")
    if share is None or not asked:
        return []
    good = share >= WITHIN_180S_GOAL
    silent = int(asked - (answered or 0))
    return [
        Finding(
            weight=20 if good else 60 + 20 * (1 - share),
            topic="response",
            role="support",
            figures=["response_within_180s", "questions", "answered"],
            en=f"{percent(share)} of {asked} questions were answered within 180 s; {silent} were never answered",
            zh=f"{asked} 次提问中 {percent(share)} 在 180 秒内得到回答; {silent} 次始终未答",
        )
    ]


def _punctual(book: Book) -> list[Finding]:
    out: list[Finding] = []
    fired, sent = book.value("late_fired_p99_ms"), book.value("late_sent_p99_ms")
    if fired is not None and fired > LATE_FIRED_MS:
        out.append(
            Finding(
                weight=55,
                topic="punctuality",
                role="controller",
                figures=["late_fired_p99_ms"],
                en=f"One cue in a hundred fired {lasting(fired)} late or more",
                zh=f"百分之一的节点触发晚了 {lasting(fired)} 以上",
            )
        )
    if sent is not None and sent > LATE_SENT_MS:
        out.append(
            Finding(
                weight=50,
                topic="punctuality",
                role="relay",
                figures=["late_sent_p99_ms"],
                en=f"One message in a hundred left {lasting(sent)} after its moment or more",
                zh=f"百分之一的消息晚于时刻 {lasting(sent)} 以上发出",
            )
        )
    return out


def _segments(t: Tables) -> list[Finding]:
    over: list[tuple[int, int, str]] = []
    for s in segments(t):
        planned = s.planned_end - s.planned_start
        if (
            s.real_start is not None
            and s.real_end is not None
            and s.real_end - s.real_start > planned * (1 + OVER_SHARE)
        ):
            over.append((s.real_end - s.real_start - planned, planned, s.name or s.id))
    if not over:
        return []
    most, planned, name = max(over)
    return [
        Finding(
            weight=35,
            topic="plan",
            role="host",
            figures=["segment_over"],
            en=f"{len(over)} segments ran over by more than a tenth; {name} by {lasting(most)} over {lasting(planned)}",
            zh=f"{len(over)} 个环节超时一成以上; {name} 计划 {lasting(planned)}, 超出 {lasting(most)}",
        )
    ]


def _drops(t: Tables, book: Book) -> list[Finding]:
    rates = [
        (rate, d)
        for d in t.state.drops.values()
        if d.kind == "link" and (rate := book.value("click_rate", "drop", d.id)) is not None
    ]
    if len(rates) < 2:
        return []
    best, worst = max(rates, key=lambda r: r[0]), min(rates, key=lambda r: r[0])
    return [
        Finding(
            weight=30,
            topic="drops",
            role="controller",
            figures=["click_rate"],
            en=f"Of the links, {t.name_of(best[1].what)} drew most ({percent(best[0])} clicked), {t.name_of(worst[1].what)} least ({percent(worst[0])})",
            zh=f"链接中 {t.name_of(best[1].what)} 点击最高 ({percent(best[0])}), {t.name_of(worst[1].what)} 最低 ({percent(worst[0])})",
        )
    ]


def _groups(t: Tables, book: Book) -> list[Finding]:
    out: list[Finding] = []
    growth, leaves, joins = book.value("net_growth"), book.value("leaves"), book.value("joins")
    if growth is not None and growth < 0:
        out.append(
            Finding(
                weight=50,
                topic="members",
                role="owner",
                figures=["net_growth", "joins", "leaves"],
                en=f"More left than joined: {leaves} left, {joins} joined",
                zh=f"退群多于入群: 退 {leaves}, 入 {joins}",
            )
        )
    silent = [
        g
        for g in t.state.groups
        if book.value("orders_paid", "group", g) == 0 and (book.value("link_reach", "group", g) or 0) > 0
    ]
    if silent and t.orders and len(silent) < len(t.state.groups):
        shown = ", ".join(t.name_of(g) for g in silent[:5]) + (" …" if len(silent) > 5 else "")
        out.append(
            Finding(
                weight=38,
                topic="groups",
                role="cheer",
                figures=["orders_paid"],
                en=f"{len(silent)} of {len(t.state.groups)} groups got links and bought nothing: {shown}",
                zh=f"{len(t.state.groups)} 个群中有 {len(silent)} 个收到链接但没有成交: {shown}",
            )
        )
    return out


def _overruled(t: Tables) -> list[Finding]:
    """What the checks had blocked or warned of and went all the same."""
    out: list[Finding] = []
    named = overruled(t)
    if named:
        last = named[-1]
        who = ", ".join(sorted({each.by for each in named}))
        rules = ", ".join(sorted({rule for each in named for rule in each.rules}))
        out.append(
            Finding(
                weight=60,
                topic="checks",
                role="owner",
                figures=[],
                en=f"{len(named)} sends overruled a check ({rules}), by {who}; the last for: {last.reason}",
                zh=f"{len(named)} 次发送越过了检查 ({rules}), 操作人 {who}; 最近一次理由: {last.reason}",
            )
        )
    warnings = warned(t)
    if warnings:
        rules = ", ".join(sorted({rule for each in warnings for rule, _ in each.terms}))
        out.append(
            Finding(
                weight=20,
                topic="checks",
                role="controller",
                figures=[],
                en=f"{len(warnings)} sends went with a warning ({rules}); the words are listed below",
                zh=f"{len(warnings)} 次发送带有提醒 ({rules}); 词语见下表",
            )
        )
    return out
