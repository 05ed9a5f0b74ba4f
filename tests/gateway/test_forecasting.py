"""The forecast of a drop over HTTP, and the figures of deliveries, with a relay that tells its windows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from roles.relay.adapters.base import Route, Routes
from roles.relay.adapters.console import ConsoleAdapter, ConsoleCredential
from roles.relay.agent import Agent
from tests.client import PATIENCE_S, token
from tests.server import InProcess
from tests.sheet import sheet


def robots(groups: int, per_minute: int | None) -> Routes:
    """Two robots that share the groups, each with a window of its own."""
    settings = ConsoleCredential(platform="console", silent=True, per_minute=per_minute)
    pair = [ConsoleAdapter(f"robot-{n}", settings, None) for n in range(2)]
    return Routes(
        {
            f"g{n}": Route(robot.group_settings(id=f"g{n}", credential=robot.name), robot)
            for n in range(1, groups + 1)
            for robot in [pair[n % 2]]
        }
    )


@asynccontextmanager
async def relay(room: InProcess, sale: str, routes: Routes) -> AsyncIterator[Agent]:
    agent = Agent(room.url, token("relay", "r1", sale), routes)
    work = asyncio.create_task(agent.run())
    async with asyncio.timeout(PATIENCE_S):
        await agent.connected.wait()
        yield agent
        agent.stop()
        await work


async def asked(room: InProcess, sale: str, role: str = "controller", **body: Any) -> Any:
    return await room.http("POST", f"/api/sales/{sale}/forecast", token(role, role, sale), json=body)


async def test_who_arms_a_drop_is_told_when_the_last_group_will_have_it(room: InProcess) -> None:
    sale = await room.sale(sheet(groups=10, lead="0s"), live=True)
    before = (await asked(room, sale, do="link.drop", groups="all")).json
    assert (before["groups"], before["told"], before["last_at"]) == (10, 0, None)
    controller = await room.join(sale)
    async with relay(room, sale, robots(10, per_minute=2)):
        await controller.event("relay.told")
        answer = (await asked(room, sale, do="link.drop", groups="all")).json
        assert (answer["told"], answer["waiting"], answer["expired"]) == (10, 6, 0)
        assert answer["last_at"] - answer["at"] == 2 * 60_001
        assert [(x["platform"], x["credentials"], x["groups"]) for x in answer["lanes"]] == [("console", 2, 10)]
        assert answer["lanes"][0]["limits"] == [{"count": 2, "per_ms": 60_000}]
        drop = (await controller.done("link.drop", product="pan", groups="all"))["drop"]
        await controller.until(lambda: sum(d["status"] == "sent" for d in controller.state["deliveries"].values()) == 4)
        assert controller.state["drops"][drop]["last_at"] - controller.state["drops"][drop]["fire_at"] == 2 * 60_001
        await controller.until(lambda: controller.state["traffic"]["r1/console"]["limited"] == 6)
        metrics = (await room.http("GET", "/metrics")).text
        assert 'dropcue_deliveries{platform="console",relay="r1",standing="limited"} 6.0' in metrics
        assert 'dropcue_deliveries{platform="console",relay="r1",standing="sent"} 4.0' in metrics
        assert 'dropcue_delivery_late_ms_count{platform="console",relay="r1"} 4.0' in metrics
        assert controller.state["traffic"]["r1/console"]["p99_ms"] is not None


@pytest.mark.parametrize(
    ("role", "body", "status"),
    [
        ("host", {"do": "link.drop", "groups": "all"}, 403),
        ("relay", {"do": "link.drop", "groups": "all"}, 403),
        ("support", {"do": "message.send", "groups": ["g1"]}, 200),
        ("owner", {"do": "coupon.drop", "groups": "tier:vip"}, 200),
        ("controller", {"do": "link.drop"}, 422),
        ("controller", {"do": "product.show", "groups": "all"}, 422),
        ("controller", {"do": "link.drop", "groups": ["g9"]}, 422),
        ("controller", {"do": "link.drop", "groups": "tier:"}, 422),
    ],
)
async def test_only_who_may_drop_asks_for_a_forecast(
    room: InProcess, role: str, body: dict[str, Any], status: int
) -> None:
    sale = await room.sale(sheet(), live=True)
    assert (await asked(room, sale, role, **body)).status == status
