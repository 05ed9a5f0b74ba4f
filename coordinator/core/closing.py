"""The close of a sale, and what it owes then: draws that are not drawn, red packets that are not sent, coupons not given.

Whoever ends the show is told of it, and who closes the sale is answered with it. The screens ask first, and who closes over
it there says why: nobody takes part in anything from there on. What was promised is not lost by that: a draw can still be
run, a red packet still be sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from coordinator.core import bilingual, chains, deliveries, drawing, firing, prompts, render, rounds
from coordinator.core.kernel import Command, Refusal, Turn, command, current, decides, result_of
from coordinator.core.rules import Words
from coordinator.core.show import SegmentEnded, ShowClosed, need, running_run

if TYPE_CHECKING:
    from coordinator.core.state import State

OWED = "OWED"
"""The rule that an override names."""
TOLD_AT_MOST = 20
OWED_WHY = frozenset({"exhausted", "too_early", "too_late"})
"""Why a coupon that was earned is still owed: caps and groups are terms that stood before."""
GAMES = {
    "draw": Words(zh="抽奖", en="a draw"),
    "poll": Words(zh="投票", en="a poll"),
    "quiz": Words(zh="抢答", en="a quiz"),
    "survey": Words(zh="问卷", en="a survey"),
    "checkin": Words(zh="签到", en="a sign-in"),
}
"""By the beginning of their ids."""


@command(
    "show.close",
    button=True,
    after_close=True,
    events=(
        "show.closed", "cue.withdrawn", "delivery.withdrawn", "segment.ended", "cue.skipped", "poll.closed", "quiz.closed",
        "survey.closed", "checkin.closed", "chain.failed", "draw.closed",
    ),
)  # fmt: skip
class ShowClose(Command):
    """The sale is over, and with it what is open of games: only refunds, what is still owed, and reads from here on.

    What it still owes to members stands in the answer's `owed`. With `settled` the sender takes it that there is nothing:
    where there is, it is `blocked`, and `details.owed` says what; an override of `OWED` closes it.
    """

    settled: bool = False


class Owed(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """One thing that members were promised. `draw` and `redpacket` are named; of coupons the `game` that they were won in."""

    draw: str | None = None
    entries: int = 0
    redpacket: str | None = None
    amount: int = 0
    who: str | None = None
    game: str | None = None
    members: int = 0
    message: str
    zh: str


def owed(state: State) -> Iterator[Owed]:
    """What members were promised and have not been given."""
    for draw in state.draws.values():
        if draw.status != "drawn" and draw.id in state.seeds:  # without its seed nobody can draw it
            prizes = ", ".join(p.name for p in draw.prizes[:3])
            yield Owed(
                draw=draw.id, entries=draw.count, message=f"the draw of {prizes} is not drawn, {draw.count} in it",
                zh=f"抽奖 {prizes} 还没开奖, 已有 {draw.count} 人参加",
            )  # fmt: skip
    for packet in state.redpackets.values():
        if packet.sent_at is None:
            amount, who = render.money(packet.amount, state.the.currency), bilingual.called(packet.who)
            yield Owed(
                redpacket=packet.id, amount=packet.amount, who=packet.who,
                message=f"red packets of {amount} are announced, and {who.en} has not sent them",
                zh=f"红包 {amount} 已预告, {who.zh}还没发" if packet.who in bilingual.ROLES else f"红包 {amount} 已预告, {who.zh} 还没发",
            )  # fmt: skip
    for game, refused in state.not_given.items():
        members = sum(why in OWED_WHY for why in refused.values())
        if members:
            kind = GAMES[game.rstrip("0123456789")]
            yield Owed(
                game=game, members=members, message=f"{members} won a coupon in {kind.en} and could not be given it",
                zh=f"{kind.zh}有 {members} 人中了券却没发到",
            )  # fmt: skip


def tell(turn: Turn) -> None:
    """Tells the controller at the show's end what is to be settled before the close."""
    found = list(owed(turn.state))
    if found:
        zh, en = ("; ".join(said[:TOLD_AT_MOST]) for said in ([o.zh for o in found], [o.message for o in found]))
        prompts.tell(turn, "controller", Words(zh=f"关场前要了结: {zh}", en=f"Before the close: {en}"), urgency="high")


@current(ShowClose)
def run_at_close(state: State, c: ShowClose) -> str | None:
    return running_run(state, c)


@decides(ShowClose)
def close(turn: Turn, c: ShowClose) -> None:
    need(turn.state, "ended", to="closed")
    state = turn.state
    if c.settled:
        _need_settled(turn)
    turn.emit(ShowClosed())
    firing.withdraw_announced(turn, "closed")
    deliveries.withdraw_all(turn, "closed")
    for segment in list(state.segments.values()):
        if segment.status in {"planned", "running"}:
            turn.emit(SegmentEnded(segment=segment.id, run=segment.run, planned_at=segment.end, early=True))
    firing.skip(turn, [c.id for c in firing.to_come(state)], "closed")
    rounds.end_all(turn)
    chains.end_all(turn)
    drawing.end_all(turn)


@result_of(ShowClosed)
def closed_result(state: State, _: ShowClosed) -> dict[str, Any]:
    found = list(owed(state))
    return _named(found) if found else {}


def _named(found: list[Owed]) -> dict[str, Any]:
    return {"owed": [msgspec.to_builtins(o) for o in found[:TOLD_AT_MOST]], "in_all": len(found)}


def _need_settled(turn: Turn) -> None:
    """Refuses to close over what is owed, unless its sender says that they know."""
    found = list(owed(turn.state))
    if not found or (turn.override is not None and OWED in turn.override.rules):
        return
    some = "; ".join(o.message for o in found[:3]) + (f"; and {len(found) - 3} more" if len(found) > 3 else "")
    raise Refusal(
        "blocked",
        f"{some}. Settle it, or close with an override of {OWED} and a reason",
        {"rules": [OWED]} | _named(found),
    )
