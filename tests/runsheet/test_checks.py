"""The checks: what blocks a sheet, what warns, what is only said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Said = Callable[..., list[tuple[str, str, str]]]


def test_a_good_sheet_has_nothing_worse_than_hints(small: dict[str, Any], said: Said) -> None:
    assert said(small) == []


def test_a_coupon_with_less_than_its_drops_give_out_blocks(small: dict[str, Any], said: Said) -> None:
    cues = small["segments"][0]["cues"]
    cues[2]["quantity"] = 300
    cues.append({"at": "+2m", "do": "coupon.drop", "coupon": "c20", "quantity": 200})
    assert said(small) == []
    cues.append({"at": "+2m", "do": "coupon.drop", "coupon": "c20"})
    assert said(small) == []  # it shares what is left
    cues[4]["quantity"] = 201
    assert said(small) == [("block", "PLAN", "coupons[0].quantity")]


@pytest.mark.parametrize("text", ["去 https://evil.example/x 买", "www.other.com 也有"])
def test_an_address_that_is_not_the_sheet_s_blocks_wherever_members_can_read_it(
    small: dict[str, Any], said: Said, text: str
) -> None:
    small["segments"][0]["cues"][1]["text"] = text
    small["segments"][0]["cues"][3]["text"] = text  # a prompt: only the host reads it
    small["groups"][0]["welcome"] = text
    assert said(small) == [("block", "PLAN", "groups[0].welcome"), ("block", "PLAN", "segments[0].cues[1].text")]


def test_the_sheet_s_own_addresses_may_be_written_out(small: dict[str, Any], said: Said) -> None:
    small["segments"][0]["cues"][1]["text"] = "看 https://shop.example/pan 和 https://live.example/room。"
    assert said(small) == []


def test_absolute_terms_block_or_warn_in_all_that_is_said(small: dict[str, Any], said: Said) -> None:
    cues = small["segments"][0]["cues"]
    cues[1]["text"] = "国家级锅 {link}"
    cues[3]["text"] = "讲: 这是最好的锅"
    small["products"][0] |= {"points": ["无涂层", "顶级"], "script": "销量第一"}
    assert set(said(small)) == {
        ("block", "AD-ABS", "segments[0].cues[1].text"),
        ("warn", "AD-ABS", "segments[0].cues[3].text"),
        ("warn", "AD-ABS", "products[0].points[1]"),
        ("warn", "AD-ABS", "products[0].script"),
    }
    assert said(small)[0][0] == "block"  # the worst comes first


def test_telephone_numbers_block_in_what_is_sent_and_not_in_what_the_team_reads(
    small: dict[str, Any], said: Said
) -> None:
    cues = small["segments"][0]["cues"]
    cues[3]["text"] = "有事打 13800138000"
    cues[1]["text"] = "订单号 13800138000 已发, {link}"
    assert said(small) == []
    cues.append({"at": "+1m", "task": "mei", "text": ["你好", "加我 138 0013 8000"]})
    assert said(small) == [("block", "PII", "segments[0].cues[4].text[1]")]


def test_groups_that_nothing_can_reach_are_named(small: dict[str, Any], said: Said, load: Any) -> None:
    del small["groups"][1]["relay"]
    assert said(small) == [("warn", "PLAN", "segments[0].cues[1].groups")]
    (message,) = [each.message for each in load(small)[2] if each.severity == "warn"]
    assert message == "1 of 2 groups have no relay (g2), nothing will reach them; add relay: to them"
    small["segments"][0]["cues"][1]["groups"] = "tier:gold"
    assert said(small) == [("warn", "PLAN", "segments[0].cues[1].groups")]


def test_an_address_without_https_warns(small: dict[str, Any], said: Said) -> None:
    small["links"][0]["url"] = "http://live.example/room"
    small["products"][0]["url"] = "http://shop.example/pan"
    assert set(said(small)) == {("warn", "PLAN", "products[0].url"), ("warn", "PLAN", "links[0].url")}


@pytest.mark.parametrize("at", ["-10s", "start -1s", "show -1m", "19:59", "D-1 20:00"])
def test_a_cue_before_its_segment_warns(small: dict[str, Any], said: Said, at: str) -> None:
    small["segments"][0]["cues"][0]["at"] = at
    assert said(small) == [("warn", "PLAN", "segments[0].cues[0].at")]


@pytest.mark.parametrize(("at", "warns"), [("+181s", True), ("20:04", True), ("+3m", False), ("end +20m", False)])
def test_a_cue_after_its_segment_warns_but_for_what_counts_from_the_end(
    small: dict[str, Any], said: Said, at: str, warns: bool
) -> None:
    small["segments"][0]["cues"][0]["at"] = at
    assert said(small) == ([("warn", "PLAN", "segments[0].cues[0].at")] if warns else [])


def test_a_sheet_that_runs_over_warns(small: dict[str, Any], said: Said) -> None:
    small["segments"].append({"id": "bye", "kind": "wrapup", "at": "20:02", "lasts": "1m"})
    assert said(small) == [("warn", "PLAN", "segments[1].at")]
    small["segments"][1]["at"] = "20:03"
    assert said(small) == []


def test_a_product_has_three_minutes(small: dict[str, Any], said: Said) -> None:
    small["segments"][0]["lasts"] = "3m1s"
    assert said(small) == [("warn", "LENGTH", "segments[0].lasts")]


def test_a_product_segment_without_a_product_warns(small: dict[str, Any], said: Said) -> None:
    small["segments"].append({"id": "next", "kind": "product", "lasts": "3m"})
    assert said(small) == [("warn", "PLAN", "segments[1].product")]


def test_a_start_in_the_past_warns(small: dict[str, Any], said: Said) -> None:
    assert said(small, now_ms=1_794_398_400_000) == []
    assert said(small, now_ms=1_794_398_400_001) == [("warn", "PLAN", "start")]


def test_a_text_too_long_for_a_group_robot_warns(small: dict[str, Any], said: Said) -> None:
    small["segments"][0]["cues"][1]["text"] = "锅" * 683
    assert said(small) == [("warn", "LENGTH", "segments[0].cues[1].text")]


def test_fields_without_effect_warn(small: dict[str, Any], said: Said) -> None:
    small["segments"][0]["cues"][0] |= {"text": "x", "lead": "5s"}
    assert set(said(small)) == {
        ("warn", "PLAN", "segments[0].cues[0].text"),
        ("warn", "PLAN", "segments[0].cues[0].lead"),
    }


def test_braces_that_nobody_fills_in_warn(small: dict[str, Any], said: Said) -> None:
    small["segments"][0]["cues"][1]["text"] = "{price} {coupon.left} {lnik}"
    assert said(small) == [("warn", "PLAN", "segments[0].cues[1].text")]


def test_a_receiver_that_is_nobody_warns(small: dict[str, Any], said: Said) -> None:
    small["segments"][0]["cues"][3]["prompt"] = "lin"
    assert said(small) == [("warn", "PLAN", "segments[0].cues[3].prompt")]


def test_a_word_that_is_asked_of_a_role_without_the_button_warns(small: dict[str, Any], said: Said) -> None:
    small["segments"][0]["cues"][1]["confirm"] = "host"
    assert said(small) == [("warn", "PLAN", "segments[0].cues[1].confirm")]


def test_fewer_wordings_than_people_block_for_two_would_post_the_same(small: dict[str, Any], said: Said) -> None:
    small["team"].append({"person": "tao", "role": "cheer"})
    cue = {"at": "+1m", "task": "cheer", "text": "好用吗?"}
    small["segments"][0]["cues"].append(cue)
    assert said(small) == [("block", "SHILL", "segments[0].cues[4].text")]
    cue["text"] = "{好用|顺手}吗?"
    assert said(small) == []


def test_a_price_above_its_list_price_warns(small: dict[str, Any], said: Said) -> None:
    small["products"][0]["list_price"] = "99"
    assert said(small) == [("warn", "PLAN", "products[0].list_price")]


def test_a_coupon_that_takes_off_more_than_it_asks_for_warns(small: dict[str, Any], said: Said) -> None:
    small["coupons"][0]["off"] = "100.01"
    assert said(small) == [("warn", "PLAN", "coupons[0].off")]


def test_each_of_the_nine_things_that_is_missing_is_said(small: dict[str, Any], load: Any) -> None:
    def missing() -> list[str]:
        return [each.message.split(",")[0] for each in load(small)[2] if "nine things" in each.message]

    small["team"], small["segments"] = [], []
    assert missing() == [
        "preparation",
        "repeated notice",
        "rules",
        "warm-up",
        "guest introduction",
        "invitation to take part",
        "control of the floor",
        "summary",
        "benefit",
    ]


def test_every_finding_says_where_in_the_file(example: bytes, load: Any) -> None:
    _, _, findings = load(example.replace(b"lasts: 3m", b"lasts: 4m"))
    found = next(each for each in findings if each.rule == "LENGTH")
    assert found.as_object() == {
        "severity": "warn",
        "rule": "LENGTH",
        "where": "segments[1].lasts",
        "line": 27,
        "message": "pan-intro lasts 4m; three minutes is the most a product holds, make it shorter or two",
    }
