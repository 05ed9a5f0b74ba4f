"""The pages of polls, quizzes, surveys and sign-ins: what is asked, one turn for a member, and what came of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import Answer, Client
from tests.gateway.landing.dropping import HTML, JSON, cookie
from tests.gateway.landing.test_personal import own
from tests.server import InProcess
from tests.sheet import sheet

POLL: dict[str, Any] = {"question": "下一场想买什么", "options": ["炒锅", "刀具", "餐具"], "until": 600_000}
QUIZ: dict[str, Any] = {"question": "这口锅保修几年", "answer": ["七年", "7"], "winners": 2, "prize": "小铲子"}
SURVEY: dict[str, Any] = {
    "title": "满意吗",
    "questions": [
        {"id": "happy", "text": "总体满意度", "kind": "scale"},
        {"id": "next", "text": "下次想要", "options": ["锅", "刀"]},
        {"id": "words", "text": "想说的话", "kind": "text"},
    ],
}
# Kind, how it is opened, what is sent by its form, what the page says before and after.
ROUNDS = [
    ("poll", POLL, {"option": "2"}, "下一场想买什么", "已投票"),
    ("quiz", QUIZ, {"answer": " 7 "}, "前 2 名答对的有奖", "你是第 1 名"),
    ("survey", SURVEY, {"q.happy": "4", "q.next": "1", "q.words": "很好"}, "总体满意度", "已收到, 谢谢"),
    ("checkin", {}, {}, "签到", "签到成功"),
]
each = pytest.mark.parametrize(("kind", "fields", "turn", "before", "after"), ROUNDS, ids=[r[0] for r in ROUNDS])


async def opened(room: InProcess, kind: str, lead: str = "0s", **fields: Any) -> tuple[str, Client, Client]:
    """A round in its groups: its path in g1, the controller and the relay."""
    sale = await room.sale(sheet(lead=lead), live=True)
    controller, relay = await room.join(sale), await room.join(sale, "relay")
    await controller.done(f"{kind}.open", groups="all", **fields)
    asked = await relay.event("delivery.requested", group="g1")
    assert asked["content"]["link"] in asked["content"]["text"]
    return asked["content"]["link"].removeprefix(room.url), controller, relay


async def facts(room: InProcess, path: str, jar: dict[str, str]) -> dict[str, Any]:
    answer = await room.http("GET", path, headers={**JSON, **jar})
    assert answer.status == 200
    return dict(answer.json)


GBK = "%C6%DF%C4%EA"  # 七年 as a program sends it that knows no UTF-8
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("sent", [f"answer={GBK}".encode(), b"answer=\xc6\xdf\xc4\xea"], ids=["escaped", "as bytes"])
async def test_a_form_that_is_not_utf_8_uses_up_no_answer(room: InProcess, sent: bytes) -> None:
    """It was read with a sign in the place of each wrong byte, and counted as the member's one answer."""
    path, _, _ = await opened(room, "quiz", **QUIZ)
    jar = cookie(await room.http("GET", path, headers=HTML))
    for asked in (JSON, HTML):
        told = await room.http("POST", path, headers={**asked, **jar, "Content-Type": FORM}, data=sent)
        assert (told.status, told.json["code"]) == (422, "invalid")
        assert "UTF-8" in told.json["detail"]
    assert (await facts(room, path, jar))["taking_part"] is False
    named = {**JSON, **jar, "Content-Type": f"{FORM}; charset=gbk"}
    said = (await room.http("POST", path, headers=named, data=f"answer={GBK}".encode())).json
    assert (said["taking_part"], said["right"]) == (True, True)


@each
async def test_a_press_takes_part_and_a_second_counts_no_more(
    room: InProcess, kind: str, fields: dict[str, Any], turn: dict[str, str], before: str, after: str
) -> None:
    path, _, _ = await opened(room, kind, **fields)
    page = await room.http("GET", path, headers=HTML)
    assert page.status == 200
    assert before in page.text
    assert after not in page.text
    for n in range(3):  # a double tap sends the same id again; a page that was loaded anew another one
        done = await room.http("POST", path, headers={**HTML, **cookie(page)}, data={**turn, "id": f"t{n // 2}"})
        assert done.status == 200
        assert after in done.text
        assert "<form" not in done.text
    said = await facts(room, path, cookie(page))
    assert (said["kind"], said["standing"], said["count"], said["taking_part"]) == (kind, "open", 1, True)
    other = await room.http("GET", path, headers=HTML)
    assert "<form" in other.text
    assert "1 人参加" in other.text


