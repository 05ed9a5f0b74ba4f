"""What a workbook of a sheet looks like: its tabs, their columns, and the Chinese words for both.

Tabs and columns follow the model of the sheet, so that a field that is new there is a column here. A field without
a Chinese name keeps its English one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from coordinator.core import cue_kinds
from coordinator.runsheet import model

Shape = Literal["text", "money", "count", "yes", "choice", "ids", "lines", "words", "json", "either"]
"""`ids` and `lines` are lists; `words` is a text, or one wording a line where the cue is a task."""


@dataclass(frozen=True, slots=True)
class Column:
    field: str
    """Its name in the sheet; on the first tab with dots, such as `targets.sales`."""
    zh: str
    shape: Shape
    needed: bool
    options: tuple[str, ...] = ()
    note: str = ""

    @property
    def title(self) -> str:
        """As it stands at the head of a column: both names."""
        return self.field if self.zh == self.field else f"{self.zh} {self.field}"


@dataclass(frozen=True, slots=True)
class Tab:
    field: str
    """The list of the sheet that it holds; empty for the first, where each row is a field and its value."""
    zh: str
    en: str
    columns: tuple[Column, ...]

    @property
    def title(self) -> str:
        return f"{self.zh} {self.en}"

    def column(self, head: str) -> Column | None:
        """The column that a head means: in either language, or in both."""
        return _named(self).get(_bare(head))


TABS_ZH = {
    "": ("场次", "sale"), "team": ("团队", "team"), "groups": ("群", "groups"), "products": ("商品", "products"),
    "coupons": ("优惠券", "coupons"), "links": ("链接", "links"), "keywords": ("关键词", "keywords"),
    "phrases": ("话术", "phrases"), "segments": ("环节", "segments"), "cues": ("节点", "cues"), "guests": ("嘉宾", "guests"),
    "golden": ("黄金时段", "golden"),
}  # fmt: skip

FIELDS_ZH = {
    "id": "编号", "title": "标题", "kind": "类型", "timezone": "时区", "start": "开始", "currency": "币种", "lead": "提前量",
    "unknown": "不明投递", "auto_start": "自动开场", "targets.sales": "销售目标", "targets.buyers": "买家目标",
    "person": "人员", "role": "角色", "groups": "群", "name": "名称", "tier": "等级", "stage": "阶段", "org": "组织",
    "tags": "标签", "relay": "群助手", "members": "人数", "welcome": "欢迎语", "rules": "群规", "announcement": "群公告", "line": "产品线", "price": "价格",
    "list_price": "划线价", "stock": "库存", "url": "网址", "points": "卖点", "script": "话术", "image": "图片",
    "over": "满", "off": "减", "quantity": "数量", "per_member": "每人限领", "valid": "有效期", "products": "适用商品",
    "percent": "折扣", "at_most": "最多减", "pay": "付", "worth": "抵", "pay_within": "付款时限", "units": "每码件数", "pool": "瓜分总额",
    "shares": "邀请人数", "spend": "订单满", "exclusive": "不可叠加", "from": "领取开始", "coupons.until": "领取截止",
    "links.until": "开放截止", "coupons.price": "券价", "segment": "环节", "at": "时间", "lasts": "时长", "advance": "推进", "product": "商品", "note": "备注", "when": "条件",
    "again_after": "再次触发", "do": "动作", "prompt": "提词给", "task": "任务给", "to": "接收人", "who": "执行人",
    "text": "文案", "coupon": "优惠券", "link": "链接", "urgency": "紧急", "confirm": "确认人", "late": "迟到规则",
    "question": "题目", "questions": "问题", "options": "选项", "answer": "答案", "winners": "中奖名额", "prize": "奖品",
    "prizes": "奖品清单", "until": "开放时长", "series": "系列", "streak": "连续次数", "poll": "投票", "quiz": "抢答", "survey": "问卷", "words": "触发词",
    "target": "目标人数", "unlocks": "解锁", "amount": "金额", "count": "份数", "eligible": "参与资格",
    "chain": "接龙", "draw": "抽奖", "collect": "领奖方式", "organiser": "主办方",
    "service.acknowledge": "响应时限", "service.warn": "预警时限", "service.breach": "超时时限", "service.lease": "占用时长",
    "followup.after": "追单等待", "followup.every": "追单间隔", "followup.lease": "追单占用", "followup.quiet": "免打扰时段",
    "cheer.within": "任务时限", "cheer.minutes": "黄金分钟", "minutes": "分钟", "what": "任务类型", "within": "完成时限", "owner": "群主",
    "pacing.same_content": "同文间隔", "pacing.caps": "频次上限", "posters.remind": "未发提醒",
    "floor.rules": "各群群规", "floor.announcement": "各群公告", "floor.welcome": "各群欢迎语", "floor.messages": "刷屏条数", "floor.per": "刷屏时长",
    "floor.newcomers": "新人插话条数", "floor.reminders": "提醒话术",
    "theme": "主题", "poster": "海报", "state": "状态",
}  # fmt: skip

WORDS_ZH = {
    "flash": "快闪群", "groupbuy": "社群团购", "live": "群直播", "course": "知识付费",
    "preheat": "预热", "rules": "规则", "warmup": "暖场", "opening": "开场", "guest": "嘉宾", "product": "产品", "interaction": "互动",
    "qa": "答疑", "peak": "高潮", "limited": "限时限量", "wrapup": "收尾", "aftercare": "售后",
    "lead": "引流款", "volume": "走量型", "hit": "爆款", "star": "明星团品", "profit": "利润款", "bundle": "组合",
    "threshold": "满减", "amount": "立减", "percent": "折扣", "deposit": "定金膨胀", "paid": "付费券", "pool": "瓜分券",
    "share_reward": "分享有礼", "pay_reward": "支付有礼", "group_price": "专享价",
    "room": "直播间", "reserve": "预约", "join": "入群", "card": "企微名片", "replay": "回放", "survey": "问卷",
    "host": "主播", "cohost": "副播", "controller": "场控", "cheer": "气氛组", "support": "客服", "poster": "群管", "owner": "负责人",
    "auto": "自动", "manual": "手动", "normal": "普通", "high": "紧急", "ask": "询问", "resend": "重发", "leave": "不管", "asked": "已邀请", "confirmed": "已确认",
}  # fmt: skip
"""The Chinese word for what a field with a choice may hold. `flash` of a coupon is 秒杀."""
_FLASH_COUPON = "秒杀"

DO_ZH = {
    "link.drop": "上链接", "coupon.drop": "发券", "coupon.stop": "停券", "message.send": "群消息", "checkin.open": "开签到",
    "checkin.close": "关签到", "product.show": "上架", "product.hide": "下架", "prompt.send": "提词", "task.assign": "派任务",
    "poll.open": "开投票", "poll.close": "关投票", "quiz.open": "开抢答", "quiz.close": "关抢答", "survey.open": "发问卷",
    "survey.close": "收问卷", "chain.open": "开接龙", "chain.close": "关接龙", "draw.open": "开抽奖", "draw.run": "抽奖",
    "redpacket.announce": "红包", "link.stop": "停链接",
}  # fmt: skip
RECEIVERS = frozenset({"prompt", "task", "to", "who", "confirm"})
"""Fields that name a role, where they name no person."""

NOTES = {
    "start": "当地时间, 例如 2026-11-11 20:00 / local time",
    "timezone": "IANA 名称, 例如 Asia/Shanghai",
    "at": "start, +90s, end +20s, 20:00, D-1 08:00",
    "lasts": "90s, 10m, 1h30m",
    "valid": "2h, 3d",
    "until": "30s, 10m",
    "coupons.until": "+30m, 21:00, D+1 08:00",
    "links.until": "+30m, 21:00, D+1 08:00",
    "from": "+10m, 20:00",
    "percent": "20, 12.5%, 8折",
    "price": "129.00 (元, 不写单位 / no unit)",
    "groups": "all, tier:vip, tag:kitchen & !stage:lead, group:g1",
    "do": "link.drop, coupon.drop, message.send, product.show …; 提词和任务用右边两列 / prompts and tasks have columns of their own",
    "text": "{link} {price} {stock} {coupon.left}; 任务: 每行一种说法 / a task: one wording a line",
    "late": "skip after 30s, fire within 5m, ask after 30s",
    "confirm": "controller, controller within 2m",
    "segment": "空着就是上一行的环节 / empty: that of the row above",
    "when": "coupon c20 left <= 10%",
    "relay": "第一个优先; 几个写几行 / the first is preferred; one a line",
    "prizes": '保温杯; 或 JSON: [{"name": "保温杯", "quantity": 3, "worth": "79.00"}]',
    "eligible": 'entry, comment, order, claim; 或 JSON: {"by": "order", "product": "pan"}',
    "unlocks": 'JSON: {"price": "99.00"} 或 {"coupon": "c20"}',
    "floor.reminders": 'JSON: {"advertising": "本群不发广告", "negative": "有问题找客服"}; politics, advertising, negative, flooding, interrupting',
    "pacing.caps": 'JSON: {"fan": {"per": "1h", "most": 6}, "group:g1": {"per": "30m", "most": 2}}',
    "questions": 'JSON: [{"id": "q1", "text": "…", "kind": "scale"}]',
}


@cache
def tabs() -> tuple[Tab, ...]:
    """All tabs, in the order in which a person fills them in; the cues stand on a tab of their own, after the segments."""
    own: list[Column] = []
    lists: list[Tab] = []
    for name, info in model.Sheet.model_fields.items():
        inner = _part(info.annotation)
        if inner is None:
            own.append(_column(name, info))
        elif get_origin(info.annotation) is list:
            lists.append(_tab(name, inner))
        else:
            own += [_column(f"{name}.{each}", sub, optional=True) for each, sub in inner.model_fields.items()]
    cues = _tab("cues", model.Cue)
    segment = Column("segment", FIELDS_ZH["segment"], "text", False, note=NOTES["segment"])
    cues = Tab("cues", cues.zh, cues.en, (segment, *cues.columns))
    return (Tab("", *TABS_ZH[""], tuple(own)), *lists, cues)


def tab_named(title: str) -> Tab | None:
    """The tab that a title means: in either language, or in both."""
    bare = _bare(title)
    return next((tab for tab in tabs() if bare in {_bare(tab.zh), _bare(tab.en), _bare(tab.title)}), None)


def zh_of(option: str, options: tuple[str, ...]) -> str:
    """The Chinese word for one of a field's options, as the cell shows it; itself where it has none."""
    if option == "flash" and "threshold" in options:
        return _FLASH_COUPON
    return WORDS_ZH.get(option) or DO_ZH.get(option, option)


