"""What each figure of the review means: printed beside it, in English and in Chinese.

`unit`: count, ratio (0 to 1), money (whole minor units of the sale's currency), ms, ms since 1970 UTC (an instant).
"""

from __future__ import annotations

from typing import NamedTuple


class Definition(NamedTuple):
    term: str
    unit: str
    source: str
    en: str
    zh: str


J = "journal"
S = "journal; sheet (members of groups)"
T = "journal (orders as the shop reports them)"
R = "journal (orders as the shop reports them); sheet (members of groups)"

_HEADS_EN = "a group's members are heads: the sheet's count at the start, plus joins, less those who left"
_HEADS_ZH = "群人数按人头: 脚本给出的初始人数 + 入群 - 离群"

DEFINITIONS: dict[str, Definition] = {
    # ------------------------------------------------------------ people
    "members": Definition("群成员", "count", S,
        "all who were present at any time: the members that the sheet gives to the groups at the start (heads without names; "
        "more where more people were seen there who had not joined before), plus people who joined, each person once for the "
        "sale (pseudonyms that are linked are one), plus joins that nobody could name. Somebody seen before they joined is one of the heads. Staff who speak through "
        "a member's account cannot be told apart",
        "期间任何时刻在群的人: 脚本给出的各群初始人数 (只有人头; 若见到的原有成员更多则取其多), 加上新入群的人 (全场每人只计一次, 已关联的假名为同一人), "
        "加上无法识别的入群人数。先被看到、后入群的人属于初始人头。以成员账号发言的工作人员无法区分"),
    "members_start": Definition("初始人数", "count", S,
        "heads in the groups at the start, as the sheet gives them, or more where more were seen to have been there",
        "开始时的群人数: 取脚本给出的人数; 若见到的原有成员更多则取其多"),
    "joins": Definition("入群数", "count", J, "joins as the relays saw them; one who joins two groups counts twice", "群助手看到的入群次数; 进两个群计两次"),
    "leaves": Definition("退群数", "count", J, "members who left of their own accord; removals are apart", "主动退群次数; 被移出的另计"),
    "removed": Definition("被移出", "count", J, "members whom somebody removed", "被移出群的次数"),
    "dissolved": Definition("随群解散", "count", J, "members of groups when these were dissolved; they have not left", "群解散时的群成员; 不计入退群"),
    "net_growth": Definition("净增用户", "count", J, "joins - leaves; removals are apart", "入群 - 退群; 被移出的另计"),
    "exposures": Definition("渠道曝光", "count", J, "how often a channel was seen, as reported", "上报的渠道曝光数"),
    "join_rate": Definition("入群率", "ratio", J,
        "joins that came through a channel / exposures of that channel; for the sale over the channels whose exposures were reported",
        "渠道入群数 / 渠道曝光数; 全场只计已上报曝光的渠道"),
    "leave_rate": Definition("退群率", "ratio", S,
        "leavers / members, the trade's way; a leaver with a pseudonym counts once, linked pseudonyms as one", "退群人数 / 群成员 (行业算法); 每人只计一次, 已关联的假名为同一人"),
    "leave_rate_base": Definition("退群率 (期初+入群)", "ratio", S,
        "leavers / (members at the start + joins)", "退群人数 / (初始人数 + 入群数)"),
    "retention_d1": Definition("次日留存率", "ratio", J, "of those who joined in the sale, those still there 1 day on", "场次内入群者, 1 天后仍在群的比例"),
    "retention_d7": Definition("7 日留存率", "ratio", J, "of those who joined in the sale, those still there 7 days on", "场次内入群者, 7 天后仍在群的比例"),
    "retention_d30": Definition("30 日留存率", "ratio", J, "of those who joined in the sale, those still there 30 days on", "场次内入群者, 30 天后仍在群的比例"),
    # ------------------------------------------------------------ messages
    "messages": Definition("消息总量", "count", J, "messages of members in the groups, all of them", "群内成员消息总数"),
    "people": Definition("发言人数", "count", J, "members with a message, each person once for the sale: linked pseudonyms are one", "有发言的成员数, 全场每人只计一次, 已关联的假名为同一人"),
    "messages_per_member": Definition("人均消息", "count", S, "messages / members", "消息总量 / 群成员"),
    "interaction_rate": Definition("互动率", "ratio", S,
        "members with at least one valid message that day / members; for the sale the mean of its days that had messages. Valid: not only a "
        "sticker, not a repeat of what the member had said; erased words are taken as valid",
        "当日至少有一条有效消息的成员 / 群成员; 全场取有消息各日的平均。有效: 不只是表情, 不重复自己说过的话; 已抹除的内容按有效计"),
    "peak_minute": Definition("峰值分钟", "ms since 1970 UTC", J, "the beginning of the minute with the most messages; the first of equals", "消息最多的一分钟的起点; 并列取最早"),
    "peak_minute_messages": Definition("峰值消息数", "count", J, "messages in that minute", "该分钟的消息数"),
    # ------------------------------------------------------------ funnels
    "reach": Definition("潜在触达", "count", S,
        f"members of the groups that a link or coupon was sent into, as they were when it was sent; {_HEADS_EN}; one in two groups counts twice. "
        "Never less than the members known to have acted on it",
        f"收到链接或优惠券的群在发送时的人数; {_HEADS_ZH}; 在两个群计两次。不少于已知有行动的成员数"),
    "link_reach": Definition("链接潜在触达", "count", S, "reach of links: members of the groups that a link was sent into; at least those who clicked", "链接的潜在触达: 收到链接的群的人数; 不少于点击人数"),
    "clicks": Definition("点击", "count", J, "openings of links through their addresses, every one", "链接被打开的次数"),
    "link_clicked_members": Definition("点击人数", "count", J, "members with a click; clicks that name nobody are left out", "有点击的成员; 不知是谁的点击不计"),
    "link_orders": Definition("链接下单数", "count", T,
        "orders that are attributed to a link: the one the shop names, else the member's last touch before the order, within the sheet's "
        "window, where that was a click",
        "归因于链接的订单: 以商城上报的链接为准, 否则看下单前、脚本所设时限内该成员最后一次接触是否为点击"),
    "link_ordered_members": Definition("点击后下单人数", "count", T, "members who clicked and have such an order", "点击且有此类订单的成员"),
    "link_orders_paid": Definition("链接支付单数", "count", T, "paid orders through a link", "经链接的已支付订单"),
    "link_paid_members": Definition("点击后支付人数", "count", T, "members who clicked and have such a paid order", "点击且有此类已支付订单的成员"),
    "click_rate": Definition("点击率", "ratio", S, "members with a click / reach of links", "点击人数 / 链接潜在触达"),
    "coupon_reach": Definition("优惠券潜在触达", "count", S, "reach of coupons: members of the groups that a coupon was sent into; at least those who claimed", "优惠券的潜在触达: 收到优惠券的群的人数; 不少于领取人数"),
    "claims": Definition("领取", "count", J, "coupon codes given out", "发出的券码数"),
    "coupon_claimed_members": Definition("领取人数", "count", J, "members with a claim", "有领取的成员"),
    "redemptions": Definition("核销", "count", J, "coupon codes that the shop took", "商城核销的券码数"),
    "coupon_redeemed_members": Definition("核销人数", "count", J, "members with a redeemed code", "有核销的成员"),
    "claim_rate": Definition("领取率", "ratio", S, "members with a claim / reach of coupons", "领取人数 / 优惠券潜在触达"),
    "redeem_rate": Definition("核销率", "ratio", J, "redeemed codes / claimed codes", "核销数 / 领取数"),
    "coupon_orders": Definition("用券下单数", "count", T,
        "orders that are attributed to a coupon: its code stands in the order or was redeemed for it, else the member's last touch before "
        "the order, within the sheet's window, where that was a claim",
        "归因于优惠券的订单: 订单写明或核销了券码, 否则看下单前、脚本所设时限内该成员最后一次接触是否为领取"),
    "coupon_orders_paid": Definition("用券支付单数", "count", T, "paid orders that are attributed to a coupon", "归因于优惠券的已支付订单"),
    "discount": Definition("优惠金额", "money", J, "what the redeemed codes took off", "已核销券码的优惠总额"),
    # ------------------------------------------------------------ sales
    "orders_created": Definition("下单数", "count", T, "orders that the shop reported in any state: each was placed", "商城上报的订单数 (任一状态都已下单)"),
    "orders_paid": Definition("支付单数", "count", T, "orders that were paid", "已支付订单数"),
    "orders_flagged": Definition("存疑订单", "count", T, "orders with something that does not add up; what, stands with the order", "有对不上之处的订单; 原因见订单"),
    "orders_unattributed": Definition("未归因订单占比", "ratio", T,
        "orders that nothing is known to have led to / orders. The rule: the link that the shop names; else the coupon; else the member's last "
        "click or claim within the sheet's window; else the last drop of what was ordered into the order's group within it",
        "不知由何而来的订单 / 订单。规则: 商城写明的链接; 否则优惠券; 否则该成员在脚本所设时限内最后一次点击或领取; 否则时限内发到该订单所在群、与所购商品有关的最后一次投放"),
    "sales_unattributed": Definition("未归因支付金额占比", "ratio", T, "paid amount of such orders / amount paid", "此类订单的支付金额 / 支付金额"),
    "attributed_orders": Definition("归因支付单数", "count", T, "paid orders that this is taken to have led to, by the same rule; each counts once", "按同一规则归因于此的已支付订单; 每单只计一次"),
    "attributed_sales": Definition("归因支付金额", "money", T, "amount paid in those orders", "这些订单的支付金额"),
    "orders_without_member": Definition("无归属订单占比", "ratio", T, "orders whose member is not known / orders", "不知成员的订单 / 订单"),
    "buyers": Definition("购买人数", "count", T, "persons with a paid order: linked pseudonyms are one", "有已支付订单的人, 已关联的假名为同一人"),
    "conversion_buyers": Definition("转化率", "ratio", R, "buyers / members", "购买人数 / 群成员"),
    "conversion_orders": Definition("订单转化率", "ratio", R, "paid orders / members; can exceed 1", "支付单数 / 群成员; 可大于 1"),
    "order_value_per_buyer": Definition("客单价 (按人)", "money", T, "paid amount of the orders whose member is known / buyers", "已知成员的支付金额 / 购买人数"),
    "order_value_per_order": Definition("客单价 (按单)", "money", T, "paid amount / paid orders", "支付金额 / 支付单数"),
    "items_per_order": Definition("连单", "count", T, "items in the paid orders whose lines are known / those orders", "明细已知的支付订单的件数 / 这些订单"),
    "sales_created": Definition("下单金额", "money", T, "amounts of all orders as they were placed; where that was not told, of the first state that was", "全部订单下单时的金额; 未报下单则取最早一个状态的金额"),
    "sales_paid": Definition("支付金额", "money", T, "amounts paid", "已支付金额"),
    "sales_net": Definition("净销售额", "money", T, "amounts paid, less refunds, of an order at most what was paid; refunds after the last event are not in it", "支付金额 - 退款 (不超过该单支付额); 截止时间之后的退款不在内"),
    "arpu": Definition("ARPU", "money", R, "paid amount / members", "支付金额 / 群成员"),
    "repeat_rate": Definition("复购率", "ratio", T, "buyers with a second paid order / buyers", "有两单及以上支付的购买者 / 购买人数"),
    "gpm": Definition("千次触达销售额", "money", R, "paid amount x 1000 / views of the stream, where they were reported, else potential reach; the source names the base", "支付金额 x 1000 / 直播观看数; 未上报时用潜在触达; 来源写明基数"),
    "refund_rate": Definition("退款率", "ratio", T,
        "paid orders refunded in full / paid orders, up to the last event; a refund without an amount is taken as one in full; partial ones apart",
        "全额退款订单 / 支付订单, 截至统计时点; 未报金额的退款按全额计; 部分退款另计"),
    "refund_rate_partial": Definition("部分退款率", "ratio", T, "paid orders refunded in part / paid orders", "部分退款订单 / 支付订单"),
    "refund_rate_amount": Definition("退款金额占比", "ratio", T, "amount refunded / amount paid", "退款金额 / 支付金额"),
    "target_sales": Definition("销售目标达成", "ratio", T, "paid amount / the sheet's target; can exceed 1", "支付金额 / 脚本目标; 可大于 1"),
    "target_buyers": Definition("人数目标达成", "ratio", T, "buyers / the sheet's target; can exceed 1", "购买人数 / 脚本目标; 可大于 1"),
    "cost": Definition("成本", "money", J, "what the owner said was spent, the last word on each kind, and the red packets that were sent where they said nothing of those", "负责人填报的成本, 每项取最后一次; 未填报红包的, 计入已发红包"),
    "stream_peak": Definition("最高在线", "count", J, "the most viewers at once that were told", "上报过的最高在线人数"),
    "stream_views": Definition("观看次数", "count", J, "views of the stream, as told last", "直播观看次数, 取最后一次上报"),
    "stream_likes": Definition("点赞", "count", J, "likes of the stream, as told last", "直播点赞数, 取最后一次上报"),
    "stream_comments": Definition("评论", "count", J, "comments in the stream, as told last", "直播评论数, 取最后一次上报"),
    "stream_shares": Definition("分享", "count", J, "shares of the stream, as told last", "直播分享数, 取最后一次上报"),
    "stream_followers": Definition("新增关注", "count", J, "new followers, as told last", "新增关注数, 取最后一次上报"),
    "roas": Definition("投入产出", "ratio", R, "paid sales / cost", "支付金额 / 成本"),
    "roi": Definition("社群 ROI", "ratio", R, "(net sales - cost) / cost", "(净销售额 - 成本) / 成本"),
    # ------------------------------------------------------------ questions
    "questions": Definition("提问", "count", J, "times that a question was asked; the same words of several members count each", "被问到的次数; 同一问题多人问各计一次"),
    "answered": Definition("已答", "count", J, "askings whose group was given an answer", "所在群得到回答的提问"),
    "response_p50_ms": Definition("响应中位数", "ms", J, "time from an asking to the first answer in its group; half of all askings took no longer. Unanswered ones count as never", "从提问到本群首次得到回答的时间, 半数不超过此值; 未答按无穷大计"),
    "response_p90_ms": Definition("响应 P90", "ms", J, "the same, nine in ten", "同上, 九成不超过此值; 未答按无穷大计"),
    "response_within_180s": Definition("180 秒内响应", "ratio", J, "askings answered within 180 s / askings; unanswered ones count as not answered", "180 秒内得到回答的提问 / 提问; 未答的计入分母"),
    # ------------------------------------------------------------ follow-ups
    "followups": Definition("追单名单", "count", J,
        "people who showed interest and did not buy: an unpaid order, a question answered and nothing heard since, clicks, a word or a like "
        "in preheat; those on the list at the end, and those who were written to",
        "有意向而未购买的人: 未付订单, 提问得到回答后未再出声, 点击, 预热时点赞或发言; 含结束时在名单上的和联系过的"),
    "followups_messaged": Definition("追单消息", "count", J, "messages that somebody said they had sent", "由人确认已发出的一对一消息"),
    "followups_bought": Definition("追单成交率", "ratio", J, "people who paid after such a message / people written to; what made them pay is not known", "联系后付款的人 / 联系过的人; 不代表因果"),
    "followups_closed": Definition("追单结果", "count", J, "follow-ups closed with this outcome", "以该结果结束的追单"),
    "followups_optout": Definition("拒绝联系", "count", J, "members who asked not to be written to", "要求不再联系的成员"),
    # ------------------------------------------------------------ cheer
    "tasks": Definition("任务", "count", J, "tasks that were dealt to people", "派给个人的任务"),
    "tasks_done": Definition("任务完成率", "ratio", J, "tasks done, in time or late / tasks", "已完成 (含超时完成) 的任务 / 任务"),
    "tasks_overdue": Definition("任务超时率", "ratio", J, "tasks not done by their deadline, whatever became of them later / tasks", "到期未完成的任务 (无论后来是否完成) / 任务"),
    "golden_minutes": Definition("黄金时段活跃分钟", "count", J,
        "minutes of the golden hours in which a cheer member did something: a task done, a post seen in a group, a chain of theirs that "
        "opened, an order that they showed. Of the sale: each minute "
        "once, whoever did it. Without hours in the sheet the show itself is the golden hour",
        "黄金时段内有气氛组动作的分钟数: 完成任务、在群里看到其发言、其发起的接龙开始、其展示的晒单。全场按分钟去重。脚本未写时段时, 直播本身即黄金时段"),
    "golden_hours_reached": Definition("黄金时段达标率", "ratio", J,
        "golden hours with at least as many lively minutes as the sheet asks for (20 by default) / golden hours that have begun",
        "活跃分钟达到脚本要求 (默认 20) 的黄金时段 / 已开始的黄金时段"),
    # ------------------------------------------------------------ punctuality
    "late_fired_p50_ms": Definition("触发延迟 P50", "ms", J, "planned against fired: real ms from a cue's planned moment to its firing", "计划与触发: 节点计划时刻到触发的真实毫秒"),
    "late_fired_p99_ms": Definition("触发延迟 P99", "ms", J, "the same, 99 in 100", "同上, 百分之九十九不超过此值"),
    "late_sent_p50_ms": Definition("发出延迟 P50", "ms", J, "fired against sent: real ms from a drop's moment to the relay's sending, by the relay's clock; below 0: it left before", "触发与发出: 投放时刻到群助手发出的真实毫秒, 以群助手时钟为准; 负值表示提前"),
    "late_sent_p99_ms": Definition("发出延迟 P99", "ms", J, "the same, 99 in 100", "同上, 百分之九十九不超过此值"),
    "late_posted_p50_ms": Definition("人工发送延迟 P50", "ms", J, "fired against posted by hand: real ms from a drop's moment to the poster's press, by the phone's clock; not in the relays' figure", "触发与人工发送: 投放时刻到群管按下发好了的真实毫秒, 以手机时钟为准; 不计入群助手的发出延迟"),
    "late_posted_p99_ms": Definition("人工发送延迟 P99", "ms", J, "the same, 99 in 100", "同上, 百分之九十九不超过此值"),
    "late_acked_p50_ms": Definition("确认延迟 P50", "ms", J, "from a prompt to its receiver's acknowledgement", "提词发出到对方确认的时间"),
    "late_acked_p99_ms": Definition("确认延迟 P99", "ms", J, "the same, 99 in 100", "同上, 百分之九十九不超过此值"),
    "cues_fired": Definition("已触发节点", "count", J, "cues that fired, by hand too", "已触发的节点 (含手动)"),
    "cues_skipped": Definition("跳过节点", "count", J, "cues that were skipped", "被跳过的节点"),
    "deliveries_sent": Definition("已发出", "count", J, "deliveries whose last word is sent", "最终状态为已发出的投递"),
    "deliveries_lost": Definition("未送达", "count", J, "deliveries whose last word is failed, expired or unknown", "最终状态为失败、过期或不明的投递"),
    # ------------------------------------------------------------ plan against run
    "segment_start_planned": Definition("计划开始", "ms since 1970 UTC", J, "as the sheet had it before the show", "开播前脚本中的开始时间"),
    "segment_start_revised": Definition("调整后开始", "ms since 1970 UTC", J, "as it stood just before it started", "开始前最后一次调整的时间"),
    "segment_start_real": Definition("实际开始", "ms since 1970 UTC", J, "when it started", "实际开始时间"),
    "segment_length_planned": Definition("计划时长", "ms", J, "as the sheet had it before the show", "开播前脚本中的时长"),
    "segment_length_revised": Definition("调整后时长", "ms", J, "its last length before it ended, with extensions", "结束前最后一次调整的时长"),
    "segment_length_real": Definition("实际时长", "ms", J, "from start to end as they happened", "实际开始到结束"),
    "segment_late": Definition("开始偏差", "ms", J, "real start - planned start; below 0: early", "实际开始 - 计划开始; 负值为提前"),
    "segment_over": Definition("时长偏差", "ms", J, "real length - planned length; below 0: shorter", "实际时长 - 计划时长; 负值为缩短"),
    # ------------------------------------------------------------ games and lessons
    "chains_completed": Definition("接龙成团数", "count", J, "chains that were full before their deadline", "截止前满员的接龙数"),
    "chain_completion_rate": Definition("成团率", "ratio", J, "chains that were full / chains that have ended", "成团数 / 已结束的接龙数"),
    "chain_members": Definition("接龙人数", "count", J, "members who joined a chain, each person once for the sale: linked pseudonyms are one", "参加接龙的成员, 全场每人只计一次, 已关联的假名为同一人"),
    "draw_entries": Definition("抽奖参与人次", "count", J, "entries into draws, once for a member and draw", "参加抽奖的人次, 每人每次抽奖一次"),
    "draw_winners": Definition("中奖人次", "count", J, "prizes that were won", "中奖人次"),
    "redpackets_sent": Definition("红包个数", "count", J, "red packets that somebody sent, with proof", "已发出并交证明的红包个数"),
    "redpacket_cost": Definition("红包金额", "money", J, "what the red packets that were sent came to", "已发出红包的金额"),
    "poll_votes": Definition("投票数", "count", J, "votes in polls: one for a member and poll", "投票数, 每人每个投票一票"),
    "quiz_answers": Definition("抢答人次", "count", J, "answers to quizzes: a member's first counts", "抢答人次, 每人只计第一次"),
    "quiz_right_rate": Definition("答对率", "ratio", J, "right answers / answers", "答对数 / 抢答人次"),
    "survey_answers": Definition("问卷份数", "count", J, "surveys that were answered, once by a member", "收回的问卷数, 每人一份"),
    "satisfaction": Definition("满意度", "points", J,
        "mean of the points from 1 to 5 that members gave in surveys; the denominator is how many gave one",
        "问卷量表题 (1 至 5 分) 的平均分; 分母为作答数"),
    "satisfied_rate": Definition("满意率", "ratio", J, "answers of 4 or 5 points / answers with a point", "打 4 分或 5 分的作答 / 全部打分作答"),
    "keyword_members": Definition("关键词人数", "count", J, "members who said a keyword, once a keyword", "说出关键词的成员, 每个关键词每人计一次"),
    "showcases": Definition("晒单数", "count", J, "paid orders that were shown in a group", "在群内展示的已支付订单数"),
    "checkin_members": Definition("签到人数", "count", J, "persons who signed in at least once: linked pseudonyms are one", "至少签到一次的人, 已关联的假名为同一人"),
    "lesson_rate": Definition("完课率", "ratio", J,
        "finished / started: members who joined every round of the series / members who joined its first",
        "完成 / 开始: 每次打卡都参加的成员 / 参加首次打卡的成员"),
    "signin_rate": Definition("打卡率", "ratio", J,
        "members who joined this round of the series / members who joined its first; can exceed 1",
        "参加本次打卡的成员 / 参加首次打卡的成员; 可大于 1"),
    "longest_streak": Definition("最长连续打卡", "count", J, "the most rounds of a series in a row that a member joined", "成员连续参加同一系列打卡的最多次数"),
    # ------------------------------------------------------------ five stages
    "aarrr_acquisition": Definition("获取", "count", J, "joins", "入群数"),
    "aarrr_activation": Definition("激活", "ratio", S, "members who spoke, clicked, claimed or signed in / members", "有发言、点击、领取或签到的成员 / 群成员"),
    "aarrr_retention": Definition("留存", "ratio", J, "retention after 7 days", "7 日留存率"),
    "aarrr_revenue": Definition("收入", "money", R, "paid amount / members", "支付金额 / 群成员"),
    "aarrr_referral": Definition("推荐", "ratio", J, "K = invitations x acceptance", "K = 邀请数 x 接受率"),
}  # fmt: skip
