"""What a text must not say: rules as data, and the check that reads them.

The rules are practice, not legal advice. A text is normalised first (NFKC, the terms' traditional characters to
simplified ones, separators within words removed), so that 最 佳, 最·佳 and 國家級 are found like 最佳 and 国家级.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

Severity = Literal["block", "warn"]

VERSION = "2026-11"  # of the rules below; a finding of an old journal is read with its own


@dataclass(frozen=True, slots=True)
class Terms:
    """Words that a rule is about. An exception is a longer word in which the term is meant otherwise."""

    rule: str
    severity: Severity
    terms: tuple[str, ...]
    exceptions: tuple[str, ...]
    law: str
    remedy: str


_ADVERTISING_LAW = "Advertising Law of the PRC, art. 9 (3)"

TERMS: tuple[Terms, ...] = (
    Terms(
        rule="AD-ABS",
        severity="block",
        terms=("国家级", "最高级", "最佳"),
        exceptions=("最佳赏味期",),
        law=_ADVERTISING_LAW,
        remedy="say what the product does instead",
    ),
    Terms(
        rule="AD-ABS",
        severity="warn",
        terms=("第一", "顶级", "全网最低", "唯一"),
        exceptions=(
            *("第一次", "第一时间", "第一步", "第一个", "第一款", "第一件", "第一样", "第一轮"),
            *("第一波", "第一批", "第一天", "第一场", "第一位", "第一道", "第一组", "第一口"),
            *("第一期", "第一课", "第一章"),
        ),
        law=_ADVERTISING_LAW,
        remedy="say it without the comparison, or keep the proof at hand",
    ),
    Terms(
        rule="AD-ABS",
        severity="warn",
        terms=("最",),
        exceptions=(
            *("最后", "最近", "最晚", "最早", "最初", "最终", "最多", "最少"),
            *("最长", "最短", "最迟", "最末", "最先", "最爱", "最喜欢"),
        ),
        law=_ADVERTISING_LAW,
        remedy="say it without 最, or keep the proof at hand",
    ),
)

_SIMPLIFIED = str.maketrans("國級頂網後終遲長愛歡軟時間個樣輪場組課", "国级顶网后终迟长爱欢软时间个样轮场组课")
_SEPARATORS = re.compile(r"(?<=[\u4e00-\u9fff])[\s\u200b-\u200f\u2060\ufeff·•・._\-*~|/]+(?=[\u4e00-\u9fff])")
_ADDRESS = re.compile(r"https?://[^\s\u3000-\u303f\u4e00-\u9fff\uff00-\uffef\"'<>()（）{}]+", re.IGNORECASE)
_BARE_ADDRESS = re.compile(
    r"(?<![\w@./-])(?:[a-z0-9](?:[a-z0-9-]{0,62})\.){1,4}(?:com|cn|net|org|shop|top|xyz|cc)"
    r"(?![a-z0-9.-]*[a-z0-9])(?:/[\w./?=&%#+-]*)?",
    re.IGNORECASE | re.ASCII,
)
_TRAILING = ".,;:!?…"

# A mobile or landline number of mainland China, also in groups of digits; not a part of a longer number.
_PHONE = re.compile(r"(?<![\d.])(?:\+?86[\s-]?)?(1[3-9]\d[\s-]?\d{4}[\s-]?\d{4}|0\d{2,3}-\d{7,8})(?![\d])")
_ID_NUMBER = re.compile(r"(?<!\d)[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\d)")
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999
_NUMBER_OF_A_PARCEL = re.compile(r"(?:单号|订单|运单|快递|编号|货号)\D{0,4}$")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing a text must not, or should not, say. `message` says what, why and what to do."""

    rule: str
    severity: Severity
    term: str
    message: str


def normalised(text: str) -> str:
    """The form in which terms are looked for."""
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", text).translate(_SIMPLIFIED))


def absolute_terms(text: str) -> list[Fault]:
    """AD-ABS: each absolute term once. A part of a term that was found is not found again."""
    plain = normalised(text)
    faults: list[Fault] = []
    for rule in TERMS:
        for exception in rule.exceptions:
            plain = plain.replace(exception, "\0")
        for term in rule.terms:
            at = plain.find(term)
            if at < 0:
                continue
            shown = plain[at : at + len(term) + (2 if term == "最" else 0)].replace("\0", "")
            must = "must not" if rule.severity == "block" else "should not"
            message = f"the absolute term {shown!r} {must} be used ({rule.law}); {rule.remedy}"
            faults.append(Fault(rule.rule, rule.severity, shown, message))
            plain = plain.replace(term, "\0")
    return faults


def personal_data(text: str) -> list[Fault]:
    """PII: telephone and identity numbers; numbers of orders and parcels, and those in addresses, are none."""
    plain = _ADDRESS.sub(" ", unicodedata.normalize("NFKC", text))
    faults = []
    for kind, pattern in (("a telephone number", _PHONE), ("an identity number", _ID_NUMBER)):
        for found in pattern.finditer(plain):
            if _NUMBER_OF_A_PARCEL.search(plain[max(0, found.start() - 8) : found.start()]):
                continue
            if pattern is _ID_NUMBER and not _checks_out(found[0]):
                continue
            digits = found[0]
            shown = digits[:3] + "****" + digits[-4:]
            faults.append(Fault("PII", "block", shown, f"holds {kind} ({shown}); take it out, members see it"))
            break
    return faults


def foreign_addresses(text: str, known: Collection[str]) -> list[Fault]:
    """PLAN: web addresses that are none of the sheet's own. `known` are the addresses that stand in the sheet."""
    plain = unicodedata.normalize("NFKC", text)
    own = {_bare(address) for address in known} | {_bare(address).partition("/")[0] for address in known}
    faults = []
    found = [match[0] for match in _ADDRESS.finditer(plain)]
    found += [match[0] for match in _BARE_ADDRESS.finditer(_ADDRESS.sub(" ", plain))]
    for address in dict.fromkeys(found):
        if _bare(address) not in own:
            shown = address.rstrip(_TRAILING)[:80]
            message = f"the address {shown} does not stand in the sheet; add it under links and write {{link}} here"
            faults.append(Fault("PLAN", "block", shown, message))
    return faults


def _bare(address: str) -> str:
    return re.sub(r"^https?://", "", address.rstrip(_TRAILING).lower()).rstrip("/")


def _checks_out(number: str) -> bool:
    total = sum(int(digit) * weight for digit, weight in zip(number[:17], _ID_WEIGHTS, strict=True))
    return "10X98765432"[total % 11] == number[17].upper()
