"""The OpenAPI document, exact: what Powertools derives from the routes, and what it leaves out.

Powertools omits the types of query parameters and every error response, and rounds large bounds. Its document is completed
here; ``tests/integration/test_api_contract.py`` compares the result with the API.
"""

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.openapi.models import Server

from api.idempotency import HEADER, KEY_PATTERN
from api.listing import cursor_pattern
from api.problem import CONTENT_TYPE
from api.request_body import CSV_PATHS, JSON, RECORDS_CSV_PATHS
from scrapersky.runtime.input_model import MAX_ID
from scrapersky.runtime.payloads import NOT_BLANK
from scrapersky.runtime.registry import WORKFLOWS

VERSION = "1.0.0"
JsonSchema = dict[str, Any]

NO_NUL = r"^[^\u0000]*$"
"""Postgres cannot store NUL. (Nor lone surrogates, which a pattern cannot express and valid UTF-8 does not contain.)"""

TEXT: JsonSchema = {"type": "string"}
PROBLEM: JsonSchema = {
    "title": "Problem",
    "description": "A problem document (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"const": "about:blank"},
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": {**TEXT, "description": "what is wrong, the value, and what is valid"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": TEXT, "message": TEXT, "given": TEXT},
            },
        },
    },
}
GATEWAYS_ANSWER: JsonSchema = {"type": "object", "required": ["message"], "properties": {"message": TEXT}}
"""What API Gateway itself answers to a request that it does not authorise."""

DESCRIPTIONS = {
    HTTPStatus.FORBIDDEN: "The caller is not authorised for this route",
    HTTPStatus.NOT_FOUND: "There is no such record",
    HTTPStatus.CONFLICT: "The request is valid, but records, settings or an earlier request do not admit it",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body's media type is not supported",
    HTTPStatus.UNPROCESSABLE_ENTITY: "The request does not fit this document; each invalid field is listed",
    HTTPStatus.INTERNAL_SERVER_ERROR: "The request failed; the function's log has the reason",
    HTTPStatus.BAD_GATEWAY: "A service could not be invoked, or failed",
    HTTPStatus.SERVICE_UNAVAILABLE: "The database took too long, and nothing was changed; send the request again",
}
ALWAYS = (
    HTTPStatus.FORBIDDEN,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
CSV_BODY = {"required": True, "content": {"text/csv": {"schema": {**TEXT, "pattern": NOT_BLANK}}}}
IDEMPOTENCY_KEY = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "a repeated request with the same key is carried out once and answered alike",
    "schema": {**TEXT, "pattern": KEY_PATTERN},
}


def document_of(app: APIGatewayHttpResolver, bulk_max: int) -> str:
    """Return the document as JSON; ``bulk_max`` is the maximum number of records that a request may write."""
    text = app.get_openapi_json_schema(
        title="ScraperSky curation API",
        version=VERSION,
        description="List, add and curate records; /dev-tools passes operators' triggers on to the services.",
        # Relative to this document's own URL, so that it is right behind any host name, stage or base path.
        servers=[Server(url=".")],
    )
    document: dict[str, Any] = json.loads(text)
    schemas = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete(operation, method, path, schemas)
    for name in [one for one in schemas if one.endswith(("Query", "ValidationError"))]:
        del schemas[name]
    for schema in schemas.values():
        if schema.get("additionalProperties") is False:
            _exact(schema)
            _bound(schema, bulk_max)
    for name in [one for one in schemas if one.endswith("Filter")]:
        schemas[name] = {**_without_null(schemas[name]), "minProperties": 1}
    schemas["Problem"] = PROBLEM
    return json.dumps(document, ensure_ascii=False)


