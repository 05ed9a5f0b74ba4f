"""Clicks: who opened which address, and the robots that only look at it for a preview.

A click counts once in CLICK_COUNTS_MS for a member and an address: a reload, a second tap or the way back is
not another one. Robots are counted apart, and never as clicks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from coordinator.core.groups import own_member
from coordinator.core.kernel import (
    Command,
    Event,
    Id,
    Key,
    Member,
    Refusal,
    ShortText,
    Turn,
    command,
    decides,
    evolves,
)

if TYPE_CHECKING:
    from coordinator.core.state import State

CLICK_COUNTS_MS = 60_000  # long enough for a page that loads slowly, short enough that coming back tells interest


class Seen(msgspec.Struct, kw_only=True):
    """Who opened what in the last while: two books, of which the older is dropped when the newer is full of its time."""

    since: int = 0
    now: dict[str, int] = {}
    before: dict[str, int] = {}

    def lately(self, what: str, at: int) -> bool:
        return any(at - book[what] < CLICK_COUNTS_MS for book in (self.now, self.before) if what in book)

    def note(self, what: str, at: int) -> None:
        if at - self.since >= CLICK_COUNTS_MS:
            self.before = self.now if at - self.since < 2 * CLICK_COUNTS_MS else {}
            self.now, self.since = {}, at
        self.now[what] = at


class LinkClicked(Event, tag="link.clicked", kw_only=True):
    key: str | None = None
    link: str | None = None
    product: str | None = None
    coupon: str | None = None
    drop: str | None = None
    cue: str | None = None
    group: str | None = None
    member: str | None = None


class LinkPreviewed(Event, tag="link.previewed", kw_only=True):
    key: str
    robot: str
    drop: str
    group: str


@command("link.click", events=("link.clicked",))
class LinkClick(Command):
    """Somebody opened a link: by its key, or by the link's or product's id.

    The same member's next opening of the same within 60 s is `done` with `again: true`, and counts no more.
    """

    link: Id
    member: Member | None = None


# The service itself gives this; no client may.
@command("link.preview", events=("link.previewed",))
class LinkPreview(Command):
    """A robot of a chat platform or a search engine looked at an address."""

    link: Id
    robot: ShortText


@decides(LinkClick)
def click(turn: Turn, c: LinkClick) -> dict[str, bool] | None:
    state = turn.state
    member = own_member(turn, c.member)
    key = state.keys.get(c.link)
    if key is not None:
        drop = state.drops[key.drop]
        if drop.status == "announced":
            raise Refusal("too_early", "this link is not out yet", {"field": "link"})
        if drop.stopped or drop.status == "withdrawn":
            raise Refusal("too_late", "this link is stopped", {"field": "link"})
    elif c.link not in state.links and c.link not in state.products:
        raise Refusal("unknown", f"there is no link {c.link}", {"field": "link"})
    if member is not None and state.openings.lately(_by(c.link, member), turn.at):
        return {"again": True}
    if key is None:
        link = c.link if c.link in state.links else None
        turn.emit(LinkClicked(link=link, product=None if link else c.link, member=member))
        return None
    turn.emit(
        LinkClicked(
            key=c.link,
            link=key.what if key.what in state.links else None,
            product=key.what if key.what in state.products else None,
            coupon=key.what if key.kind == "coupon" else None,
            drop=key.drop,
            cue=key.cue,
            group=key.group,
            member=member,
        )
    )
    return None


@decides(LinkPreview)
def preview(turn: Turn, c: LinkPreview) -> None:
    key = turn.state.keys.get(c.link)
    # A robot that looks again and again fills no record.
    if key is not None and not turn.state.openings.lately(_by(c.link, c.robot), turn.at):
        turn.emit(LinkPreviewed(key=c.link, robot=c.robot, drop=key.drop, group=key.group))


def _by(what: str, who: str) -> str:
    return f"{what} {who}"  # ids hold no blanks


@evolves(LinkClicked)
def clicked(state: State, e: LinkClicked) -> Iterable[Key]:
    opened = e.key or e.link or e.product
    if e.member is not None and opened is not None:
        state.openings.note(_by(opened, e.member), e.at)
    keys: list[Key] = []
    if e.link is not None and e.link in state.links:
        state.links[e.link].clicks += 1
        keys.append(("links", e.link))
    if e.drop is not None and e.drop in state.drops:
        state.drops[e.drop].clicks += 1
        keys.append(("drops", e.drop))
    return keys


@evolves(LinkPreviewed)
def previewed(state: State, e: LinkPreviewed) -> Iterable[Key]:
    state.openings.note(_by(e.key, e.robot), e.at)
    state.drops[e.drop].previews += 1
    return [("drops", e.drop)]
