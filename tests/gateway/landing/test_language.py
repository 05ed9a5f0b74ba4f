"""The page speaks the reader's language: what they chose, else the first of the browser's that there is."""

from __future__ import annotations

import re

import pytest
from aiohttp.test_utils import make_mocked_request

from coordinator.gateway.landing.pages import language
from coordinator.gateway.landing.words import WORDS


@pytest.mark.parametrize(
    ("wanted", "query", "spoken"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "", "zh"), ("en-GB,en;q=0.9", "", "en"), ("fr-FR,fr;q=0.9,en;q=0.8,zh;q=0.7", "", "en"),
        ("en;q=0.3,zh-TW;q=0.8", "", "zh"), ("en;q=0,zh;q=0.1", "", "zh"), ("de", "", "zh"), ("", "", "zh"),
        ("en;q=x,*;q=0.1", "", "zh"), ("zh", "?lang=en", "en"), ("en", "?lang=zh", "zh"), ("en", "?lang=<script>", "en"),
        ("EN-us", "", "en"), ("," * 5000, "", "zh"),
    ],
)  # fmt: skip
def test_a_reader_is_spoken_to_in_their_language(wanted: str, query: str, spoken: str) -> None:
    request = make_mocked_request("GET", "/c/k" + query, headers={"Accept-Language": wanted} if wanted else {})
    assert language(request) == spoken


def test_every_word_is_there_in_both_languages_and_names_the_same_fields() -> None:
    for word, (zh, en) in WORDS.items():
        assert zh, word
        assert en, word
        assert set(re.findall(r"\{(\w+)\}", zh)) == set(re.findall(r"\{(\w+)\}", en)), word
