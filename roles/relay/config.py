"""The YAML file of `dropcue relay`: read, filled in from the environment and files, checked, made into routes."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from roles.relay.adapters import PLATFORMS
from roles.relay.adapters.base import AnyAdapter, CredentialSettings, Route, Routes
from roles.relay.adapters.finding import UnknownPlatform, find
from roles.relay.errors import ConfigError, Problem
from roles.relay.receiving.settings import InletSettings, ReceivingSettings, Staff

Key = tuple[str | int, ...]

_PLACE = re.compile(r"\$\{(file:)?([^}]*)\}")
_TWICE = re.compile(r'found duplicate key "?([^"\s]{1,64})"? with value')
_ADVICE = {
    "missing": "is missing; add it",
    "extra_forbidden": "is not a key that is known here; remove it or mend its spelling",
    "too_short": "is empty; fill it in",
    "string_too_short": "is empty; fill it in",
    "string_type": "has to be a text; put it into quotes",
    "dict_type": "has to hold settings; write them as {key: value}",
}
# It names files and addresses of the relay's own.
_NAME = re.compile(r"[^\s/\\{}.][^\s/\\{}]{0,63}")


OTHERS_READ = 0o004  # of a file's mode


class FileSettings(BaseModel):
    """The file's top level. Credentials and groups are checked by their platforms."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    coordinator: str
    sale: str | None = None
    token: SecretStr = Field(min_length=1)
    data: Path = Path("relay-data")
    credentials: dict[str, dict[str, Any]] = Field(min_length=1)
    groups: dict[str, dict[str, Any]] = Field(default_factory=dict)
    inlet: InletSettings | None = None
    receiving: ReceivingSettings = ReceivingSettings()
    staff: Staff = Field(default_factory=dict)

    @field_validator("coordinator")
    @classmethod
    def _an_address(cls, value: str) -> str:
        try:
            readable = urlsplit(value).port != 0
        except ValueError:
            readable = False
        if not readable or not re.fullmatch(r"(https?|wss?)://[^/\s]\S*", value):
            raise ValueError("write the coordinator's address, such as http://127.0.0.1:8700")
        return value


@dataclass(frozen=True, slots=True)
class RelayConfig:
    """A checked configuration. Its repr shows no token."""

    coordinator: str = field(repr=False)  # its address may have a password
    sale: str | None
    token: SecretStr
    data: Path
    routes: Routes
    inlet: InletSettings | None = None
    receiving: ReceivingSettings = field(default_factory=ReceivingSettings)
    staff: Staff = field(default_factory=dict)
    warnings: tuple[Problem, ...] = ()  # what works and should be looked at


def load(file: Path, environment: Mapping[str, str] = os.environ) -> RelayConfig:
    """Reads a configuration. Raises `ConfigError` with everything that is wrong, each with its line and key.

    `${NAME}` comes from the environment, `${file:PATH}` from a file; PATH, like `data`, is seen from the folder of the
    configuration.
    """
    tree = _parse(file)
    reader = _Reader(file, tree, environment)
    filled = reader.fill(tree, ())
    try:
        top = FileSettings.model_validate(filled)
    except ValidationError as error:
        reader.collect(error, ())
        raise reader.error() from None
    data = file.parent / top.data
    adapters: dict[str, AnyAdapter] = {}
    for name, raw in top.credentials.items():
        adapter = reader.adapter(name, raw, data)
        if adapter is not None:
            adapters[name] = adapter
    routes: dict[str, Route] = {}
    for group, raw in top.groups.items():
        route = reader.route(group, raw, adapters, top.credentials)
        if route is not None:
            routes[group] = route
    for name, adapter in adapters.items():
        if getattr(adapter.settings, "receive", None) == "webhook" and top.inlet is None:
            reader.add(("credentials", name, "receive"), "is called from outside; add `inlet:` with the port for it")
    if reader.problems:
        raise reader.error()
    reader.look_at(adapters, routes)
    if is_open_to_all(top.coordinator):
        reader.warn(("coordinator",), "is reached over http: the token can be read on the way; write https")
    return RelayConfig(
        top.coordinator,
        top.sale,
        top.token,
        data,
        Routes(routes),
        top.inlet,
        top.receiving,
        top.staff,
        tuple(sorted(reader.warnings, key=lambda p: p.line)),
    )


