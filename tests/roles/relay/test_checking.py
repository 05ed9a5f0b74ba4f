"""`dropcue relay check`: what is wrong with a configuration is said before the show, in plain words."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from coordinator.errors import CannotStart, UsageError
from roles.relay.adapters.base import Routes
from roles.relay.adapters.http import Reply
from roles.relay.agent import Agent
from roles.relay.checking import check, clock
from roles.relay.cli import app, receiving_of
from roles.relay.config import load
from roles.relay.receiving.server import together
from roles.relay.sending.log import SendLog
from tests.client import token
from tests.roles.relay.doubles.wecom import KEY, WecomDouble
from tests.server import InProcess
from tests.sheet import sheet

FILE = """\
coordinator: {coordinator}
token: {token}
credentials:
  robot: {{platform: wecom, base: "{base}", key: "{key}"}}
groups:
  g1: {{credential: robot}}
{more}"""


def written(folder: Path, **more: str) -> Path:
    path = folder / "relay.yaml"
    blank = {"coordinator": "http://127.0.0.1:1", "token": "t", "base": "https://127.0.0.1:1", "key": "k", "more": ""}
    path.write_text(FILE.format(**blank | more), "utf-8")
    return path


async def run(*args: str) -> tuple[int, list[dict[str, Any]], str]:
    """The command in a thread of its own, as it brings its own event loop: exit code, findings, all it says."""
    result = await asyncio.to_thread(CliRunner().invoke, app, ["check", "--json", *args])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, json.loads(result.stdout), result.output


def of(found: list[dict[str, Any]], about: str) -> list[tuple[str, str]]:
    return [(each["state"], each["message"]) for each in found if each["about"] == about]


async def test_somebody_elses_token_is_told_before_the_show_and_ends_the_relay(room: InProcess, tmp_path: Path) -> None:
    """A controller's token connected, and the relay waited for ever for what is only given to relays."""
    sale = await room.sale(sheet(groups=1))
    given = token("controller", "li", sale)
    async with WecomDouble() as wecom:
        code, found, said = await run(
            "--config", str(written(tmp_path, coordinator=room.url, token=given, base=wecom.base))
        )
        assert code == 1
        [(state, message)] = of(found, "token")
        assert (state, given in said) == ("wrong", False)
        assert "token of a controller" in message
        with pytest.raises(CannotStart, match="that of a controller"):
            await Agent(room.url, given, Routes({}), data=tmp_path / "data").run()


async def test_a_password_in_the_coordinators_address_goes_with_the_websocket_alone(
    room: InProcess, tmp_path: Path
) -> None:
    """With the token beside it no page could be asked for: the check, and a relay that hands in contacts, ended with a traceback."""
    given = token("relay", "r1", await room.sale(sheet(groups=1)))
    async with WecomDouble() as wecom:
        coordinator = room.url.replace("://", "://me:planted@")
        code, found, said = await run(
            "--config", str(written(tmp_path, coordinator=coordinator, token=given, base=wecom.base))
        )
    assert (code, of(found, "coordinator")[0][0]) == (0, "ok")
    assert "planted" not in said


async def test_a_coordinator_below_a_path_is_looked_for_there(room: InProcess, tmp_path: Path) -> None:
    """The command ended with a traceback."""
    given = token("relay", "r1", await room.sale(sheet(groups=1)))
    async with WecomDouble() as wecom:
        path = written(tmp_path, coordinator=room.url + "/elsewhere/", token=given, base=wecom.base)
        code, found, _ = await run("--config", str(path))
    assert code == 1
    assert "HTTP 404" in of(found, "coordinator")[0][1]


async def test_a_good_configuration_is_said_to_be_good_and_nobody_counts_as_here(
    room: InProcess, tmp_path: Path
) -> None:
    sale = await room.sale(sheet(groups=1))
    async with WecomDouble() as wecom:
        path = written(tmp_path, coordinator=room.url, token=token("relay", "r1", sale), base=wecom.base, key=KEY)
        code, found, said = await run("--config", str(path))
        assert (code, wecom.taken) == (0, [])
    assert of(found, "coordinator")[0][0] == "ok"
    assert of(found, "groups") == [("ok", "1 group is in the file and in the sale")]
    [(state, message)] = of(found, "credentials.robot")
    assert state == "untested"
    assert "--send" in message
    assert KEY not in said
    assert "relay.joined" not in {e["kind"] for e in await room.events(sale)}


async def test_a_rehearsal_is_told_from_the_sale_itself(room: InProcess, tmp_path: Path) -> None:
    """Once every sale was called a rehearsal: the coordinator says `false` of one that is none."""
    for query, said in (("?rehearsal=20", ["warn"]), ("", [])):
        sale = await room.sale(sheet(groups=1), query=query)
        path = written(tmp_path, coordinator=room.url, token=token("relay", "r1", sale))
        assert [f.state for f in await check(load(path)) if f.about == "sale"] == said


async def test_groups_that_the_sale_or_the_file_lacks_are_named(room: InProcess, tmp_path: Path) -> None:
    sale = await room.sale(sheet(groups=2))
    path = written(tmp_path, coordinator=room.url, token=token("relay", "r1", sale), more="  g9: {credential: robot}\n")
    code, found, _ = await run("--config", str(path))
    assert code == 1
    states = dict(of(found, "groups"))
    assert "the sale has g2 for this relay" in states["wrong"]
    assert "g9 of the file is no group of this relay" in states["warn"]


async def test_a_token_that_is_not_taken_and_a_coordinator_that_is_away_are_told_apart(
    room: InProcess, tmp_path: Path
) -> None:
    code, found, _ = await run("--config", str(written(tmp_path, coordinator=room.url, token="not-a-token")))
    assert code == 1
    assert of(found, "token")[0][0] == "wrong"
    code, found, _ = await run("--config", str(written(tmp_path)))
    assert code == 3
    assert of(found, "coordinator")[0][0] == "unreached"
    assert of(found, "credentials.robot")[0][0] == "unreached"


