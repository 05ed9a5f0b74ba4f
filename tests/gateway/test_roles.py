"""Each role may give what the contract's table says, through both doors, and sees nothing that is not its own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from coordinator.core import COMMANDS
from coordinator.core.people import INTERNAL
from roles.permissions import MAY, ROLES
from tests.client import token
from tests.server import InProcess
from tests.sheet import sheet

# The contract's section 7, letter by letter; written out here on its own, not read from the code.
CONTRACT = {
    "show.arm": "OC", "show.start": "OC", "show.end": "OC", "show.close": "OC", "show.pause": "OC", "show.resume": "OC",
    "show.shift": "OC", "show.halt": "OC", "show.unhalt": "OC",
    "segment.next": "C", "segment.extend": "C",
    "cue.fire": "C", "cue.confirm": "C", "cue.hold": "C", "cue.release": "C", "cue.skip": "C", "cue.add": "C",
    "sheet.replace": "OC", "sheet.approve": "O",
    "prompt.send": "OCHK",
    "product.show": "CK", "product.hide": "CK", "product.reprice": "C", "product.restock": "C",
    "coupon.drop": "C", "coupon.stop": "C", "link.drop": "C", "link.stop": "C", "message.send": "CS", "redpacket.announce": "C",
    "checkin.open": "C", "checkin.close": "C", "showcase.add": "CE",
    "coupon.claim": "AR", "coupon.redeem": "P", "link.click": "A",
    "chain.join": "AR", "draw.enter": "AR", "poll.vote": "AR", "quiz.answer": "AR", "checkin.join": "AR",
    "chain.open": "CE", "chain.close": "CE", "draw.open": "CK", "draw.run": "CK",
    "poll.open": "CK", "poll.close": "CK", "quiz.open": "CK", "quiz.close": "CK",
    "question.raise": "RAS", "question.take": "S", "question.answer": "S", "question.close": "S", "question.pick": "SKC",
    "question.escalate": "S",
    "task.assign": "C", "task.done": "EKG",  # in the contract EK: a poster is given tasks too

    "followup.take": "S", "followup.close": "S", "member.reveal": "S",
    "group.observe": "RP", "group.freeze": "C", "group.thaw": "C", "channel.expose": "RP", "audience.report": "CRP", "cost.report": "O",
    "order.report": "P",
    "delivery.report": "R", "delivery.retry": "C", "delivery.withdraw": "C", "delivery.move": "C", "delivery.resolve": "C",
    "note.add": "OCHKESAP", "person.ready": "OCHKESAP",  # all but R
    # Beside the contract.
    "question.chat": "S", "shift.hand": "S", "followup.message": "S", "member.optout": "RAS", "member.optin": "RAS", "member.link": "RP",
    "survey.open": "CK", "survey.close": "CK", "survey.answer": "AR",
    "correction.send": "C", "correction.dismiss": "C", "floor.remind": "C", "floor.dismiss": "C", "delivery.hand": "G", "relay.limits": "R",
}  # fmt: skip
LETTERS: dict[str, set[str]] = {
    "O": {"owner"}, "C": {"controller"}, "H": {"host"}, "K": {"cohost"}, "E": {"cheer"}, "S": {"support"},
    "R": {"relay", "poster"}, "G": {"poster"}, "A": {"audience"}, "P": {"shop"},
}  # fmt: skip
TO_ITS_RECEIVER = {"redpacket.done", "prompt.ack"}  # whoever that is


def meant(kind: str) -> set[str]:
    return {role for letter in CONTRACT[kind] for role in LETTERS[letter]}


def test_the_table_in_the_code_is_the_contracts() -> None:
    assert set(MAY) - TO_ITS_RECEIVER <= set(CONTRACT)
    for kind, roles in MAY.items():
        if kind not in TO_ITS_RECEIVER:
            assert roles == meant(kind), kind


def test_every_command_stands_in_the_table_and_every_row_is_a_command() -> None:
    assert set(MAY) == set(COMMANDS) - INTERNAL


async def test_the_table_is_served_as_it_stands(room: InProcess) -> None:
    answer = await room.http("GET", "/api/permissions")
    assert answer.status == 200
    assert answer.json["roles"] == list(ROLES)
    assert {kind: set(roles) for kind, roles in answer.json["commands"].items()} == {k: set(v) for k, v in MAY.items()}


@pytest.mark.parametrize("role", ROLES)
async def test_through_both_doors_a_role_is_refused_just_what_the_table_does_not_give_it(
    room: InProcess, role: str
) -> None:
    sale = await room.sale(sheet(), live=True)
    client = await room.join(sale, role)
    watcher = await room.join(sale, "owner", "boss")
    before = await _own(room, sale, client, role)
    # A field that no command has: whoever may give it is refused for that, and nothing happens.
    results = await client.many([{"id": f"x-{kind}", "kind": kind, "no such field": 1} for kind in sorted(MAY)])
    for kind, result in zip(sorted(MAY), results, strict=True):
        assert not result["ok"]
        over_http = await room.do(sale, role, kind, **{"no such field": 1})
        assert over_http.headers["Content-Type"].startswith("application/problem+json")
        assert over_http.json["code"] == result["code"]
        if role in MAY[kind]:
            assert result["code"] == "invalid", kind
            assert over_http.status == 422
        else:
            assert result["code"] == "forbidden", kind
            assert result["details"] == {"kind": kind, "role": role}
            assert over_http.status == 403
    assert await _own(room, sale, watcher, role) == before


async def _own(room: InProcess, sale: str, client: Any, role: str) -> list[int]:
    """Numbers of all that is not somebody's coming and going."""
    return [e["seq"] for e in await room.events(sale) if not e["kind"].startswith(("person.", "relay."))]


