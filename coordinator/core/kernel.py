"""The kernel of the core: commands come in, events come out, state follows from events.

Pure: no I/O, no clock, no randomness. `decide` gets the moment and the random bits as arguments and
writes what it used into the events, so that the same events give the same state wherever they are folded.

Each topic file registers with four decorators:

    @command("coupon.claim")       a pydantic model: what may be asked for
    @decides(CouponClaim)          (turn, command) -> result or None; checks first, then `turn.emit(event)`
    @evolves(CouponClaimed)        (state, event) -> keys of the entities it changed
    @due_key("fire")               (turn, rest of the key) -> None; what to do when a moment has come
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

if TYPE_CHECKING:
    from coordinator.core.rules import Judge
    from coordinator.core.state import State

Key = tuple[str, str]
"""(topic, id) of an entity, as in the wire's `changes`."""
Touched = dict[Key, None]
"""The entities that changed, in the order in which they did first: the same events give the same frames."""

ANY = "*"
"""The id of a key that stands for every entity of its topic."""


def number(id_: str) -> int:
    """By this, ids that the sale has given stand in the order in which their entities were made: d9 before d10."""
    return int(id_[1:])


MAX_TRIGGER_DEPTH = 4  # a cue that sets off a cue that sets off a cue …: beyond this it is a loop in the sheet

# ---------------------------------------------------------------- text that comes from outside
# NUL is refused: half the programs that will ever read an export end a text there.
_NO_NUL = r"^[^\x00]*$"
Text = Annotated[str, StringConstraints(min_length=1, max_length=4000, pattern=_NO_NUL)]
Words = Annotated[str, StringConstraints(min_length=1, max_length=20_000, pattern=_NO_NUL)]
"""What members said: as long as any platform lets a message be, so that none is lost."""
Instant = Annotated[int, Field(ge=0, le=2**53)]  # what a screen's numbers hold exactly
Length = Annotated[int, Field(ge=0, le=2**53)]
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_NO_NUL)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x20\x7f]+$")]
Member = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00-\x20\x7f]+$")]
"""A member's pseudonym. Whoever gives it has made it one already (design 1.11)."""


