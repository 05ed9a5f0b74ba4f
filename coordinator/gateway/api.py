"""The HTTP interface (design.md, section 8): sales, commands, events, tokens."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from aiohttp import web

from coordinator.answers import Answer, answers_to
from coordinator.core import TOPICS, Actor, State
from coordinator.errors import UNREADABLE, JournalError
from coordinator.fanout.view import Rights
from coordinator.gateway import revealing, wire
from coordinator.gateway.auth import Identity, in_days
from coordinator.gateway.context import GATEWAY, Gateway
from coordinator.gateway.problem import of_answer, of_findings
from coordinator.gateway.readiness import readiness
from coordinator.journal import codec
from coordinator.leases import REVOKED
from coordinator.problem import Problem
from coordinator.registry import Sale, SheetRefused, Start
from roles import masking
from roles import streams as role_streams
from roles import views as role_views
from roles.permissions import ROLES, table

LIST_LIMIT = 1_000
JOIN_DAYS = 7  # a join link is good this long after the last cue
MAX_LOAD_EVENTS = 500  # of the journal at once: what is due waits for no more than a few ms


_encode = msgspec.json.Encoder().encode


def reply(body: Any, status: int = 200) -> web.Response:
    return web.Response(body=_encode(body), status=status, content_type="application/json")


async def read_json(request: web.Request) -> Any:
    try:
        return msgspec.json.decode(await request.read())
    except (msgspec.DecodeError, UnicodeError, RecursionError) as e:
        raise Problem(422, "invalid", f"the body is no JSON: {e}") from None


def number(request: web.Request, name: str, default: int, most: int | None = None) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise Problem(422, "invalid", f"{name} is a whole number", {"field": name})
    return int(text) if most is None else min(int(text), most)


def owner(identity: Identity) -> None:
    if identity.actor.role != "owner":
        raise Problem(403, "forbidden", "only the owner may do this", {"role": identity.actor.role})


# ---------------------------------------------------------------- sales
async def create_sale(request: web.Request) -> web.Response:
    gateway = request.app[GATEWAY]
    identity = gateway.identify(request)
    owner(identity)
    if identity.sale is not None:
        raise Problem(403, "forbidden", "this token is for one sale only")
    rehearsal: float | None = None
    text = request.query.get("rehearsal")
    if text is not None:
        try:
            rehearsal = 0.0 if text == "jump" else float(text)
        except ValueError:
            rehearsal = -1.0
        if text != "jump" and not 0.01 <= rehearsal <= 1_000_000:
            raise Problem(422, "invalid", "rehearsal is a speed, such as 20, or jump", {"field": "rehearsal"})
    start = _start(request.query.get("start"), rehearsal)
    data = await request.read()
    try:
        sale, findings = await gateway.registry.create(
            data, "sheet", request.content_type, rehearsal=rehearsal, start=start
        )
    except SheetRefused as e:
        raise of_findings(e.findings) from None
    except JournalError as e:
        raise Problem(503, "busy", str(e), {"retry_ms": 1000}) from None
    if start is not None:
        await start_now(sale, identity.actor)
    body = {"sale": sale.id, "joins": joins(gateway, sale), "findings": findings}
    return reply(body, 201)


def _start(text: str | None, rehearsal: float | None) -> Start | None:
    match text:
        case None | "now":
            return text
        case "planned" if rehearsal is not None:
            return text
    raise Problem(422, "invalid", "start is now, or planned for a rehearsal, or left out", {"field": "start"})


async def start_now(sale: Sale, actor: Actor) -> None:
    """Arms and starts in one go: what is planned before the start has no moment to run in between."""
    for given in await answers_to(sale.conductor.submit, actor, [{"kind": "show.arm"}, {"kind": "show.start"}]):
        if not given.ok:
            raise of_answer(given)


def joins(gateway: Gateway, sale: Sale) -> list[dict[str, str]]:
    """A join link for each of the team, good for seven days after the last cue."""
    state = sale.conductor.state
    last = max([state.the.start, *(s.end for s in state.segments.values()), *(c.at or 0 for c in state.cues.values())])
    expires = max(last // 1000 + JOIN_DAYS * 86_400, in_days(JOIN_DAYS))
    out = []
    for member in state.p.team:
        token, _ = gateway.tokens.make(member.role, member.person, sale=sale.id, expires=expires)
        url = f"{gateway.settings.address()}/console/#{token}"
        out.append({"person": member.person, "role": member.role, "url": url})
    return out


def summary(state: State) -> dict[str, Any]:
    the = state.the
    return {
        "sale": state.sale, "title": the.title, "kind": the.kind, "status": the.status, "start": the.start,
        "timezone": the.timezone, "rehearsal": the.rehearsal,
    }  # fmt: skip


async def list_sales(request: web.Request) -> web.Response:
    gateway = request.app[GATEWAY]
    identity = gateway.identify(request)
    out: list[dict[str, Any]] = []
    unreadable: list[dict[str, str]] = []  # the others are listed all the same
    for name in await gateway.registry.journal.sales():
        if identity.sale is None or identity.sale == name:
            try:
                sale = await gateway.registry.get(name)
            except UNREADABLE as e:
                unreadable.append({"sale": name, "why": str(e)})
                continue
            if sale is not None and sale.conductor.state.plan is not None:
                out.append(summary(sale.conductor.state))
    return reply({"sales": out, **({"unreadable": unreadable} if unreadable else {})})


async def get_sale(request: web.Request) -> web.Response:
    gateway = request.app[GATEWAY]
    identity = gateway.identify(request)
    sale = await gateway.sale(request, identity)
    state = await sale.conductor.settled()
    body = {**summary(state), "version": state.the.version, "seq": state.seq, "now": sale.conductor.clock.now()}
    if identity.actor.role in {"owner", "controller"}:
        body["sheet"] = state.sheet
    return reply(body)


async def get_ready(request: web.Request) -> web.Response:
    gateway = request.app[GATEWAY]
    sale = await gateway.sale(request, gateway.identify(request))
    return reply(await readiness(gateway, sale))


# ---------------------------------------------------------------- commands
def answered(given: Answer, sale: Sale) -> web.Response:
    if not given.ok:
        return of_answer(given).response()
    body: dict[str, Any] = {"op": "done", "id": given.id, "position": sale.hub.mark(given.seq)}
    if given.result is not None:
        body["result"] = given.result
    return reply(body)


async def post_do(request: web.Request) -> web.Response:
    gateway = request.app[GATEWAY]
    identity = gateway.identify(request)
    sale = await gateway.sale(request, identity)
    frame = await read_json(request)
    if not isinstance(frame, dict):
        raise Problem(422, "invalid", "a command is a JSON object")
    if isinstance(frame.get("commands"), list) and frame.get("op") == "many":
        if not all(isinstance(c, dict) and isinstance(c.get("id"), str) for c in frame["commands"]):
            raise Problem(
                422, "invalid", "each command is an object with an id of its own, a text", {"field": "commands"}
            )
        return await many(sale, identity.actor, frame["commands"], request.content_length or 0)
    if not isinstance(frame.get("id"), str):
        raise Problem(422, "invalid", "a command needs an id, a text", {"field": "id"})
    given = await sale.conductor.do(identity.actor, frame)
    if revealing.is_reveal(frame):
        given = await revealing.with_contact(gateway, sale, given)
    return answered(given, sale)


async def many(sale: Sale, actor: Actor, commands: list[Any], size: int) -> web.Response:
    if len(commands) > wire.MAX_MANY:
        raise Problem(422, "invalid", f"at most {wire.MAX_MANY} commands at once", {"field": "commands"})
    answers = await answers_to(sale.conductor.submit, actor, commands, size)
    seq = max((a.seq for a in answers), default=sale.hub.head)
    return reply({"op": "done", "position": sale.hub.mark(seq), "results": [wire.told(a) for a in answers]})


# ---------------------------------------------------------------- reading
async def get_events(request: web.Request) -> web.Response:
    gateway = request.app[GATEWAY]
    identity = gateway.identify(request)
    sale = await gateway.sale(request, identity)
    after, limit = number(request, "after", 0), max(1, number(request, "limit", 100, LIST_LIMIT))
    state = await sale.conductor.settled()
    streams = role_streams.listens_to(identity.actor, state, ahead=identity.actor.role in {"owner", "controller"})
    full = identity.actor.role in {"owner", "controller"}
    out: list[bytes] = []
    next_ = after
    while len(out) < limit and next_ < sale.hub.head:
        entries = await sale.conductor.journal.read(sale.id, next_, MAX_LOAD_EVENTS)
        if not entries:
            break
        for entry in entries:
            if entry.seq > sale.hub.head:
                break
            event = codec.decode(entry, sale.id)
            next_ = entry.seq
            if streams.isdisjoint(role_streams.of_event(sale.conductor.state, event)):
                continue
            own = event.by == identity.actor.by and identity.actor.role != "audience"
            if not full and not own:
                event.cmd = event.sum = None
            out.append(_encode(event if own else masking.for_role(event, identity.actor.role)))
            if len(out) == limit:
                break
        else:
            continue
        break
    body = b'{"events":[%b],"next":%d}' % (b",".join(out), next_)
    return web.Response(body=body, content_type="application/json")


async def get_state(request: web.Request) -> web.Response:
    """The state as the caller's view shows it: now, or as it was at a number."""
    gateway = request.app[GATEWAY]
    identity = gateway.identify(request)
    sale = await gateway.sale(request, identity)
    at = number(request, "at", -1)
    hub = sale.hub
    await sale.conductor.settled()
    if at > hub.head:
        raise Problem(409, "too_early", f"the journal ends at {hub.head}", {"field": "at"})
    ahead = request.query.get("ahead", "1") != "0"
    if at < 0:
        body = b'{"seq":%d,"state":%b}' % (hub.head, hub.state_for(Rights(identity.actor, ahead)))
        return web.Response(body=body, content_type="application/json")
    state = await state_at(sale, at)
    return reply({"seq": state.seq, "state": shown(state, identity.actor, ahead=ahead)})


