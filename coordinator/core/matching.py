"""Finding terms in a text however they are written: the forms in which is looked, and the look itself.

`folded` is for terms: NFKC, traditional characters made simplified, case folded, and everything that can stand
between the signs of a word (spaces, dashes, zero-width signs, emoji) left out, so that 最 佳, 最·佳, ＢＥＳＴ and 國家級
are found like 最佳, best and 国家级. What ends a clause stays: 很积极, 品质好 holds no 极品. `readable` is for patterns
that need the spaces: NFKC and simplified, without what nobody sees. Both go sign by sign, so that every place in a
form has its place in the text, and both are the same when they are made twice.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, TypeVar

from coordinator.core.simplified import SIMPLIFIED

_STOPS = frozenset(",。!?;:、\n")  # a word does not go on behind them
_MEANT = frozenset("%+")  # punctuation that says something: 100%
_BETWEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Me", "Mn", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps",
                      "Sk", "Sm", "So", "Zl", "Zp", "Zs"})  # fmt: skip
_UNSEEN = frozenset({"Cf", "Cn", "Co", "Cs", "Me", "Mn"})
_KEPT = 50_000  # signs whose form is remembered: all that are in use; a text of odd ones is no reason to keep more

T = TypeVar("T")


class _Signs(dict[str, str]):
    """Sign → its form, made when it is first asked for."""

    def __init__(self, form: Callable[[str], str]) -> None:
        super().__init__()
        self._form = form

    def __missing__(self, sign: str) -> str:
        made = self._form(sign)
        if len(self) < _KEPT:
            self[sign] = made
        return made


def _fold(sign: str) -> str:
    if sign in _STOPS:
        return sign
    made = "".join(SIMPLIFIED.get(c, c) for c in unicodedata.normalize("NFKC", sign).casefold())
    made = "".join(c for c in made if c in _STOPS or c in _MEANT or unicodedata.category(c) not in _BETWEEN)
    return made if made == sign else "".join(map(_fold, made))


def _read(sign: str) -> str:
    if unicodedata.category(sign) in _UNSEEN:
        return ""
    made = "".join(SIMPLIFIED.get(c, c) for c in unicodedata.normalize("NFKC", sign))
    return made if made == sign else "".join(map(_read, made))


_FOLDED, _READABLE = _Signs(_fold), _Signs(_read)


def folded(text: str) -> str:
    """The form in which terms are looked for."""
    return "".join(map(_FOLDED.__getitem__, text))


def readable(text: str) -> str:
    """The form in which patterns are looked for."""
    return "".join(map(_READABLE.__getitem__, text))


class Span(NamedTuple):
    """A part of a text: from `start` to before `end`."""

    start: int
    end: int


class Places:
    """From places in a form back to those in the text. Made only where something was found."""

    def __init__(self, text: str, *, of_folded: bool) -> None:
        signs = _FOLDED if of_folded else _READABLE
        self._at: list[int] | None = None
        if any(len(signs[c]) != 1 for c in text):
            self._at = [i for i, c in enumerate(text) for _ in signs[c]]

    def span(self, start: int, end: int) -> Span:
        if self._at is None or start >= end:
            return Span(start, end)
        return Span(self._at[start], self._at[end - 1] + 1)


class Hit(NamedTuple, Generic[T]):
    """A term that stands in a folded text."""

    start: int
    end: int
    of: T


class Terms(Generic[T]):
    """Many terms, looked for at once: at each place the longest that stands there.

    Where a term's first sign is found, its longer neighbours are looked up by their length; a text of 2,000 signs and
    500 terms takes half a millisecond (bench, `checks`).
    """

    def __init__(self, terms: Iterable[tuple[str, T]]) -> None:
        self._of: dict[str, T] = {}
        lengths: dict[str, set[int]] = {}
        for term, of in terms:
            form = folded(term)
            if form:
                self._of[form] = of
                lengths.setdefault(form[0], set()).add(len(form))
        self._lengths = {sign: tuple(sorted(found, reverse=True)) for sign, found in lengths.items()}
        self._begins = re.compile(f"[{re.escape(''.join(lengths))}]" if lengths else r"(?!)")

    def __len__(self) -> int:
        return len(self._of)

    def find(self, form: str) -> list[Hit[T]]:
        """What stands in a folded text, in its order; what lies within another is left out."""
        hits: list[Hit[T]] = []
        covered = 0
        lengths, of = self._lengths, self._of
        for begin in self._begins.finditer(form):
            start = begin.start()
            for length in lengths[form[start]]:
                part = form[start : start + length]
                if part in of:  # at the end of the text it may be shorter than asked for, and a term all the same
                    if start + len(part) > covered:
                        covered = start + len(part)
                        hits.append(Hit(start, covered, of[part]))
                    break
        return hits
