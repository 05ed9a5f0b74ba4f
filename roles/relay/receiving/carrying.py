"""Gives the coordinator what waits in the inbox, in its order, until it has it."""

from __future__ import annotations

import asyncio
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
# Twice as long each time that the coordinator is away, or that something else answers in its place: first, and at most.
# What is not taken is kept as long as anything in the inbox.
HAND_IN_AGAIN_S, HAND_IN_AGAIN_MOST_S = 5.0, 300.0


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
    again, said = HAND_IN_AGAIN_S, 0
    async with aiohttp.ClientSession(timeout=patience, proxy=proxy) as http:
        while True:
            await agent.connected.wait()
            waiting = await inbox.contacts(agent.sale, HAND_IN_AT_ONCE)
            status = 200
            if waiting:
                named = [(agent.pseudonym(*_split(who)), how) for who, how in waiting]
                try:
                    status = await put_contacts(http, coordinator, token, agent.sale, named)
                except (aiohttp.ClientError, TimeoutError, OSError):
                    status = 0
            if _comes_again(status):
                if status != said and status:  # once, not with every try
                    log.warning("contacts were not taken: they are kept, and tried again", status=status)
                await asyncio.sleep(again)
                again, said = min(again * 2, HAND_IN_AGAIN_MOST_S), status
                continue
            again, said = HAND_IN_AGAIN_S, 0
            if status != 200:
                log.warning("contacts were refused", status=status, count=len(waiting))
            if waiting:
                await inbox.handed_in(agent.sale, waiting)
            if len(waiting) < HAND_IN_AT_ONCE:
                await asyncio.sleep(HAND_IN_AGAIN_S)


def _comes_again(status: int) -> bool:
    """Whether the coordinator has not heard it, or not yet; a page elsewhere (3xx) is something between that answers."""
    return status < 200 or 300 <= status < 400 or status in {408, 429} or status >= 500


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
