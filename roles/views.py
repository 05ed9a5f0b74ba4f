"""What each role is shown of an entity: for each topic, the streams that see it and in which form.

A projection gives pairs (streams, form), the most telling first: a connection is shown the first form
that one of its streams is named for. A form is the entity itself, or a thinner copy of it. Where no pair
fits, the entity is not there for that connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from coordinator.core import State, cue_kinds
from coordinator.core.chains import Chain
from coordinator.core.contents import Content
from coordinator.core.cues import BOARD_DROPS, Cue, plan_of
from coordinator.core.deliveries import Delivery
from coordinator.core.draws import Draw
from coordinator.core.groups import Group
from coordinator.core.interest import Followup
from coordinator.core.orders import NEWEST_KEPT, Order
from coordinator.core.prompts import Prompt
from coordinator.core.questions import OVER, QUEUE_KEPT, Question
from coordinator.core.reaching import serves
from coordinator.core.redpackets import RedPacket
from coordinator.core.tasks import TASKS_KEPT, Task
from coordinator.core.traffic import Traffic
from roles import masking
from roles.permissions import MAY
from roles.streams import AHEAD, AHEAD_DESK, DESK, NOBODY, TEAM, TEAM_ROLES

Form = tuple[tuple[str, ...], Any]
"""(streams that are shown this form, the object that is encoded for them)"""


def _to_team(_: State, entity: Any) -> Iterable[Form]:
    return ((TEAM, entity),)


def _to_desk(_: State, entity: Any) -> Iterable[Form]:
    return ((DESK, entity),)


ROUNDS = frozenset({"poll.open", "quiz.open", "survey.open", "checkin.open"})


def _cue(state: State, cue: Cue) -> Iterable[Form]:
    if cue.status == "planned" and cue.do in ROUNDS:
        # Who may open it by hand has it to begin with. A quiz's answers are for nobody else.
        plan = plan_of(state, cue.id)
        words = {} if plan.text == cue_kinds.ready_text(plan.do, plan.fields) else {"text": plan.text}
        filled = msgspec.structs.replace(cue, form={**plan.fields, **words})
        return (((*DESK, *(f"role:{role}" for role in sorted(MAY[cue.do]))), filled), (TEAM, cue))
    if cue.status != "announced":
        return ((TEAM, cue),)
    # Who did not ask to be told ahead sees it as planned until it fires.
    if cue.hand and cue.drop is not None:
        return ((AHEAD, cue),)
    planned = msgspec.structs.replace(cue, status="planned", run=None, drop=None, fire_at=None)
    return ((AHEAD, cue), (TEAM, planned))


def _run(state: State, run: Any) -> Iterable[Form]:
    cue = state.cues.get(run.cue or "")
    return ((AHEAD if cue is not None and cue.status == "announced" else TEAM, run),)


def _drop(_: State, drop: Any) -> Iterable[Form]:
    return ((AHEAD if drop.fired_at is None else TEAM, drop),)


_NO_CONTENT = Content(text="")


def _delivery(state: State, d: Delivery) -> Iterable[Form]:
    forms: list[Form] = []
    theirs: list[str] = []
    if d.rule is None and d.status in {"requested", "held", "awaiting", "unknown"}:
        theirs.append(d.relay)
    if d.left_open is not None and d.left_open.relay not in theirs:
        theirs.append(d.left_open.relay)  # it is to take it back at its platform
    if streams := tuple(f"relay:{name}" for name in theirs if serves(state, name, d.group)):
        forms.append((streams, d))
    if d.status == "awaiting" and d.rule is None:
        forms.append(((f"posters:{d.group}",), d))  # whoever posts there may take it over
    drop = state.drops.get(d.drop)
    recent = int(d.drop.removeprefix("drop")) > state.counts.get("drop", 0) - BOARD_DROPS
    if drop is not None and recent and d.hands:
        # What became of it: a person forgets. Also who posted it though another had it from then on.
        posted = (d.relay, d.sent_by, *(each.relay for each in d.further))
        forms.append((tuple(f"hands:{name}" for name in dict.fromkeys(posted) if name), d))
    if drop is not None and recent:
        # The board needs no words: they stand once, on the drop.
        thin = msgspec.structs.replace(
            d, content=_NO_CONTENT, had=(), recalled_at=None, recalled_due=None, same=None, record=""
        )
        forms.append((AHEAD_DESK if drop.fired_at is None else DESK, thin))
    return forms


def _to_receiver(to: str, entity: Any) -> Iterable[Form]:
    return (((f"role:{to}" if to in TEAM_ROLES else f"person:{to}", *DESK), entity),)


def _prompt(_: State, p: Prompt) -> Iterable[Form]:
    return _to_receiver(p.to, p)


def _task(_: State, t: Task) -> Iterable[Form]:
    return _to_receiver(t.who, t)


def _golden(_: State, hour: Any) -> Iterable[Form]:
    return ((TEAM, msgspec.structs.replace(hour, last={})),)


def _question(_: State, q: Question) -> Iterable[Form]:
    others = []
    if q.picked_by is not None and q.status == "picked":
        others += ["role:host", "role:cohost"]
    if q.escalated_to is not None:
        others.append(f"role:{q.escalated_to}" if q.escalated_to in TEAM_ROLES else f"person:{q.escalated_to}")
    as_written: Form = ((*DESK, "role:support"), q)
    return (as_written, (tuple(others), masking.question(q))) if others else (as_written,)


def masked(member: str | None) -> str | None:
    """A pseudonym cut to what tells two members apart on a screen."""
    return None if member is None else f"{member[:6]}…"


def _order(_: State, o: Order) -> Iterable[Form]:
    thin = msgspec.structs.replace(o, member=masked(o.member))
    return ((DESK, o), (("role:support",), thin))


def _followup(_: State, f: Followup) -> Iterable[Form]:
    if f.status == "quiet":
        return ()
    return ((DESK, f), (("role:support",), msgspec.structs.replace(f, member=masked(f.member))))


def _service(_: State, rules: Any) -> Iterable[Form]:
    return (((*DESK, "role:support"), rules),)


def _group(_: State, g: Group) -> Iterable[Form]:
    quiet = msgspec.structs.replace(g, last=[])
    return (
        (DESK, g),
        ((f"group:{g.id}",), msgspec.structs.replace(g, last=masking.last_said(g.last))),
        (("role:support", f"settings:{g.id}", "role:host", "role:cohost", "role:cheer"), quiet),
    )


def _person(_: State, p: Any) -> Iterable[Form]:
    if p.role == "poster":  # those who post know of each other
        return ((TEAM, p), (("role:poster",), msgspec.structs.replace(p, groups=())))
    return ((TEAM, p),)


def _product(_: State, p: Any) -> Iterable[Form]:
    return ((TEAM, p),)


def _checkin(_: State, c: Any) -> Iterable[Form]:
    return ((TEAM, msgspec.structs.replace(c, members=set())),)


def _poll(_: State, p: Any) -> Iterable[Form]:
    return ((TEAM, msgspec.structs.replace(p, members={})),)


def _quiz(_: State, q: Any) -> Iterable[Form]:
    """The right answers are with those who run it until it is over."""
    thin = msgspec.structs.replace(q, members={}, won=[masked(m) or "" for m in q.won])
    if not q.open:
        return ((TEAM, thin),)
    secret = msgspec.structs.replace(thin, answers=())
    return (((*DESK, "role:host", "role:cohost"), thin), (("role:cheer", "role:support", "role:poster"), secret))


def _survey(_: State, s: Any) -> Iterable[Form]:
    return ((TEAM, msgspec.structs.replace(s, members=set())),)


def _keyword(_: State, k: Any) -> Iterable[Form]:
    return ((DESK, msgspec.structs.replace(k, members=set())),)


def _showcase(_: State, s: Any) -> Iterable[Form]:
    return (((*DESK, "role:cheer", "role:support"), msgspec.structs.replace(s, member=masked(s.member))),)


CHAIN_SHOWN = 50  # the newest of its members: the count says how many there are


def _chain(_: State, c: Chain) -> Iterable[Form]:
    newest = c.members[-CHAIN_SHOWN:]
    named = msgspec.structs.replace(c, members=newest)
    those = [msgspec.structs.replace(m, member=masked(m.member) or "") for m in newest]
    return (
        (DESK, named),
        (("role:cohost", "role:cheer"), msgspec.structs.replace(c, members=those)),
        (TEAM, msgspec.structs.replace(c, members=[])),
    )


def _draw(_: State, d: Draw) -> Iterable[Form]:
    won = [msgspec.structs.replace(w, member=masked(w.member) or "") for w in d.winners]
    return ((DESK, d), (TEAM, msgspec.structs.replace(d, winners=won)))


def _redpacket(_: State, p: RedPacket) -> Iterable[Form]:
    return _to_receiver(p.who, p)


def _traffic(_: State, x: Traffic) -> Iterable[Form]:
    return ((DESK, msgspec.structs.replace(x, late=[], p50_ms=x.late_ms(0.5), p99_ms=x.late_ms(0.99))),)


VIEWS: dict[str, Callable[[State, Any], Iterable[Form]]] = {
    "show": lambda s, x: (((*TEAM, "relays"), x),),
    "segments": _to_team,
    "cues": _cue,
    "runs": _run,
    "products": _product,
    "coupons": _to_team,
    "links": _to_team,
    "drops": _drop,
    "deliveries": _delivery,
    "prompts": _prompt,
    "questions": _question,
    "tasks": _task,
    "golden": _golden,
    "followups": _followup,
    "service": _service,
    "orders": _order,
    "groups": _group,
    "people": _person,
    "checkins": _checkin,
    "polls": _poll,
    "quizzes": _quiz,
    "surveys": _survey,
    "keywords": _keyword,
    "showcases": _showcase,
    "chains": _chain,
    "draws": _draw,
    "redpackets": _redpacket,
    "notes": _to_team,
    "figures": _to_team,
    "corrections": _to_desk,
    "audience": _to_team,
    "channels": _to_desk,
    "costs": _to_desk,
    "guests": _to_team,
    "traffic": _traffic,
    "disturbances": _to_desk,
}


def _old_question(state: State, q: Question) -> bool:
    return q.status == "closed" or (q.status in OVER and int(q.id[1:]) <= state.counts.get("q", 0) - QUEUE_KEPT)


def _old_order(state: State, o: Order) -> bool:
    return o.number <= state.counts.get("order", 0) - NEWEST_KEPT


def _old_task(state: State, t: Task) -> bool:
    return t.status == "done" and int(t.id[1:]) <= state.counts.get("t", 0) - TASKS_KEPT


def _unlisted(state: State, f: Followup) -> bool:
    # Who asked for none stays to be seen: somebody may have to lift it.
    return f.id not in state.listed and f.id not in state.working and not (f.optout and f.status == "open")


OLD: dict[str, Callable[[State, Any], bool]] = {
    "questions": _old_question,
    "orders": _old_order,
    "tasks": _old_task,
    "followups": _unlisted,
}
"""What is not current any more, or not among the first: it is paged over HTTP, and stands in no console's state."""


def forms(state: State, topic: str, id_: str) -> Iterable[Form]:
    """Who is shown this entity as it stands, and how; nobody where it is not there, or not current any more."""
    entity = getattr(state, topic).get(id_)
    if entity is None or (topic in OLD and OLD[topic](state, entity)):
        return ()
    return VIEWS[topic](state, entity)


def listed(state: State, topic: str, id_: str) -> Iterable[Form]:
    """The same for pages over HTTP: of what is not current too."""
    return VIEWS[topic](state, getattr(state, topic)[id_])


__all__ = ["NOBODY", "OLD", "VIEWS", "Form", "forms", "listed", "masked"]
