"""The simulated audience at work: plans come from `planning`, everything goes over the real wire.

It knows only what its members could know: messages that reached their group, and what is on the air.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from coordinator.demo.crowd import GroupOfDemo
from coordinator.demo.goods import Catalogue, Heard
from coordinator.demo.observing import Pause, Tally, send_all
from coordinator.demo.planning import Action, Planner, Rates, Scene
from coordinator.demo.playing import Game, turns
from coordinator.demo.shopping import Opened, Shopfront
from coordinator.demo.wire import Barrier, Command, RelayLink, SaleClock, pseudonym

SLICE_MS = 30_000  # how far ahead talk is planned: a new segment changes the mood within half a minute
MAX_HOOK_COMMANDS = 500  # half of what a hook takes, as a payment can bring a redemption with it

_OBSERVED = {
    "say": "message",
    "ask": "message",
    "again": "message",
    "post": "message",
    "join": "joined",
    "leave": "left",
}
Reach = Callable[[Mapping[str, str]], Awaitable[None]]
"""Member → how they can be reached."""
_STATUS = {"place": "placed", "pay": "paid", "refund": "refunded"}


@dataclass(slots=True)
class AudienceReport:
    """What the audience did, as it was answered."""

    tally: Tally = field(default_factory=Tally)
    not_done: Counter[str] = field(default_factory=Counter)  # planned for after the end

    def lines(self) -> list[str]:
        done = self.tally.accepted
        asked = f"{done['question.raise']:,} questions raised"
        redeemed = f"{done['coupon.redeem']:,} coupons redeemed"
        out = [
            f"{done['message']:,} messages, {done['joined']:,} joins, {done['left']:,} leaves, {asked}",
            f"{done['click']:,} clicks, {done['open']:,} coupon pages opened, {done['claim']:,} claims",
            f"{done['checkin.join']:,} sign-ins, {done['poll.vote']:,} votes, {done['quiz.answer']:,} quiz answers",
            f"{done['survey.answer']:,} surveys, {done['chain.join']:,} joined a chain, {done['draw.enter']:,} entered a draw",
            f"{done['placed']:,} orders, {done['paid']:,} paid, {done['refunded']:,} refunded, {redeemed}",
        ]
        if self.not_done:
            left = ", ".join(f"{n} {what}" for what, n in sorted(self.not_done.items()))
            out.append(f"planned for after the end and not done: {left}")
        return out + self.tally.lines()


class SimulatedAudience:
    """20 groups with members who chat, ask, join, leave, click, claim and order.

    Give it what happens with `hear` and `follow` (both may be called at any time from the same event loop, before
    `run` too), start `run`, end it with `stop`.
    """

    def __init__(
        self,
        *,
        seed: int,
        groups: Sequence[GroupOfDemo],
        catalogue: Catalogue,
        relay: RelayLink,
        shop: Shopfront,
        clock: SaleClock,
        barrier: Barrier,
        member_key: bytes,
        rates: Rates | None = None,
        window_ms: int = 0,
        name: str = "audience",
        pause: Pause = asyncio.sleep,
        reach: Reach | None = None,
    ) -> None:
        """`reach` hands in how those who ordered can be reached."""
        self.report = AudienceReport()
        self._planner = Planner(seed, list(groups), catalogue, rates)
        self._relay, self._shop, self._clock, self._barrier = relay, shop, clock, barrier
        self._member_key, self._window_ms, self._name, self._pause = member_key, window_ms, name, pause
        self._seed, self._reach = seed, reach
        self._scene = Scene()
        self._due: list[tuple[int, int, Action]] = []
        self._held: int | None = None
        self._planned_to: int | None = None
        self._gone: set[str] = set()
        self._count = self._hooks = 0
        self._wake = asyncio.Event()
        self._stopping = False

    def hear(self, group: str, content: Mapping[str, object], at: int | None = None) -> None:
        """A message reached a group: `content` is the delivery's (`text`, `link`, `coupon`), as the console adapter got it."""
        heard = Heard.from_content(group, self._clock.now() if at is None else at, dict(content))
        self._plan(self._planner.hears(heard))

    def follow(self, segment: str, product: str | None) -> None:
        """What everybody in the stream sees changed: the kind of the running segment, the product on air."""
        scene = Scene(segment, product)
        if scene == self._scene:
            return
        was, self._scene = self._scene, scene
        if product is not None and product != was.product:
            self._plan(self._planner.scene_changed(scene, self._clock.now()))

    def opens(self, game: Game) -> None:
        """A game was opened in their groups: some take part."""
        self._plan(list(turns(self._seed, self._planner.crowds, game)))

    def assigned(self, task: str, group: str, who: str, text: str) -> None:
        """One of the team was given something to post in a group."""
        self._plan(self._planner.assigned(task, group, who, text, self._clock.now()))

    def stop(self) -> None:
        """Ends `run` after what is just being sent; what is planned for later is counted and not done."""
        self._stopping = True
        self._wake.set()

    async def run(self, until: int | None = None) -> AudienceReport:
        """Does what is planned when it is due, to `until` (sale time) or to `stop`. Holds the sale's clock meanwhile."""
        if self._planned_to is None:
            self._planned_to = self._clock.now()
        try:
            while not self._stopping:
                upcoming = self._next()
                if until is not None and upcoming > until:
                    break
                if await self._came(upcoming + self._window_ms):
                    await self._do_due()
        finally:
            self._barrier.release(self._name)
            self._held = None
            for _, _, action in self._due:
                self.report.not_done[action.do] += 1
        return self.report

    def _next(self) -> int:
        planned_to = self._planned_to if self._planned_to is not None else self._clock.now()
        return min(planned_to, self._due[0][0]) if self._due else planned_to

    async def _came(self, at: int) -> bool:
        """Waits until `at`; False where something new was planned or the end called meanwhile."""
        self._wake.clear()
        self._held = at
        self._barrier.hold(self._name, at)
        if self._clock.now() >= at:
            return True
        clock = asyncio.ensure_future(self._clock.wait_until(at))
        woken = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait((clock, woken), return_when=asyncio.FIRST_COMPLETED)
            if clock.done():
                clock.result()
            return clock.done()
        finally:
            for task in (clock, woken):
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(clock, woken, return_exceptions=True)

    def _plan(self, actions: Sequence[Action]) -> None:
        for action in actions:
            self._count += 1
            heapq.heappush(self._due, (action.at, self._count, action))
        if actions and self._held is not None and self._due[0][0] + self._window_ms < self._held:
            # At once: the clock must not run past it before `run` wakes.
            self._held = self._due[0][0] + self._window_ms
            self._barrier.hold(self._name, self._held)
            self._wake.set()

    async def _do_due(self) -> None:
        now = self._clock.now()
        while self._planned_to is not None and self._planned_to <= now:
            start, self._planned_to = self._planned_to, self._planned_to + SLICE_MS
            for group in self._planner.crowds:
                self._plan(self._planner.meanwhile(group, start, self._planned_to, self._scene))
        said: list[Command] = []
        visits: list[Action] = []
        orders: list[Action] = []
        while self._due and self._due[0][0] <= now:
            _, n, action = heapq.heappop(self._due)
            if action.do in _OBSERVED:
                said.extend(self._observations(action, n))
            elif action.do == "play":
                where = {"id": f"{self._name}-{n}", "group": action.person.group, "member": self._member(action)}
                said.append({**where, **(action.turn or {})})
            elif action.do in _STATUS:
                orders.append(action)
            else:
                visits.append(action)
        results = await asyncio.gather(
            send_all(self._relay, said, self.report.tally, pause=self._pause),
            self._report_orders(orders),
            *(self._visit(action) for action in visits),
        )
        for follow_up in results[1:]:
            self._plan(follow_up or [])

    def _member(self, action: Action) -> str:
        return pseudonym(self._member_key, action.person.who)

    def _observations(self, action: Action, n: int) -> list[Command]:
        person, member = action.person, self._member(action)
        if action.do in ("say", "ask", "again") and person.who in self._gone:
            return []  # meant to speak, left before
        base = {"group": person.group, "member": member}
        seen: Command = {"id": f"{self._name}-{n}", "kind": "group.observe", **base, "what": _OBSERVED[action.do]}
        if action.do == "leave":
            self._gone.add(person.who)
        elif action.do == "join":
            seen["channel"] = action.channel
        else:
            seen |= {"text": action.text, "name": person.name}
        if action.staff:  # the team is no member
            del seen["member"]
            return [seen | {"staff": action.staff}]
        if action.do == "again":
            return [seen, {"id": f"{self._name}-{n}a", "kind": "group.observe", **base, "what": "asked"}]
        if not action.raised:
            return [seen]
        question: Command = {"id": f"{self._name}-{n}q", "kind": "question.raise", **base, "text": action.text}
        return [seen, question | {"name": person.name}]

    async def _visit(self, action: Action) -> list[Action]:
        member, planner = self._member(action), self._planner
        if action.do == "click":
            page = await self._shop.click(member, action.key)
            return planner.clicked(action, self._clock.now(), page.address) if self._went_well("click", page) else []
        if action.do == "open":
            page = await self._shop.open(member, action.key)
            return planner.opened(action, self._clock.now(), page.coupon) if self._went_well("open", page) else []
        page = await self._shop.claim(member, action.key, f"{self._name}-{member}-{action.key}")
        self._went_well("claim", page)
        return planner.claimed(action, self._clock.now(), page.claimed, off=page.off, pay=page.pay)

    def _went_well(self, what: str, page: Opened) -> bool:
        if page.ok:
            self.report.tally.accepted[what] += 1
        else:
            self.report.tally.refuse(what, page.code, page.message)
        return page.ok

    async def _report_orders(self, actions: list[Action]) -> list[Action]:
        out: list[Action] = []
        for i in range(0, len(actions), MAX_HOOK_COMMANDS):
            some = actions[i : i + MAX_HOOK_COMMANDS]
            commands, about = [], []
            for action in some:
                for command in self._order_commands(action):
                    commands.append(command)
                    about.append(action)
            self._hooks += 1
            hook = f"{self._name}-{self._seed}-{self._hooks}"
            answers = list(await self._shop.report(hook, commands))
            ordered = {self._member(a): f"demo {a.person.group} {a.person.name}" for a in some if a.do == "place"}
            if self._reach is not None and ordered:
                await self._reach(ordered)
            for n, (command, action) in enumerate(zip(commands, about, strict=True)):
                what = str(command.get("status", command["kind"]))
                if n >= len(answers):
                    self.report.tally.unanswered[what] += 1
                elif answers[n].get("ok"):
                    self.report.tally.accepted[what] += 1
                    out.extend(self._after(what, action))
                else:
                    answer = answers[n]
                    self.report.tally.refuse(what, str(answer.get("code", "?")), str(answer.get("message", "")))
        return out

    def _after(self, what: str, action: Action) -> list[Action]:
        if what == "placed":
            return self._planner.placed(action, self._clock.now())
        return self._planner.paid(action, self._clock.now()) if what == "paid" else []

    def _order_commands(self, action: Action) -> list[Command]:
        order = action.order
        if order is None:
            return []
        report: Command = {
            "kind": "order.report",
            "order": order.id,
            "status": _STATUS[action.do],
            "member": self._member(action),
            "group": action.person.group,
            "lines": order.as_lines(),
            "amount": order.amount,
        }
        if order.link:
            report["link"] = order.link
        if order.coupon:
            report["coupon"] = order.coupon
        if order.coupon and action.do == "pay" and order.buys is None:
            return [report, {"kind": "coupon.redeem", "code": order.coupon, "order": order.id}]
        return [report]


async def run_audience(audience: SimulatedAudience, ended: asyncio.Event, until: int | None = None) -> AudienceReport:
    """Runs the audience until `ended` is set or the sale's time is `until`."""
    running = asyncio.ensure_future(audience.run(until))
    waiting = asyncio.ensure_future(ended.wait())
    try:
        await asyncio.wait((running, waiting), return_when=asyncio.FIRST_COMPLETED)
        audience.stop()
        return await running
    finally:
        waiting.cancel()
        running.cancel()
        await asyncio.gather(waiting, running, return_exceptions=True)
