"""In the first moments of a start."""

from __future__ import annotations

from tests.gateway.landing.dropping import JSON
from tests.server import InProcess


async def test_while_the_sales_are_still_being_read_nobody_is_told_that_there_is_no_such_page(room: InProcess) -> None:
    room.service.gateway.ready = False
    try:
        answer = await room.http("GET", "/c/nothing", headers=JSON)
    finally:
        room.service.gateway.ready = True
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    assert (await room.http("GET", "/c/nothing", headers=JSON)).status == 404
