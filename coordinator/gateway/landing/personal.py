"""Addresses of one member's own: `?m=MEMBER.SIGN` behind a link or a coupon page, made by the relay that knows them.

SIGN is HMAC-SHA256(member_key, "link:KEY:MEMBER") in hex, cut to 20 digits: the relay has the key since its welcome. The
first browser that opens a member's own address is taken for theirs, and the two pseudonyms are joined. An address that was
passed on is opened by another browser, which stays who it is.
"""

from __future__ import annotations

import hashlib
import hmac

from aiohttp import web

from coordinator.core import CLOCK, State
from coordinator.core.links import AddressKey
from coordinator.core.members import person, pseudonyms
from coordinator.gateway.context import Gateway
from coordinator.gateway.landing.members import member_of, new_member
from coordinator.registry import Sale

SIGN_DIGITS = 20
MAX_MEMBER = 128


def sign(member_key: str, key: str, member: str) -> str:
    return hmac.new(member_key.encode(), f"link:{key}:{member}".encode(), hashlib.sha256).hexdigest()[:SIGN_DIGITS]


def named(gateway: Gateway, state: State, request: web.Request, key: AddressKey) -> str | None:
    """Whom the address names, where one of the group's relays has signed it."""
    member, _, given = request.query.get("m", "").rpartition(".")
    if not 0 < len(member) <= MAX_MEMBER or not member.isprintable() or " " in member:
        return None
    delivery = state.deliveries.get(state.by_drop.get(key.drop, {}).get(key.group, ""))
    relays = dict.fromkeys([*state.groups[key.group].relay, *(delivery.had if delivery else ())])
    for relay in relays:
        made = sign(gateway.tokens.member_key(relay), request.match_info["key"], member)
        if hmac.compare_digest(made.encode(), given.encode()):
            return member
    return None


def opener(
    gateway: Gateway, sale: Sale, state: State, request: web.Request, key: AddressKey, said: object = None
) -> tuple[str, str | None]:
    """Who opens the address, and the pseudonym that their browser is to be given, if its cookie has none.

    `said` is what the page's form says of them, signed as a cookie is.
    """
    known = member_of(gateway, request)
    phone = known or (gateway.tokens.unsign(said) if isinstance(said, str) else None) or new_member(gateway)
    fresh = phone if known is None else None
    member = named(gateway, state, request, key)
    if member is None:
        return phone, fresh
    if person(state, member) == person(state, phone):
        return member, fresh
    if len(pseudonyms(state, member)) == len(pseudonyms(state, phone)) == 1:
        sale.conductor.submit(CLOCK, [{"kind": "member.link", "a": member, "b": phone}], lambda _: None)
        return member, fresh
    return phone, fresh
