"""Whatever is written, each platform takes it: within its sizes, with the link where it can be pressed, and calling nobody unasked."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roles.relay.adapters import PLATFORMS
from roles.relay.adapters.base import AnyAdapter, Content, GroupSettings
from tests.contract.adapter_suite import HOSTILE, LINK
from tests.roles.relay.doubles.base import Seen
from tests.roles.relay.doubles.platforms import DOUBLES

# A platform's double reads a body as the platform does, and raises what is too large; the sizes of whole bodies are here.
READS = ("dingtalk", "discord", "feishu", "slack", "wecom")
BODY_BYTES = {"dingtalk": 20_000, "feishu": 20_000}

PARTS = st.sampled_from(
    [
        HOSTILE,
        LINK,
        "不粘锅 ",
        "\n",
        '"',
        "\\",
        "&<>",
        "👩‍👩‍👧‍👦",
        "é",
        "*_~`>#|[]()!",
        "\u202e",
        "\x00",
        "https://shop.example/a_b(1)",
    ]
)
TEXTS = st.builds(
    lambda parts, times: "".join(parts) * times, st.lists(PARTS, max_size=8), st.sampled_from([1, 1, 20, 400])
)
PICTURES = st.lists(st.sampled_from([f"https://img.example/{n}.jpg" for n in range(3)]), max_size=3, unique=True)
CONTENTS = st.builds(
    lambda text, images, how, as_: Content(text=text[:4000] or "x", images=tuple(images), as_=as_, **{how: LINK}),
    TEXTS,
    PICTURES,
    st.sampled_from(["link", "coupon"]),
    st.sampled_from(["message", "announcement"]),
)


def adapter_of(platform: str) -> AnyAdapter:
    kind = PLATFORMS[platform]
    return kind("bot", kind.credential_settings.model_validate(DOUBLES[platform].settings("https://x.example")), None)


def seen(platform: str, content: Content) -> tuple[Seen, bytes]:
    call = adapter_of(platform).call(GroupSettings(id="g", credential="bot"), content, None)
    double: Any = DOUBLES[platform]()
    return double.seen(msgspec.json.decode(call.body)), call.body


@pytest.mark.parametrize("platform", READS)
@given(content=CONTENTS)
def test_a_platform_takes_whatever_is_written(platform: str, content: Content) -> None:
    shown, body = seen(platform, content)
    assert len(body) <= BODY_BYTES.get(platform, 1 << 20)
    assert LINK in shown.links
    assert shown.pings == ()


@pytest.mark.parametrize("platform", READS)
@given(
    content=CONTENTS,
    who=st.lists(
        st.sampled_from(["all", "mei", "13800138000", "U012AB3CD", '"><at user_id="all">']), min_size=1, max_size=4
    ),
)
def test_only_who_is_named_is_called(platform: str, content: Content, who: list[str]) -> None:
    shown, body = seen(platform, msgspec.structs.replace(content, mention=",".join(who)))
    assert len(body) <= BODY_BYTES.get(platform, 1 << 20)
    assert LINK in shown.links
    assert ("all" in shown.pings) <= ("all" in who)
