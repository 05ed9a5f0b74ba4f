"""Who is in a draw, and who wins it: entries by hand or by what members do, the closing, the drawing, the check of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from coordinator.core import claims, games, lots, members, rounds
from coordinator.core.claims import CouponClaimed
from coordinator.core.cue_kinds import cue_kind
from coordinator.core.draws import (
    By,
    Draw,
    DrawClosed,
    DrawDrawn,
    DrawEnter,
    DrawEntered,
    DrawNotGiven,
    DrawRun,
    Winner,
    the_open_one,
)
from coordinator.core.groups import GroupMessage
from coordinator.core.kernel import Key, Refusal, Turn, current, decides, due_key, evolves, moments, result_of
from coordinator.core.orders import OrderPaid
from coordinator.core.rules import Words

if TYPE_CHECKING:
    from coordinator.core.cues import Cue
    from coordinator.core.plan import CuePlan
    from coordinator.core.state import State

NAMED_AT_MOST = 20  # winners in the message to the groups: more are counted there and stand on the list


# ---------------------------------------------------------------- entering
@decides(DrawEnter)
def enter(turn: Turn, c: DrawEnter) -> None:
    state = turn.state
    member = rounds.taking_part(turn, c.member, c.group)
    found = state.draws.get(c.draw) if c.draw else the_open_one(state)
    if found is None:
        over = c.draw is None and state.draws and games.about_to_open(state, "draw") is None
        code = "unknown" if c.draw else "too_late" if over else "too_early"
        raise Refusal(code, "no draw is open any more" if over else "no such draw is open", {"field": "draw"})
    if found.status != "open" or turn.at >= found.until:
        raise Refusal("too_late", f"{found.id} takes no more entries", {"field": "draw", "until": found.until})
    if found.eligible.by != "entry":
        message = f"{found.id} is entered by {'a' if found.eligible.by != 'order' else 'an'} {found.eligible.by}"
        raise Refusal("forbidden", message, {"field": "draw"})
    if not _of_its_groups(state, found, c.group):
        raise Refusal("forbidden", f"{found.id} is not for {c.group or 'who names no group'}", {"field": "group"})
    if is_in(state, found.id, member):
        raise Refusal("already", "this member has entered already", {"field": "member", "draw": found.id})
    turn.emit(DrawEntered(draw=found.id, member=member, group=c.group))


def _of_its_groups(state: State, draw: Draw, group: str | None) -> bool:
    """Who names no group may be in a draw that is for all of them."""
    return group in draw.groups if group is not None else set(draw.groups) >= set(state.index.groups)


def is_in(state: State, draw: str, member: str) -> bool:
    """Whether a member's person is among the entries."""
    return rounds.took_part(state, state.entries.get(draw, {}), member) is not None


def _take(state: State, draw: Draw, member: str, group: str | None) -> list[Key]:
    if is_in(state, draw.id, member):
        return []
    entries = state.entries[draw.id]
    entries[member] = group or ""
    draw.count = len(entries)
    return [("draws", draw.id)]


@evolves(DrawEntered)
def entered(state: State, e: DrawEntered) -> Iterable[Key]:
    return _take(state, state.draws[e.draw], e.member, e.group)


def _entered_by(state: State, by: By, at: int, member: str | None, group: str | None) -> Draw | None:
    """The draw that is open for those who do this, where this member may be in it."""
    if not state.draws or member is None:
        return None
    draw = the_open_one(state)
    if draw is None or draw.eligible.by != by or at >= draw.until or members.is_staff(state, member):
        return None
    return draw if _of_its_groups(state, draw, group) else None


@evolves(GroupMessage)
def commented(state: State, e: GroupMessage) -> Iterable[Key]:
    draw = _entered_by(state, "comment", e.at, e.member, e.group)
    return _take(state, draw, e.member or "", e.group) if draw else ()


@evolves(CouponClaimed)
def claimed(state: State, e: CouponClaimed) -> Iterable[Key]:
    draw = _entered_by(state, "claim", e.at, e.member, e.group)
    return _take(state, draw, e.member or "", e.group) if draw and draw.eligible.coupon in {None, e.coupon} else ()


