"""In the first moments of a start."""

from __future__ import annotations

from tests.gateway.landing.dropping import HTML, JSON
from tests.server import InProcess


async def test_while_the_sales_are_still_being_read_nobody_is_told_that_there_is_no_such_page(room: InProcess) -> None:
    room.service.gateway.ready = False
    try:
        answer = await room.http("GET", "/c/nothing", headers=JSON)
    finally:
        room.service.gateway.ready = True
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    assert (await room.http("GET", "/c/nothing", headers=JSON)).status == 404


async def test_a_browser_that_comes_then_gets_a_page_that_opens_by_itself(room: InProcess) -> None:
    room.service.gateway.ready = False
    try:
        for path in ("/l/nothing", "/c/nothing", "/g/nothing"):
            answer = await room.http("GET", path, headers=HTML)
            assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
            assert "服务正在启动" in answer.text
            assert '<meta http-equiv="refresh"' in answer.text
        assert "服务正在启动" in (await room.http("POST", "/c/nothing", headers=HTML, data={"id": "c1"})).text
    finally:
        room.service.gateway.ready = True
