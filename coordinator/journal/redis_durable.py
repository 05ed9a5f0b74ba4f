"""How durable a Redis is: what an append waits for, and what its settings may lose, in plain words."""

from __future__ import annotations

from typing import Any

import structlog
from redis.exceptions import RedisError

from coordinator import clock
from coordinator.journal.redis_link import Command, RedisLink

WAIT_MS = 1_000  # for a replica to have an append; a replica that is alive takes a millisecond
LOOK_SECONDS = 5.0  # how often is looked whether a master has a replica
ALONE_SECONDS = 0.5  # and whether one that had none has got one: until then its disk is all there is
WAITAOF = (7, 2)

Place = tuple[str, int]

log = structlog.get_logger(__name__)


class Durability:
    """What an append to each master waits for: one replica, where it has one, or where its own settings ask for one."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._needed: dict[Place, bool] = {}
        self._looked: dict[Place, float] = {}

    async def wait(self, place: Place) -> list[Command]:
        """What to send behind an append, over the same connection: nothing where there is no replica."""
        now = clock.monotonic()
        lasts = LOOK_SECONDS if self._needed.get(place) else ALONE_SECONDS
        if place not in self._looked or now - self._looked[place] >= lasts:
            needed = await self._has_replica(place)
            # One that is new here took over from one that had a replica: itself, perhaps.
            if not needed and self._needed.get(place, any(self._needed.values())):
                log.warning(
                    "Redis has no replica any more: what is answered stands on its disk alone", server=_name(place)
                )
            self._needed[place], self._looked[place] = needed, now
        if not self._needed[place]:
            return []
        if self._link.version >= WAITAOF:
            return [("WAITAOF", 1, 1, WAIT_MS)]
        return [("WAIT", 1, WAIT_MS)]

    def failed(self, place: Place) -> None:
        """It was not reached: whether there is a replica is looked at before the next append."""
        self._looked.pop(place, None)

    @staticmethod
    def reached(answer: Any) -> bool:
        """Whether what was waited for is so."""
        if isinstance(answer, list | tuple):  # WAITAOF: (this server's disk, replicas' disks)
            return len(answer) == 2 and int(answer[0]) >= 1 and int(answer[1]) >= 1
        return isinstance(answer, int) and answer >= 1

    async def _has_replica(self, place: Place) -> bool:
        info = await self._link.of(place, "INFO", "replication")
        if int(info.get("connected_slaves", 0)) > 0:
            return True
        settings = await self._settings(place)
        return settings is not None and int(settings.get("min-replicas-to-write") or 0) > 0

    async def _settings(self, place: Place) -> dict[str, str] | None:
        try:
            found = await self._link.at(place).config_get("*")
        except (RedisError, OSError):
            return None
        return {str(name): str(value) for name, value in found.items()}

    async def warnings(self) -> list[str]:
        """What may be lost with the settings of the servers as they are, and the line that mends it."""
        out: list[str] = []
        for place in self._link.masters():
            where = _name(place)
            settings = await self._settings(place)
            if settings is None:
                out.append(f"{where} does not tell its settings: see to appendonly yes and appendfsync always yourself")
                continue
            if settings.get("appendonly") != "yes":
                out.append(
                    f"{where} does not write each change to its disk: when it dies, all since its last dump is lost, answered "
                    "or not. Set appendonly yes"
                )
            elif settings.get("appendfsync") != "always":
                out.append(
                    f"{where} brings changes to its disk once a second: when its machine dies, up to a second of what was "
                    "answered is lost. Set appendfsync always"
                )
            if settings.get("maxmemory", "0") != "0" and settings.get("maxmemory-policy") != "noeviction":
                out.append(f"{where} throws keys away when its memory is full. Set maxmemory-policy noeviction")
            if not await self._has_replica(place):
                out.append(
                    f"{where} has no replica: while it is down nothing can be sold, and what its disk loses is lost. Add "
                    "one, and set min-replicas-to-write 1"
                )
        return out


def _name(place: Place) -> str:
    return f"{place[0]}:{place[1]}"
