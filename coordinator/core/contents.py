"""What a group is to see: the content of a delivery, and how a person gives it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from coordinator.core.kernel import ShortText, Text

_ADDRESS = r"^https://[^\x00-\x20\x7f]+$"
_MOST_SIGNS = 2000


def _whole(value: Any) -> Any:  # Any: whatever the command holds
    if isinstance(value, str) and len(value) <= _MOST_SIGNS and re.match(_ADDRESS, value):
        return value
    raise PydanticCustomError(
        "address",
        "write the whole address of a picture or video: it begins with https://, has no blanks and at most {most} characters",
        {"most": _MOST_SIGNS},
    )


Address = Annotated[
    str, BeforeValidator(_whole), StringConstraints(min_length=9, max_length=_MOST_SIGNS, pattern=_ADDRESS)
]


class Content(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, rename={"as_": "as"}):
    """What a group is to see. `link` and `coupon` are whole addresses."""

    text: str
    images: tuple[str, ...] = ()
    video: str | None = None
    link: str | None = None
    coupon: str | None = None
    mention: str | None = None
    as_: Literal["message", "announcement"] = "message"


class ContentIn(BaseModel):
    """A content as the team gives it. Links and coupons go out by drops of their own."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)
    text: Text
    images: Annotated[list[Address], Field(max_length=3)] = []
    video: Address | None = None
    mention: ShortText | None = None
    as_: Annotated[Literal["message", "announcement"], Field(alias="as")] = "message"


GivenContent = Text | ContentIn
"""A text alone stands for a content that has nothing else."""


def text_of(given: str | ContentIn) -> str:
    return given if isinstance(given, str) else given.text


def fields_of(given: str | ContentIn) -> dict[str, Any]:
    """What of a content stands beside its text, as the fields of a cue."""
    if isinstance(given, str):
        return {}
    beside = given.model_dump(exclude={"text"}, exclude_defaults=True, by_alias=True)
    return {"content": beside} if beside else {}
