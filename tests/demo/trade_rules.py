"""The trade's rules, read from a journal: each says what was broken, or nothing.

They are written from the trade, not from the code: they know events and the sheet, and compute all else themselves.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

Event = dict[str, Any]
Rule = Callable[[list[Event], dict[str, Any]], Iterator[str]]
MINUTE = 60_000
RULES: list[Rule] = []
_FORBIDDEN = ("国家级", "最高级", "最佳")
_PHONE = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)")
_ADDRESS = re.compile(r"https?://\S+")


def rule(f: Rule) -> Rule:
    RULES.append(f)
    return f


def broken(events: list[Event], sheet: dict[str, Any]) -> list[str]:
    """What of the trade's rules a sale has broken."""
    return [f"{each.__name__}: {what}" for each in RULES for what in each(events, sheet)]


def of(events: list[Event], *kinds: str) -> list[Event]:
    return [e for e in events if e["kind"] in kinds]


@rule
def a_cue_fires_once(events: list[Event], _: dict[str, Any]) -> Iterator[str]:
    for (cue, run), n in Counter((e["cue"], e["run"]) for e in of(events, "cue.fired")).items():
        if n > 1:
            yield f"{cue} fired {n} times in run {run}"


@rule
def a_coupon_is_never_over_claimed(events: list[Event], sheet: dict[str, Any]) -> Iterator[str]:
    coupons = {c["id"]: c for c in sheet["coupons"]}
    claims = of(events, "coupon.claimed")
    for coupon, n in Counter(e["coupon"] for e in claims).items():
        if n > coupons[coupon]["quantity"]:
            yield f"{coupon} was given {n} times of {coupons[coupon]['quantity']}"
    for (coupon, member), n in Counter((e["coupon"], e.get("member")) for e in claims).items():
        if member is not None and n > coupons[coupon].get("per_member", 1):
            yield f"{member} has {n} of {coupon}"
    codes = [e["code"] for e in claims]
    if len(set(codes)) < len(codes):
        yield "a code was given twice"


@rule
def what_is_claimed_has_been_dropped_and_what_is_redeemed_is_still_good(
    events: list[Event], sheet: dict[str, Any]
) -> Iterator[str]:
    hours = {c["id"]: c.get("valid") for c in sheet["coupons"]}
    dropped: dict[str, int] = {}
    claimed: dict[str, Event] = {}
    for e in events:
        if e["kind"] == "coupon.dropped":
            dropped.setdefault(e["coupon"], e["at"])
        elif e["kind"] == "coupon.claimed":
            claimed[e["code"]] = e
            if e["coupon"] not in dropped:
                yield f"{e['code']} was claimed before its coupon was out"
        elif e["kind"] == "coupon.redeemed":
            claim = claimed.get(e["code"])
            if claim is None:
                yield f"{e['code']} was redeemed and never claimed"
            elif (valid := hours[claim["coupon"]]) and e["at"] - claim["at"] > int(valid[:-1]) * 60 * MINUTE:
                yield f"{e['code']} was redeemed after {valid}"


@rule
def the_same_content_does_not_come_twice_within_ten_minutes(events: list[Event], _: dict[str, Any]) -> Iterator[str]:
    words: dict[str, tuple[str, str]] = {}
    asked = {e["drop"] for e in of(events, "keyword.asked") if e.get("drop")}
    sent: dict[tuple[str, str], int] = {}
    overruled = {e["drop"] for e in of(events, "cue.announced") if "DUP" in (e.get("override") or {}).get("rules", ())}
    drop_of: dict[str, str] = {}
    for e in of(events, "delivery.requested", "delivery.sent"):
        if e["kind"] == "delivery.requested":
            words[e["delivery"]] = (e["group"], _ADDRESS.sub("", e["content"]["text"]).strip())
            drop_of[e["delivery"]] = e["drop"]
            continue
        key = words[e["delivery"]]
        at, last = e["sent_at"], sent.get(key)
        if last is not None and 0 < at - last < 10 * MINUTE and drop_of[e["delivery"]] not in asked | overruled:
            yield f"{key[0]} got {key[1]!r} again after {(at - last) // 1000} s"
        sent[key] = at


