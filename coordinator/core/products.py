"""Products: on air and off, price and stock."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from pydantic import Field

from coordinator.core.cue_kinds import cue_kind
from coordinator.core.kernel import Command, Event, Id, Key, Refusal, Turn, command, decides, evolves
from coordinator.core.money import Price
from coordinator.core.readings import count, things, truth

if TYPE_CHECKING:
    from coordinator.core.corrections import What
    from coordinator.core.cues import Cue
    from coordinator.core.plan import CuePlan
    from coordinator.core.state import State

Stock = Annotated[int, Field(ge=0, le=10**9)]


class Product(msgspec.Struct, kw_only=True):
    id: str
    name: str
    line: str = ""
    price: int
    list_price: int | None = None
    stock: int | None = None
    stocked: int | None = None  # what the stock would be if nothing had been sold; below `sold` where too much was
    url: str | None = None
    points: tuple[str, ...] = ()
    script: str = ""
    image: str | None = None
    on_air: bool = False
    shown_at: int | None = None
    sold: int = 0
    orders: int = 0
    drop: str | None = None


things(
    "product", "products", id_needed=True,
    stock=count("pieces that are left"), sold=count("pieces in paid orders"), on_air=truth("it is being shown"),
    orders=count("orders that it stands in"),
)  # fmt: skip


class ProductShown(Event, tag="product.shown", kw_only=True):
    product: str
    cue: str | None = None


class ProductHidden(Event, tag="product.hidden", kw_only=True):
    product: str
    cue: str | None = None


class ProductRepriced(Event, tag="product.repriced", kw_only=True):
    product: str
    price: int
    was: int


class ProductRestocked(Event, tag="product.restocked", kw_only=True):
    product: str
    stock: int
    was: int | None = None


@command("product.show", events=("product.shown", "product.hidden"))
class ProductShow(Command):
    """Puts a product on air in place of the one that is."""

    product: Id


@command("product.hide", events=("product.hidden",))
class ProductHide(Command):
    """Takes a product off air."""

    product: Id


@command(
    "product.reprice", events=("product.repriced", "delivery.requested", "correction.proposed", "correction.closed")
)
class ProductReprice(Command):
    """The price from now on, in minor units. What has not left is rendered anew; for the rest a correction is proposed."""

    product: Id
    price: Price


@command(
    "product.restock", events=("product.restocked", "delivery.requested", "correction.proposed", "correction.closed")
)
class ProductRestock(Command):
    """The stock from now on."""

    product: Id
    stock: Stock


def _need(state: State, product: str) -> Product:
    found = state.products.get(product)
    if found is None:
        raise Refusal("unknown", f"there is no product {product}", {"field": "product"})
    return found


def put_on_air(turn: Turn, product: str, cue: str | None = None) -> None:
    on_air = turn.state.the.product
    if on_air is not None and on_air != product:
        turn.emit(ProductHidden(product=on_air, cue=cue))
    if on_air != product:
        turn.emit(ProductShown(product=product, cue=cue))


def _show(turn: Turn, plan: CuePlan, cue: Cue) -> None:
    if plan.fields["product"] in turn.state.products:
        put_on_air(turn, plan.fields["product"], cue.id)


def _hide(turn: Turn, plan: CuePlan, cue: Cue) -> None:
    product = plan.fields.get("product") or turn.state.the.product
    if product is not None and product == turn.state.the.product:
        turn.emit(ProductHidden(product=product, cue=cue.id))


cue_kind("product.show", perform=_show, about=("product",))
cue_kind("product.hide", perform=_hide, about=("product",), leaves_out=frozenset({"product"}))


def _open(state: State) -> None:
    if state.the.status == "closed":
        raise Refusal("too_late", "the sale is closed", {"status": "closed"})


@decides(ProductShow)
def show(turn: Turn, c: ProductShow) -> None:
    _open(turn.state)
    if _need(turn.state, c.product).on_air:
        raise Refusal("stale", f"{c.product} is on air already", {"current": c.product})
    put_on_air(turn, c.product)


@decides(ProductHide)
def hide(turn: Turn, c: ProductHide) -> None:
    if not _need(turn.state, c.product).on_air:
        raise Refusal("stale", f"{c.product} is not on air", {"current": turn.state.the.product})
    turn.emit(ProductHidden(product=c.product))


@decides(ProductReprice)
def reprice(turn: Turn, c: ProductReprice) -> None:
    _open(turn.state)
    _need(turn.state, c.product)
    change_price(turn, c.product, c.price)


def change_price(turn: Turn, product: str, price: int) -> None:
    """The price from now on."""
    turn.emit(ProductRepriced(product=product, price=price, was=turn.state.products[product].price))
    correct(turn, product, "price")


@decides(ProductRestock)
def restock(turn: Turn, c: ProductRestock) -> None:
    _open(turn.state)
    was = _need(turn.state, c.product).stock
    turn.emit(ProductRestocked(product=c.product, stock=c.stock, was=was))
    correct(turn, c.product, "stock")


def correct(turn: Turn, product: str, what: What) -> None:
    """What has not left is rendered anew; for groups that hold the old figure a correction is proposed."""
    from coordinator.core import corrections, deliveries

    deliveries.render_again(turn, product)
    corrections.propose(turn, product, what)


def restocked(product: Product, stock: int | None) -> None:
    """The stock from now on; what is sold later is taken off it, and what comes back is put back."""
    product.stock, product.stocked = stock, None if stock is None else stock + product.sold


@evolves(ProductShown, ProductHidden, ProductRepriced, ProductRestocked)
def changed(state: State, e: Any) -> Iterable[Key]:
    product = state.products[e.product]
    match e:
        case ProductShown():
            product.on_air, product.shown_at, state.the.product = True, e.at, e.product
            return [("products", e.product), ("show", "show")]
        case ProductHidden():
            product.on_air = False
            if state.the.product == e.product:
                state.the.product = None
            return [("products", e.product), ("show", "show")]
        case ProductRepriced():
            product.price = e.price
        case ProductRestocked():
            restocked(product, e.stock)
    return [("products", e.product)]
