"""The pages of several nodes: whichever of them a phone comes to, a click counts once and a robot is a robot."""

from __future__ import annotations

from tests.gateway.landing.dropping import cookie
from tests.gateway.landing.test_personal import own
from tests.nodes import Nodes
from tests.sheet import sheet


async def test_a_reload_at_another_node_counts_no_more_and_what_the_service_notes_is_noted_from_any(
    nodes: Nodes,
) -> None:
    sale = await nodes.sale(sheet(lead="0s"), live=True)
    owner = await nodes.owner(sale)
    other = nodes.other(owner)
    controller, relay = await nodes.at(owner, sale), await nodes.at(owner, sale, "relay", "r1")
    await controller.done("link.drop", product="pan", groups="all")
    await relay.until(lambda: relay.state.get("deliveries"))
    in_g1 = next(d for d in relay.state["deliveries"].values() if d["group"] == "g1")
    path = "/l/" + in_g1["content"]["link"].rpartition("/")[2]
    # The other node has served nobody of this sale so far, and was told there was no such link.
    first = await other.http("GET", path)
    assert first.status == 302
    await controller.event("link.clicked")
    for node in (owner, other):
        await node.http("GET", path, headers=cookie(first))
    await other.http("GET", path, headers={"User-Agent": "TelegramBot (like TwitterBot)"})
    await controller.event("link.previewed", robot="telegram")
    await other.http("GET", own(relay, path, "ann"))
    assert (await controller.event("member.linked"))["a"] == "ann"
    assert (await controller.event("link.clicked", member="ann"))["group"] == "g1"
    assert controller.kinds().count("link.clicked") == 2
