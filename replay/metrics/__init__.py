"""The figures of the review: one file a topic, each from the tables alone."""

from __future__ import annotations

from replay.metrics import (
    attribution,
    cheer,
    followups,
    games,
    messages,
    people,
    plan_against_run,
    plays,
    punctuality,
    questions,
    returns,
    sales,
    stages,
)
from replay.metrics.figure import Figure
from replay.metrics.funnels import Funnels
from replay.tables import Tables


def figures_of(t: Tables) -> list[Figure]:
    """Every figure, in the order in which the review speaks of them. An empty sale has none."""
    if t.state.plan is None:
        return []
    funnels = Funnels(t)
    return [
        *people.figures(t),
        *messages.figures(t),
        *funnels.figures(),
        *sales.figures(t),
        *returns.figures(t, funnels.reach(), *sales.totals(t)),
        *attribution.figures(t),
        *questions.figures(t),
        *followups.figures(t),
        *cheer.figures(t),
        *games.figures(t),
        *plays.figures(t),
        *punctuality.figures(t),
        *plan_against_run.figures(t),
        *stages.figures(t),
    ]
