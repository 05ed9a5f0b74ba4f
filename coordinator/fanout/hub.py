"""The hub of one sale: from durable batches to frames, each thing encoded once.

It keeps what every entity looks like to whom (`shown`) and the recent batches (`chunks`). A connection is
a place in that list, not a queue: it is sent everything since its place, joined from bytes that exist. All
of it is as of `head`, the last durable number.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from coordinator.core import TOPICS, Event
from coordinator.core.deliveries import DeliveryRequested
from coordinator.core.kernel import Key
from coordinator.core.sheets import SheetReplaced
from coordinator.fanout.frames import text_head
from coordinator.fanout.lane import Lane
from coordinator.fanout.outbox import Outbox
from coordinator.fanout.showcase import Showcase
from coordinator.fanout.view import GONE, HIDDEN, Kin, Pattern, Rights, Streams, View, personal
from coordinator.journal import codec
from coordinator.record import Listener, Published, Record
from roles import masking
from roles import streams as role_streams
from roles import views as role_views

if TYPE_CHECKING:
    from coordinator.fanout.outbox import Line

log = structlog.get_logger(__name__)

KEPT_EVENTS = 20_000  # a connection further behind than this gets a snapshot
KEPT_BYTES = 16 << 20
SOFT_EVENTS = 5_000  # joining more than this costs more than a snapshot

_encode = msgspec.json.Encoder().encode


class Chunk(msgspec.Struct):
    """One batch, as the fan-out keeps it."""

    first: int
    last: int
    # Side by side, one of each for an event: lists of tuples would be thousands of objects more to collect.
    events: list[Event]
    bodies: list[bytes]  # the event's bytes in full
    streams: list[Streams]  # who is shown it
    sent_by: list[str]  # who sent it
    who: set[Streams]  # all that any of the events goes to
    senders: set[str]  # all who sent one
    before: dict[Key, Pattern]  # touched entity → who was shown it before
    size: int


class Span:
    """All since a place, up to the head, ready to be joined for any view."""

    __slots__ = ("_after", "_chunks", "changes", "frames", "kin", "named", "patterns", "plain", "senders", "who")

    def __init__(self, chunks: list[Chunk], after: int, shown: Showcase) -> None:
        self._chunks, self._after = chunks, after
        self.plain: dict[int, bytes] = {}
        self.senders: set[str] = set()
        who: set[Streams] = set()
        touched: dict[Key, list[Pattern]] = {}
        for chunk in chunks:
            who |= chunk.who
            self.senders |= chunk.senders
            for key, pattern in chunk.before.items():
                touched.setdefault(key, []).append(pattern)
        self.who = tuple(who)
        # Hundreds of entities have a handful of patterns: what a view is shown is looked up once for each of these.
        patterns: dict[tuple[Pattern, tuple[Pattern, ...]], int] = {}
        self.changes: dict[Key, int] = {}
        for key, before in touched.items():
            pair = (shown.pattern(*key), tuple(dict.fromkeys(before)))
            self.changes[key] = patterns.setdefault(pair, len(patterns))
        self.patterns = list(patterns)
        self.named = {s for streams in who for s in streams if personal(s)}
        """The persons whom something of it is for by name."""
        for now, befores in patterns:
            for pattern in (now, *befores):
                self.named.update(s for streams in pattern for s in streams if personal(s))
        self.frames: dict[tuple[Any, ...], bytes | None] = {}
        self.kin: dict[Kin, bytes | None] = {}

    def concerns(self, view: View) -> bool:
        """Whether something of it is for this view by name, or was sent by whose it is: else it is shown as its kin are."""
        return view.sender in self.senders or not view.own.isdisjoint(self.named)

    def events(self) -> Iterator[tuple[Streams, str, Event, bytes]]:
        for chunk in self._chunks:
            skip = max(0, self._after + 1 - chunk.first)
            columns = chunk.streams, chunk.sent_by, chunk.events, chunk.bodies
            yield from islice(zip(*columns, strict=True), skip, None)


def _shown_of(batch: Published) -> list[Key]:
    """What has changed and is shown to somebody: the core's own books are not."""
    return [key for key in batch.touched if key[0] in role_views.VIEWS]