async def state_at(sale: Sale, at: int) -> State:
    from coordinator.core import evolve

    state = State(sale=sale.id)
    while state.seq < at:
        entries = await sale.conductor.journal.read(sale.id, state.seq, min(MAX_LOAD_EVENTS, at - state.seq))
        for event in codec.decode_all(entries, sale.id):
            evolve(state, event)
        await asyncio.sleep(0)
    return state


def shown(state: State, actor: Actor, *, ahead: bool) -> dict[str, dict[str, Any]]:
    """A whole view, made at once: what a fresh snapshot holds."""
    if state.plan is None:
        return {topic: {} for topic in TOPICS}
    streams = role_streams.listens_to(actor, state, ahead=ahead)
    out: dict[str, dict[str, Any]] = {}
    for topic in TOPICS:
        entities = out[topic] = {}
        for id_ in getattr(state, topic):
            for who, form in role_views.forms(state, topic, id_):
                if not streams.isdisjoint(who):
                    entities[id_] = form
                    break
    return out


async def get_review(request: web.Request) -> web.Response:
    from replay.review import review_of

    gateway = request.app[GATEWAY]
    identity = gateway.identify(request)
    sale = await gateway.sale(request, identity)
    if identity.actor.role not in {"owner", "controller"}:
        raise Problem(403, "forbidden", "the review is for owner and controller")
    return reply(await review_of(sale.conductor.journal, sale.id))


