"""Relays that go and come: who gets the next attempt, and what a relay that heard nothing may have sent."""

from __future__ import annotations

import pytest

from tests.core.driver import MINUTE, SECOND, START, Sale
from tests.core.test_deliveries import announced, fired, report


class TestARelayThatGoes:
    def test_gives_what_is_not_due_to_the_group_s_other_relay_with_the_next_attempt(self) -> None:
        sale = announced()
        sale.relay("r1", here=False)
        one, two = sale.state.deliveries["d1"], sale.state.deliveries["d2"]
        assert (one.relay, one.attempt, one.status) == ("r2", 2, "requested")
        assert (two.relay, two.attempt, two.status) == ("r1", 1, "requested"), "nobody else serves this group"

    def test_leaves_what_was_due_without_a_report_unknown(self) -> None:
        sale = fired()
        sale.advance(START + 61 * SECOND)
        sale.relay("r1", here=False)
        assert {d.status for d in sale.deliveries().values() if d.relay == "r1"} == {"unknown"}
        assert sale.deliveries()["g3"].status == "requested"

    def test_gives_what_it_reported_waiting_to_the_other_though_it_was_due(self) -> None:
        sale = fired()
        report(sale, "waiting", until=START + 2 * MINUTE)
        sale.advance(START + 61 * SECOND)
        sale.relay("r1", here=False)
        assert (sale.state.deliveries["d1"].relay, sale.state.deliveries["d1"].attempt) == ("r2", 2)

    def test_leaves_what_it_said_to_wait_unknown_once_that_wait_was_over(self) -> None:
        sale = fired()
        report(sale, "waiting", until=START + 62 * SECOND)
        sale.advance(START + 62 * SECOND)
        sale.relay("r1", here=False)
        one = sale.state.deliveries["d1"]
        assert (one.relay, one.attempt, one.status) == ("r1", 1, "unknown"), "it may have begun it just then"

    def test_and_is_alone_leaves_that_to_its_own_record(self) -> None:
        sale = fired()
        sale.relay("r2", here=False)
        report(sale, "waiting", until=START + 62 * SECOND)
        sale.advance(START + 62 * SECOND)
        sale.relay("r1", here=False)
        assert sale.state.deliveries["d1"].status == "held", "nobody else is given it"
        sale.advance(START + 67 * SECOND)
        sale.relay("r2")
        assert sale.state.deliveries["d1"].status == "unknown", "r2 cannot know whether r1 sent it"

    def test_and_comes_back_without_its_record_cannot_know_what_it_began(self) -> None:
        for record, status in (("same", "held"), ("other", "unknown"), ("", "unknown")):
            sale = fired()
            sale.relay("r2", here=False)
            sale.relay("r1", record="same")
            report(sale, "waiting", until=START + 62 * SECOND)
            sale.advance(START + 62 * SECOND)
            sale.relay("r1", here=False)
            sale.relay("r1", record=record)
            assert sale.state.deliveries["d1"].status == status, record

    def test_gives_what_it_said_to_wait_to_the_other_before_it_is_due_too(self) -> None:
        sale = announced()
        report(sale, "waiting", until=START + 2 * MINUTE)
        sale.advance(START + 61 * SECOND)
        sale.relay("r1", here=False)
        one = sale.state.deliveries["d1"]
        assert (one.relay, one.attempt, one.status) == ("r2", 2, "requested")

    def test_may_still_report_what_it_had(self) -> None:
        sale = announced()
        sale.relay("r1", here=False)
        sale.relay("r1")
        report(sale, "sent", attempt=1)
        assert sale.state.deliveries["d1"].status == "sent"

    def test_and_comes_back_serves_what_has_no_relay_that_is_here(self) -> None:
        sale = announced()
        sale.relay("r2", here=False)
        assert sale.state.deliveries["d3"].relay == "r2"
        sale.relay("r1", here=False)
        sale.relay("r2")
        assert sale.state.deliveries["d1"].relay == "r2"

    def test_and_had_reported_waiting_leaves_it_to_whoever_comes_first(self) -> None:
        sale = fired()
        sale.relay("r2", here=False)
        report(sale, "waiting", until=START + 2 * MINUTE)
        sale.relay("r1", here=False)
        assert sale.state.deliveries["d1"].status == "held"
        sale.relay("r2")
        one = sale.state.deliveries["d1"]
        assert (one.relay, one.attempt, one.status) == ("r2", 2, "requested")

    def test_and_stops_on_purpose_hands_back_what_it_has_not_begun_to_the_other_at_once(self) -> None:
        sale = fired()
        report(sale, "waiting", until=sale.now, back=True)
        one = sale.state.deliveries["d1"]
        assert (one.relay, one.attempt, one.status) == ("r2", 2, "requested")

    def test_and_stops_where_nobody_else_is_here_leaves_it_held_until_somebody_is(self) -> None:
        sale = fired()
        sale.relay("r2", here=False)
        report(sale, "waiting", until=sale.now, back=True)
        assert sale.state.deliveries["d1"].status == "held"
        sale.relay("r1", here=False)
        assert sale.state.deliveries["d1"].status == "held", "certainly not there: not unknown"
        sale.relay("r1")
        assert (sale.state.deliveries["d1"].relay, sale.state.deliveries["d1"].attempt) == ("r1", 1)


