"""Sheets for tests, as objects: what a test says nothing about is small and valid."""

from __future__ import annotations

from typing import Any

START = "2030-11-11 20:00"


def sheet(
    *,
    groups: int | list[dict[str, Any]] = 2,
    quantity: int = 500,
    per_member: int = 1,
    cues: list[dict[str, Any]] | None = None,
    segments: list[dict[str, Any]] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A flash sale with one product, one coupon and one link; a relay `r1` for each group."""
    if isinstance(groups, int):
        groups = [
            {"id": f"g{n}", "name": f"{n} 群", "tier": "vip" if n % 2 else "new", "relay": "r1", "members": 100}
            for n in range(1, groups + 1)
        ]
    if segments is None:
        segments = [
            {
                "id": "main",
                "kind": "product",
                "product": "pan",
                "at": "0s",
                "lasts": "4h",
                "advance": "manual",
                "cues": cues or [],
            }
        ]
    return {
        "title": "厨房专场",
        "kind": "flash",
        "timezone": "Asia/Shanghai",
        "start": START,
        "currency": "CNY",
        "team": [
            {"person": "lin", "role": "host"},
            {"person": "wu", "role": "cohost"},
            {"person": "li", "role": "controller"},
            {"person": "mei", "role": "cheer", "groups": "tier:vip"},
            {"person": "chen", "role": "support"},
        ],
        "groups": groups,
        "products": [
            {
                "id": "pan",
                "name": "不粘锅",
                "line": "hit",
                "price": "129.00",
                "list_price": "199.00",
                "stock": 300,
                "url": "https://shop.example/pan",
            }
        ],
        "coupons": [
            {
                "id": "c20",
                "kind": "threshold",
                "title": "满100减20",
                "over": "100.00",
                "off": "20.00",
                "quantity": quantity,
                "per_member": per_member,
            }
        ],
        "links": [{"id": "room", "kind": "room", "url": "https://live.example/room"}],
        "segments": segments,
        **more,
    }
