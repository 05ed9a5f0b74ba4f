"""From a workbook to what the sheet says, with the cell of each part."""

from __future__ import annotations

import difflib
import io
import json
import re
from datetime import date, datetime, time, timedelta
from typing import Any

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from coordinator.runsheet.source import Path, Source, SourceError
from coordinator.runsheet.xlsx.archive import unpacked
from coordinator.runsheet.xlsx.columns import Column, Tab, tab_named, tabs, zh_of

MAX_ROWS = 5_000  # of a tab
MAX_COLUMNS = 200
_YES = {"是": True, "true": True, "yes": True, "1": True, "否": False, "false": False, "no": False, "0": False}
_BETWEEN_IDS = re.compile(r"[\n,，、;；]+")
_BETWEEN_LINES = re.compile(r"\n+")
_BETWEEN_SHORT_LINES = re.compile(r"[、;；|]+")

Cell = Any
"""What a cell holds: text, a number, true or false, a date or a time; empty text where nothing stands."""


def from_xlsx(data: bytes) -> Source:
    """What a workbook says, as a YAML file would say it. Raises `SourceError` with the cell."""
    clean, formulas = unpacked(data)
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(clean))
        found = {tab.field: (tab, sheet) for tab, sheet in _sheets(workbook)}
        reader = _Reader()
        for tab in tabs():
            if tab.field in found:
                reader.read(*found[tab.field])
    except SourceError:
        raise
    except CalamineError as error:
        raise SourceError(f"the workbook cannot be read ({_plain(error)}); open it and save it anew as .xlsx") from None
    except BaseException as error:
        # What goes wrong within the reader's own machine is told as a panic, which is no Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise SourceError("the workbook cannot be read; open it and save it anew as .xlsx") from None
    if not found:
        names = ", ".join(tab.title for tab in tabs())
        raise SourceError(
            f"the workbook has none of the tabs of a sheet: {names}; `dropcue sheet new flash -o sheet.xlsx` makes one"
        )
    if formulas:
        raise SourceError(
            f"cell {formulas[0]} holds a formula; copy it and paste its value there"
            + (f" ({len(formulas)} cells hold one)" if len(formulas) > 1 else "")
        )
    return Source(reader.value, reader.lines, reader.cells)


def _plain(error: Exception) -> str:
    return " ".join(str(error).split())[:120]


def _sheets(workbook: CalamineWorkbook) -> list[tuple[Tab, CalamineSheet]]:
    """The tabs that are part of a sheet; others are a person's own."""
    found: dict[str, tuple[Tab, CalamineSheet]] = {}
    for name in workbook.sheet_names:
        tab = tab_named(name)
        if tab is None:
            continue
        if tab.field in found:
            raise SourceError(f"the tab {name[:40]!r} stands twice, as {found[tab.field][1].name[:40]!r}; remove one")
        sheet = workbook.get_sheet_by_name(name)
        if sheet.total_height > MAX_ROWS or sheet.total_width > MAX_COLUMNS:
            raise SourceError(
                f"the tab {name[:40]!r} has more than {MAX_ROWS:,} rows or {MAX_COLUMNS} columns; delete the empty ones, "
                "or split the sale"
            )
        if merged := sheet.merged_cell_ranges:
            (top, left), (bottom, right) = merged[0]
            where = f"{name}!{_address(top, left)}:{_address(bottom, right)}"
            raise SourceError(f"{where} are merged cells; unmerge them and write the value in each row")
        found[tab.field] = (tab, sheet)
    return list(found.values())


