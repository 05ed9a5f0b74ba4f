"""No key, token, sign, secret or address of a platform is in anything that a run leaves behind or answers, whatever goes wrong."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

from roles.relay.adapters import PLATFORMS
from tests.client import Client, token
from tests.roles.relay.doubles.base import CUT_AFTER, CUT_BEFORE, PAGE, Answer, Double
from tests.roles.relay.doubles.platforms import DOUBLES
from tests.roles.relay.failing.stage import Troupe, dropped, here, of
from tests.server import ServerProcess, dropcue
from tests.sheet import sheet

INLET = "whsec_cGxhbnRlZC1pbmxldC1zZWNyZXQtb2YtYS1yZWxheQ=="
NOWHERE = "https://planted-host-{}.invalid"


def errors(secrets: list[str], base: str) -> list[tuple[str, Answer | None]]:
    """Every kind of answer, those that quote what the platform was sent too."""
    echo = " ".join(f"{s} {base}/x?key={quote(s)}&y={s}" for s in secrets)
    quoted = {"errcode": 40001, "code": 19001, "ok": False, "error_code": 400, "status": 7}
    quoted |= dict.fromkeys(("errmsg", "msg", "message", "description", "error", "detail"), echo)
    return [
        ("yes", None), ("page", PAGE), ("cut before", CUT_BEFORE), ("cut after", CUT_AFTER), ("no code", Answer({})),
        ("quoted", Answer(quoted)), ("quoted 400", Answer(quoted, 400)), ("text", Answer(echo, 403)), ("500", Answer(echo, 500)),
        ("moved", Answer("", 302, {"Location": f"{base}/login?from={quote(secrets[0])}"})),
        ("slow down", Answer(quoted, 429, {"Retry-After": "0.2"})),
    ]  # fmt: skip


async def test_no_secret_is_in_what_a_run_leaves_behind_or_answers(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "service", env={"DROPCUE_LOG": "debug"})
    await server.start()
    try:
        left = await a_run(server, tmp_path)
    finally:
        await server.gone()
    for name, secret in left.secrets.items():
        for form in {secret, quote(secret, safe="")}:
            where = [place for place, text in left.found.items() if form.encode() in text]
            assert not where, f"{name} is in {where}"
    assert len(left.found) > 30, "there was much to look through"
    assert sum(map(len, left.found.values())) > 100_000


class Left:
    """What a run left behind, by where it is, and the secrets that must not be in it."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.found: dict[str, bytes] = {}

    def folder(self, folder: Path) -> None:
        for file in folder.rglob("*"):
            if file.is_file():
                self.found[str(file)] = file.read_bytes()


async def a_run(server: ServerProcess, folder: Path) -> Left:
    left = Left()
    left.secrets["the inlet's secret"] = INLET.removeprefix("whsec_")
    kinds = list(DOUBLES.values())
    assert {kind.platform for kind in kinds} == PLATFORMS.keys() - {"console", "manual"}, (
        "each that is called over HTTP"
    )
    async with AsyncExitStack() as stack:
        doubles: dict[str, Double] = {}
        credentials: dict[str, Any] = {}
        groups: dict[str, Any] = {}
        for n, kind in enumerate(kinds, 1):
            name = kind.platform
            double = doubles[name] = await stack.enter_async_context(kind())
            for group, base in ((f"g{n}", double.base), (f"g{n + len(kinds)}", NOWHERE.format(n))):
                bot = f"{name}-{group}"
                credentials[bot] = kind.settings(base)
                groups[group] = {"credential": bot, **kind.group}
            left.secrets |= {f"{name} {i}": s for i, s in enumerate(kind.secrets)}
            left.secrets[f"{name}'s address"] = double.base.partition("//")[2]
            left.secrets[f"{name}'s other address"] = NOWHERE.format(n).partition("//")[2]
        plan = sheet(
            groups=[{"id": g, "name": g, "tier": "vip", "relay": "a"} for g in groups], lead="100ms", pacing={"same_content": "0s"}
        )  # fmt: skip
        sale = await server.sale(plan, live=True)
        given = left.secrets["the relay's token"] = token("relay", "a", sale)
        stage = Troupe(folder, server, sale)
        try:
            relay = await stage.start(
                "a", credentials, groups, given=given, inlet={"secret": INLET, "port": 0}, env={"DROPCUE_LOG": "debug"}
            )
            controller = await server.join(sale)
            await here(controller, "a")
            reached = {f"g{n}" for n in range(1, len(kinds) + 1)}
            for step in range(len(errors(["x"], "x"))):
                for kind in kinds:
                    double = doubles[kind.platform]
                    what, double.always = errors(list(kind.secrets), double.base)[step]
                await told(controller, await dropped(controller, f"{step} {what}"), reached)
            for double in doubles.values():
                double.always, double.revoked = None, True
            await told(controller, await dropped(controller, "revoked"), reached)
            statuses = {d["status"] for d in controller.state["deliveries"].values()}
            assert {"sent", "unknown", "failed"} <= statuses, "all that can go wrong has gone wrong"
            assert await relay.term() == 0
            await over_http(server, sale, left)
            await server.leave()
            left.found["the relay's output"] = relay.output.encode()
            left.folder(folder / "a")
        finally:
            await stage.gone()
    assert await server.stop() == 0
    left.found["the server's output"] = "\n".join(server.log).encode()
    left.folder(server.data)
    for command in ("export", "review"):
        code, out, err = await dropcue(command, sale, "-o", str(folder / command), "--data", str(server.data))
        assert code == 0, err
        left.found[f"dropcue {command}"] = (out + err).encode()
        left.folder(folder / command)
    return left


async def told(controller: Client, drop: str, groups: set[str]) -> None:
    """Each of these groups' deliveries has been reported once at least."""
    await controller.until(
        lambda: all(
            d["status"] != "requested" or d["attempt"] > 1 or d["why"]
            for d in of(controller, drop)
            if d["group"] in groups
        ),
        60,
    )


async def over_http(server: ServerProcess, sale: str, left: Left) -> None:
    people = (
        ("owner", None),
        ("controller", "li"),
        ("host", "lin"),
        ("cohost", "wu"),
        ("cheer", "mei"),
        ("support", "chen"),
    )
    paths = ["", "/state", "/events?limit=1000", "/review", "/ready", "/list/deliveries?limit=1000"]
    asked = [(role, person, f"/api/sales/{sale}{path}") for role, person in people for path in paths]
    asked += [("owner", None, p) for p in ("/metrics", "/api/permissions", "/openapi.json", "/healthz", "/readyz")]
    answers = await asyncio.gather(
        *(
            server.http("GET", path, token(role, person, None if role == "owner" else sale))
            for role, person, path in asked
        )
    )
    for (role, _, path), answer in zip(asked, answers, strict=True):
        left.found[f"{role} {path}"] = answer.body
    events = json.loads(left.found[f"owner /api/sales/{sale}/events?limit=1000"])["events"]
    assert any(e["kind"] == "delivery.failed" for e in events)
