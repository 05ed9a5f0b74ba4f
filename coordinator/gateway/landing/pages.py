"""How the pages are made: in the reader's language, whole in one answer, asking nobody else for anything."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web

from coordinator.errors import JournalError
from coordinator.gateway.landing.words import Lang, say
from coordinator.problem import Problem

_LANGUAGES: dict[str, Lang] = {"zh": "zh", "en": "en"}
_FOLDER = Path(__file__).parent / "pages"
_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_FOLDER), autoescape=True, undefined=jinja2.StrictUndefined,
    trim_blocks=True, lstrip_blocks=True,
)  # fmt: skip
# Made at the start: the first of a thousand who open a page at once would wait for it, and the loop with them.
_PAGES = {name: _templates.get_template(name) for name in _templates.list_templates(extensions=["html"])}
_STYLE, _SCRIPT = ((_FOLDER / name).read_text("utf-8") for name in ("style.css", "page.js"))


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


# Style and script stand in the page: on a slow line one answer is all there is. Nothing else may run, load or frame.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src {_hash(_STYLE)}; script-src {_hash(_SCRIPT)}; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Language, Cookie",
    "X-Content-Type-Options": "nosniff",
}


def language(request: web.Request) -> Lang:
    """The reader's: as chosen on the page, else the first of the browser's that there is, else Chinese."""
    chosen = _LANGUAGES.get(request.query.get("lang", ""))
    if chosen is not None:
        return chosen
    wanted: list[tuple[float, Lang]] = []
    for part in request.headers.get("Accept-Language", "")[:500].split(","):
        name, _, weight = part.strip().lower().partition(";q=")
        try:
            q = float(weight) if weight else 1.0
        except ValueError:
            continue
        if q > 0 and name[:2] in _LANGUAGES:
            wanted.append((-q, _LANGUAGES[name[:2]]))
    return min(wanted, key=lambda each: each[0])[1] if wanted else "zh"


def wants_json(request: web.Request) -> bool:
    accept = request.headers.get("Accept", "")
    if "text/html" in accept:
        return False
    return "application/json" in accept or request.content_type == "application/json"


def other_language(request: web.Request, lang: Lang) -> str:
    """The address of the same page in the other language."""
    return str(request.rel_url.update_query(lang="zh" if lang == "en" else "en"))


def page(request: web.Request, name: str, status: int = 200, **values: Any) -> web.Response:
    """A whole page from its template. `t(word, …)` says a word of words.py in the reader's language."""
    lang = language(request)

    def t(word: str, **fields: Any) -> str:
        return say(lang, word, **fields)

    html = _PAGES[name].render(
        lang=lang, t=t, style=_STYLE, script=_SCRIPT, other=other_language(request, lang),
        here=str(request.rel_url), **values,
    )  # fmt: skip
    return web.Response(text=html, status=status, content_type="text/html", headers=_HEADERS)


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
AGAIN_S = 2  # while the service is starting: after this the page asks again by itself


def for_phones(what: str, handler: Handler) -> Handler:
    """The handler of an address that people open: who is told in words that it is not there, or not yet, gets a page."""

    @functools.wraps(handler)
    async def answered(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except (Problem, JournalError) as e:
            status = e.status if isinstance(e, Problem) else 503
            if wants_json(request) or status not in {404, 503}:
                raise
            if status == 404:
                return page(request, "closed.html", 404, why=f"{what}.unknown", now=None, opens_in=None)
            response = page(request, "closed.html", 503, why="starting", now=None, opens_in=AGAIN_S)
            response.headers["Retry-After"] = "1"
            return response

    return answered
