"""Writes what the code says of itself: `python -m docs.generate`.

`events.md` lists commands, events, refusals and entities; `conditions.md` what triggered cues can read; `openapi.json` and `asyncapi.json` are what the service
serves under the same names. The same code gives the same bytes; a test asks that the committed files are these.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import textwrap
import typing
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec

from coordinator.core import CODES, COMMANDS, EVENTS, TOPICS, Event, State, kernel
from coordinator.core.kernel import PRODUCES
from coordinator.core.people import INTERNAL
from coordinator.gateway import documents
from coordinator.gateway.app import make_app
from coordinator.gateway.context import Gateway
from coordinator.runsheet.schema import sheet_schema
from docs import readings
from roles import streams
from roles.permissions import MAY, ROLES

HERE = Path(__file__).parent

ENVELOPE = ("id", "kind", "from", "override")  # what every command may carry is said once

HEAD = """\
# Commands, events and state

Made from the code by `python -m docs.generate`; do not edit. The doors are described in [protocol.md](protocol.md) and, for machines, in
`openapi.json` and `asyncapi.json`.

Times are whole milliseconds since 1970 UTC in the sale's time, lengths whole milliseconds, money whole minor units of the sale's currency.
A field that is null, empty or at its default may be absent.
"""

COMMANDS_HEAD = """\
## Commands

A command is one JSON object: `id` (1 to 128 characters, unique for its sender), `kind`, and the fields below. It is checked in this order:
known kind, role, repeat of an id, fields, `from`, state. The same id again is told the same answer and changes nothing. A *button* may carry
`from`: the id of the run, drop or round that its sender saw, null for none; if another is current by now it is refused as `stale`. What goes
into groups may carry `override` `{rules, reason}` for a check that may be overruled.
"""

EVENTS_HEAD = """\
## Events

