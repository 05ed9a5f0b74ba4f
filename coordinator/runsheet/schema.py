"""The sheet's JSON Schema, for editors that complete and check while somebody writes."""

from __future__ import annotations

from typing import Any, cast

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from coordinator.core import cue_kinds
from coordinator.runsheet.model import Sheet
from coordinator.runsheet.xlsx.columns import FIELDS_ZH

_LENGTH = {"type": "string", "examples": ["90s", "10m", "1h30m", "2d"]}
_AS_WRITTEN: dict[str, JsonSchemaValue] = {
    "_length": _LENGTH,
    "_positive_length": _LENGTH,
    "_moment": {"type": "string", "examples": ["start", "+90s", "end +20s", "20:00", "D-1 08:00"]},
    "_start": {"type": "string", "examples": ["2026-11-11 20:00"]},
    "_zone": {"type": "string", "examples": ["Asia/Shanghai"]},
    "_money_text": {"type": ["string", "number"], "examples": ["129.00"]},
    "_said": {"type": ["string", "integer"], "minLength": 1, "maxLength": 200},
    "_address": {"type": "string", "format": "uri"},
    "_selector": {
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
        "examples": ["all", "tier:vip & !tag:kitchen"],
    },
    "_quiet": {"type": "string", "examples": ["22:00-08:00", "none"]},
    "_late": {"type": "string", "examples": ["skip after 30s", "fire within 5m", "ask after 30s"]},
}
"""What stands in a sheet, where the model holds something that was read from it."""


class _AsWritten(GenerateJsonSchema):
    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        name = getattr(schema["function"]["function"], "__name__", "")
        if name in _AS_WRITTEN:
            return dict(_AS_WRITTEN[name])
        inner = super().function_before_schema(schema)
        if name == "_one_or_more":
            return {"anyOf": [inner["items"], inner]}
        if name == "_confirm":
            return {"anyOf": [{"type": "string"}, inner]}
        return inner


def sheet_schema() -> dict[str, Any]:  # Any: a JSON object
    """JSON Schema (2020-12) of a sheet as people write it. What it takes can still be wrong: ids that do not exist, say."""
    schema = Sheet.model_json_schema(schema_generator=_AsWritten)
    for part in (schema, *schema.get("$defs", {}).values()):
        for name, field in part.get("properties", {}).items():
            field["title"] = FIELDS_ZH.get(name, name)
            if field.get("default", ...) is None:
                del field["default"]
    cue = cast("dict[str, Any]", schema["$defs"]["Cue"]["properties"])
    cue["do"] = {"title": FIELDS_ZH["do"], "enum": list(cue_kinds.known())}
    cue["again after"] = dict(cue["again_after"])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Dropcue run sheet 脚本"}
