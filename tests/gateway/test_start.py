"""A service that cannot start says why, in one line, with the exit code that scripts rely on."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

from coordinator.errors import CannotStart
from tests.client import KEY
from tests.server import InProcess, ServerProcess, dropcue
from tests.sheet import sheet

ENV = {"DROPCUE_KEY": KEY}


def one_line(err: str) -> str:
    lines = [line for line in err.splitlines() if not line.startswith("{")]
    assert "Traceback" not in err
    assert lines
    assert lines[-1].startswith("dropcue: ") or "rror" in err
    return lines[-1]


async def test_a_second_server_on_the_same_folder_ends_with_3_and_the_first_goes_on(server: ServerProcess) -> None:
    sale = await server.sale(sheet())
    client = await server.join(sale)
    code, _, err = await dropcue("serve", "--data", str(server.data), "--port", "0", env=ENV)
    assert code == 3
    assert str(server.data) in one_line(err)
    await client.done("note.add", text="still here")


async def test_a_port_in_use_ends_with_3_and_names_it(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, _, err = await dropcue("serve", "--data", str(tmp_path / "d"), "--port", str(port), env=ENV)
    assert code == 3, err
    assert f"127.0.0.1:{port}" in one_line(err)


async def test_after_a_start_that_failed_the_folder_is_free_again(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        room = InProcess(tmp_path)
        room.service.settings.port = taken.getsockname()[1]
        with pytest.raises(CannotStart):
            await room.service.start()
    again = InProcess(tmp_path)
    await again.start()
    await again.stop()


@pytest.mark.parametrize(
    ("args", "env", "word"),
    [
        (["--port", "99999"], {}, "port"),
        (["--port", "abc"], {}, "port"),
        ([], {"DROPCUE_PORT": "abc"}, "DROPCUE_PORT"),
        ([], {"DROPCUE_PORT": "-1"}, "DROPCUE_PORT"),
        ([], {"DROPCUE_KEY": "short"}, "DROPCUE_KEY"),
        (["--speed"], {}, "speed"),
    ],
)
async def test_settings_that_cannot_be_end_with_2_and_are_named(
    tmp_path: Path, args: list[str], env: dict[str, str], word: str
) -> None:
    code, _, err = await dropcue("serve", "--data", str(tmp_path / "d"), *args, env={**ENV, **env})
    assert code == 2, err
    assert word in err
    assert "Traceback" not in err


async def test_a_folder_that_cannot_be_made_ends_with_3(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    code, _, err = await dropcue("serve", "--data", str(tmp_path / "file" / "d"), "--port", "0", env=ENV)
    assert code == 3, err
    assert str(tmp_path / "file") in one_line(err)


async def test_a_journal_that_is_none_ends_with_3(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").write_bytes(b"this is no journal" * 1000)
    code, _, err = await dropcue("serve", "--data", str(tmp_path), "--port", "0", env=ENV)
    assert code == 3, err
    assert str(tmp_path) in one_line(err)


async def test_a_redis_that_is_not_there_ends_with_3(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code, _, err = await dropcue(
        "serve", "--data", str(tmp_path), "--redis", f"redis://127.0.0.1:{port}", "--port", "0", env=ENV
    )
    assert code == 3, err
    one_line(err)


async def test_a_stopped_server_ends_with_0_and_tells_its_clients_to_come_back(server: ServerProcess) -> None:
    client = await server.join(await server.sale(sheet()))
    server.clients.clear()
    assert await server.stop() == 0
    assert await client.end() == 4000
    assert client.bye is not None
    assert client.bye["retry"] is True


async def test_a_start_that_a_test_calls_off_leaves_no_process_behind(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data")
    starting = asyncio.create_task(server.start())
    while not server.begun:
        await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)