Every event has `seq` (its number), `at`, `by` (role and person, `relay:NAME`, `audience`, `shop:NAME` or `clock`) and, for who sent the
command, controller and owner, `cmd` (its id). Fields marked *private* are people's words or names: they are kept apart and can be erased.
"""

MEANINGS = {
    "invalid": "the command is not well-formed; `details.field` names what is wrong",
    "forbidden": "this role, person or group may not",
    "unknown": "there is no such command, cue, coupon, …; `details.field` names it",
    "stale": "somebody was quicker; `details.current` is what is current",
    "exhausted": "nothing is left",
    "already": "it was done before, and is done once",
    "too_early": "not yet, as the sale stands",
    "too_late": "not any more, as the sale stands",
    "capped": "too often; `details` say when it is allowed",
    "blocked": "a check refused the text; `details.rules` name the checks",
    "busy": "come back in `details.retry_ms`",
}

# Where an event's streams hang on what it says. The constant ones are read from `roles.streams`.
STREAMS_IN_WORDS = {
    "prompt.sent": "its receiver; controller, owner",
    "prompt.acked": "who acknowledged it; controller, owner",
    "task.assigned": "whom it is for; controller, owner",
    "task.done": "who did it; controller, owner",
    "task.overdue": "whom it is for; controller, owner",
    "post.repeated": "who posted it; controller, owner",
    "redpacket.announced": "whom it is for; controller, owner",
    "member.revealed": "who asked; controller, owner",
    "group.message": "controller, owner; the cheer members of that group",
    "group.asked": "controller, owner; the cheer members of that group",
    "group.frozen": "controller, owner; the cheer members, relay and poster of that group",
    "group.thawed": "controller, owner; the cheer members, relay and poster of that group",
    "group.dissolved": "controller, owner; the cheer members, relay and poster of that group",
    "cue.announced": "those of the team who asked to be told ahead; of a quiz that a hand opens controller and owner of them",
    "delivery": "its relay or poster; controller, owner (before its cue has fired: those who asked to be told ahead). With a `rule` no relay is told",
}
CONSTANT = {
    streams.TEAM: "the team",
    streams.DESK: "controller, owner",
    streams.AHEAD: "those of the team who asked to be told ahead",
}

# The first event says what is answered; these commands have a second way to begin.
ALSO_BEGINS = {"cue.fire": ("cue.fired",)}


# ---------------------------------------------------------------- commands
def commands() -> Iterable[str]:
    yield COMMANDS_HEAD
    for kind, schema in documents.commands().items():
        cls = COMMANDS[kind]
        yield f"### `{kind}`\n"
        yield sentence(cls.__doc__) + "\n"
        given = ", ".join(role for role in ROLES if role in MAY[kind])
        yield f"Given by: {given}." + (" A button." if cls.button else "") + "\n"
        required = schema.get("required", [])
        definitions = schema.get("$defs", {})
        fields = {name: s for name, s in schema["properties"].items() if name not in ENVELOPE}
        if fields:
            yield table(
                ("field", "type", "required"),
                [(f"`{n}`", typed(s, definitions), "yes" if n in required else "") for n, s in fields.items()],
            )
        produced = ", ".join(f"[`{e}`](#{anchor(e)})" for e in PRODUCES[kind])
        yield f"Leads to: {produced or 'nothing of its own'}.\n"
        results = result(kind)
        yield "Result: " + (" or ".join(f"`{{{', '.join(keys)}}}`" for keys in results) if results else "none") + ".\n"


def typed(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    """A JSON schema in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        inner = definitions.get(name, {})
        if "enum" in inner:
            return one_of(inner["enum"])
        return "{" + ", ".join(f"{n}: {typed(s, definitions)}" for n, s in inner.get("properties", {}).items()) + "}"
    if "anyOf" in schema:
        return " or ".join(typed(s, definitions) for s in schema["anyOf"] if s.get("type") != "null")
    if "enum" in schema:
        return one_of(schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    match schema.get("type"):
        case "string":
            low, high = schema.get("minLength"), schema.get("maxLength")
            return f"text of {low or 0} to {high}" if high else "text"
        case "integer":
            low, high = schema.get("minimum"), schema.get("maximum")
            bounds = f" from {low:,}" if low is not None else ""
            return "integer" + bounds + (f" to {high:,}" if high is not None else "")
        case "array":
            return f"list of {typed(schema.get('items', {}), definitions)}"
        case "boolean":
            return "true or false"
        case "object":
            return "object"
    return "any"


def one_of(values: Iterable[Any]) -> str:
    return ", ".join(f"`{v}`" for v in values)


def result(kind: str) -> list[tuple[str, ...]]:
    """The fields of the answers that a command can get, read from the functions that make them."""
    found: dict[tuple[str, ...], None] = {}
    for event in (*PRODUCES[kind][:1], *ALSO_BEGINS.get(kind, ())):
        made = kernel._RESULTS.get(EVENTS[event])  # noqa: SLF001 - only the documentation reads the registers
        if made is not None:
            found.update(dict.fromkeys(returned(made)))
    found.update(dict.fromkeys(returned(kernel._DECIDERS[COMMANDS[kind]])))  # noqa: SLF001
    return list(found)


def returned(function: Callable[..., Any]) -> list[tuple[str, ...]]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return [
        tuple(str(key.value) for key in node.value.keys if isinstance(key, ast.Constant))
        for node in ast.walk(tree)
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Dict)
    ]


# ---------------------------------------------------------------- events
def events() -> Iterable[str]:
    yield EVENTS_HEAD
    common = set(fields_of(Event))
    led_to: dict[str, list[str]] = {}
    for kind, produced in PRODUCES.items():
        for event in produced:
            led_to.setdefault(event, []).append(kind)
    for kind, cls in sorted(EVENTS.items()):
        yield f"### `{kind}`\n"
        if cls.__doc__:
            yield sentence(cls.__doc__) + "\n"
        private = set(cls.PRIVATE)
        rows = [
            (f"`{wire_name(n)}`", in_words(t) + (" *private*" if n in private else ""))
            for n, t in fields_of(cls).items()
            if n not in common
        ]
        if rows:
            yield table(("field", "type"), rows)
        if kind in led_to:
            causes = ", ".join(f"`{c}`" if c in INTERNAL else f"[`{c}`](#{anchor(c)})" for c in led_to[kind])
            yield f"From: {causes}, or what is due.\n" if kind.startswith(CLOCKED) else f"From: {causes}.\n"
        yield f"Goes to: {goes_to(kind)}.\n"


