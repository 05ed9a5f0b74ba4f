"""PRIZE: a draw says what there is to win, how much of it or how likely, until when, how it is collected, and who holds it.

No single prize is worth more than the law allows: 50,000 yuan. That is not to be overruled.
"""

from __future__ import annotations

import msgspec

from coordinator.core.rules import Fault, Judge, Rule, Words

YUAN = 100  # fen


class Prize(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of prize. `worth` is in minor units of the sale's currency; None where nobody said."""

    name: str
    worth: int | None = None


class PrizeRules(msgspec.Struct, frozen=True, kw_only=True):
    """What a draw states of itself before anybody takes part."""

    prizes: tuple[Prize, ...]
    quantity: int | None = None
    odds: str = ""
    until: int | None = None
    collect: str = ""  # how and until when winners get it
    organiser: str = ""


_STATED: tuple[tuple[str, Words, Words], ...] = (
    ("quantity", Words(zh="奖品数量或中奖概率", en="how many prizes, or the odds"), Words(zh="写 quantity 或 odds", en="give quantity or odds")),
    ("until", Words(zh="开奖或截止时间", en="until when"), Words(zh="写 until", en="give until")),
    ("collect", Words(zh="兑奖方式", en="how it is collected"), Words(zh="写 collect, 如: 三天内找客服登记地址", en="give collect, for example: tell support your address within three days")),
    ("organiser", Words(zh="主办方", en="who holds it"), Words(zh="写 organiser", en="give organiser")),
)  # fmt: skip


def prize_faults(judge: Judge, stated: PrizeRules, currency: str) -> list[Fault]:
    """What a draw does not say and has to, and what of it is worth too much."""
    rule = judge.of("PRIZE")
    if rule is None:
        return []
    faults = []
    most = rule.limits.get("most_yuan")
    for prize in stated.prizes:
        if most is not None and currency == "CNY" and prize.worth is not None and prize.worth > most * YUAN:
            worth = f"{prize.worth // YUAN}"
            faults.append(
                _fault(
                    rule,
                    prize.name,
                    f"{prize.name} is worth {worth} yuan, the law allows at most {most} for a prize ({rule.law.en}); "
                    "give a smaller one",
                    f"{prize.name} 价值 {worth} 元, 最高奖不得超过 {most} 元 ({rule.law.zh}); 请换小一些的奖品",
                    block=True,
                )
            )
    if not stated.prizes or not all(prize.name.strip() for prize in stated.prizes):
        faults.append(
            _missing(rule, Words(zh="奖品", en="what there is to win"), Words(zh="写 prizes", en="give prizes"))
        )
    said = {
        "quantity": stated.quantity is not None or bool(stated.odds.strip()),
        "until": stated.until is not None,
        "collect": bool(stated.collect.strip()),
        "organiser": bool(stated.organiser.strip()),
    }
    faults += [_missing(rule, what, do) for name, what, do in _STATED if not said[name]]
    return faults


def _missing(rule: Rule, what: Words, do: Words) -> Fault:
    return _fault(
        rule,
        what.zh,
        f"the draw does not say {what.en} ({rule.law.en}); {do.en}",
        f"抽奖没有写明{what.zh} ({rule.law.zh}); 请{do.zh}",
    )


def _fault(rule: Rule, term: str, message: str, zh: str, *, block: bool = False) -> Fault:
    return Fault(rule="PRIZE", severity="block" if block else "warn", term=term, message=message, zh=zh, law=rule.law)
