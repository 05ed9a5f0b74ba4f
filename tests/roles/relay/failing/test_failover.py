"""Two relays for one group, as processes: one sends, the other takes over; what was in flight is unknown, never resent but by the policy."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from tests.roles.relay.doubles.base import Answer
from tests.roles.relay.failing.pair import GROUPS, pair
from tests.roles.relay.failing.stage import all_of, dropped, here, of, statuses
from tests.server import InProcess

WITHIN_MS = 5_000  # the promise


FAULTS = [
    "kill -9", "SIGSTOP", "cut", "swallowed both ways", "swallowed on the way there", "swallowed on the way back",
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_other_relay_takes_over_and_the_first_sends_nothing_of_what_was_given_away(
    room: InProcess, tmp_path: Path, fault: str
) -> None:
    async with pair(room, tmp_path) as two:
        controller = two.controller
        await all_of(controller, await dropped(controller, "甲"), "sent")
        assert Counter(two.by("a")) == {"甲": GROUPS}
        struck = await two.strike(fault)
        left = await controller.event("relay.left", relay="a")
        assert left["at"] - struck <= WITHIN_MS
        second = await dropped(controller, "乙")
        await all_of(controller, second, "sent")
        await two.mended(fault)
        await here(controller, "a", "b")
        await all_of(controller, await dropped(controller, "丙"), "sent")
        assert Counter(two.by("a")) == {"甲": GROUPS, "丙": GROUPS}, (
            "the first in the sheet leads again, and sends nothing of old"
        )
        assert Counter(two.by("b")) == {"乙": GROUPS}


@pytest.mark.parametrize("fault", ["SIGSTOP", "swallowed both ways"])
async def test_what_was_announced_to_a_relay_that_fell_silent_leaves_once_at_most(
    room: InProcess, tmp_path: Path, fault: str
) -> None:
    async with pair(room, tmp_path, unknown="ask") as two:
        controller = two.controller
        await two.strike(fault)
        drop = await dropped(controller, "甲")
        await controller.event("relay.left", relay="a")
        await controller.until(lambda: not {"requested", "held"} & set(statuses(controller, drop)))
        await two.mended(fault)
        await here(controller, "a", "b")
        await all_of(controller, await dropped(controller, "乙"), "sent")
        seen = Counter(t.seen.group for t in two.double.taken if t.seen.text == "甲")
        assert all(count == 1 for count in seen.values())
        assert len(seen) <= GROUPS
        # What a way swallowed may have left within the lease; the report of it comes when the way is healed.
        assert statuses(controller, drop).total() == GROUPS
        assert statuses(controller, drop)["sent"] == len(seen)
        assert set(statuses(controller, drop)) <= {"sent", "unknown"}


@pytest.mark.parametrize("policy", ["ask", "resend", "leave"])
async def test_what_was_in_flight_is_unknown_and_follows_the_sales_policy(
    room: InProcess, tmp_path: Path, policy: str
) -> None:
    async with pair(room, tmp_path, unknown=policy) as two:
        controller, double = two.controller, two.double
        answer = asyncio.Event()
        double.next.extend([Answer(take=True, wait=answer)] * GROUPS)  # each group has it, and nobody is told
        drop = await dropped(controller, "甲")
        await double.until(lambda: len(double.taken) == GROUPS)
        await two.strike("kill -9")
        answer.set()
        if policy == "resend":
            await all_of(controller, drop, "sent")
            assert {d["relay"] for d in of(controller, drop)} == {"b"}
            assert {d["attempt"] for d in of(controller, drop)} == {2}
        else:
            await all_of(controller, drop, "unknown")
        await two.mended("kill -9")
        await here(controller, "a", "b")
        # It tells what it had begun; that brings nothing into the groups.
        reported = await room.events(two.stage.sale)
        assert [e for e in reported if e["kind"] == "delivery.unknown"]
        await all_of(controller, await dropped(controller, "乙"), "sent")
        seen = Counter(t.seen.text for t in double.taken)
        assert seen == {"甲": GROUPS * (2 if policy == "resend" else 1), "乙": GROUPS}
        if policy != "ask":
            return
        one, other = [d["id"] for d in of(controller, drop)][:2]
        await controller.done("delivery.resolve", delivery=one, choice="resend")
        await controller.done("delivery.resolve", delivery=other, choice="leave")
        await controller.until(lambda: controller.state["deliveries"][one]["status"] == "sent")
        assert controller.state["deliveries"][other]["status"] == "unknown"
        assert Counter(t.seen.text for t in double.taken)["甲"] == GROUPS + 1


async def test_one_that_is_stopped_hands_back_at_once_what_it_has_not_begun_though_a_platform_is_slow(
    room: InProcess, tmp_path: Path
) -> None:
    async with pair(room, tmp_path, lead="3s") as two:
        controller, double = two.controller, two.double
        answer = asyncio.Event()
        double.next.extend([Answer({"errcode": 0, "errmsg": "ok"}, take=True, wait=answer)] * GROUPS)
        first = await dropped(controller, "甲")
        await double.until(lambda: len(double.taken) == GROUPS)
        second = await dropped(controller, "乙")  # announced, and due in three seconds
        stopping = asyncio.create_task(two.a.term())
        await all_of(controller, second, "sent")
        assert not stopping.done(), "it waits for the platform that it has called"
        answer.set()
        assert await stopping == 0
        await all_of(controller, first, "sent")
        assert Counter(two.by("a")) == {"甲": GROUPS}
        assert Counter(two.by("b")) == {"乙": GROUPS}
        assert "delivery.unknown" not in {e["kind"] for e in await room.events(two.stage.sale)}
