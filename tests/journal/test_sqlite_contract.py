"""The SQLite journal keeps the contract of every journal."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordinator.journal.sqlite import SqliteJournal
from tests.contract.journal_suite import JournalContract


class TestSqliteJournal(JournalContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.data = tmp_path / "data"

    async def open_journal(self) -> SqliteJournal:
        return SqliteJournal.open(self.data)
