"""Describe models to pydantic, and so to FastAPI: how they are validated, written, and shown in OpenAPI documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeAlias, cast

from attrs import fields
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from .fields import is_member
from .model_text import decimal_text, parse_model, write_model
from .structuring import kinds_of

_MEMBERS: Final = "inventpay_members"
"""Place in a schema's metadata of the schema that describes the members."""

JsonSchema: TypeAlias = dict[str, Any]


def core_schema_of(model: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    """Return the schema of a model: instances and mappings of either naming go in, names of ``to_dict`` come out."""

    def validate(value: object) -> Any:
        if isinstance(value, model):
            return value
        if not isinstance(value, Mapping):
            raise ValueError(f"must be a {model.__name__} or an object")
        return model._from_document(parse_model(write_model(model._wire_names(value))))

    def serialize(value: Any, info: core_schema.SerializationInfo) -> Any:
        members = value.to_dict()
        return _as_json(members) if info.mode == "json" else members

    return core_schema.no_info_plain_validator_function(
        validate,
        serialization=core_schema.plain_serializer_function_ser_schema(serialize, info_arg=True),
        metadata={_MEMBERS: _members(model, handler)},
    )


def json_schema_of(schema: Mapping[str, Any], handler: GetJsonSchemaHandler) -> JsonSchema:
    """Return the JSON schema of a model, as a component that is named after its class."""
    return handler(schema["metadata"][_MEMBERS])


def _members(model: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    kinds = kinds_of(model)
    return core_schema.typed_dict_schema(
        {
            attribute.name: core_schema.typed_dict_field(handler.generate_schema(kinds[attribute.name]))
            for attribute in fields(model)
            if is_member(attribute)
        },
        cls_name=model.__name__,
        ref=f"{model.__module__}.{model.__qualname__}:{id(model)}",
    )


def _as_json(value: Any) -> Any:
    """Return a value with amounts as text in plain notation, which no reader rounds."""
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, Mapping):
        members = cast("Mapping[str, Any]", value)
        return {name: _as_json(item) for name, item in members.items()}
    if isinstance(value, list):
        return [_as_json(item) for item in cast("Sequence[Any]", value)]
    return value
