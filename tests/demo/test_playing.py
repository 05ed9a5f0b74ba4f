"""The simulated members take part in games: the same seed and game, the same turns; each at most once."""

from __future__ import annotations

import pytest

from coordinator.core import COMMANDS, EVENTS
from coordinator.demo.crowd import Crowd, GroupOfDemo
from coordinator.demo.playing import TURNS, Game, turns

CROWDS = {f"g{n}": Crowd.of(7, GroupOfDemo(f"g{n}", 400)) for n in (1, 2)}
QUESTIONS = ({"id": "happy", "kind": "scale"}, {"id": "next", "options": ["锅", "刀"]}, {"id": "say", "kind": "text"})


def game(kind: str) -> Game:
    return Game(kind, "x1", 1_000, ("g1", "g3"), ("锅", "刀"), ("七年",), QUESTIONS)


@pytest.mark.parametrize("kind", [kind for kind in TURNS if f"{kind}.opened" in EVENTS])
def test_a_turn_is_a_command_that_the_service_takes(kind: str) -> None:
    for action in turns(7, CROWDS, game(kind)):
        assert action.turn is not None
        fields = {k: v for k, v in action.turn.items() if k != "kind"}
        COMMANDS[str(action.turn["kind"])].model_validate({**fields, "member": "m1", "group": "g1"})


@pytest.mark.parametrize("kind", sorted(TURNS))
def test_the_same_seed_and_game_give_the_same_turns_of_the_groups_it_was_opened_in(kind: str) -> None:
    first, again = list(turns(7, CROWDS, game(kind))), list(turns(7, CROWDS, game(kind)))
    assert first == again
    assert {action.person.group for action in first} <= {"g1"}
    assert all(action.at > 1_000 for action in first)
    assert len({action.person for action in first}) == len(first)
