"""Selectors: which groups a drop, a task or a person means.

    all    tier:vip    stage:lead    org:浙江/杭州    tag:kitchen    group:g-12
    !tier:fan          tier:vip | tag:kitchen         org:浙江 & (tier:vip | tier:member)

`!` binds before `&`, `&` before `|`. A value with spaces or signs stands in quotes: `tag:"new & hot"`.
The full-width signs of a Chinese keyboard （）！＆｜： are read like the others.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Protocol

MAX_LENGTH = 1000  # characters: three hundred single groups are better given as a list
MAX_DEPTH = 20  # brackets within brackets: what a person can still read, and far below Python's own limit

KEYS = ("tier", "stage", "org", "tag", "group")
_KNOWN = "all, " + ", ".join(f"{key}:…" for key in KEYS)

_FULL_WIDTH = str.maketrans("（）！＆｜：“”", '()!&|:""')
_TOKEN = re.compile(r'\s*(?:(?P<sign>[&|!()])|(?P<term>[^\s&|!()":]+(?:\s*:\s*(?:"[^"]*"|[^\s&|!()"]+))?)|(?P<bad>\S))')


class GroupLike(Protocol):
    """What a selector needs to know of a group."""

    @property
    def id(self) -> str: ...
    @property
    def tier(self) -> str: ...
    @property
    def stage(self) -> str: ...
    @property
    def org(self) -> str: ...
    @property
    def tags(self) -> Collection[str]: ...


class SelectorError(ValueError):
    """The text is no selector. `position` counts its characters from 0; `str(error)` says what to do."""

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message if position is None else f"at character {position + 1}: {message}")
        self.position = position


class UnknownGroupsError(SelectorError):
    """Groups were named that the sale does not have; `ids` are theirs."""

    def __init__(self, ids: Iterable[str]) -> None:
        self.ids = tuple(ids)
        named = ", ".join(self.ids[:5]) + (" …" if len(self.ids) > 5 else "")
        super().__init__(f"the sale has no group {named}; name groups that stand in the sheet")


@dataclass(frozen=True, slots=True)
class _All:
    def matches(self, group: GroupLike) -> bool:  # noqa: ARG002  the same call for every node
        return True


@dataclass(frozen=True, slots=True)
class _Is:
    key: str
    value: str

    def matches(self, group: GroupLike) -> bool:
        match self.key:
            case "tier":
                return group.tier == self.value
            case "stage":
                return group.stage == self.value
            case "org":  # a prefix by whole places: 浙江/杭州 holds 浙江/杭州/西湖, not 浙江/杭州湾
                org = group.org.strip("/")
                return org == self.value or org.startswith(self.value + "/")
            case "tag":
                return self.value in group.tags
            case _:
                return group.id == self.value


@dataclass(frozen=True, slots=True)
class _Not:
    inner: _Node

    def matches(self, group: GroupLike) -> bool:
        return not self.inner.matches(group)


@dataclass(frozen=True, slots=True)
class _Join:
    how: Literal["&", "|"]
    parts: tuple[_Node, ...]

    def matches(self, group: GroupLike) -> bool:
        if self.how == "&":
            return all(part.matches(group) for part in self.parts)
        return any(part.matches(group) for part in self.parts)


_Node = _All | _Is | _Not | _Join


@dataclass(frozen=True, slots=True)
class Selector:
    """A selector that was read. `group_ids` are the groups it names one by one, for checks."""

    text: str
    node: _Node
    group_ids: frozenset[str]

    def matches(self, group: GroupLike) -> bool:
        """Whether the group is meant."""
        return self.node.matches(group)


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str, int]] = []
        self.at = 0
        self.group_ids: set[str] = set()
        # Signs are found in the plain form, which is as long as the text; values are taken as they were written.
        for found in _TOKEN.finditer(text.translate(_FULL_WIDTH)):
            kind = found.lastgroup or "bad"
            start = found.start(kind)
            if kind == "bad":
                stray = {'"': "a quote that is not closed or has no key", ":": "a colon without a key or a value"}
                what = stray.get(found[kind], f"a stray {found[kind]!r}")
                raise SelectorError(f"{what}; a selector is made of {_KNOWN}, joined by & | ! and brackets", start)
            self.tokens.append((found[kind] if kind == "sign" else "term", text[start : found.end(kind)], start))
        self.tokens.append(("end", "", len(text)))

    def selector(self) -> _Node:
        node = self.either(0)
        kind, text, position = self.tokens[self.at]
        if kind == ")":
            raise SelectorError("this bracket was never opened; remove it or open one before", position)
        if kind != "end":
            raise SelectorError(f"write & or | before {text!r}", position)
        return node

    def either(self, depth: int) -> _Node:
        return self.joined("|", depth)

    def joined(self, how: Literal["&", "|"], depth: int) -> _Node:
        parts = []
        while True:
            parts.append(self.joined("&", depth) if how == "|" else self.single(depth))
            if self.tokens[self.at][0] != how:
                return parts[0] if len(parts) == 1 else _Join(how, tuple(parts))
            self.at += 1

    def single(self, depth: int) -> _Node:
        negative = False
        while self.tokens[self.at][0] == "!":  # a loop, so that a row of ! costs no depth
            negative = not negative
            self.at += 1
        kind, text, position = self.tokens[self.at]
        self.at += 1
        if kind == "term":
            node = self.term(text, position)
        elif kind == "(":
            if depth >= MAX_DEPTH:
                raise SelectorError(f"more than {MAX_DEPTH} brackets within each other; write it flatter", position)
            node = self.either(depth + 1)
            if self.tokens[self.at][0] != ")":
                raise SelectorError("this bracket is never closed; add )", position)
            self.at += 1
        elif kind == "end":
            raise SelectorError(f"something is missing here; write one of {_KNOWN}", position)
        else:
            raise SelectorError(f"expected one of {_KNOWN} here, not {text!r}", position)
        return _Not(node) if negative else node

    def term(self, text: str, position: int) -> _Node:
        key, colon, _ = text.translate(_FULL_WIDTH).partition(":")
        value = text[len(key) + 1 :].strip().strip('"“”')
        key = key.strip()
        if not colon:
            if key == "all":
                return _All()
            raise SelectorError(
                f"{key[:40]!r} is no selector; write one of {_KNOWN}, or group:{key[:40]} for one group", position
            )
        if key not in KEYS:
            raise SelectorError(f"{key[:40]!r} is not known; write one of {_KNOWN}", position)
        if key == "org":
            value = value.strip("/")
        if not value:
            raise SelectorError(f"{key}: has no value; write one behind it", position)
        if key == "group":
            self.group_ids.add(value)
        return _Is(key, value)


@lru_cache(maxsize=2048)
def _parsed(text: str) -> Selector:
    parser = _Parser(text)
    return Selector(text, parser.selector(), frozenset(parser.group_ids))


def parse(text: str) -> Selector:
    """Read a selector. Raises `SelectorError` with the position and what to do; nothing else, whatever comes."""
    if not isinstance(text, str):
        raise SelectorError("a selector is text such as all or tier:vip")
    if len(text) > MAX_LENGTH:
        raise SelectorError(f"longer than {MAX_LENGTH} characters; give the groups as a list of ids", MAX_LENGTH)
    return _parsed(text)


def select(wanted: str | Iterable[str], groups: Iterable[GroupLike]) -> list[str]:
    """The ids of the groups that a selector's text, or a list of ids, means: in the groups' order, each once.

    Raises `SelectorError` for text that is no selector, `UnknownGroupsError` where an id of the list is none of the
    groups. A `group:…` of the text that is none of them just matches nothing, so that a selector which was good
    when its sheet was read can never fail in the show; `Selector.group_ids` is there for who wants to be strict.
    """
    known = list(groups)
    if isinstance(wanted, str):
        selector = parse(wanted)
        return [group.id for group in known if selector.matches(group)]
    ids: dict[str, None] = {}
    for each in wanted:
        if not isinstance(each, str):
            raise SelectorError("a list of groups holds ids, each a text")
        ids[each] = None
    if unknown := ids.keys() - {group.id for group in known}:
        raise UnknownGroupsError(sorted(unknown))
    return [group.id for group in known if group.id in ids]
