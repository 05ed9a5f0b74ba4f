"""Late rules: what becomes of a cue whose moment passed while the service was away."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.driver import MINUTE, SECOND, START, Sale, segment, sheet


def after_an_absence(cue: dict[str, Any], *, late_by: int) -> Sale:
    """A cue at +1m, and a service that is back so many ms after it."""
    sale = Sale(sheet(segment({"id": "cue", "at": "+1m", **cue}, lasts="30m"))).live()
    sale.away(START + MINUTE + late_by)
    return sale


PROMPT = {"prompt": "host", "text": "x"}
DROP = {"do": "link.drop", "link": "room", "groups": "all"}
MESSAGE = {"do": "message.send", "groups": "all", "text": "x"}


@pytest.mark.parametrize(
    ("cue", "late_by", "status", "why"),
    [
        (PROMPT, 30, "fired", None),
        (PROMPT, 31, "skipped", "late"),
        (DROP, 30, "fired", None),
        (DROP, 31, "waiting", "late"),
        (MESSAGE, 300, "fired", None),
        (MESSAGE, 301, "skipped", "late"),
        ({**DROP, "late": "skip after 10s"}, 10, "fired", None),
        ({**DROP, "late": "skip after 10s"}, 11, "skipped", "late"),
        ({**DROP, "late": "fire within 10m"}, 600, "fired", None),
        ({**DROP, "late": "fire within 10m"}, 601, "skipped", "late"),
        ({**PROMPT, "late": "ask after 10s"}, 11, "waiting", "late"),
    ],
)
def test_a_cue_follows_its_rule_to_the_second(cue: dict[str, Any], late_by: int, status: str, why: str | None) -> None:
    sale = after_an_absence(cue, late_by=late_by * SECOND)
    sale.advance(START + MINUTE + late_by * SECOND + 5 * SECOND)
    assert (sale.cue("cue").status, sale.cue("cue").why) == (status, why)


def test_a_late_drop_still_gets_its_lead_and_the_record_says_how_late_it_was() -> None:
    sale = after_an_absence(DROP, late_by=20 * SECOND)
    sale.advance(START + 5 * MINUTE)
    fired = sale.of("cue.fired")[0]
    assert (fired.at, fired.planned_at, fired.late_ms) == (START + 82 * SECOND, START + MINUTE, 22 * SECOND)


def test_what_waits_because_it_is_late_goes_when_it_is_confirmed_or_is_skipped_by_hand() -> None:
    sale = after_an_absence(DROP, late_by=MINUTE)
    sale.advance(START + 10 * MINUTE)
    assert sale.cue("cue").status == "waiting"
    sale.do("controller", "cue.confirm", cue="cue")
    sale.advance(START + 11 * MINUTE)
    assert sale.fired("cue") == [(602, 602)]
    other = after_an_absence(DROP, late_by=MINUTE)
    other.do("controller", "cue.skip", cue="cue")
    assert other.cue("cue").why == "skipped"


def test_an_announced_run_goes_on_after_a_restart_and_is_not_announced_again() -> None:
    sale = Sale(sheet(segment({"id": "cue", "at": "+1m", **DROP}))).live()
    sale.advance(START + 59 * SECOND)
    sale.away(START + 70 * SECOND)
    assert len(sale.of("cue.announced")) == 1
    fired = sale.of("cue.fired")[0]
    assert (fired.planned_at, fired.late_ms) == (START + MINUTE, 10 * SECOND)


def test_what_is_late_is_counted_in_real_time_in_a_rehearsal() -> None:
    from coordinator.core import Moment, decide_due

    sale = Sale(sheet(segment({"id": "cue", "at": "+1m", **PROMPT}))).live()
    decided = decide_due(sale.state, "cue=cue", Moment(at=START + 80 * SECOND, bits=bytes(32), speed=20.0))
    assert [e.late_ms for e in decided.events if hasattr(e, "late_ms")] == [SECOND]
