"""Posters: people who post by hand. What they were given waits for them, whatever their phone does."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.core import Actor, Refusal
from coordinator.core.deliveries import LeftOpen
from tests.core.driver import MINUTE, SECOND, SHEET, START, Sale, segment, sheet
from tests.core.test_deliveries import LINK

QUN, HUI = Actor("poster", "qun"), Actor("poster", "hui")
TEAM = [*SHEET["team"], {"person": "qun", "role": "poster"}, {"person": "hui", "role": "poster"}]
GROUPS = [
    {"id": "g1", "name": "邻居群", "relay": ["qun", "hui"], "members": 10},
    {"id": "g2", "name": "会员 2 群", "tier": "member", "relay": "r1", "members": 20},
    {"id": "g3", "name": "朋友圈", "tier": "moments", "relay": "qun"},
]


def by_hand(**more: Any) -> Sale:
    """A drop at +1m, half a minute before it: d1 (g1) and d3 (g3) are qun's, d2 is r1's. Nobody has opened the page."""
    cue = {**LINK, "late": "fire within 10m", **more.pop("cue", {})}
    sale = Sale(sheet(segment(cue, lasts="30m"), team=TEAM, groups=GROUPS, **more), relays=False)
    sale.do("clock", "presence.relay", relay="r1", groups=["g2"], here=True)
    return sale.live()


def phone(sale: Sale, who: Actor, *, here: bool = True, groups: tuple[str, ...] = ("g1", "g3")) -> None:
    groups = groups if who is QUN else ("g1",)
    sale.do("clock", "presence.relay", relay=who.name, groups=list(groups), here=here, hands=True)


def given(**more: Any) -> Sale:
    sale = by_hand(**more)
    sale.advance(START + 59 * SECOND)
    return sale


def report(sale: Sale, outcome: str, who: Actor = QUN, delivery: str = "d1", attempt: int = 1, **more: Any) -> Any:
    return sale.do(who, "delivery.report", delivery=delivery, attempt=attempt, outcome=outcome, **more)


class TestWhatAPosterIsGiven:
    def test_awaits_them_at_once_though_they_never_opened_the_page(self) -> None:
        sale = given()
        one, two, three = (sale.state.deliveries[f"d{n}"] for n in (1, 2, 3))
        assert [(d.relay, d.status, d.hands) for d in (one, two, three)] == [
            ("qun", "awaiting", True), ("r1", "requested", False), ("qun", "awaiting", True),
        ]  # fmt: skip

    def test_is_sent_when_they_say_so_with_what_they_show_for_it(self) -> None:
        sale = given()
        sale.advance(START + 75 * SECOND)
        report(sale, "sent", proof="截图在群相册", sent_at=START + 70 * SECOND)
        one = sale.state.deliveries["d1"]
        assert (one.status, one.sent_at, one.proof) == ("sent", START + 70 * SECOND, "截图在群相册")
        assert report(sale, "sent") == {"again": True}, "the second phone pressed too"

    def test_failed_when_they_cannot_with_the_reason(self) -> None:
        sale = given()
        report(sale, "disabled", why="被移出群了")
        one = sale.state.deliveries["d1"]
        assert (one.status, one.why) == ("failed", "被移出群了")

    def test_stays_theirs_while_the_phone_is_away(self) -> None:
        sale = given()
        phone(sale, QUN)
        phone(sale, HUI)
        phone(sale, QUN, here=False)
        sale.advance(START + 3 * MINUTE)
        one = sale.state.deliveries["d1"]
        assert (one.relay, one.attempt, one.status) == ("qun", 1, "awaiting")
        assert not sale.of("delivery.unknown")

    def test_expires_when_its_time_is_over_and_is_sent_if_they_had_posted_it_after_all(self) -> None:
        sale = given()
        sale.advance(START + 12 * MINUTE)
        one = sale.state.deliveries["d1"]
        assert (one.status, one.why) == ("expired", "qun has not posted it in time")
        report(sale, "sent", sent_at=START + 2 * MINUTE)
        assert sale.state.deliveries["d1"].status == "sent"

    def test_that_is_taken_back_while_the_phone_was_away_is_withdrawn_and_not_unknown(self) -> None:
        sale = given()
        phone(sale, QUN)
        sale.do("controller", "cue.hold", cue="link")
        sale.advance(START + 65 * SECOND)
        phone(sale, QUN, here=False)
        assert sale.state.deliveries["d1"].status == "withdrawn"
        report(sale, "sent")
        one = sale.state.deliveries["d1"]
        assert (one.status, one.left_late) == ("sent", True), "it left before it could be withdrawn"

    def test_is_rendered_anew_for_the_same_person_when_the_price_changes(self) -> None:
        sale = given(cue={"link": None, "product": "pan", "text": "{price} {link}"})
        sale.do("controller", "product.reprice", product="pan", price=9900)
        one = sale.state.deliveries["d1"]
        assert (one.relay, one.attempt, one.status, one.hands) == ("qun", 2, "awaiting", True)


class TestWhatIsSaidOfItAfterItWasSent:
    def test_a_proof_from_the_second_phone_is_kept(self) -> None:
        """The first phone said "posted", the screenshot was on the second: it was answered `again`, and lost."""
        sale = given()
        report(sale, "sent", sent_at=START + 61 * SECOND)
        assert report(sale, "sent", proof="截图在群相册", sent_at=START + 90 * SECOND) == {"again": True}
        one = sale.state.deliveries["d1"]
        assert (one.proof, one.sent_at, one.further) == ("截图在群相册", START + 61 * SECOND, ())
        assert sale.of("delivery.proved")[-1].relay == "qun"
        assert len(sale.of("delivery.sent")) == 1, "it was posted once"

    def test_a_proof_is_kept_whoever_of_the_groups_posters_has_it_and_beside_the_first(self) -> None:
        sale = given()
        report(sale, "sent", proof="一")
        report(sale, "sent", HUI, proof="二")
        report(sale, "sent", proof="一")
        one = sale.state.deliveries["d1"]
        assert one.proof == "一"
        assert [(more.relay, more.sent_at, more.proof) for more in one.further] == [("hui", None, "二")]

    def test_but_nobody_else_shows_or_says_anything_of_it(self) -> None:
        sale = given()
        report(sale, "sent", delivery="d3")
        for who, delivery, more in ((HUI, "d3", {"proof": "x"}), (HUI, "d1", {"proof": "x"}), (HUI, "d1", {})):
            with pytest.raises(Refusal) as refused:
                report(sale, "sent", who, delivery, **more)
            assert refused.value.code == "forbidden"

    @pytest.mark.parametrize("reported_first", ["hui", "qun"])
    def test_of_two_who_posted_it_the_first_told_stands_and_the_second_is_told_who_it_was(
        self, reported_first: str
    ) -> None:
        """qun's phone had no line; hui took it over. The late report took hui's time and proof away, or was not kept."""
        sale = given()
        sale.do(HUI, "delivery.hand", delivery="d1")
        both: dict[str, dict[str, Any]] = {
            "qun": {"who": QUN, "attempt": 1, "sent_at": START + 60 * SECOND, "proof": "群里的"},
            "hui": {"who": HUI, "attempt": 2, "sent_at": START + 65 * SECOND, "proof": "惠的"},
        }
        sale.advance(START + 70 * SECOND)
        first = both.pop(reported_first)
        assert not report(sale, "sent", **first)
        [second] = both.values()
        by = {"again": True, "by": reported_first, "sent_at": first["sent_at"]}
        assert report(sale, "sent", **second) == by
        one = sale.state.deliveries["d1"]
        assert (one.sent_by, one.sent_at, one.proof) == (reported_first, first["sent_at"], first["proof"])
        [also] = one.further
        assert (also.relay, also.sent_at, also.proof) == (second["who"].name, second["sent_at"], second["proof"])
        assert report(sale, "sent", **second) == {"again": True}, "said once more it is the same"
        assert [e.again for e in sale.of("delivery.sent")] == [False, True]

    def test_no_phone_fills_the_record(self) -> None:
        sale = given()
        for n in range(50):
            report(sale, "sent", proof=f"第 {n} 张")
        assert len(sale.state.deliveries["d1"].further) == 20


class TestATaskThatIsTakenAwayFromAMachinesPlatform:
    """A customer group's task lies with an employee at WeCom; whoever takes it over must know that it is open there."""

    def left_to_a_person(self) -> Sale:
        groups = [{"id": "g1", "name": "邻居群", "relay": ["r1", "qun"], "members": 10}]
        sale = Sale(sheet(segment({**LINK, "late": "fire within 10m"}, lasts="30m"), team=TEAM, groups=groups)).live()
        sale.advance(START + 59 * SECOND)
        self.says(sale, "awaiting", platform_id="msg1")
        return sale

    def says(self, sale: Sale, outcome: str, attempt: int = 1, **more: Any) -> None:
        sale.do("r1", "delivery.report", delivery="d1", attempt=attempt, outcome=outcome, **more)

    @pytest.mark.parametrize("taken", ["handed", "withdrawn"])
    def test_is_shown_as_open_there_until_the_relay_says_that_it_is_taken_back(self, taken: str) -> None:
        sale = self.left_to_a_person()
        if taken == "handed":
            sale.do(QUN, "delivery.hand", delivery="d1")
        else:
            sale.do("controller", "delivery.withdraw", delivery="d1")
        one = sale.state.deliveries["d1"]
        status = one.status
        assert one.left_open == LeftOpen(relay="r1", attempt=1)
        self.says(sale, "awaiting", platform_id="msg1", why="zhangsan has it still")
        one = sale.state.deliveries["d1"]
        assert (one.left_open, one.status) == (
            LeftOpen(relay="r1", attempt=1, why="zhangsan has it still"), status,
        )  # fmt: skip
        self.says(sale, "rejected", why="the task was taken back")
        one = sale.state.deliveries["d1"]
        assert (one.left_open, one.status) == (None, status)

    def test_that_was_confirmed_there_after_all_is_posted_twice_and_says_so(self) -> None:
        sale = self.left_to_a_person()
        sale.do(QUN, "delivery.hand", delivery="d1")
        report(sale, "sent", attempt=2, sent_at=START + 70 * SECOND)
        self.says(sale, "sent", sent_at=START + 80 * SECOND)
        one = sale.state.deliveries["d1"]
        assert (one.sent_by, one.left_open) == ("qun", None)
        assert [(more.relay, more.sent_at) for more in one.further] == [("r1", START + 80 * SECOND)]

    def test_that_came_to_be_while_it_was_taken_away_is_open_too(self) -> None:
        groups = [{"id": "g1", "name": "邻居群", "relay": ["r1", "qun"], "members": 10}]
        sale = Sale(sheet(segment({**LINK, "late": "fire within 10m"}, lasts="30m"), team=TEAM, groups=groups)).live()
        sale.advance(START + 59 * SECOND)
        sale.do("controller", "delivery.withdraw", delivery="d1")
        self.says(sale, "awaiting", platform_id="msg1", why="zhangsan has to confirm it")
        assert sale.state.deliveries["d1"].left_open is not None

    def test_of_a_text_that_was_made_anew_is_open_though_the_same_relay_has_the_new_one(self) -> None:
        groups = [{"id": "g1", "name": "邻居群", "relay": "r1", "members": 10}]
        cue = {**LINK, "link": None, "product": "pan", "text": "{price} {link}", "late": "fire within 10m"}
        sale = Sale(sheet(segment(cue, lasts="30m"), team=TEAM, groups=groups)).live()
        sale.advance(START + 59 * SECOND)
        self.says(sale, "awaiting", platform_id="msg1")
        sale.do("controller", "product.reprice", product="pan", price=9900)
        self.says(sale, "awaiting", attempt=2, platform_id="msg2")
        assert sale.state.deliveries["d1"].left_open == LeftOpen(relay="r1", attempt=1)
        self.says(sale, "rejected", why="the task was taken back")
        one = sale.state.deliveries["d1"]
        assert (one.left_open, one.status, one.platform_id) == (None, "awaiting", "msg2")

    def test_nothing_is_open_where_the_platform_was_given_nothing(self) -> None:
        groups = [{"id": "g1", "name": "邻居群", "relay": ["r1", "qun"], "members": 10}]
        sale = Sale(sheet(segment({**LINK, "late": "fire within 10m"}, lasts="30m"), team=TEAM, groups=groups)).live()
        sale.advance(START + 59 * SECOND)
        self.says(sale, "awaiting")
        sale.do(QUN, "delivery.hand", delivery="d1")
        assert sale.state.deliveries["d1"].left_open is None


