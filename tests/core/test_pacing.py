"""Pacing: what is held back in a group, why and until when; what goes first; and what lifts it."""

from __future__ import annotations

import contextlib
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.core.kernel import Refusal
from coordinator.core.pacing import free_at
from coordinator.core.plan import Cap
from tests.core.driver import HOUR, MINUTE, SECOND, START, Sale, segment, sheet

CAPS = {"caps": {"vip": {"per": "1h", "most": 2}}}


def live(*cues: dict[str, Any], **pacing: Any) -> Sale:
    return Sale(sheet(segment(*cues, lasts="3h"), pacing=pacing)).live()


def say(sale: Sale, text: str, groups: str = "all", **more: Any) -> dict[str, Any]:
    return sale.do("controller", "message.send", content=text, groups=groups, **more)


def bring(sale: Sale) -> None:
    """The relays send what they have been given and what is due."""
    for d in list(sale.state.deliveries.values()):
        if d.status == "requested" and d.fire_at <= sale.now and d.relay:
            sale.do(d.relay, "delivery.report", delivery=d.id, attempt=d.attempt, outcome="sent", sent_at=d.fire_at)


def wait(sale: Sale, ms: int) -> None:
    sale.advance(sale.now + ms)
    bring(sale)


def stands(sale: Sale, group: str = "g1") -> list[tuple[str, str | None]]:
    """(status, rule) of each delivery into a group, in their order."""
    return [(d.status, d.rule) for d in sale.state.deliveries.values() if d.group == group]


# ---------------------------------------------------------------- the repeat rule
def test_the_same_content_is_held_for_ten_minutes_and_goes_then_by_itself() -> None:
    sale = live()
    say(sale, "今晚 8 点开抢!")
    wait(sale, 10 * SECOND)
    say(sale, "今晚 8 点, 开抢")
    held = sale.deliveries("drop2")["g1"]
    assert (held.status, held.rule, held.until) == ("held", "DUP", START + 2 * SECOND + 10 * MINUTE)
    assert "same content" in held.why
    wait(sale, 9 * MINUTE)
    assert stands(sale) == [("sent", None), ("held", "DUP")]
    sale.advance(held.until)
    assert sale.deliveries("drop2")["g1"].relay == "r1"
    assert sale.of("delivery.requested")[-1].at == held.until
    bring(sale)
    assert stands(sale) == [("sent", None), ("sent", None)]


def test_a_cue_fires_on_time_though_a_group_is_not_sent_it_yet() -> None:
    same = {"do": "link.drop", "link": "room", "groups": "all", "text": "直播间 {link}"}
    sale = live({"id": "a", "at": "+1m", **same}, {"id": "b", "at": "+3m", **same, "groups": "tier:vip"})
    sale.advance(START + 2 * MINUTE)
    bring(sale)
    sale.advance(START + 4 * MINUTE)
    assert sale.fired("b") == [(180, 180)]
    assert stands(sale)[-1] == ("held", "DUP")
    assert sale.of("link.dropped")[-1].groups == ["g1"]


def test_no_relay_is_asked_for_what_is_held_back() -> None:
    from roles import streams, views

    sale = live()
    say(sale, "大家好", "group:g1")
    say(sale, "大家好", "group:g1")
    held = sale.deliveries("drop2")["g1"]
    shown = {s for names, _ in views.forms(sale.state, "deliveries", held.id) for s in names}
    told = {s for e in sale.events if getattr(e, "delivery", "") == held.id for s in streams.of_event(sale.state, e)}
    assert not {s for s in shown | told if s.startswith("relay:")}
    assert shown == {"ahead:desk"}


def test_another_text_thing_or_group_is_not_the_same() -> None:
    sale = live()
    sale.do("controller", "link.drop", link="room", groups="group:g1", text="看这里 {link}")
    sale.do("controller", "link.drop", product="pan", groups="group:g1", text="看这里 {link}")
    sale.do("controller", "link.drop", link="room", groups="group:g2", text="看这里 {link}")
    sale.do("controller", "link.drop", link="room", groups="group:g1", text="再看这里 {link}")
    assert {d.rule for d in sale.state.deliveries.values()} == {None}


