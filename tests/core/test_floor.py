"""Control of the floor: what members do in groups that the controller is told of, and the reminder that one press sends."""

from __future__ import annotations

import re
from typing import Any

import pytest

from coordinator import rules
from coordinator.core import Refusal, evolve, floor
from coordinator.core.kernel import Override
from coordinator.core.state import decode, encode
from tests.core.driver import MINUTE, PUBLIC, SECOND, START, Sale, segment, sheet

RULES = "1. 不发广告; 2. 售后找客服"
SAID: dict[str, list[str]] = {
    "politics": ["你们怎么看选举", "最近台独的新闻", "信教的人能吃吗", "來聊聊政治", "法-轮-功"],
    "advertising": [
        "加我微信聊", "便宜的加v abc12345", "微信号: kitchen_8", "我这里更便宜, 私聊我", "刷单日结", "看这个 https://evil.example/x",
        "evil-shop.com 更便宜", "扫码进群领福利", "+VX pan88888",
    ],
    "negative": ["都是骗子", "这锅太差了", "假货吧", "垃 圾", "给我滚!", "再也不来了, 去投诉", "傻逼客服", "大家别买"],
}  # fmt: skip
LEFT = [
    "这锅好用吗", "怎么加微信群", "加我一个", "我要两个", "垃圾袋有吗", "厨余垃圾能打碎吗", "教会我做菜了", "给妈妈的礼物", "滚烫的油能倒吗",
    "别买错颜色", "打折吗", "看 https://shop.example/pan", "直播间 live.example/room", "qq弹弹的", "威化饼 a级", "总统套房同款", "没有差评真好",
]  # fmt: skip


def say(sale: Sale, text: str, member: str = "m1", group: str = "g1", **more: Any) -> None:
    sale.do("r1", "group.observe", group=group, what="message", member=member, text=text, **more)


def of(sheet_: dict[str, Any] | None = None) -> Sale:
    return Sale(sheet_ or sheet(segment(lasts="1h"))).live()


@pytest.mark.parametrize(("what", "text"), [(what, text) for what, texts in SAID.items() for text in texts])
def test_negative_words_advertising_politics_and_religion_are_told_to_the_controller(what: str, text: str) -> None:
    sale = of()
    say(sale, text, name="小王")
    (card,) = sale.state.disturbances.values()
    assert (card.what, card.group, card.member, card.name, card.text) == (what, "g1", "m1", "小王", text)
    assert card.term


@pytest.mark.parametrize("text", LEFT)
def test_what_only_looks_like_it_is_nothing_to_be_told(text: str) -> None:
    sale = of()
    say(sale, text)
    assert not sale.state.disturbances


def test_a_link_that_the_group_was_sent_is_no_advertising_when_a_member_asks_about_it() -> None:
    sale = of()
    for text in (f"{PUBLIC}/l/Kq3x9aBz 打不开", "d.example/c/Kq3x9aBz 领不了"):
        say(sale, text)
    assert not sale.state.disturbances
    say(sale, f"https://evil.example/?{PUBLIC}/l/Kq3x9aBz")
    assert [d.what for d in sale.state.disturbances.values()] == ["advertising"]


def test_no_pattern_tries_each_of_many_blanks_in_two_places() -> None:
    """One member's 20,000 blanks behind 加v held up all sales of a node for three seconds: two runs of blanks met in it."""
    for rule in rules.judge().rules.rules.values():
        for pattern in (each for some in rule.patterns for each in some.patterns):
            assert not re.search(r"\\s[*+](?:[^\\()|\[\]][?*])*\\s[*+]", pattern), pattern


def test_of_a_message_as_long_as_a_book_the_beginning_is_looked_at() -> None:
    sale = of()
    say(sale, "好" * floor.LOOKED_AT + "骗子")
    assert not sale.state.disturbances
    say(sale, "骗子" + "好" * 19_000)
    assert len(sale.state.disturbances) == 1


