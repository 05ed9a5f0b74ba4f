"""`dropcue relay check`: what a configuration's coordinator, groups and credentials are like, before the show.

Nothing is posted, unless it is asked for by `--send`. The coordinator is asked over HTTP and its websocket's door is only
tried: a relay that said hello would be given deliveries.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import aiohttp
import jwt
from websockets.exceptions import InvalidHandshake, InvalidURI

from coordinator.errors import CannotStart
from roles.relay import machine
from roles.relay.adapters.base import AnyAdapter, Content, GroupSettings, Outcome
from roles.relay.adapters.http import Reply
from roles.relay.adapters.ways import LOOPBACK, proxy_for
from roles.relay.config import RelayConfig
from roles.relay.errors import DiskFailed
from roles.relay.receiving.settings import InletSettings
from roles.relay.sending.log import Report, Sending, SendLog, in_use
from roles.relay.sending.windows import Window
from roles.relay.wire.line import address, connect, leads_on, pages

WITHIN_S = 10.0
A_GROUP_S = 0.5  # so much longer for each group: a platform may have to be asked about every one
CLOCK_OFF_S = 60
NAMED = 8  # groups that one line names

State = Literal["ok", "warn", "wrong", "unreached", "untested"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `about` is a place in the configuration, such as `credentials.shop-bot`."""

    about: str
    state: State
    message: str
    line: int | None = None

    def as_object(self) -> dict[str, Any]:
        found: dict[str, Any] = {"about": self.about, "state": self.state, "message": self.message}
        return found if self.line is None else found | {"line": self.line}


async def check(settings: RelayConfig, *, send: str | None = None, group: str | None = None) -> list[Finding]:
    """Looks at everything. With `send`, posts it into one group of each credential, or into `group` alone."""
    found = [Finding(p.key or "file", "warn", p.message, p.line or None) for p in settings.warnings]
    found += await coordinator(settings)
    if settings.inlet is not None:
        found.append(await inlet(settings.inlet, runs=in_use(settings.data)))
    chosen = targets(settings, group)
    for name, adapter in sorted(settings.routes.adapters.items()):
        groups = [route.group for route in settings.routes.all() if route.adapter is adapter]
        if group is None or name in chosen:
            found += await credential(name, adapter, groups)
    if send is not None:
        found += await post(settings, chosen, send)
    return found


def targets(settings: RelayConfig, group: str | None) -> dict[str, tuple[AnyAdapter, GroupSettings]]:
    """Credential → the group that a test message goes to."""
    chosen: dict[str, tuple[AnyAdapter, GroupSettings]] = {}
    for route in settings.routes.all():
        if group is None or route.group.id == group:
            chosen.setdefault(route.adapter.name, (route.adapter, route.group))
    return chosen


# ---------------------------------------------------------------- the inlet
async def inlet(settings: InletSettings, *, runs: bool) -> Finding:
    """Whether the relay could listen there, or does: Telegram's webhook and all that others hand in come that way."""
    where = f"{settings.host}:{settings.port}"
    try:
        server = await asyncio.get_running_loop().create_server(asyncio.Protocol, settings.host, settings.port)
    except OSError as error:
        if runs and error.errno == errno.EADDRINUSE and await _is_an_inlet(settings):
            return Finding("inlet", "ok", f"the relay runs, and an inlet listens on {where}")
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else "no such name"
        return Finding(
            "inlet",
            "wrong",
            f"the inlet cannot listen on {where} ({why}): the relay would not start; "
            "stop what listens there, or change `inlet.port` or `inlet.host`",
        )
    server.close()
    await server.wait_closed()
    return Finding("inlet", "ok", f"{where} is free for the inlet")


async def _is_an_inlet(settings: InletSettings) -> bool:
    url = (
        f"http://[{settings.host}]:{settings.port}"
        if ":" in settings.host
        else f"http://{settings.host}:{settings.port}"
    )
    timeout = aiohttp.ClientTimeout(total=WITHIN_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"{url}/healthz", allow_redirects=False) as response,
        ):
            return "waiting" in await _json(response)
    except (aiohttp.ClientError, OSError, TimeoutError):
        return False


