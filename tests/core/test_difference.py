"""What a live edit would change, told before it does, in a controller's terms."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.core import Refusal
from coordinator.core.difference import Change, Difference, copy_of
from tests.core.driver import HOUR, MINUTE, SECOND, START, Sale, segment, sheet
from tests.core.edits import foretold, replaced_as_foretold


def link(id_: str, at: str = "+1m", **more: Any) -> dict[str, Any]:
    return {"id": id_, "at": at, "do": "link.drop", "link": "room", "groups": "all", "text": "{link}", **more}


def prompt(id_: str, at: str = "+1m", **more: Any) -> dict[str, Any]:
    return {"id": id_, "at": at, "prompt": "host", "text": "x", **more}


def plan(*cues: dict[str, Any], lasts: str = "10m", **more: Any) -> dict[str, Any]:
    return sheet(segment(*cues, lasts=lasts), **more)


def live(*cues: dict[str, Any], to: int = 0) -> Sale:
    sale = Sale(plan(*cues)).live()
    sale.advance(START + to)
    return sale


def cues(said: Difference) -> dict[str, tuple[str, dict[str, Change]]]:
    return {c.cue: (c.change, c.changes) for c in said.cues}


def test_the_same_sheet_again_changes_nothing() -> None:
    more = {"followup": {"quiet": "22:00-08:00"}}
    sale = Sale(plan(link("l"), prompt("p", "+5m"), **more)).live()
    sale.advance(START + 2 * MINUTE)
    said = replaced_as_foretold(sale, plan(link("l"), prompt("p", "+5m"), **more))
    assert (said.cues, said.segments, said.things, said.settings, said.withdrawn) == ((), (), (), {}, ())
    assert (said.version, said.segment, said.stays.cues) == (1, "intro", 1)


def test_each_cue_to_come_is_moved_changed_new_or_dropped() -> None:
    sale = live(
        prompt("past"), prompt("same", "+5m"), prompt("moved", "+5m"), link("words", "+6m"), link("fewer", "+6m"),
        prompt("gone", "+7m"), to=2 * MINUTE,
    )  # fmt: skip
    new = plan(
        prompt("same", "+5m"), prompt("moved", "+6m"), link("words", "+6m", text="新 {link}"),
        link("fewer", "+6m", groups="tier:vip"), prompt("new", "+8m"),
    )  # fmt: skip
    assert cues(replaced_as_foretold(sale, new)) == {
        "moved": ("moved", {"at": Change(START + 5 * MINUTE, START + 6 * MINUTE)}),
        "words": ("changed", {"text": Change("{link}", "新 {link}")}),
        "fewer": ("changed", {"groups": Change("all", "tier:vip"), "reach": Change(3, 1)}),
        "new": ("new", {}),
        "gone": ("dropped", {}),
    }
    sale.advance(START + 10 * MINUTE)
    assert not sale.fired("gone")
    assert sale.fired("moved") == [(360, 360)]


def test_what_has_run_is_said_to_stay_though_the_new_sheet_has_it_otherwise() -> None:
    sale = live(prompt("ran"), to=2 * MINUTE)
    said = replaced_as_foretold(sale, plan(prompt("ran", "+5m", text="y")))
    assert (said.ran, said.cues) == (("ran",), ())
    sale.advance(START + 10 * MINUTE)
    assert sale.fired("ran") == [(60, 60)]


def test_what_is_announced_is_said_to_be_taken_back_with_its_groups_and_its_next_moment() -> None:
    sale = live(link("text"), link("time"), link("gone"), link("stays"), to=59 * SECOND)
    new = plan(link("text", text="新 {link}"), link("time", "+3m"), link("stays"))
    said = replaced_as_foretold(sale, new)
    groups = ("g1", "g2", "g3")
    assert {w.cue: (w.fire_at, w.groups, w.again_at) for w in said.withdrawn} == {
        "text": (START + MINUTE, groups, START + MINUTE),
        "time": (START + MINUTE, groups, START + 3 * MINUTE),
        "gone": (START + MINUTE, groups, None),
    }
    assert said.stays.announced == ("stays",)


def test_what_is_on_air_changes_where_it_is_said_and_nowhere_else() -> None:
    sale = live(prompt("p"), {"at": "start", "do": "product.show", "product": "pan"}, to=SECOND)
    new = plan(prompt("p"), {"at": "start", "do": "product.show", "product": "pan"}, lasts="12m")
    new["products"][0] |= {"points": ["七年保"]}
    said = replaced_as_foretold(sale, new)
    (part,) = said.segments
    assert (part.segment, part.on_air, part.change) == ("intro", True, "changed")
    assert part.changes == {
        "lasts": Change(10 * MINUTE, 12 * MINUTE),
        "end": Change(START + 10 * MINUTE, START + 12 * MINUTE),
    }
    (thing,) = said.things
    assert (thing.id, thing.on_air, thing.changes) == ("pan", True, {"points": Change((), ("七年保",))})
    assert (said.segment, said.product) == ("intro", "pan")


def test_a_new_price_is_said_with_the_corrections_it_leads_to() -> None:
    drop = {"id": "d", "at": "+1m", "do": "link.drop", "product": "pan", "groups": "all", "text": "{price} {link}"}
    sale = live(drop, to=MINUTE)
    left = sale.deliveries()["g1"]
    sale.do("r1", "delivery.report", delivery=left.id, attempt=left.attempt, outcome="sent")
    goods = plan()["products"]
    goods[0]["price"] = "99.00"
    said = replaced_as_foretold(sale, plan(drop, products=goods))
    assert said.things[0].changes == {"price": Change(12900, 9900)}
    assert [(c.product, c.what, c.text, c.groups) for c in said.corrections] == [
        ("pan", "price", "更正: 不粘锅 现价 ¥99", ("g1",))
    ]
    assert said.rendered == ("drop1",)  # the two groups that have it not yet are asked again


def test_a_price_that_was_changed_in_the_show_is_what_the_difference_starts_from() -> None:
    sale = live(prompt("p"))
    sale.do("controller", "product.reprice", product="pan", price=9900)
    assert foretold(sale, plan(prompt("p"))).things == ()
    goods = plan()["products"]
    goods[0]["price"] = "89.00"
    said = replaced_as_foretold(sale, plan(prompt("p"), products=goods))
    assert said.things[0].changes == {"price": Change(9900, 8900)}


def test_a_moment_that_is_past_when_the_sheet_comes_is_said_to_go_wait_or_be_skipped() -> None:
    sale = live(prompt("p", "+9m"), to=5 * MINUTE)
    new = plan(
        prompt("p", "+9m"), prompt("goes", "+4m50s"), prompt("late", "+1m"), link("asks", "+1m"),
        link("word", "+5m", confirm="controller"), link("fine", "+8m"),
    )  # fmt: skip
    said = replaced_as_foretold(sale, new)
    assert {c.cue: c.at_once for c in said.cues} == {
        "goes": "goes", "late": "skipped", "asks": "waits", "word": "waits", "fine": None,
    }  # fmt: skip
    sale.advance(sale.now)
    became = {name: sale.cue(name).status for name in ("goes", "late", "asks", "word", "fine")}
    assert became == {"goes": "fired", "late": "skipped", "asks": "waiting", "word": "waiting", "fine": "planned"}


def test_a_condition_that_the_edit_makes_true_is_said() -> None:
    few = {"id": "few", "when": "product pan stock < 20", "prompt": "controller", "text": "补货"}
    sale = live(few)
    goods = plan()["products"]
    goods[0]["stock"] = 10
    said = replaced_as_foretold(sale, plan(few, products=goods))
    assert said.set_off == ("few",)


def test_a_moved_start_leaves_the_quiet_hours_as_they_are() -> None:
    """They are worked out as instants for the nights around the start, and a moved start was told as 93 other nights."""
    sale = Sale(plan(prompt("p")))
    for start in ("2026-10-29T09:00:00Z", "2027-06-01T07:00:00Z"):
        assert set(foretold(sale, plan(prompt("p"), start=start)).settings) == {"start"}


def test_what_a_setting_holds_is_told_field_by_field() -> None:
    sale = Sale(plan(prompt("p")))
    said = foretold(sale, plan(prompt("p"), followup={"quiet": "23:00-07:00", "every": "12h"}, targets={"buyers": 5}))
    assert said.settings["followup.every"] == Change(86_400_000, 43_200_000)
    assert said.settings["targets.buyers"] == Change(None, 5)
    was, now = said.settings["followup.quiet"].before, said.settings["followup.quiet"].to
    assert [end - begin for begin, end in (*was, *now)] == [10 * HOUR, 8 * HOUR]
    none = foretold(sale, plan(prompt("p"), followup={"quiet": "none"})).settings["followup.quiet"]
    assert none.to == ()


def test_segments_things_and_settings_are_told_by_their_names() -> None:
    sale = Sale(sheet(segment(id="a"), segment(id="b"), segment(id="c"))).live()
    new = sheet(segment(id="a"), segment(id="x", name="加场"), segment(id="b"), title="改名", lead="5s")
    new["groups"] = [*new["groups"][:2], {"id": "g9", "name": "新群", "relay": "r1", "members": 9}]
    new["coupons"][0]["quantity"] = 20
    said = replaced_as_foretold(sale, new)
    assert {s.segment: s.change for s in said.segments} == {"x": "new", "b": "moved", "c": "dropped"}
    assert {(t.topic, t.id, t.name, t.change) for t in said.things} == {
        ("coupons", "c20", "满100减20", "changed"), ("groups", "g3", "粉丝 3 群", "left_out"), ("groups", "g9", "新群", "new"),
    }  # fmt: skip
    assert said.settings == {"title": Change("厨房专场", "改名"), "lead": Change(2000, 5000)}


def test_windows_rules_and_what_a_keyword_brings_are_told_though_no_screen_shows_them() -> None:
    of = sheet(segment(id="a"), keywords=[{"words": ["锅"], "text": "锅在这里"}])
    sale = Sale(of).live()
    new = sheet(segment(id="a"), keywords=[{"words": ["锅"], "text": "锅卖完了"}])
    new["coupons"][0] |= {"from": "+10m", "until": "+1h"}
    new["links"][0]["until"] = "+2h"
    new["groups"][0]["rules"] = "不发广告"
    new["products"][0] |= {"list_price": "199.00", "history": [{"price": "199.00"}]}
    said = replaced_as_foretold(sale, new)
    assert {t.id: t.changes for t in said.things} == {
        "c20": {"opens_at": Change(None, START + 10 * MINUTE), "closes_at": Change(None, START + 60 * MINUTE)},
        "room": {"closes_at": Change(None, START + 120 * MINUTE)},
        "g1": {"rules": Change("", "不发广告")},
        "锅": {"text": Change("锅在这里", "锅卖完了")},
        "pan": {"list_price": Change(None, 19900), "history": Change((), ({"price": 19900},))},
    }


@pytest.mark.parametrize(("by", "approved"), [("owner", True), ("controller", False)])
def test_whose_sheet_waits_for_a_word_is_said(by: str, approved: bool) -> None:
    sale = Sale(plan(prompt("p")))
    said = replaced_as_foretold(sale, plan(prompt("p"), prompt("q")), by=by)
    assert said.approved is approved
    assert (sale.refused("controller", "show.arm") if not approved else None) == (None if approved else "too_early")


def test_what_would_be_refused_is_refused_before() -> None:
    sale = live(prompt("p"))
    with pytest.raises(Refusal, match="running segment"):
        foretold(sale, sheet(segment(id="other")))
    with pytest.raises(Refusal, match="CNY"):
        foretold(sale, plan(prompt("p"), currency="EUR"))
    assert foretold(sale, plan(prompt("p"), kind="live", timezone="Europe/Berlin")).settings["kind"].to == "live"
    sale.do("owner", "show.end")
    with pytest.raises(Refusal, match="too_late"):
        foretold(sale, plan(prompt("p")))


def test_the_screens_clock_and_kind_follow_the_sheet() -> None:
    sale = Sale(plan(prompt("p")))
    sale.replace(plan(prompt("p"), kind="live", timezone="Europe/Berlin"))
    assert (sale.state.the.kind, sale.state.the.timezone) == ("live", "Europe/Berlin")


def test_what_a_sale_has_behind_it_costs_a_difference_nothing() -> None:
    """The copy is made between two decisions: what grows with members and groups must not make cues late."""
    sale = live(link("l", "+5m"))
    assert sale.plan is not None
    small = len(copy_of(sale.state, sale.plan))
    sale.do("controller", "coupon.drop", coupon="c20", groups="all")
    sale.advance(START + 2 * SECOND)
    for d in list(sale.state.deliveries.values()):
        sale.do(d.relay, "delivery.report", delivery=d.id, attempt=d.attempt, outcome="sent")
    sent = len(copy_of(sale.state, sale.plan))
    assert sent - small < 1_000 + 500 * len(sale.state.deliveries)  # a drop, and what went to each group lately
    for n in range(10):
        sale.do("r1", "coupon.claim", coupon="c20", member=f"m{n:050}", group="g1")
    assert len(copy_of(sale.state, sale.plan)) - sent < 40
    said = replaced_as_foretold(sale, plan(link("l", "+6m")))
    assert [c.cue for c in said.cues] == ["l"]
