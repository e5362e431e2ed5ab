"""Build the OpenAPI document from the endpoints."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from ...version import VERSION
from .. import assumptions
from ..http.access import Access
from ..http.endpoint import Endpoint, Reads
from ..merchant.coins import CURRENCIES
from .answers import BARE, DATA
from .control_answers import CONTROL_DATA, PAGES
from .links import links, operation_id
from .requests import BODIES, QUERIES
from .schemas import ERROR, TEXT, Schema, choice, envelope, text

_ABOUT = (
    "A local stand-in of the InventPay API with made-up money. Paths under /v1 are those of the API; paths under "
    "/sandbox play the payer, the chain and planned faults. Answers are described in their documented shape, "
    "which is the default; POST /sandbox/variants chooses others."
)


def document(endpoints: Sequence[Endpoint]) -> dict[str, object]:
    """Return an OpenAPI 3.1 description of these endpoints."""
    paths: dict[str, dict[str, object]] = {}
    labels = [endpoint.label for endpoint in endpoints]
    for endpoint in endpoints:
        method, _, path = endpoint.label.partition(" ")
        paths.setdefault(path, {})[method.lower()] = _operation(endpoint, path, labels)
    return {
        "openapi": "3.1.0",
        "info": {"title": "InventPay sandbox", "version": VERSION, "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": {"Error": ERROR},
            "securitySchemes": {
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "withdrawalKey": {"type": "apiKey", "in": "header", "name": "X-Withdrawal-Key"},
            },
        },
    }


def _operation(endpoint: Endpoint, path: str, labels: Collection[str]) -> dict[str, object]:
    operation: dict[str, object] = {
        "operationId": operation_id(endpoint.label),
        "tags": ["API" if endpoint.is_api else "Sandbox"],
        "responses": _responses(endpoint, labels),
    }
    parameters = [*_path_parameters(path), *_query_parameters(endpoint.label), *_header_parameters(endpoint)]
    if parameters:
        operation["parameters"] = parameters
    if endpoint.access is Access.API_KEY:
        operation["security"] = [{"apiKey": []}]
    elif endpoint.access is Access.BOTH_KEYS:
        operation["security"] = [{"apiKey": [], "withdrawalKey": []}]
    schema = BODIES.get(endpoint.label)
    if schema is not None:
        required = endpoint.reads is not Reads.OPTIONAL_JSON or "required" in schema or "oneOf" in schema
        operation["requestBody"] = {"required": required, "content": {"application/json": {"schema": schema}}}
    return operation


def _path_parameters(path: str) -> list[Schema]:
    names: list[str] = re.findall(r"\{(\w+)\}", path)
    schemas = {"currency": choice(CURRENCIES)}
    return [{"name": name, "in": "path", "required": True, "schema": schemas.get(name, TEXT)} for name in names]


def _query_parameters(label: str) -> list[Schema]:
    return [{"name": name, "in": "query", "schema": schema} for name, schema in QUERIES.get(label, {}).items()]


def _header_parameters(endpoint: Endpoint) -> list[Schema]:
    if not endpoint.takes_idempotency_key:
        return []
    schema = text(assumptions.MAX_IDEMPOTENCY_KEY_LENGTH, 1)
    return [{"name": "Idempotency-Key", "in": "header", "schema": schema}]


def _responses(endpoint: Endpoint, labels: Collection[str]) -> dict[str, object]:
    statuses = ["404", "409"]
    if endpoint.access is not Access.PUBLIC:
        statuses.append("401")
    if endpoint.access is Access.BOTH_KEYS:
        statuses.append("403")
    if endpoint.reads is not Reads.NOTHING or endpoint.label in QUERIES or "{currency}" in endpoint.label:
        statuses += ["400", "413"]
    if endpoint.reads in (Reads.JSON, Reads.LONG_JSON):
        statuses.append("415")
    if endpoint.rate_class is not None:
        statuses.append("429")
    error = {
        "description": "Refused",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    success: dict[str, object] = {"description": "Done", "content": _content(endpoint.label)}
    leads = links(endpoint.label, labels)
    if leads:
        success["links"] = leads
    return {"200": success, **dict.fromkeys(sorted(statuses), error)}


def _content(label: str) -> dict[str, object]:
    """Return the content of a successful answer."""
    if label in PAGES:
        return {"text/plain": {"schema": TEXT}}
    data = {**DATA, **CONTROL_DATA}
    return {"application/json": {"schema": BARE[label] if label in BARE else envelope(data[label])}}
