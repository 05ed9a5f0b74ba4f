"""Discord's webhooks, as they behave."""

from __future__ import annotations

import json
import re
from typing import Any, ClassVar

from aiohttp import web

from tests.roles.relay.doubles.base import Answer, HookDouble, Seen, Taken, Wrong

HOOK = "1234567890/plantedPLANTEDplanted-planted_planted"
_FORMAT = re.compile(r"(\*{1,3}|__?|~~|`+|\|\|)(?=\S)([^*_~`|\n]+)\1")
_HEAD = re.compile(r"^(?:#{1,3} |> |-# )", re.MULTILINE)
_LINK = re.compile(r"https?://[^\s\])）】，。<>\u200b]+")


class DiscordDouble(HookDouble):
    platform: ClassVar[str] = "discord"
    secrets: ClassVar[tuple[str, ...]] = (HOOK, HOOK.rpartition("/")[2])
    count: ClassVar[int] = 5
    per_s: ClassVar[float] = 2.0
    hook: ClassVar[str] = HOOK
    path: ClassVar[str] = "/api/webhooks/"

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.left: str | None = None  # what X-RateLimit-Remaining says
        self.reset_after = "0.2"

    def routes(self, app: web.Application) -> None:
        super().routes(app)
        app.router.add_get(self.path + "{hook:.+}", self._what)

    def judge(self, request: web.Request, raw: bytes) -> tuple[Seen, dict[str, Any]]:
        if not self.known(request):
            raise Wrong({"message": "Unknown Webhook", "code": 10015}, 404)
        if request.query.get("wait") != "true":
            raise Wrong({"message": "this test's relay must wait for the answer", "code": 0}, 400)
        try:
            body = json.loads(raw)
            return self.seen(body), body
        except (ValueError, KeyError, TypeError):
            raise Wrong({"message": "Cannot send an empty message", "code": 50006}, 400) from None

    def seen(self, body: dict[str, Any]) -> Seen:
        text, allowed = body["content"], body.get("allowed_mentions", {"parse": ["everyone", "users", "roles"]})
        pictures = sum(1 for embed in body.get("embeds", ()) if embed["image"]["url"])
        if not text or len(text.encode("utf-16-le")) // 2 > 2000:
            raise Wrong({"message": "Invalid Form Body", "code": 50035}, 400)
        pings = ["all"] * len(re.findall(r"@(?:everyone|here)\b", text)) if "everyone" in allowed["parse"] else []
        named = re.findall(r"<@!?(\d+)>", text)
        pings += [n for n in named if "users" in allowed["parse"] or n in allowed.get("users", ())]
        hidden = re.findall(r"\[[^\]]*\]\(([^)]*)\)", text)
        # A backslash keeps its sign, and an address is none of markdown's.
        kept = re.sub(r"\\([^A-Za-z0-9\s])", lambda sign: chr(0xE000 + ord(sign[1])), text)
        parts = re.split(f"({_LINK.pattern})", _HEAD.sub("", kept))
        formed = "".join(part if n % 2 else _FORMAT.sub(r"\2", part) for n, part in enumerate(parts))
        shown = re.sub(r"[\ue000-\ue0ff]", lambda sign: chr(ord(sign[0]) - 0xE000), formed)
        return Seen(shown, self._hook, (*hidden, *_LINK.findall(shown)), tuple(pings), pictures)

    async def _what(self, request: web.Request) -> web.StreamResponse:
        """What a webhook is; its answer holds the token."""
        if not self.known(request):
            return self._response(Answer({"message": "Unknown Webhook", "code": 10015}, 404))
        number, _, secret = self._hook.partition("/")
        about = {"id": number, "type": 1, "name": "直播间", "channel_id": "199", "guild_id": "188", "token": secret}
        return self._response(Answer(about))

    def yes(self, taken: Taken) -> object:
        return {"id": str(10**17 + len(self.taken)), "content": taken.seen.text}

    def too_often(self) -> Answer:
        body = {"message": "You are being rate limited.", "retry_after": 0.5, "global": False}
        return Answer(body, 429, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": "0.5"})

    def _response(self, answer: Answer) -> web.Response:
        response = super()._response(answer)
        if self.left is not None:
            response.headers["X-RateLimit-Remaining"] = self.left
            response.headers["X-RateLimit-Reset-After"] = self.reset_after
        return response
