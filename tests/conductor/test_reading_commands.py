"""How a command's envelope is read."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator import reading
from coordinator.core import Actor, Refusal
from roles.permissions import may

CONTROLLER = Actor("controller", "li")


def refused(command: dict[str, Any]) -> Refusal:
    refusal = reading.read(CONTROLLER, command, may).refusal
    assert refusal is not None
    return refusal


@pytest.mark.parametrize("seen", [1, "1"])
def test_the_attempt_that_a_retry_has_seen_is_a_number_or_its_text(seen: Any) -> None:
    read = reading.read(CONTROLLER, {"id": "a", "kind": "delivery.retry", "delivery": "d1", "from": seen}, may)
    assert (read.saw, read.seen) == (True, "1")


@pytest.mark.parametrize("seen", [1, True, ["r1"], {}])
def test_every_other_from_is_an_id_or_null(seen: Any) -> None:
    refusal = refused({"id": "a", "kind": "show.pause", "from": seen})
    assert (refusal.code, refusal.details) == ("invalid", {"field": "from"})


def test_an_override_names_its_rules_and_its_reason() -> None:
    drop = {"id": "a", "kind": "coupon.drop", "coupon": "c20", "groups": "all"}
    given = reading.read(CONTROLLER, {**drop, "override": {"rules": ["AD-ABS"], "reason": "法务已看"}}, may).override
    assert given is not None
    assert (given.rules, given.reason) == (("AD-ABS",), "法务已看")
    details = refused({**drop, "override": {"rules": []}}).details
    assert details is not None
    assert str(details["field"]).startswith("override.")


@pytest.mark.parametrize(
    ("command", "field"),
    [
        ({"kind": "coupon.drop", "coupon": "c20", "groups": 5}, "groups"),
        ({"kind": "coupon.drop", "coupon": "c20", "groups": {"a": 1}}, "groups"),
        ({"kind": "coupon.drop", "coupon": "c20", "groups": ["g1", 7]}, "groups.1"),
        ({"kind": "coupon.drop", "groups": "all"}, "coupon"),
        ({"kind": "message.send", "content": {"text": "x", "images": [1]}, "groups": "all"}, "content.images.0"),
        ({"kind": "message.send", "content": {"images": []}, "groups": "all"}, "content.text"),
        ({"kind": "message.send", "content": 7, "groups": "all"}, "content"),
        ({"kind": "note.add", "text": "x", "colour": "red"}, "colour"),
    ],
)
def test_a_refusal_names_the_field_as_its_sender_wrote_it(command: dict[str, Any], field: str) -> None:
    refusal = refused({"id": "a", **command})
    assert refusal.details is not None
    assert (refusal.code, refusal.details["field"]) == ("invalid", field)
    assert refusal.message.startswith(f"{field}: ")
