"""What a sheet's text says, before anybody asks whether it is a sheet: plain values with the line of each.

YAML 1.2 in its core schema: `true` and `false` are the only booleans, `20:00` and `0755` mean what stands
there, a tag is an error. JSON is read by its own rules. Both refuse a key that stands twice.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from json import JSONDecodeError, JSONDecoder
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

MAX_BYTES = 1_000_000  # a sheet of five hundred groups and a thousand cues is a fifth of it
MAX_DEPTH = 24  # a sheet needs 6
MAX_VALUES = 200_000  # after aliases are written out: a small file can mean a very large one

Path = tuple[str | int, ...]
Plain = Any
"""None, bool, int, float, str, or a list or dict of them. What it holds is not known before the model has read it."""


@dataclass(slots=True)
class Source:
    """A value and where each part of it stood. `lines` is empty for a value that came parsed; `cells` is a workbook's."""

    value: Plain
    lines: dict[Path, int] = field(default_factory=dict)
    cells: dict[Path, str] = field(default_factory=dict)

    def cell(self, path: Path) -> str | None:
        """The workbook's cell of what stands at the path, or of the nearest thing around it."""
        while path and path not in self.cells:
            path = path[:-1]
        return self.cells.get(path)

    def line(self, path: Path) -> int | None:
        """The line, counted from 1, of what stands at the path, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)


class SourceError(ValueError):
    """The text cannot be read; `str(error)` says why and what to do."""

    def __init__(self, message: str, line: int | None = None, path: Path = ()) -> None:
        super().__init__(message)
        self.line, self.path = line, path


def decoded(data: bytes | str) -> str:
    """The file's text. Raises `SourceError` for what is too large or not Unicode."""
    if len(data) > MAX_BYTES or (isinstance(data, str) and len(data.encode("utf-8", "surrogatepass")) > MAX_BYTES):
        raise SourceError("the sheet is larger than 1 MB; split the sale, or name groups by tags instead of texts", 1)
    if isinstance(data, str):
        return data.removeprefix("\ufeff")
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SourceError("the file is not UTF-8 text; save it as UTF-8 (not GBK) and try again", line) from None


def unsendable(text: str) -> str | None:
    """Why a text can stand in no message: a control character, half of a surrogate pair. Emoji and any script are fine."""
    for character in text:
        code = ord(character)
        if (code < 32 and character not in "\n\t\r") or code == 127:
            return f"holds the control character U+{code:04X}; take it out"
        if 0xD800 <= code <= 0xDFFF:
            return f"holds half of a character (U+{code:04X}); type the emoji or character again"
        if code in {0xFFFE, 0xFFFF}:
            return f"holds U+{code:04X}, which is no character; take it out"
    return None


def checked(value: Plain) -> None:
    """That a value is what JSON can say, and no text of it holds what cannot be sent. Raises `SourceError`."""
    count = 0
    todo: list[tuple[Path, Plain]] = [((), value)]
    while todo:
        path, each = todo.pop()
        count += 1
        if count > MAX_VALUES:
            raise SourceError(f"the sheet has more than {MAX_VALUES} values; split the sale", path=path)
        if len(path) > MAX_DEPTH:
            raise SourceError(f"nested more than {MAX_DEPTH} deep; a sheet needs 6", path=path)
        if isinstance(each, str):
            if why := unsendable(each):
                raise SourceError(why, path=path)
        elif isinstance(each, dict):
            for key, inner in each.items():
                if not isinstance(key, str):
                    raise SourceError(
                        f"the name of a field must be text, not {str(key)[:40]!r}; put it in quotes", path=path
                    )
                if why := unsendable(key):
                    raise SourceError(f"a field's name {why}", path=path)
                todo.append(((*path, key), inner))
        elif isinstance(each, list):
            todo.extend(((*path, index), inner) for index, inner in enumerate(each))
        elif isinstance(each, float):
            if not math.isfinite(each):
                raise SourceError("is not a number that can be used; write one such as 129.00", path=path)
        elif isinstance(each, int):
            if abs(each) >= 2**53:  # beyond it the consoles, which run in browsers, would read another number
                raise SourceError("the number is too large; put it in quotes if it is a text", path=path)
        elif each is not None:
            raise SourceError(
                f"a {type(each).__name__} cannot stand in a sheet; write text, a number, a list or a mapping", path=path
            )


