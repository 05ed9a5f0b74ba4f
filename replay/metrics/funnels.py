"""The two funnels: link (reach, clicked, ordered, paid) and coupon (reach, claimed, redeemed).

Both are counted in members and in events, for the sale and by group, tier, cue, product and drop. In members each
step is a part of the one before: who orders without having been seen to click is in the events alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from replay.metrics.figure import Figure, Scope, Why, figure, ratio
from replay.rows import Click
from replay.tables import Tables

Key = tuple[str, str]
SALE: Key = ("", "")
NOT_SENT: Why = ("none was sent into a group here", "此处没有发到群里")
NAMELESS: Why = ("none of them names its member", "均无成员标识")
TOPICS = ("group", "tier", "cue", "product", "coupon", "drop")


class Steps:
    """One funnel in one scope, while it is counted."""

    __slots__ = ("discount", "events", "groups", "members")

    def __init__(self) -> None:
        self.groups: dict[str, int] = {}  # group that it was sent into → the most heads there were at a sending
        self.events: Counter[str] = Counter()
        self.members: dict[str, set[str]] = {}
        self.discount = 0

    def add(self, step: str, member: str | None, after: str | None = None) -> None:
        """One event of a step; its member counts only where they are in the step before."""
        self.events[step] += 1
        if member is not None and (after is None or member in self.members.get(after, ())):
            self.members.setdefault(step, set()).add(member)

    def of(self, step: str) -> int | None:
        """Members of a step; None where it happened but nobody is named."""
        found = len(self.members.get(step, ()))
        return found if found or not self.events[step] else None

    def within(self, step: str, before: int | None) -> int | None:
        """Members of a step, where those of the step before are known."""
        return None if before is None else len(self.members.get(step, ()))

    def reach(self, acted: str) -> int | None:
        """Heads of the groups, or those who are known to have acted on it where they are more."""
        if not self.groups:
            return None
        return max(sum(self.groups.values()), len(self.members.get(acted, ())))


class Funnels:
    """Both funnels in every scope."""

    def __init__(self, t: Tables) -> None:
        self.t = t
        self.link: dict[Key, Steps] = {}
        self.coupon: dict[Key, Steps] = {}
        self._tier = {g.id: g.tier for g in t.state.groups.values()}
        self._sent()
        self._links()
        self._coupons()

    def _keys(
        self,
        *,
        drop: str | None,
        cue: str | None,
        group: str | None,
        products: Iterable[str] = (),
        coupon: str | None = None,
    ) -> list[Key]:
        keys = [SALE]
        for topic, what in (
            ("drop", drop),
            ("cue", cue),
            ("group", group),
            ("coupon", coupon),
            ("tier", self._tier.get(group or "")),
        ):
            if what:
                keys.append((topic, what))
        return keys + [("product", p) for p in products]

    def _click_keys(self, c: Click) -> list[Key]:
        return self._keys(drop=c.drop, cue=c.cue, group=c.group, products=(c.product,) if c.product else ())

    def _coupon_products(self, coupon: str) -> tuple[str, ...]:
        found = self.t.state.coupons.get(coupon)
        return found.products if found else ()

    def _sent(self) -> None:
        for s in self.t.sents:
            if s.kind == "link":
                products = (s.what,) if s.what in self.t.state.products else ()
                keys, funnel = (
                    self._keys(drop=s.drop, cue=s.cue, group=s.group, products=[p for p in products if p]),
                    self.link,
                )
            elif s.kind == "coupon":
                coupon = s.what or ""
                keys = self._keys(
                    drop=s.drop, cue=s.cue, group=s.group, products=self._coupon_products(coupon), coupon=coupon
                )
                funnel = self.coupon
            else:
                continue
            for key in keys:
                groups = funnel.setdefault(key, Steps()).groups
                groups[s.group] = max(s.heads, groups.get(s.group, 0))

    def _links(self) -> None:
        link, person = self.link, self.t.person
        keys_of: dict[tuple[str | None, str | None, str | None, str | None], list[Key]] = {}
        for c in self.t.clicks:
            spot = (c.drop, c.cue, c.group, c.product)
            keys = keys_of.get(spot)
            if keys is None:
                keys = keys_of[spot] = self._click_keys(c)
            for key in keys:
                steps = link.get(key)
                if steps is None:
                    steps = link[key] = Steps()
                steps.add("clicked", person(c.member))
        self._orders(link, ("link", "click"), "clicked")

    def _orders(self, funnel: dict[Key, Steps], rules: tuple[str, ...], before: str) -> None:
        """The orders that the sheet's rule counts for this funnel, and of them those that were paid."""
        person = self.t.person
        for o in self.t.orders.values():
            through = o.through
            if through is None or through.rule not in rules:
                continue
            coupon = through.what if funnel is self.coupon else None
            products = (
                self._coupon_products(coupon)
                if coupon
                else (through.what,)
                if through.what in self.t.state.products
                else ()
            )
            for key in self._keys(
                drop=through.drop,
                cue=through.cue,
                group=through.group,
                products=[p for p in products if p],
                coupon=coupon,
            ):
                steps = funnel.setdefault(key, Steps())
                steps.add("ordered", person(o.member), before)
                if o.paid_at is not None:
                    steps.add("paid", person(o.member), "ordered")

    def _coupons(self) -> None:
        person = self.t.person
        for c in self.t.claims:
            products = self._coupon_products(c.coupon)
            for key in self._keys(drop=c.drop, cue=c.cue, group=c.group, products=products, coupon=c.coupon):
                self.coupon.setdefault(key, Steps()).add("claimed", person(c.member))
        for r in self.t.redemptions:
            c = r.claim
            products = self._coupon_products(c.coupon)
            for key in self._keys(drop=c.drop, cue=c.cue, group=c.group, products=products, coupon=c.coupon):
                steps = self.coupon.setdefault(key, Steps())
                steps.add("redeemed", person(c.member), "claimed")
                steps.discount += r.off
        self._orders(self.coupon, ("coupon", "claim"), "claimed")

    def reach(self) -> int | None:
        """The sale's potential reach, by link or coupon."""
        return _reach(self.link.get(SALE), self.coupon.get(SALE))

    def keys(self) -> list[Key]:
        """The scopes in which anything happened, the whole sale first."""
        found = {*self.link, *self.coupon} - {SALE}
        order = {topic: i for i, topic in enumerate(TOPICS)}
        return [SALE, *sorted(found, key=lambda k: (order[k[0]], k[1]))]

    def figures(self) -> list[Figure]:
        out: list[Figure] = []
        for key in self.keys():
            scope = None if key == SALE else {key[0]: key[1]}
            link, coupon = self.link.get(key), self.coupon.get(key)
            out.append(figure(self.t, "reach", _reach(link, coupon), scope=scope, why=NOT_SENT))
            if link is not None or key == SALE:
                out += self._link_figures(link or Steps(), scope)
            if coupon is not None or key == SALE:
                out += self._coupon_figures(coupon or Steps(), scope)
        return out

    def _link_figures(self, s: Steps, scope: Scope | None) -> list[Figure]:
        t, reach, clicked = self.t, s.reach("clicked"), s.of("clicked")
        return [
            figure(t, "link_reach", reach, scope=scope, why=NOT_SENT),
            figure(t, "clicks", s.events["clicked"], scope=scope),
            figure(t, "link_clicked_members", clicked, scope=scope, why=NAMELESS),
            figure(t, "link_orders", s.events["ordered"], scope=scope),
            figure(t, "link_ordered_members", s.within("ordered", clicked), scope=scope, why=NAMELESS),
            figure(t, "link_orders_paid", s.events["paid"], scope=scope),
            figure(t, "link_paid_members", s.within("paid", clicked), scope=scope, why=NAMELESS),
            ratio(t, "click_rate", clicked, reach, scope=scope, why=NOT_SENT if reach is None else NAMELESS),
        ]

    def _coupon_figures(self, s: Steps, scope: Scope | None) -> list[Figure]:
        t, reach, claimed = self.t, s.reach("claimed"), s.of("claimed")
        return [
            figure(t, "coupon_reach", reach, scope=scope, why=NOT_SENT),
            figure(t, "claims", s.events["claimed"], scope=scope),
            figure(t, "coupon_claimed_members", claimed, scope=scope, why=NAMELESS),
            figure(t, "redemptions", s.events["redeemed"], scope=scope),
            figure(t, "coupon_redeemed_members", s.within("redeemed", claimed), scope=scope, why=NAMELESS),
            figure(t, "coupon_orders", s.events["ordered"], scope=scope),
            figure(t, "coupon_orders_paid", s.events["paid"], scope=scope),
            figure(t, "discount", s.discount, scope=scope),
            ratio(t, "claim_rate", claimed, reach, scope=scope, why=NOT_SENT if reach is None else NAMELESS),
            ratio(
                t,
                "redeem_rate",
                s.events["redeemed"],
                s.events["claimed"],
                scope=scope,
                why=("nothing was claimed", "没有领取"),
            ),
        ]


def _reach(link: Steps | None, coupon: Steps | None) -> int | None:
    found = [s for s in (link, coupon) if s is not None and s.groups]
    if not found:
        return None
    groups: dict[str, int] = {}
    acted: set[str] = set()
    for s in found:
        for group, heads in s.groups.items():
            groups[group] = max(heads, groups.get(group, 0))
        acted |= s.members.get("clicked", set()) | s.members.get("claimed", set())
    return max(sum(groups.values()), len(acted))
