"""What the relay's own server answers where something is wrong: RFC 9457 problem objects, as the coordinator's."""

from __future__ import annotations

from typing import Any

import msgspec
import structlog
from aiohttp import web

from roles.relay.errors import DiskFailed

log = structlog.get_logger("relay")

RETRY_S = 30
MAX_BODY = 1024 * 1024
_WORDS = {404: "there is nothing here; POST /observe takes what was seen", 405: "use POST"}


class Problem(Exception):
    def __init__(self, status: int, code: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.details = status, code, message, details

    def response(self) -> web.Response:
        body: dict[str, Any] = {
            "type": "about:blank", "title": self.code, "status": self.status, "detail": self.message, "code": self.code,
            "message": self.message,
        }  # fmt: skip
        if self.details is not None:
            body["details"] = self.details
        headers = {"Retry-After": str(RETRY_S)} if self.status == 503 else {}
        data = msgspec.json.encode(body)
        return web.Response(status=self.status, body=data, content_type="application/problem+json", headers=headers)


@web.middleware
async def problems(request: web.Request, handler: Any) -> web.StreamResponse:  # Any: aiohttp's own type is private
    try:
        response: web.StreamResponse = await handler(request)
        return response
    except Problem as e:
        return e.response()
    except DiskFailed as e:
        log.error("what was seen cannot be kept", why=e.reason)
        return Problem(
            503, "busy", "the relay cannot keep it: its disk does not take it; send it again later"
        ).response()
    except web.RequestPayloadError:
        return Problem(422, "invalid", "the body cannot be read as its headers say").response()
    except ConnectionResetError:  # whoever began to send it is gone; nobody reads this
        return Problem(400, "invalid", "the body was cut off").response()
    except web.HTTPRequestEntityTooLarge:
        return Problem(413, "invalid", f"a body has at most {MAX_BODY} bytes: send it in parts").response()
    except web.HTTPException as e:
        code = {404: "unknown", 403: "forbidden"}.get(e.status, "invalid")
        return Problem(e.status, code, _WORDS.get(e.status, e.reason or code)).response()


@web.middleware
async def as_it_is(request: web.Request, handler: Any) -> web.StreamResponse:  # Any: as above
    """A body comes as it is: a few bytes that unfold into gigabytes would hold up the drops of the same process."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem(415, "invalid", "send the body as it is, without Content-Encoding", {"field": "Content-Encoding"})
    response: web.StreamResponse = await handler(request)
    return response
