"""Checks before sending: what is refused, what goes with a warning, who overruled it, and what of that stands in the record."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator import rules
from coordinator.core import Refusal
from coordinator.core.checks import Context, look
from coordinator.core.kernel import Moment, Override, decide
from coordinator.core.messages import MessageSend
from coordinator.core.prizes import Prize, PrizeRules, prize_faults
from tests.core.driver import ACTORS, MINUTE, SECOND, SHEET, START, Sale, segment, sheet


@pytest.fixture
def sale() -> Sale:
    return Sale().live()


def blocked(sale: Sale, kind: str, **fields: Any) -> dict[str, Any]:
    with pytest.raises(Refusal) as refused:
        sale.do("controller", kind, **fields)
    assert refused.value.code == "blocked"
    return dict(refused.value.details or {})


def overruling(sale: Sale, *, rules_: tuple[str, ...], text: str) -> Any:
    """Sends a message with an override; the first event."""
    override = Override(rules=rules_, reason="seen by our lawyer")
    sale.do("controller", "message.send", content=text, groups="all", override=override)
    return sale.of("cue.announced")[-1]


SENDS: list[tuple[str, dict[str, Any], str]] = [
    ("message.send", {"content": "国家级好锅", "groups": "all"}, "content"),
    ("message.send", {"content": {"text": "国家级好锅"}, "groups": "all"}, "content"),
    ("link.drop", {"product": "pan", "groups": "all", "text": "国家级 {link}"}, "text"),
    ("coupon.drop", {"coupon": "c20", "groups": "all", "text": "国家级 {coupon}"}, "text"),
    ("checkin.open", {"groups": "all", "text": "国家级签到"}, "text"),
    ("cue.add", {"at": START + MINUTE, "do": "message.send", "groups": "all", "text": "国家级"}, "text"),
    ("task.assign", {"who": "mei", "text": "国家级的锅吗?"}, "text"),
]
GAMES: list[tuple[str, dict[str, Any], str]] = [
    ("poll.open", {"question": "国家级的是哪口", "options": ["1 号", "2 号"]}, "question"),
    ("poll.open", {"question": "选哪口", "options": ["1 号", "国家级"]}, "options"),
    ("quiz.open", {"question": "国家级的是?", "answer": "锅"}, "question"),
    ("quiz.open", {"question": "是哪口?", "answer": "锅", "options": ["锅", "国家级"]}, "options"),
    ("quiz.open", {"question": "是哪口?", "answer": "国家级"}, "answer"),
    ("quiz.open", {"question": "是哪口?", "answer": "锅", "prize": "国家级厨具"}, "prize"),
    ("survey.open", {"title": "国家级问卷", "questions": [{"id": "a", "text": "好用吗", "kind": "scale"}]}, "title"),
    ("survey.open", {"title": "问卷", "questions": [{"id": "a", "text": "国家级吗", "kind": "text"}]}, "questions"),
    ("survey.open", {"title": "问卷", "questions": [{"id": "a", "text": "好吗", "options": ["国家级", "还行"]}]}, "questions"),
    ("draw.open", {"prizes": [{"name": "国家级锅"}], "until": MINUTE}, "prizes"),
    ("draw.open", {"prizes": "锅", "until": MINUTE, "collect": "找国家级客服"}, "collect"),
    ("draw.open", {"prizes": "锅", "until": MINUTE, "organiser": "国家级厨房"}, "organiser"),
]  # fmt: skip
"""What members read on a game's page, though its text does not say it."""


@pytest.mark.parametrize(("kind", "fields", "field"), SENDS, ids=lambda x: x if isinstance(x, str) else "")
def test_no_send_gets_past_a_term_that_blocks(sale: Sale, kind: str, fields: dict[str, Any], field: str) -> None:
    details = blocked(sale, kind, **fields)
    assert (details["field"], details["rules"]) == (field, ["AD-ABS"])
    (finding,) = details["findings"]
    assert finding["term"] == "国家级"
    assert finding["where"] == field
    assert finding["at"] == [0, 3]
    assert "say what the product does instead" in finding["message"]
    assert "改说" in finding["zh"]
    assert finding["law"]["zh"].startswith("广告法")


