"""What a relay lives through on real adapters: a coordinator that is gone, a revoked token, a wrong clock, a bad certificate, a full disk."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.client import PATIENCE_S, Client, token
from tests.contract.adapter_suite import EXPIRED
from tests.roles.relay.doubles.base import Answer, Double
from tests.roles.relay.doubles.dingtalk import SECRET, TOKEN, DingtalkDouble
from tests.roles.relay.doubles.wecom import KEY, WecomDouble
from tests.roles.relay.failing.stage import Troupe, all_of, dropped, here, of, statuses, troupe, two_relays
from tests.server import InProcess, Room, ServerProcess
from tests.sheet import sheet
from tests.small_disk import fill

OTHER_CLOCK = """
import os, time

off = float(os.environ.get("CLOCK_OFF_S", "0"))
if off:
    real, real_ns = time.time, time.time_ns
    time.time = lambda: real() + off
    time.time_ns = lambda: real_ns() + int(off * 1e9)
"""
"""As `sitecustomize.py` it sets a process's wall clock off; its monotonic clock is as it was."""


def one_relay(groups: int = 3) -> list[dict[str, Any]]:
    return [{"id": f"g{n}", "name": f"{n} 群", "tier": "vip", "relay": "a"} for n in range(1, groups + 1)]


def robot(double: Double, **more: Any) -> dict[str, Any]:
    return {"bot": {"platform": "wecom", "base": double.base, "key": KEY, **more}}


def into(*groups: str, credential: str = "bot") -> dict[str, Any]:
    return {g: {"credential": credential} for g in groups}


@asynccontextmanager
async def hall(
    room: Room, folder: Path, double: Double, *, plan: dict[str, Any] | None = None, per_minute: int = 1000, **more: Any
) -> AsyncIterator[tuple[Troupe, Client]]:
    plan = plan or sheet(groups=one_relay(), lead="200ms", pacing={"same_content": "0s"})
    async with troupe(folder, room, plan) as (stage, controller):
        await stage.start("a", robot(double, per_minute=per_minute), into(*(g["id"] for g in plan["groups"])), **more)
        await here(controller, "a")
        yield stage, controller


# ---------------------------------------------------------------- taken back, and too late
async def test_what_is_taken_back_while_it_is_being_prepared_leaves_no_trace_on_the_platform(
    room: InProcess, tmp_path: Path
) -> None:
    plan = sheet(groups=one_relay(), lead="2s", pacing={"same_content": "0s"})
    async with WecomDouble(limit=100) as double, hall(room, tmp_path, double, plan=plan) as (_, controller):
        await double.until(lambda: True)
        drop = str((await controller.done("link.drop", link="room", groups="all"))["drop"])
        async with asyncio.timeout(PATIENCE_S):
            while not double.touched:
                await asyncio.sleep(0.01)  # a connection that is kept warm tells nobody
        cue = of(controller, drop)[0]["cue"]
        await controller.done("cue.hold", cue=cue)
        after = await dropped(controller, "after")  # its instant is past the other's
        await all_of(controller, after, "sent")
        assert statuses(controller, drop) == {"withdrawn": 3}
        assert set(double.texts) == {"after"}
        await controller.done("cue.release", cue=cue)
        await all_of(controller, drop, "sent")
        assert double.calls == 6


async def test_what_waits_for_a_window_until_it_is_too_late_expires_and_is_not_sent(
    room: InProcess, tmp_path: Path
) -> None:
    cues = [{"id": "l", "at": "+3h", "do": "link.drop", "link": "room", "groups": "all", "late": "skip after 1s"}]
    plan = sheet(groups=one_relay(), lead="200ms", cues=cues)
    async with WecomDouble(limit=3) as double, hall(room, tmp_path, double, plan=plan, per_minute=3) as (_, controller):
        await all_of(controller, await dropped(controller, "first"), "sent")
        await controller.done("cue.fire", cue="l")
        drop = str((await controller.event("link.dropped"))["drop"])
        await controller.until(lambda: set(statuses(controller, drop)) == {"expired"})
        assert double.texts == ["first"] * 3
        assert double.over == 0