def test_a_figure_that_counts_down_makes_no_new_message_and_a_new_price_does() -> None:
    sale = live()
    text = "{product} {price}, 还剩 {stock} 件 {link}"
    sale.do("controller", "link.drop", product="pan", groups="group:g1", text=text)
    wait(sale, 5 * SECOND)
    sale.do("controller", "product.restock", product="pan", stock=9)
    sale.do("controller", "link.drop", product="pan", groups="group:g1", text=text)
    assert stands(sale)[-1] == ("held", "DUP")
    sale.do("controller", "product.reprice", product="pan", price=9900)
    assert sale.state.deliveries["d2"].rule is None
    assert "99" in sale.state.deliveries["d2"].content.text


def test_what_did_not_arrive_is_no_repeat() -> None:
    sale = live()
    say(sale, "大家好", "group:g1")
    say(sale, "大家好", "group:g1")
    sale.advance(sale.now + 3 * SECOND)
    sale.do("r1", "delivery.report", delivery="d1", attempt=1, outcome="rejected", why="frequency")
    sale.advance(sale.now + SECOND)
    bring(sale)
    assert stands(sale) == [("failed", None), ("sent", None)]


def test_what_was_taken_back_before_it_left_lets_the_next_go() -> None:
    sale = live()
    first = say(sale, "大家好", "group:g1")
    say(sale, "大家好", "group:g1")
    assert stands(sale)[-1] == ("held", "DUP")
    sale.do("controller", "cue.hold", cue="hand-1", from_=first["run"])
    wait(sale, 3 * SECOND)
    assert stands(sale) == [("withdrawn", None), ("sent", None)]


def test_a_sheet_can_have_another_length_or_none() -> None:
    sale = live(same_content="0s")
    say(sale, "大家好")
    say(sale, "大家好")
    assert ("held", "DUP") not in stands(sale)
    sale = live(same_content="30s")
    say(sale, "大家好", "group:g1")
    say(sale, "大家好", "group:g1")
    assert sale.deliveries("drop2")["g1"].until == START + 32 * SECOND


# ---------------------------------------------------------------- what lifts it
def test_a_member_who_asked_lifts_the_repeat_rule_once() -> None:
    sale = live()
    say(sale, "群规: 不发广告", "group:g1")
    wait(sale, 5 * SECOND)
    sale.do("r1", "group.observe", group="g1", what="asked", member="m1")
    say(sale, "群规: 不发广告", "group:g1")
    wait(sale, 5 * SECOND)
    assert sale.of("delivery.requested")[-1].lifted == "asked"
    say(sale, "群规: 不发广告", "group:g1")
    assert stands(sale) == [("sent", None), ("sent", None), ("held", "DUP")]


def test_a_request_lets_go_what_is_held_and_only_the_thing_that_was_asked_for() -> None:
    sale = live()
    for link in ({"link": "room"}, {"product": "pan"}) * 2:
        sale.do("controller", "link.drop", **link, groups="group:g1", text="{link}")
        wait(sale, 5 * SECOND)
    assert stands(sale) == [("sent", None), ("sent", None), ("held", "DUP"), ("held", "DUP")]
    sale.do("r1", "group.observe", group="g1", what="asked", member="m1", about="pan")
    bring(sale)
    assert stands(sale) == [("sent", None), ("sent", None), ("held", "DUP"), ("sent", None)]


def test_an_override_lifts_it_and_stands_in_the_record() -> None:
    from coordinator.core.kernel import COMMANDS, Override, decide
    from tests.core.driver import ACTORS

    sale = live()
    say(sale, "大家好", "group:g1")
    wait(sale, 5 * SECOND)
    command = COMMANDS["message.send"].model_validate({"content": "大家好", "groups": "group:g1"})
    override = Override(rules=("DUP",), reason="刚才断网了")
    decided = decide(sale.state, ACTORS["controller"], command, sale.moment(), "x", 1, override)
    assert decided.events[0].override == override
    assert [e.lifted for e in decided.events if str(e.__struct_config__.tag) == "delivery.requested"] == ["override"]


