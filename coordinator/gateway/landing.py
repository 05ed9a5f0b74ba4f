"""What the audience's phones open: links (`/l/KEY`) and coupon pages (`/c/KEY`).

A key stands for one drop in one group. A redirect waits for no disk: the click is recorded beside it, and
under overload clicks are shed first, counted and said in /metrics.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import jinja2
import msgspec
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from coordinator.answers import Answer
from coordinator.core import Actor, State
from coordinator.core.links import AddressKey, target
from coordinator.core.render import money
from coordinator.gateway.api import reply
from coordinator.gateway.context import GATEWAY, Gateway
from coordinator.gateway.problem import Problem, of_answer
from coordinator.registry import Sale
from coordinator.waiting import AUDIENCE

COOKIE = "dropcue_member"
COOKIE_SECONDS = 180 * 86_400
SHED_ABOVE = 5_000  # commands of the audience that wait: beyond it a click is not recorded

_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "pages"), autoescape=True, undefined=jinja2.StrictUndefined
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def find(gateway: Gateway, key: str, kind: str) -> tuple[Sale, AddressKey] | None:
    """The sale and drop behind a key."""
    for sale in gateway.registry.here():
        found = sale.conductor.state.keys.get(key)
        if found is not None and (found.kind == "coupon") == (kind == "coupon"):
            return sale, found
    return None


def member_of(gateway: Gateway, request: web.Request) -> str | None:
    return gateway.tokens.unsign(request.cookies.get(COOKIE))


def give_cookie(gateway: Gateway, response: web.StreamResponse, member: str) -> None:
    secure = gateway.settings.address().startswith("https://")
    response.set_cookie(
        COOKIE,
        gateway.tokens.sign(member),
        max_age=COOKIE_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=secure,
        path="/",
    )


def new_member(gateway: Gateway) -> str:
    return gateway.tokens.pseudonym("phone", secrets.token_hex(16))


def wants_json(request: web.Request) -> bool:
    accept = request.headers.get("Accept", "")
    return "application/json" in accept or request.content_type == "application/json"


def language(request: web.Request) -> str:
    first = request.headers.get("Accept-Language", "zh").split(",")[0].strip().lower()
    return "en" if first.startswith("en") else "zh"


# ---------------------------------------------------------------- links
async def open_link(request: web.Request) -> web.StreamResponse:
    gateway = request.app[GATEWAY]
    key = request.match_info["key"]
    found = find(gateway, key, "link")
    if found is None:
        return page(request, "gone.html", 404, title="")
    sale, what = found
    state = sale.conductor.state
    address = target(state, what.what)
    if address is None or state.drops[what.drop].status != "fired":
        return page(request, "gone.html", 404 if address is None else 425, title=state.the.title)
    response = web.Response(status=302, headers={"Location": address, "Cache-Control": "no-store"})
    member = member_of(gateway, request)
    if member is None:
        member = new_member(gateway)
        give_cookie(gateway, response, member)
    if request.method != "HEAD":
        click(gateway, sale, key, member)
    return response


def click(gateway: Gateway, sale: Sale, key: str, member: str) -> None:
    if sale.conductor.waiting_by_class[AUDIENCE] > SHED_ABOVE:
        gateway.shed_clicks += 1
        return

    def recorded(answers: list[Answer]) -> None:
        gateway.shed_clicks += any(a.code in {"busy", "capped"} for a in answers)

    sale.conductor.submit(Actor("audience", member), [{"kind": "link.click", "link": key}], recorded)


# ---------------------------------------------------------------- coupons
def facts(sale: Sale, key: AddressKey) -> dict[str, Any]:
    state = sale.conductor.state
    coupon = state.coupons[key.what]
    drop = state.drops[key.drop]
    left = coupon.left
    if drop.quantity is not None:
        left = min(left, drop.quantity - drop.claimed)
    return {
        "sale": sale.id, "title": state.the.title, "coupon": coupon.id, "name": coupon.title, "kind": coupon.kind, "over": coupon.over,
        "off": coupon.off, "currency": state.the.currency, "left": max(0, left), "valid_ms": coupon.valid_ms,
        "open": drop.status == "fired" and not coupon.stopped and state.the.status != "closed",
    }  # fmt: skip


def _need(request: web.Request) -> tuple[Sale, AddressKey]:
    found = find(request.app[GATEWAY], request.match_info["key"], "coupon")
    if found is None:
        raise Problem(404, "unknown", "there is no such coupon page")
    return found


def _codes(state: State, coupon: str, member: str | None) -> tuple[str, ...]:
    return state.claims.get(coupon, {}).get(member, ()) if member else ()


async def coupon_page(request: web.Request) -> web.StreamResponse:
    gateway = request.app[GATEWAY]
    found = find(gateway, request.match_info["key"], "coupon")
    if found is None:
        if wants_json(request):
            raise Problem(404, "unknown", "there is no such coupon page")
        return page(request, "gone.html", 404, title="")
    sale, key = found
    known = facts(sale, key)
    member = member_of(gateway, request)
    codes = _codes(sale.conductor.state, key.what, member)
    if wants_json(request):
        response: web.StreamResponse = reply({**known, "code": codes[-1] if codes else None})
    else:
        response = coupon_html(request, known, codes[-1] if codes else None)
    if member is None:
        give_cookie(gateway, response, new_member(gateway))
    return response


async def coupon_left(request: web.Request) -> web.Response:
    sale, key = _need(request)
    known = facts(sale, key)
    return reply({"left": known["left"], "open": known["open"]})


async def claim_coupon(request: web.Request) -> web.StreamResponse:
    gateway = request.app[GATEWAY]
    sale, key = _need(request)
    id_: Any = None
    if request.content_type == "application/json":
        try:
            body = msgspec.json.decode(await request.read() or b"{}")
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise Problem(422, "invalid", "the body is no JSON") from None
        id_ = body.get("id") if isinstance(body, dict) else None
    else:
        try:
            id_ = (await request.post()).get("id")
        except (
            ValueError,
            LookupError,
            HttpProcessingError,
        ) as e:  # a form that is none, or in an encoding that there is not
            raise Problem(422, "invalid", f"the form cannot be read: {type(e).__name__}") from None
    member = member_of(gateway, request)
    fresh = member is None
    if member is None:
        member = new_member(gateway)
    command: dict[str, Any] = {"kind": "coupon.claim", "coupon": key.what, "group": key.group}
    if isinstance(id_, str) and id_:
        command["id"] = id_
    given = await sale.conductor.do(Actor("audience", member), command)
    known = facts(sale, key)
    response: web.StreamResponse
    if wants_json(request):
        response = reply({**known, **(given.result or {})}) if given.ok else of_answer(given).response()
    else:
        code = (given.result or {}).get("code") if given.ok else None
        response = coupon_html(request, known, code, None if given.ok else given.code)
    if fresh:
        give_cookie(gateway, response, member)
    return response


def coupon_html(
    request: web.Request, known: dict[str, Any], code: str | None, refusal: str | None = None
) -> web.Response:
    currency = known["currency"]
    return page(
        request, "coupon.html", 200, known=known, code=code, refusal=refusal, action=request.path,
        off=money(known["off"], currency), over=money(known["over"], currency) if known["over"] else None,
        id_=secrets.token_hex(8), hours=round(known["valid_ms"] / 3_600_000, 1) if known["valid_ms"] else None,
    )  # fmt: skip


def page(request: web.Request, name: str, status: int, **values: Any) -> web.Response:
    html = _templates.get_template(name).render(lang=language(request), **values)
    return web.Response(text=html, status=status, content_type="text/html", headers=_HEADERS)


def add_routes(app: web.Application) -> None:
    app.router.add_get("/l/{key}", open_link)
    app.router.add_get("/c/{key}", coupon_page)
    app.router.add_get("/c/{key}/left", coupon_left)
    app.router.add_post("/c/{key}", claim_coupon)
