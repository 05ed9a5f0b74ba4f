"""Follow-ups 追单: how many were on the list, written to, and bought afterwards; what came of the rest."""

from __future__ import annotations

from collections import Counter

from replay.metrics.figure import Figure, Why, figure, ratio
from replay.tables import Tables

NONE_SENT: Why = ("nobody was written to", "没有联系过任何人")


def figures(t: Tables) -> list[Figure]:
    everyone = [f for f in t.state.followups.values() if f.status != "quiet" or f.messages]
    messaged = [f for f in everyone if f.messages]
    out = [
        figure(t, "followups", len(everyone)),
        figure(t, "followups_messaged", sum(f.messages for f in messaged)),
        ratio(t, "followups_bought", sum(f.bought_after for f in messaged), len(messaged), why=NONE_SENT),
        figure(t, "followups_optout", len(t.state.optouts)),
    ]
    outcomes = Counter(f.outcome for f in everyone if f.outcome is not None)
    return [
        *out,
        *(
            figure(t, "followups_closed", n, scope={"outcome": str(name)})
            for name, n in sorted(outcomes.items(), key=str)
        ),
    ]
