"""The page on the relay kit shows the examples as they are, and names what the kit has."""

from __future__ import annotations

import re

import pytest

from roles.relay import kit
from roles.relay.adapters.base import Outcome
from tests.server import ROOT

PAGE = (ROOT / "docs" / "relay-kit.md").read_text("utf-8")


@pytest.mark.parametrize("name", ["relay_adapter.py", "relay_client.py", "relay.yaml"])
def test_the_page_shows_an_example_as_it_is_run(name: str) -> None:
    assert (
        f"```{'yaml' if name.endswith('yaml') else 'python'}\n{(ROOT / 'docs/examples' / name).read_text()}```" in PAGE
    )


def test_every_outcome_and_every_method_of_the_client_is_described() -> None:
    outcomes = {word for word, made in vars(Outcome).items() if isinstance(made, classmethod)} - {"expired"}
    table = PAGE.partition("What `send` answers")[2].partition("## A client")[0]
    assert set(re.findall(r"^\| `(\w+)", table, re.MULTILINE)) - {"Outcome"} == outcomes
    methods = {n for n, m in vars(kit.Relay).items() if callable(m) and not n.startswith("_")}
    page = PAGE.partition("## A client")[2]
    assert all(f"`{name}" in page for name in methods - {"now"}), methods


def test_whatever_the_kit_names_is_there_and_says_what_it_is() -> None:
    for name in kit.__all__:
        assert name == "Prepared" or getattr(kit, name).__doc__, name
