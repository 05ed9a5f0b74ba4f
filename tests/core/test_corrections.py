"""Corrections: groups that hold an old price or stock are proposed a right one, and one press sends it."""

from __future__ import annotations

from typing import Any

from tests.core.driver import MINUTE, SECOND, START, Sale, segment, sheet

DROP: dict[str, Any] = {
    "id": "d",
    "at": "+1m",
    "do": "link.drop",
    "product": "pan",
    "groups": "all",
    "text": "{price}, 还剩 {stock} {link}",
}


def report(sale: Sale, delivery: str, outcome: str = "sent", attempt: int | None = None) -> None:
    d = sale.state.deliveries[delivery]
    sale.do(d.relay, "delivery.report", delivery=delivery, attempt=attempt or d.attempt, outcome=outcome)


def sent(*groups: str, **more: Any) -> Sale:
    """A live sale whose drop has left into these groups, at ¥129 and 300 pieces."""
    sale = Sale(sheet(segment({**DROP, **more}))).live()
    sale.advance(START + MINUTE)
    for group in groups:
        report(sale, sale.deliveries()[group].id)
    return sale


def proposals(sale: Sale) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(c.what, c.text, c.groups) for c in sale.state.corrections.values() if c.status == "proposed"]


def test_a_price_that_changes_is_proposed_to_the_groups_that_hold_the_old_one() -> None:
    sale = sent("g1", "g2")
    sale.do("controller", "product.reprice", product="pan", price=9900)
    assert proposals(sale) == [("price", "更正: 不粘锅 现价 ¥99", ("g1", "g2"))]
    assert sale.deliveries()["g3"].content.text.startswith("¥99, ")  # it had not left: it is rendered anew
    sale.do("controller", "product.restock", product="pan", stock=50)
    assert proposals(sale)[1] == ("stock", "更正: 不粘锅 现有 50 件", ("g1", "g2"))


def test_one_press_sends_it_as_a_message_with_the_rule_against_repeats_lifted() -> None:
    sale = sent("g1", "g2")
    sale.do("controller", "product.reprice", product="pan", price=9900)
    mark = len(sale.events)
    answer = sale.do("controller", "correction.send", correction="x1")
    assert {"drop", "run", "fire_at"} <= answer.keys()
    assert sale.events[mark].override.rules == ("DUP",)
    assert {g: d.content.text for g, d in sale.deliveries(answer["drop"]).items()} == dict.fromkeys(
        ("g1", "g2"), "更正: 不粘锅 现价 ¥99"
    )
    correction = sale.state.corrections["x1"]
    assert (correction.status, correction.drop) == ("sent", answer["drop"])
    assert sale.refused("controller", "correction.send", correction="x1") == "stale"
    assert sale.refused("controller", "correction.dismiss", correction="x1") == "stale"
    assert sale.refused("controller", "correction.send", correction="x9") == "unknown"


def test_the_same_correction_goes_again_within_ten_minutes_when_the_price_changes_back_and_forth() -> None:
    sale = sent("g1")
    for price in (9900, 12900, 9900):
        sale.do("controller", "product.reprice", product="pan", price=price)
        correction = next(c.id for c in sale.state.corrections.values() if c.status == "proposed")
        drop = sale.do("controller", "correction.send", correction=correction)["drop"]
        sale.advance(sale.now + 3 * SECOND)
        d = sale.deliveries(drop)["g1"]
        assert d.status == "requested", "the rule against the same content within ten minutes holds it back"
        report(sale, d.id)


def test_a_correction_that_has_left_is_what_its_groups_were_told() -> None:
    sale = sent("g1", "g2")
    sale.do("controller", "product.reprice", product="pan", price=9900)
    drop = sale.do("controller", "correction.send", correction="x1")["drop"]
    sale.do("controller", "product.reprice", product="pan", price=8900)  # before it has left: it is rendered anew
    assert {d.content.text for d in sale.deliveries(drop).values()} == {"更正: 不粘锅 现价 ¥89"}
    sale.advance(sale.now + 3 * SECOND)
    report(sale, sale.deliveries(drop)["g1"].id)
    sale.do("controller", "product.reprice", product="pan", price=7900)
    assert [c.status for c in sale.state.corrections.values()] == ["sent", "proposed"]
    sale.do("controller", "product.reprice", product="pan", price=8900)
    assert proposals(sale) == [("price", "更正: 不粘锅 现价 ¥89", ("g2",))]  # g1 was told so


def test_a_price_that_goes_back_needs_none() -> None:
    sale = sent("g1")
    sale.do("controller", "product.reprice", product="pan", price=9900)
    sale.do("controller", "product.reprice", product="pan", price=8900)
    assert proposals(sale) == [("price", "更正: 不粘锅 现价 ¥89", ("g1",))]
    sale.do("controller", "product.reprice", product="pan", price=12900)
    assert not proposals(sale)
    assert (sale.state.corrections["x1"].status, sale.state.corrections["x1"].why) == ("closed", "settled")


def test_a_text_that_does_not_name_the_figure_needs_none_and_what_is_sold_is_no_correction() -> None:
    sale = sent("g1", text="{price} {link}")
    sale.do("controller", "product.restock", product="pan", stock=50)
    assert not proposals(sale)
    sale = sent("g1")
    sale.do("shop", "order.report", order="o1", status="paid", lines=[{"product": "pan", "quantity": 3, "price": 1}])
    assert sale.state.products["pan"].stock == 297
    sale.do("controller", "product.reprice", product="knife", price=1)
    assert not proposals(sale)


def test_a_text_that_left_before_it_could_be_replaced_is_corrected() -> None:
    sale = Sale(sheet(segment(DROP))).live()
    sale.advance(START + 59 * SECOND)
    sale.do("controller", "product.reprice", product="pan", price=9900)
    assert not proposals(sale)
    report(sale, sale.deliveries()["g1"].id, attempt=1)
    assert proposals(sale) == [("price", "更正: 不粘锅 现价 ¥99", ("g1",))]


def test_what_a_platform_asked_for_again_says_what_it_said_before() -> None:
    sale = Sale(sheet(segment(DROP))).live()
    sale.advance(START + MINUTE)
    report(sale, "d1", "retry")
    report(sale, "d1")
    sale.do("controller", "product.reprice", product="pan", price=9900)
    assert [groups for _, _, groups in proposals(sale)] == [("g1",)]


def test_the_controller_may_dismiss_it_or_write_another_text() -> None:
    sale = sent("g1")
    sale.do("controller", "product.reprice", product="pan", price=9900)
    sale.do("controller", "correction.dismiss", correction="x1")
    assert sale.state.corrections["x1"].why == "dismissed"
    sale.do("controller", "product.reprice", product="pan", price=8900)
    drop = sale.do("controller", "correction.send", correction="x2", text="{product} 降到 {price}")["drop"]
    assert sale.deliveries(drop)["g1"].content.text == "不粘锅 降到 ¥89"


def test_a_sheet_that_changes_price_or_stock_proposes_one_too() -> None:
    sale = sent("g1")
    products = [{**p, "price": "99.00", "stock": 50} if p["id"] == "pan" else p for p in sheet()["products"]]
    sale.replace(sheet(segment(DROP), products=products))
    assert {what for what, _, _ in proposals(sale)} == {"price", "stock"}