def _complete(operation: dict[str, Any], method: str, path: str, schemas: dict[str, Any]) -> None:
    """Add what Powertools leaves out of one operation."""
    statuses = set(ALWAYS)
    parameters: list[dict[str, Any]] = operation.setdefault("parameters", [])
    if method == "post":
        statuses |= {HTTPStatus.CONFLICT, HTTPStatus.UNSUPPORTED_MEDIA_TYPE}
    elif "{" in path:
        statuses.add(HTTPStatus.NOT_FOUND)
    else:
        operation["parameters"] = list(_query(operation, path, schemas))
        statuses.add(HTTPStatus.CONFLICT)
    if path in RECORDS_CSV_PATHS:
        parameters[:] = _query(operation, path, schemas)
    if path in CSV_PATHS:
        operation["requestBody"] = CSV_BODY
    if path.startswith("/dev-tools/"):
        statuses.add(HTTPStatus.BAD_GATEWAY)
        _name_workflows(operation, schemas)
    elif method == "post":
        parameters.append(IDEMPOTENCY_KEY)
    answers = {code: one for code, one in operation["responses"].items() if code.startswith("2")}
    operation["responses"] = answers | {str(int(status)): _answer(status) for status in sorted(statuses)}
    for parameter in operation["parameters"]:
        _exact(parameter["schema"])


def _answer(status: HTTPStatus) -> dict[str, Any]:
    content = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    if status == HTTPStatus.FORBIDDEN:
        content[JSON] = {"schema": GATEWAYS_ANSWER}
    return {"description": DESCRIPTIONS[status], "content": content}


def _query(operation: dict[str, Any], path: str, schemas: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the parameters of a listing of ``XView`` as the model ``XQuery`` defines them, or of a CSV file."""
    model = "CsvQuery"
    if path not in RECORDS_CSV_PATHS:
        listing = operation["responses"]["200"]["content"][JSON]["schema"]["$ref"].rpartition("/")[2]
        view = schemas[listing]["properties"]["items"]["items"]["$ref"].rpartition("/")[2]
        model = f"{view.removesuffix('View')}Query"
    for name, schema in _without_null(schemas[model])["properties"].items():
        if name == "cursor":
            schema["pattern"] = cursor_pattern(path.strip("/").replace("-", "_"))
        described = {"description": schema.pop("description")} if "description" in schema else {}
        yield {"name": name, "in": "query", "required": False, **described, "schema": schema}


def _name_workflows(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    body = operation["requestBody"]["content"][JSON]["schema"]["$ref"].rpartition("/")[2]
    workflow = schemas[body]["properties"]["workflow"]
    for schema in workflow.get("anyOf", [workflow]):
        if schema["type"] == "string":
            schema["enum"] = list(WORKFLOWS)


def _without_null(schema: JsonSchema) -> JsonSchema:
    """Return the schema of a model with optional fields that must be left out instead of being null."""
    properties = {}
    for name, given in schema["properties"].items():
        (only,) = [one for one in given.get("anyOf", [given]) if one.get("type") != "null"]
        about = {key: value for key, value in given.items() if key not in {"anyOf", "title"}}
        properties[name] = {**about, **only}
    return {**schema, "properties": properties}


def _bound(schema: JsonSchema, bulk_max: int) -> None:
    """State the maximum number of records that a request's model leaves to the settings."""
    for name, given in schema["properties"].items():
        for one in given.get("anyOf", [given]):
            if one.get("type") == "array":
                one.setdefault("maxItems", bulk_max)
            elif name == "limit" and one.get("type") == "integer":
                one.setdefault("maximum", bulk_max)


def _exact(schema: JsonSchema) -> None:
    """Repair bounds that were rounded to a float, and exclude NUL from free text."""
    items = [schema["items"]] if "items" in schema else []
    for inner in (*items, *schema.get("anyOf", ()), *schema.get("properties", {}).values()):
        _exact(inner)
    for name, keyword in (("ge", "minimum"), ("le", "maximum")):
        if name in schema:  # pydantic's name of a bound behind a validator
            schema[keyword] = schema.pop(name)
    if schema.get("maximum") == float(MAX_ID):
        schema["maximum"] = MAX_ID
    if schema.get("type") == "string" and not {"enum", "const", "pattern", "format"} & set(schema):
        schema["pattern"] = NO_NUL