@pytest.mark.parametrize(("kind", "fields", "field"), GAMES, ids=lambda x: x if isinstance(x, str) else "")
def test_what_a_game_asks_and_promises_is_checked_whatever_its_text_says(
    sale: Sale, kind: str, fields: dict[str, Any], field: str
) -> None:
    for details in (
        blocked(sale, kind, **fields, groups="all", text="来玩 {link}"),
        blocked(sale, kind, **fields, groups="all"),
    ):
        assert (details["field"], details["rules"]) == (field, ["AD-ABS"])
    details = blocked(sale, "cue.add", at=START + MINUTE, do=kind, groups="all", text="来玩 {link}", fields=fields)
    assert (details["field"], details["rules"]) == (f"fields.{field}", ["AD-ABS"])
    assert not sale.state.drops
    given = Override(rules=("AD-ABS",), reason="seen by our lawyer")
    assert sale.do("controller", kind, **fields, groups="all", text="来玩 {link}", override=given)["drop"] == "drop1"


def test_a_telephone_number_is_no_option_of_a_poll(sale: Sale) -> None:
    details = blocked(
        sale, "poll.open", question="找谁", options=["打 13812345678", "不找"], text="来投票", groups="all"
    )
    assert (details["field"], details["rules"]) == ("options", ["PII"])


def test_a_warning_of_a_question_is_told_once_though_its_ready_text_says_it_again(sale: Sale) -> None:
    found = sale.do("controller", "poll.open", question="销量第一的是?", options=["锅", "刀"], groups="all")["found"]
    assert [(f["term"], f["where"]) for f in found] == [("第一", "question")]


def test_an_answer_to_a_question_is_a_send_too(sale: Sale) -> None:
    sale.do("r1", "question.raise", group="g1", member="m1", text="好用吗?")
    with pytest.raises(Refusal, match="absolute term"):
        sale.do("support", "question.answer", question="q1", content="最佳")


def test_a_warning_goes_and_the_answer_and_the_event_say_so(sale: Sale) -> None:
    result = sale.do("controller", "message.send", content="销量第一的锅", groups="all")
    assert [(f["rule"], f["severity"], f["term"]) for f in result["found"]] == [("AD-ABS", "warn", "第一")]
    first = sale.of("cue.announced")[-1]
    assert (first.check.set, first.check.version) == ("cn", rules.judge().version)
    assert first.check.found[0].where == "content"


def test_what_is_clean_says_which_rule_set_found_it_so(sale: Sale) -> None:
    assert "found" not in sale.do("controller", "message.send", content="好锅", groups="all")
    assert sale.of("cue.announced")[-1].check.set == "cn"


def test_the_record_says_which_rule_set_judged_the_sheet(sale: Sale) -> None:
    (created,) = sale.of("sale.created")
    assert (created.plan.checks.rules, created.plan.checks.version) == ("cn", rules.judge().version)


def test_an_override_lets_through_just_what_it_names_and_stands_in_the_event(sale: Sale) -> None:
    with pytest.raises(Refusal):
        overruling(sale, rules_=("PII",), text="国家级")
    with pytest.raises(Refusal) as refused:
        overruling(sale, rules_=("AD-ABS",), text="国家级 13800138000")
    assert refused.value.details is not None
    assert refused.value.details["rules"] == ["PII"]
    first = overruling(sale, rules_=("AD-ABS", "PII"), text="国家级 13800138000")
    assert first.override.reason == "seen by our lawyer"
    assert first.by == "controller:li"
    assert [(f.rule, f.severity, f.term) for f in first.check.found] == [
        ("AD-ABS", "block", "国家级"),
        ("PII", "block", "138****8000"),
    ]


def test_without_rules_nothing_is_sent(sale: Sale) -> None:
    command = MessageSend(content="好锅", groups="all")
    with pytest.raises(ValueError, match="no rules"):
        decide(sale.state, ACTORS["controller"], command, Moment(at=sale.now, bits=bytes(32)), "x", 1)


def test_a_brand_s_own_words_are_no_terms_in_its_sale() -> None:
    sale = Sale(sheet(segment(), checks={"exceptions": ["最佳拍档"]})).live()
    assert "found" not in sale.do("controller", "message.send", content="最佳拍档锅来了", groups="all")
    blocked(sale, "message.send", content="最佳的锅", groups="all")


