"""A chain's page: its product, what it unlocks, how many are in it and how many it needs."""

from __future__ import annotations

from coordinator.core import State, members
from coordinator.core.chains import Chain
from coordinator.core.links import AddressKey
from coordinator.core.render import money
from coordinator.gateway.landing.playing import Playing, game, gone_on, not_open


def seen(state: State, key: AddressKey, member: str | None) -> Playing:
    product = state.products.get(key.what)
    name = product.name if product else key.what
    chain = gone_on(state, [c for c in state.chains.values() if c.product == key.what], key)
    if chain is None:
        return not_open(state, key, name)
    unlocks: str | None = None
    if chain.unlocks is not None and chain.unlocks.price is not None:
        unlocks = money(chain.unlocks.price, state.the.currency)
    elif chain.unlocks is not None and chain.unlocks.coupon in state.coupons:
        unlocks = state.coupons[chain.unlocks.coupon or ""].title
    mine = members.pseudonyms(state, member) if member else ()
    return Playing(
        id=chain.id,
        name=name,
        standing=chain.status,
        count=chain.count,
        until=chain.until,
        taking_part=any(each.member in mine for each in chain.members),
        facts={"target": chain.target, "unlocks": unlocks, "claim": _claim(state, chain, key.group)},
    )


def _claim(state: State, chain: Chain, group: str) -> str | None:
    """Where the coupon that a full chain has unlocked is claimed, as its group was told."""
    coupon = chain.unlocks.coupon if chain.unlocks is not None else None
    if chain.status != "completed" or coupon is None:
        return None
    for drop in reversed(state.drops.values()):
        if drop.kind == "coupon" and drop.what == coupon and group in drop.groups and drop.status != "withdrawn":
            delivery = state.by_drop.get(drop.id, {}).get(group)
            return state.deliveries[delivery].content.coupon if delivery in state.deliveries else None
    return None


game("chain", seen, "chain.join")
