"""Follow-ups: who is written to first, by one person, once in 24 hours, never at night, never those who asked for none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.core import Actor, Refusal, interest
from coordinator.core.quiet import quiet_until
from roles import streams, views
from tests.core.driver import HOUR, MINUTE, SECOND, START, Sale, segment, sheet

OTHER = Actor("support", "dan")
DAY = 24 * HOUR  # the sheets here start at 15:00 in Shanghai


def live(**more: Any) -> Sale:
    sale = Sale(sheet(segment(lasts="30h"), **more)).live()
    sale.do("clock", "presence.person", person="dan", role="support", here=True)
    return sale


def click(sale: Sale, member: str, times: int = 1) -> None:
    for link in ("pan", "knife", "room")[:times]:  # the same one counts once in a minute
        sale.do(Actor("audience", member), "link.click", link=link)


def order(sale: Sale, member: str, status: str = "placed", id_: str | None = None) -> None:
    sale.do("shop", "order.report", order=id_ or f"o-{member}", status=status, member=member, amount=100)


def ask(sale: Sale, member: str, text: str = "包邮吗") -> None:
    question = sale.do("r1", "question.raise", group="g1", member=member, text=text)["question"]
    sale.do("support", "question.answer", question=question, content="包邮")


def ranked(sale: Sale) -> list[str]:
    """Members in the order in which they are to be followed up."""
    open_ = [f for f in sale.state.followups.values() if interest.is_open(f)]
    return [f.member for f in sorted(open_, key=interest.place)]


def entry(sale: Sale, member: str) -> Any:
    found = interest.of(sale.state, member)
    assert found is not None
    return found


def take(sale: Sale, member: str, who: Any = "support") -> dict[str, Any]:
    return sale.do(who, "followup.take", followup=entry(sale, member).id)


class TestWho:
    def test_unpaid_orders_come_before_the_silent_before_clicks_before_preheat(self) -> None:
        sale = Sale(sheet(segment(lasts="3h")))
        for member in ("talker", "buyer"):
            sale.do("r1", "group.observe", group="g1", what="message", member=member, text="期待")
        sale.do("r1", "group.observe", group="g1", what="liked", member="liker")
        sale.live()
        click(sale, "once")
        click(sale, "twice", 2)
        ask(sale, "silent")
        order(sale, "unpaid")
        order(sale, "buyer", "paid")
        assert ranked(sale) == ["unpaid", "silent", "twice", "once", "talker", "liker"]
        assert [entry(sale, m).reason for m in ranked(sale)] == [
            "unpaid", "asked", "clicked_again", "clicked", "preheat", "preheat",
        ]  # fmt: skip

    def test_of_equals_who_has_waited_longest_comes_first(self) -> None:
        sale = live()
        for member in ("a", "b"):
            order(sale, member)
            sale.advance(sale.now + SECOND)
        assert ranked(sale) == ["a", "b"]

    def test_who_speaks_after_the_answer_is_not_silent(self) -> None:
        sale = live()
        ask(sale, "m1")
        sale.do("r1", "group.observe", group="g1", what="message", member="m1", text="谢谢")
        assert ranked(sale) == []

    def test_who_asks_and_is_answered_in_another_group_only_is_not_on_the_list(self) -> None:
        sale = live()
        sale.do("r1", "question.raise", group="g1", member="m1", text="包邮吗")
        sale.do("r1", "question.raise", group="g2", member="m2", text="包邮吗")
        sale.do("support", "question.answer", question="q1", content="包邮", to="g2")
        assert ranked(sale) == ["m2"]

    @pytest.mark.parametrize("status", ["paid", "cancelled", "refunded"])
    def test_an_order_that_is_paid_or_called_off_is_not_followed_up(self, status: str) -> None:
        sale = live()
        order(sale, "m1")
        order(sale, "m1", status)
        assert ranked(sale) == []

    def test_who_has_paid_is_followed_up_for_an_unpaid_order_alone(self) -> None:
        sale = live()
        order(sale, "m1", "paid")
        click(sale, "m1", 3)
        ask(sale, "m1")
        assert ranked(sale) == []
        order(sale, "m1", "placed", "o2")
        assert ranked(sale) == ["m1"]

    def test_staff_is_not_followed_up(self) -> None:
        sale = Sale()
        sale.do("r1", "group.observe", group="g1", what="message", member="m1", staff="mei", text="热闹")
        assert ranked(sale) == []


class TestOneOwner:
    def test_one_person_has_it_and_when_the_lease_is_over_another_may(self) -> None:
        sale = live()
        order(sale, "m1")
        sale.advance(START + 10 * MINUTE)
        assert take(sale, "m1") == {"followup": "f1", "until": START + 20 * MINUTE}
        assert sale.refused(OTHER, "followup.take", followup="f1") == "stale"
        assert sale.refused(OTHER, "followup.message", followup="f1") == "stale"
        sale.advance(START + 20 * MINUTE)
        assert [(e.why, e.person) for e in sale.of("followup.released")] == [("lease", "chen")]
        take(sale, "m1", OTHER)

    def test_who_has_sent_the_message_keeps_it_until_it_is_closed(self) -> None:
        sale = live()
        order(sale, "m1")
        sale.advance(START + 10 * MINUTE)
        take(sale, "m1")
        sale.do("support", "followup.message", followup="f1")
        sale.advance(START + 5 * HOUR)
        assert entry(sale, "m1").owner == "chen"
        assert sale.refused(OTHER, "followup.close", followup="f1", outcome="bought") == "stale"
        sale.do("support", "followup.close", followup="f1", outcome="will_buy", reason="明天发工资")
        assert (entry(sale, "m1").status, entry(sale, "m1").outcome) == ("closed", "will_buy")
        assert sale.refused("support", "followup.close", followup="f1", outcome="bought") == "stale"
        assert sale.refused("support", "followup.take", followup="f1") == "stale"

    def test_a_closed_one_is_open_again_with_another_order(self) -> None:
        sale = live()
        order(sale, "m1")
        sale.advance(START + 10 * MINUTE)
        take(sale, "m1")
        sale.do("support", "followup.close", followup="f1", outcome="not_sent")
        click(sale, "m1", 2)
        assert ranked(sale) == []
        sale.advance(START + 20 * MINUTE)
        order(sale, "m1", "placed", "o2")
        assert ranked(sale) == ["m1"]

    def test_what_was_paid_meanwhile_is_not_written_about(self) -> None:
        sale = live()
        order(sale, "m1")
        sale.advance(START + 10 * MINUTE)
        take(sale, "m1")
        order(sale, "m1", "paid")
        assert sale.refused("support", "followup.message", followup="f1") == "too_late"

    def test_a_shift_hands_over_what_it_has(self) -> None:
        sale = live()
        for member in ("m1", "m2"):
            order(sale, member)
        sale.advance(START + 10 * MINUTE)
        for member in ("m1", "m2"):
            take(sale, member)
        sale.do("support", "followup.message", followup="f1")
        assert sale.do("support", "shift.hand", to="dan")["followups"] == ["f1", "f2"]
        assert [(f.owner, f.status) for f in sale.state.followups.values()] == [("dan", "messaged"), ("dan", "taken")]
        sale.do(OTHER, "shift.hand", to="support")
        assert [(f.owner, f.status) for f in sale.state.followups.values()] == [("dan", "messaged"), (None, "open")]


class TestCaps:
    def refusal(self, sale: Sale, member: str = "m1") -> dict[str, Any]:
        with pytest.raises(Refusal) as refused:
            take(sale, member)
        assert refused.value.code == "capped"
        return dict(refused.value.details or {})

    def test_who_may_still_do_it_alone_is_left_alone_for_ten_minutes(self) -> None:
        sale = live()
        order(sale, "m1")
        assert self.refusal(sale) == {"until": START + 10 * MINUTE, "why": "after"}

    def test_at_most_one_message_in_24_hours(self) -> None:
        sale = live()
        order(sale, "m1")
        sale.advance(START + 10 * MINUTE)
        take(sale, "m1")
        sale.do("support", "followup.message", followup="f1")
        sale.do("support", "followup.close", followup="f1", outcome="no_answer")
        sale.advance(START + 30 * MINUTE)
        order(sale, "m1", "placed", "o2")
        sale.advance(START + 6 * HOUR)
        assert self.refusal(sale) == {"until": START + DAY + 10 * MINUTE, "why": "every"}
        sale.advance(START + DAY + 10 * MINUTE)
        take(sale, "m1")

    def test_none_from_22_to_8_and_the_refusal_says_when(self) -> None:
        sale = live()
        order(sale, "m1")
        sale.advance(START + 7 * HOUR - 1)
        take(sale, "m1")
        sale.advance(START + 7 * HOUR)
        assert sale.refused("support", "followup.message", followup="f1") == "capped"
        sale.advance(START + 8 * HOUR)
        assert self.refusal(sale) == {"until": START + 17 * HOUR, "why": "quiet"}
        sale.advance(START + 17 * HOUR)
        take(sale, "m1")

    def test_none_to_those_who_asked_for_none(self) -> None:
        sale = live()
        for member in ("m1", "m2"):
            order(sale, member)
        sale.advance(START + 10 * MINUTE)
        take(sale, "m1")
        sale.do("support", "member.optout", followup="f1")
        assert sale.do("r1", "member.optout", member="m1") == {"again": True}
        assert sale.refused("support", "followup.message", followup="f1") == "forbidden"
        sale.do(Actor("audience", "m2"), "member.optout")
        assert sale.refused("support", "followup.take", followup="f2") == "forbidden"
        assert sale.refused(Actor("audience", "m3"), "member.optout", member="m4") == "forbidden"
        order(sale, "m1", "placed", "o9")
        assert ranked(sale) == []

    def test_who_asked_for_none_is_written_to_again_by_their_own_word_or_by_support_with_a_reason(self) -> None:
        sale = live()
        for member in ("m1", "m2", "m3"):
            order(sale, member)
            sale.do("r1", "member.optout", member=member)
        assert ranked(sale) == []
        sale.advance(START + 10 * MINUTE)
        assert sale.refused("support", "member.optin", followup="f1") == "invalid"
        assert sale.refused("support", "member.optin", followup="f1", reason=" ") == "invalid"
        sale.do("support", "member.optin", followup="f1", reason="在群里说要补货通知")
        assert sale.do("support", "member.optin", followup="f1", reason="再说一次") == {"again": True}
        assert sale.refused(Actor("audience", "m9"), "member.optin", member="m2") == "forbidden"
        sale.do(Actor("audience", "m2"), "member.optin")
        sale.do("r1", "member.optin", member="m3")
        assert [(e.member, e.reason) for e in sale.of("member.opted_in")] == [
            ("m1", "在群里说要补货通知"), ("m2", None), ("m3", None),
        ]  # fmt: skip
        assert ranked(sale) == ["m1", "m2", "m3"]
        take(sale, "m1")
        sale.do("support", "followup.message", followup="f1")
        sale.do("r1", "member.optout", member="m1")
        sale.do("r1", "member.optin", member="m1")
        assert sale.refused("support", "followup.message", followup="f1") == "capped"  # the 24 hours are not lifted

    def test_they_hold_over_all_pseudonyms_of_a_person(self) -> None:
        sale = live()
        order(sale, "m1")
        sale.advance(START + 10 * MINUTE)
        take(sale, "m1")
        sale.do("support", "followup.message", followup="f1")
        sale.do("support", "followup.close", followup="f1", outcome="no_answer")
        sale.advance(START + 20 * MINUTE)
        click(sale, "phone", 2)
        sale.do("r1", "member.link", a="phone", b="m1")
        order(sale, "phone", "placed", "o2")
        sale.advance(START + 40 * MINUTE)
        assert len(sale.state.followups) == 1
        assert self.refusal(sale, "phone")["why"] == "every"
        sale.do("r1", "member.optout", member="m9")
        sale.do("r1", "member.link", a="m1", b="m9")
        assert entry(sale, "phone").optout

    def test_the_sheet_has_its_own(self) -> None:
        sale = live(followup={"after": "1m", "every": "2h", "lease": "5m", "quiet": "none"})
        order(sale, "m1")
        sale.advance(START + MINUTE)
        take(sale, "m1")
        sale.do("support", "followup.message", followup="f1")
        sale.do("support", "followup.close", followup="f1", outcome="no_answer")
        sale.advance(START + 8 * HOUR)
        order(sale, "m1", "placed", "o2")
        sale.advance(START + 8 * HOUR + MINUTE)
        take(sale, "m1")


class TestNights:
    def nights(self, zone: str, start: str, quiet: str = "22:00-08:00") -> Any:
        return Sale(
            sheet(segment(), timezone=zone, start=start, followup={"quiet": quiet}), check=False
        ).plan.followup.quiet

    @pytest.mark.parametrize(
        ("zone", "start"),
        [
            ("Asia/Shanghai", "2026-11-11 20:00"), ("Europe/Berlin", "2026-10-25 20:00"), ("America/New_York", "2027-03-14 20:00"),
            ("Australia/Lord_Howe", "2026-10-03 20:00"), ("Asia/Kathmandu", "2026-11-11 20:00"),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("quiet", ["22:00-08:00", "01:30-03:00", "13:00-14:00"])
    def test_are_by_the_clock_on_the_sales_wall_over_a_change_of_time(self, zone: str, start: str, quiet: str) -> None:
        nights = self.nights(zone, start, quiet)
        first = int(datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000) - 2 * DAY
        begin, end = quiet.split("-")
        for at in range(first, first + 5 * DAY, 10 * MINUTE):
            shown = datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(zone)).strftime("%H:%M")
            wanted = begin <= shown < end if begin < end else shown >= begin or shown < end
            if quiet == "01:30-03:00" and shown < "04:00":
                continue  # an hour that comes twice is quiet from its first to its last
            assert (quiet_until(nights, at) is not None) == wanted, f"{shown} in {zone}"

    def test_end_when_the_clock_shows_their_end(self) -> None:
        nights = self.nights("Europe/Berlin", "2026-10-24 20:00")
        at = int(datetime(2026, 10, 24, 23, 0, tzinfo=ZoneInfo("Europe/Berlin")).timestamp() * 1000)
        until = quiet_until(nights, at)
        assert until is not None
        assert until - at == 10 * HOUR, "that night has an hour more"

    def test_go_on_as_on_the_last_one_long_after_the_sale(self) -> None:
        nights = self.nights("Asia/Shanghai", "2026-11-11 20:00")
        noon = int(datetime(2028, 5, 5, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp() * 1000)
        assert [quiet_until(nights, noon + h * HOUR) is not None for h in (-5, -4, 0, 9, 10, 15)] == [
            True, False, False, False, True, True,
        ]  # fmt: skip
        assert quiet_until(nights, noon - 700 * DAY) is None
        assert quiet_until(nights, noon - 700 * DAY + 11 * HOUR) == noon - 700 * DAY + 20 * HOUR
        assert quiet_until((), noon + 12 * HOUR) is None


class TestTheList:
    def test_holds_the_first_and_fills_up_from_the_rest(self) -> None:
        sale = Sale(sheet(segment(lasts="3h")), check=False).live()
        for n in range(interest.LISTED + 5):
            click(sale, f"m{n}")
        order(sale, "late")
        assert len(sale.state.listed) == interest.LISTED
        assert entry(sale, "late").id in sale.state.listed
        assert entry(sale, f"m{interest.LISTED - 1}").id not in sale.state.listed
        order(sale, "m0", "paid")
        assert entry(sale, f"m{interest.LISTED - 1}").id in sale.state.listed
        sale.check()

    def test_support_sees_no_pseudonym_whole_and_the_host_sees_nothing(self) -> None:
        sale = live()
        order(sale, "wx1234567890")
        forms = list(views.forms(sale.state, "followups", "f1"))
        seen = {
            role: next((f for to, f in forms if not streams.listens_to(a, sale.state, ahead=True).isdisjoint(to)), None)
            for role, a in (
                ("support", OTHER),
                ("host", Actor("host", "lin")),
                ("controller", Actor("controller", "li")),
            )
        }
        assert seen["host"] is None
        assert (seen["support"].member, seen["controller"].member) == ("wx1234…", "wx1234567890")


class TestReveals:
    def test_each_is_an_event_with_who_and_why(self) -> None:
        sale = live()
        order(sale, "m1")
        assert sale.do("support", "member.reveal", followup="f1", why="催付") == {"member": "m1"}
        assert sale.do("support", "member.reveal", order="o-m1", why="催付") == {"member": "m1"}
        assert sale.do("support", "member.reveal", member="m7", why="回电") == {"member": "m7"}
        assert [(e.member, e.person, e.why) for e in sale.of("member.revealed")] == [
            ("m1", "chen", "催付"), ("m1", "chen", "催付"), ("m7", "chen", "回电"),
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"why": "x"}, "invalid"),
            ({"member": "m1", "followup": "f1", "why": "x"}, "invalid"),
            ({"member": "m1", "why": " "}, "invalid"),
            ({"followup": "f9", "why": "x"}, "unknown"),
            ({"order": "o9", "why": "x"}, "unknown"),
        ],
    )
    def test_one_member_at_a_time_with_a_reason(self, fields: dict[str, Any], code: str) -> None:
        assert live().refused("support", "member.reveal", **fields) == code


MEMBERS = ("a", "b", "c", "d")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["click", "order", "pay", "ask", "speak", "take", "take", "message", "message", "close", "wait", "wait", "link", "optout", "hand"]
        ),
        st.integers(0, 3),
        st.integers(0, 3),
    ),
    max_size=60,
)  # fmt: skip


@given(STEPS)
@settings(max_examples=120)
def test_whatever_happens_nobody_is_written_to_too_often_or_at_night_or_against_their_will(
    steps: list[tuple[str, int, int]],
) -> None:
    sale = Sale(sheet(segment(lasts="30h")), check=False).live()
    sale.do("clock", "presence.person", person="dan", role="support", here=True)
    sent: list[tuple[str, int]] = []
    for name, n, k in steps:
        member, who = MEMBERS[n], ("support", OTHER)[k % 2]
        ids = list(sale.state.followups)
        fields: dict[str, Any] = {"followup": ids[n % len(ids)]} if ids else {"followup": "f1"}
        asked_for_none = set(sale.state.optouts)
        try:
            match name:
                case "click":
                    click(sale, member)
                case "order" | "pay":
                    order(sale, member, "paid" if name == "pay" else "placed", f"o{n}{k}")
                case "ask":
                    ask(sale, member, f"问 {k}")
                case "speak":
                    sale.do("r1", "group.observe", group="g1", what="message", member=member, text="好")
                case "wait":
                    sale.advance(sale.now + (MINUTE, 11 * MINUTE, 3 * HOUR, 9 * HOUR)[k])
                case "link":
                    sale.do("r1", "member.link", a=member, b=MEMBERS[k])
                case "optout":
                    if k == 0:
                        sale.do("r1", "member.optout", member=member)
                case "hand":
                    sale.do(who, "shift.hand", to=("dan", "chen", "support")[k % 3])
                case "close":
                    sale.do(who, "followup.close", outcome="no_answer", **fields)
                case _:
                    sale.do(who, f"followup.{name}", **fields)
                    if name == "message":
                        person = sale.state.followups[fields["followup"]].member
                        assert person not in asked_for_none
                        sent.append((person, sale.now))
        except Refusal:
            pass
        owners = [f.owner for f in sale.state.followups.values() if f.status in interest.WORKED_ON]
        assert None not in owners
        opened = {f.id for f in sale.state.followups.values() if interest.is_open(f)}
        assert sale.state.open_followups == opened == sale.state.listed
        assert sale.state.figures["sale"].followups == len(opened)
    sale.check()
    for person, at in sent:
        hour = datetime.fromtimestamp(at / 1000, ZoneInfo("Asia/Shanghai")).hour
        assert 8 <= hour < 22, "at night"
        same = [t for p, t in sent if p == person and t != at]
        assert all(abs(t - at) >= DAY for t in same), "twice within a day"
