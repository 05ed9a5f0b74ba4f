"""Guests and leaders: who the show waits for before it can go, and who is given tasks beside the cheer squad."""

from __future__ import annotations

from typing import Any

from tests.client import token
from tests.server import InProcess
from tests.sheet import sheet

SONG = {"id": "song", "name": "宋老师", "theme": "养锅", "segment": "main"}


async def of_guests(room: InProcess, sale: str) -> dict[str, Any]:
    answer = await room.http("GET", f"/api/sales/{sale}/ready", token("owner", None, sale))
    return next(check for check in answer.json["checks"] if check["what"] == "guests")


async def test_a_guest_of_a_segment_who_was_only_asked_is_a_reason_not_to_go(room: InProcess) -> None:
    sale = await room.sale(sheet(guests=[SONG, {"id": "zhang", "name": "张师傅"}]))
    assert await of_guests(room, sale) == {
        "what": "guests",
        "ok": False,
        "why": "only asked: 宋老师 (main)",
        "zh": "还没答应的嘉宾: 宋老师 (main)",
    }
    new = sheet(guests=[{**SONG, "state": "confirmed"}])
    path, owner = f"/api/sales/{sale}/sheet", token("owner", None, sale)
    dry = await room.http("PUT", path + "?dry=1", owner, json=new)
    assert {(t["topic"], t["id"], t["change"]) for t in dry.json["difference"]["things"]} == {
        ("guests", "song", "changed"),
        ("guests", "zhang", "left_out"),
    }
    assert (await room.http("PUT", path, owner, json=new, headers={"If-Match": "1"})).status == 200
    assert (await of_guests(room, sale))["ok"] is True
    assert list((await room.state(sale))["state"]["guests"]) == ["song"]


async def test_everybody_of_the_team_is_shown_the_guests_and_a_change_of_them(room: InProcess) -> None:
    sale = await room.sale(sheet(guests=[SONG]))
    host, owner = await room.join(sale, "host"), await room.join(sale, "owner")
    assert host.state["guests"]["song"]["theme"] == "养锅"
    assert (
        "guests" not in (await room.join(sale, "relay")).state or not (await room.join(sale, "relay")).state["guests"]
    )
    new = sheet(guests=[])
    await owner.done("sheet.replace", version=1, sheet=new)
    await host.until(lambda: not host.state["guests"])


async def test_a_group_leader_gets_tasks_of_their_own_group_as_cheer_members_do(room: InProcess) -> None:
    """A leader 班长/组长 stands in the team as cheer of their group, and is named where a task is for them alone."""
    plan = sheet(cues=[{"id": "roll", "at": "+1s", "task": "banzhang", "text": "请点名"}])
    plan["team"].append({"person": "banzhang", "role": "cheer", "groups": "group:g2"})
    sale = await room.sale(plan, live=True)
    leader, mei = await room.join(sale, "cheer", "banzhang"), await room.join(sale, "cheer")
    task = (await leader.event("task.assigned"))["task"]
    assert leader.state["tasks"][task]["text"] == "请点名"
    assert not mei.state["tasks"]
    await leader.done("task.done", task=task)
    controller = await room.join(sale)
    more = (await controller.done("task.assign", who="banzhang", group="g2", text="收作业"))["task"]
    assert (await leader.event("task.assigned", task=more))["who"] == "banzhang"
