"""The show's time line and the messages over time as inline SVG: planned above, run below, drops as marks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime, tzinfo
from html import escape

from markupsafe import Markup

from coordinator.core.cues import Drop
from replay.findings import money
from replay.metrics.messages import zone_of
from replay.metrics.plan_against_run import segments
from replay.tables import Tables

MINUTE_MS = 60_000
WIDTH, LEFT, RIGHT = 1000, 60, 114
MOST_BINS = 240  # more points than this are no line any more at a page's width
_BIN_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 1440)
_TICK_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10_080)
AROUND = frozenset({"preheat", "aftercare"})
Say = Callable[..., str]
_PLACE = re.compile(r"\{[^{}]*\}")

MARKS = {
    "link": '<path d="M0 -6 6 5 -6 5Z" class="m-link"/>',
    "coupon": '<path d="M0 -7 6 0 0 7 -6 0Z" class="m-coupon"/>',
    "message": '<circle r="5" class="m-message"/>',
    "checkin": '<path d="M-5 -5H5V5H-5Z" class="m-checkin"/>',
}


class Scale:
    """Instants to places."""

    def __init__(self, begin: int, end: int, zone: tzinfo) -> None:
        self.begin, self.end, self.zone = begin, max(end, begin + MINUTE_MS), zone
        self.days = self.end - self.begin > 26 * 60 * MINUTE_MS

    def x(self, at: int) -> float:
        return LEFT + (at - self.begin) / (self.end - self.begin) * (WIDTH - LEFT - RIGHT)

    def text(self, at: int) -> str:
        return datetime.fromtimestamp(at / 1000, self.zone).strftime("%m-%d %H:%M" if self.days else "%H:%M")

    def ticks(self) -> list[int]:
        span = (self.end - self.begin) / MINUTE_MS
        step = next((m for m in _TICK_MINUTES if span / m <= 9), _TICK_MINUTES[-1]) * MINUTE_MS
        shift = datetime.fromtimestamp(self.begin / 1000, self.zone).utcoffset()
        local = int(shift.total_seconds() * 1000) if shift else 0
        first = -(-(self.begin + local) // step) * step - local
        return list(range(first, self.end + 1, step))


def scale_of(t: Tables) -> Scale:
    """The show itself, planned or real. Preheat and aftercare take hours or days and would squeeze it to a stroke."""
    shown = [s for s in t.segments.values() if s.kind not in AROUND] or list(t.segments.values())
    instants: list[int] = []
    for s in shown:
        instants += [s.planned_start, s.planned_end]
        if s.real_start is not None:
            instants += [s.real_start, s.real_end if s.real_end is not None else t.last_at]
    instants += [m.at for m in t.marks if m.what in {"show.started", "show.ended"}]
    if not instants:
        return Scale(t.first_at, t.last_at, zone_of(t))
    begin, end = min(instants), max(instants)
    room = max(MINUTE_MS, (end - begin) // 50)
    return Scale(begin - room // 4, end + room, zone_of(t))


def bins(scale: Scale) -> int:
    """Length of one bin in ms: a minute where that can be drawn."""
    span = (scale.end - scale.begin) / MINUTE_MS
    return next((m for m in _BIN_MINUTES if span / m <= MOST_BINS), _BIN_MINUTES[-1]) * MINUTE_MS


def counted(t: Tables, scale: Scale, size: int) -> list[tuple[int, int]]:
    """(beginning of the bin, messages in it), none left out."""
    found = Counter(m.at - m.at % size for m in t.messages if scale.begin <= m.at <= scale.end)
    first = scale.begin - scale.begin % size
    return [(at, found[at]) for at in range(first, scale.end + 1, size)]


def saying(drop: Drop) -> str:
    """What a drop says to all its groups: what is filled in for each of them is left open."""
    return _PLACE.sub("…", drop.text or "")


def _fitting(text: str, width: float, size: float) -> str:
    room = width - 8
    out, used = "", 0.0
    for c in text:
        used += size if ord(c) > 0x2E7F else size * 0.56
        if used > room:
            return out[:-1] + "…" if len(out) > 1 else ""
        out += c
    return out


def _ticks(scale: Scale, top: float, bottom: float) -> list[str]:
    out = []
    for at in scale.ticks():
        x = scale.x(at)
        out.append(f'<path d="M{x:.1f} {top}V{bottom}" class="tick"/>')
        out.append(
            f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle" class="axis">{escape(scale.text(at))}</text>'
        )
    return out


def timeline(t: Tables, say: Say) -> Markup:
    """The large picture."""
    scale = scale_of(t)
    plan_y, run_y, row, marks_y, top, bottom = 8, 42, 28, 92, 120, 288
    out = [
        f'<svg viewBox="0 0 {WIDTH} {bottom + 26}" role="img" class="timeline" aria-label="{escape(say("timeline"))}">'
    ]
    out += _pauses(t, scale, plan_y, bottom)
    out += _ticks(scale, top, bottom)
    for y, label in ((plan_y, say("planned")), (run_y, say("run"))):
        out.append(f'<text x="{LEFT - 8}" y="{y + 19}" text-anchor="end" class="axis">{escape(label)}</text>')
    for s in segments(t):
        out.append(_block(scale, s.planned_start, s.planned_end, plan_y, row, s.name or s.id, "planned"))
        if s.real_start is not None:
            end = s.real_end if s.real_end is not None else t.last_at
            over = s.real_end is not None and end - s.real_start > (s.planned_end - s.planned_start) * 1.1
            out.append(_block(scale, s.real_start, end, run_y, row, s.name or s.id, "run over" if over else "run"))
    out += _drops(t, scale, marks_y, bottom)
    out += _lines(t, scale, top, bottom, say)
    out.append("</svg>")
    return Markup("".join(out))  # noqa: S704 - every text in it went through escape()


def _block(scale: Scale, begin: int, end: int, y: float, height: float, name: str, css: str) -> str:
    if end < scale.begin or begin > scale.end:
        return ""
    x, right = scale.x(max(begin, scale.begin)), scale.x(min(end, scale.end))
    width = max(1.5, right - x)
    label = _fitting(name, width, 13)
    text = f'<text x="{x + 4:.1f}" y="{y + height / 2 + 4.5}" class="seg">{escape(label)}</text>' if label else ""
    tip = f"<title>{escape(name)} {escape(scale.text(begin))} - {escape(scale.text(end))}</title>"
    return f'<g class="{css}"><rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{height}" rx="3">{tip}</rect>{text}</g>'


def _pauses(t: Tables, scale: Scale, top: float, bottom: float) -> list[str]:
    out, began = [], None
    for mark in [*t.marks, None]:
        if mark is not None and mark.what in {"show.paused", "show.halted"} and began is None:
            began = mark.at
        elif began is not None and (mark is None or mark.what in {"show.resumed", "show.unhalted", "show.ended"}):
            until = mark.at if mark is not None else t.last_at
            if began <= scale.end and until >= scale.begin:
                x, right = scale.x(max(began, scale.begin)), scale.x(min(until, scale.end))
                out.append(
                    f'<rect x="{x:.1f}" y="{top}" width="{max(1.0, right - x):.1f}" height="{bottom - top}" class="pause"/>'
                )
            began = None
    return out


def numbered(t: Tables) -> list[tuple[int, str]]:
    """The drops that fired, in order, with the numbers that picture and table share: (number, drop).

    Support's answers into groups are not among them: the questions' figures speak of those.
    """
    fired = sorted(
        (
            d
            for d in t.state.drops.values()
            if d.fired_at is not None and not (d.kind == "message" and d.by.startswith("support:"))
        ),
        key=lambda d: (d.fired_at or 0, int(d.id[4:])),
    )
    return list(enumerate((d.id for d in fired), 1))


def _drops(t: Tables, scale: Scale, y: float, bottom: float) -> list[str]:
    out: list[str] = []
    last = -99.0
    for number, name in numbered(t):
        drop = t.state.drops[name]
        if not scale.begin <= (drop.fired_at or 0) <= scale.end:
            continue  # it is in the table
        x = scale.x(drop.fired_at or 0)
        tip = f"{number}  {scale.text(drop.fired_at or 0)}  {t.name_of(drop.what) or saying(drop)}"
        # A number needs its room: the next ones of a volley stand in the table alone.
        label = f'<text y="-10" text-anchor="middle" class="num">{number}</text>' if x - last >= 15 else ""
        last = x if label else last
        out.append(f'<path d="M{x:.1f} {y + 8}V{bottom}" class="drop"/>')
        out.append(
            f'<g transform="translate({x:.1f} {y})">{MARKS.get(drop.kind, MARKS["message"])}{label}<title>{escape(tip)}</title></g>'
        )
    return out


def _lines(t: Tables, scale: Scale, top: float, bottom: float, say: Say) -> list[str]:
    out: list[str] = []
    ends: list[tuple[float, float, str, str, str]] = []
    size = bins(scale)
    counts = counted(t, scale, size)
    most = max((n for _, n in counts), default=0)
    # The last bin may have hardly begun: it would look like a fall to nothing.
    whole = [c for c in counts if c[0] + size <= min(t.last_at, scale.end)] or counts[:1]
    height = bottom - top - 8
    if most:
        points = [
            (scale.x(min(max(at + size // 2, scale.begin), scale.end)), bottom - n / most * height) for at, n in whole
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        first, last = points[0][0], points[-1][0]
        out.append(
            f'<polygon points="{first:.1f},{bottom} {path} {last:.1f},{bottom}" class="area"/><polyline points="{path}" class="said"/>'
        )
        minutes = size // MINUTE_MS
        unit = say("minute") if minutes == 1 else say("minutes", minutes)
        ends.append((points[-1][1], points[-1][0], f"{whole[-1][1]:,}", say("messages_line", unit), "said"))
    paid = sorted((o.paid_at, o.paid) for o in t.orders.values() if o.paid_at is not None)
    total = sum(amount for _, amount in paid)
    if total:
        # One step a pixel is enough.
        steps: list[tuple[float, float]] = [(scale.x(scale.begin), bottom)]
        sum_ = 0
        for at, amount in paid:
            sum_ += amount
            x, y = scale.x(min(max(at, scale.begin), scale.end)), bottom - sum_ / total * height
            if x - steps[-1][0] < 1 and len(steps) > 1:
                steps[-1] = (steps[-1][0], y)
            else:
                steps += [(x, steps[-1][1]), (x, y)]
        steps.append((scale.x(max(scale.begin, min(t.last_at, scale.end))), steps[-1][1]))
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in steps)
        out.append(f'<polyline points="{path}" class="paid"/>')
        ends.append((steps[-1][1], steps[-1][0], money(total, t.state.p.currency), say("sales_line"), "paid"))
    return out + _ends(ends, bottom)


def _ends(ends: list[tuple[float, float, str, str, str]], bottom: float) -> list[str]:
    """The last value of each line, at its end; two that would overlap stand apart."""
    out: list[str] = []
    free = -99.0
    x = max((end[1] for end in ends), default=0) + 8
    for y, _, value, label, css in sorted(ends):
        place = max(min(y + 4, bottom - 18), free)
        free = place + 34
        out.append(f'<text x="{x:.1f}" y="{place:.1f}" class="end {css}">{escape(value)}</text>')
        out.append(f'<text x="{x:.1f}" y="{place + 14:.1f}" class="axis">{escape(label)}</text>')
    return out


def message_bars(t: Tables, say: Say) -> Markup | None:
    """Messages by minute (or by as many minutes as can be drawn), as bars."""
    if not t.messages:
        return None
    scale = scale_of(t)
    size = bins(scale)
    counts = counted(t, scale, size)
    most = max((n for _, n in counts), default=0)
    if not most:
        return None
    bottom, height = 110, 96
    out = [f'<svg viewBox="0 0 {WIDTH} {bottom + 22}" role="img" class="bars" aria-label="{escape(say("messages"))}">']
    out += _ticks(scale, bottom - height, bottom)
    width = max(1.0, (WIDTH - LEFT - RIGHT) * size / (scale.end - scale.begin) - 1)
    top = max(counts, key=lambda c: c[1])
    for at, n in counts:
        if n:
            tall = n / most * height
            css = ' class="top"' if at == top[0] else ""
            x = scale.x(max(at, scale.begin))
            out.append(
                f'<rect x="{x:.1f}" y="{bottom - tall:.1f}" width="{width:.1f}" height="{tall:.1f}"{css}><title>{escape(scale.text(at))}: {n}</title></rect>'
            )
    out.append(f'<text x="{LEFT - 8}" y="{bottom - height + 9}" text-anchor="end" class="axis">{most:,}</text>')
    out.append("</svg>")
    return Markup("".join(out))  # noqa: S704 - every text in it went through escape()
