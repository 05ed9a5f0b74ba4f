"""From a sheet to its plan."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from coordinator import rules
from coordinator.core.plan import (
    At,
    Checking,
    Confirm,
    CouponPlan,
    CuePlan,
    FollowupPlan,
    GroupPlan,
    Late,
    LinkPlan,
    Plan,
    ProductPlan,
    SegmentPlan,
    Targets,
    TeamMember,
)
from coordinator.runsheet import with_start
from coordinator.runsheet.compiling import MAX_WORDINGS, wordings

SKIP_30S = Late(rule="skip", within=30_000)
ASK_30S = Late(rule="ask", within=30_000)
FIRE_5M = Late(rule="fire", within=300_000)


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)


def planned(load: Any, sheet: Any) -> Plan:
    plan, _, findings = load(sheet)
    assert isinstance(plan, Plan), findings
    return plan


def test_the_sheet_of_the_contract_becomes_exactly_this_plan(example: bytes, load: Any) -> None:
    plan, _, findings = load(example, now_ms=ms("2026-11-22T08:00:00Z"))
    assert plan.followup.quiet[31] == (ms("2026-11-11T22:00:00+08:00"), ms("2026-11-12T08:00:00+08:00"))
    assert msgspec.structs.replace(plan, followup=FollowupPlan()) == Plan(
        title="双十一快闪群 · 厨房专场",
        kind="flash",
        timezone="Asia/Shanghai",
        start=ms("2026-11-11T20:00:00+08:00"),
        currency="CNY",
        lead=2000,
        unknown="ask",
        auto_start=False,
        team=(
            TeamMember(person="lin", role="host"),
            TeamMember(person="wu", role="cohost"),
            TeamMember(person="li", role="controller"),
            TeamMember(person="mei", role="cheer", groups="tier:vip"),
            TeamMember(person="chen", role="support"),
        ),
        groups=(
            GroupPlan(
                id="g1", name="VIP 1 群", tier="vip", org="浙江/杭州", tags=("kitchen",), relay=("wecom-main",), members=187
            ),
        ),
        products=(
            ProductPlan(
                id="pan", name="不粘锅", line="hit", price=12900, list_price=19900, stock=300,
                url="https://shop.example/pan", points=("无涂层", "免烟", "七年保"), script="…",
            ),
        ),
        coupons=(
            CouponPlan(
                id="c20", kind="threshold", title="满100减20", over=10000, off=2000, quantity=500, per_member=1,
                valid_ms=7_200_000, products=("pan",),
            ),
        ),
        links=(LinkPlan(id="room", kind="room", url="https://live.example/room"),),
        targets=Targets(sales=5_000_000, buyers=400),
        checks=Checking(version=rules.judge().version),
        segments=(
            SegmentPlan(
                id="warmup", kind="warmup", at=At(base="show", offset=-600_000), lasts=600_000,
                cues=(
                    CuePlan(
                        id="signin", do="checkin.open", at=At(base="start"), groups="all",
                        text="签到领红包, 10 分钟后开抢", late=ASK_30S,
                    ),
                    CuePlan(
                        id="warmup.2", do="prompt.send", at=At(base="start", offset=480_000), fields={"to": "host"},
                        text="准备开场, 红包雨倒数", late=SKIP_30S,
                    ),
                ),
            ),
            SegmentPlan(
                id="pan-intro", kind="product", product="pan", lasts=180_000,
                cues=(
                    CuePlan(id="pan-intro.1", do="product.show", at=At(base="start"), fields={"product": "pan"}, late=FIRE_5M),
                    CuePlan(
                        id="pan-intro.2", do="task.assign", at=At(base="start", offset=60_000), fields={"who": "cheer"},
                        text="这个锅煎蛋真的不粘吗?",
                        texts=("这个锅煎蛋真的不粘吗?", "这口锅煎蛋真的不粘吗?", "燃气灶能用吗?"), late=FIRE_5M,
                    ),
                    CuePlan(
                        id="pan-intro.3", do="link.drop", at=At(base="end"), fields={"product": "pan"},
                        groups="tier:vip | tag:kitchen", text="3, 2, 1, 上链接 {link}", late=SKIP_30S,
                    ),
                    CuePlan(
                        id="pan-intro.4", do="coupon.drop", at=At(base="end", offset=20_000), fields={"coupon": "c20"},
                        groups="all", text="满100减20, 先到先得, 还剩 {coupon.left} 张: {coupon}",
                        confirm=Confirm(role="controller"), late=ASK_30S,
                    ),
                    CuePlan(
                        id="pan-intro.5", do="prompt.send", when="coupon c20 left <= 10%", fields={"to": "host"},
                        text="优惠券还剩 {coupon.left} 张", late=SKIP_30S,
                    ),
                ),
            ),
        ),
    )  # fmt: skip
    assert {each.severity for each in findings} == {"warn", "inform"}
    assert [each.where for each in findings if each.severity == "warn"] == ["start", "products[0].list_price"]


def test_the_same_sheet_always_gives_the_same_plan_and_a_plan_survives_the_journal(example: bytes, load: Any) -> None:
    plan = planned(load, example)
    assert planned(load, example) == plan
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan


@pytest.mark.parametrize(
    ("at", "means"),
    [
        ("-10m", At(base="start", offset=-600_000)),
        ("+90s", At(base="start", offset=90_000)),
        ("8m", At(base="start", offset=480_000)),
        ("+2500ms", At(base="start", offset=2_500)),
        ("1h30m", At(base="start", offset=5_400_000)),
        ("start", At(base="start")),
        ("start -30s", At(base="start", offset=-30_000)),
        ("end", At(base="end")),
        ("end +20s", At(base="end", offset=20_000)),
        ("end+20s", At(base="end", offset=20_000)),
        ("show -2h", At(base="show", offset=-7_200_000)),
        ("20:00", At(base="clock", instant=ms("2026-11-11T20:00:00+08:00"))),
        ("20：00：30", At(base="clock", instant=ms("2026-11-11T20:00:30+08:00"))),
        ("D-1 08:00", At(base="clock", instant=ms("2026-11-10T08:00:00+08:00"))),
        ("D+3 9:00", At(base="clock", instant=ms("2026-11-14T09:00:00+08:00"))),
        ("2026-11-12 09:00", At(base="clock", instant=ms("2026-11-12T09:00:00+08:00"))),
    ],
)
def test_a_cue_s_time_is_written_so(small: dict[str, Any], load: Any, at: str, means: At) -> None:
    small["segments"][0]["cues"][0]["at"] = at
    assert planned(load, small).segments[0].cues[0].at == means


@pytest.mark.parametrize(
    ("at", "means"),
    [
        (None, At(base="show")),
        ("-10m", At(base="show", offset=-600_000)),
        ("start +5m", At(base="show", offset=300_000)),
        ("D-1 08:00", At(base="clock", instant=ms("2026-11-10T08:00:00+08:00"))),
    ],
)
def test_a_segment_counts_from_the_show(small: dict[str, Any], load: Any, at: str | None, means: At) -> None:
    small["segments"][0]["at"] = at
    assert planned(load, small).segments[0].at == means


@pytest.mark.parametrize(
    ("cue", "late"),
    [
        ({"prompt": "host", "text": "x"}, SKIP_30S),
        ({"do": "link.drop"}, ASK_30S),
        ({"do": "coupon.drop", "coupon": "c20"}, ASK_30S),
        ({"do": "checkin.open"}, ASK_30S),
        ({"do": "message.send", "text": "x"}, FIRE_5M),
        ({"task": "cheer", "text": "x"}, FIRE_5M),
        ({"do": "product.show"}, FIRE_5M),
        ({"do": "product.hide"}, FIRE_5M),
        ({"do": "coupon.stop", "coupon": "c20"}, FIRE_5M),
        ({"do": "checkin.close"}, FIRE_5M),
        ({"do": "link.drop", "late": "fire within 2m"}, Late(rule="fire", within=120_000)),
        ({"do": "link.drop", "late": "ask after 0s"}, Late(rule="ask", within=0)),
    ],
)
def test_what_becomes_of_a_late_cue_has_a_default_for_each_kind(
    small: dict[str, Any], load: Any, cue: dict[str, Any], late: Late
) -> None:
    small["segments"][0]["cues"] = [{"at": "start", **cue}]
    assert planned(load, small).segments[0].cues[0].late == late


def test_what_goes_into_groups_goes_into_all_where_none_are_named(small: dict[str, Any], load: Any) -> None:
    small["segments"][0]["cues"] = [
        {"at": "start", "do": "message.send", "text": "x"},
        {"at": "start", "do": "message.send", "text": "x", "groups": ["g1", "g2"], "lead": "0s"},
        {"at": "start", "do": "product.show"},
    ]
    one, two, three = planned(load, small).segments[0].cues
    assert (one.groups, two.groups, three.groups) == ("all", "group:g1 | group:g2", None)
    assert (one.lead, two.lead, three.lead) == (None, 0, None)


def test_a_drop_without_text_says_what_its_kind_says(small: dict[str, Any], load: Any) -> None:
    small["segments"][0]["cues"] = [
        {"at": "start", "do": "link.drop"},
        {"at": "start", "do": "link.drop", "link": "room"},
        {"at": "start", "do": "coupon.drop", "coupon": "c20", "quantity": 100},
        {"at": "start", "do": "checkin.open"},
    ]
    product, room, coupon, checkin = planned(load, small).segments[0].cues
    assert product.text == "3, 2, 1, 上链接! 不粘锅 {price}: {link}"
    assert room.text == "直播间已开, 点这里进: {link}"
    assert coupon.text == "满100减20, 先到先得, 还剩 {coupon.left} 张: {coupon}"
    assert checkin.text == "签到开始, 在群里回复 1, 或点 {link}"
    assert (product.fields, room.fields) == ({"product": "pan"}, {"link": "room"})
    assert coupon.fields == {"coupon": "c20", "quantity": 100}


def test_the_short_and_the_long_way_to_write_a_cue_mean_the_same(small: dict[str, Any], load: Any) -> None:
    small["segments"][0]["cues"] = [
        {"at": "start", "prompt": "li", "text": "x", "urgency": "high"},
        {"at": "start", "do": "prompt.send", "to": "li", "text": "x", "urgency": "high"},
        {"at": "start", "task": "mei", "text": ["x", "y"], "groups": "tier:vip"},
        {"at": "start", "do": "task.assign", "who": "mei", "text": ["x", "y"], "groups": "tier:vip"},
    ]
    one, two, three, four = planned(load, small).segments[0].cues
    assert msgspec.structs.replace(one, id="") == msgspec.structs.replace(two, id="")
    assert msgspec.structs.replace(three, id="") == msgspec.structs.replace(four, id="")
    assert one.fields == {"to": "li", "urgency": "high"}
    assert (three.fields, three.groups, three.texts) == ({"who": "mei"}, "tier:vip", ("x", "y"))


def test_again_after_is_written_in_three_ways(small: dict[str, Any], load: Any) -> None:
    base = {"prompt": "host", "text": "x"}
    small["segments"][0]["cues"] = [
        {**base, "when": "messages > 3", "again_after": "10m"},
        {**base, "when": "messages > 3", "again after": "10m"},
        {**base, "when": "messages > 3, again after 10m"},
    ]
    for cue in planned(load, small).segments[0].cues:
        assert (cue.when, cue.again_after) == ("messages > 3", 600_000)


def test_confirm_is_a_role_or_a_role_with_its_time(small: dict[str, Any], load: Any) -> None:
    small["segments"][0]["cues"][1]["confirm"] = {"role": "controller", "within": "2m"}
    assert planned(load, small).segments[0].cues[1].confirm == Confirm(role="controller", within=120_000)


def test_wordings_are_written_out_each_once_and_not_without_end() -> None:
    assert wordings(["{a|b}c{d|e}", "acd", "{link}!"]) == ("acd", "ace", "bcd", "bce", "{link}!")
    assert len(wordings(["{a|b}" * 500])) == MAX_WORDINGS


def test_plain_numbers_are_money_where_they_are_exact(small: dict[str, Any], load: Any) -> None:
    for written, minor in ((129, 12900), (129.0, 12900), (129.9, 12990), ("129.90", 12990), ("0", 0)):
        small["products"][0]["price"] = written
        assert planned(load, small).products[0].price == minor
    small |= {"currency": "JPY"}
    small["products"][0]["price"] = 129
    assert planned(load, small).products[0].price == 129


@pytest.mark.parametrize(
    ("start", "at", "instant"),
    [
        ("2026-03-29 02:30", "02:30", "2026-03-29T01:00:00Z"),  # Berlin leaps from 2:00 to 3:00
        ("2026-10-25 02:30", "02:30", "2026-10-25T00:30:00Z"),  # and shows 2:30 twice
    ],
)
def test_an_hour_that_is_missing_or_comes_twice_has_one_instant_and_a_warning(
    small: dict[str, Any], load: Any, start: str, at: str, instant: str
) -> None:
    small |= {"timezone": "Europe/Berlin", "start": start}
    small["segments"][0]["cues"][0]["at"] = at
    plan, _, findings = load(small, now_ms=0)
    assert plan is not None
    assert plan.start == ms(instant)
    assert plan.segments[0].cues[0].at == At(base="clock", instant=ms(instant))
    warned = [(each.rule, each.where) for each in findings if each.severity == "warn"]
    assert warned == [("PLAN", "start"), ("PLAN", "segments[0].cues[0].at")]


def test_a_start_may_carry_its_own_offset_and_days_still_count_in_the_sheet_s_zone(
    small: dict[str, Any], load: Any
) -> None:
    small["start"] = "2026-11-11T23:30:00Z"  # already the 12th in Shanghai
    small["segments"][0]["cues"][0]["at"] = "20:00"
    plan = planned(load, small)
    assert plan.start == ms("2026-11-11T23:30:00Z")
    assert plan.segments[0].cues[0].at == At(base="clock", instant=ms("2026-11-12T20:00:00+08:00"))


def test_a_sheet_s_start_can_be_moved_to_an_instant(small: dict[str, Any], load: Any) -> None:
    moved = with_start(small, 1_794_398_400_123)
    assert planned(load, moved).start == 1_794_398_400_123
    assert small["start"] == "2026-11-11 20:00"


def test_the_sheet_s_object_carries_the_id_that_each_cue_was_given(example: bytes, load: Any) -> None:
    plan, sheet, _ = load(example)
    assert sheet is not None
    assert [[cue["id"] for cue in segment["cues"]] for segment in sheet["segments"]] == [
        ["signin", "warmup.2"],
        [f"pan-intro.{n}" for n in range(1, 6)],
    ]
    sheet["segments"][1]["cues"].insert(0, {"id": "new", "at": "start", "prompt": "host", "text": "x"})
    again = planned(load, sheet)
    assert plan is not None
    assert again.segments[1].cues[1:] == plan.segments[1].cues
