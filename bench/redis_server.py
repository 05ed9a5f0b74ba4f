"""Redis servers for the bench: every change on the disk before it is answered; alone, or with one replica."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.server import folder, free_port, stop
from bench.wire import BenchError

START_SECONDS = 10.0
TOOLS = ("redis-server", "redis-benchmark", "redis-cli")
MISSING = "redis-server, redis-benchmark and redis-cli are needed: apt-get install redis"


def there() -> bool:
    """Whether this machine has what is needed."""
    return all(shutil.which(tool) for tool in TOOLS)


class RedisServer:
    def __init__(self, port: int, where: Path, process: subprocess.Popen[bytes]) -> None:
        self.port, self.folder, self.process = port, where, process

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self.process.pid

    def ask(self, *words: str) -> str:
        command = ["redis-cli", "-p", str(self.port), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()

    def info(self, name: str) -> str:
        """One line of INFO."""
        found = re.search(rf"^{name}:(.*)$", self.ask("INFO", "everything"), re.MULTILINE)
        if found is None:
            raise BenchError(f"Redis does not tell its {name}")
        return found[1].strip()


@contextmanager
def redis_server(*options: str) -> Iterator[RedisServer]:
    """One server, in a folder of its own."""
    with folder() as where:
        port = free_port()
        process = subprocess.Popen(
            ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(where), "--appendonly", "yes",
             "--appendfsync", "always", "--save", "", "--auto-aof-rewrite-percentage", "0", "--repl-diskless-sync-delay", "0", *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _until(lambda: _listens(port), "redis-server did not start")
            yield RedisServer(port, where, process)
        finally:
            stop(process)


@contextmanager
def durable_redis(*, replica: bool) -> Iterator[list[RedisServer]]:
    """The server to write to, and behind it the replica, without which it takes nothing."""
    with ExitStack() as stack:
        if not replica:
            yield [stack.enter_context(redis_server())]
            return
        master = stack.enter_context(redis_server("--min-replicas-to-write", "1"))
        second = stack.enter_context(redis_server("--replicaof", f"127.0.0.1 {master.port}"))
        _until(lambda: second.info("master_link_status") == "up", "the replica does not follow")
        _until(lambda: master.info("min_slaves_good_slaves") == "1", "the replica does not count")
        yield [master, second]


def _listens(port: int) -> bool:
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def _until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + START_SECONDS
    while not holds():
        if time.monotonic() > end:
            raise BenchError(what)
        time.sleep(0.05)