class TestWhatIsUnknownOfARelayThatComesBack:
    """Alone and cut off for longer than its lease, it had all of a first window told unknown for good, though it knew better."""

    def test_is_sent_in_time_where_its_record_says_that_it_has_not_left(self) -> None:
        sale = fired()
        sale.relay("r1", record="disk-1")
        sale.advance(START + 70 * SECOND)
        sale.relay("r1", here=False)
        assert sale.state.deliveries["d1"].status == "unknown"
        sale.advance(START + 80 * SECOND)
        sale.relay("r1", record="disk-1")
        report(sale, "waiting", until=sale.now)
        one = sale.state.deliveries["d1"]
        assert (one.status, one.relay, one.attempt) == ("held", "r1", 1)
        report(sale, "sent", sent_at=sale.now)
        assert sale.state.deliveries["d1"].status == "sent"

    def test_stays_unknown_whatever_another_process_says_of_it(self) -> None:
        sale = fired()
        sale.relay("r1", record="disk-1")
        sale.advance(START + 70 * SECOND)
        sale.relay("r1", here=False)
        sale.relay("r1", record="disk-2")
        for outcome in ("waiting", "expired", "rejected", "retry", "disabled"):
            assert report(sale, outcome) == {"again": True}
            assert sale.state.deliveries["d1"].status == "unknown", outcome
        sale.relay("r1", here=False)
        sale.relay("r1", record="disk-1")
        report(sale, "expired")
        assert sale.state.deliveries["d1"].status == "expired", "the first one is back, and knows"

    def test_is_taken_back_where_nobody_wants_it_any_more(self) -> None:
        sale = fired()
        sale.relay("r1", record="disk-1")
        sale.advance(START + 70 * SECOND)
        sale.relay("r1", here=False)
        sale.do("controller", "delivery.resolve", delivery="d1", choice="leave")
        sale.relay("r1", record="disk-1")
        report(sale, "waiting", until=sale.now)
        assert sale.state.deliveries["d1"].status == "withdrawn"

    def test_and_what_was_taken_back_unheard_is_known_to_have_stayed(self) -> None:
        sale = announced()
        sale.relay("r1", record="disk-1")
        sale.do("controller", "delivery.withdraw", delivery="d1")
        sale.advance(START + 62 * SECOND)
        sale.relay("r1", here=False)
        assert sale.state.deliveries["d1"].status == "unknown"
        sale.relay("r1", record="disk-1")
        report(sale, "waiting", until=sale.now)
        assert sale.state.deliveries["d1"].status == "withdrawn"

    @pytest.mark.parametrize("outcome", ["waiting", "retry", "awaiting"])
    def test_stays_away_whatever_is_said_of_what_was_taken_back_unheard(self, outcome: str) -> None:
        """The platform had asked to wait: the next attempt was asked for, and sent what the controller had withdrawn."""
        sale = announced()
        sale.relay("r1", record="disk-1")
        sale.do("controller", "delivery.withdraw", delivery="d1")
        sale.advance(START + 62 * SECOND)
        sale.relay("r1", here=False)
        sale.relay("r1", record="disk-1")
        report(sale, outcome)
        assert sale.state.deliveries["d1"].status == "withdrawn"

    @pytest.mark.parametrize("outcome", ["waiting", "retry", "awaiting"])
    @pytest.mark.parametrize("how", ["frozen", "dissolved"])
    def test_is_not_sent_into_a_group_that_was_closed_meanwhile(self, how: str, outcome: str) -> None:
        sale = fired()
        sale.relay("r1", record="disk-1")
        sale.advance(START + 70 * SECOND)
        sale.relay("r1", here=False)
        if how == "frozen":
            sale.do("controller", "group.freeze", group="g1")
        else:
            sale.do("r1", "group.observe", group="g1", what="dissolved")
        for kind, more in (("retry", {}), ("move", {"relay": "r2"}), ("resolve", {"choice": "resend"})):
            assert sale.refused("controller", f"delivery.{kind}", delivery="d1", **more) == "invalid"
        sale.relay("r1", record="disk-1")
        report(sale, outcome)
        assert sale.state.deliveries["d1"].status == "withdrawn"

    @pytest.mark.parametrize("how", ["delivery.withdraw", "group.freeze"])
    def test_is_not_sent_again_by_the_sales_policy_where_it_was_taken_back(self, how: str) -> None:
        sale = announced(unknown="resend")
        sale.do("controller", how, **({"delivery": "d1"} if how == "delivery.withdraw" else {"group": "g1"}))
        report(sale, "unknown")
        assert (sale.state.deliveries["d1"].status, sale.state.deliveries["d1"].attempt) == ("unknown", 1)

    def test_is_no_longer_its_own_once_another_was_asked(self) -> None:
        sale = fired()
        sale.relay("r1", record="disk-1")
        sale.advance(START + 62 * SECOND)
        sale.relay("r1", here=False)
        sale.do("controller", "delivery.resolve", delivery="d1", choice="resend")
        sale.relay("r1", record="disk-1")
        report(sale, "waiting", until=sale.now)
        one = sale.state.deliveries["d1"]
        assert (one.relay, one.attempt, one.status) == ("r2", 2, "requested")


