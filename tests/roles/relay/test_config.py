"""The configuration file: what it may say, and how its errors read."""

from __future__ import annotations

from pathlib import Path

import pytest

from roles.relay.config import load
from roles.relay.errors import ConfigError

GOOD = """\
coordinator: http://127.0.0.1:8700
sale: s1
token: ${TOKEN}
data: ./relay-data
credentials:
  screen: {platform: console, per_minute: 20, silent: true}
groups:
  g1: {credential: screen}
  7: {credential: screen}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "relay.yaml"
    path.write_text(text, "utf-8")
    return path


def wrong(folder: Path, text: str, **environment: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(written(folder, text), environment)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_a_good_file_becomes_routes(tmp_path):
    config = load(written(tmp_path, GOOD), {"TOKEN": "t0ken"})
    assert config.token.get_secret_value() == "t0ken"
    assert config.data == tmp_path / "relay-data"
    route = config.routes.to("7")
    assert route is not None
    assert (route.group.id, route.adapter.name, route.adapter.platform) == ("7", "screen", "console")
    assert [(limit.count, limit.per_s) for limit in route.adapter.settings.limits()] == [(20, 60.0)]
    assert config.routes.to("g2") is None
    assert "t0ken" not in repr(config)


def test_a_secret_can_stand_in_a_file(tmp_path):
    (tmp_path / "token.txt").write_text("t0ken\n")
    config = load(written(tmp_path, GOOD.replace("${TOKEN}", "${file:token.txt}")), {})
    assert config.token.get_secret_value() == "t0ken"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("${TOKEN}", "${NO_SUCH}"), ":3: token: the environment has no NO_SUCH; set it"),
        (("${TOKEN}", "${file:none.txt}"), ":3: token: none.txt cannot be read"),
        (("token: ${TOKEN}\n", ""), ":1: token: is missing; add it"),
        (("sale: s1", "sails: s1"), ":2: sails: is not a key that is known here"),
        (("http://127", "127"), ":1: coordinator: write the coordinator's address"),
        (("127.0.0.1:8700", "[::1"), ":1: coordinator: write the coordinator's address"),
        (("127.0.0.1:8700", "127.0.0.1:87000"), ":1: coordinator: write the coordinator's address"),
        (
            ("platform: console", "platform: wechat"),
            ":6: credentials.screen.platform: wechat is not a known platform; known are: console, dingtalk, ",
        ),
        (("platform: console, ", ""), ":6: credentials.screen: names no platform"),
        (("per_minute: 20", "per_minute: 0"), ":6: credentials.screen.per_minute: "),
        (("silent: true", "loud: true"), ":6: credentials.screen.loud: is not a key that is known here"),
        (
            ("g1: {credential: screen}", "g1: {credential: bot}"),
            ":8: groups.g1.credential: there is no credential bot; there are: screen",
        ),
        (("7: {credential: screen}", "7: {}"), ":9: groups.7: names no credential"),
        (
            ("7: {credential: screen}", "7: {credential: screen, chat: 1}"),
            ":9: groups.7.chat: is not a key that is known here",
        ),
        (
            ("7: {credential: screen}", "7: {credential: screen}\n  '7': {credential: screen}"),
            ":9: groups.7: stands twice",
        ),
        (("7: {credential: screen}", "7: {credential: [screen]}"), ":9: groups.7: names no credential"),
        (("7: {credential: screen}", "7:"), ":9: groups.7: has to hold settings"),
        (("screen: {platform", "../screen: {platform"), ":6: credentials.../screen: is no name for a credential"),
        (("silent: true", 'silent: "${file:a\\0b}"'), "cannot be read (no path of a file)"),
        (("sale: s1", "sale: 1"), ":2: sale: has to be a text; put it into quotes"),
        (("sale: s1", "sale: [s1"), "not YAML"),
        (("sale: s1", "token: SECRET"), "a key stands twice"),
    ],
)
def test_what_is_wrong_is_named_with_line_key_and_what_to_do(tmp_path, change, says):
    said = wrong(tmp_path, GOOD.replace(*change), TOKEN="t")
    assert said.startswith(str(tmp_path / "relay.yaml"))
    assert says in said
    assert "SECRET" not in said


MERGED = """\
coordinator: http://127.0.0.1:8700
token: t
credentials:
  first: &robot {platform: wecom, key: "${KEY}", keys: SECRET}
  second:
    <<: *robot
    per_minute: 10
"""


def test_what_is_wrong_in_a_part_that_is_used_twice_is_named_too(tmp_path):
    said = wrong(tmp_path, MERGED, KEY="k")
    assert ":4: credentials.first.keys: is not a key that is known here" in said
    assert ":5: credentials.second.keys: is not a key that is known here" in said
    assert "the environment has no KEY" in wrong(tmp_path, MERGED)
    assert "SECRET" not in said


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ('{platform: telegram, bot_token: "12:SECRET\\r\\nX: 1"}', "`bot_token` holds a blank or a new line"),
        ('{platform: wecom, key: " SECRET"}', "`key` holds a blank or a new line"),
        ('{platform: slack, webhook: "https://hooks.example/SECRET "}', "the address holds a blank or a new line"),
        ('{platform: wecom, key: k, base: "https://me:SECRET@x.example"}', "write the address alone"),
        ('{platform: wecom, key: k, base: "https://x.example/?k=SECRET"}', "write the address alone"),
        ('{platform: wecom, key: k, base: "https://x.example:99999"}', "its host or its port is none"),
        ('{platform: wecom, key: k, base: "https://[::1"}', "its host or its port is none"),
        ('{platform: wecom, key: k, base: "http://x.example"}', "write https"),
        ('{platform: wecom, key: ""}', "is empty; fill it in"),
        ("{platform: wecom, key: 123456}", "has to be a text; put it into quotes"),
    ],
)
def test_a_key_or_an_address_that_was_copied_wrongly_is_said_before_the_show(tmp_path, entry, says):
    said = wrong(tmp_path, f"coordinator: http://127.0.0.1:8700\ntoken: t\ncredentials:\n  bot: {entry}\n")
    assert ":4: credentials.bot" in said
    assert says in said
    assert "SECRET" not in said


def test_what_stands_in_the_environment_is_taken_as_it_is_and_a_password_of_an_address_is_not_shown(tmp_path):
    text = GOOD.replace("http://127", "http://me:SECRET@127")
    config = load(written(tmp_path, text), {"TOKEN": "${HOME}"})
    assert config.token.get_secret_value() == "${HOME}"
    assert "SECRET" not in repr(config)


@pytest.mark.parametrize(
    ("address", "warned"),
    [
        ("http://sale.example", True),
        ("ws://8.8.8.8:8700", True),
        ("https://sale.example", False),
        ("http://127.0.0.1:8700", False),
        ("http://10.0.0.7:8700", False),
        ("http://node1:8700", False),
    ],
)
def test_a_token_that_can_be_read_on_the_way_is_warned_of(tmp_path, address, warned):
    text = GOOD.replace("http://127.0.0.1:8700", address)
    found = [p for p in load(written(tmp_path, text), {"TOKEN": "t"}).warnings if p.key == "coordinator"]
    assert [(p.line, "over http" in p.message) for p in found] == [(1, True)] * warned


def test_everything_wrong_is_said_at_once(tmp_path):
    said = wrong(tmp_path, GOOD.replace("console", "wechat").replace("7: {credential: screen}", "7: {}"), TOKEN="t")
    assert len(said.splitlines()) == 2


def test_a_file_that_is_not_there_or_holds_nothing_is_named(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "none.yaml", {})
    assert "holds no settings" in wrong(tmp_path, "")