async def test_a_test_message_is_posted_when_asked_and_counts_in_the_rate_window(tmp_path: Path) -> None:
    async with WecomDouble() as wecom:
        path = written(tmp_path, base=wecom.base, key=KEY)
        _, found, _ = await run("--config", str(path), "--send", "今晚八点试发")
        assert of(found, "groups.g1") == [("ok", "the test message is there")]
        assert [each.seen.text for each in wecom.taken] == ["今晚八点试发"]
        store = SendLog(tmp_path / "relay-data")
        assert len(await store.used("robot", 60)) == 1
        _, found, _ = await run("--config", str(path), "--send", "x")  # while a relay runs on the folder
        assert of(found, "data")[0][0] == "warn"
        await store.close()
        path = written(tmp_path, base=wecom.base, key="gone")
        code, found, _ = await run("--config", str(path), "--send", "x", "--group", "g1")
        assert code == 1
        assert "key is not valid" in of(found, "groups.g1")[0][1]


async def test_what_a_screen_shows_does_not_stand_in_the_midst_of_json(tmp_path: Path) -> None:
    path = tmp_path / "relay.yaml"
    path.write_text(
        "coordinator: http://127.0.0.1:1\ntoken: t\ncredentials:\n  screen: {platform: console}\n"
        "groups:\n  g1: {credential: screen}\n"
    )
    _, found, said = await run("--config", str(path), "--send", "今晚八点试发")
    assert of(found, "groups.g1") == [("ok", "the test message is there")]
    assert of(found, "credentials.screen")[0][0] == "ok"
    assert "今晚八点试发" in said


async def test_what_is_wrong_in_the_file_is_told_with_its_line_and_a_file_that_is_not_there_is_a_wrong_call(
    tmp_path: Path,
) -> None:
    code, found, _ = await run("--config", str(written(tmp_path, more="  g1: {credential: robot}\n")))
    assert code == 1
    assert found == [{"about": "g1", "state": "wrong", "message": "a key stands twice; remove one", "line": 7}]
    with pytest.raises(UsageError, match="no such file"):
        await run("--config", str(tmp_path / "none.yaml"))
    with pytest.raises(UsageError, match="no group g5"):
        await run("--config", str(written(tmp_path)), "--group", "g5")


def test_what_works_and_is_hardly_meant_so_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "token.txt").write_text("t")
    (tmp_path / "token.txt").chmod(0o644)
    path = written(tmp_path, token="${file:token.txt}", more="  g2: {credential: twin}\n")
    text = path.read_text().replace(
        "groups:", '  twin: {platform: wecom, key: "k"}\n  idle: {platform: wecom, key: "z"}\ngroups:'
    )
    path.write_text(text)
    said = {(p.line, p.key): p.message for p in load(path, os.environ).warnings}
    assert "chmod 600" in said[2, "token"]
    assert "same account as robot" in said[5, "credentials.twin"]
    assert "no group is reached" in said[6, "credentials.idle"]
    (tmp_path / "token.txt").chmod(0o600)
    assert "token" not in {p.key for p in load(path, os.environ).warnings}


def test_a_clock_that_is_off_by_more_than_a_minute_is_said() -> None:
    [found] = clock(Reply(200, {"Date": "Wed, 21 Oct 2015 07:28:00 GMT"}, b""))
    assert "ahead of the coordinator's" in found.message
    assert not list(clock(Reply(200, {}, b"")))


INLET = """inlet: {{host: 127.0.0.1, port: {port}, secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=}}"""


async def test_a_port_that_another_program_has_is_found_before_the_relay_would_end_with_it(tmp_path: Path) -> None:
    """The check said that all was well, and the relay ended at its start: its inlet's port was taken."""
    other = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    port = other.sockets[0].getsockname()[1]
    file = str(written(tmp_path, more=INLET.format(port=port)))
    code, found, _ = await run("--config", file)
    [(state, message)] = of(found, "inlet")
    assert (code, state) == (1, "wrong")
    assert f"127.0.0.1:{port}" in message
    assert "inlet.port" in message
    other.close()
    await other.wait_closed()
    _, found, _ = await run("--config", file)
    assert of(found, "inlet") == [("ok", f"127.0.0.1:{port} is free for the inlet")]


async def test_an_address_that_is_not_this_machines_is_found_too(tmp_path: Path) -> None:
    file = written(tmp_path, more=INLET.format(port=0).replace("127.0.0.1", "192.0.2.1"))
    _, found, _ = await run("--config", str(file))
    assert [state for state, _ in of(found, "inlet")] == ["wrong"]


async def test_the_relay_that_runs_with_this_file_is_not_in_its_own_way(room: InProcess, tmp_path: Path) -> None:
    given = token("relay", "r1", await room.sale(sheet(groups=1)))
    async with WecomDouble() as wecom:
        more = {"coordinator": room.url, "token": given, "base": wecom.base}
        settings = load(written(tmp_path, **more, more=INLET.format(port=0)))
        agent = Agent(room.url, given, settings.routes, data=settings.data)
        receiving = receiving_of(settings, agent)
        assert receiving is not None
        work = asyncio.create_task(together(agent, receiving))
        async with asyncio.timeout(20):
            await receiving.listening.wait()
            await agent.connected.wait()
        file = written(tmp_path, **more, more=INLET.format(port=receiving.url.rpartition(":")[2]))
        _, found, _ = await run("--config", str(file))
        [(state, message)] = of(found, "inlet")
        assert (state, "the relay runs" in message) == ("ok", True)
        agent.stop()
        await work
