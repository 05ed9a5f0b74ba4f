"""What an event says in words: one sentence a kind, in Chinese and in English.

`{field}` is the event's field; products, coupons, links and groups stand with their names, money as people write it.
"""

from __future__ import annotations

from typing import Any, Literal

from coordinator.core import Event, State
from coordinator.core.money import to_major
from roles import masking

Lang = Literal["zh", "en"]

WORDS: dict[str, tuple[str, str]] = {
    "sale.created": ("创建场次 {title}", "the sale {title} is made"),
    "sheet.replaced": ("脚本换为第 {version} 版", "the sheet is version {version} now"),
    "sheet.approved": ("脚本第 {version} 版通过", "version {version} of the sheet is approved"),
    "show.armed": ("就绪", "armed"),
    "show.started": ("开播", "the show starts"),
    "show.paused": ("暂停", "paused"),
    "show.resumed": ("继续, 暂停了 {paused_ms} ms", "goes on after {paused_ms} ms"),
    "show.shifted": ("整体移动 {by_ms} ms", "all that is to come moves by {by_ms} ms"),
    "show.halted": ("叫停: {reason}", "halted: {reason}"),
    "show.unhalted": ("解除叫停", "no longer halted"),
    "show.ended": ("下播", "the show is over"),
    "show.closed": ("场次关闭", "the sale is closed"),
    "segment.started": ("环节开始 {segment}", "segment {segment} starts"),
    "segment.ended": ("环节结束 {segment}", "segment {segment} ends"),
    "segment.extended": ("环节 {segment} 延长 {by_ms} ms", "segment {segment} is longer by {by_ms} ms"),
    "cue.added": ("加入节点 {cue}", "cue {cue} is added"),
    "cue.announced": ("预告 {cue} → {groups} 个群: {what} {text}", "{cue} is announced to {groups} groups: {what} {text}"),
    "cue.fired": ("触发 {cue}, 晚 {late_ms} ms", "{cue} fires, {late_ms} ms late"),
    "cue.skipped": ("跳过 {cue}: {why}", "{cue} is skipped: {why}"),
    "cue.waiting": ("{cue} 等待 {role}: {why}", "{cue} waits for {role}: {why}"),
    "cue.held": ("按住 {cue}", "{cue} is held"),
    "cue.released": ("放行 {cue}", "{cue} is released"),
    "cue.withdrawn": ("撤回 {cue}: {why}", "{cue} is withdrawn: {why}"),
    "cue.confirmed": ("确认 {cue}", "{cue} is confirmed"),
    "cue.again": ("{cue} 可再次触发", "{cue} may fire again"),
    "cue.triggered": ("{cue} 条件成立", "{cue}: its condition has come true"),
    "cue.alerted": ("{cue} 久未确认, 提醒负责人", "{cue} still waits: the owner is told"),
    "prompt.sent": ("提词给 {to}: {text}", "prompt to {to}: {text}"),
    "prompt.acked": ("{person} 收到提词 {prompt}", "{person} has seen {prompt}"),
    "product.shown": ("上架 {product}", "{product} on air"),
    "product.hidden": ("下架 {product}", "{product} off air"),
    "product.repriced": ("改价 {product} {was} → {price}", "{product} costs {price}, was {was}"),
    "product.restocked": ("{product} 库存 {was} → {stock}", "{product} has {stock} left, was {was}"),
    "coupon.dropped": ("发券 {coupon} → {groups} 个群", "coupon {coupon} dropped into {groups} groups"),
    "coupon.stopped": ("停券 {coupon}", "coupon {coupon} is stopped"),
    "coupon.claimed": ("{member} 领取 {coupon}, 剩 {left}", "{member} claims {coupon}, {left} left"),
    "coupon.ran_out": ("{coupon} 领完", "{coupon} has run out"),
    "coupon.expired": ("{coupon} 到期, 不能再领", "{coupon} has ended"),
    "coupon.paid": ("{member} 付 {amount} 买下 {coupon}", "{member} pays {amount} for {coupon}"),
    "coupon.lapsed": ("{coupon} 的一张券作废 ({why}), 剩 {left}", "a code of {coupon} is void ({why}), {left} left"),
    "coupon.redeemed": ("核销 {coupon}, 订单 {order}, 优惠 {off}", "{coupon} redeemed for {order}, {off} off"),
    "link.dropped": ("上链接 {link}{product} → {groups} 个群", "link {link}{product} dropped into {groups} groups"),
    "link.clicked": ("{member} 点击 {link}{product}", "{member} clicks {link}{product}"),
    "link.stopped": ("停链接 {link}{product}", "link {link}{product} is stopped"),
    "link.previewed": ("{robot} 预览 {group} 的链接", "{robot} previews a link of {group}"),
    "message.sent": ("群消息 → {groups} 个群", "a message into {groups} groups"),
    "checkin.opened": ("签到 {checkin} 开始", "sign-in {checkin} opens"),
    "checkin.closed": ("签到 {checkin} 结束", "sign-in {checkin} closes"),
    "checkin.joined": ("{member} 签到", "{member} signs in"),
    "poll.opened": ("投票 {poll} 开始: {question}", "poll {poll} opens: {question}"),
    "poll.voted": ("{member} 投票 {option}", "{member} votes for {option}"),
    "poll.closed": ("投票 {poll} 结束", "poll {poll} closes"),
    "quiz.opened": ("抢答 {quiz} 开始: {question}", "quiz {quiz} opens: {question}"),
    "quiz.answered": ("{member} 抢答: {answer}", "{member} answers: {answer}"),
    "quiz.closed": ("抢答 {quiz} 结束", "quiz {quiz} closes"),
    "survey.opened": ("问卷 {survey} 开始: {title}", "survey {survey} opens: {title}"),
    "survey.answered": ("{member} 填了问卷 {survey}", "{member} answers survey {survey}"),
    "survey.closed": ("问卷 {survey} 结束", "survey {survey} closes"),
    "keyword.asked": ("{member} 在 {group} 发关键词 {keyword}", "{member} says keyword {keyword} in {group}"),
    "showcase.added": ("{group} 晒单 {order}", "order {order} is shown in {group}"),
    "chain.opened": ("接龙 {chain} 开始: {product} 满 {target} 人", "chain {chain} opens: {product}, {target} members"),
    "chain.joined": ("{member} 接龙 {chain}, 第 {count} 位", "{member} joins {chain}, number {count}"),
    "chain.completed": ("接龙 {chain} 成团: {product} {count} 人", "{chain} is complete: {product}, {count} members"),
    "chain.failed": ("接龙 {chain} 未成团: {product} {count}/{target}, {why}", "{chain} fails: {product} {count} of {target}, {why}"),
    "redpacket.announced": ("红包 {redpacket}: {count} 个共 {amount}, 由 {who} 发", "{redpacket}: {count} red packets, {amount} in all, sent by {who}"),
    "draw.opened": ("抽奖 {draw} 开始, {quantity} 份奖品, 种子摘要 {commit}", "draw {draw} opens: {quantity} prizes, seed's SHA-256 {commit}"),
    "draw.sealed": ("抽奖 {draw} 的种子已封存", "the seed of {draw} is sealed"),
    "draw.entered": ("{member} 参加抽奖 {draw}", "{member} enters {draw}"),
    "draw.closed": ("抽奖 {draw} 截止, {entries} 人", "{draw} closes with {entries} entries"),
    "draw.not_given": ("{member} 在 {draw} 中了 {coupon}, 没发到: {why}", "{member} won {coupon} in {draw} and was not given it: {why}"),
    "draw.drawn": ("抽奖 {draw} 开奖: {entries} 人, {winners} 人中奖, 种子 {seed}", "{draw} is drawn: {entries} entries, {winners} winners, seed {seed}"),
    "delivery.requested": ("投递 {delivery} → {group}: {content}", "delivery {delivery} to {group}: {content}"),
    "delivery.sent": ("{delivery} 已发出", "{delivery} is sent"),
    "delivery.proved": ("{relay} 给 {delivery} 补凭证: {proof}", "{relay} shows for {delivery}: {proof}"),
    "delivery.held": ("{delivery} 排队", "{delivery} is held"),
    "delivery.awaiting": ("{delivery} 等人发", "{delivery} waits for a person"),
    "delivery.retried": ("{delivery} 重试", "{delivery} is tried again"),
    "delivery.reminded": ("{delivery} 还没人发: {relay}", "{delivery} is not posted yet by {relay}"),
    "delivery.failed": ("{delivery} 失败: {why}", "{delivery} failed: {why}"),
    "delivery.expired": ("{delivery} 过期: {why}", "{delivery} expired: {why}"),
    "delivery.withdrawn": ("{delivery} 撤回: {why}", "{delivery} is withdrawn: {why}"),
    "delivery.unknown": ("{delivery} 不明: {why}", "{delivery} is unknown: {why}"),
    "delivery.resolved": ("{delivery} 处理: {choice}", "{delivery} is resolved: {choice}"),
    "question.raised": ("{group} 提问: {text}", "{group} asks: {text}"),
    "question.taken": ("{person} 接单 {question}", "{person} takes {question}"),
    "question.picked": ("{person} 选 {question} 上播", "{person} picks {question} for the air"),
    "question.answered": ("{person} 回答 {question}: {text}", "{person} answers {question}: {text}"),
    "question.closed": ("关闭 {question}", "{question} is closed"),
    "question.escalated": ("{question} 转给 {to}", "{question} goes to {to}"),
    "question.released": ("{question} 从 {person} 退回 ({why})", "{question} goes back from {person} ({why})"),
    "question.chatted": ("{person} 把 {question} 转入私聊", "{person} goes on with {question} in a private chat"),
    "question.unacknowledged": ("{question} 没人接", "nobody has taken {question}"),
    "question.warned": ("{question} 快超时了", "{question} has waited long"),
    "question.breached": ("{question} 超时未答", "{question} has waited too long"),
    "shift.handed": ("{person} 交班给 {to}: {questions}", "{person} hands the shift to {to}: {questions}"),
    "followup.taken": ("{person} 接追单 {followup}", "{person} takes follow-up {followup}"),
    "followup.released": ("追单 {followup} 从 {person} 退回 ({why})", "follow-up {followup} goes back from {person} ({why})"),
    "followup.messaged": ("{person} 联系了 {followup}", "{person} has written to {followup}"),
    "followup.closed": ("{person} 结束追单 {followup}: {outcome}", "{person} closes follow-up {followup}: {outcome}"),
    "member.opted_out": ("{member} 不要再联系", "{member} asks not to be written to"),
    "member.opted_in": ("{member} 又可以联系了", "{member} may be written to again"),
    "member.revealed": ("{person} 查看 {member} 的联系方式: {why}", "{person} looks up {member}: {why}"),
    "member.linked": ("{a} 和 {b} 是同一人", "{a} and {b} are one person"),
    "group.liked": ("{group} {member} 点赞", "{member} likes something in {group}"),
    "group.joined": ("{group} 入群 {member} ×{count}", "{member} joins {group} ×{count}"),
    "group.left": ("{group} 退群 {member} ×{count}", "{member} leaves {group} ×{count}"),
    "group.removed": ("{group} 移出 {member} ×{count}", "{member} is removed from {group} ×{count}"),
    "group.dissolved": ("{group} 解散 ×{count}", "{group} is dissolved ×{count}"),
    "group.welcomed": ("{group} 发欢迎语", "{group} welcomes who came"),
    "floor.disturbed": ("{group} {what}: {name} {text}", "{group} {what}: {name} {text}"),
    "floor.reminded": ("提醒 {disturbance}", "reminder for {disturbance}"),
    "floor.dismissed": ("不用管 {disturbance}", "{disturbance} is left alone"),
    "group.message": ("{group} {name}: {text}", "{group} {name}: {text}"),
    "group.asked": ("{group} 有群友想再看一次 {about}", "a member of {group} wants to see {about} again"),
    "group.frozen": ("冻结 {group}", "{group} is frozen"),
    "group.thawed": ("解冻 {group}", "{group} is thawed"),
    "order.placed": ("下单 {order} {amount} {group}", "order {order} placed, {amount} {group}"),
    "order.paid": ("支付 {order} {amount} {group}", "order {order} paid, {amount} {group}"),
    "order.shipped": ("发货 {order}", "order {order} shipped"),
    "order.cancelled": ("取消 {order}", "order {order} cancelled"),
    "order.refunded": ("退款 {order} {amount}", "order {order} refunded, {amount}"),
    "audience.reported": ("直播间在线 {viewers}, 观看 {views}", "the stream has {viewers} viewers, {views} views"),
    "channel.exposed": ("渠道 {channel} 曝光 {count}", "channel {channel} was seen {count} times"),
    "cost.reported": ("成本 {what} {amount}", "cost of {what}: {amount}"),
    "correction.proposed": ("{product} 建议更正: {text}", "a correction for {product} is proposed: {text}"),
    "correction.sent": ("更正 {correction} 发出, {drop}", "correction {correction} is sent as {drop}"),
    "correction.closed": ("更正 {correction} 不发了: {why}", "correction {correction} is not needed: {why}"),
    "task.assigned": ("任务给 {who} {group}: {text}", "task for {who} {group}: {text}"),
    "task.short": ("任务话术不够, {missing} 个没派出", "too few wordings: {missing} tasks were not dealt"),
    "task.overdue": ("{task} 超时", "{task} is overdue"),
    "post.repeated": ("{person} 在 {group} 发了和 {other} 一样的话", "{person} said the same in {group} as {other}"),
    "task.done": ("{person} 完成 {task}", "{person} has done {task}"),
    "note.added": ("标记: {text}", "note: {text}"),
    "person.joined": ("{role} {person} 进入", "{role} {person} comes"),
    "person.left": ("{role} {person} 离开", "{role} {person} goes"),
    "person.ready": ("{role} {person} 就绪", "{role} {person} is ready"),
    "relay.joined": ("群助手 {relay} 连接, {groups} 个群", "relay {relay} comes with {groups} groups"),
    "relay.told": ("群助手 {relay} 报了各平台的限流", "relay {relay} tells its platforms' limits"),
    "relay.left": ("群助手 {relay} 断开", "relay {relay} goes"),
    "clock.stepped": ("时钟跳变 {by_ms} ms", "the clock stepped by {by_ms} ms"),
    "journal.opened": ("{owner} 接管记录", "{owner} writes the journal now"),
}  # fmt: skip