async def test_what_the_service_tells_itself_no_client_may_tell_it(room: InProcess) -> None:
    sale = await room.sale(sheet())
    for role in ROLES:
        client = await room.join(sale, role)
        for kind in ("clock.step", "presence.person", "presence.relay", "sale.create", "clock.due"):
            assert (await client.do(kind, by_ms=1))["code"] == "unknown"


async def test_a_relay_sees_nothing_of_another_relays_groups(room: InProcess) -> None:
    groups = [
        {"id": f"g{n}", "name": f"群{n}", "tier": "vip", "relay": "r1" if n <= 2 else "r2", "members": 10}
        for n in range(1, 5)
    ]
    sale = await room.sale(sheet(groups=groups, lead="50ms"), live=True)
    controller = await room.join(sale)
    relays = {name: await room.join(sale, "relay", name) for name in ("r1", "r2")}
    poster = await room.join(sale, "poster", "r3", groups=["g1"])
    secret = "只给二号的话"
    await controller.done("coupon.drop", coupon="c20", groups="all")
    await controller.done("message.send", content=secret, groups=["g3"])
    await relays["r2"].until(lambda: secret in json.dumps(relays["r2"].state, ensure_ascii=False))
    for n, delivery in enumerate(["d1", "d2", "d3", "d4"], 1):
        reporter = relays["r1" if n <= 2 else "r2"]
        await reporter.done("delivery.report", delivery=delivery, attempt=1, outcome="sent")
        other = relays["r2" if n <= 2 else "r1"]
        assert (await other.do("delivery.report", delivery=delivery, attempt=1, outcome="failed"))["code"] in {
            "forbidden",
            "invalid",
        }
        assert (await other.do("delivery.report", delivery=delivery, attempt=1, outcome="rejected"))[
            "code"
        ] == "forbidden"
    await relays["r2"].done("group.observe", group="g3", what="message", member="m", text=secret)
    assert (await relays["r1"].do("group.observe", group="g3", what="message", member="m", text="x"))[
        "code"
    ] == "forbidden"
    await controller.until(lambda: controller.kinds().count("delivery.sent") == 4)
    end = controller.seq()

    foreign = {"r1": {"g3", "g4"}, "r2": {"g1", "g2"}, "r3": {"g2", "g3", "g4"}}
    for name, client in {**relays, "r3": poster}.items():
        role = "poster" if name == "r3" else "relay"
        fresh = await room.join(sale, role, name, groups=["g1"] if name == "r3" else None)
        over_http = []
        key = token(role, name, sale, ["g1"] if name == "r3" else None)
        for path in (
            "events?limit=1000&after=0",
            "state",
            f"state?at={end}",
            "list/deliveries",
            "list/groups",
            "list/drops",
            "list/people",
        ):
            answer = await room.http("GET", f"/api/sales/{sale}/{path}", key)
            assert answer.status == 200
            over_http.append(answer.json)
        for shown in (client.events, client.state, client.welcome, fresh.welcome, *over_http):
            assert not (_groups(shown) & foreign[name]), name
            if name != "r2":
                assert secret not in json.dumps(shown, ensure_ascii=False)
        assert {e["group"] for e in client.events if e["kind"] == "delivery.requested"} == (
            {"g1", "g2"} if name == "r1" else {"g3", "g4"} if name == "r2" else set()
        )


