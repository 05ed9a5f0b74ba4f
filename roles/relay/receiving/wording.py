"""What a message is, by its words: a question, a request to have something again. Rules that anybody can check.

A question has a question mark outside a web address, or one of the words below, and at least two signs that say
something. A request to have again holds one of the configured words, and is no question beside that: what it wants is a
repeat. What names a person is masked before any of it leaves.
"""

from __future__ import annotations

import re
import unicodedata

from coordinator.core.personal import masked_text

__all__ = ["ASKS_AGAIN", "asks_again", "is_question", "masked_text"]

ASKS_AGAIN = ("再发一下", "再发一遍", "再发一次", "重新发一下", "链接再发", "再发链接", "再发个链接", "重发", "send it again", "link again")  # fmt: skip

LONGEST_QUESTION = 300  # signs; longer texts are stories, and no card holds them

_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)
_MARK = re.compile(r"[?？]")
# Words that ask by themselves, wherever they stand.
_ASKING = re.compile(
    r"怎么|怎样|咋|如何|多少|多久|多大|多重|多长|几点|几号|几天|几个|几件|什么时候|啥时候|哪里|哪儿|哪个|哪款|哪天|为什么|为啥"
    r"|请问|想问|问一下|能不能|可不可以|有没有|是不是|会不会|行不行|好不好用|有吗|能吗|是吗"
)
# Where a sentence ends with them, it asks.
_ENDING = re.compile(r"(?:吗|(?<![这那多要])么)[\s。.~!!…]*$")
# What people say in wonder, not to be told anything.
_WONDER = re.compile(r"怎么这么|怎么那么|不是吗|多少都|没怎么|不怎么|没什么|怎么说呢|有没有搞错")


def is_question(text: str) -> bool:
    """Whether a text reads like a question that somebody wants answered."""
    plain = unicodedata.normalize("NFC", _ADDRESS.sub(" ", text)).strip()
    said = sum(c.isalnum() for c in plain)
    if said < 2 or len(plain) > LONGEST_QUESTION:
        return False
    if _MARK.search(plain):
        return True
    if _WONDER.search(plain):
        return False
    return bool(_ASKING.search(plain) or _ENDING.search(plain))


def asks_again(text: str, words: tuple[str, ...]) -> bool:
    """Whether a text asks for what the group was sent before. Spaces, signs and case do not matter."""
    folded = _folded(text)
    return len(folded) <= 60 and any(_folded(word) in folded for word in words if _folded(word))


def _folded(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())
