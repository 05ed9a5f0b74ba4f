"""Feeds a recorded chat into the sale's groups, as their relay would report it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from coordinator.demo.observing import Pause, Tally, send_all
from coordinator.demo.recordings import Observed, Recording
from coordinator.demo.wire import MAX_BATCH_COMMANDS, Barrier, Command, RelayLink, SaleClock, pseudonym
from coordinator.errors import UsageError


@dataclass(slots=True)
class FeedReport:
    """What of a recording came into the journal; `lines` tells it to a person."""

    recording: Recording
    groups: int
    tally: Tally
    fed: int = 0  # things of the recording that were sent so far
    batches: int = 0

    @property
    def messages(self) -> int:
        return self.tally.accepted["message"]

    @property
    def joins(self) -> int:
        return self.tally.accepted["joined"]

    @property
    def leaves(self) -> int:
        return self.tally.accepted["left"]

    @property
    def complete(self) -> bool:
        """Whether all that could be read was accepted."""
        return sum(self.tally.accepted.values()) == len(self.recording.events)

    def lines(self) -> list[str]:
        recording = self.recording
        said = f"{self.messages:,} messages by {recording.speakers:,} people"
        moved = f"{self.joins:,} joins, {self.leaves:,} leaves"
        out = [f"{recording.format}: {said}, {moved}; {recording.people:,} people in {self.groups} groups"]
        if self.fed < len(recording.events):
            out.append(
                f"stopped early: {len(recording.events) - self.fed:,} of {len(recording.events):,} were not sent"
            )
        out.extend(recording.notes)
        if recording.bad_count:
            out.append(f"{recording.bad_count:,} lines could not be read:")
            out.extend(f"  line {bad.line}: {bad.why}" for bad in recording.bad[:10])
            if recording.bad_count > 10:
                out.append(f"  and {recording.bad_count - 10:,} more")
        else:
            out.append("every line could be read")
        return out + self.tally.lines()


def group_of(who: str, groups: Sequence[str]) -> str:
    """The group that a person of the recording is in: always the same one, whatever the order of events."""
    digest = hashlib.sha256(who.encode("utf-8", "replace")).digest()
    return groups[int.from_bytes(digest[:8], "big") % len(groups)]


def commands_of(recording: Recording, groups: Sequence[str], member_key: bytes, prefix: str = "rec") -> list[Command]:
    """One `group.observe` for each thing in the recording, with ids that stay the same for the same recording."""
    return [_command(event, n, groups, member_key, prefix) for n, event in enumerate(recording.events, 1)]


def _command(event: Observed, n: int, groups: Sequence[str], member_key: bytes, prefix: str) -> Command:
    # A comment of nobody known has no member; its words decide its group, so that it stays the same too.
    group = group_of(event.who or event.text, groups)
    command: Command = {"id": f"{prefix}-{n}", "kind": "group.observe", "group": group, "what": event.what}
    if event.who:
        command["member"] = pseudonym(member_key, event.who)
    if event.what == "message":
        command["text"] = event.text
        command["name"] = event.name
    return command


async def feed_recording(
    recording: Recording,
    *,
    relay: RelayLink,
    clock: SaleClock,
    barrier: Barrier,
    groups: Sequence[str],
    member_key: bytes,
    start: int | None = None,
    window_ms: int = 0,
    prefix: str = "rec",
    name: str = "audience",
    progress: Callable[[FeedReport], None] | None = None,
    pause: Pause = asyncio.sleep,
) -> FeedReport:
    """Sends each thing at `start` plus its offset on the sale's clock (`start`: now where it is None).

    The order of the recording is kept. What falls due within `window_ms` after the next thing shares its frame (up to
    500 commands and 200 KiB), which is what makes a very high speed as fast as the service answers. The sale's clock is
    held at what is not yet answered, so nothing is late and nothing lost. Returns when all is answered; the hold is
    released then, and on an error or a cancellation too. Raises UsageError where there is no group.
    """
    if not groups:
        raise UsageError("the sale has no groups to feed the recorded chat into; add groups to its sheet")
    begin = clock.now() if start is None else start
    commands = commands_of(recording, groups, member_key, prefix)
    due = [begin + event.at_ms for event in recording.events]
    report = FeedReport(recording, len(set(groups)), Tally())
    try:
        while report.fed < len(commands):
            n = report.fed
            until = due[n] + window_ms
            barrier.hold(name, until)
            if clock.now() < until:
                await clock.wait_until(until)
            now = max(clock.now(), until)
            end = n
            while end < len(commands) and end - n < MAX_BATCH_COMMANDS and due[end] <= now:
                end += 1
            await send_all(relay, commands[n:end], report.tally, pause=pause)
            report.fed = end
            report.batches += 1
            if progress is not None:
                progress(report)
    finally:
        barrier.release(name)
    return report
