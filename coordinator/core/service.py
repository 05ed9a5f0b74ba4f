"""What support works by, as the sheet has it: the clocks, the phrases, the rules of follow-ups. One entity, for screens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from coordinator.core.kernel import Key, evolves
from coordinator.core.plan import FollowupPlan, PhrasePlan, ServicePlan
from coordinator.core.sheets import SaleCreated, SheetReplaced

if TYPE_CHECKING:
    from coordinator.core.state import State


class Service(msgspec.Struct, kw_only=True):
    id: str = "service"
    questions: ServicePlan
    followups: FollowupPlan
    phrases: tuple[PhrasePlan, ...]


@evolves(SaleCreated, SheetReplaced)
def planned(state: State, _: Any) -> Iterable[Key]:
    plan = state.p
    state.service["service"] = Service(questions=plan.service, followups=plan.followup, phrases=plan.phrases)
    return [("service", "service")]
