"""The coupons of a sheet: what each kind needs, the plan made of it, and what is odd about it."""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.core.money import MoneyError, to_minor, to_price
from coordinator.core.plan import At, CouponPlan, Plan
from coordinator.runsheet import times
from coordinator.runsheet.findings import Severity
from coordinator.runsheet.model import Coupon, Sheet
from coordinator.runsheet.source import Path

PAY_WITHIN_MS = 1_800_000  # for a coupon that is paid for, where the sheet does not say
NOT_EXCLUSIVE = frozenset(
    {"deposit", "group_price", "flash"}
)  # they set what a piece costs; others come off the basket

_EXAMPLES = {
    "over": 'the basket from which it holds, such as over: "100.00"',
    "off": 'the money it takes off, such as off: "20.00"',
    "percent": "how much it takes off, such as percent: 20, or what is paid, such as percent: 8折",
    "pay": 'what the member pays for it, such as pay: "10.00"',
    "worth": 'what it is worth in the end, such as worth: "30.00"',
    "pool": 'the sum that all share, such as pool: "1000.00"',
    "shares": "how many members have to come, such as shares: 3",
    "price": 'the price of one piece, such as price: "99.00"',
    "until": "the moment at which it ends, such as until: +30m or until: 21:00",
    "products": "the one product whose price it is, such as products: [pan]",
}
_NEEDS: dict[str, tuple[str, ...]] = {
    "threshold": ("over", "off"),
    "amount": ("off",),
    "percent": ("percent",),
    "deposit": ("pay", "worth"),
    "paid": ("pay", "off"),
    "pool": ("pool",),
    "share_reward": ("shares", "off"),
    "pay_reward": ("off",),
    "group_price": ("price", "products"),
    "flash": ("price", "products", "until"),
}
_MAY: dict[str, frozenset[str]] = {
    "threshold": frozenset(),
    "amount": frozenset({"over"}),
    "percent": frozenset({"over", "at_most"}),
    "deposit": frozenset({"pay_within"}),
    "paid": frozenset({"over", "pay_within"}),
    "pool": frozenset({"over"}),
    "share_reward": frozenset({"over"}),
    "pay_reward": frozenset({"over", "spend"}),
    "group_price": frozenset({"units"}),
    "flash": frozenset({"units"}),
}
_OF_KINDS = (
    "over", "off", "percent", "at_most", "pay", "worth", "pay_within", "price", "units", "pool", "shares", "spend",
)  # fmt: skip
MONEY = ("over", "off", "at_most", "pay", "worth", "price", "pool", "spend")


def money_of(sheet: Sheet) -> Iterator[tuple[Path, str | None]]:
    """Every amount that a coupon of the sheet holds."""
    for index, coupon in enumerate(sheet.coupons):
        for name in MONEY:
            yield ("coupons", index, name), getattr(coupon, name)


def faults(coupon: Coupon, currency: str) -> Iterator[tuple[str, str]]:
    """(field, what is wrong) for fields that its kind needs and lacks, or has and does not know, or that contradict."""
    kind = coupon.kind
    for name in _NEEDS[kind]:
        value = coupon.closes if name == "until" else getattr(coupon, name)
        if value is None or value == []:
            yield name, f"a {kind} coupon needs {name}, {_EXAMPLES[name]}"
        elif name != "price" and isinstance(value, str) and not value.strip("0."):
            yield name, f"{name} is nothing; a {kind} coupon needs {_EXAMPLES[name]}"
    known = {*_NEEDS[kind], *_MAY[kind]}
    for name in _OF_KINDS:
        if getattr(coupon, name) is not None and name not in known:
            takes = ", ".join(each for each in _OF_KINDS if each in known)
            yield name, f"a {kind} coupon has no {name}; it takes {takes}"
    if kind in {"group_price", "flash"} and len(coupon.products) > 1:
        yield "products", f"a {kind} coupon is the price of one product; make a coupon for each"
    for name, given in (("from", coupon.opens), ("until", coupon.closes)):
        if given is not None and given.base == "end":
            yield (
                name,
                "a coupon has no end to count from; write an offset from the show such as +30m, or a time: 21:00",
            )
    pay, worth, off, pool = (_minor(text, currency) for text in (coupon.pay, coupon.worth, coupon.off, coupon.pool))
    if pay is not None and worth is not None and pay >= worth:
        yield "worth", "a deposit is worth more than what is paid for it; raise worth, or lower pay"
    if kind == "paid" and pay is not None and off is not None and pay >= off:
        yield "off", "a paid coupon takes off more than it costs; raise off, or lower pay"
    if kind == "pool" and pool is not None and pool < coupon.quantity:
        yield (
            "pool",
            f"{coupon.quantity} members cannot share it, each is to get something; raise pool or lower quantity",
        )


