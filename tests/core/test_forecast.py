"""The forecast: when the last group will have a drop, by the windows that its relays have told."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from coordinator.core.forecast import Job, departures, forecast
from coordinator.core.windows import Limit
from tests.core.driver import MINUTE, SECOND, START, Sale, segment, sheet

LIMITS = st.lists(st.builds(Limit, st.integers(1, 4), st.sampled_from([3, 10, 25])), min_size=1, max_size=2)
GROUPS = ("g1", "g2", "g3")
JOBS = st.lists(
    st.builds(
        Job,
        st.integers(0, 2),
        st.integers(0, 40),
        st.sampled_from([20, 60, 10_000]),
        st.booleans(),
        st.sampled_from(GROUPS),
        st.sampled_from([1, 1, 1, 2, 5]),
    ),
    max_size=14,
)
USED = st.lists(st.tuples(st.integers(-30, -1), st.sampled_from(GROUPS)), max_size=6)


def strict(limits: list[Limit], log: list[int], now: int, places: int = 1) -> bool:
    return all(
        sum(now - limit.per_ms <= at for at in log) + min(places, limit.count) <= limit.count for limit in limits
    )


def by_the_ms(
    limits: list[Limit], group_limits: list[Limit], used: list[tuple[int, str]], jobs: list[Job]
) -> tuple[list[int | None], list[tuple[int, str]]]:
    """Strict windows that are looked at every ms: when each asked job leaves, and everything that left."""
    log, waiting = list(used), list(enumerate(jobs))
    left: dict[int, int | None] = {n: None for n, job in waiting if job.asked}
    for now in range(1_000):
        while True:
            ready = [
                (job.priority, job.at, n, job)
                for n, job in waiting
                if job.at <= now < job.expires_at
                and strict(group_limits, [at for at, group in log if group == job.group], now, job.places)
            ]
            if not ready:
                break
            _, _, n, job = min(ready)
            if not strict(limits, [at for at, _ in log], now, job.places):
                break
            log += [(now, job.group)] * job.places
            waiting.remove((n, job))
            if job.asked:
                left[n] = now
    return list(left.values()), log


@given(LIMITS, st.one_of(st.just([]), LIMITS), USED, JOBS)
@example([Limit(4, 3)], [Limit(1, 25)], [], [Job(0, 0, 10_000, True, "g1")] * 4 + [Job(1, 2, 60, True, "g2")])
def test_a_forecast_is_what_strict_windows_let_through_to_the_ms(limits, group_limits, used, jobs):
    legal: list[tuple[int, str]] = []
    for at, group in sorted(used):  # what the windows can have let through before
        if strict(limits, [x for x, _ in legal], at) and strict(group_limits, [x for x, g in legal if g == group], at):
            legal.append((at, group))
    expected, log = by_the_ms(limits, group_limits, legal, jobs)
    in_groups = {group: [x for x, g in legal if g == group] for group in GROUPS}
    assert departures(limits, [x for x, _ in legal], jobs, 0, tuple(group_limits), in_groups) == expected
    for limit in limits:
        for first, _ in log:
            within = [at for at, _ in log if first <= at <= first + limit.per_ms]
            # An album that is more than a limit ever takes goes by itself.
            assert len(within) <= limit.count or len(set(within)) == 1


def test_what_a_relay_says_to_have_sent_ahead_of_its_instant_does_not_make_the_forecast_endless():
    """Its log was out of order then, and what was let into the group was put back for ever: the whole node stood still."""
    jobs = [Job(1, 34, 229, True, "g1", 10), Job(1, 29, 150, True, "g1", 1)]
    assert departures((), (), jobs, 0, (Limit(2, 5),), {"g1": [32]}) == [35, 29]


def told(sale: Sale, relay: str = "r1", count: int = 1, per_ms: int = MINUTE, **more: Any) -> None:
    groups = {"r1": {"g1": "robot", "g2": "robot"}, "r2": {"g3": "other"}}[relay]
    name = next(iter(groups.values()))
    entry = {"credential": name, "platform": "wecom", "limits": [{"count": count, "per_ms": per_ms}], **more}
    sale.do(relay, "relay.limits", credentials=[entry], groups=groups)


def coming(sale: Sale, groups: tuple[str, ...] = ("g1", "g2", "g3"), **more: Any) -> Any:
    at = sale.now + 2 * SECOND
    asked = {"at": at, "expires_at": at + 10 * MINUTE, "priority": 0, "now": sale.now} | more
    return forecast(sale.state, groups, **asked)[0]


def test_nothing_is_forecast_of_relays_that_tell_nothing():
    sale = Sale().live()
    assert (coming(sale).groups, coming(sale).told, coming(sale).last_at) == (3, 0, None)
    told(sale)
    assert (coming(sale).told, coming(sale).last_at) == (2, START + 2 * SECOND + MINUTE + 1)


def test_a_drop_says_when_its_last_group_will_have_it_and_what_left_before_counts():
    sale = Sale().live()
    told(sale)
    sale.do("controller", "link.drop", product="pan", groups="group:g1")
    assert sale.state.drops["drop1"].last_at == START + 2 * SECOND
    sale.advance(START + 2 * SECOND)
    sale.do("r1", "delivery.report", delivery="d1", attempt=1, outcome="sent", sent_at=sale.now)
    sale.do("controller", "link.drop", link="room", groups="tier:vip | tier:member")
    # One left at 2 s, so the next may at 62 s and the last at 122 s.
    assert sale.state.drops["drop2"].last_at == START + 2 * SECOND + 2 * (MINUTE + 1)


def test_what_waits_goes_first_unless_it_is_of_less_weight():
    sale = Sale().live()
    told(sale)
    sale.do("controller", "message.send", content="大家好", groups="tier:vip | tier:member")
    sale.advance(START + 2 * SECOND)
    for_links = coming(sale, ("g1",))
    for_talk = coming(sale, ("g1",), priority=2)
    assert for_links.last_at - for_links.at == MINUTE + 1 - 2 * SECOND  # one message goes before the link is due
    assert for_talk.last_at - for_talk.at == 2 * (MINUTE + 1) - 2 * SECOND


def test_groups_whose_turn_would_come_too_late_are_counted():
    sale = Sale().live()
    told(sale)
    short = coming(sale, expires_at=sale.now + 30 * SECOND)
    assert (short.told, short.expired, short.last_at) == (2, 1, short.at)


def test_robots_of_one_kind_are_told_together():
    sale = Sale().live()
    told(sale)
    told(sale, "r2")
    [lane] = coming(sale).lanes
    assert (lane.platform, lane.credentials, lane.groups) == ("wecom", 2, 3)


def test_what_is_told_again_changes_nothing_and_what_the_relay_used_elsewhere_counts():
    sale = Sale().live()
    told(sale)
    mark = len(sale.events)
    told(sale)
    assert sale.since(mark) == []
    told(sale, used=[START - SECOND])
    assert sale.since(mark) == ["relay.told"]
    assert coming(sale, ("g1",)).last_at == START + MINUTE - SECOND + 1
    told(sale)  # it came back, and the window has it no more: what was known stands
    assert sale.since(mark) == ["relay.told"]


def test_windows_of_each_group_count_beside_the_credentials_and_what_left_there_is_remembered():
    sale = Sale().live()
    each = {"limits": [{"count": 30, "per_ms": SECOND}], "group_limits": [{"count": 1, "per_ms": MINUTE}]}
    bot = {"credential": "bot", "platform": "telegram", **each}
    sale.do("r1", "relay.limits", credentials=[bot], groups={"g1": "bot", "g2": "bot"})
    assert coming(sale).waiting == 0
    sale.do("controller", "link.drop", product="pan", groups="group:g1")
    sale.advance(START + 2 * SECOND)
    sale.do("r1", "delivery.report", delivery="d1", attempt=1, outcome="sent", sent_at=sale.now)
    drop = coming(sale)
    assert (drop.waiting, drop.last_at) == (1, START + 2 * SECOND + MINUTE + 1)
    assert coming(sale, ("g2",)).waiting == 0
    assert drop.lanes[0].group_limits == (Limit(1, MINUTE),)
    mark = len(sale.events)
    sale.do("r1", "relay.limits", credentials=[bot], groups={"g1": "bot", "g2": "bot"}, used={"g2": [sale.now]})
    assert sale.since(mark) == ["relay.told"]
    assert coming(sale).waiting == 2, "what left in another sale counts, and what left in this one still does"


def test_groups_and_credentials_that_are_not_there_are_left_out():
    sale = Sale().live()
    entry = {"credential": "robot", "platform": "wecom"}
    sale.do("r1", "relay.limits", credentials=[entry], groups={"g1": "robot", "g2": "ghost", "g99": "robot"})
    assert sale.state.windows["r1"].groups == {"g1": "robot"}
    assert sale.refused("controller", "relay.limits", credentials=[], groups={}) == "forbidden"


def test_deliveries_are_counted_by_relay_and_platform():
    sale = Sale(sheet(segment())).live()
    sale.do("controller", "link.drop", product="pan", groups="all")
    told(sale)  # after they were asked for: they are counted where they belong
    sale.advance(START + 2 * SECOND)
    sale.do("r1", "delivery.report", delivery="d1", attempt=1, outcome="sent", sent_at=sale.now + 123)
    sale.do("r1", "delivery.report", delivery="d2", attempt=1, outcome="waiting", until=sale.now + MINUTE)
    sale.do("r2", "delivery.report", delivery="d3", attempt=1, outcome="rejected")
    traffic = sale.state.traffic
    ours, theirs = traffic["r1/wecom"], traffic["r2/"]
    assert (ours.sent, ours.limited, ours.waiting) == (1, 1, 0)
    assert (traffic["r1/"].waiting, theirs.failed, theirs.waiting) == (0, 1, 0)
    assert ours.late_ms(0.5) == 130  # two digits, never too short
    sale.do("controller", "delivery.retry", delivery="d3", from_="1")
    assert (theirs.failed, theirs.waiting) == (0, 1)
    sale.do("controller", "show.halt", reason="x")
    assert (ours.limited, theirs.waiting) == (0, 0)


def test_an_album_is_as_many_messages_as_its_relay_counts_it():
    """It counted as one: the last group was said to have it minutes before there was room for all its pictures."""
    sale = Sale().live()
    bot = {"credential": "bot", "platform": "telegram", "group_limits": [{"count": 4, "per_ms": MINUTE}]}
    bot |= {"limits": [{"count": 30, "per_ms": SECOND}], "places": [1, 1, 2, 3], "places_linked": [1, 1, 2, 3]}
    sale.do("r1", "relay.limits", credentials=[bot], groups={"g1": "bot", "g2": "bot"})
    album = {"text": "开箱", "images": [f"https://shop.example/{n}.jpg" for n in range(3)]}
    sale.do("controller", "message.send", content=album, groups="group:g1")
    at = START + 2 * SECOND
    assert sale.state.drops["drop1"].last_at == at
    sale.do("controller", "message.send", content=album | {"text": "再来"}, groups="group:g1")
    assert sale.state.drops["drop2"].last_at == at + MINUTE + 1, "three and three are more than four"
    assert coming(sale, ("g1",)).last_at == at, "one has room beside the first album"
    sale.advance(at)
    sale.do("r1", "delivery.report", delivery="d1", attempt=1, outcome="sent", sent_at=sale.now)
    assert sale.state.windows["r1"].used["g1"] == [at] * 3