def test_a_poster_who_is_not_in_the_team_is_known_as_one_from_their_coming_on() -> None:
    team = [*SHEET["team"], {"person": "hui", "role": "poster"}]
    sale = Sale(
        sheet(segment({**LINK, "late": "fire within 10m"}, lasts="30m"), team=team, groups=GROUPS), relays=False
    ).live()
    sale.advance(START + 59 * SECOND)
    assert sale.state.deliveries["d1"].status == "requested"
    phone(sale, QUN)
    one = sale.state.deliveries["d1"]
    assert (one.relay, one.attempt, one.status) == ("qun", 2, "awaiting")


def test_a_poster_counts_as_ready_once_they_had_the_page_open() -> None:
    sale = by_hand()
    assert not sale.state.people["poster:qun"].ready
    phone(sale, QUN)
    phone(sale, QUN, here=False)
    who = sale.state.people["poster:qun"]
    assert (who.here, who.ready) == (False, True)
    assert "relay:qun" not in sale.state.people


class TestOneWhoIsReminded:
    def test_the_controller_is_told_once_of_what_nobody_has_posted_a_minute_after_its_time(self) -> None:
        sale = given()
        sale.advance(START + 2 * MINUTE - SECOND)
        assert not sale.of("delivery.reminded")
        sale.advance(START + 5 * MINUTE)
        assert [(e.delivery, e.at - START) for e in sale.of("delivery.reminded")] == [
            ("d1", 2 * MINUTE), ("d3", 2 * MINUTE),
        ]  # fmt: skip
        told = [e.text for e in sale.of("prompt.sent") if e.to == "controller"]
        assert len(told) == 1
        assert "qun 还有 2 个群没发: 邻居群, 朋友圈" in told[0]

    def test_nobody_is_reminded_of_what_was_posted_taken_back_or_left_to_a_machine(self) -> None:
        sale = given()
        report(sale, "sent")
        sale.do("controller", "delivery.withdraw", delivery="d3")
        sale.advance(START + 5 * MINUTE)
        assert not sale.of("delivery.reminded")

    def test_the_sheet_says_when(self) -> None:
        sale = given(posters={"remind": "3m"})
        sale.advance(START + 4 * MINUTE - SECOND)
        assert not sale.of("delivery.reminded")
        sale.advance(START + 4 * MINUTE)
        assert len(sale.of("delivery.reminded")) == 2


