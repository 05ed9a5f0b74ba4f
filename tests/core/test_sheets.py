"""Live edits: they change what is still to come, never what was."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.core import Refusal
from coordinator.core.plan import At
from tests.core.driver import MINUTE, SECOND, START, Sale, segment, sheet


def link(id_: str, at: str = "+1m", **more: Any) -> dict[str, Any]:
    return {"id": id_, "at": at, "do": "link.drop", "link": "room", "groups": "all", "text": "{link}", **more}


def prompt(id_: str, at: str = "+1m", **more: Any) -> dict[str, Any]:
    return {"id": id_, "at": at, "prompt": "host", "text": "x", **more}


def live(*cues: dict[str, Any], to: int = 0) -> Sale:
    sale = Sale(sheet(segment(*cues, lasts="10m"))).live()
    sale.advance(START + to)
    return sale


def edited(sale: Sale, *cues: dict[str, Any], **more: Any) -> Sale:
    sale.replace(sheet(segment(*cues, lasts="10m"), **more))
    return sale


def test_two_who_edit_the_same_version() -> None:
    sale = live(prompt("p"))
    assert sale.replace(sheet(segment(prompt("p"))), version=1) == {"version": 2}
    with pytest.raises(Refusal, match="stale") as refusal:
        sale.replace(sheet(segment(prompt("p"))), version=1)
    assert refusal.value.details == {"current": 2}
    assert sale.state.the.version == 2
    assert sale.refused("owner", "sheet.approve", version=1) == "stale"


def test_what_ran_stays_though_the_new_sheet_knows_it_no_longer() -> None:
    sale = live(prompt("ran"), prompt("later", "+5m"), to=2 * MINUTE)
    edited(sale, prompt("new", "+6m"))
    assert sale.cue("ran").status == "fired"
    assert "later" not in sale.state.cues
    sale.advance(START + 10 * MINUTE)
    assert sale.fired("new") == [(360, 360)]


def test_an_id_that_has_run_never_runs_again() -> None:
    sale = live(prompt("ran"), to=2 * MINUTE)
    edited(sale, prompt("ran", "+5m"))
    sale.advance(START + 10 * MINUTE)
    assert sale.fired("ran") == [(60, 60)]


def test_what_comes_again_comes_with_the_new_words_and_what_has_run_as_nothing_else() -> None:
    """A red packet that had gone out, made a chain that comes again: the edit set it off as the packet it had been, and failed."""
    scarce = {"when": "product pan stock < 20", "again after": "1s"}
    often = {"id": "often", "prompt": "host", "text": "还剩不多", **scarce}
    packet = {"id": "packet", "do": "redpacket.announce", "amount": "8.80", "count": 5, "at": "+1m"}
    chain = {"id": "packet", "do": "chain.open", "product": "pan", "target": 2, "until": "20s", **scarce}
    sale = live(often, packet, to=2 * MINUTE)
    sale.do("controller", "product.restock", product="pan", stock=10)
    edited(sale, often | {"text": "又不多了"}, chain)
    for minute, stock in ((3, 30), (4, 10)):
        sale.advance(START + minute * MINUTE)
        sale.do("controller", "product.restock", product="pan", stock=stock)
    assert [e.text for e in sale.of("prompt.sent") if e.cue == "often"] == ["还剩不多", "又不多了"]
    assert sale.state.cues["often"].text == "又不多了"
    assert sale.fired("packet") == [(60, 60)]
    assert not sale.of("chain.opened")


def test_the_edit_moves_what_is_to_come() -> None:
    sale = live(prompt("p", "+5m"), to=MINUTE)
    edited(sale, prompt("p", "+6m"))
    sale.advance(START + 10 * MINUTE)
    assert sale.fired("p") == [(360, 360)]


class TestWhatIsAnnounced:
    def announced(self) -> Sale:
        return live(link("l"), prompt("p", "+5m"), to=59 * SECOND)

    def test_goes_on_where_nothing_of_it_changed(self) -> None:
        sale = edited(self.announced(), link("l", late="fire within 9m"), prompt("p", "+7m"))
        assert not sale.of("cue.withdrawn")
        sale.advance(START + 2 * MINUTE)
        assert sale.fired("l") == [(60, 60)]

    def test_is_withdrawn_where_its_content_differs_and_comes_with_the_new_one(self) -> None:
        sale = edited(self.announced(), link("l", text="新 {link}"))
        assert [e.why for e in sale.of("cue.withdrawn")] == ["edited"]
        assert sale.cue("l").text == "新 {link}"
        sale.advance(START + 2 * MINUTE)
        assert sale.fired("l") == [(60, 60)]
        assert all(d.content.text.startswith("新") and d.attempt == 2 for d in sale.deliveries().values())

    def test_is_withdrawn_where_its_groups_differ(self) -> None:
        sale = edited(self.announced(), link("l", groups="tier:vip"))
        sale.advance(START + 2 * MINUTE)
        assert {g: d.status for g, d in sale.deliveries().items()} == {
            "g1": "requested",
            "g2": "withdrawn",
            "g3": "withdrawn",
        }
        assert sale.state.drops["drop1"].groups == ["g1"]

    def test_is_withdrawn_where_its_time_differs(self) -> None:
        sale = edited(self.announced(), link("l", "+3m"))
        sale.advance(START + 5 * MINUTE)
        assert sale.fired("l") == [(180, 180)]
        assert len({e.run for e in sale.of("cue.announced")}) == 1

    def test_is_struck_where_it_is_in_the_sheet_no_longer(self) -> None:
        sale = edited(self.announced(), prompt("p", "+5m"))
        sale.advance(START + 5 * MINUTE)
        assert (sale.cue("l").status, sale.cue("l").why) == ("skipped", "edited")
        assert {d.status for d in sale.deliveries().values()} == {"withdrawn"}

    def test_waits_for_its_condition_where_it_has_one_now(self) -> None:
        sale = edited(self.announced(), {**{k: v for k, v in link("l").items() if k != "at"}, "when": "messages >= 1"})
        sale.advance(START + 5 * MINUTE)
        assert not sale.fired("l")
        sale.do("r1", "group.observe", group="g1", what="message", text="x")
        sale.advance(START + 6 * MINUTE)
        assert sale.fired("l") == [(302, 302)]


def test_what_is_held_takes_the_new_words_and_is_struck_with_its_sheet() -> None:
    sale = live(link("l"))
    sale.do("controller", "cue.hold", cue="l")
    edited(sale, link("l", text="新 {link}"))
    assert (sale.cue("l").status, sale.cue("l").text) == ("held", "新 {link}")
    edited(sale, prompt("p"))
    assert (sale.cue("l").status, sale.cue("l").why) == ("skipped", "edited")


def test_what_waits_for_a_word_goes_on_waiting() -> None:
    sale = live(link("l", confirm="controller"), to=59 * SECOND)
    edited(sale, link("l", confirm="controller"))
    assert sale.cue("l").status == "waiting"
    sale.do("controller", "cue.confirm", cue="l")
    sale.advance(START + 2 * MINUTE)
    assert len(sale.fired("l")) == 1


def test_cues_that_were_added_live_stay() -> None:
    sale = live(prompt("p"))
    sale.do("controller", "cue.add", at=START + 5 * MINUTE, do="prompt.send", fields={"to": "host"}, text="x")
    edited(sale, prompt("q"))
    sale.advance(START + 6 * MINUTE)
    assert sale.fired("added-1") == [(300, 300)]


def test_counts_stay_and_a_coupon_cannot_shrink_below_what_is_claimed() -> None:
    sale = live()
    sale.do("controller", "coupon.drop", coupon="c20", groups="all")
    sale.advance(START + 2 * SECOND)
    for i in range(3):
        sale.do("r1", "coupon.claim", coupon="c20", member=f"m{i}")
    more = {"id": "c20", "kind": "threshold", "title": "满100减20", "over": "100.00", "off": "20.00"}
    edited(sale, coupons=[{**more, "quantity": 20}])
    assert (sale.state.coupons["c20"].left, sale.state.coupons["c20"].claimed) == (17, 3)
    with pytest.raises(Refusal, match="invalid"):
        edited(sale, coupons=[{**more, "quantity": 2}])
    assert sale.state.coupons["c20"].quantity == 20


def test_what_has_run_comes_before_what_is_planned_wherever_the_new_sheet_puts_it() -> None:
    a, b, c = segment(id="a"), segment(id="b"), segment(id="c")
    for edited, order in ((sheet(b, c), "abc"), (sheet(a, segment(id="x"), b, c), "abxc")):
        sale = Sale(sheet(a, b, c)).live()
        sale.advance(START + 6 * MINUTE)
        sale.replace(edited)
        sale.advance(START + 30 * MINUTE)
        started = [(e.segment, e.planned_at - START) for e in sale.of("segment.started")]
        assert started == [(name, n * 5 * MINUTE) for n, name in enumerate(order)]


def test_members_of_a_group_that_the_edit_adds_count() -> None:
    more = sheet(segment())
    more["groups"].append({"id": "g9", "relay": "r1", "members": 40})
    sale = Sale(sheet(segment())).live()
    sale.replace(more)
    assert sale.state.figures["sale"].members == 100


def test_a_group_that_the_new_sheet_leaves_out_is_sent_nothing_more() -> None:
    link = {"id": "out", "at": "+1m", "do": "link.drop", "link": "room", "groups": "all"}
    sale = Sale(sheet(segment(link))).live()
    less = sheet(segment(link))
    less["groups"] = less["groups"][:2]
    sale.replace(less)
    sale.advance(START + 2 * MINUTE)
    sale.do("controller", "link.drop", link="room", groups="all")
    assert list(sale.deliveries("drop1")) == list(sale.deliveries("drop2")) == ["g1", "g2"]
    assert sale.refused("controller", "link.drop", link="room", groups=["g3"]) == "invalid"


def test_the_running_segment_cannot_be_taken_out_and_its_length_can_change() -> None:
    sale = live(prompt("p"))
    with pytest.raises(Refusal, match="invalid"):
        sale.replace(sheet(segment(prompt("p"), id="other")))
    assert sale.state.the.version == 1
    sale.replace(sheet(segment(prompt("p"), lasts="3m")))
    sale.advance(START + 5 * MINUTE)
    assert [e.at - START for e in sale.of("segment.ended")] == [3 * MINUTE]


def test_what_was_done_live_stands_over_an_edit_that_does_not_speak_of_it() -> None:
    sale = Sale(sheet(segment(prompt("p"))))
    sale.do("owner", "show.shift", by_ms=MINUTE)
    sale.do("controller", "product.reprice", product="pan", price=9900)
    sale.replace(sheet(segment(prompt("p"), prompt("q"))))
    assert sale.state.the.start == START + MINUTE
    assert sale.state.products["pan"].price == 9900


def test_a_price_that_the_edit_changes_renders_anew_what_has_not_left() -> None:
    cue = {"id": "d", "at": "+1m", "do": "link.drop", "product": "pan", "groups": "all", "text": "{price} {link}"}
    sale = live(cue, to=59 * SECOND)
    goods = sheet()["products"]
    goods[0]["price"] = "99.00"
    edited(sale, cue, products=goods)
    assert all(d.content.text.startswith("¥99 ") for d in sale.deliveries().values())


def test_an_ended_segment_is_what_it_was() -> None:
    first, second = segment(id="one", lasts="2m"), segment(prompt("p"), id="two")
    sale = Sale(sheet(first, second)).live()
    sale.advance(START + 3 * MINUTE)
    before = sale.state.segments["one"].lasts
    sale.replace(sheet({**first, "lasts": "9m"}, second))
    assert (sale.state.segments["one"].lasts, sale.state.segments["one"].end) == (before, START + 2 * MINUTE)


def test_the_end_and_the_close_take_no_edit() -> None:
    sale = live(prompt("p"))
    sale.do("owner", "show.end")
    assert sale.refused("owner", "sheet.replace", version=1, sheet={}, plan=sale.plan) == "too_late"
    assert sale.refused("owner", "sheet.replace", version=1, sheet={}) == "invalid"


def test_a_plan_has_instants_and_the_core_reads_no_time_zone() -> None:
    sale = Sale(sheet(segment(prompt("p", "15:04"))))
    assert sale.plan is not None
    assert sale.plan.segments[0].cues[0].at == At(base="clock", instant=START + 4 * MINUTE)


def test_a_step_of_the_wall_clock_moves_clock_times_and_nothing_else() -> None:
    sale = live(prompt("clock", "15:05"), prompt("course", "+5m"))
    sale.do("clock", "clock.step", by_ms=30 * SECOND)
    sale.advance(START + 10 * MINUTE)
    assert sale.fired("clock") == [(270, 270)]
    assert sale.fired("course") == [(300, 300)]
