"""The pictures of a sheet: what their addresses tell, and what their servers tell when they are asked."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import ClientSession, web

from coordinator.runsheet import pictures
from coordinator.runsheet.pictures import Head
from coordinator.runsheet.reading import read_sheet
from tests.runsheet.conftest import CHINESE

JPG = "https://img.example/pan.jpg"


def with_pictures(small: dict[str, Any], *images: str) -> dict[str, Any]:
    cue = {"at": "+10s", "do": "message.send", "groups": "all", "text": "看图", "images": list(images)}
    small["segments"][0]["cues"].append(cue)
    return small


async def found(sheet: dict[str, Any], heads: dict[str, Head]) -> list[tuple[str, str, str]]:
    async def look(address: str) -> Head:
        return heads[address]

    findings = await pictures.check(read_sheet(sheet), look)
    assert all(each.rule == "LENGTH" and CHINESE.search(each.zh) for each in findings)
    return [(each.severity, each.where, each.message) for each in findings]


@pytest.mark.parametrize(
    "address", ["https://img.example/a.PDF", "https://img.example/a.heic?x=1.jpg", "https://v.example/a.mp4"]
)
def test_an_address_that_ends_like_no_picture_warns(small: dict[str, Any], said: Any, address: str) -> None:
    assert said(with_pictures(small, JPG)) == []
    small["segments"][0]["cues"][-1]["images"] = [JPG, address]
    assert said(small) == [("warn", "LENGTH", "segments[0].cues[4].images[1]")]


@pytest.mark.parametrize("images", [[JPG] * 4, ["data:image/png;base64,iVBORw0KGgo="]])
def test_more_than_three_pictures_and_what_is_no_address_are_errors(
    small: dict[str, Any], errors: Any, images: list[str]
) -> None:
    [(where, _)] = errors(with_pictures(small, *images))
    assert where.startswith("segments[0].cues[4].images")


def test_a_picture_without_https_warns(small: dict[str, Any], said: Any) -> None:
    assert said(with_pictures(small, "http://img.example/a.jpg")) == [("warn", "PLAN", "segments[0].cues[4].images[0]")]


async def test_a_picture_that_is_too_large_or_none_is_told_where_it_stands(small: dict[str, Any]) -> None:
    small["products"][0]["image"] = "https://img.example/page"
    sheet = with_pictures(small, JPG, "https://img.example/fine.png", "https://img.example/gone.png")
    heads = {
        JPG: Head(bytes=2_400_000, type="image/jpeg"),
        "https://img.example/fine.png": Head(bytes=2_000_000, type="image/png"),
        "https://img.example/gone.png": Head(why="HTTP 404"),
        "https://img.example/page": Head(type="text/html"),
    }
    told = await found(sheet, heads)
    assert [(severity, where) for severity, where, _ in told] == [
        ("warn", "products[0].image"), ("inform", "products[0].image"),
        ("warn", "segments[0].cues[4].images[0]"), ("warn", "segments[0].cues[4].images[2]"),
    ]  # fmt: skip
    assert "2.4 MB, a group takes 2 MB" in told[2][2]
    assert "HTTP 404" in told[3][2]


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "10.1.2.3", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1", "fe80::1", "fd00::1",
     "::ffff:10.0.0.1", "224.0.0.1", "not an address"],
)  # fmt: skip
def test_addresses_that_are_not_of_the_open_net_are_none(host: str) -> None:
    assert not pictures.public(host)


@pytest.mark.parametrize("host", ["93.184.215.14", "2606:4700::1111"])
def test_addresses_of_the_open_net_are_asked(host: str) -> None:
    assert pictures.public(host)


async def test_this_machine_is_never_asked_by_whatever_name(unused_tcp_port: int) -> None:
    asked = []

    async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(1)
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", unused_tcp_port)
    async with server, pictures.looking() as session:
        for host in ("127.0.0.1", "localhost", "[::1]", "2130706433"):
            answer = await pictures.head(session, f"https://{host}:{unused_tcp_port}/a.jpg")
            assert answer.why is not None
            assert "no public address" in answer.why or host.isdigit()  # a number is no name that is asked for
    assert asked == []


async def test_a_server_is_asked_for_the_head_alone_and_redirects_are_followed_with_the_same_care(
    aiohttp_server: Any,
) -> None:
    methods = []

    async def picture(request: web.Request) -> web.Response:
        methods.append(request.method)
        return web.Response(headers={"Content-Type": "image/jpeg", "Content-Length": "2400000"})

    async def moved(request: web.Request) -> web.Response:
        raise web.HTTPFound(request.query["to"])

    app = web.Application()
    app.router.add_head("/a.jpg", picture)
    app.router.add_head("/moved", moved)
    app.router.add_get("/only-get", picture, allow_head=False)
    server = await aiohttp_server(app)
    here = str(server.make_url(""))

    def own(address: str) -> str | None:
        return None if address.startswith(here) else "it is elsewhere"

    async with ClientSession() as session:
        assert await pictures.head(session, f"{here}/a.jpg", own) == Head(2_400_000, "image/jpeg")
        assert await pictures.head(session, f"{here}/moved?to=/a.jpg", own) == Head(2_400_000, "image/jpeg")
        assert (await pictures.head(session, f"{here}/moved?to=http://10.0.0.1/", own)).why == "it is elsewhere"
        assert (await pictures.head(session, f"{here}/none", own)).why == "HTTP 404"
        assert await pictures.head(session, f"{here}/only-get", own) == Head()
    assert set(methods) == {"HEAD"}
