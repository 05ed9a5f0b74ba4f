"""Whatever a platform does, a relay's word of it is true: what is sent is there, what is certainly not there is not."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from roles.relay.adapters import PLATFORMS
from roles.relay.adapters.base import Route, Routes
from roles.relay.agent import Agent
from tests.roles.relay.conftest import PATIENCE_S, QUICK, FakeCoordinator
from tests.roles.relay.doubles.base import CUT_AFTER, CUT_BEFORE, PAGE, Answer, Double
from tests.roles.relay.doubles.platforms import DOUBLES

MESSAGES = 40
ENDS = {"sent", "rejected", "disabled", "unknown", "expired", "awaiting"}


def fault(rng: random.Random, never: asyncio.Event) -> Answer | None:
    """What a platform, or what stands before it, answers in its place; None: it answers itself."""
    return rng.choice([
        None, None, None, CUT_BEFORE, CUT_AFTER, PAGE, Answer("", 502), Answer("x", 503, take=True), Answer("slow down", 429, {"Retry-After": "0.05"}),
        Answer({}, take=True), Answer("[1, 2", take=True), Answer({"ok": None, "errcode": "0", "code": True}, take=True),
        Answer("\xff\x00" * 400_000, take=True), Answer(None, 204, take=True), Answer("", 302, {"Location": "https://elsewhere.example/"}),
        Answer({"errcode": 0, "code": 0, "ok": True, "outcome": "sent"}, 500, take=True), Answer(take=True, cut=True, wait=never),
    ])  # fmt: skip


class Sale(FakeCoordinator):
    """Asks again as the service does."""

    def take(self, command: dict[str, Any]) -> dict[str, Any]:
        first = command["id"] not in self.taken
        answer = super().take(command)
        if first and command.get("outcome") == "retry":
            again = {"attempt": command["attempt"] + 1, "status": "requested"}
            self.deliveries[command["delivery"]] |= again
            self.asked.append(command["delivery"])
            self.touch()
        return answer

    asked: list[str]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("platform", sorted(DOUBLES))
async def test_what_is_said_of_a_message_is_so(tmp_path: Any, monkeypatch: Any, platform: str, seed: int) -> None:
    monkeypatch.setattr("roles.relay.sending.attempts.AGAIN_FIRST_S", 0.02)
    rng = random.Random(f"{platform}-{seed}")
    sale = Sale()
    sale.asked = []
    await sale.start()
    double: Double = DOUBLES[platform](limit=10_000)
    try:
        await double.open()
        kind = PLATFORMS[platform]
        more = {"per_minute": 10_000} | (
            {"per_second": 10_000} if "per_second" in kind.credential_settings.model_fields else {}
        )
        more |= {"per_minute_a_group": 10_000} if platform == "telegram" else {}
        settings = kind.credential_settings.model_validate(double.settings(double.base) | more)
        adapter = kind("bot", settings, None)
        group = adapter.group_settings.model_validate({"id": "g1", "credential": "bot", **double.group})
        monkeypatch.setattr(type(settings), "group_limits", lambda _: ())
        monkeypatch.setattr(type(settings), "limits", lambda _: ())
        agent = Agent(
            sale.url,
            "t",
            Routes({"g1": Route(group, adapter)}),
            data=tmp_path,
            timing=replace(QUICK, answer_within=1.0),
        )
        work = asyncio.create_task(agent.run())
        async with asyncio.timeout(3 * PATIENCE_S):
            await agent.connected.wait()
            never = asyncio.Event()
            double.next.extend(fault(rng, never) for _ in range(3 * MESSAGES))
            await sale.announce(*(sale.delivery(f"d{n}", at=rng.choice([0, 100, 300])) for n in range(MESSAGES)))
            away = asyncio.create_task(gone_for_a_while(double, sale, rng))
            while True:
                await sale.until(lambda: sale.asked or ended(sale) == MESSAGES)
                if not sale.asked:
                    break
                asked, sale.asked = sale.asked, []
                await sale.push(changes={"deliveries": {d: sale.deliveries[d] for d in asked}})
            await away
        agent.stop()
        await work
    finally:
        await double.close()
        await sale.stop()
    there = Counter(text.split("text of ")[1].split()[0].strip('"') for text in double.texts if "text of " in text)
    reports = sorted(
        (c for c in sale.taken.values() if c["kind"] == "delivery.report" and c["outcome"] != "waiting"),
        key=lambda c: c["attempt"],
    )
    said: dict[str, list[str]] = {}
    for report in reports:
        said.setdefault(report["delivery"], []).append(report["outcome"])
    print(platform, Counter(outcome for each in said.values() for outcome in each))
    for id_, words in said.items():
        assert words[-1] in ENDS
        assert set(words[:-1]) <= {"retry"}
        if words[-1] in ("sent", "awaiting"):
            assert there[id_] == 1, (id_, words)
        elif words[-1] in ("rejected", "disabled", "expired"):
            assert there[id_] == 0, (id_, words)
        else:
            assert there[id_] <= 1, (id_, words)


def ended(sale: FakeCoordinator) -> int:
    return len({c["delivery"] for c in sale.taken.values() if c.get("outcome") in ENDS})


async def gone_for_a_while(double: Double, sale: FakeCoordinator, rng: random.Random) -> None:
    """It is reached by nobody, until somebody has found that out; what was made ready for it is in their hands then."""
    calls = rng.randrange(MESSAGES // 2)
    await double.until(lambda: double.calls > calls)
    await double.close()
    await sale.until(
        lambda: ended(sale) == MESSAGES or any("cannot be reached" in str(c.get("why")) for c in sale.taken.values())
    )
    await double.open()
