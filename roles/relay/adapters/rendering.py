"""A content as a platform can carry it: within its limit, at a whole character, and with its addresses whole.

What a team, a product or a member wrote is text, never markup: `outside` lets each platform take the power out of what it
would read as a mention or a link, without touching the addresses that were meant.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from roles.relay.adapters.base import Content

Size = Callable[[str], int]

MORE = "…"
# Breaks what a platform would read as one sign, and is not seen.
BREAK = "\u200b"
# <@person>, <#channel>, <:emoji:> and <at> are names, <a> and <font> tags, [words](address) hides where it leads,
# ![](address) is a picture.
_MARKUP = re.compile(r"<(?=[@#:/!A-Za-z])|\](?=[(\[:])|!(?=\[)")
# A line that begins so is a heading, a quotation, a list, a rule or code to markdown.
_LINE_MARK = re.compile(
    r"^(?=[ \t]*(?:#{1,6}(?:\s|$)|>|[-+](?:\s|$)|\d{1,9}[.)](?:\s|$)|(?:-[ \t]*){2,}$|=+[ \t]*$)| {4}|\t)", re.MULTILINE
)
# Signs that markdown takes for its own, and their wide sisters: none of the platforms says that it knows a way to escape
# them. A stroke within a name (pan_1) is left, so that it can be copied.
_WIDE = {"*": "\uff0a", "_": "\uff3f", "`": "\uff40"}
_SIGNS = re.compile(r"[*`]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
# A backslash before a sign, and what begins as a sign's name in HTML, would be taken for that sign; two waves strike out.
_TAKEN = re.compile(r"\\(?=[!-/:-@\[-`{-~]|$)|&(?=#?[A-Za-z0-9]{1,31};)|~(?=~)", re.MULTILINE)
# Nothing that is seen, some of it turns what follows around (an address too), and some platforms refuse it.
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
# Before a link of markdown it makes a picture of it, or takes its power.
_BEFORE_A_LINK = re.compile(r"[!\\](?=\[)")
# An address that somebody wrote into a text.
_TYPED = r"(?i:https?)://[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+(?<![.,;:!?)\]'])"
NEAR_SIGNS = 200  # so far before an address another one is looked for
SHOWN_ADDRESS_SIGNS = 120  # of an address that markdown shows beside where it leads
# A cluster may be as long as its writer likes; beyond this it is cut between code points.
CLUSTER_SIGNS = 32
_ALL = frozenset({"all", "@all", "everyone", "@everyone", "here", "channel", "所有人", "@所有人"})


class DoesNotFit(ValueError):
    """The addresses alone are more than the platform takes."""


@dataclass(frozen=True, slots=True)
class Mentions:
    """Whom a content wants to be noticed by: everybody, or people as the platform names them."""

    everybody: bool = False
    people: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fitted:
    text: str
    why: str | None = None  # what did not go in


def in_bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def in_signs(text: str) -> int:
    return len(text)


def in_utf16(text: str) -> int:
    """How JavaScript, and with it several platforms, count."""
    return len(text.encode("utf-16-le", "replace")) // 2


def mentions_of(content: Content) -> Mentions:
    """`mention` is one name or several, with commas between; `all` is everybody."""
    said = content.mention if isinstance(content.mention, str) else ""
    names = tuple(name for name in (part.strip() for part in said.replace("，", ",").split(",")) if name)
    return Mentions(any(n.lower() in _ALL for n in names), tuple(n for n in names if n.lower() not in _ALL))


def addresses_of(content: Content, *, pictures: bool = True) -> tuple[str, ...]:
    """The addresses that a content must bring, the most needed first; pictures and video where they go as text."""
    found = [content.link, content.coupon, *([content.video, *content.images] if pictures else [])]
    return tuple(dict.fromkeys(address for address in found if address))


def clean(text: str) -> str:
    """Halves of a character that no encoding can carry are replaced, signs that steer and are not seen go."""
    return _UNSEEN.sub("", text.encode("utf-8", "replace").decode("utf-8"))


def cut(text: str, room: int, size: Size = in_bytes) -> str:
    """The longest beginning of a text within `room`, at a whole character and never within an address."""
    if room <= 0:
        return ""
    if size(text) <= room:
        return text
    low, high = 0, min(len(text), room)  # no size is less than the number of signs
    while low < high:
        middle = (low + high + 1) // 2
        if size(text[:middle]) <= room:
            low = middle
        else:
            high = middle - 1
    return text[: _before_address(text, _boundary(text, low))]


def fit(text: str, addresses: Sequence[str], limit: int, size: Size = in_bytes) -> Fitted:
    """A text with its addresses, within a limit. One that fits and has them is not changed.

    Raises `DoesNotFit` where the first address alone is too long. The others are left out, from the last, and said.
    """
    text = apart(clean(text), addresses)
    whole = "\n".join([*([text] if text else []), *(a for a in addresses if not _has(text, a))])
    if size(whole) <= limit:
        return Fitted(whole)
    # What was cut may still hold every address, where they stand before the cut.
    head = cut(text, limit - size(" " + MORE), size).rstrip()
    if all(_has(head, address) for address in addresses):
        return Fitted(_and_more(head, addresses), "the text was cut")
    kept = list(addresses)
    while len(kept) > 1 and size(MORE + "\n" + "\n".join(kept)) > limit:
        kept.pop()
    tail = "\n".join(kept)
    if size(tail) > limit:
        raise DoesNotFit(f"the address alone is longer than the {limit} that the platform takes")
    for address in sorted(addresses, key=len, reverse=True):
        text = text.replace(address, "")
    head = cut(text, limit - size(MORE + "\n" + tail), size).rstrip()
    why = "the text was cut" if len(kept) == len(addresses) else "the text was cut and an address left out"
    return Fitted(f"{head}{MORE}\n{tail}" if head else tail, why)


def apart(text: str, addresses: Sequence[str]) -> str:
    """A chat takes what touches an address for a part of it: a space stands between them."""
    if not any(addresses):
        return text
    known = "|".join(re.escape(a) for a in sorted(addresses, key=len, reverse=True) if a)
    text = re.sub(rf"(?<=[A-Za-z0-9])(?={known})", " ", re.sub(rf"({known})(?=\S)", r"\1 ", text))
    return re.sub(rf"(://[!-~]{{1,{NEAR_SIGNS}}}?)(?={known})", r"\1 ", text)  # another address would swallow it


def _has(text: str, address: str) -> bool:
    return re.search(re.escape(address) + r"(?!\S)", text) is not None


def _and_more(head: str, addresses: Sequence[str]) -> str:
    return head + (" " if head.endswith(tuple(addresses)) else "") + MORE


def outside(
    text: str,
    addresses: Sequence[str],
    change: Callable[[str], str],
    address: Callable[[str], str] = str,
    *,
    typed: bool = False,
) -> str:
    """A text with `change` made to all of it but the addresses, and `address` to those; `typed`: to any that stands in it."""
    parts = parted(text, addresses, typed=typed)
    return "".join((address if n % 2 else change)(part) for n, part in enumerate(parts))


def parted(text: str, addresses: Sequence[str], *, typed: bool = False) -> list[str]:
    """A text's parts, every second of which is an address."""
    longest = [re.escape(a) for a in sorted((a for a in addresses if a), key=len, reverse=True)]
    patterns = [*longest, _TYPED] if typed else longest
    return re.split("(" + "|".join(patterns) + ")", text) if patterns else [text]