def _minor(text: str | None, currency: str) -> int | None:
    """The amount, where there is one that can be read."""
    try:
        return None if text is None else to_minor(text, currency)
    except MoneyError:
        return None


def plan_of(coupon: Coupon, sheet: Sheet) -> CouponPlan:
    def minor(text: str | None) -> int | None:
        return None if text is None else to_price(text, sheet.currency)

    pays = coupon.pay is not None
    exclusive = coupon.exclusive if coupon.exclusive is not None else coupon.kind not in NOT_EXCLUSIVE
    return CouponPlan(
        id=coupon.id,
        kind=coupon.kind,
        title=coupon.title,
        over=minor(coupon.over) or 0,
        off=minor(coupon.worth or coupon.off) or 0,
        basis_points=coupon.percent or 0,
        at_most=minor(coupon.at_most),
        pay=minor(coupon.pay) or 0,
        pay_within_ms=(coupon.pay_within or PAY_WITHIN_MS) if pays else None,
        price=minor(coupon.price),
        units=coupon.units or 1,
        pool=minor(coupon.pool) or 0,
        shares=coupon.shares or 0,
        spend=minor(coupon.spend) or 0,
        exclusive=exclusive,
        opens=moment(coupon.opens, sheet),
        closes=moment(coupon.closes, sheet),
        quantity=coupon.quantity,
        per_member=coupon.per_member,
        valid_ms=coupon.valid,
        products=tuple(coupon.products),
        groups=coupon.groups,
    )


def moment(given: times.Moment | None, sheet: Sheet) -> At | None:
    """When something begins or ends that hangs on the show alone, as a coupon or a link does."""
    if given is None:
        return None
    if given.base == "clock":
        instant, _ = times.clock_instant(given, sheet.start, sheet.timezone)
        return At(base="clock", instant=instant)
    return At(base="show", offset=given.offset)


def checks(sheet: Sheet, plan: Plan, dropped: dict[str, int]) -> Iterator[tuple[Severity, str, Path, str, str]]:
    """(severity, rule, place, message, the same in Chinese). `dropped`: what the sheet's cues give out of each coupon that they drop."""
    prices = {product.id: product.price for product in plan.products}
    for index, each in enumerate(plan.coupons):
        here: Path = ("coupons", index)
        if dropped.get(each.id, 0) > each.quantity:
            message = f"{each.id} has {each.quantity}, its drops give out {dropped[each.id]}; raise quantity to {dropped[each.id]} or lower theirs"
            zh = f"{each.id} 只有 {each.quantity} 张, 各次投放共要发 {dropped[each.id]} 张; 把 quantity 改到 {dropped[each.id]}, 或减少投放"
            yield "block", "PLAN", (*here, "quantity"), message, zh
        if each.over and each.off > each.over:
            message = f"{each.id} takes off more than the basket it needs; check over and off"
            yield "warn", "PLAN", (*here, "off"), message, f"{each.id} 减的比门槛还多; 核对 over 和 off"
        for product in each.products if each.price is not None else ():
            if each.price is not None and each.price >= prices[product]:
                message = f"{each.id} costs no less than {product} does; lower price"
                yield "warn", "PLAN", (*here, "price"), message, f"{each.id} 不比 {product} 的价格低; 降低 price"
        opens, closes = _instant(each.opens, plan), _instant(each.closes, plan)
        if opens is not None and closes is not None and opens >= closes:
            message = f"{each.id} ends before it begins; move from or until"
            yield "warn", "PLAN", (*here, "until"), message, f"{each.id} 还没开始就结束了; 改 from 或 until"
        if each.kind == "share_reward":
            message = f"{each.id} rewards sharing; WeChat forbids a reward for likes, shares or follows, use it only where the platform allows it"
            zh = f"{each.id} 奖励分享; 微信不许以好处诱导点赞、分享或关注, 只在平台允许处使用"
            yield "warn", "INDUCE", here, message, zh
        if each.id not in dropped and each.kind not in {"share_reward", "pay_reward"}:
            message = f"no cue drops {each.id}; it can only be dropped by hand"
            yield "inform", "PLAN", here, message, f"没有节点投放 {each.id}, 只能手动投放"


def _instant(at: At | None, plan: Plan) -> int | None:
    if at is None:
        return None
    return at.instant if at.instant is not None else plan.start + at.offset