def test_a_card_shows_of_a_long_message_where_the_word_stands() -> None:
    """20,000 signs of one member stood on the controller's screen, with the buttons somewhere below them."""
    sale = of()
    say(sale, "好" * 1000 + "骗子" + "坏" * 1000)
    shown = sale.state.disturbances["floor1"].text or ""
    assert (shown[:2], shown[-2:]) == ("…好", "坏…")
    assert "好骗子坏" in shown
    assert len(shown) == floor.SHOWN + 2
    say(sale, "骗子" + "坏" * 19_000)
    assert sale.state.disturbances["floor1"].text == "骗子" + "坏" * (floor.SHOWN - 2) + "…"


def test_one_who_fills_a_group_is_told_once_a_minute_however_much_they_say() -> None:
    sale = of()
    for n in range(30):
        say(sale, f"第 {n} 句")
    (card,) = sale.state.disturbances.values()
    assert (card.what, card.count) == ("flooding", 1)
    for n in range(7):
        say(sale, f"我 {n}", "m2")
    assert card.count == 1
    sale.advance(START + 2 * MINUTE)
    for n in range(8):
        say(sale, f"又 {n}")
    assert card.count == 2


def test_how_much_fills_a_group_is_the_sheets_to_say() -> None:
    sale = of(sheet(segment(lasts="1h"), floor={"messages": 2, "per": "10s"}))
    say(sale, "一")
    sale.advance(START + 11 * SECOND)
    say(sale, "二")
    assert not sale.state.disturbances
    say(sale, "三")
    assert [d.what for d in sale.state.disturbances.values()] == ["flooding"]
    never = of(sheet(segment(lasts="1h"), floor={"messages": 0}))
    for n in range(50):
        say(never, f"{n}")
    assert not never.state.disturbances


def test_who_comes_late_and_talks_into_what_the_host_says_is_told() -> None:
    listening = segment(id="pan", lasts="10m", kind="product", product="pan")
    sale = of(sheet(listening, segment(id="qa", kind="qa", lasts="10m")))
    sale.do("r1", "group.observe", group="g1", what="joined", member="late")
    for n in range(3):
        say(sale, f"刚来 {n}", "early")
        say(sale, f"前面讲了什么 {n}", "late")
    (card,) = sale.state.disturbances.values()
    assert (card.what, card.member) == ("interrupting", "late")
    sale.advance(START + 11 * MINUTE)
    sale.do("r1", "group.observe", group="g1", what="joined", member="later")
    for n in range(5):
        say(sale, f"问 {n}", "later")
    assert len(sale.state.disturbances) == 1, "in questions everybody may talk"


def test_the_same_in_the_same_group_is_one_card_with_a_count_and_another_group_another() -> None:
    sale = of()
    say(sale, "骗子")
    say(sale, "假货", "m2")
    say(sale, "骗子", "m3", "g2")
    say(sale, "加我微信", "m3", "g2")
    assert [(d.group, d.what, d.count) for d in sale.state.disturbances.values()] == [
        ("g1", "negative", 2), ("g2", "negative", 1), ("g2", "advertising", 1),
    ]  # fmt: skip
    assert sale.state.disturbances["floor1"].text == "假货"


def test_the_team_and_its_own_pseudonyms_disturb_nobody() -> None:
    team = [{"person": "mei", "role": "cheer", "member": "buyer"}, {"person": "li", "role": "controller"}]
    sale = of(sheet(segment(lasts="1h"), team=team))
    say(sale, "不是骗子", staff="mei")
    say(sale, "骗子", "buyer")
    assert not sale.state.disturbances


def test_one_press_sends_the_groups_rules_with_the_reminder() -> None:
    of_groups = sheet(segment(lasts="1h"), floor={"rules": "各群通用群规"})
    of_groups["groups"][0]["rules"] = RULES
    sale = of(of_groups)
    say(sale, "加我微信")
    say(sale, "加我微信", "m2", "g2")
    shown = sale.state.disturbances["floor1"].reminder
    sale.do("controller", "floor.remind", disturbance="floor1")
    sale.do("controller", "floor.remind", disturbance="floor2")
    sent = {d.group: d.content.text for d in sale.state.deliveries.values()}
    assert sent["g1"] == shown == f"本群不发广告和无关链接, 也不私下加人, 谢谢配合。\n{RULES}"
    assert sent["g2"].endswith("各群通用群规")
    assert sale.state.disturbances["floor1"].status == "reminded"


