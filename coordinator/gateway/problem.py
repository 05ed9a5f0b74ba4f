"""Errors over HTTP: RFC 9457 problem objects with the refusal's code, details and id."""

from __future__ import annotations

import json
import math
from typing import Any

from aiohttp import web

from coordinator.answers import Answer
from coordinator.core import CODES
from coordinator.errors import JournalError


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
            retry_ms = (self.details or {}).get("retry_ms", 1000)
            headers["Retry-After"] = str(max(1, math.ceil(retry_ms / 1000)))
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return web.Response(
            status=self.status,
            text=json.dumps(body, ensure_ascii=False),
            content_type="application/problem+json",
            headers=headers,
        )


def of_answer(answer: Answer) -> Problem:
    return Problem(CODES[answer.code], answer.code, answer.message, answer.details, answer.id)


@web.middleware
async def problems(
    request: web.Request, handler: Any
) -> web.StreamResponse:  # aiohttp's own type of handlers is private
    try:
        response: web.StreamResponse = await handler(request)
        return response
    except Problem as e:
        return e.response()
    except JournalError as e:
        return Problem(503, "busy", str(e), {"retry_ms": 1000}).response()
    except web.HTTPRequestEntityTooLarge:
        return Problem(413, "invalid", "the body is too large").response()
    except web.HTTPException as e:
        if e.status < 400:
            raise
        code = {404: "unknown", 403: "forbidden", 405: "invalid"}.get(e.status, "invalid")
        return Problem(e.status, code, e.reason or code).response()


def of_findings(findings: list[dict[str, Any]]) -> Problem:
    """A sheet that cannot be taken: `invalid` where it cannot be read, else `blocked`; its findings in the details."""
    worst = next((f for f in findings if f["severity"] in {"error", "block"}), findings[0])
    code = "invalid" if worst["severity"] == "error" else "blocked"
    return Problem(
        422,
        code,
        f"{worst['where']}: {worst['message']}" if worst["where"] else worst["message"],
        {
            "field": worst["where"],
            "rules": sorted({f["rule"] for f in findings if f["severity"] in {"error", "block"}}),
            "findings": findings[:100],
        },
    )
