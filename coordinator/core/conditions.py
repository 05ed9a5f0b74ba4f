"""The language of conditions: what stands behind `when:` in a sheet.

    coupon c20 left <= 10%          orders of pan >= 50             questions waiting > 10
    sales_paid >= "5000.00"         segment over by 30s             member joined and not coupon c20 stopped

The grammar is `conditions.lark`; what can be read is declared by each topic (`readings`); what comes of it is a tree of
`comparisons`. Whatever a text holds, reading it takes a bounded time: it is short, and its brackets are counted before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from coordinator.core.comparisons import SIGNS, Compare, Condition, Happens, Is, Join, Named, Node, Not
from coordinator.core.kernel import Key
from coordinator.core.money import MoneyError, to_minor
from coordinator.core.readings import HAPPENINGS, PHRASES, THINGS, Kind, Reading, Value, of_all, of_one

if TYPE_CHECKING:
    from lark import Lark, Token, Tree

MAX_LENGTH = 600  # characters, as a sheet's `when`
MAX_DEPTH = 20  # brackets within brackets
SCALE = 100_000  # factors are whole numbers of this: a percentage has up to three digits behind its point

_SAME_SIGN = {"=": "==", "≤": "<=", "≥": ">=", "≠": "!="}
_FULL_WIDTH = str.maketrans("（）！＜＞＝％＋“”", '()!<>=%+""')
_WHOLE = re.compile(r"[0-9]{1,15}")
_PERCENT = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,3}))?\s*%")
_LENGTH = re.compile(r"(?:[0-9]{1,9}(?:ms|min|[smhd]))+")
_LENGTH_PART = re.compile(r"([0-9]+)([a-z]+)")
_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_EXAMPLES = {"count": "20", "money": '"5000.00"', "length": "30s"}


class ConditionError(ValueError):
    """The text is no condition. `position` counts its characters from 0; `str(error)` says what to do."""

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message if position is None else f"at character {position + 1}: {message}")
        self.position = position


# ---------------------------------------------------------------- from text to a tree
@cache
def _parser() -> Lark:
    """Made once, when the first condition is read: a program that reads none does not wait for the library."""
    from lark import Lark

    words = "|".join(sorted((re.escape(t.word) for t in THINGS.values() if t.id_needed), key=len, reverse=True))
    grammar = files("coordinator.core").joinpath("conditions.lark").read_text("utf-8")
    thing = f'THING.3: /(?:{words})(?![^\\s<>=≤≥≠!()"])/'
    return Lark(f"{grammar}\n{thing}\n", parser="lalr", maybe_placeholders=False)


def _tree(text: str) -> Tree[Token]:
    from lark import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

    depth = 0
    for position, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth > MAX_DEPTH:
            raise ConditionError(f"more than {MAX_DEPTH} brackets within each other; write it flatter", position)
    try:
        return _parser().parse(text)
    except UnexpectedToken as error:
        at_end = error.token.type == "$END"
        found = "" if at_end else f", not {str(error.token)[:40]!r}"
        position = len(text) if at_end else error.token.start_pos
        stack = error.interactive_parser.parser_state.value_stack if error.interactive_parser else []
        before = [each for each in stack if isinstance(each, str)]
        raise ConditionError(f"expected {_wanted(error.accepts or set(), before)} here{found}", position) from None
    except UnexpectedCharacters as error:
        position = error.pos_in_stream or 0
        sign = text[position]
        what = "this quote is never closed" if sign == '"' else f"a stray {sign!r}"
        message = f"{what}; write for example: coupon c20 left <= 10%"
        raise ConditionError(message, position) from None
    except UnexpectedInput as error:
        raise ConditionError("this cannot be read", error.pos_in_stream or 0) from None


def _wanted(accepts: set[str], before: list[str]) -> str:
    """What could stand where something else stands, in plain words."""
    if accepts == {"WORD"}:
        if before and before[-1] in THINGS:
            return f"the {before[-1]}'s id"
        if len(before) > 1 and before[-2] in THINGS:
            return f"one of {', '.join(THINGS[before[-2]].fields)}"
        return "an id"
    if "NOT" in accepts:
        return _beginnings()
    if "VALUE" in accepts:
        return "a number, or what it is compared with," if "WORD" in accepts else "a length such as 30s"
    if "RPAR" in accepts and "SIGN" not in accepts:
        return "and, or, or a ) that closes the bracket"
    if "SIGN" in accepts:
        return "one of < <= > >= == !="
    return "and, or or the end"


def _beginnings() -> str:
    """What a condition can begin with."""
    words = {words[0] for words in PHRASES if len(words) > 1} | {what for what, _ in HAPPENINGS}
    figures = sorted(words[0] for words in PHRASES if len(words) == 1)
    return f"{', '.join([*THINGS, *sorted(words - THINGS.keys())])}, or one of {', '.join(figures)}"


# ---------------------------------------------------------------- from a tree to a condition
@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a sum: a number as it is written, or what is read, times a factor in parts of SCALE."""

    factor: int
    position: int
    amount: str = ""
    reading: Reading | None = None
    id: str = ""


