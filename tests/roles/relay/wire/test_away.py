"""A relay that was away past its lease: what is unknown meanwhile, and what it says of it when it is back."""

from __future__ import annotations

from pathlib import Path

from roles.relay.adapters.base import Outcome
from tests.faults import Way
from tests.roles.relay.doubles.wecom import WecomDouble
from tests.roles.relay.failing.stage import dropped, here, statuses, troupe
from tests.server import InProcess
from tests.sheet import sheet

GROUPS = 12


def unknown(coordinator, *ids: str) -> None:
    """How the service shows what was due when a relay's lease was over."""
    for id_ in ids:
        coordinator.deliveries[id_] = coordinator.deliveries[id_] | {"status": "unknown"}


def told(coordinator, id_: str) -> list[str]:
    return [c["outcome"] for c in coordinator.taken.values() if c.get("delivery") == id_]


async def test_what_it_did_not_send_is_said_so_and_leaves_once_the_sale_asks_for_it(coordinator, groups, relays):
    async with relays.running(groups):
        await coordinator.announce(coordinator.delivery("d1"))
        await coordinator.sent("d1")
        later = coordinator.delivery("d2", at=60_000)
        await coordinator.announce(later)
        unknown(coordinator, "d2")
        coordinator.deliveries["d3"] = coordinator.delivery("d3", lasts=-1, status="unknown")
        coordinator.cut()
        await coordinator.until(lambda: told(coordinator, "d2"))
        assert told(coordinator, "d2") == ["waiting"]
        assert (await coordinator.reported("d3:1:expired"))["why"] == "it had not left when the line was lost"
        assert groups.texts == ["text of d1"]
        held = coordinator.deliveries["d2"] | {
            "status": "held",
            "fire_at": coordinator.now(),
            "until": coordinator.now(),
        }
        await coordinator.push(changes={"deliveries": {"d2": held}})
        await coordinator.sent("d2")
    assert groups.texts == ["text of d1", "text of d2"]


async def test_what_it_sent_or_may_have_sent_is_not_said_to_have_stayed(coordinator, make_groups, relays):
    groups = make_groups()
    groups.outcomes = [Outcome.sent("m1"), Outcome.unknown("no answer"), Outcome.rejected("too long")]
    async with relays.running(groups):
        for id_, outcome in (("d1", "sent"), ("d2", "unknown"), ("d3", "rejected")):
            await coordinator.announce(coordinator.delivery(id_))
            await coordinator.reported(f"{id_}:1:{outcome}")
    for id_ in ("d1", "d2", "d3"):
        coordinator.deliveries[id_] |= {"status": "unknown"}
    coordinator.deliveries["d2"] |= {"attempt": 2}  # an earlier attempt may be there
    coordinator.deliveries["d3"] |= {"attempt": 2}  # an earlier attempt is certainly not
    async with relays.running(make_groups()):
        await coordinator.until(lambda: "waiting" in told(coordinator, "d3"))
    assert (told(coordinator, "d1"), told(coordinator, "d2")) == (["sent"], ["unknown"])


async def test_one_that_was_started_anew_on_its_folder_says_the_same(coordinator, make_groups, relays):
    """Killed before the instant: its log has no line of it."""
    async with relays.running(make_groups()):
        await coordinator.announce(coordinator.delivery("d1", at=60_000))
    unknown(coordinator, "d1")
    async with relays.running(make_groups()):
        await coordinator.until(lambda: told(coordinator, "d1")[1:])
    assert told(coordinator, "d1") == ["waiting", "waiting"], "when it was stopped, and when it came back"


async def test_alone_and_cut_off_for_longer_than_its_lease_it_sends_what_it_had_not_sent_in_time(
    room: InProcess, tmp_path: Path
) -> None:
    """All that was due meanwhile was unknown for good, though its log told of each group whether it had it."""
    port = int(room.url.rpartition(":")[2])
    way = Way(lambda: ("127.0.0.1", port))
    await way.open()
    plan = sheet(
        groups=[{"id": f"g{n}", "name": f"{n} 群", "tier": "vip", "relay": "a"} for n in range(1, GROUPS + 1)],
        lead="2s", pacing={"same_content": "0s"},
    )  # fmt: skip
    try:
        async with WecomDouble(limit=100) as double, troupe(tmp_path, room, plan) as (stage, controller):
            double.add_key("k")
            await stage.start(
                "a",
                {"c": {"platform": "wecom", "base": double.base, "key": "k", "per_minute": 100}},
                {f"g{n}": {"credential": "c"} for n in range(1, GROUPS + 1)},
                url=f"http://127.0.0.1:{way.port}",
            )
            await here(controller, "a")
            drop = await dropped(controller, "甲")
            await controller.until(lambda: statuses(controller, drop) == {"requested": GROUPS})
            way.swallow()
            await controller.event("relay.left", relay="a")
            await controller.until(lambda: statuses(controller, drop)["unknown"] > 0)
            way.heal()
            await controller.until(lambda: statuses(controller, drop) == {"sent": GROUPS}, 60)
            assert len(double.taken) == GROUPS, "each once"
    finally:
        await way.close()
