"""A process for the crash test: appends flushes without end and prints the last number of each acknowledged one."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from coordinator.journal.sqlite import SqliteJournal
from tests.contract.journal_suite import SALE, flush


async def main(data: Path) -> None:
    journal = SqliteJournal.open(data)
    if SALE not in await journal.sales():
        await journal.create(SALE)
    end = (await journal.end(SALE)).seq
    while True:
        added = flush(end + 1, 1 + end % 40, private=True)
        await journal.append(SALE, added)
        end = added.last
        print(end, flush=True)


asyncio.run(main(Path(sys.argv[1])))
