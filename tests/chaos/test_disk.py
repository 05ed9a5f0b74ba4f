"""A disk that is full: what cannot be written is refused, all else goes on, and it goes on when there is room."""

from __future__ import annotations

import asyncio
import subprocess
import time
from pathlib import Path

from tests.client import KEY, token
from tests.server import ServerProcess, dropcue
from tests.sheet import sheet
from tests.small_disk import fill


async def test_a_full_disk_is_refused_as_busy_and_the_sale_goes_on_when_there_is_room(small_disk: Path) -> None:
    server = ServerProcess(small_disk / "data")
    await server.start()
    try:
        sale = await server.sale(sheet(lead="100ms"), live=True)
        controller, relay = await server.join(sale), await server.join(sale, "relay")
        await controller.done("coupon.drop", coupon="c20", groups="all")
        await controller.event("coupon.dropped")
        first = await relay.done("coupon.claim", id="before", coupon="c20", member="m0")

        ballast = fill(small_disk)
        answer: dict[str, object] = {}
        done = ["before"]
        for n in range(2000):  # what is set aside for the journal is used up first
            answer = await relay.do("coupon.claim", id=f"c{n}", coupon="c20", member=f"m-{n}" + "x" * 100)
            if answer.get("code") == "busy":
                break
            if answer["op"] == "done":
                done.append(f"c{n}")
            else:
                await relay.do("group.observe", group="g1", what="message", member="m", text="满" * 1000)
        else:
            for n in range(2000):
                answer = await relay.do(
                    "group.observe", id=f"g{n}", group="g1", what="message", member="m", text="满" * 1000
                )
                if answer.get("code") == "busy":
                    break
        assert answer["code"] == "busy", answer
        assert 1000 <= answer["details"]["retry_ms"] <= 1500
        assert "full" in str(answer["message"]).lower() or "room" in str(answer["message"]).lower(), answer

        # Reads, refusals and new connections go on, and what was refused changed nothing.
        state = (await server.state(sale))["state"]
        assert state["coupons"]["c20"]["claimed"] == len(done)
        refused = await controller.many(
            [{"id": "r1", "kind": "note.add", "text": "满" * 4000}, {"id": "r2", "kind": "bogus"}]
        )
        assert [r.get("code") for r in refused] == ["busy", "unknown"]
        over_http = await server.do(sale, "owner", "note.add", text="满" * 4000)
        assert (over_http.status, over_http.json["code"]) == (503, "busy")
        created = await server.http("POST", "/api/sales", token("owner"), json=sheet())
        assert created.status in {201, 503}
        late = await server.join(sale, "host")
        assert late.state["coupons"]["c20"]["claimed"] == len(done)
        assert await relay.done("coupon.claim", coupon="c20", member="m0") == {
            **first,
            "left": 500 - len(done),
            "again": True,
        }

        ballast.unlink()
        async with asyncio.timeout(20):
            while (await controller.do("note.add", id="later", text="满" * 4000))["op"] != "done":
                await asyncio.sleep(0.05)
        assert (await relay.do("coupon.claim", id="after", coupon="c20", member="last"))["op"] in {"done", "refused"}
        await controller.until(lambda: "note.added" in controller.kinds())
        assert (await server.http("GET", "/readyz")).status == 200
        assert controller.state["notes"] == (await server.state(sale))["state"]["notes"]
    finally:
        await server.stop()
    code, out, err = await dropcue("verify", sale, "--data", str(server.data))
    assert code == 0, (out, err)


async def test_a_cue_that_came_due_while_the_disk_was_full_follows_its_late_rule(small_disk: Path) -> None:
    cues = [{"id": "p", "at": "start +1500ms", "prompt": "host", "text": "满" * 1000, "late": "fire within 5m"}]
    server = ServerProcess(small_disk / "data")
    await server.start()
    try:
        sale = await server.sale(sheet(cues=cues), live=True)
        controller = await server.join(sale)
        planned = controller.state["cues"]["p"]["at"]
        ballast = fill(small_disk)
        async with asyncio.timeout(30):
            while (await controller.do("note.add", text="满" * 4000))["op"] == "done":
                pass
        while time.time() * 1000 < planned + 300:
            await asyncio.sleep(0.02)
        assert "p" not in {e.get("cue") for e in controller.events}
        ballast.unlink()
        fired = await controller.event("cue.fired", cue="p")
        assert fired["late_ms"] >= 300
        assert fired["planned_at"] == planned
    finally:
        await server.stop()


async def test_a_read_only_folder_is_told_at_the_start_and_can_still_be_verified(small_disk: Path) -> None:
    server = ServerProcess(small_disk / "data")
    await server.start()
    sale = await server.sale(sheet(), live=True)
    await server.stop()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    code, _, err = await dropcue("serve", "--data", str(server.data), "--port", "0", env={"DROPCUE_KEY": KEY})
    assert code == 3, err
    assert str(server.data) in err
    assert "Traceback" not in err
    code, out, err = await dropcue("verify", sale, "--data", str(server.data))
    assert code == 0, (out, err)
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    await server.start()
    client = await server.join(sale)
    await client.done("note.add", text="after")
    await server.stop()
