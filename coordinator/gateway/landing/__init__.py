"""What the audience's phones open: links (`/l/KEY`) and coupon pages (`/c/KEY`), chains and draws (`/g/KEY`).

A key stands for one drop in one group. Nothing here needs a token: who somebody is stands in a signed cookie.
"""

from __future__ import annotations

from aiohttp import web

from coordinator.gateway.landing import coupon, links, play


def add_routes(app: web.Application) -> None:
    app.router.add_get("/l/{key}", links.open_link)
    app.router.add_get("/c/{key}", coupon.coupon_page)
    app.router.add_get("/c/{key}/left", coupon.coupon_left)
    app.router.add_post("/c/{key}", coupon.claim_coupon)
    app.router.add_get("/g/{key}", play.game_page)
    app.router.add_post("/g/{key}", play.join_game)
