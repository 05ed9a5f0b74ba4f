"""The consoles' files, as the build left them in `roles/console/dist`."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from aiohttp import web

_CSP = (
    "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: https:; style-src 'self' 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {"Content-Security-Policy": _CSP, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
_NOT_BUILT = "<!doctype html><title>Dropcue</title><p>The screens are not built: run <code>make screens</code>.</p>"


def folder() -> Path:
    return Path(str(resources.files("roles"))) / "console" / "dist"


async def screens(request: web.Request) -> web.StreamResponse:
    root = folder().resolve()
    name = request.match_info.get("path", "")
    wanted = (root / name).resolve()
    if name and wanted.is_relative_to(root) and wanted.is_file():
        # Built files carry a hash in their names: they never change.
        return web.FileResponse(wanted, headers={**_HEADERS, "Cache-Control": "public, max-age=31536000, immutable"})
    index = root / "index.html"
    if not index.is_file():
        return web.Response(text=_NOT_BUILT, status=503, content_type="text/html", headers=_HEADERS)
    if name and "." in name.rpartition("/")[2]:
        raise web.HTTPNotFound
    return web.FileResponse(index, headers={**_HEADERS, "Cache-Control": "no-cache"})


async def home(_: web.Request) -> web.Response:
    raise web.HTTPFound("/console/")


def add_routes(app: web.Application) -> None:
    app.router.add_get("/", home)
    app.router.add_get("/console", home)
    app.router.add_get("/console/", screens)
    app.router.add_get("/console/{path:.+}", screens)
