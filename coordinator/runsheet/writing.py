"""From what a sheet says to a file: YAML, JSON or XLSX. Read again it says the same."""

from __future__ import annotations

import io
import json
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from coordinator.runsheet.source import from_yaml


def written(sheet: dict[str, Any], suffix: str) -> str | bytes:  # Any: a JSON object
    """A sheet in the format that a file's name asks for; YAML where it is neither `.xlsx` nor `.json`."""
    if suffix == ".xlsx":
        from coordinator.runsheet.xlsx import to_xlsx

        return to_xlsx(sheet)
    return json.dumps(sheet, ensure_ascii=False, indent=2) + "\n" if suffix == ".json" else _yaml(sheet)


def _yaml(sheet: dict[str, Any]) -> str:
    writer = YAML()
    writer.width = 4096  # a text stays on its line
    writer.allow_unicode = True
    stream = io.StringIO()
    writer.dump(_quoted(sheet), stream)
    return stream.getvalue()


def _quoted(value: Any) -> Any:
    """Text that YAML would read as something else stands in quotes."""
    if isinstance(value, dict):
        return {key: _quoted(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_quoted(each) for each in value]
    if isinstance(value, str):
        try:
            same = from_yaml(value).value == value
        except ValueError:
            same = False
        return value if same else DoubleQuotedScalarString(value)
    return value
