"""The platforms a relay can speak. A new one is a file here and its line in `PLATFORMS`."""

from __future__ import annotations

from roles.relay.adapters.base import AnyAdapter
from roles.relay.adapters.console import ConsoleAdapter
from roles.relay.adapters.dingtalk import DingtalkAdapter
from roles.relay.adapters.discord import DiscordAdapter
from roles.relay.adapters.feishu import FeishuAdapter
from roles.relay.adapters.manual import ManualAdapter
from roles.relay.adapters.slack import SlackAdapter
from roles.relay.adapters.telegram import TelegramAdapter
from roles.relay.adapters.webhook import WebhookAdapter
from roles.relay.adapters.wecom import WecomAdapter
from roles.relay.adapters.wecom_customer import WecomCustomerAdapter

PLATFORMS: dict[str, type[AnyAdapter]] = {
    adapter.platform: adapter
    for adapter in (
        ConsoleAdapter,
        DingtalkAdapter,
        DiscordAdapter,
        FeishuAdapter,
        ManualAdapter,
        SlackAdapter,
        TelegramAdapter,
        WebhookAdapter,
        WecomAdapter,
        WecomCustomerAdapter,
    )
}