def _groups(value: Any) -> set[str]:
    """Every group that is named anywhere in a value."""
    if isinstance(value, dict):
        own = {value["group"]} if isinstance(value.get("group"), str) else set()
        named = set(value["groups"]) if isinstance(value.get("groups"), dict) else set()
        return own.union(named, *(_groups(v) for v in value.values()))
    if isinstance(value, list):
        return set().union(*(_groups(v) for v in value)) | (
            {x for x in value if isinstance(x, str)} & {"g1", "g2", "g3", "g4"}
        )
    return set()


async def test_host_and_support_see_no_members_words_and_support_sees_orders_masked(room: InProcess) -> None:
    sale = await room.sale(sheet(), live=True)
    member = "abcdef0123456789abcd"
    relay, shop = await room.join(sale, "relay"), await room.join(sale, "shop", "mall")
    seen = {role: await room.join(sale, role) for role in ("host", "cohost", "support", "controller", "cheer")}
    await relay.done("group.observe", group="g1", what="message", member=member, text="私下的话", name="阿花")
    lines = [{"product": "pan", "quantity": 1, "price": 12900}]
    await shop.done("order.report", order="o1", status="paid", member=member, group="g1", lines=lines, amount=12900)
    for client in seen.values():
        await client.until(lambda client=client: client.state["figures"]["sale"].get("orders_paid"))
    for role, client in seen.items():
        text = json.dumps([client.events, client.state], ensure_ascii=False)
        assert ("私下的话" in text) == (role in {"controller", "cheer"}), role
        if role in {"host", "cohost"}:
            assert member not in text
    order = seen["support"].state["orders"]["o1"]
    assert order["member"] == "abcdef…"
    assert seen["controller"].state["orders"]["o1"]["member"] == member
    assert "o1" not in seen["host"].state.get("orders", {})


async def test_a_cheer_member_sees_what_is_said_in_their_groups_only(room: InProcess) -> None:
    sale = await room.sale(sheet(groups=3), live=True)
    relay = await room.join(sale, "relay")
    mei = await room.join(sale, "cheer", "mei")  # the sheet gives mei tier:vip, which is g1 and g3
    other = await room.join(sale, "cheer", "new", groups=["g2"])
    for n in (1, 2, 3):
        await relay.done("group.observe", group=f"g{n}", what="message", member="m", text=f"话{n}")
    await mei.until(lambda: "话3" in str(mei.events))
    await other.until(lambda: "话2" in str(other.events))
    assert [e["group"] for e in mei.events if e["kind"] == "group.message"] == ["g1", "g3"]
    assert [e["group"] for e in other.events if e["kind"] == "group.message"] == ["g2"]
    assert "话2" not in str(mei.state)


async def test_who_did_not_ask_to_be_told_ahead_learns_of_a_drop_when_it_fires(room: InProcess) -> None:
    sale = await room.sale(sheet(lead="300ms"), live=True)
    told, untold = await room.join(sale), await room.join(sale, "controller", "zhao", ahead=False)
    await told.done("coupon.drop", coupon="c20", groups="all")
    assert told.state["drops"]["drop1"]["status"] == "announced"
    await untold.done("note.add", text="in between")
    assert "drop1" not in untold.state.get("drops", {})
    assert not untold.state.get("deliveries")
    assert "hand-1" not in untold.state["cues"]
    await untold.event("coupon.dropped")
    assert not {"cue.announced", "delivery.requested"} & set(untold.kinds())
    for topic in ("drops", "deliveries", "cues", "runs"):
        assert untold.state[topic] == told.state[topic]


async def test_what_a_planned_quiz_would_ask_is_with_those_who_may_open_it_alone(room: InProcess) -> None:
    quiz = {"id": "ask", "at": "+1h", "do": "quiz.open", "question": "几层", "answer": ["三层"], "until": "90s"}
    sale = await room.sale(sheet(cues=[quiz]))
    forms = {}
    for role in ("owner", "controller", "cohost", "host", "cheer", "support"):
        client = await room.join(sale, role)
        forms[role] = client.state["cues"]["ask"].get("form")
    filled = {"question": "几层", "answer": ["三层"], "until": 90_000}
    assert forms.pop("host") is None
    assert forms.pop("cheer") is None
    assert forms.pop("support") is None
    assert list(forms.values()) == [filled] * 3
