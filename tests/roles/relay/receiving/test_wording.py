"""What is a question, and what asks for a repeat: the rules that the page states."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roles.relay.receiving.reading import Reader, commands
from roles.relay.receiving.seen import Seen
from roles.relay.receiving.settings import ReceivingSettings
from roles.relay.receiving.telegram import TelegramUpdates
from roles.relay.receiving.wording import ASKS_AGAIN, asks_again, is_question
from tests.roles.relay.receiving.test_telegram import CHAT, bot, group


@pytest.mark.parametrize("text", [
    "燃气灶能用吗", "包邮吗?", "多少钱", "什么时候发货呀", "有没有红色的", "怎么下单", "可以么", "请问质保多久", "Is it dishwasher safe?",
    "新疆发吗~", "这个能不能进洗碗机", "见 https://a.example/x 这个吗", "还有货？",
])  # fmt: skip
def test_these_are_questions(text: str) -> None:
    assert is_question(text)


@pytest.mark.parametrize("text", [
    "好的", "已拍", "？？？", "?", "https://a.example/?x=1", "怎么这么便宜", "这么好看", "收到👌", "1", "好划算", "不是吗开玩笑的",
    "故事" * 200 + "?", "",
])  # fmt: skip
def test_these_are_none(text: str) -> None:
    assert not is_question(text)


@pytest.mark.parametrize(("text", "asks"), [
    ("链接再发一下", True), ("链接 再发 一下!", True), ("LINK AGAIN please", True), ("刷没了, 再发一遍", True), ("再看看", False),
    ("我再发一下", True), ("很长的话" * 30 + "再发一下", False), ("", False),
])  # fmt: skip
def test_a_request_for_a_repeat_holds_one_of_its_words(text: str, asks: bool) -> None:
    assert asks_again(text, ASKS_AGAIN) is asks


def test_words_of_ones_own_take_the_place_of_the_ready_ones() -> None:
    assert asks_again("补个链接呗", ("补个链接",))
    assert not asks_again("再发一下", ("补个链接",))
    assert not asks_again("再发一下", ("!",))


@given(
    text=st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), min_size=1, max_size=300),
    name=st.none()
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), min_size=1, max_size=50),
)
def test_any_words_become_commands_whose_bodies_stay_the_same(text: str, name: str | None) -> None:
    seen = Seen(group="g1", what="message", person="qq:1", text=text, name=name)
    observation = Reader(ReceivingSettings(), {}, {"g1"}).read(seen)
    made = commands("i-1", observation, "m")
    assert made == commands("i-1", observation, "m")
    assert made[0]["kind"] == "group.observe"
    assert len({c["id"] for c in made}) == len(made) <= 2


def test_numbers_in_names_are_masked_too() -> None:
    seen = Seen(group="g1", what="message", person="qq:1", text="好", name="老王 13812345678")
    assert Reader(ReceivingSettings(), {}, {"g1"}).read(seen).name == "老王 138****5678"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(CHAT),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["message", "chat", "id", "text", "from", "new_chat_members", "left_chat_member", "my_chat_member",
                         "new_chat_member", "status", "message_reaction", "new_reaction", "old_reaction", "user", "date",
                         "migrate_to_chat_id", "migrate_from_chat_id", "sender_chat", "first_name", "is_bot", "username"]),
        inner, max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip


@given(update=JSON)
def test_no_update_ends_a_relay(update: Any) -> None:
    updates = TelegramUpdates(bot("http://127.0.0.1:1", None), [group()], None)  # type: ignore[arg-type]
    for seen in updates.read(update):
        assert json.dumps(seen.model_dump())
