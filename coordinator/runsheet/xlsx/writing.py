"""From what a sheet says to a workbook that a person can go on with: lists to choose from, notes on the columns."""

from __future__ import annotations

import io
import json
from typing import Any

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from coordinator.runsheet.xlsx.columns import Column, Tab, tabs, zh_of

ROOM = 500  # rows below the head that get the lists to choose from
_WIDE = {"text": 52, "script": 40, "points": 28, "note": 24, "url": 34, "do": 18, "groups": 22, "title": 26, "name": 20}
_LIST_LIMIT = 255  # characters of a list to choose from: what spreadsheets take


def to_xlsx(sheet: dict[str, Any]) -> bytes:  # Any: what a sheet says, as JSON would say it
    """The workbook. Read again it says the same. No text becomes a formula or an address to click on."""
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as workbook:
        head = workbook.add_format(
            {"bold": True, "bg_color": "#E8EDF3", "border": 1, "text_wrap": True, "valign": "top"}
        )
        needed = workbook.add_format(
            {"bold": True, "bg_color": "#FFE9C7", "border": 1, "text_wrap": True, "valign": "top"}
        )
        cell = workbook.add_format({"text_wrap": True, "valign": "top", "num_format": "@"})
        for tab in tabs():
            page = workbook.add_worksheet(tab.title)
            page.set_default_row(18)
            if tab.field == "":
                _own(page, tab, sheet, head, needed, cell)
            else:
                _list(page, tab, _entries(tab, sheet), head, needed, cell)
    return out.getvalue()


def _entries(tab: Tab, sheet: dict[str, Any]) -> list[dict[str, Any]]:
    if tab.field != "cues":
        return list(sheet.get(tab.field) or ())
    return [
        {"segment": segment.get("id"), **cue}
        for segment in sheet.get("segments") or ()
        for cue in segment.get("cues") or ()
    ]


def _own(page: Worksheet, tab: Tab, sheet: dict[str, Any], head: Any, needed: Any, cell: Any) -> None:
    page.set_column(0, 0, 26)
    page.set_column(1, 1, 46)
    page.write_string(0, 0, "项目 field", head)
    page.write_string(0, 1, "内容 value", head)
    page.freeze_panes(1, 0)
    for row, column in enumerate(tab.columns, 1):
        page.write_string(row, 0, column.title, needed if column.needed else head)
        value: Any = sheet
        for part in column.field.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        _write(page, row, 1, column, value, {}, cell)
        _choose(page, column, row, row, 1)
        if column.note:
            page.write_comment(row, 0, column.note, {"x_scale": 2})


def _list(page: Worksheet, tab: Tab, entries: list[dict[str, Any]], head: Any, needed: Any, cell: Any) -> None:
    page.freeze_panes(1, 1)
    for at, column in enumerate(tab.columns):
        page.write_string(0, at, column.title, needed if column.needed else head)
        page.set_column(at, at, _WIDE.get(column.field, 14))
        if column.note:
            page.write_comment(0, at, column.note, {"x_scale": 2})
        _choose(page, column, 1, max(ROOM, len(entries)), at)
    for row, entry in enumerate(entries, 1):
        for at, column in enumerate(tab.columns):
            value = entry.get(column.field)
            if column.field == "again_after" and value is None:
                value = entry.get("again after")
            _write(page, row, at, column, value, entry, cell)


def _write(page: Worksheet, row: int, at: int, column: Column, value: Any, entry: dict[str, Any], cell: Any) -> None:
    if value is None or value == []:
        page.write_blank(row, at, None, cell)
    elif column.shape == "count" and isinstance(value, int):
        page.write_number(row, at, value)
    else:
        page.write_string(row, at, shown(column, value, entry), cell)


def shown(column: Column, value: Any, entry: dict[str, Any]) -> str:
    """What a cell shows of a value."""
    if column.shape == "yes":
        return "是" if value else "否"
    if column.shape == "choice":
        if isinstance(value, dict):  # `confirm`, written out
            return str(value["role"]) + (f" within {value['within']}" if value.get("within") else "")
        first, _, rest = str(value).partition(" ")
        return f"{zh_of(first, column.options)} {rest}" if rest else zh_of(first, column.options)
    if isinstance(value, list) and all(type(each) in {str, int} for each in value) and column.shape != "json":
        return "\n".join(str(each) for each in value)
    if column.field == "late" and isinstance(value, dict):
        return f"{value['rule']} {'within' if value['rule'] == 'fire' else 'after'} {value['within']}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _choose(page: Worksheet, column: Column, first: int, last: int, at: int) -> None:
    options = ["是", "否"] if column.shape == "yes" else [zh_of(option, column.options) for option in column.options]
    if options and len(",".join(options)) <= _LIST_LIMIT:
        page.data_validation(first, at, last, at, {"validate": "list", "source": options, "error_type": "warning"})
