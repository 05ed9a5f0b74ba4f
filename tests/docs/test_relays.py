"""docs/relays.md: its configuration is one that `dropcue relay` takes, and its tables name what there is."""

from __future__ import annotations

import re
from pathlib import Path

from roles.relay.adapters import PLATFORMS
from roles.relay.config import load

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "relays.md").read_text()
NAMES = ["DROPCUE_RELAY_TOKEN", "WECOM_KEY", "DING_TOKEN", "DING_SECRET", "LARK_HOOK", "LARK_SECRET", "TG_TOKEN"]


def test_the_configuration_of_the_page_is_taken(tmp_path):
    [example] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "relay.yaml").write_text(example)
    environment = dict.fromkeys(NAMES, "planted") | {
        "SLACK_WEBHOOK": "https://hooks.slack.com/services/T/B/planted",
        "DISCORD_WEBHOOK": "https://discord.com/api/webhooks/1/planted",
    }
    config = load(tmp_path / "relay.yaml", environment)
    assert set(config.routes.adapters) == {"shop-bot", "ding-1", "lark-1", "slack-1", "tg", "disc", "screen"}
    assert "planted" not in repr([adapter.settings for adapter in config.routes.adapters.values()])


def test_the_limits_of_the_page_are_those_of_the_code():
    for row in re.findall(r"^\| `(\w+)` .*\|$", PAGE, re.MULTILINE):
        assert row in PLATFORMS
    for name, count in re.findall(r"^\| `(\w+)`.*`per_minute: (\d+)`", PAGE, re.MULTILINE):
        assert PLATFORMS[name].credential_settings.model_fields["per_minute"].default == int(count)
    for name, count in re.findall(r"^\| `(\w+)`.*`per_second: (\d+)`", PAGE, re.MULTILINE):
        assert PLATFORMS[name].credential_settings.model_fields["per_second"].default == int(count)
