"""Gives the coordinator what waits in the inbox, in its order, until it has it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

import aiohttp
import structlog

from coordinator.errors import CannotStart
from roles.relay.adapters.ways import proxy_for
from roles.relay.agent import Agent
from roles.relay.receiving.inbox import Inbox
from roles.relay.receiving.reading import commands
from roles.relay.wire.line import pages

log = structlog.get_logger("relay")

AT_ONCE = 400  # with questions beside them they stay under what one frame of the wire takes
HAND_IN_AT_ONCE = 500
HAND_IN_WITHIN_S = 10.0
HAND_IN_AGAIN_S = 5.0


async def tell(agent: Agent, inbox: Inbox) -> None:
    """Tells what was seen until it is cancelled or the agent stops. Pseudonyms are made here, before anything leaves."""
    refused: dict[str, int] = {}
    while True:
        await agent.connected.wait()
        inbox.more.clear()
        rows = await inbox.head(agent.sale, AT_ONCE)
        if not rows:
            await inbox.more.wait()
            continue
        given = []
        for n, seen in rows:
            member = None if seen.who is None else agent.pseudonym(*_split(seen.who))
            given += commands(f"{inbox.name}-{n}", seen, member)
        try:
            answers = await agent.observe(given)
        except CannotStart:
            return  # it is on disk
        for answer in answers:
            if not answer.ok:
                refused[str(answer.code)] = n = refused.get(str(answer.code), 0) + 1
                if n & (n - 1) == 0:  # the first, the second, the fourth …: a log is no second inbox
                    log.warning("what was seen was refused", code=answer.code, why=answer.message, so_far=n)
        await inbox.told([n for n, _ in rows])


async def hand_in(agent: Agent, coordinator: str, token: str, inbox: Inbox) -> None:
    """Hands in how members can be reached, until it is cancelled. They go into no log, and over no websocket."""
    patience, proxy = aiohttp.ClientTimeout(total=HAND_IN_WITHIN_S), proxy_for(pages(coordinator))
    async with aiohttp.ClientSession(timeout=patience, proxy=proxy) as http:
        while True:
            await agent.connected.wait()
            waiting = await inbox.contacts(agent.sale, HAND_IN_AT_ONCE)
            if waiting:
                named = [(agent.pseudonym(*_split(who)), how) for who, how in waiting]
                with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                    status = await put_contacts(http, coordinator, token, agent.sale, named)
                    if status < 500 and status not in {408, 429}:
                        if status != 200:
                            log.warning("contacts were refused", status=status, count=len(waiting))
                        await inbox.handed_in(agent.sale, waiting)
                        if len(waiting) == HAND_IN_AT_ONCE:
                            continue
            await asyncio.sleep(HAND_IN_AGAIN_S)


async def put_contacts(
    http: aiohttp.ClientSession, coordinator: str, token: str, sale: str, contacts: Sequence[tuple[str, str]]
) -> int:
    """Hands in how members can be reached; the status that was answered. Raises what the client raises."""
    body = {"contacts": [{"member": member, "contact": how} for member, how in contacts]}
    where = f"{pages(coordinator)}/api/sales/{sale}/contacts"
    who = {"Authorization": f"Bearer {token}"}
    async with http.put(where, json=body, headers=who, allow_redirects=False) as answer:
        return answer.status


def _split(who: str) -> tuple[str, str]:
    namespace, _, id_ = who.partition(":")
    return namespace, id_
