"""Bilibili danmaku: `<d p="offset_s,mode,size,colour,unix_ts,pool,uid,row">text</d>`, often all in one line.

The file comes from outside and is parsed with defusedxml: documents that declare entities are refused. A file that
breaks off or holds a stray sign is not well-formed as a whole; its comments are then read one by one.
"""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree.ElementTree import ParseError  # only the error's name; parsing is defusedxml's

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from coordinator.demo.recordings.base import Reading, Recording, RecordingError, quoted

FORMAT = "Bilibili danmaku XML"

_NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_COMMENT = re.compile(r"<d\s([^<>]*)>([^<]*)</d>")
_COMMENT_START = re.compile(r"<d[\s>]")
_ATTRIBUTE = re.compile(r"(\w{1,32})\s?=\s?(?:\"([^\"]*)\"|'([^']*)')")
_NOBODY = {"", "0", "null", "none"}
_POSITIONED, _CODE, _BAS = "7", "8", "9"  # modes: text placed on the screen, scripts
MAX_DEPTH = 64  # danmaku is three deep; deeper is an attack on the parser


def read(path: Path, text: str) -> Recording:
    reading = Reading(path, FORMAT)
    clean = _NOT_IN_XML.sub("", text)
    if len(clean) < len(text):
        reading.notes.append(f"{len(text) - len(clean)} control characters that XML does not allow were taken out")
    target = _Comments(reading)
    parser = DefusedXMLParser(target=target, forbid_dtd=True)
    target.line_of = lambda: int(parser.parser.CurrentLineNumber)
    try:
        parser.feed(clean)
        parser.close()
    except DefusedXmlException:
        raise RecordingError(
            path,
            "it declares entities or a document type, which danmaku never does and attacks on XML readers do",
            "it was not read; take the file from a source that you trust",
        ) from None
    except _TooDeepError:
        raise RecordingError(
            path, "elements stand more than 64 deep, so this is no danmaku", "it was not read"
        ) from None
    except (ParseError, ValueError) as error:
        recovered = Reading(path, FORMAT, list(reading.notes))
        _read_one_by_one(recovered, clean, error)
        reading = recovered
    return reading.done()


class _TooDeepError(Exception):
    """Ends the parsing from inside the parser's own callbacks."""


class _Comments:
    """Receives the parser's elements; only `<d>` is of interest."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.line_of: Callable[[], int] = lambda: 1
        self._p: dict[str, str] | None = None
        self._text: list[str] = []
        self._line = 1
        self._number = 0
        self._depth = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _TooDeepError
        if tag == "d":
            self._p, self._text, self._line = dict(attributes), [], self.line_of()
        elif tag in {"gift", "guard", "sc", "toast"}:
            self.reading.leave_out("gifts and paid banners")

    def data(self, text: str) -> None:
        if self._p is not None:
            self._text.append(text)

    def end(self, tag: str) -> None:
        self._depth -= 1
        if tag == "d" and self._p is not None:
            self._number += 1
            _comment(self.reading, self._line, self._number, self._p, "".join(self._text))
            self._p = None

    def close(self) -> None:
        return None


def _read_one_by_one(reading: Reading, text: str, error: Exception) -> None:
    """Regular expressions expand no entities, so nothing that was refused above can come in here."""
    where = getattr(error, "position", (1, 0))[0]
    number, line, at = 0, 1, 0
    for found in _COMMENT.finditer(text):
        number += 1
        line += text.count("\n", at, found.start())
        at = found.start()
        attributes = {name: html.unescape(a or b) for name, a, b in _ATTRIBUTE.findall(found[1])}
        _comment(reading, line, number, attributes, html.unescape(found[2]))
    broken = max(1, sum(1 for _ in _COMMENT_START.finditer(text)) - number)
    for _ in range(broken):
        reading.bad_line(where, f"the XML is not well-formed ({error}); the whole comments around it were kept")


def _comment(reading: Reading, line: int, number: int, attributes: dict[str, str], text: str) -> None:
    where = f"comment {number}"  # in a file of one line the line alone helps nobody
    parts = [part.strip() for part in attributes.get("p", "").split(",")]
    try:
        offset_s = float(parts[0])
    except ValueError:
        reading.bad_line(line, f"{where}: its p has no offset: {quoted(attributes.get('p', ''))}")
        return
    if not math.isfinite(offset_s) or abs(offset_s) > 1e10:
        reading.bad_line(line, f"{where}: {quoted(parts[0])} is no offset in seconds")
        return
    mode = parts[1] if len(parts) > 1 else ""
    if mode in {_CODE, _BAS}:
        reading.leave_out("scripted comments")
        return
    said = _positioned_text(text) if mode == _POSITIONED else text
    if not said.strip():
        reading.bad_line(line, f"{where}: it has no text")
        return
    uid = parts[6] if len(parts) > 6 else ""
    known = uid.lower() not in _NOBODY
    name = attributes.get("user") or (f"观众{uid[-6:]}" if known else "观众")
    reading.add(line, round(offset_s * 1_000), "message", who=f"bilibili:{uid}" if known else "", name=name, text=said)


def _positioned_text(text: str) -> str:
    """Mode 7 holds a JSON list whose fifth item is the text."""
    try:
        value = json.loads(text)
        return str(value[4]) if isinstance(value, list) else text
    except (ValueError, IndexError, RecursionError):
        return text
