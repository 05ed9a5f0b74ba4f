"""Thousands of members claim at once, by their group's relay, by their own connection and on the page, while the service dies."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import aiohttp

from coordinator.core import Event
from coordinator.gateway.auth import Tokens
from coordinator.gateway.landing.members import COOKIE
from coordinator.journal.sqlite import SqliteJournal
from tests.chaos.load import GONE, whole
from tests.client import KEY, PATIENCE_S, Client, Json, token
from tests.server import ServerProcess, dropcue
from tests.sheet import sheet

CLAIMS_EACH = 4
PHONES = 8  # requests to the page that are under way at once
LINKED_PAIRS = 50  # members with two pseudonyms


class Rush:
    """Every member's claims, over three doors; `got` has what each was told."""

    def __init__(self, server: ServerProcess, *, members: int, quantity: int, connections: int, at_once: int) -> None:
        self.server, self.quantity, self.at_once = server, quantity, at_once
        self.members = [f"m{n}" for n in range(members)]
        self.pairs = dict(
            zip(self.members[-LINKED_PAIRS:], self.members[-2 * LINKED_PAIRS : -LINKED_PAIRS], strict=True)
        )
        self.own = self.members[: connections // 5]  # these have a connection of their own
        self.relays = connections - len(self.own)
        self.got: defaultdict[str, list[str | None]] = defaultdict(list)
        """Person → the code, or None where it had run out, for each claim."""
        self.doors: Counter[str] = Counter()
        self.strange: list[Any] = []
        self.seed = random.randrange(1 << 30)
        self.enough = asyncio.Condition()

    def person(self, member: str) -> str:
        return self.pairs.get(member, member)

    @property
    def answered(self) -> int:
        return self.doors.total()

    async def take(self, member: str, door: str, ok: bool, told: Json) -> bool:
        """Notes an answer; False where it is to be asked again."""
        if not ok and told["code"] == "busy":
            return False
        if ok:
            self.got[self.person(member)].append(told["code"])
        elif told["code"] == "exhausted":
            self.got[self.person(member)].append(None)
        else:
            self.strange.append((member, door, told))
        self.doors[door] += 1
        async with self.enough:
            self.enough.notify_all()
        return True

    async def until(self, answered: int) -> None:
        async with self.enough:
            await self.enough.wait_for(lambda: self.answered >= answered)

    async def run(self, kills: tuple[int, ...]) -> float:
        """All claims; the service is killed each time so many were answered. Seconds it took."""
        self.sale = await self.server.sale(sheet(lead="0s", quantity=self.quantity), live=True)
        controller, relay = await self.server.join(self.sale), await self.server.join(self.sale, "relay")
        await controller.done("coupon.drop", coupon="c20", groups="all")
        await controller.event("coupon.dropped")
        page = (await relay.event("delivery.requested"))["content"]["coupon"]
        for a, b in self.pairs.items():
            await relay.done("member.link", a=b, b=a)
        await self.server.leave()
        claims = [member for member in self.members for _ in range(CLAIMS_EACH)]
        random.Random(self.seed).shuffle(claims)
        theirs = [m for m in claims if m in self.own]
        others = [m for m in claims if m not in self.own]
        at_phones, at_relays = others[::10], [m for n, m in enumerate(others) if n % 10]
        path = page.removeprefix(self.server.url)
        started = time.monotonic()
        async with aiohttp.ClientSession() as phones, asyncio.TaskGroup() as work:
            for n in range(self.relays):
                work.create_task(self._relay(n, at_relays[n :: self.relays]))
            for member in self.own:
                work.create_task(self._own(member, theirs.count(member)))
            for n in range(PHONES):
                work.create_task(self._phone(phones, path, n, at_phones[n::PHONES]))
            for count in kills:
                await self.until(count)
                await self.server.restart()
        return time.monotonic() - started

    # ------------------------------------------------------------ the doors
    async def _relay(self, n: int, members: list[str]) -> None:
        claims = [
            {"id": f"{n}.{i}", "kind": "coupon.claim", "coupon": "c20", "member": member, "group": "g1"}
            for i, member in enumerate(members)
        ]
        await self._ask(token("relay", "r1", self.sale), "relay", claims)

    async def _own(self, member: str, count: int) -> None:
        claims = [
            {"id": f"{i}", "kind": "coupon.claim", "coupon": "c20", "member": member, "group": "g1"}
            for i in range(count)
        ]
        await self._ask(token("audience", member, self.sale), "own", claims)

    async def _ask(self, who: str, door: str, claims: list[Json]) -> None:
        """Over a line that breaks: what was not answered is sent again, with its id."""
        while claims:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    client = await Client.join(self.server.url, who)
            except GONE:
                await asyncio.sleep(0.02)  # it is being started again: there is nothing to wait on but time
                continue
            try:
                while claims:
                    async with asyncio.timeout(PATIENCE_S):
                        results = await client.many(claims[: self.at_once])
                    again = []
                    for claim, result in zip(claims, results, strict=False):
                        told = result["result"] if result["ok"] else result
                        if not await self.take(claim["member"], door, result["ok"], told):
                            again.append(claim)
                    claims = again + claims[self.at_once :]
            except GONE:
                continue
            finally:
                client.cut()

    async def _phone(self, session: aiohttp.ClientSession, path: str, n: int, members: list[str]) -> None:
        tokens = Tokens(KEY.encode())
        for i, member in enumerate(members):
            cookie = {"Cookie": f"{COOKIE}={tokens.sign(member)}", "Accept": "application/json"}
            while True:
                try:
                    answer = await session.post(self.server.url + path, json={"id": f"{n}.{i}"}, headers=cookie)
                    if await self.take(member, "page", answer.status == 200, await answer.json(content_type=None)):
                        break
                except (aiohttp.ClientError, OSError):
                    pass
                await asyncio.sleep(0.02)  # as above

    # ------------------------------------------------------------ what must be so
    async def check(self) -> None:
        await self.server.kill()
        events = await whole(SqliteJournal.open(self.server.data, readonly=True), self.sale)
        code, out, err = await dropcue("verify", self.sale, "--data", str(self.server.data))
        assert code == 0, (out, err)
        assert not self.strange, (self.seed, self.strange[:3])
        claimed = list(_of("coupon.claimed", events))
        assert len(claimed) == len({e.code for e in claimed}) == self.quantity, "exactly as many as there are"
        assert [e.left for e in claimed] == list(range(self.quantity - 1, -1, -1))
        assert len(list(_of("coupon.ran_out", events))) == 1
        given = Counter(self.person(e.member) for e in claimed)
        assert max(given.values()) == 1, (self.seed, given.most_common(3))
        codes = {self.person(e.member): e.code for e in claimed}
        for member in self.members:
            told = self.got[self.person(member)]
            assert len(told) in {CLAIMS_EACH, 2 * CLAIMS_EACH}
            assert set(told) <= {codes.get(self.person(member)), None}, (self.seed, member, told)
        # Who has a code is told it however often they ask: no claim of theirs was told that there is none, after it.
        assert not [m for m, told in self.got.items() if m in codes and None in told], self.seed


def _of(kind: str, events: list[Event]) -> Iterator[Any]:
    return (e for e in events if str(e.__struct_config__.tag) == kind)


async def test_twenty_thousand_claims_of_five_hundred_by_five_thousand_members_give_exactly_what_there_is(
    server: ServerProcess,
) -> None:
    rush = Rush(server, members=5_000, quantity=500, connections=50, at_once=5)
    seconds = await rush.run(kills=(200, 10_000))
    assert rush.answered == 20_000
    assert min(rush.doors[door] for door in ("relay", "own", "page")) > 10
    print({"claims": rush.answered, "doors": dict(rush.doors), "seconds": round(seconds, 1), "seed": rush.seed})
    await rush.check()
