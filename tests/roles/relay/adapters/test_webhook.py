"""Signed webhooks against a receiver that behaves as the page asks."""

from __future__ import annotations

from typing import ClassVar

import pytest

from roles.relay.adapters.base import Content, Delivery, GroupSettings
from roles.relay.adapters.webhook import WebhookCredential
from tests.contract.adapter_suite import LINK, AdapterContract
from tests.roles.relay.doubles.base import Answer, Double
from tests.roles.relay.doubles.webhook import SECRET, WebhookDouble


class TestWebhook(AdapterContract):
    double: ClassVar[type[Double]] = WebhookDouble

    @pytest.mark.parametrize(("said", "word", "after_ms"), [
        ({"outcome": "retry", "after_ms": 1500}, "retry", 1500), ({"outcome": "retry"}, "retry", None),
        ({"outcome": "retry", "after_ms": "soon"}, "retry", None), ({"outcome": "awaiting", "why": "a person"}, "awaiting", None),
        ({"outcome": "rejected", "why": f"no {SECRET}"}, "rejected", None), ({"outcome": "disabled"}, "disabled", None),
        ({"outcome": "SENT"}, "unknown", None), ({"outcome": True}, "unknown", None), ({"outcome": ["sent"]}, "unknown", None),
    ])  # fmt: skip
    async def test_the_receiver_says_what_became_of_it(self, said: object, word: str, after_ms: int | None) -> None:
        outcome = await self.told(Answer(said))
        assert (outcome.word, outcome.after_ms) == (word, after_ms)

    async def test_its_id_is_the_sale_the_delivery_and_its_attempt(self) -> None:
        """The deliveries of two sales had the same ids: a receiver that counts each once left out the second sale's."""
        group = GroupSettings(id="g1", credential="bot")
        async with WebhookDouble() as double, self.opened(double.base) as adapter:
            for attempt in (1, 2):
                delivery = Delivery(
                    id="d7",
                    sale="s1",
                    attempt=attempt,
                    group="g1",
                    content=Content(text="上链接", link=LINK),
                    fire_at=0,
                    expires_at=9,
                )
                assert (await adapter.deliver(group, delivery)).platform_id == f"m{attempt}"
        assert double.ids == ["s1:d7:1", "s1:d7:2"]
        assert double.taken[0].body == {
            "group": "g1", "sale": "s1", "delivery": "d7", "attempt": 1, "content": {"text": f"上链接\n{LINK}", "link": LINK},
        }  # fmt: skip

    @pytest.mark.parametrize("secret", ["é-letmein", "whsec_", "whsec_QUJD", "letmein"])
    def test_a_secret_that_is_none_is_refused(self, secret: str) -> None:
        with pytest.raises(ValueError, match="whsec_ and at least 24"):
            WebhookCredential.model_validate({"platform": "webhook", "url": "https://x.example", "secret": secret})
