"""Sheets as workbooks: read with the cell of each fault, written so that a person goes on with them."""

from __future__ import annotations

import io
import struct
import zipfile
from datetime import datetime, time
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from coordinator.runsheet.reading import Reading, read_sheet
from coordinator.runsheet.ready import KINDS, ready_sheet
from coordinator.runsheet.source import from_yaml
from coordinator.runsheet.xlsx import to_xlsx
from coordinator.runsheet.xlsx.archive import MAX_UNPACKED
from coordinator.runsheet.xlsx.columns import tabs

NOW = 1_792_998_000_000
TABS: dict[str, list[list[Any]]] = {
    "场次": [
        ["项目", "内容"],
        ["标题", "厨房专场"],
        ["类型", "快闪群"],
        ["时区", "Asia/Shanghai"],
        ["开始", datetime(2026, 11, 11, 20, 0)],  # noqa: DTZ001 - a cell has no zone
        ["自动开场", "是"],
        ["销售目标", 50000],
    ],
    "团队": [["人员", "角色"], ["lin", "主播"], ["li", "场控"]],
    "群": [["编号", "名称", "标签", "群助手", "人数"], ["g1", "VIP 1 群", "kitchen、老客", "r1\nr2", 187]],
    "商品": [["编号", "名称", "产品线", "价格", "网址"], ["pan", "不粘锅", "爆款", 129.9, "https://shop.example/pan"]],
    "优惠券": [
        ["编号", "类型", "标题", "满", "减", "数量", "有效期"],
        ["c20", "满减", "满100减20", 100, "20.00", 500, "2h"],
    ],
    "环节": [
        ["编号", "类型", "商品", "时间", "时长"],
        ["open", "开场", "", "", "5m"],
        ["intro", "产品", "pan", time(20, 10), "3m"],
    ],
    "节点": [
        ["环节", "时间", "动作", "任务给", "优惠券", "群", "文案", "确认人"],
        ["intro", "start", "product.show", "", "", "", "", ""],
        ["", "+60s", "", "气氛组", "", "", "这口锅好吗?\n燃气灶能用吗?", ""],
        ["", "end", "发券", "", "c20", "all", "领券啦\n{coupon}", "场控 within 2m"],
    ],
}


def workbook(tabs_: dict[str, list[list[Any]]], change: Any = None) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False}) as book:
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        for name, rows in tabs_.items():
            page = book.add_worksheet(name)
            for y, row in enumerate(rows):
                for x, cell in enumerate(row):
                    if isinstance(cell, datetime | time):
                        page.write_datetime(y, x, cell, moment)
                    else:
                        page.write(y, x, cell)
            if change is not None:
                change(name, page)
    return out.getvalue()


def read(tabs_: dict[str, list[list[Any]]] = TABS, change: Any = None) -> Reading:
    return read_sheet(workbook(tabs_, change), "sheet.xlsx")


def with_cell(tab: str, row: int, column: int, value: Any) -> dict[str, list[list[Any]]]:
    changed = {name: [list(cells) for cells in rows] for name, rows in TABS.items()}
    changed[tab][row][column] = value
    return changed


def test_a_workbook_in_chinese_says_what_the_same_sheet_says_in_yaml() -> None:
    sheet = read().sheet
    assert sheet is not None, read().findings
    assert sheet == read_sheet({
        "title": "厨房专场", "kind": "flash", "timezone": "Asia/Shanghai", "start": "2026-11-11 20:00", "auto_start": True,
        "targets": {"sales": "50000"},
        "team": [{"person": "lin", "role": "host"}, {"person": "li", "role": "controller"}],
        "groups": [{"id": "g1", "name": "VIP 1 群", "tags": ["kitchen", "老客"], "relay": ["r1", "r2"], "members": 187}],
        "products": [{"id": "pan", "name": "不粘锅", "line": "hit", "price": "129.9", "url": "https://shop.example/pan"}],
        "coupons": [{"id": "c20", "kind": "threshold", "title": "满100减20", "over": "100", "off": "20.00", "quantity": 500, "valid": "2h"}],
        "segments": [
            {"id": "open", "kind": "opening", "lasts": "5m"},
            {"id": "intro", "kind": "product", "product": "pan", "at": "20:10", "lasts": "3m", "cues": [
                {"at": "start", "do": "product.show"},
                {"at": "+60s", "task": "cheer", "text": ["这口锅好吗?", "燃气灶能用吗?"]},
                {"at": "end", "do": "coupon.drop", "coupon": "c20", "groups": "all", "text": "领券啦\n{coupon}", "confirm": "controller within 2m"},
            ]},
        ],
    }).sheet  # fmt: skip


