"""Who only looks at an address: previews of chat platforms, search engines, and browsers that fetch ahead.

They are told by what they say of themselves. A platform that looks from the member's own phone, with the phone's own
name, cannot be told from the member.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# A robot says its platform's name with what it does. The browsers inside the chat programs say the platform's name
# too (MicroMessenger/8, wxwork/4, DingTalk(7), Lark/7): those are people.
_DOES = r"[-_ ]?(?:link|url|share|bot|spider|preview|fetch|crawl|robot)"
_NAMED: tuple[tuple[str, str], ...] = (
    ("wecom", rf"(?:wecom|wework|wxwork){_DOES}"),
    ("wechat", rf"(?:wechat|weixin|micromessenger){_DOES}"),
    ("qq", r"qq-url-manager"),
    ("dingtalk", rf"dingtalk{_DOES}"),
    ("feishu", rf"(?:feishu|lark){_DOES}"),
    ("telegram", r"telegrambot"),
    ("slack", r"slackbot|slack-imgproxy"),
    ("discord", r"discordbot"),
    ("whatsapp", r"whatsapp/"),
    ("teams", r"skypeuripreview|microsoftpreview"),
    ("line", r"line-poker"),
    ("kakao", r"kakaotalk-scrap"),
    ("linkedin", r"linkedinbot"),
    ("facebook", r"facebookexternalhit|facebookcatalog|facebot|meta-external"),
    ("twitter", r"twitterbot"),
    ("google", r"googlebot|google-inspectiontool|googleother|apis-google|mediapartners-google|google-read-aloud|adsbot-google"),
    ("apple", r"applebot"),
    ("bing", r"bingbot|bingpreview"),
    ("baidu", r"baiduspider"),
    ("other", r"(?<!cu)bot\b|crawl|spider|preview|headlesschrome|lighthouse"),  # Cubot makes telephones
)  # fmt: skip
_ROBOTS = re.compile("|".join(f"(?P<{name}>{signs})" for name, signs in _NAMED))

_AHEAD = ("purpose", "sec-purpose", "x-purpose", "x-moz")
"""Headers in which a browser says that nobody has pressed yet."""


def robot(method: str, headers: Mapping[str, str]) -> str | None:
    """The robot that asks, by a short name; None for a person."""
    agent = headers.get("User-Agent", "")[:1000].lower()
    found = {match.lastgroup for match in _ROBOTS.finditer(agent)}
    for name, _ in _NAMED:
        if name in found:
            return name
    if ahead(headers):
        return "prefetch"
    return "head" if method == "HEAD" else None


def ahead(headers: Mapping[str, str]) -> bool:
    """Whether a browser fetches before anybody has pressed."""
    return any(
        word in headers.get(header, "").lower() for header in _AHEAD for word in ("prefetch", "prerender", "preview")
    )