def _tab(name: str, part: type[BaseModel]) -> Tab:
    zh, en = TABS_ZH.get(name, (name, name))
    fields = [(info.alias or each, info) for each, info in part.model_fields.items() if each != "cues"]
    return Tab(name, zh, en, tuple(_column(each, info, tab=name) for each, info in fields))


def _column(name: str, info: FieldInfo, *, optional: bool = False, tab: str = "") -> Column:
    shape, options = _shape(Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation)
    last = name.rpartition(".")[2]
    if last == "do":
        shape, options = "choice", tuple(cue_kinds.known())
    elif last in RECEIVERS:
        shape, options = "choice", model.ROLES
    own = f"{tab}.{name}"
    zh = FIELDS_ZH.get(own) or FIELDS_ZH.get(name) or (name if "." in name else FIELDS_ZH.get(last, name))
    return Column(name, zh, shape, info.is_required() and not optional, options, NOTES.get(own) or NOTES.get(last, ""))


def _shape(annotation: Any) -> tuple[Shape, tuple[str, ...]]:  # Any: whatever stands behind the colon of a field
    if get_origin(annotation) is Annotated:
        base, *metas = get_args(annotation)
        for meta in metas:
            if isinstance(meta, BeforeValidator):
                name = getattr(meta.func, "__name__", "")
                if name == "_money_text":
                    return "money", ()
                if name != "_one_or_more":
                    inner = _shape(base)
                    return (
                        inner if inner[0] in {"choice", "either"} else ("either", ()) if _part(base) else ("text", ())
                    )
        return _shape(base)
    if get_origin(annotation) is Literal:
        return "choice", tuple(str(each) for each in get_args(annotation))
    if get_origin(annotation) is list:
        (inner,) = get_args(annotation)
        if _part(inner) is not None:
            return "json", ()
        if any(_part(each) for each in get_args(inner)):
            return "either", ()
        if inner == model.Text:
            return "words", ()
        return ("ids", ()) if inner == model.Id else ("lines", ())
    args = [each for each in get_args(annotation) if each is not type(None)]
    if args:
        shapes = [_shape(each) for each in args]
        return shapes[0] if len(shapes) == 1 else ("json", ())
    if annotation is bool:
        return "yes", ()
    if annotation is int:
        return "count", ()
    return ("json", ()) if _part(annotation) is not None or annotation is dict else ("text", ())


def _part(annotation: Any) -> type[BaseModel] | None:
    """The part of a sheet that a field holds, or a list of."""
    if get_origin(annotation) is list:
        annotation = get_args(annotation)[0]
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


@cache
def _named(tab: Tab) -> dict[str, Column]:
    return {_bare(name): column for column in tab.columns for name in _names(column)}


def _names(column: Column) -> Iterator[str]:
    yield from (column.zh, column.title, column.field)


def _bare(title: str) -> str:
    return "".join(title.split()).strip("*").casefold()
