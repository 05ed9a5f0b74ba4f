"""Errors over HTTP, of the service and of a relay's own server alike: RFC 9457 problem objects with a code and details."""

from __future__ import annotations

import math
from typing import Any

import msgspec
from aiohttp import web

RETRY_MS = 1_000  # where a problem that passes does not say when it will have


class Problem(Exception):
    def __init__(
        self, status: int, code: str, message: str, details: dict[str, Any] | None = None, id_: str | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.details, self.id = status, code, message, details, id_

    def response(self) -> web.Response:
        body: dict[str, Any] = {
            "type": "about:blank", "title": self.code, "status": self.status, "detail": self.message, "code": self.code,
            "message": self.message,
        }  # fmt: skip
        if self.details is not None:
            body["details"] = self.details
        if self.id is not None:
            body["id"] = self.id
        headers = {}
        if self.status in {429, 503}:
            retry_ms = (self.details or {}).get("retry_ms", RETRY_MS)
            headers["Retry-After"] = str(max(1, math.ceil(retry_ms / 1000)))
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        data = msgspec.json.encode(body)
        return web.Response(status=self.status, body=data, content_type="application/problem+json", headers=headers)


@web.middleware
async def problems(request: web.Request, handler: Any) -> web.StreamResponse:  # Any: aiohttp's own type is private
    """Whatever goes wrong with a request is answered as a problem; faults of ours are not caught here."""
    try:
        response: web.StreamResponse = await handler(request)
        return response
    except Problem as e:
        return e.response()
    except web.RequestPayloadError:
        return Problem(422, "invalid", "the body cannot be read as its headers say").response()
    except ConnectionResetError:  # whoever began to send it is gone; nobody reads this
        return Problem(400, "invalid", "the body was cut off").response()
    except web.HTTPRequestEntityTooLarge:
        most = request.client_max_size
        return Problem(413, "invalid", f"the body is too large: at most {most} bytes are taken at once").response()
    except web.HTTPMethodNotAllowed as e:
        return Problem(405, "invalid", f"use {', '.join(sorted(e.allowed_methods))}").response()
    except web.HTTPException as e:
        if e.status < 400:
            raise
        code = {404: "unknown", 403: "forbidden"}.get(e.status, "invalid")
        message = f"there is nothing at {request.path[:80]}" if e.status == 404 else e.reason or code
        return Problem(e.status, code, message).response()


@web.middleware
async def as_it_is(request: web.Request, handler: Any) -> web.StreamResponse:  # Any: as above
    """A body comes as it is: a few bytes that unfold into gigabytes would hold up whatever else the process does.

    It is for the server not to unfold them either (`auto_decompress=False`), not even a body that nobody reads.
    """
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem(415, "invalid", "send the body as it is, without Content-Encoding", {"field": "Content-Encoding"})
    response: web.StreamResponse = await handler(request)
    return response