async def get_export(request: web.Request) -> web.StreamResponse:
    """The whole record, one event a line, with what members said, their numbers masked."""
    gateway = request.app[GATEWAY]
    identity = gateway.identify(request)
    owner(identity)
    sale = await gateway.sale(request, identity)
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    response.headers["Content-Disposition"] = f'attachment; filename="{sale.id}.ndjson"'
    await response.prepare(request)
    at = 0
    while at < sale.hub.head:
        entries = await sale.conductor.journal.read(sale.id, at, MAX_LOAD_EVENTS)
        events = codec.decode_all(codec.unsealed(entries), sale.id)
        await response.write(b"".join(_encode(masking.event(e)) + b"\n" for e in events))
        at = entries[-1].seq
    await response.write_eof()
    return response


# ---------------------------------------------------------------- tokens
async def post_token(request: web.Request) -> web.Response:
    gateway = request.app[GATEWAY]
    identity = gateway.identify(request)
    owner(identity)
    body = await read_json(request)
    if not isinstance(body, dict):
        raise Problem(422, "invalid", "the body is an object")
    role, person, sale = body.get("role"), body.get("person") or body.get("sub"), body.get("sale", identity.sale)
    groups, days = body.get("groups"), body.get("days", JOIN_DAYS)
    if role not in ROLES:
        raise Problem(422, "invalid", f"role is one of {', '.join(ROLES)}", {"field": "role"})
    if not isinstance(person, str) or not 0 < len(person) <= 128 or any(ord(c) < 33 for c in person):
        raise Problem(422, "invalid", "person is a short text without blanks", {"field": "person"})
    if identity.sale is not None and sale != identity.sale:
        raise Problem(403, "forbidden", "this token is for one sale only", {"field": "sale"})
    if (sale is None and role != "owner") or not (sale is None or isinstance(sale, str)):
        raise Problem(422, "invalid", "sale is needed for every role but the owner", {"field": "sale"})
    if groups is not None and not (isinstance(groups, list) and all(isinstance(g, str) for g in groups)):
        raise Problem(422, "invalid", "groups is a list of ids", {"field": "groups"})
    if isinstance(days, bool) or not isinstance(days, int | float) or not 0 < days <= 400:
        raise Problem(422, "invalid", "days is a number from 0 to 400", {"field": "days"})
    strange = sorted(body.keys() - {"role", "person", "sub", "sale", "groups", "days", "exp"})
    if strange:
        raise Problem(422, "invalid", f"there is no field {strange[0]}", {"field": strange[0]})
    expires = body.get("exp", in_days(days))
    if isinstance(expires, bool) or not isinstance(expires, int) or not in_days(0) < expires <= in_days(400):
        raise Problem(
            422, "invalid", "exp is a moment to come, in seconds since 1970, within 400 days", {"field": "exp"}
        )
    if sale is not None and await gateway.registry.get(sale) is None:
        raise Problem(404, "unknown", f"there is no sale {sale[:80]}", {"field": "sale"})
    token, jti = gateway.tokens.make(role, person, sale=sale, expires=expires, groups=groups)
    url = f"{gateway.settings.address()}/console/#{token}"
    return reply({"token": token, "jti": jti, "url": url, "exp": expires}, 201)


