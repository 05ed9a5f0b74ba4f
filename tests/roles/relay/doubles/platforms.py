"""The doubles by their platform's name."""

from __future__ import annotations

from tests.roles.relay.doubles.base import Double
from tests.roles.relay.doubles.dingtalk import DingtalkDouble
from tests.roles.relay.doubles.discord import DiscordDouble
from tests.roles.relay.doubles.feishu import FeishuDouble
from tests.roles.relay.doubles.slack import SlackDouble
from tests.roles.relay.doubles.telegram import TelegramDouble
from tests.roles.relay.doubles.webhook import WebhookDouble
from tests.roles.relay.doubles.wecom import WecomDouble
from tests.roles.relay.doubles.wecom_customer import WecomCustomerDouble

DOUBLES: dict[str, type[Double]] = {
    kind.platform: kind
    for kind in (
        DingtalkDouble,
        DiscordDouble,
        FeishuDouble,
        SlackDouble,
        TelegramDouble,
        WebhookDouble,
        WecomCustomerDouble,
        WecomDouble,
    )
}
