"""Logs: one line each, as text for a terminal and JSON elsewhere. No token, key or person's words reach them."""

from __future__ import annotations

import logging
import sys

import structlog

from coordinator.core.personal import masked_text

SECRET_NAMES = frozenset({"token", "key", "secret", "authorization", "cookie", "text", "code"})


def _masked(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    for name, value in event.items():
        if isinstance(value, str) and name not in {"timestamp", "sale", "level"}:
            event[name] = masked_text(value)
    return event


def _without_secrets(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    for name in SECRET_NAMES & event.keys():
        event[name] = "…"
    return event


def configure(level: str = "info") -> None:
    """Sets up logging for the process. Logs go to stderr: stdout is for what a command answers."""
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    human = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_secrets,
            _masked,
            *(
                [structlog.dev.ConsoleRenderer()]
                if human
                else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
