"""How the simulated members take part in games: who, when, and with what answer. Pure, given what was opened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from coordinator.demo.crowd import Crowd, rng_for
from coordinator.demo.planning import Action

SOON_MS = 25_000  # mean: a game is for those who look
LAST_MS = 150_000


@dataclass(frozen=True, slots=True)
class Game:
    """A game that was opened, as everybody in its groups sees it."""

    kind: str
    id: str
    at: int
    groups: tuple[str, ...]
    options: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    questions: tuple[Mapping[str, Any], ...] = ()  # Any: a survey's question, as its event has it


Turn = Callable[[Random, Game], dict[str, Any]]


def _vote(rng: Random, game: Game) -> dict[str, Any]:
    return {"option": min(len(game.options), 1 + int(rng.expovariate(0.6)))}


def _answer(rng: Random, game: Game) -> dict[str, Any]:
    right = bool(game.answers) and rng.random() < 0.5
    return {"answer": rng.choice(game.answers) if right else rng.choice(("不知道", "三年", "一次", "猜一个"))}


def _fill_in(rng: Random, game: Game) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for question in game.questions:
        match question.get("kind", "choice"):
            case "scale":
                given[question["id"]] = rng.choices((1, 2, 3, 4, 5), (2, 4, 12, 40, 42))[0]
            case "choice":
                given[question["id"]] = rng.randint(1, len(question["options"]))
            case _:
                given[question["id"]] = rng.choice(("都挺好", "发货快一点就好", "还想要餐具"))
    return {"answers": given}


def _nothing(_: Random, __: Game) -> dict[str, Any]:
    return {}


TURNS: dict[str, tuple[str, float, Turn]] = {
    "checkin": ("checkin.join", 0.10, _nothing),
    "poll": ("poll.vote", 0.08, _vote),
    "quiz": ("quiz.answer", 0.03, _answer),
    "survey": ("survey.answer", 0.03, _fill_in),
}
"""Game → the command of a turn, the share of a group's members who take one, and what they say."""


def turns(seed: int, crowds: Mapping[str, Crowd], game: Game) -> Iterable[Action]:
    """Who takes part in it, and when."""
    command, share, say = TURNS[game.kind]
    for group in game.groups:
        crowd = crowds.get(group)
        if crowd is None:
            continue
        rng = rng_for(seed, "plays", game.id, group)
        for person in crowd.share(rng, share):
            at = game.at + 1_000 + min(LAST_MS, int(rng.expovariate(1 / SOON_MS)))
            yield Action(at, "play", person, turn={"kind": command, game.kind: game.id, **say(rng, game)})
