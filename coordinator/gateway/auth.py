"""Tokens: who somebody is, what they may be, for which sale and how long.

JWTs signed with HS256, so that a company's own system can issue them (design.md, section 8).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path
from typing import Any

import jwt
import msgspec

from coordinator import clock
from coordinator.core import Actor
from coordinator.settings import REVOKED_FILE
from roles.permissions import ROLES

ISSUER = "dropcue"
ANY_SALE = "*"
READ_KEPT = 10_000  # tokens that were read, and are not verified again
LEEWAY_SECONDS = 30  # two machines' clocks may be this far apart


class TokenError(Exception):
    """A token that opens nothing. `str(error)` says why; `revoked` tells that from the rest."""

    def __init__(self, why: str, *, revoked: bool = False) -> None:
        super().__init__(why)
        self.revoked = revoked


class Identity(msgspec.Struct, frozen=True):
    """What a token says."""

    actor: Actor
    sale: str | None
    jti: str
    expires: int  # seconds since 1970 UTC


class Tokens:
    def __init__(self, key: bytes, folder: Path | None = None) -> None:
        self._key = key
        self._file = folder / REVOKED_FILE if folder is not None else None
        self._revoked: set[str] = set()
        self._read: dict[str, Identity] = {}
        if self._file is not None and self._file.exists():
            self._revoked = set(self._file.read_text("utf-8").split())

    # ------------------------------------------------------------ reading
    def read(self, token: object) -> Identity:
        """Who this is. Raises TokenError with the reason in words."""
        if not isinstance(token, str) or not token or len(token) > 8192:
            raise TokenError("a token is needed: open your join link again, or ask the owner for a new one")
        # Thousands come back at once with tokens that were read before; what can change is looked at each time.
        known = self._read.get(token)
        if known is not None and known.expires + LEEWAY_SECONDS > clock.wall_ms() // 1000:
            identity = known
        else:
            identity = self._decoded(token)
            if len(self._read) >= READ_KEPT:
                self._read.clear()
            self._read[token] = identity
        if self.revoked(identity.jti, identity.sale):
            raise TokenError("this token was revoked: ask the owner for a new join link", revoked=True)
        return identity

    def _decoded(self, token: str) -> Identity:
        try:
            claims: dict[str, Any] = jwt.decode(
                token, self._key, algorithms=["HS256"], issuer=ISSUER, leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "sub"], "verify_aud": False},
            )  # fmt: skip
        except jwt.ExpiredSignatureError:
            raise TokenError("this token is over: ask the owner for a new join link") from None
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as e:
            raise TokenError(f"this is no token of this installation ({type(e).__name__})") from None
        role, sub, sale, groups = claims.get("role"), claims["sub"], claims.get("sale"), claims.get("groups")
        jti = claims.get("jti", "")
        if role not in ROLES:
            raise TokenError(f"the token's role {str(role)[:40]!r} is none of {', '.join(ROLES)}")
        if not isinstance(sub, str) or not 0 < len(sub) <= 128 or any(ord(c) < 33 for c in sub):
            raise TokenError("the token's sub must be a short text without blanks")
        if sale is not None and not isinstance(sale, str):
            raise TokenError("the token's sale must be a text")
        if groups is not None and not (isinstance(groups, list) and all(isinstance(g, str) for g in groups)):
            raise TokenError("the token's groups must be a list of ids")
        if sale is None and role != "owner":
            raise TokenError("the token names no sale; only an owner's may do that")
        actor = Actor(role, sub, tuple(groups) if groups is not None else None)
        return Identity(actor, sale, str(jti), int(claims["exp"]))

    # ------------------------------------------------------------ making
    def make(
        self, role: str, person: str, *, sale: str | None, expires: int, groups: list[str] | None = None
    ) -> tuple[str, str]:
        """(token, jti). `expires` in seconds since 1970 UTC."""
        jti = secrets.token_hex(8)
        claims: dict[str, Any] = {"iss": ISSUER, "sub": person, "role": role, "exp": expires, "jti": jti}
        if sale is not None:
            claims["sale"] = sale
        if groups is not None:
            claims["groups"] = groups
        return jwt.encode(claims, self._key, "HS256"), jti

    def learn(self, entries: set[str]) -> bool:
        """Takes over what other nodes have revoked; whether some of it is new."""
        new = not entries <= self._revoked
        self._revoked |= entries
        return new

    def fingerprint(self) -> str:
        """What tells this installation's key from another one, and tells nothing about it."""
        return self.derived("fingerprint").hex()[:16]

    def revoke(self, jti: str, sale: str | None) -> str:
        """From now on this token opens nothing; kept in the data folder. With a sale, only if it is for that sale.

        The entry, for other nodes to learn.
        """
        entry = f"{sale or ANY_SALE}:{jti}"
        self._revoked.add(entry)
        if self._file is not None:
            with self._file.open("a", encoding="utf-8") as f:
                f.write(entry + "\n")
        return entry

    def revoked(self, jti: str, sale: str | None) -> bool:
        return f"{ANY_SALE}:{jti}" in self._revoked or (sale is not None and f"{sale}:{jti}" in self._revoked)

    # ------------------------------------------------------------ derived keys
    def derived(self, purpose: str) -> bytes:
        """A key of its own for one purpose, so that no one key opens two things."""
        return hmac.new(self._key, f"dropcue:{purpose}".encode(), hashlib.sha256).digest()

    def member_key(self, relay: str) -> str:
        """What a relay makes its members' pseudonyms with (design.md, 1.11)."""
        return hmac.new(self.derived("members"), relay.encode(), hashlib.sha256).hexdigest()

    def pseudonym(self, namespace: str, id_: str) -> str:
        """HMAC(installation key, namespace:id), cut to 20 hex digits."""
        return hmac.new(self.derived("members"), f"{namespace}:{id_}".encode(), hashlib.sha256).hexdigest()[:20]

    def sign(self, value: str) -> str:
        """A value with its signature, for a cookie."""
        mac = hmac.new(self.derived("cookie"), value.encode(), hashlib.sha256).hexdigest()[:32]
        return f"{value}.{mac}"

    def unsign(self, signed: str | None) -> str | None:
        """The value, if its signature holds."""
        if not signed:
            return None
        value, _, mac = signed.rpartition(".")
        return value if value and hmac.compare_digest(self.sign(value), signed) and mac else None


def in_days(days: float) -> int:
    return clock.wall_ms() // 1000 + int(days * 86_400)
