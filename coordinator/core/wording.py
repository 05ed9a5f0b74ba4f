"""What a text must not, or should not, say: the rules of a set that are about words, asked as its use makes them hold.

A term in what the host is to say is heard by everybody; a telephone number is only wrong in what is written into
groups; an experience needs the word 广告 where something can be bought by it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

import msgspec

from coordinator.core.matching import readable
from coordinator.core.personal import ADDRESS, personal
from coordinator.core.rules import Fault, Judge, Words

_BARE_ADDRESS = re.compile(
    r"(?<![\w@./-])(?:[a-z0-9](?:[a-z0-9-]{0,62})\.){1,4}(?:com|cn|net|org|shop|top|xyz|cc)"
    r"(?![a-z0-9.-]*[a-z0-9])(?:/[\w./?=&%#+-]*)?",
    re.IGNORECASE | re.ASCII,
)
_TRAILING = ".,;:!?…"
_PLACE = re.compile(r"\{[^{}|]{1,40}\}")

LABEL = "广告"
SAID = frozenset({"AD-ABS"})  # whoever says it, and however
SENT = SAID | {"INDUCE"}
BY_PATTERN = ("AD-ABS", "INDUCE", "FAKE-COUNT", "SCARCE")


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """What a text is for."""

    sent: bool = True  # members of the groups will read it
    sells: bool = False  # a link or a coupon goes with it
    posted: bool = False  # a member of the team posts it under a name of their own
    known: tuple[str, ...] = ()  # web addresses that stand in the sheet
    exceptions: tuple[str, ...] = ()  # a brand's own words


def judged(judge: Judge, text: str, use: Use) -> list[Fault]:
    """All that the rules have to say of the words of a text, as they stand in it."""
    if not use.sent:
        return judge.terms(text, SAID, use.exceptions)
    rules = SENT | {"AD-LABEL"} | ({"SHILL"} if use.posted else set())
    sells = use.sells or "{link}" in text or "{coupon}" in text or ADDRESS.search(text) is not None
    labelled = LABEL in readable(text)
    faults = []
    for each in judge.terms(text, rules, use.exceptions):
        if each.rule == "AD-LABEL" and (not sells or labelled):
            continue
        faults.append(each)
    # What is filled in when the text is sent is no number that somebody typed.
    plain = _PLACE.sub(lambda m: "\ufffc" * len(m[0]), text)
    for rule in BY_PATTERN:
        faults += [f for f in judge.patterns(plain, rule) if not _within(f, faults)]
    if sells and not labelled:
        faults += [f for f in judge.patterns(text, "AD-LABEL") if not _within(f, faults)]
    faults += personal_data(judge, text)
    faults += foreign_addresses(text, use.known)
    return faults


def _within(fault: Fault, faults: list[Fault]) -> bool:
    """Whether the rule has found something at this place already."""
    at = fault.at or (0, 0)
    return any(x.rule == fault.rule and x.at is not None and x.at[0] < at[1] and at[0] < x.at[1] for x in faults)


_KINDS = {
    "phone": Words(zh="电话号码", en="a telephone number"),
    "id": Words(zh="身份证号", en="an identity number"),
    "address": Words(zh="住址", en="a postal address"),
}


def personal_data(judge: Judge, text: str) -> list[Fault]:
    """PII: each kind once. Off where the set has no such rule."""
    rule = judge.of("PII")
    if rule is None:
        return []
    faults: dict[str, Fault] = {}
    for each in personal(text):
        what = _KINDS[each.kind]
        faults.setdefault(
            each.kind,
            Fault(
                rule="PII",
                severity="block",
                term=each.shown,
                message=f"holds {what.en} ({each.shown}), and every member would see it ({rule.law.en}); take it out, "
                "or answer in a private chat",
                zh=f"含有{what.zh} ({each.shown}), 群里人人可见 ({rule.law.zh}); 请删去, 或改为私聊回复",
                law=rule.law,
                at=(each.at.start, each.at.end),
            ),
        )
    return list(faults.values())


def foreign_addresses(text: str, known: Collection[str]) -> list[Fault]:
    """PLAN: web addresses that are none of the sheet's own. `known` are the addresses that stand in the sheet."""
    if "." not in text and "．" not in text:
        return []
    own = _own(tuple(known))
    faults: list[Fault] = []
    seen: set[str] = set()
    found = [*ADDRESS.finditer(text), *_BARE_ADDRESS.finditer(ADDRESS.sub(lambda m: " " * len(m[0]), text))]
    for match in found:
        address = match[0]
        if _bare(address) not in own and address not in seen:
            seen.add(address)
            shown = address.rstrip(_TRAILING)[:80]
            faults.append(
                Fault(
                    rule="PLAN",
                    severity="block",
                    term=shown,
                    message=f"the address {shown} does not stand in the sheet; add it under links and write {{link}} here",
                    zh=f"地址 {shown} 不在脚本里; 请加到 links, 这里写 {{link}}",
                    at=(match.start(), match.start() + len(shown)),
                )
            )
    return faults


@lru_cache(maxsize=64)
def _own(known: tuple[str, ...]) -> frozenset[str]:
    """As members may write them, and their hosts. A sheet can have thousands, and thousands of messages a second are looked at."""
    bare = {_bare(address) for address in known}
    return frozenset(bare | {address.partition("/")[0] for address in bare})


def _bare(address: str) -> str:
    return re.sub(r"^https?://", "", address.rstrip(_TRAILING).lower()).rstrip("/")
