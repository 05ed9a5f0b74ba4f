"""WeCom customer groups 企业微信 客户群: a task for an employee, who confirms it on the phone, then it is there.

`POST {base}/cgi-bin/externalcontact/add_msg_template` makes the task; what became of it is asked for afterwards. Unfit for
a prompt to the minute, fit for the days before a sale.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from pydantic import Field, SecretStr, model_validator

from roles.relay.adapters.base import Content, GroupSettings, Outcome, Prepared, Said
from roles.relay.adapters.http import Call, Ended, HttpAdapter, HttpCredential, Reply, not_said
from roles.relay.adapters.rendering import addresses_of, fit, in_bytes, reasons, title_of, without

TEXT_BYTES = 4000
TITLE_BYTES = 128
PER_MINUTE = 60
WINDOW_MS = 60_000

_SLOWER, _BUSY = frozenset({45009, 45033}), frozenset({-1})
_GONE = {
    40001: "the access token is not valid: renew it", 40014: "the access token is not valid: renew it",
    42001: "the access token has expired: renew it, or give `token_file` that another program renews",
    60011: "the application may not do this: give it the right to customer groups in WeCom",
    48002: "the application may not do this: give it the right to customer groups in WeCom",
    84061: "the employee may not reach customers: check `sender`",
}  # fmt: skip
_NOT_YET, _SENT = 0, 1
_FAILED = {2: "the customer is no contact of the employee any more", 3: "the customers have been sent enough for today"}


class WecomCustomerCredential(HttpCredential):
    """`token_file` is read at each call: who renews WeCom's tokens, which last two hours, writes it there."""

    base: str = "https://qyapi.weixin.qq.com"
    access_token: SecretStr | None = None
    token_file: Path | None = None
    sender: str = Field(min_length=1, max_length=64)
    per_minute: int | None = Field(default=PER_MINUTE, ge=1)

    @model_validator(mode="after")
    def _one_token(self) -> WecomCustomerCredential:
        if (self.access_token is None) == (self.token_file is None):
            raise ValueError("give either `access_token` or `token_file`")
        return self


class WecomCustomerGroup(GroupSettings):
    chat_id: str = Field(min_length=1, max_length=64)