def test_a_correction_is_the_controllers_words_and_checked_as_any_send() -> None:
    sale = of()
    say(sale, "这锅太差")
    with pytest.raises(Refusal, match="absolute term"):
        sale.do("controller", "floor.remind", disturbance="floor1", text="我们是最佳的锅")
    sale.do("controller", "floor.remind", disturbance="floor1", text="锅底划痕七天包换, 找客服小陈")
    assert [d.content.text for d in sale.state.deliveries.values()] == ["锅底划痕七天包换, 找客服小陈"]


def test_the_sheet_has_its_own_words_for_each() -> None:
    sale = of(sheet(segment(lasts="1h"), floor={"reminders": {"negative": "不满意找客服, {title}"}}))
    say(sale, "骗子")
    assert sale.state.disturbances["floor1"].reminder == "不满意找客服, 厨房专场"


def test_of_two_who_press_one_reminds_and_the_other_is_told() -> None:
    sale = of()
    say(sale, "骗子")
    sale.do("controller", "floor.remind", disturbance="floor1", from_="floor1")
    assert sale.refused("controller", "floor.remind", disturbance="floor1", from_="floor1") == "stale"
    assert sale.refused("controller", "floor.dismiss", disturbance="floor1") == "stale"
    assert sale.refused("controller", "floor.dismiss", disturbance="floor9") == "unknown"
    assert len(sale.of("floor.reminded")) == 1


def test_the_same_reminder_does_not_go_twice_within_ten_minutes_unless_somebody_says_why() -> None:
    sale = of()
    say(sale, "骗子")
    sale.do("controller", "floor.remind", disturbance="floor1")
    say(sale, "还是骗子")
    with pytest.raises(Refusal, match="within the last minutes") as capped:
        sale.do("controller", "floor.remind", disturbance="floor2")
    assert (capped.value.code, (capped.value.details or {})["allowed_at"]) == ("capped", START + 10 * MINUTE)
    why = Override(rules=("DUP",), reason="a raid")
    sale.do("controller", "floor.remind", disturbance="floor2", override=why)
    say(sale, "骗")
    sale.advance(START + 11 * MINUTE)
    say(sale, "又是骗子")
    sale.do("controller", "floor.remind", disturbance="floor3")
    assert [d.status for d in sale.state.deliveries.values()].count("held") == 0


def test_a_card_can_be_put_away_and_what_comes_then_is_a_new_one() -> None:
    sale = of()
    say(sale, "骗子")
    sale.do("controller", "floor.dismiss", disturbance="floor1")
    say(sale, "骗子")
    assert [d.status for d in sale.state.disturbances.values()] == ["dismissed", "open"]
    assert not sale.state.deliveries


def test_only_the_controller_reminds() -> None:
    sale = of()
    say(sale, "骗子")
    for who in ("cheer", "support", "r1", "host"):
        assert sale.refused(who, "floor.remind", disturbance="floor1") == "forbidden"


def test_nothing_goes_into_a_halted_show_or_a_frozen_group_and_the_card_stays() -> None:
    sale = of()
    say(sale, "骗子")
    sale.do("controller", "show.halt", reason="test")
    assert sale.refused("controller", "floor.remind", disturbance="floor1") == "too_early"
    sale.do("controller", "show.unhalt")
    sale.do("controller", "group.freeze", group="g1")
    assert sale.refused("controller", "floor.remind", disturbance="floor1") == "invalid"
    assert sale.state.disturbances["floor1"].status == "open"


def test_a_raid_leaves_no_more_cards_than_a_screen_holds() -> None:
    sale = Sale(sheet(segment(lasts="1h")), check=False).live()
    for n in range(150):
        say(sale, "骗子", f"m{n}")
        sale.do("controller", "floor.dismiss", disturbance=f"floor{n + 1}")
    assert len(sale.state.disturbances) == 100


