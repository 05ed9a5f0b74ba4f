"""Which sales this node conducts: each is loaded when it is first asked for, and conducted by one conductor.

This one is for a process that has its journal for itself (the data folder's lock sees to it). Nodes that share a
journal have `shared_registry`.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import Counter
from collections.abc import Callable
from typing import Any, Literal

import msgspec
import structlog

from coordinator import clock as clocks
from coordinator.answers import Answer
from coordinator.attendance import BACK_SECONDS, Here, differences, told_of
from coordinator.clock import Clock, LiveClock, RehearsalClock
from coordinator.conductor import Conductor
from coordinator.core import CLOCK, Actor, Refusal, State
from coordinator.core.kernel import Override
from coordinator.core.plan import Plan
from coordinator.core.sheets import SaleCreated
from coordinator.errors import JournalError
from coordinator.fanout.hub import Hub
from coordinator.follower import Follower
from coordinator.journal import codec
from coordinator.journal.base import Flush, Journal
from coordinator.leases import Held
from coordinator.record import Record
from coordinator.runsheet import load_plan, overruling, with_start
from coordinator.runsheet.checks import due, windows
from roles.permissions import may

log = structlog.get_logger(__name__)

Start = Literal["now", "planned"]

AGAIN_SECONDS = 0.5  # so long after it was busy, a sale is told again of a relay that was taken over
STEP_SECONDS = 1.0  # how often wall and monotonic clock are compared


class Sale(msgspec.Struct):
    """A sale that is served here: conducted, or followed while another node conducts it."""

    id: str
    conductor: Conductor | Follower
    hub: Hub


class SheetRefused(Exception):
    """A sheet that cannot be taken: its findings say why."""

    def __init__(self, findings: list[dict[str, Any]]) -> None:
        super().__init__("the sheet cannot be taken")
        self.findings = findings


async def with_plan(fields: dict[str, Any], state: State, by: Actor, override: Override | None) -> dict[str, Any]:
    """Reads what must be read outside the core: the sheet of `sheet.replace`. An override comes to stand in the sheet.

    A large sheet takes most of a second: it is read in a thread, and no cue waits for it.
    """
    if "plan" in fields:
        raise Refusal("invalid", "plan: the service makes it from the sheet", {"field": "plan"})
    if not isinstance(fields.get("sheet"), dict):
        raise Refusal("invalid", "sheet: the parsed sheet is needed, as an object", {"field": "sheet"})
    given = fields["sheet"]
    if override is not None:
        given = overruling(given, by.by, override)
    rehearsal = state.rehearsal is not None
    plan, sheet, findings = await asyncio.to_thread(load_plan, given, "sheet", None, state.at)
    wrong = [f for f in findings if f.severity in {"error", "block"}]
    if plan is None or wrong:
        code = "blocked" if plan is not None else "invalid"
        first = wrong[0]
        raise Refusal(
            code,
            f"{first.where}: {first.message}",
            {
                "field": f"sheet.{first.where}",
                "rules": [f.rule for f in wrong],
                "findings": [f.as_object() for f in wrong[:20]],
            },
        )
    return {**fields, "sheet": sheet, "plan": plan_for(plan, rehearsal=rehearsal)}


def plan_for(plan: Plan, *, rehearsal: bool) -> Plan:
    """The plan as this sale runs it: in a rehearsal the built-in relay serves all groups, but for what a poster who has
    come to rehearse posts by hand."""
    if not rehearsal:
        return plan
    posters = {m.person for m in plan.team if m.role == "poster"}
    groups = tuple(
        msgspec.structs.replace(g, relay=(*(r for r in g.relay if r in posters), "console")) for g in plan.groups
    )
    return msgspec.structs.replace(plan, groups=groups)


PREPARE = {"sheet.replace": with_plan}


def make_clock(state: State) -> Clock:
    """The clock a sale runs by: real time, or a rehearsal's, going on where the record ends."""
    if state.rehearsal is None:
        return LiveClock(stepped=state.stepped, not_before=state.at)
    return RehearsalClock(state.at, state.rehearsal)


