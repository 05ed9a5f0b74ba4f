"""The simulated audience is believable, the same for the same seed, and knows only what reached its groups."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from coordinator.demo.audience import SimulatedAudience, run_audience
from coordinator.demo.crowd import GroupOfDemo
from coordinator.demo.goods import Catalogue, Goods, Heard, Terms
from coordinator.demo.planning import MESSAGES_A_MEMBER_MINUTE, MINUTE_MS, Action, Planner, Rates, Scene
from coordinator.demo.wire import pseudonym
from tests.demo.fakes import START, FakeShop, JournalingRelay, RehearsalClock, no_pause

KEY = b"member key"
PAN = Goods("pan", "不粘锅", 12_900, "https://shop.example/pan")
CUP = Goods("cup", "保温杯", 5_900, "https://shop.example/cup")
CATALOGUE = Catalogue((PAN, CUP), (Terms("c20", "满100减20", off=2_000, over=10_000, products=("pan",)),))
GROUPS = [GroupOfDemo(f"g{n}", 150) for n in range(1, 21)]
LINK = {
    "text": "3, 2, 1, 不粘锅上链接 http://127.0.0.1:8700/l/kL",
    "link": "http://127.0.0.1:8700/l/kL",
    "as": "message",
}
COUPON = {"text": "满100减20 来了", "coupon": "https://live.example/c/kC"}


def planner(seed: int = 7, rates: Rates | None = None) -> Planner:
    return Planner(seed, GROUPS, CATALOGUE, rates)


def an_hour(plan: Planner, segment: str, group: str = "g1") -> list[Action]:
    scene = Scene(segment, "pan")
    slices = range(START, START + 60 * MINUTE_MS, 30_000)
    return [action for start in slices for action in plan.meanwhile(group, start, start + 30_000, scene)]


def test_the_same_seed_gives_the_same_audience_and_another_seed_another() -> None:
    def all_of(seed: int) -> list[Action]:
        plan = planner(seed)
        return [
            *an_hour(plan, "product"),
            *plan.scene_changed(Scene("product", "pan"), START),
            *plan.hears(Heard.from_content("g2", START, LINK)),
        ]

    assert all_of(7) == all_of(7)
    assert all_of(7) != all_of(8)


def test_the_groups_are_busiest_at_the_opening_and_at_the_peak() -> None:
    said = {kind: sum(a.do in ("say", "ask") for a in an_hour(planner(), kind)) for kind in MESSAGES_A_MEMBER_MINUTE}
    assert sorted(said, key=lambda kind: said[kind])[-2:] in (
        ["opening", "peak"],
        ["peak", "opening"],
        ["limited", "peak"],
    )
    assert said["preheat"] * 5 < said["opening"]
    # A group of 150 at its liveliest: some messages a minute, as a person can still follow.
    assert 3 < said["peak"] / 60 < 12


def test_a_few_speak_often_and_most_never() -> None:
    by_person = Counter(a.person.who for a in an_hour(planner(), "product") if a.do in ("say", "ask"))
    total = sum(by_person.values())
    assert sum(n for _, n in by_person.most_common(15)) > total * 0.25
    assert len(by_person) < 150


def test_nobody_speaks_before_joining_or_after_leaving() -> None:
    plan = planner()
    first_word: dict[str, int] = {}
    joined: dict[str, int] = {}
    left: dict[str, int] = {}
    last_word: dict[str, int] = {}
    for action in [*an_hour(plan, "opening"), *an_hour(plan, "wrapup", "g2")]:
        who = action.person.who
        if action.do == "join":
            joined[who] = action.at
        elif action.do == "leave":
            left[who] = action.at
        else:
            first_word.setdefault(who, action.at)
            last_word[who] = action.at
    assert joined
    assert left
    assert all(first_word[who] >= at for who, at in joined.items() if who in first_word)
    assert all(last_word[who] <= at for who, at in left.items() if who in last_word)


def test_members_have_chinese_names_and_joins_name_their_channel() -> None:
    actions = an_hour(planner(), "opening")
    names = {action.person.name for action in actions}
    assert len(names) > 30
    assert sum(any("\u4e00" <= c <= "\u9fff" for c in name) for name in names) > len(names) * 0.8
    assert len({action.channel for action in actions if action.do == "join"}) >= 3


def test_a_product_on_the_air_makes_several_groups_ask_the_same_question() -> None:
    asked = planner().scene_changed(Scene("product", "pan"), START)
    assert len({action.text for action in asked}) == 1
    assert 4 <= len({action.person.group for action in asked}) <= 17
    assert all(action.raised and START < action.at < START + 2 * MINUTE_MS for action in asked)


def test_a_link_is_clicked_by_an_eighth_within_minutes_and_ever_less() -> None:
    plan = planner()
    clicks = [a for g in GROUPS for a in plan.hears(Heard.from_content(g.id, START, LINK)) if a.do == "click"]
    share = len({a.person.who for a in clicks}) / (20 * 150)
    assert 0.10 < share < 0.14
    assert {a.key for a in clicks} == {"kL"}
    ages = [a.at - START for a in clicks]
    first, second, third = (sum(lo <= age < lo + MINUTE_MS for age in ages) for lo in (0, MINUTE_MS, 2 * MINUTE_MS))
    assert first > second > third > 0
    assert max(ages) <= 20 * MINUTE_MS


def test_a_message_without_an_address_makes_nobody_click() -> None:
    plan = planner(rates=Rates(react=0.5))
    actions = plan.hears(Heard.from_content("g1", START, {"text": "签到领红包, 10 分钟后开抢"}))
    assert {action.do for action in actions} <= {"say", "leave"}
    assert actions


def test_an_announced_chain_and_a_draw_are_played_by_some_and_how_they_end_by_nobody() -> None:
    plan = planner(rates=Rates(chain=0.05, enter=0.05))

    def done(text: str) -> set[str]:
        return {
            (a.turn or {}).get("kind", a.do)
            for g in GROUPS
            for a in plan.hears(Heard.from_content(g.id, START, {"text": text}))
        }

    assert "chain.join" in done("接龙: 不粘锅, 满 5 人解锁专享价, 10 分钟内在群里回复 +1 参加")
    assert "draw.enter" in done("抽奖: 保温杯 1 份, 在群里回复 抽奖 即可参加")
    assert not {"chain.join", "draw.enter"} & done("接龙成团! 不粘锅 5 人到齐") | {"chain.join", "draw.enter"} & done(
        "开奖! 共 5 人参加"
    )


def test_keys_are_found_in_addresses_of_any_host_and_nowhere_else() -> None:
    heard = Heard.from_content(
        "g1", 0, {"text": "见 https://a.example/live/l/K-1_x, /lost/x", "link": None, "coupon": "http://h:1/c/CC"}
    )
    assert heard.links == ("K-1_x",)
    assert heard.coupons == ("CC",)


class Show:
    """An audience at work with a fake sale around it."""

    def __init__(self, seed: int = 7, shop: FakeShop | None = None, groups: list[GroupOfDemo] | None = None, **options):
        self.clock = RehearsalClock()
        self.relay = JournalingRelay(self.clock)
        self.shop = shop or FakeShop(address=PAN.url)
        self.audience = SimulatedAudience(
            seed=seed, groups=groups or GROUPS, catalogue=CATALOGUE, relay=self.relay, shop=self.shop,
            clock=self.clock, barrier=self.clock, member_key=KEY, pause=no_pause, **options,
        )  # fmt: skip

    def orders(self, status: str) -> list[dict]:
        return [c for c in self.shop.reports if c.get("status") == status]


async def test_the_funnel_narrows_as_in_a_real_sale() -> None:
    show = Show(window_ms=1_000)
    show.audience.follow("peak", None)
    for group in GROUPS:
        show.audience.hear(group.id, COUPON)
    report = await show.audience.run(START + 90 * MINUTE_MS)
    members = 20 * 150
    opened, claimed = len(show.shop.opens), len(show.shop.claims)
    placed, paid, refunded = (len(show.orders(status)) for status in ("placed", "paid", "refunded"))
    assert 0.10 < opened / members < 0.14
    assert 0.33 < claimed / opened < 0.47
    assert 0.24 < placed / claimed < 0.46
    assert 0.65 < paid / placed < 0.95
    assert refunded <= paid * 0.15
    assert report.tally.refusals == 0
    assert report.tally.accepted["claim"] == claimed


async def test_links_lead_to_orders_of_the_product_they_show_with_its_price_and_key() -> None:
    show = Show()
    for group in GROUPS:
        show.audience.hear(group.id, LINK)
    await show.audience.run(START + 30 * MINUTE_MS)
    placed = show.orders("placed")
    assert 20 < len(placed) < 100
    for order in placed:
        assert order["link"] == "kL"
        assert order["lines"][0]["product"] == "pan"
        assert order["amount"] == sum(line["price"] * line["quantity"] for line in order["lines"])
    assert len({order["order"] for order in placed}) == len(placed)


async def test_a_code_is_redeemed_once_with_the_payment_of_its_order() -> None:
    class Telling(FakeShop):
        async def open(self, member, key):
            page = await super().open(member, key)
            return type(page)(page.ok, coupon="c20")

    show = Show(shop=Telling())
    for group in GROUPS:
        show.audience.hear(group.id, COUPON | {"text": "不粘锅的券, 满100减20"})
    await show.audience.run(START + 30 * MINUTE_MS)
    redeemed = [c for c in show.shop.reports if c["kind"] == "coupon.redeem"]
    paid = {c["order"]: c for c in show.orders("paid")}
    assert redeemed
    assert len({c["code"] for c in redeemed}) == len(redeemed)
    for command in redeemed:
        order = paid[command["order"]]
        full = sum(line["price"] * line["quantity"] for line in order["lines"])
        assert order["coupon"] == command["code"]
        assert order["amount"] == full - 2_000


async def test_a_coupon_that_runs_out_is_counted_and_brings_no_orders() -> None:
    show = Show(shop=FakeShop(coupons=10))
    for group in GROUPS:
        show.audience.hear(group.id, COUPON)
    report = await show.audience.run(START + 30 * MINUTE_MS)
    assert report.tally.accepted["claim"] == 10
    assert report.tally.refused["claim", "exhausted"] > 50
    assert len(show.orders("placed")) <= 10
    assert any("claim, exhausted" in line for line in report.lines())


async def test_what_members_say_comes_through_the_relay_under_their_pseudonyms() -> None:
    show = Show(groups=GROUPS[:3])
    show.audience.follow("product", "pan")
    await show.audience.run(START + 20 * MINUTE_MS)
    messages, raised = show.relay.recorded("message"), show.relay.recorded("question.raise")
    assert messages
    assert raised
    known = {pseudonym(KEY, f"demo:g{g}:{n}") for g in range(1, 4) for n in range(1, 400)}
    assert {c["member"] for c in [*messages, *raised]} <= known
    said = {(c["member"], c["text"]) for c in messages}
    assert all((c["member"], c["text"]) in said for c in raised)
    joins = show.relay.recorded("joined")
    assert all(c["channel"] for c in joins)


async def test_a_message_that_arrives_while_the_audience_waits_is_acted_on_before_the_clock_runs_past() -> None:
    show = Show(groups=[GroupOfDemo("g1", 400)])
    running = asyncio.create_task(show.audience.run())
    waiting = False

    async def until_waiting() -> None:
        nonlocal waiting
        while show.clock.now() < START + 5 * MINUTE_MS:
            await asyncio.sleep(0)
        waiting = True

    await until_waiting()
    heard_at = show.clock.now()
    show.audience.hear("g1", LINK)
    while len(show.shop.clicks) < 10:
        await asyncio.sleep(0)
        assert show.clock.now() < heard_at + 20 * MINUTE_MS
    show.audience.stop()
    report = await running
    assert waiting
    assert show.clock.holds == {}
    assert report.not_done["click"] > 0
    assert any("not done" in line for line in report.lines())


async def test_the_end_of_the_show_ends_the_audience() -> None:
    show = Show(groups=GROUPS[:1])
    ended = asyncio.Event()
    running = asyncio.create_task(run_audience(show.audience, ended))
    while show.clock.now() < START + 2 * MINUTE_MS:
        await asyncio.sleep(0)
    ended.set()
    report = await asyncio.wait_for(running, 10)
    assert report is show.audience.report
    assert show.clock.released == ["audience"]


async def test_a_failure_of_the_relay_is_raised_and_the_clock_let_go() -> None:
    show = Show(groups=GROUPS[:1])
    show.relay.decide = lambda command: {}[command["id"]]
    with pytest.raises(KeyError):
        await run_audience(show.audience, asyncio.Event(), START + 60 * MINUTE_MS)
    assert show.clock.holds == {}


async def test_groups_that_the_audience_does_not_know_are_left_alone() -> None:
    show = Show(groups=GROUPS[:1])
    show.audience.hear("another", LINK)
    await show.audience.run(START + MINUTE_MS)
    assert show.shop.clicks == []


async def test_who_finds_a_link_too_far_up_wants_it_again() -> None:
    show = Show(rates=Rates(again=0.05))
    for group in GROUPS:
        show.audience.hear(group.id, LINK)
    await show.audience.run(START + 30 * MINUTE_MS)
    asked = show.relay.recorded("asked")
    said = [m for m in show.relay.recorded("message") if "再发" in m["text"]]
    assert len(asked) == len(said) > 20
    assert {a["member"] for a in asked} == {m["member"] for m in said}


async def test_what_the_cheer_squad_was_given_is_seen_in_its_group_as_the_teams() -> None:
    show = Show()
    for n in range(40):
        show.audience.assigned(f"t{n}", "g1", "mei", f"这口锅煎蛋真的不粘 {n}")
    show.audience.assigned("elsewhere", "no-such-group", "mei", "x")
    await show.audience.run(START + 2 * MINUTE_MS)
    posted = [m for m in show.relay.recorded("message") if m.get("staff")]
    assert 10 < len(posted) < 38
    assert {(m["group"], m["staff"], "member" in m) for m in posted} == {("g1", "mei", False)}


async def test_who_ordered_can_be_reached() -> None:
    handed: dict[str, str] = {}

    async def reach(contacts: Any) -> None:
        handed.update(contacts)

    show = Show(reach=reach)
    for group in GROUPS:
        show.audience.hear(group.id, LINK)
    await show.audience.run(START + 30 * MINUTE_MS)
    assert set(handed) == {order["member"] for order in show.orders("placed")}
    assert all(contact.startswith("demo g") for contact in handed.values())
