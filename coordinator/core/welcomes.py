"""The welcome 欢迎语: what a group says to who has just come, as the sheet has it.

It goes out once for all who come within the time of the repeat rule (10 minutes): the later ones find it above. Like any
talk it counts within the group's cap, and goes by neither halt nor freeze.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from coordinator.core import render
from coordinator.core.kernel import Event, Key, Turn, evolves

if TYPE_CHECKING:
    from coordinator.core.state import State

RUNNING = frozenset({"armed", "live", "ended"})


class GroupWelcomed(Event, tag="group.welcomed", kw_only=True):
    group: str
    drop: str


def look(turn: Turn, group: str) -> None:
    """Welcomes who has just joined a group, where it has words for it and nobody was told them lately."""
    from coordinator.core import firing, reaching

    state = turn.state
    words = render.of_group(state, group)["welcome"]
    last = state.welcomed.get(group)
    if not words or state.the.status not in RUNNING or state.the.halted or not reaching.reachable(state, [group]):
        return
    if last is not None and turn.at - last < state.p.pacing.same_content:
        return
    firing.drop_by_hand(turn, "message.send", {}, [group], words)
    turn.emit(GroupWelcomed(group=group, drop=f"drop{state.counts['drop']}"))


@evolves(GroupWelcomed)
def welcomed(state: State, e: GroupWelcomed) -> Iterable[Key]:
    state.welcomed[e.group] = e.at
    return ()
