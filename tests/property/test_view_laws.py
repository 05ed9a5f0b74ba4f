"""The laws of the fan-out: what a screen has, plus what it is sent, is what it would be shown afresh.

The hub is the real one; its conductor is a stand-in that has a state and says when a batch is durable. Screens
apply frames as a console does: set what is given, delete what is null.
"""

from __future__ import annotations

import json
from collections import deque
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.conductor import Published
from coordinator.core import TOPICS, Actor, Decided
from coordinator.core.cues import BOARD_DROPS
from coordinator.core.orders import NEWEST_KEPT
from coordinator.core.questions import QUEUE_KEPT
from coordinator.fanout.hub import Hub
from coordinator.fanout.outbox import Outbox
from coordinator.fanout.view import Rights
from coordinator.journal import codec
from coordinator.journal.base import Entry
from roles import views
from tests.core.driver import SECOND, Sale, segment, sheet
from tests.property.steps import STEPS, begun, sheets, take

WATCHERS = [
    (Actor("owner", "boss"), True), (Actor("owner", "boss"), False), (Actor("controller", "li"), True),
    (Actor("controller", "li"), False), (Actor("host", "lin"), False), (Actor("host", "lin"), True),
    (Actor("cohost", "wu"), False), (Actor("cheer", "mei"), False), (Actor("cheer", "an", ("g1",)), False),
    (Actor("support", "chen"), False), (Actor("relay", "r1", ("g1", "g2")), True), (Actor("relay", "r2", ("g1", "g3")), True),
    (Actor("poster", "p1", ("g2",)), True), (Actor("audience", "m1"), False), (Actor("shop", "shop"), False),
]  # fmt: skip

Key = tuple[str, str]


class QuietHub(Hub):
    """Sends when it is told to, so that a test decides what shares a frame."""

    def _schedule(self) -> None:
        pass


class Screen:
    """A reader of frames: it keeps a state and holds no rule of its own."""

    def __init__(self, hub: Hub, actor: Actor, ahead: bool) -> None:
        self.hub, self.actor, self.ahead = hub, actor, ahead
        self.state: dict[str, dict[str, Any]] = {}
        self.had: set[Key] = set()
        self.nulls: set[Key] = set()
        self.heard: list[int] = []
        self.position: str | None = None
        self.box: Outbox
        self.join()

    def join(self) -> None:
        """Hello: with the position it has, if it has one."""
        self.box = self.hub.join(self, Rights(self.actor, ahead=self.ahead))
        place = self.hub.place_of(self.box.view, self.position)
        if place is None:
            assert self.position is None, "all of it is still at hand, and a snapshot was needed"
            self.take_whole(json.loads(self.hub.state_of(self.box.view)))
        self.box.begin(self.hub.head if place is None else place)
        self.position = self.position or self.hub.position(self.box.view, self.hub.head)
        self.box.catch_up()

    def leave(self) -> None:
        self.box.open = False
        self.hub.leave(self.box)

    def take_whole(self, state: dict[str, Any]) -> None:
        self.state = {topic: dict(entities) for topic, entities in state.items()}
        self.had |= {(topic, id_) for topic, entities in state.items() for id_ in entities}

    # ------------------------------------------------------------ a line
    def write(self, *parts: bytes) -> None:
        frame = b"".join(parts)
        size = frame[1]
        data = json.loads(frame[2 if size < 126 else 4 if size == 126 else 10 :])
        assert data["op"] == "events", data
        self.position = data["position"]
        self.heard += [e["seq"] for e in data["events"]]
        self.had |= {("deliveries", e["delivery"]) for e in data["events"] if e["kind"] == "delivery.requested"}
        for topic, changes in data["changes"].items():
            mine = self.state.setdefault(topic, {})
            for id_, entity in changes.items():
                if entity is None:
                    self.nulls.add((topic, id_))
                    mine.pop(id_, None)
                else:
                    self.had.add((topic, id_))
                    mine[id_] = entity

    def unread(self) -> int:
        return 0

    def close(self, code: int, message: str) -> None:
        raise AssertionError((code, message))


