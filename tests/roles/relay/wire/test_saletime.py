"""The sale's time on another machine, and the lease."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from roles.relay.wire.saletime import Lease, SaleClock


class Hand:
    """A monotonic clock that a test moves."""

    def __init__(self, at: float = 100.0) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


@given(
    st.lists(st.tuples(st.floats(0.0001, 0.4), st.floats(0, 1)), min_size=1, max_size=30), st.sampled_from([1.0, 10.0])
)
def test_the_error_is_at_most_half_the_best_round_trip(trips, speed):
    hand = Hand()
    clock = SaleClock(hand)
    for trip, share in trips:
        answered = hand.at + trip * share
        clock.sample(hand.at, hand.at + trip, (answered - 100) * 1000 * speed, speed)
        hand.at += trip + 0.1
    best = min(trip for trip, _ in trips)
    assert abs(clock.now() - (hand.at - 100) * 1000 * speed) <= best / 2 * 1000 * speed + 1


def test_a_clock_that_was_stepped_is_followed_at_once():
    hand = Hand()
    clock = SaleClock(hand)
    clock.sample(100.0, 100.001, 0, 1)
    hand.at = 101.0
    clock.sample(100.9, 101.0, 60_000, 1)
    assert abs(clock.now() - 60_050) < 60


def test_another_speed_makes_the_old_round_trips_worthless():
    hand = Hand()
    clock = SaleClock(hand)
    clock.sample(100.0, 100.0, 0, 1)
    hand.at = 110.0
    clock.sample(110.0, 110.0, 10_000, 20)
    assert clock.seconds_until(30_000) == 1.0


def test_where_the_sale_jumps_nothing_is_waited_for():
    clock = SaleClock(Hand())
    clock.sample(100.0, 100.0, 5_000, "jump")
    assert clock.seconds_until(10**12) == 0
    assert clock.now() == 5_000


def test_a_lease_counts_from_the_asking_and_ends_by_itself():
    hand = Hand()
    lease = Lease(2.0, hand)
    regained = []
    lease.regained = lambda: regained.append(hand.at)
    assert not lease.held()
    lease.renew(99.0)
    hand.at = 100.9
    assert lease.held()
    lease.renew(98.0)  # an older answer takes nothing away
    assert lease.held()
    hand.at = 101.0
    assert not lease.held()
    lease.renew(97.0)  # an answer that comes too late gives nothing back
    assert not lease.held()
    lease.renew(101.0)
    assert regained == [100.0, 101.0]
