"""Deliveries: every end they can come to, late reports, relays that go and come."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from coordinator.core import COMMANDS
from tests.core.driver import MINUTE, SECOND, START, Sale, segment, sheet

LINK: dict[str, Any] = {
    "id": "link",
    "at": "+1m",
    "do": "link.drop",
    "link": "room",
    "groups": "all",
    "late": "skip after 30s",
}


def announced(**more: Any) -> Sale:
    """A drop a second before its moment: d1 and d2 with r1 (g1, g2), d3 with r2 (g3)."""
    sale = Sale(sheet(segment(LINK, lasts="30m"), **more)).live()
    sale.advance(START + 59 * SECOND)
    return sale


def fired(**more: Any) -> Sale:
    sale = announced(**more)
    sale.advance(START + MINUTE)
    return sale


def report(
    sale: Sale, outcome: str, delivery: str = "d1", attempt: int = 1, by: str = "r1", **more: Any
) -> dict[str, Any]:
    return sale.do(by, "delivery.report", delivery=delivery, attempt=attempt, outcome=outcome, **more)


@pytest.mark.parametrize(
    ("outcome", "more", "status", "kind"),
    [
        ("sent", {"platform_id": "p1", "sent_at": START + MINUTE}, "sent", "delivery.sent"),
        ("waiting", {"until": START + 2 * MINUTE}, "held", "delivery.held"),
        ("awaiting", {}, "awaiting", "delivery.awaiting"),
        ("retry", {"after_ms": 500}, "requested", "delivery.retried"),
        ("rejected", {"why": "frequency"}, "failed", "delivery.failed"),
        ("disabled", {}, "failed", "delivery.failed"),
        ("expired", {}, "expired", "delivery.expired"),
        ("unknown", {}, "unknown", "delivery.unknown"),
    ],
)
def test_every_outcome_has_its_event_and_state(outcome: str, more: dict[str, Any], status: str, kind: str) -> None:
    sale = fired()
    report(sale, outcome, **more)
    d = sale.state.deliveries["d1"]
    assert (d.status, d.attempt) == (status, 2 if outcome == "retry" else 1)
    assert [str(e.__struct_config__.tag) for e in sale.events[-1:]] == [kind]
    drop = sale.state.drops["drop1"]
    assert (drop.sent, drop.failed, drop.unknown) == (
        status == "sent",
        status in {"failed", "expired"},
        status == "unknown",
    )
    assert ("d1" in sale.state.opened) is (status in {"requested", "held", "awaiting"})


class TestAReport:
    def test_that_says_what_stands_changes_nothing(self) -> None:
        sale = fired()
        report(sale, "sent")
        mark = len(sale.events)
        for outcome in ("sent", "rejected", "waiting", "unknown"):
            assert report(sale, outcome) == {"again": True}
        assert len(sale.events) == mark

    def test_of_an_older_attempt_is_recorded_and_changes_nothing(self) -> None:
        sale = fired()
        report(sale, "retry")
        report(sale, "rejected", attempt=1)
        assert sale.of("delivery.failed")
        assert (sale.state.deliveries["d1"].status, sale.state.deliveries["d1"].attempt) == ("requested", 2)

    def test_of_an_older_attempt_that_was_sent_is_a_fact(self) -> None:
        sale = fired()
        report(sale, "unknown")
        sale.do("controller", "delivery.resolve", delivery="d1", choice="resend")
        report(sale, "sent", attempt=1)
        assert sale.state.deliveries["d1"].status == "sent"
        assert "d1" not in sale.state.opened

    def test_of_an_older_attempt_that_was_sent_withdraws_the_newer_one(self) -> None:
        """The other relay was asked while this one's report was on its way: a group gets a drop once."""
        sale = fired()
        report(sale, "unknown")
        sale.do("controller", "delivery.retry", delivery="d1")
        report(sale, "sent", attempt=1)
        assert [(e.attempt, e.why) for e in sale.of("delivery.withdrawn")] == [(2, "sent")]
        d = sale.state.deliveries["d1"]
        assert (d.status, d.left_late) == ("sent", False)

    def test_of_an_attempt_to_come_or_of_another_s_delivery_is_refused(self) -> None:
        sale = fired()
        assert sale.refused("r1", "delivery.report", delivery="d1", attempt=2, outcome="sent") == "invalid"
        assert sale.refused("r2", "delivery.report", delivery="d1", attempt=1, outcome="sent") == "forbidden"
        assert sale.refused("r1", "delivery.report", delivery="d99", attempt=1, outcome="sent") == "unknown"

    def test_of_sent_after_it_was_withdrawn_stands_as_left_late(self) -> None:
        sale = announced()
        sale.do("controller", "cue.hold", cue="link")
        report(sale, "sent")
        d = sale.state.deliveries["d1"]
        assert (d.status, d.left_late) == ("sent", True)
        assert sale.state.drops["drop1"].sent == 1

    @pytest.mark.parametrize(
        ("outcome", "policy", "again"),
        [("sent", "ask", False), ("unknown", "ask", False), ("unknown", "leave", False), ("unknown", "resend", True)],
    )
    def test_of_what_left_before_a_hold_is_not_asked_for_again_at_the_release(
        self, outcome: str, policy: str, again: bool
    ) -> None:
        sale = announced(unknown=policy)
        sale.do("controller", "cue.hold", cue="link")
        report(sale, outcome)
        mark = len(sale.events)
        sale.do("controller", "cue.release", cue="link")
        asked = [e.delivery for e in sale.events[mark:] if str(e.__struct_config__.tag) == "delivery.requested"]
        assert asked == (["d1", "d2", "d3"] if again else ["d2", "d3"])
        drop = sale.state.drops["drop1"]
        assert (drop.sent, drop.unknown) == (outcome == "sent", outcome == "unknown" and not again)

    @pytest.mark.parametrize("outcome", ["waiting", "awaiting", "retry", "rejected", "expired"])
    def test_that_crossed_a_withdrawal_brings_nothing_back(self, outcome: str) -> None:
        sale = announced()
        sale.do("controller", "cue.hold", cue="link")
        report(sale, outcome)
        assert sale.state.deliveries["d1"].status == "withdrawn"
        assert "d1" not in sale.state.opened
        sale.relay("r1", here=False)
        sale.relay("r1")
        assert sale.state.deliveries["d1"].attempt == 1

    @pytest.mark.parametrize("stop", ["show.halt", "cue.hold"])
    def test_that_a_relay_still_has_what_counted_as_unknown_withdraws_it_where_all_is_stopped(self, stop: str) -> None:
        sale = announced()
        report(sale, "unknown")
        sale.do("controller", stop, **({"cue": "link"} if stop == "cue.hold" else {}))
        assert sale.state.deliveries["d1"].status == "unknown"
        report(sale, "waiting", until=START + 2 * MINUTE)
        assert sale.state.deliveries["d1"].status == "withdrawn"

    def test_that_it_may_have_left_is_kept_though_it_was_withdrawn(self) -> None:
        sale = announced()
        sale.do("controller", "cue.hold", cue="link")
        report(sale, "unknown")
        assert sale.state.deliveries["d1"].status == "unknown"


