"""Cues on their way: announced with a lead, fired at the instant, held, released, skipped, fired by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.driver import MINUTE, PUBLIC, SECOND, START, Sale, segment, sheet

LINK: dict[str, Any] = {
    "id": "link",
    "at": "+1m",
    "do": "link.drop",
    "link": "room",
    "groups": "all",
    "text": "看 {link}",
}


def live(*cues: dict[str, Any], **more: Any) -> Sale:
    return Sale(sheet(segment(*cues, lasts="30m"), **more)).live()


def test_a_drop_is_announced_its_lead_ahead_with_all_its_deliveries_in_one_append_and_fires_at_its_moment() -> None:
    sale = live(LINK)
    batches: list[list[Any]] = []
    sale.after.append(lambda decided: batches.append(decided.events))
    sale.advance(START + 2 * MINUTE)
    kinds = [[str(e.__struct_config__.tag) for e in b] for b in batches]
    assert kinds == [["cue.announced", *["delivery.requested"] * 3], ["cue.fired", "link.dropped"]]
    assert [b[0].at - START for b in batches] == [58 * SECOND, 60 * SECOND]
    fired = sale.of("cue.fired")[0]
    assert (fired.planned_at, fired.late_ms) == (START + MINUTE, 0)
    for group, d in sale.deliveries().items():
        assert (d.fire_at, d.expires_at) == (START + MINUTE, START + 11 * MINUTE)
        assert d.content.text == f"看 {d.content.link}"
        assert d.content.link.startswith(f"{PUBLIC}/l/")
        assert sale.state.keys[d.content.link.rpartition("/")[2]].group == group
    assert len(sale.state.keys) == 3


@pytest.mark.parametrize("lead", ["0s", "5s"])
def test_the_lead_is_the_sheet_s(lead: str) -> None:
    sale = live(LINK, lead=lead)
    sale.advance(START + 2 * MINUTE)
    assert sale.of("cue.announced")[0].at == START + MINUTE - int(lead[0]) * SECOND
    assert sale.of("cue.fired")[0].at == START + MINUTE


@pytest.mark.parametrize(
    "cue",
    [
        {"id": "x", "at": "+1m", "prompt": "host", "text": "x"},
        {"id": "x", "at": "+1m", "task": "cheer", "text": "x"},
        {"id": "x", "at": "+1m", "do": "product.show", "product": "pan"},
    ],
)
def test_prompts_tasks_and_products_on_air_have_no_lead(cue: dict[str, Any]) -> None:
    sale = live(cue)
    sale.advance(START + 2 * MINUTE)
    assert not sale.of("cue.announced")
    assert sale.fired("x") == [(60, 60)]


@pytest.mark.parametrize(("late", "room"), [("skip after 30s", 30), ("fire within 5m", 300), ("ask after 20s", 600)])
def test_a_delivery_expires_when_its_cue_would_be_too_late(late: str, room: int) -> None:
    sale = live({**LINK, "late": late})
    sale.advance(START + MINUTE)
    assert {d.expires_at for d in sale.deliveries().values()} == {START + MINUTE + room * SECOND}


class TestAPressByHand:
    @pytest.mark.parametrize(
        ("kind", "fields"),
        [
            ("link.drop", {"product": "pan", "groups": "all"}),
            ("coupon.drop", {"coupon": "c20", "groups": "all"}),
            ("message.send", {"content": "大家好", "groups": "all"}),
            ("checkin.open", {"groups": "all"}),
        ],
    )
    def test_is_a_cue_made_for_it_that_fires_at_now_and_lead(self, kind: str, fields: dict[str, Any]) -> None:
        sale = live()
        result = sale.do("controller", kind, **fields)
        assert result == {"drop": "drop1", "run": "r2", "fire_at": START + 2 * SECOND}
        cue = sale.cue("hand-1")
        assert (cue.status, cue.hand, cue.reach) == ("announced", True, 3)
        assert sale.state.drops["drop1"].status == "announced"
        sale.advance(START + 3 * SECOND)
        assert sale.fired("hand-1") == [(2, 2)]

    def test_reaches_whom_its_selector_means_and_nobody_else(self) -> None:
        sale = live()
        sale.do("controller", "message.send", content="x", groups="tier:vip | tier:fan")
        assert list(sale.deliveries()) == ["g1", "g3"]
        sale.do("controller", "message.send", content="x", groups=["g2"])
        assert list(sale.deliveries("drop2")) == ["g2"]

    @pytest.mark.parametrize("groups", ["tier:none", [], ["g9"], "tier:", "group:g9"])
    def test_that_means_no_group_is_refused(self, groups: Any) -> None:
        assert live().refused("controller", "message.send", content="x", groups=groups) == "invalid"

    def test_passes_over_a_frozen_group(self) -> None:
        sale = live(LINK)
        sale.do("controller", "group.freeze", group="g1")
        sale.do("controller", "link.drop", product="pan", groups="all")
        assert list(sale.deliveries()) == ["g2", "g3"]
        assert sale.refused("controller", "link.drop", link="room", groups=["g1"]) == "invalid"
        sale.advance(START + MINUTE)
        assert list(sale.deliveries("drop2")) == ["g2", "g3"]

    def test_can_be_held_and_released(self) -> None:
        sale = live()
        sale.do("controller", "message.send", content="x", groups="all")
        sale.do("controller", "cue.hold", cue="hand-1")
        assert sale.cue("hand-1").status == "held"
        sale.advance(START + MINUTE)
        assert not sale.of("cue.fired")
        sale.do("controller", "cue.release", cue="hand-1")
        sale.advance(START + 2 * MINUTE)
        assert sale.fired("hand-1") == [(62, 62)]
        assert {d.attempt for d in sale.deliveries().values()} == {2}


class TestHoldAndRelease:
    def test_a_held_cue_does_not_come_and_released_in_time_it_keeps_its_moment(self) -> None:
        sale = live(LINK)
        sale.do("controller", "cue.hold", cue="link")
        sale.advance(START + 30 * SECOND)
        sale.do("controller", "cue.release", cue="link")
        sale.advance(START + 2 * MINUTE)
        assert sale.fired("link") == [(60, 60)]

    def test_released_after_its_moment_it_fires_at_now_and_lead(self) -> None:
        sale = live(LINK)
        sale.do("controller", "cue.hold", cue="link")
        sale.advance(START + 5 * MINUTE)
        assert sale.cue("link").status == "held"
        sale.do("controller", "cue.release", cue="link")
        sale.advance(START + 6 * MINUTE)
        assert [e.at - START for e in sale.of("cue.fired")] == [302 * SECOND]

    def test_what_was_announced_is_withdrawn_and_the_release_is_the_same_run_with_the_next_attempt(self) -> None:
        sale = live(LINK)
        sale.advance(START + 59 * SECOND)
        run, ids = sale.cue("link").run, [d.id for d in sale.deliveries().values()]
        sale.do("controller", "cue.hold", cue="link", from_=run)
        assert {d.status for d in sale.deliveries().values()} == {"withdrawn"}
        assert sale.state.drops["drop1"].status == "withdrawn"
        sale.advance(START + 2 * MINUTE)
        sale.do("controller", "cue.release", cue="link", from_=run)
        sale.advance(START + 3 * MINUTE)
        assert sale.cue("link").run == run
        assert [(d.id, d.attempt) for d in sale.deliveries().values()] == [(i, 2) for i in ids]
        assert len(sale.of("cue.fired")) == len(sale.state.drops) == 1
        assert len(sale.state.keys) == 3, "one key for each drop and group"

    def test_withdrawn_with_a_second_to_go_and_released_at_once_it_is_not_late(self) -> None:
        sale = live(LINK)
        sale.advance(START + 59 * SECOND)
        sale.do("controller", "cue.hold", cue="link")
        sale.do("controller", "cue.release", cue="link")
        sale.advance(START + 2 * MINUTE)
        assert sale.fired("link") == [(60, 60)]

    def test_hold_and_release_say_when_somebody_was_quicker(self) -> None:
        sale = live(LINK)
        assert sale.refused("controller", "cue.release", cue="link") == "stale"
        sale.do("controller", "cue.hold", cue="link")
        assert sale.refused("controller", "cue.hold", cue="link") == "stale"
        assert sale.refused("controller", "cue.hold", cue="nothing") == "unknown"

    def test_a_triggered_cue_that_was_withdrawn_goes_at_now_and_lead_when_it_is_released(self) -> None:
        sale = live({"id": "t", "when": "messages >= 1", "do": "link.drop", "link": "room", "groups": "all"})
        sale.do("r1", "group.observe", group="g1", what="message", text="好")
        sale.do("controller", "cue.hold", cue="t")
        sale.do("r1", "group.observe", group="g1", what="message", text="好")
        sale.advance(START + MINUTE)
        assert sale.cue("t").status == "held"
        sale.do("controller", "cue.release", cue="t")
        sale.advance(START + 2 * MINUTE)
        assert sale.fired("t") == [(62, 62)]


def test_a_skipped_cue_does_not_come_and_what_was_announced_is_withdrawn() -> None:
    sale = live(LINK)
    sale.advance(START + 59 * SECOND)
    sale.do("controller", "cue.skip", cue="link")
    assert {d.status for d in sale.deliveries().values()} == {"withdrawn"}
    sale.advance(START + 5 * MINUTE)
    assert (sale.cue("link").status, sale.cue("link").why) == ("skipped", "skipped")
    for kind in ("cue.fire", "cue.hold", "cue.release", "cue.skip", "cue.confirm"):
        expected = "stale" if kind == "cue.skip" else "too_late"  # somebody else has skipped it already
        assert sale.refused("controller", kind, cue="link") == expected


def test_an_id_that_has_run_never_runs_again() -> None:
    sale = live(LINK)
    sale.do("controller", "cue.fire", cue="link")
    assert sale.refused("controller", "cue.fire", cue="link") == "stale"
    sale.advance(START + 5 * MINUTE)
    assert sale.fired("link") == [(2, 2)]
    assert sale.refused("controller", "cue.fire", cue="link") == "too_late"


def test_fired_by_hand_what_has_no_lead_fires_at_once() -> None:
    sale = live({"id": "p", "at": "+5m", "prompt": "host", "text": "x"})
    result = sale.do("controller", "cue.fire", cue="p")
    assert sale.fired("p") == [(0, 0)]
    assert result == {"run": sale.cue("p").run}


class TestACueThatIsAddedLive:
    def test_comes_at_its_moment(self) -> None:
        sale = live()
        added = sale.do(
            "controller", "cue.add", at=START + MINUTE, do="link.drop", fields={"product": "pan"}, groups="tier:vip"
        )
        sale.advance(START + 2 * MINUTE)
        assert added == {"cue": "added-1"}
        assert sale.fired("added-1") == [(60, 60)]
        assert list(sale.deliveries()) == ["g1"]

    def test_comes_at_the_sale_s_time_though_the_wall_clock_stepped(self) -> None:
        sale = live()
        sale.do("clock", "clock.step", by_ms=30 * SECOND)
        sale.do("controller", "cue.add", at=START + MINUTE, do="prompt.send", fields={"to": "host"}, text="x")
        sale.advance(START + 2 * MINUTE)
        assert sale.fired("added-1") == [(60, 60)]

    def test_follows_the_late_rule_that_the_sheet_gives_to_its_like(self) -> None:
        sale = Sale(sheet(segment())).live()
        sale.do(
            "controller", "cue.add", cue="say", at=START + MINUTE, do="prompt.send", fields={"to": "host"}, text="x"
        )
        sale.do("controller", "cue.add", cue="note", at=START + MINUTE, do="message.send", text="hello")
        sale.do("controller", "cue.add", cue="link", at=START + MINUTE, do="link.drop", fields={"link": "room"})
        sale.away(START + 2 * MINUTE)
        assert [sale.cue(c).status for c in ("say", "note", "link")] == ["skipped", "announced", "waiting"]

    def test_can_hang_on_a_condition(self) -> None:
        sale = live()
        sale.do("controller", "cue.add", when="messages >= 2", do="prompt.send", fields={"to": "host"}, text="x")
        for _ in range(2):
            assert not sale.fired("added-1")
            sale.do("r1", "group.observe", group="g1", what="message", text="好")
        assert sale.fired("added-1")

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"do": "show.end", "at": START}, "invalid"),
            ({"do": "prompt.send", "fields": {"to": "host"}, "text": "x"}, "invalid"),
            (
                {"do": "prompt.send", "fields": {"to": "host"}, "text": "x", "at": START, "when": "messages > 1"},
                "invalid",
            ),
            ({"do": "prompt.send", "fields": {"to": "host"}, "at": START}, "invalid"),
            ({"do": "prompt.send", "fields": {"to": "nobody"}, "text": "x", "at": START}, "unknown"),
            ({"do": "prompt.send", "fields": {"to": "host", "urgency": 5}, "text": "x", "at": START}, "invalid"),
            ({"do": "prompt.send", "fields": {"to": "host", "urgency": "shout"}, "text": "x", "at": START}, "invalid"),
            ({"do": "coupon.drop", "fields": {"coupon": "c99"}, "at": START}, "unknown"),
            ({"do": "coupon.drop", "fields": {"coupon": ["c20"]}, "at": START}, "invalid"),
            ({"do": "coupon.drop", "fields": {"coupon": "c20", "quantity": "many"}, "at": START}, "invalid"),
            ({"do": "coupon.drop", "fields": {"coupon": "c20", "quantity": True}, "at": START}, "invalid"),
            ({"do": "coupon.drop", "fields": {"coupon": "c20", "quantity": 10**30}, "at": START}, "invalid"),
            ({"do": "coupon.drop", "fields": {}, "at": START}, "invalid"),
            ({"do": "link.drop", "fields": {"link": "room", "product": "pan"}, "at": START}, "invalid"),
            ({"do": "link.drop", "fields": {"link": "room", "surprise": 1}, "at": START}, "invalid"),
            ({"do": "product.hide", "fields": {"product": "no"}, "at": START}, "unknown"),
            ({"do": "checkin.open", "groups": "nonsense", "at": START}, "invalid"),
            ({"do": "checkin.open", "when": "nonsense", "at": None}, "invalid"),
            ({"do": "checkin.open", "segment": "no", "at": START}, "unknown"),
            ({"do": "checkin.open", "cue": "hand-7", "at": START}, "invalid"),
            ({"do": "checkin.open", "cue": "link", "at": START}, "already"),
        ],
    )
    def test_with_wrong_input_never_enters_the_journal(self, fields: dict[str, Any], code: str) -> None:
        sale = live(LINK)
        assert sale.refused("controller", "cue.add", **fields) == code

    def test_with_a_moment_beyond_all_time_is_refused(self) -> None:
        with pytest.raises(ValueError, match="less than or equal"):
            live().do("controller", "cue.add", do="checkin.open", at=10**30)