def _parse(file: Path) -> Any:
    try:
        tree = YAML(typ="rt").load(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(
            file, [Problem(0, "", f"cannot be read ({error.strerror}); give its path with --config")]
        ) from error
    except UnicodeDecodeError:
        raise ConfigError(file, [Problem(0, "", "is not UTF-8 text; save it as UTF-8")]) from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        what = (error.problem or "cannot be read").split("\n")[0]
        # The library's text for a key that stands twice quotes both values.
        twice = _TWICE.match(what)
        if twice is not None:
            raise ConfigError(file, [Problem(line, twice[1], "a key stands twice; remove one")]) from None
        what = "a key stands twice; remove one" if "duplicate key" in what else f"not YAML: {what}"
        raise ConfigError(file, [Problem(line, "", what)]) from None
    except YAMLError:
        raise ConfigError(file, [Problem(0, "", "is not YAML")]) from None
    if not isinstance(tree, dict):
        raise ConfigError(file, [Problem(1, "", "holds no settings; begin with `coordinator:`")])
    return tree


class _Reader:
    """Collects what is wrong on the way, with the lines of the parsed tree."""

    def __init__(self, file: Path, tree: Any, environment: Mapping[str, str]) -> None:
        self._file, self._tree, self._environment = file, tree, environment
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def error(self) -> ConfigError:
        return ConfigError(self._file, sorted(self.problems, key=lambda p: p.line))

    def fill(self, node: Any, key: Key) -> Any:
        """The tree as plain values with every `${…}` filled in."""
        if isinstance(node, dict):
            filled: dict[str, Any] = {}
            for k, v in node.items():
                if str(k) in filled:  # 7 and "7" are two keys to YAML
                    self.add((*key, k), "stands twice; remove one")
                filled[str(k)] = self.fill(v, (*key, k))
            return filled
        if isinstance(node, list):
            return [self.fill(v, (*key, n)) for n, v in enumerate(node)]
        if isinstance(node, str):
            return _PLACE.sub(lambda found: self._place(found[1] is not None, found[2], key), str(node))
        return node

    def _place(self, is_file: bool, name: str, key: Key) -> str:
        if not is_file:
            if name in self._environment:
                return self._environment[name]
            self.add(key, f"the environment has no {name or '(empty name)'}; set it, or write ${{file:PATH}}")
            return "?"
        try:
            text = (self._file.parent / name).read_text("utf-8").rstrip("\r\n")
            if (self._file.parent / name).stat().st_mode & OTHERS_READ:
                self.warn(key, f"{name} can be read by every user of this machine; chmod 600 it")
            return text
        except (OSError, ValueError) as error:
            no_text = isinstance(error, UnicodeDecodeError)
            why = getattr(error, "strerror", None) or ("not UTF-8 text" if no_text else "no path of a file")
            self.add(key, f"{name} cannot be read ({why}); the path is seen from the folder of this file")
            return "?"

    def adapter(self, name: str, raw: dict[str, Any], data: Path) -> AnyAdapter | None:
        key = ("credentials", name)
        if not _NAME.fullmatch(name):
            self.add(key, "is no name for a credential; write at most 64 letters, digits, - and _")
            return None
        known = ", ".join(sorted(PLATFORMS))
        platform = raw.get("platform")
        if platform is None:
            self.add(key, f"names no platform; add `platform:` with one of: {known}")
            return None
        try:
            found = find(str(platform), self._file.parent)
        except UnknownPlatform as error:
            self.add((*key, "platform"), str(error))
            return None
        try:
            settings: CredentialSettings = found.credential_settings.model_validate(raw)
        except ValidationError as error:
            self.collect(error, key)
            return None
        return found(name, settings, data)

    def route(
        self, group: str, raw: dict[str, Any], adapters: dict[str, AnyAdapter], credentials: dict[str, dict[str, Any]]
    ) -> Route | None:
        key = ("groups", group)
        name = raw.get("credential")
        if type(name) is int:
            name = str(name)
        if not isinstance(name, str) or name not in adapters:
            if not isinstance(name, str):
                self.add(key, f"names no credential; add `credential:` with one of: {', '.join(sorted(credentials))}")
            elif name not in credentials:
                self.add(
                    (*key, "credential"), f"there is no credential {name}; there are: {', '.join(sorted(credentials))}"
                )
            return None
        if "id" in raw:
            self.add((*key, "id"), _ADVICE["extra_forbidden"])
            return None
        adapter = adapters[name]
        try:
            return Route(adapter.group_settings.model_validate({"id": group, **raw, "credential": name}), adapter)
        except ValidationError as error:
            self.collect(error, key)
            return None

    def collect(self, error: ValidationError, under: Key) -> None:
        for one in error.errors(include_input=False, include_url=False, include_context=False):
            message = _ADVICE.get(one["type"]) or one["msg"].removeprefix("Value error, ")
            self.add((*under, *one["loc"]), message)

    def look_at(self, adapters: dict[str, AnyAdapter], routes: dict[str, Route]) -> None:
        """What can be used and is hardly meant so."""
        used = {route.adapter.name for route in routes.values()}
        accounts: dict[tuple[str, ...], str] = {}
        for name, adapter in adapters.items():
            if routes and name not in used:
                self.warn(("credentials", name), "no group is reached by it; name it in a group, or remove it")
            keys = _secrets(adapter.settings)
            other = accounts.setdefault((adapter.platform, *keys), name) if keys else name
            if other != name:
                message = (
                    f"is the same account as {other}, but its rate window is counted apart: use one of them for both"
                )
                self.warn(("credentials", name), message)

    def warn(self, key: Key, message: str) -> None:
        self.warnings.append(Problem(self._line(key), ".".join(map(str, key)), message))

    def add(self, key: Key, message: str) -> None:
        self.problems.append(Problem(self._line(key), ".".join(map(str, key)), message))

    def _line(self, key: Key) -> int:
        """The line of a key, or of the nearest thing above it that stands in the file."""
        node: Any = self._tree
        line = 1
        part: Any
        for part in key:
            if isinstance(node, dict) and not any(str(k) == str(part) for k in node):
                break
            if not isinstance(node, dict | list) or not hasattr(node, "lc"):
                break
            if isinstance(node, dict):
                part = next(k for k in node if str(k) == str(part))  # noqa: PLW2901 - an id may be written as a number
                with contextlib.suppress(KeyError, TypeError):  # it came with `<<` from elsewhere
                    line = node.lc.key(part)[0] + 1
            else:
                line = node.lc.item(part)[0] + 1
            node = node[part]
        return line


def is_open_to_all(coordinator: str) -> bool:
    """Whether it is reached without TLS over more than a network of one's own, as far as its address shows that."""
    parts = urlsplit(coordinator)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "ws") or "." not in host:  # a name without a dot is one of this network
        return False
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return True


def _secrets(settings: CredentialSettings) -> tuple[str, ...]:
    values = (getattr(settings, name) for name in type(settings).model_fields)
    return tuple(value.get_secret_value() for value in values if isinstance(value, SecretStr))
