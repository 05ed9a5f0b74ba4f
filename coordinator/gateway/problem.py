"""What the service answers over HTTP where something is wrong: a refusal, the findings of a sheet, a journal that is away."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from coordinator.answers import Answer
from coordinator.core import CODES
from coordinator.errors import JournalError
from coordinator.problem import RETRY_MS, Problem


def of_answer(answer: Answer) -> Problem:
    return Problem(CODES[answer.code], answer.code, answer.message, answer.details, answer.id)


@web.middleware
async def busy(
    request: web.Request, handler: Any
) -> web.StreamResponse:  # Any: aiohttp's own type of handlers is private
    """A journal that is away is told as what it is: come again."""
    try:
        response: web.StreamResponse = await handler(request)
        return response
    except JournalError as e:
        raise Problem(503, "busy", str(e), {"retry_ms": RETRY_MS}) from None


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
