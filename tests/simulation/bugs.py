"""Five bugs that such a system has had before, for the time of a test: what the simulation is there to find."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from coordinator.conductor import Conductor
from coordinator.gateway.presence import Presence
from roles.relay.sending.outbox import Outbox
from tests.simulation.store import Store

Plant = Callable[[pytest.MonkeyPatch], None]


def _answers_before_the_flush(patch: pytest.MonkeyPatch) -> None:
    flush = Conductor._flush

    async def hasty(self: Conductor, batch: Any) -> None:
        self._answer(batch)
        batch.answers.clear()
        await flush(self, batch)

    patch.setattr(Conductor, "_flush", hasty)


def _checks_no_fence(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Store, "check_fence", lambda *_: None)


def _fires_again_after_a_take_over(patch: pytest.MonkeyPatch) -> None:
    open_ = Conductor.open

    async def forgetful(self: Conductor) -> None:
        await open_(self)
        for cue in self.state.cues.values():
            if cue.status == "fired" and cue.drop is not None and self.state.at - (cue.fired_at or 0) < 5000:
                cue.status = "announced"
        self._due_old = True

    patch.setattr(Conductor, "open", forgetful)


def _sends_what_was_withdrawn(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Outbox, "drop", lambda *_: None)


def _takes_two_processes_for_one(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Presence, "record_of", lambda *_: "")


BUGS: dict[str, Plant] = {
    "answer before flush": _answers_before_the_flush,
    "no fence check": _checks_no_fence,
    "double fire after take-over": _fires_again_after_a_take_over,
    "an announced drop sent after its withdrawal": _sends_what_was_withdrawn,
    "two processes with one token taken for one": _takes_two_processes_for_one,
}

TELLS = {
    "answer before flush": "answers",
    "no fence check": "writers",
    "double fire after take-over": "cues",
    "an announced drop sent after its withdrawal": "deliveries",
    "two processes with one token taken for one": "deliveries",
}
"""Which of the promises each breaks."""


@contextlib.contextmanager
def planted(bug: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        BUGS[bug](patch)
        yield
