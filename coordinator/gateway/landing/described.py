"""The pages as OpenAPI has them: statuses, forms and what machines are told."""

from __future__ import annotations

from typing import Any

from coordinator.gateway.landing.words import WORDS

_TEXT, _WHOLE, _FLAG = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
_STANDING = {"enum": ["open", "early", "out", "stopped", "expired", "withdrawn", "closed"]}
_LANG = {"name": "lang", "in": "query", "schema": {"enum": ["zh", "en"]}, "description": "Else the browser's language."}
_HTML = {"text/html": {"schema": _TEXT}}
_PAGE = {
    "type": "object",
    "properties": {
        "sale": _TEXT, "title": _TEXT, "coupon": _TEXT, "name": _TEXT, "kind": _TEXT, "over": _WHOLE, "off": _WHOLE, "currency": _TEXT,
        "left": _WHOLE, "valid_ms": {"type": ["integer", "null"]}, "open": _FLAG, "standing": _STANDING, "now": _WHOLE,
        "code": {"type": ["string", "null"], "description": "The member's own, where the cookie names one who has it."},
    },
}  # fmt: skip
_LEFT = {
    "type": "object",
    "properties": {"left": _WHOLE, "open": _FLAG, "standing": _STANDING, "now": _WHOLE, "again_ms": _WHOLE},
}
_SENT: dict[str, Any] = {
    "id": {"type": "string", "maxLength": 128, "description": "Counts once for its member."},
    "who": {"type": "string", "description": "The signed member of the page, where no cookies are kept."},
}
_CLAIM = {"type": "object", "properties": _SENT}
_TURN = {
    "type": "object",
    "properties": {
        **_SENT,
        "option": {"type": ["integer", "string"], "description": "Of a poll: its number from 1, or its words."},
        "answer": {**_TEXT, "description": "To a quiz."},
        "answers": {"type": "object", "description": "To a survey, by question; a form has a field `q.ID` for each."},
    },
}
_GAME = {
    "type": "object",
    "description": "Beside these what its kind has: docs/games.md.",
    "properties": {
        "sale": _TEXT, "title": _TEXT, "kind": {"enum": ["chain", "draw", "poll", "quiz", "survey", "checkin"]},
        "id": {"type": ["string", "null"]}, "name": _TEXT, "count": _WHOLE, "until": {"type": ["integer", "null"]},
        "standing": {"enum": ["early", "withdrawn", "open", "ended", "completed", "failed", "closed", "drawn"]},
        "taking_part": _FLAG, "now": _WHOLE,
    },
}  # fmt: skip
_LIVE = {
    "type": "object",
    "properties": {"standing": _TEXT, "count": _WHOLE, "now": _WHOLE, "again_ms": _WHOLE},
    "additionalProperties": _WHOLE,
}


def described(path: str, method: str) -> dict[str, Any]:
    """What is to be said of an address beside its summary; nothing where it is no page."""
    both = {**_HTML, "application/json": {"schema": _PAGE}}
    match path, method:
        case "/l/{key}", _:
            closed = {str(s): {"description": f"{why}: a page with what is on now.", "content": _HTML} for s, why in (
                (404, WORDS["link.unknown"][1]), (410, "Stopped, taken back, or the sale is closed"), (425, WORDS["link.early"][1]),
            )}  # fmt: skip
            return {"responses": {
                "302": {"description": "The address in the sheet."}, **closed,
                "503": {"description": "A browser fetched ahead: the press asks again."},
            }}  # fmt: skip
        case "/c/{key}", "GET":
            return {"responses": {"200": {"description": "The page.", "content": both}, **_no_page()}}
        case "/c/{key}", "POST":
            forms = {name: {"schema": _CLAIM} for name in ("application/json", "application/x-www-form-urlencoded")}
            done = {"description": "A page, also where the claim was refused; as JSON the code.", "content": both}
            return {"requestBody": {"content": forms}, "responses": {"200": done, **_no_page()}}
        case "/g/{key}", _:
            game = {**_HTML, "application/json": {"schema": _GAME}}
            told = {"200": {"description": "The page, before or after taking part.", "content": game}, **_no_page()}
            if method == "GET":
                return {"responses": told}
            forms = {name: {"schema": _TURN} for name in ("application/json", "application/x-www-form-urlencoded")}
            return {"requestBody": {"content": forms}, "responses": told}
        case "/g/{key}/live", _:
            live = {"description": "What has changed.", "content": {"application/json": {"schema": _LIVE}}}
            return {"responses": {"200": live, **_no_page()}}
        case "/c/{key}/left", _:
            left = {"description": "What is left.", "content": {"application/json": {"schema": _LEFT}}}
            return {"responses": {"200": left, **_no_page()}}
    return {}


def _no_page() -> dict[str, Any]:
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        "default": {"description": "A refusal or an error.", "content": {"application/problem+json": problem, **_HTML}}
    }


def parameters(path: str) -> list[dict[str, Any]]:
    return [_LANG] if path in {"/l/{key}", "/c/{key}", "/g/{key}"} else []
