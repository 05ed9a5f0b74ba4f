"""A real year through the webhook of a real server: the review shows the published figures of its campaigns and baskets.

The figures are those that the data are published with (campaign: households reached, redeemers, redemptions; baskets,
mean basket); every one of them is read from the review.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from standardwebhooks import Webhook

from tests.client import Client, token
from tests.replay.complete_journey import Journey
from tests.server import ServerProcess

PUBLISHED = {18: (1_133, 214, 653), 13: (1_077, 196, 629)}
BASKETS, MEAN_BASKET = 155_848, 29.4905
HOUSEHOLDS = 2_469
SECRET = "whsec_" + base64.b64encode(b"complete journey 2017 ..").decode()
MANY = 1_000
LONG = aiohttp.ClientTimeout(total=600)  # a year's review reads all of it
AT_ONCE = 3  # webhooks under way: the next is made while the last is taken

SHEET: dict[str, Any] = {
    "title": "2017", "kind": "flash", "timezone": "UTC", "start": "2030-01-01 00:00", "currency": "USD", "lead": "0s",
    "team": [{"person": "li", "role": "controller"}],
    "groups": [{"id": f"campaign-{n}", "name": f"Campaign {n}", "relay": "r1"} for n in PUBLISHED],
    # What each coupon took off, and in which basket they held together, the data do not say: any number of them holds here.
    "coupons": [
        {"id": f"k{n}", "kind": "amount", "title": f"Campaign {n}", "off": "0.01", "quantity": 1_000, "per_member": 100, "exclusive": False}
        for n in PUBLISHED
    ],
    "segments": [{"id": "year", "kind": "interaction", "at": "0s", "lasts": "4h", "advance": "manual"}],
}  # fmt: skip


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    made = ServerProcess(tmp_path / "data", env={"DROPCUE_HOOK_TILLS": SECRET})
    await made.start()
    yield made
    await made.stop()


async def hook(server: ServerProcess, sale: str, id_: str, commands: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The commands as one signed webhook; their results."""
    body, now = json.dumps(commands), datetime.now(UTC)
    signed = {
        "webhook-id": id_, "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": Webhook(SECRET).sign(id_, now, body),
    }  # fmt: skip
    answer = await server.http("POST", f"/hooks/{sale}/tills", data=body.encode(), headers=signed, timeout=LONG)
    assert answer.status == 200, answer.text[:500]
    results: list[dict[str, Any]] = answer.json["results"]
    return results


async def all_done(server: ServerProcess, sale: str, name: str, commands: Iterable[dict[str, Any]]) -> int:
    """Sends commands in webhooks of a thousand; each must be done. How many had flags."""
    places, flagged = asyncio.Semaphore(AT_ONCE), 0

    async def send(id_: str, batch: list[dict[str, Any]]) -> None:
        nonlocal flagged
        try:
            results = await hook(server, sale, id_, batch)
        finally:
            places.release()
        assert not [r for r in results if not r["ok"]]
        flagged += sum("flags" in (r.get("result") or {}) for r in results)

    async with asyncio.TaskGroup() as group:
        commands = iter(commands)
        for n in itertools.count():
            batch = list(itertools.islice(commands, MANY))
            if not batch:
                break
            await places.acquire()
            group.create_task(send(f"{name}-{n}", batch))
    return flagged


