"""Golden hours: how many of their minutes were lively by the cheer squad's doing, of each member and of all together.

A minute counts once it has something in it that a cheer member did: a task done, a post seen in a group, a chain of
theirs that opened there, or an order that they showed. The sheet names the hours; without any, the show itself is one, from its start to its end.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from coordinator.core.chains import ChainOpened
from coordinator.core.groups import GroupMessage
from coordinator.core.kernel import Key, evolves
from coordinator.core.people import ClockStepped
from coordinator.core.sheets import SaleCreated, SheetReplaced
from coordinator.core.show import ShowEnded, ShowResumed, ShowShifted, ShowStarted
from coordinator.core.showcases import ShowcaseAdded
from coordinator.core.tasks import TaskDone

if TYPE_CHECKING:
    from coordinator.core.state import State

MINUTE_MS = 60_000


class Golden(msgspec.Struct, kw_only=True):
    id: str
    start: int | None = None  # None: the show has not started
    end: int | None = None  # None: it is not known yet
    target: int = 20
    minutes: int = 0  # with something in them that any of them did
    by: dict[str, int] = {}  # person → minutes
    last: dict[str, int] = {}  # person, or "" for all → the last minute that counted


@evolves(SaleCreated, SheetReplaced, ShowStarted, ShowResumed, ShowShifted, ShowEnded, ClockStepped)
def planned(state: State, _: Any) -> Iterable[Key]:
    """Brings the hours up to date with the plan, and with where the show stands."""
    the, plan = state.the, state.p
    keys: list[Key] = []
    wanted: dict[str, tuple[int | None, int | None, int]] = {}
    for n, hour in enumerate(plan.golden, 1):
        at = hour.at
        start = (at.instant or 0) - state.stepped if at.base == "clock" else the.start + the.moved + at.offset
        wanted[f"{n}"] = (start, start + hour.lasts, hour.minutes)
    if not plan.golden:
        wanted["show"] = (the.started_at, the.ended_at, plan.cheer.minutes)
    for id_, (start_, end, target) in wanted.items():
        hour_ = state.golden.get(id_)
        if hour_ is None:
            hour_ = state.golden[id_] = Golden(id=id_)
        if (hour_.start, hour_.end, hour_.target) != (start_, end, target):
            hour_.start, hour_.end, hour_.target = start_, end, target
        keys.append(("golden", id_))
    for id_ in [id_ for id_, hour_ in state.golden.items() if id_ not in wanted and not hour_.minutes]:
        del state.golden[id_]  # one that has counted something keeps its past
        keys.append(("golden", id_))
    return keys


def _whose(state: State, e: TaskDone | ChainOpened | ShowcaseAdded) -> str | None:
    """The person whose doing it was. A chain opens by the clock, at its lead: it is of who pressed it."""
    if isinstance(e, TaskDone):
        return e.person
    by = state.drops[e.drop].by if isinstance(e, ChainOpened) else e.by
    return by.removeprefix("cheer:") if by.startswith("cheer:") else None


@evolves(TaskDone, GroupMessage, ChainOpened, ShowcaseAdded)
def lively(state: State, e: TaskDone | GroupMessage | ChainOpened | ShowcaseAdded) -> Iterable[Key]:
    person = e.staff if isinstance(e, GroupMessage) else _whose(state, e)
    if person is None or f"cheer:{person}" not in state.people:
        return ()
    keys: list[Key] = []
    minute = e.at - e.at % MINUTE_MS
    for hour in state.golden.values():
        if hour.start is None or e.at < hour.start or (hour.end is not None and e.at >= hour.end):
            continue
        if hour.last.get(person) != minute:
            hour.last[person] = minute
            hour.by[person] = hour.by.get(person, 0) + 1
            keys.append(("golden", hour.id))
        if hour.last.get("") != minute:
            hour.last[""] = minute
            hour.minutes += 1
            state.figures["sale"].golden_minutes += 1
            keys.append(("figures", "sale"))
    return keys
