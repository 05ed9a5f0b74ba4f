"""What chains and draws have in common beside `rounds`: until when they are open, where they are played, what follows into groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from coordinator.core import selectors
from coordinator.core.kernel import Refusal, Turn
from coordinator.core.plan import CuePlan, Late
from coordinator.core.rounds import LONGEST_MS
from coordinator.core.rules import Words

if TYPE_CHECKING:
    from coordinator.core.cues import Drop
    from coordinator.core.state import State

SHORTEST_MS = 1_000
LATEST = 253_370_764_800_000  # the year 9999: calendars end there

Until = Annotated[int, Field(ge=SHORTEST_MS, le=LATEST)]
"""When a game ends: an instant, or, up to LONGEST_MS (1971 is past), its length."""


def ends_at(until: int, opens_at: int) -> int:
    return opens_at + until if until <= LONGEST_MS else until


def need_later(turn: Turn, until: int) -> None:
    """Refuses an end that comes before the opening."""
    opens_at = turn.at + turn.state.p.lead
    if ends_at(until, opens_at) < opens_at + SHORTEST_MS:
        message = "until is an instant that has passed; give one to come, or a length in ms such as 600000"
        raise Refusal("invalid", message, {"field": "until"})


def length_words(ms: int) -> str:
    """A length as a text into groups says it."""
    for unit, name in ((86_400_000, "天"), (3_600_000, "小时"), (60_000, "分钟")):
        if ms >= unit and ms % unit == 0:
            return f"{ms // unit} {name}"
    return f"{round(ms / 60_000)} 分钟" if ms >= 600_000 else f"{round(ms / 1000)} 秒"


def time_words(fields: dict[str, Any], drop: Drop) -> str:
    return length_words(ends_at(fields["until"], drop.fire_at) - drop.fire_at)


def short(member: str) -> str:
    """A pseudonym cut to what tells two members apart."""
    return f"{member[:6]}…"


def need_own_groups(turn: Turn, groups: list[str]) -> None:
    """A cheer member opens games in the groups they serve."""
    if turn.actor.role != "cheer":
        return
    state = turn.state
    served = turn.actor.groups
    if served is None:
        team = [m for m in state.p.team if m.role == "cheer" and m.person == turn.actor.name and m.groups]
        if not team:
            return
        served = tuple(selectors.select(team[0].groups or "all", list(state.groups.values())))
    foreign = [g for g in groups if g not in served]
    if foreign:
        raise Refusal("forbidden", f"{foreign[0]} is not a group of {turn.actor.by}", {"field": "groups"})


def tell_groups(turn: Turn, do: str, fields: dict[str, Any], groups: list[str], text: str) -> None:
    """What a game's end brings into its groups, at now + lead. A halt, or groups that are all frozen, keep it back."""
    from coordinator.core import firing, prompts, reaching, render

    state = turn.state
    plan = CuePlan(
        id=state.next_id("hand-"), do=do, fields=fields, groups=tuple(groups), text=text, late=Late(rule="ask", within=30_000)
    )  # fmt: skip
    if state.the.halted or not reaching.reach(state, plan):
        said = render.fill(state, text)
        prompts.tell(
            turn, "controller", Words(zh=f"没有发进群: {said}", en=f"Not sent into groups: {said}"), urgency="high"
        )
        return
    firing.announce(turn, plan.id, plan, turn.at + state.p.lead, hand=True)


def about_to_open(state: State, kind: str, what: str | None = None) -> str | None:
    """The drop that announces such a game and has not fired."""
    return next(
        (
            d.id
            for d in state.drops.values()
            if d.kind == kind and d.status == "announced" and (what is None or d.what == what)
        ),
        None,
    )
