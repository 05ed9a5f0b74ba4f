"""What the service itself tells the team: in both languages, each by itself, and both in the text that is read by all."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.core.driver import MINUTE, SECOND, START, Sale, segment, sheet
from tests.core.test_dealing import cheered

CHINESE = re.compile(r"[\u4e00-\u9fff]")
LATIN = re.compile(r"[A-Za-z]")


def nobody_confirms() -> Sale:
    sale = Sale(
        sheet(
            segment(
                {
                    "id": "c",
                    "at": "start",
                    "do": "coupon.drop",
                    "coupon": "c20",
                    "groups": "all",
                    "confirm": "controller",
                }
            )
        )
    ).live()
    sale.advance(START + 20 * SECOND)
    return sale


def a_draw_that_is_open_still() -> Sale:
    cues = [
        {
            "id": "open",
            "at": "start",
            "do": "draw.open",
            "prizes": [{"name": "A", "quantity": 1}],
            "until": "30m",
            "groups": "all",
        },
        {"id": "run", "at": "+1m", "do": "draw.run"},
    ]
    sale = Sale(sheet(segment(*cues, lasts="60m"))).live()
    sale.advance(START + 2 * MINUTE)
    return sale


def a_question_that_was_passed_on() -> Sale:
    sale = Sale().live()
    sale.do("r1", "question.raise", group="g1", member="m1", text="多少钱")
    sale.do("support", "question.escalate", question="q1", to="li")
    return sale


def too_few_wordings() -> Sale:
    sale = cheered("mei", "an")
    sale.do("controller", "task.assign", who="cheer", text="只有一句")
    return sale


@pytest.mark.parametrize(
    "told", [nobody_confirms, a_draw_that_is_open_still, a_question_that_was_passed_on, too_few_wordings]
)
def test_each_language_stands_by_itself(told: Any) -> None:
    sale = told()
    prompt = sale.of("prompt.sent")[-1]
    assert CHINESE.search(prompt.zh)
    assert not LATIN.search(prompt.zh.replace("mei", "").replace("an", "").replace("li", "")), "names are as they are"
    assert LATIN.search(prompt.en)
    assert not CHINESE.search(prompt.en)
    assert prompt.text == (f"{prompt.cue}: " if prompt.cue else "") + f"{prompt.zh} / {prompt.en}"
    kept = sale.state.prompts[prompt.prompt]
    assert (kept.text, kept.zh, kept.en) == (prompt.text, prompt.zh, prompt.en)


def test_a_role_is_named_by_its_word() -> None:
    prompt = nobody_confirms().of("prompt.sent")[-1]
    assert (prompt.zh, prompt.en) == ("等场控确认", "waits for the controller to confirm")


def test_what_a_person_wrote_has_one_text() -> None:
    sale = Sale(sheet(segment({"at": "start", "prompt": "host", "text": "准备开场 / get ready"}))).live()
    sale.do("controller", "prompt.send", to="host", text="慢一点 / slower")
    assert {(e.text, e.zh, e.en) for e in sale.of("prompt.sent")} == {
        ("准备开场 / get ready", None, None),
        ("慢一点 / slower", None, None),
    }


def test_the_task_of_a_red_packet_is_told_in_both() -> None:
    sale = Sale().live()
    sale.do("controller", "redpacket.announce", amount=8800, count=10, groups=["g1"], who="mei")
    sale.advance(START + 3 * SECOND)
    task = sale.state.tasks["t1"]
    assert task.zh == "发红包: 10 个共 ¥88, 发到 VIP 1 群; 发完交截图"
    assert task.en == "Send 10 red packets, ¥88 in all, to VIP 1 群; then give proof of it"
    assert task.text == f"{task.zh} / {task.en}"