# ---------------------------------------------------------------- the coordinator
async def test_a_coordinator_that_is_gone_for_ten_minutes_is_told_once_what_happened_and_nothing_else_happens(
    tmp_path: Path,
) -> None:
    (tmp_path / "clock").mkdir()
    (tmp_path / "clock" / "sitecustomize.py").write_text(OTHER_CLOCK)
    server = ServerProcess(tmp_path / "service", env={"PYTHONPATH": str(tmp_path / "clock")})
    await server.start()
    late = {"id": "l", "at": "+5m", "do": "link.drop", "link": "room", "groups": "all", "late": "skip after 30s"}
    plan = sheet(groups=one_relay(6), lead="4s", unknown="ask", cues=[late], pacing={"same_content": "0s"})
    try:
        async with WecomDouble(limit=100) as double, hall(server, tmp_path, double, plan=plan) as (stage, controller):
            answer = asyncio.Event()
            double.next.extend([Answer({"errcode": 0, "errmsg": "ok"}, take=True, wait=answer)] * 3)
            first = await dropped(controller, "甲", "group:g1 | group:g2 | group:g3")
            await double.until(lambda: len(double.taken) == 3)
            second = await dropped(controller, "乙", "group:g4 | group:g5 | group:g6")
            await server.kill()
            answer.set()  # the platform says yes to a relay that can tell nobody
            server.env["CLOCK_OFF_S"] = "700"
            await asyncio.sleep(2.5)  # the lease is over: what comes due now must stay
            await server.start()
            await server.leave()
            back = await server.join(stage.sale)
            await here(back, "a")
            await all_of(back, first, "sent", 60)
            await back.until(lambda: not {"requested", "held"} & set(statuses(back, second)), 60)
            await back.until(lambda: back.state["cues"]["l"]["status"] == "skipped", 60)
            after = await dropped(back, "丙")
            await all_of(back, after, "sent", 60)
            events = await server.events(stage.sale)
            told = Counter(e["delivery"] for e in events if e["kind"] == "delivery.sent")
            assert all(told[d["id"]] == 1 for d in of(back, first))
            assert Counter(double.texts) == {"甲": 3, "丙": 6}, "what came due without a coordinator was not sent"
            assert statuses(back, second) == {"withdrawn": 3}, "it was too late for its cue"
    finally:
        await server.gone()


async def test_a_token_that_is_revoked_on_the_way_ends_the_relay_in_plain_words(
    room: InProcess, tmp_path: Path
) -> None:
    async with WecomDouble(limit=100) as double, troupe(
        tmp_path, room, sheet(groups=two_relays(3), lead="200ms", pacing={"same_content": "0s"})
    ) as (stage, controller):  # fmt: skip
        given = token("relay", "a", stage.sale, jti="to-be-revoked")
        a = await stage.start("a", robot(double), into("g1", "g2", "g3"), given=given)
        await here(controller, "a")
        double.add_key("b")
        await stage.start("b", {"bot": robot(double)["bot"] | {"key": "b"}}, into("g1", "g2", "g3"))
        await here(controller, "b")
        await all_of(controller, await dropped(controller, "甲"), "sent")
        answer = await room.http("POST", "/api/tokens/to-be-revoked/revoke", token("owner"), json={"sale": stage.sale})
        assert answer.status in {200, 204}, answer.text
        assert await a.wait() == 3
        assert "revoked" in a.output
        assert "Traceback" not in a.output
        await controller.event("relay.left", relay="a")
        await all_of(controller, await dropped(controller, "乙"), "sent")
        assert {t.seen.group for t in double.taken if t.seen.text == "乙"} == {"b"}


# ---------------------------------------------------------------- platforms
async def test_a_robot_that_is_removed_on_the_way_fails_in_plain_words_and_the_others_go_on(
    room: InProcess, tmp_path: Path
) -> None:
    async with WecomDouble(limit=100) as double, troupe(
        tmp_path, room, sheet(groups=one_relay(), lead="200ms", pacing={"same_content": "0s"})
    ) as (stage, controller):  # fmt: skip
        double.add_key("k2")
        credentials = robot(double) | {"second": robot(double)["bot"] | {"key": "k2"}}
        await stage.start("a", credentials, into("g1", "g2") | into("g3", credential="second"))
        await here(controller, "a")
        await all_of(controller, await dropped(controller, "甲"), "sent")
        double.keys.discard("k2")  # the group was dissolved, or somebody removed the robot
        drop = await dropped(controller, "乙")
        await controller.until(lambda: statuses(controller, drop) == {"sent": 2, "failed": 1})
        why = next(d["why"] for d in of(controller, drop) if d["status"] == "failed")
        assert "93000" in why
        assert "removed from its group" in why


