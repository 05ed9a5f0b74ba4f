"""What the code may lean on: the core is pure, and few places touch time, chance, threads or sockets.

The lists are data; each entry has its reason. Whoever needs a new one writes the reason here.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(
    p for top in ("coordinator", "roles", "replay") for p in (ROOT / top).rglob("*.py") if "node_modules" not in p.parts
)
CORE = [p for p in SOURCES if p.is_relative_to(ROOT / "coordinator" / "core")]

MAX_LINES = 600  # at 600 a file is two (style, habit 1)

CORE_MAY_IMPORT = {
    "__future__": "annotations as text",
    "collections.abc": "types",
    "typing": "types",
    "dataclasses": "what a parser builds",
    "bisect": "the night that a moment lies in",
    "functools": "a parsed text is kept",
    "fractions": "shares that are compared exactly",
    "itertools": "the first of what was found",
    "operator": "comparisons of conditions",
    "re": "texts and their fields",
    "unicodedata": "questions that ask the same; words that are forbidden",
    "heapq": "who of many is to be followed up first",
    "importlib.resources": "the grammar of conditions is read as the code is",
    "lark": "the grammar of conditions is a parser's: text in, a tree out",
    "hashlib": "codes are cut from the random bits that come in as an argument",
    "msgspec": "events and entities",
    "pydantic": "commands",
    "pydantic_core": "what is accepted, in a field's own words",
    "coordinator.core": "itself",
}

# Modules that reach out of the process or make two runs differ.
WORLD = frozenset(
    {"time", "random", "secrets", "threading", "socket", "select", "selectors", "multiprocessing", "subprocess", "concurrent.futures",
     "sched", "signal", "uuid", "ssl", "http.client", "urllib.request"}
)  # fmt: skip
CALLS = frozenset(
    {"os.urandom", "asyncio.sleep", "asyncio.to_thread", "datetime.now", "datetime.utcnow", "datetime.today", "date.today",
     "run_in_executor", "asyncio.start_server", "asyncio.open_connection", "call_later", "call_at"}
)  # fmt: skip

ALLOWED = {
    "coordinator/clock.py": "the sale's clock: everybody else asks it",
    "coordinator/journal/": "durable: threads that wait for the disk, incarnations and salts",
    "coordinator/contacts.py": "durable: threads that wait for the disk",
    "coordinator/fanout/": "connections: when a pass is made",
    "coordinator/gateway/": "connections: heartbeats, tokens, cookies",
    "coordinator/conductor.py": "waits for its clock, gives the loop back, and waits for a journal that is gone",
    "coordinator/record.py": "gives the loop back between two parts of a long journal",
    "coordinator/follower.py": "rests before it reads again a journal that cannot be read",
    "coordinator/shared_registry.py": "leases live in real time",
    "coordinator/desk.py": "who comes within a blink is told of together",
    "coordinator/registry.py": "watches the wall clock for steps; ids of new sales",
    "coordinator/settings.py": "the signing key that is made at the first start",
    "coordinator/runsheet/cli.py": "`sheet check` says that a planned start lies in the past",
    "coordinator/runsheet/pictures.py": "asks the net of pictures, for `sheet check --images` alone",
    "coordinator/demo/": "a simulated audience lives in time and by seeded chance",
    "roles/relay/": "a process of its own: its lease, windows and clock",
    "replay/": "reads a journal in a thread, so that a service that reviews itself goes on; plays a past sale in time",
}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def calls(tree: ast.AST) -> Iterator[str]:
    yield from (ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call))


def is_of(module: str, known: object) -> bool:
    parts = module.split(".")
    return any(".".join(parts[:n]) in known for n in range(1, len(parts) + 1))  # type: ignore[operator]


def touches(source: str) -> set[str]:
    """What a source uses of the world outside the process."""
    tree = ast.parse(source)
    found = {m for m in imports(tree) if is_of(m, WORLD)}
    return found | {c for c in calls(tree) if any(c == each or c.endswith("." + each) for each in CALLS)}


@pytest.mark.parametrize("path", CORE, ids=name)
def test_the_core_imports_what_is_pure(path: Path) -> None:
    strange = {
        m for m in imports(ast.parse(path.read_text())) if not is_of(m, CORE_MAY_IMPORT) and m not in {"collections"}
    }
    assert not strange, f"{name(path)} imports {strange}"


@pytest.mark.parametrize("path", CORE, ids=name)
def test_the_core_opens_nothing_and_asks_nobody(path: Path) -> None:
    used = {c.rpartition(".")[2] for c in calls(ast.parse(path.read_text()))}
    assert not used & {
        "open",
        "input",
        "print",
        "exec",
        "eval",
        "__import__",
        "urandom",
        "now",
        "today",
        "hash",
        "id",
        "getenv",
    }


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_few_places_touch_time_chance_threads_or_sockets(path: Path) -> None:
    if any(name(path).startswith(allowed) for allowed in ALLOWED):
        return
    found = touches(path.read_text())
    assert not found, f"{name(path)} uses {sorted(found)}: ask coordinator.clock, or write the reason into ALLOWED"


def test_every_exception_is_needed() -> None:
    for allowed in ALLOWED:
        of = [p for p in SOURCES if name(p).startswith(allowed)]
        assert any(touches(p.read_text()) for p in of), f"{allowed} needs no exception any more"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_file_that_is_too_long_is_two(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_LINES


@pytest.mark.parametrize(
    "source",
    ["import time", "from time import monotonic", "import os\nos.urandom(4)", "from datetime import datetime\ndatetime.now()",
     "import asyncio\nasyncio.sleep(1)", "import concurrent.futures", "from concurrent.futures import ThreadPoolExecutor"],
)  # fmt: skip
def test_the_test_sees_what_it_looks_for(source: str) -> None:
    assert touches(source)


def test_the_allow_list_names_modules_that_there_are() -> None:
    known = set(sys.stdlib_module_names) | {"msgspec", "pydantic", "pydantic_core", "lark", "coordinator"}
    assert {m.partition(".")[0] for m in CORE_MAY_IMPORT} <= known
