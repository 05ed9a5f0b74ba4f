"""What went out though a check had something to say of it: who overruled which rule and why, and what went with a warning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.core import Event
from replay.rows import Overruled

if TYPE_CHECKING:
    from replay.tables import Tables


def of_event(event: Event) -> Overruled | None:
    """None where nothing was found and nothing overruled."""
    check, override = event.check, event.override
    found = check.found if check is not None else ()
    if override is None and not found:
        return None
    return Overruled(
        at=event.at,
        by=event.by,
        rules=override.rules if override is not None else (),
        reason=override.reason if override is not None else "",
        terms=tuple((each.rule, each.term) for each in found),
        checked_by=f"{check.set} {check.version}" if check is not None else "",
    )


def overruled(t: Tables) -> list[Overruled]:
    """Those with somebody's name and reason under them."""
    return [each for each in t.checked if each.rules]


def warned(t: Tables) -> list[Overruled]:
    """Those that went with a warning that nobody named."""
    return [each for each in t.checked if not each.rules]
