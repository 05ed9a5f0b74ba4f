"""What a cue does when it fires: one row for each kind of command a sheet can name."""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING, Any

from coordinator.core.kernel import Refusal, Turn
from coordinator.core.plan import CuePlan

if TYPE_CHECKING:
    from coordinator.core.cues import Cue, Drop
    from coordinator.core.state import State

_READY_TEXTS = {
    "link.drop": "3, 2, 1, 上链接! {product} {link}",
    "coupon.drop": "领券啦: {coupon.title}, 先到先得 {coupon}",
    "checkin.open": "签到开始, 回复 1 签到",
    "message.send": "",
}


def ready_text(do: str) -> str:
    """The text of a drop that names none."""
    return _READY_TEXTS.get(do, "")


def subject(plan: CuePlan) -> str | None:
    """What a cue is about: the coupon, link or product it names."""
    f = plan.fields
    return f.get("coupon") or f.get("link") or f.get("product") or f.get("checkin")


def check_fields(state: State, do: str, fields: dict[str, Any], text: str | None) -> None:
    """Refuses a cue that names what is not there."""
    index: dict[str, Container[str]] = {"coupon": state.coupons, "product": state.products, "link": state.links}
    for name, known in index.items():
        value = fields.get(name)
        if value is not None and value not in known:
            raise Refusal("unknown", f"there is no {name} {value}", {"field": f"fields.{name}"})
    needs = {
        "coupon.drop": ("coupon",), "coupon.stop": ("coupon",), "product.show": ("product",),
        "prompt.send": ("to",), "task.assign": ("who",),
    }.get(do, ())  # fmt: skip
    for name in needs:
        if not isinstance(fields.get(name), str):
            raise Refusal("invalid", f"{do} needs fields.{name}", {"field": f"fields.{name}"})
    if do == "link.drop" and not (fields.get("link") or fields.get("product")):
        raise Refusal("invalid", "link.drop needs fields.link or fields.product", {"field": "fields.link"})
    if do in {"prompt.send", "task.assign", "message.send"} and not text:
        raise Refusal("invalid", f"{do} needs a text", {"field": "text"})


def perform(turn: Turn, plan: CuePlan, cue: Cue) -> None:
    """Carries out a cue that does not go into groups."""
    from coordinator.core import checkins, coupons, products, prompts, tasks

    state, f = turn.state, plan.fields
    match plan.do:
        case "prompt.send":
            prompts.say(turn, f["to"], plan.text or "", urgency=f.get("urgency", "normal"), cue=cue.id)
        case "product.show":
            if f["product"] in state.products:
                products.put_on_air(turn, f["product"], cue.id)
        case "product.hide":
            product = f.get("product") or state.the.product
            if product is not None and product == state.the.product:
                turn.emit(products.ProductHidden(product=product, cue=cue.id))
        case "task.assign":
            tasks.deal(turn, f["who"], plan.texts or ((plan.text or ""),), cue=cue.id)
        case "coupon.stop":
            coupon = state.coupons.get(f["coupon"])
            if coupon is not None and not coupon.stopped:
                turn.emit(coupons.CouponStopped(coupon=coupon.id))
        case "checkin.close":
            for checkin in [c for c in state.checkins.values() if c.open]:
                turn.emit(checkins.CheckinClosed(checkin=checkin.id))


def dropped(turn: Turn, drop: Drop) -> None:
    """Says what went out, in the append of the cue's firing."""
    from coordinator.core import checkins, coupons, links, messages

    match drop.kind:
        case "coupon":
            turn.emit(
                coupons.CouponDropped(
                    coupon=drop.what or "",
                    drop=drop.id,
                    cue=drop.cue,
                    run=drop.run,
                    groups=drop.groups,
                    quantity=drop.quantity,
                )
            )
        case "link":
            product = drop.what if drop.what in turn.state.products else None
            turn.emit(
                links.LinkDropped(
                    link=None if product else drop.what,
                    product=product,
                    drop=drop.id,
                    cue=drop.cue,
                    run=drop.run,
                    groups=drop.groups,
                )
            )
        case "checkin":
            turn.emit(checkins.CheckinOpened(checkin=turn.state.next_id("checkin"), drop=drop.id))
        case _:
            turn.emit(messages.MessageSent(drop=drop.id, cue=drop.cue, run=drop.run, groups=drop.groups))