# ---------------------------------------------------------------- credentials
async def credential(name: str, adapter: AnyAdapter, groups: list[GroupSettings]) -> list[Finding]:
    """What the platform says of one credential, where it says anything without a message being posted."""
    about = f"credentials.{name}"
    if not groups:
        return [Finding(about, "warn", "no group is reached by it; remove it, or name it in a group")]
    try:
        async with asyncio.timeout(within := WITHIN_S + A_GROUP_S * len(groups)):
            await adapter.open()
            said = await adapter.check(groups)
    except TimeoutError:
        return [Finding(about, "unreached", f"{adapter.platform} does not answer within {within:g} s")]
    except Exception as error:  # only its type: the text of a client's error can quote an address with its key
        return [Finding(about, "unreached", f"{adapter.platform} could not be asked ({type(error).__name__})")]
    finally:
        await adapter.close()
    return [Finding(f"groups.{each.group}" if each.group else about, each.state, each.message) for each in said]


async def post(settings: RelayConfig, chosen: dict[str, tuple[AnyAdapter, GroupSettings]], text: str) -> list[Finding]:
    """Posts a test message with each credential; it counts in the relay's rate windows, where its record can be had."""
    found = []
    try:
        store: SendLog | None = SendLog(settings.data)
    except DiskFailed as error:
        return [Finding("data", "wrong", str(error))]
    except CannotStart:
        found.append(Finding("data", "warn", "the relay runs: its rate windows do not know of these test messages"))
        store = None
    try:
        for name, (adapter, group) in sorted(chosen.items()):
            found.append(await _post_one(store, name, adapter, group, text))
    finally:
        if store is not None:
            await store.close()
    return found


async def _post_one(store: SendLog | None, name: str, adapter: AnyAdapter, group: GroupSettings, text: str) -> Finding:
    about, id_ = f"groups.{group.id}", f"check-{machine.new_name()}"
    limits = adapter.settings.limits()
    if store is not None:
        ages = await store.used(name, max((limit.per_s for limit in limits), default=0.0)) if limits else []
        window, now = Window(limits, [-age for age in ages]), 0.0
        if not window.take(now):
            return Finding(about, "warn", f"nothing was posted: {name} may send again in {window.free_at(now):.0f} s")
        await store.begin([Sending("check", id_, 1, name)])
    try:
        async with asyncio.timeout(WITHIN_S):
            await adapter.open()
            outcome = await adapter.send(group, Content(text=text))
    except TimeoutError:
        outcome = Outcome.unknown(f"no answer within {WITHIN_S:g} s")
    except Exception as error:
        outcome = Outcome.unknown(f"{adapter.platform} failed with {type(error).__name__}")
    finally:
        await adapter.close()
    if store is not None:
        report = Report.make(id_, 1, outcome.fields())
        await store.finish("check", report)
        await store.acknowledge("check", [report.id])
    if outcome.word == "sent":
        return Finding(about, "ok", "the test message is there" + (f" ({outcome.why})" if outcome.why else ""))
    why = outcome.why or "no reason was given"
    words = {
        "awaiting": ("ok", f"the test message waits for a person: {why}"),
        "retry": ("wrong", f"the test message was not taken: {why}"),
        "unknown": ("wrong", f"the test message may be there or not: {why}; look into the group"),
    }
    state, message = words.get(outcome.word, ("wrong", f"the test message was refused: {why}"))
    return Finding(about, "unreached" if not outcome.reached else state, message)  # type: ignore[arg-type]  # of `words`


# ---------------------------------------------------------------- the coordinator
async def coordinator(settings: RelayConfig) -> list[Finding]:
    """Whether it is there and takes the token, which sale it is for, and whether the groups are those of the sale."""
    host = urlsplit(settings.coordinator).netloc.rpartition("@")[2]
    base = pages(settings.coordinator) + "/"
    headers = {"Authorization": f"Bearer {settings.token.get_secret_value()}"}
    try:
        timeout = aiohttp.ClientTimeout(total=WITHIN_S)
        async with aiohttp.ClientSession(base, timeout=timeout, headers=headers, proxy=proxy_for(base)) as session:
            found = await _asked(session, settings, host)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        why = f"{type(error).__name__}; check its address, and that it runs"
        return [Finding("coordinator", "unreached", f"{host} cannot be reached ({why})")]
    return [*found, *await _door(settings, host)]


