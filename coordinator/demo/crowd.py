"""The simulated members of the groups: who they are, who is there, who speaks often. Seeded, so always the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from coordinator.demo.texts import CALL_ENDINGS, CALL_NAMES, PLACES, SURNAME_ENDINGS, SURNAMES

# A few speak often and most never: the n-th most talkative is drawn by a power of an even draw.
TALKATIVE_POWER = 2.4
MAX_CROWD = 5_000  # a group on any platform is smaller; a sheet's mistake must not fill the memory


@dataclass(frozen=True, slots=True)
class GroupOfDemo:
    """A group as the sheet gives it."""

    id: str
    members: int = 150


@dataclass(frozen=True, slots=True)
class Person:
    """One simulated member. `who` is the id a pseudonym is derived from."""

    group: str
    number: int
    name: str

    @property
    def who(self) -> str:
        return f"demo:{self.group}:{self.number}"


def rng_for(seed: int, *about: object) -> Random:
    """Random numbers for one purpose: what is drawn for one thing never depends on the order of the others."""
    return Random(":".join(map(str, (seed, *about))))


def person_of(seed: int, group: str, number: int) -> Person:
    rng = rng_for(seed, "name", group, number)
    style = rng.random()
    if style < 0.6:
        name = rng.choice(CALL_NAMES) + rng.choice(CALL_ENDINGS)
    elif style < 0.85:
        name = f"{rng.choice(PLACES)}-{rng.choice(SURNAMES)}{rng.choice(SURNAME_ENDINGS)}"
    else:
        name = f"{rng.choice(CALL_NAMES)}{rng.randrange(10, 100)}"
    return Person(group, number, name)


@dataclass(slots=True)
class Crowd:
    """Who is in one group now. `present` is ordered: who stands further in front speaks more."""

    seed: int
    group: str
    present: list[Person] = field(default_factory=list)
    next_number: int = 1

    @classmethod
    def of(cls, seed: int, group: GroupOfDemo) -> Crowd:
        crowd = cls(seed, group.id)
        for _ in range(min(max(group.members, 0), MAX_CROWD)):
            crowd.present.append(person_of(seed, group.id, crowd.next_number))
            crowd.next_number += 1
        return crowd

    def joins(self, rng: Random) -> Person:
        person = person_of(self.seed, self.group, self.next_number)
        self.next_number += 1
        self.present.insert(rng.randrange(len(self.present) + 1), person)
        return person

    def leaves(self, rng: Random) -> Person | None:
        """Who leaves is rather one who never spoke."""
        if len(self.present) < 2:
            return None
        place = len(self.present) - 1 - int(len(self.present) * rng.random() ** TALKATIVE_POWER)
        return self.present.pop(place)

    def speaker(self, rng: Random) -> Person | None:
        if not self.present:
            return None
        return self.present[int(len(self.present) * rng.random() ** TALKATIVE_POWER)]

    def share(self, rng: Random, rate: float) -> list[Person]:
        """Those of the members who do something that each does with this probability."""
        return [person for person in self.present if rng.random() < rate]
