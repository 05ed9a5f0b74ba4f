"""One pass over a sale's events: the state they give, and the rows that the figures are computed from.

Everything the review says comes from here. Nothing is read but the events; nothing is looked up twice.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from coordinator.core import Event, State, evolve, members
from coordinator.core.claims import CouponClaimed
from coordinator.core.clicks import LinkClicked
from coordinator.core.coupon_orders import CouponRedeemed
from coordinator.core.cues import CueFired
from coordinator.core.deliveries import DeliverySent
from coordinator.core.groups import GroupDissolved, GroupJoined, GroupLeft, GroupMessage, GroupRemoved
from coordinator.core.notes import NoteAdded
from coordinator.core.orders import Order
from coordinator.core.prompts import PromptAcked
from coordinator.core.questions import QuestionAnswered, QuestionChatted, QuestionRaised
from coordinator.core.sheets import SaleCreated, SheetReplaced
from coordinator.core.show import (
    SegmentEnded,
    SegmentStarted,
    ShowClosed,
    ShowEnded,
    ShowHalted,
    ShowPaused,
    ShowResumed,
    ShowStarted,
    ShowUnhalted,
)
from coordinator.journal import codec
from coordinator.journal.base import Entry
from replay.overruled import of_event
from replay.rows import (
    Acked,
    Answered,
    Asking,
    Claim,
    Click,
    Coming,
    Fire,
    Mark,
    Message,
    Overruled,
    Redemption,
    SegmentRow,
    Sent,
)
from replay.source import Source

_STICKER = re.compile(r"\[[^\[\]]{1,20}\]")  # as WeChat and DingTalk write a sticker that cannot be shown


def is_sticker(text: str) -> bool:
    """Whether nothing is left of a message without its stickers, emoji and punctuation."""
    if text.isalnum():
        return False  # most are
    return not any(c.isalnum() for c in _STICKER.sub("", text))


class Tables:
    """Rows in the order in which they happened. `state` is the sale as it stands at `seq`."""

    def __init__(self, sale: str) -> None:
        self.sale = sale
        self.state = State(sale=sale)
        self.first_at = self.last_at = 0
        self.messages: list[Message] = []
        self.comings: list[Coming] = []
        self.clicks: list[Click] = []
        self.claims: list[Claim] = []
        self.redemptions: list[Redemption] = []
        self.fires: list[Fire] = []
        self.sents: list[Sent] = []
        self.askings: list[Asking] = []
        self.answers: list[Answered] = []
        self.acks: list[Acked] = []
        self.marks: list[Mark] = []
        self.checked: list[Overruled] = []
        """Sends of which a check had something to say."""
        self.segments: dict[str, SegmentRow] = {}
        self.given_members: dict[str, int] = {}
        """Members of each group as the sheet first gave them: heads without names."""
        self.first_seen: dict[str | None, dict[str, bool]] = {}
        """Of each group, and of the whole sale under None: who was seen there, in that order, and whether to join."""
        self._said: dict[str, set[int]] = {}
        self._claim_of: dict[str, Claim] = {}
        self._takers: dict[type[Event], Callable[[Any], None]] = {
            GroupMessage: self._message, GroupJoined: self._coming, GroupLeft: self._coming, GroupRemoved: self._coming, GroupDissolved: self._dissolved,
            LinkClicked: self._click, CouponClaimed: self._claim, CouponRedeemed: self._redemption,
            CueFired: self._fire, DeliverySent: self._sent, QuestionRaised: self._asked, QuestionAnswered: self._answered,
            QuestionChatted: self._chatted, PromptAcked: self._acked, NoteAdded: self._note,
            SaleCreated: self._plan, SheetReplaced: self._plan, ShowStarted: self._show, ShowPaused: self._show,
            ShowResumed: self._show, ShowHalted: self._show, ShowUnhalted: self._show, ShowEnded: self._show,
            ShowClosed: self._show,
        }  # fmt: skip
        # What needs the state as it was before the event.
        self._before: dict[type[Event], Callable[[Any], None]] = {
            SegmentStarted: self._segment_starts, SegmentEnded: self._segment_ends,
        }  # fmt: skip

    # ---------------------------------------------------------------- the pass
    def take(self, entries: Iterable[Entry]) -> None:
        """Folds the next entries and makes their rows."""
        decode, state, takers, before, sale = codec.decode, self.state, self._takers, self._before, self.sale
        for entry in entries:
            event = decode(entry, sale)
            kind = type(event)
            early = before.get(kind)
            if early is not None:
                early(event)
            evolve(state, event)
            taker = takers.get(kind)
            if taker is not None:
                taker(event)
            if event.check is not None or event.override is not None:
                told = of_event(event)
                if told is not None:
                    self.checked.append(told)
            if not self.first_at:
                self.first_at = event.at
        self.last_at = state.at

    # ---------------------------------------------------------------- members
    def _seen(self, group: str, member: str, *, joining: bool) -> None:
        seen = self.first_seen.get(group)
        if seen is None:
            seen = self.first_seen[group] = {}
        if member not in seen:
            seen[member] = joining
            self.first_seen.setdefault(None, {}).setdefault(member, joining)

    def _message(self, e: GroupMessage) -> None:
        if e.staff is not None:
            return  # figures are of members
        text, valid = e.text, True
        if e.member is not None:
            self._seen(e.group, e.member, joining=False)
        if text is not None:
            valid = not is_sticker(text)
            if valid and e.member is not None:
                said = self._said.get(e.member)
                if said is None:
                    said = self._said[e.member] = set()
                key = hash(text)  # only compared within this process; the words themselves are not kept
                valid = key not in said
                said.add(key)
        self.messages.append(Message(e.at, e.group, e.member, valid))

    def _coming(self, e: GroupJoined | GroupLeft | GroupRemoved) -> None:
        what = "joined" if isinstance(e, GroupJoined) else "left" if isinstance(e, GroupLeft) else "removed"
        if e.member is not None:
            self._seen(e.group, e.member, joining=what == "joined")
        self.comings.append(Coming(e.at, e.group, e.member, what, e.count, e.channel))

    def _dissolved(self, e: GroupDissolved) -> None:
        self.comings.append(Coming(e.at, e.group, None, "dissolved", e.count, None))

    # ---------------------------------------------------------------- drops and what came of them
    def _click(self, e: LinkClicked) -> None:
        if e.coupon is not None:
            return  # a look at a coupon's page is no click on a link: its funnel goes on with the claim
        self.clicks.append(Click(e.at, e.member, e.drop, e.cue, e.group, e.product, e.link))

    def _claim(self, e: CouponClaimed) -> None:
        drop = self.state.drops.get(e.drop or "")
        claim = Claim(e.at, e.member, e.group, e.drop, drop.cue if drop else None, e.coupon)
        self.claims.append(claim)
        self._claim_of[e.code] = claim

    def _redemption(self, e: CouponRedeemed) -> None:
        claim = self._claim_of.get(e.code) or Claim(e.at, e.member, None, None, None, e.coupon)
        self.redemptions.append(Redemption(e.at, claim, e.order, e.off))

    def _fire(self, e: CueFired) -> None:
        self.fires.append(Fire(e.at, e.cue, e.drop, e.planned_at, e.late_ms))
        if e.drop is not None:
            drop = self.state.drops[e.drop]
            self.marks.append(Mark(e.at, drop.kind, self.name_of(drop.what) or drop.text))

    def _sent(self, e: DeliverySent) -> None:
        if e.again:
            return  # what the group had by then counts once
        d = self.state.deliveries[e.delivery]
        drop = self.state.drops[d.drop]
        # A rehearsal's sale runs faster than the clock on the wall: punctuality is of the wall.
        speed = self.state.rehearsal or 1
        late = (e.sent_at or e.at) - drop.fire_at
        self.sents.append(
            Sent(
                e.at,
                d.drop,
                d.cue,
                d.group,
                e.relay or d.relay,
                drop.kind,
                drop.what,
                late if speed == 1 else late / speed,
                self.state.groups[d.group].members,
                d.hands,
                d.platform,
            )
        )

    # ---------------------------------------------------------------- questions, prompts, notes
    def _asked(self, e: QuestionRaised) -> None:
        self.askings.append(Asking(e.at, e.question, e.group))

    def _answered(self, e: QuestionAnswered) -> None:
        self.answers.append(Answered(e.at, e.question, e.person, tuple(e.groups)))

    def _chatted(self, e: QuestionChatted) -> None:
        """Whoever asked it was spoken to: for every group that is an answer."""
        self.answers.append(Answered(e.at, e.question, e.person, tuple(self.state.questions[e.question].groups)))

    def _acked(self, e: PromptAcked) -> None:
        prompt = self.state.prompts.get(e.prompt)
        if prompt is not None:
            self.acks.append(Acked(e.at, e.person, e.at - prompt.at))

    def _note(self, e: NoteAdded) -> None:
        self.marks.append(Mark(e.at, "note", e.text))

    # ---------------------------------------------------------------- the show
    def _plan(self, e: SaleCreated | SheetReplaced) -> None:
        for group in e.plan.groups:
            self.given_members.setdefault(group.id, group.members)
        # The plan is what the sheet said before the show; what is edited live is a revision of it.
        open_yet = self.state.the.started_at is None
        for s in self.state.segments.values():
            known = self.segments.get(s.id)
            if known is None or (open_yet and known.real_start is None):
                self.segments[s.id] = SegmentRow(
                    id=s.id, index=s.index, name=s.name, kind=s.kind, planned_start=s.planned_start,
                    planned_end=s.planned_end, revised_start=s.start, revised_end=s.end,
                )  # fmt: skip

    def _segment_starts(self, e: SegmentStarted) -> None:
        row, segment = self.segments[e.segment], self.state.segments[e.segment]
        row.revised_start, row.revised_end = segment.start, segment.end
        if self.state.the.rehearsal and all(known.real_start is None for known in self.segments.values()):
            self._lay_plan(e.at - row.planned_start)
        row.real_start = e.at

    def _lay_plan(self, by_ms: int) -> None:
        """A rehearsal begins when it likes: its plan counts from its own first segment, not from the hour of the sheet."""
        for row in self.segments.values():
            row.planned_start += by_ms
            row.planned_end += by_ms
            segment = self.state.segments.get(row.id)
            if segment is not None and segment.status == "skipped":  # before the start: it is never revised again
                row.revised_start += by_ms
                row.revised_end += by_ms

    def _segment_ends(self, e: SegmentEnded) -> None:
        row, segment = self.segments[e.segment], self.state.segments[e.segment]
        if row.real_start is not None:
            row.revised_end, row.real_end = segment.end, e.at

    def _show(self, e: Event) -> None:
        self.marks.append(Mark(e.at, str(e.__struct_config__.tag), getattr(e, "reason", "")))

    # ---------------------------------------------------------------- what many figures need
    def finish(self) -> None:
        """Brings rows that follow the state up to its end. May be called again after more events."""
        for s in self.state.segments.values():
            row = self.segments.get(s.id)
            if row is not None:
                row.status, row.index, row.name = s.status, s.index, s.name
                if s.status in {"planned", "running"}:
                    row.revised_end = s.end
                    if s.status == "planned":
                        row.revised_start = s.start

    def name_of(self, what: str | None) -> str:
        """A product's, coupon's, link's or group's name, as a person knows it."""
        state, what = self.state, what or ""
        if what in state.products:
            return state.products[what].name
        if what in state.coupons:
            return state.coupons[what].title
        if what in state.links:
            return state.links[what].title or what
        if what in state.groups:
            return state.groups[what].name or what
        return what

    def topic_of(self, what: str | None) -> str:
        """What kind of thing of the sheet an id names; empty where it names none."""
        state, what = self.state, what or ""
        return next((x for x in ("product", "coupon", "link") if what in getattr(state, f"{x}s")), "")

    def person(self, member: str | None) -> str | None:
        """The one that stands for all pseudonyms of a member's person."""
        return None if member is None else members.person(self.state, member)

    @property
    def orders(self) -> dict[str, Order]:
        """The orders as all their reports together tell them."""
        return self.state.orders

    @property
    def settled(self) -> bool:
        return self.state.plan is not None and self.state.the.status == "closed"

    def persons(self, named: Iterable[str | None]) -> set[str]:
        """The persons behind pseudonyms, by the links that are known; those without a name are left out."""
        return {members.person(self.state, m) for m in named if m is not None}

    def _sighted(self, group: str | None) -> tuple[int, int]:
        """Persons who were there without having been seen to join, and those whose first sighting was that they joined."""
        first: dict[str, bool] = {}
        for member, joining in self.first_seen.get(group, {}).items():
            first.setdefault(members.person(self.state, member), joining)
        joined = sum(first.values())
        return len(first) - joined, joined

    def heads(self, group: str) -> int:
        """Members of a group at the start: the sheet's count, or more where more were seen to have been there."""
        return max(self.given_members.get(group, 0), self._sighted(group)[0])

    def members_start(self) -> int:
        """The same for the whole sale, where somebody known in two groups is one."""
        return max(sum(self.given_members.values()), self._sighted(None)[0])

    def members(self) -> int:
        """All who were present at any time: see the definition of `members`."""
        unnamed = sum(c.heads for c in self.comings if c.what == "joined" and c.member is None)
        return self.members_start() + self._sighted(None)[1] + unnamed

    def members_by_group(self) -> dict[str, int]:
        unnamed: Counter[str] = Counter()
        for c in self.comings:
            if c.what == "joined" and c.member is None:
                unnamed[c.group] += c.heads
        return {g: self.heads(g) + self._sighted(g)[1] + unnamed[g] for g in self.state.groups}


async def tables_of(source: Source) -> Tables:
    """The tables of a sale up to its end. Folds beside the event loop: other work on it goes on."""
    tables = Tables(source.sale)
    async for entries in source.batches():
        await asyncio.to_thread(tables.take, entries)
    tables.finish()
    return tables