async def _asked(session: aiohttp.ClientSession, settings: RelayConfig, host: str) -> list[Finding]:
    async with session.get("api/sales", allow_redirects=False) as response:
        body = await _json(response)
        found = list(clock(Reply(response.status, response.headers, b"")))
    if response.status in {401, 403}:
        why = str(body.get("detail") or "it is not valid")
        return [
            *found,
            Finding("token", "wrong", f"{host} does not take the token: {why}; ask the sale's owner for a new one"),
        ]
    if response.status != 200 or not isinstance(body.get("sales"), list):
        return [
            *found,
            Finding(
                "coordinator", "wrong", f"{host} answers HTTP {response.status}: it is no coordinator, or not well"
            ),
        ]
    sales = [str(each.get("sale")) for each in body["sales"] if isinstance(each, dict)]
    sale = settings.sale or (sales[0] if len(sales) == 1 else None)
    if sale is None:
        return [*found, Finding("sale", "wrong", f"the token is for {len(sales)} sales; say which one with `sale:`")]
    if sale not in sales:
        return [*found, Finding("sale", "wrong", f"the token is not for the sale {sale}, or there is none")]
    if (role := _role_in(settings.token.get_secret_value())) not in (None, "relay"):
        message = f"it is the token of a {role}, no relay's: make one with `dropcue join SALE relay --name NAME --json`"
        return [*found, Finding("token", "wrong", message)]
    entry = next(each for each in body["sales"] if str(each.get("sale")) == sale)
    if entry.get("rehearsal"):
        found.append(
            Finding("sale", "warn", f"{sale} is a rehearsal: its built-in relay serves all groups, this one is refused")
        )
    found.append(
        Finding(
            "coordinator",
            "ok",
            f"{host} takes the token, for the sale {sale} ({entry.get('title', '')}, {entry.get('status', '')})",
        )
    )
    async with session.get(f"api/sales/{quote(sale, safe='')}/state", allow_redirects=False) as response:
        state = (await _json(response)).get("state")
    if isinstance(state, dict):
        found += list(groups_of(settings, state.get("groups") or {}))
    return found


def _role_in(token: str) -> str | None:
    """Whose token it is, as far as it shows that."""
    try:
        return str(jwt.decode(token, options={"verify_signature": False})["role"])
    except (jwt.InvalidTokenError, KeyError):
        return None


def groups_of(settings: RelayConfig, sale: dict[str, Any]) -> Iterator[Finding]:
    """The groups of the configuration beside those that the sale has for this relay."""
    ours = {route.group.id for route in settings.routes.all()}
    if missing := sorted(sale.keys() - ours):
        yield Finding(
            "groups",
            "wrong",
            f"the sale has {named(missing)} for this relay, the file has not: what goes there would be refused; add them",
        )
    if strange := sorted(ours - sale.keys()):
        yield Finding(
            "groups",
            "warn",
            f"{named(strange)} of the file {'is no group' if len(strange) == 1 else 'are no groups'} of this relay in the sale: nothing is sent there; name this relay in the sheet, or remove them",
        )
    if both := len(ours & sale.keys()):
        yield Finding("groups", "ok", f"{both} {'group is' if both == 1 else 'groups are'} in the file and in the sale")


def named(groups: list[str]) -> str:
    return ", ".join(groups[:NAMED]) + (f" and {len(groups) - NAMED} more" if len(groups) > NAMED else "")


async def _door(settings: RelayConfig, host: str) -> list[Finding]:
    """The websocket opens: a proxy may pass pages and no sockets."""
    try:
        async with asyncio.timeout(WITHIN_S):
            proxy: Literal[True] | None = None if urlsplit(settings.coordinator).hostname in LOOPBACK else True
            socket = await connect(address(settings.coordinator), open_timeout=None, close_timeout=1, proxy=proxy)
        await socket.close()
    except (OSError, TimeoutError, InvalidHandshake, InvalidURI, EOFError) as error:
        why = f"pages open at {host} and the websocket does not ({type(error).__name__}); let the proxy pass /ws"
        return [Finding("coordinator", "wrong", leads_on(error) or why)]
    return []


async def _json(response: aiohttp.ClientResponse) -> dict[str, Any]:
    try:
        body = await response.json(content_type=None)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def clock(reply: Reply) -> Iterator[Finding]:
    off = reply.clock_off_s()
    if off is not None and abs(off) > CLOCK_OFF_S:
        side = "ahead of" if off > 0 else "behind"
        message = f"this machine's clock is {abs(off)} s {side} the coordinator's: set it right, signatures hang on it"
        yield Finding("clock", "warn", message)
