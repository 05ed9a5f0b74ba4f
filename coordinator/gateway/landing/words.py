"""What the pages say, in Chinese and English."""

from __future__ import annotations

from typing import Any, Literal

Lang = Literal["zh", "en"]

WORDS: dict[str, tuple[str, str]] = {
    "lang.other": ("English", "中文"),
    # a link that is not open
    "link.unknown": ("没有这个链接", "There is no such link"),
    "link.unknown.more": ("请检查链接是否完整, 或回到群里点最新的链接。", "Check that it is whole, or open the newest one in your group."),
    "link.early": ("还没到时间", "Not open yet"),
    "link.early.more": ("到点会自动打开, 不用刷新。", "It opens by itself at its time. No need to reload."),
    "link.stopped": ("这个链接已停用", "This link has been stopped"),
    "link.stopped.more": ("主播团队停用了它。请看下面现在的内容, 或群里最新的消息。", "The team has stopped it. See what is on now, or the newest message in your group."),
    "link.withdrawn": ("这个链接已撤回", "This link has been taken back"),
    "link.withdrawn.more": ("请看下面现在的内容, 或群里最新的消息。", "See what is on now, or the newest message in your group."),
    "link.closed": ("活动已结束", "The sale is over"),
    "link.closed.more": ("这个链接随活动结束。", "This link ended with it."),
    # what is on now
    "now": ("现在", "On now"),
    "now.live": ("直播中", "Live"),
    "now.paused": ("稍作休息", "A short break"),
    "now.planned": ("即将开始", "Starts soon"),
    "now.over": ("已结束", "Over"),
    "now.product": ("正在讲", "On air"),
    "now.open": ("去看看", "Have a look"),
    "now.room": ("进直播间", "Go to the live room"),
    "now.replay": ("看回放", "Watch the replay"),
    # a coupon's page
    "coupon.unknown": ("没有这张券", "There is no such coupon"),
    "coupon.unknown.more": ("请检查链接是否完整, 或回到群里点最新的链接。", "Check that the link is whole, or open the newest one in your group."),
    "left": ("还剩 {n} 张", "{n} left"),
    "left.of": ("共 {n} 张", "of {n}"),
    "claim": ("立即领取", "Claim it"),
    "claim.more": ("再领一张", "Claim another one"),
    "claim.busy": ("领取中…", "Claiming…"),
    "claim.again": ("网络不稳, 正在重试…", "The network is slow. Trying again…"),
    "claim.offline": ("没有网络, 连上后自动领取", "No network. It claims by itself when you are back"),
    "claim.failed": ("没有连上, 请再点一次, 不会重复领取", "Not reached. Press again, it counts once"),
    "crowd": ("人太多了", "Many at once"),
    "crowd.more": ("请稍后再点一次, 不会重复领取。", "Press again in a moment. It counts once."),
    "claim.note": ("同一部手机重复点击只算一次", "A second tap counts no more"),
    "early": ("还没开始, 稍等片刻", "Not yet: one moment"),
    "early.in": ("距离开抢", "Opens in"),
    "early.more": ("到点按钮会自动出现。", "The button appears by itself."),
    "out": ("已领完", "All claimed"),
    "out.more": ("这批券已经全部领完。", "Every one of them has been given out."),
    "stopped": ("已停止领取", "No longer given out"),
    "stopped.more": ("已领到的券仍然有效。", "Codes that were claimed stay good."),
    "withdrawn": ("这张券已撤回", "This coupon has been taken back"),
    "withdrawn.more": ("请看群里最新的消息。", "See the newest message in your group."),
    "closed": ("活动已结束", "The sale is over"),
    "closed.more": ("不再发券。已领到的券按有效期使用。", "No more coupons. Claimed codes stay good for their time."),
    "forbidden": ("这张券不适用于你所在的群", "This coupon is not for your group"),
    "forbidden.more": ("它只发给部分群或等级的成员。", "It is for members of certain groups or tiers."),
    "refused": ("现在领不了", "It cannot be claimed now"),
    "refused.more": ("请回到群里看最新消息。", "See the newest message in your group."),
    # the claimed code
    "claimed": ("领取成功", "It is yours"),
    "code": ("你的券码", "Your code"),
    "codes": ("你的券码 (共 {n} 张)", "Your codes ({n})"),
    "copy": ("复制券码", "Copy the code"),
    "copied": ("已复制", "Copied"),
    "copy.by_hand": ("长按券码即可复制", "Press and hold the code to copy it"),
    "qr": ("券码的二维码", "QR code of your code"),
    "valid.until": ("有效至", "Good until"),
    "valid.left": ("剩余", "Left"),
    "used": ("已使用", "Used"),
    "used.more": ("这张券已用于一笔订单。", "This code was taken for an order."),
    "over": ("已过期", "Expired"),
    "over.more": ("这张券的有效期已过。", "The time of this code has passed."),
    "next": ("接下来", "What to do next"),
    "next.copy": ("复制券码", "Copy the code"),
    "next.shop": ("打开商品页, 加入购物车", "Open the product and put it into the cart"),
    "next.pay": ("结算时粘贴券码, 立减优惠", "Paste the code at the checkout"),
    "next.open": ("去下单", "Go to the product"),
    "next.counter": ("到店使用请出示二维码", "In a shop, show the QR code"),
    # conditions
    "if": ("使用说明", "Conditions"),
    "if.over": ("满 {over} 可用", "on orders of {over} or more"),
    "if.any": ("无门槛", "on any order"),
    "if.hours": ("领取后 {time}内有效", "good for {time} after claiming"),
    "if.member": ("每人限领 {n} 张", "{n} for each member"),
    "if.products": ("适用商品: {names}", "for {names}"),
    "if.groups": ("仅限本次活动的指定群", "for certain groups of this sale"),
    "if.until": ("发完或活动结束即止", "until all are claimed or the sale ends"),
    "if.more": ("{names} 等 {n} 件", "{names} and others, {n} in all"),
    "closes": ("领取截止", "Claim until"),
    "time.d": ("天", "d"),
    "time.minutes": ("{n} 分钟", "{n} min"),
    "time.hours": ("{n} 小时", "{n} h"),
    "time.days": ("{n} 天", "{n} days"),
    "off": ("立减", "off"),
}  # fmt: skip


def say(lang: Lang, word: str, **fields: Any) -> str:
    text = WORDS[word][lang == "en"]
    return text.format(**fields) if fields else text