def test_heads_are_read_in_either_language_or_both() -> None:
    heads = {"环节": ["id", "kind", "商品 product", "at", "*时长 lasts*"]}
    changed = {name: [heads.get(name, rows[0]), *rows[1:]] for name, rows in TABS.items()}
    assert read(changed).sheet == read().sheet
    renamed = {{"团队": "team", "节点": "节点 cues"}.get(name, name): rows for name, rows in TABS.items()}
    assert read(renamed).sheet == read().sheet


@pytest.mark.parametrize(
    ("tab", "row", "column", "value", "cell", "words"),
    [
        ("环节", 1, 4, "", "环节!E2", "lasts is missing"),
        ("环节", 2, 2, "wok", "环节!C3", "there is no product wok"),
        ("环节", 0, 4, "时长长", "环节!E1", "did you mean 时长 lasts?"),
        ("节点", 1, 0, "ending", "节点!A2", "there is no segment 'ending'; known are open, intro"),
        ("节点", 3, 4, "c30", "节点!E4", "there is no coupon c30"),
        ("商品", 1, 3, "129元", "商品!D2", "129元"),
        ("商品", 1, 2, "网红款", "商品!C2", "is not one of lead"),
        ("群", 1, 4, "很多", "群!E2", "no whole number"),
        ("优惠券", 1, 5, 2.5, "优惠券!F2", "whole number"),
        ("场次", 3, 1, "Shanghai", "场次!B4", "no time zone"),
        ("场次", 5, 1, "大概", "场次!B6", "neither 是"),
    ],
)
def test_a_fault_is_said_with_its_cell(tab: str, row: int, column: int, value: Any, cell: str, words: str) -> None:
    (finding, *_) = read(with_cell(tab, row, column, value)).findings
    assert finding.severity == "error"
    assert cell in f"{finding.where} {finding.message}"
    assert words in finding.message


@pytest.mark.parametrize(
    ("price", "accepted"),
    [("129.00", True), (129, True), ("1e9", False), (-1, False), ("0.001", False), ("129元", False), (True, False)],
)
def test_a_price_is_exact_money_or_said_to_be_none(price: Any, accepted: bool) -> None:
    reading = read(with_cell("商品", 1, 3, price))
    assert (reading.sheet is not None) is accepted
    if not accepted:
        assert reading.findings[0].where == "商品!D2"


@pytest.mark.parametrize("kind", KINDS)
def test_a_ready_sheet_is_the_same_after_it_was_a_workbook(kind: str) -> None:
    sheet = from_yaml(ready_sheet(kind, now_ms=NOW)).value
    assert read_sheet(to_xlsx(sheet), "x.xlsx").sheet == read_sheet(sheet).sheet


def test_every_field_of_a_sheet_has_a_column_and_a_tab() -> None:
    names = {f"{tab.field}.{column.field}" for tab in tabs() for column in tab.columns}
    assert {".title", ".targets.sales", "cues.segment", "cues.when", "segments.lasts"} <= names
    assert not any(column.zh == column.title and column.needed for tab in tabs() for column in tab.columns)


