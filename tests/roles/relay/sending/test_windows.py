"""The law of the rate windows: whatever a platform counts, it never counts more than its limit."""

from __future__ import annotations

import heapq

from hypothesis import given
from hypothesis import strategies as st

from roles.relay.sending.windows import Limit, Window

LIMITS = st.lists(st.builds(Limit, st.integers(1, 6), st.sampled_from([0.5, 1.0, 3.0])), min_size=1, max_size=2)
# For each wish to send: the pause before it, how long the platform takes, and where within that it counts.
WISHES = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 2), st.floats(0, 1)), max_size=80)


def most_within(moments: list[float], per_s: float) -> int:
    return max((sum(first <= m <= first + per_s for m in moments) for first in moments), default=0)


@given(LIMITS, WISHES, st.booleans())
def test_no_stretch_holds_more_than_the_limit(limits, wishes, give_back_some):
    window, now, counted = Window(limits), 1000.0, []
    ending: list[float] = []
    for pause, takes, where in wishes:
        now += pause
        while ending and ending[0] <= now:
            window.settle(heapq.heappop(ending))
        if not window.take(now):
            continue
        if give_back_some and where < 0.2:
            window.give_back()
            continue
        counted.append(now + takes * where)
        heapq.heappush(ending, now + takes)
    for limit in limits:
        assert most_within(counted, limit.per_s) <= limit.count


@given(LIMITS, st.lists(st.tuples(st.floats(0, 1), st.floats(0, 2), st.integers(1, 3)), max_size=60))
def test_what_takes_several_places_counts_as_several(limits, wishes):
    window, now, counted, ending = Window(limits), 1000.0, [], []
    for pause, takes, places in wishes:
        now += pause
        while ending and ending[0][0] <= now:
            window.settle(*heapq.heappop(ending))
        if window.take(now, places):
            counted.append((now + takes, places))
            heapq.heappush(ending, (now + takes, places))
    for limit in limits:
        for first, alone in counted:
            within = [n for at, n in counted if first <= at <= first + limit.per_s]
            assert sum(within) <= limit.count or within == [alone], "only what is too large by itself, and then alone"


def test_who_was_asked_to_rest_has_no_slot_until_then():
    window = Window([Limit(20, 60.0)])
    window.rest(1030.0)
    assert not window.take(1000.0)
    assert window.free_at(1000.0) == 1030.0
    assert window.take(1030.0)


@given(LIMITS, st.lists(st.tuples(st.floats(0, 1), st.integers(1, 4)), max_size=40))
def test_the_first_free_moment_is_free_and_nothing_before_it_is(limits, wishes):
    window, now = Window(limits), 1000.0
    for pause, places in wishes:
        now += pause
        free = window.free_at(now, places=places)
        assert window.take(now, places) == (free == now)
        if free > now:
            assert not window.take(free - 0.01, places)
            now = free
            assert window.take(now, places)
        window.settle(now, places)


@given(st.integers(1, 5), st.integers(0, 20))
def test_what_looks_ahead_sees_what_will_be_when_all_go_as_soon_as_they_can(count, ahead):
    window, now = Window([Limit(count, 3.0)]), 1000.0
    for _ in range(count):
        assert window.take(now)
    look = window.as_of(now)  # they are still on their way
    window.settle(now, count)
    foreseen = []
    for _ in range(ahead):
        foreseen.append(look.free_at(foreseen[-1] if foreseen else now))
        look.use(foreseen[-1])
    for at in foreseen:
        now = window.free_at(now)
        assert now == at
        assert window.take(now)
        window.settle(now)


def test_what_was_used_before_a_restart_counts():
    window = Window([Limit(2, 60.0)], used=[940.5, 990.0])
    assert not window.take(1000.0)
    assert window.take(window.free_at(1000.0))


def test_twenty_in_three_seconds_means_twenty():
    window = Window([Limit(20, 3.0)])
    let_through = 0
    for tick in range(300):
        if window.take(tick / 100):
            window.settle(tick / 100)
            let_through += 1
    assert let_through == 20, "a leaky bucket lets 39 through"


def test_without_a_limit_there_is_always_room():
    window = Window([])
    assert all(window.take(0.0) for _ in range(1000))