async def revoke_token(request: web.Request) -> web.Response:
    gateway = request.app[GATEWAY]
    identity = gateway.identify(request)
    owner(identity)
    jti = request.match_info["jti"]
    if not jti.isascii() or len(jti) > 128 or any(c.isspace() for c in jti):
        raise Problem(422, "invalid", "a jti is a short ASCII text without blanks", {"field": "jti"})
    entry = gateway.tokens.revoke(jti, identity.sale)
    gateway.close_revoked()
    if gateway.facts is not None:
        await gateway.facts.add(REVOKED, entry)
    return reply({"revoked": jti})


async def get_permissions(_: web.Request) -> web.Response:
    return reply({"roles": list(ROLES), "commands": table()})


def add_routes(app: web.Application) -> None:
    app.router.add_post("/api/sales", create_sale)
    app.router.add_get("/api/sales", list_sales)
    app.router.add_get("/api/sales/{sale}", get_sale)
    app.router.add_get("/api/sales/{sale}/ready", get_ready)
    app.router.add_post("/api/sales/{sale}/do", post_do)
    app.router.add_get("/api/sales/{sale}/events", get_events)
    app.router.add_get("/api/sales/{sale}/state", get_state)
    app.router.add_get("/api/sales/{sale}/review", get_review)
    app.router.add_get("/api/sales/{sale}/export", get_export)
    app.router.add_post("/api/tokens", post_token)
    app.router.add_post("/api/tokens/{jti}/revoke", revoke_token)
    app.router.add_get("/api/permissions", get_permissions)
