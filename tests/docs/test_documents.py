"""The documents say what is: their commands, links, tables and examples are held against the code."""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
import websockets
from aiohttp import ClientSession
from typer.main import get_command

from coordinator import cli, reading
from coordinator.core import CODES, TOPICS, Actor, cue_kinds, lots
from coordinator.core import conditions as core_conditions
from coordinator.core.plan import CouponKind
from coordinator.errors import DropcueError
from coordinator.gateway import wire
from coordinator.gateway.app import Service
from coordinator.gateway.pricing import Basket
from coordinator.record import Listener
from coordinator.registry import Sale
from coordinator.runsheet import checks, load_plan, model
from coordinator.settings import Settings
from roles.permissions import ROLES, may

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
WRITTEN = [
    README,
    ROOT / "CHANGELOG.md",
    *(
        DOCS / f"{n}.md"
        for n in (
            "for-stream-teams",
            "run-sheets",
            "protocol",
            "relay-kit",
            "relays",
            "first-group",
            "shops",
            "operations",
            "sizing",
            "architecture",
        )
    ),
]
PATIENCE_S = 20.0
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


@functools.cache
def text(path: Path) -> str:
    return path.read_text("utf-8")


def blocks(path: Path, language: str) -> list[str]:
    return [body for found, body in FENCE.findall(text(path)) if found == language]