@evolves(OrderPaid)
def ordered(state: State, e: OrderPaid) -> Iterable[Key]:
    order = state.orders[e.order]
    draw = _entered_by(state, "order", e.at, order.member, order.group)
    if draw is None or not (
        draw.eligible.product is None or any(x.product == draw.eligible.product for x in order.lines)
    ):
        return ()
    return _take(state, draw, order.member or "", order.group)


# ---------------------------------------------------------------- closing
@moments
def deadlines(state: State) -> Iterable[tuple[int, int, str]]:
    for draw in state.draws.values():
        if draw.status == "open":
            yield draw.until, 2, f"draw={draw.id}"  # before the cue of the same moment that runs it


@due_key("draw")
def deadline(turn: Turn, name: str) -> None:
    draw = turn.state.draws.get(name)
    if draw is not None and draw.status == "open" and draw.until <= turn.at:
        turn.emit(DrawClosed(draw=draw.id, entries=len(entries_of(turn.state, draw.id))))


def end_all(turn: Turn) -> None:
    """Nobody enters any more: the sale is closed. What was open can be drawn."""
    for draw in [d for d in turn.state.draws.values() if d.status == "open"]:
        turn.emit(DrawClosed(draw=draw.id, entries=len(entries_of(turn.state, draw.id))))


# ---------------------------------------------------------------- drawing
def _to_run(state: State, draw: str | None) -> Draw | None:
    """The named draw; else the oldest that has closed and waits, else the open one."""
    if draw is not None:
        return state.draws.get(draw)
    return next((d for d in state.draws.values() if d.status == "closed"), None) or the_open_one(state)


@current(DrawRun)
def draw_to_run(state: State, c: DrawRun) -> str | None:
    found = _to_run(state, c.draw)
    return found.id if found is not None and found.status != "drawn" else None


@decides(DrawRun)
def run(turn: Turn, c: DrawRun) -> None:
    state = turn.state
    found = _to_run(state, c.draw)
    if state.the.status == "closed" and (found is None or found.status == "drawn"):
        raise Refusal("too_late", "the sale is closed, and no draw waits for it", {"status": "closed"})
    if found is None and c.draw is not None:
        raise Refusal("unknown", f"there is no draw {c.draw}", {"field": "draw"})
    if found is None or found.status == "drawn":
        raise Refusal("stale", f"{found.id} is drawn already" if found else "no draw waits for it", {"current": None})
    if found.status == "open" and turn.at < found.until:
        message = f"{found.id} takes entries until {found.until}: its rules are frozen"
        raise Refusal("too_early", message, {"until": found.until})
    if found.id not in state.seeds:
        raise Refusal("too_late", f"the seed of {found.id} was erased: open another draw", {"field": "draw"})
    _draw(turn, found)


def _draw(turn: Turn, draw: Draw) -> None:
    state = turn.state
    seed, entries = state.seeds[draw.id], entries_of(state, draw.id)
    winners = drawn_from(draw, seed, entries)
    where = {w.member: _groups_of(state, draw.id, w.member) for w in winners if w.coupon}
    turn.emit(
        DrawDrawn(
            draw=draw.id, seed=seed, entries=len(entries), winners=winners, left=draw.quantity - len(winners)
        )
    )  # fmt: skip
    for winner in winners:
        if winner.coupon is not None:
            _give(turn, draw.id, winner.member, winner.coupon, where[winner.member])
    if state.the.status != "closed":
        games.tell_groups(turn, "message.send", {}, draw.groups, _result_text(draw))


def _groups_of(state: State, draw: str, person: str) -> list[str | None]:
    """The groups in which a person came into a draw, under any pseudonym."""
    entries = state.entries.get(draw, {})
    return [*sorted({entries[m] for m in members.pseudonyms(state, person) if entries.get(m)})] or [None]


