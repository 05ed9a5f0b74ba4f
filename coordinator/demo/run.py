"""`dropcue demo`: the service, a ready sale as a rehearsal, its groups' relay, an audience, join links."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import dataclasses
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from rich.console import Console

from coordinator import clock as clocks
from coordinator.core import Actor, Event, State
from coordinator.core.products import ProductHidden, ProductShown
from coordinator.core.show import SegmentStarted
from coordinator.core.tasks import TaskAssigned
from coordinator.demo.audience import SimulatedAudience, run_audience
from coordinator.demo.crowd import GroupOfDemo
from coordinator.demo.feeding import feed_recording
from coordinator.demo.goods import Catalogue
from coordinator.demo.join_links import JoinLink, print_join_links
from coordinator.demo.playing import TURNS, Game
from coordinator.demo.recordings import read_recording
from coordinator.demo.shopping import HttpShopfront
from coordinator.demo.wire import coalescing_ms
from coordinator.gateway.api import joins, start_now
from coordinator.gateway.app import Service, until_told_to_stop
from coordinator.gateway.auth import in_days
from coordinator.gateway.builtin_relay import NAME as CONSOLE
from coordinator.record import Listener, Published
from coordinator.registry import Sale
from coordinator.runsheet.ready import ready_sheet
from coordinator.settings import Settings, hook_secrets
from roles.relay.agent import Agent
from roles.relay.receiving.carrying import put_contacts

HOOK = "demo"
OWNER = Actor("owner", "owner")
FIRST_LOOK_SECONDS = 0.05  # between two looks at a clock that a barrier holds


class SaleTime:
    """The sale's clock and barrier, as the audience uses them."""

    def __init__(self, sale: Sale) -> None:
        self._sale = sale

    def now(self) -> int:
        return self._sale.conductor.clock.now()

    async def wait_until(self, ms: int) -> None:
        clock = self._sale.conductor.clock
        while clock.now() < ms:  # noqa: ASYNC110 - a barrier may hold it, so no timer is sure
            await asyncio.sleep(min(FIRST_LOOK_SECONDS, max(0.0005, clock.delay(ms))))

    def hold(self, name: str, ms: int) -> None:
        self._sale.conductor.clock.hold(name, ms)
        self._sale.conductor.wake()

    def release(self, name: str) -> None:
        self._sale.conductor.clock.release(name)
        self._sale.conductor.wake()