@settings(max_examples=30)
@given(st.sampled_from(["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://evil")', "\t=1", "http://evil.example"]))
def test_no_text_of_a_sheet_becomes_a_formula_or_an_address(text: str) -> None:
    sheet = {"title": text, "products": [{"id": "p", "name": text, "price": "1"}]}
    data = to_xlsx(sheet)
    parts = zipfile.ZipFile(io.BytesIO(data))
    pages = b"".join(parts.read(name) for name in parts.namelist() if name.startswith("xl/worksheets/sheet"))
    assert b"<f>" not in pages
    assert b"<hyperlink" not in pages
    assert CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_name("场次 sale").to_python()[1][1] == text


class TestAFileThatIsNone:
    def error(self, data: bytes) -> str:
        reading = read_sheet(data, "sheet.xlsx")
        assert reading.sheet is None
        (finding,) = reading.findings
        assert (finding.severity, finding.rule) == ("error", "SHEET")
        return finding.message

    def test_is_said_to_be_no_workbook(self) -> None:
        assert "no .xlsx workbook" in self.error(b"title: x\n")
        assert "no .xlsx workbook" in self.error(b"PK\x03\x04 and nothing that follows")
        assert "no .xlsx workbook" in self.error(b"")
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as packed:
            packed.writestr("a.txt", "hello")
        assert "no workbook" in self.error(archive.getvalue())

    def test_with_a_password_or_of_an_old_kind_is_said_to_be_so(self) -> None:
        assert "password" in self.error(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000))

    def test_that_unpacks_to_far_more_is_refused_whatever_length_it_states(self) -> None:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr("xl/workbook.xml", "<workbook/>")
            packed.writestr("xl/worksheets/sheet1.xml", bytes(MAX_UNPACKED + 1))
        data = archive.getvalue()
        assert len(data) < 1_000_000
        assert "unpacks to more than" in self.error(data)
        lying = data.replace(struct.pack("<I", MAX_UNPACKED + 1), struct.pack("<I", 100))
        assert "damaged" in self.error(lying) or "unpacks" in self.error(lying)

    def test_with_merged_cells_says_which(self) -> None:
        def merge(name: str, page: Any) -> None:
            if name == "节点":
                page.merge_range(1, 0, 3, 0, "intro")

        assert "节点!A2:A4 are merged cells" in self.error(workbook(TABS, merge))

    def test_with_a_formula_says_where(self) -> None:
        def formula(name: str, page: Any) -> None:
            if name == "商品":
                page.write_formula(1, 3, "=100+29", None, 129)

        assert "D2 holds a formula" in self.error(workbook(TABS, formula))

    def test_with_a_hundred_thousand_rows_is_refused(self) -> None:
        rows = [["编号"], *([f"g{n}"] for n in range(100_000))]
        assert "more than 5,000 rows" in self.error(workbook({**TABS, "群": rows}))

    def test_without_any_tab_of_a_sheet_says_which_there_are(self) -> None:
        assert "none of the tabs" in self.error(workbook({"Sheet1": [["hello"]]}))

    @given(st.binary(max_size=300), st.integers(0, 3000))
    @settings(max_examples=60, deadline=None)
    def test_whatever_is_damaged_is_said_and_raises_nothing(self, noise: bytes, at: int) -> None:
        good = workbook(TABS)
        reading = read_sheet(good[:at] + noise + good[at + len(noise) :], "sheet.xlsx")
        assert reading.sheet is not None or reading.findings


def test_a_coupon_s_window_and_worth_go_into_a_workbook_and_come_back() -> None:
    sheet = {
        "title": "厨房专场", "kind": "flash", "timezone": "Asia/Shanghai", "start": "2026-11-11 20:00",
        "products": [{"id": "pan", "name": "不粘锅", "price": "129.00"}],
        "coupons": [
            {"id": "hot", "kind": "flash", "title": "秒杀", "price": "99.00", "products": ["pan"], "quantity": 5, "from": "+1m", "until": "21:00"},
            {"id": "ten", "kind": "percent", "title": "9折", "percent": "9折", "quantity": 5, "exclusive": False},
        ],
    }  # fmt: skip
    found = read_sheet(to_xlsx(sheet), name="sale.xlsx")
    assert found.sheet == read_sheet(sheet).sheet, found.findings