class _Reader:
    def __init__(self) -> None:
        self.value: dict[str, Any] = {}  # Any: what a sheet says, before the model has read it
        self.lines: dict[Path, int] = {(): 1}
        self.cells: dict[Path, str] = {}
        self._segments: dict[str, int] = {}

    def read(self, tab: Tab, sheet: CalamineSheet) -> None:
        rows = [list(row) for row in sheet.to_python(skip_empty_area=False)]
        if tab.field == "":
            self._own(tab, sheet.name, rows)
        else:
            self._list(tab, sheet.name, rows)

    def _own(self, tab: Tab, name: str, rows: list[list[Cell]]) -> None:
        """The first tab: a field and its value in each row."""
        for number, row in enumerate(rows):
            head = _text(row[0]) if row else ""
            if not head or (number == 0 and head.casefold().split()[0] in {"项目", "field"}):
                continue
            column = tab.column(head)
            if column is None:
                self._strange(tab, head, name, number, 0)
                continue
            path = tuple(column.field.split("."))
            self._place(path, name, number, 1)
            cell = row[1] if len(row) > 1 else ""
            if cell == "":
                continue
            into = self.value
            for part in path[:-1]:
                into = into.setdefault(part, {})
            if path[-1] in into:
                raise SourceError(f"{_at(name, number, 0)}: {head[:40]} stands twice; remove one")
            into[path[-1]] = self._read_cell(column, cell, {}, name, number, 1)

    def _list(self, tab: Tab, name: str, rows: list[list[Cell]]) -> None:
        if not rows:
            return
        heads: list[Column | None] = []
        for at, head in enumerate(rows[0]):
            column = tab.column(_text(head)) if _text(head) else None
            if column is None and _text(head):
                self._strange(tab, _text(head), name, 0, at)
            if column is not None and column in heads:
                raise SourceError(f"{_at(name, 0, at)}: the column {_text(head)[:40]} stands twice; remove one")
            heads.append(column)
        segment = ""
        for number, row in enumerate(rows[1:], 1):
            cells = {
                column.field: (at, row[at])
                for at, column in enumerate(heads)
                if column is not None and at < len(row) and row[at] != ""
            }
            if not cells:
                continue
            if tab.field == "cues":
                segment = _text(cells.pop("segment", (0, segment))[1])
            path = self._path(tab, segment, name, number)
            entry: dict[str, Any] = {}
            self.lines[path] = number + 1
            self.cells[path] = _at(name, number, 0)
            for at, column in enumerate(heads):
                if column is not None:
                    self._place((*path, column.field), name, number, at)
            plain = {field: cell for field, (_, cell) in cells.items()}
            for column in (c for c in heads if c is not None and c.field in cells):
                at, cell = cells[column.field]
                entry[column.field] = self._read_cell(column, cell, plain, name, number, at)
            self._add(tab, path, entry, name, number)

    def _path(self, tab: Tab, segment: str, name: str, number: int) -> Path:
        if tab.field != "cues":
            return (tab.field, len(self.value.get(tab.field, ())))
        if segment not in self._segments:
            known = ", ".join(self._segments) or "none"
            why = f"there is no segment {segment[:40]!r}; known are {known}" if segment else "which segment is it of?"
            raise SourceError(f"{_at(name, number, 0)}: {why}")
        index = self._segments[segment]
        return ("segments", index, "cues", len(self.value["segments"][index].get("cues", ())))

    def _add(self, tab: Tab, path: Path, entry: dict[str, Any], name: str, number: int) -> None:
        if tab.field == "cues":
            self.value["segments"][path[1]].setdefault("cues", []).append(entry)
            return
        self.value.setdefault(tab.field, []).append(entry)
        if tab.field == "segments":
            own = str(entry.get("id", ""))
            if own in self._segments:
                raise SourceError(
                    f"{_at(name, number, 0)}: there is a segment {own[:40]} already; give this one another id"
                )
            self._segments[own] = int(path[1])

    def _place(self, path: Path, name: str, number: int, at: int) -> None:
        self.lines[path] = number + 1
        self.cells[path] = _at(name, number, at)

    def _strange(self, tab: Tab, head: str, name: str, number: int, at: int) -> None:
        known = [column.title for column in tab.columns]
        names = [n for column in tab.columns for n in (column.zh, column.field)]
        close = difflib.get_close_matches(head[:40], names, n=1, cutoff=0.5)
        column = tab.column(close[0]) if close else None
        hint = f"did you mean {column.title}?" if column is not None else f"known are {', '.join(known)}"
        raise SourceError(f"{_at(name, number, at)}: {head[:40]!r} is not a column here; {hint}")

    def _read_cell(self, column: Column, cell: Cell, row: dict[str, Cell], name: str, number: int, at: int) -> Any:
        try:
            return _value(column, cell, row)
        except ValueError as error:
            raise SourceError(f"{_at(name, number, at)}: {error}") from None


def _value(column: Column, cell: Cell, row: dict[str, Cell]) -> Any:
    text = _text(cell)
    match column.shape:
        case "yes":
            found = cell if isinstance(cell, bool) else _YES.get(text.casefold())
            if found is None:
                raise ValueError(f"{text[:40]!r} is neither 是 (true) nor 否 (false)")
            return found
        case "count":
            return _count(cell, text)
        case "money":
            return cell if isinstance(cell, int | float) and not isinstance(cell, bool) else text
        case "choice":
            meant = {zh_of(option, column.options): option for option in column.options}
            first, _, rest = text.partition(" ")
            if rest and rest in column.options:  # both names, as this module writes them
                return rest
            return meant.get(text) or (f"{meant[first]} {rest}" if first in meant else text)
        case "ids":
            return [part.strip() for part in _BETWEEN_IDS.split(text) if part.strip()]
        case "lines":
            between = _BETWEEN_LINES if "\n" in text else _BETWEEN_SHORT_LINES
            return [part.strip() for part in between.split(text) if part.strip()]
        case "words":
            is_task = "task" in row or _text(row.get("do", "")) == "task.assign"
            return [line for line in text.split("\n") if line.strip()] if is_task else text
        case "either" if not text.startswith(("[", "{")):
            return [line for line in text.split("\n") if line.strip()] if "\n" in text else text
        case "json" | "either":
            if not text.startswith(("[", "{")):
                raise ValueError("this cell holds a list or mapping, written as JSON, such as [{…}]")
            try:
                return json.loads(text)
            except ValueError:
                raise ValueError("this is not JSON; check quotes, commas and brackets") from None
    return text


def _count(cell: Cell, text: str) -> Any:
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    if isinstance(cell, str) and re.fullmatch(r"[0-9]{1,15}", text):
        return int(text)
    if isinstance(cell, str):
        raise ValueError(f"{text[:40]!r} is no whole number; write it in figures, without a unit")
    return cell


def _text(cell: Cell) -> str:
    """A cell as a person sees it; times and dates as a sheet writes them."""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime):
        return f"{cell:%Y-%m-%d %H:%M}" + (f":{cell:%S}" if cell.second else "")
    if isinstance(cell, date):
        return f"{cell:%Y-%m-%d}"
    if isinstance(cell, time):
        return f"{cell:%H:%M}" + (f":{cell:%S}" if cell.second else "")
    if isinstance(cell, timedelta):
        seconds = round(cell.total_seconds())
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}" + (f":{seconds % 60:02}" if seconds % 60 else "")
    return str(cell).strip()


def _address(row: int, column: int) -> str:
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row + 1}"


def _at(name: str, row: int, column: int) -> str:
    return f"{name}!{_address(row, column)}"