async def many(relay: Client, commands: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    numbered = [{"id": f"{name}-{n}", **command} for n, command in enumerate(commands)]
    results = []
    for at in range(0, len(numbered), MANY):
        results += await relay.many(numbered[at : at + MANY])
    assert all(r["ok"] for r in results)
    return results


async def campaigns(server: ServerProcess, sale: str, journey: Journey) -> list[dict[str, Any]]:
    """Each campaign reaches its households; those that redeemed claim their codes. The redemptions, for the webhook."""
    relay = await server.join(sale, "relay", "r1", [f"campaign-{n}" for n in PUBLISHED])
    for n in PUBLISHED:
        came = [
            {"kind": "group.observe", "group": f"campaign-{n}", "what": "joined", "member": m}
            for m in journey.reached(n)
        ]
        await many(relay, came, f"join-{n}")
    controller = await server.join(sale)
    for n in PUBLISHED:
        drop = await controller.done("coupon.drop", coupon=f"k{n}", groups=f"group:campaign-{n}")
        await controller.event("coupon.dropped", drop=drop["drop"])
    for d in (
        await relay.until(lambda: len(relay.state["deliveries"]) == len(PUBLISHED) and relay.state["deliveries"])
    ).copy():
        await relay.done("delivery.report", delivery=d, attempt=1, outcome="sent")
    redemptions = journey.redemptions(list(PUBLISHED))
    claims = [
        {"kind": "coupon.claim", "coupon": f"k{r.campaign}", "member": r.member, "group": f"campaign-{r.campaign}"}
        for r in redemptions
    ]
    codes = [result["result"]["code"] for result in await many(relay, claims, "claim")]
    await server.leave()
    return [
        {"kind": "coupon.redeem", "code": code, "order": r.order} for code, r in zip(codes, redemptions, strict=True)
    ]


async def review(server: ServerProcess, sale: str) -> dict[tuple[str, str], Any]:
    """(name, scope's value, or empty for the whole sale) → value."""
    answer = await server.http("GET", f"/api/sales/{sale}/review", token("owner"), timeout=LONG)
    assert answer.status == 200
    return {(f["name"], "".join(f.get("scope", {}).values())): f["value"] for f in answer.json["figures"]}


async def written(server: ServerProcess, sale: str) -> int:
    """The number of the last event."""
    return int((await server.http("GET", f"/api/sales/{sale}", token("owner"))).json["seq"])


def check_campaigns(figures: dict[tuple[str, str], Any]) -> None:
    for n, (reached, redeemers, redemptions) in PUBLISHED.items():
        for scope in (f"campaign-{n}", f"k{n}"):  # by group and by coupon
            assert figures["coupon_reach", scope] == reached
            assert figures["coupon_redeemed_members", scope] == redeemers
            assert figures["redemptions", scope] == redemptions
    assert figures["redemptions", ""] == sum(redemptions for _, _, redemptions in PUBLISHED.values())


@pytest.mark.parametrize("lines", [False, pytest.param(True, marks=pytest.mark.long)], ids=["totals", "lines"])
async def test_a_year_of_baskets_and_its_campaigns_show_the_published_figures(
    server: ServerProcess, *, lines: bool
) -> None:
    """As totals, the way a till tells them; and, taking minutes, with all 1,469,307 lines."""
    journey = Journey()
    sale = await server.sale(SHEET, live=True)
    redeemed = await campaigns(server, sale, journey)
    flagged = await all_done(server, sale, "orders", journey.orders(lines=lines))
    assert flagged == 0  # the sums of all baskets are those of their lines
    await all_done(server, sale, "redeemed", redeemed)

    figures = await review(server, sale)
    check_campaigns(figures)
    assert figures["orders_paid", ""] == BASKETS
    assert figures["order_value_per_order", ""] / 100 == pytest.approx(MEAN_BASKET, abs=0.00005)
    assert figures["buyers", ""] == HOUSEHOLDS
    used = {command["order"] for command in redeemed if not command["order"].startswith("unknown")}
    assert figures["attributed_orders", "coupon"] == len(used)
    assert figures["orders_unattributed", ""] == pytest.approx(1 - len(used) / BASKETS)
    if lines:
        assert figures["items_per_order", ""] == pytest.approx(1_469_307 / BASKETS)
    end = await written(server, sale)
    again = list(itertools.islice(journey.orders(lines=lines), MANY))
    assert all(r["result"].get("again") for r in await hook(server, sale, "sent-again", again))
    assert (await hook(server, sale, "orders-0", again))[0]["ok"]  # the first webhook once more, with its id
    assert await written(server, sale) == end  # what was sent twice counts once
