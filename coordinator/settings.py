"""Settings: each is `DROPCUE_NAME` in the environment; a flag of the command line wins."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from coordinator.errors import CannotStart, UsageError

KEY_BYTES = 32  # HS256 wants a key at least as long as its digest
REVOKED_FILE = "revoked.txt"  # in the data folder, and in a backup: tokens that open nothing any more
_HOOK = "DROPCUE_HOOK_"


class Settings(BaseSettings):
    """What a node is told when it starts."""

    model_config = SettingsConfigDict(env_prefix="DROPCUE_", extra="ignore")

    data: Path = Path("dropcue-data")
    redis: str | None = None
    host: str = "127.0.0.1"
    port: int = Field(8700, ge=0, le=65_535)
    public: str | None = None
    key: SecretStr | None = None
    log: str = "info"
    rules: Path | None = None  # a folder of rule sets of one's own, by which texts are checked

    def address(self) -> str:
        """How people's browsers and phones reach this node, without a slash at the end."""
        if self.public:
            return self.public.rstrip("/")
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104 - a comparison
        return f"http://{host}:{self.port}"

    def signing_key(self) -> bytes:
        """The key of all tokens: DROPCUE_KEY, else one made at the first start and kept in the data folder."""
        if self.key is not None:
            key = self.key.get_secret_value().encode()
            if len(key) < KEY_BYTES:
                raise UsageError(
                    f"DROPCUE_KEY has {len(key)} bytes; it needs at least {KEY_BYTES}: give it a longer one"
                )
            return key
        path = self.data / "key"
        try:
            return path.read_bytes()
        except FileNotFoundError:
            pass
        except OSError as e:
            raise CannotStart(f"{path} cannot be read ({e.strerror}): it holds the key of all tokens") from None
        made = secrets.token_urlsafe(48).encode()
        try:
            self.data.mkdir(parents=True, exist_ok=True)
            # Readable by its owner only, from its first byte on.
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as f:
                f.write(made)
        except FileExistsError:
            return path.read_bytes()
        except OSError as e:
            raise CannotStart(f"{path} cannot be written ({e.strerror}): choose another folder with --data") from None
        return made


def chosen_settings(**flags: Any) -> Settings:
    """Settings of the environment, with the flags that were given over them. Raises UsageError."""
    try:
        return Settings(**{k: v for k, v in flags.items() if v is not None})
    except ValidationError as e:
        first = e.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        raise UsageError(f"--{name} (DROPCUE_{name.upper()}): {first['msg']}") from None


def hook_setting(source: str) -> str:
    """The name of the setting that holds a source's secrets."""
    return _HOOK + source.upper().replace("-", "_")


def hook_secrets(source: str) -> list[str]:
    """The secrets that webhooks of this source may be signed with: several, parted by blanks, while one follows another."""
    return os.environ.get(hook_setting(source), "").replace(",", " ").split()