_NAMED = {"product": "products", "coupon": "coupons", "link": "links", "group": "groups", "segment": "segments"}
_MONEY = {"amount", "off", "price"}
SHOWN_MEMBER = 8  # signs of a pseudonym: enough to tell members apart in a terminal
ERASED = ("已抹除", "erased")


def kind_of(event: Event) -> str:
    return str(event.__struct_config__.tag)


def words(state: State, event: Event, lang: Lang) -> str:
    """What happened, in one line. `state` stands after the event, for names."""
    kind = kind_of(event)
    template = WORDS.get(kind)
    if template is None:
        return kind
    fields = _Fields(state, event, lang)
    text = template[0 if lang == "zh" else 1].format_map(fields)
    # A terminal must not obey what a member wrote: control signs are shown as such.
    return "".join(c if c.isprintable() else "␣" for c in " ".join(text.split()))


class _Fields(dict[str, str]):
    def __init__(self, state: State, event: Event, lang: Lang) -> None:
        super().__init__()
        self._state, self._event, self._lang = state, event, lang

    def __missing__(self, name: str) -> str:
        value: Any = getattr(self._event, name, None)
        if name == "text":  # what the service itself said stands in both languages
            value = getattr(self._event, self._lang, None) or value
        if value is None and name == "group":  # of an order: where the touch was that led to it
            value = getattr(getattr(self._event, "through", None), "group", None)
        if value is None:
            erased = name in self._event.PRIVATE and name == "text"
            return ERASED[0 if self._lang == "zh" else 1] if erased else ""
        if name in self._event.PRIVATE:
            value = masking.words(value)
        state = self._state
        if name in _NAMED or name == "what":
            for topic in (_NAMED[name],) if name in _NAMED else ("products", "coupons", "links"):
                found = getattr(state, topic).get(value)
                if found is not None:
                    return getattr(found, "name", "") or getattr(found, "title", "") or str(value)
        if name in {"groups", "winners"}:
            return str(len(value))
        if name == "content":
            return str(value.text)
        if name == "member":
            return str(value)[:SHOWN_MEMBER]
        if state.plan is not None and (name in _MONEY or (name == "was" and hasattr(self._event, "price"))):
            return to_major(value, state.p.currency)
        return str(value)
