"""Clicks, claims and orders go over HTTP as phones and shops send them."""

from __future__ import annotations

import base64
import json
from collections import Counter

import pytest
from aiohttp import web
from standardwebhooks import Webhook

from coordinator.demo.shopping import HttpShopfront
from coordinator.errors import UsageError
from tests.demo.fakes import no_pause

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


class Service:
    """The pages of the service, as far as the audience uses them."""

    def __init__(self) -> None:
        self.cookies: list[str | None] = []
        self.given = 0
        self.claims: list[dict] = []
        self.hooks: list[tuple[str, list[dict]]] = []
        self.trouble: Counter[str] = Counter()

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/l/{key}", self.link)
        app.router.add_get("/c/{key}", self.page)
        app.router.add_post("/c/{key}", self.claim)
        app.router.add_post("/hooks/{sale}/{source}", self.hook)
        return app

    def _met(self, request: web.Request, answer: web.Response) -> web.Response:
        cookie = request.cookies.get("dropcue_member")
        self.cookies.append(cookie)
        if cookie is None:
            self.given += 1
            answer.set_cookie("dropcue_member", f"m{self.given}.signed", httponly=True)
        return answer

    async def link(self, request: web.Request) -> web.Response:
        if request.match_info["key"] == "none":
            return web.json_response({"code": "unknown", "detail": "no such link"}, status=404)
        return self._met(request, web.Response(status=302, headers={"Location": "https://shop.example/pan"}))

    async def page(self, request: web.Request) -> web.Response:
        assert request.headers["Accept"] == "application/json"
        return self._met(request, web.json_response({"coupon": "c20", "left": 3}))

    async def claim(self, request: web.Request) -> web.Response:
        if self.trouble["busy"]:
            self.trouble["busy"] -= 1
            return web.json_response({"code": "busy", "details": {"retry_ms": 1}}, status=503)
        self.claims.append(await request.json())
        if request.match_info["key"] == "out":
            return web.json_response({"code": "exhausted", "detail": "none left"}, status=409)
        return self._met(request, web.json_response({"code": "ABCD", "left": 2}))

    async def hook(self, request: web.Request) -> web.Response:
        body = await request.text()
        Webhook(SECRET).verify(body, dict(request.headers))
        if self.trouble["hook"]:
            self.trouble["hook"] -= 1
            return web.json_response({"code": "busy"}, status=503)
        commands = json.loads(body)
        self.hooks.append((request.headers["webhook-id"], commands))
        return web.json_response(
            {"op": "done", "results": [{"id": f"x:{n}", "ok": True} for n in range(len(commands))]}
        )


@pytest.fixture
async def shop(aiohttp_server):
    service = Service()
    server = await aiohttp_server(service.app())
    async with HttpShopfront(str(server.make_url("/")), "s1", secret=SECRET, pause=no_pause) as front:
        yield service, front


async def test_a_link_is_counted_and_never_followed_to_the_shop(shop) -> None:
    _, front = shop
    opened = await front.click("ann", "kL")
    assert (opened.ok, opened.address) == (True, "https://shop.example/pan")
    refused = await front.click("ann", "none")
    assert (refused.ok, refused.code, refused.message) == (False, "unknown", "no such link")


async def test_each_member_keeps_the_cookie_of_their_own_phone(shop) -> None:
    service, front = shop
    for member in ("ann", "bob", "ann", "bob"):
        await front.open(member, "kC")
    assert service.cookies == [None, None, "m1.signed", "m2.signed"]


async def test_a_cookie_that_the_member_already_has_is_used(aiohttp_server) -> None:
    service = Service()
    server = await aiohttp_server(service.app())
    url = str(server.make_url("/"))
    async with HttpShopfront(url, "s1", secret=SECRET, cookie_for=lambda member: f"{member}.own") as front:
        await front.click("ann", "kL")
    assert service.cookies == ["ann.own"]


async def test_a_claim_gives_the_code_or_the_reason_and_is_tried_again_when_busy(shop) -> None:
    service, front = shop
    service.trouble["busy"] = 2
    assert (await front.open("ann", "kC")).coupon == "c20"
    assert (await front.claim("ann", "kC", "claim-1")).claimed == "ABCD"
    assert service.claims == [{"id": "claim-1"}]
    assert (await front.claim("ann", "out", "claim-2")).code == "exhausted"


async def test_orders_are_signed_and_a_second_try_has_the_same_id(shop) -> None:
    service, front = shop
    service.trouble["hook"] = 1
    orders = [{"kind": "order.report", "order": "o1", "status": "placed", "lines": [], "amount": 0, "text": "锅"}] * 2
    answers = await front.report("demo-1", orders)
    assert [answer["ok"] for answer in answers] == [True, True]
    assert service.hooks == [("demo-1", orders)]


async def test_a_service_that_is_away_is_an_answer_and_no_exception(unused_tcp_port: int) -> None:
    async with HttpShopfront(f"http://127.0.0.1:{unused_tcp_port}", "s1", secret=SECRET, pause=no_pause) as front:
        assert (await front.click("ann", "kL")).code == "away"
        assert await front.report("demo-1", [{"kind": "order.report"}]) == []


def test_a_secret_that_is_none_is_named_with_its_variable() -> None:
    with pytest.raises(UsageError, match="DROPCUE_HOOK_DEMO"):
        HttpShopfront("http://127.0.0.1:1", "s1", secret="")
