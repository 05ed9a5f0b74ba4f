"""Terms are found however they are written, and at their place in the text as it was written."""

from __future__ import annotations

import unicodedata

import opencc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator import rules
from coordinator.core.matching import Places, Terms, folded, readable
from coordinator.core.rules import TermList
from coordinator.core.simplified import SIMPLIFIED

LISTS: list[TermList] = [each for rule in rules.judge().rules.rules.values() for each in rule.terms]
TERMS = sorted({word for each in LISTS if not each.whole for word in each.words if folded(word) == word})
FIND = Terms((term, term) for term in TERMS)
BETWEEN = st.sampled_from(
    [" ", "·", "-", "_", "*", "~", "|", "\u3000", "\u200b", "\u200d", "\ufeff", "\u0336", "✨", "👍🏽", "【", "”"]
)
ASIDE = st.text(alphabet="锅煎蛋的了好, 。\n0123456789", max_size=30)


@given(st.text(max_size=200))
def test_both_forms_are_the_same_when_they_are_made_twice(text: str) -> None:
    assert folded(folded(text)) == folded(text)
    assert readable(readable(text)) == readable(text)


@given(st.text(max_size=100), st.booleans())
def test_every_place_of_a_form_is_a_place_of_the_text(text: str, of_folded: bool) -> None:
    form = folded(text) if of_folded else readable(text)
    places = Places(text, of_folded=of_folded)
    spans = [places.span(i, i + 1) for i in range(len(form))]
    assert all(0 <= s.start < s.end <= len(text) for s in spans)
    assert spans == sorted(spans)
    make = folded if of_folded else readable
    assert all(form[i] in make(text[s.start : s.end]) for i, s in enumerate(spans))


@given(st.sampled_from(TERMS), ASIDE, ASIDE)
def test_a_term_is_found_whatever_stands_around_it(term: str, before: str, after: str) -> None:
    text = f"{before}，{term}，{after}"
    assert term in {hit.of for hit in FIND.find(folded(text))}


@given(st.sampled_from(TERMS), st.data())
def test_a_separator_within_a_term_does_not_hide_it(term: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(1, max(1, len(term) - 1)))
    text = "看" + term[:at] + data.draw(BETWEEN) * data.draw(st.integers(1, 3)) + term[at:] + "看"
    form = folded(text)
    (hit, *_) = [hit for hit in FIND.find(form) if hit.of == term]
    span = Places(text, of_folded=True).span(hit.start, hit.end)
    assert folded(text[span.start : span.end]) == term
    assert text[span.start] == term[0]


@given(st.sampled_from(TERMS))
def test_traditional_and_full_width_signs_do_not_hide_a_term(term: str) -> None:
    written = opencc.OpenCC("s2t").convert(term)
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in term.upper())
    for text in (written, wide):
        assert term in {hit.of for hit in FIND.find(folded(text))}, text


def test_the_longest_term_at_a_place_is_the_one_that_is_meant() -> None:
    terms = Terms([("最", 1), ("最佳", 2), ("最佳赏味期", 3)])
    assert [hit.of for hit in terms.find("最好最佳最佳赏味期最")] == [1, 2, 3, 1]


def test_no_terms_find_nothing() -> None:
    assert Terms[int]([]).find("最") == []


@pytest.mark.parametrize(
    ("text", "form"), [("很积极, 品质好", "很积极,品质好"), ("一\n二", "一\n二"), ("1️⃣ ①", "11"), ("100%", "100%")]
)
def test_what_ends_a_clause_ends_a_word(text: str, form: str) -> None:
    assert folded(text) == form


def test_the_simplified_signs_are_opencc_s() -> None:
    convert = opencc.OpenCC("t2s").convert
    for code in range(0x3400, 0x10000):
        sign = chr(code)
        if unicodedata.category(sign) == "Lo":
            expected = convert(sign)
            while (again := convert(expected)) != expected:
                expected = again
            assert SIMPLIFIED.get(sign, sign) == (expected if len(expected) == 1 else sign), hex(code)
