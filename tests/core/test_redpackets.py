"""Red packets 红包: announced in groups, sent by a person, with proof; a cost once they are."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.core import Actor, redpackets
from tests.core.driver import SECOND, START, Sale, segment, sheet

TEAM = [
    {"person": "li", "role": "controller"},
    {"person": "mei", "role": "cheer"},
    {"person": "qun", "role": "poster"},
]


def announced(of: dict[str, Any] | None = None, **more: Any) -> Sale:
    sale = Sale(of).live()
    sale.do("controller", "redpacket.announce", **{"amount": 8800, "count": 20, "groups": ["g1", "g2"], **more})
    sale.advance(START + 2 * SECOND)
    return sale


def test_it_is_announced_in_groups_and_is_somebody_s_task() -> None:
    sale = announced(text="{count} 个红包, 共 {amount}")
    assert sale.deliveries()["g1"].content.text == "20 个红包, 共 ¥88"
    packet = sale.state.redpackets["redpacket1"]
    task = sale.state.tasks[packet.task]
    assert (packet.who, task.who, task.status) == ("cheer", "cheer", "open")
    for said in ("20 个", "¥88", "VIP 1 群", "截图"):
        assert said in task.text


def test_it_is_no_cost_before_it_is_sent_with_proof() -> None:
    sale = announced()
    assert redpackets.cost(sale.state) == 0
    assert sale.refused("cheer", "task.done", task="t1") == "invalid"
    sale.do("cheer", "task.done", task="t1", proof="https://img.example/1.png")
    packet = sale.state.redpackets["redpacket1"]
    assert (packet.sent_by, packet.proof) == ("mei", "https://img.example/1.png")
    assert redpackets.cost(sale.state) == 8800


@pytest.mark.parametrize(
    ("who", "actor"),
    [
        (None, Actor("poster", "qun")),
        ("poster", Actor("poster", "qun")),
        ("controller", Actor("controller", "li")),
        ("mei", Actor("cheer", "mei")),
    ],
)
def test_a_poster_comes_first_and_whoever_is_named_can_say_that_it_is_sent(who: str | None, actor: Actor) -> None:
    sale = announced(of=sheet(segment(), team=TEAM), **({"who": who} if who else {}))
    assert sale.refused("cohost", "redpacket.done", redpacket="redpacket1", proof="p.png") == "forbidden"
    sale.do(actor, "redpacket.done", redpacket="redpacket1", proof="p.png")
    assert sale.state.tasks["t1"].status == "done"
    assert sale.do(actor, "redpacket.done", redpacket="redpacket1", proof="p.png") == {"again": True}


def test_two_who_send_it_within_one_blink_are_told() -> None:
    sale = announced()
    sale.do("cheer", "redpacket.done", redpacket="redpacket1", proof="p.png")
    assert sale.refused("an", "redpacket.done", redpacket="redpacket1", proof="q.png") == "stale"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"count": 8801}, "invalid"),
        ({"who": "nobody"}, "unknown"),
        ({"groups": "tier:none"}, "invalid"),
        ({"text": "最佳红包"}, "blocked"),
    ],
)
def test_what_does_not_fit_is_refused(fields: dict[str, Any], code: str) -> None:
    fields = {"amount": 8800, "count": 20, "groups": "all", **fields}
    assert Sale().live().refused("controller", "redpacket.announce", **fields) == code


def test_a_sheet_s_cue_announces_it() -> None:
    cue = {"at": "start", "do": "redpacket.announce", "amount": "88.00", "count": 20, "who": "cheer"}
    sale = Sale(sheet(segment(cue))).live()
    sale.advance(START + SECOND)
    assert sale.state.redpackets["redpacket1"].amount == 8800
    assert sale.refused("cheer", "redpacket.done", redpacket="redpacket9", proof="p.png") == "unknown"
