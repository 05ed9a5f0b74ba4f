"""From the bytes of a sheet to the sheet, or to what is wrong with it."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from coordinator.runsheet import faults
from coordinator.runsheet.chinese import chinese
from coordinator.runsheet.findings import Finding, where
from coordinator.runsheet.model import Cue, Sheet
from coordinator.runsheet.source import Path, Source, SourceError, checked, decoded, from_json, from_yaml

MAX_FINDINGS = 100  # of faults: nobody reads more, and a wrong file could have a hundred thousand
_EXAMPLES = {
    "title": "title: Kitchen flash sale",
    "kind": "kind: flash",
    "timezone": "timezone: Asia/Shanghai",
    "start": "start: 2026-11-11 20:00",
    "lasts": "lasts: 10m",
    "id": "id: g1",
    "name": "name: 不粘锅",
    "price": 'price: "129.00"',
    "off": 'off: "20.00"',
    "quantity": "quantity: 500",
    "url": 'url: "https://shop.example/pan"',
    "person": "person: lin",
    "role": "role: host",
}
_TYPES = {
    "string_type": "text; if it is meant so, put it in quotes",
    "list_type": "a list",
    "dict_type": "a mapping of fields",
    "model_type": "a mapping of fields",
    "model_attributes_type": "a mapping of fields",
    "int_type": "a whole number, without quotes",
    "bool_type": "true or false",
}


Amended = Callable[[dict[str, Any]], dict[str, Any]]
"""The sheet's object → that object with something added."""


@dataclass(slots=True)
class Reading:
    """Either `sheet` is there, and then it can be compiled, or `findings` holds at least one error.

    `object` is what the sheet said, as JSON would say it; None where not even that could be read.
    """

    sheet: Sheet | None
    findings: list[Finding]
    object: dict[str, Any] | None = None  # Any: a JSON object
    source: Source = field(default_factory=lambda: Source(None))

    def finding(self, severity: Any, rule: str, path: Path, message: str, zh: str = "") -> Finding:
        """A finding at a place of this sheet, with the line where that stands."""
        place, line = self.source.cell(path) or where(path), self.source.line(path)
        return Finding(severity, rule, place, line, message, zh or chinese(message))


def read_sheet(
    data: bytes | str | dict[str, Any],
    name: str = "sheet.yaml",
    content_type: str | None = None,
    amended: Amended | None = None,
) -> Reading:
    """Read a sheet from YAML 1.2, JSON or XLSX, or from an object that was parsed before.

    Never raises, whatever comes: what is wrong is in the findings, with severity `error` and rule `SHEET`.
    `name` and `content_type` only help to tell one from the other; what is read is the sheet as `amended` has it, with
    the places of the one given. It takes some seconds for a sheet of 1 MB, so
    a server should not call it between two beats of its heart.
    """
    try:
        source = Source(data) if isinstance(data, dict) else _source(data, name, content_type)
    except SourceError as error:
        return Reading(
            None, [Finding("error", "SHEET", where(error.path), error.line, str(error), chinese(str(error)))]
        )
    reading = Reading(None, [], source=source)
    try:
        checked(source.value)
    except SourceError as error:
        reading.findings.append(reading.finding("error", "SHEET", error.path, str(error)))
        return reading
    if not isinstance(source.value, dict):
        empty = source.value is None
        message = (
            "the sheet is empty; `dropcue sheet new flash` prints one to begin with"
            if empty
            else "a sheet is a mapping that begins with title:, not a list or a single value"
        )
        reading.findings.append(Finding("error", "SHEET", "", 1, message, chinese(message)))
        return reading
    reading.object = source.value
    try:
        sheet = Sheet.model_validate(source.value if amended is None else amended(source.value))
    except ValidationError as error:
        details = error.errors(include_url=False)
        for detail in details[:MAX_FINDINGS]:
            path = _known_part(source.value, detail["loc"])
            reading.findings.append(reading.finding("error", "SHEET", path, _message(detail, path)))
        reading.findings.sort(key=lambda each: each.line or 0)
        if len(details) > MAX_FINDINGS:
            more = f"and {len(details) - MAX_FINDINGS} more faults; mend these first"
            reading.findings.append(reading.finding("error", "SHEET", (), more))
        return reading
    found = [(_known_part(source.value, fault.path), fault.message) for fault in faults.faults(sheet)]
    found.sort(key=lambda each: source.line(each[0]) or 0)
    # Only those that are told are worded in Chinese: a wrong file could have a hundred thousand.
    reading.findings += [reading.finding("error", "SHEET", *each) for each in found[:MAX_FINDINGS]]
    if not found:
        reading.sheet = sheet
    return reading


