"""`dropcue relay --config FILE`."""

from __future__ import annotations

import asyncio
import gc
import signal
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from roles.relay.adapters.telegram import TelegramAdapter
from roles.relay.agent import Agent
from roles.relay.config import RelayConfig, load
from roles.relay.receiving.server import Receiving, together
from roles.relay.receiving.telegram import TelegramUpdates


def relay(
    config: Annotated[Path, typer.Option("--config", "-c", envvar="DROPCUE_CONFIG", help="The relay's YAML file.")],
) -> None:
    """Sends a sale's deliveries into its groups, and tells what became of them, until it is stopped (Ctrl-C)."""
    settings = load(config)
    # A full collection over everything that was imported takes tens of ms, and would fall on some drop's instant.
    gc.collect()
    gc.freeze()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(settings))


async def _run(settings: RelayConfig) -> None:
    agent = Agent(
        settings.coordinator,
        settings.token.get_secret_value(),
        settings.routes,
        sale=settings.sale,
        data=settings.data,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, agent.stop)
    await together(agent, receiving_of(settings, agent))


def receiving_of(settings: RelayConfig, agent: Agent) -> Receiving | None:
    """What the relay listens to; None where it only sends."""
    bots = [a for a in settings.routes.adapters.values() if isinstance(a, TelegramAdapter) and a.settings.receive]
    if settings.inlet is None and not bots:
        return None
    receiving = Receiving(
        agent,
        coordinator=settings.coordinator,
        token=settings.token.get_secret_value(),
        data=settings.data,
        groups=settings.routes.groups,
        settings=settings.receiving,
        staff=settings.staff,
        inlet=settings.inlet,
    )
    for bot in bots:
        receiving.sources.append(TelegramUpdates(bot, settings.routes.served_by(bot), receiving.intake))
    return receiving
