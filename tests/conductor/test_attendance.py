"""Who leads for a relay over several nodes, and what the sale is told before another process of it leads."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator import clock
from coordinator.attendance import FIRST_SECONDS, SILENT_SECONDS, Attendance, Here
from coordinator.core.people import Relay
from coordinator.core.state import State


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The node's clock, to be set."""
    time = [100.0]
    monkeypatch.setattr(clock, "monotonic", lambda: time[0])
    return time


def r1(record: str) -> Here:
    return Here("relay", "r1", (), record)


def of(record: str) -> State:
    """A sale that has the relay as here, by this record."""
    state = State(sale="s1")
    state.relays["r1"] = Relay(name="r1", here=True, record=record)
    return state


def told(record: str) -> list[dict[str, Any]]:
    return [{"kind": "presence.relay", "relay": "r1", "groups": [], "here": True, "hands": False, "record": record}]


def led(now: list[float]) -> Attendance:
    """The first process leads, at the node a."""
    attendance = Attendance(new=True)
    now[0] += 0.1
    attendance.report("a", [r1("first")], [])
    assert attendance.changes(of("first")) == []
    assert attendance.leads == {"r1": "a"}
    return attendance


def let_go_by(now: list[float], seconds: float, attendance: Attendance, state: State) -> None:
    """Looks on in short steps, as a node does."""
    end = now[0] + seconds
    while now[0] < end:
        now[0] += 0.2
        attendance.changes(state)


def test_a_relay_that_is_at_another_node_with_its_own_record_goes_on_there_and_nobody_is_told(now: list[float]) -> None:
    attendance = led(now)
    attendance.report("b", [r1("first")], [])
    attendance.changes(of("first"))
    assert attendance.leads == {"r1": "a"}
    attendance.report("a", [], ["r1"])
    assert attendance.changes(of("first")) == []
    assert attendance.leads == {"r1": "b"}


@pytest.mark.parametrize("node", ["a", "b"])
def test_the_sale_is_told_that_another_process_leads_at_the_same_node_or_at_another(
    now: list[float], node: str
) -> None:
    # The lead went to it, and the sale still had the first as here: what that one had sent was asked of the second.
    attendance = led(now)
    if node == "b":
        attendance.report("b", [r1("second")], [])
        assert attendance.changes(of("first")) == [], "the first one leads"
        attendance.report("a", [], [])
    else:
        attendance.report("a", [r1("second")], [])
    assert attendance.changes(of("first")) == told("second")
    assert attendance.leads == {"r1": node}
    assert attendance.changes(of("second")) == []


def test_the_leader_is_followed_by_itself_at_another_node_before_by_another_process(now: list[float]) -> None:
    attendance = led(now)
    attendance.report("b", [r1("second")], [])
    attendance.report("c", [r1("first")], [])
    attendance.report("a", [], [])
    assert attendance.changes(of("first")) == []
    assert attendance.leads == {"r1": "c"}


def test_who_takes_a_sale_up_gives_nobody_the_lead_and_tells_of_nobody_before_all_nodes_were_heard(
    now: list[float],
) -> None:
    attendance, state = Attendance(), of("first")
    attendance.report("b", [r1("second")], [])
    assert attendance.changes(state) == []
    assert attendance.leads == {}
    attendance.report("c", [r1("first")], ["r1"])
    assert attendance.changes(state) == []
    assert attendance.leads == {"r1": "c"}, "who led goes on leading"


def test_after_a_take_over_in_which_the_leader_went_the_sale_is_told_of_the_other_process(now: list[float]) -> None:
    attendance, state = Attendance(), of("first")
    now[0] += 0.1
    while now[0] < 100 + FIRST_SECONDS:
        attendance.report("b", [r1("second")], [])
        assert attendance.changes(state) == []
        now[0] += 0.2
    attendance.report("b", [r1("second")], [])
    assert attendance.changes(state) == told("second")
    assert attendance.leads == {"r1": "b"}


def test_a_leader_that_was_silent_and_is_back_does_not_take_the_lead_from_the_next_one(now: list[float]) -> None:
    attendance, state = led(now), of("first")
    let_go_by(now, SILENT_SECONDS + 1, attendance, state)
    attendance.report("b", [r1("second")], [])
    assert attendance.changes(state) == told("second")
    attendance.report("a", [r1("first")], ["r1"])
    assert attendance.changes(state) == told("second"), "it is told until it stands"
    assert attendance.leads == {"r1": "b"}