async def test_a_clock_that_is_two_hours_off_stops_signatures_alone_and_says_so(
    room: InProcess, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(OTHER_CLOCK)
    env = {"CLOCK_OFF_S": "7200", "PYTHONPATH": f"{tmp_path}:{Path.cwd()}"}
    async with WecomDouble() as wecom, DingtalkDouble() as ding, troupe(
        tmp_path, room, sheet(groups=one_relay(), lead="1s", pacing={"same_content": "0s"})
    ) as (stage, controller):  # fmt: skip
        signed = {"platform": "dingtalk", "base": ding.base, "access_token": TOKEN, "secret": SECRET}
        await stage.start(
            "a", robot(wecom) | {"ding": signed}, into("g1", "g2") | into("g3", credential="ding"), env=env
        )
        await here(controller, "a")
        drop = await dropped(controller, "甲")
        await controller.until(lambda: statuses(controller, drop) == {"sent": 2, "failed": 1})
        failed = next(d for d in of(controller, drop) if d["status"] == "failed")
        assert failed["group"] == "g3"
        assert "clock" in failed["why"]
        assert not ding.taken
        sent = [d for d in of(controller, drop) if d["status"] == "sent"]
        # The instant is the sale's, whatever this machine's wall clock says.
        assert all(abs(d["sent_at"] - d["fire_at"]) < 60_000 for d in sent)
        assert all(t.at_ms >= d["fire_at"] - 50 for t in wecom.taken for d in sent)


@pytest.mark.parametrize("which", ["expired", "unknown"])
async def test_a_certificate_that_is_not_good_is_sent_nothing(room: InProcess, tmp_path: Path, which: str) -> None:
    file = EXPIRED if which == "expired" else Path(__file__).with_name("unknown.pem")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file)
    env = {"SSL_CERT_FILE": str(file)} if which == "expired" else {}  # who signed it is known, but it is over
    async with WecomDouble(tls=tls) as double, hall(room, tmp_path, double, env=env) as (_, controller):
        drop = await dropped(controller, "甲")
        await all_of(controller, drop, "failed")
        assert all("certificate" in d["why"] for d in of(controller, drop))
        assert double.calls == 0


# ---------------------------------------------------------------- the relay's own machine
async def test_a_relay_whose_disk_is_full_sends_nothing_ends_and_the_other_takes_over(
    room: InProcess, tmp_path: Path, small_disk: Path
) -> None:
    async with WecomDouble(limit=1000) as double, troupe(
        tmp_path, room, sheet(groups=two_relays(3), lead="200ms", unknown="resend", pacing={"same_content": "0s"})
    ) as (stage, controller):  # fmt: skip
        double.add_key("b")
        a = await stage.start("a", robot(double, per_minute=1000), into("g1", "g2", "g3"), data=str(small_disk / "a"))
        await here(controller, "a")
        await stage.start("b", {"bot": robot(double, per_minute=1000)["bot"] | {"key": "b"}}, into("g1", "g2", "g3"))
        await here(controller, "b")
        fill(small_disk)
        drops = []
        while controller.state["people"]["relay:a"].get("here") and len(drops) < 200:
            drops.append(await dropped(controller, f"{len(drops)} 甲"))
            await controller.until(lambda: not {"requested"} & set(statuses(controller, drops[-1])))
        assert await a.wait() == 3
        assert "disk" in a.output
        assert "Traceback" not in a.output
        for drop in drops:
            await all_of(controller, drop, "sent")
        counts = Counter(double.texts)
        assert all(counts[f"{n} 甲"] == 3 for n in range(len(drops))), "nothing that it could not record was sent"


# ---------------------------------------------------------------- very many
@pytest.mark.long
async def test_ten_thousand_deliveries_at_once_are_all_sent_once_in_bounded_memory(
    room: InProcess, tmp_path: Path
) -> None:
    count, each = 500, 20
    groups = one_relay(count)
    plan = sheet(groups=groups, lead="5s", pacing={"same_content": "0s"})
    async with WecomDouble(limit=each, latency_s=0.05) as double, troupe(tmp_path, room, plan) as (stage, controller):
        for n in range(1, count + 1):
            double.add_key(f"k{n}")
        credentials = {f"c{n}": robot(double)["bot"] | {"key": f"k{n}"} for n in range(1, count + 1)}
        launcher = ("sh", "-c", 'ulimit -Sn 1024; exec "$@"', "relay")  # what most systems begin with
        a = await stage.start(
            "a", credentials, {f"g{n}": {"credential": f"c{n}"} for n in range(1, count + 1)}, launcher=launcher
        )
        await here(controller, "a")
        before, most = a.rss_bytes(), 0
        drops = [await dropped(controller, f"{n}") for n in range(each)]

        async def watch() -> None:
            nonlocal most
            while True:
                most = max(most, a.rss_bytes())
                await asyncio.sleep(0.1)

        watching = asyncio.create_task(watch())
        try:
            await controller.until(
                lambda: all(statuses(controller, d).keys() <= {"sent", "unknown", "failed"} for d in drops), 240
            )
        finally:
            watching.cancel()
        counts = sum((statuses(controller, d) for d in drops), Counter[str]())
        print(f"{dict(counts)}, memory {before >> 20} to {most >> 20} MiB")
        assert counts == {"sent": count * each}
        links = Counter((t.seen.group, t.seen.text) for t in double.taken)
        assert set(links.values()) == {1}
        assert len(links) == count * each
        assert double.over == 0
        assert most - before < 256 << 20
        assert "the line is gone" not in a.output, "its pings were answered all the while"
