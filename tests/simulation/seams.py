"""Where the simulation takes the place of the machine: time, chance, disk, network, log. All of it while `replaced` lasts."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import structlog

import coordinator.clock
import coordinator.conductor
import coordinator.fanout.outbox
import coordinator.journal.codec
import roles.relay.disk
import roles.relay.machine
import roles.relay.wire.line
from tests.simulation.loop import PROCESS, VirtualLoop
from tests.simulation.network import Network
from tests.simulation.source import Source

SOFT_BYTES = 16 << 10  # what a slow reader may have unread: small, so that short runs meet it


@contextlib.contextmanager
def replaced(
    loop: VirtualLoop, epoch_ms: int, source: Source, network: Network, note: Callable[[str], None],
    faults: list[str], disks: dict[str, sqlite3.Connection],
) -> Iterator[None]:  # fmt: skip
    """In here the product runs on the simulation's machines."""

    def monotonic() -> float:
        process = PROCESS.get()
        return loop.now + (process.monotonic if process is not None else 0.0)

    def wall_ns() -> int:
        process = PROCESS.get()
        return int((epoch_ms + loop.now * 1000 + (process.wall_ms if process is not None else 0.0)) * 1_000_000)

    def disk(*_: Any, **__: Any) -> sqlite3.Connection:
        process = PROCESS.get()
        assert process is not None
        if process.name not in disks:
            disks[process.name] = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        return disks[process.name]

    async def connect(*_: Any, **__: Any) -> Any:
        process = PROCESS.get()
        assert process is not None
        end = await network.connect()
        network.opened(process, end)
        return end

    def log(_: object, level: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        said = event.pop("event")
        trouble = event.pop("exc_info", None)
        note(f"log {PROCESS.get()} {level} {said} { ({k: str(v) for k, v in event.items()}) }")
        if trouble:  # what the product did not foresee
            faults.append(
                f"{loop.now:.3f} {PROCESS.get()} {said}: {structlog.processors.format_exc_info(None, '', {'exc_info': True})['exception']}"
            )
        raise structlog.DropEvent

    clock = SimpleNamespace(monotonic=monotonic, time_ns=wall_ns, perf_counter=monotonic, thread_time=monotonic)
    places = [
        (coordinator.clock, "time", clock),
        (coordinator.clock, "os", SimpleNamespace(urandom=source.bytes)),
        (coordinator.journal.codec, "os", SimpleNamespace(urandom=source.bytes)),
        (coordinator.fanout.outbox, "SOFT_BYTES", SOFT_BYTES),
        (roles.relay.machine, "time", clock),
        (roles.relay.machine, "random", SimpleNamespace(uniform=source.between)),
        (roles.relay.machine, "secrets", SimpleNamespace(token_hex=lambda n: source.bytes(n).hex())),
        (roles.relay.disk, "sqlite3", SimpleNamespace(connect=disk, Error=sqlite3.Error)),
        (roles.relay.wire.line, "connect", connect),
    ]
    before = [(module, name, getattr(module, name)) for module, name, _ in places]
    logs = structlog.get_config()
    structlog.configure(processors=[log], wrapper_class=structlog.BoundLogger, cache_logger_on_first_use=False)
    for module, name, value in places:
        setattr(module, name, value)
    try:
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)
        structlog.configure(**logs)
        coordinator.conductor._background.clear()
