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


_FIELDS: dict[str, tuple[str, ...]] = {
    "coupon.drop": ("coupon", "quantity"), "coupon.stop": ("coupon",), "link.drop": ("link", "product"),
    "product.show": ("product",), "product.hide": ("product",), "prompt.send": ("to", "urgency"), "task.assign": ("who",),
}  # fmt: skip
_NEEDED = {
    "coupon.drop": "coupon",
    "coupon.stop": "coupon",
    "product.show": "product",
    "prompt.send": "to",
    "task.assign": "who",
}


def check_fields(state: State, do: str, fields: dict[str, Any], text: str | None) -> None:
    """Refuses a cue whose fields are none of its kind's, have another type, or name what is not there."""
    from coordinator.core import prompts

    for name, value in fields.items():
        where = {"field": f"fields.{name[:64]}"}
        if name not in _FIELDS.get(do, ()):
            raise Refusal("invalid", f"{do} has no fields.{name[:64]}", where)
        if name == "quantity":
            if type(value) is not int or not 1 <= value <= _MOST:
                raise Refusal("invalid", f"fields.quantity is a whole number from 1 to {_MOST}", where)
        elif not isinstance(value, str):
            raise Refusal("invalid", f"fields.{name} is a text", where)
        elif name == "urgency" and value not in {"normal", "high"}:
            raise Refusal("invalid", "fields.urgency is normal or high", where)
        elif name in {"to", "who"} and not prompts.known_receiver(state, value):
            raise Refusal("unknown", f"{value[:64]} is neither a role nor a person of the team", where)
    known: dict[str, Container[str]] = {"coupon": state.coupons, "product": state.products, "link": state.links}
    for name, things in known.items():
        if name in fields and fields[name] not in things:
            raise Refusal("unknown", f"there is no {name} {fields[name][:64]}", {"field": f"fields.{name}"})
    needed = _NEEDED.get(do)
    if needed is not None and needed not in fields:
        raise Refusal("invalid", f"{do} needs fields.{needed}", {"field": f"fields.{needed}"})
    if do == "link.drop":
        if len(fields) != 1:
            raise Refusal("invalid", "link.drop needs either fields.link or fields.product", {"field": "fields.link"})
        if "product" in fields and not state.products[fields["product"]].url:
            raise Refusal("invalid", f"{fields['product']} has no url in the sheet", {"field": "fields.product"})
    if do in {"prompt.send", "task.assign", "message.send"} and not text:
        raise Refusal("invalid", f"{do} needs a text", {"field": "text"})


_MOST = 10**9  # of a coupon, in one drop


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