def test_a_drop_to_a_group_whose_relay_is_away_is_accepted_and_expires() -> None:
    sale = Sale(sheet(segment(LINK, lasts="30m")), relays=False).live()
    sale.advance(START + MINUTE)
    assert {d.status for d in sale.deliveries().values()} == {"requested"}
    sale.advance(START + 5 * MINUTE)
    assert {d.status for d in sale.deliveries().values()} == {"expired"}


def test_what_a_relay_that_is_here_never_reported_is_unknown_when_it_expires() -> None:
    sale = fired()
    report(sale, "waiting", "d2", until=START + 2 * MINUTE)
    sale.advance(START + 5 * MINUTE)
    assert {g: d.status for g, d in sale.deliveries().items()} == {"g1": "unknown", "g2": "expired", "g3": "unknown"}


class TestWhatIsUnknown:
    def test_waits_for_the_controller_by_default(self) -> None:
        sale = fired()
        report(sale, "unknown")
        sale.do("controller", "delivery.resolve", delivery="d1", choice="leave")
        assert sale.state.deliveries["d1"].status == "unknown"
        sale.do("controller", "delivery.resolve", delivery="d1", choice="resend")
        assert (sale.state.deliveries["d1"].status, sale.state.deliveries["d1"].attempt) == ("requested", 2)
        assert sale.refused("controller", "delivery.resolve", delivery="d1", choice="leave") == "stale"
        assert sale.state.drops["drop1"].unknown == 0

    def test_is_sent_again_where_the_sheet_says_so_until_it_expires(self) -> None:
        sale = fired(unknown="resend")
        report(sale, "unknown")
        assert (sale.state.deliveries["d1"].status, sale.state.deliveries["d1"].attempt) == ("requested", 2)
        sale.advance(START + 5 * MINUTE)
        assert sale.state.deliveries["d1"].status == "unknown"

    def test_is_left_where_the_sheet_says_so(self) -> None:
        sale = fired(unknown="leave")
        report(sale, "unknown")
        sale.advance(START + 10 * MINUTE)
        assert (sale.state.deliveries["d1"].status, sale.state.deliveries["d1"].attempt) == ("unknown", 1)