@each
async def test_a_page_is_there_before_the_round_opens_and_says_when_it_is_over(
    room: InProcess, kind: str, fields: dict[str, Any], turn: dict[str, str], before: str, after: str
) -> None:
    path, controller, _ = await opened(room, kind, lead="1h", **fields)
    early = await room.http("GET", path, headers=HTML)
    assert "还没开始" in early.text
    assert "<form" not in early.text
    late = await room.http(
        "POST",
        path,
        headers={**JSON, **cookie(early)},
        json={"option": 1, "answer": "7", "answers": {"happy": 1}} if kind != "checkin" else {},
    )
    assert late.status in {409, 422}
    await controller.done("show.halt", reason="断流")
    assert "已撤回" in (await room.http("GET", path, headers=HTML)).text


@each
async def test_a_round_that_has_ended_takes_nobody_and_says_so(
    room: InProcess, kind: str, fields: dict[str, Any], turn: dict[str, str], before: str, after: str
) -> None:
    path, controller, _ = await opened(room, kind, **fields)
    page = await room.http("GET", path, headers=HTML)
    await controller.event(f"{kind}.opened")
    await controller.done(f"{kind}.close")
    done = await room.http("POST", path, headers={**HTML, **cookie(page)}, data={**turn, "id": "t1"})
    assert "已结束" in done.text
    assert after not in done.text
    late = await room.http("GET", path, headers={**JSON, **cookie(page)})
    assert (late.json["standing"], late.json["count"]) == ("ended", 0)


@each
async def test_a_members_own_address_makes_phone_and_group_one_person(
    room: InProcess, kind: str, fields: dict[str, Any], turn: dict[str, str], before: str, after: str
) -> None:
    path, controller, relay = await opened(room, kind, **fields)
    address = own(relay, path, "ann")
    page = await room.http("GET", address, headers=HTML)
    await controller.event("member.linked", a="ann")
    done = await room.http("POST", address, headers={**HTML, **cookie(page)}, data={**turn, "id": "t1"})
    assert after in done.text
    # By the group's address it is the phone; it is still the same person, and so is who writes in the group.
    assert (await facts(room, path, cookie(page)))["taking_part"]
    part = {"poll": ("poll.vote", {"option": 1}), "quiz": ("quiz.answer", {"answer": "7"}),
            "survey": ("survey.answer", {"answers": {"happy": 1}}), "checkin": ("checkin.join", {})}[kind]  # fmt: skip
    assert (await relay.do(part[0], member="ann", group="g1", **part[1]))["code"] == "already"
    assert (await facts(room, path, {}))["count"] == 1


async def test_a_polls_shares_are_for_who_has_voted_and_for_all_when_it_is_over(room: InProcess) -> None:
    path, controller, relay = await opened(room, "poll", **POLL)
    for n, option in enumerate((1, 2, 2), 1):
        await relay.done("poll.vote", member=f"m{n}", option=option, group="g1")
    page = await room.http("GET", path, headers=HTML)
    assert "votes" not in await facts(room, path, cookie(page))
    assert "votes1" not in (await room.http("GET", path + "/live", headers=cookie(page))).json
    voted = await room.http("POST", path, headers={**JSON, **cookie(page)}, json={"option": "餐具"})
    assert (voted.json["votes"], voted.json["yours"]) == ([1, 2, 1], 3)
    live = (await room.http("GET", path + "/live", headers=cookie(page))).json
    assert {name: live[name] for name in ("count", "votes2", "share2", "share1")} == {
        "count": 4,
        "votes2": 2,
        "share2": 50,
        "share1": 25,
    }
    await controller.done("poll.close")
    assert (await facts(room, path, {}))["votes"] == [1, 2, 1]


async def test_a_quiz_keeps_its_right_answer_until_it_is_over(room: InProcess) -> None:
    path, controller, relay = await opened(room, "quiz", **QUIZ)
    page = await room.http("GET", path, headers={**HTML, "Accept-Language": "en"})
    wrong = await room.http(
        "POST", path, headers={**HTML, **cookie(page), "Accept-Language": "en"}, data={"answer": "九年"}
    )
    assert "Not right this time" in wrong.text
    assert "七年" not in page.text + wrong.text
    for member in ("m1", "m2"):
        await relay.done("quiz.answer", member=member, answer="七年", group="g1")
    await controller.event("quiz.closed")
    over = await facts(room, path, cookie(page))
    assert (over["standing"], over["answer"], over["right"], over["place"]) == ("ended", "七年", False, None)


