"""What can end a relay or one of its connections.

    DropcueError
    ├── ConfigError       exit 2  the configuration cannot be used; each problem names its line and key
    └── CannotStart       exit 3
        ├── RelayRefused          the coordinator said: do not come back (close codes 4100 to 4199)
        └── DiskFailed            the relay cannot record what it sends, so it must not send
            └── OtherLayout       its folder was written by another version

`LineLost` stands outside the tree: it is how a connection ends, and the agent answers it by coming back.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from coordinator.errors import CannotStart, UsageError


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a configuration: `key` is its path in the file, `line` counts from 1, 0 where unknown."""

    line: int
    key: str
    message: str


class ConfigError(UsageError):
    """The configuration cannot be used. Never carries a value of the file: it may be a secret."""

    def __init__(self, file: Path, problems: list[Problem]) -> None:
        def say(p: Problem) -> str:
            where = f"{file}:{p.line}" if p.line else str(file)
            return f"{where}: {p.key}: {p.message}" if p.key else f"{where}: {p.message}"

        super().__init__("\n".join(say(p) for p in problems))
        self.file, self.problems = file, problems


class RelayRefused(CannotStart):
    """The coordinator ended the connection and asked not to be called again with this token or in this manner."""

    def __init__(self, code: int, message: str) -> None:
        hint = {
            4100: "check `token` in the relay's configuration, and that it was issued for this service and has not expired",
            4101: "the token was revoked; ask the sale's owner for a new one",
        }.get(code, "look at the coordinator's log; coming back would end the same way")
        super().__init__(f"the coordinator refuses this relay ({code}: {message or 'no reason given'}); {hint}")
        self.code, self.reason = code, message


class DiskFailed(CannotStart):
    """The relay's own record cannot be written. It stops, so that its lease ends and another relay can take over."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the relay cannot record what it sends ({reason}); nothing is sent without a record: "
            "free space or mend the folder `data`, then start it again"
        )
        self.reason = reason


class OtherLayout(DiskFailed):
    """A file of the relay's folder lacks what this version keeps in it."""

    def __init__(self, file: Path, lacks: str) -> None:
        reason = f"{file} was written by another version of the relay: it has no {lacks}"
        CannotStart.__init__(
            self,
            f"{reason}; go on with that version until the sale is over, or give `data` an empty folder, once nothing is under "
            "way any more and the platforms' windows (a minute, mostly) are over: it knows nothing of what was sent",
        )
        self.reason = reason


class LineLost(ConnectionError):
    """The connection ended. `retry` is false where the other side asked not to come back, `after_s` when to, where it said."""

    def __init__(self, code: int, message: str, *, retry: bool, after_s: float | None = None) -> None:
        super().__init__(f"{code}: {message}" if message else str(code))
        self.code, self.reason, self.retry, self.after_s = code, message, retry, after_s
