"""The commands that work on the journal's files: backup, restore and erase."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coordinator.errors import JournalError, UsageError

if TYPE_CHECKING:
    from coordinator.journal.copying import Copied

Data = Annotated[Path | None, typer.Option(help="Folder of the journal (DROPCUE_DATA; default ./dropcue-data).")]
Redis = Annotated[str | None, typer.Option(help="Address of a shared Redis (DROPCUE_REDIS).")]
Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]


def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of its own; it is made where it is missing.")],
    data: Data = None,
    redis: Redis = None,
    as_json: Json = False,
) -> None:
    """Copy all sales as they are now, from a data folder or from Redis, while the service runs."""
    from coordinator.journal.copying import back_up
    from coordinator.journal.redis import RedisJournal
    from coordinator.journal.sqlite import SqliteJournal
    from coordinator.settings import chosen_settings

    async def main() -> tuple[list[Copied], list[JournalError]]:
        chosen = chosen_settings(data=data, redis=redis)
        source: SqliteJournal | RedisJournal
        if chosen.redis is None:
            source = SqliteJournal.open(chosen.data, readonly=True)
        else:
            source = await RedisJournal.open(chosen.redis, readonly=True)
        try:
            return await back_up(source, chosen.data, folder)
        finally:
            await source.close()

    copied, left_out = asyncio.run(main())
    _say(copied, as_json, "backup", str(folder))
    if left_out:
        whole = f"{folder} holds the other sales" if copied else f"{folder} holds no sale"
        raise JournalError(f"{'; '.join(map(str, left_out))}. {whole}")


def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A backup, or a data folder that nobody serves.")],
    data: Data = None,
    redis: Redis = None,
    sale: Annotated[list[str] | None, typer.Option(help="Only this sale; may be given again. For Redis.")] = None,
    as_json: Json = False,
) -> None:
    """Put the sales of a backup into Redis, or make a data folder of it."""
    from coordinator.journal.copying import restore_to_folder, restore_to_redis
    from coordinator.journal.redis import RedisJournal
    from coordinator.settings import chosen_settings

    async def main() -> tuple[list[Copied], str]:
        chosen = chosen_settings(data=data, redis=redis)
        # A folder that was named is meant, whatever the environment says.
        if chosen.redis is None or (data is not None and redis is None):
            if sale:
                raise UsageError("--sale is for Redis: a data folder is made of the whole backup")
            return await restore_to_folder(folder, chosen.data), str(chosen.data)
        journal = await RedisJournal.open(chosen.redis)
        try:
            return await restore_to_redis(folder, journal, sale or ()), f"Redis at {journal.link.address}"
        finally:
            await journal.close()

    copied, where = asyncio.run(main())
    _say(copied, as_json, "restored", where)


def erase(
    sale: Annotated[str, typer.Argument(metavar="SALE", help="The sale whose record it is.")],
    member: Annotated[list[str] | None, typer.Option(help="A member's pseudonym; may be given again.")] = None,
    everybody: Annotated[bool, typer.Option("--everybody", help="What all members said.")] = False,
    data: Data = None,
    redis: Redis = None,
    as_json: Json = False,
) -> None:
    """Erase for good what members said, their names and contacts; the record goes on to verify. Stop the service first."""
    from coordinator.contacts import Contacts, FileContacts, RedisContacts
    from coordinator.journal.erasing import Erased, nobody_serves
    from coordinator.journal.erasing import erase as erase_from
    from coordinator.journal.redis import RedisJournal
    from coordinator.journal.redis_leases import RedisLeases
    from coordinator.journal.sqlite import SqliteJournal
    from coordinator.settings import chosen_settings

    members = member or []
    if bool(members) == everybody:
        raise UsageError("say whose words: --member with a pseudonym, or --everybody for those of all members")

    async def main() -> Erased:
        chosen = chosen_settings(data=data, redis=redis)
        contacts: Contacts
        if chosen.redis is None:
            journal, contacts = SqliteJournal.open(chosen.data, create=False), FileContacts(chosen.data)
            try:
                return await erase_from(journal, contacts, sale, members)
            finally:
                await contacts.close()
                await journal.close()
        shared = await RedisJournal.open(chosen.redis)
        try:
            async with nobody_serves(RedisLeases(shared.link), sale):
                return await erase_from(shared, RedisContacts(shared.link), sale, members)
        finally:
            await shared.close()

    done = asyncio.run(main())
    if as_json:
        typer.echo(
            json.dumps({"sale": done.sale, "events": done.events, "contacts": done.contacts}, ensure_ascii=False)
        )
        return
    typer.echo(f"{done.sale}: the words of {done.events} events and {done.contacts} contacts are erased.")
    typer.echo("Backups and archives that were made before still have them: erase there too, or delete them.")


def _say(copied: list[Copied], as_json: bool, what: str, where: str) -> None:
    if as_json:
        sales = [{"sale": c.sale, "events": c.events, "hash": c.hash, "incarnation": c.incarnation} for c in copied]
        typer.echo(json.dumps({what: where, "sales": sales}, ensure_ascii=False))
        return
    typer.echo(where)
    for c in copied:
        typer.echo(f"  {c.sale}: {c.events} events, incarnation {c.incarnation}. Hash {c.hash}")