def test_what_is_held_goes_at_once_by_a_retry_with_an_override_and_not_without() -> None:
    from coordinator.core.kernel import COMMANDS, Override, decide
    from tests.core.driver import ACTORS

    sale = live()
    for _ in range(2):
        say(sale, "大家好", "group:g1")
        wait(sale, 5 * SECOND)
    with pytest.raises(Refusal) as refused:
        sale.do("controller", "delivery.retry", delivery="d2")
    assert refused.value.code == "capped"
    assert refused.value.details == {"allowed_at": START + 2 * SECOND + 10 * MINUTE, "rules": ["DUP"]}
    assert sale.refused("controller", "delivery.move", delivery="d2", relay="r2") == "capped"
    command = COMMANDS["delivery.retry"].model_validate({"delivery": "d2"})
    override = Override(rules=("DUP",), reason="再发一次")
    decide(sale.state, ACTORS["controller"], command, sale.moment(), "x", 1, override)
    assert (sale.state.deliveries["d2"].status, sale.state.deliveries["d2"].relay) == ("requested", "r1")


def test_an_answer_to_members_is_no_repeat_and_takes_nothing_of_a_cap() -> None:
    sale = live(caps={"vip": {"per": "1h", "most": 1}})
    for member in ("m1", "m2"):
        sale.do("r1", "question.raise", group="g1", member=member, text=f"包邮吗 {member}")
        sale.do("support", "question.answer", question=f"q{member[1]}", content="包邮")
        wait(sale, 5 * SECOND)
    say(sale, "上新了", "group:g1")
    assert stands(sale) == [("sent", None), ("sent", None), ("requested", None)]


# ---------------------------------------------------------------- caps
def test_a_tier_is_sent_at_most_so_many_and_the_rest_goes_when_there_is_room() -> None:
    sale = live(**CAPS)
    for text in ("一", "二", "三"):
        say(sale, text)
        wait(sale, 5 * SECOND)
    held = sale.deliveries("drop3")["g1"]
    assert (held.rule, held.until) == ("CAP", START + 2 * SECOND + HOUR)
    assert stands(sale, "g2")[-1] == ("sent", None)
    assert held.expires_at < held.until
    sale.advance(held.expires_at + MINUTE)
    assert sale.state.deliveries[held.id].status == "expired"
    assert sale.of("delivery.expired")[-1].why == "held back by CAP until it was too late"


def test_a_cap_of_a_group_goes_before_its_tier_s() -> None:
    sale = live(caps={"vip": {"per": "5m", "most": 1}, "group:g1": {"per": "1m", "most": 2}})
    for text in ("一", "二", "三"):
        say(sale, text, "group:g1")
    assert stands(sale) == [("requested", None), ("requested", None), ("held", "CAP")]
    wait(sale, 10 * SECOND)
    assert sale.deliveries("drop3")["g1"].until == START + 2 * SECOND + MINUTE
    wait(sale, 2 * MINUTE)
    assert stands(sale)[-1] == ("sent", None)


def test_links_and_coupons_go_before_games_and_games_before_talk() -> None:
    sale = live(caps={"group:g1": {"per": "1m", "most": 1}})
    say(sale, "一", "group:g1")
    wait(sale, 5 * SECOND)
    say(sale, "二", "group:g1")
    sale.do("controller", "checkin.open", groups="group:g1")
    sale.do("controller", "link.drop", link="room", groups="group:g1")
    for _ in range(4):
        wait(sale, MINUTE)
    sent = sorted((d.went_at, d.kind) for d in sale.state.deliveries.values() if d.status == "sent")
    assert [kind for _, kind in sent] == ["message", "link", "checkin", "message"]
    assert [(at or 0) - START for at, _ in sent] == [2000, 62_000, 122_000, 182_000]


def test_talk_that_has_not_left_gives_way_to_a_link() -> None:
    sale = live(caps={"group:g1": {"per": "1m", "most": 1}})
    say(sale, "一", "group:g1")
    sale.do("controller", "link.drop", link="room", groups="group:g1")
    assert stands(sale) == [("held", "CAP"), ("requested", None)]
    assert sale.of("delivery.withdrawn")[-1].why == "something of more weight goes first"
    wait(sale, 3 * SECOND)
    say(sale, "二", "group:g1")
    assert stands(sale) == [("held", "CAP"), ("sent", None), ("held", "CAP")]
    for _ in range(3):
        wait(sale, MINUTE)
    assert stands(sale) == [("sent", None)] * 3


