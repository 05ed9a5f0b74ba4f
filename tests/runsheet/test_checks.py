"""The checks: what blocks a sheet, what warns, what is only said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from coordinator.core.windows import Account, Limit
from tests.runsheet.conftest import Load

Said = Callable[..., list[tuple[str, str, str]]]


def test_a_good_sheet_has_nothing_worse_than_hints(small: dict[str, Any], said: Said) -> None:
    assert said(small) == []


def test_a_coupon_with_less_than_its_drops_give_out_blocks(small: dict[str, Any], said: Said) -> None:
    cues = small["segments"][0]["cues"]
    cues[2]["quantity"] = 300
    cues.append({"at": "+2m", "do": "coupon.drop", "coupon": "c20", "quantity": 200, "text": "再领 {coupon}"})
    assert said(small) == []
    cues.append({"at": "+2m", "do": "coupon.drop", "coupon": "c20", "text": "还有 {coupon}"})
    assert said(small) == []  # it shares what is left
    cues[4]["quantity"] = 201
    assert said(small) == [("block", "PLAN", "coupons[0].quantity")]


def test_a_quiz_that_promises_more_coupons_than_there_are_is_told_so(small: dict[str, Any], said: Said) -> None:
    cues = small["segments"][0]["cues"]
    quiz = {"at": "+3m", "do": "quiz.open", "question": "保修几年", "answer": "七年", "coupon": "c20", "until": "1m"}
    cues += [{**quiz, "winners": 400}, {**quiz, "at": "+2m", "winners": 100, "question": "几层"}]
    assert said(small) == []
    cues[5]["winners"] = 101
    assert said(small) == [("warn", "PLAN", "segments[0].cues[5].winners")]


def test_a_coupon_that_is_earned_or_paid_for_is_no_prize(small: dict[str, Any], said: Said) -> None:
    earned = {"id": "paid5", "kind": "pay_reward", "title": "支付有礼", "off": "5.00", "quantity": 9}
    small["coupons"].append(earned)
    cue = {
        "at": "+3m",
        "do": "poll.open",
        "question": "选哪个",
        "options": ["锅", "刀"],
        "coupon": "paid5",
        "until": "1m",
    }
    small["segments"][0]["cues"].append(cue)
    assert said(small) == [("warn", "PLAN", "segments[0].cues[4].coupon")]


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


def test_what_games_ask_and_promise_and_what_a_keyword_says_is_checked_too(small: dict[str, Any], said: Said) -> None:
    small["title"] = "国家级专场"
    small["guests"] = [{"id": "song", "name": "国家级大师", "theme": "最佳养锅", "segment": small["segments"][0]["id"]}]
    small["keywords"] = [
        {"words": "锅", "text": "打 13800138000"},
        {"words": "亲", "link": "room", "text": "亲测好用 {link}"},
    ]
    small["links"] = [{"id": "room", "kind": "room", "url": "https://live.example/room"}]
    at = len(small["segments"][0]["cues"])
    small["segments"][0]["cues"] += [
        {"do": "poll.open", "at": "+1m", "question": "最佳的是?", "options": ["a", "国家级"], "until": "1m", "text": "来投"},
        {"do": "quiz.open", "at": "+1m", "question": "最佳的是?", "answer": "a", "prize": "国家级锅", "until": "1m", "text": "来答"},
        {"do": "survey.open", "at": "+1m", "title": "最佳问卷", "questions": [{"id": "a", "text": "国家级吗", "options": ["是", "否"]}]},
        {"do": "draw.open", "at": "+1m", "prizes": [{"name": "国家级锅"}], "collect": "最佳客服", "organiser": "国家级厨房", "until": "1m"},
    ]  # fmt: skip
    cue = [f"segments[0].cues[{at + n}]." for n in range(4)]
    assert {each for each in said(small) if each[0] == "block"} == {
        ("block", "AD-ABS", "title"),
        ("block", "AD-ABS", "guests[0].name"),
        ("block", "AD-ABS", "guests[0].theme"),
        ("block", "PII", "keywords[0].text"),
        ("block", "AD-LABEL", "keywords[1].text"),
        *(("block", "AD-ABS", cue[0] + field) for field in ("question", "options")),
        *(("block", "AD-ABS", cue[1] + field) for field in ("question", "prize")),
        *(("block", "AD-ABS", cue[2] + field) for field in ("title", "questions")),
        *(("block", "AD-ABS", cue[3] + field) for field in ("prizes", "collect", "organiser")),
    }


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


def test_a_link_that_is_dropped_after_its_end_warns(small: dict[str, Any], said: Said) -> None:
    small["links"][0]["until"] = "+2m"
    cue = {"at": "+119s", "do": "link.drop", "link": "room", "groups": "all", "text": "看直播 {link}"}
    small["segments"][0]["cues"].append(cue)
    assert said(small) == []
    cue["at"] = "+2m"
    assert said(small) == [("warn", "PLAN", "segments[0].cues[4].at")]
    small["links"][0]["until"] = "20:02:30"
    assert said(small) == []


def test_a_link_has_no_end_to_count_its_own_from(small: dict[str, Any], errors: Any) -> None:
    small["links"][0]["until"] = "end +1m"
    [(where, message)] = errors(small)
    assert where == "links[0].until"
    assert "offset from the show" in message


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
        "zh": "pan-intro 长 4m, 一个商品最多讲 3m; 缩短, 或分成两段",
    }


def test_a_compared_price_needs_the_history_behind_it(small: dict[str, Any], said: Said) -> None:
    pan = small["products"][0]
    pan["list_price"] = "199.00"
    assert said(small) == [("warn", "PRICE", "products[0].list_price")]
    pan["history"] = [{"price": "199.00", "until": "2026-10-31"}]
    assert said(small) == []
    pan["history"] = [{"price": "199.00", "until": "2026-07-01"}]  # asked too long ago to be a comparison
    assert said(small) == [("warn", "PRICE", "products[0].list_price")]
    pan["history"] = [{"price": "179.00"}]  # never so much
    assert said(small) == [("warn", "PRICE", "products[0].list_price")]
    pan["list_price"] = "129.00"  # nothing is compared
    pan["history"] = []
    assert said(small) == []


def test_a_former_price_in_a_text_needs_it_too(small: dict[str, Any], said: Said) -> None:
    small["segments"][0]["cues"][1]["text"] = "原价 199, 今晚 {price}: {link}"
    small["segments"][0]["cues"][3]["text"] = "讲: 平时卖 199"  # the host says it aloud
    assert said(small) == [
        ("warn", "PRICE", "segments[0].cues[1].text"),
        ("warn", "PRICE", "segments[0].cues[3].text"),
    ]
    small["products"][0]["history"] = [{"price": "199.00", "until": "2026-10-31"}]
    assert said(small) == []


def test_a_headline_is_not_below_the_least_that_can_be_paid(small: dict[str, Any], said: Said) -> None:
    cue = small["segments"][0]["cues"][1]
    for text, right in (("只要 109 元 {link}", True), ("到手价 108.99 {link}", False), ("只要 99 {link}", False),
                        ("今晚 8 点开抢 {link}", True), ("只要 2 分钟 {link}", True), ("仅需 {price} {link}", True)):  # fmt: skip
        cue["text"] = text
        assert said(small) == ([] if right else [("warn", "PRICE", "segments[0].cues[1].text")]), text


def test_the_same_words_for_two_accounts_block(small: dict[str, Any], said: Said) -> None:
    cues = small["segments"][0]["cues"]
    small["team"].append({"person": "tao", "role": "cheer"})
    cues += [{"at": "+1m", "task": "mei", "text": "好用吗?"}, {"at": "+2m", "task": "mei", "text": "好用吗?"}]
    assert said(small) == []
    cues.append({"at": "+2m", "task": "tao", "text": "好用吗?"})
    assert said(small) == [("block", "SHILL", "segments[0].cues[6].text")]


def test_who_posts_in_groups_without_a_mark_is_told(small: dict[str, Any], load: Any) -> None:
    assert [f.where for f in load(small)[2] if f.rule == "SHILL"] == ["team[1]"]
    small["team"][1]["mark"] = "官方小美"
    assert [f.where for f in load(small)[2] if f.rule == "SHILL"] == []


def test_that_somebody_bought_it_is_not_said_in_a_sheet(small: dict[str, Any], said: Said) -> None:
    small["segments"][0]["cues"].append({"at": "+1m", "task": "mei", "text": "我下单了, 真快"})
    assert said(small) == [("warn", "SHILL", "segments[0].cues[4].text")]


def test_the_same_text_within_ten_minutes_warns(small: dict[str, Any], said: Said) -> None:
    small["segments"][0] |= {"kind": "interaction", "lasts": "20m"}
    cues = small["segments"][0]["cues"]
    cues += [
        {"at": "+3m", "do": "message.send", "text": "看这里"},
        {"at": "+13m", "do": "message.send", "text": "看这里"},
    ]
    assert said(small) == []
    cues.append({"at": "+12m59s", "do": "message.send", "text": "看 这里!", "groups": "tier:vip"})
    cues.append({"at": "+12m59s", "do": "message.send", "text": "看这里", "groups": "tier:vip"})
    found = said(small)
    assert {f[1] for f in found} == {"DUP"}
    assert ("warn", "DUP", "segments[0].cues[7].text") in found


def test_more_into_a_group_than_its_platform_takes_warns(small: dict[str, Any], said: Said) -> None:
    small["groups"] = [{"id": "g1", "relay": "wecom-main"}, {"id": "g2", "relay": "feishu-main"}]
    cues = small["segments"][0]["cues"]
    cues[2]["groups"] = "all"
    cues += [{"at": f"+{90 + n}s", "do": "message.send", "text": f"第{n}条"} for n in range(19)]
    assert said(small) == []  # 20 with the coupon's
    cues.append({"at": "+119s", "do": "message.send", "text": "还有"})
    assert said(small) == [("warn", "RATE", "segments[0].cues[23].at")]
    small["checks"] = {"platforms": {"wecom-main": "feishu"}}
    assert said(small) == []


def test_what_relays_have_told_of_their_windows_counts_before_their_names(small: dict[str, Any], load: Load) -> None:
    """wecom-main had told 5 a minute for both its groups: the check went by its name, and said 20 in each."""
    small["groups"] = [{"id": g, "relay": "wecom-main"} for g in ("g1", "g2")] + [{"id": "g3", "relay": "feishu-main"}]
    cues = small["segments"][0]["cues"]
    cues[2]["groups"] = "all"
    cues += [{"at": f"+{90 + n}s", "do": "message.send", "text": f"第{n}条"} for n in range(3)]

    def said(**limits: Any) -> list[tuple[str, str]]:
        account = Account("wecom-main", "bot", "wecom", limits.get("limits", ()), limits.get("group_limits", ()))
        told = {("wecom-main", group): account for group in ("g1", "g2")} if limits else {}
        findings = load(small, told=told)[2]
        return [(each.where, each.message) for each in findings if each.rule == "RATE"]

    assert said() == []
    [(first, why), (second, _)] = said(limits=(Limit(5, 60_000), Limit(1, 1_000)))
    assert (first, second) == ("segments[0].cues[5].at", "segments[0].cues[6].at")
    assert "would wait in 1 group (g2)" in why
    assert (
        "wecom takes 5 messages in 60 s over bot, for all its groups together, as wecom-main, which is here, has told"
        in why
    )
    [(_, alone)] = said(group_limits=(Limit(3, 60_000),))
    assert "would wait in 2 groups (g1, g2): wecom takes 3 messages in 60 s in each group" in alone
    cues += [
        {"at": f"+{95_000 + n}ms", "do": "message.send", "text": f"再{n}条", "groups": "group:g3"} for n in range(101)
    ]
    assert any(
        "feishu, by the name of feishu-main, which has told nothing" in why
        for _, why in said(limits=(Limit(5000, 60_000),))
    )


def test_an_album_takes_as_much_of_a_window_as_its_relay_has_told(small: dict[str, Any], load: Load) -> None:
    small["groups"] = [{"id": "g1", "relay": "tg"}]
    album = {"do": "message.send", "images": [f"https://shop.example/{n}.jpg" for n in range(3)], "groups": "all"}
    small["segments"][0]["cues"] = [{"at": f"+{n}s", "text": f"第{n}条", **album} for n in range(3)]

    def waits(*places: int) -> list[str]:
        account = Account("tg", "bot", "telegram", (), (Limit(6, 60_000),), places, places)
        findings = load(small, told={("tg", "g1"): account})[2]
        return [each.where for each in findings if each.rule == "RATE"]

    assert waits() == []
    assert waits(1, 1, 2, 3) == ["segments[0].cues[2].at"]


def test_what_a_platform_takes_is_asked_of_the_sheet_s_relays(small: dict[str, Any], said: Said) -> None:
    small["segments"][0]["cues"][1]["text"] = "锅" * 683
    assert said(small) == [("warn", "LENGTH", "segments[0].cues[1].text")]
    for group in small["groups"]:
        group["relay"] = "feishu-main"
    assert said(small) == []


def test_clearance_and_what_costs_too_much_are_not_for_a_flash_sale(small: dict[str, Any], said: Said) -> None:
    small["products"].append({"id": "tv", "name": "电视", "price": "2999"})
    small["products"].append({"id": "old", "name": "清仓铁锅", "price": "19"})
    assert said(small) == [("warn", "PLAN", "products[1].price"), ("warn", "PLAN", "products[2]")]
    small["kind"] = "live"
    assert said(small) == []


def test_a_brand_s_own_words_are_the_sheet_s(small: dict[str, Any], said: Said) -> None:
    small["products"][0]["name"] = "老第一家不粘锅"
    assert said(small) == [("warn", "AD-ABS", "products[0].name")]
    small["checks"] = {"exceptions": ["老第一家"]}
    assert said(small) == []


def test_a_rule_that_was_overruled_by_name_warns_and_says_by_whom(small: dict[str, Any], load: Any) -> None:
    small["segments"][0]["cues"][1]["text"] = "最佳拍档锅 {link}"
    small["checks"] = {"overruled": [{"rule": "AD-ABS", "term": "最佳", "by": "zhao", "reason": "商标"}]}
    (found,) = [f for f in load(small)[2] if f.rule == "AD-ABS"]
    assert found.severity == "warn"
    assert "overruled by zhao: 商标" in found.message
    small["checks"]["overruled"][0]["term"] = "国家级"
    (found,) = [f for f in load(small)[2] if f.rule == "AD-ABS"]
    assert found.severity == "block"


def test_a_rule_set_that_is_not_there_is_an_error(small: dict[str, Any], errors: Any) -> None:
    small["checks"] = {"rules": "mars"}
    ((where, message),) = errors(small)
    assert where == "checks.rules"
    assert "cn" in message


@pytest.mark.parametrize("day", ["31.10.2026", "2026-13-01", "yesterday"])
def test_a_day_that_is_none_is_an_error(small: dict[str, Any], errors: Any, day: str) -> None:
    small["products"][0]["history"] = [{"price": "1", "until": day}]
    ((where, _),) = errors(small)
    assert where == "products[0].history[0].until"
