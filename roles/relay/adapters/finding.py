"""The adapter of a platform's name: one of ours, or one of your own as `module:Class`.

A module is looked for where Python finds its packages, then in the folder of the configuration, so that an adapter of
your own can be one file beside it.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path

from roles.relay.adapters import PLATFORMS
from roles.relay.adapters.base import Adapter, AnyAdapter


class UnknownPlatform(Exception):
    """No adapter can be had by this name: `str(error)` says why, and what to do."""


def find(platform: str, folder: Path) -> type[AnyAdapter]:
    """The adapter for `platform:` in a configuration that stands in `folder`. Raises `UnknownPlatform`."""
    if ":" not in platform:
        if platform in PLATFORMS:
            return PLATFORMS[platform]
        known = ", ".join(sorted(PLATFORMS))
        raise UnknownPlatform(
            f"{platform} is not a known platform; known are: {known}; one of your own is written as module:Class"
        )
    module, _, name = platform.partition(":")
    found = getattr(_load(module, folder), name, None)
    if not inspect.isclass(found) or not issubclass(found, Adapter):
        what = "has no" if found is None else "has something else as"
        raise UnknownPlatform(f"{module} {what} {name or '(no name)'}; name a class of it that is an Adapter")
    missing = sorted(getattr(found, "__abstractmethods__", ()))
    if missing:
        raise UnknownPlatform(f"{name} of {module} has no {', '.join(missing)}; an Adapter defines it")
    if not getattr(found, "platform", None):
        raise UnknownPlatform(f"{name} of {module} has no name; give it one: platform = {name.lower()!r}")
    return found


def _load(module: str, folder: Path) -> object:
    where = str(folder.resolve())
    if where not in sys.path:
        sys.path.append(where)
        importlib.invalidate_caches()
    try:
        return importlib.import_module(module)
    except Exception as error:  # it is somebody's own code: whatever it raises, they are told which file to mend
        if isinstance(error, ModuleNotFoundError) and error.name is not None and module.startswith(error.name):
            raise UnknownPlatform(
                f"there is no module {module}; install it, or put its file beside this configuration"
            ) from None
        raise UnknownPlatform(
            f"the module {module} cannot be loaded ({type(error).__name__}: {error}); mend it, or install what it needs"
        ) from None