@rule
def a_product_has_three_minutes_and_its_link_comes_at_the_end_in_all_groups_together(
    events: list[Event], sheet: dict[str, Any]
) -> Iterator[str]:
    ends: dict[str, int] = {}
    fired = {e["cue"]: e for e in of(events, "cue.fired")}
    started = {e["segment"]: e["at"] for e in of(events, "segment.started")}
    for e in of(events, "segment.ended"):
        ends[e["segment"]] = e["at"]
    for segment in sheet["segments"]:
        if segment["kind"] != "product" or segment["id"] not in ends:
            continue
        length = ends[segment["id"]] - started[segment["id"]]
        if length > 3 * MINUTE + 1000:
            yield f"{segment['id']} took {length} ms"
        for cue in segment["cues"]:
            if cue.get("do") == "link.drop" and cue.get("at") == "end":
                late = fired[cue["id"]]["at"] - ends[segment["id"]]
                if abs(late) > 1000:
                    yield f"the link of {segment['id']} came {late} ms after its end"
    instants: dict[str, set[int]] = defaultdict(set)
    attempt: dict[str, int] = {}
    for e in of(events, "delivery.requested"):
        attempt[e["delivery"]] = e["attempt"]
        if e["attempt"] == 1:
            instants[e["drop"]].add(e["fire_at"])
    for drop, at in instants.items():
        if len(at) > 1:
            yield f"{drop} was to leave at {len(at)} instants"


@rule
def no_text_says_what_the_law_forbids_or_whom_to_call(events: list[Event], _: dict[str, Any]) -> Iterator[str]:
    for e in of(events, "delivery.requested", "prompt.sent", "task.assigned"):
        text = e["content"]["text"] if e["kind"] == "delivery.requested" else e["text"]
        bare = re.sub(r"[\W_]+", "", text)
        for term in _FORBIDDEN:
            if term in bare:
                yield f"{e['kind']} {e['seq']} says {term}"
        if _PHONE.search(text):
            yield f"{e['kind']} {e['seq']} holds a phone number"


@rule
def links_open_what_stands_in_the_sheet(events: list[Event], sheet: dict[str, Any]) -> Iterator[str]:
    known = {x["id"] for x in sheet["links"]} | {p["id"] for p in sheet["products"] if p.get("url")}
    for e in of(events, "link.dropped"):
        if (e.get("link") or e.get("product")) not in known:
            yield f"drop {e['drop']} leads out of the sheet"


@rule
def no_two_of_the_team_are_given_the_same_words(events: list[Event], _: dict[str, Any]) -> Iterator[str]:
    for (cue, text), n in Counter((e["cue"], e["text"]) for e in of(events, "task.assigned") if e.get("cue")).items():
        if n > 1:
            yield f"{n} members are to post {text!r} for {cue}"


@rule
def a_chain_is_filled_by_members_alone_and_ends_in_time(events: list[Event], _: dict[str, Any]) -> Iterator[str]:
    opened = {e["chain"]: e for e in of(events, "chain.opened")}
    joined: dict[str, list[Event]] = defaultdict(list)
    for e in of(events, "chain.joined"):
        joined[e["chain"]].append(e)
    for chain, members in joined.items():
        names = [e["member"] for e in members]
        if len(set(names)) < len(names):
            yield f"somebody joined {chain} twice"
        if any(e["at"] > opened[chain]["until"] for e in members):
            yield f"somebody joined {chain} after its deadline"
    for e in of(events, "chain.completed"):
        if len(joined[e["chain"]]) < opened[e["chain"]]["target"]:
            yield f"{e['chain']} is complete with {len(joined[e['chain']])} of {opened[e['chain']]['target']}"
    over = Counter(e["chain"] for e in of(events, "chain.completed", "chain.failed"))
    for chain in opened:
        if over[chain] > 1:
            yield f"{chain} ended {over[chain]} times"


