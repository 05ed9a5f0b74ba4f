"""From what was seen to what is told: words masked, the team told from members, questions and requests found."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from roles.relay.receiving.seen import Seen
from roles.relay.receiving.settings import NAMES, ReceivingSettings
from roles.relay.receiving.wording import asks_again, is_question, masked_text

OWN = "inlet"  # the namespace of a person that was given without one


class Observation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What waits for the coordinator. `who` is still the platform's name; a pseudonym is made of it when it leaves."""

    group: str
    what: str
    who: str | None = None
    name: str | None = None
    text: str | None = None
    at: int | None = None
    channel: str | None = None
    staff: str | None = None
    platform_id: str | None = None
    about: str | None = None
    why: str | None = None
    count: int = 1
    question: bool = False
    asked: bool = False


class Reader:
    """One for a relay: its settings, and the groups it may tell of."""

    def __init__(
        self, settings: ReceivingSettings, staff: Mapping[str, Mapping[str, str]], groups: Collection[str]
    ) -> None:
        self._settings, self._staff = settings, staff
        self.groups = frozenset(groups) | frozenset(settings.groups)

    def read(self, seen: Seen) -> Observation:
        """The observation of what was seen in a group that is known."""
        who = seen.person if seen.person is None or ":" in seen.person else f"{OWN}:{seen.person}"
        staff = seen.staff or self._of_the_team(who, seen.name)
        text = None if seen.text is None else masked_text(seen.text)
        said = seen.what == "message" and staff is None and text is not None
        asked = said and asks_again(text or "", self._settings.asked)
        return Observation(
            group=seen.group, what=seen.what, who=who, text=text, at=seen.at, channel=seen.channel, staff=staff,
            name=None if seen.name is None or not self._settings.names else masked_text(seen.name),
            platform_id=seen.platform_id, about=seen.about, why=seen.why, count=seen.count, asked=asked,
            question=said and not asked and self._settings.questions and is_question(text or ""),
        )  # fmt: skip

    def contact(self, seen: Seen) -> tuple[str, str] | None:
        """Who can be reached, and how; None where that is not known or not wanted."""
        if not self._settings.contacts or seen.contact is None or seen.person is None:
            return None
        who = seen.person if ":" in seen.person else f"{OWN}:{seen.person}"
        return None if self._of_the_team(who, seen.name) else (who, seen.contact)

    def _of_the_team(self, who: str | None, name: str | None) -> str | None:
        if who is not None:
            platform, _, id_ = who.partition(":")
            found = self._staff.get(platform, {}).get(id_)
            if found is not None:
                return found
        return self._staff.get(NAMES, {}).get(name) if name is not None else None


def commands(id_: str, seen: Observation, member: str | None) -> list[dict[str, Any]]:
    """What the coordinator is given for one observation; the same ids always have the same bodies."""
    where: dict[str, Any] = {"group": seen.group} | ({} if member is None else {"member": member})
    words = {} if seen.text is None else {"text": seen.text}
    named = {} if seen.name is None else {"name": seen.name}
    more = {k: v for k in ("channel", "staff", "platform_id", "about", "why") if (v := getattr(seen, k)) is not None}
    many = {} if seen.count == 1 else {"count": seen.count}
    out = [{"id": id_, "kind": "group.observe", **where, "what": seen.what, **words, **named, **more, **many}]
    if seen.asked:
        out.append({"id": f"{id_}a", "kind": "group.observe", **where, "what": "asked"})
    if seen.question:
        out.append({"id": f"{id_}q", "kind": "question.raise", **where, **words, **named})
    return out