CLOCKED = (
    "cue.",
    "delivery.",
    "segment.",
    "show.started",
    "prompt.",
    "task.",
    "product.",
    "coupon.dropped",
    "link.dropped",
)
"""Events that the clock brings as well as a person."""


def goes_to(kind: str) -> str:
    rule = streams._rule(kind)  # noqa: SLF001
    if kind in STREAMS_IN_WORDS:
        return STREAMS_IN_WORDS[kind]
    if not callable(rule):
        return CONSTANT.get(rule) or ", ".join(part.partition(":")[2] for part in rule)
    return STREAMS_IN_WORDS[kind.partition(".")[0]]


# ---------------------------------------------------------------- refusals and entities
def refusals() -> Iterable[str]:
    yield "## Refusals\n"
    yield "A refused command leaves no trace; its repeat is decided afresh.\n"
    yield table(
        ("code", "HTTP", "meaning"), [(f"`{code}`", str(status), MEANINGS[code]) for code, status in CODES.items()]
    )


def entities() -> Iterable[str]:
    yield "## State\n"
    yield "`state` is one object: for each topic a map by id. The same entities come in `changes`; null there means gone.\n"
    hints = typing.get_type_hints(State)
    for topic in TOPICS:
        cls = typing.get_args(hints[topic])[1]
        yield f"### `{topic}`\n"
        if cls.__doc__:
            yield sentence(cls.__doc__) + "\n"
        yield table(("field", "type"), [(f"`{wire_name(n)}`", in_words(t)) for n, t in fields_of(cls).items()])


# ---------------------------------------------------------------- words
def fields_of(cls: type[Any]) -> dict[str, str]:
    """Field → its type as it is written, base classes first."""
    names = {f.name for f in msgspec.structs.fields(cls)}
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        found.update({n: str(t) for n, t in inspect.get_annotations(base).items() if n in names})
    return found


def wire_name(name: str) -> str:
    return name.rstrip("_")


_WORDS = (
    (r"\bstr\b", "text"), (r"\bint\b", "integer"), (r"\bfloat\b", "number"), (r"\bbool\b", "true or false"), (r"\bAny\b", "JSON"),
    (r"\btuple\[(\w+), \.\.\.\]", r"list of \1"), (r"\b(?:list|set)\[(\w+)\]", r"list of \1"), (r"\bdict\[(\w+), (\w+)\]", r"map of \1 to \2"),
    (r" \| None\b", " or null"), (r" \| ", " or "),
)  # fmt: skip


def in_words(annotation: str) -> str:
    literal = re.search(r"Literal\[([^\]]*)\]", annotation)
    if literal:
        return annotation.replace(
            literal[0], ", ".join(f"`{v}`" for v in re.findall(r'"([^"]*)"', literal[1]))
        ).replace(" | None", " or null")
    for pattern, words in _WORDS:
        annotation = re.sub(pattern, words, annotation)
    return annotation


def sentence(doc: str | None) -> str:
    return " ".join(line.strip() for line in (doc or "").strip().splitlines())


def anchor(kind: str) -> str:
    return kind.replace(".", "")


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


# ---------------------------------------------------------------- files
def files() -> dict[str, str]:
    """File name → what belongs into it."""
    parts = [HEAD, *commands(), *events(), *refusals(), *entities()]
    nothing = SimpleNamespace(registry=SimpleNamespace(here=list), connections=(), shed_clicks=0)
    app = make_app(cast(Gateway, nothing))  # its routes are described, not served
    return {
        "events.md": "\n".join(parts),
        "conditions.md": readings.page(),
        "openapi.json": as_json(documents.openapi(app)),
        "asyncapi.json": as_json(documents.asyncapi()),
        "sheet.schema.json": as_json(sheet_schema()),
    }


def as_json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    for name, text in files().items():
        (HERE / name).write_text(text)


if __name__ == "__main__":
    main()