def rows(path: Path, heading: str) -> list[list[str]]:
    """The first table below a heading, row by row, without its head."""
    _, _, below = text(path).partition(f"\n{heading}\n")
    assert below, f"{path.name} has no heading {heading!r}"
    found = re.search(r"(?:^\|.*\n)+", re.split(r"\n#+ ", below)[0], re.MULTILINE)
    assert found, f"{path.name} has no table below {heading!r}"
    lines = found[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def named(cell: str) -> list[str]:
    """What stands in backquotes."""
    return re.findall(r"`([^`\n]+)`", cell)


def spoken(path: Path) -> str:
    """The page without its blocks of code."""
    return FENCE.sub("", text(path))


# ---------------------------------------------------------------- commands
def test_the_readmes_first_block_is_the_two_commands() -> None:
    assert blocks(README, "sh")[0].split("\n") == ["make run", "make test", ""]


def make_targets() -> set[str]:
    return {
        name
        for line in re.findall(r"^([a-z][a-z -]*):", text(ROOT / "Makefile"), re.MULTILINE)
        for name in line.split()
    }


@pytest.mark.parametrize("path", WRITTEN, ids=lambda p: p.name)
def test_every_make_command_that_is_named_is_there(path: Path) -> None:
    in_code = "\n".join(body for _, body in FENCE.findall(text(path))) + "\n" + "\n".join(named(spoken(path)))
    said = set(re.findall(r"\bmake ([a-z][a-z-]*)", in_code))
    assert said <= make_targets()


@functools.cache
def subcommands() -> dict[str, Any]:
    """`serve` → its command, `sheet new` → its command …"""
    fresh = typer.Typer()
    fresh.registered_commands = [
        c for c in cli.app.registered_commands if c.callback in {cli.serve, cli.demo, cli.join}
    ]
    kept, cli.app = cli.app, fresh
    try:
        cli._add_parts()
        group: Any = get_command(fresh)
    finally:
        cli.app = kept
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        inner = getattr(command, "commands", None)
        if inner is None or command.invoke_without_command:
            found[name] = command
        if inner is not None:
            found |= {f"{name} {part}": one for part, one in inner.items()}
    return found


def test_every_subcommand_is_mentioned() -> None:
    together = "\n".join(text(path) for path in WRITTEN)
    assert {"serve", "verify", "sheet check"} <= set(subcommands())
    assert not [name for name in subcommands() if f"dropcue {name}" not in together]


@pytest.mark.parametrize("path", WRITTEN, ids=lambda p: p.name)
def test_every_dropcue_command_that_is_shown_exists_with_its_options(path: Path) -> None:
    in_code = [line for language, body in FENCE.findall(text(path)) if language == "sh" for line in body.splitlines()]
    for line in [*in_code, *named(spoken(path))]:
        words = line.partition("#")[0].replace(".venv/bin/", "").split()
        if words[:1] != ["dropcue"] or len(words) == 1:
            continue
        name = " ".join(words[1:3]) if " ".join(words[1:3]) in subcommands() else words[1]
        assert name in subcommands(), f"{path.name}: {line}"
        known = {option for one in subcommands()[name].params for option in one.opts} | {"--help"}
        assert {word for word in words if word.startswith("-")} <= known, f"{path.name}: {line}"


# ---------------------------------------------------------------- links and pictures
@pytest.mark.parametrize("path", WRITTEN, ids=lambda p: p.name)
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    for address in LINK.findall(spoken(path)):
        if address.startswith("https://"):
            continue
        file, _, part = address.partition("#")
        wanted = path if not file else (path.parent / file)
        assert wanted.exists(), f"{path.name}: {address}"
        if part:
            headings = re.findall(r"^#+ (.+)$", text(wanted), re.MULTILINE)
            assert part in {re.sub(r"[^\w\- ]", "", h).strip().lower().replace(" ", "-") for h in headings}, (
                f"{path.name}: {address}"
            )


def test_pictures_are_whole_and_small() -> None:
    for picture in sorted((DOCS / "images").iterdir()):
        data = picture.read_bytes()
        assert data.startswith(b"\x89PNG"), picture.name
        assert data.rstrip(b"\0").endswith(b"IEND\xaeB`\x82"), picture.name
        assert len(data) <= 300_000, picture.name


# ---------------------------------------------------------------- run sheets
def sheets() -> list[str]:
    return [body for body in blocks(DOCS / "run-sheets.md", "yaml") if body.startswith("title:")]


def test_every_example_sheet_can_be_used() -> None:
    assert sheets()
    for body in sheets():
        plan, _, findings = load_plan(body, "example.yaml", None, time.time_ns() // 1_000_000)
        assert plan is not None
        assert not [f for f in findings if f.severity in {"error", "block", "warn"}], findings


def fields_of(heading: str) -> set[str]:
    return {name for row in rows(DOCS / "run-sheets.md", heading) for name in named(row[0])}


@pytest.mark.parametrize(
    ("heading", "part"),
    [
        ("## Top level", model.Sheet), ("### `team`", model.Member), ("### `groups`", model.Group), ("### `products`", model.Product),
        ("### `coupons`", model.Coupon), ("### `segments` 环节", model.Segment), ("### `cues` 节点", model.Cue),
    ],
    ids=lambda x: x if isinstance(x, str) else x.__name__,
)  # fmt: skip
def test_each_field_of_a_sheet_is_described_and_no_other(heading: str, part: type[model.Part]) -> None:
    described = fields_of(heading)
    fields = {field.alias or name for name, field in part.model_fields.items()}
    assert described - {"again_after"} == fields - {"again_after"}


def test_each_kind_of_coupon_has_an_example_that_can_be_used() -> None:
    [examples] = [body for body in blocks(DOCS / "run-sheets.md", "yaml") if body.startswith("coupons:")]
    small = re.sub(r"coupons:\n(  .*\n)+", examples.strip() + "\n", sheets()[0].split("segments:")[0])
    plan, _, findings = load_plan(small + "segments: []\n", "example.yaml", None, time.time_ns() // 1_000_000)
    assert plan is not None, findings
    assert [each.kind for each in plan.coupons] == list(get_args(CouponKind))
    assert {f.rule for f in findings if f.severity == "warn" and f.where.startswith("coupons")} == {"INDUCE"}


def test_kinds_and_things_a_cue_can_do_are_all_described() -> None:
    page = text(DOCS / "run-sheets.md")
    doing = {name for name in named(spoken(DOCS / "run-sheets.md")) if cue_kinds.kind_of(name) is not None}
    assert doing == set(cue_kinds.known())
    for values in (model.SheetKind, model.SegmentKind, model.ProductLine, model.LinkKind, model.TeamRole):
        for value in get_args(values):
            assert re.search(rf"`[^`]*\b{value}\b[^`]*`", page), value
    for placeholder in checks.PLACEHOLDERS:
        assert f"`{{{placeholder}}}`" in page, placeholder


# ---------------------------------------------------------------- other examples
def test_the_conditions_that_the_page_shows_can_be_read() -> None:
    shown = re.findall(r"^when: (.+)$", text(DOCS / "conditions.md"), re.MULTILINE)
    assert len(shown) >= 4
    for each in shown:
        assert core_conditions.parse(each)


def test_who_checks_a_draw_as_the_page_says_finds_its_winners() -> None:
    [body] = blocks(DOCS / "games.md", "python")
    names: dict[str, Any] = {}
    exec(body, names)  # noqa: S102 - it is our own page
    entries = [f"m{n}" for n in range(20)]
    found = names["winners"](lots.commit_of("seed"), "seed", entries, 3)
    assert found == lots.winners_of("seed", entries, 3)


def test_the_relays_configuration_is_a_good_one(tmp_path: Path) -> None:
    from roles.relay.config import load

    [body] = blocks(DOCS / "operations.md", "yaml")
    (tmp_path / "relay.yaml").write_text(body, "utf-8")
    found = load(tmp_path / "relay.yaml", {"DROPCUE_RELAY_TOKEN": "t"})
    assert found.routes.to("g1") is not None
    assert found.data == tmp_path / "relay-data"


def test_the_webhooks_examples_are_commands_that_a_shop_may_give_and_the_basket_can_be_priced() -> None:
    examples = [json.loads(body) for body in blocks(DOCS / "shops.md", "json")]
    for command in (each for each in examples if "kind" in each):
        read = reading.read(Actor("shop", "mall"), command, may)
        assert read.command is not None, read.refusal
    [asked] = [each for each in examples if "kind" not in each]
    Basket.model_validate(asked)


# ---------------------------------------------------------------- settings, codes, topics
def test_the_settings_table_is_the_codes() -> None:
    table = {row[0].strip("`"): row for row in rows(DOCS / "operations.md", "## Settings")}
    assert set(table) == {f"DROPCUE_{name.upper()}" for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        row = table[f"DROPCUE_{name.upper()}"]
        if field.default is not None:
            assert row[2] == f"`{field.default}`", name
        if name in {"data", "redis", "host", "port", "public"}:
            assert row[1] == f"`--{name}`"
            assert f"--{name}" in {option for one in subcommands()["serve"].params for option in one.opts}
    assert {f"DROPCUE_{name.upper()}" for name in Settings.model_fields} <= set(named(spoken(README)))


def test_the_close_codes_are_the_wires() -> None:
    table = {int(row[0]): row[1] for row in rows(DOCS / "protocol.md", "### Close codes")}
    known = {
        value
        for name, value in vars(wire).items()
        if name.isupper() and isinstance(value, int) and 4000 <= value < 4200
    }
    assert set(table) == known
    assert {code for code, back in table.items() if back == "no"} == {code for code in known if code >= wire.BAD_TOKEN}


def test_every_refusal_code_is_described_with_its_status() -> None:
    assert {row[0].strip("`"): int(row[1]) for row in rows(DOCS / "protocol.md", "### Refusals")} == CODES


def test_topics_roles_and_bounds_are_as_the_code_has_them() -> None:
    page = text(DOCS / "protocol.md")
    assert " ".join(TOPICS) in page.replace("\n", " ")
    assert all(f"`{role}`" in page for role in ROLES)
    assert f"{wire.MAX_MANY:,} commands" in page
    assert f"{wire.MAX_FRAME_BYTES >> 10} KiB" in page


def test_every_outcome_a_relay_may_report_is_described() -> None:
    from coordinator.core.deliveries import Outcome

    assert {row[0].strip("`") for row in rows(DOCS / "protocol.md", "## Deliveries")} == set(get_args(Outcome))


def test_no_document_holds_an_absolute_path_of_a_workplace_or_an_open_end() -> None:
    for path in WRITTEN:
        assert not re.search(r"/(?:root|home|work|tmp)/|TODO|FIXME|XXX", text(path)), path.name


# ---------------------------------------------------------------- a real server
@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    service = Service(Settings(data=tmp_path / "data", port=0, key="k" * 40))  # type: ignore[arg-type]  # pydantic makes the secret
    await service.start()
    yield service
    await service.stop()


async def live_sale(service: Service) -> Sale:
    sale, _ = await service.gateway.registry.create(sheets()[0].encode(), "example.yaml", None, start="now")
    for kind in ("show.arm", "show.start"):
        assert (await sale.conductor.do(Actor("owner", "zhao"), {"kind": kind})).ok
    return sale


def token(service: Service, role: str, name: str, sale: Sale) -> str:
    made, _ = service.gateway.tokens.make(role, name, sale=sale.id, expires=int(time.time()) + 600)
    return made


def the_relay() -> Callable[..., Awaitable[None]]:
    """The relay of docs/protocol.md, as it stands there."""
    [body] = blocks(DOCS / "protocol.md", "python")
    found: dict[str, Any] = {}
    exec(compile(body, "docs/protocol.md", "exec"), found)  # noqa: S102 - our own document
    return found["relay"]  # type: ignore[no-any-return]  # what a document holds has no type


class Post:
    """A platform that takes everything, but for the groups it is told to break in."""

    def __init__(self, *broken: str) -> None:
        self.broken, self.seen, self.late_ms = broken, {}, {}
        self.now: Callable[[], int] = lambda: 0

    async def __call__(self, group: str, content: dict[str, Any]) -> str:
        self.seen[group], self.late_ms[group] = content, self.now()
        if group in self.broken:
            raise TimeoutError("no answer")
        return f"m-{group}"


async def until(sale: Sale, holds: Callable[[], bool]) -> None:
    """Waits for a batch of events after which it holds."""
    changed = asyncio.Event()

    class Watch(Listener):
        def publish(self, _: object) -> None:
            changed.set()

    watch = Watch()
    sale.conductor.record.listeners.append(watch)
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                changed.clear()
                await changed.wait()
    finally:
        sale.conductor.record.listeners.remove(watch)


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_relay_of_the_protocol_brings_a_drop_into_its_groups_at_its_moment(service: Service) -> None:
    sale = await live_sale(service)
    post = Post("g2")
    post.now = sale.conductor.clock.now
    running = asyncio.create_task(the_relay()(service.settings.address(), token(service, "relay", "hall", sale), post))
    try:
        state = sale.conductor.state
        await until(sale, lambda: "hall" in state.relays and state.relays["hall"].here)
        dropped = await sale.conductor.do(
            Actor("controller", "li"),
            {"kind": "link.drop", "id": secrets.token_hex(4), "link": "room", "groups": "all"},
        )
        assert dropped.ok, dropped
        assert dropped.result is not None
        of_drop = state.by_drop[dropped.result["drop"]]
        await until(sale, lambda: {state.deliveries[d].status for d in of_drop.values()} == {"sent", "unknown"})
        assert state.deliveries[of_drop["g1"]].status == "sent"
        assert state.deliveries[of_drop["g1"]].platform_id == "m-g1"
        assert state.deliveries[of_drop["g2"]].status == "unknown"
        assert all("/l/" in content["link"] for content in post.seen.values())
        # Not before its moment: two clocks of one machine differ by the way of the welcome at most.
        assert all(at >= dropped.result["fire_at"] - 50 for at in post.late_ms.values())
    finally:
        await ended(running)


async def test_the_relay_of_the_protocol_sends_nothing_that_was_withdrawn(service: Service) -> None:
    sale = await live_sale(service)
    post = Post()
    running = asyncio.create_task(the_relay()(service.settings.address(), token(service, "relay", "hall", sale), post))
    try:
        state = sale.conductor.state
        await until(sale, lambda: "hall" in state.relays and state.relays["hall"].here)
        controller = Actor("controller", "li")
        dropped = await sale.conductor.do(
            controller, {"kind": "link.drop", "id": "a", "link": "room", "groups": "all", "text": "甲 {link}"}
        )
        assert dropped.result is not None
        drop = state.drops[dropped.result["drop"]]
        assert (await sale.conductor.do(controller, {"kind": "cue.skip", "id": "b", "cue": drop.cue})).ok
        # What comes after it arrives: the relay was awake, and passed the first one over.
        again = await sale.conductor.do(
            controller, {"kind": "link.drop", "id": "c", "link": "room", "groups": "all", "text": "乙 {link}"}
        )
        assert again.result is not None
        await until(sale, lambda: state.drops[again.result["drop"]].sent == 2)
        assert all(content["text"].startswith("乙") for content in post.seen.values())
        assert drop.sent == 0
    finally:
        await ended(running)


async def test_every_metric_is_listed_and_no_other(service: Service) -> None:
    async with ClientSession() as session, session.get(f"{service.settings.address()}/metrics") as answer:
        served = set(re.findall(r"^# TYPE (\S+)", await answer.text(), re.MULTILINE))
    assert {row[0].strip("`") for row in rows(DOCS / "operations.md", "## Health and metrics")} == served


async def test_every_address_is_described(service: Service) -> None:
    page = text(DOCS / "protocol.md")
    async with ClientSession() as session, session.get(f"{service.settings.address()}/openapi.json") as answer:
        paths = (await answer.json())["paths"]
    assert not [
        path for path in paths if f"{path}`" not in page and f"{path}?" not in page and f"{path}` {{" not in page
    ]


async def test_a_first_frame_that_is_no_hello_is_closed_as_the_table_says(service: Service) -> None:
    async with websockets.connect(service.settings.address().replace("http", "ws", 1) + "/ws") as line:
        await line.send('{"op":"ping"}')
        with pytest.raises(websockets.ConnectionClosed):
            await _to_the_end(line)
    assert line.close_code == wire.PROTOCOL


async def _to_the_end(line: Any) -> None:
    while True:
        await line.recv()


# ---------------------------------------------------------------- errors and exit codes
def errors(cls: type[DropcueError] = DropcueError) -> Iterator[type[DropcueError]]:
    yield cls
    for below in cls.__subclasses__():
        yield from errors(below)


def test_the_exit_codes_are_described() -> None:
    said = re.split(r"\n## ", text(DOCS / "operations.md").partition("\n## Exit codes\n")[2])[0]
    assert {error.exit_code for error in errors()} <= {int(n) for n in re.findall(r"\b([0-9]) [a-z]", said)}


def test_the_decorators_of_the_core_are_described() -> None:
    from coordinator.core import kernel

    page = text(DOCS / "architecture.md")
    for name in ("command", "decides", "evolves", "result_of", "current", "due_key", "moments"):
        assert inspect.isfunction(getattr(kernel, name))
        assert f"@{name}" in page
    for path in re.findall(r"`((?:coordinator|roles|replay|bench)/[\w/]*(?:\.py)?)`", page):
        assert (ROOT / path).exists() or path == "coordinator/core/chains.py", path


# ---------------------------------------------------------------- figures
MEASURED: dict[str, Any] = {
    "machine": {
        "at": "2026-11-22T08:00:00Z", "cpu": "A|B", "cores": 2, "memory_gib": 4.0, "kernel": "Linux 6", "python": "3.11.7",
        "sqlite": "3.40", "libraries": {"aiohttp": "3"}, "fdatasync_p50_ms": 0.5, "load_1m_before": 0.1, "redis_server": False,
    },
    "quick": True,
    "took_s": {"replay": 1.0},
    "replay": {"fold": {"events_s": 1000, "read_events_s": 2000, "verify_events_s": 3000}},
    "memory": {"failed": "OSError: no | room"},
}  # fmt: skip


def test_figures_carry_their_conditions_and_what_failed_says_so() -> None:
    from docs import figures

    page = figures.table(MEASURED)
    assert "A|B, 2 cores" in page
    assert "not to quote" in page
    assert "1,000" in page
    assert "no \\| room" in page
    assert all(line.startswith("|") and line.count("|") - line.count("\\|") == 6 for line in page.splitlines()[2:])


def test_the_page_on_sizing_names_subjects_that_the_bench_has() -> None:
    from bench.__main__ import SUBJECTS
    from docs import figures

    page = text(DOCS / "sizing.md")
    [asked] = re.findall(r"--only ([a-z,]+)", page)
    assert set(asked.split(",")) <= set(SUBJECTS)
    written = json.loads(figures.RESULTS.read_text("utf-8"))
    assert not written["quick"]
    assert figures.placed(page, figures.sizes(written), figures.SIZING_BEGIN, figures.SIZING_END) == page, (
        "run: python -m docs.figures"
    )


def test_figures_stand_between_the_readmes_markers_and_nowhere_else() -> None:
    from docs import figures

    page = text(README)
    once = figures.placed(page, "one")
    assert figures.placed(figures.placed(once, "two"), "one") == once
    assert once.partition(figures.BEGIN)[0] == page.partition(figures.BEGIN)[0]
    assert once.partition(figures.END)[2] == page.partition(figures.END)[2]
    with pytest.raises(ValueError, match="once each"):
        figures.placed("no markers", "one")
