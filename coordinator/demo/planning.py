"""What the simulated audience does and when: pure, given the seed and what really reached its groups.

Every draw has random numbers of its own purpose, so the same seed and the same messages give the same audience,
whatever the order in which answers come back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from coordinator.demo import texts
from coordinator.demo.crowd import Crowd, GroupOfDemo, Person, rng_for
from coordinator.demo.goods import Catalogue, Goods, Heard, Order, basket

Do = Literal["say", "ask", "again", "post", "join", "leave", "click", "open", "claim", "place", "pay", "refund", "play"]

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Rates:
    """How lively the audience is. Shares are of those who reached the step before."""

    click: float = 0.12  # of a group's members, for each link or coupon that reaches it
    claim: float = 0.40  # of those who opened the coupon
    order_after_claim: float = 0.35
    order_after_click: float = 0.14  # click x claim x order, where there is no coupon to claim between
    pay: float = 0.80
    refund: float = 0.04
    click_again: float = 0.08
    react: float = 0.03  # members who say something about what was dropped
    put_off: float = 0.001  # members who leave because of it
    again: float = 0.0015  # of a group's members: those who find a link too far up and want it again
    posted: float = 0.6  # of the cheer squad's tasks in groups: those that are seen to be done
    ask: float = 0.22  # of what is said while a product is shown
    raised: float = 0.45  # of the questions: those that the relay's keyword finds and raises
    same_question: float = 0.5  # of the groups: those that ask what everybody asks about a product
    chain: float = 0.004  # of a group's members, for each chain that is announced there
    enter: float = 0.03  # the same of a draw
    click_after_ms: int = 75_000  # mean; the first minutes matter, after ten nobody looks
    click_within_ms: int = 600_000


# Messages, joins and leaves by segment kind: a member speaks this often a minute; joins and leaves are for a group.
MESSAGES_A_MEMBER_MINUTE = {
    "preheat": 0.002, "rules": 0.004, "warmup": 0.018, "opening": 0.040, "guest": 0.010, "product": 0.018,
    "interaction": 0.032, "qa": 0.018, "peak": 0.045, "limited": 0.040, "wrapup": 0.014, "aftercare": 0.003,
}  # fmt: skip
JOINS_A_MINUTE = {"preheat": 0.10, "warmup": 0.60, "opening": 0.80, "wrapup": 0.03, "aftercare": 0.01}
LEAVES_A_MINUTE = {"wrapup": 0.18, "aftercare": 0.12, "opening": 0.05}
QUIET_MESSAGES, QUIET_JOINS, QUIET_LEAVES = 0.001, 0.15, 0.04
TALKS_OF_PRODUCTS = frozenset({"product", "qa", "limited", "peak"})


@dataclass(frozen=True, slots=True)
class Scene:
    """What everybody in the stream sees: the kind of the running segment and the product on air."""

    segment: str = ""
    product: str | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that one member does at `at` (sale time). `key` is the link's or coupon's key that it hangs on."""

    at: int
    do: Do
    person: Person
    text: str = ""
    channel: str = ""
    key: str = ""
    product: str | None = None
    coupon: str | None = None
    order: Order | None = None
    raised: bool = False
    turn: Mapping[str, Any] | None = None  # a turn in a game: the fields of its command
    staff: str = ""  # who of the team posts it