class TestTwoPostersOfOneGroup:
    def test_the_first_has_it_while_nobody_is_here_else_who_is(self) -> None:
        assert given().state.deliveries["d1"].relay == "qun"
        sale = by_hand()
        phone(sale, HUI)
        sale.advance(START + 59 * SECOND)
        assert sale.state.deliveries["d1"].relay == "hui"

    def test_the_other_takes_it_over_and_the_first_is_told_so_late(self) -> None:
        sale = given()
        sale.do(HUI, "delivery.hand", delivery="d1")
        one = sale.state.deliveries["d1"]
        assert (one.relay, one.attempt, one.status) == ("hui", 2, "awaiting")
        report(sale, "sent", QUN, attempt=1)
        assert sale.state.deliveries["d1"].status == "sent"
        assert sale.of("delivery.withdrawn")[-1].relay == "hui", "hui is told that the group has it"

    def test_of_two_who_take_it_in_one_blink_one_has_it(self) -> None:
        """Both would have posted it: the second took it from the first, who knew nothing of it."""
        sale = given()
        report(sale, "rejected", why="手机没电")
        sale.do(HUI, "delivery.hand", from_="1", delivery="d1")
        assert sale.refused(QUN, "delivery.hand", from_="1", delivery="d1") == "stale"
        assert sale.state.deliveries["d1"].relay == "hui"

    def test_one_hands_it_to_the_other(self) -> None:
        sale = given()
        sale.do(QUN, "delivery.hand", delivery="d1", to="hui")
        assert sale.state.deliveries["d1"].relay == "hui"

    def test_what_one_could_not_post_the_other_takes(self) -> None:
        sale = given()
        report(sale, "rejected", why="手机没电")
        sale.do(HUI, "delivery.hand", delivery="d1")
        assert (sale.state.deliveries["d1"].relay, sale.state.deliveries["d1"].status) == ("hui", "awaiting")

    @pytest.mark.parametrize(
        ("who", "fields", "code"),
        [
            (HUI, {"delivery": "d3"}, "forbidden"),
            (QUN, {"delivery": "d3", "to": "hui"}, "invalid"),
            (QUN, {"delivery": "d1", "to": "r1"}, "unknown"),
            (QUN, {"delivery": "d9"}, "unknown"),
            (QUN, {"delivery": "d2"}, "forbidden"),
        ],
    )
    def test_it_goes_only_to_who_posts_there(self, who: Actor, fields: dict[str, Any], code: str) -> None:
        sale = given()
        with pytest.raises(Refusal) as refused:
            sale.do(who, "delivery.hand", **fields)
        assert refused.value.code == code

    def test_not_what_is_posted_or_taken_back(self) -> None:
        sale = given()
        report(sale, "sent")
        for delivery in ("d1", "d3"):
            if delivery == "d3":
                sale.do("controller", "show.halt", reason="x")
            with pytest.raises(Refusal) as refused:
                sale.do(QUN, "delivery.hand", delivery=delivery)
            assert refused.value.code == "too_late"


