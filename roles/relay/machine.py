"""The machine that a relay runs on: its clocks and its chance. Everything in a relay asks here.

Times that are compared over a restart are `wall_ms`; all that is waited for hangs on `monotonic`.
"""

from __future__ import annotations

import contextlib
import random
import resource
import secrets
import time


def monotonic() -> float:
    """Seconds; only differences mean something."""
    return time.monotonic()


def wall_ms() -> int:
    """Milliseconds since 1970 UTC, as the machine's clock has it."""
    return time.time_ns() // 1_000_000


def between(low: float, high: float) -> float:
    """A number by chance: many relays that lost one coordinator do not come back in step."""
    return random.uniform(low, high)


def open_many_files() -> None:
    """Lets this process have as many connections as the system allows: each message on its way is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, 1 << 16) if hard == resource.RLIM_INFINITY else hard
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def new_name() -> str:
    """A name that no other process has taken."""
    return secrets.token_hex(6)
