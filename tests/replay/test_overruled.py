"""The review shows what went out though a check had something to say of it, and under whose name."""

from __future__ import annotations

from coordinator import rules
from coordinator.core import Moment, decide
from coordinator.core.kernel import Override
from coordinator.core.messages import MessageSend
from replay.findings import findings_of
from replay.overruled import overruled, warned
from replay.report import page_of
from replay.review import review_tables
from tests.replay.stage import ROLES, Stage
from tests.replay.test_known_sale import tables


def sale_with_an_override() -> Stage:
    stage = Stage().live()
    stage.do("controller", "message.send", content="好锅", groups="all")
    stage.do("controller", "message.send", content="销量第一", groups="all")
    moment = Moment(at=stage.now, bits=bytes(32), public="https://d.example", rules=rules.judge())
    override = Override(rules=("AD-ABS",), reason="商标, 见授权书 12")
    command = MessageSend(content="最佳拍档", groups="all")
    stage.events += decide(stage.state, ROLES["controller"], command, moment, "o1", 1, override).events
    return stage


def test_an_override_stands_in_the_review_with_name_rule_and_reason() -> None:
    stage = sale_with_an_override()
    t = tables(stage)
    (named,), (other,) = overruled(t), warned(t)
    assert (named.by, named.rules, named.reason, named.terms) == (
        "controller:li",
        ("AD-ABS",),
        "商标, 见授权书 12",
        (("AD-ABS", "最佳"),),
    )
    assert named.checked_by == f"cn {rules.judge().version}"
    assert other.terms == (("AD-ABS", "第一"),)
    topics = {f.topic: f for f in findings_of(t, []) if f.topic == "checks" and f.role == "owner"}
    assert "商标, 见授权书 12" in topics["checks"].en
    for lang in ("zh", "en"):
        page = page_of(review_tables(t), lang)  # type: ignore[arg-type]
        assert "商标, 见授权书 12" in page
        assert "销量第一" not in page  # the term, not the text
        assert "AD-ABS 第一" in page
