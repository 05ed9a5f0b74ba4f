"""Robots are told from people by what they say of themselves; people in a chat program's browser are people."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from coordinator.gateway.landing.robots import robot

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
ANDROID = "Mozilla/5.0 (Linux; Android 14; V2309A) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/116.0.0.0 Mobile Safari/537.36"


def named(agent: str, method: str = "GET", **headers: str) -> str | None:
    return robot(method, CIMultiDict({"User-Agent": agent, **{k.replace("_", "-"): v for k, v in headers.items()}}))


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("WeChatShareExtensionNew/8.0.50 CFNetwork/1496.0.7 Darwin/23.5.0", "wechat"),
        ("DingTalkBot-LinkService/1.0 (+https://open-doc.dingtalk.com/microapp/faquestions/ftpfeu)", "dingtalk"),
        ("FeishuBot/1.0", "feishu"), ("Mozilla/5.0 LarkUrl2Meta/1.0", "feishu"),
        ("Mozilla/5.0 wxwork-link-preview", "wecom"),
        ("TelegramBot (like TwitterBot)", "telegram"),
        ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "slack"), ("Slack-ImgProxy (+https://api.slack.com/robots)", "slack"),
        ("Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)", "discord"),
        ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "facebook"),
        ("meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)", "facebook"),
        ("facebookexternalhit/1.1;line-poker/1.0", "line"), ("WhatsApp/2.24.10.80 A", "whatsapp"),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "google"),
        ("Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126 Mobile Safari/537.36 (compatible; Google-InspectionTool/1.0;)", "google"),
        ("Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)", "baidu"),
        ("Mozilla/5.0 (compatible; SomethingNewBot/0.1)", "other"), (f"{ANDROID} HeadlessChrome/126.0.0.0", "other"),
    ],
)  # fmt: skip
def test_a_robot_is_known_by_its_name(agent: str, name: str) -> None:
    assert named(agent) == name


@pytest.mark.parametrize(
    "agent",
    [
        IPHONE + " MicroMessenger/8.0.49(0x18003137) NetType/WIFI Language/zh_CN",
        ANDROID + " XWEB/1160065 MMWEBSDK/20240404 MicroMessenger/8.0.49.2600(0x28003133) WeChat/arm64 Weixin NetType/4G Language/zh_CN",
        IPHONE + " wxwork/4.1.26 MicroMessenger/7.0.1 Language/zh ColorScheme/Light",
        IPHONE + " AliApp(DingTalk/7.5.20) com.laiwang.DingTalk/35000000 Channel/201200 language/zh-Hans-CN UT4Aplus/0.0.6",
        ANDROID + " Lark/7.18.5 LarkLocale/zh_CN ChannelName/Feishu",
        IPHONE + " QQ/9.0.60.613 V1_IPH_SQ_9.0.60_1_APP_A", IPHONE + " Weibo (iPhone15,2__weibo__14.5.2__iphone__os17.5)",
        IPHONE + " [FBAN/FBIOS;FBAV/463.0.0.32.109;FBLC/en_GB]", ANDROID + " Telegram-Android/10.13.2", IPHONE + " Line/14.7.1",
        "Mozilla/5.0 (Linux; Android 13; CUBOT NOTE 40) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
        "",
    ],
)  # fmt: skip
def test_a_person_in_a_chat_programs_browser_is_a_person(agent: str) -> None:
    assert named(agent) is None


@pytest.mark.parametrize(
    ("header", "value"),
    [("Purpose", "prefetch"), ("Sec_Purpose", "prefetch;prerender"), ("X_Purpose", "preview"), ("X_Moz", "prefetch")],
)
def test_what_a_browser_fetches_ahead_is_no_click(header: str, value: str) -> None:
    assert named(IPHONE, **{header: value}) == "prefetch"
    assert named(IPHONE, **{header: "navigate"}) is None


def test_who_asks_for_the_head_alone_sees_nothing() -> None:
    assert named(IPHONE, "HEAD") == "head"