# ---- YAML

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLS = {**dict.fromkeys(("true", "True", "TRUE"), True), **dict.fromkeys(("false", "False", "FALSE"), False)}
_INT = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]{1,18}|[0-9]{1,18}(?:\.[0-9]{0,18})?)(?:[eE][-+]?[0-9]{1,3})?")
_CORE_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "map", "seq"))


def _scalar(event: ScalarEvent) -> Plain:
    text: str = event.value
    if not event.implicit[0]:  # quoted, a block, or !!str
        return text
    if text in _NULL:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    if _INT.fullmatch(text):
        # 007 stays as it is written: what has zeros in front is a number of a group or an article
        return text if re.match(r"[-+]?0[0-9]", text) else int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


class _YamlReader:
    def __init__(self, text: str) -> None:
        self.events: Iterator[Event] = iter(YAML(typ="safe", pure=True).parse(text))
        self.lines: dict[Path, int] = {}
        self.anchors: dict[str, tuple[Plain, int]] = {}
        self.count = 0

    def document(self) -> Plain:
        value: Plain = None
        documents = 0
        for event in self.events:
            if type(event).__name__ == "DocumentStartEvent":
                documents += 1
                if documents > 1:
                    raise SourceError("a second document begins here (---); a file holds one sheet", _line(event))
                value = self.value(next(self.events), ())
        return value

    def counted(self, by: int, line: int) -> None:
        self.count += by
        if self.count > MAX_VALUES:
            raise SourceError(
                f"the sheet has more than {MAX_VALUES} values when its aliases are written out; use fewer", line
            )

    def value(self, event: Event, path: Path) -> Plain:
        line = _line(event)
        self.lines.setdefault(path, line)
        if isinstance(event, AliasEvent):
            if event.anchor not in self.anchors:
                raise SourceError(f"the alias *{event.anchor} names nothing that stands complete before it", line)
            value, size = self.anchors[event.anchor]
            self.counted(size, line)
            return value
        if len(path) > MAX_DEPTH:
            raise SourceError(f"nested more than {MAX_DEPTH} deep; a sheet needs 6", line)
        tag = getattr(event, "ctag", None)
        tag = str(tag) if tag is not None else None
        if tag and tag not in _CORE_TAGS and tag != "!":
            raise SourceError(
                f"the tag {tag[:60]!r} cannot be used; write plain text, numbers, lists and mappings", line
            )
        before = self.count
        self.counted(1, line)
        anchor = getattr(event, "anchor", None)
        if isinstance(event, ScalarEvent):
            value = _scalar(event)
        elif isinstance(event, SequenceStartEvent):
            value = []
            while not isinstance(event := next(self.events), SequenceEndEvent):
                value.append(self.value(event, (*path, len(value))))
        elif isinstance(event, MappingStartEvent):
            value = self.mapping(path)
        else:  # the parser gives no other event where a value stands
            raise SourceError("cannot be read; compare the line with the example in the documentation", line)
        if anchor:
            self.anchors[anchor] = (value, self.count - before)
        return value

    def mapping(self, path: Path) -> dict[str, Plain]:
        value: dict[str, Plain] = {}
        while not isinstance(event := next(self.events), MappingEndEvent):
            line = _line(event)
            if not isinstance(event, ScalarEvent):
                raise SourceError("the name of a field must be text", line, path)
            key = _scalar(event)
            if key == "<<":
                raise SourceError("merging with << is not YAML 1.2; write the fields out", line, path)
            if not isinstance(key, str):
                raise SourceError(
                    f"the name of a field must be text, not {event.value[:40]!r}; put it in quotes", line, path
                )
            if key in value:
                raise SourceError(f"{key[:40]!r} stands twice in the same mapping; remove one", line, (*path, key))
            self.lines[*path, key] = line
            value[key] = None  # holds the place, so that the order is the text's
            value[key] = self.value(next(self.events), (*path, key))
        return value


def _line(event: Event) -> int:
    mark = event.start_mark
    return int(mark.line) + 1 if mark is not None else 1