def without_markup(text: str, addresses: Sequence[str]) -> str:
    """Nothing in a text pings, is formatted by tags, or hides an address behind words; its addresses stay as they are."""
    return outside(text, addresses, lambda part: _MARKUP.sub(lambda found: found[0] + BREAK, part))


def markdown(text: str, addresses: Sequence[str]) -> str:
    """Markdown that shows a text as it was written, `500g*2 + 300g*3` too, with each address to be pressed where it stands."""
    shown = outside(text, addresses, _literal, _pressed, typed=True)
    return _BEFORE_A_LINK.sub(lambda found: found[0] + BREAK, shown)


def is_marked(text: str, addresses: Sequence[str]) -> bool:
    """Whether markdown would show a text with other signs than it was written with."""
    return any(_literal(part) != part for part in parted(text, addresses, typed=True)[::2])


def _literal(part: str) -> str:
    broken = _TAKEN.sub(lambda found: found[0] + BREAK, _MARKUP.sub(lambda found: found[0] + BREAK, part))
    return _LINE_MARK.sub(BREAK, _SIGNS.sub(lambda found: _WIDE[found[0]], broken))


def _pressed(address: str) -> str:
    shown = address if len(address) <= SHOWN_ADDRESS_SIGNS and "[" not in address and "]" not in address else "打开链接"
    return f"[{shown}]({in_brackets(address)})"


def in_brackets(address: str) -> str:
    """An address within markdown's round brackets: its own would end it."""
    return address.replace("(", "%28").replace(")", "%29")


def without(text: str, address: str) -> str:
    """A text whose address stands on a card's button instead, without the blanks and the new line before it."""
    if not address:
        return text
    *parts, last = text.split(address)
    return ("".join(part.rstrip(" \t").removesuffix("\n").rstrip(" \t") for part in parts) + last).strip() or text


def title_of(text: str, room: int, size: Size = in_bytes) -> str:
    """What a card or a notice is headed with: the first line, as far as it goes."""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return first if size(first) <= room else cut(first, room - size(MORE), size) + MORE


def reasons(*whys: str | None) -> str | None:
    """What of a content went another way than it was written."""
    return "; ".join(why for why in whys if why) or None


def _boundary(text: str, at: int) -> int:
    """The last place up to `at` that does not part what is seen as one character."""
    for place in range(at, max(0, at - CLUSTER_SIGNS), -1):
        if place == len(text) or not _joined(text, place):
            return place
    return at if at > CLUSTER_SIGNS else 0


def _joined(text: str, at: int) -> bool:
    before, sign = text[at - 1], text[at]
    if before == "\u200d" or _extends(sign):
        return True
    if not (_regional(before) and _regional(sign)):
        return before == "\r" and sign == "\n"
    flags = at
    while flags and _regional(text[flags - 1]):
        flags -= 1
    return (at - flags) % 2 == 1


def _extends(sign: str) -> bool:
    """Signs that change the one before: accents, variations, skin colours, keycaps, tags."""
    code = ord(sign)
    return (
        code == 0x200D
        or 0xFE00 <= code <= 0xFE0F
        or 0x1F3FB <= code <= 0x1F3FF
        or 0xE0020 <= code <= 0xE007F
        or unicodedata.category(sign) in ("Mn", "Me", "Mc")
    )


def _regional(sign: str) -> bool:
    return 0x1F1E6 <= ord(sign) <= 0x1F1FF


def _before_address(text: str, at: int) -> int:
    """Half an address leads elsewhere: a cut within one is made before it."""
    if at >= len(text) or text[at].isspace():
        return at
    start = max((text.rfind(space, 0, at) for space in " \n\t\u3000"), default=-1) + 1
    found = text.find("://", start, at + 3)
    if found < 0:
        return at
    while found > start and text[found - 1].isascii() and text[found - 1].isalpha():
        found -= 1
    return found
