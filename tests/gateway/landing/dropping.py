"""A drop that is out, as its group was given it."""

from __future__ import annotations

from typing import Any

from tests.client import Answer, Client
from tests.server import InProcess
from tests.sheet import sheet

HTML = {"Accept": "text/html"}
JSON = {"Accept": "application/json"}


async def dropped(room: InProcess, kind: str, lead: str = "0s", **more: Any) -> tuple[str, str, Client, Client]:
    """A live sale with one drop in its groups: sale, path of the first group's address, controller, relay."""
    sale = await room.sale(sheet(lead=lead, **more), live=True)
    controller, relay = await room.join(sale), await room.join(sale, "relay")
    what = {"coupon": "c20"} if kind == "coupon" else {"product": "pan"}
    await controller.done(f"{kind}.drop", groups="all", **what)
    await relay.until(lambda: relay.kinds().count("delivery.requested") == 2)
    if lead == "0s":
        await controller.event(f"{kind}.dropped")
    content = next(e for e in relay.events if e["kind"] == "delivery.requested")["content"]
    return sale, content[kind].removeprefix(room.url), controller, relay


def cookie(answer: Answer) -> dict[str, str]:
    return {"Cookie": answer.headers["Set-Cookie"].split(";")[0]}
