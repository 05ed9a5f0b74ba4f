"""How long a node may answer its relays, which lets them send."""

from __future__ import annotations

import pytest

from coordinator import clock
from coordinator.attendance import RELAY_SECONDS, SILENT_SECONDS, VOUCH_SECONDS, Attendance, Here
from coordinator.core.state import State
from coordinator.desk import Desk
from coordinator.nodes import Durable
from roles.relay.agent import Timing


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The node's clock, to be set."""
    time = [100.0]
    monkeypatch.setattr(clock, "monotonic", lambda: time[0])
    return time


def told(seq: int, **heard: float) -> Durable:
    return Durable("s1", "a.1", seq, 0, 1.0, None, {}, heard)


def test_relays_are_answered_while_who_conducts_has_heard_of_the_node_and_not_longer(now: list[float]) -> None:
    # Else they sent what had been given to others: a node whose messages were lost went on answering them.
    desk = Desk()
    assert not desk.vouched(0)
    desk.told(told(5, b=99.8), "b")
    assert desk.vouched(5)
    now[0] = 99.8 + VOUCH_SECONDS - 0.01
    assert desk.vouched(5)
    now[0] = 99.8 + VOUCH_SECONDS
    assert not desk.vouched(5)


def test_what_was_taken_from_a_relay_is_read_before_the_relay_is_answered_again(now: list[float]) -> None:
    desk = Desk()
    desk.told(told(8, b=now[0]), "b")
    assert not desk.vouched(7)
    assert desk.vouched(8)


def test_what_is_said_of_others_is_not_for_this_node(now: list[float]) -> None:
    desk = Desk()
    desk.told(told(1, c=now[0]), "b")
    assert not desk.vouched(1)


def test_a_relay_s_lease_is_over_before_its_node_is_taken_for_silent() -> None:
    assert Timing().lease_held == RELAY_SECONDS
    assert VOUCH_SECONDS + RELAY_SECONDS <= SILENT_SECONDS


def test_who_stood_still_itself_takes_nobody_for_silent(now: list[float]) -> None:
    # A node that had not looked for some seconds, because its store did not answer, took relays for gone whose nodes had
    # said otherwise all the while.
    attendance, state = Attendance(new=True), State(sale="s1")
    attendance.report("b", [Here("relay", "r1", ("g1",))], [])
    assert [change["here"] for change in attendance.changes(state)] == [True]
    now[0] += 2 * SILENT_SECONDS
    assert [change["here"] for change in attendance.changes(state)] == [True]
    for _ in range(20):
        now[0] += SILENT_SECONDS / 10
        changes = attendance.changes(state)
    assert changes == []
