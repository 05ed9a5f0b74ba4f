"""Prompts: what a role or a person is to say or do now, and who has seen it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import msgspec

from coordinator.core import bilingual, render
from coordinator.core.cue_kinds import cue_kind
from coordinator.core.kernel import Command, Event, Id, Key, Refusal, Text, Turn, command, decides, evolves, result_of
from coordinator.core.plan import Late
from coordinator.core.rules import Words

if TYPE_CHECKING:
    from coordinator.core.cues import Cue
    from coordinator.core.plan import CuePlan
    from coordinator.core.state import State

KEPT = 200  # prompts that stay in the state; older ones are in the journal
PROMPTED_ROLES = ("host", "cohost", "controller", "cheer", "support", "owner", "poster")


class Prompt(msgspec.Struct, kw_only=True):
    id: str
    to: str
    text: str
    urgency: str = "normal"
    at: int
    by: str
    cue: str | None = None
    acked_by: dict[str, int] = {}
    zh: str | None = None
    en: str | None = None


class PromptSent(Event, tag="prompt.sent", kw_only=True):
    """What the service itself says has its words in `zh` and `en` too, and both in `text`; a person's own words have `text` alone."""

    prompt: str
    to: str
    text: str
    urgency: str = "normal"
    cue: str | None = None
    zh: str | None = None
    en: str | None = None


class PromptAcked(Event, tag="prompt.acked", kw_only=True):
    prompt: str
    person: str


@command("prompt.send", events=("prompt.sent",))
class PromptSend(Command):
    """Words for a role or a person of the team. `high` must be acknowledged."""

    to: Id
    text: Text
    urgency: Literal["normal", "high"] = "normal"


@command("prompt.ack", events=("prompt.acked",))
class PromptAck(Command):
    """Its receiver has seen it."""

    prompt: Id


def say(turn: Turn, to: str, text: str, *, urgency: str = "normal", cue: str | None = None) -> None:
    state = turn.state
    turn.emit(PromptSent(prompt=state.next_id("p"), to=to, text=render.fill(state, text), urgency=urgency, cue=cue))


def tell(turn: Turn, to: str, words: Words, *, urgency: str = "normal", cue: str | None = None) -> None:
    """What the service itself has to say. It need not name the cue: `text` does, and a screen has a better name for it."""
    both = bilingual.in_both(words)
    turn.emit(
        PromptSent(
            prompt=turn.state.next_id("p"), to=to, text=both if cue is None else f"{cue}: {both}", urgency=urgency, cue=cue,
            zh=words.zh, en=words.en,
        )
    )  # fmt: skip


def _say(turn: Turn, plan: CuePlan, cue: Cue) -> None:
    f = plan.fields
    say(turn, f["to"], plan.text or "", urgency=f.get("urgency", "normal"), cue=cue.id)


cue_kind("prompt.send", perform=_say, late=Late(rule="skip", within=30_000), needs_text=True)


def known_receiver(state: State, to: str) -> bool:
    return (
        to in PROMPTED_ROLES
        or any(m.person == to for m in state.p.team)
        or any(p.person == to for p in state.people.values())
    )


@decides(PromptSend)
def send(turn: Turn, c: PromptSend) -> None:
    if not known_receiver(turn.state, c.to):
        raise Refusal("unknown", f"{c.to} is neither a role nor a person of the team", {"field": "to"})
    turn.emit(PromptSent(prompt=turn.state.next_id("p"), to=c.to, text=c.text, urgency=c.urgency))


@result_of(PromptSent)
def sent_result(_: State, e: PromptSent) -> dict[str, str]:
    return {"prompt": e.prompt}


@decides(PromptAck)
def ack(turn: Turn, c: PromptAck) -> dict[str, bool] | None:
    prompt = turn.state.prompts.get(c.prompt)
    if prompt is None:
        raise Refusal("unknown", f"there is no prompt {c.prompt}", {"field": "prompt"})
    if prompt.to not in {turn.actor.role, turn.actor.name}:
        raise Refusal("forbidden", "only its receiver acknowledges a prompt", {"field": "prompt"})
    if turn.actor.name in prompt.acked_by:
        return {"again": True}
    turn.emit(PromptAcked(prompt=c.prompt, person=turn.actor.name))
    return None


@evolves(PromptSent)
def sent(state: State, e: PromptSent) -> Iterable[Key]:
    state.count("p")
    state.prompts[e.prompt] = Prompt(
        id=e.prompt, to=e.to, text=e.text, urgency=e.urgency, at=e.at, by=e.by, cue=e.cue, zh=e.zh, en=e.en
    )
    keys: list[Key] = [("prompts", e.prompt)]
    oldest = f"p{state.counts['p'] - KEPT}"
    if state.prompts.pop(oldest, None) is not None:
        keys.append(("prompts", oldest))
    return keys


@evolves(PromptAcked)
def acked(state: State, e: PromptAcked) -> Iterable[Key]:
    if e.prompt in state.prompts:
        state.prompts[e.prompt].acked_by[e.person] = e.at
    return [("prompts", e.prompt)]