class Planner:
    """Plans the audience of one sale. Holds who is in which group; touches no clock and no wire."""

    def __init__(self, seed: int, groups: list[GroupOfDemo], catalogue: Catalogue, rates: Rates | None = None) -> None:
        self.seed = seed
        self.catalogue = catalogue
        self.rates = rates or Rates()
        self.crowds = {group.id: Crowd.of(seed, group) for group in groups}
        self._orders: dict[str, int] = {}
        self._heard: dict[str, int] = {}
        self._spoken_of: dict[str, str] = {}  # group -> the product that was last named or shown there
        self._buyers: set[str] = set()  # who has paid for something

    def meanwhile(self, group: str, start: int, end: int, scene: Scene) -> list[Action]:
        """What goes on in a group from `start` to `end` by itself: talk, questions, joins, leaves."""
        crowd = self.crowds[group]
        rng = rng_for(self.seed, "meanwhile", group, start)
        minutes = (end - start) / MINUTE_MS
        out: list[Action] = []
        for _ in range(_times(rng, JOINS_A_MINUTE.get(scene.segment, QUIET_JOINS) * minutes)):
            at = rng.randrange(start, end)
            channel = rng.choices([name for name, _ in texts.CHANNELS], [weight for _, weight in texts.CHANNELS])[0]
            out.append(Action(at, "join", crowd.joins(rng), channel=channel))
        newcomers = {action.person: action.at for action in out}
        rate = MESSAGES_A_MEMBER_MINUTE.get(scene.segment, QUIET_MESSAGES)
        for _ in range(_times(rng, rate * len(crowd.present) * minutes)):
            person = crowd.speaker(rng)
            if person is None:
                break
            # One who joins in this very stretch speaks after joining.
            at = rng.randrange(max(start, newcomers.get(person, start)), end)
            out.append(self._words(rng, at, person, scene))
        for _ in range(_times(rng, LEAVES_A_MINUTE.get(scene.segment, QUIET_LEAVES) * minutes)):
            leaver = crowd.leaves(rng)
            if leaver is not None:
                out.append(Action(end - 1, "leave", leaver))  # after the last thing that was planned for them
        return _in_order(out)

    def scene_changed(self, scene: Scene, now: int) -> list[Action]:
        """A product comes on the air: in many groups somebody soon asks the same question."""
        goods = self.catalogue.by_id(scene.product)
        if goods is None:
            return []
        same = rng_for(self.seed, "same-question", goods.id).choice(_questions(goods))
        out = []
        for group, crowd in self.crowds.items():
            rng = rng_for(self.seed, "same-question", goods.id, group)
            self._spoken_of[group] = goods.id
            person = crowd.speaker(rng)
            if person is not None and rng.random() < self.rates.same_question:
                at = now + rng.randrange(5_000, 100_000)
                out.append(Action(at, "ask", person, same, product=goods.id, raised=True))
        return _in_order(out)

    def hears(self, heard: Heard) -> list[Action]:
        """What the members of a group do about a message that reached it."""
        crowd = self.crowds.get(heard.group)
        if crowd is None:
            return []
        n = self._heard[heard.group] = self._heard.get(heard.group, 0) + 1
        rng = rng_for(self.seed, "hears", heard.group, n)
        named = self.catalogue.named_in(heard.text)
        if named is not None:
            self._spoken_of[heard.group] = named.id
        out: list[Action] = []
        product = named.id if named else self._spoken_of.get(heard.group)
        for key in heard.links:
            for person in crowd.share(rng, self.rates.click):
                first = heard.at + self._delay(rng)
                out.append(Action(first, "click", person, key=key, product=product))
                if rng.random() < self.rates.click_again:
                    out.append(Action(first + self._delay(rng), "click", person, key=key, product=product))
        for key in heard.coupons:
            out.extend(
                Action(heard.at + self._delay(rng), "open", person, key=key, product=product)
                for person in crowd.share(rng, self.rates.click)
            )
        said = texts.ON_COUPON if heard.coupons else texts.ON_LINK if heard.links else texts.ON_MESSAGE
        out.extend(
            Action(heard.at + 2_000 + int(rng.expovariate(1 / 30_000)), "say", person, rng.choice(said))
            for person in crowd.share(rng, self.rates.react)
        )
        out += self._plays(heard, crowd, n)
        if heard.links:
            late = rng_for(self.seed, "again", heard.group, n)
            out.extend(
                Action(heard.at + late.randrange(60_000, 480_000), "again", person, late.choice(texts.AGAIN))
                for person in crowd.share(late, self.rates.again)
            )
        for person in crowd.share(rng, self.rates.put_off):
            crowd.present.remove(person)
            last = max((action.at for action in out if action.person == person), default=heard.at)
            out.append(Action(last + rng.randrange(5_000, 60_000), "leave", person))
        return _in_order(out)

    def assigned(self, task: str, group: str, who: str, text: str, now: int) -> list[Action]:
        """One of the cheer squad has something to post in a group: most of it is seen there within a minute."""
        rng = rng_for(self.seed, "assigned", task)
        if group not in self.crowds or rng.random() >= self.rates.posted:
            return []
        return [Action(now + rng.randrange(5_000, 60_000), "post", Person(group, 0, who), text, staff=who)]

    def _plays(self, heard: Heard, crowd: Crowd, n: int) -> list[Action]:
        """Who takes part in a game that was announced: the words say how."""
        rng = rng_for(self.seed, "plays", heard.group, n)
        if "接龙" in heard.text and "+1" in heard.text:
            return self._turns(rng, heard, crowd.share(rng, self.rates.chain), "chain.join")
        if "抽奖" in heard.text and "回复" in heard.text:
            return self._turns(rng, heard, crowd.share(rng, self.rates.enter), "draw.enter")
        return []

    def _turns(self, rng: Random, heard: Heard, people: list[Person], command: str) -> list[Action]:
        return [Action(heard.at + self._delay(rng), "play", p, turn={"kind": command}) for p in people]

    def clicked(self, click: Action, now: int, address: str | None = None) -> list[Action]:
        """After a link was opened; `address` is where it led."""
        rng = rng_for(self.seed, "clicked", click.person.who, click.key, click.at)
        if rng.random() >= self.rates.order_after_click:
            return []
        goods = self.catalogue.behind(address) if address else None
        return self._buys(rng, now, click, product=goods.id if goods else click.product, link=click.key)

    def opened(self, opened: Action, now: int, coupon: str | None = None) -> list[Action]:
        """After a coupon's page was opened; `coupon` is its id or title where the page tells."""
        rng = rng_for(self.seed, "opened", opened.person.who, opened.key)
        terms = self.catalogue.terms_of(coupon)
        if terms is not None and terms.earned and opened.person.who not in self._buyers:
            return []  # the page says that it is for who has paid
        if rng.random() >= self.rates.claim:
            return []
        at = now + rng.randrange(2_000, 25_000)
        return [Action(at, "claim", opened.person, key=opened.key, product=opened.product, coupon=coupon)]

    def claimed(
        self, claim: Action, now: int, code: str | None, *, off: int | None = None, pay: int | None = None
    ) -> list[Action]:
        """After a claim was answered; `code` is None where there was none left, `pay` what it costs before it is good."""
        if code is None:
            return []
        rng = rng_for(self.seed, "claimed", claim.person.who, claim.key)
        if rng.random() >= self.rates.order_after_claim:
            return []
        if pay is not None and claim.coupon is not None:
            return [self._deposit(rng, now, claim, code, pay)]
        return self._buys(rng, now, claim, product=claim.product, code=code, coupon=claim.coupon, off=off)

    def placed(self, placed: Action, now: int) -> list[Action]:
        """After an order was taken: most pay soon, some tell the group."""
        rng = rng_for(self.seed, "placed", placed.order.id if placed.order else "")
        out = []
        if rng.random() < self.rates.pay:
            out.append(Action(now + rng.randrange(8_000, 120_000), "pay", placed.person, order=placed.order))
        if rng.random() < 0.15:
            out.append(Action(now + rng.randrange(3_000, 20_000), "say", placed.person, rng.choice(texts.AFTER_ORDER)))
        return out

    def paid(self, paid: Action, now: int) -> list[Action]:
        """After a payment: a few show their order, fewer want their money back."""
        rng = rng_for(self.seed, "paid", paid.order.id if paid.order else "")
        if paid.order is not None and paid.order.buys is not None:
            code, coupon = paid.order.coupon, paid.order.buys
            return self._buys(rng, now, paid, product=paid.product, code=code, coupon=coupon)
        self._buyers.add(paid.person.who)
        out = []
        if rng.random() < 0.25:
            out.append(Action(now + rng.randrange(3_000, 90_000), "say", paid.person, rng.choice(texts.AFTER_PAYMENT)))
        if rng.random() < self.rates.refund:
            at = now + rng.randrange(10 * MINUTE_MS, 40 * MINUTE_MS)
            out.append(Action(at, "refund", paid.person, order=paid.order))
        return out

    def _words(self, rng: Random, at: int, person: Person, scene: Scene) -> Action:
        goods = self.catalogue.by_id(scene.product or self._spoken_of.get(person.group))
        if scene.segment in TALKS_OF_PRODUCTS and rng.random() < self.rates.ask:
            raised = rng.random() < self.rates.raised
            return Action(at, "ask", person, rng.choice(_questions(goods)), raised=raised)
        said = texts.CHAT.get(scene.segment, texts.ANY_CHAT)
        return Action(at, "say", person, rng.choice(said if rng.random() < 0.85 else texts.ANY_CHAT))

    def _delay(self, rng: Random) -> int:
        """Until a member looks at what came: most within two minutes, nobody after ten."""
        return min(1_500 + int(rng.expovariate(1 / self.rates.click_after_ms)), self.rates.click_within_ms)

    def _buys(
        self,
        rng: Random,
        now: int,
        because: Action,
        *,
        product: str | None,
        link: str | None = None,
        code: str | None = None,
        coupon: str | None = None,
        off: int | None = None,
    ) -> list[Action]:
        terms = self.catalogue.terms_of(coupon)
        if terms is not None and terms.products and product not in terms.products:
            product = terms.products[0]  # one who claimed it means to use it
        wanted = self.catalogue.by_id(product) or self.catalogue.any_product(rng)
        if wanted is None:
            return []
        person = because.person
        order = basket(rng, self.catalogue, self._number(person), wanted, link=link, code=code, coupon=coupon, off=off)
        at = now + rng.randrange(15_000, 200_000)
        return [Action(at, "place", person, key=because.key, product=wanted.id, order=order)]

    def _deposit(self, rng: Random, now: int, claim: Action, code: str, pay: int) -> Action:
        """What is paid for the code itself: an order of the coupon."""
        coupon = claim.coupon or ""
        order = Order(self._number(claim.person), ((coupon, 1, pay),), pay, None, code, coupon)
        at = now + rng.randrange(5_000, 60_000)
        return Action(at, "place", claim.person, key=claim.key, product=claim.product, order=order)

    def _number(self, person: Person) -> str:
        n = self._orders[person.who] = self._orders.get(person.who, 0) + 1
        return f"demo-{person.group}-{person.number}-{n}"


def _questions(goods: Goods | None) -> tuple[str, ...]:
    for words, asked in texts.QUESTIONS:
        if goods is not None and any(word in goods.name for word in words):
            return asked + texts.ANY_QUESTIONS[:3]
    return texts.ANY_QUESTIONS


def _times(rng: Random, mean: float) -> int:
    """A Poisson draw: how often something happens that happens `mean` times on average."""
    if mean > 200:
        return max(0, round(rng.gauss(mean, mean**0.5)))
    n, left = 0, rng.expovariate(1.0)
    while left < mean:
        n += 1
        left += rng.expovariate(1.0)
    return n


def _in_order(actions: list[Action]) -> list[Action]:
    return sorted(actions, key=lambda action: action.at)
