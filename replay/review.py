"""The review of one sale: its events in, `review.json` out (design.md, section 8)."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from coordinator.journal.base import Journal
from replay.findings import Finding, findings_of
from replay.metrics import figures_of
from replay.metrics.figure import Figure
from replay.source import JournalSource, Source
from replay.tables import Tables, tables_of


class Review(msgspec.Struct, kw_only=True):
    """The figures with what they were computed from."""

    tables: Tables
    figures: list[Figure]
    findings: list[Finding]

    @property
    def missing(self) -> list[Figure]:
        """What is not available for the whole sale; what a single group or cue lacks is not listed."""
        return [f for f in self.figures if f.value is None and not f.scope]

    def as_object(self) -> dict[str, Any]:
        """`review.json`."""
        t = self.tables
        missing = [{"name": f.name, "why": {"en": f.why[0], "zh": f.why[1]}} for f in self.missing if f.why]
        return {
            "sale": t.sale,
            "from": t.first_at,
            "to": t.last_at,
            "figures": [f.as_object() for f in self.figures],
            "findings": [f.as_object(rank) for rank, f in enumerate(self.findings, 1)],
            "missing": missing,
        }


def review_tables(tables: Tables) -> Review:
    figures = figures_of(tables)
    return Review(tables=tables, figures=figures, findings=findings_of(tables, figures))


async def review_source(source: Source) -> Review:
    """The review up to the sale's last event of now: provisional until the sale is closed."""
    tables = await tables_of(source)
    return await asyncio.to_thread(review_tables, tables)


async def review_of(journal: Journal, sale: str) -> dict[str, Any]:
    """`review.json` of a sale in an open journal. Works beside the event loop, which goes on meanwhile."""
    return (await review_source(JournalSource(journal, sale))).as_object()
