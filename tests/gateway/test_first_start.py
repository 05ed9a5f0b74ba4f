"""The owner's link of a fresh installation is there as long as it is needed."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

from tests.client import PATIENCE_S
from tests.server import ROOT


async def start(data: Path, port: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "coordinator.cli", "serve", "--data", str(data), "--port", str(port), cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip


async def test_a_first_start_that_finds_its_port_taken_does_not_lose_the_owners_link(tmp_path: Path) -> None:
    """Once the folder was made by the start that failed, and the next one held itself to be no first one."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = await start(tmp_path / "data", taken.getsockname()[1])
        said, _ = await asyncio.wait_for(refused.communicate(), PATIENCE_S)
        assert (refused.returncode, said) == (3, b"")
    service = await start(tmp_path / "data", 0)
    assert service.stdout is not None
    try:
        assert b"Owner's link" in await asyncio.wait_for(service.stdout.readline(), PATIENCE_S)
    finally:
        service.terminate()
        await service.wait()
