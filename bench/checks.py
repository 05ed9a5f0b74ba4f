"""How long the checks take over a text: 500 terms looked for in 2,000 signs, alone and with all other rules.

In this process, without a server: what is decided for one send, beside everything else that a send costs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from bench.options import Options
from coordinator import rules
from coordinator.core.rules import Judge, RuleSet, TermList, Words
from coordinator.core.wording import Use, judged

SIGNS = 2_000
TERMS = 500
SENTENCE = "今天给大家带来一口好锅, 煎蛋不粘, 现场演示给大家看看; 第一步先空烧, 最后放油。"
DIRTY = "最·佳 国家級 销量第一 已售 2000 件 只剩 3 件 加我 138 0013 8000 "


def measure(options: Options) -> dict[str, Any]:
    rounds = 50 if options.quick else 1_000
    judge = widened(rules.judge(), TERMS)
    clean = (SENTENCE * SIGNS)[:SIGNS]
    dirty = (DIRTY + SENTENCE * SIGNS)[:SIGNS]
    every = frozenset(judge.rules.rules)
    out: dict[str, Any] = {"terms": len(judge), "signs": SIGNS, "rounds": rounds}
    for name, text in (("clean", clean), ("dirty", dirty)):
        judge.terms(text, every)  # signs that were not met before have their form made once
        found = judged(judge, text, Use(sells=True, posted=True))
        out[name] = {
            "terms_us": each(lambda text=text: judge.terms(text, every), rounds),
            "all_rules_us": each(lambda text=text: judged(judge, text, Use(sells=True, posted=True)), rounds),
            "found": len(found),
        }
    message = clean[:60]
    out["message"] = {"signs": 60, "all_rules_us": each(lambda: judged(judge, message, Use()), rounds)}
    return out


def widened(judge: Judge, terms: int) -> Judge:
    """The shipped set with terms that no text holds, until there are so many: exceptions are looked for as terms are."""
    missing = terms - len(judge)
    made = tuple(f"第{chr(0x4E00 + n)}{chr(0x5000 + 7 * n)}" for n in range(max(0, missing)))
    said = Words(zh="{term}", en="{term}")
    rule = judge.rules.rules["AD-ABS"]
    wide = TermList(severity="warn", words=made, says=said, do=said)
    sets = judge.rules.rules | {"AD-ABS": type(rule)(id=rule.id, law=rule.law, terms=(*rule.terms, wide))}
    return Judge(RuleSet(name="bench", version="1", title=said, rules=sets))


def each(work: Callable[[], object], rounds: int) -> dict[str, float]:
    """Microseconds of this process's own time: the median and the slowest twentieth."""
    times = []
    for _ in range(rounds):
        started = time.thread_time_ns()
        work()
        times.append((time.thread_time_ns() - started) / 1_000)
    times.sort()
    return {"p50": round(times[len(times) // 2], 1), "p95": round(times[int(len(times) * 0.95)], 1)}