class TestTheController:
    def test_sends_a_failed_one_again_seeing_its_attempt(self) -> None:
        sale = fired()
        report(sale, "rejected")
        assert sale.refused("controller", "delivery.retry", delivery="d1", from_="2") == "stale"
        sale.do("controller", "delivery.retry", delivery="d1", from_="1")
        assert sale.refused("controller", "delivery.retry", delivery="d1", from_="1") == "stale"
        d = sale.state.deliveries["d1"]
        assert (d.status, d.attempt, d.fire_at) == ("requested", 2, sale.now)
        assert sale.state.drops["drop1"].failed == 0

    def test_withdraws_one_that_has_not_left(self) -> None:
        sale = announced()
        sale.do("controller", "delivery.withdraw", delivery="d1")
        assert sale.refused("controller", "delivery.withdraw", delivery="d1") == "too_late"
        sale.advance(START + 2 * MINUTE)
        assert sale.state.deliveries["d1"].status == "withdrawn"
        assert sale.cue("link").status == "fired"

    def test_moves_one_to_another_relay(self) -> None:
        sale = announced()
        sale.do("controller", "delivery.move", delivery="d1", relay="r2")
        d = sale.state.deliveries["d1"]
        assert (d.relay, d.attempt, d.had) == ("r2", 2, ("r1", "r2"))
        assert sale.refused("controller", "delivery.move", delivery="d1", relay="r9") == "unknown"
        report(sale, "sent", attempt=2, by="r2")
        assert sale.refused("controller", "delivery.move", delivery="d1", relay="r1") == "too_late"

    def test_does_not_bring_back_what_is_withdrawn_by_moving_it(self) -> None:
        sale = announced()
        sale.do("controller", "cue.hold", cue="link")
        assert sale.refused("controller", "delivery.move", delivery="d1", relay="r2") == "too_late"


def test_the_content_keeps_one_key_over_all_attempts() -> None:
    sale = fired()
    first = sale.state.deliveries["d1"].content
    report(sale, "rejected")
    sale.do("controller", "delivery.retry", delivery="d1")
    assert sale.state.deliveries["d1"].content == first


def test_links_and_coupons_go_before_talk() -> None:
    sale = fired()
    sale.do("controller", "message.send", content="x", groups="all")
    assert sale.state.deliveries["d1"].priority < sale.state.deliveries["d4"].priority


def test_a_group_that_its_only_relay_cannot_reach_is_frozen_with_the_reason_until_it_can() -> None:
    sale = announced()
    sale.do("relay", "group.observe", group="g1", what="unreachable")
    assert not sale.state.groups["g1"].frozen, "its other relay can"
    sale.do("relay", "group.observe", group="g2", what="unreachable", why="the bot was removed")
    group = sale.state.groups["g2"]
    assert (group.frozen, group.frozen_why) == (True, "the bot was removed")
    assert [(e.delivery, e.why) for e in sale.of("delivery.withdrawn")] == [("d2", "unreachable")]
    sale.do("relay", "group.observe", group="g2", what="unreachable", why="the bot was removed")
    sale.do("relay", "group.observe", group="g2", what="reachable")
    assert (group.frozen, group.frozen_why) == (False, "")
    assert len(sale.of("group.frozen")) == len(sale.of("group.thawed")) == 1
    sale.do("controller", "group.freeze", group="g2")
    sale.do("relay", "group.observe", group="g2", what="reachable")
    assert group.frozen, "what a person froze, a person thaws"


def test_a_group_that_is_frozen_is_not_sent_what_is_on_its_way() -> None:
    sale = announced()
    sale.do("controller", "group.freeze", group="g1")
    assert [(e.delivery, e.why) for e in sale.of("delivery.withdrawn")] == [("d1", "frozen")]
    sale.advance(START + 2 * MINUTE)
    assert len(sale.fired("link")) == 1, "the others get it"


@pytest.mark.parametrize(
    "address", ["http://img.example/1.jpg", "https://img.example/a b.jpg", "1.jpg", 7, "https://x/" + "a" * 2000]
)
def test_a_picture_that_is_no_whole_address_is_refused_with_what_to_write(address: Any) -> None:
    with pytest.raises(ValidationError, match="begins with https://, has no blanks"):
        COMMANDS["message.send"].model_validate({"content": {"text": "看图", "images": [address]}, "groups": "all"})
    COMMANDS["message.send"].model_validate(
        {"content": {"text": "看图", "images": ["https://img.example/1.jpg"]}, "groups": "all"}
    )
