"""What names a person: telephone numbers, identity numbers, postal addresses. Found in what we send, masked in what members said.

Numbers of orders, parcels and goods are none, nor is what stands within a web address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from coordinator.core.matching import Places, Span, readable

Kind = Literal["phone", "id", "address"]

ADDRESS = re.compile(r"https?://[^\s\u3000-\u303f\u4e00-\u9fff\uff00-\uffef\"'<>()（）{}]+", re.IGNORECASE)

# A mobile or landline number of mainland China, also in groups of digits; not a part of a longer number.
_MOBILE = re.compile(
    r"(?<![\d.])(?<!\d[ -])(?:(?:\+|00)?86[ -]?)?1[3-9]\d(?:[ -]?\d{4}[ -]?\d{4}|[ -]\d{3}[ -]\d{5})(?![\d])(?![ -]\d{3})"
)
_LANDLINE = re.compile(r"(?<![\d.-])(?:\(0\d{2,3}\) ?|0\d{2,3}[- ])[2-9]\d{6,7}(?![\d-])")
_ID_NUMBER = re.compile(
    r"(?<![\dA-Za-z])[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![\dA-Za-z])"
)
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999
# Where somebody lives: a street with its number, and the door behind it.
_HOME = re.compile(
    r"[\u4e00-\u9fff]{1,12}(?:路|街|道|巷|弄|胡同|村|小区|花园|公寓|苑)[ ]?(?:\d{1,5}[ ]?(?:号|弄|巷)[ ]?)?[\u4e00-\u9fff]{0,8}[ ]?"
    r"(?:\d{1,4}[ ]?(?:号楼|栋|幢|座|单元)[ ]?)*(?:\d{1,2}[ ]?(?:单元|层|楼)[ ]?)?\d{2,5}[ ]?(?:室|户|房)(?![\u4e00-\u9fff]?一厅)"
)
_NUMBER_OF_A_PARCEL = re.compile(
    r"(?:单号|订单|运单|快递|物流|包裹|编号|货号|条码|编码|流水号|批号|券码|尾号|order|parcel|tracking|no\.?)[^\d,。;!?\n]{0,6}$",
    re.IGNORECASE,
)
_LETTER_BEFORE = re.compile(r"[A-Za-z]$")


class Personal(NamedTuple):
    """Something that names a person, where it stands, and what may be shown of it."""

    kind: Kind
    at: Span
    shown: str


def personal(text: str) -> list[Personal]:
    """All that names a person in a text, in its order."""
    if not _may_hold(text):
        return []
    form = readable(text)
    plain = ADDRESS.sub(lambda m: "\0" * len(m[0]), form)
    places = Places(text, of_folded=False)
    found: list[Personal] = []
    for kind, span in _spans(plain):
        if not any(each.at.start < span.end and span.start < each.at.end for each in found):
            found.append(Personal(kind, span, masked_word(kind, plain[span.start : span.end])))
    found.sort(key=lambda each: each.at.start)
    return [each._replace(at=places.span(*each.at)) for each in found]


def masked_text(text: str) -> str:
    """The text with all that names a person masked: 138****1234."""
    found = personal(text)
    if not found:
        return text
    parts: list[str] = []
    last = 0
    for each in found:
        parts += (text[last : each.at.start], each.shown)
        last = each.at.end
    return "".join([*parts, text[last:]])


def masked_word(kind: Kind, word: str) -> str:
    """A number cut to what its owner knows it by; of an address, where it begins."""
    if kind == "address":
        return word[:3] + "****"
    digits = [c for c in word if c.isdigit() or c in "Xx"]
    if kind == "phone" and len(digits) > 11 and digits[-11] == "1":
        digits = digits[-11:]
    return "".join(digits[:3]) + "****" + "".join(digits[-4:])


def _may_hold(text: str) -> bool:
    """Quick, for the thousand messages that hold nothing: a number of five digits, or a door."""
    digits = 0
    for c in text:
        if c.isdigit():
            digits += 1
            if digits >= 2:
                return True
    return False


def _spans(plain: str) -> Iterator[tuple[Kind, Span]]:
    for match in _ID_NUMBER.finditer(plain):
        if _checks_out(match[0]):
            yield "id", Span(*match.span())
    for pattern in (_MOBILE, _LANDLINE):
        for match in pattern.finditer(plain):
            before = plain[max(0, match.start() - 12) : match.start()]
            if not _NUMBER_OF_A_PARCEL.search(before) and not _LETTER_BEFORE.search(before):
                yield "phone", Span(*match.span())
    for match in _HOME.finditer(plain):
        yield "address", Span(*match.span())


def _checks_out(number: str) -> bool:
    total = sum(int(digit) * weight for digit, weight in zip(number[:17], _ID_WEIGHTS, strict=True))
    return "10X98765432"[total % 11] == number[17].upper()