class Hub(Listener):
    def __init__(self, record: Record) -> None:
        self.record = record
        self.head = 0
        self.shown = Showcase()
        self.chunks: deque[Chunk] = deque()
        self.views: dict[tuple[frozenset[str], str], View] = {}
        self._events = self._bytes = 0
        self._spans: dict[int, Span] = {}
        self._kin: dict[frozenset[str], Kin] = {}
        self._lanes = (Lane(self._serve), Lane(self._serve))

    # ------------------------------------------------------------ taking in
    def start(self) -> None:
        """Takes the state as it stands, and the recent batches, so that clients from before a restart can resume."""
        state = self.record.state
        for topic in TOPICS:
            for id_ in getattr(state, topic):
                self._show(topic, id_)
        for published in self.record.recent:
            self._keep(published, {key: self._once_shown(*key) for key in _shown_of(published)})
        self.head = self.record.durable
        self.record.listeners.append(self)

    def restart(self) -> None:
        """The record is another one than what was shown: everybody gets a snapshot."""
        self.shown, self.head = Showcase(), self.record.durable
        self.chunks.clear()
        self._spans.clear()
        self._events = self._bytes = 0
        for topic in TOPICS:
            for id_ in getattr(self.record.state, topic):
                self._show(topic, id_)
        self._follow_rights()
        for view in self.views.values():
            for box in view.boxes:
                box.begin_anew()
        self._schedule()

    def _show(self, topic: str, id_: str) -> Pattern:
        return self.shown.put(topic, id_, role_views.forms(self.record.state, topic, id_))

    def _once_shown(self, topic: str, id_: str) -> Pattern:
        """Who may have been shown an entity before the restart and has to be told that it is gone.

        What it looked like then is not known any more; a client that never had it is told nothing by a null.
        """
        delivery = self.record.state.deliveries.get(id_) if topic == "deliveries" else None
        if delivery is not None:  # relays are told of their own only
            return (tuple(f"relay:{name}" for name in delivery.had), role_streams.DESK)
        return (role_streams.TEAM,)

    def publish(self, batch: Published) -> None:
        before = {key: self._show(*key) for key in _shown_of(batch)}
        for event in batch.events:
            if (
                isinstance(event, DeliveryRequested)
                and self.record.state.deliveries[event.delivery].relay != event.relay
            ):
                # It went on to another relay in this very batch. The first is told to bring it by the event: so it is
                # told as well that it is gone.
                before["deliveries", event.delivery] += ((f"relay:{event.relay}",),)
        self._keep(batch, before)
        self.head = batch.events[-1].seq
        self._spans.clear()
        if any(isinstance(e, SheetReplaced) for e in batch.events):
            self._follow_rights()
        self._schedule()

    def _keep(self, batch: Published, before: dict[Key, Pattern]) -> None:
        state = self.record.state
        streams = [role_streams.of_event(state, event) for event in batch.events]
        bodies = [codec.wire(e, x.body, x.private) for e, x in zip(batch.events, batch.entries, strict=True)]
        chunk = Chunk(
            first=batch.events[0].seq, last=batch.events[-1].seq,
            events=batch.events, bodies=bodies, streams=streams, sent_by=batch.senders,
            # Those whom none of it concerns are told so by these two, without a look at each event.
            who=set(streams), senders=set(batch.senders),
            before=before, size=sum(map(len, bodies)),
        )  # fmt: skip
        self.chunks.append(chunk)
        self._events += len(bodies)
        self._bytes += chunk.size
        while len(self.chunks) > 1 and (self._events > KEPT_EVENTS or self._bytes > KEPT_BYTES):
            old = self.chunks.popleft()
            self._events -= len(old.events)
            self._bytes -= old.size

    # ------------------------------------------------------------ connections
    def join(self, line: Line, rights: Rights) -> Outbox:
        """A connection's place, with its view. It is sent nothing before `welcome` has been written."""
        return Outbox(self, self.view_of(rights), line, self.head, rights)

    def view_of(self, rights: Rights) -> View:
        actor = rights.actor
        streams = role_streams.listens_to(actor, self.record.state, ahead=rights.ahead, lease=rights.lease)
        key = (streams, actor.sender)
        view = self.views.get(key)
        if view is None:
            common = frozenset(s for s in streams if not personal(s))
            kin = self._kin.setdefault(common, Kin(common))
            view = self.views[key] = View(streams, actor.role, actor.sender, kin)
            kin.views.add(view)
            self._lane(view).views[view] = None
        return view

    def _lane(self, view: View) -> Lane:
        return self._lanes[0 if view.first else 1]

    def _follow_rights(self) -> None:
        """Whose groups are whose may have changed: who sees something else now is sent a snapshot of it."""
        for box in [box for view in self.views.values() for box in view.boxes]:
            view = self.view_of(box.rights)
            if view is not box.view:
                box.switch(view)

    def leave(self, box: Outbox) -> None:
        view = box.view
        view.boxes.pop(box, None)
        if not view.boxes and self.views.pop((view.streams, view.sender), None) is not None:
            self._lane(view).views.pop(view, None)
            view.kin.views.discard(view)
            if not view.kin.views:
                self._kin.pop(view.kin.streams, None)

    # ------------------------------------------------------------ positions
    def mark(self, seq: int) -> str:
        """A position without a view: what comes over HTTP."""
        return f"{self.record.incarnation_at(seq)[:8]}.{seq}."

    def position(self, view: View, seq: int) -> str:
        return self.mark(seq) + view.fingerprint

    def place_of(self, view: View, position: str | None) -> int | None:
        """The number a position stands for, or None where only a snapshot will do."""
        if not position:
            return None
        incarnation, _, rest = position.partition(".")
        number, _, fingerprint = rest.partition(".")
        if fingerprint != view.fingerprint or not number.isascii() or not number.isdigit():
            return None
        seq = int(number[:18])
        if not self.reaches(seq):
            return None
        if incarnation != self.record.incarnation_at(seq)[:8]:
            return None  # it is a number that was given a second time
        return seq

    def reaches(self, seq: int) -> bool:
        """Whether everything after this number is still at hand, and is so little that joining it is worth while."""
        behind = self.head - seq
        return not behind or (0 < behind <= SOFT_EVENTS and bool(self.chunks) and self.chunks[0].first <= seq + 1)

    # ------------------------------------------------------------ bytes
    def since(self, view: View, after: int) -> tuple[bytes, bytes] | None:
        """The frame from a place to the head in two parts, or None where nothing of it is for this view.

        The first part is shared by all views that are shown the same; only the position's end, the second, is their own.
        """
        span = self._spans.get(after)
        if span is None:
            chunks: list[Chunk] = []
            for chunk in reversed(self.chunks):  # most are near the end: older chunks are not looked at
                if chunk.last <= after:
                    break
                chunks.append(chunk)
            chunks.reverse()
            span = self._spans[after] = Span(chunks, after, self.shown)
        if span.concerns(view):
            shared = self._shared(span, view)
        else:
            kin = view.kin
            if kin not in span.kin:
                span.kin[kin] = self._shared(span, view)
            shared = span.kin[kin]
        return None if shared is None else (shared, view.tail)

    def _shared(self, span: Span, view: View) -> bytes | None:
        seen = [view.sees(who) for who in span.who]
        picks: list[int] = []
        for now, before in span.patterns:
            place = view.pick(now)
            if place == HIDDEN and any(view.pick(pattern) != HIDDEN for pattern in before):
                place = GONE
            picks.append(place)
        # Views that are shown the same share the same bytes; who sent something is shown its id.
        full, sender = view.kin.full, view.sender if view.sender in span.senders else ""
        signature = (full, sender, *seen, *picks)
        if signature not in span.frames:
            shown = {who for who, sees in zip(span.who, seen, strict=True) if sees}
            body = self._join(span, view, shown, picks)
            span.frames[signature] = None if body is None else text_head(len(body) + len(view.tail)) + body
        return span.frames[signature]

    def _join(self, span: Span, view: View, shown: set[Streams], picks: list[int]) -> bytes | None:
        events = [
            full
            if view.kin.full or sender == view.sender or (event.cmd is None and not masking.differs(event))
            else _thinner(span, event)
            for who, sender, event, full in (span.events() if shown else ())
            if who in shown
        ]
        topics: dict[str, list[bytes]] = {}
        for (topic, id_), index in span.changes.items():
            place = picks[index]
            if place != HIDDEN:
                body = _encode(id_) + b":null" if place == GONE else self.shown.body(topic, id_, place)
                topics.setdefault(topic, []).append(body)
        if not events and not topics:
            return None
        changes = b",".join([b'"%b":{%b}' % (t.encode(), b",".join(parts)) for t, parts in topics.items()])
        mark = self.mark(self.head).encode()
        return b'{"op":"events","events":[%b],"changes":{%b},"position":"%b' % (b",".join(events), changes, mark)

    def state_of(self, view: View) -> bytes:
        """The whole state as this view is shown it, at the head."""
        return self.shown.state(view)

    def state_for(self, rights: Rights) -> bytes:
        """The same for somebody who asks for it once, and is told of nothing that follows."""
        streams = role_streams.listens_to(rights.actor, self.record.state, ahead=rights.ahead, lease=rights.lease)
        return self.shown.state(View(streams, rights.actor.role, rights.actor.sender, Kin(streams)))

    # ------------------------------------------------------------ passes
    def _schedule(self) -> None:
        for lane in self._lanes:
            lane.news()

    def _serve(self, box: Outbox) -> None:
        try:
            box.catch_up()
        except Exception:
            # A fault of ours in one connection must not keep the news from all others.
            log.exception("a connection could not be served", sale=self.record.sale)
            box.line.close(4000, "a fault of the service: come back for a snapshot")


def _thinner(span: Span, event: Event) -> bytes:
    """The event for those who neither sent it nor see everything, without the command's id and with a member's numbers
    masked; made when the first of them is there."""
    plain = span.plain.get(event.seq)
    if plain is None:
        cmd, sum_ = event.cmd, event.sum
        event.cmd = event.sum = None
        plain = span.plain[event.seq] = _encode(masking.event(event) if masking.differs(event) else event)
        event.cmd, event.sum = cmd, sum_
    return plain
