"""The simulation's store keeps the contract of every journal, lease and bus: what it is trusted for when nothing is wrong."""

from __future__ import annotations

import pytest

from coordinator.journal import Journal
from coordinator.leases import Bus, Leases
from tests.contract.journal_suite import JournalContract
from tests.contract.leases_suite import BusContract, LeasesContract
from tests.simulation.store import Store, Way


class TestSimulatedJournal(JournalContract):
    @pytest.fixture(autouse=True)
    def _store(self) -> None:
        self.store = Store()

    async def open_journal(self) -> Journal:
        return Way(self.store)


class TestSimulatedLeases(LeasesContract):
    async def open_leases(self) -> tuple[Journal, Leases]:
        store = Store()
        return Way(store), Way(store)


class TestSimulatedBus(BusContract):
    @pytest.fixture(autouse=True)
    def _store(self) -> None:
        self.store = Store()

    async def open_bus(self) -> Bus:
        return Way(self.store)
