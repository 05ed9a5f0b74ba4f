"""A credential's way out: its rate window, those of its groups, and what waits for room in them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Literal

import structlog

from roles.relay.adapters.base import Delivery, Prepared, Route
from roles.relay.sending.windows import Limit, Window

log = structlog.get_logger("relay")


@dataclass(slots=True, eq=False)
class Parcel:
    """A delivery on its way to its instant."""

    delivery: Delivery
    route: Route
    at: int  # the instant in the sale's time; later than `fire_at` where a platform asked to wait
    phase: Literal["timed", "queued", "prepared", "blocked"] = "timed"
    told_waiting: bool = False
    preparing: asyncio.Task[Prepared] | None = None
    places: int = 1  # of the rate window


def places_of(route: Route, delivery: Delivery) -> int:
    """How many places of its windows it takes: at least one, and never more than the widest has."""
    limits = (*route.adapter.settings.limits(), *route.adapter.settings.group_limits())
    try:
        wanted = int(route.adapter.places(route.group, delivery.content))
    except Exception as error:  # somebody's own adapter: one message must not keep the others here
        log.warning("an adapter cannot count a message", platform=route.adapter.platform, why=type(error).__name__)
        wanted = 1
    return max(1, min(wanted, max((limit.count for limit in limits), default=wanted)))


@dataclass(slots=True, eq=False)
class Lane:
    """One credential: its rate window and what waits for room in it, the most urgent first."""

    window: Window
    queue: list[tuple[int, int, int, Parcel]] = field(default_factory=list)
    untold: bool = False  # some of it has not been told to wait, if it has to
    timer: asyncio.TimerHandle | None = None
    groups: dict[str, Window] = field(default_factory=dict)  # where the platform counts each group too
    group_limits: tuple[Limit, ...] = ()

    def of(self, group: str) -> Window | None:
        """The group's own window, where it has one."""
        if self.group_limits and group not in self.groups:
            self.groups[group] = Window(self.group_limits)
        return self.groups.get(group)

    def take(self, group: str, now: float, places: int) -> Literal["taken", "group full", "full"]:
        """A slot of the credential and, where there is one, of the group; both or none."""
        own = self.of(group)
        if own is not None and not own.take(now, places):
            return "group full"
        if self.window.take(now, places):
            return "taken"
        if own is not None:
            own.give_back(places)
        return "full"

    def settle(self, group: str, ended: float, places: int) -> None:
        self.window.settle(ended, places)
        if group in self.groups:
            self.groups[group].settle(ended, places)

    def give_back(self, group: str, places: int) -> None:
        self.window.give_back(places)
        if group in self.groups:
            self.groups[group].give_back(places)

    def free_at(self, group: str, now: float, ahead: int = 0, ahead_in_group: int = 0, places: int = 1) -> float:
        own = self.of(group)
        free = self.window.free_at(now, ahead, places)
        return free if own is None else max(free, own.free_at(now, ahead_in_group, places))
