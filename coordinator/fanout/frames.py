"""Websocket frames as bytes, made once and written to many.

A server's frame is not masked (RFC 6455, 5.1), so the same bytes go to every connection.
"""

from __future__ import annotations

_TEXT, _PING = b"\x81", b"\x89"
PING = _PING + b"\x00"


def text_head(n: int) -> bytes:
    """What stands before a text of `n` bytes."""
    if n < 126:
        return _TEXT + bytes((n,))
    if n < 65_536:
        return _TEXT + b"\x7e" + n.to_bytes(2, "big")
    return _TEXT + b"\x7f" + n.to_bytes(8, "big")


def text_frame(payload: bytes) -> bytes:
    """One whole text frame."""
    return text_head(len(payload)) + payload


def text_parts(*parts: bytes) -> tuple[bytes, ...]:
    """One whole text frame, in parts that are not copied: a large one may be on its way to thousands."""
    return text_head(sum(map(len, parts))), *parts