def _give(turn: Turn, draw: str, member: str, coupon: str, groups: list[str | None]) -> None:
    """Gives a winner a code, where one of their groups may have it; else says why not."""
    whys = [claims.why_not(turn, coupon, member, group, kept=True) for group in groups]
    if None in whys:
        claims.give(turn, coupon, member, groups[whys.index(None)], draw)
    else:
        turn.emit(DrawNotGiven(draw=draw, member=member, coupon=coupon, why=whys[0] or ""))


def entries_of(state: State, draw: str) -> list[str]:
    """The list that winners are drawn from, sorted: every person once, whatever they did how often, and none of the team.

    Once a draw has been run it is the list that it was drawn from, whoever is found to be the same person later.
    """
    entries = state.entries.get(draw, {})
    known = state.draws.get(draw)
    if known is not None and known.status == "drawn":
        return sorted(entries)
    team = {members.person(state, name) for name in members.staff(state)}
    return sorted({members.person(state, member) for member in entries} - team)


def drawn_from(draw: Draw, seed: str, entries: Iterable[str]) -> list[Winner]:
    """Who wins which prize: the prizes in the order of the rules."""
    places = [p for p in draw.prizes for _ in range(p.quantity)]
    winners = lots.winners_of(seed, entries, len(places))
    return [Winner(member=m, prize=p.name, coupon=p.coupon) for m, p in zip(winners, places, strict=False)]


def _result_text(draw: Draw) -> str:
    head = f"开奖! 共 {draw.count} 人参加"
    if not draw.winners:
        return f"{head}, 没有人中奖。种子 {draw.seed}"
    won = ", ".join(f"{games.short(w.member)} ({w.prize})" for w in draw.winners[:NAMED_AT_MOST])
    more = f" 等 {len(draw.winners)} 位" if len(draw.winners) > NAMED_AT_MOST else ""
    return f"{head}, 中奖: {won}{more}。领奖: {draw.collect}。种子 {draw.seed}, 可验算"


def fault(state: State, e: DrawDrawn) -> str | None:
    """What is wrong with winners that were recorded, on the state before them; None where they are the seed's."""
    draw = state.draws.get(e.draw)
    if draw is None:
        return f"draws the winners of {e.draw}, which was never opened"
    if draw.status == "drawn":
        return f"draws the winners of {e.draw} a second time"
    if lots.commit_of(e.seed) != draw.commit:
        return f"the seed of {e.draw} is not the one that was committed to when it opened"
    entries = entries_of(state, e.draw)
    if e.entries != len(entries):
        return f"{e.draw} was drawn from {e.entries} entries, the record has {len(entries)}"
    right = drawn_from(draw, e.seed, entries)
    for place, (won, due) in enumerate(zip(e.winners, right, strict=False), 1):
        if won != due:
            return (
                f"winner {place} of {e.draw} is {won.member} ({won.prize}); the seed gives {due.member} ({due.prize})"
            )
    if len(e.winners) != len(right):
        return f"{e.draw} has {len(e.winners)} winners; the seed gives {len(right)}"
    return None


def _run_by_cue(turn: Turn, plan: CuePlan, cue: Cue) -> None:
    from coordinator.core import prompts

    found = _to_run(turn.state, plan.fields.get("draw"))
    if found is None:
        return
    if found.status == "open" and turn.at < found.until:
        words = Words(zh="抽奖还没截止, 没有开奖", en="the draw is still open, nothing was drawn")
        prompts.tell(turn, "controller", words, cue=cue.id)
    elif found.id in turn.state.seeds:
        _draw(turn, found)


cue_kind("draw.run", perform=_run_by_cue, leaves_out=frozenset({"draw"}))


@result_of(DrawDrawn)
def drawn_result(state: State, e: DrawDrawn) -> dict[str, Any]:
    said = {
        "draw": e.draw,
        "seed": e.seed,
        "entries": e.entries,
        "winners": msgspec.to_builtins(e.winners),
        "left": e.left,
    }
    refused = state.not_given.get(e.draw)
    return {**said, "not_given": dict(sorted(refused.items()))} if refused else said
