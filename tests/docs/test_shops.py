"""The page for shops: its examples run against a real service, and its tables are the code's."""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from coordinator.core.order_checks import FLAGS
from coordinator.core.orders import OrderReport
from tests.docs.test_documents import DOCS, blocks, named, rows
from tests.server import InProcess
from tests.sheet import sheet

PAGE = DOCS / "shops.md"
SECRET = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


@pytest.fixture
async def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[InProcess]:
    monkeypatch.setenv("DROPCUE_HOOK_MALL", SECRET)
    made = InProcess(tmp_path / "data")
    await made.start()
    yield made
    await made.stop()


async def test_the_python_example_sends_one_order_and_many(room: InProcess) -> None:
    scope: dict[str, Any] = {}
    exec(blocks(PAGE, "python")[0], scope)  # noqa: S102 - the page's own example
    sale = await room.sale(sheet(), live=True)
    url = f"{room.url}/hooks/{sale}/mall"
    orders = [{"kind": "order.report", "order": f"o{n}", "status": "paid", "amount": 100} for n in range(3)]
    for commands, count in ((orders[0], 1), (orders[1:], 2)):
        results = await asyncio.to_thread(scope["send"], url, SECRET, f"msg_{count}", commands)
        assert [r["ok"] for r in results] == [True] * count
    assert [e["order"] for e in await room.events(sale) if e["kind"] == "order.paid"] == ["o0", "o1", "o2"]


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("openssl")), reason="the example needs curl and openssl")
async def test_the_shell_example_sends_an_order(room: InProcess) -> None:
    sale = await room.sale(sheet(), live=True)
    process = await asyncio.create_subprocess_exec(
        "bash", "-euc", blocks(PAGE, "bash")[0], stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "URL": f"{room.url}/hooks/{sale}/mall", "SECRET": SECRET, "ID": "msg_1", "NO_PROXY": "*"},
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode == 0, err
    assert b'"ok":true' in out
    (paid,) = [e for e in await room.events(sale) if e["kind"] == "order.paid"]
    assert (paid["order"], paid["by"], paid["cmd"]) == ("A-1001", "shop:mall", "msg_1")


def test_the_flags_are_those_of_the_code() -> None:
    assert {named(flag)[0]: text for flag, text in rows(PAGE, "## What does not add up")} == FLAGS


def test_the_fields_are_those_of_the_command() -> None:
    fields = [name for row in rows(PAGE, "## An order's life") for name in named(row[0])]
    assert sorted(fields) == sorted(OrderReport.model_fields)
