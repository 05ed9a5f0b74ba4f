"""JSON as chat-downloader and yt-dlp write it: one array, one object a line, or yt-dlp's raw live chat.

Each item: `author` (a text or `{name, id}`), `author_id`, `message`, `timestamp` (microseconds),
`time_in_seconds` (negative before the stream, may be missing), `amount` on paid messages.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any  # what stands in somebody else's JSON is anything until it was looked at

from coordinator.demo.recordings.base import Reading, Recording, quoted

FORMAT_ARRAY = "chat-downloader JSON"
FORMAT_LINES = "chat-downloader JSON lines"

MAX_RESYNCS = 1_000  # each may look through the rest of the file: a hostile one must not cost a square of its size
_NEXT_ITEM = re.compile(r"[,\n]\s*(?=\{)")
_SEPARATORS = re.compile(r"[\s,]*")

_Item = tuple[int, dict[str, Any]]


def read_array(path: Path, text: str) -> Recording:
    reading = Reading(path, FORMAT_ARRAY)
    _collect(reading, list(_array_items(reading, text)))
    return reading.done()


def read_lines(path: Path, text: str) -> Recording:
    reading = Reading(path, FORMAT_LINES)
    items: list[_Item] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            reading.bad_line(number, f"no JSON object ({_short(error)})")
            continue
        if isinstance(value, dict):
            items.append((number, value))
        else:
            reading.bad_line(number, "no JSON object")
    _collect(reading, items)
    return reading.done()


def _array_items(reading: Reading, text: str) -> Iterator[_Item]:
    """Item by item, so that a file that breaks off or has one bad item gives all the others."""
    decoder = json.JSONDecoder()
    at = text.index("[") + 1
    line, counted = 1, 0
    resyncs = 0
    while True:
        at = _SEPARATORS.match(text, at).end()  # type: ignore[union-attr]  # the pattern matches the empty text too
        line += text.count("\n", counted, at)
        counted = at
        if at >= len(text):
            reading.bad_line(line, "the array is not closed: the recording breaks off here")
            return
        if text[at] == "]":
            if text[at + 1 :].strip():
                reading.bad_line(line, "there is something after the end of the array; it was not read")
            return
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            reading.bad_line(line, f"no JSON object ({_short(error)})")
            resyncs += 1
            following = _NEXT_ITEM.search(text, at)
            if following is None or resyncs > MAX_RESYNCS:
                return
            at = following.end()
            continue
        if isinstance(value, dict):
            yield line, value
        else:
            reading.bad_line(line, f"no JSON object: {quoted(str(value)[:100])}")


def _short(error: Exception) -> str:
    return "nested too deep" if isinstance(error, RecursionError) else str(error)[:80]


def _collect(reading: Reading, items: list[_Item]) -> None:
    flat: list[_Item] = []
    for line, item in items:
        flat.extend((line, entry) for entry in (_from_yt_dlp(item) if "replayChatItemAction" in item else [item]))
    times = [_time_of(item) for _, item in flat]
    # Where both clocks stand in one item, their distance places the items that have only the time of day.
    both = next(((o, w) for o, w in times if o is not None and w is not None), None)
    shift = both[0] - both[1] if both else 0
    only_offsets = any(o is not None for o, _ in times)
    last: int | None = None
    paid = untimed = 0
    for (line, item), (offset, wall) in zip(flat, times, strict=True):
        said, was_paid = _said(item)
        if said is None:
            reading.leave_out("items without a message")
            continue
        if offset is not None:
            at = offset
        elif wall is not None and (both or not only_offsets):
            at = wall + shift
        elif last is not None:
            at, untimed = last, untimed + 1
        else:
            reading.bad_line(line, "it has neither time_in_seconds nor timestamp, and nothing stands before it")
            continue
        last = at
        paid += was_paid
        name, author_id = _author(item)
        key = author_id or name
        reading.add(line, at, "message", who=f"chat:{key}" if key else "", name=name or author_id or "?", text=said)
    if paid:
        reading.notes.append(f"{paid} messages were paid; their amount stands before the text")
    if untimed:
        reading.notes.append(f"{untimed} messages without a time take the time of the message before")


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and abs(number) < 1e18 else None


def _time_of(item: dict[str, Any]) -> tuple[int | None, int | None]:
    """(ms since the stream's start, ms since 1970), each None where it is not given."""
    offset_s, stamp = _number(item.get("time_in_seconds")), _number(item.get("timestamp"))
    offset = None if offset_s is None else round(offset_s * 1_000)
    if stamp is None or stamp <= 0:
        return offset, None
    # Microseconds by the format; some sites of the same tools give ms or s, which are a thousand times smaller.
    per_ms = 1_000 if stamp >= 1e14 else 1 if stamp >= 1e11 else 0.001
    return offset, round(stamp / per_ms)


def _author(item: dict[str, Any]) -> tuple[str, str]:
    author, author_id = item.get("author"), item.get("author_id")
    name = author if isinstance(author, str) else ""
    if isinstance(author, dict):
        name = _text(author.get("display_name")) or _text(author.get("name"))
        author_id = author_id or author.get("id")
    return name, _text(author_id)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return ""
    try:
        return str(value) if isinstance(value, str | int) else ""
    except ValueError:  # a whole number of more digits than Python writes
        return ""


def _said(item: dict[str, Any]) -> tuple[str | None, bool]:
    """The words, with what was paid before them, and whether anything was; None where nothing was said."""
    message = item.get("message")
    words = message if isinstance(message, str) else ""
    amount = item.get("amount")
    if not amount and isinstance(money := item.get("money"), dict):
        amount = money.get("text") or money.get("amount")
    paid = _text(amount) or (f"{amount:g}" if isinstance(amount, float) else "")
    if paid:
        return f"[{paid}] {words}".strip(), True
    return (words if words.strip() else None), False


def _from_yt_dlp(item: dict[str, Any]) -> list[dict[str, Any]]:
    """yt-dlp keeps YouTube's own shape; the same fields are taken out of it."""
    replay = item.get("replayChatItemAction")
    actions = replay.get("actions") if isinstance(replay, dict) else None
    out: list[dict[str, Any]] = []
    for action in actions if isinstance(actions, list) else []:
        try:
            added = action["addChatItemAction"]["item"]
            renderer = added.get("liveChatTextMessageRenderer") or added["liveChatPaidMessageRenderer"]
            runs = renderer.get("message", {}).get("runs", [])
            offset = _number(replay.get("videoOffsetTimeMsec")) if isinstance(replay, dict) else None
            out.append(
                {
                    "author": renderer.get("authorName", {}).get("simpleText"),
                    "author_id": renderer.get("authorExternalChannelId"),
                    "message": "".join(_run(run) for run in runs),
                    "timestamp": renderer.get("timestampUsec"),
                    "time_in_seconds": None if offset is None else offset / 1_000,
                    "amount": renderer.get("purchaseAmountText", {}).get("simpleText"),
                }
            )
        except (KeyError, TypeError, AttributeError):
            out.append({})  # counted with the items that hold no message
    return out


def _run(run: dict[str, Any]) -> str:
    if isinstance(text := run.get("text"), str):
        return text
    shortcuts = run.get("emoji", {}).get("shortcuts") or [""]
    return str(shortcuts[0])