async def test_a_survey_may_leave_questions_out_but_not_all(room: InProcess) -> None:
    path, controller, _ = await opened(room, "survey", **SURVEY)
    page = await room.http("GET", path, headers=HTML)
    jar = {**HTML, **cookie(page)}
    nothing = await room.http("POST", path, headers=jar, data={"q.words": "  ", "id": "t1"})
    assert "请再试一次" in nothing.text
    assert "<form" in nothing.text
    some = await room.http("POST", path, headers=jar, data={"q.happy": "5", "q.words": "", "q.nope": "1", "id": "t2"})
    assert "已收到, 谢谢" in some.text
    await controller.until(lambda: controller.state["surveys"]["survey1"]["count"] == 1)


@pytest.mark.parametrize(
    "body", [{"option": 9}, {"option": None}, {"option": {"x": 1}}, {"option": "刀"}, {}, {"option": "x" * 5000}]
)
async def test_what_is_no_option_is_refused_by_name(room: InProcess, body: dict[str, Any]) -> None:
    path, _, _ = await opened(room, "poll", **POLL)
    answer: Answer = await room.http("POST", path, headers=JSON, json=body)
    assert (answer.status, answer.json["code"], answer.json["details"]["field"]) == (422, "invalid", "option")


async def test_a_sign_in_of_a_series_shows_the_streak(room: InProcess) -> None:
    path, controller, relay = await opened(room, "checkin", series="daily")
    page = await room.http("GET", path, headers=HTML)
    assert (await room.http("POST", path, headers={**JSON, **cookie(page)}, json={})).json["streak"] == 1
    await controller.done("checkin.close")
    await controller.done("checkin.open", series="daily", groups="all", text="第二天 {link}")
    again = await relay.until(
        lambda: next((e for e in relay.events if "第二天" in e.get("content", {}).get("text", "")), None)
    )
    second = again["content"]["link"]
    path = second.removeprefix(room.url)
    assert (await facts(room, path, cookie(page)))["streak"] == 1
    done = await room.http("POST", path, headers={**HTML, **cookie(page)}, data={"id": "t1"})
    assert "2<small>次连续签到" in done.text


@pytest.mark.parametrize(
    ("kind", "fields", "turn", "promised"),
    [
        ("poll", POLL, {"option": "2"}, "参加即送: 满100减20"),
        ("quiz", {**QUIZ, "prize": None, "options": ["五年", "七年"]}, {"answer": "七年"}, "奖品: 满100减20"),
        ("survey", SURVEY, {"q.happy": "4"}, "参加即送: 满100减20"),
        ("checkin", {}, {}, "参加即送: 满100减20"),
    ],
)
async def test_the_coupon_that_was_won_is_on_the_page_with_its_code_and_picture(
    room: InProcess, kind: str, fields: dict[str, Any], turn: dict[str, str], promised: str
) -> None:
    path, controller, _ = await opened(room, kind, **fields, coupon="c20")
    page = await room.http("GET", path, headers=HTML)
    assert promised in page.text
    done = await room.http("POST", path, headers={**HTML, **cookie(page)}, data={**turn, "id": "t1"})
    claimed = await controller.event("coupon.claimed")
    for said in (claimed["code"], "复制券码", '<div class="qr"', "结算时粘贴券码"):
        assert said in done.text
    again = await room.http("GET", path, headers={**JSON, **cookie(page)})
    assert (again.json["gift"], again.json["code"], again.json["not_given"]) == ("c20", claimed["code"], None)
    assert claimed["code"] not in (await room.http("GET", path, headers=HTML)).text


async def test_a_coupon_that_has_run_out_is_said_and_the_vote_counts(room: InProcess) -> None:
    sale = await room.sale(sheet(lead="0s", quantity=1), live=True)
    controller, relay = await room.join(sale), await room.join(sale, "relay")
    await controller.done("poll.open", groups="all", **POLL, coupon="c20")
    path = (await relay.event("delivery.requested", group="g1"))["content"]["link"].removeprefix(room.url)
    await relay.done("poll.vote", member="m1", option=1, group="g1")
    done = await room.http("POST", path, headers=HTML, data={"option": "1"})
    assert "满100减20 已经发完了" in done.text
    assert "已投票" in done.text
    again = await room.http("GET", path, headers={**JSON, **cookie(done)})
    assert (again.json["count"], again.json["code"], again.json["not_given"]) == (2, None, "exhausted")
