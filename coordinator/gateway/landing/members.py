"""Who opens a page: a member's pseudonym in a signed cookie, made where there is none.

The pseudonym stands in what the member does (clicks, claims), so that a later order with the code, or a relay that
knows them, can be joined to it.
"""

from __future__ import annotations

import secrets

from aiohttp import web

from coordinator.gateway.context import Gateway

COOKIE = "dropcue_member"
COOKIE_SECONDS = 180 * 86_400


def member_of(gateway: Gateway, request: web.Request) -> str | None:
    """Whom the browser's cookie names, if its signature holds."""
    return gateway.tokens.unsign(request.cookies.get(COOKIE))


def new_member(gateway: Gateway) -> str:
    return gateway.tokens.pseudonym("phone", secrets.token_hex(16))


def give_cookie(gateway: Gateway, response: web.StreamResponse, member: str) -> None:
    response.set_cookie(
        COOKIE,
        gateway.tokens.sign(member),
        max_age=COOKIE_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=gateway.settings.address().startswith("https://"),
        path="/",
    )
