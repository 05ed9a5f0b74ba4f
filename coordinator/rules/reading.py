"""Reading a rule set: a YAML file, checked by field, made what the core takes.

A set may extend another: it adds lists to its rules, changes limits, takes rules off (`off: [INDUCE]`) or gives a rule
another severity (`severity: {INDUCE: inform}`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from coordinator.core import rules
from coordinator.core.matching import folded
from coordinator.core.rules import Judge, RuleSet
from coordinator.errors import DropcueError

RuleId = Literal[
    "AD-ABS", "AD-LABEL", "SHILL", "FAKE-COUNT", "PRICE", "SCARCE", "PRIZE", "INDUCE", "RATE", "DUP", "PII", "LENGTH", "PLAN", "FLOOR",
]  # fmt: skip
Severity = Literal["block", "warn", "inform"]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Said = Annotated[str, StringConstraints(min_length=1, max_length=400)]
Term = Annotated[str, StringConstraints(min_length=1, max_length=60)]

MAY_BLOCK = frozenset({"AD-ABS", "AD-LABEL", "SHILL", "PII", "PRIZE", "PLAN"})
"""The rules that can keep a text back; all else warns or informs."""


class RulesError(DropcueError):
    """A rule set that cannot be used: which file, where in it, and what to do."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Words(_Part):
    zh: Said
    en: Said

    def made(self) -> rules.Words:
        return rules.Words(zh=self.zh, en=self.en)


class _List(_Part):
    severity: Severity
    says: _Words | None = None
    do: _Words | None = None
    about: str = ""


class _Terms(_List):
    words: Annotated[list[Term], Field(min_length=1, max_length=2000)]
    except_: Annotated[list[Term], Field(alias="except", max_length=2000)] = []
    whole: bool = False
    shows: Annotated[int, Field(ge=0, le=10)] = 0


class _Patterns(_List):
    patterns: Annotated[list[Said], Field(min_length=1, max_length=100)]
    number: bool = False


class _Rule(_Part):
    law: _Words | None = None
    says: _Words | None = None
    do: _Words | None = None
    terms: list[_Terms] = []
    patterns: list[_Patterns] = []
    limits: dict[str, Annotated[int, Field(ge=0)]] = {}


class _Platform(_Part):
    per_minute: Annotated[int, Field(ge=1)] | None = None
    text_bytes: Annotated[int, Field(ge=1)] | None = None
    text_signs: Annotated[int, Field(ge=1)] | None = None
    image_bytes: Annotated[int, Field(ge=1)] | None = None


class _Set(_Part):
    set: Name
    version: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    title: _Words
    extends: Name | None = None
    off: list[RuleId] = []
    severity: dict[RuleId, Severity] = {}
    rules: dict[RuleId, _Rule] = {}
    platforms: dict[Name, _Platform] = {}


def read_rules(path: Path, base: Callable[[str], Judge]) -> RuleSet:
    """The set that a file holds. Raises `RulesError`, which names the file and the place in it."""
    from coordinator.runsheet.source import SourceError, from_yaml  # which needs the rules to check sheets by

    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise RulesError(f"{path} cannot be read ({e})") from None
    try:
        source = from_yaml(text)
        given = _Set.model_validate(source.value)
    except SourceError as e:
        raise RulesError(f"{path}, line {e.line or 1}: {e}") from None
    except ValidationError as e:
        first = e.errors(include_url=False, include_input=False)[0]
        line = source.line(tuple(first["loc"]))
        where = ".".join(str(each) for each in first["loc"])
        raise RulesError(f"{path}, line {line or 1}: {where}: {first['msg']}") from None
    if given.set != path.stem:
        raise RulesError(f"{path}: its set is called {given.set}; name the file {given.set}.yaml")
    try:
        return _made(given, base)
    except (ValueError, re.error) as e:
        raise RulesError(f"{path}: {e}") from None


def _made(given: _Set, base: Callable[[str], Judge]) -> RuleSet:
    under = base(given.extends).rules if given.extends else None
    made: dict[str, rules.Rule] = dict(under.rules) if under else {}
    for id_, rule in given.rules.items():
        made[id_] = _rule(id_, rule, made.get(id_))
    for off in given.off:
        made.pop(off, None)
    for id_, severity in given.severity.items():
        if id_ in made:
            made[id_] = _with_severity(made[id_], severity)
    for rule_ in made.values():
        severities = {*(each.severity for each in rule_.terms), *(each.severity for each in rule_.patterns)}
        if "block" in severities and rule_.id not in MAY_BLOCK:
            raise ValueError(
                f"{rule_.id} may warn or inform, and not block; blocking are {', '.join(sorted(MAY_BLOCK))}"
            )
    platforms = dict(under.platforms) if under else {}
    for name, platform in given.platforms.items():
        platforms[name] = rules.Platform(**platform.model_dump())
    return RuleSet(
        name=given.set, version=given.version, title=given.title.made(), rules=made, platforms=platforms
    )  # fmt: skip


def _rule(id_: str, given: _Rule, under: rules.Rule | None) -> rules.Rule:
    law = given.law.made() if given.law else under.law if under else None
    if law is None:
        raise ValueError(f"rules.{id_}.law is missing; say what it rests on")

    def told(of: _List) -> dict[str, Any]:  # Any: the fields that all lists have
        says, do = of.says or given.says, of.do or given.do
        if says is None or do is None:
            raise ValueError(f"rules.{id_} needs says and do, for itself or for each of its lists")
        return {"severity": of.severity, "says": says.made(), "do": do.made(), "about": of.about}

    terms = []
    for words in given.terms:
        for word in (*words.words, *words.except_):
            if not folded(word):
                raise ValueError(f"rules.{id_}: {word!r} holds no sign that can be looked for")
        terms.append(
            rules.TermList(
                words=tuple(words.words),
                exceptions=tuple(words.except_),
                whole=words.whole,
                shows=words.shows,
                **told(words),
            )
        )
    patterns = []
    for list_ in given.patterns:
        for pattern in list_.patterns:
            try:
                re.compile(pattern)
            except re.error as e:
                raise ValueError(f"rules.{id_}: the pattern {pattern!r} cannot be read ({e})") from None
        patterns.append(rules.PatternList(patterns=tuple(list_.patterns), number=list_.number, **told(list_)))
    return rules.Rule(
        id=id_,
        law=law,
        terms=(*(under.terms if under else ()), *terms),
        patterns=(*(under.patterns if under else ()), *patterns),
        limits={**(under.limits if under else {}), **given.limits},
    )


def _with_severity(rule: rules.Rule, severity: Severity) -> rules.Rule:
    replace = msgspec.structs.replace
    return replace(
        rule,
        terms=tuple(replace(each, severity=severity) for each in rule.terms),
        patterns=tuple(replace(each, severity=severity) for each in rule.patterns),
    )
