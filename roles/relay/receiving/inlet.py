"""`POST /observe`: the signed way in for everything that sees a group and is no platform of ours.

Signed by the rules of Standard Webhooks. What is answered with 200 is on the relay's disk; an id that came before is
answered as it was then, and counts once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
from aiohttp import web
from pydantic import ValidationError
from standardwebhooks.webhooks import Webhook

from coordinator.problem import Problem
from coordinator.signatures import need_signed
from roles.relay.receiving.inbox import Receipt
from roles.relay.receiving.intake import Intake
from roles.relay.receiving.seen import Seen

SOURCE = "observe"
MOST = 1_000  # things in one body
MOST_ID = 200


class Inlet:
    """`secrets` as the configuration has them, checked there."""

    def __init__(self, intake: Intake, secrets: Sequence[str]) -> None:
        self._intake = intake
        self._signers = [Webhook(secret) for secret in secrets]

    def add_to(self, app: web.Application) -> None:
        app.router.add_post("/observe", self.post)

    async def post(self, request: web.Request) -> web.Response:
        """A thing that was seen, or a list of at most 1,000."""
        data = await request.read()
        need_signed(request, data, self._signers, secrets="`inlet.secret`")
        id_ = request.headers["webhook-id"]
        if len(id_) > MOST_ID:
            raise Problem(422, "invalid", f"webhook-id has at most {MOST_ID} characters", {"field": "webhook-id"})
        digest = hashlib.sha256(data).digest()
        async with self._intake.one_at_a_time(SOURCE, id_):
            before = await self._intake.inbox.receipt(SOURCE, id_)
            if before is not None:
                if before.digest != digest:
                    raise Problem(
                        409, "invalid", "another body came with this id before: each body has an id of its own", {"field": "webhook-id"}
                    )  # fmt: skip
                return _reply(msgspec.json.decode(before.answer) | {"again": True})
            seen, refused = self._read(data)
            if refused and not seen:
                first = refused[0]
                raise Problem(422, "invalid", f"item {first['item']}: {first['message']}", {"refused": refused[:100]})
            answer: dict[str, Any] = {"taken": len(seen)} | ({"refused": refused} if refused else {})
            await self._intake.take(seen, receipt=Receipt(SOURCE, id_, digest, msgspec.json.encode(answer).decode()))
        return _reply(answer)

    def _read(self, data: bytes) -> tuple[list[Seen], list[dict[str, Any]]]:
        """What can be taken, and what of the list cannot, each with its place and field."""
        try:
            body = msgspec.json.decode(data)
        except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as e:
            raise Problem(422, "invalid", f"the body is no JSON: {e}") from None
        items = body if isinstance(body, list) else [body]
        if len(items) > MOST:
            raise Problem(
                422, "invalid", f"a body has at most {MOST} things, this one has {len(items)}: send it in parts"
            )
        seen, refused = [], []
        for n, item in enumerate(items):
            try:
                one = Seen.model_validate(item)
            except ValidationError as e:
                first = e.errors(include_url=False, include_input=False, include_context=False)[0]
                refused.append({"item": n, "field": ".".join(map(str, first["loc"])), "message": first["msg"]})
                continue
            wrong = self._intake.wrong_with(one)
            if wrong is not None:
                refused.append({"item": n, "field": wrong[0], "message": wrong[1]})
            else:
                seen.append(one)
        return seen, refused


def _reply(answer: dict[str, Any]) -> web.Response:
    return web.Response(body=msgspec.json.encode(answer), content_type="application/json")
