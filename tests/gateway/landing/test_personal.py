"""A member's own address: who is known to a relay is known on their phone, and nobody else is taken for them."""

from __future__ import annotations

import hashlib
import hmac

from tests.client import Client
from tests.gateway.landing.dropping import HTML, JSON, cookie, dropped
from tests.server import InProcess


def own(relay: Client, path: str, member: str) -> str:
    """The address as a relay makes it: with nothing but what its welcome said."""
    key = path.rpartition("/")[2]
    made = hmac.new(relay.welcome["member_key"].encode(), f"link:{key}:{member}".encode(), hashlib.sha256)
    return f"{path}?m={member}.{made.hexdigest()[:20]}"


async def clicked_by(controller: Client, count: int) -> list[str]:
    await controller.until(lambda: controller.kinds().count("link.clicked") == count)
    return [e["member"] for e in controller.events if e["kind"] == "link.clicked"]


async def test_a_click_on_ones_own_address_is_ones_own_and_the_phone_is_known_from_then_on(room: InProcess) -> None:
    _, path, controller, relay = await dropped(room, "link")
    first = await room.http("GET", own(relay, path, "ann"))
    assert (first.status, first.headers["Location"]) == (302, "https://shop.example/pan")
    linked = await controller.event("member.linked")
    assert linked["a"] == "ann"
    assert await clicked_by(controller, 1) == ["ann"]
    # The same phone comes by the group's address later: it is the phone's pseudonym, which is joined to hers.
    other = next(e for e in relay.events if e["kind"] == "delivery.requested" and e["group"] == "g2")["content"]["link"]
    await room.http("GET", other.removeprefix(room.url), headers=cookie(first))
    assert await clicked_by(controller, 2) == ["ann", linked["b"]]


async def test_an_address_that_was_passed_on_makes_nobody_somebody_else(room: InProcess) -> None:
    sale, path, controller, relay = await dropped(room, "coupon")
    address = own(relay, path, "ann")
    hers = await room.http("GET", address, headers=HTML)
    await controller.event("member.linked", a="ann")
    claimed = await room.http("POST", address, headers={**JSON, **cookie(hers)}, json={"id": "c1"})
    code = claimed.json["code"]
    assert (await room.http("GET", address, headers={**JSON, **cookie(hers)})).json["code"] == code
    assert (await room.http("GET", path, headers={**JSON, **cookie(hers)})).json["code"] == code
    friend = await room.http("GET", address, headers=JSON)
    assert friend.json["code"] is None
    theirs = await room.http("POST", address, headers={**JSON, **cookie(friend)}, json={"id": "c1"})
    assert theirs.json["code"] != code
    # What her relay claims for her in the group is the same person's.
    again = await relay.done("coupon.claim", coupon="c20", member="ann", group="g1")
    assert (again["code"], again["again"]) == (code, True)
    assert [e["kind"] for e in await room.events(sale)].count("member.linked") == 1


async def test_a_name_that_no_relay_of_the_group_signed_is_nobodys(room: InProcess) -> None:
    sale, path, controller, relay = await dropped(room, "link")
    good = own(relay, path, "ann")
    wrong = [good[:-1] + ("0" if good[-1] != "0" else "1"), good.replace("ann", "bob"), f"{path}?m=ann", f"{path}?m=.{good[-20:]}",
             f"{path}?m=%00%ff.{good[-20:]}", f"{path}?m={'x' * 5000}.{good[-20:]}"]  # fmt: skip
    for address in wrong:
        assert (await room.http("GET", address)).status == 302
    assert "ann" not in await clicked_by(controller, len(wrong))
    assert "member.linked" not in [e["kind"] for e in await room.events(sale)]


async def test_a_robot_that_looks_at_ones_own_address_is_not_taken_for_ones_phone(room: InProcess) -> None:
    sale, path, controller, relay = await dropped(room, "link")
    await room.http("GET", own(relay, path, "ann"), headers={"User-Agent": "TelegramBot (like TwitterBot)"})
    await controller.event("link.previewed")
    assert "member.linked" not in [e["kind"] for e in await room.events(sale)]