class Registry:
    def __init__(self, journal: Journal, *, public: str, on_snapshot: Callable[[str, int], bool] | None = None) -> None:
        self.journal, self.public = journal, public
        self._sales: dict[str, Sale] = {}
        self._opening: dict[str, asyncio.Future[Sale]] = {}
        self.refusals: Counter[str] = Counter()
        """Refused commands by code, as far as they were refused at this node."""
        self._present: dict[str, dict[tuple[str, str], Here]] = {}
        self._doubted: dict[str, float] = {}  # sales whose record may be wrong about who is here, since when
        self._on_snapshot = on_snapshot
        self._stepper: asyncio.Task[None] | None = None
        self.crowded: Callable[[], bool] = lambda: False
        """Whether many come back just now: whoever is not here may be on their way."""
        self.on_open: Callable[[Sale], None] = lambda _: None
        """Called once for each sale that is opened here."""

    async def start(self) -> None:
        """Conducts every sale of the journal that is not closed."""
        for sale in await self.journal.sales():
            try:
                await self.get(sale)
            except JournalError as e:
                log.error("a sale cannot be opened; the others can", sale=sale, reason=str(e))
        self._stepper = asyncio.create_task(self._watch_the_clock())

    async def close(self) -> None:
        if self._stepper is not None:
            self._stepper.cancel()
        for sale in self._sales.values():
            await sale.conductor.close()

    def here(self) -> list[Sale]:
        return list(self._sales.values())

    # ------------------------------------------------------------ who is here
    def present(self, sale: Sale, who: Here, *, here: bool) -> None:
        """Somebody is connected to this node, or no longer is."""
        people = self._present.setdefault(sale.id, {})
        if here:
            people[who.role, who.name] = who
        else:
            people.pop((who.role, who.name), None)

        self._tell(sale, [told_of(who, here=here)])

    def taken_over(self, sale: Sale, who: Here, then: Callable[[], None]) -> None:
        """Another process of a relay is to lead, the first has gone: `then` once the sale knows of it."""

        def told(answers: list[Answer]) -> None:
            if all(a.ok for a in answers):
                then()
            elif here.get((who.role, who.name)) is who:  # nothing could be written just now
                asyncio.get_running_loop().call_later(AGAIN_SECONDS, tell)

        def tell() -> None:
            if here.get((who.role, who.name)) is who:
                sale.conductor.submit(CLOCK, [told_of(who, here=True)], told)

        here = self._present.setdefault(sale.id, {})
        here[who.role, who.name] = who
        tell()

    def _tell(self, sale: Sale, changes: list[dict[str, Any]]) -> None:
        def told(answers: list[Answer]) -> None:
            if any(a.code == "busy" for a in answers):
                self._doubted[sale.id] = clocks.monotonic()

        sale.conductor.submit(CLOCK, changes, told)

    def _compare(self, sale: Sale) -> None:
        """What the sale says of who is here, with who is: after a start, and where it could not be told."""
        doubted = self._doubted.get(sale.id)
        if doubted is None or clocks.monotonic() - doubted < BACK_SECONDS:
            return
        if sale.conductor.unavailable or self.crowded():
            return
        del self._doubted[sale.id]
        here = list(self._present.get(sale.id, {}).values())
        self._tell(sale, differences(sale.conductor.state, here, relays_left=True, people_left=True))

    def leads(self, sale: Sale, relay: str) -> bool:  # noqa: ARG002 - where nodes share the journal
        """Whether it is this node whose connection of a relay brings its deliveries."""
        return True

    def vouches(self, sale: Sale, relay: str) -> bool:  # noqa: ARG002 - where nodes share the journal
        """Whether this node may answer a relay, and so let it send: nobody has given what it has to others."""
        return True

    async def get(self, sale: str) -> Sale | None:
        """The sale, opened if need be; None where there is none of this id."""
        found = self._sales.get(sale)
        if found is not None:
            return found
        opening = self._opening.get(sale)
        if opening is not None:
            return await asyncio.shield(opening)
        if sale not in await self.journal.sales():
            return None
        if sale in self._sales or sale in self._opening:
            return await self.get(sale)  # somebody came while that was read: a sale has one conductor
        future = self._opening[sale] = asyncio.get_running_loop().create_future()
        try:
            opened = await self._open(sale)
            future.set_result(opened)
            return opened
        except BaseException as e:
            future.set_exception(e)
            future.exception()  # whoever waits gets it; nobody waiting is no fault
            raise
        finally:
            del self._opening[sale]

    async def _open(self, sale: str) -> Sale:
        conductor = self._conductor(Record(sale, self.journal))
        await conductor.open()
        found = self._sales[sale] = self._served(conductor)
        self._doubted[sale] = clocks.monotonic()  # those whom the record's end has here may have left meanwhile
        self.on_open(found)
        return found

    def _conductor(self, record: Record, lease: Held | None = None) -> Conductor:
        conductor = Conductor(
            record, permissions=may, make_clock=make_clock, prepare=PREPARE, public=self.public, lease=lease,
            refusals=self.refusals,
        )  # fmt: skip
        conductor.wants_snapshot = self._on_snapshot
        return conductor

    @staticmethod
    def _served(conductor: Conductor | Follower) -> Sale:
        hub = Hub(conductor.record)
        hub.start()
        return Sale(conductor.sale, conductor, hub)

    async def _claim(self, sale: str) -> str:  # noqa: ARG002 - where nodes share the journal
        """Makes sure that nobody else writes a sale that is to be created; the fence of its first append."""
        return ""

    async def create(
        self, data: bytes | dict[str, Any], name: str, content_type: str | None, *, rehearsal: float | None = None,
        start: Start | None = None,
    ) -> tuple[Sale, list[dict[str, Any]]]:  # fmt: skip
        """A new sale from a sheet; its findings (warnings) beside it. Raises SheetRefused.

        `start`: it begins with the show. `now`: its planned start is moved to now. `planned`, for a rehearsal: its clock is
        set to the planned start, so that days and clock times lie around it as the sheet has them.
        """
        now = clocks.wall_ms()
        # A large sheet takes seconds to read: the other sales' cues must not wait for it.
        plan, sheet, findings = await asyncio.to_thread(load_plan, data, name, content_type, now)
        if start == "now" and plan is not None and sheet is not None:
            plan, sheet, findings = await asyncio.to_thread(load_plan, with_start(sheet, now), name, content_type, now)
        found: list[dict[str, Any]] = [dict(f.as_object()) for f in findings]
        if plan is None or any(f.severity in {"error", "block"} for f in findings):
            raise SheetRefused(found)
        plan = plan_for(plan, rehearsal=rehearsal is not None)
        sale = sale_id(plan.title)
        begins = now
        if rehearsal is not None and start != "now":
            begins = plan.start if start == "planned" else rehearsal_start(plan)
        created = SaleCreated(
            seq=1, at=begins, by="owner:owner", sale=sale,
            title=plan.title, plan=plan, sheet=sheet, rehearsal=rehearsal,
        )  # fmt: skip
        fence = await self._claim(sale)
        await self.journal.create(sale)
        body, _ = codec.encode(created)
        await self.journal.append(sale, Flush(first=1, bodies=[body], fence=fence))
        opened = await self.get(sale)
        if opened is None:
            raise JournalError(f"sale {sale} was created and is not there")
        return opened, found

    async def _watch_the_clock(self) -> None:
        while True:
            await asyncio.sleep(STEP_SECONDS)
            for sale in self.here():
                self._compare(sale)
                by = sale.conductor.clock.step()  # of what is followed, whoever conducts it sees to it
                if by and sale.conductor.state.the.status != "closed":
                    log.warning("the machine's clock was put forward or back", sale=sale.id, by_ms=by)
                    await sale.conductor.do(CLOCK, {"kind": "clock.step", "by_ms": by})


def rehearsal_start(plan: Plan) -> int:
    """A rehearsal's time begins a minute before the first thing that is planned."""
    first = plan.start
    for segment, window in zip(plan.segments, windows(plan), strict=True):
        cues = [due(cue.at, plan, window) for cue in segment.cues if cue.at is not None]
        first = min(first, window[0], *cues)
    return first - 60_000


def sale_id(title: str) -> str:
    """A short id that can stand in an address: some of the title's letters, where it has such, and a random part."""
    letters = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:24].strip("-")
    return f"{letters or 'sale'}-{secrets.token_hex(4)}"
