"""What the audience's phones open: links (`/l/KEY`), coupon pages (`/c/KEY`), and the pages of games (`/g/KEY`).

A key stands for one drop in one group. Nothing here needs a token: who somebody is stands in a signed cookie.
"""

from __future__ import annotations

from aiohttp import web

from coordinator.gateway.landing import coupon, links, play
from coordinator.gateway.landing.pages import for_phones


def add_routes(app: web.Application) -> None:
    app.router.add_get("/l/{key}", for_phones("link", links.open_link))
    app.router.add_get("/c/{key}", for_phones("coupon", coupon.coupon_page))
    app.router.add_get("/c/{key}/left", coupon.coupon_left)
    app.router.add_post("/c/{key}", for_phones("coupon", coupon.claim_coupon))
    app.router.add_get("/g/{key}", for_phones("play", play.game_page))
    app.router.add_get("/g/{key}/live", play.game_live)
    app.router.add_post("/g/{key}", for_phones("play", play.join_game))
