"""The laws of rendering: within the limit, whole characters, whole addresses, and nothing changed that fits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roles.relay.adapters.base import Content
from roles.relay.adapters.rendering import (
    BREAK,
    MORE,
    DoesNotFit,
    cut,
    fit,
    in_bytes,
    in_signs,
    in_utf16,
    markdown,
    mentions_of,
    outside,
    title_of,
    without,
    without_markup,
)

LINK = "https://sale.example/l/Kq3x9aBz"
OTHER = "https://sale.example/c/Zz81"
ALPHABET = st.sampled_from(
    [
        "a",
        " ",
        "\n",
        "不",
        "粘",
        "é",
        "e\u0301",
        "👍",
        "👍🏽",
        "👩‍👩‍👧‍👦",
        "🇨🇳",
        "🇫🇷",
        "1️⃣",
        "https://evil.example/x",
        LINK,
        "\ud800",
    ]
)
TEXTS = st.lists(ALPHABET, max_size=60).map("".join)
SIZES = st.sampled_from([in_bytes, in_signs, in_utf16])
ADDRESSES = st.sampled_from([(), (LINK,), (LINK, OTHER)])


@given(TEXTS, ADDRESSES, st.integers(40, 300), SIZES)
def test_never_over_the_limit_and_the_first_address_is_always_whole(text, addresses, limit, size):
    fitted = fit(text, addresses, limit, size)
    assert size(fitted.text) <= limit
    fitted.text.encode("utf-8")
    assert all(address in fitted.text for address in addresses[:1])
    if "left out" not in (fitted.why or ""):
        assert all(address in fitted.text for address in addresses)


@given(TEXTS.filter(lambda t: "\ud800" not in t), ADDRESSES)
def test_what_fits_is_not_changed_but_for_spaces_around_an_address(text, addresses):
    fitted = fit(text, addresses, 100_000)
    assert fitted.why is None
    assert "".join(fitted.text.split()).startswith("".join(text.split()))
    if not addresses or LINK not in text:
        assert fitted.text.startswith(text)


def test_an_address_is_not_glued_to_what_stands_beside_it():
    assert fit(f"看{LINK}快来", (LINK,), 1000).text == f"看{LINK} 快来"
    assert fit(f"go{LINK}@all", (LINK,), 1000).text == f"go {LINK} @all"
    assert fit(f"{LINK}x" + "y" * 900, (LINK,), 100).text.startswith(LINK + " ")
    assert fit(f"{LINK}?more", (LINK, LINK[:-1]), 1000).text.split() == [LINK, "?more", LINK[:-1]]


def test_another_address_before_it_does_not_swallow_it():
    assert fit(f"https://evil.example/?to={LINK}", (LINK,), 1000).text == f"https://evil.example/?to= {LINK}"


def test_a_text_of_addresses_alone_does_not_hold_the_relay_up():
    """A pattern of all of them was made anew for each cut: a drop with a thousand addresses stopped everything for half a second."""
    text = " ".join(f"https://shop.example/{n}" for n in range(4000))
    assert markdown(text, (LINK,)).count("](") == 4000


@given(TEXTS.filter(lambda t: "\ud800" not in t), st.integers(0, 120), SIZES)
def test_a_cut_is_a_beginning_of_whole_characters(text, room, size):
    found = cut(text, room, size)
    assert text.startswith(found)
    assert size(found) <= room
    rest = text[len(found) :]
    assert not rest.startswith(("\u200d", "\ufe0f", "\u0301", "\u20e3", "🏽"))
    assert not found.endswith("\u200d")
    flags = len(found) - len(found.rstrip("🇨🇳🇫🇷"))
    assert flags % 2 == 0, "half a flag is another country's letter"


@given(TEXTS, st.integers(1, 200))
def test_no_address_is_cut_in_two(text, room):
    found = cut(text.replace("\ud800", ""), room)
    for whole in (LINK, "https://evil.example/x"):
        assert not any(found.endswith(whole[:n]) for n in range(len("https://") + 1, len(whole))) or found.endswith(
            whole
        )


def test_what_is_cut_says_so_and_an_address_alone_that_does_not_fit_is_refused():
    fitted = fit("长" * 1000 + LINK, (LINK,), 200)
    assert fitted.why == "the text was cut"
    assert fitted.text.endswith(MORE + "\n" + LINK)
    with pytest.raises(DoesNotFit):
        fit("x", (LINK,), 10)


def test_a_character_as_long_as_its_writer_liked_does_not_stop_a_cut():
    assert len(cut("a" + "\u0301" * 10_000, 4001)) > 1900


def test_addresses_are_left_as_they_are_and_the_rest_loses_its_power():
    text = f"[点]({LINK}) <@all> ![]({OTHER}) {LINK}"
    shown = without_markup(text, (LINK,))
    assert shown.count(LINK) == 2
    assert "](" not in shown
    assert "<@" not in shown
    assert shown.replace(BREAK, "") == text
    assert outside("a<b", (), lambda part: part.replace("<", "&lt;")) == "a&lt;b"


def test_a_button_takes_its_address_out_of_the_text():
    assert without(f"满100减20\n{LINK}", LINK) == "满100减20"
    assert without(LINK, LINK) == LINK
    assert without(f"满100减20 \t\n  {LINK}\n\n  {LINK} 今晚有效", LINK) == "满100减20\n 今晚有效"


def test_a_text_of_blanks_does_not_hold_the_relay_up():
    """A pattern took the cube of their number: a drop with 2,000 blanks stopped everything for seven seconds."""
    assert without(" " * 100_000 + "x", LINK) == "x"


def test_a_platform_of_text_alone_is_given_every_address_that_the_text_does_not_have():
    assert Content(text=f"上链接 {LINK}", link=LINK).as_text() == f"上链接 {LINK}"
    assert Content(text="上链接", link=LINK, images=(OTHER, OTHER)).as_text() == f"上链接\n{LINK}\n{OTHER}"
    assert Content(text="", coupon=OTHER).as_text() == OTHER


def test_a_title_is_the_first_line_that_says_something():
    assert title_of("\n\n 不粘锅 \n第二行", 100) == "不粘锅"
    assert in_bytes(title_of("长" * 100, 32)) <= 32


@pytest.mark.parametrize(("said", "everybody", "people"), [
    (None, False, ()), ("all", True, ()), ("@所有人", True, ()), ("mei， li,all", True, ("mei", "li")), (", ,", False, ()), (7, False, ()),
])  # fmt: skip
def test_whom_a_mention_names(said, everybody, people):
    found = mentions_of(Content(text="x", mention=said))
    assert (found.everybody, found.people) == (everybody, people)