class ConsoleRelay:
    """The built-in relay's connection, as the audience uses it."""

    def __init__(self, agent: Agent, address: str = "", token: str = "") -> None:
        self._agent, self._address, self._token = agent, address, token

    async def observe(self, commands: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [dataclasses.asdict(answer) for answer in await self._agent.observe(commands)]

    async def hand_in(self, contacts: Mapping[str, str]) -> None:
        """How members can be reached, as any relay hands it in."""
        with contextlib.suppress(
            aiohttp.ClientError, TimeoutError, OSError
        ):  # one that got lost is handed in with the next order
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http:
                await put_contacts(http, self._address, self._token, self._agent.sale, list(contacts.items()))


class _Onlooker(Listener):
    """Tells the audience which segment runs and what is on air: what everybody in the groups can see."""

    def __init__(self, sale: Sale, audience: SimulatedAudience) -> None:
        self._sale, self._audience = sale, audience
        self._team = frozenset(member.person for member in sale.conductor.state.p.team)

    def publish(self, batch: Published) -> None:
        if any(isinstance(e, SegmentStarted | ProductShown | ProductHidden) for e in batch.events):
            self.look()
        for event in batch.events:
            if isinstance(event, TaskAssigned) and event.group and event.what == "post" and event.who in self._team:
                self._audience.assigned(event.task, event.group, event.who, event.text)
            game = opened_game(event, self._sale.conductor.state)
            if game is not None:
                self._audience.opens(game)

    def look(self) -> None:
        state = self._sale.conductor.state
        segment = state.segments.get(state.the.segment or "")
        self._audience.follow(segment.kind if segment else "", state.the.product)


def opened_game(event: Event, state: State) -> Game | None:
    """What was opened, as everybody in its groups sees it; None where the event opens none."""
    kind, _, what = str(event.__struct_config__.tag).partition(".")
    if what != "opened" or kind not in TURNS:
        return None
    drop = state.drops.get(getattr(event, "drop", "") or "")
    return Game(
        kind=kind,
        id=getattr(event, kind),
        at=event.at,
        groups=tuple(drop.groups) if drop is not None else (),
        options=tuple(getattr(event, "options", ())),
        answers=tuple(getattr(event, "answers", ())),
        questions=tuple(getattr(event, "questions", ())),
    )


async def run_demo(settings: Settings, *, speed: float, audience_file: Path | None, seed: int) -> None:
    """Runs until it is told to stop. Raises DropcueError where it cannot start."""
    recording = read_recording(audience_file) if audience_file is not None else None
    if not hook_secrets(HOOK):
        os.environ["DROPCUE_HOOK_DEMO"] = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    service = Service(settings)
    await service.start()
    console = Console()
    working: asyncio.Task[None] | None = None
    try:
        await _close_earlier(service)
        sale, _ = await service.gateway.registry.create(
            ready_sheet("flash", now_ms=clocks.wall_ms()).encode(),
            "flash.yaml",
            "application/yaml",
            rehearsal=speed,
            start="now",
        )
        links = [JoinLink(**x) for x in joins(service.gateway, sale)]
        print_join_links(console, sale.conductor.state.the.title, links, qr_for={"controller", "host"})
        console.print(
            f"sale {sale.id} · {settings.address()}/console/ · speed {speed:g} · Ctrl+C ends it", highlight=False
        )
        agent = service.gateway.builtin.agents[sale.id]
        await agent.connected.wait()
        await start_now(sale, OWNER)
        work = (
            _feed(service, sale, recording, speed, console)
            if recording
            else _simulate(service, sale, speed, seed, console)
        )
        working = asyncio.create_task(work)
        stop = asyncio.create_task(until_told_to_stop())
        await asyncio.wait({stop, working}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
            await stop
    finally:
        if working is not None and not working.done():
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
        await service.stop()


async def _close_earlier(service: Service) -> None:
    """A rehearsal that an earlier demo left running has no audience any more."""
    for sale in service.gateway.registry.here():
        state = sale.conductor.state
        if state.rehearsal is not None and state.plan is not None and state.the.status != "closed":
            await sale.conductor.do(OWNER, {"kind": "show.end"})
            await sale.conductor.do(OWNER, {"kind": "show.close"})


async def _feed(service: Service, sale: Sale, recording: Any, speed: float, console: Console) -> None:
    agent = service.gateway.builtin.agents[sale.id]
    time = SaleTime(sale)
    report = await feed_recording(
        recording, relay=ConsoleRelay(agent), clock=time, barrier=time, groups=list(sale.conductor.state.groups),
        member_key=str(agent.welcome["member_key"]).encode(), window_ms=coalescing_ms(speed),
    )  # fmt: skip
    for line in report.lines():
        console.print(line, highlight=False, markup=False)


async def _simulate(service: Service, sale: Sale, speed: float, seed: int, console: Console) -> None:
    gateway = service.gateway
    agent = gateway.builtin.agents[sale.id]
    time = SaleTime(sale)
    state = sale.conductor.state
    token, _ = gateway.tokens.make("relay", CONSOLE, sale=sale.id, expires=in_days(1))
    relay = ConsoleRelay(agent, f"http://127.0.0.1:{service.settings.port}", token)
    ended = asyncio.Event()
    async with HttpShopfront(
        f"http://127.0.0.1:{service.settings.port}", sale.id, secret=hook_secrets(HOOK)[0], source=HOOK,
        cookie_for=gateway.tokens.sign,
    ) as shop:  # fmt: skip
        audience = SimulatedAudience(
            seed=seed, groups=[GroupOfDemo(g.id, g.members) for g in state.groups.values()], catalogue=Catalogue.of_plan(state.p),
            relay=relay, reach=relay.hand_in, shop=shop, clock=time, barrier=time, member_key=str(agent.welcome["member_key"]).encode(),
            window_ms=coalescing_ms(speed),
        )  # fmt: skip
        gateway.builtin.heard[sale.id] = lambda group, content: audience.hear(group, msgspec.to_builtins(content))
        onlooker = _Onlooker(sale, audience)
        onlooker.look()
        sale.hub.record.listeners.append(onlooker)
        watching = asyncio.create_task(_until_ended(sale, ended))
        try:
            report = await run_audience(audience, ended)
        finally:
            watching.cancel()
    for line in report.lines():
        console.print(line, highlight=False, markup=False)


async def _until_ended(sale: Sale, ended: asyncio.Event) -> None:
    class Watch(Listener):
        def publish(self, _: Published) -> None:
            if sale.conductor.state.the.status in {"ended", "closed"}:
                ended.set()

    sale.hub.record.listeners.append(Watch())
    await ended.wait()
