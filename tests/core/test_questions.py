"""Questions: the same one of several members is one card; tasks, prompts, groups beside them."""

from __future__ import annotations

import pytest

from tests.core.driver import SECOND, START, Sale, segment, sheet


def asked() -> Sale:
    sale = Sale().live()
    sale.do("r1", "question.raise", group="g1", member="m1", text="这口锅 包邮吗?")
    sale.do("r1", "question.raise", group="g2", member="m2", text="这口锅包邮吗？")
    sale.do("r1", "question.raise", group="g1", member="m3", text="燃气灶能用吗")
    return sale


def test_the_same_question_of_several_members_is_one_card_with_a_count() -> None:
    sale = asked()
    q1, q2 = sale.state.questions.values()
    assert (q1.count, q1.groups, q2.count) == (2, {"g1": 1, "g2": 1}, 1)
    assert [e.again for e in sale.of("question.raised")] == [False, True, False]
    assert (sale.state.figures["sale"].questions, sale.state.figures["sale"].questions_open) == (3, 2)


def test_asked_again_after_its_answer_it_is_a_new_card() -> None:
    sale = asked()
    sale.do("support", "question.answer", question="q1", content="包邮")
    assert sale.do("r1", "question.raise", group="g1", text="这口锅包邮吗") == {"question": "q3"}


def test_one_person_takes_it() -> None:
    sale = asked()
    sale.do("support", "question.take", question="q1")
    sale.do("support", "question.take", question="q1")
    assert len(sale.of("question.taken")) == 1
    from coordinator.core import Actor

    assert sale.refused(Actor("support", "other"), "question.take", question="q1") == "stale"


def test_an_answer_goes_once_into_all_groups_that_asked_or_into_one() -> None:
    sale = asked()
    sale.do("support", "question.answer", question="q1", content="包邮")
    assert list(sale.deliveries()) == ["g1", "g2"]
    sale.do("support", "question.answer", question="q2", content="能", to="g1")
    assert list(sale.deliveries("drop2")) == ["g1"]
    assert sale.refused("support", "question.answer", question="q2", content="能") == "stale"
    assert sale.state.figures["sale"].questions_open == 0


@pytest.mark.parametrize("to", ["g3", "g9"])
def test_an_answer_goes_to_those_who_asked_only(to: str) -> None:
    assert asked().refused("support", "question.answer", question="q1", content="x", to=to) == "invalid"


def test_an_answer_passes_over_a_frozen_group() -> None:
    sale = asked()
    sale.do("controller", "group.freeze", group="g1")
    sale.do("support", "question.answer", question="q1", content="包邮")
    assert list(sale.deliveries()) == ["g2"]
    sale.do("support", "question.answer", question="q2", content="能")
    assert sale.state.questions["q2"].status == "answered"
    assert len(sale.state.drops) == 1


def test_nothing_is_answered_into_groups_during_a_halt() -> None:
    sale = asked()
    sale.do("owner", "show.halt")
    assert sale.refused("support", "question.answer", question="q1", content="x") == "too_early"


def test_picked_escalated_and_closed() -> None:
    sale = asked()
    sale.do("cohost", "question.pick", question="q1")
    assert sale.state.questions["q1"].status == "picked"
    sale.do("support", "question.escalate", question="q1", to="host")
    assert [e.to for e in sale.of("prompt.sent")] == ["host"]
    assert sale.refused("support", "question.escalate", question="q1", to="nobody") == "unknown"
    sale.do("support", "question.close", question="q1", from_="q1")
    assert sale.refused("support", "question.close", question="q1", from_="q1") == "stale"
    assert sale.refused("support", "question.pick", question="q1") == "stale"


def test_a_relay_speaks_for_its_own_groups() -> None:
    sale = Sale().live()
    assert sale.refused("r1", "question.raise", group="g3", text="x") == "forbidden"
    assert sale.refused("r1", "group.observe", group="g3", what="joined") == "forbidden"
    assert sale.refused("r1", "group.observe", group="g9", what="joined") == "unknown"
    assert sale.refused("r1", "group.observe", group="g1", what="message") == "invalid"


