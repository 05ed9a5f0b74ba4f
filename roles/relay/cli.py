"""`dropcue relay --config FILE` and `dropcue relay check --config FILE`."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from coordinator.errors import UsageError
from roles.relay import checking, machine
from roles.relay.adapters.telegram import TelegramAdapter
from roles.relay.agent import Agent
from roles.relay.config import RelayConfig, load
from roles.relay.errors import ConfigError
from roles.relay.receiving.server import Receiving, together
from roles.relay.receiving.telegram import TelegramUpdates

app = typer.Typer(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})

Config = Annotated[Path | None, typer.Option("--config", "-c", envvar="DROPCUE_CONFIG", help="The relay's YAML file.")]
# Objects made before the young are collected, and how often that before the older ones are: what a drop of thousands makes is not
# looked through again and again in its midst.
COLLECT_AFTER = (2_000, 5, 2_000)
MARKS = {
    "ok": "ok        ",
    "warn": "look      ",
    "wrong": "wrong     ",
    "unreached": "unreached ",
    "untested": "untested  ",
}


@app.callback()
def relay(context: typer.Context, config: Config = None) -> None:
    """Sends a sale's deliveries into its groups, and tells what became of them, until it is stopped (Ctrl-C)."""
    if context.invoked_subcommand is not None:
        context.obj = config
        return
    settings = load(_given(config))
    for problem in settings.warnings:
        typer.echo(f"{_given(config)}:{problem.line}: {problem.key}: {problem.message}", err=True)
    machine.open_many_files()
    # A full collection over everything that was imported takes tens of ms, and would fall on some drop's instant.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(settings))


@app.command()
def check(
    context: typer.Context,
    config: Config = None,
    send: Annotated[str | None, typer.Option(help="Post this text, into one group of each credential.")] = None,
    group: Annotated[str | None, typer.Option(help="Only this group, and its credential.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer as JSON.")] = False,
) -> None:
    """Looks at a configuration: its coordinator, groups and credentials. Posts nothing, unless --send asks for it."""
    file = _given(config or context.obj)
    if not file.is_file():
        raise UsageError(f"{file}: there is no such file; give its path with --config")
    try:
        settings = load(file)
        if group is not None and group not in settings.routes.groups:
            raise UsageError(f"--group: {file} has no group {group}")
        # A platform that shows its messages on this screen shall not stand in the midst of JSON.
        with contextlib.redirect_stdout(sys.stderr if as_json else sys.stdout):
            found = asyncio.run(checking.check(settings, send=send, group=group))
    except ConfigError as error:
        found = [checking.Finding(p.key or "file", "wrong", p.message, p.line or None) for p in error.problems]
    if as_json:
        typer.echo(json.dumps([each.as_object() for each in found], ensure_ascii=False, indent=1))
    else:
        for each in found:
            where = f"{file}:{each.line}: " if each.line else ""
            typer.echo(f"{MARKS[each.state]}{where}{each.about}: {each.message}")
    states = {each.state for each in found}
    if states & {"wrong", "unreached"}:
        raise typer.Exit(1 if "wrong" in states else 3)


def _given(config: Path | None) -> Path:
    if config is None:
        raise UsageError("which configuration? give the relay's YAML file with --config")
    return config


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