class _Reader:
    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.reads: set[Key] = set()
        self.happenings: set[str] = set()
        self.names: list[Named] = []
        self.timed = False

    def node(self, tree: Tree[Token]) -> Node:
        inner = _trees(tree)
        match tree.data:
            case "either" | "both":
                parts = tuple(self.node(each) for each in inner)
                return parts[0] if len(parts) == 1 else Join(tree.data == "either", parts)
            case "single":
                node = self.node(inner[0])
                return Not(node) if len(_tokens(tree)) % 2 else node
            case "stands":
                return self.stands(inner[0])
            case "by":
                return self.over_by(inner[0], _tokens(tree)[0])
        (sign,) = _tokens(tree)
        return self.comparison(inner[0], _SAME_SIGN.get(sign, sign), inner[1])

    # -------- words
    def stands(self, tree: Tree[Token]) -> Node:
        """What is written without a comparison."""
        words = _tokens(tree)
        happening = HAPPENINGS.get((words[0], words[1])) if len(words) == 2 and tree.data == "reading" else None
        if happening is not None:
            self.happenings.add(happening[0])
            return Happens(happening[0])
        reading, id_ = self.reading(tree)
        if reading.kind != "truth":
            message = f"compare it here with one of < <= > >= == !=, for example <= {_EXAMPLES[reading.kind]}"
            raise ConditionError(message, _end_of(words[-1]))
        return Is(reading.value, id_)

    def reading(self, tree: Tree[Token]) -> tuple[Reading, str]:
        """What the words read, and of which id."""
        words = _tokens(tree)
        found, id_ = self._of(*words) if tree.data == "of" else self._words(words)
        self.reads.update(found.keys)
        self.timed = self.timed or found.clock != 0
        return found, id_

    def _of(self, name: Token, id_: Token) -> tuple[Reading, str]:
        having = [t for t in THINGS.values() if name in t.fields]
        if not having:
            raise ConditionError(f"nothing has {name[:40]!r} to compare", name.start_pos)
        if len(having) > 1:
            ways = ", ".join(f"{t.word} {id_[:40]} {name}" for t in having)
            raise ConditionError(f"several things have {name[:40]!r}; write one of {ways}", name.start_pos)
        return self._one(having[0].word, id_, name)

    def _words(self, words: list[Token]) -> tuple[Reading, str]:
        if words[0] == "figures" and len(words) == 2:
            words = words[1:]
        first, *rest = words
        phrase = PHRASES.get(tuple(words))
        if phrase is not None:
            return phrase, ""
        things = THINGS.get(first)
        if things is None:
            raise self._unknown(first, rest)
        known = ", ".join([*things.fields, *(w[1] for w in PHRASES if len(w) == 2 and w[0] == first)])
        if not rest:
            raise ConditionError(f"expected the {first}'s id, or one of {known} here", _end_of(first))
        if len(rest) == 2:
            return self._one(first, rest[0], rest[1])
        (name,) = rest
        found = of_all(things, name) if name in things.fields else None
        if found is None:
            if name in things.fields:
                raise ConditionError(f"it needs an id: write {first} ID {name}", name.start_pos)
            raise ConditionError(f"a {first} has no {name[:40]!r} to compare; write one of {known}", name.start_pos)
        return found, ""

    def _unknown(self, first: Token, rest: list[Token]) -> ConditionError:
        verbs = [w[1] for w in (*HAPPENINGS, *PHRASES) if len(w) == 2 and w[0] == first]
        if rest and (first,) in PHRASES:
            wanted = " or ".join([*verbs, "one of < <= > >= == !="])
            return ConditionError(f"expected {wanted} here, not {rest[0][:40]!r}", rest[0].start_pos)
        if verbs:
            where = rest[0].start_pos if rest else _end_of(first)
            return ConditionError(f"expected {' or '.join(verbs)} behind {first}", where)
        message = (
            f"{first[:40]!r} is no whole number, no figure and nothing else that can be read; write {_beginnings()}"
        )
        return ConditionError(message, first.start_pos)

    def _one(self, word: str, id_: Token, name: Token) -> tuple[Reading, str]:
        things = THINGS[word]
        if name not in things.fields:
            known = ", ".join(things.fields)
            raise ConditionError(f"a {word} has no {name[:40]!r} to compare; write one of {known}", name.start_pos)
        self.names.append(Named(word, things.topic, str(id_), id_.start_pos or 0))
        return of_one(things, str(name), str(id_)), str(id_)

    # -------- comparisons
    def over_by(self, tree: Tree[Token], length: Token) -> Node:
        """`segment over by 30s`: it has been over for so long."""
        reading, id_ = self.reading(tree)
        if reading.kind != "length":
            message = f"by stands before a length of time, and this is a {reading.kind}; write >= instead"
            raise ConditionError(message, length.start_pos)
        part = _Part(SCALE, 0, reading=reading, id=id_)
        return self.compared([part, _Part(-SCALE, length.start_pos or 0, amount=str(length))], ">=", "length")

    def comparison(self, left: Tree[Token], sign: str, right: Tree[Token]) -> Node:
        parts = [*self.sum(left, SCALE), *self.sum(right, -SCALE)]
        read = [part for part in parts if part.reading is not None]
        kinds: list[Kind] = []
        for part in read:
            if part.reading is not None and part.reading.kind not in kinds:
                kinds.append(part.reading.kind)
        if not kinds:
            raise ConditionError(f"nothing is read here; begin with {_beginnings()}", parts[0].position)
        if "truth" in kinds:
            raise ConditionError("what is so or not is written alone, without a comparison", read[0].position)
        if len(kinds) > 1:
            raise ConditionError(f"a {kinds[1]} cannot be compared with a {kinds[0]}", read[1].position)
        return self.compared(parts, sign, kinds[0])

    def sum(self, tree: Tree[Token], scale: int) -> Iterator[_Part]:
        sign = 1
        for each in tree.children:
            if isinstance(each, str):
                sign = -1 if each == "-" else 1
                continue
            tokens, inner = _tokens(each), _trees(each)
            if not inner:
                yield _Part(sign * scale, tokens[0].start_pos or 0, amount=tokens[0].replace('"', ""))
                continue
            reading, id_ = self.reading(inner[0])
            position = _tokens(inner[0])[0].start_pos or 0
            factor = sign * scale
            if each.data == "share":
                factor = factor // SCALE * _percent(str(tokens[0]), tokens[0].start_pos)
            yield _Part(factor, position, reading=reading, id=id_)

    def compared(self, parts: list[_Part], sign: str, kind: Kind) -> Compare:
        terms: list[tuple[int, Value, str]] = []
        clock = constant = 0
        for part in parts:
            if part.reading is not None:
                turned = part.factor * part.reading.clock  # of an instant: how the sum grows with the time
                clock += turned
                terms.append((-turned if turned else part.factor, part.reading.value, part.id))
            elif part.amount.endswith("%"):
                of = [each for each in parts if each.reading is not None]
                whole = of[0].reading.whole if len(of) == 1 and of[0].reading is not None else None
                if whole is None:
                    message = "a percentage needs a quantity that it is of; write a whole number, or for example 10% of orders"
                    raise ConditionError(message, part.position)
                terms.append((part.factor // SCALE * _percent(part.amount, part.position), whole, of[0].id))
            else:
                constant += part.factor * self.number(part, kind)
        return Compare(tuple(terms), clock, constant, SIGNS[sign])

    def number(self, part: _Part, kind: Kind) -> int:
        text, position = part.amount, part.position
        if kind == "money":
            try:
                return to_minor(text, self.currency)
            except MoneyError as error:
                raise ConditionError(str(error), position) from None
        if kind == "length":
            if not _LENGTH.fullmatch(text):
                raise ConditionError(
                    f"{text[:40]!r} is no length of time; write for example 30s, 5m or 1h30m", position
                )
            return sum(int(number) * _UNITS_MS[unit] for number, unit in _LENGTH_PART.findall(text))
        if not _WHOLE.fullmatch(text):
            raise ConditionError(f"{text[:40]!r} is no whole number; write for example 20", position)
        return int(text)


def _percent(text: str, position: int | None) -> int:
    """In parts of SCALE: 2.5% of 100,000 is 2,500."""
    found = _PERCENT.fullmatch(text)
    if found is None:
        raise ConditionError(f"{text[:40]!r} is no percentage; write for example 10% or 2.5%", position)
    return int(found[1] + (found[2] or "").ljust(3, "0"))


def _trees(tree: Tree[Token]) -> list[Tree[Token]]:
    return [each for each in tree.children if not isinstance(each, str)]


def _tokens(tree: Tree[Token]) -> list[Token]:
    return [each for each in tree.children if isinstance(each, str)]


def _end_of(token: Token) -> int:
    return (token.start_pos or 0) + len(token)


@lru_cache(maxsize=2048)
def _parsed(text: str, currency: str) -> Condition:
    reader = _Reader(currency)
    node = reader.node(_tree(text.translate(_FULL_WIDTH)))
    return Condition(
        text, node, frozenset(reader.reads), frozenset(reader.happenings), reader.timed, tuple(reader.names)
    )  # fmt: skip


def parse(text: str, currency: str = "CNY") -> Condition:
    """Read a condition; money in it is of that currency. Raises `ConditionError`, nothing else, whatever comes."""
    if not isinstance(text, str):
        raise ConditionError("a condition is text such as: coupon c20 left <= 10%")
    if len(text) > MAX_LENGTH:
        raise ConditionError(f"longer than {MAX_LENGTH} characters; make it several cues", MAX_LENGTH)
    return _parsed(text, currency)
