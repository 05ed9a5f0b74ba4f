"""Rule sets are data: read, checked, extended; what is wrong with one is told with file and line."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from coordinator import rules
from coordinator.core.rules import Judge
from coordinator.core.wording import Use, judged
from coordinator.rules.reading import MAY_BLOCK, RuleId, read_rules

OWN = """
set: ourshop
version: "1"
title: {zh: 本店, en: ours}
extends: cn
off: [INDUCE]
severity: {FAKE-COUNT: inform}
rules:
  AD-ABS:
    terms:
      - severity: block
        words: [神器]
        except: [神器时代]
        says: {zh: "「{term}」不用", en: "we do not say '{term}'"}
        do: {zh: 说功能, en: say what it does}
  LENGTH:
    limits: {product_ms: 240000}
platforms:
  ourchat: {per_minute: 5}
"""


def written(folder: Path, text: str, name: str = "ourshop") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(text, "utf-8")
    return path


def own(folder: Path, text: str = OWN) -> Judge:
    return Judge(read_rules(written(folder, text), rules.judge))


def test_the_shipped_set_knows_every_rule_and_says_what_each_rests_on() -> None:
    shipped = rules.judge().rules
    assert set(shipped.rules) == set(get_args(RuleId))
    for rule in shipped.rules.values():
        assert rule.law.zh
        assert rule.law.en
    assert shipped.version


def test_no_word_of_the_shipped_set_is_its_own_exception() -> None:
    for rule in rules.judge().rules.rules.values():
        for each in rule.terms:
            assert not set(each.words) & set(each.exceptions), rule.id
            for exception in each.exceptions:
                assert any(word in exception for word in each.words), f"{rule.id}: {exception} holds none of its words"


def test_only_some_rules_may_keep_a_text_back() -> None:
    for rule in rules.judge().rules.rules.values():
        severities = {each.severity for each in (*rule.terms, *rule.patterns)}
        assert "block" not in severities or rule.id in MAY_BLOCK


def test_a_set_of_one_s_own_adds_to_the_shipped_one(tmp_path: Path) -> None:
    judge = own(tmp_path)
    found = {f.rule: (f.severity, f.message) for f in judged(judge, "神器, 国家级, 集赞, 已售 2000 件", Use())}
    assert found["AD-ABS"][0] == "block"
    assert set(found) == {"AD-ABS", "FAKE-COUNT"}
    assert found["FAKE-COUNT"][0] == "inform"
    assert judged(judge, "神器时代", Use()) == []
    assert judge.limit("LENGTH", "product_ms") == 240_000
    assert judge.limit("LENGTH", "text_bytes") == 2048
    assert judge.rules.platforms["ourchat"].per_minute == 5
    assert "INDUCE" not in judge.rules.rules
    assert {f.rule for f in judged(rules.judge(), "神器, 集赞", Use())} == {"INDUCE"}  # the shipped one is as it was


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("version: \"1\"", ""), "version"),
        (("words: [神器]", "words: []"), "words"),
        (("severity: block", "severity: stop"), "severity"),
        (("off: [INDUCE]", "off: [SINGING]"), "off"),
        (("extends: cn", "extends: mars"), "mars"),
        (("set: ourshop", "set: yours"), "yours.yaml"),
        (("words: [神器]", 'words: ["··"]'), "no sign"),
        (("        do: {zh: 说功能, en: say what it does}\n", ""), "says and do"),
        (("severity: {FAKE-COUNT: inform}", "severity: {FAKE-COUNT: block}"), "not block"),
        (("rules:\n", "rules:\n  SCARCE: {patterns: [{severity: warn, patterns: ['('], says: {zh: a, en: a}, do: {zh: a, en: a}}]}\n"), "pattern"),
        (("rules:\n", "rules:\n  SINGING: {}\n"), "SINGING"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)  # fmt: skip
def test_what_is_wrong_with_a_set_is_told(tmp_path: Path, change: tuple[str, str], told: str) -> None:
    assert change[0] in OWN
    path = written(tmp_path, OWN.replace(*change))
    with pytest.raises(rules.RulesError) as error:
        read_rules(path, rules.judge)
    assert told in str(error.value)
    assert "ourshop.yaml" in str(error.value) or told == "mars"


def test_a_folder_of_sets_is_taken_whole_or_told(tmp_path: Path) -> None:
    written(tmp_path, OWN.replace("ourshop", "taken-here"), "taken-here")
    assert rules.take(tmp_path) == ["taken-here"]
    assert rules.judge("taken-here").name == "taken-here"
    assert "taken-here" in rules.known()
    written(tmp_path, OWN.replace("ourshop", "cn").replace("extends: cn\n", ""), "cn")
    with pytest.raises(rules.RulesError, match="shipped"):
        rules.take(tmp_path)
    with pytest.raises(rules.RulesError, match="no folder"):
        rules.take(tmp_path / "nothing")


def test_a_sale_whose_set_is_not_here_is_judged_by_the_shipped_one() -> None:
    assert rules.judge_for("gone").name == "cn"
