"""The pages of rounds: polls, quizzes, surveys, sign-ins. What is asked, one turn for a member, and what came of it."""

from __future__ import annotations

from typing import Any

from coordinator.core import State
from coordinator.core.checkins import needed, streak_of
from coordinator.core.claims import code_for
from coordinator.core.links import AddressKey
from coordinator.core.rounds import Round, took_part
from coordinator.gateway.landing.playing import Gift, Given, Playing, game, not_open, opened_by


def _gift(state: State, a: Round, member: str | None) -> Gift | None:
    coupon = state.coupons.get(a.coupon or "")
    if coupon is None:
        return None
    if member is None:
        return Gift(coupon=coupon.id, name=coupon.title)
    refused = state.not_given.get(a.id, {})
    mine = took_part(state, refused, member)
    code = code_for(state, coupon.id, member, a.id)
    return Gift(coupon=coupon.id, name=coupon.title, code=code, not_given=refused[mine] if mine else None)


def _standing(a: Round) -> str:
    return "open" if a.open else "ended"


# ---------------------------------------------------------------- polls
def poll(state: State, key: AddressKey, member: str | None) -> Playing:
    """The question and its options; the shares are for those who have voted, and for all when it is over."""
    found = opened_by(state.polls.values(), key)
    if found is None:
        return not_open(state, key)
    mine = took_part(state, found.members, member) if member else None
    facts: dict[str, Any] = {"options": list(found.options), "yours": found.members[mine] if mine else None}
    live: dict[str, int] = {}
    if mine is not None or not found.open:
        facts["votes"] = list(found.votes)
        for n, votes in enumerate(found.votes, 1):
            live |= {f"votes{n}": votes, f"share{n}": share(votes, found.count)}
    return Playing(
        id=found.id, name=found.question, standing=_standing(found), count=found.count, until=found.until, gift=_gift(state, found, member),
        taking_part=mine is not None, facts=facts, live=live,
    )  # fmt: skip


def share(votes: int, of: int) -> int:
    """In whole percent, halves up."""
    return (200 * votes + of) // (2 * of) if of else 0


# ---------------------------------------------------------------- quizzes
def quiz(state: State, key: AddressKey, member: str | None) -> Playing:
    """The question; to who has answered whether it was right and which place it is; to all the right answer when it is over."""
    found = opened_by(state.quizzes.values(), key)
    if found is None:
        return not_open(state, key)
    mine = took_part(state, found.won, member) or took_part(state, found.members, member) if member else None
    facts: dict[str, Any] = {
        "prize": found.prize or None, "winners": found.winners, "options": list(found.options), "right": found.members[mine] if mine else None,
        "place": found.won.index(mine) + 1 if mine in found.won else None, "answer": None if found.open else found.answers[0],
    }  # fmt: skip
    return Playing(
        id=found.id, name=found.question, standing=_standing(found), count=found.count, until=found.until, gift=_gift(state, found, member),
        taking_part=mine is not None, facts=facts, live={"places": found.winners - len(found.won)},
    )  # fmt: skip


# ---------------------------------------------------------------- surveys
def survey(state: State, key: AddressKey, member: str | None) -> Playing:
    """All its questions on one page. What others have said is for the team."""
    found = opened_by(state.surveys.values(), key)
    if found is None:
        return not_open(state, key)
    asked = [
        {"id": q.id, "text": q.text, "kind": q.kind, "options": list(q.options), "points": len(q.counts)}
        for q in found.questions
    ]
    return Playing(
        id=found.id, name=found.title, standing=_standing(found), count=found.count, until=found.until, gift=_gift(state, found, member),
        taking_part=member is not None and took_part(state, found.members, member) is not None, facts={"questions": asked},
    )  # fmt: skip


QUESTION = "q."
"""Before a question's id: the name of its field in the form."""


def answers(playing: Playing, given: Given) -> dict[str, Any]:
    """A machine gives `answers`; a form has a field for each question, empty where it was passed over."""
    if "answers" in given:
        return {"answers": given["answers"]}
    said: dict[str, Any] = {}
    for question in playing.facts.get("questions", ()):
        text = given.get(QUESTION + question["id"])
        if isinstance(text, str) and text.strip():
            number = question["kind"] != "text" and len(text) < 10 and text.isdecimal()
            said[question["id"]] = int(text) if number else text
    return {"answers": said}


# ---------------------------------------------------------------- sign-ins
def checkin(state: State, key: AddressKey, member: str | None) -> Playing:
    """One button; in a series, how many rounds in a row its reader has joined."""
    found = opened_by(state.checkins.values(), key)
    if found is None:
        return not_open(state, key)
    mine = took_part(state, found.members, member) if member else None
    streak = (mine is not None) + streak_of(state, found, member) if found.series and member else 0
    return Playing(
        id=found.id, standing=_standing(found), count=found.count, until=found.until, gift=_gift(state, found, member), taking_part=mine is not None,
        facts={"series": found.series, "number": found.number, "streak": streak, "earns_at": needed(state, found)},
    )  # fmt: skip


game("poll", poll, "poll.vote", given=lambda _, given: {"option": given.get("option")})
game("quiz", quiz, "quiz.answer", given=lambda _, given: {"answer": given.get("answer")})
game("survey", survey, "survey.answer", given=answers)
game("checkin", checkin, "checkin.join")