def test_what_a_machine_left_to_a_person_a_poster_of_the_group_takes_over() -> None:
    groups = [{"id": "g1", "name": "邻居群", "relay": ["r1", "qun"], "members": 10}]
    sale = Sale(sheet(segment({**LINK, "late": "fire within 10m"}, lasts="30m"), team=TEAM, groups=groups)).live()
    sale.advance(START + 59 * SECOND)
    sale.do("r1", "delivery.report", delivery="d1", attempt=1, outcome="awaiting")
    sale.do(QUN, "delivery.hand", delivery="d1")
    one = sale.state.deliveries["d1"]
    assert (one.relay, one.status, one.hands) == ("qun", "awaiting", True)


def test_the_controller_is_told_too_of_what_a_machine_left_to_a_person() -> None:
    sale = Sale(sheet(segment({**LINK, "late": "fire within 10m"}, lasts="30m"))).live()
    sale.advance(START + 59 * SECOND)
    sale.do("r1", "delivery.report", delivery="d1", attempt=1, outcome="awaiting")
    sale.advance(START + 3 * MINUTE)
    assert [e.delivery for e in sale.of("delivery.reminded")] == ["d1"]


def test_a_machine_that_comes_back_takes_nothing_from_a_poster() -> None:
    groups = [{"id": "g1", "name": "邻居群", "relay": ["r1", "qun"], "members": 10}]
    sale = Sale(sheet(segment({**LINK, "late": "fire within 10m"}, lasts="30m"), team=TEAM, groups=groups)).live()
    phone(sale, QUN, groups=("g1",))
    sale.relay("r1", here=False)
    sale.advance(START + 59 * SECOND)
    assert sale.state.deliveries["d1"].relay == "qun"
    sale.relay("r1")
    assert (sale.state.deliveries["d1"].relay, sale.state.deliveries["d1"].attempt) == ("qun", 1)