def test_what_is_held_back_is_withdrawn_by_a_halt_and_stays_in_a_pause() -> None:
    sale = live(caps={"group:g1": {"per": "1m", "most": 1}})
    for text in ("一", "二"):
        say(sale, text, "group:g1")
    wait(sale, 3 * SECOND)
    sale.do("controller", "show.pause")
    wait(sale, 2 * MINUTE)
    assert stands(sale)[-1] == ("held", "CAP")
    sale.do("controller", "show.resume")
    wait(sale, SECOND)
    assert stands(sale)[-1] == ("sent", None)
    say(sale, "三", "group:g1")
    sale.do("owner", "show.halt")
    assert stands(sale)[-1] == ("withdrawn", None)
    assert not sale.state.held_back


def test_a_group_that_is_named_in_a_cap_must_be_there() -> None:
    from coordinator.runsheet import load_plan

    _, _, findings = load_plan(
        sheet(segment(), pacing={"caps": {"group:g9": {"per": "1h", "most": 1}}}), "sheet", None, 0
    )
    assert [f.message for f in findings if f.severity == "error"] == [
        "there is no group g9; add it under groups, or name another"
    ]


# ---------------------------------------------------------------- laws
@given(st.lists(st.tuples(st.integers(0, 200), st.booleans()), max_size=25), st.integers(1, 60), st.integers(1, 4))
def test_no_window_ever_holds_more_than_the_cap_and_nothing_waits_longer_than_it_must(
    asked: list[tuple[int, bool]], per: int, most: int
) -> None:
    cap, granted = Cap(per=per, most=most), []

    def fits(at: int) -> bool:
        every = sorted([*granted, at])
        return all(later - first >= per for first, later in zip(every, every[most:], strict=False))

    for at, later in asked:
        instant = free_at(list(granted), cap, at + 50 * later)
        assert instant == next(t for t in range(at + 50 * later, 20_000) if fits(t))
        granted.append(instant)


@given(
    st.lists(
        st.tuples(st.sampled_from(["say", "link", "open"]), st.sampled_from(["g1", "g3"]), st.sampled_from("ab"), st.integers(0, 90)),
        max_size=14,
    )
)  # fmt: skip
def test_whatever_is_pressed_a_group_is_sent_what_the_sheet_allows(presses: list[tuple[str, str, str, int]]) -> None:
    sale = live(same_content="2m", caps={"vip": {"per": "1m", "most": 2}, "group:g3": {"per": "30s", "most": 1}})
    sale._check = False
    for do, group, text, pause in presses:
        kind, fields = {
            "say": ("message.send", {"content": text}), "link": ("link.drop", {"link": "room", "text": f"{text} {{link}}"}),
            "open": ("checkin.open", {"text": text}),
        }[do]  # fmt: skip
        with contextlib.suppress(Refusal):  # one round of sign-in at a time
            sale.do("controller", kind, groups=f"group:{group}", **fields)
        wait(sale, pause * SECOND)
    for _ in range(200):
        wait(sale, 10 * SECOND)
    sale.check()
    for group, per, most in (("g1", MINUTE, 2), ("g3", 30 * SECOND, 1)):
        sent = [d for d in sale.state.deliveries.values() if d.group == group and d.status == "sent"]
        times = sorted(d.went_at or 0 for d in sent)
        assert all(later - first >= per for first, later in zip(times, times[most:], strict=False))
        for same in {d.same for d in sent}:
            of = sorted(d.went_at or 0 for d in sent if d.same == same)
            assert all(later - first >= 2 * MINUTE for first, later in pairwise(of))
    assert not sale.state.held_back


def test_moments_are_posted_into_five_times_a_day_at_most_without_a_word_in_the_sheet() -> None:
    of_groups = sheet(segment(lasts="4h"))
    of_groups["groups"][0]["tier"] = "朋友圈"
    sale = Sale(of_groups).live()
    for n in range(6):
        sale.do("controller", "message.send", content=f"第 {n} 条", groups="group:g1")
        assert list(sale.state.deliveries.values())[-1].status == ("held" if n == 5 else "requested")
        report = {"delivery": f"d{n + 1}", "attempt": 1, "outcome": "sent"}
        if n < 5:
            sale.do("r1", "delivery.report", **report)
        sale.advance(sale.now + 20 * MINUTE)
    of_groups["pacing"] = {"caps": {"朋友圈": {"per": "24h", "most": 3}}}
    assert Sale(of_groups).plan.pacing.caps["朋友圈"].most == 3
