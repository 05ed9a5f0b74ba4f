"""A rule set as the core has it: read and checked outside, from data, compiled once, and never changed.

What a rule looks for in texts are its terms and patterns; what it counts are its limits. Rules are practice, not
legal advice; each says what it rests on.
"""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from itertools import islice
from typing import Literal, NamedTuple

import msgspec

from coordinator.core.matching import Hit, Places, Span, Terms, folded, readable

FLOOR = "FLOOR"  # the rule about what members say; all others are about what is sent
MOST = 10  # places that one pattern is told of: nobody reads more

Severity = Literal["block", "warn", "inform"]


class Words(msgspec.Struct, frozen=True):
    """The same said in both languages. `{term}` stands for what was found."""

    zh: str
    en: str


class TermList(msgspec.Struct, frozen=True, kw_only=True):
    """Words that mean the same to a rule. An exception is a longer word in which one of them is meant otherwise."""

    severity: Severity
    words: tuple[str, ...]
    exceptions: tuple[str, ...] = ()
    whole: bool = False  # only where nothing stands between its signs: 极品, but not 很积极 品质好
    shows: int = 0  # so many signs behind it are shown too, for a term of one sign
    says: Words
    do: Words
    about: str = ""  # what else a rule needs to know them by, such as `experience`


class PatternList(msgspec.Struct, frozen=True, kw_only=True):
    """Regular expressions over the readable form of a text."""

    severity: Severity
    patterns: tuple[str, ...]
    number: bool = False  # each is about a number in digits
    says: Words
    do: Words
    about: str = ""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    law: Words  # the law and its article, the platform's rule, or the trade's practice
    terms: tuple[TermList, ...] = ()
    patterns: tuple[PatternList, ...] = ()
    limits: dict[str, int] = {}


class Platform(msgspec.Struct, frozen=True, kw_only=True):
    """What a chat platform takes."""

    per_minute: int | None = None  # into one group
    text_bytes: int | None = None  # of UTF-8
    text_signs: int | None = None
    image_bytes: int | None = None


class RuleSet(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    version: str
    title: Words
    rules: dict[str, Rule]
    platforms: dict[str, Platform] = {}


class Fault(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is to be said of a text. `message` and `zh` say what, why and what to do; `at` is where it stands."""

    rule: str
    severity: Severity
    term: str
    message: str
    zh: str
    law: Words | None = None
    at: tuple[int, int] | None = None
    about: str = ""


class _Term(NamedTuple):
    rule: Rule
    of: TermList


class _Pattern(NamedTuple):
    rule: Rule
    of: PatternList
    regex: re.Pattern[str]


class Judge:
    """A rule set, compiled. It judges texts; who asks says which rules are meant."""

    def __init__(self, rules: RuleSet, *, floor: bool = False) -> None:
        self.rules, self.name, self.version = rules, rules.name, rules.version
        terms: dict[str, list[_Term]] = {}
        exceptions: set[str] = set()
        self._patterns: dict[str, list[_Pattern]] = {}
        for rule in rules.rules.values():
            if (rule.id == FLOOR) is not floor:
                continue
            for words in rule.terms:
                exceptions.update(words.exceptions)
                for word in words.words:
                    terms.setdefault(word, []).append(_Term(rule, words))
            self._patterns[rule.id] = [
                _Pattern(rule, each, re.compile(regex)) for each in rule.patterns for regex in each.patterns
            ]
        self._terms: Terms[tuple[_Term, ...]] = Terms(
            [*((word, ()) for word in sorted(exceptions)), *((word, tuple(of)) for word, of in terms.items())]
        )

    def __len__(self) -> int:
        return len(self._terms)

    @cached_property
    def floor(self) -> Judge:
        """What members' words are looked at by, thousands a second: FLOOR alone, which no text of the team is judged by."""
        return Judge(self.rules, floor=True)

    def limit(self, rule: str, name: str) -> int | None:
        """A number of a rule; None where the set has none, which is no limit."""
        found = self.rules.rules.get(rule)
        return None if found is None else found.limits.get(name)

    def terms(self, text: str, rules: frozenset[str], exceptions: tuple[str, ...] = ()) -> list[Fault]:
        """The terms of these rules that stand in a text: each once. `exceptions` are a brand's own words."""
        form = folded(text)
        hits = self._terms.find(form)
        if not hits:
            return []
        own = _own(exceptions).find(form) if exceptions else []
        places = Places(text, of_folded=True)
        found: dict[tuple[str, str], Fault] = {}
        for hit in hits:
            if any(each.start <= hit.start and hit.end <= each.end for each in own):
                continue
            for term in hit.of:
                if term.rule.id in rules and (fault := _judged(term, hit, text, form, places)) is not None:
                    found.setdefault((fault.rule, fault.term), fault)
        return list(found.values())

    def patterns(self, text: str, rule: str) -> list[Fault]:
        """What a rule's patterns find in a text. Those about a number are not asked of a text without one."""
        form = readable(text)
        counts = any(c.isdigit() for c in form)
        found = [
            (each, match)
            for each in self._patterns.get(rule, ())
            if counts or not each.of.number
            for match in islice(each.regex.finditer(form), MOST)
        ]
        if not found:
            return []
        places = Places(text, of_folded=False)
        faults = []
        for each, match in found:
            at = places.span(match.start(), match.end())
            faults.append(fault(each.rule, each.of, text[at.start : at.end].strip(), at))
        return faults

    def of(self, rule: str) -> Rule | None:
        return self.rules.rules.get(rule)


def fault(rule: Rule, of: TermList | PatternList, term: str, at: Span | None) -> Fault:
    said, do = of.says, of.do
    return Fault(
        rule=rule.id,
        severity=of.severity,
        term=term,
        message=f"{said.en} ({rule.law.en}); {do.en}".replace("{term}", term),
        zh=f"{said.zh} ({rule.law.zh}); {do.zh}".replace("{term}", term),
        law=rule.law,
        at=at,
        about=of.about,
    )


def _judged(term: _Term, hit: Hit[tuple[_Term, ...]], text: str, form: str, places: Places) -> Fault | None:
    at = places.span(hit.start, hit.end)
    if term.of.whole and at.end - at.start != hit.end - hit.start:
        return None
    # A Latin word is not found within another: `best` is no part of bestow.
    if _latin(form[hit.start]) and at.start > 0 and _latin(text[at.start - 1]):
        return None
    if _latin(form[hit.end - 1]) and at.end < len(text) and _latin(text[at.end]):
        return None
    shown = form[hit.start : min(len(form), hit.end + term.of.shows)]
    return fault(term.rule, term.of, shown, at)


def _latin(sign: str) -> bool:
    return sign.isascii() and sign.isalnum()


@lru_cache(maxsize=256)
def _own(exceptions: tuple[str, ...]) -> Terms[None]:
    return Terms((word, None) for word in exceptions)
