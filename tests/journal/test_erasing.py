"""What members said can be erased for good, and the record stays whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coordinator.errors import JournalError
from coordinator.journal.erasing import HELD_SECONDS, nobody_serves
from coordinator.journal.redis import RedisJournal
from coordinator.journal.redis_leases import RedisLeases
from tests.client import KEY, token
from tests.redis_server import RedisServer, standalone
from tests.server import InProcess, dropcue
from tests.sheet import sheet

WORDS = {"wang": "想要红色的锅", "wang2": "还有红色吗", "li": "谢谢主播"}


@pytest.fixture(scope="module")
def shared() -> Iterator[RedisServer]:
    with standalone() as server:
        yield server


async def talk(room: InProcess) -> str:
    """A sale in which three pseudonyms of two members spoke, and somebody of the team did."""
    sale = await room.sale(sheet(), live=True)
    relay = await room.join(sale, "relay", "r1")
    for member, words in WORDS.items():
        await relay.done("group.observe", group="g1", what="message", member=member, name=f"名{member}", text=words)
    await relay.done("group.observe", group="g1", what="message", staff="mei", text="大家看这里")
    await relay.done("member.link", a="wang", b="wang2")
    contacts = [{"member": "wang2", "contact": "wx: wang"}, {"member": "li", "contact": "wx: li"}]
    handed = await room.http(
        "PUT", f"/api/sales/{sale}/contacts", token("shop", sale=sale), json={"contacts": contacts}
    )
    assert handed.status == 200, handed.text
    return sale


def said(events: list[dict[str, Any]]) -> list[str | None]:
    return [e.get("text") for e in events if e["kind"] == "group.message"]


def in_files(folder: Path) -> str:
    return "".join(path.read_bytes().decode(errors="ignore") for path in folder.rglob("*") if path.is_file())


async def reviewed(sale: str, *where: str) -> dict[str, Any]:
    code, out, err = await dropcue("review", sale, *where, "--json")
    assert code == 0, err
    figures: dict[str, Any] = json.loads(out)
    return figures


async def test_the_words_of_a_member_are_gone_under_each_pseudonym_and_the_record_verifies(tmp_path: Path) -> None:
    data = tmp_path / "data"
    room = InProcess(data)
    await room.start()
    sale = await talk(room)
    await room.stop()
    before = await dropcue("verify", sale, "--data", str(data))
    figures = await reviewed(sale, "--data", str(data))

    code, out, err = await dropcue("erase", sale, "--member", "wang", "--data", str(data), "--json")
    assert code == 0, err
    assert json.loads(out)["contacts"] == 1
    left = in_files(data)
    for gone in (WORDS["wang"], WORDS["wang2"], "名wang", "wx: wang"):
        assert gone not in left
    for stays in (WORDS["li"], "名li", "wx: li", "大家看这里"):
        assert stays in left
    assert await dropcue("verify", sale, "--data", str(data)) == before
    assert await reviewed(sale, "--data", str(data)) == figures

    room = InProcess(data)
    await room.start()
    assert said(await room.events(sale)) == [None, None, WORDS["li"], "大家看这里"]
    support = await room.join(sale, "support", "chen")
    assert WORDS["wang"] not in json.dumps(support.state, ensure_ascii=False)
    await room.stop()


async def test_the_words_of_all_members_are_gone_and_those_of_the_team_stay(tmp_path: Path) -> None:
    data = tmp_path / "data"
    room = InProcess(data)
    await room.start()
    sale = await talk(room)
    await room.stop()
    code, out, err = await dropcue("erase", sale, "--everybody", "--data", str(data))
    assert code == 0, err
    assert "2 contacts" in out
    assert "Backups" in out
    left = in_files(data)
    assert not [w for w in (*WORDS.values(), "wx: wang", "wx: li") if w in left]
    assert "大家看这里" in left
    again = json.loads((await dropcue("erase", sale, "--everybody", "--data", str(data), "--json"))[1])
    assert again == {"sale": sale, "events": 0, "contacts": 0}


async def test_words_in_a_redis_are_erased_while_no_node_runs_on_it(shared: RedisServer, tmp_path: Path) -> None:
    room = InProcess(tmp_path / "data", redis=shared.url)
    await room.start()
    sale = await talk(room)
    code, _, err = await dropcue("erase", sale, "--everybody", "--redis", shared.url)
    assert (code, "stop all nodes" in err) == (1, True), err
    assert said(await room.events(sale))[0] == WORDS["wang"]
    await room.stop()
    code, _, err = await dropcue("erase", sale, "--member", "wang2", "--redis", shared.url)
    assert code == 0, err
    room = InProcess(tmp_path / "data", redis=shared.url)
    await room.start()
    assert said(await room.events(sale)) == [None, None, WORDS["li"], "大家看这里"]
    await room.stop()
    assert (await dropcue("verify", sale, "--redis", shared.url))[0] == 0


async def test_nobody_takes_up_a_sale_while_its_words_are_erased(shared: RedisServer) -> None:
    journal = await RedisJournal.open(shared.url)
    leases = RedisLeases(journal.link)
    async with nobody_serves(leases, "one"):
        assert not await leases.acquire("one", "a node", HELD_SECONDS)
        with pytest.raises(JournalError, match="stop all nodes"):
            async with nobody_serves(leases, "one"):
                pass
    assert await leases.acquire("one", "a node", HELD_SECONDS)
    await journal.close()


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["kitchen"], 2, "say whose words"),
        (["kitchen", "--everybody", "--member", "m1"], 2, "say whose words"),
        (["kitchen", "--everybody"], 1, "kitchen"),
    ],
)
async def test_what_cannot_be_erased_is_said(tmp_path: Path, options: list[str], code: int, says: str) -> None:
    room = InProcess(tmp_path / "data")
    await room.start()
    sale = await talk(room)
    served = await dropcue("erase", sale, "--everybody", "--data", str(tmp_path / "data"), env={"DROPCUE_KEY": KEY})
    assert served[0] == 3, served
    await room.stop()
    unknown = await dropcue("erase", sale, "--member", "nobody", "--data", str(tmp_path / "data"))
    assert (unknown[0], "nothing was erased" in unknown[2]) == (1, True), unknown
    ended = await dropcue("erase", *options, "--data", str(tmp_path / "data"))
    assert (ended[0], says in ended[2]) == (code, True), ended
    nowhere = await dropcue("erase", "kitchen", "--everybody", "--data", str(tmp_path / "none"))
    assert nowhere[0] == 3, nowhere
    assert not (tmp_path / "none").exists()
