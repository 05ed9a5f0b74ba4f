"""What was seen in a group, as a source hands it in: the platform's own names for people, words as they were written."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

# The bounds of the coordinator's own commands, so that what is taken here is not refused there.
_NO_NUL = r"^[^\x00]*$"
Id = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x20\x7f]+$")]
Short = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_NO_NUL)]
Words = Annotated[str, StringConstraints(min_length=1, max_length=20_000, pattern=_NO_NUL)]
Reach = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]

What = Literal["joined", "left", "removed", "liked", "message", "asked", "unreachable", "reachable", "dissolved"]


class Seen(BaseModel):
    """One thing that was seen. `person` is `namespace:id`, such as `wecom:wmABC`; null where nobody can be named.

    `at` is when it happened, in ms since 1970, where the source knows; `contact` how the person can be reached.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    group: Id
    what: What
    person: Short | None = None
    name: Short | None = None
    text: Words | None = None
    at: Annotated[int, Field(ge=0, le=2**53)] | None = None
    channel: Short | None = None
    staff: Id | None = None
    platform_id: Short | None = None
    about: Id | None = None
    why: Short | None = None
    contact: Reach | None = None
    count: Annotated[int, Field(ge=1, le=100_000)] = 1
