"""The contact in the answer to a reveal: for who asked, and nobody else."""

from __future__ import annotations

from typing import Any

import msgspec

from coordinator.answers import Answer
from coordinator.core import members
from coordinator.errors import JournalError
from coordinator.gateway.context import Gateway
from coordinator.registry import Sale

REVEAL = "member.reveal"


def is_reveal(command: Any) -> bool:  # Any: whatever came
    return isinstance(command, dict) and command.get("kind") == REVEAL


async def with_contact(gateway: Gateway, sale: Sale, given: Answer) -> Answer:
    """The answer with the contact in it; the reading is in the record by now."""
    if not given.ok or given.result is None:
        return given
    names = members.pseudonyms(sale.conductor.state, str(given.result["member"]))
    try:
        contact = await gateway.contacts.find(sale.id, names)
    except JournalError as e:
        return Answer(id=given.id, ok=False, seq=given.seq, code="busy", message=str(e), details={"retry_ms": 1000})
    return msgspec.structs.replace(given, result={**given.result, "contact": contact})
