"""docs/compose.yaml: no engine runs it here, but its settings are ours, and its Redis is set as durable ones are."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from ruamel.yaml import YAML

from coordinator.journal.redis import RedisJournal
from coordinator.settings import Settings
from tests.redis_server import free_port, until
from tests.replay.stage import Stage

FILE = Path(__file__).parents[2] / "docs" / "compose.yaml"
PASSWORD = "secret"


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return dict(YAML(typ="safe").load(FILE.read_text("utf-8"))["services"])


@contextmanager
def as_it_says(service: dict[str, Any], port: int, folder: Path, master: int | None = None) -> Iterator[Redis]:
    """The server that a service starts, on a port and in a folder of the test's."""
    *_, command = service["command"]
    words = shlex.split(command.replace("$$REDISCLI_AUTH", PASSWORD))
    assert words[:2] == ["exec", "redis-server"]
    line = " ".join(shlex.quote(w) for w in words[1:])
    if master is not None:
        line = line.replace("--replicaof redis 6379", f"--replicaof 127.0.0.1 {master}")
    folder.mkdir()
    here = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--repl-diskless-sync-delay", "0"]
    process = subprocess.Popen([*shlex.split(line), *here], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = Redis(port=port, password=PASSWORD)
    try:
        until(client.ping, "the server that compose.yaml describes answers")
        yield client
    finally:
        process.kill()
        process.wait()


async def test_its_redis_loses_nothing_and_takes_a_sale(services: dict[str, Any], tmp_path: Path) -> None:
    port = free_port()
    with ExitStack() as stack:
        stack.enter_context(as_it_says(services["redis"], port, tmp_path / "a"))
        replica = stack.enter_context(as_it_says(services["redis-replica"], free_port(), tmp_path / "b", port))
        # The words that its health check looks for.
        health = services["redis-replica"]["healthcheck"]["test"][1]
        name, _, value = re.findall(r"grep -q (\S+)$", health)[0].partition(":")
        until(lambda: replica.info("replication").get(name) == value, "the replica is healthy")
        journal = await RedisJournal.open(f"redis://:{PASSWORD}@127.0.0.1:{port}")
        until(
            lambda: Redis(port=port, password=PASSWORD).info("replication")["min_slaves_good_slaves"] == 1, "it counts"
        )
        assert journal.warnings == []
        await Stage().write(journal)
        assert await journal.verify("kitchen") > 0
        await journal.close()


def test_its_nodes_are_told_what_there_is_to_be_told(services: dict[str, Any]) -> None:
    known = {f"DROPCUE_{name.upper()}" for name in Settings.model_fields}
    for node in ("node-1", "node-2"):
        assert set(services[node]["environment"]) <= known
        assert services[node]["environment"]["DROPCUE_REDIS"].endswith("@redis:6379")
    assert services["node-1"]["environment"] == services["node-2"]["environment"]
    ports = [port for name in ("node-1", "node-2") for port in services[name]["ports"]]
    assert len(set(ports)) == 2


def test_no_secret_stands_in_it(services: dict[str, Any]) -> None:
    page = FILE.read_text("utf-8")
    for name in ("DROPCUE_KEY", "REDIS_PASSWORD", "DROPCUE_RELAY_TOKEN"):
        assert re.search(rf"\$\{{{name}:[?-]", page), f"{name} comes from the environment"
    assert not re.search(r"(PASSWORD|KEY|TOKEN): *[\"']?[A-Za-z0-9]{8}", page)
