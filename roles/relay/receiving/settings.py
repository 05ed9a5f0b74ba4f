"""What the relay's file says of receiving: `inlet`, `receiving` and `staff`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from roles.relay.adapters.webhook import checked_secret
from roles.relay.receiving.seen import Id
from roles.relay.receiving.wording import ASKS_AGAIN

NAMES = "names"  # in `staff`, beside the platforms: by the name that stands in the chat


class InletSettings(BaseModel):
    """Where others hand in what they saw. Several secrets: the old one is taken too while it is being changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8710
    secret: SecretStr | list[SecretStr] | None = None

    @field_validator("secret")
    @classmethod
    def _readable(cls, value: SecretStr | list[SecretStr] | None) -> SecretStr | list[SecretStr] | None:
        for secret in [value] if isinstance(value, SecretStr) else value or []:
            checked_secret(secret)
        return value

    @property
    def secrets(self) -> list[str]:
        given = self.secret if isinstance(self.secret, list) else [self.secret] if self.secret is not None else []
        return [secret.get_secret_value() for secret in given]


class ReceivingSettings(BaseModel):
    """How what was seen is read, and how much of it may wait for a coordinator that is away."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    names: bool = True  # members' names go to the coordinator; false leaves them out
    contacts: bool = False  # how a member can be reached is handed in, for support
    questions: bool = True  # what reads like a question becomes a card
    asked: tuple[Annotated[str, Field(min_length=1, max_length=50)], ...] = ASKS_AGAIN
    keep: Annotated[int, Field(ge=1)] = 200_000
    groups: tuple[Id, ...] = ()  # groups it only listens in, beside those of `groups`


Staff = dict[str, dict[str, Id]]
"""Platform (or `names`) → the id there (or the name) → who of the team it is."""
