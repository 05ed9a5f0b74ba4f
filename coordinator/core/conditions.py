"""Conditions of triggered cues: when the live state should set something off.

    coupon c20 left <= 10%          coupon c20 claimed >= 50       product pan stock < 20
    group g1 members >= 200         figures messages >= 1000       sales_paid >= "5000.00"

joined by `and`, `or` and brackets; `and` binds before `or`. A percentage is of the coupon's quantity. The
money figures are written in the currency's major units. What is not known (a coupon that is gone, a stock
that nobody counts) makes its comparison false, never an error in the show.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from coordinator.core.money import MoneyError, to_minor

MAX_LENGTH = 500  # characters
MAX_DEPTH = 20  # brackets within brackets

Lookup = Callable[[str, str], object | None]
"""`lookup(topic, id)`: the entity as the state holds it, or None."""

THINGS: dict[str, tuple[str, tuple[str, ...]]] = {  # word -> state topic, what of it can be compared
    "coupon": ("coupons", ("left", "claimed", "redeemed")),
    "product": ("products", ("stock", "sold")),
    "group": ("groups", ("members", "messages", "joins", "leaves", "removed")),
}
MONEY_FIGURES = frozenset({"sales_created", "sales_paid", "sales_net", "discount"})
FIGURES = MONEY_FIGURES | {
    *("messages", "people", "joins", "leaves", "removed", "members", "clicks", "claims", "redemptions"),
    *("questions", "questions_open", "orders", "orders_paid", "buyers"),
}

_SIGNS: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
_SAME_SIGN = {"=": "==", "≤": "<=", "≥": ">=", "≠": "!="}
_FULL_WIDTH = str.maketrans("（）！＜＞＝％“”", '()!<>=%""')
_TOKEN = re.compile(
    r'\s*(?:(?P<sign><=|>=|==|!=|[<>=≤≥≠])|(?P<bracket>[()])|"(?P<quoted>[^"]*)"|(?P<word>[^\s<>=≤≥≠!()"]+)|(?P<bad>\S))'
)
_WHOLE = re.compile(r"[0-9]{1,15}")
_PERCENT = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,3}))?\s*%")


class ConditionError(ValueError):
    """The text is no condition. `position` counts its characters from 0; `str(error)` says what to do."""

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message if position is None else f"at character {position + 1}: {message}")
        self.position = position


@dataclass(frozen=True, slots=True)
class _Compare:
    topic: str
    id: str
    field: str
    sign: str
    value: int
    scale: int | None = None  # set for a percentage: the value is in 1/scale of the entity's quantity

    def holds(self, lookup: Lookup) -> bool:
        entity = lookup(self.topic, self.id)
        actual = getattr(entity, self.field, None)
        if actual is None:
            return False
        if self.scale is None:
            return _SIGNS[self.sign](actual, self.value)
        quantity = getattr(entity, "quantity", None)
        if not quantity:
            return False
        return _SIGNS[self.sign](actual * self.scale, self.value * quantity)  # whole numbers: no rounding at the edge


@dataclass(frozen=True, slots=True)
class _Join:
    how: Literal["and", "or"]
    parts: tuple[_Node, ...]

    def holds(self, lookup: Lookup) -> bool:
        if self.how == "and":
            return all(part.holds(lookup) for part in self.parts)
        return any(part.holds(lookup) for part in self.parts)


_Node = _Compare | _Join


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that was read. `reads` are the (topic, id) whose change can change the answer."""

    text: str
    node: _Node
    reads: frozenset[tuple[str, str]]

    def holds(self, lookup: Lookup) -> bool:
        """Whether it is true of the state that `lookup` answers from."""
        return self.node.holds(lookup)


