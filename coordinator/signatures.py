"""Bodies signed by the rules of Standard Webhooks: with an id and a time, by one of the secrets that are known for it."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from coordinator.problem import Problem

SIGNED_BY = ("webhook-id", "webhook-timestamp", "webhook-signature")
_SAID = {
    "Message timestamp too old": ("webhook-timestamp", "it was signed more than 5 minutes ago: sign it anew each time you send it, and look at both clocks"),
    "Message timestamp too new": ("webhook-timestamp", "it is more than 5 minutes ahead: set the sender's clock"),
    "Invalid Signature Headers": ("webhook-timestamp", "it is no number of seconds since 1970"),
}  # fmt: skip
"""What the library says, with the header that it is about, and what to do."""


def need_signed(request: web.Request, data: bytes, signers: Iterable[Webhook], *, secrets: str) -> None:
    """Raises Problem (401) where none of them has signed this body, at this time, with this id.

    `secrets` is where their secrets stand, in words, for who has set another one.
    """
    headers = dict(request.headers)
    missing = [name for name in SIGNED_BY if not request.headers.get(name)]
    if missing:
        raise _unsigned(missing[0], "it is missing: sign by the rules of Standard Webhooks")
    for signer in signers:
        try:
            signer.verify(data, headers, json_parse=False)
        except WebhookVerificationError as e:
            if str(e) in _SAID:
                raise _unsigned(*_SAID[str(e)]) from None
        except UnicodeDecodeError:
            raise Problem(422, "invalid", "the body is no JSON: it is not UTF-8") from None
        except ValueError:  # a signature that is no base64
            continue
        else:
            return
    raise _unsigned("webhook-signature", f"none of the secrets in {secrets} has signed this body with this id and time")


def _unsigned(header: str, why: str) -> Problem:
    return Problem(401, "forbidden", f"{header}: {why}", {"field": header})
