"""Who may give which command, and where what happened goes."""

from __future__ import annotations

import re

import pytest

from coordinator.core import COMMANDS, EVENTS, TOPICS, Actor
from coordinator.core.people import INTERNAL
from roles import permissions, streams, views
from roles.permissions import MAY, ROLES, may, table
from tests.core.driver import ACTORS, MINUTE, SECOND, START, Sale, segment, sheet

# Section 7 of the design, row by row, as far as this version has the commands.
CONTRACT = """
show.arm OC show.start OC show.end OC show.close OC show.pause OC show.resume OC show.shift OC show.halt OC show.unhalt OC
segment.next C segment.extend C cue.fire C cue.confirm C cue.hold C cue.release C cue.skip C cue.add C
sheet.replace OC sheet.approve O prompt.send OCHK product.show CK product.hide CK product.reprice C product.restock C
coupon.drop C coupon.stop C link.drop C link.stop C message.send CS checkin.open C checkin.close C
coupon.claim AR coupon.redeem P link.click A checkin.join AR
chain.open CE chain.close CE chain.join AR
draw.open CK draw.run CK draw.enter AR
redpacket.announce C
question.raise RAS question.take S question.answer S question.close S question.pick SKC question.escalate S
task.assign C task.done EKG group.freeze C group.thaw C order.report P
audience.report CRP channel.expose RP cost.report O
delivery.retry C delivery.withdraw C delivery.move C delivery.resolve C
"""


def test_every_command_has_its_roles_and_every_row_its_command() -> None:
    assert set(MAY) == set(COMMANDS) - INTERNAL


def test_the_table_is_the_contract_s() -> None:
    words = CONTRACT.split()
    for kind, letters in zip(words[::2], words[1::2], strict=True):
        allowed = {role for x in letters for role in permissions.LETTERS[x]}
        assert MAY[kind] == allowed, kind


def test_the_table_has_one_row_for_a_command() -> None:
    """Two hands once left two rows for ten commands, and of `task.done` the last happened to be right."""
    kinds = permissions._TABLE.split()[::2]
    assert len(kinds) == len(set(kinds))


def test_nobody_gives_what_only_the_service_gives() -> None:
    assert not any(may(role, kind) for role in ROLES for kind in INTERNAL)
    assert not may("controller", "no.such")
    assert not may("nobody", "show.start")


def test_all_but_relays_can_say_that_they_are_ready() -> None:
    assert {role for role in ROLES if may(role, "person.ready")} == set(ROLES) - {"relay", "poster"}


def test_the_table_on_the_wire_lists_roles_in_one_order() -> None:
    for kind, roles in table().items():
        assert roles == [r for r in ROLES if may(r, kind)]
    assert list(table()) == sorted(table())


def test_every_topic_has_its_view_and_every_event_its_streams() -> None:
    assert set(views.VIEWS) == set(TOPICS)
    named = set(re.findall(r'"([a-z_]+\.[a-z_]+)":', (streams.__file__ and open(streams.__file__).read()) or ""))  # noqa: PTH123, SIM115
    assert named <= set(EVENTS)