def test_support_writes_into_one_group_at_a_time() -> None:
    sale = Sale().live()
    assert sale.refused("support", "message.send", content="x", groups="all") == "forbidden"
    sale.do("support", "message.send", content="x", groups="group:g1")


def test_groups_count_who_came_and_went() -> None:
    sale = Sale().live()
    for what, count in (("joined", 5), ("left", 2), ("removed", 1)):
        sale.do("r1", "group.observe", group="g1", what=what, count=count)
    for i in range(7):
        sale.do("r1", "group.observe", group="g1", what="message", member=f"m{i % 2}", text=f"{i}", name="小王")
    g, f = sale.state.groups["g1"], sale.state.figures["sale"]
    assert (g.members, g.joins, g.leaves, g.removed, g.messages) == (12, 5, 2, 1, 7)
    assert [s.text for s in g.last] == ["2", "3", "4", "5", "6"]
    assert (f.members, f.messages, f.people) == (62, 7, 2)


class TestTasks:
    def test_are_dealt_so_that_no_two_post_the_same(self) -> None:
        task = {"id": "ask", "at": "+10s", "task": "cheer", "text": ["{这个|这口}锅煎蛋真的不粘吗?"]}
        sale = Sale(sheet(segment(task))).live()
        sale.advance(START + 10 * SECOND)
        assert {t.who: t.text for t in sale.state.tasks.values()} == {
            "mei": "这个锅煎蛋真的不粘吗?",
            "an": "这口锅煎蛋真的不粘吗?",
        }

    def test_from_the_controller_differ_too(self) -> None:
        sale = Sale().live()
        sale.do("controller", "task.assign", who="cheer", group="g1", text="{好|真好}用")
        assert sorted(t.text for t in sale.state.tasks.values()) == ["好用", "真好用"]
        assert sale.refused("controller", "task.assign", who="nobody", text="x") == "unknown"
        assert sale.refused("controller", "task.assign", who="cheer", group="g9", text="x") == "unknown"

    def test_are_done_once_by_whom_they_are_for(self) -> None:
        sale = Sale().live()
        sale.do("controller", "task.assign", who="mei", text="x")
        assert sale.refused("an", "task.done", task="t1") == "forbidden"
        sale.do("cheer", "task.done", task="t1", proof="p.png")
        assert sale.do("cheer", "task.done", task="t1") == {"again": True}
        assert sale.refused("cheer", "task.done", task="t9") == "unknown"
        assert len(sale.of("task.done")) == 1


class TestPrompts:
    def test_are_acknowledged_once_by_their_receiver(self) -> None:
        sale = Sale().live()
        assert sale.do("controller", "prompt.send", to="host", text="慢一点", urgency="high") == {"prompt": "p1"}
        assert sale.refused("cohost", "prompt.ack", prompt="p1") == "forbidden"
        sale.do("host", "prompt.ack", prompt="p1")
        assert sale.do("host", "prompt.ack", prompt="p1") == {"again": True}
        assert sale.refused("host", "prompt.ack", prompt="p9") == "unknown"
        assert sale.refused("controller", "prompt.send", to="nobody", text="x") == "unknown"

    def test_of_long_ago_leave_the_state_the_oldest_first(self) -> None:
        sale = Sale(check=False).live()
        for _ in range(203):
            sale.do("controller", "prompt.send", to="host", text="x")
            sale.do("host", "note.add", text="x")
        sale.check()
        assert next(iter(sale.state.prompts)) == "p4"
        assert next(iter(sale.state.notes)) == "n4"
        assert len(sale.state.prompts) == len(sale.state.notes) == 200


def test_a_person_is_ready_once() -> None:
    sale = Sale()
    sale.do("host", "person.ready")
    assert sale.do("host", "person.ready") == {"again": True}
    sale.do("clock", "presence.person", person="lin", role="host", here=True)
    sale.do("clock", "presence.person", person="lin", role="host", here=True)
    assert sale.state.people["host:lin"].here
    assert len(sale.of("person.joined")) == 1
