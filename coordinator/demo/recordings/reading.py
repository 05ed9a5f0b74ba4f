"""Opens a recorded chat, finds its format by itself, and hands it to that format's reader."""

from __future__ import annotations

import re
import stat
from pathlib import Path

from coordinator.demo.recordings import bilibili, chat_downloader, irc
from coordinator.demo.recordings.base import Recording, RecordingError, quoted
from coordinator.errors import UsageError

# A day of the busiest chat is a few MB; beyond this the file is something else, and would not fit beside the service.
MAX_FILE_BYTES = 256 * 1024 * 1024

_KNOWN = "chat-downloader or yt-dlp JSON, Bilibili danmaku XML, and IRC text ([HH:MM] <nick> text) can be read"
_JSON_ARRAY = re.compile(r"\[\s*(?:\{|\]|$)")
_XML = re.compile(r"<(?:\?xml|!|i[\s>/]|d\s+p\s*=)")


def read_recording(path: Path | str) -> Recording:
    """Reads a recorded chat of any known format.

    Lines that cannot be read are counted in the recording and never stop the reading. Raises UsageError where the
    path is no readable file, and RecordingError where the file as a whole is no recording.
    """
    file = Path(path)
    text, notes = _decoded(file, _bytes_of(file))
    start = text.lstrip()
    if not start:
        raise RecordingError(file, "the file is empty", f"give a recorded chat: {_KNOWN}")
    if _JSON_ARRAY.match(start):
        recording = chat_downloader.read_array(file, text)
    elif start.startswith("{"):
        recording = chat_downloader.read_lines(file, text)
    elif _XML.match(start):
        recording = bilibili.read(file, text)
    elif irc.looks_like(text):
        recording = irc.read(file, text)
    else:
        raise RecordingError(
            file, f"this is no recorded chat that is known here; it begins with {quoted(start[:200])}", _KNOWN
        )
    recording.notes.extend(notes)
    return recording


def _bytes_of(file: Path) -> bytes:
    todo = "give the file of a recorded chat after --audience"
    try:
        info = file.stat()
        if stat.S_ISDIR(info.st_mode):
            raise UsageError(f"{file}: this is a folder; {todo}")
        if not stat.S_ISREG(info.st_mode):
            raise UsageError(f"{file}: this is no ordinary file; {todo}")
        if info.st_size > MAX_FILE_BYTES:
            limit = MAX_FILE_BYTES // (1024 * 1024)
            raise RecordingError(
                file, f"{info.st_size} bytes is more than the {limit} MB that are read at once", "split it"
            )
        return file.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{file}: there is no such file; {todo}") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path itself
        raise UsageError(f"{file!s}: cannot be read ({error}); {todo}") from None


def _decoded(file: Path, data: bytes) -> tuple[str, list[str]]:
    """The text, and what is to be told about its bytes. Nothing that is not UTF-8 stops the reading."""
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding), []
    except UnicodeDecodeError:
        text = data.decode(encoding, "replace")
    hurt = sum(1 for line in text.split("\n") if "\ufffd" in line)
    if len(text) and text.count("\ufffd") * 2 > len(text):
        raise RecordingError(file, "this is not text", f"give a recorded chat: {_KNOWN}")
    return text, [f"{hurt} lines hold bytes that are not UTF-8; each stands as \ufffd in the text"]