def taken_back() -> Sale:
    """The drop of `announced`, held a second before its moment."""
    sale = announced()
    sale.do("controller", "cue.hold", cue="link")
    return sale


def release(sale: Sale) -> None:
    sale.do("controller", "cue.release", cue="link")


class TestWhatWasTakenBackFromARelay:
    """It may be cut off just then: it hears nothing, and sends while its lease lasts."""

    def test_stays_its_own_while_it_is_here_though_a_better_one_came_back(self) -> None:
        sale = announced()
        sale.relay("r1", here=False)
        sale.relay("r1")
        assert sale.state.deliveries["d1"].relay == "r2", "r1 comes first in the sheet, but r2 has it"
        sale.do("controller", "cue.hold", cue="link")
        release(sale)
        one = sale.state.deliveries["d1"]
        assert (one.relay, one.attempt, one.status) == ("r2", 3, "requested")

    def test_is_unknown_once_the_relay_has_gone_before_it_can_have_heard(self) -> None:
        sale = taken_back()
        sale.advance(START + 62 * SECOND)
        sale.relay("r1", here=False)
        assert sale.state.deliveries["d1"].status == "unknown"
        release(sale)
        assert sale.state.deliveries["d1"].attempt == 1, "what may be in the group is not sent to it again"
        assert sale.state.drops["drop1"].unknown == 2

    def test_is_unknown_though_it_was_asked_for_again_meanwhile(self) -> None:
        sale = taken_back()
        sale.advance(START + 61 * SECOND)
        release(sale)
        assert sale.state.deliveries["d1"].attempt == 2
        sale.relay("r1", here=False)
        one = sale.state.deliveries["d1"]
        assert (one.status, one.relay, one.attempt) == ("unknown", "r1", 2)

    def test_goes_to_another_where_the_relay_was_here_long_enough_to_have_heard(self) -> None:
        sale = taken_back()
        sale.advance(START + 75 * SECOND)
        sale.relay("r1", here=False)
        assert sale.state.deliveries["d1"].status == "withdrawn"
        release(sale)
        one = sale.state.deliveries["d1"]
        assert (one.relay, one.attempt, one.status) == ("r2", 2, "requested")

    def test_goes_to_another_where_its_moment_had_not_come(self) -> None:
        sale = taken_back()
        sale.relay("r1", here=False)
        assert sale.state.deliveries["d1"].status == "withdrawn", "without its lease it sends nothing from here on"
        release(sale)
        assert sale.state.deliveries["d1"].relay == "r2"

    def test_is_unknown_where_the_service_was_away_and_the_relay_never_came_back(self) -> None:
        sale = taken_back()
        sale.reopen(START + 200 * SECOND)
        sale.relay("r1", here=False)
        assert sale.state.deliveries["d1"].status == "unknown", (
            "the service died with the withdrawal, for all that is known"
        )


class TestAnotherProcessWithTheRelaysToken:
    """It has a record of its own: it cannot know what the first one sent."""

    def come(self, sale: Sale, record: str) -> None:
        sale.do("clock", "presence.relay", relay="r1", groups=["g1", "g2"], here=True, record=record)

    def test_is_told_nothing_of_what_was_due(self) -> None:
        sale = announced()
        self.come(sale, "first")
        sale.advance(START + 61 * SECOND)
        self.come(sale, "second")
        assert {d.status for d in sale.deliveries().values() if d.relay == "r1"} == {"unknown"}
        kinds = [str(e.__struct_config__.tag) for e in sale.events]
        assert kinds[-4:] == ["relay.left", "delivery.unknown", "delivery.unknown", "relay.joined"]
        assert sale.state.relays["r1"].record == "second"

    def test_gets_what_is_not_due_and_nobody_else_serves(self) -> None:
        sale = announced()
        self.come(sale, "first")
        self.come(sale, "second")
        two = sale.state.deliveries["d2"]
        assert (two.relay, two.status) == ("r1", "requested")

    def test_is_none_where_the_record_is_the_same_or_was_not_known(self) -> None:
        sale = announced()
        for _ in range(2):
            self.come(sale, "first")
            assert [str(e.__struct_config__.tag) for e in sale.events[-1:]] == ["relay.joined"]
        assert "relay.left" not in [str(e.__struct_config__.tag) for e in sale.events]