def _source(data: bytes | str, name: str, content_type: str | None) -> Source:
    kind = (content_type or "").lower()
    suffix = name.lower().rpartition(".")[2]
    head = data[:8].encode("utf-8", "replace") if isinstance(data, str) else data[:8]
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")) or suffix in {"xlsx", "xls"} or "spreadsheet" in kind:
        from coordinator.runsheet.xlsx import (
            from_xlsx,  # it brings the spreadsheet libraries, which most reading needs not
        )

        return from_xlsx(data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data)
    text = decoded(data)
    if "json" in kind or suffix == "json":
        return from_json(text)
    if text.lstrip().startswith("{"):  # JSON under another name: YAML would read nearly all of it, but not all
        try:
            return from_json(text)
        except SourceError:
            return from_yaml(text)
    return from_yaml(text)


def _known_part(value: Any, path: Path) -> Path:
    """The path as far as the sheet has it, and one missing name: what a shorthand was unfolded into is cut off."""
    for index, part in enumerate(path):
        if isinstance(value, dict) and isinstance(part, str):
            if part not in value:
                return path[: index + 1]
            value = value[part]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return path[:index]
    return path


def _message(detail: Any, path: Path) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    name = _name(path)
    if kind == "missing":
        example = _EXAMPLES.get(name)
        return f"{name} is missing; add it" + (f", for example {example}" if example else "")
    if kind == "extra_forbidden":
        return _unknown_field(name, path)
    if kind == "value_error":
        return str(context["error"])
    if kind in _TYPES:
        return f"{name} must be {_TYPES[kind]}, not {_shown(detail['input'])}"
    if kind == "literal_error":
        return f"{_shown(detail['input'])} is not one of {context['expected'].replace(chr(39), '')}; write one of them"
    if kind == "greater_than_equal":
        return f"{name} must be at least {context['ge']}, not {_shown(detail['input'])}"
    if kind == "less_than_equal":
        return f"{name} must be at most {context['le']}, not {_shown(detail['input'])}"
    if kind in {"string_too_short", "too_short"} or (kind == "string_pattern_mismatch" and name != "currency"):
        return f"{name} must not be empty; write it or remove the field"
    if kind == "string_too_long":
        return f"{name} is longer than {context['max_length']} characters; shorten it"
    if kind == "too_long":
        return f"{name} has more than {context['max_length']} entries; remove some"
    if kind == "string_pattern_mismatch":
        return f"{_shown(detail['input'])} is no currency; write its ISO 4217 code, for example CNY"
    return f"{name}: {detail['msg']}; compare it with the sheet that `dropcue sheet new flash` prints"


def _name(path: Path) -> str:
    match path:
        case (*_, str(field), int(index)):
            return f"{field}, item {index + 1},"
        case (*_, last):
            return str(last)
    return "the sheet"


def _unknown_field(name: str, path: Path) -> str:
    model = _model_at(path[:-1])
    known = sorted(info.alias or each for each, info in model.model_fields.items()) if model else []
    if model is Cue:
        known.append("again after")
    shown = name[:40].encode("utf-8", "backslashreplace").decode()
    if close := difflib.get_close_matches(name[:40], known, n=1):
        return f"{shown!r} is not a field here; did you mean {close[0]!r}?"
    return f"{shown!r} is not a field here; known are {', '.join(known)}"


def _model_at(path: Path) -> type[BaseModel] | None:
    model: type[BaseModel] | None = Sheet
    for part in path:
        if isinstance(part, str):
            info = model.model_fields.get(part) if model else None
            model = _model_in(info.annotation) if info else None
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for each in get_args(annotation) if (model := _model_in(each))), None)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value) if isinstance(value, int | float) else repr(value)
    return text if len(text) <= 50 else text[:47] + "…"
