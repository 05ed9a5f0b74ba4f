"""The five stages (AARRR), one figure for each, from one journal."""

from __future__ import annotations

from replay.metrics.figure import Figure, Why, figure, ratio
from replay.metrics.people import NO_MEMBERS, TOO_EARLY, UNSEEN, seen
from replay.tables import Tables

NO_INVITATIONS: Why = ("invitations are not recorded", "未记录邀请")


def figures(t: Tables) -> list[Figure]:
    named = {m.member for m in t.messages} | {c.member for c in t.clicks} | {c.member for c in t.claims}
    active = t.persons(named.union(*(checkin.members for checkin in t.state.checkins.values())))
    known = seen(t)
    # Somebody who clicked and was never seen in a group was present all the same.
    members = max(t.members(), len(active))
    joins = sum(c.heads for c in t.comings if c.what == "joined")
    paid = sum(o.paid for o in t.orders.values() if o.paid_at is not None)
    return [
        figure(t, "aarrr_acquisition", joins if known else None, why=UNSEEN),
        ratio(t, "aarrr_activation", len(active) if known else None, members, why=NO_MEMBERS if known else UNSEEN),
        figure(t, "aarrr_retention", None, why=TOO_EARLY),
        ratio(t, "aarrr_revenue", paid, t.members(), why=NO_MEMBERS),
        figure(t, "aarrr_referral", None, why=NO_INVITATIONS),
    ]
