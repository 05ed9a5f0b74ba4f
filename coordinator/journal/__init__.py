"""The journal: the list of events that everything else is computed from."""

from __future__ import annotations

from coordinator.journal.base import CommandKey, End, Entry, Fenced, Flush, Journal, NoSuchSale, SaleExists

__all__ = ["CommandKey", "End", "Entry", "Fenced", "Flush", "Journal", "NoSuchSale", "SaleExists"]