def from_yaml(text: str) -> Source:
    """Read YAML. Raises `SourceError`."""
    reader = _YamlReader(text)
    try:
        return Source(reader.document(), reader.lines)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else None
        problem = " ".join(str(error.problem or error.context or "").split())
        raise SourceError(f"this is not YAML ({problem}); check quotes, brackets and indentation here", line) from None
    except (YAMLError, ValueError, LookupError, AssertionError, AttributeError, TypeError) as error:
        if isinstance(error, SourceError):
            raise
        # ruamel's reader and scanner have several ways to fail at odd bytes; all of them mean the same to a person
        at = getattr(error, "position", None)
        line = text.count("\n", 0, at) + 1 if isinstance(at, int) else None
        raise SourceError("this is not YAML; it holds characters that a text file has not", line) from None


# ---- JSON

_WHITE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_STRING = JSONDecoder()  # only ever asked where a quote stands, so it gives a text
_WORDS = {"true": True, "false": False, "null": None}


class _JsonReader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.counted_to = 0
        self.line_now = 1
        self.lines: dict[Path, int] = {}

    def line(self) -> int:
        self.line_now += self.text.count("\n", self.counted_to, self.at)
        self.counted_to = max(self.counted_to, self.at)
        return self.line_now

    def fail(self, message: str) -> SourceError:
        return SourceError(f"this is not JSON ({message}); check quotes, commas and brackets here", self.line())

    def peek(self) -> str:
        found = _WHITE.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.text[self.at : self.at + 1]

    def document(self) -> Plain:
        value = self.value(())
        if self.peek():
            raise self.fail("something follows the end")
        return value

    def string(self) -> str:
        try:
            value, self.at = _STRING.raw_decode(self.text, self.at)
        except JSONDecodeError as error:
            self.at = max(self.at, min(error.pos, len(self.text)))
            raise self.fail(error.msg.lower()) from None
        return str(value)

    def value(self, path: Path) -> Plain:
        sign = self.peek()
        self.lines.setdefault(path, self.line())
        if len(path) > MAX_DEPTH:
            raise SourceError(f"nested more than {MAX_DEPTH} deep; a sheet needs 6", self.line())
        if sign == '"':
            return self.string()
        if sign == "{":
            return self.mapping(path)
        if sign == "[":
            return self.sequence(path)
        for word, meaning in _WORDS.items():
            if self.text.startswith(word, self.at):
                self.at += len(word)
                return meaning
        found = _NUMBER.match(self.text, self.at)
        if found is None:
            raise self.fail("a value is missing" if not sign else f"unexpected {sign!r}")
        if len(found[0]) > 40:
            raise SourceError("the number is too long; put it in quotes if it is a text", self.line(), path)
        self.at = found.end()
        return float(found[0]) if found[1] or found[2] else int(found[0])

    def sequence(self, path: Path) -> list[Plain]:
        value: list[Plain] = []
        self.at += 1
        if self.peek() == "]":
            self.at += 1
            return value
        while True:
            value.append(self.value((*path, len(value))))
            if self.comma("]"):
                return value

    def mapping(self, path: Path) -> dict[str, Plain]:
        value: dict[str, Plain] = {}
        self.at += 1
        if self.peek() == "}":
            self.at += 1
            return value
        while True:
            if self.peek() != '"':
                raise self.fail("the name of a field must stand in quotes")
            line = self.line()
            key = self.string()
            if key in value:
                raise SourceError(f"{key[:40]!r} stands twice in the same object; remove one", line, (*path, key))
            self.lines[*path, key] = line
            if self.peek() != ":":
                raise self.fail("a colon is missing")
            self.at += 1
            value[key] = None
            value[key] = self.value((*path, key))
            if self.comma("}"):
                return value

    def comma(self, closing: str) -> bool:
        sign = self.peek()
        if sign not in {",", closing} or not sign:
            raise self.fail(f"a comma or {closing} is missing")
        self.at += 1
        return sign == closing


def from_json(text: str) -> Source:
    """Read JSON. Raises `SourceError`."""
    reader = _JsonReader(text)
    return Source(reader.document(), reader.lines)
