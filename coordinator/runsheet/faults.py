"""Whether the parts of a sheet fit each other: ids that exist and stand once, cues that are complete, exact money.

A sheet without these faults can be compiled; whether it is a good one is `checks.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from coordinator import rules
from coordinator.core import conditions, cue_kinds, selectors
from coordinator.core.chains import MOST_MEMBERS
from coordinator.core.draws import COUPONS_AT_MOST
from coordinator.core.money import MoneyError, to_minor, to_price
from coordinator.runsheet import coupons, service
from coordinator.runsheet.compiling import cue_fields
from coordinator.runsheet.model import RESERVED_ID, Action, Cue, Segment, Sheet, cue_id
from coordinator.runsheet.source import Path


@dataclass(frozen=True, slots=True)
class Fault:
    path: Path
    message: str


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class _Known:
    groups: frozenset[str]
    products: frozenset[str]
    coupons: frozenset[str]
    links: frozenset[str]
    with_address: frozenset[str]  # products that a link can be dropped of
    things: dict[str, frozenset[str]]  # everything of the sheet that has ids, by the topic that it becomes
    currency: str


def faults(sheet: Sheet) -> Iterator[Fault]:
    """All of them, in the order of the sheet."""
    known = _Known(
        groups=frozenset(each.id for each in sheet.groups),
        products=frozenset(each.id for each in sheet.products),
        coupons=frozenset(each.id for each in sheet.coupons),
        links=frozenset(each.id for each in sheet.links),
        with_address=frozenset(each.id for each in sheet.products if each.url),
        things={
            name: frozenset(each.id for each in entries)
            for name in Sheet.model_fields
            if isinstance(entries := getattr(sheet, name), list) and all(hasattr(each, "id") for each in entries)
        },
        currency=sheet.currency,
    )
    yield from _team(sheet, known)
    if sheet.checks.rules not in rules.known():
        message = f"there is no rule set {sheet.checks.rules}; known are {', '.join(rules.known())}"
        yield Fault(("checks", "rules"), message)
    parts: tuple[tuple[str, Sequence[_HasId]], ...] = (
        ("groups", sheet.groups), ("products", sheet.products), ("coupons", sheet.coupons),
        ("links", sheet.links), ("phrases", sheet.phrases), ("guests", sheet.guests), ("segments", sheet.segments),
    )  # fmt: skip
    for name, entries in parts:
        yield from _twice(name, entries)
    yield from _twice_dropped(sheet)
    yield from _money(sheet)
    yield from _coupons(sheet, known)
    yield from _links(sheet)
    for path, message in service.faults(sheet, known.products, known.coupons):
        yield Fault(path, message)
    yield from _keywords(sheet, known)
    for index, guest in enumerate(sheet.guests):
        yield from _exists(guest.segment, "segment", known.things["segments"], ("guests", index, "segment"))
    yield from _segments(sheet, known)
    for name in sheet.pacing.caps:
        group = name.removeprefix("group:")
        if group != name and group not in known.groups:
            yield Fault(
                ("pacing", "caps", name), f"there is no group {group[:40]}; add it under groups, or name another"
            )


def _team(sheet: Sheet, known: _Known) -> Iterator[Fault]:
    seen: set[tuple[str, str]] = set()
    for index, member in enumerate(sheet.team):
        if (member.person, member.role) in seen:
            yield Fault(("team", index, "person"), f"{member.person} stands twice as {member.role}; remove one")
        seen.add((member.person, member.role))
        yield from _selector(member.groups, ("team", index, "groups"), known)


def _twice(name: str, entries: Iterable[_HasId]) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    for index, entry in enumerate(entries):
        if entry.id in seen:
            first = f"{name}[{seen[entry.id]}]"
            yield Fault((name, index, "id"), f"the id {entry.id} is already that of {first}; give this one another")
        seen.setdefault(entry.id, index)


def _twice_dropped(sheet: Sheet) -> Iterator[Fault]:
    """A drop names what it drops by its id alone, so products, coupons and links share one space of ids."""
    seen: dict[str, str] = {}
    parts: tuple[tuple[str, Sequence[_HasId]], ...] = (
        ("products", sheet.products), ("coupons", sheet.coupons), ("links", sheet.links),
    )  # fmt: skip
    for name, entries in parts:
        for index, entry in enumerate(entries):
            if seen.setdefault(entry.id, name) != name:
                yield Fault(
                    (name, index, "id"),
                    f"the id {entry.id} already stands under {seen[entry.id]}; give this one another",
                )


def _money(sheet: Sheet) -> Iterator[Fault]:
    yield from _amount(sheet.targets.sales, ("targets", "sales"), sheet.currency)
    for index, product in enumerate(sheet.products):
        for name in ("price", "list_price"):
            yield from _amount(getattr(product, name), ("products", index, name), sheet.currency, to_price)
        for at, past in enumerate(product.history):
            yield from _amount(past.price, ("products", index, "history", at, "price"), sheet.currency, to_price)
    for path, text in coupons.money_of(sheet):
        yield from _amount(text, path, sheet.currency, to_price)


def _coupons(sheet: Sheet, known: _Known) -> Iterator[Fault]:
    for index, coupon in enumerate(sheet.coupons):
        here: Path = ("coupons", index)
        for name, message in coupons.faults(coupon, sheet.currency):
            yield Fault((*here, name), message)
        for at, product in enumerate(coupon.products):
            yield from _exists(product, "product", known.products, (*here, "products", at))
        yield from _selector(coupon.groups, (*here, "groups"), known)


def _links(sheet: Sheet) -> Iterator[Fault]:
    for index, link in enumerate(sheet.links):
        if link.closes is not None and link.closes.base == "end":
            message = "a link has no end to count from; write an offset from the show such as +30m, or a time: 21:00"
            yield Fault(("links", index, "until"), message)


def _keywords(sheet: Sheet, known: _Known) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    for index, keyword in enumerate(sheet.keywords):
        here: Path = ("keywords", index)
        if keyword.name in seen:
            message = (
                f"the id {keyword.name[:40]} is already that of keywords[{seen[keyword.name]}]; give this one another"
            )
            yield Fault((*here, "id"), message)
        seen.setdefault(keyword.name, index)
        brings = [name for name in ("coupon", "link", "product") if getattr(keyword, name) is not None]
        if len(brings) > 1:
            yield Fault((*here, brings[1]), f"a keyword brings one thing: remove {' or '.join(brings[1:])}")
        elif not brings and keyword.text is None:
            yield Fault((*here, "text"), "the keyword brings nothing; add coupon:, link:, product: or text:")
        yield from _exists(keyword.coupon, "coupon", known.coupons, (*here, "coupon"))
        yield from _exists(keyword.link, "link", known.links, (*here, "link"))
        yield from _exists(keyword.product, "product", known.products, (*here, "product"))
        if keyword.product in known.products and keyword.product not in known.with_address:
            yield Fault((*here, "product"), f"the product {keyword.product} has no address to drop; add url to it")
        yield from _selector(keyword.groups, (*here, "groups"), known)


def _segments(sheet: Sheet, known: _Known) -> Iterator[Fault]:
    ids: dict[str, Path] = {}
    for number, segment in enumerate(sheet.segments):
        here: Path = ("segments", number)
        if segment.at is not None and segment.at.base == "end":
            message = (
                "a segment has no end to count from; leave out at to follow the one before, or write -10m or 20:00"
            )
            yield Fault((*here, "at"), message)
        yield from _exists(segment.product, "product", known.products, (*here, "product"))
        for index, cue in enumerate(segment.cues):
            place: Path = (*here, "cues", index)
            id_ = cue_id(segment, index)
            if id_ in ids:
                other = ids[id_]
                at = f"segments[{other[1]}].cues[{other[3]}]"
                yield Fault((*place, "id"), f"the id {id_} is already that of {at}; give this one another")
            ids.setdefault(id_, place)
            if RESERVED_ID.fullmatch(id_):
                message = f"ids such as {id_} are kept for cues that are made in the show; choose another"
                yield Fault((*place, "id"), message)
            yield from _cue(cue, segment, place, known)


def _cue(cue: Cue, segment: Segment, here: Path, known: _Known) -> Iterator[Fault]:
    if cue.at is not None and cue.when is not None:
        yield Fault((*here, "when"), "a cue has either at or when; remove one")
    elif cue.at is None and cue.when is None:
        yield Fault((*here, "at"), "the cue says neither at nor when; add one, for example at: start")
    if cue.again_after is not None and cue.when is None:
        yield Fault((*here, "again_after"), "again after belongs to a cue with when; remove it")
    if cue.when is not None:
        yield from _condition(cue.when, (*here, "when"), known)
    yield from _selector(cue.groups, (*here, "groups"), known)
    for name, id_, ids in (
        ("product", cue.product, known.products), ("coupon", cue.coupon, known.coupons), ("link", cue.link, known.links),
    ):  # fmt: skip
        yield from _exists(id_, name, ids, (*here, name))
    action = cue.action
    if action is None:
        if cue.do is None and cue.prompt is None and cue.task is None:
            yield Fault((*here, "do"), "the cue does nothing; add do: link.drop, prompt: host, or task: cheer")
        else:
            yield Fault((*here, "do"), "a cue has one of do, prompt and task; make it two cues")
    elif cue_kinds.kind_of(action.kind) is None:
        known_kinds = ", ".join(cue_kinds.known())
        yield Fault(
            (*here, "do"),
            f"{action.kind[:40]!r} is not something a cue can do in this version; known are {known_kinds}",
        )
    else:
        yield from _complete(cue, action, segment, here, known)
        yield from _amount(cue.amount, (*here, "amount"), known.currency)
        if action.kind == "chain.open":
            yield from _chain(cue, here, known)
        if action.kind == "draw.open":
            yield from _draw(cue, here, known)


def _complete(cue: Cue, action: Action, segment: Segment, here: Path, known: _Known) -> Iterator[Fault]:
    kind = action.kind
    row = cue_kinds.kind_of(kind)
    if cue.text is None and row is not None and row.needs_text and not cue_kinds.ready_text(kind, {"what": cue.what}):
        yield Fault((*here, "text"), f"{kind} has no text; add text: …")
    if cue.text is not None and len(cue.text) > 1 and kind != "task.assign":
        yield Fault((*here, "text"), f"only a task has several wordings; give {kind} one text")
    if kind == "prompt.send":
        if action.field == "do" and cue.to is None:
            yield Fault((*here, "to"), "prompt.send needs to, a role or a person; add for example to: host")
        elif action.field == "prompt" and cue.to is not None:
            yield Fault((*here, "to"), "prompt: already says to whom; remove to")
    if kind == "task.assign":
        if action.field == "do" and cue.who is None:
            yield Fault((*here, "who"), "task.assign needs who, a role or a person; add for example who: cheer")
        elif action.field == "task" and cue.who is not None:
            yield Fault((*here, "who"), "task: already says for whom; remove who")
    product = cue.product or segment.product
    for name in cue_kinds.missing(kind, cue_fields(cue, segment, kind)):
        if name == "product":
            yield Fault((*here, name), f"{kind} needs a product, and the segment has none; add product:")
        elif name in {"coupon", "link"}:
            yield Fault((*here, name), f"{kind} needs a {name}; add {name}: and the id of one under {name}s")
        elif name not in {"to", "who"}:  # above
            yield Fault((*here, name), f"{kind} needs {name}; add {name}:")
    if kind in {"link.drop", "link.stop"}:
        if cue.link is not None and cue.product is not None:
            yield Fault((*here, "link"), f"{kind} takes either a link or a product; remove one")
        elif cue.link is None and product is None:
            yield Fault(
                (*here, "link"), f"{kind} needs a link or a product, and the segment has none; add link: or product:"
            )
        elif cue.link is None and product in known.products and product not in known.with_address:
            path = (*here, "product") if cue.product else (*here, "do")
            yield Fault(path, f"the product {product} has no address to drop; add url to it")


def _chain(cue: Cue, here: Path, known: _Known) -> Iterator[Fault]:
    if cue.target is not None and cue.target > MOST_MEMBERS:
        yield Fault((*here, "target"), f"a chain has at most {MOST_MEMBERS} members; five is usual")
    unlocks = cue.unlocks
    if unlocks is None:
        return
    place: Path = (*here, "unlocks")
    if (unlocks.coupon is None) == (unlocks.price is None):
        yield Fault(place, 'a chain unlocks either a coupon or a price; write {coupon: c20} or {price: "99.00"}')
    yield from _exists(unlocks.coupon, "coupon", known.coupons, (*place, "coupon"))
    yield from _amount(unlocks.price, (*place, "price"), known.currency, to_price)


def _draw(cue: Cue, here: Path, known: _Known) -> Iterator[Fault]:
    prizes = cue.prizes or []
    in_all = sum(1 if isinstance(each, str) else each.quantity for each in prizes)
    single = len(prizes) == 1 and in_all == 1
    if cue.quantity is not None and not single and cue.quantity != in_all:
        message = f"the prizes are {in_all} in all, quantity says {cue.quantity}; make them equal or leave quantity out"
        yield Fault((*here, "quantity"), message)
    for index, prize in enumerate(prizes):
        if not isinstance(prize, str):
            place: Path = (*here, "prizes", index)
            yield from _amount(prize.worth, (*place, "worth"), known.currency)
            yield from _exists(prize.coupon, "coupon", known.coupons, (*place, "coupon"))
            if prize.name is None and prize.coupon is None:
                yield Fault(place, "the prize is nothing; add name: or coupon:")
    coupons_in_all = sum(each.quantity for each in prizes if not isinstance(each, str) and each.coupon is not None)
    coupons_in_all *= (cue.quantity or 1) if single else 1
    if coupons_in_all > COUPONS_AT_MOST:
        message = f"a draw gives at most {COUPONS_AT_MOST} coupons, these are {coupons_in_all}; make it two draws"
        yield Fault((*here, "prizes"), message)
    if cue.eligible is not None:
        place = (*here, "eligible")
        yield from _exists(cue.eligible.coupon, "coupon", known.coupons, (*place, "coupon"))
        yield from _exists(cue.eligible.product, "product", known.products, (*place, "product"))
        yield from _selector(cue.eligible.groups, (*place, "groups"), known)


def _amount(text: str | None, path: Path, currency: str, read: Callable[[str, str], int] = to_minor) -> Iterator[Fault]:
    if text is not None:
        try:
            read(text, currency)
        except MoneyError as error:
            yield Fault(path, str(error))


def _condition(text: str, path: Path, known: _Known) -> Iterator[Fault]:
    try:
        condition = conditions.parse(text, known.currency)
    except conditions.ConditionError as error:
        yield Fault(path, str(error))
        return
    for named in condition.names:
        ids = known.things.get(named.topic)
        if ids is not None and named.id not in ids:
            message = f"at character {named.position + 1}: there is no {named.word} {named.id[:40]}; add it under {named.topic}, or name another"
            yield Fault(path, message)


def _selector(text: str | None, path: Path, known: _Known) -> Iterator[Fault]:
    if text is not None:
        for id_ in sorted(selectors.parse(text).group_ids - known.groups):
            yield Fault(path, f"there is no group {id_[:40]}; add it under groups, or name another")


def _exists(id_: str | None, what: str, known: frozenset[str], path: Path) -> Iterator[Fault]:
    if id_ is not None and id_ not in known:
        yield Fault(path, f"there is no {what} {id_[:40]}; add it under {what}s, or name another")