class WecomCustomerAdapter(HttpAdapter[WecomCustomerCredential, WecomCustomerGroup]):
    platform: ClassVar[str] = "wecom_customer"
    says: ClassVar[str] = "WeCom"
    credential_settings: ClassVar[type[WecomCustomerCredential]] = WecomCustomerCredential
    group_settings: ClassVar[type[WecomCustomerGroup]] = WecomCustomerGroup

    def call(self, group: WecomCustomerGroup, content: Content, prepared: Prepared) -> Call:
        body, why = _message(content)
        task = {"chat_type": "group", "sender": self.settings.sender, "chat_id_list": [group.chat_id], **body}
        return Call.json(self._url("add_msg_template"), task, why)

    def read(self, reply: Reply, said: dict[str, Any] | None) -> Outcome | None:
        wrong = self._wrong(said)
        if said is None or wrong is not None:
            return wrong
        failed, task = said.get("fail_list"), said.get("msgid")
        if reply.status != 200 or not _is_zero(said) or not isinstance(task, str) or not task:
            return None
        if failed:
            return Outcome.rejected("WeCom does not take this group from this employee: check `chat_id` and `sender`")
        return Outcome.awaiting(f"{self.settings.sender} has to confirm it in WeCom", task)

    async def follow(self, group: WecomCustomerGroup, platform_id: str) -> Outcome | None:
        return await self._became(platform_id)

    async def take_back(self, platform_id: str) -> Outcome | None:
        try:
            _, said = await self.ask(Call.json(self._url("cancel_groupmsg_send"), {"msgid": platform_id}))
        except Ended:
            return None
        became = await self._became(platform_id)
        if became is not None and became.word == "sent":
            return became  # they were quicker
        sender, wrong = self.settings.sender, self._wrong(said)
        if _is_zero(said):
            return Outcome.rejected(f"the task of {sender} was taken back in WeCom")
        if became is not None or wrong is None or wrong.word == "retry":
            return became
        return Outcome.awaiting(f"{sender} has the task still, tell them not to send it: {wrong.why}")

    async def _became(self, task: str) -> Outcome | None:
        """What the employee did with a task, which is always one of one group."""
        asked = {"msgid": task, "userid": self.settings.sender, "limit": 500}
        try:
            said = (await self.post(Call.json(self._url("get_groupmsg_send_result"), asked))).object()
        except Ended:
            return None
        listed = (said or {}).get("send_list")
        if said is None or not _is_zero(said) or not isinstance(listed, list):
            return None
        status = next((one.get("status") for one in listed if isinstance(one, dict)), None)
        if status == _SENT and type(status) is int:
            return Outcome.sent(task)
        return Outcome.rejected(_FAILED[status]) if type(status) is int and status in _FAILED else None

    async def check_key(self, groups: Sequence[WecomCustomerGroup]) -> list[Said]:
        """Asks about each group: whether the application may, and whether it is a group of the employee's."""
        sender = self.settings.sender
        gone: list[str] = []

        async def look(group: WecomCustomerGroup) -> Said | None:
            asked = {"chat_id": group.chat_id, "need_name": 0}
            reply, said = await self.ask(Call.json(self._url("groupchat/get"), asked))
            if (wrong := self._wrong(said)) is not None:
                if wrong.word == "disabled":  # the same for every group
                    gone.append(str(wrong.why))
                    return None
                why = f"WeCom does not know this group; check `chat_id` ({wrong.why})"
                return Said("wrong", why, group.id) if wrong.word == "rejected" else not_said(wrong, group.id)
            chat = said.get("group_chat")
            if not _is_zero(said) or not isinstance(chat, dict):
                raise Ended(self.by_status(reply))
            owner = chat.get("owner")
            if isinstance(owner, str) and owner != sender:
                why = f"the group belongs to {self.said(owner)}: WeCom gives {sender} no task for it; make its owner the `sender`"
                return Said("wrong", why, group.id)
            return None

        found = await self.each_group(groups, look)
        if gone:
            return [Said("wrong", gone[0])]
        if well := len(groups) - len(found):
            what = f"{sender} can be given tasks for {well} {'group' if well == 1 else 'groups'}"
            return [Said("ok", f"WeCom takes the access token; {what}"), *found]
        return found

    def secrets(self) -> list[str]:
        return [*super().secrets(), self._token()]

    def _token(self) -> str:
        if self.settings.access_token is not None:
            return self.settings.access_token.get_secret_value()
        try:
            return self.settings.token_file.read_text("utf-8").strip() if self.settings.token_file else ""
        except (OSError, UnicodeDecodeError):
            return "none"  # WeCom says then that it is not valid

    def _url(self, what: str) -> str:
        return f"{self.settings.base}/cgi-bin/externalcontact/{what}?access_token={quote(self._token(), safe='')}"

    def _wrong(self, said: dict[str, Any] | None) -> Outcome | None:
        code = (said or {}).get("errcode")
        if said is None or type(code) is not int or code == 0:
            return None
        words = self.said(f"errcode {code}:", said.get("errmsg"))
        if code in _SLOWER:
            return Outcome.limited(WINDOW_MS, words)
        if code in _BUSY:
            return Outcome.retry(None, words)
        if code in _GONE:
            return Outcome.disabled(f"{_GONE[code]} (errcode {code})")
        return Outcome.rejected(words)


def _is_zero(said: dict[str, Any]) -> bool:
    code = said.get("errcode")
    return type(code) is int and code == 0  # a `false` is none of WeCom's answers


def _message(content: Content) -> tuple[dict[str, Any], str | None]:
    """A text, with a card for the first address: what an employee forwards, customers can press."""
    addresses = addresses_of(content)
    first = addresses[0] if addresses else None
    lost = "nobody can be called there" if content.mention else None
    went = "pictures went as addresses" if content.images or content.video else None
    fitted = fit(content.text, addresses, TEXT_BYTES, in_bytes)
    body: dict[str, Any] = {"text": {"content": fitted.text}}
    if first is not None and in_bytes(first) <= 2048:
        title = title_of(without(content.text, first), TITLE_BYTES, in_bytes) or first[:TITLE_BYTES]
        body["attachments"] = [{"msgtype": "link", "link": {"title": title, "url": first}}]
    return body, reasons(lost, went, fitted.why)