@rule
def a_draw_has_its_rules_first_and_draws_from_who_entered(events: list[Event], _: dict[str, Any]) -> Iterator[str]:
    opened = {e["draw"]: e for e in of(events, "draw.opened")}
    entries: dict[str, list[Event]] = defaultdict(list)
    for e in of(events, "draw.entered"):
        entries[e["draw"]].append(e)
    for draw, e in opened.items():
        for needed in ("prizes", "quantity", "until", "collect", "organiser", "commit"):
            if not e.get(needed):
                yield f"{draw} opened without {needed}"
        if any(x["at"] > e["until"] for x in entries[draw]):
            yield f"somebody entered {draw} after its end"
    for e in of(events, "draw.drawn"):
        winners = [w["member"] for w in e["winners"]]
        if len(set(winners)) < len(winners) or len(winners) > opened[e["draw"]]["quantity"]:
            yield f"{e['draw']} has {len(winners)} winners, {len(set(winners))} of them different"


@rule
def a_member_has_one_turn_in_a_game(events: list[Event], _: dict[str, Any]) -> Iterator[str]:
    for kind, field in (
        ("poll.voted", "poll"),
        ("quiz.answered", "quiz"),
        ("checkin.joined", "checkin"),
        ("draw.entered", "draw"),
    ):
        for (game, member), n in Counter((e[field], e["member"]) for e in of(events, kind)).items():
            if n > 1:
                yield f"{member} had {n} turns in {game}"


@rule
def a_member_is_written_to_once_a_day_and_never_at_night(events: list[Event], sheet: dict[str, Any]) -> Iterator[str]:
    zone = ZoneInfo(sheet["timezone"])
    last: dict[str, int] = {}
    for e in of(events, "followup.sent", "followup.contacted"):
        hour = datetime.fromtimestamp(e["at"] / 1000, zone).hour
        if not 8 <= hour < 22:
            yield f"{e['member']} was written to at {hour}"
        if e["at"] - last.get(e["member"], -(10**15)) < 24 * 60 * MINUTE:
            yield f"{e['member']} was written to twice within a day"
        last[e["member"]] = e["at"]


@rule
def only_paid_orders_are_shown(events: list[Event], _: dict[str, Any]) -> Iterator[str]:
    paid: set[str] = set()
    for e in of(events, "order.paid", "showcase.added"):
        if e["kind"] == "order.paid":
            paid.add(e["order"])
        elif e["order"] not in paid:
            yield f"{e['order']} was shown before it was paid for"


@rule
def a_question_that_waits_is_told_of(events: list[Event], sheet: dict[str, Any]) -> Iterator[str]:
    raised: dict[str, int] = {}
    answered: dict[str, int] = {}
    told = {e["question"] for e in of(events, "question.breached")}
    for e in of(events, "question.raised", "question.answered", "question.closed", "question.chatted"):
        if e["kind"] == "question.raised":
            raised.setdefault(e["question"], e["at"])
        else:
            answered.setdefault(e["question"], e["at"])
    end = events[-1]["at"]
    closed = next((e["at"] for e in of(events, "show.closed")), end)
    for question, at in raised.items():
        waited = answered.get(question, closed) - at
        if waited > 180_000 + 2_000 and question not in told:
            yield f"{question} waited {waited} ms and nobody was told"


@rule
def what_goes_out_was_announced_its_lead_before(events: list[Event], _: dict[str, Any]) -> Iterator[str]:
    announced: dict[str, Event] = {}
    armed = next((e["at"] for e in of(events, "show.armed")), 0)
    for e in of(events, "cue.announced", "cue.fired"):
        if e["kind"] == "cue.announced":
            announced[e["run"]] = e
        elif e.get("drop"):
            ahead = e["at"] - announced[e["run"]]["at"]
            if ahead < min(2_000, e["at"] - armed) - 5:
                yield f"{e['cue']} was announced {ahead} ms ahead"
