"""The words of the websocket: how frames are read and answers written (design.md, section 5)."""

from __future__ import annotations

from typing import Any

import msgspec

from coordinator.answers import Answer

MAX_FRAME_BYTES = 256 << 10
MAX_MANY = 1_000
HELLO_SECONDS = 5.0

# Close codes: below 4100 come back, from there on do not.
GOING_AWAY = 4000
LOST_LEASE = 4001
SILENT = 4002
SLOW = 4003
BAD_TOKEN = 4100
REVOKED = 4101
PROTOCOL = 4102
TOO_LARGE = 4103

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Unreadable(Exception):
    """A frame that is no JSON object. `str(error)` says why."""


def read(data: str | bytes) -> dict[str, Any]:
    """The frame's object. Raises Unreadable."""
    try:
        value = _decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError) as e:
        raise Unreadable(f"the frame is no JSON: {e}") from None
    if not isinstance(value, dict):
        raise Unreadable("a frame is one JSON object")
    return value


def told(answer: Answer) -> dict[str, Any]:
    """An answer as an item of `many`'s results, or the body of a refusal."""
    out: dict[str, Any] = {"id": answer.id, "ok": answer.ok}
    if answer.ok:
        if answer.result is not None:
            out["result"] = answer.result
    else:
        out["code"], out["message"] = answer.code, answer.message
        if answer.details is not None:
            out["details"] = answer.details
    return out


def done(answer: Answer, position: str) -> bytes:
    """`done` or `refused` for one command."""
    if answer.ok:
        body: dict[str, Any] = {"op": "done", "id": answer.id, "position": position}
        if answer.result is not None:
            body["result"] = answer.result
        return _encode(body)
    return refused(answer.id, answer.code, answer.message, answer.details)


def refused(id_: str | None, code: str, message: str, details: dict[str, Any] | None = None) -> bytes:
    body: dict[str, Any] = {"op": "refused", "id": id_, "code": code, "message": message}
    if details is not None:
        body["details"] = details
    return _encode(body)


def many_done(id_: str | None, answers: list[Answer], position: str) -> bytes:
    return _encode({"op": "done", "id": id_, "position": position, "results": [told(a) for a in answers]})


def bye(code: int, message: str, retry_ms: int | None = None) -> bytes:
    body: dict[str, Any] = {"op": "bye", "code": code, "message": message, "retry": code < BAD_TOKEN}
    if retry_ms is not None:
        body["retry_ms"] = retry_ms
    return _encode(body)


def pong(sent: Any, now: int, speed: float) -> bytes:
    return _encode({"op": "pong", "sent": sent, "now": now, "speed": speed})


def welcome(fields: dict[str, Any], state: bytes | None) -> tuple[bytes, ...]:
    """The welcome, in parts; the state's bytes, where it carries them, are neither encoded again nor copied."""
    body = _encode({"op": "welcome", **fields})
    return (body,) if state is None else (body[:-1] + b',"state":', state, b"}")
