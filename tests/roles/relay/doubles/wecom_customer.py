"""WeCom's tasks for customer groups, as they behave: nothing is sent before the employee confirms."""

from __future__ import annotations

import json
import re
from typing import Any, ClassVar

from aiohttp import web

from tests.roles.relay.doubles.base import Answer, Double, Seen, Taken, Wrong

TOKEN = "planted-access-token-planted"
CHAT = "wrOgQhDgAAMYQiS5ol9G7gK9JVAAAA"
_LINK = re.compile(r"https?://[^\s\])）】，。<>\u200b]+")


class WecomCustomerDouble(Double):
    platform: ClassVar[str] = "wecom_customer"
    secrets: ClassVar[tuple[str, ...]] = (TOKEN,)
    group: ClassVar[dict[str, Any]] = {"chat_id": CHAT}
    count: ClassVar[int] = 60

    @classmethod
    def settings(cls, base: str) -> dict[str, Any]:
        return {"platform": cls.platform, "base": base, "access_token": TOKEN, "sender": "zhangsan"}

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.tokens: set[str] = {TOKEN}
        self.chats: set[str] = {CHAT}
        self.owners: dict[str, str] = {}  # of a chat that is not the first employee's
        self.refuses: dict[str, Any] | None = None  # what it says to every question about a group
        self.status = 0  # of every task: 0 not yet, 1 sent, 2 and 3 failed
        self.asked = 0
        self.cancelled: list[str] = []  # tasks that were taken from the employee
        self.cancels: dict[str, Any] = {"errcode": 0, "errmsg": "ok"}  # what it says to that

    def routes(self, app: web.Application) -> None:
        app.router.add_post("/cgi-bin/externalcontact/add_msg_template", self.post)
        app.router.add_post("/cgi-bin/externalcontact/get_groupmsg_send_result", self._result)
        app.router.add_post("/cgi-bin/externalcontact/cancel_groupmsg_send", self._cancel)
        app.router.add_post("/cgi-bin/externalcontact/groupchat/get", self._chat)

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        if self.revoked or request.query.get("access_token") not in self.tokens:
            return self._response(Answer({"errcode": 40014, "errmsg": "invalid access_token"}))
        if self.refuses is not None:
            return self._response(Answer(self.refuses))
        chat = (await request.json())["chat_id"]
        if chat not in self.chats:
            return self._response(Answer({"errcode": 86003, "errmsg": "param chat_id not exists"}))
        about = {"chat_id": chat, "name": "VIP 1", "owner": self.owners.get(chat, "zhangsan"), "member_list": []}
        return self._response(Answer({"errcode": 0, "errmsg": "ok", "group_chat": about}))

    def judge(self, request: web.Request, raw: bytes) -> tuple[Seen, dict[str, Any]]:
        if self.revoked or request.query.get("access_token") not in self.tokens:
            raise Wrong({"errcode": 42001, "errmsg": f"access_token expired {request.query.get('access_token')}"})
        try:
            body = json.loads(raw)
            text, chats = body["text"]["content"], body["chat_id_list"]
            assert body["chat_type"] == "group"
            cards = tuple(one["link"]["url"] for one in body.get("attachments", ()))
            titles = [one["link"]["title"] for one in body.get("attachments", ())]
        except (ValueError, KeyError, TypeError, AssertionError):
            raise Wrong({"errcode": 40008, "errmsg": "invalid message type"}) from None
        if len(text.encode()) > 4000 or any(len(t.encode()) > 128 for t in titles) or len(cards) > 9:
            raise Wrong({"errcode": 40058, "errmsg": "content exceed max length"})
        return Seen(text, chats[0], (*_LINK.findall(text), *cards)), body

    def yes(self, taken: Taken) -> object:
        failed = [chat for chat in taken.body["chat_id_list"] if chat not in self.chats]
        return {"errcode": 0, "errmsg": "ok", "fail_list": failed, "msgid": f"msg{len(self.taken)}"}

    def too_often(self) -> Answer:
        return Answer({"errcode": 45009, "errmsg": "api freq out of limit"})

    async def _result(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        self.asked += 1
        async with self._changed:
            self._changed.notify_all()
        one = {"chat_id": self.taken[int(asked["msgid"][3:]) - 1].body["chat_id_list"][0], "status": self.status}
        return self._response(Answer({"errcode": 0, "errmsg": "ok", "send_list": [{"userid": asked["userid"], **one}]}))

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        task = (await request.json())["msgid"]
        if self.revoked or request.query.get("access_token") not in self.tokens:
            return self._response(Answer({"errcode": 42001, "errmsg": "access_token expired"}))
        assert task in {f"msg{n + 1}" for n in range(len(self.taken))}, "a task that it has made"
        if self.cancels == {"errcode": 0, "errmsg": "ok"} and self.status == 0:
            self.cancelled.append(task)  # one that was confirmed is there, and stays
        async with self._changed:
            self._changed.notify_all()
        return self._response(Answer(self.cancels))