def test_a_task_of_a_poster_is_theirs_to_end() -> None:
    sale = by_hand()
    task = sale.do("controller", "task.assign", who="qun", text="给朋友圈换封面")["task"]
    sale.do(QUN, "task.done", task=task)
    assert sale.state.tasks[task].status == "done"


def test_moments_have_a_cap_of_their_own_by_tier() -> None:
    """朋友圈 is a group of the tier moments; what is beyond its cap is held back like anywhere."""
    cues = [
        {**LINK, "id": f"m{n}", "at": f"+{n}m", "groups": "tier:moments", "text": f"第 {n} 条 {{link}}"}
        for n in range(1, 8)
    ]
    sale = Sale(
        sheet(
            segment(*cues, lasts="30m"),
            team=TEAM,
            groups=GROUPS,
            pacing={"caps": {"moments": {"per": "24h", "most": 5}}},
        )
    ).live()
    sale.advance(START + 10 * MINUTE)
    assert len(sale.of("delivery.requested")) == 7
    assert {e.rule for e in sale.of("delivery.held")} == {"CAP"}
    assert len(sale.of("delivery.held")) == 2


def test_a_poster_is_told_which_one_of_the_days_posts_it_is() -> None:
    cues = [
        {**LINK, "id": f"m{n}", "at": f"+{n}m", "groups": "tier:moments", "text": f"第 {n} 条 {{link}}"}
        for n in (1, 2, 3)
    ]
    sale = Sale(
        sheet(segment(*cues, lasts="30m"), team=TEAM, groups=GROUPS, pacing={"caps": {"moments": {"per": "24h", "most": 3}}}), relays=False
    ).live()  # fmt: skip
    for n in (1, 2, 3):
        sale.advance(START + n * MINUTE)
        d = sale.state.deliveries[f"d{n}"]
        assert (d.nth, d.cap) == (n, 3)
        report(sale, "sent", delivery=f"d{n}")
