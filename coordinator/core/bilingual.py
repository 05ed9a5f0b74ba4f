"""What the service itself says to the team, in Chinese and English: a screen shows its reader's language.

What a person wrote, in the sheet or on a screen, stands as it was written. `text` has both, for readers that know one field.
"""

from __future__ import annotations

from coordinator.core.rules import Words

ROLES: dict[str, Words] = {
    "owner": Words(zh="负责人", en="owner"),
    "controller": Words(zh="场控", en="controller"),
    "host": Words(zh="主播", en="host"),
    "cohost": Words(zh="副播", en="cohost"),
    "cheer": Words(zh="气氛组", en="cheer"),
    "support": Words(zh="客服", en="support"),
    "poster": Words(zh="群管", en="poster"),
    "relay": Words(zh="群助手", en="relay"),
}


def called(who: str) -> Words:
    """A role by its word, with what stands before it in English; a person by their name."""
    role = ROLES.get(who)
    return Words(zh=who, en=who) if role is None else Words(zh=role.zh, en=f"the {role.en}")


def in_both(words: Words) -> str:
    return f"{words.zh} / {words.en}"
