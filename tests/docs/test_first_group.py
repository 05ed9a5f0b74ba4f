"""docs/first-group.md: its sheet and its relay's file are taken as they stand."""

from __future__ import annotations

import re
import time
from pathlib import Path

from coordinator.runsheet import load_plan
from roles.relay.config import load

PAGE = (Path(__file__).parents[2] / "docs" / "first-group.md").read_text("utf-8")
SHEET, RELAY = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_the_sheet_of_the_page_can_be_used() -> None:
    plan, _, findings = load_plan(SHEET, "first.yaml", None, time.time_ns() // 1_000_000)
    assert plan is not None
    assert {f.severity for f in findings} == {"inform"}


def test_the_relay_of_the_page_reaches_the_sheets_group(tmp_path: Path) -> None:
    (tmp_path / "relay.yaml").write_text(RELAY, "utf-8")
    config = load(tmp_path / "relay.yaml", {"DROPCUE_RELAY_TOKEN": "planted", "WECOM_KEY": "planted"})
    assert [route.group.id for route in config.routes.all()] == ["g1"]
    assert config.warnings == ()