class Room:
    """A sale, the hub, and for each watcher a screen that keeps up and one that comes and goes."""

    def __init__(self, sale: Sale, together: int) -> None:
        self.sale, self.together = sale, together
        self.waiting: list[Decided] = []
        record: Any = SimpleNamespace(
            sale="kitchen", state=sale.state, durable=sale.state.seq, recent=deque(), listeners=[],
            incarnation_at=lambda _: "0123456789",
        )  # fmt: skip
        self.hub = QuietHub(record)
        self.hub.start()
        self.keen = [Screen(self.hub, actor, ahead) for actor, ahead in WATCHERS]
        self.away = [Screen(self.hub, actor, ahead) for actor, ahead in WATCHERS]
        sale.after.append(self.waiting.append)

    def flush(self) -> None:
        """All that waits becomes durable as one batch."""
        events = [e for d in self.waiting for e in d.events]
        if not events:
            return
        touched = dict.fromkeys(key for d in self.waiting for key in d.touched)
        self.waiting.clear()
        entries = []
        for e in events:
            body, private = codec.encode(e)
            entries.append(Entry(e.seq, body, private))
        self.hub.publish(Published(events, entries, [e.by for e in events], touched))
        self.look()

    def look(self) -> None:
        forms = {
            (topic, id_): list(views.forms(self.sale.state, topic, id_))
            for topic in TOPICS
            for id_ in getattr(self.sale.state, topic)
        }
        bodies: dict[int, Any] = {}

        def plain(form: Any) -> Any:
            if id(form) not in bodies:
                bodies[id(form)] = json.loads(msgspec.json.encode(form))
            return bodies[id(form)]

        for screen in self.keen:
            screen.box.catch_up()
            fresh: dict[str, dict[str, Any]] = {}
            for (topic, id_), pairs in forms.items():
                form = next((f for streams, f in pairs if not screen.box.view.streams.isdisjoint(streams)), None)
                if form is not None:
                    fresh.setdefault(topic, {})[id_] = plain(form)
            assert filled(screen.state) == fresh, f"{screen.actor.by}: its state and the changes are not what is there"
            whole = filled(json.loads(self.hub.state_of(screen.box.view)))
            assert whole == fresh, f"{screen.actor.by}: a snapshot is not what is there"
            assert screen.nulls <= screen.had, f"{screen.actor.by} is told of the end of what it never had"
            self.relay(screen)

    def relay(self, screen: Screen) -> None:
        if screen.actor.role not in {"relay", "poster"}:
            return
        assert set(filled(screen.state)) <= {"show", "groups", "deliveries"}
        for d in screen.state.get("deliveries", {}).values():
            # A poster sees what waits for a person in their groups, whoever has it.
            takes_over = screen.actor.role == "poster" and d.get("status") == "awaiting"
            assert d["relay"] == screen.actor.name or takes_over
            assert d["group"] in (screen.actor.groups or ())
        assert set(screen.state.get("groups", {})) <= set(screen.actor.groups or ())
        assert not any(g.get("last") for g in screen.state.get("groups", {}).values())

    def one_goes(self, which: int) -> None:
        """A screen drops off, or comes back with the position it has, and has missed nothing."""
        screen, keen = self.away[which % len(self.away)], self.keen[which % len(self.keen)]
        if screen.box.open:
            screen.leave()
            return
        screen.join()
        assert filled(screen.state) == filled(keen.state), f"{screen.actor.by}: a resume is not as if it had stayed"
        assert screen.heard == keen.heard
        assert screen.nulls <= keen.had


def filled(state: dict[str, Any]) -> dict[str, Any]:
    return {topic: entities for topic, entities in state.items() if entities}


def run(of: list[dict[str, Any]], phase: int, together: int, steps: list[tuple[str, int, int]]) -> None:
    sale = begun(of[0], phase)
    room = Room(sale, together)
    for n, step in enumerate(steps):
        take(sale, step, of)
        if n % together == 0:
            room.flush()
        if n % 3 == 0 and not room.waiting:
            room.one_goes(step[1] + n)
    room.flush()
    for screen in room.away:
        if not screen.box.open:
            screen.join()
        screen.box.catch_up()
    for screen, keen in zip(room.away, room.keen, strict=True):
        assert filled(screen.state) == filled(keen.state)
        assert screen.heard == keen.heard
        assert screen.nulls <= keen.had


SHEETS = st.lists(sheets(), min_size=2, max_size=2)


