"""What was understood of a sheet, shown to who wrote it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from coordinator.runsheet.cli import app
from coordinator.runsheet.source import from_yaml
from coordinator.runsheet.understood import Understood, understood
from coordinator.runsheet.xlsx import to_xlsx

Load = Callable[..., Any]


def show(*args: str | Path) -> Result:
    return CliRunner().invoke(app, ["show", *(str(each) for each in args)], env={"COLUMNS": "220"})


def read(load: Load, sheet: Any) -> Understood:
    plan, _, findings = load(sheet)
    assert plan is not None, findings
    return understood(plan)


def cues(sale: Understood) -> dict[str, Any]:
    return {cue["id"]: cue for segment in sale["segments"] for cue in segment["cues"]}


def test_each_cue_stands_at_its_local_time_in_the_order_in_which_they_come(load: Load, small: Any) -> None:
    sale = read(load, small)
    assert (sale["start_local"], sale["timezone"]) == ("2026-11-11 20:00:00", "Asia/Shanghai")
    (segment,) = sale["segments"]
    assert (segment["start_local"], segment["end_local"]) == ("2026-11-11 20:00:00", "2026-11-11 20:03:00")
    assert [(cue["id"], cue["local"]) for cue in segment["cues"]] == [
        ("intro.1", "2026-11-11 20:00:00"),
        ("intro.4", "2026-11-11 20:00:30"),
        ("intro.3", "2026-11-11 20:01:00"),
        ("link", "2026-11-11 20:03:00"),
    ]


def test_a_cue_says_whom_it_reaches_within_what_its_coupon_allows(load: Load, small: Any) -> None:
    small["coupons"][0]["groups"] = "tier:fan"
    small["segments"][0]["cues"].append({"id": "all", "at": "+2m", "do": "coupon.drop", "coupon": "c20"})
    found = cues(read(load, small))
    assert found["link"]["reach"] == {"groups": 2, "members": 187}
    assert found["intro.3"]["reach"] == {
        "groups": 0,
        "members": 0,
    }  # VIP groups only, and a coupon that is not for them
    assert found["all"]["reach"] == {"groups": 1, "members": 0}
    assert found["intro.4"]["reach"] is None


def test_a_condition_and_a_word_of_a_person_are_said(load: Load, small: Any) -> None:
    small["segments"][0]["cues"] += [
        {"id": "few", "when": "coupon c20 left <= 10%", "prompt": "host", "text": "券不多了"},
        {"id": "asked", "at": "+90s", "do": "link.drop", "link": "room", "confirm": {"role": "controller", "within": "2m"}},
    ]  # fmt: skip
    found = cues(read(load, small))
    assert (found["few"]["at"], found["few"]["local"], found["few"]["when"]) == (None, None, "coupon c20 left <= 10%")
    assert list(found) == ["intro.1", "intro.4", "intro.3", "asked", "link", "few"]
    assert (found["asked"]["confirm"], found["asked"]["about"]) == ("controller within 2m", "room")


def test_the_hours_are_those_of_the_sheets_zone_over_a_change_of_its_clocks(load: Load, small: Any) -> None:
    small |= {"timezone": "Europe/Berlin", "start": "2026-10-25 01:30"}
    small["segments"][0]["lasts"] = "3h"
    sale = read(load, small)
    assert sale["segments"][0]["end_local"] == "2026-10-25 03:30:00"  # an hour came twice that night


def test_show_prints_the_run_of_show_and_what_the_checks_find(tmp_path: Path, example: bytes) -> None:
    file = tmp_path / "sheet.yaml"
    file.write_bytes(example)
    result = show(file)
    assert result.exit_code == 0, result.output
    for word in (
        "2026-11-11",
        "19:50:00",
        "signin",
        "checkin.open",
        "warmup",
        "coupon c20 left <= 10%",
        "waits for controller",
    ):
        assert word in result.stdout, word  # fmt: skip


def test_show_names_the_cell_of_what_is_wrong_in_a_workbook(tmp_path: Path, example: bytes) -> None:
    sheet = from_yaml(example.decode()).value
    sheet["coupons"][0]["quantity"] = 0
    (tmp_path / "bad.xlsx").write_bytes(to_xlsx(sheet))
    result = show(tmp_path / "bad.xlsx")
    assert result.exit_code == 1
    assert "优惠券 coupons!F2" in result.stdout
    sheet["coupons"][0]["quantity"] = 500
    sheet["segments"][1]["cues"][2]["text"] = "国家级 {link}"
    (tmp_path / "blocked.xlsx").write_bytes(to_xlsx(sheet))
    result = show(tmp_path / "blocked.xlsx", "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == 1
    assert told["sheet"]["segments"][1]["id"] == "pan-intro"  # it can be read, and is shown
    assert told["findings"][0]["rule"] == "AD-ABS"
    assert told["findings"][0]["where"].startswith("节点 cues!")
