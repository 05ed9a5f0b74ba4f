"""The stream's own figures, exposures of channels, and costs: the last word counts, and what was said before is kept."""

from __future__ import annotations

import pytest

from coordinator.core.audience import HISTORY_KEPT
from tests.core.driver import SECOND, Sale


@pytest.mark.parametrize("who", ["controller", "r1", "shop"])
def test_controller_relay_and_shop_tell_the_streams_figures(who: str) -> None:
    sale = Sale().live()
    sale.do(who, "audience.report", viewers=300, views=1000)
    sale.do(who, "audience.report", viewers=200, likes=7)
    stream = sale.state.audience["stream"]
    assert (stream.viewers, stream.peak, stream.views, stream.likes, stream.shares) == (200, 300, 1000, 7, None)
    assert [point.viewers for point in stream.history] == [300, 200]
    assert stream.by.startswith(("controller", "relay", "shop"))


def test_the_history_of_viewers_is_bounded_and_a_report_without_figures_is_refused() -> None:
    sale = Sale(check=False).live()
    for n in range(HISTORY_KEPT + 5):
        sale.advance(sale.now + SECOND)
        sale.do("controller", "audience.report", viewers=n)
    assert [p.viewers for p in sale.state.audience["stream"].history] == list(range(5, HISTORY_KEPT + 5))
    assert sale.refused("controller", "audience.report") == "invalid"
    assert sale.refused("host", "audience.report", viewers=1) == "forbidden"


def test_exposures_add_up_and_what_was_told_too_high_is_taken_back() -> None:
    sale = Sale().live()
    for who, count in (("r1", 500), ("shop", 200), ("r1", -100)):
        sale.do(who, "channel.expose", channel="海报", count=count)
    assert sale.state.channels["海报"].exposures == 600
    assert sale.refused("r1", "channel.expose", channel="海报", count=-601) == "invalid"
    assert sale.refused("r1", "channel.expose", channel="新", count=-1) == "invalid"
    assert sale.refused("r1", "channel.expose", channel="新", count=0) == "invalid"


def test_the_last_word_on_each_cost_counts_and_costs_come_after_the_close_too() -> None:
    sale = Sale().live()
    sale.do("owner", "cost.report", what="红包", amount=50_000)
    sale.do("owner", "cost.report", what="红包", amount=60_000)
    assert sale.do("owner", "cost.report", what="红包", amount=60_000)["again"]
    assert sale.of("cost.reported")[1].was == 50_000
    assert sale.refused("controller", "cost.report", what="货", amount=1) == "forbidden"
    sale.do("owner", "show.end")
    sale.do("owner", "show.close")
    sale.do("owner", "cost.report", what="货", amount=1)
    assert {c.id: c.amount for c in sale.state.costs.values()} == {"红包": 60_000, "货": 1}
    assert sale.refused("controller", "audience.report", viewers=1) == "too_late"
