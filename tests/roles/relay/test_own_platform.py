"""A platform of one's own is named in the configuration as `module:Class`; what is wrong is told with its line."""

from __future__ import annotations

import re
import sys

import pytest

from roles.relay.config import load
from roles.relay.errors import ConfigError

ADAPTER = """\
from roles.relay.kit import Adapter, Content, CredentialSettings, GroupSettings, Outcome, Prepared

class Settings(CredentialSettings):
    url: str

class Mine(Adapter[Settings, GroupSettings]):
    platform = "mine"
    credential_settings = Settings
    async def send(self, group, content, prepared=None):
        return Outcome.sent()

class Unnamed(Adapter[Settings, GroupSettings]):
    async def send(self, group, content, prepared=None):
        return Outcome.sent()

class Silent(Adapter[Settings, GroupSettings]):
    platform = "silent"

something = 1
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    module = f"own_{tmp_path.name}".replace("-", "_")

    def writes(platform: str, more: str = ', url: "http://x"', body: str = ADAPTER):
        (tmp_path / f"{module}.py").write_text(body)
        file = tmp_path / "relay.yaml"
        file.write_text(
            "coordinator: http://127.0.0.1:8700\ntoken: t\ncredentials:\n"
            f'  robot: {{platform: "{platform.replace("own", module)}"{more}}}\ngroups:\n  g1: {{credential: robot}}\n'
        )
        return file

    yield writes
    sys.modules.pop(module, None)


def test_an_adapter_beside_the_configuration_is_found_and_its_settings_are_read(write):
    route = load(write("own:Mine")).routes.to("g1")
    assert route is not None
    assert (type(route.adapter).__name__, route.adapter.settings.url) == ("Mine", "http://x")


@pytest.mark.parametrize(
    ("platform", "said"),
    [
        ("nowhere_at_all:Mine", "there is no module nowhere_at_all; install it, or put its file beside"),
        ("own:Other", "has no Other; name a class of it that is an Adapter"),
        ("own:", "has no (no name); name a class"),
        ("own:something", "has something else as something; name a class"),
        ("own:Silent", "Silent of own has no send; an Adapter defines it"),
        ("own:Unnamed", "has no name; give it one: platform = 'unnamed'"),
        ("wechat", "is not a known platform; known are: "),
    ],
)
def test_what_cannot_be_used_is_told_with_its_line_and_what_to_do(write, platform, said):
    with pytest.raises(ConfigError) as caught:
        load(write(platform))
    [problem] = caught.value.problems
    assert (problem.line, problem.key) == (4, "credentials.robot.platform")
    assert said in re.sub(r"own_\w+", "own", problem.message)


def test_a_module_that_cannot_be_loaded_says_what_it_lacks(write):
    with pytest.raises(ConfigError, match=r"cannot be loaded \(ModuleNotFoundError: No module named 'not_there'\)"):
        load(write("own:Mine", body="import not_there\n"))


def test_a_setting_that_its_platform_needs_is_asked_for(write):
    with pytest.raises(ConfigError, match=r"relay.yaml:4: credentials.robot.url: is missing"):
        load(write("own:Mine", more=""))
