"""The command line: `dropcue`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from coordinator.errors import DropcueError, UsageError
from coordinator.settings import chosen_settings

app = typer.Typer(
    help="Dropcue: the control room of a live sale.", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip

Data = Annotated[Path | None, typer.Option(help="Folder of the journal (DROPCUE_DATA; default ./dropcue-data).")]
Redis = Annotated[str | None, typer.Option(help="Address of a shared Redis (DROPCUE_REDIS).")]
Host = Annotated[str | None, typer.Option(help="Address to listen on (DROPCUE_HOST; default 127.0.0.1).")]
Port = Annotated[int | None, typer.Option(help="Port to listen on (DROPCUE_PORT; default 8700).", min=0, max=65535)]
Public = Annotated[str | None, typer.Option(help="Address in links and QR codes (DROPCUE_PUBLIC).")]
Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]


def run(work: Coroutine[Any, Any, Any]) -> Any:
    import uvloop

    return uvloop.run(work)


@app.command()
def serve(data: Data = None, redis: Redis = None, host: Host = None, port: Port = None, public: Public = None) -> None:
    """Run the control room."""
    from coordinator import telemetry
    from coordinator.gateway.app import Service, until_told_to_stop

    chosen = chosen_settings(data=data, redis=redis, host=host, port=port, public=public)
    telemetry.configure(chosen.log)

    async def main() -> None:
        service = Service(chosen)
        await service.start()
        if not await service.gateway.registry.journal.sales():
            print_owner_link(service)
        try:
            await until_told_to_stop()
        finally:
            await service.stop()

    run(main())


def print_owner_link(service: Any) -> None:
    from coordinator.gateway.auth import in_days

    token, _ = service.gateway.tokens.make("owner", "owner", sale=None, expires=in_days(365))
    typer.echo(f"Owner's link, shown until there is a sale: {service.settings.address()}/console/#{token}")


@app.command()
def demo(
    data: Data = None, redis: Redis = None, host: Host = None, port: Port = None, public: Public = None,
    speed: Annotated[str, typer.Option(help="How fast the sale's time runs; 1 is real time.")] = "1",
    audience: Annotated[Path | None, typer.Option(help="A recorded chat for the groups, in place of the simulated audience.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the simulated audience.")] = 1,
) -> None:  # fmt: skip
    """Serve a ready sale with a moving audience, and print the team's join links."""
    from coordinator import telemetry
    from coordinator.demo.run import run_demo

    chosen = chosen_settings(data=data, redis=redis, host=host, port=port, public=public)
    telemetry.configure(os.environ.get("DROPCUE_LOG", "warning"))
    try:
        value = float(speed)
    except ValueError:
        value = -1.0
    if not 0.01 <= value <= 1_000_000:
        raise UsageError(f"--speed {speed}: give a number from 0.01 to 1000000, such as 20")
    run(run_demo(chosen, speed=value, audience_file=audience, seed=seed))


@app.command()
def join(
    sale: Annotated[str, typer.Argument(help="The sale's id.")],
    role: Annotated[str, typer.Argument(help="host, cohost, controller, cheer, support, owner, poster or relay.")],
    name: Annotated[str, typer.Option(help="The person, or the relay's name.")],
    data: Data = None, redis: Redis = None, public: Public = None, port: Port = None,
    days: Annotated[float, typer.Option(help="How long the link is good.", min=0.01, max=400)] = 7,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Make a join link for a person, with its QR code."""
    from rich.console import Console

    from coordinator.demo.join_links import JoinLink, print_join_links
    from coordinator.errors import CannotStart
    from coordinator.gateway.auth import Tokens, in_days
    from roles.permissions import ROLES

    if role not in ROLES:
        raise UsageError(f"there is no role {role}; choose one of {', '.join(ROLES)}")
    chosen = chosen_settings(data=data, redis=redis, public=public, port=port)
    if chosen.key is None and not (chosen.data / "key").exists():
        raise CannotStart(f"there is no key in {chosen.data}: start `dropcue serve` there first, or set DROPCUE_KEY")
    token, jti = Tokens(chosen.signing_key()).make(role, name, sale=sale, expires=in_days(days))
    url = f"{chosen.address()}/console/#{token}"
    if as_json:
        typer.echo(json.dumps({"sale": sale, "role": role, "person": name, "url": url, "token": token, "jti": jti}))
        return
    print_join_links(Console(), sale, [JoinLink(person=name, role=role, url=url)])


def _add_parts() -> None:
    from coordinator.journal import cli as copies
    from coordinator.runsheet.cli import app as sheet
    from replay.cli import add_commands
    from roles.relay.cli import app as relay

    app.add_typer(sheet, name="sheet", help="Run sheets: make a new one, check one, convert one.")
    app.add_typer(relay, name="relay")
    add_commands(app)
    app.command()(copies.backup)
    app.command()(copies.restore)
    app.command()(copies.erase)


def main() -> None:
    """Runs the command line; an error a person can meet ends in one clear line and its exit code."""
    _add_parts()
    try:
        app(standalone_mode=True)
    except DropcueError as e:
        print(f"dropcue: {e}", file=sys.stderr)  # noqa: T201 - this is the terminal
        raise SystemExit(e.exit_code) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None


if __name__ == "__main__":
    main()