class _Parser:
    def __init__(self, text: str, currency: str) -> None:
        self.currency = currency
        self.reads: set[tuple[str, str]] = set()
        self.at = 0
        self.tokens: list[tuple[str, str, int]] = []
        for found in _TOKEN.finditer(text):
            kind = found.lastgroup or "bad"
            if kind == "bad":
                what = "this quote is never closed" if found[kind] == '"' else f"a stray {found[kind]!r}"
                raise ConditionError(f"{what}; write for example: coupon c20 left <= 10%", found.start(kind))
            self.tokens.append((kind, found[kind], found.start(kind)))
        self.tokens.append(("end", "", len(text)))

    def take(self, kind: str, what: str) -> tuple[str, int]:
        found, text, position = self.tokens[self.at]
        if found != kind:
            raise ConditionError(f"expected {what} here" + (f", not {text[:40]!r}" if text else ""), position)
        self.at += 1
        return text, position

    def peek(self, kind: str, text: str) -> bool:
        return self.tokens[self.at][:2] == (kind, text)

    def condition(self) -> _Node:
        node = self.joined("or", 0)
        kind, text, position = self.tokens[self.at]
        if kind != "end":
            raise ConditionError(f"expected and, or or the end here, not {text[:40]!r}", position)
        return node

    def joined(self, how: Literal["and", "or"], depth: int) -> _Node:
        parts: list[_Node] = []
        while True:
            parts.append(self.joined("and", depth) if how == "or" else self.single(depth))
            if not self.peek("word", how):
                return parts[0] if len(parts) == 1 else _Join(how, tuple(parts))
            self.at += 1

    def single(self, depth: int) -> _Node:
        if not self.peek("bracket", "("):
            return self.comparison()
        if depth >= MAX_DEPTH:
            raise ConditionError(
                f"more than {MAX_DEPTH} brackets within each other; write it flatter", self.tokens[self.at][2]
            )
        self.at += 1
        node = self.joined("or", depth + 1)
        if not self.peek("bracket", ")"):
            raise ConditionError("a bracket is not closed; add )", self.tokens[self.at][2])
        self.at += 1
        return node

    def comparison(self) -> _Node:
        word, position = self.take("word", "coupon, product, group, figures or the name of a figure")
        topic, id_ = "figures", "sale"
        if word in THINGS:
            topic, fields = THINGS[word]
            id_, _ = self.take("word", f"the {word}'s id")
            field, where = self.take("word", f"one of {', '.join(fields)}")
            if field not in fields:
                raise ConditionError(
                    f"a {word} has no {field[:40]!r} to compare; write one of {', '.join(fields)}", where
                )
        else:
            field = word
            if word == "figures":
                field, position = self.take("word", "the name of a figure")
            if field not in FIGURES:
                known = ", ".join(sorted(FIGURES))
                raise ConditionError(
                    f"{field[:40]!r} is no figure; write coupon, product, group, or one of {known}", position
                )
        sign, _ = self.take("sign", "one of < <= > >= == !=")
        self.reads.add((topic, id_))
        return self.against(topic, id_, field, _SAME_SIGN.get(sign, sign))

    def against(self, topic: str, id_: str, field: str, sign: str) -> _Compare:
        kind, text, position = self.tokens[self.at]
        if kind not in {"word", "quoted"}:
            raise ConditionError("expected a number here" + (f", not {text!r}" if text else ""), position)
        self.at += 1
        if self.peek("word", "%"):  # 10 % with a space
            text, self.at = text + "%", self.at + 1
        if topic == "figures" and field in MONEY_FIGURES:
            try:
                return _Compare(topic, id_, field, sign, to_minor(text, self.currency))
            except MoneyError as error:
                raise ConditionError(str(error), position) from None
        if text.endswith("%"):
            if topic != "coupons":
                raise ConditionError(
                    f"a percentage needs a quantity, which {field!r} lacks; write a whole number", position
                )
            found = _PERCENT.fullmatch(text)
            if found is None:
                raise ConditionError(f"{text[:40]!r} is no percentage; write for example 10% or 2.5%", position)
            part = found[2] or ""
            return _Compare(topic, id_, field, sign, int(found[1] + part), 100 * 10 ** len(part))
        if not _WHOLE.fullmatch(text):
            raise ConditionError(f"{text[:40]!r} is no whole number; write for example 20", position)
        return _Compare(topic, id_, field, sign, int(text))


@lru_cache(maxsize=2048)
def _parsed(text: str, currency: str) -> Condition:
    parser = _Parser(text.translate(_FULL_WIDTH), currency)
    return Condition(text, parser.condition(), frozenset(parser.reads))


def parse(text: str, currency: str = "CNY") -> Condition:
    """Read a condition; money in it is of that currency. Raises `ConditionError`, nothing else, whatever comes."""
    if not isinstance(text, str):
        raise ConditionError("a condition is text such as: coupon c20 left <= 10%")
    if len(text) > MAX_LENGTH:
        raise ConditionError(f"longer than {MAX_LENGTH} characters; make it several cues", MAX_LENGTH)
    return _parsed(text, currency)