@given(SHEETS, st.sampled_from([3, 3, 3, 2, 1, 0]), st.integers(1, 4), STEPS)
@settings(max_examples=60)
def test_a_screen_has_what_it_would_be_shown_afresh(
    of: list[dict[str, Any]], phase: int, together: int, steps: list[tuple[str, int, int]]
) -> None:
    run(of, phase, together, steps)


@pytest.mark.long
@given(SHEETS, st.sampled_from([3, 3, 3, 2, 1, 0]), st.integers(1, 4), STEPS)
@settings(max_examples=800)
def test_a_screen_has_what_it_would_be_shown_afresh_for_long(
    of: list[dict[str, Any]], phase: int, together: int, steps: list[tuple[str, int, int]]
) -> None:
    run(of, phase, together, steps)


def test_old_drops_leave_the_board_and_old_answers_the_queue_for_every_screen() -> None:
    sale = begun(sheets_of_nothing(), 2)
    room = Room(sale, 1)
    for n in range(BOARD_DROPS + 3):
        sale.do("controller", "message.send", content=f"{n}", groups="group:g1")
        sale.advance(sale.now + 3 * SECOND)
        room.flush()
    desk = next(s for s in room.keen if s.actor.role == "controller")
    assert len(desk.state["deliveries"]) == BOARD_DROPS
    for n in range(QUEUE_KEPT + 2):
        sale.do("r1", "question.raise", group="g1", text=f"问题 {n}")
        if n == 0:
            sale.do("support", "question.answer", question="q1", content="好")
    room.flush()
    assert "q1" not in desk.state["questions"]
    assert "q2" in desk.state["questions"], "what is open stays"


def test_old_orders_leave_every_screen_and_stay_in_the_list_that_is_paged() -> None:
    sale = begun(sheets_of_nothing(), 2)
    room = Room(sale, 1)
    for n in range(NEWEST_KEPT + 2):
        sale.do("shop", "order.report", order=f"no-{n}", status="placed", amount=1)
        room.flush()
    sale.do("shop", "order.report", order="no-0", status="paid")  # an old one that something happens to
    room.flush()
    desk = next(s for s in room.keen if s.actor.role == "controller")
    assert list(desk.state["orders"]) == [f"no-{n}" for n in range(2, NEWEST_KEPT + 2)]
    assert not list(views.forms(sale.state, "orders", "no-0"))
    assert list(views.listed(sale.state, "orders", "no-0"))


def test_a_relay_whose_delivery_went_to_another_in_the_same_batch_is_told_that_it_is_gone() -> None:
    # The event told it to bring the delivery; nothing told it not to, and both relays sent it.
    sale = begun(sheets_of_nothing(), 2)
    room = Room(sale, 2)
    sale.do("controller", "message.send", content="大家好", groups="group:g1")
    sale.relay("r1", here=False)
    room.flush()
    first, second = (next(s for s in room.keen if s.actor.name == name) for name in ("r1", "r2"))
    assert ("deliveries", "d1") in first.nulls
    assert second.state["deliveries"]["d1"]["attempt"] == 2


def sheets_of_nothing() -> dict[str, Any]:
    return sheet(segment(lasts="60m"))


LINK = {"id": "link", "at": "+1m", "do": "link.drop", "link": "room", "groups": "all"}


@pytest.mark.parametrize("stop", ["cue.hold", "show.pause", "show.halt", "show.shift", "cue.skip"])
def test_what_is_taken_back_before_its_moment_is_shown_alike_to_all(stop: str) -> None:
    sale = begun(sheet(segment(LINK, lasts="30m")), 2)
    room = Room(sale, 1)
    sale.advance(sale.now + 59 * SECOND)
    sale.do("r1", "delivery.report", delivery="d1", attempt=1, outcome="sent")
    room.flush()
    fields = {"cue.hold": {"cue": "link"}, "cue.skip": {"cue": "link"}, "show.shift": {"by_ms": 60 * SECOND}}
    sale.do("controller", stop, **fields.get(stop, {}))
    room.flush()
    after = {"cue.hold": "cue.release", "show.pause": "show.resume", "show.halt": "show.unhalt"}
    if stop in after:
        sale.do("controller", after[stop], **fields.get(stop, {}))
        room.flush()
    sale.advance(sale.now + 90 * SECOND)
    room.flush()
