"""A command that is sent twice counts once: at once, later, and after the service was killed.

The conductor is the real one; its journal is a list in memory.
"""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.clock import Clock
from coordinator.conductor import Answer, Conductor
from coordinator.core import CLOCK, Actor
from coordinator.core.state import encode
from coordinator.journal import codec
from tests.conductor.fakes import FakeJournal, conducted, new_journal
from tests.core.driver import ACTORS, SECOND, sheet
from tests.property.steps import NAMES, commands


class Stopped(Clock):
    """A clock that a test moves."""

    def __init__(self, at: int) -> None:
        self.at = at

    def now(self) -> int:
        return self.at

    def delay(self, instant: int) -> float:
        return 0.0 if instant <= self.at else 3600.0


class Service:
    """A conductor that can be killed and opened again on its journal."""

    def __init__(self, journal: FakeJournal) -> None:
        self.journal, self.clock = journal, Stopped(codec.decode(journal.entries[0]).at)
        self.conductor: Conductor

    async def open(self) -> None:
        self.conductor = await conducted(self.journal, lambda _: self.clock)

    async def again(self) -> None:
        await self.conductor.close()
        await self.open()

    async def do(self, who: Actor, fields: dict[str, Any]) -> Answer:
        return await self.conductor.do(who, fields)

    @property
    def sale(self) -> Any:
        """What `steps.commands` looks at."""

        class Now:
            state = self.conductor.state
            now = self.clock.at

        return Now


Sent = tuple[Actor, dict[str, Any], Answer]


async def scenario(steps: list[tuple[str, int, int, str]]) -> None:
    service = Service(await new_journal(sheet(segment_of_drops())))
    await service.open()
    for n, (kind, who) in enumerate((("show.arm", "owner"), ("show.start", "owner"))):
        assert (await service.do(ACTORS[who], {"kind": kind, "id": f"s{n}"})).ok
    for kind, fields in (
        ("coupon.drop", {"coupon": "c20", "groups": "all"}),
        ("link.drop", {"link": "room", "groups": "all"}),
    ):
        assert (await service.do(ACTORS["controller"], {"kind": kind, "id": kind, **fields})).ok
    service.clock.at += 3 * SECOND
    service.conductor.wake()
    sent: list[Sent] = []
    for n, (name, a, b, how) in enumerate(steps):
        who, kind, fields = commands(service.sale, name, a, b, [])
        actor = ACTORS[who] if isinstance(who, str) else who
        if actor is CLOCK:
            continue
        body = {"kind": kind, "id": f"i{n}", **{k: v for k, v in fields.items() if v is not None}}
        service.clock.at += a
        first = await service.do(actor, body)
        if first.ok:
            sent.append((actor, body, first))
        if how == "killed":
            await service.again()
        elif how == "together":
            await together(service, actor, body)
        if first.ok and how != "once":
            await repeated(service, (actor, body, first))
    for each in sent:
        await repeated(service, each)
    await service.again()
    for each in sent:
        await repeated(service, each)
    assert len({(s, i) for s, i, _ in service.journal.index}) == len(service.journal.index)
    await service.conductor.close()


async def repeated(service: Service, given: Sent) -> None:
    """The same id again: the same answer, and nothing happens. The same id with another body: invalid."""
    actor, body, first = given
    before, events = encode(await service.conductor.settled()), len(service.journal.entries)
    again = await service.do(actor, body)
    if any((s, i) == (actor.sender, body["id"]) for s, i, _ in service.journal.index):
        assert again.ok
        assert again.result == first.result, body
        other = await service.do(actor, {**body, "surprise": 1})
        assert (other.ok, other.code) == (False, "invalid")
        fresh = codec.decode_all(service.journal.entries[events:])
        assert {e.by for e in fresh} <= {"clock"}, "only what had come due may happen meanwhile"
        assert fresh or encode(await service.conductor.settled()) == before


async def together(service: Service, actor: Actor, body: dict[str, Any]) -> None:
    """A whole frame of the same command with a new id: one of them at most takes effect."""
    fresh = {**body, "id": body["id"] + "x"}
    answers = await asyncio.gather(*[service.do(actor, fresh) for _ in range(3)])
    written = [k for k in service.journal.index if k[1] == fresh["id"]]
    assert len(written) <= 1
    if written:
        assert all(a.ok for a in answers)
        assert len({str(a.result) for a in answers}) == 1


def segment_of_drops() -> dict[str, Any]:
    cue = {"id": "c", "at": "+1m", "do": "link.drop", "product": "pan", "groups": "all"}
    return {"id": "intro", "kind": "interaction", "lasts": "30m", "cues": [cue]}


GIVEN = sorted({n for n in NAMES if n not in {"wait", "away", "edit"}})
STEPS = st.lists(
    st.tuples(
        st.sampled_from(GIVEN), st.integers(0, 59), st.integers(0, 59), st.sampled_from(["once", "twice", "twice", "together", "killed"])
    ),
    min_size=8, max_size=20,
)  # fmt: skip


@given(STEPS)
@settings(max_examples=40)
def test_a_repeated_command_changes_nothing_and_is_told_the_same(steps: list[tuple[str, int, int, str]]) -> None:
    asyncio.run(scenario(steps))