def test_an_experience_with_a_link_is_marked_as_advertising(sale: Sale) -> None:
    assert blocked(sale, "link.drop", product="pan", groups="all", text="亲测好用, 点链接")["rules"] == ["AD-LABEL"]
    sale.do("controller", "link.drop", product="pan", groups="all", text="广告: 亲测好用, 点链接")


def test_a_buyer_s_words_are_for_who_has_a_paid_order() -> None:
    team = [*SHEET["team"][:3], {"person": "mei", "role": "cheer", "member": "m-mei"}]
    sale = Sale(sheet(segment(), team=team)).live()
    said = {"who": "mei", "text": "我下单了, 真快"}
    assert [f["rule"] for f in sale.do("controller", "task.assign", **said)["found"]] == ["SHILL"]
    lines = [{"product": "pan", "quantity": 1, "price": 12900}]
    sale.do("shop", "order.report", order="o1", status="paid", member="m-mei", lines=lines, amount=12900)
    assert "found" not in sale.do("controller", "task.assign", **(said | {"text": "我下单了, 很快"}))


def test_a_buyer_of_the_team_is_known_under_whichever_pseudonym_they_bought() -> None:
    team = [*SHEET["team"][:3], {"person": "mei", "role": "cheer", "member": "m-mei"}]
    sale = Sale(sheet(segment(), team=team)).live()
    lines = [{"product": "pan", "quantity": 1, "price": 12900}]
    sale.do("shop", "order.report", order="o1", status="paid", member="mei-s-phone", lines=lines, amount=12900)
    sale.do("r1", "member.link", a="mei-s-phone", b="m-mei")
    assert "found" not in sale.do("controller", "task.assign", who="mei", text="我下单了, 真快")


def test_a_headline_below_what_can_be_paid_warns_where_the_product_is_known(sale: Sale) -> None:
    def found(text: str) -> list[str]:
        at = sale.do("controller", "link.drop", product="pan", groups="all", text=text)
        sale.advance(sale.now + 15 * MINUTE)
        return [f["rule"] for f in at.get("found", [])]

    assert found("只要 99 元 {link}") == ["PRICE"]
    assert found("到手 109 元 {link}") == []  # 129 less the coupon of 20
    assert found("原价 299 {link}") == ["PRICE"]


def test_a_group_that_its_platform_makes_wait_is_told_before_it_is_sent() -> None:
    groups = [{"id": "g1", "relay": "wecom-1"}, {"id": "g2", "relay": "feishu-1"}]
    sale = Sale(sheet(segment(), groups=groups), relays=False).live()
    for n in range(20):
        assert "found" not in sale.do("controller", "message.send", content=f"第 {n} 条", groups="all")
    (found,) = sale.do("controller", "message.send", content="还有", groups="all")["found"]
    assert (found["rule"], found["term"]) == ("RATE", "g1")
    sale.advance(sale.now + 62 * SECOND)
    assert "found" not in sale.do("controller", "message.send", content="还有一条", groups="all")


def test_an_account_that_serves_several_groups_is_full_for_all_of_them_as_its_relay_has_told() -> None:
    sale = Sale(sheet(segment(), groups=[{"id": f"g{n}", "relay": "r1"} for n in range(1, 4)]), relays=False).live()
    groups = {"g1": "shop", "g2": "shop", "g3": "own"}
    window = {"platform": "wecom", "limits": [{"count": 4, "per_ms": MINUTE}]}
    accounts = [{"credential": name, **window} for name in ("shop", "own")]
    sale.do("r1", "relay.limits", credentials=accounts, groups=groups)
    assert "found" not in sale.do("controller", "message.send", content="一", groups="all")
    assert "found" not in sale.do("controller", "message.send", content="二", groups="all")
    (found,) = sale.do("controller", "message.send", content="三", groups="all")["found"]
    assert (found["rule"], found["term"]) == ("RATE", "g1, g2")
    sale.advance(sale.now + 2 * SECOND)
    for d in list(sale.state.opened):
        sale.do("r1", "delivery.report", delivery=d, attempt=1, outcome="sent", sent_at=sale.now)
    said = look(sale.state, rules.judge(), "四", Context(groups=("g1", "g3")), sale.now)
    assert [f["term"] for f in said["findings"]] == ["g1"], "what has left counts as long as the window looks back"
    assert "share one account of wecom, which takes 4 messages in 60 s" in said["findings"][0]["message"]
    quiet = look(sale.state, rules.judge(), "四", Context(groups=("g1", "g3")), sale.state.at + MINUTE + SECOND)
    assert quiet["findings"] == [], "a minute in which nothing happened is a minute"
    sale.advance(sale.now + MINUTE + SECOND)
    assert "found" not in sale.do("controller", "message.send", content="四", groups="group:g1 | group:g3")