# ---------------------------------------------------------------- what groups have of their own
def test_who_comes_into_a_group_is_welcomed_once_for_all_who_come_within_ten_minutes() -> None:
    of_groups = sheet(segment(lasts="1h"))
    of_groups["groups"][0] |= {"welcome": "欢迎来到{group}! 群规: {rules}", "rules": RULES}
    sale = of(of_groups)

    def join(member: str, group: str = "g1") -> None:
        sale.do("r1", "group.observe", group=group, what="joined", member=member)

    join("m1")
    join("m2")
    join("m3", "g2")  # which has no welcome
    assert [(d.group, d.content.text) for d in sale.state.deliveries.values()] == [
        ("g1", f"欢迎来到VIP 1 群! 群规: {RULES}")
    ]
    sale.advance(START + 10 * MINUTE)
    join("m4")
    assert len(sale.of("group.welcomed")) == 2


def test_nobody_is_welcomed_before_the_sale_is_armed_nor_in_a_halt() -> None:
    sale = Sale(sheet(segment(lasts="1h"), floor={"welcome": "欢迎"}))
    sale.do("r1", "group.observe", group="g1", what="joined", member="m1")
    sale.live().do("controller", "show.halt", reason="test")
    sale.do("r1", "group.observe", group="g1", what="joined", member="m2")
    sale.do("controller", "show.unhalt")
    sale.do("controller", "show.pause")
    sale.do("r1", "group.observe", group="g1", what="joined", member="m3")
    assert not sale.state.deliveries
    sale.do("controller", "show.resume")
    sale.do("r1", "group.observe", group="g1", what="joined", member="m4")
    assert [d.content.text for d in sale.state.deliveries.values()] == ["欢迎"]


def test_each_group_is_sent_its_own_rules_and_announcement() -> None:
    cue = {
        "id": "a",
        "at": "+1m",
        "do": "message.send",
        "announcement": True,
        "text": "{announcement} ({group}, {owner})",
    }
    of_groups = sheet(segment(cue, lasts="1h"), floor={"announcement": "今晚 8 点开抢"})
    of_groups["groups"][0] |= {"announcement": "VIP 提前 10 分钟", "owner": "王姐"}
    sale = of(of_groups)
    sale.advance(START + MINUTE)
    sent = {d.group: (d.content.text, d.content.as_) for d in sale.state.deliveries.values()}
    assert sent["g1"] == ("VIP 提前 10 分钟 (VIP 1 群, 王姐)", "announcement")
    assert sent["g2"] == ("今晚 8 点开抢 (会员 2 群, )", "announcement")


def test_a_group_that_is_dissolved_is_sent_nothing_more_and_its_members_have_not_left() -> None:
    sale = of()
    for group in ("g1", "g2"):
        sale.do("r1", "group.observe", group=group, what="joined", member="both")
    sale.do("r1", "group.observe", group="g1", what="joined", member="one")
    assert sale.state.figures["sale"].members == 62
    sale.do("controller", "message.send", content="再见", groups="all")
    sale.do("r1", "group.observe", group="g1", what="dissolved")
    for what in ("left", "removed", "reachable", "dissolved"):
        sale.do("r1", "group.observe", group="g1", what=what, member="one")
    group, figures = sale.state.groups["g1"], sale.state.figures["sale"]
    assert (group.members, group.leaves, group.removed, group.dissolved) == (0, 0, 0, True)
    assert (figures.members, figures.leaves, figures.dissolved) == (51, 0, 12)
    assert {g: d.status for g, d in sale.deliveries().items()} == {
        "g1": "withdrawn",
        "g2": "requested",
        "g3": "requested",
    }
    assert sale.refused("controller", "group.thaw", group="g1") == "too_late"
    assert sale.refused("controller", "message.send", content="还在吗", groups="group:g1") == "invalid"
    assert len(sale.of("group.dissolved")) == 1


def test_whom_a_full_list_of_newcomers_leaves_out_is_the_same_after_a_kept_state(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first was left out for each that came more; in a state that had been kept the first was another, by name."""
    monkeypatch.setattr(floor, "MOST_NEWCOMERS", 2)
    sale = of()
    for member in ("wang", "an"):
        sale.do("r1", "group.observe", group="g1", what="joined", member=member)
    kept = decode(encode(sale.state))
    mark = len(sale.events)
    sale.do("r1", "group.observe", group="g1", what="joined", member="li")
    for event in sale.events[mark:]:
        evolve(kept, event)
    assert encode(kept) == encode(sale.state)
    assert sorted(kept.talk["g1"].newcomers) == ["an", "wang"]