class TestWhatTheyAreShown:
    def busy(self) -> Sale:
        link = {"id": "link", "at": "+1m", "do": "link.drop", "link": "room", "groups": "all"}
        sale = Sale(sheet(segment(link, lasts="30m"))).live()
        sale.do("shop", "order.report", order="o1", status="paid", member="m-123456789", amount=100)
        sale.do("r1", "group.observe", group="g1", what="message", member="m1", text="好")
        sale.do("controller", "prompt.send", to="host", text="慢一点")
        sale.do("controller", "task.assign", who="cheer", text="{好|真好}用")
        sale.do("r1", "question.raise", group="g1", text="包邮吗")
        return sale

    def seen(self, sale: Sale, who: str | Actor, *, ahead: bool = False) -> dict[str, dict[str, object]]:
        actor = ACTORS[who] if isinstance(who, str) else who
        mine = streams.listens_to(actor, sale.state, ahead=ahead)
        out: dict[str, dict[str, object]] = {}
        for topic in TOPICS:
            for id_ in getattr(sale.state, topic):
                form = next((f for to, f in views.forms(sale.state, topic, id_) if not mine.isdisjoint(to)), None)
                if form is not None:
                    out.setdefault(topic, {})[id_] = form
        return out

    def heard(self, sale: Sale, who: str) -> set[str]:
        mine = streams.listens_to(ACTORS[who], sale.state, ahead=False)
        return {
            str(e.__struct_config__.tag) for e in sale.events if not mine.isdisjoint(streams.of_event(sale.state, e))
        }

    def test_support_sees_orders_with_members_masked_and_no_event_that_says_more(self) -> None:
        sale = self.busy()
        assert self.seen(sale, "support")["orders"]["o1"].member == "m-1234…"  # type: ignore[attr-defined]
        assert self.seen(sale, "owner")["orders"]["o1"].member == "m-123456789"  # type: ignore[attr-defined]
        assert "order.paid" not in self.heard(sale, "support")
        assert "order.paid" in self.heard(sale, "controller")

    def test_a_cheer_sees_own_tasks_and_what_was_said_last_in_groups_of_their_own(self) -> None:
        sale = self.busy()
        seen = self.seen(sale, Actor("cheer", "an", ("g2",)))
        assert {t.who for t in seen["tasks"].values()} == {"an"}  # type: ignore[attr-defined]
        assert seen["groups"]["g1"].last == []  # type: ignore[attr-defined]
        assert self.seen(sale, "cheer")["groups"]["g1"].last  # type: ignore[attr-defined]
        assert "orders" not in seen
        assert "questions" not in seen

    def test_a_host_sees_prompts_of_their_own_and_questions_that_were_picked(self) -> None:
        sale = self.busy()
        assert "questions" not in self.seen(sale, "host")
        assert set(self.seen(sale, "host")["prompts"]) == {"p1"}
        assert "prompts" not in self.seen(sale, "cohost")
        sale.do("support", "question.pick", question="q1")
        assert set(self.seen(sale, "host")["questions"]) == {"q1"}

    def test_a_poster_sees_prompts_of_their_role(self) -> None:
        sale = self.busy()
        sale.do("controller", "prompt.send", to="poster", text="发朋友圈")
        poster = Actor("poster", "p1", ("g1",))
        assert [p.text for p in self.seen(sale, poster)["prompts"].values()] == ["发朋友圈"]  # type: ignore[attr-defined]
        told = streams.of_event(sale.state, sale.of("prompt.sent")[-1])
        assert not streams.listens_to(poster, sale.state, ahead=False).isdisjoint(told)

    def test_a_relay_whose_token_names_fewer_groups_is_told_of_those_alone(self) -> None:
        link = {"id": "link", "at": "+1m", "do": "link.drop", "link": "room", "groups": "all"}
        sale = Sale(sheet(segment(link)), relays=False).live()
        narrow = Actor("relay", "r1", ("g1",))
        sale.do("clock", "presence.relay", relay="r1", groups=["g1"], here=True)
        sale.advance(START + MINUTE)
        assert sale.deliveries()["g2"].relay == "r1"
        seen = [d.group for d in self.seen(sale, narrow)["deliveries"].values()]  # type: ignore[attr-defined]
        assert seen == ["g1"]
        mine = streams.listens_to(narrow, sale.state, ahead=False)
        told = [e for e in sale.of("delivery.requested") if not mine.isdisjoint(streams.of_event(sale.state, e))]
        assert [e.group for e in told] == ["g1"]
        sale.do("clock", "presence.relay", relay="r1", groups=["g1", "g2"], here=True)
        wide = Actor("relay", "r1", ("g1", "g2"))
        assert len(self.seen(sale, wide)["deliveries"]) == 2

    def test_an_escalated_question_is_shown_to_whom_it_was_passed_on(self) -> None:
        sale = self.busy()
        sale.do("support", "question.escalate", question="q1", to="wu")
        assert set(self.seen(sale, "cohost")["questions"]) == {"q1"}
        assert "包邮吗" not in sale.state.prompts["p2"].text, "words that can be erased stay where they can"

    @pytest.mark.parametrize("who", ["audience", "shop"])
    def test_the_audience_and_the_shop_are_shown_nothing(self, who: str) -> None:
        assert self.seen(self.busy(), who) == {}

    def test_what_is_announced_is_not_there_before_it_fires_for_who_did_not_ask(self) -> None:
        sale = self.busy()
        sale.advance(START + 59 * SECOND)
        plain, ahead = self.seen(sale, "controller"), self.seen(sale, "controller", ahead=True)
        assert "drops" not in plain
        assert "deliveries" not in plain
        assert plain["cues"]["link"].status == "planned"  # type: ignore[attr-defined]
        assert set(ahead["drops"]) == {"drop1"}
        assert set(ahead["deliveries"]) == {"d1", "d2", "d3"}
        assert "cue.announced" not in self.heard(sale, "controller")
        assert set(self.seen(sale, "r1")["deliveries"]) == {"d1", "d2"}
        sale.advance(START + MINUTE)
        assert set(self.seen(sale, "controller")["deliveries"]) == {"d1", "d2", "d3"}

    def told(self, sale: Sale, who: str, *, ahead: bool = True) -> str:
        """All that a role hears and sees, as text."""
        mine = streams.listens_to(ACTORS[who], sale.state, ahead=ahead)
        heard = [e for e in sale.events if not mine.isdisjoint(streams.of_event(sale.state, e))]
        return f"{heard} {self.seen(sale, who, ahead=ahead)}"

    @pytest.mark.parametrize("who", ["cheer", "support"])
    def test_the_right_answer_of_a_quiz_that_a_hand_opens_is_with_those_who_run_it(self, who: str) -> None:
        """The announcement held the whole cue, its answers too, for all who are told ahead."""
        sale = Sale().live()
        sale.do("cohost", "quiz.open", question="几层", answer=["三层钢"], winners=1)
        announced = self.told(sale, who)
        sale.advance(START + 3 * SECOND)
        assert "几层" in announced
        assert "三层钢" not in announced + self.told(sale, who)
        assert "三层钢" in self.told(sale, "controller")

    @pytest.mark.parametrize("who", ["host", "cohost", "cheer", "support"])
    def test_who_won_and_whose_order_is_shown_is_masked_for_the_team(self, who: str) -> None:
        """The entities were masked, and the events beside them said the whole pseudonym."""
        sale = Sale().live()
        sale.do("cohost", "quiz.open", question="几层", answer=["三层钢"], winners=1)
        sale.advance(START + 3 * SECOND)
        sale.do("r1", "quiz.answer", member="winner-7654321", answer="三层钢")
        sale.do("shop", "order.report", order="o1", status="paid", member="buyer-7654321", amount=100)
        sale.do("cheer", "showcase.add", order="o1", group="g1")
        assert "7654321" not in self.told(sale, who)
        assert "winner…" in self.told(sale, who)