def test_what_a_relay_has_told_counts_more_than_the_sheet() -> None:
    sale = Sale(sheet(segment(), groups=[{"id": "g1", "relay": "r1"}], checks={"platforms": {"r1": "wecom"}})).live()
    bot = {"credential": "bot", "platform": "telegram", "limits": [{"count": 30, "per_ms": SECOND}]}
    bot |= {"group_limits": [{"count": 1, "per_ms": SECOND}, {"count": 22, "per_ms": MINUTE}]}
    sale.do("r1", "relay.limits", credentials=[bot], groups={"g1": "bot"})
    for n in range(22):
        assert "found" not in sale.do("controller", "message.send", content=f"第 {n} 条", groups="all")
    (found,) = sale.do("controller", "message.send", content="还有", groups="all")["found"]
    assert (found["rule"], found["term"]) == ("RATE", "g1")


def test_a_text_that_its_platform_would_cut_warns() -> None:
    sale = Sale(sheet(segment(), groups=[{"id": "g1", "relay": "wecom-1"}]), relays=False).live()
    (found,) = sale.do("controller", "message.send", content="锅" * 683, groups="all")["found"]
    assert (found["rule"], found["term"]) == ("LENGTH", "2049 bytes")


def test_what_would_be_said_can_be_asked_before_and_leaves_no_trace(sale: Sale) -> None:
    seq = sale.state.seq
    said = look(sale.state, rules.judge(), "最佳 13800138000", Context(do="message.send"), sale.now)
    assert [(f["rule"], f["at"]) for f in said["findings"]] == [("AD-ABS", [0, 2]), ("PII", [3, 14])]
    assert said["version"] == rules.judge().version
    assert sale.state.seq == seq


# ---------------------------------------------------------------- draws

GOOD = PrizeRules(
    prizes=(Prize(name="不粘锅", worth=12_900),),
    quantity=3,
    until=START,
    collect="三天内找客服登记",
    organiser="厨房专场",
)


def prize_rules(**change: Any) -> PrizeRules:
    import msgspec

    return msgspec.structs.replace(GOOD, **change)


@pytest.mark.parametrize(
    ("change", "severities"),
    [
        ({}, []),
        ({"prizes": (Prize(name="车", worth=5_000_000),)}, []),
        ({"prizes": (Prize(name="车", worth=5_000_001),)}, ["block"]),
        ({"prizes": (Prize(name="杯"), Prize(name="车", worth=9_000_000))}, ["block"]),
        ({"prizes": ()}, ["warn"]),
        ({"prizes": (Prize(name=" "),)}, ["warn"]),
        ({"quantity": None}, ["warn"]),
        ({"quantity": None, "odds": "每 100 人 1 名"}, []),
        ({"until": None}, ["warn"]),
        ({"collect": ""}, ["warn"]),
        ({"organiser": " "}, ["warn"]),
        ({"collect": "", "organiser": "", "until": None}, ["warn"] * 3),
    ],
)
def test_a_draw_states_what_the_law_asks_and_gives_no_prize_above_it(change: Any, severities: list[str]) -> None:
    faults = prize_faults(rules.judge(), prize_rules(**change), "CNY")
    assert [f.severity for f in faults] == severities
    assert all(f.rule == "PRIZE" and f.message and f.zh for f in faults)


def test_a_task_among_the_team_is_nobody_s_advertisement(sale: Sale) -> None:
    sale.do("controller", "task.assign", who="support", text="打 13800138000 问地址, 别再说最佳")
    sale.do("controller", "task.assign", who="chen", text="打 13912345678 问地址")
    assert blocked(sale, "task.assign", who="cheer", text="打 13800138000")["rules"] == ["PII"]