# ---------------------------------------------------------------- refusals
class Refusal(Exception):
    """What the sale answers to a command that cannot be done. It leaves no trace.

    `code` is one of CODES, `message` says what is wrong and what to do, `details` name field or rule.
    """

    def __init__(self, code: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.details = code, message, details


CODES: dict[str, int] = {
    "invalid": 422,
    "forbidden": 403,
    "unknown": 404,
    "stale": 409,
    "exhausted": 409,
    "already": 409,
    "too_early": 409,
    "too_late": 409,
    "capped": 429,
    "blocked": 422,
    "busy": 503,
}
"""Every code a refusal can have, with its HTTP status."""


# ---------------------------------------------------------------- who acts
class Actor(msgspec.Struct, frozen=True, dict=True):
    """Who gives a command. `groups` limits a relay or a cheer member; None is no limit of its own."""

    role: str
    name: str
    groups: tuple[str, ...] | None = None

    @cached_property
    def by(self) -> str:
        """How the event names them: the audience is never named by person."""
        return self.role if self.role in {"audience", "clock"} else f"{self.role}:{self.name}"

    @cached_property
    def sender(self) -> str:
        """Whose command ids these are."""
        return f"{self.role}:{self.name}"


CLOCK = Actor("clock", "clock")


# ---------------------------------------------------------------- events
class Override(msgspec.Struct, frozen=True):
    """What checks a sender overruled, and why; the event's `by` says who it was."""

    rules: tuple[str, ...]
    reason: str


class Checked(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a check had to say of a text that went all the same. `where` is the field that held it."""

    rule: str
    severity: str
    term: str
    where: str = "text"


class Check(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which rule set judged what was sent, and what it found."""

    set: str
    version: str
    found: tuple[Checked, ...] = ()


class Event(msgspec.Struct, kw_only=True, tag_field="kind", omit_defaults=True, rename={"from_": "from"}):
    """Something that happened. Subclasses add fields; the tag is the kind on the wire.

    A field once written is read for ever: new fields have defaults, a change of meaning is a new
    version (`v`) with a step in `coordinator.journal.codec`.
    """

    seq: int = 0
    at: int = 0
    by: str = ""
    cmd: str | None = None
    sum: int | None = None  # of the command's body: the same id with another body is another command
    override: Override | None = None  # checks that its sender overruled
    check: Check | None = None  # who judged the texts it came with
    v: int = 1

    VERSION: ClassVar[int] = 1
    PRIVATE: ClassVar[tuple[str, ...]] = ()
    """Fields that are people's words or names: stored apart, erasable."""


E = TypeVar("E", bound=Event)


# ---------------------------------------------------------------- commands
class Command(BaseModel):
    """Base of all commands. Unknown fields and wrong types are refused by name."""

    model_config = ConfigDict(extra="forbid", strict=True)
    kind: ClassVar[str]
    button: ClassVar[bool] = False
    """May carry `from`, the id of what its sender saw."""
    after_close: ClassVar[bool] = False
    """Is taken when the sale is closed too: refunds, facts that come late, and what the service itself notes."""


C = TypeVar("C", bound=Command)

COMMANDS: dict[str, type[Command]] = {}
EVENTS: dict[str, type[Event]] = {}
_DECIDERS: dict[type[Command], Callable[[Turn, Any], dict[str, Any] | None]] = {}
_EVOLVERS: dict[type[Event], list[Callable[[State, Any], Iterable[Key]]]] = {}
_RESULTS: dict[type[Event], Callable[[State, Any], dict[str, Any]]] = {}
_CURRENT: dict[type[Command], Callable[[State, Any], str | None]] = {}
_DUE: dict[str, Callable[[Turn, str], None]] = {}
_MOMENTS: list[Callable[[State], Iterable[tuple[int, int, str]]]] = []
_TRIGGERS: dict[str, Callable[..., None]] = {}
PRODUCES: dict[str, tuple[str, ...]] = {}
"""Command kind → kinds of the events it can lead to; beside them, those of cues whose condition it makes true."""

SET_OFF = (
    "cue.announced", "delivery.requested", "cue.fired", "coupon.dropped", "link.dropped", "message.sent", "checkin.opened",
    "poll.opened", "poll.closed", "quiz.opened", "quiz.closed", "survey.opened", "survey.closed",
    "prompt.sent", "task.assigned", "task.short", "product.hidden", "product.shown", "coupon.stopped", "checkin.closed",
    "chain.opened", "chain.failed", "draw.opened", "draw.sealed", "draw.drawn", "coupon.claimed", "coupon.ran_out", "draw.not_given", "redpacket.announced",
    "link.stopped", "delivery.withdrawn",
    "chain.opened", "chain.failed", "draw.opened", "draw.sealed", "draw.drawn", "redpacket.announced",
)  # fmt: skip
"""What a cue can lead to that is sent on its way."""


PACED = ("delivery.held", "delivery.withdrawn")
"""Whatever asks for a delivery may hold it back, and take back another that gives way to it."""


def command(
    kind: str, *, button: bool = False, after_close: bool = False, events: tuple[str, ...] = ()
) -> Callable[[type[C]], type[C]]:
    def register(cls: type[C]) -> type[C]:
        cls.kind, cls.button, cls.after_close = kind, button, after_close
        COMMANDS[kind] = cls
        PRODUCES[kind] = (*events, *(e for e in PACED if "delivery.requested" in events and e not in events))
        return cls

    return register


def decides(cls: type[C]) -> Callable[[Callable[[Turn, C], dict[str, Any] | None]], Callable[[Turn, C], Any]]:
    def register(f: Callable[[Turn, C], dict[str, Any] | None]) -> Callable[[Turn, C], Any]:
        _DECIDERS[cls] = f
        return f

    return register


def evolves(
    *kinds: type[E],
) -> Callable[[Callable[[State, Any], Iterable[Key]]], Callable[[State, Any], Iterable[Key]]]:
    def register(f: Callable[[State, Any], Iterable[Key]]) -> Callable[[State, Any], Iterable[Key]]:
        for kind in kinds:
            EVENTS[str(kind.__struct_config__.tag)] = kind
            _EVOLVERS.setdefault(kind, []).append(f)
        return f

    return register


def result_of(
    *kinds: type[E],
) -> Callable[[Callable[[State, Any], dict[str, Any]]], Callable[[State, Any], dict[str, Any]]]:
    """How the answer is computed from the first event of a command, now or when the command is repeated."""

    def register(f: Callable[[State, Any], dict[str, Any]]) -> Callable[[State, Any], dict[str, Any]]:
        for kind in kinds:
            _RESULTS[kind] = f
        return f

    return register


def current(
    *classes: type[Command],
) -> Callable[[Callable[[State, Any], str | None]], Callable[[State, Any], str | None]]:
    """What a button's `from` is compared with: the id of what is current, None for none."""

    def register(f: Callable[[State, Any], str | None]) -> Callable[[State, Any], str | None]:
        for cls in classes:
            _CURRENT[cls] = f
        return f

    return register


def due_key(prefix: str) -> Callable[[Callable[[Turn, str], None]], Callable[[Turn, str], None]]:
    def register(f: Callable[[Turn, str], None]) -> Callable[[Turn, str], None]:
        _DUE[prefix] = f
        return f

    return register


def trigger(part: Literal["look", "follow"]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Registers what reads the conditions after an event, and what fires the cues whose edge it was.

    Triggers fire cues, and cues are made of events: the kernel calls back what it cannot import.
    """

    def register(f: Callable[..., None]) -> Callable[..., None]:
        _TRIGGERS[part] = f
        return f

    return register


def moments(f: Callable[[State], Iterable[tuple[int, int, str]]]) -> Callable[[State], Iterable[tuple[int, int, str]]]:
    """Registers a source of due moments: (instant, rank among equals, key)."""
    _MOMENTS.append(f)
    return f


def answer(state: State, event: Event) -> dict[str, Any] | None:
    """The result of the command whose first event this is."""
    f = _RESULTS.get(type(event))
    result = (f(state, event) if f else None) or None
    if event.check is not None and event.check.found:
        # What went with a warning is told so, now and when the command is repeated.
        return {**(result or {}), "found": [msgspec.structs.asdict(each) for each in event.check.found]}
    return result


# ---------------------------------------------------------------- state from events
def evolve(state: State, event: Event) -> Touched:
    """Folds one event into the state; says which entities changed. Events come in order, without gaps."""
    if event.seq != state.seq + 1:
        raise ValueError(f"event {event.seq} cannot follow {state.seq}")
    touched: Touched = {}
    state.seq, state.before, state.at = event.seq, state.at, event.at
    for f in _EVOLVERS[type(event)]:
        for key in f(state, event):
            touched[key] = None
    index = state.index
    index.risen = ()
    watched = index.watched
    if watched:
        if type(event) in index.happenings:
            _TRIGGERS["look"](state, touched, event)
            return touched
        for topic, id_ in touched:
            of_topic = watched.get(topic)
            if of_topic is not None and (id_ in of_topic or ANY in of_topic):
                _TRIGGERS["look"](state, touched, event)
                break
    return touched


# ---------------------------------------------------------------- deciding
class Moment(msgspec.Struct, frozen=True):
    """What the world lends to one decision."""

    at: int
    bits: bytes
    """32 random bytes: codes, keys and salts are cut from them."""
    public: str = ""
    """Address under which phones reach this installation, without a slash at the end."""
    speed: float = 1.0
    rules: Judge | None = None
    """What judges texts that are to be sent. Where there is none, none can be sent."""


class Turn:
    """One decision: the state it is made on, who asked, and the events it has led to so far.

    `emit` folds each event into the state at once, so later checks of the same turn see it. A decider
    refuses before its first `emit`, never after.
    """

    __slots__ = (
        "_depth", "_keys", "actor", "at", "check", "cmd", "command", "events", "moment", "override", "state", "sum", "touched",
    )  # fmt: skip

    def __init__(self, state: State, actor: Actor, moment: Moment, cmd: str | None, sum_: int | None = None) -> None:
        self.state, self.actor, self.moment, self.cmd, self.sum = state, actor, moment, cmd, sum_
        self.at = max(moment.at, state.at)  # `at` never decreases
        self.override: Override | None = None
        self.check: Check | None = None
        self.command: Command | None = None
        self.events: list[Event] = []
        self.touched: Touched = {}
        self._depth = 0
        self._keys = 0

    def emit(self, event: Event) -> None:
        state = self.state
        event.seq, event.at = state.seq + 1, self.at
        if not event.by:
            event.by = self.actor.by
        if self.cmd is not None and not self.events:
            event.cmd, event.sum, event.override, event.check = self.cmd, self.sum, self.override, self.check
        if event.VERSION != 1:
            event.v = event.VERSION
        self.touched |= evolve(state, event)
        self.events.append(event)
        if state.index.risen and self._depth < MAX_TRIGGER_DEPTH:
            self._depth += 1
            try:
                _TRIGGERS["follow"](self)
            finally:
                self._depth -= 1

    def secret(self, length: int) -> str:
        """A fresh unguessable text of the alphabet without look-alikes, cut from the turn's random bits.

        `seq` tells apart the turns that were lent the same bits.
        """
        self._keys += 1
        about = b"%b%d.%d" % (self.moment.bits, self.state.seq, self._keys)
        return blake2b(about, digest_size=length).digest().translate(_LETTERS).decode()

    def late(self, planned_at: int) -> int:
        """How late it is in real ms, whatever the sale's speed."""
        return max(0, round((self.at - planned_at) / self.moment.speed))


_ALPHABET = b"023456789abcdefghjkmnpqrstuvwxyz"  # 32 signs; no i, l, o, 1
_LETTERS = _ALPHABET * 8  # a byte's sign: each of the 32 is as likely as the others


class Decided(msgspec.Struct):
    """What came of a command: its events (none where it changed nothing), and its answer's result."""

    events: list[Event]
    touched: Touched
    result: dict[str, Any] | None


def check_from(state: State, cmd: Command, seen: str | None) -> None:
    """Refuses `stale` where what is current is not what the sender saw."""
    f = _CURRENT.get(type(cmd))
    now = f(state, cmd) if f else None
    if f and now != seen:
        raise Refusal("stale", "somebody was quicker: look again and press again", {"current": now})


def decide(
    state: State,
    actor: Actor,
    cmd: Command,
    moment: Moment,
    cmd_id: str | None = None,
    sum_: int | None = None,
    override: Override | None = None,
) -> Decided:
    """Decides one command on the state, which it changes by the events it returns.

    Raises Refusal, with the state as it was.
    """
    if not cmd.after_close and state.show and state.the.status == "closed":
        raise Refusal("too_late", "the sale is closed: only refunds and reads are left", {"status": "closed"})
    turn = Turn(state, actor, moment, cmd_id, sum_)
    turn.override, turn.command = override, cmd
    try:
        result = _DECIDERS[type(cmd)](turn, cmd)
    except Refusal as refusal:
        if turn.events:  # what it has folded would stand in the state, and in no journal
            raise RuntimeError(f"{cmd.kind} was refused after it had begun") from refusal
        raise
    if turn.events and result is None:
        result = answer(state, turn.events[0])
    return Decided(turn.events, turn.touched, result)


def decide_due(state: State, key: str, moment: Moment) -> Decided:
    """What a moment that has come leads to. A key that is no longer due leads to nothing."""
    turn = Turn(state, CLOCK, moment, None)
    prefix, _, rest = key.partition("=")
    _DUE[prefix](turn, rest)
    return Decided(turn.events, turn.touched, None)


def due(state: State) -> list[tuple[int, int, str]]:
    """The moments that are to come, earliest first: (instant, rank among equals, key)."""
    out: list[tuple[int, int, str]] = []
    for f in _MOMENTS:
        out.extend(f(state))
    out.sort()
    return out
