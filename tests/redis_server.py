"""Real Redis servers for the tests, on free ports, in folders of their own: one, one with a replica, a cluster."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from redis import Redis
from redis.crc import key_slot
from redis.exceptions import RedisError

PATIENCE_S = 30.0


def free_port(*, bus: bool = False) -> int:
    """A port that nobody has; with `bus`, one whose cluster bus (10,000 above) is free as well."""
    while True:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = int(s.getsockname()[1])
        if not bus:
            return port
        if port < 55_000:
            with socket.socket() as other:
                try:
                    other.bind(("127.0.0.1", port + 10_000))
                except OSError:
                    continue
            return port


def until(holds: Callable[[], Any], what: str, seconds: float = PATIENCE_S) -> Any:
    """Asks again until it holds; errors of a server that is starting or gone count as not yet."""
    end = time.monotonic() + seconds
    while True:
        try:
            found = holds()
        except (RedisError, OSError):
            found = None
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


class RedisServer:
    """One redis-server: every change on the disk before it is answered."""

    def __init__(self, *options: str, cluster: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="redis-"))
        self.port = free_port(bus=cluster)
        self._options = [
            "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", "", "--appendonly", "yes",
            "--appendfsync", "always", "--repl-diskless-sync-delay", "0",
        ]  # fmt: skip
        if cluster:
            self._options += [
                "--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-require-full-coverage", "no",
            ]  # fmt: skip
        self._options += options
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(["redis-server", *self._options], stdout=log, stderr=log)
        until(self.client.ping, f"redis-server on {self.port} answers")

    @property
    def client(self) -> Redis:
        return Redis(port=self.port, socket_timeout=5, socket_connect_timeout=1)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def role(self) -> str:
        """What it says it is: `master`, `slave`; empty where it does not answer."""
        if self.process is None:
            return ""
        try:
            return str(self.client.info("replication")["role"])
        except (RedisError, OSError):
            return ""

    def close(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def standalone(*options: str) -> Iterator[RedisServer]:
    server = RedisServer(*options)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def replicated(*options: str) -> Iterator[tuple[RedisServer, RedisServer]]:
    """(master, replica), in step; `options` are the master's."""
    with standalone(*options) as master, standalone("--replicaof", f"127.0.0.1 {master.port}") as replica:
        until(lambda: master.client.info("replication").get("connected_slaves") == 1, "the replica is there")
        until(lambda: replica.client.info("replication").get("master_link_status") == "up", "the replica is in step")
        yield master, replica


class RedisCluster:
    """Three masters, with a replica each."""

    def __init__(self, *options: str) -> None:
        self.servers = [RedisServer(*options, cluster=True) for _ in range(6)]
        subprocess.run(
            ["redis-cli", "--cluster", "create", *(f"127.0.0.1:{s.port}" for s in self.servers), "--cluster-replicas", "1",
             "--cluster-yes"],
            check=True, stdout=subprocess.DEVNULL, timeout=60,
        )  # fmt: skip
        self.until_well()

    def until_well(self) -> None:
        until(self.is_well, "the cluster is well")

    def is_well(self) -> bool:
        """Whether all servers are up and agree, and each master has its replica in step."""
        if any(s.client.cluster("info").get("cluster_state") != "ok" for s in self.servers):
            return False
        told = [s.client.info("replication") for s in self.servers]
        return [t["role"] for t in told].count("master") == 3 and all(
            t.get("connected_slaves") == 1 and t["slave0"]["state"] == "online"
            if t["role"] == "master"
            else t["master_link_status"] == "up"
            for t in told
        )

    @property
    def url(self) -> str:
        return "redis://" + ",".join(f"127.0.0.1:{s.port}" for s in self.servers)

    def masters(self) -> Sequence[RedisServer]:
        """Those that are up and call themselves masters."""
        return [s for s in self.servers if s.role() == "master"]

    def master_of(self, key: str) -> RedisServer:
        """The master that has this key now."""
        slot = key_slot(key.encode())

        def look() -> RedisServer | None:
            for server in self.masters():
                for first, last, master, *_ in server.client.execute_command("CLUSTER SLOTS"):
                    if first <= slot <= last and master[1] == server.port:
                        return server
            return None

        return cast(RedisServer, until(look, f"a master has {key}"))

    def replica_of(self, master: RedisServer) -> RedisServer:
        """The server that follows this one."""
        found = until(
            lambda: next(
                (
                    s for s in self.servers
                    if s.role() == "slave" and s.client.info("replication").get("master_port") == master.port
                ),
                None,
            ),
            f"a replica of {master.port}",
        )  # fmt: skip
        return cast(RedisServer, found)

    def clear(self) -> None:
        for master in self.masters():
            master.client.flushall()

    def close(self) -> None:
        for server in self.servers:
            server.close()
