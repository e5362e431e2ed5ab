"""Describe models to pydantic, and so to FastAPI: how they are validated, written, and shown in OpenAPI documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, cast, get_args, get_origin

from attrs import NOTHING, fields, has
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from ..errors import DecodeError
from .fields import is_member
from .model_text import decimal_text, parse_model, write_model
from .structuring import enum_of, kinds_of, without_none


def core_schema_of(model: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    """Return the schema of a model: instances and mappings of either naming go in, names of ``to_dict`` come out."""

    def validate(value: object) -> Any:
        if isinstance(value, model):
            return value
        if not isinstance(value, Mapping):
            raise ValueError(f"must be a {model.__name__} or an object")
        try:
            return model._from_document(parse_model(write_model(model._wire_names(value))))
        except DecodeError as error:
            raise ValueError(error.message) from None

    def serialize(value: Any, info: core_schema.SerializationInfo) -> Any:
        members = value.to_dict()
        return _as_json(members) if info.mode == "json" else members

    written = _members(model, handler)
    optional = {attribute.name for attribute in fields(model) if attribute.default is not NOTHING}
    read = core_schema.typed_dict_schema(
        {name: {**member, "required": name not in optional} for name, member in written["fields"].items()},
        cls_name=model.__name__,
    )

    def describe(schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        del schema
        # Every member is written; those that have a default may be left out of what is read.
        return handler(written if handler.mode == "serialization" else read)

    return core_schema.no_info_plain_validator_function(
        validate,
        serialization=core_schema.plain_serializer_function_ser_schema(serialize, info_arg=True),
        metadata={"pydantic_js_functions": [describe]},
        # Components of an OpenAPI document are named after it.
        ref=f"{model.__module__}.{model.__qualname__}:{id(model)}",
    )


def _members(model: Any, handler: GetCoreSchemaHandler) -> core_schema.TypedDictSchema:
    kinds = kinds_of(model)
    return core_schema.typed_dict_schema(
        {
            attribute.name: core_schema.typed_dict_field(_schema_of(kinds[attribute.name], handler))
            for attribute in fields(model)
            if is_member(attribute)
        },
        cls_name=model.__name__,
    )


def _schema_of(kind: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    wanted, nullable = without_none(kind)
    if nullable:
        return core_schema.nullable_schema(_schema_of(wanted, handler))
    if has(wanted):
        # Not through the handler, which would keep a reference to a definition that no field has.
        return core_schema_of(wanted, handler)
    if enum_of(wanted) is not None:
        return core_schema.str_schema()
    if get_origin(wanted) is tuple:
        return core_schema.list_schema(_schema_of(get_args(wanted)[0], handler))
    if get_origin(wanted) is Mapping:
        return core_schema.dict_schema(core_schema.str_schema(), _schema_of(get_args(wanted)[1], handler))
    return handler.generate_schema(wanted)


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
