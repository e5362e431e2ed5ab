"""Helpers for JSON Schema, and the schemas that several bodies share."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from ..merchant.coins import AMOUNT_CURRENCIES, CURRENCIES

Schema = dict[str, object]

# The amounts that `money.positive` accepts: above zero, at most 30 digits before the point (and 30 after it, which JSON
# Schema cannot express; longer ones are answered with 400).
AMOUNT: Final[Schema] = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1e30}
# Control calls accept text as well. The pattern excludes more than six decimals, which not every coin has.
PLAYED_AMOUNT: Final[Schema] = {
    "anyOf": [AMOUNT, {"type": "string", "pattern": r"^([1-9][0-9]{0,29}(\.[0-9]{1,6})?|0\.[0-9]{0,5}[1-9])$"}]
}
NUMBER: Final[Schema] = {"type": "number", "minimum": 0}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
BOOL: Final[Schema] = {"type": "boolean"}
TEXT: Final[Schema] = {"type": "string"}
TIME: Final[Schema] = {"type": "string", "format": "date-time"}
MONEY_TEXT: Final[Schema] = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}
ANY_OBJECT: Final[Schema] = {"type": "object"}
COIN: Final[Schema] = {"type": "string", "enum": list(CURRENCIES)}
AMOUNT_CURRENCY: Final[Schema] = {"type": "string", "enum": list(AMOUNT_CURRENCIES)}
ID: Final[Schema] = {"type": "string", "minLength": 1}


def text(longest: int, shortest: int = 0) -> Schema:
    """Return the schema of text with a length between the bounds."""
    return {"type": "string", "maxLength": longest, **({"minLength": shortest} if shortest else {})}


def choice(names: Collection[str]) -> Schema:
    """Return the schema of one of these texts."""
    return {"type": "string", "enum": [str(name) for name in names]}


def whole(lowest: int, highest: int) -> Schema:
    """Return the schema of a whole number between the bounds."""
    return {"type": "integer", "minimum": lowest, "maximum": highest}


def nullable(schema: Schema) -> Schema:
    """Return a schema that also allows null."""
    if schema.get("type") == "null":
        return schema
    if "type" not in schema or "enum" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    return {**schema, "type": [schema["type"], "null"]}


def array(items: Schema, most: int | None = None, least: int = 0) -> Schema:
    """Return the schema of a list."""
    bounds = {"minItems": least} if least else {}
    return {"type": "array", "items": items, **bounds, **({} if most is None else {"maxItems": most})}


def members(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    """Return the schema of an object in an answer: these members, and no others."""
    properties = {**required, **(optional or {})}
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def table(values: Schema) -> Schema:
    """Return the schema of an object in an answer with any names and these values."""
    return {"type": "object", "additionalProperties": values}


def request(
    required: dict[str, Schema],
    optional: dict[str, Schema] | None = None,
    never_null: dict[str, Schema] | None = None,
) -> Schema:
    """Return the schema of a request. Null counts as absent, except in ``never_null``; unknown members are ignored."""
    nullables = {name: nullable(schema) for name, schema in (optional or {}).items()}
    properties = {**required, **(never_null or {}), **nullables}
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}


def pagination(*, classic: bool = True) -> Schema:
    """Return the pagination of the store's lists, or that of webhook deliveries."""
    if classic:
        return members({"page": COUNT, "limit": COUNT, "total": COUNT, "pages": COUNT})
    counts = dict.fromkeys(("page", "limit", "totalCount", "totalPages"), COUNT)
    return members({**counts, "hasNext": BOOL, "hasPrev": BOOL})


def envelope(data: Schema) -> Schema:
    """Return the envelope of a successful answer (page api-reference/introduction)."""
    return members({"success": {"const": True}, "data": data, "message": TEXT, "statusCode": {"const": 200}})


ERROR: Final[Schema] = members(
    {"success": {"const": False}, "error": TEXT, "statusCode": whole(400, 599)},
    {"details": {"type": "object", "additionalProperties": TEXT}},
)
